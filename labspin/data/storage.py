"""Bytes to the disk: all of them, made sure of, or a plain word on why not.

Files appear whole or not at all: `whole_file` and `replace_file` write beside the target and take its place
when everything is written.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from labspin.errors import LabspinError, StorageError
from labspin.system import reason_of

__all__ = [
    "BINARY",
    "put_in_place",
    "replace_file",
    "storage_error",
    "sync_descriptor",
    "sync_folder",
    "whole_file",
    "write_new",
    "write_whole",
]

BINARY: int = getattr(os, "O_BINARY", 0)
"""Flag for `os.open`; Windows would translate line ends without it."""
_NO_SYNC = {
    getattr(errno, name) for name in ("EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS") if hasattr(errno, name)
}
_LONGEST = 180  # bytes of a target's name that its temporary name takes over
_WINDOWS: bool = sys.platform == "win32"
_HELD_OPEN = 5.0  # s for which Windows may refuse to replace a file that is open elsewhere
_LOOK = 0.05  # s between two tries


def sync_descriptor(descriptor: int) -> None:
    """Flush an open file to the disk itself (fdatasync).

    Parameters
    ----------
    descriptor
        Descriptor of the file.
    """
    getattr(os, "fdatasync", os.fsync)(descriptor)


def sync_folder(folder: Path) -> None:
    """Flush the names in ``folder`` to the disk itself, where the operating system supports it.

    Parameters
    ----------
    folder
        The folder.
    """
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:  # some network file systems know no fsync of a folder
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(descriptor)


def storage_error(path: Path, error: OSError, consequence: str) -> StorageError:
    """Return the one error for a write that failed.

    Parameters
    ----------
    path
        What was to be written.
    error
        As the system raised it.
    consequence
        What was kept, or not done.
    """
    return StorageError(f"{path}: {reason_of(error, writing=True)}; {consequence}")


def write_whole(descriptor: int, data: bytes) -> None:
    """Write all of ``data``, or raise `OSError`.

    Parameters
    ----------
    descriptor
        Descriptor of a file that is open for writing.
    data
        Bytes to write.
    """
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def write_new(path: Path, *parts: bytes) -> os.stat_result:
    """Create the file ``path`` from ``parts``, flush it to the disk, and return its status.

    Parameters
    ----------
    path
        The new file; there must be no such file yet.
    parts
        Bytes, written one after the other.

    Raises
    ------
    OSError
        It exists, or cannot be written whole.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY, 0o644)
    try:
        for part in parts:
            write_whole(descriptor, part)
        os.fsync(descriptor)
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def whole_file(
    target: Path, consequence: str, *, error: type[LabspinError] = StorageError, flush: bool = True
) -> Iterator[Path]:
    """Let a file appear whole or not at all.

    Parameters
    ----------
    target
        The file; an existing one is replaced.
    consequence
        What an error says was not done.
    error
        What is raised where the system refuses.
    flush
        Whether the block has not flushed the file itself.

    Yields
    ------
        A path in the same folder, of no file yet, to be written in the block. It is flushed and takes the
        place of ``target`` at the end, and goes if the block fails.
    """
    temporary = temporary_name(target)
    try:
        yield temporary
        if flush:
            _flush(temporary)
        put_in_place(temporary, target)
        sync_folder(target.parent)
    except OSError as refused:
        raise error(f"{target}: {reason_of(refused, writing=True)}; {consequence}") from refused
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def put_in_place(temporary: Path, target: Path) -> None:
    """Give a file the name of another, which it replaces.

    Windows does not replace a file that a viewer or a virus scanner holds open; most let it go soon.

    Parameters
    ----------
    temporary
        The file.
    target
        Its new name.

    Raises
    ------
    OSError
        As `os.replace` raises it; on Windows after some seconds of trying.
    """
    deadline = time.monotonic() + _HELD_OPEN
    while True:
        try:
            temporary.replace(target)
            return
        except PermissionError:
            if not _WINDOWS or time.monotonic() >= deadline:
                raise
        time.sleep(_LOOK)


def replace_file(
    target: Path, data: bytes, consequence: str, *, error: type[LabspinError] = StorageError
) -> os.stat_result:
    """Replace the file ``target`` by ``data``, whole or not at all.

    Parameters
    ----------
    target
        The file; an existing one is replaced.
    data
        Its new content.
    consequence
        Text at the end of an error: what was not done.
    error
        Class of the error that is raised if the system refuses.

    Returns
    -------
        Status of the new file.
    """
    with whole_file(target, consequence, error=error, flush=False) as temporary:
        return write_new(temporary, data)


def temporary_name(target: Path) -> Path:
    """Return a hidden name beside ``target`` for this process, short enough for any file system."""
    stem = os.fsencode(target.name)[:_LONGEST].decode(errors="ignore")
    return target.with_name(f".{stem}.{os.getpid()}.tmp")


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR | BINARY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
