"""Whatever is done in the window is done by keys, too, and says what it does: found in it, not in a list."""

import runpy

import pytest

from tests.places import ROOT
from tests.qt import WHY_NOT

if WHY_NOT:
    pytest.skip(WHY_NOT, allow_module_level=True)

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QContextMenuEvent, QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QScrollBar,
    QWidget,
)

from labspin.gui.keyed_plot import KeyedPlot
from labspin.gui.keys import EVERYWHERE, KeysWindow, keys_of
from tests.qt import PATIENCE

CONTROLS = (
    QAbstractButton, QAbstractItemView, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit,
    QPlainTextEdit, KeyedPlot,
)  # fmt: skip


@pytest.fixture
def filled(qtbot, window, lab, client):
    """A window in which every view has something to do."""
    window.measure.show_card(lab / "procedures" / "quick.toml")
    qtbot.waitUntil(lambda: window.measure.start_button.isEnabled(), timeout=PATIENCE)
    window.measure.form.widgets["scan"].add()
    for traced in window.bench.panels["magnet"].traced.values():
        traced.setChecked(True)
    return window


def actions(window):
    """Return every part that a person may use, with where it stands; parts of parts and Qt's own left out."""
    for part in window.findChildren(QWidget):
        is_own = type(part).__module__.startswith("labspin.") or not is_inner(part)
        if isinstance(part, CONTROLS) and is_own and not isinstance(part, QScrollBar):
            yield part


def is_inner(part):
    """Return whether a part belongs to another control, as the field of a box or the corner of a table."""
    around = part.parentWidget()
    while around is not None:
        if isinstance(around, (QComboBox, QAbstractSpinBox, QAbstractItemView, QAbstractSlider, QLineEdit)):
            return True
        around = around.parentWidget()
    return part.objectName().startswith("qt_") or type(part).__name__.startswith("QTab")


def described(part):
    text = getattr(part, "text", str)()
    return f"{type(part).__name__} {part.accessibleName() or text!r} in {type(part.parentWidget()).__name__}"


def says(part):
    """Return what a part says of itself to who rests the mouse on it, or cannot see it."""
    hints = [part.toolTip(), part.whatsThis(), part.accessibleName()]
    if isinstance(part, QLineEdit):
        hints.append(part.placeholderText())
    return any(hint.strip() for hint in hints)


def takes_keys(part):
    has_key = isinstance(part, QAbstractButton) and not part.shortcut().isEmpty()
    has_mnemonic = "&" in getattr(part, "text", str)()
    return has_key or has_mnemonic or bool(part.focusPolicy() & Qt.FocusPolicy.TabFocus)


def clashes(window):
    """Return keys that mean two things in one place, and keys of views that work everywhere."""
    meant = {}
    for key in keys_of(window):
        meant.setdefault((key.where, key.keys), set()).add(key.does)
    everywhere = {keys for where, keys in meant if where == EVERYWHERE}
    for (where, keys), does in meant.items():
        if len(does) > 1 or (where != EVERYWHERE and not where.startswith("in ") and keys in everywhere):
            yield f"{keys} {where}: {', '.join(does)}"


def test_every_action_is_reached_by_keys_and_says_what_it_does(filled):
    found = list(actions(filled))
    assert len(found) > 80, "the walk finds them"
    menus = [action for action in filled.findChildren(QAction) if not isinstance(action.parent(), QLineEdit)]
    assert {
        "not reached": [described(part) for part in found if not takes_keys(part)],
        "silent": [described(part) for part in found if not says(part)],
        "keys without words": [k.key() for k in filled.findChildren(QShortcut) if not k.whatsThis()],
        "actions without words": [each for each in menus if not (each.text() or each.isSeparator())],
        "keys of two meanings": list(clashes(filled)),
    } == {
        "not reached": [], "silent": [], "keys without words": [], "actions without words": [],
        "keys of two meanings": [],
    }  # fmt: skip


def test_the_page_of_the_keys_is_what_the_window_has(qtbot, tmp_path):
    made = runpy.run_path(str(ROOT / "docs" / "reference" / "keys.py"))["page"]()
    assert (ROOT / "docs" / "reference" / "keys.md").read_text(encoding="utf-8") == made, (
        "run python docs/reference/keys.py"
    )


def test_f1_shows_the_keys_and_nothing_waits(qtbot, window):
    QTest.keyClick(window, Qt.Key.Key_F1)
    qtbot.waitUntil(lambda: window.findChild(KeysWindow) is not None, timeout=PATIENCE)
    shown = window.findChild(KeysWindow)
    qtbot.waitUntil(shown.isVisible, timeout=PATIENCE)
    assert not shown.isModal()
    for word in ("F12", "Ctrl+T", "Alt+Up", "PageUp", "cursor A"):
        assert word in shown.text.toPlainText()
    QTest.keyClick(shown, Qt.Key.Key_Escape)
    assert not shown.isVisible()


def test_a_plot_is_moved_widened_and_its_menu_opened_by_keys(qtbot):
    plot = KeyedPlot()
    qtbot.addWidget(plot)
    plot.plot([0.0, 1.0, 2.0], [0.0, 1.0, 0.0])
    plot.show()
    qtbot.waitExposed(plot)
    view = plot.getViewBox()
    view.updateAutoRange()
    whole = view.viewRange()
    QTest.keyClick(plot, Qt.Key.Key_Right)
    assert view.viewRange()[0][0] > whole[0][0]
    QTest.keyClick(plot, Qt.Key.Key_Plus)
    left, right = view.viewRange()[0]
    assert right - left < 0.9 * (whole[0][1] - whole[0][0])
    QTest.keyClick(plot, Qt.Key.Key_Home)
    view.updateAutoRange()
    assert view.viewRange()[0] == pytest.approx(whole[0], rel=1e-9, abs=0)
    nudges = []
    plot.nudged.connect(lambda *step: nudges.append(step))
    QTest.keyClick(plot, Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
    shift = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(plot, Qt.Key.Key_Up, shift)
    assert nudges == [(-1, 0, False), (0, 1, True)]
    centre = QPoint(plot.width() // 2, plot.height() // 2)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, centre, plot.mapToGlobal(centre))
    QApplication.sendEvent(plot, event)
    qtbot.waitUntil(view.menu.isVisible, timeout=PATIENCE)
    view.menu.close()
