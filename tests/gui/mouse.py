"""A mouse in a plot of pyqtgraph: QTest's moves hold no button, so nothing could be dragged by them."""

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

STEPS = 8


def place(plot, x, y):
    """Return where a point of a plot is on its viewport; on logarithmic axes x and y are logarithms."""
    return QPointF(plot.mapFromScene(plot.getViewBox().mapViewToScene(QPointF(x, y))))


def send(plot, kind, where, button, buttons):
    viewport = plot.viewport()
    event = QMouseEvent(
        kind, where, QPointF(viewport.mapToGlobal(where.toPoint())), button, buttons,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    QApplication.sendEvent(viewport, event)
    QApplication.processEvents()


def drag(plot, start, end):
    """Drag from one place on the viewport to another by the left button."""
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    send(plot, QEvent.Type.MouseMove, start, none, none)
    send(plot, QEvent.Type.MouseButtonPress, start, left, left)
    for step in range(1, STEPS + 1):
        send(plot, QEvent.Type.MouseMove, start + (end - start) * (step / STEPS), none, left)
    send(plot, QEvent.Type.MouseButtonRelease, end, left, none)


def click(plot, where):
    """Click at a place on the viewport by the left button."""
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    send(plot, QEvent.Type.MouseMove, where, none, none)
    send(plot, QEvent.Type.MouseButtonPress, where, left, left)
    send(plot, QEvent.Type.MouseButtonRelease, where, left, none)
