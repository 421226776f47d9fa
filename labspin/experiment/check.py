"""A procedure's whole plan against a station's limits, without a connection and before anything moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from labspin.clock import WallClock
from labspin.experiment.actuators import Actuator, ActuatorSpec
from labspin.experiment.plan import PlanReport, compile_plan
from labspin.experiment.procedure import Procedure

__all__ = ["DeclaredStation", "check_plan", "declared_actuators"]


class DeclaredStation(Protocol):
    """What is known of a station before it is connected."""

    @property
    def actuators(self) -> Sequence[ActuatorSpec]:
        """What may be moved, and within which limits."""
        ...


def check_plan(procedure: Procedure, station: DeclaredStation) -> PlanReport:
    """Return what ``procedure`` would do on ``station``.

    Limits are checked as the engine checks them before a run; what only connected devices can say (the
    resolution of a pulse generator) is not.

    Raises
    ------
    LabspinError
        Which set-point leaves which limit, or what contradicts what.
    """
    actuators = declared_actuators(station)
    plan = compile_plan(procedure, actuators)
    settings = procedure.settings()
    plan.check(actuators, settings)
    return plan.report(actuators, settings)


def declared_actuators(station: DeclaredStation) -> dict[str, Actuator]:
    """Return the actuators of ``station`` by name, calibrated names included, without devices behind them."""
    actuators: dict[str, Actuator] = {}
    for spec in station.actuators:
        made = [Actuator(spec, None, WallClock())]
        if spec.calibration is not None:
            made.append(Actuator(spec, None, WallClock(), calibrated=True))
        actuators.update({actuator.name: actuator for actuator in made})
    return actuators
