"""A procedure's whole plan against a bench, before anything moves: with the bench connected, or at a desk.

Both ways refuse the same: what the bench lacks, set-points that leave a limit, what contradicts itself, and
what the instruments cannot do by themselves. Without a connection the one thing left out is what a
procedure's own check has to ask a device; a report then says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from labspin.bench.bench import Bench
from labspin.errors import ConnectionFailedError, PlanError, UnitError
from labspin.experiment.beside import as_run
from labspin.experiment.plan import CompiledPlan, PlanReport, compile_plan
from labspin.experiment.procedure import Procedure
from labspin.experiment.scan import Scanned
from labspin.units import canonical

__all__ = ["DeclaredStation", "caution", "check_plan", "checked_plan", "preflight"]


class DeclaredStation(Protocol):
    """What is known of a station before it is connected."""

    def unconnected(self) -> Bench:
        """Return the bench without connections."""
        ...


def preflight(procedure: Procedure | Scanned, bench: Bench) -> CompiledPlan:
    """Check everything that can be checked before anything moves, and return the plan.

    Parameters
    ----------
    procedure
        The procedure, with its parameters set.
    bench
        The bench on which it will run.

    Raises
    ------
    LabspinError
        The bench lacks something, a set-point leaves a limit, or two things contradict each other; the
        text says which.
    """
    procedure = as_run(procedure, bench)
    plan = checked_plan(procedure, bench)
    procedure.check(bench)
    return plan


def check_plan(procedure: Procedure | Scanned, station: DeclaredStation) -> PlanReport:
    """Return what ``procedure`` would do on ``station``; nothing is connected.

    Parameters
    ----------
    procedure
        The procedure, with its parameters set.
    station
        The station, as its file declares it.

    Raises
    ------
    LabspinError
        As for `preflight`.
    """
    bench = station.unconnected()
    procedure = as_run(procedure, bench)
    plan = checked_plan(procedure, bench)
    unchecked = ""
    try:
        procedure.check(bench)
    except ConnectionFailedError as error:
        unchecked = str(error)
    return plan.report(
        bench.actuators, procedure.settings(), unchecked=unchecked, caution=caution(procedure, bench)
    )


def caution(procedure: Procedure | Scanned, bench: Bench) -> str:
    """Return what a plan within all limits may measure wrongly all the same; empty if nothing is known.

    A temperature along which a procedure is scanned is waited for as the station says, and by nothing else.

    Parameters
    ----------
    procedure
        The procedure as the engine runs it, adapted to the bench.
    bench
        The bench; it may be unconnected.
    """
    # Readings that the bench records stand around a scan, and pass on what it is asked.
    scanned: Sequence[str] = getattr(procedure, "scanned_setpoints", ())
    moved = [bench.actuators[name].spec for name in scanned]
    unawaited = [
        spec.name
        for spec in moved
        if spec.unit == "K" and not spec.settle.wait and spec.settle.tolerance is None
    ]
    if not unawaited:
        return ""
    return (
        f"{', '.join(unawaited)}: the station does not say how this temperature settles, so points are "
        'measured on the way to it; give the actuator a rule, such as settle = { tolerance = "20 mK", '
        'stable_for = "2 min", timeout = "1 h" }'
    )


def checked_plan(procedure: Procedure | Scanned, bench: Bench) -> CompiledPlan:
    """Return the plan on ``bench``; every check but the procedure's own `check` is done.

    Parameters
    ----------
    procedure
        The procedure, with its parameters set; it is adapted to the bench.
    bench
        The bench; it may be unconnected.
    """
    bench.require(procedure.roles)
    procedure.adapt(bench)
    _refuse_unknown_units(procedure)
    plan = compile_plan(procedure, bench.actuators)
    plan.check(bench.actuators, procedure.settings())
    for name, device in bench.instruments.items():
        together = plan.together(name, procedure.settings())
        if len(together) > 1 and hasattr(device.__class__, "check_setpoints"):
            device.check_setpoints(together)
    return plan


def _refuse_unknown_units(procedure: Procedure | Scanned) -> None:
    """Refuse columns whose units cannot be converted, before a night is recorded in them."""
    for column in (*procedure.coordinates, *procedure.quantities):
        try:
            canonical(column.unit)
        except UnitError as error:
            raise PlanError(f"procedure {procedure.name!r}: column {column.name!r}: {error}") from error
