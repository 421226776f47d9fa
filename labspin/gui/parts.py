"""Small parts that several views use: panels, labels, a field for a quantity, a button to press twice."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget
from superqt import QElidingLabel

from labspin.errors import LabspinError
from labspin.gui.axes import liked_unit, shown
from labspin.gui.foreign import ForeignLabel, caption, line, tool_tip
from labspin.gui.hands import Button
from labspin.units import parse_quantity

__all__ = ["BriefLabel", "Notice", "Panel", "QuantityField", "TwiceButton", "button", "label", "text_of"]

_MESSAGES = 4  # that are shown at once


def label(text: str = "", kind: str = "", *, wrap: bool = False) -> QLabel:
    """Return a label that shows any text as it is.

    Parameters
    ----------
    text
        Text of the label.
    kind
        Its name in the style sheet.
    wrap
        Whether long text is broken into lines.
    """
    made = ForeignLabel(text)
    made.setObjectName(kind)
    made.setWordWrap(wrap)
    return made


def button(
    text: str, do: Callable[[], object], kind: str = "", *, hint: str = "", key: str = ""
) -> QPushButton:
    """Return a button that calls ``do``.

    Parameters
    ----------
    text
        Text of the button.
    do
        Called without arguments at each click.
    kind
        Its name in the style sheet.
    hint
        Tool tip; the key is added to it.
    key
        Key that also presses the button; empty: none.
    """
    made = Button(caption(text))
    made.setObjectName(kind)
    made.setToolTip(tool_tip(f"{hint} ({key})" if key else hint))
    made.setWhatsThis(tool_tip(hint))
    if key:
        made.setShortcut(key)
    made.clicked.connect(lambda: do())
    return made


def text_of(value: object, unit: str, digits: int = 6) -> str:
    """Return the value of a read-back as readable text.

    Parameters
    ----------
    value
        Boolean, number or other value.
    unit
        Unit of a number.
    digits
        Number of significant digits.
    """
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (int, float)):
        return shown(float(value), unit, digits)
    return str(value)


class BriefLabel(QElidingLabel):
    """A line that is shortened where there is no room; the tool tip has the whole text.

    Parameters
    ----------
    text
        Text of the label.
    kind
        Its name in the style sheet.
    """

    def __init__(self, text: str, kind: str = "") -> None:
        super().__init__()
        self.setObjectName(kind)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)

    def setText(self, text: str) -> None:
        """Show a text.

        Parameters
        ----------
        text
            The text.
        """
        super().setText(line(text))
        self.setToolTip(tool_tip(text))


class Panel(QFrame):
    """A framed part of a view, with a heading."""

    def __init__(self, heading: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(14, 12, 14, 12)
        self.body.setSpacing(8)
        if heading:
            self.body.addWidget(label(heading, "heading"))
        self.least_width = 0
        """Pixels; with large letters the parts of the panel may need more."""

    def minimumSizeHint(self) -> QSize:
        """Return the least size."""
        least = super().minimumSizeHint()
        return QSize(max(least.width(), self.least_width), least.height())


class Notice(QFrame):
    """The latest messages above the views; they stay until they are dismissed, and block nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("notice")
        self._said: list[str] = []
        self.text = label("", wrap=True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row = QHBoxLayout(self)
        row.addWidget(self.text, 1)
        row.addWidget(button("Dismiss", self.hide, hint="the messages stay in Log"))
        self.hide()

    def say(self, text: str) -> None:
        """Show a message below those that were not dismissed: what follows from an error does not hide it.

        Parameters
        ----------
        text
            The message.
        """
        before = [] if self.isHidden() else [one for one in self._said if one != text]
        self._said = [*before, text][-_MESSAGES:]
        self.text.setText("\n".join(self._said))
        self.show()


class QuantityField(QLineEdit):
    """A field for a number with any unit of its dimension, checked while it is typed.

    Parameters
    ----------
    unit
        In which the value counts.
    check
        Called with the value; raises to refuse it.
    step
        By which the keys ↑ and ↓ change the value; Page Up and Page Down make it ten times larger or
        smaller. None: the keys do nothing.

    Signals
    -------
    given(value)
        Enter was pressed on a valid value.
    nudged(change)
        A step up or down is wanted.
    stepped()
        The step has changed.
    undone()
        Ctrl+Z was pressed in the empty field.
    halted()
        Esc was pressed.
    focused()
        The field got or lost the keyboard focus.
    """

    KEYS = (
        "in a field for a quantity",
        (
            ("Enter", "set what was typed"),
            ("↑ ↓", "one step up or down; the step is shown beside the field"),
            ("PageUp PageDown", "a step ten times greater, or smaller"),
            ("Ctrl+Z", "in an empty field: the value before the last change"),
            ("Esc", "stop the ramp where it is"),
        ),
    )
    given = Signal(float)
    nudged = Signal(float)
    stepped = Signal()
    undone = Signal()
    halted = Signal()
    focused = Signal()

    def __init__(
        self, unit: str, check: Callable[[float], None] | None = None, *, step: float | None = None
    ) -> None:
        super().__init__()
        self._unit, self._check, self.step = unit, check, step
        self.problem = self._hint = ""
        self.setPlaceholderText(f"value {liked_unit(unit)}".strip() if unit not in ("", "1") else "value")
        self.setMinimumWidth(92)
        self.textChanged.connect(self._look)
        self.returnPressed.connect(self._give)

    def set_hint(self, text: str) -> None:
        """Set the tool tip that is shown while the value is valid.

        Parameters
        ----------
        text
            What can be done with the field.
        """
        self._hint = text
        self.setToolTip(tool_tip(text))

    def value(self) -> float:
        """Return the value in the field, in its unit.

        Raises
        ------
        LabspinError
            It is not a quantity of that dimension, or is refused.
        """
        number = parse_quantity(self.text().strip().replace("−", "-"), self._unit)
        if self._check is not None:
            self._check(number)
        return number

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take the keys of steps, Esc, and Ctrl+Z where nothing is typed that it could take back.

        Parameters
        ----------
        event
            Event of Qt.
        """
        key = event.key()
        if event.matches(QKeySequence.StandardKey.Undo) and not self.text():
            self.undone.emit()
        elif self.step is not None and key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.nudged.emit(self.step if key == Qt.Key.Key_Up else -self.step)
        elif self.step is not None and key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            self.step *= 10.0 if key == Qt.Key.Key_PageUp else 0.1
            self.stepped.emit()
        elif key == Qt.Key.Key_Escape:
            self.halted.emit()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Signal that the field got the keyboard focus.

        Parameters
        ----------
        event
            Event of Qt.
        """
        super().focusInEvent(event)
        self.focused.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Signal that the field lost the keyboard focus.

        Parameters
        ----------
        event
            Event of Qt.
        """
        super().focusOutEvent(event)
        self.focused.emit()

    def _look(self) -> None:
        self.problem = ""
        if self.text().strip():
            try:
                self.value()
            except LabspinError as error:
                self.problem = str(error)
        self.setToolTip(tool_tip(self.problem or self._hint))
        self.setProperty("wrong", "true" if self.problem else "false")
        self.style().unpolish(self)
        self.style().polish(self)

    def _give(self) -> None:
        self._look()
        if self.text().strip() and not self.problem:
            self.given.emit(self.value())


class TwiceButton(Button):
    """A button for irreversible actions: the first press arms it for three seconds, the second acts.

    Parameters
    ----------
    text
        Its text.
    armed
        Its text when it is armed.
    do
        What the second press calls.
    """

    def __init__(self, text: str, armed: str, do: Callable[[], object], *, hint: str = "") -> None:
        super().__init__(caption(text))
        self._text, self._armed, self._do = text, armed, do
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(3000)
        self._timer.timeout.connect(self.disarm)
        self.setToolTip(tool_tip(hint))
        self.clicked.connect(self._press)

    def rename(self, text: str) -> None:
        """Change the text; a button that was armed for the old text is disarmed.

        Parameters
        ----------
        text
            Its text.
        """
        if text != self._text:
            self._text = text
            self.disarm()

    def _press(self) -> None:
        if self._timer.isActive():
            self.disarm()
            self._do()
            return
        self._show(self._armed, "armed")
        self._timer.start()

    def disarm(self) -> None:
        """Let the next press be the first again."""
        self._timer.stop()
        self._show(self._text, "")

    def _show(self, text: str, kind: str) -> None:
        self.setText(caption(text))
        self.setObjectName(kind)
        self.style().unpolish(self)
        self.style().polish(self)
