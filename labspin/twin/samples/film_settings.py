"""Numbers of the simulated film, diamond and cantilever, and the depths of a layer of centres."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from labspin.physics.arguments import FloatArray, finite, non_negative, positive
from labspin.physics.mrfm import Resonator
from labspin.physics.nv import NV_OPTICAL_RATES, OpticalRates
from labspin.physics.spinwaves import NV_TABLE1, YIG_FIGURES, Film, ParamagneticSpin
from labspin.twin.sample import ComplexArray

__all__ = ["FILM_TRUTH_UNITS", "FilmSettings", "Motion", "depths_of", "warmed"]

FILM_TRUTH_UNITS = {
        "field": "T", "angle": "rad", "distance": "m", "depth": "m", "T1": "s", "T1_slow": "s",
        "lower_rate": "1/s", "upper_rate": "1/s", "lower_transition": "Hz", "upper_transition": "Hz",
        "lower_shift": "Hz", "force": "N", "stiffness_real": "N/m", "stiffness_imag": "N/m",
        "resonance_frequency": "Hz", "field_per_current": "T/A",
}  # fmt: skip
"""Units of what a perfect measurement finds."""

_DEPTHS = 5


@dataclass(frozen=True, kw_only=True)
class FilmSettings:
    """Numbers of the simulated film, diamond and cantilever, and of what is around them."""

    film: Film = YIG_FIGURES
    spin: ParamagneticSpin = NV_TABLE1
    cycle: OpticalRates = NV_OPTICAL_RATES
    double_quantum_rate: float = 0.0  # 1/s, of |−> <-> |+>, beside what the spin itself has
    temperature: float = 300.0  # K, of film, diamond and cantilever
    light_heating: float = 0.0  # K/W, by which the mean power of the light warms film and diamond
    microwave_heating: float = 0.0  # K/W, by which that of the microwave does
    centres: float = 1000.0  # how many NV centres
    layer_thickness: float = 0.0  # m, over which they are spread away from the film; 0 is one depth
    distance: float = 200e-9  # m, of the nearest centre from the film unless a positioner says otherwise
    contact: float = 6e-9  # m, distance from which on the tip touches the film
    field_elevation: float = 0.0  # rad, of the field out of the plane of the film
    axis_tilt: float = 0.0  # rad, by which the axis lies farther out of the plane than the field
    field_per_current: float = 10e-3  # T/A
    field_offset: float = 5e-3  # T, at zero current
    reference_laser: float = 0.1e-3  # W
    pump_rate: float = 4e4 * math.pi  # rad/s, Ω at the reference laser power
    photon_rate: float = 5e5  # 1/s at the reference laser power, all centres in |0>
    reference_microwave: float = 10.0  # dBm
    rabi_frequency: float = 2e6 * math.pi * 5.0  # rad/s of |0> <-> |−> at the reference microwave power
    inhomogeneous_width: float = 2e6 * math.pi * 0.3  # rad/s, σ of the line in a short pulse
    drift: float = 0.005  # relative, standard deviation of light and collection
    drift_time: float = 300.0  # s
    cantilever: Resonator = field(default_factory=lambda: Resonator(1e-4, 2 * math.pi * 5e3, 5e4))
    force_per_volt: float = 5e-15  # N/V of the drive
    gain: float = 1e6  # V/m of the read-out
    cross_talk: complex = 0.0  # V/V, from the drive to the read-out
    noise: float = 2e-7  # V/√Hz of the read-out, one-sided

    def __post_init__(self) -> None:
        for name in ("temperature", "centres", "distance", "reference_laser", "pump_rate", "photon_rate",
                     "rabi_frequency", "drift_time"):  # fmt: skip
            positive(name, getattr(self, name))
        for name in (
            "layer_thickness",
            "drift",
            "noise",
            "contact",
            "inhomogeneous_width",
            "double_quantum_rate",
            "light_heating",
            "microwave_heating",
        ):
            non_negative(name, getattr(self, name))
        for name in ("field_per_current", "field_offset", "force_per_volt", "gain", "field_elevation",
                     "axis_tilt"):  # fmt: skip
            finite(name, getattr(self, name))


_WARM = 0.5
"""K in steps of which film and diamond grow warmer: each is an integral over spin waves of its own."""
_SPLITTING_SLOPE = -74.2e3 * 2 * math.pi
"""dD/dT of NV centres near 300 K, rad/(s K): V. M. Acosta *et al.*, Phys. Rev. Lett. 104, 070801 (2010)."""
_MAGNETISATION_SLOPE = -2.2e-3
"""Assumed for d ln M_S/dT of YIG near 300 K, 1/K: its magnetisation vanishes at 559 K."""


def warmed(settings: FilmSettings, light: float, microwave: float) -> FilmSettings:
    """Return the settings of film and diamond that light and microwave have warmed.

    Spin waves are more, the magnetisation is less and the lines are lower. Everything is as warm at once: the
    film's time constant (µs to ms) is that of a mean over the pulses.

    Parameters
    ----------
    settings
        Numbers of the cold film and diamond.
    light, microwave
        Mean power, W.
    """
    rise = settings.light_heating * max(light, 0.0) + settings.microwave_heating * max(microwave, 0.0)
    rise = _WARM * round(rise / _WARM)
    if rise == 0:
        return settings
    spin, film = settings.spin, settings.film
    splitting = spin.zero_field_splitting + _SPLITTING_SLOPE * rise
    magnetisation = film.magnetisation * math.exp(_MAGNETISATION_SLOPE * rise)
    return replace(
        settings, temperature=settings.temperature + rise, spin=replace(spin, zero_field_splitting=splitting),
        film=replace(film, magnetisation=magnetisation),
    )  # fmt: skip


@dataclass
class Motion:
    """Where the cantilever is."""

    time: float  # s
    driven: ComplexArray  # m, in the frame of the drive
    thermal: FloatArray  # m, in the lab
    phase: float  # rad, of the drive


def depths_of(nearest: float, thickness: float) -> tuple[FloatArray, FloatArray]:
    """Return depths (m) and shares of a layer of centres.

    Parameters
    ----------
    nearest
        Distance of the nearest from the film, m.
    thickness
        Thickness of the layer, m; 0 is one depth.
    """
    if thickness == 0:
        return np.array([nearest]), np.ones(1)
    nodes, weights = np.polynomial.legendre.leggauss(_DEPTHS)
    return nearest + 0.5 * thickness * (nodes + 1), 0.5 * weights
