"""Driver, adapter and simulated device of the AcmeSupply, a source of voltage that measures what it gives.

The device does not exist; its command language is that of many that do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from labspin.instruments import ErrorQueue, LabspinInstrument, RoleAdapter, quantity, switch
from labspin.twin.message import SCPI_COMMANDS, MessageDevice
from labspin.twin.wire import Table, ask, number, switch as switch_line

LEVELS = (0.0, 10.0)  # V


class AcmeSupply(ErrorQueue, LabspinInstrument):
    """Driver of the AcmeSupply; what is out of limits is refused before anything is sent."""

    maker, models = "Acme", ("AcmeSupply",)

    level: float = quantity(
        "VOLT?", "VOLT %.6f", "Control the level (V, float from 0 to 10 V).",
        name="AcmeSupply level", unit="V", limits=LEVELS,
    )  # fmt: skip
    output_enabled: bool = switch(
        "OUTP?", "OUTP %d", "Control whether the output is on (dimensionless, bool).",
        name="AcmeSupply output_enabled",
    )  # fmt: skip
    measured_level: float = LabspinInstrument.measurement("MEAS?", "Measure the level (V, float).")

    def safe(self) -> None:
        """Go to no level, then switch the output off."""
        self.level = 0.0
        self.output_enabled = False


class SimulatedAcmeSupply(MessageDevice):
    """The AcmeSupply on a simulated bench; here it feeds a laser that gives 1 mW per volt."""

    ports: ClassVar = {"light": "signal"}
    default_wiring: ClassVar = {"light": "laser.power"}
    true_identity = "Acme,AcmeSupply,0001,1.0"

    class State:
        """Settings of the device as it wakes up."""

        level, enabled = 0.0, False

    def power_on(self) -> None:
        """Wake up switched off."""
        self.state = self.State()
        self.apply()

    def apply(self) -> None:
        """Let the sample feel what leaves the output."""
        self.drive("light", 1e-3 * self.emitted())

    def emitted(self) -> float:
        """Return the voltage at the output, V."""
        return self.state.level if self.state.enabled else 0.0

    table = Table(
        [
            *SCPI_COMMANDS,
            number("VOLTage", "level", unit="V", limits=LEVELS, form="{:.6f}", then=lambda one: one.apply()),
            switch_line("OUTPut", "enabled", then=lambda one: one.apply()),
            ask("MEASure", lambda one: f"{one.emitted():.6f}"),
        ]
    )


class AcmeSupplyAdapter(RoleAdapter):
    """The AcmeSupply at a bench, in SI units, in a role of its own."""

    role, driver, twin = "AcmeSupply", AcmeSupply, SimulatedAcmeSupply
    units: ClassVar = {"level": "V"}
    """What may be moved."""
    readings: ClassVar = {"measured_level": "V"}
    """What can be read."""

    @classmethod
    def ranges(cls, options: Any = None) -> Mapping[str, tuple[float, float]]:
        """Return what the hardware allows."""
        return {"level": LEVELS}

    def configure(self) -> None:
        """Forget old errors; if the output is off, switch it on without a level."""
        self.device.check_errors()
        if not self.device.output_enabled:
            self.device.level = 0.0
            self.device.output_enabled = True

    @property
    def level(self) -> float:
        """Control the level (V, float from 0 to 10 V)."""
        return float(self.device.level)

    @level.setter
    def level(self, value: float) -> None:
        self.device.level = value

    @property
    def measured_level(self) -> float:
        """Measure the level (V, float)."""
        return float(self.device.measured_level)

    def settings(self) -> dict[str, Any]:
        """Return set-point (V) and switch, read back."""
        return {"level": self.level, "output_enabled": self.device.output_enabled}
