"""The plots of the view *See*: lines with errors and fits, residuals, maps with cuts, cursors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from labspin.arrays import FloatArray
from labspin.gui.axes import UnitAxis, shown
from labspin.gui.parts import label
from labspin.gui.pictures import LineData, MapData, Picture
from labspin.gui.theme import current, fine, style_plot

if TYPE_CHECKING:
    from labspin.analysis.outcome import FitOutcome

__all__ = ["LinePlot", "MapGrid", "MapPlot"]

_FEW = 2000  # points up to which each has a symbol
_BAR = 84  # pixels of the bar of colours and its numbers
_FINE = 1000  # steps in which the ends of the colours are dragged
_NAME = 44  # characters of a name in a legend
_POWERS = 300  # of ten
_MAPS = 4  # maps that are compared side by side


def _plot() -> pg.PlotWidget:
    plot = pg.PlotWidget(axisItems={side: UnitAxis(side) for side in ("left", "bottom")})
    style_plot(plot)
    return plot


def _axis_label(plot: pg.PlotWidget, side: str, name: str, unit: str) -> None:
    plot.getAxis(side).show_quantity(name, unit)


def _short(name: str) -> str:
    """Return a name that leaves room for the plot; the whole one stands above it."""
    return name if len(name) <= _NAME else f"{name[: _NAME // 2]}…{name[-_NAME // 2 :]}"


def _value(place: float, *, is_log: bool) -> float:
    """Return the value at a place along an axis; beyond what a number can be, the place itself."""
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
        Another part of the x axis is looked at; None: all of it.
    placed(place)
        Cursor A stands elsewhere: name and unit of the x axis, and the value; None: there are no cursors.
    """

    wanted = Signal()
    looked = Signal(object)
    placed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.plot = _plot()
        self.residuals = _plot()
        self.plot.addLegend(offset=(-12, 12), labelTextSize="9.5pt")
        self.residuals.setXLink(self.plot)
        _axis_label(self.residuals, "left", "residual", "1")
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
        self.lines: list[Any] = []
        self._errors: list[Any] = []
        self._fit: Any = None
        self._outcome: FitOutcome | None = None
        self._cursors: list[pg.InfiniteLine] = []
        self._units, self._axis = ("1", "1"), ""
        self._first: LineData | None = None
        self._proxy = pg.SignalProxy(self.plot.scene().sigMouseMoved, rateLimit=30, slot=self._hover)
        self.plot.scene().sigMouseClicked.connect(self._click)
        self.plot.getViewBox().sigXRangeChanged.connect(self._range)
        self._is_long = False

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
            self._units, self._axis = (axis.unit, first.unit), axis.name
            _axis_label(self.plot, "bottom", axis.name, axis.unit)
            _axis_label(self.plot, "left", first.quantity, first.unit)
        self._is_long = any(p.line is not None and p.line.points > len(p.line.values) for p in drawn)
        self._first = drawn[0].line if drawn else None
        if self._cursors:
            self._tell_cursors()

    def _show_line(self, place: int, picture: Picture) -> None:
        line = picture.line
        if line is None:
            return
        colour = current().series[place % len(current().series)]
        if place >= len(self.lines):
            self.lines.append(self.plot.plot([], [], name=_short(picture.label)))
            self._errors.append(pg.ErrorBarItem(pen=pg.mkPen(colour, width=fine(1))))
            self.plot.addItem(self._errors[-1])
        few = len(line.values) <= _FEW
        item = self.lines[place]
        item.opts["name"] = _short(picture.label)
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
            legend.getLabel(item).setText(_short(picture.label))
        self._show_errors(self._errors[place], line, y)

    def _show_errors(self, item: Any, line: LineData, y: Any) -> None:
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
        """Set the distance by which each run is drawn above the one before.

        Parameters
        ----------
        offset
            The distance, in the unit of the quantity.
        """
        self._offset = offset

    # -- fit -------------------------------------------------------------------------------------------

    def show_fit(self, outcome: FitOutcome | None) -> None:
        """Show the curve of a fit and its residuals, or remove them.

        Parameters
        ----------
        outcome
            Result of the fit; None removes it. Of complex data, the moduli are shown.
        """
        self._outcome = outcome
        if self._fit is not None:
            self.plot.removeItem(self._fit)
            self._fit = None
        self.residuals.clear()
        self.residuals.setVisible(outcome is not None)
        if outcome is None:
            return
        theme = current()
        pen = pg.mkPen(theme.series[1], width=fine(2.5))
        curve = np.abs(outcome.curve_y) if np.iscomplexobj(outcome.curve_y) else outcome.curve_y
        self._fit = self.plot.plot(outcome.curve_x, curve, pen=pen, name=f"fit: {outcome.model}")
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
        for part in (1 / 3, 2 / 3):
            line = pg.InfiniteLine(
                low + part * (high - low),
                angle=90,
                movable=True,
                pen=pg.mkPen(current().accent, width=fine(2)),
            )
            line.sigPositionChanged.connect(self._tell_cursors)
            self.plot.addItem(line)
            self._cursors.append(line)
        self._tell_cursors()

    def restyle(self) -> None:
        """Use the colours of the present theme, and its units, from now on."""
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


class MapPlot(QWidget):
    """A map with its levels, and cuts through the point that was clicked.

    Signals
    -------
    levels_wanted(levels)
        The ends of the colours were dragged to these values.
    """

    levels_wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.plot = _plot()
        self.cut = _plot()
        for part in (self.plot, self.cut):
            part.getAxis("left").setWidth(72)
        self.plot.showGrid(x=False, y=False)
        self.image = pg.ImageItem(axisOrder="row-major")
        colours = pg.colormap.get("viridis")
        table = colours.getLookupTable(nPts=256)
        table[0] = 128  # not measured
        self.image.setLookupTable(table)
        self.plot.addItem(self.image)
        self._bar = pg.ColorBarItem(
            values=(0, 1), colorMap=colours, width=18, colorMapMenu=False, pen=current().text
        )
        self._bar.sigLevelsChangeFinished.connect(lambda bar: self.levels_wanted.emit(bar.levels()))
        self._bar.axis.setWidth(_BAR - 18)
        self.plot.plotItem.layout.addItem(self._bar, 2, 5)
        right = self.cut.getAxis("right")  # the cut is as wide as the map
        right.setWidth(_BAR + 8)
        right.setStyle(showValues=False, tickLength=0)
        right.setPen(None)
        self.cut.showAxis("right")
        self.cut.setXLink(self.plot)
        self._across = pg.InfiniteLine(angle=0, pen=pg.mkPen(current().danger), movable=True)
        self._across.sigPositionChanged.connect(self._draw_cut)
        self.plot.addItem(self._across)
        self._cut_line = self.cut.plot([], [], pen=pg.mkPen(current().series[0], width=fine(1.5)))
        self.readout = label("", "muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot, 3)
        layout.addWidget(self.cut, 1)
        layout.addWidget(self.readout)
        self._map: MapData | None = None
        self._unit = "1"
        self._is_placed = False
        self.plot.scene().sigMouseClicked.connect(self._click)

    def show_picture(self, picture: Picture) -> None:
        """Show the map of a run.

        Parameters
        ----------
        picture
            The run as it is shown; one without a map changes nothing.
        """
        grid = picture.map
        if grid is None:
            return
        before, self._map, self._unit = self._map, grid, picture.unit
        self.image.setImage(grid.levels, levels=(0, 255), autoLevels=False)
        is_other = before is None or (before.x.name, before.y.name) != (grid.x.name, grid.y.name)
        if is_other or not self._is_placed:
            self._place(grid, picture)
        low, high = grid.low, grid.high if grid.high > grid.low else grid.low + 1
        self._bar.rounding = (high - low) / _FINE
        self._bar.setLevels((low, high))
        self._draw_cut()

    def show_alone(self, name: str) -> None:
        """Show the cut below the map, or the run's name above it, where several maps are compared.

        Parameters
        ----------
        name
            Of the run; empty where the map is shown alone.
        """
        for part in (self.cut, self.readout, self._across):
            part.setVisible(not name)
        self.plot.setTitle(name or None, size="10pt", color=current().text)

    def restyle(self) -> None:
        """Use the colours of the present theme, and its units, from now on."""
        self._bar.axis.setTextPen(current().text)
        self._cut_line.setPen(pg.mkPen(current().series[0], width=fine(1.5)))
        for plot in (self.plot, self.cut):
            plot.getAxis("bottom").updateAutoSIPrefix()
            plot.getAxis("left").updateAutoSIPrefix()
        self._draw_cut()

    def _place(self, grid: MapData, picture: Picture) -> None:
        for plot in (self.plot, self.cut):
            plot.setLogMode(grid.is_log[0], grid.is_log[1] if plot is self.plot else False)
        left, width = _edges(grid.x.values)
        bottom, height = _edges(grid.y.values)
        self.image.setRect(QRectF(left, bottom, width, height))
        _axis_label(self.plot, "bottom", grid.x.name, grid.x.unit)
        _axis_label(self.plot, "left", grid.y.name, grid.y.unit)
        _axis_label(self.cut, "bottom", grid.x.name, grid.x.unit)
        _axis_label(self.cut, "left", picture.quantity, picture.unit)
        self._across.setValue(float(grid.y.values[len(grid.y.values) // 2]))
        self.plot.autoRange(padding=0)
        self._is_placed = True

    def _draw_cut(self, *_: object) -> None:
        grid = self._map
        if grid is None:
            return
        row = int(np.argmin(np.abs(grid.y.values - self._across.value())))
        x = 10**grid.x.values if grid.is_log[0] else grid.x.values
        self._cut_line.setData(x, grid.values[row])
        at = 10 ** grid.y.values[row] if grid.is_log[1] else grid.y.values[row]
        name = grid.y.name.replace("_", " ")
        self.readout.setText(f"cut at {name} = {shown(float(at), grid.y.unit)}")

    def _click(self, event: Any) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            point = self.plot.getViewBox().mapSceneToView(event.scenePos())
            self._across.setValue(point.y())


class MapGrid(QWidget):
    """One map with its cut, or up to four side by side, with the same axes and colours.

    Signals
    -------
    levels_wanted(levels)
        The ends of the colours were dragged to these values.
    """

    levels_wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.plots: list[MapPlot] = []
        self._is_following = False
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)

    def restyle(self) -> None:
        """Use the colours of the present theme, and its units, from now on."""
        for plot in self.plots:
            plot.restyle()

    def show_pictures(self, pictures: list[Picture]) -> None:
        """Show the maps of runs.

        Parameters
        ----------
        pictures
            The runs as they are shown; those without a map are left out.
        """
        drawn = [picture for picture in pictures if picture.map is not None][:_MAPS]
        while len(self.plots) < len(drawn):
            plot = MapPlot()
            plot.levels_wanted.connect(self.levels_wanted)
            plot.plot.getViewBox().sigRangeChanged.connect(lambda view, span, *_: self._follow(view, span))
            self._grid.addWidget(plot, len(self.plots) // 2, len(self.plots) % 2)
            self.plots.append(plot)
        for place, plot in enumerate(self.plots):
            plot.setVisible(place < len(drawn))
        for plot, picture in zip(self.plots, drawn, strict=False):
            plot.show_alone(picture.label if len(drawn) > 1 else "")
            plot.show_picture(picture)

    def _follow(self, view: pg.ViewBox, span: list[list[float]]) -> None:
        """Let all maps show the same part; pyqtgraph's own links cut off rows where plots differ in size."""
        if self._is_following:
            return
        self._is_following = True
        for plot in self.plots:
            if plot.plot.getViewBox() is not view:
                plot.plot.setRange(xRange=span[0], yRange=span[1], padding=0)
        self._is_following = False


def _edges(values: FloatArray) -> tuple[float, float]:
    """Return where an even axis of pixels begins, and how long it is."""
    if len(values) < 2:
        return float(values[0]) - 0.5, 1.0
    step = float(values[1] - values[0])
    return float(values[0]) - step / 2, step * len(values)
