"""Kinds of files and of faults that a sample alone does not show."""

import sqlite3
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest
import xarray as xr

from labspin.data import open_foreign, pick_axes, read_foreign
from labspin.data.foreign.cells import number, numbers
from labspin.data.foreign.titles import split_title, units_row
from labspin.errors import DamagedFileError, NotARunFileError, RunFileError
from tests.data.foreign.make_text import NOISE
from tests.data.foreign.samples import BIAS, CURRENT, FOLDER


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1.5D-03", 1.5e-3),
        ("-1D+03", -1e3),
        ("1.234-105", 1.234e-105),
        ("1+2i", 1 + 2j),
        ("1e-3-2.5e-4j", 1e-3 - 2.5e-4j),
        ("1 + i*2", 1 + 2j),
        ("(1,-2)", 1 - 2j),
        ("(-1.0D0,2.0D-1)", -1 + 0.2j),
        ("-3i", -3j),
        ("(1+2j)", 1 + 2j),
    ],
)
def test_numbers_of_all_programs(cell, value):
    assert number(cell) == value


@pytest.mark.parametrize("cell", ["i", "j", "x", "1_0", "1,5", "0x10", "1e", "--1", "1+2", "e5", "1 2"])
def test_what_is_no_number_is_refused(cell):
    with pytest.raises(ValueError, match="no number"):
        number(cell)


def test_times_of_day_are_seconds_since_the_first():
    found = numbers(["2024-05-13 10:11:12", "2024-05-13 10:11:13.5", "2024-05-13T10:12:12Z"])
    assert found.tolist() == [0.0, 1.5, 60.0]


@pytest.mark.parametrize(
    ("title", "name", "unit"),
    [
        ("Frequency (Hz)", "Frequency", "Hz"),
        ("f [GHz]", "f", "GHz"),
        ("Time_s", "Time", "s"),
        ("V / mV", "V", "mV"),
        ("Frequency/(Hz)", "Frequency", "Hz"),
        ("Freq, Hz", "Freq", "Hz"),
        ("Signal (c/s)", "Signal", "1/s"),
        ("noise (V/sqrt(Hz))", "noise", "V/Hz**0.5"),
        ("PSD (nm²/Hz)", "PSD", "nm**2/Hz"),
        ("rate (N s/(V^2 m))", "rate", "N s/(V^2 m)"),
        ("Re(S21)", "Re(S21)", ""),
        ("counts (average)", "counts (average)", ""),
        ("sample_T", "sample_T", ""),
        ("V_G", "V_G", ""),
        ("Second", "Second", "s"),
        ("counts", "counts", ""),
        ("Field (Oe)", "Field", "Oe"),
        ("Moment (emu)", "Moment", "emu"),
        ("Temperature (°C)", "Temperature", "degC"),
        ("Rate (Mcps)", "Rate", "1/us"),
        ("Light (percent)", "Light", "%"),
        ("PL (arb u.)", "PL", "1"),
        ("Field (mGauss)", "Field", "mG"),
        ("R (kΩ)", "R", "kohm"),
        ("noise (V/Hz^{1/2})", "noise", "V/Hz**0.5"),
    ],
)
def test_units_in_titles(title, name, unit):
    assert split_title(title) == (name, unit)


def test_a_row_is_one_of_units_only_if_all_of_it_is():
    assert units_row(["", "ml/min", "°C", "atm"]) == ["", "ml/min", "degC", "atm"]
    assert units_row(["", "C", "C", "mbar"]) == ["", "C", "C", "mbar"]
    assert units_row(["A", "C"]) is not None
    assert units_row(["C", "C"]) is None
    assert units_row(["Oe", "emu", "V/rtHz"]) == ["Oe", "emu", "V/Hz**0.5"]
    assert units_row(["second", "Volt"]) == ["s", "V"]
    assert units_row(["(Hz)", "(c/s)", ""]) == ["Hz", "1/s", ""]
    assert units_row(["Hz", "signal"]) is None
    assert units_row(["", ""]) is None


def table(tmp_path, text):
    path = tmp_path / "t.txt"
    path.write_text(text)
    return path


def test_titles_that_differ_in_number_from_the_columns_are_none(tmp_path):
    path = table(tmp_path, "a b c\n1 2\n3 4\n5 6\n")
    with pytest.raises(RunFileError, match="its 3 titles a, b, c and its 2 columns differ in number"):
        read_foreign(path, y="b")
    assert read_foreign(path, y="1")["y"].values.tolist() == [2, 4, 6]


def test_titles_with_blanks_keep_their_columns(tmp_path):
    path = table(tmp_path, "Time (s)  X (V)  Y (V)\n0 1 2\n1 3 4\n2 5 6\n")
    column = read_foreign(path, x="X")["x"]
    assert (column.values.tolist(), column.unit) == ([1, 3, 5], "V")


def test_decimal_commas_between_commas(tmp_path):
    path = table(tmp_path, "t,y\n0,0,1,02\n0,1,0,83\n0,2,-0,70\n")
    columns = read_foreign(path, t="t", y="y")
    assert columns["t"].values.tolist() == [0, 0.1, 0.2]
    assert columns["y"].values.tolist() == [1.02, 0.83, -0.7]
    with pytest.raises(DamagedFileError, match="twice as many cells as titles"):
        read_foreign(table(tmp_path, "t,y\n0,0,1.5,02\n0,1,0,83\n"), y="y")


def test_a_row_of_words_within_the_numbers_is_an_error(tmp_path):
    path = table(tmp_path, "a,b\n1,2\n3,4\nstopped,here\n5,6\n")
    with pytest.raises(DamagedFileError, match="line 4"):
        read_foreign(path, y="b")
    assert read_foreign(table(tmp_path, "a,b\n1,2\n3,4\nEND\n"), y="b")["y"].values.tolist() == [2, 4]


def test_a_row_that_is_too_long_is_an_error(tmp_path):
    with pytest.raises(DamagedFileError, match="line 3"):
        read_foreign(table(tmp_path, "a,b\n1,2\n3,4,5\n6,7\n"), y="b")


def test_a_column_of_words_stops_no_other(tmp_path):
    path = table(tmp_path, "f,state,y\n1,on,2\n2,off,3\n3,on,5\n4,on,7\n5,on,8\n")
    pick = pick_axes(open_foreign(path))
    assert (pick.x, pick.y) == ("f", "y")
    with pytest.raises(DamagedFileError, match=r"line 2.*'state'.*'on'"):
        read_foreign(path, y="state")


@pytest.mark.parametrize("engine", ["h5netcdf", "scipy"])
def test_packed_numbers_and_fill_values(tmp_path, engine):
    y = xr.DataArray([1.0498, 1.0503, np.nan, 1.0480], dims="t", attrs={"units": "V"}, name="y")
    packing = {"dtype": "i2", "scale_factor": 1e-4, "add_offset": 1.0, "_FillValue": -32768}
    y.to_dataset().to_netcdf(tmp_path / "p.nc", engine=engine, encoding={"y": packing})
    column = read_foreign(tmp_path / "p.nc", y="y")["y"]
    right = xr.open_dataset(tmp_path / "p.nc", engine=engine).y.values
    np.testing.assert_allclose(column.values, right, rtol=1e-7, atol=0)
    assert np.isnan(column.values[2])
    assert column.unit == "V"


def test_what_is_masked_is_missing(tmp_path):
    np.savez(tmp_path / "m.npz", y=np.arange(4), y_mask=np.array([False, True, False, False]))
    np.testing.assert_array_equal(read_foreign(tmp_path / "m.npz", y="y")["y"].values, [0, np.nan, 2, 3])


def test_parts_of_arrays(tmp_path):
    values = np.arange(60.0).reshape(3, 20)
    np.savez(tmp_path / "a.npz", z=values)
    columns = read_foreign(tmp_path / "a.npz", a="z[1,:]", b="z[:, 3]", c="z[0,2:5]")
    assert [columns[name].values.tolist() for name in "abc"] == [
        values[1].tolist(), values[:, 3].tolist(), values[0, 2:5].tolist()]  # fmt: skip
    with pytest.raises(RunFileError, match="no such part of 3×20"):
        read_foreign(tmp_path / "a.npz", a="z[7,:]")


def test_a_file_that_another_program_writes_is_in_use(tmp_path):
    path = tmp_path / "busy.h5"
    with h5py.File(path, "w") as file:
        file["y"] = np.arange(9.0)
    code = "import h5py, sys; f = h5py.File(sys.argv[1], 'r+'); print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        try:
            with pytest.raises(RunFileError, match="in use") as caught:
                read_foreign(path, y="y")
            assert not isinstance(caught.value, DamagedFileError)
        finally:
            holder.stdin.close()
    assert read_foreign(path, y="y")["y"].values.size == 9


def test_a_database_that_is_written_is_in_use(tmp_path, monkeypatch):
    monkeypatch.setattr("labspin.data.foreign.qcodes._PATIENCE", 0.01)
    path = tmp_path / "busy.db"
    path.write_bytes((FOLDER / "qcodes.db").read_bytes())
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode = DELETE")
    writer.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(RunFileError, match="in use"):
            open_foreign(path)
    finally:
        writer.close()


def test_a_database_of_another_program_is_refused(tmp_path):
    database = sqlite3.connect(tmp_path / "other.db")
    database.execute("CREATE TABLE a (b)")
    database.close()
    with pytest.raises(NotARunFileError, match="none of QCoDeS"):
        open_foreign(tmp_path / "other.db")


def test_a_workbook_that_unpacks_without_bound_is_refused(tmp_path):
    pytest.importorskip("openpyxl")
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(1 << 29))
    with pytest.raises(DamagedFileError, match="claim to unpack"):
        open_foreign(path)


@pytest.mark.parametrize(
    ("module", "file", "package"),
    [
        ("openpyxl", "book.xlsx", "openpyxl"),
        ("igor2.packed", "experiment.pxp", "igor2"),
        ("nptdms", "stamps.tdms", "npTDMS"),
    ],
)
def test_a_package_that_is_missing_is_named_with_its_extra(module, file, package, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(RunFileError, match=rf"{package}.*labspin\[formats\]"):
        open_foreign(FOLDER / file)


def test_text_in_hdf5_of_matlab_is_no_array():
    assert [entry.name for entry in open_foreign(FOLDER / "complex73.mat").entries()] == ["/S21", "/f"]


def test_errors_of_y_are_found_by_their_name():
    assert pick_axes(open_foreign(FOLDER / "record.npy")).sigma == "contrast_err"


def test_two_columns_are_needed(tmp_path):
    np.savez(tmp_path / "a.npz", y=np.arange(9.0))
    with pytest.raises(RunFileError, match="wanted two columns of one length"):
        pick_axes(open_foreign(tmp_path / "a.npz"))


def test_headers_become_attributes():
    said = read_foreign(FOLDER / "nanonis.dat", y="Current")["y"].attributes
    assert said["Experiment"] == "bias spectroscopy"
    assert said["Z (m)"] == -3.1e-8
    said = read_foreign(FOLDER / "tektronix_mdo.csv", y="CH1")["y"].attributes
    assert said["Model"] == "MDO3024"
    said = read_foreign(FOLDER / "bluesky.jsonl", y="counts")["y"].attributes
    assert said["plan_name"] == "scan"


@pytest.mark.parametrize(
    "file", ["siglent_scope.csv", "tektronix_tds.csv", "tektronix_mdo.csv", "rohde_fsv.dat", "labview.lvm"]
)
def test_fewer_points_than_the_header_says_are_refused(file, tmp_path):
    lines = (FOLDER / file).read_bytes().splitlines(keepends=True)
    (tmp_path / file).write_bytes(b"".join(lines[:-5]))
    with pytest.raises(DamagedFileError, match="cut short|fewer"):  # noqa: RUF043
        open_foreign(tmp_path / file)


def test_fewer_readings_than_the_last_document_says_are_refused(tmp_path):
    lines = (FOLDER / "bluesky.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "a.jsonl").write_bytes(b"".join([*lines[:20], *lines[30:]]))
    with pytest.raises(DamagedFileError, match="had 61 readings, there are 51"):
        open_foreign(tmp_path / "a.jsonl")


@pytest.mark.parametrize(
    "file",
    [
        "spectrum.spe",
        "scan.sxm",
        "noise.s2p",
        "labone.csv",
        "wave.ibw",
        "stamps.tdms",
        "book.xlsx",
        "struct.mat",
    ],
)
def test_binary_files_that_are_cut_are_refused(file, tmp_path):
    for ending, package in ((".ibw", "igor2"), (".tdms", "nptdms"), (".xlsx", "openpyxl")):
        if file.endswith(ending):
            pytest.importorskip(package)
    content = (FOLDER / file).read_bytes()
    (tmp_path / file).write_bytes(content[:-9])
    with pytest.raises(DamagedFileError):
        open_foreign(tmp_path / file)


def test_a_last_number_that_lost_its_end_is_refused(tmp_path):
    content = (FOLDER / "qudi_old.dat").read_bytes()
    path = tmp_path / "a.dat"
    path.write_bytes(content.rstrip(b"\n"))
    assert read_foreign(path, y="counts")["y"].values.size == 61
    path.write_bytes(content[:-4])  # 9.98e+04 without its exponent
    with pytest.raises(DamagedFileError, match="ends within the number"):
        read_foreign(path, y="counts")


@pytest.mark.parametrize("file", ["noise.s2p", "version_2.s2p"])
def test_noise_of_an_amplifier_is_beside_its_transmission(file):
    """Five numbers a line after the network data were taken for a damaged file."""
    names = [entry.name for entry in open_foreign(FOLDER / file).entries()]
    assert names[:2] == ["frequency", "S21"]
    found = read_foreign(FOLDER / file, x="noise_frequency", y="optimum_reflection")
    for place, (frequency, _, size, angle, _) in enumerate(NOISE):
        assert found["x"].values[place] == pytest.approx(frequency, rel=1e-9, abs=0)
        wanted = size * np.exp(1j * np.deg2rad(angle))
        assert found["y"].values[place] == pytest.approx(wanted, rel=1e-9, abs=0)
    figure = read_foreign(FOLDER / file, x="noise_frequency", y="minimum_noise_figure")["y"]
    assert (figure.unit, figure.values.tolist()) == ("dB", [row[1] for row in NOISE])
    reverse = read_foreign(FOLDER / file, x="frequency", y="S12")["y"].values
    forward = read_foreign(FOLDER / file, x="frequency", y="S21")["y"].values
    np.testing.assert_allclose(reverse.real, -forward.real, rtol=1e-12, atol=0)


def test_half_a_matrix_is_refused(tmp_path):
    path = tmp_path / "a.s2p"
    head = "[Version] 2.0\n# GHz S RI R 50\n[Number of Ports] 2\n[Matrix Format] Lower\n[Network Data]\n"
    path.write_text(head + "1 0 0 0 0 0 0\n")
    with pytest.raises(DamagedFileError, match="wanted a full matrix, got"):
        open_foreign(path)


def test_a_grid_has_a_sweep_at_every_point():
    found = read_foreign(FOLDER / "grid.3ds", x="Bias", y="Current[2,3,:]")
    np.testing.assert_allclose(found["x"].values, BIAS, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found["y"].values, 24 * CURRENT, rtol=1e-6, atol=0)
    places = open_foreign(FOLDER / "grid.3ds").find("X")
    assert places is not None
    np.testing.assert_allclose(places.load()[1], 1e-8 * np.arange(4), rtol=1e-6, atol=0)


def test_a_grid_that_was_broken_off_has_nan_for_the_rest(tmp_path):
    content = (FOLDER / "grid.3ds").read_bytes()
    size = 4 * (7 + 2 * BIAS.size)
    path = tmp_path / "grid.3ds"
    path.write_bytes(content[: -3 * size])
    assert np.isnan(read_foreign(path, x="Bias", y="Current[2,3,:]")["y"].values).all()
    assert np.isfinite(read_foreign(path, x="Bias", y="Current[2,0,:]")["y"].values).all()
    path.write_bytes(content + b"\0" * size)
    with pytest.raises(DamagedFileError, match="where the header says"):
        open_foreign(path)
