"""What a description for people consists of: a title, sentences and tables of text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Description", "Listing", "listing", "pairs", "value_text"]


@dataclass(frozen=True)
class Listing:
    """A table: its title, its columns, its rows of text."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Description:
    """What something is."""

    title: str
    text: str = ""
    listings: tuple[Listing, ...] = ()


def listing(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Listing:
    """Return a table whose cells are turned into text.

    Parameters
    ----------
    title, columns
        Title of the table and of its columns.
    rows
        One sequence of cells per row.
    """
    return Listing(title, tuple(columns), tuple(tuple(str(cell) for cell in row) for row in rows))


def pairs(table: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    """Return the items of a mapping as rows of text.

    Parameters
    ----------
    table
        Any mapping, such as attribute to unit.
    """
    return ((str(name), str(unit)) for name, unit in table.items())


def value_text(value: object) -> str:
    """Return a value of a card or a header as text; empty for None.

    Parameters
    ----------
    value
        A number, a text, or a list or dictionary of them.
    """
    if value is None:
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{key} = {value_text(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(value_text, value))
    return f"{value:.12g}" if isinstance(value, float) else str(value)
