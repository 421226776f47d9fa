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
reduced to a spectrum once; the distance rescales it.

Far above the temperature μ_s B/k_B at which the spins below the magnet saturate, κ ∝ ρ d⁻⁶/T (d⁻⁵ of a
half-space): the data then hold one combination of density and distance, and a fit of both says so. Density
and distance are told apart by the saturation; density, T1 and the offsets by a wide range of temperatures.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from labspin.analysis.model import FitModel, FloatArray, Numbers, Parameter, Value
from labspin.analysis.outcome import FitOutcome
from labspin.arrays import ComplexArray
from labspin.errors import RecipeError
from labspin.units import parse_quantity

if TYPE_CHECKING:
    from labspin.physics.mrfm import ReducedSpectrum

__all__ = ["spin_bath_shift"]

_FARTHEST = 5.0  # times the distance that the model was built with, or as many times less, where it is fitted
_DEGENERATE = 0.99  # correlation from which two parameters are called one


@functools.lru_cache(maxsize=16)
def _geometry(moment: float, distance: float, layer: bool) -> ReducedSpectrum:
    from labspin.physics.mrfm import Layer, Magnet, Surface, reduce_geometry

    magnet = Magnet(moment=(moment, 0.0, 0.0), motion=(1.0, 0.0, 0.0))
    return reduce_geometry(magnet=magnet, sample=Layer(distance) if layer else Surface(distance))


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
        points = np.asarray(x, np.float64)
        where = (float(distance), float(temperature_offset))
        law = (float(T1), float(T1_exponent))
        if self.exact:
            caused: ComplexArray = self._from_pole(points, float(density), *law, *where)
        else:
            caused = density * self._first_order(points, *law, *where)
        return caused + frequency_offset + 1j * loss_offset

    def guess(self, x: FloatArray, y: Numbers, weights: FloatArray | None) -> Mapping[str, float]:
        """Return starting values."""
        del weights
        return _guess(x, y, self._first_order, self.distance, self.frequency)

    def _at(self, x: FloatArray, distance: float, offset: float) -> tuple[ReducedSpectrum, FloatArray]:
        """Return spectrum and temperatures, none of them colder than the spectrum is good for."""
        from labspin.physics.mrfm import ELECTRON_G2

        spectrum = _geometry(self.moment, self.distance, self.layer)
        moved = spectrum if distance == self.distance else spectrum.rescaled(distance=distance)
        return moved, np.maximum(x + offset, 1.001 * moved.coldest(ELECTRON_G2))

    def _first_order(
        self, x: FloatArray, T1: float, exponent: float, distance: float, offset: float
    ) -> ComplexArray:
        """Return Δf + i Δ(1/Q) for one spin per unit of density, to first order in κ."""
        from labspin.physics.mrfm import ELECTRON_G2, spectrum_stiffness

        spectrum, kelvin = self._at(x, distance, offset)
        kappa = spectrum_stiffness(
            spectrum=spectrum,
            density=1.0,
            species=ELECTRON_G2,
            temperature=kelvin,
            angular_frequency=2 * math.pi * self.frequency,
            t1=T1 * (kelvin / self.reference_temperature) ** exponent,
        )
        return self.frequency * kappa.real / (2 * self.stiffness) + 1j * kappa.imag / self.stiffness

    def _from_pole(
        self, x: FloatArray, density: float, T1: float, exponent: float, distance: float, offset: float
    ) -> ComplexArray:
        """Return Δf + i Δ(1/Q) from the pole of the response."""
        from labspin.physics.mrfm import ELECTRON_G2, PowerLawT1, Resonator, SpinBath, exact_shift

        spectrum, kelvin = self._at(x, distance, offset)
        law = PowerLawT1(max(T1, 1e-30), self.reference_temperature, exponent)
        spring = SpinBath(ELECTRON_G2, max(density, 0.0), spectrum, law).spring(temperature=kelvin)
        resonator = Resonator(self.stiffness, 2 * math.pi * self.frequency, self.quality_factor)
        found = exact_shift(resonator=resonator, springs=[spring])
        return np.asarray(found.angular_frequency / (2 * math.pi) + 1j * found.inverse_quality)


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
        Of the magnet, along the motion and parallel to the surface, A m².
    distance
        Of the sample from the magnet's centre; where it is fitted, its starting value, from which it goes up
        to five times away.
    stiffness, frequency
        k0 and f0 of the bare resonator.
    reference_temperature
        At which ``T1`` is T1.
    layer
        Spins fill the half-space below the surface, instead of the surface.
    exact
        Take the shifts from the pole of the response instead of to first order in κ.
    quality_factor
        Of the bare resonator; matters only where ``exact``, and then little.

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


def _guess(
    x: FloatArray, y: Numbers, shift: Callable[..., ComplexArray], distance: float, f0: float
) -> Mapping[str, float]:
    """Try T1 about 1/ω0; the density is then linear. Both parts count alike, each in units of its size."""
    sizes = [max(float(np.sqrt(np.mean(np.square(part)))), 1e-300) for part in (y.real, y.imag)]

    def scaled(values: Numbers) -> FloatArray:
        return np.concatenate([values.real / sizes[0], values.imag / sizes[1]])

    best = (np.inf, 1.0, 1.0)
    for T1 in np.geomspace(1e-3, 1e3, 61) / (2 * math.pi * f0):
        single = scaled(shift(x, T1, 0.0, distance, 0.0))
        density = float(single @ scaled(y) / (single @ single))
        cost = float(np.sum((scaled(y) - density * single) ** 2))
        if cost < best[0] and density > 0:
            best = (cost, density, float(T1))
    return {
        "density": best[1],
        "T1": best[2],
        "distance": distance,
        "temperature_offset": 0.0,
        "T1_exponent": 0.0,
        "frequency_offset": 0.0,
        "loss_offset": 0.0,
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
