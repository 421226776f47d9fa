"""Saturation with background: a fit model with its guess and its derivatives.

The function is vectorised: parameters of shape (m, 1) give m curves at once. Without
derivatives the engines take differences, which is slower.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labspin.analysis import FitModel, Parameter

FloatArray = NDArray[np.float64]


def saturation(x: Any, rate: Any, saturation_power: Any, background: Any) -> Any:
    """Return ``rate·x/(x + saturation_power) + background·x``, in the unit of y.

    Parameters
    ----------
    x
        Power of the light, shape (n,).
    rate
        Rate at infinite power, unit of y.
    saturation_power
        Power at half of it, unit of x, > 0.
    background
        What grows with the power and does not saturate, unit of y over unit of x.
    """
    return rate * x / (x + saturation_power) + background * x


def derivatives(x: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the function, shape (..., n), and its derivatives, shape (..., 3, n).

    Parameters
    ----------
    x
        Shape (n,).
    values
        Values of the parameters in their order, shape (..., 3).
    """
    rate, power, background = np.moveaxis(values[..., None], -2, 0)
    part = x / (x + power)
    slopes = np.stack(np.broadcast_arrays(part, -rate * part / (x + power), x), axis=-2)
    return rate * part + background * x, slopes


def guess(x: FloatArray, y: FloatArray, weights: FloatArray | None) -> dict[str, Any]:
    """Return starting values: read from the data, never constants.

    Parameters
    ----------
    x, y
        Points, shape (n,).
    weights
        1/σ of the points, shape (n,), or None.
    """
    half = y.min() + 0.5 * (y.max() - y.min())
    return {"rate": y.max(), "saturation_power": x[np.argmin(np.abs(y - half))], "background": 0.0}


saturation_with_background = FitModel(
    name="saturation_with_background",
    equation="y = rate·x/(x + saturation_power) + background·x",
    source="an emitter whose excited state fills, and light that is not its own",
    parameters=(
        Parameter("rate", "y", "rate at infinite power"),
        Parameter("saturation_power", "x", "power at half of it", minimum=0),
        Parameter("background", "y/x", "what grows with the power and does not saturate"),
    ),
    function=saturation,
    guesser=guess,
    derivatives=derivatives,
)
