"""Films magnetised out of their plane and centres of any axis, against sums on plain grids and limits."""

import numpy as np
import pytest
from scipy.constants import hbar, k, mu_0
from scipy.integrate import quad
from scipy.optimize import minimize_scalar

from labspin.errors import ArgumentError
from labspin.physics import spinwaves as sw
from tests.physics.spinwaves.reference import p_closed
from tests.some import some

FILM, NV = sw.YIG_FIGURES, sw.NV_TABLE1
LOSSY = sw.Film(
    thickness=100e-9, gyromagnetic_ratio=1.76e11, magnetisation=1.39e5, exchange_stiffness=3.08e-16,
    gilbert_damping=0.05,
)  # fmt: skip
HUNDRED = np.arcsin(1 / np.sqrt(3))  # of an axis out of the surface of a (100) diamond, rad
TURN = 2 * np.pi * 1e9


@pytest.mark.parametrize(("field", "elevation"), [(0.03, 0.6), (0.2, 1.2), (0.5, -0.3)])
def test_the_magnetisation_rests_where_its_energy_is_least(field, elevation):
    full = mu_0 * FILM.magnetisation

    def energy(theta):
        return -field * np.cos(theta - elevation) + full * np.sin(theta) ** 2 / 2

    best = minimize_scalar(energy, bounds=(-1.57, 1.57), method="bounded", options={"xatol": 1e-10}).x
    state = sw.magnetised_film(film=FILM, field=field, elevation=elevation)
    assert state.elevation == pytest.approx(best, rel=1e-5, abs=0)
    # Kittel: long waves of an obliquely magnetised film
    for wavenumber, angle in ((0.0, 0.3), (0.0, 1.5)):
        found = sw.oblique_frequency(
            film=FILM, field=field, elevation=elevation, wavenumber=wavenumber, angle=angle
        )
        inner = state.internal_field
        kittel = FILM.gyromagnetic_ratio * np.sqrt(inner * (inner + full * np.cos(state.elevation) ** 2))
        assert found == pytest.approx(kittel, rel=1e-12, abs=0)


def test_in_the_plane_bands_are_those_of_the_paper():
    waves = {"wavenumber": np.geomspace(1e5, 1e8, 7)[:, None], "angle": np.linspace(0, 1.5, 5)}
    for band in (0, 2):
        found = sw.oblique_frequency(film=FILM, field=0.02, elevation=0.0, band=band, **waves)
        expected = sw.mode_frequency(film=FILM, field=0.02, band=band, **waves)
        assert found == pytest.approx(expected, rel=1e-12, abs=0)


def test_in_the_plane_the_noise_is_the_spectral_density():
    """Where waves resonate; elsewhere [SW] damps all waves alike, and Gilbert less at low frequency."""
    place = {"film": FILM, "frequency": 2.3 * TURN, "distance": [40e-9, 400e-9], "field": 0.02}
    noise = sw.field_noise_tensor(**place, temperature=300.0).density
    paper = sw.field_spectral_density(**place, temperature=300.0)
    for vector, density in (((1, 1j, 0), paper.minus), ((1, -1j, 0), paper.plus)):
        along = np.array(vector) / np.sqrt(2)
        seen = np.einsum("j,...jk,k->...", along, noise, along.conj()).real
        assert seen == pytest.approx(density, rel=3e-4, abs=0)
    assert noise[..., 2, 2].real == pytest.approx(paper.z, rel=3e-4, abs=0)


def plain_noise(film, u, length, field, elevation, side, bands=14):
    """The tensor by a plain grid over (κ, φ): the torque equation is inverted as it stands, at every wave."""
    state = sw.magnetised_film(film=film, field=field, elevation=elevation)
    theta = state.elevation
    basis = np.array([[np.cos(theta), 0, -np.sin(theta)], [0, 1, 0]])  # e₁, e₂ in (x, y, z)
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])  # m̂ × in (e₁, e₂)
    x, w = np.polynomial.legendre.leggauss(160)
    top = 12 / length
    kappas, weights = top * (0.5 * (x + 1)) ** 2, top * 0.5 * w * (x + 1)
    phis = (np.arange(240) + 0.5) * 2 * np.pi / 240
    total = np.zeros((3, 3), complex)
    for kappa, weight in zip(kappas, weights, strict=True):
        for band in range(bands):
            p = p_closed(band, kappa)
            exchange = film.exchange_stiffness / film.thickness**2 * (kappa**2 + (band * np.pi) ** 2)
            stiff = state.internal_field / (mu_0 * film.magnetisation) + exchange
            along = np.stack([np.zeros_like(phis), np.cos(phis), np.sin(phis)], axis=1)
            normal = np.diag([1.0, 0.0, 0.0])
            demagnetising = (1 - p) * normal + p * along[:, :, None] * along[:, None, :]
            inner = basis @ demagnetising @ basis.T + stiff * np.eye(2)
            # −iu m = −m̂×(h − inner m) + α m̂×(−iu m)
            motion = turn @ inner + 1j * u * np.eye(2) - 1j * u * film.gilbert_damping * turn
            answer = np.linalg.solve(motion, np.broadcast_to(turn, motion.shape))
            lost = (answer - answer.conj().swapaxes(1, 2)) / 2j
            outward = np.array([1.0, 0.0, 0.0]) - 1j * side * along  # of m, and of the field
            seen = np.einsum("pj,ej->pe", outward, basis)
            power = np.einsum("pa,pab,pb->p", seen, lost, seen.conj()).real
            square = kappa**2 + (band * np.pi) ** 2
            form = (0.5 if band == 0 else 1.0) * (
                kappa**2 / square * ((-1) ** band - np.exp(-kappa)) / np.sqrt(2)
            ) ** 2
            tensor = np.einsum("p,pj,pk->jk", power, outward, outward.conj())
            total += weight * kappa * form * np.exp(-2 * kappa * length) * tensor * (2 * np.pi / 240)
    return total


@pytest.mark.parametrize(("elevation", "side"), [(0.9, 1), (0.9, -1), (-0.4, 1)])
def test_noise_out_of_the_plane_against_a_plain_grid(elevation, side):
    u, length, field = 0.6, 0.6, 0.06
    omega = u * LOSSY.omega_m
    found = sw.field_noise_tensor(
        film=LOSSY, frequency=omega, distance=length * LOSSY.thickness, field=field, elevation=elevation,
        temperature=300.0, rtol=1e-4,
    )  # fmt: skip
    plain = plain_noise(LOSSY, u, length, field, elevation, side)
    occupied = 1 / -np.expm1(-hbar * omega / (k * 300.0))
    scale = hbar * LOSSY.gyromagnetic_ratio * LOSSY.magnetisation / (4 * np.pi**3 * LOSSY.thickness**3)
    plain = plain * scale * occupied / LOSSY.omega_m
    assert found.density == pytest.approx(plain, rel=2e-3, abs=2e-3 * np.abs(plain).max())
    flat = plain_noise(LOSSY, u, length, field, 0.0, side) * scale * occupied / LOSSY.omega_m
    assert np.abs(flat - plain).max() > 0.05 * np.abs(plain).max()  # the tilt is seen


def test_noise_is_a_positive_matrix():
    place = {"film": FILM, "frequency": 2.3 * TURN, "distance": 1e-7, "field": 0.03, "temperature": 300.0}
    noise = sw.field_noise_tensor(**place, elevation=0.7).density
    assert np.linalg.eigvalsh(noise).min() > -1e-9 * np.abs(noise).max()
    other = sw.field_noise_tensor(**place, elevation=-0.7).density
    assert other == pytest.approx(noise, rel=1e-12, abs=0)


@pytest.mark.parametrize("distance", [60e-9, 200e-9])
def test_along_the_field_the_rates_are_those_of_the_bath(distance):
    place = {"film": FILM, "spin": NV, "distance": distance, "field": 0.024, "temperature": 300.0}
    found, bath = sw.misaligned_rates(**place), sw.spin_wave_bath(**place)
    lower = (bath.decay_minus + bath.absorption_minus) / 2
    assert found.lower_rate == pytest.approx(float(lower), rel=2e-3, abs=0)
    upper = (bath.decay_plus + bath.absorption_plus) / 2
    assert found.upper_rate == pytest.approx(float(upper), rel=5e-3, abs=0)
    assert found.across_rate < 1e-9 * found.lower_rate
    assert found.purity == pytest.approx(1.0, rel=1e-12, abs=0)


@pytest.mark.parametrize("axis", [(1.0, 0.0, 0.0), (0.3, -0.5, 0.8)])
def test_in_a_weak_field_both_lines_together_see_the_noise_across_the_axis(axis):
    """Σ_e <0|S_k|e><e|S_j|0> = δ_jk − n_j n_k; both lines stand near D."""
    field, distance = 0.5e-3, 100e-9  # lines up to 14 MHz from D, over which the noise changes by 2 %
    place = {"film": LOSSY, "distance": distance, "field": field, "temperature": 300.0}
    found = sw.misaligned_rates(**place, spin=NV, axis=axis)
    noise = sw.field_noise_tensor(**place, frequency=NV.zero_field_splitting).density
    normal = np.array(axis) / np.linalg.norm(axis)
    across = np.trace(noise).real - float((normal @ noise @ normal).real)
    expected = 2 * np.pi * (mu_0 * NV.gyromagnetic_ratio) ** 2 * across
    assert found.lower_rate + found.upper_rate == pytest.approx(expected, rel=0.03, abs=0)


def test_a_diamond_cut_along_100_sees_waves_at_higher_fields():
    """The field along the axis leaves a lower field inside the film: at 38 mT it still meets the line."""
    place = {"film": FILM, "spin": NV, "distance": 100e-9, "field": 0.038, "temperature": 300.0}
    inside = sw.misaligned_rates(**place)
    along = sw.misaligned_rates(**place, elevation=float(HUNDRED))
    assert along.lower == pytest.approx(inside.lower, rel=1e-9, abs=0)
    assert along.lower_rate > 20 * inside.lower_rate


def test_a_tilted_axis_mixes_the_levels_and_opens_the_third_exchange():
    place = {"film": FILM, "spin": NV, "distance": 100e-9, "field": 0.04, "temperature": 300.0}
    tilted = sw.misaligned_rates(**place, axis=(np.sin(0.1), 0, np.cos(0.1)))
    assert 0.98 < tilted.purity < 0.999
    assert tilted.across_rate > 0


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"elevation": np.pi / 2}, "saturated along its plane"),
        ({"elevation": 2.0}, "wanted -pi/2 to pi/2"),
        ({"axis": (0, 0, 0)}, "wanted a direction"),
        ({"field": 0.12}, "lowest level"),
        ({"rtol": 1.0}, "tolerance"),
    ],
)
def test_what_is_out_of_range_is_refused(changes, match):
    place = {"film": FILM, "spin": NV, "distance": 1e-7, "field": 0.02, "temperature": 300.0}
    with pytest.raises(ArgumentError, match=match):
        sw.misaligned_rates(**{**place, **changes})


def test_the_field_at_an_edge_is_that_of_its_charges():
    """Σ over the wall of magnetic charge, line by line: H = λ r/2πr²."""
    z, distance = np.array([-3e-7, -1e-8, 0.0, 2e-8, 5e-6]), 70e-9
    found = sw.edge_stray_field(film=FILM, position=z, distance=distance)
    for at, place in some(enumerate(z)):
        for component, name in ((0, "x"), (2, "z")):

            def line(depth, place=place, name=name):
                up = distance + depth
                return (up if name == "x" else place) / (up**2 + place**2)

            integral = quad(line, 0, FILM.thickness, epsabs=0, epsrel=1e-10, limit=200)[0]
            expected = mu_0 * FILM.magnetisation / (2 * np.pi) * integral
            assert found[at, component] == pytest.approx(expected, rel=1e-7, abs=1e-15)
    assert np.all(found[:, 1] == 0)


def test_far_from_an_edge_it_is_a_line_of_charge():
    far = sw.edge_stray_field(film=FILM, position=3e-5, distance=4e-5)
    line = mu_0 * FILM.magnetisation * FILM.thickness / (2 * np.pi * 5e-5)
    assert far == pytest.approx(line * np.array([0.8, 0.0, 0.6]), rel=5e-3, abs=0)
