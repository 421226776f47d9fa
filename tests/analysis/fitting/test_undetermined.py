"""Parameters at the edge of what is determined: held, said, and the others keep honest errors."""

import functools
from dataclasses import replace

import numpy as np
import pytest

from labspin.analysis import count_dips, fit_batch, fit_curve, load_model
from labspin.analysis.fitting.determination import inverse
from tests.analysis.models.test_models import made
from tests.some import some


@pytest.mark.parametrize(("apart", "is_sound"), [(1e-12, True), (1e-14, False)])
def test_the_inverse_of_a_matrix_is_trusted_as_far_as_its_digits_reach(apart, is_sound):
    """Two derivatives that differ by δ of a square: errors grow by 1/√(2δ), in whatever units."""
    units = np.array([1e-12, 1e9])
    alike = np.array([[1.0, 1.0 - apart], [1.0 - apart, 1.0]]) * np.outer(units, units)
    found, sound = inverse(np.stack([alike, np.diag(units**2)]), np.zeros((2, 2), bool))
    assert sound.tolist() == [is_sound, True]
    assert np.diag(found[1]) == pytest.approx(units**-2.0, rel=1e-12, abs=0)
    if is_sound:
        assert np.diag(found[0]) * units**2 == pytest.approx(0.5 / apart, rel=1e-3, abs=0)
    else:
        assert np.isnan(found[0]).all()


@pytest.mark.parametrize(
    ("name", "hidden", "seeds"),
    [
        ("rabi_ensemble", "linewidth", (0, 1, 5, 7)),
        ("rabi_oscillation", "decay_time", range(12)),
    ],
)
def test_a_decay_that_is_not_there(name, hidden, seeds):
    model, x = load_model(name), np.linspace(0, 300e-9, 60)
    truth = {"amplitude": 0.02, "offset": 1.0, "phase": 0.0, "exponent": 1.0, "detuning": 0.0}
    truth |= {"rabi_frequency": 16.7e6, "frequency": 16.7e6, "linewidth": 1.0, "decay_time": 1.0}
    rate = "rabi_frequency" if name == "rabi_ensemble" else "frequency"
    values, errors, held = [], [], 0
    for seed in some(seeds):
        y = model.evaluate(x, truth) + np.random.default_rng(seed).normal(0, 0.002, x.size)
        fit, batch = fit_curve(model, x, y), fit_batch(model, x, y[None], check=0)
        values.append(fit[rate].value)
        errors.append(fit[rate].stderr)
        if np.isnan(fit[hidden].stderr):
            held += 1
            assert any(f"{hidden} cannot be seen in these data" in warning for warning in fit.warnings)
            assert f"{hidden} = " in fit.summary()
            assert "(not determined)" in fit.summary()
            assert batch.status[0] == 7
            assert batch.error(rate)[0] == pytest.approx(fit[rate].stderr, rel=0.01, abs=0)
    assert held >= 1
    assert np.all(np.isfinite(errors))
    assert np.max(errors) < 0.4e6  # was 690 MHz
    assert np.max(np.abs(np.array(values) - 16.7e6) / errors) < 4.5


def test_the_position_of_no_dip_is_not_determined():
    x = np.linspace(2.8e9, 2.95e9, 120)
    for seed in range(4):
        y = 1 + np.random.default_rng(seed).normal(0, 0.01, x.size)
        fit = fit_curve(load_model("lorentzian_dips"), x, y)
        assert x[0] <= fit["center_1"].value <= x[-1]
        assert x[1] - x[0] - 1 <= fit["width_1"].value <= x[-1] - x[0]
        assert abs(fit["depth_1"].value) < 1
        assert abs(fit["offset"].value - 1) < 1


def test_a_spectrum_without_lines_has_none():
    x = np.linspace(2.8e9, 2.95e9, 120)
    for seed in range(8):
        y = 1 + np.random.default_rng(seed).normal(0, 0.01, x.size)
        best = count_dips(x, y, largest=3)[0].outcome
        assert best.covariance_names == ("offset",)
    y = y - 0.1 / (1 + ((x - 2.87e9) / 3e6) ** 2)
    assert "center_1" in count_dips(x, y, largest=3)[0].outcome.covariance_names


def test_structure_in_residuals_is_said_without_errors():
    x = np.linspace(0, 1, 300)
    y = 1 + sum(-0.1 / (1 + ((x - c) / 0.01) ** 2) for c in (0.1, 0.25, 0.4, 0.55, 0.7, 0.85))
    y = y + np.random.default_rng(0).normal(0, 0.002, x.size)
    one = fit_curve(load_model("lorentzian_dips", count=1), x, y)
    assert any("neighbouring residuals are alike" in warning for warning in one.warnings)
    six = fit_curve(load_model("lorentzian_dips", count=6), x, y)
    assert not any("alike" in warning for warning in six.warnings)


def test_constant_points_have_no_errors_of_their_own():
    x = np.linspace(0.1, 5, 20)
    fit = fit_curve(load_model("stretched_exponential"), x, np.full(20, 2.0))
    assert np.isnan(fit["baseline"].stderr)
    assert any("give the errors of the points" in warning for warning in fit.warnings)


@pytest.mark.parametrize("name", ["double_exponential", "rabi_oscillation", "stretched_exponential"])
def test_nothing_has_decayed_before_it_began(name):
    _, model, truth = made(name)
    before, at = model.function(np.array([-1.0, 0.0]), *truth)
    assert before == at


@pytest.mark.parametrize("points", [10_000, 200_000])
def test_many_points_take_little(points):
    x = np.linspace(2.8e9, 2.95e9, points)
    y = 1 - 0.1 / (1 + (2 * (x - 2.87e9) / 5e6) ** 2) + np.random.default_rng(0).normal(0, 0.02, points)
    fit = fit_curve(load_model("lorentzian_dips"), x, y)
    assert abs(fit["center_1"].value - 2.87e9) < 4.5 * fit["center_1"].stderr
    narrow = 1 - 0.3 / (1 + (2 * (x - 2.87e9) / (8 * (x[1] - x[0]))) ** 2)
    y = narrow + np.random.default_rng(1).normal(0, 0.02, points)
    fit = fit_curve(load_model("lorentzian_dips"), x, y)
    assert abs(fit["center_1"].value - 2.87e9) < 4.5 * fit["center_1"].stderr


HIDDEN = {
    "stretched_exponential": [{"T1": 50.0}, {"T1": 1e-9}, {"amplitude": 0.0}],
    "recharging_decay": [{"recharging": 0.0}],
    "double_exponential": [{"amplitude_fast": 0.0}, {"time_slow": 100.0}],
    "gaussian_dips": [{"depth_2": 0.0}],
    "lorentzian_dips": [{"depth_8": 0.0}],
    "cross_relaxation_dip": [{"depth": 0.0}, {"saturation": 0.0}],
    "cross_relaxation_rate": [{"dipolar_time": 10.0}],
    "resonator_amplitude": [{"amplitude": 0.0}],
    "resonator_response": [{"amplitude": 0.0}],
    "ring_down": [{"amplitude": 0.0}, {"ring_down_time": 1e5}],
    "complex_ring_down": [{"amplitude": 0.0}, {"ring_down_time": 1e5}],
    "noncontact_friction": [{"amplitude": 0.0}],
    "rabi_ensemble": [{"linewidth": 1.0}],
    "rabi_oscillation": [{"decay_time": 1.0}, {"amplitude": 0.0}],
    "three_level_relaxation": [{"lower_amplitude": 0.0}, {"upper_rate": 1e-3}],
    "film_relaxation": [{"T1": 1e6}],
    "spin_bath_shift": [{"density": 1e10}],
}
"""What is put to nothing or to infinity, so that the data cannot see it, or what goes with it."""
WITHIN = 2.5
"""Factor within which standard errors agree with a bootstrap, or with the profile of χ²."""


def said(fit, name):
    return any(name in warning for warning in fit.warnings)


def profile(fit, model, case, name):
    """Return √Δχ² at one standard error, where all others are fitted again: 1 where the error is right."""
    p = fit[name]
    held = {q.name: q.value for q in fit.parameters if q.fixed or not np.isfinite(q.stderr)}
    start = {q.name: q.value for q in fit.parameters if q.name not in held and q.name != name}
    beside = [held | {name: p.value + step} for step in (-p.stderr, p.stderr)]
    fits = [fit_curve(model, fit.x, fit.y, case.noise, start=start, fixed=fixed) for fixed in beside]
    return float(np.sqrt(max(max(one.statistics.chi2 for one in fits) - fit.statistics.chi2, 0)))


@pytest.mark.slow
@pytest.mark.timeout(900)  # a model with integrals takes minutes
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("name", "change"), [(name, one) for name in HIDDEN for one in HIDDEN[name]])
def test_what_is_not_held_and_not_doubted_has_an_honest_error(name, change, seed):
    """Whatever is hidden: errors that are quoted without a word agree with a bootstrap or the profile."""
    case, model, _ = made(name)
    model = replace(model, noise=None, window=None)
    rng = np.random.default_rng(seed)
    clean = model.evaluate(case.x, {**case.truth, **change})

    def noise(shape):
        sigma = complex(case.noise) if np.iscomplexobj(case.noise) else complex(case.noise, case.noise)
        drawn = rng.normal(size=shape) * sigma.real
        return drawn + 1j * rng.normal(size=shape) * sigma.imag if model.is_complex else drawn

    fit = fit_curve(model, case.x, clean + noise(clean.size), case.noise)
    start = {p.name: p.value for p in fit.parameters if not p.fixed and np.isfinite(p.stderr)}
    held = {p.name: p.value for p in fit.parameters if p.name not in start}
    if not start:
        assert any("leave a combination of parameters free" in warning for warning in fit.warnings)
        return
    for place, p in some(enumerate(fit.parameters)):
        if p.name in held and not p.fixed:  # may be none: nothing had to be held
            assert said(fit, p.name), fit.summary()
        if p.name not in start or said(fit, p.name):
            continue
        scatter = bootstrap(model, fit, case, noise((40, clean.size)), start, held)[:, place]
        low, high = np.nanpercentile(scatter, [16, 84])
        ratio = p.stderr / ((high - low) / 2)
        if held and 1 < ratio < 10:
            continue  # with what a fit holds, others may have too much freedom where χ² is no parabola
        if not 1 / WITHIN < ratio < WITHIN:  # may be none: the bootstrap agrees
            assert 1 / WITHIN < profile(fit, model, case, p.name) < WITHIN, (p.name, ratio, fit.summary())


@functools.cache
def _bootstraps():
    return {}


def bootstrap(model, fit, case, noise, start, held):
    """Return fits (40, p) to the fitted curve with new noise; what was held stays held."""
    kept = _bootstraps()
    if kept.get("fit") is not fit:
        sigma = case.noise
        if np.iscomplexobj(sigma):  # a batch has one error for both parts: refit one by one
            rows = [fit_curve(model, fit.x, fit.best + one, sigma, start=start, fixed=held) for one in noise]
            values = np.array([[row[p.name].value for p in fit.parameters] for row in rows])
        else:
            values = fit_batch(
                model, fit.x, fit.best + noise, sigma, start=start, fixed=held, check=0, fallback=False
            ).values
        kept.update(fit=fit, values=values)
    return kept["values"]
