"""The permanent bar of the window: station, state, the run in progress, and SAFE."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

__all__ = ["TopBar"]

_STATE = "measuring — 10 wait"  # that can be read beside the run
_WORD = "measuring …"  # that can be read in the narrowest window


class TopBar(QFrame):
    """Station and state on the left, SAFE on the right; the run between them, or below in a narrow window.

    Parameters
    ----------
    station
        Parts that choose and connect a station.
    state
        What the host does; it is shortened where there is no room.
    run
        The run in progress; hidden where there is none.
    safe
        The button that is always in reach.
    """

    def __init__(self, station: tuple[QWidget, ...], state: QWidget, run: QWidget, safe: QWidget) -> None:
        super().__init__()
        self.setObjectName("bar")
        self._station, self._state, self._run, self._safe = station, state, run, safe
        state.ensurePolished()
        state.setMinimumWidth(state.fontMetrics().horizontalAdvance(_WORD))
        self._first, self._left = QHBoxLayout(), QVBoxLayout()
        for part in station:
            self._first.addWidget(part)
        self._first.addWidget(state, 1)
        self._first.addWidget(run)
        self._left.addLayout(self._first)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(12, 8, 12, 8)
        self._row.addLayout(self._left, 1)
        self._row.addWidget(safe)
        self.is_low = True
        """Whether run and station share one row."""
        run.installEventFilter(self)

    def minimumSizeHint(self) -> QSize:
        """Return the least size: with the run in a row of its own."""
        beside = max(self._width_of((*self._station, self._state)), self._run.minimumSizeHint().width())
        least = super().minimumSizeHint()
        return QSize(beside + self._around(), least.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the run where there is room for it.

        Parameters
        ----------
        event
            Event of Qt.
        """
        super().resizeEvent(event)
        self._arrange()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Put the run where there is room for it when it begins.

        Parameters
        ----------
        watched
            The run in progress.
        event
            Event of Qt.
        """
        if event.type() in (QEvent.Type.Show, QEvent.Type.LayoutRequest):
            self._arrange()
        return super().eventFilter(watched, event)

    def _width_of(self, parts: tuple[QWidget, ...]) -> int:
        """Return the least width of parts beside each other, with the space after each of them."""
        shown = [part for part in parts if not part.isHidden()]
        return sum(_least(part) + self._first.spacing() for part in shown)

    def _around(self) -> int:
        """Return the width of SAFE and the margins."""
        margins = self.contentsMargins()
        inside = self._row.contentsMargins()
        beside = margins.left() + margins.right() + inside.left() + inside.right()
        return self._safe.minimumSizeHint().width() + self._first.spacing() + beside

    def _arrange(self) -> None:
        said = self._state.fontMetrics().horizontalAdvance(_STATE)
        wanted = self._width_of((*self._station, self._run)) + said + self._around()
        is_low = wanted <= self.width()
        if is_low == self.is_low:
            return
        self.is_low = is_low
        (self._left if is_low else self._first).removeWidget(self._run)
        (self._first if is_low else self._left).addWidget(self._run)
        self.updateGeometry()


def _least(part: QWidget) -> int:
    """Return the least width of a part, which may be less than its contents need."""
    return part.minimumWidth() or part.minimumSizeHint().width()
