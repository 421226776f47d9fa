"""Lake Shore 336: a temperature controller with four inputs A to D and four outputs.

Commands and formats after the *Model 336 Temperature Controller user's manual* (Lake Shore, chapter 6), as
QCoDeS's ``LakeshoreModel336`` and pymeasure's ``LakeShore3xx`` use them: numbers of six digits, ``HTRSET``
with four values, ramps of 0.1 to 100 K/min, heater ranges in decades of power, P 50, I 20, D 0.
Assumed, not found in the manual: outputs 1 and 2 come in closed loop on inputs A and B, and the heaters are
of 25 Ω at 1 A. For the control loop see `labspin.twin.devices.lakeshore_controller`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import ClassVar

from labspin.twin.devices.lakeshore import keyed, real, six_digits, whole
from labspin.twin.devices.lakeshore_controller import (
    ControllerState,
    TemperatureController,
    controller_lines,
    heater_line,
    inputs_of,
    outputs_of,
    ports_of,
    reading_line,
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

__all__ = ["LakeShore336"]

_INPUTS = ("A", "B", "C", "D")
_CURRENTS = {1: 0.707, 2: 1.0, 3: 1.141, 4: 1.732}  # A, of HTRSET
_RESISTANCES = {1: 25.0, 2: 50.0}  # ohm
_PARTS = {0: 0.0, 1: 0.01, 2: 0.1, 3: 1.0}  # of full power, by range
_VOLTS = 10.0  # V full scale of outputs 3 and 4
_LOAD = 100.0  # ohm, at outputs 3 and 4
_CELSIUS = 273.15


@dataclass
class State(ControllerState):
    """Settings of the instrument."""

    curve: dict[str, tuple[int]] = field(default_factory=dict)


class LakeShore336(TemperatureController):
    """Lake Shore 336; see `TemperatureController` for its ports.

    Options
    -------
    loop
        Output that heats the sample.
    """

    ports: ClassVar = ports_of(_INPUTS)
    default_wiring: ClassVar = {
        **TemperatureController.default_wiring, "A": "temperature", "B": "sample_temperature",
    }  # fmt: skip
    options: ClassVar = {"loop": 1, "serial": "LSA12AB/#######", "firmware": "2.9"}
    model: ClassVar = "MODEL336"
    units: ClassVar = {1: "K", 2: "C", 3: "sensor"}
    inputs: ClassVar = _INPUTS
    outputs: ClassVar = ("1", "2", "3", "4")
    closed_modes: ClassVar = frozenset({1, 2})
    open_mode: ClassVar = 3
    open_input: ClassVar = 1
    read_together: ClassVar = frozenset({"KRDG", "SRDG", "CRDG"})
    state: State

    def factory_settings(self) -> State:
        """Return the settings of a new instrument."""
        state = State()
        for number, output in enumerate(self.outputs):
            state.mode[output] = (1, number + 1, 0) if number < 2 else (0, 0, 0)
            state.range[output], state.setpoint[output] = (0,), (0.0,)
            state.ramp[output], state.pid[output] = (0, 0.0), (50.0, 20.0, 0.0)
            state.manual[output], state.heater[output] = (0.0,), (1, 2, 1.0, 1)
        for key in self.inputs:
            state.name[key], state.limit[key] = (f"Input {key}",), (0.0,)
            state.kind[key], state.filter[key] = (3, 1, 5, 1, 1), (0, 8, 10)
            state.curve[key] = (21,)
        return state

    def full_power(self, output: str) -> float:
        """Return the power of an output at its range, W.

        Parameters
        ----------
        output
            Name of the output, ``"1"`` to ``"4"``.
        """
        number = self.state.range[output][0]
        if output in ("3", "4"):  # off or on
            return _VOLTS**2 / _LOAD if number else 0.0
        part = _PARTS[number]
        ohm, limit, own, _ = self.state.heater[output]
        return part * _CURRENTS.get(int(limit), float(own)) ** 2 * _RESISTANCES[int(ohm)]

    def control_input(self, output: str) -> str:
        """Return the input that an output regulates; ``""`` is none.

        Parameters
        ----------
        output
            Name of the output, ``"1"`` to ``"4"``.
        """
        return ("", *_INPUTS)[int(self.state.mode[output][1])]


def _celsius(device: TemperatureController, kelvin: float | None) -> str:
    return six_digits(0.0 if kelvin is None else kelvin - _CELSIUS)


def _warm_up(device: object, names: tuple[object, ...]) -> None:
    if names[0] not in (3, 4):
        raise CommandError(-222, "Data out of range")


def _analog_output(device: TemperatureController, call: Unit) -> float:
    output = one_argument(call)
    if output not in ("3", "4"):
        raise CommandError(-222, "Data out of range")
    return device.heater_percent(output)


_by_output = functools.partial(keyed, keys=outputs_of)
_by_input = functools.partial(keyed, keys=inputs_of)

LakeShore336.table = Table(
    [
        *controller_lines(
            six_digits,
            rate=0.1,
            heater=[whole(1, 2), whole(0, 4), real(0.0, 2.0, "{:+.3f}".format), whole(1, 2)],
        ),
        heater_line("{:+06.1f}".format, None),
        reading_line("CRDG", _celsius),
        _by_output("OUTMODE", "mode", [whole(0, 5), whole(0, 4), whole(0, 1)],
                   then=TemperatureController.apply),
        _by_output("RANGE", "range", [whole(0, 3)], then=TemperatureController.apply),
        _by_output("PID", "pid", [real(0.1, 1000, "{:+07.1f}".format), real(0.1, 1000, "{:+07.1f}".format),
                             real(0, 200, "{:+07.1f}".format)]),
        _by_input("INTYPE", "kind", [whole(0, 4), whole(0, 1), whole(0, 8), whole(0, 1), whole(1, 3)]),
        _by_input("INCRV", "curve", [whole(0, 59)]),
        *curve_lines(six_digits),
        *alarm_lines(_INPUTS, six_digits, source=False),
        *status_lines(),
        *interface_lines(),
        kept("DISPLAY", [whole(0, 10), whole(0, 2), whole(1, 4)], (4, 0, 1), optional=2),
        kept("IEEE", [whole(1, 30)], (12,)),
        kept("DIOCUR", [whole(0, 1)], (0,), keys=[one_of(_INPUTS)]),
        kept("ANALOG", [whole(0, 8), whole(1, 3), real(-1e6, 1e6), real(-1e6, 1e6), whole(0, 1)],
             (1, 1, 0.0, 0.0, 0), keys=[whole(3, 4)]),
        Command("AOUT", ask=lambda device, call: six_digits(_analog_output(device, call))),
        kept("WARMUP", [whole(0, 1), real(0.0, 100.0)], (0, 100.0), keys=[whole(1, 4)], check=_warm_up),
        kept("ZONE", [real(0.0, 2000.0), real(0.0, 1000.0), real(0.0, 1000.0), real(0.0, 200.0),
                      real(0.0, 100.0), whole(0, 3), whole(0, 4), real(0.0, 100.0)],
             (0.0, 50.0, 20.0, 0.0, 0.0, 0, 0, 0.1), keys=[whole(1, 2), whole(1, 10)]),
    ]
)  # fmt: skip
