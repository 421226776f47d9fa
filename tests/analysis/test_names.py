"""The truth of a simulation is written with its units."""

import math

import pytest

from labspin.analysis.names import truth_words
from labspin.analysis.outcome import common_size, noted, with_error
from labspin.data import Column, Layout, RunHeader
from labspin.twin import samples
from labspin.twin.inputs import Signals

LAYOUT = Layout(columns=(Column(name="difference"),))
PURE = {
    "beta", "quality_factor", "bare_quality_factor", "added_dissipation", "curve_quality_factor",
}  # fmt: skip


@pytest.mark.parametrize("name", ["levitated_diamond", "mrfm_cantilever", "nv_over_film"])
def test_every_sample_names_the_units_of_its_truth(name):
    sample = samples.load(name)()
    sample.prepare(1)
    truth = sample.truth(Signals(sample.defaults))
    assert truth.keys() - sample.truth_units.keys() <= PURE
    assert sample.truth_units.keys() <= truth.keys()


def header(truth, units):
    return RunHeader(procedure="t1", layout=LAYOUT, truth=truth, extra={"truth_units": units})


def test_numbers_lists_and_tables_carry_their_units():
    truth = {"T1": [1.6e-3, 5e-4], "beta": 0.8, "field": {"x": 1e-3}, "note": "no number"}
    assert truth_words(header(truth, {"T1": "s", "field": "T"})) == [
        ("T1", "1.6 ms, 500 µs"), ("beta", "0.8"), ("field", "x 1 mT"), ("note", "no number"),
    ]  # fmt: skip


def test_a_long_list_is_told_by_its_ends_and_its_length():
    ((_, text),) = truth_words(header({"T": [0.1 * k for k in range(1, 21)]}, {"T": "K"}))
    assert text == "100 mK, 200 mK, 300 mK, …, 1.9 K, 2 K (20 values)"


def test_units_that_mean_nothing_do_no_harm():
    assert truth_words(header({"a": 1.5}, {"a": "furlongs per"})) == [("a", "1.5 furlongs per")]
    assert truth_words(header(None, 3)) == []


def test_a_value_that_rounds_to_nought_has_no_sign():
    assert with_error(-1e-12, 5e-9, "m") == "0.0 ± 5.0 nm"
    assert with_error(-1e-9, 5e-9, "m") == "-1.0 ± 5.0 nm"


def test_values_of_one_column_have_one_prefix_unless_they_are_too_different():
    like = common_size([950e-6, math.nan, 0.0, 1.2e-3])
    assert with_error(950e-6, 30e-6, "s", like=like) == "0.950 ± 0.030 ms"
    assert with_error(0.012, 3e-4, "s", like=like) == "12.00 ± 0.30 ms"
    assert noted(0.3e-3, 3e-5, "s", fixed=True, like=like) == "0.300 ± 0.030 ms (held)"
    assert common_size([1e-9, 1.0]) is None
    assert common_size([math.nan, 0.0]) is None
