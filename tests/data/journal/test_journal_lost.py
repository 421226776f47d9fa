"""A journal that is deleted, replaced, written by another computer, or no journal at all."""

import os
import time

import pytest

from labspin.data import EventKind, RunWriter, list_runs, read_run, recover
from labspin.data.journal import liveness, writer as writer_module
from labspin.data.journal.liveness import is_alive
from labspin.data.journal.writer import journal_path
from labspin.errors import RunFileError, StorageError
from tests.data.samples import grid_header, grid_values
from tests.places import PATIENCE


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.h5"


def begun(path, points=8, **options):
    writer = RunWriter.create(path, grid_header(), sync_interval=0.05, **options)
    for index in range(points):
        writer.append(index, 0.1 * index, grid_values(index))
    return writer


def until(condition, patience=10.0):
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def deleted(journal):
    journal.unlink()


def replaced(journal):
    journal.unlink()
    journal.write_bytes(b"something else")


def folder_gone(journal):
    journal.unlink()
    journal.parent.rmdir()


@pytest.mark.parametrize("kept", [writer_module._KEPT, 0], ids=["from memory", "from the deleted file"])
@pytest.mark.parametrize("lose", [deleted, replaced, folder_gone])
def test_a_journal_that_goes_in_mid_run_is_made_anew_and_no_point_is_lost(tmp_path, lose, kept, monkeypatch):
    monkeypatch.setattr(writer_module, "_KEPT", kept)
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "run.h5"
    writer, journal = begun(path), journal_path(path)
    lose(journal)
    until(lambda: journal.exists() and journal.stat().st_size > 1000)
    assert read_run(path).status == "running"
    for index in range(8, 14):
        writer.append(index, 0.1 * index, grid_values(index))
    lose(journal)
    writer.append(14, 4.0, grid_values(14))
    writer.finish("finished")
    run = read_run(path)
    assert run.points.index.tolist() == list(range(15))
    assert [values[0] for values in zip(run.columns["contrast"], strict=True)] == [
        grid_values(index)[0] for index in range(15)
    ]
    assert len(run.events_of(EventKind.JOURNAL)) == 2
    kept_aside = sorted(other.name for other in path.parent.glob("*.replaced-*"))
    assert len(kept_aside) == (2 if lose is replaced else 0), "what somebody put there is kept"
    assert not journal.exists()


def test_a_journal_that_cannot_be_made_anew_ends_the_run_loudly(path, monkeypatch):
    writer = begun(path)

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer_module, "write_whole", refuse)
    journal_path(path).unlink()
    until(lambda: writer._journal._failure is not None)
    with pytest.raises(StorageError, match="full"):
        writer.append(12, 3.0, grid_values(12))
    writer.close()


# -- another computer --------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(path, monkeypatch):
    """Make a journal that a writer on another computer has just touched, where no lock reaches."""
    monkeypatch.setattr(liveness, "_host_id", lambda: "laboratory/0001")
    writer = begun(path)
    writer.close()
    monkeypatch.setattr(liveness, "_host_id", lambda: "office/0002")
    return journal_path(path)


def test_a_journal_of_another_computer_is_alive_while_it_is_touched(path, elsewhere):
    assert is_alive(elsewhere)
    assert read_run(path).status == "running"
    assert [summary.status for summary in list_runs(path.parent)] == ["running"]
    assert recover(path.parent) == []
    with pytest.raises(RunFileError, match="still being written"):
        recover(path)
    with pytest.raises(StorageError, match="still being written"):
        RunWriter.resume(path)
    assert elsewhere.exists()


def test_it_is_dead_a_minute_after_the_last_touch(path, elsewhere):
    os.utime(elsewhere, (time.time() - 61, time.time() - 61))
    assert not is_alive(elsewhere)
    assert recover(path.parent) == [path]
    assert len(read_run(path).points) == 8


def test_a_dead_journal_of_this_computer_needs_no_minute(path):
    begun(path).close()
    assert not is_alive(journal_path(path))


def test_an_idle_writer_touches_its_journal(path, monkeypatch):
    monkeypatch.setattr(writer_module, "HEARTBEAT", 0.1)
    writer = begun(path)
    journal = journal_path(path)
    os.utime(journal, (0, 0))
    until(lambda: journal.stat().st_mtime > time.time() - 60)
    writer.close()


# -- what is no journal ------------------------------------------------------------------------------------


def test_a_pipe_in_the_folder_blocks_nothing(path):
    begun(path).close()
    os.mkfifo(path.parent / "a.h5.jnl")
    os.mkfifo(path.parent / "b.h5")
    problems = []
    begun_at = time.monotonic()
    assert recover(path.parent, on_error=lambda file, error: problems.append(str(error))) == [path]
    assert any("a.h5.jnl: is no plain file" in problem for problem in problems)
    assert [summary.path.name for summary in list_runs(path.parent)] == ["run.h5"]
    for name in ("a.h5", "b.h5"):
        with pytest.raises(RunFileError, match="no plain file"):
            read_run(path.parent / name)
    assert time.monotonic() - begun_at < PATIENCE


@pytest.mark.parametrize("error", [MemoryError(), RecursionError("deep"), ZeroDivisionError("x")])
def test_one_journal_that_makes_labspin_fail_is_put_aside_and_tried_again_by_name(path, error, monkeypatch):
    from labspin.data.nexus import publish as module

    for name in ("bad.h5", "good.h5"):
        begun(path.with_name(name)).close()
    publish = module.publish

    def fails(run, **options):
        if run.path.name == "bad.h5":
            raise error
        return publish(run, **options)

    problems = []
    with monkeypatch.context() as broken:
        broken.setattr(module, "publish", fails)
        told = recover(path.parent, on_error=lambda file, problem: problems.append(str(problem)))
        assert told == [path.with_name("good.h5")]
        assert recover(path.parent) == [], "it is not met again"
    (problem,) = problems
    aside = path.with_name("bad.h5.jnl.quarantined")
    assert f"kept as {aside.name}" in problem
    assert aside.exists()
    assert recover(aside) == [path.with_name("bad.h5")]
    assert len(read_run(path.with_name("bad.h5")).points) == 8
