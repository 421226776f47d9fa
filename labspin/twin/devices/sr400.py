"""SRS SR400: a two-channel gated photon counter.

After the *SR400 Gated Photon Counter* user's manual (SRS, rev. 2.6): commands of two letters, a command
without its value asks, and what follows a wrong command in a line is lost. A *scan* is N PERIODS count
periods with a dwell time between them; data are read by point.

Worth knowing when driving it:

* Counter T ends a count period. Preset to N triggers, **N + 1 triggers are needed for N gates** (manual,
  page 12): the period begins with the first and ends with the (N+1)th, so a pulse sequence has to keep
  running.
* A preset has one significant digit: 1200 triggers become 1000.
* A trigger that comes before delay and width (each) and 1 µs have passed is missed (rate error, bit 4).

Not simulated: pulse heights. Every photon clears the discriminators, at any level; a trigger level outside
0 to 3.3 V sees no trigger. A count preset of B, and INPUT 2 as input of T, end after the time that they take
at the mean rate. Power-on settings are those of the default setup as far as the manual's text tells them.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any, ClassVar

from labspin.twin.counting import CountJob
from labspin.twin.devices.sr400_settings import (
    MAXIMUM_GATE,
    MAXIMUM_STEP,
    MINIMUM_WIDTH,
    Settings,
    four_digits,
    indexed,
    one_digit,
    setting,
    stepped,
    whole,
)
from labspin.twin.message import MessageDevice
from labspin.twin.wire import Command, CommandError, Dialect, Table, Unit, do, parse_number
from labspin.twin.wire.commands import Do

__all__ = ["SR400"]

DATA_READY, SCAN_FINISHED, OVERFLOW, RATE_ERROR, COMMAND_ERROR = 2, 4, 8, 16, 128
TRIGGERED, COUNTING = 1, 4
_CLOCK = 10e6  # Hz
_LARGEST_COUNT = 999_999_999
_TRIGGER_HEIGHT = 3.3  # V, of the pulse streamer's digital outputs
_REARM = 1e-6  # s
_POINTS = 2000
_CATCH_UP = 10 * _POINTS  # count periods computed at once after a long time without a question


class SR400(MessageDevice):
    """SR400; ports ``input1`` and ``input2`` look at detectors, ``trigger`` at a line of the pattern.

    Options
    -------
    insertion_delay
        From trigger to a gate of delay zero, s.
    """

    ports: ClassVar = {"input1": "detector", "input2": "detector", "trigger": "line"}
    default_wiring: ClassVar = {"input1": "pl", "trigger": "trigger"}
    options: ClassVar = {"insertion_delay": 25e-9}
    dialect: ClassVar = Dialect(paths=False, attached_arguments=True, stops_at_error=True)
    terminator: ClassVar = b"\r\n"
    separator: ClassVar = "\r\n"
    state: Settings

    def power_on(self) -> None:
        """Wake up with default settings, counters in reset."""
        self.state = Settings()
        self._stored: dict[int, Settings] = {}
        self._status = self._secondary = 0
        self.reset_counters()

    @property
    def true_identity(self) -> str:
        """The SR400 has no identity query; this is what it is."""
        return "Stanford Research Systems,SR400"

    def report(self, error: CommandError) -> None:
        """Set the command-error bit: this instrument has no error queue.

        Parameters
        ----------
        error
            Number and text of the error; all set the same bit.
        """
        self._status |= COMMAND_ERROR

    # -- counting ----------------------------------------------------------------------------------------

    def reset_counters(self) -> None:
        """Forget the scan (CR)."""
        self._jobs: tuple[CountJob, CountJob] | None = None
        self._points: list[tuple[int, int]] = []
        self._sends = ""
        self._paused = False
        self._dwelling_until = math.inf

    def start(self) -> None:
        """Begin the next count period (CS); nothing if a scan is going on, or has ended."""
        self._update()
        if self._going_on or len(self._points) >= self.state.periods:
            return
        self._begin_period(self.world.clock.now())

    @property
    def _going_on(self) -> bool:
        return self._jobs is not None or self._dwelling_until < math.inf

    def _begin_period(self, time: float) -> None:
        """Begin a count period at ``time``, which may be past."""
        self._paused, self._dwelling_until = False, math.inf
        self._jobs = (self._job(0, time), self._job(1, time))
        self._secondary |= TRIGGERED
        if self._jobs[0].misses_triggers or self._jobs[1].misses_triggers:
            self._status |= RATE_ERROR

    def halt(self) -> None:
        """Pause after the last complete count period (CH); when paused already, reset."""
        self._update()
        if self._paused:
            self.reset_counters()
        else:
            self._pause()

    def _pause(self) -> None:
        self._jobs, self._paused, self._dwelling_until = None, True, math.inf

    def _job(self, counter: int, start: float) -> CountJob:
        limit = self._limit()
        gates = [self._gate(0), self._gate(1)]
        busy = max((max(gate) for gate in gates if gate[1] < math.inf), default=-_REARM)
        level_reached = 0 < self.state.trigger_level < _TRIGGER_HEIGHT
        return self.world.count(
            self._source(counter),
            gates=[gates[counter]],
            trigger_line=self.wiring.get("trigger", "") if level_reached else "",
            falling=bool(self.state.trigger_slope),
            holdoff=busy + _REARM,
            closing_trigger="triggers" in limit,
            start=start,
            **limit,
        )

    def _gate(self, gate: int) -> tuple[float, float]:
        state = self.state
        if state.gate_modes[gate] == 0:
            return 0.0, math.inf
        scanned = len(self._points) * state.gate_steps[gate] if state.gate_modes[gate] == 2 else 0.0
        return (
            state.gate_delays[gate] + scanned + float(self._options["insertion_delay"]),
            state.gate_widths[gate],
        )

    def _limit(self) -> dict[str, Any]:
        """Return what ends a count period."""
        state = self.state
        if state.mode != 3 and state.inputs[2] == 0:
            return {"duration": state.presets[2] / _CLOCK}
        if state.mode != 3 and state.inputs[2] == 3:
            return {"triggers": round(state.presets[2])}
        preset, source = (state.presets[1], self._source(1)) if state.mode == 3 else (
            state.presets[2], self.wiring.get("input2", ""),
        )  # fmt: skip
        rate = self.world.mean_rate(source) if source else 0.0
        return {"duration": preset / rate} if rate > 0 else {"triggers": None}

    def _source(self, counter: int) -> str:
        """Return the detector that counter A or B looks at; ``""`` for none, or the 10 MHz clock."""
        return self.wiring.get({1: "input1", 2: "input2"}.get(self.state.inputs[counter], ""), "")

    def _contents(self, jobs: tuple[CountJob, CountJob]) -> tuple[int, int]:
        counts = []
        for counter, job in enumerate(jobs):
            on_clock = self.state.inputs[counter] == 0
            counts.append(round(float(job.open_time()[0]) * _CLOCK) if on_clock else int(job.counts()[0]))
        if max(counts) > _LARGEST_COUNT:
            self._status |= OVERFLOW
        return min(counts[0], _LARGEST_COUNT), min(counts[1], _LARGEST_COUNT)

    def _update(self) -> None:
        """Bring the scan to the present: a count period that has ended is stored, the next begins."""
        now = self.world.clock.now()
        for _ in range(_CATCH_UP):
            if self._dwelling_until <= now:
                self._begin_period(self._dwelling_until)
            if self._jobs is None or not all(job.done for job in self._jobs):
                return
            ended = max(job.ends for job in self._jobs)
            self._points.append(self._contents(self._jobs))
            self._jobs = None
            self._status |= DATA_READY
            self._send_point(ended)
            self._after_period(ended)

    def _after_period(self, ended: float) -> None:
        if len(self._points) >= self.state.periods:
            self._status |= SCAN_FINISHED
            self._sends = ""
            if self.state.scan_end == 0:
                return
            self._points = []
        if self.state.dwell > 0:
            self._dwelling_until = ended + self.state.dwell

    # -- data --------------------------------------------------------------------------------------------

    def transmit(self) -> bytes:
        """Return what has been sent, points of a scan that sends itself included."""
        with self.world.lock:
            self._update()
        return super().transmit()

    @property
    def next_transmission(self) -> float | None:
        """Simulated time of the next bytes, s; the end of the count period while a scan sends itself."""
        queued = super().next_transmission
        if queued is not None or not self._sends:
            return queued
        ends = max((job.ends for job in self._jobs or ()), default=self._dwelling_until)
        return None if math.isinf(ends) else ends

    def _send_point(self, time: float) -> None:
        for counter in {"A": (0,), "B": (1,), "T": (0, 1)}.get(self._sends, ()):
            self._outgoing.append((time, f"{self._points[-1][counter]}".encode() + self.terminator))

    def changed(self, name: str) -> None:
        """React to a changed setting: a new mode resets the counters, a new preset pauses them.

        Parameters
        ----------
        name
            Name of the attribute of ``state`` that was set.
        """
        if name == "mode":
            self.reset_counters()
        elif name == "presets" and self._going_on:
            self._pause()

    def status_byte(self) -> int:
        """Return the status byte, counting included."""
        self._update()
        return self._status

    def clear(self) -> None:
        """Go to the default settings (CL), interface buffers cleared."""
        self.state, self._status, self._secondary = Settings(), 0, 0
        self.reset_counters()
        self._outgoing.clear()

    def overload(self) -> None:
        """Let stray light onto the detector of input 1."""
        if self.wiring.get("input1"):
            self.world.detectors.blind(self.wiring["input1"])

    def store(self, location: int) -> None:
        """Keep the settings (ST).

        Parameters
        ----------
        location
            Number of the memory.
        """
        self._stored[location] = copy.deepcopy(self.state)

    def recall(self, location: int) -> None:
        """Restore stored settings (RC).

        Parameters
        ----------
        location
            Number of the memory; 0, and one never stored, are the defaults.
        """
        self.state = copy.deepcopy(self._stored.get(location, Settings())) if location else Settings()
        self.reset_counters()


def _integers(unit: Unit, fewest: int, most: int) -> list[int]:
    if not fewest <= len(unit.arguments) <= most:
        raise CommandError(-109, "Missing parameter")
    return [round(parse_number(argument)) for argument in unit.arguments]


def _status(device: SR400, unit: Unit) -> str:
    value, mask = device.status_byte(), 255
    for bit in _integers(unit, 0, 1):
        if not 0 <= bit <= 7:
            raise CommandError(-222, "Data out of range")
        mask = 1 << bit
        value = (value >> bit) & 1
    device._status &= ~mask
    return str(value)


def _secondary(device: SR400, unit: Unit) -> str:
    device._update()
    value = device._secondary | (COUNTING if device._jobs is not None else 0)
    device._secondary = 0
    for bit in _integers(unit, 0, 1):
        if not 0 <= bit <= 2:
            raise CommandError(-222, "Data out of range")
        value = (value >> bit) & 1
    return str(value)


def _last(counter: int) -> Callable[..., str]:
    def answer(device: SR400, unit: Unit) -> str:
        device._update()
        points = device._points
        if counter == 1 and device.state.mode == 3:
            return "-1"
        for point in _integers(unit, 0, 1):
            if not 1 <= point <= _POINTS:
                raise CommandError(-222, "Data out of range")
            return str(points[point - 1][counter]) if point <= len(points) else "-1"
        return str(points[-1][counter]) if points else "-1"

    return answer


def _contents(counter: int) -> Callable[..., str]:
    def answer(device: SR400, unit: Unit) -> str:
        device._update()
        return "0" if device._jobs is None else str(device._contents(device._jobs)[counter])

    return answer


def _buffer(counters: tuple[int, ...]) -> Do:
    def answer(device: SR400, unit: Unit) -> str | None:
        device._update()
        if 1 in counters and device.state.mode == 3:
            raise CommandError(-221, "Settings conflict")
        values = [str(point[counter]) for point in device._points for counter in counters]
        return device.separator.join(values) if values else None

    return answer


def _scan_and_send(which: str) -> Do:
    def begin(device: SR400, unit: Unit) -> None:
        if device._going_on or device._points or (which != "A" and device.state.mode == 3):
            raise CommandError(-221, "Settings conflict")
        device._sends = which
        device.start()

    return begin


def _at_location(method: str, low: int) -> Do:
    def call(device: SR400, unit: Unit) -> None:
        (location,) = _integers(unit, 1, 1)
        if not low <= location <= 9:
            raise CommandError(-222, "Data out of range")
        getattr(device, method)(location)

    return call


def _position(device: SR400, unit: Unit) -> str:
    device._update()
    return str(len(device._points) + (1 if device._jobs is not None else 0))


def _scanned(what: str, indices: tuple[int, ...]) -> Callable[..., str]:
    """Return the query of where a level, port or gate is in the scan."""
    starts = {"disc": "disc_levels", "port": "port_levels", "gate": "gate_delays"}[what]
    scanning = 2 if what == "gate" else 1

    def answer(device: SR400, unit: Unit) -> str:
        (index,) = _integers(unit, 1, 1)
        if index not in indices:
            raise CommandError(-222, "Data out of range")
        which, state = index - indices[0], device.state
        device._update()
        value = getattr(state, starts)[which]
        if getattr(state, f"{what}_modes")[which] == scanning:
            value += len(device._points) * getattr(state, f"{what}_steps")[which]
        return f"{value:.4G}"

    return answer


def _accepted(fewest: int, most: int) -> Do:
    def call(device: SR400, unit: Unit) -> None:
        _integers(unit, fewest, most)

    return call


def _dwell(value: float) -> float:
    """Round a dwell time: 0 (external), or 2 ms to 60 s with one digit."""
    return 0.0 if value == 0 else one_digit(2e-3, 60)(value)


_FLAG, _GATE_MODE, _COUNTERS, _GATES, _PORTS = whole(0, 1), whole(0, 2), (0, 1, 2), (0, 1), (1, 2)
_LEVEL, _LEVEL_STEP = stepped(-0.3, 0.3, 0.0002), stepped(-0.02, 0.02, 0.0002)  # V
_PORT, _PORT_STEP = stepped(-10, 10, 0.005), stepped(-0.5, 0.5, 0.005)  # V
_DELAY, _STEP = four_digits(0, MAXIMUM_GATE), four_digits(0, MAXIMUM_STEP)  # s
_WIDTH, _PRESET = four_digits(MINIMUM_WIDTH, MAXIMUM_GATE), one_digit(1, 9e11)

SR400.table = Table(
    [
        setting("CM", "mode", whole(0, 3)),
        indexed("CI", "inputs", {0: whole(0, 1), 1: whole(1, 2), 2: whole(0, 3, among=(0, 2, 3))}),
        indexed("CP", "presets", dict.fromkeys((1, 2), _PRESET), form="{:.0E}"),
        setting("NP", "periods", whole(1, _POINTS)),
        Command("NN", do=_position),
        setting("NE", "scan_end", _FLAG),
        setting("DT", "dwell", _dwell),
        setting("AS", "analog_source", whole(0, 3)),
        setting("AM", "analog_scale", whole(0, 7)),
        setting("SD", "display", _FLAG),
        setting("TS", "trigger_slope", _FLAG),
        setting("TL", "trigger_level", stepped(-2, 2, 0.001)),
        indexed("DS", "disc_slopes", dict.fromkeys(_COUNTERS, _FLAG)),
        indexed("DM", "disc_modes", dict.fromkeys(_COUNTERS, _FLAG)),
        indexed("DY", "disc_steps", dict.fromkeys(_COUNTERS, _LEVEL_STEP)),
        indexed("DL", "disc_levels", dict.fromkeys(_COUNTERS, _LEVEL)),
        Command("DZ", do=_scanned("disc", _COUNTERS)),
        indexed("PM", "port_modes", dict.fromkeys(_PORTS, _FLAG), first=1),
        indexed("PY", "port_steps", dict.fromkeys(_PORTS, _PORT_STEP), first=1),
        indexed("PL", "port_levels", dict.fromkeys(_PORTS, _PORT), first=1),
        Command("PZ", do=_scanned("port", _PORTS)),
        indexed("GM", "gate_modes", dict.fromkeys(_GATES, _GATE_MODE)),
        indexed("GY", "gate_steps", dict.fromkeys(_GATES, _STEP)),
        indexed("GD", "gate_delays", dict.fromkeys(_GATES, _DELAY)),
        Command("GZ", do=_scanned("gate", _GATES)),
        indexed("GW", "gate_widths", dict.fromkeys(_GATES, _WIDTH)),
        do("CS", lambda device: device.start()),
        do("CH", SR400.halt),
        do("CR", SR400.reset_counters),
        do("CL", SR400.clear),
        Command("CK", do=_accepted(1, 1)),
        Command("MI", do=_accepted(1, 1)),
        Command("SV", do=_accepted(1, 1)),
        Command("SW", do=_accepted(1, 1)),
        Command("SE", do=_accepted(0, 4)),
        Command("SS", do=_status),
        Command("SI", do=_secondary),
        Command("ST", do=_at_location("store", 1)),
        Command("RC", do=_at_location("recall", 0)),
        Command("QA", do=_last(0)),
        Command("QB", do=_last(1)),
        Command("XA", do=_contents(0)),
        Command("XB", do=_contents(1)),
        Command("EA", do=_buffer((0,))),
        Command("EB", do=_buffer((1,))),
        Command("ET", do=_buffer((0, 1))),
        Command("FA", do=_scan_and_send("A")),
        Command("FB", do=_scan_and_send("B")),
        Command("FT", do=_scan_and_send("T")),
    ]
)
