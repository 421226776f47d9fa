import logging
import os
import signal
import threading
import time
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st

from labspin.clock import WallClock
from labspin.data import read_run
from labspin.errors import (
    RunAborted,
)
from labspin.experiment import Control, Linear, Product, Progress, Values, run
from tests.experiment.fakes import Magnet, Scan, assert_safe, fake_bench, kinds, scan
from tests.places import PATIENCE
from tests.some import some


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "run.h5"


# -- signals and control ------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_run_safely(path, number):
    before = signal.getsignal(number)
    bench = fake_bench()
    outcome = run(scan(do_at_point={5: lambda bench: os.kill(os.getpid(), number)}), bench, path)
    assert outcome.status == "aborted"
    assert signal.Signals(number).name in outcome.message
    assert_safe(bench)
    recorded = read_run(path)
    assert recorded.status == "aborted"
    assert 5 in recorded.points.index, "the point under way was finished and kept"
    assert signal.getsignal(number) is before


def test_a_second_ctrl_c_breaks_into_a_measurement_and_a_third_does_not_skip_the_safe_state(path):
    bench = fake_bench()
    magnet = bench.raw("magnet", reason="a test")
    magnet_safe = magnet.safe

    def three(bench):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("the second one must have come through")

    def safe():
        os.kill(os.getpid(), signal.SIGINT)
        magnet_safe()

    magnet.safe = safe
    with pytest.raises(KeyboardInterrupt):
        run(scan(do_at_point={5: three}), bench, path)
    assert_safe(bench)
    assert read_run(path).status == "aborted"


def test_a_signal_in_another_thread_is_not_ours(path):
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(run(scan(), fake_bench(), path)))
    thread.start()
    thread.join()
    assert outcomes[0].status == "finished"


def test_an_abort_comes_through_a_long_wait(path):
    control = Control()
    bench = fake_bench(clock=WallClock())
    begin = time.monotonic()

    def wait(bench):
        threading.Timer(0.1, control.abort, ["enough"]).start()
        bench.clock.sleep(10 * PATIENCE)

    class Still(Scan):
        def plan(self):
            return Linear("x", 0, 1, 11)

    procedure = Still()
    procedure.do_at_point = {2: wait}
    outcome = run(procedure, bench, path, control=control)
    assert outcome.status == "aborted"
    assert outcome.points == 2
    assert "enough" in outcome.message
    assert time.monotonic() - begin < PATIENCE


def test_an_abort_in_a_ramp_stops_there_and_ramps_to_safety(path):
    control, bench = Control(), fake_bench()
    send = Magnet.current.fset

    def slow(self, value):
        send(self, value)
        if value > 0.6:
            control.abort("far enough")

    Magnet.current = property(Magnet.current.fget, slow)
    try:
        outcome = run(scan(seed=2), bench, path, control=control)
    finally:
        Magnet.current = property(Magnet.current.fget, send)
    assert outcome.status == "aborted"
    values = [value for _, value in bench.magnet.sent]
    top = values.index(max(values))
    assert values[top] < 0.66
    assert all(b < a for a, b in some(zip(values[top:], values[top + 1 :], strict=False)))
    assert_safe(bench)


def test_pause_holds_between_points_and_forgets_what_stood(path):
    control, bench = Control(), fake_bench()
    seen = []

    def pause(bench):
        control.pause()

        def later():
            seen.append(control.is_paused)
            bench.magnet.current = 0.0  # somebody turns the knob
            control.resume()

        threading.Timer(0.3, later).start()

    class Steady(Scan):
        def plan(self):
            return Product(Values("magnet.current", [0.5], unit="A"), Linear("x", 0, 1, 11))

    procedure = Steady()
    procedure.do_at_point = {4: pause}
    outcome = run(procedure, bench, path, control=control)
    assert (outcome.status, outcome.points, seen) == ("finished", 11, [True])
    recorded = read_run(path)
    assert [kind for kind in kinds(recorded) if kind in ("pause", "continued")] == ["pause", "continued"]
    assert recorded.data["reading"].ravel() == pytest.approx([0.5] * 11, rel=1e-6, abs=0)


def test_an_abort_ends_a_pause(path):
    control = Control()

    def pause(bench):
        control.pause()
        threading.Timer(0.1, control.abort).start()

    outcome = run(scan(do_at_point={4: pause}), fake_bench(), path, control=control)
    assert outcome.status == "aborted"


def test_skip_leaves_one_point_out(path):
    control = Control()
    outcome = run(scan(do_at_point={4: lambda bench: control.skip()}), fake_bench(), path, control=control)
    recorded = read_run(path)
    assert (outcome.status, outcome.points) == ("finished", 10)
    assert np.flatnonzero(np.isnan(recorded.data["reading"])).tolist() == [4]
    assert kinds(recorded).count("skip") == 1


def test_a_control_that_was_aborted_before_the_start_measures_nothing(path):
    control, bench = Control(), fake_bench()
    control.abort("changed my mind")
    outcome = run(scan(), bench, path, control=control)
    assert (outcome.status, outcome.points) == ("aborted", 0)
    assert_safe(bench)
    with pytest.raises(RunAborted, match="changed my mind"):
        control.check()


# -- simulation, log ----------------------------------------------------------------------------------------


class Simulation:
    seed = 3
    is_fresh = False

    def __init__(self):
        self.begun = []

    def begin_point(self, index):
        self.begun.append(index)

    def restore(self, time):
        raise AssertionError("only a resumed run restores")

    truth_units: ClassVar = {"T1": "s"}

    def truth(self):
        return {"T1": 1e-3}


def test_the_noise_of_a_simulated_bench_is_tied_to_the_points(path):
    simulation = Simulation()
    run(scan(seed=1), fake_bench(simulation=simulation), path)
    recorded = read_run(path)
    begun = simulation.begun[1:]  # before it: the noise of settings and preparation
    offset = begun[0] - recorded.points.index[0]
    assert [number - offset for number in begun] == recorded.points.index.tolist()
    assert simulation.begun[0] not in begun
    again, other = Simulation(), Simulation()
    run(scan(seed=1), fake_bench(simulation=again), path.with_name("again.h5"))
    run(scan(seed=1), fake_bench(simulation=other), path.with_name("other.h5"), label="other")
    assert again.begun == simulation.begun
    assert not set(other.begun) & set(simulation.begun)
    assert recorded.header.truth == {"T1": 1e-3}


def test_what_is_logged_goes_into_the_file(path):
    def speak(bench):
        logging.getLogger("labspin.instruments.something").info("range changed to %d", 5)

    level = logging.getLogger("labspin").level
    run(scan(do_at_point={2: speak}), fake_bench(), path)
    logged = [event for event in read_run(path).events if event.kind == "log"]
    assert [(event.message, event.data["level"]) for event in logged] == [("range changed to 5", "INFO")]
    assert logging.getLogger("labspin").level == level


def test_progress_tells_how_long_it_will_take(path):
    reports = []
    progress = Progress(lambda p: reports.append((p.done, p.total, p.eta)), interval=0.0)
    run(scan(), fake_bench(), path, observers=[progress])
    assert reports[-1][:2] == (11, 11)
    assert reports[0][2] is not None
    assert reports[0][2] >= 0
    assert Progress().eta is None


def test_the_time_that_is_left_is_that_of_the_points_that_are_left(monkeypatch):
    """Four of ten points took 8 s: the other six will take 12 s."""
    now = [100.0]
    monkeypatch.setattr("labspin.experiment.control.time.monotonic", lambda: now[0])
    progress = Progress(interval=0.0)
    progress.on_start(None, 10)
    for done in range(1, 5):
        now[0] += 2.0
        progress.on_point(done - 1, (), done, 10)
    assert progress.eta == pytest.approx(12.0, rel=1e-9, abs=0)


def test_the_time_that_is_left_counts_from_the_start_and_is_told(monkeypatch):
    """The way to the first point is no small part: three of six points took 30 s, so three take as long."""
    now, told = [100.0], []
    monkeypatch.setattr("labspin.experiment.control.time.monotonic", lambda: now[0])
    progress = Progress(lambda it: told.append((it.done, it.eta)), interval=0.0)
    progress.on_start(None, 6)
    assert progress.eta is None, "no point is no rate"
    for done, seconds in ((1, 26.0), (2, 2.0), (3, 2.0)):
        now[0] += seconds
        progress.on_point(done - 1, (), done, 6)
    assert told[-1] == (3, pytest.approx(30.0, rel=1e-9, abs=0))
    assert [done for done, _ in told] == [1, 2, 3]
    adaptive = Progress(interval=0.0)
    adaptive.on_start(None, None)
    for done in (1, 2):
        now[0] += 1.0
        adaptive.on_point(done - 1, (), done, None)
        adaptive.on_point(done - 1, (), done, None)
    assert adaptive.eta is None, "it has no end that is known"
    held = Progress(interval=0.0)
    held.on_start(None, 6)
    held.on_point(0, (), 0, 6)
    assert held.eta is None, "nothing was measured yet: there is no rate"


# -- property: whatever the plan, the magnet is treated well -------------------------------------------------


@given(
    values=st.lists(st.floats(-2.0, 2.0), min_size=1, max_size=8),
    fail=st.integers(0, 120),
    start=st.floats(-2.0, 2.0),
)
@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_run_takes_the_magnet_out_of_limits_or_faster_than_its_ramp(tmp_path_factory, values, fail, start):
    bench = fake_bench()
    magnet = bench.magnet
    magnet._current = start

    class Anywhere(Scan):
        def plan(self):
            return Values("magnet.current", values, unit="A")

        def measure(self, bench, point):
            if len(magnet.sent) > fail:
                raise ValueError("stop here")
            return super().measure(bench, point)

    try:
        outcome = run(Anywhere(), bench, tmp_path_factory.mktemp("run") / "run.h5")
    except ValueError:
        assert len(magnet.sent) > fail
    else:
        assert outcome.points == len(values)
    assert magnet.current == 0.0
    before, value = 0.0, start
    for moment, new in some(magnet.sent):
        assert -2.0 <= new <= 2.0
        assert abs(new - value) <= 0.5 * (moment - before) * (1 + 1e-9) + 1e-12
        before, value = moment, new


def test_an_abort_is_still_asked_for_after_a_skip_was_taken():
    control = Control()
    control.abort("enough")
    control.skip()
    assert control.take_skip()
    assert control.requested
    with pytest.raises(RunAborted, match="enough"):
        control.check()
    control = Control()
    control.skip()
    assert control.take_skip()
    assert not control.requested
