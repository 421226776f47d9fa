"""How a signal saturates with the power that drives it: light of a defect, contrast, a transition rate.

=========== ===========================================================
argument    meaning
=========== ===========================================================
amplitude   signal at infinite power, above the offset
saturation  power (or intensity) at which half of it is reached, I_sat
slope       background that is linear in the power, held at 0 unless freed
offset      signal without power
=========== ===========================================================
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from labspin.analysis.model import FitModel, FloatArray, Parameter, Value, columns, fill_derivatives
from labspin.analysis.models.guesses import decay_times, separable_grid, thinned

__all__ = ["SATURATION", "saturation_curve"]


def saturation_curve(
    x: ArrayLike, amplitude: Value, saturation: Value, offset: Value, slope: Value = 0.0
) -> FloatArray:
    """Return offset + amplitude·x/(x + saturation) + slope·x.

    Parameters
    ----------
    x
        Power or intensity, not negative; below 0 it counts as 0.
    amplitude, offset
        Signal at infinite power above the offset, and offset, in the unit of y.
    saturation
        Power at which half of the amplitude is reached, in the unit of x.
    slope
        Slope of a background that is linear in x, unit of y over unit of x.

    Returns
    -------
    y
        Shape to which all arguments broadcast.
    """
    x = np.maximum(np.asarray(x, np.float64), 0)
    return offset + amplitude * (x / (x + saturation)) + slope * x


def _derivatives(x: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    amplitude, saturation, offset, slope = columns(values)
    x = np.maximum(x, 0)
    part = x / (x + saturation)
    y = offset + amplitude * part + slope * x
    return y, fill_derivatives(y, [part, -amplitude * part / (x + saturation), 1.0, x + 0.0 * y])


def _guess(x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, Value]:
    x, y, weights = thinned(x, y, weights)
    powers = decay_times(x, 40)
    clipped = np.maximum(x, 0)
    node, amplitude, offset = separable_grid(clipped / (clipped + powers[:, None]), y, weights)
    zero = np.zeros(np.shape(node))
    return {"amplitude": amplitude, "saturation": powers[node], "offset": offset, "slope": zero}


SATURATION = FitModel(
    name="saturation",
    equation="y = offset + amplitude x/(x + saturation) + slope x",
    source="two-level system driven at a rate that is linear in the power; Kurtsiefer et al., "
    "PRL 85, 290 (2000)",
    parameters=(
        Parameter("amplitude", "y", "signal at infinite power"),
        Parameter("saturation", "x", "power at half of it, I_sat", minimum=0),
        Parameter("offset", "y", "signal without power"),
        Parameter("slope", "y/x", "background that is linear in the power", value=0.0),
    ),
    function=saturation_curve,
    guesser=_guess,
    derivatives=_derivatives,
    batch_guess=True,
)
