"""Drawing of pulse sequences: one trace a line, as papers draw them.

A pattern with a dark time of milliseconds between pulses of microseconds cannot be read on a linear axis.
Where the steps of a pattern differ by more than a decade and a half, the axis becomes a schematic one: a step
is drawn as wide as the logarithm of its duration, its duration stands above it, and long steps in which
nothing happens carry a break mark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labspin.errors import ArgumentError
from labspin.units import format_quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from labspin.instruments.sequence import PulseSequence

__all__ = ["draw_sequence"]

FloatArray = NDArray[np.float64]

_LINEAR_SPAN = 30.0  # largest ratio of step durations that a linear axis shows well
_MOST_LABELS = 16  # more durations than these do not fit above a figure
_HEIGHT = 0.62
_COLOURS = {"laser": "#2a9d4a", "microwave": "#b5422c", "trigger": "#4a5a78"}
_OTHER_COLOURS = ("#7a4ea3", "#b98300", "#1c7f9c", "#8c564b", "#5b5b5b")


def draw_sequence(
    sequence: PulseSequence, ax: Axes | None = None, *, repetitions: int = 1, axis: str = "auto"
) -> Axes:
    """Draw a pulse sequence and return the axes drawn on.

    Parameters
    ----------
    sequence
        What to draw.
    ax
        Where to draw it; None: a new figure.
    repetitions
        Number of periods to draw, ≥ 1.
    axis
        ``"linear"``, ``"schematic"`` (step widths follow the logarithm of the durations), or ``"auto"``.

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
    durations = np.tile(durations, repetitions)
    traces = {line: np.tile(level, repetitions) for line, level in levels.items()}
    ax = ax or _new_axes(len(traces))
    if axis == "auto":
        axis = "schematic" if durations.max() > _LINEAR_SPAN * durations.min() else "linear"
    edges = _linear_axis(ax, durations) if axis == "linear" else _schematic_axis(ax, durations, traces)
    _draw_traces(ax, edges, traces)
    _draw_periods(ax, edges, repetitions)
    return ax


def _new_axes(lines: int) -> Axes:
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(7.0, 0.9 + 0.5 * max(lines, 1)), layout="constrained")[1]


def _linear_axis(ax: Axes, durations: FloatArray) -> FloatArray:
    total = float(durations.sum())
    exponent = max(-9, 3 * int(np.floor(np.log10(total) / 3 + 1e-12)))
    edges = np.concatenate([[0.0], np.cumsum(durations)]) / 10.0**exponent
    unit = {-9: "ns", -6: "µs", -3: "ms", 0: "s"}.get(exponent, f"10^{exponent} s")
    ax.set_xlabel(f"time ({unit})")
    return edges


def _schematic_axis(ax: Axes, durations: FloatArray, traces: dict[str, FloatArray]) -> FloatArray:
    widths = 1.0 + 0.8 * np.log10(durations / durations.min())
    edges = np.concatenate([[0.0], np.cumsum(widths)])
    ax.set_xticks([])
    ax.set_xlabel("time (not to scale)")
    centres = (edges[1:] + edges[:-1]) / 2
    top = len(traces) - 1 + _HEIGHT
    size = 8 if durations.size <= 8 else 6.5
    if durations.size <= _MOST_LABELS:
        for left, right, centre, duration in zip(edges, edges[1:], centres, durations, strict=False):
            arrow = {"arrowstyle": "<->", "color": "0.55", "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0}
            ax.annotate("", (left, top + 0.22), (right, top + 0.22), arrowprops=arrow)
            text = format_quantity(float(duration), "s", digits=3)
            ax.text(centre, top + 0.3, text, ha="center", va="bottom", fontsize=size, color="0.25")
    dark = np.ones(durations.size, dtype=bool)
    for level in traces.values():
        dark &= level == 0
    for centre in centres[dark & (durations > _LINEAR_SPAN * durations.min())]:
        for row in range(len(traces)):
            _break_mark(ax, float(centre), row)
    return edges


def _break_mark(ax: Axes, centre: float, row: int) -> None:
    """Draw two short strokes across a trace, with a gap between them."""
    ax.plot([centre - 0.07, centre + 0.07], [row, row], color="white", linewidth=3, zorder=4)
    for shift in (-0.07, 0.07):
        x = [centre + shift - 0.05, centre + shift + 0.05]
        ax.plot(x, [row - 0.1, row + 0.1], color="0.3", linewidth=1, zorder=5)


def _draw_traces(ax: Axes, edges: FloatArray, traces: dict[str, FloatArray]) -> None:
    spare = iter(_OTHER_COLOURS * (1 + len(traces) // len(_OTHER_COLOURS)))
    rows = range(len(traces) - 1, -1, -1)
    for row, (line, level) in zip(rows, traces.items(), strict=True):
        colour = _COLOURS.get(line) or next(spare)
        heights = row + _HEIGHT * level
        ax.fill_between(
            edges, row, np.append(heights, row), step="post", color=colour, alpha=0.25, linewidth=0
        )
        ax.step(
            np.concatenate([edges[:1], edges]),
            np.concatenate([[row], heights, [row]]),
            where="post",
            color=colour,
            linewidth=1.4,
            zorder=3,
            solid_joinstyle="miter",
        )
    ax.set_yticks([row + _HEIGHT / 2 for row in rows], list(traces))
    ax.tick_params(axis="y", length=0)
    for side in ("left", "right", "top"):
        ax.spines[side].set_visible(False)
    ax.set_ylim(-0.25, max(len(traces), 1) - 1 + _HEIGHT + 0.65)
    ax.set_xlim(edges[0], edges[-1])


def _draw_periods(ax: Axes, edges: FloatArray, repetitions: int) -> None:
    steps = (edges.size - 1) // repetitions
    for edge in edges[steps:-1:steps]:
        ax.axvline(edge, color="0.7", linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
