"""Magnetic resonance with a microwave that is switched on and off, detected with lock-in amplifiers.

The physics is that of `labspin.procedures.mdmr`. Here the microwave is modulated in amplitude, as a square
wave, and photodiodes watch the photoluminescence and, as a balanced pair, the crystal's angle. A lock-in
shows what of their voltage follows the modulation: drifts of the light, and its noise at other frequencies,
are gone. It takes light that would blind a counter.

::

    laser      ████████████████████
    microwave  ██████████▁▁▁▁▁▁▁▁▁▁      at the modulation frequency
    reference  ██████████▁▁▁▁▁▁▁▁▁▁      to the reference input of the lock-ins

One line of the pulse generator gates the microwave, another is the reference of the lock-ins, which are set
to an external one in the station file. In phase with it (X), slow modulation shows √2/π = 0.450 of the
difference that the microwave makes: a square wave's first harmonic is 2/π of its height, and lock-ins show
root-mean-square values. Light that dips gives a negative X. Modulated faster than the light polarises, or
than the libration can follow, the response lags and shrinks; near the libration's own frequency the angle's
is larger by its quality factor, and a quarter of a period late: ``angle_phase = "-90 deg"`` turns it into X.

At every point the procedure waits for sample and filter, and then averages a recording; the standard error
takes into account that the filter binds neighbouring readings together. The waiting is done once a point, so
a short time constant and a long average are better than the reverse. Errors that come from the scatter of few
independent readings are uncertain themselves, and make χ² look too large: a hundred time constants of 12
dB/octave hold 25, and χ² is 9 % high.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from labspin.bench import Bench
from labspin.data import Column
from labspin.errors import DeviceError, PlanError
from labspin.experiment import BooleanParameter, ListParameter, Point, QuantityParameter, Sweep
from labspin.instruments import LockIn, PulseSequence
from labspin.physics.lockin import LockInFilter, mean_of_filtered
from labspin.procedures.mdmr_scan import FrequencyScan
from labspin.procedures.pulsed import SequenceProcedure
from labspin.units import format_quantity

__all__ = ["MDMRLockIn"]

_log = logging.getLogger(__name__)
_TIME_STEP = 1e-9  # s, while no generator is known
_FASTEST = 256.0  # Hz; more readings a second tell no more
_LOCK_TIME, _LOCK_POLL = 10.0, 0.1  # s for which lock-ins are given to find their reference
_LOCKED = 1e-3  # relative deviation of the reference that they show
_TYPICAL_SLOPE = 12  # dB/octave, for estimates

_PL, _ANGLE = ("pl", "lockin"), ("angle", "angle_lockin")


def _columns(name: str, what: str) -> tuple[Column, ...]:
    return (
        Column(name=f"{name}_response", unit="V", dtype="complex128", description=f"X + iY of {what}, rms"),
        Column(
            name=f"{name}_response_errors", unit="V", dtype="complex128", description="errors of both parts"
        ),
        Column(name=f"{name}_x", unit="V", description=f"X of {what}: what is in phase with the microwave"),
        Column(name=f"{name}_x_errors", unit="V", description="its standard error"),
    )


class MDMRLockIn(FrequencyScan, SequenceProcedure):
    """Photoluminescence and angle against microwave frequency by lock-in, at several fields.

    ``lockin`` watches the photoluminescence; ``angle_lockin``, where the angle is wanted, the other.
    """

    name = "mdmr_lockin"
    roles: ClassVar[Mapping[str, type]] = MappingProxyType(
        {**FrequencyScan.roles, **SequenceProcedure.roles, "lockin": LockIn}
    )
    quantities = (
        *_columns("pl", "photoluminescence"),
        *_columns("angle", "the angle"),
        Column(
            name="reference_frequency", unit="Hz", description="of the modulation, as the lock-in sees it"
        ),
        Column(name="overloaded", dtype="int64", description="1: an input or output was, meanwhile"),
    )
    signal = "pl_x"
    below_signal = ("angle_x",)
    lines_apart = 0.6

    modulation_frequency = QuantityParameter(
        "Modulation frequency", units="Hz", minimum=0.1, maximum=1e5, default="417 Hz",
        description="Of the microwave; half periods are rounded to the time step",
    )  # fmt: skip
    time_step = QuantityParameter(
        "Time step of the half periods", units="s", minimum=0.0, default="0 s",
        description="0: the pulse generator's resolution",
    )  # fmt: skip
    time_constant = QuantityParameter(
        "Time constant of the filter", units="s", minimum=1e-6, default="3 ms",
        description="Out of the lock-ins' list; longer than a modulation period",
    )  # fmt: skip
    averaging_time = QuantityParameter(
        "Averaged at every frequency", units="s", minimum=1e-3, default="500 ms",
        description="At least a hundred time constants, for errors that can be believed",
    )  # fmt: skip
    settle_time = QuantityParameter(
        "Ring-down of the libration", units="s", minimum=0.0, default="50 ms",
        description="Frequency set to readings, in addition to the filter's settling",
    )  # fmt: skip
    settle_accuracy = QuantityParameter(
        "Left of the last point in the filter", minimum=1e-9, maximum=0.1, default=1e-4
    )
    angle = BooleanParameter("Angle as well", default=True, description="Needs an instrument angle_lockin")
    pl_phase = QuantityParameter(
        "Phase of lockin", units="rad", minimum=-math.pi, maximum=math.pi, default=0.0
    )
    angle_phase = QuantityParameter(
        "Phase of angle_lockin", units="rad", minimum=-math.pi, maximum=math.pi, default=0.0
    )
    if_overloaded = ListParameter(
        "If a lock-in is overloaded", choices=["abort", "record"], default="abort",
        description="record: continue, with overloaded = 1",
    )  # fmt: skip

    @property
    def detected(self) -> tuple[tuple[str, str], ...]:
        """What is detected, and the lock-in that detects it."""
        return (_PL, _ANGLE) if self.angle else (_PL,)

    def plan(self) -> Sweep:
        """Return field by field the frequencies, shuffled again in every average.

        Raises
        ------
        PlanError
            The frequencies run backwards, or the filter is too short or the average too short for it.
        """
        if self.time_constant * self.modulation_frequency < 1:
            raise PlanError(
                f"procedure {self.name!r}: wanted a time_constant of at least one period of the modulation, "
                f"{1 / self.modulation_frequency:.3g} s, got {self.time_constant:g} s; a filter that short "
                "lets the modulation through"
            )
        if self.averaging_time < 100 * self.time_constant:
            raise PlanError(
                f"procedure {self.name!r}: wanted an averaging_time of at least 100 time constants, "
                f"{100 * self.time_constant:g} s, got {self.averaging_time:g} s; average longer"
            )
        return super().plan()

    def half_period(self) -> float:
        """Return how long the microwave is on, and off, in a period of the modulation, s.

        Raises
        ------
        PlanError
            The time step is longer.
        """
        step = self.time_step or _TIME_STEP
        steps = round(0.5 / self.modulation_frequency / step)
        if steps < 1:
            raise PlanError(
                f"procedure {self.name!r}: wanted half periods of at least the time step of {step:g} s, got "
                f"{0.5 / self.modulation_frequency:g} s; modulate more slowly"
            )
        return float(steps * step)

    def sequence(self) -> PulseSequence:
        """Return one period of the modulation."""
        half = self.half_period()
        switched = PulseSequence().then("microwave", "reference", duration=half).wait(half)
        return switched.pulse("laser", start=0.0, duration=2 * half)

    def sequences(self) -> dict[str, PulseSequence]:
        """Return the sequence, to be drawn."""
        return {"modulation": self.sequence()}

    def played(self) -> Iterable[PulseSequence]:
        """Return the sequence."""
        return [self.sequence()]

    def check(self, bench: Bench) -> None:
        """Raise an error if the instruments cannot do what is planned.

        Parameters
        ----------
        bench
            The instruments.

        Raises
        ------
        LabspinError
            A lock-in is missing, or the sequence does not fit the pulse generator.
        """
        bench.require({lockin: LockIn for _, lockin in self.detected})
        super().check(bench)

    def duration(self, point: Point) -> float:
        """Return how long the waits and the averaging at a point last, s.

        Parameters
        ----------
        point
            The point; all of them take equally long.
        """
        filtered = LockInFilter(self.time_constant, _TYPICAL_SLOPE).settling_time(1 - self.settle_accuracy)
        return float(self.settle_time + filtered + self.averaging_time)

    def prepare(self, bench: Bench) -> None:
        """Set the lock-ins, switch the microwave on and modulate it, and wait until the lock-ins have locked.

        Parameters
        ----------
        bench
            The connected instruments.
        """
        for name, lockin in self.detected:
            getattr(bench, lockin).time_constant = self.time_constant
            getattr(bench, lockin).phase = getattr(self, f"{name}_phase")
        super().prepare(bench)
        self._modulate(bench)
        for _, lockin in self.detected:
            self._await_lock(bench, lockin)

    def _modulate(self, bench: Bench) -> None:
        """Play the sequence, unless it is being played: a lock-in that loses its reference needs time."""
        if not bench.pulses.is_running():
            bench.pulses.load(self.sequence(), repetitions=-1)
            bench.pulses.start()

    def _await_lock(self, bench: Bench, lockin: str) -> None:
        device, wanted = getattr(bench, lockin), 0.5 / self.half_period()
        if device.harmonic != 1:
            raise DeviceError(
                f"{lockin}: wanted the first harmonic of the modulation, got harmonic {device.harmonic}; set "
                "harmonic = 1 in the station file"
            )
        deadline = bench.clock.now() + _LOCK_TIME
        while abs((shown := device.frequency) / wanted - 1) > _LOCKED:
            if bench.clock.now() >= deadline:
                raise DeviceError(
                    f"{lockin}: wanted the reference of {wanted:.6g} Hz from line 'reference' of the pulse "
                    f"generator, but it shows {shown:.6g} Hz; check the cable, and say "
                    "reference = 'external' in the station file"
                )
            bench.clock.sleep(_LOCK_POLL)

    def measure(self, bench: Bench, point: Point) -> Mapping[str, object]:
        """Wait for sample and filters, and average the readings of the lock-ins.

        Parameters
        ----------
        bench
            The connected instruments.
        point
            The point, whose set-points have been reached.

        Returns
        -------
        Mapping
            The mean response of each lock-in with its standard error, the reference frequency in Hz, and
            whether there was an overload.
        """
        self._modulate(bench)
        lockins = {name: getattr(bench, lockin) for name, lockin in self.detected}
        settled = [lockin.settling_time(1 - self.settle_accuracy) for lockin in lockins.values()]
        bench.clock.sleep(self.settle_time + max(settled))
        for lockin in lockins.values():
            lockin.is_overloaded()  # by what was before: that is over
        rate = min(1 / self.time_constant, _FASTEST)
        for lockin in lockins.values():
            lockin.start_recording(self.averaging_time, rate=rate)
        found = _nothing("angle") if not self.angle else {}
        for name, lockin in lockins.items():
            found |= self._averaged(name, lockin)
        found["reference_frequency"] = lockins["pl"].frequency
        found["overloaded"] = self._overloads(bench, point)
        return found

    def _averaged(self, name: str, lockin: Any) -> dict[str, Any]:
        times, values = lockin.recorded()
        response, error = mean_of_filtered(
            values,
            interval=float(times[1] - times[0]),
            lock_in=LockInFilter(lockin.time_constant, lockin.filter_slope),
        )
        return {
            f"{name}_response": response,
            f"{name}_response_errors": error,
            f"{name}_x": response.real,
            f"{name}_x_errors": error.real,
        }

    def _overloads(self, bench: Bench, point: Point) -> int:
        """Return whether a lock-in was overloaded, or raise, as the card wants it."""
        overloaded = [lockin for _, lockin in self.detected if getattr(bench, lockin).is_overloaded()]
        if not overloaded:
            return 0
        at = format_quantity(point.setpoints["microwave.frequency"], "Hz")
        text = (
            f"{' and '.join(overloaded)}: overloaded at {at}; wanted readings within full scale: set a "
            "larger sensitivity (or input range) in the station file, or take less power"
        )
        if self.if_overloaded == "abort":
            raise DeviceError(text)
        _log.warning(text)
        return 1


def _nothing(name: str) -> dict[str, object]:
    return {column.name: math.nan for column in _columns(name, "")}
