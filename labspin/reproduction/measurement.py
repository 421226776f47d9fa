"""Figures measured: a run card on its simulated bench, and its points beside the computed curve.

Nothing of the curve is fitted to the points. What has to be taken from them all the same (a scale that no
figure states) is counted, and lowers the degrees of freedom. The bench is the shipped one with its own seed,
and the next ones where a card is run several times.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from labspin.data import Run, RunStatus, read_run
from labspin.errors import ArgumentError, LabspinError, RunFileError
from labspin.physics.arguments import abridged
from labspin.reproduction.kept import digest_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Measurement", "Panel"]

FloatArray = NDArray[np.float64]
_NOT_MEASURING = ("cli", "gui", "reproduction", "analysis")  # of the package: what no run depends on


@dataclass(frozen=True)
class Panel:
    """Measured points with their errors, and the curve that was computed without them.

    Raises
    ------
    ArgumentError
        The points differ in number from what was computed for them.
    """

    title: str
    xlabel: str
    ylabel: str
    x: FloatArray  # (n,)
    y: FloatArray  # (n,), measured
    error: FloatArray  # (n,), standard errors
    expected: FloatArray  # (n,), computed at x
    curve: tuple[FloatArray, FloatArray]  # (m,) each, the same on a fine grid
    scales: int = 0  # numbers that were taken from the points
    logarithmic: str = ""  # axes: "x", "y" or "xy"
    remark: str = ""  # what to think of the comparison

    __repr__ = abridged

    def __post_init__(self) -> None:
        shapes = {np.shape(part) for part in (self.x, self.y, self.error, self.expected)}
        if len(shapes) != 1 or len(next(iter(shapes))) != 1:
            raise ArgumentError(f"panel {self.title!r}: wanted (n,) points, errors and curve, got {shapes}")

    @property
    def chi2(self) -> float:
        """χ² of the points against the curve."""
        return float(np.sum(((self.y - self.expected) / self.error) ** 2))

    @property
    def degrees_of_freedom(self) -> int:
        """Points less scales."""
        return self.y.size - self.scales

    @property
    def p_value(self) -> float:
        """Probability of this χ² or a larger one if the curve is true and the errors are honest."""
        from scipy.special import gammaincc

        return float(gammaincc(self.degrees_of_freedom / 2, self.chi2 / 2))

    def draw(self, axes: Axes) -> None:
        """Draw curve, points and what the comparison says.

        Parameters
        ----------
        axes
            Axes of matplotlib.
        """
        from labspin.analysis.pictures.plots import log_axis

        axes.plot(*self.curve, color="C1", label="computed")
        axes.errorbar(self.x, self.y, self.error, fmt=".", markersize=4, elinewidth=0.8, label="measured")
        said = f"χ² = {self.chi2:.0f} of {self.degrees_of_freedom}"
        axes.set_title(f"{self.title}: {said}", fontsize=8)
        axes.set(xlabel=self.xlabel, ylabel=self.ylabel)
        shown: dict[Literal["x", "y"], FloatArray] = {"x": self.x, "y": np.abs(self.y)}
        for which, values in shown.items():
            if which in self.logarithmic:
                log_axis(axes, which, values)


@dataclass(frozen=True)
class Measurement:
    """A figure of a paper as a run card measures it."""

    name: str  # of the figure: nv-2c
    title: str
    card: str  # procedures/t1.toml, among the examples of a workspace
    compare: Callable[[Sequence[Run]], list[Panel]]  # runs, in the card's order, to panels
    seconds: float  # of one idle core, roughly
    changes: tuple[tuple[str, ...], ...] = ((),)  # parameters in place of the card's, once a run of the card
    only: tuple[str, ...] = ()  # labels of the card's runs; none: all
    columns: int = 1  # of panels in the picture

    @property
    def caption(self) -> str:
        """What is compared: the docstring of its function, as one paragraph."""
        return " ".join((self.compare.__doc__ or "").split())

    def panels(self, folder: Path) -> list[Panel]:
        """Measure what is not in ``folder`` yet, and compare.

        Parameters
        ----------
        folder
            Folder of run files; a run is kept as long as measuring code, card and station are the same.
        """
        return self.compare(self.runs(folder))

    def runs(self, folder: Path) -> list[Run]:
        """Return the runs of the card, made unless they are in ``folder``.

        Parameters
        ----------
        folder
            Folder of run files.

        Raises
        ------
        RunFileError
            A run did not finish.
        """
        return [run for place in range(len(self.changes)) for run in self._runs(folder, place)]

    def _runs(self, folder: Path, place: int) -> list[Run]:
        from labspin.session import load_card, run, station_of, workspace_examples
        from labspin.station import load_station

        changes = self.changes[place]
        card = load_card(workspace_examples() / self.card, overrides=changes, only=self.only)
        station = load_station(station_of(card))
        assert station.simulation is not None
        seed = station.simulation.seed + place  # or all distances of a scan had the same noise
        about = (card.path.read_text(encoding="utf-8"), station.text, str(seed), *changes, *self.only)
        source = digest_of(*_measuring_code(), *about)
        paths = [folder / f"{card.path.stem}-{source}-{number}.h5" for number in range(len(card.runs))]
        found = [_finished(path) for path in paths]
        if missing := [number for number, one in enumerate(found) if one is None]:
            folder.mkdir(parents=True, exist_ok=True)
            with station.connect(seed=seed) as bench:
                for number in missing:
                    spec = card.runs[number]
                    run(spec.make(), bench, paths[number], label=spec.label)
                    found[number] = _finished(paths[number])
        if None in found:
            raise RunFileError(f"{paths[found.index(None)]}: wanted a finished run, got one that broke off")
        return [one for one in found if one is not None]


def _measuring_code() -> list[str]:
    package = Path(__file__).resolve().parents[1]
    files = sorted(package.rglob("*.py"))
    return [
        path.read_text(encoding="utf-8")
        for path in files
        if path.relative_to(package).parts[0] not in _NOT_MEASURING
    ]


def _finished(path: Path) -> Run | None:
    """Return a kept run; None if there is none, or only what is left of one that broke off."""
    journal = path.with_name(path.name + ".jnl")
    if not path.exists() and not journal.exists():
        return None
    try:
        found = read_run(path)
    except LabspinError:
        found = None
    if found is not None and found.status is RunStatus.RUNNING:
        raise RunFileError(f"{path}: wanted to measure it, but another process is at it; wait for its end")
    if found is not None and found.status is RunStatus.FINISHED:
        return found
    path.unlink(missing_ok=True)  # ours, and made again
    journal.unlink(missing_ok=True)
    return None


def write_panels(path: Path, panels: Sequence[Panel]) -> None:
    """Write points, errors and curve of all panels as CSV, one point a line.

    Parameters
    ----------
    path
        File to write; an existing one is replaced.
    panels
        Panels of one figure.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["panel", "x", "measured", "error", "computed"])
        for panel in panels:
            for point in zip(panel.x, panel.y, panel.error, panel.expected, strict=True):
                rows.writerow([f"{panel.title}: {panel.ylabel}", *(f"{value:.10g}" for value in point)])


def draw_panels(path: Path, panels: Sequence[Panel], title: str, columns: int) -> None:
    """Write the panels as one PNG.

    Parameters
    ----------
    path
        File to write; an existing one is replaced.
    panels
        Panels of one figure.
    title
        Text above them.
    columns
        How many stand side by side.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(max(6.0, 4.2 * columns), 2.9 * rows + 0.6), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, panel in zip(figure.subplots(rows, columns, squeeze=False).flat, panels, strict=False):
        panel.draw(axes)
    for axes in figure.axes[len(panels) :]:
        axes.set_axis_off()
    figure.axes[0].legend(fontsize=7)
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, dpi=130)
