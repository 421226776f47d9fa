"""Kepco BOP bipolar power supply with a BIT 4886 interface card, as a current source for a magnet.

pymeasure's `KepcoBOP3612` has the commands. Added here: the other models' ranges, limits that refuse
(``KepcoBOP3612`` truncates silently), the error queue, and a way to a safe state that an inductive load
survives.

Quirks, from the *BIT 4886 operator manual* (Kepco, 243-1303):

- A set-point beyond the model's maximum is answered with error -222 in the queue (``SYSTem:ERRor?``), and the
  old value stays. So the queue is read after every setting.
- In current mode ``CURRent`` is the set-point and ``VOLTage`` the compliance, in voltage mode the reverse. A
  magnet is fed in current mode; the mode is set when the supply is connected, which is refused while the
  output is on in voltage mode.
- Switching the output off does not take the current out of a coil, so the set-point goes to zero first and
  the output is switched off when the current has gone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pymeasure.adapters import Adapter
from pymeasure.instruments import Instrument
from pymeasure.instruments.kepco import KepcoBOP3612

from labspin.errors import ArgumentError, DeviceError, IdentityError, InstrumentError
from labspin.instruments.adapter import RoleAdapter
from labspin.instruments.base import Guarded
from labspin.instruments.limits import check_limits, limited, on_off, one_of

__all__ = ["MODELS", "KepcoBOP", "KepcoMagnet", "KepcoOptions"]

MODELS: Mapping[str, tuple[float, float]] = {
    f"{volts}-{amperes}": (float(volts), float(amperes))
    for volts, amperes in (
        *((5, 20), (20, 5), (50, 2), (100, 1)),  # 100 W
        *((5, 30), (20, 10), (36, 6), (50, 4), (72, 3), (100, 2), (200, 1)),  # 200 W
        *((20, 20), (36, 12), (50, 8), (72, 6), (100, 4)),  # 400 W
    )
}
"""Models: greatest voltage (V) and current (A), both signs."""

_RESIDUAL = 0.01  # part of the greatest current that counts as none
_DISCHARGE_TIME = 10.0  # s
_POLL = 0.1  # s


class KepcoBOP(Guarded, KepcoBOP3612):  # type: ignore[misc]
    """Driver of the BOP series; see the module for its quirks."""

    maker = "KEPCO"
    asked_once = Guarded.asked_once | {"SYSTem:ERRor?"}
    terminations: ClassVar[Mapping[str, Any]] = {}  # pymeasure's class sets them
    residual_current: float = 0.02
    """Current that counts as none when the supply is made safe, A."""

    def __init__(self, adapter: Adapter | str, name: str = "Kepco BOP", **kwargs: Any) -> None:
        super().__init__(adapter, name, **kwargs)

    output_enabled: bool = Instrument.control(
        "OUTPut?",
        "OUTPut %d",
        """Control whether the output is on (dimensionless, bool: True or False).""",
        validator=one_of("Kepco BOP output_enabled"),
        values=(True, False),
        set_process=int,
        cast=on_off,
        check_set_errors=True,
    )

    mode: str = Instrument.control(
        "FUNCtion:MODE?",
        "FUNCtion:MODE %s",
        """Control what is regulated (dimensionless, str: "voltage" or "current").""",
        validator=one_of("Kepco BOP mode"),
        values=("voltage", "current"),
        set_process=lambda mode: {"voltage": "VOLT", "current": "CURR"}[mode],
        cast=lambda text: {"0": "voltage", "1": "current"}[text.strip()],
        check_set_errors=True,
    )

    current_setpoint: float = Instrument.control(
        "CURRent?",
        "CURRent %.6g",
        """Control the current (in voltage mode: its limit; A, float from -30 to 30, less by model).""",
        validator=limited("Kepco BOP current_setpoint", "A"),
        values=(-30.0, 30.0),
        check_set_errors=True,
    )

    voltage_setpoint: float = Instrument.control(
        "VOLTage?",
        "VOLTage %.6g",
        """Control the voltage (in current mode: its limit; V, float from -200 to 200, less by model).""",
        validator=limited("Kepco BOP voltage_setpoint", "V"),
        values=(-200.0, 200.0),
        check_set_errors=True,
    )

    current: float = Instrument.measurement(
        "MEASure:CURRent?",
        """Measure the current through the output (A, float, both signs).""",
    )

    voltage: float = Instrument.measurement(
        "MEASure:VOLTage?",
        """Measure the voltage across the output (V, float, both signs).""",
    )

    def check_errors(self) -> list[str]:
        """Return the errors that the supply has queued, and empty the queue."""
        errors: list[str] = []
        while True:
            reply = self.ask("SYSTem:ERRor?").strip()
            try:
                code = int(reply.split(",")[0])
            except ValueError as error:
                raise self._unreadable("SYSTem:ERRor?", reply, "an error number and its text") from error
            if code == 0:
                return errors
            errors.append(reply)

    def check_set_errors(self) -> list[str]:
        """Raise if the supply refused the setting just sent."""
        if errors := self.check_errors():
            raise DeviceError(
                f"{self._title}: it refused a setting with {'; '.join(errors)}; its old value stays"
            )
        return []

    def safe(self) -> None:
        """Bring the current to zero, then switch the output off."""
        try:
            self.current_setpoint = 0.0
            self._wait_for_discharge()
        finally:
            self.output_enabled = False

    def _wait_for_discharge(self) -> None:
        deadline = self.clock.now() + _DISCHARGE_TIME
        while abs(self.current) > self.residual_current:
            if self.clock.now() >= deadline:
                raise DeviceError(
                    f"{self._title}: {self.current:.3g} A still flow {_DISCHARGE_TIME:g} s after the "
                    "set-point went to zero; the output is switched off all the same"
                )
            self.clock.sleep(_POLL)


@dataclass(frozen=True, kw_only=True)
class KepcoOptions:
    """What a station file may say about the supply."""

    model: str = "36-12"
    """Greatest voltage and current, as in the name of the model."""
    compliance: float | None = field(default=None, metadata={"unit": "V"})
    """Greatest voltage that the supply may use to drive the current, V; None: leave it as it is."""

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise ArgumentError(
                f"model: wanted a model of the BOP series, one of {', '.join(MODELS)}, got {self.model!r}"
            )
        if self.compliance is not None and not 0 < self.compliance <= MODELS[self.model][0]:
            raise ArgumentError(
                f"compliance: wanted more than 0 V and at most {MODELS[self.model][0]:g} V, "
                f"got {self.compliance!r}"
            )


class KepcoMagnet(RoleAdapter):
    """The Kepco BOP as a `MagnetSupply`."""

    role = "MagnetSupply"
    driver: ClassVar[type] = KepcoBOP
    options: ClassVar[type] = KepcoOptions
    device: KepcoBOP
    chosen: KepcoOptions

    @classmethod
    def ranges(cls, options: Any = None) -> Mapping[str, tuple[float, float]]:
        """Return the model's limits, A."""
        greatest = MODELS[(options or KepcoOptions()).model][1]
        return {"current": (-greatest, greatest)}

    def configure(self) -> None:
        """Check the model and set current mode and compliance."""
        identity = self.device.identify()
        found = re.search(r"(\d+)-(\d+)", identity)
        if found and found[0] != self.chosen.model:
            raise IdentityError(
                f"{self.device.name}: wanted the model {self.chosen.model}, but {identity!r} answers; "
                "correct the option 'model' in the station file"
            )
        self.device.residual_current = _RESIDUAL * MODELS[self.chosen.model][1]
        self.device.check_errors()
        if self.device.mode != "current":
            if self.device.output_enabled:
                raise InstrumentError(
                    f"{self.device.name}: wanted current mode, but its output is on in voltage mode; bring "
                    "it to zero and switch it off by hand, then connect again"
                )
            self.device.mode = "current"
        if self.chosen.compliance is not None:
            self.device.voltage_setpoint = self.chosen.compliance

    @property
    def current(self) -> float:
        """Control the current set-point (A, float within the model's range)."""
        return self.device.current_setpoint

    @current.setter
    def current(self, value: float) -> None:
        least, greatest = self.ranges(self.chosen)["current"]
        name = f"{self.device.name} current"
        self.device.current_setpoint = check_limits(name, value, least, greatest, "A")

    @property
    def measured_current(self) -> float:
        """Measure the current that flows (A, float, both signs)."""
        return self.device.current

    @property
    def output_enabled(self) -> bool:
        """Control whether the output is on (dimensionless, bool: True or False)."""
        return self.device.output_enabled

    @output_enabled.setter
    def output_enabled(self, value: bool) -> None:
        self.device.output_enabled = value

    def settings(self) -> dict[str, Any]:
        """Return set-point (A), current (A), compliance (V), mode and switch, read back."""
        return {
            "current": self.current,
            "measured_current": self.measured_current,
            "compliance": self.device.voltage_setpoint,
            "mode": self.device.mode,
            "output_enabled": self.output_enabled,
        }
