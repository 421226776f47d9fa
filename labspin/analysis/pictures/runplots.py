"""Pictures of runs: the measured quantity as it is in the file, with the fit that is stored next to it.

Dimensions that only repeat the measurement are averaged, with the standard error of the mean as bars.
Doubtful points (`labspin.data.quality`) are hollow, crossed in a map, and counted in the title.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.expression import column_of
from labspin.analysis.files.stored import axis_words, outcomes_of
from labspin.analysis.model import FloatArray
from labspin.analysis.names import place_words, words_of_name
from labspin.analysis.pictures.inner_axis import places_along
from labspin.analysis.pictures.lines import (
    Axis,
    Line,
    draw_line,
    draw_lines,
    draw_ways,
    is_beside,
)
from labspin.analysis.pictures.maps import draw_map
from labspin.analysis.pictures.plots import (
    axis_label,
    save,
)
from labspin.analysis.recipes.traces import REPEATS
from labspin.counts import number_of
from labspin.data.plain import clean_text
from labspin.errors import FitError
from labspin.workspaces import shown_as_written

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from labspin.analysis.outcome import FitOutcome
    from labspin.data import FitRecord, Run

_MOST_LINES = 7
"""Rows up to which they are lines; more are a map."""
_BESIDE = 2.2
"""Width of a legend beside the data, inches."""
_MOST_TRACES = 12
"""Traces, each at places of its own, up to which they are lines: a map would have no axis in common."""

__all__ = ["draw_run", "draw_stack", "plot_runs"]


def plot_runs(
    paths: Sequence[Path | str],
    output: Path | str,
    *,
    quantity: str | None = None,
    overlay: bool = False,
    offset: float | None = None,
) -> Path:
    """Draw runs into one picture and return its path.

    Lines over one dimension, a few lines or a map over two; below the signal, what its procedure has drawn
    below (light and angle). Panels that show the same quantity have the same axis of it.

    Parameters
    ----------
    paths
        Run files.
    output
        The picture: PNG, PDF or SVG.
    quantity
        What to draw; None: the signal that the run's procedure names.
    overlay
        All runs in one panel instead of a panel each.
    offset
        By how much each line is moved up from the one before, in units of the largest line's height; None: as
        the run's procedure says, spectra by a little.

    Raises
    ------
    FitError
        There is nothing to draw, or a run has no such quantity.
    """
    from labspin.data import read_run

    runs = [read_run(path) for path in paths]
    if not runs:
        raise FitError("plot: wanted at least one run, got none")
    with shown_as_written(*(run.metadata.units for run in runs)):
        return save(_figure(runs, quantity, overlay=overlay, offset=offset), output)


def _figure(runs: Sequence[Run], quantity: str | None, *, overlay: bool, offset: float | None) -> Figure:
    """Return the picture of runs; see `plot_runs`."""
    from matplotlib.figure import Figure

    if overlay:
        figure = Figure(figsize=(8.0, 5.6), layout="constrained")
        _draw_together(figure.subplots(), runs, quantity, offset or 0.0)
        return figure
    columns = min(len(runs), 3)
    rows = -(-len(runs) // columns)
    below = max(len(_quantities(run, quantity)) for run in runs)
    figure = Figure(
        figsize=(6.4 * columns, (4.4 if below == 1 else 3.2 * below) * rows), layout="constrained"
    )
    grid = figure.add_gridspec(rows, columns)
    cells = [grid[number // columns, number % columns] for number in range(len(runs))]
    panels: list[Axes] = []
    for cell, run in zip(cells, runs, strict=True):
        stack = draw_stack(figure, run, quantity, offset=offset, cell=cell)
        _name(stack[-1], clean_text(run.path.stem))
        panels += stack
    _share_axes([panel for panel in panels if panel.lines])
    beside = any(is_beside(panel) for panel in panels)  # a legend, which takes the width of the data
    figure.set_figwidth((6.4 + _BESIDE * beside) * columns)
    return figure


def draw_stack(
    figure: Figure, run: Run, quantity: str | None = None, *, offset: float | None = None, cell: Any = None
) -> list[Axes]:
    """Draw a run into a figure: its signal, and below it what its procedure has drawn below.

    Parameters
    ----------
    figure
        Where to draw.
    run
        What to draw.
    quantity, offset
        As for `plot_runs`.
    cell
        Part of a grid of the figure to draw into; None: all of it.

    Returns
    -------
    panels
        From top to bottom, with one axis of what is common.
    """
    names = _quantities(run, quantity)
    missing = dict.fromkeys(fit.name for fit in run.fits if fit.quantity not in names)
    grid = (cell or figure.add_gridspec(1, 1)[0]).subgridspec(len(names), 1)
    panels: list[Axes] = []
    for number, name in enumerate(names):
        panel = figure.add_subplot(grid[number], sharex=panels[0] if panels else None)
        draw_run(panel, run, name, offset=offset)
        panels.append(panel)
        if number:
            panel.set_title("")
            if (legend := panel.get_legend()) is not None:
                legend.remove()
        if number < len(names) - 1:
            panel.set_xlabel("")
            panel.tick_params(labelbottom=False, which="both")
    if missing:
        panels[0].set_title(f"{panels[0].get_title()}\nwithout the fit {', '.join(missing)}", fontsize=9)
    return panels


def _name(panel: Axes, name: str) -> None:
    """Write a run's name into the corner, as it is: a file may be called anything."""
    panel.text(
        0.005, 0.005, name, transform=panel.transAxes, fontsize=6, color="0.5", va="bottom", parse_math=False
    )


def _quantities(run: Run, quantity: str | None) -> list[str]:
    """Return what is drawn of a run, from top to bottom: what was not measured is left out."""
    if quantity is not None:
        return [quantity]
    below = _picture(run).get("below", [])
    names = {column.name for column in run.header.layout.columns}
    there = [
        name for name in (below if isinstance(below, list) else []) if isinstance(name, str) and name in names
    ]
    return [run.header.signal, *(name for name in there if np.nan_to_num(run.data[name]).any())]


def _picture(run: Run) -> Mapping[str, object]:
    """Return how the procedure has its runs drawn; a file may say anything."""
    said = run.header.extra.get("picture")
    return said if isinstance(said, Mapping) else {}


def _share_axes(panels: Sequence[Axes]) -> None:
    """Give panels of lines that show the same the same limits: of heights, and of places that overlap."""
    for label in {panel.get_ylabel() for panel in panels}:
        like = [panel for panel in panels if panel.get_ylabel() == label]
        level = [panel for panel in like if panel.get_yscale() == "linear"]
        limits = np.array([panel.get_ylim() for panel in level]).reshape(-1, 2)
        for panel in level:
            panel.set_ylim(float(limits[:, 0].min()), float(limits[:, 1].max()))
        for below in {(panel.get_xlabel(), panel.get_xscale()) for panel in like if panel.get_xlabel()}:
            _share_places([panel for panel in like if (panel.get_xlabel(), panel.get_xscale()) == below])


def _share_places(panels: Sequence[Axes]) -> None:
    """Give panels the same axis of places, unless most of it were empty in one of them."""
    limits = np.array([panel.get_xlim() for panel in panels])
    whole = float(limits[:, 0].min()), float(limits[:, 1].max())
    if whole[1] - whole[0] <= 2 * float((limits[:, 1] - limits[:, 0]).min()):
        for panel in panels:
            panel.set_xlim(*whole)


def draw_run(panel: Axes, run: Run, quantity: str | None = None, *, offset: float | None = None) -> None:
    """Draw one quantity of a run into ``panel``, with its fits.

    Parameters
    ----------
    panel
        Where to draw.
    run
        What to draw.
    quantity, offset
        As for `plot_runs`.
    """
    axes, shown, error, bad, axis = _shown(run, quantity)
    if not np.isfinite(shown).any():
        panel.set_title(_title(run, quantity, is_map=False), fontsize=9)
        _say_nothing_there(panel, run, axes, axis)
        return
    own = places_along(run, quantity or run.header.signal)
    own = own if 1 < math.prod(shown.shape[:-1]) <= _MOST_TRACES else None
    single = ""
    if own is None:
        axes, (shown, error, bad), single = _without_single_places(axes, shown, error, bad)
    is_few = own is not None or (shown.ndim > 2 and math.prod(shown.shape[:-1]) <= _MOST_TRACES)
    is_map = not is_few and shown.ndim > 1 and shown.shape[0] > _MOST_LINES
    panel.set_title(_title(run, quantity, is_map=is_map) + single, fontsize=9)
    if own is not None:
        lines = _traces(axes, (shown, error, bad), _mean_places(run, quantity, own.values))
        draw_lines(panel, (own.name, own.unit, lines[0][4]), lines, axis, offset or 0.0, [])
        return
    fits = [fit for fit in run.fits if fit.quantity == (quantity or run.header.signal)]
    if shown.ndim == 1:
        if ways := _ways(run, shown.shape):
            draw_ways(panel, axes[0], (shown, error, bad, axis), ways, _fitted(run, fits, ()))
        else:
            draw_line(panel, axes[0], (shown, error, bad, axis), _fitted(run, fits, ()))
        return
    if shown.ndim > 2 and is_few:
        lines = _traces(axes, (shown, error, bad), np.broadcast_to(axes[-1][2], shown.shape))
        draw_lines(panel, axes[-1], lines, axis, offset or 0.0, _fitted(run, fits, shown.shape[:-1]))
        return
    mean, bars = shown, error
    if shown.ndim > 2:
        deeper = tuple(range(2, shown.ndim))
        mean, bars, bad = _mean(shown, deeper), None, np.asarray(bad.any(deeper))
        over = ", ".join(words_of_name(name) for name, _, values in axes[2:] if len(values) > 1)
        panel.set_title(panel.get_title() + (f", mean over {over}" if over else ""), fontsize=9)
    if is_map:
        draw_map(panel, axes[:2], mean, axis_label(*axis), bad)
        return
    apart = _apart(run) if offset is None else offset
    curves = _fitted(run, fits, mean.shape[:1]) if shown.ndim == 2 else []
    draw_lines(panel, axes[1], _rows(axes[0], mean, bars, bad), axis, apart, curves)


def _rows(outer: Axis, mean: FloatArray, bars: FloatArray | None, bad: NDArray[np.bool_]) -> list[Line]:
    """Return a line for each row of values, named by its place on the outer axis."""
    name, unit, places = outer
    words = [place_words(name, float(value), unit) for value in places]
    return [
        (mean[row], None if bars is None else bars[row], bad[row], word) for row, word in enumerate(words)
    ]


def _without_single_places(
    axes: list[Axis], shown: FloatArray, error: FloatArray | None, bad: NDArray[np.bool_]
) -> tuple[list[Axis], tuple[FloatArray, FloatArray | None, NDArray[np.bool_]], str]:
    """Return what is drawn without axes of one place, and words that say where that was.

    A line of one point is none, and a cell of a map has no width there. One line has its place in the legend.
    """
    dropped = [at for at, size in enumerate(shown.shape) if size == 1]
    dropped = dropped[1:] if len(dropped) == shown.ndim else dropped
    if not dropped or (shown.ndim == 2 and dropped == [0]):
        return axes, (shown, error, bad), ""
    told = ", ".join(place_words(axes[at][0], float(axes[at][2][0]), axes[at][1]) for at in dropped)
    over = tuple(dropped)
    left = [axis for at, axis in enumerate(axes) if at not in dropped]
    arrays = (shown.squeeze(over), None if error is None else error.squeeze(over), bad.squeeze(over))
    return left, arrays, f", {told}"


def _mean_places(run: Run, quantity: str | None, places: FloatArray) -> FloatArray:
    """Return where each trace was measured; repeats were measured at the same places."""
    layout = run.header.layout
    axes = [(d.name, d.unit, d.values) for d in layout.dimensions] or _list_axis(run)
    inner = layout.column(quantity or run.header.signal).inner_axes()
    return _without_repeats([*axes, *((a.name, a.unit, a.values) for a in inner)], places, None)[1]


def _traces(
    axes: Sequence[Axis], drawn: tuple[FloatArray, FloatArray | None, NDArray[np.bool_]], places: FloatArray
) -> list[Line]:
    """Return a line for each trace, at places of its own; what is the same for all is not said of each."""
    values, errors, bad = drawn
    outer = values.shape[:-1]
    lines: list[Line] = []
    for point in np.ndindex(outer):
        told = [
            place_words(name, float(at[place]), unit)
            for (name, unit, at), place in zip(axes, point, strict=False)
            if len(at) > 1
        ]
        bars = None if errors is None else errors[point]
        lines.append((values[point], bars, bad[point], ", ".join(told), places[point]))
    return lines


def _apart(run: Run) -> float:
    said = _picture(run).get("apart", 0.0)
    return float(said) if isinstance(said, (int, float)) and 0 <= said < 10 else 0.0


def _fitted(run: Run, fits: Sequence[FitRecord], shape: tuple[int, ...]) -> list[FitOutcome]:
    """Return the last fit of one trace, or of each row, as the file keeps it; none where there is none."""
    wanted = tuple(length for length in shape if length > 1)
    for record in reversed(fits):
        along = tuple(len(one) for one in record.dimensions if len(one) > 1)
        if along in (wanted, (math.prod(shape),)):  # traces of several axes stand in a row
            found = outcomes_of(run, record)
            return found if len(found) == math.prod(shape) else []
    return []


def _draw_together(panel: Axes, runs: Sequence[Run], quantity: str | None, offset: float) -> None:
    lines: list[Line] = []
    fitted: list[FitOutcome | None] = []
    found = [_shown(run, quantity) for run in runs]
    axis, drawn = found[0][0][-1], found[0][4]
    for run, (axes, shown, error, bad, own) in zip(runs, found, strict=True):
        traces = math.prod(shown.shape[:-1])
        if traces > _MOST_TRACES or own != drawn or axes[-1][:2] != axis[:2]:
            raise FitError(
                f"{run.path}: to be drawn over {runs[0].path}, wanted up to {_MOST_TRACES} lines of "
                f"{axis_label(*drawn)!r} against {axis[0]!r}, got {traces} of {axis_label(*own)!r} against "
                f"{axes[-1][0]!r}; draw a panel each"
            )
        words = f"{run.header.label or run.header.procedure}, {clean_text(run.path.stem)}"
        records = [fit for fit in run.fits if fit.quantity == (quantity or run.header.signal)]
        fitted += _fitted(run, records, shown.shape[:-1]) or [None] * traces
        for line in _traces(axes, (shown, error, bad), np.broadcast_to(axes[-1][2], shown.shape)):
            told = f"{words}, {line[3]}" if line[3] else words
            told = ", ".join([told, *_missing(run, quantity)])
            lines.append((*line[:3], f"{told}{_doubts(run)}", line[4]))
    draw_lines(panel, axis, lines, drawn, offset, fitted if any(fitted) else [])


def _say_nothing_there(panel: Axes, run: Run, axes: Sequence[Axis], drawn: tuple[str, str]) -> None:
    """Say in a panel that there is nothing to draw; its axes have names, and no numbers that mean nothing."""
    words = f"no value of {words_of_name(drawn[0])}" if len(run.points) else "no point was measured"
    panel.text(0.5, 0.5, words, transform=panel.transAxes, ha="center", parse_math=False)
    panel.set_xticks([])
    panel.set_yticks([])
    if not axes[-1][0].endswith("axis0"):  # a counter of values, of which no place is known yet
        panel.set_xlabel(axis_label(axes[-1][0], ""))
    panel.set_ylabel(axis_label(drawn[0], ""))


def _title(run: Run, quantity: str | None, *, is_map: bool) -> str:
    said = ", ".join([run.status, *_missing(run, quantity)])
    return f"{run.header.label or run.header.procedure} ({said}){_doubts(run, is_map=is_map)}"


def _missing(run: Run, quantity: str | None) -> list[str]:
    """Return in words what a picture of a quantity cannot show: points not measured, or without a value."""
    measured, size = len(run.points), run.header.layout.size
    found = []
    if size is not None and measured < size:
        found.append(f"{measured} of {number_of(size, 'point')}")
    elif size is None and run.status != "finished":
        found.append(number_of(measured, "point"))
    values = np.asarray(run.columns[quantity or run.header.signal])
    there = np.isfinite(values).reshape(measured, -1).any(-1) if measured else np.array([], bool)
    if without := measured - int(there.sum()):
        found.append(f"{without} without a value")
    return found


def _doubts(run: Run, *, is_map: bool = False) -> str:
    """Return in words how many points are doubtful, and how that is shown."""
    count = int(np.count_nonzero(run.is_doubtful))
    return f", {count} doubtful ({'crossed' if is_map else 'hollow'})" if count else ""


def _shown(
    run: Run, quantity: str | None
) -> tuple[list[Axis], FloatArray, FloatArray | None, NDArray[np.bool_], tuple[str, str]]:
    """Return axes, values, errors, which are doubtful, and the words and unit of what is drawn of a run."""
    layout = run.header.layout
    names = [column.name for column in layout.columns]
    chosen = quantity or run.header.signal
    if chosen not in names:
        raise FitError(f"{run.path}: has no quantity {chosen!r}; it has {', '.join(names)}")
    column = layout.column(chosen)
    if column.dtype == "str":
        raise FitError(f"{run.path}: {chosen!r} is text; choose a quantity of numbers")
    values = np.asarray(run.data[chosen])
    shown = np.abs(values) if np.iscomplexobj(values) else np.asarray(values, np.float64)
    axes = [(d.name, d.unit, d.values) for d in layout.dimensions] or _list_axis(run)
    axes += [(a.name, a.unit, a.values) for a in column.inner_axes()]
    own = errors_of(run, chosen)
    bad = _doubtful(run, axes, shown.shape)
    axes, shown, error = _without_repeats(axes, shown, own)
    axes = [(axis_words(run, name), unit, values) for name, unit, values in axes]
    return axes, shown, error, bad, (axis_words(run, chosen), column.unit)


def _doubtful(run: Run, axes: list[Axis], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which values are doubtful; a mean over repeats is, if one of its points is."""
    points = run.is_doubtful
    every = np.broadcast_to(points.reshape(points.shape + (1,) * (len(shape) - points.ndim)), shape)
    repeats = _repeats(axes)
    return np.asarray(every.any(repeats)) if repeats else every


def errors_of(run: Run, name: str) -> FloatArray | None:
    """Return the standard errors of a real column of a run, None where the run has none.

    Parameters
    ----------
    run
        The run.
    name
        Name of the column; its errors are the column ``NAME_errors``.
    """
    found = run.data.get(column_of(f"{name}_errors", run.data))
    if found is None or np.iscomplexobj(found) or not np.isfinite(found).any():
        return None
    return np.asarray(found, np.float64)


def _without_repeats(
    axes: list[Axis], values: FloatArray, errors: FloatArray | None
) -> tuple[list[Axis], FloatArray, FloatArray | None]:
    """Return the mean over dimensions that only repeat the measurement, and its standard error.

    The error follows from the recorded ``errors``; where there are none, from the scatter.
    """
    repeats = _repeats(axes)
    if not repeats:
        return axes, values, errors
    count = np.isfinite(values).sum(repeats)
    mean = _mean(values, repeats)
    if errors is None:
        square = _mean(np.square(values - np.expand_dims(mean, repeats)), repeats)
        error = np.sqrt(square / np.where(count > 1, count - 1, np.nan))
    else:
        error = np.sqrt(np.nansum(np.square(errors), repeats)) / np.where(count > 0, count, np.nan)
    return [axis for index, axis in enumerate(axes) if index not in repeats], mean, error


def _repeats(axes: list[Axis]) -> tuple[int, ...]:
    """Return the dimensions over which the mean is taken; none where nothing else would be left."""
    repeats = tuple(index for index, axis in enumerate(axes) if axis[0] in REPEATS)
    return repeats if len(repeats) < len(axes) else ()


def _mean(values: FloatArray, over: tuple[int, ...]) -> FloatArray:
    """Return the mean of the finite values, NaN where there is none."""
    there = np.isfinite(values)
    count = there.sum(over)
    total = np.where(there, values, 0.0).sum(over)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _list_axis(run: Run) -> list[Axis]:
    """Return what a list scan is drawn over: its first numeric coordinate, or the number of the point."""
    for column in run.header.layout.coordinates:
        if column.dtype in ("float64", "int64") and not column.shape:
            return [(column.name, column.unit, np.asarray(run.data[column.name], np.float64))]
    return [("point", "1", np.arange(float(run.shape[0])))]


def _ways(run: Run, shape: tuple[int, ...]) -> dict[str, NDArray[np.bool_]]:
    """Return which points of a list scan were measured on which way, by its name; none where there is one.

    The names are those that the column ``direction`` gives: ``"1: approach, -1: back"``, else up and down.
    """
    column = next((one for one in run.header.layout.coordinates if one.name == "direction"), None)
    if column is None or run.data["direction"].shape != shape:
        return {}
    named = dict(re.findall(r"(?<!\d)(-?\d{1,9}): (\w+)", column.description))
    directions = np.asarray(run.data["direction"], np.float64)
    found = {
        named.get(f"{value:g}", place_words("direction", value, "1")): directions == value
        for value in sorted(set(directions[np.isfinite(directions)].tolist()), reverse=True)
    }
    return found if len(found) > 1 else {}
