"""Opening the window."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from labspin.errors import ConfigurationError

__all__ = ["open_window"]


def open_window(
    workspace: Path | str = ".", *, station: Path | str | None = None, theme: str = "system"
) -> int:
    """Open the window on a workspace, and return its exit code when it is closed.

    Parameters
    ----------
    workspace
        Folder with ``instruments/`` and ``procedures/``, or one that may become it.
    station
        Station file to connect at once.
    theme
        ``"light"``, ``"dark"`` or ``"system"``.

    Returns
    -------
    int
        0 when it was closed.

    Raises
    ------
    ConfigurationError
        There is no such folder, the extra ``gui`` is not installed, or there is no display.
    """
    folder = Path(workspace)
    if not folder.is_dir():
        raise ConfigurationError(
            f"{folder}: wanted a folder to open the window on, found none; make it first"
        )
    chosen = None if station is None else Path(station).resolve()
    _require_display()
    try:
        from PySide6.QtWidgets import QApplication

        from labspin.gui.collector import Collector
        from labspin.gui.theme import use_theme
        from labspin.gui.window import MainWindow
    except ImportError as error:
        raise ConfigurationError(
            f"the window needs packages that are missing ({error}); install them: pip install 'labspin[gui]'"
        ) from error
    _refuse_faulty_qt()
    application = QApplication.instance() or QApplication(sys.argv[:1])
    use_theme(theme)
    collector = Collector()
    window = MainWindow(folder)
    window.show()
    if chosen is not None:
        window.connect_station(chosen)
    code = int(application.exec())
    collector.stop()
    return code


def _refuse_faulty_qt() -> None:
    """Refuse the version of PySide6 that frees None at every repaint, which crashes Python before 3.12."""
    import PySide6

    if PySide6.__version__ == "6.12.0" and sys.version_info < (3, 12):
        raise ConfigurationError(
            "PySide6 6.12.0 makes Python 3.11 crash after some repaints; install another version: "
            "pip install 'PySide6-Essentials!=6.12.0'"
        )


def _require_display() -> None:
    """Raise if there is no display: Qt would end the process."""
    chosen = os.environ.get("QT_QPA_PLATFORM", "")
    has_display = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    if sys.platform.startswith("linux") and not chosen and not has_display:
        raise ConfigurationError(
            "the window needs a display, and there is none (neither DISPLAY nor WAYLAND_DISPLAY is set); "
            "start it on the desktop, or by ssh -X; without a display use labspin run and labspin status"
        )
