"""One writer at a time, and a way to tell a live writer from a dead one.

The writer of a journal holds a lock of the operating system on it, which ends with the process however that
dies: ``flock`` where there is one, a locked byte far behind the data on Windows. A process that asks if a
journal is alive tries the lock. A process number in a file could not tell: numbers are used again.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from labspin.errors import StorageError
from labspin.system import reason_of

__all__ = ["is_locked", "lock_file", "try_lock"]

if sys.platform == "win32":
    import msvcrt

    _FAR = 0x7FFF_FFFE

    def _lock(descriptor: int, *, shared: bool) -> bool:
        place = os.lseek(descriptor, 0, os.SEEK_CUR)
        try:
            os.lseek(descriptor, _FAR, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            if shared:
                os.lseek(descriptor, _FAR, os.SEEK_SET)
                msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(descriptor, place, os.SEEK_SET)
        return True

else:
    import fcntl

    def _lock(descriptor: int, *, shared: bool) -> bool:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def try_lock(descriptor: int, *, patience: float = 1.0) -> bool:
    """Lock the open file for this process alone; return whether that succeeded.

    Parameters
    ----------
    descriptor
        An open file; the lock ends when it is closed.
    patience
        Time for which to keep trying, s: a reader that asks `is_locked` holds the lock for an instant.
    """
    deadline = time.monotonic() + patience
    while not _lock(descriptor, shared=False):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.01)
    return True


def is_locked(path: Path) -> bool:
    """Return whether a process, this one included, holds the lock of the file at ``path``.

    Parameters
    ----------
    path
        An existing file.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # a pipe would wait for ever
    try:
        return not _lock(descriptor, shared=True)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def lock_file(path: Path, *, patience: float = 30.0) -> Iterator[None]:
    """Keep other processes out of the file at ``path`` by a lock file beside it, which is removed at the end.

    Parameters
    ----------
    path
        The file; it need not exist, but its folder must.
    patience
        Longest wait for the lock, s.

    Raises
    ------
    StorageError
        Another process keeps the lock for longer than ``patience`` (s), or the folder cannot be written.
    """
    lock = path.with_name(f".{path.name}.lock")
    descriptor = _open_locked(lock, patience)
    try:
        yield
    finally:
        if sys.platform == "win32":
            os.close(descriptor)
            with contextlib.suppress(OSError):
                lock.unlink()
        else:
            with contextlib.suppress(OSError):
                lock.unlink()
            os.close(descriptor)


def _open_locked(lock: Path, patience: float) -> int:
    deadline = time.monotonic() + patience
    while True:
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StorageError(
                f"{lock.parent}: {reason_of(error, writing=True)}; nothing was changed"
            ) from error
        if not try_lock(descriptor, patience=max(0.0, deadline - time.monotonic())):
            os.close(descriptor)
            raise StorageError(
                f"{lock}: another process has been writing for {patience:g} s; try again later"
            )
        # The holder before us may have removed the file between our opening and our locking it.
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(descriptor), lock.stat()):
                return descriptor
        os.close(descriptor)
