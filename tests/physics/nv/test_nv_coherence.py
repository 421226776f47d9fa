"""Coherences between ideal pulses, against closed forms, integrals over spectra, and limits."""

import itertools
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad

from labspin.errors import ArgumentError
from labspin.physics.nv import (
    HYPERFINE_SPLITTING,
    bath_dephasing,
    filter_function,
    free_decay,
    hyperfine_offsets,
    precession_dephasing,
    pulse_fractions,
)

B, MEMORY = 2e6 * math.pi * 0.3, 8e-6
TIMES = np.geomspace(1e-8, 1e-3, 23)


def bath(time, count, amplitude=B, memory=MEMORY):
    return bath_dephasing(
        time=time, fractions=pulse_fractions(count), amplitude=amplitude, correlation_time=memory
    )


def test_free_precession_and_echo_are_the_closed_forms():
    with np.errstate(under="ignore"):
        ratio = TIMES[TIMES > 1e-6] / MEMORY
        scale = (B * MEMORY) ** 2
        assert_allclose(bath(ratio * MEMORY, 0), scale * (ratio - 1 + np.exp(-ratio)), rtol=1e-9, atol=0)
        echo = scale * (ratio - 3 + 4 * np.exp(-ratio / 2) - np.exp(-ratio))
        assert_allclose(bath(ratio * MEMORY, 1), echo, rtol=1e-8, atol=0)


@pytest.mark.parametrize("count", [0, 1, 2, 5, 8])
def test_it_is_the_spectrum_through_the_filter(count):
    time = 6e-6

    def integrand(frequency):
        spectrum = 2 * B**2 * MEMORY / (1 + (frequency * MEMORY) ** 2)
        filtered = filter_function(frequency=frequency, time=time, fractions=pulse_fractions(count))
        return spectrum * float(filtered) / frequency**2 / (2 * math.pi)

    # Both halves of the spectrum; beyond the last frequency the filter is 2 (N + 1)-like and adds < 1e-6.
    edges = np.concatenate([[1e-3], np.arange(1, 400) * math.pi / time])
    total = sum(quad(integrand, a, b, epsrel=1e-8)[0] for a, b in itertools.pairwise(edges))
    assert_allclose(bath(time, count), total, rtol=3e-4, atol=0)


def test_limits_of_slow_and_fast_baths():
    slow, fast = 1.0, 1e-12
    assert_allclose(bath(1e-6, 0, memory=slow), 0.5 * (B * 1e-6) ** 2, rtol=1e-5, atol=0)
    assert_allclose(bath(1e-6, 1, memory=slow), B**2 * 1e-18 / (12 * slow), rtol=1e-5, atol=0)
    for count in (0, 1, 7):
        assert_allclose(bath(1e-6, count, memory=fast), B**2 * fast * 1e-6, rtol=1e-4, atol=0)


def test_many_pulses_prolong_by_two_thirds_power_in_a_slow_bath():
    memory, times = 1e-2, np.geomspace(1e-7, 1e-2, 4001)

    def coherence_time(count):
        return float(np.interp(1.0, bath(times, count, memory=memory), times))

    assert_allclose(coherence_time(1), (12 * memory / B**2) ** (1 / 3), rtol=1e-3, atol=0)
    for count in (4, 32):
        assert_allclose(coherence_time(count) / coherence_time(1), count ** (2 / 3), rtol=5e-3, atol=0)


def test_short_times_lose_no_digits():
    # The leading term b²t³/(12 τ_c) of an echo at a time where x − 1 + e^{−x} has no digits left.
    time = 1e-10
    assert_allclose(bath(time, 1), B**2 * time**3 / (12 * MEMORY), rtol=1e-4, atol=0)


@pytest.mark.parametrize("count", [0, 1, 4])
def test_precession_is_the_double_integral(count):
    omega, time = 2e6 * math.pi * 0.11, 7e-6
    middles = (np.arange(20_000) + 0.5) / 20_000
    sign = (-1.0) ** np.searchsorted(pulse_fractions(count), middles)
    moved = np.sum(sign * np.exp(1j * omega * time * middles)) * time / middles.size
    chi = precession_dephasing(time=time, fractions=pulse_fractions(count), amplitude=B, frequency=omega)
    assert_allclose(chi, 0.5 * B**2 * abs(moved) ** 2, rtol=1e-6, atol=0)


def test_an_echo_comes_back_at_whole_periods_of_the_nuclei():
    omega = 2e6 * math.pi * 0.11
    period = 2 * math.pi / omega
    one = {"fractions": pulse_fractions(1), "amplitude": B, "frequency": omega}
    assert precession_dephasing(time=2 * period, **one) < 1e-12
    assert precession_dephasing(time=period, **one) > 1.0, "and is gone in between"


def test_lines():
    assert_allclose(hyperfine_offsets(splitting=HYPERFINE_SPLITTING["14N"], lines=3), 2e6 * math.pi *
                    np.array([-2.16, 0, 2.16]), rtol=1e-12, atol=0)  # fmt: skip
    assert_allclose(np.ptp(hyperfine_offsets(splitting=3.0, lines=2)), 3.0, rtol=1e-12, atol=0)
    assert_allclose(free_decay(time=math.sqrt(2) / 3.0, width=3.0), math.exp(-1), rtol=1e-12, atol=0)
    assert_allclose(free_decay(time=0.5, width=2.0, shape="lorentzian"), math.exp(-1), rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: pulse_fractions(-1), "wanted a number of pulses ≥ 0"),
        (lambda: hyperfine_offsets(splitting=1.0, lines=0), "lines: wanted"),
        (lambda: free_decay(time=1.0, width=1.0, shape="square"), "'gaussian' or 'lorentzian'"),
        (lambda: filter_function(frequency=1.0, time=1.0, fractions=[0.6, 0.4]), "increase from 0 to 1"),
    ],
)
def test_what_makes_no_sense_is_refused(call, text):
    with pytest.raises(ArgumentError, match=text):
        call()
