"""Numbers of the simulated cantilever, of the spins under it, and of its read-out."""

from __future__ import annotations

from dataclasses import dataclass, field

from labspin.physics.arguments import finite, non_negative, positive
from labspin.physics.mrfm import (
    ELECTRON_G2,
    THESIS_FIG_3_3,
    Magnet,
    PowerLawT1,
    Resonator,
    SpinSpecies,
    T1Model,
)
from labspin.twin.samples.cryostat import CryostatSettings

__all__ = ["CANTILEVER_TRUTH_UNITS", "BathSettings", "CantileverSettings"]

CANTILEVER_TRUTH_UNITS = {
        "temperature": "K", "resonance_frequency": "Hz", "frequency_shift": "Hz", "stiffness_real": "N/m",
        "stiffness_imag": "N/m", "T1": "s", "density": "1/m**2", "bare_frequency": "Hz",
        "magnet_moment": "A*m**2", "distance": "m", "curve_temperature": "K",
        "curve_resonance_frequency": "Hz", "curve_T1": "s",
}  # fmt: skip
"""Units of what a perfect measurement finds; the density of spins in the bulk is one per volume."""


@dataclass(frozen=True, kw_only=True)
class BathSettings:
    """Spins of one kind in the sample."""

    species: SpinSpecies = ELECTRON_G2
    density: float = THESIS_FIG_3_3.density  # 1/m² on a surface, 1/m³ in the bulk
    bulk: bool = False  # whether they fill the half-space, or cover the surface
    depth: float = 0.0  # m below the sample's surface at which they begin
    t1: T1Model = field(default_factory=lambda: PowerLawT1(t1=5e-5, reference=0.1, exponent=-1.0))

    def __post_init__(self) -> None:
        non_negative(f"density of the {self.species.name} bath", self.density)
        non_negative(f"depth of the {self.species.name} bath", self.depth, unit="m")


@dataclass(frozen=True, kw_only=True)
class CantileverSettings:
    """Numbers of the simulated cantilever and of what is around it."""

    resonator: Resonator = THESIS_FIG_3_3.resonator
    magnet: Magnet = THESIS_FIG_3_3.magnet
    baths: tuple[BathSettings, ...] = (BathSettings(),)
    cryostat: CryostatSettings = field(default_factory=CryostatSettings)
    distance: float = 2.2e-6  # m, of the magnet's centre from the surface unless a positioner says otherwise
    force_per_volt: float = 5e-15  # N/V of the drive
    gain: float = 1e6  # V/m of the read-out
    phase: float = 0.0  # rad, of the read-out
    cross_talk: complex = 2e-5 + 1e-5j  # V/V, from the drive to the read-out
    noise: float = 2e-7  # V/√Hz of the read-out, one-sided

    def __post_init__(self) -> None:
        positive("distance", self.distance, unit="m")
        for name in ("force_per_volt", "gain", "phase"):
            finite(name, getattr(self, name))
        non_negative("noise", self.noise, unit="V/√Hz")
