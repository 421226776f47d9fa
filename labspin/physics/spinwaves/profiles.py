"""One spin wave at a time: its magnetisation across the film, its zero-point size, its coupling to one spin.

Every sum over waves in this package is a sum over these; here they stand alone, for estimates that begin with
one mode, and as the lower half of Fig. 1(b).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray, finite, positive
from labspin.physics.constants import hbar, mu_0
from labspin.physics.spinwaves.film import Film
from labspin.physics.spinwaves.hybrid import hybridised_modes
from labspin.physics.spinwaves.keywords import Mode
from labspin.physics.spinwaves.modes import (
    bands_of,
    mode_frequency,
    mode_points,
    stiffness,
    stray_field,
)
from labspin.physics.spinwaves.nv import ParamagneticSpin

__all__ = [
    "field_inside",
    "hybridised_magnetisation",
    "magnetisation_mode",
    "mode_coupling",
    "thickness_profile",
    "zero_point_magnetisation",
]


def thickness_profile(*, film: Film, height: ArrayLike, band: ArrayLike = 0) -> FloatArray:
    """Return S_n(x) = √(2/(1 + δ_n0)) cos(nπx/d), the profile of a band across the film, Eq. (47).

    Parameters
    ----------
    film
        The film.
    height
        x in m, from 0 at the lower surface to d at the upper one.
    band
        n ≥ 0, the number of nodes; broadcasts with ``height``.

    Returns
    -------
    FloatArray
        Dimensionless; ∫ S_n S_m dx = d δ_nm, and dS_n/dx = 0 at both surfaces, whose spins are free.

    Raises
    ------
    ArgumentError
        A height outside the film or a negative band.
    """
    x = finite("height", height, unit="m") / film.thickness
    if ((x < 0) | (x > 1)).any():
        raise ArgumentError(
            f"height: wanted 0 to the thickness {film.thickness!r} m of the film, got {height!r}"
        )
    n = bands_of(band)
    return np.where(n == 0, 1.0, np.sqrt(2.0)) * np.cos(n * np.pi * x)


def magnetisation_mode(
    *,
    film: Film,
    field: ArrayLike,
    wavenumber: ArrayLike,
    height: ArrayLike,
    angle: ArrayLike = 0.0,
    band: ArrayLike = 0,
) -> NDArray[np.complex128]:
    """Return the magnetisation m_β of a diagonal band inside the film at y = z = 0, Eq. (84), dimensionless.

    Parameters
    ----------
    film
        The film.
    field
        μ0H0 in T.
    wavenumber, angle
        k ≥ 0 in rad/m and φ in rad (φ = 0 is DE).
    height
        x in m, from 0 at the lower surface to d at the upper one.
    band
        n ≥ 0. All five broadcast.

    Returns
    -------
    NDArray
        Shape (..., 3): S_n(x) (√ν_y, i√ν_x, 0), the components x, y, z.

    Raises
    ------
    ArgumentError
        As `mode_frequency` and `thickness_profile`.
    """
    points = mode_points(film, field, wavenumber, angle, band)
    modes = stiffness(film, points.reduced_field, points.kappa, points.c, points.band)
    profile = thickness_profile(film=film, height=height, band=band)
    parts = (profile * np.sqrt(modes.nu_y) + 0j, 1j * profile * np.sqrt(modes.nu_x), np.zeros(()) + 0j)
    return np.asarray(np.stack(np.broadcast_arrays(*parts), axis=-1))


def hybridised_magnetisation(
    *,
    film: Film,
    field: ArrayLike,
    wavenumber: ArrayLike,
    height: ArrayLike,
    angle: ArrayLike = 0.0,
    count: int = 4,
) -> NDArray[np.complex128]:
    """Return the magnetisation of the lowest hybridised modes at y = z = 0, Eqs. (47) and (51)–(57).

    Parameters
    ----------
    film, field, wavenumber, angle
        As `hybridised_modes`.
    height
        x in m, from 0 at the lower surface to d at the upper one. All of them broadcast.
    count
        How many modes, by frequency from the lowest.

    Returns
    -------
    NDArray
        Shape (..., count, 3): components x, y, z, normalised as `magnetisation_mode`, up to a sign of a mode.

    Raises
    ------
    ArgumentError
        As `hybridised_modes` and `thickness_profile`.
    """
    modes = hybridised_modes(film=film, field=field, wavenumber=wavenumber, angle=angle, count=count)
    basis = np.arange(modes.weights.shape[-1])
    profile = thickness_profile(film=film, height=np.asarray(height)[..., None], band=basis)
    across, along = np.moveaxis((modes.weights * profile[..., None, None, :]).sum(axis=-1), -1, 0)
    return np.stack([across + 0j, 1j * along, np.zeros_like(along) + 0j], axis=-1)


def field_inside(
    *,
    film: Film,
    field: ArrayLike,
    wavenumber: ArrayLike,
    height: ArrayLike,
    angle: ArrayLike = 0.0,
    band: ArrayLike = 0,
) -> NDArray[np.complex128]:
    """Return the field h_β of a diagonal band inside the film at y = z = 0, Eqs. (41) and (42).

    The integral of the slab's Green's tensor over the profile is done in closed form.

    Parameters
    ----------
    film, field, wavenumber, angle, height, band
        As `magnetisation_mode`; all broadcast.

    Returns
    -------
    NDArray
        Shape (..., 3), components x, y, z, in units of `magnetisation_mode`: h + m has no jump along x at the
        surfaces, h none along them, where it continues as `stray_field`.

    Raises
    ------
    ArgumentError
        As `magnetisation_mode`.
    """
    points = mode_points(film, field, wavenumber, angle, band)
    mode = magnetisation_mode(
        film=film, field=field, wavenumber=wavenumber, height=height, angle=angle, band=band
    )
    modes = stiffness(film, points.reduced_field, points.kappa, points.c, points.band)
    size = np.where(points.band == 0, 1.0, np.sqrt(2.0))
    below, above = _decaying_sums(points.kappa, points.band, np.asarray(height) / film.thickness)
    even, odd = 0.5 * size * (below + above), 0.5 * size * (above - below)
    across, along = np.sqrt(modes.nu_y), 1j * np.sqrt(modes.nu_x)
    cosine, sine = np.cos(points.angle), np.sin(points.angle)
    # k_y of (42) is k cos φ here, its ξ the sign of x' − x, and the delta of its first entry gives −m_x.
    parallel = 1j * odd * across - cosine * even * along
    parts = (even * across - mode[..., 0] + 1j * cosine * odd * along, cosine * parallel, sine * parallel)
    return np.asarray(np.stack(np.broadcast_arrays(*parts), axis=-1))


def _decaying_sums(
    kappa: FloatArray, band: NDArray[np.int64], x: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return k ∫ e^{−k|x−x'|} cos(nπx'/d) dx' over the film below and above the height, x in d."""
    q = np.pi * band
    share = np.divide(kappa**2, kappa**2 + q**2, out=np.ones(np.broadcast(kappa, q).shape), where=q != 0)
    mixed = np.divide(kappa * q, kappa**2 + q**2, out=np.zeros_like(share), where=q != 0)
    wave, slope = np.cos(q * x), mixed * np.sin(q * x)
    sign = np.where(band % 2 == 0, 1.0, -1.0)
    below = share * ((wave - 1) - np.expm1(-kappa * x)) + slope
    above = share * ((wave - sign) - sign * np.expm1(-kappa * (1 - x))) - slope
    return below, above


def zero_point_magnetisation(
    *,
    film: Film,
    field: ArrayLike,
    wavenumber: ArrayLike,
    area: ArrayLike,
    angle: ArrayLike = 0.0,
    band: ArrayLike = 0,
) -> FloatArray:
    """Return the zero-point magnetisation M_0β = √(ħ|γ|M_S ω_M/(2 L² d ω_β)) of a mode, Eq. (5).

    Parameters
    ----------
    film
        The film.
    field
        μ0H0 in T.
    wavenumber, angle
        k ≥ 0 in rad/m and φ in rad (φ = 0 is DE).
    area
        L² > 0 of the film, in m².
    band
        n ≥ 0. All five broadcast.

    Returns
    -------
    FloatArray
        In A/m; times m_β of `magnetisation_mode` it is the magnetisation of one half quantum.

    Raises
    ------
    ArgumentError
        As `mode_frequency`, or the area is not positive.
    """
    omega = mode_frequency(film=film, field=field, wavenumber=wavenumber, angle=angle, band=band)
    size = positive("area", area, unit="m^2") * film.thickness
    quantum = hbar * film.gyromagnetic_ratio * film.magnetisation
    return np.asarray(np.sqrt(quantum * film.omega_m / (2 * size * omega)))


def mode_coupling(
    *,
    film: Film,
    spin: ParamagneticSpin,
    field: ArrayLike,
    wavenumber: ArrayLike,
    distance: ArrayLike,
    area: ArrayLike,
    angle: ArrayLike = 0.0,
    band: ArrayLike = 0,
    side: ArrayLike = 1,
) -> NDArray[np.complex128]:
    """Return the couplings g_β of one mode to one spin, Eqs. (8) and (185).

    Parameters
    ----------
    film, spin
        The film and the centre.
    field
        μ0H0 in T.
    wavenumber, angle
        k ≥ 0 in rad/m and φ in rad (φ = 0 is DE).
    distance
        l ≥ 0 from the nearer surface in m.
    area
        L² > 0 of the film, in m².
    band
        n ≥ 0.
    side
        η = +1 above the film, −1 below. All seven broadcast.

    Returns
    -------
    NDArray
        Shape (..., 3) in rad/s: g⁺, g⁻ and g^z = μ0|γ_s| M_0β e†·h_β along e_+, e_− and e_z. g⁻ is the g_β
        of (8), which couples to |0> <-> |−>.

    Raises
    ------
    ArgumentError
        As `mode_frequency`, or an area is not positive, a distance negative, a side unknown.
    """
    mode: Mode = {
        "film": film, "field": field, "wavenumber": wavenumber, "angle": angle, "band": band,
    }  # fmt: skip
    outside = stray_field(distance=distance, side=side, **mode)
    scale = mu_0 * spin.gyromagnetic_ratio * zero_point_magnetisation(area=area, **mode)
    x, y, z = np.moveaxis(outside, -1, 0)
    circular = np.stack([(x - 1j * y) / np.sqrt(2), (x + 1j * y) / np.sqrt(2), z], axis=-1)
    return np.asarray(scale[..., None] * circular)
