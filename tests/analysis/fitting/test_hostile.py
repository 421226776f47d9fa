"""What no model may do, whatever the data are: end in a traceback, warn in numbers, or be sure of nothing."""

import itertools

import numpy as np
import pytest

from labspin.analysis import fit_batch, fit_curve, load_model
from labspin.errors import FitError, LabspinError
from tests.analysis.models.test_models import INTEGRALS, LEAST_SQUARES, made, noisy
from tests.some import some

LONG = INTEGRALS | {"film_layer_relaxation", "cross_relaxation_rate", "mdmr_spectrum"}
THIRD = 3
"""Of the inputs every third is tried with every commit, another third with the next model; at night all."""
FEW = 40  # points are enough to be refused, and to be sure of nothing


def inputs(name):
    """Yield what it is, x, y and sigma of data that somebody has handed to a fit."""
    case, model, _ = made(name)
    rng, one = np.random.default_rng(3), 1 + 0j if model.is_complex else 1.0
    thin = slice(None, None, max(1, np.size(case.x) // FEW))
    x, y = np.asarray(case.x, float)[thin], noisy(case, model, rng)[thin]
    n, sigma = x.size, np.full(x.size, np.real(case.noise))
    there = np.arange(n)
    order = rng.permutation(n)
    yield from (("one point", x[:1], y[:1], None), ("no point", x[:0], y[:0], None))
    yield from (("nothing finite", x, np.nan * y, None), ("zero", x, 0 * y, None))
    yield from (("constant", x, np.full(n, y[0]), None), ("constant with errors", x, np.full(n, y[0]), sigma))
    yield from (("one x", np.full(n, x[0]), y, None), ("unsorted", x[order], y[order], None))
    yield "a point twice", np.append(x, x[n // 2]), np.append(y, y[n // 2]), None
    yield "x below zero", -x, y, None
    yield (
        "integers",
        np.round(x).astype(int),
        np.round(1000 * y.real).astype(int) * np.int64(1) + 0 * one,
        None,
    )
    yield "masked", np.ma.array(x, mask=there % 7 == 0), np.ma.array(y, mask=there % 5 == 0), None
    yield from (("subnormal x", x * 5e-324, y, None), ("subnormal y", x, y * 1e-310, None))
    yield from (("huge x", x * 1e290, y, None), ("huge y", x, y * 1e290, None))
    yield "infinite y", x, np.where(there == 3, np.inf, y.real) + 0 * one, None
    yield "an error of zero", x, y, np.where(there == 3, 0.0, sigma)
    yield "an error that is missing", x, y, np.where(there == 3, np.nan, sigma)
    yield from (("errors below zero", x, y, -sigma), ("huge errors", x, y, np.full(n, 1e200)))
    yield from (("text", x.astype(str), y, None), ("objects", x.astype(object), y.astype(object), None))
    yield from (("two dimensions", x, np.stack([y, y]), None), ("noise", x, rng.normal(size=n) * one, None))
    yield "a step", x, (there > n // 2) * one, None


MUST_WARN = {"zero", "constant", "noise"}


@pytest.mark.parametrize(
    ("name", "first", "every"),
    [(name, n % THIRD, THIRD) for n, name in enumerate(LEAST_SQUARES) if name not in LONG]
    + [pytest.param(name, 0, 1, marks=pytest.mark.slow) for name in LEAST_SQUARES],
)
def test_odd_data_are_fitted_or_refused(name, first, every):
    model = made(name)[1]
    seen = 0
    for what, x, y, sigma in some(itertools.islice(inputs(name), first, None, every)):
        try:
            fit = fit_curve(model, x, y, sigma)
        except LabspinError:
            pass
        else:
            seen += 1
            assert fit.summary()
            finite = np.isfinite([parameter.value for parameter in fit.parameters])
            assert finite.all() or not fit.statistics.converged, what
            if what in MUST_WARN and fit.x.size > 12:  # may be none: all of these may be refused
                assert fit.warnings or not np.any(np.isfinite(fit.covariance)), (what, fit.summary())
        stack = [np.ma.filled(one, np.nan) if np.ma.isMaskedArray(one) else one for one in (x, y)]
        with_errors = None if sigma is None else sigma[None]
        try:
            fit_batch(model, stack[0], np.atleast_2d(stack[1]), with_errors, check=0)
        except LabspinError:
            continue
    assert seen > 3 / every


def test_a_masked_point_is_not_there():
    case, model, _ = made("stretched_exponential")
    x, y = np.asarray(case.x), noisy(case, model, np.random.default_rng(1))
    there = np.arange(x.size) % 5 != 0
    spoilt = np.ma.array(np.where(there, y, 1e6), mask=~there)
    wanted = fit_curve(model, x[there], y[there])
    assert fit_curve(model, x, spoilt)["T1"].value == pytest.approx(wanted["T1"].value, rel=1e-9, abs=0)
    found = fit_batch(model, x, spoilt[None], check=0)
    assert found.values[0, 1] == pytest.approx(wanted["T1"].value, rel=1e-5, abs=0)


def test_complex_data_are_no_real_ones():
    case, model, _ = made("stretched_exponential")
    with pytest.raises(FitError, match="wanted real numbers, got complex ones; fit one part"):
        fit_curve(model, case.x, model.evaluate(case.x, case.truth) * (1 + 1j))


def test_errors_of_both_parts_count_in_a_batch():
    """σ + i σ': the imaginary part of the errors was dropped."""
    case, model, _ = made("resonator_response")
    y, errors = noisy(case, model, np.random.default_rng(1)), np.full(case.x.size, 0.01 + 0.03j)
    one, many = fit_curve(model, case.x, y, errors), fit_batch(model, case.x, y[None], errors[None], check=0)
    values, errors = ([getattr(one[name], kind) for name in model.names] for kind in ("value", "stderr"))
    free = [not one[name].fixed for name in model.names]
    assert sum(free) >= 4
    assert many.values[0] == pytest.approx(values, rel=1e-6, abs=1e-9)
    assert many.stderr[0, free] == pytest.approx(np.array(errors)[free], rel=1e-4, abs=0)


@pytest.mark.parametrize("name", ["gaussian_dips", "ramsey", "rabi_oscillation", "stretched_exponential"])
def test_what_is_found_in_noise_is_called_noise(name):
    """The best of many curves looks like five standard errors of something (with errors known, or not)."""
    case, model, _ = made(name)
    rng, x, said = np.random.default_rng(8), np.asarray(case.x), []
    for _ in range(8):
        y = rng.normal(size=x.size)
        said += [
            any("a constant explains" in one for one in fit_curve(model, x, y, s).warnings)
            for s in (None, 1.0)
        ]
    assert np.mean(said) > 0.9
    seen = fit_curve(model, x, noisy(case, model, rng), case.noise)
    assert not any("a constant explains" in one for one in seen.warnings)


def test_a_field_far_from_any_line_is_no_traceback():
    model = load_model("odmr_spectrum")
    fit = fit_curve(model, np.linspace(1.0, 2.0, 50), np.random.default_rng(1).normal(1.0, 1e-3, 50))
    assert fit.warnings


@pytest.mark.parametrize(
    "name", ["stretched_exponential", "double_exponential", "echo_decay", "rabi_oscillation"]
)
def test_a_decay_in_times_since_1970_says_so(name):
    case, model, _ = made(name)
    y = noisy(case, model, np.random.default_rng(1))
    for begins, told in ((1.7e9, True), (0.0, False)):
        fit = fit_curve(model, np.asarray(case.x) + begins, y)
        assert any("counts from x = 0" in one for one in fit.warnings) is told, fit.summary()


@pytest.mark.parametrize("name", ["complex_ring_down", "lorentzian_dips", "stretched_exponential"])
@pytest.mark.parametrize("sigma", [None, 0.02])
def test_a_curve_through_one_outlier_says_so(name, sigma):
    """A ring-down shorter than the distance of two points fits any outlier, and its errors look fine."""
    case, model, _ = made(name)
    if name == "lorentzian_dips":
        model = load_model(name, count=1)
    x, rng = np.linspace(case.x[0], case.x[-1], 60), np.random.default_rng(4)
    y = 0.1 + rng.normal(0, 0.02, 60) + (1j * rng.normal(0, 0.02, 60) if model.is_complex else 0)
    y[20] += 1
    fit = fit_curve(model, x, y, sigma)
    assert fit.warnings, fit.summary()
    if name == "complex_ring_down":
        assert any("one point, at" in one for one in fit.warnings)


def test_a_curve_through_all_points_is_not_that_of_one():
    case, model, _ = made("complex_ring_down")
    fit = fit_curve(model, case.x, noisy(case, model, np.random.default_rng(1)), case.noise)
    assert not fit.warnings, fit.warnings


def test_a_line_that_is_seen_from_outside_or_in_part_says_so():
    """A straight line is a flank of a resonance beside the window."""
    model, x, rng = load_model("resonator_amplitude"), np.linspace(2990, 3010, 200), np.random.default_rng(5)
    u = np.linspace(0, 1, x.size)
    flank = fit_curve(model, x, u + rng.normal(0, 0.02, x.size))
    assert any("f0 = " in one and "outside of the points" in one for one in flank.warnings), flank.summary()
    wide = model.evaluate(x, {"f0": 3000.5, "Q": 60.0, "amplitude": 1.0, "offset": 0.0})
    top = fit_curve(model, x, wide + rng.normal(0, 1e-4, x.size), 1e-4)
    assert any("wider than the points reach" in one for one in top.warnings), top.summary()


def test_a_clean_ring_down_with_correlated_noise_is_not_called_a_constant():
    """χ² of the constant was not whitened, and that of the fit was."""
    case, model, _ = made("ring_down")
    there, found = np.arange(case.x.size) % 3 != 0, 0
    for seed in range(12):
        fit = fit_curve(model, case.x[there], noisy(case, model, np.random.default_rng(seed))[there])
        found += fit.noise is not None
        assert not any("a constant explains" in one for one in fit.warnings), fit.summary()
    assert found, "no fit was weighted by correlated noise: take other seeds"
