"""A procedure's plan, read and checked before anything moves.

`compile_plan` takes what ``plan()`` returns and finds out what the run file will look like; no hardware is
asked. A plan is one of

* a `labspin.experiment.Sweep`: its points lie on a grid, and the whole of it is checked at once by the
  values along its axes, not point by point;
* any other iterable of `Point` (a list, say): a list scan, read and checked whole;
* a generator: an *adaptive* scan. It yields `Point` (or a mapping of names to values) and receives what was
  measured there, ``None`` where a point was skipped. Its points are checked one by one as they come, each
  before anything moves.
"""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Generator, Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labspin.bench.actuators import Actuator
from labspin.data import Column, Dimension, Layout
from labspin.errors import LimitError, PlanError
from labspin.experiment.sweep import MAX_POINTS, Point, Sweep, column_name
from labspin.workspaces import quantity_text

if TYPE_CHECKING:
    from labspin.experiment.procedure import Procedure
    from labspin.experiment.scan import Scanned

__all__ = ["CompiledPlan", "PlanReport", "compile_plan"]

FloatArray = NDArray[np.float64]
_NONE: Mapping[str, Actuator] = MappingProxyType({})


@dataclass(frozen=True)
class PlanReport:
    """What a plan would do: how many points, and from where to where everything would be moved."""

    points: int | None
    ranges: dict[str, tuple[float, float, str]]
    """Set-point or coordinate -> (lowest, highest, unit)."""
    unchecked: str = ""
    """What could not be checked without a connection."""
    caution: str = ""
    """What may be measured wrongly within all limits."""

    def text(self) -> str:
        """Return the ranges as one line."""
        return ", ".join(
            f"{name} {quantity_text(low, unit, digits=7)}"
            + ("" if low == high else f" … {quantity_text(high, unit, digits=7)}")
            for name, (low, high, unit) in self.ranges.items()
        )


class CompiledPlan:
    """The points of a run and what is known of them beforehand.

    Iterate it once, and set `reading` after every point to what was measured there.

    Attributes
    ----------
    layout
        Layout of the run file.
    total
        Number of points; ``None`` for an adaptive plan.
    values
        Name -> all the values that it will take, as far as they are known beforehand.
    recorded
        Set-points and coordinates whose value is recorded with every point, in the order of the layout.
    reading
        What the last point yielded.
    """

    def __init__(
        self,
        points: Iterable[Point] | Generator[Any, Any, Any],
        *,
        layout: Layout,
        total: int | None,
        values: Mapping[str, FloatArray],
        recorded: tuple[str, ...],
        description: Mapping[str, Any],
        actuators: Mapping[str, Actuator] = _NONE,
    ) -> None:
        self.layout, self.total, self.recorded = layout, total, recorded
        self.values, self.description = dict(values), dict(description)
        self.reading: Mapping[str, object] | None = None
        self._points, self._actuators = points, actuators

    @property
    def is_adaptive(self) -> bool:
        """Whether the plan decides as it goes."""
        return inspect.isgenerator(self._points)

    def __iter__(self) -> Iterator[Point]:
        if inspect.isgenerator(self._points):
            return self._ask(self._points)
        return iter(self._points)

    def _ask(self, generator: Generator[Any, Any, Any]) -> Iterator[Point]:
        answer: Mapping[str, Any] | None = None
        for index in range(MAX_POINTS):
            try:
                asked = generator.send(answer)
            except StopIteration:
                return
            self.reading = None
            point = _as_point(index, asked, self.recorded)
            for name, value in point.setpoints.items():
                if broken := _broken(_find(self._actuators, name), value):
                    raise LimitError(broken)
            yield point
            answer = self.reading
        generator.close()
        raise PlanError(
            f"plan: wanted at most {MAX_POINTS:,} points in one run; the adaptive plan did not end"
        )

    def check(self, actuators: Mapping[str, Actuator], settings: Mapping[str, float]) -> None:
        """Refuse a plan that leaves a limit, moves something unknown, or moves one actuator under two names.

        Parameters
        ----------
        actuators
            The actuators of the bench, by every name that they have.
        settings
            Set-points for the whole run: name of the actuator to value, in the actuator's unit.

        Raises
        ------
        PlanError
            A set-point names no actuator, two name the same one, or one is in another unit.
        LimitError
            Set-points are outside their limits; all of them are named.
        """
        moved: dict[str, str] = {}
        for name in (*settings, *(name for name in self.names if "." in name)):
            actuator = _find(actuators, name)
            former = moved.setdefault(actuator.spec.name, name)
            if former != name:
                device = former.partition(".")[0]
                hint = f", with {device} = 'nothing' where the procedure has a parameter {device!r}"
                raise PlanError(
                    f"plan: {former!r} and {name!r} move the same actuator; keep one of them"
                    f"{hint if former in settings else ''}"
                )
            if name in settings and name in self.names:
                raise PlanError(
                    f"plan: {name!r} is set for all points and moved from point to point; keep one"
                )
        broken = [_broken(actuators[name], value) for name, value in settings.items()]
        units = _units(self.layout.dimensions) | _units(self.layout.columns)
        for name in filter(actuators.get, self.names):
            _refuse_unit(name, units[column_name(name)], actuators[name].unit)
            if name in self.values:
                broken.append(_broken(actuators[name], self.values[name]))
        if said := [text for text in broken if text]:
            raise LimitError("; ".join(said))

    def together(self, instrument: str, settings: Mapping[str, float]) -> dict[str, FloatArray]:
        """Return the values to which attributes of ``instrument`` are set together, as far as known.

        Parameters
        ----------
        instrument
            Name of the instrument.
        settings
            Set-points for the whole run: name of the actuator to value, in the actuator's unit.

        Returns
        -------
            Attribute -> values at all points, shape (n,), or the one value of a setting, shape ().
        """
        prefix = f"{instrument}."
        found = {name: np.asarray(value) for name, value in settings.items() if name.startswith(prefix)}
        swept = [name for name in self.values if name.startswith(prefix)]
        if len(swept) > 1 and isinstance(self._points, Sweep):
            columns = self._points.columns()
            found |= {name: columns[name] for name in swept}
        else:
            found |= {name: self.values[name] for name in swept}
        return {name.removeprefix(prefix): values for name, values in found.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """Every set-point and coordinate that points of this plan carry."""
        return tuple(dict.fromkeys((*self.values, *self.recorded)))

    def report(
        self,
        actuators: Mapping[str, Actuator],
        settings: Mapping[str, float],
        *,
        unchecked: str = "",
        caution: str = "",
    ) -> PlanReport:
        """Return what the plan would do, for a person to read.

        Parameters
        ----------
        actuators
            The actuators of the bench, by every name that they have.
        settings
            Set-points for the whole run: name of the actuator to value, in the actuator's unit.
        unchecked
            Why the procedure's own check could not be done; empty if it was done.
        caution
            What may be measured wrongly within all limits.
        """
        units = _units(self.layout.dimensions) | _units(self.layout.columns)
        ranges = {name: (value, value, actuators[name].unit) for name, value in settings.items()}
        told = {column_name(name): values for name, values in ranges.items()}
        for name, values in self.values.items():
            if name in told and np.all(values == told[name][0]):  # a parameter that is this set-point
                continue
            unit = units.get(column_name(name), "1")
            ranges[name] = (float(values.min()), float(values.max()), unit)
        return PlanReport(self.total, ranges, unchecked, caution)


def compile_plan(procedure: Procedure | Scanned, actuators: Mapping[str, Actuator]) -> CompiledPlan:
    """Return the plan of ``procedure`` with the layout of its run file; nothing is asked or moved.

    Parameters
    ----------
    procedure
        Its ``plan()`` is called once.
    actuators
        Actuators of the station, for the units of set-points that the procedure did not declare.

    Raises
    ------
    PlanError
        The plan is empty, too large or contradicts itself or the procedure's declarations.
    """
    plan = procedure.plan()
    if isinstance(plan, Sweep):
        return _grid(procedure, plan)
    if inspect.isgenerator(plan):
        columns = tuple(procedure.coordinates)
        own = getattr(procedure, "scanned_parameters", ())  # may read like a set-point, and are none
        names = tuple(
            column.name if column.name in own else _original(column.name, actuators) for column in columns
        )
        layout = Layout(columns=(*columns, *procedure.quantities))
        description = {"sweep": "adaptive", "procedure": procedure.name}
        return CompiledPlan(
            plan, layout=layout, total=None, values={}, recorded=names, description=description,
            actuators=actuators,
        )  # fmt: skip
    return _list(procedure, _listed(procedure, plan), actuators)


def _grid(procedure: Procedure | Scanned, sweep: Sweep) -> CompiledPlan:
    sweep.check_size()
    companions = [track for axis in sweep.axes() for track in axis[1:]]
    columns = [Column(name=column_name(t.name), unit=t.unit, role="coordinate") for t in companions]
    layout = Layout(dimensions=sweep.dimensions, columns=(*columns, *procedure.quantities))
    _compare_with_declared(procedure, _units(sweep.dimensions) | _units(columns))
    return CompiledPlan(
        sweep,
        layout=layout,
        total=len(sweep),
        values=sweep.visited(),
        recorded=tuple(track.name for track in companions),
        description=sweep.to_dict(),
    )


def _list(
    procedure: Procedure | Scanned, points: list[Point], actuators: Mapping[str, Actuator]
) -> CompiledPlan:
    first = {**points[0].setpoints, **points[0].coordinates}
    declared = {column.name: column for column in procedure.coordinates}
    columns = []
    for name in first:
        unit = actuators[name].unit if name in actuators else "1"
        column = Column(name=column_name(name), unit=unit, role="coordinate")
        columns.append(declared.get(column.name, column))
    _compare_with_declared(procedure, _units(columns))
    values = np.array([_row(point, tuple(first)) for point in points], dtype=np.float64).reshape(
        len(points), -1
    )
    return CompiledPlan(
        points,
        layout=Layout(columns=(*columns, *procedure.quantities), size=len(points)),
        total=len(points),
        values={name: values[:, column] for column, name in enumerate(first)},
        recorded=tuple(first),
        description={"sweep": "list", "names": list(first), "values": values.tolist()},
    )


def _listed(procedure: Procedure | Scanned, plan: object) -> list[Point]:
    if not isinstance(plan, Iterable):
        raise PlanError(f"plan of {procedure.name!r}: wanted a sweep or points, got {plan!r}")
    if isinstance(plan, Sized) and len(plan) > MAX_POINTS:
        raise PlanError(
            f"plan of {procedure.name!r}: wanted at most {MAX_POINTS:,} points in one run, got {len(plan):,}"
        )
    points = [
        _as_point(index, asked, None) for index, asked in zip(range(MAX_POINTS + 1), plan, strict=False)
    ]
    if not 0 < len(points) <= MAX_POINTS:
        raise PlanError(
            f"plan of {procedure.name!r}: wanted 1 to {MAX_POINTS:,} points, got {len(points) and 'more'}"
        )
    return points


def _as_point(index: int, asked: object, names: tuple[str, ...] | None) -> Point:
    if isinstance(asked, Mapping):
        asked = Point(
            index,
            {name: float(value) for name, value in asked.items() if "." in name},
            {name: float(value) for name, value in asked.items() if "." not in name},
        )
    if not isinstance(asked, Point):
        raise PlanError(f"plan: wanted points or mappings of names to values, got {asked!r}")
    if names is not None:
        _row(asked, names)
    return asked._replace(index=index)


def _row(point: Point, names: tuple[str, ...]) -> list[float]:
    found = {**point.setpoints, **point.coordinates}
    if found.keys() != set(names):
        raise PlanError(
            f"plan: wanted every point to carry {sorted(names)}, got {sorted(found)} at point {point.index}"
        )
    row = [float(found[name]) for name in names]
    if not all(map(math.isfinite, row)):
        raise PlanError(f"plan: wanted finite numbers, got {found} at point {point.index}")
    return row


def _units(columns: Iterable[Column | Dimension]) -> dict[str, str]:
    return {column.name: column.unit for column in columns}


def _compare_with_declared(procedure: Procedure | Scanned, found: Mapping[str, str]) -> None:
    declared = _units(procedure.coordinates)
    if declared and declared != found:
        raise PlanError(
            f"plan of {procedure.name!r}: wanted the declared coordinates {declared}, got {dict(found)}"
        )


def _original(column: str, actuators: Mapping[str, Actuator]) -> str:
    return next((name for name in actuators if column_name(name) == column), column)


def _refuse_unit(name: str, unit: str, wanted: str) -> None:
    if unit != wanted:
        raise PlanError(
            f"plan: wanted {name!r} in {wanted!r}, the unit of the actuator, got {unit!r}; give the sweep or "
            f"the coordinate unit={wanted!r}"
        )


def _broken(actuator: Actuator, values: Any) -> str:
    """Return which limit of an actuator values would break, or ``""``."""
    try:
        actuator.check(values)
    except LimitError as error:
        return str(error)
    except (TypeError, ValueError, OverflowError):
        return f"{actuator.name}: wanted numbers in {actuator.unit}, got {str(values)[:60]!r}"
    return ""


def _find(actuators: Mapping[str, Actuator], name: str) -> Actuator:
    if name not in actuators:
        has = f"it has {sorted(actuators)}{_advice(actuators, name)}"
        raise PlanError(f"plan: the station has no actuator {name!r}; {has}")
    return actuators[name]


def _advice(actuators: Mapping[str, Actuator], name: str) -> str:
    near = difflib.get_close_matches(name, actuators, n=1, cutoff=0.85)
    if near:
        return f"; did you mean {near[0]!r}?"
    instrument, _, attribute = name.partition(".")
    table = f"[instruments.{instrument}.actuators.{attribute}]"
    own = next((a.spec.name for a in actuators.values() if a.spec.instrument == instrument), "")
    other = f", or a calibration of {own!r} of that name" if own else ""
    return f"; give the station file a table {table} with limits{other}"
