"""Parts of views that fit into a narrow window: rows that break, columns, areas that scroll.

A small projector shows 1024 × 700 pixels, and with large letters less goes into a line. What is too wide
takes another row, or panels stand one below the other, instead of being cut off.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QWidget
from superqt import QFlowLayout

from labspin.gui.parts import Panel

__all__ = ["Columns", "TallArea", "WrappingPanel", "flow", "side_by_side"]

_SPARE = 40  # pixels that must be free before one column becomes two


def flow(*parts: QWidget) -> QFlowLayout:
    """Return a row that is broken where the window is narrow.

    Parameters
    ----------
    parts
        What stands in the row; a part is not broken itself.
    """
    row = QFlowLayout()
    row.setHorizontalSpacing(8)
    row.setVerticalSpacing(4)
    for part in parts:
        part.ensurePolished()
    tallest = max(part.sizeHint().height() for part in parts)
    for part in parts:
        part.setMinimumHeight(tallest)  # else a check box hangs above the middle of a row of buttons
        row.addWidget(part)
    return row


def side_by_side(*parts: QWidget) -> QWidget:
    """Return parts in a row that stays together.

    Parameters
    ----------
    parts
        What stands in the row.
    """
    group = QWidget()
    group.setObjectName("inside")
    row = QHBoxLayout(group)
    row.setContentsMargins(0, 0, 0, 0)
    for part in parts:
        row.addWidget(part)
    return group


class WrappingPanel(Panel):
    """A panel in a column of panels whose rows and texts may break: it is as high as they are then."""

    def minimumSizeHint(self) -> QSize:
        """Return the least size, as high as the rows at the present width."""
        least = super().minimumSizeHint()
        high = self.body.totalMinimumHeightForWidth(self.width())
        return QSize(least.width(), max(least.height(), high))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let the least height follow the width.

        Parameters
        ----------
        event
            Event of Qt.
        """
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.updateGeometry()


class TallArea(QScrollArea):
    """An area that scrolls up and down, and is never narrower than what is in it.

    Parameters
    ----------
    inside
        What is in it.
    """

    def __init__(self, inside: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidget(inside)

    def minimumSizeHint(self) -> QSize:
        """Return the least size, as wide as what is in it."""
        inside = self.widget()
        least = super().minimumSizeHint()
        if inside is None:
            return least
        bar = self.verticalScrollBar().sizeHint().width()
        return QSize(max(least.width(), inside.minimumSizeHint().width() + bar), least.height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the least width follow what is in it.

        Parameters
        ----------
        watched
            The widget inside, or another one.
        event
            Event of Qt.
        """
        if event.type() == QEvent.Type.LayoutRequest and watched is self.widget():
            self.updateGeometry()
        return super().eventFilter(watched, event)


class Columns(QWidget):
    """Panels in as many columns as there is room for.

    Parameters
    ----------
    most
        Greatest number of columns.
    fills
        Whether the rows take all of the height; else they stand at the top.
    """

    def __init__(self, most: int = 2, *, fills: bool = False) -> None:
        super().__init__()
        self.setObjectName("inside")
        self._most, self._fills, self._columns = most, fills, 0
        self._parts: list[QWidget] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(12, 12, 12, 12)
        self._grid.setSpacing(12)

    def show_parts(self, parts: Sequence[QWidget]) -> None:
        """Show panels, row by row.

        Parameters
        ----------
        parts
            The panels.
        """
        for part in self._parts:
            self._grid.removeWidget(part)
        self._parts, self._columns = list(parts), 0
        self._arrange()

    def minimumSizeHint(self) -> QSize:
        """Return the least size: one column of the widest panel."""
        return QSize(self._around(1), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Take another number of columns where the width asks for it.

        Parameters
        ----------
        event
            Event of Qt.
        """
        super().resizeEvent(event)
        self._arrange()

    def event(self, event: QEvent) -> bool:
        """Arrange the panels again when one of them has become wider.

        Parameters
        ----------
        event
            Event of Qt.
        """
        if event.type() == QEvent.Type.LayoutRequest:
            self._arrange()
        return super().event(event)

    def _around(self, columns: int) -> int:
        """Return the width of so many columns, with the margins."""
        widest = max((part.minimumSizeHint().width() for part in self._parts), default=0)
        margins = self._grid.contentsMargins()
        return columns * widest + (columns - 1) * self._grid.spacing() + margins.left() + margins.right()

    def _fits(self, columns: int) -> bool:
        """Return whether so many columns have room; a further one needs some more, as figures change."""
        spare = _SPARE if self._columns and columns > self._columns else 0
        return self._around(columns) + spare <= self.width()

    def _arrange(self) -> None:
        fitting = [n for n in range(1, self._most + 1) if self._fits(n)]
        columns = max(fitting, default=1)
        if columns == self._columns or not self._parts:
            return
        self._columns = columns
        for part in self._parts:
            self._grid.removeWidget(part)
        for place, part in enumerate(self._parts):
            self._grid.addWidget(part, place // columns, place % columns)
        rows = -(-len(self._parts) // columns)
        for row in range(max(rows + 1, self._grid.rowCount())):
            self._grid.setRowStretch(row, 1 if (row < rows) is self._fills else 0)
        for column in range(self._most):
            self._grid.setColumnStretch(column, column < columns)
