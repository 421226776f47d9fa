"""Dips (or peaks) of Gaussian or Lorentzian shape on a constant or sloping background, as one flat function.

========= ============================================================
argument  meaning
========= ============================================================
center_k  position of dip k
width_k   its full width at half maximum
depth_k   its depth; negative for a peak
offset    background (where it slopes: at the first dip; without dips, at x = 0)
slope     slope of the background
========= ============================================================

A flat function of all dips is fitted six to twelve times faster than a sum of single-peak models, and its
starting values come from the spectrum as a whole: dips are placed one after another where they explain most
(orthogonal matching pursuit), all depths being solved again each time; then the one that explains least is
placed again, or splits another in two, as long as that helps (`labspin.analysis.minimiser.exchange`).

A dip lies in the window, is narrower than the window, and wider than the points are apart: beyond that no
data can tell it from the background or from noise. A spectrum without dips is a model, too (``count=0``).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.analysis.minimiser.exchange import Spectra, exchange_dips
from labspin.analysis.model import FitModel, FloatArray, Parameter, Value
from labspin.analysis.models.condensed import LONGEST, condensed
from labspin.analysis.models.guesses import line_limits
from labspin.analysis.models.pursuit import dip_nodes, place_dips
from labspin.errors import RecipeError

__all__ = ["GAUSSIAN", "LORENTZIAN", "MAX_DIPS", "Shape", "gaussian_dips", "lorentzian_dips"]

MAX_DIPS = 24
_FOUR_LN2 = 4 * np.log(2)


class Shape(NamedTuple):
    """A dip of height and width one: value at z, slope from z and value."""

    value: Callable[[FloatArray], FloatArray]
    slope: Callable[[FloatArray, FloatArray], FloatArray]


LORENTZIAN = Shape(
    value=lambda z: 1 / (1 + 4 * np.square(z)),
    slope=lambda z, value: -8 * z * np.square(value),
)
GAUSSIAN = Shape(
    value=lambda z: np.exp(-_FOUR_LN2 * np.square(z)),
    slope=lambda z, value: (-2 * _FOUR_LN2) * z * value,
)


def lorentzian_dips(*, count: int = 1, background: str = "constant", mixed: bool = False) -> FitModel:
    """Return a model of Lorentzian dips.

    Parameters
    ----------
    count
        Number of dips, 0 to 24.
    background
        ``"constant"`` or ``"line"``.
    mixed
        Dips and peaks may stand in one spectrum.

    Raises
    ------
    RecipeError
        A count outside 0 to 24, an unknown background, or ``mixed`` that is neither true nor false.
    """
    return _dips(
        "lorentzian_dips", "depth_k/(1 + (2 (x − center_k)/width_k)²)", LORENTZIAN, count, background, mixed
    )


def gaussian_dips(*, count: int = 1, background: str = "constant", mixed: bool = False) -> FitModel:
    """Return a model of Gaussian dips.

    Parameters
    ----------
    count
        Number of dips, 0 to 24.
    background
        ``"constant"`` or ``"line"``.
    mixed
        Dips and peaks may stand in one spectrum.

    Raises
    ------
    RecipeError
        A count outside 0 to 24, an unknown background, or ``mixed`` that is neither true nor false.
    """
    return _dips(
        "gaussian_dips", "depth_k exp(−4 ln 2 (x − center_k)²/width_k²)", GAUSSIAN, count, background, mixed
    )


@dataclass(frozen=True)
class _Dips:
    """Function, derivatives and guess of a spectrum with a number of dips of one shape."""

    shape: Shape
    count: int
    sloping: bool
    mixed: bool

    @functools.cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        return _parameters(self.count, self.sloping)

    def function(self, x: ArrayLike, *values: Value) -> FloatArray:
        x, count = np.asarray(x, np.float64), self.count
        y = 0.0 * x
        if self.sloping:
            y = values[-1] * (x - values[0] if count else x)
        y = values[3 * count] + y
        for center, width, depth in zip(values[:count], values[count:], values[2 * count :], strict=False):
            y = y - depth * self.shape.value((x - center) / width)
        return y

    def derivatives(self, x: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        return _evaluate(self.shape, self.count, self.sloping, x, values)

    def guess(self, x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, Value]:
        del weights
        names = [parameter.name for parameter in self.parameters]
        if self.count == 0:
            return dict(zip(names, _line(x, y, self.sloping), strict=True))
        spectra = np.atleast_2d(y)
        if x.size > LONGEST:
            values = np.concatenate([self._start(*condensed(x, one)) for one in spectra])
        else:
            values = self._start(x, spectra, None)
        return dict(zip(names, np.moveaxis(values.reshape(*y.shape[:-1], -1), -1, 0), strict=True))

    def _start(self, x: FloatArray, y: FloatArray, weights: FloatArray | None) -> FloatArray:
        spectra, shape, count, sloping = np.atleast_2d(y), self.shape.value, self.count, self.sloping
        placed = place_dips(x, spectra, count, shape, line=sloping, mixed=self.mixed, weights=weights)
        values = _joined(placed, sloping)
        if count > 1:
            trust = 1.0 if weights is None else weights
            made_of = Spectra(shape, self.derivatives, count, sloping, self.mixed, trust)
            values = exchange_dips(made_of, x, spectra, values, dip_nodes(x, count))
        return values


def _dips(name: str, term: str, shape: Shape, count: int, background: str, mixed: bool) -> FitModel:
    if type(count) is not int or not 0 <= count <= MAX_DIPS:
        raise RecipeError(f"model {name}: wanted a count of 0 to {MAX_DIPS} dips, got {count!r}")
    if type(mixed) is not bool:
        raise RecipeError(f"model {name}: mixed: wanted true or false, got {mixed!r}")
    if background not in ("constant", "line"):
        raise RecipeError(f"model {name}: wanted the background 'constant' or 'line', got {background!r}")
    sloping = background == "line"
    dips = _Dips(shape, count, sloping, mixed)
    line = (" + slope (x − center_1)" if count else " + slope x") if sloping else ""
    return FitModel(
        name=name,
        equation=f"y = offset{line} − Σ {term}, k = 1 … {count}" if count else f"y = offset{line}",
        source="optically detected magnetic resonance: one line a transition",
        parameters=dips.parameters,
        function=dips.function,
        guesser=dips.guess,
        derivatives=dips.derivatives,
        batch_guess=True,
        limits=functools.partial(line_limits, count=count),
        resolved=functools.partial(_apart, count) if count > 1 else None,
        lines_apart=0.6,
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
        distance = x - values[..., 0, None] if count else np.broadcast_to(x, y.shape)
        y = y + slope * distance
        jacobian[..., -1, :] = distance
        if count:
            jacobian[..., 0, :] -= slope
    return y, jacobian


def _apart(count: int, values: FloatArray) -> NDArray[np.bool_]:
    """Return whether all neighbours of one sign are farther apart than the mean of their widths (FWHM).

    Two lines that are closer describe one line of another shape just as well.
    """
    order = np.argsort(values[..., :count], axis=-1)
    centers = np.take_along_axis(values[..., :count], order, -1)
    widths = np.abs(np.take_along_axis(values[..., count : 2 * count], order, -1))
    depths = np.take_along_axis(values[..., 2 * count : 3 * count], order, -1)
    apart = np.diff(centers, axis=-1) > 0.5 * (widths[..., 1:] + widths[..., :-1])
    opposite = depths[..., 1:] * depths[..., :-1] < 0
    return np.asarray(np.all(apart | opposite, axis=-1))


def _line(x: FloatArray, y: FloatArray, sloping: bool) -> tuple[FloatArray, ...]:
    """Return the offset, and the slope of a line through y (..., n), where there are no dips."""
    mean = y.mean(-1)
    if not sloping:
        return (mean,)
    apart = x - x.mean()
    slope = (y @ apart) / max(float(apart @ apart), 1e-300)
    return mean - slope * x.mean(), slope


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
