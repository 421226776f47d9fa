"""`labspin tag`: put tags on finished runs, take them off, or list them; the data are not touched."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from labspin.cli.output import add_json, console, print_json, print_table
from labspin.cli.people import changed_tags, parted_tags, refuse_missing_tags
from labspin.errors import ArgumentError

if TYPE_CHECKING:
    from labspin.cli.output import Commands

__all__ = ["add", "execute"]

_HOW = "wanted: labspin tag WORD … FILE …, such as: labspin tag good data/20260101-120000-t1.h5"


def add(commands: Commands) -> None:
    """Declare the command.

    Parameters
    ----------
    commands
        Subparsers of the command ``labspin``, as `argparse` returns them.
    """
    parser = commands.add_parser("tag", help="tag finished runs, or list the tags", description=__doc__)
    parser.add_argument(
        "tagged", nargs="*", metavar="WORD_OR_FILE",
        help="tags (a,b are two), then run files (.h5); files alone: list their tags; a folder, or nothing: "
        "list all tags in it, with the number of runs",
    )  # fmt: skip
    parser.add_argument(
        "-r", "--remove", action="append", default=[], metavar="WORD",
        help="take this tag off; may be repeated",
    )  # fmt: skip
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Change the tags of the files, and show which they have then; or list tags.

    Parameters
    ----------
    arguments
        Command line, parsed.

    Returns
    -------
        Exit code, always 0; a failure raises.
    """
    from labspin.data import annotate, open_run_metadata

    places = [Path(one) for one in arguments.tagged if _is_place(one)]
    words = parted_tags(one for one in arguments.tagged if not _is_place(one))
    if all(place.is_dir() for place in places):
        if words or arguments.remove:
            also = f"; runs that have it are listed by: labspin ls --tag {words[0]}" if words else ""
            raise ArgumentError(f"tag: which run files? {_HOW}{also}")
        _list(places, as_json=arguments.json)
        return 0
    if folder := next((place for place in places if place.is_dir()), None):
        raise ArgumentError(f"{folder}: wanted a run file, got a folder; {_HOW}")
    before = {file: open_run_metadata(file) for file in places}
    refuse_missing_tags(before, arguments.remove)
    found = {file: changed_tags(said, words, arguments.remove) for file, said in before.items()}
    for file, tags in found.items():
        if tags != before[file].tags:
            annotate(file, tags=tags)
    if arguments.json:
        print_json([{"path": file, "tags": list(tags)} for file, tags in found.items()])
        return 0
    rows = [(file.name, " ".join(tags) or "none") for file, tags in found.items()]
    print_table("tags", ("file", "tags"), rows, whole=("file",))
    return 0


def _is_place(text: str) -> bool:
    """Return whether a word of the command line is a file or a folder, there or not, and no tag."""
    return text.endswith((".h5", "/")) or (("/" in text or "." in text) and Path(text).exists())


def _list(folders: list[Path], *, as_json: bool) -> None:
    """Print every tag of the runs in folders, by default in that of the workspace."""
    from labspin.data import list_runs
    from labspin.workspaces import find_workspace

    folders = folders or [find_workspace().data]
    counted = Counter(tag for folder in folders for run in list_runs(folder) for tag in run.tags)
    if as_json:
        print_json([{"tag": tag, "runs": number} for tag, number in sorted(counted.items())])
        return
    title = ", ".join(map(str, folders))
    print_table(title, ("tag", "runs"), [(tag, str(number)) for tag, number in sorted(counted.items())])
    if not counted:
        console().print(f"no run has a tag; {_HOW}", style="dim", markup=False)
