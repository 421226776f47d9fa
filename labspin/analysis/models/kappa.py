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
``Δf = f0 Re κ/2k0``, ``Δ(1/Q) = Im κ/k0`` ((3.12), (3.13)). The data are complex: Δf + i Δ(1/Q), with errors
σ_f + i σ_q, so that one fit sees both. The geometry is reduced to a spectrum once; the distance rescales it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.model import FitModel, FloatArray, Parameter
from labspin.errors import RecipeError
from labspin.units import parse_quantity

__all__ = ["spin_bath_shift"]


@functools.lru_cache(maxsize=16)
def _geometry(moment: float, distance: float, layer: bool) -> Any:
    from labspin.physics.mrfm import Layer, Magnet, Surface, reduce_geometry

    magnet = Magnet(moment=(moment, 0.0, 0.0), motion=(1.0, 0.0, 0.0))
    return reduce_geometry(magnet=magnet, sample=Layer(distance) if layer else Surface(distance))


def spin_bath_shift(
    *,
    moment: float | str = 19e-12,
    distance: float | str = "2.2 um",
    stiffness: float | str = "70 uN/m",
    frequency: float | str = "3 kHz",
    reference_temperature: float | str = "0.1 K",
    layer: bool = False,
) -> FitModel:
    """Return the model of Δf + i Δ(1/Q) against temperature; defaults are those of thesis Fig. 3.3.

    Parameters
    ----------
    moment
        Of the magnet, along the motion and parallel to the surface, A m².
    distance
        Starting value of the distance of the sample from the magnet's centre.
    stiffness, frequency
        k0 and f0 of the bare resonator.
    reference_temperature
        At which ``T1`` is T1.
    layer
        Spins fill the half-space below the surface, instead of the surface.

    Raises
    ------
    RecipeError
        An option is not a positive number of its unit.
    """
    m = _positive("moment", moment, "A*m**2")
    d0 = _positive("distance", distance, "m")
    k0, f0 = _positive("stiffness", stiffness, "N/m"), _positive("frequency", frequency, "Hz")
    reference = _positive("reference_temperature", reference_temperature, "K")

    def shift(x: FloatArray, T1: Any, exponent: Any, distance: float, offset: Any) -> NDArray[np.complex128]:
        """Return Δf + i Δ(1/Q) for one spin per unit of density."""
        from labspin.physics.mrfm import ELECTRON_G2, spectrum_stiffness

        spectrum = _geometry(m, d0, layer)
        moved = spectrum if distance == d0 else spectrum.rescaled(distance=distance)
        kelvin = np.maximum(x + offset, 1.001 * moved.coldest(ELECTRON_G2))
        kappa = spectrum_stiffness(
            spectrum=moved,
            density=1.0,
            species=ELECTRON_G2,
            temperature=kelvin,
            angular_frequency=2 * math.pi * f0,
            t1=T1 * (kelvin / reference) ** exponent,
        )
        return f0 * kappa.real / (2 * k0) + 1j * kappa.imag / k0

    def function(
        x: Any,
        density: Any,
        T1: Any,
        distance: Any,
        temperature_offset: Any,
        T1_exponent: Any,
        frequency_offset: Any,
        loss_offset: Any,
    ) -> Any:
        points = np.asarray(x, np.float64)
        single = shift(points, float(T1), float(T1_exponent), float(distance), float(temperature_offset))
        return density * single + frequency_offset + 1j * loss_offset

    def guesser(x: FloatArray, y: NDArray[Any], weights: FloatArray | None) -> Mapping[str, float]:
        del weights
        return _guess(x, y, shift, d0, f0)

    return FitModel(
        name="spin_bath_shift",
        equation="y = Δf + i Δ(1/Q) = f0 Re κ/2k0 + i Im κ/k0, κ(T) of a spin bath, Eq. (3.10)",
        source="Wagenaar, thesis (Leiden 2017) ch. 3, Eqs. (3.10), (3.12), (3.13)",
        parameters=_parameters(d0, layer),
        function=function,
        guesser=guesser,
        is_complex=True,
        options={"moment": m, "distance": d0, "stiffness": k0, "frequency": f0, "layer": layer},
    )


def _parameters(distance: float, layer: bool) -> tuple[Parameter, ...]:
    return (
        Parameter("density", "1/m**3" if layer else "1/m**2", "density of the spins", minimum=0),
        Parameter("T1", "s", "relaxation time at the reference temperature", minimum=0),
        Parameter("distance", "m", "of the sample from the magnet's centre", minimum=0, value=distance),
        Parameter("temperature_offset", "K", "of the spins above the thermometer", value=0.0),
        Parameter("T1_exponent", "1", "T1 goes with this power of temperature", value=0.0),
        Parameter("frequency_offset", "Hz", "frequency shift without spins", value=0.0),
        Parameter("loss_offset", "1", "inverse quality factor without spins", value=0.0),
    )


def _guess(x: FloatArray, y: NDArray[Any], shift: Any, distance: float, f0: float) -> Mapping[str, float]:
    """Try T1 about 1/ω0; the density is then linear. Both parts count alike, each in units of its size."""
    sizes = [max(float(np.sqrt(np.mean(np.square(part)))), 1e-300) for part in (y.real, y.imag)]

    def scaled(values: NDArray[Any]) -> FloatArray:
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


def _positive(name: str, value: float | str, unit: str) -> float:
    number = (
        parse_quantity(value, unit, name=f"model spin_bath_shift: {name}")
        if isinstance(value, str)
        else value
    )
    if not (isinstance(number, (int, float)) and math.isfinite(number) and number > 0):
        raise RecipeError(f"model spin_bath_shift: {name}: wanted a number > 0 in {unit}, got {value!r}")
    return float(number)
