"""Fits as the run file keeps them: `FitOutcome` records written down as one `labspin.data.FitRecord`.

The fits of all traces of a run stand in one group, along the dimension ``trace`` where there are several, so
that storing ten thousand of them rewrites the file once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from labspin.analysis.outcome import FitOutcome
from labspin.analysis.recipes import Recipe
from labspin.errors import FitError

if TYPE_CHECKING:
    from labspin.data import Dimension, FitCurve, FitParameter, FitRecord

__all__ = ["record_of"]


def record_of(outcomes: Sequence[FitOutcome], recipe: Recipe | None = None) -> FitRecord:
    """Return the record of the fits of one run.

    Parameters
    ----------
    outcomes
        Fits by one model, a trace each.
    recipe
        What they were made by.

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
    several = len(outcomes) > 1
    trace = (Dimension(name="trace", unit="1", values=np.arange(float(len(outcomes)))),) if several else ()
    return FitRecord(
        name=_safe(first.name),
        quantity=first.quantity,
        model=first.model,
        recipe=_recipe_table(recipe, first),
        parameters=_parameters(outcomes, several),
        covariance=_stack([outcome.covariance for outcome in outcomes], several),
        statistics=_statistics(outcomes, several),
        dimensions=trace,
        curve=_curve(outcomes, several, Dimension),
    )


def _stack(arrays: Sequence[Any], several: bool) -> Any:
    return np.stack(arrays) if several else arrays[0]


def _parameters(outcomes: Sequence[FitOutcome], several: bool) -> tuple[FitParameter, ...]:
    from labspin.data import FitParameter

    first = outcomes[0]
    # The covariance runs over the varied parameters in the order in which they stand.
    order = {name: position for position, name in enumerate(first.covariance_names)}
    names = sorted((p.name for p in first.parameters), key=lambda name: order.get(name, len(order)))
    return tuple(
        FitParameter(
            name=_safe(name),
            value=np.asarray(_stack([outcome[name].value for outcome in outcomes], several)),
            stderr=np.asarray(_stack([outcome[name].stderr for outcome in outcomes], several)),
            unit=first[name].unit,
            varied=name in order,
        )
        for name in names
    )


def _statistics(outcomes: Sequence[FitOutcome], several: bool) -> dict[str, Any]:
    def gathered(values: list[Any]) -> Any:
        return np.asarray(values) if several else values[0]

    every = [outcome.statistics for outcome in outcomes]
    found: dict[str, Any] = {
        "chi_square": gathered([s.chi2 for s in every]),
        "reduced_chi_square": gathered([s.chi2red for s in every]),
        "degrees_of_freedom": gathered([s.degrees_of_freedom for s in every]),
        "points": gathered([s.points for s in every]),
        "success": gathered([s.converged for s in every]),
        "aic": gathered([s.aic for s in every]),
        "bic": gathered([s.bic for s in every]),
        "errors_from_scatter": every[0].errors_from_scatter,
        "warnings": " | ".join(
            f"{outcome.label}: {text}" for outcome in outcomes for text in outcome.warnings
        ),
    }
    if every[0].p_value is not None:
        found["p_value"] = gathered([s.p_value for s in every])
    return found


def _curve(outcomes: Sequence[FitOutcome], several: bool, dimension: type[Dimension]) -> FitCurve | None:
    """Return model and data at the fitted points, where all traces share them."""
    from labspin.data import FitCurve

    first = outcomes[0]
    if any(not np.array_equal(outcome.x, first.x) for outcome in outcomes):
        return None
    return FitCurve(
        axes=(dimension(name=_safe(first.x_name), unit=first.x_unit, values=first.x),),
        values=_stack([outcome.best for outcome in outcomes], several),
        data=_stack([outcome.y for outcome in outcomes], several),
        unit=first.y_unit,
    )


def _recipe_table(recipe: Recipe | None, outcome: FitOutcome) -> dict[str, Any]:
    table: dict[str, Any] = {"equation": outcome.equation}
    if recipe is None:
        return table
    return table | {
        "name": recipe.name,
        "digest": recipe.version,
        "x": recipe.x,
        "y": recipe.y,
        "sigma": recipe.sigma,
        "select": {name: list(pair) for name, pair in recipe.select.items()},
        "model": recipe.model,
        "options": dict(recipe.options),
        "fixed": dict(recipe.fixed),
        "start": dict(recipe.start),
        "bounds": {name: list(pair) for name, pair in recipe.bounds.items()},
        "tied": dict(recipe.tied),
        "derived": dict(recipe.derived),
    }


def _safe(name: str) -> str:
    return re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")[:55] or "fit"
