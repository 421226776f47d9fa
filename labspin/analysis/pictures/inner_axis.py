"""What the counter of an array that one point yields stands for: dark times that follow from the field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labspin.analysis.fitting.grids import is_log_spaced
from labspin.analysis.model import FloatArray

if TYPE_CHECKING:
    from labspin.data import Run

__all__ = ["Places", "places_along"]


@dataclass(frozen=True)
class Places:
    """Where the values of an array were measured, for every point of a run."""

    name: str
    unit: str
    values: FloatArray
    """Of the shape of the array; NaN at points that were not measured."""

    def common(self) -> FloatArray:
        """Return one axis for all points: their own where it is the same, else even steps over all."""
        rows = self.values.reshape(-1, self.values.shape[-1])
        rows = rows[np.isfinite(rows).all(-1)]
        if np.all(rows == rows[0]):
            return np.asarray(rows[0])
        low, high, count = float(rows.min()), float(rows.max()), 4 * rows.shape[1]
        if low > 0 and all(is_log_spaced(row) for row in rows):
            return np.geomspace(low, high, count)
        return np.linspace(low, high, count)

    def brought_to(self, axis: FloatArray, values: FloatArray) -> FloatArray:
        """Return values on a common axis, interpolated; NaN where a point was not measured there.

        Parameters
        ----------
        axis
            Ascending, as `common` returns it.
        values
            Values, of the shape of ``places``.
        """
        if axis.shape == self.values.shape[-1:] and np.all((self.values == axis) | np.isnan(self.values)):
            return values
        shape = values.shape[:-1]
        found = np.full((*shape, axis.size), np.nan)
        for point in np.ndindex(shape):
            x, y = self.values[point], values[point]
            there = np.isfinite(x) & np.isfinite(y)
            if there.any():
                found[point] = np.interp(axis, x[there], y[there], left=np.nan, right=np.nan)
        return found


def places_along(run: Run, quantity: str) -> Places | None:
    """Return what the counter along a column's array stands for; None where no column says it.

    The column that says it yields an array of the same length, has a unit, and ascends at every point.

    Parameters
    ----------
    run
        A run that was read.
    quantity
        Name of a column of it.
    """
    layout = run.header.layout
    shape = layout.column(quantity).shape
    if layout.column(quantity).axes or len(shape) != 1 or shape[0] < 2:
        return None
    for column in layout.columns:
        if column.shape != shape or column.dtype != "float64" or column.unit == "1" or column.axes:
            continue
        values = np.asarray(run.data[column.name], np.float64)
        measured = values[np.isfinite(values).all(-1)]
        if column.name != quantity and measured.size and np.all(np.diff(measured, axis=-1) > 0):
            return Places(column.name, column.unit, values)
    return None
