"""Fits know no size: data in any unit give the same values and errors, in that unit."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from labspin.analysis import fit_batch, fit_counts, fit_curve, fit_spectrum, load_model
from tests.analysis.fitting.symmetries import SYMMETRIES, Change, deviations

SLOW = {"odmr_spectrum", "mdmr_spectrum", "film_relaxation", "spin_wave_shift", "spin_wave_force"}
"""Models that take seconds a fit."""
POWERS, PLACES = st.integers(-30, 30).filter(bool), st.floats(-1e3, 1e3)
CASES = [(name, kind) for kind, names in SYMMETRIES.items() for name in sorted(names)]


def check(name, change):
    """Values to 1e-6 of their errors and errors to 1e-6, by every engine."""
    for engine, (values, errors) in deviations(name, change).items():
        assert values < 1e-6, (engine, change)
        assert errors < 1e-6, (engine, change)


@pytest.mark.parametrize(("name", "kind"), [case for case in CASES if case[0] not in SLOW])
@settings(max_examples=2, deadline=None)
@given(data=st.data())
def test_fits_follow_every_symmetry(name, kind, data):
    if kind.endswith("scale"):
        check(name, Change(**{kind.replace(" ", "_"): 10.0 ** data.draw(POWERS)}))
    elif kind == "x shift":
        check(name, Change(x_scale=10.0 ** data.draw(POWERS), x_shift=data.draw(PLACES)))
    else:
        by = 10.0 ** data.draw(POWERS) if name in SYMMETRIES["y scale"] else 1.0
        check(name, Change(y_scale=by, y_shift=0.1 * data.draw(PLACES)))


@pytest.mark.parametrize(("name", "kind"), [case for case in CASES if case[0] in SLOW])
def test_slow_fits_follow_every_symmetry(name, kind):
    amount = -70.0 if kind.endswith("shift") else 1e-24
    check(name, Change(**{kind.replace(" ", "_"): amount}))


def test_a_ring_down_beside_a_large_constant():
    """Cross-talk a hundred times the motion: it turned in the frame of the decay and hid the switch-off."""
    model, rng = load_model("complex_ring_down"), np.random.default_rng(4)
    x = np.linspace(0, 3, 600)
    y = np.exp(0.4j + 2j * np.pi * 5.3 * x - np.maximum(x - 0.3, 0) / 0.4) + 100 * np.exp(1j)
    y = y + rng.normal(0, 0.01, x.size) + 1j * rng.normal(0, 0.01, x.size)
    fit = fit_curve(model, x, y, 0.01)
    assert -0.01 < fit.x[0] - 0.3 < 0.08, "a fifth of the decay time at most is lost"
    assert abs(fit["ring_down_time"].value - 0.4) < 4.5 * fit["ring_down_time"].stderr


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
