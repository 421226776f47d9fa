"""Photons of centres that a pulse pattern pumps, in its periodic steady state."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labspin.physics.arguments import FloatArray
from labspin.twin.inputs import Pattern

__all__ = ["cuts_of", "photons_of", "steps_of"]

_CLOSE = 1e-15  # s; times closer than this are one


def photons_of(maps: FloatArray) -> FloatArray:
    """Return photons of one centre at every depth in every interval, in the steady state, (n, depths).

    Parameters
    ----------
    maps
        Maps of six levels and what they have emitted, over each interval, shape (n, depths, 7, 7).
    """
    period = np.broadcast_to(np.eye(6), (maps.shape[1], 6, 6))
    for one in maps:
        period = one[:, :6, :6] @ period
    # Columns of the period sum to one: adding a constant row makes 1 − P regular and fixes the sum.
    regular = np.eye(6) - period + 1.0 / 6
    state = np.linalg.solve(regular, np.full((maps.shape[1], 6, 1), 1.0 / 6))
    counted = np.empty(maps.shape[:2])
    for index, one in enumerate(maps):
        counted[index] = (one[:, 6:, :6] @ state)[:, 0, 0]
        state = one[:, :6, :6] @ state
    return counted


def steps_of(pattern: Pattern, cuts: FloatArray) -> NDArray[np.intp]:
    """Return which step of the pattern each interval between cuts lies in.

    Parameters
    ----------
    pattern
        What is played.
    cuts
        Times, s, ascending.
    """
    steps = np.searchsorted(pattern.boundaries, 0.5 * (cuts[:-1] + cuts[1:]), side="right") - 1
    return np.minimum(steps, pattern.durations.size - 1)


def cuts_of(pattern: Pattern, windows: FloatArray) -> FloatArray:
    """Return the times at which the pattern or a window changes, s.

    Parameters
    ----------
    pattern
        What is played.
    windows
        Start and stop of each, s, shape (m, 2).
    """
    cuts = np.unique(np.concatenate([pattern.boundaries, np.clip(windows.ravel(), 0.0, pattern.period)]))
    return cuts[np.concatenate(([True], np.diff(cuts) > _CLOSE))]
