"""The force of the spin waves on a spin: minus the gradient of its levels, averaged over its state."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray, broadcast, non_negative
from labspin.physics.constants import hbar
from labspin.physics.spinwaves.bath import SpinWaveBath

__all__ = ["level_forces", "spin_wave_force"]


def level_forces(bath: SpinWaveBath) -> FloatArray:
    """Return the force away from the film on each level (0, +, −), in N, shape (..., 3).

    Parameters
    ----------
    bath
        Spin waves at the place of the centre, from `spin_wave_bath`.
    """
    zero = bath.shift_zero_gradient
    slopes = (zero, zero + bath.shift_plus_gradient, zero + bath.shift_minus_gradient)
    return -hbar * np.stack(slopes, axis=-1)


def spin_wave_force(
    *, bath: SpinWaveBath, occupations: ArrayLike, limit: str = "general", side: int = 1
) -> FloatArray:
    """Return the force on one spin along x, the normal of the film, in N.

    Parameters
    ----------
    bath
        From `spin_wave_bath`.
    occupations
        (ρ_00, ρ_++, ρ_−−, …), shape (..., 3 or more) as `steady_occupations` and `pumped_occupations` return
        them; leading axes broadcast with the bath.
    limit
        "general": F = −ηħ Σ ρ_i dE_i/dl over the shifts E_i of the three levels; with |0> <-> |−> alone this
        is (258) with (259). "high temperature" (k_BT ≫ ħω_M) and "low temperature": the two cases of (260),
        which know |0> <-> |−> only.
    side
        η: +1 above the film, −1 below. A positive ηF pushes the spin away from the film.

    Returns
    -------
    FloatArray
        Force in N.

    Raises
    ------
    ArgumentError
        The limit or the side is unknown, or the occupations have fewer than three levels.

    Notes
    -----
    For a thermal state at room temperature ρ_−− − ρ_00 is of order ħω_−/k_BT, and so is what (257) neglects,
    δ_+ − δ_−/2. The high-temperature case of (260) is then not the limit of the general force, not even in
    sign: at 5 mT it changes sign at l ≈ 0.3 d, as in Fig. 14(a), while the general force attracts at every
    distance. Under optical pumping the two agree.

    Excited levels, where pumping puts a small part of the occupation, are taken to feel no spin waves.
    """
    levels = non_negative("occupations", occupations)
    if levels.ndim == 0 or levels.shape[-1] < 3:
        raise ArgumentError(f"occupations: wanted shape (..., 3 or more), got {levels.shape}")
    if side not in (-1, 1):
        raise ArgumentError(f"side: wanted +1 (above the film) or -1 (below it), got {side!r}")
    zero, minus = levels[..., 0], levels[..., 2]
    broadcast(occupations=zero, bath=bath.shift_minus)
    slope = bath.shift_minus_gradient
    if limit == "general":
        return np.asarray(side * (level_forces(bath) * levels[..., :3]).sum(axis=-1))
    if limit == "high temperature":
        return np.asarray(-side * hbar / 2 * slope * (minus - zero))
    if limit == "low temperature":
        return np.asarray(-side * hbar * slope * minus)
    raise ArgumentError(f"limit: wanted 'general', 'high temperature' or 'low temperature', got {limit!r}")
