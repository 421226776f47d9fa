"""`labspin plot`: draw runs, with their fits if they have any, into a PNG."""

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
    parser = commands.add_parser("plot", help="draw runs into a PNG", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", help="run files")
    parser.add_argument("-o", "--output", type=Path, help="PNG, PDF or SVG (default: beside the first file)")
    parser.add_argument("--quantity", help="what to draw (default: what the run's procedure names)")
    parser.add_argument(
        "--readings",
        action="store_true",
        help="what was read at regular times, over time ([record] interval)",
    )
    parser.add_argument("--overlay", action="store_true", help="all runs in one panel")
    parser.add_argument(
        "--offset",
        type=float,
        metavar="HEIGHTS",
        help="move each line up from the one before (default: 0.6 for spectra, else 0)",
    )
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Draw, and say where the picture is.

    Parameters
    ----------
    arguments
        Command line, parsed.

    Returns
    -------
        Exit code, always 0; a failure raises.
    """
    from labspin.analysis import plot_readings, plot_runs
    from labspin.data.reader import run_path

    output = arguments.output or run_path(arguments.files[0]).with_suffix(".png")
    if arguments.readings:
        path = plot_readings(arguments.files, output)
    else:
        path = plot_runs(
            arguments.files,
            output,
            quantity=arguments.quantity,
            overlay=arguments.overlay,
            offset=arguments.offset,
        )
    if arguments.json:
        print_json({"path": str(path)})
    else:
        console().print(str(path))
    return 0
