"""Lines of a run as they are drawn: points with recorded errors, fits over them, doubtful points hollow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.fitting.grids import is_log_spaced
from labspin.analysis.model import FloatArray
from labspin.analysis.pictures.plots import COLOURS, axis_label, axis_scale, legend_text, log_axis, style_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from labspin.analysis.outcome import FitOutcome

_LINES_INSIDE = 5
"""Lines that are named among them; more are named beside, where they cover nothing."""

__all__ = ["Axis", "Line", "draw_line", "draw_lines", "draw_ways", "is_beside", "is_logarithmic"]

Axis = tuple[str, str, FloatArray]
Line = tuple[Any, ...]
"""Values, errors or None, which points are doubtful, words; and x, where lines have each their own."""


def draw_line(panel: Axes, axis: Axis, line: Line, fits: Sequence[FitOutcome]) -> None:
    """Draw one line with its fits.

    Parameters
    ----------
    panel
        Where to draw.
    axis
        Name, unit and places of its points.
    line
        Its values, errors, which are doubtful; and words and unit of what is drawn.
    fits
        Fits of the line.
    """
    (name, unit, x), (values, error, bad, drawn) = axis, line
    scale, shown_unit = axis_scale(np.asarray(x), unit)
    height, label = _heights([line], drawn)
    _draw_points(
        panel, (x * scale, values * height, None if error is None else error * height), 0, bool(fits)
    )
    _hollow(panel, x * scale, values * height, bad)
    for fit in fits:
        curve = np.abs(fit.curve_y) if np.iscomplexobj(fit.curve_y) else fit.curve_y
        text = legend_text(fit.with_changes(label=""))
        panel.plot(fit.curve_x * scale, curve * height, color=COLOURS[1], label=text, zorder=3)
        panel.legend(fontsize=8, frameon=False)
    _label_axes(panel, axis_label(name, shown_unit), label, [x], scale)


def draw_ways(
    panel: Axes, axis: Axis, line: Line, ways: Mapping[str, NDArray[np.bool_]], fits: Sequence[FitOutcome]
) -> None:
    """Draw the points of each way with its marker, and the fit of them all.

    Parameters
    ----------
    panel, axis, line, fits
        As for `draw_line`.
    ways
        Name of each way, and which points were measured on it.
    """
    (name, unit, x), (values, error, bad, drawn) = axis, line
    lines = [
        (values[one], None if error is None else error[one], bad[one], words, np.asarray(x)[one])
        for words, one in ways.items()
    ]
    scale, _ = axis_scale(np.asarray(x), unit)
    height, _ = _heights(lines, drawn)
    for fit in fits:
        text = legend_text(fit.with_changes(label=""))
        panel.plot(fit.curve_x * scale, np.real(fit.curve_y) * height, color="0.3", label=text, zorder=3)
    draw_lines(panel, (name, unit, x), lines, drawn, 0.0, [], joined=not fits)


def draw_lines(
    panel: Axes,
    axis: Axis,
    lines: Sequence[Line],
    drawn: tuple[str, str],
    offset: float,
    fits: Sequence[FitOutcome | None],
    *,
    joined: bool = True,
) -> None:
    """Draw several lines over one axis, each with its colour, marker and fit.

    Parameters
    ----------
    panel
        Where to draw.
    axis
        Name, unit and places that lines have in common.
    lines
        Values, errors, which are doubtful, words, and places of its own for each.
    drawn
        Words and unit of the values.
    offset
        Vertical distance between consecutive lines, in heights of the tallest.
    fits
        One a line, None where a line has none; or no fits at all.
    joined
        Whether points without a fit are joined.
    """
    name, unit, common = axis
    finite = [line[0][np.isfinite(line[0])] for line in lines]
    tallest = max((float(np.ptp(values)) for values in finite if values.size), default=0.0)
    places = [_x_of(line, common) for line in lines]
    scale, shown_unit = axis_scale(np.concatenate(places), unit)
    height, label = _heights(lines, drawn)
    for number, (line, x) in enumerate(zip(lines, places, strict=True)):
        up = number * offset * tallest
        moved, bars = (line[0] + up) * height, None if line[1] is None else line[1] * height
        fit = fits[number] if fits else None
        only = len(lines) == 1 and fit is not None
        words = f"{line[3]}\n{legend_text(fit.with_changes(label=''))}" if fit and only else line[3]
        words = words if np.isfinite(line[0]).any() else f"{words}: not measured"
        _draw_points(panel, (x * scale, moved, bars), number, fit is not None or not joined, words)
        _hollow(panel, x * scale, moved, line[2], number)
    for number, fit in enumerate(fits):
        if fit is None:
            continue
        curve = (np.real(fit.curve_y) + number * offset * tallest) * height
        colour = COLOURS[1] if len(lines) == 1 else COLOURS[number % len(COLOURS)]
        panel.plot(fit.curve_x * scale, curve, color=colour, zorder=3, linewidth=1.2)
    # Where lines stand apart, the uppermost is named first; beside them where there is no room among them.
    handles, said = panel.get_legend_handles_labels()
    order = slice(None, None, -1) if offset > 0 else slice(None)
    aside: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}
    place = aside if len(said) > _LINES_INSIDE else {"loc": "best"}
    panel.legend(handles[order], said[order], fontsize=8, frameon=False, **place)
    beside = f"{label}, moved apart" if offset else label
    _label_axes(panel, axis_label(name, shown_unit), beside, places, scale)


def _draw_points(
    panel: Axes,
    line: tuple[FloatArray, FloatArray, FloatArray | None],
    number: int,
    is_fitted: bool,
    words: str | None = None,
) -> None:
    """Draw a line's points in their order; without a fit, joined."""
    x, values, error = line
    colour, marker = style_of(number)
    order = np.argsort(x, kind="stable")
    panel.errorbar(
        x[order], values[order], None if error is None else error[order], label=words,
        fmt=f"{marker}{'' if is_fitted else '-'}", color=colour, markersize=3, linewidth=0.7, capsize=2,
    )  # fmt: skip


def _heights(lines: Sequence[Line], drawn: tuple[str, str]) -> tuple[float, str]:
    """Return the factor by which values are drawn, and the words of their axis with its unit."""
    words, unit = drawn
    values = np.concatenate([np.ravel(line[0]) for line in lines])
    scale, shown_unit = (
        axis_scale(values[np.isfinite(values)], unit) if unit not in ("", "1") else (1.0, unit)
    )
    return scale, axis_label(words, shown_unit)


def _label_axes(panel: Axes, below: str, beside: str, places: Sequence[FloatArray], scale: float) -> None:
    panel.set_xlabel(below)
    panel.set_ylabel(beside)
    panel.grid(alpha=0.25)
    panel.ticklabel_format(axis="y", useMathText=True)  # ×10⁶, not 1e6
    measured = [x[np.isfinite(x)] for x in places if np.isfinite(x).any()]
    there = np.concatenate([*measured, []]) * scale
    if there.size:  # what was not measured of the plan is empty in the picture, not cut away
        ends = [(float(there.min()), 0.0), (float(there.max()), 0.0)]
        panel.update_datalim(ends, updatey=False)
        panel.autoscale_view(scaley=False)
    if measured and all(is_logarithmic(x) for x in measured):
        log_axis(panel, "x", there)


def _hollow(panel: Axes, x: FloatArray, values: FloatArray, bad: NDArray[np.bool_], number: int = 0) -> None:
    """Draw the doubtful points of a line again, empty."""
    if bad.any():
        colour, marker = style_of(number)
        panel.plot(
            x[bad], values[bad], marker, markerfacecolor="white", color=colour, markersize=4,
            markeredgewidth=0.9, zorder=4,
        )  # fmt: skip


def is_beside(panel: Axes) -> bool:
    """Return whether the legend of a panel of lines stands beside it.

    Parameters
    ----------
    panel
        As `draw_lines` has drawn it.
    """
    legend = panel.get_legend()
    return legend is not None and len(legend.get_texts()) > _LINES_INSIDE


def _x_of(line: Line, common: FloatArray) -> FloatArray:
    return np.asarray(line[4] if len(line) > 4 else common, np.float64)


def is_logarithmic(values: FloatArray) -> bool:
    """Return whether places are of equal ratio.

    Parameters
    ----------
    values
        The places.
    """
    return bool(values.size and values.min() > 0) and is_log_spaced(values)
