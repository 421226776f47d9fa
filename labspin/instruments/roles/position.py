"""The role of what moves a sample or a tip."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from labspin.instruments.roles.device import Device

__all__ = ["Positioner"]


@runtime_checkable
class Positioner(Device, Protocol):
    """One axis that sets a distance, such as that of a tip from a surface; its safe action retracts it."""

    @property
    def position(self) -> float:
        """Control the distance from the surface (m)."""
        ...

    @position.setter
    def position(self, value: float) -> None: ...

    @property
    def measured_position(self) -> float:
        """Measure the distance from the surface, by the sensor of the axis (m)."""
        ...
