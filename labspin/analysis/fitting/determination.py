"""Which parameters the data do not determine, so that a fit holds them instead of quoting nonsense.

A width that runs to zero, a decay time that runs to infinity, the position of a dip of no depth: their
derivative vanishes, and what the inverse of the normal matrix says of them, and through correlations of the
others, is rounding. A parameter is held where it is

- where, all others held, a change as large as its reach moves the model by less than one standard deviation
  of the data: it is *invisible*;
- or where its standard error, correlations included, is many times its reach: the data see it only together
  with others, along a direction in which they see nothing (a small eigenvalue of the normal matrix, in units
  of the errors that each parameter would have alone).

The reach of a scale is its own value, that of a place the window, that of a phase a turn, that of what the
model is linear in (beside others only) the size of the data. One is held at a time, the one that goes
farthest beyond its reach, since the others are often determined as soon as it is. Their errors are those for
that value, as for a parameter that is at a bound.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.model import FitModel, FloatArray, Parameter
from labspin.arrays import Numbers

__all__ = ["inverse", "typical_sizes", "undetermined"]

_FAR = 10.0
"""Standard error of a scale, in its own values, beyond which it is held: the logarithm is out by ten."""
_LINEAR = ("y", "y/x", "x*y")
"""Units of parameters that models are linear in: they are held last."""
_SINGULAR = 1e13
"""Inverse of the scaled normal matrix beyond which a parameter is not determined (a condition number)."""


def undetermined(
    model: FitModel,
    free: NDArray[np.bool_],
    values: FloatArray,
    hessian: FloatArray,
    variance: FloatArray,
    x: FloatArray,
    height: FloatArray,
    held: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return which of the free parameters of each fit are held, shape (m, k): ``held`` and what is not seen.

    Parameters
    ----------
    model
        The model that was fitted.
    free
        Which parameters are fitted, shape (p,).
    values
        Where the fits ended, shape (m, p).
    hessian
        JᵀJ of the weighted model in the free parameters, shape (m, k, k).
    variance
        Variance of a weighted point, shape (m,).
    x
        Shape (n,) or (m, n).
    height
        Largest |y| of each trace, shape (m,).
    held
        Which stand at a bound, shape (m, k).
    """
    span = np.broadcast_to(np.ptp(x, axis=-1), len(values))
    of_free = [
        _reach(p, values[:, place], span, x.shape[-1], height)
        for place, p in enumerate(model.parameters)
        if free[place]
    ]
    if not of_free:
        return held
    reach, limit = np.stack([one[0] for one in of_free], axis=-1), np.array([one[1] for one in of_free])
    linear = np.array([p.unit in _LINEAR for p, fitted in zip(model.parameters, free, strict=True) if fitted])
    with np.errstate(all="ignore"):
        diagonal = np.diagonal(hessian, axis1=-2, axis2=-1)
        single = np.sqrt(variance[:, None] / diagonal) / reach
        found = np.asarray(held | (single > 1))
        rows = np.flatnonzero(np.isfinite(hessian).all((-1, -2)) & (diagonal > 0).any(-1))
        while rows.size:
            beyond = single[rows] * _enlarged(hessian[rows], found[rows]) / limit
            beyond[found[rows] | ~np.isfinite(beyond)] = 0.0
            others = (beyond > 1) & ~linear
            beyond[others.any(-1)[:, None] & linear] = 0.0
            worst = np.argmax(beyond, axis=-1)
            too_far = beyond[np.arange(rows.size), worst] > 1
            rows = rows[too_far]
            found[rows, worst[too_far]] = True
    return found


def _enlarged(hessian: FloatArray, held: NDArray[np.bool_]) -> FloatArray:
    """Return by how much correlations enlarge each error, shape (m, k); finite for singular matrices, too."""
    scaled = _scaled(hessian, held)[0]
    try:
        diagonal = np.diagonal(np.linalg.inv(scaled), axis1=-2, axis2=-1).astype(np.float64)
    except np.linalg.LinAlgError:
        diagonal = np.full(held.shape, np.nan)
    odd = ~((diagonal > 0) & (diagonal < _SINGULAR)).all(-1) & np.isfinite(scaled).all((-1, -2))
    if odd.any():
        size, across = np.linalg.eigh(scaled[odd])
        least = np.maximum(size, 1 / _SINGULAR)
        diagonal[odd] = np.einsum("mij,mj->mi", np.square(across), 1 / least)
    return np.sqrt(diagonal)


def inverse(hessian: FloatArray, held: NDArray[np.bool_]) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return the inverse of each matrix without the rows that are held, and whether it has one; else NaN.

    Parameters
    ----------
    hessian
        Shape (m, k, k), in any units.
    held
        Rows and columns to be left out, shape (m, k).

    Returns
    -------
    inverse, sound
        Shape (m, k, k), NaN in the rows and columns that are held; and (m,).
    """
    across = held[:, :, None] | held[:, None, :]
    with np.errstate(all="ignore"):
        scaled, scale = _scaled(hessian, held)
        sound = np.asarray(np.isfinite(scaled).all((-1, -2)))
        scaled[~sound] = np.eye(hessian.shape[-1])
        try:
            found = np.linalg.inv(scaled)
        except np.linalg.LinAlgError:
            found = np.linalg.pinv(scaled, hermitian=True)
            sound &= np.linalg.matrix_rank(scaled, hermitian=True) == hessian.shape[-1]
        diagonal = np.diagonal(found, axis1=-2, axis2=-1)
        sound &= ((diagonal > 0) & (diagonal < _SINGULAR)).all(-1)
        found *= scale[:, :, None] * scale[:, None, :]
        found[~sound] = np.nan
        found[across] = np.nan
    return np.asarray(found, np.float64), sound


def _scaled(hessian: FloatArray, held: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Return the matrices with rows of the identity where parameters are held, and a unit diagonal."""
    if held.any():
        hessian = np.where(held[:, :, None] | held[:, None, :], np.eye(held.shape[-1]), hessian)
    scale = 1 / np.sqrt(np.diagonal(hessian, axis1=-2, axis2=-1))
    return hessian * (scale[:, :, None] * scale[:, None, :]), scale


def _reach(
    parameter: Parameter, value: FloatArray, span: FloatArray, points: int, height: FloatArray
) -> tuple[FloatArray, float]:
    """Return a change of a parameter that data must show if they know it at all, and how often it may be it.

    The first number is infinite where the model is linear in it, or where nothing is known: its error alone
    never vanishes. The second is of the error with correlations; those of linear ones count from the data.
    """
    width = parameter.maximum - parameter.minimum
    if parameter.is_scale:
        by_value = np.abs(value)
        return (by_value, _FAR) if not math.isfinite(width) else (np.minimum(by_value, width), _FAR)
    with np.errstate(divide="ignore"):
        linear = {"y": height, "y/x": height / span, "x*y": height * span}
        others = {"x": span, "1/x": points / span, "cycles/x": points / span}
        others["rad"] = np.full_like(value, 2 * math.pi)
    if parameter.unit in linear:
        return np.maximum(linear[parameter.unit], np.abs(value)), _FAR
    if parameter.unit in others:
        return np.broadcast_to(others[parameter.unit], value.shape), 1.0
    return np.full_like(value, width), 1.0


def typical_sizes(model: FitModel, x: FloatArray, y: Numbers) -> FloatArray:
    """Return a size for each parameter, from its unit and the data, shape (p,); 1e-9 where there is none.

    Parameters
    ----------
    model
        Its parameters say in their units how they go with x and y.
    x, y
        The data, any shape; y may be complex.
    """
    across = float(np.ptp(x)) or 1.0
    high = float(np.max(np.abs(y), initial=0.0)) or 1.0
    known = {"x": across, "y": high, "1/x": 1 / across, "cycles/x": 1 / across}
    known |= {"y/x": high / across, "x*y": high * across, "rad": 1.0}
    return np.array([known.get(parameter.unit, 1e-9) for parameter in model.parameters])
