"""One tidy table of the results of many fits: a row a file, trace and parameter, in CSV, Parquet or HDF5.

Rows come in any order and are kept on disk until all are there; then they are written in the order of the
files, so that the same fits give the same table.
"""

from __future__ import annotations

import csv
import importlib
import itertools
import json
import math
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labspin.data.outputs import TABLE, csv_cell, refuse_foreign
from labspin.data.storage import whole_file
from labspin.errors import FitError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["COLUMNS", "TableWriter", "check_table"]

COLUMNS: dict[str, type] = {
    "source": str,
    "label": str,
    "trace": int,
    "fit": str,
    "quantity": str,
    "model": str,
    "chosen": str,
    "parameter": str,
    "value": float,
    "stderr": float,
    "unit": str,
    "kind": str,
    "chi2red": float,
    "p_value": float,
    "points": int,
    "converged": bool,
    "warnings": str,
}
"""Columns of the table, see `FileResult.rows`."""
_BATCH = 20_000

Rows = list[dict[str, str | float | bool | None]]


def check_table(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Refuse a path at which no table may be written; ask before anything is fitted.

    Parameters
    ----------
    path
        The table; an existing one would be replaced.
    inputs
        Files that are fitted.

    Raises
    ------
    FitError
        As for `TableWriter`.
    """
    suffix = path.suffix.lower()
    if suffix not in _writers():
        raise FitError(f"table {path}: wanted a name ending in {', '.join(_writers())}")
    if suffix == ".parquet":
        _pyarrow(path)
    is_table = _is_hdf5_table(path) if suffix == ".h5" else TABLE.recognises
    refuse_foreign(path, replace(TABLE, recognises=is_table), inputs=inputs, error=FitError)


def _writers() -> dict[str, Callable[[Path, Iterator[Rows]], None]]:
    return {".csv": _write_csv, ".parquet": _write_parquet, ".h5": _write_hdf5}


class TableWriter:
    """Gathers rows and writes them to ``path`` when closed; a context manager that leaves nothing half done.

    Parameters
    ----------
    path
        The table; an existing one is replaced.
    inputs
        Files that are fitted.

    Raises
    ------
    FitError
        The ending of ``path`` is none of .csv, .parquet, .h5, what writes it is not installed, or something
        else than such a table stands there.
    """

    def __init__(self, path: Path | str, inputs: Iterable[Path] = ()) -> None:
        self.path = Path(path)
        check_table(self.path, inputs)
        self._write = _writers()[self.path.suffix.lower()]
        self._spool = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._places: dict[int, list[tuple[int, int]]] = {}

    def __enter__(self) -> TableWriter:
        return self

    def add(self, order: int, rows: Iterable[dict[str, object]]) -> None:
        """Keep the rows of one file on disk until the table is written.

        Parameters
        ----------
        order
            Place of the file among those that are fitted, from 0; rows are written in this order at the end.
        rows
            One a trace and parameter, with every name of `COLUMNS`.
        """
        remaining = iter(rows)
        while batch := [[row[name] for name in COLUMNS] for row in itertools.islice(remaining, _BATCH)]:
            text = json.dumps(batch).encode()
            start = self._spool.seek(0, os.SEEK_END)
            self._spool.write(text)
            self._places.setdefault(order, []).append((start, len(text)))

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        with self._spool:
            if kind is None:
                self._publish()

    def _publish(self) -> None:
        with whole_file(self.path, "the table was not written", error=FitError) as temporary:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._write(temporary, self._batches())

    def _batches(self) -> Iterator[Rows]:
        batch: Rows = []
        for start, length in (place for order in sorted(self._places) for place in self._places[order]):
            self._spool.seek(start)
            batch += [dict(zip(COLUMNS, row, strict=True)) for row in json.loads(self._spool.read(length))]
            if len(batch) >= _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch


def _write_csv(path: Path, batches: Iterator[Rows]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for batch in batches:
            writer.writerows(
                {
                    name: "" if isinstance(value, float) and math.isnan(value) else csv_cell(value)
                    for name, value in row.items()
                }
                for row in batch
            )


def _pyarrow(path: Path) -> tuple[ModuleType, ModuleType]:
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise FitError(
            f"table {path}: Parquet needs pyarrow; pip install pyarrow, or name a .csv or .h5"
        ) from error


def _write_parquet(path: Path, batches: Iterator[Rows]) -> None:
    arrow, parquet = _pyarrow(path)
    types = {str: arrow.string(), int: arrow.int64(), float: arrow.float64(), bool: arrow.bool_()}
    schema = arrow.schema([(name, types[kind]) for name, kind in COLUMNS.items()])
    with parquet.ParquetWriter(path, schema) as writer:
        for batch in batches:
            writer.write_table(arrow.Table.from_pylist(batch, schema=schema))


def _is_hdf5_table(path: Path) -> Callable[[bytes], bool]:
    """Return whether the HDF5 file at ``path`` holds the columns of such a table, and nothing else."""

    def recognises(head: bytes) -> bool:
        import h5py

        if not head.startswith(b"\x89HDF"):
            return False
        try:
            with h5py.File(path, "r") as file:
                return set(file) == set(COLUMNS)
        except (OSError, RuntimeError, ValueError):
            return False

    return recognises


def _write_hdf5(path: Path, batches: Iterator[Rows]) -> None:
    import h5py

    types = {str: h5py.string_dtype(), int: np.int64, float: np.float64, bool: np.bool_}
    with h5py.File(path, "w") as file:
        columns = {
            name: file.create_dataset(name, (0,), types[kind], maxshape=(None,), chunks=(4096,))
            for name, kind in COLUMNS.items()
        }
        for batch in batches:
            for name, column in columns.items():
                start = column.shape[0]
                column.resize((start + len(batch),))
                column[start:] = np.array(
                    [row[name] for row in batch], object if COLUMNS[name] is str else types[COLUMNS[name]]
                )
