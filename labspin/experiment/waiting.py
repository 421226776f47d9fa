"""Waits that a person can interrupt.

A bench hands its clock out wrapped: every wait of a ramp, a procedure or an engine is cut into slices of
about 0.1 s of wall-clock time with a checkpoint between them, so that an abort does not have to sit out
an hour of thermalisation. On a simulated clock that runs as fast as possible no wall-clock time passes
in a wait, so it is not cut: simulated time then advances by the same numbers in every run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from labspin.clock import Clock

__all__ = ["Checkpoint", "InterruptibleClock", "go_on"]

Checkpoint = Callable[[], None]
"""Called wherever a run may be interrupted; raises to interrupt it."""

_SLICE = 0.1  # s of wall-clock time


def go_on() -> None:
    """Be the checkpoint at which nobody interrupts."""


class InterruptibleClock:
    """A clock whose waits are interrupted at `checkpoint`.

    Parameters
    ----------
    clock
        The clock that tells the time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._checkpoint: Checkpoint = go_on
        self.speed = float(getattr(clock, "speed", 1.0))

    def now(self) -> float:
        """Return seconds since the clock's origin."""
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass, with a checkpoint before and every 0.1 s of wall-clock time."""
        self._checkpoint()
        if math.isinf(self.speed):
            self._clock.sleep(seconds)
            return
        part = _SLICE * self.speed
        end = self._clock.now() + seconds
        while (left := end - self._clock.now()) > 0:
            self._clock.sleep(min(part, left))
            self._checkpoint()

    @contextmanager
    def interrupted_by(self, checkpoint: Checkpoint) -> Iterator[None]:
        """Call ``checkpoint`` in every wait of the block."""
        previous, self._checkpoint = self._checkpoint, checkpoint
        try:
            yield
        finally:
            self._checkpoint = previous

    def uninterrupted(self) -> AbstractContextManager[None]:
        """Let nothing interrupt the waits of the block."""
        return self.interrupted_by(go_on)
