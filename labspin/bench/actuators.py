"""What a run may move, and how far, how fast and in what steps.

A station declares for every actuator its limits, ramp rate, settle rule, safe value and calibration.
An `Actuator` enforces them on one attribute of one device. A ramp starts from where the device *says* it
is, never from where a program believes it to be; it waits before every step for as long as the step
needs at the ramp rate, so that between any two set-points the rate is kept, and every set-point on
the way lies inside the limits. Where the device follows its set-point, the ramp continues from the set-point,
so that the noise of the read-back is not put on the output; where it does not (its output was off, it lags
far behind), it is first held where it is, and the ramp starts from there.

A calibration makes the same actuator settable in another quantity: with ``field = offset + slope·current``,
``magnet.field`` moves ``magnet.current``.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import math
import time
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labspin.bench.knob import Knob
from labspin.bench.settling import await_settled
from labspin.bench.specs import ActuatorSpec, Calibration, Settle
from labspin.bench.waiting import Checkpoint, go_on
from labspin.clock import Clock
from labspin.errors import ArgumentError, ConnectionFailedError, LimitError, UnknownStateError
from labspin.units import format_quantity

__all__ = ["Actuator", "ActuatorSpec", "Calibration", "Settle"]

_log = logging.getLogger(__name__)
FloatArray = NDArray[np.float64]
_ROUNDING = 1e-9  # relative to the range: a calibrated limit does not fail on its own rounding
_UNSEEN = 2.0  # s to wait at the end of a ramp without read-back
_LETTING_GO = 10.0  # s in which another thread has to leave an actuator to what makes it safe
_MUTE = 15.0  # s after a failed read-back in which the way to safety does not ask again
_TURN = 0.1  # s between two looks whether another thread has let go
_NEAR = 0.01  # of the range, at most, counts as at the safe value
_FOLLOWS = 0.01  # of the range: a read-back so near to the set-point is that of a device which follows it


class Actuator:
    """One thing that a run may move, in one of the quantities in which it can be set.

    Parameters
    ----------
    spec
        Limits, ramp rate, settle rule and safe value, in the raw unit.
    device
        The object that carries ``spec.attribute``.
    clock
        Waits go through it.
    calibrated
        Speak in the quantity of ``spec.calibration`` instead of the raw one.
    sent
        Holds the last set-point sent to each actuator (by `ActuatorSpec.name`), in its raw unit; to
        be shared between those that move the same thing.
    knob
        Lock and turn of what is moved; shared in the same way.
    attribute
        Attribute of ``device`` that is moved, where it has another name than the actuator: an instrument that
        is made of others moves one of them.
    on_send
        Called with the actuator's `ActuatorSpec.name` and the next set-point in its raw unit before each step
        of a ramp.
    """

    def __init__(
        self,
        spec: ActuatorSpec,
        device: Any,
        clock: Clock,
        *,
        calibrated: bool = False,
        sent: MutableMapping[str, float] | None = None,
        knob: Knob | None = None,
        attribute: str | None = None,
        on_send: Callable[[str, float], None] | None = None,
    ) -> None:
        self.spec = spec
        self.knob = knob or Knob()
        self._attribute = attribute or spec.attribute
        self._sent: MutableMapping[str, float] = {} if sent is None else sent
        self._device = device
        self._clock = clock
        self._on_send = on_send if spec.ramp_rate is not None else None
        self._slope, self._offset = 1.0, 0.0
        self._unread_at = -math.inf  # when it last could not be read back, s
        self._settles = spec.settle.wait > 0 or spec.settle.tolerance is not None
        self._jumps = spec.ramp_rate is None and not self._settles
        self._key = spec.name  # a property, which every step would make again
        self.name, self.unit = spec.name, spec.unit
        if calibrated:
            if spec.calibration is None:
                raise ArgumentError(f"{spec.name}: has no calibration to be set by")
            calibration = spec.calibration
            self._slope, self._offset = calibration.slope, calibration.offset
            self.name, self.unit = f"{spec.instrument}.{calibration.name}", calibration.unit
        ends = sorted(self._from_raw(value) for value in (spec.minimum, spec.maximum))
        self.minimum, self.maximum = ends

    def _from_raw(self, raw: float) -> float:
        return self._offset + self._slope * raw

    def to_raw(self, value: float) -> float:
        """Return ``value`` in the unit of the device, moved onto a limit that it misses by rounding only.

        Parameters
        ----------
        value
            In the actuator's unit.
        """
        raw = (value - self._offset) / self._slope
        return min(max(raw, self.spec.minimum), self.spec.maximum)

    def check(self, value: float | FloatArray) -> None:
        """Refuse what lies outside the limits.

        Parameters
        ----------
        value
            One set-point, or an array of any shape, in this actuator's unit.

        Raises
        ------
        LimitError
            A set-point is outside, or not a finite number.
        """
        if isinstance(value, float) and self.minimum <= value <= self.maximum:
            return
        values = np.asarray(value, dtype=np.float64)
        slack = _ROUNDING * (self.maximum - self.minimum) if self._slope != 1.0 or self._offset else 0.0
        inside = (values >= self.minimum - slack) & (values <= self.maximum + slack)  # False for NaN
        if not inside.all():
            bad = float(values[~inside].flat[0]) if values.ndim else float(values)
            raise LimitError(
                f"{self.name}: wanted {format_quantity(self.minimum, self.unit)} to "
                f"{format_quantity(self.maximum, self.unit)}, got {format_quantity(bad, self.unit)}; "
                "change the set-point, or the limits in the station file"
            )

    def read(self) -> float:
        """Return the read-back of the actuator, in its unit.

        Raises
        ------
        UnknownStateError
            The device cannot be read, or answers something that is not a finite number.
        """
        return self._from_raw(self._read_raw())

    def _read_raw(self) -> float:
        attribute = self.spec.readback or self.spec.attribute
        attribute = self._attribute if attribute == self.spec.attribute else attribute
        what = f"{self.spec.name}: cannot be read back ({self.spec.instrument}.{attribute})"
        try:
            answer = getattr(self._device, attribute)
            value = float(answer)
        except Exception as error:  # whatever a driver raises, the state is not known
            self._unread_at = self._clock.now()
            raise UnknownStateError(
                f"{what}, so it is not moved: {error}; check the instrument and its connection"
            ) from error
        if not math.isfinite(value) or isinstance(answer, bool):  # True would pass for 1
            raise UnknownStateError(f"{what}, so it is not moved: wanted a finite number, got {answer!r}")
        return value

    @property
    def last_sent(self) -> float | None:
        """The last set-point sent over this connection, in the instrument's own unit; None if none was."""
        return self._sent.get(self.spec.name)

    def energise(self) -> None:
        """Switch the output of a ramped device on, if it has one and it is off, without a jump.

        A supply may hold a set-point while its output is off; it is first given the value that it reads
        back, so that nothing changes when the output comes on.

        Raises
        ------
        UnknownStateError
            The device cannot be read back.
        """
        if not self._is_off():
            return
        with self._alone(go_on):
            start = min(max(self._read_raw(), self.spec.minimum), self.spec.maximum)
            self._send(start)
            self._device.output_enabled = True

    def _is_off(self) -> bool:
        """Return whether a ramped device has an output that is off."""
        has_output = inspect.getattr_static(type(self._device), "output_enabled", None) is not None
        return self.spec.ramp_rate is not None and has_output and not self._device.output_enabled

    def _take(self, checkpoint: Checkpoint, patience: float = math.inf) -> None:
        """Wait until no other thread moves it, and keep others out; the caller releases the lock."""
        self.knob.check()
        if self.knob.lock.acquire(blocking=False):
            return
        end = time.monotonic() + patience
        while not self.knob.lock.acquire(timeout=_TURN):
            checkpoint()
            if time.monotonic() >= end:
                raise UnknownStateError(f"{self.spec.name}: another thread moves it and does not let go")

    @contextlib.contextmanager
    def _alone(self, checkpoint: Checkpoint, patience: float = math.inf) -> Iterator[None]:
        """Let no other thread move it in the block."""
        self._take(checkpoint, patience)
        try:
            yield
        finally:
            self.knob.lock.release()

    def move(self, value: float, *, checkpoint: Checkpoint = go_on) -> None:
        """Bring the actuator to ``value`` by its ramp, then wait until it has settled.

        Parameters
        ----------
        value
            Set-point in this actuator's unit.
        checkpoint
            Called before every step and in every wait; what it raises ends the ramp where it is.

        Raises
        ------
        LimitError
            The set-point is outside the limits, or the device is further outside than one ramp step.
        UnknownStateError
            The start of the ramp cannot be read back, the output is off, or another thread makes it safe.
        SettleError
            The read-back did not come within the tolerance in time.
        """
        self.check(value)
        target = self.to_raw(value)
        self._take(checkpoint)  # no `with`: half of the time of a step without a ramp went there
        try:
            if self._jumps:
                checkpoint()
                self._send(target)
            else:
                self._move(target, self._lookout(checkpoint))
        finally:
            self.knob.lock.release()

    def _lookout(self, checkpoint: Checkpoint) -> Checkpoint:
        """Return ``checkpoint``, and besides that nothing has begun to make it safe since now."""
        taken = self.knob.preempted

        def look() -> None:
            checkpoint()
            if self.knob.preempted != taken:
                raise UnknownStateError(f"{self.spec.name}: is being made safe, so it is not moved on")

        return look

    def _move(self, target: float, checkpoint: Checkpoint) -> None:
        rate = self.spec.ramp_rate
        if rate is None:
            checkpoint()
            self._send(target)
        else:
            self._refuse_off()
            start = self._ramp_start()
            self._refuse_far_outside(start)
            inside = min(max(start, self.spec.minimum), self.spec.maximum)
            if inside != start:  # by less than a step: the limit itself comes first
                self._ramp(start, inside, rate, checkpoint)
            self._ramp(inside, target, rate, checkpoint)
        if self._settles:
            self._settle(target, checkpoint)

    def _refuse_off(self) -> None:
        if self._is_off():
            raise UnknownStateError(
                f"{self.spec.name}: its output is off, so a ramp would lead nowhere and jump when it is "
                f"switched on; switch it on first ({self.spec.instrument}.output_enabled)"
            )

    def make_safe(self) -> bool:
        """Ramp to the safe value and let it settle; return whether there is one.

        Unlike `move` this also comes home from outside the limits, by the same ramp.

        Raises
        ------
        UnknownStateError
            The start of the ramp cannot be read back.
        SettleError
            The read-back did not come within the tolerance in time: a coil may still carry its current.
        """
        if self.spec.safe is None:
            return False
        self.knob.preempted += 1
        with self._alone(go_on, _LETTING_GO):
            if self.spec.ramp_rate is None:
                self._send(self.spec.safe)
            else:
                self._refuse_mute()
                self._ramp(self._ramp_start(), self.spec.safe, self.spec.ramp_rate, go_on)
            self._settle(self.spec.safe, go_on, has_to_stay=False)
        return True

    def come_down(self) -> None:
        """Ramp to where the device may be switched off: its safe value, or zero if none is declared.

        Raises
        ------
        UnknownStateError, SettleError
            As for `make_safe`.
        """
        spec = self.spec
        if spec.ramp_rate is None or self._is_off() or self.make_safe():
            return
        with self._alone(go_on, _LETTING_GO):
            rest = min(max(0.0, spec.minimum), spec.maximum)
            self._ramp(self._ramp_start(), rest, spec.ramp_rate, go_on)
            self._settle(rest, go_on, has_to_stay=False)

    def make_safe_unread(self) -> None:
        """Ramp to the safe value from the last set-point sent, without reading back.

        The last resort for one that obeys but cannot be read back: it never jumps, and it is not left on.

        Raises
        ------
        UnknownStateError
            Always: either nothing was moved, since no set-point was sent to the device, or it was, and
            a person should check whether it arrived.
        ConnectionFailedError
            There is no connection.
        """
        self.knob.check()
        spec = self.spec
        start = self._sent.get(spec.name)
        if start is None or spec.safe is None or spec.ramp_rate is None:
            raise UnknownStateError(
                f"{spec.name}: cannot be read back and was not moved since it was connected, so it is left "
                "as it is; make it safe by hand"
            )
        with _told(self._device, "is_deaf"):  # answers that do not come must not keep it
            # Whether it obeyed the last one is not known: this one is a step away from either at most.
            self._clock.sleep(spec.ramp_interval)
            self._send_regardless(start)
            self._ramp(start, spec.safe, spec.ramp_rate, go_on, self._send_regardless)
            self._clock.sleep(max(_UNSEEN, spec.settle.wait))  # a coil lags behind its set-point
        raise UnknownStateError(
            f"{spec.name}: cannot be read back; it was told to ramp from its last set-point "
            f"{format_quantity(start, spec.unit)} to {format_quantity(spec.safe, spec.unit)}; see whether it "
            "arrived"
        )

    def is_home(self) -> bool:
        """Return whether the device can be switched off without a jump: it is near its safe value.

        The last set-point sent must be near as well, since it may be on its way there. Where the device
        cannot be read back, that counts alone, and has to be the safe value itself.
        """
        spec = self.spec
        if spec.safe is None or spec.ramp_rate is None:
            return True
        told = self._sent.get(spec.name)
        span = spec.maximum - spec.minimum
        try:
            self._refuse_mute()
            stands = self._read_raw()
        except UnknownStateError:
            return told is not None and abs(told - spec.safe) <= _ROUNDING * span
        near = max(spec.largest_step, min(spec.settle.tolerance or 0.0, _NEAR * span))
        return all(abs(value - spec.safe) <= near for value in (stands, stands if told is None else told))

    def _refuse_mute(self) -> None:
        """Refuse to ask again at once what has just not answered: on the way to safety time is short."""
        if self._clock.now() - self._unread_at < _MUTE:
            raise UnknownStateError(f"{self.spec.name}: could not be read back just now, so it is not asked")

    def longest_way(self) -> float:
        """Return the seconds that the way to the safe value may take: from limit to limit, and settling."""
        spec = self.spec
        ramp = 0.0 if spec.ramp_rate is None else 1.5 * (spec.maximum - spec.minimum) / spec.ramp_rate
        return ramp + spec.settle.wait + (0.0 if spec.settle.tolerance is None else spec.settle.timeout)

    def ramp_time(self, start: float, stop: float) -> float:
        """Return how long a move from ``start`` to ``stop`` takes at least, its settling included, s.

        Parameters
        ----------
        start, stop
            Values in this actuator's unit.
        """
        rate = self.spec.ramp_rate
        ramp = abs((stop - start) / self._slope) / rate if rate is not None else 0.0
        return ramp + self.spec.settle.wait + self.spec.settle.stable_for

    def _ramp_start(self) -> float:
        spec = self.spec
        reading = self._read_raw()
        if spec.readback in (None, spec.attribute):
            return reading
        try:
            setpoint = float(getattr(self._device, self._attribute))
        except Exception:  # noqa: BLE001 - whatever a driver raises: the step was reported before
            setpoint = self._sent.get(spec.name, math.nan)
        # Two steps: that of a ramp which has just ended may still be under way.
        follows = max(2 * spec.largest_step, _FOLLOWS * (spec.maximum - spec.minimum))
        if abs(setpoint - reading) <= follows:
            return setpoint
        if spec.minimum <= reading <= spec.maximum:
            self._send(reading)  # holds it where it is: it would move on to its old set-point meanwhile
        return reading

    def _refuse_far_outside(self, start: float) -> None:
        spec = self.spec
        outside = max(spec.minimum - start, start - spec.maximum)
        if outside > spec.largest_step:
            raise LimitError(
                f"{spec.name}: reads {format_quantity(start, spec.unit)}, outside its limits "
                f"{spec.minimum:g} … {spec.maximum:g} {spec.unit}, before it was moved; "
                "bring the bench to its safe state first"
            )

    def _send(self, value: float) -> None:
        name = self._key
        former = self._sent.get(name, value)
        if self._on_send is not None:
            self._on_send(name, value)
        try:
            setattr(self._device, self._attribute, value)
        except BaseException:
            self._sent[name] = former  # it may have obeyed or not: the step does not count
            raise
        self._sent[name] = value

    def _send_regardless(self, value: float) -> None:
        try:
            self._send(value)
        except ConnectionFailedError:
            raise
        except Exception as error:  # noqa: BLE001 - a device that does not answer may obey all the same
            self._sent[self.spec.name] = value
            _log.debug("%s: %s", self.spec.name, error)

    def _ramp(
        self,
        start: float,
        target: float,
        rate: float,
        checkpoint: Checkpoint,
        send: Callable[[float], None] | None = None,
    ) -> None:
        send = send or self._send
        self._sent[self.spec.name] = start  # what is known, should the first step not arrive
        if self._on_send is not None:
            self._on_send(self.spec.name, start)
        largest = self.spec.largest_step
        # The division may round up to a whole number of steps; that rounding must not add a step of zero.
        count = max(1, math.ceil(abs(target - start) / largest * (1 - 1e-12)))
        step = (target - start) / count
        for number in range(1, count + 1):
            checkpoint()
            self._clock.sleep(abs(step) / rate)
            send(target if number == count else start + number * step)

    def _settle(self, target: float, checkpoint: Checkpoint, *, has_to_stay: bool = True) -> None:
        await_settled(self.spec, target, self._read_raw, self._clock, checkpoint, has_to_stay=has_to_stay)


@contextlib.contextmanager
def _told(device: object, word: str) -> Iterator[None]:
    """Let ``word``, an attribute of guarded drivers, be true of ``device`` in the block."""
    drivers = [one for one in (device, getattr(device, "device", None)) if hasattr(one, word)]
    before = [getattr(driver, word) for driver in drivers]
    try:
        for driver in drivers:
            setattr(driver, word, True)
        yield
    finally:
        for driver, was in zip(drivers, before, strict=True):
            setattr(driver, word, was)
