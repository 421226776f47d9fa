"""Wait until what was moved has settled: a time, then a read-back within a tolerance, which stays there."""

from __future__ import annotations

from collections.abc import Callable

from labspin.bench.specs import ActuatorSpec
from labspin.bench.waiting import Checkpoint
from labspin.clock import Clock
from labspin.errors import SettleError
from labspin.units import format_quantity

__all__ = ["await_settled"]


def await_settled(
    spec: ActuatorSpec,
    target: float,
    read: Callable[[], float],
    clock: Clock,
    checkpoint: Checkpoint,
    *,
    has_to_stay: bool = True,
) -> None:
    """Wait until an actuator has settled by its own rule, `ActuatorSpec.settle`.

    Parameters
    ----------
    spec
        The actuator.
    target
        Where it should be, in ``spec.unit``.
    read
        Returns where it is, in ``spec.unit``.
    clock
        Waits go through it.
    checkpoint
        Called between two readings; what it raises ends the wait.
    has_to_stay
        Whether `Settle.stable_for` is kept. If not, one reading within the tolerance is enough: on the way to
        the safe state the output only has to have come down.

    Raises
    ------
    SettleError
        The read-back did not come within the tolerance in time, or did not stay there.
    """
    settle = spec.settle
    if settle.wait:
        clock.sleep(settle.wait)
    if settle.tolerance is None:
        return
    needed = settle.stable_for if has_to_stay else 0.0
    deadline = clock.now() + settle.timeout
    since: float | None = None
    was_inside = False
    while True:
        reached = read()
        now = clock.now()
        if abs(reached - target) <= settle.tolerance:
            since, was_inside = (now if since is None else since), True
            if now - since >= needed:
                return
        else:
            since = None
        checkpoint()
        if now >= deadline:
            raise SettleError(_did_not_settle(spec, target, reached, was_inside=was_inside))
        clock.sleep(settle.poll)


def _did_not_settle(spec: ActuatorSpec, target: float, reached: float, *, was_inside: bool) -> str:
    settle = spec.settle
    wanted = f"within {format_quantity(settle.tolerance or 0.0, spec.unit)}"
    if was_inside:  # it came there, so that the time within the tolerance is what is missing
        wanted += f" for {settle.stable_for:g} s on end"
    return (
        f"{spec.name}: did not settle at {format_quantity(target, spec.unit)} within {settle.timeout:g} s: "
        f"reads {format_quantity(reached, spec.unit)}, wanted {wanted}; check the instrument"
    )
