"""Kepco BOP with BIT 4886 interface card: a bipolar supply that drives a coil.

After the *BIT 4886 Operator Manual* (Kepco 243-1303): SCPI words, ranges of the model, 16 bit programming
and read-back, output off and voltage mode after ``*RST``. In current mode ``CURR`` is the set-point and
``VOLT`` the largest voltage the supply uses to reach it (compliance); in voltage mode the other way round.
Assumed, not found in the manual: changing the mode puts the new main channel to zero and the limiting one to
its maximum; the noise and the bandwidth of the readings.

The load is a coil of resistance R and inductance L. The current ramps no faster than (compliance voltage)/L
and lags by the time constant of the supply's loop in current mode, by L/R in voltage mode and when the
output is off or has tripped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from labspin.errors import ArgumentError
from labspin.twin.message import SCPI_COMMANDS, MessageDevice
from labspin.twin.scpi import state_lines, status_register_lines
from labspin.twin.wire import (
    Command,
    CommandError,
    Table,
    Unit,
    ask,
    choice,
    do,
    number,
    one_argument,
    switch,
)

__all__ = ["KepcoBOP"]

_HALF_SCALE = 2.0**15  # of converters of 16 bit, sign included
_MINIMUM_COMPLIANCE = 1e-3  # V; keeps the slew rate finite where no compliance is left
_OVER_RANGE = 1.01  # set-points are accepted to 1 % beyond the rating
_PROGRAMS = {"FIX": "FIXED", "LIST": "LIST", "TRAN": "TRANSIENT"}
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


def _setting(header: str, field: str, unit: str, rating: str) -> Command:
    """Return the line of the voltage or the current, rounded to the bits of the card."""
    resolution = f"{rating}_resolution"

    def limits(device: KepcoBOP) -> tuple[float, float]:
        most = _OVER_RANGE * getattr(device, rating)
        return -most, most

    def then(device: KepcoBOP) -> None:
        step = getattr(device, resolution)
        setattr(device.state, field, round(getattr(device.state, field) / step) * step)
        device.apply()

    return number(header, field, unit=unit, limits=limits, form="{:.5E}", then=then)


def _text(device: KepcoBOP, unit: Unit) -> None:
    one_argument(unit)


class KepcoBOP(MessageDevice):
    """Kepco BOP bipolar supply; port ``current`` is the current through its coil, A.

    Options
    -------
    model
        Rating as ``"36-12"``: volts and amperes.
    resistance, inductance
        Of the coil, ohm and H.
    time_constant
        Of the supply's loop in current mode, s.
    noise
        Of one current reading, A (rms).
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

    def power_on(self) -> None:
        """Wake up: voltage mode at 0 V, output off."""
        self.state = State(current=self.current_rating)
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


def _nothing(device: KepcoBOP) -> None:
    """Do nothing: there is nobody at the front panel."""


KepcoBOP.table = Table(
    [
        *SCPI_COMMANDS,
        *status_register_lines(),
        *state_lines(100),
        choice(
            "FUNCtion:MODE",
            "mode",
            {"VOLT": "VOLT", "VOLTAGE": "VOLT", "CURR": "CURR", "CURRENT": "CURR"},
            answers={"VOLT": "0", "CURR": "1"},
            then=KepcoBOP.change_mode,
        ),
        *(
            choice(f"[SOURce:]{channel}:MODE", "program", ["FIXed", "LIST", "TRANsient"], answers=_PROGRAMS)
            for channel in ("CURRent", "VOLTage")
        ),
        _setting("[SOURce:]CURRent[:LEVel][:IMMediate][:AMPlitude]", "current", "A", "current_rating"),
        _setting("[SOURce:]VOLTage[:LEVel][:IMMediate][:AMPlitude]", "voltage", "V", "voltage_rating"),
        switch("OUTPut[:STATe]", "enabled", then=KepcoBOP.switched),
        ask("MEASure[:SCALar]:CURRent[:DC]", KepcoBOP.measured_current),
        ask("MEASure[:SCALar]:VOLTage[:DC]", KepcoBOP.measured_voltage),
        ask("DIAGnostic:TST", lambda device: "0"),
        do("SYSTem:BEEP", _nothing),
        do("SYSTem:REMote", _nothing),
        do("SYSTem:LOCal", _nothing),
        Command("DISPlay:TEXT", do=_text),
    ]
)
