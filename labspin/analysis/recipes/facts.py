"""What a run knows of each of its traces: a column's mean over it, its place on an axis, a parameter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from labspin.analysis.model import FloatArray
from labspin.analysis.recipes.recipe import Recipe
from labspin.analysis.recipes.traces import REPEATS, traces_of
from labspin.arrays import Numbers

if TYPE_CHECKING:
    from labspin.data import Run

__all__ = ["facts_of", "known_names", "value_at_each"]


def known_names(run: Run) -> set[str]:
    """Return the names of what a run has at each of its points: columns and axes.

    Parameters
    ----------
    run
        A run, or the frame of one.
    """
    layout = run.header.layout
    return {axis.name for axis in layout.dimensions} | {column.name for column in layout.columns}


def facts_of(run: Run, recipe: Recipe, names: Iterable[str], traces: int) -> dict[str, FloatArray]:
    """Return what a run knows of each of its traces, without what it does not know.

    Parameters
    ----------
    run
        A run whose points are in memory.
    recipe
        Tells what is a trace of it, and which points are selected.
    names
        Columns of numbers, axes or parameters of the run.
    traces
        Number of traces.
    """
    found = {name: value_at_each(run, recipe, name, traces) for name in names}
    return {name: known[0] for name, known in found.items() if known is not None}


def value_at_each(run: Run, recipe: Recipe, name: str, traces: int) -> tuple[FloatArray, str] | None:
    """Return the value of ``name`` at each trace: mean of a column, place on an axis, or a parameter.

    Parameters
    ----------
    run
        A run, or a part of one, whose points are in memory.
    recipe
        Tells what is a trace of it, and which points are selected.
    name
        A column of numbers, an axis or a parameter of the run.
    traces
        Number of traces.

    Returns
    -------
    values, unit
        Shape (traces,); None where the run does not know ``name``.
    """
    layout = run.header.layout
    units = {axis.name: axis.unit for axis in layout.dimensions if axis.name not in REPEATS}
    units |= {c.name: c.unit for c in layout.columns if not c.shape and c.dtype in ("float64", "int64")}
    if name in units:
        found = traces_of(run, Recipe(name=recipe.name, x=recipe.x, y=name, model="", select=recipe.select))
        if len(found) == traces:
            return np.array([_mean(trace.y) for trace in found]), units[name] or "1"
    value, unit = _parameter(run, name)
    if value is None:
        return None
    return np.full(traces, value), unit


def _mean(values: Numbers) -> float:
    there = values[np.isfinite(values)]
    return float(there.mean()) if there.size else float("nan")


def _parameter(run: Run, name: str) -> tuple[float | None, str]:
    """Return a number that holds for the whole run: a parameter of it, or a set-point."""
    entry = run.header.parameters.get(name)
    if isinstance(entry, Mapping) and _is_number(entry.get("value")):
        return float(entry["value"]), str(entry.get("unit") or "1")
    settings = run.header.extra.get("settings")
    for actuator, value in settings.items() if isinstance(settings, Mapping) else ():
        if actuator.replace(".", "_") == name and _is_number(value):
            actuators = run.header.snapshot.get("actuators")
            known = actuators.get(actuator) if isinstance(actuators, Mapping) else None
            return float(value), str(known.get("unit", "1")) if isinstance(known, Mapping) else "1"
    return None, "1"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
