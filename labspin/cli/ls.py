"""`labspin ls`: list the runs of a folder: finished, running and dead alike."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from labspin.cli.numbers import whole_from
from labspin.cli.output import add_json, console, print_json, print_table
from labspin.cli.people import parted_tags
from labspin.clock import local_time
from labspin.counts import number_of
from labspin.errors import StorageError

if TYPE_CHECKING:
    from labspin.cli.output import Commands
    from labspin.data import RunSummary

__all__ = ["add", "execute"]


def add(commands: Commands) -> None:
    """Declare the command.

    Parameters
    ----------
    commands
        Subparsers of the command ``labspin``, as `argparse` returns them.
    """
    parser = commands.add_parser("ls", help="list the runs of a folder", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="folder (default: the workspace's data)")
    parser.add_argument("--sample", metavar="TEXT", help="only runs of this sample")
    parser.add_argument(
        "--tag", action="append", default=[], dest="tags", metavar="WORD", help="only with this tag"
    )
    parser.add_argument("--find", metavar="TEXT", help="only runs in whose words this text occurs")
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="CONDITION",
        help='only runs for whose parameters, fit results or words it holds, such as "T1 > 1 ms" or '
        '"procedure = t1"; may be repeated',
    )
    parser.add_argument(
        "--columns", metavar="NAMES", help="parameters and fit results to show, such as microwave_power,T1"
    )
    parser.add_argument(
        "--sort", metavar="NAME", help="order by a fact, a parameter or a result (default: started)"
    )
    parser.add_argument("--reverse", action="store_true", help="the largest, or the latest, first")
    parser.add_argument("--last", type=whole_from(1), metavar="N", help="only the last N of the list")
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Print one row a run, oldest first.

    Parameters
    ----------
    arguments
        Command line, parsed.

    Returns
    -------
        Exit code, always 0; a failure raises.
    """
    from labspin.data import list_runs
    from labspin.workspaces import find_workspace

    folder = arguments.folder or find_workspace().data
    if folder.is_file():
        raise StorageError(f"{folder}: wanted a folder, got a file; `labspin show {folder}` tells about it")
    wanted = bool(arguments.columns or arguments.where or arguments.sort or arguments.json)
    every = list_runs(folder, numbers=wanted)
    runs = _chosen(every, arguments)
    if arguments.json:
        print_json([vars_of(run) for run in runs])
        return 0
    for sentence in _not_safe(runs):
        console().print(sentence, style="bold red", markup=False)
    _print(str(folder), runs, _names(arguments, runs))
    if every and not runs:
        console().print(f"none of {number_of(len(every), 'run')} is as asked", style="dim", markup=False)
    for inner in _folders_of_runs(Path(folder)):
        console().print(f"more runs: labspin ls {inner}", style="dim", markup=False)
    return 0


def _folders_of_runs(folder: Path) -> list[Path]:
    """Return the folders right below one that have runs, which are not listed with it."""
    from labspin.data.reader import run_files

    inner = (one for one in sorted(folder.iterdir()) if one.is_dir() and not one.name.startswith("."))
    return [one for one in inner if run_files(one)][:_MOST_FOLDERS]


def _names(arguments: argparse.Namespace, runs: Sequence[RunSummary]) -> list[str]:
    """Return the columns of numbers that are asked for, and the one by which runs are sorted."""
    from labspin.session import check_column

    names = [name.strip() for name in (arguments.columns or "").split(",") if name.strip()]
    sort = arguments.sort or ""
    for name in names if runs else ():
        check_column(name, runs, "--columns")
    return names + ([sort] if sort and sort not in (*names, *_HEADS, "operator", "project", "rating") else [])


_MOST_FOLDERS = 5
_HEADS = ("file", "procedure", "label", "sample", "status", "points", "started")


def _print(title: str, runs: Sequence[RunSummary], names: Sequence[str]) -> None:
    """Print a row a run, with columns of numbers before the notes."""
    from labspin.session import number_text

    rows = [
        (run.path.name, run.procedure, run.label, run.sample,
         f"{run.status}, NOT SAFE" if run.unsafe else run.status,
         f"{run.points}" if run.size is None else f"{run.points}/{run.size}", local_time(run.started)[:16],
         *(number_text(run, name) for name in names), _notes(run))
        for run in runs
    ]  # fmt: skip
    heads = (*_HEADS, *names, "notes")
    print_table(title, heads, rows, whole=("file", "status", "points", "started", *names))


def _notes(run: RunSummary) -> str:
    mixed = [f"MIXED: {run.mixed} simulated;"] if run.mixed else []
    stars = ["*" * run.rating] if run.rating else []
    return " ".join([*mixed, *run.tags, *stars, run.comment]).strip()


def _chosen(runs: Sequence[RunSummary], arguments: argparse.Namespace) -> list[RunSummary]:
    """Return the runs that were asked for."""
    from labspin.session import runs_where, sorted_runs

    text = (arguments.find or "").casefold()
    found = [
        run
        for run in runs
        if arguments.sample in (None, run.sample)
        and set(parted_tags(arguments.tags)) <= set(run.tags)
        and (not text or text in " ".join(map(str, vars(run).values())).casefold())
    ]
    for condition in arguments.where:
        found = runs_where(found, condition)
    if arguments.sort or arguments.reverse:
        found = sorted_runs(found, arguments.sort or "started", falling=arguments.reverse)
    return found if arguments.last is None else found[max(len(found) - arguments.last, 0) :]


def _not_safe(runs: Sequence[RunSummary]) -> list[str]:
    """Return one sentence for each station whose latest run that knows left it unsafe."""
    latest = {run.station: run for run in runs if run.unsafe is not None}
    return [f"NOT SAFE: {run.unsafe} (after {run.path.name})" for run in latest.values() if run.unsafe]


def vars_of(run: RunSummary) -> dict[str, object]:
    """Return the fields of a run's summary."""
    import dataclasses

    return dataclasses.asdict(run)
