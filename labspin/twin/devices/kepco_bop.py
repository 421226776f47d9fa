"""Kepco BOP with BIT 4886 interface card: a bipolar supply that drives a coil.

After the *BIT 4886 Operator Manual* (Kepco 243-1303): SCPI words, ranges of the model, 16 bit programming
and read-back, output off and voltage mode after ``*RST``. In current mode ``CURR`` is the set-point and
``VOLT`` the largest voltage the supply uses to reach it (compliance); in voltage mode the other way round.
Assumed, not found in the manual: changing the mode puts the new main channel to zero and the limiting one to
its maximum; the noise and the bandwidth of the readings.

Lists, transients and triggers are in `labspin.twin.devices.kepco_programs`. Memories of ``MEMory``, passwords
and the settings of the interfaces are kept and act on nothing.

The load is a coil of resistance R and inductance L. The current ramps no faster than (compliance voltage)/L
and lags by the time constant of the supply's loop in current mode, by L/R in voltage mode and when the
output is off or has tripped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from labspin.errors import ArgumentError
from labspin.twin.devices.kepco_programs import WAITING_FOR_TRIGGER, Programs, finish, program_lines
from labspin.twin.kept import kept_lines
from labspin.twin.message import SCPI_COMMANDS, MessageDevice
from labspin.twin.scpi import state_lines, status_register_lines
from labspin.twin.wire import (
    Command,
    CommandError,
    Table,
    Unit,
    ask,
    choice,
    number,
    switch,
)

__all__ = ["KepcoBOP"]

_HALF_SCALE = 2.0**15  # of converters of 16 bit, sign included
_MINIMUM_COMPLIANCE = 1e-3  # V; keeps the slew rate finite where no compliance is left
_OVER_RANGE = 1.01  # set-points are accepted to 1 % beyond the rating
_TRIPPED = 2  # bit of STAT:QUES:COND? that says that the output has tripped


@dataclass
class State:
    """Settings of the instrument."""

    mode: str = "VOLT"
    voltage: float = 0.0  # V: set-point, or compliance in current mode
    current: float = 0.0  # A: set-point, or limit in voltage mode
    enabled: bool = False
    tripped: bool = False
    program: str = "FIX"  # what moves the main channel: commands, a list, or a transient
    kept: dict[object, object] = field(default_factory=dict)  # what acts on nothing


def _setting(header: str, field: str, unit: str, rating: str) -> Command:
    """Return the line of the voltage or the current, rounded to the bits of the card."""
    resolution = f"{rating}_resolution"

    def limits(device: KepcoBOP) -> tuple[float, float]:
        most = device.greatest(field)
        return -most, most

    def then(device: KepcoBOP) -> None:
        step = getattr(device, resolution)
        setattr(device.state, field, round(getattr(device.state, field) / step) * step)
        device.apply()

    line = number(header, field, unit=unit, limits=limits, form="{:.5E}", then=then)

    def write(device: KepcoBOP, call: Unit) -> str | None:
        finish(device)
        if device.state.program == "LIST":
            raise CommandError(-221, "Settings conflict")
        before = getattr(device.state, field)
        answer = line.do(device, call) if line.do is not None else None
        device.pulse(field, before)
        return answer

    return Command(header, line.ask, write)


class KepcoBOP(MessageDevice):
    """Kepco BOP bipolar supply; port ``current`` is the current through its coil, A.

    Options
    -------
    model
        Rating as ``"36-12"``: volts and amperes.
    resistance, inductance
        Resistance and inductance of the coil, ohm and H.
    time_constant
        Time constant of the supply's loop in current mode, s.
    noise
        Noise of one current reading, A (rms).
    """

    ports: ClassVar = {"current": "signal"}
    default_wiring: ClassVar = {"current": "magnet.current"}
    options: ClassVar = {
        "model": "36-12",
        "serial": "E123456",
        "firmware": "3.05",
        "resistance": 1.0,
        "inductance": 10e-3,
        "time_constant": 2e-3,
        "noise": 0.2e-3,
    }
    state: State

    @property
    def voltage_rating(self) -> float:
        """Largest voltage, V."""
        return self._rating()[0]

    @property
    def current_rating(self) -> float:
        """Largest current, A."""
        return self._rating()[1]

    @property
    def voltage_rating_resolution(self) -> float:
        """Step of voltages, V."""
        return self.voltage_rating / _HALF_SCALE

    @property
    def current_rating_resolution(self) -> float:
        """Step of currents, A."""
        return self.current_rating / _HALF_SCALE

    def _rating(self) -> tuple[float, float]:
        model = str(self._options["model"])
        try:
            volts, amperes = (float(part) for part in model.split("-"))
        except ValueError:
            raise ArgumentError(
                f"model of the Kepco BOP: wanted volts and amperes such as '36-12', got {model!r}"
            ) from None
        return volts, amperes

    @property
    def true_identity(self) -> str:
        """Maker, card and model, serial number, firmware."""
        options = self._options
        return f"KEPCO,BIT 4886 {options['model']},{options['serial']},{options['firmware']}"

    def greatest(self, channel: str) -> float:
        """Return the greatest set-point of a channel, V or A: 1 % beyond the rating.

        Parameters
        ----------
        channel
            ``"voltage"`` or ``"current"``.
        """
        return _OVER_RANGE * self._rating()[channel == "current"]

    def power_on(self) -> None:
        """Wake up: voltage mode at 0 V, output off."""
        self.state, self.programs = State(current=self.current_rating), Programs()
        self._at_output = 0.0  # A, where the current goes
        self.apply()

    def change_mode(self) -> None:
        """Zero the new main channel, open the limiting one."""
        in_current_mode = self.state.mode == "CURR"
        self.state.voltage = self.voltage_rating if in_current_mode else 0.0
        self.state.current = 0.0 if in_current_mode else self.current_rating
        self.apply()

    def apply(self) -> None:
        """Let the current go where the settings and the coil take it."""
        state, resistance = self.state, float(self._options["resistance"])
        lag = float(self._options["inductance"]) / resistance
        if not state.enabled or state.tripped:
            self._towards(0.0, lag=lag)
        elif state.mode == "CURR":
            compliance = abs(state.voltage)
            most = compliance / resistance
            slew = max(compliance, _MINIMUM_COMPLIANCE) / float(self._options["inductance"])
            target = min(max(state.current, -most), most)
            self._towards(target, lag=float(self._options["time_constant"]), slew=slew)
        else:
            most = abs(state.current)
            self._towards(min(max(state.voltage / resistance, -most), most), lag=lag)

    def step_through(self, levels: Sequence[float], dwells: Sequence[float], *, repeat: bool) -> None:
        """Let the main channel go through levels, as a list or a transient does.

        Parameters
        ----------
        levels
            A in current mode, V in voltage mode; within what the limiting channel allows.
        dwells
            How long each is held, s.
        repeat
            Whether it begins again at the end; else the last level stays.
        """
        state, resistance = self.state, float(self._options["resistance"])
        if not state.enabled or state.tripped:
            return
        if state.mode == "CURR":
            most = abs(state.voltage) / resistance
            currents = [min(max(level, -most), most) for level in levels]
        else:
            most = abs(state.current)
            currents = [min(max(level / resistance, -most), most) for level in levels]
        self._at_output = currents[-1]
        signal = self.wiring.get("current")
        if signal is not None:
            self.world.sweep(signal, currents, dwells, final=None if repeat else currents[-1])

    def pulse(self, channel: str, before: float) -> None:
        """Make the set-point that has just come a pulse, if a transient was asked for.

        Parameters
        ----------
        channel
            ``"voltage"`` or ``"current"``: whose set-point came.
        before
            The set-point before it, V or A.
        """
        if self.state.program != "TRAN" or (channel == "current") != (self.state.mode == "CURR"):
            return
        level, length = getattr(self.state, channel), self.programs.pulse
        setattr(self.state, channel, before)
        self.state.program, self.programs.pulse = "FIX", 0.0
        self.step_through([level, before], [length, length], repeat=False)

    def operation(self) -> int:
        """Return the operation-condition register: bit 5 while a trigger is waited for."""
        return WAITING_FOR_TRIGGER * self.programs.armed

    def _towards(self, current: float, *, lag: float, slew: float = float("inf")) -> None:
        self._at_output = current
        self.drive("current", current, slew=slew, time_constant=lag)

    def output_current(self) -> float:
        """Return the current through the coil now, A."""
        signal = self.wiring.get("current")
        return self._at_output if signal is None else self.world.level(signal)

    def measured(self, value: float, resolution: float, noise: float) -> str:
        """Return the card's reading of ``value``, as the text that is sent.

        Parameters
        ----------
        value
            True voltage (V) or current (A).
        resolution
            Step to which the reading is rounded, in the unit of ``value``.
        noise
            Standard deviation of the reading, in the unit of ``value``.
        """
        noisy = value + noise * float(self.world.rng.standard_normal())
        return f"{round(noisy / resolution) * resolution:.5E}"

    def measured_current(self) -> str:
        """Return the current reading."""
        noise = float(self._options["noise"])
        return self.measured(self.output_current(), self.current_rating_resolution, noise)

    def measured_voltage(self) -> str:
        """Return the voltage reading: what drives the current through the resistance of the coil."""
        resistance = float(self._options["resistance"])
        noise = float(self._options["noise"]) * resistance
        voltage = self.output_current() * resistance if self.state.enabled else 0.0
        return self.measured(voltage, self.voltage_rating_resolution, noise)

    def questionable(self) -> str:
        """Return the questionable-condition register: bit 1 after a trip."""
        return str(_TRIPPED if self.state.tripped else 0)

    def switched(self) -> None:
        """Follow ``OUTP``; switching on clears a trip."""
        self.state.tripped = False
        self.apply()

    def trip(self) -> None:
        """Let the output trip: off, the current dies out with L/R, an error is queued."""
        self.state.enabled, self.state.tripped = False, True
        self.apply()
        self.report(CommandError(-300, "Device specific error"))


_KEPT = """
DIAGnostic:TST?              = 0
DISPlay:TEXT                 text = ""
MEMory:LOCation              1..40 = 1
MEMory:PACK!
MEMory:UPDate!
SYSTem:BEEP!
SYSTem:COMMunicate:GPIB:ADDRess     0..30 = 6
SYSTem:COMMunicate:SERial:BAUD      1200..19200 = 9600
SYSTem:COMMunicate:SERial:ECHO      ON|OFF = OFF
SYSTem:COMMunicate:SERial:PACE      NONE|XON = XON
SYSTem:COMMunicate:SERial:PROMpt    ON|OFF = OFF
SYSTem:LANGuage              COMPatible|SCPI = SCPI
SYSTem:LOCal!
SYSTem:PASSword:CDISable!
SYSTem:PASSword:CENable!
SYSTem:PASSword:NEW!
SYSTem:PASSword:STATe?       = 0
SYSTem:REMote                on|off = 1
SYSTem:SECurity:IMMediate!
SYSTem:SET                   CM0|CM1|DC0|DC1|LF0|LF1|RO0|RO1 = CM0
"""

KepcoBOP.table = Table(
    [
        *SCPI_COMMANDS,
        *status_register_lines(transitions=False),
        *state_lines(100),
        ask("*OPT?", lambda device: "CAL,MEM,RL1"),
        choice(
            "[SOURce:]FUNCtion:MODE",
            "mode",
            {"VOLT": "VOLT", "VOLTAGE": "VOLT", "CURR": "CURR", "CURRENT": "CURR"},
            answers={"VOLT": "0", "CURR": "1"},
            then=KepcoBOP.change_mode,
        ),
        *kept_lines(_KEPT),
        *program_lines(),
        _setting("[SOURce:]CURRent[:LEVel][:IMMediate][:AMPlitude]", "current", "A", "current_rating"),
        _setting("[SOURce:]VOLTage[:LEVel][:IMMediate][:AMPlitude]", "voltage", "V", "voltage_rating"),
        switch("OUTPut[:STATe]", "enabled", then=KepcoBOP.switched),
        ask("MEASure[:SCALar]:CURRent[:DC]", KepcoBOP.measured_current),
        ask("MEASure[:SCALar]:VOLTage[:DC]", KepcoBOP.measured_voltage),
    ]
)
