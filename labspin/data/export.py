"""Runs for other programs: tidy tables as CSV, and copies of the run file.

The CSV has one row a point, in order of measurement; units stand behind the names, as in ``field (T)``.
Arrays go to tables of their own, one row for each of their elements.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labspin.arrays import AnyArray
from labspin.data.journal.writer import journal_path
from labspin.data.outputs import CSV, csv_cell, refuse_foreign
from labspin.data.readings import READINGS_TIME
from labspin.data.run import Run
from labspin.data.schema import POINT, POINT_QUALITY, POINT_TIME, Column
from labspin.data.storage import whole_file
from labspin.errors import StorageError

__all__ = ["export_copy", "export_csv", "tables_of"]

Table = dict[str, AnyArray]
_KEPT = "it was not exported"


def export_csv(source: Run | Path | str, target: Path | str, *, overwrite: bool = False) -> list[Path]:
    """Write the points of a run as CSV and return the files written.

    Parameters
    ----------
    source
        A run, or the path of one; a running or dead one will do.
    target
        The table of single values, such as ``run.csv``; arrays go to ``run.NAME.csv`` beside it.
    overwrite
        Whether files that exist are replaced.

    Raises
    ------
    StorageError
        A file exists already, or cannot be written.
    RunFileError
        The run cannot be read.
    """
    run = _as_run(source)
    target = Path(target)
    tables = {
        target.with_suffix(f".{name}.csv") if name else target: table
        for name, table in tables_of(run).items()
    }
    for path in tables:
        if path.exists() and not overwrite:
            raise StorageError(f"{path}: exists already; choose another name or allow overwriting (--force)")
        refuse_foreign(path, CSV, inputs=run.sources)
    for path, table in tables.items():
        _write_table(path, table)
    return list(tables)


def tables_of(run: Run) -> dict[str, Table]:
    """Return the points of a run as tables: one row a point, and for every array one of its own.

    Parameters
    ----------
    run
        Any run.

    Returns
    -------
        Name -> head -> values; the name of the single values is empty. What was read at regular times is
        called ``readings``.
    """
    key = _keys(run)
    single, arrays = dict(key), {}
    for column in run.header.layout.columns:
        if column.shape:
            arrays[column.name] = _long(run, column, key)
        else:
            single |= _titled(column, run.columns[column.name])
    readings = run.readings
    over_time = {_title(READINGS_TIME, "s"): readings.time} | {
        _title(name, readings.units[name]): values for name, values in readings.columns.items()
    }
    return {"": single, **arrays} | ({"readings": over_time} if len(readings) else {})


def export_copy(source: Path | str, target: Path | str, *, overwrite: bool = False) -> Path:
    """Write a copy of a run as one HDF5 file and return its path; the run may also be running or dead.

    Parameters
    ----------
    source
        Run file, or its journal.
    target
        Path of the copy.
    overwrite
        Whether an existing ``target`` may be replaced.

    Raises
    ------
    StorageError
        The target exists already, or cannot be written.
    RunFileError
        The run cannot be read.
    """
    from labspin.data.nexus.publish import publish
    from labspin.data.reader import read_run, run_path

    source, target = run_path(source), Path(target)
    if target.exists() and not overwrite:
        raise StorageError(f"{target}: exists already; choose another name or allow overwriting (--force)")
    run = read_run(source)
    if journal_path(source).exists():
        return publish(replace(run, path=target))
    with whole_file(target, _KEPT) as temporary:
        shutil.copyfile(source, temporary)
    return target


def _as_run(source: Run | Path | str) -> Run:
    from labspin.data.reader import read_run

    return source if isinstance(source, Run) else read_run(source)


def _title(name: str, unit: str) -> str:
    return f"{name} ({unit})" if unit not in ("", "1") else name


def _keys(run: Run) -> Table:
    """Return what says which point a row belongs to."""
    index = run.points.index
    table: Table = {POINT: index}
    places = np.unravel_index(index, run.shape) if run.header.layout.is_grid else ()
    for dimension, place in zip(run.header.layout.dimensions, places, strict=True):
        table[_title(dimension.name, dimension.unit)] = dimension.values[place]
    return table | {_title(POINT_TIME, "s"): run.points.time, POINT_QUALITY: run.points.quality}


def _titled(column: Column, values: NDArray[np.generic]) -> Table:
    if column.dtype != "complex128":
        return {_title(column.name, column.unit): values}
    parts = {"real": values.real, "imag": values.imag}
    return {_title(f"{column.name}_{part}", column.unit): items for part, items in parts.items()}


def _long(run: Run, column: Column, key: Table) -> Table:
    """Return one row for each element of the arrays of ``column``."""
    values = run.columns[column.name]
    size = int(np.prod(column.shape))
    table = {name: np.repeat(items, size) for name, items in key.items()}
    grids = np.meshgrid(*(axis.values for axis in column.inner_axes()), indexing="ij")
    for axis, grid in zip(column.inner_axes(), grids, strict=True):
        table[_title(axis.name, axis.unit)] = np.tile(grid.ravel(), len(values))
    return table | _titled(column, values.ravel())


def _write_table(path: Path, table: Table) -> None:
    columns: Sequence[Sequence[object]] = [items.tolist() for items in table.values()]
    columns = [[csv_cell(item) for item in items] if _has_text(items) else items for items in columns]
    with whole_file(path, _KEPT) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        writer.writerows(zip(*columns, strict=True))


def _has_text(items: Iterable[object]) -> bool:
    return any(isinstance(item, str) for item in items)
