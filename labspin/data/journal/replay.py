"""From a journal to a run.

A record is a msgpack list whose first item says what it is: the header (0, always first), a point (1), an
event (2), the end (3). The columns are gathered in bulk and checked against the layout, so that a record
that no writer of ours can have made is refused as damage.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from labspin.arrays import AnyArray
from labspin.data.events import Event, EventKind, RunStatus, recorded_event
from labspin.data.journal.reader import JournalReader
from labspin.data.journal.spool import Spool
from labspin.data.journal.writer import END, EVENT, HEADER, POINT_RECORD, journal_path
from labspin.data.plain import MAX_DEPTH
from labspin.data.quality import quality_at
from labspin.data.run import STATUSES, Points, Run
from labspin.data.schema import FORMAT, Column, Layout, RunHeader
from labspin.errors import ArgumentError, DamagedFileError, NotARunFileError

__all__ = [
    "END",
    "EVENT",
    "HEADER",
    "MAX_GAP",
    "POINT_RECORD",
    "Replay",
    "join_chunks",
    "read_header",
    "run_from_journal",
]

_SMALL = 1 << 25
"""Bytes of a journal up to which its run is published out of the memory."""
MAX_GAP = 1_000_000
"""How far the running number of an adaptive list scan may run ahead of the number of its points."""

_SCALARS: dict[str, frozenset[type]] = {
    "float64": frozenset({float, int}),
    "complex128": frozenset({complex, float, int}),
    "int64": frozenset({int}),
    "str": frozenset({str}),
}
_KINDS = {"float64": "fib", "complex128": "cfib", "int64": "ib"}

_Chunk: TypeAlias = tuple[NDArray[np.int64], NDArray[np.float64], list[AnyArray]]
"""Index, time and columns of some points."""


@dataclass
class Replay:
    """What the records say, so far."""

    layout: Layout
    spool: Spool | None = None
    """Where the columns go, if not into the memory."""
    chunks: list[_Chunk] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    status: RunStatus | None = None
    ended: str | None = None
    snapshot: dict[str, Any] | None = None
    truth: dict[str, Any] | None = None

    def take(self, batch: list[list[object]]) -> None:
        """Take decoded records, in their order.

        Parameters
        ----------
        batch
            Decoded records; the first element of each is its kind.
        """
        points = [record for record in batch if record[0] == POINT_RECORD]
        if points:
            # At once, so that no more than one batch ever lies about as single objects.
            index, time, columns = _gather(self.layout, points)
            if self.spool is not None:
                columns = self._spooled(self.spool, columns)
            self.chunks.append((index, time, columns))
        for record in batch if len(points) < len(batch) else ():
            self._take_other(record)
        if batch and batch[-1][0] == POINT_RECORD:
            self.status = None

    def _spooled(self, spool: Spool, values: list[NDArray[np.generic]]) -> list[NDArray[np.generic]]:
        """Put the columns of some points into the spool, and return those that stay in memory: the texts."""
        pairs = list(zip(self.layout.columns, values, strict=True))
        spool.add([(column.name, part) for column, part in pairs if column.dtype != "str"])
        return [part for column, part in pairs if column.dtype == "str"]

    def _take_other(self, record: list[object]) -> None:
        kind = record[0]
        if kind == POINT_RECORD:
            self.status = None
        elif kind == EVENT:
            self._take_event(record)
        elif kind == END:
            self._take_end(record)
        else:
            raise DamagedFileError(f"a record of kind {kind!r} is not known")

    def _take_event(self, record: list[object]) -> None:
        match record:
            case [_, float(time), str(kind), str(message), dict(data)]:
                self.events.append(recorded_event(time, kind, message, data))
                if kind == EventKind.TRUTH:
                    self.truth = data
            case _:
                raise DamagedFileError("malformed event record: wanted [kind, time, name, message, data]")

    def _take_end(self, record: list[object]) -> None:
        match record:
            case [_, str(status), str(ended), (dict() | None) as snapshot] if status in STATUSES:
                self.status, self.ended, self.snapshot = RunStatus(status), ended, snapshot
            case _:
                raise DamagedFileError("malformed end record: wanted [kind, status, time, snapshot]")


def read_header(reader: JournalReader) -> RunHeader:
    """Read the first record of a journal.

    Parameters
    ----------
    reader
        Reader at the start of the journal; afterwards it is positioned after the header.

    Raises
    ------
    DamagedFileError, NotARunFileError
        There is none, it is not a header, or it is of a newer format.
    """
    record = next(reader.records(), None)
    match record:
        case None:
            raise DamagedFileError(f"{reader.path}: the journal is cut short before the end of its header")
        case [0, int(version), dict(content), *_]:
            pass
        case _:
            raise DamagedFileError(f"{reader.path}: the first record is not a header")
    if version > FORMAT:
        raise NotARunFileError(f"{reader.path}: written by a newer labspin; update labspin to read it")
    return header_from_plain(reader.path, content)


def header_from_plain(path: Path, content: object) -> RunHeader:
    """Return the header whose plain values were read from a file."""
    if _depth_exceeds(content, MAX_DEPTH + 8):
        raise DamagedFileError(f"{path}: the header is nested too deeply to be one of ours")
    try:
        return RunHeader.from_dict(content)
    except (ArgumentError, TypeError, ValueError, MemoryError, RecursionError) as error:
        raise DamagedFileError(f"{path}: the header contradicts itself: {error}") from error


def _depth_exceeds(value: object, limit: int) -> bool:
    level: list[object] = [value]
    for _ in range(limit):
        level = [
            item
            for container in level
            if isinstance(container, (dict, list))
            for item in (container.values() if isinstance(container, dict) else container)
            if isinstance(item, (dict, list))
        ]
        if not level:
            return False
    return True


def run_from_journal(path: Path, *, live: bool, salvage: bool = False, spooled: bool = False) -> Run:
    """Read the run whose journal lies beside ``path``.

    Parameters
    ----------
    path
        The HDF5 file that the run will become.
    live
        Whether its writer lives: then an incomplete record at the end is one that is being written.
    salvage
        Pass over damaged records, and say so in an event, instead of refusing the journal.
    spooled
        Keep the columns of a large run in a file instead of the memory, for `publish`; those that are not
        text are then `SpooledColumn`.

    Raises
    ------
    RunFileError
        The journal cannot be read, is none, or is damaged.
    """
    source = journal_path(path)
    with JournalReader(source) as reader:
        header = read_header(reader)
        replay = Replay(header.layout)
        if spooled and reader.size > _SMALL:
            replay.spool = Spool(path.parent, [c for c in header.layout.columns if c.dtype != "str"])
        try:
            _take_all(reader, replay, salvage=salvage)
            index, time, columns = join_chunks(header.layout, replay.chunks, replay.spool)
        except DamagedFileError as error:
            raise DamagedFileError(f"{source}: {error}") from error
        if not live:
            reader.require_sound()
    return Run(
        path=path,
        header=header if replay.truth is None else dataclasses.replace(header, truth=replay.truth),
        status=RunStatus.RUNNING if live else replay.status or RunStatus.DEAD,
        points=Points(index=index, time=time, quality=quality_at(replay.events, index)),
        columns=columns,
        events=tuple(replay.events),
        ended=replay.ended,
        snapshot_after=replay.snapshot,
        sources=(source,),
    )


def _take_all(reader: JournalReader, replay: Replay, *, salvage: bool) -> None:
    while True:
        for batch in reader.record_batches():
            replay.take(batch)
        place = reader.position
        if not salvage or not reader.skip_damage():
            return
        message = f"bytes {place} to {reader.position} of the journal were damaged and are left out"
        last = replay.events[-1].time if replay.events else 0.0
        replay.events.append(Event(time=last, kind=EventKind.DAMAGE, message=message))


def _gather(layout: Layout, records: Sequence[list[object]]) -> _Chunk:
    """Return index, time and columns of some points."""
    if set(map(len, records)) != {4}:
        raise DamagedFileError("a point does not hold what a point holds")
    _, indices, times, rows = zip(*records, strict=True)
    if set(map(type, rows)) != {list} or set(map(len, rows)) != {len(layout.columns)}:
        raise DamagedFileError(f"a point does not hold {len(layout.columns)} values")
    values = zip(*rows, strict=True)
    return (
        _scalars("index", indices, "int64"),
        _scalars("time", times, "float64"),
        [_column(column, items) for column, items in zip(layout.columns, values, strict=True)],
    )


def join_chunks(
    layout: Layout, chunks: Sequence[_Chunk], spool: Spool | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64], dict[str, Any]]:
    """Return index, time and columns of all points.

    Parameters
    ----------
    layout
        Layout of the run.
    chunks
        Index, time and columns of successive groups of points; with ``spool``, only its text columns.
    spool
        Holds the columns that are not text; None if all are in ``chunks``.

    Returns
    -------
        Flat index of each point, shape (n,); its time after the start of the run (s), shape (n,); column name
        -> values, shape (n, …), or a `SpooledColumn`.
    """
    held = [column for column in layout.columns if spool is None or column.dtype == "str"]
    empty: _Chunk = (
        np.empty(0, np.int64),
        np.empty(0),
        [np.empty((0, *c.shape), object if c.dtype == "str" else c.dtype) for c in held],
    )
    indices, times, parts = zip(*(chunks or [empty]), strict=True)
    index = np.concatenate(indices)
    limit = len(index) + MAX_GAP if layout.size is None else layout.size
    if index.size and (index.min() < 0 or index.max() >= limit or np.unique(index).size != index.size):
        raise DamagedFileError("a point lies outside the plan, or occurs twice")
    joined: dict[str, object] = {
        column.name: np.concatenate(items)
        for column, items in zip(held, zip(*parts, strict=True), strict=True)
    }
    if spool is not None:
        joined |= {name: spool.column(name) for name in spool.columns}
    return index, np.concatenate(times), {column.name: joined[column.name] for column in layout.columns}


def _scalars(name: str, items: Sequence[object], dtype: str) -> AnyArray:
    if not set(map(type, items)) <= _SCALARS[dtype]:
        raise DamagedFileError(f"a value of {name!r} is not a {dtype}")
    try:
        return np.array(items, object if dtype == "str" else dtype)
    except (ValueError, OverflowError) as error:
        raise DamagedFileError(f"a value of {name!r} is not a {dtype}") from error


def _column(column: Column, items: Sequence[object]) -> AnyArray:
    if not column.shape:
        return _scalars(column.name, items, column.dtype)
    for item in items:
        if not isinstance(item, np.ndarray) or item.shape != column.shape:
            raise DamagedFileError(f"a value of {column.name!r} is not an array of {column.shape}")
        if item.dtype.kind not in _KINDS[column.dtype]:
            raise DamagedFileError(f"a value of {column.name!r} is not of type {column.dtype}")
    stacked = np.empty((len(items), *column.shape), column.dtype)
    for row, item in enumerate(items):
        stacked[row] = item
    return stacked
