"""A recipe with what a person wants otherwise for once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from labspin.analysis.recipes.recipe import Recipe, Written
from labspin.errors import RecipeError

__all__ = ["changed_recipe"]

Kept = TypeVar("Kept")
_OF_A_MODEL = (
    "options",
    "choose",
    "fixed",
    "start",
    "bounds",
    "tied",
    "derived",
    "grouped",
    "free",
    "priors",
)


def changed_recipe(
    recipe: Recipe,
    *,
    model: str | None = None,
    sigma: str | None = None,
    options: Mapping[str, object],
    fixed: Mapping[str, Written],
    start: Mapping[str, Written],
) -> Recipe:
    """Return a recipe with what a person wants otherwise.

    Parameters
    ----------
    recipe
        The recipe.
    model
        Another model, of which nothing holds that the recipe says of its own; its fit is stored next to that
        of the recipe.
    sigma
        Errors of the points, as in a recipe.
    options
        Options of the model; the data choose these no longer.
    fixed, start
        Parameters that are held, and started, there. What is to start somewhere is fitted, though the recipe
        may hold it.

    Raises
    ------
    RecipeError
        A parameter is both held and started.
    """
    both = sorted(set(fixed) & set(start))
    if both:
        raise RecipeError(f"{both[0]}: wanted it either held or started, got both; remove --fix or --start")
    if model is not None and model != recipe.model:
        recipe = _of_model(recipe, model)
    said = {*fixed, *start}
    return replace(
        recipe,
        sigma=recipe.sigma if sigma is None else sigma,
        options={**recipe.options, **options},
        choose=_without(recipe.choose, options),
        fixed={**_without(recipe.fixed, said), **fixed},
        start={**_without(recipe.start, said), **start},
        tied=_without(recipe.tied, said),
    )


def _without(table: Mapping[str, Kept], names: Collection[str]) -> dict[str, Kept]:
    return {name: value for name, value in table.items() if name not in names}


def _of_model(recipe: Recipe, model: str) -> Recipe:
    name = f"{recipe.result_name or recipe.name}_{model.rpartition(':')[2]}"
    nothing: dict[str, Any] = {key: {} for key in _OF_A_MODEL}
    folder = Path().resolve() if ".py:" in model else recipe.folder
    return replace(recipe, model=model, result_name=name, folder=folder, then=(), shared=(), **nothing)
