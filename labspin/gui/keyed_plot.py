"""A plot that can be used without a mouse: keys move and zoom it, and open its menu."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent

from labspin.gui.axes import UnitAxis
from labspin.gui.theme import style_plot

__all__ = ["KeyedPlot", "label_axis"]

_MOVE, _ZOOM = 0.1, 0.8  # of the visible range
_KEY = Qt.Key
_ARROWS = {_KEY.Key_Left: (-1, 0), _KEY.Key_Right: (1, 0), _KEY.Key_Down: (0, -1), _KEY.Key_Up: (0, 1)}


class KeyedPlot(pg.PlotWidget):  # type: ignore[misc]  # pyqtgraph is untyped
    """A plot in the colours of the theme; its axes show quantities unless others are given.

    Parameters
    ----------
    axes
        Side -> axis; missing ones are created.

    Signals
    -------
    nudged(right, up, other)
        An arrow was pressed with Ctrl: the cursor or cut is moved; with Shift, the other one.
    """

    KEYS = (
        "in a plot",
        (
            ("← → ↑ ↓", "move what is in view"),
            ("+ −", "show less, or more"),
            ("Home", "show everything"),
            ("Ctrl+← Ctrl+→", "move cursor A; with Shift cursor B"),
            ("Ctrl+↑ Ctrl+↓", "move the cut through a map"),
            ("Menu, Shift+F10", "menu of the plot: ranges, grid, export"),
        ),
    )
    nudged = Signal(int, int, bool)

    def __init__(self, axes: dict[str, object] | None = None) -> None:
        made = {side: UnitAxis(side) for side in ("left", "bottom")}
        super().__init__(axisItems={**made, **(axes or {})})
        style_plot(self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("plot")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Handle the keys of a plot.

        Parameters
        ----------
        event
            Event of Qt.
        """
        key, view, held = event.key(), self.getViewBox(), event.modifiers()
        if key in _ARROWS:
            right, up = _ARROWS[_KEY(key)]
            if held & Qt.KeyboardModifier.ControlModifier:
                self.nudged.emit(right, up, bool(held & Qt.KeyboardModifier.ShiftModifier))
            else:
                (left, end), (low, high) = view.viewRange()
                view.translateBy(x=_MOVE * right * (end - left), y=_MOVE * up * (high - low))
        elif key in (_KEY.Key_Plus, _KEY.Key_Equal):
            view.scaleBy((_ZOOM, _ZOOM))
        elif key == _KEY.Key_Minus:
            view.scaleBy((1 / _ZOOM, 1 / _ZOOM))
        elif key == _KEY.Key_Home:
            view.enableAutoRange()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Open the menu of the plot in its middle; the right mouse button opens it elsewhere.

        Parameters
        ----------
        event
            Event of Qt.
        """
        view = self.getViewBox()
        if event.reason() == QContextMenuEvent.Reason.Keyboard and view.menuEnabled():
            view.menu.popup(self.mapToGlobal(QPoint(self.width() // 2, self.height() // 2)))
        else:
            super().contextMenuEvent(event)


def label_axis(plot: pg.PlotWidget, side: str, name: str, unit: str) -> None:
    """Write the name and the unit of a quantity along an axis.

    Parameters
    ----------
    plot
        A plot over quantities.
    side
        ``"left"`` or ``"bottom"``.
    name
        Name of the quantity; empty writes the unit alone.
    unit
        In which its values are given.
    """
    plot.getAxis(side).show_quantity(name, unit)
    if side == "left" and name:
        plot.setAccessibleName(f"plot of {name}")
