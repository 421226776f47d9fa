"""Interlocks: looked at before points, in ramps and in waits; they abort a run or hold it."""

import itertools
import math

import pytest

from labspin.bench import Interlock
from labspin.clock import SimulatedClock, WallClock
from labspin.data import read_run
from labspin.errors import InterlockError
from labspin.experiment import Control, Linear, Values, run
from tests.experiment.fakes import Magnet, Scan, assert_safe, fake_bench, kinds, scan
from tests.some import some


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "run.h5"


def test_an_interlock_that_trips_ends_the_run(path):
    bench = fake_bench(interlocks=[Interlock(quantity="magnet.measured_current", unit="A", maximum=0.7)])
    with pytest.raises(
        InterlockError, match=r"interlock magnet\.measured_current: wanted -inf to 0\.7 A, got"
    ):
        run(scan(), bench, path)
    assert_safe(bench)
    recorded = read_run(path)
    assert recorded.status == "failed"
    assert "interlock" in kinds(recorded)
    assert 0 < len(recorded.points) < 11


class Probe(Magnet):
    """A quantity that leaves its window for a minute."""

    @property
    def stray(self):
        return 2.0 if 3.0 < self.clock.now() < 63.0 else 0.5


class Alarm(Magnet):
    """A quantity that leaves its window for good 3 s after the first look, and how it was looked at."""

    def __init__(self, clock):
        super().__init__(clock)
        self.looks, self.first = [], math.inf

    @property
    def stray(self):
        self.first = min(self.first, self.clock.now())
        self.looks.append(2.0 if self.clock.now() > self.first + 3.0 else 0.5)
        return self.looks[-1]


def _with_probe(**interlock):
    bench = fake_bench(
        interlocks=[Interlock(quantity="probe.stray", unit="T", maximum=1.0, action="hold", **interlock)]
    )
    bench._instruments["probe"] = Probe(bench.clock)
    return bench


def test_an_interlock_may_hold_the_run_until_the_quantity_is_back(path):
    bench = _with_probe()
    assert run(scan(), bench, path).status == "finished"
    assert bench.clock.now() > 63.0
    assert [k for k in kinds(read_run(path)) if k in ("interlock", "continued")] == ["interlock", "continued"]


def test_an_interlock_that_holds_makes_the_point_be_measured_again(path):
    bench = _with_probe()
    tries = []

    class Slow(Scan):
        def plan(self):
            return Values("magnet.current", [0.5, 0.5, 0.5], unit="A")

        def measure(self, bench, point):
            tries.append((point.index, bench.clock.now()))
            bench.clock.sleep(1.5)
            bench.magnet._current -= 0.1  # whoever turned it meanwhile
            return super().measure(bench, point)

    assert run(Slow(), bench, path).status == "finished"
    assert [index for index, _ in tries] == [0, 1, 1, 2]
    assert tries[2][1] > 63.0 > 4.0 > tries[1][1]
    assert read_run(path).points.index.tolist() == [0, 1, 2]


def test_a_hold_in_a_ramp_stops_there_and_goes_on_from_the_read_back(path):
    class Quenching(Magnet):
        """Goes to zero by itself at 1 s, and says so for a while."""

        @property
        def stray(self):
            if self.clock.now() >= 1.0 and not self.quenched:
                self.quenched, self._current = True, 0.0
            return 2.0 if 1.0 <= self.clock.now() < 9.0 else 0.5

        quenched = False

    bench = fake_bench(interlocks=[Interlock(quantity="magnet.stray", unit="T", maximum=1.0, action="hold")])
    bench._instruments["magnet"].__class__ = Quenching

    class Far(Scan):
        def plan(self):
            return Values("magnet.current", [1.5], unit="A")

    assert run(Far(), bench, path).status == "finished"
    sent = bench.magnet.sent
    (gap,) = [n for n in range(1, len(sent)) if sent[n][0] - sent[n - 1][0] > 1.0]
    assert 0.9 <= sent[gap - 1][0] <= 2.1, "seen within a second"
    assert sent[gap][0] >= 9.0
    assert sent[gap][1] == pytest.approx(0.05, rel=1e-6, abs=0), (
        "from where it is, not from where the ramp was"
    )


def test_an_interlock_is_seen_in_a_ramp_and_the_magnet_comes_home_by_its_ramp(path):
    bench = fake_bench(interlocks=[Interlock(quantity="magnet.measured_current", unit="A", maximum=0.9)])

    class Far(Scan):
        def plan(self):
            return Values("magnet.current", [2.0], unit="A")

    with pytest.raises(InterlockError):
        run(Far(), bench, path)
    values = [value for _, value in bench.magnet.sent]
    assert 0.9 < max(values) <= 0.9 + 0.5 * 1.1, "within a second at 0.5 A/s"
    assert all(abs(b - a) <= 0.05 + 1e-9 for a, b in some(itertools.pairwise(values)))
    assert_safe(bench)
    assert len(read_run(path).points) == 0


@pytest.mark.parametrize("speed", [math.inf, 100.0])
def test_an_interlock_is_seen_in_a_wait_of_the_procedure(path, speed):
    bench = fake_bench(
        SimulatedClock(speed), interlocks=[Interlock(quantity="probe.stray", unit="T", maximum=1.0)]
    )
    bench._instruments["probe"] = probe = Alarm(bench.clock)

    class Waits(Scan):
        def plan(self):
            return Values("x", [1.0])

        def measure(self, bench, point):
            bench.clock.sleep(3600.0)

    with pytest.raises(InterlockError):
        run(Waits(), bench, path)
    outside = [value for value in probe.looks if value > 1.0]
    assert len(outside) == 1, "the first look that shows it ends the wait"
    assert len(probe.looks) > 1
    if math.isinf(speed):  # simulated time passes in waits only
        assert 3.0 < bench.clock.now() < 30.0
    assert_safe(bench)


def test_a_fast_scan_pays_nothing_for_interlocks_of_long_interval(path):
    looks = []

    class Counted(Magnet):
        @property
        def stray(self):
            looks.append(self.clock.now())
            return 0.5

    bench = fake_bench(interlocks=[Interlock(quantity="magnet.stray", unit="T", maximum=1.0, interval=60.0)])
    bench._instruments["magnet"].__class__ = Counted
    run(scan(), bench, path)
    assert 10 < bench.clock.now() < 60
    assert len(looks) == 1


def test_interlocks_are_looked_at_while_a_person_holds_the_run(path):
    bench = fake_bench(
        WallClock(), interlocks=[Interlock(quantity="probe.stray", unit="T", maximum=1.0, interval=0.1)]
    )
    bench._instruments["probe"] = probe = Probe(bench.clock)
    probe.__class__ = type("Warm", (Magnet,), {"stray": 0.5})
    control = Control()

    class Still(Scan):
        def plan(self):
            return Linear("x", 0, 1, 11)

    def pause(bench):
        control.pause()
        probe.__class__.stray = 2.0

    procedure = Still()
    procedure.do_at_point = {4: pause}
    with pytest.raises(InterlockError):
        run(procedure, bench, path, control=control)
    assert_safe(bench)
    assert len(read_run(path).points) == 5


def test_an_interlock_does_not_hold_for_ever(path):
    with pytest.raises(InterlockError):
        run(scan(), _with_probe(timeout=10.0), path)


@pytest.mark.parametrize(
    ("value", "allowed"),
    [(0.5, True), (1.0, True), (1.01, False), (-0.01, False), (math.nan, False), (math.inf, False)],
)
def test_what_is_no_number_in_the_window_is_not_allowed(value, allowed):
    assert Interlock(quantity="probe.stray", unit="T", minimum=0.0, maximum=1.0).allows(value) == allowed


def test_an_overflow_is_not_allowed_where_there_is_no_upper_end():
    assert not Interlock(quantity="probe.stray", unit="T", minimum=0.0).allows(math.inf)
    assert not Interlock(quantity="probe.stray", unit="T", maximum=0.0).allows(-math.inf)


class Dumb(Magnet):
    """A quantity that cannot be read."""

    @property
    def stray(self):
        raise OSError("no answer")


def test_a_quantity_that_cannot_be_read_ends_the_run(path):
    bench = fake_bench(interlocks=[Interlock(quantity="probe.stray", unit="T", maximum=1.0)])
    bench._instruments["probe"] = Dumb(bench.clock)
    with pytest.raises(InterlockError, match=r"probe\.stray: wanted -inf to 1 T, got nan"):
        run(scan(), bench, path)
    assert_safe(bench)


class Slower(Magnet):
    """A second quantity, which is back a minute later than the first."""

    @property
    def stray(self):
        return 2.0 if 3.0 < self.clock.now() < 123.0 else 0.5


def test_a_run_holds_until_every_quantity_is_back(path):
    window = {"unit": "T", "maximum": 1.0, "action": "hold"}
    bench = fake_bench(
        interlocks=[Interlock(quantity="probe.stray", **window), Interlock(quantity="other.stray", **window)]
    )
    bench._instruments |= {"probe": Probe(bench.clock), "other": Slower(bench.clock)}
    assert run(scan(), bench, path).status == "finished"
    told = [event for event in read_run(path).events if event.kind in ("interlock", "continued")]
    assert [event.kind for event in told] == ["interlock", "continued"], "one hold, not one after the other"
    assert bench.clock.now() > 123.0
