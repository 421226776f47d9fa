"""What the operating system refused, in words that say what to do."""

from __future__ import annotations

import errno

__all__ = ["reason_of"]


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
