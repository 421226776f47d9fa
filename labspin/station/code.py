"""Which Python files a station file names, without running any of them."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from labspin.documents import parse_toml
from labspin.system import read_bounded

__all__ = ["code_files", "code_of"]

_IN_FILE = re.compile(r"(.+\.py):\w[\w.]*")


def code_files(text: str, folder: Path) -> dict[str, Path]:
    """Return the Python files that a station file names.

    Parameters
    ----------
    text
        Text of the station file.
    folder
        Where its relative paths start.

    Returns
    -------
        The name as the station file has it, and the file; empty if the text is no TOML.
    """
    try:
        content = parse_toml(text)
    except tomllib.TOMLDecodeError:
        return {}
    found = (_IN_FILE.fullmatch(word) for word in _texts(content))
    return {match[1]: folder / match[1] for match in found if match is not None}


def code_of(text: str, folder: Path) -> dict[str, str]:
    """Return a digest (SHA-256) of each Python file that a station file names; empty for one that is missing.

    Parameters
    ----------
    text, folder
        As for `code_files`.
    """
    return {name: _digest(path) for name, path in code_files(text, folder).items()}


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(read_bounded(path)).hexdigest()
    except OSError:
        return ""


def _texts(content: object) -> Iterator[str]:
    waiting = [content]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
