"""Starting values of spectra put right where they are wrong: the dip that explains least is placed again.

Pursuit over a dictionary may spend two entries on one dip, because neither has quite its width, and miss a
dip elsewhere; or take two dips for one that is wide. After a few steps of the fit this shows: there is a dip
without which the others explain the spectrum almost as well. That one is taken away and placed where it
explains most beside the others, or makes two of the dip that is better as two; the fit takes a few more
steps, and what has become better is kept, and tried again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from labspin.analysis.minimiser.levenberg import minimise
from labspin.analysis.minimiser.problem import IndexArray, Problem
from labspin.analysis.model import FloatArray

__all__ = ["Spectra", "exchange_dips"]

_STEPS = 12
"""Of the fit between two exchanges: enough to give the dips their widths."""
_ROUNDS = 6
_BETTER = 1e-3
"""Relative fall of χ² that makes another exchange worth trying."""
_BLOCK = 64


@dataclass(frozen=True)
class Spectra:
    """What the spectra are made of.

    Attributes
    ----------
    shape
        A dip as a function of (x − center)/width.
    derivatives
        Derivatives of the whole model: centers, widths, depths, offset and, if ``sloping``, slope.
    count
        Number of dips.
    sloping
        The background is a line through the offset at the first center.
    mixed
        Dips and peaks may stand in one spectrum.
    weights
        Weights of the points, shape (n,) or one number.
    """

    shape: Callable[[FloatArray], FloatArray]
    derivatives: Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]
    count: int
    sloping: bool
    mixed: bool
    weights: FloatArray | float = 1.0


def exchange_dips(
    spectra: Spectra, x: FloatArray, y: FloatArray, values: FloatArray, nodes: tuple[FloatArray, FloatArray]
) -> FloatArray:
    """Return better starting values (m, p), with the dips sorted.

    Parameters
    ----------
    spectra
        What the spectra are made of.
    x
        Shape (n,).
    y
        The spectra, shape (m, n).
    values
        Starting values, shape (m, p), in the order of the parameters that ``spectra.derivatives`` takes.
    nodes
        Centers and widths where a dip may be placed, each (g,), in the unit of x.
    """
    atoms = spectra.shape((x - nodes[0][:, None]) / nodes[1][:, None]) * spectra.weights
    blocks = [slice(begin, begin + _BLOCK) for begin in range(0, len(y), _BLOCK)]
    better = [_improved(spectra, x, y[block], values[block], nodes, atoms) for block in blocks]
    return _sorted(np.concatenate(better), spectra)


def _sorted(values: FloatArray, spectra: Spectra) -> FloatArray:
    """Return the values with the dips in order of their centers; the background stays where it is."""
    count = spectra.count
    order = np.argsort(values[:, :count], axis=1)
    dips = values[:, : 3 * count].reshape(-1, 3, count)
    dips = np.take_along_axis(dips, order[:, None, :], 2)
    background = values[:, 3 * count :].copy()
    if spectra.sloping:
        background[:, 0] += background[:, 1] * (dips[:, 0, 0] - values[:, 0])
    return np.concatenate([dips.reshape(len(values), -1), background], axis=1)


def _improved(
    spectra: Spectra,
    x: FloatArray,
    y: FloatArray,
    values: FloatArray,
    nodes: tuple[FloatArray, FloatArray],
    atoms: FloatArray,
) -> FloatArray:
    best, cost = _refined(spectra, x, y, values)
    best = np.where(np.isfinite(cost)[:, None], best, values)
    active = np.arange(len(y))
    for _ in range(_ROUNDS):
        moves = _exchanged(spectra, x, y[active], best[active], nodes, atoms)
        tried = [_refined(spectra, x, y[active], move) for move in moves]
        first = tried[0][1] <= tried[1][1]
        trial = np.where(first[:, None], tried[0][0], tried[1][0])
        found = np.where(first, tried[0][1], tried[1][1])
        better = found < (1 - _BETTER) * cost[active]
        # A dip narrower than the points are apart fits the noise of one of them.
        better &= (trial[:, spectra.count : 2 * spectra.count] > 0.5 * nodes[1].min()).all(1)
        best[active[better]], cost[active[better]] = trial[better], found[better]
        active = active[better]
        if not active.size:
            break
    return best


def _refined(
    spectra: Spectra, x: FloatArray, y: FloatArray, values: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the values after a few steps of the fit, and χ²."""
    count, parameters = spectra.count, values.shape[1]
    free = np.ones(parameters, bool)
    widths = np.zeros(parameters, bool)
    widths[count : 2 * count] = True
    unbounded = np.full(parameters, np.inf)
    problem = Problem(
        evaluate=lambda points, at, steps: spectra.derivatives(points, at),
        x=x, y=y, weights=np.broadcast_to(spectra.weights, y.shape), logarithmic=widths,
        lower=-unbounded, upper=unbounded, free=free, numerical=False,
    )  # fmt: skip
    found = minimise(problem, values, tolerance=1e-2, iterations=_STEPS, capacity=_BLOCK)
    return found.values, found.cost


def _exchanged(
    spectra: Spectra,
    x: FloatArray,
    y: FloatArray,
    values: FloatArray,
    nodes: tuple[FloatArray, FloatArray],
    atoms: FloatArray,
) -> list[FloatArray]:
    """Return the values with the dip that explains least placed where it explains most, and those split."""
    count, rows = spectra.count, np.arange(len(y))
    center, width = values[:, :count, None], values[:, count : 2 * count, None]
    dips = np.nan_to_num(spectra.shape((x - center) / width))
    line = np.broadcast_to(x - x.mean(), (len(y), 1, x.size))
    parts = [dips, np.ones((len(y), 1, x.size)), *([line] if spectra.sloping else [])]
    basis = np.concatenate(parts, axis=1) * spectra.weights
    y = y * spectra.weights
    weakest, heights = _weakest(basis, y, count)
    kept = np.ones(basis.shape[:2], bool)
    kept[rows, weakest] = False
    others = basis[kept].reshape(len(y), basis.shape[1] - 1, x.size)
    sign = None if spectra.mixed else np.where(np.median(heights, axis=1) > 0, 1.0, -1.0)
    node = _best_atom(atoms, others, y, sign)
    moved = values.copy()
    moved[rows, weakest], moved[rows, count + weakest] = nodes[0][node], nodes[1][node]
    y = y / spectra.weights
    moves = (moved, _split(spectra, x, y, values, weakest))
    return [_with_heights(spectra, x, y, move)[0] for move in moves]


def _split(
    spectra: Spectra, x: FloatArray, y: FloatArray, values: FloatArray, weakest: IndexArray
) -> FloatArray:
    """Return the values with the weakest dip used to make two of another: of that which gains most by it."""
    count, rows = spectra.count, np.arange(len(y))
    best, lowest = values, np.full(len(y), np.inf)
    for dip in range(count):
        center, width = values[:, dip], values[:, count + dip]
        halves = values.copy()
        halves[:, dip], halves[rows, weakest] = center - width / 4, center + width / 4
        halves[:, count + dip] = halves[rows, count + weakest] = 0.6 * width
        left = _with_heights(spectra, x, y, halves)[1]
        better = (left < lowest) & (weakest != dip)
        best, lowest = np.where(better[:, None], halves, best), np.where(better, left, lowest)
    return best


def _weakest(basis: FloatArray, y: FloatArray, count: int) -> tuple[IndexArray, FloatArray]:
    """Return which dip costs least to leave out, the heights being solved again, and the heights."""
    heights, inverse = _solved(basis, y)
    lost = np.square(heights) / np.diagonal(inverse, axis1=1, axis2=2)
    return np.asarray(np.argmin(lost[:, :count], axis=1)), heights[:, :count]


def _solved(basis: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return coefficients (m, k) of basis (m, k, n) for y (m, n), and the inverse of the normal matrix."""
    scale = 1 / np.sqrt(np.maximum(np.square(basis).sum(-1), 1e-200))
    unit = basis * scale[:, :, None]
    gram = unit @ np.swapaxes(unit, 1, 2) + 1e-9 * np.eye(basis.shape[1])
    inverse = np.linalg.inv(gram) * (scale[:, :, None] * scale[:, None, :])
    return (inverse @ (basis @ y[:, :, None]))[..., 0], inverse


def _best_atom(atoms: FloatArray, others: FloatArray, y: FloatArray, sign: FloatArray | None) -> IndexArray:
    """Return the atom (g) that lowers each sum of squares most beside ``others`` (m, k, n)."""
    orthonormal = np.swapaxes(np.linalg.qr(np.swapaxes(others, 1, 2))[0], 1, 2)
    rest = y - ((orthonormal @ y[:, :, None]) * orthonormal).sum(1)
    correlation = rest @ atoms.T
    own = np.square(atoms).sum(-1)
    remaining = own - np.square(orthonormal @ atoms.T).sum(1)
    gain = np.where(remaining > 1e-3 * own, np.square(correlation) / np.maximum(remaining, 1e-300), -1.0)
    if sign is not None:
        gain = np.where(correlation * sign[:, None] > 0, gain, np.minimum(gain, 0.0))
    return np.asarray(np.argmax(gain, axis=1))


def _with_heights(
    spectra: Spectra, x: FloatArray, y: FloatArray, values: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the values with depths and background solved for their centers and widths, and χ²."""
    count = spectra.count
    dips = spectra.shape((x - values[:, :count, None]) / values[:, count : 2 * count, None])
    line = x - values[:, :1, None] if spectra.sloping else None
    parts = [-dips, np.ones((len(y), 1, x.size)), *([line] if line is not None else [])]
    basis = np.nan_to_num(np.concatenate(parts, axis=1)) * spectra.weights
    y = y * spectra.weights
    solved, _ = _solved(basis, y)
    left = np.square(y - np.matmul(solved[:, None, :], basis)[:, 0]).sum(-1)
    return np.concatenate([values[:, : 2 * count], solved], axis=1), left
