"""The journal: an append-only file of which every complete record survives whatever happens to the writer.

A journal is a magic word followed by records, each ``length | crc32 | payload`` (two little-endian 32-bit
numbers, then msgpack). A record is handed to the operating system by one ``write`` and thereby outlives the
process; it outlives a power cut from the next ``fdatasync`` on, which follows within ``sync_interval``: at
once where points come slowly, otherwise from a thread, so that the last point of a pause is covered too.

A record that was cut short by the death of its writer was never acknowledged; it is dropped. A bad record
with good ones behind it is something else, damage, and never passed over in silence.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import struct
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from labspin.data.lock import try_lock
from labspin.data.plain import unpack
from labspin.errors import DamagedFileError, NotARunFileError, RunFileError, StorageError

__all__ = [
    "MAGIC",
    "JournalReader",
    "JournalWriter",
    "journal_path",
    "storage_error",
    "sync_descriptor",
    "sync_folder",
]

MAGIC = b"labspin-journal\x01"
_HEAD = struct.Struct("<II")
_MAX_RECORD = (1 << 32) - 1
_SLOW = 0.01
_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
# Every payload begins with a short msgpack array whose first item is a small number.
_PAYLOAD = re.compile(rb"[\x90-\x9f][\x00-\x0f]")
_BINARY: int = getattr(os, "O_BINARY", 0)


def journal_path(path: Path) -> Path:
    """Return the path of the journal that belongs to the run file at ``path``."""
    return path.with_name(path.name + ".jnl")


def sync_descriptor(descriptor: int) -> None:
    """Have the data of an open file stand on the disk itself."""
    getattr(os, "fdatasync", os.fsync)(descriptor)


def sync_folder(folder: Path) -> None:
    """Have the names in ``folder`` stand on the disk itself, where the system can promise that."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:  # some network file systems know no fsync of a folder
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)


def storage_error(path: Path, error: OSError, consequence: str) -> StorageError:
    """Return the one error for a write to ``path`` that failed with ``error``."""
    if error.errno in _FULL:
        reason = "the disk (or the quota) is full; free some space"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        reason = "no permission to write; choose a folder that is yours"
    elif error.errno == errno.ENOENT:
        reason = "the folder does not exist; make it first"
    else:
        reason = f"{error.strerror or error}"
    return StorageError(f"{path}: {reason}; {consequence}")


class JournalWriter:
    """Appends records to a journal that nobody else may write.

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
        self._lock = threading.Lock()
        self._last = time.monotonic()
        self._sync_cost = 0.0
        self._dirty = False
        self._failure: StorageError | None = None
        self._stop = threading.Event()
        self._syncer = threading.Thread(
            target=self._sync_forever, args=(0.8 * sync_interval,), name=f"sync {path.name}", daemon=True
        )
        self._syncer.start()

    @classmethod
    def create(cls, path: Path, first: bytes, *, sync_interval: float) -> JournalWriter:
        """Make the journal at ``path`` with ``first`` as its first record."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | _BINARY
        try:
            descriptor = os.open(path, flags, 0o644)
        except FileExistsError as error:
            raise StorageError(
                f"{path}: a journal stands there already; resume that run, recover it, or choose another name"
            ) from error
        except OSError as error:
            raise storage_error(path, error, "no run was started") from error
        try:
            if not try_lock(descriptor):
                raise StorageError(f"{path}: another process took the new journal; choose another name")
            record = MAGIC + _HEAD.pack(len(first), zlib.crc32(first)) + first
            _write_whole(descriptor, record)
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
    def reopen(cls, path: Path, *, sync_interval: float) -> JournalWriter:
        """Go on with the journal of a dead writer: lock it and cut off a torn tail."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | _BINARY)
        except OSError as error:
            raise storage_error(path, error, "the run was not resumed") from error
        try:
            if not try_lock(descriptor):
                raise StorageError(
                    f"{path}: its run is still being written by another process; let it end first"
                )
            with JournalReader(path) as reader:
                for _ in reader.payloads():
                    pass
                reader.require_sound()
            os.ftruncate(descriptor, reader.position)
            sync_descriptor(descriptor)
        except OSError as error:
            os.close(descriptor)
            raise storage_error(path, error, "the run was not resumed") from error
        except RunFileError:
            os.close(descriptor)
            raise
        return cls(path, descriptor, reader.position, sync_interval=sync_interval)

    def write(self, payload: bytes) -> None:
        """Append one record; when this returns, it outlives the process.

        Raises
        ------
        StorageError
            The record could not be written whole; nothing of it remains, and what stood before still stands.
        """
        if len(payload) > _MAX_RECORD:
            raise StorageError(
                f"{self.path}: a record of {len(payload)} bytes is too long; 4 GiB is the most"
            )
        record = _HEAD.pack(len(payload), zlib.crc32(payload)) + payload
        with self._lock:
            if self._failure is not None:
                raise self._failure
            try:
                written = os.write(self._descriptor, record)
                if written != len(record):
                    self._write_rest(record, written)
            except OSError as error:
                raise self._undo(error) from error
            self._size += len(record)
            self._dirty = True
            now = time.monotonic()
            gap, self._last = now - self._last, now
            # Never more than a tenth of the time goes into waiting for the disk here.
            if gap > _SLOW and gap > 10.0 * self._sync_cost:
                self._sync()
                if self._failure is not None:
                    raise self._failure

    def _write_rest(self, record: bytes, written: int) -> None:
        """Finish a short write, which mostly means that the next one says why."""
        _write_whole(self._descriptor, record[written:])

    def _undo(self, error: OSError) -> StorageError:
        try:
            os.ftruncate(self._descriptor, self._size)
        except OSError as second:
            self._failure = storage_error(self.path, second, "the journal cannot be written any more")
            return self._failure
        return storage_error(self.path, error, "the last record was not taken, all before it stand")

    def sync(self) -> None:
        """Have all records stand on the disk itself."""
        with self._lock:
            self._sync()
            if self._failure is not None:
                raise self._failure

    def _sync(self) -> None:
        self._dirty = False
        started = time.monotonic()
        try:
            sync_descriptor(self._descriptor)
        except OSError as error:
            # After a failed sync the kernel may have dropped the pages: only stopping is honest.
            self._failure = storage_error(self.path, error, "the last half second may not stand on the disk")
        self._sync_cost = time.monotonic() - started

    def _sync_forever(self, interval: float) -> None:
        while not self._stop.wait(interval):
            if self._dirty and self._failure is None:
                self._sync()

    @property
    def size(self) -> int:
        """Bytes written."""
        return self._size

    def close(self, *, remove: bool = False) -> None:
        """Sync and close the journal, which frees its lock; with ``remove`` it goes."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._syncer.join()
        with self._lock:
            self._sync()
            if remove:
                _remove(self.path, self._descriptor)
            else:
                os.close(self._descriptor)


def _remove(path: Path, descriptor: int) -> None:
    """Remove while locked where the system allows it, so that nobody takes the journal for an orphan."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        return
    os.close(descriptor)


def _write_whole(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


class JournalReader:
    """Reads the records of a journal, of a live one too; call `records` again for what came since.

    Nothing in the file is trusted: lengths are compared with the file before anything is read, every record
    must match its checksum, and decoding makes data only.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.position = len(MAGIC)
        """Bytes up to which everything was read and sound."""
        try:
            self._file = path.open("rb", buffering=1 << 16)
        except OSError as error:
            raise RunFileError(f"{path}: cannot be read: {error.strerror or error}") from error
        try:
            magic = self._file.read(len(MAGIC))
        except OSError as error:
            self._file.close()
            raise RunFileError(f"{path}: cannot be read: {error.strerror or error}") from error
        if magic != MAGIC:
            self._file.close()
            raise self._foreign(magic)

    def _foreign(self, magic: bytes) -> RunFileError:
        if not magic:
            return DamagedFileError(f"{self.path}: the journal is empty; it holds no run and can be deleted")
        if magic[:-1] == MAGIC[:-1]:
            return NotARunFileError(f"{self.path}: written by a newer labspin; update labspin to read it")
        if MAGIC.startswith(magic):
            return DamagedFileError(f"{self.path}: the journal is cut short before its first record")
        return NotARunFileError(f"{self.path}: not a labspin journal; it does not begin like one")

    def __enter__(self) -> JournalReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def size(self) -> int:
        """Bytes in the file now."""
        return os.fstat(self._file.fileno()).st_size

    def payloads(self) -> Iterator[bytes]:
        """Yield the payload of each sound record from `position` on, up to the first that is not."""
        size = self.size
        read = self._file.read
        self._file.seek(self.position)
        while self.position + _HEAD.size <= size:
            length, checksum = _HEAD.unpack(read(_HEAD.size))
            end = self.position + _HEAD.size + length
            if not length or end > size:
                return
            payload = read(length)
            if len(payload) != length or zlib.crc32(payload) != checksum:
                return
            self.position = end
            yield payload

    def records(self) -> Iterator[list[Any]]:
        """Yield each sound record, decoded, from `position` on.

        Raises
        ------
        DamagedFileError
            A record whose checksum is right does not hold what a record holds.
        """
        for payload in self.payloads():
            record = unpack(payload)
            if not isinstance(record, list) or not record or type(record[0]) is not int:
                raise DamagedFileError(
                    f"{self.path}: the record that ends at byte {self.position} is none of ours"
                )
            yield record

    def tail(self) -> Literal["clean", "torn", "damaged"]:
        """Return what stands behind `position`: nothing, one incomplete record, or damage."""
        if self.position == self.size:
            return "clean"
        return "torn" if self._next_sound() is None else "damaged"

    def require_sound(self) -> None:
        """Raise `DamagedFileError` if sound records stand behind a bad one."""
        if self.tail() == "damaged":
            raise DamagedFileError(
                f"{self.path}: damaged at byte {self.position} of {self.size}, with good records behind; "
                "make a copy, then recover it with salvage to keep all records that are sound"
            )

    def skip_damage(self) -> bool:
        """Go on at the next sound record behind a bad one; return whether there is any."""
        place = self._next_sound()
        if place is None:
            return False
        self.position = place
        return True

    def _next_sound(self) -> int | None:
        """Return where the next sound record begins, at a cost bounded by a few passes over the file."""
        size, start = self.size, self.position
        self._file.seek(start)
        data = self._file.read(size - start)
        work = 4 * len(data) + (1 << 20)
        for candidate in _PAYLOAD.finditer(data, _HEAD.size + 1):
            place = candidate.start() - _HEAD.size
            length, checksum = _HEAD.unpack_from(data, place)
            stop = candidate.start() + length
            if not length or stop > len(data) or work < length:
                continue
            work -= length
            if zlib.crc32(memoryview(data)[candidate.start() : stop]) == checksum:
                return start + place
        return None
