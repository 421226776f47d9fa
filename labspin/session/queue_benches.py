"""Which bench a queued run is for, and the process that makes the runs of a bench.

A run is for the station that its entry names, else its card, else the run file that it resumes. A station is
kept as text: from the folder of the queue where it lies below, so that a workspace can be moved.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path

from labspin.data import read_run
from labspin.data.lock import is_locked, try_lock
from labspin.data.storage import storage_error
from labspin.errors import ConfigurationError, LabspinError
from labspin.session.host_record import host_of
from labspin.session.queue_file import QueuedRun
from labspin.system import bounded_text

__all__ = ["BenchLocks", "bench_of", "is_held", "kept_path"]

_INSTANT = 0.1  # s: a process that asks for a lock holds it for an instant


def kept_path(folder: Path, path: Path) -> str:
    """Return a path as a queue keeps it: relative to its folder where it lies below.

    Parameters
    ----------
    folder
        Folder of the queue.
    path
        Any path; a relative one starts from the current folder.
    """
    whole, start = path.resolve(), folder.resolve()
    return whole.relative_to(start).as_posix() if whole.is_relative_to(start) else str(whole)


def bench_of(folder: Path, run: QueuedRun) -> str:
    """Return the station file of a queued run, as the queue keeps it; empty where nothing names one.

    Parameters
    ----------
    folder
        Folder of the queue.
    run
        A run of it. Its station file need not exist.
    """
    if run.station:
        try:
            return kept_path(folder, folder / run.station)
        except (OSError, ValueError, RuntimeError):  # no path at all: the run will report it
            return run.station
    if run.card:
        return _named_by_card(folder, folder / run.card)
    return _recorded(folder, folder / run.file) if run.file else ""


def _named_by_card(folder: Path, card: Path) -> str:
    """Return the station of a card that may be wrong in all else: its bench is to say what is wrong."""
    with contextlib.suppress(OSError, ValueError):
        found = card.stat()
        return _read_card(folder, card, found.st_mtime_ns, found.st_size, found.st_ino)
    return ""


@functools.lru_cache(maxsize=1024)
def _read_card(folder: Path, card: Path, *_stamp: int) -> str:
    try:
        named = tomllib.loads(bounded_text(card)).get("station")
    except ValueError:
        return ""
    return kept_path(folder, card.parent / named) if isinstance(named, str) and named else ""


def _recorded(folder: Path, file: Path) -> str:
    with contextlib.suppress(LabspinError, OSError, ValueError):
        return _read_header(folder, file)
    return ""


@functools.lru_cache(maxsize=256)
def _read_header(folder: Path, file: Path) -> str:
    """Return the recorded station of a run, which stays what it is while points are added."""
    named = str(read_run(file).header.station.get("path", ""))
    return kept_path(folder, Path(named)) if named else ""


def is_held(folder: Path, bench: str) -> bool:
    """Return whether a host holds the real instruments of a bench.

    Parameters
    ----------
    folder
        Folder of the queue.
    bench
        Station file, as the queue keeps it.
    """
    record = host_of(folder / bench) if bench else None
    return record is not None and not record.simulated


class BenchLocks:
    """One lock for each bench of a queue: the process that makes its runs holds it, and no other.

    It ends with the process, however that dies: a run that is noted as running while its bench's lock is free
    was interrupted.

    Parameters
    ----------
    queue
        File of the queue; the locks are files beside it.
    """

    def __init__(self, queue: Path) -> None:
        self._queue = queue
        self._held: dict[int, int] = {}

    def path(self, bench: str) -> Path:
        """Return the file of a bench's lock.

        Parameters
        ----------
        bench
            Station file, as the queue keeps it; empty: the lock of the process that makes the runs of any
            bench, and of runs that name none.
        """
        if not bench:
            return self._queue.with_name(f".{self._queue.name}.runner")
        digest = hashlib.sha256(bench.encode(errors="surrogatepass")).hexdigest()[:16]
        return self._queue.with_name(f".{self._queue.name}.{digest}.runner")

    def is_taken(self, bench: str) -> bool:
        """Return whether a process, this one included, makes the runs of a bench.

        Parameters
        ----------
        bench
            Station file, as the queue keeps it.
        """
        try:
            return is_locked(self.path(bench))
        except OSError:
            return False

    @contextlib.contextmanager
    def taken(self, bench: str) -> Iterator[None]:
        """Be the only process that makes the runs of a bench.

        Parameters
        ----------
        bench
            Station file, as the queue keeps it.

        Raises
        ------
        ConfigurationError
            Another process makes them.
        StorageError
            The folder cannot be written.
        """
        descriptor = self._open(bench)
        try:
            if not try_lock(descriptor, patience=0.5):
                of = f" at {Path(bench).stem}" if bench else ""
                raise ConfigurationError(
                    f"{self._queue}: another process is running this queue{of}; wait for it or stop it"
                )
            yield
        finally:
            for number in tuple(self._held):
                self.give_back(number)
            os.close(descriptor)

    def take(self, bench: str, number: int) -> bool:
        """Take a bench for one run; return whether it was free.

        Parameters
        ----------
        bench
            Station file, as the queue keeps it.
        number
            Number of the run.

        Raises
        ------
        StorageError
            The folder cannot be written.
        """
        descriptor = self._open(bench)
        if not try_lock(descriptor, patience=_INSTANT):
            os.close(descriptor)
            return False
        self._held[number] = descriptor
        return True

    def give_back(self, number: int) -> None:
        """Let other processes make the runs of the bench that was taken for a run, if one was.

        Parameters
        ----------
        number
            Number of the run.
        """
        descriptor = self._held.pop(number, None)
        if descriptor is not None:
            os.close(descriptor)

    def _open(self, bench: str) -> int:
        path = self.path(bench)
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise storage_error(path, error, "the queue was not run") from error
