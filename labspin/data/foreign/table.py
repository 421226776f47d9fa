"""The table in a file: where its numbers begin, which row above them has the titles, which one the units.

The numbers are the longest run of rows with equally many cells. Above them stand titles, perhaps units,
and a header of words. Titles that do not match the columns in number are no titles: then the columns go by
their numbers, and an error says why.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labspin.data.foreign.cells import CellError, is_grouped, is_number, measured, numbers
from labspin.data.foreign.headers import parameters_of, points_in_header, titles_of, unit_in_header
from labspin.data.foreign.lines import (
    DELIMITERS,
    Lines,
    cells_of,
    is_numeric,
    read_lines,
    split_words,
    without_end,
)
from labspin.data.foreign.source import Contents, Item
from labspin.data.foreign.titles import is_unit, split_title, unit_of, units_row
from labspin.errors import DamagedFileError

__all__ = ["Row", "contents_of_rows", "read_table", "table_of"]

Row = tuple[int, list[str]]
"""Number of a line, and its cells."""
_LOOKED_AT = 3000  # lines in which the beginning of the numbers is looked for
_COMMA_NUMBER = re.compile(r"[+-]?\d+,\d+([eEdD][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_ENOUGH = 12  # rows that show how a program writes its numbers
_FEW_ROWS, _MANY_CELLS = 12, 12  # x and y as rows


@dataclass
class _Layout:
    """What was found out about a table."""

    delimiter: str | None
    start: int
    """First row of numbers."""
    width: int
    titles: list[str] = field(default_factory=list)
    units: list[str] = field(default_factory=list)
    doubt: str = ""
    head: int = 0
    """Rows that are neither titles nor numbers."""


def read_table(path: Path) -> Contents:
    """Return the columns of a text table.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    NotARunFileError
        It is no text.
    DamagedFileError
        It holds no table.
    """
    return table_of(read_lines(path))


def table_of(lines: Lines, kind: str = "a text table") -> Contents:
    """Return the columns of a text table whose lines were read.

    Parameters
    ----------
    lines
        The lines.
    kind
        What the file is, in words.
    """
    path = lines.path
    if not lines.body:
        raise DamagedFileError(f"{path}: empty; it holds no table")
    layout = _layout(lines)
    _add_titles(layout, lines)
    head = [line for _, line in lines.body[: layout.head]]
    attributes = parameters_of([line for _, line in lines.comments], head, layout.delimiter)
    _refuse_cut(lines, layout, attributes)
    fast = _at_once(lines, layout)
    if fast is not None:
        columns = fast.T
        return _contents(
            path,
            kind,
            layout,
            attributes,
            lambda place, name, unit, title: Item.of(name, columns[place], unit=unit, title=title),
        )
    rows = [(number, cells_of(line, layout.delimiter)) for number, line in lines.body[layout.start :]]
    return _slowly(path, kind, rows, layout, attributes)


def contents_of_rows(path: Path, kind: str, rows: list[Row], attributes: dict[str, object]) -> Contents:
    """Return the columns of a table whose cells are known.

    Parameters
    ----------
    path
        The file, for errors.
    kind
        What it is, in words.
    rows
        All rows, titles and all.
    attributes
        What is known beside.
    """
    lines = Lines(path, [(number, "\t".join(cells)) for number, cells in rows if any(cells)], [], "\t")
    if not lines.body:
        raise DamagedFileError(f"{path}: empty; it holds no table")
    layout = _layout(lines)
    _add_titles(layout, lines)
    kept = [(number, cells_of(line, "\t")) for number, line in lines.body[layout.start :]]
    return _slowly(path, kind, kept, layout, attributes)


def _layout(lines: Lines) -> _Layout:
    """Return the layout with the longest run of rows of numbers; of equal ones, the surer delimiter."""
    looked = lines.body[:_LOOKED_AT]
    best: tuple[int, int] | None = None
    found: _Layout | None = None
    for delimiter in (lines.delimiter,) if lines.delimiter else DELIMITERS:
        if delimiter is not None and not any(delimiter in line for _, line in looked):
            continue
        rows = [cells_of(line, delimiter) for _, line in looked]
        start, length, width = _longest_run(rows, delimiter)
        score = (length if width > 1 else 0, length)
        if length and (best is None or score > best):
            best, found = score, _Layout(delimiter, start, width)
    if found is None:
        raise DamagedFileError(f"{lines.path}: a table without rows, or no table at all")
    return found


def _longest_run(rows: list[list[str]], delimiter: str | None) -> tuple[int, int, int]:
    """Return where the longest run of rows of numbers starts, how many they are, and their width."""
    numeric = [is_numeric(cells, delimiter) for cells in rows]
    best = (0, 0, 0)
    place = 0
    for (width, is_one), group in itertools.groupby(
        zip(map(len, rows), numeric, strict=True), key=lambda pair: pair
    ):
        length = sum(1 for _ in group)
        if is_one and length > best[1]:
            best = (place, length, width)
        place += length
    start, length, width = best
    # Rows of another width right above are rows of the table, too: they are damaged, and no header.
    while length and start and numeric[start - 1] and len(rows[start - 1]) > 1:
        if not is_number(rows[start - 1][0]):
            break
        start -= 1
    width = max((len(without_end(row)) for row in rows[best[0] : best[0] + length]), default=0)
    return start, length, width


def _add_titles(layout: _Layout, lines: Lines) -> None:
    """Find titles and units above the numbers, in rows of their own or in comments."""
    layout.head = layout.start
    given = titles_of([line for _, line in lines.comments])
    if given is not None and len(given) == layout.width:
        layout.titles = given
        return
    above = [line for _, line in lines.body[: layout.start]]
    if above and layout.width == 2 and _begins_spectrum(above[-1]):
        layout.titles = ["Wavelength (nm)", "Intensity"]
        return
    if above and layout.units == []:
        cells = without_end(cells_of(above[-1], layout.delimiter))
        units = units_row(cells) if len(above) > 1 else None
        if units is not None and _is_titles(above[-2], layout, numbered=True):
            layout.units, above = units, above[:-1]
    if above and _is_titles(above[-1], layout, numbered=bool(layout.units)):
        _match(layout, above[-1])
        layout.head = len(above) - 1
        return
    first = lines.body[layout.start][0]
    comments = [line.lstrip("#%!/ ") for number, line in lines.comments if number < first]
    comments = [line for line in comments if not all(map(is_number, line.strip("=-_* \t").split()))]
    if len(comments) > 1:
        units = units_row(without_end(cells_of(comments[-1], layout.delimiter)))
        if units is not None and len(units) == layout.width:
            layout.units, comments = units, comments[:-1]
    if comments:
        _match(layout, comments[-1])
        if layout.doubt == "comma":
            layout.titles = []  # one word of a comment is no title of two columns
        layout.doubt = layout.doubt if not (layout.titles or layout.doubt == "comma") else ""


def _begins_spectrum(line: str) -> bool:
    """Return whether a line precedes the numbers of OceanView or SpectraSuite, which write no titles."""
    return line.startswith(">>>") and "Begin" in line and "Spectral Data" in line


def _is_titles(line: str, layout: _Layout, *, numbered: bool = False) -> bool:
    """Return whether a line may hold titles; ``numbered``: of channels that are numbers."""
    cells = without_end(cells_of(line, layout.delimiter))
    words = [cell for cell in cells if cell]
    if len(words) < 2 <= layout.width and len(list(split_words(line))) < layout.width:
        return False
    words = words[:1] if numbered and len(cells) == layout.width else words
    return bool(words) and not any(is_number(cell) and cell.lower() != "nan" for cell in words)


def _match(layout: _Layout, line: str) -> None:
    """Take the titles of a line if they are as many as the columns; else say that they are not."""
    padded = cells_of(line, layout.delimiter)
    cells = without_end(padded)
    filled = [cell for cell in cells if cell]
    wide = [cell for cell in re.split(r"\t|\s{2,}", line.strip()) if cell]
    quoted = re.findall(r'"([^"]+)"', line)
    for titles in (cells, filled, quoted, wide, list(split_words(line)), line.split()):
        if len(titles) == layout.width:
            layout.titles = titles
            return
    if len(cells) < layout.width <= len(padded):
        layout.titles = padded[: layout.width]
        return
    if len(cells) > layout.width and layout.delimiter is not None:
        layout.titles, layout.width = cells, len(cells)
        return
    if layout.width == 2 * len(cells) and layout.delimiter == ",":
        layout.titles = cells
        layout.doubt = "comma"
        return
    names = cells if len(cells) > 1 else list(split_words(line))
    layout.doubt = (
        f"its {len(names)} titles {', '.join(names[:6])} and its {layout.width} columns differ in number; "
        f"name the columns by number, 0 to {layout.width - 1}"
    )


def _refuse_cut(lines: Lines, layout: _Layout, attributes: dict[str, object]) -> None:
    """Refuse a table with fewer rows than its header says, or whose last number has lost its end."""
    rows = len(lines.body) - layout.start
    said = points_in_header(attributes)
    if said > rows:
        raise DamagedFileError(
            f"{lines.path}: cut short: its header says {said} points, there are {rows}; copy the file again"
        )
    if not lines.ends_open or rows < _ENOUGH:
        return
    cells = [cells_of(line, layout.delimiter) for _, line in lines.body[layout.start :][-_ENOUGH:]]
    last = cells[-1]
    if len(last) < layout.width or not last[-1]:
        return
    digits = {len(row[len(last) - 1].partition(".")[2]) for row in cells[:-1] if len(row) >= len(last)}
    if len(digits) == 1 and len(last[-1].partition(".")[2]) < next(iter(digits)):
        raise DamagedFileError(
            f"{lines.path}, line {lines.body[-1][0]}: cut short: the file ends within the number "
            f"{last[-1]!r}; copy it again, or remove its last line"
        )


def _at_once(lines: Lines, layout: _Layout) -> NDArray[np.generic] | None:
    """Return the numbers by NumPy's own reader, which takes plain tables only; None for any other."""
    if layout.doubt == "comma" or len(layout.titles) not in (0, layout.width):
        return None
    body = [line for _, line in lines.body[layout.start :]]
    if len(body) <= _FEW_ROWS and layout.width > _MANY_CELLS:
        return None
    try:
        found = np.loadtxt(body, delimiter=layout.delimiter, comments=None, ndmin=2)
    except (ValueError, TypeError):
        return None
    return measured(found) if found.shape == (len(body), layout.width) else None


def _slowly(
    path: Path, kind: str, rows: list[Row], layout: _Layout, attributes: dict[str, object]
) -> Contents:
    rows = _without_foot(rows, layout)
    if layout.doubt == "comma":
        rows, layout.width, layout.doubt = _paired(path, rows), layout.width // 2, ""
        return _lazily(path, kind, rows, layout, attributes, comma=True)
    if _is_turned(rows, layout):
        return _turned(path, kind, rows, attributes)
    comma = layout.delimiter != "," and _decimal_comma(path, rows)
    rows = _with_units_beside(rows, layout)
    return _lazily(path, kind, rows, layout, attributes, comma=comma)


def _without_foot(rows: list[Row], layout: _Layout) -> list[Row]:
    """Return rows without words that follow the last row of numbers."""
    last = len(rows)
    while last > 1 and not any(is_number(cell.replace(",", ".", 1)) for cell in rows[last - 1][1]):
        last -= 1
    return rows[:last]


def _paired(path: Path, rows: list[Row]) -> list[Row]:
    """Return rows in which a decimal comma was taken for one that parts columns."""
    found = []
    for number, cells in rows:
        halves = list(zip(cells[::2], cells[1::2], strict=False))
        if len(cells) % 2 or not all(re.fullmatch(r"[+-]?\d+", a) and b[:1].isdigit() for a, b in halves):
            raise DamagedFileError(
                f"{path}, line {number}: twice as many cells as titles, and commas that are no decimal "
                "points throughout; write the table with a decimal point, or part its columns by ;"
            )
        found.append((number, [f"{a},{b}" for a, b in halves]))
    return found


def _is_turned(rows: list[Row], layout: _Layout) -> bool:
    """Return whether x and y are rows: few of them, each with a word at its head, or no titles at all."""
    if len(rows) > _FEW_ROWS or any(len(cells) <= _MANY_CELLS for _, cells in rows) or layout.titles:
        return False
    return len(rows) > 1


def _turned(path: Path, kind: str, rows: list[Row], attributes: dict[str, object]) -> Contents:
    named = not any(is_number(cells[0].replace(",", ".")) for _, cells in rows)
    layout = _Layout(None, 0, len(rows))
    layout.titles = [cells[0] if named else f"row {place}" for place, (_, cells) in enumerate(rows)]
    bodies = [without_end(cells[1:] if named else cells) for _, cells in rows]
    if named and all(len(body) > 2 and is_unit(body[0]) for body in bodies):
        layout.units = [unit_of(body[0]) for body in bodies]
        bodies = [body[1:] for body in bodies]
    lengths = {len(body) for body in bodies}
    if len(lengths) > 1:
        raise DamagedFileError(f"{path}: its rows have {' and '.join(map(str, sorted(lengths)))} numbers")
    columns = [(rows[0][0], list(cells)) for cells in zip(*bodies, strict=True)]
    return _lazily(path, kind, columns, layout, attributes, comma=_decimal_comma(path, columns))


def _decimal_comma(path: Path, rows: list[Row]) -> bool:
    """Return whether the comma is the decimal point: numbers have commas, and none has a point."""
    cells = [cell for _, row in rows for cell in row]
    commas = [cell for cell in cells if "," in cell and _COMMA_NUMBER.fullmatch(cell)]
    if any(is_grouped(cell) and cell.rfind(",") > cell.rfind(".") for cell in cells):
        return True
    if not commas or any("." in cell and is_number(cell) for cell in cells):
        return False
    if all(_THOUSANDS.fullmatch(cell) for cell in commas):
        raise DamagedFileError(
            f"{path}: {commas[0]!r} may be a thousand or a fraction; write it with a decimal point"
        )
    return True


def _with_units_beside(rows: list[Row], layout: _Layout) -> list[Row]:
    """Drop columns that hold nothing, and those that hold the unit of the column before in every row."""
    width = layout.width
    titles = layout.titles + [""] * (width - len(layout.titles))
    units = layout.units + [""] * (width - len(layout.units))
    kept: list[int] = []
    for place in range(width):
        there = {cells[place] if place < len(cells) else "" for _, cells in rows[:_LOOKED_AT]}
        word = next(iter(there)) if len(there) == 1 else None
        if kept and word and is_unit(word) and not is_number(word):
            units[kept[-1]] = units[kept[-1]] or unit_of(word)
        elif word != "" or titles[place] or (place < layout.width - 1 and not layout.titles):
            kept.append(place)
    if len(kept) == width:
        return rows
    if layout.titles:
        layout.titles = [titles[place] for place in kept]
    layout.units = [units[place] for place in kept] if any(units) else []
    layout.width = len(kept)
    return [
        (number, [cells[place] for place in kept if place < len(cells)] + without_end(cells[width:]))
        for number, cells in rows
    ]


def _lazily(
    path: Path, kind: str, rows: list[Row], layout: _Layout, attributes: dict[str, object], *, comma: bool
) -> Contents:
    """Return columns that are read when they are asked for, so that one with words stops no other."""

    def load(place: int, name: str) -> NDArray[np.generic]:
        for number, row in rows:
            if place >= len(row):
                raise _wrong(path, number, name, "nothing")
            if len(row) > layout.width and len(without_end(row)) > layout.width:
                got = f"{len(without_end(row))} cells in a table of {layout.width} columns"
                raise DamagedFileError(f"{path}, line {number}: {got}; correct the line")
        try:
            return numbers([row[place] for _, row in rows], comma)
        except CellError as error:
            raise _wrong(path, rows[error.place][0], name, repr(error.cell[:40])) from error

    def item(place: int, name: str, unit: str, title: str) -> Item:
        read = functools.partial(load, place, name)
        return Item(name=name, shape=(len(rows),), dtype="text", unit=unit, title=title, load=read)

    return _contents(path, kind, layout, attributes, item)


def _wrong(path: Path, line: int, name: str, got: str) -> DamagedFileError:
    return DamagedFileError(f"{path}, line {line}: wanted a number in column {name!r}, got {got}")


def _contents(
    path: Path,
    kind: str,
    layout: _Layout,
    attributes: dict[str, object],
    item: Callable[[int, str, str, str], Item],
) -> Contents:
    titles = [
        (layout.titles[place] if layout.titles else "") or f"column {place}" for place in range(layout.width)
    ]
    names = [split_title(title) for title in titles]
    items = []
    for place, (title, (name, unit)) in enumerate(zip(titles, names, strict=True)):
        below = layout.units[place] if place < len(layout.units) else ""
        alone = sum(name == other for other, _ in names) == 1
        unit = below or unit or unit_in_header(attributes, place)
        items.append(item(place, name if alone else title, unit, title))
    return Contents(
        kind=kind, path=path, items=items, attributes=attributes, numbered=True, doubt=layout.doubt
    )
