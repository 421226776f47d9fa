"""An instrument of a bench as procedures and people see it: what may be moved, moves within its limits.

``bench.magnet.current = 1.5`` in a notebook must not do more than a run may. So an instrument with actuators
is handed out behind a handle: assigning to what the station declares goes through the `Actuator` (limits,
ramp from the read-back, settling), everything else goes to the instrument as it is.

=====================================  ====================================================================
statement                              effect
=====================================  ====================================================================
``bench.microwave.frequency = 2.9e9``  checked against the station's limits, set, settled
``bench.magnet.field = "15 G"``        a calibrated name, a text with a unit: ramped
``bench.magnet.output_enabled = True`` switched on at the current that flows, so that nothing jumps
``bench.magnet.curent = 1``            refused: there is no such attribute
``bench.magnet.current``               what the instrument answers, its set-point
``bench.magnet.field``                 the read-back, calibrated
=====================================  ====================================================================
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from typing import Any

from labspin.bench.actuators import Actuator
from labspin.errors import UnknownStateError
from labspin.units import parse_quantity

__all__ = ["InstrumentHandle"]


class InstrumentHandle:
    """Hands everything on to ``device``, but assignments to actuated attributes.

    Parameters
    ----------
    name
        Of the instrument on its bench.
    device
        The instrument.
    actuators
        Attribute, or name of a calibration, to what moves it.
    """

    __slots__ = ("_actuators", "_calibrated", "_device", "_name")

    def __init__(self, name: str, device: Any, actuators: Mapping[str, Actuator]) -> None:
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_device", device)
        object.__setattr__(self, "_actuators", dict(actuators))
        calibrated = {attribute: a for attribute, a in actuators.items() if a.name != a.spec.name}
        object.__setattr__(self, "_calibrated", calibrated)

    @property  # type: ignore[misc]  # `isinstance` sees the instrument
    def __class__(self) -> type:
        return type(self._device)

    def __getattr__(self, attribute: str) -> Any:
        if attribute in self._calibrated:
            return self._calibrated[attribute].read()
        return getattr(self._device, attribute)

    def __setattr__(self, attribute: str, value: Any) -> None:
        actuator = self._actuators.get(attribute)
        if actuator is not None:
            self._move(actuator, value)
        elif attribute == "output_enabled" and value and self._ramped():
            for ramped in self._ramped():
                ramped.energise()
        else:
            self._refuse_unknown(attribute)
            setattr(self._device, attribute, value)

    def _move(self, actuator: Actuator, value: Any) -> None:
        wanted = parse_quantity(value, actuator.unit, name=actuator.name) if isinstance(value, str) else value
        actuator.check(float(wanted))
        if actuator.spec.ramp_rate is not None and not getattr(self._device, "output_enabled", True):
            raise UnknownStateError(
                f"{actuator.name}: its output is off, so a ramp would lead nowhere and jump when it is "
                f"switched on; write bench.{self._name}.output_enabled = True first"
            )
        actuator.move(float(wanted))

    def _ramped(self) -> list[Actuator]:
        return [actuator for actuator in self._actuators.values() if actuator.spec.ramp_rate is not None]

    def _refuse_unknown(self, attribute: str) -> None:
        nothing = object()
        if inspect.getattr_static(self._device, attribute, nothing) is nothing:
            known = [name for name in dir(self) if not name.startswith("_")]
            near = difflib.get_close_matches(attribute, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there are {known}"
            raise AttributeError(f"{self._name}: wanted an attribute that it has, got {attribute!r}{hint}")

    def __dir__(self) -> list[str]:
        return sorted({*dir(self._device), *self._actuators})

    def __repr__(self) -> str:
        limits = ", ".join(
            f"{name} {actuator.minimum:g} … {actuator.maximum:g} {actuator.unit}"
            for name, actuator in self._actuators.items()
        )
        return f"<{self._name}: {self._device!r}; {limits}>"
