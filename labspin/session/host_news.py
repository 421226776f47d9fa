"""News for the clients of a host: events, the last read-backs, and their history.

The host never waits for a client: events and read-backs are kept in memory for a while, and each request
returns what came since the last one.
"""

from __future__ import annotations

import logging
import threading
import time
from array import array
from collections import deque
from collections.abc import Callable, Mapping

import numpy as np

from labspin.arrays import FloatArray
from labspin.session.host_records import Course, EventRecord, ReadingRecord

__all__ = ["News", "NewsHandler"]

_EVENTS = 2000
_COURSE = 7200  # values of one read-back: an hour at two a second
_SPARE = 800  # values beyond that, so that a course is not shortened at each value


class _Course:
    """The latest values of one read-back, as a numeric array: a host keeps them for all attributes."""

    def __init__(self) -> None:
        self._times, self._values = array("d"), array("d")

    def add(self, time: float, value: float) -> None:
        """Append a value, and forget the oldest ones."""
        self._times.append(time)
        self._values.append(value)
        if len(self._times) >= _COURSE + _SPARE:
            del self._times[:_SPARE], self._values[:_SPARE]

    def since(self, time: float) -> list[FloatArray]:
        """Return times and values after a time."""
        times, values = np.array(self._times), np.array(self._values)
        return [times[times > time], values[times > time]]


class News:
    """Events and read-backs, numbered; all methods may be called from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._sequence = 0
        self._events: deque[EventRecord] = deque(maxlen=_EVENTS)
        self._courses: dict[str, _Course] = {}
        self.readings: dict[str, ReadingRecord] = {}

    def event(self, kind: str, message: str) -> None:
        """Record an event and wake the clients that wait for news.

        Parameters
        ----------
        kind
            Kind of the event, one word.
        message
            What happened, for people.
        """
        with self._changed:
            self._sequence += 1
            self._events.append((self._sequence, time.time(), kind, message))
            self._changed.notify_all()

    def touch(self) -> None:
        """Wake the clients: something else has changed."""
        with self._changed:
            self._sequence += 1
            self._changed.notify_all()

    def read(self, readings: Mapping[str, ReadingRecord]) -> None:
        """Store new read-backs; each replaces the previous one of the same name.

        Parameters
        ----------
        readings
            Name -> record of one read-back, with its ``value`` and its ``time`` (Unix time, s).
        """
        with self._changed:
            for name, record in readings.items():
                self.readings[name] = record.copy()
                value = record.get("value")
                if isinstance(value, (int, float)):
                    self._courses.setdefault(name, _Course()).add(float(record["time"]), float(value))
            self._sequence += 1
            self._changed.notify_all()

    def since(self, sequence: int, timeout: float) -> tuple[int, list[EventRecord]]:
        """Wait for news after ``sequence``; return the present sequence number and the events since.

        Parameters
        ----------
        sequence
            The number returned last; 0 at first.
        timeout
            Longest wait, s.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._sequence != sequence, timeout)
            return self._sequence, [event for event in self._events if event[0] > sequence]

    def course(self, names: list[str], since: float) -> Course:
        """Return the values of read-backs after a Unix time.

        Parameters
        ----------
        names
            Names of read-backs.
        since
            Unix time, s; only later values are returned.

        Returns
        -------
            Name -> Unix times (s) and values, each of shape (n,); empty for a name that is not known.
        """
        with self._changed:
            return {name: self._courses.get(name, _Course()).since(since) for name in names}


class NewsHandler(logging.Handler):
    """Passes warnings and errors of the log to the clients.

    Parameters
    ----------
    tell
        Called with kind and message.
    """

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one record on.

        Parameters
        ----------
        record
            Record of the log.
        """
        self._tell(record.levelname.lower(), record.getMessage())
