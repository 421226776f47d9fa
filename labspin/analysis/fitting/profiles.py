"""Profiles of χ² over the whole range of a parameter, for models whose χ² is no parabola.

What falls as a high power of a distance is seen near by and not far away. Where noise puts a fit too near,
the curvature there is large, and the standard error by it many times too small. A model names such parameters
(``FitModel.profiled``). χ² is then followed along each of them, all others fitted again, over the whole range
and closely around the minimum. A better minimum takes the place of the first. An error by curvature that the
profile exceeds is replaced by that of the profile, on the side where it is larger.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from labspin.analysis.fitting.holding import enter
from labspin.analysis.fitting.sheet import Sheet
from labspin.analysis.minimiser.problem import IndexArray, Minimum, Problem
from labspin.analysis.model import FloatArray, Parameter
from labspin.analysis.outcome import ProfileEnds

__all__ = ["BETTER", "LEVELS", "PARABOLA", "Profile", "afar", "end_of", "follow_profiles"]

_AFAR = 48
"""Values over the whole range at which χ² is minimised,"""
_CLOSE = np.concatenate([-np.geomspace(0.25, 8.0, 11)[::-1], np.geomspace(0.25, 8.0, 11)])
"""and standard errors from the minimum at which it is."""
_BLOCK = 2**20
"""Numbers of the traces of a stack, repeated for each place: 8 MB."""
BETTER = 1e-3
"""Standard deviations² by which χ² must be lower elsewhere: less is where another fit has ended."""
PARABOLA = 1.2
"""How much farther a profile may reach than the curvature says before it is believed instead."""
LEVELS = np.array([1.0, 2.0, 3.0, 4.0])
"""Standard deviations to which it is followed; the first two set the error."""
_SET_BY = 2

Minimise = Callable[[Problem, FloatArray], Minimum]


@dataclass(frozen=True, eq=False)
class Profile:
    """Where χ² of one fit stands along one parameter.

    Attributes
    ----------
    at
        Values of the parameter, shape (n,).
    values
        All parameters there, the others fitted again, shape (n, p).
    rise
        √Δχ² in standard deviations, shape (n,); where χ² is lower than at the minimum, Δχ² itself.
    """

    at: FloatArray
    values: FloatArray
    rise: FloatArray


def follow_profiles(sheet: Sheet, problem: Problem, rows: IndexArray, minimise: Minimise) -> None:
    """Follow χ² along the parameters that the model names, and let errors be those of the profile.

    All places of the profiles of many traces are one stack of fits.

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
    names = sheet.model.names
    for name in sheet.model.profiled:
        place = names.index(name)
        if not sheet.free[place]:
            continue
        usable = np.isfinite(sheet.values[rows]).all(-1) & np.isin(sheet.status[rows], (0, 1, 2, 3, 7))
        sound = np.flatnonzero(usable)
        count = max(_BLOCK // ((_AFAR + _CLOSE.size) * problem.y.shape[-1]), 1)
        for begin in range(0, sound.size, count):
            part = sound[begin : begin + count]
            _follow(sheet, problem.take(part), rows[part], place, minimise)


def _follow(sheet: Sheet, problem: Problem, rows: IndexArray, place: int, minimise: Minimise) -> None:
    """Follow one parameter of some traces; what ends lower than the fit takes its place and is followed."""
    profiles = _followed(sheet, problem, rows, place, minimise)
    lowest = [int(np.argmin(profile.rise)) for profile in profiles]
    again = np.flatnonzero([profile.rise[at] < 0 for profile, at in zip(profiles, lowest, strict=True)])
    if again.size:
        part = problem.take(again)
        start = np.stack([profiles[index].values[lowest[index]] for index in again])
        enter(sheet, rows[again], part, minimise(part, start))
        better = _followed(sheet, part, rows[again], place, minimise)
        for index, profile in zip(again, better, strict=True):
            profiles[index] = profile
    for row, profile in zip(rows.tolist(), profiles, strict=True):
        _widen(sheet, row, place, profile)


def _followed(
    sheet: Sheet, problem: Problem, rows: IndexArray, place: int, minimise: Minimise
) -> list[Profile]:
    """Return the profile of each fit; its rise is negative where χ² is lower than at the minimum."""
    best, errors = sheet.values[rows], sheet.stderr(rows)[:, place]
    places = [
        _places(sheet.model.parameters[place], float(value), float(error))
        for value, error in zip(best[:, place], errors, strict=True)
    ]
    at, owner = np.concatenate(places), np.repeat(np.arange(len(places)), [one.size for one in places])
    start = best[owner]
    start[:, place] = at
    free = problem.free.copy()
    free[place] = False
    part = replace(problem.take(owner), free=free)
    if free.any():
        found = minimise(part, start)
        values, cost = found.values, found.cost
    else:
        values, cost = start, _cost(part, start)
    freedom = np.maximum(sheet.points[rows] - int(sheet.free.sum()), 1)
    variance = 1.0 if sheet.absolute else np.maximum(sheet.chi2[rows] / freedom, 1e-300)[owner]
    fall = np.where(np.isfinite(cost), cost - sheet.chi2[rows][owner], np.inf) / variance
    rise = np.where(fall < -BETTER, fall, np.sqrt(np.maximum(fall, 0.0)))
    cuts = np.flatnonzero(np.diff(owner)) + 1
    return [Profile(*one) for one in zip(*(np.split(all_, cuts) for all_ in (at, values, rise)), strict=True)]


def afar(parameter: Parameter, value: float, count: int) -> FloatArray:
    """Return places over the whole range of a parameter; one without an end, to 100 times a value.

    Parameters
    ----------
    parameter
        One that is positive.
    value
        Where the fit ended.
    count
        Number of places.
    """
    low = parameter.minimum if parameter.minimum > 0 else min(value, parameter.maximum) / 100
    high = parameter.maximum if np.isfinite(parameter.maximum) else 100 * value
    return np.asarray(np.geomspace(low, high, count + 2)[1:-1])


def _places(parameter: Parameter, value: float, error: float) -> FloatArray:
    """Return where χ² is looked at: over the whole range, and closely around the minimum."""
    at = afar(parameter, value, _AFAR)
    if np.isfinite(error) and error > 0:
        at = np.concatenate([at, value * np.exp(_CLOSE * error / value)])
    return np.sort(at[(at >= parameter.minimum) & (at <= parameter.maximum)])


def _cost(problem: Problem, values: FloatArray) -> FloatArray:
    residual = problem.y - problem.evaluate(problem.x, values, 1e-5 * np.abs(values) + 1e-300)[0]
    if problem.weights is not None:
        residual = residual * problem.weights
    return np.asarray(np.square(residual).sum(axis=-1))


def _widen(sheet: Sheet, row: int, place: int, profile: Profile) -> None:
    """Enlarge the errors that the profile exceeds, and note how far it reaches."""
    columns = np.flatnonzero(sheet.free)
    column = int(np.flatnonzero(columns == place)[0])
    best, errors = sheet.values[row], sheet.stderr(np.array([row]))[0]
    if not (np.isfinite(errors[place]) and errors[place] > 0):
        return
    parameter = sheet.model.parameters[place]
    value, bounds = float(best[place]), (parameter.minimum, parameter.maximum)
    ends = np.array([[end_of(profile, value, level, bound) for bound in bounds] for level in LEVELS])
    reach = np.where(np.isfinite(ends), ends, bounds)
    beyond = np.abs(reach - value) / (LEVELS[:, None] * errors[place])  # 1 of a parabola
    wider = np.ones(columns.size)
    wider[column] = max(float(beyond[:_SET_BY].max()), 1.0)
    for other, index in enumerate(columns.tolist()):
        if other != column and errors[index] > 0:
            moved = np.abs(profile.values[:, index] - best[index]) / errors[index]
            inside = profile.rise <= LEVELS[_SET_BY - 1]
            part = moved[inside] / np.maximum(profile.rise[inside], 1.0)
            wider[other] = max(float(part.max(initial=1.0)), 1.0)
    lopsided = wider[column] > PARABOLA
    if not lopsided and float(beyond.max()) <= PARABOLA * max(wider[column], 1.0):
        return
    if lopsided:
        sheet.covariance[row] *= np.outer(wider, wider)
    followers = [
        sheet.model.names[index]
        for other, index in enumerate(columns.tolist())
        if other != column and wider[other] > PARABOLA
    ]
    sheet.ends.setdefault(row, {})[sheet.model.names[place]] = ProfileEnds(
        (float(ends[0, 0]), float(ends[0, 1])), (float(ends[1, 0]), float(ends[1, 1])), lopsided,
        tuple(followers),
    )  # fmt: skip


def end_of(profile: Profile, value: float, level: float, bound: float) -> float:
    """Return where χ² has risen by the square of ``level``, towards a bound; ∓∞ where it never does.

    Parameters
    ----------
    profile
        Along the parameter, whose values are positive.
    value
        Where χ² is least.
    level
        Standard deviations.
    bound
        Least or greatest value of the parameter.
    """
    sign = np.sign(bound - value)
    out = np.argsort(sign * profile.at)
    out = out[sign * (profile.at[out] - value) > 0]
    at = np.concatenate([[value], profile.at[out]])
    rise = np.concatenate([[0.0], profile.rise[out]])
    above = np.flatnonzero(rise >= level)
    # The last crossing counts, not the first: what lies between is as good as what is nearer.
    below = np.flatnonzero(rise < level)[-1]
    if not above.size or below == len(at) - 1:
        return float(sign * np.inf)
    part = (level - rise[below]) / (rise[below + 1] - rise[below])
    return float(np.exp(np.log(at[below]) + part * np.log(at[below + 1] / at[below])))
