"""Certified reference data of NIST: values and standard errors, from both official starts."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from labspin.analysis import Expression, fit_batch, fit_curve

ROOT = Path(__file__).parents[3]
SPECIFICATION = importlib.util.spec_from_file_location("nist_strd", ROOT / "benchmarks" / "nist_strd.py")
nist = importlib.util.module_from_spec(SPECIFICATION)
SPECIFICATION.loader.exec_module(nist)
SETS = nist.load_sets()


@pytest.mark.parametrize("name", SETS)
def test_data_are_those_that_were_certified(name):
    data = SETS[name]
    values = {f"b{k + 1}": value for k, value in enumerate(data["certified"])}
    best = Expression(data["formula"]).value({"x": np.asarray(data["x"], float), **values})
    assert np.sum((np.asarray(data["y"], float) - best) ** 2) == pytest.approx(data["rss"], rel=1e-9, abs=0)


@pytest.mark.parametrize("name", SETS)
def test_certified_values_are_reached(name):
    table = nist.reached(name, SETS[name])
    for start in range(2):
        curve, batch = table["fit_curve"][start], table["fit_batch"][start]
        assert curve[0] > 5.5
        assert curve[1] > 5.5
        assert batch[0] > 3.9
        assert batch[2] <= 1


def test_a_lost_fit_says_so():
    """From b2 = 50 the model is flat at every x: no descent leads back, and nothing may look sound."""
    data = SETS["BoxBOD"]
    model = nist.model_of("BoxBOD", data["formula"], 2)
    outcome = fit_curve(model, data["x"], data["y"], start={"b1": 1.0, "b2": 50.0})
    assert nist.digits([outcome["b1"].value], data["certified"][:1]) < 3
    assert outcome.warnings
    batch = fit_batch(model, data["x"], np.asarray(data["y"], float)[None], start={"b1": 1.0, "b2": 50.0})
    assert not batch.sound.any()
