"""Which of several options of a model the data prefer: how many dips, which background.

A recipe lists the options (``choose = { count = [1, 2, 3, 4] }``); every trace is fitted with each, and
Bayes' criterion (`labspin.analysis.fitting.criterion`) chooses, trace by trace.

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

from labspin.analysis.fitting.criterion import preferred_outcome
from labspin.analysis.fitting.derived import with_derived
from labspin.analysis.model import FitModel, FloatArray, Parameter
from labspin.analysis.models import load_model
from labspin.analysis.outcome import FitOutcome, FittedParameter
from labspin.analysis.recipes.recipe import Recipe
from labspin.analysis.recipes.spectra import is_spectrum
from labspin.errors import RecipeError

__all__ = ["Choice", "choice_of"]


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
    options: tuple[Mapping[str, object], ...]
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
        """Return the preferred fit of a trace, with the parameters of all models.

        Parameters
        ----------
        outcomes
            Fits of one trace, one a model in the order of ``options``; None where there is none. At least one
            fit.
        """
        there = [(place, outcome) for place, outcome in enumerate(outcomes) if outcome is not None]
        found = [outcome for _, outcome in there]
        apart = [self.resolved(place, [p.value for p in outcome.parameters]) for place, outcome in there]
        place, outcome = there[preferred_outcome(found, resolved=[bool(one) for one in apart])]
        return with_derived(self.padded(outcome, place), self.recipe.derived)

    def resolved(self, place: int, values: ArrayLike) -> NDArray[np.bool_]:
        """Return whether what a model found can be distinguished, shape (...).

        Parameters
        ----------
        place
            Place of the model in ``options``.
        values
            Values of its parameters in their order, shape (..., p).
        """
        found, judge = np.asarray(values, np.float64), self.models[place].resolved
        return np.full(found.shape[:-1], True) if judge is None else judge(found)

    def padded(self, outcome: FitOutcome, place: int) -> FitOutcome:
        """Return a fit with NaN for the parameters that only others have.

        Parameters
        ----------
        outcome
            The fit by one model.
        place
            Place of that model in ``options``.
        """
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
        """Return a model's covariances over `free`: NaN for what it lacks, 0 for what it holds.

        Parameters
        ----------
        covariance
            Covariance of the parameters that the model varied, shape (n, k, k).
        varied
            Their names, in this order.
        own
            Names of all parameters that the model has.

        Returns
        -------
        padded
            Shape (n, f, f), f parameters in `free`.
        """
        padded = np.full((len(covariance), len(self.free), len(self.free)), np.nan)
        held = [place for place, name in enumerate(self.free) if name in own]
        padded[:, np.array(held, int)[:, None], held] = 0.0
        at = np.array([self.free.index(name) for name in varied], int)
        padded[:, at[:, None], at] = covariance
        return padded


def choice_of(recipe: Recipe) -> Choice:
    """Return the models that ``recipe`` chooses from.

    Parameters
    ----------
    recipe
        A recipe with ``choose``.

    Raises
    ------
    RecipeError
        The model has no such option, or the recipe names a parameter that none of the models has.
    """
    if is_spectrum(recipe.model):
        raise RecipeError(f"recipe {recipe.name}: choose: is not for {recipe.model}; set its options")
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


def _alone(recipe: Recipe, model: FitModel, chosen: Mapping[str, object]) -> Recipe:
    parts: dict[str, Any] = {
        name: {key: value for key, value in getattr(recipe, name).items() if key in model.names}
        for name in ("fixed", "start", "bounds", "tied")
    }
    alone = replace(recipe, options={**recipe.options, **chosen}, choose={}, derived={}, **parts)
    vars(alone)["built"] = model  # what `Recipe.built` would make once more
    return alone
