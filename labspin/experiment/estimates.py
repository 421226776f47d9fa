"""How long a run will take, estimated before anything is connected.

Ramps and settling waits follow from the station's declarations, move by move through the whole plan; how long
``measure`` takes at a point is what the procedure declares (`Procedure.duration`). Instruments answer in no
time here, so a run takes a little longer than its estimate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from labspin.bench.actuators import Actuator
from labspin.experiment.check import DeclaredStation, checked_plan
from labspin.experiment.procedure import Procedure
from labspin.experiment.scan import Scanned, scanned

__all__ = ["Estimate", "estimate"]


@dataclass(frozen=True)
class Estimate:
    """How much there is to do."""

    points: int | None
    """None for an adaptive plan, of which nothing else is known either."""
    moving: float = 0.0
    """Ramps and settling waits, s."""
    measuring: float = 0.0
    """What the procedure declares, s; 0 where it declares nothing."""
    is_typical: bool = False
    """Whether it waits for something that may take any time: this is what it takes as a rule."""

    @property
    def total(self) -> float | None:
        """Seconds in all, or None for an adaptive plan."""
        return None if self.points is None else self.moving + self.measuring


def estimate(procedure: Procedure | Scanned, station: DeclaredStation) -> Estimate:
    """Return how long ``procedure`` will take on ``station``.

    Parameters
    ----------
    procedure
        The procedure, with its parameters set.
    station
        The station, as its file declares it; nothing is connected.

    Returns
    -------
        Number of points and times, s; all unknown for an adaptive plan.

    Raises
    ------
    LabspinError
        The plan contradicts itself or leaves a limit.
    """
    procedure, bench = scanned(procedure), station.unconnected()
    plan = checked_plan(procedure, bench)
    if plan.total is None:
        return Estimate(None)
    moves = _Moves(bench.actuators)
    moves.reach(procedure.settings())
    measuring = 0.0
    for point in plan:
        moves.reach(point.setpoints)
        for setpoints in procedure.moves(point):
            moves.go(setpoints)
        measuring += procedure.duration(point)
    moves.make_safe()
    return Estimate(plan.total, moves.seconds, measuring, procedure.is_open_ended)


class _Moves:
    """The value of every actuator, and the seconds needed to bring it there."""

    def __init__(self, actuators: Mapping[str, Actuator]) -> None:
        self._actuators = actuators
        # Runs leave what has a safe value there, so that is where the next one finds it.
        self._at: dict[str, float] = {
            name: actuator.spec.safe
            for name, actuator in actuators.items()
            if name == actuator.spec.name and actuator.spec.safe is not None
        }
        self._sent: dict[str, float] = {}
        self.seconds = 0.0

    def reach(self, setpoints: Mapping[str, float]) -> None:
        """Go to ``setpoints``; an actuator that is there already costs nothing, as in the engine."""
        for name, value in setpoints.items():
            if self._sent.get(name) != value:
                self._sent[name] = value
                self._move(self._actuators[name], value)

    def go(self, setpoints: Mapping[str, float]) -> None:
        """Go to ``setpoints`` unknown to the engine: an actuator settles even if it is there already."""
        for name, value in setpoints.items():
            self._move(self._actuators[name], value)

    def make_safe(self) -> None:
        """Go to the safe values."""
        for name, actuator in self._actuators.items():
            if name == actuator.spec.name and actuator.spec.safe is not None:
                self._move(actuator, actuator.spec.safe)

    def _move(self, actuator: Actuator, value: float) -> None:
        raw, name = actuator.to_raw(value), actuator.spec.name
        self.seconds += self._actuators[name].ramp_time(self._at.get(name, raw), raw)
        self._at[name] = raw
