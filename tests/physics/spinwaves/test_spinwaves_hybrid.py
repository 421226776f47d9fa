import warnings

import numpy as np
import pytest
from scipy.constants import mu_0

from labspin.errors import ArgumentError
from labspin.physics import spinwaves as sw
from labspin.physics.spinwaves import hybrid
from labspin.physics.spinwaves.hybrid import dipolar_matrices
from tests.some import some

FILM = sw.YIG_TABLE1
DIRECTIONS = [0.0, np.pi / 4, np.pi / 2]


def peer(numeric, angle, wavenumber, **kw):
    """SpinWaveToolkit's model of the same film; there φ = π/2 is DE."""
    toolkit = pytest.importorskip("SpinWaveToolkit")
    material = toolkit.Material(
        Aex=FILM.exchange_stiffness * mu_0 * FILM.magnetisation**2 / 2,
        Ms=FILM.magnetisation,
        gamma=FILM.gyromagnetic_ratio,
        alpha=FILM.gilbert_damping,
    )
    model = toolkit.SingleLayerNumeric if numeric else toolkit.SingleLayer
    return model(
        Bext=0.02,
        material=material,
        d=FILM.thickness,
        kxi=wavenumber,
        theta=np.pi / 2,
        phi=np.pi / 2 - angle,
        boundary_cond=1,
        **kw,
    )


@pytest.mark.parametrize("angle", DIRECTIONS)
def test_diagonal_bands_agree_with_spinwavetoolkit(angle):
    wavenumber = np.linspace(1e5, 5e7, 400)
    layer = peer(False, angle, wavenumber)
    for n in range(4):
        found = sw.mode_frequency(film=FILM, field=0.02, wavenumber=wavenumber, angle=angle, band=n)
        assert np.abs(found / layer.GetDispersion(n=n) - 1).max() < 1e-12


@pytest.mark.parametrize("angle", DIRECTIONS)
def test_hybridised_bands_agree_with_spinwavetoolkit(angle):
    wavenumber = np.linspace(1e5, 5e7, 100)
    frequencies = np.sort(peer(True, angle, wavenumber, N=4).GetDispersion()[0].real, axis=0)
    found = sw.hybridised_modes(
        film=FILM, field=0.02, wavenumber=wavenumber, angle=angle, count=4, basis=4
    ).frequency
    assert np.abs(found.T / frequencies - 1).max() < 1e-12


def test_reference_values_of_diagonal_bands():
    """f/GHz at 10⁷ rad/m and 20 mT, n = 0 … 3, from an independent computation."""
    gigahertz = 2e9 * np.pi
    n = np.arange(4)
    de = sw.mode_frequency(film=FILM, field=0.02, wavenumber=1e7, band=n) / gigahertz
    bv = sw.mode_frequency(film=FILM, field=0.02, wavenumber=1e7, angle=np.pi / 2, band=n) / gigahertz
    assert de == pytest.approx([3.093665432, 3.018726866, 3.612413542, 4.950909714], rel=5e-10, abs=0)
    assert bv == pytest.approx([1.359659281, 2.119822107, 3.23887412, 4.792809629], rel=5e-10, abs=0)


def test_dipolar_matrices_are_their_double_integrals():
    kappa, size = 1.7, 5
    p, q = dipolar_matrices(np.array([[kappa]]), size)
    x, wx = np.polynomial.legendre.leggauss(60)
    t, wt = 0.5 * (x + 1), 0.5 * wx

    def folded(n, m, sign):
        total = 0.0
        for depth, weight in zip(t, wt, strict=True):
            below = wt * depth * np.exp(-kappa * depth * (1 - t)) * np.cos(m * np.pi * depth * t)
            rest = depth + (1 - depth) * t
            above = wt * (1 - depth) * np.exp(-kappa * (rest - depth)) * np.cos(m * np.pi * rest)
            total += weight * np.cos(n * np.pi * depth) * (below.sum() + sign * above.sum())
        norm = (1.0 if n == 0 else 2**0.5) * (1.0 if m == 0 else 2**0.5)
        return norm * kappa / 2 * total

    for n in some(range(size)):
        for m in some(range(size)):
            assert p[n, m] == pytest.approx(folded(n, m, 1), abs=1e-13)
            assert q[n, m] == pytest.approx(folded(n, m, -1), abs=1e-13)


def test_hybridisation_moves_damon_eshbach_bands_and_hardly_backward_volume_ones():
    """At 10⁷ rad/m the lowest DE branch is 2.247 GHz and not 3.019 GHz."""
    n = np.arange(4)
    hybrid = {
        angle: sw.dispersion(film=FILM, field=0.02, wavenumber=1e7, angle=angle, band=n, bands="hybridised")
        for angle in (0.0, np.pi / 2)
    }
    assert hybrid[0.0][0] / 2e9 / np.pi == pytest.approx(2.2468, rel=1e-4, abs=0)
    diagonal = np.sort(sw.mode_frequency(film=FILM, field=0.02, wavenumber=1e7, band=n))
    assert diagonal[0] / hybrid[0.0][0] - 1 == pytest.approx(0.34, abs=0.01)
    straight = sw.mode_frequency(film=FILM, field=0.02, wavenumber=1e7, angle=np.pi / 2, band=n)
    assert np.abs(straight / hybrid[np.pi / 2] - 1).max() < 0.02


def test_a_warning_comes_where_the_difference_is_visible_and_only_there():
    with pytest.warns(sw.ValidityWarning, match="hybridised"):
        sw.dispersion(film=FILM, field=0.02, wavenumber=1e7, band=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sw.dispersion(film=FILM, field=0.02, wavenumber=np.geomspace(1e4, 1e8, 40), band=0)
        sw.dispersion(film=FILM, field=0.02, wavenumber=1e7, angle=np.pi / 2, band=[0, 1, 2, 3])
        sw.dispersion(film=FILM, field=0.02, wavenumber=1e5, band=[1, 2, 3])


def test_hybrid_modes_without_neighbours_are_the_diagonal_ones():
    arguments = {"film": FILM, "field": 0.02, "wavenumber": [3e5, 4e6, 3e7], "angle": [0.2, 1.0, 1.5]}
    alone = sw.hybridised_modes(**arguments, count=1, basis=1)
    assert alone.frequency[:, 0] == pytest.approx(sw.mode_frequency(**arguments), rel=1e-12, abs=0)
    assert alone.decay_rate[:, 0] == pytest.approx(sw.decay_rate(**arguments), rel=1e-12, abs=0)
    assert alone.group_velocity[:, 0] == pytest.approx(sw.group_velocity(**arguments), rel=1e-9, abs=0)
    for side, found in ((1, alone.amplitude_above), (-1, alone.amplitude_below)):
        assert np.abs(found[:, 0]) == pytest.approx(
            np.abs(sw.field_amplitude(**arguments, side=side)), rel=1e-10, abs=0
        )


def test_hybrid_velocities_and_losses_are_derivatives_of_the_frequency():
    arguments = {"film": FILM, "angle": 0.4, "count": 4, "basis": 10}
    k, dk = 6e6, 1.0e1
    here = sw.hybridised_modes(wavenumber=k, field=0.02, **arguments)
    there = [sw.hybridised_modes(wavenumber=k + s * dk, field=0.02, **arguments).frequency for s in (1, -1)]
    along = here.group_velocity @ np.array([np.cos(0.4), np.sin(0.4)])
    assert along == pytest.approx((there[0] - there[1]) / (2 * dk), rel=1e-5, abs=0)
    db = 1e-6
    moved = [sw.hybridised_modes(wavenumber=k, field=0.02 + s * db, **arguments).frequency for s in (1, -1)]
    slope = (moved[0] - moved[1]) / (2 * db * FILM.gyromagnetic_ratio)
    assert here.decay_rate == pytest.approx(
        2 * FILM.gilbert_damping * here.frequency * slope, rel=1e-5, abs=0
    )


def test_the_default_basis_is_converged():
    wavenumber = np.geomspace(1e5, 1e8, 12)
    default = sw.hybridised_modes(film=FILM, field=0.02, wavenumber=wavenumber, count=4).frequency
    large = sw.hybridised_modes(film=FILM, field=0.02, wavenumber=wavenumber, count=4, basis=60).frequency
    assert np.abs(default / large - 1).max() < 2e-5


def test_shapes_broadcast():
    found = sw.dispersion(
        film=FILM,
        field=[[0.02], [0.03]],
        wavenumber=[1e6, 2e6, 3e6],
        band=np.array([0, 2])[:, None, None],
        bands="hybridised",
        angle=1.5,
    )
    assert found.shape == (2, 2, 3)
    one = sw.dispersion(film=FILM, field=0.03, wavenumber=2e6, band=2, bands="hybridised", angle=1.5)
    assert found[1, 1, 1] == pytest.approx(float(one), rel=1e-9, abs=0)


def test_bad_arguments():
    with pytest.raises(ArgumentError, match="'diagonal' or 'hybridised'"):
        sw.dispersion(film=FILM, field=0.02, wavenumber=1e6, bands="exact")
    with pytest.raises(ArgumentError, match="wavenumber"):
        sw.hybridised_modes(film=FILM, field=0.02, wavenumber=0.0)
    with pytest.raises(ArgumentError, match="count"):
        sw.hybridised_modes(film=FILM, field=0.02, wavenumber=1e6, count=5, basis=4)


@pytest.mark.parametrize(
    ("film", "field", "kappa", "angle"),
    [
        (sw.Film(2.73e-6, 1.76e11, 2.94e5, 1.155e-16, 1e-4), 2.06e-3, 5.19, -3.913),
        (sw.Film(5e-6, 1.76e11, 1.39e5, 3.08e-16, 1e-4), 1e-3, 1.0, 0.0),
        (sw.Film(1e-6, 1.76e11, 1e6, 1e-16, 1e-4), 5e-3, 20.0, 0.0),
        (FILM, 20e-3, 2.0, 0.0),
    ],
)
def test_the_default_basis_settles_frequencies_to_ten_to_the_minus_five(film, field, kappa, angle):
    """Against a basis of four times d/π√α_x and more; the modes needed follow d²/α_x and kd."""
    arguments = {"film": film, "field": field, "wavenumber": kappa / film.thickness, "angle": angle}
    reach = film.thickness / np.sqrt(film.exchange_stiffness) / np.pi
    exact = sw.hybridised_modes(**arguments, basis=int(4 * reach + 4 * kappa / np.pi + 120))
    found = sw.hybridised_modes(**arguments)
    assert found.frequency == pytest.approx(exact.frequency[:4], rel=1e-5, abs=0)
    one = sw.dispersion(**arguments, band=np.arange(3), bands="hybridised")
    assert one == pytest.approx(exact.frequency[:3], rel=1e-5, abs=0)


def test_a_basis_that_does_not_settle_is_said(monkeypatch):
    monkeypatch.setattr(hybrid, "_LARGEST_BASIS", 20)
    film = sw.Film(20e-6, 1.76e11, 1.39e5, 3.08e-16, 1e-4)
    with pytest.warns(sw.ValidityWarning, match="not settled"):
        sw.hybridised_modes(film=film, field=0.02, wavenumber=5.0 / film.thickness)
