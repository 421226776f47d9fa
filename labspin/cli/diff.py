"""`labspin diff`: what is different between two runs: parameters, station, versions, instruments."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from labspin.cli.output import add_json, console, print_json, print_table

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
    parser = commands.add_parser("diff", help="compare two runs", description=__doc__)
    parser.add_argument("first", type=Path, help="run file (.h5)")
    parser.add_argument("second", type=Path, help="run file (.h5)")
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Print one row for each difference.

    Parameters
    ----------
    arguments
        Command line, parsed.

    Returns
    -------
        Exit code, always 0; a failure raises.
    """
    from labspin.session import differences_between

    found = differences_between(arguments.first, arguments.second)
    if arguments.json:
        print_json([dataclasses.asdict(one) for one in found])
        return 0
    if not found:
        console().print("no difference but in what was measured")
        return 0
    rows = [(one.what, one.first, one.second) for one in found]
    print_table("", ("", arguments.first.name, arguments.second.name), rows)
    return 0
