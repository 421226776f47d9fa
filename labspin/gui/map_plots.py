"""The maps of the view *See*, with cuts, alone or side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from labspin.arrays import FloatArray
from labspin.gui.axes import shown
from labspin.gui.foreign import markup
from labspin.gui.keyed_plot import KeyedPlot, label_axis
from labspin.gui.parts import label
from labspin.gui.pictures import MapData, Picture
from labspin.gui.theme import current, fine

__all__ = ["MapGrid", "MapPlot"]

_BAR = 84  # pixels of the bar of colours and its numbers
_FINE = 1000  # steps in which the ends of the colours are dragged
_MAPS = 4  # maps that are compared side by side
_NAME = 12  # characters of a name next to the cut, which is not high


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
        self.plot = KeyedPlot()
        self.cut = KeyedPlot()
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
        self.plot.nudged.connect(self._nudge)

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
            Name of the run; empty where the map is shown alone.
        """
        for part in (self.cut, self.readout, self._across):
            part.setVisible(not name)
        self.plot.setTitle(markup(name) or None, size="10pt", color=current().text)

    def restyle(self) -> None:
        """Use the colours and units of the present theme."""
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
        label_axis(self.plot, "bottom", grid.x.name, grid.x.unit)
        label_axis(self.plot, "left", grid.y.name, grid.y.unit)
        label_axis(self.cut, "bottom", grid.x.name, grid.x.unit)
        name = picture.quantity if len(picture.quantity) <= _NAME else ""
        label_axis(self.cut, "left", name, picture.unit)
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

    def _nudge(self, _: int, up: int, __: bool) -> None:
        """Move the cut to the next row."""
        if self._map is not None:
            rows = self._map.y.values
            row = int(np.argmin(np.abs(rows - self._across.value()))) + up
            self._across.setValue(float(rows[min(max(row, 0), len(rows) - 1)]))

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
        """Use the colours and units of the present theme."""
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
        """Show the same range in all maps; pyqtgraph's own links cut off rows where plots differ in size."""
        if self._is_following:
            return
        self._is_following = True
        for plot in self.plots:
            if plot.plot.getViewBox() is not view:
                plot.plot.setRange(xRange=span[0], yRange=span[1], padding=0)
        self._is_following = False


def _edges(values: FloatArray) -> tuple[float, float]:
    """Return start and length of an even axis of pixels."""
    if len(values) < 2:
        return float(values[0]) - 0.5, 1.0
    step = float(values[1] - values[0])
    return float(values[0]) - step / 2, step * len(values)
