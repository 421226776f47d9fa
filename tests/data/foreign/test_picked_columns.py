"""Which columns of small tables are taken for x, y and errors, and which cells for numbers."""

import numpy as np
import pytest
import xarray as xr

from labspin.data import open_foreign, pick_axes
from labspin.data.foreign.cells import CellError, is_number, numbers, unpaired

WOBBLE = [3.0, 1.0, 4.0, 1.5, 5.0, 9.0]  # neither rises nor falls


def picked(folder, **columns):
    """Return what is picked of a table with these columns, ``_`` in a name for what is no letter."""
    path = folder / "table.csv"
    rows = zip(*columns.values(), strict=True)
    titles = ",".join(columns)
    path.write_text(titles + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows), encoding="utf-8")
    return pick_axes(open_foreign(path))


@pytest.mark.parametrize(("unit", "sigma"), [("(V)", "v_err"), ("", "v_err"), ("(mV)", ""), ("(K)", "")])
def test_errors_have_the_unit_of_what_they_are_errors_of(tmp_path, unit, sigma):
    pick = picked(tmp_path, **{"f (Hz)": range(6), "v (V)": WOBBLE, f"v_err {unit}".strip(): [0.1] * 6})
    assert (pick.x, pick.y, pick.sigma) == ("f", "v", sigma)


def test_errors_without_the_name_of_y_are_its_own_only_where_nothing_else_has_any(tmp_path):
    assert picked(tmp_path, f=range(6), v=WOBBLE, error=[0.1] * 6).sigma == "error"
    assert picked(tmp_path, f=range(6), v=WOBBLE, w=WOBBLE[::-1], error=[0.1] * 6).sigma == ""


@pytest.mark.parametrize(("unit", "y"), [("V", "X + 1j*Y"), ("K", "X")])
def test_two_parts_of_a_response_have_one_unit(tmp_path, unit, y):
    pick = picked(tmp_path, **{"f (Hz)": range(6), "X (V)": WOBBLE, f"Y ({unit})": WOBBLE[::-1]})
    assert (pick.x, pick.y) == ("f", y)


def test_a_column_that_counts_the_rows_is_not_what_was_swept(tmp_path):
    pick = picked(tmp_path, **{"": range(6), "kappa": [6, 5, 3, 2, 1, 0], "zeta": WOBBLE})
    assert (pick.x, pick.y) == ("kappa", "zeta")


def test_what_was_swept_may_fall(tmp_path):
    pick = picked(tmp_path, zeta=WOBBLE, kappa=[6, 5, 3, 2, 1, 0])
    assert (pick.x, pick.y) == ("kappa", "zeta")
    assert "falls throughout" in pick.why[0]


def test_what_a_file_keeps_beside_its_signal_is_not_the_signal(tmp_path):
    along = {"delay": np.arange(6.0)}
    values = {"index": ("delay", np.arange(6.0)), "light": ("delay", WOBBLE)}
    xr.Dataset(values, coords=along).to_netcdf(tmp_path / "run.nc", engine="scipy")
    pick = pick_axes(open_foreign(tmp_path / "run.nc"))
    assert (pick.x, pick.y) == ("delay", "light")


def test_beside_a_given_x_stands_what_is_as_long(tmp_path):
    np.savez(tmp_path / "a.npz", kappa=np.arange(9.0), short=np.arange(7.0), zeta=np.arange(9.0) ** 2)
    assert pick_axes(open_foreign(tmp_path / "a.npz"), x="kappa").y == "zeta"


WORDS = [
    ("1", True),
    ("nan", True),
    ("", False),
    ("--", False),
    ("n/a", False),
    ("on", False),
    ("1_000", False),
]


@pytest.mark.parametrize(("cell", "is_one"), WORDS)
def test_a_word_for_what_is_missing_is_no_number_though_it_is_read_as_one(cell, is_one):
    assert is_number(cell) == is_one


@pytest.mark.parametrize("pair", ["(1,2)", "(1,-2)", "( 1 , +2 )"])
def test_a_pair_is_one_number_however_it_is_signed(pair):
    wanted = 1 + 2j * (-1 if "-" in pair else 1)
    first, second = unpaired(f"{pair},7").split(",")
    assert numbers([first, pair]).tolist() == [wanted, wanted]
    assert second == "7"


def test_the_cell_that_is_no_number_is_named():
    with pytest.raises(CellError, match="'off' is no number") as caught:
        numbers(["1", "2", "off", "4"])
    assert (caught.value.place, caught.value.cell) == (2, "off")
