"""Columns from files that others wrote: HDF5, text tables, and the formats of `foreign_formats`.

``read_foreign(path, x="/sweep/frequency", y="/sweep/signal")`` gives arrays with their units and attributes.
Names of text columns may carry a unit, ``field (T)`` or ``field [T]``; a column can be named with or without
it, or by its number. A comma is read as the decimal point where the numbers of a table leave no other
reading. An error lists what the file has.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labspin.data.nexus.seal import check_seal, probe
from labspin.data.plain import plain
from labspin.errors import DamagedFileError, NotARunFileError, RunFileError

if TYPE_CHECKING:
    import h5py

    from labspin.data.foreign.binary import Source

__all__ = ["ForeignColumn", "ForeignEntry", "list_foreign", "offer", "read_foreign", "walk_foreign"]

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_UNIT = re.compile(r"^(.*?)\s*(?:\(([^()\[\]]*)\)|\[([^\[\]]*)\])\s*$")  # brackets may hold "N s/(V^2 m)"
_COMMA_NUMBER = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_MISSING = ("", "na", "n/a", "null", "none")
_SHOWN = 30
_LONGEST_TITLE = 500  # characters of a column's title in which a unit is looked for
_MAX_TEXT = 1 << 31


@dataclass(frozen=True, kw_only=True, eq=False)
class ForeignColumn:
    """One array from a file that others wrote."""

    name: str
    values: NDArray[Any]
    unit: str = ""
    """As the file says it; empty if it says nothing."""
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ForeignEntry:
    """What a file has to offer."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    unit: str = ""

    def __str__(self) -> str:
        shape = "×".join(map(str, self.shape)) or "one value"
        return f"{self.name} ({shape}{', ' + self.unit if self.unit else ''})"


def read_foreign(path: Path | str, **columns: str) -> dict[str, ForeignColumn]:
    """Read numeric arrays from a file: HDF5, MATLAB, TDMS, NumPy or a text table.

    Parameters
    ----------
    path
        The file: HDF5, MATLAB, TDMS, .npy, .npz, or text with columns parted by commas, semicolons, tabs or
        spaces, with comments after ``#`` (headers of qudi and pymeasure become attributes).
    **columns
        What the caller calls an array, and where it stands: the path of an HDF5 data set, the name or the
        number (from 0) of a text column, ``group/channel`` of a TDMS file (``group/channel:time`` for the
        time axis of a waveform), the name of a MATLAB variable, with ``/`` into structures.

    Returns
    -------
    dict
        The arrays under the caller's names.

    Raises
    ------
    NotARunFileError
        The file is none of these.
    DamagedFileError
        The file is cut short or corrupted, or a column holds what is no number.
    RunFileError
        The file cannot be read, or has no such array; the text lists those it has.
    """
    path = Path(path)
    if _is_hdf5(path):
        _try_out(path)
        return _read_hdf5(path, columns)
    source = _binary_source(path)
    if source is not None:
        return source.read(columns)
    table = _read_table(path)
    return {role: table.column(wanted) for role, wanted in columns.items()}


def list_foreign(path: Path | str) -> list[ForeignEntry]:
    """Return the arrays that `read_foreign` can read from a file; the errors are the same.

    Parameters
    ----------
    path
        The file.
    """
    path = Path(path)
    if not _is_hdf5(path):
        source = _binary_source(path)
        if source is not None:
            return source.entries()
        table = _read_table(path)
        return [
            ForeignEntry(name=name, shape=(len(table.rows),), dtype="text", unit=unit)
            for name, unit in map(_split_unit, table.names)
        ]
    _try_out(path)
    return walk_foreign(path)


def walk_foreign(path: Path) -> list[ForeignEntry]:
    """List the data sets of an HDF5 file that has been tried out already.

    Parameters
    ----------
    path
        HDF5 file.
    """
    with _hdf5(path) as file:
        return _entries(file)


def _try_out(path: Path) -> None:
    """Let another process meet the file first, unless the seal of a run file vouches for it."""
    if not check_seal(path):
        probe(path, "foreign")


def _is_hdf5(path: Path) -> bool:
    from labspin.data.foreign.binary import is_matlab_hdf5

    start = _start(path)
    return start.startswith(_SIGNATURE) or is_matlab_hdf5(start)


def _binary_source(path: Path) -> Source | None:
    from labspin.data.foreign.binary import binary_source

    return binary_source(path, _start(path))


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(32)
    except FileNotFoundError as error:
        raise RunFileError(f"{path}: no such file; check the name") from error
    except OSError as error:
        raise RunFileError(f"{path}: cannot be read: {error.strerror or error}") from error


class _hdf5:  # noqa: N801 - used like a function
    """Open a foreign HDF5 file, turning whatever HDF5 finds wrong with it into one error."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: Any = None

    def __enter__(self) -> h5py.File:
        import h5py

        try:
            self._file = h5py.File(self._path, "r")
        except (OSError, RuntimeError, ValueError) as error:
            raise self._damaged(error) from error
        return self._file

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self._file.close()
        if isinstance(error, (OSError, RuntimeError, KeyError, TypeError, ValueError, MemoryError)):
            raise self._damaged(error) from error

    def _damaged(self, error: BaseException) -> DamagedFileError:
        return DamagedFileError(f"{self._path}: cut short or corrupted: {str(error) or type(error).__name__}")


def _entries(file: h5py.File) -> list[ForeignEntry]:
    import h5py

    found: list[ForeignEntry] = []

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "biufc":
            unit = _unit_of(dict(item.attrs))
            found.append(
                ForeignEntry(name="/" + name, shape=item.shape or (), dtype=str(item.dtype), unit=unit)
            )

    file.visititems(visit)
    return found


def _unit_of(attributes: dict[str, Any]) -> str:
    for key in ("units", "unit", "Units", "Unit"):
        value = attributes.get(key)
        if isinstance(value, (str, bytes)):
            return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return ""


def _read_hdf5(path: Path, columns: dict[str, str]) -> dict[str, ForeignColumn]:
    with _hdf5(path) as file:
        return {role: _dataset(path, file, role, wanted) for role, wanted in columns.items()}


def _dataset(path: Path, file: h5py.File, role: str, wanted: str) -> ForeignColumn:
    import h5py

    item = file.get(wanted)
    if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "biufc":
        offered = offer([str(entry) for entry in _entries(file)])
        raise RunFileError(f"{path}: no numbers at {wanted!r} (wanted as {role}); the file has {offered}")
    needed = math.prod(item.shape or ()) * item.dtype.itemsize
    if needed > (1 << 26) and needed > 1100 * item.id.get_storage_size() and not item.external:
        raise DamagedFileError(f"{path}: {wanted!r} claims {needed} bytes, which the file does not hold")
    attributes = {name: plain(value) for name, value in item.attrs.items() if _is_plain(value)}
    values = item[()]
    if "MATLAB_class" in attributes:
        values = np.squeeze(values)  # MATLAB knows no vectors
    return ForeignColumn(name=item.name, values=values, unit=_unit_of(attributes), attributes=attributes)


def _is_plain(value: Any) -> bool:
    return isinstance(value, (str, bytes, int, float, complex, np.generic, np.ndarray)) and (
        not isinstance(value, np.ndarray) or value.dtype.kind in "biufcSU"
    )


def offer(names: Sequence[str]) -> str:
    """Return a list of names in words, the first few in full, for an error.

    Parameters
    ----------
    names
        Names of what the file holds.
    """
    if not names:
        return "none at all"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _split_unit(title: str) -> tuple[str, str]:
    match = _UNIT.match(title) if len(title) <= _LONGEST_TITLE else None
    return (match[1], (match[2] or match[3] or "").strip()) if match and match[1] else (title, "")


@dataclass(frozen=True)
class _Table:
    """A text table, still as text."""

    path: Path
    names: tuple[str, ...]
    rows: tuple[tuple[int, list[str]], ...]
    """Line number and cells."""
    attributes: dict[str, Any]
    decimal_comma: bool = False

    def column(self, wanted: str) -> ForeignColumn:
        place = self._place(wanted)
        name, unit = _split_unit(self.names[place])
        values: list[float | complex] = []
        for line, cells in self.rows:
            try:
                cell = cells[place]
                values.append(_number(cell.replace(",", ".") if self.decimal_comma else cell))
            except (ValueError, IndexError) as error:
                shown = repr(cells[place][:40]) if place < len(cells) else "nothing"
                raise DamagedFileError(
                    f"{self.path}, line {line}: wanted a number in column {name!r}, got {shown}"
                ) from error
        array = np.array(values, np.complex128 if any(isinstance(v, complex) for v in values) else np.float64)
        return ForeignColumn(name=name, values=array, unit=unit, attributes=dict(self.attributes))

    def _place(self, wanted: str) -> int:
        bare = wanted.strip().lstrip("/")
        for names in (self.names, [_split_unit(name)[0] for name in self.names]):
            if bare in names:
                return list(names).index(bare)
        if bare.isdecimal() and int(bare) < len(self.names):
            return int(bare)
        raise RunFileError(f"{self.path}: no column {wanted!r}; the file has {offer(self.names)}")


def _number(cell: str) -> float | complex:
    text = cell.strip()
    if text.lower() in _MISSING:
        return math.nan
    # "j" alone is a name.
    is_complex = text.endswith(("j)", "j")) and any(letter.isdigit() for letter in text)
    return complex(text.replace(" ", "")) if is_complex else float(text)


def _read_table(path: Path) -> _Table:
    try:
        if path.stat().st_size > _MAX_TEXT:
            raise RunFileError(f"{path}: a text table of more than 2 GiB; convert it to HDF5 first")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotARunFileError(f"{path}: neither HDF5 nor text in UTF-8; convert it first") from error
    except OSError as error:
        raise RunFileError(f"{path}: cannot be read: {error.strerror or error}") from error
    if "\0" in text:
        raise NotARunFileError(f"{path}: neither HDF5 nor a text table")
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    comments = [line for _, line in lines if line.lstrip().startswith("#")]
    lines = [(number, line) for number, line in lines if not line.lstrip().startswith("#")]
    if not lines:
        raise DamagedFileError(f"{path}: empty; it holds no table")
    return _make_table(path, lines, comments)


def _make_table(path: Path, lines: list[tuple[int, str]], comments: list[str]) -> _Table:
    from labspin.data.foreign.binary import parameters_of, titles_of

    delimiter = _delimiter(lines[min(1, len(lines) - 1)][1], lines[0][1])
    rows = [(number, _cells(line, delimiter)) for number, line in lines]
    comma = delimiter != "," and _decimal_comma(path, rows)
    width = len(rows[0][1])
    attributes = parameters_of(comments)
    if any(_is_number(cell.replace(",", ".") if comma else cell) for cell in rows[0][1]):
        # numpy.savetxt and others put the names into the last comment.
        titles = titles_of(comments) or (_cells(comments[-1].lstrip("# "), delimiter) if comments else [])
        names = titles if len(titles) == width else [f"column {place}" for place in range(width)]
        return _Table(path, tuple(names), tuple(rows), attributes, comma)
    if len(rows) < 2:
        raise DamagedFileError(f"{path}: a table without rows, or no table at all")
    return _Table(path, tuple(rows[0][1]), tuple(rows[1:]), attributes, comma)


def _delimiter(line: str, first: str) -> str | None:
    """Return what parts the columns; ``None`` is white space.

    A comma may also be the decimal point or stand in a name, so that tab and semicolon go before it.
    """
    return next((mark for mark in "\t;," if mark in line and mark in first), None)


def _decimal_comma(path: Path, rows: list[tuple[int, list[str]]]) -> bool:
    """Return whether the comma is the decimal point: numbers have commas, and none has a point."""
    cells = [cell for _, row in rows for cell in row]
    commas = [cell for cell in cells if "," in cell and _COMMA_NUMBER.fullmatch(cell)]
    if not commas or any("." in cell and _is_number(cell) for cell in cells):
        return False
    if all(_THOUSANDS.fullmatch(cell) for cell in commas):
        raise DamagedFileError(
            f"{path}: {commas[0]!r} may be a thousand or a fraction; write it with a decimal point"
        )
    return True


def _cells(line: str, delimiter: str | None) -> list[str]:
    cells = line.split() if delimiter is None else next(csv.reader([line], delimiter=delimiter))
    return [cell.strip() for cell in cells]


def _is_number(cell: str) -> bool:
    try:
        _number(cell or "?")
    except ValueError:
        return False
    return cell.strip().lower() not in _MISSING
