import subprocess
import sys
import threading

import numpy as np
import pytest

from labspin.data import Column, Layout, RunHeader, RunWriter, read_run
from labspin.data.journal.writer import journal_path
from labspin.errors import ArgumentError, RunFileError, StorageError
from tests.data.samples import ORDER, grid_header, grid_layout, grid_values, list_header
from tests.some import some


def check_partial(run):
    """The columns of the partial run, on the grid, against the values that were written."""
    for name, column in zip(run.data, range(7), strict=True):
        flat = run.data[name].reshape(15, -1)
        for index in range(15):
            if index in ORDER:
                expected = np.atleast_1d(np.array(grid_values(index)[column]))
                np.testing.assert_array_equal(flat[index], expected)
            elif name == "remark":
                assert flat[index] == [""]
            else:
                assert np.isnan(flat[index]).all()


def test_running_and_ended_give_the_same_data(partial, path):
    running = read_run(path)
    assert running.status == "running"
    check_partial(running)
    assert partial.finish("aborted", snapshot={"magnet": {"current": 0.0}}) == path
    assert not journal_path(path).exists()
    ended = read_run(path)
    assert ended.status == "aborted"
    assert ended.points.index.tolist() == list(ORDER)
    assert ended.points.time.tolist() == [0.5 * k for k in range(len(ORDER))]
    assert ended.snapshot_after == {"magnet": {"current": 0.0}}
    check_partial(ended)


def test_what_was_known_before_and_what_happened_come_back(finished):
    run = read_run(finished)
    header = grid_header()
    for name in (
        "procedure",
        "label",
        "parameters",
        "plan",
        "station",
        "snapshot",
        "environment",
        "truth",
        "extra",
    ):
        assert getattr(run.header, name) == getattr(header, name)
    assert run.header.seed == 7
    assert run.is_complete
    assert run.status == "finished"
    assert [(event.kind, event.message, event.data) for event in run.events] == [
        ("safe", "magnet at 0 A", {"ok": True})
    ]


def test_whole_numbers_stay_whole_when_complete_and_exact_when_not(finished, tmp_path):
    assert read_run(finished).data["counts"].dtype == np.int64
    header = RunHeader(procedure="p", layout=Layout(columns=(Column(name="n", dtype="int64"),), size=3))
    big = (1 << 60) + 1
    writer = RunWriter.create(tmp_path / "big.h5", header)
    writer.append(1, 0.0, [big])
    run = read_run(writer.finish("aborted"))
    assert run.columns["n"].tolist() == [big]
    assert run.data["n"][1] == big


def test_files_are_never_overwritten(finished, path):
    before = path.read_bytes()
    with pytest.raises(StorageError, match="never overwritten"):
        RunWriter.create(path, grid_header())
    assert path.read_bytes() == before


@pytest.mark.parametrize("place", ["missing/run.h5", "run.txt", ".run.h5"])
def test_a_wrong_place_is_refused_before_anything_starts(tmp_path, place):
    with pytest.raises(StorageError, match=r"folder does not exist|ends in"):
        RunWriter.create(tmp_path / place, grid_header())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    # As root every folder can be written, except those of the kernel.
    from pathlib import Path

    folder = Path("/proc") if Path("/proc").is_dir() else tmp_path / "nothing"
    with pytest.raises(StorageError):
        RunWriter.create(folder / "run.h5", grid_header())


def test_a_disk_too_small_for_the_plan_is_refused(path, monkeypatch):
    monkeypatch.setattr("labspin.data.writer.shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(StorageError, match="MB are free"):
        RunWriter.create(path, grid_header())


@pytest.mark.parametrize(
    ("index", "column", "value", "match"),
    [
        (15, None, None, "wanted an index from 0 to 14"),
        (-1, None, None, "wanted an index from 0 to 14"),
        (3, None, None, "never changed"),
        (4, 0, "1.5", "contrast.*a number"),
        (4, 0, None, "contrast.*a number"),
        (4, 0, 1j, "contrast.*a number"),
        (4, 0, True, "contrast.*a number"),
        (4, 2, 1.5, "counts.*whole number"),
        (4, 2, 1 << 63, "64 bits"),
        (4, 2, float("nan"), "counts.*whole number"),
        (4, 3, "1j", "complex"),
        (4, 4, [1.0, 2.0], r"trace.*shape \(4,\)"),
        (4, 4, np.ones(4, complex), "trace"),
        (4, 5, 3, "remark.*text"),
    ],
)
def test_points_that_do_not_fit_are_refused_and_leave_no_trace(partial, path, index, column, value, match):
    values = grid_values(index)
    if column is not None:
        values[column] = value
    with pytest.raises(ArgumentError, match=match):
        partial.append(index, 0.0, values)
    assert len(read_run(path).points) == len(ORDER)


def test_a_point_of_the_wrong_length_is_refused(partial):
    with pytest.raises(ArgumentError, match="wanted 7 values"):
        partial.append(4, 0.0, [1.0])


def test_numpy_scalars_are_taken_as_numbers(path):
    writer = RunWriter.create(path, grid_header())
    values = grid_values(0)
    values[:4] = np.float32(0.5), np.array(1.5), np.uint16(7), np.complex64(1j)
    writer.append(np.int64(0), np.float64(1.0), values)
    run = read_run(writer.finish("aborted"))
    assert [run.columns[name][0] for name in ("contrast", "contrast_errors", "counts", "response")] == [
        0.5,
        1.5,
        7,
        1j,
    ]


def test_a_dead_run_is_resumed_to_the_same_data_as_an_uninterrupted_one(partial, path, finished_elsewhere):
    partial.close()
    assert read_run(path).status == "dead"
    writer = RunWriter.resume(path)
    assert writer.done == set(ORDER)
    for index in set(range(15)) - writer.done:
        writer.append(index, 9.0, grid_values(index))
    run, other = read_run(writer.finish("finished")), read_run(finished_elsewhere)
    for name, values in some(other.data.items()):
        np.testing.assert_array_equal(run.data[name], values)
        assert run.data[name].dtype == values.dtype
    assert run.events_of("resumed")


@pytest.fixture
def finished_elsewhere(tmp_path):
    writer = RunWriter.create(tmp_path / "other.h5", grid_header())
    for index in range(15):
        writer.append(index, 0.5 * index, grid_values(index))
    return writer.finish("finished")


def test_an_aborted_run_is_resumed_from_its_file(partial, path):
    partial.finish("aborted")
    with RunWriter.resume(path) as writer:
        assert writer.done == set(ORDER)
        assert read_run(path).status == "running"
        for index in set(range(15)) - writer.done:
            writer.append(index, 9.0, grid_values(index))
        writer.finish("finished")
    run = read_run(path)
    assert run.is_complete
    assert run.points.index.tolist()[:5] == list(ORDER)
    assert [event.kind for event in run.events] == ["log", "resumed"]


def test_a_finished_or_missing_run_is_not_resumed(finished, tmp_path):
    with pytest.raises(RunFileError, match="has finished"):
        RunWriter.resume(finished)
    with pytest.raises(RunFileError, match="no such file"):
        RunWriter.resume(tmp_path / "none.h5")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["run.h5"]


def test_a_checkpoint_is_a_whole_file_of_what_there_is(partial, path):
    partial.checkpoint()
    copy = path.with_name("copy.h5")
    copy.write_bytes(path.read_bytes())
    assert read_run(copy).status == "dead"
    check_partial(read_run(copy))
    assert read_run(path).status == "running"
    partial.append(4, 3.0, grid_values(4))
    partial.finish("aborted")
    assert len(read_run(path).points) == 6


def test_checkpoints_come_by_themselves(path):
    with RunWriter.create(path, list_header(), checkpoint_interval=0.05) as writer:
        writer.append(0, 0.0, [1.0, 2.0])
        waited = threading.Event()
        for _ in range(200):
            if path.exists():
                break
            waited.wait(0.05)
        assert path.exists()
        writer.finish("finished")
    assert read_run(path).status == "finished"


def test_a_checkpoint_that_fails_is_reported_and_the_run_goes_on(path, monkeypatch):
    def fail(*_, **__):
        raise StorageError("the disk is full")

    monkeypatch.setattr("labspin.data.nexus.publish.publish", fail)
    with RunWriter.create(path, list_header(), checkpoint_interval=0.02) as writer:
        writer.append(0, 0.0, [1.0, 2.0])
        for _ in range(200):
            if writer.read().events_of("checkpoint"):
                break
            threading.Event().wait(0.02)
        assert writer.read().events_of("checkpoint")
        writer.append(1, 0.0, [1.0, 2.0])
        monkeypatch.undo()
        writer.finish("finished")
    assert len(read_run(path).points) == 2


def test_if_publishing_fails_the_journal_stays_and_finish_can_be_called_again(partial, path, monkeypatch):
    def fail(*_, **__):
        raise StorageError("the disk is full")

    monkeypatch.setattr("labspin.data.nexus.publish.publish", fail)
    with pytest.raises(StorageError, match="full"):
        partial.finish("aborted")
    assert journal_path(path).exists()
    monkeypatch.undo()
    assert partial.finish("aborted") == path
    check_partial(read_run(path))


def test_a_file_of_another_run_that_appears_meanwhile_is_not_replaced(partial, path, finished_elsewhere):
    finished_elsewhere.rename(path)
    before = path.read_bytes()
    target = partial.finish("aborted")
    assert target == path.with_name("run-2.h5")
    assert path.read_bytes() == before
    assert read_run(target).status == "aborted"


def test_a_file_held_open_by_a_viewer_gets_a_versioned_neighbour(partial, path, monkeypatch):
    from pathlib import Path

    from labspin.data.nexus.publish import publish

    partial.checkpoint()
    real = Path.replace

    def held(self, target):
        if target == path:
            raise PermissionError(13, "used by another process")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", held)
    target = publish(partial.read(), patience=0.2)
    assert target == path.with_name("run-2.h5")


def test_a_run_without_points_ends_as_well(path):
    for header, name in (
        (list_header(), "list.h5"),
        (list_header(4), "sized.h5"),
        (grid_header(), "grid.h5"),
    ):
        run = read_run(RunWriter.create(path.with_name(name), header).finish("failed"))
        assert len(run.points) == 0
        assert run.status == "failed"


def test_a_large_grid_with_few_points_takes_little_room(path):
    layout = Layout(dimensions=grid_layout().dimensions, columns=(Column(name="t", shape=(1000, 4000)),))
    writer = RunWriter.create(path, RunHeader(procedure="p", layout=layout))
    trace = np.arange(4e6).reshape(1000, 4000)
    writer.append(7, 0.0, [trace])
    target = writer.finish("aborted")
    assert target.stat().st_size < 1.3 * trace.nbytes
    run = read_run(target)
    np.testing.assert_array_equal(run.columns["t"][0], trace)


def test_many_threads_may_append_and_report(path):
    with RunWriter.create(path, list_header()) as writer:

        def work(start):
            for index in range(start, start + 200):
                writer.append(index, 0.0, [float(index), 1.0])
                if not index % 10:
                    writer.event("log", str(index))

        threads = [threading.Thread(target=work, args=(200 * k,)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        run = writer.read()
    assert sorted(run.points.index) == list(range(800))
    np.testing.assert_array_equal(run.data["frequency"], np.arange(800.0))
    assert len(run.events) == 80


def test_the_package_loads_nothing_heavy():
    code = (
        "import sys, labspin.data\n"
        "heavy = [m for m in ('h5py', 'xarray', 'numpy', 'msgpack', 'pandas') if m in sys.modules]\n"
        "assert not heavy, heavy\n"
        "from labspin.data import RunWriter, RunHeader, read_run\n"
        "heavy = [m for m in ('h5py', 'xarray', 'pandas') if m in sys.modules]\n"
        "assert not heavy, heavy\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
