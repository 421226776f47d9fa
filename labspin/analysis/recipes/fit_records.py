"""Fits as the run file keeps them: `FitOutcome` records written down as one `labspin.data.FitRecord`.

The fits of all traces of a run stand in one group, along the dimension ``trace`` where there are several, so
that storing ten thousand of them rewrites the file once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.outcome import FitOutcome
from labspin.analysis.recipes.recipe import Recipe
from labspin.arrays import Element, FloatArray, Numbers
from labspin.errors import FitError

if TYPE_CHECKING:
    from labspin.data import Dimension, FitCurve, FitParameter, FitRecord

_SPARSE = 2
"""How many times more points all traces may have together than the longest, if curves are to be kept."""

__all__ = [
    "chosen_of_trace",
    "chosen_statistics",
    "joined",
    "present_at_trace",
    "recipe_table",
    "record_of",
    "safe_name",
    "warnings_of_trace",
]


def record_of(
    outcomes: Sequence[FitOutcome], recipe: Recipe | None = None, *, several: bool | None = None
) -> FitRecord:
    """Return the record of the fits of one run.

    Parameters
    ----------
    outcomes
        Fits by one model, a trace each.
    recipe
        What they were made by.
    several
        Whether there is a dimension ``trace``; None: where there is more than one.

    Raises
    ------
    FitError
        No fits, or fits by different models.
    """
    from labspin.data import Dimension, FitRecord

    if not outcomes:
        raise FitError("fits: wanted at least one to store, got none")
    first = outcomes[0]
    if any(outcome.covariance_names != first.covariance_names for outcome in outcomes):
        raise FitError("fits: wanted one model and the same free parameters for all traces of a record")
    several = len(outcomes) > 1 if several is None else several
    trace = (Dimension(name="trace", unit="1", values=np.arange(float(len(outcomes)))),) if several else ()
    return FitRecord(
        name=safe_name(first.name),
        quantity=first.quantity,
        model=first.model,
        recipe=recipe_table(recipe, max(outcomes, key=lambda outcome: len(outcome.present)).equation),
        parameters=_parameters(outcomes, several),
        covariance=_stack([outcome.covariance for outcome in outcomes], several),
        statistics=_statistics(outcomes, several),
        dimensions=trace,
        curve=_curve(outcomes, several, Dimension),
    )


def joined(records: Sequence[FitRecord]) -> FitRecord:
    """Return the records of the parts of one run as one, along ``trace``; the curves of several are not kept.

    Parameters
    ----------
    records
        At least one, in the order of the parts.

    Returns
    -------
    record
        A single record as it is, with its curve.
    """
    from labspin.data import Dimension, FitParameter

    first = records[0]
    if len(records) == 1:
        return first
    if any([p.name for p in record.parameters] != [p.name for p in first.parameters] for record in records):
        raise FitError("fits: wanted one model and the same free parameters for all traces of a record")
    count = sum(len(record.dimensions[0]) for record in records)
    parameters = tuple(
        FitParameter(
            name=p.name,
            value=np.concatenate([record.parameters[place].value for record in records]),
            stderr=np.concatenate([record.parameters[place].stderr for record in records]),
            unit=p.unit,
            varied=p.varied,
        )
        for place, p in enumerate(first.parameters)
    )
    return replace(
        first,
        parameters=parameters,
        covariance=_concatenated([record.covariance for record in records]),
        statistics={
            name: _joined_statistic(name, [record.statistics[name] for record in records])
            for name in first.statistics
            if all(name in record.statistics for record in records)
        },
        dimensions=(Dimension(name="trace", unit="1", values=np.arange(float(count))),),
        curve=None,
    )


def _concatenated(arrays: Sequence[FloatArray | None]) -> FloatArray | None:
    known = [array for array in arrays if array is not None]
    return np.concatenate(known) if len(known) == len(arrays) else None


def _joined_statistic(name: str, values: Sequence[Any]) -> object:
    if isinstance(values[0], np.ndarray):
        return np.concatenate(values)
    if isinstance(values[0], list):
        return [item for part in values for item in part]
    return sum(values) if name.startswith("checked") else max(values)


def warnings_of_trace(record: FitRecord, trace: int) -> tuple[str, ...]:
    """Return what a record says is doubtful about one of its traces.

    Parameters
    ----------
    record
        The fits as the run file keeps them.
    trace
        Number of the trace, from 0.

    Returns
    -------
    warnings
        One text each; empty where nothing is doubtful.
    """
    stored = record.statistics.get("warnings", ())
    if not isinstance(stored, list) or trace >= len(stored):
        return ()
    return tuple(text for text in str(stored[trace]).split(" | ") if text)


def chosen_statistics(options: Sequence[Mapping[str, object]], *, several: bool) -> dict[str, object]:
    """Return the statistics that tell which options each trace prefers, such as ``chosen_count``.

    Parameters
    ----------
    options
        Options of each trace: name of each option to the value that is preferred; at least one trace.
    several
        Keep one value a trace; otherwise only that of the first.
    """
    found: dict[str, object] = {}
    for name in options[0]:
        values = [chosen[name] for chosen in options]
        numbers = all(isinstance(value, (int, float)) for value in values)
        found[f"chosen_{name}"] = (np.asarray(values) if numbers else values) if several else values[0]
    return found


def chosen_of_trace(record: FitRecord, trace: int) -> dict[str, object]:
    """Return the options of the model that one trace of a record prefers, empty where there was no choice.

    Parameters
    ----------
    record
        The fits as the run file keeps them.
    trace
        Number of the trace, from 0.
    """
    offered = record.recipe.get("choose")
    found: dict[str, object] = {}
    for name, values in offered.items() if isinstance(offered, dict) else ():
        stored = record.statistics.get(f"chosen_{name}")
        own = stored[trace] if isinstance(stored, (list, np.ndarray)) and trace < len(stored) else stored
        # As the recipe wrote it: a file gives whole numbers back as NumPy's.
        matching = [value for value in values if value == own] if isinstance(values, list) else []
        if matching:
            found[name] = matching[0]
    return found


def present_at_trace(record: FitRecord, trace: int) -> list[bool]:
    """Return which parameters the fit of a trace has: all but those that the chosen model lacks.

    Parameters
    ----------
    record
        The fits as the run file keeps them.
    trace
        Number of the trace, from 0.

    Returns
    -------
    present
        In the order of the record's parameters.
    """
    if not record.recipe.get("choose"):
        return [True] * len(record.parameters)
    return [bool(np.isfinite(p.value.ravel()[trace])) for p in record.parameters]


def _stack(arrays: Sequence[NDArray[Element]], several: bool) -> NDArray[Element]:
    return np.stack(arrays) if several else arrays[0]


def _numbers(values: Sequence[float], several: bool) -> FloatArray:
    return np.asarray(values if several else values[0], np.float64)


def _parameters(outcomes: Sequence[FitOutcome], several: bool) -> tuple[FitParameter, ...]:
    from labspin.data import FitParameter

    first = outcomes[0]
    # The covariance runs over the varied parameters in the order in which they stand.
    order = {name: position for position, name in enumerate(first.covariance_names)}
    names = sorted((p.name for p in first.parameters), key=lambda name: order.get(name, len(order)))
    return tuple(
        FitParameter(
            name=safe_name(name),
            value=_numbers([outcome[name].value for outcome in outcomes], several),
            stderr=_numbers([outcome[name].stderr for outcome in outcomes], several),
            unit=first[name].unit,
            varied=name in order,
        )
        for name in names
    )


def _statistics(outcomes: Sequence[FitOutcome], several: bool) -> dict[str, object]:
    def gathered(values: list[object]) -> object:
        return np.asarray(values) if several else values[0]

    every = [outcome.statistics for outcome in outcomes]
    found: dict[str, object] = {
        "chi_square": gathered([s.chi2 for s in every]),
        "reduced_chi_square": gathered([s.chi2red for s in every]),
        "degrees_of_freedom": gathered([s.degrees_of_freedom for s in every]),
        "points": gathered([s.points for s in every]),
        "success": gathered([s.converged for s in every]),
        "aic": gathered([s.aic for s in every]),
        "bic": gathered([s.bic for s in every]),
        "errors_from_scatter": every[0].errors_from_scatter,
        "warnings": [" | ".join(outcome.warnings) for outcome in outcomes],
    }
    if every[0].p_value is not None:
        found["p_value"] = gathered([s.p_value for s in every])
    return found | chosen_statistics([outcome.chosen for outcome in outcomes], several=several)


def _curve(outcomes: Sequence[FitOutcome], several: bool, dimension: type[Dimension]) -> FitCurve | None:
    """Return model and data at the fitted points: those of all traces, NaN where one has none."""
    from labspin.data import FitCurve

    first = outcomes[0]
    x = first.x
    if any(not np.array_equal(outcome.x, x) for outcome in outcomes):
        x = np.unique(np.concatenate([outcome.x for outcome in outcomes]))
        largest = max(outcome.x.size for outcome in outcomes)
        if x.size > _SPARSE * largest or any(np.unique(o.x).size < o.x.size for o in outcomes):
            return None
    placed = [_placed(x, outcome, outcome.sigma) for outcome in outcomes if outcome.sigma is not None]
    errors = _stack(placed, several) if len(placed) == len(outcomes) else None
    return FitCurve(
        axes=(dimension(name=safe_name(first.x_name), unit=first.x_unit, values=x),),
        values=_stack([_placed(x, outcome, outcome.best) for outcome in outcomes], several),
        data=_stack([_placed(x, outcome, outcome.y) for outcome in outcomes], several),
        errors=errors,
        unit=first.y_unit,
    )


def _placed(x: FloatArray, outcome: FitOutcome, values: Numbers) -> Numbers:
    """Return values of a trace on the points of all, NaN between."""
    if np.array_equal(outcome.x, x):
        return values
    found = np.full(x.shape, np.nan, np.asarray(values).dtype)
    found[np.searchsorted(x, outcome.x)] = values
    return found


def recipe_table(recipe: Recipe | None, equation: str) -> dict[str, object]:
    """Return a recipe, and the equation of its model, as they are kept beside the result.

    Parameters
    ----------
    recipe
        The recipe of the fit; None: only the equation is kept.
    equation
        Equation of the model.

    Returns
    -------
    table
        Plain values, as a run file takes them.
    """
    table: dict[str, object] = {"equation": equation}
    if recipe is None:
        return table
    return (
        table
        | {
            "name": recipe.name,
            "digest": recipe.version,
            "x": recipe.x,
            "y": recipe.y,
            "sigma": recipe.sigma,
            "select": {name: list(pair) for name, pair in recipe.select.items()},
            "model": recipe.model,
            "options": dict(recipe.options),
            "choose": {name: list(values) for name, values in recipe.choose.items()},
            "fixed": dict(recipe.fixed),
            "start": dict(recipe.start),
            "bounds": {name: list(pair) for name, pair in recipe.bounds.items()},
            "tied": dict(recipe.tied),
            "derived": dict(recipe.derived),
            **({"y_name": recipe.y_name} if recipe.y_name else {}),
        }
        | _joint_table(recipe)
    )


def _joint_table(recipe: Recipe) -> dict[str, object]:
    table: dict[str, object] = {}
    if recipe.chain:  # its x and y are no columns of the run, which would tell what they are called
        table = {"after": recipe.chain, "by": list(recipe.by), "y_name": recipe.y_name or recipe.y}
    if recipe.is_joint:
        table["joint"] = {
            "shared": list(recipe.shared),
            "by": dict(recipe.grouped),
            "free": dict(recipe.free),
            "priors": {name: list(pair) for name, pair in recipe.priors.items()},
        }
    return table


def safe_name(name: str) -> str:
    """Return ``name`` as a run file takes it.

    Parameters
    ----------
    name
        Any text.

    Returns
    -------
    name
        ASCII letters, digits and underscores, at most 55; ``"fit"`` where nothing is left.
    """
    return re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")[:55] or "fit"
