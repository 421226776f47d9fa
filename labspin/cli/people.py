"""What a command line says of a run in words: operator, sample, project, comment, tags."""

from __future__ import annotations

import argparse
from typing import Any

__all__ = ["add_words", "words_of"]

_WORDS = {
    "sample": "what is measured; one of the register, where workspace.toml has one",
    "operator": "who measures, instead of the workspace's",
    "project": "what the run belongs to, instead of the workspace's",
    "comment": "anything worth knowing",
}


def add_words(parser: argparse.ArgumentParser) -> None:
    """Declare ``--sample``, ``--operator``, ``--project``, ``--comment`` and ``--tag``.

    Parameters
    ----------
    parser
        Parser of a command that records or annotates runs.
    """
    for name, text in _WORDS.items():
        parser.add_argument(f"--{name}", metavar="TEXT", help=text)
    parser.add_argument(
        "--tag", action="append", default=[], dest="tags", metavar="WORD", help="may be repeated"
    )


def words_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what was said, name by name, without what was not.

    Parameters
    ----------
    arguments
        Arguments of the command.
    """
    said = {name: getattr(arguments, name) for name in _WORDS if getattr(arguments, name) is not None}
    return said | ({"tags": tuple(arguments.tags)} if arguments.tags else {})
