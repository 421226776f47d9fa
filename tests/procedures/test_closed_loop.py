"""Pulls of what the procedures find on the simulated bench: see benchmarks/closed_loop.py for many more
runs."""

import importlib.util
import math
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "closed_loop.py"
RUNS = 20


@pytest.fixture(scope="module")
def closed_loop():
    spec = importlib.util.spec_from_file_location("closed_loop", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    sys.modules["closed_loop"] = module
    spec.loader.exec_module(module)
    return module


# How far what is found without noise lies from the truth, relative: the method, not the fit. The first number
# bounds it; what is 0 is exact but for the counter's rounding and the digits of the magnet's supply. None: a
# matter of light and collection, of which only what is expected is known.
METHOD = {
    "t1 one class": {"T1": 0.01, "beta": 0.03},
    "t1 all four": {"T1": 0.08, "beta": 0.05},
    "rabi": {"pi_duration": 1e-4, "linewidth": 1e-3},
    "ramsey": {"T2_star": 5e-3, "splitting": 1e-3, "detuning": 1e-3},
    "pulsed_odmr": {"center": 1e-6, "splitting": 5e-3, "width": None},
    "hahn_echo": {"T2": 5e-3, "exponent": None},
    "xy8": {"T2": 0.04, "exponent": None},  # π pulses that are off two of the three hyperfine lines
    "mdmr": {f"center_{k}": 2e-5 for k in (1, 2, 3)},
    "mdmr angle": {f"center_{k}": 2e-5 for k in (1, 2, 3)},
    "mdmr_lockin": {f"center_{k}": 2e-5 for k in (1, 2, 3)},
    "mdmr_lockin angle": {f"center_{k}": 2e-5 for k in (1, 2, 3)},
    "pl_scan gate": {"center": 1e-3, "sigma": 0.13, "depth": None},
    "pl_scan point": {"center": 1e-3, "sigma": 0.05, "depth": None},
}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", METHOD)
def test_pulls_are_those_of_honest_errors(closed_loop, tmp_path, name):
    results = closed_loop.measured(closed_loop.CASES[name], RUNS, tmp_path, seed=1000)
    assert set(results) == set(METHOD[name])
    for quantity, found in results.items():
        allowed = METHOD[name][quantity]
        if allowed is not None:  # may be none: what the method does not promise
            bias = abs(found["expected"] / found["true"] - 1)
            assert bias < allowed, f"{name} {quantity}: the method is {bias:.2%} off"
        pull = closed_loop.pulls(found, "expected")
        assert np.isfinite(pull).all(), f"{name} {quantity}: a fit has no errors"
        # Four standard deviations of the mean and of the width of 20 unit normals.
        assert abs(pull.mean()) < 4 / math.sqrt(RUNS), f"{name} {quantity}: {pull.mean():+.2f}"
        assert abs(pull.std(ddof=1) - 1) < 4 / math.sqrt(2 * RUNS), f"{name} {quantity}: {pull.std():.2f}"
