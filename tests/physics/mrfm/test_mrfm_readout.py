"""The resonator behind its lock-in: against sampled simulation and lock-in, and against equipartition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import constants
from scipy.linalg import expm

from labspin.errors import ArgumentError
from labspin.physics import mrfm

OMEGA = 2 * np.pi * 3e3
SOFT = mrfm.Resonator(stiffness=70e-6, angular_frequency=OMEGA, quality_factor=200.0)
SPRINGS = [mrfm.RelaxingSpring(4e-6, 0.8 / OMEGA, -1e-6)]
FILTER = mrfm.LockInFilter(8e-3, 24)


def sampled(omega: np.ndarray, dwell: float, force: float, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Sample q(t) under a phase-continuous stepped drive: the drive is held over each of the fine samples."""
    motion = mrfm.LinearMotion(SOFT, SPRINGS)
    n, steps = len(motion.matrix), round(dwell * rate)
    block = np.zeros((n + 1, n + 1))
    block[:n, :n] = motion.matrix * OMEGA
    block[1, n] = OMEGA / SOFT.stiffness
    hold = expm(block / rate)
    state = motion.steady_state(angular_frequency=omega[0], force=force).real
    phase, q, reference = 0.0, [], []
    for w in omega:
        for _ in range(steps):
            middle = np.cos(phase + 0.5 * w / rate)
            q.append(state[0])
            reference.append(phase)
            state = hold[:n, :n] @ state + hold[:n, n] * force * middle
            phase += w / rate
    return np.array(q), np.array(reference)


def test_a_stepped_sweep_is_that_of_a_sampled_motion_and_a_digital_lock_in() -> None:
    omega = OMEGA * np.linspace(1.01, 1.04, 12)
    dwell, rate, force = 0.015, 96e3, 1e-13
    q, phase = sampled(omega, dwell, force, rate)
    # A phase-locked lock-in by hand: mix, then the same filter at zero frequency.
    mixed = 2 * q * np.exp(-1j * phase)
    lead = np.full(round(0.4 * rate), mixed[: round(2 * np.pi / omega[0] * rate * 40)].mean())
    outputs = [
        mrfm.demodulate(
            signal=np.concatenate([part(lead), part(mixed)]) / 2,
            sample_rate=rate,
            angular_frequency=0.0,
            lock_in=FILTER,
        ).real
        for part in (np.real, np.imag)
    ]
    by_hand = (outputs[0] + 1j * outputs[1])[len(lead) :][round(dwell * rate) - 1 :: round(dwell * rate)]
    sweep = mrfm.stepped_sweep(
        resonator=SOFT, springs=SPRINGS, angular_frequency=omega, dwell=dwell, force=force, lock_in=FILTER
    )
    np.testing.assert_allclose(sweep, by_hand, atol=3e-3 * np.abs(sweep).max())


def test_a_sweep_that_waits_shows_the_susceptibility() -> None:
    omega = OMEGA * np.linspace(0.98, 1.06, 40)
    kappa = sum(s.stiffness(omega) for s in SPRINGS)
    chi = mrfm.susceptibility(resonator=SOFT, angular_frequency=omega, stiffness=kappa) * 1e-13
    wait = 30 * (SOFT.ring_down_time + FILTER.time_constant)
    for lock_in in (None, FILTER):
        sweep = mrfm.stepped_sweep(
            resonator=SOFT,
            springs=SPRINGS,
            angular_frequency=omega,
            dwell=wait,
            force=1e-13,
            lock_in=lock_in,
        )
        np.testing.assert_allclose(sweep, chi, rtol=1e-7, atol=0)


def test_a_sweep_that_does_not_wait_is_skewed_the_way_it_goes() -> None:
    omega = OMEGA * np.linspace(0.97, 1.03, 301)
    peaks = []
    for row in (omega, omega[::-1]):
        sweep = mrfm.stepped_sweep(resonator=SOFT, angular_frequency=row, dwell=5e-4, force=1e-13)
        peaks.append(row[np.argmax(np.abs(sweep))])
    assert peaks[0] > OMEGA * 1.001
    assert peaks[1] < OMEGA * 0.999


def test_many_short_steps_are_one_long_one() -> None:
    system = mrfm.DemodulatedMotion(resonator=SOFT, springs=SPRINGS, lock_in=FILTER)
    start = system.settled(angular_frequency=1.02 * OMEGA, force=1e-13)
    drive: dict[str, Any] = {"angular_frequency": 1.01 * OMEGA, "force": 3e-13}
    long = system.advance(start, duration=0.05, **drive)[-1]
    short = system.advance(start, duration=np.full(50, 1e-3), **drive)[-1]
    np.testing.assert_allclose(long, short, rtol=1e-10, atol=0)


def test_a_ring_down_is_seen_as_the_decay_of_the_amplitude() -> None:
    system = mrfm.DemodulatedMotion(resonator=SOFT, springs=SPRINGS)
    start = system.settled(angular_frequency=OMEGA, force=1e-13)
    times = np.linspace(1e-3, 0.05, 50)
    states = system.advance(start, duration=1e-3, angular_frequency=OMEGA, force=np.zeros(50))
    direct = mrfm.ring_down(
        resonator=SOFT, springs=SPRINGS, time=times, amplitude=abs(start[0]), phase=float(np.angle(start[0]))
    )
    np.testing.assert_allclose(states[:, 0], direct * np.exp(-1j * OMEGA * times), rtol=1e-9, atol=0)


def test_thermal_motion_obeys_equipartition_behind_a_fast_filter(rng: np.random.Generator) -> None:
    # A filter much faster than the ring-down lets all of the peak through: <|X+iY|²> = 2<q²>.
    kelvin = 0.1
    system = mrfm.DemodulatedMotion(
        resonator=mrfm.Resonator(70e-6, OMEGA, 2e4),
        springs=[mrfm.RelaxingSpring(1e-9, 1 / OMEGA)],
        lock_in=mrfm.LockInFilter(1e-3, 12),
        temperature=kelvin,
    )
    shift = mrfm.exact_shift(resonator=system.motion.resonator, springs=system.motion.springs)
    omega = OMEGA + float(shift.angular_frequency)
    readings = []
    state = system.settled(angular_frequency=omega, force=0.0, rng=rng)
    states = system.advance(state, duration=np.full(4000, 5.0), angular_frequency=omega, force=0.0, rng=rng)
    readings = states[:, system.output]
    assert np.mean(np.abs(readings) ** 2) == pytest.approx(2 * constants.k * kelvin / 70e-6, rel=0.06, abs=0)
    assert np.var(readings.real) == pytest.approx(np.var(readings.imag), rel=0.1, abs=0)


def test_thermal_motion_remembers_for_the_ring_down_time(rng: np.random.Generator) -> None:
    resonator = mrfm.Resonator(70e-6, OMEGA, 2e4)
    system = mrfm.DemodulatedMotion(resonator=resonator, lock_in=mrfm.LockInFilter(1e-3, 12), temperature=0.1)
    tau = resonator.ring_down_time
    state = system.settled(angular_frequency=OMEGA, force=0.0, rng=rng)
    z = system.advance(state, duration=np.full(20_000, tau / 4), angular_frequency=OMEGA, force=0.0, rng=rng)[
        :, system.output
    ]
    correlation = np.mean(z[4:] * np.conj(z[:-4])) / np.mean(np.abs(z) ** 2)
    assert abs(correlation - np.exp(-1)) < 0.05


def test_noise_is_the_same_whatever_the_step(rng: np.random.Generator) -> None:
    system = mrfm.DemodulatedMotion(
        resonator=SOFT, springs=SPRINGS, lock_in=FILTER, temperature=0.1, readout_noise=1e-13
    )
    omega = 1.003 * OMEGA

    def covariance(step: float) -> np.ndarray:
        pieces = system._steps(np.full(1, step), np.full(1, omega), np.zeros(1, dtype=complex), noisy=True)
        total = np.zeros((7, 7), dtype=complex)
        for _ in range(round(0.02 / step)):
            kept = pieces.propagator[0] @ total @ pieces.propagator[0].conj().T
            total = kept + pieces.spread[0] @ pieces.spread[0].conj().T
        return total

    coarse, fine = covariance(0.02), covariance(2e-4)
    np.testing.assert_allclose(fine, coarse, rtol=1e-7, atol=1e-9 * np.abs(coarse).max())


def test_readout_noise_has_the_filter_s_bandwidth(rng: np.random.Generator) -> None:
    system = mrfm.DemodulatedMotion(resonator=SOFT, lock_in=FILTER, readout_noise=2e-12)
    z = system.advance(
        system.settled(angular_frequency=OMEGA, force=0.0, rng=rng),
        duration=np.full(6000, 0.2),
        angular_frequency=OMEGA,
        force=0.0,
        rng=rng,
    )[:, system.output]
    expected = 2 * (2e-12) ** 2 * FILTER.noise_bandwidth
    assert z.real.var() == pytest.approx(expected, rel=0.07, abs=0)
    assert z.imag.var() == pytest.approx(expected, rel=0.07, abs=0)


def test_thermal_spectrum_off_resonance_is_that_of_the_displacement_noise(rng: np.random.Generator) -> None:
    # A narrow filter beside the peak reads the density there: <|X+iY|²> = 4 S_q ENBW.
    lock_in, omega = mrfm.LockInFilter(0.5, 24), 1.05 * OMEGA
    system = mrfm.DemodulatedMotion(resonator=SOFT, springs=SPRINGS, lock_in=lock_in, temperature=0.1)
    covariance = system._covariance(system._generators(np.array([omega]))[0])
    density = mrfm.displacement_noise_density(
        resonator=SOFT,
        temperature=0.1,
        angular_frequency=omega,
        stiffness=sum(s.stiffness(omega) for s in SPRINGS),
    )
    output = covariance[system.output, system.output].real
    assert output == pytest.approx(4 * float(density) * lock_in.noise_bandwidth, rel=1e-3, abs=0)


def test_a_seed_gives_the_same_sweep() -> None:
    rows = [
        mrfm.stepped_sweep(
            resonator=SOFT,
            angular_frequency=OMEGA * np.linspace(0.99, 1.01, 20),
            dwell=0.01,
            force=1e-13,
            lock_in=FILTER,
            temperature=0.1,
            rng=np.random.default_rng(5),
        )
        for _ in range(2)
    ]
    np.testing.assert_array_equal(rows[0], rows[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature": 0.1}, "noise needs a filter"),
        ({"dwell": 0.0}, "dwell"),
        ({"dwell": -1.0}, "dwell"),
        ({"angular_frequency": np.ones((2, 2))}, "one row"),
        ({"angular_frequency": []}, "one row"),
        ({"temperature": -0.1, "lock_in": FILTER}, "temperature"),
        ({"readout_noise": -0.1, "lock_in": FILTER}, "readout_noise"),
    ],
)
def test_bad_sweeps_are_refused(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {
        "resonator": SOFT,
        "angular_frequency": [OMEGA],
        "dwell": 0.1,
        "force": 1e-13,
    }
    with pytest.raises(ArgumentError, match=message):
        mrfm.stepped_sweep(**(good | change))
