"""Equal RC stages in a row, in time: what they do over any interval to any linear signal, in closed form.

The stages obey ``τ dy_j/dt = y_(j−1) − y_j``, y_0 being what goes in. Their answers over an interval h to an
exponential, to one whose amplitude rises linearly, and to white noise are known in closed form, and so is the
joint law of the stages and of a Gauss–Markov process (Brownian motion of a resonator, say) that goes in
behind a mixer. No interval is too long, none too short, and what is far from the reference costs no more than
what is near: there is nothing to sample.

================  ==================================================================================
``τ``, ``n``      time constant of a stage (s), number of stages
``a``             h/τ
``k_j(v)``        impulse response of stage j, ``v^(j−1) e^(−v/τ)/(τ^j (j−1)!)``
``G_j(s, h)``     ``∫_0^h k_j(h − u) e^(su) du = (1 + sτ)^(−j) [e^(sh) − e^(−a) Σ_(k<j) z^k/k!]``, z = a + sh
``ω``             reference of the mixer, rad/s; it turns the input by e^(−iωt)
================  ==================================================================================
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Cascade", "GaussianProcess", "Stretch", "autocorrelation", "noise_bandwidth", "step_response"]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

_SERIES = 30  # terms of the power series of G_j where z is small
_NEAR = 2.0  # |z| below which it is used
_ROUNDING = 1e-15  # of a variance: what is lost where two nearly equal ones are subtracted


def noise_bandwidth(time_constant: float, stages: int) -> float:
    """Return the equivalent noise bandwidth ∫|H|² df in Hz: 1/4τ, 1/8τ, 3/32τ, 5/64τ.

    Parameters
    ----------
    time_constant, stages
        τ of each stage in s, and their number; the four values are those of 1 to 4 stages.
    """
    return math.gamma(stages - 0.5) / (4 * math.sqrt(math.pi) * math.gamma(stages) * time_constant)


def step_response(lapse: FloatArray, stages: int) -> FloatArray:
    """Return the output after an input that stepped from 0 to 1.

    Parameters
    ----------
    lapse, stages
        Time since the step in units of τ, ≥ 0, any shape; and number of stages.
    """
    from scipy.special import gammainc

    return np.asarray(gammainc(stages, lapse), dtype=np.float64)


def autocorrelation(lapse: FloatArray, stages: int) -> FloatArray:
    """Return the correlation over a time of white noise behind the stages.

    ``e^{−a} Σ_{k<n} (n−1)! (2n−2−k)! / ((2n−2)! (n−1−k)! k!) (2a)^k``: 1, 1 + a, 1 + a + a²/3, 1 + a + 2a²/5
    + a³/15, each times e^{−a}.

    Parameters
    ----------
    lapse, stages
        Time between two readings in units of τ, any sign and shape, with modulus a; and number of stages n.
    """
    a, n, factorial = np.abs(lapse), stages, math.factorial
    total = np.zeros_like(a)
    for k in range(n):
        above = factorial(n - 1) * factorial(2 * n - 2 - k)
        total += above / (factorial(2 * n - 2) * factorial(n - 1 - k) * factorial(k)) * (2 * a) ** k
    return np.asarray(np.exp(-a) * total)


@dataclass(frozen=True, eq=False)
class GaussianProcess:
    """A real process ``dx/dt = A x + white noise`` in equilibrium; equal is what is the same object."""

    matrix: FloatArray  # (N, N) 1/s, A: all its motions decay
    covariance: FloatArray  # (N, N) of x in equilibrium

    @functools.cached_property
    def modes(self) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
        """Rates (N,) of the free motions, their eigenvectors as columns (N, N), and the inverse of those."""
        rates, vectors = np.linalg.eig(self.matrix)
        inverse = np.linalg.inv(vectors)
        return rates.astype(np.complex128), vectors.astype(np.complex128), inverse.astype(np.complex128)

    def propagator(self, interval: float) -> FloatArray:
        """Return e^{Ah}, shape (N, N), which carries the mean of x over an interval h.

        Parameters
        ----------
        interval
            h in s.
        """
        rates, vectors, inverse = self.modes
        return np.asarray(((vectors * np.exp(rates * interval)) @ inverse).real)


@dataclass(frozen=True, eq=False)
class Stretch:
    """A voltage over m equal intervals, between which only numbers change.

    In interval i, a time u after its beginning, ``v = Re Σ_k (a_ik + b_ik u) e^(p_k u) + c·x(t)``.
    """

    times: FloatArray  # s, (m + 1,), the edges
    reference: FloatArray  # rad, (m,), phase of the reference at the beginning of each interval
    rates: ComplexArray  # 1/s, (k,) p
    amplitudes: ComplexArray  # V, (m, k) a
    sizes: FloatArray  # V, (m + 1,), |envelope| at the edges
    slopes: ComplexArray | None = None  # V/s, (m, k) b; None: 0
    process: GaussianProcess | None = None
    output: FloatArray | None = None  # V per unit of x, (N,) c
    states: FloatArray | None = None  # (m + 1, N) x at the edges; None: the one who listens draws it

    @property
    def interval(self) -> float:
        """Length of an interval, s."""
        return float((self.times[-1] - self.times[0]) / (self.times.size - 1))


class Cascade:
    """Stages of one filter behind a mixer, and what is in them, X + iY.

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
        self._own: tuple[GaussianProcess, FloatArray] | None = None  # of a process used here only

    @property
    def output(self) -> complex:
        """Output of the last stage, V."""
        return complex(self.state[-1])

    @property
    def memory(self) -> float:
        """Time after which a past input counts for less than a ten-millionth, s."""
        return (14 + 3 * self.stages) * self.time_constant

    def changed(self, time_constant: float, stages: int) -> Cascade:
        """Return the filter with other settings; the stages keep their state.

        Added stages start from the state of the last one.

        Parameters
        ----------
        time_constant, stages
            New τ of each stage in s, and new number of stages, 1 to 4.
        """
        other = Cascade(time_constant, stages)
        other.state = np.concatenate((self.state, np.repeat(self.state[-1:], stages)))[:stages]
        other._own = self._own
        return other

    def forget(self) -> None:
        """Empty the stages: whatever was in them is older than the memory."""
        self.state = np.zeros(self.stages, dtype=np.complex128)

    def advance(
        self,
        stretch: Stretch,
        *,
        angular_frequency: float,
        phase: float,
        density: float,
        rng: np.random.Generator,
        largest: float = math.inf,
    ) -> ComplexArray:
        """Advance over a stretch of voltage, mixed with ``√2 e^(−i(ωt + phase))``: root-mean-square.

        Parameters
        ----------
        stretch
            What goes in.
        angular_frequency, phase
            Angular frequency and phase of the reference, rad/s and rad.
        density
            One-sided white noise of X and of Y, V/√Hz.
        rng
            Source of the noise.
        largest
            Amplitude at which the input clips, V peak.

        Returns
        -------
        ComplexArray
            Output of all stages after each interval, V; shape (m, stages).
        """
        forcing = self._tones(stretch, angular_frequency) + self._motion(stretch, angular_frequency, rng)
        turn = np.exp(-1j * (stretch.reference + phase)) * math.sqrt(0.5)
        size = np.maximum(0.5 * (stretch.sizes[:-1] + stretch.sizes[1:]), 1e-300)
        return self._advanced(
            forcing * (turn * np.minimum(1.0, largest / size))[:, None], stretch.interval, density, rng
        )

    def hold(
        self, value: complex, interval: float, count: int, density: float, rng: np.random.Generator
    ) -> ComplexArray:
        """Advance by intervals of a constant voltage behind the mixer.

        Parameters
        ----------
        value
            Voltage behind the mixer, X + iY, V.
        interval, count
            Length of one interval in s, and number of intervals.
        density, rng
            One-sided white noise of X and of Y in V/√Hz, and its source.

        Returns
        -------
        ComplexArray
            Output of all stages after each interval, V; shape (count, stages).
        """
        step = _over(interval / self.time_constant, self.stages).step
        held = np.full((count, self.stages), value, dtype=np.complex128)
        return self._advanced(held * step, interval, density, rng)

    def follow(self, inputs: ComplexArray, interval: float) -> ComplexArray:
        """Advance over inputs that are each held for one interval, without noise.

        Parameters
        ----------
        inputs
            Voltages behind the mixer, X + iY, V; shape (m,).
        interval
            Length of one interval, s.

        Returns
        -------
        ComplexArray
            Output of all stages after each interval, V; shape (m, stages).
        """
        step = _over(interval / self.time_constant, self.stages).step
        return self._course(np.asarray(inputs)[:, None] * step, interval)

    # -- what is added over each interval, (m, stages) ---------------------------------------------------

    def _tones(self, stretch: Stretch, omega: float) -> ComplexArray:
        """Return the answer to 2 e^(−iωu) Re Σ (a + bu) e^(pu)."""
        h, n = stretch.interval, self.stages
        rates = np.concatenate((stretch.rates, stretch.rates.conj())) - 1j * omega
        answer = exponential_answer(rates, h, self.time_constant, n + 1)
        amplitudes = np.concatenate((stretch.amplitudes, stretch.amplitudes.conj()), axis=1)
        total = amplitudes @ answer[:, :-1]
        if stretch.slopes is not None:
            slopes = np.concatenate((stretch.slopes, stretch.slopes.conj()), axis=1)
            later = np.arange(1, n + 1) * self.time_constant * answer[:, 1:]
            total = total + slopes @ (h * answer[:, :-1] - later)
        return np.asarray(total)

    def _motion(self, stretch: Stretch, omega: float, rng: np.random.Generator) -> ComplexArray | float:
        """Return the answer to 2 e^(−iωu) c·x, given x at the edges."""
        process, output = stretch.process, stretch.output
        if process is None or output is None or not output.any():
            return 0.0
        over = _listening(process, output.tobytes(), omega, stretch.interval, self.time_constant, self.stages)
        states = stretch.states
        if states is None:
            states = self._drawn(process, stretch.interval, len(stretch.amplitudes), rng)
        surprise = states[1:] - states[:-1] @ over.propagator.T
        drawn = rng.standard_normal((len(surprise), 2 * self.stages)) @ over.spread.T
        both = surprise @ over.gain.T + drawn
        own = both[:, : self.stages] + 1j * both[:, self.stages :]
        return np.asarray(states[:-1] @ over.mean.T + own)

    def _drawn(
        self, process: GaussianProcess, interval: float, count: int, rng: np.random.Generator
    ) -> FloatArray:
        """Return x (count + 1, N) at the edges, drawn here."""
        size = len(process.covariance)
        if self._own is None or self._own[0] is not process:
            self._own = process, _root(process.covariance) @ rng.standard_normal(size)
        propagator = process.propagator(interval)
        added = process.covariance - propagator @ process.covariance @ propagator.T
        pushes = rng.standard_normal((count, size)) @ _root(added).T
        states = np.empty((count + 1, size))
        states[0] = self._own[1]
        for n, push in enumerate(pushes):
            states[n + 1] = propagator @ states[n] + push
        self._own = process, states[-1]
        return states

    def _advanced(
        self, forcing: ComplexArray, interval: float, density: float, rng: np.random.Generator
    ) -> ComplexArray:
        if density > 0:
            spread = _over(interval / self.time_constant, self.stages).spread
            drawn = rng.standard_normal((*forcing.shape, 2)) @ np.array([1, 1j])
            forcing = forcing + density / math.sqrt(self.time_constant) * (drawn @ spread.T)
        return self._course(forcing, interval)

    def _course(self, forcing: ComplexArray, interval: float) -> ComplexArray:
        kept = _over(interval / self.time_constant, self.stages).kept
        course = np.empty(forcing.shape, dtype=np.complex128)
        before = np.empty_like(course)  # each stage at the beginning of each interval
        for stage in range(self.stages):
            pushed = forcing[:, stage]
            for earlier in range(stage):
                pushed = pushed + kept[stage - earlier] * before[:, earlier]
            start = np.array([kept[0] * self.state[stage]])
            course[:, stage], _ = self._lfilter([1.0], [1.0, -kept[0]], pushed, zi=start)
            before[0, stage], before[1:, stage] = self.state[stage], course[:-1, stage]
        self.state = course[-1].copy()
        return course


def exponential_answer(
    rates: ComplexArray, interval: float, time_constant: float, stages: int
) -> ComplexArray:
    """Return G_j(s, h) for rates s (k,) and j = 1 … stages, shape (k, stages)."""
    a = interval / time_constant
    z = a + rates * interval
    near = np.abs(z) < _NEAR
    reach = np.where(near, 1.0, 1 + rates * time_constant)
    answer = np.empty((len(rates), stages), dtype=np.complex128)
    partial, power, divided = np.zeros_like(z), np.ones_like(z), np.ones_like(z)
    grown, gone = np.exp(rates * interval), math.exp(-a)
    for j in range(1, stages + 1):
        partial, power, divided = partial + power, power * z / j, divided * reach
        answer[:, j - 1] = (grown - gone * partial) / divided
        if near.any():
            answer[near, j - 1] = _near_answer(z[near], a, j)
    return answer


def _near_answer(z: ComplexArray, a: float, j: int) -> ComplexArray:
    """Return ``a^j e^(−a) Σ_k z^k/(j + k)!``."""
    term = np.full_like(z, a**j / math.factorial(j))
    total = term.copy()
    for k in range(1, _SERIES):
        term = term * z / (j + k)
        total += term
    return total * math.exp(-a)


@dataclass(frozen=True)
class _Step:
    """What the stages do over one interval."""

    kept: FloatArray  # (n,): weight of a stage's own past, of its predecessor's, ...
    step: FloatArray  # (n,): answer to a constant input of 1
    spread: FloatArray  # (n, n): root of the covariance added by noise of 1 V/√Hz, times √τ


@functools.lru_cache(maxsize=8)
def _stationary(stages: int) -> FloatArray:
    """Return the stationary covariance of the stages, times τ, for one-sided noise of 1 V/√Hz."""
    i, j = np.indices((stages, stages))
    gamma = np.vectorize(math.factorial)
    return np.asarray(0.5 * gamma(i + j) / (gamma(i) * gamma(j) * 2.0 ** (i + j + 1)))


@functools.lru_cache(maxsize=256)
def _over(a: float, stages: int) -> _Step:
    kept = np.array([math.exp(-a) * a**k / math.factorial(k) for k in range(stages)])
    step = np.array([float(step_response(np.asarray(a), j)) for j in range(1, stages + 1)])
    transition = _transition(kept)
    stationary = _stationary(stages)
    return _Step(kept, step, _root(stationary - transition @ stationary @ transition.T))


def _transition(kept: FloatArray) -> FloatArray:
    i, j = np.indices((kept.size, kept.size))
    return np.where(i >= j, kept[np.abs(i - j)], 0.0)


def _root(covariance: FloatArray) -> FloatArray:
    """Return a root of a covariance matrix whose least eigenvalues are lost in rounding."""
    values, vectors = np.linalg.eigh(0.5 * (covariance + covariance.T))
    return np.asarray(vectors * np.sqrt(np.clip(values, 0, None)))


# -- a Gauss–Markov process behind the mixer ---------------------------------------------------------------


@dataclass(frozen=True)
class _Listening:
    """What an interval adds to the stages, given the process at both ends."""

    mean: ComplexArray  # (n, N): from x at the beginning
    gain: FloatArray  # (2n, N): from what x at the end differs from the expected; X of all stages, then Y
    spread: FloatArray  # (2n, 2n): root of the covariance that is left
    propagator: FloatArray  # (N, N) of x


@functools.lru_cache(maxsize=128)
def _listening(
    process: GaussianProcess, output: bytes, omega: float, interval: float, time_constant: float, stages: int
) -> _Listening:
    weights = 2 * np.frombuffer(output)
    rates, vectors, inverse = process.modes
    propagator = process.propagator(interval)
    answer = exponential_answer(rates - 1j * omega, interval, time_constant, stages)
    mean = ((weights @ vectors)[:, None] * answer).T @ inverse
    found = _joint(process, weights, omega, time_constant, stages)
    own, own_pseudo, with_x, x = _added(found, process, mean, omega, interval, time_constant)
    split_x = np.concatenate((with_x.real, with_x.imag))
    gain = split_x @ _inverse(x, float(np.trace(process.covariance)))
    left = _split(own, own_pseudo) - gain @ split_x.T
    return _Listening(np.asarray(mean), gain, _root(left), propagator)


def _joint(
    process: GaussianProcess, weights: FloatArray, omega: float, tau: float, stages: int
) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
    """Return ⟨z z†⟩, ⟨z zᵀ⟩ (n, n) and ⟨z xᵀ⟩ (n, N) in equilibrium, z = y e^(iωt) behind a mixer e^(−iωt).

    From the equations of the moments: ``⟨z_j xᵀ⟩ = ⟨z_(j−1) xᵀ⟩ (1 − iωτ − τAᵀ)⁻¹`` and, for two stages,
    ``⟨z_i z_j*⟩ = ½ (⟨z_(i−1) z_j*⟩ + ⟨z_i z_(j−1)*⟩)``.
    """
    size = len(process.matrix)
    lag = np.linalg.inv((1 - 1j * omega * tau) * np.eye(size) - tau * process.matrix.T)
    with_x = np.empty((stages, size), dtype=np.complex128)
    last = weights @ process.covariance + 0j
    for j in range(stages):
        with_x[j] = last = last @ lag
    own = np.zeros((stages + 1, stages + 1), dtype=np.complex128)
    pseudo = np.zeros_like(own)
    own[1:, 0] = pseudo[1:, 0] = with_x @ weights
    own[0, 1:], pseudo[0, 1:] = own[1:, 0].conj(), pseudo[1:, 0]
    for i in range(1, stages + 1):
        for j in range(1, stages + 1):
            own[i, j] = 0.5 * (own[i - 1, j] + own[i, j - 1])
            pseudo[i, j] = 0.5 * (pseudo[i - 1, j] + pseudo[i, j - 1]) / (1 - 1j * omega * tau)
    return own[1:, 1:], pseudo[1:, 1:], with_x


def _added(
    joint: tuple[ComplexArray, ComplexArray, ComplexArray],
    process: GaussianProcess,
    mean: ComplexArray,
    omega: float,
    interval: float,
    tau: float,
) -> tuple[ComplexArray, ComplexArray, ComplexArray, FloatArray]:
    """Return what an interval adds to ⟨y y†⟩, ⟨y yᵀ⟩, ⟨y xᵀ⟩ and ⟨x xᵀ⟩.

    The mixer's phase is 0 at its beginning; y e^(iωh) is z, so what z has at its end is turned back.
    """
    own, pseudo, with_x = joint
    stages, sigma = len(own), process.covariance
    stay = _transition(_over(interval / tau, stages).kept)
    back = np.exp(-1j * omega * interval)
    propagator = process.propagator(interval)
    cross = mean @ with_x.T  # ⟨(mean x) (z)ᵀ⟩
    y = own - (mean @ sigma @ mean.conj().T + mean @ with_x.conj().T @ stay.T + stay @ with_x @ mean.conj().T)
    y = y - stay @ own @ stay.T
    turned = pseudo * back**2 - (mean @ sigma @ mean.T + cross @ stay.T + stay @ cross.T)
    turned = turned - stay @ pseudo @ stay.T
    both = with_x * back - (mean @ sigma @ propagator.T + stay @ with_x @ propagator.T)
    x = sigma - propagator @ sigma @ propagator.T
    return np.asarray(y), np.asarray(turned), np.asarray(both), np.asarray(x)


def _split(own: ComplexArray, pseudo: ComplexArray) -> FloatArray:
    """Return the real covariance (2n, 2n) of (Re y, Im y) from ⟨y y†⟩ and ⟨y yᵀ⟩."""
    real, imaginary = 0.5 * (own + pseudo).real, 0.5 * (own - pseudo).real
    mixed = 0.5 * (pseudo - own).imag  # ⟨Re y_i Im y_j⟩
    return np.block([[real, mixed], [mixed.T, imaginary]])


def _inverse(covariance: FloatArray, scale: float) -> FloatArray:
    """Return the inverse of a covariance; what is lost in the rounding of ``scale`` counts as 0."""
    values, vectors = np.linalg.eigh(0.5 * (covariance + covariance.T))
    kept = values > max(1e-13 * float(values[-1]), _ROUNDING * scale)
    inverse = np.where(kept, 1 / np.where(kept, values, 1.0), 0.0)
    return np.asarray((vectors * inverse) @ vectors.T)
