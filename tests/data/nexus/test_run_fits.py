import threading

import h5py
import numpy as np
import pytest

from labspin.data import (
    Dimension,
    FitCurve,
    FitParameter,
    FitRecord,
    RunWriter,
    open_parts,
    read_run,
    write_fit,
)
from labspin.data.journal.writer import journal_path
from labspin.data.nexus.publish import amend
from labspin.data.nexus.seal import check_seal
from labspin.errors import ArgumentError, DamagedFileError, RunFileError, StorageError

DELAY = Dimension(name="delay", unit="s", values=[1e-6, 1e-5, 1e-4])
FIELD = Dimension(name="magnet.field", unit="T", values=np.linspace(0, 0.1, 5))


def single(name="t1", **changes):
    content = {
        "name": name,
        "quantity": "contrast",
        "model": "stretched_exponential",
        "recipe": {"model": "stretched_exponential", "start": {"T1": 1e-3}, "weights": None},
        "parameters": (
            FitParameter(name="T1", value=1.5e-3, stderr=1e-4, unit="s"),
            FitParameter(name="beta", value=0.5, stderr=0.0, varied=False),
            FitParameter(name="offset", value=0.1, stderr=np.nan),
        ),
        "covariance": [[1e-8, 0.0], [0.0, 1.0]],
        "statistics": {"chi_square": 12.5, "success": True, "message": "ok", "aic": np.nan},
        "curve": FitCurve(axes=(DELAY,), values=[1.0, 0.5, 0.25], data=[1.1, 0.4, 0.3]),
    }
    return FitRecord(**content | changes)


def repeated():
    values = np.arange(5.0)
    return FitRecord(
        name="by_field",
        quantity="response",
        model="resonance",
        dimensions=(FIELD,),
        parameters=(FitParameter(name="width", value=values, stderr=0.1 * values, unit="Hz"),),
        covariance=np.arange(5.0).reshape(5, 1, 1),
        statistics={"reduced_chi_square": np.ones(5)},
        curve=FitCurve(axes=(DELAY,), values=np.ones((5, 3)) * (1 + 2j), unit="V"),
    )


def check_same(found, fit):
    for name in ("name", "quantity", "model", "recipe", "version", "date", "dimensions"):
        assert getattr(found, name) == getattr(fit, name), name
    assert [(p.name, p.unit, p.varied) for p in found.parameters] == [
        (p.name, p.unit, p.varied) for p in fit.parameters
    ]
    for a, b in zip(found.parameters, fit.parameters, strict=True):
        np.testing.assert_array_equal(a.value, b.value)
        np.testing.assert_array_equal(a.stderr, b.stderr)
    np.testing.assert_array_equal(found.covariance, fit.covariance)
    assert found.statistics.keys() == fit.statistics.keys()
    for name, value in fit.statistics.items():
        np.testing.assert_array_equal(found.statistics[name], value)
    np.testing.assert_array_equal(found.curve.values, fit.curve.values)
    np.testing.assert_array_equal(found.curve.data, fit.curve.data)
    assert found.curve.axes == fit.curve.axes
    assert found.curve.unit == fit.curve.unit


def test_fits_come_back_as_they_went(finished):
    fits = [single(), repeated()]
    for fit in fits:
        assert write_fit(finished, fit) == fit.name
    found = {fit.name: fit for fit in read_run(finished).fits}
    for fit in fits:
        check_same(found[fit.name], fit)
    assert check_seal(finished)


def test_raw_data_are_not_touched(finished):
    def raw():
        with h5py.File(finished) as file:
            items = {}
            file["entry/data"].visititems(lambda name, item: items.update({name: repr(item[()].tolist())}))
            return items

    before = raw()
    write_fit(finished, single())
    assert raw() == before


def test_a_second_fit_of_the_same_name_is_numbered_or_replaces(finished):
    assert [write_fit(finished, single()) for _ in range(3)] == ["t1", "t1_2", "t1_3"]
    assert write_fit(finished, single(model="other"), replace_same=True) == "t1"
    assert {fit.name: fit.model for fit in read_run(finished).fits} == {
        "t1": "other",
        "t1_2": "stretched_exponential",
        "t1_3": "stretched_exponential",
    }


def test_a_run_that_has_not_ended_takes_no_fit(partial, path):
    with pytest.raises(RunFileError, match="has not ended"):
        write_fit(path, single())
    partial.finish("aborted")
    write_fit(path, single())


def test_fits_outlive_a_resumed_run(partial, path):
    partial.finish("aborted")
    write_fit(path, single())
    RunWriter.resume(path).finish("aborted")
    check_same(read_run(path).fits[0], read_run(path).fits[0])
    assert [fit.name for fit in read_run(path).fits] == ["t1"]


def test_if_a_fit_cannot_be_written_the_file_is_as_it_was(finished, monkeypatch):
    before = finished.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("labspin.data.nexus.publish.os.fsync", full)
    with pytest.raises(StorageError, match="full"):
        write_fit(finished, single())
    assert finished.read_bytes() == before
    assert [entry.name for entry in finished.parent.iterdir()] == ["run.h5"]


def test_fits_written_at_the_same_time_all_arrive(finished):
    threads = [threading.Thread(target=write_fit, args=(finished, single(f"fit{k}"))) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(fit.name for fit in read_run(finished).fits) == [f"fit{k}" for k in range(6)]
    assert not journal_path(finished).exists()


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: single("a b"), "'a b'"),
        (lambda: single(covariance=np.ones((3, 3))), "covariance has shape"),
        (lambda: single(dimensions=(FIELD,)), "wanted \\(5,\\)"),
        (
            lambda: single(parameters=(FitParameter(name="a", value=1, stderr=1),) * 2, covariance=None),
            "must differ",
        ),
        (lambda: single(curve=FitCurve(axes=(DELAY,), values=[1.0])), "curve has shape"),
        (lambda: FitParameter(name="a", value=[1.0, 2.0], stderr=[1.0, 2.0, 3.0]), "standard error"),
        (lambda: FitParameter(name="a", value="x", stderr=0), "wanted numbers"),
        (lambda: FitCurve(axes=(DELAY,), values=[1.0, 2.0, 3.0], data=[1.0]), "like its values"),
        (lambda: single().parameter("T2"), "no parameter 'T2'"),
    ],
)
def test_contradictory_fits_are_refused(make, match):
    with pytest.raises(ArgumentError, match=match):
        make()


def overwrite_a_value(file):
    file["entry/data/point_time"][...] = 0


def append_a_point(file):
    index = file["entry/points/index"]
    values = index[()]
    del file["entry/points/index"]
    file["entry/points"].create_dataset("index", data=np.append(values, 99), chunks=(len(values) + 1,))


def change_an_event(file):
    file["entry/events/message"][0] = "it was otherwise"


@pytest.mark.parametrize("change", [overwrite_a_value, append_a_point, change_an_event])
@pytest.mark.parametrize("in_memory", [True, False])
def test_whatever_would_change_the_measurement_is_not_published(finished, change, in_memory, monkeypatch):
    if not in_memory:
        monkeypatch.setattr("labspin.data.nexus.publish._IN_MEMORY_TO_AMEND", 0)
    before = finished.read_bytes()
    with pytest.raises(DamagedFileError, match="did not read back"):
        amend(finished, change)
    assert finished.read_bytes() == before
    assert [entry.name for entry in finished.parent.iterdir()] == ["run.h5"]


def test_a_large_file_takes_fits_without_being_held_in_memory(finished, monkeypatch):
    monkeypatch.setattr("labspin.data.nexus.publish._IN_MEMORY_TO_AMEND", 0)
    for fit in (single(), repeated()):
        write_fit(finished, fit)
        check_same({found.name: found for found in read_run(finished).fits}[fit.name], fit)
    assert check_seal(finished)


def test_fits_of_older_files_are_read(finished):
    """Statistics once stood as one JSON text."""

    def older(file):
        group = file["entry/fit_t1"]
        del group["statistics"]
        group["statistics_json"] = '{"chi_square": 12.5, "success": true}'

    write_fit(finished, single())
    amend(finished, older)
    (fit,) = read_run(finished).fits
    assert fit.statistics == {"chi_square": 12.5, "success": True}


def test_statistics_of_any_kind_come_back(finished):
    statistics = {
        "aic": 1.5, "many": np.arange(5.0), "other": np.ones((2, 2)), "flag": False, "count": 3, "none": None,
        "texts": ["a", "", "µ"], "long": "x" * 100_000, "magnet.field": 2.0, "a/b": 1.0,
        "nested": {"k": [1, None]}, "amplitude": 1 + 2j,
    }  # fmt: skip
    write_fit(finished, FitRecord(**{**vars(repeated()), "statistics": statistics}))
    (fit,) = read_run(finished).fits
    assert fit.statistics.keys() == statistics.keys()
    for name, value in statistics.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(fit.statistics[name], value)
        else:
            assert fit.statistics[name] == value
            assert type(fit.statistics[name]) is type(value)


def test_carried_fits_keep_their_axes(partial, path):
    xarray = pytest.importorskip("xarray")
    partial.finish("aborted")
    write_fit(path, repeated())
    RunWriter.resume(path).finish("aborted")
    with xarray.open_dataset(path, group="entry/fit_by_field/statistics", engine="h5netcdf") as data:
        assert data["reduced_chi_square"].dims == ("magnet.field",)


def test_fits_built_alike_differ_in_every_value_they_hold(finished):
    """The second one is written by copying the first: nothing of the first may be left."""
    write_fit(finished, single())
    other = FitRecord(
        name="t1",
        quantity="contrast",
        model="stretched_exponential",
        recipe={"model": "another recipe, and a longer text", "start": {}},
        version="9.9",
        date="2030-01-01",
        parameters=(
            FitParameter(name="T1", value=2.5e-3, stderr=2e-4, unit="s"),
            FitParameter(name="beta", value=0.7, stderr=0.0, varied=False),
            FitParameter(name="offset", value=0.2, stderr=0.3),
        ),
        covariance=[[4e-8, 1.0], [1.0, 2.0]],
        statistics={"chi_square": 1.5, "success": False, "message": "not at all ok", "aic": 3.0},
        curve=FitCurve(
            axes=(Dimension(name="delay", unit="s", values=[2e-6, 2e-5, 2e-4]),),
            values=[2.0, 1.5, 1.25], data=[2.1, 1.4, 1.3],
        ),
    )  # fmt: skip
    write_fit(finished, other, replace_same=True)
    (found,) = read_run(finished).fits
    check_same(found, other)
    check_same(found, FitRecord(**vars(other)))
    with pytest.raises(AssertionError):
        check_same(found, single())


def test_a_fit_written_by_copying_reads_in_xarray(finished):
    xarray = pytest.importorskip("xarray")
    for name in ("one", "one", "two"):
        write_fit(finished, single(name), replace_same=True)
    for name in ("one", "two"):
        with xarray.open_dataset(finished, group=f"entry/fit_{name}/curve", engine="h5netcdf") as data:
            assert data["fit"].dims == data["data"].dims == ("delay",)
        with xarray.open_dataset(finished, group=f"entry/fit_{name}/covariance", engine="h5netcdf") as data:
            assert data["covariance"].dims == ("row", "column")


def test_a_fit_of_other_data_is_not_stored(finished):
    with open_parts(finished) as file:
        digest = file.digest
    write_fit(finished, single("a"), digest=digest)
    with pytest.raises(DamagedFileError, match="its data have changed meanwhile"):
        write_fit(finished, single("b"), digest="00" * 16)
    assert [fit.name for fit in read_run(finished).fits] == ["a"]
