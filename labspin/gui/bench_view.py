"""The bench: a panel for every instrument, made from its role and station entry, and traces of read-backs."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QGridLayout, QLabel, QSplitter, QVBoxLayout, QWidget
from superqt import QToggleSwitch

from labspin.gui.foreign import caption, tool_tip
from labspin.gui.hands import Switch
from labspin.gui.link import HostLink
from labspin.gui.narrow import Columns, TallArea
from labspin.gui.parts import Panel, QuantityField, label, text_of
from labspin.gui.set_point import SetPoint
from labspin.gui.traces import TraceStack
from labspin.session.host_records import (
    ActuatorRecord,
    BenchDescription,
    HostStatus,
    InstrumentRecord,
    value_of,
)

__all__ = ["BenchView", "InstrumentPanel"]

_DIGITS = 5  # of a read-back that are shown
_OLD = 5.0  # s after which a read-back is shown as an old one


class InstrumentPanel(Panel):
    """One instrument: its read-backs, its set-points with limits, its output.

    Parameters
    ----------
    name
        Name of the instrument.
    record
        Record of it, from the description of the bench.
    actuators
        Those that belong to it, by full name.
    link
        To the host.
    trace
        Called with full name, unit and whether its history is shown.
    """

    def __init__(
        self,
        name: str,
        record: InstrumentRecord,
        actuators: dict[str, ActuatorRecord],
        link: HostLink,
        trace: Callable[[str, str, bool], None],
    ) -> None:
        super().__init__(name)
        self.name, self._link, self._trace = name, link, trace
        self.points: dict[str, SetPoint] = {}
        self.fields: dict[str, QuantityField] = {}
        self.values: dict[str, QLabel] = {}
        self.traced: dict[str, QCheckBox] = {}
        self._units: dict[str, str] = {}
        self.output: QToggleSwitch | None = None
        self._lost = ""
        self._record, self._is_old = link.record, False
        where = record["address"]
        self.body.addWidget(label(f"{record['role']} · {record['driver']} · {where}", "muted", wrap=True))
        self.age = label("", "muted", wrap=True)
        self.problem = label("", "wrong", wrap=True)
        for said in (self.age, self.problem):
            said.hide()
            self.body.addWidget(said)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(12)
        self._grid.setColumnStretch(1, 1)
        self.body.addLayout(self._grid)
        self._fill(record, actuators)
        self.body.addStretch(1)

    def _fill(self, record: InstrumentRecord, actuators: dict[str, ActuatorRecord]) -> None:
        for full, actuator in sorted(actuators.items(), key=lambda item: item[1]["moves"] != item[0]):
            self._add(full, actuator["unit"], actuator)
        for attribute, unit in record["settable"].items():
            if f"{self.name}.{attribute}" not in actuators:
                self._add(f"{self.name}.{attribute}", unit, None)
        for attribute, unit in record["readings"].items():
            self._add(f"{self.name}.{attribute}", unit, None, reads_only=True)
        if record["has_output"]:
            self.output = Switch("output")
            self.output.setToolTip(tool_tip(f"switch the output of {self.name} on or off"))
            self.output.setAccessibleName(f"{self.name} output")
            self.output.clicked.connect(self._switch)
            self.body.addWidget(self.output)
        if not self.values and self.output is None:
            detectors = ", ".join(record["detectors"])
            told = (
                f"detectors: {detectors}; their rates are shown in Align"
                if detectors
                else "used by runs only"
            )
            self.body.addWidget(label(told, "muted", wrap=True))

    def _add(
        self, full: str, unit: str, actuator: ActuatorRecord | None, *, reads_only: bool = False
    ) -> None:
        row = 2 * self._grid.rowCount()
        traced = QCheckBox(caption(full.partition(".")[2].replace("_", " ")))
        traced.setToolTip("show its course, and in large figures in Align")
        traced.toggled.connect(partial(self._trace, full, unit))
        self.traced[full] = traced
        value = label("…", "value")
        value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.values[full], self._units[full] = value, unit
        self._grid.addWidget(traced, row, 0)
        self._grid.addWidget(value, row, 1)
        if reads_only:
            return
        point = SetPoint(full, unit, actuator, self._link, self)
        point.refused.connect(self._show_problem)
        self.points[full], self.fields[full] = point, point.field
        self._grid.addWidget(point.field, row, 2)
        if actuator is not None:
            self._grid.addWidget(point.limits, row + 1, 0, 1, 2)
            self._grid.addWidget(point.back, row + 1, 2)
            self._grid.addWidget(point.stop, row + 1, 2)

    def _show_problem(self) -> None:
        typed = [point.problem for point in self.points.values() if point.problem]
        text = self._lost or (typed[0] if typed else "")
        self.problem.setText(text)
        self.problem.setVisible(bool(text))

    def _switch(self, on: bool) -> None:
        self._link.order(lambda host: host.set(f"{self.name}.output_enabled", on), of=self._record)

    def show_status(self, status: HostStatus) -> None:
        """Show the read-backs of a status.

        Parameters
        ----------
        status
            A status of the host, with its read-backs.
        """
        readings, errors = status["readings"], []
        for full, figure in self.values.items():
            record = readings.get(full)
            if record is None:
                continue
            if "error" in record:
                errors.append(record["error"])
                figure.setText("—")
            else:
                figure.setText(text_of(record["value"], self._units[full], _DIGITS))
        self._show_output(value_of(readings, f"{self.name}.output_enabled"))
        self._lost = errors[0] if errors else ""
        self._show_problem()
        for point in self.points.values():
            point.show_status(status)
        own = [readings[full]["time"] for full in self.values if full in readings]
        age = time.time() - min(own) if own else 0.0
        self._show_age(age > _OLD, f"read {age:.0f} s ago; read again between two points")

    def _show_output(self, is_on: object) -> None:
        """Show an output; where it is not known, a switch must not stand as one that is off."""
        if self.output is None:
            return
        self.output.setEnabled(is_on is not None)
        self.output.setText("output" if is_on is not None else "output: not known")
        if is_on is not None and self.output.isChecked() != bool(is_on):
            self.output.setChecked(bool(is_on))

    def _show_age(self, is_old: bool, text: str) -> None:
        """Show the values as old ones, or as they are now."""
        self.age.setText(text)
        self.age.setVisible(is_old)
        if is_old == self._is_old:
            return
        self._is_old = is_old
        for figure in self.values.values():
            figure.setObjectName("old" if is_old else "value")
            figure.style().unpolish(figure)
            figure.style().polish(figure)

    def fade(self) -> None:
        """Show the values as old ones: the host does not answer."""
        self._show_age(True, "not read back any more: the host does not answer")

    def forget(self) -> None:
        """Clear all values: they are no longer read back."""
        for figure in self.values.values():
            figure.setText("—")
        self.setEnabled(False)


class BenchView(QWidget):
    """All instruments, and the history of chosen read-backs.

    Parameters
    ----------
    link
        To the host.
    """

    def __init__(self, link: HostLink) -> None:
        super().__init__()
        self._link = link
        self.panels: dict[str, InstrumentPanel] = {}
        self.traces = TraceStack(link)
        self.wanted_traces: set[str] = set()
        """Courses that were shown when the window was closed."""
        self._empty = label("No station is connected. Choose one above, then Connect.", "muted", wrap=True)
        self._inside = Columns()
        self._inside.show_parts([self._empty])
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.setObjectName("bench")
        splitter.addWidget(TallArea(self._inside))
        splitter.addWidget(self.traces)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 2)
        splitter.setSizes([840, 420])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(splitter)

    def build(self, description: BenchDescription) -> None:
        """Create the panels of a bench.

        Parameters
        ----------
        description
            What `HostClient.describe` returns: instruments and actuators.
        """
        for panel in self.panels.values():
            panel.deleteLater()
        self.panels.clear()
        self.traces.clear()
        self._empty.hide()
        for name, record in description["instruments"].items():
            own = {full: a for full, a in description["actuators"].items() if a["instrument"] == name}
            panel = InstrumentPanel(name, record, own, self._link, self.traces.choose)
            self.panels[name] = panel
            for full in self.wanted_traces & panel.traced.keys():
                panel.traced[full].setChecked(True)
        self._inside.show_parts(list(self.panels.values()))

    def fade(self) -> None:
        """Show all values as old ones: the host does not answer."""
        for panel in self.panels.values():
            panel.fade()

    def forget(self) -> None:
        """Clear all values: the host has gone."""
        for panel in self.panels.values():
            panel.forget()

    def show_status(self, status: HostStatus) -> None:
        """Show the read-backs of a status.

        Parameters
        ----------
        status
            A status of the host, with its read-backs.
        """
        for panel in self.panels.values():
            panel.show_status(status)
        self.traces.take(status["readings"])
