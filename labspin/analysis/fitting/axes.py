"""The one door through which units go: data come in any unit, models with physics in them compute in SI.

A model says in which unit it needs x and y (`labspin.analysis.FitModel.x_unit`); most need none. Data in
another unit of the same dimension are converted, data of another dimension are refused, and data whose unit
is not known are taken as they are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from labspin.analysis.model import FitModel
from labspin.arrays import FloatArray, Numbers
from labspin.errors import FitError, UnitError
from labspin.units import conversion_factor

__all__ = ["Axes", "in_units_of"]

Axes = tuple[str, str, str, str]
"""Name and unit of x, name and unit of y."""


def in_units_of(
    model: FitModel, x: ArrayLike, y: ArrayLike, sigma: ArrayLike | None, axes: Axes
) -> tuple[FloatArray, Numbers, Numbers | None, Axes]:
    """Return data and axes in the units that ``model`` needs.

    Parameters
    ----------
    model
        Says which units.
    x, y, sigma
        The data in the units of ``axes``.
    axes
        Name and unit of x, name and unit of y.

    Returns
    -------
    x, y, sigma and axes, in the units of the model.

    Raises
    ------
    FitError
        A unit of the wrong dimension.
    """
    by_x = _factor(model, axes[0], axes[1], model.x_unit)
    by_y = _factor(model, axes[2], axes[3], model.y_unit)
    points, trace = np.asarray(x), np.asarray(y)
    errors = None if sigma is None else np.asarray(sigma)
    if by_x != 1:
        points = points * by_x
    if by_y != 1:
        trace = trace * by_y
        errors = None if errors is None else errors * by_y
    units = (model.x_unit or axes[1], model.y_unit or axes[3])
    return points, trace, errors, (axes[0], units[0], axes[2], units[1])


def _factor(model: FitModel, name: str, unit: str, wanted: str) -> float:
    if not wanted or unit in ("", "1", wanted):
        return 1.0
    try:
        return conversion_factor(unit, wanted)
    except UnitError as error:
        raise FitError(
            f"model {model.name}: wanted {name} in {wanted}, or another unit of its dimension, got {unit!r}; "
            "name the right column, or correct its unit"
        ) from error
