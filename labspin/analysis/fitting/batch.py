"""Many traces at once: the same optimum and standard errors as lmfit, a hundred times faster.

`fit_batch` runs the stacked Levenberg–Marquardt of `levenberg` in blocks that stay in the processor's cache.
What does not converge there is refitted by lmfit, one by one; a random one per cent of what did is refitted
as well, and the largest deviation is stored with the result. No trace stops a batch: one that is empty,
constant or too short gets a status that says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.analysis.complex_numbers import real_view
from labspin.analysis.fitting.axes import in_units_of
from labspin.analysis.fitting.batch_result import BatchResult
from labspin.analysis.fitting.determination import typical_sizes
from labspin.analysis.fitting.fallback import refit_all, spot_check
from labspin.analysis.fitting.holding import check_profiles, hold_unseen, void_rivals
from labspin.analysis.fitting.profiles import follow_profiles
from labspin.analysis.fitting.sheet import Sheet
from labspin.analysis.fitting.vectorised import as_model, evaluator, guess_all
from labspin.analysis.minimiser.levenberg import minimise
from labspin.analysis.minimiser.problem import IndexArray, Minimum, Problem, bounds_of
from labspin.analysis.model import FitModel, FloatArray
from labspin.arrays import Numbers
from labspin.errors import FitError

__all__ = ["fit_batch"]

_BLOCK = 256 * 1024
"""Numbers in the Jacobian of one stack, 2 MB: enough to share the cost of a call, and still in the cache."""


@np.errstate(all="ignore")  # what overflows is not finite, and judged as that
def fit_batch(
    model: FitModel | object,
    x: ArrayLike,
    y: ArrayLike,
    sigma: ArrayLike | None = None,
    *,
    start: Mapping[str, ArrayLike] | None = None,
    fixed: Mapping[str, ArrayLike] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    units: tuple[str, str] = ("1", "1"),
    check: float = 0.01,
    seed: int = 0,
    workers: int = 1,
    tolerance: float = 1e-5,
    fallback: bool = True,
    profiles: bool = True,
) -> BatchResult:
    """Fit ``model`` to many traces at once.

    Parameters
    ----------
    model
        A `FitModel`, an `lmfit.Model`, or a function ``(x, a, b, …)``.
    x
        Shape (n,), or of the shape of y.
    y
        Traces, shape (*lead, n); NaN for a point that was not measured.
    sigma
        Standard deviations, broadcastable to y. Given: errors are absolute. None: from the scatter. A trace
        with one that is not positive is not fitted.
    start, fixed
        By name, each a number or of shape (*lead,): starting values, and values to hold. What ``start`` does
        not give is guessed from the data.
    bounds
        By name: replaces the model's own (minimum, maximum).
    units
        Units of x and y.
    check
        Part of the traces that lmfit refits as a check; 0 for none.
    seed
        Seed of the random choice of the traces that are checked.
    workers
        Threads; NumPy releases Python's lock in the costly calls.
    tolerance
        Length of the last step, in standard errors, at which a fit has converged. What is left after it
        is about a tenth of it.
    fallback
        Refit in lmfit what the batch engine does not bring to convergence.
    profiles
        Look at the profile of χ² where its curvature says little, and hold what could be anything. Without,
        such errors are not to be trusted; values serve as a start.

    Returns
    -------
    result
        Arrays of shape (*lead, …): values, standard errors, covariances, χ² and status of each trace.

    Raises
    ------
    FitError
        Shapes that do not belong together, an unknown parameter, no errors that are positive, or an engine
        that is not there.
    """
    start, fixed = dict(start or {}), dict(fixed or {})
    if isinstance(model, FitModel):
        x, y, sigma, _ = in_units_of(model, x, y, sigma, ("x", units[0], "y", units[1]))
    described = as_model(model, x, bounds or {})
    for name in {*start, *fixed}:
        described.parameter(name)
    points, traces, weights, lead, refused = _inputs(described, x, _windowed(described, x, y), sigma)
    held = {p.name: p.value for p in described.parameters if p.value is not None and p.name not in start}
    read = {p.name for p in described.parameters if p.from_data and p.name not in start}
    free = np.array([name not in {*fixed, *held, *read} for name in described.names])
    sheet = Sheet.blank(described, free, traces, weights, absolute=sigma is not None)
    sheet.status[refused] = 8
    usable = np.flatnonzero(sheet.status == 0)
    given = {
        name: np.broadcast_to(np.asarray(value, np.float64), lead).reshape(-1)[usable]
        for name, value in (held | start | fixed).items()
    }
    problem = _problem(described, points, traces, weights, free, usable)
    if usable.size:
        names = {*held, *fixed, *read}
        first = guess_all(described, problem.x, problem.y, problem.weights, given, names)
        problem = _with_evaluator(described, problem, first)
        capacity = int(np.clip(_BLOCK // (first.shape[1] * problem.y.shape[1]), 1, 512))
        run = partial(minimise, tolerance=tolerance, capacity=capacity)
        sheet.store(usable, _run(run, problem, first, workers), problem.x)
        hold_unseen(sheet, problem, usable, run)
        if fallback:
            refit_all(sheet, described, problem, usable, first)
        if profiles:
            check_profiles(sheet, problem, usable, run)
            follow_profiles(sheet, problem, usable, run)
        spot_check(sheet, described, problem, usable, first, check, seed)
        void_rivals(sheet, problem, usable)
    return sheet.result(lead, described.units(*units))


def _inputs(
    model: FitModel, x: ArrayLike, y: ArrayLike, sigma: ArrayLike | None
) -> tuple[FloatArray, FloatArray, FloatArray | None, tuple[int, ...], IndexArray]:
    """Return x (n,) or (N, n), y (N, n'), weights (N, n') or None, the shape of the stack, and bad traces."""
    points = np.asarray(x, np.float64)
    traces = np.asarray(y)
    traces = traces.astype(np.complex128 if model.is_complex else np.float64, copy=False)
    if traces.ndim == 0 or points.shape not in (traces.shape[-1:], traces.shape):
        raise FitError(
            f"batch of {model.name}: wanted x of shape (n,) or that of y, "
            f"got x {points.shape} and y {traces.shape}"
        )
    lead, count = traces.shape[:-1], traces.shape[-1]
    if not count:
        raise FitError(f"batch of {model.name}: wanted traces with points, got y of shape {traces.shape}")
    errors = None if sigma is None else _errors(model, sigma, traces)
    flat = np.ascontiguousarray(traces.reshape(-1, count))
    points = points if points.ndim == 1 else points.reshape(-1, count)
    flat_errors = None if errors is None else errors.reshape(-1, count)
    missing = ~(np.isfinite(flat) & np.isfinite(points))
    weights: FloatArray | None = None
    refused = np.zeros(0, np.intp)
    if flat_errors is not None:
        parts = real_view(flat_errors).reshape(*flat.shape, -1)
        refused = np.flatnonzero((parts <= 0).any((-1, -2)))
        missing |= ~(np.isfinite(parts) & (parts > 0)).all(-1)
        weights = np.where(missing[..., None], 0.0, 1 / np.where(missing[..., None], 1.0, parts))
    elif missing.any():
        weights = np.where(missing, 0.0, 1.0)
    if missing.any():
        flat = np.where(missing, 0.0, flat)
        points = np.where(
            np.isfinite(points), points, np.nanmean(points) if np.isfinite(points).any() else 0.0
        )
    if model.is_complex:
        flat = flat.view(np.float64)
    if weights is not None:
        # One error for both parts of a complex number, or one for each.
        weights = weights if weights.ndim == 3 else weights[..., None]
        weights = np.ascontiguousarray(np.broadcast_to(weights, (*missing.shape, flat.shape[-1] // count)))
        weights = weights.reshape(len(flat), -1)
    return points, flat, weights, lead, refused


def _windowed(model: FitModel, x: ArrayLike, y: ArrayLike) -> ArrayLike:
    """Return y with NaN outside of the part of each trace that belongs to the model."""
    points, traces = np.asarray(x, np.float64), np.asarray(y)
    if model.window is None or not traces.size or points.shape not in (traces.shape[-1:], traces.shape):
        return y
    traces = traces.astype(np.complex128 if model.is_complex else np.float64)
    axes = np.broadcast_to(points, traces.shape).reshape(-1, traces.shape[-1])
    rows = traces.reshape(-1, traces.shape[-1])
    for axis, row in zip(axes, rows, strict=True):
        there = np.isfinite(row) & np.isfinite(axis)
        if there.any():
            inside = np.zeros(row.size, bool)
            inside[there] = model.window(axis[there], row[there])
            row[~inside] = np.nan
    return rows.reshape(traces.shape)


def _errors(model: FitModel, sigma: ArrayLike, traces: NDArray[np.generic]) -> Numbers:
    try:
        errors: Numbers = np.broadcast_to(np.asarray(sigma), traces.shape)
    except ValueError as error:
        raise FitError(
            f"batch of {model.name}: sigma of shape {np.shape(sigma)} does not belong to y {traces.shape}"
        ) from error
    parts = real_view(errors)
    if np.all((parts <= 0).any(-1)) and errors.size:
        raise FitError(
            f"batch of {model.name}: sigma: wanted errors > 0, got {float(np.nanmin(parts))!r}; "
            "leave sigma out if the errors are not known"
        )
    return errors


def _problem(
    model: FitModel,
    x: FloatArray,
    y: FloatArray,
    weights: FloatArray | None,
    free: NDArray[np.bool_],
    usable: NDArray[np.intp],
) -> Problem:
    lower, upper, logarithmic = bounds_of(model)
    problem = Problem(
        evaluate=_no_evaluator,
        x=x,
        y=y,
        weights=weights,
        logarithmic=logarithmic,
        lower=lower,
        upper=upper,
        free=free,
        typical=typical_sizes(model, x, y),
    )
    return problem if usable.size == len(y) else problem.take(usable)


def _no_evaluator(x: FloatArray, values: FloatArray, steps: FloatArray) -> tuple[FloatArray, FloatArray]:
    raise FitError("batch: the model is not set up yet")


def _with_evaluator(model: FitModel, problem: Problem, first: FloatArray) -> Problem:
    axis = problem.x if problem.x.ndim == 1 else problem.x[0]
    numerical = model.derivatives is None
    return replace(problem, evaluate=evaluator(model, axis, first[0], problem.free), numerical=numerical)


def _run(minimise: Callable[..., Minimum], problem: Problem, first: FloatArray, workers: int) -> Minimum:
    """Fit; on several threads, each takes a part of the traces."""
    size = -(-len(first) // max(workers, 1))
    parts = [slice(begin, begin + size) for begin in range(0, len(first), size)]

    def fit(part: slice) -> Minimum:
        return minimise(problem.take(part), first[part])

    if len(parts) == 1:
        return fit(parts[0])
    with ThreadPoolExecutor(workers) as pool:
        found = list(pool.map(fit, parts))
    names = Minimum.__dataclass_fields__
    return Minimum(*(np.concatenate([getattr(part, name) for part in found]) for name in names))
