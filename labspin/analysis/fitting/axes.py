"""The one door through which units go: data come in any unit, models with physics in them compute in SI.

A model says in which unit it needs x and y (`labspin.analysis.FitModel.x_unit`); most need none. Data in
another unit of the same dimension are converted, data of another dimension are refused, and data whose unit
is not known are taken as they are. What is not a number, or one whose square a computer does not hold, does
not come through; a masked point is one that is not there.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from labspin.analysis.complex_numbers import real_view
from labspin.analysis.model import FitModel
from labspin.arrays import FloatArray, Numbers
from labspin.errors import FitError, UnitError
from labspin.units import conversion_factor

__all__ = ["Axes", "in_units_of"]

_LARGEST, _SMALLEST = 1e70, 1e-70
"""Sizes of data that can be fitted: squares of y/x and of x y are still numbers."""

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
        A unit of the wrong dimension, text in place of numbers, complex data for a model of real ones, or
        numbers beyond 1e±70.
    """
    by_x = _factor(model, axes[0], axes[1], model.x_unit)
    by_y = _factor(model, axes[2], axes[3], model.y_unit)
    points = np.asarray(_numbers(model, "x", x, by_x), np.float64)
    trace = _numbers(model, "y", y, by_y)
    errors = None if sigma is None else _numbers(model, "sigma", sigma, by_y)
    _check_sizes(model, {"x": points - _first(points), "y": trace, "sigma": errors})
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


def _numbers(model: FitModel, name: str, values: ArrayLike, factor: float) -> Numbers:
    """Return values as numbers of double precision, complex where they are, times a factor; NaN if masked."""
    mask = np.ma.getmaskarray(values) if np.ma.isMaskedArray(values) else None
    array = np.asarray(values)
    try:
        found: Numbers = array.astype(np.complex128 if np.iscomplexobj(array) else np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise FitError(
            f"model {model.name}: {name}: wanted numbers, got {array.dtype}; name a column of numbers"
        ) from error
    if np.iscomplexobj(found) and (name == "x" or not model.is_complex):
        raise FitError(
            f"model {model.name}: {name}: wanted real numbers, got complex ones; fit one part, the "
            "modulus, or by a complex model"
        )
    if factor != 1:
        found = np.multiply(found, factor)
    return found if mask is None or not mask.any() else np.where(mask, np.nan, found)


def _first(points: FloatArray) -> float:
    """Return a place on the axis, from which it is measured; 0 where there is none."""
    finite = points[np.isfinite(points)] if points.ndim < 2 else points[..., 0][np.isfinite(points[..., 0])]
    return float(finite[0]) if finite.size else 0.0


def _check_sizes(model: FitModel, data: Mapping[str, Numbers | None]) -> None:
    for name, values in data.items():
        if values is None or not values.size:
            continue
        parts = real_view(values)
        with np.errstate(invalid="ignore"):
            largest = max(np.max(parts, initial=0.0, where=np.isfinite(parts)),
                          -np.min(parts, initial=0.0, where=np.isfinite(parts)))  # fmt: skip
        if largest and not _SMALLEST < largest < _LARGEST:
            what = "a range of x" if name == "x" else name
            raise FitError(
                f"model {model.name}: wanted {what} between {_SMALLEST:g} and {_LARGEST:g}, whose squares a "
                f"computer holds, got {float(largest):.3g}; give it in another unit, or correct the data"
            )
