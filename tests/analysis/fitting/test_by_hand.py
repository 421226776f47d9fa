"""Fits against closed forms, counted cases and simulated noise, where a small fault would hide."""

import numpy as np
import pytest
from scipy import stats
from scipy.signal import get_window

from labspin.analysis import FitModel, Parameter, compare_models, fit_batch, fit_curve, load_model
from labspin.analysis.fitting.spectrum import _goodness
from labspin.analysis.fitting.uncertainty import bootstrap
from labspin.analysis.models import model_from_function
from labspin.analysis.models.thermal import WINDOW_CORRELATION

X = np.linspace(0.0, 1.0, 12)
SE = load_model("stretched_exponential")


def line(x, a=1.0, b=0.0):
    return a * x + b


def parabola(x, a=1.0, b=0.0, c=0.0):
    return a * x + b + c * x**2


LINE, PARABOLA = model_from_function(line), model_from_function(parabola)


def line_errors(sigma, x=X):
    """Return the standard errors of slope and height: the normal equations of a line."""
    design = np.stack([x, np.ones_like(x)], axis=1) / np.broadcast_to(sigma, x.shape)[:, None]
    return np.sqrt(np.diag(np.linalg.inv(design.T @ design)))


# -- errors of the points -----------------------------------------------------------------------------------


@pytest.mark.parametrize("scatter", [0.3, 3.0])
def test_known_errors_are_not_scaled_by_the_scatter(scatter):
    y = line(X, 2.0, 1.0) + scatter * 0.1 * np.random.default_rng(1).standard_normal(X.size)
    found = fit_curve(LINE, X, y, 0.1)
    assert [found["a"].stderr, found["b"].stderr] == pytest.approx(line_errors(0.1), rel=1e-6, abs=0)
    unknown = fit_curve(LINE, X, y)
    left = np.sqrt(np.sum((y - unknown.best) ** 2) / (X.size - 2))
    assert [unknown["a"].stderr, unknown["b"].stderr] == pytest.approx(line_errors(left), rel=1e-6, abs=0)


def test_known_errors_of_a_ring_down_are_not_scaled():
    """Its noise is looked for in the data; the errors of the points are taken as they are given."""
    model = load_model("complex_ring_down")
    time = np.linspace(0.0, 3.0, 200)
    clean = np.exp(-time + 2j)
    rng = np.random.default_rng(2)
    noise = rng.standard_normal(time.size) + 1j * rng.standard_normal(time.size)
    quiet, loud = (fit_curve(model, time, clean + size * noise, 1e-3) for size in (1e-4, 3e-4))
    for name in ("amplitude", "ring_down_time"):
        assert quiet[name].stderr == pytest.approx(loud[name].stderr, rel=0.02, abs=0)


def test_points_with_large_errors_count_for_nothing_in_complex_data():
    """A resonance whose upper half was measured with a broken cable, as the errors of the points say."""
    model = load_model("resonator_response")
    frequency = np.linspace(2900.0, 3100.0, 81)
    truth = dict.fromkeys(model.names, 0.0) | {"f0": 3000.0, "Q": 100.0, "amplitude": 1.0}
    clean = model.evaluate(frequency, truth)
    rng = np.random.default_rng(3)
    y = clean + 0.003 * (rng.standard_normal(81) + 1j * rng.standard_normal(81))
    good = np.arange(81) % 2 == 0
    spoilt = np.where(good, y, y + 0.5)
    sigma = np.where(good, 0.003, 1e6)
    with_errors = fit_curve(model, frequency, spoilt, sigma)
    without = fit_curve(model, frequency[good], y[good], 0.003)
    for name in ("f0", "Q"):
        assert with_errors[name].value == pytest.approx(without[name].value, rel=1e-6, abs=0)
        assert with_errors[name].stderr == pytest.approx(without[name].stderr, rel=1e-3, abs=0)


@pytest.mark.parametrize("where", ["x", "y", "sigma"])
def test_points_that_are_no_numbers_are_left_out(where):
    y = line(X, 2.0, 1.0) + 0.1 * np.random.default_rng(4).standard_normal(X.size)
    arrays = {"x": X.copy(), "y": y, "sigma": np.full(X.size, 0.1)}
    arrays[where] = arrays[where].copy()
    arrays[where][3:6] = np.nan
    found = fit_curve(LINE, arrays["x"], arrays["y"], arrays["sigma"])
    kept = np.delete(np.arange(X.size), [3, 4, 5])
    alone = np.polynomial.Polynomial.fit(X[kept], y[kept], 1).convert().coef
    assert [found["b"].value, found["a"].value] == pytest.approx(alone, rel=1e-6, abs=0)
    assert found.statistics.points == kept.size


# -- what statistics say ------------------------------------------------------------------------------------


def test_the_correction_of_akaikes_criterion_for_eight_points():
    """Three parameters and eight points: 2·3·4/(8 − 3 − 1) = 6; two: 2·2·3/(8 − 2 − 1) = 2.4."""
    x = np.linspace(-1.0, 1.0, 8)
    y = parabola(x, 1.0, 2.0, 0.5) + 0.1 * np.random.default_rng(5).standard_normal(8)
    by_size = {len(one.outcome.covariance_names): one for one in compare_models([LINE, PARABOLA], x, y)}
    assert by_size[3].aicc - by_size[3].aic == pytest.approx(6.0, rel=1e-9, abs=0)
    assert by_size[2].aicc - by_size[2].aic == pytest.approx(2.4, rel=1e-9, abs=0)


def test_resampled_residuals_scatter_as_the_errors_of_the_points_do():
    """Residuals of a fit are smaller than the errors, by (n − k)/n in square: with six points, by a third."""
    x = np.linspace(-1.0, 1.0, 6)
    y = line(x, 2.0, 1.0) + 0.1 * np.random.default_rng(6).standard_normal(6)
    outcome = fit_curve(LINE, x, y, 0.1)
    found = bootstrap(LINE, outcome, draws=4000, kind="residuals", seed=1)
    spread = found.samples.std(axis=0)
    left = np.sqrt(np.mean((y - outcome.best) ** 2) * 6 / 4)
    assert spread == pytest.approx(line_errors(left, x), rel=0.05, abs=0)


def test_the_probability_of_a_hann_spectrum_is_uniform_over_noise():
    """Segments of white noise under a Hann window: neighbouring bins go together, and p knows of it."""
    rng, averages, bins, length = np.random.default_rng(7), 8, 60, 160
    window = get_window("hann", length)
    scores = []
    for _ in range(500):
        segments = rng.standard_normal((averages, length)) * window
        power = np.mean(np.abs(np.fft.rfft(segments)) ** 2, axis=0)[10 : 10 + bins]
        ratio = power / np.sum(window**2)
        statistics, _ = _goodness(ratio, averages, WINDOW_CORRELATION["hann"], 0, True, 1)
        scores.append(stats.norm.isf(statistics.p_value))
    assert np.std(scores) == pytest.approx(1.0, abs=0.1)  # 0.03 of it is chance


def test_a_baseline_that_is_extrapolated_is_said():
    delays = np.linspace(1e-5, 1.5e-3, 40)
    truth = {"amplitude": 1.0, "T1": 1e-3, "beta": 1.0, "baseline": 0.0}
    y = SE.evaluate(delays, truth) + 1e-4 * np.random.default_rng(8).standard_normal(40)
    short = fit_curve(SE, delays, y, 1e-4, fixed={"beta": 1.0})
    assert any("baseline is extrapolated" in warning for warning in short.warnings)
    long = fit_curve(SE, 4 * delays, SE.evaluate(4 * delays, truth), 1e-4, fixed={"beta": 1.0})
    assert not any("extrapolated" in warning for warning in long.warnings)


# -- batch --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [255, 256, 257, 300, 513])
def test_every_trace_of_a_batch_is_begun(count):
    """As many fits run at a time as there is room for; the others take the places of those that ended."""
    slopes = np.arange(2.0, count + 2.0)  # at a slope of 1 a fit begins where it ends
    result = fit_batch(LINE, X, slopes[:, None] * X + 1.0, 0.1, check=0)
    assert (result.iterations > 0).all()
    assert result["a"] == pytest.approx(slopes, rel=1e-6, abs=0)


def test_the_reduced_chi_square_of_a_line_through_twelve_points_is_by_ten():
    """What alternates in pairs of opposite sign about the middle has no part of a line in it."""
    off = np.array([1.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0, 1.0])
    assert abs(off.sum()) + abs(off @ X) < 1e-12
    result = fit_batch(LINE, X, (2.0 * X + 1.0 + 0.3 * off)[None], 0.1, check=0)
    assert result.chi2red == pytest.approx([4 * 9.0 / 10], rel=1e-6, abs=0)


def test_parameters_that_only_their_sum_determines_have_no_errors():
    def twins(x, a=1.0, b=1.0):
        return (a + b) * x

    model = model_from_function(twins)
    rng = np.random.default_rng(9)
    traces = rng.uniform(1, 3, (30, 1)) * X + 0.01 * rng.standard_normal((30, X.size))
    result = fit_batch(model, X, traces, 0.01, check=0)
    assert not np.isfinite(result.stderr).any()
    assert not (result.status == 0).any()


def test_parameters_that_hardly_differ_have_the_errors_of_their_difference():
    """What tells b from a is 1e-9·x² without its part along x; the normal equations have lost it by then."""
    small = 1e-9

    def nearly(x, a=1.0, b=1.0):
        return a * x + b * (x + small * x**2)

    traces = 2.0 * X + 0.01 * np.random.default_rng(9).standard_normal((30, X.size))
    result = fit_batch(model_from_function(nearly), X, traces, 0.01, check=0)
    apart = X**2 - X * (X @ X**2) / (X @ X)
    found = result.stderr[np.isfinite(result.stderr).all(axis=1)]
    assert len(found) > 10
    assert found == pytest.approx(np.full(found.shape, 0.01 / small / np.linalg.norm(apart)), rel=0.05, abs=0)


def test_the_deeper_of_two_minima_is_kept():
    """A trace that the batch leaves undetermined is fitted again from two places, and each finds its own."""
    from labspin.analysis.fitting.fallback import refit_all
    from labspin.analysis.fitting.sheet import Sheet
    from labspin.analysis.fitting.vectorised import evaluator
    from labspin.analysis.minimiser.problem import Problem

    def waves(x, frequency):
        return np.cos(2 * np.pi * frequency * x)

    model = FitModel(
        name="waves", equation="", source="", parameters=(Parameter("frequency", "", ""),), function=waves,
        guesser=lambda x, y, weights: {"frequency": 1.0}, is_complex=False,
    )  # fmt: skip
    x = np.linspace(0, 4, 80)
    y = waves(x, 2.0)[None]
    low, high, yes = np.array([-np.inf]), np.array([np.inf]), np.array([True])
    problem = Problem(evaluator(model, x, np.array([2.0])), x, y, None, ~yes, low, high, yes)
    for wrong, right in ((1.55, 2.02), (2.45, 1.98)):
        for first, left in ((wrong, right), (right, wrong)):
            sheet = Sheet.blank(model, np.array([True]), y, None, absolute=False)
            sheet.values[0], sheet.chi2[0] = left, np.sum((y - waves(x, left)) ** 2)
            sheet.status[0], sheet.refit[0] = 2, True
            refit_all(sheet, model, problem, np.array([0]), np.array([[first]]))
            assert sheet.values[0, 0] == pytest.approx(2.0, rel=1e-6, abs=0), (first, left)


# -- guesses ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("begin", [0.0, 1.0, 4.0])
@pytest.mark.parametrize("left_out", [0, 40])
def test_a_ring_down_is_guessed_from_where_it_is_seen(begin, left_out):
    """Wherever the window begins, and though its first points do not count."""
    model = load_model("ring_down")
    time = np.linspace(begin, begin + 3.0, 100)
    y = 2.0 * np.exp(-time / 1.0)
    weights = np.where(np.arange(100) < left_out, 0.0, 1.0)
    guess = model.guess(time, np.where(weights > 0, y, 0.0), weights if left_out else None)
    assert guess["ring_down_time"] == pytest.approx(1.0, rel=0.3, abs=0)
    assert model.evaluate(time, guess)[left_out] == pytest.approx(y[left_out], rel=0.2, abs=0)
    curve = fit_curve(model, time, y, np.where(weights > 0, 1e-3, 1e9))
    assert curve["ring_down_time"].value == pytest.approx(1.0, rel=1e-6, abs=0)
