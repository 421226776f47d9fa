"""Waits that a person can interrupt.

A bench hands its clock out wrapped: every wait of a ramp, a procedure or an engine is cut into slices of
about 0.1 s of wall-clock time with a checkpoint between them, so that an abort does not have to sit out
an hour of thermalisation. On a simulated clock that runs as fast as possible no wall-clock time passes
in a wait, so it is not cut for that. It is cut on any clock where something on the bench is due to be
looked at (`labspin.experiment.interlocks`), at times that depend on the bench's time only: simulated time
advances by the same numbers in every run.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from labspin.clock import Clock

__all__ = ["Checkpoint", "InterruptibleClock", "go_on"]

Checkpoint = Callable[[], None]
"""Called wherever a run may be interrupted; raises to interrupt it."""

Due = Callable[[], float]
_Interruption = tuple[Checkpoint, Due]
_SLICE = 0.1  # s of wall-clock time


def go_on() -> None:
    """Do nothing: a checkpoint that never interrupts."""


def _never() -> float:
    return math.inf


class InterruptibleClock:
    """A clock whose waits are interrupted at `checkpoint`.

    Parameters
    ----------
    clock
        The clock that tells the time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._mine = threading.local()  # checkpoint and due of the thread whose waits are interrupted
        self.speed = float(getattr(clock, "speed", 1.0))

    @property
    def clock(self) -> Clock:
        """The clock itself, whose waits nothing interrupts: for what must not be broken off in its middle."""
        return self._clock

    def now(self) -> float:
        """Return seconds since the clock's origin."""
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        """Wait; call the checkpoint before, every 0.1 s of wall-clock time, and when it is due.

        Parameters
        ----------
        seconds
            Time to wait on this clock, s.
        """
        interruption: _Interruption | None = getattr(self._mine, "interruption", None)
        if interruption is None:
            self._clock.sleep(seconds)
            return
        checkpoint, due = interruption
        checkpoint()
        begun = self._clock.now()
        longest = math.inf if math.isinf(self.speed) else _SLICE * self.speed
        if seconds <= longest and not begun < due() < begun + seconds:
            self._clock.sleep(seconds)
            if math.isfinite(longest):
                checkpoint()
            return
        end = begun + seconds
        while (left := end - (now := self._clock.now())) > 0:
            until_due = due() - now
            self._clock.sleep(min(left, longest, until_due if until_due > 0 else math.inf))
            checkpoint()

    @contextmanager
    def interrupted_by(self, checkpoint: Checkpoint, *, due: Due = _never) -> Iterator[None]:
        """Call ``checkpoint`` in every wait of this thread in the block.

        The waits of other threads are not interrupted: what makes the bench safe may be one of them.

        Parameters
        ----------
        checkpoint
            Raises to interrupt the wait.
        due
            Tells at which time of this clock (s) it has to be called at the latest.
        """
        previous: _Interruption | None = getattr(self._mine, "interruption", None)
        self._mine.interruption = checkpoint, due
        try:
            yield
        finally:
            self._mine.interruption = previous

    def uninterrupted(self) -> AbstractContextManager[None]:
        """Let nothing interrupt the waits of the block."""
        return self.interrupted_by(go_on)
