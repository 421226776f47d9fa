"""Files of other programs, written here by those programs' own writers where there are any."""

import logging
import sys

import h5py
import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings, strategies as st

from labspin.data import list_foreign, open_foreign, pick_axes, read_foreign
from labspin.errors import DamagedFileError, LabspinError, RunFileError
from tests.some import some

X = np.linspace(0, 1, 7)
Y = np.cos(X)


def check(path, x, y, x_unit="", y_unit=""):
    columns = read_foreign(path, x=x, y=y)
    np.testing.assert_allclose(columns["x"].values, X, rtol=1e-12, atol=0)
    np.testing.assert_allclose(columns["y"].values, Y, rtol=1e-12, atol=0)
    assert (columns["x"].unit, columns["y"].unit) == (x_unit, y_unit)
    names = {entry.name for entry in list_foreign(path)}
    assert columns["x"].name in names
    return columns


QUDI = """# [General]
# timestamp=2024-05-13T10:11:12.131415
# comments='# '
# delimiter='\\t'
# column_dtypes=float;;float
# column_headers='Frequency (Hz);;Signal (c/s)'
# notes='after the oven'
#
# [Metadata]
# laser power=0.25
# averages=40
# weird=__import__('os').system('true')
#
# ---- END HEADER ----
"""


def test_qudi(tmp_path):
    path = tmp_path / "20240513-1011-12_odmr.dat"
    with path.open("w") as file:
        file.write(QUDI)
        np.savetxt(file, np.column_stack([X, Y]), delimiter="\t", fmt="%.15e")
    columns = check(path, "Frequency", "Signal (c/s)", "Hz", "1/s")
    attributes = columns["x"].attributes
    assert attributes["laser power"] == 0.25
    assert attributes["averages"] == 40
    assert attributes["notes"] == "after the oven"
    assert attributes["weird"] == "__import__('os').system('true')"


def test_qudi_of_old_with_the_names_in_the_last_comment(tmp_path):
    path = tmp_path / "old.dat"
    header = "Saved Data on 13.05.2019\n\nParameters:\n===========\n\nData:\n=====\nfrequency (Hz)\tcounts"
    np.savetxt(path, np.column_stack([X, Y]), delimiter="\t", header=header, fmt="%.15e")
    check(path, "frequency", "counts", "Hz")


def test_complex_columns_of_text(tmp_path):
    path = tmp_path / "complex.dat"
    z = X + 1j * Y
    np.savetxt(path, np.column_stack([X, z]), delimiter="\t", header="x\tz", fmt="%.15e")
    np.testing.assert_allclose(read_foreign(path, z="z")["z"].values, z, rtol=1e-12, atol=0)


def test_pymeasure_writes_what_is_read(tmp_path):
    from pymeasure.experiment import FloatParameter, Procedure, Results

    class Sweep(Procedure):
        power = FloatParameter("Laser power", units="mW", default=2.5)
        DATA_COLUMNS = ["Field (T)", "Voltage (V)"]  # noqa: RUF012

    path = tmp_path / "sweep.csv"
    results = Results(Sweep(), str(path))
    with path.open("a") as file:
        for x, y in zip(X, Y, strict=True):
            record = logging.makeLogRecord({"msg": {"Field (T)": float(x), "Voltage (V)": float(y)}})
            file.write(results.formatter.format(record.msg) + "\n")
    columns = check(path, "Field", "Voltage (V)", "T", "V")
    assert columns["x"].attributes["Laser power"].startswith("2.5 mW")


@pytest.mark.parametrize("delimiter", ["\t", ";", "  "])
@pytest.mark.parametrize("titles", [True, False])
def test_plain_text_with_a_decimal_comma(tmp_path, delimiter, titles):
    path = tmp_path / "table.txt"
    lines = [
        delimiter.join(f"{value:.17g}".replace(".", ",") for value in row) for row in zip(X, Y, strict=True)
    ]
    path.write_text("\n".join([delimiter.join(["x", "y"])] * titles + lines), encoding="utf-8-sig")
    check(path, "x" if titles else "0", "y" if titles else "1")


def test_names_with_commas_and_units_in_a_table_with_tabs(tmp_path):
    path = tmp_path / "table.txt"
    np.savetxt(path, np.column_stack([X, Y]), delimiter="\t", fmt="%.15e", comments="",
               header="drive, low (V)\tanswer, high [mV]")  # fmt: skip
    check(path, "drive, low", "answer, high", "V", "mV")


def test_what_may_be_a_thousand_or_a_fraction_is_refused(tmp_path):
    path = tmp_path / "table.txt"
    path.write_text("x\ty\n1\t1,234\n2\t5,678\n")
    with pytest.raises(DamagedFileError, match="thousand or a fraction"):
        read_foreign(path, y="y")
    # A point anywhere says that the comma is not the decimal point.
    path.write_text("x\ty\n1.5\t1,2345\n")
    with pytest.raises(DamagedFileError, match="wanted a number"):
        read_foreign(path, y="y")


def write_tdms(path):
    nptdms = pytest.importorskip("nptdms")
    with nptdms.TdmsWriter(path) as writer:
        wave = {"wf_increment": 0.5, "wf_start_offset": 1.0, "wf_samples": 1, "unit_string": "V", "gain": 3.0}
        writer.write_segment(
            [
                nptdms.ChannelObject("sweep", "x", X, properties={"unit_string": "Hz"}),
                nptdms.ChannelObject("sweep", "y", Y),
                nptdms.ChannelObject("scope", "trace", Y, properties=wave),
                nptdms.ChannelObject("scope", "names", ["a", "b"]),
            ]
        )


def test_tdms(tmp_path):
    path = tmp_path / "data.tdms"
    write_tdms(path)
    check(path, "sweep/x", "y", "Hz")
    columns = read_foreign(path, t="scope/trace:time", v="scope/trace")
    np.testing.assert_allclose(columns["t"].values, 1.0 + 0.5 * np.arange(7), atol=0)
    assert columns["v"].unit == "V"
    assert columns["v"].attributes["gain"] == 3.0
    with pytest.raises(RunFileError, match=r"'scope/names'.*sweep/x \(7, Hz\)"):
        read_foreign(path, x="scope/names")


def test_tdms_without_its_package(tmp_path, monkeypatch):
    path = tmp_path / "data.tdms"
    path.write_bytes(b"TDSm" + bytes(40))
    monkeypatch.setitem(sys.modules, "nptdms", None)
    with pytest.raises(RunFileError, match=r"npTDMS.*labspin\[formats\]"):
        read_foreign(path, x="a/b")


@pytest.mark.parametrize("version", ["4", "5"])
def test_matlab(tmp_path, version):
    path = tmp_path / "data.mat"
    scipy.io.savemat(path, {"x": X, "y": Y}, format=version)
    check(path, "x", "y")


def test_matlab_structures(tmp_path):
    path = tmp_path / "data.mat"
    scipy.io.savemat(path, {"run": {"x": X, "inner": {"y": Y, "z": 1j * Y}}, "note": "text"})
    columns = check(path, "run/x", "/run/inner/y")
    assert columns["x"].values.shape == (7,)
    np.testing.assert_allclose(read_foreign(path, z="run/inner/z")["z"].values, 1j * Y, atol=0)
    with pytest.raises(RunFileError, match=r"'note'.*run/x \(7\)"):
        read_foreign(path, x="note")


def test_matlab_73_is_hdf5_behind_a_preface(tmp_path):
    path = tmp_path / "data.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, values in (("x", X), ("y", Y)):
            file[name] = values[None, :]
            file[name].attrs["MATLAB_class"] = np.bytes_("double")
    preface = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, HDF5 schema 1.00 .".ljust(124) + b"\x00\x02IM"
    with path.open("r+b") as file:
        file.write(preface)
    check(path, "x", "/y")


def test_numpy(tmp_path):
    np.save(tmp_path / "a.npy", np.column_stack([X, Y]))
    check(tmp_path / "a.npy", "0", "1")
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    check(tmp_path / "a.npz", "x", "y")
    table = np.rec.fromarrays([X, Y], names="x,y")
    np.save(tmp_path / "b.npy", table)
    check(tmp_path / "b.npy", "x", "y")


def test_a_pickle_in_a_numpy_file_is_never_loaded(tmp_path):
    path = tmp_path / "evil.npy"
    np.save(path, np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(DamagedFileError, match="which may run anything and are not read"):
        read_foreign(path, x="0")


# MATLAB files cost a process each: `tests.data.foreign.test_damage` damages them.
@pytest.mark.parametrize("suffix", ["tdms", "npy", "npz"])
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_damage_is_an_error_in_a_sentence(tmp_path_factory, suffix, data):
    folder = tmp_path_factory.mktemp("damage")
    path = folder / f"a.{suffix}"
    if suffix == "tdms":
        write_tdms(path)
    elif suffix == "npy":
        np.save(path, X)
    else:
        np.savez(path, x=X, y=Y)
    content = bytearray(path.read_bytes())
    cut = data.draw(st.integers(33, len(content)))
    content = content[:cut]
    for place in data.draw(st.lists(st.integers(33, cut), max_size=3)):
        content[place - 1] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    read, said = [], ""
    try:
        entries = list_foreign(path)
        read += [read_foreign(path, x=entry.name)["x"] for entry in entries]
    except LabspinError as error:  # whatever else it were would not be caught
        said = str(error)
    if said:
        assert str(path) in said
        assert "\n" not in said
    else:
        assert all(np.asarray(column.values).dtype.kind in "fc" for column in some(read))


def test_a_fit_reads_them_all(tmp_path):
    from labspin.analysis import fit_foreign

    t = np.geomspace(1e-5, 1e-2, 40)
    y = 0.05 * np.exp(-((t / 1e-3) ** 0.8)) + np.random.default_rng(1).normal(0, 1e-4, 40)
    scipy.io.savemat(tmp_path / "t1.mat", {"run": {"time": t, "contrast": y}})
    outcome = fit_foreign(
        tmp_path / "t1.mat", x="run/time", y="run/contrast", model="stretched_exponential", units=("s", "1")
    )
    assert abs(outcome["T1"].value - 1e-3) < 4 * outcome["T1"].stderr


PLACES, HEIGHTS = np.arange(12) * 0.5, np.round(3000 * np.exp(-np.arange(12) / 4) + 12.5, 2)


def german(value):
    return f"{value:,.2f}".translate({44: ".", 46: ","})


WAYS = {
    "thousands, German": ("t;y\n", lambda x, y: f"{x:.1f};{german(y)}\n".replace(f"{x:.1f}", german(x))),
    "thousands, English": ("t,y\n", lambda x, y: f'{x},"{y:,.2f}"\n'),
    "a minus sign of typesetters": ("t,y\n", lambda x, y: f"{x},{y}\n".replace("-", "\u2212")),
    "decimal commas between blanks": ("t y\n", lambda x, y: f"{x:.2f} {y:.2f}\n".replace(".", ",")),
    "comments of one word, then commas": ("! SR785\n! dBVrms\n", lambda x, y: f"{x}, {y}\n"),
    "a column named by its unit": ("in s,C1 in V\n", lambda x, y: f"{x},{y}\n"),
}


@pytest.mark.parametrize("way", WAYS)
def test_numbers_are_read_however_a_country_writes_them(way, tmp_path):
    head, row = WAYS[way]
    path = tmp_path / "a.csv"
    path.write_text(head + "".join(row(x, y) for x, y in zip(PLACES, HEIGHTS, strict=True)), encoding="utf-8")
    pick = pick_axes(open_foreign(path))
    found = read_foreign(path, x=pick.x, y=pick.y)
    np.testing.assert_allclose(found["x"].values, PLACES, rtol=1e-12, atol=0)
    np.testing.assert_allclose(found["y"].values, HEIGHTS, rtol=1e-12, atol=0)


@pytest.mark.parametrize("word", ["OVLD", "OL", "+9.91E37", "9.9e37", "#DIV/0!", "-"])
def test_what_an_instrument_could_not_measure_is_nan(word, tmp_path):
    """9.91e37 is how SCPI writes that there is no number: a fit took it for one."""
    cells = [word if place == 3 else f"{value}" for place, value in enumerate(HEIGHTS)]
    path = tmp_path / "a.csv"
    path.write_text("t,y\n" + "".join(f"{x},{cell}\n" for x, cell in zip(PLACES, cells, strict=True)))
    values = read_foreign(path, x="t", y="y")["y"].values
    assert np.isnan(values[3])
    assert np.count_nonzero(np.isnan(values)) == 1
