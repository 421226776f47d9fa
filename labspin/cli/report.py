"""`labspin report`: everything about a run on one HTML page; of several runs, a page each."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from labspin.cli.output import add_json, console, print_json
from labspin.errors import StorageError

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
    parser = commands.add_parser("report", help="write each run up on one HTML page", description=__doc__)
    parser.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="run files, of runs that have finished or not",
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="HTML file, or a folder (default: beside each run)"
    )
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Write the pages, and say where they are.

    Parameters
    ----------
    arguments
        Command line, parsed.

    Returns
    -------
        Exit code, always 0; a failure raises.
    """
    from labspin.session import report_run

    output: Path | None = arguments.output
    if output is not None and len(arguments.files) > 1 and not output.is_dir():
        raise StorageError(f"{output}: wanted a folder for {len(arguments.files)} pages; make it first")
    stems = [file.stem for file in arguments.files]
    if output is not None and (twice := {stem for stem in stems if stems.count(stem) > 1}):
        raise StorageError(f"{output}: two pages would be {min(twice)}.html; report them one by one")
    written: list[Path] = []
    for file in arguments.files:
        page = output / f"{file.stem}.html" if output is not None and output.is_dir() else output
        written.append(report_run(file, page))
        if not arguments.json:
            console().print(str(written[-1]), markup=False)
    if arguments.json:
        print_json([{"path": str(path)} for path in written])
    return 0
