"""Spin one in any field, in closed form and for millions of fields at once.

In the Cartesian basis |X>, |Y>, |Z> = |0> (each the state that its spin component annihilates) the NV
Hamiltonian is ``diag(D − E, D + E, 0) + Σ b_k S_k`` with ``(S_k)_lm = −i ε_klm``. Its characteristic
polynomial is ``f(λ) = Π(λ − d_k) − Σ b_k² (λ − d_k)``, and the projector on a separate eigenvalue is
``adj(λ − H)/f'(λ)``, so that neither eigenvectors nor an iteration are needed.

Near a degeneracy that formula loses digits. So only the *extreme eigenvalue that is farther from the middle
one* is taken from the (trigonometric) cubic; its gaps are never smaller than half of the spread. The other
two follow from what is left of H in the plane orthogonal to it, ``X = H − λ_a P_a − m (1 − P_a)`` with
eigenvalues ±gap/2: well conditioned, absolute errors of the order of the rounding error of |H| at any
field. Where two levels coincide exactly, the pair is chosen as an infinitely small field along the NV axis
would.

Arrays are component-first here (the last axes are the batch), which is what makes numpy fast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import abridged

__all__ = ["SpinOneStates", "spin_one_states", "state_vectors", "transition_spin"]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

_PAIRS = ((1, 2), (2, 0), (0, 1))  # off-diagonal element that belongs to component k
_DEGENERATE = 1e-13  # gap over the norm of H below which two levels count as one


@dataclass(frozen=True)
class SpinOneStates:
    """The three eigenstates, labelled (|0>-like, lower, upper); axes: state, [component,] batch.

    ``energies`` (3, ...) in rad/s; ``zero_weight`` (3, ...) = |<0|i>|²; ``spin`` (3, 3, ...) = <i|S|i>;
    ``real_projector`` (3, 6, ...) = Re P_i as (XX, YY, ZZ, YZ, ZX, XY), or None where it was not asked for.
    """

    energies: FloatArray
    zero_weight: FloatArray
    spin: FloatArray
    real_projector: FloatArray | None = None

    __repr__ = abridged

    def weights(self) -> FloatArray:
        """Return |<p|i>|² of shape (3 states, 3, ...) for p = +1, 0, −1."""
        side = 0.5 * (1.0 - self.zero_weight)
        half = 0.5 * self.spin[:, 2]
        return np.stack([side + half, self.zero_weight, side - half], axis=1)


def spin_one_states(
    *, splitting: float, strain: float, field: FloatArray, projectors: bool = False
) -> SpinOneStates:
    """Return the eigenstates of ``D Sz² + E (Sx² − Sy²) + b·S``.

    Parameters
    ----------
    splitting, strain
        D and E in rad/s.
    field
        b = γe B in the frame of the NV axis, shape (3, ...), rad/s.
    projectors
        Whether to return the real parts of the projectors too (needed for matrix elements).
    """
    level = (splitting - strain, splitting + strain, 0.0)
    isolated, lowest = _isolated_energy(level, field)
    shifted = [isolated - d for d in level]
    square = [b * b for b in field]
    slope = shifted[0] * shifted[1]
    slope += shifted[2] * (shifted[0] + shifted[1])
    slope -= square[0] + square[1] + square[2]
    inverse = 1.0 / slope
    diagonal = [
        (shifted[left] * shifted[right] - square[k]) * inverse for k, (left, right) in enumerate(_PAIRS)
    ]
    spin = [2.0 * b * a * inverse for b, a in zip(field, shifted, strict=True)]
    off_diagonal = [-(field[left] * field[right]) * inverse for left, right in _PAIRS]
    middle = 0.5 * (2.0 * splitting - isolated)
    rest = _Remainder.of(level, field, isolated, middle, diagonal, off_diagonal, spin)
    return _labelled(isolated, lowest, middle, rest, diagonal, off_diagonal, spin, projectors)


def _isolated_energy(
    level: tuple[float, float, float], field: FloatArray
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return the extreme eigenvalue farther from the middle one, and whether it is the lowest."""
    mean = (level[0] + level[1]) / 3.0
    c0, c1, c2 = (d - mean for d in level)
    s0, s1, s2 = (b * b for b in field)
    total = s0 + s1
    total += s2
    # h³ − 3 p h − 2 q = 0 for the traceless part
    p = (total + 0.5 * (c0 * c0 + c1 * c1 + c2 * c2)) / 3.0
    q = c0 * s0
    q += c1 * s1
    q += c2 * s2
    q = 0.5 * (c0 * c1 * c2 - q)
    root = np.sqrt(p)
    ratio = np.abs(q) / (p * root)
    np.minimum(ratio, 1.0, out=ratio)
    magnitude = 2.0 * root * np.cos(np.arccos(ratio) / 3.0)
    # One Newton step; the slope at this root is never small.
    fall = magnitude * magnitude
    magnitude -= (magnitude * (fall - 3.0 * p) - 2.0 * np.abs(q)) / (3.0 * (fall - p))
    lowest = q < 0
    return mean + np.where(lowest, -magnitude, magnitude), lowest


@dataclass(frozen=True)
class _Remainder:
    """X = H − λ_a P_a − m(1 − P_a) over its larger eigenvalue: the difference of the two other projectors."""

    gap: FloatArray
    diagonal: list[FloatArray]
    off_diagonal: list[FloatArray]
    spin: list[FloatArray]  # antisymmetric part, as a vector t with X = … + t·S

    @classmethod
    def of(
        cls,
        level: tuple[float, float, float],
        field: FloatArray,
        isolated: FloatArray,
        middle: FloatArray,
        diagonal: list[FloatArray],
        off_diagonal: list[FloatArray],
        spin: list[FloatArray],
    ) -> _Remainder:
        drop = isolated - middle
        x_diagonal = [(d - middle) - drop * weight for d, weight in zip(level, diagonal, strict=True)]
        x_off = [-drop * element for element in off_diagonal]
        half_drop = 0.5 * drop
        x_spin = [b - half_drop * s for b, s in zip(field, spin, strict=True)]
        norm = x_diagonal[0] * x_diagonal[0]
        for element in x_diagonal[1:]:
            norm += element * element
        rest = x_off[0] * x_off[0]
        for element in (*x_off[1:], *x_spin):
            rest += element * element
        norm += 2.0 * rest
        # Tr H² of the larger of splitting and field sets the scale: an energy itself may be zero.
        size = level[1] ** 2 + field[0] ** 2 + field[1] ** 2 + field[2] ** 2
        degenerate = norm <= _DEGENERATE**2 * size
        gap = np.sqrt(2.0 * norm)
        if degenerate.any():
            cls._break_degeneracy(degenerate, norm, (x_diagonal, x_off, x_spin), diagonal, off_diagonal, spin)
            scale = 2.0 / np.sqrt(2.0 * norm)
        else:
            scale = 2.0 / gap
        return cls(
            gap,
            [scale * element for element in x_diagonal],
            [scale * element for element in x_off],
            [scale * element for element in x_spin],
        )

    @staticmethod
    def _break_degeneracy(
        where: NDArray[np.bool_],
        norm: FloatArray,
        x: tuple[list[FloatArray], list[FloatArray], list[FloatArray]],
        diagonal: list[FloatArray],
        off_diagonal: list[FloatArray],
        spin: list[FloatArray],
    ) -> None:
        """Put Q Sz Q (Q = 1 − P_a), traceless, in the place of X where two levels coincide."""
        x_diagonal, x_off, x_spin = x
        p = [element[where] for element in diagonal]
        o = [element[where] for element in off_diagonal]
        s = [element[where] for element in spin]
        new_diagonal = [0.5 * s[2] * (1.0 + p[k]) - (s[2] if k < 2 else 0.0) for k in range(3)]
        new_off = [
            0.5 * s[2] * o[0] + 0.5 * s[1],
            0.5 * s[2] * o[1] + 0.5 * s[0],
            0.5 * s[2] * o[2],
        ]
        new_spin = [o[1] + 0.25 * s[2] * s[0], o[0] + 0.25 * s[2] * s[1], p[2] + 0.25 * s[2] * s[2]]
        new_norm = sum(e * e for e in new_diagonal) + 2.0 * sum(e * e for e in (*new_off, *new_spin))
        for k in range(3):
            x_diagonal[k][where] = new_diagonal[k]
            x_off[k][where] = new_off[k]
            x_spin[k][where] = new_spin[k]
        norm[where] = np.maximum(new_norm, np.finfo(float).tiny)


def _labelled(
    isolated: FloatArray,
    lowest: NDArray[np.bool_],
    middle: FloatArray,
    rest: _Remainder,
    diagonal: list[FloatArray],
    off_diagonal: list[FloatArray],
    spin: list[FloatArray],
    projectors: bool,
) -> SpinOneStates:
    """Assemble the states (isolated, lower of the pair, upper of the pair) and sort them by label."""
    batch = isolated.shape
    energies = np.empty((3, *batch))
    energies[0] = isolated
    half_gap = 0.5 * rest.gap
    np.subtract(middle, half_gap, out=energies[1])
    np.add(middle, half_gap, out=energies[2])
    zero_weight = np.empty((3, *batch))
    _split(zero_weight, diagonal[2], 1.0, rest.diagonal[2])
    vector = np.empty((3, 3, *batch))
    for k in range(3):
        _split(vector[:, k], spin[k], 0.0, 2.0 * rest.spin[k])
    real = np.empty((3, 6, *batch)) if projectors else None
    if real is not None:
        for k in range(3):
            _split(real[:, k], diagonal[k], 1.0, rest.diagonal[k])
            _split(real[:, 3 + k], off_diagonal[k], 0.0, rest.off_diagonal[k])
    _relabel(energies, zero_weight, lowest, vector, real)
    return SpinOneStates(energies, zero_weight, vector, real)


def _split(out: FloatArray, isolated: FloatArray, total: float, difference: FloatArray) -> None:
    """Fill ``out`` with the isolated value and the pair's, from the pair's sum and difference."""
    out[0] = isolated
    mean = total - isolated
    np.multiply(0.5, mean - difference, out=out[1])
    np.multiply(0.5, mean + difference, out=out[2])


def _relabel(
    energies: FloatArray,
    zero_weight: FloatArray,
    lowest: NDArray[np.bool_],
    vector: FloatArray,
    real: FloatArray | None,
) -> None:
    """Permute the states in place to (|0>-like, lower, upper), where they are not in that order."""
    odd = ~(lowest & (zero_weight[0] > 0.5))
    if not odd.any():
        return
    by_energy = np.argsort(energies[:, odd], axis=0, kind="stable")
    zero = np.argmax(np.take_along_axis(zero_weight[:, odd], by_energy, axis=0), axis=0)
    ranks = np.stack([zero, np.where(zero == 0, 1, 0), np.where(zero == 2, 1, 2)])
    order = np.take_along_axis(by_energy, ranks, axis=0)
    for array in (energies, zero_weight):
        array[:, odd] = np.take_along_axis(array[:, odd], order, axis=0)
    for matrix in (vector, real):
        if matrix is not None:
            matrix[:, :, odd] = np.take_along_axis(matrix[:, :, odd], order[:, None], axis=0)


def state_vectors(states: SpinOneStates) -> ComplexArray:
    """Return eigenvectors in the Cartesian basis, shape (3 states, 3 components, ...).

    Parameters
    ----------
    states
        Eigenstates that were computed with ``projectors=True``.
    """
    real = states.real_projector
    if real is None:
        raise ArgumentError("states: wanted states with projectors; compute them with projectors=True")
    columns = np.argmax(real[:, :3], axis=1)[:, None]  # (3, 1, ...): the largest component of each state
    projector = np.empty((3, 3, *real.shape[:1], *real.shape[2:]), dtype=np.complex128)
    for k, (left, right) in enumerate(_PAIRS):
        projector[k, k] = real[:, k]
        projector[left, right] = real[:, 3 + k] - 0.5j * states.spin[:, k]
        projector[right, left] = np.conj(projector[left, right])
    projector = np.moveaxis(projector, 2, 0)  # state, row, column, ...
    column = np.take_along_axis(projector, columns[:, None], axis=2)[:, :, 0]
    return np.asarray(column / np.sqrt(np.take_along_axis(real[:, :3], columns, axis=1)))


def transition_spin(vectors: ComplexArray) -> ComplexArray:
    """Return <i|S|j> for the transitions (0, lower), (0, upper), (lower, upper): shape (3, 3, ...).

    Parameters
    ----------
    vectors
        Eigenvectors in the Cartesian basis, shape (3 states, 3 components, ...).

    Returns
    -------
    ComplexArray
        The second axis holds the components x, y, z of S.
    """
    first, second = vectors[[0, 0, 1]], vectors[[1, 2, 2]]
    return np.asarray(-1j * np.cross(np.conj(first), second, axis=1))
