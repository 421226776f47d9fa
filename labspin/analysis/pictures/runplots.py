"""Pictures of runs: the measured quantity as it stands in the file, with the fit that stands beside it.

Dimensions that only repeat the measurement are averaged, with the standard error of the mean as bars.
Doubtful points (`labspin.data.quality`) are hollow, crossed in a map, and counted in the title.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.expression import column_of
from labspin.analysis.files.stored import axis_words
from labspin.analysis.fitting.grids import is_log_spaced
from labspin.analysis.model import FloatArray
from labspin.analysis.names import place_words
from labspin.analysis.pictures.plots import COLOURS, MARKERS, axis_label, axis_scale, save
from labspin.analysis.recipes.traces import REPEATS
from labspin.errors import FitError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from labspin.data import FitRecord, Run

Axis = tuple[str, str, FloatArray]
Line = tuple[Any, ...]
"""Values, errors or None, which points are doubtful, words; and x, where lines have each their own."""
_MOST_LINES = 7
"""Rows up to which they are lines; more are a map."""

__all__ = ["draw_run", "plot_runs"]


def plot_runs(
    paths: Sequence[Path | str],
    output: Path | str,
    *,
    quantity: str | None = None,
    overlay: bool = False,
    offset: float = 0.0,
) -> Path:
    """Draw runs into one picture and return its path.

    Lines over one dimension, a few lines or a map over two. Panels that show the same quantity have the same
    axis of it.

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
        By how much each line is moved up from the one before, in units of the largest line's height.

    Raises
    ------
    FitError
        There is nothing to draw, or a run has no such quantity.
    """
    from matplotlib.figure import Figure

    from labspin.data import read_run

    runs = [read_run(path) for path in paths]
    if not runs:
        raise FitError("plot: wanted at least one run, got none")
    if overlay:
        figure = Figure(figsize=(8.0, 5.6), layout="constrained")
        _draw_together(figure.subplots(), runs, quantity, offset)
        return save(figure, output)
    columns = min(len(runs), 3)
    rows = -(-len(runs) // columns)
    figure = Figure(figsize=(6.4 * columns, 4.4 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, run in zip(panels, runs, strict=False):
        draw_run(panel, run, quantity, offset=offset)
    _share_heights([panel for panel in panels[: len(runs)] if panel.lines])
    for panel in panels[len(runs) :]:
        panel.set_axis_off()
    return save(figure, output)


def _share_heights(panels: Sequence[Axes]) -> None:
    """Give panels of lines that show the same quantity the same limits."""
    for label in {panel.get_ylabel() for panel in panels}:
        like = [panel for panel in panels if panel.get_ylabel() == label and panel.get_yscale() == "linear"]
        limits = np.array([panel.get_ylim() for panel in like])
        for panel in like:
            panel.set_ylim(float(limits[:, 0].min()), float(limits[:, 1].max()))


def draw_run(panel: Axes, run: Run, quantity: str | None = None, *, offset: float = 0.0) -> None:
    """Draw one run into ``panel``.

    Parameters
    ----------
    panel
        Where to draw.
    run
        What to draw.
    quantity, offset
        And errors as for `plot_runs`.
    """
    axes, shown, error, bad, label = _shown(run, quantity)
    panel.set_title(_title(run, is_map=shown.ndim > 1 and shown.shape[0] > _MOST_LINES), fontsize=9)
    if shown.ndim == 1:
        chosen = quantity or run.header.signal
        fits = [fit for fit in run.fits if fit.quantity == chosen]
        _draw_line(panel, axes[0], (shown, error, bad, label), fits)
        return
    mean, bars = shown, error
    if shown.ndim > 2:
        deeper = tuple(range(2, shown.ndim))
        mean, bars, bad = _mean(shown, deeper), None, np.asarray(bad.any(deeper))
    if mean.shape[0] <= _MOST_LINES:
        places = [place_words(axes[0][0], float(value), axes[0][1]) for value in axes[0][2]]
        _draw_lines(panel, axes[1], [(mean[row], None if bars is None else bars[row], bad[row], words)
                                     for row, words in enumerate(places)], label, offset)  # fmt: skip
    else:
        _draw_map(panel, axes[:2], mean, label, bad)


def _draw_together(panel: Axes, runs: Sequence[Run], quantity: str | None, offset: float) -> None:
    lines: list[Line] = []
    found = [_shown(run, quantity) for run in runs]
    axis, label = found[0][0][-1], found[0][4]
    for run, (axes, shown, error, bad, own) in zip(runs, found, strict=True):
        if shown.ndim != 1 or own != label or axes[-1][:2] != axis[:2]:
            raise FitError(
                f"{run.path}: to be drawn over {runs[0].path}, wanted one line of {label!r} against "
                f"{axis[0]!r}, got {shown.ndim} dimensions of {own!r}; draw a panel each"
            )
        words = f"{run.header.label or run.header.procedure}, {run.path.stem}"
        lines.append((shown, error, bad, f"{words}{_doubts(run)}", axes[-1][2]))
    _draw_lines(panel, axis, lines, label, offset)


def _title(run: Run, *, is_map: bool) -> str:
    return f"{run.header.label or run.header.procedure} ({run.status}){_doubts(run, is_map=is_map)}"


def _doubts(run: Run, *, is_map: bool = False) -> str:
    """Return in words how many points are doubtful, and how that is shown."""
    count = int(np.count_nonzero(run.is_doubtful))
    return f", {count} doubtful ({'crossed' if is_map else 'hollow'})" if count else ""


def _shown(
    run: Run, quantity: str | None
) -> tuple[list[Axis], FloatArray, FloatArray | None, NDArray[np.bool_], str]:
    """Return axes, values, errors, which are doubtful, and the label of what is drawn of a run."""
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
    return axes, shown, error, bad, axis_label(axis_words(run, chosen), column.unit)


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
        Of the column; its errors are the column ``NAME_errors``.
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


def _draw_line(panel: Axes, axis: Axis, line: Line, fits: list[FitRecord]) -> None:
    from labspin.analysis.files.stored import fine_curve

    (name, unit, x), (values, error, bad, label) = axis, line
    order = np.argsort(x, kind="stable")
    scale, shown_unit = axis_scale(np.asarray(x), unit)
    drawn = fits[-1] if fits and fits[-1].curve is not None and not fits[-1].dimensions else None
    bars = None if error is None else error[order]
    panel.errorbar(
        x[order] * scale, values[order], bars, fmt="o" if drawn else "o-", color=COLOURS[0], markersize=3,
        linewidth=0.7, capsize=2,
    )  # fmt: skip
    _hollow(panel, x * scale, values, bad)
    if drawn is not None and drawn.curve is not None:
        points = drawn.curve.axes[0].values
        sorted_points = np.argsort(points, kind="stable")
        stored = points[sorted_points], drawn.curve.values[sorted_points]
        grid, modelled = fine_curve(drawn, 0, points) or stored
        curve = np.abs(modelled) if np.iscomplexobj(modelled) else modelled
        panel.plot(grid * scale, curve, color=COLOURS[1], label=drawn.model, zorder=3)
        panel.legend(fontsize=8, frameon=False)
    panel.set_xlabel(axis_label(name, shown_unit))
    panel.set_ylabel(label)
    panel.grid(alpha=0.25)
    if x.min() > 0 and is_log_spaced(x):
        panel.set_xscale("log")


def _draw_lines(panel: Axes, axis: Axis, lines: Sequence[Line], label: str, offset: float) -> None:
    """Draw several lines over one axis, each with its colour and marker, moved up by ``offset`` heights."""
    name, unit, common = axis
    finite = [line[0][np.isfinite(line[0])] for line in lines]
    height = max((float(np.ptp(values)) for values in finite if values.size), default=0.0)
    scale, shown_unit = axis_scale(np.concatenate([_x_of(line, common) for line in lines]), unit)
    for number, line in enumerate(lines):
        x = _x_of(line, common)
        order = np.argsort(x, kind="stable")
        bars = None if line[1] is None else line[1][order]
        moved = line[0] + number * offset * height
        panel.errorbar(
            x[order] * scale, moved[order], bars, label=line[3],
            fmt=f"{MARKERS[number % len(MARKERS)]}-", color=COLOURS[number % len(COLOURS)], markersize=3,
            linewidth=0.7, capsize=2,
        )  # fmt: skip
        _hollow(panel, x * scale, moved, line[2], number)
    panel.legend(fontsize=8, frameon=False)
    panel.set_xlabel(axis_label(name, shown_unit))
    panel.set_ylabel(label if not offset else f"{label}, lines moved apart")
    panel.grid(alpha=0.25)
    if all(x.min() > 0 and is_log_spaced(x) for x in (_x_of(line, common) for line in lines)):
        panel.set_xscale("log")


def _hollow(panel: Axes, x: FloatArray, values: FloatArray, bad: NDArray[np.bool_], number: int = 0) -> None:
    """Draw the doubtful points of a line anew, empty."""
    if bad.any():
        panel.plot(
            x[bad], values[bad], MARKERS[number % len(MARKERS)], markerfacecolor="white",
            color=COLOURS[number % len(COLOURS)], markersize=4, markeredgewidth=0.9, zorder=4,
        )  # fmt: skip


def _x_of(line: Line, common: FloatArray) -> FloatArray:
    return np.asarray(line[4] if len(line) > 4 else common, np.float64)


def _draw_map(panel: Axes, axes: list[Axis], values: FloatArray, label: str, bad: NDArray[np.bool_]) -> None:
    (name_y, unit_y, y), (name_x, unit_x, x) = axes
    order_y, order_x = np.argsort(y, kind="stable"), np.argsort(x, kind="stable")
    scale_y, shown_y = axis_scale(np.asarray(y), unit_y)
    scale_x, shown_x = axis_scale(np.asarray(x), unit_x)
    edges_x, edges_y = _edges(x[order_x] * scale_x), _edges(y[order_y] * scale_y)
    image = panel.pcolormesh(edges_x, edges_y, values[np.ix_(order_y, order_x)], cmap="cividis")
    rows, columns = np.nonzero(bad)
    panel.plot(x[columns] * scale_x, y[rows] * scale_y, "x", color="tab:red", markersize=4)
    panel.set_xscale("log" if _is_logarithmic(x) else "linear")
    panel.set_yscale("log" if _is_logarithmic(y) else "linear")
    panel.figure.colorbar(image, ax=panel, label=label)
    panel.set_xlabel(axis_label(name_x, shown_x))
    panel.set_ylabel(axis_label(name_y, shown_y))


def _is_logarithmic(values: FloatArray) -> bool:
    return bool(values.min() > 0) and is_log_spaced(values)


def _edges(centres: FloatArray) -> FloatArray:
    """Return the borders between cells, halfway; halfway of the logarithms on a logarithmic axis."""
    if centres.size == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    if _is_logarithmic(centres):
        return np.exp(_edges_between(np.log(centres)))
    return _edges_between(centres)


def _edges_between(centres: FloatArray) -> FloatArray:
    middle = (centres[1:] + centres[:-1]) / 2
    first, last = 2 * centres[0] - middle[0], 2 * centres[-1] - middle[-1]
    return np.concatenate([[first], middle, [last]])
