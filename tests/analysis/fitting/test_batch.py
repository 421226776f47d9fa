"""The batch engine: lmfit's optimum and errors, and no trace that stops it."""

import lmfit
import numpy as np
import pytest

from labspin.analysis import FitModel, LabspinModel, Parameter, fit_batch, fit_curve, load_model
from labspin.analysis.fitting.lmfit_bridge import TIGHT
from labspin.analysis.fitting.vectorised import curves_of
from labspin.analysis.models import model_from_function
from labspin.errors import FitError
from tests.some import some

SE = load_model("stretched_exponential")
DELAYS = np.geomspace(5e-6, 20e-3, 50)


def decays(rng, count, noise=0.05):
    truth = np.stack(
        [
            np.ones(count),
            10 ** rng.uniform(-4.3, -2.3, count),
            rng.uniform(0.5, 1, count),
            rng.uniform(-1, 1, count),
        ],
        -1,
    )
    return truth, SE.evaluate(DELAYS, truth) + rng.normal(0, noise, (count, DELAYS.size))


def dips(rng, count, number, kind="lorentzian_dips", background="constant"):
    model = load_model(kind, count=number, background=background)
    x = np.linspace(2800, 2940, 200)
    centers = np.linspace(2810, 2930, number) + rng.uniform(-3, 3, (count, number))
    columns = [centers, rng.uniform(5, 9, (count, number)), rng.uniform(0.5, 1, (count, number))]
    columns.append(np.ones((count, 1)))
    if background == "line":
        columns.append(rng.uniform(-1e-3, 1e-3, (count, 1)))
    truth = np.concatenate(columns, axis=1)
    return model, x, truth, model.evaluate(x, truth) + rng.normal(0, 0.04, (count, x.size))


def reference(model, x, y, start, sigma=None):
    described = LabspinModel(model)
    parameters = described.make_params(**dict(zip(model.names, start, strict=True)))
    weights = None if sigma is None else 1 / sigma
    result = described.fit(
        y, parameters, x=x, weights=weights, scale_covar=sigma is None, fit_kws=dict(TIGHT)
    )
    values = np.array([result.params[name].value for name in model.names])
    return values, np.array([result.params[name].stderr for name in model.names])


CASES = [
    ("stretched_exponential", None),
    ("gaussian_dips", (1, "line")),
    ("lorentzian_dips", (4, "constant")),
    ("lorentzian_dips", (4, "line")),
]


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_agrees_with_lmfit_given_derivatives_and_tight_tolerances(name, shape):
    rng = np.random.default_rng(31)
    if shape is None:
        (_, y), model, x = decays(rng, 20), SE, DELAYS
    else:
        model, x, _, y = dips(rng, 12, shape[0], name, shape[1])
    result = fit_batch(model, x, y, check=0)
    assert result.sound.all()
    for row in some(range(len(y))):
        values, errors = reference(model, x, y[row], result.values[row] * (1 + 1e-4))
        assert np.max(np.abs(values - result.values[row]) / errors) < 1e-5
        assert np.max(np.abs(result.stderr[row] / errors - 1)) < 2e-6


def test_absolute_errors_and_masks_agree_with_lmfit():
    rng = np.random.default_rng(32)
    _, y = decays(rng, 12)
    sigma = rng.uniform(0.03, 0.08, y.shape)
    y[rng.random(y.shape) < 0.1] = np.nan
    result = fit_batch(SE, DELAYS, y, sigma, check=0)
    for row in some(range(len(y))):
        there = np.isfinite(y[row])
        values, errors = reference(
            SE, DELAYS[there], y[row, there], result.values[row] * 1.0001, sigma[row, there]
        )
        assert np.max(np.abs(values - result.values[row]) / errors) < 1e-5
        assert np.max(np.abs(result.stderr[row] / errors - 1)) < 2e-6
        assert result.points[row] == there.sum()


def test_agrees_with_one_fit_at_a_time():
    _, y = decays(np.random.default_rng(33), 5)
    result = fit_batch(SE, DELAYS, y, 0.05)
    for row in range(5):
        single = fit_curve(SE, DELAYS, y[row], 0.05)
        assert single["T1"].value == pytest.approx(result["T1"][row], abs=1e-4 * single["T1"].stderr)
        assert single["T1"].stderr == pytest.approx(result.error("T1")[row], rel=1e-5, abs=0)
        assert single.statistics.chi2 == pytest.approx(result.chi2[row], rel=1e-9, abs=0)


@pytest.mark.parametrize("absolute", [False, True])
def test_errors_cover_the_truth(absolute):
    truth, y = decays(np.random.default_rng(34), 4000, 0.02)
    result = fit_batch(SE, DELAYS, y, 0.02 if absolute else None, check=0)
    inside = np.mean(np.abs(result.values - truth) < result.stderr, axis=0)
    # 4000 fits: binomial spread 0.74 %; the problem is a little non-linear.
    assert np.all(np.abs(inside - 0.683) < 0.025)


def test_user_function_with_central_differences():
    def decay(x, amplitude, T1, beta, baseline):
        return amplitude * np.exp(-((x / T1) ** beta)) + baseline

    _, y = decays(np.random.default_rng(35), 20)
    start = dict(zip(SE.names, fit_batch(SE, DELAYS, y, check=0).values.T * 1.1, strict=True))
    analytic = fit_batch(SE, DELAYS, y, start=start, check=0)
    for model in (decay, lmfit.Model(decay)):
        numeric = fit_batch(model, DELAYS, y, start=start, check=0, bounds={"T1": (0, np.inf)})
        assert np.max(np.abs(numeric.values - analytic.values) / analytic.stderr) < 1e-5
        np.testing.assert_allclose(numeric.stderr, analytic.stderr, rtol=1e-5, atol=0)


def test_user_function_that_takes_one_trace_only():
    def scalar(x, a, b):
        return a * x + (b if a > 0 else b**2)

    x = np.linspace(0, 1, 20)
    y = np.stack([scalar(x, 1.0, 2.0), scalar(x, 3.0, -1.0)]) + np.random.default_rng(0).normal(
        0, 0.01, (2, 20)
    )
    result = fit_batch(scalar, x, y, start={"a": [0.9, 2.0], "b": [1.8, -0.5]})
    np.testing.assert_allclose(result["a"], [1, 3], atol=0.05)


def test_no_trace_stops_a_batch():
    rng = np.random.default_rng(36)
    truth, y = decays(rng, 8)
    y[1], y[2] = np.nan, 3.0
    y[3, 3:] = np.nan
    y[4, 10:20] = np.inf
    y[5] = rng.normal(0, 1e-3, 50)
    result = fit_batch(SE, DELAYS, y)
    assert list(result.status[[1, 2, 3]]) == [4, 6, 5]
    assert np.isnan(result.values[[1, 2, 3]]).all()
    assert np.isnan(result.stderr[[1, 2, 3]]).all()
    for row in (0, 4, 6, 7):
        assert result.status[row] == 0
        assert abs(result["T1"][row] - truth[row, 1]) < 5 * result.error("T1")[row]
    assert result.counts()["constant"] == 1


def test_errors_that_are_not_positive_cost_their_trace_only():
    _, y = decays(np.random.default_rng(43), 3)
    sigma = np.full_like(y, 0.05)
    sigma[1, 7] = 0.0
    result = fit_batch(SE, DELAYS, y, sigma, check=0)
    assert list(result.status) == [0, 8, 0]
    assert result.counts()["errors that are not positive"] == 1
    assert list(result.fitted) == [True, False, True]
    assert np.isnan(result.stderr[1]).all()


def test_a_users_function_or_guess_that_raises_costs_its_trace_only():
    import math

    def fragile(x, rate, height):
        if rate < 0:
            raise ValueError("rate")
        return np.array([height * math.exp(-rate * point) for point in x])

    def guesser(x, y, weights):
        if y[0] < 0:
            raise ZeroDivisionError("guess")
        return {"rate": 1.0, "height": float(y[0])}

    x = np.linspace(0, 2, 15)
    rng = np.random.default_rng(44)
    y = np.stack([2 * np.exp(-1.5 * x), -np.exp(2 * x), np.exp(-x)]) + rng.normal(0, 0.01, (3, 15))
    parameters = (Parameter("rate", "1/x", ""), Parameter("height", "y", ""))
    model = FitModel("fragile", "y = height exp(−rate x)", "test", parameters, fragile, guesser)
    result = fit_batch(model, x, y)
    np.testing.assert_allclose(result["rate"][[0, 2]], [1.5, 1.0], atol=0.1)
    assert result.sound[[0, 2]].all()
    assert not result.sound[1]


def test_models_of_lmfit_are_taken_as_they_are():
    from lmfit.models import GaussianModel, LinearModel

    x = np.linspace(-5, 5, 60)
    rng = np.random.default_rng(45)
    slopes = rng.uniform(1, 2, 5)
    lines = np.outer(slopes, x) + 0.5 + rng.normal(0, 0.1, (5, 60))
    fitted = fit_batch(LinearModel(), x, lines)
    expected = [np.polyfit(x, row, 1) for row in lines]
    np.testing.assert_allclose(fitted["slope"], [pair[0] for pair in expected], rtol=1e-7, atol=0)
    model = GaussianModel()
    peaks = np.stack([model.eval(x=x, amplitude=3, center=c, sigma=0.8) for c in (-1.0, 0.4)])
    peaks += rng.normal(0, 0.02, peaks.shape)
    result = fit_batch(model, x, peaks)
    assert result.sound.all()
    for row in range(2):
        alone = model.fit(peaks[row], model.guess(peaks[row], x=x), x=x)
        assert result["center"][row] == pytest.approx(alone.params["center"].value, abs=1e-5)
        assert result.error("sigma")[row] == pytest.approx(alone.params["sigma"].stderr, rel=1e-3, abs=0)


def test_all_traces_unusable_or_none_at_all():
    assert fit_batch(SE, DELAYS, np.full((3, 50), np.nan)).counts() == {"no finite points": 3}
    assert fit_batch(SE, DELAYS, np.empty((0, 50))).values.shape == (0, 4)


def test_order_and_repeats_of_x_do_not_matter():
    rng = np.random.default_rng(37)
    _, y = decays(rng, 6)
    plain = fit_batch(SE, DELAYS, y, check=0)
    order = rng.permutation(50)
    shuffled = fit_batch(SE, DELAYS[order], y[:, order], check=0)
    assert np.max(np.abs(shuffled.values - plain.values) / plain.stderr) < 1e-5
    twice = fit_batch(SE, np.tile(DELAYS, 2), np.tile(y, 2), check=0)
    assert np.max(np.abs(twice.values - plain.values) / plain.stderr) < 1e-5
    own_axis = fit_batch(SE, np.tile(DELAYS, (6, 1)), y, check=0)
    assert np.max(np.abs(own_axis.values - plain.values) / plain.stderr) < 1e-5


def test_shapes_threads_and_dataset():
    _, y = decays(np.random.default_rng(38), 12)
    stacked = y.reshape(3, 4, 50)
    result = fit_batch(SE, DELAYS, stacked, units=("s", "1"), workers=2, check=0.1)
    assert result.values.shape == (3, 4, 4)
    assert result.covariance.shape == (3, 4, 4, 4)
    data = result.to_xarray(("field", "repeat"), {"field": [1.0, 2.0, 3.0]})
    assert data["T1"].dims == ("field", "repeat")
    assert data["T1"].attrs["units"] == "s"
    assert data.attrs["checked_in_lmfit"] == 2
    assert data.attrs["largest_deviation_in_standard_errors"] < 1e-4
    flat = fit_batch(SE, DELAYS, y, check=0)
    np.testing.assert_allclose(data["T1"].values.ravel(), flat["T1"], rtol=1e-6, atol=0)
    with pytest.raises(FitError, match="wanted 2 names"):
        result.to_xarray(("one",))


def test_fixed_parameters_and_bounds():
    truth, y = decays(np.random.default_rng(39), 6)
    result = fit_batch(SE, DELAYS, y, fixed={"beta": truth[:, 2]}, check=0)
    np.testing.assert_array_equal(result["beta"], truth[:, 2])
    assert (result.error("beta") == 0).all()
    assert result.free == ("amplitude", "T1", "baseline")
    bounded = fit_batch(SE, DELAYS, y, bounds={"baseline": (5.0, 6.0)}, check=0)
    assert ((bounded["baseline"] >= 5) & (bounded["baseline"] <= 6)).all()


def test_fits_at_a_bound_are_those_of_a_bounded_method_of_scipy():
    from scipy.optimize import least_squares

    _, y = decays(np.random.default_rng(41), 30)
    inside = fit_batch(SE, DELAYS, y, check=0)
    result = fit_batch(SE, DELAYS, y, bounds={"beta": (0.7, 0.75)}, check=0, fallback=False)
    limits = ([-np.inf, 0, 0.7, -np.inf], [np.inf, np.inf, 0.75, np.inf])
    for row in range(30):
        start = np.clip(inside.values[row], [-9, 0, 0.701, -9], [9, 9, 0.749, 9])
        expected = least_squares(
            lambda p, row=row: SE.function(DELAYS, *p) - y[row], start, bounds=limits,
            x_scale=[1, 1e-3, 1, 1], xtol=1e-13, ftol=1e-13, gtol=1e-13,
        )  # fmt: skip
        assert result.chi2[row] == pytest.approx(2 * expected.cost, rel=1e-8, abs=0)
        assert (result.status[row] == 7) == (result["beta"][row] in (0.7, 0.75))
    held = result.status == 7
    assert held.sum() > 15
    assert np.isnan(result.error("beta")[held]).all()
    fixed = fit_batch(SE, DELAYS, y[held], fixed={"beta": result["beta"][held]}, check=0)
    np.testing.assert_allclose(result.error("T1")[held], fixed.error("T1"), rtol=1e-5, atol=0)
    assert result.counts()["a parameter is at its bound"] == held.sum()


def test_as_many_points_as_parameters_leave_no_errors():
    _, y = decays(np.random.default_rng(42), 3)
    sparse = np.full_like(y, np.nan)
    sparse[:, ::15] = y[:, ::15]
    scatter = fit_batch(SE, DELAYS, sparse, check=0)
    assert (scatter.points == 4).all()
    assert not scatter.sound.any()
    assert np.isnan(scatter.stderr[scatter.status != 7]).all()


def test_redundant_parameters_have_no_errors():
    def redundant(x, a, b):
        return (a + b) * x

    x = np.linspace(0, 1, 10)
    y = np.outer([1.0, 2.0], x) + np.random.default_rng(0).normal(0, 0.01, (2, 10))
    result = fit_batch(redundant, x, y, check=0)
    assert (result.status == 3).all()
    assert np.isnan(result.stderr).all()
    np.testing.assert_allclose(result["a"] + result["b"], [1, 2], atol=0.05)


def test_noise_free_traces_converge_to_the_truth():
    truth, _ = decays(np.random.default_rng(40), 50)
    result = fit_batch(SE, DELAYS, SE.evaluate(DELAYS, truth), check=0)
    assert result.sound.all()
    np.testing.assert_allclose(result.values, truth, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"x": DELAYS[:10]}, "x of shape"),
        ({"sigma": 0.0}, "errors > 0"),
        ({"sigma": np.ones(3)}, "does not belong to y"),
        ({"fixed": {"gamma": 1}}, "no parameter 'gamma'"),
        ({"bounds": {"gamma": (0, 1)}}, "no parameter 'gamma'"),
        ({"model": load_model("thermal_spectrum")}, "fit_spectrum"),
        ({"model": 3}, "wanted a FitModel"),
    ],
)
def test_what_cannot_be_fitted_is_refused(arguments, match):
    _, y = decays(np.random.default_rng(0), 2)
    with pytest.raises(FitError, match=match):
        fit_batch(**({"model": SE, "x": DELAYS, "y": y} | arguments))


def test_complex_model():
    def line(x, real, imag):
        return (real + 1j * imag) * x

    model = FitModel(
        "complex_line",
        "y = (real + i imag) x",
        "test",
        (Parameter("real", "1", ""), Parameter("imag", "1", "")),
        line,
        lambda x, y, w: {"real": 0.0, "imag": 0.0},
        is_complex=True,
    )
    x, rng = np.linspace(1, 2, 30), np.random.default_rng(1)
    noise = rng.normal(size=(2, 30, 2)) @ np.array([0.1, 0.1j])
    y = np.array([[1 + 2j], [3 - 1j]]) * x + noise
    y[0, 4] = np.nan
    result = fit_batch(model, x, y, 0.1, check=1.0)
    expected = np.array([np.nansum(y[k] * x) / np.sum(np.where(np.isnan(y[k]), 0, x) ** 2) for k in range(2)])
    np.testing.assert_allclose(result["real"] + 1j * result["imag"], expected, rtol=1e-6, atol=0)
    np.testing.assert_allclose(result.error("real")[1], 0.1 / np.sqrt(np.sum(x**2)), rtol=1e-6, atol=0)
    assert result.checked == 2


@pytest.mark.parametrize("size", [1.0, 1e-26])
def test_a_function_for_one_trace_is_called_trace_by_trace_however_small_its_values_are(size):
    def line(x, slope):
        return size * np.max(slope) * x + 0 * slope  # of several traces it would take the steepest

    x, slopes = np.linspace(1.0, 2.0, 5), np.array([[1.0], [2.0], [3.0]])
    curves = curves_of(model_from_function(line), x, slopes[0])
    np.testing.assert_allclose(curves(x, slopes), size * slopes * x, rtol=1e-15, atol=0)
