"""What a resonance against temperature is recorded as: the columns of `MRFMTemperature`, by its method."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labspin.data import Column

__all__ = ["Quantities", "thinned"]

_SCALARS = (
    Column(name="temperature", unit="K", description="mean of readings late in the soak and after it all"),
    Column(name="temperature_scatter", unit="K", description="standard deviation in the stable window"),
    Column(name="temperature_drift", unit="K", description="change over the stable window"),
    Column(name="temperature_after", unit="K", description="reading after the measurement"),
    Column(name="waited", unit="s", description="time until the temperature was stable"),
    Column(name="stable", dtype="int64", description="1: the temperature was stable, 0: the time was up"),
    Column(name="found", dtype="int64", description="1: a resonance was found"),
    Column(name="overloads", dtype="int64", description="how often the drive was lowered for an overload"),
    Column(name="outcome", dtype="str", description="measured, or what went wrong"),
    Column(name="drive_amplitude", unit="V", description="of the drive at this temperature"),
    Column(name="resonance_frequency", unit="Hz", description="quick estimate of f0"),
    Column(name="resonance_frequency_errors", unit="Hz", description="its standard error"),
    Column(name="inverse_quality", description="quick estimate of 1/Q"),
    Column(name="inverse_quality_errors", description="its standard error"),
    Column(name="quality_factor", description="1/inverse_quality"),
    Column(name="ring_down_time", unit="s", description="quick estimate of 2Q/ω0 from a ring-down"),
    Column(name="reference_frequency", unit="Hz", description="of the drive before the ring-down"),
    Column(name="shift", dtype="complex128", description="f0 - bare_frequency in Hz, + i/Q"),
    Column(name="shift_errors", dtype="complex128", description="standard errors of both parts"),
)


def _sweep_columns(points: int) -> tuple[Column, ...]:
    return (
        Column(name="sweep_frequency", unit="Hz", shape=(points,), description="as the oscillator made it"),
        Column(name="response", unit="V", shape=(points,), dtype="complex128", description="X + iY, settled"),
    )


def _ring_down_columns(points: int) -> tuple[Column, ...]:
    return (
        Column(name="decay_time", unit="s", shape=(points,), description="since the drive stopped"),
        Column(name="decay", unit="V", shape=(points,), dtype="complex128", description="X + iY; NaN: none"),
    )


class Quantities:
    """What the method chosen by an instance yields, or that of the default, asked of the class."""

    def __get__(self, procedure: Any, kind: type) -> tuple[Column, ...]:
        method, sweep, decay = "sweep", 41, 400
        if procedure is not None:
            method, sweep, decay = procedure.method, procedure.sweep_points, procedure.ring_down_points
        found: tuple[Column, ...] = _SCALARS
        if method in ("sweep", "both"):
            found += _sweep_columns(sweep)
        if method in ("ring_down", "both"):
            found += _ring_down_columns(decay)
        return found


def thinned(
    time: NDArray[np.float64], values: NDArray[np.complex128], points: int
) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """Return means over blocks of equally many neighbours, padded with NaN.

    The means of an exponential are an exponential at the mean times.

    Parameters
    ----------
    time
        Times, shape (n,).
    values
        Values at these times, shape (n,).
    points
        Length of the result; the values left over after the last full block are dropped.

    Returns
    -------
    tuple
        Mean times and mean values, each of shape (points,).
    """
    block = -(-len(time) // points)
    count = len(time) // block
    means = [part[: count * block].reshape(count, block).mean(axis=1) for part in (time, values)]
    lacking = points - count
    return (
        np.append(means[0], np.full(lacking, np.nan)),
        np.append(means[1], np.full(lacking, np.nan, dtype=np.complex128)),
    )
