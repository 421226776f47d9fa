"""What a sample leaves at zero, alike or at its default, changed: each number comes from its own place."""

import json

import numpy as np
import pytest
import xarray as xr

from labspin.data import open_foreign, read_foreign
from labspin.data.foreign.packing import unpacked
from labspin.data.foreign.titles import split_title
from labspin.errors import DamagedFileError
from tests.data.foreign.samples import BIAS, FOLDER, RING, SHORT, TIME


def changed(tmp_path, file, *pairs):
    """Return a copy of a sample with texts replaced, each of which occurs."""
    content = (FOLDER / file).read_bytes()
    for old, new in pairs:
        assert old in content
        content = content.replace(old, new)
    path = tmp_path / file
    path.write_bytes(content)
    return path


def test_a_touchstone_file_that_names_no_unit_is_in_gigahertz(tmp_path):
    path = tmp_path / "a.s1p"
    path.write_text("# S RI R 50\n1 0.5 0.25\n2 0.5 -0.25\n")
    found = read_foreign(path, x="frequency", y="S11")
    assert found["x"].values.tolist() == [1e9, 2e9]
    assert found["y"].values.tolist() == [0.5 + 0.25j, 0.5 - 0.25j]


@pytest.mark.parametrize("mark", [".", ","])
def test_a_reflection_beside_which_a_transmission_of_zero_stands(tmp_path, mark):
    """PicoVNA, in English and in German."""
    path = tmp_path / "a.s1p"
    rows = "8491.5  0.50  90.0  0.00E0  0.0 \n8492.0  0.25  -90.0  0.00E0  0.0 \n".replace(".", mark)
    path.write_text("! Ref Plane: 0 mm\n# MHZ S MA R  50\n!\n" + rows)
    found = read_foreign(path, x="frequency", y="S11")
    np.testing.assert_allclose(found["x"].values, [8.4915e9, 8.492e9], rtol=1e-12, atol=0)
    np.testing.assert_allclose(found["y"].values, [0.5j, -0.25j], rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("file", "old", "new", "start"),
    [
        ("rigol_scope.csv", b"0.000000e+00,2.000000e-08", b"-4.000000e-06,2.000000e-08", -4e-6),
        ("rigol_mso.csv", b"t0 = 0.000000e+00", b"t0 = -4.000000e-06", -4e-6),
        ("labview_comma.lvm", b"X0\t0,0000000000000000E+0", b"X0\t5,0000000000000000E-1", 0.5),
    ],
)
def test_times_begin_where_the_header_says(file, old, new, start, tmp_path):
    contents = open_foreign(changed(tmp_path, file, (old, new)))
    (name,) = [entry.name for entry in contents.entries() if "time" in entry.name]
    usual = TIME if file.endswith("lvm") else SHORT
    np.testing.assert_allclose(contents.read({"x": name})["x"].values, start + usual, rtol=1e-9, atol=1e-15)


def test_each_channel_of_labview_has_its_own_unit(tmp_path):
    path = changed(tmp_path, "labview.lvm", (b"Volts\tVolts", b"Volts\tAmps"))
    units = {entry.name: entry.unit for entry in open_foreign(path).entries()}
    assert (units["Voltage"], units["Reference"]) == ("V", "A")
    np.testing.assert_allclose(read_foreign(path, y="Voltage")["y"].values, RING, rtol=1e-9, atol=0)


def test_phases_of_labone_are_in_radians(tmp_path):
    path = tmp_path / "sweep.csv"
    rows = ["chunk;timestamp;size;fieldname"]
    fields = {"frequency": [1e3, 2e3, 3e3], "r": [1.0, 2.0, 3.0], "phase": [0.1, 0.2, 0.3]}
    rows += [f"0;1;3;{name};{';'.join(map(str, values))}" for name, values in fields.items()]
    path.write_text("\n".join(rows) + "\n")
    units = {entry.name: entry.unit for entry in open_foreign(path).entries()}
    assert units == {"frequency": "Hz", "r": "V", "phase": "rad"}


def test_packed_numbers_may_be_unsigned(tmp_path):
    packed = np.array([0, 100, 200, 255], np.uint8).view(np.int8)
    found = unpacked(packed, {"_Unsigned": "true", "scale_factor": np.array([0.5])})
    assert found.tolist() == [0.0, 50.0, 100.0, 127.5]
    signed = unpacked(packed, {"scale_factor": np.array([0.5])})
    assert signed.tolist() == [0.0, 50.0, -28.0, -0.5]


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ({"valid_range": np.array([2, 8])}, [True, False, False, True]),
        ({"valid_min": np.array([2])}, [True, False, False, False]),
        ({"valid_max": np.array([8])}, [False, False, False, True]),
        ({"missing_value": np.array([5])}, [False, False, True, False]),
    ],
)
def test_what_is_beyond_the_valid_range_is_missing(said, missing):
    found = unpacked(np.array([1, 3, 5, 9], np.int16), said)
    assert np.isnan(found).tolist() == missing


def test_the_valid_range_counts_in_a_file(tmp_path):
    values = xr.DataArray([1.0, 3.0, 5.0, 99.0], dims="t", name="y", attrs={"valid_max": 10.0})
    values.to_dataset().to_netcdf(tmp_path / "a.nc", engine="scipy", format="NETCDF3_64BIT")
    found = read_foreign(tmp_path / "a.nc", y="y")["y"].values
    np.testing.assert_array_equal(found, [1.0, 3.0, 5.0, np.nan])


def test_sweeps_that_differ_over_a_grid_are_no_axis(tmp_path):
    content = (FOLDER / "grid.3ds").read_bytes()
    head, numbers = content.split(b":HEADER_END:\r\n")
    values = np.frombuffer(numbers, ">f4").copy()
    values[7 + 2 * BIAS.size] *= 0.5  # where the sweep begins at the second place
    path = tmp_path / "grid.3ds"
    path.write_bytes(head + b":HEADER_END:\r\n" + values.tobytes())
    assert "Bias" in [entry.name for entry in open_foreign(FOLDER / "grid.3ds").entries()]
    assert "Bias" not in [entry.name for entry in open_foreign(path).entries()]


def test_a_reading_that_is_missing_stands_at_its_place(tmp_path):
    lines = (FOLDER / "bluesky.jsonl").read_text().splitlines()
    kept = []
    for line in lines:
        name, document = json.loads(line)
        if name == "event" and document["seq_num"] == 3:
            del document["data"]["counts"]
        kept.append(json.dumps([name, document]))
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(kept) + "\n")
    found = read_foreign(path, y="counts")["y"].values
    whole = read_foreign(FOLDER / "bluesky.jsonl", y="counts")["y"].values
    assert np.flatnonzero(np.isnan(found)).tolist() == [2]
    np.testing.assert_array_equal(np.delete(found, 2), np.delete(whole, 2))


def test_what_follows_the_numbers_of_a_spectrum_is_none_of_them(tmp_path):
    """LightField's XML stands behind the data: a file that lost numbers is long enough with it."""
    content = bytearray((FOLDER / "lightfield.spe").read_bytes())
    footer = int.from_bytes(content[678:686], "little")
    lost = 16
    content[678:686] = (footer - lost).to_bytes(8, "little")
    del content[footer - lost : footer]
    path = tmp_path / "a.spe"
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match="need"):
        open_foreign(path)


def test_counts_per_millisecond_are_a_thousand_per_second():
    assert split_title("PL (kcps)") == ("PL", "1/ms")
    assert split_title("PL (cps)") == ("PL", "1/s")
