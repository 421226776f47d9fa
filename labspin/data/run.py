"""A run as read: its header, its points, its events and its fits, from file or journal.

Points are kept as they were measured, one row each in order of measurement; `Run.data` lays them out on the
grid of the plan, NaN where a point is missing.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labspin.arrays import AnyArray
from labspin.data.events import Event, EventKind, RunStatus, unsafe_instruments
from labspin.data.metadata import RunMetadata
from labspin.data.plain import to_json
from labspin.data.quality import Quality, flag_attributes, quality_on_grid
from labspin.data.readings import READINGS_TIME, Readings, readings_of
from labspin.data.schema import POINT, POINT_QUALITY, POINT_TIME, RunHeader
from labspin.errors import RunFileError
from labspin.notebook import html_page

if TYPE_CHECKING:
    import xarray

    from labspin.data.fits import FitRecord

__all__ = [
    "POINT_TIME_MEANING",
    "STATUSES",
    "Points",
    "Run",
    "lay_out",
    "missing_value",
    "require_room",
]

STATUSES = (RunStatus.RUNNING, RunStatus.DEAD, RunStatus.FINISHED, RunStatus.ABORTED, RunStatus.FAILED)
"""What a run that can be read may stand at."""

POINT_TIME_MEANING = "time of the point after the start of the run"
_ROOM = 1 << 30
_EXACT = 1 << 53


@dataclass(frozen=True, kw_only=True, eq=False)
class Points:
    """Which points were measured, in order of measurement."""

    index: NDArray[np.int64]
    """Shape (n,): flat index on the grid, or running number."""
    time: NDArray[np.float64]
    """Shape (n,), s after the start of the run."""
    quality: NDArray[np.uint8]
    """Shape (n,): sums of `labspin.data.quality.Quality`, 0 for a good point."""

    def __len__(self) -> int:
        return int(self.index.size)


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One run; see the fields."""

    path: Path
    """The HDF5 file, whether it exists yet or not."""
    header: RunHeader
    status: RunStatus
    points: Points
    columns: Mapping[str, AnyArray]
    """Column name to values of shape (n, ...), in order of measurement."""
    events: tuple[Event, ...] = ()
    fits: tuple[FitRecord, ...] = ()
    ended: str | None = None
    """ISO 8601, UTC."""
    snapshot_after: dict[str, Any] | None = None
    sources: tuple[Path, ...] = ()
    """The files that were read."""
    annotations: Mapping[str, Any] = field(default_factory=dict)
    """What people said about the run after it had begun (`labspin.data.annotate`)."""

    def __repr__(self) -> str:
        total = "?" if self.header.layout.size is None else self.header.layout.size
        points = f"{len(self.points)}/{total} points"
        return f"<Run {self.path.name}: {self.header.procedure}, {self.status}, {points}>"

    def _repr_html_(self) -> str:
        said = {name: str(value) for name, value in self.metadata.to_dict().items()}
        facts = [
            ("status", str(self.status)), ("started", self.header.started), *said.items(),
            ("fits", ", ".join(fit.name for fit in self.fits)),
        ]  # fmt: skip
        rows = [(column.name, column.unit, column.description) for column in self.header.layout.columns]
        return html_page(repr(self)[1:-1], facts, ("column", "unit", "meaning"), rows)

    @property
    def metadata(self) -> RunMetadata:
        """Who measured what, and why, with what was added afterwards."""
        return self.header.metadata.with_changes(**self.annotations)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Names of the axes along which the points lie."""
        return tuple(dimension.name for dimension in self.header.layout.dimensions) or (POINT,)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the grid or of the list of points."""
        shape = self.header.layout.shape
        if shape is not None:
            return shape
        return (int(self.points.index.max()) + 1 if len(self.points) else 0,)

    @property
    def is_complete(self) -> bool:
        """Whether every point of the plan was measured."""
        return len(self.points) == math.prod(self.shape)

    @functools.cached_property
    def data(self) -> Mapping[str, AnyArray]:
        """Column name to array of shape (*shape, ...): NaN (text: empty) where a point is missing.

        Whole numbers become floats where a point is missing.
        """
        layout = self.header.layout
        return {column.name: self.column(column.name) for column in layout.columns}

    def column(self, name: str) -> AnyArray:
        """Return one column, laid out like `data`.

        Parameters
        ----------
        name
            Name of the column.

        Raises
        ------
        RunFileError
            A few points lie on a grid that is too large to be held; use `columns`.
        """
        self.header.layout.column(name)
        return lay_out(self.columns[name], self.points.index, self.shape, self.path)

    @functools.cached_property
    def is_doubtful(self) -> NDArray[np.bool_]:
        """Which points were measured but are not good, laid out like `data`."""
        measured: NDArray[np.uint8] = self.quality & ~np.uint8(Quality.NOT_MEASURED)
        return measured.astype(np.bool_)

    @functools.cached_property
    def quality(self) -> NDArray[np.uint8]:
        """Sums of `labspin.data.quality.Quality`, laid out like `data`; 0 where a point is good."""
        return quality_on_grid(self.points.quality, self.points.index, self.shape)

    @property
    def coordinates(self) -> Mapping[str, NDArray[np.float64]]:
        """Name of each dimension of the grid to its values."""
        return {dimension.name: dimension.values for dimension in self.header.layout.dimensions}

    def events_of(self, kind: EventKind | str) -> tuple[Event, ...]:
        """Return the events of one ``kind``, in order.

        Parameters
        ----------
        kind
            One of `EventKind`, or its value.
        """
        return tuple(event for event in self.events if event.kind == kind)

    @functools.cached_property
    def readings(self) -> Readings:
        """What the station records at regular times, between the points and in waits as well."""
        return readings_of(self.events, self.header.extra)

    @functools.cached_property
    def unsafe(self) -> dict[str, str] | None:
        """Instruments that were not left safe, each with its last known value, in words.

        Empty if all are safe; None if the file does not say, as while a run lasts.
        """
        return unsafe_instruments(self.events)

    @functools.cached_property
    def truth_at_points(self) -> Mapping[str, AnyArray]:
        """What changes of a simulated bench's ground truth from point to point, laid out like `data`.

        Numbers and lists of numbers, by name: T1 of every class at each field, shape (*shape, 4). What is the
        same at all points is in the header. Empty for a real bench.
        """
        begun, changes = self.header.truth or {}, {}
        for event in self.events:
            if event.kind == EventKind.TRUTH:
                begun = event.data
            elif event.kind == EventKind.TRUTH_AT_POINT:
                changes[event.data.get("index")] = {**begun, **event.data.get("truth", {})}
        names = sorted(
            {name for truth in changes.values() for name in truth if truth[name] != begun.get(name)}
        )
        truth, courses = begun, []
        for index in self.points.index.tolist():
            truth = changes.get(index, truth)
            courses.append(truth)
        return {
            name: lay_out(values, self.points.index, self.shape, self.path)
            for name in names
            if (values := _numbers([course.get(name) for course in courses])) is not None
        }

    @property
    def attributes(self) -> dict[str, str | int]:
        """What a data set made of this run says about itself."""
        header = self.header
        attributes: dict[str, str | int] = {
            "title": header.label or header.procedure,
            "status": str(self.status),
            "procedure": header.procedure,
            "run_id": header.run_id,
            "started": header.started,
            "ended": self.ended or "",
            **{name: text for name, text in self.metadata.to_dict().items() if isinstance(text, str)},
            "parameters": to_json(header.parameters),
            "measured_points": len(self.points),
            "doubtful_points": int(np.count_nonzero(self.points.quality)),
        }
        return attributes if header.seed is None else attributes | {"seed": header.seed}

    def to_xarray(self) -> xarray.Dataset:
        """Return the data with dimensions, coordinates, units, and attributes that say what the run is."""
        import xarray

        layout = self.header.layout
        coordinates: dict[str, object] = {
            axis.name: ((axis.name,), axis.values, _attributes(axis.unit))
            for axis in (*layout.dimensions, *(a for c in layout.columns for a in c.inner_axes()))
        }
        if not layout.is_grid:
            coordinates[POINT] = ((POINT,), np.arange(self.shape[0]))
        time = lay_out(self.points.time, self.points.index, self.shape, self.path)
        coordinates[POINT_TIME] = (self.dimensions, time, _attributes("s", POINT_TIME_MEANING))
        coordinates[POINT_QUALITY] = (self.dimensions, self.quality, flag_attributes())
        variables: dict[str, object] = {}
        for column in layout.columns:
            axes = (*self.dimensions, *(axis.name for axis in column.inner_axes()))
            target = variables if column.role == "quantity" else coordinates
            target[column.name] = (axes, self.data[column.name], _attributes(column.unit, column.description))
        if len(self.readings):
            coordinates[READINGS_TIME] = ((READINGS_TIME,), self.readings.time, _attributes("s"))
            for name, values in self.readings.columns.items():
                unit = _attributes(self.readings.units[name])
                variables[f"readings.{name}"] = ((READINGS_TIME,), values, unit)
        return xarray.Dataset(variables, coordinates, self.attributes)


def _numbers(values: list[object]) -> AnyArray | None:
    """Return an array of numbers, or of lists of equally many; None where they are none."""
    try:
        return np.array(values, np.float64)
    except (TypeError, ValueError):
        return None


def _attributes(unit: str, description: str = "") -> dict[str, str]:
    return {"units": unit or "1"} | ({"long_name": description} if description else {})


def require_room(path: Path, needed: int, *, measured: int) -> None:
    """Refuse to allocate far more memory than the measured data warrant.

    A small file that claims a gigantic grid must not bring the machine down.

    Parameters
    ----------
    path
        The run file, for the error.
    needed
        Memory that the grid takes, bytes.
    measured
        Size of the measured values, bytes.
    """
    if needed > _ROOM and needed > 4096 * measured:
        raise RunFileError(
            f"{path}: its grid needs {needed / 1e9:.3g} GB of memory, but {measured} bytes were "
            "measured; use the columns of its points instead"
        )


def lay_out(values: AnyArray, index: NDArray[np.int64], shape: tuple[int, ...], path: Path) -> AnyArray:
    """Arrange the values of single points on the grid.

    Parameters
    ----------
    values
        One value for each point, shape (n, …).
    index
        Flat index of each point on the grid, shape (n,).
    shape
        Shape of the grid.
    path
        The run file, for errors.

    Returns
    -------
        Values of shape ``shape`` + (…); missing points hold what `missing_value` names.
    """
    size, inner = math.prod(shape), values.shape[1:]
    if index.size == size and np.array_equal(index, np.arange(size)):
        return values.reshape(shape + inner)
    require_room(path, size * math.prod(inner) * values.itemsize, measured=values.nbytes + 1)
    dtype, missing = missing_value(values, complete=index.size == size)
    grid = np.full((size, *inner), missing, dtype)
    grid[index] = values
    return grid.reshape(shape + inner)


def missing_value(values: AnyArray, *, complete: bool) -> tuple[np.dtype[np.generic], object]:
    """Return the type that can hold ``values`` and missing points, and the value that marks a missing point.

    Parameters
    ----------
    values
        Values of one column, shape (n, …).
    complete
        Whether no point is missing.
    """
    kind = values.dtype.kind
    if kind != "i":
        return values.dtype, {"f": np.nan, "c": complex(np.nan, np.nan), "O": ""}[kind]
    # Beyond 2**53 a float cannot hold the number; then the smallest integer says "missing".
    exact = not values.size or (values.min() >= -_EXACT and values.max() <= _EXACT)
    if complete or not exact:
        return values.dtype, np.iinfo(np.int64).min
    return np.dtype(np.float64), np.nan
