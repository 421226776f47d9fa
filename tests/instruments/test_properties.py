"""The kinds of properties: what each refuses, sends, reads and asks afterwards."""

import pytest

from labspin.errors import LimitError, ReplyError
from labspin.instruments import (
    LabspinInstrument,
    choice,
    entry,
    quantities,
    quantity,
    switch,
    whole_number,
)
from labspin.instruments.limits import each_limited
from labspin.instruments.refusals import ErrorQueue, StandardEvents
from tests.instruments.wires import Wire


class Box(LabspinInstrument):
    """An instrument with one property of each kind."""

    level: float = quantity(
        "LEV?",
        "LEV %.2f",
        "Control the level (V, float from -1 to 1).",
        name="level",
        unit="V",
        limits=(-1, 1),
    )
    count: int = whole_number(
        "CNT?", "CNT %d", "Control the count (dimensionless, int to 9).", name="count", limits=(1, 9)
    )
    on: bool = switch(
        "ON?", "ON %d", "Control whether it is on (dimensionless, bool).", name="on", checked=False
    )
    mode: str = choice(
        "MODE?", "MODE %s", "Control the mode (dimensionless, str).", name="mode",
        words={"slow": "SL", "fast": "FA"}, aliases={"QUICK": "fast"},
    )  # fmt: skip
    range: float = entry(
        "RNG?", "RNG %d", "Control the range (V, float).", name="range", unit="V", values=(1.0, 0.3, 0.1)
    )
    gains: tuple[float, float] = quantities(
        "GAIN?",
        "GAIN %g,%g",
        "Control gains (dimensionless, floats).",
        name="gains",
        limits=((0, 1), (0, 9)),
    )
    checks = 0

    def check_set_errors(self):
        self.checks += 1
        return []


def box(**answers):
    return Box(Wire(answers.get))


@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [
        ("level", -0.126, "LEV -0.13"),
        ("count", 9, "CNT 9"),
        ("count", 3.0, "CNT 3"),
        ("mode", "fast", "MODE FA"),
        ("range", 0.3 * (1 + 1e-9), "RNG 1"),
        ("gains", (0.5, 9), "GAIN 0.5,9"),
    ],
)
def test_a_value_is_written_and_asked_after(name, value, sent):
    device = box()
    setattr(device, name, value)
    assert device.adapter.sent == [sent]
    assert device.checks == 1


def test_an_instrument_that_keeps_quiet_is_not_asked():
    device = box()
    device.on = True
    assert device.adapter.sent == ["ON 1"]
    assert device.checks == 0


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("level", 1.001, r"level: wanted -1 V to 1 V, got 1.001; nothing was sent"),
        ("level", True, "level: wanted"),
        ("count", 2.5, r"count: wanted a whole number, got 2.5; nothing was sent"),
        ("count", 10, "count: wanted 1 to 9, got 10"),
        ("count", True, "count: wanted"),
        ("on", 1, "on: wanted one of True, False, got 1"),
        ("mode", "FA", "mode: wanted one of 'slow', 'fast', got 'FA'"),
        ("range", 0.2, r"range: wanted one of the instrument's values, got 0.2; take .*100 mV or .*300 mV"),
        ("range", 2.0, "range: wanted"),
        ("gains", (0.5,), r"gains: wanted 2 numbers, got \(0.5,\)"),
        ("gains", (2.0, 1.0), "gains: wanted 0 to 1, got 2.0"),
    ],
)
def test_a_value_that_cannot_be_is_refused_and_nothing_is_sent(name, value, match):
    device = box()
    with pytest.raises(LimitError, match=match):
        setattr(device, name, value)
    assert device.adapter.sent == []


@pytest.mark.parametrize(
    ("name", "query", "reply", "value"),
    [
        ("level", "LEV?", "-1.5E-1", -0.15),
        ("count", "CNT?", "+3.000", 3),
        ("on", "ON?", " 1", True),
        ("mode", "MODE?", "SL", "slow"),
        ("mode", "MODE?", "QUICK", "fast"),
        ("range", "RNG?", "2", 0.1),
        ("range", "RNG?", "+1.0E0", 0.3),
        ("gains", "GAIN?", "0.5,3", (0.5, 3.0)),
    ],
)
def test_an_answer_is_read(name, query, reply, value):
    found = getattr(box(**{query: reply}), name)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "query", "reply"),
    [
        ("count", "CNT?", "2.5"),
        ("on", "ON?", "2"),
        ("mode", "MODE?", "XX"),
        ("range", "RNG?", "3"),
        ("range", "RNG?", "0.5"),
    ],
)
def test_an_answer_that_cannot_be_is_an_error(name, query, reply):
    with pytest.raises(ReplyError, match=rf"got '{reply}'"):
        getattr(box(**{query: reply}), name)


def test_what_forgets_when_read_is_asked_once():
    class Queue(ErrorQueue, LabspinInstrument):
        error_query = "LERR?"

    assert "LERR?" in Queue.asked_once
    assert "LERR?" not in ErrorQueue.asked_once
    assert "*ESR?" in StandardEvents.asked_once


@pytest.mark.parametrize("value", [(1.0,), (1.0, 2.0, 3.0), 1.0, "12"])
def test_a_setting_of_several_values_is_sent_whole_or_not_at_all(value):
    limits = [(0.0, 5.0), (0.0, 5.0)]
    assert each_limited("set-points")((1.0, 2.0), limits) == (1.0, 2.0)
    with pytest.raises(LimitError, match=r"set-points: wanted 2 numbers, got .*; nothing was sent"):
        each_limited("set-points")(value, limits)
