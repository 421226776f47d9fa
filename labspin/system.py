"""What the operating system refused, in words; and how a file is read that a person may have put there."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

__all__ = ["bounded_text", "read_bounded", "reason_of"]

_MOST = 1 << 24  # bytes that cards, stations, recipes, queues and records may have: far more than they need


def _codes(*names: str) -> frozenset[int]:
    """Return the error numbers of these names, as far as this system has them."""
    return frozenset(number for name in names if (number := getattr(errno, name, None)) is not None)


_LOCKS = (
    "the file system does not support this (network shares often know no locks); set spool = 'FOLDER' on a "
    "local disk in workspace.toml, where runs are made and moved from when finished, or mount it with locks"
)
_REASONS: tuple[tuple[frozenset[int], str], ...] = (
    (_codes("ENOSPC", "EDQUOT", "EFBIG"), "the disk (or the quota) is full; free some space"),
    (_codes("EROFS"), "no permission to write, the file system is read-only; choose another folder"),
    (_codes("EMFILE", "ENFILE"), "too many files are open; close other programs, or raise 'ulimit -n'"),
    (_codes("ENAMETOOLONG"), "the name is too long for the file system; choose a shorter one"),
    (_codes("ESTALE"), "the network share was taken away or replaced; mount it again"),
    (_codes("ENOLCK", "EOPNOTSUPP", "ENOTSUP", "ENOSYS"), _LOCKS),
    (_codes("EIO", "ENXIO", "ENODEV"), "the disk reports an error; check disk and cable, and copy your data"),
    (_codes("ETIMEDOUT", "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN"), "the network share does not answer"),
    (_codes("EEXIST"), "something else has this name already; choose another"),
    (_codes("EISDIR"), "it is a folder; name a file"),
    (_codes("ENOTDIR"), "a part of the path is a file, not a folder; check the path"),
    (_codes("ELOOP"), "its links lead in a circle; check them"),
    (_codes("ENOMEM"), "there is not enough memory"),
)


def read_bounded(path: Path) -> bytes:
    """Return the text of a file that a person or labspin wrote: a card, a queue, a record.

    A pipe under its name would be waited for without end, and a device or a damaged file of many gigabytes
    would fill the memory.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
        Its content.

    Raises
    ------
    OSError
        It cannot be read, is no plain file, or has more than 16 MiB.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except ValueError as error:  # a name with a NUL, or one that the system cannot write
        raise OSError(errno.EINVAL, f"is no name of a file ({error}); correct it") from error
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError("is no plain file (a pipe, a device or a folder); move it away")
        content = file.read(_MOST + 1)
    if len(content) > _MOST:
        raise OSError(f"has {found.st_size} bytes, more than the 16 MiB of any file of this kind; check it")
    return content


def bounded_text(path: Path, *, errors: str = "strict") -> str:
    """Return the text of a file that a person or labspin wrote, its lines ended by a line feed each.

    Parameters
    ----------
    path
        The file: UTF-8, with or without a byte order mark.
    errors
        What becomes of other bytes, as `bytes.decode` takes it.

    Raises
    ------
    OSError
        As for `read_bounded`.
    UnicodeDecodeError
        It is not UTF-8.
    """
    text = read_bounded(path).decode("utf-8-sig", errors)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def reason_of(error: OSError, *, writing: bool = False) -> str:
    """Return why the system refused, and what to do about it.

    Parameters
    ----------
    error
        As the system raised it.
    writing
        Whether something was to be written.

    Returns
    -------
        A clause for a sentence that has named the path already.
    """
    if error.errno in (errno.EACCES, errno.EPERM):
        wanted = "write; choose a folder that is yours" if writing else "read; ask its owner"
        return f"no permission to {wanted}"
    if error.errno == errno.ENOENT:
        return (
            "the folder does not exist; make it first" if writing else "there is no such file; check the path"
        )
    known = next((text for codes, text in _REASONS if error.errno in codes), "")
    return known or str(error.strerror or error or type(error).__name__)
