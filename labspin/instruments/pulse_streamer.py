"""Swabian Instruments Pulse Streamer 8/2, driven through the maker's own `pulsestreamer` client.

Added here: a transport that can also be in process, time-outs that the station sets, the prints of the
client as log records, one lock, errors with the instrument's name, and named lines.

Quirks (client 2.1.2; *Pulse Streamer 8/2* documentation, 'Hardware' and 'Programming interface'):

- 1 ns resolution; no pulse below 2 ns or 3 ns, by hardware version; 3 ns are required here.
  At most 2·10⁶ steps (`PulseStreamerBase.enc_binary`).
- The pattern memory works in units of 8 ns, and a pattern whose length is no multiple of them is prolonged by
  up to 7 ns of its last level when it repeats. The low state that fills it up is made part of the pattern
  here, so that the period read back is the period played.
- From firmware 1.1 on patterns are uploaded through a second port (21328). The client takes it for connected
  even where the connection failed, and every upload fails then. Here the port is tried first.
- ``constant`` stops a pattern and forgets it; so `PulseStreamerLines.start` uploads again after a stop.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from labspin.clock import Clock
from labspin.errors import (
    ArgumentError,
    ConnectionFailedError,
    DeviceError,
    IdentityError,
    InstrumentError,
    ReplyError,
    ReplyTimeoutError,
)
from labspin.instruments.pulse_lines import Loaded, PulseLinesAdapter, check_lines, usual_lines
from labspin.instruments.pulse_streamer_client import (
    Transport,
    client_class,
    http_transport,
    in_process_transport,
)
from labspin.instruments.sequence import PulseSequence

__all__ = ["PulseStreamer", "PulseStreamerLines", "PulseStreamerOptions"]

log = logging.getLogger(__name__)

_PORT = 8050
_UPLOAD_PORT = 21328
_CHANNELS = 8
_TICK = 1e-9  # s
_CHUNK = 8  # ticks
_LONGEST_STEP = 0xFFFFFFFF - 0xFFFFFFFF % _CHUNK  # ticks that fit 32 bits
_MINIMUM_PULSE = 3e-9  # s
_MAX_STEPS = 2_000_000

Step = tuple[int, list[int], float, float]
"""Ticks of 1 ns, channels that are high, and two analog levels, V."""


class PulseStreamer:
    """Driver of the Pulse Streamer 8/2; see the module for its quirks.

    Parameters
    ----------
    connection
        Host name or IP address (``"host"`` or ``"host:port"``), or something in this process that handles
        requests.
    name
        What errors call the instrument.
    clock
        Not needed: the driver never waits.
    timeout
        Time after which an answer counts as missing, s.
    retries
        How often a question without an answer is asked again.

    Raises
    ------
    ConnectionFailedError
        Nothing answers at the address.
    """

    def __init__(
        self,
        connection: str | Transport,
        name: str = "Pulse Streamer",
        *,
        clock: Clock | None = None,
        timeout: float = 3.0,
        retries: int = 1,
    ) -> None:
        self.name, self.timeout, self.retries, self.clock = name, timeout, retries, clock
        self.address = connection if isinstance(connection, str) else ""
        self._lock = threading.RLock()
        self._client: Any = None
        if isinstance(connection, str):
            host, port = _host_and_port(connection)
            self._try_port(host, port)
            transport = http_transport(host, port, timeout)
        else:
            transport = in_process_transport(connection)
        self._client = self._make_client(transport)

    def _try_port(self, host: str, port: int) -> None:
        """Fail early: the client itself would wait 20 s for a device that is not there."""
        try:
            socket.create_connection((host, port), timeout=self.timeout).close()
        except OSError as error:
            raise ConnectionFailedError(
                f"{self._title}: nothing answers at port {port} ({error}); check power, network and address"
            ) from error

    def _make_client(self, transport: object) -> Any:
        client = client_class()(transport)
        self._client = client
        firmware = str(self._call("getFirmwareVersion"))
        host = self.address.partition(":")[0]
        uploads = bool(host) and _port_open(host, _UPLOAD_PORT, self.timeout)
        client.connect_uploads(host, firmware if uploads else "0.0.0")
        return client

    @property
    def _title(self) -> str:
        return f"{self.name} at {self.address}" if self.address else self.name

    def _call(self, method: str, *args: object, again: bool = True) -> Any:
        """Call a method of the client, translating its failures.

        ``again`` is false for what must not be done twice.
        """
        attempts = 1 + self.retries if again else 1
        with self._lock:
            for attempt in range(1, attempts + 1):
                try:
                    return getattr(self._client, method)(*args)
                except Exception as error:
                    complaint = self._complaint(method, error, attempt)
                    if attempt == attempts or not isinstance(complaint, ReplyTimeoutError):
                        raise complaint from error
                    log.warning("%s: no answer to %s, asking again", self._title, method)
        raise AssertionError("unreachable")

    def _complaint(self, method: str, error: Exception, attempts: int) -> InstrumentError:
        from tinyrpc.exc import BadReplyError, RPCError

        if isinstance(error, (TimeoutError, ReplyTimeoutError)):
            times = f", asked {attempts} times" if attempts > 1 else ""
            return ReplyTimeoutError(
                f"{self._title}: no answer to {method!r} within {self.timeout:g} s{times}; "
                "check that it is on and connected"
            )
        if isinstance(error, (OSError, ConnectionFailedError)):
            return ConnectionFailedError(
                f"{self._title}: the connection failed at {method!r} ({error}); check cable and power, then "
                "connect again"
            )
        if isinstance(error, (BadReplyError, ValueError, KeyError, TypeError, AttributeError)):
            return ReplyError(
                f"{self._title}: wanted an answer to {method!r}, got what cannot be read: {error}"
            )
        if isinstance(error, (RPCError, AssertionError, InstrumentError)):
            return DeviceError(f"{self._title}: it refused {method!r}: {error}")
        return InstrumentError(f"{self._title}: {method!r} failed: {type(error).__name__}: {error}")

    def identify(self) -> str:
        """Return maker, model, serial number and firmware.

        Raises
        ------
        IdentityError
            Something else answers.
        """
        serial, firmware = str(self._call("getSerial")), str(self._call("getFirmwareVersion"))
        if not serial or not firmware[:1].isdigit():
            raise IdentityError(
                f"{self._title}: wanted a Pulse Streamer 8/2, but serial number {serial!r} and firmware "
                f"{firmware!r} answer; correct the address in the station file"
            )
        return f"Swabian Instruments,Pulse Streamer 8/2,{serial},{firmware}"

    @property
    def is_streaming(self) -> bool:
        """Get whether a pattern is being played (dimensionless, bool: True or False)."""
        return bool(self._call("isStreaming"))

    @property
    def has_sequence(self) -> bool:
        """Get whether a pattern is in the memory (dimensionless, bool: True or False)."""
        return bool(self._call("hasSequence"))

    @property
    def temperature(self) -> float:
        """Measure the temperature inside the device (degC, float)."""
        return float(self._call("getTemperature"))

    def upload(self, steps: list[Step], runs: int) -> None:
        """Load a sequence, which then waits for `start`. After its last repetition all outputs are low.

        Parameters
        ----------
        steps
            Each is its length in ticks of 1 ns, the channels that are high, and the two analog levels in V.
        runs
            Number of repetitions; -1 means for ever.
        """
        import pulsestreamer

        with self._lock:
            self._call("setTrigger", pulsestreamer.TriggerStart.SOFTWARE, pulsestreamer.TriggerRearm.AUTO)
            self._call("stream", steps, runs, pulsestreamer.OutputState.ZERO(), again=False)

    def start(self) -> bool:
        """Play the loaded pattern; return whether the device was ready to."""
        return self._call("startNow", again=False) is not False

    def all_low(self) -> None:
        """Stop playing, forget the pattern and set all outputs to zero."""
        self._call("constant")

    def safe(self) -> None:
        """Stop playing and set all outputs to zero."""
        self.all_low()

    def close(self) -> None:
        """Close the connection; the outputs stay as they are.

        A call that does not end is not waited for longer than a time-out.
        """
        held = self._lock.acquire(timeout=self.timeout)
        try:
            if self._client is not None:
                self._client.disconnect()
        finally:
            if held:
                self._lock.release()


@dataclass(frozen=True, kw_only=True)
class PulseStreamerOptions:
    """What a station file may say about the outputs."""

    lines: Mapping[str, int] = field(default_factory=usual_lines)
    """Name of each line in use, and its output, 0 to 7."""

    def __post_init__(self) -> None:
        check_lines(self.lines, _CHANNELS)


class PulseStreamerLines(PulseLinesAdapter):
    """The Pulse Streamer 8/2 as a `PulseGenerator`."""

    driver: ClassVar[type] = PulseStreamer
    options: ClassVar[type] = PulseStreamerOptions
    device: PulseStreamer
    chosen: PulseStreamerOptions

    resolution = _TICK
    minimum_pulse = _MINIMUM_PULSE
    minimum_step = 0.0
    max_steps = _MAX_STEPS
    longest_step = _LONGEST_STEP * _TICK

    @classmethod
    def check_address(cls, address: str) -> None:
        """Refuse what is neither ``host`` nor ``host:port``.

        Parameters
        ----------
        address
            Address out of a station file.
        """
        _host_and_port(address)

    @classmethod
    def canonical_address(cls, address: str) -> str:
        """Return ``host:port`` in lower case, the port always given.

        Parameters
        ----------
        address
            Address out of a station file.
        """
        host, port = _host_and_port(address)
        return f"{host.lower()}:{port}"

    def _translated(self, sequence: PulseSequence, repetitions: int) -> list[Step]:
        return _steps(sequence, self.lines)

    def _send(self, loaded: Loaded) -> None:
        self.device.upload(loaded.program, loaded.repetitions)

    def start(self) -> None:
        """Play the loaded sequence from its beginning."""
        if not self._written:
            self._write()
        if self.device.start():
            return
        self._write()  # it is being played, and cannot be triggered until it ends
        if not self.device.start():
            raise DeviceError(
                f"{self.device.name}: wanted the loaded sequence to start, but the device is not ready for a "
                "software trigger; reset it and load again"
            )

    def stop(self) -> None:
        """Stop playing; all lines go low. The sequence can be started again."""
        self._written = False
        self.device.all_low()

    def is_running(self) -> bool:
        """Return whether a sequence is being played."""
        return self.device.is_streaming

    def _period(self, sequence: PulseSequence) -> float:
        return _ticks(sequence) * _TICK


def _ticks(sequence: PulseSequence) -> int:
    """Return the ticks of one period, whole units of the memory."""
    ticks = round(sequence.duration / _TICK)
    return -(-ticks // _CHUNK) * _CHUNK


def _steps(sequence: PulseSequence, outputs: Mapping[str, int]) -> list[Step]:
    """Return the steps as the client takes them, filled up with a low state to whole units of the memory."""
    durations, levels = sequence.levels()
    edges = np.round(np.cumsum(durations) / _TICK).astype(np.int64)
    ticks = np.diff(edges, prepend=0)
    high = [[outputs[line] for line, level in levels.items() if level[n]] for n in range(ticks.size)]
    steps: list[Step] = []
    for count, channels in zip(
        [*ticks.tolist(), _ticks(sequence) - int(edges[-1])], [*high, []], strict=True
    ):
        while count > _LONGEST_STEP:
            steps.append((_LONGEST_STEP, channels, 0.0, 0.0))
            count -= _LONGEST_STEP
        if count:
            steps.append((count, channels, 0.0, 0.0))
    return steps


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.partition(":")
    if not host or (port and not port.isdigit()):
        raise ArgumentError(
            f"wanted the host name or IP address of a Pulse Streamer such as '192.168.1.20', got {address!r}"
        )
    return host, int(port or _PORT)


def _port_open(host: str, port: int, timeout: float) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=timeout):
        return True
    return False
