"""Time, as everything that waits sees it.

A run on real instruments waits by the wall clock. A run on the simulated bench waits on a
`SimulatedClock`, whose seconds pass at any speed, or as fast as the program can go: a wait then only
moves the simulated time on. Every wait of a procedure, an engine or a driver goes through a clock, so
an hour of thermalisation is gone through in full, and tested in a second.
"""

from __future__ import annotations

import datetime
import math
import threading
import time
from typing import Protocol, runtime_checkable

from labspin.errors import ArgumentError

__all__ = ["Clock", "SimulatedClock", "WallClock", "local_time"]


@runtime_checkable
class Clock(Protocol):
    """What tells time and waits."""

    def now(self) -> float:
        """Return seconds since an arbitrary origin; never runs backwards."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass on this clock; zero and negative waits return at once.

        Parameters
        ----------
        seconds
            Time to wait, s on this clock.
        """
        ...


class WallClock:
    """The clock on the wall (monotonic)."""

    def now(self) -> float:
        """Return seconds since an arbitrary origin."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait; zero and negative waits return at once.

        Parameters
        ----------
        seconds
            Time to wait, s.
        """
        if seconds > 0:
            time.sleep(seconds)


class SimulatedClock:
    """Simulated time, which starts at zero.

    Parameters
    ----------
    speed
        Simulated seconds per wall-clock second. ``math.inf`` (the default) means as fast as possible:
        time then advances only during a sleep, and a sleep takes no wall-clock time.
    """

    def __init__(self, speed: float = math.inf) -> None:
        if not speed > 0:
            raise ArgumentError(
                f"speed of the simulated clock: wanted a positive number or inf, got {speed!r}"
            )
        self.speed = speed
        self._elapsed = 0.0
        self._lock = threading.Lock()
        self._started = time.monotonic()

    def now(self) -> float:
        """Return simulated seconds since the clock was made."""
        if math.isinf(self.speed):
            return self._elapsed
        return self._elapsed + (time.monotonic() - self._started) * self.speed

    def sleep(self, seconds: float) -> None:
        """Let simulated time pass; zero and negative waits return at once.

        Parameters
        ----------
        seconds
            Time to wait, s on this clock.
        """
        if not seconds > 0:
            return
        if math.isinf(self.speed):
            with self._lock:
                self._elapsed += seconds
        else:
            time.sleep(seconds / self.speed)

    def advance(self, seconds: float) -> None:
        """Skip simulated time without waiting for it, at any speed (for a run that is resumed).

        Parameters
        ----------
        seconds
            Time to skip, s on this clock; zero and negative times are ignored.
        """
        if not seconds > 0:
            return
        with self._lock:
            self._elapsed += seconds


def local_time(text: str) -> str:
    """Return an ISO 8601 time as date and time of this place with its offset; other text unchanged.

    Parameters
    ----------
    text
        Such as ``"2026-01-01T12:00:00+00:00"``.
    """
    try:
        return f"{datetime.datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M:%S %z}"
    except (ValueError, OverflowError, OSError):
        return text
