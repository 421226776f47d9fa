"""Scans: any procedure, repeated along further axes that its author did not foresee.

An axis is a parameter of the procedure (a plain name) or a set-point of the station (a name with a dot).
The points of the procedure are nested inside; the run file has the axes of both, the scan's outermost. A
setting of the procedure that follows from a scanned parameter (a microwave power, for example) becomes a
set-point that moves with its axis, so that limits, ramps, settling, estimates and resuming are those of
every plan.

Where the procedure's own points depend on the scanned parameter, they form no grid: the run is then a list
or an adaptive scan, with the scanned values recorded at each point.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labspin.bench.bench import Bench
from labspin.bench.interlock import Interlock
from labspin.data import Column
from labspin.errors import CardError, PlanError
from labspin.experiment.algebra import Alongside, Product, Sweep
from labspin.experiment.pymeasure import FloatParameter, IntegerParameter
from labspin.experiment.sweep import Point, Track, column_name

if TYPE_CHECKING:
    from labspin.experiment.procedure import Procedure

__all__ = ["Scanned", "scanned"]

FloatArray = NDArray[np.float64]
_NOT_SCANNED = ("station", "scan")


def scanned(procedure: Procedure | Scanned) -> Procedure | Scanned:
    """Return what the engine runs: ``procedure`` itself, or with its parameter ``scan`` set, the scan of it.

    Parameters
    ----------
    procedure
        Any procedure.

    Raises
    ------
    CardError
        The scan names what is no parameter, or none that is a number.
    """
    if isinstance(procedure, Scanned) or not procedure.scan:
        return procedure
    return Scanned(procedure, Sweep.from_dict(procedure.scan))


class Scanned:
    """A procedure along the axes of a scan; for the engine it is a procedure like any other.

    Parameters
    ----------
    procedure
        What is measured at every place of the scan.
    sweep
        The places.
    """

    def __init__(self, procedure: Procedure, sweep: Sweep) -> None:
        self._procedure, self._sweep = procedure, sweep
        passes = _passes(sweep.to_dict())
        self._parameters = tuple(name for name in sweep.names if "." not in name and name not in passes)
        self._tracks = {track.name: track for axis in sweep.axes() for track in axis}
        known = procedure.parameter_objects()
        for name in self._parameters:
            _refuse_unscannable(procedure.name, name, known)
            _refuse_bare(name, self._tracks[name].unit, known)
        self._setpoint_of: dict[str, str] = {}  # parameters that are recorded as the set-points that they are
        self._made: dict[tuple[float, ...], Procedure] = {}
        self._current: Procedure | None = None
        self._outer = sweep
        self._inner_size = 0  # of a grid; 0: the points of each place have running numbers
        self._local: list[int] = []  # their number at their place, point by point

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._procedure, name)

    @property
    def coordinates(self) -> tuple[Column, ...]:
        """The scan's own columns and the procedure's, where it declares some."""
        if not self._procedure.coordinates:
            return ()
        tracks = (track for axis in self._outer.axes() for track in axis)
        return (*map(self._column, tracks), *self._procedure.coordinates)

    def _column(self, track: Track) -> Column:
        known = self._procedure.parameter_objects()
        text = str(known[track.name].name) if track.name in known else ""
        return Column(name=column_name(track.name), unit=track.unit, role="coordinate", description=text)

    @property
    def scanned_setpoints(self) -> tuple[str, ...]:
        """Names of the set-points that are moved from place to place."""
        return tuple(name for name in self._outer.names if "." in name)

    @property
    def scanned_parameters(self) -> tuple[str, ...]:
        """Names of the parameters of the procedure that change from place to place and are no set-points."""
        return tuple(name for name in self._parameters if name not in self._setpoint_of)

    # -- what the engine asks --------------------------------------------------------------------------

    def adapt(self, bench: Bench) -> None:
        """Adapt every procedure of the scan, and find what the scan moves besides its own set-points.

        Parameters
        ----------
        bench
            The bench; it may be unconnected.
        """
        self._procedure.adapt(bench)
        self._made.clear()
        self._setpoint_of.clear()
        for procedure in self._all():
            procedure.adapt(bench)
        self._outer = self._with_settings(bench)

    def settings(self) -> dict[str, float]:
        """Return the set-points that are the same at every place of the scan."""
        first, *others = (dict(procedure.settings()) for procedure in self._all())
        return {
            name: value
            for name, value in first.items()
            if name not in self._outer.names and all(other.get(name) == value for other in others)
        }

    def plan(self) -> Sweep | list[Point] | Iterator[Any]:
        """Return the points of all procedures, a grid if they all have the same one."""
        plans = [procedure.plan() for procedure in self._all()]
        first = plans[0]
        if isinstance(first, Sweep) and all(plan == first for plan in plans[1:]):
            self._inner_size = math.prod(first.shape)
            return Product(self._outer, first)
        self._inner_size = 0
        self._local = []
        if all(isinstance(plan, (Sweep, Sequence)) for plan in plans):
            return list(self._listed())
        return self._adaptive()

    def _listed(self) -> Iterator[Point]:
        for outer in self._outer:
            for place, point in enumerate(self._of(outer).plan()):
                self._local.append(point.index if isinstance(point, Point) else place)
                yield _joined(outer, point)

    def _adaptive(self) -> Iterator[object]:
        for outer in self._outer:
            yield from self._nested(outer, self._of(outer).plan())

    def _nested(self, outer: Point, plan: Any) -> Iterator[Any]:
        """Yield the points of one place of the scan; an adaptive plan receives what each of them gave."""
        answer, place = None, 0
        points = plan if hasattr(plan, "send") else (point for point in plan)
        while True:
            try:
                asked = points.send(answer)
            except StopIteration:
                return
            self._local.append(place)
            place += 1
            answer = yield _joined(outer, asked)

    def check(self, bench: Bench) -> None:
        """Let every procedure of the scan refuse what ``bench`` cannot do.

        Parameters
        ----------
        bench
            The bench.
        """
        for procedure in self._all():
            procedure.check(bench)

    def interlocks(self) -> Sequence[Interlock]:
        """Return those of the procedure."""
        return self._procedure.interlocks()

    def prepare(self, bench: Bench) -> None:
        """Prepare the instruments for the first place of the scan.

        Parameters
        ----------
        bench
            The bench.
        """
        self._current = next(iter(self._all()))
        self._current.prepare(bench)

    def measure(self, bench: Bench, point: Point) -> Mapping[str, object]:
        """Return the quantities at ``point``; after a change of a scanned parameter, prepare again first.

        Parameters
        ----------
        bench
            The bench.
        point
            A point of the scan; its set-points have been reached and have settled.

        Returns
        -------
            Name of the quantity to value, in the unit of the declared column.
        """
        procedure = self._of(point)
        if procedure is not self._current:
            if self._current is not None:
                self._current.finish(bench)
            self._current = None  # until it is ready, nothing is
            procedure.prepare(bench)
            self._current = procedure
        return procedure.measure(bench, self._inner(point))

    def finish(self, bench: Bench) -> None:
        """Finish the last place of the scan.

        Parameters
        ----------
        bench
            The bench.
        """
        if self._current is not None:
            self._current.finish(bench)

    def duration(self, point: Point) -> float:
        """Return how long ``measure`` takes at ``point``, s.

        Parameters
        ----------
        point
            A point of the scan.
        """
        return self._of(point).duration(self._inner(point))

    def moves(self, point: Point) -> Iterable[Mapping[str, float]]:
        """Return the set-points to which ``measure`` itself moves at ``point``, one move after the other.

        Parameters
        ----------
        point
            A point of the scan.

        Returns
        -------
            Moves: name of the actuator to set-point, in the actuator's unit.
        """
        return self._of(point).moves(self._inner(point))

    # -- the procedures at the places of the scan ------------------------------------------------------

    def _of(self, point: Point) -> Procedure:
        found = {**point.setpoints, **point.coordinates}
        key = tuple(float(found[self._setpoint_of.get(name, name)]) for name in self._parameters)
        return self._at(dict(zip(self._parameters, key, strict=True)))

    def _at(self, place: Mapping[str, float]) -> Procedure:
        """Return the procedure with the scanned parameters of a place, in the units of the scan."""
        key = tuple(place[name] for name in self._parameters)
        if key not in self._made:
            self._made[key] = self._make({name: place[name] for name in self._parameters})
        return self._made[key]

    def _make(self, values: Mapping[str, float]) -> Procedure:
        kept = {
            name: parameter.value
            for name, parameter in self._procedure.parameter_objects().items()
            if parameter.is_set() and name not in (*_NOT_SCANNED, *values)
        }
        given = {name: _with_unit(value, self._tracks[name].unit) for name, value in values.items()}
        return type(self._procedure)(**kept, **given)

    def _all(self) -> Iterator[Procedure]:
        """Return every procedure of the scan once, in the order of the visit."""
        if not self._parameters:
            yield self._at({})
            return
        columns = self._sweep.columns()
        seen = set()
        for key in zip(*(columns[name].tolist() for name in self._parameters), strict=True):
            if key not in seen:
                seen.add(key)
                yield self._at(dict(zip(self._parameters, key, strict=True)))

    def _inner(self, point: Point) -> Point:
        names = self._outer.names
        return Point(
            point.index % self._inner_size if self._inner_size else self._local[point.index],
            {name: value for name, value in point.setpoints.items() if name not in names},
            {name: value for name, value in point.coordinates.items() if name not in names},
        )

    def _with_settings(self, bench: Bench) -> Sweep:
        """Return the scan with the settings that change along it as set-points."""
        outer = self._sweep
        for name, values in self._settings_on_grid().items():
            if name in outer.names or np.all(values == values.flat[0]):
                continue
            axis = _only_axis(values)
            if axis is None:
                raise PlanError(
                    f"scan of {self._procedure.name!r}: {name} changes with several of "
                    f"{list(self._sweep.names)} together; let them advance together, or scan one of them"
                )
            along = np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)[:, 0]
            if column_name(name) in self._parameters:
                outer = self._as_setpoint(outer, name, along)
                continue
            unit = bench.actuator(name).unit
            outer = Alongside(outer, outer.axes()[axis][0].name, name, along, unit=unit)
        return outer

    def _as_setpoint(self, outer: Sweep, name: str, values: FloatArray) -> Sweep:
        """Return the scan with a parameter that is nothing but a set-point as that set-point."""
        parameter = column_name(name)
        if not np.array_equal(values, self._tracks[parameter].values):
            raise PlanError(
                f"scan of {self._procedure.name!r}: {parameter} and the set-point {name} have one name "
                "in the run file and different values; scan the set-point"
            )
        self._setpoint_of[parameter] = name
        return Sweep.from_dict(_renamed(outer.to_dict(), parameter, name))

    def _settings_on_grid(self) -> dict[str, FloatArray]:
        axes, shape = self._sweep.axes(), self._sweep.shape
        if not self._parameters:
            return {}
        found: list[dict[str, float]] = []
        for place in np.ndindex(*shape):
            here = {t.name: float(t.values[at]) for axis, at in zip(axes, place, strict=True) for t in axis}
            found.append(dict(self._at(here).settings()))
        names = dict.fromkeys(name for settings in found for name in settings)
        for name in names:
            if not all(name in settings for settings in found):
                raise PlanError(
                    f"scan of {self._procedure.name!r}: {name} is set at some places of the scan only; "
                    "make separate runs of it"
                )
        return {name: np.reshape([settings[name] for settings in found], shape) for name in names}


def _refuse_unscannable(procedure: str, name: str, known: Mapping[str, object]) -> None:
    if name not in known or name in _NOT_SCANNED:
        near = difflib.get_close_matches(name, set(known) - {*_NOT_SCANNED}, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise CardError(
            f"scan: procedure {procedure!r} has no parameter {name!r}{hint}; a set-point of the "
            "station has a dot in its name, such as 'magnet.field'"
        )
    if not isinstance(known[name], (FloatParameter, IntegerParameter)):
        raise CardError(
            f"scan: wanted a parameter of {procedure!r} that is a number, got {name!r}; make separate runs "
            "with [[runs]]"
        )


def _passes(content: object) -> set[str]:
    """Return the names of the axes along which a described sweep is only repeated."""
    if isinstance(content, Mapping):
        own = {content["name"]} if content.get("sweep") == "repeat" else set()
        return own.union(*map(_passes, content.values()))
    return set().union(*map(_passes, content)) if isinstance(content, list) else set()


def _refuse_bare(name: str, unit: str, known: Mapping[str, object]) -> None:
    wanted = getattr(known[name], "units", None) or "1"
    if unit == "1" and wanted != "1":
        raise CardError(
            f"scan: {name}: wanted values in {wanted!r}, got numbers without a unit; write it behind them"
        )


def _with_unit(value: float, unit: str) -> float | str:
    return value if unit == "1" else f"{value!r} {unit}"


def _renamed(content: object, old: str, new: str) -> Any:
    """Return the description of a sweep with one of its names replaced."""
    if isinstance(content, Mapping):
        return {
            key: new if key in ("name", "axis", "within") and value == old else _renamed(value, old, new)
            for key, value in content.items()
        }
    return [_renamed(part, old, new) for part in content] if isinstance(content, list) else content


def _only_axis(values: FloatArray) -> int | None:
    """Return the axis along which alone ``values`` changes, or None."""
    changing = [axis for axis in range(values.ndim) if np.any(values != np.take(values, [0], axis))]
    return changing[0] if len(changing) == 1 else None


def _joined(outer: Point, point: Any) -> Point:
    if isinstance(point, Mapping):
        setpoints = {name: float(value) for name, value in point.items() if "." in name}
        point = Point(0, setpoints, {name: float(v) for name, v in point.items() if "." not in name})
    return Point(0, {**outer.setpoints, **point.setpoints}, {**outer.coordinates, **point.coordinates})
