"""Slow drift: a random function of time that is the same whenever it is asked.

A run that is resumed must see the drift that it left, so drift is not stepped on but evaluated: a sum of
cosines with random frequencies and phases. With frequencies drawn from the Lorentzian of half width
``1/(2π τ)`` its covariance is ``amplitude² exp(−|t|/τ)``, that of an Ornstein–Uhlenbeck process (random
Fourier features, after Bochner's theorem); with many terms its values are Gaussian.
"""

from __future__ import annotations

import math

import numpy as np

from labspin.errors import ArgumentError

__all__ = ["Drift"]

_TERMS = 64


class Drift:
    """A relative drift around zero.

    Parameters
    ----------
    amplitude
        Standard deviation.
    correlation_time
        τ, s.
    rng
        Where it is drawn from, once.
    """

    def __init__(self, *, amplitude: float, correlation_time: float, rng: np.random.Generator) -> None:
        if not amplitude >= 0:
            raise ArgumentError(f"amplitude of a drift: wanted ≥ 0, got {amplitude!r}")
        if not correlation_time > 0:
            raise ArgumentError(f"correlation_time of a drift: wanted > 0 s, got {correlation_time!r}")
        self._amplitude = amplitude * math.sqrt(2 / _TERMS)
        self._rates = rng.standard_cauchy(_TERMS) / correlation_time
        self._phases = rng.uniform(0, 2 * math.pi, _TERMS)

    def at(self, time: float) -> float:
        """Return the drift at ``time``, s.

        Parameters
        ----------
        time
            Simulated time, s.

        Returns
        -------
        float
            The relative drift; 0 is none.
        """
        return self._amplitude * float(np.cos(self._rates * time + self._phases).sum())

    def mean(self, start: float, stop: float) -> float:
        """Return the mean of the drift from ``start`` to ``stop`` (s), exactly: what a long count sees.

        Parameters
        ----------
        start, stop
            Simulated times between which to average, s.

        Returns
        -------
        float
            The mean relative drift; 0 is none.
        """
        half, middle = 0.5 * (stop - start), 0.5 * (start + stop)
        smoothed = np.sinc(self._rates * half / math.pi)
        return self._amplitude * float((smoothed * np.cos(self._rates * middle + self._phases)).sum())
