"""One-dimensional panels that follow the resonances, and the Gauss–Kronrod rule they carry.

Integrals over the wavevector contain a Lorentzian whose width is 10⁻⁴ of its position. Done over the angle
first (see `integrals`), they leave a function of κ alone that is smooth except near a few known places: the
wavenumbers at which an iso-frequency contour begins or ends, ω_n(κ, DE) = ω or ω_n(κ, BV) = ω, and the
extrema of these two curves where they come close to ω. There it has inverse square roots, rounded off by the
damping. Panels therefore grow geometrically away from those places; the difference between the Kronrod and
the Gauss sums says which panels still have to be split and bounds the error of the rest.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labspin.physics.arguments import FloatArray
from labspin.physics.spinwaves.film import Film
from labspin.physics.spinwaves.modes import stiffness

__all__ = [
    "GAUSS_WEIGHTS",
    "GRID",
    "KRONROD_NODES",
    "KRONROD_WEIGHTS",
    "Panels",
    "edge_roots",
    "graded_angles",
    "pole_angle",
    "resonant_panels",
    "split",
]

IntArray = NDArray[np.int64]

_HALF_NODES = np.array(
    [
        0.991455371120812639206854697526329,
        0.949107912342758524526189684047851,
        0.864864423359769072789712788640926,
        0.741531185599394439863864773280788,
        0.586087235467691130294144691693090,
        0.405845151377397166906606412076961,
        0.207784955007898467600689403773245,
        0.0,
    ]
)
_HALF_KRONROD = np.array(
    [
        0.022935322010529224963732008058970,
        0.063092092629978553290700663189204,
        0.104790010322250183839876322541518,
        0.140653259715525918745189590510238,
        0.169004726639267902826583426598550,
        0.190350578064785409913256402421014,
        0.204432940075298892414161999234649,
        0.209482141084727828012999174891714,
    ]
)
_HALF_GAUSS = np.array(
    [
        0.0,
        0.129484966168869693270611432679082,
        0.0,
        0.279705391489276667901467771423780,
        0.0,
        0.381830050505118944950369775488975,
        0.0,
        0.417959183673469387755102040816327,
    ]
)
KRONROD_NODES = np.concatenate([-_HALF_NODES, _HALF_NODES[-2::-1]])
KRONROD_WEIGHTS = np.concatenate([_HALF_KRONROD, _HALF_KRONROD[-2::-1]])
GAUSS_WEIGHTS = np.concatenate([_HALF_GAUSS, _HALF_GAUSS[-2::-1]])

GRID = np.concatenate([[1e-9], np.geomspace(1e-4, 1.0, 33)[:-1], np.geomspace(1.0, 1e3, 97)])
_GRADING = 3.0
_LEVELS = 11


class Panels(NamedTuple):
    """Intervals of κ, each belonging to one band of one probe (a field and a frequency)."""

    start: FloatArray
    stop: FloatArray
    band: IntArray
    probe: IntArray

    def take(self, choice: NDArray[np.generic]) -> Panels:
        """Return the chosen panels.

        Parameters
        ----------
        choice
            Indices of the panels, or a mask.
        """
        return Panels(*(column[choice] for column in self))

    def nodes(self) -> tuple[FloatArray, FloatArray]:
        """Return Kronrod nodes of shape (panels, 15) and half-widths of shape (panels, 1)."""
        half = 0.5 * (self.stop - self.start)[:, None]
        return (0.5 * (self.stop + self.start))[:, None] + half * KRONROD_NODES, half


def split(panels: Panels) -> Panels:
    """Return the panels with each cut in three equal parts.

    Parameters
    ----------
    panels
        The panels to cut.
    """
    third = (panels.stop - panels.start) / 3
    starts = np.stack([panels.start, panels.start + third, panels.stop - third])
    stops = np.stack([panels.start + third, panels.stop - third, panels.stop])
    return Panels(starts.ravel(), stops.ravel(), np.tile(panels.band, 3), np.tile(panels.probe, 3))


def resonant_panels(
    film: Film,
    reduced_field: FloatArray,
    reduced_frequency: FloatArray,
    bands: IntArray,
    cutoff: float,
    first: float,
    levels: int = _LEVELS,
) -> Panels:
    """Return panels on (0, cutoff] for every probe and band, graded around every resonance.

    Parameters
    ----------
    film
        The film.
    reduced_field, reduced_frequency
        ω_H/ω_M and ω/ω_M of the probes, shape (probes,); the latter (probes, targets) where an integrand is
        resonant at several frequencies.
    bands
        Bands, shape (bands,).
    cutoff, first
        Largest κ, and the end of the first panel.
    levels
        How many panels, each a third of the one before, stand on either side of a resonance to begin with.
    """
    probe, band = (part.ravel() for part in np.indices((reduced_field.size, bands.size)))
    band = bands[band]
    targets = reduced_frequency.reshape(reduced_field.size, -1)[probe].T
    special = np.concatenate(
        [_special_points(film, reduced_field[probe], target, band) for target in targets], axis=1
    )
    smooth = _smooth_edges(first, cutoff)
    edges = [np.broadcast_to(smooth, (probe.size, smooth.size))]
    offsets = _GRADING ** -np.arange(1.0, levels + 1)
    around = special[:, :, None] * (1 + np.concatenate([-offsets, [0.0], offsets]))
    edges.append(around.reshape(probe.size, -1))
    stacked = np.sort(np.nan_to_num(np.concatenate(edges, axis=1), nan=cutoff).clip(0, cutoff), axis=1)
    start, stop = stacked[:, :-1], stacked[:, 1:]
    keep = stop - start > 1e-13 * stop
    rows = np.nonzero(keep)[0]
    return Panels(start[keep], stop[keep], band[rows], probe[rows])


def _smooth_edges(first: float, cutoff: float) -> FloatArray:
    count = max(2, int(np.ceil(np.log(cutoff / first) / np.log(2.0))) + 1)
    return np.concatenate([[0.0], np.geomspace(first, cutoff, count)])


def _edge_frequency(
    film: Film, field: FloatArray, kappa: FloatArray, c: FloatArray, band: IntArray
) -> FloatArray:
    return np.asarray(stiffness(film, field, kappa, c, band).u)


def pole_angle(
    film: Film, reduced_field: FloatArray, u: FloatArray, kappa: FloatArray, band: IntArray, loss: float
) -> NDArray[np.complex128]:
    """Return the complex φ near which ω_n(κ, φ) − u ω_M − iγ/2 vanishes, with real part in [0, π/2].

    Parameters
    ----------
    film
        The film.
    reduced_field
        ω_H/ω_M.
    u
        ω/ω_M; a value ≤ 0 has no resonance, and its pole is put far away.
    kappa
        κ = kd > 0.
    band
        n ≥ 0. All four broadcast.
    loss
        α_G or whatever smaller number sets the narrowest resonance.
    """
    modes = stiffness(film, reduced_field, kappa, np.zeros(1), band)
    target = u + 0.5j * loss * (modes.nu_x + np.abs(u) ** 2 / modes.nu_x)
    cosine = np.sqrt((target**2 / modes.nu_x - modes.n_exchange) / modes.p)
    return np.asarray(np.arccos(np.where(u > 0, cosine, 5.0)))


def graded_angles(pole: NDArray[np.complex128], count: int) -> tuple[FloatArray, FloatArray]:
    """Return angles and weights on [0, π/2] that resolve a pole, each of shape (..., 2 count).

    φ = a ± ε sinh t with a the nearest real angle and ε the distance of the pole: nodes are Gauss–Legendre in
    t on either side, uniform in the logarithm of the distance from the resonance.

    Parameters
    ----------
    pole
        Complex φ of the pole, shape (...), rad.
    count
        Number of nodes on either side of a.
    """
    centre = pole.real.clip(0, np.pi / 2)
    width = np.maximum(np.abs(pole - centre), 1e-9)
    x, w = np.polynomial.legendre.leggauss(count)
    nodes, weights = [], []
    for sign, length in ((-1.0, centre), (1.0, np.pi / 2 - centre)):
        top = np.arcsinh(length / width)[..., None]
        t = 0.5 * top * (x + 1)
        nodes.append(centre[..., None] + sign * width[..., None] * np.sinh(t))
        weights.append(0.5 * top * w * width[..., None] * np.cosh(t))
    return np.concatenate(nodes, axis=-1), np.concatenate(weights, axis=-1)


def edge_roots(film: Film, field: FloatArray, frequency: FloatArray, band: IntArray, c: float) -> FloatArray:
    """Return the κ at which ω_n(κ, c) = ω, up to three a pair, NaN-padded, shape (pairs, 3).

    Parameters
    ----------
    film
        The film.
    field
        ω_H/ω_M, shape (pairs,).
    frequency
        ω/ω_M, shape (pairs,).
    band
        n ≥ 0, shape (pairs,).
    c
        cos²φ, from 0 to 1, the same for all pairs.
    """
    return _crossings(film, field, frequency, band, np.full(field.shape, c))[:, 2:]


def _special_points(film: Film, field: FloatArray, frequency: FloatArray, band: IntArray) -> FloatArray:
    """Return the κ at which contours begin, end or nearly appear, NaN-padded, shape (pairs, points)."""
    columns = [_crossings(film, field, frequency, band, np.full(field.shape, c)) for c in (0.0, 1.0)]
    return np.concatenate(columns, axis=1)


def _crossings(
    film: Film, field: FloatArray, frequency: FloatArray, band: IntArray, c: FloatArray
) -> FloatArray:
    """Return roots and near extrema of ω(κ) at fixed c, shape (pairs, 5), NaN where there is none."""
    result = np.full((field.size, 5), np.nan)
    curve = _edge_frequency(film, field[:, None], GRID, c[:, None], band[:, None])
    near = np.nonzero(curve.min(axis=1) < 1.3 * frequency)[0]
    if near.size == 0:
        return result
    args = (film, field[near], c[near], band[near])
    grid = np.broadcast_to(GRID, (near.size, GRID.size))
    rising = np.diff(curve[near], axis=1) > 0
    for turn, sign in ((~rising[:, :-1] & rising[:, 1:], 1.0), (rising[:, :-1] & ~rising[:, 1:], -1.0)):
        extremum = _extremum(args, turn, sign)
        grid = np.concatenate([grid, np.where(np.isnan(extremum), GRID[-1], extremum)[:, None]], axis=1)
        result[near, 0 if sign > 0 else 1] = extremum
    grid = np.sort(grid, axis=1)
    result[near, 2:] = _roots(args, grid, frequency[near])
    return result


_Curve = tuple[Film, FloatArray, FloatArray, IntArray]


def _extremum(args: _Curve, turn: NDArray[np.bool_], sign: float) -> FloatArray:
    """Refine the first extremum that the grid shows, by golden section; NaN where there is none."""
    found = np.full(turn.shape[0], np.nan)
    rows = np.nonzero(turn.any(axis=1))[0]
    if rows.size == 0:
        return found
    film, field, c, band = args[0], args[1][rows], args[2][rows], args[3][rows]
    index = np.argmax(turn[rows], axis=1)
    low, high = GRID[index].copy(), GRID[index + 2].copy()
    golden = 0.5 * (np.sqrt(5.0) - 1)
    for _ in range(40):
        left, right = high - golden * (high - low), low + golden * (high - low)
        down = sign * (
            _edge_frequency(film, field, left, c, band) - _edge_frequency(film, field, right, c, band)
        )
        high, low = np.where(down < 0, right, high), np.where(down < 0, low, left)
    found[rows] = 0.5 * (low + high)
    return found


def _roots(args: _Curve, grid: FloatArray, frequency: FloatArray) -> FloatArray:
    """Return up to three roots of ω(κ) = ω between grid points, by bisection, NaN-padded."""
    film, field, c, band = args
    excess = _edge_frequency(film, field[:, None], grid, c[:, None], band[:, None]) > frequency[:, None]
    row, index = np.nonzero(excess[:, 1:] != excess[:, :-1])
    order = np.arange(row.size) - np.searchsorted(row, row)
    row, index, order = (part[order < 3] for part in (row, index, order))
    low, high = grid[row, index], grid[row, index + 1]
    rising = excess[row, index + 1]
    for _ in range(52):
        middle = 0.5 * (low + high)
        above = _edge_frequency(film, field[row], middle, c[row], band[row]) > frequency[row]
        low, high = np.where(above == rising, low, middle), np.where(above == rising, middle, high)
    result = np.full((field.size, 3), np.nan)
    result[row, order] = 0.5 * (low + high)
    return result
