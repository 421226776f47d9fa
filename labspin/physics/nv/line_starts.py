"""Fields from a few lines in closed form: where the search of `field_from_lines` begins.

The two transitions ν, ν' of one class without strain obey

* ``ν² + ν'² − νν' = D² + 3b²`` (from the sums of the eigenvalues and of their squares), b = γe |B|,
* ``b⊥² = −λ0 λ1 λ2/D`` (their product), with ``λ0 = (2D − ν − ν')/3``,

so a line and |B| give the other line and the angle to the axis, and two lines of one class give |B| too. Of
three classes one line each, for a given |B|, gives three projections of B up to signs, hence B, whose length
must be |B|: a root in one variable. Two lines of one class and one of another give B directly. Lines come
without names; but the group of the cube exchanges the classes, so that only a few assignments are different.
With strain the same formulas are a start.

Source of the idea: closed forms for the field from the lines of the four classes, arXiv 2504.20750.
"""

from __future__ import annotations

import functools
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from labspin.physics.nv.geometry import NV_AXES
from labspin.physics.nv.records import NVCentre

__all__ = ["starting_fields"]

FloatArray = NDArray[np.float64]

_SIGNS = np.array([[1, 1, 1], [1, 1, -1], [1, -1, 1], [-1, 1, 1]], dtype=np.float64)
_STEP = 2e6 * np.pi * 1.0  # rad/s between two |B| that are looked at
_TRIPLES = 12  # of the observed lines
_SHORT = 0.02  # of |B|: how far a field may be from its length at a local minimum that is no root


def starting_fields(*, lines: FloatArray, centre: NVCentre, splitting: float, max_field: float) -> FloatArray:
    """Return fields (n, 3) in the crystal, T, one of each class of equivalent ones, some of them far off.

    Parameters
    ----------
    lines
        Observed lines, sorted, (m,), m ≥ 3, rad/s.
    centre
        γe.
    splitting
        D in rad/s.
    max_field
        Largest |B|, T.
    """
    largest = centre.gyromagnetic_ratio * max_field
    larmor = np.concatenate([_from_pairs(lines, splitting), _from_triples(lines, splitting, largest)])
    length = np.linalg.norm(larmor, axis=-1)
    kept = np.isfinite(length) & (length <= 1.02 * largest)
    return np.asarray(larmor[kept] / centre.gyromagnetic_ratio)


def _along_square(line: FloatArray, other: FloatArray, splitting: float, square: FloatArray) -> FloatArray:
    """Return (b·n)² of a class with these two lines, in a field of that b²."""
    lowest = (2 * splitting - line - other) / 3
    across = -lowest * (lowest + line) * (lowest + other) / splitting
    return square - across


def _from_pairs(lines: FloatArray, splitting: float) -> FloatArray:
    """Return γe B (n, 3) where two lines are of one class and a third is of another."""
    index = np.array([
        (i, j, k) for i, j in combinations(range(lines.size), 2) for k in range(lines.size) if k not in (i, j)
    ])  # fmt: skip
    first, second, third = lines[index].T
    square = (first**2 + second**2 - first * second - splitting**2) / 3
    index = square > -0.01 * splitting**2
    first, second, third, square = (array[index] for array in (first, second, third, np.maximum(square, 0.0)))
    one = _along_square(first, second, splitting, square)
    two = _along_square(third, _partner(third, splitting, square), splitting, square)
    a, b = (np.sqrt(np.clip(part, 0.0, square)) for part in (one, two))
    both = [_in_plane(a, sign * b, square) for sign in (1.0, -1.0)]
    return np.concatenate(both)


def _in_plane(a: FloatArray, b: FloatArray, square: FloatArray) -> FloatArray:
    """Return vectors of that square with the projections a and b on two class axes.

    The mirror plane through both axes belongs to the cube, so the sign of the component perpendicular to it
    is free.
    """
    first, second = NV_AXES[0], NV_AXES[1]
    cosine = float(first @ second)
    along, beside = (a - cosine * b) / (1 - cosine**2), (b - cosine * a) / (1 - cosine**2)
    flat = along[:, None] * first + beside[:, None] * second
    normal = np.cross(first, second) / np.sqrt(1 - cosine**2)
    height = np.sqrt(np.maximum(square - (flat**2).sum(axis=-1), 0.0))
    return np.asarray(flat + height[:, None] * normal)


def _partner(line: FloatArray, splitting: float, square: FloatArray) -> FloatArray:
    """Return the other line of a class in a field of that b² (NaN where there is none)."""
    with np.errstate(invalid="ignore"):
        return np.asarray(0.5 * (line + np.sqrt(4 * (splitting**2 + 3 * square) - 3 * line**2)))


@functools.lru_cache(maxsize=8)
def _dual() -> FloatArray:
    """Return the matrix that turns projections on the first three class axes into a vector."""
    return np.asarray(np.linalg.inv(NV_AXES[:3]))


def _from_triples(lines: FloatArray, splitting: float, largest: float) -> FloatArray:
    """Return γe B (n, 3) where three lines are of three classes: roots and near misses along |B|."""
    size = np.arange(0.5 * _STEP, largest + 2 * _STEP, _STEP)
    square = size**2
    # The other line of each observed one, and its (b·n)², for every |B|: NaN where the line cannot be.
    along = _along_square(lines[:, None], _partner(lines[:, None], splitting, square), splitting, square)
    slack = 0.05 * square + (2e6 * np.pi * 4.0) ** 2
    with np.errstate(invalid="ignore"):
        possible = (along > -slack) & (along < square + slack)
    root = np.sqrt(np.clip(np.where(possible, along, 0.0), 0.0, square))
    triples = _triples(lines.size)
    projections = root[triples]  # (t, 3, n)
    allowed = possible[triples].all(axis=1)
    found = []
    for signs in _SIGNS:
        field = np.einsum("kl,tln->tnk", _dual(), projections * signs[:, None])
        misfit = np.where(allowed, (field**2).sum(axis=-1) - square, np.nan)
        found.append(_zeros(field, misfit, square))
    return np.concatenate(found)


def _triples(count: int) -> NDArray[np.intp]:
    """Return triples of the observed lines, all if they are few, else some in which every line occurs."""
    every = np.array(list(combinations(range(count), 3)), dtype=np.intp)
    if len(every) <= _TRIPLES:
        return every
    return every[np.linspace(0, len(every) - 1, _TRIPLES).round().astype(np.intp)]


def _zeros(field: FloatArray, misfit: FloatArray, square: FloatArray) -> FloatArray:
    """Return the fields (n, 3) at sign changes of the misfit along |B|, and at its smallest near misses."""
    left, right = misfit[:, :-1], misfit[:, 1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        crosses = left * right <= 0
        share = np.where(crosses, left / (left - right), 0.0)
    share = np.nan_to_num(share)[..., None]
    between = field[:, :-1] * (1 - share) + field[:, 1:] * share
    size = np.abs(misfit)
    padded = np.pad(np.where(np.isnan(size), np.inf, size), ((0, 0), (1, 1)), constant_values=np.inf)
    with np.errstate(invalid="ignore"):
        lowest = (size <= padded[:, :-2]) & (size <= padded[:, 2:])
        near = lowest & (size < _SHORT * square + (2e6 * np.pi * 3.0) ** 2)
    return np.concatenate((between[crosses], field[near]))
