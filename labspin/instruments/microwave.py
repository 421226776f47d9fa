"""What adapters of microwave sources have in common: the role, with the limits of the model.

The output of a driver is a carrier: ``frequency`` (Hz), ``power`` (dBm) and ``output_enabled``. What is left
to the model is its ranges, which an option of the station file may choose, and how it is brought to a carrier
that is at rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from labspin.instruments.adapter import RoleAdapter
from labspin.instruments.limits import check_limits

__all__ = ["MicrowaveAdapter"]


class MicrowaveAdapter(RoleAdapter):
    """A source as a `MicrowaveSource`; subclasses say its `ranges`."""

    role = "MicrowaveSource"
    device: Any
    relied_on: ClassVar[tuple[str, ...]] = ("frequency", "power", "output_enabled")
    resolutions: ClassVar[Mapping[str, float]] = {"power": 0.01}

    def _checked(self, attribute: str, value: float, unit: str) -> float:
        least, greatest = self.ranges(self.chosen)[attribute]
        return check_limits(f"{self.device.name} {attribute}", value, least, greatest, unit)

    @property
    def frequency(self) -> float:
        """Control the frequency of the carrier (Hz, float within the model's range)."""
        return float(self.device.frequency)

    @frequency.setter
    def frequency(self, value: float) -> None:
        self.device.frequency = self._checked("frequency", value, "Hz")

    @property
    def power(self) -> float:
        """Control the power of the carrier (dBm, float within the model's range)."""
        return float(self.device.power)

    @power.setter
    def power(self, value: float) -> None:
        self.device.power = self._checked("power", value, "dBm")

    @property
    def output_enabled(self) -> bool:
        """Control whether the output is on (dimensionless, bool: True or False)."""
        return bool(self.device.output_enabled)

    @output_enabled.setter
    def output_enabled(self, value: bool) -> None:
        self.device.output_enabled = value

    def settings(self) -> dict[str, object]:
        """Return frequency (Hz), power (dBm) and the switch, read back."""
        return {"frequency": self.frequency, "power": self.power, "output_enabled": self.output_enabled}
