"""Text from outside the code, made safe for Qt: the only way such text enters the window.

Qt takes a text for rich text wherever it looks like it: ``<img src=...>`` in a label then reads a file (and a
pipe under that name stops the window), ``<b>`` disappears. pyqtgraph takes every title, legend and axis for
HTML. An ``&`` makes a key of the next letter, and the width of a label is that of its text.

`ForeignLabel` shows plain text; `tool_tip`, `caption` and `markup` return what a tool tip, a button or check
box, and a plot show as plain text. A house rule requires them for every text that is no literal of the code.
"""

from __future__ import annotations

from html import escape

from PySide6 import QtGui
from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QLabel

from labspin.characters import visible

__all__ = ["ForeignLabel", "MarkedLabel", "caption", "line", "markup", "tool_tip"]

_LABEL, _HINT, _LINE = 4000, 2000, 300  # characters that are shown
_WIDEST = 640  # pixels, the largest minimum width of a label: a word may have any length


def line(text: str, longest: int = _LINE) -> str:
    """Return a text as one line of bounded length: of a list, a table, a title.

    Parameters
    ----------
    text
        Any text.
    longest
        Characters that are kept.
    """
    return visible(" ".join(text[: 10 * longest].splitlines()), longest)


def tool_tip(text: str) -> str:
    """Return a text as a tool tip, or the description of a key, that shows it as it is.

    Parameters
    ----------
    text
        Any text.
    """
    shown = visible(text, _HINT)
    return f"<p>{escape(shown).replace(chr(10), '<br>')}</p>" if QtGui.Qt.mightBeRichText(shown) else shown


def caption(text: str) -> str:
    """Return a text for a button, a check box or a tab.

    Parameters
    ----------
    text
        Any text; an ``&`` is shown instead of making a key of the next letter.
    """
    return line(text).replace("&", "&&")


def markup(text: str, longest: int = _LINE) -> str:
    """Return a text as a piece of HTML: for pyqtgraph's titles, legends and axes, and for a `MarkedLabel`.

    Parameters
    ----------
    text
        Any text.
    longest
        Characters that are kept.
    """
    return escape(line(text, longest))


class ForeignLabel(QLabel):
    """A label that shows any text unchanged, up to 4000 characters.

    Parameters
    ----------
    text
        Its text.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)

    def setText(self, text: str) -> None:
        """Show a text.

        Parameters
        ----------
        text
            Any text.
        """
        super().setText(visible(text, _LABEL))

    def setToolTip(self, text: str) -> None:
        """Set the tool tip.

        Parameters
        ----------
        text
            Any text.
        """
        super().setToolTip(tool_tip(text))

    def minimumSizeHint(self) -> QSize:
        """Return the smallest size of the label: a long word does not widen the window."""
        least = super().minimumSizeHint()
        return QSize(min(least.width(), _WIDEST), least.height())


class MarkedLabel(QLabel):
    """A label that shows HTML, made of pieces returned by `markup`."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setWordWrap(True)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest size of the label: a long word does not widen the window."""
        least = super().minimumSizeHint()
        return QSize(min(least.width(), _WIDEST), least.height())
