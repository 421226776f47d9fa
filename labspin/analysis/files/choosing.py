"""Which of many files a fit is for: a folder holds runs of several procedures, results of chains, and others.

Only what a file says about itself is read, so that ten thousand are looked through in a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labspin.analysis.expression import Expression
from labspin.analysis.recipes.facts import known_names
from labspin.analysis.recipes.recipe import Recipe, default_recipe
from labspin.errors import RecipeError, RunFileError

__all__ = ["Choice", "choose_runs"]

_OTHER = "a file of another program; fit it without runs beside it"
_HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class Choice:
    """What was chosen of many files.

    Attributes
    ----------
    paths
        Files to be fitted, in their order.
    recipes
        Those by which they are fitted, each once.
    skipped
        The others, with the reason.
    """

    paths: tuple[Path, ...]
    recipes: tuple[Recipe, ...]
    skipped: dict[Path, str]


def choose_runs(paths: Sequence[Path], recipe: Recipe | None = None, *, write: bool = True) -> Choice:
    """Return which files have something to fit by a recipe, or by those of their procedures.

    Parameters
    ----------
    paths
        Files. What is damaged or cannot be read is kept: its fit says why it fails.
    recipe
        The recipe for all; None: each run has the one of its procedure. Runs of procedures that the recipe
        does not list are skipped; where it lists none, those that lack what it uses.
    write
        Whether the fits are to be stored, which a run that has not ended does not take.
    """
    taken: list[Path] = []
    recipes: dict[str, Recipe] = {} if recipe is None else {recipe.name: recipe}
    skipped: dict[Path, str] = {}
    known: dict[str, Recipe | str] = {}
    for path in paths:
        found = _recipe_or_reason(path, recipe, known, write)
        if isinstance(found, str):
            skipped[path] = found
            continue
        taken.append(path)
        if found is not None:
            recipes[found.name] = found
    return Choice(tuple(taken), tuple(recipes.values()), skipped)


def _recipe_or_reason(
    path: Path, recipe: Recipe | None, known: dict[str, Recipe | str], write: bool
) -> Recipe | str | None:
    """Return the recipe of a file, or why it has none; None: the file cannot be read."""
    from labspin.data import RunStatus, summary_of
    from labspin.data.journal.writer import journal_path

    try:
        run = summary_of(path)
        if run is None and _is_hdf5(path):
            return "no run of labspin"
        if run is None:
            return None if path.suffix == ".h5" else _OTHER
    except OSError:
        return None
    if write and journal_path(path).exists():
        return "its run has not ended; resume or recover it, or use --no-write"
    if run.status == RunStatus.DAMAGED:
        return None
    if run.procedure == "chain":
        return "the result of a chain, no run"
    if not run.points:
        return "it has no points"
    if recipe is None:
        if run.procedure not in known:
            known[run.procedure] = _default(run.procedure)
        return known[run.procedure]
    return _serves(recipe, path, run.procedure)


def _is_hdf5(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_HDF5)) == _HDF5


def _default(procedure: str) -> Recipe | str:
    try:
        return default_recipe(procedure)
    except RecipeError:
        return f"no recipe is for procedure {procedure!r}"


def _serves(recipe: Recipe, path: Path, procedure: str) -> Recipe | str | None:
    if recipe.procedures:
        wanted = ", ".join(recipe.procedures)
        return recipe if procedure in recipe.procedures else f"recipe {recipe.name} is for runs of {wanted}"
    from labspin.data import open_parts, read_run
    from labspin.data.journal.writer import journal_path

    try:
        if journal_path(path).exists():
            frame = read_run(path)
        else:
            with open_parts(path) as file:
                frame = file.frame
    except (RunFileError, OSError):
        return None
    there = known_names(frame)
    names = [name for text in (recipe.x, recipe.y, *recipe.select) for name in Expression(text).names]
    lacking = [name for name in names if name not in there]
    return f"it has no {lacking[0]}, which recipe {recipe.name} uses" if lacking else recipe
