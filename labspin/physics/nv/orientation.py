"""The crystal's orientation from line positions at several known fields.

A bench knows its fields in the lab; each gives lines that depend on R·B. The 24 rotations of the cubic group
give the same lines (8 of them if there is strain), and if all fields lie in one plane (a bias and one
electromagnet always do) so does the half turn about that plane's normal, which reverses every field: then 48
orientations fit, listed with each solution. They differ in the direction of torques; a third coil, or the
sign of the MDMR signal, tells them apart.

The search covers the fundamental zone of rotations with a grid 6° wide, ranks it by matching all spectra, and
refines the best with Levenberg–Marquardt, exact derivatives: turning the crystal by a small δ changes ω by
``(B × ∂ω/∂B)·δ``.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from labspin.errors import ArgumentError
from labspin.physics.arguments import abridged, vectors
from labspin.physics.nv.line_matching import checked_lines, line_model, match_lines, match_score
from labspin.physics.nv.records import NV_CENTRE, NVCentre

__all__ = ["OrientationSolution", "equivalent_orientations", "orientation_from_lines"]

FloatArray = NDArray[np.float64]

_GRID = 2e6 * np.pi * 12.0  # rad/s: how far a line may be from its value at the nearest grid orientation
_CANDIDATES = 150
_ITERATIONS = 40
_POINTS = 72_000  # rotations in the whole group, 1/24 of them in the fundamental zone


@dataclass(frozen=True)
class OrientationSolution:
    """An orientation (``v_crystal = R · v_lab``) that explains all lines."""

    orientation: Rotation
    covariance: FloatArray  # rad², (3, 3) of a small rotation vector in the crystal frame
    chi_square: float
    assignments: tuple[
        tuple[tuple[int, int], ...], ...
    ]  # (class, branch) of each line at each field, as given
    equivalents: Rotation  # all orientations with the same lines: see `equivalent_orientations`

    __repr__ = abridged


def equivalent_orientations(
    *, orientation: Rotation, fields: ArrayLike, centre: NVCentre = NV_CENTRE
) -> Rotation:
    """Return all orientations with the same lines at given fields.

    There are 24 (with strain 8), twice as many for fields in one plane.

    Parameters
    ----------
    orientation
        One of them, ``v_crystal = R · v_lab``.
    fields
        B in the lab, shape (k, 3) or (3,), T.
    centre
        The constants; only whether it has strain counts.
    """
    vector = np.atleast_2d(vectors("fields", fields, unit="T"))
    images = _symmetry(centre.strain != 0) * orientation
    _, singular, rows = np.linalg.svd(vector)
    if vector.shape[0] >= 3 and singular[2] > 1e-9 * singular[0]:
        return images
    return Rotation.concatenate([images, images * Rotation.from_rotvec(np.pi * rows[2])])


def _symmetry(strained: bool) -> Rotation:
    """Return the rotations that leave the lines alone; strain along <11-2> singles out the crystal's z."""
    group = Rotation.create_group("O")
    if not strained:
        return group
    return group[np.abs(group.as_matrix()[:, 2, 2]) > 0.5]


def orientation_from_lines(
    *,
    fields: ArrayLike,
    lines: Sequence[ArrayLike],
    uncertainty: ArrayLike,
    centre: NVCentre = NV_CENTRE,
    chi_square_limit: float | None = None,
) -> tuple[OrientationSolution, ...]:
    """Return every orientation (up to symmetry) that explains the lines at all fields, best first.

    Parameters
    ----------
    fields
        Fields in the lab, (k, 3), T.
    lines
        For each field the resolved lines, one to eight, unordered, rad/s.
    uncertainty
        Their standard error, rad/s.
    centre
        D, E, γe.
    chi_square_limit
        Largest χ² of a solution; default: the 99.9 % quantile for the degrees of freedom (at least one).

    Raises
    ------
    ArgumentError
        Numbers of fields and spectra differ, fewer than three lines in all, or no orientation explains them.
    """
    vector = np.atleast_2d(vectors("fields", fields, unit="T"))
    if vector.ndim != 2 or len(lines) != vector.shape[0]:
        raise ArgumentError(
            f"lines: wanted one spectrum a field, got {len(lines)} for {vector.shape[0]} fields"
        )
    spectra = [checked_lines(f"lines[{n}]", one, uncertainty) for n, one in enumerate(lines)]
    problem = _Problem(vector, spectra, centre)
    total = sum(observed.size for observed, _ in spectra)
    if total < 3:
        raise ArgumentError(f"lines: wanted at least three lines in all, got {total}")
    matrix, chi_square = problem.refine(problem.candidates())
    limit = problem.default_limit(total) if chi_square_limit is None else chi_square_limit
    kept = problem.distinct(matrix, chi_square, limit)
    if not kept:
        raise ArgumentError(
            "lines: no orientation explains the lines within their uncertainty; check fields and D, or raise "
            f"uncertainty (smallest χ² {chi_square.min():.3g}, limit {limit:.3g})"
        )
    return tuple(problem.solution(matrix[n], float(chi_square[n]), lines) for n in kept)


@functools.lru_cache(maxsize=2)
def _fundamental_zone(strained: bool) -> FloatArray:
    """Return rotation matrices (n, 3, 3) nearer to the identity than to any other rotation of the group.

    Super-Fibonacci spirals (Alexa 2022) cover all rotations evenly.
    """
    s = np.arange(_POINTS) + 0.5
    r, big = np.sqrt(s / _POINTS), np.sqrt(1.0 - s / _POINTS)
    alpha, beta = 2 * np.pi * s / np.sqrt(2.0), 2 * np.pi * s / 1.533751168755204288118041
    quaternion = np.stack(
        [r * np.sin(alpha), r * np.cos(alpha), big * np.sin(beta), big * np.cos(beta)], axis=-1
    )
    group = _symmetry(strained).as_quat()
    closeness = np.abs(quaternion @ group.T)
    identity = int(np.argmax(np.abs(group[:, 3])))
    nearest = closeness[:, identity] >= closeness.max(axis=1) - 1e-12
    return np.asarray(Rotation.from_quat(quaternion[nearest]).as_matrix())


@dataclass(frozen=True)
class _Problem:
    fields: FloatArray
    spectra: list[tuple[FloatArray, FloatArray]]
    centre: NVCentre

    def candidates(self) -> FloatArray:
        matrix = _fundamental_zone(self.centre.strain != 0)
        score = np.zeros(matrix.shape[0])
        for field, (observed, sigma) in zip(self.fields, self.spectra, strict=True):
            computed = line_model(field=matrix @ field, centre=self.centre).frequency
            score += match_score(observed, np.hypot(sigma, _GRID), computed)
        return np.asarray(matrix[np.argsort(score)[:_CANDIDATES]])

    def residuals(self, matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return weighted residuals (n, lines) and their derivatives (n, lines, 3) by a small rotation."""
        residuals, slopes = [], []
        for field, (observed, sigma) in zip(self.fields, self.spectra, strict=True):
            inside = matrix @ field
            model = line_model(field=inside, centre=self.centre)
            match = match_lines(observed, sigma, model.frequency)
            slope = np.cross(inside[:, None], np.take_along_axis(model.field_slope, match[..., None], axis=1))
            residuals.append((np.take_along_axis(model.frequency, match, axis=1) - observed) / sigma)
            slopes.append(slope / sigma[:, None])
        return np.concatenate(residuals, axis=1), np.concatenate(slopes, axis=1)

    def refine(self, matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
        residual, slope = self.residuals(matrix)
        damping = np.full(matrix.shape[0], 1e-2)
        for _ in range(_ITERATIONS):
            normal = np.swapaxes(slope, 1, 2) @ slope
            size = normal.trace(axis1=1, axis2=2)
            damped = normal + (damping * size + 1e-12)[:, None, None] * np.eye(3)
            step = -np.linalg.solve(damped, np.swapaxes(slope, 1, 2) @ residual[..., None])[..., 0]
            trial = Rotation.from_rotvec(np.clip(step, -0.3, 0.3)).as_matrix() @ matrix
            new_residual, new_slope = self.residuals(trial)
            better = (new_residual**2).sum(1) < (residual**2).sum(1)
            damping = np.clip(np.where(better, 0.2 * damping, 5.0 * damping), 1e-15, 1e8)
            keep = better[:, None, None]
            matrix, slope = np.where(keep, trial, matrix), np.where(keep, new_slope, slope)
            residual = np.where(better[:, None], new_residual, residual)
        return matrix, np.asarray((residual**2).sum(axis=1))

    def default_limit(self, total: int) -> float:
        from scipy.stats import chi2

        return float(chi2.ppf(0.999, max(total - 3, 1)))

    def distinct(self, matrix: FloatArray, chi_square: FloatArray, limit: float) -> list[int]:
        """Return the indices, best first, of orientations that neither symmetry nor three σ connect."""
        kept: list[int] = []
        seen: list[Rotation] = []
        for n in np.argsort(chi_square, kind="stable"):
            if chi_square[n] > limit:
                break
            rotation = Rotation.from_matrix(matrix[n])
            slope = self.residuals(matrix[n][None])[1][0]
            turns = [(images * rotation.inv()).as_rotvec() for images in seen]
            if all(((turn @ slope.T) ** 2).sum(axis=1).min() > 9.0 for turn in turns):
                kept.append(int(n))
                seen.append(self.equivalents(rotation))
        return kept

    def solution(
        self, matrix: FloatArray, chi_square: float, lines: Sequence[ArrayLike]
    ) -> OrientationSolution:
        _, slope = self.residuals(matrix[None])
        rotation = Rotation.from_matrix(matrix)
        return OrientationSolution(
            orientation=rotation,
            covariance=np.asarray(np.linalg.pinv(slope[0].T @ slope[0], rcond=1e-14, hermitian=True)),
            chi_square=chi_square,
            assignments=tuple(self._assignment(matrix, n, given) for n, given in enumerate(lines)),
            equivalents=self.equivalents(rotation),
        )

    def equivalents(self, rotation: Rotation) -> Rotation:
        return equivalent_orientations(orientation=rotation, fields=self.fields, centre=self.centre)

    def _assignment(self, matrix: FloatArray, number: int, given: ArrayLike) -> tuple[tuple[int, int], ...]:
        observed, sigma = self.spectra[number]
        computed = line_model(field=(matrix @ self.fields[number])[None], centre=self.centre).frequency
        match = match_lines(observed, sigma, computed)[0]
        place = np.argsort(np.argsort(np.asarray(given, dtype=np.float64)))
        return tuple((int(match[p]) // 2, int(match[p]) % 2) for p in place)
