"""One mode at a time: its profile, the field that it makes, its zero-point size, its coupling to a spin."""

import numpy as np
import pytest
from scipy.constants import hbar, k, mu_0

from labspin.errors import ArgumentError
from labspin.physics import spinwaves as sw
from tests.some import some

FILM, NV = sw.YIG_FIGURES, sw.NV_TABLE1
D = FILM.thickness


def test_profiles_are_orthonormal_have_n_nodes_and_end_flat():
    nodes, weights = np.polynomial.legendre.leggauss(40)
    height, weights = (nodes + 1) * D / 2, weights / 2
    band = np.arange(5)[:, None]
    profiles = sw.thickness_profile(film=FILM, height=height, band=band)
    np.testing.assert_allclose((profiles * weights) @ profiles.T + 1, np.eye(5) + 1, rtol=1e-12, atol=0)
    fine = sw.thickness_profile(film=FILM, height=np.linspace(0, D, 1001), band=band)
    signs = np.sign(np.where(np.abs(fine) < 1e-9, 1.0, fine))
    assert ((np.diff(signs) != 0).sum(axis=1) == np.arange(5)).all()
    first = np.abs(fine[:, 1] - fine[:, 0])
    assert (first <= 1e-2 * (np.ptp(fine, axis=1) + 1e-12)).all()


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("band", [0, 1, 2, 3])
@pytest.mark.parametrize("kappa", [0.02, 0.7, 6.0])
def test_the_magnetisation_makes_the_stray_field_by_coulombs_law(kappa, band, side):
    """h = −∇ ∫ m(r')·∇' 1/(4π|r − r'|), for one plane wave: e^{−k|x − x'|}/(2k), integrated numerically."""
    wave, angle, length = kappa / D, 0.6, 0.3 * D
    nodes, weights = np.polynomial.legendre.leggauss(60)
    height, weights = (nodes + 1) * D / 2, weights * D / 2
    mode = {"film": FILM, "field": 0.02, "wavenumber": wave, "angle": angle, "band": band}
    m = sw.magnetisation_mode(height=height, **mode)
    gap = (D + length - height) if side > 0 else (length + height)
    kernel = np.exp(-wave * gap) / (2 * wave)
    potential = weights @ ((side * wave * m[:, 0] - 1j * wave * np.cos(angle) * m[:, 1]) * kernel)
    direct = potential * np.array([side * wave, -1j * wave * np.cos(angle), -1j * wave * np.sin(angle)])
    found = sw.stray_field(distance=length, side=side, **mode)
    np.testing.assert_allclose(found, direct, rtol=1e-7, atol=0)  # long waves of n ≥ 1 cancel to 1e-7


def test_the_zero_point_size_is_that_of_the_commutator_of_spins():
    """[M_x, M_y] = iħ|γ|M_S δ(r − r') of M = Σ M_0 (m a + h.c.) asks 2 M_0² |m_x m_y| L² d = ħ|γ|M_S."""
    area = 3e-12
    mode = {"film": FILM, "field": 0.02, "wavenumber": 5e6, "angle": 0.8, "band": 2}
    size = float(sw.zero_point_magnetisation(area=area, **mode))
    nodes, weights = np.polynomial.legendre.leggauss(20)
    m = np.abs(sw.magnetisation_mode(height=(nodes + 1) * D / 2, **mode))
    mean = float((weights / 2 * m[:, 0] * m[:, 1]).sum())
    quantum = hbar * FILM.gyromagnetic_ratio * FILM.magnetisation
    assert 2 * size**2 * mean * area * D == pytest.approx(quantum, rel=1e-12, abs=0)


def test_single_modes_add_up_to_the_rate_of_a_spin():
    """Off resonance a plain sum over (k, φ, n) of |g|² (n̄ + 1) γ/(Δ² + γ²/4) is the decay of |−>, (223)."""
    field, length, kelvin = 0.04, D, 300.0
    kappa = (np.arange(1500) + 0.5) * 12 / 1500
    phi = (np.arange(720) + 0.5) * 2 * np.pi / 720
    total = 0.0
    omega_spin = float(sw.transition_frequencies(spin=NV, field=field)[0])
    for band in range(6):
        mode = {"film": FILM, "field": field, "wavenumber": kappa[:, None] / D, "angle": phi, "band": band}
        g = sw.mode_coupling(spin=NV, distance=length, area=1.0, **mode)[..., 1]
        omega, gamma = sw.mode_frequency(**mode), sw.decay_rate(**mode)
        number = 1 / np.expm1(hbar * omega / (k * kelvin))
        line = gamma / ((omega - omega_spin) ** 2 + gamma**2 / 4)
        cell = kappa[:, None] / D**2 * (12 / 1500) * (2 * np.pi / 720) / (2 * np.pi) ** 2
        total += float((np.abs(g) ** 2 * (number + 1) * line * cell).sum())
    bath = sw.spin_wave_bath(
        film=FILM, spin=NV, distance=length, field=field, temperature=kelvin, transitions="lower"
    )
    assert total == pytest.approx(float(bath.decay_minus), rel=1e-3, abs=0)


def test_a_layer_over_an_array_of_fields_is_that_of_each_field():
    field = np.array([0.005, 0.012, 0.02])
    arguments = {"spin": NV, "density": 1e22, "temperature": 300.0, "pump_rate": sw.OPTIMUM_PUMP_RATE}
    layer = sw.spin_layer(field=field, **arguments)
    width, wave, angle = sw.maximum_linewidth(film=FILM, layer=layer, field=field)
    for index, one in some(enumerate(field)):
        alone = sw.spin_layer(field=one, **arguments)
        found = sw.maximum_linewidth(film=FILM, layer=alone, field=one)
        np.testing.assert_allclose(
            [width[index], wave[index], angle[index]], np.array(found), rtol=1e-9, atol=0
        )
    with pytest.raises(ArgumentError, match="one field"):
        sw.layer_spectral_density(
            film=FILM, layer=layer, frequency=[1e10], distance=D, field=0.01, temperature=300.0
        )


def test_places_outside_the_film_are_refused():
    with pytest.raises(ArgumentError, match="height"):
        sw.thickness_profile(film=FILM, height=1.1 * D)
    with pytest.raises(ArgumentError, match="area"):
        sw.zero_point_magnetisation(film=FILM, field=0.02, wavenumber=1e6, area=0.0)


WAVES = [(0.01, 0.0, 0), (0.7, 0.4, 0), (3.0, 2.9, 1), (0.2, 1.2, 2), (8.0, np.pi / 2, 3)]


@pytest.mark.parametrize(("kd", "angle", "band"), WAVES)
def test_the_field_inside_goes_on_outside_as_magnetostatics_wants(kd, angle, band):
    """Along the surfaces h has no jump, across them h + m has none."""
    wave = {"film": FILM, "field": 0.02, "wavenumber": kd / FILM.thickness, "angle": angle, "band": band}
    for side, height in ((1, FILM.thickness), (-1, 0.0)):
        inside = sw.field_inside(height=height, **wave)
        outside = sw.stray_field(distance=0.0, side=side, **wave)
        m = sw.magnetisation_mode(height=height, **wave)
        size = np.abs(m).max()
        np.testing.assert_allclose(inside[1:], outside[1:], rtol=1e-9, atol=1e-9 * size)
        assert inside[0] + m[0] == pytest.approx(outside[0], rel=1e-9, abs=1e-9 * size)


@pytest.mark.parametrize(("kd", "angle", "band"), WAVES)
def test_the_field_inside_has_no_curl_and_h_plus_m_no_source(kd, angle, band):
    wave = {"film": FILM, "field": 0.02, "wavenumber": kd / FILM.thickness, "angle": angle, "band": band}
    step = 1e-3 * FILM.thickness
    height = 0.37 * FILM.thickness + step * np.arange(-2, 3)
    h, m = sw.field_inside(height=height, **wave), sw.magnetisation_mode(height=height, **wave)
    slope = np.array([1, -8, 0, 8, -1]) / (12 * step) @ h
    divergence = np.array([1, -8, 0, 8, -1]) / (12 * step) @ (h + m)
    ky, kz = wave["wavenumber"] * np.cos(angle), wave["wavenumber"] * np.sin(angle)
    size = np.abs(slope).max() + wave["wavenumber"] * np.abs(h[2]).max()
    source = divergence[0] + 1j * ky * (h + m)[2, 1] + 1j * kz * (h + m)[2, 2]
    assert abs(source) < 1e-8 * size
    assert abs(slope[1] - 1j * ky * h[2, 0]) < 1e-8 * size  # curl along z
    assert abs(slope[2] - 1j * kz * h[2, 0]) < 1e-8 * size  # curl along y
    assert abs(ky * h[2, 2] - kz * h[2, 1]) < 1e-9 * size  # curl along x


def test_a_uniform_precession_feels_the_demagnetising_field_only():
    wave = {"film": FILM, "field": 0.02, "wavenumber": 0.0, "height": 0.3 * FILM.thickness}
    m = sw.magnetisation_mode(**wave)
    np.testing.assert_allclose(sw.field_inside(**wave), [-m[0], 0, 0], rtol=1e-12, atol=1e-12 * abs(m[0]))


@pytest.mark.parametrize(("kd", "angle"), [(0.5, 0.0), (6.0, 0.7), (10.0, 0.0)])
def test_hybridised_modes_obey_the_equation_of_motion(kd, angle):
    """−iω m = ± ω_M e_z × [(H0/M_S + α_x(k² − ∂²)) m − h], with h summed numerically over the film (42)."""
    place = {"film": FILM, "field": 0.02, "wavenumber": kd / D, "angle": angle}
    modes = sw.hybridised_modes(count=2, **place)
    x = (np.arange(600) + 0.5) / 600
    m = sw.hybridised_magnetisation(height=x * D, count=2, **place)
    n = np.arange(modes.weights.shape[-1])
    profile = sw.thickness_profile(film=FILM, height=x[:, None] * D, band=n)
    stiff = 0.02 / (mu_0 * FILM.magnetisation) + FILM.exchange_stiffness * (kd**2 + (n * np.pi) ** 2) / D**2
    decay = np.exp(-kd * np.abs(x[:, None] - x)) / (2 * x.size)
    side = decay * np.sign(x - x[:, None])
    for mode in range(2):
        mx, my = m[:, mode, 0], m[:, mode, 1]
        exchange = (profile * stiff) @ (modes.weights[mode] * np.array([[1], [1j]])).T
        hx = -mx + kd * decay @ mx + 1j * kd * np.cos(angle) * side @ my
        hy = 1j * kd * np.cos(angle) * side @ mx - kd * np.cos(angle) ** 2 * decay @ my
        effective = exchange - np.stack([hx, hy], axis=-1)
        turned = np.stack([-effective[:, 1], effective[:, 0]], axis=-1)
        moving = -1j * modes.frequency[mode] / FILM.omega_m * m[:, mode, :2]
        residual = min(np.linalg.norm(moving - sign * turned) for sign in (1, -1))
        assert residual < 1e-2 * np.linalg.norm(moving)


def test_a_basis_of_one_mode_is_the_diagonal_band():
    place = {"film": FILM, "field": 0.02, "wavenumber": 0.7 / D, "angle": 0.4}
    alone = sw.hybridised_modes(count=1, basis=1, **place).weights[0, :, 0]
    m = sw.magnetisation_mode(height=0.2 * D, **place)
    np.testing.assert_allclose(np.abs(alone), np.abs(m[:2]), rtol=1e-9, atol=0)
    assert alone[0] * alone[1] * (m[0] * m[1]).imag > 0
