"""Pictures of what was read at regular times during a run: the bench over the hours, point or no point."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from labspin.analysis.names import words_of_name
from labspin.analysis.pictures.plots import COLOURS, axis_label, save
from labspin.data.plain import clean_text
from labspin.errors import FitError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from labspin.data import Run

__all__ = ["plot_readings"]

_SCALES = ((2 * 86400.0, 86400.0, "d"), (2 * 3600.0, 3600.0, "h"), (300.0, 60.0, "min"), (0.0, 1.0, "s"))


def plot_readings(paths: Sequence[Path | str], output: Path | str) -> Path:
    """Draw what was read at regular times, a panel for each quantity, and return the picture's path.

    Small marks at the foot of a panel are the times of the points.

    Parameters
    ----------
    paths
        Run files.
    output
        The picture: PNG, PDF or SVG.

    Raises
    ------
    FitError
        A run has no such readings.
    """
    from matplotlib.figure import Figure

    from labspin.data import read_run

    runs = [read_run(path) for path in paths]
    for run in runs:
        if not len(run.readings):
            raise FitError(
                f"{run.path}: nothing was read at regular times; give [record] of the station an interval"
            )
    names = list(dict.fromkeys(name for run in runs for name in run.readings.columns))
    figure = Figure(figsize=(8.0, 1.2 + 2.2 * len(names)), layout="constrained")
    panels = figure.subplots(len(names), 1, sharex=True, squeeze=False).ravel()
    longest = max(float(run.readings.time[-1]) for run in runs)
    scale, unit = next((scale, unit) for least, scale, unit in _SCALES if longest >= least)
    for panel, name in zip(panels, names, strict=True):
        for number, run in enumerate(runs):
            _draw(panel, run, name, scale, COLOURS[number % len(COLOURS)])
        panel.set_ylabel(axis_label(words_of_name(name), _unit(runs, name)))
        panel.grid(alpha=0.25)
    panels[0].legend(fontsize=8, frameon=False)
    panels[-1].set_xlabel(axis_label("time after the start", unit))
    return save(figure, output)


def _draw(panel: Axes, run: Run, name: str, scale: float, colour: str) -> None:
    readings = run.readings
    if name not in readings.columns:
        return
    label = f"{run.header.label or run.header.procedure}, {clean_text(run.path.stem)}"
    panel.plot(readings.time / scale, readings.columns[name], ".-", color=colour, markersize=3, linewidth=0.8,
               label=label)  # fmt: skip
    panel.plot(run.points.time / scale, [0.02] * len(run.points), "|", color=colour, markersize=6,
               transform=panel.get_xaxis_transform())  # fmt: skip


def _unit(runs: Sequence[Run], name: str) -> str:
    return next(run.readings.units[name] for run in runs if name in run.readings.units)
