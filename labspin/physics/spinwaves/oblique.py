"""Field noise of a film that is magnetised out of its plane: every diamond whose centres do not lie in it.

The field points out of the plane at an elevation ϑ, the magnetisation follows to θ. With the normal x and the
in-plane part of the field along z it points along (sin θ, 0, cos θ) and moves along e₁ = (cos θ, 0, −sin θ)
and e₂ = y. A diagonal band then has the demagnetising factors

    N₁₁ = (1 − P) cos²θ + P sin²φ sin²θ,   N₂₂ = P cos²φ,   N₁₂ = −P sin φ cos φ sin θ

and answers to a field as χ⁻¹ = [[Ω₁, N₁₂ + iu], [N₁₂ − iu, Ω₂]], Ω = N + N_ii − iα_G u, u = ω/ω_M, N of the
internal field. This is the theory of Kalinikos and Slavin (J. Phys. C 19, 7013 (1986)) without the coupling
of bands, and that of [SW] where θ = 0; u² is linear in cos²φ at any θ. Noise follows from χ by the
fluctuation–dissipation theorem, so nothing is left out as in the rotating-wave approximation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray, finite, positive
from labspin.physics.constants import mu_0
from labspin.physics.spinwaves.film import Film
from labspin.physics.spinwaves.integrals import decay_cutoff
from labspin.physics.spinwaves.modes import dipolar_factor, form_factor, occupation
from labspin.physics.spinwaves.quadrature import (
    GAUSS_WEIGHTS,
    GRID,
    KRONROD_WEIGHTS,
    Panels,
    graded_angles,
    split,
)
from labspin.physics.spinwaves.spectral_density import zero_point_scale

__all__ = ["FieldNoise", "MagnetisedFilm", "field_noise_tensor", "magnetised_film", "oblique_frequency"]

ComplexArray = NDArray[np.complex128]

_ANGLES = 40  # on either side of a pole: enough for one 10⁻⁹ away
_ROUNDS = 12
_BANDS = 400


class MagnetisedFilm(NamedTuple):
    """Where the magnetisation of a film rests.

    Attributes
    ----------
    elevation
        θ of the magnetisation out of the plane, rad.
    internal_field
        Along it, applied less demagnetising field, T.
    """

    elevation: float
    internal_field: float


@dataclass(frozen=True)
class FieldNoise:
    """Noise of the field of thermal spin waves at a frequency.

    Parameters
    ----------
    density
        S_jk in (A/m)² s over (x, y, z), shape (..., 3, 3), Hermitian; x is the normal of the film, z the
        in-plane direction of the field. In the convention of `field_spectral_density`, for ω > 0 (the film
        gives); at −ω (it takes) it is the transpose times exp(−ħω/k_BT).
    error
        Bound of the integration error of the trace, shape (...).
    """

    density: ComplexArray
    error: FloatArray


def magnetised_film(*, film: Film, field: float, elevation: float) -> MagnetisedFilm:
    """Return where the magnetisation rests in a field that points out of the plane.

    Parameters
    ----------
    film
        The film, without anisotropy.
    field
        μ0H0 > 0, T.
    elevation
        ϑ of the field out of the plane, −π/2 to π/2, rad.

    Raises
    ------
    ArgumentError
        The part of the field in the plane is below the saturation field: domains are free to form.

    Notes
    -----
    θ solves B sin(ϑ − θ) = μ0 M_S sin θ cos θ, the rest of −BM cos(θ − ϑ) + μ0M² sin²θ/2.
    """
    tesla = float(positive("field", field, unit="T"))
    angle = float(finite("elevation", elevation, unit="rad"))
    if abs(angle) > np.pi / 2:
        raise ArgumentError(f"elevation: wanted -pi/2 to pi/2, got {elevation!r} rad")
    in_plane = tesla * np.cos(angle)
    if in_plane < film.saturation_field:
        raise ArgumentError(
            f"elevation: wanted at least {film.saturation_field} T of the field in the plane of the film, "
            f"got {in_plane:.3g} T; a film is saturated along its plane"
        )
    full = mu_0 * film.magnetisation
    low, high = 0.0, abs(angle)
    for _ in range(60):
        middle = 0.5 * (low + high)
        pulled = tesla * np.sin(abs(angle) - middle) > full * np.sin(middle) * np.cos(middle)
        low, high = (middle, high) if pulled else (low, middle)
    theta = np.copysign(0.5 * (low + high), angle)
    return MagnetisedFilm(float(theta), float(tesla * np.cos(angle - theta) - full * np.sin(theta) ** 2))


def oblique_frequency(
    *, film: Film, field: float, elevation: float, wavenumber: ArrayLike, angle: ArrayLike, band: int = 0
) -> FloatArray:
    """Return the frequency of a diagonal band of an obliquely magnetised film.

    Parameters
    ----------
    film, field, elevation
        As `magnetised_film`.
    wavenumber, angle
        k ≥ 0 in rad/m and φ in rad from y (φ = π/2 is along the in-plane field); they broadcast.
    band
        n ≥ 0.

    Returns
    -------
    FloatArray
        ω in rad/s; ω² = ω_M² [(N + N₁₁)(N + N₂₂) − N₁₂²].

    Raises
    ------
    ArgumentError
        As `magnetised_film`, or a number is out of range.
    """
    state = magnetised_film(film=film, field=field, elevation=elevation)
    kappa = np.asarray(finite("wavenumber", wavenumber, unit="rad/m")) * film.thickness
    c = np.cos(finite("angle", angle, unit="rad")) ** 2
    waves = _Waves.of(film, state, 0.0, kappa, np.full(1, band))
    return np.asarray(film.omega_m * np.sqrt(np.maximum(waves.determinant(c).real, 0.0)))


class _Waves(NamedTuple):
    """What the answer of a band at κ is made of; u is the frequency at which it is asked, in ω_M."""

    n: FloatArray
    p: FloatArray
    sine: float
    u: float
    loss: float

    @classmethod
    def of(
        cls, film: Film, state: MagnetisedFilm, u: float, kappa: FloatArray, band: NDArray[np.int64]
    ) -> _Waves:
        reduced = state.internal_field / (mu_0 * film.magnetisation)
        n = reduced + film.exchange_ratio * (kappa**2 + (band * np.pi) ** 2)
        return cls(n, dipolar_factor(kappa, band), float(np.sin(state.elevation)), u, film.gilbert_damping)

    def stiff(self, c: FloatArray) -> tuple[ComplexArray, ComplexArray]:
        """Return Ω₁ and Ω₂ at c = cos²φ."""
        lost, tilt = self.n - 1j * self.loss * self.u, self.sine**2
        first = lost + (1 - self.p) * (1 - tilt) + self.p * (1 - c) * tilt
        return np.asarray(first), np.asarray(lost + self.p * c)

    def determinant(self, c: FloatArray) -> ComplexArray:
        """Return Ω₁Ω₂ − N₁₂² − u², which is linear in c."""
        first, second = self.stiff(c)
        return np.asarray(first * second - (self.p * self.sine) ** 2 * c * (1 - c) - self.u**2)

    def pole(self) -> ComplexArray:
        """Return the complex angle at which the determinant is zero."""
        at_zero, at_one = self.determinant(np.zeros(1)), self.determinant(np.ones(1))
        slope = at_one - at_zero
        root = -at_zero / np.where(np.abs(slope) > 1e-300, slope, 1e-300)
        return np.asarray(np.arccos(np.sqrt(root)))

    def answer(self, cosine: FloatArray) -> FloatArray:
        """Return Im w χ w†; w = (cos θ + i sin θ sin φ, −i cos φ) makes a field of the motion."""
        c, tilt = cosine**2, self.sine**2
        first, second = self.stiff(c)
        top = (1 - tilt * c) * second + c * first  # |w₁|² = cos²θ + sin²θ sin²φ
        top = top - 2 * self.p * tilt * c * (1 - c) + 2 * self.u * np.sqrt(1 - tilt) * cosine
        return np.asarray((top / self.determinant(c)).imag)


def field_noise_tensor(
    *,
    film: Film,
    frequency: float,
    distance: ArrayLike,
    field: float,
    temperature: float,
    elevation: float = 0.0,
    rtol: float = 1e-3,
) -> FieldNoise:
    """Return the noise of all components of the field of thermal spin waves outside a film.

    Parameters
    ----------
    film
        The film.
    frequency
        ω > 0 in rad/s.
    distance
        l > 0 from the nearer surface in m, any shape.
    field, elevation
        μ0H0 in T and its angle ϑ out of the plane, rad.
    temperature
        T > 0 in K.
    rtol
        Relative tolerance of the trace, 10⁻⁶ to 0.1.

    Raises
    ------
    ArgumentError
        A number is out of range, or the film is not saturated (`magnetised_film`).

    Notes
    -----
    S_jk = (ħ|γ|M_S/4π³d³ω_M)(n̄ + 1) Σ_n∫d²κ f_n² e^{−2κl/d} Im(wχw†) d_j d_k*, with the form factor f_n of
    (87), d = (1, −iη cos φ, −iη sin φ) and w = d·(e₁, e₂). Waves along φ and −φ make the same noise, so that
    S_xz = S_yz = 0 at any ϑ, and S is the same on both sides of the film and at ϑ and −ϑ. In the plane S_++,
    S_−− and S_zz are those of `field_spectral_density` where waves resonate. Elsewhere only tails are left,
    and they are smaller here by up to a half: what Gilbert damping takes falls with the frequency at which
    it is asked, [SW] gives a wave the same width at all of them.
    """
    omega = float(positive("frequency", frequency, unit="rad/s"))
    metres = positive("distance", distance, unit="m")
    kelvin = positive("temperature", temperature, unit="K")
    if not 1e-6 <= rtol <= 0.1:
        raise ArgumentError(f"rtol: wanted a tolerance between 1e-6 and 0.1, got {rtol!r}")
    state = magnetised_film(film=film, field=field, elevation=elevation)
    job = _Job(film, state, omega / film.omega_m, metres.ravel() / film.thickness, rtol)
    parts, error = job.total()
    scale = 2 * zero_point_scale(film) / (np.pi * film.omega_m)
    scale = scale * (1 + float(occupation(np.asarray(omega), kelvin)))
    xx, c, cc = scale * parts
    none = np.zeros_like(xx)
    rows = [[xx, 1j * c, none], [-1j * c, cc, none], [none, none, xx - cc]]
    tensor = np.array([[np.asarray(entry, np.complex128) for entry in row] for row in rows])
    density = np.moveaxis(tensor, (0, 1), (-2, -1)).reshape(*metres.shape, 3, 3)
    return FieldNoise(density, (2 * scale * error).reshape(metres.shape))


class _Job(NamedTuple):
    """One field and frequency, and the distances l/d at which the noise is summed."""

    film: Film
    state: MagnetisedFilm
    u: float
    lengths: FloatArray
    rtol: float

    def total(self) -> tuple[FloatArray, FloatArray]:
        """Return the integrals of q (1, cos φ, cos²φ), shape (3, n), and the error of the first.

        Bands are added until four in a row, each taken to stand for all that come after it, add nothing.
        """
        room = max(self.u - self.state.internal_field / (mu_0 * self.film.magnetisation), 0.0)
        resonant = int(np.sqrt(room / self.film.exchange_ratio) / np.pi) + 2
        total, error = np.zeros((3, self.lengths.size)), np.zeros(self.lengths.size)
        quiet = 0
        for band in range(_BANDS):
            added, off = self._band(band, total[0])
            total, error = total + added, error + off
            rest = added[0] * (band + 1) / 2  # terms fall as n⁻³ or faster
            quiet = quiet + 1 if band >= resonant and (rest <= 0.25 * self.rtol * total[0]).all() else 0
            if quiet == 4:
                return total, error + rest
        raise ArgumentError(
            f"distance: wanted one at which {_BANDS} bands are enough, got "
            f"{self.lengths.min() * self.film.thickness:.3g} m; go farther from the film"
        )

    def _band(self, band: int, before: FloatArray) -> tuple[FloatArray, FloatArray]:
        panels = self._panels(band)
        total, error = np.zeros((3, self.lengths.size)), np.zeros(self.lengths.size)
        for _ in range(_ROUNDS):
            sums, off = self._sums(panels, band)
            known = before + total[0] + sums[:, 0].sum(axis=0)
            bad = (off > 0.05 * self.rtol * known / len(off)).any(axis=1)
            total = total + sums[~bad].sum(axis=0)
            error = error + off[~bad].sum(axis=0)
            if not bad.any():
                break
            panels = split(panels.take(bad))
        return total, error

    def _sums(self, panels: Panels, band: int) -> tuple[FloatArray, FloatArray]:
        """Return the integrals over every panel (panels, 3, n) and the error of the first (panels, n)."""
        kappa, half = panels.nodes()
        waves = _Waves.of(self.film, self.state, self.u, kappa, np.full((1, 1), band))
        phi, weight = graded_angles(waves.pole(), _ANGLES)
        across = waves._replace(n=waves.n[..., None], p=waves.p[..., None])
        inner = np.zeros((3, *kappa.shape))
        for sign in (1, -1):
            cosine = sign * np.cos(phi)
            q = 2 * across.answer(cosine) * weight  # k_z and −k_z
            inner += np.stack([(q * shape).sum(axis=-1) for shape in (np.ones(1), cosine, cosine**2)])
        inner *= kappa * form_factor(kappa, np.full((1, 1), band)) ** 2
        decay = np.exp(-2 * kappa[..., None] * self.lengths)
        sums = np.einsum("qpk,pkl->pql", inner * half * KRONROD_WEIGHTS, decay)
        off = np.einsum("pk,pkl->pl", inner[0] * half * (KRONROD_WEIGHTS - GAUSS_WEIGHTS), decay)
        return sums, np.abs(off)

    def _panels(self, band: int) -> Panels:
        """Return panels in κ, graded around where a contour begins, ends or nearly appears."""
        cutoff = decay_cutoff(self.rtol) / (2 * self.lengths.min())
        first = min(0.5, 0.5 / self.lengths.max())
        edges = [np.zeros(1), np.geomspace(first, cutoff, max(2, int(np.log2(cutoff / first)) + 2))]
        offsets = 3.0 ** -np.arange(1.0, 12.0)
        steps = 1 + np.concatenate([-offsets, [0.0], offsets])
        edges += [place * steps for place in self._special(band)]
        grid = np.unique(np.concatenate(edges).clip(0, cutoff))
        grid = grid[np.concatenate([[True], np.diff(grid) > 1e-13 * grid[1:]])]
        none = np.zeros(grid.size - 1, np.int64)
        return Panels(grid[:-1], grid[1:], none, none)

    def _special(self, band: int) -> list[float]:
        """Return the κ at which the band has the frequency along y or z, and where it comes closest to it."""

        def excess(kappa: FloatArray, c: float) -> FloatArray:
            waves = _Waves.of(self.film, self.state, self.u, kappa, np.full(1, band))._replace(loss=0.0)
            return np.asarray(waves.determinant(np.full(1, c)).real)

        found: list[float] = []
        for c in (0.0, 1.0):
            curve = excess(GRID, c)
            turns = np.flatnonzero(np.diff(np.sign(np.diff(curve)))) + 1
            found += GRID[turns].tolist()
            for at in np.flatnonzero(np.diff(np.sign(curve))):
                low, high, rising = GRID[at], GRID[at + 1], curve[at + 1] > 0
                for _ in range(50):
                    middle = 0.5 * (low + high)
                    above = bool(excess(np.array([middle]), c)[0] > 0)
                    low, high = (low, middle) if above == rising else (middle, high)
                found.append(0.5 * (low + high))
        return found
