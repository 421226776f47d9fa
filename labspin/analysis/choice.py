"""Which of several options of a model the data prefer: how many dips, which background.

A recipe lists the options (``choose = { count = [1, 2, 3, 4] }``); every trace is fitted with each, and
Bayes' criterion chooses, trace by trace. It charges ln(points) a parameter, which is not quite enough for a
dip that may stand anywhere: where there is one dip, a second lowers the criterion in one spectrum of a
hundred, but by more than 6 in one or two of a thousand (`benchmarks/guesses.py`). So much is asked of the
larger model.

Where even the best model misses the points by more than their errors allow, those are too small (a drift,
say, which no counting error knows), and further dips would be bought to fit it. The criterion for errors of
unknown size is then asked instead.

All traces keep the parameters of all the models, so that they make one table; those which the chosen model
lacks are NaN.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.analysis.derived import with_derived
from labspin.analysis.model import FitModel, FloatArray, Parameter
from labspin.analysis.models import load_model
from labspin.analysis.outcome import FitOutcome, FittedParameter
from labspin.analysis.recipes import Recipe
from labspin.errors import RecipeError

__all__ = ["THRESHOLD", "Choice", "choice_of", "criterion", "preferred", "preferred_outcome"]

THRESHOLD = 6.0
"""By how much Bayes' criterion must fall for a model with more parameters to be preferred."""

_IMPROBABLE = 1e-3  # of χ²: errors of points are then not believed


def criterion(bic: ArrayLike, *, free: Sequence[int], chi2: ArrayLike, points: ArrayLike) -> FloatArray:
    """Return Bayes' criterion as it should be compared where the errors of the points are known.

    It is ``bic``, or n ln(χ²/n) + k ln n, that for errors of unknown size, in traces where χ² is improbable
    (< 0.001) for every model.

    Parameters
    ----------
    bic, chi2, points
        Of each fit, shape (models, traces); NaN in ``bic`` where there is none.
    free
        Fitted parameters of each model.
    """
    from scipy.special import chdtrc

    known, misfit, n = (np.asarray(values, np.float64) for values in (bic, chi2, points))
    k = np.asarray(free, np.float64)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        unknown = n * np.log(misfit / n) + k * np.log(n)
        probability = np.where(np.isnan(known), 0.0, chdtrc(np.maximum(n - k, 1), misfit))
    return np.where(probability.max(axis=0) < _IMPROBABLE, np.where(np.isnan(known), known, unknown), known)


def preferred(
    bic: ArrayLike, free: Sequence[int], sound: ArrayLike, *, threshold: float = THRESHOLD
) -> NDArray[np.intp]:
    """Return which of the models of each trace is preferred: the smallest that no larger one beats clearly.

    Parameters
    ----------
    bic, sound
        Bayes' criterion, and whether the fit converged with errors, shape (models, traces). A fit that did
        not is only considered where none did.
    free
        Fitted parameters of each model.
    """
    usable, criterion = np.asarray(sound, bool), np.asarray(bic, np.float64)
    usable = (usable | ~usable.any(axis=0)) & ~np.isnan(criterion)
    criterion = np.where(usable, criterion, np.inf)
    order = np.argsort(free, kind="stable")
    best = np.full(criterion.shape[1], order[0])
    lowest, size = criterion[order[0]].copy(), np.asarray(free)
    for place in order[1:]:
        with np.errstate(invalid="ignore"):
            fall = lowest - criterion[place]
        better = fall > np.where(size[place] > size[best], threshold, 0.0)
        best, lowest = np.where(better, place, best), np.where(better, criterion[place], lowest)
    return best


def preferred_outcome(outcomes: Sequence[FitOutcome], *, threshold: float = THRESHOLD) -> int:
    """Return which of several fits of one trace is preferred."""
    statistics = [outcome.statistics for outcome in outcomes]
    free = [len(outcome.covariance_names) for outcome in outcomes]
    bic: ArrayLike = [[one.bic] for one in statistics]
    if not any(one.errors_from_scatter for one in statistics):
        chi2, points = [[one.chi2] for one in statistics], [[one.points] for one in statistics]
        bic = criterion(bic, free=free, chi2=chi2, points=points)
    return int(preferred(bic, free, [[outcome.sound] for outcome in outcomes], threshold=threshold)[0])


@dataclass(frozen=True, eq=False)
class Choice:
    """The models that a recipe chooses from.

    Attributes
    ----------
    recipe
        The recipe with its ``choose``.
    options
        What distinguishes each model.
    recipes
        A recipe for each model alone, with as much of ``fixed``, ``start`` … as the model has.
    """

    recipe: Recipe
    options: tuple[Mapping[str, Any], ...]
    recipes: tuple[Recipe, ...]
    models: tuple[FitModel, ...]

    @functools.cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """Parameters of all the models, in the order of the largest."""
        ordered = sorted(self.models, key=lambda model: -len(model.parameters))
        found: dict[str, Parameter] = {}
        for parameter in (p for model in ordered for p in model.parameters):
            found.setdefault(parameter.name, parameter)
        return tuple(found.values())

    @functools.cached_property
    def free(self) -> tuple[str, ...]:
        """Parameters that any of the models fits."""
        recipe = self.recipe
        held = {*recipe.fixed, *recipe.tied}
        fitted = {
            p.name
            for model in self.models
            for p in model.parameters
            if p.name not in held and (p.value is None or p.name in recipe.start)
        }
        return tuple(p.name for p in self.parameters if p.name in fitted)

    @property
    def simplest(self) -> int:
        """The model with the fewest parameters."""
        return min(range(len(self.models)), key=lambda place: len(self.models[place].parameters))

    @property
    def equation(self) -> str:
        """That of the largest model."""
        return max(self.models, key=lambda model: len(model.parameters)).equation

    def best(self, outcomes: Sequence[FitOutcome | None]) -> FitOutcome:
        """Return the preferred fit of a trace, with the parameters of all models; None: no fit."""
        there = [(place, outcome) for place, outcome in enumerate(outcomes) if outcome is not None]
        found = [outcome for _, outcome in there]
        place, outcome = there[preferred_outcome(found)]
        return with_derived(self.padded(outcome, place), self.recipe.derived)

    def padded(self, outcome: FitOutcome, place: int) -> FitOutcome:
        """Return a fit by the model at ``place`` with NaN for the parameters that only others have."""
        units = {
            key: unit for m in self.models for key, unit in m.units(outcome.x_unit, outcome.y_unit).items()
        }
        own = {parameter.name: parameter for parameter in outcome.parameters}
        parameters = tuple(
            own.get(p.name)
            or FittedParameter(p.name, math.nan, math.nan, units[p.name], description=p.description)
            for p in self.parameters
        )
        covariance = self.padded_covariance(outcome.covariance[None], outcome.covariance_names, tuple(own))[0]
        return outcome.with_changes(
            parameters=parameters,
            covariance_names=self.free,
            covariance=covariance,
            chosen=dict(self.options[place]),
        )

    def padded_covariance(
        self, covariance: FloatArray, varied: Sequence[str], own: Sequence[str]
    ) -> FloatArray:
        """Return a model's covariances (n, k, k) over `free`: NaN for what it lacks, 0 for what it holds."""
        padded = np.full((len(covariance), len(self.free), len(self.free)), np.nan)
        held = [place for place, name in enumerate(self.free) if name in own]
        padded[:, np.array(held, int)[:, None], held] = 0.0
        at = np.array([self.free.index(name) for name in varied], int)
        padded[:, at[:, None], at] = covariance
        return padded


def choice_of(recipe: Recipe) -> Choice:
    """Return the models that ``recipe`` chooses from.

    Raises
    ------
    RecipeError
        The model has no such option, or the recipe names a parameter that none of the models has.
    """
    if recipe.model == "thermal_spectrum":
        raise RecipeError(f"recipe {recipe.name}: choose: is not for thermal_spectrum; set its options")
    values = [recipe.choose[name] for name in recipe.choose]
    options = tuple(dict(zip(recipe.choose, drawn, strict=True)) for drawn in itertools.product(*values))
    models = tuple(
        load_model(recipe.model, folder=recipe.folder, **{**recipe.options, **chosen}) for chosen in options
    )
    known = {name for model in models for name in model.names}
    for name in (*recipe.fixed, *recipe.start, *recipe.bounds, *recipe.tied):
        if name not in known:
            raise RecipeError(
                f"recipe {recipe.name}: model {recipe.model} has no parameter {name!r} with any of the "
                f"options to choose from; it has {', '.join(sorted(known))}"
            )
    recipes = tuple(_alone(recipe, model, chosen) for model, chosen in zip(models, options, strict=True))
    return Choice(recipe, options, recipes, models)


def _alone(recipe: Recipe, model: FitModel, chosen: Mapping[str, Any]) -> Recipe:
    parts: dict[str, Any] = {
        name: {key: value for key, value in getattr(recipe, name).items() if key in model.names}
        for name in ("fixed", "start", "bounds", "tied")
    }
    return replace(recipe, options={**recipe.options, **chosen}, choose={}, derived={}, **parts)
