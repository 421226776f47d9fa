"""Power spectral density of the field outside a film that carries a layer of spins on its other side, F.3.

Every spin wave is seen with its shifted frequency ω + δ_β, its decay rate γ_β + Γ_β and the occupation N_β
that the layer gives it, Eqs. (300)–(301). The integrand is resonant at the frequency looked at, and
structured at the transition of the spins: both get their panels in κ and their own graded angles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray, finite, positive
from labspin.physics.spinwaves.backaction import SpinLayer, layer_coupling, layer_response
from labspin.physics.spinwaves.bath import check_tolerance
from labspin.physics.spinwaves.film import Film
from labspin.physics.spinwaves.integrals import decay_cutoff
from labspin.physics.spinwaves.modes import Points, form_factor, occupation, stiffness
from labspin.physics.spinwaves.nv import transition_frequencies
from labspin.physics.spinwaves.quadrature import (
    GAUSS_WEIGHTS,
    KRONROD_WEIGHTS,
    Panels,
    graded_angles,
    pole_angle,
    resonant_panels,
    split,
)
from labspin.physics.spinwaves.spectral_density import zero_point_scale

__all__ = ["LayerSpectralDensity", "layer_spectral_density"]

_ANGLES = 28


@dataclass(frozen=True)
class LayerSpectralDensity:
    """S_++, S_−− and S_zz in (A/m)² s with the bound of their error, shape (frequencies,) each."""

    plus: FloatArray
    minus: FloatArray
    z: FloatArray
    plus_error: FloatArray
    minus_error: FloatArray
    z_error: FloatArray


def layer_spectral_density(
    *,
    film: Film,
    layer: SpinLayer,
    frequency: ArrayLike,
    distance: float,
    field: float,
    temperature: float,
    side: int = -1,
    bands: int = 8,
    rtol: float = 1e-5,
) -> LayerSpectralDensity:
    """Return the spectral density of the field with a spin layer present, Eq. (301) and Fig. 16.

    Parameters
    ----------
    film, layer
        The film and the layer (above it by default), whose occupations belong to one field.
    frequency
        ω in rad/s, one-dimensional.
    distance
        l > 0 from the nearer surface in m.
    field, temperature
        μ0H0 in T and T > 0 in K.
    side
        η of the place looked at; −1, below the film, is where the layer is not in the way.
    bands
        How many bands to add. The layer changes those that are resonant with it; far bands fall as n⁻⁸, and
        their last member is part of the error.
    rtol
        Relative tolerance of the integral over each band.

    Raises
    ------
    ArgumentError
        A number is out of range, or ``frequency`` is not one-dimensional.
    """
    omega = finite("frequency", frequency, unit="rad/s")
    if omega.ndim != 1:
        raise ArgumentError(f"frequency: wanted a one-dimensional array, got shape {omega.shape}")
    if side not in (-1, 1):
        raise ArgumentError(f"side: wanted +1 (above the film) or -1 (below it), got {side!r}")
    if bands < 2:
        raise ArgumentError(f"bands: wanted at least 2, got {bands!r}")
    if np.ndim(layer.polarisation) or np.ndim(layer.decay_rate) or np.ndim(layer.excited):
        raise ArgumentError("layer: wanted the occupations at one field, got arrays; make a layer a field")
    job = _Job(
        film,
        layer,
        float(film.reduced_field(field)),
        float(transition_frequencies(spin=layer.spin, field=field)[0]),
        omega,
        float(positive("distance", distance, unit="m")) / film.thickness,
        float(positive("temperature", temperature, unit="K")),
        side,
        check_tolerance(rtol),
    )
    by_band = np.stack([job.band(n) for n in range(bands)])
    scale = zero_point_scale(film) / (2 * np.pi)
    total = scale * by_band.sum(axis=0)
    error = scale * np.abs(by_band[-1, 0])
    return LayerSpectralDensity(*total[0], *(np.abs(total[1]) + error))


def _portions(panels: Panels) -> list[Panels]:
    starts = range(0, panels.start.size, 128)
    return [panels.take(np.arange(i, min(i + 128, panels.start.size))) for i in starts]


@dataclass(frozen=True)
class _Job:
    film: Film
    layer: SpinLayer
    field: float
    omega_minus: float
    omega: FloatArray
    distance: float
    temperature: float
    side: int
    rtol: float

    def band(self, n: int) -> FloatArray:
        """Return sums over one band and their errors, shape (2, 3, frequencies)."""
        size = self.omega.size
        targets = np.stack([np.abs(self.omega), np.full(size, self.omega_minus)], axis=1) / self.film.omega_m
        panels = resonant_panels(
            self.film,
            np.full(size, self.field),
            targets,
            np.array([n]),
            decay_cutoff(self.rtol) / (2 * self.distance),
            min(0.5, 0.5 / self.distance),
        )
        share = self.rtol * size / panels.start.size
        out = np.zeros((2, 3, size))
        for _ in range(30):
            sums = np.concatenate([self._panels(part) for part in _portions(panels)], axis=1)
            scale = out[0].T.copy()
            np.add.at(scale, panels.probe, sums[0])
            bad = (np.abs(sums[1]) > share * scale[panels.probe]).any(axis=1)
            for total, kind in zip(out, (sums[0], np.abs(sums[1])), strict=True):
                np.add.at(total.T, panels.probe[~bad], kind[~bad])
            panels = split(panels.take(bad))
            if panels.start.size == 0:
                break
        return out

    def _panels(self, panels: Panels) -> FloatArray:
        """Return Kronrod sums and Kronrod − Gauss of every panel, shape (2, panels, 3)."""
        kappa, half = panels.nodes()
        inner = self._angles(panels, kappa)
        weights = np.stack([KRONROD_WEIGHTS, KRONROD_WEIGHTS - GAUSS_WEIGHTS])
        return np.asarray(np.einsum("ek,pk,pkq->epq", weights, half * np.ones_like(kappa), inner))

    def _angles(self, panels: Panels, kappa: FloatArray) -> FloatArray:
        """Return κ ∫dφ of the integrand, shape (panels, 15, 3)."""
        band = panels.band[:, None]
        seen = np.abs(self.omega)[panels.probe][:, None]
        phi, weight = self._nodes(seen, kappa, band)
        total = np.zeros((*kappa.shape, 3))
        for sign in (1.0, -1.0):
            cosine = sign * np.cos(phi)
            values = self._integrand(panels, kappa[..., None], cosine, band[..., None])
            total += np.einsum("qpka,pka->pkq", values, weight)
        decay = 2 * kappa * form_factor(kappa, band) ** 2 * np.exp(-2 * kappa * self.distance)
        return np.asarray(total * decay[..., None])

    def _nodes(
        self, seen: FloatArray, kappa: FloatArray, band: NDArray[np.int64]
    ) -> tuple[FloatArray, FloatArray]:
        """Return angles graded around both resonances: each rule is used on its own side of the middle."""
        narrow = min(self.film.gilbert_damping, float(self.layer.decay_rate) / self.film.omega_m)
        field = np.full((1, 1), self.field)
        poles = [
            pole_angle(self.film, field, target / self.film.omega_m, kappa, band, narrow)
            for target in (seen, np.full_like(seen, self.omega_minus))
        ]
        swap = poles[0].real > poles[1].real
        low, high = np.where(swap, poles[1], poles[0]), np.where(swap, poles[0], poles[1])
        middle = 0.5 * (low.real.clip(0, np.pi / 2) + high.real.clip(0, np.pi / 2))
        nodes, weights = [], []
        for pole, start, stop in (
            (low, np.zeros_like(middle), middle),
            (high, middle, np.full_like(middle, np.pi / 2)),
        ):
            factor = (stop - start) / (np.pi / 2)
            scaled = (pole - start) / np.where(factor > 0, factor, 1)
            phi, weight = graded_angles(scaled, _ANGLES)
            nodes.append(start[..., None] + factor[..., None] * phi)
            weights.append(factor[..., None] * weight)
        return np.concatenate(nodes, axis=-1), np.concatenate(weights, axis=-1)

    def _integrand(
        self, panels: Panels, kappa: FloatArray, cosine: FloatArray, band: NDArray[np.int64]
    ) -> FloatArray:
        """Return (ω_M/ω) polarisation (γ + Γ)[…] of Eq. (301) for +, −, z, shape (3, panels, 15, angles)."""
        points = Points(np.full((1, 1, 1), self.field), kappa, np.zeros(1), band)
        mode = layer_response(self.film, self.layer, np.asarray(self.omega_minus), points, kappa, cosine)
        width = mode.loss + mode.increase
        fed = layer_coupling(self.film, self.layer, points, kappa, cosine) * self.layer.excited
        fed = (
            fed * self.layer.decay_rate / ((mode.bare - self.omega_minus) ** 2 + self.layer.decay_rate**2 / 4)
        )
        number = (mode.loss * occupation(mode.bare, np.asarray(self.temperature)) + fed) / width
        omega = self.omega[panels.probe][:, None, None]
        emitted = width * (number + 1) / ((omega - mode.bare - mode.shift) ** 2 + width**2 / 4)
        absorbed = width * number / ((omega + mode.bare + mode.shift) ** 2 + width**2 / 4)
        return self._polarised(points, kappa, cosine, emitted, absorbed)

    def _polarised(
        self,
        points: Points,
        kappa: FloatArray,
        cosine: FloatArray,
        emitted: FloatArray,
        absorbed: FloatArray,
    ) -> FloatArray:
        """Weigh emission and absorption with the polarisation of the field, Eq. (114)."""
        spread = self.side * cosine
        modes = stiffness(self.film, points.reduced_field, kappa, cosine**2, points.band)
        strength = (np.sqrt(modes.nu_y) + spread * np.sqrt(modes.nu_x)) ** 2 / modes.u
        sine = 1 - cosine**2
        plus, minus = (1 - spread) ** 2 / 2, (1 + spread) ** 2 / 2
        return np.stack(
            [
                strength * (plus * emitted + minus * absorbed),
                strength * (minus * emitted + plus * absorbed),
                strength * sine * (emitted + absorbed),
            ]
        )
