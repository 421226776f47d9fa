"""Where the spins of a bath are: a surface or a layer below the magnet, and quadrature points in it.

The magnet's centre is the origin and the sample's surface is the plane z = −distance. A point of a plane at
depth ζ is given by ``c = cos θ`` of its polar angle (c = 1 straight below, c → 0 at infinity) and its azimuth
φ. In c a dipole's field is c³ times an analytic function, so that Gauss–Legendre panels halving towards c = 0
resolve every octave of the field alike, and the last panel reaches infinity exactly: an unbounded plane is
not cut off. A layer stacks planes in ``v = distance/ζ`` by the same rule. The azimuth is periodic, so
equidistant angles converge as fast.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import positive

__all__ = ["Layer", "QuadraturePoints", "Sample", "Surface", "half_space"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Surface:
    """Spins in a plane (areal density in 1/m²).

    Parameters
    ----------
    distance
        From the magnet's centre down to the plane, in m.
    radius
        Radius in m of a disc centred below the magnet; inf for the whole plane.
    """

    distance: float
    radius: float = math.inf

    def __post_init__(self) -> None:
        positive("distance of the surface", self.distance, unit="m")
        _check_extent("radius of the surface", self.radius)


@dataclass(frozen=True)
class Layer:
    """Spins in a layer or a half-space (density in 1/m³).

    Parameters
    ----------
    distance
        From the magnet's centre down to the layer's top, in m.
    thickness
        In m; inf for a half-space.
    radius
        Radius in m of a cylinder centred below the magnet; inf for the whole layer.
    """

    distance: float
    thickness: float = math.inf
    radius: float = math.inf

    def __post_init__(self) -> None:
        positive("distance of the layer", self.distance, unit="m")
        _check_extent("thickness of the layer", self.thickness)
        _check_extent("radius of the layer", self.radius)


Sample = Surface | Layer


def half_space(distance: float) -> Layer:
    """Return the half-space below a plane.

    Parameters
    ----------
    distance
        From the magnet's centre down to the plane, m.
    """
    return Layer(distance)


class QuadraturePoints(NamedTuple):
    """Points (N, 3) in m and weights (N,) in m² (surface) or m³ (layer): Σ weight · f(point) → ∫ f."""

    position: FloatArray
    weight: FloatArray


class Rule(NamedTuple):
    """How fine: Gauss points in a panel, azimuths, and halvings of c and v towards 0."""

    order: int
    azimuths: int
    halvings: int


def quadrature_points(sample: Sample, rule: Rule) -> QuadraturePoints:
    """Return graded quadrature points of a sample."""
    if isinstance(sample, Surface):
        return plane_points(np.array([sample.distance]), np.ones(1), sample.radius, rule)
    depth, weight = depth_rule(sample, rule)
    return plane_points(depth, weight, sample.radius, rule)


def plane_points(depth: FloatArray, depth_weight: FloatArray, radius: float, rule: Rule) -> QuadraturePoints:
    """Return points of stacked planes at ``depth`` > 0, of all planes' discs of ``radius``."""
    zeta = depth[:, None]
    if math.isinf(radius):
        c, weight = (row[None, :] for row in graded_rule(rule.order, rule.halvings, 0.0))
    else:
        # Uniform panels in log c, as many as the widest disc needs, so that all planes share one shape.
        edge = zeta / np.hypot(zeta, radius)
        panels = max(1, math.ceil(-math.log2(edge.min())))
        s, step = _panels(np.linspace(0, 1, panels + 1), rule.order)
        c = edge**s
        weight = -np.log(edge) * step * c
    # dA = ρ dρ dφ with ρ = ζ √(1/c² − 1), hence ζ²/c³ dc dφ.
    area = depth_weight[:, None] * weight * np.square(zeta) / c**3 * (2 * np.pi / rule.azimuths)
    rho = zeta * np.sqrt((1 - c) * (1 + c)) / c
    phi = (np.arange(rule.azimuths) + 0.5) * (2 * np.pi / rule.azimuths)
    position = np.empty((*rho.shape, rule.azimuths, 3))
    position[..., 0] = rho[..., None] * np.cos(phi)
    position[..., 1] = rho[..., None] * np.sin(phi)
    position[..., 2] = -zeta[..., None]
    return QuadraturePoints(position.reshape(-1, 3), np.repeat(area.ravel(), rule.azimuths))


def rim_points(sample: Sample, rule: Rule) -> QuadraturePoints:
    """Return points on the lateral boundary of a finite sample; weights are lengths (m) or areas (m²)."""
    if isinstance(sample, Surface):
        depth, weight = np.array([sample.distance]), np.ones(1)
    else:
        depth, weight = depth_rule(sample, rule)
    phi = (np.arange(rule.azimuths) + 0.5) * (2 * np.pi / rule.azimuths)
    position = np.empty((len(depth), rule.azimuths, 3))
    position[..., 0] = sample.radius * np.cos(phi)
    position[..., 1] = sample.radius * np.sin(phi)
    position[..., 2] = -depth[:, None]
    arc = 2 * np.pi * sample.radius / rule.azimuths
    return QuadraturePoints(position.reshape(-1, 3), np.repeat(arc * weight, rule.azimuths))


def depth_rule(layer: Layer, rule: Rule) -> tuple[FloatArray, FloatArray]:
    """Return depths ζ below the magnet's centre and weights for ∫dζ over a layer."""
    end = layer.distance / (layer.distance + layer.thickness)
    v, weight = graded_rule(rule.order, rule.halvings, end)
    return layer.distance / v, weight * layer.distance / np.square(v)


def graded_rule(order: int, halvings: int, end: float) -> tuple[FloatArray, FloatArray]:
    """Return Gauss–Legendre nodes and weights on (end, 1], in panels that halve towards 0."""
    inner = [0.5**k for k in range(1, halvings + 1) if 0.5**k > 1.4 * end]
    return _panels(np.array([end, *inner[::-1], 1.0]), order)


def _panels(edges: FloatArray, order: int) -> tuple[FloatArray, FloatArray]:
    x, w = np.polynomial.legendre.leggauss(order)
    half = np.diff(edges)[:, None] / 2
    nodes = edges[:-1, None] + half * (x + 1)
    return nodes.ravel(), (half * w).ravel()


def _check_extent(name: str, value: float) -> None:
    if not value > 0:
        raise ArgumentError(f"{name}: wanted a length > 0 in m, or inf, got {value!r}")
