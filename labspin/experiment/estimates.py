"""How long a run will take, estimated before anything is connected.

Ramps and settling waits follow from the station's declarations, move by move through the whole plan; how long
``measure`` takes at a point is what the procedure declares (`Procedure.duration`). Instruments answer in no
time here, so a run takes a little longer than its estimate.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labspin.bench.actuators import Actuator
from labspin.experiment.beside import as_run
from labspin.experiment.check import DeclaredStation, checked_plan
from labspin.experiment.plan import CompiledPlan
from labspin.experiment.procedure import Procedure
from labspin.experiment.scan import Scanned
from labspin.experiment.sweep import Point

__all__ = ["Estimate", "estimate"]

_FOLLOWED = 10_000
"""Points of an adaptive plan that are followed; a longer one has no end without readings."""


@dataclass(frozen=True)
class Estimate:
    """How much there is to do."""

    points: int | None
    """None for an adaptive plan that does not say where it goes: nothing else is known of it either."""
    moving: float = 0.0
    """Ramps and settling waits, s."""
    measuring: float = 0.0
    """What the procedure declares, s; 0 where it declares nothing."""
    is_typical: bool = False
    """Whether it waits for something that may take any time: this is what it takes as a rule."""
    is_adaptive: bool = False
    """Whether readings decide where it goes: this is what it does if none of them does."""

    @property
    def total(self) -> float | None:
        """Seconds in all, or None where nothing is known."""
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
        Number of points and times, s; of an adaptive plan those that it makes where every point is skipped,
        or nothing where it cannot be followed so.

    Raises
    ------
    LabspinError
        The plan contradicts itself or leaves a limit.
    """
    bench = station.unconnected()
    procedure = as_run(procedure, bench)
    plan = checked_plan(procedure, bench)
    points = _points_of(plan)
    if points is None:
        return Estimate(None)
    moves = _Moves(bench.actuators)
    moves.reach(procedure.settings())
    measuring = 0.0
    for point in points:
        moves.reach(point.setpoints)
        for setpoints in procedure.moves(point):
            moves.go(setpoints)
        measuring += procedure.duration(point)
    moves.make_safe()
    return Estimate(
        len(points), moves.seconds, measuring, procedure.is_open_ended or plan.is_adaptive, plan.is_adaptive
    )


def _points_of(plan: CompiledPlan) -> Sequence[Point] | None:
    """Return the points of a plan; of an adaptive one those that it makes without readings, if it ends."""
    if not plan.is_adaptive:
        return list(plan)
    try:
        found = list(itertools.islice(plan, _FOLLOWED + 1))
    except Exception:  # noqa: BLE001 - written by users, and they may want the readings
        return None
    return found if len(found) <= _FOLLOWED else None


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
