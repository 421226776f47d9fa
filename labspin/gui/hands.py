"""Controls that do once what a hand means once: no double click gives two orders, no wheel changes a value.

A hand in a glove clicks twice where it means once, and the second click of a pair would queue a second run or
confirm what is asked twice for safety. The wheel that moves a form would change the list or the number that
happens to come under the pointer. A house rule asks for these controls wherever the window has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox, QPushButton, QSpinBox
from superqt import QToggleSwitch

__all__ = ["Button", "ChoiceBox", "NumberBox", "Switch"]

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget as _Mixin
else:
    _Mixin = object  # Qt's own class comes after it, and is a widget once


class _ClickedOnce(_Mixin):
    """What is clicked once by a double click."""

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Leave the second press of a double click out.

        Parameters
        ----------
        event
            Event of Qt.
        """
        event.accept()


class _HeldByKeyboard(_Mixin):
    """What the wheel changes only while it has the keyboard; else the view around it moves."""

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
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class Button(_ClickedOnce, QPushButton):
    """A button for which a double click is one click."""


class Switch(_ClickedOnce, QToggleSwitch):
    """A switch for which a double click is one click."""


class ChoiceBox(_HeldByKeyboard, QComboBox):
    """A list of choices that the wheel changes only while it has the keyboard."""


class NumberBox(_HeldByKeyboard, QSpinBox):
    """A whole number that the wheel changes only while it has the keyboard."""
