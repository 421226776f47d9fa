"""`labspin gui`: the window."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

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
    parser = commands.add_parser("gui", help="open the window", description="Open the window on a workspace.")
    parser.add_argument(
        "workspace", type=Path, nargs="?", default=Path(), help="folder or any below it (default: this one)"
    )
    parser.add_argument("--on", type=Path, metavar="STATION", help="connect this station at once")
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Open the window and return its exit code when it is closed.

    Parameters
    ----------
    arguments
        Command line, parsed.
    """
    from labspin.gui import open_window
    from labspin.session import is_workspace
    from labspin.workspaces import workspace_folder

    folder = arguments.workspace
    if folder.is_dir() and not is_workspace(folder):  # below one: its folder of data, say
        whole = workspace_folder(folder)
        folder = whole if is_workspace(whole) else folder
    return open_window(folder, station=arguments.on)
