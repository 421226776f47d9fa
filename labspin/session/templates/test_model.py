"""Skeleton: its derivatives against a complex step, and what a fit of known data gives."""

from pathlib import Path

import numpy as np
import pytest

from labspin.analysis import fit_curve, load_model, load_recipe

DOOR = Path(__file__).parents[1] / "analysis"
MODEL = load_model(f"{DOOR / 'skeleton.py'}:skeleton")
TRUE = {"rate": 3e5, "saturation_power": 2e-3, "background": 1e6}


def test_derivatives_are_those_of_the_function():
    x, values = np.linspace(1e-4, 1e-2, 9), np.array(list(TRUE.values()))
    _, slopes = MODEL.derivatives(x, values)
    for number, value in enumerate(values):
        step = values.astype(complex)
        step[number] += 1j * 1e-20 * value
        expected = MODEL.function(x, *step).imag / (1e-20 * value)
        np.testing.assert_allclose(slopes[number], expected, rtol=1e-12, atol=0)


def test_a_fit_finds_what_the_data_were_made_with():
    x = np.linspace(1e-4, 1e-2, 200)
    noise = np.random.default_rng(1).normal(0.0, 1e3, x.size)
    found = fit_curve(MODEL, x, MODEL.function(x, *TRUE.values()) + noise, 1e3)
    for name, value in TRUE.items():
        assert abs(found[name].value - value) < 5 * found[name].stderr
    assert found["rate"].stderr == pytest.approx(0.01 * TRUE["rate"], rel=0.9, abs=0)


def test_the_recipe_names_it():
    assert load_recipe(DOOR / "skeleton.toml").model == "skeleton.py:skeleton"
