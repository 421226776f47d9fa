"""How strongly the spins below a magnet pull, against temperature: one curve instead of a sum a point.

The strength K of `labspin.physics.mrfm.spectrum_stiffness` is a sum over some two hundred fields. A fit asks
for it at every point and every step, and it depends on one number only: at distance d, K(T, d) =
s^(D − 5) K(T s³) for s = d/d₀ and D the dimension of the sample, because B ∝ d⁻³. So ln K is kept against
log₂ T, a Chebyshev series for each octave, and its slope follows from the series.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.polynomial import chebyshev

from labspin.analysis.model import FloatArray
from labspin.physics.mrfm import ELECTRON_G2, ReducedSpectrum, spectrum_stiffness

__all__ = ["BathStrength"]

_DEGREE = 15
_OCTAVES = 30
"""From the coldest temperature: there, all spins are far from saturation, and K ∝ 1/T beyond."""


class BathStrength:
    """K of electrons for one spin per unit of density, N/m per unit of density, as a function of temperature.

    Parameters
    ----------
    spectrum
        Their geometry, in which the static stiffness is zero: motion along the surface.
    """

    def __init__(self, spectrum: ReducedSpectrum) -> None:
        self.coldest = 1.001 * spectrum.coldest(ELECTRON_G2)
        self.power = spectrum.dimension - 5
        nodes = chebyshev.chebpts1(_DEGREE + 1)
        kelvin = self.coldest * np.exp2(np.arange(_OCTAVES)[:, None] + (nodes + 1) / 2)
        # Without relaxation all of K is left, and the stiffness is real.
        strength = spectrum_stiffness(
            spectrum=spectrum, density=1.0, species=ELECTRON_G2, temperature=kelvin, angular_frequency=1.0,
            t1=math.inf,
        ).real  # fmt: skip
        fitted = chebyshev.chebfit(nodes, np.log(strength).T, _DEGREE)
        self.series = np.asarray(fitted, np.float64)  # (degree + 1, octaves)
        self.slopes = np.asarray(chebyshev.chebder(fitted), np.float64)

    def at(self, kelvin: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return K and d ln K/d ln T.

        Parameters
        ----------
        kelvin
            T of at least ``coldest``, K, any shape.
        """
        height = np.log2(kelvin / self.coldest)
        within = np.clip(height, 0.0, _OCTAVES * (1 - 1e-15))
        octave = within.astype(np.intp)
        spot = np.asarray(2 * (within - octave) - 1, np.float64)
        strength = np.exp(_sum(self.series, octave, spot))
        slope = _sum(self.slopes, octave, spot) * (2 / math.log(2))
        beyond = height > _OCTAVES
        if np.any(beyond):
            strength = strength * np.where(beyond, np.exp2(within - height), 1.0)
            slope = np.where(beyond, -1.0, slope)
        return strength, slope


def _sum(series: FloatArray, octave: np.ndarray, spot: FloatArray) -> FloatArray:
    """Return the Chebyshev series of each spot's own octave at it (Clenshaw)."""
    later = last = np.zeros(spot.shape)
    for row in series[:0:-1]:
        later, last = row[octave] + 2 * spot * later - last, later
    return np.asarray(series[0][octave] + spot * later - last)
