import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from labspin.bench import Actuator, ActuatorSpec, Calibration, Settle
from labspin.clock import SimulatedClock
from labspin.errors import ArgumentError, LimitError, RunAborted, SettleError, UnknownStateError
from tests.experiment.fakes import FREQUENCY, MAGNET, Magnet, fake_bench
from tests.some import some

inside = st.floats(MAGNET.minimum, MAGNET.maximum)


def _keeps_rate(sent, rate, start):
    before, value = 0.0, start
    for time, new in sent:
        assert abs(new - value) <= rate * (time - before) * (1 + 1e-9) + 1e-12
        before, value = time, new


@given(
    start=inside,
    targets=st.lists(inside, min_size=1, max_size=6),
    rate=st.floats(0.01, 10),
    interval=st.floats(0.05, 1),
)
def test_no_set_point_leaves_limits_or_exceeds_the_ramp_rate(start, targets, rate, interval):
    clock = SimulatedClock()
    magnet = Magnet(clock, start)
    spec = dataclasses.replace(MAGNET, ramp_rate=rate, ramp_interval=interval)
    actuator = Actuator(spec, magnet, clock)
    for target in some(targets):
        actuator.move(target)
        assert magnet.current == target
    actuator.make_safe()
    assert magnet.current == spec.safe
    values = [start, *(value for _, value in magnet.sent)]
    assert all(spec.minimum <= value <= spec.maximum for value in values)
    assert all(abs(b - a) <= rate * interval * (1 + 1e-9) for a, b in itertools.pairwise(values))
    _keeps_rate(magnet.sent, rate, start)


@given(value=st.one_of(st.floats(max_value=-2.0001), st.floats(min_value=2.0001), st.just(math.nan)))
def test_what_is_outside_the_limits_is_refused_before_anything_is_sent(value):
    clock = SimulatedClock()
    magnet = Magnet(clock)
    with pytest.raises(LimitError, match=r"magnet.current: wanted -2 A to 2 A, got"):
        Actuator(MAGNET, magnet, clock).move(value)
    assert magnet.sent == []


def test_arrays_are_checked_at_once():
    actuator = Actuator(FREQUENCY, None, SimulatedClock())
    actuator.check([2e9, 3e9, 4e9])
    with pytest.raises(LimitError, match=r"got 4\.1 GHz"):
        actuator.check([[2e9, 3e9], [4.1e9, 2e9]])


@pytest.mark.parametrize(
    "reading",
    [math.nan, math.inf, "OVERLOAD", None.__class__, True, OSError("gone")],
    ids=["nan", "inf", "text", "type", "true", "error"],
)
def test_a_ramp_never_starts_from_an_unknown_state(reading):
    clock = SimulatedClock()
    magnet = Magnet(clock)
    magnet.reading = reading
    with pytest.raises(
        UnknownStateError, match=r"magnet.current: cannot be read back \(magnet.measured_current\)"
    ):
        Actuator(MAGNET, magnet, clock).move(1.0)
    assert magnet.sent == []


def test_a_ramp_starts_where_the_device_is_and_not_where_it_was_told_to_be():
    clock = SimulatedClock()
    magnet = Magnet(clock, current=0.0)
    magnet.reading = 1.0
    Actuator(MAGNET, magnet, clock).move(1.1)
    assert [value for _, value in magnet.sent] == pytest.approx([1.0, 1.05, 1.1], rel=1e-6, abs=0)


def test_a_device_found_outside_its_limits_moves_only_to_safety():
    clock = SimulatedClock()
    magnet = Magnet(clock, current=3.0)
    actuator = Actuator(MAGNET, magnet, clock)
    with pytest.raises(LimitError, match="reads 3 A, outside its limits"):
        actuator.move(1.0)
    assert magnet.sent == []
    actuator.make_safe()
    assert magnet.current == 0.0
    _keeps_rate(magnet.sent, MAGNET.ramp_rate, 3.0)


def test_an_abort_stops_a_ramp_where_it_is():
    clock = SimulatedClock()
    magnet = Magnet(clock)
    steps = 0

    def checkpoint():
        nonlocal steps
        steps += 1
        if steps > 5:
            raise RunAborted("enough")

    with pytest.raises(RunAborted):
        Actuator(MAGNET, magnet, clock).move(2.0, checkpoint=checkpoint)
    assert magnet.current == pytest.approx(0.25, rel=1e-6, abs=0)


def test_a_calibrated_quantity_moves_the_raw_one_within_the_same_limits():
    bench = fake_bench()
    field = bench.actuator("magnet.field")
    assert (field.minimum, field.maximum, field.unit) == (
        pytest.approx(-0.019, rel=1e-6, abs=0),
        pytest.approx(0.021, rel=1e-6, abs=0),
        "T",
    )
    field.move(0.011)
    assert bench.magnet.current == pytest.approx(1.0, rel=1e-6, abs=0)
    assert field.read() == pytest.approx(0.011, rel=1e-6, abs=0)
    with pytest.raises(LimitError, match=r"magnet\.field"):
        field.move(0.022)


@given(slope=st.floats(1e-6, 1e6), offset=st.floats(-1e3, 1e3), sign=st.sampled_from([-1, 1]))
def test_the_calibrated_limits_themselves_can_be_set(slope, offset, sign):
    clock = SimulatedClock()
    magnet = Magnet(clock)
    calibration = Calibration(name="field", unit="T", slope=sign * slope, offset=offset)
    spec = dataclasses.replace(MAGNET, calibration=calibration, ramp_rate=1.0)
    actuator = Actuator(spec, magnet, clock, calibrated=True)
    for value in (actuator.minimum, actuator.maximum):
        actuator.move(value)
        assert spec.minimum <= magnet.current <= spec.maximum


@pytest.mark.parametrize(("slope", "offset"), [(10.0, 0.0), (1.0, 0.2)])
def test_a_calibrated_limit_is_kept_to_rounding(slope, offset):
    """0.07 A are 0.7000000000000001 G: 0.7 G is the limit, and no set-point below it."""
    spec = dataclasses.replace(
        MAGNET, minimum=0.07, safe=None, ramp_rate=None, settle=Settle(),
        calibration=Calibration(name="field", unit="T", slope=slope, offset=offset),
    )  # fmt: skip
    actuator = Actuator(spec, Magnet(SimulatedClock()), SimulatedClock(), calibrated=True)
    limit = {10.0: 0.7, 1.0: 0.27}[slope]
    actuator.check(limit * (1 - 3e-16))
    with pytest.raises(LimitError):
        actuator.check(limit * (1 - 1e-6))


def test_settling_waits_for_the_read_back():
    clock = SimulatedClock()

    class Slow(Magnet):
        @property
        def measured_current(self):
            return self._current * (1 - math.exp(-self.clock.now() / 5.0)) if self.clock.now() else 0.0

    spec = dataclasses.replace(
        MAGNET, ramp_rate=None, settle=Settle(wait=1.0, tolerance=0.01, timeout=60.0, poll=0.5)
    )
    Actuator(spec, Slow(clock), clock).move(1.0)
    assert clock.now() == pytest.approx(5 * math.log(100), abs=0.5)


class Swinging(Magnet):
    """A loop that overshoots: it comes to its set-point and leaves it again, by a smaller swing each time."""

    @staticmethod
    def swing(time):
        return 1.0 - math.exp(-time / 20.0) * math.cos(2 * math.pi * time / 8.0)

    @property
    def measured_current(self):
        return self.swing(self.clock.now())


def test_what_has_to_stay_is_not_settled_by_passing_through():
    clock = SimulatedClock()
    rule = Settle(tolerance=0.05, stable_for=12.0, timeout=200.0, poll=0.25)
    spec = dataclasses.replace(MAGNET, ramp_rate=None, settle=rule)
    actuator = Actuator(spec, Swinging(clock), clock)
    actuator.move(1.0)
    outside = [time for time in np.arange(0.0, 200.0, 0.25) if abs(Swinging.swing(time) - 1.0) > 0.05]
    assert clock.now() == pytest.approx(max(outside) + 0.25 + 12.0, rel=1e-9, abs=0)
    assert actuator.ramp_time(0.0, 1.0) == 12.0


def test_the_way_to_safety_does_not_wait_for_it_to_stay():
    clock = SimulatedClock()
    magnet = Magnet(clock, current=1.0)
    rule = Settle(tolerance=0.05, stable_for=100.0, timeout=200.0)
    Actuator(dataclasses.replace(MAGNET, settle=rule), magnet, clock).make_safe()
    assert magnet.current == 0.0
    assert clock.now() < 100.0


def test_what_comes_and_does_not_stay_is_an_error():
    clock = SimulatedClock()
    rule = Settle(tolerance=0.01, stable_for=5.0, timeout=20.0)
    spec = dataclasses.replace(MAGNET, ramp_rate=None, settle=rule)
    with pytest.raises(SettleError, match=r"wanted within 10 mA for 5 s on end; check the instrument"):
        Actuator(spec, Swinging(clock), clock).move(1.0)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"stable_for": 5.0}, "wanted a tolerance to stay within for 5 s, got none"),
        ({"stable_for": -1.0, "tolerance": 1.0}, "stable_for: wanted a finite number"),
        ({"stable_for": 60.0, "tolerance": 1.0}, r"the timeout \(60 s\), got 60 s"),
        ({"stable_for": 0.05, "tolerance": 1.0}, r"between two looks \(0.1 s\)"),
    ],
)
def test_a_time_to_stay_that_cannot_be_kept_is_refused(rule, text):
    with pytest.raises(ArgumentError, match=text):
        Settle(**rule)


def test_what_does_not_settle_is_an_error():
    clock = SimulatedClock()
    magnet = Magnet(clock)
    magnet.reading = 0.0
    spec = dataclasses.replace(MAGNET, ramp_rate=None, settle=Settle(tolerance=0.01, timeout=3.0))
    with pytest.raises(SettleError, match=r"magnet.current: did not settle at 1 A within 3 s: reads 0 A"):
        Actuator(spec, magnet, clock).move(1.0)
    assert clock.now() >= 3.0


def test_ramp_time_is_what_the_ramp_takes():
    clock = SimulatedClock()
    magnet = Magnet(clock)
    spec = dataclasses.replace(MAGNET, settle=Settle(wait=2.0))
    actuator = Actuator(spec, magnet, clock, calibrated=True)
    begin = actuator.read()
    actuator.move(0.02)
    assert clock.now() == pytest.approx(actuator.ramp_time(begin, 0.02), rel=1e-6, abs=0)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"minimum": 3.0}, "wanted minimum < maximum"),
        ({"maximum": math.nan}, "maximum: wanted a finite number"),
        ({"ramp_rate": 0.0}, "ramp_rate: wanted a finite number > 0"),
        ({"ramp_interval": -1.0}, "ramp_interval"),
        ({"minimum": 2.0}, "wanted minimum < maximum"),
        ({"minimum": -math.inf}, "minimum: wanted a finite number"),
        ({"safe": 2.001}, "wanted a safe value within -2 … 2 A, got 2.001"),
        ({"safe": -2.001}, "wanted a safe value within -2 … 2 A, got -2.001"),
        ({"safe": math.nan}, "wanted a safe value within"),
        ({"ramp_rate": 4.0 / (7 * 86400 + 60)}, "from limit to limit within a week"),
        ({"settle": Settle(tolerance=2.001)}, "at most half the range"),
    ],
)
def test_a_spec_that_contradicts_itself_is_refused(changes, text):
    with pytest.raises(ArgumentError, match=text):
        dataclasses.replace(MAGNET, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"safe": 2.0},
        {"safe": -2.0},
        {"safe": None},
        {"ramp_rate": 4.0 / (7 * 86400 - 60)},
        {"settle": Settle(tolerance=2.0)},
    ],
)
def test_what_lies_on_a_bound_is_inside(changes):
    spec = dataclasses.replace(MAGNET, **changes)
    assert all(getattr(spec, name) == value for name, value in some(changes.items()))


def test_calibration_and_settle_are_checked():
    with pytest.raises(ArgumentError, match="slope"):
        Calibration(name="field", unit="T", slope=0.0)
    with pytest.raises(ArgumentError, match="settle tolerance"):
        Settle(tolerance=0.0)
    with pytest.raises(ArgumentError, match="settle poll"):
        Settle(tolerance=0.1, poll=0.0)
    with pytest.raises(ArgumentError, match="no calibration"):
        Actuator(FREQUENCY, None, SimulatedClock(), calibrated=True)
    assert FREQUENCY.calibrated_name is None
    assert isinstance(MAGNET, ActuatorSpec)


def test_the_noise_of_the_read_back_is_not_put_on_the_output():
    clock = SimulatedClock()
    magnet = Magnet(clock, current=1.0)
    magnet.reading = 1.03  # within 1 % of the range: it follows its set-point
    spec = dataclasses.replace(MAGNET, ramp_rate=0.01)  # 1 mA a step
    Actuator(spec, magnet, clock).move(1.002)
    assert [value for _, value in magnet.sent] == pytest.approx([1.001, 1.002], rel=1e-6, abs=0)


@given(start=st.floats(2.0, 2.05), target=inside)
def test_a_ramp_from_a_little_outside_sends_nothing_outside(start, target):
    clock = SimulatedClock()
    magnet = Magnet(clock, current=start)
    Actuator(MAGNET, magnet, clock).move(target)
    assert all(MAGNET.minimum <= value <= MAGNET.maximum for _, value in some(magnet.sent))
    _keeps_rate(magnet.sent, MAGNET.ramp_rate, start)


def test_a_device_on_its_way_from_home_is_not_at_home():
    clock = SimulatedClock()
    magnet = Magnet(clock)
    actuator = Actuator(MAGNET, magnet, clock)
    assert actuator.is_home()
    actuator.move(1.0)
    magnet.reading = 0.02  # a slow coil: near home yet, and going on to 1 A
    assert not actuator.is_home()
    actuator.move(0.0)
    assert actuator.is_home()


def test_a_step_that_may_not_have_arrived_is_not_counted_on():
    clock = SimulatedClock()
    magnet = Magnet(clock)
    actuator = Actuator(MAGNET, magnet, clock)
    actuator.move(0.06)
    magnet.reading, magnet.fail_after = OSError("gone"), len(magnet.sent)
    with pytest.raises(OSError, match="cable pulled"):
        actuator._send(0.02)
    assert not actuator.is_home()


def test_a_first_step_that_may_not_have_arrived_is_not_counted_on_either():
    clock = SimulatedClock()
    magnet = Magnet(clock, current=0.08)
    actuator = Actuator(MAGNET, magnet, clock)
    magnet.fail_after = 0
    with pytest.raises(OSError, match="cable pulled"):
        actuator.make_safe()
    magnet.reading = OSError("gone")
    assert not actuator.is_home()


@pytest.mark.parametrize(("rate", "sound"), [(1e-30, False), (6e-6, False), (7e-6, True)])
def test_a_ramp_that_would_not_end_within_a_week_is_refused(rate, sound):
    assert MAGNET.maximum - MAGNET.minimum == 4.0  # 4 A a week are 6.6 µA/s
    if sound:
        dataclasses.replace(MAGNET, ramp_rate=rate)
        return
    with pytest.raises(ArgumentError, match="from limit to limit within a week"):
        dataclasses.replace(MAGNET, ramp_rate=rate)


@pytest.mark.parametrize(
    ("stands", "home"), [(0.049, True), (-0.049, True), (0.06, False), (-0.06, False), (0.4, False)]
)
def test_home_is_no_further_away_than_one_step(stands, home):
    """0.5 A/s in steps of 0.1 s: what is switched off then falls by 50 mA at most."""
    clock = SimulatedClock()
    assert Actuator(MAGNET, Magnet(clock, stands), clock).is_home() is home
