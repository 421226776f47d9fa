"""The output filter of a lock-in amplifier, advanced exactly in simulated time.

n equal RC stages in a row obey ``τ dy_i/dt = y_(i-1) − y_i``, y_0 being the mixer's output. Between two looks
the input is taken as a straight line and the detector's white noise as white, and for both the state of all
stages after any time is known in closed form: the transition matrix, its answers to a step and to a ramp, and
the covariance of what the noise has added. So a filter may be advanced over a nanosecond or an hour in one
step, and its noise has the equivalent noise bandwidth of the real one.

=======  =============================================================
τ        time constant of each stage, s
a        step in units of τ
P(i, a)  regularised lower incomplete gamma function
=======  =============================================================
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from labspin.physics.arguments import FloatArray
from labspin.twin.sample import ComplexArray

__all__ = ["Cascade", "noise_bandwidth"]


def noise_bandwidth(time_constant: float, stages: int) -> float:
    """Return the equivalent noise bandwidth of the cascade, Hz: 1/4τ, 1/8τ, 3/32τ, 5/64τ."""
    return math.gamma(stages - 0.5) / (4 * math.sqrt(math.pi) * math.gamma(stages) * time_constant)


@dataclass(frozen=True)
class _Step:
    """What the stages do over one step."""

    kept: FloatArray  # (n,): weight of a stage's own past, of its predecessor's, ...
    step: FloatArray  # (n,): answer to a constant input of 1
    ramp: FloatArray  # (n,): answer to an input that rises from 0 to 1
    spread: FloatArray  # (n, n): root of the covariance added by noise of 1 V/√Hz, times √τ


@functools.lru_cache(maxsize=256)
def _covariance(stages: int) -> FloatArray:
    """Return the stationary covariance of the stages, times τ, for one-sided noise of 1 V/√Hz."""
    i, j = np.indices((stages, stages))
    gamma = np.vectorize(math.factorial)
    return np.asarray(0.5 * gamma(i + j) / (gamma(i) * gamma(j) * 2.0 ** (i + j + 1)))


def _root(covariance: FloatArray) -> FloatArray:
    """Return a root of a covariance matrix whose least eigenvalues are lost in rounding."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.clip(values, 0, None)))


@functools.lru_cache(maxsize=256)
def _over(a: float, stages: int) -> _Step:
    from scipy.special import gammainc

    order = np.arange(1.0, stages + 1)
    kept = np.array([math.exp(-a) * a**k / math.factorial(k) for k in range(stages)])
    step = np.asarray(gammainc(order, a), dtype=np.float64)
    ramp = step - order / a * gammainc(order + 1, a)
    i, j = np.indices((stages, stages))
    transition = np.where(i >= j, kept[np.abs(i - j)], 0.0)
    stationary = _covariance(stages)
    return _Step(kept, step, ramp, _root(stationary - transition @ stationary @ transition.T))


class Cascade:
    """Stages of one filter and what stands in them, X + iY.

    Parameters
    ----------
    time_constant
        τ of each stage, s.
    stages
        Their number, 1 to 4: 6 dB/octave each.

    Attributes
    ----------
    state : ComplexArray
        Output of each stage, V; shape (stages,).
    """

    def __init__(self, time_constant: float, stages: int) -> None:
        from scipy.signal import lfilter  # half a second to load, now and not while simulated time runs

        self._lfilter = lfilter
        _over(1.0, stages)
        self.time_constant, self.stages = time_constant, stages
        self.state: ComplexArray = np.zeros(stages, dtype=np.complex128)

    @property
    def output(self) -> complex:
        """Output of the last stage, V."""
        return complex(self.state[-1])

    @property
    def memory(self) -> float:
        """Time after which a past input counts for less than a ten-millionth, s."""
        return (14 + 3 * self.stages) * self.time_constant

    def changed(self, time_constant: float, stages: int) -> Cascade:
        """Return the filter with other settings; what stands in the stages stays, new ones take the last."""
        other = Cascade(time_constant, stages)
        other.state = np.concatenate((self.state, np.repeat(self.state[-1:], stages)))[:stages]
        return other

    def settle(self, value: complex, density: float, rng: np.random.Generator) -> None:
        """Let every stage stand where a long constant input has brought it, noise included.

        Parameters
        ----------
        value
            The input, V.
        density
            One-sided noise of X and of Y at the input, V/√Hz.
        rng
            Source of the noise.
        """
        self.state = value + self._noise(_root(_covariance(self.stages)), density, (), rng)

    def advance(
        self, inputs: ComplexArray, interval: float, density: float, rng: np.random.Generator
    ) -> ComplexArray:
        """Advance in equal steps over an input that is straight in each of them.

        Parameters
        ----------
        inputs
            Input at the beginning of the first step and the end of every step, V; shape (m + 1,).
        interval
            Length of a step, s.
        density, rng
            As in `settle`.

        Returns
        -------
        ComplexArray
            Output of all stages after each step, V; shape (m, stages).
        """
        over = _over(interval / self.time_constant, self.stages)
        rises = np.diff(inputs)
        forcing = inputs[:-1, np.newaxis] * over.step + rises[:, np.newaxis] * over.ramp
        forcing = forcing + self._noise(over.spread, density, rises.shape, rng)
        course = self._course(forcing, over.kept)
        self.state = course[-1].copy()
        return course

    def _course(self, forcing: ComplexArray, kept: FloatArray) -> ComplexArray:
        course = np.empty_like(forcing)
        before = np.empty_like(forcing)  # each stage at the beginning of each step
        for stage in range(self.stages):
            pushed = forcing[:, stage]
            for earlier in range(stage):
                pushed = pushed + kept[stage - earlier] * before[:, earlier]
            start = np.array([kept[0] * self.state[stage]])
            course[:, stage], _ = self._lfilter([1.0], [1.0, -kept[0]], pushed, zi=start)
            before[0, stage], before[1:, stage] = self.state[stage], course[:-1, stage]
        return course

    def _noise(
        self, spread: FloatArray, density: float, shape: tuple[int, ...], rng: np.random.Generator
    ) -> ComplexArray:
        if density == 0:
            return np.zeros((*shape, self.stages), dtype=np.complex128)
        drawn = rng.standard_normal((*shape, self.stages, 2)) @ np.array([1, 1j])
        return np.asarray(density / math.sqrt(self.time_constant) * (drawn @ spread.T))
