"""Status reporting after IEEE 488.2: an error queue, the event status register, the status byte."""

from __future__ import annotations

from collections import deque

from labspin.twin.wire.parser import CommandError

__all__ = ["Status"]

OPERATION_COMPLETE, QUERY_ERROR, DEVICE_ERROR, EXECUTION_ERROR, COMMAND_ERROR, POWER_ON = 1, 4, 8, 16, 32, 128
ERROR_AVAILABLE, MESSAGE_AVAILABLE, EVENT_SUMMARY, MASTER_SUMMARY = 4, 16, 32, 64


class Status:
    """Error queue and registers of one instrument.

    Parameters
    ----------
    depth
        Errors the queue holds; the last is replaced by ``overflow`` when one more comes.
    overflow
        The error that says so.
    """

    def __init__(self, *, depth: int = 20, overflow: tuple[int, str] = (-350, "Queue overflow")) -> None:
        self._errors: deque[tuple[int, str]] = deque()
        self._depth, self._overflow = depth, overflow
        self.event_enable = 0
        self.request_enable = 0
        self.events = POWER_ON

    def report(self, error: CommandError, event: int | None = None) -> None:
        """Queue an error and set its bit in the event register (by its hundred, unless given).

        Parameters
        ----------
        error
            Number and text of the error.
        event
            Bits to set in the event register; None takes those that belong to the number of the error.
        """
        self.events |= _event_of(error.code) if event is None else event
        if len(self._errors) >= self._depth:
            self._errors[-1] = self._overflow
        else:
            self._errors.append((error.code, error.text))

    @property
    def errors_waiting(self) -> int:
        """Number of errors in the queue."""
        return len(self._errors)

    def next_error(self) -> tuple[int, str] | None:
        """Return and forget the oldest error."""
        return self._errors.popleft() if self._errors else None

    def read_events(self) -> int:
        """Return and clear the event status register (``*ESR?``)."""
        events, self.events = self.events, 0
        return events

    def byte(self, message_available: bool) -> int:
        """Return the status byte (``*STB?``).

        Parameters
        ----------
        message_available
            Whether an answer waits to be read (bit 4).
        """
        value = ERROR_AVAILABLE if self._errors else 0
        value |= MESSAGE_AVAILABLE if message_available else 0
        value |= EVENT_SUMMARY if self.events & self.event_enable else 0
        return value | (MASTER_SUMMARY if value & self.request_enable & ~MASTER_SUMMARY else 0)

    def clear(self) -> None:
        """Forget errors and events, not the enable masks (``*CLS``)."""
        self._errors.clear()
        self.events = 0


def _event_of(code: int) -> int:
    return {1: COMMAND_ERROR, 2: EXECUTION_ERROR, 3: DEVICE_ERROR, 4: QUERY_ERROR}.get(
        -code // 100, DEVICE_ERROR
    )
