"""What a person may have meant by a file that cannot be read, and how to correct it, for error sentences."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

__all__ = ["meant_file", "one_of", "plain_path", "remedy_of", "why_no_text"]

_DOORS = ("procedures", "instruments", "analysis")
"""Folders of a workspace in which the files are that people name."""
_MOST = 20
"""Names that a sentence lists."""
_WIDEST = 500
"""Characters of a line that are looked at."""
_AT_LINE = re.compile(r"at line (\d+)")
_UTF16 = "UTF-16 or UTF-32, which some editors call Unicode"
_QUOTES = "“”„«»‘’"


def one_of(names: Iterable[str]) -> str:
    """Return names for a sentence that begins with "wanted one of"; of many, where they are listed.

    Parameters
    ----------
    names
        Names that are known, all of which `labspin show` lists.
    """
    known = sorted(names)
    return ", ".join(known) if 0 < len(known) <= _MOST else "those that `labspin show` lists"


def meant_file(path: Path) -> str:
    """Return which file may be meant by the name of one that does not exist.

    Parameters
    ----------
    path
        What was named: often without its ending, or by its name alone, as models and recipes are.
    """
    root = path.parent.parent if path.parent.name in _DOORS else path.parent
    for folder in dict.fromkeys((path.parent, *(root / name for name in _DOORS))):
        if (whole := folder / f"{path.name}.toml").is_file():
            return f"did you mean {str(whole)!r}?"
    known = [file.name for file in path.parent.glob("*.toml")] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, known, n=1)
    return f"did you mean {str(path.parent / near[0])!r}?" if near else "give the path of a .toml file"


def plain_path(path: Path) -> Path:
    """Return a path as a person would write it, without ``procedures/../``, unless a link is in it.

    Parameters
    ----------
    path
        The path of a file that need not exist.
    """
    plain = Path(os.path.normpath(path))
    if "\0" in str(path):  # no file can have that name, and the system refuses to look for it
        return path
    return plain if plain.resolve() == path.resolve() else path


def why_no_text(problem: UnicodeDecodeError) -> str:
    """Return what a file is that is no text in UTF-8, and what to do.

    Parameters
    ----------
    problem
        As the decoder raised it.
    """
    content = bytes(problem.object)
    if content.startswith(b"\x89HDF"):
        return "it is an HDF5 file, such as a run; `labspin show FILE` says what is in it"
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:4]:
        return f"it is in {_UTF16}; save the file as UTF-8"
    line = content[: problem.start].count(b"\n") + 1
    return f"line {line} is not UTF-8; save the file as UTF-8"


def remedy_of(problem: str, text: str | bytes) -> str:
    """Return what to do about a line that is no TOML: most often quotation marks are missing, or curly.

    Parameters
    ----------
    problem
        What the parser says.
    text
        The text of the file.
    """
    if "\0" in (text[:4] if isinstance(text, str) else text[:4].decode("latin-1")):
        return f"it is in {_UTF16}; save the file as UTF-8"
    at = _AT_LINE.search(problem)
    lines = text.splitlines() if isinstance(text, str) else []
    line = lines[int(at[1]) - 1][:_WIDEST] if at and int(at[1]) <= len(lines) else ""
    for piece in re.split(r"[,{}]", line.partition("#")[0]):
        key, equals, value = (part.strip() for part in piece.partition("="))
        word = value.strip(f"{_QUOTES} ")
        if not (equals and key) or set(value) & set("\"'[]=") or not any(map(str.isalpha, word)):
            continue
        if word.lower() in ("true", "false") and word != word.lower():
            return f"write it small: {key} = {word.lower()}"
        if not _is_value(word):
            return f'write text and quantities in quotation marks: {key} = "{word}"'
    return "correct that line"


def _is_value(word: str) -> bool:
    try:
        return bool(tomllib.loads(f"x = {word}"))
    except tomllib.TOMLDecodeError:
        return False
