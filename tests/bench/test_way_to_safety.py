"""The way to the safe state is gone to its end, in its order, and nothing interrupts it."""

import dataclasses
import itertools

import pytest

from labspin.bench import Bench, Settle
from labspin.bench.actuators import Actuator
from labspin.bench.safety import longest_way
from labspin.clock import SimulatedClock
from labspin.errors import LimitError, ReplyTimeoutError, RunAborted, SettleError, UnknownStateError
from labspin.station import guard, load_station
from tests.bench.killed_runs import LAB
from tests.experiment.fakes import MAGNET, Magnet, fake_bench
from tests.places import ROOT
from tests.some import some


class Lagging(Magnet):
    """A coil in which the current follows its set-point at 0.1 A/s."""

    def __init__(self, clock, current=0.0):
        super().__init__(clock, current)
        self._flows, self._seen = current, clock.now()

    @property
    def measured_current(self):
        most = 0.1 * (self.clock.now() - self._seen)
        self._seen = self.clock.now()
        self._flows += min(max(self._current - self._flows, -most), most)
        return self._flows


SETTLED = dataclasses.replace(MAGNET, settle=Settle(tolerance=0.01, timeout=60.0))


def test_the_safe_value_is_waited_for():
    clock = SimulatedClock()
    magnet = Lagging(clock, 1.0)
    assert Actuator(SETTLED, magnet, clock).make_safe()
    assert abs(magnet.measured_current) <= 0.01
    assert clock.now() > 5.0, "2 s of ramp, and the coil behind it"


def test_a_safe_value_that_is_not_reached_is_an_error():
    clock = SimulatedClock()
    magnet = Magnet(clock, 1.0)
    magnet.reading = 1.0
    with pytest.raises(SettleError, match="did not settle at 0 A"):
        Actuator(SETTLED, magnet, clock).make_safe()


def test_an_abort_is_honoured_while_settling():
    clock = SimulatedClock()
    magnet = Magnet(clock)
    magnet.reading = 0.0
    spec = dataclasses.replace(MAGNET, ramp_rate=None, settle=Settle(tolerance=0.01, timeout=3600.0))
    seen = []

    def checkpoint():
        seen.append(clock.now())
        if len(seen) > 5:
            raise RunAborted("enough")

    with pytest.raises(RunAborted):
        Actuator(spec, magnet, clock).move(1.0, checkpoint=checkpoint)
    assert clock.now() < 10.0


@pytest.mark.parametrize("steps", [1.5, 3.0, 9.0])
def test_a_device_outside_its_limits_by_more_than_a_step_is_not_moved(steps):
    clock = SimulatedClock()
    magnet = Magnet(clock, MAGNET.maximum + steps * MAGNET.largest_step)
    with pytest.raises(LimitError, match="outside its limits"):
        Actuator(MAGNET, magnet, clock).move(0.0)
    assert magnet.sent == []


def test_a_device_outside_by_less_than_a_step_comes_back_by_the_limit():
    clock = SimulatedClock()
    magnet = Magnet(clock, MAGNET.maximum + 0.5 * MAGNET.largest_step)
    Actuator(MAGNET, magnet, clock).move(1.9)
    assert magnet.sent[0][1] == MAGNET.maximum
    assert magnet.current == 1.9


class FallsMute(Magnet):
    """Obeys, but from the tenth set-point on it answers nothing any more."""

    @property
    def current(self):
        return self._current

    @current.setter
    def current(self, value):
        self.sent.append((self.clock.now(), value))
        self._current = value
        if len(self.sent) >= 10:
            self.reading = OSError("no answer")
            raise ReplyTimeoutError("no answer")


@pytest.mark.parametrize("target", [1.5, -1.5])
def test_one_that_falls_mute_in_a_ramp_comes_home_without_a_jump(target):
    clock = SimulatedClock()
    magnet = FallsMute(clock)
    bench = Bench(name="b", clock=clock, instruments={"magnet": magnet}, actuators=[MAGNET])
    with pytest.raises(ReplyTimeoutError):
        bench.actuator("magnet.current").move(target)
    bench.safe()
    values = [0.0, *(value for _, value in magnet.sent)]
    assert values[-1] == 0.0
    assert max(abs(b - a) for a, b in itertools.pairwise(values)) <= MAGNET.largest_step * (1 + 1e-9)
    times = [when for when, _ in magnet.sent]
    assert min(b - a for a, b in itertools.pairwise(times)) >= MAGNET.ramp_interval * (1 - 1e-9)


def test_what_has_just_not_answered_is_not_asked_again_at_once():
    """Every question waits for the time limit of the wire, and the way to safety is short."""
    asked = []

    class Mute(Magnet):
        @property
        def measured_current(self):
            asked.append(self.clock.now())
            raise ReplyTimeoutError("no answer")

    clock = SimulatedClock()
    actuator = Actuator(MAGNET, Mute(clock), clock)
    for words in ("cannot be read|could not be read", "just now, so it is not asked"):
        with pytest.raises(UnknownStateError, match=words):
            actuator.make_safe()
    assert len(asked) == 1
    clock.sleep(60.0)
    with pytest.raises(UnknownStateError):
        actuator.make_safe()
    assert len(asked) == 2, "later it may have come back"


def test_the_longest_way_home_is_that_of_what_has_a_safe_value():
    """From limit to limit and half as long again, twice, since what fails is tried once more."""
    ways = []
    for safe, calibration in ((0.0, None), (None, None), (0.0, MAGNET.calibration)):
        bench = Bench(
            name="b", clock=SimulatedClock(), instruments={"magnet": Magnet(SimulatedClock())},
            actuators=[dataclasses.replace(MAGNET, safe=safe, calibration=calibration)],
        )  # fmt: skip
        ways.append(longest_way(bench))
    ramp = (MAGNET.maximum - MAGNET.minimum) / MAGNET.ramp_rate
    assert ways[0] - ways[1] == pytest.approx(3 * ramp, rel=1e-9, abs=0)
    assert ways[2] == ways[0], "a calibration is a second name, no second way"


def test_a_step_that_failed_is_not_taken_for_made():
    """The last step home is not answered: told to be off is not off, as long as nobody can read it."""
    clock = SimulatedClock()
    step = MAGNET.largest_step
    magnet = FallsMute(clock, 10 * step)
    actuator = Actuator(MAGNET, magnet, clock)
    with pytest.raises(ReplyTimeoutError):
        actuator.move(0.0)
    assert [value for _, value in magnet.sent[-2:]] == pytest.approx([step, 0.0], rel=1e-9, abs=0)
    assert actuator.last_sent == magnet.sent[-2][1]
    assert not actuator.is_home()


def test_neither_an_abort_nor_an_interlock_interrupts_the_way_to_safety():
    bench = fake_bench()
    bench.magnet.current = 1.0

    def abort():
        raise RunAborted("now")

    with bench.clock.interrupted_by(abort, due=bench.clock.now):
        actions = bench.safe()
    assert all(action.ok for action in some(actions))
    assert bench.magnet.current == 0.0
    assert bench.magnet.safe_calls == 1


def test_the_order_of_the_station_file_is_kept_by_bench_and_watchdog():
    station = load_station(LAB)
    names = sorted(spec.name for spec in station.instruments)
    assert list(station.safe_order) != names, "or this shows nothing"
    assert guard.Guard(station, names)._names == list(station.safe_order)
    with load_station(ROOT / "instruments" / "levitated-diamond.toml").connect() as bench:
        order = list(bench.safe_order)
        assert order == ["pulses", "microwave", "magnet", "counter"]
        assert list(dict.fromkeys(action.instrument for action in bench.safe())) == order
