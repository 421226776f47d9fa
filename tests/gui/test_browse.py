"""The list of runs: small pictures, words that are changed, runs that are repeated and resumed."""

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.qt import PATIENCE, WHY_NOT

if WHY_NOT:
    pytest.skip(WHY_NOT, allow_module_level=True)

from PySide6.QtCore import Qt

from labspin.data import RunStatus, RunSummary, list_runs, open_run_metadata, read_run
from labspin.gui import run_reader
from labspin.gui.run_reader import RunReader
from labspin.gui.run_rows import HEADS, rows_of
from labspin.gui.run_table import RunTable
from labspin.session.workspace import data_folder
from tests.session.hosts import wait_for_run, wait_until_idle


def make_run(client, lab, *overrides):
    """Make one run of the quick card, and return its path."""
    queued = client.add(lab / "procedures" / "quick.toml", overrides=["averages=1", *overrides])
    client.start()
    wait_until_idle(client)
    return client.queue.folder / next(r for r in client.queue.read().runs if r.id == queued[0].id).file


def choose(window, *paths):
    """Choose runs in the list; return whether all of them are there."""
    window.browse.choose(paths)
    return len(window.browse.chosen()) == len(paths)


def show_list(qtbot, window, *paths):
    window.tabs.setCurrentWidget(window.browse)
    window.browse.look()
    is_new = lambda: not window.browse.is_looking  # noqa: E731 - else a run may be listed as it was before
    qtbot.waitUntil(lambda: is_new() and choose(window, *paths), timeout=PATIENCE)


def test_runs_have_small_pictures(qtbot, window, lab, client):
    path = make_run(client, lab)
    show_list(qtbot, window, path)
    run = window.browse.chosen()[0]
    qtbot.waitUntil(lambda: window.browse.table.thumbnails.of(run) is not None, timeout=PATIENCE)
    image = window.browse.table.thumbnails.of(run)
    pixels = ((x, y) for x in range(image.width()) for y in range(image.height()))
    inked = sum(image.pixelColor(x, y) != image.pixelColor(0, 0) for x, y in pixels)
    assert 50 < inked < image.width() * image.height() / 3, "a line, not an area"


def test_a_run_is_put_aside_by_a_key_and_brought_back(qtbot, window, lab, client):
    path = make_run(client, lab)
    show_list(qtbot, window, path)
    browse = window.browse
    browse.view.setFocus()
    qtbot.keyClick(browse.view, Qt.Key.Key_Delete)
    aside = path.parent / ".trash" / path.name
    qtbot.waitUntil(lambda: aside.is_file() and not path.exists(), timeout=PATIENCE)
    qtbot.waitUntil(lambda: path not in [run.path for run in browse.table.runs], timeout=PATIENCE)
    name = f"{path.parent.name}: put aside"
    qtbot.waitUntil(lambda: browse.folders.findText(name) > 0, timeout=PATIENCE)
    browse.folders.setCurrentText(name)
    browse.folders.activated.emit(browse.folders.currentIndex())
    qtbot.waitUntil(lambda: choose(window, aside), timeout=PATIENCE)
    assert [run.path for run in browse.table.runs] == [aside], "runs of other folders are not shown"
    assert browse.aside_button.text() == "Bring back"
    browse.resume()
    assert "bring the run back first" in window.notice.text.text()
    qtbot.mouseClick(browse.aside_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: path.is_file() and browse.shows_new_runs, timeout=PATIENCE)
    qtbot.waitUntil(lambda: choose(window, path), timeout=PATIENCE)
    assert browse.aside_button.text() == "Put aside"


def test_words_are_stored_with_a_run(qtbot, window, lab, client):
    path = make_run(client, lab)
    before = read_run(path).data["difference"].copy()
    show_list(qtbot, window, path)
    details = window.browse.details
    assert not details.save_button.isEnabled()
    details.comment.setPlainText("the laser drifted")
    details.tags.setText("doubtful night")
    details.rating.setCurrentIndex(3)
    details.sample.setCurrentText("D7")
    details.save_button.click()
    qtbot.waitUntil(lambda: open_run_metadata(path).comment == "the laser drifted", timeout=PATIENCE)
    said = open_run_metadata(path)
    assert (said.tags, said.rating, said.sample) == (("doubtful", "night"), 2, "D7")
    assert (read_run(path).data["difference"] == before).all()
    window.browse.search.setText("doubtful")
    qtbot.waitUntil(lambda: window.browse.table.rowCount() == 1, timeout=PATIENCE)
    window.browse.search.setText("")


def test_words_of_several_runs_are_changed_together_and_only_what_was_typed(qtbot, window, lab, client):
    from labspin.data import annotate

    one, other = make_run(client, lab), make_run(client, lab, "seed=2")
    annotate(one, comment="first")
    show_list(qtbot, window, one, other)
    assert window.browse.details.comment.toPlainText() == "", "they differ"
    window.browse.details.tags.setText("pair")
    window.browse.details.save_button.click()
    for path in (one, other):
        qtbot.waitUntil(lambda p=path: open_run_metadata(p).tags == ("pair",), timeout=PATIENCE)
    assert open_run_metadata(one).comment == "first"


def test_a_run_that_the_queue_does_not_know_is_repeated_with_a_change(qtbot, window, lab, client):
    path = make_run(client, lab, "dark_time_stop=7 ms")
    client.queue.clear()
    show_list(qtbot, window, path)
    window.browse.repeat()
    qtbot.waitUntil(lambda: window.tabs.currentWidget() is window.measure, timeout=PATIENCE)
    form = window.measure.form
    assert form.widgets["dark_time_stop"].text() == "7 ms"
    form.set("seed", "99")
    qtbot.waitUntil(lambda: window.measure.start_button.isEnabled(), timeout=PATIENCE)
    window.measure.start_button.click()
    qtbot.waitUntil(lambda: [r.state for r in client.queue.read().runs] == ["finished"], timeout=PATIENCE)
    made = read_run(client.queue.folder / client.queue.read().runs[0].file).header.parameters
    former = read_run(path).header.parameters
    assert {n: r["value"] for n, r in made.items() if n not in ("seed", "station")} == {
        n: r["value"] for n, r in former.items() if n not in ("seed", "station")
    }
    assert made["seed"]["value"] == 99


def test_a_run_that_broke_off_is_gone_on_with_though_the_queue_forgot_it(qtbot, window, lab, client):
    client.add(lab / "procedures" / "quick.toml", overrides=["averages=400"])
    client.start()
    running = wait_for_run(client)["run"]
    client.abort(pause_queue=True)
    wait_until_idle(client)
    client.queue.clear()
    client.queue.resume()
    path = client.queue.folder / running["path"]
    had = len(read_run(path).points)
    assert had < 4800
    show_list(qtbot, window, path)
    window.browse.resume()
    qtbot.waitUntil(lambda: [r.state for r in client.queue.read().runs] == ["finished"], timeout=PATIENCE)
    assert len(read_run(path).points) == 4800


def test_a_damaged_file_is_listed_and_hurts_nobody(qtbot, window, lab, client):
    path = make_run(client, lab)
    broken = path.with_name("20200101-000000-broken.h5")
    shutil.copy(path, broken)
    broken.write_bytes(broken.read_bytes()[:3000])
    try:
        show_list(qtbot, window, broken)
        assert any(run.status == "damaged" for run in list_runs(data_folder(lab)))
        window.browse.show_chosen()
        window.browse.repeat()
        assert "choose one run to repeat" in window.notice.text.text()
        assert not window.browse.details.comment.isEnabled()
    finally:
        broken.unlink()


def test_the_process_that_reads_runs_is_started_again_when_it_dies(qtbot, window, lab, client):
    path = make_run(client, lab)
    show_list(qtbot, window, path)
    window.browse.reader._process.kill()
    other = make_run(client, lab, "seed=5")
    show_list(qtbot, window, path, other)
    assert window.browse.table.runs[0].path == other, "the newest is first"
    shown = [run.path for run in window.browse.table.runs]
    assert len(set(shown)) == len(shown), "none twice"


def test_a_process_that_dies_again_and_again_is_left_alone_and_said(qtbot, window, lab, client, monkeypatch):
    show_list(qtbot, window, make_run(client, lab))
    qtbot.waitUntil(lambda: not window.browse.is_looking, timeout=PATIENCE)
    started = []
    command = [sys.executable, "-c", ""]  # ends at once
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    monkeypatch.setattr(
        run_reader, "_started", lambda: started.append(1) or subprocess.Popen(command, **streams)
    )
    window.browse.reader._process.kill()
    for _ in range(6):
        window.browse.look()
        qtbot.waitUntil(lambda: not window.browse.is_looking, timeout=PATIENCE)
    assert "has ended three times" in window.notice.text.text()
    assert len(started) == 2, "the first death was that of the process before"


def test_runs_are_sorted_by_numbers_and_found_by_words():
    runs = [
        RunSummary(path=Path(f"{k}.h5"), status=RunStatus.FINISHED, points=points, started=f"2026-01-0{k}")
        for k, points in enumerate((9, 100, 20), start=1)
    ]
    table = RunTable(RunReader())
    table.merge(rows_of(runs[:1]), [])
    table.merge(rows_of(runs[1:]), [])
    assert [run.points for run in table.runs] == [20, 100, 9], "the last one first"
    table.sort(HEADS.index("points"), Qt.SortOrder.AscendingOrder)
    assert [run.points for run in table.runs] == [9, 20, 100]
    assert table.places({"1.h5", "2.h5"}) == [(0, 0), (2, 2)]
    assert table.places({"1.h5", "3.h5", "none"}) == [(0, 1)]
    table.search("3.H5")
    assert [run.points for run in table.runs] == [20]
    assert [run.path.name for run in table.latest(2)] == ["3.h5", "2.h5"], "whatever is searched for"
    table.search("")
    table.merge(rows_of([dataclasses.replace(runs[0], points=50)]), ["2.h5"])
    assert [run.points for run in table.runs] == [20, 50]
    table.merge(rows_of(runs[1:2]), [], is_anew=True)
    assert [run.points for run in table.runs] == [100]
