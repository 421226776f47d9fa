"""Chains that start from a fit by themselves, as ``then`` of its recipe says, and fits that were done before.

A chain over the traces of one run is stored beside the fit that it continues from, with a fingerprint of its
own that begins with that of the fit.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from labspin.analysis.files.chain import chain_fit, chain_names, link_of
from labspin.analysis.files.file_fit import DRAWN, context_of, labels_of
from labspin.analysis.files.results import FINGERPRINT, FileResult, FitJob, fingerprint
from labspin.analysis.files.stored import outcomes_of
from labspin.analysis.outcome import FitOutcome
from labspin.analysis.recipes.fit_records import record_of
from labspin.analysis.recipes.recipe import Recipe, load_recipe
from labspin.errors import LabspinError, RecipeError

if TYPE_CHECKING:
    from labspin.data import RunFile

__all__ = ["chains_after", "names_wanted", "unchanged", "with_links"]


def chains_after(recipe: Recipe) -> list[Recipe]:
    """Return the chains that continue from a recipe by themselves.

    Parameters
    ----------
    recipe
        A recipe with ``then``, or without.

    Raises
    ------
    RecipeError
        One of them is no chain over this recipe.
    """
    found = []
    for name in recipe.then:
        beside = (recipe.folder or Path()) / name
        chain = load_recipe(beside if beside.suffix == ".toml" and beside.exists() else name)
        if not chain.chain or link_of(chain).name != recipe.name:
            raise RecipeError(
                f"recipe {recipe.name}: then: wanted a chain over {recipe.name!r}, got {name!r}, which "
                f"{'continues ' + repr(chain.chain) if chain.chain else 'is no chain'}"
            )
        found.append(chain)
    return found


def names_wanted(job: FitJob, recipe: Recipe) -> tuple[str, ...]:
    """Return the names that a job wants to know of each trace, and those that the chains after it need.

    Parameters
    ----------
    job
        The job.
    recipe
        Recipe of its fit.
    """
    names = [name for chain in chains_after(recipe) for name in chain_names(chain)]
    return tuple(dict.fromkeys([*job.wanted, *names]))


def unchanged(job: FitJob, file: RunFile, recipe: Recipe, name: str) -> FileResult:
    """Return the stored result of a fit.

    Parameters
    ----------
    job
        What is to be done.
    file
        The run file, open.
    recipe
        Recipe of the fit.
    name
        Name of the stored fit.
    """
    record = file.fit(name)
    labels = record.statistics.get("labels")
    if not isinstance(labels, list):
        labels = labels_of(file, recipe)
    outcomes: tuple[FitOutcome, ...] = ()
    if job.curves:
        outcomes = tuple(outcomes_of(replace(file.part(), fits=(record,)), record, most=DRAWN))
    return FileResult(
        path=job.path,
        status="unchanged",
        record=replace(record, curve=None),
        labels=tuple(labels),
        context=context_of(file, recipe, names_wanted(job, recipe), len(labels)),
        outcomes=outcomes,
        recipe=recipe,
    )


def with_links(job: FitJob, result: FileResult) -> FileResult:
    """Return a result with those of the chains that continue from it; a chain that fails costs only itself.

    Parameters
    ----------
    job
        What was done.
    result
        What came of it.
    """
    if result.recipe is None or not result.recipe.then:
        return result
    linked = []
    for chain in chains_after(result.recipe):
        try:
            linked.append(_linked(job, result, chain))
        except LabspinError as error:
            text = f"{job.path}: {chain.name}: {error}"
            linked.append(FileResult(path=job.path, status="failed", error=text, recipe=chain))
    return replace(result, linked=tuple(linked))


def _linked(job: FitJob, result: FileResult, chain: Recipe) -> FileResult:
    """Return the result of a chain over the traces of one run, out of its file if it is stored there."""
    from labspin.data import open_parts, write_fit

    before = "" if result.record is None else str(result.record.recipe.get(FINGERPRINT, ""))
    mark, same, stored = fingerprint(before, chain), [], {}
    if before and job.write:
        with open_parts(job.path) as file:
            stored = file.recipes()
            same = [name for name, told in stored.items() if told.get(FINGERPRINT) == mark]
            if same and not job.force:
                return _unchanged_chain(job, file, chain, same[0])
    found = chain_fit([result], chain)
    outcomes = tuple(outcome.with_changes(source=str(job.path)) for outcome in found.outcomes)
    record = record_of(outcomes, chain)
    labels = [outcome.label for outcome in outcomes]
    record = replace(
        record,
        recipe={**record.recipe, FINGERPRINT: mark},
        statistics={**record.statistics, "labels": labels, "left_out": list(found.left_out)},
    )
    if job.write:
        write_fit(job.path, record, replace_same=True)
    replaced = not same and any(name == record.name for name in stored)
    return FileResult(
        path=job.path,
        status="refitted" if replaced else "fitted",
        record=replace(record, curve=None),
        labels=tuple(labels),
        outcomes=outcomes if job.curves else (),
        recipe=chain,
    )


def _unchanged_chain(job: FitJob, file: RunFile, chain: Recipe, name: str) -> FileResult:
    """Return the stored result of a chain.

    Parameters
    ----------
    job
        What is to be done.
    file
        The run file, open.
    chain
        The chain.
    name
        Name of the stored fit.
    """
    record = file.fit(name)
    outcomes: tuple[FitOutcome, ...] = ()
    if job.curves:
        outcomes = tuple(
            outcome.with_changes(label=label)
            for outcome, label in zip(
                outcomes_of(replace(file.part(), fits=(record,)), record),
                record.statistics.get("labels", []),
                strict=False,
            )
        )
    return FileResult(
        path=job.path,
        status="unchanged",
        record=replace(record, curve=None),
        labels=tuple(record.statistics.get("labels", [chain.name])),
        outcomes=outcomes,
        recipe=chain,
    )
