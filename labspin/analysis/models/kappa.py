"""What a bath of spins does to a resonator, against temperature: frequency and dissipation, fitted together.

=================== ==========================================================================
argument            meaning
=================== ==========================================================================
x                   temperature as read, K
density             ρ, spins per m² (surface) or m³ (layer)
T1                  relaxation time at ``reference_temperature``, s
T1_exponent         T1 ∝ T^exponent
distance            of the sample from the magnet's centre, m
temperature_offset  of the spins above the thermometer, K
frequency_offset    Δf at κ = 0, Hz
loss_offset         Δ(1/Q) at κ = 0
=================== ==========================================================================

``κ = ρ β μ_s² C(T) [(ωT1)² + iωT1]/[1 + (ωT1)²]`` (Wagenaar, thesis ch. 3, Eq. (3.10)), and to first order
``Δf = f0 Re κ/2k0``, ``Δ(1/Q) = Im κ/k0`` ((3.12), (3.13)). What that leaves out is a part |κ|/k0 of the
shifts, more than the errors of a good measurement: with ``exact``, both follow from the pole of the response.
The data are complex: Δf + i Δ(1/Q), with errors σ_f + i σ_q, so that one fit sees both. The geometry is
reduced to one curve of temperature once; the distance rescales it.

Far above the temperature μ_s B/k_B at which the spins below the magnet saturate, κ ∝ ρ d⁻⁶/T (d⁻⁵ of a
half-space): the data then hold one combination of density and distance, and a fit of both says so. Density
and distance are distinguished by the saturation; density, T1 and the offsets by a wide range of temperatures.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.analysis.model import FitModel, FloatArray, Numbers, Parameter, Value, columns
from labspin.analysis.models.guesses import averaged
from labspin.analysis.outcome import FitOutcome
from labspin.arrays import ComplexArray
from labspin.errors import RecipeError
from labspin.units import parse_quantity

if TYPE_CHECKING:
    from labspin.analysis.models.bath_strength import BathStrength

__all__ = ["spin_bath_shift"]

_FARTHEST = 5.0  # times the distance that the model was built with, or as many times less, where it is fitted
_PARTS = 2000  # of a long sweep, among which a start is sought
_DEGENERATE = 0.99  # correlation from which two parameters are called one


@functools.lru_cache(maxsize=16)
def _strength(moment: float, distance: float, layer: bool) -> BathStrength:
    from labspin.analysis.models.bath_strength import BathStrength
    from labspin.physics.mrfm import Layer, Magnet, Surface, reduce_geometry

    magnet = Magnet(moment=(moment, 0.0, 0.0), motion=(1.0, 0.0, 0.0))
    return BathStrength(
        reduce_geometry(magnet=magnet, sample=Layer(distance) if layer else Surface(distance))
    )


@dataclass(frozen=True)
class _Bath:
    """One spin per unit of density, at every point: what it adds, and how that changes."""

    strength: FloatArray  # K, N/m
    slope: FloatArray  # d ln K/d ln T at the distance
    phase: FloatArray  # ωT1
    relative: FloatArray  # T/T_ref
    kelvin: FloatArray  # T, none colder than the spectrum is good for
    clipped: NDArray[np.bool_]  # where T is that coldest one


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What is known of magnet, sample and resonator, and the shifts that follow."""

    moment: float  # A m²
    distance: float  # m, starting value
    stiffness: float  # N/m
    frequency: float  # Hz
    reference_temperature: float  # K
    layer: bool
    exact: bool
    quality_factor: float

    def shift(
        self,
        x: ArrayLike,
        density: Value,
        T1: Value,
        distance: Value,
        temperature_offset: Value,
        T1_exponent: Value,
        frequency_offset: Value,
        loss_offset: Value,
    ) -> ComplexArray:
        """Return the model."""
        points, law = np.asarray(x, np.float64), (T1, T1_exponent, distance, temperature_offset)
        if self.exact:
            caused: ComplexArray = self._from_pole(points, float(density), *map(float, law))
        else:
            bath = self._bath(points, *law)
            caused = self._seen(density * bath.strength * _lag(bath.phase)[0])
        return caused + frequency_offset + 1j * loss_offset

    def derivatives(self, x: FloatArray, values: FloatArray) -> tuple[ComplexArray, ComplexArray]:
        """Return the model to first order in κ, and its derivatives by the parameters."""
        density, T1, distance, warmer, exponent, f_offset, q_offset = columns(values)
        bath = self._bath(x, T1, exponent, distance, warmer)
        lag, by_phase = _lag(bath.phase)
        one = bath.strength * lag
        turning = density * bath.strength * by_phase  # dκ/d(ωT1)
        hotter = density * one * bath.slope / bath.kelvin + turning * bath.phase * exponent / bath.kelvin
        power = _strength(self.moment, self.distance, self.layer).power
        # Where T is the coldest that the spectrum knows, that one goes with d⁻³, and T s³ stays.
        farther = density * one * (power + np.where(bath.clipped, 0.0, 3 * bath.slope)) / distance
        farther = farther - np.where(bath.clipped, 3 * turning * bath.phase * exponent / distance, 0.0)
        y = self._seen(density * one) + f_offset + 1j * q_offset
        jacobian = np.empty((*y.shape[:-1], 7, y.shape[-1]), np.complex128)
        by_law = turning * bath.phase * np.log(bath.relative)
        by_time = turning * 2 * math.pi * self.frequency * bath.relative**exponent
        for place, kappa in enumerate((one, by_time, farther, np.where(bath.clipped, 0.0, hotter), by_law)):
            jacobian[..., place, :] = self._seen(kappa)
        jacobian[..., 5, :], jacobian[..., 6, :] = 1.0, 1j
        return y, jacobian

    def guess(self, x: FloatArray, y: Numbers, weights: FloatArray | None) -> Mapping[str, Value]:
        """Return starting values."""
        del weights
        x, y, _ = averaged(x, y, None, _PARTS)
        strength = self._bath(x, 1.0, 0.0, self.distance, 0.0).strength
        times = np.geomspace(1e-3, 1e3, 61) / (2 * math.pi * self.frequency)
        lags = _lag(2 * math.pi * self.frequency * times)[0]
        return _guess(y, times, self._seen(lags[:, None] * strength), self.distance)

    def _bath(self, x: FloatArray, T1: Value, exponent: Value, distance: Value, offset: Value) -> _Bath:
        known = _strength(self.moment, self.distance, self.layer)
        stretch = distance / self.distance
        cubed = stretch**3
        coldest = known.coldest / cubed
        kelvin = np.maximum(x + offset, coldest)
        strength, slope = known.at(kelvin * cubed)
        relative = kelvin / self.reference_temperature
        phase = 2 * math.pi * self.frequency * T1 * relative**exponent
        return _Bath(strength * stretch**known.power, slope, phase, relative, kelvin, kelvin <= coldest)

    def _seen(self, kappa: ComplexArray) -> ComplexArray:
        """Return Δf + i Δ(1/Q) to first order in κ."""
        return np.asarray(
            self.frequency * kappa.real / (2 * self.stiffness) + 1j * kappa.imag / self.stiffness
        )

    def _from_pole(
        self, x: FloatArray, density: float, T1: float, exponent: float, distance: float, offset: float
    ) -> ComplexArray:
        """Return Δf + i Δ(1/Q) from the pole of the response."""
        from labspin.physics.mrfm import RelaxingSpring, Resonator, exact_shift

        bath = self._bath(x, max(T1, 1e-30), exponent, distance, offset)
        omega = 2 * math.pi * self.frequency
        spring = RelaxingSpring(max(density, 0.0) * bath.strength, bath.phase / omega)
        resonator = Resonator(self.stiffness, omega, self.quality_factor)
        found = exact_shift(resonator=resonator, springs=[spring])
        return np.asarray(found.angular_frequency / (2 * math.pi) + 1j * found.inverse_quality)


def _lag(phase: FloatArray) -> tuple[ComplexArray, ComplexArray]:
    """Return iz/(1 + iz) for z = ωT1, and its derivative by z."""
    held = np.asarray(1 / (1 + 1j * np.asarray(phase)), np.complex128)
    return np.asarray(1 - held), np.asarray(1j * np.square(held))


def spin_bath_shift(
    *,
    moment: float | str = 19e-12,
    distance: float | str = "2.2 um",
    stiffness: float | str = "70 uN/m",
    frequency: float | str = "3 kHz",
    reference_temperature: float | str = "0.1 K",
    layer: bool = False,
    exact: bool = False,
    quality_factor: float = 3e4,
) -> FitModel:
    """Return the model of Δf + i Δ(1/Q) against temperature; defaults are those of thesis Fig. 3.3.

    Parameters
    ----------
    moment
        Moment of the magnet, along the motion and parallel to the surface, A m².
    distance
        Distance of the sample from the magnet's centre; where it is fitted, its starting value, which may
        grow fivefold.
    stiffness, frequency
        k0 and f0 of the bare resonator.
    reference_temperature
        At which ``T1`` is T1.
    layer
        Spins fill the half-space below the surface, instead of the surface.
    exact
        Take the shifts from the pole of the response instead of to first order in κ.
    quality_factor
        Quality factor of the bare resonator; matters only where ``exact``, and then little.

    Raises
    ------
    RecipeError
        An option is not a positive number of its unit.
    """
    known = _Known(
        moment=_positive("moment", moment, "A*m**2"),
        distance=_positive("distance", distance, "m"),
        stiffness=_positive("stiffness", stiffness, "N/m"),
        frequency=_positive("frequency", frequency, "Hz"),
        reference_temperature=_positive("reference_temperature", reference_temperature, "K"),
        layer=layer,
        exact=exact,
        quality_factor=_positive("quality_factor", quality_factor, "1"),
    )
    return FitModel(
        name="spin_bath_shift",
        equation="y = Δf + i Δ(1/Q) = f0 Re κ/2k0 + i Im κ/k0, κ(T) of a spin bath, Eq. (3.10)",
        source="Wagenaar, thesis (Leiden 2017) ch. 3, Eqs. (3.10), (3.12), (3.13)",
        parameters=_parameters(known.distance, layer),
        function=known.shift,
        guesser=known.guess,
        batch_guess=True,
        derivatives=None if exact else known.derivatives,
        is_complex=True,
        doubts=_doubts,
        options=asdict(known),
        x_unit="K",
    )


def _parameters(distance: float, layer: bool) -> tuple[Parameter, ...]:
    return (
        Parameter("density", "1/m**3" if layer else "1/m**2", "density of the spins", minimum=0),
        Parameter("T1", "s", "relaxation time at the reference temperature", minimum=0),
        Parameter(
            "distance",
            "m",
            "of the sample from the magnet's centre",
            minimum=distance / _FARTHEST,
            maximum=distance * _FARTHEST,
            value=distance,
        ),
        Parameter("temperature_offset", "K", "of the spins above the thermometer", value=0.0),
        Parameter("T1_exponent", "1", "T1 goes with this power of temperature", value=0.0),
        Parameter("frequency_offset", "Hz", "frequency shift without spins", value=0.0),
        Parameter("loss_offset", "1", "inverse quality factor without spins", value=0.0),
    )


def _guess(y: Numbers, times: FloatArray, single: ComplexArray, distance: float) -> Mapping[str, Value]:
    """Try T1 about 1/ω0; the density is then linear. Both parts count alike, each in units of its size."""
    sizes = [np.maximum(np.sqrt(np.mean(np.square(part), axis=-1)), 1e-300) for part in (y.real, y.imag)]
    norm, across = np.zeros(1), np.zeros(1)
    for one, data, size in zip((single.real, single.imag), (y.real, y.imag), sizes, strict=True):
        norm = norm + np.square(one).sum(-1) / np.square(size)[..., None]
        across = across + data @ one.T / np.square(size)[..., None]
    density: FloatArray = across / norm
    gain = np.where(density > 0, across * density, -np.inf)  # what it takes off the sum of squares
    best = np.argmax(gain, axis=-1)
    found = np.take_along_axis(density, best[..., None], -1)[..., 0]
    zero = np.zeros(best.shape)
    return {
        "density": np.where(found > 0, found, 1.0),
        "T1": np.where(found > 0, times[best], 1.0),
        "distance": zero + distance,
        "temperature_offset": zero,
        "T1_exponent": zero,
        "frequency_offset": zero,
        "loss_offset": zero,
    }


def _doubts(outcome: FitOutcome) -> list[str]:
    """Name the pairs of parameters of which the data hold one combination, and say what would part them."""
    names, covariance = outcome.covariance_names, outcome.covariance
    errors = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(errors, errors)
    found = []
    for second, first in zip(*np.nonzero(np.tril(np.abs(correlation) > _DEGENERATE, -1)), strict=True):
        pair = (names[first], names[second])
        sharper = 1 / math.sqrt(max(1 - correlation[second, first] ** 2, 1e-12))
        found.append(
            f"{pair[0]} and {pair[1]} are correlated by {correlation[second, first]:+.4f}: the data hold one "
            f"combination of them, and each alone is {sharper:.2g} times less certain than with the other "
            f"known; {_remedy(pair)}"
        )
    return found


def _remedy(pair: tuple[str, str]) -> str:
    if set(pair) == {"density", "distance"}:
        return (
            "fix the distance, or measure colder: only where the spins below the magnet saturate, below "
            "about μ_s B/k_B, does the distance show in the temperature dependence"
        )
    return f"fix {pair[1]}, or measure over a wider range of temperatures"


def _positive(name: str, value: float | str, unit: str) -> float:
    number = (
        parse_quantity(value, unit, name=f"model spin_bath_shift: {name}")
        if isinstance(value, str)
        else value
    )
    if not (isinstance(number, (int, float)) and math.isfinite(number) and number > 0):
        raise RecipeError(f"model spin_bath_shift: {name}: wanted a number > 0 in {unit}, got {value!r}")
    return float(number)
