"""The window fits on a small screen, with large letters, too, and nothing in it is cut off at the side."""

import functools
import re

import pytest

from tests.qt import PATIENCE, WHY_NOT

if WHY_NOT:
    pytest.skip(WHY_NOT, allow_module_level=True)

from PySide6.QtWidgets import QAbstractButton, QComboBox, QLabel, QSplitter, QWidget

from labspin.gui import theme
from labspin.gui.narrow import Columns, TallArea, flow
from tests.some import some

WIDTH, HEIGHT = 1024, 700
RUN = {"id": 1, "done": 12, "total": 84, "paused": False, "left": 49_600.0, "path": "x.h5"}


@pytest.fixture
def until(qtbot):
    return functools.partial(qtbot.waitUntil, timeout=PATIENCE)


@pytest.fixture(params=[1.0, 1.5], ids=["letters as they are", "150"])
def letters(request, monkeypatch, qapp):
    """The size of letters of the desktop, as the style sheet of the window takes it."""
    larger = re.sub(r"size: ([\d.]+)pt", lambda m: f"size: {float(m[1]) * request.param:.1f}pt", theme._SHEET)
    monkeypatch.setattr(theme, "_SHEET", larger)
    yield request.param
    monkeypatch.undo()
    theme.use_theme("light")


def cut_off(view):
    """Return the parts of a view that can be seen, but not in their whole width."""
    kinds = (QAbstractButton, QComboBox, QLabel)
    seen = [
        part for kind in kinds for part in view.findChildren(kind) if part.isVisible() and part.width() > 0
    ]
    parts = [part for part in seen if not part.visibleRegion().isEmpty()]
    assert parts, "a view shows something"
    return [
        (type(part).__name__, part.text() if hasattr(part, "text") else part.currentText())
        for part in parts
        if part.visibleRegion().boundingRect().width() < part.width()
        or part.width() < (part.minimumWidth() or part.minimumSizeHint().width())
    ]


def test_nothing_is_cut_off_on_a_small_screen_in_mid_run(qtbot, until, letters, lab, client, open_window):
    window = open_window(lab)
    until(lambda: bool(window.link.status.get("readings")))
    window.measure.show_card(lab / "procedures" / "quick.toml")
    until(lambda: window.measure.preview.text.startswith("24 points"))
    for splitter in some(window.findChildren(QSplitter)):
        splitter.refresh()
    window.link.news.disconnect(window._take)  # the run below is in the bar only
    window.runs.show_run(RUN)
    window.resize(WIDTH, HEIGHT)
    for number in some(range(window.tabs.count())):
        window.tabs.setCurrentIndex(number)
        qtbot.wait(1)
        least = window.minimumSizeHint()
        name = window.tabs.tabText(number)
        assert least.width() <= WIDTH, name
        assert least.height() <= HEIGHT, name
        assert (window.width(), window.height()) == (WIDTH, HEIGHT), name
        until(lambda: cut_off(window.tabs.currentWidget()) == [])
        assert cut_off(window.bar) == []
    assert not window.bar.is_low, "the run has a row of its own"
    assert window.safe_button.isVisible()
    window.runs.show_run(None)


def panel(width):
    part = QWidget()
    part.setMinimumWidth(width)
    part.minimumSizeHint = part.minimumSize
    return part


def test_columns_are_as_many_as_there_is_room_for(qtbot, until):
    columns = Columns()
    area = TallArea(columns)
    qtbot.addWidget(area)
    parts = [panel(200) for _ in range(3)]
    columns.show_parts(parts)
    area.resize(900, 300)
    area.show()
    until(lambda: parts[1].y() == parts[0].y())
    assert parts[2].y() > parts[0].y()
    area.resize(350, 300)
    until(lambda: parts[1].y() > parts[0].y())
    assert area.minimumSizeHint().width() >= 200


def test_a_row_breaks_where_it_is_narrow_and_its_parts_are_of_one_height(qtbot):
    row = QWidget()
    qtbot.addWidget(row)
    parts = [QLabel("a label of some length"), QLabel("two\nlines"), QLabel("another label of some length")]
    row.setLayout(flow(*parts))
    row.resize(1000, 60)
    row.show()
    assert len({part.y() for part in parts}) == 1
    assert len({part.height() for part in parts}) == 1
    row.resize(parts[0].width() + 60, 200)
    qtbot.waitUntil(lambda: len({part.y() for part in parts}) > 1)
