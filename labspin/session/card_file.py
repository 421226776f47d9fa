"""Writing run cards: values are changed in place, comments and order are kept.

The file is the reference. A form changes single values in it; everything else (comments, a scan, other
runs, blank lines) stays as it was written. Needs the package tomlkit (the extra ``gui``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labspin.data.storage import put_in_place, storage_error
from labspin.errors import CardError
from labspin.session.card_scan import put_sweep
from labspin.system import bounded_text

__all__ = ["new_card_text", "save_card", "write_card"]


def save_card(path: Path, values: Mapping[str, object], *, label: str = "", to: Path | None = None) -> Path:
    """Put parameter values into a run card, and return the file that was written.

    Parameters
    ----------
    path
        An existing run card.
    values
        Parameter to value: numbers, booleans, or text with a unit; of ``scan`` and other sweeps the
        description, or a table of axes; an empty one is removed.
    label
        The run whose own parameters are changed, if the card has several; what the run does not set itself
        is changed for all runs.
    to
        Another file to write; None: ``path``.

    Raises
    ------
    CardError
        The file is not valid TOML.
    StorageError
        It cannot be written; the old file is unchanged.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(bounded_text(path))
    except (TOMLKitError, OSError) as error:
        raise CardError(f"{path}: wanted a run card, got {error}; correct that line") from error
    own = _own_table(document, label)
    if "parameters" not in document:
        document["parameters"] = tomlkit.table()
    for name, value in values.items():
        table = own if own is not None and name in own else document["parameters"]
        if name == "scan" and name not in table:
            table = document
        if name == "scan" or isinstance(value, Mapping) or isinstance(table.get(name), Mapping):
            put_sweep(table, name, value)
        elif name not in table or table[name] != value:
            table[name] = value
    if to is not None and "station" in document:
        document["station"] = _relative(path.parent / str(document["station"]), to.parent)
    return write_card(to or path, tomlkit.dumps(document))


def _own_table(document: Any, label: str) -> Any:
    for table in document.get("runs", []):
        if table.get("label") == label:
            return table.get("parameters")
    return None


def new_card_text(procedure: str, station: Path | None, values: Mapping[str, object], *, folder: Path) -> str:
    """Return the text of a new card.

    Parameters
    ----------
    procedure
        Name of the procedure.
    station
        Station file; None: the card names none.
    values
        Parameter to value.
    folder
        Where the card will be, which its station is relative to.
    """
    import tomlkit

    document = tomlkit.document()
    document["procedure"] = procedure
    if station is not None:
        document["station"] = _relative(station, folder)
    table = tomlkit.table()
    document["parameters"] = table
    for name, value in values.items():
        if name == "scan" or isinstance(value, Mapping):
            put_sweep(document if name == "scan" else table, name, value)
        else:
            table[name] = value
    return tomlkit.dumps(document)


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()


def write_card(path: Path, text: str) -> Path:
    """Replace the file at ``path``, whole or not at all, and return its path.

    Parameters
    ----------
    path
        The run card; its folder is made if it is missing.
    text
        New content.

    Raises
    ------
    StorageError
        It cannot be written; the old file is unchanged.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        put_in_place(part, path)
    except OSError as error:
        raise storage_error(path, error, "the card stays as it was") from error
    return path
