"""Lines of a text file whatever wrote it: encodings, comments, and what parts the columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from labspin.data.foreign.cells import MISSING, is_number, unpaired
from labspin.data.foreign.source import whole
from labspin.errors import NotARunFileError

__all__ = ["DELIMITERS", "Lines", "cells_of", "is_numeric", "read_lines", "split_words", "without_end"]

DELIMITERS = ("\t", ";", ",", None)
"""What may part columns, the surest first: a comma may be the decimal point too; None is white space."""
_COMMENTS = ("#", "%", "!", "//")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_WORD = re.compile(r"[^\s(\[]+(?:\s?(?:\([^()]*(?:\([^()]*\)[^()]*)*\)|\[[^\[\]]*\]))?|[(\[]\S*")
_TWO = re.compile(r"^[+-]?\d+\s+[+-]?\d+$")
_STAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")


@dataclass
class Lines:
    """The lines of a text file that are not empty, each with its number, comments apart."""

    path: Path
    body: list[tuple[int, str]] = field(default_factory=list)
    comments: list[tuple[int, str]] = field(default_factory=list)
    delimiter: str = ""
    """What the file itself says parts its columns (``sep=;``); empty if it says nothing."""
    ends_open: bool = False
    """The last line has no end, so that it may have been cut."""


def read_lines(path: Path) -> Lines:
    """Return the lines of a text file.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    NotARunFileError
        It is no text.
    RunFileError
        It is too large.
    """
    text = _decoded(path, whole(path))
    found = Lines(path, ends_open=not text.endswith(("\n", "\r")))
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if not bare:
            continue
        if number == 1 and bare.lower().startswith("sep=") and len(line.rstrip("\r\n")) == 5:
            found.delimiter = line[4]
        elif bare.startswith(_COMMENTS):
            found.comments.append((number, bare))
        else:
            found.body.append((number, line))
    return found


def _decoded(path: Path, content: bytes) -> str:
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return _checked(path, content.decode(name, "replace"))
    if content[1:4:2] == b"\0\0" or content[0:3:2] == b"\0\0":
        return _checked(
            path, content.decode("utf-16-le" if content[1:2] == b"\0" else "utf-16-be", "replace")
        )
    try:
        return _checked(path, content.decode("utf-8"))
    except UnicodeDecodeError:
        return _checked(path, content.decode("cp1252", "replace"))


def _checked(path: Path, text: str) -> str:
    """Return text that is one: control characters stand in none, but for the end of file of DOS."""
    text = text.rstrip("\x1a\0")
    if _CONTROL.search(text) or text[:4096].count("\ufffd") > 0.02 * min(len(text), 4096):
        raise NotARunFileError(f"{path}: neither HDF5 nor text, nor another format that labspin reads")
    return text


def cells_of(line: str, delimiter: str | None) -> list[str]:
    """Return the cells of a line.

    Parameters
    ----------
    line
        The line.
    delimiter
        What parts its cells; None: white space.
    """
    line = unpaired(line)
    if delimiter is None:
        return line.split()
    if '"' in line:
        try:
            return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
        except (csv.Error, StopIteration):
            pass  # quotes that are no CSV are characters like others
    return [cell.strip() for cell in line.split(delimiter)]


def without_end(cells: list[str]) -> list[str]:
    """Return cells without the empty ones at their end.

    Parameters
    ----------
    cells
        Cells of a row.
    """
    last = len(cells)
    while last and not cells[last - 1]:
        last -= 1
    return cells[:last]


def is_numeric(cells: list[str], delimiter: str | None) -> bool:
    """Return whether a row is one of numbers: its first cell is one, or more than half of them.

    Parameters
    ----------
    cells
        Cells of the row.
    delimiter
        What parted them; where it is no comma, a comma may be the decimal point.
    """
    filled = [cell for cell in cells if cell]
    if not filled:
        return False
    if delimiter == "," and any(_TWO.search(cell) and not _STAMP.match(cell) for cell in filled):
        return False  # two numbers in one cell: blanks part them, and the comma is the decimal point
    if delimiter != ",":
        filled = [cell.replace(",", ".", 1) if cell.count(",") == 1 else cell for cell in filled]
    numbers = [cell for cell in filled if is_number(cell) or _STAMP.match(cell)]
    if is_number(filled[0]) or _STAMP.match(filled[0]):
        words = sum(1 for cell in filled if cell not in numbers and cell.lower() not in MISSING)
        return words <= len(filled) / 2
    return len(numbers) > len(filled) / 2


def split_words(line: str) -> Iterator[str]:
    """Yield the titles in a line that white space parts, their units with them: ``Time (s)  X (V)``.

    Parameters
    ----------
    line
        The line.
    """
    yield from (match[0] for match in _WORD.finditer(line))
