from __future__ import annotations

import pytest

from labspin.errors import ArgumentError, ConnectionFailedError, ReplyTimeoutError
from labspin.twin.adapter import SimulatedAdapter
from labspin.twin.devices import SG384, SR400, KepcoBOP
from tests.twin.lamp import PULSES, make_world


@pytest.fixture
def kepco():
    return KepcoBOP(make_world(), noise=0.0)


@pytest.fixture
def line(kepco):
    return SimulatedAdapter(kepco, timeout=1.0)


def ask(line, command="CURR?"):
    line.write(command)
    return line.read()


def test_the_third_query_from_now_is_not_answered(kepco, line):
    kepco.faults.add("silent", after=2)
    assert [float(ask(line)) for _ in range(2)] == [12.0, 12.0]
    line.write("CURR 3")
    before = kepco.world.clock.now()
    with pytest.raises(ReplyTimeoutError, match="KepcoBOP: wanted an answer within 1 s, got nothing"):
        ask(line)
    assert kepco.world.clock.now() == before + 1.0
    assert float(ask(line)) == pytest.approx(3.0, abs=4e-4)


def test_a_late_answer_comes_late_and_is_found_then(kepco, line):
    kepco.faults.add("late", value=0.5)
    assert float(ask(line)) == 12.0
    assert kepco.world.clock.now() == 0.5
    kepco.faults.add("late", value=5.0)
    with pytest.raises(ReplyTimeoutError):
        ask(line, "*IDN?")
    kepco.world.clock.sleep(10.0)
    assert ask(line).startswith("KEPCO")
    line.flush_read_buffer()
    assert float(ask(line)) == 12.0


def test_answers_never_overtake_each_other(kepco, line):
    kepco.faults.add("late", value=5.0)
    line.write("*IDN?")
    line.write("CURR?")
    kepco.world.clock.sleep(10.0)
    assert line.read().startswith("KEPCO")
    assert float(line.read()) == 12.0


def test_a_garbled_answer_has_its_length_and_other_bytes(kepco, line):
    kepco.receive(b"*IDN?\n")
    good = kepco.transmit()
    kepco.faults.add("garble")
    kepco.receive(b"*IDN?\n")
    garbled = kepco.transmit()
    assert len(garbled) == len(good)
    assert garbled != good


def test_a_cut_answer_has_no_end(kepco, line):
    kepco.faults.add("cut")
    with pytest.raises(ReplyTimeoutError, match=r"got only b'1\.2"):
        ask(line)
    assert float(ask(line)) == 12.0


def test_a_dropped_connection_stays_down_until_it_is_opened_again(kepco, line):
    kepco.faults.add("drop", matching="^curr 5")
    line.write("CURR 4")
    with pytest.raises(ConnectionFailedError, match="open it"):
        line.write("CURR 5")
    with pytest.raises(ConnectionFailedError):
        line.write("CURR?")
    with pytest.raises(ConnectionFailedError):
        line.read()
    again = SimulatedAdapter(kepco)
    assert float(ask(again)) == pytest.approx(4.0, abs=4e-4)


def test_another_instrument_may_stand_at_the_address(kepco, line):
    kepco.faults.add("identity", value="ACME,Toaster,1,0")
    assert ask(line, "*IDN?") == "ACME,Toaster,1,0"
    assert ask(line, "*IDN?") == "ACME,Toaster,1,0"


def test_a_supply_trips(kepco, line):
    line.write("*CLS;FUNC:MODE CURR;:CURR 5;:OUTP ON")
    kepco.world.clock.sleep(1.0)
    kepco.faults.add("trip", matching=r"MEAS:CURR\?")
    ask(line, "MEAS:CURR?")
    kepco.world.clock.sleep(1.0)
    assert ask(line, "OUTP?") == "0"
    assert kepco.world.level("magnet.current") == 0.0
    assert ask(line, "SYST:ERR?").startswith("-300")
    line.write("OUTP ON")
    kepco.world.clock.sleep(1.0)
    assert kepco.world.level("magnet.current") == pytest.approx(5.0, abs=4e-4)


def test_a_counter_is_overloaded():
    world = make_world(dead_time=50e-9)
    counter = SR400(world)
    line = SimulatedAdapter(counter)
    world.play(PULSES)
    counter.faults.add("overload", matching="CS")
    line.write("CI0,1;CI2,0;CP2,1E5;CS")
    world.clock.sleep(1.0)
    assert int(ask(line, "QA")) == pytest.approx(1e-2 / 50e-9, rel=0.01, abs=0)


def test_faults_by_probability_come_as_often_as_they_should_and_from_the_seed():
    def course(seed):
        device = SG384(make_world(seed=seed))
        device.faults.add("silent", probability=0.2, times=-1)
        struck = []
        for _ in range(1000):
            device.receive(b"FREQ?\n")
            struck.append(device.transmit() == b"")
        return struck

    assert course(1) == course(1)
    assert course(1) != course(2)
    assert sum(course(3)) == pytest.approx(200, abs=5 * 13)


def test_a_fault_strikes_as_often_as_told(kepco, line):
    kepco.faults.add("silent", times=2)
    for _ in range(2):
        with pytest.raises(ReplyTimeoutError):
            ask(line)
    assert float(ask(line)) == 12.0
    kepco.faults.add("silent", times=-1)
    for _ in range(5):
        with pytest.raises(ReplyTimeoutError):
            ask(line)
    kepco.faults.clear()
    assert float(ask(line)) == 12.0


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"kind": "fire"}, r"fault 'fire' is not known.*drop"),
        ({"kind": "drop", "probability": 0.0}, "probability of a fault"),
        ({"kind": "late", "value": -1.0}, "value of a late answer"),
        ({"kind": "identity", "value": 3.0}, "value of a wrong identity"),
        ({"kind": "drop", "matching": "("}, "is no pattern"),
    ],
)
def test_impossible_faults_are_refused(kepco, arguments, match):
    kind = arguments.pop("kind")
    with pytest.raises(ArgumentError, match=match):
        kepco.faults.add(kind, **arguments)


def test_an_instrument_without_output_cannot_trip():
    with pytest.raises(ArgumentError, match="nothing that trips"):
        SG384(make_world()).trip()
