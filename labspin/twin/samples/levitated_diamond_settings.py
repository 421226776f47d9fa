"""Numbers of the simulated diamond, of its trap, and of the light and the detectors around it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from labspin.errors import ArgumentError
from labspin.physics.arguments import finite, non_negative, positive
from labspin.physics.nv import (
    CR_MEASURED,
    LABORATORY_BENCH,
    ChargeDynamics,
    LaboratoryBench,
    LibrationMode,
    Relaxation,
    SpinBath,
    StaticLine,
)

__all__ = ["DiamondSettings"]


@dataclass(frozen=True, kw_only=True)
class DiamondSettings:
    """Numbers of the simulated diamond and of what is around it."""

    bench: LaboratoryBench = LABORATORY_BENCH
    relaxation: Relaxation = CR_MEASURED
    stretching: float = 0.8  # β of the decay
    field_per_current: float = 15e-4  # T/A
    field_offset: float = 0.0  # T, of the electromagnet at zero current
    reference_laser: float = 0.5e-3  # W
    pump_rate: float = 1.3e5  # 1/s, Ω at the reference laser power: the light polarises in about 20 µs
    photon_rate: float = (
        1e6  # 1/s at the reference laser power, all centres in |0> with the field on their axis
    )
    reference_microwave: float = 10.0  # dBm
    rabi_frequency: float = 2e6 * math.pi * 5.0  # rad/s at that power, of a class whose axis is normal to B1
    microwave_direction: tuple[float, float, float] = (1.0, 1.0, 1.0)  # of B1, lab: reaches all four classes
    line_width: float = 2e6 * math.pi * 4.0  # rad/s, σ of the inhomogeneous line, of each hyperfine line
    dephasing_rate: float = 1e6  # 1/s, Γ2 under a long pulse; pulses shorter than 1/Γ2 are coherent
    bath_width: float = 2e6 * math.pi * 1.75  # rad/s, part of the line that moves: an echo's T2 is 1 µs
    bath_time: float = 10e-6  # s, correlation time of that part
    hyperfine_splitting: float = 0.0  # rad/s; 2π·2.16 MHz of ¹⁴N, 2π·3.03 MHz of ¹⁵N
    hyperfine_lines: float = 1  # 3 of ¹⁴N, 2 of ¹⁵N
    charge_recovery: float = 5e-3  # s, in the dark
    charge_loss: float = 200e-6  # s, under the reference laser power
    charge_left: float = 0.85  # fraction of centres that keep their charge under light
    libration: LibrationMode = field(default_factory=LibrationMode)
    reflected_rate: float = 2e6  # 1/s at the reference laser power, of the crystal at rest
    speckle_slope: float = -150.0  # 1/rad, relative change of the reflected light with the angle; either sign
    drift: float = 0.005  # relative, standard deviation
    drift_time: float = 300.0  # s
    pl_voltage: float = 1.0  # V of a photodiode for what ``photon_rate`` is to a counter
    pl_photons: float = 1e9  # 1/s on it then: it looks where a counter would be blinded
    angle_voltage: float = 1.0  # V for the light of the crystal at rest on one diode of a balanced pair
    angle_photons: float = 1e12  # 1/s on it then
    balance: float = 100.0  # by which the pair rejects the laser's own noise
    amplifier_noise: float = 1e-6  # V/√Hz of either amplifier
    laser_noise: float = 1e-5  # 1/√Hz, relative intensity noise far above its corner
    laser_noise_corner: float = 1e3  # Hz, below which it rises as 1/f
    temperature: float = 300.0  # K of the gas that damps the libration

    def __post_init__(self) -> None:
        for name in ("reference_laser", "pump_rate", "photon_rate", "reflected_rate", "line_width",
                     "dephasing_rate", "bath_time", "charge_recovery", "charge_loss", "drift_time",
                     "pl_photons", "angle_photons", "balance"):  # fmt: skip
            positive(name, getattr(self, name))
        for name in (
            "bath_width",
            "hyperfine_splitting",
            "drift",
            "amplifier_noise",
            "laser_noise",
            "laser_noise_corner",
            "temperature",
        ):
            non_negative(name, getattr(self, name))
        for name in ("pl_voltage", "angle_voltage"):
            finite(name, getattr(self, name), unit="V")
        finite("speckle_slope", self.speckle_slope)
        if not 0 <= self.charge_left <= 1:
            raise ArgumentError(f"charge_left: wanted 0 to 1, got {self.charge_left!r}")

        if self.bath_width > self.line_width:
            raise ArgumentError(
                f"bath_width: wanted no more than the line_width of {self.line_width:g} rad/s, of which the "
                f"bath is a part, got {self.bath_width!r}"
            )
        if self.hyperfine_lines not in (1, 2, 3):
            raise ArgumentError(f"hyperfine_lines: wanted 1, 2 or 3, got {self.hyperfine_lines!r}")

    @property
    def bath(self) -> SpinBath:
        """The part of the line that moves."""
        return SpinBath(amplitude=self.bath_width, correlation_time=self.bath_time)

    @property
    def static_line(self) -> StaticLine:
        """The part of the line that does not."""
        return StaticLine(
            width=math.sqrt(self.line_width**2 - self.bath_width**2),
            splitting=self.hyperfine_splitting,
            lines=int(self.hyperfine_lines),
        )

    @property
    def charge(self) -> ChargeDynamics:
        """How centres lose and regain their charge under the reference laser power."""
        return ChargeDynamics(
            loss_time=self.charge_loss, recovery_time=self.charge_recovery, kept=self.charge_left
        )
