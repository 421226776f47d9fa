"""Start values of a fit, set by hand: numbers of a model, and the lines in a plot by which they are dragged.

A line is drawn where a parameter can be seen: a centre on the x axis, half a width beside it, a decay time, a
period; a baseline on the y axis, an amplitude above it, a depth below. What cannot be seen is typed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labspin.analysis import FitModel, Recipe, load_model, load_recipe
from labspin.analysis.fitting.axes import in_units_of
from labspin.analysis.fitting.grids import curve_grid
from labspin.analysis.recipes.traces import traces_of
from labspin.errors import LabspinError, RecipeError

if TYPE_CHECKING:
    from labspin.analysis.outcome import FitOutcome
    from labspin.data import Run

__all__ = ["Handle", "StartValues", "handles_of", "recipe_for", "start_values"]

Values = Mapping[str, float]
_BASES = ("offset", "baseline", "background")
_WIDTHS = ("width", "sigma", "linewidth")
_HEIGHTS = ("amplitude", "depth", "contrast")


@dataclass(frozen=True)
class Handle:
    """A line by which a parameter is dragged."""

    name: str
    is_vertical: bool
    place: Callable[[Values], float]
    """Values of all parameters -> position of the line."""
    value: Callable[[Values, float], float]
    """Values of all parameters, where the line was dragged to -> value of this one."""


@dataclass(frozen=True)
class StartValues:
    """A model with values from which a fit may start."""

    recipe: Recipe
    model: FitModel
    units: Mapping[str, str]
    values: Mapping[str, float]
    points: NDArray[np.float64]
    quantity: str

    def curve(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return points of the model with these values; the moduli of a complex one."""
        with np.errstate(all="ignore"):
            x = curve_grid(self.points, lambda grid: self.model.curve(grid, self.values))
            y = self.model.curve(x, self.values)
        return x, np.abs(y) if np.iscomplexobj(y) else np.asarray(y, np.float64)

    def with_value(self, name: str, value: float) -> StartValues:
        """Return the same with another value, within the bounds of the model.

        Parameters
        ----------
        name
            Name of the parameter.
        value
            In its unit.
        """
        inside = float(self.model.parameter(name).inside(value))
        return replace(self, values={**self.values, name: inside})

    def for_fit(self, held: set[str]) -> Recipe:
        """Return the recipe with these start values.

        Parameters
        ----------
        held
            Parameters that are not fitted.
        """
        written = {name: _written(value, self.units[name]) for name, value in self.values.items()}
        tied = self.recipe.tied
        fixed = {**self.recipe.fixed, **{name: written[name] for name in held}}
        start = {name: text for name, text in written.items() if name not in fixed and name not in tied}
        return replace(self.recipe, start=start, fixed=fixed, options=dict(self.model.options), choose={})


def _written(value: float, unit: str) -> Any:
    return value if unit == "1" else f"{value!r} {unit}"


def recipe_for(name: str, is_recipe: bool, x: str, y: str) -> Recipe:
    """Return a recipe by its name, or one that fits a single model.

    Parameters
    ----------
    name
        Name of a recipe or of a model.
    is_recipe
        Which of them it is.
    x, y
        What a model is fitted to.
    """
    return load_recipe(name) if is_recipe else Recipe(name=name, x=x, y=y, model=name)


def start_values(run: Run, recipe: Recipe, outcome: FitOutcome | None = None) -> StartValues:
    """Return values to start from: those of a fit by the same recipe, or what the model guesses.

    Parameters
    ----------
    run
        A `labspin.data.Run`.
    recipe
        How it is fitted.
    outcome
        An earlier fit; one by another recipe, or None, is not used.

    Raises
    ------
    LabspinError
        The recipe does not suit the run.
    """
    if recipe.chain:
        raise RecipeError(
            f"recipe {recipe.name}: wanted a fit of a run for start values by hand, got one that starts "
            "from such fits; untick them"
        )
    own = outcome if outcome is not None and outcome.recipe.split(" ")[0] == recipe.name else None
    simplest = {name: choices[0] for name, choices in recipe.choose.items()}
    chosen = {**recipe.options, **simplest, **(own.chosen if own else {})}
    model = load_model(recipe.model, folder=recipe.folder, **chosen)
    model = replace(model, options=chosen)
    trace = traces_of(run, recipe)[0]
    names = (trace.x_name, trace.x_unit, trace.y_name, trace.y_unit)
    x, y, _, axes = in_units_of(model, trace.x, trace.y, None, names)
    there = np.isfinite(x) & np.isfinite(y)
    x, y = x[there], y[there]
    values: dict[str, float] = {p.name: p.value or 0.0 for p in model.parameters}
    order = np.argsort(x, kind="stable")
    try:
        values |= model.guess(x[order], y[order])
    except (LabspinError, ValueError, ArithmeticError):  # too few points, or none of the expected shape
        values |= {
            p.name: float(p.inside(_middle(p.unit, x, y))) for p in model.parameters if p.value is None
        }
    if own is not None:
        fitted = {p.name: p.value for p in own.parameters if p.name in values and math.isfinite(p.value)}
        values |= fitted
    points = x if x.size else np.array([0.0, 1.0])
    quantity = recipe.y_name or recipe.y
    return StartValues(recipe, model, model.units(axes[1], axes[3]), values, points, quantity)


def _middle(unit: str, x: NDArray[np.float64], y: NDArray[np.generic]) -> float:
    if unit == "x" and x.size:
        return float((x.min() + x.max()) / 2)
    if unit == "y" and y.size:
        return float(np.abs(y).mean())
    return 1.0


def handles_of(start: StartValues) -> list[Handle]:
    """Return the lines by which values of a model are dragged; a complex model has none on the y axis.

    Parameters
    ----------
    start
        The values.
    """
    found = []
    for parameter in start.model.parameters:
        name, unit = parameter.name, parameter.unit
        is_x = unit == "x" or (unit not in ("y", "1") and unit == start.model.x_unit != "")
        if is_x and name.startswith(_WIDTHS):
            found += _width(name, _center_of(name, start.values))
        elif is_x:
            found.append(_itself(name, True))
        elif name == "Q" and "f0" in start.values:
            found.append(_quality())
        elif unit == "cycles/x":
            found.append(_period(name))
        elif not start.model.is_complex:
            found += _level(name, unit, start.values)
    return found


def _itself(name: str, is_vertical: bool) -> Handle:
    return Handle(name, is_vertical, lambda v: v[name], lambda _, at: at)


def _period(name: str) -> Handle:
    """Return the line after one period of a frequency."""
    return Handle(name, True, lambda v: _inverse(v[name]), lambda _, at: _inverse(at))


def _inverse(value: float) -> float:
    return 1.0 / value if value else math.inf


def _center_of(name: str, values: Values) -> str:
    """Return the centre that a width belongs to, by its number; empty if there is none."""
    number = name.partition("_")[2]
    return next((c for c in (f"center_{number}", "center") if c in values), "")


def _width(name: str, center: str) -> list[Handle]:
    half = 1.0 if name.startswith("sigma") else 0.5
    if not center:
        return []
    return [
        Handle(
            name, True, lambda v: v[center] + half * v[name], lambda v, at: abs(at - v[center]) / half
        )
    ]  # fmt: skip


def _quality() -> Handle:
    """Return the line at half the width of a resonance."""
    return Handle(
        "Q", True, lambda v: v["f0"] * (1 + 0.5 / v["Q"]),
        lambda v, at: v["f0"] / (2 * max(abs(at - v["f0"]), 1e-12 * v["f0"])),
    )  # fmt: skip


def _level(name: str, unit: str, values: Values) -> list[Handle]:
    if unit == "y" and name in _BASES:
        return [_itself(name, False)]
    if not name.startswith(_HEIGHTS) or (unit != "y" and not name.startswith("contrast")):
        return []
    base = next((b for b in _BASES if b in values), "")

    def floor(v: Values) -> float:
        return v[base] if base else 0.0

    if unit == "y":
        sign = -1.0 if name.startswith("depth") else 1.0
        return [
            Handle(name, False, lambda v: floor(v) + sign * v[name], lambda v, at: sign * (at - floor(v)))
        ]
    return [
        Handle(
            name, False, lambda v: floor(v) * (1 - v[name]),
            lambda v, at: 1 - at / floor(v) if floor(v) else v[name],
        )
    ]  # fmt: skip
