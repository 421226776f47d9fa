"""Garbage collection in the window's thread, in steps too short to be noticed.

Qt's objects must not be freed by another thread, as Python's own collection may do. A collection of all
objects takes 70 ms in a window with its packages loaded, and nearly all of them live as long as the process.
So they are excluded (``gc.freeze``): after the start, and again after packages have been loaded.
"""

from __future__ import annotations

import gc
import sys

from PySide6.QtCore import QObject, QTimer

__all__ = ["Collector"]

_EVERY = 1000  # ms between two steps
_SWITCH = 1e-3  # s after which a computing thread releases the interpreter to the window's thread


class Collector(QObject):
    """Collects garbage in the thread that created it, in place of Python's automatic collection."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thresholds = gc.get_threshold()
        self._modules = 0
        self._interval = sys.getswitchinterval()
        gc.disable()
        sys.setswitchinterval(_SWITCH)
        self.timer = QTimer(self)
        self.timer.setInterval(_EVERY)
        self.timer.timeout.connect(self.look)
        self.timer.start()

    def look(self) -> None:
        """Collect what is due; exclude long-lived objects after packages have been loaded."""
        modules = len(sys.modules)
        if modules != self._modules:
            self._modules = modules
            gc.collect()
            gc.freeze()
            return
        for generation in (2, 1, 0):
            if gc.get_count()[generation] > self._thresholds[generation]:
                gc.collect(generation)
                return

    def stop(self) -> None:
        """Return collection to Python."""
        self.timer.stop()
        sys.setswitchinterval(self._interval)
        gc.unfreeze()
        gc.enable()
