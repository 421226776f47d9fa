"""One door to the files of other programs: named columns with units, whatever wrote them.

``read_foreign(path, x="/sweep/frequency", y="/sweep/signal")`` gives arrays with their units and attributes;
`list_foreign` says what there is, `open_foreign` both at once. The formats are those of `FORMATS`. Names of
columns may carry a unit, ``field (T)``, ``field [T]`` or ``field_mT``; a column can be named with or without
it, or by its number. An error lists what the file has. Nothing in a file is ever evaluated as code.
"""

from __future__ import annotations

from pathlib import Path

from labspin.data.foreign.formats import format_of
from labspin.data.foreign.source import Contents, ForeignColumn, ForeignEntry, damage
from labspin.data.journal.layout import require_plain_file
from labspin.errors import DamagedFileError, RunFileError

__all__ = ["is_run_file", "known_format", "list_foreign", "open_foreign", "read_foreign"]

_HEAD = 4100  # bytes by which a format is known


def open_foreign(path: Path | str) -> Contents:
    """Return what a file of another program offers.

    Parameters
    ----------
    path
        The file, of one of `FORMATS`.

    Returns
    -------
        Its arrays by name, not read yet where that takes long, and what its header says.

    Raises
    ------
    NotARunFileError
        The file is of no format that labspin reads.
    DamagedFileError
        The file is cut short or corrupted.
    RunFileError
        The file cannot be read: it is missing, in use, or needs a package that is not installed.
    """
    path = Path(path)
    head = _head(path)
    if not head:
        raise DamagedFileError(f"{path}: empty; it holds no table")
    with damage(path):
        return format_of(path, head).read(path)


def read_foreign(path: Path | str, **columns: str) -> dict[str, ForeignColumn]:
    """Read numeric arrays from a file of another program; the formats are those of `FORMATS`.

    Parameters
    ----------
    path
        The file.
    **columns
        What the caller calls an array, and where it is: the path of an HDF5 data set, the name or the
        number (from 0) of a column, ``group/channel`` of a TDMS file (``group/channel:time`` for the time
        axis of a waveform), the name of a MATLAB variable, with ``/`` into structures; ``name[:, 3]`` for a
        part of an array; ``X + 1j*Y`` for complex numbers in two columns.

    Returns
    -------
    dict
        The arrays under the caller's names.

    Raises
    ------
    NotARunFileError
        The file is of no format that labspin reads.
    DamagedFileError
        The file is cut short or corrupted, or a column holds what is no number.
    RunFileError
        The file cannot be read, or has no such array; the text lists those it has.
    """
    return open_foreign(path).read(columns)


def list_foreign(path: Path | str) -> list[ForeignEntry]:
    """Return the arrays that `read_foreign` can read from a file; the errors are the same.

    Parameters
    ----------
    path
        The file.
    """
    return open_foreign(path).entries()


def known_format(path: Path) -> str:
    """Return the name of the format of a file, by how it begins; ``"text"`` of whatever no format knows.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    RunFileError
        The file cannot be read.
    """
    return format_of(path, _head(path)).name


def _head(path: Path) -> bytes:
    try:
        require_plain_file(path)
        with path.open("rb") as file:
            return file.read(_HEAD)
    except FileNotFoundError as error:
        raise RunFileError(f"{path}: no such file; check the name") from error
    except PermissionError as error:
        raise RunFileError(
            f"{path}: cannot be read: in use by another program, or you may not read it; close it there, or "
            "copy the file"
        ) from error
    except OSError as error:
        raise RunFileError(f"{path}: cannot be read: {error.strerror or error}") from error


def is_run_file(path: Path) -> bool:
    """Return whether a file is a run of labspin itself, by its journal, its seal or its mark.

    Parameters
    ----------
    path
        An existing file.

    Raises
    ------
    RunFileError
        The file cannot be read.
    """
    from labspin.data.foreign.hdf5 import read_hdf5
    from labspin.data.journal.writer import journal_path
    from labspin.data.nexus.seal import read_seal
    from labspin.data.nexus.write import MARK

    if journal_path(path).exists():
        return True
    if not _head(path).startswith(b"\x89HDF\r\n\x1a\n"):
        return False
    return read_seal(path) is not None or MARK in read_hdf5(path).attributes
