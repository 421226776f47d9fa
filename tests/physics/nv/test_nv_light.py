"""Decay in the dark, charge state and reflected light, against what they must do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from labspin.errors import ArgumentError
from labspin.physics.nv import (
    CR_MEASURED,
    FIG4_BENCH,
    FIG4_ORIENTATION,
    NV_AXES,
    ChargeDynamics,
    UncoupledRelaxation,
    reflected_light,
    relaxation_times,
    steady_state,
    stretched_decay,
    stretched_exponential_mixture,
)

GAUSS = 1e-4


def test_the_measured_times_of_the_paper_come_out_where_they_were_measured() -> None:
    """[NV] Fig. 2(c): no resonance, two classes, all four."""
    axis = np.array([0.3, 1.0, 2.1])
    alone = relaxation_times(field=100 * GAUSS * axis / np.linalg.norm(axis), relaxation=CR_MEASURED)
    assert alone.max() == pytest.approx(1.61e-3, rel=0.02, abs=0)
    pair = relaxation_times(field=100 * GAUSS * np.array([0.0, 0.5, 1.0]), relaxation=CR_MEASURED)
    np.testing.assert_allclose(pair, 490e-6, rtol=0.05, atol=0)
    every = relaxation_times(field=100 * GAUSS * np.array([1.0, 0.0, 0.0]), relaxation=CR_MEASURED)
    np.testing.assert_allclose(every, 220e-6, rtol=1e-6, atol=0)


def test_times_are_those_of_the_steady_state_at_any_field() -> None:
    field = FIG4_BENCH.field(np.linspace(-30, 30, 41) * GAUSS)
    state = steady_state(field=field, pump=1.0, orientation=FIG4_ORIENTATION)
    times = relaxation_times(field=field, orientation=FIG4_ORIENTATION)
    np.testing.assert_allclose(times, 1 / state.relaxation_rate, rtol=1e-12, atol=0)
    still = relaxation_times(field=NV_AXES[0] * 0.01, relaxation=UncoupledRelaxation(isolated_time=np.inf))
    assert np.isinf(still).all()


def test_the_stretched_decay_is_that_of_its_spread_of_rates() -> None:
    time = np.geomspace(1e-6, 1e-2, 60)
    mixture = stretched_exponential_mixture(beta=0.8, terms=32)
    np.testing.assert_allclose(
        stretched_decay(time=time, t1=490e-6, beta=0.8), mixture.decay(time / 490e-6), rtol=0, atol=1e-7
    )
    assert stretched_decay(time=490e-6, t1=490e-6, beta=0.37) == pytest.approx(np.exp(-1), rel=1e-12, abs=0)
    assert stretched_decay(time=0.0, t1=1.0) == 1.0
    for wrong in ({"time": -1.0}, {"t1": 0.0}, {"beta": 1.1}, {"beta": 0.0}):
        with pytest.raises(ArgumentError, match=next(iter(wrong))):
            stretched_decay(**({"time": 1.0, "t1": 1.0, "beta": 0.8} | wrong))


def test_the_charge_follows_its_rate_equation() -> None:
    charge = ChargeDynamics(loss_time=200e-6, recovery_time=5e-3, kept=0.85)
    time = np.linspace(0, 2e-3, 9)
    for light in (0.0, 0.3, 2.0):
        lost, regained = charge.rates(light)
        path = solve_ivp(
            lambda t, p, lost=lost, regained=regained: -lost * p + regained * (1 - p),
            (0, time[-1]), [0.4], t_eval=time, rtol=1e-10, atol=1e-13,
        )  # fmt: skip
        np.testing.assert_allclose(
            charge.charged(start=0.4, time=time, light=light), path.y[0], rtol=1e-8, atol=0
        )
    # Long light leaves the fraction that is kept, at any power; long darkness leaves all charged.
    for light in (0.1, 5.0):
        assert charge.charged(start=1.0, time=1.0, light=light) == pytest.approx(0.85, rel=1e-9, abs=0)
    assert charge.charged(start=0.0, time=1.0, light=0.0) == pytest.approx(1.0, rel=1e-9, abs=0)
    assert 1 / sum(charge.rates(1.0)) == pytest.approx(200e-6, rel=1e-12, abs=0)


def test_a_generator_keeps_all_centres_and_brings_them_back_unpolarised() -> None:
    charge = ChargeDynamics()
    rng = np.random.default_rng(0)
    flow = rng.uniform(size=(5, 7, 7)) * 1e5
    levels = flow * (1 - np.eye(7))
    levels -= np.eye(7) * levels.sum(axis=-2)[:, None]
    for light in (0.0, 1.0):
        whole = charge.generator(levels, light)
        np.testing.assert_allclose(whole.sum(axis=-2), 0.0, rtol=0, atol=1e-7)
    dark = charge.generator(np.zeros((7, 7)), 0.0)
    after = expm(dark * 5e-3) @ np.array([0, 0, 0, 0, 0, 0, 0, 1.0])
    assert after[7] == pytest.approx(np.exp(-1), rel=1e-9, abs=0)
    np.testing.assert_allclose(after[:3], (1 - np.exp(-1)) / 3, rtol=1e-9, atol=0)


def test_reflected_light_rises_or_falls_with_the_angle_and_never_below_nothing() -> None:
    angle = np.array([-1e-3, 0.0, 1e-3, 1.0])
    np.testing.assert_allclose(
        reflected_light(angle=angle, slope=-150.0, light=2.0), [2.3, 2.0, 1.7, 0.0], rtol=1e-12, atol=0
    )
    with pytest.raises(ArgumentError, match="light"):
        reflected_light(angle=0.0, slope=1.0, light=-1.0)
    with pytest.raises(ArgumentError, match="kept"):
        ChargeDynamics(kept=1.2)
