"""Garbage is collected in the window's thread, in pieces that nobody notices.

Qt's objects must not be freed by another thread, as Python's own collection would do it. A collection of all
objects takes 70 ms in a window with its packages loaded, and nearly all of them live as long as the process.
So they are set aside (``gc.freeze``): after the start, and again when packages were loaded since.
"""

from __future__ import annotations

import gc
import sys

from PySide6.QtCore import QObject, QTimer

__all__ = ["Collector"]

_EVERY = 1000  # ms between two looks
_SWITCH = 1e-3  # s after which a thread that computes lets the window's thread go on


class Collector(QObject):
    """Collects garbage in the thread in which it was made, instead of Python."""

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
        """Collect what is due; set aside what lives for ever when packages were loaded."""
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
        """Let Python collect again."""
        self.timer.stop()
        sys.setswitchinterval(self._interval)
        gc.unfreeze()
        gc.enable()
