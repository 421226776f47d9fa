"""Which observed line is which: the common part of the inverse problems.

Observed lines come unordered, with uncertainties, and possibly fewer than the eight of the model (classes
may coincide, lines may lie outside of the sweep). Sorted lines are matched in order: the subset of the
model's lines with the smallest χ² follows from dynamic programming over (observed, computed) pairs, for all
candidates at once. The refinement is a Levenberg–Marquardt step on many candidates at once, with exact
derivatives (Hellmann–Feynman): ``∂ω/∂B = γe (<S>_b − <S>_0)``, ``∂ω/∂D`` = the difference of the weights on
|±1>.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import abridged, positive
from labspin.physics.nv.geometry import CLASS_FRAMES
from labspin.physics.nv.records import NVCentre
from labspin.physics.nv.spin_one import spin_one_states

__all__ = ["LineModel", "checked_lines", "line_model", "match_lines", "match_score"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


@dataclass(frozen=True)
class LineModel:
    """All eight lines at fields in the crystal; line 2c is the lower, 2c + 1 the upper branch of class c."""

    frequency: FloatArray  # (..., 8) rad/s
    field_slope: FloatArray  # (..., 8, 3) rad/s per T, crystal frame
    splitting_slope: FloatArray  # (..., 8) of D

    __repr__ = abridged


def line_model(*, field: FloatArray, centre: NVCentre, splitting: FloatArray | None = None) -> LineModel:
    """Return the lines of the four classes and their derivatives.

    Frequencies over D depend on B/D and E/D only, so another D is another scale; E is scaled with it.

    Parameters
    ----------
    field
        B in the crystal frame, shape (..., 3), T.
    centre
        The constants.
    splitting
        D that replaces the one of ``centre``, shape (...), rad/s; None to keep it.
    """
    larmor = centre.gyromagnetic_ratio * np.einsum("ckl,...l->kc...", CLASS_FRAMES, field)
    ratio = np.ones(field.shape[:-1]) if splitting is None else splitting / centre.zero_field_splitting
    states = spin_one_states(
        splitting=centre.zero_field_splitting, strain=centre.strain, field=larmor / ratio
    )
    difference = (states.energies[1:] - states.energies[0]) * ratio
    sign = np.sign(difference)
    spin = sign[:, None] * (states.spin[1:] - states.spin[0])
    slope = centre.gyromagnetic_ratio * np.einsum("ckl,bkc...->cb...l", CLASS_FRAMES, spin)
    weight = sign * (states.zero_weight[0] - states.zero_weight[1:])
    batch = field.shape[:-1]
    frequency = np.moveaxis(np.abs(difference), (0, 1), (-1, -2)).reshape(*batch, 8)
    return LineModel(
        frequency,
        np.moveaxis(slope, (0, 1), (-3, -2)).reshape(*batch, 8, 3),
        np.moveaxis(weight, (0, 1), (-1, -2)).reshape(*batch, 8),
    )


def checked_lines(name: str, lines: ArrayLike, uncertainty: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return observed lines sorted, with their uncertainties, both (m,) in rad/s.

    Parameters
    ----------
    name
        Name of the argument, for the error message.
    lines
        One to eight line frequencies, shape (m,), rad/s, > 0.
    uncertainty
        Standard error of each, shape (m,), or one value for all, rad/s, > 0.
    """
    frequency = positive(name, lines, unit="rad/s")
    sigma = positive("uncertainty", uncertainty, unit="rad/s")
    if frequency.ndim != 1 or not 1 <= frequency.size <= 8:
        raise ArgumentError(f"{name}: wanted one to eight line frequencies, got shape {frequency.shape}")
    if sigma.shape not in ((), frequency.shape):
        raise ArgumentError(f"uncertainty: wanted one value or one a line, got shape {sigma.shape}")
    order = np.argsort(frequency)
    return frequency[order], np.broadcast_to(sigma, frequency.shape)[order]


def match_score(observed: FloatArray, sigma: FloatArray, computed: FloatArray) -> FloatArray:
    """Return the smallest χ² (...) of matching the observed lines to a subset of the computed ones.

    Parameters
    ----------
    observed
        Observed lines, shape (m,), ascending, rad/s.
    sigma
        Their uncertainties, shape (m,), rad/s.
    computed
        Computed lines, shape (..., 8), in any order, rad/s.
    """
    ordered = np.sort(computed, axis=-1)
    best = np.zeros((*ordered.shape[:-1], ordered.shape[-1] + 1))  # [..., j]: with the first j computed
    for line, width in zip(observed, sigma, strict=True):
        cost = best[..., :-1] + ((ordered - line) / width) ** 2
        best = np.concatenate(
            [np.full((*cost.shape[:-1], 1), np.inf), np.minimum.accumulate(cost, axis=-1)], axis=-1
        )
    return np.asarray(best[..., -1])


def match_lines(observed: FloatArray, sigma: FloatArray, computed: FloatArray) -> IntArray:
    """Return which computed line each observed one is, shape (n, m), as `match_score` assigns them.

    Parameters
    ----------
    observed
        Observed lines, shape (m,), ascending, rad/s.
    sigma
        Their uncertainties, shape (m,), rad/s.
    computed
        Computed lines, shape (n, 8), in any order, rad/s.

    Returns
    -------
    IntArray
        Indices along the last axis of ``computed``.
    """
    order = np.argsort(computed, axis=-1)
    ordered = np.take_along_axis(computed, order, axis=-1)
    n, size = ordered.shape
    best = np.zeros((n, size + 1))
    choices = []
    for line, width in zip(observed, sigma, strict=True):
        cost = best[:, :-1] + ((ordered - line) / width) ** 2
        lowest = np.minimum.accumulate(cost, axis=-1)
        improved = np.where(cost <= lowest, np.arange(size), 0)
        choices.append(np.maximum.accumulate(improved, axis=-1))
        best = np.concatenate([np.full((n, 1), np.inf), lowest], axis=-1)
    found = np.empty((n, observed.size), dtype=np.intp)
    last = np.full(n, size - 1)
    for row in range(observed.size - 1, -1, -1):
        chosen = choices[row][np.arange(n), last]
        found[:, row] = chosen
        last = np.maximum(chosen - 1, 0)
    return np.take_along_axis(order, found, axis=-1)
