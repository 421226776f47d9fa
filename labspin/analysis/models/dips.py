"""Dips (or peaks) of Gaussian or Lorentzian shape on a constant or sloping background, as one flat function.

========= ============================================================
argument  meaning
========= ============================================================
center_k  position of dip k
width_k   its full width at half maximum
depth_k   its depth; negative for a peak
offset    background (at the first dip, where the background slopes)
slope     slope of the background
========= ============================================================

A flat function of all dips is fitted six to twelve times faster than a sum of single-peak models, and its
starting values come from the spectrum as a whole: dips are placed one after another where they explain most
(orthogonal matching pursuit), all depths being solved anew each time; then the one that explains least is
placed anew, or splits another in two, as long as that helps (`labspin.analysis.minimiser.exchange`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from labspin.analysis.minimiser.exchange import Spectra, exchange_dips
from labspin.analysis.model import FitModel, FloatArray, Parameter
from labspin.analysis.models.pursuit import dip_nodes, place_dips
from labspin.errors import RecipeError

__all__ = ["MAX_DIPS", "gaussian_dips", "lorentzian_dips"]

MAX_DIPS = 24
_FOUR_LN2 = 4 * np.log(2)


class Shape(NamedTuple):
    """A dip of height and width one: value at z, slope from z and value."""

    value: Callable[[FloatArray], FloatArray]
    slope: Callable[[FloatArray, FloatArray], FloatArray]


_LORENTZIAN = Shape(
    value=lambda z: 1 / (1 + 4 * np.square(z)),
    slope=lambda z, value: -8 * z * np.square(value),
)
_GAUSSIAN = Shape(
    value=lambda z: np.exp(-_FOUR_LN2 * np.square(z)),
    slope=lambda z, value: (-2 * _FOUR_LN2) * z * value,
)


def lorentzian_dips(*, count: int = 1, background: str = "constant", mixed: bool = False) -> FitModel:
    """Return a model of ``count`` Lorentzian dips on a ``"constant"`` background or a ``"line"``.

    ``mixed``: dips and peaks may stand in one spectrum.

    Raises
    ------
    RecipeError
        A count outside 1 to 24, or an unknown background.
    """
    return _dips(
        "lorentzian_dips", "depth_k/(1 + (2 (x − center_k)/width_k)²)", _LORENTZIAN, count, background, mixed
    )


def gaussian_dips(*, count: int = 1, background: str = "constant", mixed: bool = False) -> FitModel:
    """Return a model of ``count`` Gaussian dips on a ``"constant"`` background or a ``"line"``.

    ``mixed``: dips and peaks may stand in one spectrum.

    Raises
    ------
    RecipeError
        A count outside 1 to 24, or an unknown background.
    """
    return _dips(
        "gaussian_dips", "depth_k exp(−4 ln 2 (x − center_k)²/width_k²)", _GAUSSIAN, count, background, mixed
    )


def _dips(name: str, term: str, shape: Shape, count: int, background: str, mixed: bool) -> FitModel:
    if type(count) is not int or not 1 <= count <= MAX_DIPS:
        raise RecipeError(f"model {name}: wanted a count of 1 to {MAX_DIPS} dips, got {count!r}")
    if background not in ("constant", "line"):
        raise RecipeError(f"model {name}: wanted the background 'constant' or 'line', got {background!r}")
    sloping = background == "line"
    parameters = _parameters(count, sloping)
    names = [parameter.name for parameter in parameters]

    def derivatives(x: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        return _evaluate(shape, count, sloping, x, values)

    def function(x: Any, *values: Any) -> Any:
        x = np.asarray(x, np.float64)
        y = values[3 * count] + (values[-1] * (x - values[0]) if sloping else 0.0)
        for center, width, depth in zip(values[:count], values[count:], values[2 * count :], strict=False):
            y = y - depth * shape.value((x - center) / width)
        return y

    def guesser(x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, Any]:
        del weights
        spectra = np.atleast_2d(y)
        placed = place_dips(x, spectra, count, shape.value, line=sloping, mixed=mixed)
        values = _joined(placed, sloping)
        if count > 1:
            made_of = Spectra(shape.value, derivatives, count, sloping, mixed)
            values = exchange_dips(made_of, x, spectra, values, dip_nodes(x, count))
        return dict(zip(names, np.moveaxis(values.reshape(*y.shape[:-1], -1), -1, 0), strict=True))

    line = " + slope (x − center_1)" if sloping else ""
    return FitModel(
        name=name,
        equation=f"y = offset{line} − Σ {term}, k = 1 … {count}",
        source="optically detected magnetic resonance: one line a transition",
        parameters=parameters,
        function=function,
        guesser=guesser,
        derivatives=derivatives,
        batch_guess=True,
        options={"count": count, "background": background, "mixed": mixed},
    )


def _evaluate(
    shape: Shape, count: int, sloping: bool, x: FloatArray, values: FloatArray
) -> tuple[FloatArray, FloatArray]:
    center, width, depth = (values[..., k * count : (k + 1) * count, None] for k in range(3))
    points = x[..., None, :]
    inverse = 1 / width
    z = (points - center) * inverse
    dip = shape.value(z)
    slope_of_dip = shape.slope(z, dip)
    lead = np.broadcast_shapes(values.shape[:-1], x.shape[:-1])
    jacobian = np.empty((*lead, values.shape[-1], x.shape[-1]))
    by_center = jacobian[..., :count, :]
    np.multiply(slope_of_dip, depth * inverse, out=by_center)
    np.multiply(by_center, z, out=jacobian[..., count : 2 * count, :])
    np.negative(dip, out=jacobian[..., 2 * count : 3 * count, :])
    jacobian[..., 3 * count, :] = 1.0
    y = values[..., 3 * count, None] - np.matmul(np.swapaxes(depth, -1, -2), dip)[..., 0, :]
    if sloping:
        slope = values[..., -1, None]
        distance = x - values[..., 0, None]
        y = y + slope * distance
        jacobian[..., -1, :] = distance
        jacobian[..., 0, :] -= slope
    return y, jacobian


def _joined(found: tuple[FloatArray, ...], sloping: bool) -> FloatArray:
    """Return what `place_dips` found as parameters (m, p): the background counts from the first dip."""
    centers, widths, depths, offset, slope = found
    background = [offset + slope * centers[:, 0], slope] if sloping else [offset]
    return np.concatenate([centers, widths, depths, np.stack(background, axis=1)], axis=1)


def _parameters(count: int, sloping: bool) -> tuple[Parameter, ...]:
    numbers = range(1, count + 1)
    return (
        *(Parameter(f"center_{k}", "x", f"position of dip {k}") for k in numbers),
        *(Parameter(f"width_{k}", "x", f"full width at half maximum of dip {k}", minimum=0) for k in numbers),
        *(Parameter(f"depth_{k}", "y", f"depth of dip {k}") for k in numbers),
        Parameter("offset", "y", "background"),
        *((Parameter("slope", "y/x", "slope of the background"),) if sloping else ()),
    )
