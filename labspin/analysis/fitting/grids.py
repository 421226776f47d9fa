"""Where the curve of a fit is evaluated: as its points are spaced, and fine wherever it bends.

A logarithmic grid is for points that are spaced so: a Rabi oscillation whose first pulse is a thousandth of
the last is not, although it spans three decades.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from labspin.analysis.model import FloatArray
from labspin.arrays import Numbers

__all__ = ["curve_grid", "fine_grid", "is_log_spaced"]

_WIDE = 100  # ratio from which points may be spaced logarithmically, however unequal their ratios
_DECADE = 10  # ratio from which points of equal ratios are
_MANY = 2000  # points of a trace up to which the grid goes through all of them
_BENDS = 400  # of more points, those where the model bends most
_ROUNDS = 10  # halvings of the steps where the curve bends
_LONGEST = 6000  # points of a grid
_STRAIGHT = 1e-3  # part of the height by which a curve may leave the straight line between two points


_EQUAL = 0.05
"""Scatter of the steps on a logarithmic axis, for their mean size, up to which ratios count as equal."""


def is_log_spaced(x: FloatArray) -> bool:
    """Return whether points are spaced more evenly on a logarithmic axis: none negative, over two decades.

    One decade is enough for four points or more whose neighbours have equal ratios.

    Parameters
    ----------
    x
        Points, shape (n,), in any unit and order.
    """
    finite = np.unique(x[np.isfinite(x)])
    positive = finite[finite > 0]
    if positive.size < 3 or finite[0] < 0 or positive[-1] < _DECADE * positive[0]:
        return False
    uneven = _unevenness(np.log(positive))
    if positive[-1] < _WIDE * positive[0]:
        return positive.size > 3 and finite[0] > 0 and uneven < _EQUAL
    return bool(uneven < _unevenness(positive))


def _unevenness(x: FloatArray) -> float:
    """Return how much steps differ, for their mean size."""
    steps = np.diff(x)
    return float(np.std(steps) / np.mean(steps))


def fine_grid(x: FloatArray, count: int = 400) -> FloatArray:
    """Return a fine grid over ``x``, spaced as x is.

    Parameters
    ----------
    x
        Points of a trace, shape (n,), n ≥ 1, in any order.
    count
        Points of the grid. Where a logarithmic one begins at x = 0, 20 more lie below the first positive x.

    Returns
    -------
    grid
        From the smallest to the largest x, in the unit of x.
    """
    low, high = float(x.min()), float(x.max())
    if is_log_spaced(x):
        grid = np.geomspace(float(x[x > 0].min()), high, count)
        return np.concatenate([np.linspace(0, grid[0], 20, endpoint=False), grid]) if low == 0 else grid
    return np.linspace(low, high, count)


def curve_grid(x: FloatArray, evaluate: Callable[[FloatArray], Numbers]) -> FloatArray:
    """Return a grid on which no bend of a curve is missed, however narrow a line that the points show.

    Parameters
    ----------
    x
        Points of a trace, shape (n,), n ≥ 1, in any order.
    evaluate
        The curve at an array of points.

    Returns
    -------
    grid
        Rising, from the smallest to the largest x, in the unit of x.
    """
    knots = np.unique(x[np.isfinite(x)])
    if knots.size > _MANY:
        bends = np.argsort(np.abs(np.diff(evaluate(knots), 2)))[-_BENDS:]
        knots = knots[np.unique(np.concatenate([bends, bends + 1, bends + 2]))]
    grid = np.union1d(fine_grid(x), knots)
    for _ in range(_ROUNDS if grid.size > 1 else 0):
        finer = np.empty(2 * grid.size - 1)
        finer[0::2], finer[1::2] = grid, (grid[1:] + grid[:-1]) / 2
        found = evaluate(finer)
        curve, between, middle = found[0::2], found[1::2], finer[1::2]
        height = float(np.max(np.abs(curve - curve[0]), initial=0.0))
        off = np.abs(between - (curve[1:] + curve[:-1]) / 2)
        bent = off > _STRAIGHT * height
        # Half-way, a curve may cross the line that it leaves, and a tip may stand beside a steep flank.
        bent[1:] |= off[:-1] > _STRAIGHT * height
        bent[:-1] |= off[1:] > _STRAIGHT * height
        if not bent.any() or grid.size + bent.sum() > _LONGEST:
            break
        grid = np.union1d(grid, middle[bent])
    return np.asarray(grid, np.float64)
