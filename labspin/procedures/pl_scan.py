"""Photoluminescence, and the crystal's angle, against the field of the electromagnet, there and back.

Where two classes of NV centres come into resonance they cross-relax: they lose polarisation and glow less,
and their torque on the crystal changes (C. Pellet-Mary *et al.*, PRB 104, L100411 (2021), Figs. 2 and 3).
Both are parts in a thousand, over minutes in which laser and collection drift by as much. So every point
has its own reference, taken in one of two ways:

``reference = "point"``
    Under steady laser light photoluminescence and reflected light are counted at the field of the point,
    twice at ``reference_field``, a few gauss from the resonance, and at the field of the point again. So what
    drifts evenly cancels, and the magnet has no longer ways than with one count of each. Each point's
    reference is its own: one that serves many points would bind their errors together, and no fit could tell.
    What drifts unevenly is in no counting error: count briefly, average often, and let the fit take its
    errors from the scatter. ``pl_drift`` is how much the light at the field of the point changed meanwhile.

``reference = "gate"``
    ::

        laser      ██████▁▁▁▁▁▁▁▁▁▁▁▁      polarise and read out; relax in the dark
        trigger    █▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁
                   A  B                     signal, and reference where polarised again

    Photoluminescence after a dark time over that after repolarisation: what relaxed meanwhile. Needs no way
    to a reference and shows cross-relaxation more deeply, but says nothing of the angle, which follows the
    mean of the whole period and has no second gate to be compared with.

The scan runs up and down in turn (coordinate ``direction``: 1, −1), so that a drift or a lagging magnet shows
as two centres that differ.

The dip is not quite the Gaussian of the resonance. Polarisation falls with the rate of cross-relaxation but
saturates, so the dip is flatter and broader: on the simulated bench the fitted Gaussian is 11 % wider than
the overlap of the two lines in relaxation in the dark. Its centre is true within 0.5 µT.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

from labspin.bench import Bench
from labspin.data import Column
from labspin.errors import PlanError
from labspin.experiment import (
    CountParameter,
    Linear,
    ListParameter,
    Point,
    QuantityParameter,
    Repeat,
    Snake,
    Sweep,
    Values,
)
from labspin.instruments import MagnetSupply, PulseSequence
from labspin.procedures.pulsed import TRIGGER, Gate, PulsedProcedure, normalised, ratio

__all__ = ["PLScan"]

_MARGIN = 2e-6  # s between gate and trigger, in which the counter becomes ready for the next


class PLScan(PulsedProcedure):
    """Photoluminescence and reflected light against the magnet's field, up and down."""

    name = "pl_scan"
    roles: ClassVar[Mapping[str, type]] = MappingProxyType({**PulsedProcedure.roles, "magnet": MagnetSupply})
    coordinates = (
        Column(name="average", role="coordinate", description="pass up and down"),
        Column(name="direction", role="coordinate", description="1 up, -1 down"),
        Column(name="magnet_field", unit="T", role="coordinate", description="of the electromagnet"),
    )
    quantities = (
        Column(name="pl", dtype="int64", description="photoluminescence counts"),
        Column(name="pl_reference", dtype="int64", description="the same at the reference"),
        Column(name="pl_ratio", description="pl / pl_reference, per gate time"),
        Column(name="pl_ratio_errors", description="its standard error by counting statistics"),
        Column(
            name="pl_drift", description="pl of the last count over that of the first, less 1; NaN with gates"
        ),
        Column(name="reflected", dtype="int64", description="reflected-light counts; 0 with gates"),
        Column(name="reflected_reference", dtype="int64", description="the same at the reference field"),
        Column(name="reflected_ratio", description="reflected / reflected_reference; follows the angle"),
        Column(name="reflected_ratio_errors", description="its standard error by counting statistics"),
    )
    signal = "pl_ratio"
    below_signal = ("reflected_ratio",)

    field_start = QuantityParameter("Lowest field", units="T", default="10 G")
    field_stop = QuantityParameter("Highest field", units="T", default="24 G")
    fields = CountParameter("Number of fields", minimum=2, maximum=1_000_000, default=57)
    averages = CountParameter("Passes up and down", minimum=1, maximum=100_000, default=1)
    reference = ListParameter("Reference", choices=["point", "gate"], default="point")
    reference_field = QuantityParameter("Reference field", units="T", default="8 G", group_by="reference",
                                        group_condition="point")  # fmt: skip
    period = QuantityParameter("Period of the trigger", units="s", minimum=1e-5, default="1 ms",
                               group_by="reference", group_condition="point")  # fmt: skip
    laser_duration = QuantityParameter("Laser pulse", units="s", minimum=TRIGGER, default="200 us",
                                       group_by="reference", group_condition="gate")  # fmt: skip
    dark_time = QuantityParameter("Dark time", units="s", minimum=1e-6, default="200 us",
                                  group_by="reference", group_condition="gate")  # fmt: skip
    signal_width = QuantityParameter("Signal gate", units="s", minimum=5e-9, default="20 us",
                                     group_by="reference", group_condition="gate")  # fmt: skip
    reference_width = QuantityParameter("Reference gate", units="s", minimum=5e-9, default="100 us",
                                        group_by="reference", group_condition="gate")  # fmt: skip
    settle_time = QuantityParameter(
        "Field reached to first gate", units="s", minimum=0.0, default="50 ms",
        description="Beyond the magnet's own settling: eddy currents, ring-down of the libration",
    )  # fmt: skip
    repetitions = CountParameter(
        "Periods of each count", minimum=1, maximum=10**9, default=500,
        description="One count a point with gates, else four; the SR400 presets one significant digit",
    )  # fmt: skip

    def plan(self) -> Sweep:
        """Return the fields, up and down in turn."""
        if not self.field_start < self.field_stop:
            raise PlanError(
                f"procedure 'pl_scan': wanted field_start < field_stop, got {self.field_start!r}, "
                f"{self.field_stop!r}"
            )
        if self.reference == "gate" and self.gates()[1][0] < self.signal_width:
            raise PlanError(
                "procedure 'pl_scan': signal and reference gate do not fit into the laser pulse; make it "
                "longer or the gates shorter"
            )
        scan = Linear("magnet.field", self.field_start, self.field_stop, self.fields, unit="T")
        return Repeat(Snake(Values("direction", [1, -1]), scan), self.averages, name="average")

    def sequence(self) -> PulseSequence:
        """Return one period."""
        lit = self.period if self.reference == "point" else self.laser_duration
        period = PulseSequence().then("laser", duration=lit).pulse("trigger", start=0, duration=TRIGGER)
        return period if self.reference == "point" else period.wait(self.dark_time)

    def sequences(self) -> dict[str, PulseSequence]:
        """Return the sequence, to be drawn."""
        return {f"reference by {self.reference}": self.sequence()}

    def gates(self) -> tuple[Gate, Gate]:
        """Return (delay, width) of both gates, s."""
        if self.reference == "point":
            gate = (_MARGIN, self.period - 2 * _MARGIN)
            return gate, gate
        end = self.laser_duration - _MARGIN
        return (0.0, self.signal_width), (end - self.reference_width, self.reference_width)

    @property
    def detectors(self) -> tuple[str, str]:
        """What the gates watch."""
        return ("pl", "reflected") if self.reference == "point" else ("pl", "pl")

    def played(self) -> Iterable[PulseSequence]:
        """Return the sequence."""
        return [self.sequence()]

    def counted(self) -> Iterable[tuple[Sequence[Gate], Sequence[str]]]:
        """Return the gates."""
        return [(self.gates(), self.detectors)]

    def check(self, bench: Bench) -> None:
        """Raise an error if the instruments cannot play the sequence or reach the reference field.

        Parameters
        ----------
        bench
            The instruments.
        """
        super().check(bench)
        if self.reference == "point":
            bench.actuator("magnet.field").check(self.reference_field)

    def duration(self, point: Point) -> float:
        """Return the time for which the sequence is played, without the moves to the reference field, s.

        Parameters
        ----------
        point
            The point; all of them take equally long.
        """
        counts, settled = (4, 3) if self.reference == "point" else (1, 1)
        return float(settled * self.settle_time + counts * self.repetitions * self.sequence().duration)

    def moves(self, point: Point) -> Iterable[Mapping[str, float]]:
        """Return the moves to the reference field and back; none unless the reference is "point".

        Parameters
        ----------
        point
            The point, to whose set-points the second move returns.
        """
        there = {"magnet.field": self.reference_field}
        return (there, point.setpoints) if self.reference == "point" else ()

    def measure(self, bench: Bench, point: Point) -> Mapping[str, object]:
        """Count at the field of the point and at the reference.

        Parameters
        ----------
        bench
            The connected instruments.
        point
            The point, whose set-points have been reached.

        Returns
        -------
        Mapping
            The measured quantities by name.
        """
        return self._with_gate(bench) if self.reference == "gate" else self._with_point(bench, point)

    def _counts(self, bench: Bench, *, settle: bool = True) -> list[int]:
        return self.count(
            bench,
            self.sequence(),
            self.gates(),
            detectors=self.detectors,
            settle=self.settle_time if settle else 0.0,
        )

    def _with_gate(self, bench: Bench) -> dict[str, object]:
        signal, reference = self._counts(bench)
        value, error = normalised(
            signal=signal, reference=reference, gate_ratio=self.reference_width / self.signal_width
        )
        return {
            **_entry("pl", signal, reference, value, error),
            **_entry("reflected", 0, 0, math.nan, math.nan),
            "pl_drift": math.nan,
        }

    def _with_point(self, bench: Bench, point: Point) -> dict[str, object]:
        magnet = bench.actuator("magnet.field")
        first = self._counts(bench)
        magnet.move(self.reference_field)
        references = self._counts(bench), self._counts(bench, settle=False)
        magnet.move(point.setpoints["magnet.field"])  # where the engine believes it to be
        last = self._counts(bench)
        found: dict[str, object] = {"pl_drift": last[0] / first[0] - 1 if first[0] else math.nan}
        for number, detector in enumerate(self.detectors):
            counts = first[number] + last[number]
            reference = sum(counted[number] for counted in references)
            value, error = ratio(counts=counts, reference=reference)
            found |= _entry(detector, counts, reference, value, error)
        return found


def _entry(detector: str, counts: int, reference: int, value: float, error: float) -> dict[str, object]:
    return {
        detector: counts,
        f"{detector}_reference": reference,
        f"{detector}_ratio": value,
        f"{detector}_ratio_errors": error,
    }
