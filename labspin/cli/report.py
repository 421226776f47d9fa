"""`labspin report`: everything about a run on one HTML page."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from labspin.cli.output import add_json, console, print_json

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
    parser = commands.add_parser("report", help="write a run up on one HTML page", description=__doc__)
    parser.add_argument("run", type=Path, help="run file, whether the run has finished or not")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="HTML file (default: beside the run)"
    )
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Write the page, and say where it is.

    Parameters
    ----------
    arguments
        Command line, parsed.

    Returns
    -------
        Exit code, always 0; a failure raises.
    """
    from labspin.session import report_run

    path = report_run(arguments.run, arguments.output)
    if arguments.json:
        print_json({"path": str(path)})
    else:
        console().print(str(path), markup=False)
    return 0
