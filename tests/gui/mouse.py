"""A mouse in a plot of pyqtgraph: QTest's moves hold no button, so nothing could be dragged by them."""

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

STEPS = 8
pg.setConfigOptions(mouseRateLimit=0)  # else moves that follow each other quickly are left out


def settle(plot):
    """Let pending layouts be made: where something is in a plot depends on them."""
    before, now = None, _where(plot)
    while now != before:
        QApplication.processEvents()
        before, now = now, _where(plot)


def _where(plot):
    return plot.mapToGlobal(plot.rect().topLeft()), plot.rect(), plot.getViewBox().sceneBoundingRect()


def place(plot, x, y):
    """Return where a point of a plot is on its viewport; on logarithmic axes x and y are logarithms."""
    settle(plot)
    return QPointF(plot.mapFromScene(plot.getViewBox().mapViewToScene(QPointF(x, y))))


def send(widget, kind, where, button, buttons):
    """Send a mouse event to a widget, at a place on the screen."""
    event = QMouseEvent(
        kind, QPointF(widget.mapFromGlobal(where)), where, button, buttons, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(widget, event)
    QApplication.processEvents()


def drag(part, start, end):
    """Drag from one place to another by the left button: on a widget, or on the viewport of a plot."""
    widget = part.viewport() if hasattr(part, "viewport") else part
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    widget.repaint()  # lines of pyqtgraph learn how wide a pixel is when they are painted
    first, last = widget.mapToGlobal(start), widget.mapToGlobal(end)  # the widget may move with the mouse
    send(widget, QEvent.Type.MouseMove, first, none, none)
    send(widget, QEvent.Type.MouseButtonPress, first, left, left)
    for step in range(1, STEPS + 1):
        send(widget, QEvent.Type.MouseMove, first + (last - first) * (step / STEPS), none, left)
    send(widget, QEvent.Type.MouseButtonRelease, last, left, none)


def click(plot, where):
    """Click at a place on the viewport by the left button."""
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    there = plot.viewport().mapToGlobal(where)
    send(plot.viewport(), QEvent.Type.MouseMove, there, none, none)
    send(plot.viewport(), QEvent.Type.MouseButtonPress, there, left, left)
    send(plot.viewport(), QEvent.Type.MouseButtonRelease, there, left, none)
