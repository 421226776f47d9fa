"""Break a run at its k-th step, for every k, and judge what is left by the simulated world's own truth.

A *step* is anything that a run does to something else: a message to an instrument or a call of a vendor's
library, a record of the journal, a call of one of the procedure's methods, a wait. A run is gone through once
to count them, then again for every injection; noise belongs to the points, so every run comes by the same
steps. `inject` breaks one run in this process, `inject_signals` in a process of its own.
"""

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from unittest import mock

import numpy as np

from labspin.clock import SimulatedClock
from labspin.data import RunWriter, read_run
from labspin.data.journal.writer import journal_path
from labspin.errors import LabspinError, RunFileError
from labspin.experiment import run
from labspin.station.simulation import SimulatedWorld
from labspin.twin.device import SimulatedDevice
from labspin.twin.devices.called import CalledDevice
from labspin.twin.devices.pulse_streamer import PulseStreamer
from labspin.twin.message import MessageDevice
from tests.faults.reduced_cards import reduced_runs
from tests.places import environment

ON_DEVICES = {
    "time-out": {"kind": "silent", "times": 4},  # question and repetition, twice
    "silent for good": {"kind": "silent", "times": -1},  # it obeys, but never answers again
    "disconnection": {"kind": "drop", "times": 1},  # until the connection is opened again
    "gone for good": {"kind": "drop", "times": -1},  # it cannot be reached any more
}
SIGNALS = {"SIGINT": signal.SIGINT, "SIGTERM": signal.SIGTERM}
IN_PROCESS = ("exception", *ON_DEVICES)
METHODS = ("plan", "settings", "check", "prepare", "measure", "finish")
_ROUNDING, _BITS = 1 + 1e-6, 2e-3  # of a set-point; A: the supply's converter has 16 bit of 12 A
_STILL = 0.02  # A that count as none
_DRIVE = 1e-8  # V of a drive that count as none: an SR860 cannot be lower than 1 nV
_LONGEST_ERROR = 700  # characters of one sentence


class InjectedError(Exception):
    """What an injected exception is."""


@dataclass(frozen=True)
class Step:
    """One step of a run."""

    what: str  # "wire", "journal", "wait", or a method of the procedure
    name: str = ""  # of the instrument


class Steps:
    """Counts the steps of a run, and does something at one of them."""

    def __init__(self, at=-1, do=None):
        self.at, self.do, self.log = at, do, []

    def take(self, what, name="", device=None):
        number = len(self.log)
        self.log.append(Step(what, name))
        if number == self.at:
            self.do(self.log[-1], device)


def before(steps, kind, what, original_name, *, name="called_here"):
    """Replace a method of a class by one that takes a step first."""
    original = getattr(kind, original_name)

    def stepped(self, *arguments, **options):
        steps.take(what, getattr(self, name, ""), self)
        return original(self, *arguments, **options)

    return mock.patch.object(kind, original_name, stepped)


def _named_devices():
    make = SimulatedWorld.device

    def device(self, spec):
        made = make(self, spec)
        made.called_here = spec.name
        return made

    return mock.patch.object(SimulatedWorld, "device", device)


@contextlib.contextmanager
def stepped(steps, procedure):
    """Let every step of the block be taken through ``steps``."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(_named_devices())
        for kind in (MessageDevice, PulseStreamer):
            stack.enter_context(before(steps, kind, "wire", "receive"))
        stack.enter_context(before(steps, CalledDevice, "wire", "trouble"))
        for method in ("append", "event", "finish"):
            stack.enter_context(before(steps, RunWriter, "journal", method))
        stack.enter_context(before(steps, SimulatedClock, "wait", "sleep"))
        for method in METHODS:
            stack.enter_context(before(steps, type(procedure), method, method))
        yield


class Supply:
    """Watches a magnet's supply, and remembers by how much its set-point jumped.

    With ``slack`` the time between set-points is not looked at: over a socket it is not that of sending.
    """

    def __init__(self, bench, *, slack=None):
        self.jumps, self._device = [], bench.simulation.devices.get("magnet")
        self._timed = slack is None
        if self._device is None:
            return
        self._spec = next(a.spec for a in bench.actuators.values() if a.spec.instrument == "magnet")
        self._largest = self._spec.ramp_rate * self._spec.ramp_interval * (slack or _ROUNDING) + _BITS
        self._moved, receive = self._device.world.clock.now(), self._device.receive
        self._device.receive = lambda data: self._watch(receive, data)

    def _watch(self, receive, data):
        device, clock = self._device, self._device.world.clock
        before, flowing = (device.state.current, device.state.enabled), device.output_current()
        receive(data)
        after = (device.state.current, device.state.enabled)
        if after == before or device.state.tripped:
            return
        if before[1] and after[1]:
            step, passed = abs(after[0] - before[0]), clock.now() - self._moved
            within = self._spec.ramp_rate * passed * _ROUNDING + _BITS if self._timed else math.inf
            if step > min(self._largest, within):
                self.jumps.append(f"set-point from {before[0]:g} to {after[0]:g} A within {passed:g} s")
        elif before[1] and abs(flowing) > 5 * _STILL:
            self.jumps.append(f"switched off at {flowing:g} A")
        elif after[1] and abs(after[0] - flowing) > _STILL:
            self.jumps.append(f"switched on at {after[0]:g} A")
        self._moved = clock.now()


def unsafe(bench, *, without=()):
    """Return what of a simulated bench is not as it should be left, by the world's own truth.

    Parameters
    ----------
    without
        Instruments that cannot be reached, and need not be.
    """
    world, devices, problems = bench.simulation.world, bench.simulation.devices, []
    signals = world.signals()

    def want(name, fine, text):
        if name in devices and name not in without and not fine:
            problems.append(f"{name}: {text}")

    if "magnet" in devices:
        current = signals["magnet.current"]
        want("magnet", abs(current) < _STILL, f"{current:.3g} A flow")
        want("magnet", not devices["magnet"].state.enabled, "output is on")
    if "microwave" in devices:
        want("microwave", signals["microwave.power"] == -math.inf, "output is on")
    if "pulses" in devices:
        now = world.episodes()[0].pattern
        high = [line for line in now.lines if now.line(line).any()]
        want("pulses", not high, f"{', '.join(high)} not low")
    if "drive.amplitude" in signals:
        want("lockin", abs(signals["drive.amplitude"]) < _DRIVE, f"drives {signals['drive.amplitude']:.3g} V")
    if "cryostat" in devices:
        heats = signals["cryostat.heater_limit"] > 0 and (
            signals["cryostat.setpoint"] > 0 or signals["cryostat.heater"] > 0
        )
        want("cryostat", not heats, "heater is on")
    return problems


@dataclass
class Found:
    """What an injection left behind."""

    run: str
    kind: str
    step: int
    at: str
    status: str = ""  # "" where the run did not begin a file
    acknowledged: int = 0
    lost: int = 0
    opened: bool = True
    error: str = ""
    unsafe: list = field(default_factory=list)
    problems: list = field(default_factory=list)

    @property
    def fine(self):
        return not (self.unsafe or self.problems or self.lost) and self.opened


def say(**content):
    """Tell the parent process."""
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


class Acknowledged:
    """An observer that remembers every point of which it was told."""

    def __init__(self):
        self.points = {}

    def on_start(self, header, total):
        pass

    def on_point(self, index, values, done, total):
        self.points[index] = values

    def on_event(self, kind, message):
        pass

    def on_finish(self, outcome):
        pass


def compare_with_file(found, path, acknowledged):
    """Look whether the file opens, holds every acknowledged point, and says how the run ended."""
    found.acknowledged = len(acknowledged)
    if not path.exists() and not journal_path(path).exists():
        found.lost = len(acknowledged)
        return None
    try:
        recorded = read_run(path)
    except RunFileError as error:
        found.opened, found.lost = False, len(acknowledged)
        found.problems.append(f"file: {error}")
        return None
    found.status = recorded.status
    rows = {index: row for row, index in enumerate(recorded.points.index.tolist())}
    names = [column.name for column in recorded.header.layout.columns]
    for index, values in acknowledged.items():
        there = index in rows and all(
            _same(recorded.columns[name][rows[index]], value)
            for name, value in zip(names, values, strict=True)
        )
        found.lost += not there
    return recorded


def _same(recorded, value):
    if isinstance(value, str):
        return recorded == value
    return np.array_equal(recorded, value, equal_nan=True)


def _judge_record(found, recorded, bench, *, raised):
    """Look whether status and safe report of a file are those of the run."""
    if recorded is None:
        return
    expected = ("failed", "dead") if raised else ("finished", "aborted")
    if recorded.status not in expected:
        found.problems.append(f"status is {recorded.status!r}")
    reported = {event.data.get("instrument") for event in recorded.events if "ok" in event.data}
    if missing := set(bench.instruments) - reported:
        found.problems.append(f"no safe report of {', '.join(sorted(missing))}")


def _judge_error(found, error, name):
    if error is None:
        return
    text = found.error = str(error)
    if not isinstance(error, LabspinError):
        found.problems.append(f"raised {type(error).__name__}: {text}")
    elif name not in text:
        found.problems.append(f"error does not name {name!r}: {text}")
    elif "\n" in text or len(text) > _LONGEST_ERROR:
        found.problems.append(f"error is not one sentence: {text}")


def _judge_signal(found, steps):
    went_on = any(step.what == "measure" for step in steps.log[steps.at + 1 :])
    if found.status == "finished" and went_on:
        found.problems.append("the signal was not heard: another point was measured, and the run finished")


def count(reduced):
    """Return the steps of an undisturbed run, and the number of the first one after the connection."""
    steps, procedure = Steps(), reduced.procedure()
    with tempfile.TemporaryDirectory() as folder, stepped(steps, procedure), reduced.connect() as bench:
        connected, supply = len(steps.log), Supply(bench)
        outcome = run(procedure, bench, Path(folder) / "run.h5", label=reduced.label)
        assert outcome.status == "finished"
        assert outcome.is_safe
        assert not unsafe(bench)
        assert not supply.jumps
    return steps.log, connected


def inject(reduced, kind, at):
    """Break one run at step ``at``; return what is left.

    Parameters
    ----------
    kind
        One of `IN_PROCESS` or `SIGNALS`.
    """
    procedure, acknowledged = reduced.procedure(), Acknowledged()
    found, error = Found(reduced.name, kind, at, ""), None
    struck, is_out_of_reach = [], kind == "gone for good"

    def do(step, device):
        nonlocal is_out_of_reach
        # A library call that is not answered has done nothing; a message may have been obeyed all the same.
        is_out_of_reach |= kind == "silent for good" and isinstance(device, CalledDevice)
        found.at = f"{step.what} {step.name}".strip()
        struck.append(step.name)
        if kind == "exception":
            raise InjectedError(f"at step {at}")
        if kind in SIGNALS:
            os.kill(os.getpid(), SIGNALS[kind])
        elif isinstance(device, SimulatedDevice):
            device.faults.add(**ON_DEVICES[kind])

    steps = Steps(at, do)
    with tempfile.TemporaryDirectory() as folder, stepped(steps, procedure):
        path = Path(folder) / "run.h5"
        try:
            bench = reduced.connect()
        except Exception as caught:  # noqa: BLE001 - to be judged, whatever it is
            if kind != "exception":
                _judge_error(found, caught, struck[0])
            return found  # connecting moves nothing
        with bench:
            supply = Supply(bench)
            try:
                run(procedure, bench, path, label=reduced.label, observers=[acknowledged])
            except Exception as caught:  # noqa: BLE001 - to be judged, whatever it is
                error = caught
            recorded = compare_with_file(found, path, acknowledged.points)
            found.unsafe = [*unsafe(bench, without=struck if is_out_of_reach else ()), *supply.jumps]
            _judge_record(found, recorded, bench, raised=error is not None)
            if kind in SIGNALS:
                _judge_signal(found, steps)
            else:
                _judge_end(found, error, struck, at)
    return found


def _judge_end(found, error, struck, at):
    """Note what is wrong with how a run ended whose device, or whose own step, was broken."""
    if found.kind in ON_DEVICES:
        _judge_error(found, error, struck[0] if struck else "")
    elif error is not None and f"at step {at}" not in f"{error!r}":
        found.problems.append(f"raised {type(error).__name__}: {error}")


def chosen_steps(log, connected, kind, *, most):
    """Return the steps at which to inject: all, or beginning, end and a stratified sample of the middle.

    Faults of devices strike at messages only; signals only while a run is on, that is, when something is.
    """
    if kind in ON_DEVICES:
        numbers = [number for number, step in enumerate(log) if step.what == "wire"]
    elif kind in SIGNALS:
        numbers = list(range(connected, len(log)))
    else:
        numbers = list(range(len(log)))
    if len(numbers) <= most:
        return numbers
    last = max(n for n, step in enumerate(log) if step.what == "finish")
    shutdown = [n for n in numbers if n >= last]
    early = [n for n in numbers if n < last][: most // 4]
    middle = [n for n in numbers if n < last][most // 4 :]
    left = max(most - len(early) - len(shutdown), most // 4)
    picked = [middle[round(k)] for k in np.linspace(0, len(middle) - 1, min(left, len(middle)))]
    return sorted({*early, *picked, *shutdown})


def inject_signals(reduced, kind, numbers):
    """Break runs by a signal, one after the other in a process of their own; return what is left."""
    command = [sys.executable, "-m", __name__, reduced.name, kind, json.dumps(list(numbers))]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    lines = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
    assert len(lines) == len(numbers), ended.stderr
    return [Found(**line) for line in lines]


def _work(name, kind, numbers):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started this may ignore it
    reduced = reduced_runs()[name]
    for number in numbers:
        say(**asdict(inject(reduced, kind, number)))


if __name__ == "__main__":
    _work(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
