"""What precedes a table of text: the headers of qudi and pymeasure, and ``key: value`` of all others."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from labspin.data.foreign.titles import is_unit, unit_of
from labspin.data.plain import plain

__all__ = ["parameters_of", "points_in_header", "titles_of", "unit_in_header"]

_QUDI_END = "---- END HEADER ----"
_PYMEASURE = re.compile(r"^#\s*Procedure:\s*<")
_PAIR = re.compile(r"^\s*[\"']?([^:=\t,;\"']{1,80}?)[\"']?\s*(?::(?!//)|=|\t|,|;)\s*(.*?)[\s,;]*$")
_MANY = 1000  # words of a header that are kept


def titles_of(comments: Sequence[str]) -> list[str] | None:
    """Return the names of the columns that the header of a qudi file gives; None for any other file.

    Parameters
    ----------
    comments
        Comment lines at the head of the file, with their ``#``.
    """
    if not any(_QUDI_END in line for line in comments):
        return None
    headers = parameters_of(comments).get("column_headers")
    return str(headers).split(";;") if headers else None


def parameters_of(
    comments: Sequence[str], head: Sequence[str] = (), delimiter: str | None = None
) -> dict[str, object]:
    """Return the parameters in the header of a file; all but literals stay text.

    Parameters
    ----------
    comments
        Comment lines of the file, with their ``#``.
    head
        Lines above the table that are no comments.
    delimiter
        What parts the columns.

    Returns
    -------
        Name -> value.
    """
    if any(_QUDI_END in line for line in comments):
        pairs = (
            line.lstrip("# ").partition("=") for line in comments if not line.lstrip("# ").startswith("[")
        )
        return {name.strip(): _literal(value) for name, sign, value in pairs if sign}
    if comments and _PYMEASURE.match(comments[0]):
        lines = (line.partition("#")[2] for line in comments[1:])
        pairs = (line[1:].partition(": ") for line in lines if line.startswith("\t"))
        return {name: value for name, sign, value in pairs if sign}
    found = {}
    for line in [*(line.lstrip("#%!/ ") for line in comments), *head][:_MANY]:
        match = _PAIR.match(line[:500])
        if match and match[2]:
            found[match[1].strip()] = _literal(match[2])
    return found


def unit_in_header(attributes: dict[str, object], place: int) -> str:
    """Return the unit of a column that the header of an oscilloscope says; empty if it says none.

    Parameters
    ----------
    attributes
        Attributes of the table, as from `parameters_of`.
    place
        Number of the column; the first is x.
    """
    names = ("Vertical Units", "YUnits") if place else ("Horizontal Units", "XUnits")
    said = next((attributes[name] for name in names if name in attributes), "")
    unit = said.rpartition(":")[2].strip(" ,") if isinstance(said, str) else ""
    return unit_of(unit if is_unit(unit) else unit.lower())  # "Second" is no unit where titles stand


def points_in_header(attributes: dict[str, object]) -> int:
    """Return how many points the header of an oscilloscope says that there are; 0 if it says none.

    Parameters
    ----------
    attributes
        Attributes of the table, as from `parameters_of`.
    """
    said = str(attributes.get("Record Length", "")).rpartition(":")[2].strip(" ,").split(",")[0]
    try:
        return int(float(said))
    except (ValueError, OverflowError):  # words
        return 0


def _literal(text: str) -> object:
    try:
        return plain(ast.literal_eval(text.strip()))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text.strip()
