"""All traces of a recipe fitted together, as its section ``[joint]`` says.

::

    [model]
    name = "film_relaxation"
    tied = { distance = "positioner_position + offset" }   # expressions of parameters, free ones and facts

    [joint]
    shared = ["T1"]                          # one value for all traces
    by     = { scale = "temperature" }       # one value for each value of an axis, a column or a parameter
    free   = { offset = "0 [m]" }            # further parameters, with start and unit
    priors = { T1 = ["3 ms", "0.5 ms"] }     # what is known beforehand: mean and standard deviation

Parameters that are named nowhere are each trace's own. Names in ``by`` and ``tied`` that are no parameters
are facts of the traces: axes of the run, means of its columns, its parameters. So are names in ``priors``,
``scale = ["1", "scale_uncertainty"]``: what a run knows of an error that all points of a trace have in
common.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from labspin.analysis.expression import Expression
from labspin.analysis.fitting.axes import in_units_of
from labspin.analysis.fitting.curve import chi2_probability
from labspin.analysis.fitting.derived import split_unit, with_derived
from labspin.analysis.fitting.diagnosis import warnings_of
from labspin.analysis.fitting.grids import curve_grid
from labspin.analysis.fitting.joint import JointFit, JointTrace, fit_joint
from labspin.analysis.fitting.joint_profiles import Refit, follow_joint, follow_own
from labspin.analysis.model import FitModel, FloatArray, Parameter
from labspin.analysis.outcome import FitOutcome, FitStatistics, FittedParameter, ProfileEnds
from labspin.analysis.recipes.recipe import Recipe
from labspin.analysis.recipes.traces import Trace
from labspin.analysis.recipes.values import pairs_of, values_of
from labspin.errors import RecipeError
from labspin.units import parse_quantity

__all__ = ["fact_names", "fit_joint_recipe"]

_IMPROBABLE = 1e-3
_ONE = 0.99
"""Correlation from which two shared parameters are called one."""
_BY_PRIOR = 0.5
"""Standard error, over the deviation of a prior, from which the prior says more than the data."""


def fact_names(recipe: Recipe) -> tuple[str, ...]:
    """Return the names of what a joint recipe needs to know of each trace.

    Parameters
    ----------
    recipe
        A recipe with a section ``[joint]``.
    """
    own = {*recipe.built.names, *recipe.free}
    tied = (name for text in recipe.tied.values() for name in Expression(text).names)
    return tuple(
        dict.fromkeys(
            [*(n for n in (*recipe.grouped.values(), *tied) if n not in own), *_known_by_name(recipe)]
        )
    )


def _known_by_name(recipe: Recipe) -> list[str]:
    """Return the entries of priors that are names, not quantities."""
    written = (text for pair in recipe.priors.values() for text in pair)
    return [text for text in written if isinstance(text, str) and text.isidentifier()]


def _priors(
    recipe: Recipe, units: Mapping[str, str], facts: Mapping[str, FloatArray]
) -> dict[str, tuple[ArrayLike, ArrayLike]]:
    """Return what is known beforehand, in the units of the parameters; facts are in them already."""

    def one(name: str, written: object) -> ArrayLike:
        if isinstance(written, str) and written.isidentifier():
            return facts[written]
        return values_of(recipe, units, {name: written})[name]

    return {
        name: (one(name, mean), one(name, deviation)) for name, (mean, deviation) in recipe.priors.items()
    }


def fit_joint_recipe(
    traces: Sequence[Trace], facts: Mapping[str, FloatArray], recipe: Recipe
) -> list[FitOutcome]:
    """Fit all traces together and return one outcome a trace.

    Statistics are those of the whole fit; each outcome has the covariance of the parameters of its trace. A
    trace without any point, of a run that broke off, is left out and says so.

    Parameters
    ----------
    traces
        At least one.
    facts
        What `fact_names` asks for, one value a trace.
    recipe
        A recipe with a section ``[joint]``.

    Raises
    ------
    RecipeError
        The recipe names what neither the model nor the traces have.
    FitError
        The traces cannot be fitted.
    """
    lacking = [name for name in fact_names(recipe) if name not in facts]
    if lacking:
        raise RecipeError(
            f"recipe {recipe.name}: {lacking[0]!r} is neither a parameter of model {recipe.model} nor known "
            "of the traces; name an axis, a column or a parameter of the run"
        )
    there = [_has_points(trace) for trace in traces]
    if any(there) and not all(there):
        keep = np.array(there)
        measured = [trace for trace, one in zip(traces, there, strict=True) if one]
        known = {name: np.asarray(values)[keep] for name, values in facts.items()}
        found = iter(_fit_together(measured, known, recipe))
        outcomes = [next(found) if one else None for one in there]
        sound = next(outcome for outcome in outcomes if outcome is not None)
        empty = sound.not_fitted("wanted points, got none: none was measured")
        return [
            empty.with_changes(label=trace.label) if outcome is None else outcome
            for trace, outcome in zip(traces, outcomes, strict=True)
        ]
    return _fit_together(traces, facts, recipe)


def _has_points(trace: Trace) -> bool:
    usable = np.isfinite(trace.x) & np.isfinite(trace.y)
    return bool(np.any(usable if trace.sigma is None else usable & np.isfinite(trace.sigma)))


def _fit_together(
    traces: Sequence[Trace], facts: Mapping[str, FloatArray], recipe: Recipe
) -> list[FitOutcome]:
    model = recipe.built
    traces = _in_one_unit(model, traces)
    first = traces[0]
    free = _free(recipe)
    units = model.units(first.x_unit, first.y_unit) | {p.name: p.unit for p in free}
    shared: dict[str, Sequence[float] | None] = dict.fromkeys(recipe.shared)
    shared |= {name: facts[place].tolist() for name, place in recipe.grouped.items()}
    priors = _priors(recipe, units, facts)
    given, held = (values_of(recipe, units, written) for written in (recipe.start, recipe.fixed))

    bounds = pairs_of(recipe, units, recipe.bounds)
    data = [JointTrace(trace.x, trace.y, trace.sigma, trace.label) for trace in traces]

    def fit(start: Mapping[str, float], fixed: Mapping[str, float]) -> JointFit:
        return fit_joint(
            model,
            data,
            shared={name: labels for name, labels in shared.items() if name not in fixed},
            start={**given, **start},
            fixed={**held, **fixed},
            bounds=bounds,
            tied=recipe.tied,
            free=free,
            known={name: facts[name] for name in fact_names(recipe)},
            priors=priors,
        )

    limited = model.limited(np.empty(0), bounds) if bounds else model
    along = sorted(set(model.profiled) - set(priors))
    found, ends = _followed(fit, [limited.parameter(name) for name in along], limited, data)
    described = _described(model, free)
    together = _not_separated(found)
    return [
        with_derived(
            _outcome(recipe, described, found, row, trace, units, together, ends[row], priors), recipe.derived
        )
        for row, trace in enumerate(traces)
    ]


def _described(model: FitModel, free: Sequence[Parameter]) -> FitModel:
    """Return the model with the parameters of the recipe, which its curve knows by what is tied to them."""
    count = len(model.parameters)
    return replace(
        model,
        parameters=(*model.parameters, *free),
        function=lambda x, *values: model.function(x, *values[:count]),
    )


def _of_beforehand(outcome: FitOutcome, priors: Mapping[str, tuple[ArrayLike, ArrayLike]]) -> frozenset[str]:
    """Return the parameters of which a prior says more than the data do."""
    return frozenset(
        name
        for name, (_, deviation) in priors.items()
        if name in outcome.covariance_names
        and outcome[name].stderr > _BY_PRIOR * float(np.median(np.asarray(deviation, np.float64)))
    )


def _followed(
    fit: Refit, along: Sequence[Parameter], model: FitModel, traces: Sequence[JointTrace]
) -> tuple[JointFit, list[dict[str, ProfileEnds]]]:
    """Return the fit with the errors of profiles where χ² may be no parabola, and the ends by trace."""
    found = fit({}, {})
    ends: list[dict[str, ProfileEnds]] = [{} for _ in traces]
    for parameter in along:
        found, told = follow_joint(found, parameter, fit)
        found, own = follow_own(found, model, parameter.name, traces)
        for row, one in enumerate(own):
            end = told if one is None else one
            if end is not None:
                ends[row][parameter.name] = end
    return found, ends


def _in_one_unit(model: FitModel, traces: Sequence[Trace]) -> list[Trace]:
    """Return all traces in the units that the model needs, or else in those of the first one."""
    wanted = replace(model, x_unit=model.x_unit or traces[0].x_unit, y_unit=model.y_unit or traces[0].y_unit)
    found = []
    for trace in traces:
        names = (trace.x_name, trace.x_unit, trace.y_name, trace.y_unit)
        x, y, sigma, axes = in_units_of(wanted, trace.x, trace.y, trace.sigma, names)
        found.append(replace(trace, x=x, y=y, sigma=sigma, x_unit=axes[1], y_unit=axes[3]))
    return found


def _free(recipe: Recipe) -> tuple[Parameter, ...]:
    found = []
    for name, text in recipe.free.items():
        value, unit = split_unit(text) if isinstance(text, str) else (text, "1")
        start = parse_quantity(value, "1", name=f"recipe {recipe.name}: joint.free.{name}")
        found.append(Parameter(name, unit, "free parameter of the recipe", value=start))
    return tuple(found)


def _outcome(
    recipe: Recipe,
    model: FitModel,
    found: JointFit,
    row: int,
    trace: Trace,
    units: Mapping[str, str],
    together: Sequence[str],
    ends: Mapping[str, ProfileEnds],
    priors: Mapping[str, tuple[ArrayLike, ArrayLike]],
) -> FitOutcome:
    """Return the fit of one trace."""
    usable = np.isfinite(trace.x) & np.isfinite(trace.y)
    if trace.sigma is not None:
        usable &= np.isfinite(trace.sigma)
    order = np.flatnonzero(usable)[np.argsort(trace.x[usable], kind="stable")]
    x, y = trace.x[order], trace.y[order]
    sigma = None if trace.sigma is None else trace.sigma[order]
    values = dict(zip(found.names, found.values[row].tolist(), strict=True))
    own = {p.name: values[p.name] for p in model.parameters if p.name not in recipe.free}
    bare = replace(model, parameters=tuple(p for p in model.parameters if p.name not in recipe.free))
    fine = curve_grid(x, lambda grid: bare.curve(grid, own))
    outcome = FitOutcome(
        name=recipe.result_name or recipe.name, quantity=recipe.y, model=model.name,
        equation=model.equation, parameters=_parameters(recipe, model, found, row, units),
        covariance_names=found.varied, covariance=found.trace_covariance[row],
        statistics=_statistics(found, x.size, recipe), x=x, y=y, sigma=sigma, best=bare.evaluate(x, own),
        curve_x=fine, curve_y=bare.curve(fine, own), x_name=trace.x_name, x_unit=trace.x_unit,
        y_name=trace.y_name, y_unit=trace.y_unit, label=trace.label, likelihood=model.likelihood,
        ends=ends,
    )  # fmt: skip
    said = [*warnings_of(model, outcome, _of_beforehand(outcome, priors)), *together]
    points = x.size * (2 if model.is_complex else 1)
    own_p = chi2_probability(float(found.trace_chi2[row]), points)
    if found.p_value is not None and own_p < _IMPROBABLE:
        said.append(
            f"this trace's own χ² is {found.trace_chi2[row]:.4g} for {points} points: it does not suit the "
            "others"
        )
    return outcome.with_changes(warnings=tuple(said))


def _parameters(
    recipe: Recipe, model: FitModel, found: JointFit, row: int, units: Mapping[str, str]
) -> tuple[FittedParameter, ...]:
    return tuple(
        FittedParameter(
            name=name,
            value=float(found.values[row, column]),
            stderr=float(found.errors[row, column]),
            unit=units[name],
            fixed=name not in found.varied and name not in recipe.tied,
            description=model.parameter(name).description,
        )
        for column, name in enumerate(found.names)
    )


def _statistics(found: JointFit, points: int, recipe: Recipe) -> FitStatistics:
    fitted = found.points - found.degrees_of_freedom
    with np.errstate(divide="ignore"):
        known = found.p_value is not None
        misfit = found.chi2 if known else found.points * float(np.log(found.chi2 / found.points))
    return FitStatistics(
        chi2=found.chi2,
        degrees_of_freedom=found.degrees_of_freedom,
        points=points,
        p_value=found.p_value,
        aic=misfit + 2 * fitted,
        bic=misfit + fitted * float(np.log(max(found.points, 1))),
        errors_from_scatter=found.p_value is None,
        converged=found.converged,
        evaluations=found.steps,
    )


def _not_separated(found: JointFit) -> list[str]:
    """Say which shared parameters the data cannot tell apart."""
    deviations = np.sqrt(np.diagonal(found.covariance))
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = found.covariance / np.outer(deviations, deviations)
    said = []
    for one in range(len(deviations)):
        for other in range(one):
            value = correlation[one, other]
            if abs(value) > _ONE:
                pair = " and ".join(_words(*found.shared_names[at]) for at in (other, one))
                said.append(
                    f"the data hardly tell {pair} apart (correlation {value:+.3f}); fix one, or say what is "
                    "known of it by a prior"
                )
    return said


def _words(name: str, label: object) -> str:
    return (
        name if label is None else f"{name} at {label:g}" if isinstance(label, float) else f"{name} ({label})"
    )
