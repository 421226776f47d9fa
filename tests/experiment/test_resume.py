import signal
import subprocess
import sys
import textwrap
import time
from typing import ClassVar

import numpy as np
import pytest

from labspin.clock import WallClock
from labspin.data import Column, RunWriter, read_run
from labspin.errors import CardError, PlanError, RunFileError, StationError
from labspin.experiment import (
    CountParameter,
    Linear,
    Point,
    Procedure,
    Product,
    Shuffled,
    Values,
    resume,
    run,
)
from labspin.session import recorded_procedure
from tests.experiment.fakes import fake_bench
from tests.places import PATIENCE, environment


class Scan(Procedure):
    """What it measures depends on the noise of the bench and on where the magnet came from."""

    quantities = (Column(name="reading"), Column(name="came_from", unit="A"))
    seed = CountParameter("Seed", default=0)
    stop_before = None

    def plan(self):
        inner = Linear("magnet.current", 0.0, 1.0, 6, unit="A")
        return Shuffled(Product(Values("x", [1.0, 2.0]), inner), self.seed)

    def measure(self, bench, point):
        if point.index == self.stop_before:
            raise ValueError("broken off")
        sent = bench.magnet.sent
        reading = bench.simulation.noise() if bench.simulation else 0.0
        return {"reading": reading, "came_from": sent[-2][1] if len(sent) > 1 else 0.0}


class Simulation:
    seed = 5
    is_fresh = False

    def __init__(self):
        self.rng, self.clock = None, None

    def begin_point(self, index):
        self.rng = np.random.default_rng([self.seed, index])

    def noise(self):
        return self.rng.normal() + self.clock.now()

    def restore(self, moment):
        self.clock.sleep(moment - self.clock.now())

    truth_units: ClassVar = {"T1": "s"}

    def truth(self):
        return {}


def bench():
    simulation = Simulation()
    made = fake_bench(simulation=simulation)
    simulation.clock = made.clock
    return made


def scan(stop_before=None):
    procedure = Scan(seed=3)
    procedure.stop_before = stop_before
    return procedure


@pytest.mark.parametrize("number", [0, 1, 5, 11])
def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path, number):
    run(scan(), bench(), tmp_path / "whole.h5", label="same")
    stop = list(scan().plan())[number].index
    with pytest.raises(ValueError, match="broken off"):
        run(scan(stop), bench(), tmp_path / "parts.h5", label="same")
    outcome = resume(tmp_path / "parts.h5", bench(), procedure=scan())
    assert (outcome.status, outcome.points) == ("finished", 12)
    whole, parts = read_run(tmp_path / "whole.h5"), read_run(tmp_path / "parts.h5")
    for name in ("reading", "came_from"):
        if number:  # with nothing measured yet there is no moment to go back to
            assert parts.data[name] == pytest.approx(whole.data[name], rel=1e-6, abs=0)
    assert parts.points.index.tolist() == whole.points.index.tolist()
    if number:
        assert parts.points.time == pytest.approx(whole.points.time, rel=1e-6, abs=0)
    assert parts.status == "finished"
    kinds = [event.kind for event in parts.events]
    assert "error" in kinds
    assert "resumed" in kinds


def test_a_killed_process_is_resumed(tmp_path):
    code = """
        import sys, os
        from pathlib import Path
        from tests.experiment.fakes import fake_bench
        from tests.experiment.test_resume import Scan, bench
        from labspin.experiment import run
        class Killed(Scan):
            name = "scan"
            def measure(self, bench, point):
                found = super().measure(bench, point)
                if len(bench.magnet.sent) > 20:
                    os.kill(os.getpid(), 9)
                return found
        run(Killed(seed=3), bench(), Path({path!r}), label="same")
    """.format(path=str(tmp_path / "killed.h5"))
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], check=False, timeout=PATIENCE, env=environment()
    )
    assert ended.returncode == -signal.SIGKILL
    dead = read_run(tmp_path / "killed.h5")
    assert dead.status == "dead"
    assert 0 < len(dead.points) < 12
    assert resume(tmp_path / "killed.h5", bench(), procedure=scan()).status == "finished"
    run(scan(), bench(), tmp_path / "whole.h5", label="same")
    whole, parts = read_run(tmp_path / "whole.h5"), read_run(tmp_path / "killed.h5")
    assert parts.data["reading"] == pytest.approx(whole.data["reading"], rel=1e-6, abs=0)


def test_on_real_time_the_points_keep_their_time_since_the_start(tmp_path):
    path = tmp_path / "run.h5"
    stop = list(scan().plan())[4].index

    class Still(Scan):
        name = "scan"

        def plan(self):
            return Linear("x", 0, 1, 6)

    procedure = Still()
    procedure.stop_before = 3
    with pytest.raises(ValueError, match="broken off"):
        run(procedure, fake_bench(clock=WallClock()), path)
    time.sleep(0.3)  # the run lies still, and its clock goes on
    resume(path, fake_bench(clock=WallClock()), procedure=Still())
    times = read_run(path).points.time
    assert times[3] - times[2] > 0.25
    assert times[5] < 60
    assert stop >= 0


class Bisect(Procedure):
    quantities = (Column(name="reading", unit="A"),)
    coordinates = (Column(name="magnet_current", unit="A", role="coordinate"),)
    stop_before = None
    target = 1.234

    def plan(self):
        low, high = 0.0, 2.0
        while high - low > 0.01:
            reading = (yield Point(0, {"magnet.current": (low + high) / 2}))["reading"]
            low, high = (low, reading) if reading > self.target else (reading, high)

    def measure(self, bench, point):
        if point.index == self.stop_before:
            raise ValueError("broken off")
        return {"reading": bench.magnet.measured_current}


def test_an_adaptive_plan_is_replayed_from_its_readings(tmp_path):
    path = tmp_path / "run.h5"
    procedure = Bisect()
    procedure.stop_before = 5
    with pytest.raises(ValueError, match="broken off"):
        run(procedure, fake_bench(), path)
    resume(path, fake_bench(), procedure=Bisect())
    run(Bisect(), fake_bench(), tmp_path / "whole.h5")
    assert read_run(path).data["reading"] == pytest.approx(
        read_run(tmp_path / "whole.h5").data["reading"], rel=1e-6, abs=0
    )


def test_an_adaptive_plan_that_goes_another_way_is_refused(tmp_path):
    path = tmp_path / "run.h5"
    procedure = Bisect()
    procedure.stop_before = 5
    with pytest.raises(ValueError, match="broken off"):
        run(procedure, fake_bench(), path)
    other = Bisect()
    other.target = 0.3
    with pytest.raises(
        PlanError, match=r"point 1 was measured at magnet\.current = 1\.5, and the plan now asks"
    ):
        resume(path, fake_bench(), procedure=other)
    assert len(read_run(path).points) == 5


def test_what_was_skipped_stays_skipped(tmp_path):
    path = tmp_path / "run.h5"
    writer_finish, events = RunWriter.finish, []

    class Skips(Scan):
        name = "scan"
        control = None

        def measure(self, bench, point):
            if len(events) == 2:
                self.control.skip()
            events.append(point.index)
            return super().measure(bench, point)

    from labspin.experiment import Control

    procedure = Skips(seed=3)
    procedure.control = Control()
    procedure.stop_before = list(procedure.plan())[6].index
    with pytest.raises(ValueError, match="broken off"):
        run(procedure, bench(), path, control=procedure.control)
    outcome = resume(path, bench(), procedure=scan())
    assert outcome.points == 11
    assert np.isnan(read_run(path).data["reading"]).sum() == 1
    assert RunWriter.finish is writer_finish


def test_what_cannot_be_resumed_says_why(tmp_path):
    path = tmp_path / "run.h5"
    run(scan(), bench(), path)
    with pytest.raises(RunFileError, match="got one that is finished"):
        resume(path, bench(), procedure=scan())
    stopped = scan(list(scan().plan())[3].index)
    with pytest.raises(ValueError, match="broken off"):
        run(stopped, bench(), tmp_path / "other.h5")
    with pytest.raises(CardError, match="procedure 'scan' is none of labspin"):
        recorded_procedure(read_run(tmp_path / "other.h5").header)
    with pytest.raises(PlanError, match="seed is 4, and the run was begun with 3; restore the card"):
        resume(tmp_path / "other.h5", bench(), procedure=Scan(seed=4))
    with pytest.raises(PlanError, match="does not plan what was recorded any more"):
        resume(tmp_path / "other.h5", bench(), procedure=Scan(seed=4), force=True)
    assert resume(tmp_path / "other.h5", bench(), procedure=scan()).status == "finished"


# -- what was changed meanwhile ----------------------------------------------------------------------------


@pytest.fixture
def broken_off(tmp_path):
    path = tmp_path / "run.h5"
    with pytest.raises(ValueError, match="broken off"):
        run(scan(4), bench(), path)
    return path


def _now(monkeypatch, **changes):
    module = sys.modules["labspin.experiment.unchanged"]
    present = module.environment()
    monkeypatch.setattr(module, "environment", lambda: {**present, **changes})


def test_another_release_is_refused_unless_forced(broken_off, monkeypatch):
    _now(monkeypatch, labspin="9.9")
    with pytest.raises(PlanError, match=r"was begun with labspin .*, and this is 9\.9; resume with that"):
        resume(broken_off, bench(), procedure=scan())
    assert resume(broken_off, bench(), procedure=scan(), force=True).status == "finished"
    assert any("this is 9.9" in event.message for event in read_run(broken_off).events_of("warning"))


def test_a_commit_more_is_only_noted(broken_off, monkeypatch):
    _now(monkeypatch, code={"commit": "0123456789abcdef", "changed": True})
    assert resume(broken_off, bench(), procedure=scan()).status == "finished"
    recorded = read_run(broken_off)
    (note,) = recorded.events_of("note")
    assert note.message.endswith("resumed with that of 0123456789ab, changed")
    assert not recorded.events_of("warning")


def test_another_station_is_refused_unless_forced(broken_off):
    other = bench()
    other.description = {"text": "another", "path": "lab.toml"}
    with pytest.raises(StationError, match=r"lab\.toml: is not the station file that"):
        resume(broken_off, other, procedure=scan())
    assert other.magnet.sent == []
    assert resume(broken_off, other, procedure=scan(), force=True).status == "finished"


def _written(folder, factor):
    from labspin.procedures import load_procedure

    (folder / "own.py").write_text(
        textwrap.dedent(f"""
        from labspin.data import Column
        from labspin.experiment import Linear, Procedure

        class Own(Procedure):
            quantities = (Column(name="reading"),)
            stop_before = None

            def plan(self):
                return Linear("x", 0, 1, 6)

            def measure(self, bench, point):
                if point.index == self.stop_before:
                    raise ValueError("broken off")
                return {{"reading": {factor} * point.index}}
        """)
    )
    return load_procedure("own.py:Own", folder)()


def test_a_procedure_that_was_edited_is_refused_unless_forced(tmp_path):
    path = tmp_path / "run.h5"
    first = _written(tmp_path, 1)
    first.stop_before = 3
    with pytest.raises(ValueError, match="broken off"):
        run(first, fake_bench(), path)
    with pytest.raises(PlanError, match="procedure 'own' was changed since the run was begun; restore it"):
        resume(path, fake_bench(), procedure=_written(tmp_path, 2))
    assert resume(path, fake_bench(), procedure=_written(tmp_path, 1)).status == "finished"


def test_the_source_of_a_procedure_is_that_of_its_helpers_too():
    from labspin.experiment.unchanged import _beside, procedure_source
    from labspin.procedures import T1, PLScan

    assert {"labspin.procedures.pulsed"} <= set(_beside(sys.modules["labspin.procedures.t1"]))
    assert len({procedure_source(T1), procedure_source(PLScan), ""}) == 3


def test_a_helper_that_was_edited_is_an_edited_procedure(monkeypatch):
    from labspin.experiment import unchanged
    from labspin.procedures import ODMR

    before, source = unchanged.procedure_source(ODMR), unchanged.inspect.getsource
    inherited = {base.__module__ for base in ODMR.__mro__}
    helper = next(name for name in unchanged._beside(sys.modules[ODMR.__module__]) if name not in inherited)

    def edited(module):
        return source(module) + "# edited" * (module.__name__ == helper)

    monkeypatch.setattr(unchanged.inspect, "getsource", edited)
    assert unchanged.procedure_source(ODMR) not in ("", before)


def test_a_run_is_not_resumed_by_another_release(tmp_path, monkeypatch):
    path = tmp_path / "run.h5"
    with pytest.raises(ValueError, match="broken off"):
        run(scan(list(scan().plan())[5].index), fake_bench(), path)
    monkeypatch.setattr("labspin.experiment.unchanged.environment", lambda: {"labspin": "99.9"})
    with pytest.raises(PlanError, match=r"was begun with labspin .*, and this is 99\.9"):
        resume(path, fake_bench(), procedure=scan())


def test_a_clock_that_was_set_back_gives_no_times_before_the_last_point(tmp_path):
    import datetime
    from unittest import mock

    from labspin.experiment import resumption

    broken_off = tmp_path / "run.h5"
    stop = list(scan().plan())[5].index
    with pytest.raises(ValueError, match="broken off"):
        run(scan(stop), fake_bench(), broken_off)
    begun = read_run(broken_off)
    earlier = datetime.datetime.fromisoformat(begun.header.started) - datetime.timedelta(hours=1)

    class SetBack(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return earlier

    with mock.patch.object(resumption.datetime, "datetime", SetBack):
        resume(broken_off, fake_bench(), procedure=scan())
    times = read_run(broken_off).points.time
    assert times.min() >= 0
    assert (times[len(begun.points) :] >= begun.points.time.max()).all()
    assert any("set back" in event.message for event in read_run(broken_off).events_of("warning"))


@pytest.mark.parametrize("seed", [5, 6])
def test_a_fresh_simulated_bench_says_whether_it_repeats_what_is_recorded(tmp_path, seed):
    path = tmp_path / "run.h5"
    order = [point.index for point in scan().plan()]
    with pytest.raises(ValueError, match="broken off"):
        run(scan(order[4]), bench(), path, label="same")
    other = bench()
    other.simulation.is_fresh, other.simulation.seed = True, seed
    assert resume(path, other, procedure=scan()).points == 12
    recorded = read_run(path)
    said = [event.message for event in recorded.events_of("warning")]
    if seed == Simulation.seed:
        assert said == []
        assert recorded.events_of("repeat")[-1].message.endswith("has repeated what is recorded")
    else:
        assert said[-1].startswith(
            f"the simulated bench does not repeat what is recorded, first at point {order[0]}:"
        )
