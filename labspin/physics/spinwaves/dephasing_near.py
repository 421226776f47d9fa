"""κ2' of pairs of waves that are much shorter than the film is thick: the far end of its sum over frequency.

Such waves do not feel the other surface. The bands are dense, n → κ_x = nπ, and the frequency is that of
exchange, u ≈ ω_H/ω_M + (α_x/d²) P² with P² = κ_x² + κ_y² + κ_z². A contour becomes the half of a sphere of
radius P. The double sum over the contours at one frequency is then P²/(α_x/d²)² G(2 l P/d)/π² times
n̄(n̄ + 1) with

    G(y) = ∫∫ dΩ dΩ' s_z⁴ f² e^{−ys},    f = 1/((c + c')² + s²) + 1/((c − c')² + s²),

over two halves of the unit sphere, c and c' the normal components, and s the in-plane distance of the two
points. The printed (250) has f instead of f², and P⁴ instead of P². G has one variable, which stands in the
exponent alone, so that everything but e^{−ys} is integrated once. What is neglected is the dipolar field, of
order 1/u, and the other surface, of order 1/P.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from labspin.physics.arguments import FloatArray
from labspin.physics.constants import hbar, k
from labspin.physics.spinwaves.film import Film
from labspin.physics.spinwaves.modes import occupation

__all__ = ["close_pairs", "is_dense"]

_PANELS = (0.0, 0.01, 0.03, 0.1, 0.25, 0.5, 0.8, 1.0, 1.2, 1.6, 2.0)
_BANDS = 10  # fewer bands than this below a frequency are no continuum
_EXCHANGE = 10.0  # ω/ω_M above which exchange rules


def is_dense(film: Film, field: float, u: float) -> bool:
    """Return whether many bands lie below a frequency and exchange rules there.

    Parameters
    ----------
    film
        The film.
    field, u
        ω_H/ω_M and ω/ω_M.
    """
    return u > _EXCHANGE and (u - field) / film.exchange_ratio > (_BANDS * np.pi) ** 2


def close_pairs(
    film: Film,
    *,
    field: float,
    temperature: float,
    distance: FloatArray,
    span: tuple[float, float],
    printed: bool,
) -> FloatArray:
    """Return the sum over pairs of short waves whose frequencies lie in a span.

    Parameters
    ----------
    film
        The film.
    field
        ω_H/ω_M.
    temperature
        T in K.
    distance
        l/d, shape (distances,).
    span
        Lowest and highest ω/ω_M. The highest may be infinite: n̄ falls off at k_B T/ħ.
    printed
        Whether f stands for f², as (250) is printed.

    Returns
    -------
    FloatArray
        The integral over ω/ω_M in the units of `dephasing`, shape (distances,).
    """
    start, stop = span
    stop = min(stop, start + 50 * k * temperature / (hbar * film.omega_m))
    steps = max(1, int(np.ceil(np.log2(stop / start))))
    x, w = np.polynomial.legendre.leggauss(16)
    edges = np.geomspace(start, stop, steps + 1)
    half = 0.5 * np.diff(edges)[:, None]
    u, weight = (0.5 * (edges[1:] + edges[:-1])[:, None] + half * x).ravel(), (half * w).ravel()
    radius = np.sqrt((u - field) / film.exchange_ratio)
    number = occupation(np.asarray(film.omega_m * u), np.asarray(temperature))
    pairs = number * (number + 1) * (radius / (np.pi * film.exchange_ratio)) ** 2
    if printed:
        pairs = pairs * radius**2
    apart, share = _profile(1 if printed else 2)
    sums = [np.exp(-2 * length * radius[:, None] * apart) @ share for length in distance]
    return np.array([(weight * pairs * total).sum() for total in sums])


@lru_cache(maxsize=2)
def _profile(power: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes s and weights whose sum with e^{−ys} is G(y)."""
    x, w = np.polynomial.legendre.leggauss(8)
    edges = np.array(_PANELS)
    half = 0.5 * np.diff(edges)[:, None]
    apart = (0.5 * (edges[1:] + edges[:-1])[:, None] + half * x).ravel()
    return apart, (half * w).ravel() * np.array([_at_distance(s, power) for s in apart])


def _at_distance(s: float, power: int) -> float:
    """Return the integrand of G at y = 0 for pairs at one in-plane distance, all directions averaged.

    The second point runs over an arc of a circle around the first, over all of it if that is inside of the
    unit circle. The root at the rim, where c' = 0, is taken out by the nodes.
    """
    x, w = np.polynomial.legendre.leggauss(48)
    t, share = 0.25 * np.pi * (x + 1), 0.25 * np.pi * w
    rim = np.sqrt(s * (2 - s))
    total = 0.0
    for start, stop in ((0.0, rim), (rim, 1.0)) if s < 1 else ((0.0, rim),):
        c = start + (stop - start) * np.sin(t) ** 2
        radius = np.sqrt(1 - c**2)[:, None]
        first = np.arccos(np.clip((1 - radius**2 - s**2) / (2 * radius * s), -1, 1))
        v = 0.5 * (x + 1)
        angle = first + (np.pi - first) * v**2
        square = 1 - radius**2 - s**2 - 2 * radius * s * np.cos(angle)
        other = np.sqrt(np.maximum(square, 1e-300))
        f = 1 / ((c[:, None] + other) ** 2 + s**2) + 1 / ((c[:, None] - other) ** 2 + s**2)
        inner = (f**power / other * (np.pi - first) * v * w).sum(axis=1)
        total += float(((stop - start) * np.sin(2 * t) * share * inner).sum())
    return 4 * np.pi * 3 / 8 * s**5 * total
