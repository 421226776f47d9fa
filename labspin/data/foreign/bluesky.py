"""Documents of bluesky, one JSON text a line: the readings of each stream as columns, with their units.

The start document (``hints``) names what was scanned; the readings are against it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from labspin.data.foreign.lines import read_lines
from labspin.data.foreign.source import Contents, Item
from labspin.data.foreign.titles import unit_of
from labspin.data.plain import plain
from labspin.errors import DamagedFileError

__all__ = ["is_documents", "read_bluesky"]


def is_documents(line: str) -> bool:
    """Return whether the first line of a file is a start document.

    Parameters
    ----------
    line
        First line of the file.
    """
    return line.startswith(('{"name": "start"', '{"name":"start"', '["start"', '[ "start"'))


def read_bluesky(path: Path) -> Contents:
    """Return the readings in a file of documents; of several streams, ``stream/reading``.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    DamagedFileError
        A line is no document, or there are no readings.
    """
    start: dict[str, Any] = {}
    stop: dict[str, Any] = {}
    streams: dict[str, dict[str, Any]] = {}
    rows: dict[str, list[tuple[float, dict[str, Any]]]] = {}
    for number, line in read_lines(path).body:
        try:
            name, document = _document(json.loads(line))
            if name == "start":
                start = document
            elif name == "stop":
                stop = document
            elif name == "descriptor":
                streams[document["uid"]] = document
            elif name in ("event", "event_page"):
                rows.setdefault(document["descriptor"], []).extend(_events(name, document))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DamagedFileError(
                f"{path}, line {number}: wanted a document of bluesky, got {line[:40]!r}"
            ) from error
    _refuse_cut(path, streams, rows, stop)
    several = len(rows) > 1
    items: list[Item] = []
    for uid, events in rows.items():
        described = streams.get(uid, {})
        prefix = f"{described.get('name', uid)}/" if several else ""
        items += _of_stream(prefix, described.get("data_keys", {}), events, _axis(start))
    if not items:
        raise DamagedFileError(f"{path}: a run of bluesky without readings")
    said = {str(key): plain(value) for key, value in start.items()}
    return Contents(kind="documents of bluesky", path=path, items=items, attributes=said)


def _refuse_cut(path: Path, streams: dict[str, Any], rows: dict[str, Any], stop: dict[str, Any]) -> None:
    """Refuse a run with fewer readings than its stop document says; one without, may still be running."""
    said = stop.get("num_events")
    for name, count in said.items() if isinstance(said, dict) else ():
        there = sum(len(rows.get(uid, ())) for uid, one in streams.items() if one.get("name") == name)
        if isinstance(count, int) and count > there:
            raise DamagedFileError(
                f"{path}: cut short: stream {name!r} had {count} readings, there are {there}; copy it again"
            )


def _document(content: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(content, list):
        name, document = content
    else:
        name, document = content["name"], content["doc"]
    return str(name), dict(document)


def _events(name: str, document: dict[str, Any]) -> Iterator[tuple[float, dict[str, Any]]]:
    if name == "event":
        yield float(document["time"]), dict(document["data"])
        return
    for place, time in enumerate(document["time"]):
        yield float(time), {key: values[place] for key, values in document["data"].items()}


def _axis(start: dict[str, Any]) -> str:
    """Return what a one-dimensional scan went over, as the start document hints."""
    try:
        (((name, *_), _),) = start["hints"]["dimensions"]
        return str(name)
    except (KeyError, ValueError, TypeError):
        return ""


def _of_stream(
    prefix: str, keys: dict[str, Any], events: list[tuple[float, dict[str, Any]]], axis: str
) -> Iterator[Item]:
    first = events[0][0]
    yield Item.of(f"{prefix}time", np.array([time - first for time, _ in events]), unit="s")
    names = list(dict.fromkeys(key for _, data in events for key in data))
    for name in names:
        values = [data.get(name) for _, data in events]
        if not all(isinstance(value, (int, float, type(None))) for value in values):
            continue
        numbers = np.array([np.nan if value is None else float(value) for value in values])
        unit = unit_of(str((keys.get(name) or {}).get("units") or ""))
        along = f"{prefix}{axis}" if axis in names and name != axis else ""
        yield Item.of(f"{prefix}{name}", numbers, unit=unit, along=along)
