"""`labspin note`: add comment, tags or a rating to finished runs, or show them; the data are not touched."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from labspin.cli.output import add_json, print_json, print_table
from labspin.cli.people import add_words, changed_tags, parted_tags, refuse_missing_tags, words_of

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
    parser = commands.add_parser("note", help="comment, tag or rate finished runs", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="run files (.h5)")
    add_words(parser)
    parser.add_argument("--untag", action="append", default=[], metavar="WORD", help="remove a tag")
    parser.add_argument("--rating", type=int, metavar="N", help="0 to 5")
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Change what is said of the files, and show what is said then.

    Parameters
    ----------
    arguments
        Command line, parsed.

    Returns
    -------
        Exit code, always 0; a failure raises.
    """
    from labspin.data import annotate, open_run_metadata
    from labspin.workspaces import find_workspace

    words = words_of(arguments)
    workspace = find_workspace()
    workspace.check_sample(words.get("sample", ""))
    if "sample" in words:
        words["sample_description"] = workspace.samples.get(words["sample"], "")
    before = {file: open_run_metadata(file) for file in arguments.files}
    refuse_missing_tags(before, arguments.untag)
    if arguments.rating is not None:
        words["rating"] = arguments.rating
    found = {}
    for file, said in before.items():
        changes = dict(words)
        if arguments.tags or arguments.untag:
            changes["tags"] = changed_tags(said, parted_tags(arguments.tags), arguments.untag)
        found[file] = annotate(file, **changes) if changes else said
    if arguments.json:
        print_json([{"path": file, **metadata.to_dict()} for file, metadata in found.items()])
        return 0
    heads = ("file", "sample", "operator", "project", "tags", "rating", "comment")
    rows = [
        (file.name, said.sample, said.operator, said.project, " ".join(said.tags),
         "" if said.rating is None else str(said.rating), said.comment)
        for file, said in found.items()
    ]  # fmt: skip
    print_table("notes", heads, rows, whole=("file",))
    return 0
