"""A run from the HDF5 file that `nexus_write` made, or from one that pretends so.

Only groups and data sets at fixed places are looked at, each checked for kind, shape and size before it is
read. Whatever HDF5 itself says against a file is one `DamagedFileError`.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from labspin.data.events import Event, RunStatus, recorded_event
from labspin.data.journal.replay import header_from_plain
from labspin.data.nexus.annotations import read_annotations
from labspin.data.nexus.fit_groups import FIT_PREFIX, read_fit_group
from labspin.data.nexus.grid import chunks_with_points
from labspin.data.nexus.numbers import numbers_of
from labspin.data.nexus.seal import check_seal, check_signature, probe, read_seal
from labspin.data.nexus.stored import (
    get_array,
    get_attributes,
    get_dataset,
    get_group,
    get_json,
    get_text,
    stored_pieces,
)
from labspin.data.nexus.write import MARK
from labspin.data.plain import from_json, plain
from labspin.data.quality import quality_at
from labspin.data.run import STATUSES, Points, Run
from labspin.data.schema import FORMAT, POINT_TIME, Column, RunHeader
from labspin.errors import ArgumentError, DamagedFileError, NotARunFileError, RunFileError

__all__ = [
    "NO_POINTS",
    "blamed_on",
    "count_points",
    "facts_of",
    "names_of_fits",
    "open_run_file",
    "raw_digest",
    "read_frame",
    "read_run_file",
    "read_summary",
]

NO_POINTS = Points(index=np.zeros(0, np.int64), time=np.zeros(0), quality=np.zeros(0, np.uint8))
_WHOLE = 1 << 26
"""Bytes of a grid up to which it is read whole."""
_KINDS = {"float64": "f", "complex128": "c", "int64": "if", "str": "O"}


@contextlib.contextmanager
def open_run_file(
    path: Path, mode: str = "r", *, trusted: bool = False, **options: object
) -> Iterator[h5py.File]:
    """Open a run file, turning whatever HDF5 finds wrong with it into one error.

    Parameters
    ----------
    path, mode, options
        As `h5py.File` takes them.
    trusted
        Whether to pass over the seal, which shows damage that HDF5 would not survive.

    Raises
    ------
    RunFileError
        There is no such file, or it may not be read; `NotARunFileError` if it is something else,
        `DamagedFileError` if it is cut short or corrupted.
    """
    check_signature(path)
    if not trusted and not check_seal(path):
        probe(path, "run")
    with blamed_on(path), _open(path, mode, options) as file:
        version = file.attrs.get(MARK)
        if version is None:
            raise NotARunFileError(
                f"{path}: an HDF5 file, but not a labspin run; read it with read_foreign or "
                "'labspin fit FILE --x PATH --y PATH'"
            )
        if not isinstance(version, (int, np.integer)) or version > FORMAT:
            raise NotARunFileError(f"{path}: written by a newer labspin; update labspin to read it")
        yield file


@contextlib.contextmanager
def blamed_on(path: Path) -> Iterator[None]:
    """Convert any HDF5 or validation error in the block into one error that names the file.

    Parameters
    ----------
    path
        The file that is read in the block.
    """
    try:
        yield
    except DamagedFileError as error:
        raise _located(path, error) from error
    except RunFileError:
        raise
    except ArgumentError as error:
        raise DamagedFileError(f"{path}: contradicts itself: {error}") from error
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError, LookupError) as error:
        raise DamagedFileError(f"{path}: cut short or corrupted: {_first_line(error)}") from error
    except MemoryError as error:
        raise DamagedFileError(f"{path}: claims more data than the memory can hold") from error


def _open(path: Path, mode: str, options: dict[str, object]) -> h5py.File:
    """Open a file in spite of locks: run files are replaced, never written to, so that these mean nothing.

    HDF5 wants one way of locking from all who open a file in one process, so theirs has to be found.
    """
    for locking in ({}, {"locking": False}, {"locking": True}):
        try:
            return h5py.File(path, mode, **options, **locking)
        except OSError as error:
            if "lock" not in str(error):
                raise
            refused = error
    raise refused


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def _located(path: Path, error: DamagedFileError) -> DamagedFileError:
    return error if str(path) in str(error) else DamagedFileError(f"{path}: {error}")


def read_run_file(path: Path, *, trusted: bool = False) -> Run:
    """Read the whole run in the HDF5 file at ``path``.

    Parameters
    ----------
    path
        The run file.
    trusted
        As for `open_run_file`: whether to skip the check of the seal.
    """
    with open_run_file(path, trusted=trusted) as file:
        return _read_entry(path, get_group(file, "entry"))


def _read_entry(path: Path, entry: h5py.Group) -> Run:
    run = read_frame(path, entry)
    data = get_group(entry, "data")
    columns = {column.name: _read_column(data, run, column) for column in run.header.layout.columns}
    fits = tuple(read_fit_group(get_group(entry, FIT_PREFIX + name), name) for name in names_of_fits(entry))
    return replace(run, columns=columns, fits=fits)


def read_frame(path: Path, entry: h5py.Group, *, points: bool = True) -> Run:
    """Return the run without its columns and fits, and without its ``points`` if they are not wanted.

    Parameters
    ----------
    path
        The run file.
    entry
        Its NXentry.
    points
        Whether to read which points were measured.
    """
    own = get_group(entry, "labspin")
    header = header_from_plain(path, get_json(own, "header"))
    # A checkpoint without its journal: its writer is gone, as far as this file tells.
    attributes = get_attributes(own)
    status = _status(attributes)
    snapshot = get_json(own, "snapshot_after")
    if snapshot is not None and not isinstance(snapshot, dict):
        raise DamagedFileError(f"{path}: the snapshot after the run is not a table")
    events = _read_events(entry)
    return Run(
        path=path,
        header=header,
        status=RunStatus.DEAD if status == RunStatus.RUNNING else status,
        points=_read_points(path, entry, header, events) if points else NO_POINTS,
        columns={},
        events=events,
        ended=str(attributes["ended"]) or None,
        snapshot_after=snapshot,
        sources=(path,),
        annotations=read_annotations(entry),
    )


def names_of_fits(entry: h5py.Group) -> list[str]:
    """Return the names of the fits in the entry of a run.

    Parameters
    ----------
    entry
        NXentry of the run.
    """
    return [name.removeprefix(FIT_PREFIX) for name in entry if name.startswith(FIT_PREFIX)]


def _status(attributes: dict[str, Any]) -> RunStatus:
    status = attributes["status"]
    if status not in STATUSES:
        raise DamagedFileError(f"the status {status!r} is not known")
    return RunStatus(status)


def _read_points(path: Path, entry: h5py.Group, header: RunHeader, events: tuple[Event, ...]) -> Points:
    group = get_group(entry, "points")
    index = get_array(group, "index", kinds="i").astype(np.int64, copy=False)
    time = get_array(group, POINT_TIME, index.shape, "f")
    limit = header.layout.size
    if index.ndim != 1 or (index.size and (index.min() < 0 or (limit is not None and index.max() >= limit))):
        raise DamagedFileError(f"{path}: a point lies outside the plan")
    if np.unique(index).size != index.size:
        raise DamagedFileError(f"{path}: a point occurs twice")
    return Points(index=index, time=time, quality=quality_at(events, index))


def _read_column(data: h5py.Group, run: Run, column: Column) -> NDArray[np.generic]:
    shape, size = run.shape + column.shape, math.prod(run.shape)
    if size * column.itemsize > _WHOLE and 2 * len(run.points) <= size and column.dtype != "str":
        dataset = h5py.Dataset(get_dataset(data, column.name, by_chunk=True))
        is_sound = dataset.shape == shape and dataset.dtype.kind in _KINDS[column.dtype]
        if is_sound and dataset.chunks is not None:
            return _read_points_of(dataset, run, column)
    values = get_array(data, column.name, shape, _KINDS[column.dtype])
    rows = values.reshape(size, *column.shape)
    rows = rows if np.array_equal(run.points.index, np.arange(len(rows))) else rows[run.points.index]
    return rows.astype(np.int64) if column.dtype == "int64" else rows


def _read_points_of(dataset: h5py.Dataset, run: Run, column: Column) -> NDArray[np.generic]:
    """Read what few points there are on a large grid, chunk by chunk: it may not fit into the memory."""
    rows = np.empty((len(run.points), *column.shape), dataset.dtype)
    steps = dataset.chunks[: len(run.shape)]
    for box, places, own in chunks_with_points(run.points.index, run.shape, steps):
        rows[own] = dataset[box][places]
    return rows.astype(np.int64) if column.dtype == "int64" else rows


def _read_events(entry: h5py.Group) -> tuple[Event, ...]:
    group = get_group(entry, "events")
    times = get_array(group, "time", kinds="f")
    kinds, messages, data = (
        get_array(group, name, times.shape, "O").tolist() for name in ("kind", "message", "data")
    )
    return tuple(
        recorded_event(time, kind, message, from_json(content))
        for time, kind, message, content in zip(times.tolist(), kinds, messages, data, strict=True)
    )


def read_summary(path: Path, wanted: str = "status") -> dict[str, Any]:
    """Read a summary of the run without its data, from the seal if there is one.

    Parameters
    ----------
    path
        The run file.
    wanted
        A fact that must be there; seals of earlier versions lack some.

    Returns
    -------
        Name of a fact -> plain value.
    """
    check_signature(path)
    seal = read_seal(path)
    if seal is not None and wanted in seal.facts:
        return seal.facts
    with open_run_file(path) as file:
        return facts_of(file)


def facts_of(file: h5py.File) -> dict[str, object]:
    """Return a summary of the run.

    Parameters
    ----------
    file
        Open run file.

    Returns
    -------
        Name -> plain value: the attributes of the group ``labspin``, ``fits``, the names of the fits, and
        ``numbers``, see `numbers_of`.
    """
    entry = get_group(file, "entry")
    attributes = get_attributes(get_group(entry, "labspin"))
    facts = {name: plain(value) for name, value in attributes.items() if name != "NX_class"}
    return facts | {"fits": names_of_fits(entry), "numbers": numbers_of(entry)}


def count_points(path: Path) -> tuple[str, int]:
    """Return the run's identity and the number of points in the file; every column and fit is read once.

    Parameters
    ----------
    path
        The run file.
    """
    with open_run_file(path) as file:
        entry = get_group(file, "entry")
        run = read_frame(path, entry)
        data = get_group(entry, "data")
        for column in run.header.layout.columns:
            _read_through(data, run, column)
        for name in names_of_fits(entry):
            read_fit_group(get_group(entry, FIT_PREFIX + name), name)
    return run.header.run_id, len(run.points)


def _read_through(data: h5py.Group, run: Run, column: Column) -> None:
    """Read a column, chunk by chunk where it has any, so that HDF5 checks all of it."""
    dataset = h5py.Dataset(get_dataset(data, column.name, by_chunk=True))
    if dataset.shape != run.shape + column.shape or dataset.chunks is None:
        _read_column(data, run, column)
        return
    if len(run.points) * 2 < math.prod(run.shape):  # where there is no point there may be no chunk
        chunks: list[Any] = []
        dataset.id.chunk_iter(chunks.append)
        for chunk in chunks:
            place = chunk.chunk_offset
            dataset[tuple(slice(k, k + n) for k, n in zip(place, dataset.chunks, strict=True))]
        return
    for box in dataset.iter_chunks():
        dataset[box]


def raw_digest(file: h5py.File, path: Path) -> bytes:
    """Return a digest of the header and of all that was measured, chunk by chunk as it is stored.

    Fits beside the data do not change it, and no more than a chunk is in memory at a time.

    Parameters
    ----------
    file
        An open run file; it may be in memory, with changes to anything but the data.
    path
        Where it was opened.
    """
    entry = get_group(file, "entry")
    digest = hashlib.blake2b(get_text(get_group(entry, "labspin"), "header").encode(), digest_size=16)
    with path.open("rb", buffering=0) as stored:
        for place in ("data", "points", "events"):
            for piece in stored_pieces(get_group(entry, place), stored.fileno()):
                digest.update(piece)
    return digest.digest()
