"""NI-DAQmx, as far as gated counting and reading voltages need it.

`Daqmx` names what is asked of a data acquisition device; the drivers know nothing else of NI-DAQmx, so that a
simulated device can stand in its place. `load_daqmx` returns the real one, on the maker's Python package
``nidaqmx``, which in turn needs the driver NI-DAQmx of the operating system. Terminals have the names that
NI gives them, such as ``/Dev1/PFI8``.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any, Protocol, TypedDict

import numpy as np
from numpy.typing import NDArray

from labspin.errors import ConnectionFailedError, DeviceError

__all__ = ["Daqmx", "Description", "GatedCount", "Task", "load_daqmx"]

_CHUNK = 1_000_000  # samples read at once
_PATIENCE = 10.0  # s
_INSTALL = (
    "install the package with pip install 'labspin[ni]' and the driver NI-DAQmx from ni.com/downloads "
    "(on Linux and Windows: python -m nidaqmx installdriver)"
)


class Description(TypedDict):
    """What a device is and has."""

    product: str
    serial: str
    version: str  # of NI-DAQmx
    counters: list[str]  # physical channels, such as "Dev1/ctr0"
    inputs: list[str]  # analog ones, such as "Dev1/ai0"
    timebase: float  # fastest clock of the counters, Hz


class Task(Protocol):
    """Something that the device does from `start` to `stop`, and can do again."""

    def start(self) -> None:
        """Begin."""
        ...

    def stop(self) -> None:
        """End; it may be started again."""
        ...

    def close(self) -> None:
        """End, and give the counter back."""
        ...


class GatedCount(Task, Protocol):
    """A count of pulses in a number of gates."""

    def is_done(self) -> bool:
        """Return whether all gates have come."""
        ...

    def total(self) -> int:
        """Return the pulses in all gates together; only when they have come."""
        ...


class Daqmx(Protocol):
    """What is asked of NI-DAQmx."""

    def describe(self, device: str) -> Description:
        """Return what ``device`` (``"Dev1"``) is and has.

        Parameters
        ----------
        device
            Name of the device, such as ``"Dev1"``.
        """
        ...

    def gate(
        self, counter: str, *, timebase: str, trigger: str, rising: bool, delay: int, width: int
    ) -> Task:
        """Return a task that makes a pulse after every trigger edge.

        Parameters
        ----------
        counter
            The counter that makes the pulses, such as ``"Dev1/ctr1"``.
        timebase
            Terminal of the clock that is counted.
        trigger
            Terminal of the trigger.
        rising
            Whether the rising edge of the trigger counts; else the falling one.
        delay
            From the trigger to the pulse, ticks of ``timebase``.
        width
            Width of the pulse, ticks of ``timebase``.
        """
        ...

    def gated_count(self, counter: str, *, source: str, rising: bool, gate: str, samples: int) -> GatedCount:
        """Return a task that counts edges in each of many pulses.

        Parameters
        ----------
        counter
            The counter that counts, such as ``"Dev1/ctr0"``.
        source
            Terminal of the edges that are counted.
        rising
            Whether rising edges are counted; else falling ones.
        gate
            Terminal of the pulses in which is counted.
        samples
            Number of pulses.
        """
        ...

    def voltages(
        self, channel: str, *, wiring: str, greatest: float, rate: float, samples: int
    ) -> NDArray[np.float64]:
        """Return voltages taken at equal intervals, V, shape (samples,).

        Parameters
        ----------
        channel
            Physical channel, such as ``"Dev1/ai0"``.
        wiring
            Terminal configuration: ``"diff"``, ``"rse"`` or ``"nrse"``.
        greatest
            Greatest magnitude that is measured, V; it sets the range of the input.
        rate
            Sampling rate, Hz.
        samples
            Number of samples.
        """
        ...


def load_daqmx() -> Daqmx:
    """Return NI-DAQmx.

    Raises
    ------
    ConnectionFailedError
        The package ``nidaqmx`` is not installed.
    """
    try:
        import nidaqmx  # noqa: F401
    except ImportError as error:
        raise ConnectionFailedError(f"the Python package 'nidaqmx' is missing; {_INSTALL}") from error
    return _Real()


@contextlib.contextmanager
def _translated(doing: str) -> Iterator[None]:
    """Let what NI-DAQmx raises be errors of ours."""
    from nidaqmx import errors

    try:
        yield
    except (
        errors.DaqNotFoundError,
        errors.DaqNotSupportedError,
        errors.DaqFunctionNotSupportedError,
    ) as error:
        raise ConnectionFailedError(f"the driver NI-DAQmx is missing or too old; {_INSTALL}") from error
    except errors.DaqError as error:
        text = " ".join(str(error).split())
        raise DeviceError(f"NI-DAQmx failed at {doing} with {error.error_code}: {text}") from error


class _RealTask:
    """A task of NI-DAQmx; a count, if it has samples."""

    def __init__(self, task: Any, samples: int = 0) -> None:
        self._task, self._samples = task, samples

    def start(self) -> None:
        with _translated("the start of a task"):
            self._task.start()

    def stop(self) -> None:
        from nidaqmx.errors import DaqWarning

        with _translated("the stop of a task"), warnings.catch_warnings():
            warnings.simplefilter("ignore", DaqWarning)  # that it had not ended by itself
            self._task.stop()

    def close(self) -> None:
        with _translated("the end of a task"):
            self._task.close()

    def is_done(self) -> bool:
        with _translated("a look at a task"):
            return bool(self._task.is_task_done())

    def total(self) -> int:
        from nidaqmx.stream_readers import CounterReader

        total, left = 0, self._samples
        with _translated("reading counts"):
            reader = CounterReader(self._task.in_stream)
            while left:
                chunk = np.zeros(min(left, _CHUNK), dtype=np.uint32)
                reader.read_many_sample_uint32(chunk, chunk.size, _PATIENCE)
                total += int(chunk.sum(dtype=np.uint64))
                left -= chunk.size
        return total


class _Real:
    """NI-DAQmx itself."""

    def describe(self, device: str) -> Description:
        from nidaqmx.system import Device, System

        with _translated(f"asking for device {device!r}"):
            version, found = System.local().driver_version, Device(device)
            counters = [channel.name for channel in found.ci_physical_chans]
            return {
                "product": str(found.product_type),
                "serial": f"{found.serial_num:08X}",
                "version": f"{version.major_version}.{version.minor_version}",
                "counters": [name for name in counters if "/ctr" in name.lower()],
                "inputs": [channel.name for channel in found.ai_physical_chans],
                "timebase": float(found.ci_max_timebase) if counters else 0.0,
            }

    def gate(
        self, counter: str, *, timebase: str, trigger: str, rising: bool, delay: int, width: int
    ) -> Task:
        from nidaqmx.constants import AcquisitionType

        with _translated(f"making gates with {counter}"), self._new_task() as task:
            channel = task.co_channels.add_co_pulse_chan_ticks(
                counter, timebase, initial_delay=delay, low_ticks=delay, high_ticks=width
            )
            channel.co_enable_initial_delay_on_retrigger = True
            task.timing.cfg_implicit_timing(AcquisitionType.FINITE, 1)
            task.triggers.start_trigger.cfg_dig_edge_start_trig(trigger, _edge(rising))
            task.triggers.start_trigger.retriggerable = True
            return _RealTask(task)

    def gated_count(self, counter: str, *, source: str, rising: bool, gate: str, samples: int) -> GatedCount:
        from nidaqmx.constants import AcquisitionType, TimeUnits

        with _translated(f"counting with {counter}"), self._new_task() as task:
            # The width of the gate, measured with the detector's pulses for a clock.
            channel = task.ci_channels.add_ci_pulse_width_chan(
                counter, min_val=0.0, max_val=2.0**32 - 1, units=TimeUnits.TICKS, starting_edge=_edge(True)
            )
            channel.ci_pulse_width_term = gate
            channel.ci_ctr_timebase_src = source
            channel.ci_ctr_timebase_active_edge = _edge(rising)
            channel.ci_dup_count_prevention = True  # else a gate without a pulse is lost
            task.timing.cfg_implicit_timing(AcquisitionType.FINITE, samples)
            return _RealTask(task, samples)

    def voltages(
        self, channel: str, *, wiring: str, greatest: float, rate: float, samples: int
    ) -> NDArray[np.float64]:
        from nidaqmx import Task as NITask
        from nidaqmx.constants import TerminalConfiguration

        with _translated(f"reading {channel}"), NITask() as task:
            task.ai_channels.add_ai_voltage_chan(
                channel,
                terminal_config=TerminalConfiguration[wiring.upper()],
                min_val=-greatest,
                max_val=greatest,
            )
            task.timing.cfg_samp_clk_timing(rate, samps_per_chan=samples)
            values = task.read(samples, samples / rate + _PATIENCE)
        return np.atleast_1d(np.asarray(values, dtype=np.float64))

    @contextlib.contextmanager
    def _new_task(self) -> Iterator[Any]:
        """Give a task, which is closed again if it cannot be set up."""
        from nidaqmx import Task as NITask

        task = NITask()
        try:
            yield task
        except BaseException:
            task.close()
            raise


def _edge(rising: bool) -> Any:
    from nidaqmx.constants import Edge

    return Edge.RISING if rising else Edge.FALLING
