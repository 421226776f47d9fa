"""SRS SG384: a microwave source, 950 kHz to 4.05 GHz at its type-N output.

Commands, ranges and error codes after the *SG380 Series RF Signal Generators* operation and service manual
(SRS); command words and power limits as the drivers of pymeasure (``SG380``) and QCoDeS (``SG384``) use them.
Modulation settings are kept and answered but do not act on the sample: on this bench the
microwave is gated by a switch on a line of the pulse generator. No option is installed: the commands of the
clock, the doubler and the I/Q modulator are refused with the errors 14, 15 and 16. Lists act on the sample.
Assumed, not found in the manual: the limits of the rms deviations of noise, a fifth of those of the peaks.

The instrument wakes up as it was switched off; the simulated one was last left with both outputs off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from labspin.twin.devices.sg384_remote import StoredList, remote_lines
from labspin.twin.message import COMMON_COMMANDS, MessageDevice
from labspin.twin.wire import (
    Command,
    CommandError,
    Dialect,
    Table,
    Unit,
    ask,
    do,
    number,
    one_argument,
    parse_number,
    switch,
)

__all__ = ["SG384"]

TYPE_N_MINIMUM, BNC_MAXIMUM = 950e3, 62.5e6  # Hz
FREQUENCY_LIMITS = (0.0, 4.05e9)  # Hz
RF_LIMITS, LF_LIMITS = (-110.0, 16.5), (-47.0, 13.0)  # dBm into 50 ohm
_IMPEDANCE = 50.0  # ohm
_HERTZ = {"HZ": 1.0, "KHZ": 1e3, "MHZ": 1e6, "GHZ": 1e9}

# What the maker's error codes are for the errors of the shared parser (manual, "Error codes").
_ERROR_CODES = {
    -101: (126, "Syntax error"), -102: (126, "Syntax error"), -104: (118, "Invalid floating point number"),
    -108: (115, "Extra parameters"), -109: (116, "Missing parameters"), -111: (126, "Syntax error"),
    -113: (111, "Undefined command"), -123: (117, "Parameter overflow"), -131: (127, "Illegal units"),
    -222: (10, "Illegal value"), -224: (10, "Illegal value"), -363: (117, "Parameter overflow"),
}  # fmt: skip
_FIRST_COMMAND_ERROR = 110  # of the maker's codes; those below are of the execution


@dataclass
class State:
    """Settings of the instrument."""

    frequency: float = 10e6  # Hz
    phase: float = 0.0  # degrees
    rf_power: float = 0.0  # dBm
    lf_power: float = 0.0  # dBm
    lf_offset: float = 0.0  # V
    rf_enabled: bool = False
    lf_enabled: bool = False
    modulated: bool = False
    modulation: int = 1  # FM
    function: int = 0
    sweep_function: int = 1
    pulse_function: int = 3
    rate: float = 1e3  # Hz
    sweep_rate: float = 10.0  # Hz
    am_depth: float = 100.0  # percent
    am_noise: float = 10.0  # percent, rms
    fm_noise: float = 1e3  # Hz, rms
    pm_noise: float = 10.0  # degrees, rms
    fm_deviation: float = 1e3  # Hz
    pm_deviation: float = 10.0  # degrees
    sweep_deviation: float = 1e6  # Hz
    pulse_period: float = 1e-3  # s
    pulse_width: float = 1e-6  # s
    random_bits: int = 5
    random_period: float = 1e-6  # s
    displayed: int = 2  # the frequency
    coupling: int = 1
    timebase: int = 1
    noise_mode: int = 0


def _integer(header: str, field: str, low: int, high: int) -> Command:
    return number(header, field, limits=(low, high), resolution=1, form="{:.0f}")


def _power(header: str, field: str, limits: tuple[float, float]) -> Command:
    """Return the line of a power in dBm; amplitudes into 50 ohm (``RMS``, ``VPP``) are understood too."""

    def write(device: SG384, unit: Unit) -> None:
        text = one_argument(unit)
        word = text.upper().lstrip("+-0123456789.E ")
        if word in ("RMS", "VPP"):
            volts = parse_number(text[: -len(word)]) / (1.0 if word == "RMS" else 2 * math.sqrt(2))
            if volts <= 0:
                raise CommandError(-222, "Data out of range")
            power = 10 * math.log10(volts**2 / _IMPEDANCE / 1e-3)
        else:
            power = parse_number(text, "dBm")
        if not limits[0] <= power <= limits[1]:
            raise CommandError(-222, "Data out of range")
        setattr(device.state, field, round(power, 2))
        device.apply()

    def read(device: SG384, unit: Unit) -> str:
        power = getattr(device.state, field)
        word = unit.arguments[0].upper() if unit.arguments else "DBM"
        if word == "DBM":
            return f"{power:.2f}"
        rms = math.sqrt(1e-3 * 10 ** (power / 10) * _IMPEDANCE)
        if word not in ("RMS", "VPP"):
            raise CommandError(-131, "Illegal units")
        return f"{rms if word == 'RMS' else rms * 2 * math.sqrt(2):.4f}"

    return Command(header, read, write)


def _frequency() -> Command:
    line = number(
        "FREQ",
        "frequency",
        unit="Hz",
        limits=FREQUENCY_LIMITS,
        resolution=1e-6,
        then=lambda device: device.apply(),
    )

    def read(device: SG384, unit: Unit) -> str:
        word = unit.arguments[0].upper() if unit.arguments else "HZ"
        if word not in _HERTZ:
            raise CommandError(-131, "Illegal units")
        return (
            f"{device.state.frequency / _HERTZ[word]:.12g}"
            if word != "HZ"
            else f"{device.state.frequency:.6f}"
        )

    return Command("FREQ", read, line.do)


def _next_error(device: SG384) -> str:
    error = device.status.next_error()
    return "0" if error is None else str(error[0])


def _option(device: SG384, unit: Unit) -> str:
    option = round(parse_number(one_argument(unit)))
    if not 1 <= option <= 4:
        raise CommandError(-222, "Data out of range")
    return "0"


class SG384(MessageDevice):
    """SRS SG384 signal generator; its type-N output feeds the microwave switch.

    Ports ``frequency`` and ``power`` drive the world's signals; the power is ``-inf`` while the output is
    off or the frequency is below its range.
    """

    ports: ClassVar = {"frequency": "signal", "power": "signal"}
    default_wiring: ClassVar = {"frequency": "microwave.frequency", "power": "microwave.power"}
    options: ClassVar = {"serial": "001234", "firmware": "1.00", "temperature": 43.7}
    dialect: ClassVar = Dialect(paths=False, attached_arguments=True)
    terminator: ClassVar = b"\r\n"
    no_query: ClassVar = (112, "Illegal query")
    no_setting: ClassVar = (113, "Illegal set")
    lost_lock = False  # a fault
    state: State

    def power_on(self) -> None:
        """Wake up as switched off: the defaults, both outputs off."""
        self.state = State()
        self.stored_list = StoredList()
        self.apply()

    @property
    def true_identity(self) -> str:
        """Maker, model, serial number, firmware."""
        serial, firmware = self._options["serial"], self._options["firmware"]
        return f"Stanford Research Systems,SG384,s/n{serial},ver{firmware}"

    def report(self, error: CommandError) -> None:
        """Queue the maker's own code; set the event bit of the SCPI error that it replaces.

        Parameters
        ----------
        error
            Number and text of the error.
        """
        code, text = _ERROR_CODES.get(error.code, (error.code, error.text))
        executing = error.code <= -200 or 0 < error.code < _FIRST_COMMAND_ERROR
        event = 16 if executing else 32
        self.status.report(CommandError(code, text), event)

    def apply(self) -> None:
        """Put the settings on the output."""
        state = self.state
        there = state.rf_enabled and state.frequency >= TYPE_N_MINIMUM
        self.drive("frequency", state.frequency)
        self.drive("power", state.rf_power if there else -math.inf)

    def unlock(self) -> None:
        """Let the 1 GHz synthesiser lose lock, until ``lost_lock`` is taken back."""
        self.lost_lock = True

    @property
    def instrument_status(self) -> int:
        """The instrument status register: bit 3 while the 1 GHz synthesiser is unlocked."""
        return 8 * self.lost_lock

    def over_range(self, output: int) -> bool:
        """Return whether an output that is on cannot give what is set.

        Parameters
        ----------
        output
            0 the BNC output, 1 the type-N output; 2 and 3, clock and doubler, are not installed.
        """
        state = self.state
        if output == 0:
            return state.lf_enabled and state.frequency > BNC_MAXIMUM
        return output == 1 and state.rf_enabled and state.frequency < TYPE_N_MINIMUM

    def temperature(self) -> str:
        """Return the temperature of the RF block, degrees C, as it is sent."""
        return f"{float(self._options['temperature']):.1f}"


def _duty(device: SG384, call: Unit) -> None:
    """Execute ``PDTY``: the width of the pulses in percent of their period."""
    value = parse_number(one_argument(call), "PCT")
    width = round(value / 100 * device.state.pulse_period / 5e-9) * 5e-9
    if not 100e-9 <= width <= device.state.pulse_period - 100e-9:
        raise CommandError(-222, "Data out of range")
    device.state.pulse_width = width


def _duty_now(device: SG384, call: Unit) -> str:
    return f"{100 * device.state.pulse_width / device.state.pulse_period:.1f}"


SG384.table = Table(
    [
        *COMMON_COMMANDS,
        _frequency(),
        number("PHAS", "phase", unit="DEG", limits=(-360, 360), resolution=0.1, form="{:.2f}"),
        _power("AMPR", "rf_power", RF_LIMITS),
        _power("AMPL", "lf_power", LF_LIMITS),
        number("OFSL", "lf_offset", unit="V", limits=(-1.5, 1.5), resolution=0.005, form="{:.3f}"),
        switch("ENBR", "rf_enabled", then=SG384.apply),
        switch("ENBL", "lf_enabled", then=SG384.apply),
        switch("MODL", "modulated"),
        _integer("MFNC", "function", 0, 5),
        _integer("SFNC", "sweep_function", 0, 5),
        _integer("PFNC", "pulse_function", 3, 5),
        number("RATE", "rate", unit="Hz", limits=(1e-6, 500e3), resolution=1e-6, form="{:.6f}"),
        number("SRAT", "sweep_rate", unit="Hz", limits=(1e-6, 120.0), resolution=1e-6, form="{:.6f}"),
        number("ADEP", "am_depth", unit="PCT", limits=(0, 100), resolution=0.1, form="{:.1f}"),
        number("ANDP", "am_noise", unit="PCT", limits=(0, 20), resolution=0.1, form="{:.1f}"),
        number("FNDV", "fm_noise", unit="Hz", limits=(0.1, 12.8e6), resolution=0.1, form="{:.1f}"),
        number("PNDV", "pm_noise", unit="DEG", limits=(0, 72), resolution=0.1, form="{:.1f}"),
        number("FDEV", "fm_deviation", unit="Hz", limits=(0.1, 64e6), resolution=0.1, form="{:.1f}"),
        number("PDEV", "pm_deviation", unit="DEG", limits=(0, 360), resolution=0.1, form="{:.1f}"),
        number("SDEV", "sweep_deviation", unit="Hz", limits=(0, 1e9), resolution=0.1, form="{:.1f}"),
        number("PPER", "pulse_period", unit="s", limits=(1e-6, 10), resolution=5e-9, form="{:.9f}"),
        number("PWID", "pulse_width", unit="s", limits=(100e-9, 10), resolution=5e-9, form="{:.9f}"),
        Command("PDTY", _duty_now, _duty),
        _integer("PRBS", "random_bits", 5, 19),
        number("RPER", "random_period", unit="s", limits=(100e-9, 10), resolution=5e-9, form="{:.9f}"),
        _integer("COUP", "coupling", 0, 1),
        _integer("NOIS", "noise_mode", 0, 1),
        ask("TIMB", lambda device: str(device.state.timebase)),
        ask("TEMP", SG384.temperature),
        ask("OPTN", _option, arguments=True),
        ask("LERR", _next_error),
        do("RPHS", lambda device: setattr(device.state, "phase", 0.0)),
        _integer("DISP", "displayed", 0, 12),
        *remote_lines(),
    ]
)
