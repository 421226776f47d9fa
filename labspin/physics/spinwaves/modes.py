"""Spin-wave modes of a film, to zeroth order in the coupling between thickness modes ("diagonal" bands).

Symbols, here and in the rest of the package:

========  =====================================================================================
κ         k d, dimensionless wavenumber (k > 0 is the modulus of the in-plane wavevector)
φ         direction of k: k = k (e_y cos φ + e_z sin φ); φ = 0 is Damon–Eshbach (DE), π/2 backward volume (BV)
c         cos² φ
n         band: number of nodes of the magnetisation across the film
N         N_n = ω_H/ω_M + α_x [k² + (nπ/d)²], Eq. (48)
P         P_nn of Eq. (77), 0 for long and 1 for short waves
ν_x, ν_y  N + 1 − P and N + c P, Eqs. (75) and (76)
u         ω/ω_M = √(ν_x ν_y), Eq. (78)
η         +1 above the film, −1 below it
========  =====================================================================================

At fixed κ and n the square of the frequency is linear in c. Iso-frequency contours and every integral over
k in this package rest on that.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.arrays import AnyArray
from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray, broadcast, finite, non_negative, positive
from labspin.physics.constants import hbar, k
from labspin.physics.spinwaves.film import Film

__all__ = [
    "decay_rate",
    "ellipticity",
    "field_amplitude",
    "group_velocity",
    "magnon_occupation",
    "mode_frequency",
    "stray_field",
]

_SERIES = tuple((-1.0) ** m / np.prod(np.arange(1.0, m + 3.0)) for m in range(18))


class Stiffness(NamedTuple):
    """The two stiffnesses ν_x, ν_y of a mode and what they are made of."""

    n_exchange: AnyArray
    p: AnyArray
    nu_x: AnyArray
    nu_y: AnyArray

    @property
    def u(self) -> AnyArray:
        """ω/ω_M."""
        return np.asarray(np.sqrt(self.nu_x * self.nu_y))


def _p00(kappa: AnyArray) -> AnyArray:
    """Return P_00 = 1 − (1 − e^{−κ})/κ without the cancellation at small κ; κ may be complex."""
    small = np.abs(kappa) < 1.0
    argument = np.where(small, kappa, 0)
    series = np.full_like(argument, _SERIES[-1])
    for coefficient in _SERIES[-2::-1]:
        series = series * argument + coefficient
    safe = np.where(small, 1.0, kappa)
    return np.where(small, argument * series, 1 + np.expm1(-safe) / safe)


def dipolar_factor(kappa: AnyArray, band: AnyArray) -> AnyArray:
    """Return P_nn(κ), Eq. (77)."""
    square = kappa**2 + (band * np.pi) ** 2
    parity = 1 - 2 * (band % 2)
    safe = np.where(band == 0, 1.0, square)
    higher = kappa**2 / safe * (1 - 2 * kappa * (1 - parity * np.exp(-kappa)) / safe)
    if not np.any(band == 0):
        return np.asarray(higher)
    return np.asarray(np.where(band == 0, _p00(kappa), higher))


def stiffness(film: Film, reduced_field: AnyArray, kappa: AnyArray, c: AnyArray, band: AnyArray) -> Stiffness:
    """Return N, P, ν_x and ν_y, Eqs. (48) and (75)–(77), from dimensionless arguments, unchecked."""
    n_exchange = reduced_field + film.exchange_ratio * (kappa**2 + (band * np.pi) ** 2)
    p = dipolar_factor(kappa, band)
    return Stiffness(n_exchange, p, n_exchange + 1 - p, n_exchange + c * p)


def form_factor(kappa: AnyArray, band: AnyArray) -> AnyArray:
    """Return the part of h_{βη0}, Eq. (87), that depends on κ and n only, without the sign η^n."""
    edge = np.where(band % 2 == 0, -np.expm1(-kappa), -1 - np.exp(-kappa))
    square = kappa**2 + (band * np.pi) ** 2
    ratio = np.where(band == 0, 1.0, kappa**2 / np.where(band == 0, 1.0, square))
    return np.where(band == 0, 1.0, np.sqrt(2.0)) / 2 * ratio * edge


def occupation(omega: AnyArray, temperature: AnyArray) -> AnyArray:
    """Return the Bose–Einstein occupation of (complex) frequencies, stable at any T > 0, unchecked."""
    x = omega * (hbar / (k * temperature))
    decay = np.exp(-x)
    return np.asarray(decay / -np.expm1(-x))


def log_occupation(omega: FloatArray, temperature: float) -> FloatArray:
    """Return ln n̄ of real frequencies, finite however cold it is, unchecked."""
    x = omega * (hbar / (k * temperature))
    return np.asarray(-x - np.log(-np.expm1(-x)))


def magnon_occupation(*, frequency: ArrayLike, temperature: ArrayLike) -> FloatArray:
    """Return the thermal occupation n̄ = 1/(exp(ħω/k_BT) − 1).

    Parameters
    ----------
    frequency
        ω > 0 in rad/s; shape broadcasts with ``temperature``.
    temperature
        T > 0 in K, as low as one likes (n̄ goes to zero without overflow).

    Raises
    ------
    ArgumentError
        A frequency or a temperature is not positive.
    """
    omega = positive("frequency", frequency, unit="rad/s")
    kelvin = positive("temperature", temperature, unit="K")
    broadcast(frequency=omega, temperature=kelvin)
    return occupation(omega, kelvin)


def bands_of(band: ArrayLike) -> NDArray[np.int64]:
    """Return band indices as integers ≥ 0."""
    array = np.asarray(band)
    if array.dtype.kind not in "iu" or (array < 0).any():
        raise ArgumentError(f"band: wanted integers ≥ 0 (nodes across the film), got {band!r}")
    return array.astype(np.int64)


class Points(NamedTuple):
    """Checked, dimensionless arguments of the public mode functions."""

    reduced_field: FloatArray
    kappa: FloatArray
    angle: FloatArray
    band: NDArray[np.int64]

    @property
    def c(self) -> FloatArray:
        """cos² φ."""
        return np.asarray(np.cos(self.angle) ** 2)


def mode_points(
    film: Film, field: ArrayLike, wavenumber: ArrayLike, angle: ArrayLike, band: ArrayLike
) -> Points:
    """Check the arguments of a mode function and make them dimensionless."""
    points = Points(
        film.reduced_field(field),
        non_negative("wavenumber", wavenumber, unit="rad/m") * film.thickness,
        finite("angle", angle, unit="rad"),
        bands_of(band),
    )
    broadcast(field=points.reduced_field, wavenumber=points.kappa, angle=points.angle, band=points.band)
    return points


def _stiffness_at(film: Film, points: Points) -> Stiffness:
    return stiffness(film, points.reduced_field, points.kappa, points.c, points.band)


def mode_frequency(
    *, film: Film, field: ArrayLike, wavenumber: ArrayLike, angle: ArrayLike = 0.0, band: ArrayLike = 0
) -> FloatArray:
    """Return the frequency ω_n(k) of diagonal bands, Eq. (78).

    Parameters
    ----------
    film
        The film.
    field
        μ0H0 in T.
    wavenumber, angle
        k ≥ 0 in rad/m and φ in rad (φ = 0 is DE).
    band
        n ≥ 0. All four broadcast.

    Returns
    -------
    FloatArray
        ω in rad/s.

    Raises
    ------
    ArgumentError
        A field below saturation, a negative wavenumber or band, shapes that do not broadcast.

    Notes
    -----
    Long waves without exchange go to √(ω_H(ω_H + ω_M)) (79), large n to ω_M (N_n + 1/2) (80), short waves to
    (ω_H + ω_M α_x k²) √(1 + ω_M cos²φ/(ω_H + ω_M α_x k²)). [SW] prints sin²φ in the last, Eq. (81); its own
    (76) and (78) require cos²φ. `dispersion` offers the hybridised bands too and warns where the two differ.
    """
    points = mode_points(film, field, wavenumber, angle, band)
    return film.omega_m * _stiffness_at(film, points).u


def decay_rate(
    *, film: Film, field: ArrayLike, wavenumber: ArrayLike, angle: ArrayLike = 0.0, band: ArrayLike = 0
) -> FloatArray:
    """Return the energy decay rate γ = α_G ω_M (ν_x + ν_y), Eq. (110), in rad/s.

    Errors as `mode_frequency`. The amplitude lives 2/γ, Eq. (109).

    Parameters
    ----------
    film
        The film.
    field
        μ0H0 in T.
    wavenumber, angle
        k ≥ 0 in rad/m and φ in rad (φ = 0 is DE).
    band
        n ≥ 0. All four broadcast.
    """
    modes = _stiffness_at(film, mode_points(film, field, wavenumber, angle, band))
    return film.gilbert_damping * film.omega_m * (modes.nu_x + modes.nu_y)


def ellipticity(
    *, film: Film, field: ArrayLike, wavenumber: ArrayLike, angle: ArrayLike = 0.0, band: ArrayLike = 0
) -> FloatArray:
    """Return the ellipticity |m_x/m_y| = √(ν_y/ν_x) of the precession, Eq. (84); 1 is circular.

    Errors as `mode_frequency`.

    Parameters
    ----------
    film
        The film.
    field
        μ0H0 in T.
    wavenumber, angle
        k ≥ 0 in rad/m and φ in rad (φ = 0 is DE).
    band
        n ≥ 0. All four broadcast.
    """
    modes = _stiffness_at(film, mode_points(film, field, wavenumber, angle, band))
    return np.asarray(np.sqrt(modes.nu_y / modes.nu_x))


def group_velocity(
    *, film: Film, field: ArrayLike, wavenumber: ArrayLike, angle: ArrayLike = 0.0, band: ArrayLike = 0
) -> FloatArray:
    """Return the group velocity ∂ω/∂k of diagonal bands.

    Errors as `mode_frequency`.

    Parameters
    ----------
    film
        The film.
    field
        μ0H0 in T.
    wavenumber, angle
        k ≥ 0 in rad/m and φ in rad (φ = 0 is DE).
    band
        n ≥ 0. All four broadcast.

    Returns
    -------
    FloatArray
        Shape (..., 2): components (y, z) in m/s.

    Notes
    -----
    ∂ω/∂κ is taken by a complex step, exact to rounding; (1/κ) ∂ω/∂φ = −ω_M ν_x P sin φ cos φ/(κ u) is closed.
    At k = 0 the direction φ still counts: the velocity there is the limit along φ.
    """
    points = mode_points(film, field, wavenumber, angle, band)
    step = 1e-200
    shifted = stiffness(film, points.reduced_field, points.kappa + 1j * step, points.c, points.band)
    radial = shifted.u.imag / step
    modes = _stiffness_at(film, points)
    tiny = np.maximum(points.kappa, 1e-12)
    p_over_kappa = dipolar_factor(tiny, points.band) / tiny
    sine, cosine = np.sin(points.angle), np.cos(points.angle)
    azimuthal = -modes.nu_x / modes.u * p_over_kappa * sine * cosine
    scale = film.omega_m * film.thickness
    return scale * np.stack(
        np.broadcast_arrays(radial * cosine - azimuthal * sine, radial * sine + azimuthal * cosine), axis=-1
    )


def _side(side: ArrayLike) -> NDArray[np.int64]:
    array = np.asarray(side)
    if not np.isin(array, (-1, 1)).all():
        raise ArgumentError(f"side: wanted +1 (above the film) or -1 (below it), got {side!r}")
    return array.astype(np.int64)


def field_amplitude(
    *,
    film: Film,
    field: ArrayLike,
    wavenumber: ArrayLike,
    angle: ArrayLike = 0.0,
    band: ArrayLike = 0,
    side: ArrayLike = 1,
) -> FloatArray:
    """Return the amplitude h_{βη0} of the stray field at the surface, Eq. (87), dimensionless.

    Errors as `mode_frequency`. The magnetisation mode (√ν_y, i√ν_x) of Eq. (84) sets the normalisation.

    Parameters
    ----------
    film
        The film.
    field
        μ0H0 in T.
    wavenumber, angle
        k ≥ 0 in rad/m and φ in rad (φ = 0 is DE).
    band
        n ≥ 0.
    side
        η = +1 above the film, −1 below. All five broadcast.
    """
    points = mode_points(film, field, wavenumber, angle, band)
    eta = _side(side)
    modes = _stiffness_at(film, points)
    polarisation = np.sqrt(modes.nu_y) + eta * np.cos(points.angle) * np.sqrt(modes.nu_x)
    sign = np.where(points.band % 2 == 0, 1, eta)
    return np.asarray(sign * polarisation * form_factor(points.kappa, points.band))


def stray_field(
    *,
    film: Film,
    field: ArrayLike,
    wavenumber: ArrayLike,
    distance: ArrayLike,
    angle: ArrayLike = 0.0,
    band: ArrayLike = 0,
    side: ArrayLike = 1,
) -> NDArray[np.complex128]:
    """Return the stray field of a mode outside the film at y = z = 0, Eq. (85), dimensionless.

    Errors as `mode_frequency`.

    Parameters
    ----------
    film
        The film.
    field
        μ0H0 in T.
    wavenumber
        k ≥ 0 in rad/m.
    distance
        l ≥ 0 from the nearer surface in m.
    angle
        φ in rad (φ = 0 is DE).
    band
        n ≥ 0.
    side
        η = +1 above the film, −1 below. All six broadcast.

    Returns
    -------
    NDArray
        Shape (..., 3): components (x, y, z) of h_{βη0} e^{−kl} (1, −iη cos φ, −iη sin φ).
    """
    amplitude = field_amplitude(
        film=film, field=field, wavenumber=wavenumber, angle=angle, band=band, side=side
    )
    length = non_negative("distance", distance, unit="m")
    phi, eta = np.asarray(angle, dtype=np.float64), _side(side)
    decayed = amplitude * np.exp(-np.asarray(wavenumber, dtype=np.float64) * length)
    direction = (np.ones_like(decayed) + 0j, -1j * eta * np.cos(phi), -1j * eta * np.sin(phi))
    return np.asarray(decayed[..., None] * np.stack(np.broadcast_arrays(*direction), axis=-1))
