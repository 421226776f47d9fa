"""Lake Shore 425: a gaussmeter with a Hall probe at the place of the sample.

Commands and their formats, units and probe types after the *Model 425 Gaussmeter user's manual* (Lake
Shore), section 6.3.1; ranges of a high-sensitivity probe (35 G to 35 kG) as pymeasure's ``LakeShore425`` has
them, resolution one part in 35 000 of each. It has none of the registers of IEEE 488.2 (no ``*ESR?``): what
it cannot take is ignored, such as ``AUTO`` and ``REL`` without their argument.
Assumed, not found in the manual: it wakes up in gauss with auto-ranging; beyond 105 % of the range the
reading stays there and bit 1 of ``OPST?`` is set; offset and noise of the probe. ``ZPROBE`` takes the
present field for zero, as the instrument does that expects its probe in a zero-gauss chamber.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from labspin.errors import ArgumentError
from labspin.twin.devices.lakeshore import DIALECT, plain, real, scientific, whole
from labspin.twin.message import MessageDevice
from labspin.twin.wire import Command, CommandError, Table, Unit, ask, do, one_argument, parse_number

__all__ = ["LakeShore425"]

_FULL_SCALES = {1: 35e-4, 2: 350e-4, 3: 0.35, 4: 3.5}  # T
_COUNTS = 35_000
_OVER = 1.05
_UNITS = {1: 1e4, 2: 1.0, 3: 1e4, 4: 1 / (4e-7 * math.pi)}  # gauss, tesla, oersted, A/m in a tesla
_AC = 2  # measurement mode
_OVERLOAD = 2  # bit of OPST?


@dataclass
class State:
    """Settings of the instrument; tuples hold the arguments of one command."""

    unit: tuple[int] = (1,)
    range: tuple[int] = (4,)
    auto: tuple[int] = (1,)
    mode: tuple[int, int, int] = (1, 0, 1)
    relative: tuple[int] = (0,)
    setpoint: tuple[float] = (0.0,)
    hold: tuple[int] = (0,)
    greatest: float = 0.0  # T
    zero: float = 0.0  # T
    alarm: tuple[int, int, float, float, int, int, int] = (0, 1, 0.0, 0.0, 1, 0, 0)
    relay: tuple[int, int] = (0, 1)
    brightness: tuple[int] = (2,)
    beep: tuple[int] = (1,)
    lock: tuple[int, int] = (0, 123)
    remote: tuple[int] = (0,)


class LakeShore425(MessageDevice):
    """Lake Shore 425; port ``probe`` is the quantity that the sample has at the probe, T.

    Options
    -------
    offset
        Offset of the probe before it is zeroed, T.
    noise
        Noise of one reading, T (rms).
    """

    ports: ClassVar = {"probe": "quantity"}
    default_wiring: ClassVar = {"probe": "field"}
    options: ClassVar = {"serial": "4250022", "firmware": "1.0", "offset": 0.0, "noise": 1e-6}
    dialect: ClassVar = DIALECT
    terminator: ClassVar = b"\r\n"
    state: State
    _asked: str = ""

    @property
    def true_identity(self) -> str:
        """Maker, model, serial number, firmware."""
        return f"LSCI,MODEL425,{self._options['serial']},{self._options['firmware']}"

    def power_on(self) -> None:
        """Wake up with the settings that ``DFLT`` sets."""
        self.state = State()

    def reset(self) -> None:
        """Keep the settings, as ``*RST`` does."""

    def report(self, error: CommandError) -> None:
        """Ignore what is wrong: the instrument keeps no record of it.

        Parameters
        ----------
        error
            Number and text of the error.
        """

    def _execute(self, message: str) -> bytes:
        if message.strip() == "?":
            return super()._execute(self._asked) if self._asked else b""
        if "?" in message:
            self._asked = message
        return super()._execute(message)

    def field(self) -> float:
        """Return the field that the instrument has measured, T, within its range."""
        noise = float(self._options["noise"]) * float(self.world.rng.standard_normal())
        measured = noise - self.state.zero
        if self.state.mode[0] == _AC:
            measured = abs(noise)  # the field is constant, so only noise is left
        elif "probe" in self.wiring:
            measured += float(self._options["offset"]) + self._at_probe()
        if self.state.auto[0]:
            self.state.range = (_range_for(measured),)
        scale = _FULL_SCALES[self.state.range[0]]
        step = scale / _COUNTS
        limited = min(max(measured, -_OVER * scale), _OVER * scale)
        reading = round(limited / step) * step
        self.state.greatest = max(self.state.greatest, reading, key=abs)
        return reading

    def _at_probe(self) -> float:
        try:
            return self.world.reading(self.wiring["probe"])
        except ArgumentError:
            return 0.0  # nothing there that makes a field

    def in_units(self, tesla: float) -> str:
        """Return a field in the selected unit, as the text that is sent.

        Parameters
        ----------
        tesla
            The field, T.
        """
        return scientific(tesla * _UNITS[self.state.unit[0]])

    def reading(self) -> str:
        """Return the field, less the set-point of the relative mode if that is on."""
        field = self.field()
        return self.in_units(field - self._reference() if self.state.relative[0] else field)

    def relative_reading(self) -> str:
        """Return the field less the set-point."""
        return self.in_units(self.field() - self._reference())

    def _reference(self) -> float:
        return self.state.setpoint[0] / _UNITS[self.state.unit[0]]

    def greatest_reading(self) -> str:
        """Return the greatest field since the last ``MXRST``."""
        self.field()
        return self.in_units(self.state.greatest)

    def forget_greatest(self) -> None:
        """Let the greatest field be the present one."""
        self.state.greatest = 0.0
        self.field()

    def zero_probe(self) -> None:
        """Take the present field for zero."""
        self.state.zero = 0.0
        if "probe" in self.wiring:
            self.state.zero = float(self._options["offset"]) + self._at_probe()

    def overloaded(self) -> str:
        """Return the operational status: bit 1 while the field is beyond the range."""
        return f"{_OVERLOAD if abs(self.field()) > 1.0001 * _FULL_SCALES[self.state.range[0]] else 0:03d}"

    def no_auto_range(self) -> None:
        """Stay in the range that was set."""
        self.state.auto = (0,)


def _range_for(field: float) -> int:
    for index, scale in _FULL_SCALES.items():
        if abs(field) <= scale:
            return index
    return max(_FULL_SCALES)


def _factory(device: LakeShore425, call: Unit) -> None:
    if round(parse_number(one_argument(call))) != 99:
        raise CommandError(-222, "Data out of range")
    device.power_on()


LakeShore425.table = Table(
    [
        ask("*IDN?", lambda device: device.identity),
        do("*RST", LakeShore425.reset),
        ask("RDGFIELD", LakeShore425.reading),
        ask("RDGREL", LakeShore425.relative_reading),
        ask("RDGMX", LakeShore425.greatest_reading),
        ask("RDGMNMX", lambda device: f"{scientific(0.0)},{device.greatest_reading()}"),
        do("MXRST", LakeShore425.forget_greatest),
        plain("MXHOLD", "hold", [whole(0, 1)]),
        plain("UNIT", "unit", [whole(1, 4)]),
        plain("RANGE", "range", [whole(1, 4)], then=LakeShore425.no_auto_range),
        plain("AUTO", "auto", [whole(0, 1)]),
        plain("RDGMODE", "mode", [whole(1, 2), whole(0, 1), whole(1, 2)]),
        plain("REL", "relative", [whole(0, 1)]),
        plain("RELSP", "setpoint", [real(-350e3, 350e3, scientific)]),
        do("ZPROBE", LakeShore425.zero_probe),
        do("ZCLEAR", lambda device: setattr(device.state, "zero", 0.0)),
        ask("TYPE", lambda device: "40"),
        ask("PRBSNUM", lambda device: "H12345"),
        ask("OPST", LakeShore425.overloaded),
        plain("ALARM", "alarm",
              [whole(0, 1), whole(1, 2), real(-350e3, 350e3, scientific), real(-350e3, 350e3, scientific),
               whole(1, 2), whole(0, 1), whole(0, 1)]),
        ask("ALARMST", lambda device: "0"),
        plain("RELAY", "relay", [whole(0, 2), whole(1, 3)]),
        ask("RELAYST", lambda device: str(int(device.state.relay[0] == 1))),
        plain("BRIGT", "brightness", [whole(0, 3)]),
        plain("BEEP", "beep", [whole(0, 1)]),
        ask("KEYST", lambda device: "0"),
        plain("LOCK", "lock", [whole(0, 1), whole(0, 999)]),
        plain("MODE", "remote", [whole(0, 2)]),
        Command("DFLT", do=_factory),
    ]
)  # fmt: skip
