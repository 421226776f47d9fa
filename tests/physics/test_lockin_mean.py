"""Means of what a filter binds together, against simulated filters."""

import numpy as np
import pytest
from scipy.signal import lfilter

from labspin.errors import ArgumentError
from labspin.physics.lockin import LockInFilter, mean_of_filtered


def filtered_noise(rng, *, traces, count, interval, stages):
    """Return white noise (finely sampled, of time constant 1) behind RC stages, thinned to the interval."""
    fine = 0.05
    stride = round(interval / fine)
    lead = round(30 / fine)
    noise = rng.standard_normal((traces, lead + count * stride, 2)) @ np.array([1, 1j])
    keep = np.exp(-fine)
    for _ in range(stages):
        noise = lfilter([1 - keep], [1, -keep], noise, axis=1)
    return noise[:, lead::stride][:, :count]


@pytest.mark.parametrize("stages", [1, 2, 3, 4])
def test_the_autocorrelation_is_that_of_the_noise_bandwidth(stages):
    """Wiener-Khinchin: twice the integral of ρ over all times is 1 / (2 · bandwidth)."""
    lock_in = LockInFilter(1.0, 6 * stages)
    assert lock_in.autocorrelation(0.0) == 1.0
    times = np.linspace(0, 60, 600_001)
    integral = 2 * np.trapezoid(lock_in.autocorrelation(times), times)
    assert integral == pytest.approx(1 / (2 * lock_in.noise_bandwidth), rel=1e-8, abs=0)


@pytest.mark.parametrize("stages", [1, 2, 4])
@pytest.mark.parametrize(("interval", "count"), [(0.25, 150), (1.0, 60)])
def test_the_error_is_the_scatter_of_the_mean(stages, interval, count):
    traces = filtered_noise(
        np.random.default_rng(stages), traces=2000, count=count, interval=interval, stages=stages
    )
    found = [
        mean_of_filtered(trace + 3 - 2j, interval=interval, lock_in=LockInFilter(1.0, 6 * stages))
        for trace in traces
    ]
    means, errors = np.array(found).T
    assert means.mean() == pytest.approx(3 - 2j, abs=5 * np.std(means) / np.sqrt(2000))
    for part in (np.real, np.imag):
        scatter = np.std(part(means), ddof=1)
        assert np.sqrt(np.mean(part(errors) ** 2)) == pytest.approx(scatter, rel=0.07, abs=0)


def test_readings_that_say_nothing_are_refused():
    with pytest.raises(ArgumentError, match=r"got 4 over 0\.04 s at a time constant of 1 s; average longer"):
        mean_of_filtered(np.ones(4, complex), interval=0.01, lock_in=LockInFilter(1.0, 12))
