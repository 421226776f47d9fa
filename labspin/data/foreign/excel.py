"""Excel's ``.xlsx``: the table of each sheet, with the titles and units above it."""

from __future__ import annotations

import datetime
import importlib
from pathlib import Path

from labspin.data.foreign.archives import refuse_bomb
from labspin.data.foreign.source import Contents, Item, damage, need_package
from labspin.data.foreign.table import Row, contents_of_rows
from labspin.errors import DamagedFileError

__all__ = ["read_excel"]

_MOST_CELLS = 20_000_000


def read_excel(path: Path) -> Contents:
    """Return the columns of an Excel file; those of further sheets are ``sheet/column``.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    DamagedFileError
        It is cut short or corrupted, or no sheet has a table.
    RunFileError
        openpyxl is not installed.
    """
    try:
        openpyxl = importlib.import_module("openpyxl")
    except ImportError as error:
        raise need_package(path, "an Excel file", "openpyxl") from error
    sheets: dict[str, list[Row]] = {}
    cells = 0
    with damage(path):
        refuse_bomb(path)
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        try:
            for sheet in book.worksheets:
                rows = sheets[sheet.title] = []
                for number, values in enumerate(sheet.iter_rows(values_only=True), 1):
                    cells += len(values)
                    if cells > _MOST_CELLS:
                        raise ValueError(f"more than {_MOST_CELLS} cells; save the sheet as text")
                    rows.append((number, [_text(value) for value in values]))
        finally:
            book.close()
    return _joined(path, sheets)


def _joined(path: Path, sheets: dict[str, list[Row]]) -> Contents:
    found: dict[str, Contents] = {}
    for name, rows in sheets.items():
        try:
            found[name] = contents_of_rows(path, "an Excel file", rows, {})
        except DamagedFileError:
            continue  # a sheet of words
    if not found:
        raise DamagedFileError(f"{path}: none of its {len(sheets)} sheets holds a table of numbers")
    if len(found) == 1:
        return next(iter(found.values()))
    items = [_renamed(item, f"{name}/") for name, one in found.items() for item in one.items]
    return Contents(kind="an Excel file", path=path, items=items)


def _renamed(item: Item, prefix: str) -> Item:
    return Item(
        name=prefix + item.name,
        title=prefix + item.title,
        shape=item.shape,
        dtype=item.dtype,
        unit=item.unit,
        load=item.load,
    )


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    return (
        repr(value) if isinstance(value, (int, float)) else str(value).replace("\t", " ").replace("\n", " ")
    )
