"""Thermal motion drawn exactly: equilibrium, memory, and bridges between known instants."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import constants
from scipy.linalg import expm

from labspin.errors import ArgumentError
from labspin.physics import mrfm
from tests.some import some

OMEGA = 2 * np.pi * 3e3
KELVIN = 0.1
RESONATOR = mrfm.Resonator(70e-6, OMEGA, 300.0)
MOTION = mrfm.LinearMotion(RESONATOR, [mrfm.RelaxingSpring(6e-6, 0.7 / OMEGA, -2e-6)])
SCALE = math.sqrt(constants.k * KELVIN / 70e-6)


def test_the_propagator_is_the_matrix_exponential() -> None:
    for duration in (1e-6, 3e-4, 0.02):
        expected = expm(MOTION.matrix * OMEGA * duration)
        np.testing.assert_allclose(MOTION.propagator(duration), expected, atol=1e-11)


def test_equilibrium_obeys_equipartition(rng: np.random.Generator) -> None:
    thermal = mrfm.ThermalMotion(MOTION, KELVIN)
    x = np.array([thermal.equilibrium(rng) for _ in range(20_000)]) / SCALE
    # <q²> = k_BT/(k0 + κ(0)), <(q − s)²> = k_BT/K, <q̇²> = k_BT/m.
    assert np.mean(x[:, 0] ** 2) == pytest.approx(70 / 68, rel=0.05, abs=0)
    assert np.mean((x[:, 0] - x[:, 2]) ** 2) == pytest.approx(70 / 6, rel=0.05, abs=0)
    assert np.mean(x[:, 1] ** 2) == pytest.approx(1, rel=0.05, abs=0)


@pytest.mark.parametrize("duration", [1e-7, 2e-5, 5e-3, 1.0])
def test_equilibrium_stays_equilibrium_over_any_step(duration: float, rng: np.random.Generator) -> None:
    thermal = mrfm.ThermalMotion(MOTION, KELVIN)
    x = []
    for _ in range(3000):
        start = thermal.equilibrium(rng)
        x.append((start, thermal.later(start, duration, rng)))
    before, after = np.array(x).transpose(1, 0, 2) / SCALE
    assert np.mean(after[:, 0] ** 2) == pytest.approx(70 / 68, rel=0.12, abs=0)
    # Regression to the mean: <x(t) x(0)ᵀ> = e^{At} Σ.
    correlation = after.T @ before / len(x)
    settled = MOTION.equilibrium_covariance(temperature=KELVIN) / SCALE**2
    spread = np.sqrt(np.outer(np.diagonal(settled), np.diagonal(settled)))
    expected = MOTION.propagator(duration) @ settled
    assert np.abs((correlation - expected) / spread).max() < 5 / math.sqrt(len(x))


def test_a_walk_is_one_step_after_another(rng: np.random.Generator) -> None:
    pushes, state = rng.standard_normal((200, 3)), rng.standard_normal(3)
    walked = MOTION.walk(state=state, pushes=pushes, interval=3e-4)
    once = expm(MOTION.matrix * OMEGA * 3e-4)
    for push, reached in some(zip(pushes, walked, strict=True)):
        state = once @ state + push
        np.testing.assert_allclose(reached, state, atol=1e-10)


@pytest.mark.parametrize("interval", [2e-5, 4e-3])
def test_a_course_is_as_random_as_single_steps(interval: float, rng: np.random.Generator) -> None:
    thermal, start = mrfm.ThermalMotion(MOTION, KELVIN), np.array([3.0, 0.0, -2.0]) * SCALE
    ends = np.array([thermal.course(start, interval, 7, rng) for _ in range(4000)])
    settled = MOTION.equilibrium_covariance(temperature=KELVIN)
    for step in (0, 6):
        carried = expm(MOTION.matrix * OMEGA * interval * (step + 1))
        spread = settled - carried @ settled @ carried.T
        off = ends[:, step] - carried @ start
        size = np.sqrt(np.diagonal(spread))
        assert np.abs(off.mean(axis=0) / size).max() < 4.5 / math.sqrt(4000)
        found = off.T @ off / len(off)
        assert np.abs((found - spread) / np.outer(size, size)).max() < 4.5 * math.sqrt(2 / 4000)


def test_a_bridge_leaves_the_statistics_as_if_drawn_in_order(rng: np.random.Generator) -> None:
    thermal = mrfm.ThermalMotion(MOTION, KELVIN)
    since, until = 2.1e-4, 6.7e-4
    triples = []
    for _ in range(10_000):
        start = thermal.equilibrium(rng)
        end = thermal.later(start, since + until, rng)
        triples.append((start, thermal.between(start, end, since, until, rng), end))
    first, middle, last = np.array(triples).transpose(1, 0, 2) / SCALE
    settled = MOTION.equilibrium_covariance(temperature=KELVIN) / SCALE**2
    n = len(triples)
    spread = np.sqrt(np.outer(np.diagonal(settled), np.diagonal(settled)))
    for left, right, duration in ((middle, first, since), (last, middle, until)):
        expected = MOTION.propagator(duration) @ settled
        assert np.abs((left.T @ right / n - expected) / spread).max() < 0.045
    assert np.abs((middle.T @ middle / n - settled) / spread).max() < 0.045


def test_a_bridge_of_no_length_is_its_end(rng: np.random.Generator) -> None:
    thermal = mrfm.ThermalMotion(MOTION, KELVIN)
    start = thermal.equilibrium(rng)
    end = thermal.later(start, 1e-3, rng)
    np.testing.assert_allclose(thermal.between(start, end, 1e-3, 0.0, rng), end, atol=1e-5 * SCALE)
    np.testing.assert_allclose(thermal.between(start, end, 0.0, 1e-3, rng), start, atol=1e-5 * SCALE)


def test_at_zero_temperature_nothing_moves_of_itself(rng: np.random.Generator) -> None:
    thermal = mrfm.ThermalMotion(MOTION, 0.0)
    assert not thermal.equilibrium(rng).any()
    np.testing.assert_allclose(
        thermal.later(np.array([1e-9, 0, 0]), 1e-3, rng), MOTION.propagator(1e-3)[:, 0] * 1e-9, atol=0
    )
    with pytest.raises(ArgumentError, match="temperature"):
        mrfm.ThermalMotion(MOTION, -1.0)
