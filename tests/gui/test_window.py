"""The window as a person uses it: clicking, typing, waiting for points."""

import functools
import subprocess
import sys

import pytest

from tests.qt import PATIENCE, WHY_NOT

if WHY_NOT:
    pytest.skip(WHY_NOT, allow_module_level=True)

from PySide6.QtCore import Qt

from labspin.data import read_run
from labspin.session import load_card
from tests.places import environment
from tests.session.hosts import HostProcess, make_workspace, wait_for, wait_for_run, wait_until_idle

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def until(qtbot):
    return functools.partial(qtbot.waitUntil, timeout=PATIENCE)


def type_into(qtbot, field, text):
    field.clear()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Return)


# -- the first minute ---------------------------------------------------------------------------------------


def test_from_an_empty_folder_to_a_fitted_t1(qtbot, until, tmp_path, open_window):
    folder = tmp_path / "new"
    folder.mkdir()
    window = open_window(folder)
    assert "is no workspace yet" in window.start.told.text()
    assert not window.start.first_button.isVisible()
    qtbot.mouseClick(window.start.init_button, LEFT)
    until(lambda: window.start.first_button.isVisible())
    assert window.station.currentText() == "levitated-diamond — simulated"
    listed = [window.station.itemText(k) for k in range(window.station.count())]
    assert "levitated-diamond-lab — REAL" in listed
    assert listed == [window.start.stations.item(k).text() for k in range(window.start.stations.count())]
    qtbot.mouseClick(window.start.first_button, LEFT)
    try:
        until(lambda: bool(window.see.frames) and len(window.see.frames[0].run.points) > 5)
        assert window.tabs.currentWidget() is window.see, "the growing run is shown"
        assert window.kind.text() == "simulated"
        qtbot.waitUntil(lambda: window.see.frames[0].run.status == "finished", timeout=PATIENCE)
        until(lambda: window.see.fits.recipe.count() > 0)
        assert window.see.fits.recipe.currentText() == "t1"
        qtbot.mouseClick(window.see.fits.fit_button, LEFT)
        until(lambda: window.see.fits.outcome is not None)
        found = window.see.fits.outcome["T1"]
        assert abs(found.value - 0.49e-3) < 5 * found.stderr, "of two classes that are resonant"
        assert "T1 = " in window.see.fits.result.text()
        assert "±" in window.see.fits.result.text()
        assert window.see.line.residuals.isVisible()
    finally:
        subprocess.run([sys.executable, "-m", "labspin", "bench", "stop"], cwd=folder, env=environment())


# -- the bench ----------------------------------------------------------------------------------------------


def test_set_and_read_back_with_any_unit(qtbot, until, window, client):
    magnet = window.bench.panels["magnet"]
    window.tabs.setCurrentWidget(window.bench)
    magnet.output.click()
    until(lambda: client.get("magnet.output_enabled") is True)
    type_into(qtbot, magnet.fields["magnet.field"], "0.2 mT")
    until(lambda: abs(client.get("magnet.field") - 2e-4) < 2e-6)
    until(lambda: magnet.values["magnet.field"].text().startswith(("200.", "199.")))
    until(lambda: magnet.fields["magnet.field"].text() == "")
    window.bench.panels["magnet"].traced["magnet.field"].setChecked(True)
    until(lambda: len(window.bench.traces.courses["magnet.field"].arrays()[0]) > 3)
    qtbot.keyClick(window, Qt.Key.Key_F12)
    until(lambda: client.get("magnet.output_enabled") is False)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1 T", "wanted -16.5 mT to 16.5 mT, got 1 T"),
        ("3 s", "wanted a quantity in 'T'"),
        ("3", "has no unit"),
    ],
)
def test_what_the_limits_forbid_is_not_even_sent(qtbot, until, window, client, text, says):
    panel = window.bench.panels["magnet"]
    window.tabs.setCurrentWidget(window.bench)
    before = client.get("magnet.current")
    type_into(qtbot, panel.fields["magnet.field"], text)
    assert says in panel.problem.text()
    assert panel.problem.isVisible()
    assert client.get("magnet.current") == before


def test_what_the_host_refuses_is_said_without_stopping_anybody(qtbot, until, window):
    type_into(qtbot, window.bench.panels["magnet"].fields["magnet.field"], "1 G")  # its output is off
    until(lambda: window.notice.isVisible())
    assert "its output is off" in window.notice.text.text()
    field = window.bench.panels["magnet"].fields["magnet.field"]
    until(lambda: not field.isReadOnly())
    assert field.text() == "1 G", "it can be sent again"


def test_align_by_large_figures(qtbot, until, window):
    window.tabs.setCurrentWidget(window.align)
    qtbot.mouseClick(window.align.count, LEFT)
    figure = window.align.figures["rate.pl"]
    until(lambda: figure.figure.text().endswith("k/s"))
    assert 1e5 < figure.peak < 1e7
    window.align.count.click()
    until(lambda: figure.figure.text() == "—")
    until(lambda: not window.link.status["aligns"])


def test_the_workspace_chooses_the_units(qtbot, until, lab, client, open_window):
    file = lab / "workspace.toml"
    file.write_text('[units]\nfield = "G"\nfrequency = "MHz"\n')
    try:
        window = open_window(lab)
        until(lambda: bool(window.link.status.get("readings")))
        panel = window.bench.panels["microwave"]
        assert panel.fields["microwave.frequency"].placeholderText() == "value MHz"
        until(lambda: panel.values["microwave.frequency"].text().endswith(" MHz"))
        magnet = window.bench.panels["magnet"]
        type_into(qtbot, magnet.fields["magnet.field"], "1 T")
        assert "wanted -165 G to 165 G, got 10000 G" in magnet.problem.text()
        magnet.fields["magnet.field"].clear()
        client.set("magnet.output_enabled", True)
        client.set("magnet.field", "3 mT")
        window.tabs.setCurrentWidget(window.bench)
        window.bench.traces.choose("magnet.field", "T", True)
        axis = window.bench.traces.plots["T"].getAxis("left")
        until(lambda: "(G)" in axis.labelString())
        until(
            lambda: any(
                text.startswith("30") for text in axis.tickStrings([3e-3], axis.autoSIPrefixScale, 1e-4)
            )
        )
        window.measure.show_card(lab / "procedures" / "quick.toml")
        assert window.measure.form.widgets["microwave_frequency"].text() == "2.6014 GHz", "as the card has it"
        kind = "new: mdmr"
        items = [window.measure.choice.item(k).text() for k in range(window.measure.choice.count())]
        window.measure.choice.setCurrentRow(items.index(kind))
        assert window.measure.form.widgets["frequency_start"].text().endswith(" MHz")
    finally:
        file.unlink()


# -- runs ---------------------------------------------------------------------------------------------------


def start_run(until, window, lab, **values):
    window.tabs.setCurrentWidget(window.measure)
    window.measure.show_card(lab / "procedures" / "quick.toml")
    for name, text in values.items():
        window.measure.form.set(name, text)
    until(lambda: window.measure.start_button.isEnabled())
    window.measure.start_button.click()


def test_a_run_is_previewed_started_paused_and_aborted(qtbot, until, window, lab, client):
    start_run(until, window, lab, averages="100")
    assert window.measure.preview.text.startswith("1200 points")
    assert [name for name, _ in window.measure.preview.sequences] == ["with π pulse", "without π pulse"]
    path = wait_for_run(client)["run"]["path"]
    until(lambda: [str(shown) for shown in window.see.paths] == [path])
    until(lambda: bool(window.see.frames) and len(window.see.frames[0].run.points) > 2)
    least = window.minimumSizeHint()
    assert least.width() <= 1024, "it fits on a small projector, in mid-run, too"
    assert least.height() <= 700
    qtbot.mouseClick(window.pause_button, LEFT)
    until(lambda: window.state.text().startswith("paused"))
    held = wait_for(lambda: client.status()["run"]["paused"] and client.status()["run"]["done"])
    until(lambda: window.pause_button.text() == "Continue")
    qtbot.mouseClick(window.pause_button, LEFT)
    until(lambda: client.status()["run"]["done"] > held)
    qtbot.mouseClick(window.abort_button, LEFT)
    assert window.abort_button.text() == "Really abort"
    assert client.status()["run"] is not None, "one press does nothing"
    qtbot.mouseClick(window.abort_button, LEFT)
    until(lambda: window.see.frames[0].run.status == "aborted")
    assert len(window.see.frames[0].run.points) == len(read_run(path).points) >= held
    until(lambda: not window.abort_button.isVisible())


def test_a_plan_beyond_the_limits_cannot_be_started(until, window, lab):
    window.measure.show_card(lab / "procedures" / "quick.toml")
    window.measure.form.set("magnet_field", "1 T")
    until(lambda: "magnet.field: wanted -16.5 mT to 16.5 mT" in window.measure.preview.problem)
    assert not window.measure.start_button.isEnabled()
    window.measure.form.set("magnet_field", "1 s")
    until(lambda: "wanted a quantity in 'T'" in window.measure.preview.problem)
    window.measure.form.set("magnet_field", "1 G")
    until(lambda: window.measure.start_button.isEnabled())


@pytest.mark.parametrize(("name", "text"), [("averages", "-3"), ("averages", "many"), ("seed", "1.5")])
def test_a_form_that_is_wrong_can_neither_be_started_nor_saved(until, window, lab, name, text):
    window.measure.show_card(lab / "procedures" / "quick.toml")
    until(lambda: window.measure.start_button.isEnabled())
    window.measure.form.set(name, text)
    until(lambda: repr(text) in window.measure.preview.problem)
    measure = window.measure
    for part in (measure.start_button, measure.queue_button, measure.save_button, measure.save_as_button):
        assert not part.isEnabled()
    window.measure.form.set(name, "2")
    until(lambda: window.measure.start_button.isEnabled())


def test_the_queue_is_filled_reordered_and_made(qtbot, until, window, lab, client):
    client.queue.pause()
    window.measure.show_card(lab / "procedures" / "quick.toml")
    for seed in ("11", "12", "13"):
        window.measure.form.set("seed", seed)
        window.measure.form.set("averages", "1")
        until(lambda: window.measure.queue_button.isEnabled())
        before = len(client.queue.read().runs)
        window.measure.queue_button.click()
        until(lambda n=before: len(client.queue.read().runs) > n)
    until(lambda: window.measure.queue.table.rowCount() == 3)
    window.measure.queue.table.dropped.emit(2, 0)  # the last one to the front
    until(lambda: ["seed=13" in run.overrides for run in client.queue.read().runs] == [True, False, False])
    until(lambda: "seed=13" in window.measure.queue.table.item(0, 3).text())
    window.measure.queue.table.selectRow(2)
    window.measure.queue._remove()
    until(lambda: len(client.queue.read().runs) == 2)
    window.measure.queue.pause_button.click()
    until(lambda: not client.queue.read().paused)
    window.measure.queue.start_button.click()
    until(lambda: [run.state for run in client.queue.read().runs] == ["finished", "finished"])
    assert [("seed=13" in run.overrides) for run in client.queue.read().runs] == [True, False]


def test_a_card_is_saved_with_its_comments(until, window, tmp_path):
    folder = make_workspace(tmp_path / "own")
    card = folder / "procedures" / "quick.toml"
    before = card.read_text()
    window.measure.show_card(card)
    window.measure.form.set("averages", "7")
    window.measure.form.set("dark_time_stop", "8 ms")
    window.measure.save()
    assert card.read_text() == before.replace("averages = 2 ", "averages = 7 ").replace('"16 ms"', '"8 ms"')
    window.measure.save_as(str(folder / "procedures" / "other.toml"))
    assert load_card(folder / "procedures" / "other.toml").runs[0].parameters["averages"] == 7


def test_a_procedure_without_a_card_is_started(until, window, client):
    items = [window.measure.choice.item(k).text() for k in range(window.measure.choice.count())]
    window.measure.choice.setCurrentRow(items.index("new: t1"))
    for name, text in (
        ("averages", "1"), ("dark_times", "3"), ("repetitions", "900"), ("reference_width", "150 us"),
    ):  # fmt: skip
        window.measure.form.set(name, text)
    until(lambda: window.measure.start_button.isEnabled())
    window.measure.start_button.click()
    until(lambda: [run.state for run in client.queue.read().runs] == ["finished"])
    (made,) = client.queue.read().runs
    assert (made.label, made.message) == ("t1", "")


# -- afterwards ---------------------------------------------------------------------------------------------


def test_runs_are_found_compared_and_reported(qtbot, until, window, lab, client):
    for seed in (21, 22):
        client.add(lab / "procedures" / "quick.toml", overrides=[f"seed={seed}"])
    client.start()
    wait_until_idle(client)
    made = {client.queue.folder / run.file for run in client.queue.read().runs[-2:]}
    window.tabs.setCurrentWidget(window.browse)
    window.browse.look()
    is_new = lambda: not window.browse.is_looking  # noqa: E731 - else a run may be listed as it was before
    until(lambda: is_new() and made == {run.path for run in window.browse.table.runs[:2]})
    everything = window.browse.table.rowCount()
    qtbot.keyClicks(window.browse.search, "no such run")
    assert window.browse.table.rowCount() == 0
    window.browse.search.setText("quick")
    assert 2 <= window.browse.table.rowCount() <= everything
    window.browse.view.selectAll()
    until(lambda: "seed" in window.browse.details.text.text())
    window.browse.view.clearSelection()
    window.browse.view.selectRow(0)
    window.browse.show_chosen()
    until(lambda: len(window.see.frames) == 1)
    newest = window.see.paths[0]
    window.show_runs([newest, window.browse.table.runs[1].path])
    until(lambda: len(window.see.line.lines) == 2)
    window.see.save_data(str(lab / "copy.csv"))
    window.see.save_picture(str(lab / "copy.png"))
    until(lambda: (lab / "copy.png").exists() and any(lab.glob("copy*.csv")))


def test_runs_are_followed_and_nobody_is_taken_away(until, window, lab, client):
    def make(seed):
        queued = client.add(lab / "procedures" / "quick.toml", overrides=["averages=1", f"seed={seed}"])
        client.start()
        wait_until_idle(client)
        return client.queue.folder / next(r for r in client.queue.read().runs if r.id == queued[0].id).file

    window.tabs.setCurrentWidget(window.bench)
    first = make(31)
    until(lambda: window.see.paths == [first])
    assert window.tabs.currentWidget() is window.bench, "somebody works at the bench"
    second = make(32)
    until(lambda: window.see.paths == [second])
    window.show_runs([first])
    assert not window.see.follow.isChecked()
    third = make(33)
    until(lambda: (window.link.status.get("last") or {}).get("path") == str(third))
    assert window.see.paths == [first], "what was chosen stays"
    window.see.follow.click()
    until(lambda: window.see.paths == [third])
    window.tabs.setCurrentWidget(window.start)
    until(lambda: window.start.runs.count() > 0 and window.start.runs.item(0).toolTip() == str(third))


# -- who dies, and who does not -----------------------------------------------------------------------------


@pytest.mark.parametrize("is_over", [False, True], ids=["while the run goes on", "when the run is over"])
def test_a_window_is_killed_and_another_shows_the_run_from_its_first_point(
    until, lab, client, open_window, is_over
):
    watching = client.status()["clients"]
    first = subprocess.Popen([sys.executable, "-m", "labspin", "gui", str(lab)], env=environment())
    wait_for(lambda: client.status()["clients"] > watching, what="the window")
    client.add(lab / "procedures" / "quick.toml", overrides=["averages=8"])
    client.start()
    path = wait_for_run(client)["run"]["path"]
    if is_over:
        wait_until_idle(client)
    else:
        client.pause()  # however fast the bench is, the run is not over when the other window asks
        wait_for(lambda: client.status()["run"]["paused"])
    first.kill()
    first.wait()
    second = open_window(lab)
    until(lambda: bool(second.see.frames) and str(second.see.paths[0]) == path)
    if not is_over:
        assert second.see.frames[0].run.status == "running"
        until(lambda: second.pause_button.text() == "Continue")
        second.pause_button.click()
    until(lambda: second.see.frames[0].run.status == "finished")
    shown = second.see.frames[0].run
    assert len(shown.points) == 96
    assert read_run(path).status == "finished"


def test_two_windows_give_orders_at_once(qtbot, until, window, lab, client, open_window):
    other = open_window(lab)
    until(lambda: bool(other.link.status.get("readings")))
    client.set("magnet.output_enabled", True)
    type_into(qtbot, window.bench.panels["magnet"].fields["magnet.current"], "0.3 A")
    type_into(qtbot, other.bench.panels["magnet"].fields["magnet.current"], "0.1 A")
    fields = [w.bench.panels["magnet"].fields["magnet.current"] for w in (window, other)]
    until(lambda: all(field.text() == "" for field in fields))
    assert client.status()["sent"]["magnet.current"] in (0.1, 0.3), "one after the other, the last one stays"
    both = [w.bench.panels["magnet"].points["magnet.current"] for w in (window, other)]
    sent_last = client.status()["sent"]["magnet.current"]
    until(lambda: {point.stands() for point in both} == {sent_last})
    other.close()
    until(lambda: bool(window.link.status))
    assert window.link.is_connected, "one window that closes is nothing to the other"


def test_a_host_that_is_killed_is_said_at_once_and_started_again(
    qtbot, until, tmp_path, open_window, monkeypatch
):
    monkeypatch.setattr("labspin.session.client._SLACK", 3600.0)  # no request ends because it took too long
    lab = make_workspace(tmp_path / "lab")
    station = lab / "instruments" / "levitated-diamond.toml"
    with HostProcess(station) as process:
        process.client()
        window = open_window(lab)
        until(lambda: bool(window.link.status.get("readings")))
        process.kill()
        until(lambda: window.state.text() != "idle")
    assert "is gone; its watchdog makes a real bench safe" in window.notice.text.text()
    assert window.state.text() == "host gone"  # not at once overwritten by "not connected"
    panel = window.bench.panels["magnet"]
    assert {figure.text() for figure in panel.values.values()} == {"—"}, "nothing old is shown as if it lived"
    assert not panel.fields["magnet.field"].isEnabled()
    assert {figure.figure.text() for figure in window.align.figures.values()} == {"—"}
    assert not window.align.count.isEnabled()
    assert window.kind.isHidden()
    qtbot.mouseClick(window.connect_button, LEFT)
    try:
        until(lambda: window.link.is_connected and bool(window.link.status.get("readings")))
        until(lambda: window.bench.panels["magnet"].values["magnet.field"].text().endswith("T"))
        assert window.bench.panels["magnet"].fields["magnet.field"].isEnabled()
        assert window.link.record.process != process.process.pid
    finally:
        subprocess.run([sys.executable, "-m", "labspin", "bench", "stop"], cwd=lab, env=environment())


def test_a_file_edited_to_nonsense_is_said_in_a_sentence(until, tmp_path, open_window):
    lab = make_workspace(tmp_path / "lab")
    (lab / "procedures" / "quick.toml").write_text('procedure = "t1"\nparametres = 3\n')
    (lab / "instruments" / "levitated-diamond.toml").write_text("[station\n")
    window = open_window(lab)
    window.measure.show_card(lab / "procedures" / "quick.toml")
    assert "quick.toml, line 2: parametres" in window.notice.text.text()
    window.connect_chosen()
    until(lambda: "levitated-diamond.toml" in window.notice.text.text())
    assert window.state.text() == "not connected"
    assert window.connect_button.isEnabled()


def test_the_layout_is_remembered(lab, client, open_window):
    first = open_window(lab)
    first.tabs.setCurrentWidget(first.browse)
    first.close()
    second = open_window(lab)
    assert second.tabs.currentWidget() is second.browse
    second.tabs.setCurrentWidget(second.start)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have a display")
def test_without_a_display_a_sentence_says_so(tmp_path):
    bare = {
        name: value for name, value in environment().items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")
    }
    bare.pop("QT_QPA_PLATFORM", None)
    said = subprocess.run(
        [sys.executable, "-m", "labspin", "gui", str(tmp_path)], env=bare, capture_output=True, text=True
    )
    assert said.returncode == 1
    assert "the window needs a display, and there is none" in said.stderr
    said = subprocess.run(
        [sys.executable, "-m", "labspin", "gui", str(tmp_path / "none")],
        env=environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert "wanted a folder to open the window on" in said.stderr
