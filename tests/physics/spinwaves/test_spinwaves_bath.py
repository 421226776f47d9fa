"""Rates and shifts against independent integration, and their symmetries."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st
from scipy.constants import hbar, mu_0
from scipy.integrate import quad
from scipy.optimize import brentq

from labspin.errors import ArgumentError
from labspin.physics import spinwaves as sw
from labspin.physics.spinwaves import integrals
from labspin.physics.spinwaves.bath import coupling_scale
from labspin.physics.spinwaves.integrals import Probes, spin_wave_integrals
from labspin.physics.spinwaves.quadrature import resonant_panels
from tests.physics.spinwaves import reference as reference
from tests.physics.spinwaves.test_spinwaves_bounds import BOUNDED

FILM, NV = sw.YIG_FIGURES, sw.NV_TABLE1
D = FILM.thickness


def random_cases(count):
    rng = np.random.default_rng(20240611)
    return [
        (
            float(rng.uniform(4e-3, 60e-3)),
            float(np.exp(rng.uniform(np.log(0.3), np.log(3.0)))),
            float(np.exp(rng.uniform(np.log(0.05), np.log(300.0)))),
            float(np.exp(rng.uniform(np.log(1e-3), np.log(1e-2)))),
        )
        for _ in range(count)
    ]


def slow_bath(film, field, length, temperature, eta, bands):
    """κ_d + κ_a and δ_− as sums over modes, (220) and (223), by nested adaptive quadrature."""
    omega_minus = float(sw.transition_frequencies(spin=NV, field=field)[0])

    def weight(mode):
        strength = reference.coupling_squared(film, NV, mode, eta, 0.0)
        return strength * (1 + 2 * reference.occupation(film, mode, temperature))

    total = sum(
        reference.resonant_integral(
            film, field, omega_minus / film.omega_m, weight, n, 2 * length, tolerance=1e-7
        )
        for n in range(bands)
    )
    total /= (2 * np.pi) ** 2 * film.thickness**2 * film.omega_m
    return 2 * total.imag, -total.real


def package_bath(film, field, length, temperature, bands, rtol=1e-8):
    """The same from the package, restricted to the first bands."""
    omega_minus = float(sw.transition_frequencies(spin=NV, field=field)[0])
    probes = Probes(
        np.atleast_1d(film.reduced_field(field)),
        np.array([omega_minus / film.omega_m]),
        np.array([[length]]),
        np.array([temperature]),
    )
    bare, thermal = first_bands(film, probes, bands, rtol)[0, 0, 0]
    scale = coupling_scale(film, NV.gyromagnetic_ratio) / film.thickness**2 / film.omega_m
    total = scale * (bare + 2 * thermal)
    return 2 * total.imag, -total.real


def first_bands(film, probes, bands, rtol):
    """J of the first bands only, to be compared band by band."""
    length = probes.reduced_distance.min()
    panels = resonant_panels(
        film,
        probes.reduced_field,
        probes.reduced_frequency,
        np.arange(bands),
        integrals.decay_cutoff(rtol) / (2 * length),
        min(0.5, 0.5 / length),
    )
    return integrals._refined(film, probes, panels, rtol, np.zeros(integrals._shape(probes), complex))[0]


@pytest.mark.parametrize(("field", "length", "temperature", "damping"), random_cases(4))
def test_one_band_agrees_with_adaptive_quadrature(field, length, temperature, damping):
    """At random parameters to 1e-6, on both sides of the film."""
    film = replace(FILM, gilbert_damping=damping)
    rate, shift = slow_bath(film, field, length, temperature, 1 if field > 0.03 else -1, 1)
    found = package_bath(film, field, length, temperature, 1)
    assert found[0] == pytest.approx(rate, rel=1e-6, abs=0)
    assert found[1] == pytest.approx(shift, rel=1e-6, abs=1e-8 * rate)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("field", "length", "temperature", "damping"), random_cases(16))
def test_three_bands_agree_with_adaptive_quadrature(field, length, temperature, damping):
    film = replace(FILM, gilbert_damping=damping / 10)
    rate, shift = slow_bath(film, field, length, temperature, 1, 3)
    found = package_bath(film, field, length, temperature, 3)
    assert found[0] == pytest.approx(rate, rel=1e-6, abs=0)
    assert found[1] == pytest.approx(shift, rel=1e-6, abs=1e-8 * rate)


def rate_on_a_grid(points, reach=8.0):
    """κ_a of band 0 at 20 mT and l = d, T = 300 K, as a sum over a regular k_y–k_z grid."""
    omega_minus = float(sw.transition_frequencies(spin=NV, field=0.02)[0])
    axis = (np.arange(points) + 0.5) / points * 2 * reach - reach
    ky, kz = np.meshgrid(axis, axis)
    kappa, phi = np.hypot(ky, kz), np.arctan2(kz, ky)
    arguments = {"film": FILM, "field": 0.02, "wavenumber": kappa / D, "angle": phi}
    omega, loss = sw.mode_frequency(**arguments), sw.decay_rate(**arguments)
    amplitude = sw.field_amplitude(**arguments) * (1 + np.cos(phi)) * np.exp(-kappa)
    zero_point = hbar * FILM.gyromagnetic_ratio * FILM.magnetisation / (4 * D) * FILM.omega_m / omega
    strength = (mu_0 * NV.gyromagnetic_ratio) ** 2 * zero_point * amplitude**2
    number = sw.magnon_occupation(frequency=omega, temperature=300.0)
    lorentzian = loss / ((omega - omega_minus) ** 2 + loss**2 / 4)
    area = (axis[1] - axis[0]) ** 2 / D**2 / (2 * np.pi) ** 2
    return float((strength * number * lorentzian).sum() * area)


def test_a_grid_that_ignores_the_resonance_fails_where_ours_converges():
    """Doubling a grid changes its answer by percents and leaves it wrong; refining ours changes nothing.

    Exact is the slow test's job (the same integral at random parameters); here each method meets itself.
    """
    coarse, fine = (package_bath(FILM, 0.02, 1.0, 300.0, 1, rtol) for rtol in (1e-4, 1e-10))
    assert coarse[0] == pytest.approx(fine[0], rel=1e-5, abs=0)
    grids = [rate_on_a_grid(points) for points in (200, 400, 800)]
    changes = [abs(b / a - 1) for a, b in itertools.pairwise(grids)]
    assert max(changes) > 1e-2
    assert min(abs(2 * rate / fine[0] - 1) for rate in grids) > 1e-3


# Far from the film and near 4.2 mT the contour begins where the decay has all but cut the integrand off.
@example(4.237e-3, 4.803, -1.01, 1e-7)
@example(4.6e-3, 4.237, 0.71, 1e-3)
@given(st.floats(2e-3, 80e-3), st.floats(0.1, 5.0), st.floats(-2.0, 3.0), st.sampled_from([1e-3, 1e-5, 1e-7]))
@settings(max_examples=10, deadline=None)
def test_the_error_estimate_covers_the_error(field, length, exponent, rtol):
    arguments = {
        "film": FILM,
        "spin": NV,
        "distance": length * D,
        "field": field,
        "temperature": 10.0**exponent,
    }
    exact = sw.spin_wave_bath(**arguments, rtol=1e-10)
    found = sw.spin_wave_bath(**arguments, rtol=rtol)
    for name in ("sum_rate", "difference_rate", "shift_minus", "shift_plus"):
        error = abs(getattr(found, name) - getattr(exact, name))
        floor = 1e-12 * abs(getattr(exact, name)) + 1e-300
        assert error <= getattr(found, f"{name}_error") + getattr(exact, f"{name}_error") + floor
    assert found.sum_rate_error <= 3 * rtol * found.sum_rate


def test_everything_is_vectorised_over_distance_field_and_temperature():
    distance = np.array([0.3, 1.0, 2.5])[:, None, None] * D
    field = np.array([0.008, 0.02, 0.035, 0.05])[:, None]
    temperature = np.array([0.1, 300.0])
    whole = sw.spin_wave_bath(film=FILM, spin=NV, distance=distance, field=field, temperature=temperature)
    assert whole.sum_rate.shape == (3, 4, 2)
    for i, j, m in ((0, 0, 0), (1, 2, 1), (2, 3, 0), (0, 1, 1)):
        one = sw.spin_wave_bath(
            film=FILM,
            spin=NV,
            distance=float(distance[i, 0, 0]),
            field=float(field[j, 0]),
            temperature=float(temperature[m]),
            rtol=1e-8,
        )
        for name in ("sum_rate", "difference_rate", "shift_minus", "shift_plus", "shift_minus_gradient"):
            assert getattr(whole, name)[i, j, m] == pytest.approx(float(getattr(one, name)), rel=2e-6, abs=0)
    zipped = sw.spin_wave_bath(
        film=FILM, spin=NV, distance=distance[:, 0, 0], field=field[:3, 0], temperature=300.0
    )
    assert zipped.shift_minus == pytest.approx(np.diag(whole.shift_minus[:, :3, 1]), rel=1e-6, abs=0)


@pytest.mark.parametrize("occupation", ["spin", "mode"])
def test_the_gradient_is_the_derivative(occupation):
    lengths = (1 + np.array([-1e-4, 0.0, 1e-4])) * 0.7 * D
    found = sw.spin_wave_bath(
        film=FILM,
        spin=NV,
        distance=lengths,
        field=[[0.005], [0.035]],
        temperature=300,
        rtol=1e-9,
        occupation=occupation,
    )
    for name in BOUNDED:
        value, slope = getattr(found, name), getattr(found, f"{name}_gradient")
        difference = (value[:, 2] - value[:, 0]) / (lengths[2] - lengths[0])
        assert slope[:, 1] == pytest.approx(difference, rel=1e-6, abs=0)


def test_limits_of_high_and_low_temperature():
    """(257)"""
    found = sw.spin_wave_bath(
        film=FILM,
        spin=NV,
        distance=D,
        field=0.035,
        temperature=[1e-3, 300.0],
        rtol=1e-8,
        transitions="lower",
    )
    assert abs(found.shift_plus[0] / found.shift_minus[0]) < 1e-6
    assert found.shift_plus[1] / found.shift_minus[1] == pytest.approx(0.5, rel=1e-3, abs=0)
    assert (np.abs(found.shift_minus) >= 2 * np.abs(found.shift_plus)).all()
    assert found.sum_rate[0] == pytest.approx(found.difference_rate[0], rel=1e-6, abs=0)
    assert found.sum_rate[1] > 1e3 * found.difference_rate[1]


def test_far_from_the_film_the_spin_is_bare():
    found = sw.spin_wave_bath(film=FILM, spin=NV, distance=1e-2, field=[0.005, 0.035], temperature=300.0)
    assert (found.sum_rate < 1e-10).all()
    assert (np.abs(found.shift_minus) < 1e-8).all()
    for field, index in ((0.005, 0), (0.035, 1)):
        bare = sw.relaxation_times(spin=NV, field=field, temperature=300.0)
        near = sw.relaxation_times(spin=NV, field=[0.005, 0.035], temperature=300.0, bath=found)
        assert near.shortest[index] == pytest.approx(float(bare.shortest), rel=1e-12, abs=0)


@pytest.mark.parametrize(("field", "length"), [(0.02, 0.5), (0.035, 0.2)])
def test_rates_follow_from_the_spectral_density(field, length):
    """Fermi's golden rule: κ_d = 2π (μ0γ_s)² S(ω), κ_a the same at −ω (113), on both transitions.

    This decides which factor (244) should carry: "printed" is twice that.
    """
    minus, plus = (float(omega) for omega in sw.transition_frequencies(spin=NV, field=field))
    density = sw.field_spectral_density(
        film=FILM,
        frequency=[minus, -minus, plus, -plus],
        distance=length * D,
        field=field,
        temperature=0.2,
    )
    scale = 2 * np.pi * (mu_0 * NV.gyromagnetic_ratio) ** 2
    arguments = {"film": FILM, "spin": NV, "distance": length * D, "field": field, "temperature": 0.2}
    bath = sw.spin_wave_bath(**arguments, occupation="mode")
    # The density holds the counter-rotating terms, too: some per mille where no wave is resonant.
    rel = 1e-4 if field < 0.03 else 5e-3
    assert scale * density.minus[0] == pytest.approx(float(bath.decay_minus), rel=rel, abs=0)
    assert scale * density.plus[1] == pytest.approx(float(bath.absorption_minus), rel=rel, abs=0)
    assert scale * density.plus[2] == pytest.approx(float(bath.decay_plus), rel=1e-3, abs=0)
    assert scale * density.minus[3] == pytest.approx(float(bath.absorption_plus), rel=1e-3, abs=0)
    printed = sw.spin_wave_bath(**arguments, rates="printed", occupation="mode")
    for name in ("decay_minus", "absorption_minus", "decay_plus", "absorption_plus"):
        twice = 2 * float(getattr(bath, name))
        assert getattr(printed, name) == pytest.approx(twice, rel=1e-12, abs=0)
    assert printed.shift_minus == pytest.approx(float(bath.shift_minus), rel=1e-12, abs=0)


def perturbation_on_a_grid(film, field, length, temperature, bands):
    """Second-order perturbation of a spin 1 by all waves of the first bands, on a plain grid of k and φ.

    Returns the shifts of (0, +, −), and κ_d, κ_a of both transitions. Written from S·h with the spin
    matrices; at strong damping the grid resolves every Lorentzian.
    """
    nodes, weights = np.polynomial.legendre.leggauss(400)
    top = 18.0 / length
    kappa, weights = 0.5 * top * (nodes + 1), 0.5 * top * weights
    phi = np.arange(720) * 2 * np.pi / 720
    k, angle = np.meshgrid(kappa / D, phi, indexing="ij")
    minus, plus = (float(omega) for omega in sw.transition_frequencies(spin=NV, field=field))
    energies = np.array([0.0, plus, minus])
    up = np.zeros((3, 3))
    up[1, 0] = up[0, 2] = np.sqrt(2.0)
    spin = np.stack([(up + up.T) / 2, (up - up.T) / 2j, np.diag([0.0, 1.0, -1.0])])
    shifts, down, rise = np.zeros(3), np.zeros(2), np.zeros(2)
    area = (weights / D)[:, None] * k * (2 * np.pi / 720) / (2 * np.pi) ** 2
    for n in range(bands):
        arguments = {"film": film, "field": field, "wavenumber": k, "angle": angle, "band": n}
        omega, loss = sw.mode_frequency(**arguments), sw.decay_rate(**arguments)
        number = sw.magnon_occupation(frequency=omega, temperature=temperature)
        zero_point = hbar * film.gyromagnetic_ratio * film.magnetisation / (2 * D) * film.omega_m / omega
        strength = (mu_0 * NV.gyromagnetic_ratio) ** 2 * zero_point * area
        wave = np.moveaxis(sw.stray_field(**arguments, distance=length * D), -1, 0)
        taken = np.abs(np.tensordot(spin, wave, (0, 0))) ** 2 * strength
        given = np.abs(np.tensordot(spin, wave.conj(), (0, 0))) ** 2 * strength
        for i in range(3):
            for j in range(3):
                gap = energies[j] - energies[i]
                absorbing, emitting = omega - gap, -omega - gap
                weight = absorbing / (absorbing**2 + loss**2 / 4) * number * taken[j, i]
                weight += emitting / (emitting**2 + loss**2 / 4) * (number + 1) * given[j, i]
                shifts[i] += weight.sum()
        for at, level, gap in ((0, 2, minus), (1, 1, plus)):
            lorentzian = loss / ((omega - gap) ** 2 + loss**2 / 4) * taken[level, 0]
            down[at] += ((number + 1) * lorentzian).sum()
            rise[at] += (number * lorentzian).sum()
    return shifts, down, rise


@pytest.mark.parametrize(("field", "temperature"), [(0.005, 0.3), (0.02, 300.0), (0.035, 0.05)])
def test_rates_and_shifts_are_those_of_perturbation_theory(field, temperature):
    """All levels, both transitions, both rotating and counter-rotating terms, S_z: 2 d from the film."""
    film = replace(FILM, gilbert_damping=0.05)
    shifts, down, rise = perturbation_on_a_grid(film, field, 2.0, temperature, 10)
    found = sw.spin_wave_bath(
        film=film, spin=NV, distance=2 * D, field=field, temperature=temperature, occupation="mode"
    )
    zero = found.shift_zero
    levels = [zero, zero + found.shift_plus, zero + found.shift_minus]
    assert [float(level) for level in levels] == pytest.approx(list(shifts), rel=2e-4, abs=0)
    assert [float(found.decay_minus), float(found.decay_plus)] == pytest.approx(list(down), rel=2e-4, abs=0)
    rates = [float(found.absorption_minus), float(found.absorption_plus)]
    assert rates == pytest.approx(list(rise), rel=2e-4, abs=0)


def crossings(function, grid, levels):
    """Return where a function crosses one of the levels between the points of a grid."""
    found = []
    for level in levels:
        values = np.array([function(x) - level for x in grid])
        found += [
            brentq(lambda x, level=level: function(x) - level, grid[i], grid[i + 1])
            for i in np.nonzero(values[1:] * values[:-1] < 0)[0]
        ]
    return found


def contour_rate(field, length, temperature, transition, bands):
    """κ_d of a transition for vanishing damping: 2π Σ|g|²(n̄ + 1) δ(ω_n − ω), along the contours."""
    omega = float(sw.transition_frequencies(spin=NV, field=field)[transition])
    u0 = omega / FILM.omega_m
    sign = (1, -1)[transition]
    reduced, exchange = field / (mu_0 * FILM.magnetisation), FILM.exchange_stiffness / D**2
    total = 0.0
    for n in range(bands):

        def cosine_squared(x, n=n):
            big_n = reduced + exchange * (x**2 + (n * np.pi) ** 2)
            return (u0**2 / (big_n + 1 - reference.p_closed(n, x)) - big_n) / reference.p_closed(n, x)

        def along(x, n=n):
            c = min(max(cosine_squared(x, n), 1e-14), 1 - 1e-14)
            phi = math.acos(math.sqrt(c))
            value = 0.0
            for angle in (phi, math.pi - phi):
                mode = reference.Mode(FILM, field, n, x, angle)
                zero_point = hbar * FILM.gyromagnetic_ratio * FILM.magnetisation / (2 * D * mode.u)
                coupling = zero_point * (mode.field(1) * (1 + sign * math.cos(angle))) ** 2 / 2
                slope = mode.nu_x * reference.p_closed(n, x) * math.sqrt(c * (1 - c)) / mode.u
                number = reference.occupation(FILM, mode, temperature)
                value += 2 * coupling * (number + 1) * x * math.exp(-2 * x * length) / slope
            return value

        ends = [1e-6, *crossings(cosine_squared, np.geomspace(1e-4, 25.0 / length, 4000), (0.0, 1.0))]
        for start, stop in itertools.pairwise(sorted(ends)):
            middle, half = (start + stop) / 2, (stop - start) / 2
            if 0 < cosine_squared(middle) < 1:
                total += quad(
                    lambda t, m=middle, h=half: along(m - h * math.cos(t)) * h * math.sin(t),
                    0, math.pi, limit=400, epsrel=1e-7, epsabs=0,
                )[0]  # fmt: skip
    return (mu_0 * NV.gyromagnetic_ratio) ** 2 * total / (2 * np.pi * D**2 * FILM.omega_m)


@pytest.mark.parametrize("length", [0.1, 0.2, 0.5, 1.0])
def test_the_upper_rate_is_an_integral_along_the_contours(length):
    """2.65·10⁵ 1/s at 0.2 d and 35 mT: the limit of vanishing damping."""
    film = replace(FILM, gilbert_damping=1e-7)
    arguments = {"film": film, "spin": NV, "temperature": 300.0, "occupation": "mode"}
    found = sw.spin_wave_bath(**arguments, distance=length * D, field=0.035)
    expected = contour_rate(0.035, length, 300.0, 1, 12)
    assert found.decay_plus == pytest.approx(expected, rel=1e-5, abs=0)
    lower = sw.spin_wave_bath(**arguments, distance=length * D, field=0.02)
    assert lower.decay_minus == pytest.approx(contour_rate(0.02, length, 300.0, 0, 12), rel=1e-5, abs=0)


def test_a_damped_wave_relaxes_with_the_occupation_at_the_frequency_of_the_spin():
    """Fluctuation and dissipation, by diagonalising a mode and the oscillators that damp it.

    s = Σ U_k a_k with a_k in equilibrium at ω_k. In its tail, at ω, the mode emits as n̄(ω) + 1, not as
    n̄(ω_0) + 1.
    """
    centre, width, spacing, thermal = 2.0, 0.02, 2e-3, 5.0  # k_BT/ħ = 5, all in one unit of frequency
    own = np.arange(0.5, 3.5, spacing)
    matrix = np.diag(np.concatenate([[centre], own]))
    matrix[0, 1:] = matrix[1:, 0] = np.sqrt(width * spacing / (2 * np.pi))
    frequencies, vectors = np.linalg.eigh(matrix)
    share = vectors[0] ** 2
    for omega in (1.2, 1.6, 2.6):
        near = np.abs(frequencies - omega) < 0.05
        lorentzian = share[near].sum() / (0.1 * width / (2 * np.pi) / (omega - centre) ** 2)
        emitted = (share * (1 + 1 / np.expm1(frequencies / thermal)))[near].sum() / share[near].sum()
        assert lorentzian == pytest.approx(1.0, rel=0.05, abs=0)
        assert emitted == pytest.approx(1 + 1 / np.expm1(omega / thermal), rel=5e-3, abs=0)
        assert abs(emitted / (1 + 1 / np.expm1(centre / thermal)) - 1) > 0.1


@pytest.mark.parametrize("temperature", [5e-3, 0.1, 300.0])
def test_rates_are_in_detailed_balance(temperature):
    """κ_a/κ_d = exp(−ħω/k_BT), on and off resonance; with the occupations of the waves only on resonance."""
    fields = np.array([0.005, 0.035, 0.05])
    arguments = {"film": FILM, "spin": NV, "distance": D, "field": fields, "temperature": temperature}
    bath = sw.spin_wave_bath(**arguments)
    omegas = sw.transition_frequencies(spin=NV, field=fields)
    beta = hbar / (1.380649e-23 * temperature)
    minus, plus = (
        np.exp(-beta * (omega + shift))
        for omega, shift in zip(omegas, (bath.shift_minus, bath.shift_plus), strict=True)
    )
    assert bath.absorption_minus / bath.decay_minus == pytest.approx(minus, rel=1e-9, abs=0)
    assert bath.absorption_plus / bath.decay_plus == pytest.approx(plus, rel=1e-9, abs=0)
    paper = sw.spin_wave_bath(**arguments, occupation="mode")
    assert paper.difference_rate == pytest.approx(bath.difference_rate, rel=1e-4, abs=0)
    levels = sw.steady_occupations(
        spin=replace(NV, double_quantum_rate=1e3), field=fields, temperature=temperature, bath=bath
    )
    weights = np.stack([np.ones(3), plus, minus], axis=1)
    assert levels == pytest.approx(weights / weights.sum(axis=1, keepdims=True), rel=1e-9, abs=0)


def test_rates_follow_from_the_coupling_of_a_spin_with_itself():
    """Γ_d,jj = −(κ_d − κ_a)/2 − i δ at zero temperature, (240) and (263): a second witness on (244)."""
    for field in (0.005, 0.035):
        own = sw.coupling_map(film=FILM, spin=NV, y=[0.0], z=[0.0], total_distance=D, field=field)
        bath = sw.spin_wave_bath(
            film=FILM, spin=NV, distance=D / 2, field=field, temperature=1e-3, transitions="lower"
        )
        assert own.rate[0, 0].real == pytest.approx(-float(bath.difference_rate), rel=1e-5, abs=0)
        assert own.rate[0, 0].imag == pytest.approx(-float(bath.shift_minus), rel=1e-5, abs=0)
        assert own.error < 1e-5 * abs(own.rate[0, 0])


def test_a_film_at_absolute_rest_excites_nothing():
    found = sw.spin_wave_bath(film=FILM, spin=NV, distance=D, field=0.02, temperature=[1e-9, 0.1])
    alone = sw.spin_wave_bath(film=FILM, spin=NV, distance=D, field=0.02, temperature=0.1)
    assert found.absorption_minus[0] == found.absorption_plus[0] == 0
    assert found.absorption_minus[1] == pytest.approx(float(alone.absorption_minus), rel=1e-5, abs=0)
    assert found.decay_minus[0] == pytest.approx(2 * float(alone.difference_rate), rel=1e-5, abs=0)


def test_no_place_is_no_result():
    found = sw.spin_wave_bath(film=FILM, spin=NV, distance=[], field=0.02, temperature=300.0)
    assert found.decay_minus.shape == found.shift_zero_gradient.shape == (0,)
    times = sw.relaxation_times(spin=NV, field=0.02, temperature=300.0, bath=found)
    assert times.shortest.shape == (0,)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"distance": -1e-9}, "distance"),
        ({"distance": 0.0}, "distance"),
        ({"distance": 1e-14}, "bands"),
        ({"distance": np.nan}, "distance"),
        ({"field": 1e-4}, "saturation field"),
        ({"field": -0.02}, "saturation field"),
        ({"field": 0.2}, "crosses"),
        ({"temperature": 0.0}, "temperature"),
        ({"temperature": -4.0}, "temperature"),
        ({"rtol": 1e-15}, "rtol"),
        ({"rates": "halved"}, "'consistent' or 'printed'"),
        ({"transitions": "upper"}, "'both' or 'lower'"),
        ({"occupation": "spins"}, "'spin' or 'mode'"),
        ({"distance": [1e-7, 2e-7], "field": [0.02, 0.03, 0.04]}, "broadcast"),
    ],
)
def test_bad_arguments(change, match):
    arguments = {"film": FILM, "spin": NV, "distance": D, "field": 0.02, "temperature": 300.0}
    with pytest.raises(ArgumentError, match=match):
        sw.spin_wave_bath(**(arguments | change))


def test_integrals_scale_with_a_repeated_probe():
    """Two equal probes give two equal rows."""
    probes = Probes(np.full(2, 0.1), np.full(2, 0.4), np.ones((2, 3)), np.array([300.0]))
    value = spin_wave_integrals(FILM, probes, 1e-6).value
    assert value[0] == pytest.approx(value[1], rel=1e-12, abs=0)
