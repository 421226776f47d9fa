"""One set-point by hand: what is sent, from where steps count, and what is refused before it is sent."""

from types import SimpleNamespace

import pytest

from tests.qt import WHY_NOT

if WHY_NOT:
    pytest.skip(WHY_NOT, allow_module_level=True)

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from labspin.gui.bench_view import BenchView
from labspin.gui.go_there import GoThere
from labspin.gui.set_point import SetPoint, _first_step, _limits

# A field of 2 mT/A about 1 mT, which follows the current of a magnet.
FIELD = {
    "unit": "T", "minimum": -0.019, "maximum": 0.021, "ramp_time": 500.0, "safe": 1e-3,
    "instrument": "magnet",
    "attribute": "field", "moves": "magnet.current", "slope": 2e-3, "offset": 1e-3,
}  # fmt: skip
POWER = {**FIELD, "unit": "W", "minimum": 0.0, "maximum": 1.0, "instrument": "laser", "attribute": "power",
         "moves": "laser.power", "slope": 1.0, "offset": 0.0}  # fmt: skip


class Link(QObject):
    """Stands for the link to a host: notes what is sent, and answers when it is told to."""

    trouble, connected, gone = Signal(str), Signal(object), Signal(str)
    record = None

    def __init__(self):
        super().__init__()
        self.is_connected, self.sent, self._waiting = True, [], []
        self.description = {"actuators": {"magnet.field": FIELD, "laser.power": POWER}}

    def order(self, do, then=None, failed=None, *, of=None):
        self._waiting.append(then)
        do(SimpleNamespace(set=lambda name, value: self.sent.append((name, value))))

    def answer(self):
        then = self._waiting.pop(0)
        if then is not None:
            then(None)


@pytest.fixture
def link(qapp):
    return Link()


@pytest.fixture
def point(link):
    parent = QWidget()
    found = SetPoint("magnet.field", "T", FIELD, link, parent)
    found.show_status(status(current=2.0, field=4.9e-3))
    yield found
    parent.deleteLater()


def status(*, current, field):
    return {"sent": {"magnet.current": current}, "readings": {"magnet.field": {"value": field, "time": 0.0}},
            "state": "idle", "hand": None}  # fmt: skip


def values(link):
    return [pytest.approx(value, rel=1e-9, abs=0) for _, value in link.sent]


def test_a_step_counts_from_where_the_magnet_was_sent_in_the_unit_of_the_field(point, link):
    """2 A were sent: 5 mT. It lags, and reads 4.9 mT."""
    point.nudge(1e-3)
    assert values(link) == [6e-3]


def test_steps_while_a_ramp_goes_on_add_up_and_the_last_one_is_sent_next(point, link):
    for _ in range(3):
        point.nudge(1e-3)
    assert values(link) == [6e-3], "the ramp to it goes on"
    link.answer()
    assert values(link) == [6e-3, 8e-3]
    link.answer()
    assert len(link.sent) == 2


@pytest.mark.parametrize("change", [0.02, -0.03])
def test_a_step_beyond_the_limits_is_refused_and_not_sent(point, link, change):
    point.nudge(change)
    assert link.sent == []
    assert "the limits stand in the station file" in point.problem
    point.nudge(1e-3)
    assert values(link) == [6e-3], "counted from where it stands"
    assert point.problem == ""


def test_changes_are_taken_back_one_after_the_other_the_last_first(point, link):
    for current, goal in ((2.0, 7e-3), (3.0, 9e-3)):
        point.show_status(status(current=current, field=1e-3 + 2e-3 * current))
        point._given(goal)
        link.answer()
    point.take_back()
    link.answer()
    point.take_back()
    link.answer()
    assert values(link) == [7e-3, 9e-3, 7e-3, 5e-3]


@pytest.mark.parametrize(("span", "step"), [(0.04, 1e-4), (20.0, 0.1), (1.0, 0.01), (1e9, 1e7)])
def test_the_first_step_is_a_hundredth_of_the_range_or_less(span, step):
    found = _first_step({**FIELD, "minimum": 0.0, "maximum": span})
    assert found == pytest.approx(step, rel=1e-9, abs=0)


def test_a_ramp_is_told_as_a_rate(qapp):
    """500 s for a tesla are 2 mT/s."""
    assert "2 mT/s" in _limits(FIELD)


# -- to the cursor ----------------------------------------------------------------------------------------


def test_a_cursor_offers_set_points_of_its_axis_and_is_pressed_twice(link):
    there = GoThere(link)
    there.show_place(("magnet_field", "T", 7e-3))
    assert [there.choice.itemText(k) for k in range(there.choice.count())] == ["magnet.field"]
    there.button.click()
    assert link.sent == []
    there.button.click()
    assert link.sent == [("magnet.field", 7e-3)]
    there.deleteLater()


# -- what is read back ------------------------------------------------------------------------------------

DESCRIPTION = {
    "instruments": {
        "magnet": {"role": "MagnetSupply", "driver": "d", "address": "a", "settable": {}, "methods": [],
                   "readings": {"measured_current": "A"}, "has_output": False, "detectors": []},
    },
    "actuators": {"magnet.field": FIELD},
}  # fmt: skip


def test_what_is_not_read_any_more_is_not_shown(link):
    view = BenchView(link)
    view.build(DESCRIPTION)
    figure = view.panels["magnet"].values["magnet.measured_current"]
    reading = {"magnet.measured_current": {"value": 2.0, "time": 1.0}}
    view.show_status({**status(current=2.0, field=5e-3), "readings": reading})
    assert figure.text() == "2 A"
    lost = {"magnet.measured_current": {"error": "magnet: no answer", "time": 2.0}}
    view.show_status({**status(current=2.0, field=5e-3), "readings": lost})
    assert figure.text() == "—"
    assert view.panels["magnet"].problem.text() == "magnet: no answer"
    view.show_status({**status(current=2.0, field=5e-3), "readings": reading})
    assert figure.text() == "2 A"
    view.forget()
    assert figure.text() == "—"
    assert not view.panels["magnet"].isEnabled()
    view.deleteLater()
