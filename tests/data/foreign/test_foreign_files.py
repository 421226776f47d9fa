from pathlib import Path

import h5py
import numpy as np
import pytest

from labspin.data import list_foreign, read_foreign
from labspin.errors import DamagedFileError, NotARunFileError, RunFileError

MEASURED = Path(__file__).parents[1] / "brownian_thermal_spectrum.h5"


@pytest.fixture
def table(tmp_path):
    def write(text, name="table.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_spectrum_measured_elsewhere_is_read():
    columns = read_foreign(MEASURED, x="/x", y="y")
    assert columns["x"].values.shape == columns["y"].values.shape == (2000,)
    # Its resonance lies where those who measured it found it.
    assert columns["x"].values[columns["y"].values.argmax()] == pytest.approx(7972.5, abs=2)
    assert {entry.name for entry in list_foreign(MEASURED)} >= {"/x", "/y", "/n_avgs"}


def test_units_and_attributes_come_along(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["sweep/f"] = np.arange(3.0)
        file["sweep/f"].attrs.update({"units": "Hz", "gain": 3, "note": "x", "list": [1.0, 2.0]})
        file["sweep/z"] = np.arange(3) * 1j
        file["name"] = "text"
    columns = read_foreign(path, x="/sweep/f", z="sweep/z")
    assert columns["x"].unit == "Hz"
    assert columns["x"].attributes["gain"] == 3
    assert columns["x"].attributes["list"].tolist() == [1.0, 2.0]
    assert columns["z"].values.tolist() == [0, 1j, 2j]
    assert [str(entry) for entry in list_foreign(path)] == ["/sweep/f (3, Hz)", "/sweep/z (3)"]


@pytest.mark.parametrize("wanted", ["/none", "/sweep", "/name", "", "/"])
def test_what_is_not_there_is_named_with_what_is(tmp_path, wanted):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["sweep/f"] = np.arange(3.0)
        file["name"] = "text"
    with pytest.raises(RunFileError, match=r"wanted as y.*/sweep/f \(3\)"):
        read_foreign(path, y=wanted)


@pytest.mark.parametrize(
    "text",
    [
        "field (T),signal [V]\n0,1\n0.5,2\n",
        "field (T);signal [V]\n0;1\n0.5;2\n",
        "# made by hand\nfield (T)\tsignal [V]\n0\t1\n0.5\t2\n",
        '"field (T)","signal [V]"\r\n0,1\r\n\r\n0.5,2\r\n',
        "\ufefffield (T), signal [V]\n0, 1\n0.5, 2\n",
    ],
)
def test_text_tables_of_all_kinds(table, text):
    path = table(text)
    columns = read_foreign(path, x="field", y="signal [V]", z="1")
    assert columns["x"].values.tolist() == [0.0, 0.5]
    assert columns["x"].unit == "T"
    assert (columns["y"].name, columns["y"].unit) == ("signal", "V")
    assert columns["z"].values.tolist() == [1.0, 2.0]
    assert [(entry.name, entry.unit) for entry in list_foreign(path)] == [("field", "T"), ("signal", "V")]


def test_tables_without_names_go_by_number(table):
    path = table("# f a\n1 2\n3 4e-3\n", "data.dat")
    assert read_foreign(path, y="a")["y"].values.tolist() == [2.0, 0.004]
    path = table("1\t2\n3\tnan\n")
    np.testing.assert_array_equal(read_foreign(path, y="1")["y"].values, [2.0, np.nan])


def test_empty_cells_are_missing_values(table):
    assert np.isnan(read_foreign(table("a,b\n1,\n2,3\n"), y="b")["y"].values[0])


@pytest.mark.parametrize(
    ("text", "column", "error", "match"),
    [
        ("a,b\n1,2\n", "c", RunFileError, r"no column 'c'.*the file has a \(1\), b"),
        ("a,b\n1,2\n", "7", RunFileError, "no column '7' .wanted as y.; the file"),
        ("pulse (s),b\n1,2\n", "pluse", RunFileError, "did you mean 'pulse'[?]; the file has"),
        ("pulse_duration (s),b\n1,2\n", "tion", RunFileError, "did you mean 'pulse_duration'[?]"),
        ("a,b\n1,2\n3,x\n", "b", DamagedFileError, "line 3.*'b'.*'x'"),
        ("a,b\n1,2\n3,4\n5\n", "b", DamagedFileError, "line 4"),
        ("", "b", DamagedFileError, "empty"),
        ("# only words\n", "b", DamagedFileError, "empty"),
        ("one line of words", "b", DamagedFileError, "without rows"),
        ("a\0b\n1,2", "b", NotARunFileError, "neither"),
    ],
)
def test_tables_that_are_wrong_are_refused(table, text, column, error, match):
    with pytest.raises(error, match=match):
        read_foreign(table(text), y=column)


def test_names_that_several_have_are_told_in_full(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["one/f"], file["two/f"], file["y"] = [1.0], [2.0], [3.0]
    with pytest.raises(RunFileError, match=r"several are called so: /?one/f, /?two/f; the file has"):
        read_foreign(path, x="f", y="y")


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "x.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    with pytest.raises(NotARunFileError, match="neither HDF5 nor text"):
        read_foreign(path, y="y")
    with pytest.raises(RunFileError, match="no such file"):
        read_foreign(tmp_path / "none.csv", y="y")
    with pytest.raises(RunFileError, match="is a folder; name files in it"):
        read_foreign(tmp_path, y="y")
    path.write_bytes(MEASURED.read_bytes()[:5000])
    with pytest.raises(DamagedFileError, match="corrupted"):
        read_foreign(path, y="y")


def test_a_claim_of_gigantic_size_is_refused(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("y", (1 << 40,), "f8", chunks=(1 << 20,))
    with pytest.raises(DamagedFileError, match="claims"):
        read_foreign(path, y="y")


def test_runs_can_be_read_as_foreign_files(finished):
    columns = read_foreign(finished, x="/entry/data/delay", y="/entry/data/contrast")
    assert columns["x"].unit == "s"
    assert columns["y"].values.shape == (5, 3)
