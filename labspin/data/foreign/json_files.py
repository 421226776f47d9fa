"""JSON: lists of numbers by their names, or a list of records, whose fields are columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from labspin.data.foreign.source import Contents, Item, damage, whole
from labspin.data.foreign.titles import split_title, unit_of

__all__ = ["read_json"]

_DEEPEST = 8
_MOST = 1 << 28  # bytes: as objects of Python they take ten times as many
_UNITS = ("unit", "units")


def read_json(path: Path) -> Contents:
    """Return the lists of numbers in a JSON file; single values go into the attributes.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    DamagedFileError
        It is no JSON, or holds no list of numbers.
    RunFileError
        It is too large.
    """
    with damage(path):
        document = json.loads(whole(path, _MOST).decode("utf-8-sig"))
        attributes: dict[str, Any] = {}
        items = list(_items(document, "", "", attributes, 0))
        if not items:
            raise ValueError("no list of numbers in it")
    return Contents(kind="a JSON file", path=path, items=items, attributes=attributes)


def _items(value: Any, name: str, unit: str, attributes: dict[str, Any], depth: int) -> Iterator[Item]:
    if depth > _DEEPEST:
        return
    if isinstance(value, Mapping):
        alone = sum(map(_is_numbers, value.values())) == 1  # of several, the unit may be that of any
        own = next((value[key] for key in _UNITS if alone and isinstance(value.get(key), str)), "")
        for key, inner in value.items():
            below = f"{name}/{key}" if name else str(key)
            yield from _items(inner, below, own if _is_numbers(inner) else "", attributes, depth + 1)
    elif _is_records(value):
        for key in value[0]:
            column = [record.get(key) for record in value]
            yield from _items(column, f"{name}/{key}" if name else str(key), "", attributes, depth + 1)
    elif _is_numbers(value):
        numbers = np.array([np.nan if one is None else one for one in value], np.float64)
        short, said = split_title(name)
        yield Item.of(short, numbers, unit=said or unit_of(unit), title=name)
    elif isinstance(value, (str, int, float, bool)):
        attributes[name] = value


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) for one in value)


def _is_numbers(value: Any) -> bool:
    """Return whether a value is a list of numbers, gaps allowed, or of equally long lists of them."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        return False
    if all(isinstance(one, list) for one in value):
        return len({len(one) for one in value}) == 1 and all(_is_numbers(one) for one in value)
    plain = [one for one in value if one is not None]
    return bool(plain) and all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in plain)
