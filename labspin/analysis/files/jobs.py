"""One file of many: fitted, or found to be fitted already, and then the chains that continue from it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from labspin.analysis.files.file_fit import context_of, fit_all_traces, fit_in_parts
from labspin.analysis.files.links import names_wanted, unchanged, with_links
from labspin.analysis.files.results import FINGERPRINT, FileResult, FitJob, fingerprint
from labspin.analysis.files.together import fit_files_as_stack
from labspin.analysis.recipes.facts import value_at_each
from labspin.analysis.recipes.recipe import Recipe, default_recipe
from labspin.errors import LabspinError, RecipeError, RunFileError
from labspin.workspaces import belonging_to

if TYPE_CHECKING:
    from labspin.data import Run

__all__ = ["fit_file"]


def fit_file(job: FitJob) -> FileResult:
    """Do one job; whatever goes wrong is in the result, so that it stops no other job.

    Parameters
    ----------
    job
        Which file to fit, by which recipe, and what to bring along.

    Returns
    -------
    result
        Status ``"failed"`` with the reason in ``error`` where it went wrong; ``seconds`` is the time it took.
    """
    start = time.perf_counter()
    try:
        with belonging_to(job.path):  # said here, since this may be another process
            result = with_links(job, _result(job))
    except LabspinError as error:
        result = FileResult(path=job.path, status="failed", error=str(error))
    except Exception as error:  # noqa: BLE001 - one bad file must not stop ten thousand good ones
        text = f"{job.path}: cannot be fitted: {type(error).__name__}: {error}"
        result = FileResult(path=job.path, status="failed", error=text)
    return replace(result, seconds=time.perf_counter() - start)


def _result(job: FitJob) -> FileResult:
    from labspin.data import open_parts, read_run, write_fit
    from labspin.data.journal.writer import journal_path

    if journal_path(job.path).exists():
        return _result_of_journal(job, read_run(job.path))
    with open_parts(job.path) as file:
        recipe = job.recipe or default_recipe(file.frame.header.procedure)
        _refuse_chain(recipe)
        if recipe.is_joint:
            (alone,) = fit_files_as_stack([replace(job, recipe=recipe)])
            return alone
        mark = fingerprint(file.digest, recipe)
        stored = file.recipes()
        same = [name for name, told in stored.items() if told.get(FINGERPRINT) == mark]
        if same and not job.force:
            return unchanged(job, file, recipe, same[0])
        record, labels, outcomes = fit_in_parts(file, recipe, curves=job.curves)
        context = context_of(file, recipe, names_wanted(job, recipe), len(labels))
    record = replace(record, recipe={**record.recipe, FINGERPRINT: mark})
    if job.write:
        write_fit(job.path, record, replace_same=True, digest=file.digest)
    replaced = not same and any(name == record.name for name in stored)
    return FileResult(
        path=job.path,
        status="refitted" if replaced else "fitted",
        record=replace(record, curve=None),
        labels=labels,
        context=context,
        outcomes=tuple(outcome.with_changes(source=str(job.path)) for outcome in outcomes),
        recipe=recipe,
    )


def _refuse_chain(recipe: Recipe) -> None:
    if recipe.chain:
        raise RecipeError(f"recipe {recipe.name}: wanted the fits of many runs, got one run; use fit_chain")


def _result_of_journal(job: FitJob, run: Run) -> FileResult:
    """Fit a run that has not ended, as far as it got."""
    if job.write:
        raise RunFileError(
            f"{job.path}: its run has not ended; finish, resume or recover it, or do not write"
        )
    recipe = job.recipe or default_recipe(run.header.procedure)
    _refuse_chain(recipe)
    record, labels, outcomes = fit_all_traces(run, recipe, first=0, curves=job.curves, several=None)
    values = {name: value_at_each(run, recipe, name, len(labels)) for name in names_wanted(job, recipe)}
    return FileResult(
        path=job.path,
        status="fitted",
        record=replace(record, curve=None),
        labels=labels,
        context={name: value for name, value in values.items() if value is not None},
        outcomes=tuple(outcomes),
        recipe=recipe,
    )
