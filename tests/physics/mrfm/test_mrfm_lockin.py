"""Lock-in filters, demodulation, and the noise they let through."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.integrate import quad

from labspin.errors import ArgumentError
from labspin.physics import mrfm

OMEGA = 2 * np.pi * 3e3
SLOPES = [6, 12, 18, 24]


@pytest.mark.parametrize(
    ("slope", "bandwidth", "wait"),
    # Bandwidth × τ and wait to 99 % in τ as in the manual of the SR830: 1/4, 1/8, 3/32, 5/64; 5, 7, 9, 10.
    [(6, 1 / 4, 5), (12, 1 / 8, 7), (18, 3 / 32, 9), (24, 5 / 64, 10)],
)
def test_bandwidth_and_settling_are_those_of_the_manual(slope: int, bandwidth: float, wait: float) -> None:
    lock_in = mrfm.LockInFilter(0.3, slope)
    assert lock_in.noise_bandwidth * 0.3 == pytest.approx(bandwidth, rel=1e-6, abs=0)
    assert lock_in.settling_time(0.99) / 0.3 == pytest.approx(wait, abs=0.6)


@pytest.mark.parametrize("slope", SLOPES)
def test_bandwidth_is_the_integral_of_the_transfer(slope: int) -> None:
    lock_in = mrfm.LockInFilter(1.0, slope)
    area, _ = quad(lambda f: abs(lock_in.transfer(2 * np.pi * f)) ** 2, 0, np.inf, epsrel=1e-10)
    assert lock_in.noise_bandwidth == pytest.approx(area, rel=1e-8, abs=0)


@pytest.mark.parametrize("slope", SLOPES)
def test_an_octave_costs_the_slope(slope: int) -> None:
    lock_in = mrfm.LockInFilter(1.0, slope)
    octave = 20 * np.log10(abs(lock_in.transfer(1e4) / lock_in.transfer(2e4)))
    assert octave == pytest.approx(slope, rel=0.01, abs=0)


@settings(deadline=None)
@given(amplitude=st.floats(1e-6, 1), phase=st.floats(-3, 3), slope=st.sampled_from(SLOPES))
def test_a_cosine_settles_at_its_peak_amplitude_and_phase(amplitude: float, phase: float, slope: int) -> None:
    lock_in, rate = mrfm.LockInFilter(3e-3, slope), 36e3
    time = np.arange(int(40 * 3e-3 * rate)) / rate
    signal = amplitude * np.cos(OMEGA * time + phase)
    reading = mrfm.demodulate(signal=signal, sample_rate=rate, angular_frequency=OMEGA, lock_in=lock_in)
    # Averaged over periods, for the filter leaves some of the product at 2ω.
    settled = reading[-12 * 20 :].mean()
    assert settled == pytest.approx(amplitude * np.exp(1j * phase), rel=1e-6, abs=0)


@pytest.mark.parametrize("slope", SLOPES)
def test_a_demodulated_step_is_the_step_response(slope: int) -> None:
    lock_in, rate = mrfm.LockInFilter(0.05, slope), 2e4
    reading = mrfm.demodulate(
        signal=np.full(4000, 0.5), sample_rate=rate, angular_frequency=0.0, lock_in=lock_in
    )
    expected = lock_in.step_response(np.arange(1, 4001) / rate)
    np.testing.assert_allclose(reading.real, expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("slope", [6, 24])
def test_white_noise_comes_out_with_the_noise_bandwidth(slope: int, rng: np.random.Generator) -> None:
    rate, density = 40e3, 2e-3
    lock_in = mrfm.LockInFilter(2e-3, slope)
    noise = rng.normal(scale=density * np.sqrt(rate / 2), size=(60, 40_000))
    reading = mrfm.demodulate(signal=noise, sample_rate=rate, angular_frequency=OMEGA, lock_in=lock_in)
    settled = reading[:, 2000:]
    expected = 2 * density**2 * lock_in.noise_bandwidth
    # 60 s of 1/τ bandwidth: about 10⁴ independent values.
    assert settled.real.var() == pytest.approx(expected, rel=0.04, abs=0)
    assert settled.imag.var() == pytest.approx(expected, rel=0.04, abs=0)


def test_readings_have_gain_phase_cross_talk_and_noise(rng: np.random.Generator) -> None:
    lock_in = mrfm.LockInFilter(0.1, 12)
    q = np.full(20_000, 2e-9 + 1e-9j)
    common: dict[str, Any] = {"displacement": q, "gain": 1e7, "lock_in": lock_in, "phase": 0.3}
    clean = mrfm.lock_in_reading(**common, cross_talk=1e-3 - 2e-3j)
    assert clean[0] == pytest.approx(1e7 * q[0] * np.exp(0.3j) + 1e-3 - 2e-3j, rel=1e-6, abs=0)
    noisy = mrfm.lock_in_reading(**common, noise_density=1e-6, rng=rng)
    spread = (noisy - mrfm.lock_in_reading(**common)).std() / np.sqrt(2)
    assert spread == pytest.approx(1e-6 * np.sqrt(2 * 1.25), rel=0.02, abs=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mrfm.LockInFilter(0.0, 6), "time_constant"),
        (lambda: mrfm.LockInFilter(1.0, 7), "6, 12, 18 or 24"),
        (lambda: mrfm.LockInFilter(1.0).settling_time(1.0), "fraction"),
        (
            lambda: mrfm.demodulate(
                signal=np.zeros(9), sample_rate=1e3, angular_frequency=OMEGA, lock_in=mrfm.LockInFilter(1.0)
            ),
            "sample faster",
        ),
        (
            lambda: mrfm.lock_in_reading(
                displacement=1e-9, gain=1.0, lock_in=mrfm.LockInFilter(1.0), noise_density=1.0
            ),
            "needs a numpy.random.Generator",
        ),
    ],
)
def test_bad_detection_is_refused(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()
