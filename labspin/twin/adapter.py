"""A simulated instrument as a pymeasure adapter, in process: the same bytes, without a socket.

``SG380(SimulatedAdapter(device))`` is a stock pymeasure driver on a simulated instrument. A query takes a
few microseconds.
"""

from __future__ import annotations

import threading
from typing import Any

from pymeasure.adapters import Adapter

from labspin.errors import ArgumentError, ConnectionFailedError, ReplyTimeoutError
from labspin.twin.device import SimulatedDevice

__all__ = ["SimulatedAdapter"]


class SimulatedAdapter(Adapter):  # type: ignore[misc]
    """Connects a pymeasure instrument to a simulated device.

    Writes and reads hold a lock each; who needs a query not to be interleaved with another thread's holds
    `lock` around both.

    Parameters
    ----------
    device
        The simulated instrument; its connection is opened.
    timeout
        Simulated time that a read waits for an answer, s.
    write_termination
        What is put after a command.
    """

    def __init__(
        self, device: SimulatedDevice, *, timeout: float = 2.0, write_termination: str = "\n"
    ) -> None:
        if not timeout >= 0:
            raise ArgumentError(f"timeout of a simulated adapter: wanted ≥ 0 s, got {timeout!r}")
        super().__init__()
        self._device: SimulatedDevice | None = device
        self.timeout = timeout
        self.lock = threading.RLock()
        self._termination = write_termination.encode("ascii")
        self._arrived = b""
        device.connect()

    @property
    def device(self) -> SimulatedDevice:
        """The simulated instrument.

        Raises
        ------
        ConnectionFailedError
            The connection was closed.
        """
        if self._device is None:
            raise ConnectionFailedError("a simulated instrument: its connection was closed; connect it again")
        return self._device

    def _write(self, command: str, **kwargs: object) -> None:
        self._write_bytes(command.encode("latin-1", "replace") + self._termination)

    def _write_bytes(self, content: bytes, **kwargs: object) -> None:
        with self.lock:
            self.device.receive(content)

    def _read(self, **kwargs: Any) -> str:
        return self._read_bytes(-1, True).decode("latin-1").rstrip("\r\n")

    def _read_bytes(self, count: int, break_on_termchar: bool, **kwargs: object) -> bytes:
        with self.lock:
            deadline = None
            while True:
                self._arrived += self.device.transmit()
                end = self._end(count, break_on_termchar)
                if end:
                    content, self._arrived = self._arrived[:end], self._arrived[end:]
                    return content
                if deadline is None:
                    deadline = self.device.world.clock.now() + self.timeout
                self._wait(deadline)

    def _end(self, count: int, break_on_termchar: bool) -> int:
        """Return how many of the bytes that arrived are what was asked for; 0: wait."""
        line = self._arrived.find(b"\n") + 1 if break_on_termchar else 0
        if count < 0:
            return line if break_on_termchar else len(self._arrived)
        if line and line <= count:
            return line
        return count if count <= len(self._arrived) else 0

    def _wait(self, deadline: float) -> None:
        """Let time pass until more bytes come; at the deadline, say that none came."""
        clock = self.device.world.clock
        due = self.device.next_transmission
        if due is not None and due <= deadline:
            clock.sleep(due - clock.now())
            return
        clock.sleep(deadline - clock.now())
        came = f"only {self._arrived!r} of an answer" if self._arrived else "nothing"
        self._arrived = b""
        raise ReplyTimeoutError(
            f"{type(self.device).__name__}: wanted an answer within {self.timeout:g} s, got {came}; "
            "check the connection and the command before"
        )

    def flush_read_buffer(self) -> None:
        """Throw away what has arrived."""
        with self.lock:
            self._arrived = b""
            self.device.transmit()

    def close(self) -> None:
        """Let the device go: a driver that is kept does not keep a whole simulated world in memory."""
        self._device = None

    def __repr__(self) -> str:
        return f"SimulatedAdapter({'closed' if self._device is None else type(self._device).__name__})"
