"""Mechanically (and optically) detected magnetic resonance: light and angle against the microwave frequency.

Under steady laser light the microwave turns the spins of a class where it meets one of its transitions. Less
polarised, they glow less: the photoluminescence dips, whichever class it is. And their torque on the crystal
changes: the angle turns one way or the other, with it the reflected light (C. Pellet-Mary *et al.*, PRB 104,
L100411 (2021), Fig. 4).

::

    laser      ████████████████████
    microwave  ████████████████████      in one count; in the other nothing
    trigger    █▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁
    gates       ██████████████████       A: photoluminescence, B: reflected light

At every frequency the same gates are counted with and without the microwave, in alternating order; the
ratio of the two sees neither the drift of the light nor the brightness at that field. The two are counts of
their own, not halves of one period, because the crystal turns with the period of its libration: it has to be
given ``settle_time`` after the microwave is switched. Where there is light enough for photodiodes,
`labspin.procedures.mdmr_lockin` switches the microwave many times a second instead and asks a lock-in.

Strong microwaves saturate: the dips become broad and flat, and where two of them overlap, their positions
shift. Take the power down until the depth falls with it, to read positions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from labspin.bench import Bench
from labspin.data import Column
from labspin.errors import PlanError
from labspin.experiment import BooleanParameter, CountParameter, Point, QuantityParameter, Sweep
from labspin.instruments import PulseSequence
from labspin.procedures.mdmr_scan import FrequencyScan
from labspin.procedures.pulsed import TRIGGER, Gate, PulsedProcedure, ratio

__all__ = ["MDMR"]


class MDMR(FrequencyScan, PulsedProcedure):
    """Photoluminescence and reflected light against microwave frequency, at several fields."""

    name = "mdmr"
    roles: ClassVar[Mapping[str, type]] = MappingProxyType({**FrequencyScan.roles, **PulsedProcedure.roles})
    quantities = (
        Column(name="pl_on", dtype="int64", description="photoluminescence counts with microwave"),
        Column(name="pl_off", dtype="int64", description="photoluminescence counts without"),
        Column(name="pl_ratio", description="pl_on / pl_off; dips at every transition"),
        Column(name="pl_ratio_errors", description="its standard error by counting statistics"),
        Column(name="reflected_on", dtype="int64", description="reflected-light counts with microwave"),
        Column(name="reflected_off", dtype="int64", description="reflected-light counts without"),
        Column(name="reflected_ratio", description="reflected_on / reflected_off; follows the angle"),
        Column(name="reflected_ratio_errors", description="its standard error by counting statistics"),
    )
    signal = "pl_ratio"
    below_signal = ("reflected_ratio",)
    lines_apart = 0.6

    repetitions = CountParameter(
        "Periods counted with and without microwave", minimum=1, maximum=10**9, default=200,
        description="The SR400 presets one significant digit",
    )  # fmt: skip
    period = QuantityParameter("Period of the trigger", units="s", minimum=1e-6, default="1 ms")
    gate_margin = QuantityParameter(
        "Trigger to gate, and gate to trigger", units="s", minimum=1e-9, default="2 us",
        description="Time that the counter needs to be ready for the next trigger",
    )  # fmt: skip
    settle_time = QuantityParameter(
        "Microwave switched to first gate", units="s", minimum=0.0, default="10 ms",
        description="Ring-down of the libration",
    )  # fmt: skip
    angle = BooleanParameter("Reflected light as well", default=True)

    def plan(self) -> Sweep:
        """Return field by field the frequencies, shuffled again in every average."""
        if 3 * self.gate_margin > self.period:
            raise PlanError(
                f"procedure 'mdmr': a gate_margin of {self.gate_margin:g} s leaves no gate in a period of "
                f"{self.period:g} s; make the period longer"
            )
        return super().plan()

    def sequence(self, *, microwave: bool) -> PulseSequence:
        """Return one period, with or without microwave.

        Parameters
        ----------
        microwave
            Whether the microwave is on during the period.
        """
        lines = ("laser", "microwave") if microwave else ("laser",)
        return PulseSequence().then(*lines, duration=self.period).pulse("trigger", start=0, duration=TRIGGER)

    def sequences(self) -> dict[str, PulseSequence]:
        """Return both sequences, to be drawn."""
        return {"on": self.sequence(microwave=True), "off": self.sequence(microwave=False)}

    def gates(self) -> tuple[Gate, ...]:
        """Return (delay, width) of the gate of each detector, s."""
        gate = (self.gate_margin, self.period - 2 * self.gate_margin)
        return (gate, gate) if self.angle else (gate,)

    @property
    def detectors(self) -> tuple[str, ...]:
        """What the gates watch."""
        return ("pl", "reflected") if self.angle else ("pl",)

    def played(self) -> Iterable[PulseSequence]:
        """Return both sequences."""
        return self.sequences().values()

    def counted(self) -> Iterable[tuple[Sequence[Gate], Sequence[str]]]:
        """Return the gates."""
        return [(self.gates(), self.detectors)]

    def duration(self, point: Point) -> float:
        """Return the time for which both sequences are played, s.

        Parameters
        ----------
        point
            The point; all of them take equally long.
        """
        return float(2 * (self.settle_time + self.repetitions * self.period))

    def measure(self, bench: Bench, point: Point) -> Mapping[str, object]:
        """Count with and without microwave, first with it at every other point.

        Parameters
        ----------
        bench
            The connected instruments.
        point
            The point, whose set-points have been reached; its index decides the order.

        Returns
        -------
        Mapping
            Counts with and without microwave, their ratio and its standard error, for each detector.
        """
        on_first = point.index % 2 == 0
        counts = {on: self._counts(bench, microwave=on) for on in (on_first, not on_first)}
        found: dict[str, Any] = {}
        for number, detector in enumerate(("pl", "reflected")):
            on, off = counts[True][number], counts[False][number]
            value, error = ratio(counts=on, reference=off)
            found |= {f"{detector}_on": on, f"{detector}_off": off}
            found |= {f"{detector}_ratio": value, f"{detector}_ratio_errors": error}
        return found

    def _counts(self, bench: Bench, *, microwave: bool) -> list[int]:
        counts = self.count(
            bench,
            self.sequence(microwave=microwave),
            self.gates(),
            detectors=self.detectors,
            settle=self.settle_time,
        )
        return counts if self.angle else [*counts, 0]
