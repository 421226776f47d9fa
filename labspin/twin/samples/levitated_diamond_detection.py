"""What photodiodes on the diamond show a lock-in: the modulated light and angle, and their noise.

Photoluminescence falls on one diode, reflected light on one of a balanced pair whose other sees the laser:
what is left of that is the crystal's angle. Where a line of the pattern switches the microwave, populations
follow within the time of optical pumping, and the crystal follows their torque as the susceptibility of its
libration lets it, ``1/(I(ω_θ² − ω² + iωΓ))``. Both are taken in the periodic steady state of the pattern;
the lock-in sees the harmonic of the pattern that lies at its reference.

Noise is that of the photons, of the laser (1/f below a corner), of the amplifier, and in the angle the
thermal libration, ``S_τ = 4 k_B T I Γ``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.constants import Boltzmann

from labspin.physics.arguments import FloatArray
from labspin.physics.nv import libration_susceptibility
from labspin.twin.sample import ComplexArray, Pattern
from labspin.twin.samples.levitated_diamond_cycle import Conditions, DiamondCycle

__all__ = ["envelope_frame", "harmonic_of", "noise_of", "order_at"]

_FARTHEST = 20.0  # Hz of a harmonic from the reference: what beats faster is filtered away
_ORDERS = 16  # harmonics of the torque that chopped light mixes into one another


def order_at(pattern: Pattern, frequency: float) -> int:
    """Return which harmonic of ``pattern`` a lock-in at ``frequency`` (Hz) sees; 0: none, or DC only."""
    order = round(frequency * pattern.period)
    return order if abs(order / pattern.period - frequency) <= _FARTHEST else 0


def envelope_frame(
    pattern: Pattern, order: int, origin: float, frequency: float, times: FloatArray
) -> ComplexArray:
    """Return what turns a Fourier coefficient of the pattern into the envelope at ``frequency``, (n,)."""
    base = math.fmod(order / pattern.period * origin, 1.0)
    cycles = np.fmod((order / pattern.period - frequency) * times, 1.0) - base
    return np.asarray(2.0 * np.exp(2j * math.pi * cycles))


def harmonic_of(cycle: DiamondCycle, detector: str, pattern: Pattern, order: int, now: Conditions) -> complex:
    """Return the Fourier coefficient of a photodiode's voltage, V."""
    settings = cycle.settings
    if pattern.line("laser").max() < 0.5:
        return 0j
    if detector == "pl_photodiode":
        emitted = cycle.coefficients(pattern, np.array([order]), now)[0, 0]
        return complex(settings.pl_voltage * emitted * cycle.collected / settings.photon_rate)
    steady = pattern.line("laser").min() > 0.5
    orders = np.array([order]) if steady else order + np.arange(-_ORDERS, _ORDERS + 1)
    light, angle = _light(pattern, order - orders, now), _angle(cycle, pattern, orders, now)
    return complex(settings.angle_voltage * settings.speckle_slope * (light @ angle))


def _angle(cycle: DiamondCycle, pattern: Pattern, orders: NDArray[np.int64], now: Conditions) -> ComplexArray:
    """Return Fourier coefficients (m,) of the crystal's angle, rad."""
    torque = cycle.coefficients(pattern, orders, now)[:, 1]
    omega = 2 * math.pi * orders / pattern.period
    return np.asarray(
        libration_susceptibility(mode=cycle.settings.libration, angular_frequency=omega) * torque
    )


def _light(pattern: Pattern, orders: NDArray[np.int64], now: Conditions) -> ComplexArray:
    """Return Fourier coefficients (m,) of the laser's power over the reference."""
    on = pattern.line("laser") > 0.5
    omega = 2j * math.pi * orders[:, None] / pattern.period
    edges = np.exp(-omega * pattern.boundaries)
    inner = np.divide(edges[:, :-1] - edges[:, 1:], omega, where=omega != 0, out=np.zeros_like(edges[:, 1:]))
    parts = np.where(omega != 0, inner, pattern.durations)
    return np.asarray(now.light * (parts @ on) / pattern.period)


def noise_of(
    cycle: DiamondCycle, detector: str, pattern: Pattern, frequency: float, now: Conditions
) -> float:
    """Return the noise of a photodiode about ``frequency`` (Hz), V/√Hz, one-sided."""
    settings, none = cycle.settings, np.zeros(1, np.int64)
    laser = settings.laser_noise * math.sqrt(1 + settings.laser_noise_corner / max(frequency, 1e-3))
    if detector == "pl_photodiode":
        level = abs(harmonic_of(cycle, detector, pattern, 0, now))
        shot = math.sqrt(2 * settings.pl_voltage * level / settings.pl_photons)
        return math.hypot(settings.amplifier_noise, shot, laser * level)
    level = settings.angle_voltage * float(_light(pattern, none, now)[0].real)
    turned = abs(harmonic_of(cycle, detector, pattern, 0, now))
    shot = math.sqrt(2 * 2 * settings.angle_voltage * level / settings.angle_photons)
    unbalanced = laser * math.hypot(level / settings.balance, turned)
    thermal = level * abs(settings.speckle_slope) * _thermal_angle(cycle, frequency)
    return math.hypot(settings.amplifier_noise, shot, unbalanced, thermal)


def _thermal_angle(cycle: DiamondCycle, frequency: float) -> float:
    """Return the thermal libration about ``frequency``, rad/√Hz."""
    mode, kelvin = cycle.settings.libration, cycle.settings.temperature
    force = math.sqrt(4 * Boltzmann * kelvin * mode.moment_of_inertia * mode.damping_rate)
    response = libration_susceptibility(mode=mode, angular_frequency=2 * math.pi * frequency)
    return force * float(np.abs(response))
