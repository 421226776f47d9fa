"""Rohde & Schwarz SMB100A: an analog microwave source, with step sweeps of frequency or level, and lists.

Command words, coupling of points and step width, ``*RST`` values of sweeps (100 to 500 MHz in 1 MHz, -30 to
-10 dBm, 10 ms) after the *R&S SMB100A operating manual* (1407.0806.32, chapter "SOURce subsystem"); ranges,
and resolutions of 0.001 Hz and 0.01 dB, after its data sheet: RF path option B101, B102,
B103 or B106 from 9 kHz to 1.1, 2.2, 3.2 or 6 GHz, B112, B120 or B140 from 100 kHz to 12.75, 20 or 40 GHz.
Carrier and level after ``*RST`` (1 GHz, -30 dBm) and the range of settings of the level (-145 to +30 dBm)
are those that its drivers assume; that the last setting of a source survives power-off is left out.

The INST TRIG socket is not connected: a sweep or list that waits for external triggers waits. Pulse
modulation is kept and answered but does not act on the sample: on this bench the microwave is gated by a
switch on a line of the pulse generator.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from labspin.errors import ArgumentError
from labspin.twin.devices.smb100a_files import file_lines
from labspin.twin.devices.smb100a_kept import kept_commands
from labspin.twin.devices.swept_source import Step, SweptSource, SweptState, numbers, sweep_lines
from labspin.twin.message import SCPI_COMMANDS
from labspin.twin.scpi import error_lines, power_on_line, state_lines, status_register_lines
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
    parse_number,
    switch,
)

__all__ = ["SMB100A"]

_FORM = "{:.13g}"
_RANGES = {
    "B101": (9e3, 1.1e9), "B102": (9e3, 2.2e9), "B103": (9e3, 3.2e9), "B106": (9e3, 6e9),
    "B112": (100e3, 12.75e9), "B120": (100e3, 20e9), "B140": (100e3, 40e9),
}  # fmt: skip
_POWERS = (-145.0, 30.0)  # dBm
_FREQUENCY_MODES = {"CW": "CW", "FIX": "CW", "FIXED": "CW", "SWE": "SWE", "SWEEP": "SWE", "LIST": "LIST"}
_POWER_MODES = {"CW": "CW", "FIX": "CW", "FIXED": "CW", "SWE": "SWE", "SWEEP": "SWE"}
_TRIGGERS = {
    "AUTO": "AUTO", "SING": "SING", "SINGLE": "SING", "EXT": "EXT", "EXTERNAL": "EXT", "EAUT": "EAUT",
    "EAUTO": "EAUT",
}  # fmt: skip
_MOST_POINTS = 1_000_000
_INTERFACE_MESSAGES = frozenset({"&ABO", "&DCL", "&GTL", "&GTR", "&GET", "&LLO", "&NREN"})


@dataclass
class State(SweptState):
    """Settings of the source."""

    power_mode: str = "CW"
    step: float = 1e6  # Hz
    step_percent: float = 1.0
    shape: str = "SAWT"
    retrace: bool = False
    sweep_mode: str = "AUTO"
    sweep_trigger: str = "AUTO"
    power_step: float = 1.0  # dB
    power_dwell: float = 10e-3  # s
    power_sweep_mode: str = "AUTO"
    power_trigger: str = "AUTO"
    list_name: str = ""
    lists: dict[str, dict[str, tuple[float, ...]]] = field(default_factory=dict)
    list_dwell: float = 10e-3  # s
    list_mode: str = "AUTO"
    list_trigger: str = "AUTO"
    pulsed: bool = False
    pulse_source: str = "INT"
    pulse_mode: str = "SING"
    pulse_period: float = 10e-6  # s
    pulse_width: float = 2e-6  # s
    pulse_delay: float = 1e-6  # s
    pulse_double_delay: float = 3e-6  # s
    pulse_double_width: float = 2e-6  # s
    pulse_polarity: str = "NORM"
    pulse_trigger: str = "AUTO"
    pulse_impedance: str = "G50"
    pulse_slope: str = "POS"
    gate_polarity: str = "NORM"
    reference: str = "INT"
    trigger_slope: str = "POS"
    attenuator: str = "AUTO"
    levelling: str = "AUTO"
    power_limit: float = 30.0  # dBm
    modulations: bool = False
    folder: str = "/var/user/"
    am: bool = False
    fm: bool = False
    pm: bool = False
    kept: dict[object, object] = field(default_factory=dict)  # what acts on nothing


class SMB100A(SweptSource):
    """R&S SMB100A; see `SweptSource` for its ports.

    Options
    -------
    range
        RF path option, which sets the frequency range.
    """

    options: ClassVar = {"range": "B106", "serial": "101234", "firmware": "3.1.19.15-3.50.124.73"}
    state: State

    @property
    def frequency_limits(self) -> tuple[float, float]:
        """Least and greatest frequency, Hz."""
        try:
            return _RANGES[self._options["range"]]
        except KeyError:
            raise ArgumentError(
                f"range of the SMB100A: wanted one of {', '.join(_RANGES)}, got {self._options['range']!r}"
            ) from None

    @property
    def power_limits(self) -> tuple[float, float]:
        """Least and greatest power, dBm."""
        return _POWERS

    @property
    def true_identity(self) -> str:
        """Maker, model, order and serial number, firmware."""
        return f"Rohde&Schwarz,SMB100A,1406.6000k02/{self._options['serial']},{self._options['firmware']}"

    def power_on(self) -> None:
        """Wake up in the state of ``*RST``, output off."""
        lists = self.state.lists if hasattr(self, "state") else {}
        self.state = State(lists=lists)
        self.apply()

    def _execute(self, message: str) -> bytes:
        """Obey one message; what begins with & is an interface message of the socket."""
        word = message.strip().upper()
        if word not in _INTERFACE_MESSAGES:
            return super()._execute(message)
        if word == "&GET":
            self.trigger()
        elif word == "&DCL":
            self._incoming.clear()
        return b""

    # -- steps -------------------------------------------------------------------------------------------

    @property
    def points(self) -> int:
        """Number of steps of a frequency sweep, which its step width and range give."""
        state = self.state
        if state.spacing == "LIN":
            return math.floor(abs(state.stop - state.start) / state.step + 1e-9) + 1
        ratio = abs(math.log(state.stop / state.start))
        return math.floor(ratio / math.log1p(state.step_percent / 100) + 1e-9) + 1

    @property
    def power_points(self) -> int:
        """Number of steps of a level sweep."""
        state = self.state
        return math.floor(abs(state.power_stop - state.power_start) / state.power_step + 1e-9) + 1

    def steps(self) -> Sequence[Step]:
        """Return the steps of the sweep or list that is selected."""
        state = self.state
        if state.frequency_mode == "LIST":
            return self.listed_steps((state.list_dwell,))
        if state.frequency_mode == "SWE":
            values = self._there_and_back(self._frequencies())
            return [Step(value, state.power, state.dwell) for value in values]
        if state.power_mode == "SWE":
            step = math.copysign(state.power_step, state.power_stop - state.power_start)
            levels = [state.power_start + n * step for n in range(self.power_points)]
            return [Step(state.frequency, level, state.power_dwell) for level in levels]
        return ()

    def _frequencies(self) -> list[float]:
        state, count = self.state, self.points
        if count > _MOST_POINTS:
            raise CommandError(-222, "Data out of range")
        sign = math.copysign(1.0, state.stop - state.start)
        steps = np.arange(count)
        if state.spacing == "LIN":
            values = state.start + sign * state.step * steps
        else:
            values = state.start * (1 + state.step_percent / 100) ** (sign * steps)
        return [float(value) for value in values]

    def _there_and_back(self, values: list[float]) -> list[float]:
        return values + values[-2:0:-1] if self.state.shape == "TRI" else values

    def _selected(self) -> tuple[str, str]:
        """Return mode and trigger of what is selected."""
        state = self.state
        if state.frequency_mode == "LIST":
            return state.list_mode, state.list_trigger
        if state.frequency_mode == "SWE":
            return state.sweep_mode, state.sweep_trigger
        return state.power_sweep_mode, state.power_trigger

    @property
    def free_running(self) -> bool:
        """Whether steps follow each other without triggers."""
        return self._selected() == ("AUTO", "AUTO")

    @property
    def single_steps(self) -> bool:
        """Whether a trigger makes one step."""
        return self._selected()[0] != "AUTO"

    @property
    def retraces(self) -> bool:
        """Whether the output goes back to the first step after a single pass."""
        return self.state.retrace and self.state.frequency_mode == "SWE"

    def trigger(self) -> None:
        """Take a trigger from the bus, unless triggers come from elsewhere."""
        if self._selected()[1] in ("SING", "AUTO"):
            super().trigger()

    def set_points(self, count: int) -> None:
        """Set the step width such that a frequency sweep has ``count`` points.

        Parameters
        ----------
        count
            Number of points, at least 2.
        """
        state = self.state
        if state.start == state.stop or not 2 <= count <= _MOST_POINTS:
            raise CommandError(-222, "Data out of range")
        if state.spacing == "LIN":
            state.step = abs(state.stop - state.start) / (count - 1)
        else:
            state.step_percent = 100 * math.expm1(abs(math.log(state.stop / state.start)) / (count - 1))
        self.apply()

    def set_power_points(self, count: int) -> None:
        """Set the step such that a level sweep has ``count`` points.

        Parameters
        ----------
        count
            Number of points, at least 2.
        """
        if self.state.power_start == self.state.power_stop or not 2 <= count <= _MOST_POINTS:
            raise CommandError(-222, "Data out of range")
        self.state.power_step = abs(self.state.power_stop - self.state.power_start) / (count - 1)
        self.apply()

    # -- lists -------------------------------------------------------------------------------------------

    def select_list(self, name: str) -> None:
        """Select the list ``name``; an empty one is made if there is none.

        Parameters
        ----------
        name
            Name of the list.
        """
        self.state.list_name = name
        self.state.listed = self.state.lists.setdefault(name, {})
        if self.state.frequency_mode == "LIST":
            self.apply()

    def list_changed(self) -> None:
        """Follow a change of the selected list, which must be selected first."""
        if not self.state.list_name:
            self.state.listed = {}
            raise CommandError(-221, "Settings conflict")

    def static_errors(self) -> str:
        """Return what is wrong now, as long as it is (``SYSTem:SERRor?``)."""
        found = ['110,"Output unleveled"'] * self.not_levelled + ['182,"Synthesis unlocked"'] * self.lost_lock
        return ",".join(found) or '0,"No error"'

    def switch_modulations(self) -> None:
        """Follow ``MODulation:STATe``, which switches all modulations off."""
        if not self.state.modulations:
            self.state.am = self.state.fm = self.state.pm = self.state.pulsed = False

    def learn(self) -> None:
        """Check the selected list, as the instrument does before it can run it."""
        self.listed_steps((self.state.list_dwell,))


def _count(header: str, points: str, setter: str) -> Command:
    """Return the line of a number of points, which is a step width in other words."""

    def write(device: SMB100A, call: Unit) -> None:
        getattr(device, setter)(round(parse_number(one_argument(call))))

    return Command(header, lambda device, call: str(getattr(device, points)), write)


def _select_list(device: SMB100A, call: Unit) -> None:
    name = one_argument(call)
    if len(name) < 3 or name[0] not in "\"'" or name[-1] != name[0]:
        raise CommandError(-104, "Data type error")
    device.select_list(name[1:-1])


def _delete_list(device: SMB100A, call: Unit) -> None:
    name = one_argument(call).strip("\"'")
    if device.state.lists.pop(name, None) is None:
        raise CommandError(-256, "File name not found")


def _time(header: str, name: str, low: float, high: float, *, acts: bool = False) -> Command:
    then = SMB100A.apply if acts else None
    return number(header, name, unit="s", limits=(low, high), resolution=1e-9, form=_FORM, then=then)


def _frequency_sweep() -> tuple[Command, ...]:
    node, auto = "[SOURce#:]SWEep[:FREQuency]", ("AUTO", "MANual", "STEP")
    return (
        _count(f"{node}:POINts", "points", "set_points"),
        number(f"{node}:STEP[:LINear]", "step", unit="Hz", limits=(1e-3, 40e9), resolution=1e-3, form=_FORM,
               then=SMB100A.apply),
        number(f"{node}:STEP:LOGarithmic", "step_percent", unit="PCT", limits=(0.01, 100), form=_FORM,
               then=SMB100A.apply),
        _time(f"{node}:DWELl", "dwell", 1e-3, 1000.0, acts=True),
        choice(f"{node}:MODE", "sweep_mode", auto, then=SMB100A.apply),
        choice(f"{node}:SPACing", "spacing", ("LINear", "LOGarithmic"), then=SMB100A.apply),
        choice(f"{node}:SHAPe", "shape", ("SAWTooth", "TRIangle"), then=SMB100A.apply),
        switch(f"{node}:RETRace", "retrace"),
        ask(f"{node}:RUNNing", lambda device: str(int(device.sweeping))),
        do(f"{node}:EXECute", SweptSource.trigger),
        do("TRIGger#:FSWeep[:IMMediate]", SweptSource.trigger),
        choice("TRIGger#:FSWeep:SOURce", "sweep_trigger", _TRIGGERS, then=SMB100A.apply),
    )  # fmt: skip


def _power_sweep() -> tuple[Command, ...]:
    node = "[SOURce#:]SWEep:POWer"
    return (
        _count(f"{node}:POINts", "power_points", "set_power_points"),
        number(f"{node}:STEP[:LOGarithmic]", "power_step", unit="dB", limits=(0.01, 139), resolution=0.01,
               form=_FORM, then=SMB100A.apply),
        _time(f"{node}:DWELl", "power_dwell", 1e-3, 1000.0, acts=True),
        choice(f"{node}:MODE", "power_sweep_mode", ("AUTO", "MANual", "STEP"), then=SMB100A.apply),
        ask(f"{node}:RUNNing", lambda device: str(int(device.sweeping))),
        do(f"{node}:EXECute", SweptSource.trigger),
        do("TRIGger#:PSWeep[:IMMediate]", SweptSource.trigger),
        choice("TRIGger#:PSWeep:SOURce", "power_trigger", _TRIGGERS, then=SMB100A.apply),
        do("[SOURce#:]SWEep:RESet[:ALL]", SweptSource.restart),
        choice("[SOURce#:]POWer:MODE", "power_mode", _POWER_MODES, then=SMB100A.apply),
    )  # fmt: skip


def _lists() -> tuple[Command, ...]:
    node = "[SOURce#:]LIST"
    changed = SMB100A.list_changed
    return (
        Command(f"{node}:SELect", lambda device, call: f'"{device.state.list_name}"', _select_list),
        Command(f"{node}:DELete", do=_delete_list),
        ask(f"{node}:CATalog", lambda device: ",".join(f'"{name}"' for name in device.state.lists) or '""'),
        numbers(f"{node}:FREQuency", "frequency", unit="Hz", limits=lambda device: device.frequency_limits,
                form=_FORM, then=changed),
        numbers(f"{node}:POWer", "power", unit="dBm", limits=lambda device: device.power_limits, form=_FORM,
                then=changed),
        ask(f"{node}:FREQuency:POINts", lambda device: str(len(device.state.listed.get("frequency", ())))),
        ask(f"{node}:POWer:POINts", lambda device: str(len(device.state.listed.get("power", ())))),
        _time(f"{node}:DWELl", "list_dwell", 1e-3, 100.0, acts=True),
        choice(f"{node}:MODE", "list_mode", ("AUTO", "STEP"), then=SMB100A.apply),
        choice(f"{node}:TRIGger:SOURce", "list_trigger", {**_TRIGGERS, "IMM": "AUTO", "IMMEDIATE": "AUTO"},
               then=SMB100A.apply),
        do(f"{node}:TRIGger:EXECute", SweptSource.trigger),
        do(f"{node}:LEARn", SMB100A.learn),
        do(f"{node}:RESet", SweptSource.restart),
        ask(f"{node}:RUNNing", lambda device: str(int(device.sweeping))),
    )  # fmt: skip


def _pulses() -> tuple[Command, ...]:
    node = "[SOURce#:]PULM"
    polarity = ("NORMal", "INVerted")
    return (
        switch(f"{node}:STATe", "pulsed"),
        choice(f"{node}:SOURce", "pulse_source", ("INTernal", "EXTernal")),
        choice(f"{node}:MODE", "pulse_mode", ("SINGle", "DOUBle", "PTRain")),
        choice(f"{node}:POLarity", "pulse_polarity", polarity),
        _time(f"{node}:PERiod", "pulse_period", 20e-9, 100.0),
        _time(f"{node}:WIDTh", "pulse_width", 10e-9, 100.0),
        _time(f"{node}:DELay", "pulse_delay", 0.0, 100.0),
        _time(f"{node}:DOUBle:DELay", "pulse_double_delay", 10e-9, 100.0),
        _time(f"{node}:DOUBle:WIDTh", "pulse_double_width", 10e-9, 100.0),
        choice(f"{node}:TRIGger:MODE", "pulse_trigger", ("AUTO", "EXTernal", "EGATe", "SINGle")),
        choice(f"{node}:TRIGger:EXTernal:IMPedance", "pulse_impedance", ("G50", "G10K")),
        choice(f"{node}:TRIGger:EXTernal:SLOPe", "pulse_slope", ("NEGative", "POSitive")),
        choice(f"{node}:TRIGger:EXTernal:GATE:POLarity", "gate_polarity", polarity),
    )


SMB100A.table = Table(
    [
        *SCPI_COMMANDS,
        *status_register_lines(),
        *error_lines(),
        *state_lines(50),
        power_on_line(),
        ask("SYSTem:SERRor", SMB100A.static_errors),
        do("ABORt:SWEep", SweptSource.apply),
        choice("TRIGger#[:SWEep]:SLOPe", "trigger_slope", ("POSitive", "NEGative")),
        choice("[SOURce#:]INPut:TRIGger:SLOPe", "trigger_slope", ("POSitive", "NEGative")),
        choice("OUTPut#:AMODe", "attenuator", ("AUTO", "FIXed")),
        choice(
            "[SOURce#:]POWer:ALC[:STATe]",
            "levelling",
            {"ON": "1", "1": "1", "OFF": "0", "0": "0", "AUTO": "AUTO", "SON": "SON", "OFFT": "OFFT"},
        ),
        number(
            "[SOURce#:]POWer:LIMit[:AMPLitude]",
            "power_limit",
            unit="dBm",
            limits=_POWERS,
            resolution=0.01,
            form=_FORM,
        ),
        switch("[SOURce#:]MODulation[:ALL][:STATe]", "modulations", then=SMB100A.switch_modulations),
        *kept_commands(),
        *file_lines(),
        *sweep_lines(_FORM, 1e-3),
        ask("*OPT?", lambda device: f"SMB-{device._options['range']},SMB-K22,SMB-K23"),
        number("[SOURce#:]PHASe", "phase", unit="DEG", limits=(-36000, 36000), resolution=0.1, form=_FORM),
        choice("[SOURce#:]FREQuency:MODE", "frequency_mode", _FREQUENCY_MODES, then=SMB100A.apply),
        *_frequency_sweep(),
        *_power_sweep(),
        *_lists(),
        *_pulses(),
        switch("[SOURce#:]AM:STATe", "am"),
        switch("[SOURce#:]FM:STATe", "fm"),
        switch("[SOURce#:]PM:STATe", "pm"),
        choice("[SOURce#:]ROSCillator:SOURce", "reference", ("INTernal", "EXTernal")),
        do("SYSTem:PRESet", SMB100A.reset),
    ]
)
