"""What procedures share that turn a coherence back and forth by a train of microwave pulses.

A laser pulse pumps into |0>, a π/2 pulse makes a coherence, π pulses may turn it, and a last π/2 pulse turns
what is left back into a population, which the first photons of the next laser pulse show::

    laser      ██████▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁██████      reads out the train before, polarises for the next
    microwave  ▁▁▁▁▁▁▁▁▁█▁▁▁▁██▁▁▁▁▁▁▁▁██▁▁▁▁█▁▁▁▁▁      π/2, any number of π, ±π/2
    phase_180  ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█▁▁▁▁▁      of the last pulse, in every other sequence
    trigger    █▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█▁▁▁▁▁      of the counter's gates
                    guard ├ evolution time ┤ rest A   B

Every train is played twice: its last pulse ends in |0>, where the light is bright, or in the other state. The
difference is the coherence. What recharges or relaxes in the dark, and what pulses do to spins that never had
a coherence, is in both and cancels.

The source makes one phase; two lines of the pulse generator, ``phase_90`` and ``phase_180``, shift it by as
much while they are high (a two-bit phase shifter behind the source, or its I/Q inputs behind a level
shifter). Without them, ``opposite = "length"`` turns by 3π/2 instead of −π/2, and all pulses have one phase.

Times of evolution run from the middle of the first pulse to the middle of the last. They are rounded to the
time step, and recorded so; each π pulse lies within half a step of its place. ``[scan]`` repeats all of it
against anything: ``"pulse_count" = [1, 8, 64]``, a detuning, the field.
"""

from __future__ import annotations

from abc import abstractmethod
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
from labspin.instruments import Pulse, PulseSequence
from labspin.procedures.pulsed import TRIGGER, PulsedReadout

__all__ = ["PHASES", "PulseTrainReadout"]

PHASES: Mapping[str, tuple[str, ...]] = {
    "X": (),
    "Y": ("phase_90",),
    "-X": ("phase_180",),
    "-Y": ("phase_90", "phase_180"),
}
"""Lines that are high for each phase of the microwave."""
_OPPOSITE = {"X": "-X", "Y": "-Y", "-X": "X", "-Y": "Y"}
_DEFAULT_STEP = 1e-9  # s, as long as no generator is known
_Step = tuple[tuple[str, ...], float]  # lines that are high, and for how long, s


class PulseTrainReadout(PulsedReadout):
    """Base of those that read out what a train of pulses leaves of a coherence, and its opposite."""

    coordinates: Sequence[Column] = (
        Column(name="average", role="coordinate", description="pass through all times"),
        Column(
            name="evolution_time", unit="s", role="coordinate",
            description="of the coherence, from π/2 pulse to π/2 pulse",
        ),
    )  # fmt: skip
    quantities = (
        Column(name="signal_bright", dtype="int64", description="counts in gate A, train that ends in |0>"),
        Column(name="reference_bright", dtype="int64", description="counts in gate B, polarised again"),
        Column(name="signal_dark", dtype="int64", description="counts in gate A, train that ends opposite"),
        Column(name="reference_dark", dtype="int64", description="counts in gate B, polarised again"),
        Column(name="contrast_bright", description="signal_bright / reference_bright, per gate time"),
        Column(name="contrast_bright_errors", description="its standard error by counting statistics"),
        Column(name="contrast_dark", description="signal_dark / reference_dark, per gate time"),
        Column(name="contrast_dark_errors", description="its standard error by counting statistics"),
        Column(name="coherence", description="contrast_bright - contrast_dark"),
        Column(name="coherence_errors", description="its standard error by counting statistics"),
    )
    signal = "coherence"

    evolution_times = CountParameter("Number of times", minimum=2, maximum=100_000, default=41)
    spacing = ListParameter("Spacing of times", choices=["linear", "logarithmic"], default="linear")
    averages = CountParameter("Averages", minimum=1, maximum=100_000, default=4)
    pi_duration = QuantityParameter("π pulse", units="s", minimum=1e-9, default="100 ns")
    half_pi_duration = QuantityParameter(
        "π/2 pulse", units="s", minimum=0.0, default="0 s", description="0: half of the π pulse"
    )
    opposite = ListParameter(
        "Opposite last pulse by", choices=["phase", "length"], default="phase",
        description="phase: −π/2, by the line phase_180; length: 3π/2",
    )  # fmt: skip
    laser_duration = QuantityParameter("Laser pulse", units="s", minimum=TRIGGER, default="300 us")
    rest_time = QuantityParameter("Last pulse to laser", units="s", minimum=0.0, default="100 ns")
    reference_width = QuantityParameter("Reference gate", units="s", minimum=5e-9, default="100 us")
    time_step = QuantityParameter(
        "Time step of pulses and waits", units="s", minimum=0.0, default="0 s",
        description="Both are rounded to it; 0: the pulse generator's resolution",
    )  # fmt: skip
    seed = CountParameter("Seed of the order", default=0)

    @abstractmethod
    def limits(self) -> tuple[float, float]:
        """Return the shortest and the longest time of evolution, s."""

    @abstractmethod
    def phases(self) -> tuple[str, ...]:
        """Return the phase of each π pulse, out of `PHASES`."""

    @property
    def first_phase(self) -> str:
        """Phase of the first π/2 pulse."""
        return "X"

    # -- times -------------------------------------------------------------------------------------------

    def plan(self) -> Sweep:
        """Return the times, shuffled again in every average."""
        self.gates()
        times = Values("evolution_time", self.evolution_values(), unit="s")
        return Shuffled(Repeat(times, self.averages, name="average"), self.seed, within="average")

    def pulse_lengths(self) -> tuple[float, float]:
        """Return the lengths of π/2 and π pulse in s, multiples of the time step."""
        step = self.time_step or _DEFAULT_STEP
        half = self.half_pi_duration or 0.5 * self.pi_duration
        return tuple(max(1, round(length / step)) * step for length in (half, self.pi_duration))  # type: ignore[return-value]

    def evolution_values(self) -> NDArray[np.float64]:
        """Return the times in s, ascending, rounded to the time step.

        Raises
        ------
        PlanError
            They run backwards, two of them are one after rounding, or the pulses do not fit in.
        """
        start, stop = self.limits()
        if not start < stop:
            raise PlanError(
                f"procedure {self.name!r}: wanted evolution_start < evolution_stop, got {start!r}, {stop!r}"
            )
        if self.spacing == "logarithmic" and start <= 0:
            raise PlanError(
                f"procedure {self.name!r}: wanted evolution_start > 0 for logarithmic spacing, got {start!r}"
            )
        spaced = np.geomspace if self.spacing == "logarithmic" else np.linspace
        step, taken, count = self.time_step or _DEFAULT_STEP, self._taken(), len(self.phases())
        steps = np.round((spaced(start, stop, self.evolution_times) - taken) / step)
        if np.any(np.diff(steps) < 1):
            raise PlanError(
                f"procedure {self.name!r}: {steps.size} times from {start:g} s to {stop:g} s are closer than "
                f"the time step of {step:g} s; take fewer or over a longer range"
            )
        least = count * sum(self.pulse_lengths()) if count else taken
        if steps[0] * step + taken < least * (1 - 1e-9):
            raise PlanError(
                f"procedure {self.name!r}: wanted times in which the pulses fit, of at least {least:.4g} s, "
                f"got evolution_start of {start:g} s; begin later, or take fewer or shorter pulses"
            )
        return np.asarray(steps * step + taken, dtype=np.float64)

    def _taken(self) -> float:
        """Return what the time of evolution has beyond whole time steps, s."""
        return 0.0

    # -- sequences ---------------------------------------------------------------------------------------

    def last_phase(self) -> str:
        """Return the phase of the last π/2 pulse that leads back to |0> if nothing is lost."""
        # A π pulse about the axis of the coherence keeps it; one about the axis of the first pulse turns it.
        along = sum(phase.strip("-") == self.first_phase.strip("-") for phase in self.phases())
        return self.first_phase if along % 2 else _OPPOSITE[self.first_phase]

    def sequence(self, evolution_time: float, *, bright: bool) -> PulseSequence:
        """Return one period of the pulse sequence; both kinds last equally long.

        Parameters
        ----------
        evolution_time
            Middle of the first to the middle of the last pulse, s.
        bright
            Whether the last pulse leads to |0>, if nothing is lost; otherwise it does the opposite.
        """
        half, full = self.pulse_lengths()
        step, phases = self.time_step or _DEFAULT_STEP, self.phases()
        steps: list[_Step] = [(("laser",), self.laser_duration), ((), self.guard_time)]
        steps.append((("microwave", *PHASES[self.first_phase]), half))
        ended = half
        for number, phase in enumerate(phases):
            # From middle to middle, half as far at both ends as between two π pulses.
            middle = 0.5 * half + evolution_time * (number + 0.5) / len(phases)
            begins = round((middle - 0.5 * full) / step) * step
            steps += [((), begins - ended), (("microwave", *PHASES[phase]), full)]
            ended = begins + full
        wait = round((evolution_time - self._taken()) / step) * step - (ended if phases else 0.0)
        played = _in_turn([*steps, ((), wait), *self._ending(bright)])
        return played.pulse("trigger", start=0.0, duration=TRIGGER)

    def _ending(self, bright: bool) -> list[_Step]:
        """Return the last pulse and the rest; equally long whatever the last pulse is."""
        half, full = self.pulse_lengths()
        phase = self.last_phase()
        if self.opposite == "phase":
            last = phase if bright else _OPPOSITE[phase]
            return [(("microwave", *PHASES[last]), half), ((), self.rest_time)]
        is_long = bright == phase.startswith("-")
        length = half + full if is_long else half
        lines = ("microwave", *PHASES[phase.strip("-")])
        return [(lines, length), ((), self.rest_time + half + full - length)]

    def sequences(self) -> dict[str, PulseSequence]:
        """Return the sequences of the shortest time, to be drawn."""
        shortest = float(self.evolution_values()[0])
        return {
            "ends in |0>": self.sequence(shortest, bright=True),
            "ends opposite": self.sequence(shortest, bright=False),
        }

    def played(self) -> Iterable[PulseSequence]:
        """Return the sequences of every time."""
        for time in self.evolution_values().tolist():
            for bright in (True, False):
                yield self.sequence(time, bright=bright)

    # -- a point -----------------------------------------------------------------------------------------

    def duration(self, point: Point) -> float:
        """Return the time for which the two sequences are played, s.

        Parameters
        ----------
        point
            The point, with the coordinate ``evolution_time`` in s.
        """
        period = self.sequence(point.coordinates["evolution_time"], bright=True).duration
        return 2 * self.repetitions * period

    def measure(self, bench: Bench, point: Point) -> Mapping[str, object]:
        """Count after both trains; which comes first alternates between averages.

        Parameters
        ----------
        bench
            The connected instruments.
        point
            The point, with the coordinates ``evolution_time`` in s and ``average``.

        Returns
        -------
        Mapping
            For each kind the counts, the contrast and its standard error; and their difference.
        """
        time = point.coordinates["evolution_time"]
        sequences = {"bright": self.sequence(time, bright=True), "dark": self.sequence(time, bright=False)}
        dark_first = int(point.coordinates["average"]) % 2 != 0
        return self.compared(bench, sequences, "coherence", swapped=dark_first)


def _in_turn(steps: Iterable[_Step]) -> PulseSequence:
    """Return the sequence of steps, built at once: a train may have thousands."""
    pulses, now = [], 0.0
    for lines, duration in steps:
        pulses += [Pulse(line, now, duration) for line in lines]
        now += duration
    return PulseSequence(tuple(pulses), now)
