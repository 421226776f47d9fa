"""Profiles, bootstrap, model choice, derived quantities: against closed forms and against each other."""

import math

import numpy as np
import pytest

from labspin.analysis import (
    LabspinModel,
    bootstrap,
    compare_models,
    count_dips,
    derive,
    fit_curve,
    load_model,
    model_from_function,
    profile_interval,
    with_derived,
)
from labspin.analysis.fitting.uncertainty import Bootstrap, _crossing
from labspin.errors import FitError, RecipeError

SE = load_model("stretched_exponential")
DELAYS = np.geomspace(1e-5, 2e-2, 40)


def line(x, a, b):
    return a + b * x


LINE = model_from_function(line)
X = np.linspace(-1, 1, 20)


def straight(rng, sigma=0.1):
    return 1 + 2 * X + rng.normal(0, sigma, X.size)


def test_profile_of_a_linear_model_is_the_standard_error():
    outcome = fit_curve(LINE, X, straight(np.random.default_rng(1)), 0.1)
    for probability, width in ((0.6827, 1.0), (0.9545, 2.0)):
        interval = profile_interval(LINE, outcome, "b", probability=probability)
        assert interval.upper - interval.value == pytest.approx(width * outcome["b"].stderr, rel=2e-3, abs=0)
        assert interval.value - interval.lower == pytest.approx(width * outcome["b"].stderr, rel=2e-3, abs=0)


def test_profile_with_errors_from_the_scatter_follows_student():
    from scipy.stats import t

    outcome = fit_curve(LINE, X, straight(np.random.default_rng(2)))
    interval = profile_interval(LINE, outcome, "a", probability=0.95)
    expected = t.ppf(0.975, X.size - 2) * outcome["a"].stderr
    assert interval.upper - interval.value == pytest.approx(expected, rel=2e-3, abs=0)


def test_profile_of_a_poorly_determined_time_is_lopsided_and_agrees_with_lmfit():
    import lmfit

    rng = np.random.default_rng(3)
    short = np.linspace(1e-5, 2e-3, 40)
    y = SE.evaluate(short, {"amplitude": 1, "T1": 1e-3, "beta": 1, "baseline": 0}) + rng.normal(0, 0.03, 40)
    outcome = fit_curve(SE, short, y, 0.03, fixed={"beta": 1.0})
    interval = profile_interval(SE, outcome, "T1", probability=0.95)
    assert interval.upper - interval.value > 1.05 * (interval.value - interval.lower)
    described = LabspinModel(SE)
    parameters = described.make_params(**outcome.values())
    parameters["beta"].set(vary=False)
    result = described.fit(y, parameters, x=short, weights=np.full(40, 1 / 0.03), scale_covar=False)
    ends = dict(lmfit.conf_interval(result, result, p_names=["T1"], sigmas=[0.95]))["T1"]
    # lmfit scales to the scatter and uses F; rescaled, both follow the same profile.
    assert (ends[2][1] - ends[1][1]) / (ends[1][1] - ends[0][1]) == pytest.approx(
        (interval.upper - interval.value) / (interval.value - interval.lower), rel=0.1, abs=0
    )


def test_profile_refuses_what_was_not_fitted():
    outcome = fit_curve(LINE, X, straight(np.random.default_rng(4)), 0.1, fixed={"b": 2.0})
    with pytest.raises(FitError, match="wanted a fitted parameter"):
        profile_interval(LINE, outcome, "b")


@pytest.mark.parametrize("kind", ["parametric", "residuals", "points"])
def test_bootstrap_finds_the_standard_errors(kind):
    rng = np.random.default_rng(5)
    x = np.linspace(-1, 1, 200)
    sigma = np.where(x < 0, 0.05, 0.2)
    outcome = fit_curve(LINE, x, 1 + 2 * x + rng.normal(0, sigma), sigma)
    found = bootstrap(LINE, outcome, draws=1000, kind=kind, seed=1)
    assert found.failed == 0
    for name in ("a", "b"):
        assert found.stderr(name) == pytest.approx(outcome[name].stderr, rel=0.2, abs=0)
        low, high = found.interval(name)
        assert high - low == pytest.approx(2 * outcome[name].stderr, rel=0.2, abs=0)


def test_few_points_make_residuals_smaller_than_the_noise():
    """Five points and two parameters: drawn as they are, residuals give errors √(3/5) of the right ones."""
    x = np.linspace(-1, 1, 5)
    outcome = fit_curve(LINE, x, 1 + 2 * x + 0.1 * np.array([1.0, -2.0, 1.0, 1.5, -1.0]))
    found = bootstrap(LINE, outcome, draws=4000, kind="residuals", seed=3)
    assert found.stderr("a") == pytest.approx(outcome["a"].stderr, rel=0.05, abs=0)


def test_the_spread_of_few_samples_is_not_made_small():
    """Of 1, 2, 3 it is 1, whose mean had to be found from them."""
    found = Bootstrap(("a",), np.array([[1.0], [2.0], [3.0]]), 0)
    assert found.stderr("a") == pytest.approx(1.0, rel=1e-12, abs=0)


def test_an_end_that_nothing_reaches_is_infinite():
    for step in (-0.1, 0.1):
        assert _crossing(lambda value: -1.0, 1.0, step, math.copysign(math.inf, step)) == math.copysign(
            math.inf, step
        )
    assert _crossing(lambda value: -1.0, 1.0, -0.1, 0.0) == 0.0, "but where a bound is, it is that"


def test_models_of_few_points_are_compared_by_the_corrected_criterion():
    """Six points, two parameters: 2·2·3/(6 − 2 − 1) = 4 more than Akaike's own."""
    x = np.linspace(-1, 1, 6)
    y = 1 + 2 * x + 0.1 * np.array([1.0, -2.0, 1.0, 1.5, -1.0, 0.3])
    (found,) = compare_models([LINE], x, y, 0.1)
    assert found.aicc - found.aic == pytest.approx(4.0, rel=1e-9, abs=0)
    assert found.weight == 1.0


def test_bootstrap_of_a_decay():
    rng = np.random.default_rng(6)
    y = SE.evaluate(DELAYS, {"amplitude": 1, "T1": 1e-3, "beta": 0.8, "baseline": 0}) + rng.normal(
        0, 0.01, 40
    )
    outcome = fit_curve(SE, DELAYS, y, 0.01)
    found = bootstrap(SE, outcome, draws=600)
    assert found.stderr("T1") == pytest.approx(outcome["T1"].stderr, rel=0.15, abs=0)
    with pytest.raises(FitError, match="wanted parametric"):
        bootstrap(SE, outcome, kind="jackknife")


def test_number_of_dips_is_found():
    rng = np.random.default_rng(7)
    model = load_model("lorentzian_dips", count=3)
    x = np.linspace(0, 100, 300)
    y = model.function(x, 20, 45, 70, 6, 7, 8, 0.3, 0.4, 0.2, 1.0) + rng.normal(0, 0.03, 300)
    for sigma in (0.03, None):
        ranked = count_dips(x, y, sigma, largest=4)
        assert ranked[0].outcome["offset"].value == pytest.approx(1, abs=0.02)
        assert len(ranked[0].outcome.covariance_names) == 10
    assert sum(item.weight for item in ranked) == pytest.approx(1, rel=1e-6, abs=0)


def test_errors_that_are_too_small_buy_no_dips():
    rng = np.random.default_rng(21)
    model, x = load_model("gaussian_dips", count=1), np.linspace(0, 100, 101)
    counts = []
    for _ in range(30):
        y = model.function(x, 50, 8, 0.3, 1.0) + rng.normal(0, 0.03, x.size)
        ranked = count_dips(x, y, 0.01, largest=3, shape="gaussian_dips")  # a third of the scatter
        counts.append((len(ranked[0].outcome.covariance_names) - 1) // 3)
    # By the criterion for known errors 28 of these had more than one.
    assert sum(count > 1 for count in counts) <= 1


def test_stretching_is_preferred_where_the_data_show_it():
    rng = np.random.default_rng(8)
    plain = load_model("double_exponential")
    y = SE.evaluate(DELAYS, {"amplitude": 1, "T1": 1e-3, "beta": 0.5, "baseline": 0}) + rng.normal(
        0, 0.003, 40
    )
    ranked = compare_models([plain, SE], DELAYS, y, 0.003)
    assert ranked[0].outcome.model == "stretched_exponential"
    assert ranked[0].weight > 0.99


def test_derived_quantity_carries_the_covariance():
    rng = np.random.default_rng(9)
    outcome = fit_curve(LINE, X + 5, straight(rng), 0.1)
    root, error = derive(outcome, "-a/b")
    samples = rng.multivariate_normal(
        [outcome["a"].value, outcome["b"].value], outcome.covariance, size=200_000
    )
    simulated = -samples[:, 0] / samples[:, 1]
    assert root == pytest.approx(-outcome["a"].value / outcome["b"].value, rel=1e-6, abs=0)
    assert error == pytest.approx(np.std(simulated), rel=0.02, abs=0)
    independent = np.hypot(
        outcome["a"].stderr / outcome["b"].value, root * outcome["b"].stderr / outcome["b"].value
    )
    assert error < 0.5 * independent
    named = with_derived(outcome, {"zero": "-a/b [s]"})
    assert named["zero"].unit == "s"
    assert named["zero"].derived
    with pytest.raises(RecipeError, match="no column 'c'"):
        derive(outcome, "a*c")
