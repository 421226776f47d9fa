"""Asking where to save something, without a dialog that keeps the rest of the window from the hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from labspin.gui.foreign import tool_tip

__all__ = ["ask_path"]


def ask_path(
    parent: QWidget, what: str, start: Path, kinds: str, ending: str, done: Callable[[str], object]
) -> None:
    """Ask for the path of a file to write, and call ``done`` with it.

    The dialog is not modal: a run may continue, and SAFE must answer to its button and its key meanwhile. It
    is Qt's own, since dialogs of the desktop do not pass the key on.

    Parameters
    ----------
    parent
        Part of the window that asks.
    what
        Title of the dialog.
    start
        Folder, or path that is offered.
    kinds
        Kinds of files, as `QFileDialog` has them.
    ending
        Added to a name that has none.
    done
        Called with the path; not called if nothing is to be saved.
    """
    dialog = QFileDialog(parent.window(), what, "", kinds)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(ending)
    for option in (QFileDialog.Option.DontUseNativeDialog, QFileDialog.Option.DontConfirmOverwrite):
        dialog.setOption(option)
    dialog.setDirectory(str(start if start.is_dir() else start.parent))
    if not start.is_dir():
        dialog.selectFile(start.name)
    dialog.fileSelected.connect(lambda path: _confirm(parent, path, done))
    dialog.setModal(False)
    dialog.show()


def _confirm(parent: QWidget, path: str, done: Callable[[str], object]) -> None:
    """Call ``done``, or ask before a file is replaced."""
    if not Path(path).exists():
        done(path)
        return
    box = QMessageBox(parent.window())
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setWindowTitle("Replace")
    box.setText(f"{path} exists.")
    replace = box.addButton("Replace", QMessageBox.ButtonRole.AcceptRole)
    replace.setToolTip(tool_tip(f"write {path} again"))
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.buttonClicked.connect(lambda pressed: done(path) if pressed is replace else None)
    box.setModal(False)
    box.show()
