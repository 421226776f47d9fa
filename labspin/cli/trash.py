"""`labspin trash`: put runs aside, list what was put aside, and bring it back; nothing is deleted."""

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
    parser = commands.add_parser("trash", help="put runs aside, or bring them back", description=__doc__)
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE", help="run files (.h5)")
    parser.add_argument("--restore", action="store_true", help="bring files back to where they were")
    parser.add_argument(
        "--list",
        action="store_true",
        dest="only_list",
        help="show what was put aside (default without files)",
    )
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Move the files, or list those that were moved.

    Parameters
    ----------
    arguments
        Command line, parsed.

    Returns
    -------
        Exit code, always 0; a failure raises.
    """
    from labspin.data import restore_run, trash_run, trashed_run, trashed_runs
    from labspin.workspaces import find_workspace

    folder = find_workspace().data
    if arguments.only_list or not arguments.files:
        found = trashed_runs(folder)
    elif arguments.restore:
        found = [restore_run(trashed_run(file, folder)) for file in arguments.files]
    else:
        found = [trash_run(file) for file in arguments.files]
    if arguments.json:
        print_json([str(file) for file in found])
        return 0
    for file in found:
        console().print(str(file), markup=False, highlight=False)
    if not found:
        console().print(f"nothing was put aside in {folder}", markup=False, highlight=False)
    return 0
