"""What `labspin fit` does with several files of other programs: each by its own, then one table of all."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from labspin.cli.fit_foreign import fit_as_commanded
from labspin.cli.fit_runs import FIT_FAILED, refuse_order_of_few
from labspin.cli.fit_shown import FEW, Gathered, Shown, print_fits, print_fits_json
from labspin.cli.output import console
from labspin.errors import FitError, LabspinError

if TYPE_CHECKING:
    from labspin.analysis import FileResult, FitOutcome

__all__ = ["fit_foreign_files"]


def fit_foreign_files(arguments: argparse.Namespace, paths: list[Path]) -> int:
    """Fit files of other programs one by one, print, draw.

    Parameters
    ----------
    arguments
        Command line, parsed; what it names, such as ``--x`` and ``--model``, is for every file.
    paths
        The files.

    Returns
    -------
        Exit code: 3 where some could not be fitted.

    Raises
    ------
    FitError
        None of them could be fitted, or the table cannot be written.
    """
    if arguments.table is not None:
        from labspin.analysis import check_table

        check_table(arguments.table, paths)
    few = len(paths) <= FEW
    refuse_order_of_few(few, len(paths), arguments.sort, arguments.reverse, arguments.rows)
    gathered = Gathered(few=few, keep=True, sort=arguments.sort or "", falling=arguments.reverse)
    gathered.limit = gathered.limit if arguments.rows is None else arguments.rows
    begun = time.monotonic()
    for place, path in enumerate(paths):
        gathered.note(place, _result(arguments, path, few=few))
    gathered.seconds = time.monotonic() - begun
    ordered = gathered.ordered()
    if not ordered:
        first = gathered.failures[min(gathered.failures)].error
        raise FitError(f"{len(paths)} files of other programs: none could be fitted; the first: {first}")
    pictures = _pictures(arguments, ordered)
    if arguments.table is not None:
        _write_table(arguments.table, ordered)
    shown = Shown(ordered if few else [], None, pictures, arguments.table)
    if arguments.json:
        print_fits_json(ordered, gathered, shown)
    else:
        print_fits(gathered, shown)
    return FIT_FAILED if gathered.failures else 0


def _result(arguments: argparse.Namespace, path: Path, *, few: bool) -> FileResult:
    from labspin.analysis import FileResult
    from labspin.analysis.recipes.fit_records import record_of

    begun = time.monotonic()
    try:
        outcome, proposal = fit_as_commanded(arguments, path, told=False)
    except (LabspinError, OSError) as error:
        return FileResult(path=path, status="failed", error=str(error))
    if few and not arguments.json:
        model = outcome.model if proposal is None or proposal.clear is None else proposal.clear.name
        axes = f"{outcome.y_name} against {outcome.x_name}"
        console().print(f"{path.name}: {axes} as {model}", markup=False)
    outcome = outcome.with_changes(label=path.name)
    return FileResult(
        path=path, status="fitted", record=record_of([outcome]), labels=(path.name,), outcomes=(outcome,),
        seconds=time.monotonic() - begun,
    )  # fmt: skip


def _pictures(arguments: argparse.Namespace, ordered: list[FileResult]) -> list[Path]:
    """Draw each file beside its data where they are few, or beside the picture that was named."""
    plot = arguments.plot
    if plot is None and len(ordered) > FEW:
        return []
    stems, drawn = Counter(result.path.with_suffix("") for result in ordered), []
    for result in ordered:
        path = result.path
        stem = path.stem if stems[path.with_suffix("")] == 1 else path.name.replace(".", "-")
        beside = path.with_name(f"{stem}-fit.png")
        place = beside if plot is None else plot.with_name(f"{plot.stem}-{stem}{plot.suffix}")
        for outcome in result.outcomes:
            drawn += _drawn(outcome, place, must=plot is not None)
    return drawn


def _drawn(outcome: FitOutcome, place: Path, *, must: bool) -> list[Path]:
    from labspin.analysis import plot_outcomes

    try:
        picture = plot_outcomes([outcome], place)
    except FitError:  # the data may stand where nothing can be written
        if must:
            raise
        return []
    return [] if picture is None else [picture]


def _write_table(table: Path, results: list[FileResult]) -> None:
    from labspin.analysis import TableWriter

    with TableWriter(table, [result.path for result in results]) as writer:
        for place, result in enumerate(results):
            writer.add(place, result.each_row())
