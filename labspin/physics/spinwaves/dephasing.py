"""Second-order dephasing κ2' of a spin by pairs of spin waves, Eqs. (9), (232) and (250).

A pair k, k' of nearly equal frequency beats slowly and shifts both |±> alike. The Lorentzian in ω_β − ω_β' is
10⁻⁴ of a frequency wide, and nothing else in the integrand knows this scale, so it acts as 2π δ(ω_β − ω_β');
what is neglected is of relative order α_G. That leaves an integral over the common frequency of a double sum
over two iso-frequency contours, whose points come from `contours` and converge geometrically.

[SW] prints two factors of the integrand wrongly: in (132) it must read (−1)^{n+n'} − e^{−qd} instead of
(−1)^{n+n'}(1 − e^{−qd}), and in (250) the sum over ξ is to be squared. Both follow from (9). Its Fig. 12
shows the printed form, which is larger by two orders and more close to the film.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray, positive
from labspin.physics.spinwaves.bath import coupling_scale
from labspin.physics.spinwaves.contours import arcs, contour_c
from labspin.physics.spinwaves.dephasing_near import close_pairs, is_dense
from labspin.physics.spinwaves.film import Film
from labspin.physics.spinwaves.modes import occupation, stiffness
from labspin.physics.spinwaves.nv import ParamagneticSpin

__all__ = ["Dephasing", "second_order_dephasing"]

_KAPPA_GRID = np.concatenate([[1e-6], np.geomspace(1e-3, 60.0, 600)])
_PAIRS = 400_000
_VERY_NEAR = 0.03  # l/d: the waves that count are much shorter than the film is thick


class Dephasing(NamedTuple):
    """κ2' and the bound of its error, in 1/s, shape of the distances."""

    rate: FloatArray
    error: FloatArray


class _Points(NamedTuple):
    """Points of all contours at one frequency in the first quadrant, with their share of the states."""

    ky: FloatArray
    kz: FloatArray
    root_x: FloatArray
    root_y: FloatArray
    band: NDArray[np.int64]
    weight: FloatArray

    def rows(self, part: slice) -> _Points:
        """Return some of the points as a column, to be paired with others."""
        columns: list[Any] = [column[part, None] for column in self]
        return _Points(*columns)


def second_order_dephasing(
    *,
    film: Film,
    spin: ParamagneticSpin,
    distance: ArrayLike,
    field: float,
    temperature: float,
    rtol: float = 0.05,
    form: str = "corrected",
) -> Dephasing:
    """Return the dephasing rate κ2' that pairs of thermal spin waves add, Eq. (250).

    Parameters
    ----------
    film, spin
        The film and the centre.
    distance
        l > 0 from the nearer surface in m, any shape; distances within a factor of two share the contours.
        Nearer than a lattice constant, 1.24 nm in YIG, there is no such film: the sum can be made there, but
        it says what the equations give, which know of a continuum only.
    field, temperature
        μ0H0 in T and T > 0 in K.
    rtol
        Relative tolerance, 10⁻³ to 0.2. Pairs up to u ~ (d/l)² α_x/d² and beyond count. The contours are
        summed until the sum over a continuum of short waves (`dephasing_near`) agrees with theirs well enough
        to stand for the rest; a smaller tolerance asks for more of them.
    form
        "corrected": as it follows from (9). "printed": (250) as [SW] prints it, and its Fig. 12 shows it.

    Returns
    -------
    Dephasing
        κ2' and its error: the difference from a sum over fewer frequencies and contour points, what may be
        wrong with the part above the highest of them, and α_G for the width of the Lorentzian.

    Raises
    ------
    ArgumentError
        A distance or temperature is not positive, the field is below saturation, the tolerance is out of
        range, or the form is unknown.
    """
    metres = positive("distance", distance, unit="m")
    kelvin = positive("temperature", temperature, unit="K")
    if not 1e-3 <= rtol <= 0.2:
        raise ArgumentError(f"rtol: wanted a tolerance between 1e-3 and 0.2, got {rtol!r}")
    if form not in ("corrected", "printed"):
        raise ArgumentError(f"form: wanted 'corrected' or 'printed', got {form!r}")
    reduced, flat = float(film.reduced_field(field)), metres.ravel() / film.thickness
    fine, error = np.zeros(flat.size), np.zeros(flat.size)
    for members in _octaves(flat):
        job = _Job(film, reduced, float(kelvin), flat[members], form == "printed")
        fine[members], rest = job.total(order=6, density=1.0, rtol=rtol)
        coarse, _ = job.total(order=4, density=0.7, rtol=rtol)
        error[members] = np.abs(fine[members] - coarse) + rest + film.gilbert_damping * fine[members]
    scale = pair_scale(film, spin)
    return Dephasing((scale * fine).reshape(metres.shape), (scale * error).reshape(metres.shape))


def pair_scale(film: Film, spin: ParamagneticSpin) -> float:
    """Return what turns the integrals of `_Job` and `close_pairs` into a rate, in 1/s."""
    ratio = film.gyromagnetic_ratio / spin.gyromagnetic_ratio
    scale = 2 * np.pi * (coupling_scale(film, spin.gyromagnetic_ratio) * ratio) ** 2
    return float(scale / (film.thickness**4 * film.omega_m**3))


def _octaves(distance: FloatArray) -> list[NDArray[np.intp]]:
    """Return the indices of distances, in groups that span less than a factor of two.

    The nearest distance says how far up in frequency a sum must go, the farthest how finely the contours are
    sampled: together they would pay for both. Very near the film a continuum ends the sum, alike for all.
    """
    octave = np.floor(np.log2(np.maximum(distance, _VERY_NEAR) / _VERY_NEAR))
    return [np.flatnonzero(octave == value) for value in np.unique(octave)]


class _Job(NamedTuple):
    film: Film
    field: float
    temperature: float
    distance: FloatArray
    printed: bool

    def total(self, *, order: int, density: float, rtol: float) -> tuple[FloatArray, FloatArray]:
        """Integrate over frequency until a panel adds little; return the sum and an estimate of the rest."""
        edges = self._edges()
        total, previous, before = (np.zeros(self.distance.size) for _ in range(3))
        start, top, added = edges[0], 2.5 * edges[0], 0.0
        while True:
            inner = edges[(edges > start) & (edges < top)]
            block = self._block(np.concatenate([[start], inner, [top]]), order, density)
            total += block
            rest, doubt = self._above((start, top), block, previous)
            enough = doubt + 0.5 * before * rest
            before = np.divide(doubt, rest, out=np.ones_like(rest), where=rest > 0)
            if added and (enough <= rtol * (total + rest)).all():
                return total + rest, enough
            previous, added = block, 1.0
            start, top = top, 2.0 * top

    def _block(self, panels: FloatArray, order: int, density: float) -> FloatArray:
        """Integrate over the panels between some frequencies, by sums over the contours."""
        x, w = np.polynomial.legendre.leggauss(order)
        block = np.zeros(self.distance.size)
        half = 0.5 * np.diff(panels)[:, None]
        u = (0.5 * (panels[1:] + panels[:-1])[:, None] + half * x).ravel()
        spacing = density * float((1.6 * self.distance.max()).clip(0.5, 6.0))
        nodes = zip(
            u,
            (half * w).ravel(),
            self._points(u, 12 * density, 0.25 * spacing),
            self._points(u, 10 * density, spacing),
            strict=True,
        )
        for value, weight, some, points in nodes:
            block += weight * self._at(value, some, points)
        return block

    def _above(
        self, span: tuple[float, float], block: FloatArray, previous: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the sum above a span of frequencies, and how far it may be wrong.

        Where the waves are short, it is that of a continuum, which is as wrong as it is on the span itself.
        Where they are not, the spans are taken for a geometric series, and all of it is in doubt.
        """
        if not is_dense(self.film, self.field, span[0]):
            ratio = np.divide(block, previous, out=np.ones_like(block), where=previous > 0).clip(0, 0.9)
            rest = block * ratio / (1 - ratio)
            return rest, rest
        same, rest = (
            close_pairs(
                self.film, field=self.field, temperature=self.temperature, distance=self.distance, span=part,
                printed=self.printed,
            )
            for part in (span, (span[1], np.inf))
        )  # fmt: skip
        wrong = np.divide(np.abs(same - block), same, out=np.ones_like(same), where=same > 0)
        return rest, wrong * rest

    def _edges(self) -> FloatArray:
        """Return the frequencies at which contours appear or change their number, ascending."""
        n = np.arange(64)[:, None]
        lowest = stiffness(self.film, np.array(self.field), _KAPPA_GRID, np.zeros(1), n).u
        return np.unique(np.concatenate([lowest.min(axis=1), lowest[:, 0]]).round(9))

    def _at(self, u: float, some: _Points, points: _Points) -> FloatArray:
        """Return n̄(n̄ + 1)/u² times the double sum over the contours at one frequency.

        Of the two waves only one must be sampled as finely as e^{−2ql} asks: once summed over it, the other
        is smooth on the scale of the contour.
        """
        if points.ky.size == 0:
            return np.zeros(self.distance.size)
        number = float(occupation(np.array(self.film.omega_m * u), np.array(self.temperature)))
        total = np.zeros(self.distance.size)
        rows = max(1, _PAIRS // points.ky.size)
        for i in range(0, some.ky.size, rows):
            part = some.rows(slice(i, i + rows))
            for sign_y in (1, -1):
                for sign_z in (1, -1):
                    total += self._pairs(part, points, sign_y, sign_z)
        return 4 * number * (number + 1) / u**2 * total

    def _pairs(self, one: _Points, other: _Points, sign_y: int, sign_z: int) -> FloatArray:
        qz = one.kz - sign_z * other.kz
        square = (one.ky - sign_y * other.ky) ** 2 + qz**2
        q = np.sqrt(square)
        overlap = (one.root_y * other.root_y + one.root_x * other.root_x) ** 2
        weight = one.weight * other.weight * overlap * qz**4
        if self.printed:
            weight = weight * np.expm1(-q) ** 2 * depth_sum(q, one.band, other.band)
        else:
            weight = weight * depth_factor(q, one.band, other.band) ** 2
        return np.array([(weight * np.exp(-2 * length * q)).sum() for length in self.distance])

    def _points(self, u: FloatArray, least: float, density: float) -> list[_Points]:
        """Sample the contours of all bands at each frequency: ``least + density κ`` points an arc."""
        reach = np.sqrt(max(u.max() - self.field, 0.0) / self.film.exchange_ratio)
        which, band = (part.ravel() for part in np.indices((u.size, int(reach / np.pi) + 2)))
        pieces = arcs(self.film, np.full(which.size, self.field), u[which], band)
        found: list[list[_Points]] = [[] for _ in u]
        for pair, column in zip(*np.nonzero(pieces.stop > pieces.start), strict=True):
            start, stop = pieces.start[pair, column], pieces.stop[pair, column]
            count = int(least + stop * density)
            found[which[pair]].append(self._arc(u[which[pair]], int(band[pair]), start, stop, count))
        empty = _Points(*(np.zeros(0),) * 4, np.zeros(0, dtype=np.int64), np.zeros(0))
        return [
            _Points(*(np.concatenate(columns) for columns in zip(*parts, strict=True))) if parts else empty
            for parts in found
        ]

    def _arc(self, u: float, band: int, start: float, stop: float, count: int) -> _Points:
        theta = (np.arange(count) + 0.5) * np.pi / count
        half = 0.5 * (stop - start)
        kappa = 0.5 * (start + stop) - half * np.cos(theta)
        n = np.full(1, band)
        c = contour_c(self.film, np.array(self.field), np.array(u), kappa, n).clip(1e-15, 1 - 1e-15)
        modes = stiffness(self.film, np.array(self.field), kappa, c, n)
        slope = modes.nu_x * modes.p * np.sqrt(c * (1 - c)) / u
        norm = 0.5 if band == 0 else 1.0
        weight = norm * np.pi / count * half * np.sin(theta) * kappa / slope
        return _Points(
            kappa * np.sqrt(c),
            kappa * np.sqrt(1 - c),
            np.sqrt(modes.nu_x),
            np.sqrt(modes.nu_y),
            np.full(count, band),
            weight,
        )


def depth_factor(q: FloatArray, n: NDArray[np.int64], m: NDArray[np.int64]) -> FloatArray:
    """Return ((−1)^{n+n'} − e^{−q}) Σ_ξ 1/(π²(n' + ξn)² + q²), the corrected factor of (132); 0 at q = 0."""
    parity = np.where((n + m) % 2 == 0, 1.0, -1.0)
    edge = np.where(parity > 0, -np.expm1(-q), -1 - np.exp(-q))
    return np.asarray(edge * depth_sum(q, n, m))


def depth_sum(q: FloatArray, n: NDArray[np.int64], m: NDArray[np.int64]) -> FloatArray:
    """Return Σ_ξ 1/(π²(n' + ξn)² + q²); 0 at q = 0."""
    safe = np.where(q > 0, q, np.inf)
    lorentzians = [1 / ((np.pi * (m + xi * n)) ** 2 + safe**2) for xi in (1, -1)]
    return np.asarray(lorentzians[0] + lorentzians[1])
