"""A finished run file held open, of which only what is asked for is read.

So a run that is larger than the memory is worked on part by part, and whether a fit is there already is found
out without reading the data at all.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from labspin.data.fits import FitRecord
from labspin.data.nexus.fit_groups import FIT_PREFIX, read_fit_group
from labspin.data.nexus.read import blamed_on, names_of_fits, open_run_file, raw_digest, read_frame
from labspin.data.nexus.stored import get_dataset, get_group, get_json
from labspin.data.quality import quality_at
from labspin.data.run import Points, Run, require_room
from labspin.data.schema import POINT_TIME, Column, Layout
from labspin.errors import DamagedFileError

__all__ = ["RunFile", "open_parts"]

_STRETCH = 1 << 20


@contextlib.contextmanager
def open_parts(path: Path | str) -> Iterator[RunFile]:
    """Hold a finished run file open, to read parts of it.

    Parameters
    ----------
    path
        The run file.

    Raises
    ------
    RunFileError
        It is not there, not a run, or damaged; the parts that are read later say the same.
    """
    with contextlib.ExitStack() as stack:
        # Whatever goes wrong with what was read is not the file's fault, and is not blamed on it.
        with blamed_on(Path(path)):
            file = RunFile(Path(path), stack.enter_context(_opened(Path(path))))
        yield file


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    opening = open_run_file(path)
    file = opening.__enter__()
    try:
        yield file
    finally:
        opening.__exit__(None, None, None)


class RunFile:
    """A finished run file; made by `open_parts`."""

    def __init__(self, path: Path, file: h5py.File) -> None:
        self.path = path
        self._file = file
        self._entry = get_group(file, "entry")

    @functools.cached_property
    def frame(self) -> Run:
        """The run without its columns and fits, and without its points where none is missing."""
        with blamed_on(self.path):
            frame = read_frame(self.path, self._entry, points=False)
            if _in_order(self._dataset("points", "index"), frame):
                return frame
            return read_frame(self.path, self._entry)

    @property
    def _whole(self) -> bool:
        """Whether every point was measured, in the order of the plan."""
        return not len(self.frame.points) and math.prod(self.frame.shape) > 0

    @functools.cached_property
    def _grid_quality(self) -> NDArray[np.uint8]:
        """Quality of every point of a run without missing points, on its grid."""
        shape = self.frame.shape
        return quality_at(self.frame.events, np.arange(math.prod(shape))).reshape(shape)

    def _dataset(self, group: str, name: str) -> h5py.Dataset:
        return h5py.Dataset(get_dataset(get_group(self._entry, group), name))

    @functools.cached_property
    def digest(self) -> str:
        """Digest of the header and of all that was measured; fits do not change it."""
        with blamed_on(self.path):
            return raw_digest(self._file, self.path).hex()

    def recipes(self) -> dict[str, dict[str, Any]]:
        """Return name and recipe of each fit in the file."""
        found = {}
        with blamed_on(self.path):
            for name in names_of_fits(self._entry):
                recipe = get_json(get_group(get_group(self._entry, FIT_PREFIX + name), "recipe"), "data")
                found[name] = recipe if isinstance(recipe, dict) else {}
        return found

    def fit(self, name: str) -> FitRecord:
        """Read one fit.

        Parameters
        ----------
        name
            Name of the fit.
        """
        with blamed_on(self.path):
            return read_fit_group(get_group(self._entry, FIT_PREFIX + name), name)

    def part(
        self, axis: int = 0, start: int = 0, stop: int | None = None, *, names: Collection[str] | None = None
    ) -> Run:
        """Read the part of the run between two places of one of its axes, as a run without fits.

        Parameters
        ----------
        axis
            Axis of the grid; 0 for a list of points.
        start, stop
            As of a slice.
        names
            Columns to read; None, or one that there is not: all.
        """
        frame = self.frame
        taken = slice(*slice(start, stop).indices(frame.shape[axis]))
        layout = frame.header.layout
        kept = _kept(layout, names)
        points, rows = self._cut_points(axis, taken)
        if layout.is_grid:
            cut = tuple(
                replace(dimension, values=dimension.values[taken]) if number == axis else dimension
                for number, dimension in enumerate(layout.dimensions)
            )
            layout = replace(layout, dimensions=cut, columns=kept, size=None)
        else:
            layout = replace(layout, columns=kept, size=taken.stop - taken.start)
        signal = frame.header.signal if frame.header.signal in {column.name for column in kept} else ""
        with blamed_on(self.path):
            columns = {column.name: self._rows(column, axis, taken, rows) for column in kept}
        header = replace(frame.header, layout=layout, signal=signal)
        return replace(frame, header=header, points=points, columns=columns)

    def _cut_points(self, axis: int, taken: slice) -> tuple[Points, NDArray[np.int64] | None]:
        """Return the points of a part, numbered within it, and their places in it; None: all, in order."""
        frame, shape = self.frame, list(self.frame.shape)
        shape[axis] = taken.stop - taken.start
        cut = (slice(None),) * axis + (taken,)
        if self._whole:
            with blamed_on(self.path):
                time = self._dataset("data", POINT_TIME)[cut].ravel()
            index = np.arange(math.prod(shape))
            return Points(index=index, time=time, quality=self._grid_quality[cut].ravel()), None
        places = list(np.unravel_index(frame.points.index, frame.shape))
        inside = (places[axis] >= taken.start) & (places[axis] < taken.stop)
        places = [place[inside] for place in places]
        places[axis] = places[axis] - taken.start
        own = np.ravel_multi_index(tuple(places), tuple(shape)).astype(np.int64)
        points = frame.points
        return Points(index=own, time=points.time[inside], quality=points.quality[inside]), own

    def _rows(
        self, column: Column, axis: int, taken: slice, rows: NDArray[np.int64] | None
    ) -> NDArray[np.generic]:
        shape = self.frame.shape + column.shape
        dataset = h5py.Dataset(get_dataset(get_group(self._entry, "data"), column.name, by_chunk=True))
        if dataset.shape != shape:
            raise DamagedFileError(f"{self.path}: {column.name!r} has the shape {dataset.shape}")
        share = (taken.stop - taken.start) / max(1, shape[axis])
        needed = int(share * math.prod(shape) * dataset.dtype.itemsize)
        require_room(self.path, needed, measured=dataset.id.get_storage_size() + 1)
        source = dataset.asstr() if column.dtype == "str" else dataset
        values = np.asarray(source[(slice(None),) * axis + (taken,)])
        flat = values.reshape(-1, *column.shape)
        flat = flat if rows is None else flat[rows]
        return flat.astype(np.int64) if column.dtype == "int64" else flat


def _kept(layout: Layout, names: Collection[str] | None) -> tuple[Column, ...]:
    kept = tuple(column for column in layout.columns if names is None or column.name in names)
    known = {column.name for column in layout.columns} | {axis.name for axis in layout.dimensions}
    known |= {axis.name for column in layout.columns for axis in column.axes}
    usable = any(column.role == "quantity" for column in kept) and known.issuperset(names or ())
    return kept if usable else layout.columns


def _in_order(index: h5py.Dataset, frame: Run) -> bool:
    """Return whether the points are all those of the plan, in its order; a few are in memory at a time."""
    size = frame.header.layout.size
    if size is None or index.shape != (size,):
        return False
    starts = range(0, size, _STRETCH)
    return all(
        np.array_equal(index[start : start + _STRETCH], np.arange(start, min(start + _STRETCH, size)))
        for start in starts
    )
