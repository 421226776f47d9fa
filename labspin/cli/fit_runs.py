"""What `labspin fit` does with run files: side by side, not twice, and the bad ones named at the end."""

from __future__ import annotations

import contextlib
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labspin.cli.fit import outcome_row
from labspin.cli.output import console, print_json, print_table
from labspin.errors import FitError, RunAborted

if TYPE_CHECKING:
    from labspin.analysis import ChainOutcome, FileResult, FitOutcome, TableWriter

__all__ = ["FIT_FAILED", "fit_and_show", "run_files"]

FIT_FAILED = 3
_FEW = 12
"""Files up to which all results are printed and drawn."""
_WORST = 5
"""Fits with the largest reduced χ² that are named, of many."""
_ROWS = 24
"""Traces up to which all are printed."""
_NAMED = 20
"""Files that could not be fitted that are named; all of them stand in the JSON."""
_SERIAL = 8
"""Files up to which starting processes takes longer than fitting."""


@dataclass
class _Gathered:
    """What is kept of the results: everything of few files, of many only what is asked for."""

    counts: Counter[str] = field(default_factory=Counter)
    traces: Counter[str] = field(default_factory=Counter)
    worst: list[tuple[float, str]] = field(default_factory=list)
    failures: dict[int, FileResult] = field(default_factory=dict)
    results: dict[int, FileResult] = field(default_factory=dict)
    seconds: float = 0.0
    interrupted: bool = False
    broken: list[str] = field(default_factory=list)  # chains that could not go on from a fit

    def note(self, place: int, result: FileResult, *, keep: bool) -> None:
        """Count a result, and keep it where it is wanted."""
        self.counts[result.status] += 1
        self.traces.update(result.traces)
        if result.status == "failed":
            self.failures[place] = result
            return
        self.broken += [link.error for link in result.linked if link.status == "failed"]
        if keep:
            self.results[place] = result
        for value, label in result.misfits(_WORST):
            self.worst.append(
                (value, f"{result.path}: {label}" if len(result.labels) > 1 else str(result.path))
            )
        self.worst = sorted(self.worst, reverse=True)[:_WORST]


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
    write: bool = True,
    plot: Path | None = None,
    as_json: bool = False,
    force: bool = False,
    workers: int | None = None,
    dask: str | None = None,
    table: Path | None = None,
    output: Path | None = None,
    quiet: bool = False,
) -> int:
    """Fit runs, print the results, draw one picture of them, and return the exit code.

    Parameters
    ----------
    paths
        Run files.
    recipe
        Recipe, or None for the default one of each run's procedure.
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
    """
    from labspin.analysis import TableWriter, fit_many, load_recipe
    from labspin.analysis.files.chain import chain_names, link_of

    chosen = None if recipe is None else load_recipe(recipe)
    chain = chosen is not None and bool(chosen.chain)
    if output is not None and not chain:
        raise FitError(
            "--output: is for a recipe with a section [chain]; fits of runs stand in the run files"
        )
    few = len(paths) <= _FEW
    options: dict[str, Any] = {"write": write, "force": force, "dask": dask}
    options["workers"] = 1 if workers is None and len(paths) <= _SERIAL else workers
    options["curves"] = not chain and (few or plot is not None)
    if chain and chosen is not None:
        options["wanted"] = chain_names(chosen)
    with contextlib.ExitStack() as stack:
        writer = None if table is None else stack.enter_context(TableWriter(table, paths))
        results = fit_many(paths, link_of(chosen) if chain and chosen is not None else chosen, **options)
        tick = stack.enter_context(_progress(len(paths), shown=len(paths) > _SERIAL and not quiet))
        keep = few or as_json or chain or plot is not None
        gathered = _gather(paths, results, writer, tick, keep)
        if gathered.interrupted:
            raise RunAborted(_interrupted(gathered, len(paths), table))
    if len(paths) == 1 and gathered.failures:
        raise FitError(gathered.failures[0].error)
    ordered = [gathered.results[place] for place in sorted(gathered.results)]
    links = [link for result in ordered for link in result.linked]
    outcomes = [outcome for result in ordered for outcome in result.outcomes]
    linked = None
    if chain and chosen is not None:
        linked = _linked(ordered, chosen, output)
        outcomes = [linked.outcome]
    pictures = [
        _draw(outcomes, paths[0], plot, named=chosen is not None),
        *_draw_links(links, paths[0], plot),
    ]
    drawn = [picture for picture in pictures if picture is not None]
    if as_json:
        _print_json(ordered, gathered, linked, drawn, table)
    else:
        _print_text(ordered if few else [], links if few else [], gathered, linked, drawn, table)
    return FIT_FAILED if gathered.failures or gathered.broken else 0


def _gather(
    paths: list[Path],
    results: Iterator[FileResult],
    writer: TableWriter | None,
    tick: Callable[[], None],
    keep: bool,
) -> _Gathered:
    places: dict[Path, list[int]] = {}
    for place, path in enumerate(paths):
        places.setdefault(path.absolute(), []).append(place)
    gathered, start = _Gathered(), time.monotonic()
    try:
        for result in results:
            place = places[result.path.absolute()].pop(0)
            gathered.note(place, result, keep=keep)
            if writer is not None:
                writer.add(place, result.each_row())
            tick()
    except KeyboardInterrupt:
        gathered.interrupted = True
    gathered.seconds = time.monotonic() - start
    return gathered


def _interrupted(gathered: _Gathered, total: int, table: Path | None) -> str:
    done = sum(gathered.counts.values())
    text = (
        f"interrupted: {done} of {total} files are done ({_counted(gathered.counts)}), every file is whole; "
    )
    text += "the same command goes on from there"
    return text + (f"; {table} was not written" if table is not None else "")


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {status}" for status, count in sorted(counts.items()) if count) or "none"


def _linked(results: list[FileResult], recipe: Any, output: Path | None) -> ChainOutcome:
    from labspin.analysis import chain_fit, write_chain

    linked = chain_fit(results, recipe)
    if output is not None:
        write_chain(linked, output)
    return linked


def _draw(outcomes: list[FitOutcome], first: Path, plot: Path | None, *, named: bool) -> Path | None:
    """Draw the fits; ``named``: their recipe was named, so that another's picture is not overwritten."""
    drawn = [outcome for outcome in outcomes if outcome.x.size]
    if not drawn:
        return None
    from labspin.analysis import plot_outcomes

    middle = f"-{drawn[0].name}" if named else ""
    return plot_outcomes(drawn, plot or first.with_name(f"{first.stem}{middle}-fit.png"))


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


def _print_json(
    results: list[FileResult],
    gathered: _Gathered,
    linked: ChainOutcome | None,
    pictures: list[Path],
    table: Path | None,
) -> None:
    failures = [gathered.failures[place] for place in sorted(gathered.failures)]
    document: dict[str, Any] = {
        "fits": [row for result in results for row in result.rows()],
        "failures": [{"path": str(result.path), "error": result.error} for result in failures],
        "counts": dict(gathered.counts),
        "traces": dict(gathered.traces),
        "worst": [{"where": where, "chi2red": value} for value, where in gathered.worst],
        "picture": str(pictures[0]) if pictures else None,
        "pictures": [str(picture) for picture in pictures],
        "table": None if table is None else str(table),
    }
    if linked is not None:
        document["chain"] = {"fits": linked.outcome.rows(), "left_out": list(linked.left_out)}
    print_json(document)


def _print_text(
    results: list[FileResult],
    links: list[FileResult],
    gathered: _Gathered,
    linked: ChainOutcome | None,
    pictures: list[Path],
    table: Path | None,
) -> None:
    heads = ("fit", "parameters", "reduced χ²", "p")
    rows = [row for result in results for row in _text_rows(result)]
    everything = [*results, *links]
    said = [
        f"{row['label'] or row['fit']}: {row['warnings']}" for result in everything for row in _warned(result)
    ]
    if len(rows) > _ROWS:
        said = [*said[:_NAMED], f"{_ROWS} of {len(rows)} traces are shown; --table FILE has them all"]
        rows = rows[:_ROWS]
    rows += [row for link in links for row in _text_rows(link)]
    if linked is not None:
        rows.append(outcome_row(linked.outcome))
        said += [f"{linked.outcome.name}: {warning}" for warning in linked.outcome.warnings]
        said += list(linked.left_out)
    for result in links:
        left_out = () if result.record is None else result.record.statistics.get("left_out", ())
        said += [str(text) for text in left_out]
    if rows:
        print_table("", heads, rows, whole=("parameters",))
    if not results and linked is None:
        said += [f"reduced χ² = {value:.3g}: {where}" for value, where in gathered.worst if value > 0]
    bad = [*(gathered.failures[place].error for place in sorted(gathered.failures)), *gathered.broken]
    said += [f"not fitted: {error}" for error in bad[:_NAMED]]
    said += [f"not fitted: {len(bad) - _NAMED} more; --json names them all"] if len(bad) > _NAMED else []
    if gathered.counts["refitted"]:
        said.append(f"{gathered.counts['refitted']} had a fit of another recipe, model or version of labspin")
    total = sum(gathered.traces.values())
    doubtful = gathered.traces["doubtful"]
    if total > max(len(results), 1):
        said.append(
            f"{total} traces, {doubtful} of them doubtful" if doubtful else f"{total} traces, none doubtful"
        )
    said.append(f"{_counted(gathered.counts)} in {gathered.seconds:.1f} s")
    said += [f"plot: {picture}" for picture in pictures]
    said += [f"table: {table}"] if table is not None else []
    for line in said:
        console().print(line, markup=False)


def _warned(result: FileResult) -> list[dict[str, Any]]:
    """Return one row a trace that comes with warnings."""
    return list({row["trace"]: row for row in result.own_rows() if row["warnings"]}.values())


def _text_rows(result: FileResult) -> list[tuple[str, str, str, str]]:
    from labspin.analysis.outcome import with_error

    traces: dict[int, list[dict[str, Any]]] = {}
    for row in result.own_rows():
        traces.setdefault(row["trace"], []).append(row)
    scaled = result.record is not None and bool(result.record.statistics.get("errors_from_scatter"))
    found = []
    for rows in traces.values():
        chosen = [rows[0]["chosen"]] if rows[0]["chosen"] else []
        lines = chosen + [
            f"{row['parameter']} = {with_error(row['value'], row['stderr'], row['unit'])}"
            + (" (held)" if row["kind"] == "fixed" else "")
            for row in rows
        ]
        first = rows[0]
        name = first["label"] or first["fit"]
        found.append(
            (
                f"{name} (unchanged)" if result.status == "unchanged" else name,
                "\n".join(lines),
                _number(math.nan if scaled else first["chi2red"]),
                _number(first["p_value"]),
            )
        )
    return found


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"
