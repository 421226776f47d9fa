"""`labspin show`: what a name or a file is: procedures, drivers, models, recipes, runs, any data file."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING

from labspin.cli.output import add_json, console, print_json, print_table

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
    parser = commands.add_parser("show", help="say what a name or a file is", description=__doc__)
    parser.add_argument("things", nargs="*", metavar="THING", help="names or files; without any: all names")
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Print what the things are.

    Parameters
    ----------
    arguments
        Command line, parsed.

    Returns
    -------
        Exit code, always 0; a failure raises.
    """
    from labspin.session import describe, known_names

    if not arguments.things:
        known = known_names()
        if arguments.json:
            print_json(known)
        else:
            print_table("", ("kind", "names"), [(kind, ", ".join(names)) for kind, names in known.items()])
        return 0
    found = [description for thing in arguments.things for description in describe(thing)]
    if arguments.json:
        print_json([dataclasses.asdict(description) for description in found])
        return 0
    for description in found:
        console().print(description.title, style="bold", markup=False)
        if description.text:
            console().print(description.text, markup=False)
        for listing in description.listings:
            if listing.rows:
                console().print()
                print_table(listing.title, listing.columns, listing.rows, whole=listing.columns[:1])
        console().print()
    return 0
