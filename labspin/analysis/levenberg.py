"""Levenberg–Marquardt for many small least-squares problems at once.

Each trace has its own normal equations, damping and convergence; what they share is the call of the model,
so that a Python-level step costs the same for one trace as for hundreds. Scales (parameters that are
positive by nature) move as logarithms. Traces that have converged leave the stack, so nobody waits for the
slowest; and the model and its derivatives are computed together, since almost every step is accepted.

Convergence is measured where it matters: a fit has converged when its last step was shorter than
``tolerance`` standard errors, or when rounding leaves nothing to gain; one whose data leave a combination of
parameters free, when χ² has stopped falling.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.model import FloatArray

__all__ = ["Minimum", "Problem", "minimise"]

Evaluate = Callable[[FloatArray, FloatArray, FloatArray], tuple[FloatArray, FloatArray]]

_FIRST_DAMPING = 1e-3
_LONGEST_LOG_STEP = 2.0
_PATIENCE = 40
"""Steps after which a fit may end because χ² hardly falls."""
_FLAT = 1.5e-8
"""Relative fall of χ² that counts as none then: MINPACK's usual tolerance."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A stack of fits of one model.

    Attributes
    ----------
    evaluate
        ``evaluate(x, values, steps)`` -> (y, J) with values (m, p), y (m, n), J (m, p, n); ``steps`` (m, p)
        are the steps that numerical derivatives should take. The arrays are new ones, free to be overwritten.
    x
        Shape (n,) or (m, n).
    y
        Shape (m, n).
    weights
        1/sigma, shape (m, n), 0 for a point that is left out; None: all 1.
    logarithmic
        Which parameters are scales, shape (p,).
    lower, upper
        Bounds of the others, shape (p,).
    free
        Which parameters are fitted, shape (p,).
    numerical
        The derivatives are differences, and need steps.
    """

    evaluate: Evaluate
    x: FloatArray
    y: FloatArray
    weights: FloatArray | None
    logarithmic: NDArray[np.bool_]
    lower: FloatArray
    upper: FloatArray
    free: NDArray[np.bool_]
    numerical: bool = True

    def take(self, rows: NDArray[np.intp] | slice) -> Problem:
        """Return the problem of some of the traces."""
        weights = None if self.weights is None else self.weights[rows]
        x = self.x if self.x.ndim == 1 else self.x[rows]
        return replace(self, x=x, y=self.y[rows], weights=weights)

    def joined(self, other: Problem) -> Problem:
        """Return the problem of the traces of both."""
        x = self.x if self.x.ndim == 1 else np.concatenate([self.x, other.x])
        both = None
        if self.weights is not None and other.weights is not None:
            both = np.concatenate([self.weights, other.weights])
        y = np.concatenate([self.y, other.y])
        return replace(self, x=x, y=y, weights=both)

    @functools.cached_property
    def bounded(self) -> bool:
        """Whether a parameter that is no scale has bounds."""
        limits = np.isfinite(self.lower) | np.isfinite(self.upper)
        return bool(np.any(limits & ~self.logarithmic))


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where the fits ended.

    Attributes
    ----------
    values
        Shape (m, p).
    hessian
        JᵀJ of the weighted model in the parameters themselves, shape (m, k, k), k free ones.
    cost
        Sum of squared weighted residuals, shape (m,).
    converged, at_bound
        Shape (m,).
    iterations
        Steps tried, shape (m,).
    """

    values: FloatArray
    hessian: FloatArray
    cost: FloatArray
    converged: NDArray[np.bool_]
    at_bound: NDArray[np.bool_]
    iterations: NDArray[np.int32]


_FIELDS = ("rows", "values", "cost", "normal", "gradient", "diagonal", "damping", "growth", "tried", "size")


class _Stack:
    """The state of the fits that are running, one row a fit; new ones come in as others end."""

    def __init__(self, problem: Problem, start: FloatArray, rows: NDArray[np.intp]) -> None:
        self.problem = problem.take(rows)
        self.rows = rows
        self.values = _clipped(problem, start[rows])
        steps = 1e-5 * np.maximum(np.abs(self.values), 1e-9)
        self.cost, self.normal, self.gradient = _linearise(self.problem, self.values, steps)
        self.diagonal = _diagonal(self.normal)
        self.damping = np.full(len(rows), _FIRST_DAMPING)
        self.growth = np.full(len(rows), 2.0)
        self.tried = np.zeros(len(rows), np.int32)
        self.size = _size(self.problem)

    def keep(self, which: NDArray[np.bool_]) -> None:
        """Drop the fits that have ended."""
        self.problem = self.problem.take(np.flatnonzero(which))
        for name in _FIELDS:
            setattr(self, name, getattr(self, name)[which])

    def add(self, other: _Stack) -> None:
        """Take in fits that begin."""
        self.problem = self.problem.joined(other.problem)
        for name in _FIELDS:
            setattr(self, name, np.concatenate([getattr(self, name), getattr(other, name)]))


def minimise(
    problem: Problem,
    start: FloatArray,
    *,
    tolerance: float = 1e-5,
    iterations: int = 100,
    capacity: int = 256,
) -> Minimum:
    """Fit every trace of ``problem`` from ``start`` (m, p).

    Parameters
    ----------
    tolerance
        Length of the last step in standard errors below which a fit has converged.
    iterations
        Steps after which a fit is given up.
    capacity
        How many fits run at a time; the place of one that has ended is given to the next, so that the
        stack stays full and the cost of a call is shared by many.
    """
    count, free = len(start), int(problem.free.sum())
    found = Minimum(
        values=start.copy(),
        hessian=np.full((count, free, free), np.nan),
        cost=np.full(count, np.inf),
        converged=np.zeros(count, bool),
        at_bound=np.zeros(count, bool),
        iterations=np.zeros(count, np.int32),
    )
    freedom = _freedom(problem, free)
    begun = min(capacity, count)
    with np.errstate(all="ignore"):
        stack = _Stack(problem, start, np.arange(begun))
        while stack.rows.size:
            stack.tried += 1
            done, failed, bound = _step(stack, freedom[stack.rows], tolerance)
            ended = done | failed | (stack.tried >= iterations)
            if ended.any():
                _store(found, stack, ended, done, bound)
                stack.keep(~ended)
            room = min(capacity - stack.rows.size, count - begun)
            if room and (room >= capacity // 4 or not stack.rows.size or begun + room == count):
                stack.add(_Stack(problem, start, np.arange(begun, begun + room)))
                begun += room
    return found


def _store(
    found: Minimum,
    stack: _Stack,
    ended: NDArray[np.bool_],
    done: NDArray[np.bool_],
    bound: NDArray[np.bool_],
) -> None:
    rows = stack.rows[ended]
    found.values[rows], found.cost[rows] = stack.values[ended], stack.cost[ended]
    found.hessian[rows] = _external(stack.problem, stack.values[ended], stack.normal[ended])
    found.converged[rows] = done[ended] & np.isfinite(stack.cost[ended])
    found.at_bound[rows], found.iterations[rows] = bound[ended], stack.tried[ended]


def _freedom(problem: Problem, free: int) -> FloatArray:
    points = problem.y.shape[-1] if problem.weights is None else np.count_nonzero(problem.weights, axis=-1)
    freedom = np.broadcast_to(np.asarray(points, np.float64), (len(problem.y),)) - free
    return np.maximum(freedom, 1.0)


def _step(
    stack: _Stack, freedom: FloatArray, tolerance: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Try one step in every fit; return which have converged, which cannot go on, and which hit a bound."""
    problem = stack.problem
    damped = stack.normal.copy()
    index = np.arange(damped.shape[-1])
    damped[:, index, index] += stack.damping[:, None] * stack.diagonal
    step = _solve(damped, stack.gradient)
    trial, moved = _moved(problem, stack.values, step)
    at_bound = np.zeros(len(step), bool)
    if problem.bounded:
        at_bound = np.any(np.abs(moved - step) > 1e-12 * np.abs(step), axis=-1)
    steps = trial
    if problem.numerical:
        sigma = np.sqrt(stack.cost / freedom)[:, None] / np.sqrt(np.maximum(stack.diagonal, 1e-300))
        steps = _external_steps(problem, trial, 1e-3 * sigma)
    cost, normal, gradient = _linearise(problem, trial, steps)
    curvature = (np.matmul(stack.normal, moved[..., None])[..., 0] * moved).sum(-1)
    predicted = 2 * (moved * stack.gradient).sum(-1) - curvature
    better = cost <= stack.cost
    # Rounding of a sum of squares: what cannot be told from no change at all.
    floor = 4 * np.finfo(float).eps * stack.cost
    lost = ~better & (np.abs(predicted) <= 100 * floor)
    short = curvature * freedom <= tolerance**2 * stack.cost
    exact = stack.cost <= 1e-28 * stack.size
    # Along a valley without a floor steps never get short; there, as MINPACK does, look at χ² alone.
    flat = (stack.tried > _PATIENCE) & (np.maximum(stack.cost - cost, predicted) <= _FLAT * stack.cost)
    done = (better & ((short & (stack.damping < 1e-2)) | flat)) | lost | exact
    _update(stack, better, cost, normal, gradient, trial, predicted)
    failed = ~np.isfinite(stack.cost) | (stack.damping > 1e14)
    return done & ~failed, failed, at_bound & better


def _update(
    stack: _Stack,
    better: NDArray[np.bool_],
    cost: FloatArray,
    normal: FloatArray,
    gradient: FloatArray,
    trial: FloatArray,
    predicted: FloatArray,
) -> None:
    """Take the steps that helped; damp less after a good one, more after a bad one (Nielsen's rule)."""
    ratio = (stack.cost - cost) / np.maximum(predicted, 1e-300)
    shrink = np.clip(1 - (2 * np.clip(ratio, 0, 1) - 1) ** 3, 0.05, 1.0)
    stack.damping = np.where(better, stack.damping * shrink, stack.damping * stack.growth)
    stack.damping = np.maximum(stack.damping, 1e-12)
    stack.growth = np.where(better, 2.0, stack.growth * 2)
    stack.cost = np.where(better, cost, stack.cost)
    np.copyto(stack.values, trial, where=better[:, None])
    np.copyto(stack.gradient, gradient, where=better[:, None])
    np.copyto(stack.normal, normal, where=better[:, None, None])
    largest = np.maximum(_diagonal(normal), 1e-3 * stack.diagonal)
    np.copyto(stack.diagonal, largest, where=better[:, None])


def _linearise(
    problem: Problem, values: FloatArray, steps: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return cost (m,), JᵀJ (m, k, k) and Jᵀr (m, k), in the free parameters as they move."""
    y, jacobian = problem.evaluate(problem.x, values, steps)
    residual = problem.y - y
    if not problem.free.all():
        jacobian = jacobian[:, problem.free]
    if problem.weights is not None:
        residual *= problem.weights
        jacobian *= problem.weights[:, None, :]
    cost = np.einsum("mn,mn->m", residual, residual)
    normal = np.matmul(jacobian, np.swapaxes(jacobian, -1, -2))
    gradient = np.matmul(jacobian, residual[..., None])[..., 0]
    factor = np.where(problem.logarithmic, values, 1.0)[:, problem.free]
    gradient *= factor
    normal *= factor[:, :, None] * factor[:, None, :]
    sound = np.isfinite(gradient.sum(-1)) & np.isfinite(cost)
    cost[~sound] = np.inf
    return cost, normal, gradient


def _diagonal(normal: FloatArray) -> FloatArray:
    """Return Marquardt's scales, with a floor for a parameter that does nothing."""
    diagonal = np.diagonal(normal, axis1=-2, axis2=-1)
    largest = np.max(diagonal, axis=-1, keepdims=True, initial=0.0)
    return np.asarray(np.maximum(diagonal, 1e-20 * largest + 1e-300))


def _solve(matrix: FloatArray, right: FloatArray) -> FloatArray:
    """Solve each row's equations, scaled to a unit diagonal; a singular row gives no step."""
    scale = 1 / np.sqrt(np.maximum(np.diagonal(matrix, axis1=-2, axis2=-1), 1e-300))
    scaled = matrix * (scale[:, :, None] * scale[:, None, :])
    sound = np.isfinite(scaled.sum((-1, -2))) & np.isfinite(right.sum(-1))
    if not sound.all():
        scaled[~sound] = np.eye(matrix.shape[-1])
    try:
        solution = np.linalg.solve(scaled, (right * scale)[..., None])[..., 0]
    except np.linalg.LinAlgError:
        solution = np.matmul(np.linalg.pinv(scaled, hermitian=True), (right * scale)[..., None])[..., 0]
    return np.where(sound[:, None], solution * scale, 0.0)


def _moved(problem: Problem, values: FloatArray, step: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the values after ``step`` (in the free parameters as they move) and the step really made."""
    full = np.zeros_like(values)
    full[:, problem.free] = step
    moved = values + full
    scales = problem.logarithmic
    if scales.any():
        full[:, scales] = np.clip(full[:, scales], -_LONGEST_LOG_STEP, _LONGEST_LOG_STEP)
        moved[:, scales] = values[:, scales] * np.exp(full[:, scales])
    if not problem.bounded:
        return moved, full[:, problem.free]
    moved = np.where(problem.logarithmic, moved, np.clip(moved, problem.lower, problem.upper))
    made = np.where(problem.logarithmic, full, moved - values)
    # A step that no bound cuts is kept as it is, free of the rounding of the difference.
    inside = problem.logarithmic | ((values + full > problem.lower) & (values + full < problem.upper))
    return moved, np.where(inside, full, made)[:, problem.free]


def _external_steps(problem: Problem, values: FloatArray, internal: FloatArray) -> FloatArray:
    steps = np.zeros_like(values)
    steps[:, problem.free] = internal
    steps = np.where(problem.logarithmic, steps * np.abs(values), steps)
    return np.clip(steps, 1e-8 * np.abs(values) + 1e-300, np.maximum(1e-2 * np.abs(values), 1e-9))


def _external(problem: Problem, values: FloatArray, normal: FloatArray) -> FloatArray:
    factor = np.where(problem.logarithmic, 1 / values, 1.0)[:, problem.free]
    return np.asarray(normal * (factor[:, :, None] * factor[:, None, :]))


def _clipped(problem: Problem, start: FloatArray) -> FloatArray:
    inside = np.clip(start, problem.lower, problem.upper)
    return np.where(problem.logarithmic, np.maximum(np.abs(start), 1e-300), inside)


def _size(problem: Problem) -> FloatArray:
    """Return the sum of squares of the weighted data, beside which an exact fit has none left."""
    weighted = problem.y if problem.weights is None else problem.y * problem.weights
    return np.asarray(np.einsum("mn,mn->m", weighted, weighted))
