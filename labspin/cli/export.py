"""`labspin export`: runs for other programs: CSV, Excel, Parquet, MATLAB, netCDF, or one table of results."""

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
    parser = commands.add_parser("export", help="write runs for other programs", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="run files (.h5)")
    parser.add_argument(
        "--to",
        choices=("csv", "crate", "mat", "nc", "parquet", "xlsx"),
        default="csv",
        help="format (default: csv); crate: all files in one RO-Crate with stations and fits",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder (default: beside each run file); of a crate a new folder or .zip file",
    )
    parser.add_argument("--force", action="store_true", help="replace files that an earlier export wrote")
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Write one file or more for each run, and name them.

    Parameters
    ----------
    arguments
        Command line, parsed.

    Returns
    -------
        Exit code, always 0; a failure raises.
    """
    written = [_crate(arguments)] if arguments.to == "crate" else _copies(arguments)
    if arguments.json:
        print_json([str(path) for path in written])
        return 0
    for path in written:
        console().print(f"wrote {path}", markup=False)
    return 0


def _crate(arguments: argparse.Namespace) -> Path:
    from labspin.errors import ArgumentError
    from labspin.session import write_crate

    if arguments.output is None:
        raise ArgumentError(
            "export --to crate: wanted --output with a new folder or a new .zip file, got none"
        )
    return write_crate(arguments.files, arguments.output)


def _copies(arguments: argparse.Namespace) -> list[Path]:
    from labspin.data import export_run

    return [
        path
        for file in arguments.files
        for path in export_run(file, to=arguments.to, folder=arguments.output, overwrite=arguments.force)
    ]
