"""Pulse sequences: the rate model in time, exact within each segment.

A sequence is a list of segments in which nothing changes (laser, microwave and field constant), and of
pulses that exchange two ground populations at once. Within a segment ``p(t) = exp(A t) p(0)`` and the
photons emitted by then are ``∫ e·p dt``; both come from one exponential of A with a counting row added.

A is a generator, so ``A + r`` with r its largest outflow has no negative element, and ``exp(A t)`` is a
series and then squares of non-negative matrices: no cancellation, however stiff (nanoseconds beside
milliseconds). After each squaring the columns are scaled to sum to one, which they do exactly in exact
arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import abridged, finite, non_negative
from labspin.physics.nv.rate_model import Populations, RateModel
from labspin.physics.nv.stretched import RateMixture

__all__ = [
    "Evolution",
    "PulseSegment",
    "RateSegment",
    "counting_propagator",
    "evolve",
    "propagate",
    "thermal_state",
]

FloatArray = NDArray[np.float64]

_TERMS = 18  # of the series at r·t ≤ 1/2: the next term is below 1e-22
_PAIRS = ((0, 1), (0, 2), (1, 2))


@dataclass(frozen=True, kw_only=True)
class RateSegment:
    """A time in which laser and microwave are constant.

    Raises
    ------
    ArgumentError
        A duration, pump or driving rate is negative or not finite.
    """

    duration: float  # s
    pump: float = 0.0  # 1/s, Ω
    driving: FloatArray | None = None  # 1/s, (3, 4): 0 ↔ lower, 0 ↔ upper, lower ↔ upper of each class

    def __post_init__(self) -> None:
        non_negative("duration", self.duration, unit="s")
        non_negative("pump", self.pump, unit="1/s")
        if self.driving is not None and non_negative("driving", self.driving, unit="1/s").shape != (3, 4):
            raise ArgumentError(f"driving: wanted shape (3, 4), got {np.shape(self.driving)}")


@dataclass(frozen=True, kw_only=True)
class PulseSegment:
    """A microwave pulse so short that only the pulse acts: populations of two ground states are exchanged.

    ``exchanged`` (3, 4) is the part exchanged for (0 ↔ lower, 0 ↔ upper, lower ↔ upper) of each class: 1
    for a perfect π pulse on a single line, `labspin.physics.nv.inversion_probability` for a real one.

    Raises
    ------
    ArgumentError
        The shape is not (3, 4), or a part lies outside 0…1.
    """

    exchanged: FloatArray

    def __post_init__(self) -> None:
        part = finite("exchanged", self.exchanged)
        if part.shape != (3, 4):
            raise ArgumentError(f"exchanged: wanted shape (3, 4), got {part.shape}")
        if ((part < 0) | (part > 1)).any():
            raise ArgumentError(f"exchanged: wanted parts in 0…1, got {part.min():g}…{part.max():g}")


@dataclass(frozen=True)
class Evolution:
    """What a sequence leaves behind; n = 7 levels, or 3 for direct pumping.

    With a mixture of relaxation rates the sub-ensembles stay apart in ``state``.
    """

    state: FloatArray  # (mixture, 4, n) populations at the end
    photons: FloatArray  # (segments, 4) photons of one centre of each class emitted in each segment

    __repr__ = abridged

    def mean_state(self, decay: RateMixture) -> FloatArray:
        """Return the populations (4, n) averaged over the mixture of relaxation rates.

        Parameters
        ----------
        decay
            The mixture with which the sequence was evolved.
        """
        return np.asarray(np.tensordot(decay.weights, self.state, 1))


def thermal_state(model: RateModel) -> FloatArray:
    """Return the populations (4, n) in thermal equilibrium, before any light.

    Parameters
    ----------
    model
        Rate model at a single field.
    """
    ground = np.moveaxis(model.equilibrium, 0, -1)
    _check_single(model)
    levels = model.generator(pump=np.zeros(4)).shape[-1]
    return np.concatenate([ground, np.zeros((4, levels - 3))], axis=-1)


def evolve(
    *,
    model: RateModel,
    segments: Sequence[RateSegment | PulseSegment],
    initial: ArrayLike | Populations | None = None,
    decay: RateMixture | None = None,
    relative_pump: ArrayLike = 1.0,
) -> Evolution:
    """Return where a sequence leads and how many photons each of its segments emits.

    Parameters
    ----------
    model
        A rate model at one field (batch axes (4,)).
    segments
        The sequence, in order.
    initial
        Populations (4, n) or (mixture, 4, n), a steady state, or None for thermal populations.
    decay
        Spread of relaxation rates, or None for one rate.
    relative_pump
        Pump of each class over Ω, scalar or (4,).

    Raises
    ------
    ArgumentError
        The model holds a batch of fields, or ``initial`` has another shape or negative values.
    """
    _check_single(model)
    mixture = decay or RateMixture(np.ones(1), np.ones(1))
    state = _initial_state(model, initial, mixture)
    factor = np.broadcast_to(non_negative("relative_pump", relative_pump), (4,))
    photons = np.zeros((len(segments), 4))
    for number, segment in enumerate(segments):
        if isinstance(segment, PulseSegment):
            state = _exchange(state, np.asarray(segment.exchanged, dtype=np.float64))
            continue
        generator, emission = _segment_generators(model, segment, mixture, factor)
        state, counts = propagate(
            generator=generator, emission=emission, duration=segment.duration, state=state
        )
        photons[number] = mixture.weights @ counts
    return Evolution(state, photons)


def _segment_generators(
    model: RateModel, segment: RateSegment, mixture: RateMixture, factor: FloatArray
) -> tuple[FloatArray, FloatArray]:
    pump = segment.pump * factor
    driving = None if segment.driving is None else np.asarray(segment.driving, dtype=np.float64)
    generators = [model.generator(pump=pump, driving=driving, scale=float(rate)) for rate in mixture.rates]
    return np.stack(generators), model.cycle.emission_row(pump=pump)


def _check_single(model: RateModel) -> None:
    if model.cross_rate.shape != (4,):
        raise ArgumentError(
            f"model: wanted a rate model at one field, got a batch of shape {model.cross_rate.shape[1:]}; "
            "make one model a field"
        )


def _initial_state(
    model: RateModel, initial: ArrayLike | Populations | None, mixture: RateMixture
) -> FloatArray:
    if initial is None:
        start = thermal_state(model)
    elif isinstance(initial, Populations):
        start = np.concatenate([initial.ground, initial.excited, initial.singlet[None]]).T
    else:
        start = non_negative("initial", initial)
    levels = thermal_state(model).shape[-1]
    start = start[..., :levels]
    shape = (mixture.rates.size, 4, levels)
    try:
        return np.array(np.broadcast_to(start, shape))
    except ValueError as error:
        raise ArgumentError(f"initial: wanted populations of shape {shape}, got {start.shape}") from error


def _exchange(state: FloatArray, part: FloatArray) -> FloatArray:
    """Exchange ground populations pairwise; the parts of one class must not act on the same state twice."""
    result = state.copy()
    for number, (i, j) in enumerate(_PAIRS):
        moved = part[number] * (result[..., j] - result[..., i])
        result[..., i] += moved
        result[..., j] -= moved
    return result


def propagate(
    *, generator: FloatArray, emission: FloatArray, duration: float, state: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return ``exp(A t) p`` and the photons ``∫ e·p dt`` emitted meanwhile.

    Parameters
    ----------
    generator
        A of shape (..., n, n): columns sum to zero, off-diagonal elements ≥ 0, 1/s.
    emission
        Photon rate of each level e, shape (..., n), 1/s.
    duration
        t in s.
    state
        p of shape (..., n).
    """
    matrix = counting_propagator(generator=generator, counters=emission[..., None, :], duration=duration)
    n = generator.shape[-1]
    return (matrix[..., :n, :n] @ state[..., None])[..., 0], (matrix[..., n, :n] * state).sum(axis=-1)


def counting_propagator(
    *, generator: FloatArray, counters: FloatArray, duration: float | FloatArray
) -> FloatArray:
    """Return ``exp(t [[A, 0], [C, 0]])`` of shape (..., n + m, n + m): see the module.

    Its first n rows take populations from the beginning to the end, its last m rows give ``∫ C p dt``.

    Parameters
    ----------
    generator
        A of shape (..., n, n), 1/s.
    counters
        C of shape (..., m, n): rates of what is counted, per unit of population.
    duration
        t in s, broadcast with the batch.
    """
    n, m = generator.shape[-1], counters.shape[-2]
    time = np.asarray(duration, dtype=np.float64)
    batch = np.broadcast_shapes(generator.shape[:-2], counters.shape[:-2], time.shape)
    outflow = np.max(-np.diagonal(generator, axis1=-2, axis2=-1), axis=-1, initial=0.0) * time
    squarings = max(0, int(np.ceil(np.log2(max(float(outflow.max()), 1e-300) * 2.0))))
    fraction = (time / 2.0**squarings)[..., None, None]
    shift = (outflow / 2.0**squarings)[..., None]
    shifted = np.zeros((*batch, n + m, n + m))
    shifted[..., :n, :n] = fraction * generator
    shifted[..., n:, :n] = fraction * counters
    diagonal = range(n + m)
    shifted[..., diagonal, diagonal] += shift
    term = np.broadcast_to(np.eye(n + m), shifted.shape)
    total = term.copy()
    for order in range(1, _TERMS + 1):
        term = term @ shifted / order
        total += term
    total *= np.exp(-shift)[..., None]
    for _ in range(squarings):
        total = total @ total
        total[..., :n, :n] /= total[..., :n, :n].sum(axis=-2, keepdims=True)
        total[..., n:, n:] = np.eye(m)
    return np.asarray(total)
