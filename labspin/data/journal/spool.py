"""Columns of a run that is larger than the memory should be, kept in a file while it is published.

A journal is read batch by batch, and its content is on the disk afterwards in the wanted layout: column by
column, in order of measurement. The file has no name and goes with its last user.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labspin.arrays import AnyArray
from labspin.data.schema import Column
from labspin.data.storage import storage_error, write_whole

__all__ = ["Spool", "SpooledColumn"]

_BLOCK = 1 << 22
"""Bytes that are read at once."""


class Spool:
    """A file of columns that grows by batches of rows.

    Parameters
    ----------
    folder
        Where the file is made, so that the same disk has to have room for it.
    columns
        Columns of the run; texts are not kept here.
    """

    def __init__(self, folder: Path, columns: Sequence[Column]) -> None:
        try:
            self._file = tempfile.TemporaryFile(  # noqa: SIM115 - it goes with its last user
                dir=folder, prefix=".labspin-spool-", buffering=0
            )
        except OSError as error:
            raise storage_error(folder, error, "the run file was not published, nothing is lost") from error
        weakref.finalize(self, self._file.close)
        self._folder = folder
        self.columns = {column.name: column for column in columns}
        self._starts, self._end = [0], 0
        self._places: dict[str, list[int]] = {column.name: [] for column in columns}

    def add(self, columns: Sequence[tuple[str, AnyArray]]) -> None:
        """Append a batch of rows.

        Parameters
        ----------
        columns
            Name and values of every column that is not text, shape (rows, …).

        Raises
        ------
        StorageError
            The disk is full or gone.
        """
        rows = 0
        for name, values in columns:
            try:
                self._places[name].append(self._end)
                write_whole(self._file.fileno(), np.ascontiguousarray(values).tobytes())
            except OSError as error:
                why = "the run file was not published, nothing is lost"
                raise storage_error(self._folder, error, why) from error
            self._end += values.nbytes
            rows = len(values)
        self._starts.append(self._starts[-1] + rows)

    def column(self, name: str) -> SpooledColumn:
        """Return the column called ``name``; call this when all batches have been added.

        Parameters
        ----------
        name
            Name of a column that is not text.
        """
        return SpooledColumn(self, self.columns[name])

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self._starts[-1]

    def read(self, name: str, start: int, stop: int) -> bytes:
        """Return the bytes of the rows from ``start`` to ``stop`` of a column.

        Parameters
        ----------
        name
            Name of the column.
        start, stop
            First row, and the row after the last.
        """
        pieces, size = [], self.columns[name].itemsize
        while start < stop:
            batch = bisect_right(self._starts, start) - 1
            end = min(stop, self._starts[batch + 1])
            place = self._places[name][batch] + (start - self._starts[batch]) * size
            pieces.append(os.pread(self._file.fileno(), (end - start) * size, place))
            start = end
        return b"".join(pieces)


class SpooledColumn:
    """One column of a spool; of an array only its type and shape, until rows of it are asked for."""

    def __init__(self, spool: Spool, column: Column) -> None:
        self._spool, self._name = spool, column.name
        self.dtype = np.dtype(column.dtype)
        self.shape = (spool.rows, *column.shape)
        self._row = column.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all rows."""
        return self.shape[0] * self._row

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, start: int = 0, stop: int | None = None) -> AnyArray:
        """Return the rows from ``start`` to ``stop``, in order of measurement.

        Parameters
        ----------
        start
            First row.
        stop
            The row after the last; None for the end of the column.

        Returns
        -------
            Values, shape (stop - start, …).
        """
        stop = len(self) if stop is None else stop
        data = self._spool.read(self._name, start, stop)
        return np.frombuffer(data, self.dtype).reshape(stop - start, *self.shape[1:])

    def take(self, rows: NDArray[np.int64]) -> AnyArray:
        """Return some rows, in the order of ``rows``; neighbouring rows are read together.

        Parameters
        ----------
        rows
            Row numbers, shape (n,).

        Returns
        -------
            Values, shape (n, …).
        """
        found = np.empty((len(rows), *self.shape[1:]), self.dtype)
        if not len(rows):
            return found
        cuts = np.flatnonzero(np.diff(rows) != 1) + 1
        for first, last in zip([0, *cuts.tolist()], [*cuts.tolist(), len(rows)], strict=True):
            found[first:last] = self.read(int(rows[first]), int(rows[first]) + last - first)
        return found

    def blocks(self) -> Iterator[AnyArray]:
        """Yield all rows, a few MB at a time."""
        step = max(1, _BLOCK // max(self._row, 1))
        for start in range(0, len(self), step):
            yield self.read(start, min(start + step, len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> AnyArray:
        return np.array(self.read(), dtype)
