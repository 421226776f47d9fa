"""A long spectrum made short for the search of dips, without losing the narrow ones.

The search for starting values takes memory and time as the square of the points. Means over equal parts of a
long spectrum are short enough, but bury dips that are narrower than a part. So the spectrum is first looked
through for narrow features at all scales (a box against the boxes beside it, by running sums: linear time),
and where one is clearly visible the means are taken over fewer points.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from labspin.analysis.model import FloatArray

__all__ = ["LONGEST", "Condensed", "condensed"]

LONGEST = 512
"""Points up to which a spectrum is searched as it is."""
_PARTS = 256
"""Equal parts of a longer one."""
_FEATURES = 12
_REACH = 4
"""Widths of a feature on each side of it that are looked at closely."""


class Condensed(NamedTuple):
    """Means of a spectrum over parts of it, and the roots of the numbers of points in them."""

    x: FloatArray
    y: FloatArray
    weights: FloatArray


def condensed(x: FloatArray, y: FloatArray) -> Condensed:
    """Return a short version of a spectrum.

    Parameters
    ----------
    x
        Shape (n,), in any order.
    y
        Shape (n,), in the order of x.

    Returns
    -------
    condensed
        Means of x and y over parts of the spectrum, in ascending x, and the roots of the numbers of points in
        them, each of shape (m,).
    """
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    size = x.size
    edges = [np.linspace(0, size, _PARTS + 1).astype(np.intp)[:-1]]
    for middle, width in _features(y):
        low, high = max(middle - _REACH * width, 0), min(middle + _REACH * width, size)
        edges.append(np.arange(low, high, max(width // 4, 1)))
    begins = np.unique(np.concatenate(edges))
    numbers = np.diff(np.append(begins, size))
    means = [np.add.reduceat(values, begins) / numbers for values in (x, y)]
    return Condensed(means[0], means[1], np.sqrt(numbers))


def _features(y: FloatArray) -> list[tuple[int, int]]:
    """Return middle and width, in points, of what stands out most at scales below a part of the spectrum."""
    sums = np.concatenate([[0.0], np.cumsum(y - y.mean())])
    found: list[tuple[float, int, int]] = []
    width = 2
    while width <= 4 * max(y.size // _PARTS, 1) and 3 * width < y.size:
        inner = sums[2 * width : -width] - sums[width : -2 * width]
        outer = sums[3 * width :] - sums[: -3 * width] - inner
        apart = (inner - outer / 2) / np.sqrt(1.5 * width)
        level = float(np.median(np.abs(apart))) or 1.0
        score = np.abs(apart - np.median(apart)) / level
        for _ in range(_FEATURES):
            place = int(np.argmax(score))
            if not score[place] > 0:
                break
            found.append((float(score[place]), place + width + width // 2, width))
            score[max(place - 2 * width, 0) : place + 2 * width] = 0.0
        width *= 2
    kept: list[tuple[int, int]] = []
    for _, middle, width in sorted(found, reverse=True):
        if all(abs(middle - other) > 2 * max(width, wide) for other, wide in kept):
            kept.append((middle, width))
        if len(kept) == _FEATURES:
            break
    return kept
