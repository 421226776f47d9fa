"""What the instruments of a bench say of themselves, and where its actuators stand: the snapshot of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from labspin.bench.actuators import Actuator

__all__ = ["read_back"]


def read_back(
    instruments: Mapping[str, Any], actuators: Mapping[str, Actuator], *, tolerant: bool
) -> dict[str, Any]:
    """Return the settings that every instrument reports and the values of all actuators, read back now.

    Parameters
    ----------
    instruments
        By name.
    actuators
        By name; each belongs to one of the instruments.
    tolerant
        Note the error of an instrument that cannot be read instead of raising it.
    """
    record: dict[str, Any] = {"instruments": {}, "actuators": {}}
    for name, device in instruments.items():
        record["instruments"][name] = _read(_describe, device, tolerant)
    for name, actuator in actuators.items():
        error = record["instruments"][actuator.spec.instrument].get("error")  # it would not answer again
        value = {"error": error} if error is not None else _read(_stand, actuator, tolerant)
        record["actuators"][name] = {**value, "unit": actuator.unit}
    return record


def _describe(device: Any) -> dict[str, Any]:
    record = {"identity": device.identity(), "settings": dict(device.settings())}
    if hasattr(device, "relied_settings"):
        record["relied_on"] = dict(device.relied_settings())
    repeated = getattr(getattr(device, "device", None), "repeated", None)
    return record if repeated is None else {**record, "repeated": dict(repeated)}


def _stand(actuator: Actuator) -> dict[str, Any]:
    return {"value": actuator.read()}


def _read(read: Callable[[Any], dict[str, Any]], of: Any, tolerant: bool) -> dict[str, Any]:
    try:
        return read(of)
    except Exception as error:  # after a failure the rest of the bench is still worth recording
        if not tolerant:
            raise
        return {"error": f"{type(error).__name__}: {error}"}
