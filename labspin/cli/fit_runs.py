"""What `labspin fit` does with run files: side by side, not twice, and the bad ones named at the end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labspin.cli.fit_shown import FEW, Gathered, Shown, counted, print_fits, print_fits_json
from labspin.errors import FitError, RunAborted, RunFileError
from labspin.workspaces import shown_as_written

if TYPE_CHECKING:
    from labspin.analysis import ChainOutcome, FileResult, FitOutcome, Recipe, TableWriter

__all__ = ["FIT_FAILED", "Changes", "fit_and_show", "refuse_order_of_few", "run_files"]

FIT_FAILED = 3
_SERIAL = 8
"""Files up to which starting processes takes longer than fitting."""


@dataclass(frozen=True)
class Changes:
    """What a person wants otherwise than the recipe; see `labspin.analysis.changed_recipe`."""

    model: str | None = None
    sigma: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    start: Mapping[str, Any] = field(default_factory=dict)

    @property
    def given(self) -> tuple[str, ...]:
        """The options of the command line that are given."""
        flags = {"options": "--option", "fixed": "--fix"}
        return tuple(
            flags.get(name, f"--{name}") for name, value in vars(self).items() if value not in (None, {})
        )


def run_files(texts: list[str]) -> list[Path]:
    """Return the files that names, folders and patterns stand for, each once, in their order.

    Parameters
    ----------
    texts
        Names of files, names of folders (searched with all folders in them for ``*.h5``), and patterns.

    Raises
    ------
    FitError
        A pattern or a folder has no run file.
    """
    from labspin.data import TRASH

    files: dict[Path, None] = {}
    for text in texts:
        path = Path(text)
        if path.is_dir():
            found = (one for one in path.rglob("*.h5") if TRASH not in one.relative_to(path).parts)
            inside = sorted(found)
        elif set(text) & set("*?[") and not path.exists():
            root = Path(path.anchor)
            inside = sorted(found for found in root.glob(str(path.relative_to(root))) if found.is_file())
        else:
            inside = [path]
        if not inside:
            raise FitError(f"{text}: wanted run files, found none; check the folder or the pattern")
        files |= dict.fromkeys(inside)
    return list(files)


def fit_and_show(
    paths: list[Path],
    *,
    recipe: str | None = None,
    changes: Changes | None = None,
    write: bool = True,
    plot: Path | None = None,
    as_json: bool = False,
    force: bool = False,
    workers: int | None = None,
    dask: str | None = None,
    table: Path | None = None,
    output: Path | None = None,
    quiet: bool = False,
    sort: str | None = None,
    falling: bool = False,
    rows: int | None = None,
) -> int:
    """Fit runs, print the results, draw one picture of them, and return the exit code.

    Parameters
    ----------
    paths
        Run files. Of several, those are taken that have something to fit by the recipe; the others are named.
    recipe
        Recipe, or None for the default one of each run's procedure.
    changes
        What is wanted otherwise than the recipe says.
    write, force, workers, dask
        See `labspin.analysis.fit_many`.
    plot
        Picture to write; None: beside the first file, if there are few.
    as_json
        Print JSON instead of tables.
    table
        File for one tidy table of all results.
    output
        Run file for the points and the fit of a chain.
    quiet
        No progress bar.
    sort, falling, rows
        Order of the table of many files: by what, whether the largest comes first; and its number of lines.
    """
    if table is not None:
        _check_table(table, paths)
    chosen, taken, skipped = _chosen(paths, recipe, changes, write)
    chain = chosen if chosen is not None and chosen.chain else None
    if output is not None and chain is None:
        raise FitError(
            "--output: is for a recipe with a section [chain]; fits of runs stand in the run files"
        )
    few = len(taken) <= FEW
    refuse_order_of_few(few, len(taken), sort, falling, rows)
    options: dict[str, object] = {"write": write, "force": force, "dask": dask}
    options["workers"] = 1 if workers is None and len(taken) <= _SERIAL else workers
    options["curves"] = chain is None and (few or plot is not None)
    gathered = Gathered(
        few=few,
        keep=few or as_json or chain is not None or plot is not None,
        sort=sort or "",
        falling=falling,
    )
    gathered.limit = gathered.limit if rows is None else rows
    gathered.skipped = skipped
    _fit(taken, chosen, options, gathered, table, quiet=quiet)
    if len(paths) == 1 and gathered.failures:
        raise FitError(gathered.failures[0].error)
    ordered = gathered.ordered()
    linked = None if chain is None else _linked(ordered, chain, output)
    with shown_as_written(*(_units(path) for path in taken if few)):
        pictures = _pictures(ordered, linked, taken, plot, chosen)
        shown = Shown(ordered if few else [], linked, pictures, table)
        if as_json:
            print_fits_json(ordered, gathered, shown)
        else:
            print_fits(gathered, shown)
    return FIT_FAILED if gathered.failures or gathered.broken else 0


def _units(path: Path) -> tuple[str, ...]:
    """Return in which units the card of a run writes its quantities; nothing of what is still a journal."""
    from labspin.data import open_run_metadata

    try:
        return open_run_metadata(path).units
    except RunFileError:
        return ()


def refuse_order_of_few(few: bool, count: int, sort: str | None, falling: bool, rows: int | None) -> None:
    """Refuse an order of a table that few files do not have.

    Parameters
    ----------
    few, count
        Whether they are, and how many.
    sort, falling, rows
        As of `fit_and_show`.

    Raises
    ------
    FitError
        There is one.
    """
    if few and (sort is not None or falling or rows is not None):
        flag = "--sort" if sort is not None else "--reverse" if falling else "--rows"
        raise FitError(f"{flag}: is for the table of more than {FEW} files, got {count}")


def _chosen(
    paths: Sequence[Path], name: str | None, changes: Changes | None, write: bool
) -> tuple[Recipe | None, list[Path], dict[Path, str]]:
    """Return the recipe for all, if there is one, the files to be fitted, and the others with the reason."""
    from labspin.analysis import changed_recipe, choose_runs, load_recipe
    from labspin.analysis.files.chain import link_of

    recipe = None if name is None else load_recipe(name)
    given = () if changes is None else changes.given
    if recipe is not None and recipe.chain and given:
        raise FitError(f"{given[0]}: is for fits of runs, got the chain {recipe.name}; change its recipe")
    taken, skipped = list(paths), dict[Path, str]()
    if len(paths) > 1 or (given and recipe is None):
        served = link_of(recipe) if recipe is not None and recipe.chain else recipe
        choice = choose_runs(paths, served, write=write)
        if not choice.paths:
            reasons = "; ".join(f"{path.name}: {why}" for path, why in list(choice.skipped.items())[:3])
            raise FitError(f"{len(paths)} files: wanted runs to fit, got none; {reasons}")
        taken, skipped = list(choice.paths), choice.skipped
        if given and len(choice.recipes) != 1:
            names = ", ".join(sorted(one.name for one in choice.recipes))
            raise FitError(f"{given[0]}: wanted runs of one recipe, got {names}; choose one: --with RECIPE")
        recipe = choice.recipes[0] if given else recipe
    if recipe is not None and given:
        recipe = changed_recipe(recipe, **vars(changes))
    return recipe, taken, skipped


def _fit(
    paths: list[Path],
    recipe: Recipe | None,
    options: dict[str, Any],
    gathered: Gathered,
    table: Path | None,
    *,
    quiet: bool,
) -> None:
    """Fit the files and gather what came of them."""
    from labspin.analysis import TableWriter, fit_many
    from labspin.analysis.files.chain import chain_names, link_of

    if recipe is not None and recipe.chain:
        options["wanted"] = chain_names(recipe)
        recipe = link_of(recipe)
    with contextlib.ExitStack() as stack:
        writer = None if table is None else stack.enter_context(TableWriter(table, paths))
        results = fit_many(paths, recipe, **options)
        tick = stack.enter_context(_progress(len(paths), shown=len(paths) > _SERIAL and not quiet))
        _gather(paths, results, writer, tick, gathered)
        if gathered.interrupted:
            raise RunAborted(_interrupted(gathered, len(paths), table))


def _gather(
    paths: list[Path],
    results: Iterator[FileResult],
    writer: TableWriter | None,
    tick: Callable[[], None],
    gathered: Gathered,
) -> None:
    places: dict[Path, list[int]] = {}
    for place, path in enumerate(paths):
        places.setdefault(path.absolute(), []).append(place)
    start = time.monotonic()
    try:
        for result in results:
            place = places[result.path.absolute()].pop(0)
            gathered.note(place, result)
            if writer is not None:
                writer.add(place, result.each_row())
            tick()
    except KeyboardInterrupt:
        gathered.interrupted = True
    gathered.seconds = time.monotonic() - start


def _pictures(
    ordered: list[FileResult],
    linked: ChainOutcome | None,
    paths: list[Path],
    plot: Path | None,
    recipe: Recipe | None,
) -> list[Path]:
    """Draw the fits of all runs, and the chains that went on from them."""
    links = [link for result in ordered for link in result.linked]
    if linked is not None:
        drawn = [_draw([linked.outcome], paths[0], plot, named=True)]
    else:
        drawn = _draw_each(ordered, plot, named=recipe is not None)
    drawn += _draw_links(links, paths[0], plot)
    return [picture for picture in drawn if picture is not None]


def _draw_each(results: list[FileResult], plot: Path | None, *, named: bool) -> list[Path | None]:
    """Draw the fits, one picture per recipe: runs measured in different ways need different axes."""
    fits: dict[str, list[FileResult]] = {}
    for result in results:
        for name in dict.fromkeys(outcome.name for outcome in result.outcomes):
            fits.setdefault(name, []).append(result)
    pictures = []
    for name, own in fits.items():
        outcomes = [outcome for result in own for outcome in result.outcomes if outcome.name == name]
        apart = None if plot is None else plot.with_name(f"{plot.stem}-{name}{plot.suffix}")
        traces = sum(len(result.labels) for result in own)
        place = plot if len(fits) == 1 else apart
        pictures.append(_draw(outcomes, own[0].path, place, named=named, traces=traces))
    return pictures


def _check_table(table: Path, paths: list[Path]) -> None:
    from labspin.analysis import check_table

    check_table(table, paths)


def _interrupted(gathered: Gathered, total: int, table: Path | None) -> str:
    done = sum(gathered.counts.values())
    text = (
        f"interrupted: {done} of {total} files are done ({counted(gathered.counts)}), every file is whole; "
    )
    text += "the same command continues from there"
    return text + (f"; {table} was not written" if table is not None else "")


def _linked(results: list[FileResult], recipe: Any, output: Path | None) -> ChainOutcome:
    from labspin.analysis import chain_fit, write_chain

    linked = chain_fit(results, recipe)
    if output is not None:
        write_chain(linked, output)
    return linked


def _draw(
    outcomes: list[FitOutcome], first: Path, plot: Path | None, *, named: bool, traces: int = 0
) -> Path | None:
    """Draw the fits; ``named``: their recipe was named, so that another's picture is not overwritten."""
    drawn = [outcome for outcome in outcomes if outcome.x.size]
    if not drawn:
        return None
    from labspin.analysis import plot_outcomes

    middle = f"-{drawn[0].name}" if named else ""
    return plot_outcomes(drawn, plot or first.with_name(f"{first.stem}{middle}-fit.png"), traces=traces)


def _draw_links(links: list[FileResult], first: Path, plot: Path | None) -> list[Path | None]:
    """Draw the chains that went on from the fits, a picture for each recipe."""
    names = dict.fromkeys(link.recipe.name for link in links if link.recipe is not None)
    pictures = []
    for name in names:
        found = [link for link in links if link.recipe is not None and link.recipe.name == name]
        outcomes = [outcome for link in found for outcome in link.outcomes]
        beside = None if plot is None else plot.with_name(f"{plot.stem}-{name}{plot.suffix}")
        pictures.append(_draw(outcomes, first, beside, named=True))
    return pictures


@contextlib.contextmanager
def _progress(total: int, *, shown: bool) -> Iterator[Callable[[], None]]:
    if not shown:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn as Remaining,
    )

    columns = (TextColumn("fit"), BarColumn(), MofNCompleteColumn(), TextColumn("files"), TimeElapsedColumn())
    with Progress(*columns, TextColumn("ETA"), Remaining(), console=Console(stderr=True)) as progress:
        task = progress.add_task("fit", total=total)
        yield lambda: progress.advance(task)
