"""The curves of the thesis' figures 3.2 and 3.3, computed from their presets."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.physics.arguments import finite, positive
from labspin.physics.mrfm.magnet import field_projections
from labspin.physics.mrfm.presets import (
    THESIS_FIG_3_2,
    THESIS_FIG_3_3,
    SingleSpinPreset,
    SurfaceBathPreset,
)
from labspin.physics.mrfm.resonator import ResonatorShift, first_order_shift
from labspin.physics.mrfm.single_spin import spin_stiffness
from labspin.physics.mrfm.spectrum import reduce_geometry, spectrum_stiffness

__all__ = ["SpinLine", "bath_shifts", "spin_line"]

FloatArray = NDArray[np.float64]


class SpinLine(NamedTuple):
    """Fig. 3.2: κ1, κ2 (T1 = 0), κ3 (T2 = 0) and their sum in N/m along a line, each of the line's shape."""

    kappa1: FloatArray
    kappa2: FloatArray
    kappa3: FloatArray
    total: FloatArray


def spin_line(*, position: ArrayLike, preset: SingleSpinPreset = THESIS_FIG_3_2) -> SpinLine:
    """Return the terms of one spin's stiffness along a line parallel to the motion (thesis Fig. 3.2).

    Parameters
    ----------
    position
        Along the line in m, 0 being straight below the magnet; any shape.
    preset
        Magnet, distance, temperature and times; its motion must be along x.

    Raises
    ------
    ArgumentError
        A position is not finite.
    """
    x = finite("position", position, unit="m")
    points = np.stack([x, np.zeros_like(x), np.full_like(x, -preset.distance)], axis=-1)
    kappa = spin_stiffness(
        projections=field_projections(magnet=preset.magnet, position=points),
        species=preset.species,
        temperature=preset.temperature,
        angular_frequency=0.0,
        t1=preset.t1,
        t2=preset.t2,
    )
    return SpinLine(kappa.kappa1.real, kappa.kappa2.real, kappa.kappa3.real, kappa.total.real)


def bath_shifts(
    *, temperature: ArrayLike, phase: ArrayLike, preset: SurfaceBathPreset = THESIS_FIG_3_3
) -> ResonatorShift:
    """Return shifts of frequency and 1/Q by a surface of spins (thesis Fig. 3.3 b, c).

    Parameters
    ----------
    temperature
        In K.
    phase
        ω0 T1, ≥ 0, broadcasting with ``temperature``; the figure has 0.1, 1, 10 and inf.
    preset
        Magnet, cantilever, surface, density.

    Raises
    ------
    ArgumentError
        A temperature is not positive, or ``phase`` is negative (named t1).
    """
    resonator = preset.resonator
    stiffness = spectrum_stiffness(
        spectrum=reduce_geometry(magnet=preset.magnet, sample=preset.surface),
        density=preset.density,
        species=preset.species,
        temperature=positive("temperature", temperature, unit="K"),
        angular_frequency=resonator.angular_frequency,
        t1=np.asarray(phase, dtype=float) / resonator.angular_frequency,
    )
    return first_order_shift(resonator=resonator, stiffness=stiffness)
