"""Run files in the hands of programs that know nothing of labspin."""

import warnings

import h5py
import numpy as np
import pytest
import xarray

import labspin
from labspin.data import (
    Column,
    Dimension,
    FitCurve,
    FitParameter,
    FitRecord,
    Layout,
    RunHeader,
    RunWriter,
    write_fit,
)
from tests.data.samples import ORDER, grid_header, grid_values, list_header
from tests.some import some


@pytest.fixture
def aborted(partial):
    return partial.finish("aborted", snapshot={"magnet": {"current": 0.5}})


@pytest.fixture(params=["aborted", "finished", "listed"])
def file(request, tmp_path):
    if request.param != "listed":
        return request.getfixturevalue(request.param)
    writer = RunWriter.create(tmp_path / "list.h5", list_header(5))
    for index in (0, 1, 3):
        writer.append(index, 0.1 * index, [2.8e9 + index, 0.5 * index])
    return writer.finish("aborted")


def test_xarray_reads_what_labspin_reads(file):
    expected = labspin.open(file)
    with xarray.open_dataset(file, group="entry/data", engine="h5netcdf") as found:
        assert dict(found.sizes) == dict(expected.sizes)
        assert set(found.coords) == set(expected.coords)
        assert set(found.data_vars) == set(expected.data_vars)
        for name in some(expected.variables):
            assert found[name].dims == expected[name].dims, name
            if expected[name].dtype.kind == "O":
                assert found[name].values.astype(str).tolist() == expected[name].values.tolist()
            else:
                np.testing.assert_array_equal(found[name].values, expected[name].values, err_msg=name)
            assert found[name].attrs.get("units") == expected[name].attrs.get("units") or name == "remark"
        assert {name: found.attrs[name] for name in expected.attrs} == expected.attrs


def test_xarray_opens_the_whole_tree_without_complaint(aborted):
    fit = FitRecord(
        name="t1",
        quantity="contrast",
        model="decay",
        parameters=(FitParameter(name="T1", value=1e-3, stderr=1e-4, unit="s"),),
        covariance=[[1e-8]],
        curve=FitCurve(axes=(Dimension(name="delay", unit="s", values=[0.0, 1.0]),), values=[1.0, 0.5]),
    )
    write_fit(aborted, fit)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with xarray.open_datatree(aborted, engine="h5netcdf") as tree:
            assert float(tree["entry/fit_t1/curve"]["fit"][1]) == 0.5
            np.testing.assert_array_equal(tree["entry/ground_truth"]["T1"], [1e-3, 2e-3])


def test_h5netcdf_reads_the_data(file):
    h5netcdf = pytest.importorskip("h5netcdf")
    with h5netcdf.File(file, "r") as netcdf:
        group = netcdf["entry/data"]
        signal = group.variables[group.attrs["signal"]]
        assert signal.dimensions == tuple(labspin.open(file)[group.attrs["signal"]].dims)
        assert signal.attrs["units"]


def test_silx_finds_the_default_plot(file):
    pytest.importorskip("silx")
    from silx.io import nxdata

    run = labspin.data.read_run(file)
    with h5py.File(file) as root:
        plot = nxdata.get_default(root)
        assert plot is not None
        assert plot.is_valid, plot.issues
        assert plot.signal_dataset_name == run.header.signal
        np.testing.assert_array_equal(plot.signal[()], run.data[run.header.signal])
        if run.header.layout.is_grid:
            assert plot.axes_dataset_names == ["magnet.field", "delay"]
            np.testing.assert_array_equal(plot.errors[()], run.data["contrast_errors"])
            assert plot.auxiliary_signals_dataset_names == ["counts"]
        else:
            assert plot.axes_dataset_names == ["frequency"]


def test_silx_plots_arrays_and_fits(path):
    pytest.importorskip("silx")
    from silx.io import nxdata

    lag = Dimension(name="lag", unit="s", values=np.linspace(0, 1, 20))
    layout = Layout(
        dimensions=(Dimension(name="field", unit="T", values=[0.0, 1.0, 2.0]),),
        columns=(Column(name="trace", unit="V", axes=(lag,)),),
    )
    writer = RunWriter.create(path, RunHeader(procedure="ring_down", layout=layout))
    for index in range(3):
        writer.append(index, 0.0, [np.sin(lag.values + index)])
    writer.finish("finished")
    maps = FitRecord(
        name="decay",
        quantity="trace",
        model="exponential",
        dimensions=layout.dimensions,
        parameters=(FitParameter(name="tau", value=[1.0, 2.0, 3.0], stderr=[0.1, 0.1, 0.1], unit="s"),),
        curve=FitCurve(axes=(lag,), values=np.ones((3, 20)), unit="V"),
    )
    write_fit(path, maps)
    with h5py.File(path) as root:
        plot = nxdata.get_default(root)
        assert plot.is_valid, plot.issues
        assert plot.interpretation == "spectrum"
        assert plot.axes_dataset_names == ["field", "lag"]
        for group, signal in (("curve", "fit"), ("parameters", "tau")):
            shown = nxdata.NXdata(root[f"entry/fit_decay/{group}"])
            assert shown.is_valid, shown.issues
            assert shown.signal_dataset_name == signal
            assert shown.axes_dataset_names[0] == "field"
        np.testing.assert_array_equal(nxdata.NXdata(root["entry/fit_decay/parameters"]).errors[()], [0.1] * 3)


def test_nexusformat_reads_the_tree(file):
    nexus = pytest.importorskip("nexusformat.nexus")
    run = labspin.data.read_run(file)
    root = nexus.nxload(file)
    plot = root.plottable_data
    assert plot.nxpath == "/entry/data"
    assert plot.nxsignal.nxname == run.header.signal
    np.testing.assert_array_equal(plot.nxsignal.nxdata, run.data[run.header.signal])
    names = [axis.nxname for axis in plot.nxaxes]
    assert names == (list(run.dimensions) if run.header.layout.is_grid else ["frequency"])
    assert plot.nxsignal.attrs["units"] == run.header.layout.column(run.header.signal).unit
    assert root["entry/title"].nxvalue == (run.header.label or run.header.procedure)
    assert root["entry/instrument"].nxclass == "NXinstrument"


def test_every_group_has_a_nexus_class(aborted):
    fit = FitRecord(name="f", quantity="contrast", model="m", statistics={"deep": {"er": 1}})
    write_fit(aborted, fit)
    missing = []
    with h5py.File(aborted) as root:
        root.visititems(
            lambda name, item: (
                missing.append(name)
                if isinstance(item, h5py.Group) and not str(item.attrs.get("NX_class", "")).startswith("NX")
                else None
            )
        )
    assert missing == []


def test_the_circumstances_stand_as_plain_values(aborted):
    with h5py.File(aborted) as root:
        entry = root["entry"]
        assert entry["parameters/power"][()] == -10
        assert entry["parameters/power"].attrs["units"] == "dBm"
        assert entry["station/data"].asstr()[()] == grid_header().station["text"]
        assert entry["instrument/microwave/before/settings/frequency"][()] == 2.87e9
        assert entry["instrument/magnet/after/current"][()] == 0.5
        assert entry["ground_truth/beta"][()] == 0.5
        assert entry["seed"][()] == 7
        assert entry["points/index"][()].tolist() == list(ORDER)
        assert entry["events/message"].asstr()[0] == "laser warmed up"
        assert entry["software/packages/numpy"].asstr()[()] == "2"
        assert entry["extra/sample"].asstr()[()] == "NV-17"
        environment = entry["instrument/environment"]
        assert environment.attrs["independent_controllers"][0] == "magnet.field"
        device = next(it for it in environment.values() if it["name"].asstr()[()] == "magnet.field")
        assert device.attrs["NX_class"] == "NXactuator"
        assert entry["data/magnet.field"] == root[device["data_path"].asstr()[()]]


def test_xarray_may_add_to_the_file(finished):
    extra = xarray.Dataset({"smooth": (("delay",), np.ones(3))})
    extra.to_netcdf(finished, mode="a", group="entry/smoothed", engine="h5netcdf", invalid_netcdf=True)
    run = labspin.data.read_run(finished)
    assert run.is_complete
    np.testing.assert_array_equal(run.data["contrast"].ravel(), [grid_values(k)[0] for k in range(15)])
