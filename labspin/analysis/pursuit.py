"""Where the dips of a spectrum are: orthogonal matching pursuit over a dictionary of positions and widths.

The dictionary is the same for all spectra on one axis, so its products are computed once; a pick for a
thousand spectra is then a few small matrix products. A pick takes the curve that lowers the sum of squares
most *given* the ones already taken and the background, all depths being free. After the last pick each dip is
taken away and placed again where it now explains most, twice: that undoes an early pick in the gap
between two dips.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.model import FloatArray

__all__ = ["place_dips"]

IndexArray = NDArray[np.intp]
_WIDTHS = 8
_ROUNDS = 2
_STEPS = 8
"""Positions a width: coarser, and one dip between two positions is taken for two."""
_BLOCK = 64


def place_dips(
    x: FloatArray,
    y: FloatArray,
    count: int,
    shape: Callable[[FloatArray], FloatArray],
    *,
    line: bool = False,
    mixed: bool = False,
) -> tuple[FloatArray, ...]:
    """Return centers, widths, depths (..., count), offset and slope (...) of the dips of ``y`` (..., n).

    Parameters
    ----------
    shape
        The dip as a function of (x − center)/width, 1 in the middle.
    line
        The background slopes; the offset is then its value at x = 0.
    mixed
        Dips and peaks may stand in one spectrum; otherwise all go the way of the first one found, which keeps
        a wide dip with a narrow peak in it from taking the place of two dips.
    """
    spectra = np.atleast_2d(y)
    centers, widths = _nodes(x, count)
    atoms = shape((x - centers[:, None]) / widths[:, None])
    middle = float(x.mean())
    span = float(np.ptp(x)) or 1.0
    background = np.stack([np.ones_like(x), (x - middle) / span]) if line else np.ones((1, x.size))
    dictionary = np.concatenate([background, atoms])
    gram = dictionary @ dictionary.T
    fixed = len(background)
    parts = [
        _pursue(gram, block @ dictionary.T, fixed, count, mixed)
        for block in np.split(spectra, range(_BLOCK, len(spectra), _BLOCK))
    ]
    chosen, solution = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    picked = chosen[:, fixed:] - fixed
    order = np.argsort(centers[picked], axis=-1)
    picked = np.take_along_axis(picked, order, -1)
    depths = -np.take_along_axis(solution[:, fixed:], order, -1)
    slope = solution[:, 1] / span if line else np.zeros(len(spectra))
    offset = solution[:, 0] - slope * middle if line else solution[:, 0]
    lead = y.shape[:-1]
    return tuple(
        np.asarray(array).reshape(lead + array.shape[1:])
        for array in (centers[picked], widths[picked], depths, offset, slope)
    )


def _nodes(x: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    """Return positions and widths of the dictionary: widths from two spacings to a part of the span."""
    ordered = np.unique(x)
    span = float(ordered[-1] - ordered[0]) or 1.0
    spacing = float(np.median(np.diff(ordered))) if ordered.size > 1 else span
    narrowest = 2 * spacing
    widths = np.geomspace(narrowest, max(span / (1 + count), 2 * narrowest), _WIDTHS)
    pairs = []
    for width in widths:
        number = min(ordered.size, max(4, int(np.ceil(span / (width / _STEPS)))))
        places = np.linspace(ordered[0], ordered[-1], number)
        pairs.append(np.stack([places, np.full(number, width)]))
    centers, spread = np.concatenate(pairs, axis=1)
    return centers, spread


def _pursue(
    gram: FloatArray, projected: FloatArray, fixed: int, count: int, mixed: bool
) -> tuple[IndexArray, FloatArray]:
    """Return the chosen rows of the dictionary (m, fixed + count) and their coefficients."""
    chosen = np.broadcast_to(np.arange(fixed), (len(projected), fixed)).copy()
    sign: FloatArray | None = None
    for _ in range(count):
        best, height = _best_next(gram, projected, chosen, sign)
        chosen = np.concatenate([chosen, best[:, None]], axis=1)
        if sign is None and not mixed:
            sign = np.sign(height)
    for _ in range(_ROUNDS if count > 1 else 0):
        for position in range(fixed, fixed + count):
            others = np.delete(chosen, position, axis=1)
            chosen[:, position] = _best_next(gram, projected, others, sign)[0]
    return chosen, _solve(gram, projected, chosen)[0]


def _best_next(
    gram: FloatArray, projected: FloatArray, chosen: IndexArray, sign: FloatArray | None
) -> tuple[IndexArray, FloatArray]:
    """Return the row that lowers each sum of squares most beside ``chosen`` (m, k), and its correlation.

    ``sign`` (m,): that of the heights that are allowed.
    """
    coefficients, inverse = _solve(gram, projected, chosen)
    rows = gram[chosen]
    correlation = projected - np.matmul(coefficients[:, None, :], rows)[:, 0]
    explained = np.einsum("mkg,mkg->mg", rows, np.matmul(inverse, rows))
    own = np.diag(gram)
    remaining = own - explained
    gain = np.where(remaining > 1e-6 * own, correlation**2 / np.maximum(remaining, 1e-300), -1.0)
    if sign is not None:
        gain = np.where(correlation * sign[:, None] > 0, gain, np.minimum(gain, 0.0))
    best = np.argmax(gain, axis=-1)
    return np.asarray(best), np.take_along_axis(correlation, best[:, None], 1)[:, 0]


def _solve(gram: FloatArray, projected: FloatArray, chosen: IndexArray) -> tuple[FloatArray, FloatArray]:
    matrix = gram[chosen[:, :, None], chosen[:, None, :]]
    ridge = 1e-10 * np.trace(matrix, axis1=-2, axis2=-1)[:, None, None] * np.eye(chosen.shape[1])
    inverse = np.linalg.inv(matrix + ridge)
    right = np.take_along_axis(projected, chosen, axis=1)
    return np.matmul(inverse, right[..., None])[..., 0], inverse
