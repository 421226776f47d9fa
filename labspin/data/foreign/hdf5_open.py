"""A data set of an HDF5 file by any program: the file held open for a moment, and the numbers in it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labspin.arrays import AnyArray
from labspin.data.foreign.packing import unpacked
from labspin.data.lock import is_locked
from labspin.errors import DamagedFileError, RunFileError

if TYPE_CHECKING:
    import h5py

__all__ = ["in_use", "is_complex", "is_in_use", "load_dataset", "opened", "refuse_elsewhere"]

_PACKED = 1100  # times to which HDF5's own filters can pack zeros
_SMALL = 1 << 26


def is_in_use(path: Path) -> bool:
    """Return whether another program writes into the file: HDF5 then holds its lock.

    Parameters
    ----------
    path
        The file.
    """
    try:
        return is_locked(path)
    except OSError:  # a share without locks cannot tell
        return False


def in_use(path: Path) -> RunFileError:
    """Return the error that another program writes into the file.

    Parameters
    ----------
    path
        The file.
    """
    return RunFileError(
        f"{path}: in use: another program has it open for writing; close it there, or copy the file and read "
        "the copy"
    )


class opened:  # noqa: N801 - used like a function
    """Open a foreign HDF5 file, turning whatever HDF5 finds wrong with it into one error.

    Parameters
    ----------
    path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: Any = None

    def __enter__(self) -> h5py.File:
        import h5py

        try:
            self._file = h5py.File(self._path, "r")
        except (OSError, RuntimeError, ValueError) as error:
            raise self._wrong(error) from error
        return self._file

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._file.close()
        if isinstance(error, (RunFileError, type(None))):
            return
        if isinstance(error, Exception):
            raise self._wrong(error) from error

    def _wrong(self, error: BaseException) -> RunFileError:
        text = str(error) or type(error).__name__
        if any(words in text for words in ("unable to lock", "already open for write", "SWMR write")):
            return in_use(self._path)
        return DamagedFileError(f"{self._path}: cut short or corrupted: {text}")


def refuse_elsewhere(path: Path, name: str, item: h5py.Dataset) -> None:
    """Refuse numbers stored in a file of another folder: this file may name any file it likes.

    A data set may be the bytes of any file of this computer, and a plot or a report would carry them on.

    Parameters
    ----------
    path, name, item
        The file, and the name of the data set in it.

    Raises
    ------
    DamagedFileError
        They do.
    """
    outside = [source[0] for source in item.external or ()]
    outside += [source.file_name for source in item.virtual_sources()] if item.is_virtual else []
    for source in map(Path, outside):
        if source.is_absolute() or ".." in source.parts or _is_no_file(path.parent / source):
            raise DamagedFileError(
                f"{path}: {name!r} is stored in another file, {str(source)!r}, outside this folder; copy "
                "that file beside this one, and let this one name it without folders"
            )


def _is_no_file(path: Path) -> bool:
    return path.exists() and not path.is_file()


def load_dataset(path: Path, name: str, field: str = "") -> AnyArray:
    """Return the numbers of a data set, unpacked.

    Parameters
    ----------
    path
        HDF5 file.
    name
        Name of the data set.
    field
        Field of a compound data set; empty: the whole.

    Returns
    -------
    values
        Any shape.
    """
    with opened(path) as file:
        item = file[name]
        refuse_elsewhere(path, name, item)
        needed = math.prod(item.shape or ()) * item.dtype.itemsize
        if needed > _SMALL and needed > _PACKED * item.id.get_storage_size() and not item.external:
            raise DamagedFileError(f"{path}: {name!r} claims {needed} bytes, which the file does not hold")
        values = item[field] if field else item[()]
        attributes = dict(item.attrs)
    values = np.asarray(values)
    if is_complex(values.dtype):
        real, imaginary = values.dtype.names or ()
        values = values[real] + 1j * values[imaginary]
    if "MATLAB_class" in attributes:
        if "MATLAB_empty" in attributes:
            return np.empty(0)
        values = np.squeeze(values)
    return unpacked(values, attributes)


def is_complex(kind: np.dtype[Any]) -> bool:
    """Return whether two fields of a compound type are the parts of a complex number.

    Parameters
    ----------
    kind
        Kind of the data set.
    """
    names = tuple(name.lower() for name in kind.names or ())
    return names in (("real", "imag"), ("r", "i"), ("re", "im")) and kind[0].kind in "fiu"
