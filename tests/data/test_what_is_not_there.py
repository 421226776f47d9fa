"""What a file, a folder and a recovery say of runs that lack something."""

import h5py
import pytest

from labspin.data import RunWriter, list_runs, read_run, recover
from labspin.data.journal.writer import JournalWriter, journal_path
from labspin.data.plain import plain
from labspin.errors import RunFileError, StorageError
from tests.data.samples import ORDER, grid_header, grid_values, list_header


def test_a_grid_that_lacks_points_is_not_complete(partial, path):
    assert not read_run(path).is_complete
    partial.finish("aborted")
    assert not read_run(path).is_complete


def test_times_are_in_seconds(partial, path):
    with h5py.File(partial.finish("aborted")) as file:
        times = [group["time"] for group in (file["entry/points"],) if "time" in group] or [
            values for name, values in file["entry/points"].items() if "time" in name
        ]
        assert [values.attrs["units"] for values in times] == ["s"] * len(times)
        assert times[0][()].tolist() == [0.5 * k for k in range(len(ORDER))]


@pytest.mark.parametrize("number", [1 << 63, -(1 << 63) - 1, 10**30])
def test_a_whole_number_of_more_than_64_bits_is_kept_as_text(number):
    assert plain({"n": number})["n"] == str(number)
    assert plain({"n": (1 << 63) - 1})["n"] == (1 << 63) - 1


def test_a_file_whose_run_has_neither_ended_nor_a_journal_is_of_a_dead_run(path):
    writer = RunWriter.create(path, grid_header(), checkpoint_interval=None)
    writer.append(0, 0.0, grid_values(0))
    writer.checkpoint()
    writer.close()
    journal_path(path).unlink()
    (listed,) = list_runs(path.parent)
    assert listed.status == read_run(path).status == "dead"


def test_a_journal_that_cannot_be_published_is_kept(path, monkeypatch):
    writer = RunWriter.create(path, grid_header(), checkpoint_interval=None)
    writer.append(0, 0.0, grid_values(0))
    writer.close()

    def fail(*_, **__):
        raise StorageError("the disk is full")

    with monkeypatch.context() as full:
        full.setattr("labspin.data.nexus.publish.publish", fail)
        with pytest.raises(StorageError, match="full"):
            recover(path)
    assert journal_path(path).exists()
    recover(path)
    assert len(read_run(path).points) == 1


def test_a_run_that_has_finished_is_recovered_and_not_gone_on_with(path, monkeypatch):
    def fail(run):
        raise StorageError("the disk is full")

    writer = RunWriter.create(path, list_header(2))
    writer.append(0, 0.0, [1.0, 2.0])
    with monkeypatch.context() as full:
        full.setattr("labspin.data.nexus.publish.publish", fail)
        with pytest.raises(StorageError, match="full"):
            writer.finish("finished")
    writer.close()
    with pytest.raises(RunFileError, match="its run has finished; recover it instead of resuming it"):
        RunWriter.resume(path)
    assert recover(path) == [path]
    assert (read_run(path).status, len(read_run(path).points)) == ("finished", 1)
    with pytest.raises(RunFileError, match="finished"):
        RunWriter.resume(path)
    assert not journal_path(path).exists()


@pytest.mark.parametrize("written", range(4))
def test_a_run_that_cannot_be_gone_on_with_is_left_as_it_was(path, monkeypatch, written):
    """The disk is full after so many records: three points, and that it is resumed."""
    writer = RunWriter.create(path, list_header(9))
    for index in range(3):
        writer.append(index, 0.0, [1.0, 2.0])
    before = writer.finish("aborted").read_bytes()
    write, left = JournalWriter.write, iter(range(written))

    def full(self, record):
        if next(left, None) is None:
            raise StorageError("the disk is full")
        write(self, record)

    with monkeypatch.context() as disk:
        disk.setattr(JournalWriter, "write", full)
        with pytest.raises(StorageError, match="full"):
            RunWriter.resume(path)
    assert not journal_path(path).exists(), "what was made to resume is removed"
    assert path.read_bytes() == before
    RunWriter.resume(path).close()
    assert len(read_run(path).points) == 3
