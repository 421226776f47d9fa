"""Whether the resonator's motion saturates the spins: condition (3.6) of the thesis.

The moving magnet shakes the field at the spins. Where its frequency reaches into the Larmor line, it drives
transitions and heats the spins away from the bath's temperature. Equilibrium moments, and with them κ, need

    π γ_s² |B'|² q² T1 g(ω) ≪ 1,

with g the spins' absorption line. The thesis calls g "normalized" and of value 1 at its peak; both cannot be,
and only a line of unit *area*, in seconds, makes the condition a number: that g is used here (peak T2/π for a
Lorentzian). The formula takes the whole of a linear oscillation as resonant, which overstates the drive by up
to a factor 4, on the safe side.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import finite, non_negative, vectors
from labspin.physics.mrfm.caution import SaturationWarning, warn
from labspin.physics.mrfm.magnet import Magnet, field_derivatives
from labspin.physics.mrfm.single_spin import relaxation_times
from labspin.physics.mrfm.species import SpinSpecies

__all__ = ["absorption_line", "saturation"]

FloatArray = NDArray[np.float64]
Line = Literal["lorentzian", "gaussian"]

# Where "much less than one" ends, for the warning.
_THRESHOLD = 0.1


def absorption_line(*, detuning: ArrayLike, t2: ArrayLike, line: Line = "lorentzian") -> FloatArray:
    """Return a line g of unit area in s, at a detuning ω − ω_s in rad/s.

    Parameters
    ----------
    detuning
        In rad/s.
    t2
        Dephasing time in s, ≥ 0: the Lorentzian has the half width 1/T2, the Gaussian the standard deviation
        1/T2. T2 = 0 is a line infinitely wide, g = 0.
    line
        ``"lorentzian"`` or ``"gaussian"``.

    Raises
    ------
    ArgumentError
        Negative T2 or another line.
    """
    time = non_negative("t2", t2, unit="s")
    phase = finite("detuning", detuning, unit="rad/s") * time
    if line == "lorentzian":
        return np.asarray(time / (np.pi * (1 + np.square(phase))))
    if line == "gaussian":
        return np.asarray(time / np.sqrt(2 * np.pi) * np.exp(-0.5 * np.square(phase)))
    raise ArgumentError(f"line: wanted 'lorentzian' or 'gaussian', got {line!r}")


def saturation(
    *,
    magnet: Magnet,
    position: ArrayLike,
    species: SpinSpecies,
    amplitude: ArrayLike,
    angular_frequency: ArrayLike,
    t1: ArrayLike,
    t2: ArrayLike,
    line: Line = "lorentzian",
) -> FloatArray:
    """Return the left side of condition (3.6), and warn where it is not ≪ 1.

    Parameters
    ----------
    magnet, species
        Source of the field, and the spins.
    position
        Spins relative to the magnet's centre in m, shape (..., 3).
    amplitude
        q of the resonator in m, ≥ 0.
    angular_frequency
        ω of the resonator in rad/s.
    t1, t2
        Relaxation times in s, T2 ≤ 2 T1, T1 finite.
    line
        Shape of the absorption line, see `absorption_line`.

    Raises
    ------
    ArgumentError
        A spin inside the magnet, negative times or amplitude, T2 > 2 T1.

    Warns
    -----
    SaturationWarning
        The largest value exceeds 0.1.
    """
    points = vectors("position", position, unit="m")
    q = non_negative("amplitude", amplitude, unit="m")
    time1, time2 = relaxation_times(finite("t1", t1, unit="s"), t2)
    field, first, _ = field_derivatives(magnet=magnet, position=points)
    gradient = np.square(first).sum(axis=-1)
    detuning = finite("angular_frequency", angular_frequency) - species.larmor_frequency(
        np.linalg.norm(field, axis=-1)
    )
    g = absorption_line(detuning=detuning, t2=time2, line=line)
    value = np.asarray(np.pi * species.gyromagnetic_ratio**2 * gradient * np.square(q) * time1 * g)
    largest = float(value.max(initial=0.0))
    if largest > _THRESHOLD:
        warn(
            SaturationWarning,
            f"condition (3.6): wanted well below 1, got {largest:.2g}; the spins saturate and κ "
            "is overestimated, so reduce the amplitude",
        )
    return value
