"""Profiles of χ² of joint fits, along what all traces share or a single trace has: see `profiles`.

What several traces have for themselves, what is tied, and what has a prior of its own is not followed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from labspin.analysis.fitting.joint import JointFit
from labspin.analysis.fitting.profiles import BETTER, LEVELS, PARABOLA, Profile, end_of
from labspin.analysis.model import FloatArray, Parameter
from labspin.analysis.outcome import ProfileEnds

__all__ = ["Refit", "follow_joint"]

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


def _is_one(found: JointFit, name: str) -> bool:
    return len(found.labels) == 1 or (name, None) in found.shared_names


def _profile(found: JointFit, parameter: Parameter, refit: Refit) -> Profile:
    column = found.names.index(parameter.name)
    value, error = float(found.values[0, column]), float(found.errors[0, column])
    at = np.geomspace(parameter.minimum, parameter.maximum, _AFAR + 2)[1:-1]
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
