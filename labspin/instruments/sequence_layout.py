"""What a drawing of a pulse sequence shows: rows, edges, durations, phases; whatever draws it.

A pattern with a dark time of milliseconds between pulses of microseconds cannot be read on a linear axis.
Where its steps differ by more than a decade and a half, the axis becomes a schematic one: a step is as wide
as the logarithm of its duration, its duration is written above it, and long steps in which nothing happens
carry a break mark. A train of equal units is drawn as one of them, with their number.

The gates of a counter become rows like those of the lines: `with_gates`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labspin.errors import ArgumentError
from labspin.instruments.sequence import PulseSequence
from labspin.units import format_quantity

__all__ = ["GATE", "SequenceLayout", "sequence_layout", "with_gates"]

FloatArray = NDArray[np.float64]

GATE = "gate "
"""What the names of rows begin with that are gates."""
_LINEAR_SPAN = 30.0  # largest ratio of step durations that a linear axis shows well
_MOST_LABELS = 16  # more durations than these are written once each
_LONGEST_UNIT, _WORTH = 34, 8  # steps of a unit that may repeat, and steps that must be spared by it
_PHASES = {(False, False): "X", (True, False): "Y", (False, True): "−X", (True, True): "−Y"}


@dataclass(frozen=True)
class SequenceLayout:
    """A drawing, in rows from the top.

    Attributes
    ----------
    edges
        Where the steps begin, and the last ends; s on a linear axis, else without unit. Shape (n + 1,).
    is_linear
        Whether the axis is time.
    rows
        Level of every line in each step, 0 or 1, shape (n,), by its name.
    durations
        Left and right edge of steps, and how long they last, in words.
    breaks
        Middles of steps that are much shorter here than in truth.
    marks
        Middle of a pulse of the microwave, and its phase.
    folds
        Left and right edge of a unit, and how often it is played.
    """

    edges: FloatArray
    is_linear: bool
    rows: dict[str, FloatArray]
    durations: tuple[tuple[float, float, str], ...]
    breaks: tuple[float, ...]
    marks: tuple[tuple[float, str], ...]
    folds: tuple[tuple[float, float, int], ...]


def with_gates(
    sequence: PulseSequence,
    gates: Sequence[tuple[float, float]],
    detectors: Sequence[str] | None = None,
    *,
    trigger: str = "trigger",
) -> PulseSequence:
    """Return the sequence with one more line for each gate of a counter, to be drawn.

    A gate that reaches beyond the period continues at its beginning, since the sequence repeats.

    Parameters
    ----------
    sequence
        One period.
    gates
        Delay after the trigger's rising edge and width of each gate, s.
    detectors
        What each gate watches, for its name; None: not said.
    trigger
        Line that opens the gates.

    Returns
    -------
    PulseSequence
        The sequence; as it was if its trigger never rises.
    """
    pulses, period = [], sequence.duration
    starts = [pulse.start for pulse in sequence.pulses if pulse.line == trigger]
    for number, (delay, width) in enumerate(gates):
        watched = f" ({detectors[number]})" if detectors else ""
        name = f"{GATE}{chr(ord('A') + number)}{watched}"
        for start in starts:
            opened = (start + delay) % period
            shut = opened + min(width, period)
            pulses.append((name, opened, min(shut, period)))
            if shut > period * (1 + 1e-12):
                pulses.append((name, 0.0, shut - period))
    for name, opened, shut in pulses:
        if shut > opened:
            sequence = sequence.pulse(name, start=opened, duration=shut - opened)
    return sequence


def sequence_layout(
    sequence: PulseSequence, *, repetitions: int = 1, axis: str = "auto", lines: Sequence[str] = ()
) -> SequenceLayout:
    """Return how a pulse sequence is drawn.

    Parameters
    ----------
    sequence
        What to draw.
    repetitions
        Number of periods to draw, ≥ 1.
    axis
        ``"linear"``, ``"schematic"``, or ``"auto"``.
    lines
        Lines that get a row even if they stay low.

    Raises
    ------
    ArgumentError
        ``axis`` or ``repetitions`` is something else.
    SequenceError
        The sequence is empty or overlaps itself.
    """
    if axis not in ("auto", "linear", "schematic"):
        raise ArgumentError(f"axis: wanted 'auto', 'linear' or 'schematic', got {axis!r}")
    if repetitions < 1:
        raise ArgumentError(f"repetitions: wanted a whole number ≥ 1, got {repetitions!r}")
    durations, levels = sequence.levels()
    levels = {**dict.fromkeys(lines, np.zeros(durations.size)), **levels}
    durations = np.tile(durations, repetitions)
    rows = {line: np.tile(levels[line], repetitions) for line in sorted(levels, key=_order)}
    is_linear = axis == "linear" or (axis == "auto" and durations.max() <= _LINEAR_SPAN * durations.min())
    if is_linear:
        edges = np.concatenate([[0.0], np.cumsum(durations)])
        return SequenceLayout(edges, True, rows, (), (), _marks(edges, rows), ())
    kept, counts = _folded(durations, np.stack(list(rows.values())))
    durations, rows = durations[kept], {line: level[kept] for line, level in rows.items()}
    edges = np.concatenate([[0.0], np.cumsum(1.0 + 0.8 * np.log10(durations / durations.min()))])
    dark = ~np.any([level > 0 for level in rows.values()], axis=0)
    long = dark & (durations > _LINEAR_SPAN * durations.min())
    return SequenceLayout(
        edges,
        False,
        rows,
        _durations(edges, durations),
        tuple((0.5 * (edges[1:] + edges[:-1]))[long].tolist()),
        _marks(edges, rows),
        tuple((float(edges[begin]), float(edges[end]), count) for begin, end, count in counts),
    )


def _order(line: str) -> tuple[int, str]:
    """Sort the lines that most sequences have as papers draw them, then others, then gates."""
    usual = ("laser", "microwave", "phase_90", "phase_180", "trigger")
    if line.startswith(GATE):
        return 9, line
    return (usual.index(line), "") if line in usual else (8, line)


def _durations(edges: FloatArray, durations: FloatArray) -> tuple[tuple[float, float, str], ...]:
    words = [format_quantity(float(duration), "s", digits=3) for duration in durations]
    places = range(len(words))
    if len(words) > _MOST_LABELS:
        places = sorted({word: place for place, word in reversed(list(enumerate(words)))}.values())  # type: ignore[assignment]
    return tuple((float(edges[place]), float(edges[place + 1]), words[place]) for place in places)


def _marks(edges: FloatArray, rows: dict[str, FloatArray]) -> tuple[tuple[float, str], ...]:
    """Return the phase of each pulse of the microwave; that of a single one does not matter."""
    if np.count_nonzero(rows.get("microwave", np.zeros(1)) > 0) < 2:
        return ()
    none = np.zeros(edges.size - 1)
    quarter, half = (rows.get(line, none) > 0 for line in ("phase_90", "phase_180"))
    middles = 0.5 * (edges[1:] + edges[:-1])
    return tuple(
        (float(middles[step]), _PHASES[bool(quarter[step]), bool(half[step])])
        for step in np.flatnonzero(rows["microwave"] > 0)
    )


def _folded(durations: FloatArray, levels: FloatArray) -> tuple[NDArray[np.intp], list[tuple[int, int, int]]]:
    """Return which steps are drawn, and (first, last + 1, count) of units among them that repeat."""
    same = np.unique(np.vstack([np.round(durations * 1e12), levels]), axis=1, return_inverse=True)[1].ravel()
    kept: list[int] = []
    counts: list[tuple[int, int, int]] = []
    step = 0
    while step < same.size:
        unit, count = _best_unit(same[step:])
        kept += range(step, step + unit)
        if count > 1:
            counts.append((len(kept) - unit, len(kept), count))
        step += unit * count
    return np.array(kept, dtype=np.intp), counts


def _best_unit(steps: NDArray[np.intp]) -> tuple[int, int]:
    """Return length and number of the unit at the beginning whose repetition spares most; (1, 1): none."""
    best, spared = (1, 1), _WORTH - 1
    for unit in range(2, min(_LONGEST_UNIT, steps.size // 2) + 1):
        differs = np.flatnonzero(steps[unit:] != steps[:-unit])
        equal = int(differs[0]) if differs.size else steps.size - unit
        count = 1 + equal // unit
        if (count - 1) * unit > spared:
            best, spared = (unit, count), (count - 1) * unit
    return best
