"""A Physik Instrumente controller of one closed-loop piezo axis, and the stage that it moves.

After the *GCS 2.0* commands of the E-709 (Physik Instrumente PZ222E): lines that end with a line feed, axis
"1", answers ``1=12.34000``, positions in µm, the last error in ``ERR?``. After power-on the servo is off and
the stage is in the middle of its travel. Moves go at the set velocity.

The tip is carried by the stage. Its distance from the surface is (``contact`` − stage), less what the mount
has drifted since (a slow random motion that the sensor does not see), and it cannot be pressed into the
surface: nearer than ``soft`` it stays there. With the servo off the stage shows the hysteresis of its last
move; with the servo on the noise of the sensor is all that is left.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from labspin.errors import ArgumentError
from labspin.twin.drift import Drift
from labspin.twin.message import MessageDevice
from labspin.twin.wire import Command, CommandError, Dialect, Table, Unit, parse_number
from labspin.twin.world import World

__all__ = ["PIAxis"]

_SYNTAX, _UNKNOWN, _SERVO_OFF, _LIMIT, _STOPPED, _AXIS, _RANGE = 1, 2, 5, 7, 10, 15, 17
_HEADER_UNKNOWN = -113  # the parser's number of a header that no command has
_HYSTERESIS = 0.08  # of the last move, with the servo off
_SPAWN = 709


@dataclass
class State:
    """Settings of the controller, in µm and µm/s."""

    servo: bool = False
    target: float = 50.0
    velocity: float = 50.0


class PIAxis(MessageDevice):
    """A PI axis that carries a tip; port ``distance`` is the tip's distance from the surface, m.

    Options
    -------
    model
        As it answers to ``*IDN?``.
    travel
        Travel of the stage, m.
    contact
        Position of the stage at which the tip touches the surface, m.
    towards
        ``"up"`` or ``"down"``: which way the surface lies.
    drift, drift_time
        Standard deviation (m) and correlation time (s) of the drift of the mount.
    noise
        Noise of the sensor, m (rms).
    soft
        Nearest that the tip comes to the surface, m.
    motion
        How the stage follows its target: 1; 0 for one that is stuck, −1 for one whose piezo is connected the
        wrong way round and which therefore runs away.
    """

    dialect: ClassVar[Dialect] = Dialect(paths=False)
    ports: ClassVar = {"distance": "signal"}
    default_wiring: ClassVar = {"distance": "positioner.distance"}
    options: ClassVar = {
        "model": "E-709.CHG",
        "serial": "118029464",
        "firmware": "1.020",
        "travel": 100e-6,
        "contact": 100e-6,
        "towards": "up",
        "drift": 2e-9,
        "drift_time": 3600.0,
        "noise": 0.3e-9,
        "soft": 5e-9,
        "motion": 1.0,
    }
    state: State

    def __init__(self, world: World, *, wiring: Mapping[str, str] | None = None, **options: object) -> None:
        towards = {**type(self).options, **options}["towards"]
        if towards not in ("up", "down"):
            raise ArgumentError(f"towards of the PI axis: wanted 'up' or 'down', got {towards!r}")
        super().__init__(world, wiring=wiring, **options)
        world.drifting.add(self._drifted)

    @property
    def true_identity(self) -> str:
        """Maker, model, serial number, firmware."""
        options = self._options
        return (
            f"(c)2015 Physik Instrumente (PI) GmbH & Co. KG, {options['model']}, {options['serial']}, "
            f"{options['firmware']}"
        )

    def power_on(self) -> None:
        """Wake up with the servo off, in the middle of the travel."""
        middle = 0.5 * self.travel
        self.state = State(target=middle)
        self._error = 0
        self._from, self._since, self._lag = middle, self.world.clock.now(), 0.0
        rng = np.random.default_rng(np.random.SeedSequence(self.world.seed, spawn_key=(0, _SPAWN)))
        self._drift = Drift(
            amplitude=float(self._options["drift"]),
            correlation_time=float(self._options["drift_time"]),
            rng=rng,
        )
        self.apply()

    @property
    def travel(self) -> float:
        """Travel of the stage, µm."""
        return 1e6 * float(self._options["travel"])

    def report(self, error: CommandError) -> None:
        """Keep the number of an error until it is read.

        Parameters
        ----------
        error
            Number and text of the error.
        """
        self._error = _UNKNOWN if error.code == _HEADER_UNKNOWN else error.code if error.code > 0 else _SYNTAX

    def take_error(self) -> str:
        """Return the last error and forget it."""
        code, self._error = self._error, 0
        return str(code)

    # -- the stage -------------------------------------------------------------------------------------------

    def stage(self) -> float:
        """Return where the stage is now, µm."""
        elapsed = self.world.clock.now() - self._since
        way = self.end() - self._from
        done = min(abs(way), self.state.velocity * elapsed)
        place = self._from + math.copysign(done, way)
        return place if self.state.servo else place - self._lag

    def end(self) -> float:
        """Return where the motion will end, µm: at the target, unless the stage is out of order."""
        motion, way = float(self._options["motion"]), self.state.target - self._from
        if motion >= 0 or way == 0:
            return self._from + motion * way
        return 0.0 if way > 0 else self.travel

    def sensor(self) -> float:
        """Return what the sensor reads, µm."""
        self.apply()
        noise = 1e6 * float(self._options["noise"])
        return self.stage() + noise * float(self.world.rng.standard_normal())

    def on_target(self) -> bool:
        """Return whether the motion has ended."""
        return abs(self.stage() - self.state.target) < 1e-9

    def apply(self) -> None:
        """Let the tip be where the stage carries it, from here to the target at the set velocity."""
        now = self.world.clock.now()
        here = self.stage()
        self._from, self._since = here + (0.0 if self.state.servo else self._lag), now
        nearer, farther = self._distance(here), self._distance(self.end())
        self.drive("distance", nearer)
        if self.state.servo and nearer != farther:
            self.drive("distance", farther, slew=1e-6 * self.state.velocity)

    def _drifted(self, now: float) -> None:
        del now
        self.apply()

    def _distance(self, stage: float) -> float:
        contact, drift = float(self._options["contact"]), self._drift.at(self.world.clock.now())
        sign = 1.0 if self._options["towards"] == "up" else -1.0
        return max(sign * (contact - 1e-6 * stage) - drift, float(self._options["soft"]))

    def move(self, target: float) -> None:
        """Move to a target.

        Parameters
        ----------
        target
            Position, µm, from 0 to the travel.
        """
        if not self.state.servo:
            raise CommandError(_SERVO_OFF, "servo off")
        if not 0 <= target <= self.travel:
            raise CommandError(_LIMIT, "position out of limits")
        self.apply()
        self._lag = _HYSTERESIS * (target - self._from)
        self.state.target = target
        self.apply()

    def stop(self) -> None:
        """Stay where the stage is; the controller calls that an error."""
        self.apply()
        self.state.target = self._from
        self.apply()
        self._error = _STOPPED

    def hold(self, enabled: bool) -> None:
        """Switch the servo on or off; when switched on, it holds the present position.

        Parameters
        ----------
        enabled
            Whether the servo is on.
        """
        self.apply()
        here = self.stage()
        self.state.servo = enabled
        self.state.target = self._from = here if enabled else self._from
        self.apply()


def _arguments(unit: Unit, count: int) -> list[str]:
    """Return the arguments behind the axis, which is "1"."""
    words = " ".join(unit.arguments).split()
    if len(words) != count + 1:
        raise CommandError(_SYNTAX, "parameter syntax error")
    if words[0] != "1":
        raise CommandError(_AXIS, "invalid axis identifier")
    return words[1:]


def _asked(value: Any) -> Any:
    """Return the answer of an axis, ``1=…``."""

    def answer(device: PIAxis, unit: Unit) -> str:
        _arguments(unit, 0)
        found = value(device)
        return f"1={found:.5f}" if isinstance(found, float) else f"1={int(found)}"

    return answer


def _number(unit: Unit) -> float:
    return parse_number(_arguments(unit, 1)[0])


def _set_velocity(device: PIAxis, unit: Unit) -> None:
    value = _number(unit)
    if not 1e-3 <= value <= 1e4:
        raise CommandError(_RANGE, "parameter out of range")
    device.apply()
    device.state.velocity = value
    device.apply()


def _set_servo(device: PIAxis, unit: Unit) -> None:
    value = _number(unit)
    if value not in (0, 1):
        raise CommandError(_RANGE, "parameter out of range")
    device.hold(bool(value))


PIAxis.table = Table(
    [
        Command("*IDN", ask=lambda device, unit: device.identity),
        Command("ERR", ask=lambda device, unit: device.take_error()),
        Command("POS", ask=_asked(PIAxis.sensor)),
        Command(
            "MOV", _asked(lambda device: device.state.target), lambda device, unit: device.move(_number(unit))
        ),
        Command("SVO", _asked(lambda device: device.state.servo), _set_servo),
        Command("VEL", _asked(lambda device: device.state.velocity), _set_velocity),
        Command("ONT", ask=_asked(PIAxis.on_target)),
        Command("TMN", ask=_asked(lambda device: 0.0)),
        Command("TMX", ask=_asked(lambda device: device.travel)),
        Command("STP", do=lambda device, unit: device.stop()),
    ]
)
