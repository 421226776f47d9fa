"""What to distrust in a fit, said in one sentence each, with what to do about it."""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np

from labspin.analysis.fitting.exchange import covariance_of_all, partners
from labspin.analysis.model import FitModel, FloatArray
from labspin.analysis.outcome import FitOutcome, FittedParameter, ProfileEnds
from labspin.units import format_quantity

__all__ = ["BASES", "warnings_of"]

_IMPROBABLE = 1e-3
"""Probability of χ² below which model or errors are called wrong."""

BASES = ("offset", "baseline", "background")
"""Names of what is added to a curve, a constant."""
HEIGHTS = ("y", "y/x", "x*y")
"""Units of what models are linear in."""
_OF_PLACES = ("x", "1/x", "cycles/x", "rad")
"""Units of places, widths, times and phases."""
_STRAIGHT = 1e-6
"""Part of a change of a curve by which it may be bent in a parameter that the model is linear in."""

_FROM_ZERO = ("T1", "T2", "T2_star", "decay_time", "time_fast")
"""Times of what begins at x = 0."""
_FAR = 100.0
"""Ranges of x from zero at which x is counted from elsewhere."""
_NEIGHBOURS = 3.1
"""Standard deviations from which a correlation of neighbours is not by chance: once in a thousand it is."""
_ALONE, _FEWEST = 0.8, 12
"""Part of what a curve explains that one point alone may bring; points from which on that is looked at."""
_TIMES = {"T1": "relaxation", "time_fast": "decay", "time_slow": "decay"}


def warnings_of(model: FitModel, outcome: FitOutcome, known: Collection[str] = ()) -> tuple[str, ...]:
    """Return what is doubtful about ``outcome``.

    Parameters
    ----------
    model
        The model that was fitted, with the bounds of the fit.
    outcome
        The fit.
    known
        Parameters of which the data say less than what was known of them beforehand.

    Returns
    -------
    warnings
        One sentence each; empty for a fit without doubts.
    """
    found = [*_convergence(outcome), *_far(outcome), *_goodness(outcome)]
    found += _nothing_seen(model, outcome, known)
    unseen = _unseen(outcome) - _elsewhere(model, outcome)
    of_all = covariance_of_all(model, outcome) if unseen else None
    for parameter in outcome.parameters:
        if parameter.derived:
            continue
        if parameter.fixed:
            found += _beyond(model, parameter)
            continue
        at_bound = _bounds(model, parameter)
        if parameter.name in unseen and not at_bound:
            found += _invisible(outcome, parameter, of_all)
            continue
        found += at_bound or _determination(model, outcome, parameter)
        if parameter.name in outcome.ends:
            found.append(_lopsided(parameter, outcome.ends[parameter.name]))
        if parameter.name in _TIMES and parameter.unit == outcome.x_unit:
            found += _window(outcome, parameter)
    found += [*_one_point(outcome), *_outside(outcome)]
    if model.doubts is not None and np.any(np.isfinite(outcome.covariance)):
        # What the data cannot tell apart is in the covariance of all, not in that with one of them held.
        found += model.doubts(outcome if of_all is None else outcome.with_changes(covariance=of_all))
    return tuple(found)


def _convergence(outcome: FitOutcome) -> list[str]:
    found = []
    if not outcome.statistics.converged:
        tried = f" in {outcome.statistics.evaluations} steps" if outcome.statistics.evaluations else ""
        found = [f"the fit did not converge{tried}; give other starting values, or hold a parameter"]
    if outcome.covariance.size and not np.any(np.isfinite(outcome.covariance)):
        alone = outcome.covariance_names[0] if len(outcome.covariance_names) == 1 else ""
        found.append(
            f"{alone} cannot be seen in these data: a large change of it moves the curve by less than the "
            "noise; measure longer or elsewhere"
            if alone
            else "the data leave a combination of parameters free, so there are no errors; fix a parameter"
        )
    return found


def _far(outcome: FitOutcome) -> list[str]:
    """Say that a decay is looked for far from where it begins, such as in times since 1970."""
    counted = any(p.name in _FROM_ZERO and p.unit == outcome.x_unit for p in outcome.parameters)
    range_ = float(np.ptp(outcome.x)) if outcome.x.size else 0.0
    if not counted or not 0 < _FAR * range_ < float(np.min(outcome.x)):
        return []
    return [
        f"x begins at {format_quantity(float(np.min(outcome.x)), outcome.x_unit)}, many times its range, and "
        "this model counts from x = 0: subtract where it begins"
    ]


def _unseen(outcome: FitOutcome) -> frozenset[str]:
    """Return the fitted parameters without an error, where others have one."""
    known = np.isfinite(np.diag(outcome.covariance)) if outcome.covariance.size else np.zeros(0, bool)
    if not known.any():
        return frozenset()
    return frozenset(name for name, seen in zip(outcome.covariance_names, known, strict=True) if not seen)


def _elsewhere(model: FitModel, outcome: FitOutcome) -> frozenset[str]:
    """Return parameters without an error because another minimum, reported elsewhere, has other values."""
    if model.rivals is None or not np.any(np.isfinite(outcome.covariance)):
        return frozenset()
    weights = None if outcome.sigma is None else 1 / np.asarray(outcome.sigma, np.float64)
    values = {p.name: p.value for p in outcome.parameters if not p.derived}
    y = np.asarray(outcome.y, np.float64)
    return frozenset(model.rivals(outcome.x, y, weights, values, outcome.covariance_names))


def _lopsided(parameter: FittedParameter, ends: ProfileEnds) -> str:
    """Say how far χ² lets a parameter go, and what goes with it."""

    def span(low: float, high: float) -> str:
        shown = [format_quantity(end, parameter.unit) for end in (low, high)]
        if math.isinf(low) and math.isinf(high):
            return "anything"
        if math.isinf(high):
            return f"{shown[0]} or more, without an upper end"
        return f"{shown[1]} or less, without a lower end" if math.isinf(low) else f"{shown[0]} to {shown[1]}"

    match = f", with {' and '.join(ends.followers)} to match" if ends.followers else ""
    error = "its error is that of the wider side" if ends.widened else "its error tells of the nearest only"
    return (
        f"χ² is no parabola in {parameter.name}: it may be {span(*ends.one)} (68 %), {span(*ends.two)} (95 %)"
        f"{match}; {error}"
    )


def _invisible(outcome: FitOutcome, parameter: FittedParameter, of_all: FloatArray | None) -> list[str]:
    """Say that a parameter is held, what it can be exchanged for, and whether the window is the reason."""
    others = () if of_all is None else partners(outcome.covariance_names, of_all, parameter.name)
    match = " and ".join(filter(None, (", ".join(others[:-1]), *others[-1:]))) or "one of the others"
    found = [
        f"{parameter.name} cannot be seen in these data: a large change of it, with {match} to "
        "match, moves the curve by less than the noise; it is held at "
        f"{format_quantity(parameter.value, parameter.unit)}, and the errors of the other parameters are for "
        "that value"
    ]
    if others and parameter.name in _TIMES and parameter.unit == outcome.x_unit:
        found += _window(outcome, parameter)
    return found


def _beyond(model: FitModel, parameter: FittedParameter) -> list[str]:
    declared = model.parameter(parameter.name)
    if declared.minimum <= parameter.value <= declared.maximum:
        return []
    return [
        f"{parameter.name} is held at {parameter.value:g}, outside of the range {declared.minimum:g} to "
        f"{declared.maximum:g} within which it would be fitted"
    ]


def _goodness(outcome: FitOutcome) -> list[str]:
    statistics = outcome.statistics
    p = statistics.p_value
    if p is None:
        return _unexplained(outcome)
    if math.isnan(p):
        return []
    if p < _IMPROBABLE:
        return [
            f"reduced χ² = {statistics.chi2red:.3g} has probability {p:.1g}: the model misses something, or "
            "the errors of the points are too small (the parameters' errors would be "
            f"{math.sqrt(statistics.chi2red):.2g} times larger if scaled to the scatter)"
        ]
    if p > 1 - _IMPROBABLE:
        return [
            f"reduced χ² = {statistics.chi2red:.3g} is improbably small: "
            "the errors of the points are too large"
        ]
    return []


def _unexplained(outcome: FitOutcome) -> list[str]:
    """Look for structure in residuals whose size is not known: neighbours that are alike (Durbin–Watson).

    For white residuals 1 − d/2 is the correlation of neighbours, with standard deviation √(1/n).
    """
    if np.all(outcome.y == outcome.y[0]):
        return [
            "all points are alike, so their scatter says nothing of errors; give the errors of the points"
        ]
    if outcome.noise is not None or outcome.x.size < 12 or np.any(np.diff(outcome.x) == 0):
        return []
    residuals = np.asarray(outcome.residuals)
    size = float(np.sum(np.square(np.abs(residuals))))
    if size == 0:
        return []  # the model goes through every point
    alike = 1 - float(np.sum(np.square(np.abs(np.diff(residuals))))) / (2 * size)
    spread = 1 / math.sqrt(residuals.size * (2 if np.iscomplexobj(residuals) else 1))
    if not math.isfinite(alike) or alike < _NEIGHBOURS * spread or _is_rounding(outcome):
        return []
    return [
        f"neighbouring residuals are alike (correlation {alike:.2f}, by chance ± {spread:.2f}): the model "
        "misses something, or the noise is correlated; then the errors are too small"
    ]


def _nothing_seen(model: FitModel, outcome: FitOutcome, known: Collection[str]) -> list[str]:
    """Compare with a constant: what has places and widths to choose finds something in noise, too.

    The best of all curves on noise lowers χ² by about one for each height and 2 ln n for each place, width or
    time that is free, since so many of them, n each, can be distinguished. A height is what the model is
    linear in. What is known beforehand has nothing to choose.
    """
    base = next((p for p in outcome.parameters if p.name in BASES and not p.derived), None)
    if base is None or model.rivals is not None or np.iscomplexobj(outcome.y) or outcome.x.size < 8:
        return []
    weights = np.ones(outcome.x.size) if outcome.sigma is None else 1 / np.asarray(outcome.sigma, np.float64)
    y = np.asarray(outcome.y, np.float64)
    level = base.value if base.fixed else np.average(y, weights=np.square(weights))
    away, off = (
        (rest * weights if outcome.noise is None else outcome.noise.whiten(rest))
        for rest in (y - level, np.asarray(outcome.residuals, np.float64))
    )
    # Of this trace: the statistics of traces that are fitted together are those of all.
    of_constant, left = (float(np.sum(np.square(np.real(rest)))) for rest in (away, off))
    free = [name for name in outcome.covariance_names if name != base.name and name not in known]
    heights = sum(_is_height(model, outcome, name) for name in free)
    places = len(free) - heights
    by_chance = heights + 2 * places * math.log(y.size)
    size = outcome.statistics.chi2red
    size = size if outcome.sigma is None else max(size, 1.0)
    if not places or not size > 0 or not of_constant - left < by_chance * size:
        return []
    fall = (of_constant - left) / size
    return [
        f"a constant explains the data about as well: the curve lowers χ² by {fall:.2g}, "
        f"and the best of such curves on noise alone by up to about {by_chance:.2g}; measure longer, or hold "
        "what is known"
    ]


def _is_height(model: FitModel, outcome: FitOutcome, name: str) -> bool:
    """Return whether a model is linear in a parameter: by its unit, or, of one in SI units, by its curve."""
    unit = model.parameter(name).unit
    if unit in HEIGHTS or not unit or unit in _OF_PLACES:
        return unit in HEIGHTS
    found = outcome[name]
    own = {p.name: p.value for p in outcome.parameters if p.name in model.names and not p.derived}
    move = 0.1 * (found.value or found.stderr)
    low, middle, high = (
        np.asarray(model.evaluate(outcome.x, {**own, name: found.value + part * move})) for part in (-1, 0, 1)
    )
    bent, across = np.abs(high - 2 * middle + low).max(), np.abs(high - low).max()
    return bool(0 < across >= bent / _STRAIGHT)


def _one_point(outcome: FitOutcome) -> list[str]:
    """Say that one point makes the fit: without it, a constant would explain all others about as well.

    What the curve explains beyond a constant is looked at point by point: four fifths of it at one point are
    an outlier, or a line between two others.
    """
    if outcome.x.size < _FEWEST or outcome.noise is not None:
        return []
    weights = np.ones(outcome.x.size) if outcome.sigma is None else 1 / np.abs(outcome.sigma)
    level = np.average(outcome.y, weights=np.square(weights))
    explained = np.square(np.abs((outcome.y - level) * weights))
    explained -= np.square(np.abs(outcome.residuals * weights))
    total, place = float(explained.sum()), int(np.argmax(explained))
    if not (math.isfinite(total) and explained[place] > _ALONE * total > 0):
        return []
    where = format_quantity(float(outcome.x[place]), outcome.x_unit)
    return [
        f"one point, at {where}, makes this fit: {explained[place] / total:.0%} of what the curve explains "
        "is there; look whether it is an outlier, or measure more points near it"
    ]


def _outside(outcome: FitOutcome) -> list[str]:
    """Say that a line stands outside of the points, or is wider than they reach: then a flank is fitted."""
    values = {p.name: p for p in outcome.parameters if not (p.fixed or p.derived)}
    low, high = float(outcome.x.min()), float(outcome.x.max())
    found = []
    for name, place in values.items():
        if not name.startswith(("f0", "center")) or place.unit != outcome.x_unit:
            continue
        where = format_quantity(place.value, place.unit)
        if not low <= place.value <= high:
            found.append(
                f"{name} = {where} is outside of the points, which see a flank of the line at most; sweep "
                "over the line"
            )
        elif name == "f0" and "Q" in values and place.value > values["Q"].value * (high - low):
            found.append(
                f"the line at {where} is wider than the points reach: its height and its width are "
                "extrapolated; sweep further"
            )
    return found


def _is_rounding(outcome: FitOutcome) -> bool:
    """Return whether the residuals are so small that they are rounding of the data."""
    largest = float(np.max(np.abs(outcome.y), initial=0.0))
    return float(np.max(np.abs(outcome.residuals), initial=0.0)) < 1e-9 * largest


def _bounds(model: FitModel, parameter: FittedParameter) -> list[str]:
    declared = model.parameter(parameter.name)
    if declared.minimum == 0 and math.isinf(declared.maximum):
        return []
    for bound in (declared.minimum, declared.maximum):
        if math.isfinite(bound) and abs(parameter.value - bound) <= 1e-9 * abs(bound):
            return [f"{parameter.name} is at its bound {bound:g}; it is not determined by the data"]
    return []


def _determination(model: FitModel, outcome: FitOutcome, parameter: FittedParameter) -> list[str]:
    declared = model.parameter(parameter.name)
    if not math.isfinite(parameter.stderr):
        return []
    bounded = math.isfinite(declared.maximum - declared.minimum) and declared.minimum >= 0
    if (declared.is_scale or bounded) and parameter.stderr > 0.5 * abs(parameter.value):
        return [
            f"{parameter.name} = {parameter.text()} is not determined by the data; "
            "measure longer or over a wider range, or fix it"
        ]
    return []


def _window(outcome: FitOutcome, parameter: FittedParameter) -> list[str]:
    delays = outcome.x[outcome.x > 0]
    if delays.size == 0 or not math.isfinite(parameter.value):
        return []
    value = format_quantity(parameter.value, outcome.x_unit)
    longest, shortest = float(delays.max()), float(delays.min())
    if longest < 2 * parameter.value:
        return [
            f"the longest delay, {format_quantity(longest, outcome.x_unit)}, is shorter than twice "
            f"{parameter.name} = {value}, so the baseline is extrapolated; measure to longer delays"
        ]
    if shortest > parameter.value:
        return [
            f"the shortest delay, {format_quantity(shortest, outcome.x_unit)}, is longer than "
            f"{parameter.name} = {value}, so the decay is over before it is seen; measure shorter delays"
        ]
    if np.count_nonzero(delays < parameter.value) < 3:
        return [
            f"fewer than three delays are shorter than {parameter.name} = {value}; "
            "space the delays logarithmically"
        ]
    return []
