"""Writing a run: every point into the journal at once, the whole as HDF5 at the end.

A point is acknowledged when `RunWriter.append` returns: from then on it outlives the process, a full disk
and a crash of HDF5, and half a second later a power cut.
"""

from __future__ import annotations

import datetime
import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from labspin.counts import number_of
from labspin.data.convert import converter
from labspin.data.events import ENDED, EventKind, RunStatus
from labspin.data.journal.liveness import writer_hint
from labspin.data.journal.postscript import event_record
from labspin.data.journal.reader import sound_end
from labspin.data.journal.replay import END, EVENT, HEADER, MAX_GAP, POINT_RECORD, run_from_journal
from labspin.data.journal.writer import JournalWriter, journal_path
from labspin.data.plain import plain
from labspin.data.run import Run
from labspin.data.schema import FORMAT, RunHeader
from labspin.data.storage import storage_error
from labspin.errors import ArgumentError, RunFileError, StorageError

__all__ = ["RunWriter"]

# The temporary file and the journal have longer names, and a file system takes 255 bytes.
_LONGEST_NAME = 200


class RunWriter:
    """The one writer of one run; made by `create` or `resume`."""

    def __init__(self, path: Path, header: RunHeader, journal: JournalWriter, done: set[int]) -> None:
        self.path = path
        self.header = header
        self.done = done
        """Indices of the points that stand in the journal."""
        self._journal = journal
        self._lock = threading.Lock()
        self._publishing = threading.Lock()
        self._convert = tuple(converter(column) for column in header.layout.columns)
        self._limit = header.layout.size
        self._checkpointer: _Checkpointer | None = None

    @classmethod
    def create(
        cls,
        path: Path | str,
        header: RunHeader,
        *,
        sync_interval: float = 0.5,
        checkpoint_interval: float | None = None,
    ) -> RunWriter:
        """Begin a run whose HDF5 file will stand at ``path``.

        Parameters
        ----------
        path
            A file ``….h5`` that does not exist yet, in a folder that does.
        header
            Everything known before the first point.
        sync_interval
            Longest time for which an acknowledged point may not outlive a power cut, s.
        checkpoint_interval
            Time between whole HDF5 files of what has been measured so far, s; ``None`` for none.

        Raises
        ------
        StorageError
            The folder is missing, not writable or full, or the run exists already; nothing is left behind.
        """
        path = Path(path)
        _check_place(path, header)
        first = [HEADER, FORMAT, header.to_dict(), writer_hint()]
        journal = JournalWriter.create(journal_path(path), first, sync_interval=sync_interval)
        writer = cls(path, header, journal, set())
        writer._start_checkpoints(checkpoint_interval)
        return writer

    @classmethod
    def resume(
        cls, path: Path | str, *, sync_interval: float = 0.5, checkpoint_interval: float | None = None
    ) -> RunWriter:
        """Continue a run that died, was aborted or failed; `done` says which points it has.

        Parameters
        ----------
        path
            Run file, or its journal.
        sync_interval
            Longest time for which an acknowledged point may not survive a power cut, s.
        checkpoint_interval
            Time between whole HDF5 files of what has been measured so far, s; None for none.

        Raises
        ------
        StorageError
            It is still being written, or cannot be written.
        RunFileError
            It has finished, is damaged or does not exist.
        """
        from labspin.data.reader import run_path

        path = run_path(path)
        journal_file = journal_path(path)
        made_here = not journal_file.exists()
        if made_here:
            journal = _journal_from_file(path, sync_interval)
        else:
            journal = JournalWriter.reopen(journal_file, sound_end, sync_interval=sync_interval)
        try:
            run = run_from_journal(path, live=False)
            if run.status == RunStatus.FINISHED:
                raise RunFileError(f"{path}: its run has finished; recover it instead of resuming it")
            writer = cls(path, run.header, journal, set(run.points.index.tolist()))
            writer.event(EventKind.RESUMED, f"resumed with {number_of(len(run.points), 'point')}")
        except BaseException:
            journal.close(remove=made_here)
            raise
        writer._start_checkpoints(checkpoint_interval)
        return writer

    def append(self, index: int, time: float, values: Sequence[object]) -> None:
        """Record one point; when this returns, it is acknowledged.

        Parameters
        ----------
        index
            Flat index on the grid, or running number of a list scan.
        time
            Time after the start of the run, s.
        values
            One for each column of the layout, in its order.

        Raises
        ------
        ArgumentError
            The point lies outside the plan, was recorded already, or does not fit the layout.
        StorageError
            The disk is full or gone; this point was not taken, all before it stand, and it may be tried
            again.
        """
        if len(values) != len(self._convert):
            raise ArgumentError(
                f"point {index}: wanted {len(self._convert)} values, one for each column, got {len(values)}"
            )
        row = [convert(value) for convert, value in zip(self._convert, values, strict=True)]
        done = self.done
        with self._lock:
            limit = self._limit
            if not 0 <= index < (len(done) + MAX_GAP if limit is None else limit):
                raise ArgumentError(f"point {index}: wanted an index from 0 to {self._last()} by the plan")
            if index in done:
                raise ArgumentError(f"point {index}: recorded already; raw data are never changed")
            self._journal.write((POINT_RECORD, int(index), float(time), row))
            done.add(int(index))

    def _last(self) -> int:
        return (len(self.done) + MAX_GAP if self._limit is None else self._limit) - 1

    def event(self, kind: EventKind | str, message: str, **data: object) -> None:
        """Record that something happened.

        Parameters
        ----------
        kind
            An `EventKind`, or its value.
        message
            One sentence.
        data
            What a program has to find again; the kind says which names.

        Raises
        ------
        ArgumentError
            There is no such kind.
        StorageError
            The disk is full or gone.
        """
        record = event_record(kind, message, data)
        with self._lock:
            self._journal.write(record)

    def checkpoint(self) -> None:
        """Publish what has been measured so far as a whole HDF5 file.

        Raises
        ------
        StorageError
            It cannot be written; the journal is not touched by that.
        """
        from labspin.data.nexus.publish import publish

        with self._publishing:
            publish(run_from_journal(self.path, live=True, spooled=True))

    def read(self) -> Run:
        """Return the run as it is in the journal now."""
        return run_from_journal(self.path, live=True)

    def finish(self, status: RunStatus | str, *, snapshot: dict[str, object] | None = None) -> Path:
        """End the run: publish the HDF5 file, whole, then let the journal go; return its path.

        Parameters
        ----------
        status
            How the run ended.
        snapshot
            Instrument name to its settings after the last point.

        Raises
        ------
        StorageError
            It cannot be written. Nothing is lost: the journal stays, and `finish` can be called again once
            there is room, or `labspin.data.recover` later.
        """
        from labspin.data.nexus.publish import publish

        if status not in ENDED:
            raise ArgumentError(f"status of the run: wanted finished, aborted or failed, got {status!r}")
        self._stop_checkpoints()
        ended = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        record = (END, str(status), ended, None if snapshot is None else plain(snapshot))
        with self._lock:
            self._journal.write(record)
            self._journal.sync()
        run = run_from_journal(self.path, live=False, spooled=True)
        if len(run.points) != len(self.done):
            raise StorageError(
                f"{self.path}: the journal holds {len(run.points)} of {len(self.done)} points; it is kept, "
                "the disk may be failing"
            )
        with self._publishing:
            target = publish(run)
        self._journal.close(remove=True)
        return target

    def close(self) -> None:
        """Let go without ending the run, which can then be resumed or recovered."""
        self._stop_checkpoints()
        self._journal.close()

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start_checkpoints(self, interval: float | None) -> None:
        if interval is not None:
            self._checkpointer = _Checkpointer(self, interval)

    def _stop_checkpoints(self) -> None:
        if self._checkpointer is not None:
            self._checkpointer.stop()
            self._checkpointer = None


class _Checkpointer:
    """Publishes from a thread; a checkpoint that fails is recorded and tried again; the run continues."""

    def __init__(self, writer: RunWriter, interval: float) -> None:
        self._writer, self._interval = writer, interval
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"checkpoint {writer.path.name}", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        published = 0
        while not self._stop.wait(self._interval):
            if len(self._writer.done) == published:
                continue
            published = len(self._writer.done)
            try:
                self._writer.checkpoint()
            except RunFileError as error:
                self._report(error)

    def _report(self, error: RunFileError) -> None:
        import logging

        logging.getLogger(__name__).warning("no checkpoint: %s", error)
        try:
            self._writer.event(EventKind.CHECKPOINT, f"no checkpoint: {error}")
        except StorageError as second:
            logging.getLogger(__name__).warning("%s", second)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


def _check_place(path: Path, header: RunHeader) -> None:
    if path.suffix != ".h5" or path.name.startswith("."):
        raise StorageError(f"{path}: wanted a file name that ends in .h5; choose another")
    if len(os.fsencode(path.name)) > _LONGEST_NAME:
        raise StorageError(f"{path}: the name is longer than {_LONGEST_NAME} bytes; choose a shorter one")
    try:
        is_there, is_taken = path.parent.is_dir(), path.exists() or path.is_symlink()
    except OSError as error:
        raise storage_error(path, error, "no run was started") from error
    if not is_there:
        raise StorageError(f"{path.parent}: the folder does not exist; make it first")
    if is_taken:
        raise StorageError(f"{path}: exists already and is never overwritten; choose another name")
    layout = header.layout
    needed = 2 * (layout.size or 0) * (32 + sum(column.itemsize for column in layout.columns)) + (1 << 20)
    free = shutil.disk_usage(path.parent).free
    if free < needed:
        raise StorageError(
            f"{path.parent}: the run needs about {needed / 1e6:.3g} MB, but {free / 1e6:.3g} MB are free; "
            "free some space or choose another folder"
        )


def _journal_from_file(path: Path, sync_interval: float) -> JournalWriter:
    """Turn an ended run file back into a journal, which then takes further points."""
    from labspin.data.nexus.read import read_run_file

    run = read_run_file(path)
    if run.status == RunStatus.FINISHED:
        raise RunFileError(f"{path}: its run has finished; there is nothing to resume")
    first = [HEADER, FORMAT, run.header.to_dict(), writer_hint()]
    journal = JournalWriter.create(journal_path(path), first, sync_interval=sync_interval)
    try:
        columns = [run.columns[column.name] for column in run.header.layout.columns]
        listed = [list(values) if values.ndim > 1 else values.tolist() for values in columns]
        rows = zip(
            run.points.index.tolist(), run.points.time.tolist(), zip(*listed, strict=True), strict=True
        )
        for index, time, row in rows:
            journal.write((POINT_RECORD, index, time, list(row)))
        for event in run.events:
            journal.write((EVENT, event.time, str(event.kind), event.message, event.data))
    except BaseException:
        journal.close(remove=True)
        raise
    return journal
