"""`labspin ls`: list the runs of a folder: finished, running and dead alike."""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labspin.cli.output import add_json, console, print_json, print_table

if TYPE_CHECKING:
    from labspin.data import RunSummary

__all__ = ["add", "execute"]


def add(commands: Any) -> None:
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
    runs = _chosen(list_runs(folder), arguments)
    if arguments.json:
        print_json([vars_of(run) for run in runs])
        return 0
    for sentence in _not_safe(runs):
        console().print(sentence, style="bold red", markup=False)
    rows = [
        (run.path.name, run.procedure, run.label, run.sample,
         f"{run.status}, NOT SAFE" if run.unsafe else run.status,
         f"{run.points}" if run.size is None else f"{run.points}/{run.size}", _local(run.started),
         _notes(run))
        for run in runs
    ]  # fmt: skip
    heads = ("file", "procedure", "label", "sample", "status", "points", "started", "notes")
    print_table(str(folder), heads, rows, whole=("file", "status", "points", "started"))
    return 0


def _notes(run: RunSummary) -> str:
    mixed = [f"MIXED: {run.mixed} simulated;"] if run.mixed else []
    stars = ["*" * run.rating] if run.rating else []
    return " ".join([*mixed, *run.tags, *stars, run.comment]).strip()


def _chosen(runs: Sequence[RunSummary], arguments: argparse.Namespace) -> list[RunSummary]:
    """Return the runs that were asked for."""
    text = (arguments.find or "").casefold()
    return [
        run
        for run in runs
        if arguments.sample in (None, run.sample)
        and set(arguments.tags) <= set(run.tags)
        and text in " ".join(map(str, vars_of(run).values())).casefold()
    ]


def _not_safe(runs: Sequence[RunSummary]) -> list[str]:
    """Return one sentence for each station whose latest run that knows left it unsafe."""
    latest = {run.station: run for run in runs if run.unsafe is not None}
    return [f"NOT SAFE: {run.unsafe} (after {run.path.name})" for run in latest.values() if run.unsafe]


def _local(started: str) -> str:
    """Return an ISO 8601 time as this place's date and time; the JSON has it to the millisecond."""
    try:
        return f"{datetime.datetime.fromisoformat(started).astimezone():%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):
        return started


def vars_of(run: Any) -> dict[str, Any]:
    """Return the fields of a run's summary."""
    import dataclasses

    return dataclasses.asdict(run)
