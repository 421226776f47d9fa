"""Rabi oscillation: photoluminescence against the length of a microwave pulse; calibrates the π pulse.

::

    laser      ██████▁▁▁▁▁▁▁▁▁▁▁▁▁▁██████      reads out the pulse before, polarises for the next
    microwave  ▁▁▁▁▁▁▁▁▁██████▁▁▁▁▁▁▁▁▁▁▁      0 to the longest pulse
    trigger    █▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█▁▁▁▁▁      of the counter's gates
                    guard τ   rest A   B

All pulses begin at the same time after the laser, and the laser comes again at the same time after the
pulse's longest possible end, so that relaxation and recharging in between do not depend on the pulse. Gate
A counts at the beginning of the laser pulse, gate B at its end, where the spins are polarised again; A/B
does not see the laser's power drift. Lengths are visited in a random order of its own in every average.

The line of an ensemble is inhomogeneous, and centres detuned by δ turn faster, at √(Ω² + δ²), and less. So
the light does not follow a damped cosine, and half the period of the cosine that fits best is not π/Ω.
The recipe ``rabi`` fits the average over a Gaussian line instead (`labspin.analysis`, model
``rabi_ensemble``): its π duration is π/Ω of a centre in resonance.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from labspin.bench import Bench
from labspin.data import Column
from labspin.errors import PlanError
from labspin.experiment import CountParameter, Point, QuantityParameter, Repeat, Shuffled, Sweep, Values
from labspin.instruments import PulseSequence
from labspin.procedures.pulsed import TRIGGER, PulsedReadout, on_time_steps

__all__ = ["Rabi"]


class Rabi(PulsedReadout):
    """Light after a microwave pulse against the pulse's length."""

    name = "rabi"
    coordinates = (
        Column(name="average", role="coordinate", description="pass through all lengths"),
        Column(
            name="pulse_duration", unit="s", role="coordinate", description="length of the microwave pulse"
        ),
    )
    quantities = (
        Column(name="signal", dtype="int64", description="counts in gate A, after the pulse"),
        Column(name="reference", dtype="int64", description="counts in gate B, polarised again"),
        Column(name="contrast", description="signal / reference, per gate time"),
        Column(name="contrast_errors", description="its standard error by counting statistics"),
    )
    signal = "contrast"

    pulse_start = QuantityParameter("Shortest pulse", units="s", minimum=0.0, default="0 s")
    pulse_stop = QuantityParameter("Longest pulse", units="s", minimum=1e-9, default="400 ns")
    pulse_durations = CountParameter("Number of lengths", minimum=2, maximum=100_000, default=41)
    averages = CountParameter("Averages", minimum=1, maximum=100_000, default=4)
    laser_duration = QuantityParameter("Laser pulse", units="s", minimum=TRIGGER, default="300 us")
    rest_time = QuantityParameter("Longest pulse to laser", units="s", minimum=0.0, default="100 ns")
    reference_width = QuantityParameter("Reference gate", units="s", minimum=5e-9, default="100 us")
    time_step = QuantityParameter(
        "Time step of the lengths", units="s", minimum=0.0, default="0 s",
        description="Lengths are rounded to it; 0: the pulse generator's resolution",
    )  # fmt: skip
    seed = CountParameter("Seed of the order", default=0)

    def plan(self) -> Sweep:
        """Return the lengths, shuffled again in every average."""
        self.gates()
        lengths = Values("pulse_duration", self.pulse_values(), unit="s")
        return Shuffled(Repeat(lengths, self.averages, name="average"), self.seed, within="average")

    def pulse_values(self) -> NDArray[np.float64]:
        """Return the lengths in s, ascending, multiples of the time step.

        Raises
        ------
        PlanError
            They run backwards, or two of them fall on one time step.
        """
        start, stop = self.pulse_start, self.pulse_stop
        if not start < stop:
            raise PlanError(f"procedure 'rabi': wanted pulse_start < pulse_stop, got {start!r}, {stop!r}")
        even = np.linspace(start, stop, self.pulse_durations)
        return on_time_steps("rabi", "lengths", even, self.time_step)

    def sequence(self, pulse_duration: float) -> PulseSequence:
        """Return one period of the pulse sequence; every one lasts equally long.

        Parameters
        ----------
        pulse_duration
            Length of the microwave pulse, s; 0 for none.
        """
        longest = float(self.pulse_values()[-1])
        start = self.laser_duration + self.guard_time
        period = (
            PulseSequence()
            .pulse("laser", start=0.0, duration=self.laser_duration)
            .pulse("trigger", start=0.0, duration=TRIGGER)
            .wait(self.guard_time + longest + self.rest_time)
        )
        if pulse_duration == 0:
            return period
        return period.pulse("microwave", start=start, duration=pulse_duration)

    def sequences(self) -> dict[str, PulseSequence]:
        """Return the sequence of the longest pulse, to be drawn."""
        return {"longest pulse": self.sequence(float(self.pulse_values()[-1]))}

    def played(self) -> Iterable[PulseSequence]:
        """Return the sequence of every length."""
        return (self.sequence(length) for length in self.pulse_values().tolist())

    def duration(self, point: Point) -> float:
        """Return the time for which the sequence is played, s.

        Parameters
        ----------
        point
            The point, with the coordinate ``pulse_duration`` in s.
        """
        return self.repetitions * self.sequence(point.coordinates["pulse_duration"]).duration

    def measure(self, bench: Bench, point: Point) -> Mapping[str, object]:
        """Count signal and reference after pulses of one length.

        Parameters
        ----------
        bench
            The connected instruments.
        point
            The point, with the coordinate ``pulse_duration`` in s.

        Returns
        -------
        Mapping
            The two counts, their ratio per gate time and its standard error.
        """
        sequence = self.sequence(point.coordinates["pulse_duration"])
        signal, reference = self.count(bench, sequence, self.gates())
        contrast, error = self.contrast(signal, reference)
        found = {"signal": signal, "reference": reference}
        return {**found, "contrast": contrast, "contrast_errors": error}
