"""What a command line says of a run in words: operator, sample, project, comment, tags."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labspin.errors import ArgumentError

if TYPE_CHECKING:
    from labspin.data import RunMetadata

__all__ = ["add_words", "changed_tags", "parted_tags", "refuse_missing_tags", "words_of"]

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
        "--tag", action="append", default=[], dest="tags", metavar="WORD", help="may be repeated; a,b are two"
    )


def words_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what was said, name by name, without what was not.

    Parameters
    ----------
    arguments
        Arguments of the command.
    """
    said = {name: getattr(arguments, name) for name in _WORDS if getattr(arguments, name) is not None}
    tags = parted_tags(arguments.tags)
    return said | ({"tags": tags} if tags else {})


def parted_tags(words: Iterable[str]) -> tuple[str, ...]:
    """Return the tags in words of a command line; ``a,b`` are two.

    Parameters
    ----------
    words
        What was typed.
    """
    return tuple(tag for word in words for tag in map(str.strip, word.split(",")) if tag)


def refuse_missing_tags(said: Mapping[Path, RunMetadata], removed: Iterable[str]) -> None:
    """Refuse to take tags off files of which one does not have them, before any file is changed.

    Parameters
    ----------
    said
        What is said of each file.
    removed
        The tags.

    Raises
    ------
    ArgumentError
        A file does not have one of them.
    """
    for file, words in said.items():
        if missing := sorted(set(removed) - set(words.tags)):
            there = ", ".join(words.tags) or "none"
            raise ArgumentError(f"{file}: has no tag {missing[0]!r} to remove; its tags: {there}")


def changed_tags(said: RunMetadata, added: Iterable[str], removed: Iterable[str]) -> tuple[str, ...]:
    """Return the tags of a run with others added and removed, each once, in their order.

    Parameters
    ----------
    said
        What is said of the run.
    added, removed
        Tags; one that is in both is there at the end.
    """
    gone = set(removed)
    return tuple(dict.fromkeys([*(tag for tag in said.tags if tag not in gone), *added]))
