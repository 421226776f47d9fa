"""What a run is made of: its axes, its columns, its layout and its header.

The records here are what a procedure declares and what the first record of a journal holds. They are
checked when made, no matter by what: a procedure's author, or a file from anywhere. ``to_dict`` gives plain
values and ``from_dict`` takes them back.
"""

from __future__ import annotations

import datetime
import math
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from labspin.data.metadata import RunMetadata
from labspin.data.plain import clean_text, plain
from labspin.errors import ArgumentError

__all__ = [
    "FORMAT",
    "LONGEST_NAME",
    "POINT",
    "POINT_QUALITY",
    "POINT_TIME",
    "Column",
    "Dimension",
    "Layout",
    "RunHeader",
]

FORMAT = 1
"""Version of the journal and of the run file; a reader refuses what is newer than it knows."""
POINT = "point"
"""Name of the dimension of a list scan, and of the table of points in order of measurement."""
POINT_TIME = "point_time"
"""Name of the time of each point, s after the start of the run."""
POINT_QUALITY = "point_quality"
"""Name of the quality of each point (`labspin.data.quality`)."""

Dtype = Literal["float64", "complex128", "int64", "str"]
Role = Literal["quantity", "coordinate"]
FloatArray = NDArray[np.float64]

# NeXus: letters, digits, underscores and inner dots.
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.]{0,61}[A-Za-z0-9_])?")
# xarray turns these units into timedelta64 on reading.
_CALENDAR = frozenset({"days", "hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds"})
_MAX_POINTS = 1 << 31
_MAX_BYTES = 1 << 40


def _check_name(what: str, name: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ArgumentError(
            f"{what}: wanted a name of 1 to 63 letters, digits, '_' and inner '.', got {name!r}"
        )
    if name in (POINT, POINT_TIME, POINT_QUALITY):
        raise ArgumentError(f"{what}: the name {name!r} is kept for the run file's own use; choose another")


LONGEST_NAME = 1000
"""Characters of a name or label of a run, at most."""


def _check_unit(what: str, unit: object) -> None:
    if not isinstance(unit, str) or len(unit) > 40 or not (unit.isprintable()):
        raise ArgumentError(f"{what}: wanted a unit such as 's' or '1', got {unit!r}")
    if unit in _CALENDAR:
        raise ArgumentError(f"{what}: the unit {unit!r} is read as a date by xarray; write it as a symbol")


def _checked_text(what: str, text: object, *, limit: int = 10_000) -> str:
    if not isinstance(text, str) or len(text) > limit:
        raise ArgumentError(f"{what}: wanted text of at most {limit} characters, got {str(text)[:60]!r}")
    return clean_text(text)


def _known_fields(cls: Any, content: object) -> dict[str, Any]:
    if not isinstance(content, Mapping):
        raise ArgumentError(f"{cls.__name__}: wanted a table, got a {type(content).__name__}")
    known = {item.name for item in fields(cls)}
    return {key: value for key, value in content.items() if key in known}


def _make(cls: Any, content: dict[str, Any]) -> Any:
    try:
        return cls(**content)
    except TypeError as error:
        raise ArgumentError(f"{cls.__name__}: {error}") from error


@dataclass(frozen=True, kw_only=True, eq=False)
class Dimension:
    """An axis: of a grid, or inside an array that one point yields."""

    name: str
    unit: str
    values: FloatArray
    """Shape (n,), finite, in ``unit``."""

    def __post_init__(self) -> None:
        _check_name("dimension", self.name)
        _check_unit(f"dimension {self.name!r}", self.unit)
        try:
            values = np.array(self.values, np.float64)
        except (TypeError, ValueError) as error:
            raise ArgumentError(f"dimension {self.name!r}: wanted numbers, got {self.values!r}") from error
        if values.ndim != 1 or not values.size or not np.isfinite(values).all():
            raise ArgumentError(
                f"dimension {self.name!r}: wanted at least one value in a row, all finite, got {values!r}"
            )
        values.flags.writeable = False
        object.__setattr__(self, "values", values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Dimension):
            return NotImplemented
        return (self.name, self.unit) == (other.name, other.unit) and np.array_equal(
            self.values, other.values
        )

    def __hash__(self) -> int:
        return hash((self.name, self.unit, self.values.size))

    def __len__(self) -> int:
        return int(self.values.size)

    def to_dict(self) -> dict[str, object]:
        """Return the record as plain values."""
        return {"name": self.name, "unit": self.unit, "values": self.values}

    @classmethod
    def from_dict(cls, content: object) -> Dimension:
        """Return the record that `to_dict` described.

        Parameters
        ----------
        content
            Table that `to_dict` returned; unknown keys are ignored.
        """
        dimension: Dimension = _make(cls, _known_fields(cls, content))
        return dimension


@dataclass(frozen=True, kw_only=True)
class Column:
    """What every point yields under one name: a number, a text or an array.

    A *quantity* is measured; a *coordinate* says where (a read-back field, the set-point of a list scan).
    Standard errors of a quantity ``NAME`` go by the name ``NAME_errors``: viewers draw them as error bars.
    """

    name: str
    unit: str = "1"
    shape: tuple[int, ...] = ()
    """Shape of the array that one point yields; empty for a single value."""
    dtype: Dtype = "float64"
    role: Role = "quantity"
    description: str = ""
    axes: tuple[Dimension, ...] = ()
    """Axes of the array, where they mean something (time, frequency); then ``shape`` follows from them."""

    def __post_init__(self) -> None:
        what = f"column {self.name!r}"
        _check_name("column", self.name)
        _check_unit(what, self.unit)
        description = _checked_text(f"description of {what}", self.description)
        object.__setattr__(self, "description", description)
        if self.dtype not in ("float64", "complex128", "int64", "str"):
            raise ArgumentError(f"{what}: wanted float64, complex128, int64 or str, got {self.dtype!r}")
        if self.role not in ("quantity", "coordinate"):
            raise ArgumentError(f"{what}: wanted the role quantity or coordinate, got {self.role!r}")
        object.__setattr__(self, "axes", tuple(self.axes))
        shape = tuple(self.shape) or tuple(len(axis) for axis in self.axes)
        if self.axes and shape != tuple(len(axis) for axis in self.axes):
            raise ArgumentError(
                f"{what}: shape {shape} is not that of its axes {[len(a) for a in self.axes]}"
            )
        if len(shape) > 8 or not all(type(n) is int and 0 < n <= _MAX_POINTS for n in shape):
            raise ArgumentError(f"{what}: wanted a shape of up to 8 positive lengths, got {self.shape!r}")
        if self.dtype == "str" and shape:
            raise ArgumentError(f"{what}: text comes one per point, got shape {shape}")
        object.__setattr__(self, "shape", shape)

    @property
    def itemsize(self) -> int:
        """Bytes that one point takes in memory (16 for text)."""
        return math.prod(self.shape) * (8 if self.dtype in ("float64", "int64") else 16)

    def inner_axes(self) -> tuple[Dimension, ...]:
        """Return the axes of the array that one point yields, plain counters where none were declared."""
        if self.axes:
            return self.axes
        return tuple(
            Dimension(name=f"{self.name}_axis{k}"[-63:], unit="1", values=np.arange(n, dtype=np.float64))
            for k, n in enumerate(self.shape)
        )

    def to_dict(self) -> dict[str, object]:
        """Return the record as plain values."""
        content = {item.name: getattr(self, item.name) for item in fields(self)}
        return content | {"shape": list(self.shape), "axes": [axis.to_dict() for axis in self.axes]}

    @classmethod
    def from_dict(cls, content: object) -> Column:
        """Return the record that `to_dict` described.

        Parameters
        ----------
        content
            Table that `to_dict` returned; unknown keys are ignored.
        """
        known = _known_fields(cls, content)
        shape, axes = known.pop("shape", ()), known.pop("axes", ())
        if not isinstance(shape, (list, tuple)) or not isinstance(axes, (list, tuple)):
            raise ArgumentError(f"column {known.get('name')!r}: wanted lists for shape and axes")
        axes = tuple(Dimension.from_dict(axis) for axis in axes)
        column: Column = _make(cls, known | {"shape": tuple(shape), "axes": axes})
        return column


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How the points of a run lie: on a grid of dimensions, or in a list."""

    dimensions: tuple[Dimension, ...] = ()
    columns: tuple[Column, ...]
    size: int | None = None
    """Number of points; follows from the dimensions of a grid; ``None`` for an adaptive list scan."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimensions", tuple(self.dimensions))
        object.__setattr__(self, "columns", tuple(self.columns))
        if not self.columns or not any(column.role == "quantity" for column in self.columns):
            raise ArgumentError("layout: wanted at least one quantity among the columns, got none")
        self._check_names()
        self._check_size()

    def _check_names(self) -> None:
        names = [d.name for d in self.dimensions] + [c.name for c in self.columns]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ArgumentError(f"layout: the name {min(twice)!r} occurs twice; names must differ")
        axes: dict[str, Dimension] = {}
        for column in self.columns:
            for axis in column.inner_axes():
                if axis.name in names or axes.setdefault(axis.name, axis) != axis:
                    raise ArgumentError(f"layout: axis {axis.name!r} of {column.name!r} means two things")

    def _check_size(self) -> None:
        size = math.prod(len(dimension) for dimension in self.dimensions) if self.dimensions else self.size
        if self.size is not None and (type(self.size) is not int or self.size < 0 or self.size != size):
            raise ArgumentError(f"layout: size {self.size!r} does not agree with a grid of {size} points")
        points = size or 0
        if points > _MAX_POINTS or points * max(column.itemsize for column in self.columns) > _MAX_BYTES:
            raise ArgumentError(f"layout: {points} points are too many for one run; split the plan")
        object.__setattr__(self, "size", size)

    @property
    def is_grid(self) -> bool:
        """Whether the points lie on a grid."""
        return bool(self.dimensions)

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Shape of the grid, or length of the list; ``None`` while that is open."""
        if self.dimensions:
            return tuple(len(dimension) for dimension in self.dimensions)
        return None if self.size is None else (self.size,)

    @property
    def quantities(self) -> tuple[Column, ...]:
        """The columns that are measured."""
        return tuple(column for column in self.columns if column.role == "quantity")

    @property
    def coordinates(self) -> tuple[Column, ...]:
        """The columns that say where."""
        return tuple(column for column in self.columns if column.role == "coordinate")

    def column(self, name: str) -> Column:
        """Return the column ``name``.

        Parameters
        ----------
        name
            Name of the column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise ArgumentError(f"no column {name!r}; there are {', '.join(c.name for c in self.columns)}")

    def to_dict(self) -> dict[str, object]:
        """Return the record as plain values."""
        return {
            "dimensions": [dimension.to_dict() for dimension in self.dimensions],
            "columns": [column.to_dict() for column in self.columns],
            "size": self.size,
        }

    @classmethod
    def from_dict(cls, content: object) -> Layout:
        """Return the record that `to_dict` described.

        Parameters
        ----------
        content
            Table that `to_dict` returned; unknown keys are ignored.
        """
        known = _known_fields(cls, content)
        for key, record in (("dimensions", Dimension), ("columns", Column)):
            items = known.get(key, [])
            if not isinstance(items, (list, tuple)) or len(items) > 10_000:
                raise ArgumentError(f"layout: wanted a list of {key}, got {str(items)[:60]!r}")
            known[key] = tuple(record.from_dict(item) for item in items)
        layout: Layout = _make(cls, known)
        return layout


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True, kw_only=True, eq=False)
class RunHeader:
    """Everything that is known about a run before its first point."""

    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    procedure: str
    label: str = ""
    started: str = field(default_factory=_now)
    """ISO 8601, UTC."""
    parameters: dict[str, Any] = field(default_factory=dict)
    """Name to ``{"value": …, "unit": …}``."""
    layout: Layout
    plan: dict[str, Any] = field(default_factory=dict)
    station: dict[str, Any] = field(default_factory=dict)
    """``name``, ``path``, ``text`` (the station file verbatim), ``simulated`` …"""
    snapshot: dict[str, Any] = field(default_factory=dict)
    """Instrument name to its settings before the first point."""
    environment: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None
    truth: dict[str, Any] | None = None
    """What the simulated sample really is; ``None`` for a real one."""
    signal: str = ""
    """The quantity to plot by default; the first numeric one if empty."""
    metadata: RunMetadata = field(default_factory=RunMetadata)
    """Who measured what, and why."""
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("run_id", "procedure", "label", "started", "signal"):
            text = _checked_text(f"{name} of the run", getattr(self, name), limit=LONGEST_NAME)
            object.__setattr__(self, name, text)
        if not isinstance(self.layout, Layout):
            raise ArgumentError(f"layout of the run: wanted a Layout, got {type(self.layout).__name__}")
        for name in ("parameters", "plan", "station", "snapshot", "environment", "extra", "truth"):
            value = getattr(self, name)
            if not isinstance(value, Mapping) and not (name == "truth" and value is None):
                raise ArgumentError(f"{name} of the run: wanted a table, got {type(value).__name__}")
            object.__setattr__(self, name, plain(value))
        if self.seed is not None:
            object.__setattr__(self, "seed", _check_seed(self.seed))
        object.__setattr__(self, "signal", self._check_signal())

    def _check_signal(self) -> str:
        numeric = [column.name for column in self.layout.quantities if column.dtype != "str"]
        if self.signal:
            column = self.layout.column(self.signal)
            if column.name not in numeric:
                raise ArgumentError(f"signal of the run: {self.signal!r} is not a numeric quantity")
        return self.signal or (numeric[0] if numeric else "")

    @property
    def simulated(self) -> str:
        """``"no"``, ``"yes"`` (all of it), or the simulated instruments of a mixed bench."""
        if self.station.get("kind") == "mixed":
            return ", ".join(map(str, self.station.get("simulated_instruments") or ()))
        return "no" if self.truth is None else "yes"

    def to_dict(self) -> dict[str, object]:
        """Return the record as plain values."""
        content = {item.name: getattr(self, item.name) for item in fields(self)}
        return content | {"layout": self.layout.to_dict(), "metadata": self.metadata.to_dict()}

    @classmethod
    def from_dict(cls, content: object) -> RunHeader:
        """Return the record that `to_dict` described.

        Parameters
        ----------
        content
            Table that `to_dict` returned; unknown keys are ignored.
        """
        known = _known_fields(cls, content)
        metadata = RunMetadata.from_dict(known.get("metadata", {}))  # older files have none
        layout = Layout.from_dict(known.get("layout"))
        header: RunHeader = _make(cls, known | {"layout": layout, "metadata": metadata})
        return header


def _check_seed(seed: object) -> int:
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool) and 0 <= int(seed) < 1 << 63:
        return int(seed)
    raise ArgumentError(f"seed of the run: wanted a whole number from 0 to 2**63 - 1, got {seed!r}")
