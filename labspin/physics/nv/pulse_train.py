"""Trains of microwave pulses on one transition, exactly: detuning, bath, finite pulses and their errors.

A train is steps in which the microwave is on, at some phase, or off. In the frame of the microwave the Bloch
vector of a transition (x + iy the coherence, z the upper less the lower population) turns about ``(Ω cos φ,
Ω sin φ, −δ + s + bξ)``: the Rabi frequency Ω while the tone is on; its detuning δ; a static offset s, which
is averaged over (hyperfine lines, a line that is inhomogeneous); and an Ornstein–Uhlenbeck bath, whose ξ is
normal and forgets within τ_c. Relaxation among the three ground levels continues meanwhile, and takes from
the coherence half of what leaves either level.

The bath needs no random numbers. The Bloch vector as a function of ξ obeys the stochastic Liouville equation
(R. Kubo, Adv. Chem. Phys. 15, 101 (1969)): ``∂_t u = (ibξ + L) u`` for the coherence without pulses, where L
has the Hermite functions as eigenfunctions and −n/τ_c as eigenvalues. On the nodes of a Gauss–Hermite rule ξ
is a number, so that a pulse is a rotation of its own at each node and offset, and a wait one small matrix,
the same for all offsets. Nothing is assumed of the pulses: their errors add up, or do not, by themselves.

Two approximations are left: a long pulse is cut into slices that are short against τ_c, between which the
bath moves; and the transition is a pair of levels, so the microwave must be far from the other one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray, abridged, finite, non_negative, positive
from labspin.physics.nv.coherence import hyperfine_offsets

__all__ = ["PulseTrain", "SpinBath", "StaticLine", "relaxing_train_map", "train_map"]

ComplexArray = NDArray[np.complex128]

_REACH = 5.0  # standard deviations of a static line that are summed over
_FEWEST, _MOST = 33, 513  # offsets of a static line
_NODES = (24, 160)  # fewest and most nodes of the bath
_SLICE = 0.05  # longest slice of a pulse, of the correlation time
_FADED = 5.0  # χ beyond which no signal is left


@dataclass(frozen=True)
class PulseTrain:
    """Steps of a train; pulses may follow each other without a wait.

    Raises
    ------
    ArgumentError
        The shapes differ, a step has no length, or a phase is not finite.
    """

    durations: FloatArray  # s, (n,), all > 0
    driven: NDArray[np.bool_]  # whether the microwave is on, (n,)
    phases: FloatArray  # rad, of the microwave; (n,), not read where it is off

    __repr__ = abridged

    def __post_init__(self) -> None:
        durations = np.atleast_1d(positive("durations of the train", self.durations, unit="s"))
        driven, phases = np.atleast_1d(np.asarray(self.driven, dtype=np.bool_)), finite("phases", self.phases)
        if durations.ndim != 1 or not durations.shape == driven.shape == np.atleast_1d(phases).shape:
            raise ArgumentError(
                f"train: wanted durations, driven and phases of one shape (n,), got {durations.shape}, "
                f"{driven.shape}, {phases.shape}"
            )
        object.__setattr__(self, "durations", durations)
        object.__setattr__(self, "driven", driven)
        object.__setattr__(self, "phases", np.atleast_1d(phases))

    @property
    def duration(self) -> float:
        """Length of the train, s."""
        return float(self.durations.sum())


@dataclass(frozen=True, kw_only=True)
class SpinBath:
    """An Ornstein–Uhlenbeck bath; an amplitude of 0 is none.

    Raises
    ------
    ArgumentError
        The amplitude is negative, or the correlation time not above zero.
    """

    amplitude: float = 0.0  # b, rad/s, standard deviation of the frequency
    correlation_time: float = 10e-6  # τ_c, s

    def __post_init__(self) -> None:
        non_negative("amplitude of the bath", self.amplitude, unit="rad/s")
        positive("correlation_time of the bath", self.correlation_time, unit="s")

    @property
    def free_time(self) -> float:
        """Time after which a free precession has decayed to e⁻⁸ by the bath alone, s; inf without bath."""
        if self.amplitude == 0:
            return math.inf
        # χ = b²τ_c² (x − 1 + e^{−x}) ≥ b²τ_c² x²/(2 + x), which is solved for 8.
        wanted = 8.0 / (self.amplitude * self.correlation_time) ** 2
        return self.correlation_time * (0.5 * wanted + math.sqrt(0.25 * wanted**2 + 2 * wanted))

    def forgets(self, time: float) -> bool:
        """Return whether no pulse brings back a coherence that was left to itself for so long.

        What is lost for good is the part of the phase that does not follow from the bath before and after:
        ``χ = b²τ_c² (T/τ_c − 2 tanh(T/2τ_c))``.

        Parameters
        ----------
        time
            T, s.
        """
        ratio = time / self.correlation_time
        lost = (self.amplitude * self.correlation_time) ** 2 * (ratio - 2 * math.tanh(ratio / 2))
        return bool(lost > 30.0)


@dataclass(frozen=True, kw_only=True)
class StaticLine:
    """Offsets that do not change within a train: a Gaussian line about each of some equal hyperfine lines.

    Raises
    ------
    ArgumentError
        A width is negative, or there is no line.
    """

    width: float = 0.0  # σ, rad/s
    splitting: float = 0.0  # rad/s, of neighbouring hyperfine lines
    lines: int = 1

    def __post_init__(self) -> None:
        non_negative("width of the line", self.width, unit="rad/s")
        hyperfine_offsets(splitting=self.splitting, lines=self.lines)

    @property
    def hyperfine(self) -> FloatArray:
        """Offsets of the hyperfine lines, rad/s, shape (lines,)."""
        return hyperfine_offsets(splitting=self.splitting, lines=self.lines)

    def offsets(self, longest: float) -> tuple[FloatArray, FloatArray]:
        """Return offsets (rad/s) and their weights, shape (q,) each, dense enough for a time.

        A sum over equal steps of the offset is the integral but for what comes back after 2π/step: that is
        later than ``longest``, unless the line is so wide that offsets are spared.

        Parameters
        ----------
        longest
            Time over which offsets must be distinguished, s.
        """
        if self.width == 0:
            return self.hyperfine, np.full(self.lines, 1 / self.lines)
        turned = 2 * _REACH * self.width * longest / (2 * math.pi)
        count = int(np.clip(math.ceil(1.2 * turned) + 16, _FEWEST, _MOST)) | 1
        normal = np.linspace(-_REACH, _REACH, count)
        weights = np.exp(-0.5 * normal**2)
        weights /= weights.sum() * self.lines
        return (
            (self.hyperfine[:, None] + self.width * normal).ravel(),
            np.tile(weights, self.lines),
        )


def train_map(
    *,
    train: PulseTrain,
    rabi: float,
    detuning: float,
    levels: tuple[int, int] = (0, 1),
    line: StaticLine | None = None,
    bath: SpinBath | None = None,
    relaxation: ArrayLike | None = None,
) -> FloatArray:
    """Return what a train makes of the populations of the three ground levels, shape (..., 3, 3).

    ``after = map @ before``; coherences before and after the train do not count. Symbols: see the module.

    Parameters
    ----------
    train
        The pulses.
    rabi
        Ω while the microwave is on, rad/s.
    detuning
        δ, of the microwave from the middle of the line, rad/s.
    levels
        Lower and upper level of the transition, out of 0, 1, 2.
    line, bath
        Static offsets and the bath; None: none.
    relaxation
        Generator(s) A of the populations, ``dp/dt = A p``, shape (..., 3, 3), 1/s; None: no relaxation.

    Raises
    ------
    ArgumentError
        A value is not finite, the levels are no pair, or the relaxation has another shape.
    """
    lower, upper = levels
    if lower == upper or not {lower, upper} <= {0, 1, 2}:
        raise ArgumentError(f"levels: wanted two different ones out of 0, 1, 2, got {levels!r}")
    rates = finite("relaxation", np.zeros((3, 3)) if relaxation is None else relaxation, unit="1/s")
    if rates.shape[-2:] != (3, 3):
        raise ArgumentError(f"relaxation: wanted shape (..., 3, 3), got {rates.shape}")
    omega = float(non_negative("rabi", rabi, unit="rad/s"))
    shift = -float(finite("detuning", detuning, unit="rad/s"))
    spins = bath or SpinBath()
    # A pulse that errs leaves a part that none of the others turns back, until the bath has scattered it.
    offsets, weights = (line or StaticLine()).offsets(min(train.duration, spins.free_time))
    made = _Bath(spins, train)
    run = _Run(
        bath=made,
        precession=shift + offsets + made.shifts[:, None],
        rates=rates.reshape(-1, 3, 3),
        levels=(lower, upper, 3 - lower - upper),
    )
    found = run.through(train, omega, weights)
    return np.asarray(found.reshape(rates.shape))


def relaxing_train_map(
    *,
    train: PulseTrain,
    rabi: float,
    detuning: float,
    relaxation: ArrayLike,
    levels: tuple[int, int] = (0, 1),
    line: StaticLine | None = None,
    bath: SpinBath | None = None,
) -> FloatArray:
    """Return `train_map` for many generators that are multiples of one, from few of them.

    The map is smooth in ``u = exp(−Γ T)``, Γ the decay of the coherence by relaxation; it is interpolated at
    Chebyshev nodes of u. That is within 1e-4 for a mixture of rates that makes a stretched exponential, 2e-3
    for one of its generators that relaxes within the train, for half of the work or less.

    Parameters
    ----------
    train, rabi, detuning, levels, line, bath
        As for `train_map`.
    relaxation
        Generators, shape (m, 3, 3), multiples of each other, 1/s.

    Raises
    ------
    ArgumentError
        As for `train_map`.
    """
    from scipy.interpolate import BarycentricInterpolator

    rates = finite("relaxation", relaxation, unit="1/s")
    if rates.ndim != 3 or rates.shape[1:] != (3, 3):
        raise ArgumentError(f"relaxation: wanted shape (m, 3, 3), got {rates.shape}")
    lower, upper = levels
    lost = -0.5 * (rates[:, lower, lower] + rates[:, upper, upper]) * train.duration
    largest = int(np.argmax(lost))
    kept = np.exp(-lost)
    span = float(np.ptp(kept))
    count = 1 if span < 1e-9 else 3 if span < 0.1 else 5
    nodes = 0.5 * (kept.max() + kept.min()) + 0.5 * span * np.cos(np.pi * (np.arange(count) + 0.5) / count)
    scale = -np.log(nodes) / lost[largest] if lost[largest] > 0 else np.zeros(count)
    maps = train_map(
        train=train,
        rabi=rabi,
        detuning=detuning,
        levels=levels,
        line=line,
        bath=bath,
        relaxation=scale[:, None, None] * rates[largest],
    )
    if count == 1:
        return np.repeat(maps, len(rates), axis=0)
    return np.asarray(BarycentricInterpolator(nodes, maps)(kept))


class _Bath:
    """Nodes of the bath, the matrices of waits between pulses, and the weights of rest."""

    def __init__(self, bath: SpinBath, train: PulseTrain) -> None:
        self._memory = bath.correlation_time
        if bath.amplitude == 0:
            nodes, vectors = np.zeros(1), np.ones((1, 1))
        else:
            steps = np.sqrt(np.arange(1.0, _node_count(bath, train)))
            nodes, vectors = np.linalg.eigh(np.diag(steps, 1) + np.diag(steps, -1))
        self.shifts = bath.amplitude * nodes  # rad/s, (x,)
        self.rest = vectors[0] * np.sign(vectors[0])  # (x,)
        self._forgetting = -(vectors.T * np.arange(nodes.size)) @ vectors / self._memory
        # Signs of eigenvectors are free; with these the state of rest is positive.
        signs = np.sign(vectors[0])
        self._forgetting = signs[:, None] * self._forgetting * signs
        self._mixed: dict[int, FloatArray] = {}
        self._free: dict[tuple[int, int], ComplexArray] = {}

    def mixed(self, time: float) -> FloatArray:
        """Return what the bath does in a time (s) to what does not turn, (x, x)."""
        from scipy.linalg import expm

        key = round(time * 1e15)
        if key not in self._mixed:
            self._mixed[key] = np.asarray(expm(self._forgetting * time))
        return self._mixed[key]

    def free(self, still: float, turning: float) -> ComplexArray:
        """Return what it does to coherences in a wait ``turning`` (s) between half pulses ``still`` (s)."""
        from scipy.linalg import expm

        key = round(still * 1e15), round(turning * 1e15)
        if key not in self._free:
            # The half pulses on both sides differ at the ends of a train only, where it hardly matters.
            half = self.mixed(0.5 * still)
            turned = expm((self._forgetting + 1j * np.diag(self.shifts)) * turning)
            self._free[key] = np.asarray(half @ turned @ half)
        return self._free[key]

    @property
    def slice(self) -> float:
        """Longest slice of a pulse, s."""
        return _SLICE * self._memory if self.shifts.size > 1 else math.inf


def _node_count(bath: SpinBath, train: PulseTrain) -> int:
    """Return as many nodes as hold the phase that an ideal train gathers on its way, k standard deviations.

    A phase kξ is a Poisson distribution of mean k² over the Hermite functions. What has more than `_FADED`
    behind it does not matter.
    """
    sign, phase, largest, lost = 1.0, 0.0, 0.0, 0.0
    last = np.flatnonzero(train.driven)[-1] if train.driven.any() else -1
    for number, (length, driven) in enumerate(zip(train.durations, train.driven, strict=True)):
        if driven:
            sign = -sign if 0 < number < last else sign
            continue
        before, phase = phase, phase + sign * bath.amplitude * float(length)
        lost += (before**2 + before * phase + phase**2) / 3 * float(length) / bath.correlation_time
        if lost > _FADED:
            break
        largest = max(largest, abs(phase))
    limit = 1.5 * (3 * _FADED * bath.amplitude * bath.correlation_time) ** (1 / 3) + 2
    reach = min(largest, limit, 8.0 + bath.amplitude * bath.correlation_time)
    return int(np.clip(reach**2 + 5 * reach + 12, *_NODES))


@dataclass(frozen=True)
class _Run:
    """Populations (x, r, level, input, q) and coherences (x, r, input, q) going through a train."""

    bath: _Bath
    precession: FloatArray  # (x, q) rad/s
    rates: FloatArray  # (r, 3, 3) 1/s
    levels: tuple[int, int, int]  # lower, upper, the other
    known: dict[int, FloatArray] = field(default_factory=dict)

    def through(self, train: PulseTrain, omega: float, weights: FloatArray) -> FloatArray:
        """Return the map of the populations (r, 3, 3), summed over bath and offsets of these weights (q,).

        Nothing is coherent before the first pulse, and what comes after the last happens to populations
        only, to all offsets alike, with the bath at rest: there is nothing to follow one by one.
        """
        rest, offsets = self.bath.rest, self.precession.shape[1]
        strokes, (still, turning) = _strokes(train, self.bath.slice)
        found = np.broadcast_to(np.eye(3), self.rates.shape)
        coherence: ComplexArray | None = None
        for number, (before, wait, pulse) in enumerate(strokes):
            if coherence is None:  # nothing is, before the first
                begun = rest[:, None, None, None] * self._kept(before + wait)
                populations = np.repeat(begun[..., None], offsets, axis=-1)
            else:
                populations = self._relaxed(populations, before + wait)
                coherence = self._dephased(coherence, before, wait)
            coherence = self._pulse(populations, coherence, omega, pulse, last=number == len(strokes) - 1)
        if strokes:
            found = np.einsum("x,xrliq,q->rli", rest, populations, weights, optimize=True)
        return np.asarray(self._kept(still + turning) @ found)

    def _relaxed(self, populations: FloatArray, time: float) -> FloatArray:
        shape = populations.shape
        mixed = self.bath.mixed(time)
        if mixed.size > 1:
            populations = mixed @ populations.reshape(shape[0], -1)
        if self.rates.any():
            kept = self._kept(time)
            populations = kept @ populations.reshape(*shape[:3], -1)
        return populations.reshape(shape)

    def _kept(self, time: float) -> FloatArray:
        from scipy.linalg import expm

        key = round(time * 1e15)
        if key not in self.known:
            self.known[key] = np.asarray(expm(self.rates * time))
        return self.known[key]

    def _dephased(self, coherence: ComplexArray, still: float, turning: float) -> ComplexArray:
        """Let coherences precess for ``turning`` s, and decay for ``still`` s of half pulses more."""
        lower, upper, _ = self.levels
        outflow = 0.5 * (self.rates[:, lower, lower] + self.rates[:, upper, upper])
        static = self.precession[0] - self.bath.shifts[0]
        free, shape = self.bath.free(still, turning), coherence.shape
        if free.size > 1:
            coherence = (free @ coherence.reshape(shape[0], -1)).reshape(shape)
        coherence *= np.exp(outflow * (still + turning))[:, None, None] * np.exp(1j * static * turning)
        return coherence

    def _pulse(
        self,
        populations: FloatArray,
        coherence: ComplexArray | None,
        omega: float,
        pulse: tuple[float, float],
        *,
        last: bool,
    ) -> ComplexArray | None:
        """Turn the Bloch vectors by a pulse of constant phase; return the coherences, none after the last."""
        lower, upper, _ = self.levels
        turned = _rotation(omega, self.precession, *pulse)[..., None, None, :]
        down, up = populations[:, :, lower], populations[:, :, upper]
        mean, z = 0.5 * (up + down), up - down
        parts = [z] if coherence is None else [z, coherence.real, coherence.imag]
        rows = [sum(turned[row, axis] * part for axis, part in zip((2, 0, 1), parts, strict=False))
                for row in ((2,) if last else (2, 0, 1))]  # fmt: skip
        half = 0.5 * rows[0]
        populations[:, :, lower], populations[:, :, upper] = mean - half, mean + half
        return None if last else rows[1] + 1j * rows[2]


def _strokes(
    train: PulseTrain, longest: float
) -> tuple[list[tuple[float, float, tuple[float, float]]], tuple[float, float]]:
    """Return half pulses and wait (s) before each slice of a pulse, its length (s) and phase; the rest."""
    strokes = []
    still = turning = 0.0
    for length, driven, phase in zip(
        train.durations.tolist(), train.driven.tolist(), train.phases.tolist(), strict=True
    ):
        if not driven:
            turning += length
            continue
        slices = max(1, math.ceil(length / longest))
        part = length / slices
        for _ in range(slices):
            strokes.append((still + 0.5 * part, turning, (part, phase)))
            still, turning = 0.5 * part, 0.0
    return strokes, (still, turning)


def _rotation(omega: float, precession: FloatArray, duration: float, phase: float) -> FloatArray:
    """Return the rotations (3, 3, ...) about (Ω cos φ, Ω sin φ, precession) for a time, after Rodrigues."""
    speed = np.hypot(omega, precession)
    safe = np.where(speed > 0, speed, 1.0)
    axis = np.stack(
        [omega * math.cos(phase) / safe, omega * math.sin(phase) / safe, np.asarray(precession / safe)]
    )
    sine, versed = np.sin(speed * duration), 1 - np.cos(speed * duration)
    x, y, z = axis
    turned = versed * axis[:, None] * axis[None, :]
    turned[[0, 1, 2], [0, 1, 2]] += 1 - versed
    for row, column, part in ((0, 1, -z), (1, 0, z), (0, 2, y), (2, 0, -y), (1, 2, -x), (2, 1, x)):
        turned[row, column] += sine * part
    return np.asarray(turned)
