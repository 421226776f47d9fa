"""The quality of each point, in every form in which a run is read."""

import csv

import h5py
import numpy as np
import pytest
import xarray

from labspin.data import RunFollower, RunWriter, export_csv, open_parts, read_run, recover
from tests.data.samples import grid_header, grid_values

SIZE = 6
DOUBTFUL, CHANGED, BOTH, LACKING = 1, 2, 3, 4


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.h5"


def write(path, *, order=range(SIZE)):
    """Write a run of 2 × 3 points, of which 1 is doubtful, 4 behind a changed setting, 2 both."""
    writer = RunWriter.create(path, grid_header())
    for index in order:
        writer.append(index, float(index), grid_values(index))
    writer.event("doubt", "lock-in: unlocked", instrument="lockin", what=["unlocked"], indexes=[1, 2])
    writer.event("setting", "source: power", instrument="source", what=["power"], indexes=[2, 4])
    writer.event("doubt", "lock-in: unlocked", instrument="lockin", what=["unlocked"], indexes=[], point=5)
    return writer


def expected(run):
    whole = np.zeros(run.shape, int)
    whole.flat[[1, 2, 4]] = DOUBTFUL, BOTH, CHANGED
    return whole


def test_it_is_the_same_while_the_run_lasts_when_it_died_and_in_the_file(path):
    with write(path, order=range(len_of_grid())) as writer:
        live = read_run(path)
        assert np.array_equal(live.quality, expected(live))
        follower = RunFollower(path)
        assert np.array_equal(follower.poll().quality, expected(live))
        follower.close()
        writer.finish("finished")
    assert np.array_equal(read_run(path).quality, expected(live))


def len_of_grid():
    return int(np.prod(grid_header().layout.shape))


def test_a_dead_run_that_is_recovered_keeps_it_and_says_what_is_not_measured(path):
    write(path).close()
    recover(path)
    run = read_run(path)
    missing = expected(run)
    missing.flat[SIZE:] = LACKING
    assert np.array_equal(run.quality, missing)
    assert np.count_nonzero(run.is_doubtful) == 3
    assert run.attributes["doubtful_points"] == 3


def test_it_belongs_to_the_point_in_whatever_order_they_were_measured(path):
    with write(path, order=[4, 0, 2, 1, 5, 3]) as writer:
        writer.finish("aborted")
    run = read_run(path)
    assert run.points.quality.tolist() == [CHANGED, 0, BOTH, DOUBTFUL, 0, 0]
    assert run.quality.flat[4] == CHANGED


@pytest.mark.parametrize("order", [range(len_of_grid()), [*range(1, len_of_grid()), 0]])
def test_a_part_of_a_run_has_its_part_of_it(path, order):
    """Once all points in order, which are not even read, and once not."""
    with write(path, order=order) as writer:
        writer.finish("finished")
    whole = expected(read_run(path))
    with open_parts(path) as file:
        assert np.array_equal(file.part(1, 1, 3).quality, whole[:, 1:3])
        assert np.array_equal(file.part(0, 1).quality, whole[1:])


def test_other_programs_find_the_flags_of_the_cf_conventions(path):
    with write(path, order=range(len_of_grid())) as writer:
        writer.finish("finished")
    with h5py.File(path) as file:
        column = file["entry/data/point_quality"]
        assert column.attrs["flag_masks"].tolist() == [1, 2, 4]
        assert column.attrs["flag_meanings"] == "doubtful_status changed_setting not_measured"
        assert column.attrs["standard_name"] == "quality_flag"
        assert file["entry/data/contrast"].attrs["ancillary_variables"] == "point_quality"
        assert file["entry/data"].attrs["point_quality_indices"].tolist() == [0, 1]
    with xarray.open_dataset(path, group="entry/data", engine="h5netcdf") as foreign:
        assert "point_quality" in foreign.coords
        good = foreign["contrast"].where(foreign["point_quality"] == 0)
        assert int(good.isnull().sum()) == 3
    own = read_run(path).to_xarray()
    assert np.array_equal(own["point_quality"], expected(read_run(path)))
    assert own["point_quality"].attrs["flag_meanings"] == "doubtful_status changed_setting not_measured"


def test_a_table_has_a_column_of_it(path, tmp_path):
    with write(path) as writer:
        writer.finish("aborted")
    table, *_ = export_csv(path, tmp_path / "run.csv")
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["point_quality"] for row in rows] == ["0", "1", "3", "0", "2", "0"]


@pytest.mark.parametrize("indexes", ["all", None, [1.5, "2", None], [1 << 80], {"a": 1}])
def test_what_an_event_says_is_not_taken_on_trust(path, indexes):
    with RunWriter.create(path, grid_header()) as writer:
        writer.append(0, 0.0, grid_values(0))
        writer.event("doubt", "of a strange program", indexes=indexes)
        writer.finish("aborted")
    assert not read_run(path).points.quality.any()
