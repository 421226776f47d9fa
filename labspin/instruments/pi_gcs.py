"""Physik Instrumente controllers of one piezo axis (E-709 and its like), by the General Command Set.

The commands are those of the *GCS 2.0* manuals (PZ222E, E-709.CHG user manual): lines of text that end with a
line feed, positions in µm, answers such as ``1=12.3400``.

Quirks:

- What it refuses is a number in ``ERR?``, which reading clears; the old target stays. So it is read after
  every setting.
- A target is taken only with the servo on (``SVO 1 1``); with the servo off the piezo creeps, and a position
  means nothing.
- ``STP`` stops a motion and leaves error 10 behind, which is no failure.
- The sensor knows where the stage is, not where the surface is: the option ``contact`` says at which position
  of the stage the distance is zero, and it drifts with temperature.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from labspin.errors import ArgumentError, DeviceError
from labspin.instruments.adapter import RoleAdapter, options_or_defaults
from labspin.instruments.base import LabspinInstrument
from labspin.instruments.limits import on_off, one_of
from labspin.instruments.properties import quantity
from labspin.instruments.refusals import ErrorQueue

__all__ = ["ERRORS", "PIAxis", "PIOptions", "PIPositioner"]

ERRORS: Mapping[int, str] = {
    1: "parameter syntax error",
    2: "unknown command",
    5: "the servo is off, or the axis has no reference",
    7: "position out of limits",
    10: "stopped by command",
    15: "invalid axis",
    17: "parameter out of range",
}
"""Numbers of ``ERR?`` that occur here, in words."""

_STOPPED = 10
_PATIENCE = 5.0  # s that a retraction may take longer than its way at the set velocity
_CLOSE = 0.5e-6  # m from the retracted position that counts as retracted
_POLL = 0.05  # s
_ASTRAY = 30e-9  # m in the wrong direction that are no noise


def _axis(reply: str) -> str:
    """Return the text behind ``1=``."""
    return reply.partition("=")[2] or reply


class PIAxis(ErrorQueue, LabspinInstrument):
    """Driver of axis 1 of a GCS controller; see the module for its quirks."""

    maker = "Physik Instrumente"
    models = ("E-709", "E-727", "E-754")
    error_query = "ERR?"
    error_list = "error codes of the GCS manual"

    servo_enabled: bool = LabspinInstrument.control(
        "SVO? 1",
        "SVO 1 %d",
        """Control whether the servo holds the position (dimensionless, bool).""",
        validator=one_of("PI axis servo_enabled"),
        values=(True, False),
        set_process=int,
        preprocess_reply=_axis,
        cast=on_off,
        check_set_errors=True,
    )
    target: float = quantity(
        "MOV? 1",
        "MOV 1 %.5f",
        """Control the target of the stage (um, float from 0 to 500, less by stage).""",
        name="PI axis target",
        unit="um",
        limits=(0.0, 500.0),
        preprocess_reply=_axis,
    )
    velocity: float = quantity(
        "VEL? 1",
        "VEL 1 %.5f",
        """Control the velocity of motions (um/s, float from 0.001 to 10000).""",
        name="PI axis velocity",
        unit="um/s",
        limits=(1e-3, 1e4),
        preprocess_reply=_axis,
    )
    stage_position: float = LabspinInstrument.measurement(
        "POS? 1", """Measure the position of the stage (um, float).""", preprocess_reply=_axis
    )
    least: float = LabspinInstrument.measurement(
        "TMN? 1", """Get the least position of the stage (um, float).""", preprocess_reply=_axis
    )
    greatest: float = LabspinInstrument.measurement(
        "TMX? 1", """Get the greatest position of the stage (um, float).""", preprocess_reply=_axis
    )
    on_target: bool = LabspinInstrument.measurement(
        "ONT? 1",
        """Get whether the axis has reached its target (dimensionless, bool).""",
        preprocess_reply=_axis,
        cast=on_off,
    )

    def check_errors(self) -> list[str]:
        """Return the refusals since last asked, in words; a stop is none."""
        codes = [int(reply.split(",")[0]) for reply in super().check_errors()]
        return [f"{code} ({ERRORS.get(code, 'see the manual')})" for code in codes if code != _STOPPED]

    def safe(self) -> None:
        """Stop the motion where it is."""
        self.write("STP")
        self.check_set_errors()


@dataclass(frozen=True, kw_only=True)
class PIOptions:
    """What a station file may say about the stage."""

    contact: float = field(default=100e-6, metadata={"unit": "m"})
    """Position of the stage at which the distance from the surface is zero, m."""
    towards: str = "up"
    """Which way the surface lies: ``"up"``, towards greater positions of the stage, or ``"down"``."""
    range: float = field(default=100e-6, metadata={"unit": "m"})
    """Travel of the stage, m."""
    retracted: float = field(default=50e-6, metadata={"unit": "m"})
    """Distance to which the safe action retracts, m."""

    def __post_init__(self) -> None:
        if self.towards not in ("up", "down"):
            raise ArgumentError(f"towards: wanted 'up' or 'down', got {self.towards!r}")
        if not 0 < self.range <= 500e-6:
            raise ArgumentError(f"range: wanted more than 0 m and at most 500e-6 m, got {self.range!r} m")
        if not 0 <= self.contact <= self.range:
            raise ArgumentError(
                f"contact: wanted a position of the stage, 0 m to {self.range!r} m, got {self.contact!r} m"
            )
        if not 0 < self.retracted <= self.reach:
            raise ArgumentError(
                f"retracted: wanted a distance that the stage reaches, more than 0 m and at most "
                f"{self.reach!r} m, got {self.retracted!r} m"
            )

    @property
    def reach(self) -> float:
        """Greatest distance from the surface, m."""
        return self.contact if self.towards == "up" else self.range - self.contact

    def stage(self, distance: float) -> float:
        """Return the position of the stage at a distance, µm.

        Parameters
        ----------
        distance
            Distance from the surface, m.
        """
        return 1e6 * (self.contact - distance if self.towards == "up" else self.contact + distance)

    def distance(self, stage: float) -> float:
        """Return the distance from the surface at a position of the stage, m.

        Parameters
        ----------
        stage
            Position of the stage, µm.
        """
        return self.contact - 1e-6 * stage if self.towards == "up" else 1e-6 * stage - self.contact


class PIPositioner(RoleAdapter):
    """A GCS axis as a `Positioner`: the distance from a surface."""

    role: ClassVar[str] = "Positioner"
    driver: ClassVar[type] = PIAxis
    options: ClassVar[type] = PIOptions
    device: PIAxis
    chosen: PIOptions
    relied_on = ("position", "device.servo_enabled", "device.velocity")
    resolutions: ClassVar[Mapping[str, float]] = {"position": 1e-11}
    _motion: tuple[float, float] | None = None  # where the present motion began, and where it was sent, m
    _astray = False

    @classmethod
    def ranges(cls, options: object = None) -> Mapping[str, tuple[float, float]]:
        """Return the distances that the stage reaches, m.

        Parameters
        ----------
        options
            `PIOptions`; None: their defaults.
        """
        return {"position": (0.0, options_or_defaults(PIOptions, options).reach)}

    @classmethod
    def rests(cls, options: object = None) -> Mapping[str, float]:
        """Return the distance to which the safe action retracts, m.

        Parameters
        ----------
        options
            `PIOptions`; None: their defaults.
        """
        return {"position": options_or_defaults(PIOptions, options).retracted}

    def configure(self) -> None:
        """Forget old errors, check the travel, and switch the servo on where the stage is.

        Raises
        ------
        DeviceError
            The stage does not reach as far as the station file says.
        """
        self.device.check_errors()
        greatest = 1e-6 * self.device.greatest
        if self.chosen.range > greatest * 1.001:
            raise DeviceError(
                f"{self.device.name}: wanted a stage that travels {self.chosen.range:g} m, got one that "
                f"travels {greatest:g} m; correct the option 'range' in the station file"
            )
        if not self.device.servo_enabled:
            self.device.servo_enabled = True

    def doubts(self) -> tuple[str, ...]:
        """Return whether the stage is away from its target."""
        return () if self.device.on_target else ("the stage is not on its target",)

    @property
    def position(self) -> float:
        """Control the distance from the surface (m, float from 0 to the reach of the stage)."""
        return self.chosen.distance(self.device.target)

    @position.setter
    def position(self, value: float) -> None:
        here, before = self.measured_position, self._motion
        # Steps of one ramp are one motion: each alone may be too short to tell its direction.
        goes_on = before is not None and (before[1] - before[0]) * (value - before[1]) > 0
        self._motion = (before[0] if goes_on and before is not None else here, value)
        self.device.target = round(self.chosen.stage(value), 5)

    @property
    def measured_position(self) -> float:
        """Measure the distance from the surface by the stage's sensor (m, float)."""
        here = self.chosen.distance(self.device.stage_position)
        if self._motion is not None:
            began, sent = self._motion
            if (here - began) * math.copysign(1.0, sent - began) < -_ASTRAY:
                self._stray(here, began, sent)
        return here

    def _stray(self, here: float, began: float, sent: float) -> None:
        """Stop a stage that moves away from where it was sent, and say so."""
        self._motion, self._astray = None, True
        self.device.safe()
        raise DeviceError(
            f"{self.device.name}: wanted a motion from {began:.4g} m to {sent:.4g} m, got one the wrong way, "
            f"to {here:.4g} m; it was stopped: retract it by hand, then look at its polarity and the option "
            "'towards'"
        )

    def safe(self) -> None:
        """Retract, and wait until the stage is there.

        A stage that has gone the wrong way is stopped and not moved again.

        Raises
        ------
        DeviceError
            The stage does not get there, or goes the wrong way.
        """
        if self._astray:
            self.device.safe()
            raise DeviceError(
                f"{self.device.name}: wanted it retracted, but it has gone the wrong way; it was stopped at "
                f"{self.measured_position:.4g} m: retract it by hand"
            )
        if not self.device.servo_enabled:
            self.device.servo_enabled = True
        self.position = self.chosen.retracted
        way = abs(self.measured_position - self.chosen.retracted)
        clock = self.device.clock
        deadline = clock.now() + _PATIENCE + 1e6 * way / self.device.velocity
        while abs(self.measured_position - self.chosen.retracted) > _CLOSE:
            if clock.now() > deadline:
                raise DeviceError(
                    f"{self.device.name}: wanted it retracted to {self.chosen.retracted:g} m, it stands at "
                    f"{self.measured_position:g} m; retract it by hand"
                )
            clock.sleep(_POLL)

    def settings(self) -> dict[str, object]:
        """Return target and measured distance (m), velocity (m/s), servo and contact (m), read back."""
        return {
            "position": self.position,
            "measured_position": self.measured_position,
            "velocity": 1e-6 * self.device.velocity,
            "servo_enabled": self.device.servo_enabled,
            "contact": self.chosen.contact,
        }
