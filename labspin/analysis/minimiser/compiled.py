"""Levenberg–Marquardt compiled by numba: the steps of `levenberg`, taken by one trace after another.

What NumPy does for a stack of traces, this does for one, in loops: a trace, its Jacobian and its normal
equations stay in the processor's first cache from the first step to the last. Step for step it is the same
method as `levenberg.minimise`, with the same damping, bounds and rules for an end; only the order of sums
differs.

A model takes part by a `Kernel`: a plain function that fills y and its derivatives for one trace. It is
compiled once and kept on disk by numba, as is the driver, which takes kernels as arguments and so need not
be compiled anew for each. This module imports numba, and is itself imported only where it is wanted.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
from numba import types

from labspin.analysis.minimiser import levenberg
from labspin.analysis.minimiser.problem import BoolArray, Minimum, Problem
from labspin.analysis.model import FloatArray, Kernel

__all__ = ["compiled", "minimise"]

EXACT, FLAT, ROUNDING = levenberg.EXACT, levenberg.FLAT, float(levenberg.ROUNDING)
LONGEST_LOG_STEP, PATIENCE = levenberg.LONGEST_LOG_STEP, levenberg.PATIENCE

_MANY = 16
"""Free parameters from which BLAS multiplies rows faster than loops do."""

_VECTOR, _MATRIX = types.float64[::1], types.float64[:, ::1]
_KERNEL = types.void(_VECTOR, _VECTOR, _VECTOR, _MATRIX)

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _jit(function: _Function, signature: Any = None, *, fastmath: Any = False) -> _Function:
    """Compile ``function``, or take it from numba's cache: 0/0 is NaN, and Python's lock is released."""
    njit: Any = numba.njit
    decorate = njit(signature, cache=True, nogil=True, error_model="numpy", fastmath=fastmath)
    return cast("_Function", decorate(function))


def _jit_sum(function: _Function) -> _Function:
    """Compile ``function``, whose sums may be taken in any order."""
    return _jit(function, fastmath={"reassoc", "contract"})


class Work(NamedTuple):
    """Arrays of one trace, used again by the next: model, Jacobian, equations (free parameters), steps."""

    y: FloatArray
    jacobian: FloatArray
    normal: FloatArray
    new_normal: FloatArray
    damped: FloatArray
    gradient: FloatArray
    new_gradient: FloatArray
    root: FloatArray
    step: FloatArray
    trial: FloatArray
    held: BoolArray


@functools.lru_cache(maxsize=256)
def compiled(kernel: Kernel) -> Any:
    """Return ``kernel`` as machine code, from numba's cache where it is there."""
    return _jit(kernel, _KERNEL)


def minimise(
    kernel: Kernel,
    problem: Problem,
    start: FloatArray,
    *,
    tolerance: float = 1e-5,
    iterations: int = 100,
    damping: float = levenberg.FIRST_DAMPING,
) -> Minimum:
    """Fit every trace of ``problem`` from ``start`` (m, p); see `levenberg.minimise`.

    Parameters
    ----------
    kernel
        Takes the place of ``problem.evaluate``.
    """
    count, parameters = start.shape
    found = Minimum.blank(count, parameters, int(problem.free.sum()))
    found.values[...] = problem.inside(start)
    weights = np.empty((0, 0)) if problem.weights is None else problem.weights
    outcome = np.zeros((count, 3), np.int64)
    _minimise()(
        compiled(kernel),
        np.ascontiguousarray(np.atleast_2d(problem.x)),
        np.ascontiguousarray(problem.y),
        np.ascontiguousarray(weights),
        np.flatnonzero(problem.free),
        problem.logarithmic,
        np.ascontiguousarray(problem.lower, np.float64),
        np.ascontiguousarray(problem.upper, np.float64),
        np.array([tolerance, float(iterations), damping]),
        found.values,
        found.hessian,
        found.cost,
        outcome,
    )
    found.converged[...], found.at_bound[...], found.iterations[...] = outcome.T
    return found


@functools.lru_cache(maxsize=1)
def _minimise() -> Callable[..., None]:
    flags, numbers = types.boolean[::1], types.int64[::1]
    signature = types.void(
        types.FunctionType(_KERNEL), _MATRIX, _MATRIX, _MATRIX, numbers, flags, _VECTOR, _VECTOR, _VECTOR,
        _MATRIX, types.float64[:, :, ::1], _VECTOR, types.int64[:, ::1],
    )  # fmt: skip
    return _jit(_fit_all, signature)


def _fit_all(
    kernel: Any,
    x: Any,
    y: Any,
    weights: Any,
    free: Any,
    logarithmic: Any,
    lower: Any,
    upper: Any,
    settings: Any,
    values: Any,
    hessian: Any,
    cost: Any,
    outcome: Any,
) -> None:
    k, points = free.size, y.shape[1]
    work = Work(
        np.empty(points), np.empty((values.shape[1], points)),
        np.empty((k, k)), np.empty((k, k)), np.empty((k, k)),
        np.empty(k), np.empty(k), np.empty(k), np.empty(k), np.empty(values.shape[1]),
        np.empty(k, np.bool_),
    )  # fmt: skip
    unweighted = np.empty(0)
    for row in range(y.shape[0]):
        _fit_one(
            kernel, x[row if x.shape[0] > 1 else 0], y[row],
            weights[row] if weights.size else unweighted,
            free, logarithmic, lower, upper, settings,
            values[row], hessian[row], cost[row : row + 1], outcome[row], work,
        )  # fmt: skip


@_jit
def _fit_one(
    kernel: Any,
    x: Any,
    y: Any,
    weights: Any,
    free: Any,
    logarithmic: Any,
    lower: Any,
    upper: Any,
    settings: Any,
    values: Any,
    hessian: Any,
    cost: Any,
    outcome: Any,
    work: Any,
) -> None:
    """Fit one trace: evaluate the trial, judge it, propose the next, as `levenberg._Stack` does."""
    tolerance, iterations, damping = settings
    size, freedom = _size(y, weights, free.size)
    growth, curvature, predicted, best = 2.0, 0.0, 0.0, np.inf
    _copy(values, work.trial)
    for a in range(free.size):
        work.root[a] = 0.0
    tried = 0
    while True:
        kernel(x, work.trial, work.y, work.jacobian)
        new = _equations(y, weights, free, work)
        short = curvature * freedom <= tolerance**2 * best and damping < 1e-2
        even = short and new <= (1 + 100 * ROUNDING) * best
        better = math.isfinite(new) and (new <= best or even)
        if better:
            flat = tried > PATIENCE and max(best - new, predicted) <= FLAT * best
            done = tried > 0 and (short or flat)
        else:
            done = tried > 0 and abs(predicted) <= 100 * ROUNDING * best
        if tried > 0:
            damping, growth = _damped(damping, growth, better, best - new, predicted)
        if better:
            best = new
            _copy(work.trial, values)
            _accept(free, logarithmic, work)
        failed = not math.isfinite(best) or damping > 1e14
        done = (done or best <= EXACT * size) and not failed
        if done or failed or tried >= iterations:
            break
        tried += 1
        curvature, predicted = _propose(free, logarithmic, lower, upper, damping, values, work)
    cost[0] = best
    outcome[0], outcome[2] = done, tried
    outcome[1] = _hold(free, logarithmic, lower, upper, values, work)
    if math.isfinite(best):
        _store(free, logarithmic, values, work, hessian)


@_jit
def _copy(source: Any, target: Any) -> None:
    # An assignment to a slice would do, and triple the time of compilation.
    for i in range(source.size):
        target[i] = source[i]


@_jit_sum
def _size(y: Any, weights: Any, free: int) -> tuple[float, float]:
    """Return the sum of squares of the weighted data and the degrees of freedom."""
    size, points = 0.0, 0
    if not weights.size:
        for i in range(y.size):
            size += y[i] * y[i]
        return size, max(y.size - free, 1.0)
    for i in range(y.size):
        weighted = y[i] * weights[i]
        size += weighted * weighted
        points += weights[i] != 0
    return size, max(points - free, 1.0)


@_jit_sum
def _dot(a: Any, b: Any) -> float:
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@_jit_sum
def _dots(a: Any, b: Any, c: Any, d: Any, e: Any) -> tuple[float, float, float, float]:
    """Return the products of one row with four: each number loaded serves four sums."""
    ab = ac = ad = ae = 0.0
    for i in range(a.size):
        ab += a[i] * b[i]
        ac += a[i] * c[i]
        ad += a[i] * d[i]
        ae += a[i] * e[i]
    return ab, ac, ad, ae


@_jit
def _products(jacobian: Any, free: Any, normal: Any) -> None:
    """Fill JᵀJ of the free rows: by BLAS where there are many, else four columns at a time."""
    if free.size >= _MANY:
        rows = jacobian if free.size == jacobian.shape[0] else jacobian[free]
        np.dot(rows, rows.T, normal)
        return
    for a in range(free.size):
        row, b = jacobian[free[a]], 0
        while b + 4 <= a + 1:
            normal[a, b], normal[a, b + 1], normal[a, b + 2], normal[a, b + 3] = _dots(
                row,
                jacobian[free[b]],
                jacobian[free[b + 1]],
                jacobian[free[b + 2]],
                jacobian[free[b + 3]],
            )
            b += 4
        for rest in range(b, a + 1):
            normal[a, rest] = _dot(row, jacobian[free[rest]])
        for b in range(a):
            normal[b, a] = normal[a, b]


@_jit
def _equations(y: Any, weights: Any, free: Any, work: Any) -> float:
    """Fill JᵀJ and Jᵀr in the parameters themselves; return the cost, infinite where they are not finite."""
    residual = work.y
    for i in range(y.size):
        residual[i] = y[i] - residual[i]
    if weights.size:
        for i in range(y.size):
            residual[i] *= weights[i]
        for a in free:
            row = work.jacobian[a]
            for i in range(y.size):
                row[i] *= weights[i]
    cost = check = _dot(residual, residual)
    _products(work.jacobian, free, work.new_normal)
    for a in range(free.size):
        work.new_gradient[a] = _dot(work.jacobian[free[a]], residual)
        check += work.new_normal[a, a] + work.new_gradient[a]
    return cost if math.isfinite(check) else np.inf


@_jit
def _damped(
    damping: float, growth: float, better: bool, fall: float, predicted: float
) -> tuple[float, float]:
    """Damp less after a good step, more after a bad one (Nielsen's rule)."""
    if not better:
        return max(damping * growth, 1e-12), growth * 2
    ratio = min(max(fall / max(predicted, 1e-300), 0.0), 1.0)
    shrink = min(max(1 - (2 * ratio - 1) ** 3, 0.05), 1.0)
    return max(damping * shrink, 1e-12), 2.0


@_jit
def _accept(free: Any, logarithmic: Any, work: Any) -> None:
    """Bring the new equations to the units of Marquardt's scales, and keep them."""
    k, largest = free.size, 0.0
    for a in range(k):
        factor = work.trial[free[a]] if logarithmic[free[a]] else 1.0
        largest = max(largest, work.new_normal[a, a] * factor * factor)
    for a in range(k):
        factor = work.trial[free[a]] if logarithmic[free[a]] else 1.0
        floor = max(1e-3 * work.root[a] ** 2, 1e-20 * largest + 1e-300)
        work.root[a] = math.sqrt(max(work.new_normal[a, a] * factor * factor, floor))
        # The step is not needed any more: it holds the factors meanwhile.
        work.step[a] = factor / work.root[a]
    for a in range(k):
        work.gradient[a] = work.new_gradient[a] * work.step[a]
        for b in range(k):
            work.normal[a, b] = work.new_normal[a, b] * work.step[a] * work.step[b]


@_jit
def _propose(
    free: Any, logarithmic: Any, lower: Any, upper: Any, damping: float, values: Any, work: Any
) -> tuple[float, float]:
    """Set the trial; return the curvature along the step and the expected fall of χ²."""
    k = free.size
    _hold(free, logarithmic, lower, upper, values, work)
    _solve(work.normal, damping, work.gradient, work.held, work.damped, work.step)
    along = _dot(work.step, work.gradient)
    length = _dot(work.step, work.step)
    cut = False
    _copy(values, work.trial)
    for a in range(k):
        index = free[a]
        full = made = work.step[a] / work.root[a]
        if logarithmic[index]:
            made = min(max(full, -LONGEST_LOG_STEP), LONGEST_LOG_STEP)
            work.trial[index] = values[index] * math.exp(made)
        else:
            place = values[index] + full
            within = min(max(place, lower[index]), upper[index])
            if within != place:
                made = within - values[index]
            work.trial[index] = within
        if made != full:
            work.step[a] = made * work.root[a]
            cut = True
    if not cut:
        return along - damping * length, along + damping * length
    curvature = along = 0.0
    for a in range(k):
        curvature += work.step[a] * _dot(work.normal[a], work.step)
        along += work.step[a] * work.gradient[a]
    return curvature, 2 * along - curvature


@_jit
def _hold(free: Any, logarithmic: Any, lower: Any, upper: Any, values: Any, work: Any) -> bool:
    """Mark the parameters that stand at a bound and would go beyond it; return whether there are any."""
    stuck = False
    for a in range(free.size):
        value, index = values[free[a]], free[a]
        below = value <= lower[index] and work.gradient[a] < 0
        above = value >= upper[index] and work.gradient[a] > 0
        work.held[a] = (below or above) and not logarithmic[index]
        stuck = stuck or work.held[a]
    return stuck


@_jit
def _solve(normal: Any, damping: float, right: Any, held: Any, factor: Any, out: Any) -> None:
    """Solve (normal + damping) out = right by Cholesky; what is held, or lost to rounding, stays in place."""
    k = right.size
    for a in range(k):
        total = 0.0 if held[a] else right[a]
        for b in range(a + 1):
            product = 0.0 if held[a] or held[b] else normal[a, b]
            product += damping if a == b else 0.0
            for c in range(b):
                product -= factor[a, c] * factor[b, c]
            if a == b:
                factor[a, a] = math.sqrt(product) if product > 0 else np.inf
            else:
                factor[a, b] = product / factor[b, b]
        for c in range(a):
            total -= factor[a, c] * out[c]
        out[a] = total / factor[a, a]
    for a in range(k - 1, -1, -1):
        total = out[a]
        for c in range(a + 1, k):
            total -= factor[c, a] * out[c]
        out[a] = total / factor[a, a]


@_jit
def _store(free: Any, logarithmic: Any, values: Any, work: Any, hessian: Any) -> None:
    for a in range(free.size):
        work.step[a] = work.root[a] / (values[free[a]] if logarithmic[free[a]] else 1.0)
    for a in range(free.size):
        for b in range(free.size):
            hessian[a, b] = work.normal[a, b] * work.step[a] * work.step[b]
