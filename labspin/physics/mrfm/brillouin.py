"""The mean moment of a spin S in thermal equilibrium, and how it changes with the field.

The 2S + 1 levels are equidistant, so populations are powers of one Boltzmann factor ``y = exp(−t)``, where
``t = ħ|γ|B/k_BT``. The mean moment (Brillouin function) and its slope are ratios of polynomials in y with
positive coefficients only. Nothing can overflow, and nothing cancels at small or large t: at S = 1/2 these
are tanh(t/2) and sech²(t/2), for larger S the usual difference of two hyperbolic cotangents, without its
loss of digits.

====================  =====================================================
``t``                 level spacing over thermal energy, ħ|γ|B/(k_B T)
``x = S t``           β μ_s B, the argument of tanh in the thesis
``Br_S(x)``           mean moment / μ_s; tanh(x) for S = 1/2
``Br_S'(x)``          its slope; sech²(x) for S = 1/2
====================  =====================================================
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import finite

__all__ = ["brillouin", "brillouin_slope"]

FloatArray = NDArray[np.float64]

# exp(−t) is zero beyond t = 745; the bound keeps an infinite t (T → 0) out of 0 · inf.
LARGEST_SPACING = 2000.0


def brillouin(*, spin: float, x: ArrayLike) -> FloatArray:
    """Return the Brillouin function Br_S(x), odd in x, with Br_S(∞) = 1.

    Parameters
    ----------
    spin
        S, a positive multiple of 1/2.
    x
        β μ_s B, any shape, any sign.

    Raises
    ------
    ArgumentError
        ``spin`` is no positive multiple of 1/2, or ``x`` is not finite.
    """
    argument = finite("x", x)
    spacing = np.minimum(np.abs(argument) / checked_spin(spin), LARGEST_SPACING)
    return np.copysign(polarisation(spin, spacing), argument)


def brillouin_slope(*, spin: float, x: ArrayLike) -> FloatArray:
    """Return d Br_S/dx, even in x, equal to (S + 1)/(3S) at x = 0.

    Errors are those of `brillouin`.

    Parameters
    ----------
    spin
        S, a positive multiple of 1/2.
    x
        β μ_s B, any shape, any sign.
    """
    spacing = np.minimum(np.abs(finite("x", x)) / checked_spin(spin), LARGEST_SPACING)
    return polarisation_slope(spin, spacing)


def checked_spin(spin: float) -> float:
    """Return ``spin`` if it is a positive multiple of 1/2 (up to 50)."""
    if not (0 < spin <= 50 and float(2 * spin).is_integer()):
        raise ArgumentError(f"spin: wanted a positive multiple of 1/2 up to 50, got {spin!r}")
    return float(spin)


def polarisation(spin: float, spacing: FloatArray) -> FloatArray:
    """Return Br_S at x = S t for level spacings ``t`` ≥ 0 that the caller has checked and bounded."""
    if spin == 0.5:
        half: FloatArray = np.tanh(0.5 * spacing)
        return half
    # Levels ±m in pairs: m y^(S−m) (1 − y^2m), each term positive.
    total = np.zeros_like(spacing)
    for m in np.arange(spin, 0, -1):
        total += m * np.exp((m - spin) * spacing) * -np.expm1(-2 * m * spacing)
    normalised: FloatArray = total / (spin * _partition(spin, np.exp(-spacing)))
    return normalised


def polarisation_slope(spin: float, spacing: FloatArray) -> FloatArray:
    """Return Br_S'(S t) for level spacings ``t`` ≥ 0 that the caller has checked and bounded."""
    y = np.asarray(np.negative(spacing))
    np.exp(y, out=y)
    if spin == 0.5:
        # In place: this is what a fit of κ(T) spends its time on.
        partition = 1 + y
        partition *= partition
        y *= 4
        y /= partition
        return y
    slope = _horner(_variance_coefficients(spin), y)
    slope /= np.square(_partition(spin, y)) * spin**2
    return slope


def _partition(spin: float, y: FloatArray) -> FloatArray:
    return _horner((1.0,) * (round(2 * spin) + 1), y)


@functools.cache
def _variance_coefficients(spin: float) -> tuple[float, ...]:
    """Return c with var(m) Z² = Σ c_p y^p, from Σ_{i<j} p_i p_j (i − j)² with p_i = y^i/Z."""
    n = round(2 * spin)
    coefficients = [0.0] * (2 * n)
    for k in range(1, n + 1):
        for i in range(n - k + 1):
            coefficients[2 * i + k] += k**2
    return tuple(coefficients)


def _horner(coefficients: tuple[float, ...], y: FloatArray) -> FloatArray:
    total = np.full_like(y, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total *= y
        if coefficient:
            total += coefficient
    return total
