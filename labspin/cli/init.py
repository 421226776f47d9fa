"""`labspin init`: make a lab workspace: the three doors with examples to start from."""

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
    parser = commands.add_parser("init", help="make a lab workspace with examples", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder to make; existing files are never overwritten")
    parser.add_argument("--no-examples", action="store_true", help="without the runs in data/examples")
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Copy the examples and say what to do next.

    Parameters
    ----------
    arguments
        Command line, parsed.

    Returns
    -------
        Exit code, always 0; a failure raises.
    """
    from labspin.session import init_workspace

    folder: Path = arguments.folder
    files = init_workspace(folder, examples=not arguments.no_examples)
    if arguments.json:
        print_json({"folder": str(folder), "files": [str(path) for path in files]})
    else:
        there = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
        console().print(
            f"workspace in {folder.resolve()}; try:  {there}labspin run procedures/first.toml --fit"
        )
    return 0
