"""A hand that slips orders nothing twice and nothing else; SAFE is in reach wherever the keyboard is."""

import functools
import os
import signal
import time

import pytest

from tests.qt import PATIENCE, WHY_NOT

if WHY_NOT:
    pytest.skip(WHY_NOT, allow_module_level=True)

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox

from labspin.gui.align_view import Figure
from labspin.gui.ask_path import ask_path
from labspin.gui.keys import KeysWindow
from labspin.gui.link import HostLink
from labspin.gui.parts import Notice
from labspin.gui.run_bar import RunBar
from tests.session.hosts import HostProcess, make_workspace

KEY, LEFT = Qt.Key, Qt.MouseButton.LeftButton


@pytest.fixture
def until(qtbot):
    return functools.partial(qtbot.waitUntil, timeout=PATIENCE)


def double_click(part):
    """Press twice as a mouse does, which QTest does not: its second press is no double click."""
    kinds, none = QEvent.Type, Qt.MouseButton.NoButton
    place = QPointF(part.rect().center())
    for kind, held in (
        (kinds.MouseButtonPress, LEFT), (kinds.MouseButtonRelease, none),
        (kinds.MouseButtonDblClick, LEFT), (kinds.MouseButtonRelease, none),
    ):  # fmt: skip
        there = QPointF(part.mapToGlobal(place))
        event = QMouseEvent(kind, place, there, LEFT, held, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(part, event)


def turn_wheel(part):
    place = QPointF(part.rect().center())
    event = QWheelEvent(
        place, QPointF(part.mapToGlobal(place)), QPoint(0, 0), QPoint(0, -120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(part, event)


def made_safe(client):
    return sum(kind == "safe" for _, _, kind, _ in client.follow(0, timeout=0.1)["events"])


# -- twice where once is meant ------------------------------------------------------------------------------


def test_a_double_click_starts_one_run(until, window, lab, client):
    client.queue.pause()
    window.tabs.setCurrentWidget(window.measure)
    window.measure.show_card(lab / "procedures" / "quick.toml")
    until(window.measure.start_button.isEnabled)
    told = []
    window.measure.told.connect(told.append)
    double_click(window.measure.start_button)
    double_click(window.measure.queue_button)
    until(lambda: len(told) >= 2)
    client.status()  # after it, whatever was ordered has come
    assert len(client.queue.read().runs) == 2


def run_record(number, **values):
    return {"id": number, "paused": False, "total": 9, "done": 1, "left": None, **values}


def test_what_ends_a_run_is_confirmed_for_that_run(qtbot):
    orders = []
    link = HostLink()
    link.order = lambda do, *_: orders.append(do)
    bar = RunBar(link)
    qtbot.addWidget(bar)
    bar.show_run(run_record(1))
    double_click(bar.abort_button)
    assert bar.abort_button.text() == "Really abort"
    assert orders == [], "a double click is one press"
    bar.show_run(run_record(1, done=2))
    assert bar.abort_button.text() == "Really abort"
    bar.show_run(run_record(2))
    assert bar.abort_button.text() == "Abort", "who meant one run does not end the next"
    qtbot.mouseClick(bar.abort_button, LEFT)
    assert orders == []
    qtbot.mouseClick(bar.abort_button, LEFT)
    assert len(orders) == 1


def test_the_wheel_changes_what_has_the_keyboard_only(until, window, lab):
    window.tabs.setCurrentWidget(window.measure)
    window.measure.show_card(lab / "procedures" / "quick.toml")
    choice = window.measure.form.widgets["spacing"]
    assert choice.currentText() == "logarithmic"
    window.setFocus()
    turn_wheel(choice)
    assert choice.currentText() == "logarithmic", "the form was to be moved"
    choice.setFocus()
    turn_wheel(choice)
    assert choice.currentText() == "linear"


# -- SAFE ---------------------------------------------------------------------------------------------------


def test_the_safe_key_works_in_dialogs_and_open_lists(until, window, client, tmp_path):
    saved = []
    (tmp_path / "a.csv").write_text("x")
    ask_path(window, "Save", tmp_path / "a.csv", "Tables (*.csv)", "csv", saved.append)
    dialog = window.findChild(QFileDialog)
    KeysWindow(window).show()
    window.station.showPopup()
    for part in (window.station.view(), window.findChild(KeysWindow), dialog):
        part.activateWindow()
        part.setFocus()
        before = made_safe(client)
        QTest.keyClick(part, KEY.Key_F12)
        until(lambda b=before: made_safe(client) > b)
        window.station.hidePopup()
    dialog.accept()
    until(lambda: window.findChild(QMessageBox) is not None)
    box = window.findChild(QMessageBox)
    assert not box.isModal()
    assert saved == [], "it is asked before a file is replaced"
    QTest.mouseClick(box.buttons()[0], LEFT)
    assert saved == [str(tmp_path / "a.csv")]


def test_safe_finds_the_host_that_is_not_connected(until, window, client):
    client.set("magnet.output_enabled", True)
    window.link.detach()
    QTest.keyClick(window, KEY.Key_F12)
    until(lambda: client.get("magnet.output_enabled") is False)


def test_safe_without_any_host_says_so(until, tmp_path, open_window):
    window = open_window(make_workspace(tmp_path / "lab"))
    QTest.mouseClick(window.safe_button, LEFT)
    until(lambda: "no host runs in" in window.notice.text.text())
    assert "switch off by hand" in window.notice.text.text()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs SIGSTOP")
def test_a_host_that_hangs_is_not_said_to_be_gone_and_its_values_are_shown_as_old(
    until, tmp_path, open_window, monkeypatch
):
    for name in ("client._SLACK", "host_wire._HANDSHAKE"):
        monkeypatch.setattr(f"labspin.session.{name}", 1.0)
    lab = make_workspace(tmp_path / "lab")
    with HostProcess(lab / "instruments" / "levitated-diamond.toml", "--interval", "0.2") as host:
        client = host.client()
        window = open_window(lab)
        until(lambda: bool(window.link.status.get("readings")))
        panel = window.bench.panels["magnet"]
        os.kill(host.process.pid, signal.SIGSTOP)
        try:
            until(lambda: "does not answer" in window.notice.text.text())
            assert "is gone" not in window.notice.text.text()
            assert panel.values["magnet.current"].objectName() == "old"
            window.make_safe()
            until(lambda: "SAFE did not get through" in window.notice.text.text())
        finally:
            os.kill(host.process.pid, signal.SIGCONT)
        until(lambda: panel.values["magnet.current"].objectName() == "value")
        until(lambda: window.state.text() == "idle")
        before = made_safe(client)
        window.make_safe()
        until(lambda: made_safe(client) > before)


# -- the right bench, and what is known of it ---------------------------------------------------------------


def test_a_panel_of_another_bench_orders_nothing(until, window, client):
    panel = window.bench.panels["magnet"]
    client.set("magnet.output_enabled", True)
    until(lambda: panel.output.isChecked())
    sent = client.status()["sent"]
    other = type(window.link.record)(**{**vars(window.link.record), "process": 1})
    for part in (panel, panel.points["magnet.current"]):
        part._record = other  # as if another station had been connected since it was made
    panel.points["magnet.current"].nudge(0.1)
    assert "not connected any more" in window.notice.text.text()
    panel.output.click()
    client.status()
    assert client.status()["sent"] == sent
    assert client.get("magnet.output_enabled") is True


def test_a_switch_that_is_not_known_stands_for_nothing(until, window):
    panel = window.bench.panels["magnet"]
    window.link.close()
    status = window.link.status = {**window.link.status} or {"readings": {}, "sent": {}, "hand": None}
    readings = {name: {"error": "it does not answer", "time": time.time()} for name in panel.values}
    lost = {"magnet.output_enabled": {"error": "it does not answer", "time": time.time()}}
    panel.show_status({**status, "readings": {**readings, **lost}})
    assert not panel.output.isEnabled()
    assert panel.output.text() == "output: not known"
    known = {"magnet.output_enabled": {"value": False, "time": time.time()}}
    panel.show_status({**status, "readings": {**readings, **known}})
    assert panel.output.isEnabled()


def test_a_figure_of_the_alignment_is_cleared_or_shown_as_old(qtbot):
    figure = Figure("rate.pl", "1/s")
    qtbot.addWidget(figure)
    figure.take({"value": 2e5, "time": time.time()})
    assert (figure.figure.text(), figure.figure.objectName()) == ("200 k/s", "figure")
    figure.take({"value": 2e5, "time": time.time() - 60})
    assert figure.figure.objectName() == "figure-old"
    figure.take({"error": "it does not answer", "time": time.time()})
    assert figure.figure.text() == "—"


def test_a_station_that_is_chosen_and_not_connected_is_not_taken_for_the_bench(until, window, tmp_path):
    window.station.addItem("another", tmp_path / "another.toml")
    window.station.setCurrentIndex(window.station.count() - 1)
    until(lambda: "connected is levitated diamond (simulated), not what is chosen" in window.state.text())
    window._choose_station(tmp_path / "third.toml")
    assert window.station.currentText() == "third", "a station of another folder is named, too"


# -- what is shown is what is run ---------------------------------------------------------------------------


def test_a_card_that_was_edited_meanwhile_is_shown_again_and_not_run(
    until, tmp_path, lab, client, open_window
):
    client.queue.pause()
    card = lab / "procedures" / "edited.toml"
    text = (lab / "procedures" / "quick.toml").read_text()
    card.write_text(text)
    try:
        window = open_window(lab)
        until(lambda: bool(window.link.status.get("readings")))
        window.tabs.setCurrentWidget(window.measure)
        measure = window.measure
        measure.show_card(card)
        assert measure.choice.list_widget.currentItem().text() == "edited", (
            "the list stands where the form does"
        )
        until(measure.start_button.isEnabled)
        measure._files.stop()  # edited in the moment before Start
        card.write_text(text.replace("averages = 2", "averages = 7"))
        QTest.mouseClick(measure.start_button, LEFT)
        until(lambda: "was changed after it was shown" in window.notice.text.text())
        assert client.queue.read().runs == ()
        assert measure.form.widgets["averages"].text() == "7"
        measure._files.start()
        card.write_text(text.replace("averages = 2", "averages = 9"))
        until(lambda: measure.form.widgets["averages"].text() == "9")
        card.write_text("nonsense")
        until(lambda: "edited.toml" in window.notice.text.text().splitlines()[-1])
    finally:
        card.unlink()


def test_a_plan_is_checked_again_when_the_file_of_its_station_changes(until, tmp_path, open_window):
    lab = make_workspace(tmp_path / "lab")
    station = lab / "instruments" / "levitated-diamond.toml"
    text = station.read_text()
    window = open_window(lab)
    window.tabs.setCurrentWidget(window.measure)
    window.measure.show_card(lab / "procedures" / "quick.toml")
    until(lambda: "within all limits" in window.measure.preview.text)
    station.write_text("nonsense")
    until(lambda: "levitated-diamond.toml" in window.measure.preview.problem)
    station.write_text(text)
    until(lambda: window.measure.preview.problem == "")


def test_an_error_is_not_hidden_by_what_follows_from_it(qtbot):
    notice = Notice()
    qtbot.addWidget(notice)
    for text in ("not safe: the magnet", "the queue is paused", "the magnet is lost", "the queue is paused"):
        notice.say(text)
    assert notice.text.text().splitlines() == [
        "not safe: the magnet",
        "the magnet is lost",
        "the queue is paused",
    ]
    notice.hide()
    notice.say("something else")
    assert notice.text.text() == "something else"
