"""Pictures of runs: the measured quantity as it stands in the file, with the fits that stand beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labspin.analysis.plots import COLOURS, save
from labspin.errors import FitError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from labspin.data import Run

__all__ = ["plot_runs"]


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
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, run in zip(axes, runs, strict=False):
        _draw_run(panel, run, quantity)
    for panel in axes[len(runs) :]:
        panel.set_axis_off()
    return save(figure, output)


def _draw_run(axes: Axes, run: Run, quantity: str | None) -> None:
    layout = run.header.layout
    names = [column.name for column in layout.columns]
    chosen = quantity or run.header.signal
    if chosen not in names:
        raise FitError(f"{run.path}: has no quantity {chosen!r}; it has {', '.join(names)}")
    column = layout.column(chosen)
    values = np.asarray(run.data[chosen])
    shown = np.abs(values) if np.iscomplexobj(values) else values
    scan = [(d.name, d.unit, d.values) for d in layout.dimensions] or _list_axis(run)
    all_axes = [*scan, *((a.name, a.unit, a.values) for a in column.inner_axes())]
    if shown.ndim == 1:
        _draw_line(axes, run, all_axes[0], shown, column)
    elif shown.ndim == 2:
        _draw_map(axes, all_axes, shown, column)
    else:
        mean = np.nanmean(shown, axis=tuple(range(2, shown.ndim)))
        _draw_map(axes, all_axes[:2], mean, column)
    axes.set_title(f"{run.header.label or run.header.procedure} ({run.status})", fontsize=9)


def _list_axis(run: Run) -> list[tuple[str, str, Any]]:
    """Return what a list scan is drawn over: its first numeric coordinate, or the number of the point."""
    for column in run.header.layout.coordinates:
        if column.dtype in ("float64", "int64") and not column.shape:
            return [(column.name, column.unit, np.asarray(run.data[column.name], np.float64))]
    return [("point", "1", np.arange(run.shape[0]))]


def _draw_line(axes: Axes, run: Run, axis: tuple[str, str, Any], values: Any, column: Any) -> None:
    name, unit, x = axis
    order = np.argsort(x, kind="stable")
    axes.plot(np.asarray(x)[order], values[order], "o-", color=COLOURS[0], markersize=3, linewidth=0.7)
    axes.set_xlabel(_label(name, unit))
    axes.set_ylabel(_label(column.name, column.unit))
    positive = np.asarray(x)[np.asarray(x) > 0]
    if positive.size > 2 and np.min(x) > 0 and positive.max() / positive.min() > 100:
        axes.set_xscale("log")


def _draw_map(axes: Axes, scan: list[tuple[str, str, Any]], values: Any, column: Any) -> None:
    (name_y, unit_y, y), (name_x, unit_x, x) = scan[:2]
    order_y, order_x = np.argsort(y, kind="stable"), np.argsort(x, kind="stable")
    image = axes.pcolormesh(
        np.asarray(x)[order_x],
        np.asarray(y)[order_y],
        values[np.ix_(order_y, order_x)],
        shading="nearest",
        cmap="cividis",
    )
    axes.figure.colorbar(image, ax=axes, label=_label(column.name, column.unit))
    axes.set_xlabel(_label(name_x, unit_x))
    axes.set_ylabel(_label(name_y, unit_y))


def _label(name: str, unit: str) -> str:
    return name.replace("_", " ") if unit in ("", "1") else f"{name.replace('_', ' ')} ({unit})"
