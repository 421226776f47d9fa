"""`labspin unsafe`: what is not known to be safe here; try again; confirm that a person has looked."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from labspin.cli.output import NOT_SAFE, add_json, console, print_json

if TYPE_CHECKING:
    from labspin.cli.output import Commands

__all__ = ["add", "execute"]


def add(commands: Commands) -> None:
    """Declare the command.

    Parameters
    ----------
    commands
        Subparsers of the command ``labspin``, as `argparse` returns them.
    """
    parser = commands.add_parser(
        "unsafe", help="say what is not known to be safe, try again, or confirm it", description=__doc__
    )
    parser.add_argument(
        "--make-safe", type=Path, metavar="STATION", dest="station",
        help="connect to the bench of this station and bring it to its safe state",
    )  # fmt: skip
    parser.add_argument(
        "--confirm", type=Path, metavar="STATION",
        help="a person has seen that the bench of this station is safe: take the notice down",
    )  # fmt: skip
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Do what is asked; the exit code says whether something is left that is not known to be safe.

    Parameters
    ----------
    arguments
        Command line, parsed.
    """
    from labspin.bench.notices import confirm, notices

    if arguments.confirm is not None:
        was_there = confirm(arguments.confirm)
        _tell(arguments, f"{arguments.confirm}: " + ("confirmed" if was_there else "there was no notice"))
    if arguments.station is not None and not _make_safe(arguments):
        return NOT_SAFE
    left = notices()
    for notice in left:
        _tell(arguments, notice.sentence)
    if arguments.json:
        print_json([{"station": one.station, "unsafe": one.unsafe, "since": one.since} for one in left])
    elif not left:
        _tell(arguments, "nothing here is known to be unsafe")
    return NOT_SAFE if left else 0


def _make_safe(arguments: argparse.Namespace) -> bool:
    from labspin.bench.safety import unsafe_instruments
    from labspin.station import load_station

    with load_station(arguments.station).connect(watchdog=False) as bench:
        actions = bench.safe()
    for action in actions:
        _tell(arguments, f"{'done' if action.ok else 'FAILED'}: {action.instrument}: {action.message}")
    return not unsafe_instruments(actions)


def _tell(arguments: argparse.Namespace, text: str) -> None:
    if not arguments.json:
        console().print(text, markup=False)
