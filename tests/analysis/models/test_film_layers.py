"""Layers of depths, fields out of the plane, edges: against plain sums, the physics, and each other."""

import numpy as np
import pytest
from scipy.linalg import expm

from labspin.analysis import JointTrace, fit_curve, fit_joint, load_model
from labspin.errors import RecipeError
from labspin.physics import spinwaves as sw

TIMES = np.geomspace(2e-6, 3e-3, 16)
FIELDS = np.array([16e-3, 28e-3, 38e-3])
RANGE = {"near": 60e-9, "far": 700e-9}
TRUTH = {
    "distance": 220e-9, "spread": 55e-9, "T1": 3e-3, "lower_amplitude": 0.2, "upper_amplitude": 0.25,
    "lower_baseline": 0.0, "upper_baseline": 0.0, "double_quantum_rate": 0.0, "pumping_time": 0.0,
    "guard": 0.0,
}  # fmt: skip


def summed(field, depths, times):
    """Mean differences of the occupations of centres at depths, by the exponential of every rate matrix."""
    bath = sw.spin_wave_bath(
        film=sw.YIG_FIGURES, spin=sw.NV_TABLE1, distance=depths, field=field, temperature=300.0
    )
    alone = sw.thermal_rates(spin=sw.NV_TABLE1, field=field, temperature=300.0)
    lower = (bath.decay_minus + bath.absorption_minus) / 2 + alone.kappa_1 * (alone.occupation_minus + 0.5)
    upper = (bath.decay_plus + bath.absorption_plus) / 2 + alone.kappa_1 * (alone.occupation_plus + 0.5)
    found = np.zeros((len(times), 2))
    for one, other in zip(lower, upper, strict=True):
        rates = np.array([[0, one, other], [one, 0, 0], [other, 0, 0.0]])
        rates -= np.diag(rates.sum(axis=0))
        for at, time in enumerate(times):
            zero, minus, plus = expm(rates * time) @ [1.0, 0.0, 0.0]
            found[at] += np.array([zero - minus, zero - plus]) / len(depths)
    return found


def test_a_uniform_layer_is_the_mean_over_many_depths():
    width = np.sqrt(12) * TRUTH["spread"]
    depths = TRUTH["distance"] + width * ((np.arange(60) + 0.5) / 60 - 0.5)
    expected = summed(20e-3, depths, TIMES[::3])
    model = load_model("film_layer_relaxation", **RANGE)
    found = model.evaluate(TIMES[::3], TRUTH | {"field": 20e-3})
    assert found.real / 0.2 == pytest.approx(expected[:, 0], rel=3e-3, abs=1e-4)
    assert found.imag / 0.25 == pytest.approx(expected[:, 1], rel=3e-3, abs=1e-4)


def test_a_layer_without_spread_is_one_depth():
    layer, rates = load_model("film_layer_relaxation", **RANGE), load_model("film_relaxation", **RANGE)
    both = rates.evaluate(np.array([20e-3]), {"distance": 220e-9, "T1": 3e-3, "scale": 1.0})[0]
    single = load_model("three_level_relaxation")
    expected = single.evaluate(
        TIMES,
        {"lower_rate": both.real, "upper_rate": both.imag, "lower_amplitude": 0.2, "upper_amplitude": 0.25},
    )
    assert layer.evaluate(TIMES, TRUTH | {"spread": 0.0, "field": 20e-3}) == pytest.approx(
        expected, rel=1e-9, abs=1e-12
    )


def decays(profile, seed=3, noise=0.002, **options):
    rng = np.random.default_rng(seed)
    truth = load_model("film_layer_relaxation", profile=profile, **RANGE, **options)
    traces = []
    for field in FIELDS:
        clean = truth.evaluate(TIMES, TRUTH | {"field": field})
        scatter = rng.normal(size=TIMES.size) + 1j * rng.normal(size=TIMES.size)
        traces.append(JointTrace(TIMES, clean + noise * scatter, noise * (1 + 1j)))
    return traces


@pytest.mark.timeout(600)
@pytest.mark.parametrize("profile", ["uniform", "gaussian"])
def test_decays_at_a_few_fields_give_the_profile(profile):
    fit = fit_joint(
        load_model("film_layer_relaxation", profile=profile, **RANGE), decays(profile),
        shared={"distance": None, "spread": None, "T1": None}, tied={"field": "magnet_field"},
        known={"magnet_field": FIELDS},
    )  # fmt: skip
    assert fit.converged
    for name in ("distance", "spread", "T1"):
        value, error = fit.value(name)
        assert abs(value - TRUTH[name]) < 4 * error, name
        assert error < 0.2 * value


@pytest.mark.timeout(600)
def test_a_field_that_is_not_told_is_asked_for():
    with pytest.raises(RecipeError, match="tie it"):
        fit_curve(load_model("film_layer_relaxation", **RANGE), TIMES, decays("uniform")[0].y)


def test_one_depth_is_said_to_explain_decays_without_spread():
    model = load_model("film_layer_relaxation", **RANGE)
    rng = np.random.default_rng(1)
    clean = model.evaluate(TIMES, TRUTH | {"spread": 2e-9, "field": 16e-3})
    y = clean + 0.004 * (rng.normal(size=TIMES.size) + 1j * rng.normal(size=TIMES.size))
    fit = fit_curve(model, TIMES, y, 0.004 + 0.004j, fixed={"field": 16e-3, "T1": 3e-3})
    assert any("spread of the depths is not determined" in warning for warning in fit.warnings)


def test_rates_that_spread_are_averaged_over_a_normal_distribution():
    """By a plain sum over ln Γ."""
    model = load_model("three_level_relaxation")
    values = {"lower_rate": 3e3, "upper_rate": 800.0, "lower_amplitude": 0.3, "upper_amplitude": 0.2}
    found = model.evaluate(TIMES, values | {"spread": 0.7})
    spots = np.linspace(-5, 5, 401)
    weights = np.exp(-0.5 * spots**2)
    expected = sum(
        weight
        * model.evaluate(
            TIMES, values | {n: values[n] * np.exp(0.7 * spot) for n in ("lower_rate", "upper_rate")}
        )
        for spot, weight in zip(spots, weights, strict=True)
    ) / weights.sum()  # fmt: skip
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-4)
    alike = model.evaluate(TIMES, values)
    assert np.abs(found - alike).max() > 0.01


def test_spread_rates_are_found_and_one_rate_in_their_place_is_biased():
    model = load_model("three_level_relaxation")
    values = {"lower_rate": 5e3, "upper_rate": 800.0, "lower_amplitude": 0.3, "upper_amplitude": 0.3}
    rng = np.random.default_rng(5)
    y = model.evaluate(TIMES, values | {"spread": 1.0})
    y = y + 0.001 * (rng.normal(size=TIMES.size) + 1j * rng.normal(size=TIMES.size))
    fit = fit_curve(model, TIMES, y, 0.001 + 0.001j, start={"spread": 0.5})
    assert abs(fit["spread"].value - 1.0) < 4 * fit["spread"].stderr
    assert abs(fit["lower_rate"].value - 5e3) < 4 * fit["lower_rate"].stderr
    alone = fit_curve(model, TIMES, y, 0.001 + 0.001j)
    assert abs(alone["lower_rate"].value - 5e3) > 5 * alone["lower_rate"].stderr
    assert alone.statistics.p_value < 1e-6


@pytest.mark.parametrize("options", [{"elevation": 0.6155}, {"tilt": 0.1}])
def test_rates_out_of_the_plane_are_those_of_the_physics(options):
    field = np.array([30e-3])
    model = load_model("film_relaxation", near=120e-9, far=300e-9, **options)
    found = model.evaluate(field, {"distance": 170e-9, "T1": 3e-3, "scale": 1.0})[0]
    elevation = options.get("elevation", 0.0)
    along = elevation + options.get("tilt", 0.0)
    rates = sw.misaligned_rates(
        film=sw.YIG_FIGURES, spin=sw.NV_TABLE1, distance=170e-9, field=0.03, temperature=300.0,
        elevation=elevation, axis=(np.sin(along), 0, np.cos(along)), rtol=1e-5,
    )  # fmt: skip
    alone = sw.thermal_rates(spin=sw.NV_TABLE1, field=0.03, temperature=300.0)
    own = alone.kappa_1 * (alone.occupation_minus + 0.5)
    assert found.real == pytest.approx(float(rates.lower_rate + own), rel=2e-4, abs=0)
    own = alone.kappa_1 * (alone.occupation_plus + 0.5)
    assert found.imag == pytest.approx(float(rates.upper_rate + own), rel=2e-3, abs=0)


@pytest.mark.parametrize(
    ("name", "options", "match"),
    [
        ("film_relaxation", {"tilt": 3.0}, "1.5 rad"),
        ("film_relaxation", {"elevation": 0.5, "transitions": "lower"}, "out of the plane"),
        ("spin_wave_shift", {"elevation": 0.5}, "out of the plane"),
        ("film_relaxation", {"transitions": "upper"}, "'both' or 'lower'"),
        ("film_relaxation", {"depth": 1e-7}, "depth"),
        ("film_layer_relaxation", {"profile": "linear"}, "uniform, gaussian"),
        ("film_edge", {"thickness": 0.0}, "thickness > 0"),
    ],
)
def test_bad_options(name, options, match):
    with pytest.raises(RecipeError, match=match):
        load_model(name, **options)


NEAR = {"near": 150e-9, "far": 400e-9}


@pytest.mark.parametrize("elevation", [0.6155, 0.0])
def test_a_tilt_that_is_fitted_is_that_of_the_option(elevation):
    """Against a table made for the tilt; where a wave is resonant, both integrals agree to 0.2 %."""
    fields = np.array([20e-3])
    option = load_model("film_relaxation", elevation=elevation, tilt=0.03, **NEAR)
    model = load_model("film_relaxation", elevation=elevation, **NEAR)
    values = dict.fromkeys(model.names, 0.0) | {"distance": 250e-9, "T1": 3e-3, "scale": 1.0}
    changed = model.evaluate(fields, values | {"tilt_change": 0.03})
    wanted = option.evaluate(fields, values)
    assert changed.real == pytest.approx(wanted.real, rel=2e-3, abs=0)
    assert changed.imag == pytest.approx(wanted.imag, rel=2e-3, abs=0)


@pytest.mark.slow
@pytest.mark.parametrize("elevation", [0.6155, 0.0])
def test_rates_tell_a_tilt_out_of_the_plane_and_not_in_it(elevation):
    """Out of the plane one rate gets slower and the other faster; in the plane neither, to first order."""
    fields, rng = np.array([14e-3, 20e-3, 26e-3, 33e-3]), np.random.default_rng(5)
    noise = 0.02 * (rng.normal(size=4) + 1j * rng.normal(size=4))
    model = load_model("film_relaxation", logarithmic=True, elevation=elevation, **NEAR)
    truth = {"distance": 200e-9, "T1": 3e-3, "scale": 1.0, "tilt_change": 0.04}
    y = model.evaluate(fields, dict.fromkeys(model.names, 0.0) | truth) + noise
    fit = fit_curve(model, fields, y, 0.02 + 0.02j, start={"tilt_change": 0.01})
    tilt, distance = fit["tilt_change"], fit["distance"]
    assert abs(distance.value - 200e-9) < 3 * distance.stderr
    if elevation:
        assert abs(tilt.value - 0.04) < 3 * tilt.stderr
    assert (elevation == 0) == any("tilt" in text for text in fit.warnings)


@pytest.mark.parametrize("elevation", [0.0, 0.6155])
def test_an_edge_gives_the_distance_and_the_magnetisation(elevation):
    rng = np.random.default_rng(8)
    x = np.linspace(-1.5e-6, 1.5e-6, 61)
    field = sw.edge_stray_field(film=sw.YIG_FIGURES, position=x - 50e-9, distance=90e-9)
    y = field @ [np.sin(elevation), 0, np.cos(elevation)] + 20e-3 + 1e-5 * rng.normal(size=x.size)
    fit = fit_curve(load_model("film_edge", elevation=elevation), x, y, 1e-5)
    for name, truth in (("distance", 90e-9), ("edge", 50e-9), ("magnetisation", 1.39e5), ("offset", 20e-3)):
        assert abs(fit[name].value - truth) < 4 * fit[name].stderr, name
    assert fit["distance"].stderr < 2e-9
