"""The history of read-backs, one plot per unit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Signal
from PySide6.QtGui import QPen
from PySide6.QtWidgets import QVBoxLayout, QWidget

from labspin.arrays import FloatArray
from labspin.gui.axes import RateAxis, TimeAxis, UnitAxis
from labspin.gui.foreign import markup
from labspin.gui.keyed_plot import KeyedPlot, label_axis
from labspin.gui.link import HostLink
from labspin.gui.parts import label
from labspin.gui.theme import current, fine
from labspin.session.host_records import ReadingRecord

__all__ = ["Course", "TraceStack", "time_plot", "trace_pen"]

_LONGEST = 3600.0  # s of history that are kept
_FEW = 100  # points of a noisy line that can be drawn thick: each costs 60 µs, of a thin line a thousandth


class Course:
    """Times and values of one read-back, for the last hour."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._values: list[float] = []

    def add(self, time: float, value: float) -> bool:
        """Add a value unless it is the last one again; return whether it was added.

        Where the clock of the computer was set back, values of a time that is still to come are forgotten.

        Parameters
        ----------
        time
            Time of the value, s since 1970.
        value
            The value.
        """
        if self._times and time == self._times[-1]:
            return False
        while self._times and time < self._times[-1]:
            del self._times[-1], self._values[-1]
        self._times.append(time)
        self._values.append(value)
        if time - self._times[0] > 1.2 * _LONGEST:
            first = next(k for k, t in enumerate(self._times) if time - t <= _LONGEST)
            del self._times[:first], self._values[:first]
        return True

    def fill(self, times: FloatArray, values: FloatArray) -> None:
        """Insert the history of the host before the values that came since.

        Parameters
        ----------
        times
            Times of the values, s since 1970; shape (n,).
        values
            The values; shape (n,).
        """
        first = self._times[0] if self._times else np.inf
        known = [(float(t), float(v)) for t, v in zip(times, values, strict=True) if t < first]
        self._times[:0] = [t for t, _ in known]
        self._values[:0] = [v for _, v in known]

    def arrays(self) -> tuple[FloatArray, FloatArray]:
        """Return times and values."""
        return np.array(self._times), np.array(self._values)


def trace_pen(colour: str, points: int, width: float = 2.0) -> QPen:
    """Return the pen of a line of noisy values: thick for few points, else as thin as is drawn fast.

    Parameters
    ----------
    colour
        Colour of the line.
    points
        Number of its points.
    width
        Width of the line of few points, in pixels of a screen of scale 1.
    """
    pen: QPen = pg.mkPen(colour, width=fine(width) if points <= _FEW else 1)
    return pen


def time_plot(unit: str) -> pg.PlotWidget:
    """Return an empty plot over the time of day.

    Parameters
    ----------
    unit
        Unit of the values.
    """
    values = RateAxis("left") if unit == "1/s" else UnitAxis("left")
    plot = KeyedPlot({"bottom": TimeAxis("bottom"), "left": values})
    label_axis(plot, "left", "", unit)
    plot.addLegend(offset=(8, 8), labelTextSize="9pt")
    plot.setMinimumHeight(140)
    return plot


class TraceStack(QWidget):
    """Plots of the read-backs that were chosen.

    Parameters
    ----------
    link
        To the host, which keeps an hour.

    Signals
    -------
    chosen(name, unit, on)
        The history of a read-back is shown or hidden.
    """

    chosen = Signal(str, str, bool)

    def __init__(self, link: HostLink) -> None:
        super().__init__()
        self._link = link
        self.courses: dict[str, Course] = {}
        self._units: dict[str, str] = {}
        self._colours: dict[str, str] = {}
        self.curves: dict[str, pg.PlotDataItem] = {}
        self.plots: dict[str, pg.PlotWidget] = {}
        self._hint = label("Tick a read-back to see its course here.", "muted", wrap=True)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 12, 12, 12)
        self._layout.addWidget(self._hint)
        self._layout.addStretch(0)

    def clear(self) -> None:
        """Remove all values."""
        for name in list(self.curves):
            self.choose(name, self._units[name], False)
        self.courses.clear()

    def choose(self, name: str, unit: str, on: bool) -> None:
        """Show or remove the history of a read-back.

        Parameters
        ----------
        name
            Name of the read-back, ``instrument.attribute``.
        unit
            Unit of the read-back; each unit has its own plot.
        on
            Whether it is shown.
        """
        if on == (name in self.curves):
            return
        self.chosen.emit(name, unit, on)
        if not on:
            self._remove(name)
            return
        self._units[name] = unit
        self.courses.setdefault(name, Course())
        plot = self.plots.get(unit)
        if plot is None:
            plot = self.plots[unit] = time_plot(unit)
            self._layout.insertWidget(self._layout.count() - 1, plot, 1)
        colour = current().series[len(self.curves) % len(current().series)]
        self._colours[name] = colour
        self.curves[name] = plot.plot([], [], pen=trace_pen(colour, 0), name=markup(name))
        self._hint.hide()
        self._link.order(lambda host: host.course([name]), lambda found: self._fill(name, found[name]))

    def _fill(self, name: str, course: Any) -> None:
        if name in self.curves:
            self.courses[name].fill(*course)
            self._draw(name)

    def _remove(self, name: str) -> None:
        curve = self.curves.pop(name)
        unit = self._units[name]
        self.plots[unit].removeItem(curve)
        if not any(self._units[other] == unit for other in self.curves):
            self.plots.pop(unit).deleteLater()
        self._hint.setVisible(not self.curves)

    def take(self, readings: dict[str, ReadingRecord]) -> None:
        """Add new values of the read-backs that are shown.

        Parameters
        ----------
        readings
            Time (s since 1970) and value of each read-back, by its name.
        """
        for name in self.curves:
            record = readings.get(name)
            if (
                record is not None
                and "value" in record
                and self.courses[name].add(record["time"], float(record["value"]))
            ):
                self._draw(name)

    def _draw(self, name: str) -> None:
        times, values = self.courses[name].arrays()
        self.curves[name].setPen(trace_pen(self._colours[name], times.size))
        self.curves[name].setData(times, values)
