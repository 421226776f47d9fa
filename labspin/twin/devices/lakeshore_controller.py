"""What Lake Shore's temperature controllers 336 and 372 share: inputs, outputs, a set-point that ramps.

The control loop itself is the sample's (`labspin.twin.samples.cryostat`): a cryostat keeps regulating
between messages to the controller, and the sample is what advances in time. The controller decides when
the loop is closed, where its set-point is (ramps included) and how much power the range allows, and in open
loop it sets the power. So P, I and D are kept and answered, but the loop is tuned as the sample's is; the
zone table and autotuning are not simulated (zone mode regulates at the set-point). A temperature limit
(``TLIMIT``) is looked at whenever the controller is spoken to.

One output heats the sample (option ``loop``); the others are kept and answered. An input that is not wired,
or wired to a quantity that the sample does not have, reads 0 and says so in ``RDGST?``. The sensors are
resistances, R = 308 Ω exp((17.1 K/T)^(1/4)), like ruthenium oxide's below 10 K.
"""

from __future__ import annotations

import functools
import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from labspin.errors import ArgumentError
from labspin.twin.devices.lakeshore import DIALECT, Column, Values, keyed, plain, real, text, whole
from labspin.twin.message import COMMON_COMMANDS, MessageDevice
from labspin.twin.signal import Track
from labspin.twin.wire import Command, CommandError, Unit, one_argument, parse_number

__all__ = [
    "ControllerState",
    "TemperatureController",
    "controller_lines",
    "heater_line",
    "inputs_of",
    "outputs_of",
    "ports_of",
    "reading_line",
    "sensor_resistance",
]

_RESISTANCE, _TEMPERATURE = 308.0, 17.1  # ohm, K
_CELSIUS = 273.15
_MINUTE = 60.0


def sensor_resistance(kelvin: float) -> float:
    """Return the resistance of the sensors at a temperature, ohm.

    Parameters
    ----------
    kelvin
        Temperature of the sensor, K; taken as 0.1 mK at least.
    """
    return _RESISTANCE * math.exp((_TEMPERATURE / max(kelvin, 1e-4)) ** 0.25)


def _sensor_temperature(ohm: float) -> float:
    if ohm <= 1.001 * _RESISTANCE:
        return 1e4  # hotter than anything that is regulated
    return _TEMPERATURE / math.log(ohm / _RESISTANCE) ** 4


def ports_of(inputs: Sequence[str]) -> dict[str, str]:
    """Return the ports of a controller: the signals that it drives, and one thermometer per input.

    Parameters
    ----------
    inputs
        Names of the inputs.

    Returns
    -------
    dict[str, str]
        Kind of each port by its name.
    """
    return {
        **dict.fromkeys(("setpoint", "limit", "heater"), "signal"),
        **dict.fromkeys(inputs, "quantity"),
    }


@dataclass
class ControllerState:
    """Settings by output and by input; tuples hold the arguments of one command."""

    mode: dict[str, Values] = field(default_factory=dict)  # OUTMODE
    range: dict[str, tuple[int]] = field(default_factory=dict)
    setpoint: dict[str, tuple[float]] = field(default_factory=dict)  # where it ramps to
    ramp: dict[str, tuple[int, float]] = field(default_factory=dict)  # on, K/min
    pid: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    manual: dict[str, tuple[float]] = field(default_factory=dict)  # percent
    heater: dict[str, Values] = field(default_factory=dict)  # HTRSET
    name: dict[str, tuple[str]] = field(default_factory=dict)
    limit: dict[str, tuple[float]] = field(default_factory=dict)  # K, 0: none
    kind: dict[str, tuple[int, ...]] = field(default_factory=dict)  # INTYPE
    filter: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    lock: tuple[int, int] = (0, 123)
    remote: tuple[int] = (0,)


class TemperatureController(MessageDevice):
    """A Lake Shore controller.

    Ports ``setpoint``, ``limit`` and ``heater`` drive the sample's cryostat; a port a thermometer input is
    the quantity that it measures, K.
    """

    default_wiring: ClassVar = {
        "setpoint": "cryostat.setpoint",
        "limit": "cryostat.heater_limit",
        "heater": "cryostat.heater",
    }
    dialect: ClassVar = DIALECT
    terminator: ClassVar = b"\r\n"
    model: ClassVar[str]
    units: ClassVar[Mapping[int, str]]  # "K", "C" or "sensor", by the last value of INTYPE
    inputs: ClassVar[tuple[str, ...]]
    outputs: ClassVar[tuple[str, ...]]
    closed_modes: ClassVar[frozenset[int]]
    open_mode: ClassVar[int]
    read_together: ClassVar[frozenset[str]] = frozenset({"KRDG"})  # queries that answer all inputs at 0
    open_input: ClassVar[int]  # what RDGST? says of an input with nothing connected
    state: ControllerState

    @property
    def true_identity(self) -> str:
        """Maker, model, serial number, firmware."""
        return f"LSCI,{self.model},{self._options['serial']},{self._options['firmware']}"

    def power_on(self) -> None:
        """Wake up with every heater off, and with the settings of the factory."""
        self.state = self.factory_settings()
        self._limited: list[str] = []
        self.kept: dict[Values, Values] = {}  # settings that act on nothing
        self.extremes: dict[str, tuple[float, float]] = {}  # least and greatest reading of an input, K
        self.sensor_status: dict[str, int] = {}  # bits of RDGST? of sensors that are out of range (a fault)
        self._courses = {output: Track.constant(0.0) for output in self.outputs}
        self.apply(str(self._options["loop"]))

    def reset(self) -> None:
        """Go to the settings of power-up, as ``*RST`` does."""
        self.power_on()

    @abstractmethod
    def factory_settings(self) -> ControllerState:
        """Return the settings of a new instrument."""

    @abstractmethod
    def full_power(self, output: str) -> float:
        """Return the power of an output at its range, W.

        Parameters
        ----------
        output
            Name of the output.
        """

    def unit_of(self, key: str) -> str:
        """Return the preferred unit of an input: "K", "C" or "sensor".

        Parameters
        ----------
        key
            Name of the input.
        """
        return self.units[self.state.kind[key][-1]]

    @abstractmethod
    def control_input(self, output: str) -> str:
        """Return the input that an output regulates; ``""`` is none.

        Parameters
        ----------
        output
            Name of the output.
        """

    def shows_power(self, output: str) -> bool:
        """Return whether percentages of an output refer to its power, not to its current.

        Parameters
        ----------
        output
            Name of the output.
        """
        return bool(self.state.heater[output][3] == 2)

    # -- inputs ------------------------------------------------------------------------------------------

    def temperature(self, key: str) -> float | None:
        """Return the temperature at an input, K; None if nothing is connected.

        Parameters
        ----------
        key
            Name of the input.
        """
        if key not in self.wiring:
            return None
        try:
            return self.world.reading(self.wiring[key])
        except ArgumentError:
            return None

    def change_limit(self, key: str) -> None:
        """Update which inputs have a temperature limit.

        Parameters
        ----------
        key
            Name of the input whose limit was set; all inputs are checked.
        """
        self._limited = [each for each, (limit,) in self.state.limit.items() if limit > 0]

    def watch(self) -> None:
        """Switch all heaters off if a temperature is beyond its limit."""
        for key in self._limited:
            kelvin = self.temperature(key)
            if kelvin is not None and kelvin > self.state.limit[key][0]:
                self.trip()

    def trip(self) -> None:
        """Let the protection switch every heater off."""
        for output in self.outputs:
            self.state.range[output] = (0,)
        self.apply(str(self._options["loop"]))

    def _execute(self, message: str) -> bytes:
        if self._limited:
            self.watch()
        return super()._execute(message)

    # -- outputs -----------------------------------------------------------------------------------------

    def present_setpoint(self, output: str) -> float:
        """Return the present value of a set-point, in the unit of its input.

        Parameters
        ----------
        output
            Name of the output.
        """
        return self._courses[output].value(self.world.clock.now())

    def is_ramping(self, output: str) -> bool:
        """Return whether a set-point is still moving.

        Parameters
        ----------
        output
            Name of the output.
        """
        return self.world.clock.now() < self._courses[output].settled

    def move_setpoint(self, output: str) -> None:
        """Move a set-point to its new value: in a ramp, if that is on.

        Parameters
        ----------
        output
            Name of the output.
        """
        on, rate = self.state.ramp[output]
        slew = rate / _MINUTE if on and rate > 0 else math.inf
        (target,) = self.state.setpoint[output]
        course = self._courses[output].towards(target, self.world.clock.now(), slew=slew, time_constant=0.0)
        self._courses[output] = course
        self.apply(output)

    def apply(self, output: str) -> None:
        """Drive the cryostat as the settings of an output say; only the output of the loop acts.

        Parameters
        ----------
        output
            Name of the output.
        """
        if output != str(self._options["loop"]):
            return
        mode, on = self.state.mode[output][0], self.state.range[output][0] > 0
        power = self.full_power(output) if on else 0.0
        self.drive("limit", power)
        if on and mode in self.closed_modes and self.control_input(output):
            self.drive("heater", 0.0)
            self._regulate(output)
            return
        self.drive("setpoint", 0.0)
        self.drive("heater", self._manual_power(output) if mode == self.open_mode else 0.0)

    def _regulate(self, output: str) -> None:
        course, unit = self._courses[output], self.unit_of(self.control_input(output))
        now = self.world.clock.now()
        self.drive("setpoint", _to_kelvin(course.value(now), unit))
        if now < course.settled:  # sensor units ramp as straight in kelvin, which they hardly are
            self.drive("setpoint", _to_kelvin(course.target, unit), slew=self._kelvin_rate(course, unit, now))

    @staticmethod
    def _kelvin_rate(course: Track, unit: str, now: float) -> float:
        way = abs(_to_kelvin(course.target, unit) - _to_kelvin(course.value(now), unit))
        return max(way / (course.settled - now), 1e-12)

    def _manual_power(self, output: str) -> float:
        part = self.state.manual[output][0] / 100
        return self.full_power(output) * (part if self.shows_power(output) else part**2)

    def heater_percent(self, output: str) -> float:
        """Return how much of its range an output delivers, percent.

        Parameters
        ----------
        output
            Name of the output.
        """
        mode, on = self.state.mode[output][0], self.state.range[output][0] > 0
        full = self.full_power(output) if on else 0.0
        if full <= 0:
            return 0.0
        if output != str(self._options["loop"]):
            return float(self.state.manual[output][0]) if mode == self.open_mode else 0.0
        try:
            part = min(self.world.reading("heater_power") / full, 1.0)
        except ArgumentError:
            part = self._manual_power(output) / full if mode == self.open_mode else 0.0
        return 100 * (part if self.shows_power(output) else math.sqrt(max(part, 0.0)))


def _to_kelvin(value: float, unit: str) -> float:
    if unit == "sensor":
        return _sensor_temperature(value)
    return max(value + (_CELSIUS if unit == "C" else 0.0), 0.0)


def reading_line(
    header: str, answer: Callable[[TemperatureController, float | None], str], *, optional: str = ""
) -> Command:
    """Return the line of a query of one input; ``answer`` gets its temperature, K.

    Parameters
    ----------
    header
        Header of the query, without ``?``.
    answer
        Called with the device and the temperature, K (None: nothing connected); returns the text to send.
    optional
        Input that is read when the query names none; ``""`` means that it must name one.
    """

    def read(device: TemperatureController, call: Unit) -> str:
        word = optional if optional and not call.arguments else one_argument(call)
        key = word.upper().lstrip("0") or "0"
        if key == "0" and header in device.read_together:
            return ",".join(answer(device, device.temperature(each)) for each in device.inputs)
        if key not in device.inputs:
            raise CommandError(-222, "Data out of range")
        return answer(device, device.temperature(key))

    return Command(header, ask=read)


def controller_lines(
    number: Callable[[float], str], *, rate: float, heater: Sequence[Column], output: str | None = None
) -> tuple[Command, ...]:
    """Return the lines that both controllers have.

    Parameters
    ----------
    number
        How temperatures and set-points are answered.
    rate
        Least ramp rate but 0, K/min.
    heater
        Columns of ``HTRSET``.
    output
        Output that is meant where none is given; None: it must be given.
    """
    by_output = functools.partial(keyed, keys=outputs_of, default=output)
    by_input = functools.partial(keyed, keys=inputs_of)
    ramp_rate = Column(lambda word: _rate(word, rate), number)
    return (
        *COMMON_COMMANDS,
        reading_line("KRDG", lambda device, kelvin: number(kelvin or 0.0)),
        reading_line(
            "SRDG", lambda device, kelvin: number(0.0 if kelvin is None else sensor_resistance(kelvin))
        ),
        Command("RDGST", ask=_reading_status),
        by_input("INNAME", "name", [text(15)]),
        by_input("TLIMIT", "limit", [real(0.0, 2000.0, number)], then=TemperatureController.change_limit),
        by_input("FILTER", "filter", [whole(0, 1), whole(2, 200), whole(1, 80)]),
        _setpoint(number, output),
        by_output("RAMP", "ramp", [whole(0, 1), ramp_rate]),
        _by_output("RAMPST", lambda device, key: str(int(device.is_ramping(key))), output),
        by_output("MOUT", "manual", [real(0.0, 100.0, number)], then=TemperatureController.apply),
        by_output("HTRSET", "heater", heater, then=TemperatureController.apply),
        _by_output("HTRST", lambda device, key: "0", output),
        plain("LOCK", "lock", [whole(0, 2), whole(0, 999)]),
        plain("MODE", "remote", [whole(0, 2)]),
        Command("DFLT", do=_factory),
    )


def outputs_of(device: TemperatureController) -> Sequence[str]:
    """Return the names of the outputs of a controller.

    Parameters
    ----------
    device
        The controller.
    """
    return device.outputs


def inputs_of(device: TemperatureController) -> Sequence[str]:
    """Return the names of the inputs of a controller.

    Parameters
    ----------
    device
        The controller.
    """
    return device.inputs


def _reading_status(device: TemperatureController, call: Unit) -> str:
    word = one_argument(call).upper().lstrip("0")
    if word not in device.inputs:
        raise CommandError(-222, "Data out of range")
    status = device.open_input if device.temperature(word) is None else device.sensor_status.get(word, 0)
    return f"{status:03d}"


def _rate(word: str, least: float) -> float:
    value = parse_number(word)
    if value != 0 and not least <= value <= 100:
        raise CommandError(-222, "Data out of range")
    return value


def _factory(device: TemperatureController, call: Unit) -> None:
    if round(parse_number(one_argument(call))) != 99:
        raise CommandError(-222, "Data out of range")
    device.power_on()


def _setpoint(number: Callable[[float], str], output: str | None) -> Command:
    """Return the line of the set-point; the query answers where it is on its ramp."""
    line = keyed(
        "SETP",
        "setpoint",
        [real(-1e6, 1e6, number)],
        keys=lambda device: device.outputs,
        default=output,
        then=TemperatureController.move_setpoint,
    )
    query = _by_output("SETP", lambda device, key: number(device.present_setpoint(key)), output)
    return Command("SETP", query.ask, line.do)


def _by_output(
    header: str, answer: Callable[[TemperatureController, str], str], default: str | None
) -> Command:
    """Return the line of a query of one output."""

    def read(device: TemperatureController, call: Unit) -> str:
        key = default if default is not None and not call.arguments else one_argument(call)
        if key not in device.outputs:
            raise CommandError(-222, "Data out of range")
        return answer(device, key)

    return Command(header, ask=read)


def heater_line(form: Callable[[float], str], output: str | None) -> Command:
    """Return the line of the heater's output in percent.

    Parameters
    ----------
    form
        Turns the percentage into the text that is sent.
    output
        Output that is read when the query names none; None means that it must name one.
    """
    return _by_output("HTR", lambda device, key: form(device.heater_percent(key)), output)
