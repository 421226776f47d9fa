"""An instrument of a bench as procedures and people see it: what may be moved, moves within its limits.

``bench.magnet.current = 1.5`` in a notebook must not do more than a run may. So an instrument with actuators
is handed out behind a handle, by whatever name it is reached: assigning to what the station declares goes
through the `Actuator` (limits, ramp from the read-back, settling), everything else goes to the instrument as
it is. The driver underneath knows nothing of the station's limits, so a handle does not give it away; to
commission an instrument, ask for it with `Bench.raw`, and say why.

=====================================  ====================================================================
statement                              effect
=====================================  ====================================================================
``bench.microwave.frequency = 2.9e9``  checked against the station's limits, set, settled
``bench.magnet.field = "15 G"``        a calibrated name, a text with a unit: ramped
``bench.magnet.output_enabled = True`` switched on at the current that flows, so that nothing jumps
``bench.magnet.output_enabled = False``  ramped to its safe value, then switched off
``bench.magnet.safe()``                ramped to its safe value, then the instrument's own safe action
``bench.magnet.curent = 1``            refused: there is no such attribute
``bench.magnet.device``                refused: the driver, see `Bench.raw`
``bench.magnet.current``               what the instrument answers, its set-point
``bench.magnet.field``                 the read-back, calibrated
=====================================  ====================================================================
"""

from __future__ import annotations

import dataclasses
import difflib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from labspin.bench.actuators import Actuator
from labspin.errors import ArgumentError, SafetyError
from labspin.units import parse_quantity

__all__ = ["InstrumentHandle"]

_OF_A_DRIVER = ("write", "ask", "safe")
_PLAIN = frozenset(
    {float, int, bool, str, bytes, complex, tuple, type(None), np.float64, np.int64, np.ndarray}
)
"""Types of what is read most, none of which speaks to a device."""


class InstrumentHandle:
    """Hands everything on to ``device``, but what would pass the limits and ramps of its actuators.

    Parameters
    ----------
    name
        Name of the instrument on its bench.
    device
        The instrument.
    actuators
        Attribute, or name of a calibration, to what moves it.
    """

    __slots__ = ("__weakref__", "_actuators", "_calibrated", "_device", "_name")

    def __init__(self, name: str, device: object, actuators: Mapping[str, Actuator]) -> None:
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_device", device)
        object.__setattr__(self, "_actuators", dict(actuators))
        calibrated = {attribute: a for attribute, a in actuators.items() if a.name != a.spec.name}
        object.__setattr__(self, "_calibrated", calibrated)

    @property  # type: ignore[misc]  # `isinstance` sees the instrument
    def __class__(self) -> type:
        return type(self._device)

    def __getattribute__(self, attribute: str) -> Any:
        # Not __getattr__, before which Python makes an error of everything that the handle has not: a reading
        # of a device cost half a microsecond for that.
        if attribute[:1] == "_":
            try:
                return object.__getattribute__(self, attribute)
            except AttributeError:
                return getattr(_DEVICE_OF(self), attribute)
        calibrated = _CALIBRATED_OF(self)
        if attribute in calibrated:
            return calibrated[attribute].read()
        if attribute == "safe":
            return self._make_safe
        value = getattr(_DEVICE_OF(self), attribute)
        if type(value) not in _PLAIN and _is_driver(value):
            raise SafetyError(
                f"bench.{self._name}.{attribute}: is a driver, which knows nothing of the limits and ramps "
                f"of the station; set what the station declares ({', '.join(self._actuators)}), or write "
                f"bench.raw({self._name!r}, reason='…').{attribute}, which is recorded"
            )
        return value

    def __setattr__(self, attribute: str, value: object) -> None:
        actuator = self._actuators.get(attribute)
        if actuator is not None:
            self._move(actuator, value)
        elif attribute == "output_enabled":
            self._switch(value)
        else:
            self._refuse_unknown(attribute)
            self._refuse_fixed(attribute)
            setattr(self._device, attribute, value)

    def _move(self, actuator: Actuator, value: Any) -> None:
        wanted = parse_quantity(value, actuator.unit, name=actuator.name) if isinstance(value, str) else value
        actuator.move(float(wanted))

    def _switch(self, value: object) -> None:
        self._refuse_unknown("output_enabled")
        if isinstance(value, str) or value not in (True, False):
            raise ArgumentError(f"{self._name}.output_enabled: wanted True or False, got {value!r}")
        ramped = self._ramped()
        if value and ramped:
            for actuator in ramped:
                actuator.energise()
            return
        for actuator in ramped:
            actuator.come_down()
        self._device.output_enabled = bool(value)

    def _make_safe(self) -> None:
        """Ramp to the safe value, then run the instrument's own safe action."""
        for actuator in self._ramped():
            actuator.come_down()
        self._device.safe()

    def _ramped(self) -> list[Actuator]:
        found = {actuator.spec.name: actuator for actuator in self._actuators.values()}
        return [actuator for actuator in found.values() if actuator.spec.ramp_rate is not None]

    def _refuse_unknown(self, attribute: str) -> None:
        nothing = object()
        if inspect.getattr_static(self._device, attribute, nothing) is nothing:
            known = [name for name in dir(self) if not name.startswith("_")]
            near = difflib.get_close_matches(attribute, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there are {known}"
            raise AttributeError(f"{self._name}: no attribute {attribute!r}{hint}")

    def _refuse_fixed(self, attribute: str) -> None:
        """Refuse to replace what the instrument consists of: its driver, methods, options, constants."""
        if hasattr(type(inspect.getattr_static(self._device, attribute)), "__set__"):
            return  # a property, which refuses by itself what it cannot take
        now = getattr(self._device, attribute)
        is_part = type(now) is InstrumentHandle or isinstance(now, Mapping) or dataclasses.is_dataclass(now)
        is_part = is_part or _is_constant(type(self._device), attribute)
        if is_part or callable(now) or _is_driver(now):
            raise AttributeError(
                f"{self._name}.{attribute}: is a part of the instrument and cannot be replaced; "
                f"bench.raw({self._name!r}, reason='…') gives the instrument itself"
            )

    def __dir__(self) -> list[str]:
        return sorted({*dir(self._device), *self._actuators})

    def __repr__(self) -> str:
        limits = ", ".join(
            f"{name} {actuator.minimum:g} … {actuator.maximum:g} {actuator.unit}"
            for name, actuator in self._actuators.items()
        )
        return f"<{self._name}: {self._device!r}; {limits}>"


_DEVICE_OF: Callable[[InstrumentHandle], Any] = InstrumentHandle.__dict__["_device"].__get__
_CALIBRATED_OF: Callable[[InstrumentHandle], Mapping[str, Actuator]] = InstrumentHandle.__dict__[
    "_calibrated"
].__get__


def _is_constant(kind: type, attribute: str) -> bool:
    """Return whether an attribute belongs to the class: by such a word a heater is switched off."""
    declared = (vars(base).get("__annotations__", {}).get(attribute, "") for base in kind.__mro__)
    return any("ClassVar" in str(how) for how in declared)


def _is_driver(value: object) -> bool:
    """Return whether ``value`` speaks to a device by itself; handles do so within the limits."""
    if type(value) is InstrumentHandle or isinstance(value, (type, str, bytes, Callable)):  # type: ignore[arg-type]
        return False
    if isinstance(value, Mapping):
        return any(_is_driver(one) for one in value.values())
    return any(callable(getattr(type(value), name, None)) for name in _OF_A_DRIVER)
