"""Fits of ring-downs under thermal motion: errors that are right, where those for white noise are not."""

from dataclasses import replace

import numpy as np
import pytest

from labspin.analysis import fit_curve, load_model, profile_interval

TRUTH = {"ring_down_time": 1.0, "detuning": 0.6}


def decay(rng, *, thermal, white, points=300):
    """Drive off at 0: a decay of 1 on thermal motion, stepped exactly, and white noise."""
    x = np.linspace(0, 5, points)
    keep = np.exp((2j * np.pi * TRUTH["detuning"] - 1 / TRUTH["ring_down_time"]) * x[1])
    fresh = rng.standard_normal((points, 2)) @ np.array([1, 1j]) * thermal
    motion = np.empty(points, complex)
    motion[0] = np.exp(0.7j) + fresh[0]
    for k in range(1, points):
        motion[k] = keep * motion[k - 1] + np.sqrt(1 - abs(keep) ** 2) * fresh[k]
    return x, motion + white * (rng.standard_normal((points, 2)) @ np.array([1, 1j]))


def pulls(model, *, thermal, white, trials=40, take=lambda y: y):
    rng = np.random.default_rng(7)
    found = []
    for _ in range(trials):
        x, y = decay(rng, thermal=thermal, white=white)
        fit = fit_curve(model, x, take(y))
        found.append([(fit[n].value - TRUTH[n]) / fit[n].stderr for n in TRUTH if n in model.names])
    return np.array(found)


@pytest.mark.parametrize(
    ("thermal", "white"),
    [(0.02, 0.004), (0.01, 0.02), pytest.param(0.02, 0.02, marks=pytest.mark.slow)],
)
def test_errors_cover_the_truth_under_thermal_motion(thermal, white):
    found = pulls(load_model("complex_ring_down"), thermal=thermal, white=white)
    assert found.std(axis=0) == pytest.approx([1, 1], rel=3.5 / np.sqrt(80), abs=0)
    assert np.abs(found.mean(axis=0)).max() < 4.5 / np.sqrt(40)


def test_errors_for_white_noise_do_not():
    model = replace(load_model("complex_ring_down"), noise=None)
    assert pulls(model, thermal=0.02, white=0.004, trials=20).std(axis=0).min() > 3


def test_one_quadrature_is_treated_alike():
    def one(y):
        return (y * np.exp(-0.7j - 2j * np.pi * TRUTH["detuning"] * np.linspace(0, 5, 300))).real

    found = pulls(load_model("ring_down"), thermal=0.01, white=0.002, take=one)
    assert found.std() == pytest.approx(1, rel=3.5 / np.sqrt(80), abs=0)


def test_without_thermal_motion_errors_hold_for_what_cannot_be_excluded():
    model = load_model("complex_ring_down")
    x, y = decay(np.random.default_rng(8), thermal=0.0, white=0.02)
    weighted, plain = (fit_curve(one, x, y) for one in (model, replace(model, noise=None)))
    for name in TRUTH:
        assert weighted[name].value == pytest.approx(plain[name].value, abs=plain[name].stderr)
        assert 0.95 < weighted[name].stderr / plain[name].stderr < 2.5


def test_the_noise_that_was_found_is_kept_and_can_be_given():
    model = load_model("complex_ring_down")
    x, y = decay(np.random.default_rng(9), thermal=0.02, white=0.004)
    fit = fit_curve(model, x, y)
    assert np.sqrt(fit.noise.thermal) == pytest.approx(0.02, rel=0.3, abs=0)
    assert fit.statistics.chi2red == pytest.approx(1, abs=0.2)
    again = fit_curve(model, fit.x, fit.y, noise=fit.noise)
    assert again["ring_down_time"].value == pytest.approx(fit["ring_down_time"].value, rel=1e-3, abs=0)
    interval = profile_interval(model, fit, "ring_down_time")
    half = (interval.upper - interval.lower) / 2
    assert half == pytest.approx(fit["ring_down_time"].stderr, rel=0.15, abs=0)


def test_errors_of_the_points_are_the_white_part():
    x, y = decay(np.random.default_rng(10), thermal=0.02, white=0.004)
    fit = fit_curve(load_model("complex_ring_down"), x, y, 0.004)
    assert not fit.statistics.errors_from_scatter
    assert fit.noise.thermal > 1e-4
    assert abs(fit["ring_down_time"].value - 1) < 4 * fit["ring_down_time"].stderr
