"""What is made of sweeps: nested, zipped, repeated, shuffled, snaking and filtered ones.

Every operation changes either the grid or the order in which it is visited:

=================================================  =========================================================
``Linear("magnet.current", 0, 1, 11, unit="A")``   11 values; `Logarithmic`: equal ratios; `Values`: as listed
``Product(outer, inner)``                          nested loops, the last one fastest
``Zip(a, b)``                                      both advance together, along one axis
``Alongside(a, "x", "source.power", values)``       a further name that moves with one axis of a sweep
``Repeat(sweep, 5)``                               five passes, along a new axis ``repeat``
``Shuffled(sweep, seed=1)``                        random order, the same for the same seed
``Snake(outer, inner)``                            nested, every other pass of the inner one backwards
``Snake(Values("direction", [1, -1]), field)``     there and back
``Filter(sweep, lambda x, y: x < y)``              only the points where the condition holds
``Filter(sweep, where="x < 1 ms")``                the same as text, which can stand in a run card
=================================================  =========================================================

A scan that decides as it goes is no sweep but a generator: ``plan()`` yields points and receives the last
reading (`labspin.experiment.plan`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import PlanError
from labspin.experiment.conditions import holds
from labspin.experiment.sweep import (
    Axis,
    IntArray,
    OneAxis,
    Sweep,
    Track,
    Values,
    column_name,
    whole_number,
)

__all__ = ["Alongside", "Filter", "Product", "Repeat", "Shuffled", "Snake", "Sweep", "Zip"]


class Zip(Sweep):
    """Sweeps of equal length that advance together along one axis, named by the first."""

    kind = "zip"
    keys = ("of",)

    def __init__(self, *sweeps: Sweep) -> None:
        self._parts = sweeps
        if not sweeps or not all(isinstance(part, (OneAxis, Zip)) for part in sweeps):
            raise PlanError(
                f"zip: wanted Linear, Logarithmic or Values, got {sweeps!r}; shuffle or filter the whole"
            )
        if len({len(part) for part in sweeps}) > 1:
            raise PlanError(f"zip: wanted sweeps of one length, got lengths {[len(part) for part in sweeps]}")
        _refuse_twice(self._names())

    def _sizes(self) -> tuple[int, ...]:
        return self._parts[0].shape

    def _names(self) -> tuple[str, ...]:
        return tuple(name for part in self._parts for name in part.names)

    def _axes(self) -> tuple[Axis, ...]:
        return (tuple(track for part in self._parts for axis in part.axes() for track in axis),)

    def _order(self) -> IntArray:
        return self._parts[0].order()

    def _content(self) -> dict[str, object]:
        return {"of": [part.to_dict() for part in self._parts]}

    @classmethod
    def _from(cls, content: Mapping[str, Any]) -> Sweep:
        return cls(*(Sweep.from_dict(part) for part in content["of"]))


class Product(Sweep):
    """Nested sweeps: for every point of the first all points of the next; the last one is fastest."""

    kind = "product"
    keys = ("of",)

    def __init__(self, *sweeps: Sweep) -> None:
        self._parts = sweeps
        if not sweeps or not all(isinstance(part, Sweep) for part in sweeps):
            raise PlanError(f"{self.kind}: wanted at least one sweep and only sweeps, got {sweeps!r}")
        _refuse_twice(self._names())

    def __len__(self) -> int:
        return math.prod(len(part) for part in self._parts)

    def _sizes(self) -> tuple[int, ...]:
        return tuple(size for part in self._parts for size in part.shape)

    def _names(self) -> tuple[str, ...]:
        return tuple(name for part in self._parts for name in part.names)

    def _axes(self) -> tuple[Axis, ...]:
        return tuple(axis for part in self._parts for axis in part.axes())

    def _order(self) -> IntArray:
        order = np.zeros(1, dtype=np.int64)
        for part in self._parts:
            order = self._nest(order, part.order(), math.prod(part.shape))
        return order

    def _nest(self, outer: IntArray, inner: IntArray, inner_size: int) -> IntArray:
        return (outer[:, None] * inner_size + inner[None, :]).ravel()

    def _content(self) -> dict[str, object]:
        return {"of": [part.to_dict() for part in self._parts]}

    @classmethod
    def _from(cls, content: Mapping[str, Any]) -> Sweep:
        return cls(*(Sweep.from_dict(part) for part in content["of"]))


class Snake(Product):
    """Nested sweeps, every other pass of an inner one backwards, so that nothing flies back in one go."""

    kind = "snake"

    def _nest(self, outer: IntArray, inner: IntArray, inner_size: int) -> IntArray:
        passes = np.broadcast_to(inner, (outer.size, inner.size)).copy()
        passes[1::2] = inner[::-1]
        return (outer[:, None] * inner_size + passes).ravel()


class _Modified(Sweep):
    """A sweep on the grid of another, visited otherwise."""

    def __init__(self, sweep: Sweep) -> None:
        if not isinstance(sweep, Sweep):
            raise PlanError(f"{self.kind}: wanted a sweep, got {sweep!r}")
        self._sweep = sweep

    def __len__(self) -> int:
        return len(self._sweep)

    def _sizes(self) -> tuple[int, ...]:
        return self._sweep.shape

    def _names(self) -> tuple[str, ...]:
        return self._sweep.names

    def _axes(self) -> tuple[Axis, ...]:
        return self._sweep.axes()


class Alongside(_Modified):
    """A sweep in which a further set-point or coordinate advances with one axis.

    Parameters
    ----------
    sweep
        What is visited.
    axis
        Name of the axis, that of its first set-point or coordinate.
    name, values, unit
        What advances with it, one value for each of the axis, shape (n,).
    """

    kind = "alongside"
    keys = ("of", "axis", "name", "values", "unit")

    def __init__(
        self,
        sweep: Sweep,
        axis: str,
        name: str,
        values: Sequence[float | str] | ArrayLike,
        *,
        unit: str = "1",
    ) -> None:
        super().__init__(sweep)
        self._axis, self._added = axis, Values(name, np.asarray(values).tolist(), unit=unit)
        lengths = {one[0].name: one[0].values.size for one in sweep.axes()}
        if lengths.get(axis) != len(self._added):
            raise PlanError(
                f"alongside: wanted an axis of {len(self._added)} values among {lengths}, got {axis!r}"
            )
        _refuse_twice(self._names())

    def _names(self) -> tuple[str, ...]:
        return (*self._sweep.names, self._added.name)

    def _axes(self) -> tuple[Axis, ...]:
        track = Track(self._added.name, self._added.unit, self._added.values())
        return tuple((*one, track) if one[0].name == self._axis else one for one in self._sweep.axes())

    def _order(self) -> IntArray:
        return self._sweep.order()

    def _content(self) -> dict[str, object]:
        return {"of": self._sweep.to_dict(), "axis": self._axis, **self._added._content()}

    @classmethod
    def _from(cls, content: Mapping[str, Any]) -> Sweep:
        added = Values._from({key: content[key] for key in Values.keys if key in content})
        named = added.axes()[0][0]  # its unit is that of the values, as along every axis
        sweep = Sweep.from_dict(content["of"])
        return cls(sweep, content["axis"], named.name, named.values, unit=named.unit)


class Repeat(_Modified):
    """The sweep ``number`` times, along a new axis (``"repeat"`` unless named otherwise).

    ``inner=True`` repeats every point before going to the next; otherwise whole passes are repeated, which
    spreads slow drifts over all points.
    """

    kind = "repeat"
    keys = ("of", "number", "name", "inner")

    def __init__(self, sweep: Sweep, number: int, *, name: str = "repeat", inner: bool = False) -> None:
        super().__init__(sweep)
        self._number, self._inner, self._name = whole_number(f"{name!r}: number", number), bool(inner), name
        _refuse_twice(self._names())

    def __len__(self) -> int:
        return self._number * len(self._sweep)

    def _sizes(self) -> tuple[int, ...]:
        return (self._number, *self._sweep.shape)

    def _names(self) -> tuple[str, ...]:
        return (self._name, *self._sweep.names)

    def _axes(self) -> tuple[Axis, ...]:
        return (*Values(self._name, np.arange(self._number)).axes(), *self._sweep.axes())

    def _order(self) -> IntArray:
        grid = np.arange(self._number)[:, None] * math.prod(self._sweep.shape) + self._sweep.order()
        return (grid.T if self._inner else grid).ravel()

    def _content(self) -> dict[str, object]:
        return {
            "of": self._sweep.to_dict(), "name": self._name, "number": self._number, "inner": self._inner,
        }  # fmt: skip

    @classmethod
    def _from(cls, content: Mapping[str, Any]) -> Sweep:
        sweep, name = Sweep.from_dict(content["of"]), content.get("name", "repeat")
        return cls(sweep, content["number"], name=name, inner=content.get("inner", False))


class Shuffled(_Modified):
    """The points in random order, the same one for the same seed.

    Parameters
    ----------
    sweep
        What is visited.
    seed
        Whole number ≥ 0.
    within
        Name of a dimension: its values keep their order, and only the points of each are shuffled
        (``within="repeat"``: every pass in an order of its own).
    """

    kind = "shuffled"
    keys = ("of", "seed", "within")

    def __init__(self, sweep: Sweep, seed: int, *, within: str | None = None) -> None:
        super().__init__(sweep)
        self.seed, self.within = whole_number("seed of a shuffled sweep", seed, least=0), within
        if within is not None and within not in sweep.names:
            raise PlanError(f"shuffled: wanted one of {sweep.names} to shuffle within, got {within!r}")

    def _order(self) -> IntArray:
        order = self._sweep.order()
        key = np.random.default_rng(self.seed).permutation(order.size)
        if self.within is None:
            return order[np.argsort(key)]
        along = next(along for track, along in self._along(order) if track.name == self.within)
        _, first, group = np.unique(along, return_index=True, return_inverse=True)
        return order[np.lexsort((key, first[group]))]

    def _content(self) -> dict[str, object]:
        return {"of": self._sweep.to_dict(), "seed": self.seed, "within": self.within}

    @classmethod
    def _from(cls, content: Mapping[str, Any]) -> Sweep:
        return cls(Sweep.from_dict(content["of"]), content["seed"], within=content.get("within"))


class Filter(_Modified):
    """The points of a sweep where a condition holds.

    Parameters
    ----------
    sweep
        What is visited.
    condition
        Called once with arrays, one for every name (dots as underscores), of shape (len,); returns booleans.
    keep
        Instead of a condition, the positions in the visit that are kept.
    where
        Instead of either, conditions as text that must all hold (`labspin.experiment.conditions`); unlike a
        function they can stand in a run card.
    """

    kind = "filter"
    keys = ("of", "keep", "where")

    def __init__(
        self,
        sweep: Sweep,
        condition: Callable[..., ArrayLike] | None = None,
        *,
        keep: Sequence[int] | IntArray | None = None,
        where: str | Sequence[str] | None = None,
    ) -> None:
        super().__init__(sweep)
        if [condition, keep, where].count(None) != 2:
            raise PlanError("filter: wanted either a condition, or 'where', or the positions to keep")
        sweep.check_size()
        self._conditions = [where] if isinstance(where, str) else list(where or ())
        if condition is not None:
            self._keep = _where(condition, sweep)
        elif where is not None:
            self._keep = np.flatnonzero(_all_hold(self._conditions, sweep))
        else:
            self._keep = np.array(keep, dtype=np.int64)
        bad = (self._keep < 0) | (self._keep >= len(sweep))
        if self._keep.ndim != 1 or not self._keep.size or bad.any():
            raise PlanError(
                f"filter of {sweep!r}: wanted at least one point and only points of the sweep, got "
                f"{self._keep.size} points; is the condition true anywhere?"
            )

    def __len__(self) -> int:
        return self._keep.size

    def _order(self) -> IntArray:
        return self._sweep.order()[self._keep]

    def _content(self) -> dict[str, object]:
        chosen = {"where": self._conditions} if self._conditions else {"keep": self._keep.tolist()}
        return {"of": self._sweep.to_dict(), **chosen}

    @classmethod
    def _from(cls, content: Mapping[str, Any]) -> Sweep:
        return cls(Sweep.from_dict(content["of"]), keep=content.get("keep"), where=content.get("where"))


def _all_hold(conditions: Sequence[str], sweep: Sweep) -> NDArray[np.bool_]:
    units = {track.name: track.unit for axis in sweep.axes() for track in axis}
    columns = sweep.columns()
    return np.asarray(np.all([holds(condition, columns, units) for condition in conditions], axis=0))


def _where(condition: Callable[..., ArrayLike], sweep: Sweep) -> IntArray:
    mask = np.asarray(condition(**{column_name(name): column for name, column in sweep.columns().items()}))
    if mask.dtype != np.bool_ or mask.shape != (len(sweep),):
        raise PlanError(
            f"filter of {sweep!r}: wanted a condition that gives {len(sweep)} booleans, got {mask.dtype} of "
            f"shape {mask.shape}"
        )
    return np.flatnonzero(mask)


def _refuse_twice(names: Sequence[str]) -> None:
    columns = [column_name(name) for name in names]
    twice = {name for name in columns if columns.count(name) > 1}
    if twice:
        raise PlanError(f"sweep: {min(twice)!r} is swept twice; every name may stand once")
