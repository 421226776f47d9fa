"""A folder that is looked at again is told as it is, and only what has changed is read."""

import shutil

import h5py
import pytest

from labspin.data import RunFolder, RunWriter, annotate, list_runs, reader
from tests.data.samples import grid_header, grid_values
from tests.some import some


def make_run(path):
    with RunWriter.create(path, grid_header()) as writer:
        for index in range(writer.header.layout.size):
            writer.append(index, float(index), grid_values(index))
        writer.finish("finished")


def paths(changes):
    return sorted(run.path.name for run in changes.runs), sorted(path.name for path in changes.gone)


@pytest.fixture
def read(monkeypatch):
    """Return a list of the files that are opened for a summary."""
    opened = []
    original = reader._summary_from_file
    monkeypatch.setattr(
        reader, "_summary_from_file", lambda path, *more: opened.append(path.name) or original(path, *more)
    )
    return opened


def test_only_what_changed_is_read_again(tmp_path, read):
    make_run(tmp_path / "a.h5")
    for name in ("b", "c"):
        shutil.copy(tmp_path / "a.h5", tmp_path / f"{name}.h5")
    folder = RunFolder(tmp_path)
    assert [run.path.name for run in folder.changes().runs] == ["c.h5", "b.h5", "a.h5"], "the last name first"
    read.clear()
    assert paths(folder.changes()) == ([], [])
    assert read == []
    annotate(tmp_path / "b.h5", comment="good")
    (tmp_path / "c.h5").unlink()
    shutil.copy(tmp_path / "a.h5", tmp_path / "d.h5")
    found = folder.changes()
    assert sorted(read) == ["b.h5", "d.h5"]
    assert paths(found) == (["b.h5", "d.h5"], ["c.h5"])
    known = {run.path: run for run in list_runs(tmp_path)}
    assert all(known[run.path] == run for run in some(found.runs))
    assert known[tmp_path / "b.h5"].comment == "good"


def test_a_run_that_grows_is_always_looked_at(tmp_path):
    folder = RunFolder(tmp_path)
    writer = RunWriter.create(tmp_path / "run.h5", grid_header())
    writer.append(0, 0.0, grid_values(0))
    assert [(run.status, run.points) for run in folder.changes().runs] == [("running", 1)]
    writer.append(1, 1.0, grid_values(1))
    assert [run.points for run in folder.changes().runs] == [2]
    writer.finish("aborted")
    writer.close()
    assert [(run.status, run.points) for run in folder.changes().runs] == [("aborted", 2)]


def test_a_look_that_is_broken_off_goes_on_where_it_was(tmp_path, read):
    make_run(tmp_path / "a.h5")
    for name in "bcd":
        shutil.copy(tmp_path / "a.h5", tmp_path / f"{name}.h5")
    folder, told = RunFolder(tmp_path), []
    for _ in range(4):
        changes = folder.changes(seconds=0.0)
        told += [run.path.name for run in changes.runs]
        assert changes.is_whole == (len(told) == 4)
    assert told == ["d.h5", "c.h5", "b.h5", "a.h5"]
    (tmp_path / "b.h5").unlink()
    assert paths(folder.changes()) == ([], ["b.h5"])
    assert len(read) == 4


def test_a_run_that_becomes_something_else_is_gone(tmp_path):
    make_run(tmp_path / "a.h5")
    folder = RunFolder(tmp_path)
    assert paths(folder.changes()) == (["a.h5"], [])
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = 1.0
    assert paths(folder.changes()) == ([], ["a.h5"])
