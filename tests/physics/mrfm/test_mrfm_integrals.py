"""κ of samples: the identity with Eq. (3.10), its boundary term, and independent quadratures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.integrate import dblquad

from labspin.errors import ArgumentError
from labspin.physics import mrfm
from labspin.physics.mrfm.sample import Rule, quadrature_points
from tests.some import some

OMEGA = 2 * np.pi * 3e3
ELECTRON = mrfm.ELECTRON_G2
ALONG = mrfm.Magnet(moment=(19e-12, 0, 0), motion=(1, 0, 0))


def arguments(**change: Any) -> dict[str, Any]:
    return {
        "magnet": ALONG,
        "density": 1e24,
        "species": ELECTRON,
        "temperature": 0.3,
        "angular_frequency": OMEGA,
        "t1": 1 / OMEGA,
    } | change


def random_magnet(seed: int) -> mrfm.Magnet:
    rng = np.random.default_rng(seed)
    moment, motion = rng.normal(size=(2, 3))
    return mrfm.Magnet(
        moment=tuple(15e-12 * moment / np.linalg.norm(moment)), motion=tuple(motion / np.linalg.norm(motion))
    )


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    thickness=st.sampled_from([1e-8, 5e-7, 4e-6, np.inf]),
    radius=st.sampled_from([3e-6, 2e-5, np.inf]),
    temperature=st.floats(0.01, 4),
)
def test_the_full_sum_is_eq_3_10_with_its_boundary_term(
    seed: int, thickness: float, radius: float, temperature: float
) -> None:
    case = arguments(
        magnet=random_magnet(seed),
        sample=mrfm.Layer(2.2e-6, thickness, radius),
        temperature=temperature,
        rtol=1e-9,
    )
    direct = mrfm.integrate_stiffness(**case)
    gauss = mrfm.bath_stiffness(**case)
    # The static part is a small difference of κ1, κ2 and κ3, so their size is what rounding is relative to.
    scale = max(abs(part) for part in direct.parts)
    assert abs(direct.stiffness - gauss.stiffness) < 1e-8 * scale


@pytest.mark.parametrize("temperature", [0.3, 0.1, 0.059, 0.01])
def test_along_an_unbounded_surface_the_full_sum_is_eq_3_10(
    preset: mrfm.SurfaceBathPreset, temperature: float
) -> None:
    case = arguments(sample=preset.surface, density=preset.density, temperature=temperature, rtol=1e-10)
    direct = mrfm.integrate_stiffness(**case)
    assert direct.stiffness == pytest.approx(mrfm.bath_stiffness(**case).stiffness, rel=1e-10, abs=0)


def test_the_boundary_term_vanishes_as_the_sample_grows() -> None:
    radii = np.array([10e-6, 20e-6, 40e-6, 80e-6, 160e-6])
    missing = []
    for radius in some(radii):
        sample = mrfm.Layer(2.2e-6, 3.8e-6, float(radius))
        full = mrfm.integrate_stiffness(**arguments(sample=sample, rtol=1e-10)).stiffness
        without = mrfm.bath_stiffness(**arguments(sample=sample, boundary=False, rtol=1e-10)).stiffness
        missing.append(abs((full - without) / without.real))
        assert full.imag == pytest.approx(without.imag, rel=1e-10, abs=0)
    # B·∂B/∂q ∝ r⁻⁷ on a rim of area ∝ r: each doubling gains 2⁶.
    ratios = np.array(missing[:-1]) / missing[1:]
    assert missing[-1] < 1e-8
    assert ratios[-1] == pytest.approx(64, rel=0.02, abs=0)


def test_against_adaptive_quadrature(preset: mrfm.SurfaceBathPreset) -> None:
    # scipy's adaptive rule over a rectangle of the plane in x, y: another mapping and another rule.
    def density(y: float, x: float) -> float:
        field, along, _, _ = mrfm.field_projections(magnet=ALONG, position=(x * 1e-6, y * 1e-6, -2.2e-6))
        slope = mrfm.mean_moment_slope(species=ELECTRON, field=field, temperature=0.1)
        return float(slope * along**2) * 1e8

    total = sum(
        4 * dblquad(density, a, b, c, d, epsrel=1e-7, epsabs=1e-13)[0]
        for a, b in ((0, 4), (4, 30))
        for c, d in ((0, 4), (4, 30))
    )
    expected = total * 1e-12 / 1e8 * preset.density * 0.5
    case = arguments(sample=preset.surface, density=preset.density, temperature=0.1)
    assert mrfm.bath_stiffness(**case).stiffness.imag == pytest.approx(expected, rel=2e-6, abs=0)


def test_the_error_estimate_bounds_the_error() -> None:
    for seed in range(4):
        case = arguments(magnet=random_magnet(seed), sample=mrfm.Surface(2e-6), temperature=0.05)
        rough = mrfm.integrate_stiffness(**case, rtol=1e-3)
        exact = mrfm.integrate_stiffness(**case, rtol=1e-11).stiffness
        assert abs((rough.stiffness - exact).real) <= rough.error.real + 1e-13 * abs(exact)
        assert abs((rough.stiffness - exact).imag) <= rough.error.imag + 1e-13 * abs(exact)


def test_temperatures_and_frequencies_are_batched() -> None:
    kelvin, omega = np.array([[0.05], [0.3]]), np.array([1e3, 2e4, 3e5])
    case = arguments(sample=mrfm.Layer(3e-6, 2e-6), magnet=random_magnet(3), t2=1e-6)
    batch = mrfm.integrate_stiffness(**case | {"temperature": kelvin, "angular_frequency": omega})
    assert batch.stiffness.shape == (2, 3)
    one = mrfm.integrate_stiffness(**case | {"temperature": 0.3, "angular_frequency": 2e4})
    assert batch.stiffness[1, 1] == pytest.approx(complex(one.stiffness), rel=1e-8, abs=0)


def test_an_external_field_keeps_the_identity() -> None:
    magnet = mrfm.Magnet(moment=(0, 0, 15e-12), motion=(0.6, 0, 0.8), external_field=(0.05, 0.02, 0.4))
    case = arguments(magnet=magnet, sample=mrfm.Layer(2.2e-6, 2e-6), rtol=1e-8)
    direct = mrfm.integrate_stiffness(**case)
    assert direct.stiffness == pytest.approx(mrfm.bath_stiffness(**case).stiffness, rel=1e-7, abs=0)


def test_a_field_that_vanishes_in_the_sample_is_warned_about() -> None:
    magnet = mrfm.Magnet(moment=(0, 0, 15e-12), motion=(1, 0, 0), external_field=(0, 0, -0.05))
    with pytest.warns(mrfm.QuadratureWarning, match="relative only"):
        result = mrfm.bath_stiffness(
            **arguments(magnet=magnet, sample=mrfm.Layer(2.2e-6, 5e-6), temperature=0.005, rtol=1e-12)
        )
    assert result.error.imag > 0


@pytest.mark.parametrize(
    ("sample", "power", "expected"),
    [
        # ∫dA/r⁴ over the plane = π/d²; over a disc of radius R less π/(d² + R²).
        (mrfm.Surface(2.0), 4, np.pi / 4),
        (mrfm.Surface(2.0, 3.0), 4, np.pi / 4 - np.pi / 13),
        # ∫dV/r⁶ over a half-space = π/(6d³).
        (mrfm.half_space(2.0), 6, np.pi / 48),
        (mrfm.Layer(2.0, 1.0), 6, np.pi / 6 * (1 / 8 - 1 / 27)),
    ],
)
def test_quadrature_points_integrate_powers_of_the_distance(
    sample: mrfm.Sample, power: int, expected: float
) -> None:
    points = quadrature_points(sample, Rule(16, 32, 4))
    value = points.weight @ np.linalg.norm(points.position, axis=1) ** -power
    assert value == pytest.approx(expected, rel=1e-12, abs=0)


def test_a_cylinder_has_its_volume() -> None:
    points = quadrature_points(mrfm.Layer(2.0, 3.0, 7.0), Rule(16, 32, 4))
    assert points.weight.sum() == pytest.approx(np.pi * 49 * 3, rel=1e-12, abs=0)


def test_eq_3_10_is_refused_for_a_surface_moved_against() -> None:
    with pytest.raises(ArgumentError, match="use integrate_stiffness"):
        mrfm.bath_stiffness(**arguments(magnet=random_magnet(1), sample=mrfm.Surface(2e-6)))


def test_a_sample_that_touches_the_magnet_is_refused() -> None:
    magnet = mrfm.Magnet(moment=(19e-12, 0, 0), motion=(1, 0, 0), radius=2.3e-6)
    with pytest.raises(ArgumentError, match="outside the magnet"):
        mrfm.integrate_stiffness(**arguments(magnet=magnet, sample=mrfm.Surface(2.2e-6)))


@pytest.mark.parametrize("make", [mrfm.Surface, mrfm.Layer])
@pytest.mark.parametrize("arguments", [(0.0,), (-1e-6,), (np.nan,), (1e-6, -1.0), (1e-6, np.nan)])
def test_bad_samples_are_refused(make: Any, arguments: tuple[float, ...]) -> None:
    with pytest.raises(ArgumentError, match=r"surface|layer"):
        make(*arguments)


def test_a_negative_density_is_refused() -> None:
    with pytest.raises(ArgumentError, match="density"):
        mrfm.bath_stiffness(**arguments(sample=mrfm.Surface(2e-6), density=-1.0))


@pytest.mark.parametrize("rtol", [1e-3, 1e-5, 1e-7, 1e-9])
def test_the_quadrature_goes_on_until_it_is_as_exact_as_asked(rtol: float) -> None:
    case = arguments(sample=mrfm.Layer(2.2e-6, 2e-6), temperature=0.02)
    found = mrfm.integrate_stiffness(**case, rtol=rtol)
    exact = mrfm.integrate_stiffness(**case, rtol=1e-11).stiffness
    for part in ("real", "imag"):
        size = abs(getattr(exact, part))
        assert getattr(found.error, part) <= rtol * size
        assert abs(getattr(found.stiffness, part) - getattr(exact, part)) <= max(rtol, 1e-11) * size
