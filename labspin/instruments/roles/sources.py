"""Roles of what puts something on the sample: microwave, magnetic field, light."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from labspin.instruments.roles.device import Device

__all__ = ["LaserPower", "MagnetSupply", "MicrowaveSource"]


@runtime_checkable
class LaserPower(Device, Protocol):
    """The power of a laser, as it is set and as it is measured."""

    @property
    def power(self) -> float:
        """Control the optical power (W)."""
        ...

    @power.setter
    def power(self, value: float) -> None: ...

    @property
    def measured_power(self) -> float:
        """Measure the optical power (W)."""
        ...


@runtime_checkable
class MagnetSupply(Device, Protocol):
    """A current source that feeds a magnet."""

    @property
    def current(self) -> float:
        """Control the current set-point (A)."""
        ...

    @current.setter
    def current(self, value: float) -> None: ...

    @property
    def measured_current(self) -> float:
        """Measure the current that flows (A)."""
        ...

    @property
    def output_enabled(self) -> bool:
        """Control whether the output is on (dimensionless, bool)."""
        ...

    @output_enabled.setter
    def output_enabled(self, value: bool) -> None: ...


@runtime_checkable
class MicrowaveSource(Device, Protocol):
    """A continuous microwave source; pulses are made by a switch that the pulse generator drives."""

    @property
    def frequency(self) -> float:
        """Control the output frequency (Hz)."""
        ...

    @frequency.setter
    def frequency(self, value: float) -> None: ...

    @property
    def power(self) -> float:
        """Control the output power (dBm)."""
        ...

    @power.setter
    def power(self, value: float) -> None: ...

    @property
    def output_enabled(self) -> bool:
        """Control whether the output is on (dimensionless, bool)."""
        ...

    @output_enabled.setter
    def output_enabled(self, value: bool) -> None: ...
