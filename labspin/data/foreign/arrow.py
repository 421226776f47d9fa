"""Parquet and Feather: the columns of a table by pyarrow."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np

from labspin.data.foreign.source import Contents, Item, damage, need_package
from labspin.data.foreign.titles import split_title
from labspin.errors import DamagedFileError

__all__ = ["read_arrow"]


def read_arrow(path: Path) -> Contents:
    """Return the columns of numbers of a Parquet or a Feather file.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    DamagedFileError
        It is cut short or corrupted, or has no column of numbers.
    RunFileError
        pyarrow is not installed.
    """
    with path.open("rb") as file:
        is_feather = file.read(6) == b"ARROW1"
    try:
        library = importlib.import_module("pyarrow.feather" if is_feather else "pyarrow.parquet")
    except ImportError as error:
        raise need_package(path, "a Parquet or Feather file", "pyarrow") from error
    with damage(path):
        table = library.read_table(path)
    items = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        values = column.to_numpy()
        if values.dtype.kind in "fiu":
            short, unit = split_title(name)
            items.append(Item.of(short, values.astype(np.float64), unit=unit, title=name))
    if not items:
        raise DamagedFileError(f"{path}: none of its {table.num_columns} columns holds numbers")
    return Contents(kind="a Parquet file", path=path, items=items, numbered=True)
