"""Power spectral densities of the magnetic field of thermal spin waves outside a film.

S_jk(ω) is the Fourier transform of the correlator of two components of the field (111). In the cylindrical
basis e_± = (e_x ± i e_y)/√2, e_z only S_++, S_−−, S_zz and S_+− = S_−+ = S_zz/2 differ from zero, Eqs.
(116)–(117). Each is an imaginary part of the integrals of `integrals`, at +ω (emission) and at −ω.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from labspin.physics.arguments import FloatArray, broadcast, finite, positive
from labspin.physics.constants import hbar, mu_0
from labspin.physics.spinwaves.bath import check_tolerance
from labspin.physics.spinwaves.film import Film
from labspin.physics.spinwaves.integrals import Probes, spin_wave_integrals
from labspin.physics.spinwaves.modes import bands_of

__all__ = ["SpectralDensities", "field_spectral_density", "zero_point_scale"]


@dataclass(frozen=True)
class SpectralDensities:
    """Power spectral densities of the spin-wave field H, in (A/m)² s, and the bound of their error.

    The convention is that of Eq. (111), with 1/2π before the integral over delay; so that ∫S dω over
    all ω is the variance; times μ0² it is that of B.

    Parameters
    ----------
    plus, minus, z
        S_++, S_−− and S_zz; S_+− = S_−+ = S_zz/2, and S_±z = 0.
    plus_error, minus_error, z_error
        Bounds of the integration error.
    """

    plus: FloatArray
    minus: FloatArray
    z: FloatArray
    plus_error: FloatArray
    minus_error: FloatArray
    z_error: FloatArray

    def field_noise(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return μ0 √(2π S) of the components e_+, e_− and e_z, in T/√Hz, as the figures of [SW] show them.

        It is two-sided: ∫ (T/√Hz)² df over frequencies of both signs is the variance of the component of B.
        """
        plus, minus, z = (mu_0 * np.sqrt(2 * np.pi * part) for part in (self.plus, self.minus, self.z))
        return plus, minus, z


def zero_point_scale(film: Film) -> float:
    """Return Σ_β M_0β² … in the units of ∫d²κ: ħ|γ|M_S/(8π² d³), in A²/m².

    Parameters
    ----------
    film
        The film.
    """
    return hbar * film.gyromagnetic_ratio * film.magnetisation / (8 * np.pi**2 * film.thickness**3)


def field_spectral_density(
    *,
    film: Film,
    frequency: ArrayLike,
    distance: ArrayLike,
    field: float,
    temperature: float,
    rtol: float = 1e-6,
    band: int | None = None,
) -> SpectralDensities:
    """Return the power spectral densities of the magnetic field outside the film, Eq. (113).

    Parameters
    ----------
    film
        The film.
    frequency
        ω in rad/s, of either sign.
    distance
        l > 0 from the nearer surface in m; broadcasts with ``frequency``.
    field, temperature
        μ0H0 in T and T > 0 in K, one number each.
    rtol
        Relative tolerance of the integrals.
    band
        Only this band, n ≥ 0; by default the sum of all.

    Returns
    -------
    SpectralDensities
        Densities of the components e_±, e_z, with error bounds.

    Raises
    ------
    ArgumentError
        A distance or temperature is not positive, the field is below saturation.

    Notes
    -----
    The densities are the same on both sides of the film: turning the film by π about z exchanges the sides,
    keeps e_± up to a sign and maps the film to itself. [SW] states (120) that S_++ and S_−− change places;
    with its own (85), (87) and (114) they do not, nor could κ_d be the same on both sides if they did.
    """
    omega = finite("frequency", frequency, unit="rad/s")
    metres = positive("distance", distance, unit="m")
    kelvin = np.atleast_1d(positive("temperature", temperature, unit="K"))
    reduced = film.reduced_field(field)
    shape = broadcast(frequency=omega, distance=metres)
    omegas, of_omega = np.unique(np.broadcast_to(omega, shape).ravel(), return_inverse=True)
    lengths, of_length = np.unique(np.broadcast_to(metres, shape).ravel(), return_inverse=True)
    both = np.concatenate([omegas, -omegas]) / film.omega_m
    probes = Probes(
        np.full(both.size, float(reduced)),
        both,
        np.broadcast_to(lengths / film.thickness, (both.size, lengths.size)),
        kelvin,
        ("plus", "minus", "z"),
    )
    only = None if band is None else int(bands_of(band))
    integrals = spin_wave_integrals(film, probes, check_tolerance(rtol), band=only)
    parts = [
        _combine(film, array.imag)[:, of_omega, of_length].reshape(3, *shape)
        for array in (integrals.value, integrals.error)
    ]
    return SpectralDensities(*parts[0], *np.abs(parts[1]))


def _combine(film: Film, imaginary: FloatArray) -> FloatArray:
    """Add emission at ω (n̄ + 1, Λ(η)) and absorption at −ω (n̄, Λ(−η)), Eq. (113).

    γ/(Δ² + γ²/4) = 2 Im 1/(Δ − iγ/2). The integrals carry Λ for a field above the film as (1 ± cos φ)², twice
    Λ̄ of Eq. (114); "plus" there is (1 − cos φ)², the coupling of e_+.
    """
    count = imaginary.shape[0] // 2
    emitted = imaginary[:count, :, :, 0] + imaginary[:count, :, :, 1]
    absorbed = imaginary[count:, :, :, 1]
    half = np.array([0.5, 0.5, 1.0])
    swapped = absorbed[:, :, [1, 0, 2]]
    total = (emitted + swapped) * half * (2 * zero_point_scale(film) / (2 * np.pi) / film.omega_m)
    return np.moveaxis(total, -1, 0)
