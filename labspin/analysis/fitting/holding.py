"""Fits that run towards where the data see nothing: what is not seen is held, and the others are fitted on.

A width that shrinks without end keeps a fit from converging, although all other parameters stand still. So
where a fit has not converged and some of its parameters are not seen there, those are held where they are and
the others brought to their minimum. And where the curvature of χ² says little, its profile is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.fitting.sheet import Sheet
from labspin.analysis.minimiser.problem import Minimum, Problem
from labspin.analysis.model import FloatArray, Parameter

__all__ = ["check_profiles", "enter", "enter_one", "hold_unseen", "void_rivals"]

_CUBE_ROOT = float(np.cbrt(np.finfo(np.float64).eps))


def hold_unseen(
    sheet: Sheet, problem: Problem, rows: NDArray[np.intp], minimise: Callable[[Problem, FloatArray], Minimum]
) -> None:
    """Finish the fits that have not converged and leave parameters unseen, with those held.

    Parameters
    ----------
    sheet
        Results of the batch, changed in place.
    problem
        The traces that were fitted.
    rows
        Row of the sheet for each trace of ``problem``, shape (m,).
    minimise
        ``minimise(problem, start)`` -> where the fits end.
    """
    open_ones = np.flatnonzero((sheet.status[rows] == 2) & sheet.held[rows].any(-1))
    open_ones = open_ones[np.isfinite(sheet.values[rows[open_ones]]).all(-1)]
    if not open_ones.size:
        return
    patterns, which = np.unique(sheet.held[rows[open_ones]], axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        chosen = open_ones[which.reshape(-1) == number]
        free = problem.free.copy()
        free[np.flatnonzero(problem.free)[pattern]] = False
        found = minimise(replace(problem.take(chosen), free=free), sheet.values[rows[chosen]])
        done = np.flatnonzero(found.converged)
        if done.size:
            ended = _rows_of(found, done, problem.take(chosen[done]))
            held = np.broadcast_to(pattern, (done.size, pattern.size))
            axis = problem.x if problem.x.ndim == 1 else problem.x[chosen[done]]
            sheet.store(rows[chosen[done]], ended, axis, held=held)


def check_profiles(
    sheet: Sheet, problem: Problem, rows: NDArray[np.intp], minimise: Callable[[Problem, FloatArray], Minimum]
) -> None:
    """Hold what could be anything, where the errors of the others by curvature do not show it.

    Where the error of a scale is not small beside its value, χ² is no parabola: a decay time may as well be a
    hundred times longer, with an amplitude to match. So χ² is minimised with the parameter far away on either
    side. Where that costs less than one standard deviation, and moves another parameter by more than a few of
    its errors, those errors are only right for a given value: the parameter is held.

    Parameters
    ----------
    sheet
        Results of the batch, changed in place.
    problem
        The traces that were fitted.
    rows
        Row of the sheet for each trace of ``problem``, shape (m,).
    minimise
        ``minimise(problem, start)`` -> where the fits end.
    """
    places = np.flatnonzero(problem.free)
    for column, place in enumerate(places):
        doubted = np.flatnonzero(_doubtful(sheet, rows, column, int(place)))
        if not doubted.size:
            continue
        patterns, which = np.unique(sheet.held[rows[doubted]], axis=0, return_inverse=True)
        for number, pattern in enumerate(patterns):
            chosen = doubted[which.reshape(-1) == number]
            held = pattern | (np.arange(places.size) == column)
            if not held.all():
                _check_profile(sheet, problem, rows, chosen, held, int(place), minimise)


_DOUBTFUL = 0.5
"""Relative error of a scale from which χ² is no parabola; for others, of half the distance of the bounds."""
_FAR_AWAY = 100.0
"""Factor by which a scale is changed to see whether the data mind."""
_NEAR = 0.7
"""Standard errors by which it is changed, too: where χ² is a parabola that costs half of one."""
_FEW_ERRORS = 3.0


def _doubtful(sheet: Sheet, rows: NDArray[np.intp], column: int, place: int) -> NDArray[np.bool_]:
    """Return which fits determine a parameter so badly that its profile is to be looked at."""
    parameter = sheet.model.parameters[place]
    sound = np.isin(sheet.status[rows], (0, 1, 7)) & ~sheet.held[rows, column]
    with np.errstate(invalid="ignore"):
        error = np.sqrt(sheet.covariance[rows, column, column])
        size = np.abs(sheet.values[rows, place])
        if not parameter.is_scale:
            half = (parameter.maximum - parameter.minimum) / 2
            size = np.minimum(size, half) if parameter.minimum >= 0 else np.full_like(size, half)
        return np.asarray(sound & np.isfinite(size) & (error > _DOUBTFUL * size))


def _elsewhere(parameter: Parameter, value: FloatArray, error: FloatArray) -> Iterator[FloatArray]:
    """Yield places, shape (m,), where a parameter might be as well."""
    if parameter.is_scale or parameter.minimum >= 0:
        near = np.exp(np.minimum(_NEAR * error / np.maximum(np.abs(value), 1e-300), np.log(_FAR_AWAY)))
        places = [value / _FAR_AWAY, value / near, value * near, value * _FAR_AWAY]
    else:
        near = _NEAR * error
        low, width = parameter.minimum, parameter.maximum - parameter.minimum
        ends = [np.full_like(value, low + part * width) for part in (0.01, 0.99)]
        places = [ends[0], value - near, value + near, ends[1]]
    for place in places:
        yield np.clip(place, parameter.minimum, parameter.maximum)


def _check_profile(
    sheet: Sheet,
    problem: Problem,
    rows: NDArray[np.intp],
    chosen: NDArray[np.intp],
    held: NDArray[np.bool_],
    place: int,
    minimise: Callable[[Problem, FloatArray], Minimum],
) -> None:
    """Look at one parameter of traces that hold the same ones; hold it where its profile has no end."""
    free = problem.free.copy()
    free[np.flatnonzero(problem.free)[held]] = False
    part, mine = replace(problem.take(chosen), free=free), rows[chosen]
    values, errors, best = sheet.values[mine], sheet.stderr()[mine], sheet.chi2[mine]
    variance = np.ones(mine.size) if sheet.absolute else best / np.maximum(sheet.points[mine] - held.size, 1)
    parameter = sheet.model.parameters[place]
    endless = np.zeros(mine.size, bool)
    for elsewhere in _elsewhere(parameter, values[:, place], errors[:, place]):
        start = values.copy()
        start[:, place] = elsewhere
        found = minimise(part, start)
        moved = np.abs(found.values - values)[:, free] > _FEW_ERRORS * errors[:, free]
        endless |= (found.cost - best < variance) & moved.any(-1)
    if endless.any():
        ended = Minimum(
            values=values[endless],
            hessian=_curvature(problem.take(chosen[endless]), values[endless], errors[endless]),
            cost=best[endless],
            converged=np.ones(int(endless.sum()), bool),
            at_bound=np.zeros(int(endless.sum()), bool),
            iterations=sheet.iterations[mine[endless]],
        )
        axis = problem.x if problem.x.ndim == 1 else problem.x[chosen[endless]]
        sheet.store(mine[endless], ended, axis, held=np.broadcast_to(held, (len(ended.cost), held.size)))


def _rows_of(found: Minimum, rows: NDArray[np.intp], problem: Problem) -> Minimum:
    """Return some of the fits, with the curvature in all free parameters of ``problem``, those rows alone."""
    values = found.values[rows]
    return Minimum(
        values=values,
        hessian=_curvature(problem, values, np.zeros_like(values)),
        cost=found.cost[rows],
        converged=found.converged[rows],
        at_bound=found.at_bound[rows],
        iterations=found.iterations[rows],
    )


def enter(sheet: Sheet, rows: NDArray[np.intp], problem: Problem, found: Minimum) -> None:
    """Enter a minimum; differences are taken once more, with the errors known: they may then be longer.

    Parameters
    ----------
    sheet
        Changed in place.
    rows
        Row of the sheet for each trace of ``problem``, shape (m,).
    problem
        The traces that were fitted.
    found
        Where the fits ended.
    """
    sheet.store(rows, found, problem.x)
    if not problem.numerical:
        return
    sound = np.flatnonzero(np.isin(sheet.status[rows], (0, 7)))
    if not sound.size:
        return  # a model need not know what to do with no trace at all
    part = problem.take(sound)
    hessian = _curvature(part, found.values[sound], sheet.stderr(rows[sound]))
    good = np.isfinite(hessian).all((-1, -2))
    if good.any():
        known = replace(found.take(sound[good]), hessian=hessian[good])
        sheet.store(rows[sound[good]], known, part.take(np.flatnonzero(good)).x)


def enter_one(
    sheet: Sheet, row: int, problem: Problem, index: int, found: tuple[FloatArray, FloatArray, float]
) -> None:
    """Enter a fit by lmfit; what is determined is judged as for any other.

    Parameters
    ----------
    sheet
        Changed in place.
    row
        Row of the sheet.
    problem
        The traces that were fitted.
    index
        Which of its traces this is.
    found
        Values (p,), covariance (k, k) and χ² by lmfit.
    """
    values, covariance, chi2 = found
    part = problem.take(np.array([index]))
    errors = np.zeros((1, values.size))
    with np.errstate(invalid="ignore"):
        errors[:, problem.free] = np.sqrt(np.diagonal(covariance))
    ended = Minimum(
        values=values[None],
        hessian=_curvature(part, values[None], errors),
        cost=np.array([chi2]),
        converged=np.ones(1, bool),
        at_bound=np.any((values <= problem.lower) | (values >= problem.upper), keepdims=True),
        iterations=sheet.iterations[row : row + 1],
    )
    sheet.store(np.array([row]), ended, part.x, status=1)
    if sheet.status[row] == 3 and np.isfinite(covariance).all():
        # MINPACK works with J itself, which has twice as many digits as JᵀJ.
        sheet.covariance[row], sheet.status[row] = covariance, 1


def _curvature(problem: Problem, values: FloatArray, errors: FloatArray) -> FloatArray:
    """Return JᵀJ (m, k, k) of the weighted model; ``errors`` (m, p) set the steps of differences."""
    size = np.abs(values)
    steps = np.maximum(1e-3 * errors, np.minimum(_CUBE_ROOT * size, 0.03 * errors))
    typical = np.full(values.shape[-1], 1e-9) if problem.typical is None else problem.typical
    blind = _CUBE_ROOT * np.where(size > 0, size, typical)
    steps = np.where(errors > 0, np.clip(steps, 1e-8 * size, 1e-2 * np.where(size > 0, size, typical)), blind)
    jacobian = problem.evaluate(problem.x, values, np.maximum(steps, 1e-300))[1][:, problem.free]
    if problem.weights is not None:
        jacobian = jacobian * problem.weights[:, None, :]
    return np.asarray(jacobian @ np.swapaxes(jacobian, -1, -2))


def void_rivals(sheet: Sheet, problem: Problem, rows: NDArray[np.intp]) -> None:
    """Take the errors of parameters that another minimum, about as good, has elsewhere.

    Parameters
    ----------
    sheet
        Results of the batch, changed in place.
    problem
        The traces that were fitted.
    rows
        Row of the sheet for each trace of ``problem``, shape (m,).
    """
    model, names = sheet.model, np.array(sheet.model.names)
    if model.rivals is None:
        return
    free = names[sheet.free]
    for place, row in enumerate(rows):
        if sheet.status[row] not in (0, 1, 7):
            continue
        there = slice(None) if problem.weights is None else problem.weights[place] > 0
        x = problem.x if problem.x.ndim == 1 else problem.x[place]
        weights = None if problem.weights is None or not sheet.absolute else problem.weights[place][there]
        values = dict(zip(names.tolist(), sheet.values[row].tolist(), strict=True))
        found = model.rivals(x[there], problem.y[place][there], weights, values, free.tolist())
        void = np.isin(free, list(found))
        if void.any():
            sheet.covariance[row][void] = np.nan
            sheet.covariance[row][:, void] = np.nan
            sheet.held[row] |= void
            sheet.status[row] = 7
