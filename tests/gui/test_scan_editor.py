"""The editor of scans says what a person writes, and back; the form starts such runs."""

import pytest

from tests.qt import PATIENCE, WHY_NOT

if WHY_NOT:
    pytest.skip(WHY_NOT, allow_module_level=True)

from labspin.data import read_run
from labspin.experiment import read_scan
from labspin.gui.axes import use_units
from labspin.gui.scan_editor import ScanEditor, as_lines, rows_of
from labspin.session import load_card
from tests.session.hosts import make_workspace
from tests.some import some


@pytest.fixture(params=[{}, {"field": "G", "frequency": "MHz"}], ids=["SI", "the laboratory's units"])
def units(request):
    use_units(request.param)
    yield
    use_units({})


@pytest.mark.usefixtures("units")
@pytest.mark.parametrize(
    "scan",
    [
        {"magnet.field": "10 G … 20 G, 3"},
        {"dark_time": "10 us … 10 ms, 4, log", "magnet.field": ["1 mT", "2 mT", "5 mT"]},
        {"magnet.field": "1 mT … 3 mT, 3", "microwave.frequency": ["2.6 GHz", "2.7 GHz", "2.8 GHz"],
         "together": ["magnet.field", "microwave.frequency"], "averages": [1, 2]},
        {"averages": [1, 2], "magnet.field": ["1 mT", "2 mT"], "power": "-10 dBm … 0 dBm, 2",
         "together": ["magnet.field", "power"]},
    ],
)  # fmt: skip
def test_a_scan_is_shown_and_written_back(qtbot, scan):
    editor = ScanEditor()
    qtbot.addWidget(editor)
    wanted = read_scan(scan)
    editor.show_scan(wanted.to_dict())
    assert editor.problem() == ""
    for written in (editor.written(), as_lines(editor.written())):
        found = read_scan(written)
        assert found.names == wanted.names
        for name, values in some(wanted.columns().items()):
            assert found.columns()[name] == pytest.approx(values, rel=1e-11, abs=0)


def test_a_form_that_rows_cannot_say_is_kept(qtbot):
    snake = {"sweep": "snake", "of": [
        {"sweep": "values", "name": "direction", "values": [1, -1]},
        {"sweep": "linear", "name": "magnet.field", "start": "10 G", "stop": "24 G", "number": 8},
    ]}  # fmt: skip
    described = read_scan(snake).to_dict()
    assert rows_of(described) is None
    editor = ScanEditor()
    qtbot.addWidget(editor)
    editor.show_scan(described)
    assert editor.written() == described
    assert "'snake'" in editor.told.text()
    editor.add()
    assert editor.written() != described


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
    editor.rows[1].kind.setCurrentText("list")
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
