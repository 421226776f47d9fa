"""Ramsey fringes: how fast the coherence of a line is lost without refocusing; T2* and hyperfine lines.

::

    laser      ██████▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁██████
    microwave  ▁▁▁▁▁▁▁▁▁█▁▁▁▁▁▁▁▁▁▁▁▁▁█▁▁▁▁▁▁▁▁▁      π/2 and ∓π/2
                    guard ├ evolution ┤ rest

The microwave is off the line by ``detuning``, so the difference of the two sequences oscillates at the
detuning, and falls as exp(−(t/T2*)²) for a Gaussian line. Where the nucleus of the centre splits the line
(¹⁴N into three, 2.16 MHz apart, ¹⁵N into two, 3.03 MHz), the fringes beat. The recipe ``ramsey`` takes as
many lines as the data show. Times must be close enough for the fastest fringe, the detuning and the
splitting: two a period at the least, which is checked for the detuning.

A coherence precesses during the pulses, too, 2/π of their length each: the recorded time is the wait and as
much, not the time from middle to middle. For ``opposite = "length"`` it is the mean of the two sequences.

The π/2 pulses must be short against T2*, or the lines at the edge are not turned and not seen: T2* comes out
too long. Field and temperature that drift within a run widen the line as it is; the longest T2* that can be
seen is what they leave.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from labspin.errors import PlanError
from labspin.experiment import QuantityParameter, Sweep
from labspin.procedures.trains import PulseTrainReadout

__all__ = ["Ramsey"]


class Ramsey(PulseTrainReadout):
    """Coherence left to itself against time, with the microwave off the line by a known detuning."""

    name = "ramsey"

    evolution_start = QuantityParameter("Shortest time", units="s", minimum=0.0, default="100 ns")
    evolution_stop = QuantityParameter("Longest time", units="s", minimum=1e-9, default="4 us")
    detuning = QuantityParameter(
        "Detuning", units="Hz", default="1 MHz",
        description="Added to the microwave frequency; the fringe's frequency where that is the line's",
    )  # fmt: skip

    def limits(self) -> tuple[float, float]:
        """Return the shortest and the longest time of evolution, s."""
        return self.evolution_start, self.evolution_stop

    def phases(self) -> tuple[str, ...]:
        """Return none: nothing turns the coherence back."""
        return ()

    def _taken(self) -> float:
        """Return the time for which the coherence precesses during the pulses, s."""
        pulses = 2 if self.opposite == "phase" else 1
        return pulses * 2 / math.pi * self.pulse_lengths()[0]

    def settings(self) -> Mapping[str, float]:
        """Return microwave frequency, off the line by the detuning, and power, and what the magnet has."""
        found = dict(super().settings())
        found["microwave.frequency"] += self.detuning
        return found

    def plan(self) -> Sweep:
        """Return the times, shuffled again in every average.

        Raises
        ------
        PlanError
            They are too far apart to see the fringe of the detuning.
        """
        times = self.evolution_values()
        furthest = float(max(times[1:] - times[:-1]))
        if self.spacing == "linear" and abs(self.detuning) * furthest > 0.5:
            raise PlanError(
                f"procedure 'ramsey': wanted two times a period of the detuning of {self.detuning:g} Hz, "
                f"which is {0.5 / abs(self.detuning):.4g} s between times at the most, got {furthest:.4g} s; "
                "take more times, or a smaller detuning"
            )
        return super().plan()
