"""The journal: an append-only file of which every complete record survives whatever happens to the writer.

A journal is a magic word followed by records, each ``length | crc32 | payload`` (two little-endian 32-bit
numbers, then msgpack). A record is handed to the operating system by one ``write`` and thereby outlives the
process; it outlives a power cut from the next ``fdatasync`` on, which follows within ``sync_interval``: at
once where points come slowly, otherwise from a thread, so that the last point of a pause is covered too.

A record that was cut short by the death of its writer was never acknowledged; it is dropped. A bad record
with good ones behind it is something else, damage, and never passed over in silence.

A person may delete the journal of a running run, or put another file in its place. The writer looks at every
sync whether the file of that name is still its own; if not, it makes a new one of all that it has written,
and continues there.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import threading
import time
import weakref
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from labspin.data.journal.layout import MAGIC, RECORD_HEAD
from labspin.data.journal.liveness import HEARTBEAT, is_alive
from labspin.data.lock import try_lock
from labspin.data.plain import pack, packer
from labspin.data.storage import BINARY, storage_error, sync_descriptor, sync_folder, write_whole
from labspin.errors import NotARunFileError, RunFileError, StorageError

__all__ = [
    "END",
    "EVENT",
    "HEADER",
    "POINT_RECORD",
    "JournalWriter",
    "journal_path",
]

HEADER, POINT_RECORD, EVENT, END = 0, 1, 2, 3
"""What a record is, by its first item."""
_log = logging.getLogger(__name__)
_BLOCK = 1 << 20
_KEPT = 1 << 25
"""Bytes of the journal kept in memory, for a share that does not give back what was deleted there."""

_SLOW = 0.01


def journal_path(path: Path) -> Path:
    """Return the path of the journal that belongs to the run file at ``path``.

    Parameters
    ----------
    path
        The run file, which need not exist.

    Raises
    ------
    NotARunFileError
        It is a folder, by its very name.
    """
    if not path.name:
        raise NotARunFileError(f"{path}: wanted a run file, got a folder; name a file in it")
    return path.with_name(path.name + ".jnl")


_writers: weakref.WeakSet[JournalWriter] = weakref.WeakSet()


def _let_go_after_fork() -> None:
    """Close the journals in a forked child, whose copy would keep the lock of a dead parent."""
    for writer in list(_writers):
        writer.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go_after_fork)


class JournalWriter:
    """Appends records to a journal that no other process may write; one thread at a time.

    Parameters
    ----------
    path
        The journal.
    descriptor
        Open for writing, positioned by ``O_APPEND``, locked.
    size
        Bytes that hold complete records.
    sync_interval
        Longest time that an acknowledged record may stay off the disk, s.
    """

    def __init__(self, path: Path, descriptor: int, size: int, *, sync_interval: float) -> None:
        self.path = path
        self._descriptor = descriptor
        self._size = size
        self._pack = packer().pack
        self._last = time.monotonic()
        self._sync_cost = 0.0
        self._dirty = False
        self._failure: StorageError | None = None
        self._guard = threading.Lock()  # of descriptor and size
        self._kept = bytearray() if size <= _KEPT else None
        if self._kept is not None:
            self._kept += os.pread(descriptor, size, 0) if hasattr(os, "pread") else b""
        self._stop = threading.Event()
        self._syncer = threading.Thread(
            target=self._sync_forever, args=(0.8 * sync_interval,), name=f"sync {path.name}", daemon=True
        )
        self._syncer.start()
        _writers.add(self)

    @classmethod
    def create(cls, path: Path, first: Sequence[object], *, sync_interval: float) -> JournalWriter:
        """Make the journal at ``path`` with ``first`` as its first record.

        Parameters
        ----------
        path
            The journal; there must be no such file.
        first
            First record, of plain values.
        sync_interval
            Longest time that an acknowledged record may stay off the disk, s.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | BINARY
        try:
            descriptor = os.open(path, flags, 0o644)
        except FileExistsError as error:
            raise StorageError(
                f"{path}: a journal of this name exists already; resume that run, recover it, or choose "
                "another name"
            ) from error
        except OSError as error:
            raise storage_error(path, error, "no run was started") from error
        try:
            if not try_lock(descriptor):
                raise StorageError(f"{path}: another process took the new journal; choose another name")
            payload = pack(first)
            record = MAGIC + RECORD_HEAD.pack(len(payload), zlib.crc32(payload)) + payload
            write_whole(descriptor, record)
            sync_descriptor(descriptor)
            sync_folder(path.parent)
        except (OSError, StorageError) as error:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise storage_error(path, error, "no run was started") from error
            raise
        return cls(path, descriptor, len(record), sync_interval=sync_interval)

    @classmethod
    def reopen(cls, path: Path, sound_end: Callable[[Path], int], *, sync_interval: float) -> JournalWriter:
        """Continue the journal of a dead writer: lock it and cut off everything after its last sound record.

        Parameters
        ----------
        path
            The journal.
        sound_end
            Function of the path; returns the position (bytes) at which the last sound record ends.
        sync_interval
            Longest time that an acknowledged record may stay off the disk, s.
        """
        try:
            if is_alive(path):
                raise StorageError(
                    f"{path}: its run is still being written, by a process of this computer or of one "
                    "that shares the folder; let it end, or wait a minute after it died"
                )
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | BINARY)
        except OSError as error:
            raise storage_error(path, error, "the run was not resumed") from error
        try:
            if not try_lock(descriptor):
                raise StorageError(
                    f"{path}: its run is still being written by another process; let it end first"
                )
            end = sound_end(path)
            os.ftruncate(descriptor, end)
            sync_descriptor(descriptor)
        except OSError as error:
            os.close(descriptor)
            raise storage_error(path, error, "the run was not resumed") from error
        except RunFileError:
            os.close(descriptor)
            raise
        return cls(path, descriptor, end, sync_interval=sync_interval)

    def write(self, record: Sequence[object]) -> None:
        """Append one record of plain values; when this returns, it outlives the process.

        Parameters
        ----------
        record
            Kind of the record, then its plain values.

        Raises
        ------
        StorageError
            The record could not be written whole; nothing of it remains; the records before it are kept.
        """
        payload = self._pack(record)
        if self._failure is not None:
            raise self._failure
        data = RECORD_HEAD.pack(len(payload), zlib.crc32(payload)) + payload
        with self._guard:
            self._append(data)
        now = time.monotonic()
        gap, self._last = now - self._last, now
        # Never more than a tenth of the time goes into waiting for the disk here.
        if gap > _SLOW and gap > 10.0 * self._sync_cost:
            self.sync()

    def _append(self, data: bytes) -> None:
        try:
            written = os.write(self._descriptor, data)
            if written != len(data):
                # The next write mostly says why this one was short.
                write_whole(self._descriptor, data[written:])
        except OSError as error:
            raise self._undo(error) from error
        self._size += len(data)
        self._dirty = True
        if self._kept is not None:
            self._kept += data
            if len(self._kept) > _KEPT:
                self._kept = None

    def _undo(self, error: OSError) -> StorageError:
        try:
            os.ftruncate(self._descriptor, self._size)
        except OSError as second:
            self._failure = storage_error(self.path, second, "the journal cannot be written any more")
            return self._failure
        return storage_error(
            self.path,
            error,
            "the last point was not taken, all before it are kept: resume the run with labspin resume",
        )

    def sync(self) -> None:
        """Have all records stand on the disk itself."""
        self._sync()
        if self._failure is not None:
            raise self._failure

    def _sync(self) -> None:
        self._dirty = False
        started = time.monotonic()
        try:
            if not self._is_own():
                with self._guard:
                    if not self._is_own():  # the other thread may have been first
                        self._renew()
            sync_descriptor(self._descriptor)
        except OSError as error:
            # After a failed sync the kernel may have dropped the pages: only stopping is honest.
            self._failure = storage_error(self.path, error, "the last half second may not stand on the disk")
        self._sync_cost = time.monotonic() - started

    def _sync_forever(self, interval: float) -> None:
        touched = time.monotonic()
        while not self._stop.wait(interval):
            if self._failure is not None:
                continue
            if self._dirty or not self._is_own():
                self._sync()
            if time.monotonic() - touched > HEARTBEAT:
                touched = time.monotonic()
                with contextlib.suppress(OSError):
                    os.utime(self.path)

    def _is_own(self) -> bool:
        """Return whether the file of the journal's name is the one that is written; in doubt it is."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), self.path.stat())
        except FileNotFoundError:
            return False
        except OSError as error:
            return error.errno != errno.ESTALE

    def _renew(self) -> None:
        """Rewrite the journal with all that was written, and continue there."""
        fresh = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | BINARY, 0o644)
        try:
            if not try_lock(descriptor):
                raise OSError(errno.ENOLCK, "the new journal cannot be locked")
            for block in self._written():
                write_whole(descriptor, block)
            text = "the journal was deleted or replaced while the run went on; this one holds all of it"
            payload = pack((EVENT, time.time(), "journal", text, {}))
            record = RECORD_HEAD.pack(len(payload), zlib.crc32(payload)) + payload
            write_whole(descriptor, record)
            sync_descriptor(descriptor)
            _move_away(self.path)
            fresh.replace(self.path)
            sync_folder(self.path.parent)
        except BaseException:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)
            raise
        former, self._descriptor = self._descriptor, descriptor
        with contextlib.suppress(OSError):
            os.close(former)
        self._size += len(record)
        if self._kept is not None:
            self._kept += record
        _log.error("%s: %s", self.path, text)

    def _written(self) -> Iterator[bytes]:
        """Yield all bytes of the journal: out of the deleted file, which its writer still has open."""
        if self._kept is not None and len(self._kept) == self._size:
            yield bytes(self._kept)
            return
        place = 0
        while place < self._size:
            block = os.pread(self._descriptor, min(_BLOCK, self._size - place), place)
            if not block:
                raise OSError(errno.EIO, "the deleted journal cannot be read any more")
            place += len(block)
            yield block

    @property
    def size(self) -> int:
        """Bytes written."""
        return self._size

    def abandon(self) -> None:
        """Close the file without a sync, as a forked child must; the parent continues with its own."""
        if not self._stop.is_set():
            self._stop.set()
            self._failure = StorageError(f"{self.path}: belongs to the process that this one was forked from")
            os.close(self._descriptor)

    def close(self, *, remove: bool = False) -> None:
        """Sync and close the journal, which frees its lock.

        Parameters
        ----------
        remove
            Whether to delete the journal as well.
        """
        if self._stop.is_set():
            return
        self._stop.set()
        self._syncer.join()
        self._sync()
        self._failure = StorageError(f"{self.path}: the run has been closed; resume it to continue")
        if remove:
            _remove(self.path, self._descriptor)
        else:
            os.close(self._descriptor)


def _move_away(path: Path) -> None:
    """Give another name to what was put in the place of the journal."""
    number = 1
    while path.exists():
        other = path.with_name(f"{path.name}.replaced-{number}")
        if not other.exists():
            path.rename(other)
        number += 1


def _remove(path: Path, descriptor: int) -> None:
    """Remove while locked where the system allows it, so that the journal is not taken for an orphan."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        return
    os.close(descriptor)
