"""Lines seen by a lock-in whose frequency is modulated: the derivative of dips, one or several.

=========== =====================================================================
argument    meaning
=========== =====================================================================
center_k    position of line k, where the signal goes through its offset
width_k     full width at half maximum of the line whose derivative is seen
height_k    half of the peak-to-peak signal; positive where it rises through the centre (a dip)
offset      signal off resonance
=========== =====================================================================

A small modulation of depth δ turns y(x) into δ dy/dx at its first harmonic. The derivative of a dip has two
lobes; in units z = (x − center)/width they stand at ±1/√12 = ±0.289 for a Lorentzian line and at
±1/√(8 ln 2) = ±0.425 for a Gaussian one. A modulation that is not small against the width widens the lobes;
no model here corrects that.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from labspin.analysis.model import FitModel, FloatArray, Parameter, Value
from labspin.analysis.models.condensed import LONGEST, condensed
from labspin.analysis.models.guesses import line_limits, separable_grid
from labspin.errors import RecipeError

__all__ = ["gaussian_derivative", "lorentzian_derivative"]

_MOST = 12
_FOUR_LN2 = 4 * math.log(2)
_LORENTZIAN_PEAK = 32 * math.sqrt(3) / 9
"""Makes 1 of the largest z/(1 + 4z²)², that at z = 1/√12."""
_GAUSSIAN_PEAK = math.sqrt(2 * _FOUR_LN2 * math.e)


class _Shape(NamedTuple):
    """Derivative of a line of width one, its lobes at ±1; and its slope."""

    value: Callable[[FloatArray], FloatArray]
    slope: Callable[[FloatArray], FloatArray]


def _lorentzian(z: FloatArray) -> FloatArray:
    return np.asarray(_LORENTZIAN_PEAK * z / np.square(1 + 4 * np.square(z)))


def _lorentzian_slope(z: FloatArray) -> FloatArray:
    square = 4 * np.square(z)
    return np.asarray(_LORENTZIAN_PEAK * (1 - 3 * square) / (1 + square) ** 3)


def _gaussian(z: FloatArray) -> FloatArray:
    return np.asarray(_GAUSSIAN_PEAK * z * np.exp(-_FOUR_LN2 * np.square(z)))


def _gaussian_slope(z: FloatArray) -> FloatArray:
    square = _FOUR_LN2 * np.square(z)
    return np.asarray(_GAUSSIAN_PEAK * (1 - 2 * square) * np.exp(-square))


def lorentzian_derivative(*, count: int = 1) -> FitModel:
    """Return a model of derivatives of Lorentzian lines: y = offset + Σ height d((x − center)/width).

    d(z) = (32√3/9) z/(1 + 4z²)², with lobes of height ±1 at z = ±1/√12.

    Parameters
    ----------
    count
        Number of lines, 1 to 12.

    Raises
    ------
    RecipeError
        A count outside 1 to 12.
    """
    return _lines(
        "lorentzian_derivative", "(32√3/9) z/(1 + 4z²)²", _Shape(_lorentzian, _lorentzian_slope), count
    )


def gaussian_derivative(*, count: int = 1) -> FitModel:
    """Return a model of derivatives of Gaussian lines: y = offset + Σ height d((x − center)/width).

    d(z) = √(8e ln 2) z exp(−4 ln 2 z²), with lobes of height ±1 at z = ±1/√(8 ln 2).

    Parameters
    ----------
    count
        Number of lines, 1 to 12.

    Raises
    ------
    RecipeError
        A count outside 1 to 12.
    """
    return _lines(
        "gaussian_derivative", "√(8e ln 2) z exp(−4 ln 2 z²)", _Shape(_gaussian, _gaussian_slope), count
    )


def _lines(name: str, term: str, shape: _Shape, count: int) -> FitModel:
    if type(count) is not int or not 1 <= count <= _MOST:
        raise RecipeError(f"model {name}: wanted a count of 1 to {_MOST} lines, got {count!r}")
    parameters = _parameters(count)
    names = [parameter.name for parameter in parameters]

    def function(x: ArrayLike, *values: Value) -> FloatArray:
        x = np.asarray(x, np.float64)
        y = values[-1] + 0.0 * x
        for center, width, height in zip(values[:count], values[count:], values[2 * count :], strict=False):
            y = y + height * shape.value((x - center) / width)
        return y

    def derivatives(x: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        return _evaluate(shape, count, x, values)

    def guesser(x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, Value]:
        del weights
        spectra = np.atleast_2d(y)
        if x.size > LONGEST:
            parts = [condensed(x, one) for one in spectra]
            found = [_place(shape, count, part.x, part.y[None], part.weights[None]) for part in parts]
            values = np.concatenate(found)
        else:
            values = _place(shape, count, x, spectra, None)
        return dict(zip(names, np.moveaxis(values.reshape(*y.shape[:-1], -1), -1, 0), strict=True))

    return FitModel(
        name=name,
        equation=f"y = offset + Σ height_k d((x − center_k)/width_k), d(z) = {term}, k = 1 … {count}",
        source="first harmonic of a small frequency modulation: the derivative of the line",
        parameters=parameters,
        function=function,
        guesser=guesser,
        derivatives=derivatives,
        batch_guess=True,
        limits=functools.partial(line_limits, count=count),
        options={"count": count},
    )


def _evaluate(shape: _Shape, count: int, x: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    center, width, height = (values[..., k * count : (k + 1) * count, None] for k in range(3))
    z = (x[..., None, :] - center) / width
    line = shape.value(z)
    across = shape.slope(z) * (-height / width)
    lead = np.broadcast_shapes(values.shape[:-1], x.shape[:-1])
    jacobian = np.ones((*lead, 3 * count + 1, x.shape[-1]))
    jacobian[..., :count, :] = across
    jacobian[..., count : 2 * count, :] = across * z
    jacobian[..., 2 * count : 3 * count, :] = line
    return values[..., -1, None] + np.sum(height * line, axis=-2), jacobian


def _place(shape: _Shape, count: int, x: FloatArray, y: FloatArray, weights: FloatArray | None) -> FloatArray:
    """Return parameters (m, p): one line after another where it explains most of what is left."""
    places = np.unique(x)
    span = float(np.ptp(x)) or 1.0
    spacing = float(np.quantile(np.diff(places), 0.1)) if places.size > 1 else span
    widths = np.geomspace(min(2 * spacing, span / 4), span / 2, 14)
    nodes = np.array([(c, w) for w in widths for c in _centers(places, w / 8, everywhere=weights is None)])
    basis = shape.value((x - nodes[:, :1]) / nodes[:, 1:])
    found = np.empty((len(y), 3 * count + 1))
    rest = y
    for k in range(count):
        node, height, offset = separable_grid(basis, rest, weights)
        found[:, k], found[:, count + k] = nodes[node].T
        rest = rest - height[:, None] * basis[node] - offset[:, None]
    order = np.argsort(found[:, :count], axis=1)
    for first in (0, count):
        part = found[:, first : first + count]
        part[:] = np.take_along_axis(part, order, axis=1)
    scale = np.ones_like(y) if weights is None else weights
    for row, one, size in zip(found, y, scale, strict=True):  # all heights again, each beside the others
        z = (x - row[:count, None]) / row[count : 2 * count, None]
        matrix = np.concatenate([shape.value(z), np.ones((1, x.size))]).T * size[:, None]
        row[2 * count :] = np.linalg.lstsq(matrix, one * size, rcond=1e-6)[0]
    return found


def _centers(places: FloatArray, step: float, *, everywhere: bool) -> FloatArray:
    """Return where lines are looked for: in steps, of a condensed spectrum only where it has points."""
    if everywhere:
        return np.arange(places[0], places[-1] + step, step)
    return np.asarray(places[0] + step * np.unique(np.round((places - places[0]) / step)), np.float64)


def _parameters(count: int) -> tuple[Parameter, ...]:
    numbers = range(1, count + 1)
    return (
        *(Parameter(f"center_{k}", "x", f"position of line {k}") for k in numbers),
        *(Parameter(f"width_{k}", "x", f"full width of line {k}", minimum=0) for k in numbers),
        *(Parameter(f"height_{k}", "y", f"half of the peak-to-peak signal of line {k}") for k in numbers),
        Parameter("offset", "y", "signal off resonance"),
    )
