"""The log: what the host did, and errors, one sentence each."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Iterable

from PySide6.QtGui import QColor, QFontDatabase, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from labspin.characters import visible
from labspin.gui.parts import button
from labspin.gui.theme import current
from labspin.session.host_records import EventRecord

__all__ = ["LogView"]

_LINES = 5000
_LONGEST = 10_000  # characters of a message


class LogView(QWidget):
    """The events of the host, and of the window."""

    def __init__(self) -> None:
        super().__init__()
        self.text = QPlainTextEdit()
        self.text.setAccessibleName("log")
        self.text.setReadOnly(True)
        self.text.setObjectName("log")
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.text.setMaximumBlockCount(_LINES)
        self.only_errors = QCheckBox("errors only")
        self.only_errors.setToolTip("show what went wrong, and nothing else")
        self.only_errors.toggled.connect(lambda _: self._show_all())
        self._events: deque[tuple[float, str, str]] = deque(maxlen=_LINES)
        row = QHBoxLayout()
        row.addWidget(self.only_errors)
        row.addStretch(1)
        row.addWidget(button("Copy all", self._copy, hint="as text"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.addLayout(row)
        layout.addWidget(self.text, 1)

    def take(self, events: list[EventRecord]) -> None:
        """Show events of the host.

        Parameters
        ----------
        events
            Number, time (s since 1970), kind and message of each event.
        """
        new = [(moment, kind, message) for _, moment, kind, message in events]
        self._events.extend(new)
        self._show(new)

    def add(self, kind: str, message: str, moment: float | None = None) -> None:
        """Show one event.

        Parameters
        ----------
        kind
            Kind of the event, such as ``"error"``.
        message
            Text of the event.
        moment
            Time of the event, s since 1970; None is now.
        """
        event = (time.time() if moment is None else moment, kind, message)
        self._events.append(event)
        self._show([event])

    def _show_all(self) -> None:
        self.text.clear()
        self._show(self._events)

    def _show(self, events: Iterable[tuple[float, str, str]]) -> None:
        """Append events, those of one colour in one call: a host may send two thousand at once."""
        theme = current()
        style = QTextCharFormat()
        cursor = self.text.textCursor()
        cursor.movePosition(QTextCursor.MoveOperation.End)
        shown = [e for e in events if not self.only_errors.isChecked() or e[1] in ("error", "warning")]
        for is_error, alike in itertools.groupby(shown, lambda event: event[1] == "error"):
            style.setForeground(QColor(theme.danger if is_error else theme.text))
            cursor.insertText("".join(map(_line, alike)), style)
        bar = self.text.verticalScrollBar()
        bar.setValue(bar.maximum())

    def _copy(self) -> None:
        self.text.selectAll()
        self.text.copy()
        self.text.moveCursor(QTextCursor.MoveOperation.End)


def _line(event: tuple[float, str, str]) -> str:
    moment, kind, message = event
    return f"{time.strftime('%H:%M:%S', time.localtime(moment))}  {kind:10} {visible(message, _LONGEST)}\n"
