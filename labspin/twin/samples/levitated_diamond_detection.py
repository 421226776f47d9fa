"""What photodiodes on the diamond show a lock-in: the modulated light and angle, and their noise.

Photoluminescence falls on one diode, reflected light on one of a balanced pair whose other sees the laser:
what is left of that is the crystal's angle. Where a line of the pattern switches the microwave, populations
follow within the time of optical pumping, and the crystal follows their torque as the susceptibility of its
libration lets it, ``1/(I(ω_θ² − ω² + iωΓ))``. Both are taken in the periodic steady state of the pattern; the
lock-in is told of the harmonics around its reference. The mean does not reach it: the diodes' amplifiers pass
alternating voltages only.

Noise is that of the photons, of the laser (1/f below a corner) and of the amplifier, which hardly change
over the width of a filter, and in the angle the thermal libration (``S_τ = 4 k_B T I Γ``), which does: it is
handed on as the Brownian motion that it is.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from labspin.physics.constants import k
from labspin.physics.nv import LibrationMode, libration_susceptibility
from labspin.physics.rc_filter import GaussianProcess
from labspin.twin.inputs import Pattern
from labspin.twin.sample import ComplexArray
from labspin.twin.samples.levitated_diamond_cycle import Conditions, DiamondCycle

__all__ = ["harmonics_of", "noise_of", "orders_near", "thermal_libration", "volts_per_angle"]

_NEAR = 2  # harmonics on each side of the one that lies nearest to the reference
_ORDERS = 16  # harmonics of the torque that chopped light mixes into one another


def orders_near(pattern: Pattern, frequency: float) -> NDArray[np.int64]:
    """Return the orders of the harmonics of ``pattern`` that lie nearest to ``frequency``; all are ≥ 1.

    Parameters
    ----------
    pattern
        What the pulse generator plays.
    frequency
        Reference frequency, Hz.
    """
    nearest = max(round(frequency * pattern.period), 1)
    return np.arange(max(nearest - _NEAR, 1), nearest + _NEAR + 1)


def harmonics_of(
    cycle: DiamondCycle, detector: str, pattern: Pattern, orders: NDArray[np.int64], now: Conditions
) -> ComplexArray:
    """Return Fourier coefficients (m,) of a photodiode's voltage, V.

    Parameters
    ----------
    cycle
        Rate model of the diamond.
    detector
        ``"pl_photodiode"``; any other name is the photodiode of the angle.
    pattern
        What the pulse generator plays, repeated for ever.
    orders
        Orders of the harmonics, of any sign; shape (m,).
    now
        Present state of the diamond.
    """
    settings = cycle.settings
    if pattern.line("laser").max() < 0.5:
        return np.zeros(orders.size, dtype=np.complex128)
    if detector == "pl_photodiode":
        emitted = cycle.coefficients(pattern, orders, now)[:, 0]
        return np.asarray(settings.pl_voltage * emitted * cycle.collected / settings.photon_rate)
    scale = settings.angle_voltage * settings.speckle_slope
    if pattern.line("laser").min() > 0.5:
        light = _light(pattern, np.zeros(1, np.int64), now)[0]
        return np.asarray(scale * light * _angle(cycle, pattern, orders, now))
    mixed = np.arange(orders.min() - _ORDERS, orders.max() + _ORDERS + 1)
    angle = _angle(cycle, pattern, mixed, now)
    light = np.array([_light(pattern, order - mixed, now) for order in orders])
    return np.asarray(scale * (light @ angle))


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
    """Return the noise of a photodiode about ``frequency`` without that of the libration, V/√Hz, one-sided.

    Parameters
    ----------
    cycle
        Rate model of the diamond.
    detector
        ``"pl_photodiode"``; any other name is the photodiode of the angle.
    pattern
        What the pulse generator plays, repeated for ever.
    frequency
        Frequency about which the noise is wanted, Hz.
    now
        Present state of the diamond.
    """
    settings, none = cycle.settings, np.zeros(1, np.int64)
    laser = settings.laser_noise * math.sqrt(1 + settings.laser_noise_corner / max(frequency, 1e-3))
    if detector == "pl_photodiode":
        level = abs(harmonics_of(cycle, detector, pattern, none, now)[0])
        shot = math.sqrt(2 * settings.pl_voltage * level / settings.pl_photons)
        return math.hypot(settings.amplifier_noise, shot, laser * level)
    level = settings.angle_voltage * float(_light(pattern, none, now)[0].real)
    turned = abs(harmonics_of(cycle, detector, pattern, none, now)[0])
    shot = math.sqrt(2 * 2 * settings.angle_voltage * level / settings.angle_photons)
    unbalanced = laser * math.hypot(level / settings.balance, turned)
    return math.hypot(settings.amplifier_noise, shot, unbalanced)


def volts_per_angle(cycle: DiamondCycle, pattern: Pattern, now: Conditions) -> float:
    """Return the voltage of the angle's photodiode per angle, V/rad, averaged over the pattern.

    Parameters
    ----------
    cycle
        Rate model of the diamond, with its settings.
    pattern
        What the pulse generator plays.
    now
        Present state of the diamond.
    """
    settings = cycle.settings
    level = settings.angle_voltage * float(_light(pattern, np.zeros(1, np.int64), now)[0].real)
    return level * settings.speckle_slope


def thermal_libration(mode: LibrationMode, temperature: float) -> GaussianProcess:
    """Return the Brownian motion (θ, θ') of the crystal in its trap at ``temperature`` (K).

    Parameters
    ----------
    mode
        The libration: frequency, damping and moment of inertia.
    temperature
        Temperature of the motion, K.
    """
    omega = mode.angular_frequency
    matrix = np.array([[0.0, 1.0], [-(omega**2), -mode.damping_rate]])
    energy = k * temperature / mode.moment_of_inertia
    return GaussianProcess(matrix, np.diag([energy / omega**2, energy]))
