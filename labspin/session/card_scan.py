"""Putting a sweep into a run card: what is as before stays as it was written, with its comments.

A sweep is a table of axes or one of the forms (``sweep = "snake"``, …). A card keeps the way in which it was
written as long as that can say what is meant; values of the same size in another unit are no change.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from labspin.errors import LabspinError
from labspin.experiment import read_scan, scan_table

if TYPE_CHECKING:
    from tomlkit.items import Item

__all__ = ["put_sweep"]

_SAME = 1e-10  # relative difference of two values that are the same, written otherwise


def put_sweep(holder: MutableMapping[str, Any], name: str, sweep: Any) -> None:
    """Put a sweep into a table of a card.

    Parameters
    ----------
    holder
        Table of tomlkit in which it stands, or will stand.
    name
        Its key.
    sweep
        Description of the sweep, or a table of axes; empty removes it.
    """
    old = holder.get(name)
    if not sweep:
        holder.pop(name, None)
        return
    if isinstance(old, Mapping) and _is_same(old, sweep):
        return
    if "sweep" in sweep and not (isinstance(old, Mapping) and "sweep" in old):
        sweep = scan_table(sweep) or sweep
    if not isinstance(old, MutableMapping):
        holder[name] = _table(sweep) if old is None else _item(sweep)
        return
    _change(old, sweep)
    if "sweep" not in sweep and list(old) != list(sweep):
        holder[name] = _ordered(old, list(sweep))


def _change(old: MutableMapping[str, Any], new: Mapping[str, Any]) -> None:
    """Change a table where it says something else."""
    for key in [key for key in old if key not in new]:
        del old[key]
    for key, value in new.items():
        before = old.get(key)
        if key in old and _is_same(before, value):
            continue
        if isinstance(before, MutableMapping) and isinstance(value, Mapping):
            _change(before, value)
        elif key == "of" and isinstance(before, list) and _are_tables(before, value):
            for part, wanted in zip(before, value, strict=True):
                if not _is_same(part, wanted):
                    _change(part, wanted)
        else:
            old[key] = _item(value)


def _are_tables(before: Any, value: Any) -> bool:
    """Return whether two lists have as many tables, so that each can be changed in its place."""
    return (
        isinstance(before, list)
        and isinstance(value, list)
        and len(before) == len(value)
        and all(isinstance(part, Mapping) for part in (*before, *value))
    )


def _is_same(old: Any, new: Any) -> bool:
    """Return whether two descriptions, or values of one axis, say the same."""
    if old == new:
        return True
    try:
        return _is_close(*(_read(part) for part in (old, new)))
    except LabspinError:
        return False


def _read(content: Any) -> dict[str, Any]:
    return read_scan(content if isinstance(content, Mapping) else {"values": content}).to_dict()


def _is_close(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return list(one) == list(other) and all(_is_close(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_close, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=_SAME, abs_tol=0.0)
    return bool(one == other)


def _ordered(old: Any, names: list[str]) -> Any:
    """Return a table with its keys in another order, each with the comments above it."""
    import tomlkit
    from tomlkit.items import InlineTable

    if isinstance(old, InlineTable):
        return _item({name: old[name] for name in names})
    above: list[Any] = []
    groups: dict[str, list[Any]] = {}
    for key, item in old.value.body:
        if key is None:
            above.append(item)
        else:
            groups[key.key] = [*above, (key, item)]
            above = []
    made = tomlkit.table()
    for part in (part for name in names for part in groups[name]):
        made.append(*part) if isinstance(part, tuple) else made.add(part)
    for comment in above:
        made.add(comment)
    return made


def _table(content: Mapping[str, Any]) -> Item:
    import tomlkit

    table = tomlkit.table()
    for key, value in content.items():
        table[key] = _item(value)
    return table


def _item(value: Any) -> Any:
    """Return a value as it is written: tables within lines, a list of tables with a line for each."""
    import tomlkit

    if isinstance(value, Mapping):
        inline = tomlkit.inline_table()
        for key, part in value.items():
            inline[key] = _item(part)
        return inline
    if isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
        array = tomlkit.array()
        for part in value:
            array.append(_item(part))
        return array.multiline(True)
    return value
