"""Errata of [SW] that no other test holds, each by a second way: plain sums and (75)–(78) typed again."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.constants import hbar, k
from scipy.linalg import expm

from labspin.physics import spinwaves as sw
from labspin.physics.spinwaves import NV_TABLE1, YIG_FIGURES
from tests.physics.spinwaves.reference import Mode

FILM, SPIN, D = YIG_FIGURES, NV_TABLE1, YIG_FIGURES.thickness


def lines(field: float) -> tuple[float, float]:
    """ω₋ and ω₊ of (6)."""
    return tuple(SPIN.zero_field_splitting + sign * SPIN.gyromagnetic_ratio * field for sign in (-1, 1))


def test_the_printed_evolution_does_not_begin_where_it_should():
    """(142) is the matrix of eigenvectors times exponentials; its inverse is missing in (141)."""
    state = {"spin": SPIN, "field": 0.02, "temperature": 0.2}
    rates = sw.thermal_rates(**state)
    kappa, plus, minus = (float(one) for one in (rates.kappa_1, rates.gamma_plus, rates.gamma_minus))
    root = np.hypot(plus, np.sqrt(3) * minus)
    vectors = np.array([[plus - root, plus + root], [3 * minus, 3 * minus]])
    matrix = np.array([[kappa + 3 * plus, minus], [3 * minus, kappa + plus]])
    rest = sw.steady_occupations(**state)
    begin = np.array([1 - rest[0], 0 - (rest[1] - rest[2])])
    for time in (0.0, 1e-4, 2e-3):
        printed = vectors * np.exp(-(kappa + 2 * plus - root * np.array([1, -1])) * time)
        evolution = expm(-matrix * time)
        np.testing.assert_allclose(printed @ np.linalg.inv(vectors), evolution, rtol=0, atol=1e-12)
        assert np.abs(printed / (3 * minus) - evolution).max() > 0.1
        found = sw.occupations_in_time(time=time, **state)
        np.testing.assert_allclose(
            [found[0] - rest[0], found[1] - found[2] - rest[1] + rest[2]],
            evolution @ begin,
            rtol=0,
            atol=1e-9,
        )


@pytest.mark.parametrize(("nanometres", "above"), [(50, -0.022), (100, 0.072), (200, 0.096)])
def test_long_waves_of_a_thin_film_reach_the_upper_transition(nanometres, above):
    """The text: at least 0.1 ω_M below ω₊ for kd < 1 and films from 50 nm on."""
    film = replace(FILM, thickness=nanometres * 1e-9)
    fastest = max(
        Mode(film, 0.01, 0, x, phi).u
        for x in np.linspace(0.01, 1, 40)
        for phi in np.linspace(0, np.pi / 2, 7)
    )
    assert lines(0.01)[1] / film.omega_m - fastest == pytest.approx(above, rel=0.02, abs=0)


def test_no_two_waves_add_up_to_the_lower_transition():
    lowest = min(
        Mode(FILM, 0.02, n, x, phi).u
        for n in (0, 1)
        for x in np.linspace(0.01, 6, 120)
        for phi in np.linspace(0, np.pi / 2, 7)
    )
    assert 2 * lowest * FILM.omega_m / lines(0.02)[0] == pytest.approx(1.224, rel=1e-3, abs=0)


def test_waves_of_the_lowest_band_decay_faster_than_coherences():
    for field in (0.005, 0.02):
        product = Mode(FILM, field, 0, 1.0, 0.0).loss * FILM.omega_m * SPIN.coherence_lifetime
        assert 3.2 < product < 3.9  # the text: about 1, and small beside 1
    assert 1e9 / (Mode(FILM, 0.02, 0, 1.0, 0.0).loss * FILM.omega_m) == pytest.approx(261, rel=0.01, abs=0)


def test_a_hundred_millikelvin_is_not_the_limit_of_low_temperature():
    """(256) as a plain sum over waves: nothing is resonant at 35 mT."""
    assert hbar * FILM.omega_m / k == pytest.approx(0.235, rel=0.01, abs=0)
    lower = 0.0
    upper = 0.0
    for n in range(4):
        for x in np.arange(0.05, 30, 0.1):
            for phi in np.arange(0.5, 24) * np.pi / 24:
                mode = Mode(FILM, 0.035, n, x, phi)
                occupation = 1 / np.expm1(hbar * mode.u * FILM.omega_m / (k * 0.1))
                detuning = mode.u * FILM.omega_m - lines(0.035)[0]
                weight = (
                    x * mode.field(1) ** 2 * np.exp(-2 * x * 0.2) * (1 + mode.cosine) ** 2 / mode.u / detuning
                )
                lower += weight * (2 * occupation + 1)
                upper += weight * occupation
    assert upper / lower == pytest.approx(0.169, rel=0.03, abs=0)  # the text: 0
    bath = sw.spin_wave_bath(
        film=FILM, spin=SPIN, distance=0.2 * D, field=0.035, temperature=0.1, transitions="lower", rtol=1e-4
    )
    assert float(bath.shift_plus / bath.shift_minus) == pytest.approx(upper / lower, rel=0.03, abs=0)
