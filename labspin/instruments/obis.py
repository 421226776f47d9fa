"""Coherent OBIS LX and LS, diode and solid-state lasers with a SCPI-like serial line.

The commands are those of the *OBIS LX/LS operator's manual* (Coherent, part 3, interface commands), powers in
watts.

Quirks:

- With handshaking on, as delivered, it adds a line ``OK`` or ``ERR`` after everything, which a client that
  asks questions takes for the next answer. It is switched off when a connection begins.
- It refuses a power below its least one, which is several per cent of the nominal power: no light is
  ``SOURce:AM:STATe OFF``, not zero watts. The adapter takes 0 W for off.
- Without handshaking a refusal is silent and the old value stays. So every setting is read back.
- It emits some seconds after it was switched on (CDRH delay, ``SYSTem:CDRH``): the measured power says when.
- A voltage at its modulation input may set the power instead of commands (mode ``ANALOG`` or ``MIXED`` of
  ``SOURce:AM:SOURce?``): refused. In a digital mode the input gates the light; it is left so, but compared.
- A fault ends the light while the set power stays as it was. ``SYSTem:FAULt?`` tells of it, in hexadecimal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from labspin.errors import ArgumentError, DeviceError
from labspin.instruments.adapter import RoleAdapter, options_or_defaults
from labspin.instruments.base import LabspinInstrument
from labspin.instruments.limits import one_of
from labspin.instruments.properties import quantity

__all__ = ["OBIS", "OBISLaser", "OBISOptions"]

_GREATEST = 2.0  # W, of the strongest head
_CLOSE = 1e-3  # relative, of a power that was read back
_FROM_INPUT = ("ANALOG", "MIXED")  # modes in which a voltage sets the power
_FAULTS: Mapping[int, str] = {
    0x1: "base plate temperature out of range", 0x2: "diode temperature out of range",
    0x4: "internal temperature out of range", 0x8: "no electrical power at the diode",
    0x20: "over-current of the diode", 0x200: "warm-up took too long", 0x400: "fault of the cooler's driver",
    0x1000: "diode temperature beyond its limit", 0x2000: "not ready", 0x4000: "fault of the photodiode",
    0x8000: "fatal fault", 0x10000: "fault at start-up", 0x100000: "over-power",
}  # fmt: skip
"""Bits of ``SYSTem:FAULt?``; the others are told by their code."""


def _is_on(reply: str) -> str:
    return "1" if reply.strip().upper() in ("ON", "1") else "0"


class OBIS(LabspinInstrument):
    """Driver of an OBIS laser; see the module for its quirks."""

    maker = "Coherent"
    models = ("OBIS",)
    terminations: ClassVar[Mapping[str, object]] = {"read_termination": "\r\n", "write_termination": "\r\n"}

    power: float = quantity(
        "SOUR:POW:LEV:IMM:AMPL?",
        "SOUR:POW:LEV:IMM:AMPL %.6f",
        """Control the power while it emits (W, float from 0.0001 to 2, less by head).""",
        name="OBIS power",
        unit="W",
        limits=(1e-4, _GREATEST),
        checked=False,
    )
    output_enabled: bool = LabspinInstrument.control(
        "SOUR:AM:STAT?",
        "SOUR:AM:STAT %s",
        """Control whether it emits (dimensionless, bool).""",
        validator=one_of("OBIS output_enabled"),
        values=(True, False),
        set_process=lambda on: "ON" if on else "OFF",
        preprocess_reply=_is_on,
        cast=lambda text: text == "1",
    )
    handshaking: bool = LabspinInstrument.control(
        "SYST:COMM:HAND?",
        "SYST:COMM:HAND %s",
        """Control whether it adds a line to every answer (dimensionless, bool).""",
        validator=one_of("OBIS handshaking"),
        values=(True, False),
        set_process=lambda on: "ON" if on else "OFF",
        preprocess_reply=_is_on,
        cast=lambda text: text == "1",
    )
    measured_power: float = LabspinInstrument.measurement(
        "SOUR:POW:LEV?", """Measure the power that leaves it (W, float)."""
    )
    least_power: float = LabspinInstrument.measurement(
        "SOUR:POW:LIM:LOW?", """Get the least power that it can emit (W, float)."""
    )
    greatest_power: float = LabspinInstrument.measurement(
        "SOUR:POW:LIM:HIGH?", """Get the greatest power that it can emit (W, float)."""
    )

    operating_mode: str = LabspinInstrument.measurement(
        "SOUR:AM:SOUR?",
        """Get what sets the light (dimensionless, str: "CWP" and "CWC" commands, "DIGITAL", "DIGSO", "ANALOG"
        and "MIXED" an input).""",
        cast=lambda text: text.strip().upper(),
    )

    fault_code: int = LabspinInstrument.measurement(
        "SYST:FAUL?",
        """Get what is wrong with it (dimensionless, int of bits; 0 is nothing).""",
        cast=lambda text: int(text, 16),
    )

    def identify(self) -> str:
        """Switch handshaking off, and return the answer to ``*IDN?``, checked against the driver's models.

        Raises
        ------
        IdentityError
            Another instrument answers.
        """
        self.handshaking = False
        self.clock.sleep(0.1)
        self.adapter.flush_read_buffer()  # the last "OK"
        return super().identify()

    def safe(self) -> None:
        """Switch the light off."""
        self.output_enabled = False


@dataclass(frozen=True, kw_only=True)
class OBISOptions:
    """What a station file may say about the laser."""

    transmission: float = 1.0
    """Power at the sample over the power that leaves the laser."""
    least: float | None = field(default=None, metadata={"unit": "W"})
    """Least power at the sample that is more than off, W; None: the head's own."""
    greatest: float = field(default=_GREATEST, metadata={"unit": "W"})
    """Greatest power at the sample, W."""

    def __post_init__(self) -> None:
        if not 0 < self.transmission <= 1:
            raise ArgumentError(f"transmission: wanted more than 0 and at most 1, got {self.transmission!r}")
        if not 0 < self.greatest <= _GREATEST:
            raise ArgumentError(
                f"greatest: wanted more than 0 W and at most {_GREATEST:g} W, got {self.greatest!r} W"
            )
        if self.least is not None and not 0 < self.least < self.greatest:
            raise ArgumentError(
                f"least: wanted more than 0 W and less than {self.greatest:g} W, got {self.least!r} W"
            )


class OBISLaser(RoleAdapter):
    """An OBIS as a `LaserPower`: the power at the sample, 0 W is off."""

    role: ClassVar[str] = "LaserPower"
    driver: ClassVar[type] = OBIS
    options: ClassVar[type] = OBISOptions
    device: OBIS
    chosen: OBISOptions
    relied_on = ("power", "device.operating_mode")

    @classmethod
    def ranges(cls, options: object = None) -> Mapping[str, tuple[float, float]]:
        """Return the powers at the sample, W.

        Parameters
        ----------
        options
            `OBISOptions`; None: their defaults.
        """
        return {"power": (0.0, options_or_defaults(OBISOptions, options).greatest)}

    def configure(self) -> None:
        """Check that the head can do what the station file says; nothing is switched.

        Raises
        ------
        DeviceError
            Its least power is above the one that the station file promises, or a voltage sets its power.
        """
        if (mode := self.device.operating_mode) in _FROM_INPUT:
            raise DeviceError(
                f"{self.device.name}: wanted a laser whose power follows commands, but a voltage at its "
                f"modulation input sets it (mode {mode}); send SOUR:AM:INT CWP, then connect again"
            )
        least = self.device.least_power * self.chosen.transmission
        promised = self.chosen.least
        if promised is not None and least > promised * (1 + _CLOSE):
            raise DeviceError(
                f"{self.device.name}: wanted at most {promised:g} W at the sample, the head emits "
                f"at least {least:g} W there; correct 'least' in the station file, or put a filter before it"
            )

    def doubts(self) -> tuple[str, ...]:
        """Return the faults for which it may emit another power than is set, or none."""
        code = self.device.fault_code
        found = [text for bit, text in _FAULTS.items() if code & bit]
        if other := code & ~sum(_FAULTS):
            found.append(f"fault 0x{other:X}")
        return tuple(found)

    @property
    def power(self) -> float:
        """Control the power at the sample (W, float; 0 is off)."""
        return self.device.power * self.chosen.transmission if self.device.output_enabled else 0.0

    @power.setter
    def power(self, value: float) -> None:
        if value == 0:
            self.device.output_enabled = False
        elif value < (least := self._least()) * (1 - _CLOSE):
            raise ArgumentError(
                f"{self.device.name}: wanted 0 W or at least {least:g} W at the sample, got {value!r} W"
            )
        else:
            wanted = value / self.chosen.transmission
            self.device.power = wanted
            made = self.device.power
            if abs(made - wanted) > _CLOSE * wanted:
                raise DeviceError(
                    f"{self.device.name}: wanted {wanted:g} W, it kept {made:g} W; it emits from "
                    f"{self.device.least_power:g} to {self.device.greatest_power:g} W"
                )
            self.device.output_enabled = True

    def _least(self) -> float:
        """Return the least power at the sample that is more than off, W."""
        promised = self.chosen.least
        return self.device.least_power * self.chosen.transmission if promised is None else promised

    @property
    def measured_power(self) -> float:
        """Measure the power at the sample by the laser's own detector (W, float)."""
        return self.device.measured_power * self.chosen.transmission

    def settings(self) -> dict[str, object]:
        """Return the powers (W) and whether it emits, read back."""
        return {
            "power": self.power,
            "measured_power": self.measured_power,
            "output_enabled": self.device.output_enabled,
            "operating_mode": self.device.operating_mode,
        }
