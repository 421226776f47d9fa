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
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from labspin.data import Column
from labspin.errors import DeviceError, PlanError
from labspin.experiment import (
    Bench,
    CountParameter,
    ListParameter,
    Point,
    Procedure,
    QuantityParameter,
    Repeat,
    Shuffled,
    Sweep,
    Values,
)
from labspin.instruments import MicrowaveSource, PhotonCounter, PulseGenerator, PulseSequence

__all__ = ["T1", "normalised"]

_TRIGGER = 100e-9  # s; any counter sees it
_POLL = 0.02  # s between two questions whether a count is finished
_PATIENCE = 2.0  # s that a count may take longer than its sequences


class T1(Procedure):
    """Relaxation in the dark against dark time, with and without a π pulse."""

    name = "t1"
    roles: ClassVar[Mapping[str, type]] = MappingProxyType(
        {"pulses": PulseGenerator, "counter": PhotonCounter, "microwave": MicrowaveSource}
    )
    coordinates = (
        Column(name="average", role="coordinate", description="pass through all dark times"),
        Column(name="dark_time", unit="s", role="coordinate", description="end of the π pulse to readout"),
    )
    quantities = (
        Column(name="signal_0", dtype="int64", description="counts in gate A without π pulse"),
        Column(name="reference_0", dtype="int64", description="counts in gate B without π pulse"),
        Column(name="signal_pi", dtype="int64", description="counts in gate A with π pulse"),
        Column(name="reference_pi", dtype="int64", description="counts in gate B with π pulse"),
        Column(name="contrast_0", description="signal_0 / reference_0, per gate time"),
        Column(name="contrast_0_error", description="its standard error by counting statistics"),
        Column(name="contrast_pi", description="signal_pi / reference_pi, per gate time"),
        Column(name="contrast_pi_error", description="its standard error by counting statistics"),
        Column(name="difference", description="contrast_0 - contrast_pi; relaxes with T1"),
        Column(name="difference_error", description="its standard error by counting statistics"),
    )
    signal = "difference"

    dark_time_start = QuantityParameter("Shortest dark time", units="s", minimum=1e-9, default="10 us")
    dark_time_stop = QuantityParameter("Longest dark time", units="s", minimum=1e-9, default="5 ms")
    dark_times = CountParameter("Number of dark times", minimum=2, maximum=100_000, default=21)
    spacing = ListParameter("Spacing of dark times", choices=["logarithmic", "linear"], default="logarithmic")
    averages = CountParameter("Averages", minimum=1, maximum=100_000, default=4)
    repetitions = CountParameter(
        "Repetitions of each sequence per average", minimum=1, maximum=10**9, default=10_000
    )
    laser_duration = QuantityParameter("Laser pulse", units="s", minimum=_TRIGGER, default="1 ms")
    guard_time = QuantityParameter("Laser off to π pulse", units="s", minimum=0.0, default="1 us")
    pi_duration = QuantityParameter("π pulse", units="s", minimum=1e-9, default="100 ns")
    signal_delay = QuantityParameter("Readout to signal gate", units="s", minimum=0.0, default="0 s")
    signal_width = QuantityParameter("Signal gate", units="s", minimum=5e-9, default="20 us")
    reference_width = QuantityParameter("Reference gate", units="s", minimum=5e-9, default="200 us")
    reference_margin = QuantityParameter(
        "Reference gate to end of readout", units="s", minimum=0.0, default="1 us"
    )
    microwave_frequency = QuantityParameter(
        "Microwave frequency", units="Hz", minimum=0.0, default="2.87 GHz"
    )
    microwave_power = QuantityParameter("Microwave power", units="dBm", default="0 dBm")
    magnet = ListParameter(
        "Magnet set by", choices=["field", "current", "nothing"], default="field",
        description="nothing: left as it is",
    )  # fmt: skip
    magnet_field = QuantityParameter("Magnet field", units="T", default="0 T", group_by="magnet",
                                     group_condition="field")  # fmt: skip
    magnet_current = QuantityParameter("Magnet current", units="A", default="0 A", group_by="magnet",
                                       group_condition="current")  # fmt: skip
    time_step = QuantityParameter(
        "Time step of the dark times", units="s", minimum=1e-12, default="1 ns",
        description="Dark times are rounded to it; the pulse generator's resolution",
    )  # fmt: skip
    seed = CountParameter("Seed of the order", default=0)

    def settings(self) -> Mapping[str, float]:
        """Return microwave frequency and power, and the magnet's field or current."""
        found = {"microwave.frequency": self.microwave_frequency, "microwave.power": self.microwave_power}
        for way, value in (("field", self.magnet_field), ("current", self.magnet_current)):
            if self.magnet == way:
                found[f"magnet.{way}"] = value
            elif value != 0:
                raise PlanError(
                    f"procedure 't1': magnet_{way} is {value!r} but the magnet is set by {self.magnet!r}; "
                    f"set magnet = {way!r} or leave magnet_{way} out"
                )
        return found

    def plan(self) -> Sweep:
        """Return the dark times, shuffled anew in every average."""
        self._check_gates()
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
                f"procedure 't1': wanted dark_time_start < dark_time_stop, got {start!r}, {stop!r}"
            )
        spaced = np.geomspace if self.spacing == "logarithmic" else np.linspace
        steps = np.round(spaced(start, stop, self.dark_times) / step)
        if np.any(np.diff(steps) < 1) or steps[0] < 1:
            raise PlanError(
                f"procedure 't1': {self.dark_times} dark times from {start:g} s to {stop:g} s are closer "
                f"than the time step of {step:g} s; take fewer or begin later"
            )
        return np.asarray(steps * step, dtype=np.float64)

    def sequence(self, dark_time: float, *, with_pi: bool) -> PulseSequence:
        """Return one period of the pulse sequence, ``dark_time`` in s; both kinds last equally long."""
        pulse = ("microwave",) if with_pi else ()
        dark = (
            PulseSequence()
            .then("laser", duration=self.laser_duration)
            .wait(self.guard_time)
            .then(*pulse, duration=self.pi_duration)
            .wait(dark_time)
        )
        readout = dark.pulse("laser", start=dark.duration, duration=self.laser_duration)
        return readout.pulse("trigger", start=dark.duration, duration=_TRIGGER)

    def sequences(self) -> dict[str, PulseSequence]:
        """Return the sequences of the shortest dark time, to be drawn."""
        shortest = float(self.dark_time_values()[0])
        return {
            "with π pulse": self.sequence(shortest, with_pi=True),
            "without π pulse": self.sequence(shortest, with_pi=False),
        }

    def gates(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return (delay, width) of the signal gate and of the reference gate after the trigger, s."""
        reference = self.laser_duration - self.reference_margin - self.reference_width
        return (self.signal_delay, self.signal_width), (reference, self.reference_width)

    def _check_gates(self) -> None:
        (delay, width), (reference, _) = self.gates()
        if reference < delay + width:
            raise PlanError(
                f"procedure 't1': the signal gate ends {delay + width:g} s into the readout and the "
                f"reference gate begins at {reference:g} s; make the laser pulse longer or "
                "the gates shorter"
            )

    def check(self, bench: Bench) -> None:
        """Refuse sequences and gates that the instruments cannot make.

        Raises
        ------
        SequenceError
            A pulse sequence does not fit the pulse generator.
        LabspinError
            The counter has too few gates or cannot count so many triggers.
        """
        pulses = bench.pulses
        for dark_time in self.dark_time_values().tolist():
            for with_pi in (True, False):
                self.sequence(dark_time, with_pi=with_pi).check(
                    resolution=pulses.resolution,
                    minimum_pulse=pulses.minimum_pulse,
                    max_steps=pulses.max_steps,
                    lines=pulses.lines,
                )
        if bench.counter.max_gates < len(self.gates()):
            raise PlanError(
                f"procedure 't1': wanted a counter with {len(self.gates())} gates, got one with "
                f"{bench.counter.max_gates}; use another counter or input"
            )
        bench.counter.arm(self.gates(), triggers=self.repetitions)  # refuses gates and numbers it cannot make
        bench.counter.stop()

    def prepare(self, bench: Bench) -> None:
        """Switch the microwave on; the pulse generator's line gates it."""
        bench.microwave.output_enabled = True

    def measure(self, bench: Bench, point: Point) -> Mapping[str, Any]:
        """Count with and without the π pulse, in alternating order."""
        dark_time = point.coordinates["dark_time"]
        pi_first = int(point.coordinates["average"]) % 2 == 0
        counts = {
            with_pi: self._count(bench, self.sequence(dark_time, with_pi=with_pi))
            for with_pi in (pi_first, not pi_first)
        }
        found: dict[str, Any] = {}
        for suffix, with_pi in (("0", False), ("pi", True)):
            signal, reference = counts[with_pi]
            contrast, error = normalised(
                signal=signal, reference=reference, gate_ratio=self.reference_width / self.signal_width
            )
            found |= {f"signal_{suffix}": signal, f"reference_{suffix}": reference}
            found |= {f"contrast_{suffix}": contrast, f"contrast_{suffix}_error": error}
        found["difference"] = found["contrast_0"] - found["contrast_pi"]
        found["difference_error"] = math.hypot(found["contrast_0_error"], found["contrast_pi_error"])
        return found

    def _count(self, bench: Bench, sequence: PulseSequence) -> tuple[int, int]:
        # The generator runs for ever while the counter takes its number of triggers: the first period after
        # a start is not yet in the steady state, and a trigger that is missed does not stall the count.
        bench.pulses.load(sequence, repetitions=-1)
        bench.pulses.start()
        bench.counter.arm(self.gates(), triggers=self.repetitions)
        expected = self.repetitions * sequence.duration
        deadline = bench.clock.now() + 1.1 * expected + _PATIENCE
        bench.clock.sleep(expected)
        while not bench.counter.is_done():
            if bench.clock.now() > deadline:
                raise DeviceError(
                    f"counter: wanted {self.repetitions} triggers within {1.1 * expected + _PATIENCE:.3g} s, "
                    "got fewer; check the trigger cable and level"
                )
            bench.clock.sleep(_POLL)
        signal, reference = (int(count) for count in bench.counter.counts())
        bench.pulses.stop()
        return signal, reference

    def finish(self, bench: Bench) -> None:
        """Stop the pulses and switch the microwave off."""
        bench.pulses.stop()
        bench.microwave.output_enabled = False


def normalised(*, signal: int, reference: int, gate_ratio: float) -> tuple[float, float]:
    """Return the brightness in the signal gate relative to the reference gate, and its standard error.

    ``c = (S/R) (w_R/w_S)`` with ``σ_c = c √(1/S + 1/R)`` for Poisson counts.

    Parameters
    ----------
    signal, reference
        Counts S and R. No count at all counts as an uncertainty of one count.
    gate_ratio
        Width of the reference gate over that of the signal gate, w_R/w_S.

    Returns
    -------
        c and σ_c, both dimensionless; NaN where the reference is empty.
    """
    if reference <= 0:
        return math.nan, math.nan
    contrast = signal / reference * gate_ratio
    error = gate_ratio / reference * math.sqrt(max(signal, 1) + signal**2 / reference)
    return contrast, error
