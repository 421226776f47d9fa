"""What is written is on the disk, counted and tied to the right axes; what is missing is not a number."""

import os
import sys
from dataclasses import replace

import h5py
import numpy as np
import pytest

from labspin.data import (
    Dimension,
    FitCurve,
    FitParameter,
    FitRecord,
    Points,
    RunWriter,
    lock,
    read_run,
    recover,
    write_fit,
)
from labspin.data.journal.writer import journal_path
from labspin.data.nexus import publish
from labspin.data.nexus.stored import get_dataset
from labspin.errors import ArgumentError, DamagedFileError, StorageError
from tests.data.samples import ORDER, grid_header, grid_values
from tests.disk import disk_calls
from tests.some import some

FIELD = Dimension(name="magnet.field", unit="T", values=np.linspace(0, 0.1, 5))


@pytest.mark.skipif(sys.platform != "linux", reason="names open files by /proc")
def test_the_header_of_a_run_is_on_the_disk_before_it_begins(path, monkeypatch):
    calls = disk_calls(monkeypatch)
    with RunWriter.create(path, grid_header(), sync_interval=1e9, checkpoint_interval=None):
        journal = journal_path(path).name
        assert [call for call, name in calls if name == journal] == ["write", "sync"]
        assert calls[-1] == ("sync", path.parent.name)


@pytest.mark.skipif(sys.platform != "linux", reason="names open files by /proc")
@pytest.mark.parametrize("in_memory", [True, False])
def test_a_file_is_on_the_disk_before_it_takes_its_place(partial, path, monkeypatch, in_memory):
    if not in_memory:
        monkeypatch.setattr(publish, "_IN_MEMORY", 0)
    calls = disk_calls(monkeypatch)
    partial.finish("aborted")
    part = f".{path.name}.tmp"
    assert [call for call, name in calls if name == part and call != "write"][-2:] == ["sync", "replace"]
    assert ("sync", path.parent.name) in calls[calls.index(("replace", part)) :]


def test_a_file_that_lacks_a_point_does_not_take_its_place(partial, path, monkeypatch):
    whole = publish.write_run

    def careless(file, run):
        points = Points(**{name: values[:-1] for name, values in vars(run.points).items()})
        whole(file, replace(run, points=points, columns={n: c[:-1] for n, c in run.columns.items()}))

    monkeypatch.setattr(publish, "write_run", careless)
    with pytest.raises(DamagedFileError, match="did not read back as it was written"):
        partial.finish("aborted")
    assert not path.exists()
    monkeypatch.undo()
    assert len(read_run(partial.finish("aborted")).points) == len(ORDER)


def test_a_journal_that_lost_an_acknowledged_point_is_kept(path):
    with RunWriter.create(path, grid_header(), sync_interval=1e9, checkpoint_interval=None) as writer:
        for index in range(3):
            before = journal_path(path).stat().st_size
            writer.append(index, 0.0, grid_values(index))
        os.truncate(journal_path(path), before)
        with pytest.raises(StorageError, match="holds 2 of 3 points; it is kept"):
            writer.finish("finished")
        assert journal_path(path).exists()
        assert not path.exists()


@pytest.mark.parametrize("ended", [False, True])
def test_a_missing_complex_point_has_no_part_that_is_a_number(partial, path, ended):
    if ended:
        partial.finish("aborted")
    response = read_run(path).data["response"].ravel()
    missing = np.setdiff1d(np.arange(response.size), ORDER)
    assert np.isnan(response.real[missing]).all()
    assert np.isnan(response.imag[missing]).all()
    assert not np.isnan(response[list(ORDER)]).any()


# -- axes and errors ----------------------------------------------------------------------------------------


def fit_at_every_field():
    return FitRecord(
        name="by_field",
        quantity="response",
        model="resonance",
        dimensions=(FIELD,),
        parameters=(
            FitParameter(name="width", value=np.arange(5.0), stderr=np.arange(5.0), unit="Hz"),
            FitParameter(name="centre", value=np.arange(5.0), stderr=None, unit="Hz"),
        ),
        covariance=np.arange(20.0).reshape(5, 2, 2),
        statistics={"reduced_chi_square": np.ones(5)},
        curve=FitCurve(axes=(Dimension(name="lag", unit="s", values=[0.0, 1.0]),), values=np.ones((5, 2))),
    )


def test_the_axes_of_fits_are_those_of_their_data(finished):
    write_fit(finished, fit_at_every_field())

    def dimensions(group):
        """Return the scales that are attached to each axis; readers guess from the size where none is."""
        with h5py.File(finished) as file:
            sets = {
                name: one for name, one in file[f"entry/fit_by_field/{group}"].items() if not one.is_scale
            }
            return {
                name: tuple(scale.name.rsplit("/", 1)[1] for axis in one.dims for scale in axis.values())
                for name, one in sets.items()
            }

    along = ("magnet.field",)
    assert dimensions("parameters") == dict.fromkeys(
        ["width", "width_errors", "centre", "centre_errors"], along
    )
    assert dimensions("statistics") == {"reduced_chi_square": along}
    assert dimensions("covariance") == {"covariance": (*along, "row", "column")}
    assert dimensions("curve") == {"fit": (*along, "lag")}


def test_an_error_that_is_not_known_is_no_number(finished):
    write_fit(finished, fit_at_every_field())
    (fit,) = read_run(finished).fits
    assert np.isnan(fit.parameter("centre").stderr).all()
    assert fit.parameter("width").stderr.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_each_axis_of_the_plot_says_which_dimension_it_is(path):
    writer = RunWriter.create(path, replace(grid_header(), signal="trace"))
    for index in range(15):
        writer.append(index, 0.0, grid_values(index))
    with h5py.File(writer.finish("finished")) as file:
        data = file["entry/data"]
        for name in some(data.attrs["axes"]):
            (place,) = data.attrs[f"{name}_indices"]
            assert data["trace"].shape[place] == data[name].size, name
            assert data["trace"].dims[place][0] == data[name]


# -- what a file claims -------------------------------------------------------------------------------------


def test_a_data_set_that_claims_what_the_file_does_not_hold_is_not_read(tmp_path, finished):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file.create_dataset("claims", (10**9,), "f8", chunks=(1000,))
        file.create_dataset("holds", data=np.zeros(200_000), compression="gzip")
        with pytest.raises(DamagedFileError, match="'claims' in '/' claims 8000000000 bytes"):
            get_dataset(file, "claims")
        assert get_dataset(file, "holds").shape == (200_000,)


# -- journals -----------------------------------------------------------------------------------------------


def journal_of(path, count):
    """Write a journal of ``count`` points and leave it; return where each record ends."""
    ends = []
    with RunWriter.create(path, grid_header(), sync_interval=1e9, checkpoint_interval=None) as writer:
        for index in range(count):
            writer.append(index, 0.0, grid_values(index))
            ends.append(journal_path(path).stat().st_size)
    return ends


def test_what_is_half_written_goes_when_the_run_is_resumed(path):
    journal_of(path, 3)
    whole = journal_path(path).read_bytes()
    journal_path(path).write_bytes(whole + whole[-30:-5])
    with RunWriter.resume(path) as writer:
        writer.append(3, 1.0, grid_values(3))
    assert sorted(read_run(path).points.index) == [0, 1, 2, 3]
    recover(path)
    assert len(read_run(path).points) == 4


@pytest.mark.parametrize("damaged", [0, 1])
def test_salvage_keeps_every_sound_point_and_the_last_one(path, damaged):
    ends = journal_of(path, 4)
    content = bytearray(journal_path(path).read_bytes())
    content[ends[damaged] + 40] ^= 0xFF  # within the point that follows
    journal_path(path).write_bytes(content)
    with pytest.raises(DamagedFileError):
        recover(path)
    recover(path, salvage=True)
    lost = damaged + 1
    assert sorted(read_run(path).points.index) == [index for index in range(4) if index != lost]


def test_a_run_that_went_on_after_its_end_was_noted_is_not_over(path, monkeypatch):
    """Publishing failed when the run was aborted; it was resumed, and died."""
    monkeypatch.setattr("labspin.data.journal.reader._BLOCK", 16)  # every record comes alone
    writer = RunWriter.create(path, grid_header(), sync_interval=1e9, checkpoint_interval=None)
    writer.append(0, 0.0, grid_values(0))

    def fail(*_):
        raise StorageError("the disk is full")

    with monkeypatch.context() as full:
        full.setattr(publish, "_write_image", fail)
        with pytest.raises(StorageError):
            writer.finish("aborted")
    writer.close()
    assert read_run(path).status == "aborted"
    with RunWriter.resume(path) as resumed:
        for index in range(1, 8):
            resumed.append(index, 0.0, grid_values(index))
    assert read_run(path).status == "dead"


@pytest.mark.skipif(sys.platform != "linux", reason="names open files by /proc")
def test_the_last_points_are_on_the_disk_when_a_run_is_left(path, monkeypatch):
    writer = RunWriter.create(path, grid_header(), sync_interval=1e9, checkpoint_interval=None)
    calls = disk_calls(monkeypatch)
    writer.append(0, 0.0, grid_values(0))
    writer.append(1, 0.0, grid_values(1))
    writer.close()
    journal = journal_path(path).name
    assert [call for call, name in calls if name == journal][-1] == "sync"


def test_a_lock_is_that_of_the_file_that_everybody_sees(path, monkeypatch):
    """Whoever had the lock before takes its file away; a lock on that one keeps nobody out."""
    real, tries = lock.try_lock, []

    def replaced_meanwhile(descriptor, **options):
        if not tries:
            (found,) = (entry for entry in path.parent.iterdir() if "lock" in entry.name)
            found.unlink()
            found.touch()
        tries.append(descriptor)
        return real(descriptor, **options)

    path.touch()
    monkeypatch.setattr(lock, "try_lock", replaced_meanwhile)
    with lock.lock_file(path):
        (found,) = (entry for entry in path.parent.iterdir() if "lock" in entry.name)
        assert os.path.samestat(os.fstat(tries[-1]), found.stat())
    assert len(tries) == 2


@pytest.mark.parametrize("value", [np.complex128(1 + 2j), np.array(1 + 2j), np.complex64(1j)])
def test_a_complex_number_does_not_lose_its_imaginary_part(path, value):
    with RunWriter.create(path, grid_header()) as writer:
        row = grid_values(0)
        row[0] = value
        with pytest.raises(ArgumentError, match=r"contrast.*a number"):
            writer.append(0, 0.0, row)
