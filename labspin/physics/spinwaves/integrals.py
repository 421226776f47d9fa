"""Integrals over all spin waves of a film, seen from a point outside it at a given frequency.

Relaxation, shifts, forces and spectral densities outside the film are real or imaginary parts of

    J_q = Σ_n ∫ d²κ (ω_M/ω) h² Λ_q e^{−2κl/d} w ω_M / (ω_n(κ) − ω − iγ_n/2),     w = 1 or n̄(ω_n, T).

* The angle is done first. At fixed κ and n the frequency depends on c = cos²φ only, through ν_y = N + cP, and
  the denominator has exactly one pole c*, the root of a quadratic. Midpoints in φ are Gauss–Chebyshev nodes
  in c; with the pole's part exchanged for its closed form ∫dφ/(cos²φ − c*) = π/(2√(−c*)√(1−c*)) they converge
  geometrically, at a rate set by the nearest singularity that is left, ν_y = 0 at c = −N/P. So the number of
  angles follows from N and P alone.
* What is left is a function of κ, integrated over panels that follow the resonances (see `quadrature`),
refined
  until the difference of two rules is below the tolerance for every distance, temperature and weight at once.
* Bands are added in blocks until what is still missing, extrapolated from the last blocks, is below the
  tolerance.

The sum over ±k_y is taken in closed form, so nothing depends on the side η of the film:
Σ_± (√ν_y ± √(cν_x))² (1 ± t√c)² = 2 [(ν_y + cν_x)(1 + c) + 4tcu].
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labspin.arrays import AnyArray
from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray
from labspin.physics.constants import hbar, k
from labspin.physics.spinwaves.film import Film
from labspin.physics.spinwaves.modes import form_factor, log_occupation, occupation, stiffness
from labspin.physics.spinwaves.quadrature import (
    GAUSS_WEIGHTS,
    GRID,
    KRONROD_WEIGHTS,
    Panels,
    edge_roots,
    resonant_panels,
    split,
)

__all__ = ["Integrals", "Probes", "decay_cutoff", "spin_wave_integrals"]

ComplexArray = NDArray[np.complex128]

_FIRST_BANDS = 6
_ROUGH, _FEW_LEVELS, _LEVELS = 1e-5, 6, 11
"""Tolerance from which panels begin that much coarser; those that do not suffice are split anyway."""
_ANGLES = np.array([8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024])
_MAX_BANDS = 1 << 13
_CHUNK = 600_000
_VANISHED = -700.0  # ln n̄
_SHAPES = {"minus": (1.0, 1.0), "plus": (1.0, -1.0), "z": (-1.0, 0.0)}


@dataclass(frozen=True)
class Probes:
    """Where and at which frequency the spin waves are seen.

    Parameters
    ----------
    reduced_field, reduced_frequency
        ω_H/ω_M and ω/ω_M, shape (probes,).
    reduced_distance
        l/d > 0, shape (probes, requests).
    temperatures
        T in K, shape (temperatures,): each weight n̄(T) is integrated for every request.
    polarisations
        "minus", "plus" or "z": Λ_q = (1 + cos φ)², (1 − cos φ)², sin² φ (above the film). The same for all
        probes, or one tuple for every probe, all of one length.
    """

    reduced_field: FloatArray
    reduced_frequency: FloatArray
    reduced_distance: FloatArray
    temperatures: FloatArray
    polarisations: tuple[str, ...] | tuple[tuple[str, ...], ...] = ("minus",)

    @property
    def shapes(self) -> FloatArray:
        """(a, w) of every polarisation, (ν_y + cν_x)(1 + ac) + 4wcu, shape (probes, polarisations, 2)."""
        rows = [(row,) if isinstance(row, str) else row for row in self.polarisations]
        if isinstance(self.polarisations[0], str):
            rows = [tuple(name for row in rows for name in row)] * self.reduced_field.size
        return np.array([[_SHAPES[name] for name in row] for row in rows])


@dataclass(frozen=True)
class Integrals:
    """The integrals J_q with their gradients and errors.

    Parameters
    ----------
    value, gradient
        J and dJ/d(l/d), shape (probes, requests, polarisations, 1 + temperatures); the last axis holds the
        weight 1 first, then n̄ at each temperature.
    error
        Bound of the error of ``value``, real and imaginary part apart, same shape.
    bands
        How many bands were added.
    """

    value: ComplexArray
    gradient: ComplexArray
    error: ComplexArray
    bands: int


def spin_wave_integrals(film: Film, probes: Probes, rtol: float, *, band: int | None = None) -> Integrals:
    """Return the integrals J_q of all probes.

    The tolerance is relative to ∫|Re| and ∫|Im| (panel by panel), so that a shift that crosses zero is as
    accurate there as elsewhere.

    Parameters
    ----------
    film
        The film.
    probes
        Fields, frequencies, distances, temperatures and polarisations.
    rtol
        Relative tolerance.
    band
        n ≥ 0 of the only band to integrate; None for the sum over all bands.
    """
    warm = _populated(film, probes)
    if not warm.all():
        rest = replace(probes, temperatures=probes.temperatures[warm])
        return _thawed(spin_wave_integrals(film, rest, rtol, band=band), warm)
    nearest, farthest = probes.reduced_distance.min(), probes.reduced_distance.max()
    if decay_cutoff(rtol) / (2 * nearest) > _MAX_BANDS:
        raise ArgumentError(
            f"distance: wanted at least {decay_cutoff(rtol) / 2 / _MAX_BANDS * film.thickness:.2g} m at the "
            f"relative tolerance {rtol!r}, where some {_MAX_BANDS} bands are enough, "
            f"got {nearest * film.thickness!r} m"
        )
    # The rates live on the contours: what decays from there on must have decayed, too.
    cutoff = _decayed(film, probes, rtol) + _contours_begin(film, probes)
    first = min(0.5, 0.5 / farthest)
    levels = _FEW_LEVELS if rtol >= _ROUGH else _LEVELS
    resonant = _resonant_bands(film, probes)
    totals = np.zeros((4, *_shape(probes)), dtype=np.complex128)
    if band is not None:
        alone = resonant_panels(
            film, probes.reduced_field, probes.reduced_frequency, np.array([band]), cutoff, first, levels
        )
        totals += _refined(film, probes, alone, rtol, totals[2])
        return Integrals(totals[0], totals[1], totals[3] + 0.25 * rtol * totals[2], 1)
    previous, start, stop = None, 0, _FIRST_BANDS
    while True:
        bands = np.arange(start, stop)
        panels = resonant_panels(
            film, probes.reduced_field, probes.reduced_frequency, bands, cutoff, first, levels
        )
        block = _refined(film, probes, panels, rtol, totals[2])
        totals += block
        tail = _tail(previous, block[2])
        if stop >= resonant and tail is not None and _below(tail, rtol, totals[2]):
            break
        previous, start, stop = block[2], stop, 3 * stop // 2
    # Kronrod and Gauss sums can agree by chance: no estimate promises better than a quarter of rtol.
    return Integrals(totals[0], totals[1], totals[3] + tail + 0.25 * rtol * totals[2], stop)


def _populated(film: Film, probes: Probes) -> NDArray[np.bool_]:
    """Return at which temperatures n̄ of any wave differs from zero noticeably."""
    field = probes.reduced_field.min()
    lowest = stiffness(film, field, GRID, np.zeros(1), np.zeros(1, dtype=np.int64)).u.min()
    return np.array(
        [log_occupation(film.omega_m * lowest, kelvin) > _VANISHED for kelvin in probes.temperatures], bool
    )


def _thawed(found: Integrals, warm: NDArray[np.bool_]) -> Integrals:
    """Put zeros where a temperature was so low that no wave is excited."""
    keep = np.concatenate([[True], warm])
    shape = (*found.value.shape[:-1], keep.size)
    arrays = [np.zeros(shape, dtype=np.complex128) for _ in range(3)]
    for array, part in zip(arrays, (found.value, found.gradient, found.error), strict=True):
        array[..., keep] = part
    value, gradient, error = arrays
    return Integrals(value, gradient, error, found.bands)


def _decayed(film: Film, probes: Probes, rtol: float) -> float:
    """Return the κ beyond which e^{−2κl} n̄(ω) stays so small that nothing is left to come.

    A cold film prefers the waves of the lowest frequency, which may lie far out: n̄ there can outweigh the
    decay. Backward volume waves of the lowest band are the lowest of all.
    """
    waves = np.concatenate([GRID, np.geomspace(1e3, 2 * _MAX_BANDS, 32)[1:]])
    field, distance = np.unique(
        np.stack([np.repeat(probes.reduced_field, probes.reduced_distance.shape[1]),
                  probes.reduced_distance.ravel()]), axis=1,
    )  # fmt: skip
    decay = 2 * waves * distance[:, None]
    lowest = film.omega_m * stiffness(film, field[:, None], waves, np.zeros(1), np.zeros(1, dtype=np.int64)).u
    cutoff = float(decay_cutoff(rtol) / (2 * distance.min()))
    for kelvin in probes.temperatures:
        exponent = decay - log_occupation(lowest, kelvin)
        reached = exponent <= exponent.min(axis=1, keepdims=True) + decay_cutoff(rtol)
        last = waves.size - 1 - np.argmax(reached[:, ::-1], axis=1)
        cutoff = max(cutoff, float(waves[np.minimum(last + 1, waves.size - 1)].max()))
    return cutoff


def _contours_begin(film: Film, probes: Probes) -> float:
    """Return the κ by which the first iso-frequency contour of every probe that has any has begun."""
    probe, band = (part.ravel() for part in np.indices((probes.reduced_field.size, _FIRST_BANDS)))
    field, frequency = probes.reduced_field[probe], probes.reduced_frequency[probe]
    roots = np.concatenate([edge_roots(film, field, frequency, band, c) for c in (0.0, 1.0)], axis=1)
    earliest = np.nan_to_num(roots, nan=np.inf).min(axis=1).reshape(-1, _FIRST_BANDS).min(axis=1)
    return float(np.where(np.isfinite(earliest), earliest, 0.0).max())


def _resonant_bands(film: Film, probes: Probes) -> int:
    """Return how many bands can have a contour: N_n < ω/ω_M, as ν_x ≥ ν_y ≥ N_n for backward volume waves.

    Bands beyond the strongest ones may add little until one of them is resonant.
    """
    room = (probes.reduced_frequency - probes.reduced_field).max() / film.exchange_ratio
    return min(int(np.sqrt(max(room, 0.0)) / np.pi) + 2, _MAX_BANDS)


def decay_cutoff(rtol: float) -> float:
    """Return x beyond which an integrand that falls as x⁵ e^{−x} contributes less than 0.05 ``rtol``.

    Parameters
    ----------
    rtol
        Relative tolerance, > 0.
    """
    return float(15.0 - np.log(rtol))


def _shape(probes: Probes) -> tuple[int, int, int, int]:
    size, requests = probes.reduced_distance.shape
    return size, requests, probes.shapes.shape[1], 1 + probes.temperatures.size


def _parts(array: ComplexArray) -> FloatArray:
    return array.view(np.float64)


def _below(error: ComplexArray, rtol: float, scale: ComplexArray) -> bool:
    return bool((_parts(error) <= rtol * _parts(scale)).all())


def _tail(previous: ComplexArray | None, block: ComplexArray) -> ComplexArray | None:
    """Bound the sum over all further blocks, each half as long again as the one before.

    Their ratio is that of the last two, but at least 0.3 (a decay as n⁻⁴): the first blocks, which hold the
    strongest bands, would promise too much.
    """
    if previous is None:
        return None
    before, last = _parts(previous), _parts(np.ascontiguousarray(block))
    ratio = np.divide(last, before, out=np.zeros_like(last), where=before > 0)
    if (ratio > 0.8).any():
        return None
    ratio = np.maximum(ratio, 0.3)
    rest: ComplexArray = (last * ratio / (1 - ratio)).view(np.complex128)
    return rest


def _refined(film: Film, probes: Probes, panels: Panels, rtol: float, scale: ComplexArray) -> ComplexArray:
    """Sum the panels, splitting those that carry more than their share of the error.

    Returns value, gradient, scale and error, stacked: scale and error hold the absolute values of real and
    imaginary parts.
    """
    totals = np.zeros((4, *_shape(probes)), dtype=np.complex128)
    share = 0.25 * rtol / max(1, panels.start.size // probes.reduced_field.size)
    for _ in range(40):
        waiting, known = [], np.ascontiguousarray(scale + totals[2])
        for chunk in _chunks(film, probes, panels):
            sums = _panel_sums(film, probes, *chunk)
            known = np.maximum(_parts(known), _parts(_collect(probes, chunk[0], sums[2:3])[0] + totals[2]))
            known = known.view(np.complex128)
            bad = np.any(_parts(sums[3]) > share * _parts(known)[chunk[0].probe], axis=(1, 2, 3))
            totals += _collect(probes, chunk[0].take(~bad), sums[:, ~bad])
            waiting.append(chunk[0].take(bad))
        rest = Panels(*(np.concatenate(column) for column in zip(*waiting, strict=True)))
        if rest.start.size == 0:
            break
        panels = split(rest)
    return totals


def _collect(probes: Probes, panels: Panels, sums: ComplexArray) -> ComplexArray:
    """Add panel sums of shape (kinds, panels, ...) by probe."""
    out = np.zeros((sums.shape[0], *_shape(probes)), dtype=np.complex128)
    if panels.probe.size:
        order = np.argsort(panels.probe, kind="stable")
        present, begins = np.unique(panels.probe[order], return_index=True)
        out[:, present] = np.add.reduceat(sums[:, order], begins, axis=1)
    return out


def _chunks(film: Film, probes: Probes, panels: Panels) -> list[tuple[Panels, int]]:
    """Sort panels by the number of angles they need, in portions that fit in memory."""
    angles = _angles_needed(film, probes, panels)
    chunks = []
    for count in np.unique(angles):
        members = np.nonzero(angles == count)[0]
        row = count * (2 + probes.temperatures.size) + np.prod(_shape(probes)[1:]) // 2
        portion = max(1, int(_CHUNK // (15 * row)))
        chunks += [
            (panels.take(members[i : i + portion]), int(count)) for i in range(0, members.size, portion)
        ]
    return chunks


def _angles_needed(film: Film, probes: Probes, panels: Panels) -> NDArray[np.int64]:
    """Return how many angles reach rounding: from the branch point ν_y = 0 and the lowest temperature.

    In the cold n̄ falls as exp(−x S cos²φ) with x = ħω_M/k_BT and S = du/dc at c = 0.
    """
    field = probes.reduced_field[panels.probe]
    low = stiffness(film, field, panels.start, np.zeros(1), panels.band)
    high = stiffness(film, field, panels.stop, np.zeros(1), panels.band)
    distance = low.n_exchange / np.maximum(high.p, 1e-300)
    rate = 2 * np.arcsinh(np.sqrt(distance))
    needed = 0.5 * 32.0 / rate
    if probes.temperatures.size:
        x = hbar * film.omega_m / (k * probes.temperatures.min())
        slope = 0.5 * high.p * np.sqrt(low.nu_x / low.n_exchange)
        needed = np.maximum(needed, 8 + 5 * np.sqrt(x * slope))
    return _ANGLES[np.minimum(np.searchsorted(_ANGLES, needed), _ANGLES.size - 1)]


def _panel_sums(film: Film, probes: Probes, panels: Panels, angles: int) -> ComplexArray:
    """Return value, gradient, |value| and error of every panel, shape (4, panels, requests, q, w)."""
    kappa, half = panels.nodes()
    inner = _angular_integral(film, probes, panels, kappa, angles)
    decay = np.exp(-2 * kappa[:, :, None] * probes.reduced_distance[panels.probe][:, None, :])
    flat = inner.reshape(*kappa.shape, -1)
    weights = np.stack(
        [
            half * KRONROD_WEIGHTS,
            half * KRONROD_WEIGHTS * -2 * kappa,
            half * (KRONROD_WEIGHTS - GAUSS_WEIGHTS),
        ],
        axis=2,
    )
    rows = _parts((weights[:, :, :, None] * flat[:, :, None, :]).reshape(*kappa.shape, -1))
    sums = np.ascontiguousarray(np.swapaxes(decay, 1, 2) @ rows).view(np.complex128)
    sums = np.moveaxis(sums.reshape(*sums.shape[:2], 3, *inner.shape[2:]), 2, 0)
    value, gradient, error = (np.ascontiguousarray(part) for part in sums)
    return np.stack([value, gradient, _absolute(value), _absolute(error)])


def _absolute(array: ComplexArray) -> ComplexArray:
    return np.abs(_parts(array)).view(np.complex128)


def _angular_integral(
    film: Film, probes: Probes, panels: Panels, kappa: FloatArray, angles: int
) -> ComplexArray:
    """Return κ ∫dφ of everything but the decay with distance, shape (panels, 15, q, w)."""
    field = probes.reduced_field[panels.probe][:, None]
    target = probes.reduced_frequency[panels.probe][:, None]
    band = panels.band[:, None]
    c = np.cos((np.arange(angles) + 0.5) * (np.pi / (2 * angles))) ** 2
    modes = stiffness(film, field[..., None], kappa[..., None], c, band[..., None])
    u = modes.u
    loss = 0.5j * film.gilbert_damping
    resonance = 1 / (u - target[..., None] - loss * (modes.nu_x + modes.nu_y)) / u
    nu_x, p = modes.nu_x[..., 0], modes.p[..., 0]
    pole = _Pole.find(film, target, modes.n_exchange[..., 0], p, nu_x, c)
    shapes = probes.shapes[panels.probe]
    out = np.empty((*kappa.shape, shapes.shape[1], 1 + probes.temperatures.size), np.complex128)
    weights: list[tuple[Any, Any]] = [(1.0, 1.0)]
    weights += [
        (occupation(film.omega_m * u, kelvin), occupation(film.omega_m * pole.u, kelvin))
        for kelvin in probes.temperatures
    ]
    for q in range(shapes.shape[1]):
        a, w_q = shapes[:, q, 0, None], shapes[:, q, 1, None]
        smooth = _polarisation(a[..., None], w_q[..., None], c, modes.nu_x, modes.nu_y, u) * resonance
        at_pole = _polarisation(a, w_q, pole.c, nu_x, pole.nu_y, pole.u) * pole.factor
        for w, (weight, pole_weight) in enumerate(weights):
            out[..., q, w] = (smooth * weight).sum(axis=-1) * (np.pi / (2 * angles)) + at_pole * pole_weight
    out *= (4 * kappa * form_factor(kappa, band) ** 2)[..., None, None]
    return out


def _polarisation(
    a: AnyArray, weight: AnyArray, c: AnyArray, nu_x: AnyArray, nu_y: AnyArray, u: AnyArray
) -> AnyArray:
    """Return half of the sum over ±k_y of (√ν_y ± √(cν_x))² Λ_q, from the (a, w) of `Probes.shapes`."""
    return np.asarray((nu_y + c * nu_x) * (1 + a * c) + 4 * weight * c * u)


@dataclass(frozen=True)
class _Pole:
    """The pole of the resonance in c, and what its closed form adds to the sum over angles."""

    c: ComplexArray
    u: ComplexArray
    nu_y: ComplexArray
    factor: ComplexArray

    @classmethod
    def find(
        cls,
        film: Film,
        target: FloatArray,
        n_exchange: FloatArray,
        p: FloatArray,
        nu_x: FloatArray,
        nodes: FloatArray,
    ) -> _Pole:
        """Solve u − ω/ω_M − iα(ν_x + u²/ν_x)/2 = 0 for the root near ω/ω_M."""
        loss = 0.5j * film.gilbert_damping
        constant = target + loss * nu_x
        u = 2 * constant / (1 + np.sqrt(1 - 4 * loss / nu_x * constant))
        nu_y = u**2 / nu_x
        c = (nu_y - n_exchange) / p
        z = 2 * c - 1
        growth = np.abs(np.log(np.abs(z + np.sqrt(z - 1) * np.sqrt(z + 1))))
        # e^{−2 · growth · nodes} is what midpoints miss; in the cold n̄ may raise it by e⁴ (`_angles_needed`).
        near = (growth * nodes.size < 20.0) & (u.real > 0)
        c = np.where(near, c, -2.0)
        u, nu_y = np.where(near, u, 1.0), np.where(near, nu_y, 1.0)
        exact = np.pi / 2 / (np.sqrt(-c) * np.sqrt(1 - c))
        numeric = (1 / (nodes - c[..., None])).sum(axis=-1) * (np.pi / (2 * nodes.size))
        residue = 1 / (p * (nu_x / (2 * u) - loss)) / u
        return cls(c, u, nu_y, np.where(near, residue * (exact - numeric), 0))
