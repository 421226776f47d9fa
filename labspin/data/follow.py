"""Following a run while it is being measured: what came since the last look, without reading the rest again.

A window that shows a growing run looks ten times a second. It reads only the new records of the journal, and
keeps the points in arrays that double when they are full. When the run has ended, its file is read instead.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labspin.arrays import AnyArray
from labspin.data.events import RunStatus
from labspin.data.journal.reader import JournalReader
from labspin.data.journal.replay import Replay, join_chunks, read_header
from labspin.data.journal.writer import journal_path
from labspin.data.lock import is_locked
from labspin.data.quality import quality_at
from labspin.data.reader import read_run, run_path
from labspin.data.run import Points, Run
from labspin.data.schema import RunHeader
from labspin.errors import RunFileError

__all__ = ["RunFollower"]

_ROOM = 1024  # points for which there is room at first


class RunFollower:
    """A run that may still grow; to be used by one thread.

    Parameters
    ----------
    path
        The HDF5 file, which need not exist yet, or its journal.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = run_path(path)
        self._reader: JournalReader | None = None
        self._header: RunHeader | None = None
        self._replay: Replay | None = None
        self._arrays: list[NDArray[np.generic]] = []
        self._size = 0
        self._ended: Run | None = None
        self._is_live = True

    def poll(self) -> Run | None:
        """Return the run if it has grown, ended or died since the last call, else None.

        The arrays of a run that was returned earlier are never changed.

        Raises
        ------
        RunFileError
            There is no such run yet, or it cannot be read.
        """
        if self._ended is not None:
            return None
        if not journal_path(self.path).exists():
            return self._end()
        if self._reader is None:
            self._reader = JournalReader(journal_path(self.path))
            self._header = read_header(self._reader)
            self._replay = Replay(self._header.layout)
            self._is_live = self._look()
            self._take()
            return self._run()
        was_live, self._is_live = self._is_live, self._look()  # looked at first: then all has been written
        return self._run() if self._take() or self._is_live != was_live else None

    def _look(self) -> bool:
        """Return whether a process still writes the journal."""
        try:
            return is_locked(journal_path(self.path))
        except FileNotFoundError:  # published meanwhile: the next look reads the file
            return True

    @property
    def has_ended(self) -> bool:
        """Whether nothing can come any more."""
        return self._ended is not None

    def close(self) -> None:
        """Close the journal."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _end(self) -> Run:
        self.close()
        self._ended = read_run(self.path)
        return self._ended

    def _take(self) -> bool:
        """Take the new records; return whether there were any."""
        if self._reader is None or self._replay is None or self._header is None:
            raise RunFileError(f"{self.path}: is not open")
        events = len(self._replay.events)
        for batch in self._reader.record_batches():
            self._replay.take(batch)
        chunks, self._replay.chunks = self._replay.chunks, []
        if chunks:
            index, time, columns = join_chunks(self._header.layout, chunks)
            self._append([index, time, *columns.values()])
        return bool(chunks) or len(self._replay.events) > events

    def _append(self, parts: list[NDArray[np.generic]]) -> None:
        size = self._size + len(parts[0])
        if not self._arrays or size > len(self._arrays[0]):
            room = max(_ROOM, 2 * size)
            grown = [np.empty((room, *part.shape[1:]), part.dtype) for part in parts]
            for new, old in zip(grown, self._arrays, strict=False):
                new[: self._size] = old[: self._size]
            self._arrays = grown
        for array, part in zip(self._arrays, parts, strict=True):
            array[self._size : size] = part
        self._size = size

    def _run(self) -> Run:
        if self._header is None or self._replay is None:
            raise RunFileError(f"{self.path}: is not open")
        if not self._arrays:
            index, time, empty = join_chunks(self._header.layout, [])
            arrays: list[AnyArray] = [index, time, *empty.values()]
        else:
            arrays = [array[: self._size] for array in self._arrays]
        names = [column.name for column in self._header.layout.columns]
        return Run(
            path=self.path,
            header=self._header,
            status=RunStatus.RUNNING if self._is_live else self._replay.status or RunStatus.DEAD,
            points=Points(
                index=arrays[0], time=arrays[1], quality=quality_at(self._replay.events, arrays[0])
            ),
            columns=dict(zip(names, arrays[2:], strict=True)),
            events=tuple(self._replay.events),
        )
