"""The lock-in's filter against its differential equation, integrated, and against known bandwidths."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from labspin.physics.mrfm import LockInFilter
from labspin.twin.devices.lockin_filter import Cascade, noise_bandwidth

STAGES = pytest.mark.parametrize("stages", [1, 2, 3, 4])
SILENT = np.random.default_rng(0)


@STAGES
def test_straight_inputs_are_filtered_exactly(stages):
    tau, interval = 0.3, 0.17
    inputs = np.array([0.0, 1.0 + 0.5j, -2.0, -2.0, 3.0j])
    cascade = Cascade(tau, stages)
    cascade.state = np.linspace(1, 2, stages).astype(complex)
    times = interval * np.arange(len(inputs))

    def rate(time, state):
        before = np.concatenate(([np.interp(time, times, inputs)], state[:-1]))
        return (before - state) / tau

    start = cascade.state.copy()
    course = cascade.advance(inputs, interval, 0.0, SILENT)
    path = solve_ivp(rate, (0, times[-1]), start, "DOP853", times, rtol=1e-11, atol=1e-12, max_step=0.01)
    np.testing.assert_allclose(course, path.y.T[1:], rtol=1e-7, atol=1e-8)
    np.testing.assert_array_equal(cascade.state, course[-1])


@STAGES
def test_one_long_step_is_many_short_ones(stages):
    one, many = Cascade(0.1, stages), Cascade(0.1, stages)
    one.advance(np.array([1.0, 2.0 + 1j]), 0.5, 0.0, SILENT)
    many.advance(np.linspace(1.0, 2.0 + 1j, 5001), 1e-4, 0.0, SILENT)
    np.testing.assert_allclose(one.state, many.state, rtol=1e-9, atol=0)


@STAGES
@pytest.mark.parametrize("interval", [0.005, 0.1, 1.0])
def test_noise_has_the_filter_s_bandwidth_at_any_step(stages, interval):
    tau, density = 0.05, 3e-7
    rng = np.random.default_rng(7)
    cascade = Cascade(tau, stages)
    cascade.settle(0, density, rng)
    n = 200_000
    output = cascade.advance(np.zeros(n + 1, dtype=complex), interval, density, rng)[:, -1]
    independent = n * min(1, interval / (2 * stages * tau))
    wanted = density * np.sqrt(LockInFilter(tau, 6 * stages).noise_bandwidth)
    for part in (output.real, output.imag):
        assert part.std() == pytest.approx(wanted, rel=4 / np.sqrt(2 * independent), abs=0)
    assert noise_bandwidth(tau, stages) == pytest.approx(
        LockInFilter(tau, 6 * stages).noise_bandwidth, rel=1e-6, abs=0
    )


@STAGES
def test_a_settled_filter_is_stationary(stages):
    rng = np.random.default_rng(3)
    before, after = [], []
    for _ in range(4000):
        cascade = Cascade(0.1, stages)
        cascade.settle(0, 1.0, rng)
        before.append(cascade.state)
        after.append(cascade.advance(np.zeros(2, dtype=complex), 0.05, 1.0, rng)[-1])
    spread = [np.cov(np.array(states).real, rowvar=False) for states in (before, after)]
    np.testing.assert_allclose(spread[0], spread[1], atol=0.1 * np.max(spread[0]))


def test_nothing_is_left_of_what_lies_beyond_the_memory():
    for stages in (1, 2, 3, 4):
        cascade = Cascade(0.1, stages)
        cascade.state[:] = 1.0
        cascade.advance(np.zeros(2, dtype=complex), cascade.memory, 0.0, SILENT)
        assert abs(cascade.output) < 1e-7


def test_a_changed_filter_goes_on_from_where_it_stands():
    cascade = Cascade(0.1, 2)
    cascade.state = np.array([1.0, 2.0], dtype=complex)
    assert cascade.changed(0.3, 4).state.tolist() == [1.0, 2.0, 2.0, 2.0]
    assert cascade.changed(0.3, 1).state.tolist() == [1.0]
