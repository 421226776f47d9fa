"""Field and its angle to the axis of one centre, from its two lines."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from labspin.physics.arguments import FloatArray, positive

__all__ = ["FieldOfPair", "field_of_pair"]


class FieldOfPair(NamedTuple):
    """What two lines of one centre say of the field."""

    strength: FloatArray  # γ|B|, in the unit of the lines
    angle: FloatArray  # between field and axis, rad, 0 to π/2


def field_of_pair(*, lower: ArrayLike, upper: ArrayLike, splitting: ArrayLike) -> FieldOfPair:
    """Return strength and angle of the field at a spin 1 from its lower and upper line.

    Parameters
    ----------
    lower, upper
        Frequencies of the lines, 0 < lower ≤ upper, in any unit; they broadcast.
    splitting
        D at zero field, in the same unit.

    Returns
    -------
    FieldOfPair
        γ|B| in the unit of the lines, and the angle in rad. Lines that no field explains are put at the
        nearest that one does: an angle of 0, or a strength of 0.

    Raises
    ------
    ArgumentError
        A frequency is not positive.

    Notes
    -----
    With β = γB and θ the angle, the levels of D S_z² + β(cosθ S_z + sinθ S_x) obey a cubic whose coefficients
    give 3β² = f₁² + f₂² − f₁f₂ − D² and D cos 2θ from its last one (G. Balasubramanian *et al.*, Nature 455,
    648 (2008), supplement). Strain and shifts of the lines are neglected.
    """
    one, two = positive("lower", lower), positive("upper", upper)
    d = positive("splitting", splitting)
    square = one**2 + two**2 - one * two
    strength = np.sqrt(np.maximum(square - d**2, 0.0) / 3)
    last = 7 * d**3 + 2 * (one + two) * (2 * (one**2 + two**2) - 5 * one * two) - 3 * d * square
    with np.errstate(divide="ignore", invalid="ignore"):
        double = last / (9 * (square - d**2)) / d
    angle = 0.5 * np.arccos(np.clip(np.where(strength > 0, double, 1.0), -1.0, 1.0))
    return FieldOfPair(np.asarray(strength), np.asarray(angle))
