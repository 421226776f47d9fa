"""Lake Shore 372: a resistance bridge and temperature controller for dilution refrigerators.

Commands after the *Model 372 AC Resistance Bridge and Temperature Controller user's manual* (Lake Shore,
revision 1.7), chapter 6, as QCoDeS's ``LakeshoreModel372`` uses them: inputs 1 to 16 and the control input
A; outputs 0 (sample heater, 31.6 µA to 100 mA), 1 (warm-up) and 2 (analog or still); output 0 where none is
given; ramps of 0.001 to 100 K/min; defaults P 10, I 20 s, D 0, heater off, sample heater on input A.
It wakes up with the scanner at input 1 (``SCAN``); inputs 2 to 16 are read when the scanner comes there, see
`labspin.twin.devices.lakeshore372_scanner`. The control input A has a bridge of its own.
Assumed: a heater of 100 Ω; that percents are of the current; settings of inputs; that an input at which the
scanner has not been yet reads like one without a sensor. A loop on a scanned input is as fast as on one that
is read all the time. For the control loop see `labspin.twin.devices.lakeshore_controller`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import ClassVar

from labspin.twin.devices.lakeshore import Column, keyed, plain, real, scientific, whole
from labspin.twin.devices.lakeshore372_scanner import Scanner, Stop
from labspin.twin.devices.lakeshore_controller import (
    ControllerState,
    TemperatureController,
    controller_lines,
    heater_line,
    inputs_of,
    outputs_of,
    ports_of,
    reading_line,
    sensor_resistance,
)
from labspin.twin.devices.lakeshore_kept import (
    alarm_lines,
    curve_lines,
    interface_lines,
    kept,
    one_of,
    status_lines,
)
from labspin.twin.wire import Command, CommandError, Table, Unit, one_argument

__all__ = ["LakeShore372"]

_NUMBERED = tuple(str(number) for number in range(1, 17))
_INPUTS = (*_NUMBERED, "A")
_CURRENTS = (0.0, 31.6e-6, 100e-6, 316e-6, 1e-3, 3.16e-3, 10e-3, 31.6e-3, 100e-3)  # A, by range
_COMPLIANCE = 10.0  # V
_WARM_UP_POWER, _STILL_POWER = 10.0, 1.0  # W
_OPEN = 16  # R. OVER
_EXCITATION = 1e-9  # A, of every sensor, whatever INTYPE says


@dataclass
class State(ControllerState):
    """Settings of the instrument."""

    setup: dict[str, tuple[int, int, int, int, int]] = field(default_factory=dict)  # INSET
    scan: tuple[int, int] = (1, 0)


class LakeShore372(TemperatureController):
    """Lake Shore 372; see `TemperatureController` for its ports.

    Options
    -------
    loop
        Output that heats the sample.
    """

    ports: ClassVar = ports_of(_INPUTS)
    default_wiring: ClassVar = {
        **TemperatureController.default_wiring,
        "A": "temperature", "1": "temperature", "2": "sample_temperature",
    }  # fmt: skip
    options: ClassVar = {"loop": 0, "serial": "LSA12XY", "firmware": "1.7"}
    model: ClassVar = "MODEL372"
    units: ClassVar = {1: "K", 2: "sensor"}
    inputs: ClassVar = _INPUTS
    outputs: ClassVar = ("0", "1", "2")
    closed_modes: ClassVar = frozenset({3, 5})
    open_mode: ClassVar = 2
    open_input: ClassVar = _OPEN
    state: State

    def factory_settings(self) -> State:
        """Return the settings of a new instrument."""
        state = State()
        for output in self.outputs:
            state.mode[output] = (0, "A" if output == "0" else "0", 0, 0, 0, 5)
            state.range[output], state.setpoint[output] = (0,), (0.0,)
            state.ramp[output], state.pid[output] = (0, 0.0), (10.0, 20.0, 0.0)
            ohm = 2 if output == "1" else 100.0
            state.manual[output], state.heater[output] = (0.0,), (ohm, 1, 0.0, 1)
        for key in self.inputs:
            state.name[key], state.limit[key] = (f"Input {key}",), (0.0,)
            state.kind[key], state.filter[key] = (0, 4, 1, 13, 0, 1), (0, 10, 10)
            state.setup[key] = (1, 10, 3, 21, 1)
        return state

    def power_on(self) -> None:
        """Wake up with every heater off, the settings of the factory, and the scanner at input 1."""
        self._scanner = Scanner(self.world.clock.now(), "1")
        super().power_on()

    def _stop(self, key: str) -> Stop:
        _, dwell, pause, _, _ = self.state.setup[key]
        return Stop(key, float(pause), float(dwell))

    def rescan(self) -> None:
        """Follow ``SCAN``: go to an input, and with autoscan on from there to the others that are enabled."""
        first, automatic = self.state.scan
        numbers = [(first + step - 1) % len(_NUMBERED) + 1 for step in range(1, len(_NUMBERED))]
        others = [self._stop(str(number)) for number in numbers if self.state.setup[str(number)][0]]
        now = self.world.clock.now()
        self._scanner.look(now, super().temperature)
        self._scanner.go(now, self._stop(str(first)), others, automatic=bool(automatic))

    def reset_input(self, key: str) -> None:
        """Apply ``INSET``: a round of the scanner starts again at the present input.

        Parameters
        ----------
        key
            Name of the input that was set.
        """
        on, dwell, pause, curve, coefficient = self.state.setup[key]
        self.state.setup[key] = (on, max(dwell, 1), max(pause, 3), curve, max(coefficient, 1))
        self.state.scan = (int(self._scanner.present(self.world.clock.now())), self.state.scan[1])
        if self.state.scan[1]:
            self.rescan()

    def temperature(self, key: str) -> float | None:
        """Return the temperature that an input shows, K; None if nothing is connected or was ever read.

        Parameters
        ----------
        key
            Name of the input: ``"A"``, or the number of a scanned one.
        """
        if key not in _NUMBERED:
            return super().temperature(key)
        return self._scanner.look(self.world.clock.now(), super().temperature).get(key)

    def _execute(self, message: str) -> bytes:
        if self._scanner.goes_round:  # else nothing is missed by not looking
            self._scanner.look(self.world.clock.now(), super().temperature)
        return super()._execute(message)

    def full_power(self, output: str) -> float:
        """Return the power of an output at its range, W.

        Parameters
        ----------
        output
            Name of the output: ``"0"`` (sample), ``"1"`` (warm-up) or ``"2"`` (still).
        """
        index = self.state.range[output][0]
        if output != "0":
            return (_WARM_UP_POWER if output == "1" else _STILL_POWER) * min(index, 1)
        ohm = float(self.state.heater[output][0])
        return min(_CURRENTS[index] ** 2 * ohm, _COMPLIANCE**2 / ohm)

    def control_input(self, output: str) -> str:
        """Return the input that an output regulates; ``""`` is none.

        Parameters
        ----------
        output
            Name of the output, ``"0"`` to ``"2"``.
        """
        key = str(self.state.mode[output][1])
        return "" if key == "0" else key

    def ranged(self, output: str) -> None:
        """Apply ``RANGE``, which has fewer values at the outputs 1 and 2.

        Parameters
        ----------
        output
            Name of the output, ``"0"`` to ``"2"``.
        """
        if output != "0" and self.state.range[output][0] > 1:
            self.state.range[output] = (0,)
            raise CommandError(-222, "Data out of range")
        self.apply(output)


def _input_word(word: str) -> str:
    key = word.upper().lstrip("0") or "0"
    if key != "0" and key not in _INPUTS:
        raise CommandError(-222, "Data out of range")
    return key


def _resistance(device: TemperatureController, kelvin: float | None) -> str:
    return scientific(0.0 if kelvin is None else sensor_resistance(kelvin))


_by_output = functools.partial(keyed, keys=outputs_of, default="0")
_by_input = functools.partial(keyed, keys=inputs_of)
_MODES = [whole(0, 6), Column(_input_word, str), whole(0, 1), whole(0, 1), whole(0, 1), whole(1, 255)]

_SCANNED = one_of(_INPUTS)
_LEVELS = [real(-1e6, 1e6, scientific)] * 3


def _analog(call: Unit) -> str:
    return str(one_of(["1", "2"]).read(one_argument(call)))


def _set_address(device: LakeShore372, call: Unit) -> None:
    """Take the address, alone or behind line end and EOI as the 370 had them."""
    if len(call.arguments) not in (1, 3):
        raise CommandError(-109, "Missing parameter")
    device.kept["IEEE",] = (whole(0, 30).read(call.arguments[-1]),)


_HEATER = [whole(0, 2), real(0.0, 0.63, scientific), whole(1, 2)]
_SAMPLE_HEATER = keyed(
    "HTRSET",
    "heater",
    [real(1.0, 2000.0, scientific), *_HEATER],
    keys=lambda device: device.outputs,
    default="0",
    then=TemperatureController.apply,
)
_WARM_UP_HEATER = keyed("HTRSET", "heater", [whole(1, 2), *_HEATER], keys=lambda device: ("1",))


def _heater(call: Unit) -> Command:
    """Return the line of the heater that is named: at the warm-up heater 1 is 25 Ω and 2 is 50 Ω."""
    return _WARM_UP_HEATER if call.arguments[:1] == ("1",) else _SAMPLE_HEATER


def _ask_heater(device: LakeShore372, call: Unit) -> str:
    line = _heater(call).ask
    return line(device, call) if line else ""


def _set_heater(device: LakeShore372, call: Unit) -> None:
    line = _heater(call).do
    if line:
        line(device, call)


def _no_emulation(device: LakeShore372, call: Unit) -> None:
    """Refuse to emulate a 370, which is not simulated; 0 changes nothing."""
    if one_argument(call) != "0":
        raise CommandError(-222, "Data out of range")


def _excitation_power(device: TemperatureController, kelvin: float | None) -> str:
    """Return the power in the sensor at the least current of 1 nA, W."""
    return scientific(0.0 if kelvin is None else _EXCITATION**2 * sensor_resistance(kelvin))


_SCAN = plain("SCAN", "scan", [whole(1, 16), whole(0, 1)], then=LakeShore372.rescan)


def _scanned(device: LakeShore372, call: Unit) -> str:
    if call.arguments:
        raise CommandError(-108, "Parameter not allowed")
    return f"{device._scanner.present(device.world.clock.now())},{device.state.scan[1]}"


LakeShore372.table = Table(
    [
        *controller_lines(
            scientific,
            rate=0.001,
            heater=[real(1.0, 2000.0, scientific), *_HEATER],
            output="0",
        ),
        Command("HTRSET", _ask_heater, _set_heater),
        heater_line(scientific, "0"),
        reading_line("RDGR", _resistance),
        _by_output("OUTMODE", "mode", _MODES, then=TemperatureController.apply),
        _by_output("RANGE", "range", [whole(0, 8)], then=LakeShore372.ranged),
        _by_output("PID", "pid", [real(0.0, 1000, scientific), real(0, 10000, scientific),
                             real(0, 2500, scientific)]),
        _by_input("INTYPE", "kind", [whole(0, 1), whole(1, 22), whole(0, 2), whole(0, 22), whole(0, 1),
                                 whole(1, 2)]),
        _by_input("INSET", "setup", [whole(0, 1), whole(0, 200), whole(0, 200), whole(0, 59), whole(0, 2)],
              then=LakeShore372.reset_input),
        Command("SCAN", _scanned, _SCAN.do),
        *curve_lines(scientific),
        *alarm_lines(_INPUTS, scientific, source=True),
        *status_lines(),
        *interface_lines(),
        reading_line("QRDG", lambda device, kelvin: scientific(0.0)),
        reading_line("RDGPWR", _excitation_power),
        Command("EMUL", lambda device, call: "0", _no_emulation),
        kept("DISPLAY", [whole(0, 10), whole(0, 2), whole(0, 4)], (2, 0, 0), optional=2),
        Command("IEEE", lambda device, call: str(device.kept.get(("IEEE",), (12,))[-1]), _set_address),
        kept("CMR", [whole(0, 1)], (0,)),
        kept("STILL", [real(0.0, 100.0, scientific)], (0.0,)),
        kept("WARMUP", [whole(0, 1), real(0.0, 100.0, scientific)], (0, 0.0)),
        kept("FREQ", [whole(1, 5)], (1,), keys=[_SCANNED]),
        kept("DOUT", [whole(0, 31)], (0,)),
        kept("MONITOR", [whole(0, 6)], (0,)),
        kept("ANALOG", [whole(0, 1), whole(0, 6), one_of(["0", *_INPUTS]), whole(0, 4), *_LEVELS],
             (0, 0, "A", 1, 0.0, 0.0, 0.0), keys=[whole(1, 2)]),
        Command("AOUT", ask=lambda device, call: scientific(device.heater_percent(_analog(call)))),
        kept("ZONE", [real(0.0, 500.0, scientific), real(0.0, 1000.0, scientific),
                      real(0.0, 10000.0, scientific), real(0.0, 10000.0, scientific),
                      real(0.0, 100.0, scientific), whole(0, 8), real(0.0, 100.0, scientific),
                      whole(0, 1), whole(0, 1)],
             (0.0, 10.0, 20.0, 0.0, 0.0, 0, 0.1, 0, 0), keys=[whole(0, 1), whole(1, 10)]),
    ]
)  # fmt: skip
