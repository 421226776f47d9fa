"""T1: the fit finds the truth, its errors are right, and it says what the data do not determine."""

import numpy as np
import pytest

from labspin.analysis import fit_curve, load_model
from labspin.errors import FitError

SE = load_model("stretched_exponential")
RAW = load_model("recharging_decay")
DELAYS = np.geomspace(10e-6, 20e-3, 40)
TRUTH = {"amplitude": 1000.0, "T1": 1.61e-3, "beta": 0.8, "baseline": 50.0}


def noisy(rng, sigma=15.0, delays=DELAYS, truth=None):
    return SE.evaluate(delays, truth or TRUTH) + rng.normal(0, sigma, delays.size)


def test_noise_free_trace_gives_the_truth():
    outcome = fit_curve(SE, DELAYS, SE.evaluate(DELAYS, TRUTH), 1.0)
    for name, value in TRUTH.items():
        assert outcome[name].value == pytest.approx(value, rel=1e-7, abs=0)


def test_errors_cover_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(11)
    pulls = []
    for _ in range(150):
        outcome = fit_curve(SE, DELAYS, noisy(rng), 15.0)
        pulls.append([(outcome[name].value - value) / outcome[name].stderr for name, value in TRUTH.items()])
    inside = np.mean(np.abs(pulls) < 1, axis=0)
    # 150 fits: the binomial spread of a 68.3 % coverage is 3.8 %.
    assert np.all(np.abs(inside - 0.683) < 4 * 0.038)


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_given_errors_are_absolute_and_tested(factor):
    outcome = fit_curve(SE, DELAYS, noisy(np.random.default_rng(3)), 15.0 / factor)
    reference = fit_curve(SE, DELAYS, noisy(np.random.default_rng(3)), 15.0)
    assert outcome["T1"].stderr == pytest.approx(reference["T1"].stderr / factor, rel=1e-4, abs=0)
    assert outcome.statistics.chi2 == pytest.approx(reference.statistics.chi2 * factor**2, rel=1e-6, abs=0)
    doubtful = any("χ²" in warning for warning in outcome.warnings)
    assert doubtful == (factor == 2.0)
    assert (outcome.statistics.p_value < 1e-3) == (factor == 2.0)


def test_without_errors_the_scatter_sets_the_scale_and_nothing_is_tested():
    trace = noisy(np.random.default_rng(5))
    free, absolute = fit_curve(SE, DELAYS, trace), fit_curve(SE, DELAYS, trace, 15.0)
    assert free.statistics.p_value is None
    expected = absolute["T1"].stderr * np.sqrt(absolute.statistics.chi2red)
    assert free["T1"].stderr == pytest.approx(expected, rel=1e-4, abs=0)


def test_raw_trace_alone_is_wrong_and_the_difference_is_right():
    """Recharging in the dark, common to both traces, spoils a raw trace and not their difference."""
    rng = np.random.default_rng(7)
    delays = np.geomspace(10e-6, 20e-3, 40)
    drift = {"recharging": -0.08, "recharging_time": 6e-3}
    dark = RAW.evaluate(delays, {**TRUTH, "amplitude": -4e3, "baseline": 6e4} | drift)
    bright = RAW.evaluate(delays, {**TRUTH, "amplitude": 4e3, "baseline": 6e4} | drift)
    without, with_pi = rng.poisson(40 * bright), rng.poisson(40 * dark)
    raw = fit_curve(SE, delays, without, np.sqrt(without))
    ratio = (without - with_pi) / (without + with_pi)
    difference = fit_curve(SE, delays, ratio, np.sqrt(1 - ratio**2) / np.sqrt(without + with_pi))
    own = fit_curve(RAW, delays, without, np.sqrt(without))
    pull = (difference["T1"].value - TRUTH["T1"]) / difference["T1"].stderr
    assert abs(pull) < 3
    assert difference.statistics.p_value > 1e-3
    assert abs(raw["T1"].value - TRUTH["T1"]) > 20 * raw["T1"].stderr
    assert abs(raw["T1"].value / TRUTH["T1"] - 1) > 0.3
    assert abs(own["T1"].value - TRUTH["T1"]) < 3 * own["T1"].stderr


def test_window_too_short_or_too_late_is_said():
    short = np.linspace(1e-6, 0.3e-3, 30)
    early = fit_curve(SE, short, noisy(np.random.default_rng(1), delays=short), 15.0)
    assert any("longest delay" in warning or "not determined" in warning for warning in early.warnings)
    late = np.geomspace(8e-3, 50e-3, 30)
    after = fit_curve(SE, late, noisy(np.random.default_rng(1), delays=late), 15.0)
    assert any("the decay is over before it is seen" in warning for warning in after.warnings)


def test_flat_trace_does_not_stop_and_warns():
    outcome = fit_curve(SE, DELAYS, np.random.default_rng(4).normal(5, 1, DELAYS.size), 1.0)
    assert any(warning.startswith("T1 cannot be seen in these data") for warning in outcome.warnings)


def test_missing_points_order_and_repeats_do_not_matter():
    rng = np.random.default_rng(6)
    trace = noisy(rng)
    plain = fit_curve(SE, DELAYS, trace, 15.0)
    order = rng.permutation(DELAYS.size + 3)
    x, y = np.append(DELAYS, [1e-3, np.nan, 2e-3])[order], np.append(trace, [np.nan, 1.0, np.inf])[order]
    assert fit_curve(SE, x, y, 15.0)["T1"].value == pytest.approx(plain["T1"].value, rel=1e-9, abs=0)
    twice = fit_curve(SE, np.tile(DELAYS, 2), np.tile(trace, 2), 15.0)
    assert twice["T1"].value == pytest.approx(plain["T1"].value, rel=1e-5, abs=0)
    assert twice["T1"].stderr == pytest.approx(plain["T1"].stderr / np.sqrt(2), rel=1e-4, abs=0)


def test_fixed_and_tied_parameters():
    trace = noisy(np.random.default_rng(8))
    outcome = fit_curve(SE, DELAYS, trace, 15.0, fixed={"beta": 0.8})
    assert outcome["beta"].fixed
    assert outcome["beta"].value == 0.8
    assert "beta" not in outcome.covariance_names
    tied = fit_curve(SE, DELAYS, trace, 15.0, tied={"baseline": "amplitude/20"})
    assert tied["baseline"].value == pytest.approx(tied["amplitude"].value / 20, rel=1e-9, abs=0)
    # One parameter less: substituted by hand, the same optimum.
    from scipy.optimize import curve_fit

    def by_hand(x, amplitude, T1, beta):
        return SE.function(x, amplitude, T1, beta, amplitude / 20)

    values, covariance = curve_fit(
        by_hand, DELAYS, trace, [900, 1e-3, 0.7], np.full(40, 15.0), absolute_sigma=True
    )
    assert tied["T1"].value == pytest.approx(values[1], abs=1e-3 * np.sqrt(covariance[1, 1]))
    assert tied["T1"].stderr == pytest.approx(np.sqrt(covariance[1, 1]), rel=1e-3, abs=0)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"sigma": 0.0}, "errors > 0"),
        ({"y": np.full(40, np.nan)}, "no finite points|at least"),
        ({"x": DELAYS[:3], "y": DELAYS[:3]}, "at least 4 finite points"),
        ({"y": np.zeros(3)}, "one shape"),
        ({"fixed": {"gamma": 1.0}}, "no parameter 'gamma'"),
    ],
)
def test_what_cannot_be_fitted_is_refused(change, match):
    arguments = {"x": DELAYS, "y": SE.evaluate(DELAYS, TRUTH), "sigma": 1.0} | change
    with pytest.raises(FitError, match=match):
        fit_curve(SE, **arguments)
