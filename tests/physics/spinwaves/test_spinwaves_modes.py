import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.constants import mu_0

from labspin.physics import spinwaves as sw
from labspin.physics.spinwaves.modes import dipolar_factor
from tests.physics.spinwaves import reference as reference

FILM = sw.YIG_FIGURES
FIELDS = st.floats(1e-3, 0.2)
KAPPAS = st.floats(1e-3, 30.0)
ANGLES = st.floats(-np.pi, np.pi)
BANDS = st.integers(0, 6)


@pytest.mark.parametrize("n", [0, 1, 2, 5])
@pytest.mark.parametrize("kappa", [0.01, 0.7, 3.0, 40.0])
def test_the_dipolar_factor_is_its_double_integral(n, kappa):
    closed = dipolar_factor(np.array(kappa), np.array(n))
    assert closed == pytest.approx(reference.dipolar_factor(n, kappa), rel=1e-9, abs=1e-13)


def test_the_dipolar_factor_does_not_cancel_for_long_waves():
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(60):
        for kappa in (1e-12, 1e-6, 1e-3, 0.3, 0.99, 1.01, 5.0):
            x = mpmath.mpf(kappa)
            exact = float(1 - (1 - mpmath.exp(-x)) / x)
            assert dipolar_factor(np.array(kappa), np.array(0)) == pytest.approx(exact, rel=4e-15, abs=0)


def test_presets_say_which_exchange_stiffness_the_text_of_the_paper_used():
    """The text says d²/α_x ≈ 130; Table 1 prints 2.14e-4 µm², which gives 187."""
    assert 1 / sw.YIG_FIGURES.exchange_ratio == pytest.approx(130, rel=0.01, abs=0)
    assert 1 / sw.YIG_TABLE1.exchange_ratio == pytest.approx(187, rel=0.01, abs=0)
    omega_minus, _ = sw.transition_frequencies(spin=sw.NV_TABLE1, field=5e-3)
    lowest = {
        film: sw.mode_frequency(
            film=film, field=5e-3, wavenumber=np.geomspace(1e5, 1e8, 2000), angle=np.pi / 2, band=2
        ).min()
        for film in (sw.YIG_FIGURES, sw.YIG_TABLE1)
    }
    # Fig. 11(b): at 5 mT the bands 0 and 1 are resonant, n = 2 is not.
    assert lowest[sw.YIG_FIGURES] > omega_minus
    assert lowest[sw.YIG_TABLE1] < omega_minus


def test_long_waves_precess_uniformly():
    """(79)"""
    omega_h = FILM.gyromagnetic_ratio * 0.02
    expected = np.sqrt(omega_h * (omega_h + FILM.omega_m))
    assert sw.mode_frequency(film=FILM, field=0.02, wavenumber=1e-3) == pytest.approx(
        expected, rel=1e-9, abs=0
    )
    assert sw.mode_frequency(film=FILM, field=0.02, wavenumber=0.0) == pytest.approx(
        expected, rel=1e-12, abs=0
    )


def test_high_bands_are_parabolic():
    """(80), whose correction is 1/(8 N²)."""
    n = np.array([20, 40])
    exchange = FILM.reduced_field(0.02) + FILM.exchange_ratio * (n * np.pi) ** 2
    ratio = sw.mode_frequency(film=FILM, field=0.02, wavenumber=1e3, band=n) / FILM.omega_m / (exchange + 0.5)
    assert (np.abs(ratio - 1) < 0.15 / exchange**2).all()


@pytest.mark.parametrize("angle", [0.0, 0.6, np.pi / 2])
def test_short_waves_are_bulk_exchange_waves_with_cosine_squared(angle):
    """(81) with its erratum: the printed sin²φ misses by far where the correct cos²φ agrees."""
    wavenumber = 400 / FILM.thickness
    omega_h = FILM.gyromagnetic_ratio * 0.02
    stiff = omega_h + FILM.omega_m * FILM.exchange_stiffness * wavenumber**2
    found = sw.mode_frequency(film=FILM, field=0.02, wavenumber=wavenumber, angle=angle)
    right = stiff * np.sqrt(1 + FILM.omega_m * np.cos(angle) ** 2 / stiff)
    printed = stiff * np.sqrt(1 + FILM.omega_m * np.sin(angle) ** 2 / stiff)
    assert found == pytest.approx(right, rel=2e-6, abs=0)
    assert abs(found / printed - 1) > 100 * abs(found / right - 1)


@given(FIELDS, KAPPAS, ANGLES, BANDS)
def test_decay_is_the_derivative_of_the_frequency_by_the_field(field, kappa, angle, band):
    """(110) against its definition (12), by a central difference."""
    arguments = {"film": FILM, "wavenumber": kappa / FILM.thickness, "angle": angle, "band": band}
    step = 1e-4 * field
    slope = (
        sw.mode_frequency(field=field + step, **arguments)
        - sw.mode_frequency(field=field - step, **arguments)
    ) / (2 * step * FILM.gyromagnetic_ratio)
    omega = sw.mode_frequency(field=field, **arguments)
    expected = 2 * FILM.gilbert_damping * omega * slope
    assert sw.decay_rate(field=field, **arguments) == pytest.approx(expected, rel=1e-5, abs=0)


@given(FIELDS, KAPPAS, st.floats(0.05, 1.5), BANDS)
def test_group_velocity_is_the_gradient_of_the_frequency(field, kappa, angle, band):
    wavevector = kappa / FILM.thickness * np.array([np.cos(angle), np.sin(angle)])
    step = 1e-5 * np.hypot(*wavevector)

    def omega(ky, kz):
        return sw.mode_frequency(
            film=FILM, field=field, wavenumber=np.hypot(ky, kz), angle=np.arctan2(kz, ky), band=band
        )

    ky, kz = wavevector
    gradient = [
        (omega(ky + step, kz) - omega(ky - step, kz)) / (2 * step),
        (omega(ky, kz + step) - omega(ky, kz - step)) / (2 * step),
    ]
    found = sw.group_velocity(
        film=FILM, field=field, wavenumber=kappa / FILM.thickness, angle=angle, band=band
    )
    resolution = 1e-10 * omega(ky, kz) / step
    assert found == pytest.approx(
        np.array(gradient), rel=1e-6, abs=1e-6 * np.abs(gradient).max() + resolution
    )


def test_long_waves_along_z_have_the_velocity_of_the_limit():
    at_zero = sw.group_velocity(film=FILM, field=0.02, wavenumber=0.0, angle=0.3)
    near_zero = sw.group_velocity(film=FILM, field=0.02, wavenumber=1.0, angle=0.3)
    assert at_zero == pytest.approx(near_zero, rel=1e-5, abs=0)


@given(FIELDS, KAPPAS, ANGLES, BANDS)
def test_symmetries_of_the_stray_field(field, kappa, angle, band):
    """(88) and (89)."""
    arguments = {"film": FILM, "field": field, "wavenumber": kappa / FILM.thickness, "band": band}
    above = sw.field_amplitude(angle=angle, side=1, **arguments)
    scale = sw.field_amplitude(angle=0.0, side=1, **arguments)
    assert above == pytest.approx(
        sw.field_amplitude(angle=-angle, side=1, **arguments), abs=1e-12 * abs(scale)
    )
    below = sw.field_amplitude(angle=np.pi - angle, side=-1, **arguments)
    assert above == pytest.approx((-1) ** band * below, abs=1e-12 * abs(scale))


@given(FIELDS, st.floats(0.05, 20.0), ANGLES, BANDS, st.sampled_from([1, -1]))
@settings(max_examples=40)
def test_the_stray_field_is_that_of_the_magnetisation(field, kappa, angle, band, side):
    """(85) and (87) against the Green's tensor (42) integrated over the film."""
    d, wavenumber, distance = FILM.thickness, kappa / FILM.thickness, 0.3 * FILM.thickness
    mode = reference.Mode(FILM, field, band, kappa, angle)
    nodes, weights = np.polynomial.legendre.leggauss(80)
    depth, weights = 0.5 * (nodes + 1) * d, 0.5 * weights * d
    shape = np.cos(band * np.pi * depth / d) * (1.0 if band == 0 else np.sqrt(2.0))
    m_x, m_y = np.sqrt(mode.nu_y) * shape, 1j * np.sqrt(mode.nu_x) * shape
    place = d + distance if side > 0 else -distance
    green = 0.5 * weights * np.exp(-wavenumber * np.abs(place - depth))
    ky, kz = wavenumber * np.cos(angle), wavenumber * np.sin(angle)
    expected = [
        (green * (wavenumber * m_x - 1j * ky * side * m_y)).sum(),
        (green * (-1j * ky * side * m_x - ky**2 / wavenumber * m_y)).sum(),
        (green * (-1j * kz * side * m_x - ky * kz / wavenumber * m_y)).sum(),
    ]
    found = sw.stray_field(
        film=FILM, field=field, wavenumber=wavenumber, distance=distance, angle=angle, band=band, side=side
    )
    assert found == pytest.approx(np.array(expected), rel=1e-9, abs=1e-12)


def test_fields_above_and_below_are_polarised_orthogonally():
    arguments = {"film": FILM, "field": 0.02, "wavenumber": 5e6, "distance": 1e-8, "angle": 0.7, "band": 1}
    above, below = (sw.stray_field(side=side, **arguments) for side in (1, -1))
    assert abs(np.vdot(above, below)) < 1e-12 * np.linalg.norm(above) * np.linalg.norm(below)


def test_precession_is_circular_for_exchange_waves_and_elliptic_for_long_ones():
    assert sw.ellipticity(film=FILM, field=0.02, wavenumber=1e10) == pytest.approx(1.0, abs=1e-3)
    reduced = FILM.reduced_field(0.02)
    uniform = np.sqrt(reduced / (reduced + 1))
    assert sw.ellipticity(film=FILM, field=0.02, wavenumber=1e-2) == pytest.approx(uniform, rel=1e-6, abs=0)


def test_occupation_survives_millikelvin():
    found = sw.magnon_occupation(frequency=2e10, temperature=[1e-6, 1e-3, 300.0])
    assert found[0] == 0.0
    assert 0 < found[1] < 1e-60
    assert found[2] == pytest.approx(1.380649e-23 * 300 / 1.054571817e-34 / 2e10, rel=1e-3, abs=0)


@pytest.mark.parametrize(
    ("field", "band", "curves"), [(5e-3, 0, 1), (5e-3, 1, 1), (25e-3, 0, 1), (25e-3, 1, 0), (34e-3, 0, 2)]
)
def test_contours_are_closed_and_on_the_frequency(field, band, curves):
    omega = float(sw.transition_frequencies(spin=sw.NV_TABLE1, field=field)[0])
    found = sw.iso_frequency_contour(film=FILM, field=field, frequency=omega, band=band, points=60)
    assert len(found) == curves
    for curve in found:
        assert curve[0] == pytest.approx(curve[-1], abs=1e-6 * np.abs(curve).max())
        on_curve = sw.mode_frequency(
            film=FILM,
            field=field,
            wavenumber=np.hypot(*curve.T),
            angle=np.arctan2(curve[:, 1], curve[:, 0]),
            band=band,
        )
        assert on_curve == pytest.approx(np.full(len(curve), omega), rel=1e-12, abs=0)


def test_the_area_inside_a_contour_counts_the_states_below():
    """Area of the closed curve against counting grid points with ω_0 < ω."""
    omega = float(sw.transition_frequencies(spin=sw.NV_TABLE1, field=15e-3)[0])
    (curve,) = sw.iso_frequency_contour(film=FILM, field=15e-3, frequency=omega, points=400)
    ky, kz = curve.T
    area = 0.5 * abs(np.sum(ky[:-1] * kz[1:] - ky[1:] * kz[:-1]))
    side = np.linspace(-1, 1, 1201) * np.abs(curve).max() * 1.05
    grid_y, grid_z = np.meshgrid(side, side)
    below = (
        sw.mode_frequency(
            film=FILM, field=15e-3, wavenumber=np.hypot(grid_y, grid_z), angle=np.arctan2(grid_z, grid_y)
        )
        < omega
    )
    assert area == pytest.approx(below.sum() * (side[1] - side[0]) ** 2, rel=2e-3, abs=0)


def test_exchange_stiffness_is_the_textbook_value_of_yig():
    """α_x = 2A/(μ0 M_S²) with A = 3.7 pJ/m."""
    assert sw.YIG_FIGURES.exchange_stiffness == pytest.approx(
        2 * 3.74e-12 / (mu_0 * sw.YIG_FIGURES.magnetisation**2), rel=2e-3, abs=0
    )
