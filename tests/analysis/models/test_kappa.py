"""The κ-model against temperature: distance, T1 exponent, density from one sweep, and what cannot be told."""

import math

import numpy as np
import pytest

from benchmarks.kappa_fit import ALWAYS, SIGMA, TRUTH, exact_shifts
from labspin.analysis import fit_curve, load_model

KELVIN = np.geomspace(0.03, 1.0, 20)


def measured(kelvin, seed):
    rng = np.random.default_rng(seed)
    noise = SIGMA.real * rng.standard_normal(kelvin.size) + 1j * SIGMA.imag * rng.standard_normal(kelvin.size)
    return exact_shifts(kelvin) + noise


@pytest.mark.parametrize("start", [1.6e-6, 3.0e-6])
def test_the_distance_is_found_from_afar(start):
    model = load_model("spin_bath_shift", exact=True)
    fit = fit_curve(model, KELVIN, exact_shifts(KELVIN), SIGMA, start={**ALWAYS, "distance": start})
    assert fit["distance"].value == pytest.approx(TRUTH["distance"], rel=2e-5, abs=0)
    assert fit["density"].value == pytest.approx(TRUTH["density"], rel=1e-4, abs=0)
    assert fit["T1_exponent"].value == pytest.approx(-1, abs=1e-4)
    assert not [text for text in fit.warnings if "correlated" in text]


def test_everything_at_once_is_recovered_within_its_errors():
    model, found = load_model("spin_bath_shift", exact=True), []
    for seed in range(8):
        start = {**ALWAYS, "distance": 2e-6, "temperature_offset": 0.0}
        fit = fit_curve(model, KELVIN, measured(KELVIN, seed), SIGMA, start=start)
        found.append([(fit[name].value - TRUTH[name]) / fit[name].stderr for name in TRUTH])
    found = np.array(found)
    assert np.abs(found.mean(axis=0)).max() < 4 / math.sqrt(8)
    assert np.sum(found**2) == pytest.approx(found.size, abs=5 * math.sqrt(2 * found.size))


def test_a_temperature_offset_is_seen():
    model = load_model("spin_bath_shift", exact=True)
    start = {**ALWAYS, "temperature_offset": 0.0}
    fit = fit_curve(model, KELVIN - 0.004, exact_shifts(KELVIN), SIGMA, start=start)
    assert fit["temperature_offset"].value == pytest.approx(0.004, abs=1e-5)


def test_what_the_data_cannot_tell_apart_is_said():
    # Warmer than the spins saturate, κ ∝ ρ d⁻⁶/T: density and distance are one.
    kelvin = np.geomspace(0.5, 2.0, 20)
    model = load_model("spin_bath_shift")
    fit = fit_curve(model, kelvin, exact_shifts(kelvin), SIGMA, start={**ALWAYS, "distance": 2.1e-6})
    assert any("density and distance are correlated" in text for text in fit.warnings)
    assert any("measure colder" in text for text in fit.warnings)
    held = next(text for text in fit.warnings if text.startswith("density cannot be seen"))
    assert "a large change of it, with distance" in held
    combined = fit["density"].value * fit["distance"].value ** -6
    assert combined == pytest.approx(TRUTH["density"] * TRUTH["distance"] ** -6, rel=0.02, abs=0)


def test_the_distance_stays_within_reach_of_what_it_was_built_with():
    distance = load_model("spin_bath_shift", distance="1 um").parameter("distance")
    assert (distance.minimum, distance.maximum) == pytest.approx((2e-7, 5e-6), rel=1e-6, abs=0)
