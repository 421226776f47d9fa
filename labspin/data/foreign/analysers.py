"""Tables of oscilloscopes and analysers that are not plain: Rigol, Tektronix, Rohde & Schwarz, LabOne.

Each writes its numbers beside, above or between words of its own; all others are plain tables with a header.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from labspin.data.foreign.cells import is_number, numbers
from labspin.data.foreign.headers import points_in_header
from labspin.data.foreign.lines import Lines, cells_of, without_end
from labspin.data.foreign.source import Contents, Item
from labspin.data.foreign.table import table_of
from labspin.data.foreign.titles import unit_of
from labspin.errors import DamagedFileError

__all__ = ["read_analyser"]

_LABONE = re.compile(r"chunk[;,]timestamp[;,]size[;,]fieldname", re.IGNORECASE)
_LABONE_UNITS = {"frequency": "Hz", "x": "V", "y": "V", "r": "V", "phase": "rad", "realz": "ohm",
                 "imagz": "ohm", "absz": "ohm", "phasez": "rad"}  # fmt: skip


_INCREMENTS = re.compile(r"\bt0\s{0,9}=\s{0,9}([^,\s]{1,40})\s{0,9},\s{0,9}tInc\s{0,9}=\s{0,9}([^,\s]{1,40})")


def read_analyser(lines: Lines) -> Contents | None:
    """Return the columns of a table of these instruments; None for any other text.

    Parameters
    ----------
    lines
        Lines of the file.

    Raises
    ------
    DamagedFileError
        It is cut short or corrupted.
    """
    first = lines.body[0][1] if lines.body else ""
    if re.match(r"X\s*,.*\bStart\s*,\s*Increment\b", first) and len(lines.body) > 2:
        return _rigol(lines)
    if _INCREMENTS.search(first):
        return _rigol_mso(lines)
    if first.startswith("Record Length,") and len(cells_of(first, ",")) > 4:
        return _tektronix(lines)
    if re.match(r"Type\s*;\s*(FS|ZV|ES|RS)", first):
        return _rohde_schwarz(lines)
    if _LABONE.match(first):
        return _labone(lines)
    return None


def _rigol(lines: Lines) -> Contents:
    """``X,CH1,Start,Increment`` above ``Sequence,Volt,-6e-4,1e-6``: the time of a point is start + n·step."""
    titles, units = (cells_of(line, ",") for _, line in lines.body[:2])
    place = titles.index("Start")
    try:
        start, step = (float(cell) for cell in units[place : place + 2])
    except ValueError as error:
        raise DamagedFileError(
            f"{lines.path}, line 2: wanted start and increment, got {units[place : place + 2]}"
        ) from error
    inner = Lines(lines.path, lines.body[2:])
    table = table_of(inner, "a table of a Rigol oscilloscope")
    names = titles[1:place]
    time = Item.of("time", start + step * table.items[0].load(), unit="s")
    channels = [
        Item.of(name, item.load(), unit=unit_of(units[1 + index]), along="time")
        for index, (name, item) in enumerate(zip(names, table.items[1:], strict=False))
    ]
    said = {"start": start, "increment": step}
    return Contents(kind=table.kind, path=lines.path, items=[time, *channels], attributes=said, numbered=True)


def _rigol_mso(lines: Lines) -> Contents:
    """``Time(s),CH1V,CH2V,t0 = -1e-4, tInc = 2e-6`` above rows whose first cell is empty."""
    first = lines.body[0][1]
    match = _INCREMENTS.search(first)
    assert match is not None
    rows = [(number, line.lstrip(", \t").rstrip(", \t")) for number, line in lines.body[1:]]
    titles = [title for title in cells_of(first[: match.start()], ",")[1:] if title]
    table = table_of(Lines(lines.path, rows), "a table of a Rigol oscilloscope")
    named = [re.fullmatch(r"(.*?)([munpkM]?[VAW])?", title) for title in titles]
    columns = table.items[-len(titles) :]  # some write the time, too
    start, step = float(match[1]), float(match[2])
    time = Item.of("time", start + step * np.arange(columns[0].shape[0]), unit="s")
    channels = [
        Item.of(one[1] or one[0], item.load(), unit=one[2] or "", along="time")
        for one, item in zip(named, columns, strict=True)
        if one is not None
    ]
    said = {"start": start, "increment": step}
    return Contents(kind=table.kind, path=lines.path, items=[time, *channels], attributes=said, numbered=True)


def _tektronix(lines: Lines) -> Contents:
    """Columns 3 and 4 hold time and signal; the first three, words of the header beside the first points."""
    said: dict[str, Any] = {}
    columns: list[list[str]] = []
    for number, line in lines.body:
        cells = cells_of(line, ",")
        if len(cells) < 5:
            raise DamagedFileError(f"{lines.path}, line {number}: wanted time and signal, got {line[:40]!r}")
        if cells[0]:
            said[cells[0]] = " ".join(cells[1:3]).strip()
        columns.append(cells[3:5])
    try:
        x, y = (numbers(list(column)) for column in zip(*columns, strict=True))
    except ValueError as error:
        raise DamagedFileError(f"{lines.path}: wanted numbers in columns 3 and 4, got {error}") from error
    if points_in_header(said) > len(x):
        raise DamagedFileError(
            f"{lines.path}: cut short: its header says {points_in_header(said)} points, there are {len(x)}"
        )
    units = [unit_of(said.get(key, "")) for key in ("Horizontal Units", "Vertical Units")]
    name = said.get("Source", "signal")
    items = [Item.of("time", x, unit=units[0] or "s"), Item.of(name, y, unit=units[1], along="time")]
    kind = "a table of a Tektronix oscilloscope"
    return Contents(kind=kind, path=lines.path, items=items, attributes=said, numbered=True)


def _rohde_schwarz(lines: Lines) -> Contents:
    """Key;value lines, then ``Trace 1;;``, its units, ``Values;691;`` and as many points; and so on."""
    said: dict[str, object] = {}
    items: list[Item] = []
    place, trace, body = 0, "Trace", [(n, without_end(cells_of(line, ";"))) for n, line in lines.body]
    while place < len(body):
        number, cells = body[place]
        place += 1
        if cells and cells[0].startswith("Trace") and len(cells[0].split()) == 2 and len(cells) == 1:
            trace = cells[0]
        elif cells and cells[0] == "Values" and len(cells) > 1 and cells[1].isdecimal():
            count = int(cells[1])
            rows = body[place : place + count]
            if len(rows) < count or any(len(row) < 2 for _, row in rows):
                raise DamagedFileError(f"{lines.path}, line {number}: wanted {count} points, got fewer")
            items += _trace(lines, trace, rows, said)
            place += count
        elif len(cells) > 1:
            said[cells[0]] = " ".join(cells[1:])
    if not items:
        raise DamagedFileError(f"{lines.path}: cut short: no line Values; followed by points")
    return Contents(
        kind="a table of a Rohde & Schwarz analyser", path=lines.path, items=items, attributes=said
    )


def _trace(lines: Lines, name: str, rows: list[tuple[int, list[str]]], said: dict[str, object]) -> list[Item]:
    units = [unit_of(str(said.get(key, ""))) for key in ("x-Unit", "y-Unit")]
    comma = not any("." in cell for _, row in rows for cell in row[:2])
    try:
        x, y = (numbers([row[place] for _, row in rows], comma) for place in (0, 1))
    except ValueError as error:
        raise DamagedFileError(f"{lines.path}, {name}: wanted numbers, got {error}") from error
    axis = f"{name}:{'time' if units[0] == 's' else 'frequency'}"
    return [Item.of(axis, x, unit=units[0]), Item.of(name, y, unit=units[1], along=axis)]


def _labone(lines: Lines) -> Contents:
    """One row a field and sweep: ``0;1234;100;frequency;1000;1010;…``; of several sweeps, ``1/frequency``."""
    mark = ";" if ";" in lines.body[0][1] else ","
    rows = []
    for number, line in lines.body[1:]:
        cells = without_end(cells_of(line, mark))
        if len(cells) < 5 or not cells[2].isdecimal() or len(cells) < 4 + int(cells[2]):
            raise DamagedFileError(
                f"{lines.path}, line {number}: wanted a field and its numbers, got {line[:40]!r}"
            )
        rows.append((number, cells))
    several = len({cells[0] for _, cells in rows}) > 1
    items = []
    for number, cells in rows:
        prefix, field = f"{cells[0]}/" if several else "", cells[3]
        values = cells[4 : 4 + int(cells[2])]
        if not all(is_number(cell) for cell in values):
            raise DamagedFileError(f"{lines.path}, line {number}: wanted numbers of {field}, got others")
        along = "" if field in ("frequency", "grid", "timestamp") else f"{prefix}frequency"
        known = any(row[0] == cells[0] and row[3] == "frequency" for _, row in rows)
        items.append(
            Item.of(
                prefix + field,
                numbers(values),
                unit=_LABONE_UNITS.get(field.lower(), ""),
                along=along if known else "",
            )
        )
    return Contents(kind="a sweep of LabOne", path=lines.path, items=_by_axis(items))


def _by_axis(items: list[Item]) -> list[Item]:
    """Return items with the frequency in front, then what is measured, then statistics and settings."""
    first = [item for item in items if item.name.rpartition("/")[2] == "frequency"]
    signals = [item for item in items if item.name.rpartition("/")[2] in ("r", "x", "y", "phase", "absz")]
    rest = [item for item in items if item not in first and item not in signals]
    return [*first, *signals, *rest]
