"""The coupling between two spins that spin waves of the film carry, as a map over their separation.

Γ_d = i v² Σ_n ∫d²k (ω_M/ω) Λ h h' e^{−kL} e^{ik·ρ}/(ω_n − ω_− − iγ/2), Eq. (263), the same resonant
integrand as for one spin with a plane wave added. The plane wave factors into y and z, so that a map on a
rectangular grid is one matrix product over all wavevectors, which are placed by the resonance: panels in κ
as in `quadrature`, angles graded around the pole, and enough of both for the fastest oscillation on the map.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray, finite, positive
from labspin.physics.spinwaves.bath import check_tolerance, coupling_scale
from labspin.physics.spinwaves.film import Film
from labspin.physics.spinwaves.integrals import decay_cutoff
from labspin.physics.spinwaves.modes import form_factor, stiffness
from labspin.physics.spinwaves.nv import ParamagneticSpin, transition_frequencies
from labspin.physics.spinwaves.quadrature import (
    KRONROD_WEIGHTS,
    Panels,
    graded_angles,
    pole_angle,
    resonant_panels,
    split,
)

__all__ = ["CouplingMap", "coupling_map"]

_PORTION = 600_000
_MAX_BANDS = 4096


@dataclass(frozen=True)
class CouplingMap:
    """Γ_d,jk in rad/s on a grid of separations.

    Parameters
    ----------
    rate
        Complex, shape (y, z): dissipative (real part) and coherent (imaginary part) coupling.
    error
        Bound of |error|, from the same integral on finer panels and angles at up to 25 points of the map.
    """

    rate: NDArray[np.complex128]
    error: float


def coupling_map(
    *,
    film: Film,
    spin: ParamagneticSpin,
    y: ArrayLike,
    z: ArrayLike,
    total_distance: float,
    field: float,
    sides: tuple[int, int] = (1, 1),
    rtol: float = 1e-6,
) -> CouplingMap:
    """Return the coupling rate Γ_d of spin j to spin k on a grid of separations, Eq. (263).

    Parameters
    ----------
    film, spin
        The film and both spins.
    y, z
        Separations y_k − y_j and z_k − z_j in m, one-dimensional.
    total_distance
        L = l_j + l_k > 0, sum of the distances from the film, in m.
    field
        μ0H0 in T.
    sides
        (η_j, η_k): +1 above the film, −1 below. Any temperature: (263) has no thermal factor.
    rtol
        Tolerance relative to the largest rate on the map.

    Raises
    ------
    ArgumentError
        A distance is not positive, a field below saturation, a side unknown, y or z not one-dimensional.
    """
    across, along = finite("y", y, unit="m"), finite("z", z, unit="m")
    if across.ndim != 1 or along.ndim != 1:
        raise ArgumentError(
            f"y and z: wanted one-dimensional arrays, got shapes {across.shape}, {along.shape}"
        )
    if any(side not in (-1, 1) for side in sides) or len(sides) != 2:
        raise ArgumentError(f"sides: wanted two of +1 and -1, got {sides!r}")
    length = float(positive("total_distance", total_distance, unit="m")) / film.thickness
    omega_minus, _ = transition_frequencies(spin=spin, field=field)
    job = _Job(
        film,
        float(film.reduced_field(field)),
        float(omega_minus / film.omega_m),
        length,
        sides,
        check_tolerance(rtol),
        float(np.hypot(np.abs(across).max(initial=0), np.abs(along).max(initial=0)) / film.thickness),
    )
    scale = 1j * coupling_scale(film, spin.gyromagnetic_ratio) / film.thickness**2 / film.omega_m
    across, along = across / film.thickness, along / film.thickness
    total, tail = job.map(across, along, refine=False)
    few_y, few_z = _few(across.size), _few(along.size)
    finer, _ = job.map(across[few_y], along[few_z], refine=True)
    difference = np.abs(finer - total[np.ix_(few_y, few_z)]).max(initial=0.0)
    return CouplingMap(scale * total, float(np.abs(scale) * (difference + tail)))


def _few(size: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, size - 1, 5).round().astype(np.int64))


class _Nodes(NamedTuple):
    """Wavevectors of the first quadrant with the integrand even and odd in k_y, weights included."""

    ky: FloatArray
    kz: FloatArray
    even: NDArray[np.complex128]
    odd: NDArray[np.complex128]

    def take(self, choice: NDArray[np.bool_]) -> _Nodes:
        """Return the chosen nodes."""
        columns: list[Any] = [column[choice] for column in self]
        return _Nodes(*columns)


@dataclass(frozen=True)
class _Job:
    film: Film
    field: float
    u: float
    length: float
    sides: tuple[int, int]
    rtol: float
    reach: float

    def map(self, y: FloatArray, z: FloatArray, *, refine: bool) -> tuple[NDArray[np.complex128], float]:
        """Sum plane waves over all bands and wavevectors, shape (y, z); bound what is left out."""
        size_y, of_y = np.unique(np.abs(y), return_inverse=True)
        size_z, of_z = np.unique(np.abs(z), return_inverse=True)
        even = np.zeros((size_y.size, size_z.size), dtype=np.complex128)
        odd = np.zeros_like(even)
        start, stop, largest = 0, 4, 0.0
        while True:
            weight = 0.0
            for nodes in self._bands(np.arange(start, stop), refine):
                magnitude = np.abs(nodes.even)
                weight += float(magnitude.sum())
                largest = max(largest, weight)
                # What is dropped adds up to less than a hundredth of the tolerance.
                keep = magnitude > 1e-2 * self.rtol * largest / max(1, magnitude.size)
                part = nodes.take(keep)
                even += _product(np.cos, part.ky, part.even, part.kz, size_y, size_z)
                odd += _product(np.sin, part.ky, part.odd, part.kz, size_y, size_z)
            if weight <= 0.3 * self.rtol * largest or stop > _MAX_BANDS:
                break
            start, stop = stop, 2 * stop
        sign = np.sign(y)[:, None]
        rate = even[np.ix_(of_y, of_z)] + 1j * sign * odd[np.ix_(of_y, of_z)]
        return rate, weight + 1e-2 * self.rtol * largest

    def _bands(self, bands: NDArray[np.int64], refine: bool) -> Iterator[_Nodes]:
        """Yield the nodes of some bands in portions that need about equally many angles."""
        cutoff = decay_cutoff(self.rtol) / self.length
        first = min(0.5, 1.0 / self.length)
        panels = resonant_panels(self.film, np.array([self.field]), np.array([self.u]), bands, cutoff, first)
        panels = self._resolve(panels)
        panels = split(panels) if refine else panels
        kappa, _ = panels.nodes()
        width = np.abs(self._pole(kappa, panels.band[:, None]).imag).min(axis=1)
        turns = 0.5 * self.reach * panels.stop
        count = 8 + 2.2 * np.arcsinh(1.6 / np.maximum(width, 1e-9)) + turns
        count = (np.ceil(count * (1.4 if refine else 1.0) / 8) * 8).astype(np.int64)
        for angles in np.unique(count):
            members = np.nonzero(count == angles)[0]
            portion = max(1, _PORTION // (30 * int(angles)))
            for i in range(0, members.size, portion):
                yield self._nodes(panels.take(members[i : i + portion]), int(angles))

    def _pole(self, kappa: FloatArray, band: NDArray[np.int64]) -> NDArray[np.complex128]:
        field, u = np.full((1, 1), self.field), np.full((1, 1), self.u)
        return pole_angle(self.film, field, u, kappa, band, self.film.gilbert_damping)

    def _resolve(self, panels: Panels) -> Panels:
        """Split panels over which the plane wave turns by more than a few radians."""
        while (long := (panels.stop - panels.start) * self.reach > 8.0).any():
            pieces = (panels.take(~long), split(panels.take(long)))
            panels = Panels(*(np.concatenate(columns) for columns in zip(*pieces, strict=True)))
        return panels

    def _nodes(self, panels: Panels, angles: int) -> _Nodes:
        kappa, half = panels.nodes()
        band = panels.band[:, None]
        phi, weight = graded_angles(self._pole(kappa, band), angles)
        cosine = np.cos(phi)
        even, odd = self._amplitudes(kappa, band, cosine, weight * (half * KRONROD_WEIGHTS)[..., None])
        ky, kz = kappa[..., None] * cosine, kappa[..., None] * np.sin(phi)
        return _Nodes(ky.ravel(), kz.ravel(), even.ravel(), odd.ravel())

    def _amplitudes(
        self, kappa: FloatArray, band: NDArray[np.int64], cosine: FloatArray, weight: FloatArray
    ) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
        """Return the integrand summed over ±k_z, and even and odd in k_y, with the weights of the nodes."""
        modes = stiffness(self.film, np.full(1, self.field), kappa[..., None], cosine**2, band[..., None])
        u = modes.u
        resonance = 1 / (u - self.u - 0.5j * self.film.gilbert_damping * (modes.nu_x + modes.nu_y)) / u
        common = 2 * kappa * form_factor(kappa, band) ** 2 * np.exp(-kappa * self.length)
        opposite = self.sides[0] != self.sides[1]
        common = np.where((band % 2 == 1) & opposite, -common, common)
        root_x, root_y = np.sqrt(modes.nu_x), np.sqrt(modes.nu_y)
        values = []
        for c in (cosine, -cosine):
            first, second = ((1 + eta * c) * (root_y + eta * c * root_x) for eta in self.sides)
            values.append(first * second)
        resonance = resonance * weight * common[..., None]
        return (values[0] + values[1]) * resonance, (values[0] - values[1]) * resonance


def _product(
    wave: Callable[[FloatArray], FloatArray],
    ky: FloatArray,
    amplitude: NDArray[np.complex128],
    kz: FloatArray,
    y: FloatArray,
    z: FloatArray,
) -> NDArray[np.complex128]:
    """Return Σ wave(k_y y) amplitude cos(k_z z) over the nodes, shape (y, z)."""
    left = wave(np.outer(y, ky))
    right = np.cos(np.outer(kz, z))
    return np.asarray((left * amplitude.real) @ right + 1j * ((left * amplitude.imag) @ right))
