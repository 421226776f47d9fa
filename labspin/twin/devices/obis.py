"""A Coherent OBIS laser, simulated.

Commands after the *OBIS LX/LS operator's manual* (Coherent, part 3, interface commands): watts, words ON and
OFF, a line ``OK`` or ``ERR`` after everything while handshaking is on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from labspin.twin.message import COMMON_COMMANDS, MessageDevice
from labspin.twin.wire import Command, CommandError, Table, Unit, ask, one_argument

__all__ = ["OBIS"]

_INTERNAL, _EXTERNAL = ("CWP", "CWC"), ("DIGITAL", "DIG", "ANALOG", "ANAL", "MIXED", "MIX", "DIGSO")
_OVER_CURRENT = 0x20
"""Bit of ``SYSTem:FAULt?``."""


@dataclass
class State:
    """Settings of the laser."""

    power: float = 1e-3  # W
    enabled: bool = False
    handshaking: bool = True
    fault_code: int = 0
    mode: str = "CWP"


class OBIS(MessageDevice):
    """A Coherent OBIS; port ``power`` is the power at the sample, W.

    Options
    -------
    model
        As it answers to ``*IDN?``.
    nominal
        Power of the head, W; it emits from 2 % to 110 % of it.
    transmission
        Power at the sample over the power that leaves the head.
    """

    ports: ClassVar = {"power": "signal"}
    default_wiring: ClassVar = {"power": "laser.power"}
    options: ClassVar = {
        "model": "OBIS 532-50 LS",
        "serial": "VDE0423",
        "nominal": 50e-3,
        "transmission": 1.0,
    }
    terminator: ClassVar[bytes] = b"\r\n"
    state: State
    _refused = 0

    @property
    def true_identity(self) -> str:
        """Maker, model, serial number, firmware."""
        return f"Coherent, Inc - {self._options['model']} - {self._options['serial']} - V2.1"

    @property
    def least(self) -> float:
        """Least power that it emits, W."""
        return 0.02 * float(self._options["nominal"])

    @property
    def greatest(self) -> float:
        """Greatest power that it emits, W."""
        return 1.1 * float(self._options["nominal"])

    def power_on(self) -> None:
        """Wake up dark, with handshaking on."""
        self.state = State(power=float(self._options["nominal"]))
        self.apply()

    def emitted(self) -> float:
        """Return the power that leaves the head, W; nothing is connected to its modulation input."""
        state = self.state
        return state.power if state.enabled and not state.fault_code and state.mode in _INTERNAL else 0.0

    def trip(self) -> None:
        """Let the over-current protection of the diode trip: it is dark until it is powered on again."""
        self.state.fault_code |= _OVER_CURRENT
        self.apply()

    def apply(self) -> None:
        """Let the sample have the light."""
        self.drive("power", self.emitted() * float(self._options["transmission"]))

    def _execute(self, message: str) -> bytes:
        before, self._refused = self.state.handshaking, 0
        answer = super()._execute(message)
        if not (before or self.state.handshaking) or not message.strip():
            return answer
        return answer + (f"ERR{self._refused}".encode() if self._refused else b"OK") + self.terminator

    def report(self, error: CommandError) -> None:
        """Keep an error as the next handshake tells it.

        Parameters
        ----------
        error
            Number and text of the error.
        """
        self._refused = error.code
        super().report(error)


def _word(field: str) -> Command:
    def write(device: OBIS, unit: Unit) -> None:
        word = one_argument(unit).upper()
        if word not in ("ON", "OFF"):
            raise CommandError(-224, "Illegal parameter value")
        setattr(device.state, field, word == "ON")
        device.apply()

    header = {"enabled": "SOURce:AM:STATe", "handshaking": "SYSTem:COMMunicate:HANDshaking"}[field]
    return Command(header, lambda device, unit: "ON" if getattr(device.state, field) else "OFF", write)


def _mode(header: str, words: tuple[str, ...]) -> Command:
    def write(device: OBIS, unit: Unit) -> None:
        word = one_argument(unit).upper()
        if word not in words:
            raise CommandError(-224, "Illegal parameter value")
        device.state.mode = {"DIG": "DIGITAL", "ANAL": "ANALOG", "MIX": "MIXED"}.get(word, word)
        device.apply()

    return Command(header, do=write)


def _set_power(device: OBIS, unit: Unit) -> None:
    try:
        watts = float(one_argument(unit))
    except ValueError as error:
        raise CommandError(-224, "Illegal parameter value") from error
    if not device.least <= watts <= device.greatest:
        raise CommandError(-222, "Data out of range")
    device.state.power = watts
    device.apply()


OBIS.table = Table(
    [
        *COMMON_COMMANDS,
        Command(
            "SOURce:POWer:LEVel:IMMediate:AMPLitude",
            lambda device, unit: f"{device.state.power:.6f}",
            _set_power,
        ),
        ask("SOURce:POWer:LEVel", lambda device: f"{device.emitted():.6f}"),
        ask("SOURce:POWer:NOMinal", lambda device: f"{device._options['nominal']:.6f}"),
        ask("SOURce:POWer:LIMit:LOW", lambda device: f"{device.least:.6f}"),
        ask("SOURce:POWer:LIMit:HIGH", lambda device: f"{device.greatest:.6f}"),
        ask("SYSTem:FAULt", lambda device: f"{device.state.fault_code:08X}"),
        _mode("SOURce:AM:INTernal", _INTERNAL),
        _mode("SOURce:AM:EXTernal", _EXTERNAL),
        ask("SOURce:AM:SOURce", lambda device: device.state.mode),
        _word("enabled"),
        _word("handshaking"),
    ]
)
