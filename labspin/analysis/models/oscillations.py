"""Rabi oscillations that die away.

======================= ==========================================================================
argument                meaning
======================= ==========================================================================
amplitude               half the contrast at x = 0
phase                   phase at x = 0, rad
offset                  mean signal
frequency, decay_time   Rabi frequency and decay time
exponent                1: exponential, 2: Gaussian decay of the oscillation
======================= ==========================================================================

A pulse has not begun for x ≤ 0: the signal is that at x = 0.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from labspin.analysis.model import FitModel, FloatArray, Parameter, Value, columns, fill_derivatives

__all__ = ["RABI_OSCILLATION", "rabi_oscillation"]

_FEW = 300
"""Points up to which every frequency that they can show is tried."""
_LOWEST, _PEAKS = 15, 6
"""Of more points, frequencies that no spectrum tells from the offset, and peaks of it that are tried."""
_LONGEST = 1 << 22
"""Places of the even axis on which a spectrum is taken."""


def rabi_oscillation(
    x: ArrayLike,
    amplitude: Value,
    frequency: Value,
    decay_time: Value,
    phase: Value,
    offset: Value,
    exponent: Value,
) -> FloatArray:
    """Return offset + amplitude·cos(2π frequency x + phase)·exp(−(x/decay_time)^exponent).

    Parameters
    ----------
    x
        Length of the pulse.
    amplitude, offset
        Half the contrast at x = 0, and mean signal, in the unit of y.
    frequency
        Rabi frequency, cycles per unit of x.
    decay_time
        In the unit of x.
    phase
        At x = 0, rad.
    exponent
        Exponent of the decay; 1: exponential, 2: Gaussian.

    Returns
    -------
    y
        Shape to which all arguments broadcast.
    """
    x = np.maximum(np.asarray(x, np.float64), 0)
    envelope = np.exp(-((x / decay_time) ** exponent))
    return offset + amplitude * np.cos(2 * np.pi * frequency * x + phase) * envelope


def _rabi_derivatives(x: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    amplitude, frequency, decay_time, phase, offset, exponent = columns(values)
    x = np.maximum(x, 0)
    logarithm = np.log(np.maximum(x, 1e-300)) - np.log(decay_time)
    power = np.exp(np.minimum(exponent * logarithm, 600.0))
    envelope = np.exp(-power)
    angle = 2 * np.pi * frequency * x + phase
    swing, across = np.cos(angle) * envelope, -amplitude * np.sin(angle) * envelope
    falling = amplitude * swing * power
    by_time, by_exponent = falling * exponent / decay_time, -falling * logarithm
    y = offset + amplitude * swing
    return y, fill_derivatives(y, [swing, 2 * np.pi * x * across, by_time, across, 1.0, by_exponent])


def _guess_rabi(x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, Value]:
    """Grid over frequency and decay time; cosine, sine and offset in closed form."""
    x = np.maximum(x, 0)
    scale = np.ones_like(x) if weights is None else weights
    span = float(np.ptp(x)) or 1.0
    gaps = np.diff(np.unique(x))
    highest = 0.5 / float(np.median(gaps)) if gaps.size else 1 / span
    frequencies = np.arange(0.25 / span, highest + 0.25 / span, 0.2 / span)
    best: tuple[float, dict[str, float]] = (np.inf, {})
    for decay_time in (0.2 * span, 0.6 * span, 2 * span, 20 * span):
        envelope = np.exp(-np.maximum(x, 0) / decay_time)
        tried = frequencies
        if x.size > _FEW:
            tried = _seen(x, y * np.square(scale), np.square(scale), envelope, frequencies)
        for frequency in tried:
            angle = 2 * np.pi * frequency * x
            matrix = np.stack([np.cos(angle) * envelope, -np.sin(angle) * envelope, np.ones_like(x)], 1)
            weighted = matrix * scale[:, None]
            solution = np.linalg.lstsq(weighted, y * scale, rcond=None)[0]
            cost = float(np.sum((weighted @ solution - y * scale) ** 2))
            if cost < best[0]:
                best = (
                    cost,
                    {
                        "amplitude": float(np.hypot(solution[0], solution[1])),
                        "frequency": float(frequency),
                        "decay_time": decay_time,
                        "phase": float(np.arctan2(solution[1], solution[0])),
                        "offset": float(solution[2]),
                        "exponent": 1.0,
                    },
                )
    return best[1]


def _seen(
    x: FloatArray, y: FloatArray, squares: FloatArray, envelope: FloatArray, frequencies: FloatArray
) -> FloatArray:
    """Return the frequencies that may be in a long trace: the lowest, and the peaks of its spectrum.

    All of them in turn would take a time that goes as the square of the points. ``y`` (n,) is weighted by
    ``squares``. The points are put on an even axis, which is fine enough to tell where peaks are.
    """
    step = frequencies[1] - frequencies[0] if frequencies.size > 1 else 1.0
    size = min(1 << int(np.ceil(np.log2(2 * frequencies.size + 2))), _LONGEST)
    level = y.sum() / squares.sum()
    places = np.floor((x - x.min()) * (step * size) + 0.5).astype(np.intp) % size
    even = np.bincount(places, (y - level * squares) * envelope, size)
    power = np.abs(np.fft.rfft(even))
    lobes = np.flatnonzero((power[1:-1] >= power[:-2]) & (power[1:-1] >= power[2:])) + 1
    peaks = lobes[np.argsort(power[lobes])[-_PEAKS:]] * step
    near = (peaks[:, None] + step * np.linspace(-0.5, 0.5, 5)).ravel()
    inside = near[(near >= frequencies[0]) & (near <= frequencies[-1])]
    return np.union1d(frequencies[:_LOWEST], inside)


RABI_OSCILLATION = FitModel(
    name="rabi_oscillation",
    equation="y = offset + amplitude cos(2π frequency x + phase) exp(−(x/decay_time)^exponent)",
    source="driven two-level system with dephasing",
    parameters=(
        Parameter("amplitude", "y", "half the contrast at x = 0", minimum=0),
        Parameter("frequency", "cycles/x", "Rabi frequency", minimum=0),
        Parameter("decay_time", "x", "decay time of the oscillation", minimum=0),
        Parameter("phase", "rad", "phase at x = 0"),
        Parameter("offset", "y", "mean signal"),
        Parameter("exponent", "1", "1: exponential, 2: Gaussian decay", minimum=0, value=1.0),
    ),
    function=rabi_oscillation,
    guesser=_guess_rabi,
    derivatives=_rabi_derivatives,
)
