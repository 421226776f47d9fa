"""Text of any program: an instrument's own layout where one is known, else a table with a header."""

from __future__ import annotations

from pathlib import Path

from labspin.data.foreign.analysers import read_analyser
from labspin.data.foreign.lines import read_lines
from labspin.data.foreign.source import Contents
from labspin.data.foreign.table import table_of

__all__ = ["read_text"]


def read_text(path: Path) -> Contents:
    """Return the columns of a text file.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    NotARunFileError
        It is no text.
    DamagedFileError
        It holds no table, or one that is cut short.
    """
    lines = read_lines(path)
    return read_analyser(lines) or table_of(lines)
