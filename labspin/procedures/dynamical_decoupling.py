"""Dynamical decoupling: many π pulses turn a coherence back faster than the bath moves; T2 of N pulses.

::

    laser      ██████▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁██████
    microwave  ▁▁▁▁▁▁▁▁▁█▁▁▁██▁▁▁▁▁▁██▁▁▁▁▁▁██▁▁▁█▁▁▁▁▁▁▁▁▁      π/2, N π pulses, ∓π/2
                    guard ├──── evolution time ────┤ rest

The pulses are equally spaced, the first and the last half as far from the π/2 pulses. What differs between
methods is their phases, and so what becomes of errors of pulses that are too long, too weak or off the line:

========= ============================== ===============================================================
method    phases of the π pulses         errors of pulses
========= ============================== ===============================================================
``CP``    X X X X                        add up for both components of the coherence
``CPMG``  Y Y Y Y                        hardly matter for the component along Y, add up for the other
``XY4``   X Y X Y                        alike for both, compensated to first order
``XY8``   X Y X Y Y X Y X                alike for both, compensated to higher order
``XY16``  XY8, then XY8 with −X and −Y   the same to still higher order
========= ============================== ===============================================================

(H. Y. Carr and E. M. Purcell, Phys. Rev. 94, 630 (1954); S. Meiboom and D. Gill, Rev. Sci. Instrum. 29, 688
(1958); T. Gullion *et al.*, J. Magn. Reson. 89, 479 (1990).) ``first_phase`` says which component is
prepared: CPMG after ``"Y"`` is the one that is lost.

The recipe ``dynamical_decoupling`` finds T2 and the exponent. Runs of different ``pulse_count``, or one with
``[scan] "pulse_count" = [8, 16, 32]``, give a decay for every number, and the recipe ``decoupling_scaling``
finds T2 ∝ Nᵏ from all of them: k = 2/3 for a slow bath of the Ornstein–Uhlenbeck kind, 0 for one that no
pulse outruns.
"""

from __future__ import annotations

from labspin.errors import PlanError
from labspin.experiment import CountParameter, ListParameter, QuantityParameter
from labspin.procedures.trains import PulseTrainReadout

__all__ = ["METHODS", "DynamicalDecoupling"]

_XY8 = ("X", "Y", "X", "Y", "Y", "X", "Y", "X")
METHODS = {
    "CPMG": ("Y",),
    "CP": ("X",),
    "XY4": ("X", "Y", "X", "Y"),
    "XY8": _XY8,
    "XY16": (*_XY8, *(f"-{phase}" for phase in _XY8)),
}
"""Phases of the π pulses of each method, repeated until there are as many as wanted."""


class DynamicalDecoupling(PulseTrainReadout):
    """Coherence after N π pulses against the time of the whole evolution."""

    name = "dynamical_decoupling"

    method = ListParameter("Method", choices=list(METHODS), default="XY8")
    pulse_count = CountParameter(
        "Number of π pulses", minimum=1, maximum=100_000, default=8,
        description="A multiple of 4 for XY4, of 8 for XY8, of 16 for XY16",
    )  # fmt: skip
    first_phase = ListParameter(
        "Phase of the first pulse", choices=["X", "Y"], default="X",
        description="X: the coherence lies along Y, which CPMG keeps",
    )  # fmt: skip
    evolution_start = QuantityParameter("Shortest time", units="s", minimum=1e-9, default="4 us")
    evolution_stop = QuantityParameter("Longest time", units="s", minimum=1e-9, default="100 us")

    def limits(self) -> tuple[float, float]:
        """Return the shortest and the longest time of evolution, s."""
        return self.evolution_start, self.evolution_stop

    def phases(self) -> tuple[str, ...]:
        """Return the phases of the π pulses.

        Raises
        ------
        PlanError
            Their number is no multiple of the method's.
        """
        unit = METHODS[self.method]
        if self.pulse_count % len(unit):
            nearest = max(self.pulse_count // len(unit), 1) * len(unit)
            raise PlanError(
                f"procedure 'dynamical_decoupling': wanted a multiple of {len(unit)} pulses for "
                f"{self.method}, got {self.pulse_count}; take {nearest}, or another method"
            )
        return unit * (self.pulse_count // len(unit))
