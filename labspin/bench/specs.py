"""What a station says of what may be moved: limits, ramps, settling, safe values, calibrations.

Nothing here touches an instrument; `labspin.bench.actuators` keeps to it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from labspin.errors import ArgumentError

__all__ = ["ActuatorSpec", "Calibration", "Settle"]

_LONGEST_RAMP = 7 * 24 * 3600.0  # s from limit to limit; nothing interrupts the ramp to the safe value
_LONGEST_INTERVAL = 10.0  # s between two steps of a ramp
_LARGEST_STEP = 0.02  # of the range between the limits, whatever rate and interval say
_WIDEST_TOLERANCE = 0.5  # of the range


@dataclass(frozen=True, kw_only=True)
class Settle:
    """What is waited for after a move: a time, then a read-back within a tolerance, which stays there."""

    wait: float = 0.0  # s
    tolerance: float | None = None  # in the actuator's unit; None: the read-back is not asked
    stable_for: float = 0.0  # s on end within the tolerance; 0: the first reading there is enough
    timeout: float = 60.0  # s
    poll: float = 0.1  # s

    def __post_init__(self) -> None:
        _check_number("settle wait", self.wait, minimum=0.0)
        _check_number("settle timeout", self.timeout, minimum=0.0)
        _check_positive("settle poll", self.poll)
        if self.tolerance is not None:
            _check_positive("settle tolerance", self.tolerance)
        self._check_stable_for()

    def _check_stable_for(self) -> None:
        _check_number("settle stable_for", self.stable_for, minimum=0.0)
        if not self.stable_for:
            return
        if self.tolerance is None:
            raise ArgumentError(
                f"settle stable_for: wanted a tolerance to stay within for {self.stable_for:g} s, got none; "
                "add one"
            )
        if self.poll > self.stable_for or self.stable_for >= self.timeout:
            raise ArgumentError(
                f"settle stable_for: wanted at least the time between two looks ({self.poll:g} s) and less "
                f"than the timeout ({self.timeout:g} s), got {self.stable_for:g} s; change one of the three"
            )


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """``calibrated = offset + slope · raw``: a second quantity in which an actuator can be set."""

    name: str
    unit: str
    slope: float  # calibrated unit / raw unit
    offset: float = 0.0  # calibrated unit

    def __post_init__(self) -> None:
        _check_number(f"calibration {self.name!r}: offset", self.offset)
        if not math.isfinite(self.slope) or self.slope == 0:
            raise ArgumentError(
                f"calibration {self.name!r}: wanted a finite slope other than 0, got {self.slope!r}"
            )


@dataclass(frozen=True, kw_only=True)
class ActuatorSpec:
    """What a station says about one actuator; all values in ``unit``, which is SI (or dBm)."""

    instrument: str
    attribute: str
    unit: str
    minimum: float
    maximum: float
    ramp_rate: float | None = None  # unit/s; None: may be set in one step
    ramp_interval: float = 0.1  # s between the steps of a ramp
    settle: Settle = field(default_factory=Settle)
    safe: float | None = None  # value to which a run brings it at its end; None: it stays where it is
    readback: str | None = None  # attribute that says where it is; None: the attribute itself
    calibration: Calibration | None = None

    def __post_init__(self) -> None:
        _check_number(f"{self.name}: minimum", self.minimum)
        _check_number(f"{self.name}: maximum", self.maximum)
        if self.minimum >= self.maximum:
            raise ArgumentError(
                f"{self.name}: wanted minimum < maximum, got {self.minimum!r} and {self.maximum!r}"
            )
        if self.ramp_rate is not None:
            _check_positive(f"{self.name}: ramp_rate", self.ramp_rate)
            slowest = (self.maximum - self.minimum) / _LONGEST_RAMP
            if self.ramp_rate < slowest:
                raise ArgumentError(
                    f"{self.name}: wanted a ramp_rate that goes from limit to limit within a week, at least "
                    f"{slowest:.3g} {self.unit}/s, got {self.ramp_rate!r}; correct its unit, or narrow the "
                    "limits"
                )
        _check_positive(f"{self.name}: ramp_interval", self.ramp_interval)
        if self.ramp_interval > _LONGEST_INTERVAL:
            raise ArgumentError(
                f"{self.name}: wanted a ramp_interval of at most {_LONGEST_INTERVAL:g} s, got "
                f"{self.ramp_interval!r}; a ramp of steps so far apart is none"
            )
        tolerance = self.settle.tolerance
        if tolerance is not None and tolerance > _WIDEST_TOLERANCE * (self.maximum - self.minimum):
            raise ArgumentError(
                f"{self.name}: wanted a settle tolerance of at most half the range between the limits, got "
                f"{tolerance!r} {self.unit}, which says nothing of where it is"
            )
        if self.safe is not None and not self.minimum <= self.safe <= self.maximum:
            raise ArgumentError(
                f"{self.name}: wanted a safe value within {self.minimum:g} … {self.maximum:g} {self.unit}, "
                f"got {self.safe!r}"
            )

    @property
    def largest_step(self) -> float:
        """The greatest step of a ramp, in ``unit``: what the rate allows, and a small part of the range.

        Infinite where there is no ramp.
        """
        if self.ramp_rate is None:
            return math.inf
        return min(self.ramp_rate * self.ramp_interval, _LARGEST_STEP * (self.maximum - self.minimum))

    @property
    def name(self) -> str:
        """``instrument.attribute``, the name in plans and settings."""
        return f"{self.instrument}.{self.attribute}"

    @property
    def calibrated_name(self) -> str | None:
        """``instrument.calibration``, the other name, if there is a calibration."""
        return f"{self.instrument}.{self.calibration.name}" if self.calibration else None


def _check_number(name: str, value: float, *, minimum: float = -math.inf) -> None:
    if not math.isfinite(value) or value < minimum:
        bound = f" ≥ {minimum:g}" if math.isfinite(minimum) else ""
        raise ArgumentError(f"{name}: wanted a finite number{bound}, got {value!r}")


def _check_positive(name: str, value: float) -> None:
    if not math.isfinite(value) or value <= 0:
        raise ArgumentError(f"{name}: wanted a finite number > 0, got {value!r}")
