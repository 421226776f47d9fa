"""Pulse sequences: which line is high from when to when.

A sequence is a value, as a number is: it is built by calls that each return a new sequence, two sequences
with the same pulses are equal, and nothing in it refers to hardware. Lines have names; the generator that
plays the sequence knows which output a name means, and its limits are given to `PulseSequence.check`.

>>> t1 = (
...     PulseSequence()
...     .then("laser", duration=10e-6)
...     .wait(1e-3)
...     .then("laser", "trigger", duration=3e-6)
... )
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labspin.errors import SequenceError
from labspin.units import format_quantity

if TYPE_CHECKING:
    from labspin.instruments.roles import PulseGenerator

__all__ = ["Pulse", "PulseSequence"]

FloatArray = NDArray[np.float64]

# Times closer than this are one time. It is far below the step of any generator (1 ns) and above the
# rounding of doubles up to patterns of an hour.
_SAME_TIME = 1e-12


@dataclass(frozen=True, slots=True)
class Pulse:
    """One line being high for a while.

    Parameters
    ----------
    line
        Name of the line, such as ``"laser"``.
    start
        Time at which the line goes high, s from the beginning of the sequence, ≥ 0.
    duration
        Time for which it stays high, s, > 0.

    Raises
    ------
    SequenceError
        A value is not a finite number in its range, or the line has no name.
    """

    line: str
    start: float
    duration: float

    def __post_init__(self) -> None:
        if not isinstance(self.line, str) or not self.line:
            raise SequenceError(f"pulse: wanted the name of a line such as 'laser', got {self.line!r}")
        start = _time(f"start of a pulse on line {self.line!r}", self.start, least=0.0)
        duration = _time(f"duration of a pulse on line {self.line!r}", self.duration, above=0.0)
        object.__setattr__(self, "start", start)
        object.__setattr__(self, "duration", duration)

    @property
    def stop(self) -> float:
        """Time at which the line goes low again, s."""
        return self.start + self.duration


@dataclass(frozen=True, slots=True)
class PulseSequence:
    """Pulses on named lines; one period of a pattern that may repeat.

    The object never changes: `pulse`, `then`, `wait`, ``+`` and ``*`` return a new sequence.

    Parameters
    ----------
    pulses
        The pulses, in any order. Pulses that touch on one line make one longer pulse.
    length
        Time that the sequence lasts at least, s; it lasts until the end of its last pulse if that is later.
    """

    pulses: tuple[Pulse, ...] = ()
    length: float = 0.0
    duration: float = field(init=False)
    """Time that the sequence lasts, s."""

    def __post_init__(self) -> None:
        pulses = tuple(sorted(self.pulses, key=lambda pulse: (pulse.start, pulse.line, pulse.duration)))
        length = _time("length of a pulse sequence", self.length, least=0.0)
        end = max((pulse.stop for pulse in pulses), default=0.0)
        object.__setattr__(self, "pulses", pulses)
        object.__setattr__(self, "duration", max(length, end))
        # The declared length counts only where it exceeds the pulses: so equal patterns are equal objects.
        object.__setattr__(self, "length", length if length > end else 0.0)

    @property
    def lines(self) -> tuple[str, ...]:
        """Names of the lines that have pulses, in the order of their first one."""
        return tuple(dict.fromkeys(pulse.line for pulse in self.pulses))

    def pulse(self, line: str, *, start: float, duration: float) -> PulseSequence:
        """Return the sequence with one more pulse.

        Parameters
        ----------
        line
            Name of the line.
        start
            When the pulse begins, s after the start of the sequence.
        duration
            Length of the pulse, s.
        """
        return PulseSequence((*self.pulses, Pulse(line, start, duration)), self.duration)

    def then(self, *lines: str, duration: float) -> PulseSequence:
        """Return the sequence with one more step at its end.

        Parameters
        ----------
        *lines
            Names of the lines that are high in the step; all others are low.
        duration
            Length of the step, s; not negative.
        """
        added = (Pulse(line, self.duration, duration) for line in dict.fromkeys(lines))
        length = self.duration + _time("duration of a step", duration, least=0.0)
        return PulseSequence((*self.pulses, *added), length)

    def wait(self, duration: float) -> PulseSequence:
        """Return the sequence with a step at its end in which all lines are low.

        Parameters
        ----------
        duration
            Length of the step, s; zero adds nothing.
        """
        return self.then(duration=duration)

    def __add__(self, other: PulseSequence) -> PulseSequence:
        """Return ``self`` followed by ``other``."""
        if not isinstance(other, PulseSequence):
            return NotImplemented
        shifted = (Pulse(p.line, p.start + self.duration, p.duration) for p in other.pulses)
        return PulseSequence((*self.pulses, *shifted), self.duration + other.duration)

    def __mul__(self, count: int) -> PulseSequence:
        """Return ``count`` copies of the sequence, one after the other."""
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise SequenceError(f"repetition of a pulse sequence: wanted a whole number ≥ 0, got {count!r}")
        period = self.duration
        copies = (Pulse(p.line, p.start + n * period, p.duration) for n in range(count) for p in self.pulses)
        return PulseSequence(tuple(copies), count * period)

    def on_grid(self, resolution: float) -> PulseSequence:
        """Return the sequence with every edge moved to the nearest point of a grid.

        Parameters
        ----------
        resolution
            Step of the grid, s; more than zero.

        Raises
        ------
        SequenceError
            A pulse is so short that it would vanish.
        """
        step = _time("resolution", resolution, above=0.0)
        pulses = []
        for pulse in self.pulses:
            start, stop = round(pulse.start / step), round(pulse.stop / step)
            if stop <= start:
                raise SequenceError(
                    f"pulse on line {pulse.line!r} at {_seconds(pulse.start)} lasts "
                    f"{_seconds(pulse.duration)} and would vanish on a grid of "
                    f"{_seconds(step)}; make it longer"
                )
            pulses.append(Pulse(pulse.line, start * step, (stop - start) * step))
        return PulseSequence(tuple(pulses), round(self.duration / step) * step)

    def levels(self) -> tuple[FloatArray, dict[str, FloatArray]]:
        """Return the sequence as steps of constant levels.

        Returns
        -------
        durations
            How long each step lasts, s, shape (n,), all > 0.
        levels
            For every line its level in each step, 0 or 1, shape (n,).

        Raises
        ------
        SequenceError
            The sequence is empty, or pulses on one line overlap.
        """
        times, levels = self._edges()
        changed = np.zeros(times.size - 1, dtype=bool)
        changed[0] = True
        for level in levels.values():
            changed[1:] |= np.diff(level) != 0
        durations = np.diff(np.append(times[:-1][changed], times[-1]))
        return durations, {line: level[changed].astype(np.float64) for line, level in levels.items()}

    def _edges(self) -> tuple[FloatArray, dict[str, NDArray[np.int64]]]:
        """Return the edge times (n+1,), beginning and end included, and every line's levels (n,)."""
        if self.duration <= _SAME_TIME:
            raise SequenceError(
                "pulse sequence: wanted pulses or waits, got none; add them with pulse or then"
            )
        starts = np.array([pulse.start for pulse in self.pulses])
        stops = np.array([pulse.stop for pulse in self.pulses])
        every = np.sort(np.concatenate([starts, stops, [0.0, self.duration]]))
        times = every[np.append(True, np.diff(every) > _SAME_TIME)]
        first = np.searchsorted(times, starts + _SAME_TIME) - 1
        last = np.searchsorted(times, stops + _SAME_TIME) - 1
        index = {line: n for n, line in enumerate(self.lines)}
        row = np.array([index[pulse.line] for pulse in self.pulses], dtype=np.intp)
        change = np.zeros((len(index), times.size), dtype=np.int64)
        np.add.at(change, (row, first), 1)
        np.add.at(change, (row, last), -1)
        levels = np.cumsum(change, axis=1)[:, :-1]
        self._refuse_overlap(times, levels)
        return times, dict(zip(index, levels, strict=True))

    def _refuse_overlap(self, times: FloatArray, levels: NDArray[np.int64]) -> None:
        overlap = np.argwhere(levels > 1)
        if overlap.size:
            row, step = overlap[0]
            raise SequenceError(
                f"pulses on line {self.lines[row]!r} overlap at {_seconds(times[step])}; "
                "shorten the first or start the second later"
            )

    def check(
        self,
        *,
        resolution: float,
        minimum_pulse: float = 0.0,
        minimum_step: float = 0.0,
        max_steps: int | None = None,
        longest_step: float = math.inf,
        lines: Iterable[str] | None = None,
    ) -> None:
        """Refuse the sequence unless a generator can play it.

        Parameters
        ----------
        resolution
            Time step of the generator, s; every edge must lie on a multiple of it.
        minimum_pulse
            Shortest time between two changes of one line, s.
        minimum_step
            Shortest time between two changes of any lines, unless they coincide, s.
        max_steps
            Number of steps that the generator's memory holds.
        longest_step
            Longest step of the memory, s; a longer wait takes several.
        lines
            Names of the lines that the generator has; None: any.

        Raises
        ------
        SequenceError
            Pulses overlap, an edge lies between two time steps, a pulse or gap is too short, the pattern is
            too large for the memory, or a line does not exist; the text names line and time.
        """
        self._check_lines(lines)
        durations = self.levels()[0]
        steps = int(np.maximum(np.ceil(durations / longest_step), 1).sum())
        if max_steps is not None and steps > max_steps:
            raise SequenceError(
                f"pulse sequence: its {_seconds(self.duration)} take {steps} steps and the generator's "
                f"memory holds {max_steps}; play a shorter sequence"
            )
        times, levels = self._edges()
        rounding = _SAME_TIME + 4 * np.finfo(np.float64).eps * times
        off_grid = np.abs(times / resolution - np.round(times / resolution)) * resolution > rounding
        if off_grid.any():
            bad = times[off_grid][0]
            raise SequenceError(
                f"pulse sequence: the edge at {bad:.12g} s is no multiple of the generator's resolution of "
                f"{_seconds(resolution)}; round the sequence with on_grid({resolution:g})"
            )
        for line, level in levels.items():
            self._check_shortest(line, times, level, minimum_pulse)
        self._check_steps(durations, minimum_step)

    def check_for(self, generator: PulseGenerator) -> None:
        """Refuse the sequence unless ``generator`` can play it; reads its limits only.

        Parameters
        ----------
        generator
            The pulse generator.

        Raises
        ------
        SequenceError
            As for `check`.
        """
        self.check(
            resolution=generator.resolution,
            minimum_pulse=generator.minimum_pulse,
            minimum_step=generator.minimum_step,
            max_steps=generator.max_steps,
            longest_step=generator.longest_step,
            lines=generator.lines,
        )

    @staticmethod
    def _check_steps(durations: FloatArray, minimum: float) -> None:
        short = np.flatnonzero(durations < minimum - _SAME_TIME)
        if short.size:
            start = durations[: short[0]].sum()
            raise SequenceError(
                f"pulse sequence: lines change at {_seconds(start)} and again "
                f"{_seconds(durations[short[0]])} later, and the generator needs at least "
                f"{_seconds(minimum)} between any two edges; let them coincide or move them apart"
            )

    def _check_lines(self, lines: Iterable[str] | None) -> None:
        if lines is None:
            return
        known = tuple(lines)
        for line in self.lines:
            if line not in known:
                raise SequenceError(
                    f"pulse sequence: the generator has no line {line!r}; it has {', '.join(known) or 'none'}"
                )

    @staticmethod
    def _check_shortest(line: str, times: FloatArray, level: NDArray[np.int64], minimum: float) -> None:
        # Beginning and end of the sequence are no edges: the level before and after is the generator's.
        edges = times[1:-1][np.diff(level) != 0]
        inside = np.concatenate([edges, [times[-1]]]) if level[-1] else edges
        inside = np.concatenate([[times[0]], inside]) if level[0] else inside
        short = np.diff(inside) < minimum - _SAME_TIME
        if short.any():
            start, apart = inside[:-1][short][0], np.diff(inside)[short][0]
            raise SequenceError(
                f"line {line!r}: it changes at {_seconds(start)} and again {_seconds(apart)} later, and "
                f"the generator needs at least {_seconds(minimum)}; make the pulse or gap longer"
            )

    def to_dict(self) -> dict[str, object]:
        """Return the sequence as plain numbers, text and lists."""
        return {
            "duration": self.duration,
            "pulses": [[pulse.line, pulse.start, pulse.duration] for pulse in self.pulses],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PulseSequence:
        """Return the sequence that `to_dict` wrote.

        Parameters
        ----------
        data
            The duration under ``"duration"``, and (line, start, duration) of each pulse under ``"pulses"``;
            times in s.

        Raises
        ------
        SequenceError
            ``data`` is something else.
        """
        try:
            pulses = tuple(Pulse(line, start, duration) for line, start, duration in data["pulses"])
            return cls(pulses, data["duration"])
        except (KeyError, TypeError, ValueError) as error:
            raise SequenceError(
                "pulse sequence: wanted {'duration': …, 'pulses': [[line, start, duration], …]}, "
                f"got {data!r}"
            ) from error


def _time(name: str, value: float, *, least: float | None = None, above: float | None = None) -> float:
    """Return ``value`` as a finite time in s within its bounds."""
    number = math.nan
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        number = float(value)
    too_small = (least is not None and number < least) or (above is not None and number <= above)
    if not math.isfinite(number) or too_small:
        bound = f"> {above:g}" if above is not None else f"≥ {least or 0:g}"
        raise SequenceError(f"{name}: wanted a time {bound} s, got {value!r}")
    return number


def _seconds(value: float) -> str:
    return format_quantity(float(value), "s", digits=6)
