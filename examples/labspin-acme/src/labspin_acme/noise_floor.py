"""Counts of light against the level of the AcmeSupply.

A procedure says what it needs (roles), what can be set (parameters), what comes out (quantities) and which
points there are (plan), and measures one. It never moves an actuator, cleans up, or opens a file.
"""

from __future__ import annotations

from typing import Any

from labspin.data import Column
from labspin.experiment import CountParameter, Linear, Procedure, QuantityParameter
from labspin.instruments import PhotonCounter, PulseGenerator, PulseSequence


class NoiseFloor(Procedure):
    """Count the light of one laser pulse at each level of the supply."""

    name = "noise_floor"
    roles = {"pulses": PulseGenerator, "counter": PhotonCounter}  # noqa: RUF012
    quantities = (Column(name="counts", dtype="int64", description="in the gate, all triggers together"),)
    signal = "counts"

    level_stop = QuantityParameter("Largest level", units="V", minimum=0.0, default="2 V")
    points = CountParameter("Number of levels", minimum=2, default=5)
    gate = QuantityParameter("Length of the gate", units="s", minimum=1e-6, default="200 us")
    triggers = CountParameter("Triggers at each level", minimum=1, default=1000)

    def plan(self) -> Linear:
        """Return the levels; a name with a dot is a set-point, and the engine ramps to it."""
        return Linear("acme_supply.level", 0.0, self.level_stop, self.points, unit="V")

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
