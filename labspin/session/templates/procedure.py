"""Skeleton: counts of light against the field of the electromagnet.

A procedure says what it needs (roles), what can be set (parameters), what comes out (quantities) and which
points there are (plan), and measures one. It never moves an actuator, cleans up, or opens a file.
"""

from __future__ import annotations

from typing import Any

from labspin.data import Column
from labspin.experiment import CountParameter, Linear, Procedure, QuantityParameter
from labspin.instruments import PhotonCounter, PulseGenerator, PulseSequence


class Skeleton(Procedure):
    """Count the light of one laser pulse at each field."""

    roles = {"pulses": PulseGenerator, "counter": PhotonCounter}  # noqa: RUF012
    quantities = (Column(name="counts", dtype="int64", description="in the gate, all triggers together"),)
    signal = "counts"

    field_stop = QuantityParameter("Largest field", units="T", minimum=0.0, default="2 mT")
    points = CountParameter("Number of fields", minimum=2, default=5)
    gate = QuantityParameter("Length of the gate", units="s", minimum=1e-6, default="200 us")
    triggers = CountParameter("Triggers at each field", minimum=1, default=1000)

    def plan(self) -> Linear:
        """Return the fields; a name with a dot is a set-point, and the engine ramps to it."""
        return Linear("magnet.field", 0.0, self.field_stop, self.points, unit="T")

    def measure(self, bench: Any, point: Any) -> dict[str, int]:
        """Play laser and trigger, and count in one gate."""
        pulses = PulseSequence().pulse("trigger", start=0.0, duration=1e-6)
        bench.pulses.load(pulses.pulse("laser", start=0.0, duration=self.gate + 100e-6))
        bench.counter.arm([(50e-6, self.gate)], triggers=self.triggers)
        bench.pulses.start()
        while not bench.counter.is_done():
            bench.clock.sleep(0.01)
        bench.pulses.stop()
        return {"counts": int(bench.counter.counts()[0])}
