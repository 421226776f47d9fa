"""Keyword arguments that several functions of this package share: the same wave, the same centre.

A caller writes them down once and hands them on as ``**wave``; a type checker still knows each of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from labspin.physics.spinwaves.bath import SpinWaveBath
    from labspin.physics.spinwaves.film import Film
    from labspin.physics.spinwaves.nv import ParamagneticSpin

__all__ = ["CentreInBath", "CentreState", "Mode", "Wave"]


class Wave(TypedDict):
    """A spin wave of the film.

    Attributes
    ----------
    film
        The film.
    field
        μ0H0 in T, any shape.
    wavenumber
        k ≥ 0 in rad/m; broadcasts with the field.
    """

    film: Film
    field: ArrayLike
    wavenumber: ArrayLike


class Mode(Wave):
    """A spin wave of given direction and band.

    Attributes
    ----------
    angle
        φ in rad (0 is DE); broadcasts with field and wavenumber.
    band
        n ≥ 0; broadcasts with them.
    """

    angle: ArrayLike
    band: ArrayLike


class CentreState(TypedDict):
    """A centre in its surroundings.

    Attributes
    ----------
    spin
        The centre.
    field
        μ0H0 in T, any shape.
    temperature
        T > 0 in K; broadcasts with the field.
    """

    spin: ParamagneticSpin
    field: ArrayLike
    temperature: ArrayLike


class CentreInBath(CentreState):
    """A centre in its surroundings, near a film.

    Attributes
    ----------
    bath
        What the waves of the film do to it.
    """

    bath: SpinWaveBath
