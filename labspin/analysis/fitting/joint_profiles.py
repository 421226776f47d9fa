"""Profiles of χ² of joint fits, along what all traces share or each of them has: see `profiles`.

Along what all traces share they are fitted again together. Along what each has for itself, each is followed
alone, all at once, what they share being held: profiles are then stretched by how much the shared ones add to
the errors. What is tied, what groups share, and what has a prior of its own is not followed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from labspin.analysis.fitting.batch import fit_batch
from labspin.analysis.fitting.joint import JointFit, JointTrace
from labspin.analysis.fitting.profiles import BETTER, LEVELS, PARABOLA, Profile, afar, end_of
from labspin.analysis.model import FitModel, FloatArray, Parameter
from labspin.analysis.outcome import ProfileEnds
from labspin.arrays import Numbers

__all__ = ["Refit", "follow_joint", "follow_own"]

_AFAR = 14
"""Values over the whole range at which all traces are fitted again,"""
_CLOSE = np.array([-6.0, -4.0, -2.5, -1.5, -0.75, 0.75, 1.5, 2.5, 4.0, 6.0])
"""and standard errors from the minimum at which they are."""

Refit = Callable[[Mapping[str, float], Mapping[str, float]], JointFit]


def follow_joint(found: JointFit, parameter: Parameter, refit: Refit) -> tuple[JointFit, ProfileEnds | None]:
    """Follow χ² of a joint fit along a parameter; return the fit with honest errors, and where profiles end.

    Parameters
    ----------
    found
        The fit.
    parameter
        One that all traces share, or that the only trace has, within positive bounds.
    refit
        ``refit(start, fixed)`` fits again.
    """
    name = parameter.name
    if name not in found.varied or not _is_one(found, name):
        return found, None
    profile = _profile(found, parameter, refit)
    lower = int(np.argmin(profile.rise))
    if profile.rise[lower] < 0:
        found = refit(_begin(found, profile.values[lower]), {})
        profile = _profile(found, parameter, refit)
    return _widened(found, parameter, profile)


def follow_own(
    found: JointFit, model: FitModel, name: str, traces: Sequence[JointTrace]
) -> tuple[JointFit, list[ProfileEnds | None]]:
    """Follow χ² of each trace along a parameter of its own; return the fit with honest errors, and the ends.

    A lower minimum that a trace has elsewhere by itself is not entered, but the error reaches as far.

    Parameters
    ----------
    found
        The fit of several traces.
    model
        The model of all traces.
    name
        A parameter of the model within positive bounds.
    traces
        The traces, in the order of ``found``.
    """
    common = {shared for shared, _ in found.shared_names}
    own = [n for n in found.varied if n not in common and n in model.names]
    nothing: list[ProfileEnds | None] = [None] * len(traces)
    if name not in own or len(traces) == 1:
        return found, nothing
    x, y, sigma = _rows(model, traces)
    here = {n: found.values[:, found.names.index(n)] for n in model.names}
    start = {n: here[n] for n in own}
    fixed = {n: here[n] for n in model.names if n not in own}
    plain, followed = (
        fit_batch(model, x, y, sigma, start=start, fixed=fixed, check=0, profiles=profiles)
        for profiles in (False, True)
    )
    errors = found.errors[:, found.names.index(name)]
    with np.errstate(divide="ignore", invalid="ignore"):
        stretch = np.maximum(errors / plain.error(name), 1.0)
    ends, parameter = list(nothing), model.parameter(name)
    wider = np.ones((len(traces), len(found.varied)))
    for row in np.flatnonzero(np.isfinite(stretch) & (errors > 0)).tolist():
        end, value = followed.ends.get(row, {}).get(name), float(here[name][row])
        if end is None:
            other, error = float(followed[name][row]), float(followed.error(name)[row])
            if not abs(other - value) > PARABOLA * error:
                continue
            one, two = ((other - level * error, other + level * error) for level in (1, 2))
            end = ProfileEnds(one, two, widened=True)
        ends[row] = told = _stretched(end, value, float(stretch[row]))
        wide = _reach(told, value, parameter) / float(errors[row])
        wider[row, found.varied.index(name)] = max(wide, 1.0) if end.widened else 1.0
    return _with_own_errors(found, wider), ends


def _stretched(end: ProfileEnds, value: float, by: float) -> ProfileEnds:
    """Return the ends farther from a value, which lies between them, by a factor."""
    pairs = [
        (value + by * min(a - value, 0.0), value + by * max(b - value, 0.0)) for a, b in (end.one, end.two)
    ]
    return replace(end, one=pairs[0], two=pairs[1])


def _reach(end: ProfileEnds, value: float, parameter: Parameter) -> float:
    """Return how far one standard error reaches by the ends; an open one is at the bound."""
    bounds = (parameter.minimum, parameter.maximum)
    reached = [np.clip(pair, *bounds) for pair in (end.one, end.two)]
    return max(float(np.abs(pair - value).max()) / level for level, pair in enumerate(reached, 1))


def _rows(model: FitModel, traces: Sequence[JointTrace]) -> tuple[FloatArray, Numbers, Numbers | None]:
    """Return x, y and errors of traces of any length, a row each; what is lacking is NaN."""
    longest = max(np.size(trace.x) for trace in traces)
    x: FloatArray = np.full((len(traces), longest), np.nan)
    y: Numbers = np.full(x.shape, np.nan, np.complex128 if model.is_complex else np.float64)
    sigma: Numbers = np.full(x.shape, 1 + 1j if model.is_complex else 1.0, y.dtype)
    for row, trace in enumerate(traces):
        part = slice(0, np.size(trace.x))
        x[row, part], y[row, part] = trace.x, trace.y
        if trace.sigma is not None:
            error = np.asarray(trace.sigma)
            sigma[row, part] = error * (1 + 1j) if model.is_complex and not np.iscomplexobj(error) else error
    return x, y, None if traces[0].sigma is None else sigma


def _with_own_errors(found: JointFit, wider: FloatArray) -> JointFit:
    """Return the fit with errors of each trace enlarged, shape (m, k)."""
    errors = found.errors.copy()
    for column, name in enumerate(found.varied):
        errors[:, found.names.index(name)] *= wider[:, column]
    covariance = found.trace_covariance * wider[:, :, None] * wider[:, None, :]
    return replace(found, errors=errors, trace_covariance=covariance)


def _is_one(found: JointFit, name: str) -> bool:
    return len(found.labels) == 1 or (name, None) in found.shared_names


def _profile(found: JointFit, parameter: Parameter, refit: Refit) -> Profile:
    column = found.names.index(parameter.name)
    value, error = float(found.values[0, column]), float(found.errors[0, column])
    at = afar(parameter, value, _AFAR)
    if np.isfinite(error) and error > 0:
        at = np.concatenate([at, value * np.exp(_CLOSE * error / value)])
    at = np.sort(at[(at >= parameter.minimum) & (at <= parameter.maximum)])
    start = {n: v for n, v in _begin(found, found.values[0]).items() if n != parameter.name}
    fits = [refit(start, {parameter.name: float(one)}) for one in at]
    variance = 1.0 if found.p_value is not None else found.chi2 / max(found.degrees_of_freedom, 1)
    fall = (np.array([fit.chi2 for fit in fits]) - found.chi2) / variance
    values = np.stack([[fit.values[0, fit.names.index(n)] for n in found.names] for fit in fits])
    return Profile(at, values, np.where(fall < -BETTER, fall, np.sqrt(np.maximum(fall, 0.0))))


def _begin(found: JointFit, values: FloatArray) -> dict[str, float]:
    """Return where to start from, of what varies and is one for all traces; ``values`` in order of names."""
    alone = len(found.labels) == 1
    named = dict(zip(found.names, values.tolist(), strict=True))
    return {n: named[n] for n in found.varied if alone or (n, None) in found.shared_names}


def _widened(found: JointFit, parameter: Parameter, profile: Profile) -> tuple[JointFit, ProfileEnds | None]:
    column = found.names.index(parameter.name)
    value, error = float(found.values[0, column]), float(found.errors[0, column])
    if not (np.isfinite(error) and error > 0):
        return found, None
    bounds = (parameter.minimum, parameter.maximum)
    ends = np.array([[end_of(profile, value, level, bound) for bound in bounds] for level in LEVELS])
    beyond = np.abs(np.where(np.isfinite(ends), ends, bounds) - value) / (LEVELS[:, None] * error)
    wider = dict.fromkeys(found.varied, 1.0)
    for name in found.varied:
        wider[name] = _moved(found, profile, name)
    wider[parameter.name] = max(float(beyond[:2].max()), 1.0)
    lopsided = wider[parameter.name] > PARABOLA
    if not lopsided and float(beyond.max()) <= PARABOLA:
        return found, None
    followers = tuple(n for n in found.varied if n != parameter.name and wider[n] > PARABOLA)
    told = ProfileEnds(
        (float(ends[0, 0]), float(ends[0, 1])), (float(ends[1, 0]), float(ends[1, 1])), lopsided, followers
    )
    return (_with_errors(found, wider) if lopsided else found), told


def _moved(found: JointFit, profile: Profile, name: str) -> float:
    """Return by how many errors a parameter moves along the profile, for each standard deviation."""
    column = found.names.index(name)
    error = float(found.errors[0, column])
    if not error > 0:
        return 1.0
    inside = profile.rise <= LEVELS[1]
    off = np.abs(profile.values[inside, column] - found.values[0, column]) / error
    return max(float((off / np.maximum(profile.rise[inside], 1.0)).max(initial=1.0)), 1.0)


def _with_errors(found: JointFit, wider: Mapping[str, float]) -> JointFit:
    """Return the fit with all errors of some parameters enlarged."""
    errors: FloatArray = found.errors * np.array([wider.get(name, 1.0) for name in found.names])
    own = np.array([wider[name] for name in found.varied])
    common = np.array([wider.get(name, 1.0) for name, _ in found.shared_names])
    return replace(
        found,
        errors=errors,
        trace_covariance=found.trace_covariance * np.outer(own, own),
        covariance=found.covariance * np.outer(common, common),
        shared={
            name: {label: (v, e * wider.get(name, 1.0)) for label, (v, e) in groups.items()}
            for name, groups in found.shared.items()
        },
    )
