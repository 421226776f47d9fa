"""Where the dips of a spectrum are: orthogonal matching pursuit over a dictionary of positions and widths.

The dictionary is the same for all spectra on one axis; a pick for a thousand spectra is a few passes over
arrays. Of its products with itself only the rows that are picked are computed. A pick takes the curve that
lowers the sum of squares most *given* the ones already taken and the background, all depths free. What a
greedy choice gets wrong is put right by `labspin.analysis.minimiser.exchange`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.model import FloatArray
from labspin.analysis.models.condensed import LONGEST, condensed

__all__ = ["dip_nodes", "place_dips"]

IndexArray = NDArray[np.intp]
_WIDTHS = 8
_STEPS = 8
"""Positions a width: coarser, and one dip between two positions is taken for two."""
_BLOCK = 64
_MOST_PRODUCTS = 2048
"""Rows of a dictionary up to which all their products are computed at once, 32 MB."""


def place_dips(
    x: FloatArray,
    y: FloatArray,
    count: int,
    shape: Callable[[FloatArray], FloatArray],
    *,
    line: bool = False,
    mixed: bool = False,
    downward: bool = False,
    weights: FloatArray | None = None,
) -> tuple[FloatArray, ...]:
    """Return where the dips of each spectrum are, and the background.

    Parameters
    ----------
    x
        Shape (n,).
    y
        Spectra, shape (..., n).
    count
        Dips in each spectrum.
    shape
        The dip as a function of (x − center)/width, 1 in the middle.
    line
        The background slopes; the offset is then its value at x = 0.
    mixed
        Dips and peaks may stand in one spectrum; otherwise all are dips or all peaks, whichever explain more.
    downward
        All are dips: on a sloping background, a peak beside a dip can explain as much.
    weights
        Weights of the points, shape (n,); None: equal; a long spectrum is then searched in means of points.

    Returns
    -------
    centers, widths, depths
        Shape (..., count) each, by ascending center; the depth of a peak is negative.
    offset, slope
        Offset and slope of the background, shape (...) each; the slope is 0 without ``line``.
    """
    spectra = np.atleast_2d(y)
    if x.size > LONGEST and weights is None:
        return _placed_in_means(x, y, count, shape, line=line, mixed=mixed, downward=downward)
    centers, widths = dip_nodes(x, count)
    atoms = shape((x - centers[:, None]) / widths[:, None])
    middle = float(x.mean())
    span = float(np.ptp(x)) or 1.0
    background = np.stack([np.ones_like(x), (x - middle) / span]) if line else np.ones((1, x.size))
    scale = np.ones_like(x) if weights is None else weights
    dictionary = np.concatenate([background, atoms]) * scale
    gram = _Products(dictionary, len(spectra) * count)
    fixed = len(background)
    parts = [
        _pursue(gram, (block * scale) @ dictionary.T, fixed, count, mixed, downward)
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


def _placed_in_means(
    x: FloatArray, y: FloatArray, count: int, shape: Callable[[FloatArray], FloatArray], **how: bool
) -> tuple[FloatArray, ...]:
    """Return what `place_dips` finds in means of long spectra: its memory is the square of the points."""
    found = []
    for one in y.reshape(-1, x.size):
        points, means, weights = condensed(x, one)
        found.append(place_dips(points, means, count, shape, weights=weights, **how))
    lead = y.shape[:-1]
    stacked = [np.stack(arrays) for arrays in zip(*found, strict=True)]
    return tuple(array.reshape(lead + array.shape[1:]) for array in stacked)


class _Products:
    """Products of the rows of a dictionary: all at once where many are wanted, else one by one."""

    def __init__(self, dictionary: FloatArray, wanted: int) -> None:
        self.rows = dictionary
        self.own = np.einsum("gn,gn->g", dictionary, dictionary)
        self.all = dictionary @ dictionary.T if len(dictionary) <= min(wanted, _MOST_PRODUCTS) else None

    def of(self, picked: IndexArray) -> FloatArray:
        """Return the products of the rows ``picked`` (m,) with all rows, (m, g)."""
        if self.all is not None:
            return self.all[picked]
        different, back = np.unique(picked, return_inverse=True)
        return np.asarray((self.rows[different] @ self.rows.T)[back])

    def among(self, chosen: IndexArray) -> FloatArray:
        """Return the products of the rows ``chosen`` (m, k) with each other, (m, k, k)."""
        if self.all is not None:
            return self.all[chosen[:, :, None], chosen[:, None, :]]
        rows = self.rows[chosen]
        return np.asarray(rows @ np.swapaxes(rows, 1, 2))


def dip_nodes(x: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    """Return positions and widths of the dictionary: widths from two spacings to a part of the span.

    Parameters
    ----------
    x
        Points of the spectrum, shape (n,), in any order.
    count
        Dips that are looked for: the more, the narrower the widest node.

    Returns
    -------
    centers, widths
        Centers and widths of all nodes, shape (g,) each, in the unit of x.
    """
    ordered = np.unique(x)
    span = float(ordered[-1] - ordered[0]) or 1.0
    gaps = np.diff(ordered) if ordered.size > 1 else np.array([span])
    narrowest = 2 * float(np.quantile(gaps, 0.01))
    widest = max(span / (1 + count), 2 * narrowest)
    number = max(_WIDTHS, int(np.ceil(np.log2(widest / narrowest))) + 1)
    # The distance to the farther neighbour: a dip is looked for where it would be seen.
    local = np.maximum(np.append(gaps, gaps[-1]), np.insert(gaps, 0, gaps[0]))
    pairs = []
    for width in np.geomspace(narrowest, widest, number):
        steps = max(4, int(np.ceil(span / (width / _STEPS))))
        places = np.linspace(ordered[0], ordered[-1], min(ordered.size, steps))
        if local.max() > 1.5 * narrowest:
            seen = ordered[local <= width]
            thinned = np.unique(np.round((seen - ordered[0]) * (steps / span)), return_index=True)[1]
            places = seen[thinned]
        pairs.append(np.stack([places, np.full(places.size, width)]))
    centers, spread = np.concatenate(pairs, axis=1)
    return centers, spread


def _pursue(
    gram: _Products, projected: FloatArray, fixed: int, count: int, mixed: bool, downward: bool
) -> tuple[IndexArray, FloatArray]:
    """Return the chosen rows of the dictionary (m, fixed + count) and their coefficients."""
    start = np.broadcast_to(np.arange(fixed), (len(projected), fixed)).copy()
    if mixed or downward:
        chosen, _ = _greedy(gram, projected, start, count, 0.0 if mixed else -1.0)
    else:
        (dips, by_dips), (peaks, by_peaks) = (
            _greedy(gram, projected, start, count, sign) for sign in (-1.0, 1.0)
        )
        chosen = np.where((by_peaks > by_dips)[:, None], peaks, dips)
    return chosen, _solve(gram, projected, chosen)


def _greedy(
    gram: _Products, projected: FloatArray, chosen: IndexArray, count: int, sign: float
) -> tuple[IndexArray, FloatArray]:
    """Return ``chosen`` and ``count`` rows more, each the best beside those before, and what they explain.

    ``sign`` is that of the heights, 0 for either.

    The dictionary is made orthogonal to each row as it is taken (Gram–Schmidt, on the products alone).
    """
    own = gram.own
    correlation, remaining = projected.copy(), np.broadcast_to(own, projected.shape).copy()
    taken: list[FloatArray] = []
    explained = np.zeros(len(projected))
    first = chosen.shape[1]
    for step in range(first + count):
        if step < first:
            best = chosen[:, step]
        else:
            left = remaining > 1e-6 * own
            gain = np.where(left, correlation**2 / np.where(left, remaining, 1.0), -1.0)
            if sign:
                gain = np.where(correlation * sign > 0, gain, np.minimum(gain, 0.0))
            best = np.argmax(gain, axis=1)
            chosen = np.concatenate([chosen, best[:, None]], axis=1)
        pick = best[:, None]
        row = gram.of(best).copy()
        for before in taken:
            row -= before * np.take_along_axis(before, pick, 1)
        length = np.sqrt(np.maximum(np.take_along_axis(row, pick, 1), 1e-300))
        row /= length
        along = np.take_along_axis(correlation, pick, 1) / length
        explained += along[:, 0] ** 2
        correlation -= along * row
        remaining -= row**2
        taken.append(row)
    return chosen, explained


def _solve(gram: _Products, projected: FloatArray, chosen: IndexArray) -> FloatArray:
    """Return the coefficients of the ``chosen`` rows."""
    matrix = gram.among(chosen)
    ridge = 1e-10 * np.trace(matrix, axis1=-2, axis2=-1)[:, None, None] * np.eye(chosen.shape[1])
    right = np.take_along_axis(projected, chosen, axis=1)
    return np.linalg.solve(matrix + ridge, right[..., None])[..., 0]
