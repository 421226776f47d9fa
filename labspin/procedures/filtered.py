"""The mean of what a lock-in shows over a while, and its standard error.

Readings closer than a few time constants depend on each other: of white noise at the input, n equal RC stages
leave the autocorrelation

``ρ(a) = e^{−a} Σ_{k<n} (n−1)! (2n−2−k)! / ((2n−2)! (n−1−k)! k!) (2a)^k``,  a the distance in time constants

(1, 1 + a, 1 + a + a²/3, 1 + a + 2a²/5 + a³/15 times e^{−a}). N readings with ``R = 1 + 2 Σ (1 − k/N) ρ_k``
tell no more than N/R independent ones: the squares of their distances from the mean sum up to ``σ² (N − R)``
on average, and the mean has the variance ``σ² R/N``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError

__all__ = ["autocorrelation", "mean_of_filtered"]

FloatArray = NDArray[np.float64]


def autocorrelation(distance: ArrayLike, *, stages: int) -> FloatArray:
    """Return ρ at distances in time constants, of white noise behind ``stages`` equal RC stages."""
    a = np.abs(np.asarray(distance, dtype=np.float64))
    n, total = stages, np.zeros_like(a)
    for k in range(n):
        above = math.factorial(n - 1) * math.factorial(2 * n - 2 - k)
        below = math.factorial(2 * n - 2) * math.factorial(n - 1 - k) * math.factorial(k)
        total += above / below * (2 * a) ** k
    return np.asarray(np.exp(-a) * total)


def mean_of_filtered(
    values: NDArray[np.complex128], *, interval: float, time_constant: float, slope: int
) -> tuple[complex, complex]:
    """Return the mean of X + iY, and the standard errors of both parts.

    Parameters
    ----------
    values
        Readings, shape (n,), of a signal that is settled.
    interval
        Between two readings, s.
    time_constant
        Of each stage of the filter, s.
    slope
        Of the filter, dB/octave.

    Raises
    ------
    ArgumentError
        They are so few, or so close, that their scatter says nothing.
    """
    count = len(values)
    lags = np.arange(1, max(count, 2))
    correlation = autocorrelation(lags * interval / time_constant, stages=slope // 6)
    redundancy = 1 + 2 * float((1 - lags / max(count, 1)) @ correlation)
    if count - redundancy < 1:
        raise ArgumentError(
            f"readings of a lock-in: wanted some that are independent, got {count} over "
            f"{count * interval:.3g} s at a time constant of {time_constant:g} s; average longer"
        )
    mean = complex(values.mean())
    scatter = values - mean
    factor = redundancy / count / (count - redundancy)
    error = [math.sqrt(factor * float(np.square(part).sum())) for part in (scatter.real, scatter.imag)]
    return mean, complex(*error)
