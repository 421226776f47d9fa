"""The window by keyboard: set-points by steps, the safe key, the way of Tab, the queue, colours and units."""

import functools

import pytest

from tests.qt import PATIENCE, WHY_NOT

if WHY_NOT:
    pytest.skip(WHY_NOT, allow_module_level=True)

import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QWidget,
)

from labspin.gui.log_view import LogView
from labspin.gui.theme import current, use_theme
from tests.gui.mouse import drag
from tests.session.hosts import wait_until_idle
from tests.some import some

KEY = Qt.Key


@pytest.fixture
def until(qtbot):
    return functools.partial(qtbot.waitUntil, timeout=PATIENCE)


@pytest.fixture
def magnet(qtbot, until, window, client):
    """The field of the magnet's current, with the keyboard in it and the output on."""
    window.tabs.setCurrentWidget(window.bench)
    client.set("magnet.output_enabled", True)
    client.set("magnet.current", "0.2 A")
    point = window.bench.panels["magnet"].points["magnet.current"]
    point.field.setFocus()
    until(lambda: point.stands() == 0.2)
    return point


def sent(client):
    """Return the current that was sent last, A; what is read back has the supply's twelve bits."""
    return round(client.status()["sent"]["magnet.current"], 9)


# -- set-points ---------------------------------------------------------------------------------------------


def test_arrow_keys_move_a_set_point_by_steps_and_it_is_taken_back(qtbot, until, client, magnet):
    field = magnet.field
    assert field.step == 0.1
    qtbot.keyClick(field, KEY.Key_Up)
    until(lambda: sent(client) == 0.3 and magnet._goal is None)
    qtbot.keyClick(field, KEY.Key_PageDown)
    until(lambda: "step 10 mA" in magnet.limits.text())  # the ramp was said there until it ended
    for _ in range(5):
        qtbot.keyClick(field, KEY.Key_Down)
    until(lambda: sent(client) == 0.25 and magnet._goal is None)
    until(lambda: magnet.stands() == 0.25)
    assert field.hasFocus(), "the next key goes there, too"
    until(lambda: not magnet.back.isHidden())
    former = magnet.back.text()
    qtbot.keyClick(field, KEY.Key_Z, Qt.KeyboardModifier.ControlModifier)
    until(lambda: magnet._goal is None and sent(client) > 0.25)
    assert former == f"↶ {1e3 * sent(client):.4g} mA"
    until(lambda: magnet.stands() > 0.25)
    while magnet._before:
        until(lambda: not magnet.back.isHidden())
        magnet.back.click()
        until(lambda: magnet._goal is None)
    assert sent(client) == 0.2


def test_a_step_beyond_the_limits_is_refused_and_nothing_is_sent(qtbot, window, client, magnet):
    sent = dict(client.status()["sent"])
    for _ in range(3):
        qtbot.keyClick(magnet.field, KEY.Key_PageUp)
    qtbot.keyClick(magnet.field, KEY.Key_Up)
    problem = window.bench.panels["magnet"].problem
    assert "magnet.current: wanted -11 A to 11 A, got 100.2 A" in problem.text()
    assert problem.isVisible()
    assert client.status()["sent"] == sent
    qtbot.keyClicks(magnet.field, "1")
    assert "100.2 A" not in problem.text(), "what is typed now is judged"


def test_what_was_typed_keeps_the_keyboard_and_is_taken_back(qtbot, until, client, magnet):
    qtbot.keyClicks(magnet.field, "0.4 A")
    qtbot.keyClick(magnet.field, KEY.Key_Return)
    assert magnet.field.isReadOnly(), "it moves"
    until(lambda: magnet.field.text() == "")
    assert magnet.field.hasFocus()
    assert not magnet.field.isReadOnly()
    qtbot.keyClick(magnet.field, KEY.Key_Z, Qt.KeyboardModifier.ControlModifier)
    until(lambda: sent(client) == 0.2 and magnet._goal is None)
    qtbot.keyClicks(magnet.field, "5")
    qtbot.keyClick(magnet.field, KEY.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert magnet.field.text() == "", "of what is typed, the typing is taken back"
    assert sent(client) == 0.2


@pytest.mark.parametrize("by_key", [True, False])
def test_a_ramp_is_stopped_where_it_is(qtbot, until, window, client, magnet, by_key):
    """By Esc, or by the button that stands there while the ramp lasts."""
    for goal in (11.0, -11.0, 11.0, -11.0):  # on a busy machine a ramp may be over before it is stopped
        qtbot.keyClicks(magnet.field, f"{goal} A")
        qtbot.keyClick(magnet.field, KEY.Key_Return)
        until(lambda: not magnet.stop.isHidden() or magnet._goal is None)
        if by_key:
            qtbot.keyClick(magnet.field, KEY.Key_Escape)
        else:
            magnet.stop.click()
        until(lambda: not magnet._is_moving and client.status()["hand"] is None)
        if sent(client) != goal:
            break
    assert -11.0 < sent(client) < 11.0
    until(lambda: magnet.stop.isHidden())
    assert not window.notice.isVisible(), "who stops a ramp needs not be told that it was stopped"
    until(lambda: not magnet.back.isHidden())


def test_a_refused_move_leaves_what_can_be_taken_back_as_it_was(qtbot, until, window, client, magnet):
    client.set("magnet.output_enabled", False)
    before = list(magnet._before)
    qtbot.keyClick(magnet.field, KEY.Key_Up)
    until(lambda: window.notice.isVisible() and "its output is off" in window.notice.text.text())
    until(lambda: magnet._goal is None)
    assert magnet._before == before


def test_a_set_point_is_moved_to_a_cursor(qtbot, until, window, lab, client):
    queued = client.add(lab / "procedures" / "quick.toml", overrides=["averages=1"])
    client.start()
    wait_until_idle(client)
    assert queued
    go = window.see.go_there
    window.tabs.setCurrentWidget(window.see)
    go.show_place(("magnet_field", "T", 1.5e-3))
    assert go.choice.currentText() == "magnet.field"
    assert go.button.text() == "to 1.5 mT"
    client.set("magnet.output_enabled", True)
    go.button.click()
    assert go.button.text() == "Really move"
    go.show_place(("magnet_field", "T", 1.6e-3))
    assert go.button.text() == "to 1.6 mT", "another place is confirmed again"
    go.button.click()
    go.button.click()
    until(lambda: abs(client.get("magnet.field") - 1.6e-3) < 2e-5)
    go.show_place(("magnet_field", "T", 1.0))
    assert not go.button.isEnabled()
    assert "wanted -16.5 mT to 16.5 mT, got 1 T" in go.problem.text()
    go.show_place(("dark_time", "s", 1e-3))
    assert go.isHidden(), "no set-point has that unit"


# -- keys ---------------------------------------------------------------------------------------------------


def test_the_safe_key_works_in_every_view_and_every_field(qtbot, until, window, client):
    def said():
        return sum(kind == "safe" for _, _, kind, _ in client.follow(0, timeout=0.1)["events"])

    for number in some(range(window.tabs.count())):
        qtbot.keyClick(window, KEY.Key_1 + number, Qt.KeyboardModifier.ControlModifier)
        assert window.tabs.currentIndex() == number
        view = window.tabs.currentWidget()
        fields = [part for part in view.findChildren(QLineEdit) if part.isVisible()]
        for part in (view, *fields[:1]):
            part.setFocus()
            before = said()
            qtbot.keyClick(QApplication.focusWidget() or window, KEY.Key_F12)
            until(lambda b=before: said() > b)


def reached(window):
    """Return what Tab visits from the bar on, until it comes back."""
    window.safe_button.setFocus()
    found = []
    for _ in range(400):
        window.focusNextChild()
        part = QApplication.focusWidget()
        if part is None or part in found:
            break
        found.append(part)
    return found


def test_tab_reaches_whatever_can_be_clicked_in_every_view(qtbot, until, window, lab):
    window.measure.show_card(lab / "procedures" / "quick.toml")
    until(lambda: window.measure.start_button.isEnabled())
    looked = 0
    for number in some(range(window.tabs.count())):
        window.tabs.setCurrentIndex(number)
        view = window.tabs.currentWidget()
        found = reached(window)
        holders = {ancestor for part in found for ancestor in ancestors(part)}
        for part in some(view.findChildren(QWidget)):
            is_control = isinstance(part, (QAbstractButton, QLineEdit, QComboBox))
            if is_control and part.isVisible() and part.isEnabled() and not is_inner(part):
                looked += 1
                assert part in found or part in holders, f"{window.tabs.tabText(number)}: {described(part)}"
    assert looked > 20


def ancestors(part):
    while part is not None:
        yield part
        part = part.parentWidget()


def is_inner(part):
    """Return whether a part belongs to another control, or is Qt's own."""
    is_bare = isinstance(part, QAbstractButton) and not part.text()
    return is_bare or isinstance(part.parentWidget(), (QComboBox, QAbstractSpinBox, QAbstractSlider))


def described(part):
    return f"{type(part).__name__} {part.accessibleName() or getattr(part, 'text', str)()!r}"


def test_every_field_says_what_it_is(until, window, lab):
    window.measure.show_card(lab / "procedures" / "quick.toml")
    until(lambda: window.measure.start_button.isEnabled())
    looked = 0
    for number in some(range(window.tabs.count())):
        window.tabs.setCurrentIndex(number)
        view = window.tabs.currentWidget()
        for part in (*view.findChildren(QLineEdit), *view.findChildren(QComboBox)):
            if part.isVisible() and not is_inner(part):
                looked += 1
                hint = part.placeholderText() if isinstance(part, QLineEdit) else ""
                assert part.accessibleName() or part.toolTip() or hint, (
                    f"{window.tabs.tabText(number)}: {part} {part.parentWidget()}"
                )
    assert looked > 10


def test_the_queue_is_ordered_and_emptied_by_keys(qtbot, until, window, lab, client):
    client.queue.pause()
    for seed in (1, 2, 3):
        client.add(lab / "procedures" / "quick.toml", overrides=[f"seed={seed}"])
    seeds = lambda: [run.overrides[0] for run in client.queue.read().runs]  # noqa: E731
    window.tabs.setCurrentWidget(window.measure)
    table = window.measure.queue.table
    until(lambda: table.rowCount() == 3)
    table.setFocus()
    table.selectRow(2)
    alt = Qt.KeyboardModifier.AltModifier
    qtbot.keyClick(table, KEY.Key_Up, alt)
    until(lambda: seeds() == ["seed=1", "seed=3", "seed=2"])
    until(lambda: table.item(1, 3).text() == "seed=3" and table.currentRow() == 1)
    qtbot.keyClick(table, KEY.Key_Up, alt)
    until(lambda: seeds() == ["seed=3", "seed=1", "seed=2"])
    until(lambda: table.currentRow() == 0)
    qtbot.keyClick(table, KEY.Key_Up, alt)
    qtbot.keyClick(table, KEY.Key_Down, alt)
    until(lambda: seeds() == ["seed=1", "seed=3", "seed=2"])
    until(lambda: table.currentRow() == 1)
    qtbot.keyClick(table, KEY.Key_Delete)
    until(lambda: seeds() == ["seed=1", "seed=2"])


def test_a_run_is_dropped_before_another(qtbot, until, window, lab, client):
    client.queue.pause()
    for seed in (1, 2, 3):
        client.add(lab / "procedures" / "quick.toml", overrides=[f"seed={seed}"])
    window.tabs.setCurrentWidget(window.measure)
    table = window.measure.queue.table
    until(lambda: table.rowCount() == 3)

    def drop(source, target):
        table.selectRow(source)
        where = QPointF(table.visualItemRect(table.item(target, 0)).center())
        mime = table.mimeData(table.selectedItems())
        event = QDropEvent(where, Qt.DropAction.MoveAction, mime, Qt.MouseButton.LeftButton,
                           Qt.KeyboardModifier.NoModifier)  # fmt: skip
        table.dropEvent(event)

    window.resize(1280, 1000)
    drop(2, 0)
    seeds = lambda: [run.overrides[0] for run in client.queue.read().runs]  # noqa: E731
    until(lambda: seeds() == ["seed=3", "seed=1", "seed=2"])
    until(lambda: table.item(0, 3).text() == "seed=3")
    drop(0, 1)
    until(lambda: seeds() == ["seed=1", "seed=3", "seed=2"])
    until(lambda: table.item(0, 3).text() == "seed=1")
    drop(0, 2)
    until(lambda: seeds() == ["seed=3", "seed=2", "seed=1"])


def test_panels_are_widened_by_mouse_and_stay_so(qtbot, until, window, lab, open_window):
    window.tabs.setCurrentWidget(window.browse)
    handle = window.browse.splitter.handle(1)
    before = window.browse.splitter.sizes()
    middle = QPointF(handle.rect().center())
    drag(handle, middle, middle - QPointF(150, 0))
    wide = window.browse.splitter.sizes()
    assert wide[1] - before[1] == pytest.approx(150, rel=0, abs=10)
    size = window.size()
    window.close()
    again = open_window(lab)
    again.tabs.setCurrentWidget(again.browse)
    again.resize(size)  # a small screen lets a window that is opened again be narrower
    until(lambda: again.browse.splitter.width() == window.browse.splitter.width())
    until(lambda: again.browse.splitter.sizes() == pytest.approx(wide, rel=0, abs=2))
    again.tabs.setCurrentWidget(again.start)


# -- looks --------------------------------------------------------------------------------------------------


def test_units_that_are_changed_in_the_file_of_the_workspace_are_shown_at_once(until, window, lab):
    field = lambda: window.bench.panels["magnet"].fields["magnet.field"]  # noqa: E731 - it is made again
    window.tabs.setCurrentWidget(window.bench)
    window.bench.panels["magnet"].traced["magnet.field"].setChecked(True)
    assert field().placeholderText() == "value T"
    file = lab / "workspace.toml"
    try:
        file.write_text('[units]\nfield = "G"\n')
        until(lambda: field().placeholderText() == "value G")
        until(lambda: window.bench.panels["magnet"].values["magnet.field"].text().endswith(" G"))
        assert "165 G" in window.bench.panels["magnet"].points["magnet.field"].limits.text()
        assert "magnet.field" in window.bench.traces.curves, "what was shown is shown"
        file.write_text('[units]\nfield = "parsec"\n')
        until(lambda: "workspace.toml" in window.notice.text.text())
        assert field().placeholderText() == "value G"
    finally:
        file.unlink()
    until(lambda: field().placeholderText() == "value T")


def test_a_read_back_that_is_ticked_is_a_large_figure_in_align(until, window, client):
    tick = window.bench.panels["microwave"].traced["microwave.frequency"]
    tick.setChecked(True)
    figure = window.align.figures["microwave.frequency"]
    until(lambda: figure.figure.text().endswith("Hz"))
    tick.setChecked(False)
    assert "microwave.frequency" not in window.align.figures


def test_a_light_window_becomes_dark_by_a_key(qtbot, until, window):
    light = current().name
    window.bench.panels["magnet"].traced["magnet.field"].setChecked(True)
    try:
        qtbot.keyClick(window, KEY.Key_T, Qt.KeyboardModifier.ControlModifier)
        until(lambda: current().name == "dark")
        panel = current().panel
        plots = window.findChildren(pg.PlotWidget)
        assert plots
        assert {plot.backgroundBrush().color().name() for plot in plots} == {panel}
        qtbot.keyClick(window, KEY.Key_T, Qt.KeyboardModifier.ControlModifier)
        until(lambda: current().name == light)
    finally:
        use_theme(light)


def test_the_window_fills_the_screen_by_a_key(qtbot, until, window):
    qtbot.keyClick(window, KEY.Key_F11)
    until(window.isFullScreen)
    qtbot.keyClick(window, KEY.Key_F11)
    until(lambda: not window.isFullScreen())


def test_many_events_are_told_in_their_order_and_errors_alone(qtbot):
    log = LogView()
    qtbot.addWidget(log)
    kinds = ["error" if k % 100 == 0 else "run" for k in range(2000)]
    log.take([[k, float(k), kind, f"event {k}"] for k, kind in enumerate(kinds)])
    lines = log.text.toPlainText().splitlines()
    assert [line.rpartition(" ")[2] for line in lines] == [str(k) for k in range(2000)]
    log.only_errors.click()
    assert len(log.text.toPlainText().splitlines()) == 20
    log.only_errors.click()
    log.add("error", "one more")
    assert len(log.text.toPlainText().splitlines()) == 2001
