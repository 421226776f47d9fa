"""Where the instruments stand that could not be made safe, in words for a person at the bench."""

from __future__ import annotations

from collections.abc import Iterable

from labspin.bench.actuators import Actuator
from labspin.bench.safety import SafeAction, SafeBench, unsafe_instruments
from labspin.errors import UnknownStateError
from labspin.units import format_quantity

__all__ = ["unsafe_remarks"]

_LONGEST = 160  # characters of what a device said


def unsafe_remarks(bench: SafeBench, actions: Iterable[SafeAction]) -> dict[str, str]:
    """Return the last known value of each instrument that could not be made safe, in words.

    Parameters
    ----------
    bench
        After its safe actions; its actuators are read back once more.
    actions
        What was done to make it safe.

    Returns
    -------
        Instrument to a phrase such as ``"magnet at 1.2 A"``; empty if all are safe.
    """
    actions = list(actions)
    return {name: _remark(bench, name, actions) for name in unsafe_instruments(actions)}


def _remark(bench: SafeBench, name: str, actions: list[SafeAction]) -> str:
    ramped = [
        actuator
        for full, actuator in bench.actuators.items()
        if actuator.spec.instrument == name and full == actuator.spec.name and actuator.spec.safe is not None
    ]
    stands = [_stand(name if len(ramped) == 1 else one.name, one) for one in ramped]
    if known := [text for text in stands if text]:
        return ", ".join(known)
    failed = [action for action in actions if action.instrument == name and not action.ok]
    said = failed[-1].message if failed else "nothing is known of it"
    return f"{name} ({said[:_LONGEST]})"


def _stand(name: str, actuator: Actuator) -> str:
    """Return the read-back of an actuator, or its last set-point; empty if neither is known."""
    spec = actuator.spec
    try:
        return f"{name} at {format_quantity(actuator.read(), spec.unit)}"
    except UnknownStateError:
        sent = actuator.last_sent
    if sent is None:
        return f"{name} at an unknown value (it cannot be read back)"
    return f"{name} last set to {format_quantity(sent, spec.unit)} (it cannot be read back)"
