"""`labspin reproduce`: compute the figures of the three papers, and the table of their numbers."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from labspin.cli.output import add_json, console, print_json, print_table

__all__ = ["add", "execute"]


def add(commands: Any) -> None:
    """Declare the command.

    Parameters
    ----------
    commands
        Subparsers of the command ``labspin``, as `argparse` returns them.
    """
    parser = commands.add_parser(
        "reproduce", help="compute the figures and numbers of the papers", description=__doc__
    )
    parser.add_argument(
        "figures", nargs="*", metavar="FIGURE", help="names as --list shows them, or nv, mr, sw; default: all"
    )
    parser.add_argument("--list", action="store_true", dest="only_list", help="list the figures")
    parser.add_argument("--numbers", action="store_true", help="print every number quoted and computed")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("reproduction"), help="folder (default: reproduction)"
    )
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """List, print numbers, or write PNG and CSV of each figure.

    Parameters
    ----------
    arguments
        Command line, parsed.

    Returns
    -------
        Exit code, always 0; a failure raises.
    """
    if arguments.only_list:
        return _list(arguments)
    if arguments.numbers:
        return _numbers(arguments)
    return _write(arguments)


def _list(arguments: argparse.Namespace) -> int:
    from labspin.reproduction import FIGURES

    if arguments.json:
        print_json([{"name": one.name, "title": one.title} for one in FIGURES.values()])
    else:
        rows = [(one.name, one.title) for one in FIGURES.values()]
        print_table("Figures", ("name", "figure"), rows, whole=("name",))
    return 0


def _numbers(arguments: argparse.Namespace) -> int:
    from labspin.reproduction import quoted_values

    found = quoted_values()
    if arguments.json:
        names = ("source", "quantity", "unit", "quoted", "computed", "ratio", "comment")
        print_json([{name: getattr(one, name) for name in names} for one in found])
        return 0
    rows = [
        (one.source, one.quantity, one.unit, f"{one.quoted:.4g}", f"{one.computed:.4g}", f"{one.ratio:.3g}",
         one.comment)
        for one in found
    ]  # fmt: skip
    print_table("Numbers", ("source", "quantity", "unit", "quoted", "computed", "ratio", "comment"), rows)
    return 0


def _write(arguments: argparse.Namespace) -> int:
    from labspin.reproduction import reproduce

    written, began = [], time.monotonic()
    for script, picture in reproduce(arguments.output, arguments.figures):
        took, began = time.monotonic() - began, time.monotonic()
        written.append(
            {"name": script.name, "picture": str(picture), "data": str(picture.with_suffix(".csv"))}
        )
        if not arguments.json:
            console().print(f"{picture}  {script.title} ({took:.1f} s)", markup=False)
    if arguments.json:
        print_json(written)
    return 0
