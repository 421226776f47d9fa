"""Longitudinal relaxation of NV centres, free of the recharging in the dark.

A laser pulse polarises, the spins relax in the dark for a time t, and the first photons of a second laser
pulse tell how polarised they still are (C. Pellet-Mary *et al.*, PRB 104, L100411 (2021), p. 2). In the
dark NV centres also change their charge state, and with it their brightness. So every dark time is
measured twice, with and without a microwave π pulse at its beginning: the difference of the two relaxes
with T1, and the recharging, common to both, cancels.

::

    laser      ██████▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁██████      polarise, read out
    microwave  ▁▁▁▁▁▁▁▁▁█▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁      π, or nothing for as long
    trigger    ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█▁▁▁▁▁      of the counter's gates
                     guard π   dark time  A   B

Gate A counts the signal at the beginning of the readout, gate B the reference at its end, where the spins are
polarised again; signal/reference does not see the laser's power drift. The guard leaves the singlet time to
decay before the π pulse. Dark times are visited in a random order of its own in every average, and which
of the two sequences comes first alternates, so that slow drifts do not look like relaxation.

Where T1 comes near the time in which the light polarises, the part of the spins that relaxes fastest is never
polarised and not seen, and a stretched decay comes out too long: 6 % for 220 µs and β = 0.8 with light that
polarises in 20 µs. More light helps, more averages do not.

And where the laser pulse is not long against the time in which the charge settles under light, the reference
gate still sees what recharged in the dark, and the ratio falls with the dark time: T1 comes out too short.

Both on the simulated bench without noise, with the shipped card: 220 µs is found as 235 µs with β = 0.832
(at a pumping rate of 3e6 1/s instead of 1.3e5 1/s: 221 µs, 0.805), and 1.610 ms as 1.617 ms with β = 0.816,
of which the polarisation makes +2.2 % and the charge −1.8 %, for pulses of 300 µs where it settles in 200
µs; pulses of 1.5 ms undo the latter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from labspin.bench import Bench
from labspin.data import Column
from labspin.errors import PlanError
from labspin.experiment import (
    CountParameter,
    ListParameter,
    Point,
    QuantityParameter,
    Repeat,
    Shuffled,
    Sweep,
    Values,
)
from labspin.instruments import PulseSequence
from labspin.procedures.pulsed import TRIGGER, PulsedReadout, normalised, on_time_steps

__all__ = ["T1", "normalised"]


class T1(PulsedReadout):
    """Relaxation in the dark against dark time, with and without a π pulse."""

    name = "t1"
    coordinates: Sequence[Column] = (
        Column(name="average", role="coordinate", description="pass through all dark times"),
        Column(name="dark_time", unit="s", role="coordinate", description="end of the π pulse to readout"),
    )
    quantities = (
        Column(name="signal_0", dtype="int64", description="counts in gate A without π pulse"),
        Column(name="reference_0", dtype="int64", description="counts in gate B without π pulse"),
        Column(name="signal_pi", dtype="int64", description="counts in gate A with π pulse"),
        Column(name="reference_pi", dtype="int64", description="counts in gate B with π pulse"),
        Column(name="contrast_0", description="signal_0 / reference_0, per gate time"),
        Column(name="contrast_0_errors", description="its standard error by counting statistics"),
        Column(name="contrast_pi", description="signal_pi / reference_pi, per gate time"),
        Column(name="contrast_pi_errors", description="its standard error by counting statistics"),
        Column(name="difference", description="contrast_0 - contrast_pi; relaxes with T1"),
        Column(name="difference_errors", description="its standard error by counting statistics"),
    )
    signal = "difference"

    dark_time_start = QuantityParameter("Shortest dark time", units="s", minimum=1e-9, default="10 us")
    dark_time_stop = QuantityParameter("Longest dark time", units="s", minimum=1e-9, default="5 ms")
    dark_times = CountParameter("Number of dark times", minimum=2, maximum=100_000, default=21)
    spacing = ListParameter("Spacing of dark times", choices=["logarithmic", "linear"], default="logarithmic")
    averages = CountParameter("Averages", minimum=1, maximum=100_000, default=4)
    pi_duration = QuantityParameter("π pulse", units="s", minimum=1e-9, default="100 ns")
    time_step = QuantityParameter(
        "Time step of the dark times", units="s", minimum=0.0, default="0 s",
        description="Dark times are rounded to it; 0: the pulse generator's resolution",
    )  # fmt: skip
    seed = CountParameter("Seed of the order", default=0)

    def plan(self) -> Sweep:
        """Return the dark times, shuffled again in every average."""
        self.gates()
        times = Values("dark_time", self.dark_time_values(), unit="s")
        return Shuffled(Repeat(times, self.averages, name="average"), self.seed, within="average")

    def dark_time_values(self) -> NDArray[np.float64]:
        """Return the dark times in s, ascending, multiples of the time step.

        Raises
        ------
        PlanError
            They run backwards, or two of them fall on one time step.
        """
        start, stop, step = self.dark_time_start, self.dark_time_stop, self.time_step
        if not start < stop:
            raise PlanError(
                f"procedure {self.name!r}: wanted dark_time_start < dark_time_stop, got {start!r}, {stop!r}"
            )
        spaced = np.geomspace if self.spacing == "logarithmic" else np.linspace
        times = on_time_steps(self.name, "dark times", spaced(start, stop, self.dark_times), step)
        if times[0] < step / 2:
            raise PlanError(
                f"procedure {self.name!r}: wanted a dark_time_start of at least the time step of {step:g} s, "
                f"got {start!r}"
            )
        return times

    def sequence(self, dark_time: float, *, with_pi: bool) -> PulseSequence:
        """Return one period of the pulse sequence; both kinds last equally long.

        Parameters
        ----------
        dark_time
            Dark time, s.
        with_pi
            Whether the π pulse is played; otherwise its time passes in the dark.
        """
        pulse = ("microwave",) if with_pi else ()
        dark = (
            PulseSequence()
            .then("laser", duration=self.laser_duration)
            .wait(self.guard_time)
            .then(*pulse, duration=self.pi_duration)
            .wait(dark_time)
        )
        readout = dark.pulse("laser", start=dark.duration, duration=self.laser_duration)
        return readout.pulse("trigger", start=dark.duration, duration=TRIGGER)

    def sequences(self) -> dict[str, PulseSequence]:
        """Return the sequences of the shortest dark time, to be drawn."""
        shortest = float(self.dark_time_values()[0])
        return {
            "with π pulse": self.sequence(shortest, with_pi=True),
            "without π pulse": self.sequence(shortest, with_pi=False),
        }

    def played(self) -> Iterable[PulseSequence]:
        """Return the sequences of every dark time."""
        for dark_time in self.dark_time_values().tolist():
            for with_pi in (True, False):
                yield self.sequence(dark_time, with_pi=with_pi)

    def duration(self, point: Point) -> float:
        """Return the time for which the two sequences are played, s.

        Parameters
        ----------
        point
            The point, with the coordinate ``dark_time`` in s.
        """
        return 2 * self.repetitions * self.sequence(point.coordinates["dark_time"], with_pi=True).duration

    def measure(self, bench: Bench, point: Point) -> Mapping[str, object]:
        """Count with and without the π pulse, first with it in every other average.

        Parameters
        ----------
        bench
            The connected instruments.
        point
            The point, with the coordinates ``dark_time`` in s and ``average``.

        Returns
        -------
        Mapping
            For each kind the counts, the contrast and its standard error; and their difference.
        """
        dark_time = point.coordinates["dark_time"]
        sequences = {
            "0": self.sequence(dark_time, with_pi=False),
            "pi": self.sequence(dark_time, with_pi=True),
        }
        pi_first = int(point.coordinates["average"]) % 2 == 0
        return self.compared(bench, sequences, "difference", swapped=pi_first)
