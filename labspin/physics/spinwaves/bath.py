"""What the spin waves of a film do to one spin near it: rates Γ±, shifts δ±, and their gradients.

`spin_wave_bath` is the one expensive step of the NV side; everything else (lifetimes, occupations, forces) is
algebra on its result.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.constants import hbar, mu_0

from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray, broadcast, positive
from labspin.physics.spinwaves.film import Film
from labspin.physics.spinwaves.integrals import Integrals, Probes, spin_wave_integrals
from labspin.physics.spinwaves.nv import ParamagneticSpin, transition_frequencies

__all__ = ["SpinWaveBath", "check_tolerance", "coupling_scale", "spin_wave_bath"]


_RATE_FACTOR = {"consistent": 1.0, "printed": 2.0}


@dataclass(frozen=True)
class SpinWaveBath:
    """Effect of thermal spin waves on a spin, each an array of the broadcast shape.

    Parameters
    ----------
    sum_rate, difference_rate
        Γ± = (κ_d ± κ_a)/2 in 1/s, Eq. (244).
    shift_minus, shift_plus
        δ∓ of the transitions |0> <-> |∓>, in rad/s, Eq. (256).
    shift_minus_gradient, shift_plus_gradient
        dδ∓/dl in rad/(s m), from the derivative of the integrand.
    sum_rate_error, difference_rate_error, shift_minus_error, shift_plus_error
        Bounds of the integration error of the four, in their units.
    bands
        How many bands were summed.
    """

    sum_rate: FloatArray
    difference_rate: FloatArray
    shift_minus: FloatArray
    shift_plus: FloatArray
    shift_minus_gradient: FloatArray
    shift_plus_gradient: FloatArray
    sum_rate_error: FloatArray
    difference_rate_error: FloatArray
    shift_minus_error: FloatArray
    shift_plus_error: FloatArray
    bands: int


def coupling_scale(film: Film, spin_gyromagnetic_ratio: float) -> float:
    """Return v² of Eq. (245), in m²/s²."""
    return float(
        mu_0**2
        * film.gyromagnetic_ratio
        * spin_gyromagnetic_ratio**2
        * hbar
        * film.magnetisation
        / (16 * np.pi**2 * film.thickness)
    )


def check_tolerance(rtol: float) -> float:
    """Return a relative tolerance that double precision can keep."""
    if not 1e-11 <= rtol <= 1e-1:
        raise ArgumentError(f"rtol: wanted a tolerance between 1e-11 and 0.1, got {rtol!r}")
    return float(rtol)


def spin_wave_bath(
    *,
    film: Film,
    spin: ParamagneticSpin,
    distance: ArrayLike,
    field: ArrayLike,
    temperature: ArrayLike,
    rtol: float = 1e-6,
    rates: str = "consistent",
) -> SpinWaveBath:
    """Return relaxation rates, frequency shifts and their gradients of a spin at a distance from the film.

    Parameters
    ----------
    film, spin
        The film (`YIG_FIGURES`, …) and the centre (`NV_TABLE1`).
    distance
        l > 0 from the nearer surface, in m. The result is the same on both sides of the film.
    field, temperature
        μ0H0 in T, at least the saturation field; T > 0 in K. All three broadcast; a grid of distances costs
        little more than one distance, and so do temperatures, while every different field is an integral.
    rtol
        Relative tolerance of every integral, all bands included.
    rates
        "consistent": Γ± = (κ_d ± κ_a)/2 with κ_d, κ_a of (223)–(224). "printed": twice that, as Eq. (244).

    Returns
    -------
    SpinWaveBath
        Rates, shifts, gradients, error bounds.

    Raises
    ------
    ArgumentError
        A distance or temperature is not positive, a field is below saturation or beyond the level crossing,
        or a distance is so small that the bands it needs cannot be summed.

    Notes
    -----
    [SW] prints Γ± = (κ_d ± κ_a)/2 = v² Σ∫…, Eq. (244). That integral is κ_d ± κ_a: (223), (240) with (263),
    the spectral density (113) and Fermi's golden rule all give half of it. Its figures follow (244); ask for
    ``rates="printed"`` to reproduce them.

    Diagonal bands, as in [SW]. Born–Markov and rotating-wave approximations; the second-order shift (254) is
    neglected as there.
    """
    if rates not in _RATE_FACTOR:
        raise ArgumentError(f"rates: wanted 'consistent' or 'printed', got {rates!r}")
    metres = positive("distance", distance, unit="m")
    kelvin = positive("temperature", temperature, unit="K")
    reduced = film.reduced_field(field)
    omega_minus, _ = transition_frequencies(spin=spin, field=field)
    shape = broadcast(distance=metres, field=reduced, temperature=kelvin)
    flat = [np.broadcast_to(array, shape).ravel() for array in (metres, reduced, omega_minus, kelvin)]
    probes, where = _group(film, *flat)
    integrals = spin_wave_integrals(film, probes, check_tolerance(rtol))
    return _bath(film, spin, integrals, where, shape, _RATE_FACTOR[rates])


_Index = tuple[np.ndarray, np.ndarray, np.ndarray]


def _group(
    film: Film, distance: FloatArray, reduced_field: FloatArray, omega: FloatArray, temperature: FloatArray
) -> tuple[Probes, _Index]:
    """Gather requests by field, so that each field is integrated once; return where each request went."""
    fields, first, of_field = np.unique(reduced_field, return_index=True, return_inverse=True)
    kelvins, of_kelvin = np.unique(temperature, return_inverse=True)
    pairs, of_pair = np.unique(np.stack([of_field, distance], axis=1), axis=0, return_inverse=True)
    owner = pairs[:, 0].astype(np.int64)
    rank = np.arange(owner.size) - np.searchsorted(owner, owner)
    reduced = np.empty((fields.size, rank.max() + 1))
    reduced[:] = (pairs[np.searchsorted(owner, np.arange(fields.size)), 1] / film.thickness)[:, None]
    reduced[owner, rank] = pairs[:, 1] / film.thickness
    probes = Probes(fields, omega[first] / film.omega_m, reduced, kelvins)
    return probes, (of_field, rank[of_pair.ravel()], of_kelvin)


def _bath(
    film: Film,
    spin: ParamagneticSpin,
    integrals: Integrals,
    where: _Index,
    shape: tuple[int, ...],
    factor: float,
) -> SpinWaveBath:
    scale = coupling_scale(film, spin.gyromagnetic_ratio) / film.thickness**2 / film.omega_m
    of_field, of_distance, of_kelvin = where

    def gather(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        bare = array[of_field, of_distance, 0, 0]
        thermal = array[of_field, of_distance, 0, 1 + of_kelvin]
        return scale * bare.reshape(shape), scale * thermal.reshape(shape)

    bare, thermal = gather(integrals.value)
    bare_slope, thermal_slope = gather(integrals.gradient)
    bare_error, thermal_error = gather(integrals.error)
    return SpinWaveBath(
        sum_rate=factor * (bare + 2 * thermal).imag,
        difference_rate=factor * bare.imag,
        shift_minus=-(bare + 2 * thermal).real,
        shift_plus=-thermal.real,
        shift_minus_gradient=-(bare_slope + 2 * thermal_slope).real / film.thickness,
        shift_plus_gradient=-thermal_slope.real / film.thickness,
        sum_rate_error=factor * (bare_error + 2 * thermal_error).imag,
        difference_rate_error=factor * bare_error.imag,
        shift_minus_error=(bare_error + 2 * thermal_error).real,
        shift_plus_error=thermal_error.real,
        bands=integrals.bands,
    )
