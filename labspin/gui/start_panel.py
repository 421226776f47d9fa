"""Where a person sets the start values of a fit: lines in the plot, and fields beside it."""

from __future__ import annotations

import functools
import math

import pyqtgraph as pg
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QGridLayout, QWidget

from labspin.gui.axes import shown
from labspin.gui.foreign import line, tool_tip
from labspin.gui.parts import QuantityField, label
from labspin.gui.start_values import Handle, StartValues, handles_of
from labspin.gui.theme import current, fine

__all__ = ["StartHandles", "StartPanel"]


class StartHandles(QObject):
    """The dashed curve of the start values in a plot, and the lines by which they are dragged.

    Parameters
    ----------
    plot
        Where they are drawn.

    Signals
    -------
    dragged(name, value)
        A line was dragged.
    """

    dragged = Signal(str, float)

    def __init__(self, plot: pg.PlotWidget) -> None:
        super().__init__()
        self._plot = plot
        self._start: StartValues | None = None
        self._log = (False, False)
        self._curve: pg.PlotDataItem | None = None
        self.lines: dict[str, pg.InfiniteLine] = {}
        self._handles: dict[str, Handle] = {}
        self._is_placing = False

    def show(self, start: StartValues | None, log: tuple[bool, bool] = (False, False)) -> None:
        """Show start values, or remove them.

        Parameters
        ----------
        start
            The values; None removes curve and lines.
        log
            Which axes are logarithmic.
        """
        is_other = self._start is None or start is None or self._start.model is not start.model
        if is_other or log != self._log:
            self._clear()
        self._start, self._log = start, log
        if start is None:
            return
        if self._curve is None:
            self._make(start)
        self._place()

    def _clear(self) -> None:
        for item in (self._curve, *self.lines.values()):
            if item is not None:
                self._plot.removeItem(item)
        self._curve = None
        self.lines.clear()
        self._handles.clear()

    def _make(self, start: StartValues) -> None:
        theme = current()
        pen = pg.mkPen(theme.series[2], width=fine(2), style=Qt.PenStyle.DashLine)
        self._curve = self._plot.plot([], [], pen=pen, name="start")
        for handle in handles_of(start):
            line = pg.InfiniteLine(
                angle=90 if handle.is_vertical else 0, movable=True,
                pen=pg.mkPen(theme.series[2], width=fine(1.5)),
                hoverPen=pg.mkPen(theme.danger, width=fine(3)),
                label=handle.name.replace("_", " "),
                labelOpts={"position": 0.93 if handle.is_vertical else 0.12, "color": theme.series[2],
                           "movable": True, "fill": theme.panel},
            )  # fmt: skip
            line.sigDragged.connect(functools.partial(self._drag, handle.name))
            self._plot.addItem(line, ignoreBounds=True)
            self.lines[handle.name], self._handles[handle.name] = line, handle

    def _place(self) -> None:
        if self._start is None or self._curve is None:
            return
        self._curve.setData(*self._start.curve())
        for name, handle in self._handles.items():
            at = handle.place(self._start.values)
            is_log = self._log[0 if handle.is_vertical else 1]
            good = math.isfinite(at) and (not is_log or at > 0)
            self.lines[name].setVisible(good)
            if good:
                self.lines[name].setValue(math.log10(at) if is_log else at)

    def _drag(self, name: str, line: pg.InfiniteLine) -> None:
        if self._start is None:
            return
        handle = self._handles[name]
        at = float(line.value())
        if self._log[0 if handle.is_vertical else 1]:
            at = 10.0**at
        self.dragged.emit(name, handle.value(self._start.values, at))


class StartPanel(QWidget):
    """Fields for the start values, and which of them are held.

    Signals
    -------
    changed()
        A value was typed, or one is held or let go.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("inside")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(1, 1)
        self.start: StartValues | None = None
        self.fields: dict[str, QuantityField] = {}
        self.holds: dict[str, QCheckBox] = {}

    def show_start(self, start: StartValues | None) -> None:
        """Show start values; the fields are rebuilt for another model.

        Parameters
        ----------
        start
            The values; None shows none.
        """
        names = [] if start is None else [p.name for p in start.model.parameters]
        if names != list(self.fields):
            self._make(start, names)
        self.start = start
        if start is None:
            return
        for name, field in self.fields.items():
            if not field.hasFocus():
                field.setText(shown(start.values[name], start.units[name], 5))

    def _make(self, start: StartValues | None, names: list[str]) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        self.fields.clear()
        self.holds.clear()
        if start is None:
            return
        for row, name in enumerate(names):
            parameter = start.model.parameter(name)
            field, hold = QuantityField(start.units[name]), QCheckBox("hold")
            field.given.connect(functools.partial(self._typed, name))
            field.setAccessibleName(f"start value of {name}")
            field.setStatusTip(line(parameter.description))
            hold.setToolTip(tool_tip(f"{name} is not fitted"))
            is_held = parameter.value is not None or parameter.from_data or name in start.recipe.fixed
            hold.setChecked(is_held)
            hold.toggled.connect(lambda _: self.changed.emit())
            name_of = label(name.replace("_", " "))
            name_of.setToolTip(tool_tip(parameter.description))
            for column, part in enumerate((name_of, field, hold)):
                self._grid.addWidget(part, row, column)
            self.fields[name], self.holds[name] = field, hold

    def _typed(self, name: str, value: float) -> None:
        self.change(name, value)
        field = self.fields[name]
        if self.start is not None:
            field.setText(shown(self.start.values[name], self.start.units[name], 5))

    def change(self, name: str, value: float) -> None:
        """Change one value, within the bounds of the model.

        Parameters
        ----------
        name
            Name of the parameter.
        value
            In its unit.
        """
        if self.start is not None and math.isfinite(value):
            self.show_start(self.start.with_value(name, value))
            self.changed.emit()

    def held(self) -> set[str]:
        """Return the names of the parameters that are not fitted."""
        return {name for name, box in self.holds.items() if box.isChecked()}
