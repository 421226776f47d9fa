import logging
import math
import os
import signal
import threading
import time

import numpy as np
import pytest
from experiment_fakes import Magnet, fake_bench
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from labspin.clock import WallClock
from labspin.data import Column, RunWriter, read_run
from labspin.errors import (
    ArgumentError,
    InterlockError,
    LimitError,
    PlanError,
    RunAborted,
    StorageError,
    UnknownStateError,
)
from labspin.experiment import (
    Control,
    CountParameter,
    Interlock,
    Linear,
    Point,
    Procedure,
    Product,
    Progress,
    Shuffled,
    Values,
    run,
)


class Scan(Procedure):
    """Reads the magnet while moving it; fails where the test says."""

    quantities = (Column(name="reading", unit="A"), Column(name="double", unit="A"))
    seed = CountParameter("Seed", default=0)
    fail_at = None
    do_at_point: dict = {}  # noqa: RUF012

    def _fail(self, step):
        if self.fail_at == step:
            raise ValueError(f"broken in {step}")

    def settings(self):
        return {"microwave.frequency": 2.9e9}

    def plan(self):
        self._fail("plan")
        return Shuffled(Linear("magnet.current", 0.0, 1.0, 11, unit="A"), self.seed)

    def check(self, bench):
        self._fail("check")

    def prepare(self, bench):
        self._fail("prepare")

    def measure(self, bench, point):
        if point.index in self.do_at_point:
            self.do_at_point[point.index](bench)
        if point.index == 5:
            self._fail("measure")
        current = bench.magnet.measured_current
        return {"reading": current, "double": 2 * current}

    def finish(self, bench):
        self._fail("finish")


class Watcher:
    def __init__(self, fail_at=None):
        self.told, self.fail_at = [], fail_at

    def _tell(self, what, *arguments):
        self.told.append((what, arguments))
        if what == self.fail_at:
            raise ValueError("no display")

    def on_start(self, header, total):
        self._tell("on_start", header, total)

    def on_point(self, index, values, done, total):
        self._tell("on_point", index, tuple(values), done, total)

    def on_event(self, kind, message):
        self._tell("on_event", kind, message)

    def on_finish(self, outcome):
        self._tell("on_finish", outcome)

    def of(self, what):
        return [arguments for kind, arguments in self.told if kind == what]


def scan(**attributes):
    procedure = Scan(seed=attributes.pop("seed", 0))
    for name, value in attributes.items():
        setattr(procedure, name, value)
    return procedure


def assert_safe(bench):
    assert bench.magnet.current == 0.0
    assert bench.magnet.safe_calls == 1
    assert bench.microwave.safe_calls == 1


def kinds(recorded):
    return [event.kind for event in recorded.events]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "run.h5"


# -- the good case ---------------------------------------------------------------------------------------


def test_a_run_lands_on_its_grid_and_leaves_the_bench_safe(path):
    bench, watcher = fake_bench(), Watcher()
    outcome = run(scan(seed=4), bench, path, label="first", observers=[watcher])
    assert (outcome.status, outcome.points, outcome.is_safe, outcome.path) == ("finished", 11, True, path)
    assert_safe(bench)
    recorded = read_run(path)
    assert recorded.status == "finished"
    assert recorded.data["reading"] == pytest.approx(np.linspace(0, 1, 11))
    assert recorded.points.index.tolist() != list(range(11)), "measured in random order"
    assert (recorded.header.procedure, recorded.header.label, recorded.header.seed) == ("scan", "first", 4)
    assert recorded.header.parameters["seed"] == {"value": 4, "unit": "1"}
    assert recorded.header.plan == scan(seed=4).plan().to_dict()
    assert recorded.header.snapshot["instruments"]["magnet"]["identity"] == "fake magnet"
    assert recorded.snapshot_after["actuators"]["microwave.frequency"]["value"] == 2.9e9
    assert "numpy" in recorded.header.environment["packages"]
    assert [event.data["instrument"] for event in recorded.events if event.kind == "safe"] == [
        "magnet", "magnet", "microwave",
    ]  # fmt: skip
    assert watcher.of("on_start")[0][1] == 11
    assert [done for _, _, done, _ in watcher.of("on_point")] == list(range(1, 12))
    assert watcher.of("on_finish") == [(outcome,)]


def test_a_set_point_that_does_not_change_is_not_sent_again(path):
    bench = fake_bench()

    class Nested(Scan):
        def plan(self):
            return Product(
                Values("microwave.frequency", [2.8e9, 2.9e9], unit="Hz"), Linear("repeat_of_it", 0, 4, 5)
            )

        def settings(self):
            return {"magnet.current": 0.2}

    run(Nested(), bench, path)
    assert bench.microwave.sent == [2.8e9, 2.9e9]
    assert [value for _, value in bench.magnet.sent[:4]] == pytest.approx([0.05, 0.1, 0.15, 0.2])
    assert bench.magnet.sent[4][1] < 0.2, "the next set-point is on the way to safety"


def test_the_seed_of_the_run_replaces_that_of_the_procedure(path):
    run(scan(), fake_bench(), path, seed=9)
    assert read_run(path).header.plan["seed"] == 9


def test_arrays_complex_numbers_and_text_are_recorded(path):
    class Rich(Scan):
        quantities = (
            Column(name="trace", unit="V", shape=(3,)),
            Column(name="z", dtype="complex128"),
            Column(name="n", dtype="int64"),
            Column(name="word", dtype="str"),
        )

        def measure(self, bench, point):
            return {"word": "ok", "trace": np.arange(3.0), "z": 1j, "n": np.int64(point.index)}

    run(Rich(), fake_bench(), path)
    recorded = read_run(path)
    assert recorded.data["trace"].shape == (11, 3)
    assert recorded.data["n"].tolist() == list(range(11))
    assert set(recorded.data["word"]) == {"ok"}
    assert (recorded.data["z"] == 1j).all()


def test_an_adaptive_run_follows_its_readings(path):
    class Bisect(Scan):
        coordinates = (Column(name="magnet_current", unit="A", role="coordinate"),)

        def plan(self):
            low, high = 0.0, 2.0
            while high - low > 0.01:
                reading = yield Point(0, {"magnet.current": (low + high) / 2})
                low, high = (
                    (low, reading["reading"]) if reading["reading"] > 1.234 else (reading["reading"], high)
                )

    outcome = run(Bisect(), fake_bench(), path)
    recorded = read_run(path)
    assert outcome.points == 8
    assert recorded.data["magnet_current"][-1] == pytest.approx(1.234, abs=0.01)


def test_an_adaptive_plan_that_leaves_the_limits_moves_nothing_there(path):
    class Runaway(Scan):
        coordinates = (Column(name="magnet_current", unit="A", role="coordinate"),)

        def plan(self):
            for current in (0.5, 1.5, 2.5):
                yield Point(0, {"magnet.current": current})

    bench = fake_bench()
    with pytest.raises(LimitError, match=r"magnet\.current"):
        run(Runaway(), bench, path)
    assert max(value for _, value in bench.magnet.sent) == 1.5
    assert_safe(bench)
    assert read_run(path).status == "failed"
    assert len(read_run(path).points) == 2


# -- everything that can go wrong --------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["plan", "check", "prepare", "measure", "finish"])
def test_an_error_of_the_procedure_anywhere_leaves_the_bench_safe_and_the_file_readable(path, step):
    bench, watcher = fake_bench(), Watcher()
    with pytest.raises(ValueError, match=f"broken in {step}"):
        run(scan(fail_at=step), bench, path, observers=[watcher])
    assert_safe(bench)
    assert watcher.of("on_finish")[0][0].status == "failed"
    if step in ("plan", "check"):
        assert not path.exists()
        return
    recorded = read_run(path)
    assert recorded.status == "failed"
    error = next(event for event in recorded.events if event.kind == "error")
    assert f"broken in {step}" in error.message
    assert "Traceback" in error.data["traceback"]
    assert kinds(recorded).count("safe") == 3
    assert recorded.snapshot_after is not None


def test_nothing_moves_when_the_plan_is_refused(path):
    bench = fake_bench()
    bench.magnet.reading = 0.0

    class TooFar(Scan):
        def plan(self):
            return Linear("magnet.current", 0, 3, 4, unit="A")

    with pytest.raises(LimitError, match=r"magnet\.current: wanted -2 A to 2 A, got"):
        run(TooFar(), bench, path)
    assert bench.microwave.sent == []
    assert {value for _, value in bench.magnet.sent} <= {0.0}
    assert not path.parent.exists()


def test_a_bench_without_the_role_is_refused(path):
    from labspin.instruments import Gaussmeter

    class Needs(Scan):
        roles = {"probe": Gaussmeter}  # noqa: RUF012

    with pytest.raises(PlanError, match="has no 'probe'"):
        run(Needs(), fake_bench(), path)


@pytest.mark.parametrize("step", range(0, 40, 3))
def test_a_device_that_fails_at_any_command_leaves_the_rest_safe(path, step):
    bench = fake_bench()
    bench.magnet.fail_after = step
    with pytest.raises(OSError, match="cable pulled"):
        run(scan(seed=1), bench, path)
    assert bench.magnet.safe_calls == 1
    assert bench.microwave.safe_calls == 1
    recorded = read_run(path)
    assert recorded.status == "failed"
    assert any("cable pulled" in event.message for event in recorded.events)
    assert not path.with_name("run.h5.jnl").exists()


def test_a_magnet_that_cannot_be_read_back_is_not_moved(path):
    def lose(bench):
        bench.magnet.reading = math.nan

    bench = fake_bench()
    with pytest.raises(UnknownStateError):
        run(scan(do_at_point={3: lose}), bench, path)
    before = len(bench.magnet.sent)
    assert bench.magnet.safe_calls == 1
    assert len(bench.magnet.sent) == before
    assert read_run(path).status == "failed"


def test_a_snapshot_that_fails_begins_no_file(path):
    bench = fake_bench()
    bench.microwave.settings = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        run(scan(), bench, path)
    assert bench.magnet.safe_calls == 1
    assert not path.exists()


@pytest.mark.parametrize(
    ("measured", "error", "text"),
    [
        ({"reading": 1.0}, PlanError, r"\['double'\] are missing"),
        ({"reading": 1.0, "double": 1.0, "other": 1.0}, PlanError, r"\['other'\] are not declared"),
        (None, PlanError, "got None"),
        ({"reading": "one", "double": 1.0}, ArgumentError, "column 'reading': wanted a number"),
        ({"reading": np.ones(2), "double": 1.0}, ArgumentError, "column 'reading'"),
        ({"reading": 1j, "double": 1.0}, ArgumentError, "column 'reading'"),
    ],
)
def test_what_was_not_declared_is_refused(path, measured, error, text):
    class Wrong(Scan):
        def measure(self, bench, point):
            return measured

    bench = fake_bench()
    with pytest.raises(error, match=text):
        run(Wrong(), bench, path)
    assert_safe(bench)
    assert read_run(path).status == "failed"


def test_a_full_disk_ends_the_run_safely_and_keeps_what_stands(path, monkeypatch):
    append = RunWriter.append

    def full(self, index, time, values):
        if len(self.done) == 4:
            raise StorageError("disk full")
        append(self, index, time, values)

    monkeypatch.setattr(RunWriter, "append", full)
    bench = fake_bench()
    with pytest.raises(StorageError, match="disk full"):
        run(scan(), bench, path)
    assert_safe(bench)
    assert len(read_run(path).points) == 4


def test_a_disk_that_takes_nothing_any_more_leaves_a_readable_journal(path, monkeypatch):
    def fill(bench):
        def full(*args, **kwargs):
            raise StorageError("disk full")

        for name in ("append", "event", "finish"):
            monkeypatch.setattr(RunWriter, name, full)

    bench = fake_bench()
    with pytest.raises(StorageError, match="disk full"):
        run(scan(do_at_point={5: fill}), bench, path)
    assert_safe(bench)
    monkeypatch.undo()
    assert len(read_run(path).points) >= 1


def test_a_file_that_cannot_be_published_is_an_error_and_the_bench_safe(path, monkeypatch):
    def broken(self, status, *, snapshot=None):
        raise StorageError("no space to publish")

    monkeypatch.setattr(RunWriter, "finish", broken)
    bench, watcher = fake_bench(), Watcher()
    with pytest.raises(StorageError, match="no space to publish"):
        run(scan(), bench, path, observers=[watcher])
    assert_safe(bench)
    assert watcher.of("on_finish")[0][0].status == "failed"
    assert len(read_run(path).points) == 11


def test_a_run_never_overwrites_another(path):
    run(scan(), fake_bench(), path)
    bench = fake_bench()
    with pytest.raises(StorageError, match="never overwritten"):
        run(scan(), bench, path)
    assert bench.microwave.sent == []


@pytest.mark.parametrize("method", ["on_start", "on_point", "on_event", "on_finish"])
def test_an_observer_that_fails_is_left_out_and_the_run_goes_on(path, method):
    bench, broken, sound = fake_bench(), Watcher(fail_at=method), Watcher()
    control = Control()
    control.skip()
    outcome = run(scan(), bench, path, observers=[broken, sound], control=control)
    assert outcome.status == "finished"
    assert_safe(bench)
    assert len(broken.of(method)) == 1
    assert len(sound.of("on_point")) == 10
    if method != "on_finish":
        assert any("an observer of the run failed" in event.message for event in read_run(path).events)


def test_one_device_that_cannot_be_made_safe_does_not_keep_the_others(path):
    bench = fake_bench()
    bench.magnet.fail_safe = True
    outcome = run(scan(), bench, path)
    assert outcome.status == "finished"
    assert not outcome.is_safe
    assert bench.microwave.safe_calls == 1
    events = read_run(path).events
    assert any(event.kind == "error" and "does not answer" in event.message for event in events)


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
    magnet_safe = bench.magnet.safe

    def three(bench):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("the second one must have come through")

    def safe():
        os.kill(os.getpid(), signal.SIGINT)
        magnet_safe()

    bench.magnet.safe = safe
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
        bench.clock.sleep(60)

    class Still(Scan):
        def plan(self):
            return Linear("x", 0, 1, 11)

    procedure = Still()
    procedure.do_at_point = {2: wait}
    outcome = run(procedure, bench, path, control=control)
    assert outcome.status == "aborted"
    assert outcome.points == 2
    assert "enough" in outcome.message
    assert time.monotonic() - begin < 20


def test_an_abort_in_a_ramp_stops_there_and_ramps_to_safety(path):
    control, bench = Control(), fake_bench()
    send = Magnet.current.fset

    def slow(self, value):
        send(self, value)
        if value > 0.6:
            control.abort("far enough")

    type(bench.magnet).current = property(Magnet.current.fget, slow)
    try:
        outcome = run(scan(seed=2), bench, path, control=control)
    finally:
        type(bench.magnet).current = property(Magnet.current.fget, send)
    assert outcome.status == "aborted"
    values = [value for _, value in bench.magnet.sent]
    top = values.index(max(values))
    assert values[top] < 0.66
    assert all(b < a for a, b in zip(values[top:], values[top + 1 :], strict=False))
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
    assert [kind for kind in kinds(recorded) if kind in ("pause", "resume")] == ["pause", "resume"]
    assert recorded.data["reading"].ravel() == pytest.approx([0.5] * 11)


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


# -- interlocks, simulation, log ----------------------------------------------------------------------------


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
    def field(self):
        return 2.0 if 3.0 < self.clock.now() < 63.0 else 0.5


def _with_probe(**interlock):
    bench = fake_bench(
        interlocks=[Interlock(quantity="probe.field", unit="T", maximum=1.0, action="hold", **interlock)]
    )
    bench._instruments["probe"] = Probe(bench.clock)
    return bench


def test_an_interlock_may_hold_the_run_until_the_quantity_is_back(path):
    bench = _with_probe()
    assert run(scan(), bench, path).status == "finished"
    assert bench.clock.now() > 63.0
    assert [k for k in kinds(read_run(path)) if k in ("interlock", "resume")] == ["interlock", "resume"]


def test_an_interlock_does_not_hold_for_ever(path):
    with pytest.raises(InterlockError):
        run(scan(), _with_probe(timeout=10.0), path)


class Simulation:
    seed = 3

    def __init__(self):
        self.begun = []

    def begin_point(self, index):
        self.begun.append(index)

    def restore(self, time):
        raise AssertionError("only a resumed run restores")

    def truth(self):
        return {"T1": 1e-3}


def test_the_noise_of_a_simulated_bench_is_tied_to_the_points(path):
    simulation = Simulation()
    run(scan(seed=1), fake_bench(simulation=simulation), path)
    recorded = read_run(path)
    offset = simulation.begun[0] - recorded.points.index[0]
    assert [begun - offset for begun in simulation.begun] == recorded.points.index.tolist()
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


# -- property: whatever the plan, the magnet is treated well -------------------------------------------------


@given(
    values=st.lists(st.floats(-2.0, 2.0), min_size=1, max_size=8),
    fail=st.integers(0, 120),
    start=st.floats(-2.0, 2.0),
)
@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
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
        run(Anywhere(), bench, tmp_path_factory.mktemp("run") / "run.h5")
    except ValueError:
        assert len(magnet.sent) > fail
    assert magnet.current == 0.0
    before, value = 0.0, start
    for moment, new in magnet.sent:
        assert -2.0 <= new <= 2.0
        assert abs(new - value) <= 0.5 * (moment - before) * (1 + 1e-9) + 1e-12
        before, value = moment, new
