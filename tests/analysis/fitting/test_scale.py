"""Fits know no size: data in any unit give the same values and errors, in that unit."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from labspin.analysis import fit_batch, fit_counts, fit_curve, fit_spectrum, load_model
from tests.analysis.models.test_models import LEAST_SQUARES, made, noisy

X_FREE = {
    "complex_ring_down", "cross_relaxation_dip", "double_exponential", "gaussian_dips", "lorentzian_dips",
    "rabi_ensemble", "rabi_oscillation", "recharging_decay", "resonator_amplitude", "resonator_response",
    "ring_down", "gaussian_derivative", "lorentzian_derivative", "notch_resonator", "resonator_phase",
    "ring_down_decibel", "saturation", "stretched_exponential",
}  # fmt: skip
"""Models whose parameters all follow the unit of x."""
Y_FIXED = {
    "spin_bath_shift", "cross_relaxation_rate", "film_relaxation", "resonator_phase", "ring_down_decibel",
    "spin_wave_shift", "spin_wave_force", "film_edge",
}  # fmt: skip
"""Models whose y has a unit, or is a logarithm."""
SLOW = {"odmr_spectrum", "mdmr_spectrum"}


def factors(model, by_x, by_y):
    known = {
        "x": by_x, "y": by_y, "1/x": 1 / by_x, "cycles/x": 1 / by_x, "y/x": by_y / by_x, "x*y": by_x * by_y,
    }  # fmt: skip
    return np.array([known.get(p.unit, 1.0) for p in model.parameters])


@pytest.mark.parametrize("name", sorted((set(LEAST_SQUARES) - Y_FIXED - SLOW) | (X_FREE & Y_FIXED)))
@settings(max_examples=3, deadline=None)
@given(x_power=st.integers(-30, 30), y_power=st.integers(-30, 30))
def test_fits_are_invariant_under_scaling(name, x_power, y_power):
    case, model, _ = made(name)
    y = noisy(case, model, np.random.default_rng(5))
    by_x = 10.0**x_power if name in X_FREE else 1.0
    by_y = 1.0 if name in Y_FIXED else 10.0**y_power
    size = factors(model, by_x, by_y)
    first, again = (
        (fit_curve(model, x, data), fit_batch(model, x, data[None], check=0))
        for x, data in ((case.x, y), (case.x * by_x, y * by_y))
    )
    assert again[1].status[0] == first[1].status[0]
    for place, parameter in enumerate(model.parameters):
        one, other = first[0][parameter.name], again[0][parameter.name]
        if one.fixed or not one.stderr > 0:
            continue
        assert abs(other.value / size[place] - one.value) < 1e-6 * one.stderr + 1e-9 * abs(one.value)
        assert other.stderr / size[place] == pytest.approx(one.stderr, rel=1e-6, abs=0)
        value, error = again[1].values[0, place] / size[place], again[1].stderr[0, place] / size[place]
        assert abs(value - first[1].values[0, place]) < 1e-6 * one.stderr + 1e-9 * abs(one.value)
        assert error == pytest.approx(first[1].stderr[0, place], rel=1e-6, abs=0)


@pytest.mark.parametrize("power", [-30, 12, 30])
def test_spectra_and_counts_are_invariant_too(power):
    rng, by = np.random.default_rng(6), 10.0**power
    f = np.linspace(7900, 8100, 401)
    model = load_model("thermal_spectrum")
    clean = model.evaluate(f, {"f0": 8000.0, "Q": 2000.0, "variance": 0.6, "white": 1e-5})
    power_of = clean * rng.gamma(32, 1 / 32, f.size)
    one, other = (fit_spectrum(f, power_of * size, averages=32).outcome for size in (1.0, by))
    for name, size in {"f0": 1, "Q": 1, "variance": by, "white": by}.items():
        assert other[name].value / size == pytest.approx(one[name].value, rel=1e-6, abs=0)
        assert other[name].stderr / size == pytest.approx(one[name].stderr, rel=1e-6, abs=0)
    decay = load_model("stretched_exponential")
    x = np.geomspace(0.01, 10, 40)
    counts = rng.poisson(200 * np.exp(-x) + 30)[None].astype(float)
    pair = [fit_counts(decay, x * size, counts, check=0) for size in (1.0, by)]
    np.testing.assert_allclose(
        pair[1].values[0] / np.array([1, by, 1, 1]), pair[0].values[0], rtol=1e-6, atol=0
    )


def test_a_check_that_contradicts_is_no_number_in_a_field():
    """Where lmfit finds a deeper minimum, its result takes the place of the batch's."""
    from labspin.analysis.fitting.fallback import spot_check
    from labspin.analysis.fitting.sheet import Sheet
    from labspin.analysis.fitting.vectorised import evaluator
    from labspin.analysis.minimiser.problem import Problem, bounds_of

    model = load_model("stretched_exponential")
    x = np.geomspace(0.01, 10, 40)
    y = np.exp(-x) + np.random.default_rng(7).normal(0, 0.02, (30, x.size))
    right = fit_batch(model, x, y, check=0)
    lower, upper, logarithmic = bounds_of(model)
    free = np.ones(4, bool)
    problem = Problem(evaluator(model, x, right.values[0]), x, y, None, logarithmic, lower, upper, free)
    sheet = Sheet.blank(model, free, y, None, absolute=False)
    sheet.values[:], sheet.covariance[:], sheet.chi2[:] = right.values, right.covariance, right.chi2
    sheet.values[:, 1] *= 1.5  # a minimiser that stopped too early
    sheet.chi2[:] = np.square(y - model.evaluate(x, sheet.values)).sum(-1)
    rows = np.arange(len(y))
    spot_check(sheet, model, problem, rows, sheet.values.copy(), 0.05, 0)
    assert (sheet.status == 1).all()
    np.testing.assert_allclose(sheet.values, right.values, rtol=1e-4, atol=0)
