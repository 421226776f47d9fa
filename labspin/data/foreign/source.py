"""What a file of another program offers: named columns with units, and the words of its header.

A reader of a format returns `Contents`: what kind of file it is, its items, and its attributes. An item
knows its name, shape and unit, and reads its numbers when they are asked for. Names are found as the file
has them, without the unit, by their last part where that is unique, or by number where the file has columns;
``name[:, 3]`` is a part of an array, ``re + 1j*im`` makes complex numbers of two columns, and ``abs(name)``,
``angle(…)``, ``real(…)``, ``imag(…)`` take them apart.
"""

from __future__ import annotations

import contextlib
import difflib
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labspin.arrays import AnyArray
from labspin.errors import DamagedFileError, LabspinError, RunFileError

__all__ = ["Contents", "ForeignColumn", "ForeignEntry", "Item", "damage", "need_package", "offer", "whole"]

_COMPARED = 1000  # names that a mistyped one is compared with
_SHOWN = 30
_LARGE = 1 << 32  # bytes that one column may have
_WHOLE = 1 << 31  # bytes of a file that is read at once
_PART = re.compile(r"^(?P<name>.*?)\s*\[(?P<places>[\d\s,:-]*[:,][\d\s,:-]*|\s*-?\d+\s*)\]$")
_COMPLEX = re.compile(r"^(?P<real>.+?)\s*\+\s*1j\s*\*\s*(?P<imaginary>.+)$")
_CALLED = re.compile(r"^\s*(?P<function>abs|angle|real|imag)\((?P<name>.+)\)\s*$")
_LONGEST = 1000  # characters of a name


@dataclass(frozen=True, kw_only=True, eq=False)
class ForeignColumn:
    """One array from a file that others wrote."""

    name: str
    values: AnyArray
    unit: str = ""
    """As `labspin.units` spells it if it knows it, else as the file says it; empty if it says nothing."""
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ForeignEntry:
    """What a file has to offer."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    unit: str = ""
    along: str = ""
    """Name of the entry against which this one was measured; empty if the file does not say."""

    def __str__(self) -> str:
        shape = "×".join(map(str, self.shape)) or "one value"
        return f"{self.name} ({shape}{', ' + self.unit if self.unit else ''})"


@dataclass(frozen=True, kw_only=True, eq=False)
class Item:
    """One array that a reader found, and how its numbers are read."""

    name: str
    shape: tuple[int, ...]
    load: Callable[[], AnyArray]
    dtype: str = "float64"
    unit: str = ""
    along: str = ""
    title: str = ""
    """As the file writes it, unit and all; another name for it."""
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, values: AnyArray, **more: Any) -> Item:
        """Return an item whose numbers are there already.

        Parameters
        ----------
        name
            Its name.
        values
            Numbers, any shape.
        more
            Further attributes of the item.
        """
        return cls(name=name, shape=values.shape, dtype=str(values.dtype), load=lambda: values, **more)

    @property
    def entry(self) -> ForeignEntry:
        """The item as it is listed."""
        return ForeignEntry(
            name=self.name, shape=self.shape, dtype=self.dtype, unit=self.unit, along=self.along
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Contents:
    """What a file offers.

    Attributes
    ----------
    kind
        What the file is, in words: ``"a text table"``.
    path
        The file.
    items
        Its arrays.
    attributes
        What its header says beside the numbers.
    numbered
        Its items are columns of one table, which may be named by number.
    doubt
        Why a name may be missing, for errors; empty if nothing is odd.
    """

    kind: str
    path: Path
    items: Sequence[Item]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    numbered: bool = False
    doubt: str = ""

    def entries(self) -> list[ForeignEntry]:
        """Return what the file has."""
        return [item.entry for item in self.items]

    def read(self, columns: Mapping[str, str]) -> dict[str, ForeignColumn]:
        """Return arrays under the caller's names.

        Parameters
        ----------
        columns
            Name that the caller gives to an array -> name of the array in the file.

        Returns
        -------
            The caller's name -> array, in the order of ``columns``.

        Raises
        ------
        RunFileError
            There is no such array.
        DamagedFileError
            It cannot be read.
        """
        return {role: self._column(wanted, role) for role, wanted in columns.items()}

    def _column(self, wanted: str, role: str) -> ForeignColumn:
        item = self.find(wanted)
        if item is not None:
            values = np.asarray(self._loaded(item))
            return ForeignColumn(
                name=item.name,
                values=values,
                unit=item.unit,
                attributes={**self.attributes, **item.attributes},
            )
        called = _CALLED.match(wanted) if len(wanted) <= _LONGEST else None
        if called is not None:
            return _transformed(called["function"], self._column(called["name"], role))
        both = _COMPLEX.match(wanted) if len(wanted) <= _LONGEST else None
        if both is not None:
            real = self._column(both["real"], role)
            return _joined(self.path, real, self._column(both["imaginary"], role))
        part = _PART.match(wanted) if len(wanted) <= _LONGEST else None
        if part is not None and self.find(part["name"]) is not None:
            return _part(self.path, self._column(part["name"], role), part["places"])
        offered = offer([str(item.entry) for item in self.items])
        doubt = f"; {self.doubt}" if self.doubt else ""
        what = "column" if self.numbered else "numbers at"
        raise RunFileError(
            f"{self.path}: no {what} {wanted!r} (wanted as {role}){doubt}{self._meant(wanted)}; "
            f"the file has {offered}"
        )

    def _meant(self, wanted: str) -> str:
        """Return a question about what may be meant by a name; empty if nothing is near it."""
        bare = wanted.strip().strip("/")[:_LONGEST]
        ends = {item.name.rstrip("/").rpartition("/")[2] for item in self.items}
        if bare in ends:
            called = [item.name for item in self.items if item.name.rstrip("/").endswith(f"/{bare}")]
            return f"; several are called so: {offer(called)}" if called else ""
        near = difflib.get_close_matches(bare, sorted(ends)[:_COMPARED], n=1)
        near = near or sorted(end for end in ends if len(bare) > 2 and bare in end)[:1]
        return f"; did you mean {near[0]!r}?" if near else ""

    def _loaded(self, item: Item) -> NDArray[np.generic]:
        if math.prod(item.shape) * 8 > _LARGE:
            raise DamagedFileError(
                f"{self.path}: {item.name!r} claims {math.prod(item.shape)} numbers; take a part of it, or "
                "check the file"
            )
        with damage(self.path):
            return item.load()

    def find(self, wanted: str) -> Item | None:
        """Return the item called ``wanted``; None if there is none, or several.

        Parameters
        ----------
        wanted
            Its name, its title with the unit, the last part of its name, or its number.
        """
        bare = wanted.strip().strip("/")
        if not bare:
            return None
        keys: Sequence[Callable[[Item], str]] = (
            lambda item: item.name.strip("/"),
            lambda item: item.title,
            lambda item: item.name.rstrip("/").rpartition("/")[2],
        )
        for number, key in enumerate(keys):
            found = [item for item in self.items if key(item) == bare]
            if len(found) == 1 or (found and number < 2):
                return found[0]
        if self.numbered and bare.isdecimal() and len(bare) < 9 and int(bare) < len(self.items):
            return self.items[int(bare)]
        return None


def _transformed(function: str, column: ForeignColumn) -> ForeignColumn:
    """Return size, angle (rad), real or imaginary part of a column."""
    taken: dict[str, Callable[[Any], Any]] = {
        "abs": np.abs, "angle": np.angle, "real": np.real, "imag": np.imag
    }  # fmt: skip
    return ForeignColumn(
        name=f"{function}({column.name})",
        values=np.asarray(taken[function](column.values)),
        unit="rad" if function == "angle" else column.unit,
        attributes=column.attributes,
    )


def _part(path: Path, column: ForeignColumn, places: str) -> ForeignColumn:
    """Return the part of an array that ``places`` names, as NumPy writes it: ``:, 3``."""
    try:
        index = tuple(_slice(one) for one in places.split(","))
        values = column.values[index]
    except (ValueError, IndexError) as error:
        shape = "×".join(map(str, column.values.shape)) or "one value"
        raise RunFileError(
            f"{path}: {column.name}[{places}]: no such part of {shape} numbers; write for example [:, 0]"
        ) from error
    return ForeignColumn(
        name=f"{column.name}[{places}]", values=values, unit=column.unit, attributes=column.attributes
    )


def _slice(text: str) -> int | slice:
    if ":" not in text:
        return int(text)
    return slice(*(int(piece) if piece.strip() else None for piece in text.split(":")))


def _joined(path: Path, real: ForeignColumn, imaginary: ForeignColumn) -> ForeignColumn:
    if real.values.shape != imaginary.values.shape or real.unit != imaginary.unit:
        raise RunFileError(
            f"{path}: wanted real and imaginary part of one shape and unit, got {real.name!r} "
            f"({real.values.shape}, {real.unit!r}) and {imaginary.name!r} ({imaginary.values.shape}, "
            f"{imaginary.unit!r})"
        )
    return ForeignColumn(
        name=f"{real.name} + 1j*{imaginary.name}",
        values=real.values + 1j * imaginary.values,
        unit=real.unit,
        attributes=real.attributes,
    )


@contextlib.contextmanager
def damage(path: Path) -> Iterator[None]:
    """Turn whatever a reader of files finds wrong into one error.

    Parameters
    ----------
    path
        The file, for the error.
    """
    try:
        yield
    except (LabspinError, NameError, NotImplementedError):  # the last two are never the file's fault
        raise
    except MemoryError as error:
        raise DamagedFileError(f"{path}: claims more numbers than the memory holds") from error
    except Exception as error:
        text = " ".join((str(error) or type(error).__name__).split())[:300]
        raise DamagedFileError(f"{path}: cut short or corrupted: {text}") from error


def whole(path: Path, most: int = _WHOLE) -> bytes:
    """Return all bytes of a file, unless there are too many of them.

    Parameters
    ----------
    path
        The file.
    most
        Bytes that it may have.

    Raises
    ------
    RunFileError
        It has more.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise RunFileError(
                f"{path}: {size} bytes, and a file of this kind is read whole up to {most >> 20} MiB; "
                "convert it to HDF5 first"
            )
        return file.read(size)


def need_package(path: Path, what: str, package: str) -> RunFileError:
    """Return the error for a file whose format needs a package that is not there.

    Parameters
    ----------
    path
        The file.
    what
        What it is: ``"an Excel file"``.
    package
        Name of the package.
    """
    return RunFileError(
        f"{path}: {what}, which needs the package {package}; install it with pip install 'labspin[formats]'"
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
    more = f" and {len(names) - _SHOWN} more; labspin show lists them all" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
