"""All models: what each declares, its derivatives, and that guess and fit find the truth.

A model that joins `MODELS` without a case here fails.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from labspin.analysis import MODELS, fit_batch, fit_curve, load_model
from labspin.analysis.model import columns
from labspin.errors import RecipeError
from labspin.units import canonical
from tests.some import some

NO_CHANGE = dict.fromkeys(
    ("thickness_change", "magnetisation_change", "exchange_change", "damping_change", "temperature_change"),
    0.0,
)


@dataclass
class Case:
    x: Any
    truth: dict[str, float]
    noise: Any
    options: dict[str, Any] = field(default_factory=dict)
    units: tuple[str, str] = ("s", "1")
    ambiguous: tuple[str, ...] = ()


def four(name, values):
    return {f"{name}_{k + 1}": value for k, value in enumerate(values)}


CASES = {
    "stretched_exponential": Case(
        np.geomspace(1e-5, 2e-2, 40), {"amplitude": 1.0, "T1": 1.6e-3, "beta": 0.8, "baseline": 0.1}, 0.02
    ),
    "recharging_decay": Case(
        np.geomspace(1e-5, 0.1, 80),
        {
            "amplitude": 0.3,
            "T1": 1e-3,
            "beta": 0.8,
            "baseline": 1,
            "recharging": -0.2,
            "recharging_time": 2e-2,
        },
        0.001,
    ),
    "double_exponential": Case(
        np.geomspace(1e-5, 0.1, 80),
        {"amplitude_fast": 1.0, "time_fast": 4e-4, "amplitude_slow": 0.7, "time_slow": 1e-2, "baseline": 0.2},
        0.005,
    ),
    "gaussian_dips": Case(
        np.linspace(2.8e9, 2.94e9, 300),
        four("center", (2.82e9, 2.90e9))
        | four("width", (7e6, 9e6))
        | four("depth", (0.03, 0.02))
        | {"offset": 1.0, "slope": 2e-10},
        0.001,
        {"count": 2, "background": "line"},
        ("Hz", "1"),
    ),
    "lorentzian_dips": Case(
        np.linspace(2.75e9, 2.99e9, 500),
        four("center", (2.77e9, 2.80e9, 2.83e9, 2.86e9, 2.88e9, 2.91e9, 2.94e9, 2.97e9))
        | four("width", (6e6, 7e6, 8e6, 6e6, 7e6, 8e6, 9e6, 7e6))
        | four("depth", (0.03, 0.02, 0.025, 0.03, 0.02, 0.03, 0.02, 0.025))
        | {"offset": 1.0},
        0.001,
        {"count": 8},
        ("Hz", "1"),
    ),
    "odmr_spectrum": Case(
        np.linspace(2.6e9, 3.15e9, 600),
        {"B_x": 2.6e-3, "B_y": 1.4e-3, "B_z": 6.1e-3, "D": 2.8704e9, "E": 0.0, "width": 8e6}
        | four("contrast", (0.03, 0.02, 0.025, 0.015))
        | {"offset": 1000.0},
        1.0,
        {"hyperfine": "N14"},
        ("Hz", "counts"),
        ("B_x", "B_y", "B_z", "contrast_1", "contrast_2", "contrast_3", "contrast_4"),
    ),
    "mdmr_spectrum": Case(
        np.linspace(2.6e9, 3.15e9, 600),
        {"B_x": 2.6e-3, "B_y": 1.4e-3, "B_z": 6.1e-3, "D": 2.8704e9, "E": 0.0, "width": 8e6}
        | {
            f"amplitude_{c}_{branch}": height
            for (c, branch), height in zip(
                [(c, b) for c in range(1, 5) for b in ("lower", "upper")],
                (0.5, -0.6, 0.8, 0.7, -0.9, 0.6, -0.5, -0.7),
                strict=True,
            )
        }
        | {"offset": 0.1},
        0.02,
        {},
        ("Hz", "V"),
        ("B_x", "B_y", "B_z", *(f"amplitude_{c}_{b}" for c in range(1, 5) for b in ("lower", "upper"))),
    ),
    "cross_relaxation_dip": Case(
        np.linspace(-5e-3, 5e-3, 200),
        {"center": 1e-3, "sigma": 4e-4, "depth": 0.05, "saturation": 2.0, "offset": 1.0, "slope": 3.0},
        5e-4,
        units=("T", "1"),
    ),
    "cross_relaxation_rate": Case(
        np.linspace(-5e-3, 5e-3, 161),
        {"isolated_time": 1.03e-3, "dipolar_time": 0.38e-3, "linewidth": 6e6, "field_offset": 0.0},
        60.0,
        {"bias": [0.001, 0.0005, 0.008], "direction": [1.0, 0.2, 0.0]},
        ("T", "1/s"),
    ),
    "resonator_amplitude": Case(
        np.linspace(2990, 3010, 200),
        {"f0": 3000.5, "Q": 2000.0, "amplitude": 1.0, "offset": 0.05},
        0.01,
        units=("Hz", "V"),
    ),
    "resonator_response": Case(
        np.linspace(2990, 3010, 200),
        {
            "f0": 3000.5,
            "Q": 2000.0,
            "amplitude": 1.0,
            "phase": 0.7,
            "crosstalk_x": 0.1,
            "crosstalk_y": -0.2,
            "delay": 0.0,
        },
        0.01,
        units=("Hz", "V"),
    ),
    "ring_down": Case(
        np.linspace(0, 3, 600),
        {"amplitude": 1.0, "ring_down_time": 0.4, "offset": 0.1, "start": 0.0},
        0.01,
        units=("s", "V"),
    ),
    "complex_ring_down": Case(
        np.linspace(0, 3, 600),
        {
            "amplitude": 1.0,
            "ring_down_time": 0.4,
            "detuning": 5.3,
            "phase": 0.4,
            "offset_x": 0.1,
            "offset_y": -0.05,
            "start": 0.0,
        },
        0.01,
        units=("s", "V"),
    ),
    "noncontact_friction": Case(
        np.geomspace(30, 400, 60),
        {"amplitude": 8.0, "exponent": 2.5, "background": 0.4},
        0.05,
        {"reference": 50.0},
        ("nm", "pN s/m"),
    ),
    "hyperfine_dips": Case(
        np.linspace(2.597e9, 2.605e9, 65),
        {"center": 2.6014e9, "splitting": 2.16e6, "width": 6e5, "depth": 0.012, "offset": 1.001},
        1e-3,
        {"lines": 3},
        ("Hz", "1"),
    ),
    "ramsey": Case(
        np.linspace(5e-8, 3e-6, 60),
        {"amplitude": 0.05, "detuning": 1e6, "splitting": 2.16e6, "T2_star": 1.1e-6, "phase": 0.1}
        | {"offset": 0.002, "exponent": 2.0},
        1e-3,
        {"count": 3},
    ),
    "echo_decay": Case(
        np.linspace(1e-6, 4e-5, 40), {"amplitude": 0.05, "T2": 1.8e-5, "exponent": 2.7, "offset": 0.0}, 1e-3
    ),
    "decoupling_scaling": Case(
        np.array([1.0, 2, 4, 8, 16, 32, 64]), {"T2": 1.8e-5, "exponent": 0.66}, 5e-7, units=("1", "s")
    ),
    "rabi_ensemble": Case(
        np.linspace(0, 6e-7, 61),
        {"amplitude": 0.06, "rabi_frequency": 4.6e6, "linewidth": 4e6, "offset": 1.0, "detuning": 0.0},
        5e-4,
    ),
    "rabi_oscillation": Case(
        np.linspace(0, 1e-6, 100),
        {
            "amplitude": 0.1,
            "frequency": 5e6,
            "decay_time": 0.6e-6,
            "phase": 0.2,
            "offset": 1.0,
            "exponent": 1.0,
        },
        0.01,
    ),
    "spin_bath_shift": Case(
        np.geomspace(0.03, 0.8, 30),
        {
            "density": 0.14e18,
            "T1": 8e-5,
            "distance": 2.2e-6,
            "temperature_offset": 0.0,
            "T1_exponent": 0.0,
            "frequency_offset": 0.0,
            "loss_offset": 0.0,
        },
        0.02 + 1.5e-5j,
        units=("K", "1"),
    ),
    "three_level_relaxation": Case(
        np.geomspace(1e-6, 1e-2, 30),
        {
            "lower_rate": 7000.0,
            "upper_rate": 200.0,
            "lower_amplitude": 0.2,
            "upper_amplitude": 0.25,
            "lower_baseline": 0.0,
            "upper_baseline": 0.0,
            "double_quantum_rate": 0.0,
            "pumping_time": 0.0,
            "guard": 0.0,
            "spread": 0.0,
        },
        0.01,
    ),
    "film_layer_relaxation": Case(
        np.geomspace(1e-6, 2e-3, 24),
        {
            "distance": 200e-9,
            "spread": 40e-9,
            "T1": 3e-3,
            "lower_amplitude": 0.2,
            "upper_amplitude": 0.25,
            "lower_baseline": 0.0,
            "upper_baseline": 0.0,
            "double_quantum_rate": 0.0,
            "pumping_time": 0.0,
            "guard": 0.0,
            "field": 20e-3,
        },
        0.002,
        {"near": 60e-9, "far": 700e-9, "field": 20e-3},
        ("s", "1"),
    ),
    "film_edge": Case(
        np.linspace(-1e-6, 1e-6, 41),
        {"distance": 120e-9, "edge": 30e-9, "magnetisation": 1.39e5, "offset": 1e-4},
        2e-4,
        units=("m", "T"),
    ),
    "film_relaxation": Case(
        np.array([12e-3, 20e-3, 28e-3, 33e-3, 38e-3]),
        {"distance": 300e-9, "T1": 2.5e-3, "scale": 1.0, "tilt_change": 0.0} | NO_CHANGE,
        100 + 5j,
        {"near": 150e-9, "far": 700e-9},
        ("T", "1/s"),
    ),
    "lorentzian_derivative": Case(
        np.linspace(2.8e9, 2.94e9, 300),
        four("center", (2.82e9, 2.90e9))
        | four("width", (7e6, 9e6))
        | four("height", (3e-4, -2e-4))
        | {"offset": 1e-5},
        1e-5,
        {"count": 2},
        ("Hz", "V"),
    ),
    "gaussian_derivative": Case(
        np.linspace(2.8e9, 2.94e9, 300),
        four("center", (2.82e9, 2.85e9, 2.90e9))
        | four("width", (7e6, 9e6, 8e6))
        | four("height", (3e-4, 2e-4, 2.5e-4))
        | {"offset": 1e-5},
        1e-5,
        {"count": 3},
        ("Hz", "V"),
    ),
    "saturation": Case(
        np.linspace(0, 5e-3, 60),
        {"amplitude": 2.5e5, "saturation": 8e-4, "offset": 1200.0, "slope": 0.0},
        1500.0,
        units=("W", "1/s"),
    ),
    "resonator_phase": Case(
        np.linspace(2990, 3010, 200),
        {"f0": 3000.5, "Q": 2000.0, "phase": 0.7, "delay": 0.0},
        0.03,
        units=("Hz", "rad"),
    ),
    "ring_down_decibel": Case(
        np.linspace(0, 3, 600),
        {"level": -40.0, "ring_down_time": 0.4, "floor": -75.0, "start": 0.0},
        0.5,
        units=("s", "dB"),
    ),
    "notch_resonator": Case(
        np.linspace(5.4995e9, 5.5005e9, 401),
        {
            "f0": 5.50007e9,
            "Q_internal": 6e4,
            "Q_coupling": 3e4,
            "mismatch": 0.3,
            "amplitude": 0.02,
            "phase": 0.7,
            "delay": 3.2e-8,
        },
        1e-4,
        units=("Hz", "V"),
    ),
    "spin_wave_shift": Case(
        np.array([12e-3, 20e-3, 28e-3, 33e-3, 38e-3]),
        {"distance": 120e-9, "offset": 0.0, "slope": 0.0} | NO_CHANGE,
        400.0,
        {"near": 60e-9, "far": 400e-9},
        ("T", "Hz"),
    ),
    "spin_wave_force": Case(
        np.array([80e-9, 100e-9, 130e-9, 180e-9, 300e-9, 600e-9]),
        {"surface": 0.0, "coefficient": 3e12, "baseline": 2e-3, "scale": 1.0} | NO_CHANGE,
        1e-4,
        {"near": 50e-9, "far": 1e-6, "field": 35e-3, "pump_rate": 3e6},
        ("m", "Hz"),
    ),
    "thermal_spectrum": Case(
        np.arange(7400, 8400, 0.5),
        {"f0": 7972.5, "Q": 5000.0, "variance": 0.9, "white": 4.5e-5},
        None,
        units=("Hz", "nm**2/Hz"),
    ),
}
LEAST_SQUARES = sorted(set(CASES) - {"thermal_spectrum"})
# Seconds each, of integrals that have nothing to do with how many traces are fitted at once.
INTEGRALS = {"film_relaxation", "spin_wave_force", "spin_wave_shift"}


def made(name):
    case = CASES[name]
    model = load_model(name, **case.options)
    return case, model, np.array([case.truth[parameter] for parameter in model.names], float)


def away(name):
    """The truth, but for what a curve does not depend on there by symmetry."""
    return made(name)[2] + (2e6 * np.eye(5)[4] if name == "rabi_ensemble" else 0.0)


def noisy(case, model, rng):
    clean = model.evaluate(case.x, case.truth)
    if model.is_complex:
        sigma = complex(case.noise) if np.iscomplexobj(case.noise) else complex(case.noise, case.noise)
        return (
            clean + rng.normal(size=clean.size) * sigma.real + 1j * rng.normal(size=clean.size) * sigma.imag
        )
    return clean + rng.normal(size=clean.size) * case.noise


def test_every_model_has_a_case():
    assert set(CASES) == set(MODELS)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_model_says_what_it_is(name):
    case, model, _ = made(name)
    assert model.name == name
    assert model.equation.startswith(("y =", "S ="))
    assert model.source
    assert all(parameter.description for parameter in some(model.parameters))
    assert set(case.truth) == set(model.names)
    for unit in model.units(*case.units).values():
        if "counts" not in unit:
            canonical(unit)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_derivatives_and_broadcasting(name):
    (case, model, _), truth = made(name), away(name)
    value = model.evaluate(case.x, truth)
    assert value.shape == case.x.shape
    assert np.all(np.isfinite(value))
    if model.derivatives is None:
        return
    y, jacobian = model.derivatives(case.x, truth)
    np.testing.assert_allclose(y, value, rtol=1e-12, atol=0)
    errors = 1e-3 / np.sqrt(np.sum(np.abs(jacobian) ** 2, axis=-1)) * np.max(np.abs(value - value.mean()))
    for index, step in enumerate(errors):
        above, below = truth.copy(), truth.copy()
        above[index] += step
        below[index] -= step
        numeric = (model.evaluate(case.x, above) - model.evaluate(case.x, below)) / (
            above[index] - below[index]
        )
        scale = np.max(np.abs(jacobian[index]))
        np.testing.assert_allclose(jacobian[index] / scale, numeric / scale, atol=2e-4)
    many = np.stack([truth, truth * 1.001])
    both, stacked = model.derivatives(case.x, many)
    assert stacked.shape == (2, truth.size, case.x.size)
    np.testing.assert_allclose(both[1], model.function(case.x, *columns(many[1:]))[0], rtol=1e-10, atol=0)


@pytest.mark.parametrize("name", LEAST_SQUARES)
def test_guess_and_fit_find_the_truth(name):
    case, model, _ = made(name)
    outcome = fit_curve(model, case.x, noisy(case, model, np.random.default_rng(51)), case.noise)
    assert outcome.statistics.converged
    assert outcome.statistics.p_value > 1e-4, outcome.summary()
    for parameter in some(outcome.parameters):
        if parameter.fixed or parameter.name in case.ambiguous:
            continue
        assert abs(parameter.value - case.truth[parameter.name]) < 4.5 * parameter.stderr, outcome.summary()


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if name in INTEGRALS else name for name in LEAST_SQUARES],
)
def test_batch_engine_agrees_with_lmfit(name):
    case, model, _ = made(name)
    y = noisy(case, model, np.random.default_rng(52))
    single = fit_curve(replace(model, noise=None), case.x, y)  # a batch takes noise as white
    start = {p: [single[p].value] for p in model.names if not single[p].fixed}
    result = fit_batch(model, case.x, y[None], check=0, start=start)
    assert result.sound.all()
    for parameter in some(single.parameters):
        if parameter.fixed:
            continue
        deviation = abs(result[parameter.name][0] - parameter.value) / parameter.stderr
        assert deviation < 0.01
        assert result.error(parameter.name)[0] == pytest.approx(parameter.stderr, rel=5e-3, abs=0)


def test_field_of_a_spectrum_is_found_up_to_symmetry():
    from labspin.physics.nv import equivalent_fields

    case, model, truth = made("odmr_spectrum")
    outcome = fit_curve(model, case.x, noisy(case, model, np.random.default_rng(53)), case.noise)
    found = np.array([outcome[name].value for name in ("B_x", "B_y", "B_z")])
    images = equivalent_fields(truth[:3])
    assert np.min(np.linalg.norm(images - found, axis=1)) < 2e-5
    assert abs(outcome["D"].value - case.truth["D"]) < 4.5 * outcome["D"].stderr


def test_ring_down_of_a_whole_record_uses_the_decay_only():
    rng = np.random.default_rng(54)
    time = np.linspace(-1, 6, 3000)
    clean = np.where(time < 0, 1.0, np.exp(-np.maximum(time, 0) / 0.4))
    for name, signal in (
        ("ring_down", clean),
        ("complex_ring_down", clean * np.exp(0.3j + 2j * np.pi * 5 * time)),
    ):
        model = load_model(name)
        noise = rng.normal(0, 0.01, time.size) + (
            1j * rng.normal(0, 0.01, time.size) if model.is_complex else 0
        )
        outcome = fit_curve(model, time, signal + noise, 0.01)
        assert -0.1 < outcome.x.min() < 0.05
        fitted = outcome["ring_down_time"]
        assert abs(fitted.value - 0.4) < 4.5 * fitted.stderr


def test_frequency_and_dissipation_are_fitted_together():
    """T1 follows from the ratio of the two, the density from their size; each alone leaves one open."""
    case, model, _ = made("spin_bath_shift")
    y = noisy(case, model, np.random.default_rng(55))
    outcome = fit_curve(model, case.x, y, case.noise)
    assert outcome["T1"].stderr < 0.05 * outcome["T1"].value
    ratio = float(np.sum(y.real) / (2 * np.pi) / np.sum(y.imag * 3000 / 2 / (2 * np.pi)))
    assert outcome["T1"].value == pytest.approx(ratio / (2 * np.pi * 3000), rel=0.1, abs=0)
    freed = fit_curve(model, case.x, y, case.noise, start={"distance": 2.1e-6, "temperature_offset": 1e-3})
    assert abs(freed["distance"].value - 2.2e-6) < 4.5 * freed["distance"].stderr
    assert abs(freed["temperature_offset"].value) < 4.5 * freed["temperature_offset"].stderr


@pytest.mark.parametrize(
    ("name", "options", "match"),
    [
        ("lorentzian_dips", {"count": 25}, "count of 0 to"),
        ("lorentzian_dips", {"mixed": "banana"}, "wanted true or false"),
        ("lorentzian_dips", {"background": "cubic"}, "background"),
        ("lorentzian_dips", {"number": 2}, "unexpected keyword"),
        ("odmr_spectrum", {"hyperfine": "C13"}, "hyperfine"),
        ("cross_relaxation_rate", {"nv_class": 5}, "1 to 4"),
        ("cross_relaxation_rate", {"line_shape": "square"}, "gaussian"),
        ("cross_relaxation_dip", {"sign": "bump"}, "'either' or 'dip'"),
        ("spin_bath_shift", {"stiffness": -1}, "stiffness"),
        ("thermal_spectrum", {"window": "hann"}, "length"),
        ("nothing", {}, "wanted one of"),
    ],
)
def test_wrong_options_are_refused(name, options, match):
    with pytest.raises(RecipeError, match=match):
        load_model(name, **options)
