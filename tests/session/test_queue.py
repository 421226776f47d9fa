import dataclasses
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from labspin.bench import SafeAction
from labspin.data import read_run
from labspin.errors import ConfigurationError, InstrumentError, PlanError, StorageError
from labspin.experiment import RunOutcome, resume, run
from labspin.session import Queue, QueuedRun, run_queue
from labspin.session.queue_file import read_queue, write_queue
from tests.experiment.fakes import fake_bench, scan
from tests.places import PATIENCE, environment

ROOT = Path(__file__).resolve().parents[2]


def runs(count, **options):
    return [QueuedRun(card="t1.toml", label=f"run {number}", **options) for number in range(1, count + 1)]


@pytest.fixture
def queue(tmp_path):
    return Queue(tmp_path / "queue.toml")


def states(queue):
    return [run.state for run in queue.read().runs]


def ids(queue):
    return [run.id for run in queue.read().runs]


# -- the list ---------------------------------------------------------------------------------------------


def test_what_is_added_stands_there_for_the_next_process_and_for_a_person(queue):
    queue.add(runs(2, seed=3, overrides=("averages=2", 'note="ü"')))
    again = Queue(queue.path).read()
    assert [run.label for run in again.runs] == ["run 1", "run 2"]
    assert again.runs[0].overrides == ("averages=2", 'note="ü"')
    plain = tomllib.loads(queue.path.read_text(encoding="utf-8"))
    assert plain["runs"][1] | {"added": ""} == {
        "id": 2, "state": "waiting", "card": "t1.toml", "label": "run 2", "seed": 3, "output": "data",
        "overrides": ["averages=2", 'note="ü"'], "added": "",
    }  # fmt: skip
    assert queue.path.read_text(encoding="utf-8").startswith("# Runs of labspin")


text = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@given(
    st.lists(
        st.builds(
            QueuedRun, card=text, label=text, station=text, message=text, file=text,
            seed=st.none() | st.integers(),
            overrides=st.lists(text, max_size=3).map(tuple),
            state=st.sampled_from(["waiting", "failed"]),
        ),
        max_size=5,
    )
)  # fmt: skip
@settings(deadline=None, max_examples=60)
def test_any_text_comes_back(tmp_path_factory, several):
    path = tmp_path_factory.mktemp("queue") / "queue.toml"
    given_ids = [dataclasses.replace(run, id=number) for number, run in enumerate(several, start=1)]
    state = dataclasses.replace(read_queue(path), runs=tuple(given_ids), next_id=len(several) + 1)
    write_queue(path, state)
    copy = path.with_name("copy.toml")
    copy.write_bytes(path.read_bytes())
    assert read_queue(copy) == read_queue(path) == state


def test_what_an_editor_changes_counts(queue):
    queue.add(runs(2))
    queue.path.write_text(queue.path.read_text().replace("run 2", "by hand"))
    assert [run.label for run in queue.read().runs] == ["run 1", "by hand"]


def test_order_and_numbers(queue):
    queue.add(runs(4))
    queue.move(4, 1)
    assert ids(queue) == [4, 1, 2, 3]
    queue.move(4, 99)
    assert ids(queue) == [1, 2, 3, 4]
    queue.remove(4, 2)
    (added,) = queue.add(runs(1))
    assert added.id == 5, "a number is never given twice"
    assert ids(queue) == [1, 3, 5]


def test_what_has_run_is_not_moved_past(queue):
    queue.add(runs(3))
    queue.end(queue.begin(lambda run: "data/1.h5").id, "finished")
    queue.move(3, 1)
    assert ids(queue) == [1, 3, 2]
    with pytest.raises(PlanError, match="run 1 is finished; only runs that wait can be moved"):
        queue.move(1, 2)
    assert queue.clear() == 1
    assert queue.clear(waiting=True) == 2
    assert ids(queue) == []


@pytest.mark.parametrize("change", ["remove", "again"])
def test_a_number_that_is_not_there(queue, change):
    queue.add(runs(2))
    with pytest.raises(PlanError, match="there is no run 7, only 1, 2"):
        getattr(queue, change)(7)
    with pytest.raises(PlanError, match="there is no run 7"):
        queue.move(7, 1)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("paused = ]", "is not TOML: .*correct that line"),
        ("paused = 3", "paused: wanted true or false, got 3"),
        ("[[runs]]\nid = 1", r"line 1: runs\[0\].card: is missing"),
        (
            '[[runs]]\nid = 1\ncard = "a"\nlabel = "b"\nsead = 3',
            r"line 5: runs\[0\].sead: is not known here; did you mean 'seed'",
        ),
        ('[[runs]]\nid = 1\ncard = "a"\nlabel = 2', "label: wanted text, got 2"),
        ('[[runs]]\nid = true\ncard = "a"\nlabel = "2"', "id: wanted a whole number, got True"),
        ('[[runs]]\nid = 1\ncard = "a"\nlabel = "b"\nstate = "done"', "state: wanted one of waiting"),
        ('[[runs]]\nid = 1\ncard = "a"\nlabel = "b"\n' * 2, "wanted every run to have a number of its own"),
        ('[[runs]]\nid = 1\ncard = "a"\nlabel = "b"\noverrides = [1]', "overrides: wanted a list of texts"),
        ("runs = 3", "runs: wanted a list, got 3"),
        ("runs = [3]", "wanted at least one table"),
    ],
)
def test_a_file_that_is_no_queue_is_refused_and_kept(queue, content, match):
    queue.path.write_text(content)
    with pytest.raises(ConfigurationError, match=match) as caught:
        queue.add(runs(1))
    assert str(queue.path) in str(caught.value)
    assert queue.path.read_text() == content


def test_a_folder_that_cannot_be_written(tmp_path):
    queue = Queue(tmp_path / "nowhere" / "queue.toml")
    assert queue.read().runs == ()
    with pytest.raises(StorageError):
        queue.add(runs(1))
    with pytest.raises(StorageError, match="the queue was not run"), queue.being_run():
        pytest.fail("it ran")


def test_many_hands_at_once(queue):
    """Ten threads and two other processes add and remove; nothing is lost and no number given twice."""
    code = f"""
        from labspin.session import Queue, QueuedRun
        for number in range(20):
            Queue({str(queue.path)!r}).add([QueuedRun(card="a", label="b")])
    """
    others = [
        subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], env=environment()) for _ in range(2)
    ]

    def hand(number):
        mine = Queue(queue.path)
        for _ in range(5):
            first, second = mine.add(runs(2))
            mine.remove(first.id)
            mine.move(second.id, 1)

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(hand, range(10)))
    assert [other.wait(PATIENCE) for other in others] == [0, 0]
    assert len(ids(queue)) == len(set(ids(queue))) == 50 + 40
    assert queue.read().next_id == 141


def test_five_hundred_runs(queue):
    queue.add(runs(500))
    done = []

    def execute(run, control, observers):
        done.append(run.id)
        return outcome()

    assert run_queue(queue, execute, file=lambda run: Path(f"data/{run.id}.h5")) == 0
    assert done == list(range(1, 501))
    assert set(states(queue)) == {"finished"}


# -- making the runs ----------------------------------------------------------------------------------------


def outcome(status="finished", message="", *actions):
    return RunOutcome(Path("data/x.h5"), status, 3, actions, message)


def make(queue, execute, **options):
    return run_queue(queue, execute, file=lambda run: Path(f"data/{run.id}.h5"), **options)


def test_one_failure_does_not_end_the_night(queue):
    queue.add(runs(5))
    said = []

    def execute(run, control, observers):
        if run.id == 2:
            raise InstrumentError("counter: gone")
        if run.id == 3:
            raise ZeroDivisionError("in the procedure")
        return outcome("aborted", "key a") if run.id == 4 else outcome()

    assert make(queue, execute, report=lambda run, state, message: said.append((run.id, state))) == 3
    assert states(queue) == ["finished", "failed", "failed", "aborted", "finished"]
    by_id = {run.id: run for run in queue.read().runs}
    assert by_id[2].message == "counter: gone"
    assert by_id[3].message == "ZeroDivisionError: in the procedure"
    assert by_id[1].file == "data/1.h5"
    assert by_id[1].started <= by_id[1].ended
    assert said[:3] == [(1, "running"), (1, "finished"), (2, "running")]


def test_a_night_of_failures_is_broken_off(queue):
    queue.add(runs(9))

    def execute(run, control, observers):
        raise InstrumentError("nobody there")

    assert make(queue, execute, max_failures=3) == 3
    assert states(queue) == ["failed"] * 3 + ["waiting"] * 6
    assert queue.read().paused


@pytest.mark.parametrize("raises", [False, True])
def test_a_bench_that_is_not_safe_ends_the_queue(queue, raises):
    queue.add(runs(2))
    ended = outcome("finished", "", SafeAction("magnet", False, "safe(): gone", 0.0))

    def execute(run, control, observers):
        for observer in observers:
            observer.on_start(None, 3)
            observer.on_point(0, (), 1, 3)
            observer.on_event("log", "")
            observer.on_finish(ended)
        if raises:
            raise InstrumentError("magnet: gone")
        return ended

    make(queue, execute)
    assert states(queue)[1] == "waiting"
    assert queue.read().paused


def test_a_paused_queue_begins_nothing_until_it_is_resumed(queue):
    queue.add(runs(2))
    made = []

    def execute(run, control, observers):
        made.append(run.id)
        if run.id == 1:
            queue.pause()
            threading.Timer(0.3, resume).start()
        return outcome()

    def resume():
        made.append("resumed")
        queue.resume()

    assert make(queue, execute) == 0
    assert made == [1, "resumed", 2]


def test_what_is_added_or_moved_meanwhile_is_made(queue):
    queue.add(runs(2))
    made = []

    def execute(run, control, observers):
        made.append(run.id)
        if run.id != 1:
            return outcome()
        queue.add(runs(1))
        queue.move(3, 1)
        with pytest.raises(PlanError, match="run 1 is being made; abort it there"):
            queue.remove(1)
        return outcome()

    make(queue, execute)
    assert made == [1, 3, 2]


def test_one_process_makes_the_runs(queue):
    queue.add(runs(1))
    with (
        queue.being_run(),
        pytest.raises(ConfigurationError, match="another process is running this queue"),
    ):
        make(Queue(queue.path), lambda *_: outcome())
    assert make(queue, lambda *_: outcome()) == 0


def test_a_signal_ends_run_and_queue(queue, tmp_path):
    """Ctrl-C during a run: its bench is made safe, its state is recorded, the others wait."""
    queue.add(runs(2))
    bench = fake_bench()

    def execute(entry, control, observers):
        procedure = scan()
        procedure.do_at_point = {4: lambda bench: signal.raise_signal(signal.SIGINT)}
        return run(procedure, bench, tmp_path / "run.h5", control=control, observers=observers)

    with pytest.raises(KeyboardInterrupt):
        make(queue, execute)
    assert states(queue) == ["aborted", "waiting"]
    assert bench.magnet.safe_calls == 1
    assert not queue.is_being_run


KILLED = """
    import os, sys
    from pathlib import Path
    from tests.experiment.fakes import fake_bench, scan
    from labspin.experiment import run
    from labspin.session import Queue, run_queue

    def execute(entry, control, observers):
        procedure = scan(seed=5)
        if entry.id == 2:
            procedure.do_at_point = {{3: lambda bench: os.kill(os.getpid(), 9)}}
        return run(procedure, fake_bench(), Path(entry.file), control=control, observers=observers)

    folder = Path({folder!r})
    run_queue(Queue(folder / "queue.toml"), execute, file=lambda run: folder / f"{{run.id}}.h5")
"""


def test_what_was_called_off_while_the_file_was_locked_is_not_begun(queue):
    """Whether to begin is asked once the file is ours: the safe state may have been asked for meanwhile."""
    queue.add(runs(1))
    asked = []
    assert queue.begin(lambda run: "a.h5", if_still=lambda: asked.append(1)) is None
    queue.pause(if_still=lambda: asked.append(2))
    assert asked == [1, 2]
    assert states(queue) == ["waiting"]
    assert not queue.read().paused
    assert queue.begin(lambda run: "a.h5").state == "running"


@pytest.mark.parametrize(("reason", "raised"), [("SIGTERM", KeyboardInterrupt), ("asked to", StorageError)])
def test_after_a_signal_the_queue_ends_though_the_disk_is_full(queue, monkeypatch, reason, raised):
    def full(*_, **__):
        raise StorageError("no space is left")

    def execute(run, control, observers):
        control.abort(reason)
        return outcome("aborted")

    queue.add(runs(1))
    monkeypatch.setattr(queue, "end", full)
    with pytest.raises(raised):
        make(queue, execute)


def test_a_killed_queue_is_gone_on_with(queue, tmp_path):
    queue.add(runs(3))
    code = KILLED.format(folder=str(tmp_path))
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], check=False, timeout=PATIENCE, env=environment()
    )
    assert ended.returncode == -signal.SIGKILL
    assert states(queue) == ["finished", "interrupted", "waiting"]
    assert read_queue(queue.path).runs[1].state == "running", "nobody was there to write it"

    def execute(entry, control, observers):
        if Path(entry.file + ".jnl").exists():
            return resume(Path(entry.file), fake_bench(), procedure=scan(seed=5), control=control)
        return run(scan(seed=5), fake_bench(), Path(entry.file), control=control)

    def file(entry):
        return tmp_path / f"{entry.id}.h5"

    assert run_queue(queue, execute, file=file) == 0
    assert states(queue) == ["finished", "interrupted", "finished"]
    (back,) = queue.again(2)
    assert (back.state, back.file) == ("waiting", str(tmp_path / "2.h5"))
    assert run_queue(queue, execute, file=file) == 0
    assert states(queue) == ["finished"] * 3
    assert len(read_run(tmp_path / "2.h5").points) == 11
    with pytest.raises(PlanError, match="run 2 is finished; wanted one that was interrupted"):
        queue.again(2)


def test_what_is_put_back_comes_next(queue):
    queue.add(runs(4))
    for number in (1, 2):
        assert queue.begin(lambda run: "data/x.h5").id == number
        queue.end(number, "failed", "gone")
    queue.again(2, 1)
    assert [(run.id, run.state) for run in queue.read().runs] == [
        (2, "waiting"), (1, "waiting"), (3, "waiting"), (4, "waiting"),
    ]  # fmt: skip


def test_a_run_that_is_gone_on_with_keeps_its_file(queue):
    """Whatever a new run would be called by now: on the next day it would be another name."""
    queue.add(runs(1))
    queue.begin(lambda run: "data/monday.h5")
    queue.end(1, "interrupted", "gone")
    queue.again(1)
    assert queue.begin(lambda run: "data/tuesday.h5").file == "data/monday.h5"


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_queue_killed_while_it_is_changed_is_never_half_written(queue):
    code = f"""
        from labspin.session import Queue, QueuedRun
        queue = Queue({str(queue.path)!r})
        print("ready", flush=True)
        while True:
            queue.add([QueuedRun(card="a", label="b" * 500)])
    """
    for number in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code)],
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        process.stdout.readline()
        known, deadline = len(ids(queue)), time.monotonic() + PATIENCE
        while len(ids(queue)) < known + 1 + number:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        process.kill()
        process.communicate()
        before = ids(queue)
        queue.add(runs(1))
        assert ids(queue)[:-1] == before


def test_a_run_that_cannot_begin_is_marked_failed_and_the_queue_goes_on(queue):
    queue.add(runs(3))
    made = []

    def file(run):
        if run.id == 1:
            raise StorageError("data: the name is too long for the file system; choose a shorter one")
        return Path(f"data/{run.id}.h5")

    def execute(run, control, observers):
        made.append(run.id)
        return outcome()

    assert run_queue(queue, execute, file=file) == 1
    assert states(queue) == ["failed", "finished", "finished"]
    assert made == [2, 3]
    assert "name is too long" in queue.read().runs[0].message


def test_the_queue_says_where_the_file_stands_in_the_end(queue):
    queue.add(runs(1))

    def execute(run, control, observers):
        ended = dataclasses.replace(outcome(), path=queue.folder / "data" / "1-2.h5")
        for observer in observers:
            observer.on_finish(ended)
        return ended

    run_queue(queue, execute, file=lambda run: Path("data/1.h5"))
    assert queue.read().runs[0].file == "data/1-2.h5"
