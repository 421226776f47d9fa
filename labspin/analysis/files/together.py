"""Traces of several run files fitted together by a joint recipe; each file keeps those of its own traces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from labspin.analysis.files.links import names_wanted, unchanged
from labspin.analysis.files.results import FINGERPRINT, FileResult, FitJob, fingerprint
from labspin.analysis.model import FloatArray
from labspin.analysis.outcome import FitOutcome
from labspin.analysis.recipes.facts import facts_of, value_at_each
from labspin.analysis.recipes.fit_records import record_of
from labspin.analysis.recipes.joint_fit import fact_names, fit_joint_recipe
from labspin.analysis.recipes.recipe import Recipe
from labspin.analysis.recipes.traces import Trace, spread, stack_of
from labspin.errors import FitError, LabspinError

__all__ = ["fit_files_as_stack"]

_DRAWN = 12
"""Traces of a file that are brought along to be drawn, spread over it."""


@dataclass(frozen=True, eq=False)
class _Source:
    """What one file gives to a joint fit."""

    job: FitJob
    digest: str
    traces: tuple[Trace, ...]
    facts: dict[str, FloatArray]
    context: dict[str, tuple[FloatArray, str]]
    stored: dict[str, Any]


def fit_files_as_stack(jobs: Sequence[FitJob]) -> list[FileResult]:
    """Fit the traces of all files at once; a file that cannot be read is left out and named.

    Where every file has this very fit already, it is taken from there.

    Parameters
    ----------
    jobs
        At least one, all of one joint recipe.

    Returns
    -------
    results
        One a file, in their order.

    Raises
    ------
    FitError
        No file is left, or the fit fails.
    """
    recipe = jobs[0].recipe if jobs else None
    if recipe is None:
        raise FitError("joint fit: wanted run files and the recipe, got none")
    found: list[_Source | FileResult] = [_source(job, recipe) for job in jobs]
    sources = [one for one in found if isinstance(one, _Source)]
    if not sources:
        raise FitError(next((one.error for one in found if isinstance(one, FileResult)), "no run files"))
    mark = fingerprint("\0".join(source.digest for source in sources), recipe)
    kept = _kept(sources, recipe, mark)
    if kept is None:
        outcomes = _fitted(sources, recipe)
        kept = [_result(s, recipe, mark, own) for s, own in zip(sources, outcomes, strict=True)]
    done = iter(kept)
    return [next(done) if isinstance(one, _Source) else one for one in found]


def _source(job: FitJob, recipe: Recipe) -> _Source | FileResult:
    from labspin.data import open_parts

    try:
        with open_parts(job.path) as file:
            run, digest, stored = file.part(), file.digest, file.recipes()
        stack = stack_of(run, recipe)
    except LabspinError as error:
        return FileResult(path=job.path, status="failed", error=str(error))
    count = len(stack)
    words = run.header.label
    traces = [stack.trace(number) for number in range(count)]
    labelled = [replace(t, label=", ".join(word for word in (words, t.label) if word)) for t in traces]
    context = {name: value_at_each(run, recipe, name, count) for name in names_wanted(job, recipe)}
    return _Source(
        job,
        digest,
        tuple(labelled),
        facts_of(run, recipe, fact_names(recipe), count),
        {name: value for name, value in context.items() if value is not None},
        dict(stored),
    )


def _kept(sources: Sequence[_Source], recipe: Recipe, mark: str) -> list[FileResult] | None:
    """Return the stored fits, where every file has this one."""
    from labspin.data import open_parts

    names = [
        next((name for name, told in source.stored.items() if told.get(FINGERPRINT) == mark), None)
        for source in sources
    ]
    if any(name is None for name in names) or any(source.job.force for source in sources):
        return None
    results = []
    for source, name in zip(sources, names, strict=True):
        with open_parts(source.job.path) as file:
            results.append(unchanged(source.job, file, recipe, str(name)))
    return results


def _fitted(sources: Sequence[_Source], recipe: Recipe) -> list[list[FitOutcome]]:
    """Return the outcomes of each file's traces."""
    traces = [trace for source in sources for trace in source.traces]
    facts = {
        name: np.concatenate([source.facts[name] for source in sources])
        for name in fact_names(recipe)
        if all(name in source.facts for source in sources)
    }
    outcomes = iter(fit_joint_recipe(traces, facts, recipe))
    return [[next(outcomes) for _ in source.traces] for source in sources]


def _result(source: _Source, recipe: Recipe, mark: str, outcomes: Sequence[FitOutcome]) -> FileResult:
    from labspin.data import write_fit

    job = source.job
    labels = tuple(trace.label for trace in source.traces)
    told = [
        outcome.with_changes(source=str(job.path), recipe=f"{recipe.name} {recipe.version}".strip())
        for outcome in outcomes
    ]
    record = record_of(told, recipe)
    record = replace(
        record,
        recipe={**record.recipe, FINGERPRINT: mark},
        statistics={**record.statistics, "labels": list(labels)},
    )
    if job.write:
        write_fit(job.path, record, replace_same=True, digest=source.digest)
    return FileResult(
        path=job.path,
        status="refitted" if record.name in source.stored else "fitted",
        record=replace(record, curve=None),
        labels=labels,
        context=source.context,
        outcomes=tuple(told[k] for k in spread(len(told), _DRAWN)) if job.curves else (),
        recipe=recipe,
    )
