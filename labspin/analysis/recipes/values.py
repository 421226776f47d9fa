"""Numbers of a recipe in the units of the model's parameters: bare ones, or text with a unit."""

from __future__ import annotations

from collections.abc import Mapping

from labspin.analysis.recipes.recipe import Recipe
from labspin.errors import RecipeError
from labspin.units import parse_quantity

__all__ = ["pairs_of", "values_of"]


def values_of(recipe: Recipe, units: Mapping[str, str], given: Mapping[str, object]) -> dict[str, float]:
    """Return numbers by name, in the unit of each parameter.

    Parameters
    ----------
    recipe
        Named in errors.
    units
        Unit of every parameter.
    given
        Numbers, or text with a unit, by the name of a parameter.

    Raises
    ------
    RecipeError
        There is no such parameter, or the value is none.
    """
    return {name: _value(recipe, units, name, value) for name, value in given.items()}


def pairs_of(
    recipe: Recipe, units: Mapping[str, str], given: Mapping[str, tuple[object, object]]
) -> dict[str, tuple[float, float]]:
    """Return pairs of numbers by name, such as bounds, as `values_of` does.

    Parameters
    ----------
    recipe, units
        As in `values_of`.
    given
        Pairs of numbers, or of text with a unit.
    """
    return {
        name: (_value(recipe, units, name, low), _value(recipe, units, name, high))
        for name, (low, high) in given.items()
    }


def _value(recipe: Recipe, units: Mapping[str, str], name: str, value: object) -> float:
    if name not in units:
        raise RecipeError(
            f"recipe {recipe.name}: model {recipe.model} has no parameter {name!r}; it has {', '.join(units)}"
        )
    if isinstance(value, str):
        return parse_quantity(value, units[name], name=f"recipe {recipe.name}: {name}")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise RecipeError(f"recipe {recipe.name}: {name}: wanted a number or text with a unit, got {value!r}")
    return float(value)
