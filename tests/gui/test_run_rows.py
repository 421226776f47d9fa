"""Runs as rows and sketches, which are made without a window."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from tests.qt import WHY_NOT

if WHY_NOT:
    pytest.skip(WHY_NOT, allow_module_level=True)

from labspin.data import list_runs
from labspin.experiment import run
from labspin.gui.run_rows import COLUMNS, ROWS, rows_of, sketch_of
from tests.experiment.fakes import fake_bench, scan


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    run(scan(), fake_bench(), folder / "run.h5")
    (found,) = list_runs(folder)
    return found


def test_a_run_whose_bench_is_not_safe_is_told_in_its_row(summary):
    safe, unsafe = rows_of([summary, replace(summary, unsafe={"magnet": "magnet at 1 A"})])
    assert "NOT SAFE" not in " ".join(safe.cells)
    assert "finished, NOT SAFE" in unsafe.cells


def test_a_run_is_found_by_its_project(summary):
    (row,) = rows_of([replace(summary, project="Levitated Diamonds")])
    assert "levitated diamonds" in row.words
    assert "Levitated Diamonds" not in row.cells, "it is searched, not shown"


def test_the_uppermost_row_of_a_map_is_the_one_of_the_greatest_value():
    """Levels of a map begin at its least coordinate, pictures at their upper edge."""
    levels = np.array([[10, 20], [200, 250]], np.uint8)
    found = sketch_of(SimpleNamespace(map=SimpleNamespace(levels=levels), line=None)).levels
    assert found.shape == (ROWS, COLUMNS)
    assert [found[0, 0], found[0, -1], found[-1, 0], found[-1, -1]] == [200, 250, 10, 20]
