"""The geometry of a spin bath, reduced once to a few hundred numbers.

Temperature enters κ only through M(B, T) and its slope, so all that a sample's geometry contributes is how
much of (B̂·B')² lies at which field: the spectrum w(B) = ∫ (B̂·B')² δ(B − |B(r)|). κ at any temperature is
then a one-dimensional sum,

    κ = ρ { Σ_j (∂M/∂B)_j [longitudinal_j iωT1/(1 + iωT1) + static_slope_j] + Σ_j M_j static_moment_j },

microseconds a temperature. The fields B_j are Chebyshev points of octaves below the strongest field, and one
last panel down to B = 0; the weights make the sum exact for every polynomial of the panel's degree, so that
it equals the quadrature over the sample to about eleven digits, not to the width of a bin.

Since a dipole's field is homogeneous in distance and moment, a spectrum of a plane or a half-space rescales
exactly, and a layer is a stack of rescaled planes.

The static part is ∂²F/∂q² of the spins' free energy: zero for motion along an unbounded surface or layer, a
surface term for a layer moved against (Gauss), a sum of its own for a surface moved against.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics import constants
from labspin.physics.arguments import abridged, broadcast, finite, non_negative, positive
from labspin.physics.mrfm.magnet import Magnet, field_projections
from labspin.physics.mrfm.sample import Layer, Rule, Sample, Surface, depth_rule, quadrature_points
from labspin.physics.mrfm.single_spin import debye, relaxation_times
from labspin.physics.mrfm.species import SpinSpecies, unchecked_moment, unchecked_moment_slope

__all__ = ["ReducedSpectrum", "layer_spectrum", "reduce_geometry", "spectrum_error", "spectrum_stiffness"]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

# Chebyshev points in a panel and octaves below the strongest field: sixteen points resolve M and its slope to
# 1e-12 on an octave; twelve octaves reach down to 0.1 mK or less for electrons in 0.4 T.
_POINTS = 16
_OCTAVES = 12
_RULE = Rule(24, 96, 3 + math.ceil(_OCTAVES / 3))
_COARSE = Rule(16, 64, _RULE.halvings)


@dataclass(frozen=True, eq=False)
class ReducedSpectrum:
    """How much of a sample lies at which field; made by `reduce_geometry` or `layer_spectrum`.

    Parameters
    ----------
    sample
        The sample, laterally unbounded.
    moment
        Magnitude of the magnet's moment in A m².
    field
        B_j in T, shape (n,).
    longitudinal
        Weights of (B̂·B')² in T² m^(D−2), with D = 2 for a surface and 3 for a layer, shape (n,).
    static_slope
        Weights of ∂M/∂B in the static part, same unit.
    static_moment
        Weights of M in the static part, in T m^(D−2).
    floor
        Upper edge in T of the last panel, which reaches to B = 0.
    coarse
        The same spectrum by a coarser quadrature, for the error estimate; None in that spectrum itself.
    """

    sample: Sample
    moment: float
    field: FloatArray
    longitudinal: FloatArray
    static_slope: FloatArray
    static_moment: FloatArray
    floor: float
    coarse: ReducedSpectrum | None = dataclasses.field(default=None, repr=False)

    __repr__ = abridged

    @property
    def dimension(self) -> int:
        """2 for a surface, 3 for a layer: ρ is in 1/m^dimension."""
        return 2 if isinstance(self.sample, Surface) else 3

    def coldest(self, species: SpinSpecies) -> float:
        """Return the temperature in K below which this spectrum does not resolve the spins' saturation.

        Parameters
        ----------
        species
            The spins; their γ_s and S set the temperature.
        """
        spacing = constants.hbar * abs(species.gyromagnetic_ratio) / constants.k * self.floor
        return 0.5 * spacing * max(1.0, 2 * species.spin)

    def rescaled(self, *, distance: float | None = None, moment: float | None = None) -> ReducedSpectrum:
        """Return the spectrum at another distance or moment, exactly: B ∝ m/d³, B' ∝ m/d⁴, B'' ∝ m/d⁵.

        Parameters
        ----------
        distance
            New distance of the sample from the magnet's centre in m; None keeps it.
        moment
            New magnitude of the moment in A m²; None keeps it.

        Raises
        ------
        ArgumentError
            Not positive; or another distance of a layer of finite thickness, which does not scale (make it
            with `layer_spectrum` from the rescaled plane).
        """
        d = self.sample.distance if distance is None else float(positive("distance", distance, unit="m"))
        m = self.moment if moment is None else float(positive("moment", moment, unit="A m²"))
        finite_layer = isinstance(self.sample, Layer) and math.isfinite(self.sample.thickness)
        if finite_layer and d != self.sample.distance:
            raise ArgumentError(
                "distance: a layer of finite thickness does not rescale; rescale the plane's spectrum and "
                "call layer_spectrum"
            )
        stretch, stronger = d / self.sample.distance, m / self.moment
        squared = stronger**2 * stretch ** (self.dimension - 8)
        field_factor = stronger * stretch**-3
        return replace(
            self,
            sample=replace(self.sample, distance=d),
            moment=m,
            field=self.field * field_factor,
            longitudinal=self.longitudinal * squared,
            static_slope=self.static_slope * squared,
            static_moment=self.static_moment * (stronger * stretch ** (self.dimension - 5)),
            floor=self.floor * field_factor,
            coarse=None if self.coarse is None else self.coarse.rescaled(distance=d, moment=m),
        )


def reduce_geometry(*, magnet: Magnet, sample: Sample) -> ReducedSpectrum:
    """Return the reduced spectrum of a sample below a magnet (a few milliseconds).

    Parameters
    ----------
    magnet
        Moment and motion in any direction; without external field.
    sample
        A surface, a layer or a half-space, laterally unbounded.

    Raises
    ------
    ArgumentError
        The sample touches the magnet or is laterally bounded, or there is an external field.
    """
    if math.isfinite(sample.radius):
        raise ArgumentError(
            f"radius of the sample: a spectrum needs an unbounded plane, got {sample.radius:g} m; "
            "use bath_stiffness or integrate_stiffness"
        )
    if any(magnet.external_field):
        raise ArgumentError(
            f"external_field: a spectrum needs the magnet's own field alone, got {magnet.external_field} T; "
            "use bath_stiffness or integrate_stiffness"
        )
    plane = _plane_spectrum(magnet, sample.distance, _RULE)
    plane = replace(plane, coarse=_plane_spectrum(magnet, sample.distance, _COARSE))
    if isinstance(sample, Surface):
        return plane
    return layer_spectrum(plane=plane, magnet=magnet, thickness=sample.thickness)


def layer_spectrum(*, plane: ReducedSpectrum, magnet: Magnet, thickness: float = math.inf) -> ReducedSpectrum:
    """Return the spectrum of the layer that begins at a plane, as a stack of rescaled planes.

    Parameters
    ----------
    plane
        Spectrum of the layer's top plane.
    magnet
        The magnet it was made for.
    thickness
        In m; inf for a half-space.

    Raises
    ------
    ArgumentError
        ``plane`` is no surface's spectrum, or the thickness is not positive.
    """
    if not isinstance(plane.sample, Surface):
        raise ArgumentError("plane: wanted the spectrum of a Surface, got that of a Layer")
    layer = Layer(plane.sample.distance, thickness)
    spectrum = _stack(plane, magnet, layer, _RULE)
    if plane.coarse is None:
        return spectrum
    return replace(spectrum, coarse=_stack(plane.coarse, magnet, layer, _COARSE))


def spectrum_stiffness(
    *,
    spectrum: ReducedSpectrum,
    density: ArrayLike,
    species: SpinSpecies,
    temperature: ArrayLike,
    angular_frequency: ArrayLike,
    t1: ArrayLike,
) -> ComplexArray:
    """Return κ of a bath from its reduced spectrum, Eq. (3.10) with its static part.

    Parameters
    ----------
    spectrum
        The geometry.
    density
        ρ in 1/m² (surface) or 1/m³ (layer).
    species
        The spins.
    temperature
        T in K, any shape; the sum runs once per element.
    angular_frequency, t1
        ω in rad/s and T1 in s; broadcast with ``temperature`` and ``density``.

    Returns
    -------
    complex array of the broadcast shape, in N/m. The dynamic part of κ3, of relative order 1/(ω_sT2)², is
    left out.

    Raises
    ------
    ArgumentError
        T ≤ 0 or below ``spectrum.coldest(species)``, negative density or T1.
    """
    rho = non_negative("density", density)
    omega = finite("angular_frequency", angular_frequency, unit="rad/s")
    time1, _ = relaxation_times(t1, 0.0)
    kelvin = _warm_enough(spectrum, species, temperature)
    broadcast(density=rho, temperature=kelvin, angular_frequency=omega, t1=time1)
    relaxing, static = _sums(spectrum, species, kelvin)
    stiffness: ComplexArray = rho * (relaxing * (1 - debye(omega, time1)) + static)
    return stiffness


def spectrum_error(*, spectrum: ReducedSpectrum, species: SpinSpecies, temperature: ArrayLike) -> FloatArray:
    """Return the estimated relative error of the quadrature behind a spectrum.

    It is the change that the finest refinement made, of the relaxing or of the static part of κ, whichever is
    larger; so an upper estimate.

    Parameters
    ----------
    spectrum
        A spectrum with its coarse companion, as `reduce_geometry` makes it.
    species
        The spins.
    temperature
        T > 0 in K, any shape.

    Raises
    ------
    ArgumentError
        The spectrum carries no coarse one, or a temperature is not positive.
    """
    if spectrum.coarse is None:
        raise ArgumentError(
            "spectrum: wanted one made by reduce_geometry, got one without a coarse companion"
        )
    kelvin = _warm_enough(spectrum, species, temperature)
    fine, coarse = (np.array(_sums(s, species, kelvin)) for s in (spectrum, spectrum.coarse))
    change = np.abs(fine - coarse) / np.where(fine != 0, np.abs(fine), 1)
    largest: FloatArray = change.max(axis=0)
    return largest


def relaxing_stiffness(
    *, spectrum: ReducedSpectrum, species: SpinSpecies, temperature: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Return K and the static κ for ρ = 1, in κ = K iωT1/(1 + iωT1) + static."""
    return _sums(spectrum, species, _warm_enough(spectrum, species, temperature))


def _sums(
    spectrum: ReducedSpectrum, species: SpinSpecies, kelvin: FloatArray
) -> tuple[FloatArray, FloatArray]:
    column = kelvin[..., None]
    slope = unchecked_moment_slope(species, spectrum.field, column)
    relaxing = slope @ spectrum.longitudinal
    static = np.zeros_like(relaxing)
    if spectrum.static_slope.any():
        static = static + slope @ spectrum.static_slope
    if spectrum.static_moment.any():
        static = static + unchecked_moment(species, spectrum.field, column) @ spectrum.static_moment
    return relaxing, static


def _warm_enough(spectrum: ReducedSpectrum, species: SpinSpecies, temperature: ArrayLike) -> FloatArray:
    kelvin = positive("temperature", temperature, unit="K")
    coldest = spectrum.coldest(species)
    if np.any(kelvin < coldest):
        raise ArgumentError(
            f"temperature: wanted T ≥ {coldest:.3g} K, down to which this spectrum resolves saturation, "
            f"got {kelvin.min():.3g} K; use bath_stiffness"
        )
    return kelvin


def _plane_spectrum(magnet: Magnet, distance: float, rule: Rule) -> ReducedSpectrum:
    sample = Surface(distance)
    points = quadrature_points(sample, rule)
    b, along, across, bend = field_projections(magnet=magnet, position=points.position)
    longitudinal = np.square(along) * points.weight
    against = magnet.motion[2] != 0
    kernels = np.stack(
        [
            longitudinal,
            -longitudinal if against else np.zeros_like(b),
            -(bend + across / b) * points.weight if against else np.zeros_like(b),
        ]
    )
    top = 2 * constants.mu_0 / (4 * np.pi) * magnet.strength / distance**3
    return _gathered(sample, magnet.strength, b, kernels, top)


def _stack(plane: ReducedSpectrum, magnet: Magnet, layer: Layer, rule: Rule) -> ReducedSpectrum:
    depth, weight = depth_rule(layer, rule)
    stretch = depth / plane.sample.distance
    b = plane.field * stretch[:, None] ** -3
    longitudinal = plane.longitudinal * (weight * stretch**-6)[:, None]
    kernels = np.zeros((3, b.size))
    kernels[0] = longitudinal.ravel()
    body = _gathered(layer, plane.moment, b.ravel(), kernels, plane.floor * 2.0**_OCTAVES)
    if magnet.motion[2] == 0:
        return body
    return replace(body, static_moment=_boundary_weights(magnet, layer, rule))


def _boundary_weights(magnet: Magnet, layer: Layer, rule: Rule) -> FloatArray:
    """Return the weights of M in ∮(q̂·n̂) M (B̂·B') over a layer's top and bottom."""
    top_field = 2 * constants.mu_0 / (4 * np.pi) * magnet.strength / layer.distance**3
    total = np.zeros(_POINTS * (_OCTAVES + 1))
    for depth, sign in ((layer.distance, 1.0), (layer.distance + layer.thickness, -1.0)):
        if math.isfinite(depth):
            points = quadrature_points(Surface(depth), rule)
            b, along, _, _ = field_projections(magnet=magnet, position=points.position)
            kernel = sign * magnet.motion[2] * along * points.weight
            total += _gather(b, kernel[None], top_field)[1][0]
    return total


def _gathered(
    sample: Sample, moment: float, b: FloatArray, kernels: FloatArray, top: float
) -> ReducedSpectrum:
    nodes, (longitudinal, static_slope, static_moment) = _gather(b, kernels, top)
    floor = top * 2.0**-_OCTAVES
    return ReducedSpectrum(sample, moment, nodes, longitudinal, static_slope, static_moment, floor)


def _gather(b: FloatArray, kernels: FloatArray, top: float) -> tuple[FloatArray, FloatArray]:
    """Move weights from fields ``b`` to Chebyshev nodes, exactly for polynomials of each panel's degree.

    A weight at b becomes weights ℓ_j(b) at its panel's nodes, with ℓ_j the Lagrange polynomials; in Chebyshev
    form ℓ_j(x) = (2 − δ_k0)/n Σ_k T_k(x_j) T_k(x), so only Σ weight T_k(x) is needed of each panel.
    """
    panel = np.clip(np.floor(np.log2(top / b)).astype(int), 0, _OCTAVES)
    upper = top * 0.5 ** np.arange(_OCTAVES + 1)
    lower = np.append(upper[1:], 0.0)
    x = (2 * b - upper[panel] - lower[panel]) / (upper[panel] - lower[panel])
    angle = (np.arange(_POINTS) + 0.5) * np.pi / _POINTS
    moments = np.empty((len(kernels), _POINTS, _OCTAVES + 1))
    previous, current = x, np.ones_like(x)
    for k in range(_POINTS):
        for row, kernel in enumerate(kernels):
            moments[row, k] = np.bincount(panel, kernel * current, _OCTAVES + 1)
        previous, current = current, (2 * x * current - previous)
    polynomials = np.cos(np.outer(angle, np.arange(_POINTS))) * (2 / _POINTS)
    polynomials[:, 0] /= 2
    weights = np.einsum("jk,rkp->rpj", polynomials, moments).reshape(len(kernels), -1)
    nodes = (upper + lower)[:, None] / 2 + (upper - lower)[:, None] / 2 * np.cos(angle)
    return nodes.ravel(), weights
