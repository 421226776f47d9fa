"""What the drivers of Lake Shore's temperature controllers share: inputs, outputs, and the role.

Inputs and outputs are pymeasure's ``LakeShoreTemperatureChannel`` and ``LakeShoreHeaterChannel``. Added here:
a lock around each exchange, the event register, limits that refuse, the state of a sensor, control mode, P, I
and D, ramps of the set-point, and a wait for a stable temperature that goes through the bench's clock and can
be broken off.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from pymeasure.instruments import Channel
from pymeasure.instruments.lakeshore.lakeshore_base import LakeShoreHeaterChannel, LakeShoreTemperatureChannel

from labspin.errors import DeviceError, InstrumentError, LimitError, SettleError
from labspin.instruments.adapter import RoleAdapter
from labspin.instruments.base import GuardedChannel, LabspinInstrument
from labspin.instruments.invalid import SCPI_WORDS
from labspin.instruments.limits import check_limits, one_of
from labspin.instruments.properties import quantity
from labspin.instruments.refusals import StandardEvents

__all__ = ["ControllerAdapter", "HeaterOutput", "LakeShoreController", "TemperatureInput", "ramp"]

_KELVIN = 1  # among the units of an input
_WORDS: Mapping[str, float] = {
    **SCPI_WORDS,
    **dict.fromkeys(("T.OVER", "S.OVER", "R.OVER", "CS OVL", "VCM OVL", "VMIX OVL", "VDIF OVL"), math.inf),
    **dict.fromkeys(("T.UNDER", "S.UNDER", "R.UNDER"), -math.inf),
    **dict.fromkeys(("NO CURVE", "INVALID"), math.nan),
}
"""What these controllers show instead of a reading."""


def ramp(command: str, doc: str, *, name: str) -> Any:
    """Return the property of a ramp of the set-point, K/min; 0 means that the ramp is off.

    Parameters
    ----------
    command
        Command that sets it: switch and rate as ``%`` formats.
    doc
        The property's docstring.
    name
        What errors call it.
    """
    return quantity(
        "RAMP? {ch}",
        command,
        doc,
        name=name,
        unit="K",
        limits=(0.0, 100.0),
        set_process=lambda rate: (int(rate > 0), rate),
        get_process_list=lambda answer: answer[1] if answer[0] else 0.0,
    )


class TemperatureInput(GuardedChannel, LakeShoreTemperatureChannel):  # type: ignore[misc]
    """An input of the controller."""

    status: int = Channel.measurement(
        "RDGST? {ch}",
        """Get what is wrong with the reading (dimensionless, int: a sum of bits, 0 is good).""",
        cast=int,
    )

    temperature_limit: float = quantity(
        "TLIMIT? {ch}",
        "TLIMIT {ch},%g",
        """Control above what temperature all heaters switch off (K, float from 0, never, to 2000).""",
        name="Lake Shore temperature_limit",
        unit="K",
        limits=(0.0, 2000.0),
    )

    def temperature(self) -> float:
        """Return the temperature, K.

        Raises
        ------
        DeviceError
            The reading is not valid: no sensor, or one out of its range.
        """
        kelvin = float(self.kelvin)
        if status := self.status:
            raise DeviceError(
                f"{self.parent.name}: wanted a temperature at input {self.id}, but it reports status "
                f"{status} (RDGST? in the manual); check the sensor and its excitation"
            )
        return kelvin


class HeaterOutput(GuardedChannel, LakeShoreHeaterChannel):  # type: ignore[misc]
    """An output of the controller; subclasses hold the model's ranges and modes."""

    parent: LakeShoreController
    modes: ClassVar[Mapping[str, int]]
    """What may set the output, and its number on the wire."""
    range: Any
    pid: tuple[float, float, float]
    ramp_rate: float

    setpoint: float = quantity(
        "SETP? {ch}",
        "SETP {ch},%.6g",
        """Control where the loop holds the temperature; the query follows ramps (K, float from 0 to 500).""",
        name="Lake Shore setpoint",
        unit="K",
        limits=(0.0, 500.0),
    )

    manual_output: float = quantity(
        "MOUT? {ch}",
        "MOUT {ch},%.4g",
        """Control the output in open loop, in percent of its range (dimensionless, float from 0 to 100).""",
        name="Lake Shore manual_output",
        limits=(0.0, 100.0),
    )

    mout: float = manual_output  # pymeasure's name for it

    is_ramping: bool = Channel.measurement(
        "RAMPST? {ch}",
        """Get whether the set-point is on its way (dimensionless, bool).""",
        cast=bool,
    )

    @property
    def mode(self) -> str:
        """Get what sets the output (dimensionless, str: "off", "closed loop", "open loop" ...)."""
        number = int(self._outmode()[0])
        return {value: name for name, value in self.modes.items()}.get(number, f"mode {number}")

    @property
    def control_input(self) -> str:
        """Get the input that the loop regulates (dimensionless, str: its name, "" for none)."""
        return self.input_name(self._outmode()[1])

    def set_mode(self, mode: str, control_input: str) -> None:
        """Set what controls the output, and by which input.

        Parameters
        ----------
        mode
            One of `modes`.
        control_input
            Name of the input; empty for none.

        Raises
        ------
        LimitError
            There is no such mode.
        DeviceError
            The instrument refused.
        """
        if mode not in self.modes:
            raise LimitError(
                f"{self.parent.name} mode: wanted one of {', '.join(self.modes)}, got {mode!r}; nothing was "
                "sent to the instrument"
            )
        rest = self._outmode()[2:]
        words = [str(self.modes[mode]), self.input_word(control_input), *rest]
        self.write(f"OUTMODE {self.id},{','.join(words)}")
        self.parent.check_set_errors()

    def _outmode(self) -> list[str]:
        return [str(part).strip() for part in self.values("OUTMODE? {ch}", cast=str)]

    def input_name(self, word: str) -> str:
        """Return the name of the input that is ``word`` on the wire.

        Parameters
        ----------
        word
            The input on the wire; ``"0"`` is none.

        Returns
        -------
            The name; empty for none.
        """
        return "" if word == "0" else word

    def input_word(self, name: str) -> str:
        """Return the word on the wire for the input called ``name``.

        Parameters
        ----------
        name
            Name of the input; empty for none.
        """
        return name or "0"


class LakeShoreController(StandardEvents, LabspinInstrument):
    """Base of the drivers; `inputs` and `outputs` are by name."""

    maker = "LSCI"
    takes_several = True
    invalid_words = _WORDS
    # The ends of lines are the same at every interface; the serial port is USB's.
    terminations: ClassVar[Mapping[str, object]] = {
        "read_termination": "\r\n",
        "write_termination": "\n",
        "asrl": {"baud_rate": 57600, "data_bits": 7, "parity": 1},
    }

    @property
    @abstractmethod
    def inputs(self) -> Mapping[str, TemperatureInput]:
        """Get the inputs by name (dimensionless, mapping)."""

    @property
    @abstractmethod
    def outputs(self) -> Mapping[int, HeaterOutput]:
        """Get the outputs by number (dimensionless, mapping)."""

    def wait_until_stable(
        self,
        name: str,
        target: float,
        *,
        tolerance: float,
        duration: float,
        timeout: float,
        poll: float = 1.0,
        checkpoint: Callable[[], None] = lambda: None,
    ) -> float:
        """Wait until an input has stayed near ``target``, and return how long it took, s.

        Parameters
        ----------
        name
            The input.
        target
            Temperature, K.
        tolerance
            Deviation that is near, K.
        duration
            For how long it must stay, s.
        timeout
            After how long to give up, s.
        poll
            Time between two looks, s.
        checkpoint
            Called at every look; may raise to break off.

        Raises
        ------
        SettleError
            It did not stay there in time.
        """
        began = self.clock.now()
        near_since: float | None = None
        while True:
            checkpoint()
            kelvin, now = self.inputs[name].temperature(), self.clock.now()
            if abs(kelvin - target) > tolerance:
                near_since = None
            elif near_since is None:
                near_since = now
            if near_since is not None and now - near_since >= duration:
                return now - began
            if now - began >= timeout:
                raise SettleError(
                    f"{self.name}: wanted {target:g} K ± {tolerance:g} K at input {name} for {duration:g} s "
                    f"within {timeout:g} s, got {kelvin:g} K; check heater range and set-point"
                )
            self.clock.sleep(poll)

    def safe(self) -> None:
        """Switch every heater off."""
        for output in self.outputs:
            self.write(f"RANGE {output},0")
        self.check_set_errors()


class ControllerAdapter(RoleAdapter):
    """A controller as a `TemperatureController`: one input, one output, closed loop."""

    role = "TemperatureController"
    device: LakeShoreController
    chosen: Any
    greatest_setpoint: ClassVar[float] = 400.0  # K
    doubtful_bits: ClassVar[Mapping[int, str]]
    """Bits of ``RDGST?``, and what they say of the sensor."""
    unit_place: ClassVar[int]
    """Which of the values of ``INTYPE?`` is the preferred unit."""
    relied_on = (
        "setpoint",
        "output_enabled",
        "output.mode",
        "output.control_input",
        "output.ramp_rate",
        "preferred_unit",
    )
    resolutions: ClassVar[Mapping[str, float]] = {"setpoint": 1e-3}
    off: ClassVar[Any]
    """Range of a heater that is off."""

    @classmethod
    def ranges(cls, options: object = None) -> dict[str, tuple[float, float]]:
        """Return the limits of the set-point, K.

        Parameters
        ----------
        options
            Not used.
        """
        return {"setpoint": (0.0, cls.greatest_setpoint)}

    @classmethod
    def place(cls, address: str, options: object = None) -> str:
        """Return what only one instrument may use: one output, not the whole controller.

        Parameters
        ----------
        address
            Address out of a station file.
        options
            An instance of `options`; None: its defaults.
        """
        return f"{cls.canonical_address(address)} output {cls._output_of(options or cls.options())}"

    @staticmethod
    def _output_of(options: Any) -> int:
        return int(options.output)

    @property
    def input(self) -> TemperatureInput:
        """Get the input that is regulated (dimensionless, a channel of the driver)."""
        return self.device.inputs[self.chosen.input]

    @property
    def output(self) -> HeaterOutput:
        """Get the output that heats (dimensionless, a channel of the driver)."""
        return self.device.outputs[self._output_of(self.chosen)]

    def input_unit(self) -> int:
        """Return the number of the unit in which the input is regulated."""
        return int(self.device.values(f"INTYPE? {self.chosen.input}", cast=int)[self.unit_place])

    @property
    def preferred_unit(self) -> int:
        """Get the number of the unit in which the input is regulated (dimensionless, int: 1 is kelvin)."""
        return self.input_unit()

    def doubts(self) -> tuple[str, ...]:
        """Return what is wrong with the sensor of the input."""
        status = self.input.status
        return tuple(text for bit, text in self.doubtful_bits.items() if status & bit)

    def heater_range(self) -> Any:
        """Return the range of the heater while the loop is on."""
        return self.chosen.heater_range

    def switch(self, on: bool) -> None:
        """Switch the heater on, in the chosen range, or off.

        Parameters
        ----------
        on
            True or False; nothing else is taken.
        """
        wanted = one_of(f"{self.device.name} output_enabled")(on, (True, False))
        self.output.range = self.heater_range() if wanted else self.off

    def configure(self) -> None:
        """Close the loop on the input, in kelvin, without a ramp of its own; moves no output."""
        self.device.clear_events()
        if self.input_unit() != _KELVIN:
            raise InstrumentError(
                f"{self.device.name}: wanted input {self.chosen.input} in kelvin, but its preferred unit is "
                "another; set it at the front panel (Input Setup), then connect again"
            )
        output = self.output
        if (output.mode, output.control_input) != ("closed loop", self.chosen.input):
            if self.output_enabled:
                raise InstrumentError(
                    f"{self.device.name}: wanted output {output.id} in closed loop on input "
                    f"{self.chosen.input}, but its heater is on in mode {output.mode!r} on "
                    f"{output.control_input or 'no input'}; switch it off by hand, then connect again"
                )
            output.set_mode("closed loop", self.chosen.input)
        output.ramp_rate = 0.0

    @property
    def temperature(self) -> float:
        """Measure the temperature (K, float)."""
        return self.input.temperature()

    @property
    def setpoint(self) -> float:
        """Control the temperature that the loop holds (K, float from 0 to 400)."""
        return self.output.setpoint

    @setpoint.setter
    def setpoint(self, value: float) -> None:
        least, greatest = self.ranges(self.chosen)["setpoint"]
        self.output.setpoint = check_limits(f"{self.device.name} setpoint", value, least, greatest, "K")

    @property
    def output_enabled(self) -> bool:
        """Control whether the heater loop is on (dimensionless, bool: True or False)."""
        return bool(self.device.values(f"RANGE? {self.output.id}", cast=int)[0])

    @output_enabled.setter
    def output_enabled(self, value: bool) -> None:
        self.switch(value)

    def wait_until_stable(self, *, tolerance: float, duration: float, timeout: float, **how: Any) -> float:
        """Wait until the temperature has stayed near the set-point, and return how long it took, s.

        Parameters
        ----------
        tolerance
            Greatest deviation from the set-point, K.
        duration
            For how long it must stay, s.
        timeout
            After how long to give up, s.
        **how
            ``poll`` and ``checkpoint``, as in `LakeShoreController.wait_until_stable`.

        Raises
        ------
        SettleError
            It did not stay there in time.
        """
        return self.device.wait_until_stable(
            self.chosen.input, self.setpoint, tolerance=tolerance, duration=duration, timeout=timeout, **how
        )

    def safe(self) -> None:
        """Switch this heater off; others stay as they are."""
        self.switch(False)

    def settings(self) -> dict[str, object]:
        """Return temperature and set-point (K), mode, range, P, I, D and output (percent), read back."""
        output = self.output
        return {
            "temperature": self.temperature,
            "setpoint": self.setpoint,
            "mode": output.mode,
            "control_input": output.control_input,
            "pid": list(output.pid),
            "ramp_rate": output.ramp_rate,
            "heater_output": float(output.output),
            "temperature_limit": self.input.temperature_limit,
            "output_enabled": self.output_enabled,
        }
