"""The list of runs: small pictures, words that are changed, runs that are repeated and gone on with."""

import shutil

import pytest

from tests.qt import WHY_NOT

if WHY_NOT:
    pytest.skip(WHY_NOT, allow_module_level=True)

from labspin.data import list_runs, open_run_metadata, read_run
from labspin.session.workspace import data_folder
from tests.session.hosts import wait_for_run, wait_until_idle

SECONDS = 30_000


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
    qtbot.waitUntil(lambda: choose(window, *paths), timeout=SECONDS)


def test_runs_have_small_pictures(qtbot, window, lab, client):
    path = make_run(client, lab)
    show_list(qtbot, window, path)
    run = window.browse.chosen()[0]
    qtbot.waitUntil(lambda: window.browse.table.thumbnails.of(run) is not None, timeout=SECONDS)
    image = window.browse.table.thumbnails.of(run)
    pixels = ((x, y) for x in range(image.width()) for y in range(image.height()))
    inked = sum(image.pixelColor(x, y) != image.pixelColor(0, 0) for x, y in pixels)
    assert 50 < inked < image.width() * image.height() / 3, "a line, not an area"


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
    qtbot.waitUntil(lambda: open_run_metadata(path).comment == "the laser drifted", timeout=SECONDS)
    said = open_run_metadata(path)
    assert (said.tags, said.rating, said.sample) == (("doubtful", "night"), 2, "D7")
    assert (read_run(path).data["difference"] == before).all()
    window.browse.search.setText("doubtful")
    qtbot.waitUntil(lambda: window.browse.table.rowCount() == 1, timeout=SECONDS)
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
        qtbot.waitUntil(lambda p=path: open_run_metadata(p).tags == ("pair",), timeout=SECONDS)
    assert open_run_metadata(one).comment == "first"


def test_a_run_that_the_queue_does_not_know_is_repeated_with_a_change(qtbot, window, lab, client):
    path = make_run(client, lab, "dark_time_stop=7 ms")
    client.queue.clear()
    show_list(qtbot, window, path)
    window.browse.repeat()
    qtbot.waitUntil(lambda: window.tabs.currentWidget() is window.measure, timeout=SECONDS)
    form = window.measure.form
    assert form.widgets["dark_time_stop"].text() == "7 ms"
    form.set("seed", "99")
    qtbot.waitUntil(lambda: window.measure.start_button.isEnabled(), timeout=SECONDS)
    window.measure.start_button.click()
    qtbot.waitUntil(lambda: [r.state for r in client.queue.read().runs] == ["finished"], timeout=SECONDS)
    made = read_run(client.queue.folder / client.queue.read().runs[0].file).header.parameters
    former = read_run(path).header.parameters
    assert {n: r["value"] for n, r in made.items() if n not in ("seed", "station")} == {
        n: r["value"] for n, r in former.items() if n not in ("seed", "station")
    }
    assert made["seed"]["value"] == 99


def test_a_run_that_broke_off_is_gone_on_with_though_the_queue_forgot_it(qtbot, window, lab, client):
    client.add(lab / "procedures" / "quick.toml", overrides=["averages=30"])
    client.start()
    running = wait_for_run(client)["run"]
    client.abort(pause_queue=True)
    wait_until_idle(client)
    client.queue.clear()
    client.queue.resume()
    path = client.queue.folder / running["path"]
    had = len(read_run(path).points)
    assert had < 360
    show_list(qtbot, window, path)
    window.browse.resume()
    qtbot.waitUntil(lambda: [r.state for r in client.queue.read().runs] == ["finished"], timeout=60_000)
    assert len(read_run(path).points) == 360


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
        assert "choose one run to repeat" in window.notice_text.text()
        assert not window.browse.details.comment.isEnabled()
    finally:
        broken.unlink()
