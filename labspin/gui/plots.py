"""The plot of lines in the view *See*: with errors, fits, residuals and cursors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from labspin.gui.axes import shown
from labspin.gui.foreign import markup
from labspin.gui.keyed_plot import KeyedPlot, label_axis
from labspin.gui.parts import label
from labspin.gui.pictures import Axis, LineData, Picture
from labspin.gui.theme import current, fine

if TYPE_CHECKING:
    from labspin.analysis.model import FloatArray
    from labspin.analysis.outcome import FitOutcome

__all__ = ["LinePlot"]

_FEW = 2000  # points up to which each has a symbol
_NAME = 44  # characters of a name in a legend
_POWERS = 300  # of ten


def _short(name: str) -> str:
    """Return a shortened name that leaves room for the plot, which shows the whole one above."""
    return name if len(name) <= _NAME else f"{name[: _NAME // 2]}…{name[-_NAME // 2 :]}"


def _value(place: float, *, is_log: bool) -> float:
    """Return the value at a position along an axis; the position itself where that overflows."""
    return 10.0**place if is_log and abs(place) < _POWERS else float(place)


def _brushes(line: LineData, colour: str) -> Any:
    """Return how points are filled: doubtful ones are hollow."""
    if line.doubtful is None:
        return pg.mkBrush(colour)
    hollow, full = pg.mkBrush(current().panel), pg.mkBrush(colour)
    return [hollow if bad else full for bad in line.doubtful]


class LinePlot(QWidget):
    """Lines of one or several runs, with error bars, a fit, its residuals, and cursors.

    Signals
    -------
    wanted()
        The curve was double-clicked: a fit is wanted.
    looked(span)
        The visible part of the x axis has changed; None: all of it.
    placed(place)
        Cursor A has moved: name and unit of the x axis, and the value; None: there are no cursors.
    """

    wanted = Signal()
    looked = Signal(object)
    placed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.plot = KeyedPlot()
        self.residuals = KeyedPlot()
        self.plot.addLegend(offset=(-12, 12), labelTextSize="9.5pt")
        self.residuals.setXLink(self.plot)
        label_axis(self.residuals, "left", "residual", "1")
        self.residuals.getAxis("bottom").setStyle(showValues=False)
        for part in (self.plot, self.residuals):
            part.getAxis("left").setWidth(72)
        self.residuals.hide()
        self.readout = label("", "muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot, 4)
        layout.addWidget(self.residuals, 1)
        layout.addWidget(self.readout)
        self._log = (False, False)
        self._bars = True
        self._offset = 0.0
        self.lines: list[pg.PlotDataItem] = []
        self._errors: list[pg.ErrorBarItem] = []
        self._fit: pg.PlotDataItem | None = None
        self._outcome: FitOutcome | None = None
        self._cursors: list[pg.InfiniteLine] = []
        self._units, self._axis, self._quantity = ("1", "1"), "", ""
        self._own: Any = None
        self._own_bars: Any = None
        self._alone = False
        self._first: LineData | None = None
        self._proxy = pg.SignalProxy(self.plot.scene().sigMouseMoved, rateLimit=30, slot=self._hover)
        self.plot.scene().sigMouseClicked.connect(self._click)
        self.plot.getViewBox().sigXRangeChanged.connect(self._range)
        self._is_long = False
        self.plot.nudged.connect(self._nudge)

    # -- what is shown ---------------------------------------------------------------------------------

    def show_pictures(self, pictures: list[Picture]) -> None:
        """Show the lines of runs.

        Parameters
        ----------
        pictures
            The runs as they are shown; those without a line are left out.
        """
        drawn = [picture for picture in pictures if picture.line is not None]
        while len(self.lines) > len(drawn):
            self.plot.removeItem(self.lines.pop())
            self.plot.removeItem(self._errors.pop())
        for place, picture in enumerate(drawn):
            self._show_line(place, picture)
        if drawn and drawn[0].line is not None:
            first = drawn[0]
            axis = drawn[0].line.axis
            self._units, self._axis, self._quantity = (axis.unit, first.unit), axis.name, first.quantity
            self._name_axes()
        self._is_long = any(p.line is not None and p.line.points > len(p.line.values) for p in drawn)
        self._first = drawn[0].line if drawn else None
        if self._cursors:
            self._tell_cursors()

    def _name_axes(self) -> None:
        """Name the axes: those of the lines, or of a fit along another axis, whose lines are then hidden."""
        name, unit = self._axis, self._units[0]
        if self._own is not None and self._outcome is not None:
            name, unit = self._outcome.x_name, self._outcome.x_unit
            for item in self._errors:
                item.setVisible(False)
        legend = self.plot.plotItem.legend
        for line in self.lines:
            line.setVisible(self._own is None)
            if self._own is not None:
                legend.removeItem(line)
            elif legend.getLabel(line) is None:
                legend.addItem(line, line.opts["name"])
        label_axis(self.plot, "bottom", name, unit)
        if self._alone and self._outcome is not None:
            label_axis(self.plot, "left", self._outcome.y_name, self._outcome.y_unit)
        else:
            label_axis(self.plot, "left", self._quantity, self._units[1])

    def _show_line(self, place: int, picture: Picture) -> None:
        line = picture.line
        if line is None:
            return
        colour = current().series[place % len(current().series)]
        if place >= len(self.lines):
            self.lines.append(self.plot.plot([], [], name=markup(_short(picture.label))))
            self._errors.append(pg.ErrorBarItem(pen=pg.mkPen(colour, width=fine(1))))
            self.plot.addItem(self._errors[-1])
        few = len(line.values) <= _FEW
        item = self.lines[place]
        item.opts["name"] = markup(_short(picture.label))
        item.setSymbol("o" if few else None)
        item.setSymbolSize(6)
        item.setSymbolBrush(colour)
        item.setSymbolPen(None)
        item.setPen(pg.mkPen(colour, width=fine(1) if few else 1))
        y = line.values + place * self._offset
        item.setData(line.axis.values, y)
        if few:
            item.setSymbolBrush(_brushes(line, colour))
            item.setSymbolPen(pg.mkPen(colour, width=fine(1)) if line.doubtful is not None else None)
        legend = self.plot.plotItem.legend
        if legend is not None and legend.getLabel(item) is not None:
            legend.getLabel(item).setText(markup(_short(picture.label)))
        self._show_errors(self._errors[place], line, y)

    def _show_errors(self, item: pg.PlotDataItem, line: LineData, y: FloatArray) -> None:
        """Draw error bars; pyqtgraph's do not follow logarithmic axes by themselves."""
        item.setVisible(bool(self._bars and line.errors is not None and len(line.values) <= _FEW and len(y)))
        if not item.isVisible() or line.errors is None:
            return
        x, low, high = line.axis.values, y - line.errors, y + line.errors
        with np.errstate(invalid="ignore", divide="ignore"):
            if self._log[0]:
                x = np.log10(x)
            if self._log[1]:
                y, low, high = np.log10(y), np.log10(low), np.log10(high)
        good = np.isfinite(x) & np.isfinite(y) & np.isfinite(low) & np.isfinite(high)
        item.setData(x=x[good], y=y[good], bottom=(y - low)[good], top=(high - y)[good])

    def set_log(self, x: bool, y: bool) -> None:
        """Use logarithmic or linear axes.

        Parameters
        ----------
        x, y
            Whether the axis is logarithmic.
        """
        self._log = (x, y)
        self.plot.setLogMode(x, y)
        self.residuals.setLogMode(x, False)
        for cursor in self._cursors:
            self.plot.removeItem(cursor)
        had, self._cursors = bool(self._cursors), []
        if had:
            self.show_cursors(True)

    def set_bars(self, on: bool) -> None:
        """Switch error bars on or off.

        Parameters
        ----------
        on
            Whether error bars are shown.
        """
        self._bars = on

    def set_offset(self, offset: float) -> None:
        """Set the distance by which each run is drawn above the previous one.

        Parameters
        ----------
        offset
            The distance, in the unit of the quantity.
        """
        self._offset = offset

    # -- fit -------------------------------------------------------------------------------------------

    def show_fit(self, outcome: FitOutcome | None, *, alone: bool = False) -> None:
        """Show the curve of a fit and its residuals, or remove them.

        Parameters
        ----------
        outcome
            Result of the fit; None removes it. Of complex data, the moduli are shown. One along another
            axis than that of the lines is shown with its own points instead of them.
        alone
            Whether it is no fit of what is shown, such as one that continues from fits: it has its own
            points.
        """
        self._outcome, self._alone = outcome, alone and outcome is not None
        for item in (self._fit, self._own, self._own_bars):
            if item is not None:
                self.plot.removeItem(item)
        self._fit = self._own = self._own_bars = None
        self.residuals.clear()
        self.residuals.setVisible(outcome is not None)
        if outcome is None:
            self._name_axes()
            return
        theme = current()
        if alone or (self._axis and outcome.x_name.replace("_", " ") != self._axis.replace("_", " ")):
            y = np.abs(outcome.y) if np.iscomplexobj(outcome.y) else outcome.y
            self._own = self.plot.plot(
                outcome.x, y, pen=None, symbol="o", symbolSize=6, symbolBrush=theme.series[0],
                symbolPen=None, name=markup(_short(outcome.label)),
            )  # fmt: skip
            if outcome.sigma is not None and not np.iscomplexobj(outcome.y):
                self._own_bars = pg.ErrorBarItem(pen=pg.mkPen(theme.series[0], width=fine(1)))
                self.plot.addItem(self._own_bars)
                axis = Axis(outcome.x_name, outcome.x_unit, outcome.x)
                values, sigma = np.asarray(y, np.float64), np.asarray(outcome.sigma, np.float64)
                self._show_errors(self._own_bars, LineData(axis, values, sigma, len(values)), values)
        self._name_axes()
        pen = pg.mkPen(theme.series[1], width=fine(2.5))
        curve = np.abs(outcome.curve_y) if np.iscomplexobj(outcome.curve_y) else outcome.curve_y
        self._fit = self.plot.plot(outcome.curve_x, curve, pen=pen, name=markup(f"fit: {outcome.model}"))
        rest = np.abs(outcome.residuals) if np.iscomplexobj(outcome.residuals) else outcome.residuals
        self.residuals.plot(
            outcome.x, rest, pen=None, symbol="o", symbolSize=5, symbolBrush=theme.series[0], symbolPen=None
        )
        self.residuals.addItem(pg.InfiniteLine(0.0, angle=0, pen=pg.mkPen(theme.muted)))

    # -- cursors ---------------------------------------------------------------------------------------

    def show_cursors(self, on: bool) -> None:
        """Show two vertical cursors that can be dragged, and their positions.

        Parameters
        ----------
        on
            Whether the cursors are shown.
        """
        for cursor in self._cursors:
            self.plot.removeItem(cursor)
        self._cursors = []
        if not on:
            self.readout.setText("")
            self.placed.emit(None)
            return
        self.plot.getViewBox().updateAutoRange()  # an axis that has just become logarithmic
        low, high = self.plot.getViewBox().viewRange()[0]
        for name, part in (("A", 1 / 3), ("B", 2 / 3)):
            line = pg.InfiniteLine(
                low + part * (high - low), angle=90, movable=True, label=name,
                pen=pg.mkPen(current().accent, width=fine(2)),
                labelOpts={"position": 0.96, "color": current().accent, "fill": current().panel},
            )  # fmt: skip
            line.sigPositionChanged.connect(self._tell_cursors)
            self.plot.addItem(line)
            self._cursors.append(line)
        self._tell_cursors()

    def restyle(self) -> None:
        """Use the colours and units of the present theme."""
        if self._cursors:
            places = [cursor.value() for cursor in self._cursors]
            self.show_cursors(True)
            for cursor, place in zip(self._cursors, places, strict=True):
                cursor.setValue(place)
        if self._outcome is not None:
            self.show_fit(self._outcome)
        for plot in (self.plot, self.residuals):
            plot.getAxis("bottom").updateAutoSIPrefix()
            plot.getAxis("left").updateAutoSIPrefix()

    def _tell_cursors(self, *_: object) -> None:
        a, b = (_value(c.value(), is_log=self._log[0]) for c in self._cursors)
        unit, y_unit = self._units
        said = [f"A {shown(a, unit)}", f"B {shown(b, unit)}", f"B − A {shown(b - a, unit)}"]
        if self._first is not None and len(self._first.values):
            ys = np.interp([a, b], self._first.axis.values, self._first.values)
            heights = [float(ys[0]), float(ys[1]), float(ys[1] - ys[0])]
            said = [f"{text}, {shown(y, y_unit)}" for text, y in zip(said, heights, strict=True)]
        self.readout.setText("     ".join(said))
        self.placed.emit((self._axis, unit, a))

    def _nudge(self, right: int, _: int, other: bool) -> None:
        """Move a cursor by a hundredth of the visible range."""
        low, high = self.plot.getViewBox().viewRange()[0]
        for cursor in self._cursors[int(other) : int(other) + 1]:
            cursor.setValue(cursor.value() + 0.01 * right * (high - low))

    def _hover(self, event: Any) -> None:
        if self._cursors or not self.lines:
            return
        point = self.plot.getViewBox().mapSceneToView(event[0])
        x, y = point.x(), point.y()
        x, y = (_value(v, is_log=log) for v, log in zip((x, y), self._log, strict=True))
        self.readout.setText(f"{shown(x, self._units[0])}   {shown(y, self._units[1])}")

    def _click(self, event: Any) -> None:
        if event.double() and event.button() == Qt.MouseButton.LeftButton:
            event.accept()
            self.wanted.emit()

    def _range(self, _: object, span: tuple[float, float]) -> None:
        if self._is_long and not self.plot.getViewBox().autoRangeEnabled()[0]:
            low, high = (10.0**v for v in span) if self._log[0] else span
            self.looked.emit((low, high))
