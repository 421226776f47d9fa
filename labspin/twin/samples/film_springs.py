"""The stiffness that centres over a film add to a cantilever, interpolated in the distance.

A stage that moves or drifts asks for it at ever new distances, and each is an integral over spin waves. It is
smooth: within an octave of the distance a Chebyshev polynomial through ten distances gives κ l⁴ to 10⁻⁸, and
all of them cost one integral. Beyond `FAR` there is none: κ falls faster than l⁻⁴.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.polynomial import chebyshev

from labspin.physics.arguments import FloatArray
from labspin.physics.spinwaves import spin_wave_stiffness
from labspin.twin.sample import ComplexArray
from labspin.twin.samples.film_settings import FilmSettings, depths_of

__all__ = ["FAR", "stiffness_at"]

FAR = 20e-6
"""Distance from which the centres add no stiffness, m."""
_NODES = 10


def stiffness_at(settings: FilmSettings, distance: float, field: float, pump: float) -> complex:
    """Return the stiffness of all centres, N/m.

    Parameters
    ----------
    settings
        The film, the centres and the cantilever.
    distance
        Distance of the nearest centre, m.
    field, pump
        T and rad/s.
    """
    if distance >= FAR:
        return 0j
    octave = math.floor(math.log2(distance / FAR))
    spot = 2 * (math.log2(distance / FAR) - octave) - 1
    table = _table(settings, field, pump, octave)
    return complex(chebyshev.chebval(spot, table) / (distance / FAR) ** 4)


@lru_cache(maxsize=256)
def _table(settings: FilmSettings, field: float, pump: float, octave: int) -> ComplexArray:
    """Return the coefficients of κ l⁴ within an octave of the distance."""
    spots = np.cos(np.pi * (np.arange(_NODES) + 0.5) / _NODES)
    lengths = FAR * 2.0 ** (octave + 0.5 * (spots + 1))
    scaled = _stiffness(settings, lengths, field, pump) * (lengths / FAR) ** 4
    parts = [chebyshev.chebfit(spots, part, _NODES - 1) for part in (scaled.real, scaled.imag)]
    return np.asarray(parts[0] + 1j * parts[1], np.complex128)


def _stiffness(settings: FilmSettings, nearest: FloatArray, field: float, pump: float) -> ComplexArray:
    """Return the stiffness of all centres at distances (n,) of the nearest, N/m."""
    layers = [depths_of(float(distance), settings.layer_thickness) for distance in nearest]
    kappa = spin_wave_stiffness(
        film=settings.film,
        spin=settings.spin,
        distance=np.stack([depths for depths, _ in layers]),
        field=field,
        temperature=settings.temperature,
        angular_frequency=settings.cantilever.angular_frequency,
        pump_rate=pump,
        cycle=settings.cycle,
    )
    weights = np.stack([weights for _, weights in layers])
    return np.asarray(settings.centres * (weights * kappa).sum(axis=1), np.complex128)
