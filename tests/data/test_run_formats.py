"""Runs in the formats of other programs, read back by those programs' own packages."""

import csv

import numpy as np
import pytest

from labspin.data import RunWriter, export_run, read_run
from labspin.errors import ArgumentError, StorageError
from tests.data.samples import ORDER, grid_header, grid_values
from tests.some import some


@pytest.fixture
def run_file(tmp_path):
    path = tmp_path / "run.h5"
    with RunWriter.create(path, grid_header()) as writer:
        for index in ORDER:
            writer.append(index, 0.5 * index, grid_values(index))
        writer.finish("finished")
    return path


def heads_and_rows(run_file):
    (main, *_) = export_run(run_file, to="csv", folder=run_file.parent / "csv")
    with main.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    return rows[0], rows[1:]


def test_excel_has_the_points_and_what_the_run_is(run_file):
    openpyxl = pytest.importorskip("openpyxl")
    (path,) = export_run(run_file, to="xlsx")
    book = openpyxl.load_workbook(path)
    heads, rows = heads_and_rows(run_file)
    cells = list(book["points"].iter_rows(values_only=True))
    assert list(cells[0]) == heads
    assert len(cells) == 1 + len(rows)
    assert dict(book["run"].iter_rows(values_only=True))["procedure"] == read_run(run_file).header.procedure


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31m\x00b\ud800", "a\\x1b[31m\\x00b\\ud800"),
        ("x" * 100_000, "x" * 32_765 + "…"),
        ("=cmd|'/C calc'!A0", "'=cmd|'/C calc'!A0"),
        ("=" + "x" * 40_000, "'=" + "x" * 32_764 + "…"),
    ],
)
def test_excel_can_hold_any_label(tmp_path, text, shown):
    openpyxl = pytest.importorskip("openpyxl")
    from labspin.data.formats import _sheet_cell

    sheet = openpyxl.Workbook().active
    sheet.append([_sheet_cell(text)])
    assert sheet["A1"].value == shown
    assert sheet["A1"].data_type == "s"


def test_parquet_has_the_columns_with_their_units(run_file):
    parquet = pytest.importorskip("pyarrow.parquet")
    paths = export_run(run_file, to="parquet")
    table = parquet.read_table(paths[0])
    heads, rows = heads_and_rows(run_file)
    assert table.column_names == heads
    assert table.num_rows == len(rows)


def test_matlab_keeps_the_shape(run_file):
    from scipy.io import loadmat

    (path,) = export_run(run_file, to="mat")
    data = loadmat(path, simplify_cells=True)["data"]
    run = read_run(run_file)
    for name, values in some(pair for pair in run.data.items() if pair[1].dtype.kind in "fic"):
        assert np.array_equal(np.squeeze(data[name]), np.squeeze(values), equal_nan=True), name


def test_netcdf_keeps_shape_and_units(run_file):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    (path,) = export_run(run_file, to="nc")
    run = read_run(run_file)
    with xarray.open_dataset(path, engine="h5netcdf") as data:
        for column in some(run.header.layout.columns):
            assert data[column.name].attrs.get("units", "1") in (column.unit, "1"), column.name
            assert data[column.name].shape == run.data[column.name].shape


@pytest.mark.parametrize("to", ["csv", "mat"])
def test_nothing_is_replaced_unasked_and_nothing_foreign_at_all(run_file, to):
    (path, *_) = export_run(run_file, to=to)
    with pytest.raises(StorageError, match="exists already"):
        export_run(run_file, to=to)
    export_run(run_file, to=to, overwrite=True)
    path.write_bytes(b"\0something else")
    with pytest.raises(StorageError, match="is not a"):
        export_run(run_file, to=to, overwrite=True)
    assert path.read_bytes() == b"\0something else"


def test_an_unknown_format_is_refused(run_file):
    with pytest.raises(
        ArgumentError, match="wanted one of the formats csv, mat, nc, parquet, xlsx, got 'doc'"
    ):
        export_run(run_file, to="doc")
