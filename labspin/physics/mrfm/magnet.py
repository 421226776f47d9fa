"""The field of the magnet on the resonator, and its derivatives along the resonator's motion.

A point dipole and, outside itself, a uniformly magnetised sphere have the same field, so one record serves
both: a sphere has a radius inside which no spin may lie. The magnet's centre at rest is the origin. Moving
the magnet by +q along q̂ moves the spin by −q in the magnet's frame, so that ∂B/∂q = −(q̂·∇)B and
∂²B/∂q² = +(q̂·∇)²B. A homogeneous external field may be added; it changes B, but none of its derivatives.

=========  =====================================================================
``n``      unit vector from the magnet's centre to the spin, r its distance
``u v w``  m̂·n, q̂·n, m̂·q̂, with m̂ the direction of the moment m, q̂ of the motion
``k``      μ0 m/4π
=========  =====================================================================
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics import constants
from labspin.physics.arguments import finite, non_negative, positive, unit_vectors, vectors

__all__ = [
    "FieldDerivatives",
    "FieldProjections",
    "Magnet",
    "field_derivatives",
    "field_projections",
]

FloatArray = NDArray[np.float64]
Vector = tuple[float, float, float]

# Points in a block: its ten or so temporaries stay in the processor's cache.
_BLOCK = 8192


@dataclass(frozen=True)
class Magnet:
    """A magnet that moves along a line: point dipole, or uniformly magnetised sphere.

    Parameters
    ----------
    moment
        Magnetic moment in A m², a vector.
    motion
        q̂, unit vector of the resonator's motion.
    radius
        Radius of the sphere in m; 0 for a point dipole.
    external_field
        Homogeneous field added to the magnet's, in T.

    Raises
    ------
    ArgumentError
        The moment is zero, the motion is no unit vector, the radius is negative, or a number is not finite.
    """

    moment: Vector
    motion: Vector
    radius: float = 0.0
    external_field: Vector = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        for name in ("moment", "external_field"):
            value = vectors(f"{name} of the magnet", getattr(self, name))
            object.__setattr__(self, name, _as_vector(f"{name} of the magnet", value))
        motion = unit_vectors("motion of the magnet", self.motion)
        object.__setattr__(self, "motion", _as_vector("motion of the magnet", motion))
        object.__setattr__(self, "radius", float(non_negative("radius of the magnet", self.radius, unit="m")))
        if not any(self.moment):
            raise ArgumentError("moment of the magnet: wanted a vector that is not zero, got (0, 0, 0)")

    @classmethod
    def sphere(cls, *, radius: float, remanence: float, direction: ArrayLike, motion: ArrayLike) -> Magnet:
        """Return a uniformly magnetised sphere.

        Parameters
        ----------
        radius
            In m, > 0.
        remanence
            B_r = μ0 M in T, > 0.
        direction
            Unit vector of the magnetisation, shape (3,).
        motion
            q̂, unit vector of the resonator's motion, shape (3,).

        Raises
        ------
        ArgumentError
            Radius or remanence is not positive, or a direction is no unit vector.
        """
        size = float(positive("radius", radius, unit="m"))
        magnetisation = float(positive("remanence", remanence, unit="T")) / constants.mu_0
        moment = magnetisation * (4 / 3) * np.pi * size**3 * unit_vectors("direction", direction)
        return cls(
            moment=_as_vector("direction", moment),
            motion=_as_vector("motion", unit_vectors("motion", motion)),
            radius=size,
        )

    @property
    def strength(self) -> float:
        """Magnitude of the moment in A m²."""
        return float(np.linalg.norm(self.moment))

    def with_strength(self, strength: float) -> Magnet:
        """Return the same magnet with a moment of another magnitude.

        Parameters
        ----------
        strength
            The new magnitude of the moment in A m², > 0.
        """
        factor = float(positive("strength", strength, unit="A m²")) / self.strength
        x, y, z = self.moment
        return replace(self, moment=(factor * x, factor * y, factor * z))


class FieldDerivatives(NamedTuple):
    """B (T), ∂B/∂q (T/m) and ∂²B/∂q² (T/m²) at the spins, each of shape (..., 3)."""

    field: FloatArray
    first: FloatArray
    second: FloatArray


class FieldProjections(NamedTuple):
    """What one spin's κ needs of the geometry; each of the spins' shape (...).

    Attributes
    ----------
    field
        B0 = |B| in T.
    longitudinal
        B̂·B' in T/m.
    transverse_squared
        |B'_⊥|² in T²/m².
    curvature
        B̂·B'' in T/m², with its sign (erratum: the thesis prints its modulus).
    """

    field: FloatArray
    longitudinal: FloatArray
    transverse_squared: FloatArray
    curvature: FloatArray


def field_derivatives(*, magnet: Magnet, position: ArrayLike) -> FieldDerivatives:
    """Return B, ∂B/∂q and ∂²B/∂q² of a magnet at spins.

    ::

        B   = k/r³ (3u n − m̂)
        B'  = −3k/r⁴ [(w − 5uv) n + u q̂ + v m̂]
        B'' = 3k/r⁵ [(2w − 10uv) q̂ + (1 − 5v²) m̂ + (35uv² − 5u − 10vw) n]

    Parameters
    ----------
    magnet
        Source of the field; its external field, if any, is added to B.
    position
        Spins relative to the magnet's centre at rest in m, shape (..., 3).

    Raises
    ------
    ArgumentError
        A spin lies inside the magnet (or on a point dipole), or positions are not finite vectors.
    """
    r = _outside(magnet, position)
    points = r.reshape(-1, 3)
    result = np.empty((3, *points.shape))
    for block in _blocks(len(points)):
        _fill_derivatives(magnet, points[block], result[:, block])
    return FieldDerivatives(*result.reshape(3, *r.shape))


def field_projections(*, magnet: Magnet, position: ArrayLike) -> FieldProjections:
    """Return the projections of B' and B'' on the field at spins.

    Without an external field they are functions of u, v, w and r alone::

        |B|     = k/r³ b,  b² = 1 + 3u²
        B̂·B'   = 3k/r⁴ (v + 4u²v − uw)/b
        |B'|²   = 9k²/r⁸ (w² − 4uvw + 5u²v² + u² + v²)
        B̂·B''  = 3k/r⁵ (25u²v² + 5v² − 7u² − 4uvw − 2w² − 1)/b

    Errors are those of `field_derivatives`. In addition the total field must not vanish at a spin, because it
    then has no direction.

    Parameters
    ----------
    magnet
        Source of the field; its external field, if any, is added to B.
    position
        Spins relative to the magnet's centre at rest in m, shape (..., 3).
    """
    r = _outside(magnet, position)
    points = r.reshape(-1, 3)
    result = np.empty((4, len(points)))
    project = _project_with_background if any(magnet.external_field) else _project_dipole
    for block in _blocks(len(points)):
        result[:, block] = project(magnet, points[block])
    if not result[0].all():
        raise ArgumentError("position: the total field vanishes at a spin, so it has no direction; move it")
    return FieldProjections(*result.reshape(4, *r.shape[:-1]))


def _fill_derivatives(magnet: Magnet, points: FloatArray, result: FloatArray) -> None:
    k, m, q, w = _constants(magnet)
    components = np.ascontiguousarray(points.T)
    inverse = 1 / np.sqrt(np.square(components).sum(axis=0))
    n = components * inverse
    u, v = m @ n, q @ n
    size = k * inverse**2 * inverse
    slope = -3 * size * inverse
    bend = -slope * inverse
    first_n = w - 5 * u * v
    second_q, second_m = 2 * w - 10 * u * v, 1 - 5 * v * v
    second_n = 35 * u * v * v - 5 * u - 10 * w * v
    for axis in range(3):
        along = n[axis]
        result[0, :, axis] = size * (3 * u * along - m[axis]) + magnet.external_field[axis]
        result[1, :, axis] = slope * (first_n * along + q[axis] * u + m[axis] * v)
        result[2, :, axis] = bend * (second_q * q[axis] + second_m * m[axis] + second_n * along)


def _project_dipole(magnet: Magnet, points: FloatArray) -> tuple[FloatArray, ...]:
    k, m, q, w = _constants(magnet)
    x, y, z = np.ascontiguousarray(points.T)
    inverse = 1 / np.sqrt(x * x + y * y + z * z)
    u = (m[0] * x + m[1] * y + m[2] * z) * inverse
    v = (q[0] * x + q[1] * y + q[2] * z) * inverse
    uu, vv, uv = u * u, v * v, u * v
    over_b = 1 / np.sqrt(1 + 3 * uu)
    field = k * inverse**2 * inverse / over_b
    gradient = 3 * k * np.square(inverse * inverse)
    along = (v + 4 * u * uv - w * u) * over_b
    across = np.maximum(w * w - 4 * w * uv + 5 * uu * vv + uu + vv - along * along, 0)
    bend = (25 * uu * vv + 5 * vv - 7 * uu - 4 * w * uv - (2 * w * w + 1)) * over_b
    return field, gradient * along, np.square(gradient) * across, gradient * inverse * bend


def _project_with_background(magnet: Magnet, points: FloatArray) -> tuple[FloatArray, ...]:
    field, first, second = field_derivatives(magnet=magnet, position=points)
    strength = np.linalg.norm(field, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        direction = field / strength[:, None]
    along = np.einsum("ij,ij->i", direction, first)
    across = np.square(first - along[:, None] * direction).sum(axis=-1)
    return strength, along, across, np.einsum("ij,ij->i", direction, second)


def _constants(magnet: Magnet) -> tuple[float, FloatArray, FloatArray, float]:
    """Return k = μ0 m/4π, m̂, q̂ and w = m̂·q̂."""
    m = np.asarray(magnet.moment) / magnet.strength
    q = np.asarray(magnet.motion)
    return constants.mu_0 / (4 * np.pi) * magnet.strength, m, q, float(m @ q)


def _outside(magnet: Magnet, position: ArrayLike) -> FloatArray:
    r = vectors("position", position, unit="m")
    nearest = float(np.sqrt(np.square(r).sum(axis=-1).min(initial=np.inf)))
    if nearest <= magnet.radius:
        raise ArgumentError(
            f"position: wanted spins outside the magnet (farther than {magnet.radius:g} m from its centre), "
            f"got one at {nearest:g} m; move the spins or use a smaller radius"
        )
    return r


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, count, _BLOCK))


def _as_vector(name: str, value: FloatArray) -> Vector:
    array = finite(name, value)
    if array.shape != (3,):
        raise ArgumentError(f"{name}: wanted one vector of 3 components, got shape {array.shape}")
    return float(array[0]), float(array[1]), float(array[2])
