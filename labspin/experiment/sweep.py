"""Sweeps: which points a run visits, and in which order.

A sweep is a grid and an order. The grid is a product of axes; the order is the sequence of flat grid
indices that are visited. Because a point carries its grid index, results land at their place on the grid
whatever the order, and a run that died can continue at the first missing index. Here are the sweeps along
one axis; `labspin.experiment.algebra` makes nested, zipped, shuffled, … ones of them.

A name with a dot (``"magnet.field"``) is a *set-point*: the engine moves that actuator. A plain name
(``"dark_time"``) is a *coordinate*: the procedure applies it itself. Both become an axis of the run file, the
dot written as an underscore.

Sweeps hold no more than their parameters until they are iterated; what no run could finish is refused
before anything is computed. They are equal when they visit the same points in the same way, and
`Sweep.to_dict` and `Sweep.from_dict` carry them through a run file as plain values.
"""

from __future__ import annotations

import difflib
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.data import Dimension
from labspin.errors import LabspinError, PlanError, UnitError
from labspin.settable import Settable
from labspin.units import canonical, parse_quantity, si_unit

__all__ = [
    "MAX_POINTS",
    "Axis",
    "Linear",
    "Logarithmic",
    "OneAxis",
    "Point",
    "Sweep",
    "Track",
    "Values",
    "column_name",
    "whole_number",
]

MAX_POINTS = 10_000_000
"""Points of one run at most; at 10 ms a point that is more than a day."""
_CHUNK = 4096  # points prepared at once while a sweep is iterated
_NOTHING: Mapping[str, float] = MappingProxyType({})

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Point(NamedTuple):
    """One point of a plan."""

    index: int  # type: ignore[assignment]  # a tuple's own index() is of no use here
    """Flat index on the grid, or running number."""
    setpoints: Mapping[str, float] = _NOTHING
    """What the engine moves: actuator name -> value in the actuator's unit."""
    coordinates: Mapping[str, float] = _NOTHING
    """What the procedure applies itself."""


class Track(NamedTuple):
    """The values of one quantity along an axis."""

    name: str
    unit: str
    values: FloatArray

    @property
    def is_setpoint(self) -> bool:
        """Whether the engine moves it."""
        return "." in self.name


Axis = tuple[Track, ...]
"""One dimension of a grid: the tracks that advance together along it, the first naming the dimension."""


def column_name(name: str) -> str:
    """Return the name of a set-point or coordinate in the run file: dots become underscores.

    Parameters
    ----------
    name
        Name of the set-point or coordinate, such as ``"magnet.current"``.
    """
    return name.replace(".", "_")


class Sweep(Settable, ABC):
    """A grid and the order in which it is visited: iterable over `Point`, sized, self-describing."""

    kind: ClassVar[str]
    keys: ClassVar[tuple[str, ...]]
    """What a description of this kind may say."""
    _kinds: ClassVar[dict[str, type[Sweep]]] = {}

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "kind" in vars(cls):
            Sweep._kinds[cls.kind] = cls

    # What a kind of sweep has to say; the first two must cost nothing, however large the sweep.

    @abstractmethod
    def _sizes(self) -> tuple[int, ...]: ...

    @abstractmethod
    def _names(self) -> tuple[str, ...]: ...

    @abstractmethod
    def _axes(self) -> tuple[Axis, ...]: ...

    @abstractmethod
    def _order(self) -> IntArray: ...

    @abstractmethod
    def _content(self) -> dict[str, object]: ...

    @classmethod
    @abstractmethod
    def _from(cls, content: Mapping[str, object]) -> Sweep: ...

    def __len__(self) -> int:
        return math.prod(self._sizes())

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values along every axis of the grid."""
        return self._sizes()

    @property
    def names(self) -> tuple[str, ...]:
        """Every set-point and coordinate, outermost first."""
        return self._names()

    def check_size(self) -> None:
        """Refuse a sweep whose grid has more than `MAX_POINTS` points.

        Raises
        ------
        PlanError
            The sweep has more than `MAX_POINTS` points.
        """
        size = math.prod(self.shape)
        if size > MAX_POINTS:
            shape = " × ".join(str(n) for n in self.shape)
            raise PlanError(
                f"plan: wanted at most {MAX_POINTS:,} points in one run, got {shape} = {size:,}; "
                "take fewer values or split it into several runs"
            )

    def axes(self) -> tuple[Axis, ...]:
        """Return the axes of the grid, outermost first.

        Raises
        ------
        PlanError
            The sweep is too large.
        """
        self.check_size()
        return self._axes()

    def order(self) -> IntArray:
        """Return the flat grid indices (C order) in the order of the visit, shape (len,).

        Raises
        ------
        PlanError
            The sweep is too large.
        """
        self.check_size()
        return self._order()

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """The axes as they stand in the run file."""
        first = (axis[0] for axis in self.axes())
        return tuple(Dimension(name=column_name(t.name), unit=t.unit, values=t.values) for t in first)

    def columns(self) -> dict[str, FloatArray]:
        """Return every set-point and coordinate in the order of the visit, each of shape (len,)."""
        return {track.name: track.values[along] for track, along in self._along(self.order())}

    def visited(self) -> dict[str, FloatArray]:
        """Return for every name the values that are visited, each once."""
        # numpy.unique brings numpy.ma, 35 ms for a list of places.
        return {
            track.name: track.values[np.flatnonzero(np.bincount(along))]
            for track, along in self._along(self.order())
        }

    def __iter__(self) -> Iterator[Point]:
        order = self.order()
        for begin in range(0, order.size, _CHUNK):
            part = order[begin : begin + _CHUNK]
            rows: dict[bool, dict[str, list[float]]] = {True: {}, False: {}}
            for track, along in self._along(part):
                rows[track.is_setpoint][track.name] = track.values[along].tolist()
            yield from map(Point, part.tolist(), _dictionaries(rows[True]), _dictionaries(rows[False]))

    def _along(self, indices: IntArray) -> Iterator[tuple[Track, IntArray]]:
        unravelled = np.unravel_index(indices, self.shape)
        for axis, along in zip(self.axes(), unravelled, strict=True):
            for track in axis:
                yield track, np.asarray(along)

    def to_dict(self) -> dict[str, object]:
        """Return the sweep as plain values, its kind under ``"sweep"``."""
        return {"sweep": self.kind, **self._content()}

    @staticmethod
    def from_dict(content: Mapping[str, object]) -> Sweep:
        """Return the sweep that `to_dict` described.

        Parameters
        ----------
        content
            The description: the kind under ``"sweep"``, and the keys of that kind.

        Raises
        ------
        PlanError
            ``content`` is not the description of a sweep.
        """
        kind = content.get("sweep") if isinstance(content, Mapping) else None
        if kind not in Sweep._kinds:
            near = difflib.get_close_matches(str(kind), Sweep._kinds, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise PlanError(f"sweep: wanted one of the kinds {sorted(Sweep._kinds)}, got {kind!r}{hint}")
        known = {"sweep", *Sweep._kinds[kind].keys}
        if unknown := sorted(content.keys() - known):
            near = difflib.get_close_matches(unknown[0], known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise PlanError(
                f"sweep of kind {kind!r}: wanted the keys {sorted(known)}, got {unknown[0]!r}{hint}"
            )
        try:
            return Sweep._kinds[kind]._from(content)
        except LabspinError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise PlanError(f"sweep of kind {kind!r}: cannot be read: {error!r}") from error

    def __eq__(self, other: object) -> bool:
        return self.to_dict() == other.to_dict() if isinstance(other, Sweep) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.kind, self.shape, self.names))

    def __repr__(self) -> str:
        shape = " × ".join(str(n) for n in self.shape)
        return f"<{type(self).__name__} of {shape}: {', '.join(self.names)}>"


def _dictionaries(columns: Mapping[str, list[float]]) -> Iterator[Mapping[str, float]]:
    if not columns:
        while True:
            yield _NOTHING
    names = tuple(columns)
    for row in zip(*columns.values(), strict=True):
        yield dict(zip(names, row, strict=True))


class OneAxis(Sweep):
    """A sweep along one axis, visited from its beginning to its end."""

    def __init__(self, name: str, unit: str) -> None:
        if not isinstance(name, str) or not name:
            raise PlanError(f"sweep: wanted the name of a set-point or coordinate, got {name!r}")
        try:
            self.name, self.unit = name, canonical(unit)
        except UnitError as error:
            raise PlanError(f"sweep of {name!r}: {error}") from error

    @abstractmethod
    def values(self) -> FloatArray:
        """Return the values, shape (n,)."""

    def _names(self) -> tuple[str, ...]:
        return (self.name,)

    def _axes(self) -> tuple[Axis, ...]:
        return ((Track(self.name, self.unit, self.values()),),)

    def _order(self) -> IntArray:
        return np.arange(len(self), dtype=np.int64)


class Values(OneAxis):
    """The values as listed, in ``unit``; numbers, or texts with a unit."""

    kind = "values"
    keys = ("name", "unit", "values")

    def __init__(
        self, name: str, values: Sequence[float | str] | NDArray[np.generic], *, unit: str = "1"
    ) -> None:
        super().__init__(name, unit)
        if isinstance(values, str):  # its characters would be taken, one by one
            raise PlanError(f"sweep of {name!r}: wanted a list of values, got {values!r}; write [{values!r}]")
        self._values = np.array([_number(name, value, unit) for value in values], dtype=np.float64)
        if not self._values.size:
            raise PlanError(f"sweep of {name!r}: wanted at least one value, got none")
        self._values.flags.writeable = False

    def values(self) -> FloatArray:
        """Return the values, shape (n,)."""
        return self._values

    def _sizes(self) -> tuple[int, ...]:
        return (self._values.size,)

    def _content(self) -> dict[str, object]:
        return {"name": self.name, "unit": self.unit, "values": self._values.tolist()}

    @classmethod
    def _from(cls, content: Mapping[str, Any]) -> Sweep:
        return cls(content["name"], content["values"], unit=_unit(content, content["values"][:1]))


class Linear(OneAxis):
    """``number`` values from ``start`` to ``stop``, both included, equally spaced."""

    kind = "linear"
    keys = ("name", "unit", "start", "stop", "number")

    def __init__(
        self, name: str, start: float | str, stop: float | str, number: int, *, unit: str = "1"
    ) -> None:
        super().__init__(name, unit)
        self.start, self.stop = _number(name, start, unit), _number(name, stop, unit)
        self.number = whole_number(f"sweep of {name!r}: number of values", number)
        if not math.isfinite(self.stop - self.start):
            raise PlanError(
                f"sweep of {name!r}: wanted start and stop less than 1.8e308 apart, "
                f"got {start!r} and {stop!r}"
            )
        if self.number == 1 and self.start != self.stop:
            raise PlanError(
                f"sweep of {name!r}: wanted at least 2 values from {start!r} to {stop!r}, got 1; for one "
                "value, write the same start and stop"
            )

    def values(self) -> FloatArray:
        """Return the values, shape (number,)."""
        self.check_size()
        return np.linspace(self.start, self.stop, self.number)

    def _sizes(self) -> tuple[int, ...]:
        return (self.number,)

    def _content(self) -> dict[str, object]:
        fields = {"start": self.start, "stop": self.stop, "number": self.number}
        return {"name": self.name, "unit": self.unit, **fields}

    @classmethod
    def _from(cls, content: Mapping[str, Any]) -> Sweep:
        start, stop = content["start"], content["stop"]
        return cls(content["name"], start, stop, content["number"], unit=_unit(content, [start]))


class Logarithmic(Linear):
    """``number`` values from ``start`` to ``stop``, both included, of equal ratio; both > 0."""

    kind = "logarithmic"

    def __init__(
        self, name: str, start: float | str, stop: float | str, number: int, *, unit: str = "1"
    ) -> None:
        super().__init__(name, start, stop, number, unit=unit)
        if self.start <= 0 or self.stop <= 0:
            raise PlanError(
                f"logarithmic sweep of {name!r}: wanted start and stop > 0, "
                f"got {self.start!r} and {self.stop!r}"
            )

    def values(self) -> FloatArray:
        """Return the values, shape (number,)."""
        self.check_size()
        return np.geomspace(self.start, self.stop, self.number)


def _unit(content: Mapping[str, object], values: Sequence[object]) -> str:
    """Return the unit of a described axis; one that is not given is the SI unit of its first value."""
    if "unit" in content:
        return str(content["unit"])
    return next((si_unit(value) for value in values if isinstance(value, str)), "1")


def _number(name: str, value: ArrayLike, unit: str) -> float:
    if isinstance(value, (bool, np.bool_)):  # which Python takes for 1 and 0
        raise PlanError(f"sweep of {name!r}: wanted a number in {unit!r}, got {value!r}")
    try:
        number = (
            parse_quantity(value, unit, name=f"sweep of {name!r}") if isinstance(value, str) else float(value)  # type: ignore[arg-type]
        )
    except TypeError as error:
        raise PlanError(f"sweep of {name!r}: wanted a number in {unit!r}, got {value!r}") from error
    if not math.isfinite(number):
        raise PlanError(f"sweep of {name!r}: wanted finite values, got {value!r}")
    return number


def whole_number(what: str, value: int, *, least: int = 1) -> int:
    """Return ``value`` if it is a whole number of at least ``least``.

    Parameters
    ----------
    what
        What the error calls the value.
    value
        The number.
    least
        The smallest allowed.

    Returns
    -------
    int
        The number.

    Raises
    ------
    PlanError
        ``value`` is no whole number, or too small.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise PlanError(f"{what}: wanted a whole number ≥ {least}, got {value!r}")
    return int(value)
