from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.integrate import solve_ivp
from scipy.spatial.transform import Rotation

from labspin.errors import ArgumentError
from labspin.physics.nv import (
    DIRECT_PUMPING,
    NV_AXES,
    DipolarRelaxation,
    Ensemble,
    Microwave,
    PulseSegment,
    RateSegment,
    UncoupledRelaxation,
    evolve,
    rate_model_at,
    resonance_spectrum,
    stretched_exponential_mixture,
    thermal_state,
    transition_driving,
    transition_frequencies,
)

KHZ = 2e3 * np.pi
FIELD = np.array([0.003, 0.001, 0.0095])
HOT = Ensemble(temperature=np.inf, relaxation=UncoupledRelaxation(isolated_time=1.61e-3))


def flip(state: int = 0, efficiency: float = 1.0) -> PulseSegment:
    exchanged = np.zeros((3, 4))
    exchanged[state] = efficiency
    return PulseSegment(exchanged=exchanged)


def test_propagation_against_thirty_digits() -> None:
    model = rate_model_at(field=FIELD)
    generator = model.generator(pump=np.full(4, 10 * KHZ))[2]
    start = thermal_state(model)
    for duration in (3e-9, 1e-6, 2e-4, 5e-3):
        found = evolve(model=model, segments=[RateSegment(duration=duration, pump=10 * KHZ)])
        with mpmath.workdps(30):
            exact = mpmath.expm(mpmath.matrix((generator * duration).tolist())) * mpmath.matrix(start[2])
        expected = np.array([float(x) for x in exact])
        # The generator's own columns sum to zero only to rounding; so much is uncertain in the reference.
        assert np.abs(found.state[0, 2] - expected).max() < 1e-9


def test_photons_against_an_ode_solver() -> None:
    model = rate_model_at(field=FIELD)
    pump = np.full(4, 50 * KHZ)
    generator, emission = model.generator(pump=pump)[1], model.cycle.emission_row(pump=pump)[1]
    start = thermal_state(model)[1]
    result = solve_ivp(
        lambda _t, y: np.append(generator @ y[:7], emission @ y[:7]),
        (0.0, 2e-5),
        np.append(start, 0.0),
        method="Radau",
        rtol=1e-9,
        atol=1e-12,
    )
    found = evolve(model=model, segments=[RateSegment(duration=2e-5, pump=50 * KHZ)])
    assert np.allclose(found.state[0, 1], result.y[:7, -1], atol=1e-7)
    assert found.photons[0, 1] == pytest.approx(result.y[7, -1], rel=1e-6, abs=0)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    durations=st.lists(st.floats(-9, -1).map(lambda x: 10**x), min_size=1, max_size=4),
)
def test_populations_stay_a_distribution_and_segments_compose(seed: int, durations: list[float]) -> None:
    rng = np.random.default_rng(seed)
    model = rate_model_at(field=rng.normal(size=3) * 0.02, orientation=Rotation.random(rng=rng))
    driving = 10 ** rng.uniform(0, 6, size=(3, 4))
    segments = [
        RateSegment(duration=t, pump=10 ** rng.uniform(2, 7), driving=driving if rng.random() < 0.5 else None)
        for t in durations
    ]
    whole = evolve(model=model, segments=segments)
    assert np.allclose(whole.state.sum(-1), 1.0, atol=1e-11)
    assert (whole.state >= 0).all()
    first = segments[0]
    split = [
        RateSegment(duration=0.25 * first.duration, pump=first.pump, driving=first.driving),
        RateSegment(duration=0.75 * first.duration, pump=first.pump, driving=first.driving),
        *segments[1:],
    ]
    again = evolve(model=model, segments=split)
    assert np.allclose(again.state, whole.state, atol=1e-10)
    assert np.allclose(again.photons[:2].sum(0), whole.photons[0], rtol=1e-9, atol=0)


def test_long_segments_reach_the_steady_state_of_the_same_model() -> None:
    for rates in (Ensemble(), Ensemble(rates=DIRECT_PUMPING)):
        model = rate_model_at(field=FIELD, ensemble=rates)
        pump = np.full(4, 5 * KHZ)
        steady = model.populations(pump=pump)
        found = evolve(model=model, segments=[RateSegment(duration=0.5, pump=5 * KHZ)])
        assert np.abs(found.state[0, :, :3].T - steady.ground).max() < 1e-11
        light = evolve(model=model, initial=steady, segments=[RateSegment(duration=1e-3, pump=5 * KHZ)])
        assert np.allclose(light.photons[0] / 1e-3, model.emission(steady, pump=pump), rtol=1e-10, atol=0)


def test_difference_with_and_without_pi_pulse_decays_with_t1() -> None:
    model = rate_model_at(field=FIELD, ensemble=HOT)
    polarise = RateSegment(duration=1e-3, pump=10 * KHZ)
    empty = RateSegment(duration=2e-6)
    read = RateSegment(duration=2e-6, pump=10 * KHZ)

    def signal(dark: float) -> np.ndarray:
        plain = evolve(model=model, segments=[polarise, empty, RateSegment(duration=dark), read])
        flipped = evolve(model=model, segments=[polarise, empty, flip(), RateSegment(duration=dark), read])
        return plain.photons[-1] - flipped.photons[-1]

    start = signal(1e-9)
    for dark in (2e-4, 1.61e-3, 5e-3):
        assert np.allclose(signal(dark) / start, np.exp(-dark / 1.61e-3), rtol=1e-4, atol=0)
    assert (start > 0).all()


def test_cross_relaxation_shortens_the_measured_t1_of_resonant_classes() -> None:
    direction = np.array([0.0, 0.0, 1.0])  # all four classes
    model = rate_model_at(field=0.0102 * direction, ensemble=Ensemble(relaxation=DipolarRelaxation()))
    expected = 1 / (1 / 1.03e-3 + 3 / 0.38e-3)
    state = evolve(model=model, segments=[RateSegment(duration=1e-3, pump=10 * KHZ)]).state
    dark = [
        evolve(model=model, initial=state, segments=[RateSegment(duration=t)]).state[0, 0, 0]
        for t in (1e-5, 1e-5 + expected, 0.1)
    ]
    assert (dark[1] - dark[2]) / (dark[0] - dark[2]) == pytest.approx(np.exp(-1), rel=1e-6, abs=0)


def test_stretched_ensemble_decays_as_a_stretched_exponential() -> None:
    beta, t1 = 0.8, 1.61e-3
    mixture = stretched_exponential_mixture(beta=beta)
    model = rate_model_at(field=FIELD, ensemble=HOT)
    start = np.zeros((4, 7))
    start[:, 0] = 1.0
    for dark in (1e-5, 3e-4, t1, 6e-3):
        after = evolve(model=model, initial=start, segments=[RateSegment(duration=dark)], decay=mixture)
        mean = np.einsum("m,mcn->cn", mixture.weights, after.state)
        polarisation = (mean[:, 0] - 1 / 3) / (2 / 3)
        assert np.allclose(polarisation, np.exp(-((dark / t1) ** beta)), atol=5e-6)
        assert np.allclose(after.mean_state(mixture), mean, atol=0)


def test_pulses_exchange_populations() -> None:
    model = rate_model_at(field=FIELD)
    start = np.zeros((4, 7))
    start[:, 0], start[:, 1] = 0.8, 0.2
    once = evolve(model=model, initial=start, segments=[flip()])
    assert np.allclose(once.state[0, :, :3], [0.2, 0.8, 0.0], atol=0)
    twice = evolve(model=model, initial=start, segments=[flip(), flip()])
    assert np.allclose(twice.state[0], start, atol=0)
    half = evolve(model=model, initial=start, segments=[flip(1, 0.5)])
    assert np.allclose(half.state[0, :, :3], [0.4, 0.2, 0.4], atol=0)


def test_incoherent_driving_is_the_saturated_limit_of_rabi_oscillations() -> None:
    model = rate_model_at(field=FIELD, ensemble=HOT)
    start = np.zeros((4, 7))
    start[:, 0] = 1.0
    driving = np.zeros((3, 4))
    driving[0] = 1e6
    time = 4e-7
    found = evolve(model=model, initial=start, segments=[RateSegment(duration=time, driving=driving)])
    expected = 0.5 * (1 + np.exp(-2 * 1e6 * time))
    assert np.allclose(found.state[0, :, 0], expected, atol=1e-3)


def test_pulsed_and_continuous_contrast_come_from_one_model() -> None:
    field, microwave = FIELD, Microwave(amplitude=3e-5)
    tone = transition_frequencies(field=field)[0, 0]
    spectrum = resonance_spectrum(field=field, frequency=[tone], pump=5 * KHZ, microwave=microwave)
    driving = transition_driving(field=field, frequency=tone, microwave=microwave)
    long = RateSegment(duration=0.2, pump=5 * KHZ, driving=driving)
    count = RateSegment(duration=1e-3, pump=5 * KHZ, driving=driving)
    photons = evolve(model=rate_model_at(field=field), segments=[long, count]).photons[-1]
    assert np.allclose(photons / 1e-3, spectrum.photoluminescence[0], rtol=1e-9, atol=0)


def test_bad_input_is_refused() -> None:
    model = rate_model_at(field=FIELD)
    with pytest.raises(ArgumentError, match="duration"):
        RateSegment(duration=-1.0)
    with pytest.raises(ArgumentError, match="driving"):
        RateSegment(duration=1.0, driving=np.ones(3))
    with pytest.raises(ArgumentError, match="exchanged"):
        PulseSegment(exchanged=np.full((3, 4), 1.5))
    with pytest.raises(ArgumentError, match="initial"):
        evolve(model=model, segments=[], initial=np.ones((3, 7)))
    with pytest.raises(ArgumentError, match="initial"):
        evolve(model=model, segments=[], initial=-np.ones((4, 7)))
    with pytest.raises(ArgumentError, match="batch"):
        evolve(model=rate_model_at(field=0.01 * NV_AXES), segments=[])
