"""Where the NV axes point: four classes, any crystal orientation, and the fields at which classes coincide.

The crystal's orientation R takes lab components to crystal components, ``v_crystal = R · v_lab``. With
equal |B·n| two classes have equal transverse field too, hence the same transition frequencies. Two axes
satisfy ``B·n_i = ±B·n_j`` on two planes: n_i ± n_j are a <100> direction for one sign and a <110> direction
for the other. So nine planes through the origin hold every degeneracy: the six {110} planes one pair each,
the three {100} planes two pairs each; on a <111> axis three classes coincide, on a <100> axis all four.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from labspin.errors import ArgumentError
from labspin.physics.arguments import broadcast, finite, positive, vectors

__all__ = [
    "CLASS_FRAMES",
    "NV_AXES",
    "PAIRS",
    "DegeneracyPlane",
    "FieldBench",
    "axial_fields",
    "class_fields",
    "crystal_field",
    "degeneracies_on_bench",
    "degeneracy_planes",
    "degenerate_directions",
    "degenerate_groups",
    "orientation_matrix",
]

FloatArray = NDArray[np.float64]

_TURNS = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=np.float64)

NV_AXES: FloatArray = _TURNS / np.sqrt(3.0)
"""Unit vectors [111], [1-1-1], [-11-1], [-1-11] / √3 in the crystal frame, shape (4, 3)."""

CLASS_FRAMES: FloatArray = (np.array([[1, 1, -2], [-1, 1, 0], [1, 1, 1]]) / np.sqrt([[6.0], [2.0], [3.0]]))[
    None
] * _TURNS[:, None, :]
"""Frames (x', y', z') of the classes as rows, shape (4, 3, 3): x' = <11-2> in a mirror plane, z' the axis."""

PAIRS: tuple[tuple[int, int], ...] = tuple(combinations(range(4), 2))
"""The six pairs of classes."""

for _table in (NV_AXES, CLASS_FRAMES):
    _table.flags.writeable = False


def orientation_matrix(orientation: Rotation | ArrayLike | None) -> FloatArray:
    """Return the crystal's orientation as matrices of shape (..., 3, 3), ``v_crystal = R · v_lab``.

    Parameters
    ----------
    orientation
        A `scipy.spatial.transform.Rotation` (single or many), rotation matrices, or None for the identity.

    Raises
    ------
    ArgumentError
        A matrix is not orthogonal, or reflects.
    """
    if orientation is None:
        return np.eye(3)
    if isinstance(orientation, Rotation):
        return np.asarray(orientation.as_matrix(), dtype=np.float64)
    matrix = finite("orientation", orientation)
    if matrix.shape[-2:] != (3, 3):
        raise ArgumentError(
            f"orientation: wanted a Rotation or matrices (..., 3, 3), got shape {matrix.shape}"
        )
    error = np.abs(matrix @ np.swapaxes(matrix, -1, -2) - np.eye(3)).max()
    if error > 1e-9:
        raise ArgumentError(
            f"orientation: wanted an orthogonal matrix, got R·Rᵀ that differs from 1 by {error:.3g}; "
            "build it with scipy.spatial.transform.Rotation"
        )
    if (np.linalg.det(matrix) < 0).any():
        raise ArgumentError(
            "orientation: wanted a rotation (determinant 1), got a reflection (determinant −1)"
        )
    return matrix


def crystal_field(*, field: ArrayLike, orientation: Rotation | ArrayLike | None = None) -> FloatArray:
    """Return vectors (..., 3) in the crystal frame.

    Parameters
    ----------
    field
        Vectors in the lab, shape (..., 3), T.
    orientation
        Crystal orientation(s), ``v_crystal = R · v_lab``; None for the identity. They broadcast with the
        fields.
    """
    vector = vectors("field", field, unit="T")
    matrix = orientation_matrix(orientation)
    if matrix.ndim == 2:
        return np.asarray(vector @ matrix.T)
    broadcast(field=vector[..., 0], orientation=matrix[..., 0, 0])
    return np.asarray((matrix @ vector[..., None])[..., 0])


def class_fields(*, field: ArrayLike, orientation: Rotation | ArrayLike | None = None) -> FloatArray:
    """Return vectors in the frame of each class, shape (..., 4, 3); the last component is B·n.

    Parameters
    ----------
    field
        Vectors in the lab, shape (..., 3), T.
    orientation
        Crystal orientation(s), ``v_crystal = R · v_lab``; None for the identity.
    """
    inside = crystal_field(field=field, orientation=orientation)
    return np.asarray(np.einsum("ckl,...l->...ck", CLASS_FRAMES, inside))


def axial_fields(*, field: ArrayLike, orientation: Rotation | ArrayLike | None = None) -> FloatArray:
    """Return B·n for the four classes, shape (..., 4), T.

    Parameters
    ----------
    field
        B in the lab, shape (..., 3), T.
    orientation
        Crystal orientation(s), ``v_crystal = R · v_lab``; None for the identity.
    """
    return np.asarray(crystal_field(field=field, orientation=orientation) @ NV_AXES.T)


@dataclass(frozen=True, kw_only=True)
class FieldBench:
    """A fixed bias field and an electromagnet: ``B = bias + B_em · direction`` ([NV] Fig. 2).

    Raises
    ------
    ArgumentError
        A vector is not of length 3, or the direction has no length.
    """

    bias: tuple[float, float, float]  # T, lab frame
    direction: tuple[float, float, float]  # any length but zero, lab frame

    def __post_init__(self) -> None:
        for name in ("bias", "direction"):
            if vectors(name, getattr(self, name)).shape != (3,):
                raise ArgumentError(f"{name}: wanted one vector of 3 components, got {getattr(self, name)!r}")
        positive("direction: its length", np.linalg.norm(self.direction))

    def field(self, electromagnet: ArrayLike) -> FloatArray:
        """Return the field in the lab, shape (..., 3), T.

        Parameters
        ----------
        electromagnet
            B_em, shape (...), T, of either sign.
        """
        strength = finite("electromagnet", electromagnet, unit="T")
        unit = np.asarray(self.direction) / np.linalg.norm(self.direction)
        return np.asarray(np.asarray(self.bias) + strength[..., None] * unit)


@dataclass(frozen=True)
class DegeneracyPlane:
    """A plane through the origin (crystal frame) on which ``pairs`` of classes coincide."""

    normal: tuple[int, int, int]  # Miller indices
    pairs: tuple[tuple[int, int], ...]


def degeneracy_planes() -> tuple[DegeneracyPlane, ...]:
    """Return the nine planes of field on which classes coincide: {100} (two pairs), {110} (one pair)."""
    found: dict[tuple[int, int, int], list[tuple[int, int]]] = {}
    for i, j in PAIRS:
        for sign in (1, -1):
            normal = (_TURNS[i] + sign * _TURNS[j]).astype(int) // 2
            leading = normal[np.flatnonzero(normal)[0]]
            x, y, z = (int(component) for component in normal * leading)
            found.setdefault((x, y, z), []).append((i, j))
    planes = [DegeneracyPlane(normal, tuple(pairs)) for normal, pairs in found.items()]
    return tuple(sorted(planes, key=lambda plane: (-len(plane.pairs), plane.normal)))


def degenerate_directions(*, classes: Iterable[int]) -> FloatArray:
    """Return the field directions at which all of ``classes`` coincide.

    Parameters
    ----------
    classes
        Indices of two to four classes.

    Returns
    -------
    FloatArray
        For two classes the unit normals (2, 3) of their two planes; for three or four the unit axes (n, 3)
        in the crystal frame, each standing for its opposite too.

    Raises
    ------
    ArgumentError
        Not two to four different indices 0…3.
    """
    chosen = list(classes)
    if not 2 <= len(chosen) <= 4 or len(set(chosen)) != len(chosen) or not set(chosen) <= {0, 1, 2, 3}:
        raise ArgumentError(f"classes: wanted 2 to 4 different indices 0…3, got {chosen!r}")
    first, *others = chosen
    directions: list[FloatArray] = []
    for signs in product((1, -1), repeat=len(others)):
        conditions = np.array([NV_AXES[first] - s * NV_AXES[k] for s, k in zip(signs, others, strict=True)])
        _, singular, rows = np.linalg.svd(conditions)
        rank = int((singular > 1e-9).sum())
        if rank == 1:
            directions.append(rows[0])
        elif rank == 2:
            directions.append(rows[2])
    unique: list[FloatArray] = []
    for direction in directions:
        if all(abs(abs(direction @ other) - 1) > 1e-9 for other in unique):
            unique.append(direction * np.sign(direction[np.argmax(np.abs(direction) > 1e-9)]))
    return np.array(unique)


def degenerate_groups(
    *, field: ArrayLike, orientation: Rotation | ArrayLike | None = None, tolerance: float = 1e-9
) -> tuple[tuple[int, ...], ...]:
    """Return the classes of one field in groups of equal |B·n|, by decreasing |B·n|.

    Parameters
    ----------
    field
        B in the lab, shape (3,), T.
    orientation
        Crystal orientation, ``v_crystal = R · v_lab``; None for the identity.
    tolerance
        Largest difference of |B·n| between neighbours in a group, as a fraction of |B|; > 0.
    """
    vector = vectors("field", field, unit="T")
    if vector.shape != (3,):
        raise ArgumentError(f"field: wanted one vector of 3 components, got shape {vector.shape}")
    positive("tolerance", tolerance)
    axial = np.abs(axial_fields(field=vector, orientation=orientation))
    limit = tolerance * float(np.linalg.norm(vector))
    groups: list[list[int]] = []
    for index in np.argsort(-axial, kind="stable"):
        if groups and abs(axial[groups[-1][-1]] - axial[index]) <= limit:
            groups[-1].append(int(index))
        else:
            groups.append([int(index)])
    return tuple(tuple(sorted(group)) for group in groups)


def degeneracies_on_bench(
    *, bench: FieldBench, orientation: Rotation | ArrayLike | None = None
) -> tuple[tuple[float, DegeneracyPlane], ...]:
    """Return where the bench's fields cross the nine planes: (B_em in T, plane), by increasing B_em.

    A line within a plane, or parallel to it, has no crossing and is left out.

    Parameters
    ----------
    bench
        Bias field and electromagnet.
    orientation
        A single crystal orientation, ``v_crystal = R · v_lab``; None for the identity.
    """
    bias = crystal_field(field=bench.bias, orientation=orientation)
    direction = crystal_field(field=bench.field(1.0) - np.asarray(bench.bias), orientation=orientation)
    if bias.shape != (3,):
        raise ArgumentError(f"orientation: wanted a single rotation, got shape {bias.shape[:-1]}")
    crossings: list[tuple[float, DegeneracyPlane]] = []
    for plane in degeneracy_planes():
        normal = np.asarray(plane.normal) / np.linalg.norm(plane.normal)
        along = float(direction @ normal)
        if abs(along) > 1e-12:
            crossings.append((-float(bias @ normal) / along, plane))
    return tuple(sorted(crossings, key=lambda crossing: crossing[0]))
