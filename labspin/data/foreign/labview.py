"""LabVIEW's text format, ``.lvm``: a header for the file, and one before the table of each segment.

Where there is no column of x, it follows from the start and the step that the header gives.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from labspin.arrays import AnyArray
from labspin.data.foreign.cells import is_number, numbers
from labspin.data.foreign.lines import read_lines
from labspin.data.foreign.source import Contents, Item, damage
from labspin.data.foreign.titles import split_title, unit_of
from labspin.errors import DamagedFileError

__all__ = ["MARK", "read_lvm"]

MARK = "LabVIEW Measurement"
_END = "***End_of_Header***"
_PARTS = {"tab": "\t", "comma": ",", "semicolon": ";"}
Table = list[tuple[int, list[str]]]


def read_lvm(path: Path) -> Contents:
    """Return the channels of a LabVIEW measurement file; of several segments, ``segment 1/Voltage``.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    DamagedFileError
        It is cut short or corrupted.
    """
    lines = read_lines(path).body
    said = {cells[0]: cells[1] for _, line in lines[:40] if len(cells := line.split("\t")) > 1}
    mark = _PARTS.get(said.get("Separator", "Tab").strip().lower(), "\t")
    comma = said.get("Decimal_Separator", ".").strip() == ","
    rows: Table = [(number, [cell.strip() for cell in line.split(mark)]) for number, line in lines]
    ends = [place for place, (_, cells) in enumerate(rows) if cells[0] == _END]
    if not ends:
        raise DamagedFileError(f"{path}: cut short: wanted the line {_END}, got none")
    # The header of the file, then of each segment: header, titles, numbers.
    heads = ends[1:] or ends
    items: list[Item] = []
    with damage(path):
        for count, end in enumerate(heads):
            begin = _head(rows, end)
            following = _head(rows, heads[count + 1]) if count + 1 < len(heads) else len(rows)
            prefix = f"segment {count + 1}/" if len(heads) > 1 else ""
            header = {cells[0]: cells[1:] for _, cells in rows[begin:end]}
            items += _segment(path, prefix, header, rows[end + 1 : following], said, comma)
    attributes = {name: value.strip() for name, value in said.items() if value.strip()}
    return Contents(kind="a LabVIEW measurement", path=path, items=items, attributes=attributes)


def _head(rows: Table, end: int) -> int:
    """Return where the header that ends at ``end`` begins: behind the last row of numbers or mark above."""
    begin = end
    while begin and rows[begin - 1][1][0] not in (_END, "***Start_Special***"):
        cells = rows[begin - 1][1]
        if is_number(cells[0].replace(",", ".")) or (not cells[0] and any(map(is_number, cells))):
            break
        begin -= 1
    return begin


def _segment(
    path: Path, prefix: str, header: dict[str, list[str]], rows: Table, said: dict[str, str], comma: bool
) -> list[Item]:
    titles = list(rows[0][1]) if rows else []
    has_comment = titles[-1:] == ["Comment"]
    titles = titles[:-1] if has_comment else titles
    columns: list[list[str]] = [[] for _ in titles]
    for number, cells in rows[1:]:
        if len(cells) < len(titles):
            raise DamagedFileError(
                f"{path}, line {number}: wanted {len(titles)} numbers as there are titles, got {len(cells)}"
            )
        for column, cell in zip(columns, cells, strict=False):
            column.append(cell)
    samples = [int(cell) for cell in header.get("Samples", []) if cell.isdecimal()]
    if samples and max(samples) > len(rows) - 1:
        raise DamagedFileError(
            f"{path}: cut short: its header says {max(samples)} samples, there are {len(rows) - 1}"
        )
    mode = said.get("X_Columns", "One").strip().lower()
    units, x_units = header.get("Y_Unit_Label", []), header.get("X_Dimension", [])
    items: list[Item] = []
    channel = 0
    for title, cells in zip(titles, columns, strict=True):
        short, unit = split_title(title)
        is_x = title.startswith("X_Value")
        if is_x and (mode == "no" or not any(cells)):
            continue
        values = numbers(cells, comma)
        if is_x:
            kind = x_units[channel] if channel < len(x_units) else "Time"
            items.append(Item.of(prefix + short, values, unit="s" if kind == "Time" else _frequency(kind)))
            continue
        unit = unit_of(units[channel]) if channel < len(units) and units[channel] else unit
        items += _channel(prefix + short, values, unit, header, channel, mode, items)
        channel += 1
    return items


def _frequency(kind: str) -> str:
    return "Hz" if kind.lower().startswith("freq") else ""


def _channel(
    name: str,
    values: AnyArray,
    unit: str,
    header: dict[str, list[str]],
    place: int,
    mode: str,
    before: list[Item],
) -> list[Item]:
    xs = [item for item in before if item.name.rpartition("/")[2].startswith("X_Value")]
    if mode != "no" and xs:
        return [Item.of(name, values, unit=unit, along=xs[-1].name)]
    starts, steps = header.get("X0", []), header.get("Delta_X", [])
    if place >= len(steps) or not is_number(steps[place].replace(",", ".")):
        return [Item.of(name, values, unit=unit)]
    start = float(numbers([starts[place] if place < len(starts) else "0"], "," in steps[place])[0].real)
    step = float(numbers([steps[place]], "," in steps[place])[0].real)
    x = Item.of(f"{name}:time", start + step * np.arange(values.size), unit="s")
    return [Item.of(name, values, unit=unit, along=x.name), x]
