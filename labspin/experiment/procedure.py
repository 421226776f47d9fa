"""What every procedure is made of.

An author declares parameters, roles, coordinates and quantities, and writes ``plan()`` and ``measure()``; the
engine does the rest. A `Procedure` is pymeasure's, so it also runs in a stock pymeasure ``Worker`` or
``ManagedWindow``: `Procedure.execute` runs the engine, on `Procedure.bench` if that is set and else on the
station file that the parameter ``station`` names.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import labspin
from labspin.bench.bench import Bench
from labspin.bench.interlock import Interlock
from labspin.data import Column
from labspin.errors import CardError, LabspinError
from labspin.experiment.parameters import Parameter, ScanParameter
from labspin.experiment.pymeasure import Procedure as PymeasureProcedure
from labspin.experiment.sweep import Point, Sweep
from labspin.notebook import html_page
from labspin.settable import Settable
from labspin.workspaces import quantity_text

__all__ = ["Procedure", "data_column"]


class Procedure(Settable, PymeasureProcedure):  # type: ignore[misc]  # pymeasure is untyped
    """Base of all procedures.

    Parameters
    ----------
    **parameters
        Values by attribute name: numbers in the parameter's unit, or texts with a unit.

    Raises
    ------
    CardError
        A name is not a parameter, or a value is not one for it.

    Attributes
    ----------
    name
        What run cards and run files call the procedure; the class name in small letters unless set.
    roles
        Binding name on the bench -> role it must have.
    coordinates
        Where points are: must agree with the plan; an adaptive plan cannot do without.
    quantities
        What ``measure`` returns, name by name.
    signal
        Quantity to plot by default.
    below_signal
        Quantities that pictures show below it, over the same axis.
    lines_apart
        By how much pictures move each line of several up from the one before, in heights of the largest.
    is_open_ended
        Whether ``measure`` waits for something that may take any time, so that `duration` is a typical time.
    bench
        Where to run in a stock pymeasure Worker, instead of the parameter ``station``.
    run_file
        Where to record in a stock pymeasure Worker; ``data/`` and a time stamp unless set.
    """

    name: ClassVar[str] = "procedure"
    roles: ClassVar[Mapping[str, type]] = MappingProxyType({})
    coordinates: Sequence[Column] = ()
    quantities: Sequence[Column] = ()
    signal: ClassVar[str] = ""
    below_signal: ClassVar[Sequence[str]] = ()
    lines_apart: ClassVar[float] = 0.0
    is_open_ended: ClassVar[bool] = False

    station = Parameter("Station", default="", description="Station file; empty: the bench that is set")
    scan = ScanParameter("Scan", default="", description="Further axes: parameters and set-points -> values")

    bench: Bench | None = None
    run_file: Path | None = None

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in vars(cls):
            cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
        if isinstance(cls.quantities, tuple) and isinstance(cls.coordinates, tuple):
            cls.DATA_COLUMNS = [data_column(c) for c in (*cls.coordinates, *cls.quantities) if not c.shape]

    def __init__(self, **parameters: object) -> None:
        super().__init__()
        self.__declared = known = self.parameter_objects()
        for name, value in parameters.items():
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise CardError(
                    f"procedure {self.name!r} has no parameter {name!r}, only {sorted(known)}{hint}"
                )
            setattr(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        parameter = self.__dict__.get("_Procedure__declared", {}).get(name)
        if parameter is not None:
            if not (parameter.is_set() and parameter.value is value):
                try:
                    parameter.value = value
                except (LabspinError, ValueError) as error:
                    raise CardError(f"parameter {name!r} of procedure {self.name!r}: {error}") from error
            value = parameter.value
        super().__setattr__(name, value)

    def setting_owner(self) -> str:
        """Return what an error calls the procedure."""
        return f"procedure {self.name!r}"

    def _repr_html_(self) -> str:
        rows = [
            (name, _value_text(one), ". ".join(filter(None, (one.name, getattr(one, "description", "")))))
            for name, one in self.parameter_objects().items()
        ]
        facts = [("roles", ", ".join(self.roles)), ("gives", ", ".join(one.name for one in self.quantities))]
        return html_page(f"procedure {self.name}", facts, ("parameter", "value", "meaning"), rows)

    def gen_measurement(self) -> None:
        """Leave it to pymeasure's `Results` to check the names of columns: that loads all units of pint."""
        self.MEASURE: dict[str, str] = {}

    def picture(self) -> dict[str, Any]:
        """Return how a run is drawn, as the run file keeps it: columns below the signal, line styles."""
        found = {"below": list(self.below_signal), "apart": self.lines_apart}
        return {key: value for key, value in found.items() if value}

    # What an author writes.

    def settings(self) -> Mapping[str, float]:
        """Return the set-points common to all points: actuator name -> value in the actuator's unit."""
        return {}

    def plan(self) -> Sweep | Iterable[Point] | Generator[Any, Any, None]:
        """Return the points to visit; touches no hardware (see `labspin.experiment.plan`)."""
        raise NotImplementedError(f"procedure {self.name!r} has no plan()")

    def duration(self, point: Point) -> float:
        """Return about how long ``measure`` takes at ``point``, s, for estimates; 0 if that is not known.

        Excludes moves made by ``measure``; declare those in `moves`.

        Parameters
        ----------
        point
            A point of the plan.
        """
        return 0.0

    def moves(self, point: Point) -> Iterable[Mapping[str, float]]:
        """Return the set-points to which ``measure`` itself moves at ``point``, one move after the other.

        Parameters
        ----------
        point
            A point of the plan.

        Returns
        -------
            Moves: name of the actuator to set-point, in the actuator's unit.
        """
        return ()

    def adapt(self, bench: Bench) -> None:
        """Take from ``bench`` what the card leaves open, such as a time step; called before `plan`.

        Write it to parameters, so that it is recorded and a resumed run has it.

        Parameters
        ----------
        bench
            The bench. It may be unconnected: read only what the station file declares.
        """

    def interlocks(self) -> Sequence[Interlock]:
        """Return what is watched in this procedure, beside the interlocks of the bench."""
        return ()

    def check(self, bench: Bench) -> None:
        """Raise an error if ``bench`` cannot do what the procedure needs; called before anything moves.

        Parameters
        ----------
        bench
            The instruments, as attributes by their names in the station file, and the clock.
        """

    def prepare(self, bench: Bench) -> None:
        """Prepare the instruments for the first point; the settings have been reached.

        Parameters
        ----------
        bench
            The instruments, as attributes by their names in the station file, and the clock.
        """

    def measure(self, bench: Bench, point: Point) -> Mapping[str, object]:
        """Return the quantities at ``point``.

        Parameters
        ----------
        bench
            The instruments, as attributes by their names in the station file, and the clock.
        point
            The point; its set-points have been reached and have settled.

        Returns
        -------
            Name of the quantity to value, in the unit of the declared column; all declared ones.
        """
        raise NotImplementedError(f"procedure {self.name!r} has no measure()")

    def finish(self, bench: Bench) -> None:
        """Clean up after the last point; the engine sees to the safe state.

        Parameters
        ----------
        bench
            The instruments, as attributes by their names in the station file, and the clock.
        """

    # What is the same for all.

    def parameter_record(self) -> dict[str, dict[str, Any]]:
        """Return every parameter as ``{"value": …, "unit": …}``."""
        return {
            name: {"value": parameter.value, "unit": getattr(parameter, "units", None) or "1"}
            for name, parameter in self.parameter_objects().items()
            if parameter.is_set() and (name != "scan" or parameter.value)
        }

    def execute(self) -> None:
        """Run in a pymeasure Worker: record as always, and emit every point and the progress."""
        labspin.run_in_worker(self)


def data_column(column: Any) -> str:
    """Return pymeasure's name of a column or dimension: with the unit where pymeasure knows it.

    Parameters
    ----------
    column
        A column or dimension of a layout: it has a name and a unit.
    """
    # pymeasure writes text and complex numbers only into columns without a unit, and refuses units that
    # its own registry does not know.
    plain = getattr(column, "dtype", "float64") in ("float64", "int64")
    return (
        f"{column.name} ({column.unit})" if plain and re.fullmatch(r"[A-Za-z]+", column.unit) else column.name
    )


def _value_text(parameter: Any) -> str:
    """Return the value of a parameter as the workspace shows it."""
    unit = str(getattr(parameter, "units", None) or "1")
    if unit == "1" or not parameter.is_set():
        return str(parameter)
    values = parameter.value if isinstance(parameter.value, (list, tuple)) else [parameter.value]
    if not all(isinstance(value, (int, float)) for value in values):
        return str(parameter)
    return ", ".join(quantity_text(value, unit, digits=10) for value in values)
