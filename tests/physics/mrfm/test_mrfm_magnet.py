"""The dipole's field and its derivatives against 40-digit differentiation of the field alone."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import constants

from labspin.errors import ArgumentError
from labspin.physics import mrfm


def reference(moment: np.ndarray, motion: np.ndarray, position: np.ndarray) -> tuple[list[mpmath.mpf], ...]:
    """B, ∂B/∂q, ∂²B/∂q² of B(r − q q̂) from the dipole's potential field by numerical differentiation."""
    m, d, r = ([mpmath.mpf(float(x)) for x in v] for v in (moment, motion, position))
    scale = mpmath.mpf(constants.mu_0) / (4 * mpmath.pi)
    # Differences in units of the distance, so that the step suits every geometry.
    size = mpmath.sqrt(sum(x * x for x in r))

    def field(s: mpmath.mpf, axis: int) -> mpmath.mpf:
        at = [x - s * size * q for x, q in zip(r, d, strict=True)]
        square = sum(x * x for x in at)
        dot = sum(a * b for a, b in zip(m, at, strict=True))
        return scale * (3 * dot * at[axis] / square ** mpmath.mpf(2.5) - m[axis] / square ** mpmath.mpf(1.5))

    return tuple(
        [mpmath.diff(lambda s, a=axis: field(s, a), 0, order) / size**order for axis in range(3)]
        for order in (0, 1, 2)
    )


def random_geometry(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    moment = rng.normal(size=3) * 10.0 ** rng.uniform(-18, -9)
    motion = rng.normal(size=3)
    position = rng.normal(size=3) * 10.0 ** rng.uniform(-8, -4)
    return moment, motion / np.linalg.norm(motion), position


def relative(value: np.ndarray, exact: list[mpmath.mpf]) -> float:
    wanted = np.array([float(x) for x in exact])
    return float(np.linalg.norm(value - wanted) / np.linalg.norm(wanted))


def test_field_and_derivatives_at_random_geometries(rng: np.random.Generator) -> None:
    with mpmath.workdps(40):
        for _ in range(25):
            moment, motion, position = random_geometry(rng)
            exact = reference(moment, motion, position)
            magnet = mrfm.Magnet(moment=tuple(moment), motion=tuple(motion))
            result = mrfm.field_derivatives(magnet=magnet, position=position)
            assert max(map(relative, result, exact)) < 5e-15


def test_projections_at_random_geometries(rng: np.random.Generator) -> None:
    with mpmath.workdps(40):
        for _ in range(25):
            moment, motion, position = random_geometry(rng)
            b, b1, b2 = reference(moment, motion, position)
            size = mpmath.sqrt(mpmath.fdot(b, b))
            along, bend = mpmath.fdot(b, b1) / size, mpmath.fdot(b, b2) / size
            exact = (size, along, mpmath.fdot(b1, b1) - along**2, bend)
            magnet = mrfm.Magnet(moment=tuple(moment), motion=tuple(motion))
            result = mrfm.field_projections(magnet=magnet, position=position)
            for value, wanted in zip(result, exact, strict=True):
                assert value == pytest.approx(float(wanted), rel=1e-10, abs=0)


def test_projections_with_an_external_field_are_those_of_the_vectors(rng: np.random.Generator) -> None:
    magnet = mrfm.Magnet(
        moment=(3e-12, -2e-12, 7e-12), motion=(0.6, 0.0, -0.8), external_field=(0.1, 0.05, -0.2)
    )
    position = rng.normal(size=(50, 3)) * 1e-6
    b, b1, b2 = mrfm.field_derivatives(magnet=magnet, position=position)
    result = mrfm.field_projections(magnet=magnet, position=position)
    size = np.linalg.norm(b, axis=1)
    np.testing.assert_allclose(result.field, size, atol=0)
    np.testing.assert_allclose(result.longitudinal, np.sum(b * b1, axis=1) / size, atol=0)
    np.testing.assert_allclose(
        result.transverse_squared, np.square(np.cross(b, b1)).sum(axis=1) / size**2, rtol=1e-9, atol=0
    )
    np.testing.assert_allclose(result.curvature, np.sum(b * b2, axis=1) / size, atol=0)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_second_derivative_is_harmonic_and_the_first_free_of_curl(seed: int) -> None:
    # Summed over three orthogonal motions, ∂²B/∂q² is ∇²B = 0, and Σ q̂·∂B/∂q is −∇·B = 0.
    rng = np.random.default_rng(seed)
    moment, _, position = random_geometry(rng)
    axes = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    parts = [
        mrfm.field_derivatives(
            magnet=mrfm.Magnet(moment=tuple(moment), motion=tuple(axis)), position=position
        )
        for axis in axes
    ]
    second = np.array([part.second for part in parts])
    assert np.abs(second.sum(axis=0)).max() <= 1e-12 * np.abs(second).max()
    jacobian = np.array([axes @ part.first for part in parts])
    assert abs(np.trace(jacobian)) <= 1e-12 * np.abs(jacobian).max()
    np.testing.assert_allclose(jacobian, jacobian.T, atol=1e-12 * np.abs(jacobian).max())


def test_a_sphere_is_the_dipole_of_its_moment_outside_itself() -> None:
    sphere = mrfm.Magnet.sphere(radius=1.7e-6, remanence=1.15, direction=(1, 0, 0), motion=(1, 0, 0))
    # On the axis at the pole, a uniformly magnetised sphere has B = 2/3 B_r.
    pole = mrfm.field_derivatives(magnet=sphere, position=(1.7e-6 * (1 + 1e-12), 0, 0))
    assert pole.field[0] == pytest.approx(2 / 3 * 1.15, rel=1e-9, abs=0)
    # The thesis' 19 pA m² are a sphere of this order.
    assert sphere.strength == pytest.approx(
        4 / 3 * math.pi * 1.7e-6**3 * 1.15 / constants.mu_0, rel=1e-6, abs=0
    )


def test_a_spin_inside_the_magnet_is_refused() -> None:
    sphere = mrfm.Magnet.sphere(radius=1.7e-6, remanence=1.15, direction=(1, 0, 0), motion=(1, 0, 0))
    with pytest.raises(ArgumentError, match="outside the magnet"):
        mrfm.field_projections(magnet=sphere, position=[(0, 0, -3e-6), (0, 0, -1e-6)])


def test_a_spin_on_a_point_dipole_is_refused() -> None:
    dipole = mrfm.Magnet(moment=(1e-12, 0, 0), motion=(1, 0, 0))
    with pytest.raises(ArgumentError, match="outside the magnet"):
        mrfm.field_derivatives(magnet=dipole, position=(0, 0, 0))


def test_a_spin_where_the_total_field_vanishes_is_refused() -> None:
    field = 1e-7 * 2 * 1e-12 / 1e-18
    magnet = mrfm.Magnet(moment=(0, 0, 1e-12), motion=(1, 0, 0), external_field=(0, 0, -field))
    exact = mrfm.field_derivatives(magnet=magnet, position=(0, 0, 1e-6)).field[2]
    magnet = mrfm.Magnet(moment=(0, 0, 1e-12), motion=(1, 0, 0), external_field=(0, 0, -field - exact))
    with pytest.raises(ArgumentError, match="vanishes at a spin"):
        mrfm.field_projections(magnet=magnet, position=(0, 0, 1e-6))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"motion": (1.0, 1.0, 0.0)}, "length 1"),
        ({"moment": (0.0, 0.0, 0.0)}, "not zero"),
        ({"moment": (np.nan, 0.0, 0.0)}, "moment of the magnet"),
        ({"radius": -1e-6}, "radius of the magnet"),
        ({"moment": (1.0, 2.0)}, r"shape \(\.\.\., 3\)"),
    ],
)
def test_bad_magnets_are_refused(change: dict[str, object], message: str) -> None:
    good: dict[str, object] = {"moment": (1e-12, 0.0, 0.0), "motion": (1.0, 0.0, 0.0)}
    with pytest.raises(ArgumentError, match=message):
        mrfm.Magnet(**(good | change))


def test_a_million_points_equal_the_same_points_one_by_one(rng: np.random.Generator) -> None:
    magnet = mrfm.Magnet(moment=(3e-12, -2e-12, 7e-12), motion=(0.6, 0.0, -0.8))
    position = rng.normal(size=(20, 1001, 3)) * 1e-6
    batch = mrfm.field_projections(magnet=magnet, position=position)
    single = mrfm.field_projections(magnet=magnet, position=position[13, 707])
    assert batch.field.shape == (20, 1001)
    for many, one in zip(batch, single, strict=True):
        assert many[13, 707] == pytest.approx(float(one), rel=1e-13, abs=0)
