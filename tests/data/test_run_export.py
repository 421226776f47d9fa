import csv

import numpy as np
import pandas
import pytest

from labspin.data import export_copy, export_csv, read_run
from labspin.errors import RunFileError, StorageError
from tests.data.samples import ORDER, grid_values
from tests.some import some


@pytest.mark.parametrize("ended", [False, True])
def test_points_become_rows_in_order_of_measurement(partial, path, tmp_path, ended):
    if ended:
        partial.finish("aborted")
    written = export_csv(path, tmp_path / "out.csv")
    assert [file.name for file in written] == ["out.csv", "out.trace.csv"]
    table = pandas.read_csv(written[0])
    assert list(table) == [
        "point",
        "magnet.field (T)",
        "delay (s)",
        "point_time (s)",
        "point_quality",
        "contrast",
        "contrast_errors",
        "counts",
        "response_real (V)",
        "response_imag (V)",
        "remark",
        "field_read (T)",
    ]
    assert table["point"].tolist() == list(ORDER)
    assert table["contrast"].tolist() == [grid_values(k)[0] for k in ORDER]
    assert table["response_imag (V)"].tolist() == [-k for k in ORDER]
    assert table["remark"].tolist() == [grid_values(k)[5] for k in ORDER]
    # Point 7 is the second delay of the third field.
    row = table[table["point"] == 7].iloc[0]
    assert (row["magnet.field (T)"], row["delay (s)"]) == (0.05, 1e-5)
    traces = pandas.read_csv(written[1])
    assert len(traces) == 4 * len(ORDER)
    seen = traces[traces["point"] == 14]
    np.testing.assert_allclose(seen["lag (s)"], np.linspace(0, 3e-3, 4), atol=0)
    np.testing.assert_array_equal(seen["trace (V)"], grid_values(14)[4])


def test_numbers_lose_no_digit(finished, tmp_path):
    with export_csv(finished, tmp_path / "o.csv")[0].open(newline="") as file:
        fields = [float(row["magnet.field (T)"]) for row in csv.DictReader(file)]
    np.testing.assert_array_equal(fields, np.repeat(np.linspace(0, 0.1, 5), 3))


def test_existing_files_are_kept_unless_told_otherwise(finished, tmp_path):
    target = tmp_path / "out.trace.csv"
    target.write_text("mine")
    with pytest.raises(StorageError, match="exists already"):
        export_csv(finished, tmp_path / "out.csv")
    assert target.read_text() == "mine"
    assert not (tmp_path / "out.csv").exists()
    export_csv(finished, tmp_path / "out.csv", overwrite=True)
    with pytest.raises(StorageError, match="exists already"):
        export_copy(finished, tmp_path / "out.csv")
    with pytest.raises(StorageError, match="folder does not exist"):
        export_csv(finished, tmp_path / "none" / "out.csv")
    with pytest.raises(RunFileError, match="no such file"):
        export_csv(tmp_path / "none.h5", tmp_path / "x.csv")


def test_copies_of_running_and_ended_runs_read_alike(partial, path, tmp_path):
    first = export_copy(path, tmp_path / "first.h5")
    partial.finish("aborted")
    second = export_copy(path, tmp_path / "second.h5")
    assert second.read_bytes() == path.read_bytes()
    for name, values in some(read_run(second).data.items()):
        np.testing.assert_array_equal(read_run(first).data[name], values)
