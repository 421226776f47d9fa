"""Databases of QCoDeS, read by SQLite alone: ``run 3/dmm_v`` against ``run 3/gate``; of one run, ``dmm_v``.

A parameter of several dependents is listed once for each where they were recorded at different points.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labspin.data.foreign.source import Contents, Item, damage
from labspin.data.foreign.titles import unit_of
from labspin.errors import NotARunFileError, RunFileError

__all__ = ["read_qcodes"]

_MOST_RUNS = 500
_PATIENCE = 2.0  # s


def read_qcodes(path: Path) -> Contents:
    """Return the parameters of the runs in a QCoDeS database, the newest runs if there are very many.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    DamagedFileError
        It is cut short or corrupted.
    NotARunFileError
        It is a database of another program.
    RunFileError
        Another program is writing into it.
    """
    with damage(path), _database(path) as database:
        tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"runs", "experiments"} <= tables:
            raise NotARunFileError(
                f"{path}: an SQLite database, but none of QCoDeS; export a table of it as text"
            )
        query = (
            "SELECT run_id, name, result_table_name, run_description FROM runs ORDER BY run_id DESC LIMIT ?"
        )
        runs = list(database.execute(query, (_MOST_RUNS,)))[::-1]
        items = []
        for number, _, table, description in runs:
            prefix = f"run {number}/" if len(runs) > 1 else ""
            if table in tables:
                items += list(_of_run(path, database, prefix, table, json.loads(description or "{}")))
        attributes = {f"run {number}": name for number, name, _, _ in runs}
    return Contents(kind="a QCoDeS database", path=path, items=items, attributes=attributes)


@contextlib.contextmanager
def _database(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database for reading; one that another program writes into is in use, not corrupted."""
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_PATIENCE)
    try:
        database.execute("PRAGMA trusted_schema = OFF")
        yield database
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise RunFileError(
                f"{path}: in use: another program is writing into it; wait, or read a copy of it"
            ) from error
        raise
    finally:
        database.close()


def _of_run(
    path: Path, database: sqlite3.Connection, prefix: str, table: str, description: dict[str, object]
) -> Iterator[Item]:
    parameters, dependencies = _described(description)
    listed: dict[str, int] = {}
    for name, setpoints in dependencies.items():
        count = _count(database, table, name)
        if not count:
            continue
        axes = []
        for axis in setpoints:
            known = axis if listed.get(axis, count) == count else f"{axis} of {name}"
            if axis not in listed or known != axis:
                yield _item(path, table, f"{prefix}{known}", axis, name, count, parameters)
            listed.setdefault(axis, count)
            axes.append(f"{prefix}{known}")
        yield _item(
            path, table, prefix + name, name, name, count, parameters, axes[0] if len(axes) == 1 else ""
        )


def _item(
    path: Path,
    table: str,
    title: str,
    column: str,
    present: str,
    count: int,
    parameters: dict[str, dict[str, object]],
    along: str = "",
) -> Item:
    said = parameters.get(column, {})
    return Item(
        name=title,
        shape=(count,),
        dtype="complex128" if said.get("paramtype", said.get("type")) == "complex" else "float64",
        unit=unit_of(str(said.get("unit", ""))),
        along=along,
        load=functools.partial(_values, path, table, column, present),
        attributes={"label": str(said.get("label", ""))},
    )


def _described(description: dict[str, Any]) -> tuple[dict[str, dict[str, object]], dict[str, list[str]]]:
    """Return the parameters of a run, and which were measured against which."""
    new = description.get("interdependencies_")
    if isinstance(new, dict):
        names = {tree: list(axes) for tree, axes in new.get("dependencies", {}).items()}
        return dict(new.get("parameters", {})), names
    old = description.get("interdependencies", {}).get("paramspecs", [])
    parameters = {spec["name"]: spec for spec in old}
    return parameters, {spec["name"]: list(spec["depends_on"]) for spec in old if spec.get("depends_on")}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _count(database: sqlite3.Connection, table: str, column: str) -> int:
    named = f"FROM {_quoted(table)} WHERE {_quoted(column)} IS NOT NULL"
    rows = int(database.execute(f"SELECT COUNT(*) {named}").fetchone()[0])
    first = database.execute(f"SELECT {_quoted(column)} {named} LIMIT 1").fetchone()
    return rows * _numbers(first[0]).size if first else 0


def _values(path: Path, table: str, column: str, present: str) -> NDArray[np.generic]:
    query = f"SELECT {_quoted(column)} FROM {_quoted(table)} WHERE {_quoted(present)} IS NOT NULL ORDER BY id"
    with _database(path) as database:
        cells = [row[0] for row in database.execute(query)]
    if cells and not isinstance(cells[0], bytes):
        return np.array([np.nan if cell is None else float(cell) for cell in cells])
    return np.concatenate([_numbers(cell) for cell in cells]) if cells else np.empty(0)


def _numbers(cell: Any) -> NDArray[np.generic]:
    """Return the content of a cell: a number, or an array in NumPy's own format."""
    if isinstance(cell, bytes):
        found = np.load(io.BytesIO(cell), allow_pickle=False)
        if not isinstance(found, np.ndarray) or found.dtype.kind not in "biufc":
            raise ValueError("a cell holds no numbers")
        return found.ravel()
    return np.array([np.nan if cell is None else float(cell)])
