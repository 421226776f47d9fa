"""Roles of what measures the sample"s surroundings: field and temperature."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from labspin.instruments.roles.device import Device

__all__ = ["Gaussmeter", "TemperatureController"]


@runtime_checkable
class Gaussmeter(Device, Protocol):
    """A magnetometer at a fixed place."""

    @property
    def field(self) -> float:
        """Measure the magnetic field at the probe (T)."""
        ...


@runtime_checkable
class TemperatureController(Device, Protocol):
    """A thermometer with a heater loop."""

    @property
    def temperature(self) -> float:
        """Measure the temperature (K)."""
        ...

    @property
    def setpoint(self) -> float:
        """Control the temperature that the loop holds (K)."""
        ...

    @setpoint.setter
    def setpoint(self, value: float) -> None: ...

    @property
    def output_enabled(self) -> bool:
        """Control whether the heater loop is on (dimensionless, bool)."""
        ...

    @output_enabled.setter
    def output_enabled(self, value: bool) -> None: ...
