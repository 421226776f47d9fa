"""Pictures of runs: the measured quantity as it stands in the file, with the fit that stands beside it.

Dimensions that only repeat the measurement are averaged, with the standard error of the mean as bars.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labspin.analysis.expression import column_of
from labspin.analysis.files.stored import axis_words
from labspin.analysis.model import FloatArray
from labspin.analysis.pictures.plots import COLOURS, axis_label, axis_scale, save, spans_decades
from labspin.analysis.recipes.traces import REPEATS
from labspin.errors import FitError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from labspin.data import FitRecord, Run

Axis = tuple[str, str, FloatArray]

__all__ = ["draw_run", "plot_runs"]


def plot_runs(paths: Sequence[Path | str], output: Path | str, *, quantity: str | None = None) -> Path:
    """Draw runs into one picture, a panel a run (lines over one dimension, maps over two); return its path.

    Parameters
    ----------
    quantity
        What to draw; None: the signal that the run's procedure names.

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
    columns = min(len(runs), 3)
    rows = -(-len(runs) // columns)
    figure = Figure(figsize=(6.4 * columns, 4.4 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, run in zip(panels, runs, strict=False):
        draw_run(panel, run, quantity)
    for panel in panels[len(runs) :]:
        panel.set_axis_off()
    return save(figure, output)


def draw_run(panel: Axes, run: Run, quantity: str | None = None) -> None:
    """Draw one run into ``panel``; ``quantity`` and errors as for `plot_runs`."""
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
    axes, shown, error = _without_repeats(axes, shown, own)
    axes = [(axis_words(run, name), unit, values) for name, unit, values in axes]
    label = axis_label(axis_words(run, chosen), column.unit)
    panel.set_title(f"{run.header.label or run.header.procedure} ({run.status})", fontsize=9)
    if shown.ndim == 1:
        fits = [fit for fit in run.fits if fit.quantity == chosen]
        _draw_line(panel, axes[0], shown, error, label, fits)
    else:
        mean = _mean(shown, tuple(range(2, shown.ndim))) if shown.ndim > 2 else shown
        _draw_map(panel, axes[:2], mean, label)


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

    The error is that of the scatter; of a single measurement, its own of ``errors``.
    """
    repeats = tuple(index for index, axis in enumerate(axes) if axis[0] in REPEATS)
    if not repeats or len(repeats) == len(axes):
        return axes, values, errors
    count = np.isfinite(values).sum(repeats)
    mean = _mean(values, repeats)
    square = _mean(np.square(values - np.expand_dims(mean, repeats)), repeats)
    error = np.sqrt(square / np.where(count > 1, count - 1, np.nan))
    if errors is not None:
        error = np.where(count > 1, error, np.nansum(errors, repeats))
    return [axis for index, axis in enumerate(axes) if index not in repeats], mean, error


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


def _draw_line(
    panel: Axes, axis: Axis, values: FloatArray, error: FloatArray | None, label: str, fits: list[FitRecord]
) -> None:
    from labspin.analysis.files.stored import fine_curve

    name, unit, x = axis
    order = np.argsort(x, kind="stable")
    scale, shown_unit = axis_scale(np.asarray(x), unit)
    drawn = fits[-1] if fits and fits[-1].curve is not None and not fits[-1].dimensions else None
    bars = None if error is None else error[order]
    panel.errorbar(
        x[order] * scale, values[order], bars, fmt="o" if drawn else "o-", color=COLOURS[0], markersize=3,
        linewidth=0.7, capsize=2,
    )  # fmt: skip
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
    if x.min() > 0 and spans_decades(x):
        panel.set_xscale("log")


def _draw_map(panel: Axes, axes: list[Axis], values: FloatArray, label: str) -> None:
    (name_y, unit_y, y), (name_x, unit_x, x) = axes
    order_y, order_x = np.argsort(y, kind="stable"), np.argsort(x, kind="stable")
    scale_y, shown_y = axis_scale(np.asarray(y), unit_y)
    scale_x, shown_x = axis_scale(np.asarray(x), unit_x)
    edges_x, edges_y = _edges(x[order_x] * scale_x), _edges(y[order_y] * scale_y)
    image = panel.pcolormesh(edges_x, edges_y, values[np.ix_(order_y, order_x)], cmap="cividis")
    panel.set_xscale("log" if _is_logarithmic(x) else "linear")
    panel.set_yscale("log" if _is_logarithmic(y) else "linear")
    panel.figure.colorbar(image, ax=panel, label=label)
    panel.set_xlabel(axis_label(name_x, shown_x))
    panel.set_ylabel(axis_label(name_y, shown_y))


def _is_logarithmic(values: FloatArray) -> bool:
    return bool(values.min() > 0) and spans_decades(values)


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
