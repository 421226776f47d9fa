"""`labspin new`: a working beginning of one's own driver, role, procedure, model or sample, with its test."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from labspin.cli.output import add_json, console, print_json

if TYPE_CHECKING:
    from labspin.cli.output import Commands

__all__ = ["add", "execute"]

_KINDS = (
    "driver",
    "role",
    "procedure",
    "model",
    "sample",
)  # labspin.session.skeletons.KINDS, without its imports


def add(commands: Commands) -> None:
    """Declare the command.

    Parameters
    ----------
    commands
        Subparsers of the command ``labspin``, as `argparse` returns them.
    """
    parser = commands.add_parser(
        "new", help="begin a driver, role, procedure, model or sample", description=__doc__
    )
    parser.add_argument("kind", choices=_KINDS, metavar="KIND", help=f"one of {', '.join(_KINDS)}")
    parser.add_argument(
        "name", metavar="NAME", help="in small letters with underscores, for example acme_laser"
    )
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Write the files and say what to do with them.

    Parameters
    ----------
    arguments
        Command line, parsed.
    """
    from labspin.session import make_skeleton
    from labspin.workspaces import find_workspace

    files = make_skeleton(arguments.kind, arguments.name, find_workspace().root)
    if arguments.json:
        print_json({"files": [str(file) for file in files]})
        return 0
    for file in files:
        console().print(str(file), markup=False, highlight=False)
    for line in _next_steps([str(file) for file in files], arguments.name):
        console().print(line, markup=False, highlight=False)
    return 0


def _next_steps(files: list[str], name: str) -> list[str]:
    """Return the commands that try what was written: its tests, its card or station or recipe."""
    from importlib.util import find_spec

    tests = [file for file in files if file.startswith("test")]
    pytest = "python -m pytest" if find_spec("pytest") else "python -m pip install pytest && python -m pytest"
    lines = [f"they work as they are:  {pytest} {' '.join(tests)}"]
    for folder, command in (
        ("procedures", "labspin run {}"),
        ("instruments", "labspin doctor {}"),
        ("analysis", f"labspin fit FILE --with {name}"),
    ):
        tried = [file for file in files if file.startswith(folder) and file.endswith(".toml")]
        if tried:
            return [*lines, f"try it:  {command.format(tried[0])}"]
    return lines
