"""The sampled posterior: normal or Student's where theory says so, lopsided where the likelihood is."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import truncnorm

from labspin.analysis import fit_curve, load_model, model_from_function, profile_interval, sample_posterior
from labspin.errors import FitError

X = np.linspace(-1, 1, 12)


def line(x, a, b):
    return a + b * x


LINE = model_from_function(line)


def straight(seed):
    return 1 + 2 * X + np.random.default_rng(seed).normal(0, 0.1, X.size)


@pytest.mark.parametrize("sigma", [0.1, None])
def test_a_linear_model_has_the_covariance_of_the_fit(sigma):
    pytest.importorskip("emcee")
    outcome = fit_curve(LINE, X, straight(1), sigma)
    found = sample_posterior(LINE, outcome, seed=2)
    freedom = X.size - 2
    # Errors from the scatter: Student's t of n − k degrees of freedom, wider by (n − k)/(n − k − 2).
    expected = outcome.covariance * (1 if sigma else freedom / (freedom - 2))
    independent = len(found.samples) / 2
    spread = np.sqrt(np.diag(expected))
    assert independent > 500
    np.testing.assert_allclose(
        found.covariance() / np.outer(spread, spread), expected / np.outer(spread, spread),
        atol=5 * np.sqrt(2 / independent),
    )  # fmt: skip
    for index, name in enumerate(("a", "b")):
        assert abs(found.median(name) - outcome[name].value) < 5 * spread[index] / np.sqrt(independent)
    assert not found.warnings
    assert 0.3 < found.acceptance < 0.9


def test_a_lopsided_posterior_follows_the_profile():
    pytest.importorskip("emcee")
    model = load_model("ring_down")
    x = np.linspace(0, 1.2, 60)
    y = model.evaluate(x, {"amplitude": 1, "ring_down_time": 1, "offset": 0})
    y = y + np.random.default_rng(5).normal(0, 0.03, x.size)
    outcome = fit_curve(model, x, y, 0.03, fixed={"amplitude": 1.0})
    found = sample_posterior(model, outcome, seed=1)
    profile = profile_interval(model, outcome, "ring_down_time")
    low, high = found.interval("ring_down_time")
    assert high - outcome["ring_down_time"].value > outcome["ring_down_time"].value - low
    assert high - low == pytest.approx(profile.upper - profile.lower, rel=0.15, abs=0)
    assert found.samples[:, 0].min() > 0


def test_a_function_of_one_trace_and_a_bound():
    pytest.importorskip("emcee")

    def scalar(x, a, b):
        return a * x + (b if a > 0 else -b)

    model = model_from_function(scalar)
    y = 0.5 * X + 1 + np.random.default_rng(3).normal(0, 0.1, X.size)
    outcome = fit_curve(model, X, y, 0.1, start={"a": 0.4, "b": 0.9})
    found = sample_posterior(model, outcome, steps=300)
    assert found.steps == 300
    assert abs(found.median("b") - outcome["b"].value) < outcome["b"].stderr
    assert any("sample longer" in warning for warning in found.warnings)
    with pytest.raises(FitError, match="no parameter 'c'"):
        found["c"]


def test_a_bound_cuts_the_posterior_off_as_it_does_a_normal_distribution():
    """With x centred, a and b are independent: a is cut below half an error under its fit, b as far above."""
    pytest.importorskip("emcee")
    free = fit_curve(LINE, X, straight(6), 0.1)
    cuts = {"a": (-0.5, np.inf), "b": (-np.inf, 0.5)}
    bounded = [
        replace(p, minimum=free[p.name].value + low * free[p.name].stderr,
                maximum=free[p.name].value + high * free[p.name].stderr)
        for p, (low, high) in zip(LINE.parameters, cuts.values(), strict=True)
    ]  # fmt: skip
    model = replace(LINE, parameters=tuple(bounded))
    outcome = fit_curve(model, X, straight(6), 0.1, start={p.name: free[p.name].value for p in bounded})
    found = sample_posterior(model, outcome, seed=2)
    for name, (low, high) in cuts.items():
        in_errors = (found[name] - free[name].value) / free[name].stderr
        assert low <= in_errors.min() <= in_errors.max() <= high
        assert np.mean(in_errors) == pytest.approx(truncnorm(low, high).mean(), rel=0, abs=0.1)


def test_what_cannot_be_sampled_is_refused(monkeypatch):
    outcome = fit_curve(LINE, X, straight(4), 0.1)
    with pytest.raises(FitError, match="at least 4 walkers"):
        sample_posterior(LINE, outcome, walkers=3)
    tied = fit_curve(LINE, X, straight(4), 0.1, tied={"b": "2*a"})
    with pytest.raises(FitError, match="got b tied"):
        sample_posterior(LINE, tied)
    monkeypatch.setitem(sys.modules, "emcee", None)
    with pytest.raises(FitError, match=r"pip install 'labspin\[mcmc\]'"):
        sample_posterior(LINE, outcome)
