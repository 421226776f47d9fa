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
    parser.add_argument("workspace", type=Path, nargs="?", default=Path(), help="folder (default: this one)")
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

    return open_window(arguments.workspace, station=arguments.on)
