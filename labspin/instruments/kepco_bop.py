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
- ``CURRent:MODE LIST`` runs a stored list, ``TRANsient`` makes the next set-point a pulse;
  both act on the main channel and stay when a program ends. A supply that is in one of them is refused.
- ``INITiate:CONTinuous ON`` lets every ``*TRG``, and every group trigger on the bus, put levels on the output
  that was stored before (``CURRent:TRIGgered``). It is switched off when the supply is connected. The card
  knows no ``TRIGger:SOURce``: that is of the BOP-MG supplies.
- Switching the output off does not take the current out of a coil, so the set-point goes to zero first and
  the output is switched off when the current has gone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Unpack

from pymeasure.adapters import Adapter
from pymeasure.instruments import Instrument
from pymeasure.instruments.kepco import KepcoBOP3612

from labspin.errors import ArgumentError, IdentityError, InstrumentError
from labspin.instruments.adapter import options_or_defaults
from labspin.instruments.base import Opening
from labspin.instruments.limits import on_off
from labspin.instruments.magnet import MagnetAdapter, wait_for_discharge
from labspin.instruments.properties import choice, quantity, switch
from labspin.instruments.refusals import ErrorQueue

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


class KepcoBOP(ErrorQueue, KepcoBOP3612):  # type: ignore[misc]
    """Driver of the BOP series; see the module for its quirks."""

    maker = "KEPCO"
    takes_several = True
    error_query = "SYSTem:ERRor?"
    terminations: ClassVar[Mapping[str, object]] = {}  # pymeasure's class sets them
    residual_current: float = 0.02
    """Current that counts as none when the supply is made safe, A."""

    def __init__(self, adapter: Adapter | str, name: str = "Kepco BOP", **kwargs: Unpack[Opening]) -> None:
        super().__init__(adapter, name, **kwargs)

    output_enabled: bool = switch(
        "OUTPut?",
        "OUTPut %d",
        """Control whether the output is on (dimensionless, bool: True or False).""",
        name="Kepco BOP output_enabled",
    )

    mode: str = choice(
        "FUNCtion:MODE?",
        "FUNCtion:MODE %s",
        """Control what is regulated (dimensionless, str: "voltage" or "current").""",
        name="Kepco BOP mode",
        words={"voltage": "VOLT", "current": "CURR"},
        aliases={"0": "voltage", "1": "current"},
    )

    current_setpoint: float = quantity(
        "CURRent?",
        "CURRent %.6g",
        """Control the current (in voltage mode: its limit; A, float from -30 to 30, less by model).""",
        name="Kepco BOP current_setpoint",
        unit="A",
        limits=(-30.0, 30.0),
    )

    voltage_setpoint: float = quantity(
        "VOLTage?",
        "VOLTage %.6g",
        """Control the voltage (in current mode: its limit; V, float from -200 to 200, less by model).""",
        name="Kepco BOP voltage_setpoint",
        unit="V",
        limits=(-200.0, 200.0),
    )

    program: str = Instrument.measurement(
        "CURRent:MODE?",
        """Get what moves the main channel (dimensionless, str: "FIXED", "LIST" or "TRANSIENT").""",
        cast=str,
    )

    follows_triggers: bool = switch(
        "INITiate:CONTinuous?",
        "INITiate:CONTinuous %d",
        """Control whether triggers put stored levels on the output (dimensionless, bool: True or False).""",
        name="Kepco BOP follows_triggers",
    )

    current: float = Instrument.measurement(
        "MEASure:CURRent?",
        """Measure the current through the output (A, float, both signs).""",
    )

    voltage: float = Instrument.measurement(
        "MEASure:VOLTage?",
        """Measure the voltage across the output (V, float, both signs).""",
    )

    state_questions: ClassVar[Mapping[str, tuple[str, Callable[[str], object]]]] = {
        "enabled": ("OUTPut?", on_off),
        "wanted": ("CURRent?", float),
        "flowing": ("MEASure:CURRent?", float),
    }
    """What tells whether the output follows its set-point."""

    def safe(self) -> None:
        """Bring the current to zero, then switch the output off."""
        try:
            self.current_setpoint = 0.0
            wait_for_discharge(
                self._title, lambda: self.current, residual=self.residual_current, clock=self.clock
            )
        finally:
            self.output_enabled = False


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


class KepcoMagnet(MagnetAdapter):
    """The Kepco BOP as a `MagnetSupply`."""

    driver: ClassVar[type] = KepcoBOP
    options: ClassVar[type] = KepcoOptions
    device: KepcoBOP
    chosen: KepcoOptions
    relied_on = (*MagnetAdapter.relied_on, "device.mode", "device.program", "device.follows_triggers")

    @classmethod
    def ranges(cls, options: object = None) -> Mapping[str, tuple[float, float]]:
        """Return the model's limits, A.

        Parameters
        ----------
        options
            `KepcoOptions`; None: their defaults.
        """
        greatest = MODELS[options_or_defaults(KepcoOptions, options).model][1]
        return {"current": (-greatest, greatest)}

    def configure(self) -> None:
        """Check the model and set current mode and compliance."""
        identity = self.device.identify()
        found = re.search(r"(?<!\d)(\d{1,4})-(\d{1,4})(?!\d)", identity)
        if found and found[0] != self.chosen.model:
            raise IdentityError(
                f"{self.device.name}: wanted the model {self.chosen.model}, but {identity!r} answers; "
                "correct the option 'model' in the station file"
            )
        self.device.residual_current = _RESIDUAL * MODELS[self.chosen.model][1]
        self.device.check_errors()
        program = self.device.program.strip().upper()
        if program.startswith(("LIST", "TRAN", "EXT")):
            raise InstrumentError(
                f"{self.device.name}: wanted a supply that follows commands, but it is in the mode "
                f"{program}: a stored list, transient or analog input moves it; stop that (CURR:MODE FIX), "
                "then connect again"
            )
        if self.device.follows_triggers:
            self.device.follows_triggers = False
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
    def output(self) -> KepcoBOP:
        """Get what feeds the magnet: the supply has one output (dimensionless, the driver)."""
        return self.device

    def settings(self) -> dict[str, object]:
        """Return set-point (A), current (A), compliance (V), switch and mode, read back."""
        return {**super().settings(), "mode": self.device.mode}
