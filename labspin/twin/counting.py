"""Counting photons in gates: how many whole counts a gated counter has after so many triggers.

A job adds up *episodes*, stretches of simulated time with one pattern. In each it finds how many rising
edges of the trigger line it accepted, asks the sample for the mean photons in every gate, and draws whole
counts. What is assumed:

* The sample is in the periodic steady state of the pattern from its first repetition on.
* Dead time is non-paralysable and acts on the rate averaged over a gate. With ``n`` the mean rate of photons
  and dark counts in the gate and ``τ`` the dead time, the counts have the mean ``nT/(1 + nτ)`` and the
  variance ``nT/(1 + nτ)³`` of such a process (Knoll, *Radiation Detection and Measurement*, chapter 4;
  Müller, Nucl. Instrum. Methods 112, 47 (1973)), which is below Poisson's. They are drawn from the binomial
  distribution of that mean and variance.
* Gates are independent, also where they overlap.
* While a signal ramps or is swept, an episode is summed in pieces, each with the signals at its middle.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray
from labspin.twin.inputs import Pattern, Signals
from labspin.twin.signal import Course, pieces

if TYPE_CHECKING:
    from labspin.twin.world import World

__all__ = ["CountJob", "Episode", "PhotonDetector", "Trigger", "mean_rate"]

_MANY_PERIODS = 1000  # an ungated count over more of them ignores what part of a period begins and ends it


@dataclass(frozen=True)
class PhotonDetector:
    """A counting photodetector.

    Parameters
    ----------
    efficiency
        Photons that are detected, as a fraction of those that arrive.
    dark_rate
        Counts in the dark, 1/s.
    dead_time
        Time after a count in which the next is missed, s; photons missed do not prolong it.
    """

    efficiency: float = 1.0
    dark_rate: float = 0.0  # 1/s
    dead_time: float = 0.0  # s

    def __post_init__(self) -> None:
        if not 0 <= self.efficiency <= 1:
            raise ArgumentError(f"efficiency of the photon detector: wanted 0 to 1, got {self.efficiency!r}")
        for name in ("dark_rate", "dead_time"):
            if not (0 <= getattr(self, name) < math.inf):
                raise ArgumentError(
                    f"{name} of the photon detector: wanted a finite value ≥ 0, got {getattr(self, name)!r}"
                )

    def draw(self, photons: FloatArray, open_time: FloatArray, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return random counts in gates that were open for ``open_time`` and saw ``photons`` on average.

        Parameters
        ----------
        photons
            Mean number of photons that arrive in each gate, before efficiency; any shape.
        open_time
            Time that each gate is open, s; the shape of ``photons``.
        rng
            Source of the counting noise.

        Returns
        -------
        NDArray[np.int64]
            Counts, of the shape of ``photons``.
        """
        incoming = photons * self.efficiency + self.dark_rate * open_time
        rate = np.divide(incoming, open_time, out=np.zeros_like(incoming), where=open_time > 0)
        live = 1 / (1 + rate * self.dead_time)
        mean = incoming * live
        if self.dead_time == 0:
            return rng.poisson(mean).astype(np.int64)
        # Binomial of n trials with n p = mean and 1 - p = variance / mean = live².
        wanted = np.maximum(1 - live**2, 1e-9)
        trials = np.maximum(np.ceil(mean / wanted), 1)
        return rng.binomial(trials.astype(np.int64), np.minimum(mean / trials, 1.0)).astype(np.int64)


@dataclass(frozen=True)
class Episode:
    """A stretch of simulated time in which one pattern repeats.

    ``origin`` is when the pattern was started, which fixes its phase: a change of signals begins a new
    episode of the same pattern.
    """

    start: float  # s
    stop: float  # s
    pattern: Pattern
    origin: float  # s
    tracks: Mapping[str, Course]

    def signals(self, time: float) -> Signals:
        """Return every signal at ``time``.

        Parameters
        ----------
        time
            Simulated time, s.
        """
        return Signals({name: track.value(time) for name, track in self.tracks.items()})

    def pieces(self, start: float, stop: float) -> list[tuple[float, float]]:
        """Cut [start, stop] so that in each piece signals are (nearly) constant.

        Parameters
        ----------
        start, stop
            Simulated times between which to cut, s.

        Returns
        -------
        list[tuple[float, float]]
            Start and stop of each piece, s, in order.
        """
        return pieces(self.tracks.values(), start, stop)


@dataclass(frozen=True)
class Trigger:
    """What triggers a counter: a line of the pattern, its slope, and how soon the next may come."""

    line: str = "trigger"
    falling: bool = False
    holdoff: float = 0.0  # s


class _Train:
    """Which edges of a repeating pattern trigger, and the gates that follow each.

    A counter that is still busy misses an edge. Edges late in the period that would make it miss the first
    edge of the next are left out too, so that every (super-)period is alike.
    """

    def __init__(self, pattern: Pattern, trigger: Trigger, gates: FloatArray) -> None:
        self.pattern, self.gates, self.period = pattern, gates, pattern.period
        edges = pattern.edges(trigger.line, falling=trigger.falling)
        self.edges = self._accepted(edges, trigger.holdoff)
        self.misses = self.edges.size < edges.size or self.period > pattern.period

    def _accepted(self, edges: FloatArray, holdoff: float) -> FloatArray:
        if holdoff <= 0 or edges.size == 0:
            return edges
        if holdoff > self.period:
            self.period *= math.ceil(holdoff / self.period)
            return edges[:1]
        kept = [edges[0]]
        for edge in edges[1:]:
            if edge - kept[-1] >= holdoff and edges[0] + self.period - edge >= holdoff:
                kept.append(edge)
        return np.array(kept)

    def before(self, time_since_origin: float) -> int:
        """Return how many edges came before that time."""
        whole = math.floor(time_since_origin / self.period)
        rest = time_since_origin - whole * self.period
        return whole * self.edges.size + int(np.searchsorted(self.edges, rest))

    def time_of(self, index: int) -> float:
        """Return when edge number ``index`` comes, s since the origin."""
        whole, which = divmod(index, self.edges.size)
        return whole * self.period + float(self.edges[which])

    def gate_means(self, means_in: _Means, first: int, last: int) -> FloatArray:
        """Return the mean photons in each gate over edges ``first`` ≤ index < ``last``, shape (gates,)."""
        count = self.edges.size
        which = np.arange(count)
        times = (last - which + count - 1) // count - (first - which + count - 1) // count
        windows, owner = self._windows()
        means = np.zeros((count, len(self.gates)))
        np.add.at(means.reshape(-1), owner, means_in(windows))
        return times @ means

    def _windows(self) -> tuple[FloatArray, NDArray[np.int64]]:
        """Cut every gate after every edge into windows inside the pattern's period."""
        period = self.pattern.period
        starts = (self.edges[:, None] + self.gates[:, 0]) % period
        stops = starts + self.gates[:, 1]
        if (stops <= period).all():
            return np.stack([starts.ravel(), stops.ravel()], axis=1), np.arange(starts.size)
        windows, owner = [], []
        for edge_index, edge in enumerate(self.edges):
            for gate_index, (delay, width) in enumerate(self.gates):
                start, left = (edge + delay) % period, width
                while left > 0:
                    stop = min(start + left, period)
                    windows.append((start, stop))
                    owner.append(edge_index * len(self.gates) + gate_index)
                    left, start = left - (stop - start) if stop - start < left else 0.0, 0.0
        return np.array(windows).reshape(-1, 2), np.array(owner, dtype=np.int64)


class _Means:
    """Mean photons in windows of one pattern, at the signals of a time and the mean drift over it."""

    def __init__(self, world: World, detector: str, episode: Episode, begin: float, end: float) -> None:
        self._world, self._detector, self._episode = world, detector, episode
        self._begin, self._end = begin, end

    def __call__(self, windows: FloatArray) -> FloatArray:
        episode, sample = self._episode, self._world.sample
        if not self._detector:
            return np.zeros(len(windows))
        signals = episode.signals(0.5 * (self._begin + self._end))
        return sample.expected_photons(
            self._detector, episode.pattern, windows, signals, self._begin, self._end
        )


class CountJob:
    """A counter at work; made by `World.count`.

    Attributes
    ----------
    armed : float
        Simulated time at which counting began, s.
    """

    def __init__(
        self,
        world: World,
        detector: str,
        *,
        gates: Sequence[tuple[float, float]],
        trigger: Trigger,
        triggers: int | None,
        closing_trigger: bool,
        duration: float | None,
        armed: float,
        rng: np.random.Generator,
    ) -> None:
        self._gates = _checked_gates(gates)
        if triggers is not None and triggers < 1:
            raise ArgumentError(f"triggers of a counting job: wanted at least 1, got {triggers!r}")
        if duration is not None and not duration > 0:
            raise ArgumentError(f"duration of a counting job: wanted > 0 s, got {duration!r}")
        self.armed = armed
        self._world, self._detector, self._rng, self._trigger = world, detector, rng, trigger
        self._gated_triggers = math.inf if triggers is None else triggers
        self._wanted = self._gated_triggers + (1 if closing_trigger else 0)
        self._deadline = math.inf if duration is None else armed + duration
        self._open = np.isinf(self._gates[:, 1])
        gated = self._gates[~self._open]
        self._tail = 0.0 if closing_trigger or not len(gated) else float(gated.sum(axis=1).max())
        self._at, self._triggers, self._ended = armed, 0, math.inf
        self._counts = np.zeros(len(self._gates), dtype=np.int64)
        self._open_time = np.zeros(len(self._gates))
        self._train: _Train | None = None

    @property
    def ends(self) -> float:
        """Simulated time at which the job ends if nothing is changed, s; ``inf`` if nothing will end it."""
        episodes = self._world.episodes()  # which brings this job up to the present episode
        if self._ended < math.inf or math.isinf(self._wanted):
            return min(self._ended, self._deadline)
        counted = self._triggers
        for episode in episodes:
            end, accepted = self._end_in(episode, max(self._at, episode.start), counted)
            if end < math.inf:
                return min(end, self._deadline)
            counted += accepted
        return self._deadline

    @property
    def done(self) -> bool:
        """Whether the job has ended."""
        return self._world.clock.now() >= self.ends

    @property
    def triggers(self) -> int:
        """Triggers accepted so far."""
        self._catch_up()
        return self._triggers

    @property
    def misses_triggers(self) -> bool:
        """Whether triggers of the present pattern come too fast to be accepted all."""
        with self._world.lock:
            return self._trained(self._world.episodes()[0].pattern).misses

    @property
    def elapsed(self) -> float:
        """Time counted so far, s."""
        return min(self._world.clock.now(), self.ends) - self.armed

    def counts(self) -> NDArray[np.int64]:
        """Return the counts of every gate so far, shape (gates,)."""
        self._catch_up()
        return self._counts.copy()

    def open_time(self) -> FloatArray:
        """Return how long every gate has been open so far, s, shape (gates,)."""
        self._catch_up()
        return self._open_time.copy()

    def stop(self) -> None:
        """End the job now."""
        self._catch_up()
        self._deadline = min(self._deadline, self._world.clock.now())

    def absorb(self, episode: Episode, until: float) -> None:
        """Continue to count through ``episode`` up to time ``until``; the world calls this before it changes.

        Parameters
        ----------
        episode
            Stretch of time in which one pattern repeats, and its signals.
        until
            Simulated time up to which to count, s.
        """
        start = max(self._at, episode.start)
        if self._ended == math.inf and self._wanted < math.inf and start < min(until, episode.stop):
            end, _ = self._end_in(episode, start, self._triggers)
            self._ended = end if end - self._tail <= until else math.inf
        stop = min(until, episode.stop, self._deadline, self._ended)
        if stop <= start:
            return
        for begin, end in episode.pieces(start, stop):
            self._count(episode, begin, end)
        self._at = stop

    def _end_in(self, episode: Episode, start: float, counted: int) -> tuple[float, int]:
        """Return when the job ends in ``episode`` (``inf``: later), and the triggers accepted in it."""
        train = self._trained(episode.pattern)
        if train.edges.size == 0:
            return math.inf, 0
        first = train.before(start - episode.origin)
        last_edge = episode.origin + train.time_of(first + int(self._wanted) - counted - 1)
        if last_edge < episode.stop:
            return last_edge + self._tail, int(self._wanted) - counted
        return math.inf, max(train.before(episode.stop - episode.origin) - first, 0)

    def _count(self, episode: Episode, begin: float, end: float) -> None:
        means_in = _Means(self._world, self._detector, episode, begin, end)
        mean, open_time = np.zeros(len(self._gates)), np.zeros(len(self._gates))
        train, gated = self._trained(episode.pattern), ~self._open
        if train.edges.size:
            first, last = (train.before(time - episode.origin) for time in (begin, end))
            accepted = int(min(last - first, self._wanted - self._triggers))
            followed = int(min(accepted, max(self._gated_triggers - self._triggers, 0)))
            if followed > 0 and gated.any():
                mean[gated] = train.gate_means(means_in, first, first + followed)
                open_time[gated] = followed * self._gates[gated, 1]
            self._triggers += max(accepted, 0)
        if self._open.any():
            mean[self._open] = _mean_while_open(means_in, episode, begin, end)
            open_time[self._open] = end - begin
        self._open_time += open_time
        self._counts += self._world.detectors.connected(self._detector).draw(mean, open_time, self._rng)

    def _trained(self, pattern: Pattern) -> _Train:
        if self._train is None or self._train.pattern is not pattern:
            self._train = _Train(pattern, self._trigger, self._gates[~self._open])
        return self._train

    def _catch_up(self) -> None:
        with self._world.lock:
            self.absorb(self._world.episodes()[0], self._world.clock.now())


def _mean_while_open(means_in: _Means, episode: Episode, begin: float, end: float) -> float:
    """Return the mean photons between two times, ungated."""
    pattern = episode.pattern
    period = pattern.period
    if pattern.durations.size == 1 or end - begin > _MANY_PERIODS * period:
        return float(means_in(np.array([[0.0, period]]))[0]) * (end - begin) / period
    first, last = (math.floor((time - episode.origin) / period) for time in (begin, end))
    phases = [time - episode.origin - n * period for time, n in ((begin, first), (end, last))]
    windows = np.clip([[0.0, phases[0]], [0.0, phases[1]], [0.0, period]], 0.0, period)
    before, after, whole = means_in(windows)
    return float((last - first) * whole + after - before)


def _checked_gates(gates: Sequence[tuple[float, float]]) -> FloatArray:
    array = np.asarray(gates, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 2 or len(array) == 0:
        raise ArgumentError(f"gates of a counting job: wanted (delay, width) pairs, got {gates!r}")
    if not np.all(np.isfinite(array[:, 0]) & (array[:, 0] >= 0) & (array[:, 1] > 0)):
        raise ArgumentError(f"gates of a counting job: wanted delays ≥ 0 and widths > 0 s, got {gates!r}")
    return array


def mean_rate(world: World, detector: str, episode: Episode, time: float) -> float:
    """Return the rate of counts that ``detector`` gives on average over the pattern, 1/s.

    Parameters
    ----------
    world
        World whose sample emits the photons.
    detector
        Name of a photon detector; ``""`` is none.
    episode
        The pattern that is played, and its signals.
    time
        Simulated time at which signals and drift are taken, s.
    """
    properties, period = world.detectors.connected(detector), episode.pattern.period
    photons = float(_Means(world, detector, episode, time, time)(np.array([[0.0, period]]))[0])
    rate = photons * properties.efficiency / period + properties.dark_rate
    return rate / (1 + rate * properties.dead_time)
