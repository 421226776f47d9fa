"""`labspin resume`: resume a run that died, failed or was aborted, at its first missing point."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from labspin.cli.measuring import add_display, exit_code, measure, outcome_record, say
from labspin.cli.output import add_json, print_json

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
        "resume", help="resume a run that died, failed or was aborted", description=__doc__
    )
    parser.add_argument(
        "file", type=_named, nargs="?", default="",
        help="run file (.h5), whether it exists yet or only its journal",
    )  # fmt: skip
    parser.add_argument(
        "--on", type=Path, metavar="STATION", help="station file, instead of the recorded one"
    )
    parser.add_argument(
        "--card", type=Path, help="run card, for procedures out of a file: a run file is never executed"
    )
    parser.add_argument(
        "--force", action="store_true",
        help="resume although labspin, the station file, the procedure or its parameters were changed since",
    )  # fmt: skip
    add_display(parser)
    add_json(parser)
    parser.set_defaults(execute=execute)


def _named(text: str) -> Path:
    """Return the path of a run file; without one, perhaps a run that a host holds was meant."""
    if not text:
        raise argparse.ArgumentTypeError(
            "wanted a run file; a run that a host holds paused is resumed by: labspin unpause"
        )
    return Path(text)


def execute(arguments: argparse.Namespace) -> int:
    """Measure what is missing and return the exit code.

    Parameters
    ----------
    arguments
        Command line, parsed.
    """
    from labspin.session import resume_run

    outcome = measure(
        lambda observers, control: resume_run(
            arguments.file,
            on=arguments.on,
            card=arguments.card,
            force=arguments.force,
            watchdog=not arguments.no_watchdog,
            observers=observers,
            control=control,
        ),
        arguments.file.stem,
        arguments=arguments,
    )
    say(outcome, as_json=arguments.json)
    if arguments.json:
        print_json(outcome_record(outcome))
    return exit_code([outcome])
