"""The editor of scans says what a person writes, and back; the form starts such runs."""

import tomllib

import pytest

from tests.qt import PATIENCE, WHY_NOT

if WHY_NOT:
    pytest.skip(WHY_NOT, allow_module_level=True)

from labspin.data import read_run
from labspin.experiment import read_scan
from labspin.gui.axes import use_units
from labspin.gui.scan_editor import ScanEditor
from labspin.gui.scan_tree import as_lines
from labspin.session import load_card
from tests.session.hosts import make_workspace
from tests.some import some


def linear(name, start, stop, number, kind="linear"):
    return {"sweep": kind, "name": name, "start": start, "stop": stop, "number": number}


FIELDS = linear("magnet.field", "10 G", "24 G", 8)
TWO_PASSES = {"sweep": "repeat", "number": 2, "of": FIELDS}
AROUND_ZERO = [
    linear("magnet.field", "-10 G", "10 G", 3),
    linear("dark_time", "0.1 ms", "10 ms", 3, "logarithmic"),
]
CONDITIONS = ["magnet.field != 0 G", "dark_time < 5 ms"]
NESTED = {"sweep": "product", "of": [linear("a", "1", "2", 2), linear("b", "1", "2", 2)]}
FORMS = [
    {"magnet.field": "10 G … 20 G, 3"},
    {"dark_time": "10 us … 10 ms, 4, log", "magnet.field": ["1 mT", "2 mT", "5 mT"]},
    {"magnet.field": "1 mT … 3 mT, 3", "microwave.frequency": ["2.6 GHz", "2.7 GHz", "2.8 GHz"],
     "together": ["magnet.field", "microwave.frequency"], "averages": [1, 2]},
    {"averages": [1, 2], "magnet.field": ["1 mT", "2 mT"], "power": "-10 dBm … 0 dBm, 2",
     "together": ["magnet.field", "power"]},
    {"sweep": "values", "name": "magnet.current", "values": [0.0, 0.5, -0.5], "unit": "A"},
    {"sweep": "snake", "of": [{"sweep": "values", "name": "direction", "values": [1, -1]}, FIELDS]},
    {"sweep": "alongside", "axis": "magnet.field", "name": "microwave.power", "values": ["-10 dBm", "0 dBm"],
     "of": linear("magnet.field", "0 G", "1 G", 2)},
    {"sweep": "repeat", "number": 3, "name": "average", "inner": True, "of": FIELDS},
    {"sweep": "shuffled", "seed": 7, "within": "repeat", "of": TWO_PASSES},
    {"sweep": "filter", "where": CONDITIONS, "of": {"sweep": "product", "of": AROUND_ZERO}},
    {"sweep": "filter", "keep": [0, 2], "of": FIELDS},
    {"sweep": "product", "of": [NESTED, {"sweep": "snake", "of": [linear("c", "1", "2", 2), FIELDS]}]},
]  # fmt: skip


@pytest.fixture(params=[{}, {"field": "G", "frequency": "MHz"}], ids=["SI", "the laboratory's units"])
def units(request):
    use_units(request.param)
    yield
    use_units({})


@pytest.mark.usefixtures("units")
@pytest.mark.parametrize("scan", FORMS, ids=lambda scan: scan.get("sweep", "table"))
def test_every_form_of_a_card_is_shown_and_written_back(qtbot, scan):
    editor = ScanEditor()
    qtbot.addWidget(editor)
    wanted = read_scan(scan)
    for shown in (wanted.to_dict(), scan):
        editor.show_scan(shown)
        assert editor.problem() == ""
        lines = as_lines(editor.written())
        given = tomllib.loads(f"scan = {lines}")["scan"] if lines.startswith("{") else lines
        for written in (editor.written(), editor.described(), given):
            found = read_scan(written)
            assert found.names == wanted.names
            assert (found.order() == wanted.order()).all()
            for name, values in some(wanted.columns().items()):
                assert found.columns()[name] == pytest.approx(values, rel=1e-11, abs=0)


def choose(box, words):
    """Choose a form, as a hand does."""
    box.kind.setCurrentText(words)
    box.kind.activated.emit(box.kind.currentIndex())


def test_forms_are_put_around_a_scan_and_taken_off(qtbot):
    editor = ScanEditor()
    qtbot.addWidget(editor)
    editor.show_scan(read_scan({"averages": [1, 2], "magnet.field": "10 G … 24 G, 8"}).to_dict())
    plain = editor.written()
    choose(editor.root, "there and back")
    assert editor.written()["sweep"] == "snake"
    choose(editor.root, "shuffled")
    assert editor.written()["of"]["sweep"] == "snake"
    choose(editor.root.parts[0], "repeated")
    assert editor.written()["of"]["of"]["sweep"] == "snake"
    editor.root.fields["within"].setCurrentText("repeat")
    assert len(read_scan(editor.written())) == 32
    editor.root.fields["seed"].setText("by chance")
    assert "wanted a whole number, got 'by chance'" in editor.problem()
    editor.root.remove_button.click()
    editor.root.remove_button.click()
    choose(editor.root, "nested")
    assert editor.written() == plain
    choose(editor.rows[1], "filtered")
    assert "wanted a condition" in editor.problem()
    editor.root.parts[1].fields["where"].setText("magnet.field < 15 G")
    assert len(read_scan(editor.written())) == 6
    editor.root.parts[1].remove_button.click()
    assert editor.written() == plain
    editor.root.remove_button.click()
    assert editor.written() == ""


def test_a_form_of_a_laboratory_is_kept(qtbot):
    own = {"sweep": "spiral", "turns": 3}
    editor = ScanEditor()
    qtbot.addWidget(editor)
    editor.show_scan(own)
    assert editor.written() == editor.described() == own
    editor.root.remove_button.click()
    assert editor.written() == ""


def test_a_filter_over_many_points_is_not_gone_through_while_it_is_typed(qtbot):
    editor = ScanEditor()
    qtbot.addWidget(editor)
    many = [linear("a", "1", "2", 1000), linear("b", "1", "2", 1000)]
    editor.show_scan({"sweep": "filter", "where": ["a < 2"], "of": {"sweep": "product", "of": many}})
    assert editor.is_costly
    editor.show_scan({"sweep": "product", "of": many})
    assert not editor.is_costly


def test_what_is_missing_is_said(qtbot):
    editor = ScanEditor()
    qtbot.addWidget(editor)
    editor.offer(["averages", "magnet.field"])
    editor.add_button.click()
    assert "has no name" in editor.problem()
    editor.rows[0].name.setCurrentText("magnet.field")
    assert "wanted a first and a last value" in editor.problem()
    editor.rows[0].first.setText("1 G")
    editor.rows[0].last.setText("3 G")
    assert editor.problem() == ""
    editor.add_button.click()
    editor.rows[1].name.setCurrentText("magnet.field")
    choose(editor.rows[1], "list")
    editor.rows[1].name.setCurrentText("magnet.field")
    editor.rows[1].listed.setText("1 G, 2 G")
    assert "is there twice" in editor.problem()
    editor.rows[1].name.setCurrentText("averages")
    editor.rows[1].raised.emit()
    assert list(editor.written()) == ["averages", "magnet.field"], "the first one is outermost"
    editor.rows[0].removed.emit()
    assert editor.written() == {"magnet.field": "1 G … 3 G, 11"}


def test_a_scan_is_made_in_the_window(qtbot, window, lab, client):
    window.tabs.setCurrentWidget(window.measure)
    window.measure.show_card(lab / "procedures" / "quick.toml")
    form = window.measure.form
    editor = form.widgets["scan"]
    form.set("averages", "1")
    editor.add_button.click()
    row = editor.rows[0]
    qtbot.waitUntil(lambda: row.name.findText("magnet.field") >= 0, timeout=PATIENCE)
    assert row.name.findText("averages") >= 0, "parameters that are numbers are offered, too"
    assert row.name.findText("station") < 0
    row.name.setCurrentText("magnet_field")
    row.first.setText("1 G")
    row.last.setText("300 G")
    row.number.setValue(3)
    qtbot.waitUntil(lambda: "magnet.field: wanted" in window.measure.preview.problem, timeout=PATIENCE)
    assert not window.measure.start_button.isEnabled()
    row.last.setText("5 G")
    qtbot.waitUntil(lambda: window.measure.start_button.isEnabled(), timeout=PATIENCE)
    assert window.measure.preview.text.startswith("36 points")
    assert "magnet.field  100 µT … 500 µT" in window.measure.preview.text
    window.measure.start_button.click()
    qtbot.waitUntil(lambda: [r.state for r in client.queue.read().runs] == ["finished"], timeout=PATIENCE)
    made = read_run(client.queue.folder / client.queue.read().runs[0].file)
    axes = [dimension.name for dimension in made.header.layout.dimensions]
    assert axes[0] == "magnet_field"
    assert len(made.points) == 36


def test_a_scan_is_saved_in_the_card(qtbot, tmp_path, open_window):
    folder = make_workspace(tmp_path / "own")
    card = folder / "procedures" / "quick.toml"
    before = card.read_text()
    window = open_window(folder)
    window.measure.show_card(card)
    editor = window.measure.form.widgets["scan"]
    editor.add_button.click()
    editor.rows[0].name.setCurrentText("magnet.field")
    editor.rows[0].first.setText("1 G")
    editor.rows[0].last.setText("2 G")
    window.measure.save()
    assert card.read_text().startswith(before.rstrip()), "comments and order are kept"
    saved = load_card(card).runs[0].parameters["scan"]
    assert saved == read_scan({"magnet.field": "1 G … 2 G, 11"}).to_dict()
    window.measure.form.widgets["scan"].rows[0].removed.emit()
    window.measure.save()
    assert "scan" not in load_card(card).runs[0].parameters


def test_a_snake_of_a_card_is_seen_edited_and_saved(qtbot, tmp_path, open_window):
    folder = make_workspace(tmp_path / "own")
    card = folder / "procedures" / "quick.toml"
    text = card.read_text() + (
        '\n[scan]\n# there and back\nsweep = "snake"\nof = [\n'
        '    { sweep = "values", name = "averages", values = [1, 2] },  # outer\n'
        '    { sweep = "linear", name = "magnet.field", start = "1 G", stop = "5 G", number = 3 },\n]\n'
    )
    card.write_text(text)
    window = open_window(folder)
    window.measure.show_card(card)
    editor = window.measure.form.widgets["scan"]
    assert editor.root.kind.currentText() == "there and back"
    field = editor.rows[1]
    assert (field.name.currentText(), field.number.value()) == ("magnet.field", 3)
    look = lambda words: qtbot.waitUntil(lambda: words in window.measure.preview.text, timeout=PATIENCE)  # noqa: E731
    look("108 points")
    field.number.setValue(5)
    look("180 points")
    window.measure.save()
    assert card.read_text() == text.replace("number = 3", "number = 5"), "comments and order are kept"
