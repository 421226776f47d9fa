"""The traces of one run file fitted by a recipe, whatever its size, and what else is known of each of them.

A run that is larger than `PART_BYTES` is read and fitted part by part, along an axis that tells traces apart,
so that the memory needed does not grow with the file.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from labspin.analysis.expression import Expression
from labspin.analysis.model import FloatArray
from labspin.analysis.outcome import FitOutcome
from labspin.analysis.recipes.facts import value_at_each
from labspin.analysis.recipes.fit_records import joined, record_of
from labspin.analysis.recipes.fit_run import fit_traces_as_stack, fit_traces_singly
from labspin.analysis.recipes.recipe import Recipe
from labspin.analysis.recipes.traces import spread, stack_of, traces_lie_along

if TYPE_CHECKING:
    from labspin.data import FitRecord, Run, RunFile

__all__ = ["DRAWN", "context_of", "fit_all_traces", "fit_in_parts", "labels_of"]

PART_BYTES = 1 << 24
"""Measured bytes that are held in memory at a time; fitting them takes some ten times as much."""
_CURVE_NUMBERS = 1 << 20
"""Fitted points up to which the fitted curves are stored beside the parameters."""
DRAWN = 12
"""Traces of a file that are brought along to be drawn, spread over it."""


def _parts(file: RunFile, recipe: Recipe, wanted: tuple[str, ...] = ()) -> Iterator[tuple[Run, int]]:
    """Yield the run part by part, each small enough for the memory, with the number of its first place."""
    frame = file.frame
    layout = frame.header.layout
    texts = [recipe.x, recipe.y, *recipe.select, *wanted]
    texts += [] if recipe.sigma in ("none", "poisson", "likelihood") else [recipe.sigma]
    names = {name for text in texts for name in Expression(text).names}
    per_point = sum(column.itemsize for column in layout.columns if column.name in names)
    points = int(np.prod(frame.shape))
    axis = traces_lie_along(frame, recipe)
    if axis is None or points * per_point <= PART_BYTES or frame.shape[axis] < 2:
        yield file.part(names=names), 0
        return
    length = frame.shape[axis]
    step = max(1, int(length * PART_BYTES / (points * per_point)))
    for start in range(0, length, step):
        yield file.part(axis, start, start + step, names=names), start


def fit_in_parts(
    file: RunFile, recipe: Recipe, *, curves: bool
) -> tuple[FitRecord, tuple[str, ...], list[FitOutcome]]:
    """Return the fits of a run, what tells its traces apart, and the first fits themselves if wanted.

    Parameters
    ----------
    file
        An open run file.
    recipe
        How to fit its traces.
    curves
        Return the first fits, with data and curves to be drawn, as well.

    Returns
    -------
    record
        The fits of all traces.
    labels
        What tells the traces apart, one text a trace.
    outcomes
        At most ``DRAWN`` fits; empty without ``curves``.
    """
    records: list[FitRecord] = []
    labels: list[str] = []
    outcomes: list[FitOutcome] = []
    several: bool | None = None
    for part, first in _parts(file, recipe):
        several = True if part.shape != file.frame.shape else several
        if records:
            gc.collect()  # fits leave circles of objects behind, which hold on to the part before
        record, own, found = fit_all_traces(part, recipe, first=first, curves=curves, several=several)
        records.append(record)
        labels += own
        outcomes += found[: DRAWN - len(outcomes)]
    record = joined(records)
    record = replace(record, statistics={**record.statistics, "labels": list(labels)})
    return record, tuple(labels), outcomes


def fit_all_traces(
    run: Run, recipe: Recipe, *, first: int, curves: bool, several: bool | None
) -> tuple[FitRecord, tuple[str, ...], list[FitOutcome]]:
    """Fit all traces of a run, or of a part of it that begins at place ``first``; see `fit_in_parts`.

    Parameters
    ----------
    run
        A run, or a part of one, whose points are in memory.
    recipe
        How to fit its traces.
    first
        Place of the first point along the axis by which the whole run is cut.
    curves
        Return some fits, with data and curves to be drawn, as well.
    several
        Whether the record has a dimension ``trace``; None: where there is more than one trace. True also
        makes the batch engine take even a single trace, as the other parts of the run do.

    Returns
    -------
    record, labels, outcomes
        As `fit_in_parts` returns them.
    """
    stack = stack_of(run, recipe, first=first)
    labels = tuple(_label(run, label) for label in stack.labels)
    # The last part of many may hold few traces; they are fitted like those before them.
    together = fit_traces_as_stack(stack, recipe, least=1) if several else fit_traces_as_stack(stack, recipe)
    if together is None:
        outcomes = fit_traces_singly(stack, recipe)
        record = record_of(outcomes, recipe, several=several)
    else:
        record = together.record(curves=stack.y.size <= _CURVE_NUMBERS)
        outcomes = []
    if not curves:
        return record, labels, []
    shown = [0] if several else spread(len(stack), DRAWN)
    found = [outcomes[k] if together is None else together.outcome(k) for k in shown]
    return record, labels, [o.with_changes(label=labels[k]) for o, k in zip(found, shown, strict=True)]


def labels_of(file: RunFile, recipe: Recipe) -> list[str]:
    """Return what tells the traces of a run apart.

    Parameters
    ----------
    file
        An open run file.
    recipe
        Tells what is a trace of it.

    Returns
    -------
    labels
        One text a trace: the label of the run and the place of the trace.
    """
    return [label for part, first in _parts(file, recipe) for label in _labels(part, recipe, first)]


def _labels(run: Run, recipe: Recipe, first: int) -> list[str]:
    return [_label(run, label) for label in stack_of(run, recipe, first=first).labels]


def context_of(
    file: RunFile, recipe: Recipe, wanted: tuple[str, ...], traces: int
) -> dict[str, tuple[FloatArray, str]]:
    """Return value and unit of each name in ``wanted`` at each trace, as far as the run knows it.

    Parameters
    ----------
    file
        An open run file.
    recipe
        Tells what is a trace of it.
    wanted
        Names of parameters, columns or axes of the run.
    traces
        Number of traces. What has another number of values is left out.

    Returns
    -------
    context
        Name to values, shape (traces,), and their unit; without the names that the run does not know.
    """
    pieces: dict[str, list[tuple[FloatArray, str]]] = {}
    parts = _parts(file, recipe, _columns_of(file, wanted)) if wanted else ()
    for part, first in parts:
        count = len(_labels(part, recipe, first))
        for name in wanted:
            if (found := value_at_each(part, recipe, name, count)) is not None:
                pieces.setdefault(name, []).append(found)
    return {
        name: (np.concatenate([values for values, _ in found]), found[0][1])
        for name, found in pieces.items()
        if sum(len(values) for values, _ in found) == traces
    }


def _columns_of(file: RunFile, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(column.name for column in file.frame.header.layout.columns if column.name in names)


def _label(run: Run, trace: str) -> str:
    return ", ".join(word for word in (run.header.label, trace) if word)
