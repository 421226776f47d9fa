"""Spin waves at the places of simulated centres, interpolated in the distance.

A mount that drifts asks at ever new distances, and each is an integral over spin waves. So the integrals are
done at a few distances around, and kept: within 5 % of the distance a polynomial through six of them is as
good as they are. They are done where light or cantilever is looked at, and not before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from labspin.physics.arguments import FloatArray
from labspin.physics.spinwaves import (
    ParamagneticSpin,
    SpinWaveBath,
    magnon_occupation,
    misaligned_rates,
    spin_wave_bath,
    transition_frequencies,
)
from labspin.twin.samples.film_settings import FilmSettings, depths_of

__all__ = ["Place", "place_at"]

_REMEMBERED = 512  # fields and stretches of distances that are kept
_STRETCH = 0.05  # of ln(distance)
_NODES = np.cos(np.pi * (np.arange(6) + 0.5) / 6)


@dataclass(frozen=True)
class Place:
    """The centres at one distance and field: one entry an depth."""

    field: float  # T
    depths: FloatArray  # m from the film
    weights: FloatArray  # share of the centres, sum 1
    bath: SpinWaveBath
    spin: ParamagneticSpin  # with the rate across of axes that are tilted
    temperature: float  # K


def place_at(settings: FilmSettings, field: float, nearest: float) -> Place:
    """Return the centres at a field and a distance.

    Parameters
    ----------
    settings
        The film and the centres.
    field
        μ0H0, T.
    nearest
        Distance of the nearest centre from the film, m.
    """
    stretch = math.floor(math.log(nearest) / _STRETCH)
    spot = 2 * (math.log(nearest) / _STRETCH - stretch) - 1
    depths, weights = depths_of(nearest, settings.layer_thickness)
    shares = _shares(spot)
    bath, across = _bath_near(settings, field, stretch)
    extra = settings.spin.double_quantum_rate + float(weights @ (shares @ across))
    spin = replace(settings.spin, double_quantum_rate=extra)
    return Place(field, depths, weights, bath.between(shares), spin, settings.temperature)


@lru_cache(maxsize=_REMEMBERED)
def _bath_near(settings: FilmSettings, field: float, stretch: int) -> tuple[SpinWaveBath, FloatArray]:
    """Return the spin waves at the nodes of a stretch of distances, (nodes, depths), and |-> <-> |+> by them.

    Of centres out of the plane rates and lines are their own, gradients (of the force) those in the plane.
    """
    nearest = np.exp(_STRETCH * (stretch + 0.5 * (_NODES + 1)))
    distance = np.stack([depths_of(spot, settings.layer_thickness)[0] for spot in nearest])
    bath = spin_wave_bath(
        film=settings.film,
        spin=settings.spin,
        distance=distance,
        field=field,
        temperature=settings.temperature,
    )
    if settings.field_elevation == 0 and settings.axis_tilt == 0:
        return bath, np.zeros_like(bath.decay_minus)
    along = settings.field_elevation + settings.axis_tilt
    axis = (math.sin(along), 0.0, math.cos(along))
    found = misaligned_rates(
        film=settings.film,
        spin=settings.spin,
        distance=distance,
        field=field,
        temperature=settings.temperature,
        elevation=settings.field_elevation,
        axis=axis,
        rtol=1e-4,
    )
    aligned = transition_frequencies(spin=settings.spin, field=field)
    emitted, taken = _exchange(found.lower, found.lower_rate, settings.temperature)
    emitted_plus, taken_plus = _exchange(found.upper, found.upper_rate, settings.temperature)
    tilted = replace(
        bath,
        decay_minus=emitted,
        absorption_minus=taken,
        shift_minus=bath.shift_minus + found.lower - aligned[0],
        decay_plus=emitted_plus,
        absorption_plus=taken_plus,
        shift_plus=bath.shift_plus + found.upper - aligned[1],
    )
    return tilted, found.across_rate


def _exchange(line: float, rate: FloatArray, temperature: float) -> tuple[FloatArray, FloatArray]:
    """Return decay and absorption rates (1/s) of a line (rad/s) whose populations relax at ``rate`` (1/s)."""
    number = magnon_occupation(frequency=line, temperature=temperature)
    return 2 * rate * (number + 1) / (2 * number + 1), 2 * rate * number / (2 * number + 1)


def _shares(spot: float) -> FloatArray:
    """Return what each node contributes to the polynomial through all at a place from −1 to 1."""
    apart = spot - _NODES
    others = np.where(np.eye(_NODES.size, dtype=bool), 1.0, _NODES[:, None] - _NODES)
    numerators = np.array([np.delete(apart, at).prod() for at in range(_NODES.size)])
    return np.asarray(numerators / others.prod(axis=1))
