"""The columns of narrow two-dimensional arrays, as items of their own: ``sweep[:,1]``, or by name."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from labspin.data.foreign.source import Item
from labspin.data.foreign.titles import split_title

__all__ = ["with_columns"]

_NARROW = 16  # columns up to which an array is a table
_NAMES = ("columns", "column_names", "Columns", "column_headers", "labels", "names", "channels", "header")


def with_columns(items: Sequence[Item]) -> list[Item]:
    """Return items, each narrow two-dimensional one followed by its columns, or its few rows.

    Parameters
    ----------
    items
        What a reader found.
    """
    found: list[Item] = []
    for item in items:
        found.append(item)
        if len(item.shape) == 2 and _is_table(*item.shape):
            found.extend(_columns(item))
    return found


def _is_table(rows: int, columns: int) -> bool:
    return 1 <= min(rows, columns) <= _NARROW < max(rows, columns) or 2 <= columns <= min(_NARROW, rows - 1)


def _columns(item: Item) -> Iterable[Item]:
    axis = 1 if item.shape[1] <= item.shape[0] else 0
    names = _names(item, item.shape[axis])
    for place in range(item.shape[axis]):
        short, unit = split_title(names[place]) if names else ("", "")
        index = f"[:,{place}]" if axis else f"[{place},:]"
        yield Item(
            name=f"{item.name}/{short}" if names else f"{item.name}{index}",
            title=names[place] if names else "",
            shape=(item.shape[1 - axis],),
            dtype=item.dtype,
            unit=unit or item.unit,
            load=functools.partial(_take, item, place, axis),
            attributes=item.attributes,
        )


def _take(item: Item, place: int, axis: int) -> NDArray[np.generic]:
    return np.asarray(np.take(item.load(), place, axis=axis))


def _names(item: Item, count: int) -> list[str]:
    for key in _NAMES:
        said: object = item.attributes.get(key)
        if isinstance(said, (str, bytes)):
            text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
            said = next((text.split(mark) for mark in (";;", "\t", ";", ",") if mark in text), [])
        if isinstance(said, list) and len(said) == count:
            words = [one.decode("utf-8", "replace") if isinstance(one, bytes) else one for one in said]
            if all(isinstance(one, str) and one.strip() for one in words):
                return [one.strip() for one in words]
    return []
