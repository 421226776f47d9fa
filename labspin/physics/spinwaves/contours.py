"""Iso-frequency contours of diagonal bands, as exact arcs in κ.

At fixed κ the square of the frequency is linear in c = cos²φ, so the contour ω_n = ω passes the first
quadrant at c0(κ) = (u²/ν_x − N)/P wherever that lies in [0, 1]. It enters and leaves at roots of ω(κ, DE) =
ω and ω(κ, BV) = ω. On κ = mean − half·cos θ points crowd towards these ends exactly as the contour bends
there, so that sums over midpoints in θ converge geometrically.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray, positive
from labspin.physics.spinwaves.film import Film
from labspin.physics.spinwaves.modes import bands_of, stiffness
from labspin.physics.spinwaves.quadrature import edge_roots

__all__ = ["Arcs", "arcs", "iso_frequency_contour"]


class Arcs(NamedTuple):
    """Pieces of contours in the first quadrant, κ from start to stop, shape (pairs, 6); empty if equal."""

    start: FloatArray
    stop: FloatArray


def arcs(film: Film, reduced_field: FloatArray, u: FloatArray, band: NDArray[np.int64]) -> Arcs:
    """Return the arcs of the contours of pairwise fields, frequencies and bands.

    Parameters
    ----------
    film
        The film.
    reduced_field
        ω_H/ω_M, shape (pairs,).
    u
        ω/ω_M, shape (pairs,).
    band
        n ≥ 0, shape (pairs,).
    """
    roots = np.concatenate([edge_roots(film, reduced_field, u, band, c) for c in (0.0, 1.0)], axis=1)
    ends = np.sort(np.concatenate([np.full((u.size, 1), 1e-9), roots], axis=1), axis=1)
    start, stop = ends[:, :-1], np.where(np.isnan(ends[:, 1:]), ends[:, :-1], ends[:, 1:])
    middle = np.nan_to_num(0.5 * (start + stop), nan=1.0)
    c0 = contour_c(film, reduced_field[:, None], u[:, None], middle, band[:, None])
    inside = (c0 > 0) & (c0 < 1) & ~np.isnan(start)
    return Arcs(np.where(inside, start, 0.0), np.where(inside, stop, 0.0))


def contour_c(
    film: Film, reduced_field: FloatArray, u: FloatArray, kappa: FloatArray, band: NDArray[np.int64]
) -> FloatArray:
    """Return c0(κ) = (u²/ν_x − N)/P, also where it is no cosine squared."""
    modes = stiffness(film, reduced_field, kappa, np.zeros(1), band)
    return np.asarray((u**2 / modes.nu_x - modes.n_exchange) / modes.p)


def iso_frequency_contour(
    *, film: Film, field: float, frequency: float, band: int = 0, points: int = 200
) -> list[FloatArray]:
    """Return the closed curves in the k_y–k_z plane on which a diagonal band has a frequency.

    Parameters
    ----------
    film
        The film.
    field
        μ0H0 in T.
    frequency
        ω > 0 in rad/s.
    band
        n ≥ 0.
    points
        Points on every arc in the first quadrant, at least 2.

    Returns
    -------
    list of FloatArray
        One array of shape (m, 2) for every closed curve, columns k_y and k_z in rad/m; empty where no spin
        wave of this band has the frequency.

    Raises
    ------
    ArgumentError
        The field is below saturation, the frequency not positive, the band negative or ``points`` below 2.
    """
    if points < 2:
        raise ArgumentError(f"points: wanted at least 2, got {points!r}")
    reduced = np.atleast_1d(film.reduced_field(field))
    u = np.atleast_1d(positive("frequency", frequency, unit="rad/s") / film.omega_m)
    n = np.atleast_1d(bands_of(band))
    pieces = arcs(film, reduced, u, n)
    theta = np.linspace(0, np.pi, points)
    curves: list[FloatArray] = []
    for start, stop in zip(pieces.start[0], pieces.stop[0], strict=True):
        if stop > start:
            kappa = 0.5 * (start + stop) - 0.5 * (stop - start) * np.cos(theta)
            c = contour_c(film, reduced, u, kappa, n).clip(0, 1)
            quarter = np.stack([kappa * np.sqrt(c), kappa * np.sqrt(1 - c)], axis=1) / film.thickness
            curves += _closed(quarter, c)
    return curves


def _closed(quarter: FloatArray, c: FloatArray) -> list[FloatArray]:
    """Reflect an arc of the first quadrant to closed curves."""
    on_y, on_z = np.array([1.0, -1.0]), np.array([-1.0, 1.0])
    back = quarter[::-1]
    if (c[0] > 0.5) == (c[-1] > 0.5):
        # Both ends on one axis: a loop around a piece of it, and its mirror image.
        mirror = on_y if c[0] > 0.5 else on_z
        loop = np.concatenate([quarter, back * mirror])
        return [loop, -loop]
    first, turn = (quarter, back) if c[0] > 0.5 else (back, quarter)
    return [np.concatenate([first, turn * on_z, -first, turn * on_y])]
