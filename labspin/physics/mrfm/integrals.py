"""κ of a continuous sample of spins, integrated over its surface or volume, with an error estimate.

Two ways give the same number. The direct one integrates κ1 + κ2 + κ3 spin by spin. The other is Eq. (3.10):
by Gauss's theorem the static parts of all three add up to a boundary term, so that

    κ = ρ ∫ (∂M/∂B) (B̂·B')² iωT1/(1 + iωT1) + boundary,   boundary = ρ ∮ (q̂·n̂) M (B̂·B'),

with n̂ the sample's outward normal, up to the small dynamic part of κ3. The direct way is dearer, but it
includes T2, and holds for a surface whatever the direction of motion.

The rule (see `labspin.physics.mrfm.sample`) is refined until two successive results agree to ``rtol``; the
last change is returned as the error, an estimate on the safe side since each refinement gains several digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics import constants
from labspin.physics.arguments import broadcast, finite, non_negative, positive
from labspin.physics.mrfm.caution import QuadratureWarning, warn
from labspin.physics.mrfm.magnet import Magnet, field_projections
from labspin.physics.mrfm.sample import (
    Layer,
    QuadraturePoints,
    Rule,
    Sample,
    Surface,
    plane_points,
    quadrature_points,
    rim_points,
)
from labspin.physics.mrfm.single_spin import (
    Kappa3Form,
    SpinStiffness,
    debye,
    relaxation_times,
    spin_stiffness,
)
from labspin.physics.mrfm.species import SpinSpecies, unchecked_moment, unchecked_moment_slope

__all__ = ["IntegratedStiffness", "bath_stiffness", "integrate_stiffness"]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

_LEVELS = ((8, 32), (12, 48), (16, 64), (24, 96), (32, 128))
# Numbers in one block of points × temperatures.
_BLOCK = 1 << 17


class IntegratedStiffness(NamedTuple):
    """κ of a sample and its estimated error, both in N/m and of the arguments' broadcast shape.

    Attributes
    ----------
    stiffness
        κ, complex.
    error
        Absolute error as estimated by the quadrature: of Re κ in its real, of Im κ in its imaginary part.
    parts
        κ1, κ2, κ3 where they were integrated one by one, else None.
    """

    stiffness: ComplexArray
    error: ComplexArray
    parts: SpinStiffness | None


def integrate_stiffness(
    *,
    magnet: Magnet,
    sample: Sample,
    density: float,
    species: SpinSpecies,
    temperature: ArrayLike,
    angular_frequency: ArrayLike,
    t1: ArrayLike,
    t2: ArrayLike = 0.0,
    form: Kappa3Form = "bloch",
    rtol: float = 1e-8,
) -> IntegratedStiffness:
    """Return ∫ρ(κ1 + κ2 + κ3) over a sample: the direct way.

    Parameters
    ----------
    magnet, sample
        Geometry; the sample must lie below the magnet.
    density
        ρ in 1/m² (surface) or 1/m³ (layer).
    species, temperature, angular_frequency, t1, t2, form
        As in `spin_stiffness`; arrays broadcast together.
    rtol
        Relative error wanted of Re κ and of Im κ, each.

    Raises
    ------
    ArgumentError
        As `spin_stiffness`; the sample touches the magnet; ``density`` is negative.

    Warns
    -----
    QuadratureWarning
        The finest rule did not reach ``rtol``; the error returned says what it reached.
    """
    rho = float(non_negative("density", density))
    kelvin = positive("temperature", temperature, unit="K")
    omega = finite("angular_frequency", angular_frequency, unit="rad/s")
    time1, time2 = relaxation_times(t1, t2)
    broadcast(temperature=kelvin, angular_frequency=omega, t1=time1, t2=time2)
    columns = [array[..., None] for array in (kelvin, omega, time1, time2)]

    def block(points: QuadraturePoints) -> ComplexArray:
        kappa = spin_stiffness(
            projections=field_projections(magnet=magnet, position=points.position),
            species=species,
            temperature=columns[0],
            angular_frequency=columns[1],
            t1=columns[2],
            t2=columns[3],
            form=form,
        )
        return np.stack([rho * (term @ points.weight) for term in kappa])

    def total(rule: Rule) -> ComplexArray:
        return _summed(block, quadrature_points(sample, rule), kelvin.size * omega.size)

    coldest = float(kelvin.min(initial=np.inf))
    parts, error = _refined(total, _halvings(magnet, sample, species, coldest), rtol)
    return IntegratedStiffness(parts.sum(axis=0), error, SpinStiffness(*parts))


def bath_stiffness(
    *,
    magnet: Magnet,
    sample: Sample,
    density: float,
    species: SpinSpecies,
    temperature: ArrayLike,
    angular_frequency: ArrayLike,
    t1: ArrayLike,
    boundary: bool = True,
    rtol: float = 1e-8,
) -> IntegratedStiffness:
    """Return κ of a sample by Eq. (3.10), with or without its boundary term.

    Parameters
    ----------
    magnet, sample, density, species, temperature, angular_frequency, t1, rtol
        As in `integrate_stiffness`.
    boundary
        Whether to add ρ∮(q̂·n̂) M (B̂·B') dA, which Eq. (3.10) leaves unwritten.

    Raises
    ------
    ArgumentError
        As `integrate_stiffness`; or a surface does not contain the direction of motion, for which (3.10)
        does not hold.

    Warns
    -----
    QuadratureWarning
        As `integrate_stiffness`.
    """
    if isinstance(sample, Surface) and magnet.motion[2] != 0:
        raise ArgumentError(
            "motion of the magnet: Eq. (3.10) holds for a surface only along it (motion[2] = 0), "
            f"got motion[2] = {magnet.motion[2]:g}; use integrate_stiffness"
        )
    rho = float(non_negative("density", density))
    kelvin = positive("temperature", temperature, unit="K")
    omega = finite("angular_frequency", angular_frequency, unit="rad/s")
    time1, _ = relaxation_times(t1, 0.0)
    broadcast(temperature=kelvin, angular_frequency=omega, t1=time1)
    column = kelvin[..., None]

    def volume(points: QuadraturePoints) -> ComplexArray:
        field, along, _, _ = field_projections(magnet=magnet, position=points.position)
        slope = unchecked_moment_slope(species, field, column)
        return (rho * (slope @ (np.square(along) * points.weight))).astype(complex)

    def face(points: QuadraturePoints) -> ComplexArray:
        field, along, _, _ = field_projections(magnet=magnet, position=points.position)
        moment = unchecked_moment(species, field, column)
        return (rho * (moment @ (along * points.weight))).astype(complex)

    def total(rule: Rule) -> ComplexArray:
        response = 1 - debye(omega, time1)
        stiffness = response * _summed(volume, quadrature_points(sample, rule), kelvin.size)
        if boundary:
            for points in _faces(magnet, sample, rule):
                stiffness = stiffness + _summed(face, points, kelvin.size)
        return stiffness[None]

    coldest = float(kelvin.min(initial=np.inf))
    value, error = _refined(total, _halvings(magnet, sample, species, coldest), rtol)
    return IntegratedStiffness(value[0], error, None)


def _faces(magnet: Magnet, sample: Sample, rule: Rule) -> list[QuadraturePoints]:
    """Return the sample's boundary as points whose weights hold q̂·n̂ dA; faces at infinity are left out."""
    q = np.asarray(magnet.motion)
    faces = []
    if math.isfinite(sample.radius):
        points = rim_points(sample, rule)
        normal = points.position[:, :2] / sample.radius
        faces.append(QuadraturePoints(points.position, points.weight * (normal @ q[:2])))
    if isinstance(sample, Layer) and q[2] != 0:
        for depth, sign in ((sample.distance, 1.0), (sample.distance + sample.thickness, -1.0)):
            if math.isfinite(depth):
                faces.append(plane_points(np.array([depth]), np.array([sign * q[2]]), sample.radius, rule))
    return faces


def _summed(
    block: Callable[[QuadraturePoints], ComplexArray], points: QuadraturePoints, columns: int
) -> ComplexArray:
    """Return ``block`` added up over blocks of points, so that memory stays bounded."""
    size = max(1, _BLOCK // max(1, columns))
    starts = range(0, len(points.weight), size)
    blocks = (QuadraturePoints(points.position[s : s + size], points.weight[s : s + size]) for s in starts)
    first = block(next(blocks))
    return sum((block(part) for part in blocks), start=first)


def _refined(
    total: Callable[[Rule], ComplexArray], halvings: int, rtol: float
) -> tuple[ComplexArray, ComplexArray]:
    """Return parts (first axis: summands of κ) by ever finer rules, and the last change of their sum."""
    wanted = float(positive("rtol", rtol))
    coarse = total(Rule(*_LEVELS[0], halvings))
    for level in _LEVELS[1:]:
        fine = total(Rule(*level, halvings))
        change, kappa = (fine - coarse).sum(axis=0), fine.sum(axis=0)
        reached = max(_relative(change.real, kappa.real, kappa), _relative(change.imag, kappa.imag, kappa))
        error = np.abs(change.real) + 1j * np.abs(change.imag)
        if reached <= wanted:
            return fine, error
        coarse = fine
    warn(
        QuadratureWarning,
        f"κ of the sample is known to {reached:.1e} relative only, wanted {wanted:.1e}; "
        "ask for a larger rtol, or treat the nearest spins one by one",
    )
    return fine, error


def _relative(change: FloatArray, part: FloatArray, kappa: ComplexArray) -> float:
    """Return the largest relative change; a part that is nothing but rounding of κ does not count."""
    size = np.maximum(np.abs(part), 1e-6 * np.abs(kappa))
    return float(np.max(np.abs(change) / np.where(size > 0, size, 1), initial=0.0))


def _halvings(magnet: Magnet, sample: Sample, species: SpinSpecies, coldest: float) -> int:
    """Return how many halvings of c reach from the strongest field to where βμ_sB < 1."""
    strongest = constants.mu_0 / (2 * np.pi) * magnet.strength / sample.distance**3
    spacing = constants.hbar * abs(species.gyromagnetic_ratio) / constants.k * strongest / coldest
    return 3 + max(0, math.ceil(math.log2(max(spacing, 1.0)) / 3))
