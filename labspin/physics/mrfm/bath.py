"""Baths of spins: a species, a density, a geometry and a relaxation law, alone or several together.

Electrons of a native oxide, nuclei of the substrate and of a tip do not see each other here; each bath adds
its own κ. In time, a bath of one T1 is a spring in series with a dashpot: it resists a fast motion with
``strength`` and lets go of a slow one within T1,

    κ(ω) = static + strength · iωT1/(1 + iωT1),

which is Eq. (3.10) of the thesis. `RelaxingSpring` holds these three numbers; the dynamics of the resonator
needs no more of a bath.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import abridged, finite, non_negative, positive
from labspin.physics.mrfm.relaxation import T1Model
from labspin.physics.mrfm.single_spin import debye, relaxation_times
from labspin.physics.mrfm.species import SpinSpecies
from labspin.physics.mrfm.spectrum import ReducedSpectrum, relaxing_stiffness, spectrum_stiffness

__all__ = ["RelaxingSpring", "SpinBath", "total_stiffness"]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class RelaxingSpring:
    """A spring that relaxes: κ(ω) = static + strength · iωT1/(1 + iωT1).

    Parameters
    ----------
    strength
        In N/m, ≥ 0 (a spin bath in equilibrium only takes energy), any shape.
    t1
        Relaxation time in s, from 0 to inf, broadcasting with ``strength``.
    static
        Stiffness at ω = 0 in N/m, of either sign.

    Raises
    ------
    ArgumentError
        Negative strength or T1, or a number that is not finite.
    """

    strength: FloatArray | float
    t1: FloatArray | float
    static: FloatArray | float = 0.0

    __repr__ = abridged

    def __post_init__(self) -> None:
        non_negative("strength of the spring", self.strength, unit="N/m")
        relaxation_times(self.t1, 0.0)
        finite("static stiffness of the spring", self.static, unit="N/m")

    def stiffness(self, angular_frequency: ArrayLike) -> ComplexArray:
        """Return κ(ω) in N/m, complex.

        Parameters
        ----------
        angular_frequency
            ω in rad/s, real; broadcasts with the fields of the spring.
        """
        omega = finite("angular_frequency", angular_frequency, unit="rad/s")
        response: ComplexArray = self.static + self.strength * (1 - debye(omega, np.asarray(self.t1, float)))
        return response


@dataclass(frozen=True, eq=False)
class SpinBath:
    """Spins of one species in one geometry.

    Parameters
    ----------
    species
        The spins.
    density
        In 1/m² for a surface, 1/m³ for a layer.
    spectrum
        Their geometry, from `reduce_geometry`.
    t1
        How T1 depends on temperature.

    Raises
    ------
    ArgumentError
        The density is negative, or ``t1`` cannot be called.
    """

    species: SpinSpecies
    density: float
    spectrum: ReducedSpectrum
    t1: T1Model

    def __post_init__(self) -> None:
        non_negative(f"density of the {self.species.name} bath", self.density)
        if not callable(self.t1):
            raise ArgumentError(
                f"t1 of the {self.species.name} bath: wanted a T1 model such as ConstantT1(1e-3), "
                f"got {self.t1!r}"
            )

    def stiffness(self, *, temperature: ArrayLike, angular_frequency: ArrayLike) -> ComplexArray:
        """Return κ in N/m, complex.

        Parameters
        ----------
        temperature
            T > 0 in K, any shape.
        angular_frequency
            ω in rad/s, real; broadcasts with ``temperature``.
        """
        return spectrum_stiffness(
            spectrum=self.spectrum,
            density=self.density,
            species=self.species,
            temperature=temperature,
            angular_frequency=angular_frequency,
            t1=self.t1(temperature),
        )

    def spring(self, *, temperature: ArrayLike) -> RelaxingSpring:
        """Return the bath as a relaxing spring.

        Parameters
        ----------
        temperature
            T > 0 in K; its shape is that of the spring's numbers.
        """
        kelvin = positive("temperature", temperature, unit="K")
        strength, static = relaxing_stiffness(
            spectrum=self.spectrum, species=self.species, temperature=kelvin
        )
        return RelaxingSpring(self.density * strength, self.t1(kelvin), self.density * static)


def total_stiffness(
    *, baths: Sequence[SpinBath], temperature: ArrayLike, angular_frequency: ArrayLike
) -> ComplexArray:
    """Return κ in N/m, complex, of several baths together.

    Parameters
    ----------
    baths
        The baths, which are added; none gives zero.
    temperature
        T > 0 in K, the same for all baths.
    angular_frequency
        ω in rad/s, real; broadcasts with ``temperature``.
    """
    shape = np.broadcast_shapes(np.shape(temperature), np.shape(angular_frequency))
    total = np.zeros(shape, dtype=complex)
    for bath in baths:
        total = total + bath.stiffness(temperature=temperature, angular_frequency=angular_frequency)
    return total
