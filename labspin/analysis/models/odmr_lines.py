"""The eight lines of many fields at once, and how they move with field, splitting and strain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from labspin.analysis.model import FloatArray

__all__ = ["frequencies_of_many", "frequency_slopes"]

_TURN = 2 * np.pi
_TESLA = 0.1
"""The field that counts about as much as D."""
_STEP = 1e-4
"""Step of differences beside the splitting, 10 µT: rounding and truncation are then below 1e-9."""
_FOURTH = ((1.0, 2 / 3), (-1.0, -2 / 3), (2.0, -1 / 12), (-2.0, 1 / 12))
"""Steps and weights of differences of fourth order."""


def frequencies_of_many(B: FloatArray, D: FloatArray, E: FloatArray) -> FloatArray:
    """Return the lines (lower, upper of each class), shape (m, 8), Hz; NaN where there is no such centre.

    The Hamiltonian is of one degree in B, D and E, so that fields with one E/D share a call. A minimiser
    tries what it likes: what is not finite, or a strain beyond D, has no lines and is no error.

    Parameters
    ----------
    B
        Fields in the frame of the crystal, T, shape (m, 3).
    D, E
        Zero-field splitting and strain over 2π, Hz, shape (m,).
    """
    from labspin.physics.nv import NV_CENTRE, transition_frequencies

    unit = NV_CENTRE.zero_field_splitting / _TURN
    found = np.full((len(B), 8), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        strains = np.where((np.abs(E) < D) & np.isfinite(B).all(-1), E / D * unit, np.nan)
    for strain in np.unique(strains[np.isfinite(strains)]):
        rows = strains == strain
        centre = replace(NV_CENTRE, strain=_TURN * float(strain))
        scaled = transition_frequencies(field=B[rows] * (unit / D[rows])[:, None], centre=centre)
        found[rows] = np.asarray(scaled).reshape(-1, 8) / _TURN * (D[rows] / unit)[:, None]
    return found


def frequency_slopes(B: FloatArray, D: FloatArray, E: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the lines (m, 8) in Hz, and their derivatives by B_x, B_y, B_z, D and E, (m, 8, 5).

    Parameters
    ----------
    B
        Fields in the frame of the crystal, T, shape (m, 3).
    D, E
        Zero-field splitting and strain over 2π, Hz, shape (m,).
    """
    D = np.where(np.abs(E) < D, D, np.nan)
    field_step, strain_step = _STEP * _TESLA, 0.5 * _STEP * D
    shifted = [B] + [B + step * field_step * np.eye(3)[axis] for axis in range(3) for step, _ in _FOURTH]
    many = np.concatenate(shifted)
    lines = frequencies_of_many(many, np.tile(D, len(shifted)), np.tile(E, len(shifted)))
    lines = lines.reshape(len(shifted), len(B), 8)
    slopes = np.zeros((len(B), 8, 5))
    for place, (step, weight) in enumerate(_FOURTH):
        for axis in range(3):
            slopes[:, :, axis] += weight / field_step * lines[1 + len(_FOURTH) * axis + place]
        slopes[:, :, 4] += weight / strain_step[:, None] * frequencies_of_many(B, D, E + step * strain_step)
    along = np.einsum("mkj,mj->mk", slopes[:, :, :3], B) + slopes[:, :, 4] * E[:, None]
    slopes[:, :, 3] = (lines[0] - along) / D[:, None]
    return lines[0], slopes
