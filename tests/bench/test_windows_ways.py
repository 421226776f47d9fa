"""What goes another way on Windows, tried here: piece by piece, with what Windows lacks taken away."""

import queue
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from labspin.bench import claims, watch
from labspin.data import storage, trash
from labspin.station import guard, load_station
from tests.bench.killed_runs import ServedBench
from tests.bench.test_watchdog import Pipes, Recorder

WINDOWS = SimpleNamespace(platform="win32")


def test_a_run_that_hangs_is_ended_by_the_number_that_it_told():
    """There a process keeps the number of a parent that is gone, and a launcher may stand between."""
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    ) as run:
        duty = Recorder()
        with Pipes(duty, parent=None) as pipes:
            pipes.ask(watch="/run.h5", process=run.pid)
            pipes.ask(alive=1, patience=0.0)
            pipes.thread.join(30.0)
        run.stdin.close()
    assert run.returncode == -signal.SIGKILL
    assert duty.done == ["begin", str(Path("/run.h5"))]
    assert f"process {run.pid} was ended" in duty.why


def test_without_any_number_nobody_is_ended():
    assert watch._end(None, None, queue.SimpleQueue()) == "its process is not known"


def test_all_users_of_a_computer_share_the_folder_of_the_claims(monkeypatch):
    monkeypatch.delenv("LABSPIN_CLAIMS", raising=False)
    monkeypatch.setattr(claims, "sys", WINDOWS)
    monkeypatch.setenv("PUBLIC", "/users/public")
    assert claims.claim_file("GPIB0::6").parent == Path("/users/public/labspin-claims")
    monkeypatch.delenv("PUBLIC")
    assert claims.claim_file("GPIB0::6").parent.name == "labspin-claims"


def test_a_watchdog_claims_the_instruments_where_locks_are_not_inherited(tmp_path, monkeypatch):
    monkeypatch.setattr(guard, "sys", WINDOWS)
    with ServedBench(tmp_path) as served:
        station = load_station(served.station)
        duty = guard.Guard(station, ["magnet"])
        duty.act(tmp_path / "run.h5", "it was tried")
        assert len(duty._claims.descriptors) == 1
        duty._claims.close()


def test_a_watchdog_acts_even_if_another_run_was_quicker(tmp_path, monkeypatch):
    monkeypatch.setattr(guard, "sys", WINDOWS)
    with ServedBench(tmp_path) as served:
        station = load_station(served.station)
        with station.connect(watchdog=False):
            duty = guard.Guard(station, ["magnet"])
            duty.act(tmp_path / "run.h5", "it was tried")
        log = (tmp_path / "run.h5.watchdog.log").read_text()
    assert "this process has it already" in log
    assert "the bench is in its safe state" in log


class Held:
    """A path whose replacement is refused a number of times, as while a viewer has the target open."""

    def __init__(self, times):
        self.times = times

    def replace(self, target):
        if self.times:
            self.times -= 1
            raise PermissionError(13, "The process cannot access the file")
        self.target = target


def test_a_file_that_a_viewer_holds_open_is_waited_for(monkeypatch):
    monkeypatch.setattr(storage, "_WINDOWS", True)
    file = Held(3)
    storage.put_in_place(file, Path("x"))
    assert file.target == Path("x")
    monkeypatch.setattr(storage, "_HELD_OPEN", 0.1)
    with pytest.raises(PermissionError):
        storage.put_in_place(Held(1000), Path("x"))


def test_elsewhere_a_refusal_is_one():
    began = time.monotonic()
    with pytest.raises(PermissionError):
        storage.put_in_place(Held(1000), Path("x"))
    assert time.monotonic() - began < storage._HELD_OPEN


def test_what_cannot_be_put_aside_leaves_no_empty_file(tmp_path, monkeypatch):
    def refuse(path, target):
        raise PermissionError(13, "The process cannot access the file")

    monkeypatch.setattr(trash, "put_in_place", refuse)
    (tmp_path / "r.h5").write_bytes(b"x")
    with pytest.raises(PermissionError):
        trash._take(tmp_path / "r.h5", tmp_path / "t.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["r.h5"]
