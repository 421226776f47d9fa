"""Waiting until a reading has become stable: it neither scatters, nor drifts, nor is far from its target.

The readings of the last while are compared with a straight line: its slope is the drift, what is left is the
scatter. Both have to be small at once, over a whole window; a reading that only passes by, and one that
creeps, are distinguished from one that has arrived. All limits are relative, since a cryostat is used over
decades.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from labspin.clock import Clock
from labspin.errors import ArgumentError
from labspin.units import format_quantity

__all__ = ["Stability", "StabilityRule", "wait_until_stable"]

_FEWEST = 4  # readings in a window


@dataclass(frozen=True, kw_only=True)
class StabilityRule:
    """When a reading counts as stable; limits are relative to the mean reading."""

    window: float  # s
    scatter: float  # standard deviation about the straight line
    drift: float  # change of the straight line over the window
    error: float = math.inf  # distance of the mean from the target
    timeout: float = 3600.0  # s
    poll: float = 1.0  # s between readings

    def __post_init__(self) -> None:
        for name in ("window", "scatter", "drift", "error", "timeout", "poll"):
            if not getattr(self, name) > 0:
                raise ArgumentError(f"{name} of a stability rule: wanted > 0, got {getattr(self, name)!r}")
        if self.window < (_FEWEST - 1) * self.poll:
            raise ArgumentError(
                f"window of a stability rule: wanted {_FEWEST} readings at least {self.poll:g} s apart, got "
                f"{self.window:g} s; lengthen the window or read more often"
            )


@dataclass(frozen=True)
class Stability:
    """What a window of readings says.

    Attributes
    ----------
    mean, scatter, drift
        Mean, standard deviation about the straight line, and change of that line over the window, in the
        unit of the reading.
    elapsed
        Time waited, s.
    is_stable
        Whether the rule was kept at the end.
    """

    mean: float
    scatter: float
    drift: float
    elapsed: float
    is_stable: bool

    def text(self, unit: str) -> str:
        """Return the window in words.

        Parameters
        ----------
        unit
            Unit of the reading.
        """
        return (
            f"reads {format_quantity(self.mean, unit)}, scatters by {format_quantity(self.scatter, unit)} "
            f"and drifts by {format_quantity(self.drift, unit)} in a window"
        )


def wait_until_stable(
    read: Callable[[], float], clock: Clock, rule: StabilityRule, *, target: float
) -> Stability:
    """Read until a whole window keeps ``rule``, or its time is up; return what the last window says.

    Parameters
    ----------
    read
        Returns the reading.
    clock
        Waits go through it.
    rule
        The limits.
    target
        Where the reading should be, > 0.
    """
    begun = clock.now()
    readings: deque[tuple[float, float]] = deque()
    while True:
        now = clock.now()
        readings.append((now, float(read())))
        # On a real clock polls come late: the fewest that tell a drift are kept even if the window is short.
        while len(readings) > _FEWEST and now - readings[0][0] > rule.window * (1 + 1e-9):
            readings.popleft()
        is_full = now - begun >= rule.window * (1 - 1e-9)
        if is_full or now - begun >= rule.timeout:
            found = _judge(readings, rule, target, now - begun, is_full)
            if found.is_stable or now - begun >= rule.timeout:
                return found
        clock.sleep(rule.poll)


def _judge(
    readings: deque[tuple[float, float]], rule: StabilityRule, target: float, elapsed: float, is_full: bool
) -> Stability:
    times, values = np.array(readings).T
    mean = float(values.mean())
    centred = times - times.mean()
    power = float(centred @ centred)
    slope = float(centred @ values) / power if power > 0 else 0.0
    left = values - mean - slope * centred
    scatter = math.sqrt(float(left @ left) / max(len(values) - 2, 1))
    drift = slope * rule.window
    size = abs(mean)
    is_stable = (
        is_full
        and len(values) >= _FEWEST
        and scatter <= rule.scatter * size
        and abs(drift) <= rule.drift * size
        and abs(mean - target) <= rule.error * abs(target)
    )
    return Stability(mean, scatter, drift, elapsed, is_stable)
