"""A ring-down as an analyser shows it, in decibels: a straight line that ends in the noise floor.

================ ======================================================================
argument         meaning
================ ======================================================================
level            at the start, dB
ring_down_time   in which the *amplitude* falls by e, 2Q/ω0: 8.686 dB
floor            level of the noise, dB
start            first point of the decay, read from the data
================ ======================================================================

Powers add: of the decaying motion, and of noise and cross-talk that do not depend on it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.analysis.model import FitModel, FloatArray, Numbers, Parameter, Value, columns, fill_derivatives
from labspin.analysis.models.switch_off import ring_down_window

__all__ = ["RING_DOWN_DECIBEL", "ring_down_decibel"]

_NEPERS = math.log(10) / 10
"""Nepers of power in a decibel."""


def ring_down_decibel(
    x: ArrayLike, level: Value, ring_down_time: Value, floor: Value, start: Value = 0.0
) -> FloatArray:
    """Return 10 log10(10^(level/10) exp(−2 (x − start)/ring_down_time) + 10^(floor/10)).

    Parameters
    ----------
    x
        Time.
    level, floor
        Level and floor of the motion at the start, and of the noise, dB (of any reference, that of y).
    ring_down_time
        In which the amplitude falls by e, in the unit of x.
    start
        First point of the decay, in the unit of x.

    Returns
    -------
    y
        In dB, of the shape to which all arguments broadcast.
    """
    falling = level * _NEPERS - 2 * (np.asarray(x, np.float64) - start) / ring_down_time
    return np.logaddexp(falling, floor * _NEPERS) / _NEPERS


def _derivatives(x: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    level, time, floor, start = columns(values)
    passed = x - start
    falling, noise = level * _NEPERS - 2 * passed / time, floor * _NEPERS
    whole = np.logaddexp(falling, noise)
    motion = np.exp(falling - whole)
    slope = 2 / time / _NEPERS * motion
    parts = [motion, slope * passed / time, np.exp(noise - whole), slope]
    return whole / _NEPERS, fill_derivatives(whole, parts)


def _window(x: FloatArray, y: Numbers) -> NDArray[np.bool_]:
    return ring_down_window(x, np.power(10.0, (np.real(y) - np.max(np.real(y))) / 20))


def _guess(x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, float]:
    """Draw a line through a first part, of the length that leaves least, and take the mean of the rest."""
    del weights
    order = np.argsort(x, kind="stable")[:: max(x.size // 4000, 1)]
    t, v = x[order] - x[order[0]], y[order]
    counts = np.unique(np.linspace(3, t.size, 60).astype(int))
    counts = counts[counts <= t.size]
    middle = float(v.mean())
    ones = np.arange(1.0, t.size + 1)
    # Sums over the first points of every length give each straight line.
    sums = np.stack(
        [ones, np.cumsum(t), np.cumsum(v - middle), np.cumsum(t * t), np.cumsum(t * (v - middle))]
    )
    number, by_t, by_v, by_tt, by_tv = sums[:, counts - 1]
    apart = number * by_tt - by_t**2
    there = apart > 0
    if not there.any():
        return {"level": float(v[0]), "ring_down_time": 1.0, "floor": float(v[-1]), "start": float(x.min())}
    number, by_t, by_v, by_tv, apart = (one[there] for one in (number, by_t, by_v, by_tv, apart))
    slope = (number * by_tv - by_t * by_v) / apart
    level = (by_v - slope * by_t) / number + middle
    time = -2 / _NEPERS / np.minimum(slope, -1e-6 / (float(np.ptp(t)) or 1.0))
    rest = np.maximum(t.size - number, 1)
    floor = np.where(number < t.size, (sums[2, -1] - by_v) / rest + middle, float(v[-1]) - 20.0)
    left = v - ring_down_decibel(t, level[:, None], time[:, None], floor[:, None])
    best = int(np.argmin(np.square(left).sum(-1)))
    return {"level": level[best], "ring_down_time": time[best], "floor": floor[best], "start": float(x.min())}


RING_DOWN_DECIBEL = FitModel(
    name="ring_down_decibel",
    equation="y = 10 log10(10^(level/10) exp(−2 (x − start)/ring_down_time) + 10^(floor/10))",
    source="free decay of a resonator, power with that of the noise, in decibels",
    parameters=(
        Parameter("level", "y", "level of the motion at the start"),
        Parameter("ring_down_time", "x", "time in which the amplitude falls by e", minimum=0),
        Parameter("floor", "y", "level of the noise"),
        Parameter("start", "x", "first point of the decay", from_data=True),
    ),
    function=ring_down_decibel,
    guesser=_guess,
    derivatives=_derivatives,
    window=_window,
)
