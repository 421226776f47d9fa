"""Lists of runs: their order, conditions across units, and numbers as text."""

import math
from pathlib import Path

import pytest

from labspin.data import RunStatus, RunSummary
from labspin.data.summary import Number
from labspin.session.run_list import runs_where, sorted_runs, values_text


def run_with(name, *values, unit="s"):
    """Return a run that found these values of T1, or none."""
    found = {"t1": {"T1": Number(values=values, unit=unit)}} if values else {}
    return RunSummary(path=Path(f"{name}.h5"), status=RunStatus.FINISHED, results=found)


def names(runs):
    return "".join(run.path.stem for run in runs)


@pytest.mark.parametrize("falling", [False, True])
def test_runs_are_in_the_order_of_numbers_and_those_without_one_come_last(falling):
    runs = [
        run_with("a", math.nan),
        run_with("b", 10.0),
        run_with("c"),
        run_with("d", 9.0),
        run_with("e", 100.0),
    ]
    found = names(sorted_runs(runs, "T1", falling=falling))
    assert found == ("ebdac" if falling else "dbeac")


def test_a_condition_compares_quantities_whatever_unit_a_fit_had():
    runs = [
        run_with("a", 2.0, unit="ms"),
        run_with("b", 1e-3),
        run_with("c", 1800.0, unit="us"),
        run_with("d"),
    ]
    assert names(runs_where(runs, "T1 > 1.5 ms")) == "ac"
    assert names(runs_where(runs[::-1], "T1 < 1.9 ms")) == "cb"


def test_of_many_values_the_least_and_the_greatest_are_told():
    values = (3.0, math.nan, 1.0, 7.0, *[2.0] * 20)
    text = values_text(Number(values=values, unit="s"))
    assert text.startswith("1 s … 7 s")
    assert text.endswith("(24)")
    assert values_text(Number(values=("on", "off"))) == "on, off"
