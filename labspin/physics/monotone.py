"""Interpolation that neither overshoots nor turns back between its points.

Piecewise cubic Hermite polynomials with the slopes of F. N. Fritsch and J. Butland, SIAM J. Sci. Stat.
Comput. 5, 300 (1984), as `scipy.interpolate.PchipInterpolator` has them. To import that takes a third of a
second of the processor.

=========  ===========================================
symbol     meaning
=========  ===========================================
x_i, y_i   points, ``known`` and ``values``
h_i        x_(i+1) − x_i
δ_i        (y_(i+1) − y_i)/h_i
d_i        slope at x_i
=========  ===========================================
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from labspin.arrays import FloatArray

__all__ = ["interpolated"]


def interpolated(*, at: ArrayLike, known: ArrayLike, values: ArrayLike) -> FloatArray:
    """Return ``values`` at other places.

    Inside, d_i = (w₁ + w₂)/(w₁/δ_(i−1) + w₂/δ_i) with w₁ = 2h_i + h_(i−1) and w₂ = h_i + 2h_(i−1), and 0
    where the δ differ in sign; at the ends, the slope of the parabola through three points, bounded so that
    nothing overshoots.

    Parameters
    ----------
    at
        Where, of any shape; beyond the ends, the polynomial of the last piece continues.
    known
        Places x_i, shape (n,) with n ≥ 2, ascending.
    values
        Values y_i, shape (n,).
    """
    x, y, place = (np.asarray(one, dtype=np.float64) for one in (known, values, at))
    width = np.diff(x)
    rise = np.diff(y) / width
    slope = _slopes(width, rise)
    piece = np.clip(np.searchsorted(x, place, side="right") - 1, 0, width.size - 1)
    h, t = width[piece], place - x[piece]
    d, following, mean = slope[piece], slope[piece + 1], rise[piece]
    square, cube = (3 * mean - 2 * d - following) / h, (d + following - 2 * mean) / h**2
    return np.asarray(y[piece] + t * (d + t * (square + t * cube)))


def _slopes(width: FloatArray, rise: FloatArray) -> FloatArray:
    if rise.size == 1:
        return np.repeat(rise, 2)
    slope = np.zeros(rise.size + 1)
    left, right = rise[:-1], rise[1:]
    w1, w2 = 2 * width[1:] + width[:-1], width[1:] + 2 * width[:-1]
    same = left * right > 0
    slope[1:-1][same] = (w1 + w2)[same] / (w1[same] / left[same] + w2[same] / right[same])
    slope[0] = _end(width[0], width[1], rise[0], rise[1])
    slope[-1] = _end(width[-1], width[-2], rise[-1], rise[-2])
    return slope


def _end(near: float, far: float, rise: float, next_rise: float) -> float:
    """Return the slope at an end: of the parabola, unless it turns back or is too steep."""
    slope = ((2 * near + far) * rise - near * next_rise) / (near + far)
    if slope * rise <= 0:
        return 0.0
    if rise * next_rise < 0 and abs(slope) > 3 * abs(rise):
        return 3 * rise
    return float(slope)
