"""Hahn echo: the coherence that one π pulse brings back, whatever does not change meanwhile; T2.

::

    laser      ██████▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁██████
    microwave  ▁▁▁▁▁▁▁▁▁█▁▁▁▁▁▁▁▁██▁▁▁▁▁▁▁▁█▁▁▁▁▁▁▁▁▁      π/2, π, ∓π/2
                    guard ├ evolution time ┤ rest

The π pulse in the middle turns the phase over: what a static line did before it is undone after it (E. L.
Hahn, Phys. Rev. 80, 580 (1950)). What is lost is what moved: exp(−(t/T2)³) for a bath that is slow against
T2, exp(−t/T2) for one that is fast. The time is that of the whole evolution, twice the one between pulses.
The recipe ``echo_decay`` leaves the exponent to the data.

``echo_phase = "Y"`` makes the π pulse along the coherence, so that its errors hardly matter; it needs the
line ``phase_90``.
"""

from __future__ import annotations

from labspin.experiment import ListParameter, QuantityParameter
from labspin.procedures.trains import PulseTrainReadout

__all__ = ["HahnEcho"]


class HahnEcho(PulseTrainReadout):
    """Coherence after one π pulse against the time of the whole evolution."""

    name = "hahn_echo"

    evolution_start = QuantityParameter("Shortest time", units="s", minimum=1e-9, default="500 ns")
    evolution_stop = QuantityParameter("Longest time", units="s", minimum=1e-9, default="40 us")
    echo_phase = ListParameter(
        "Phase of the π pulse", choices=["Y", "X"], default="Y",
        description="Y: along the coherence, by the line phase_90; X: that of the first pulse",
    )  # fmt: skip

    def limits(self) -> tuple[float, float]:
        """Return the shortest and the longest time of evolution, s."""
        return self.evolution_start, self.evolution_stop

    def phases(self) -> tuple[str, ...]:
        """Return the phase of the one π pulse."""
        return (str(self.echo_phase),)
