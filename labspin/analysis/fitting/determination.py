"""Which parameters the data cannot see at all, so that a fit holds them instead of quoting nonsense.

A width that runs to zero, a decay time that runs to infinity, the position of a dip of no depth: their
derivative vanishes, and what the inverse of the normal matrix says of them, and through correlations of the
others, is rounding. A parameter is *invisible* where, all others held, a change as large as its reach moves
the model by less than one standard deviation of the data. It is then held where it is; the errors of the
others are those for that value, as for a parameter that stands at a bound.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.model import FitModel, FloatArray, Parameter

__all__ = ["invisible", "typical_sizes"]


def invisible(
    model: FitModel,
    free: NDArray[np.bool_],
    values: FloatArray,
    hessian: FloatArray,
    variance: FloatArray,
    x: FloatArray,
) -> NDArray[np.bool_]:
    """Return which of the free parameters of each fit the data cannot see, shape (m, k).

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
        Of a weighted point, shape (m,).
    x
        Shape (n,) or (m, n).
    """
    span = np.ptp(x, axis=-1)
    reaches = [
        np.broadcast_to(_reach(p, values[:, place], span, x.shape[-1]), len(values))
        for place, p in enumerate(model.parameters)
        if free[place]
    ]
    with np.errstate(all="ignore"):
        diagonal = np.diagonal(hessian, axis1=-2, axis2=-1)
        single = np.sqrt(variance[:, None] / diagonal)
        return np.asarray(single > np.stack(reaches, axis=-1)) if reaches else np.zeros(diagonal.shape, bool)


def _reach(parameter: Parameter, value: FloatArray, span: FloatArray, points: int) -> FloatArray | float:
    """Return a change of a parameter that data must show if they know it at all; infinite where none is."""
    if parameter.unit in ("y", "x*y", "y/x"):
        return math.inf  # the model is linear in it: its error never vanishes
    if parameter.is_scale:
        return np.abs(value)
    if parameter.unit == "x":
        return span
    if parameter.unit == "rad":
        return 2 * math.pi
    if parameter.unit in ("1/x", "cycles/x"):
        with np.errstate(divide="ignore"):
            return points / span
    width = parameter.maximum - parameter.minimum
    return width if math.isfinite(width) else math.inf


def typical_sizes(model: FitModel, x: FloatArray, y: FloatArray) -> FloatArray:
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
