"""The cold stage of a dilution refrigerator: heater, weak link to the mixing chamber, and a lagging sample.

Stage and link are metal, so heat capacity and conductance both grow with T (Wiedemann and Franz). Then T²,
not T, obeys a linear equation,

    τ d(T²)/dt = T0² − T² + 2P/g,

and the sample's T² follows the stage's with a lag of its own; both are advanced exactly over any time. The
thermometer sits on the stage: without a wait one measures a sample that is not yet where the thermometer
is. The heater is held by hand, or by a proportional–integral loop that, like the controller it stands for,
sets the power again once a second and cannot cool.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

from labspin.errors import ArgumentError
from labspin.physics.arguments import non_negative, positive

__all__ = ["Cryostat", "CryostatSettings"]

_TICK = 1.0  # s, interval of the loop
_GAIN = 8.0  # of the loop: how much faster than by itself the stage follows the set-point


@dataclass(frozen=True, kw_only=True)
class CryostatSettings:
    """Numbers of the cold stage."""

    base_temperature: float = 0.02  # K, of the mixing chamber
    conductance: float = 2e-4  # W/K², g in the heat flow g (T² − T0²)/2 through the weak link
    stage_time: float = 60.0  # s, τ of the stage
    sample_time: float = 20.0  # s, lag of the sample behind the stage

    def __post_init__(self) -> None:
        for name in ("base_temperature", "conductance", "stage_time"):
            positive(f"{name} of the cryostat", getattr(self, name))
        non_negative("sample_time of the cryostat", self.sample_time)
        if self.sample_time == self.stage_time:
            raise ArgumentError("sample_time of the cryostat: wanted one that differs from stage_time")


class Cryostat:
    """State of the cold stage; starts at its base temperature.

    Parameters
    ----------
    settings
        Its numbers.
    """

    def __init__(self, settings: CryostatSettings) -> None:
        self.settings = settings
        self._stage = self._sample = settings.base_temperature**2  # K²
        self._integral = 0.0  # K², of the loop
        self._due = 0.0  # s until the loop acts next
        self._power = 0.0  # W

    def copy(self) -> Cryostat:
        """Return another in the same state."""
        return copy.copy(self)

    @property
    def stage_temperature(self) -> float:
        """Temperature at the thermometer, K."""
        return math.sqrt(self._stage)

    @property
    def sample_temperature(self) -> float:
        """Temperature of the sample, K."""
        return math.sqrt(self._sample)

    @property
    def sample_rate(self) -> float:
        """Relative rate |dT/dt|/T at which the temperature of the sample changes now, 1/s."""
        if self.settings.sample_time == 0:
            end = self.settings.base_temperature**2 + 2 * self._power / self.settings.conductance
            return abs(end - self._stage) / (2 * self._stage * self.settings.stage_time)
        return abs(self._stage - self._sample) / (2 * self._sample * self.settings.sample_time)

    @property
    def power(self) -> float:
        """Power of the heater, W."""
        return self._power

    def advance(self, duration: float, *, heater: float, setpoint: float, limit: float) -> None:
        """Let ``duration`` seconds pass.

        Parameters
        ----------
        duration
            s, ≥ 0.
        heater
            Power while the loop is off, W.
        setpoint
            Temperature that the loop holds, K; 0 switches the loop off.
        limit
            Largest power of the heater, W.
        """
        left = duration
        if setpoint <= 0:
            self._integral, self._due = 0.0, 0.0
            self._power = min(max(heater, 0.0), limit)
            self._relax(left)
            return
        while left > 0:
            if self._due <= 0:
                self._regulate(setpoint, limit)
                self._due = _TICK
            step = min(left, self._due)
            before = (self._stage, self._sample, self._integral)
            self._relax(step)
            self._due, left = self._due - step, left - step
            if step == _TICK and before == (self._stage, self._sample, self._integral):
                break  # the loop is at rest to the last bit

    def _regulate(self, setpoint: float, limit: float) -> None:
        """Set the power from the deviation of T², integrating only while the heater can follow."""
        settings = self.settings
        watts = 0.5 * settings.conductance
        deviation = setpoint**2 - self._stage
        wanted = _GAIN * (deviation + self._integral) * watts
        self._power = min(max(wanted, 0.0), limit)
        if self._power == wanted:
            self._integral += deviation * _TICK / settings.stage_time

    def _relax(self, duration: float) -> None:
        settings = self.settings
        end = settings.base_temperature**2 + 2 * self._power / settings.conductance
        stage_left = math.exp(-duration / settings.stage_time)
        away = self._stage - end
        self._stage = end + away * stage_left
        if settings.sample_time == 0:
            self._sample = self._stage
            return
        following = away / (1 - settings.sample_time / settings.stage_time)
        own = self._sample - end - following
        self._sample = end + following * stage_left + own * math.exp(-duration / settings.sample_time)
