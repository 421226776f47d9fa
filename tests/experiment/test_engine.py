import dataclasses
import logging
import math
from types import SimpleNamespace

import numpy as np
import pytest

from labspin.bench.safety import SafeAction
from labspin.data import Column, RunWriter, read_run, recover
from labspin.errors import (
    ArgumentError,
    LimitError,
    PlanError,
    StorageError,
    UnknownStateError,
)
from labspin.experiment import Control, Linear, Point, Product, Values, run
from labspin.experiment.beside import WithReadings
from tests.experiment.fakes import Scan, Watcher, assert_safe, fake_bench, kinds, scan


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
    assert recorded.data["reading"] == pytest.approx(np.linspace(0, 1, 11), rel=1e-6, abs=0)
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
    assert [value for _, value in bench.magnet.sent[:4]] == pytest.approx(
        [0.05, 0.1, 0.15, 0.2], rel=1e-6, abs=0
    )
    assert bench.magnet.sent[4][1] < 0.2, "the next set-point is on the way to safety"


def test_the_output_of_what_is_ramped_is_switched_on_before_the_first_point(path):
    bench, seen = fake_bench(), []
    bench.magnet.output_enabled = False  # of the instance: as it is after its safe state
    procedure = scan(
        do_at_point={n: lambda bench: seen.append(bench.magnet.output_enabled) for n in range(11)}
    )
    run(procedure, bench, path)
    assert seen == 11 * [True]


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
    stands = bench.magnet.current
    assert (bench.magnet.safe_calls > 0) == (abs(stands) <= 0.05), "not switched off where that is a jump"
    assert bench.microwave.safe_calls == 1
    recorded = read_run(path)
    assert recorded.status == "failed"
    assert any("cable pulled" in event.message for event in recorded.events)
    assert not path.with_name("run.h5.jnl").exists()


def test_a_magnet_that_cannot_be_read_back_is_not_moved_but_home_from_its_last_set_point(path):
    lost = []

    def lose(bench):
        bench.magnet.reading = math.nan
        lost.append(len(bench.magnet.sent))

    bench = fake_bench()
    with pytest.raises(UnknownStateError):
        run(scan(do_at_point={3: lose}), bench, path)
    values = [value for _, value in bench.magnet.sent]
    afterwards = values[lost[0] - 1 :]
    assert afterwards == sorted(afterwards, reverse=True), "to no other point any more"
    assert afterwards[-1] == 0.0
    assert bench.magnet.safe_calls == 1
    assert read_run(path).status == "failed"


def test_a_snapshot_that_fails_begins_no_file(path):
    bench = fake_bench()
    bench.raw("microwave", reason="a test").settings = lambda: 1 / 0
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
    recorded = read_run(path)
    assert any(
        not event.data["ok"] and "does not answer" in event.message for event in recorded.events_of("safe")
    )
    assert recorded.unsafe.keys() == {"magnet"}


def test_a_bench_whose_safe_actions_broke_off_is_not_called_safe(path, monkeypatch):
    bench, entrusted = fake_bench(), []

    def broken():
        raise RuntimeError("in the middle of it")

    monkeypatch.setattr(bench, "safe", broken)
    monkeypatch.setattr(
        bench, "entrust", lambda unsafe, path: entrusted.append((dict(unsafe), path)) or "somebody goes on"
    )
    outcome = run(scan(), bench, path)
    assert not outcome.is_safe
    assert outcome.unsafe.keys() == bench.instruments.keys()
    (left,) = entrusted
    assert left == (dict(outcome.unsafe), path), "left to who goes on trying"
    assert "somebody goes on" in [event.message for event in read_run(path).events_of("watchdog")]


def test_an_error_says_what_is_not_safe(path, monkeypatch):
    bench = fake_bench()
    monkeypatch.setattr(bench, "safe", lambda: [SafeAction("magnet", False, "no answer", 0.0)])
    monkeypatch.setattr(bench, "entrust", lambda unsafe, path: "")
    with pytest.raises(ZeroDivisionError) as caught:
        run(scan(do_at_point={3: lambda bench: 1 / 0}), bench, path)
    assert any("NOT SAFE" in note and "magnet" in note for note in caught.value.__notes__)


def test_on_the_way_to_safety_the_watchdog_waits_as_long_as_it_may_take(path, monkeypatch):
    told, bench = [], fake_bench()
    monkeypatch.setattr(type(bench), "longest_way_to_safety", 5000.0)
    monkeypatch.setattr(bench, "beat", lambda patience: told.append(patience) or "")
    monkeypatch.setattr(bench, "safe", lambda safe=bench.safe: told.append("safe") or safe())
    run(scan(), bench, path)
    assert told[told.index("safe") - 1] == pytest.approx(5300.0, rel=1e-9, abs=0)


def test_what_a_run_calls_unsafe_is_unsafe_whatever_its_actions_say(path):
    outcome = run(scan(), fake_bench(), path)
    assert outcome.is_safe
    assert not dataclasses.replace(outcome, unsafe={"magnet": "magnet at 1 A"}).is_safe


def test_a_name_that_was_taken_meanwhile_is_not_what_the_outcome_says(path):
    other = path.with_name("other.h5")
    run(scan(), fake_bench(), other)
    procedure = scan()
    procedure.do_at_point = {4: lambda bench: other.rename(path)}
    outcome = run(procedure, fake_bench(), path)
    assert outcome.path == path.with_name(f"{path.stem}-2.h5")
    assert read_run(outcome.path).header.run_id != read_run(path).header.run_id


def test_a_file_that_cannot_be_published_at_once_is_published_at_the_second_attempt(path, monkeypatch):
    finish, calls = RunWriter.finish, []

    def fails_once(self, *arguments, **keywords):
        calls.append(arguments)
        if len(calls) == 1:
            raise StorageError("the disk is full for a moment")
        return finish(self, *arguments, **keywords)

    monkeypatch.setattr(RunWriter, "finish", fails_once)
    assert run(scan(), fake_bench(), path).status == "finished"
    assert len(calls) == 2
    assert len(read_run(path).points) == 11


def test_times_of_points_count_from_the_start_of_the_run(path):
    bench = fake_bench()
    bench.clock.sleep(1e6)
    run(scan(), bench, path)
    times = read_run(path).points.time
    assert 0 <= times.min() < times.max() < 1e3


def test_the_log_of_a_run_does_not_feed_on_its_own_writing(path):
    def say(bench):
        logging.getLogger("labspin.data.journal").warning("about the journal itself")
        logging.getLogger("labspin.instruments").warning("about an instrument")

    procedure = scan()
    procedure.do_at_point = {2: say}
    run(procedure, fake_bench(), path)
    messages = [event.message for event in read_run(path).events_of("log")]
    assert "about an instrument" in messages
    assert "about the journal itself" not in messages


def test_the_journal_of_a_run_that_could_not_be_published_is_free_to_be_recovered(path, monkeypatch):
    def fail(*_, **__):
        raise StorageError("no space to publish")

    with monkeypatch.context() as full:
        full.setattr(RunWriter, "finish", fail)
        with pytest.raises(StorageError, match="no space to publish") as kept:
            run(scan(), fake_bench(), path)
    assert recover(path) == [path]
    assert len(read_run(path).points) == 11
    assert kept.value is not None, "whoever keeps the error keeps the writer, and it is free all the same"


def test_what_is_recorded_beside_a_point_is_read_at_its_end():
    """A temperature after the heat pulse of the point, not before it."""
    probe = SimpleNamespace(temperature=4.0)

    def measure(bench, point):
        probe.temperature = 5.0
        return {"signal": 1.0}

    procedure = SimpleNamespace(name="p", quantities=(), coordinates=(), measure=measure)
    bench = SimpleNamespace(instruments={"cryostat": probe})
    found = WithReadings(procedure, {"cryostat.temperature": "K"}).measure(bench, None)
    assert found == {"signal": 1.0, "cryostat_temperature": 5.0}
