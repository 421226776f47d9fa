"""A National Instruments X Series device: four counters, sixteen analog inputs, seen through NI-DAQmx.

It answers what labspin's drivers ask of NI-DAQmx: a retriggerable pulse in ticks of the clock, the number of
a detector's pulses in each of so many gates (buffered pulse-width measurement), and voltages. Limits and
errors are those of the *X Series User Manual* and of NI-DAQmx, whose error codes are given: a pulse has at
least two ticks before it and in it, a counter belongs to one task, a buffered measurement has at least two
samples, an analog input clips a little (5 %) beyond its range and has 16 bits.

Not simulated: the rate at which numbers go to the computer; missed photons by duplicate count prevention;
noise of the inputs beyond a white one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from labspin.errors import ConnectionFailedError, DeviceError
from labspin.twin.counting import CountJob
from labspin.twin.devices.called import CalledDevice
from labspin.twin.world import World

__all__ = ["NIDaqmx"]

_COUNTERS, _INPUTS, _TERMINALS = 4, 16, 16
_LEAST_TICKS, _MOST_TICKS = 2, 2**32 - 1
_OVER = 1.05
_STEPS = 2**16
_FASTEST = 2e6  # Hz
_RANGES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # V


class _Pulses:
    """A counter that makes a gate after every trigger."""

    def __init__(
        self, daqmx: NIDaqmx, counter: str, trigger: str, rising: bool, delay: int, width: int
    ) -> None:
        self._daqmx, self.counter = daqmx, counter
        self.trigger, self.rising, self.delay, self.width = trigger, rising, delay, width
        self.running = False

    def start(self) -> None:
        self._daqmx.call("start")
        self.running = True
        self._daqmx.gates_started()

    def stop(self) -> None:
        self._daqmx.call("stop")
        self.running = False

    def close(self) -> None:
        self.running = False
        self._daqmx.give_back(self.counter)


class _Count:
    """A counter that counts in gates; it begins when both it and its gates are started."""

    def __init__(self, daqmx: NIDaqmx, counter: str, source: str, gate: str, samples: int) -> None:
        self._daqmx, self.counter = daqmx, counter
        self.source, self.gate, self.samples = source, gate, samples
        self.waiting = False
        self.job: CountJob | None = None

    def start(self) -> None:
        self._daqmx.call("start")
        self.waiting, self.job = True, None
        self._daqmx.gates_started()

    def stop(self) -> None:
        self._daqmx.call("stop")
        self._end()

    def close(self) -> None:
        self._end()
        self._daqmx.give_back(self.counter)

    def _end(self) -> None:
        self.waiting = False
        if self.job is not None:
            self.job.stop()

    def is_done(self) -> bool:
        self._daqmx.call("is_task_done")
        return self.job is not None and self.job.done

    def total(self) -> int:
        self._daqmx.call("read")
        if self.job is None or not self.job.done:
            raise DeviceError("-200284: Some or all of the samples requested have not yet been acquired")
        return int(self.job.counts()[0])


class NIDaqmx(CalledDevice):
    """An X Series device; ports ``PFI0`` … are lines or detectors, ``ai0`` … quantities of the sample.

    Options
    -------
    product, serial, version
        What it is called.
    timebase
        Clock of the counters, Hz.
    slope, offset
        Field for a volt at an analog input (T/V), and field at 0 V (T).
    noise
        Standard deviation of a sample of an analog input, V.
    """

    ports: ClassVar = {
        **{f"PFI{n}": "line or detector" for n in range(_TERMINALS)},
        **{f"ai{n}": "quantity" for n in range(_INPUTS)},
    }
    default_wiring: ClassVar = {"PFI8": "pl", "PFI12": "trigger", "ai0": "field"}
    options: ClassVar = {
        "product": "PCIe-6341",
        "serial": "01D4C2F7",
        "version": "24.5",
        "timebase": 100e6,
        "slope": 1.0,
        "offset": 0.0,
        "noise": 0.3e-3,
    }

    def __init__(self, world: World, *, wiring: Mapping[str, str] | None = None, **options: object) -> None:
        super().__init__(world, wiring=wiring, **options)
        self._tasks: dict[str, _Pulses | _Count] = {}

    def call(self, name: str) -> None:
        """Let faults strike at a call.

        Parameters
        ----------
        name
            Name of the call; faults are matched against it.

        Raises
        ------
        ConnectionFailedError
            The device is gone.
        DeviceError
            It does not answer.
        """
        if trouble := self.trouble(name):
            raise (ConnectionFailedError if self.dropped else DeviceError)(f"{name}: {trouble}")

    # -- what drivers ask ----------------------------------------------------------------------------------

    def describe(self, device: str) -> dict[str, Any]:
        """Return product, serial number, version, counters, analog inputs and time base (Hz) of the device.

        Parameters
        ----------
        device
            Name of the device in the maker's software, such as ``"Dev1"``.
        """
        self.call("describe")
        product = self.false_identity if self.false_identity is not None else self._options["product"]
        return {
            "product": product,
            "serial": self._options["serial"],
            "version": self._options["version"],
            "counters": [f"{device}/ctr{n}" for n in range(_COUNTERS)] if self.false_identity is None else [],
            "inputs": [f"{device}/ai{n}" for n in range(_INPUTS)] if self.false_identity is None else [],
            "timebase": float(self._options["timebase"]),
        }

    def gate(
        self, counter: str, *, timebase: str, trigger: str, rising: bool, delay: int, width: int
    ) -> _Pulses:
        """Return a task in which a counter gives a pulse after every trigger edge.

        Parameters
        ----------
        counter
            Counter that makes the pulses.
        timebase
            Terminal of the clock that the ticks are counted in.
        trigger
            Terminal of the trigger.
        rising
            Whether rising edges trigger, not falling ones.
        delay
            Ticks from the edge to the pulse.
        width
            Length of the pulse, ticks.
        """
        self.call("gate")
        if not timebase.endswith(f"/{float(self._options['timebase']) / 1e6:.0f}MHzTimebase"):
            raise DeviceError(f"-89136: there is no terminal {timebase!r}")
        for name, ticks in (("initial delay", delay), ("high ticks", width)):
            if not _LEAST_TICKS <= ticks <= _MOST_TICKS:
                raise DeviceError(f"-200077: {name} of {ticks} is not supported")
        pulses = _Pulses(self, counter, self._terminal(trigger), rising, delay, width)
        self._take(pulses)
        return pulses

    def gated_count(self, counter: str, *, source: str, rising: bool, gate: str, samples: int) -> _Count:
        """Return a task that counts pulses in a number of gates; pulses of detectors have both edges.

        Parameters
        ----------
        counter
            Counter that counts.
        source
            Terminal of the pulses to count.
        rising
            Whether rising edges count; without effect here.
        gate
            Terminal of the gate: the internal output of another counter.
        samples
            Number of gates, at least 2.
        """
        self.call("gated_count")
        if samples < 2:
            raise DeviceError(f"-200077: {samples} samples of a buffered measurement are not supported")
        device, _, output = gate.strip("/").partition("/")
        maker = f"{device}/{output.lower().removesuffix('internaloutput')}"
        if maker not in {f"{device}/ctr{n}" for n in range(_COUNTERS)}:
            raise DeviceError(f"-89136: there is no terminal {gate!r}")
        count = _Count(self, counter, self._terminal(source), maker, samples)
        self._take(count)
        return count

    def voltages(
        self, channel: str, *, wiring: str, greatest: float, rate: float, samples: int
    ) -> NDArray[np.float64]:
        """Return samples of an analog input, V; simulated time passes meanwhile.

        Parameters
        ----------
        channel
            Name of the analog input, such as ``"Dev1/ai0"``.
        wiring
            How the input is wired; without effect here.
        greatest
            Greatest voltage expected, V; selects the range.
        rate
            Samples per second, 1/s.
        samples
            Number of samples.

        Returns
        -------
        NDArray[np.float64]
            Shape (``samples``,).
        """
        self.call("voltages")
        name = channel.rpartition("/")[2]
        if self.ports.get(name) != "quantity" or rate > _FASTEST:
            raise DeviceError(f"-200170: {channel} at {rate:g} Hz does not exist")
        full_scale = next((scale for scale in _RANGES if scale >= greatest), _RANGES[-1])
        self.world.clock.sleep(samples / rate)
        with self.world.lock:
            quantity = self.wiring.get(name)
            slope, offset = float(self._options["slope"]), float(self._options["offset"])
            mean = (self.world.reading(quantity) - offset) / slope if quantity else 0.0
            values = mean + self.world.rng.normal(0.0, float(self._options["noise"]), samples)
        step = 2 * _OVER * full_scale / _STEPS
        return np.round(np.clip(values, -_OVER * full_scale, _OVER * full_scale) / step) * step

    # -- counters ------------------------------------------------------------------------------------------

    def _take(self, task: _Pulses | _Count) -> None:
        if task.counter in self._tasks:
            raise DeviceError(f"-50103: {task.counter} is reserved by another task")
        self._tasks[task.counter] = task

    def give_back(self, counter: str) -> None:
        """Release a counter for other tasks.

        Parameters
        ----------
        counter
            Name of the counter.
        """
        self._tasks.pop(counter, None)

    def gates_started(self) -> None:
        """Let those counts begin whose gates are made."""
        for count in self._tasks.values():
            if not isinstance(count, _Count) or not count.waiting:
                continue
            gate = self._tasks.get(count.gate)
            if isinstance(gate, _Pulses) and gate.running:
                count.waiting = False
                count.job = self._job(count, gate)

    def _job(self, count: _Count, gate: _Pulses) -> CountJob:
        tick = 1 / float(self._options["timebase"])
        return self.world.count(
            self.wiring.get(count.source, ""),
            gates=[(gate.delay * tick, gate.width * tick)],
            trigger_line=self.wiring.get(gate.trigger, ""),
            falling=not gate.rising,
            triggers=count.samples,
            holdoff=(gate.delay + gate.width) * tick,
        )

    def _terminal(self, name: str) -> str:
        terminal = name.rpartition("/")[2]
        if not terminal.startswith("PFI") or terminal not in self.ports:
            raise DeviceError(f"-89136: there is no terminal {name!r}")
        return terminal
