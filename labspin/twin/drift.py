"""Slow drift: a random function of time that is the same whenever it is asked.

A run that is resumed must see the drift that it left, so drift is not stepped on but evaluated: a sum of
cosines with random frequencies and phases. Frequencies are drawn from the Lorentzian of half width
``1/(2π τ)``, so that the covariance is ``amplitude² exp(−|t|/τ)``, that of an Ornstein–Uhlenbeck process
(random Fourier features, after Bochner's theorem).

One frequency is drawn from each of 96 intervals that are equally wide on a logarithmic scale, and weighted by
the share of the Lorentzian in its interval. Without that, what changes within seconds would be one or two
cosines of large amplitude: a tone, which neither averages away nor shows in the scatter of repeated scans.
"""

from __future__ import annotations

import math

import numpy as np

from labspin.errors import ArgumentError

__all__ = ["Drift"]

_EDGES = np.concatenate([[0.0], np.geomspace(0.05, 3e4, 95), [np.inf]])  # of the intervals, 1/τ
_SHARES = np.arctan(_EDGES) * (2 / math.pi)  # of the Lorentzian below each edge


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
        shares = np.diff(_SHARES)
        drawn = _SHARES[:-1] + shares * rng.uniform(size=shares.size)
        self._amplitudes = amplitude * np.sqrt(2 * shares)
        self._rates = np.tan(0.5 * math.pi * drawn) / correlation_time
        self._phases = rng.uniform(0, 2 * math.pi, shares.size)

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
        return float(self._amplitudes @ np.cos(self._rates * time + self._phases))

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
        return float(self._amplitudes @ (smoothed * np.cos(self._rates * middle + self._phases)))
