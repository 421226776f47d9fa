"""Appearance of the window: light or dark, full screen, the units of the workspace."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pyqtgraph as pg
from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QWidget

from labspin.errors import LabspinError
from labspin.gui.axes import use_units
from labspin.gui.keys import shortcut
from labspin.gui.theme import current, style_plot, use_theme
from labspin.workspaces import find_workspace

__all__ = ["Appearance"]

_LOOK = 1000  # ms between two checks of the file of the workspace
_THEME_KEY, _SCREEN_KEY = "Ctrl+T", "F11"


class Appearance(QObject):
    """Changes the appearance of a window, and has its views drawn again.

    Parameters
    ----------
    window
        The window.
    restate
        Called when all texts must be written again.

    Signals
    -------
    trouble(text)
        The file of the workspace is not valid.
    """

    trouble = Signal(str)

    def __init__(self, window: QWidget, restate: Callable[[], None]) -> None:
        super().__init__(window)
        self._window, self._restate = window, restate
        self._folder: Path | None = None
        self._stamp: tuple[int, ...] = ()
        shortcut(_THEME_KEY, window, self.change_theme, "light or dark")
        shortcut(_SCREEN_KEY, window, self.change_screen, "fill the screen, or no longer")
        self.timer = QTimer(self)
        self.timer.setInterval(_LOOK)
        self.timer.timeout.connect(self._look)
        self.timer.start()

    def use(self, workspace: Path) -> None:
        """Show quantities in the units of a workspace, and follow later changes of its file.

        Parameters
        ----------
        workspace
            Folder of the workspace.
        """
        self._folder, self._stamp = workspace, _stamp_of(workspace)
        self._use_units(workspace)

    def _use_units(self, workspace: Path) -> bool:
        try:
            use_units(find_workspace(workspace).units)
        except LabspinError as error:
            self.trouble.emit(str(error))
            return False
        return True

    def _look(self) -> None:
        if self._folder is None:
            return
        stamp = _stamp_of(self._folder)
        if stamp != self._stamp:
            self._stamp = stamp
            if self._use_units(self._folder):
                self._restate()

    def change_theme(self) -> None:
        """Switch between the light and the dark theme."""
        theme = use_theme("light" if current().name == "dark" else "dark")
        for plot in self._window.findChildren(pg.PlotWidget):
            style_plot(plot)
            legend = plot.plotItem.legend
            if legend is not None:
                legend.setLabelTextColor(theme.text)
        self._restate()

    def change_screen(self) -> None:
        """Enter or leave full screen."""
        state = self._window.windowState()
        self._window.setWindowState(state ^ Qt.WindowState.WindowFullScreen)


def _stamp_of(workspace: Path) -> tuple[int, ...]:
    with contextlib.suppress(OSError):
        found = (workspace / "workspace.toml").stat()
        return found.st_ino, found.st_size, found.st_mtime_ns
    return ()
