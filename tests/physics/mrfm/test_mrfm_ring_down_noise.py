"""Thermal and white noise on a ring-down: whitened by the dense covariance, and what is found of both."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest

from labspin.errors import ArgumentError
from labspin.physics.mrfm import RingDownNoise, estimate_ring_down_noise

TIME = np.cumsum(np.random.default_rng(1).uniform(0.01, 0.09, 60))


def dense(noise: RingDownNoise) -> np.ndarray:
    """Covariance of a quadrature by its definition."""
    apart = np.abs(noise.time[:, None] - noise.time)
    white = np.broadcast_to(noise.white, noise.time.shape)
    return noise.thermal * np.exp(-apart / noise.ring_down_time) + np.diag(white)


@functools.cache
def root_of(count: int, thermal: float, white: float) -> tuple[np.ndarray, np.ndarray]:
    time = np.linspace(0, 5, count)
    noise = RingDownNoise(time=time, ring_down_time=1.0, thermal=thermal**2, white=white**2 + 1e-12)
    return time, np.linalg.cholesky(dense(noise))


def drawn(
    rng: np.random.Generator, count: int, *, thermal: float, white: float
) -> tuple[np.ndarray, np.ndarray]:
    """A record of both noises (standard deviations) with τ = 1 s and 0.6 Hz beside the reference."""
    time, root = root_of(count, thermal, white)
    both = root @ rng.standard_normal((count, 2)) @ np.array([1, 1j])
    return time, both * np.exp(2j * np.pi * 0.6 * time)


@pytest.mark.parametrize("white", [0.0, 0.3, np.linspace(0.1, 0.5, 60), -1e-3])
def test_whitened_noise_has_the_unit_matrix_as_covariance(white: object) -> None:
    noise = RingDownNoise(time=TIME, ring_down_time=0.7, thermal=1.3, white=white)
    operator = noise.whiten(np.eye(60)).T
    np.testing.assert_allclose(operator @ dense(noise) @ operator.T, np.eye(60), atol=1e-9)
    sign, logarithm = np.linalg.slogdet(dense(noise))
    assert (sign, noise.log_determinant) == (1, pytest.approx(logarithm, rel=1e-6, abs=0))


def test_complex_rows_are_whitened_in_the_frame_of_the_motion() -> None:
    noise = RingDownNoise(time=TIME, ring_down_time=0.7, thermal=1.3, white=0.1, detuning=2.5)
    still = RingDownNoise(time=TIME, ring_down_time=0.7, thermal=1.3, white=0.1)
    row = np.random.default_rng(2).standard_normal(60)
    turned = row * np.exp(2j * np.pi * 2.5 * TIME)
    np.testing.assert_allclose(noise.whiten(turned), still.whiten(row), atol=1e-12)


def test_a_stride_leaves_out_points() -> None:
    sparse = RingDownNoise(time=TIME, ring_down_time=0.7, thermal=1.3, white=0.1, stride=3)
    there = RingDownNoise(time=TIME[::3], ring_down_time=0.7, thermal=1.3, white=0.1)
    np.testing.assert_array_equal(sparse.whiten(TIME), there.whiten(TIME[::3]))


@pytest.mark.parametrize(("thermal", "white"), [(0.1, 0.0), (0.1, 0.05), (0.1, 0.2)])
def test_both_noises_are_found_without_bias(thermal: float, white: float) -> None:
    rng, found = np.random.default_rng(3), []
    for _ in range(25):
        time, residual = drawn(rng, 300, thermal=thermal, white=white)
        offset = np.ones((1, 300), complex)
        noise = estimate_ring_down_noise(
            time=time, residual=residual, derivatives=np.concatenate([offset, 1j * offset]),
            ring_down_time=1.0, detuning=0.6,
        )  # fmt: skip
        found.append([noise.thermal, float(noise.white)])
    mean, spread = np.mean(found, axis=0), np.std(found, axis=0) / math.sqrt(25)
    assert mean[0] == pytest.approx(thermal**2, abs=4 * spread[0] + 0.002 * white**2)
    assert mean[1] == pytest.approx(white**2, abs=4 * spread[1] + 1e-4)


@pytest.mark.parametrize("smooth", ["means", "filter"])
def test_thermal_motion_is_found_behind_means_and_behind_a_filter(smooth: str) -> None:
    rng, found = np.random.default_rng(4), []
    for _ in range(15):
        time, residual = drawn(rng, 1200, thermal=0.1, white=0.0)
        if smooth == "means":
            time, residual = (row.reshape(300, 4).mean(axis=1) for row in (time, residual))
        else:
            kernel = np.exp(-np.arange(40) / 4)
            residual = np.convolve(residual, kernel / kernel.sum())[:1200]
            time, residual = time[::4], residual[::4]
        noise = estimate_ring_down_noise(
            time=time, residual=residual, derivatives=np.zeros((1, 300), complex), ring_down_time=1.0,
            detuning=0.6,
        )  # fmt: skip
        found.append(noise.thermal)
    assert np.mean(found) == pytest.approx(0.01, rel=0.12, abs=0)


def test_a_white_noise_that_is_known_is_kept() -> None:
    time, residual = drawn(np.random.default_rng(5), 400, thermal=0.1, white=0.1)
    noise = estimate_ring_down_noise(
        time=time, residual=residual, derivatives=np.ones((1, 400), complex), ring_down_time=1.0,
        detuning=0.6, white=0.01,
    )  # fmt: skip
    np.testing.assert_allclose(noise.white, 0.01, atol=0)
    assert noise.thermal == pytest.approx(0.01, rel=0.5, abs=0)


def test_where_nothing_is_left_there_is_no_noise() -> None:
    arguments = {"time": TIME, "derivatives": np.ones((1, 60)), "ring_down_time": 1.0}
    assert estimate_ring_down_noise(residual=np.zeros(60), **arguments) is None
    short = {"time": TIME[:6], "derivatives": np.ones((1, 6)), "ring_down_time": 1.0}
    assert estimate_ring_down_noise(residual=np.ones(6), **short) is None


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"time": TIME[::-1]}, "ascending"),
        ({"thermal": -1.0}, "thermal"),
        ({"thermal": 0.0, "white": 0.0}, "got none"),
        ({"ring_down_time": 0.0}, "ring_down_time"),
        ({"stride": 0}, "stride"),
    ],
)
def test_noise_that_is_none_is_refused(change: dict, text: str) -> None:
    fields = {"time": TIME, "ring_down_time": 1.0, "thermal": 1.0, "white": 0.1} | change
    with pytest.raises(ArgumentError, match=text):
        RingDownNoise(**fields)
