"""`labspin recover`: fold the journals that dead runs left behind into HDF5 files."""

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
    parser = commands.add_parser(
        "recover", help="fold journals of dead runs into HDF5 files", description=__doc__
    )
    parser.add_argument("path", type=Path, nargs="?", help="file or folder (default: the workspace's data)")
    parser.add_argument(
        "--salvage", action="store_true",
        help="keep what is sound of a damaged journal; the journal itself is kept as ….jnl.damaged",
    )  # fmt: skip
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Recover and say which files were written.

    Parameters
    ----------
    arguments
        Command line, parsed.

    Returns
    -------
        Exit code, always 0; a failure raises.
    """
    from labspin.data import recover
    from labspin.data.spooling import deliver_all
    from labspin.workspaces import find_workspace

    workspace = find_workspace()
    path = arguments.path or workspace.data
    paths = recover(path, salvage=arguments.salvage) if path.exists() or arguments.path else []
    if workspace.spool is not None and not arguments.path:
        if workspace.spool.is_dir():
            recover(workspace.spool, salvage=arguments.salvage)
        paths += deliver_all(workspace.spool)
    if arguments.json:
        print_json([str(path) for path in paths])
        return 0
    for file in paths:
        console().print(f"recovered {file}")
    if not paths:
        console().print(f"nothing to recover in {path}")
    return 0
