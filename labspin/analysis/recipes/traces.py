"""From a run to the traces that a recipe fits.

A run is a grid or a list of points. Along the dimension that the recipe calls x lies a trace; every other
dimension makes more traces, except those that only repeat the measurement, whose points are pooled into
one trace (a repeated x is as good a point as any). A quantity that is an array at each point is one trace
a point. All traces of a run make a `Stack`, of which each can be had by itself.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.expression import Expression
from labspin.analysis.model import FloatArray
from labspin.analysis.names import place_words
from labspin.analysis.recipes.recipe import Recipe
from labspin.arrays import Element, Numbers
from labspin.errors import FitError
from labspin.units import parse_quantity
from labspin.workspaces import shown_as_written

if TYPE_CHECKING:
    from labspin.data import Run

__all__ = ["REPEATS", "Stack", "Trace", "spread", "stack_of", "traces_lie_along", "traces_of"]

REPEATS = frozenset({"repeat", "repetition", "average"})
"""Dimensions that repeat a measurement."""


@dataclass(frozen=True, eq=False)
class Trace:
    """What one fit sees: x, y (n,), sigma (n,) or None, names and units, and where on the grid it lies.

    For complex y, sigma may be complex: the error of each part.
    """

    x: FloatArray
    y: Numbers
    sigma: Numbers | None
    x_name: str
    x_unit: str
    y_name: str
    y_unit: str
    label: str = ""


@dataclass(frozen=True, eq=False)
class Stack:
    """All traces of a run, or of a part of it.

    Attributes
    ----------
    x
        Shape (n,) where all traces share it, else (N, n).
    y, sigma, keep
        Shape (N, n); sigma may be None; ``keep`` says which points the recipe selects.
    names
        Name and unit of x, name and unit of y.
    labels
        What tells the traces apart.
    remarks
        What is to be said of each fit: how many points were left out, or fitted, though they are doubtful.
    """

    x: FloatArray
    y: Numbers
    sigma: Numbers | None
    keep: NDArray[np.bool_]
    names: tuple[str, str, str, str]
    labels: tuple[str, ...]
    remarks: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, numbers: NDArray[np.intp]) -> Stack:
        """Return some of the traces.

        Parameters
        ----------
        numbers
            Numbers of these traces, shape (k,).
        """
        return Stack(
            x=self.x if self.x.ndim == 1 else self.x[numbers],
            y=self.y[numbers],
            sigma=None if self.sigma is None else self.sigma[numbers],
            keep=self.keep[numbers],
            names=self.names,
            labels=tuple(self.labels[number] for number in numbers),
            remarks=tuple(self.remarks[number] for number in numbers),
        )

    def trace(self, number: int) -> Trace:
        """Return one trace, without the points that are not selected.

        Parameters
        ----------
        number
            Number of the trace, from 0.
        """
        chosen = self.keep[number]
        x = self.x if self.x.ndim == 1 else self.x[number]
        errors = None if self.sigma is None else self.sigma[number][chosen]
        return Trace(x[chosen], self.y[number][chosen], errors, *self.names, self.labels[number])


def traces_of(run: Run, recipe: Recipe) -> list[Trace]:
    """Return the traces of ``run`` that ``recipe`` asks for, each by itself; see `stack_of`.

    Parameters
    ----------
    run
        A `labspin.data.Run`.
    recipe
        Names x, y, sigma and the selection.
    """
    stack = stack_of(run, recipe)
    return [stack.trace(number) for number in range(len(stack))]


def stack_of(run: Run, recipe: Recipe, *, first: int = 0) -> Stack:
    """Return all traces of ``run`` (a `labspin.data.Run`) that ``recipe`` asks for.

    Parameters
    ----------
    run
        A run, or a part of one, whose points are in memory.
    recipe
        Names x, y, sigma and the selection.
    first
        Number of the first point, where the run is a part of a list.

    Raises
    ------
    RecipeError
        The run has no such column.
    FitError
        Poisson errors are asked of columns that hold no counts.
    """
    arrays, units, dimensions = _columns(run)
    x_expression, y_expression = Expression(recipe.x), Expression(recipe.y)
    x = np.asarray(x_expression.value(arrays), np.float64)
    y = y_expression.value(arrays)
    sigma = _sigma(recipe, y_expression, arrays)
    keep = _selected(recipe, arrays, units)
    x, y, sigma, keep = _aligned(x, y, sigma, keep)
    bad = keep & np.broadcast_to(_raised(run.is_doubtful, y.shape), y.shape) & ~np.isnan(y)
    if recipe.doubtful == "leave out":
        keep = keep & ~bad
    along = sorted(_along(dimensions, x_expression, x.ndim))
    others = [axis for axis in range(x.ndim) if axis not in along]
    shared = all(x.shape[axis] == 1 or x.strides[axis] == 0 for axis in others)
    order, count = (*others, *along), math.prod(x.shape[axis] for axis in others)

    def stacked(values: NDArray[Element]) -> NDArray[Element]:
        return values.transpose(order).reshape(count, -1)

    one = tuple(0 if axis in others else slice(None) for axis in range(x.ndim))
    return Stack(
        x=x[one].ravel() if shared and count else stacked(x),
        y=stacked(y),
        sigma=None if sigma is None else stacked(sigma),
        keep=stacked(keep),
        names=_names(recipe, x_expression, y_expression, units),
        labels=tuple(_labels(run, others, x.shape, first)),
        remarks=_remarks(stacked(bad), recipe),
    )


def traces_lie_along(run: Run, recipe: Recipe) -> int | None:
    """Return an axis of the points that tells traces apart, by which a run can be cut; None: there is none.

    It is the longest; only the layout of ``run`` is looked at.

    Parameters
    ----------
    run
        A run, or the frame of one; its points are not needed.
    recipe
        Names x and y.
    """
    layout = run.header.layout
    used = {*Expression(recipe.x).names, *Expression(recipe.y).names}
    named = [axis.name for axis in layout.dimensions]
    arrays = [c for c in layout.columns if c.shape and (c.name in used or {a.name for a in c.axes} & used)]
    if not named:
        return 0 if arrays else None
    along = _along(named, Expression(recipe.x), len(named) + (1 if arrays else 0))
    free = [axis for axis in range(len(named)) if axis not in along]
    return max(free, key=lambda axis: len(layout.dimensions[axis]), default=None)


def spread(count: int, most: int) -> list[int]:
    """Return at most ``most`` of ``count`` places, from the first to the last.

    Parameters
    ----------
    count
        Number of places.
    most
        How many to return at most.

    Returns
    -------
    places
        In ascending order, spaced evenly; the first and the last are among them if ``most`` is at least 2.
    """
    return sorted({round(place) for place in np.linspace(0, count - 1, min(count, most)).tolist()})


def _along(dimensions: list[str], x: Expression, ndim: int) -> list[int]:
    """Return the axes along which one trace runs."""
    repeats = [axis for axis, name in enumerate(dimensions) if name in REPEATS]
    scanned = [axis for axis, name in enumerate(dimensions) if name in x.names]
    points = max(len(dimensions), 1)
    if ndim > points:
        return [*repeats, *range(points, ndim)]
    return repeats + scanned if scanned else list(range(ndim))


def _columns(run: Run) -> tuple[dict[str, NDArray[np.generic]], dict[str, str], list[str]]:
    """Return every column and dimension by name, on the grid, with their units and the grid's dimensions."""
    layout = run.header.layout
    arrays = {name: np.asarray(values) for name, values in run.data.items()}
    units = {column.name: column.unit for column in layout.columns}
    count = len(layout.dimensions)
    for axis, dimension in enumerate(layout.dimensions):
        shape = [1] * count
        shape[axis] = -1
        values = np.asarray(dimension.values, np.float64).reshape(shape)
        arrays.setdefault(dimension.name, np.broadcast_to(values, [len(d) for d in layout.dimensions]))
        units[dimension.name] = dimension.unit
    for column in layout.columns:
        for axis, inner in enumerate(column.axes):
            shape = [1] * (max(count, 1) + len(column.axes))
            shape[max(count, 1) + axis] = -1
            arrays.setdefault(inner.name, np.asarray(inner.values, np.float64).reshape(shape))
            units[inner.name] = inner.unit
    return arrays, units, [dimension.name for dimension in layout.dimensions]


def _sigma(recipe: Recipe, y: Expression, arrays: Mapping[str, NDArray[np.generic]]) -> Numbers | None:
    if recipe.sigma == "none":
        return None
    if recipe.sigma == "likelihood":  # the errors follow from the fit
        for name in y.names:
            _poisson(name, arrays[name])
        return None
    if recipe.sigma != "poisson":
        sigma = Expression(recipe.sigma).value(arrays)
        return sigma if np.iscomplexobj(sigma) else sigma.astype(np.float64)
    errors = {name: _poisson(name, arrays[name]) for name in y.names}
    return y.error(arrays, errors)


def _poisson(name: str, counts: NDArray[np.generic]) -> FloatArray:
    """Return √N, and 1 for no count at all."""
    values = np.asarray(counts, np.float64)
    seen = values[np.isfinite(values)]
    if np.any(seen < 0) or np.any(seen != np.round(seen)):
        raise FitError(
            f"column {name!r}: wanted counts for Poisson errors, got values such as "
            f"{float(seen[(seen < 0) | (seen != np.round(seen))][0])!r}; give an expression for sigma instead"
        )
    return np.sqrt(np.maximum(values, 1.0))


def _selected(
    recipe: Recipe, arrays: Mapping[str, NDArray[np.generic]], units: Mapping[str, str]
) -> NDArray[np.bool_]:
    keep: NDArray[np.bool_] = np.asarray(True)
    for name, limits in recipe.select.items():
        values = np.asarray(Expression(name).value(arrays), np.float64)
        low, high = (
            _number(limit, units.get(name, "1"), f"recipe {recipe.name}: {name}") for limit in limits
        )
        keep = keep & (values >= low) & (values <= high)
    return keep


def _number(value: str | float, unit: str, name: str) -> float:
    return parse_quantity(value, unit, name=name) if isinstance(value, str) else float(value)


def _remarks(bad: NDArray[np.bool_], recipe: Recipe) -> tuple[tuple[str, ...], ...]:
    done = "left out" if recipe.doubtful == "leave out" else "fitted"
    counts = bad.sum(axis=-1).tolist()
    return tuple(
        (f"{count} of {bad.shape[-1]} points {'is' if count == 1 else 'are'} doubtful: {done}",)
        if count
        else ()
        for count in counts
    )


def _aligned(
    x: FloatArray, y: Numbers, sigma: Numbers | None, keep: NDArray[np.bool_]
) -> tuple[FloatArray, Numbers, Numbers | None, NDArray[np.bool_]]:
    """Return all four in the shape of the largest; one value a point counts for all of an array."""
    largest = max(x.shape, y.shape, key=len)
    x, y = _raised(x, largest), _raised(y, largest)
    try:
        shape = np.broadcast_shapes(x.shape, y.shape)
    except ValueError as error:
        raise FitError(f"x of shape {x.shape} and y of shape {y.shape} do not belong together") from error
    keep = keep.reshape(keep.shape + (1,) * (len(shape) - keep.ndim)) if 0 < keep.ndim < len(shape) else keep
    return (
        np.broadcast_to(x, shape),
        np.broadcast_to(y, shape),
        None if sigma is None else np.broadcast_to(_raised(sigma, shape), shape),
        np.broadcast_to(keep, shape),
    )


def _raised(values: NDArray[Element], shape: tuple[int, ...]) -> NDArray[Element]:
    """Return ``values`` with axes added behind: those that are there are the axes of the points."""
    lacking = len(shape) - values.ndim
    if lacking > 0 and values.ndim:
        return values.reshape(values.shape + (1,) * lacking)
    return values


def _names(
    recipe: Recipe, x: Expression, y: Expression, units: Mapping[str, str]
) -> tuple[str, str, str, str]:
    return (
        x.text.replace("_", " "),
        _unit(x, units),
        (recipe.y_name or y.text).replace("_", " "),
        _unit(y, units),
    )


def _unit(expression: Expression, units: Mapping[str, str]) -> str:
    """Return the unit of a sum or difference of like columns; "1" for anything else."""
    found = {units.get(name, "1") for name in expression.names}
    linear = not any(sign in expression.text for sign in "*/(")
    return found.pop() or "1" if linear and len(found) == 1 else "1"


def _labels(run: Run, others: list[int], shape: tuple[int, ...], first: int) -> Iterator[str]:
    """Yield what tells each trace from the others."""
    dimensions = run.header.layout.dimensions
    words = []
    for axis in others:
        if axis < len(dimensions):
            name, unit, values = dimensions[axis].name, dimensions[axis].unit, dimensions[axis].values
            with shown_as_written(run.metadata.units):
                words.append([place_words(name, float(value), unit) for value in values])
        else:
            words.append([f"point {first + index}" for index in range(shape[axis])])
    for parts in itertools.product(*words):
        yield ", ".join(parts)
