"""Starting values, found from the data.

Where a model is linear in some parameters, those are solved in closed form at every node of a grid over
the others, and the best node wins (variable projection on a grid). That finds the right valley more
often than the textbook's log-log line or 1/e crossing, at any sign of the amplitude, and works on many
traces at once: the sums over points are matrix products.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from labspin.analysis.model import FloatArray, Numbers

__all__ = ["averaged", "decay_times", "line_limits", "separable_grid", "thinned"]

Trace = TypeVar("Trace", FloatArray, Numbers)
_ENOUGH = 10_000
"""Points from which the start of a smooth decay is found as well as from more."""


def separable_grid(
    basis: FloatArray, y: FloatArray, weights: FloatArray | None = None
) -> tuple[np.ndarray, FloatArray, FloatArray]:
    """Return the node whose curve fits best, with amplitude and offset in closed form.

    Minimises ``sum(w² (y - amplitude*basis[g] - offset)²)`` over amplitude and offset for every node g.

    Parameters
    ----------
    basis
        One curve a node, shape (g, n).
    y
        Traces, shape (..., n).
    weights
        1/sigma, of the shape of y, or None.

    Returns
    -------
    node, amplitude, offset
        Each of shape (...).
    """
    squares = np.ones_like(y) if weights is None else np.square(weights)
    # Centring y first keeps the sums from cancelling when the signal sits on a large offset.
    total = squares.sum(-1, keepdims=True)
    centre = (squares * y).sum(-1, keepdims=True) / total
    weighted = squares * (y - centre)
    mean = squares @ basis.T / total
    variance = squares @ np.square(basis).T - total * mean**2
    projection = weighted @ basis.T
    usable = variance > 1e-12 * (total * np.maximum(mean**2, 1e-300))
    explained = np.where(usable, projection**2 / np.where(usable, variance, 1.0), -np.inf)
    node = np.argmax(explained, axis=-1)
    pick = np.expand_dims(node, -1)
    chosen = np.take_along_axis(np.where(usable, variance, np.inf), pick, -1)
    amplitude = np.take_along_axis(projection, pick, -1) / chosen
    offset = centre - amplitude * np.take_along_axis(mean, pick, -1)
    return node, amplitude[..., 0], offset[..., 0]


def decay_times(x: FloatArray, count: int) -> FloatArray:
    """Return ``count`` logarithmically spaced times that cover the decays which ``x`` (n,) can show.

    Parameters
    ----------
    x
        Shape (n,), in any order; only positive ones count.
    count
        How many times to return.

    Returns
    -------
    times
        Shape (count,), from half the shortest time or gap to three times the longest; of the size of the
        range of x where none is positive.
    """
    positive = np.unique(x[x > 0])
    if positive.size == 0:
        return np.geomspace(0.01, 3.0, count) * (float(np.ptp(x)) or 1.0)
    gaps = np.diff(np.unique(x))
    shortest = min(positive[0], gaps[gaps > 0].min() if gaps.size else positive[0])
    return np.geomspace(shortest / 2, 3 * positive[-1], count)


def thinned(
    x: FloatArray, y: FloatArray, weights: FloatArray | None
) -> tuple[FloatArray, FloatArray, FloatArray | None]:
    """Return every k-th point of long traces, for starting values of what varies slowly.

    Parameters
    ----------
    x
        Shape (..., n).
    y
        Traces, shape (..., n).
    weights
        1/σ, shape (..., n); None: all alike.

    Returns
    -------
    x, y, weights
        As they are where they are short.
    """
    step = max(x.shape[-1] // _ENOUGH, 1)
    if step == 1:
        return x, y, weights
    return x[..., ::step], y[..., ::step], None if weights is None else weights[..., ::step]


def averaged(
    x: FloatArray, y: Trace, weights: FloatArray | None, enough: int
) -> tuple[FloatArray, Trace, FloatArray | None]:
    """Return means over parts of a long trace, for starts that are sought by many curves at every point.

    Unlike every k-th point, they keep what many noisy points say together.

    Parameters
    ----------
    x
        Shape (n,), in any order.
    y
        Shape (..., n).
    weights
        1/σ, shape (..., n); None: all alike.
    enough
        Parts, of equally many points; a trace of up to twice as many points is left as it is.

    Returns
    -------
    x, y, weights
        x, y and weights of the parts, in ascending x.
    """
    size = x.size // enough
    if size < 2:
        return x, y, weights
    order = np.argsort(x, kind="stable")[: size * (x.size // size)].reshape(-1, size)
    if weights is None:
        return x[order].mean(-1), y[..., order].mean(-1), None
    squares = np.square(weights[..., order])
    total = np.maximum(squares.sum(-1), 1e-300)
    return x[order].mean(-1), (squares * y[..., order]).sum(-1) / total, np.sqrt(total)


def line_limits(x: FloatArray, count: int) -> dict[str, tuple[float, float]]:
    """Return where lines can be and how wide: in the window, narrower than it, wider than the spacing.

    Parameters
    ----------
    x
        Points of a spectrum (n,), or of several (m, n); less than three different ones set no limits.
    count
        How many lines there are.

    Returns
    -------
    limits
        Smallest and largest value of ``center_1``, ``width_1`` and so on, in the unit of x.
    """
    places = np.unique(x)
    if places.size < 3:
        return {}
    low, high = float(places[0]), float(places[-1])
    # Where some points are closer than others, lines may be as narrow as those show.
    narrowest = float(np.quantile(np.diff(places), 0.05)) if x.ndim == 1 else (high - low) / x.shape[-1] / 2
    widths = (min(narrowest, 0.1 * (high - low)), high - low)
    return {
        name: pair
        for k in range(1, count + 1)
        for name, pair in ((f"center_{k}", (low, high)), (f"width_{k}", widths))
    }
