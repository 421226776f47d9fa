"""Alignment: count rates and read-backs in figures that can be read from the optical table."""

from __future__ import annotations

import time

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from labspin.arrays import FloatArray
from labspin.gui.axes import rate_unit, shown
from labspin.gui.hands import Button
from labspin.gui.keyed_plot import KeyedPlot, label_axis
from labspin.gui.link import HostLink
from labspin.gui.narrow import Columns, TallArea
from labspin.gui.parts import Panel, button, label
from labspin.gui.theme import current
from labspin.gui.traces import Course, time_plot, trace_pen
from labspin.session.host_records import BenchDescription, HostStatus, ReadingRecord, value_of

__all__ = ["AlignView", "Figure"]

_LOCKIN = ("magnitude", "theta", "x", "y")
_GONE = "The host is gone: the bench is no longer read back. Connect again."
_IDLE = "Press Count: the laser is switched on and the detectors are counted."
_COUNTING = "The laser is on. Counting ends when a run begins, by Count, or by SAFE."
_RING_HEIGHT, _SPECTRUM_HEIGHT = 240, 170  # pixels
_RING = 600  # points of the X-Y view
_RATE = "rate."
_OLD = 5.0  # s after which a value is shown as an old one
_FEWEST = 16  # points of which a spectrum is made


class Figure(Panel):
    """One value in large figures, its maximum since the last reset, and its history.

    Parameters
    ----------
    name
        Name of the read-back.
    unit
        Unit of its value.
    """

    def __init__(self, name: str, unit: str) -> None:
        super().__init__(name.removeprefix("rate.").replace("_", " "))
        self._unit, self.peak = unit, 0.0
        self.figure = label("—", "figure")
        self.figure.setMinimumWidth(300)
        self._held = label("peak —", "muted")
        self._held.setMinimumWidth(160)
        self._course = Course()
        self._plot = time_plot(unit)
        self._curve = self._plot.plot([], [], pen=trace_pen(current().series[0], 0))
        self._line = pg.InfiniteLine(angle=0, pen=pg.mkPen(current().series[1], style=Qt.PenStyle.DashLine))
        self._plot.addItem(self._line)
        row = QHBoxLayout()
        row.addWidget(self._held)
        row.addStretch(1)
        row.addWidget(button("Reset peak", self.reset, hint="forget the greatest value"))
        self.body.addWidget(self.figure)
        self.body.addLayout(row)
        self.body.addWidget(self._plot, 1)

    def take(self, record: ReadingRecord | None) -> None:
        """Show a new value.

        Parameters
        ----------
        record
            ``{"time": s, "value": number}`` of the read-back; one with an error clears the figure, and
            None changes nothing.
        """
        if record is not None and "error" in record:
            self.forget()
        if record is None or "value" not in record:
            return
        self._show_old(time.time() - record["time"] > _OLD)
        value = float(record["value"])
        if not self._course.add(record["time"], value):
            return
        self.figure.setText(_short(value, self._unit))
        if abs(value) > abs(self.peak):
            self.peak = value
        self._held.setText(f"peak {_short(self.peak, self._unit)}")
        self._line.setValue(self.peak)
        times, values = self._course.arrays()
        self._curve.setPen(trace_pen(current().series[0], times.size))
        self._curve.setData(times, values)

    def fade(self) -> None:
        """Show the value as an old one."""
        self._show_old(True)

    def _show_old(self, is_old: bool) -> None:
        name = "figure-old" if is_old else "figure"
        if self.figure.objectName() != name:
            self.figure.setObjectName(name)
            self.figure.style().unpolish(self.figure)
            self.figure.style().polish(self.figure)

    def forget(self) -> None:
        """Clear the value: it is no longer read back."""
        self.figure.setText("—")

    def reset(self) -> None:
        """Reset the maximum."""
        self.peak = 0.0


def _short(value: float, unit: str) -> str:
    if unit != "1/s":
        return shown(value, unit)
    divisor, name = rate_unit(value)
    return f"{value / divisor:.4g} {name}"


class _Ring(Panel):
    """X against Y of a cantilever's motion, as its ring turns."""

    def __init__(self, instrument: str) -> None:
        super().__init__(f"{instrument}: X–Y")
        self._x, self._y = f"{instrument}.motion_x", f"{instrument}.motion_y"
        self._points: list[tuple[float, float]] = []
        plot = KeyedPlot()
        label_axis(plot, "bottom", "X", "V")
        label_axis(plot, "left", "Y", "V")
        plot.setAspectLocked(True)
        self._times: list[float] = []
        self._spectrum_plot = KeyedPlot()
        label_axis(self._spectrum_plot, "bottom", "detuning from the drive", "Hz")
        label_axis(self._spectrum_plot, "left", "amplitude", "V")
        self._spectrum = self._spectrum_plot.plot([], [], pen=trace_pen(current().series[0], _RING))
        self._dots = plot.plot([], [], pen=None, symbol="o", symbolSize=4, symbolBrush=current().series[0])
        self._now = plot.plot([], [], pen=None, symbol="o", symbolSize=12, symbolBrush=current().series[1])
        plot.setMinimumHeight(_RING_HEIGHT)
        self._spectrum_plot.setMinimumHeight(_SPECTRUM_HEIGHT)
        self.body.addWidget(plot, 3)
        self.body.addWidget(self._spectrum_plot, 2)

    def take(self, readings: dict[str, ReadingRecord]) -> None:
        """Show the present motion, and the spectrum of the last minutes."""
        x, y = (value_of(readings, name) for name in (self._x, self._y))
        if x is None or y is None:
            return
        moment = readings[self._x]["time"]
        if self._times and moment <= self._times[-1]:
            return
        self._points = [*self._points[-_RING:], (float(x), float(y))]
        self._times = [*self._times[-_RING:], float(moment)]
        self._spectrum.setData(*spectrum_of(np.array(self._times), np.array(self._points)))
        self._dots.setData([p[0] for p in self._points], [p[1] for p in self._points])
        self._now.setData([x], [y])


def spectrum_of(times: FloatArray, points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return detunings (Hz) and amplitudes of a motion that is read as X and Y.

    Parameters
    ----------
    times
        When it was read, s; shape (n,), as regular as a bench is read back.
    points
        X and Y, shape (n, 2).
    """
    if len(times) < _FEWEST:
        return np.empty(0), np.empty(0)
    even = np.linspace(times[0], times[-1], len(times))
    motion = np.interp(even, times, points[:, 0]) + 1j * np.interp(even, times, points[:, 1])
    window = np.hanning(len(even))
    amplitudes = np.abs(np.fft.fft(motion * window)) / window.sum()
    detunings = np.fft.fftfreq(len(even), float(even[1] - even[0]))
    return np.fft.fftshift(detunings), np.fft.fftshift(amplitudes)


class AlignView(QWidget):
    """Count rates of all detectors, lock-ins, and the cantilever's ring.

    Parameters
    ----------
    link
        To the host.
    """

    def __init__(self, link: HostLink) -> None:
        super().__init__()
        self._link = link
        self.figures: dict[str, Figure] = {}
        self._rings: list[_Ring] = []
        self._also: dict[str, str] = {}
        self._can_count = False
        self.count = Button("Count")
        self.count.setCheckable(True)
        self.count.setEnabled(False)
        self.count.setToolTip("laser on, counting in short gates; ends when a run begins")
        self.count.clicked.connect(self._count)
        self._told = label("No station is connected.", "muted", wrap=True)
        head = QHBoxLayout()
        head.addWidget(self.count)
        head.addWidget(self._told, 1)
        self._inside = Columns(fills=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.addLayout(head)
        layout.addWidget(TallArea(self._inside), 1)

    def build(self, description: BenchDescription) -> None:
        """Create the figures of a bench.

        Parameters
        ----------
        description
            What `HostClient.describe` returns: the instruments and their read-backs.
        """
        for part in (*self.figures.values(), *self._rings):
            part.deleteLater()
        self.figures.clear()
        self._rings.clear()
        detectors: list[str] = []
        for name, record in description["instruments"].items():
            detectors += record["detectors"]
            if record["role"] == "LockIn":
                for attribute in _LOCKIN:
                    self._add(f"{name}.{attribute}", record["readings"][attribute])
            if "motion_magnitude" in record["readings"]:
                self._add(f"{name}.motion_magnitude", "V")
                self._rings.append(_Ring(name))
        for detector in detectors:
            self._add(f"{_RATE}{detector}", "1/s")
        self.count.setVisible(bool(detectors))
        self._told.setText(_IDLE if detectors else "This bench has no photon counter.")
        self.count.setEnabled(bool(detectors))
        self._can_count = bool(detectors)
        for name, unit in self._also.items():
            self._add(name, unit)
        self._arrange()

    def show_also(self, name: str, unit: str, on: bool) -> None:
        """Show or hide a read-back in large figures, next to the count rates.

        Parameters
        ----------
        name
            Name of the read-back, ``instrument.attribute``.
        unit
            Unit of the read-back.
        on
            Whether it is shown.
        """
        if on and name not in self.figures:
            self._also[name] = unit
            self._add(name, unit)
            self._arrange()
        elif not on and self._also.pop(name, None) is not None:
            self.figures.pop(name).deleteLater()
            self._arrange()

    def _arrange(self) -> None:
        self._inside.show_parts([*self.figures.values(), *self._rings])

    def _add(self, name: str, unit: str) -> None:
        self.figures[name] = Figure(name, unit)

    def _count(self, on: bool) -> None:
        self._link.order(lambda host: host.ask("align", on=on))

    def fade(self) -> None:
        """Show all values as old ones: the host does not answer."""
        for figure in self.figures.values():
            figure.fade()

    def forget(self) -> None:
        """Clear all values: the host has gone."""
        for figure in self.figures.values():
            figure.forget()
        self.count.setChecked(False)
        self.count.setEnabled(False)
        self._told.setText(_GONE)

    def show_status(self, status: HostStatus) -> None:
        """Show the values of a status.

        Parameters
        ----------
        status
            A status of the host, with its read-backs.
        """
        self.count.setChecked(bool(status["aligns"]))
        if self._can_count:
            self._told.setText(_COUNTING if status["aligns"] else _IDLE)
        for name, figure in self.figures.items():
            if name.startswith(_RATE) and not status["aligns"]:
                figure.forget()
            else:
                figure.take(status["readings"].get(name))
        for ring in self._rings:
            ring.take(status["readings"])
