"""What a run shows while it lasts, on standard error so that it never mixes with results.

A bar with the time that is left and the latest value; with a plot of all values above it if wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from labspin.characters import visible
from labspin.cli.textplot import text_plot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from rich.console import RenderableType
    from rich.progress import Progress, TaskID

    from labspin.data import RunHeader

__all__ = ["ProgressBar"]

_MOST_DOTS = 20_000
# An error is said once, at the end.
_SHOWN = ("interlock", "doubt", "setting", "warning", "pause", "continued", "skip")


class ProgressBar:
    """An observer that shows how far a run is and when it will be done.

    Parameters
    ----------
    label
        What a person calls the run.
    hint
        Shown once when the run begins, such as which keys do what.
    live
        Plot the run's signal above the bar.
    """

    def __init__(self, label: str, *, hint: str = "", live: bool = False) -> None:
        self._label, self._hint, self._live = visible(label or "run"), hint, live
        self._task: TaskID | None = None
        self._signal, self._unit, self._column = "", "", 0
        self._place: Callable[[int, Sequence[Any]], float] = lambda index, values: float(index)
        self._x: list[float] = []
        self._y: list[float] = []
        self._progress = _progress(self._plot_lines)

    def on_start(self, header: RunHeader, total: int | None) -> None:
        """Show an empty bar.

        Parameters
        ----------
        header
            Header of the run.
        total
            Number of points of the plan; None if it is adaptive.
        """
        self._choose_signal(header)
        self._progress.start()
        if self._hint:
            self._progress.console.print(self._hint, markup=False)
        self._task = self._progress.add_task(self._label, total=total, latest="")

    def on_point(self, index: int, values: Sequence[Any], done: int, total: int | None) -> None:
        """Update the bar, and the plot if there is one.

        Parameters
        ----------
        index
            Flat index of the point on the grid, or its running number.
        values
            Its values, in the order of the layout's columns.
        done
            Number of points that have been measured.
        total
            Number of points of the plan; None if it is adaptive.
        """
        latest = ""
        if self._signal:
            value = values[self._column]
            latest = f"{self._signal} = {value:.5g}{self._unit}"
            if self._live and len(self._x) < _MOST_DOTS:
                self._x.append(self._place(index, values))
                self._y.append(float(value))
        if self._task is not None:
            self._progress.update(self._task, completed=done, total=total, latest=latest)

    def on_event(self, kind: str, message: str) -> None:
        """Show an event that a person should know of during the run.

        Parameters
        ----------
        kind
            Kind of the event; only some kinds are shown.
        message
            What happened, for people.
        """
        if kind in _SHOWN:
            self._progress.console.print(visible(f"{kind}: {message}"), markup=False)

    def on_finish(self, outcome: object) -> None:
        """Stop the bar and leave it on the screen.

        Parameters
        ----------
        outcome
            How the run ended; not used.
        """
        del outcome
        if self._task is not None:
            self._progress.stop()

    def _choose_signal(self, header: RunHeader) -> None:
        layout = header.layout
        plain = [column for column in layout.columns if not column.shape and column.dtype != "str"]
        shown = [column for column in plain if column.dtype != "complex128" and column.role == "quantity"]
        named = [column for column in shown if column.name == header.signal] or shown[:1]
        if not named:
            return
        self._signal = named[0].name
        self._unit = "" if named[0].unit in ("", "1") else f" {named[0].unit}"
        self._column = layout.columns.index(named[0])
        coordinates = [column for column in plain if column.role == "coordinate"]
        if layout.dimensions:
            along = layout.dimensions[-1].values
            self._place = lambda index, values: float(along[index % len(along)])
        elif coordinates:
            where = layout.columns.index(coordinates[0])
            self._place = lambda index, values: float(values[where])

    def _plot_lines(self) -> list[str]:
        return text_plot(self._x, self._y) if self._live and self._x else []


def _progress(plot: Callable[[], list[str]]) -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn as Remaining,
    )
    from rich.text import Text

    class Plotted(Progress):
        """A progress bar with a plot above it."""

        def get_renderables(self) -> Iterator[RenderableType]:
            lines = plot()
            if lines:
                yield Text("\n".join(lines))
            yield from super().get_renderables()

    return Plotted(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("points"),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        Remaining(),
        TextColumn("{task.fields[latest]}", markup=False),
        console=Console(stderr=True),
        transient=False,
    )
