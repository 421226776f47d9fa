"""`labspin doctor`: connect to each instrument of a station, ask who it is, and report; nothing is moved."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from labspin.cli.output import add_json, print_json, print_table

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
        "doctor", help="connect to a station's instruments and identify them", description=__doc__
    )
    parser.add_argument("station", type=Path, help="station file (TOML)")
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Report on each instrument; exit code 1 if one does not answer as it should.

    Parameters
    ----------
    arguments
        Command line, parsed.
    """
    from labspin.station import load_station

    station = load_station(arguments.station)
    rows = station.doctor()
    healthy = all(row.error is None for row in rows)
    if arguments.json:
        print_json([
            {"name": row.name, "role": row.role, "driver": row.driver, "address": row.address,
             "identity": row.identity, "error": row.error} for row in rows
        ])  # fmt: skip
    else:
        table = [
            (row.name, row.role, row.driver, row.address, row.error or row.identity or "") for row in rows
        ]
        print_table(f"{station.name}", ("instrument", "role", "driver", "address", "answer"), table)
    return 0 if healthy else 1
