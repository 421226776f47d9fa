"""Controls that do once what a hand means once: no double click gives two orders, no wheel changes a value.

A hand in a glove clicks twice where it means once, and the second click of a pair would queue a second run or
confirm what is asked twice for safety. The wheel that moves a form would change the list or the number that
happens to come under the pointer. A house rule asks for these controls wherever the window has one.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox, QPushButton, QSpinBox, QWidget
from superqt import QToggleSwitch

__all__ = ["Button", "ChoiceBox", "NumberBox", "Switch"]


class Button(QPushButton):
    """A button for which a double click is one click."""

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Leave the second press of a double click out.

        Parameters
        ----------
        event
            Event of Qt.
        """
        event.accept()


class Switch(QToggleSwitch):
    """A switch for which a double click is one click."""

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Leave the second press of a double click out.

        Parameters
        ----------
        event
            Event of Qt.
        """
        event.accept()


def _is_held(part: QWidget, event: QWheelEvent) -> bool:
    """Return whether the wheel is meant for a part, which has the keyboard; else the view around it moves."""
    if not part.hasFocus():
        event.ignore()
    return part.hasFocus()


class ChoiceBox(QComboBox):
    """A list of choices that the wheel changes only while it has the keyboard."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Take the wheel, or leave it to the view around.

        Parameters
        ----------
        event
            Event of Qt.
        """
        if _is_held(self, event):
            super().wheelEvent(event)


class NumberBox(QSpinBox):
    """A whole number that the wheel changes only while it has the keyboard."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Take the wheel, or leave it to the view around.

        Parameters
        ----------
        event
            Event of Qt.
        """
        if _is_held(self, event):
            super().wheelEvent(event)
