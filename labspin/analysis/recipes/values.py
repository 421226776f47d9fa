"""Numbers of a recipe in the units of the model's parameters: bare ones, or text with a unit."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Mapping, Sequence

from labspin.analysis.model import UnsaidUnit
from labspin.analysis.recipes.recipe import Recipe
from labspin.errors import RecipeError, UnitError
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
        near = difflib.get_close_matches(name, units, n=1)
        raise RecipeError(
            f"recipe {recipe.name}: model {recipe.model} has no parameter {name!r}; it has {', '.join(units)}"
            + (f"; did you mean {near[0]!r}?" if near else "")
        )
    if isinstance(value, str):
        named, unit = f"recipe {recipe.name}: {name}", units[name]
        if isinstance(unit, UnsaidUnit):
            return _in_one_of(value, unit.choices, named)
        return parse_quantity(value, unit, name=named)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise RecipeError(f"recipe {recipe.name}: {name}: wanted a number or text with a unit, got {value!r}")
    return float(value)


def _in_one_of(text: str, units: Sequence[str], name: str) -> float:
    """Return a quantity in the first of the units that can be it; a bare number is what it is."""
    for unit in units:
        with contextlib.suppress(UnitError):  # of another dimension: the next one may be it
            return parse_quantity(text, unit, name=name)
    dimensions = ", ".join(repr(unit) for unit in units if unit != "1")
    raise RecipeError(f"{name}: wanted a number, or a quantity in one of {dimensions}, got {text!r}")
