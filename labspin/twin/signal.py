"""How one output gets from where it is to where it was told to go: a ramp, and a lag behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Track"]

_LAGS_TO_SETTLE = 40.0  # exp(-40) is below the rounding of a double


@dataclass(frozen=True)
class Track:
    """Course of a signal from ``start`` on, until another track replaces it.

    The command r(t) ramps from ``ramp_from`` to ``target`` at ``slew``; the output y(t) follows with a
    first-order lag, ``time_constant * dy/dt + y = r``, from ``output_from``.
    """

    start: float  # s
    ramp_from: float
    output_from: float
    target: float
    slew: float = math.inf  # unit/s
    time_constant: float = 0.0  # s

    @classmethod
    def constant(cls, value: float) -> Track:
        """Return a signal that has always been ``value``."""
        return cls(start=-math.inf, ramp_from=value, output_from=value, target=value)

    def towards(self, target: float, now: float, *, slew: float, time_constant: float) -> Track:
        """Return the track that goes from the present output to ``target``."""
        command, output = self._command(now), self.value(now)
        if math.isinf(output) or math.isinf(target):  # an output switched on or off (dBm) does not ramp
            return Track(now, target, target, target)
        return Track(now, command if slew < math.inf else target, output, target, slew, time_constant)

    @property
    def ramp_ends(self) -> float:
        """Time at which the command reaches the target, s."""
        if self.ramp_from == self.target or math.isinf(self.slew):
            return self.start
        return self.start + abs(self.target - self.ramp_from) / self.slew

    @property
    def settled(self) -> float:
        """Time from which the output is the target, s."""
        if self.output_from == self.target and self.ramp_from == self.target:
            return self.start
        return self.ramp_ends + _LAGS_TO_SETTLE * self.time_constant

    def value(self, time: float) -> float:
        """Return the output at ``time``, which is not before ``start``."""
        if time >= self.settled:
            return self.target
        if self.time_constant == 0:
            return self._command(time)
        ends = self.ramp_ends
        if time < ends:
            return self._lagging_ramp(time - self.start)
        at_end = self._lagging_ramp(ends - self.start) if ends > self.start else self.output_from
        return self.target + (at_end - self.target) * math.exp(-(time - ends) / self.time_constant)

    def _command(self, time: float) -> float:
        if time >= self.ramp_ends:
            return self.target
        step = self.slew * (time - self.start)
        return self.ramp_from + math.copysign(step, self.target - self.ramp_from)

    def _lagging_ramp(self, elapsed: float) -> float:
        rate = math.copysign(self.slew, self.target - self.ramp_from)
        lag = rate * self.time_constant
        course = self.ramp_from + rate * elapsed - lag
        return course + (self.output_from - self.ramp_from + lag) * math.exp(-elapsed / self.time_constant)
