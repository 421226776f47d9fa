"""Keysight E36312A: a supply of three outputs, 6 V 5 A, 25 V 1 A, 25 V 1 A, one of which feeds a coil.

Commands with channel lists after the *E36300 Series programming guide* (Keysight E36311-90008): ``VOLT 5,
(@1,3)``, queries with several channels answered with commas, the channel of ``INSTrument:NSELect`` where
the list is left out. Ranges 3 % beyond the rating (6.18 V, 5.15 A; 25.75 V, 1.03 A), over-voltage
protection to 110 % and there after ``*RST``; condition registers: 1 constant current, 2 constant voltage,
512 over-voltage, 1024 over-current.
Steps, lists and triggers are in `labspin.twin.devices.e36312a_triggers`. Calibration is secured: its commands
are refused with the error 702. Delays, remote sensing, pins, inhibit and the data log's settings are kept and
act on nothing.
Assumed, not found in the guide: after ``*RST`` 0 V and the full current, as with its predecessor E3631A;
16 bit programming and read-back; the noise of the readings; the supply's loop; -222 for a channel that it
does not have.

The load is a coil of resistance R and inductance L at output ``channel``; the others are open. The supply
holds the voltage, or the current if the coil would draw more. The voltage that it has ramps the current by
V/L at most, and it cannot pull: the current dies out with L/R.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from labspin.errors import ArgumentError
from labspin.twin.devices.e36312a_channels import (
    BITS,
    RATINGS,
    ask_channels,
    channel_number,
    channel_switch,
    channel_word,
    do_channels,
    kept_number,
)
from labspin.twin.devices.e36312a_triggers import Course, finish, trigger_lines
from labspin.twin.kept import kept_lines
from labspin.twin.message import SCPI_COMMANDS, MessageDevice
from labspin.twin.scpi import power_on_line, state_lines, status_register_lines
from labspin.twin.wire import Command, CommandError, Table, Unit, ask, choice, do, one_argument, parse_number
from labspin.twin.world import World

__all__ = ["E36312A"]

_NAMES = {"P6V": 1, "CH1": 1, "P25V": 2, "CH2": 2, "N25V": 3, "CH3": 3}
_OVER_RANGE, _PROTECTION = 1.03, 1.1
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
    guards_voltage: bool = True  # over-voltage protection
    tripped: int = 0  # bits of the condition register
    triggered_voltage: float = 0.0  # V
    triggered_current: float = 0.0  # A
    course: Course = field(default_factory=Course)
    kept: dict[str, Any] = field(default_factory=dict)  # what is only kept


@dataclass
class State:
    """Settings of the supply."""

    outputs: dict[int, Output] = field(default_factory=dict)
    selected: int = 1
    pair: str = "OFF"
    coupled: tuple[int, ...] = ()  # outputs that are switched together
    kept: dict[object, object] = field(default_factory=dict)  # what is only kept


class E36312A(MessageDevice):
    """Keysight E36312A; port ``current`` is the current through the coil, A.

    Options
    -------
    channel
        Output with the coil.
    resistance, inductance
        Resistance and inductance of the coil, ohm and H.
    noise
        Noise of one current reading, A (rms).
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

    def __init__(self, world: World, *, wiring: Mapping[str, str] | None = None, **options: object) -> None:
        if options.get("channel", 1) not in RATINGS:
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
                for channel, (volts, amperes) in RATINGS.items()
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
        beyond = self._terminal_voltage(channel) > output.protection
        if output.enabled and output.guards_voltage and beyond:
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

    def step_through(
        self, channel: int, parts: Sequence[Sequence[float]], *, then: tuple[float, float] | None
    ) -> None:
        """Let the current of the coil go through the steps of a list.

        Parameters
        ----------
        channel
            Number of the output, 1 to 3.
        parts
            Voltages (V), currents (A) and dwells (s) of the steps, equally many.
        then
            Voltage (V) and current (A) after the last step; None: the first follows again.
        """
        signal = self.wiring.get("current")
        if channel != self._options["channel"] or not self.state.outputs[channel].enabled or signal is None:
            return
        resistance = float(self._options["resistance"])
        steps = [min(volts / resistance, amperes) for volts, amperes in zip(*parts[:2], strict=True)]
        stays = None if then is None else min(then[0] / resistance, then[1])
        self._at_output = steps[-1] if stays is None else stays
        self.world.sweep(signal, steps, parts[2], final=stays)

    def _execute(self, message: str) -> bytes:
        for channel in self.state.outputs:
            finish(self, channel)
        return super()._execute(message)

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
        volts, amperes = RATINGS[channel]
        noise = float(self._options["noise"]) * float(self.world.rng.standard_normal())
        output = self.state.outputs[channel]
        loaded = channel == self._options["channel"]
        if not voltage:
            return _rounded((self.coil_current() if loaded else 0.0) + noise, 2 * amperes / BITS)
        resistance = float(self._options["resistance"])
        at_rest = self.coil_current() * resistance if loaded else output.voltage
        return _rounded((at_rest if output.enabled else 0.0) + noise * resistance, 2 * volts / BITS)

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

    def summary(self) -> str:
        """Return the questionable register of the instrument: a bit for each output that is not quiet."""
        return f"{sum(1 << channel - 1 for channel in self.state.outputs if self.condition(channel)):+d}"

    def recall(self, state: State) -> None:
        """Set the settings to saved ones; the outputs follow.

        Parameters
        ----------
        state
            Settings of this supply.
        """
        self.state = state
        for channel in RATINGS:
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


def _select(device: E36312A, channel: int) -> None:
    if channel not in RATINGS:
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
    if channel not in RATINGS:
        raise CommandError(-224, "Illegal parameter value")
    output = device.state.outputs[channel]
    return f"{output.voltage:+.8E},{output.current:+.8E}"


def _measured_voltage(device: E36312A, channel: int) -> str:
    return device.measured(channel, voltage=True)


def _measured_current(device: E36312A, channel: int) -> str:
    return device.measured(channel, voltage=False)


def _couple(device: E36312A, call: Unit) -> None:
    """Execute ``OUTPut:COUPle:CHANnel CH1,CH2 | ALL | NONE``."""
    words = [word.upper() for word in call.arguments]
    named = {"ALL": tuple(RATINGS), "NONE": ()}
    if len(words) == 1 and words[0] in named:
        device.state.coupled = named[words[0]]
        return
    channels = tuple(_NAMES.get(word, 0) for word in words)
    if not channels or 0 in channels:
        raise CommandError(-224, "Illegal parameter value")
    device.state.coupled = channels


def _coupled(device: E36312A, call: Unit) -> str:
    return ",".join(f"CH{channel}" for channel in device.state.coupled) or "NONE"


def _secured(header: str) -> Command:
    """Return a line of the calibration, which is secured."""

    def refuse(device: E36312A, call: Unit) -> None:
        raise CommandError(702, "Calibration error; calibration memory is secured")

    return Command(header, do=refuse)


def _register(header: str, read: Any) -> Command:
    """Return the line of a register of one channel, whose number ends the word."""

    def ask(device: E36312A, call: Unit) -> str:
        channel = call.suffixes[0] if call.suffixes else device.state.selected
        if channel not in RATINGS:
            raise CommandError(-114, "Header suffix out of range")
        return f"{read(device, channel):+d}"

    return Command(header, ask=ask)


def _preset(device: E36312A) -> None:
    device.reset()


_KEPT = """
CALibration:COUNt?           = +0
CALibration:SECure:STATe?    = 1
CALibration:STRing?          = ""
DIGital:INPut:DATA?          = +0
DIGital:OUTPut:DATA          0..7 = 0
DIGital:PIN#:FUNCtion        DIO|DINPut|TOUTput|TINPut|FAULt|INHibit|ONCouple|OFFCouple = DINP
DIGital:PIN#:POLarity        POSitive|NEGative = POS
DIGital:TOUTput:BUS[:ENABle]    on|off = 0
DISPlay[:WINDow][:STATe]     on|off = 1
DISPlay[:WINDow]:TEXT[:DATA] text = ""
DISPlay[:WINDow]:TEXT:CLEar!
DISPlay[:WINDow]:VIEW        METER1|METER3 = METER3
LXI:IDENtify[:STATe]         on|off = 0
LXI:MDNS[:STATe]             on|off = 1
OUTPut:INHibit:MODE          OFF|LATChing|LIVE = OFF
OUTPut:PON:STATe             RST|RCL0 = RST
OUTPut:PROTection:COUPle     on|off = 0
SENSe:DLOG:PERiod            0.2..60 s = 0.2
SENSe:DLOG:TIME              1..3600 s = 30
SYSTem:COMMunicate:LAN:CONTrol?      = 5000
SYSTem:COMMunicate:RLSTate   LOCal|REMote|RWLock = REM
SYSTem:COMMunicate:TCPip:CONTrol?    = 5000
STATus:QUEStionable:INSTrument:ENABle           0..7 = 0
STATus:QUEStionable:INSTrument:ISUMmary#:ENABle 0..32767 = 0
SYSTem:BEEPer:STATe          on|off = 1
SYSTem:DATE                  text = ""
SYSTem:TIME                  text = ""
TRIGger:DLOG:SOURce          IMMediate|BUS|EXTernal|PIN1|PIN2|PIN3 = IMM
"""
_SECURED = (
    "CALibration:CURRent[:DATA][:HIGH]", "CALibration:CURRent:LEVel", "CALibration:DATE", "CALibration:SAVE",
    "CALibration:SECure:CODE", "CALibration:VOLTage[:DATA]", "CALibration:VOLTage:LEVel",
)  # fmt: skip

_AMPLITUDE = "[:LEVel][:IMMediate][:AMPLitude]"

E36312A.table = Table(
    [
        *SCPI_COMMANDS,
        *status_register_lines(transitions=False),
        *state_lines(10),
        power_on_line(),
        channel_number(f"[SOURce:]VOLTage{_AMPLITUDE}", "voltage", "V",
                 lambda channel: (0.0, _OVER_RANGE * RATINGS[channel][0]), 0.0),
        channel_number(f"[SOURce:]CURRent{_AMPLITUDE}", "current", "A",
                 lambda channel: (0.0, _OVER_RANGE * RATINGS[channel][1]), 1 / _OVER_RANGE),
        channel_number("[SOURce:]VOLTage:PROTection[:LEVel]", "protection", "V",
                 lambda channel: (0.0, _PROTECTION * RATINGS[channel][0]), 1.0),
        ask_channels("[SOURce:]VOLTage:PROTection:TRIPped",
             lambda device, channel: str(int(bool(device.state.outputs[channel].tripped & _OVER_VOLTAGE)))),
        ask_channels("[SOURce:]CURRent:PROTection:TRIPped",
             lambda device, channel: str(int(bool(device.state.outputs[channel].tripped & _OVER_CURRENT)))),
        do_channels("[SOURce:]VOLTage:PROTection:CLEar", E36312A.clear_protection),
        do_channels("[SOURce:]CURRent:PROTection:CLEar", E36312A.clear_protection),
        do_channels("OUTPut:PROTection:CLEar", E36312A.clear_protection),
        channel_switch("[SOURce:]CURRent:PROTection:STATe", "limits_current"),
        channel_switch("OUTPut[:STATe]", "enabled"),
        ask_channels("MEASure[:SCALar][:VOLTage][:DC]", _measured_voltage),
        ask_channels("MEASure[:SCALar]:CURRent[:DC]", _measured_current),
        _register("STATus:QUEStionable:INSTrument:ISUMmary#:CONDition", E36312A.condition),
        _register("STATus:QUEStionable:INSTrument:ISUMmary#[:EVENt]", E36312A.condition),
        *trigger_lines(),
        *kept_lines(_KEPT),
        *(_secured(header) for header in _SECURED),
        ask_channels("FETCh[:SCALar][:VOLTage][:DC]", _measured_voltage),
        ask_channels("FETCh[:SCALar]:CURRent[:DC]", _measured_current),
        channel_switch("[SOURce:]VOLTage:PROTection:STATe", "guards_voltage"),
        kept_number("[SOURce:]CURRent:PROTection:DELay[:TIME]", "protection delay", "s", 0.0, 0.255, 0.05),
        channel_word("[SOURce:]CURRent:PROTection:DELay:STARt", "protection start", ["SCHange", "CCTRans"]),
        channel_word("[SOURce:]VOLTage:SENSe[:SOURce]", "sense", ["INTernal", "EXTernal"]),
        kept_number("OUTPut:DELay:RISE", "rise", "s", 0.0, 3600.0, 0.0),
        kept_number("OUTPut:DELay:FALL", "fall", "s", 0.0, 3600.0, 0.0),
        channel_word("SENSe:DLOG:FUNCtion:VOLTage", "logs voltage", ["1", "0"], flag=True),
        channel_word("SENSe:DLOG:FUNCtion:CURRent", "logs current", ["0", "1"], flag=True),
        Command("OUTPut[:STATe]:COUPle:CHANnel", _coupled, _couple),
        do("SYSTem:PRESet", _preset),
        do("SYSTem:BEEPer[:IMMediate]", lambda device: None),
        ask("STATus:QUEStionable:INSTrument[:EVENt]", E36312A.summary),
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
        *(do(f"SYSTem:{word}", lambda device: None) for word in ("REMote", "LOCal", "RWLock")),
    ]
)  # fmt: skip
