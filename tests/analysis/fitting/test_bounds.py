"""Bounds, held values and starts: a fit within bounds is the best that there is within them."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from scipy.optimize import least_squares

from labspin.analysis import fit_batch, fit_curve, load_model

SE = load_model("stretched_exponential")
DELAYS = np.geomspace(0.01, 10, 40)


def best_within(x, y, bounds):
    """Return the least sum of squares within bounds, by another method from several starts."""
    low, high = np.array([bounds.get(p.name, (p.minimum, p.maximum)) for p in SE.parameters]).T
    low[1] = max(low[1], 1e-6)

    def residuals(values):
        return y - SE.function(x, *values)

    found = []
    for T1 in (0.2, 1.0, 4.0):
        for beta in (0.5, 0.9, 1.5):
            start = np.clip([y[0] - y[-1], T1, beta, y[-1]], low + 1e-6, high - 1e-6)
            found.append(2 * least_squares(residuals, start, bounds=(low, high), xtol=1e-14, ftol=1e-14).cost)
    return min(found)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    beta=st.floats(0.5, 1.3),
    low=st.floats(0.2, 1.2),
    width=st.floats(0.02, 2.0),
    start=st.floats(-1.0, 4.0),
)
def test_the_minimum_within_any_bounds_from_any_start(seed, beta, low, width, start):
    y = np.exp(-(DELAYS**beta)) + np.random.default_rng(seed).normal(0, 0.02, DELAYS.size)
    bounds = {"beta": (low, low + width)}
    fit = fit_curve(SE, DELAYS, y, bounds=bounds, start={"beta": start})
    assert fit.statistics.converged
    assert low <= fit["beta"].value <= low + width
    assert fit.statistics.chi2 <= best_within(DELAYS, y, bounds) * (1 + 1e-7)
    batch = fit_batch(SE, DELAYS, y[None], bounds=bounds, start={"beta": start}, check=0)
    assert batch.converged[0]
    assert batch.chi2[0] == pytest.approx(fit.statistics.chi2, rel=1e-6, abs=0)


def test_ordinary_decays_within_narrow_bounds():
    """Sixty fits whose optimum is now inside the bounds, now at one of them."""
    rng, at_bound = np.random.default_rng(1), 0
    for _ in range(60):
        y = np.exp(-(DELAYS ** rng.uniform(0.7, 1.05))) + rng.normal(0, 0.03, DELAYS.size)
        fit = fit_curve(SE, DELAYS, y, bounds={"beta": (0.75, 1.0)})
        assert fit.statistics.chi2 <= best_within(DELAYS, y, {"beta": (0.75, 1.0)}) * (1 + 1e-7)
        if fit["beta"].value in (0.75, 1.0):
            at_bound += 1
            assert any("beta is at its bound" in warning for warning in fit.warnings)
            assert np.isfinite(fit["T1"].stderr)
            assert np.isnan(fit["beta"].stderr)
    assert 5 < at_bound < 55


def test_a_guess_beyond_the_bounds_does_not_stay_at_one():
    y = np.exp(-(DELAYS**4.5)) + np.random.default_rng(0).normal(0, 0.01, DELAYS.size)
    fit = fit_curve(SE, DELAYS, y, bounds={"beta": (3.5, 8)})
    assert abs(fit["beta"].value - 4.5) < 4 * fit["beta"].stderr
    assert fit["beta"].stderr < 0.3


def test_a_held_value_is_not_moved():
    y = np.exp(-(DELAYS**4.5)) + np.random.default_rng(0).normal(0, 0.01, DELAYS.size)
    fit = fit_curve(SE, DELAYS, y, fixed={"beta": 4.5})
    assert fit["beta"].value == 4.5
    assert abs(fit["T1"].value - 1) < 4 * fit["T1"].stderr
    assert any("beta is held at 4.5, outside" in warning for warning in fit.warnings)
    assert "beta = 4.5 (held)" in fit.summary()
    batch = fit_batch(SE, DELAYS, y[None], fixed={"beta": 4.5}, check=0)
    assert batch["T1"][0] == pytest.approx(fit["T1"].value, rel=1e-5, abs=0)


def test_a_distance_held_far_away_gives_the_density_there():
    kelvin = np.geomspace(0.03, 1, 25)
    true = {"density": 1e20, "T1": 1e-5, "distance": 20e-6}
    y = load_model("spin_bath_shift", distance="20 um").evaluate(kelvin, true)
    sigma = 1e-3 * np.abs(y.real).max() + 1e-3j * np.abs(y.imag).max()
    fit = fit_curve(load_model("spin_bath_shift"), kelvin, y, sigma, fixed={"distance": 20e-6})
    assert fit["distance"].value == 20e-6
    assert fit["density"].value == pytest.approx(1e20, rel=1e-3, abs=0)
