"""Thermal motion of the resonator and its baths, drawn exactly, at any times and in any order.

The motion is a Gaussian Markov process: after a time t, x is e^{At}x plus noise of covariance Σ −
e^{At}Σe^{Aᵀt}, with Σ that of equilibrium (equipartition). No time step is too long or too short. Between two
instants that are known already, x is Gaussian too (a bridge), so that a record may be asked for afterwards,
and finer, without contradicting what was seen.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labspin.physics.arguments import non_negative
from labspin.physics.mrfm.dynamics import LinearMotion
from labspin.physics.rc_filter import GaussianProcess

__all__ = ["ThermalMotion"]

FloatArray = NDArray[np.float64]

_REMEMBERED = 64


class _Elapse(NamedTuple):
    """What a time does: x → propagator x + noise of that covariance, of which a root is kept as well."""

    propagator: FloatArray
    covariance: FloatArray
    root: FloatArray


class ThermalMotion:
    """Random motion x = (q, q̇/ω0, s_1, …) of a resonator with its baths, in m.

    Parameters
    ----------
    motion
        Resonator and baths.
    temperature
        Temperature of both in K, ≥ 0.

    Raises
    ------
    ArgumentError
        The temperature is negative.
    """

    def __init__(self, motion: LinearMotion, temperature: float) -> None:
        self.motion = motion
        self.temperature = float(non_negative("temperature", temperature, unit="K"))
        self._settled = motion.equilibrium_covariance(temperature=self.temperature)
        self._elapses: OrderedDict[float, _Elapse] = OrderedDict()

    @functools.cached_property
    def process(self) -> GaussianProcess:
        """The same motion in seconds, for a lock-in to listen to."""
        matrix = self.motion.matrix * self.motion.resonator.angular_frequency
        return GaussianProcess(matrix, self._settled)

    def equilibrium(self, rng: np.random.Generator) -> FloatArray:
        """Return x drawn from thermal equilibrium, shape (n,), in m.

        Parameters
        ----------
        rng
            Source of the random numbers.
        """
        return _root(self._settled) @ rng.standard_normal(len(self._settled))

    def later(self, state: FloatArray, duration: float, rng: np.random.Generator) -> FloatArray:
        """Return x drawn for a time after a known state, shape (n,), in m.

        Parameters
        ----------
        state
            x at the beginning, shape (n,), in m.
        duration
            Time between the two, s.
        rng
            Source of the random numbers.
        """
        elapse = self._elapse(duration)
        return elapse.propagator @ state + elapse.root @ rng.standard_normal(len(state))

    def course(self, state: FloatArray, duration: float, count: int, rng: np.random.Generator) -> FloatArray:
        """Return x drawn at equally spaced times after a known state, shape (count, n), in m.

        Parameters
        ----------
        state
            x at the beginning, shape (n,), in m.
        duration
            Spacing of the times, s; the first is one spacing after the beginning.
        count
            Number of times.
        rng
            Source of the random numbers.
        """
        pushes = rng.standard_normal((count, len(state))) @ self._elapse(duration).root.T
        return self.motion.walk(state=state, pushes=pushes, interval=duration)

    def between(
        self,
        before: FloatArray,
        after: FloatArray,
        since: float,
        until: float,
        rng: np.random.Generator,
    ) -> FloatArray:
        """Return x drawn for an instant between two known states, shape (n,), in m.

        Parameters
        ----------
        before
            x at the earlier time, shape (n,), in m.
        after
            x at the later time, shape (n,), in m.
        since
            Time from ``before`` to the instant, s.
        until
            Time from the instant to ``after``, s.
        rng
            Source of the random numbers.
        """
        first, second = self._elapse(since), self._elapse(until)
        forecast = first.propagator @ before
        carried = second.propagator @ first.covariance
        spread = carried @ second.propagator.T + second.covariance
        gain = carried.T @ np.linalg.pinv(spread, rcond=1e-13, hermitian=True)
        mean = forecast + gain @ (after - second.propagator @ forecast)
        return mean + _root(first.covariance - gain @ carried) @ rng.standard_normal(len(mean))

    def _elapse(self, duration: float) -> _Elapse:
        known = self._elapses.get(duration)
        if known is None:
            propagator = self.motion.propagator(duration)
            covariance = self._settled - propagator @ self._settled @ propagator.T
            known = _Elapse(propagator, covariance, _root(covariance))
            self._elapses[duration] = known
            if len(self._elapses) > _REMEMBERED:
                self._elapses.popitem(last=False)
        return known


def _root(covariance: FloatArray) -> FloatArray:
    """Return a root of a covariance; what rounding left below zero counts as zero."""
    values, vectors = np.linalg.eigh(0.5 * (covariance + covariance.T))
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)))
