"""The keys of the window, collected from its parts: each is described only where it is created."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractButton, QDialog, QTabWidget, QTextBrowser, QVBoxLayout, QWidget

from labspin.gui.foreign import markup, tool_tip

__all__ = ["EVERYWHERE", "Key", "KeysWindow", "keys_of", "shortcut"]

EVERYWHERE = "everywhere"


@dataclass(frozen=True)
class Key:
    """One key, where it works, and what it does."""

    where: str
    keys: str
    does: str


def shortcut(
    keys: str, parent: QWidget, do: Callable[[], object], does: str, *, has_focus: bool = False
) -> QShortcut:
    """Return a key that calls ``do``.

    Parameters
    ----------
    keys
        For example ``"Ctrl+T"``.
    parent
        Part of the window that the key belongs to.
    do
        Called without arguments.
    does
        What the key does, for the list of keys.
    has_focus
        Whether it works only while ``parent`` has the keyboard.
    """
    made = QShortcut(QKeySequence(keys), parent)
    made.activated.connect(lambda: do())
    made.setWhatsThis(tool_tip(does))
    if has_focus:
        made.setContext(Qt.ShortcutContext.WidgetShortcut)
    return made


def keys_of(window: QWidget) -> list[Key]:
    """Return the keys of a window: of its shortcuts, its buttons, and parts that handle keys themselves.

    Parameters
    ----------
    window
        The window.
    """
    found = list(_shortcuts_of(window))
    for kind in _with_keys(QWidget):
        where, keys = vars(kind)["KEYS"]
        found += [Key(where, name, does) for name, does in keys]
    places = {EVERYWHERE: -1, **{name: number for number, name in enumerate(_views_of(window))}}
    return sorted(dict.fromkeys(found), key=lambda key: places.get(key.where, len(places)))


def _shortcuts_of(window: QWidget) -> Iterator[Key]:
    for key in window.findChildren(QShortcut):
        parent = key.parent()
        where = _view_of(window, parent) if isinstance(parent, QWidget) else EVERYWHERE
        yield Key(where, key.key().toString(), key.whatsThis())
    for part in window.findChildren(QAbstractButton):
        if not part.shortcut().isEmpty():
            does = f"{part.text()}: {part.whatsThis()}"
            yield Key(_view_of(window, part), part.shortcut().toString(), does)


def _with_keys(kind: type) -> Iterator[type]:
    """Return the kinds of parts of the window that take keys themselves."""
    kinds: list[type] = kind.__subclasses__()
    for below in kinds:
        if below.__module__.startswith("labspin.") and "KEYS" in vars(below):
            yield below
        yield from _with_keys(below)


def _views_of(window: QWidget) -> list[str]:
    tabs = window.findChild(QTabWidget)
    return [] if tabs is None else [tabs.tabText(number) for number in range(tabs.count())]


def _view_of(window: QWidget, part: QWidget | None) -> str:
    tabs = window.findChild(QTabWidget)
    while part is not None and part is not window and tabs is not None:
        number = tabs.indexOf(part)
        if number >= 0:
            return tabs.tabText(number)
        part = part.parentWidget()
    return EVERYWHERE


class KeysWindow(QDialog):
    """The list of keys, in a window that does not block the main one.

    Parameters
    ----------
    window
        Whose keys they are.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setWindowTitle("Keys")
        self.text = QTextBrowser()
        self.text.setHtml(_table(keys_of(window)))
        self.text.setAccessibleName("list of keys")
        layout = QVBoxLayout(self)
        layout.addWidget(self.text)
        self.resize(680, 560)


def _table(keys: list[Key]) -> str:
    rows, last = [], ""
    for key in keys:
        if key.where != last:
            rows.append(f'<tr><td colspan="2"><h4>{markup(key.where)}</h4></td></tr>')
        last = key.where
        rows.append(
            f"<tr><td><b>{markup(key.keys)}</b>&nbsp;&nbsp;&nbsp;</td><td>{markup(key.does)}</td></tr>"
        )
    return f"<table>{''.join(rows)}</table>"
