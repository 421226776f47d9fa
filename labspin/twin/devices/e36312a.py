"""Keysight E36312A: a supply of three outputs, 6 V 5 A, 25 V 1 A, 25 V 1 A, one of which feeds a coil.

Commands with channel lists after the *E36300 Series programming guide* (Keysight E36311-90008): ``VOLT 5,
(@1,3)``, queries with several channels answered with commas, the channel of ``INSTrument:NSELect`` where
the list is left out. Ranges 3 % beyond the rating (6.18 V, 5.15 A; 25.75 V, 1.03 A), over-voltage
protection to 110 % and there after ``*RST``; condition registers: 1 constant current, 2 constant voltage,
512 over-voltage, 1024 over-current.
Assumed, not found in the guide: after ``*RST`` 0 V and the full current, as with its predecessor E3631A;
16 bit programming and read-back; the noise of the readings; the supply's loop; -222 for a channel that it
does not have.

The load is a coil of resistance R and inductance L at output ``channel``; the others are open. The supply
holds the voltage, or the current if the coil would draw more. The voltage that it has ramps the current by
V/L at most, and it cannot pull: the current dies out with L/R.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from labspin.errors import ArgumentError
from labspin.twin.message import SCPI_COMMANDS, MessageDevice
from labspin.twin.scpi import power_on_line, state_lines, status_register_lines
from labspin.twin.wire import Command, CommandError, Table, Unit, choice, do, one_argument, parse_number
from labspin.twin.world import World

__all__ = ["E36312A"]

_RATINGS = {1: (6.0, 5.0), 2: (25.0, 1.0), 3: (25.0, 1.0)}  # V, A
_NAMES = {"P6V": 1, "CH1": 1, "P25V": 2, "CH2": 2, "N25V": 3, "CH3": 3}
_OVER_RANGE, _PROTECTION = 1.03, 1.1
_BITS = 2.0**16
_LIST = re.compile(r"\(\s*@\s*(\d+(?:\s*:\s*\d+)?(?:\s*,\s*\d+(?:\s*:\s*\d+)?)*)\s*\)")
_MINIMUM_VOLTAGE = 1e-3  # V; keeps the slew rate finite
_LOOP = 1e-3  # s, of the supply in constant current
_CONSTANT_CURRENT, _CONSTANT_VOLTAGE, _OVER_VOLTAGE, _OVER_CURRENT = 1, 2, 512, 1024


@dataclass
class Output:
    """Settings of one output."""

    voltage: float  # V
    current: float  # A
    protection: float  # V
    enabled: bool = False
    limits_current: bool = False  # over-current protection
    tripped: int = 0  # bits of the condition register


@dataclass
class State:
    """Settings of the supply."""

    outputs: dict[int, Output] = field(default_factory=dict)
    selected: int = 1
    pair: str = "OFF"


class E36312A(MessageDevice):
    """Keysight E36312A; port ``current`` is the current through the coil, A.

    Options
    -------
    channel
        Output with the coil.
    resistance, inductance
        Of the coil, ohm and H.
    noise
        Of one current reading, A (rms).
    """

    ports: ClassVar = {"current": "signal"}
    default_wiring: ClassVar = {"current": "magnet.current"}
    options: ClassVar = {
        "channel": 1,
        "serial": "MY59001234",
        "firmware": "2.1.0-1.0.4-1.12",
        "resistance": 1.0,
        "inductance": 10e-3,
        "noise": 0.1e-3,
    }
    state: State

    def __init__(self, world: World, *, wiring: Mapping[str, str] | None = None, **options: Any) -> None:
        if options.get("channel", 1) not in _RATINGS:
            raise ArgumentError(f"channel of the E36312A: wanted 1, 2 or 3, got {options['channel']!r}")
        super().__init__(world, wiring=wiring, **options)

    @property
    def true_identity(self) -> str:
        """Maker, model, serial number, firmware."""
        return f"Keysight Technologies,E36312A,{self._options['serial']},{self._options['firmware']}"

    def power_on(self) -> None:
        """Wake up: 0 V, full current, outputs off."""
        self.state = State(
            {
                channel: Output(0.0, amperes, _PROTECTION * volts)
                for channel, (volts, amperes) in _RATINGS.items()
            }
        )
        self._at_output = 0.0
        self.apply(int(self._options["channel"]))

    def apply(self, channel: int) -> None:
        """Move voltage and current of an output to where settings and load take them.

        Parameters
        ----------
        channel
            Number of the output, 1 to 3.
        """
        output = self.state.outputs[channel]
        if output.enabled and self._terminal_voltage(channel) > output.protection:
            output.enabled, output.tripped = False, output.tripped | _OVER_VOLTAGE
        if output.enabled and output.limits_current and self._limits(channel):
            output.enabled, output.tripped = False, output.tripped | _OVER_CURRENT
        if channel != self._options["channel"]:
            return
        resistance, inductance = float(self._options["resistance"]), float(self._options["inductance"])
        lag = inductance / resistance
        if not output.enabled:
            self._towards(0.0, time_constant=lag)
        elif not self._limits(channel):
            self._towards(output.voltage / resistance, time_constant=lag)
        else:
            slew = max(output.voltage, _MINIMUM_VOLTAGE) / inductance
            self._towards(output.current, time_constant=_LOOP, slew=slew)

    def _limits(self, channel: int) -> bool:
        """Return whether the output is in constant current."""
        if channel != self._options["channel"]:
            return False
        output = self.state.outputs[channel]
        return output.voltage / float(self._options["resistance"]) > output.current

    def _terminal_voltage(self, channel: int) -> float:
        """Return the greatest voltage that an output comes to, V: all it has while a coil charges."""
        output = self.state.outputs[channel]
        rising = channel == self._options["channel"] and self.coil_current() < output.current
        if rising or not self._limits(channel):
            return output.voltage
        return output.current * float(self._options["resistance"])

    def _towards(self, current: float, **course: float) -> None:
        self._at_output = current
        self.drive("current", current, **course)

    def coil_current(self) -> float:
        """Return the current through the coil now, A."""
        signal = self.wiring.get("current")
        return self._at_output if signal is None else self.world.level(signal)

    def measured(self, channel: int, *, voltage: bool) -> str:
        """Return a reading of an output, as the text that is sent.

        Parameters
        ----------
        channel
            Number of the output, 1 to 3.
        voltage
            Whether the voltage (V) is read, not the current (A).
        """
        volts, amperes = _RATINGS[channel]
        noise = float(self._options["noise"]) * float(self.world.rng.standard_normal())
        output = self.state.outputs[channel]
        loaded = channel == self._options["channel"]
        if not voltage:
            return _rounded((self.coil_current() if loaded else 0.0) + noise, 2 * amperes / _BITS)
        resistance = float(self._options["resistance"])
        at_rest = self.coil_current() * resistance if loaded else output.voltage
        return _rounded((at_rest if output.enabled else 0.0) + noise * resistance, 2 * volts / _BITS)

    def condition(self, channel: int) -> int:
        """Return the condition register of an output.

        Parameters
        ----------
        channel
            Number of the output, 1 to 3.
        """
        output = self.state.outputs[channel]
        if not output.enabled:
            return output.tripped
        return _CONSTANT_CURRENT if self._limits(channel) else _CONSTANT_VOLTAGE

    def recall(self, state: State) -> None:
        """Set the settings to saved ones; the outputs follow.

        Parameters
        ----------
        state
            Settings of this supply.
        """
        self.state = state
        for channel in _RATINGS:
            self.apply(channel)

    def clear_protection(self, channel: int) -> None:
        """Forget a trip; the output stays off.

        Parameters
        ----------
        channel
            Number of the output, 1 to 3.
        """
        self.state.outputs[channel].tripped = 0

    def trip(self) -> None:
        """Let the over-current protection of the coil's output trip."""
        output = self.state.outputs[int(self._options["channel"])]
        output.enabled, output.tripped = False, _OVER_CURRENT
        self.apply(int(self._options["channel"]))


def _rounded(value: float, step: float) -> str:
    return f"{round(value / step) * step:+.8E}"


def _channels(device: E36312A, call: Unit) -> tuple[tuple[str, ...], list[int]]:
    """Return the arguments before the channel list, and the channels: those selected where none is given."""
    if not call.arguments or not call.arguments[-1].startswith(("(", "@")):
        return call.arguments, [device.state.selected]
    match = _LIST.fullmatch(call.arguments[-1])
    if match is None:
        raise CommandError(-102, "Syntax error")
    channels: list[int] = []
    for part in match[1].split(","):
        first, _, last = part.partition(":")
        if int(last or first) > max(_RATINGS) or int(first) < 1:
            raise CommandError(-222, "Data out of range")
        channels.extend(range(int(first), int(last or first) + 1))
    return call.arguments[:-1], channels


def _ask(header: str, answer: Callable[[E36312A, int], str]) -> Command:
    """Return the line of a query of channels."""

    def read(device: E36312A, call: Unit) -> str:
        arguments, channels = _channels(device, call)
        if arguments:
            raise CommandError(-108, "Parameter not allowed")
        return ",".join(answer(device, channel) for channel in channels)

    return Command(header, ask=read)


def _do(header: str, action: Callable[[E36312A, int], None]) -> Command:
    """Return the line of a command to channels."""

    def write(device: E36312A, call: Unit) -> None:
        arguments, channels = _channels(device, call)
        if arguments:
            raise CommandError(-108, "Parameter not allowed")
        for channel in channels:
            action(device, channel)

    return Command(header, do=write)


def _setting(
    header: str, name: str, unit: str, limits: Callable[[int], tuple[float, float]], default: float
) -> Command:
    """Return the line of a number of channels; ``default`` is a part of the greatest (``DEFault``)."""

    def named(channel: int, word: str) -> float | None:
        low, high = limits(channel)
        return {
            "MIN": low, "MINIMUM": low, "MAX": high, "MAXIMUM": high,
            "DEF": default * high, "DEFAULT": default * high,
        }.get(word.upper())  # fmt: skip

    def write(device: E36312A, call: Unit) -> None:
        arguments, channels = _channels(device, call)
        text = one_argument(Unit(call.header, False, arguments))
        for channel in channels:
            (low, high), word = limits(channel), named(channel, text)
            value = parse_number(text, unit) if word is None else word
            if not low <= value <= high:
                raise CommandError(-222, "Data out of range")
            step = high / _BITS
            setattr(device.state.outputs[channel], name, round(value / step) * step)
            device.apply(channel)

    def read(device: E36312A, call: Unit) -> str:
        arguments, channels = _channels(device, call)
        if not arguments:
            return ",".join(f"{getattr(device.state.outputs[channel], name):+.8E}" for channel in channels)
        values = [named(channel, one_argument(Unit(call.header, True, arguments))) for channel in channels]
        if None in values:
            raise CommandError(-224, "Illegal parameter value")
        return ",".join(f"{value:+.8E}" for value in values)

    return Command(header, read, write)


def _switch(header: str, name: str) -> Command:
    """Return the line of a switch of channels."""

    def write(device: E36312A, call: Unit) -> None:
        arguments, channels = _channels(device, call)
        word = one_argument(Unit(call.header, False, arguments)).upper()
        on = word == "ON" if word in ("ON", "OFF") else bool(round(parse_number(word)))
        for channel in channels:
            if on and name == "enabled" and device.state.outputs[channel].tripped:
                raise CommandError(-221, "Settings conflict")
            setattr(device.state.outputs[channel], name, on)
            device.apply(channel)

    def read(device: E36312A, call: Unit) -> str:
        arguments, channels = _channels(device, call)
        if arguments:
            raise CommandError(-108, "Parameter not allowed")
        return ",".join(str(int(getattr(device.state.outputs[channel], name))) for channel in channels)

    return Command(header, read, write)


def _select(device: E36312A, channel: int) -> None:
    if channel not in _RATINGS:
        raise CommandError(-222, "Data out of range")
    device.state.selected = channel


def _select_by_name(device: E36312A, call: Unit) -> None:
    _select(device, _NAMES.get(one_argument(call).upper(), 0))


def _apply(device: E36312A, call: Unit) -> None:
    """Execute ``APPLy CH1, volts, amperes``."""
    if not 1 <= len(call.arguments) <= 3:
        raise CommandError(-109, "Missing parameter")
    channel = _NAMES.get(call.arguments[0].upper(), 0)
    _select(device, channel)
    for header, text in zip(("VOLT", "CURR"), call.arguments[1:], strict=False):
        command, _ = E36312A.table.find(Unit(header, False, ()))
        if command.do is not None:
            command.do(device, Unit(header, False, (text, f"(@{channel})")))


def _applied(device: E36312A, call: Unit) -> str:
    """Answer ``APPLy? [CH1]``: voltage and current of an output."""
    if len(call.arguments) > 1:
        raise CommandError(-108, "Parameter not allowed")
    channel = _NAMES.get(call.arguments[0].upper(), 0) if call.arguments else device.state.selected
    if channel not in _RATINGS:
        raise CommandError(-224, "Illegal parameter value")
    output = device.state.outputs[channel]
    return f"{output.voltage:+.8E},{output.current:+.8E}"


def _summary(device: E36312A, call: Unit) -> str:
    channel = call.suffixes[0] if call.suffixes else device.state.selected
    if channel not in _RATINGS:
        raise CommandError(-114, "Header suffix out of range")
    return f"{device.condition(channel):+d}"


def _measured_voltage(device: E36312A, channel: int) -> str:
    return device.measured(channel, voltage=True)


def _measured_current(device: E36312A, channel: int) -> str:
    return device.measured(channel, voltage=False)


_AMPLITUDE = "[:LEVel][:IMMediate][:AMPLitude]"

E36312A.table = Table(
    [
        *SCPI_COMMANDS,
        *status_register_lines(),
        *state_lines(10),
        power_on_line(),
        _setting(f"[SOURce:]VOLTage{_AMPLITUDE}", "voltage", "V",
                 lambda channel: (0.0, _OVER_RANGE * _RATINGS[channel][0]), 0.0),
        _setting(f"[SOURce:]CURRent{_AMPLITUDE}", "current", "A",
                 lambda channel: (0.0, _OVER_RANGE * _RATINGS[channel][1]), 1 / _OVER_RANGE),
        _setting("[SOURce:]VOLTage:PROTection[:LEVel]", "protection", "V",
                 lambda channel: (0.0, _PROTECTION * _RATINGS[channel][0]), 1.0),
        _ask("[SOURce:]VOLTage:PROTection:TRIPped",
             lambda device, channel: str(int(bool(device.state.outputs[channel].tripped & _OVER_VOLTAGE)))),
        _ask("[SOURce:]CURRent:PROTection:TRIPped",
             lambda device, channel: str(int(bool(device.state.outputs[channel].tripped & _OVER_CURRENT)))),
        _do("[SOURce:]VOLTage:PROTection:CLEar", E36312A.clear_protection),
        _do("[SOURce:]CURRent:PROTection:CLEar", E36312A.clear_protection),
        _do("OUTPut:PROTection:CLEar", E36312A.clear_protection),
        _switch("[SOURce:]CURRent:PROTection:STATe", "limits_current"),
        _switch("OUTPut[:STATe]", "enabled"),
        _ask("MEASure[:SCALar][:VOLTage][:DC]", _measured_voltage),
        _ask("MEASure[:SCALar]:CURRent[:DC]", _measured_current),
        Command("STATus:QUEStionable:INSTrument:ISUMmary#:CONDition", ask=_summary),
        Command(
            "INSTrument:NSELect",
            lambda device, call: f"{device.state.selected:+d}",
            lambda device, call: _select(device, round(parse_number(one_argument(call)))),
        ),
        Command(
            "INSTrument[:SELect]", lambda device, call: f"CH{device.state.selected}", _select_by_name
        ),
        Command("APPLy", _applied, _apply),
        choice("OUTPut:PAIR", "pair", ("OFF", "SERies", "PARallel")),
        *(do(f"SYSTem:{word}", lambda device: None) for word in ("REMote", "LOCal", "RWLock", "BEEPer")),
    ]
)  # fmt: skip
