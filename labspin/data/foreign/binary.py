"""Files of other programs: TDMS (LabVIEW), MATLAB, NumPy, and the headers that qudi and pymeasure write.

`binary_source` recognises a binary file by its first bytes and offers its arrays; `titles_of` and
`parameters_of` read what stands in the comments of a text table. Nothing in a file is ever evaluated as code.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import re
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from labspin.data.foreign.read import ForeignColumn, ForeignEntry, offer
from labspin.data.plain import plain
from labspin.errors import DamagedFileError, RunFileError

__all__ = ["Source", "binary_source", "is_matlab_hdf5", "parameters_of", "titles_of"]

Named = tuple[str, NDArray[Any]]

_TDMS = b"TDSm"
_MAT5 = b"MATLAB 5.0 MAT-file"
_MAT73 = b"MATLAB 7.3 MAT-file"
_NPY = b"\x93NUMPY"
_ZIP = b"PK\x03\x04"
_LARGE = 1 << 28  # bytes that an archive may hold whatever it was packed to
_MOST_PACKED = 100  # times to which measured data can be packed
_TIME = ":time"
_UNIT_PROPERTIES = ("unit_string", "NI_UnitDescription", "Unit", "unit", "units")


class Source(ABC):
    """A file that offers arrays by name."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @abstractmethod
    def entries(self) -> list[ForeignEntry]:
        """Return what the file has."""

    @abstractmethod
    def column(self, wanted: str) -> ForeignColumn | None:
        """Return the array called ``wanted``; None if there is none.

        Parameters
        ----------
        wanted
            Name of the array, as in `entries`.
        """

    def read(self, columns: Mapping[str, str]) -> dict[str, ForeignColumn]:
        """Return the arrays under the caller's names.

        Parameters
        ----------
        columns
            Name that the caller gives to an array -> name of the array in the file.

        Returns
        -------
            The caller's name -> array, in the order of ``columns``.
        """
        found = {}
        for role, wanted in columns.items():
            column = self.column(wanted)
            if column is None:
                offered = offer([str(entry) for entry in self.entries()])
                raise RunFileError(
                    f"{self.path}: no numbers at {wanted!r} (wanted as {role}); the file has {offered}"
                )
            found[role] = column
        return found


def is_matlab_hdf5(start: bytes) -> bool:
    """Return whether the first bytes of a file are those of MATLAB 7.3, which is HDF5 behind a preface.

    Parameters
    ----------
    start
        First bytes of the file.
    """
    return start.startswith(_MAT73)


def binary_source(path: Path, start: bytes) -> Source | None:
    """Return the source for a file that begins with ``start``; None if it is none of these formats.

    Parameters
    ----------
    path
        The file; its ending decides where the first bytes do not.
    start
        First bytes of the file.

    Raises
    ------
    DamagedFileError
        The file is cut short or corrupted.
    RunFileError
        What reads this format is not installed.
    """
    if start.startswith(_TDMS):
        return _Tdms(path)
    if start.startswith(_MAT5) or (path.suffix.lower() == ".mat" and not is_matlab_hdf5(start)):
        return _Arrays(path, _read_matlab)
    if start.startswith(_NPY) or (start.startswith(_ZIP) and path.suffix.lower() == ".npz"):
        return _Arrays(path, _read_numpy)
    return None


@contextlib.contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Turn whatever a reader of binary files finds wrong into one error."""
    try:
        yield
    except RunFileError:
        raise
    except Exception as error:
        text = str(error) or type(error).__name__
        raise DamagedFileError(f"{path}: cut short or corrupted: {text}") from error


class _Arrays(Source):
    """A file whose arrays are read at once."""

    def __init__(self, path: Path, read: Callable[[BinaryIO], Iterator[Named]]) -> None:
        super().__init__(path)
        with _damage(path), path.open("rb") as file:
            self._arrays: dict[str, NDArray[Any]] = dict(read(file))

    def entries(self) -> list[ForeignEntry]:
        return [
            ForeignEntry(name=name, shape=array.shape, dtype=str(array.dtype))
            for name, array in self._arrays.items()
        ]

    def column(self, wanted: str) -> ForeignColumn | None:
        name = wanted.strip().strip("/")
        values = self._arrays.get(name)
        return None if values is None else ForeignColumn(name=name, values=values)


def _refuse_bombs(file: BinaryIO) -> None:
    """Refuse an archive that unpacks to more than the memory should hold, and more than data do."""
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
        whole, packed = sum(m.file_size for m in members), sum(m.compress_size for m in members)
        if whole > _LARGE and whole > _MOST_PACKED * packed:
            raise ValueError(
                f"its {packed / 1e6:.3g} MB claim to unpack to {whole / 1e6:.3g} MB; unpack it yourself "
                "if it is meant, and hand over the arrays"
            )
    file.seek(0)


def _read_numpy(file: BinaryIO) -> Iterator[Named]:
    _refuse_bombs(file)
    loaded = np.load(file, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        if loaded.dtype.names:
            yield from ((name, loaded[name]) for name in loaded.dtype.names)
        elif loaded.ndim == 2:
            yield from ((str(place), loaded[:, place]) for place in range(loaded.shape[1]))
        else:
            yield "0", loaded
        return
    with loaded:
        for name in loaded.files:
            yield name, loaded[name]


def _read_matlab(file: BinaryIO) -> Iterator[Named]:
    from scipy.io import loadmat

    content = loadmat(cast(Any, file), squeeze_me=True, simplify_cells=True)
    yield from _walk({name: value for name, value in content.items() if not name.startswith("__")}, "")


def _walk(content: Mapping[str, Any], prefix: str) -> Iterator[Named]:
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from _walk(value, f"{prefix}{name}/")
        elif isinstance(value, (int, float, complex, np.ndarray, np.generic)):
            array = np.asarray(value)
            if array.dtype.kind in "biufc":
                yield f"{prefix}{name}", array


class _Tdms(Source):
    """A TDMS file: ``group/channel``, and ``group/channel:time`` where the channel is a waveform."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            nptdms = importlib.import_module("nptdms")
        except ImportError as error:
            raise RunFileError(f"{path}: TDMS files need the package npTDMS; pip install npTDMS") from error
        self._open = nptdms.TdmsFile.open

    def entries(self) -> list[ForeignEntry]:
        found = []
        with _damage(self.path), self.path.open("rb") as raw, self._open(raw) as file:
            for channel in _channels(file):
                shape = (len(channel),)
                name = f"{channel.group_name}/{channel.name}"
                found.append(
                    ForeignEntry(name=name, shape=shape, dtype=str(channel.dtype), unit=_unit(channel))
                )
                if "wf_increment" in channel.properties:
                    found.append(ForeignEntry(name=name + _TIME, shape=shape, dtype="float64", unit="s"))
        return found

    def column(self, wanted: str) -> ForeignColumn | None:
        name = wanted.strip().strip("/")
        with _damage(self.path), self.path.open("rb") as raw, self._open(raw) as file:
            for channel in _channels(file):
                full = f"{channel.group_name}/{channel.name}"
                if name in (full, channel.name):
                    attributes = {key: plain(value) for key, value in channel.properties.items()}
                    return ForeignColumn(
                        name=full, values=np.asarray(channel[:]), unit=_unit(channel), attributes=attributes
                    )
                if name == full + _TIME and "wf_increment" in channel.properties:
                    return ForeignColumn(name=name, values=np.asarray(channel.time_track()), unit="s")
        return None


def _channels(file: Any) -> Iterator[Any]:
    """Yield the channels that hold numbers."""
    for group in file.groups():
        for channel in group.channels():
            if np.dtype(channel.dtype).kind in "biufc":
                yield channel


def _unit(channel: Any) -> str:
    for key in _UNIT_PROPERTIES:
        if isinstance(value := channel.properties.get(key), str):
            return value
    return ""


_QUDI_END = "---- END HEADER ----"
_PYMEASURE = re.compile(r"^#\s*Procedure:\s*<")


def titles_of(comments: Sequence[str]) -> list[str] | None:
    """Return the names of the columns that the header of a qudi file gives; None for any other file.

    Parameters
    ----------
    comments
        Comment lines at the head of the file, with their ``#``.
    """
    if not any(_QUDI_END in line for line in comments):
        return None
    headers = parameters_of(comments).get("column_headers")
    return str(headers).split(";;") if headers else None


def parameters_of(comments: Sequence[str]) -> dict[str, Any]:
    """Return the parameters in the header of a file by qudi or pymeasure; all but literals stay text.

    Parameters
    ----------
    comments
        Comment lines at the head of the file, with their ``#``.

    Returns
    -------
        Name -> value; empty for a file of any other program.
    """
    if any(_QUDI_END in line for line in comments):
        pairs = (
            line.lstrip("# ").partition("=") for line in comments if not line.lstrip("# ").startswith("[")
        )
        return {name.strip(): _literal(value) for name, sign, value in pairs if sign}
    if comments and _PYMEASURE.match(comments[0]):
        lines = (line.partition("#")[2] for line in comments[1:])
        pairs = (line[1:].partition(": ") for line in lines if line.startswith("\t"))
        return {name: value for name, sign, value in pairs if sign}
    return {}


def _literal(text: str) -> Any:
    try:
        return plain(ast.literal_eval(text.strip()))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text.strip()
