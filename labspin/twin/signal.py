"""How one output moves: to its set-point, by a ramp with a lag behind it, or through steps."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from labspin.physics.arguments import FloatArray

__all__ = ["Course", "Staircase", "Track", "equal_runs", "pieces"]

_PIECES_OF_A_RAMP = 8
_MOST_STEPS = 20_000  # of a staircase that are looked at one by one

_LAGS_TO_SETTLE = 40.0  # exp(-40) is below the rounding of a double


@dataclass(frozen=True)
class Track:
    """Course of a signal from ``start`` on, until another track replaces it.

    The command r(t) ramps from ``ramp_from`` to ``target`` at ``slew``; the output y(t) follows with a
    first-order lag, ``time_constant * dy/dt + y = r``, from ``output_from``.
    """

    start: float  # s
    ramp_from: float
    output_from: float
    target: float
    slew: float = math.inf  # unit/s
    time_constant: float = 0.0  # s

    @classmethod
    def constant(cls, value: float) -> Track:
        """Return a signal that has always been ``value``.

        Parameters
        ----------
        value
            The value, in SI units, or in dBm.
        """
        return cls(start=-math.inf, ramp_from=value, output_from=value, target=value)

    def towards(self, target: float, now: float, *, slew: float, time_constant: float) -> Track:
        """Return the track that goes from the present output to ``target``.

        Parameters
        ----------
        target
            Value to go to, in the unit of the signal.
        now
            Simulated time at which the track begins, s.
        slew
            Rate of the ramp, unit/s; ``inf`` jumps.
        time_constant
            First-order lag of the output behind the ramp, s; 0 is none.
        """
        command, output = self._command(now), self.value(now)
        if math.isinf(output) or math.isinf(target):  # an output switched on or off (dBm) does not ramp
            return Track(now, target, target, target)
        return Track(now, command if slew < math.inf else target, output, target, slew, time_constant)

    @property
    def ramp_ends(self) -> float:
        """Time at which the command reaches the target, s."""
        if self.ramp_from == self.target or math.isinf(self.slew):
            return self.start
        return self.start + abs(self.target - self.ramp_from) / self.slew

    @property
    def settled(self) -> float:
        """Time from which the output is the target, s."""
        if self.output_from == self.target and self.ramp_from == self.target:
            return self.start
        return self.ramp_ends + _LAGS_TO_SETTLE * self.time_constant

    def value(self, time: float) -> float:
        """Return the output at ``time``, which is not before ``start``.

        Parameters
        ----------
        time
            Simulated time, s.

        Returns
        -------
        float
            The output, in the unit of the signal.
        """
        if time >= self.settled:
            return self.target
        if self.time_constant == 0:
            return self._command(time)
        ends = self.ramp_ends
        if time < ends:
            return self._lagging_ramp(time - self.start)
        at_end = self._lagging_ramp(ends - self.start) if ends > self.start else self.output_from
        return self.target + (at_end - self.target) * math.exp(-(time - ends) / self.time_constant)

    def _command(self, time: float) -> float:
        if time >= self.ramp_ends:
            return self.target
        step = self.slew * (time - self.start)
        return self.ramp_from + math.copysign(step, self.target - self.ramp_from)

    def _lagging_ramp(self, elapsed: float) -> float:
        rate = math.copysign(self.slew, self.target - self.ramp_from)
        lag = rate * self.time_constant
        course = self.ramp_from + rate * elapsed - lag
        return course + (self.output_from - self.ramp_from + lag) * math.exp(-elapsed / self.time_constant)


@dataclass(frozen=True)
class Staircase:
    """Course of a swept output: ``values`` one after another, each for its ``durations``, from ``start`` on.

    It starts again after the last, or stays at ``final`` if it does not ``repeat``.
    """

    start: float  # s
    values: tuple[float, ...]
    ends: tuple[float, ...]  # s after the start of a pass; increasing
    repeat: bool = False
    final: float = math.nan

    @property
    def period(self) -> float:
        """Duration of one pass, s."""
        return self.ends[-1]

    @property
    def settled(self) -> float:
        """Time from which the output does not change any more, s."""
        return math.inf if self.repeat else self.start + self.period

    def value(self, time: float) -> float:
        """Return the output at ``time``, which is not before ``start``.

        Parameters
        ----------
        time
            Simulated time, s.

        Returns
        -------
        float
            The output, in the unit of the signal.
        """
        elapsed = time - self.start
        if elapsed >= self.period:
            if not self.repeat:
                return self.final
            elapsed %= self.period
        return self.values[min(bisect.bisect_right(self.ends, max(elapsed, 0.0)), len(self.values) - 1)]

    def towards(self, target: float, now: float, *, slew: float, time_constant: float) -> Track:
        """Return the track that goes from the present output to ``target``.

        Parameters
        ----------
        target
            Value to go to, in the unit of the signal.
        now
            Simulated time at which the track begins, s.
        slew
            Rate of the ramp, unit/s; ``inf`` jumps.
        time_constant
            First-order lag of the output behind the ramp, s; 0 is none.
        """
        return Track.constant(self.value(now)).towards(target, now, slew=slew, time_constant=time_constant)

    def changes(self, start: float, stop: float, most: int) -> list[float]:
        """Return the first ``most`` times between ``start`` and ``stop`` at which the output steps, s.

        Parameters
        ----------
        start, stop
            Simulated times between which to look, s; neither is included.
        most
            Largest number of times to return.
        """
        found: list[float] = []
        passes = math.floor((start - self.start) / self.period) if self.repeat else 0
        while True:
            origin = self.start + passes * self.period
            for end in self.ends[max(bisect.bisect_right(self.ends, start - origin), 0) :]:
                if origin + end >= stop or len(found) >= most:
                    return found
                if origin + end > start:
                    found.append(origin + end)
            if not self.repeat:
                return found
            passes += 1


Course = Track | Staircase


def pieces(courses: Iterable[Course], start: float, stop: float) -> list[tuple[float, float]]:
    """Cut [start, stop] so that in each piece signals are (nearly) constant.

    Ramps are cut evenly, staircases at their steps. A stretch with more steps than can be looked at is cut
    evenly instead, so that a fast sweep is sampled rather than followed.

    Parameters
    ----------
    courses
        Courses of the signals.
    start, stop
        Simulated times between which to cut, s.

    Returns
    -------
    list[tuple[float, float]]
        Start and stop of each piece, s, in order.
    """
    moving = [course for course in courses if course.settled > start]
    if not moving:
        return [(start, stop)]
    cuts = {start, stop}
    ramps_end = max((course.settled for course in moving if isinstance(course, Track)), default=start)
    if ramps_end > start:
        end = min(ramps_end, stop)
        cuts.update(start + (end - start) * n / _PIECES_OF_A_RAMP for n in range(1, _PIECES_OF_A_RAMP))
        cuts.add(end)
    for course in moving:
        if isinstance(course, Staircase):
            steps = course.changes(start, stop, _MOST_STEPS + 1)
            if len(steps) > _MOST_STEPS:
                steps = [start + (stop - start) * n / _MOST_STEPS for n in range(1, _MOST_STEPS)]
            cuts.update(steps)
    return list(itertools.pairwise(sorted(cuts)))


def equal_runs(edges: FloatArray) -> Iterator[FloatArray]:
    """Cut edges into runs of equal intervals.

    Parameters
    ----------
    edges
        Times, s, increasing; shape (n,).
    """
    steps = np.diff(edges)
    uneven = np.abs(np.diff(steps)) > 1e-6 * steps[:-1] + 8 * np.spacing(abs(edges[-1]))
    cuts = [0, *(np.flatnonzero(uneven) + 1).tolist(), len(steps)]
    for begin, end in itertools.pairwise(cuts):
        yield edges[begin : end + 1]
