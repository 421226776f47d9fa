"""A SCPI microwave source as Agilent (now Keysight) makes them: E8257D, N5181, N5183 and their like.

Command words after the *E8257D/67D, E8663D PSG SCPI command reference* (Keysight) and as the
drivers of pymeasure (``Agilent8257D``) and QCoDeS (``KeysightN5183B``, ``AgilentE8257D``) use them; the
meaning of ``SWEep:CONTrol:STATe`` (two sources in step, not a start) also in HP's 8360 manual, S-49. Range
250 kHz to 20 GHz (option 520), -135 to +21 dBm; resolution 0.001 Hz and 0.01 dB; after ``*RST`` carrier and
stop at the highest frequency, the least power, output off (E8257D data sheet). Assumed: sweeps
run continuously after power-on (``INITiate:CONTinuous`` 1), as from the front panel.

Modulation and low-frequency output are kept and answered but do not act on the sample: on this bench the
microwave is gated by a switch on a line of the pulse generator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from labspin.twin.devices.swept_source import Step, SweptSource, SweptState, numbers, sweep_lines
from labspin.twin.message import SCPI_COMMANDS
from labspin.twin.scpi import power_on_line, state_lines, status_register_lines
from labspin.twin.wire import Command, CommandError, Table, ask, choice, do, number, switch

__all__ = ["ScpiSource"]

_FORM = "{:+.13E}"
_MODES = {"CW": "CW", "FIX": "CW", "FIXED": "CW", "SWE": "SWE", "SWEEP": "SWE", "LIST": "LIST"}
_LEVEL_MODES = {**_MODES, "CW": "FIX", "FIX": "FIX", "FIXED": "FIX"}
_ON_LEVELS = ("SQUare", "FRUN", "TRIGgered", "DOUBlet", "GATEd")
_SHAPES = ("SINE", "TRIangle", "SQUare", "RAMP", "NOISe", "DUALsine", "SWEPtsine")


@dataclass
class State(SweptState):
    """Settings of the source."""

    points: int = 2
    dwell: float = 2e-3  # s
    direction: str = "UP"
    kind: str = "STEP"  # STEP or LIST: what runs while a mode is SWE or LIST
    continuous: bool = True
    generation: str = "STEP"
    sweep_mode: str = "AUTO"
    retrace: bool = True
    sweep_control: bool = False
    trigger_source: str = "IMM"
    point_trigger: str = "IMM"
    modulated: bool = True
    pulsed: bool = False
    pulse_source: str = "INT"
    pulse_input: str = "FRUN"
    pulse_rate: float = 400.0  # Hz
    am: bool = False
    am_depth: float = 0.1  # percent
    am_source: str = "INT"
    am_rate: float = 400.0  # Hz
    am_shape: str = "SINE"
    low: bool = False
    low_amplitude: float = 0.0  # V, peak
    low_source: str = "INT"
    reference: str = "INT"


class ScpiSource(SweptSource):
    """A SCPI source; see `SweptSource` for its ports.

    Options
    -------
    identity
        What it answers to ``*IDN?``.
    lowest, highest
        Frequency, Hz.
    weakest, strongest
        Power, dBm.
    """

    options: ClassVar = {
        "identity": "Agilent Technologies, E8257D, MY12345678, C.06.28",
        "lowest": 250e3,
        "highest": 20e9,
        "weakest": -135.0,
        "strongest": 21.0,
    }
    state: State

    @property
    def frequency_limits(self) -> tuple[float, float]:
        """Least and greatest frequency, Hz."""
        return float(self._options["lowest"]), float(self._options["highest"])

    @property
    def power_limits(self) -> tuple[float, float]:
        """Least and greatest power, dBm."""
        return float(self._options["weakest"]), float(self._options["strongest"])

    @property
    def true_identity(self) -> str:
        """Maker, model, serial number, firmware."""
        return str(self._options["identity"])

    def power_on(self) -> None:
        """Wake up in the preset state, output off."""
        highest, least = self.frequency_limits[1], self.power_limits[0]
        self.state = State(
            frequency=highest, start=highest, stop=highest, power=least, power_start=least, power_stop=least
        )
        self.state.listed = {"dwell": (2e-3,)}
        self.apply()

    def steps(self) -> Sequence[Step]:
        """Return the steps of the sweep or list that is selected."""
        state = self.state
        frequency_swept, power_swept = state.frequency_mode != "CW", state.power_mode != "FIX"
        if not (frequency_swept or power_swept):
            return ()
        if state.kind == "LIST":
            steps = self.listed_steps(state.listed["dwell"])
        else:
            frequencies = self._spaced(state.start, state.stop, state.frequency, frequency_swept)
            powers = self._spaced(state.power_start, state.power_stop, state.power, power_swept)
            steps = [
                Step(frequency, power, state.dwell)
                for frequency, power in zip(frequencies, powers, strict=True)
            ]
        return steps if state.direction == "UP" else steps[::-1]

    def _spaced(self, start: float, stop: float, constant: float, swept: bool) -> list[float]:
        count = self.state.points
        if not swept:
            return [constant] * count
        logarithmic = self.state.spacing == "LOG" and start > 0 and stop > 0
        spaced = np.geomspace(start, stop, count) if logarithmic else np.linspace(start, stop, count)
        return [float(value) for value in spaced]

    @property
    def free_running(self) -> bool:
        """Whether sweeps follow each other without triggers."""
        return self.state.continuous and self.state.trigger_source == "IMM" and not self.single_steps

    @property
    def single_steps(self) -> bool:
        """Whether each step waits for a trigger."""
        return self.state.point_trigger == "BUS"

    @property
    def retraces(self) -> bool:
        """Whether the output goes back to the first step after a single pass."""
        return self.state.retrace

    def sweep_once(self) -> None:
        """Begin a single pass (``INITiate``, ``TSWeep``)."""
        if not self.steps():
            raise CommandError(-221, "Settings conflict")
        self.state.continuous = False
        self.apply()
        self.trigger()

    def detailed_options(self) -> str:
        """Return the options as the diagnostic query lists them."""
        return f"5{round(self.frequency_limits[1] / 1e9):02d}"


def _level(header: str, field: str, unit: str, low: float, high: float) -> Command:
    return number(header, field, unit=unit, limits=(low, high), form=_FORM)


ScpiSource.table = Table(
    [
        *SCPI_COMMANDS,
        *status_register_lines(),
        *state_lines(100),
        power_on_line(),
        *sweep_lines(_FORM, 1e-3),
        ask("*OPT?", ScpiSource.detailed_options),
        ask("DIAGnostic[:CPU]:INFOrmation:OPTions[:DETail]", ScpiSource.detailed_options),
        number("[SOURce:]PHASe[:ADJust]", "phase", unit="RAD", limits=(-6.2831854, 6.2831854), form=_FORM),
        choice("[SOURce:]FREQuency:MODE", "frequency_mode", _MODES, then=ScpiSource.apply),
        choice("[SOURce:]POWer:MODE", "power_mode", _LEVEL_MODES, then=ScpiSource.apply),
        number(
            "[SOURce:]SWEep:POINts",
            "points",
            limits=(2, 65535),
            resolution=1,
            form="{:+.0f}",
            then=ScpiSource.apply,
        ),
        number(
            "[SOURce:]SWEep:DWELl#",
            "dwell",
            unit="s",
            limits=(1e-3, 60),
            resolution=1e-6,
            form=_FORM,
            then=ScpiSource.apply,
        ),
        choice("[SOURce:]SWEep:SPACing", "spacing", ("LINear", "LOGarithmic"), then=ScpiSource.apply),
        choice("[SOURce:]SWEep:GENeration", "generation", ("STEPped", "ANALog")),
        choice("[SOURce:]SWEep:MODE", "sweep_mode", ("AUTO", "MANual")),
        switch("[SOURce:]SWEep:CONTrol:STATe", "sweep_control"),
        choice("[SOURce:]LIST:TYPE", "kind", ("STEP", "LIST"), then=ScpiSource.apply),
        choice("[SOURce:]LIST:DIRection", "direction", ("UP", "DOWN"), then=ScpiSource.apply),
        switch("[SOURce:]LIST:RETRace", "retrace"),
        choice("[SOURce:]LIST:TRIGger:SOURce", "point_trigger", ("BUS", "IMMediate"), then=ScpiSource.apply),
        numbers("[SOURce:]LIST:FREQuency", "frequency", unit="Hz", limits=lambda d: d.frequency_limits),
        numbers("[SOURce:]LIST:POWer", "power", unit="dBm", limits=lambda d: d.power_limits),
        numbers("[SOURce:]LIST:DWELl#", "dwell", unit="s", limits=lambda d: (1e-3, 60.0)),
        ask("[SOURce:]LIST:FREQuency:POINts", lambda d: str(len(d.state.listed.get("frequency", ())))),
        switch("INITiate:CONTinuous[:ALL]", "continuous", then=ScpiSource.apply),
        do("INITiate[:IMMediate][:ALL]", ScpiSource.sweep_once),
        do("[SOURce:]TSWeep", ScpiSource.sweep_once),
        do("ABORt", ScpiSource.apply),
        choice("TRIGger[:SEQuence]:SOURce", "trigger_source", ("BUS", "IMMediate"), then=ScpiSource.apply),
        do("TRIGger[:SEQuence][:IMMediate]", ScpiSource.trigger),
        switch("OUTPut:MODulation[:STATe]", "modulated"),
        switch("[SOURce:]PULM:STATe", "pulsed"),
        choice("[SOURce:]PULM:SOURce", "pulse_source", ("INTernal", "EXTernal", "SCALar")),
        choice("[SOURce:]PULM:SOURce:INTernal", "pulse_input", _ON_LEVELS),
        _level("[SOURce:]PULM:INTernal#:FREQuency", "pulse_rate", "Hz", 0.1, 10e6),
        switch("[SOURce:]AM#:STATe", "am"),
        _level("[SOURce:]AM#:DEPTh", "am_depth", "PCT", 0, 100),
        choice(
            "[SOURce:]AM#:SOURce",
            "am_source",
            {"INT": "INT", "INT1": "INT", "INT2": "INT2", "EXT": "EXT", "EXT1": "EXT", "EXT2": "EXT2"},
        ),
        _level("[SOURce:]AM#:INTernal#:FREQuency", "am_rate", "Hz", 0.5, 1e6),
        choice("[SOURce:]AM#:INTernal#:FUNCtion#:SHAPe", "am_shape", _SHAPES),
        switch("[SOURce:]LFOutput:STATe", "low"),
        _level("[SOURce:]LFOutput:AMPLitude", "low_amplitude", "VP", 0, 3.5),
        choice(
            "[SOURce:]LFOutput:SOURce",
            "low_source",
            {"INT": "INT", "INT1": "INT", "INT2": "INT2", "FUNC": "FUNC", "FUNC1": "FUNC", "FUNC2": "FUNC2"},
        ),
        ask("[SOURce:]ROSCillator:SOURce", lambda device: device.state.reference),
    ]
)
