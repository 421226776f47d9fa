"""What others wrote is seen in the window as it is: neither as HTML nor as a key, and it widens nothing."""

import itertools

import pytest

from tests.qt import PATIENCE, WHY_NOT

if WHY_NOT:
    pytest.skip(WHY_NOT, allow_module_level=True)

import pyqtgraph as pg
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import Qt as RichText, QTextDocumentFragment
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QGraphicsView,
    QLabel,
    QTabWidget,
    QWidget,
)

from labspin.characters import UNSEEN, visible
from labspin.data import Column, Dimension, Layout, RunHeader, RunMetadata, RunWriter
from labspin.gui.bench_view import InstrumentPanel
from labspin.gui.foreign import caption, line, markup, tool_tip
from labspin.gui.parts import BriefLabel, TwiceButton, button, label
from labspin.session import init_workspace
from labspin.session.workspace import data_folder

HOSTILE = "<img src='x.png'><b>HOSTILE &h\u202e\x1b[2J"
SEEN = visible(HOSTILE)


def _as_shown(text, form=Qt.TextFormat.AutoText):
    """Return what a person sees of a text that Qt shows."""
    is_rich = (
        RichText.mightBeRichText(text) if form == Qt.TextFormat.AutoText else form == Qt.TextFormat.RichText
    )
    return QTextDocumentFragment.fromHtml(text).toPlainText() if is_rich else text


def _without_key(text):
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&")


def _texts(top):
    """Yield everything that is shown in a widget, and the widget."""
    for part in (top, *top.findChildren(QWidget)):
        yield part, _as_shown(part.toolTip())
        yield part, _as_shown(part.whatsThis())
        if isinstance(part, QLabel):
            yield part, _as_shown(part.text(), part.textFormat())
        elif isinstance(part, QAbstractButton):
            yield part, _without_key(part.text())
        elif isinstance(part, QTabWidget):
            yield from ((part, _without_key(part.tabText(number))) for number in range(part.count()))
        elif isinstance(part, QAbstractItemView):
            yield from ((part, text) for text in _cells(part.model()))
        elif isinstance(part, QGraphicsView):
            items = (item for item in part.scene().items() if hasattr(item, "toPlainText"))
            yield from ((part, item.toPlainText()) for item in items)


def _cells(model):
    if model is None:
        return
    for row in range(model.rowCount()):
        for index in itertools.takewhile(
            QModelIndex.isValid, (model.index(row, k) for k in itertools.count())
        ):
            yield str(index.data(Qt.ItemDataRole.DisplayRole) or "")
            yield _as_shown(str(index.data(Qt.ItemDataRole.ToolTipRole) or ""))


def hostile_texts(top):
    """Return every place in which the hostile text is shown, after asserting that it is shown as it is."""
    found = []
    for part, text in _texts(top):
        assert not UNSEEN.search(text), (part, text)
        if "HOSTILE" in text:
            assert SEEN in text, (part, text)
            found.append((type(part).__name__, text))
    return found


def _run(path, name, values, *, is_map=False):
    axes = [Dimension(name="frequency", unit="Hz", values=[1.0, 2.0, 3.0])]
    if is_map:
        axes.insert(0, Dimension(name="field", unit="T", values=[1.0, 2.0]))
    layout = Layout(dimensions=tuple(axes), columns=(Column(name="signal", unit="<b>"),))
    header = RunHeader(
        procedure="p", label=name, signal="signal", layout=layout,
        metadata=RunMetadata(sample=name, comment=name),
        parameters={"name": {"value": name, "unit": "1"}, "path": {"value": path.stem, "unit": "1"}},
    )  # fmt: skip
    with RunWriter.create(path, header) as writer:
        for index, value in enumerate(values):
            writer.append(index, float(index), (value,))
        writer.event("error", name)
        writer.finish("failed")
    return path


@pytest.fixture
def lab(tmp_path):
    folder = tmp_path / f"lab {HOSTILE}"
    init_workspace(folder)
    for kind, ending in (("instruments/levitated-diamond", ".toml"), ("procedures/first_t1", ".toml")):
        text = (folder / f"{kind}{ending}").read_text(encoding="utf-8")
        (folder / f"{kind} {HOSTILE}{ending}").write_text(text, encoding="utf-8")
    return folder


def test_names_of_folders_files_and_runs_are_seen_as_they_are(qtbot, lab, open_window):
    data = data_folder(lab)
    data.mkdir(exist_ok=True, parents=True)
    runs = [_run(data / f"{k} {HOSTILE}.h5", f"{k} {HOSTILE}", [1.0, 2.0, 3.0]) for k in "ab"]
    maps = [_run(data / f"{k}.h5", f"{k} {HOSTILE}", range(6), is_map=True) for k in "cd"]
    window = open_window(lab)
    window.complain(f"it failed: {HOSTILE}")
    window._tell(HOSTILE)
    window.tabs.setCurrentWidget(window.browse)
    window.browse.look()
    qtbot.waitUntil(lambda: not window.browse.is_looking, timeout=PATIENCE)
    window.browse.choose(runs)
    qtbot.waitUntil(lambda: "differences" in window.browse.details.text.text(), timeout=PATIENCE)
    window.show_runs(runs)
    qtbot.waitUntil(lambda: len(window.see.line.lines) == 2, timeout=PATIENCE)
    found = {kind for kind, _ in hostile_texts(window)}
    assert {"ForeignLabel", "MarkedLabel", "KeyedPlot", "QTableView"} <= found
    assert UNSEEN.search(window.windowTitle()) is None
    window.show_runs(maps)
    qtbot.waitUntil(lambda: len(window.see.maps.plots) == 2, timeout=PATIENCE)
    assert sum(kind == "KeyedPlot" for kind, _ in hostile_texts(window.see.maps)) == 2, "the titles of maps"


def test_an_instrument_tells_what_stands_in_its_file_as_it_is(qtbot, open_window, tmp_path):
    window = open_window(tmp_path)
    record = {
        "role": HOSTILE, "driver": HOSTILE, "address": HOSTILE, "settable": {HOSTILE: "V"},
        "readings": {}, "has_output": True, "detectors": [HOSTILE],
    }  # fmt: skip
    panel = InstrumentPanel(HOSTILE, record, {}, window.link, lambda *_: None)
    qtbot.addWidget(panel)
    panel._lost = HOSTILE
    panel._show_problem()
    assert len(hostile_texts(panel)) >= 4


@pytest.mark.parametrize(
    "make",
    [
        label,
        BriefLabel,
        lambda text: button(text, print, hint=text),
        lambda text: TwiceButton(text, text, print),
    ],
    ids=["label", "BriefLabel", "button", "TwiceButton"],
)
def test_the_small_parts_show_any_text_and_do_not_widen_the_window(qtbot, make):
    part = make(HOSTILE)
    qtbot.addWidget(part)
    assert hostile_texts(part)
    long = make(HOSTILE * 5000)
    qtbot.addWidget(long)
    assert long.minimumSizeHint().width() < 4000
    assert max(len(text) for _, text in _texts(long)) < 5000


def test_the_ways_in_bound_what_they_let_in():
    for way in (tool_tip, caption, line, markup):
        assert UNSEEN.search(way(HOSTILE)) is None
        assert len(way("<&\n" * 10**6)) < 20_000
    assert line("one\ntwo\u2028three") == "one two three"
    legend = pg.LegendItem()
    legend.addItem(pg.PlotDataItem(), markup(HOSTILE))
    assert legend.items[0][1].item.toPlainText() == SEEN
