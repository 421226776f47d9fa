"""A folder that is looked at again is told as it is, and only what has changed is read."""

import shutil

import pytest

from labspin.data import RunFolder, RunWriter, annotate, list_runs, reader
from tests.data.samples import grid_header, grid_values


def make_run(path):
    with RunWriter.create(path, grid_header()) as writer:
        for index in range(writer.header.layout.size):
            writer.append(index, float(index), grid_values(index))
        writer.finish("finished")


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
    assert folder.list() == list_runs(tmp_path)
    read.clear()
    assert [run.path.name for run in folder.list()] == ["a.h5", "b.h5", "c.h5"]
    assert read == []
    annotate(tmp_path / "b.h5", comment="good")
    (tmp_path / "c.h5").unlink()
    shutil.copy(tmp_path / "a.h5", tmp_path / "d.h5")
    found = folder.list()
    assert sorted(read) == ["b.h5", "d.h5"]
    assert found == list_runs(tmp_path)
    assert found[1].comment == "good"


def test_a_run_that_grows_is_always_looked_at(tmp_path):
    folder = RunFolder(tmp_path)
    writer = RunWriter.create(tmp_path / "run.h5", grid_header())
    writer.append(0, 0.0, grid_values(0))
    assert [(run.status, run.points) for run in folder.list()] == [("running", 1)]
    writer.append(1, 1.0, grid_values(1))
    assert [run.points for run in folder.list()] == [2]
    writer.finish("aborted")
    writer.close()
    assert [(run.status, run.points) for run in folder.list()] == [("aborted", 2)]
