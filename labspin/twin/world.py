"""The one world that all simulated instruments share.

Devices write to it (`World.drive` a signal, `World.play` a pattern) and read from it (`World.count` photons,
`World.quadratures`, `World.reading`), and it asks the sample. Time is the bench's clock. Nothing is computed
before a question comes: a counting job sums over the *episodes* (stretches of constant pattern) that passed
since it was armed, and knows from the pattern being played when it will end.

Everything random comes from one seed. `World.begin_point` makes the noise from there on a function of
(seed, point index), so that a run that was resumed sees the noise that the uninterrupted one would have.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from labspin.clock import Clock, SimulatedClock
from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray
from labspin.physics.rc_filter import Stretch
from labspin.twin.counting import CountJob, Episode, PhotonDetector, Trigger, mean_rate
from labspin.twin.detectors import PhotonDetectors
from labspin.twin.inputs import Pattern, Signals
from labspin.twin.noise import NoiseStreams
from labspin.twin.played import Played
from labspin.twin.sample import ComplexArray, Sample
from labspin.twin.signal import Course, Staircase, Track, equal_runs, pieces
from labspin.twin.watchers import Watchers

__all__ = ["CountJob", "PhotonDetector", "Trigger", "World"]

_IDLE_PERIOD = 1e-3  # period of the one-step pattern that stands for constant outputs, s
_NEVER = (math.nan, None, math.nan)


class World:
    """Sample, signals, pattern, clock and randomness of one simulated bench.

    All methods may be called from any thread; they hold `lock`.

    Parameters
    ----------
    sample
        What is measured.
    clock
        Tells and passes the simulated time.
    seed
        Where everything random comes from.
    detectors
        Efficiency, dark rate and dead time of the photon detectors by the sample's names for them;
        those left out are ideal.

    Attributes
    ----------
    lock : threading.RLock
        Held while anything of the world changes; devices hold it while they handle a command.
    detectors : labspin.twin.detectors.PhotonDetectors
        Efficiency, dark rate and dead time of each photon detector, and the stray light that falls onto it.
    rng : numpy.random.Generator
        Noise of readings (not of counting, where each job has its own generator).
    fault_rng : numpy.random.Generator
        Faults by probability; not touched by `begin_point`.
    watchers : labspin.twin.watchers.Watchers
        Called with the time before the sample moves on or the signals change, so that who observes an
        analog detector can process what passed since the last call.
    drifting : labspin.twin.watchers.Watchers
        Called with the time before anything is played: a mount may have drifted.
    is_fresh : bool
        Whether no point has been begun yet.
    """

    def __init__(
        self,
        sample: Sample,
        clock: Clock,
        *,
        seed: int,
        detectors: Mapping[str, PhotonDetector] | None = None,
    ) -> None:
        self.sample, self.clock, self.seed = sample, clock, int(seed)
        self._noise = NoiseStreams(seed)
        self.lock = threading.RLock()
        self.detectors = PhotonDetectors(sample, detectors or {})
        sample.prepare(self.seed)
        start = clock.now()
        self._tracks: dict[str, Course] = {
            name: Track.constant(sample.defaults[name]) for name in sample.inputs
        }
        self._advanced, self._moving_until = start, -math.inf
        self._brought: Mapping[str, Course] | None = None  # courses under which the sample got to `_advanced`
        self._played = Played(self._episode(start, math.inf, Pattern.constant(_IDLE_PERIOD)))
        # The last signals of a time when nothing moved, with the courses and the episode that they belong to.
        self._still: tuple[Mapping[str, Course], Episode, Signals] | tuple[None, None, Signals]
        self._still = None, None, Signals({})
        self._readings: dict[str, tuple[float, Signals | None, float]] = {}  # time, signals, value
        self.watchers = Watchers()
        self.drifting = Watchers()
        self._playing_until = start
        self.is_fresh = True
        self.rng = self._noise.readings()
        self.fault_rng = self._noise.faults()

    # -- signals -----------------------------------------------------------------------------------------

    def drive(self, signal: str, value: float, *, slew: float = math.inf, time_constant: float = 0.0) -> None:
        """Set what an instrument puts on ``signal``.

        The sample first advances to now under the old signals.

        Parameters
        ----------
        signal
            A name out of the sample's ``inputs``.
        value
            The value (SI, or dBm) that the output goes to.
        slew
            Rate at which the output ramps from where it is, unit/s; ``inf`` jumps.
        time_constant
            First-order lag of the output behind that ramp, s (a coil behind its supply).
        """
        with self.lock:
            before = self._course(signal)
            now = self._settle()
            self._follow(signal, before.towards(value, now, slew=slew, time_constant=time_constant), now)

    def sweep(
        self, signal: str, values: Sequence[float], durations: Sequence[float], *, final: float | None = None
    ) -> None:
        """Let an instrument step ``signal`` through ``values`` from now on.

        Parameters
        ----------
        signal
            A name out of the sample's ``inputs``.
        values
            One after another, SI or dBm.
        durations
            How long each is held, s; all > 0.
        final
            Where the signal stays after one pass; ``None`` repeats for ever.
        """
        with self.lock:
            self._course(signal)
            ends = tuple(itertools.accumulate(durations))
            if not values or len(values) != len(ends) or min(durations) <= 0:
                raise ArgumentError(
                    f"sweep of {signal!r}: wanted as many durations > 0 s as values, at least one, got "
                    f"{len(values)} values and {durations!r}"
                )
            now = self._settle()
            stays = math.nan if final is None else final
            self._follow(signal, Staircase(now, tuple(values), ends, final is None, stays), now)

    def level(self, signal: str) -> float:
        """Return what ``signal`` is now.

        Parameters
        ----------
        signal
            A name out of the sample's ``inputs``.

        Returns
        -------
        float
            The value, in SI units, or in dBm.
        """
        with self.lock:
            return self._course(signal).value(self.clock.now())

    def signals(self) -> Signals:
        """Return every signal as it is now, and what is played."""
        with self.lock:
            now = self.clock.now()
            episode = self._played.at(now)
            tracks, playing, known = self._still
            if tracks is self._tracks and playing is episode:
                return known
            found = self._felt({name: track.value(now) for name, track in self._tracks.items()}, episode)
            if now >= self._moving_until:
                self._still = self._tracks, episode, found
            return found

    # -- pattern -----------------------------------------------------------------------------------------

    def play(self, pattern: Pattern, repetitions: int = -1, final: Mapping[str, float] | None = None) -> None:
        """Play ``pattern`` from now on, instead of what is being played.

        Parameters
        ----------
        pattern
            One period.
        repetitions
            How often; -1 for ever.
        final
            Levels of the lines after the last repetition (and after `stop`); lines left out are 0.
        """
        with self.lock:
            self.drifting.tell(self.clock.now())
            now = self._settle()
            rest = Pattern.constant(_IDLE_PERIOD, **(final or {}))
            end = math.inf if repetitions < 0 else now + repetitions * pattern.period
            episodes = [self._episode(now, end, pattern)] if end > now else []
            if end < math.inf:
                episodes.append(self._episode(end, math.inf, rest))
            self._playing_until = end
            self._played.replace(episodes)

    def stop(self, final: Mapping[str, float] | None = None) -> None:
        """Stop playing; the lines go to ``final`` (lines left out: 0).

        Parameters
        ----------
        final
            Level of each line afterwards, by name; None: all 0.
        """
        self.play(Pattern.constant(_IDLE_PERIOD), 0, final)

    @property
    def playing(self) -> bool:
        """Whether a pattern is being played now."""
        return self.clock.now() < self._playing_until

    # -- detectors ---------------------------------------------------------------------------------------

    def count(
        self,
        detector: str,
        *,
        gates: Sequence[tuple[float, float]],
        trigger_line: str = "trigger",
        triggers: int | None = None,
        duration: float | None = None,
        holdoff: float = 0.0,
        falling: bool = False,
        closing_trigger: bool = False,
        start: float | None = None,
    ) -> CountJob:
        """Arm a counter.

        Parameters
        ----------
        detector
            A photon detector of the sample; ``""`` for an input that nothing is connected to.
        gates
            (delay, width) of each gate after an edge of ``trigger_line``, s. A gate of infinite width is
            open all the time. A gate may reach beyond the period of the pattern.
        trigger_line
            Line of the pattern whose rising edges trigger.
        triggers
            Number of accepted triggers that open the gates, and after which the job ends; ``None``: it does
            not end by triggers.
        duration
            Time after which the job ends, s; ``None``: it does not end by time.
        holdoff
            Edges that come sooner than this after an accepted one are missed, s.
        falling
            Whether falling edges trigger instead.
        closing_trigger
            Whether the job ends with one trigger more, at its edge, instead of with the last gate.
        start
            Simulated time at which counting begins, s: now, or in the past.

        Returns
        -------
        CountJob
            Knows when it ends, and counts whole photons.
        """
        with self.lock:
            if detector and detector not in self.detectors:
                raise ArgumentError(
                    f"detector {detector!r} does not count photons; these do: {', '.join(self.detectors)}"
                )
            now = self._settle()
            job = CountJob(
                self,
                detector,
                gates=gates,
                trigger=Trigger(trigger_line, falling, holdoff),
                triggers=triggers,
                closing_trigger=closing_trigger,
                duration=duration,
                armed=now if start is None else min(start, now),
                rng=self._noise.next_job(),
            )
            self._played.arm(job)
            return job

    def mean_rate(self, detector: str) -> float:
        """Return the rate of counts of ``detector``, averaged over the pattern being played, 1/s.

        Parameters
        ----------
        detector
            Name of a photon detector.
        """
        with self.lock:
            now = self._settle()
            return mean_rate(self, detector, self._played.episodes[0], now)

    def quadratures(self, detector: str, frequency: float, times: FloatArray) -> ComplexArray:
        """Return the complex envelope of an analog detector, see `Sample.quadratures`.

        The sample is brought to the first of ``times``, not to now: it may be asked about what passed since
        the last signal changed.

        Parameters
        ----------
        detector
            Name of an analog detector.
        frequency
            Reference frequency, Hz.
        times
            Simulated times, s, increasing; shape (n,).

        Returns
        -------
        ComplexArray
            Envelope, V; shape (n,).
        """
        with self.lock:
            when, parts = np.atleast_1d(times), []
            for episode, within in self._played.parted(when):
                signals = self._felt(self.signals(), episode)
                self.sample.advance(float(within[0]), signals, self.rng)
                parts.append(self.sample.quadratures(detector, frequency, within, signals, self.rng))
            return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def stretches(self, detector: str, frequency: float, times: FloatArray) -> list[Stretch]:
        """Return what the voltage of an analog detector consisted of between ``times``: `Sample.stretches`.

        It is cut where a pattern ended or signals moved. Times are of the past since the last change, to now.

        Parameters
        ----------
        detector
            Name of an analog detector.
        frequency
            Reference frequency, Hz.
        times
            Edges of the intervals, s, increasing; shape (m + 1,).
        """
        with self.lock:
            found: list[Stretch] = []
            for signals, edges in self._constant(times):
                self.sample.advance(float(edges[0]), signals, self.rng)
                for run in equal_runs(edges):
                    found += self.sample.stretches(detector, frequency, run, signals, self.rng)
            return found

    def _constant(self, times: FloatArray) -> Iterator[tuple[Signals, FloatArray]]:
        """Cut [first, last] of ``times`` where a pattern ends or signals move; yield signals and edges."""
        begin, end = float(times[0]), float(times[-1])
        for start, stop in pieces(self._tracks.values(), begin, end):
            cuts = [start, *self._played.ends_between(start, stop), stop]
            for left, right in itertools.pairwise(cuts):
                middle = 0.5 * (left + right)
                felt = {name: track.value(middle) for name, track in self._tracks.items()}
                inside = times[(times > left) & (times < right)]
                edges = np.concatenate(([left], inside, [right]))
                yield self._felt(felt, self._played.at(middle)), edges

    def noise_density(self, detector: str, frequency: float) -> float:
        """Return the noise of an analog detector now, V/√Hz, see `Sample.noise_density`.

        Parameters
        ----------
        detector
            Name of an analog detector.
        frequency
            Frequency about which the noise is wanted, Hz.
        """
        with self.lock:
            return self.sample.noise_density(detector, frequency, self.signals())

    def reference(self, line: str) -> tuple[float, float] | None:
        """Return frequency (Hz) and time of a rising edge (s) of a played line; None if it never rises.

        Parameters
        ----------
        line
            Name of a line of the pattern.
        """
        with self.lock:
            episode = self._played.at(self.clock.now())
            edges = episode.pattern.edges(line)
            if not edges.size:
                return None
            return edges.size / episode.pattern.period, episode.origin + float(edges[0])

    def reading(self, quantity: str) -> float:
        """Return a slow quantity at the sample's probe now, see `Sample.reading`.

        Parameters
        ----------
        quantity
            Name of a quantity of the sample, such as ``"field"``.

        Returns
        -------
        float
            The quantity, in SI units.
        """
        with self.lock:
            now = self._settle()
            signals = self.signals()
            read_at, felt, value = self._readings.get(quantity, _NEVER)
            if read_at != now or felt is not signals:
                value = self.sample.reading(quantity, signals, now)
                self._readings[quantity] = now, signals, value
            return value

    # -- runs --------------------------------------------------------------------------------------------

    def begin_point(self, index: int) -> None:
        """Make the noise from here on a function of (seed, ``index``).

        Parameters
        ----------
        index
            Number of the point, from 0; a negative one for what happens before the points.
        """
        with self.lock:
            self.watchers.tell(self.clock.now())
            self.is_fresh = False
            self._noise.begin_point(index)
            self.rng = self._noise.readings()

    def restore(self, time: float) -> None:
        """Move the simulated clock on to ``time`` (s), as a resumed run does; never back.

        Parameters
        ----------
        time
            Simulated time to reach, s; an earlier one than now changes nothing.
        """
        with self.lock:
            ahead = time - self.clock.now()
            if ahead > 0:
                skip = self.clock.advance if isinstance(self.clock, SimulatedClock) else self.clock.sleep
                skip(ahead)
            self._settle()

    def truth(self) -> dict[str, float | list[float]]:
        """Return the sample's ground truth at the present signals."""
        with self.lock:
            self._settle()
            return self.sample.truth(self.signals())

    # -- what jobs need ----------------------------------------------------------------------------------

    def episodes(self) -> Sequence[Episode]:
        """Return what is played now and what is known to follow, oldest first."""
        with self.lock:
            self._settle()
            return tuple(self._played.episodes)

    def _episode(self, start: float, stop: float, pattern: Pattern, origin: float | None = None) -> Episode:
        return Episode(start, stop, pattern, start if origin is None else origin, self._tracks)

    @staticmethod
    def _felt(signals: Mapping[str, float], episode: Episode) -> Signals:
        return Signals(signals, episode.pattern, episode.origin)

    def _settle(self) -> float:
        """Bring the sample and the list of episodes to now; return now."""
        now = self.clock.now()
        if now == self._advanced and self._brought is self._tracks:
            return now
        self.watchers.tell(now)
        self._played.pass_to(now)
        if self._moving_until > self._advanced and type(self.sample).advance is not Sample.advance:
            for begin, end in pieces(self._tracks.values(), self._advanced, now):
                between = 0.5 * (begin + end)
                felt = Signals({name: track.value(between) for name, track in self._tracks.items()})
                self.sample.advance(end, felt, self.rng)
        self.sample.advance(now, self.signals(), self.rng)
        self._advanced, self._brought = now, self._tracks
        return now

    def _course(self, signal: str) -> Course:
        try:
            return self._tracks[signal]
        except KeyError:
            raise ArgumentError(
                f"signal {signal!r}: {type(self.sample).__name__} does not feel it; "
                f"it feels: {', '.join(self._tracks)}"
            ) from None

    def _follow(self, signal: str, course: Course, now: float) -> None:
        """Let ``signal`` take ``course`` from ``now`` on."""
        self._tracks = {**self._tracks, signal: course}
        self._moving_until = max(track.settled for track in self._tracks.values())
        kept = [(max(e.start, now), e.stop, e.pattern, e.origin) for e in self._played.episodes]
        self._played.replace([self._episode(*parts) for parts in kept])
