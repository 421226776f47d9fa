"""What a layer of paramagnetic spins does to the spin waves of a film.

Every spin wave shifts by δ_β and decays faster by Γ_β, Eqs. (19), (273), (279) and (293): with G² the squared
coupling of the layer, p = <σ_00 − σ_−−> its polarisation and Δ = ω_β − ω_−,

    δ_β − iΓ_β/2 = G² p / (Δ + iκ_T/2).

Everything that follows from it (frequency, group velocity, lifetime, propagation length) is taken from this
analytic form; derivatives are complex steps, exact to rounding, because the velocity changes sign within
10⁻³ of a wavenumber.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from labspin.arrays import AnyArray
from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray, broadcast, non_negative, positive
from labspin.physics.spinwaves.bath import coupling_scale
from labspin.physics.spinwaves.contours import arcs, contour_c
from labspin.physics.spinwaves.film import Film, ValidityWarning
from labspin.physics.spinwaves.modes import Points, form_factor, mode_points, stiffness
from labspin.physics.spinwaves.nv import ParamagneticSpin, thermal_rates, transition_frequencies

__all__ = [
    "MAXIMUM_INDEPENDENT_DENSITY",
    "MaximumLinewidth",
    "ModifiedModes",
    "SpinLayer",
    "coherence_decay_rate",
    "maximum_linewidth",
    "modified_modes",
    "spin_layer",
]


MAXIMUM_INDEPENDENT_DENSITY = 1e23
"""Density in 1/m³ (10⁵ µm⁻³) up to which [SW] takes NV centres to be independent; above it a warning is
given."""


@dataclass(frozen=True)
class SpinLayer:
    """A layer of spins parallel to the film.

    Parameters
    ----------
    spin
        What the layer is made of.
    density
        ϱ ≥ 0, in 1/m³.
    polarisation
        p = <σ_00 − σ_−−>, between −1 and 1; like the next two one number, or an array that broadcasts with
        the fields at which the layer is asked for.
    decay_rate
        κ_T > 0, total decay rate of the coherence <σ_0−> in 1/s, Eq. (275).
    excited
        <σ_−−> in the layer; it feeds the noise of the film, Eq. (300).
    near, far
        l1 ≥ 0 and l2 > l1 (``inf`` allowed), distances of the layer's faces from the film, in m.
    side
        η of the layer: +1 above the film, −1 below.

    Raises
    ------
    ArgumentError
        A number is out of its range.

    Warns
    -----
    ValidityWarning
        The density is so high that the spins interact with each other.
    """

    spin: ParamagneticSpin
    density: float
    polarisation: float | FloatArray
    decay_rate: float | FloatArray
    excited: float | FloatArray = 0.0
    near: float = 0.0
    far: float = np.inf
    side: int = 1

    def __post_init__(self) -> None:
        non_negative("layer density", self.density, unit="1/m^3")
        positive("layer decay_rate", self.decay_rate, unit="1/s")
        non_negative("layer near", self.near, unit="m")
        if not (np.abs(self.polarisation) <= 1).all():
            raise ArgumentError(f"layer polarisation: wanted -1 to 1, got {self.polarisation!r}")
        if not (np.abs(np.asarray(self.excited) - 0.5) <= 0.5).all():
            raise ArgumentError(f"layer excited: wanted an occupation, 0 to 1, got {self.excited!r}")
        if not self.far > self.near:
            raise ArgumentError(f"layer far: wanted more than near = {self.near!r} m, got {self.far!r} m")
        if self.side not in (-1, 1):
            raise ArgumentError(f"layer side: wanted +1 (above the film) or -1 (below it), got {self.side!r}")
        if self.density > MAXIMUM_INDEPENDENT_DENSITY:
            warnings.warn(
                f"layer density {self.density:.3g} 1/m^3 is beyond {MAXIMUM_INDEPENDENT_DENSITY:.0e} 1/m^3, "
                "where spins interact with each other; results take them to be independent",
                ValidityWarning,
                stacklevel=3,
            )


class ModifiedModes(NamedTuple):
    """Spin waves under the layer, each an array of the broadcast shape.

    ``frequency`` ω' and ``shift`` δ_β in rad/s, ``linewidth_increase`` Γ_β and ``decay_rate`` γ_β + Γ_β in
    rad/s, ``group_velocity`` ∂ω'/∂k along k in m/s (it may be negative), ``lifetime`` 2/(γ_β + Γ_β) in s,
    ``propagation_length`` velocity times lifetime in m.
    """

    frequency: FloatArray
    shift: FloatArray
    linewidth_increase: FloatArray
    decay_rate: FloatArray
    group_velocity: FloatArray
    lifetime: FloatArray
    propagation_length: FloatArray


def coherence_decay_rate(
    *, spin: ParamagneticSpin, field: ArrayLike, temperature: ArrayLike, pump_rate: ArrayLike = 0.0
) -> FloatArray:
    """Return κ_T = κ1 + κ2 + 3γ_+ + γ_− + 2Ω in 1/s, Eq. (275).

    Parameters
    ----------
    spin
        The centre.
    field, temperature
        μ0H0 in T and T > 0 in K.
    pump_rate
        Ω ≥ 0 in rad/s; broadcasts with field and temperature.
    """
    rates = thermal_rates(spin=spin, field=field, temperature=temperature)
    pump = non_negative("pump_rate", pump_rate, unit="rad/s")
    return np.asarray(rates.kappa_1 + rates.kappa_2 + 3 * rates.gamma_plus + rates.gamma_minus + 2 * pump)


def spin_layer(
    *,
    spin: ParamagneticSpin,
    density: float,
    field: ArrayLike,
    temperature: ArrayLike,
    pump_rate: ArrayLike = 0.0,
    near: float = 0.0,
    far: float = np.inf,
    side: int = 1,
) -> SpinLayer:
    """Return a layer of NV centres in thermal equilibrium or optically pumped (Table 2).

    The occupations are those far from the film; with arrays they are arrays of the broadcast shape.

    Parameters
    ----------
    spin
        What the layer is made of.
    density
        ϱ ≥ 0, in 1/m³.
    field, temperature
        μ0H0 in T and T > 0 in K.
    pump_rate
        Ω ≥ 0 in rad/s; 0 for thermal equilibrium. Broadcasts with field and temperature.
    near, far
        Distances of the layer's faces from the film, in m; ``far`` may be ``inf``.
    side
        η of the layer: +1 above the film, −1 below.
    """
    from labspin.physics.spinwaves.pumping import pumped_occupations

    levels = pumped_occupations(spin=spin, field=field, temperature=temperature, pump_rate=pump_rate)
    rate = coherence_decay_rate(spin=spin, field=field, temperature=temperature, pump_rate=pump_rate)
    zero, minus = levels[..., 0], levels[..., 2]
    if np.ndim(rate) == 0:
        return SpinLayer(spin, density, float(zero - minus), float(rate), float(minus), near, far, side)
    return SpinLayer(spin, density, zero - minus, rate, minus, near, far, side)


def layer_coupling(
    film: Film, layer: SpinLayer, points: Points, kappa: AnyArray, cosine: AnyArray
) -> AnyArray:
    """Return G²_ββ of the layer in (rad/s)², Eq. (293), analytic in κ and cos φ."""
    modes = stiffness(film, points.reduced_field, kappa, cosine**2, points.band)
    amplitude = form_factor(kappa, points.band) * (
        np.sqrt(modes.nu_y) + layer.side * cosine * np.sqrt(modes.nu_x)
    )
    k = kappa / film.thickness
    thickness = np.exp(-2 * k * layer.near) / (2 * k)
    if np.isfinite(layer.far):
        thickness = thickness * -np.expm1(-2 * k * (layer.far - layer.near))
    scale = 4 * np.pi**2 * coupling_scale(film, layer.spin.gyromagnetic_ratio) * layer.density
    return np.asarray(scale / modes.u * (1 + layer.side * cosine) ** 2 * amplitude**2 * thickness)


class _Response(NamedTuple):
    bare: AnyArray
    loss: AnyArray
    shift: AnyArray
    increase: AnyArray


def layer_response(
    film: Film, layer: SpinLayer, omega_minus: AnyArray, points: Points, kappa: AnyArray, cosine: AnyArray
) -> _Response:
    """Return ω, γ, δ_β and Γ_β, all in rad/s, analytic in κ and cos φ."""
    modes = stiffness(film, points.reduced_field, kappa, cosine**2, points.band)
    bare = film.omega_m * modes.u
    detuning = bare - omega_minus
    strength = layer.polarisation * layer_coupling(film, layer, points, kappa, cosine)
    strength = strength / (detuning**2 + layer.decay_rate**2 / 4)
    loss = film.gilbert_damping * film.omega_m * (modes.nu_x + modes.nu_y)
    return _Response(bare, loss, strength * detuning, strength * layer.decay_rate)


def modified_modes(
    *,
    film: Film,
    layer: SpinLayer,
    field: ArrayLike,
    wavenumber: ArrayLike,
    angle: ArrayLike = 0.0,
    band: ArrayLike = 0,
) -> ModifiedModes:
    """Return frequency, linewidth, group velocity and propagation length under a layer, Eq. (19).

    Parameters
    ----------
    film, field, angle, band
        As `mode_frequency`; they broadcast.
    layer
        The spins.
    wavenumber
        k > 0 in rad/m.

    Raises
    ------
    ArgumentError
        As `mode_frequency`, or a wavenumber is zero (the layer's coupling is a limit there).
    """
    positive("wavenumber", wavenumber, unit="rad/m")
    points = mode_points(film, field, wavenumber, angle, band)
    omega_minus, _ = transition_frequencies(spin=layer.spin, field=field)
    cosine = np.cos(points.angle)
    step = 1e-100
    stepped = layer_response(film, layer, omega_minus, points, points.kappa + 1j * step, cosine)
    now = _Response(*(np.asarray(part.real) for part in stepped))
    velocity = (stepped.bare + stepped.shift).imag / step * film.thickness
    decay = now.loss + now.increase
    return ModifiedModes(
        now.bare + now.shift, now.shift, now.increase, decay, velocity, 2 / decay, velocity * 2 / decay
    )


class MaximumLinewidth(NamedTuple):
    """The largest Γ_β of a band in rad/s, and the wave that has it: k in rad/m, φ ≥ 0 in rad."""

    rate: FloatArray
    wavenumber: FloatArray
    angle: FloatArray


def maximum_linewidth(
    *, film: Film, layer: SpinLayer, field: ArrayLike, band: int = 0, points: int = 400
) -> MaximumLinewidth:
    """Return the largest Γ_β of a band over all wavevectors, as in Fig. 3(a), and where it is.

    Parameters
    ----------
    film, layer
        The film and the spins (polarisation and κ_T as they are at the fields, one or one for each).
    field
        μ0H0 in T.
    band
        n ≥ 0.
    points
        Points in κ of the search, which follows the resonance ω_β = ω_− where there is one.

    Returns
    -------
    MaximumLinewidth
        Rate, wavenumber and angle, of the broadcast shape of the fields and the layer.

    Raises
    ------
    ArgumentError
        A field below saturation, or shapes that do not broadcast.

    Notes
    -----
    Near resonance the Lorentzian decides the angle at each κ: it is where the contour ω_β = ω_− passes. That
    angle and a grid of others are searched on a grid in κ, which then closes in on the best four times. At
    10 mT, p = 0.7 and κ_T = 2/T2*, 10⁴ µm⁻³ give 2π·55 MHz; [SW] quotes 2π·20 MHz, which its (19) does not.
    """
    reduced = film.reduced_field(field)
    polarisation, decay = np.asarray(layer.polarisation), np.asarray(layer.decay_rate)
    shape = broadcast(field=reduced, polarisation=polarisation, decay_rate=decay)
    tesla = np.broadcast_to(reduced, shape).ravel()
    frequency, _ = transition_frequencies(spin=layer.spin, field=field)
    omega_minus = np.broadcast_to(frequency, shape).ravel()
    strength, width = (np.broadcast_to(part, shape).ravel()[:, None, None] for part in (polarisation, decay))
    signed = replace(layer, polarisation=np.abs(strength), decay_rate=width, excited=0.0)
    n = np.full(tesla.size, band)
    window = np.stack([np.log(np.array([1e-3, 30.0])), np.array([0.0, 1.0])])
    window = np.broadcast_to(window, (tesla.size, 2, 2)).copy()
    pieces = arcs(film, tesla, omega_minus / film.omega_m, n)
    ends = np.stack([pieces.start, pieces.stop], axis=2).reshape(tesla.size, -1)
    for _ in range(5):
        step = np.diff(window, axis=2) / np.array([[points], [33]])
        grid = np.exp(window[:, :1, 0] + step[:, 0] * np.arange(points + 1))
        kappa = np.concatenate([grid, np.where(ends > 0, ends, grid[:, :1])], axis=1)
        c = window[:, 1:, 0] + step[:, 1] * np.arange(34)
        best, at_kappa, at_c = _largest_increase(film, signed, tesla, omega_minus, kappa, c, band)
        centre = np.stack([np.log(at_kappa), at_c], axis=1)
        window = np.stack([centre - 4 * step[:, :, 0], centre + 4 * step[:, :, 0]], axis=2)
        window[:, 1] = window[:, 1].clip(0, 1)
    return MaximumLinewidth(
        np.copysign(best, strength.ravel()).reshape(shape),
        (at_kappa / film.thickness).reshape(shape),
        np.arccos(layer.side * np.sqrt(at_c)).reshape(shape),
    )


def _largest_increase(
    film: Film,
    layer: SpinLayer,
    field: FloatArray,
    omega_minus: FloatArray,
    kappa: FloatArray,
    c: FloatArray,
    band: int,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the largest Γ_β over rows of κ, at the given c = cos²φ and on the contour, and where it is."""
    n = np.full((field.size, 1), band)
    target = omega_minus[:, None] / film.omega_m
    contour = contour_c(film, field[:, None], target, kappa, n).clip(0, 1)
    given = np.broadcast_to(c[:, None, :], (*kappa.shape, c.shape[1]))
    choices = np.concatenate([contour[..., None], given], axis=2)
    points = Points(field[:, None, None], kappa[..., None], np.zeros(1), n[..., None])
    cosine = layer.side * np.sqrt(choices)
    increase = layer_response(
        film, layer, omega_minus[:, None, None], points, kappa[..., None], cosine
    ).increase.reshape(field.size, -1)
    index = np.argmax(increase, axis=1)
    row = np.arange(field.size)
    return (
        increase[row, index],
        kappa[row, index // choices.shape[2]],
        choices.reshape(field.size, -1)[row, index],
    )
