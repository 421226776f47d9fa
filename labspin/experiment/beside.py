"""Quantities of the bench that are recorded beside every point, whatever the procedure measures.

A station lists them (``[record]``): the temperature of a cryostat, the current that flows. They become
columns of the run file behind those of the procedure, named as everywhere (``cryostat_temperature``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labspin.data import Column
from labspin.errors import PlanError
from labspin.experiment.sweep import Point, column_name

if TYPE_CHECKING:
    from labspin.bench.bench import Bench

__all__ = ["WithReadings", "with_readings"]


def with_readings(procedure: object, bench: Bench) -> Any:
    """Return ``procedure`` with the quantities that the bench records beside every point.

    Parameters
    ----------
    procedure
        Any procedure.
    bench
        Where it runs; of what it records (`Bench.record`), only instruments that are connected count.

    Returns
    -------
        The procedure itself where there are none.

    Raises
    ------
    PlanError
        The procedure has a quantity of such a name itself.
    """
    record = {name: unit for name, unit in bench.record.items() if name.split(".")[0] in bench.instruments}
    return WithReadings(procedure, record) if record else procedure


class WithReadings:
    """A procedure and quantities of the bench; for the engine it is a procedure like any other.

    Parameters
    ----------
    procedure
        What is measured.
    record
        ``"instrument.attribute"`` to unit.
    """

    def __init__(self, procedure: Any, record: Mapping[str, str]) -> None:
        self._procedure, self._record = procedure, dict(record)
        taken = {column.name for column in (*procedure.quantities, *procedure.coordinates)}
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
