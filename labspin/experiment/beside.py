"""Quantities of the bench that are recorded beside every point, whatever the procedure measures.

A station lists them (``[record]``): the temperature of a cryostat, the current that flows. They become
columns of the run file behind those of the procedure, named as everywhere (``cryostat_temperature``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from labspin.data import Column
from labspin.errors import PlanError
from labspin.experiment.scan import scanned
from labspin.experiment.sweep import Point, Sweep, column_name

if TYPE_CHECKING:
    from labspin.bench.bench import Bench

__all__ = ["WithReadings", "as_run"]


def as_run(procedure: object, bench: Bench) -> Any:
    """Return what the engine runs: a procedure, the scan of it, and what the bench records beside its points.

    Parameters
    ----------
    procedure
        Any procedure, or what this function returned for one.
    bench
        Where it runs; of what it records (`Bench.record`), only instruments that are connected count.

    Returns
    -------
        The procedure itself where there is neither a scan nor anything to record.

    Raises
    ------
    CardError
        The scan names what is no parameter, or none that is a number.
    PlanError
        The procedure has a quantity with the name of a recorded one.
    """
    if isinstance(procedure, WithReadings):
        return procedure
    found: Any = scanned(procedure)  # type: ignore[arg-type]
    record = {name: unit for name, unit in bench.record.items() if name.split(".")[0] in bench.instruments}
    return WithReadings(found, record) if record else found


class WithReadings:
    """A procedure and quantities of the bench; for the engine it is a procedure like any other.

    What the points move is in the run file as an axis, and is not recorded a second time beside them.

    Parameters
    ----------
    procedure
        What is measured.
    record
        ``"instrument.attribute"`` to unit.
    """

    def __init__(self, procedure: Any, record: Mapping[str, str]) -> None:
        self._procedure, self._record = procedure, dict(record)
        self._leave_out(column.name for column in procedure.coordinates)
        taken = {column.name for column in procedure.quantities}
        for name in self._record:
            if column_name(name) in taken:
                raise PlanError(
                    f"[record] {name!r}: procedure {procedure.name!r} records {column_name(name)!r} itself; "
                    "take it out of the station's list"
                )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._procedure, name)

    def _leave_out(self, axes: Iterable[str]) -> None:
        for name in {column_name(axis) for axis in axes}:
            self._record = {one: unit for one, unit in self._record.items() if column_name(one) != name}

    def plan(self) -> Any:
        """Return the points of the procedure, whose set-points are not recorded a second time."""
        points = self._procedure.plan()
        if isinstance(points, Sweep):
            self._leave_out(points.names)
        elif isinstance(points, Sequence):
            self._leave_out(name for point in points[:1] for name in _moved(point))
        return points

    @property
    def quantities(self) -> tuple[Column, ...]:
        """The procedure's quantities, and those of the bench behind them."""
        beside = (
            Column(name=column_name(name), unit=unit, description=f"{name}, read at the end of the point")
            for name, unit in self._record.items()
        )
        return (*self._procedure.quantities, *beside)

    def measure(self, bench: Bench, point: Point) -> dict[str, object]:
        """Return the procedure's quantities at ``point``, and the readings of the station's record.

        Parameters
        ----------
        bench
            The bench.
        point
            The point; its set-points have been reached and have settled.

        Returns
        -------
            Name of the column to value, in the column's unit.
        """
        found = dict(self._procedure.measure(bench, point))
        for name in self._record:
            instrument, attribute = name.split(".")
            found[column_name(name)] = float(getattr(bench.instruments[instrument], attribute))
        return found


def _moved(point: object) -> Iterable[str]:
    """Return what a point moves; of what is no point, which the plan refuses, nothing."""
    if isinstance(point, Mapping):
        return tuple(point)
    return (*point.setpoints, *point.coordinates) if isinstance(point, Point) else ()
