"""`labspin new`: a working beginning of one's own driver, role, procedure, model or sample, with its test."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from labspin.cli.output import add_json, console, print_json

if TYPE_CHECKING:
    from labspin.cli.output import Commands

__all__ = ["add", "execute"]

_KINDS = (
    "driver",
    "role",
    "procedure",
    "model",
    "sample",
)  # labspin.session.skeletons.KINDS, without its imports


def add(commands: Commands) -> None:
    """Declare the command.

    Parameters
    ----------
    commands
        Subparsers of the command ``labspin``, as `argparse` returns them.
    """
    parser = commands.add_parser(
        "new", help="begin a driver, role, procedure, model or sample", description=__doc__
    )
    parser.add_argument("kind", choices=_KINDS, metavar="KIND", help=f"one of {', '.join(_KINDS)}")
    parser.add_argument(
        "name", metavar="NAME", help="in small letters with underscores, for example acme_laser"
    )
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Write the files and say what to do with them.

    Parameters
    ----------
    arguments
        Command line, parsed.
    """
    from labspin.session import make_skeleton
    from labspin.workspaces import find_workspace

    files = make_skeleton(arguments.kind, arguments.name, find_workspace().root)
    if arguments.json:
        print_json({"files": [str(file) for file in files]})
        return 0
    for file in files:
        console().print(str(file), markup=False, highlight=False)
    console().print(f"they work as they are:  python -m pytest {files[-1]}", markup=False, highlight=False)
    return 0
