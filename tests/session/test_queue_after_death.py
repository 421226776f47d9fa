"""What a queue is after its process died, after hand editing, and after failures in a row."""

import sys
import tomllib
from pathlib import Path

import pytest

from labspin.data.storage import temporary_name
from labspin.errors import InstrumentError
from labspin.experiment import RunOutcome
from labspin.session import Queue, QueuedRun, run_queue
from labspin.session.queue_file import read_queue
from tests.disk import disk_calls

DEAD = """
next_id = 4

[[runs]]
id = 1
state = "running"
card = "t1.toml"
label = "its process died"

[[runs]]
id = 3
card = "t1.toml"
label = "waits"
"""


@pytest.fixture
def queue(tmp_path):
    return Queue(tmp_path / "queue.toml")


def ended(status="finished"):
    return RunOutcome(path=Path("x.h5"), status=status, points=3, safe_report=(), message="")


def make(queue, execute, **options):
    return run_queue(queue, execute, file=lambda run: Path(f"data/{run.id}.h5"), **options)


def test_whoever_looks_while_the_next_run_is_made_sees_the_dead_one_as_interrupted(queue):
    queue.path.write_text(DEAD)
    seen = []

    def execute(run, control, observers):
        stored = tomllib.loads(queue.path.read_text())["runs"]
        seen.append([one["state"] for one in stored])
        return ended()

    assert make(queue, execute) == 0
    assert seen == [["interrupted", "running"]]
    assert "died" in queue.read().runs[0].message


def test_what_was_interrupted_is_cleared_with_what_is_over(queue):
    queue.path.write_text(DEAD)
    make(queue, lambda *_: ended())
    assert [run.state for run in queue.read().runs] == ["interrupted", "finished"]
    assert queue.clear() == 2
    assert queue.read().runs == ()


@pytest.mark.parametrize("next_id", ["", "next_id = 2", "next_id = 'many'"])
def test_a_number_is_not_given_twice_after_hand_editing(queue, next_id):
    queue.path.write_text(DEAD.replace("next_id = 4", next_id))
    (added,) = queue.add([QueuedRun(card="t1.toml", label="new")])
    assert added.id == 4
    assert [run.id for run in read_queue(queue.path).runs] == [1, 3, 4]


def test_failures_with_a_success_between_do_not_end_the_night(queue):
    queue.add([QueuedRun(card="t1.toml", label=str(number)) for number in range(7)])

    def execute(run, control, observers):
        if run.id in (1, 2, 4, 5, 7):
            raise InstrumentError("counter: gone")
        return ended()

    assert make(queue, execute, max_failures=3) == 5
    assert not queue.read().paused
    assert [run.state for run in queue.read().runs].count("failed") == 5


@pytest.mark.skipif(sys.platform != "linux", reason="names open files by /proc")
def test_the_queue_is_on_the_disk_before_it_takes_the_place_of_the_old_one(queue, monkeypatch):
    calls = disk_calls(monkeypatch)
    queue.add([QueuedRun(card="t1.toml", label="new")])
    part = temporary_name(queue.path).name
    assert [call for call, name in calls if name == part] == ["write", "sync", "replace"]
    assert calls.index(("sync", queue.folder.name)) > calls.index(("replace", part))
