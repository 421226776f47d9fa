"""Drawing of pulse sequences by matplotlib: one trace a line, as papers draw them.

What is shown, and where, is computed by `labspin.instruments.sequence_layout`, for windows as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labspin.instruments import GATE, SequenceLayout, sequence_layout

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from labspin.instruments import PulseSequence

__all__ = ["draw_sequence", "plot_sequences", "sequence_figure"]

FloatArray = NDArray[np.float64]

_HEIGHT = 0.62
_NARROW = 0.055  # part of the width below which a duration is written upwards
_COLOURS = {
    "laser": "#2a9d4a", "microwave": "#b5422c", "phase_90": "#c9784f", "phase_180": "#c9784f",
    "trigger": "#4a5a78",
}  # fmt: skip
_GATE_COLOUR = "#1c7f9c"
_OTHER_COLOURS = ("#7a4ea3", "#b98300", "#8c564b", "#5b5b5b")


def draw_sequence(
    sequence: PulseSequence,
    ax: Axes | None = None,
    *,
    repetitions: int = 1,
    axis: str = "auto",
    lines: Sequence[str] = (),
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
    lines
        Lines that get a trace even if they stay low.

    Raises
    ------
    ArgumentError
        ``axis`` or ``repetitions`` is something else.
    SequenceError
        The sequence is empty or overlaps itself.
    """
    layout = sequence_layout(sequence, repetitions=repetitions, axis=axis, lines=lines)
    ax = ax or _new_axes(len(layout.rows))
    edges = _linear_axis(ax, layout.edges) if layout.is_linear else layout.edges
    scale = edges[-1] / layout.edges[-1]
    _draw_rows(ax, edges, layout)
    _draw_words(ax, layout, scale)
    if not layout.folds:
        _draw_periods(ax, edges, repetitions)
    return ax


def sequence_figure(sequences: Mapping[str, PulseSequence]) -> Figure:
    """Return a figure with a panel for each sequence, below each other.

    Parameters
    ----------
    sequences
        The sequences by their titles.
    """
    from matplotlib.figure import Figure

    lines = tuple(dict.fromkeys(line for sequence in sequences.values() for line in sequence.lines))
    size = (8.4, len(sequences) * (1.2 + 0.4 * len(lines)))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(sequences), 1, squeeze=False)
    for (title, sequence), ax in zip(sequences.items(), panels[:, 0], strict=True):
        draw_sequence(sequence, ax, lines=lines)
        ax.set_title(title, fontsize=10, loc="left")
    return figure


def plot_sequences(sequences: Mapping[str, PulseSequence], path: Path | str) -> Path:
    """Write the figure of pulse sequences and return its path.

    Parameters
    ----------
    sequences
        The sequences by their titles.
    path
        Path of the picture: PNG, SVG or PDF. Only a picture may be replaced.

    Raises
    ------
    FitError
        The picture cannot be drawn in that format, or would take the place of something else.
    """
    from labspin.analysis.pictures.plots import save

    return save(sequence_figure(sequences), path)


def _new_axes(lines: int) -> Axes:
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(7.0, 0.9 + 0.5 * max(lines, 1)), layout="constrained")[1]


def _linear_axis(ax: Axes, edges: FloatArray) -> FloatArray:
    exponent = max(-9, 3 * int(np.floor(np.log10(edges[-1]) / 3 + 1e-12)))
    unit = {-9: "ns", -6: "µs", -3: "ms", 0: "s"}.get(exponent, f"10^{exponent} s")
    ax.set_xlabel(f"time ({unit})")
    return np.asarray(edges / 10.0**exponent)


def _draw_words(ax: Axes, layout: SequenceLayout, scale: float) -> None:
    """Write durations, phases and numbers of units, and draw break marks."""
    rows = list(layout.rows)
    top = len(rows) - 1 + _HEIGHT
    if not layout.is_linear:
        ax.set_xticks([])
        ax.set_xlabel("time (not to scale)")
    size = 8 if len(layout.durations) <= 8 else 6.5
    narrow = _NARROW * float(layout.edges[-1])
    for left, right, text in layout.durations:
        arrow = {"arrowstyle": "<->", "color": "0.55", "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", (left, top + 0.22), (right, top + 0.22), arrowprops=arrow)
        word = ax.text((left + right) / 2, top + 0.3, text, ha="center", va="bottom", color="0.25")
        word.set(fontsize=size, rotation=90 if right - left < narrow else 0)
    for centre in layout.breaks:
        for row in range(len(rows)):
            _break_mark(ax, centre, row)
    if layout.marks:
        row = len(rows) - 1 - rows.index("microwave")
        for centre, text in layout.marks:
            ax.text(centre * scale, row + _HEIGHT / 2, text, ha="center", va="center", fontsize=7, zorder=6)
    for left, right, count in layout.folds:
        ax.axvspan(left, right, color="0.5", alpha=0.08, linewidth=0, zorder=0)
        ax.text((left + right) / 2, -0.12, f"× {count}", ha="center", va="top", fontsize=9, color="0.25")


def _break_mark(ax: Axes, centre: float, row: int) -> None:
    """Draw two short strokes across a trace, with a gap between them."""
    ax.plot([centre - 0.07, centre + 0.07], [row, row], color="white", linewidth=3, zorder=4)
    for shift in (-0.07, 0.07):
        x = [centre + shift - 0.05, centre + shift + 0.05]
        ax.plot(x, [row - 0.1, row + 0.1], color="0.3", linewidth=1, zorder=5)


def _draw_rows(ax: Axes, edges: FloatArray, layout: SequenceLayout) -> None:
    traces = layout.rows
    spare = iter(_OTHER_COLOURS * (1 + len(traces) // len(_OTHER_COLOURS)))
    rows = range(len(traces) - 1, -1, -1)
    for row, (line, level) in zip(rows, traces.items(), strict=True):
        colour = _GATE_COLOUR if line.startswith(GATE) else _COLOURS.get(line) or next(spare)
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
    upwards = any(right - left < _NARROW * layout.edges[-1] for left, right, _ in layout.durations)
    below, above = 0.45 if layout.folds else 0.25, 1.3 if upwards else 0.65
    ax.set_ylim(-below, max(len(traces), 1) - 1 + _HEIGHT + above)
    ax.set_xlim(edges[0], edges[-1])


def _draw_periods(ax: Axes, edges: FloatArray, repetitions: int) -> None:
    steps = (edges.size - 1) // repetitions
    for edge in edges[steps:-1:steps]:
        ax.axvline(edge, color="0.7", linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
