"""A plot that grows while a run is being measured, in a notebook or a window of matplotlib.

An observer of the engine: ``labspin.run(procedure, bench, observers=[LivePlot()])``. It draws what
`plot_runs` draws, at most five times a second and for at most a tenth of the time: no run is held up by its
picture.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from labspin.data import Run, RunHeader, RunStatus
    from labspin.experiment import RunOutcome

__all__ = ["LivePlot"]

_SHARE = 0.1  # of the time of a run that may go into drawing


class LivePlot:
    """An observer that draws a run as it is measured.

    Parameters
    ----------
    quantity
        What to draw; None: the signal that the procedure names.
    interval
        Shortest time between two pictures, s.
    show
        Called with the figure whenever it has been redrawn; None: into the notebook's cell, or into
        matplotlib's window.

    Attributes
    ----------
    figure : matplotlib.figure.Figure or None
        The picture of the run being measured, or of the last one.
    drawn : int
        How many pictures were drawn of it.
    """

    def __init__(
        self,
        quantity: str | None = None,
        *,
        interval: float = 0.2,
        show: Callable[[Figure], None] | None = None,
    ) -> None:
        self._quantity, self._interval, self._given = quantity, interval, show
        self.figure: Figure | None = None
        self.drawn = 0

    def on_start(self, header: RunHeader, total: int | None) -> None:
        """Open an empty picture.

        Parameters
        ----------
        header
            What will be measured: layout and signal are used.
        total
            Points of the plan, None for an adaptive one; not used.
        """
        from matplotlib import pyplot

        columns = header.layout.columns
        wanted = self._quantity or header.signal
        self._chosen = [
            place for place, c in enumerate(columns) if c.role == "coordinate" or c.name == wanted
        ]
        layout = replace(header.layout, columns=tuple(columns[place] for place in self._chosen))
        self._header = replace(header, layout=layout, signal=wanted)
        self._index: list[int] = []
        self._rows: list[tuple[object, ...]] = []
        self.figure, self.drawn = pyplot.figure(layout="constrained"), 0
        self._show = self._given or _shower()
        self._next = 0.0

    def on_point(self, index: int, values: Sequence[object], done: int, total: int | None) -> None:
        """Take a point, and draw if it is time.

        Parameters
        ----------
        index
            Place of the point in the layout.
        values
            Values of the point, in the order of the layout's columns.
        done, total
            Points recorded and points of the plan; not used.
        """
        self._index.append(index)
        self._rows.append(tuple(values[place] for place in self._chosen))
        if time.monotonic() >= self._next:
            from labspin.data import RunStatus

            self._draw(RunStatus.RUNNING)

    def on_event(self, kind: str, message: str) -> None:
        """Do nothing.

        Parameters
        ----------
        kind, message
            What else happened; not used.
        """

    def on_finish(self, outcome: RunOutcome) -> None:
        """Draw all points, and leave the picture to the notebook or the window.

        Parameters
        ----------
        outcome
            How the run ended; the status goes into the picture.
        """
        from matplotlib import pyplot

        if self.figure is None:
            return  # it was refused before it began
        if self._index:
            self._draw(outcome.status)
        if _in_notebook():
            pyplot.close(self.figure)  # else the cell shows it a second time

    def _draw(self, status: RunStatus) -> None:
        from labspin.analysis.pictures.runplots import draw_run

        began = time.monotonic()
        if self.figure is not None:
            self.figure.clear()
            draw_run(self.figure.add_subplot(), self._run(status), self._quantity)
            self._show(self.figure)
            self.drawn += 1
        ended = time.monotonic()
        self._next = ended + max(self._interval, (ended - began) / _SHARE)

    def _run(self, status: RunStatus) -> Run:
        from labspin.data import Points, Run

        layout = self._header.layout
        columns = {
            column.name: np.array(values, object if column.dtype == "str" else column.dtype)
            for column, values in zip(layout.columns, zip(*self._rows, strict=True), strict=True)
        }
        index = np.array(self._index, np.int64)
        points = Points(index=index, time=np.zeros(len(index)), quality=np.zeros(len(index), np.uint8))
        return Run(path=Path("live.h5"), header=self._header, status=status, points=points, columns=columns)


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def _shower() -> Callable[[Figure], None]:
    return _NotebookCell() if _in_notebook() else _show_in_window


class _NotebookCell:
    """The output of a notebook's cell, which is replaced by every picture."""

    def __init__(self) -> None:
        self._handle: Any = None

    def __call__(self, figure: Figure) -> None:
        if self._handle is None:
            display = importlib.import_module("IPython.display").display
            self._handle = display(figure, display_id=True)
        else:
            self._handle.update(figure)


def _show_in_window(figure: Figure) -> None:
    canvas = figure.canvas
    if canvas.manager is not None and canvas.required_interactive_framework is not None:
        canvas.manager.show()
    canvas.draw_idle()
    canvas.flush_events()
