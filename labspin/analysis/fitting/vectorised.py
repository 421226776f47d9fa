"""How a model is called for many traces: derivatives, guesses, and models that came from elsewhere.

Shipped models bring derivatives. For any other the differences are central, with steps of a thousandth of a
standard error once that is known: small against the structure of the model, large against rounding.
A function that cannot take many traces at once is called one trace at a time, which is slow and right; what
it refuses to compute is not a number, and costs that trace its fit, not the batch. Complex data are fitted as
twice as many real ones.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.linalg import LinAlgError
from numpy.typing import ArrayLike, NDArray

from labspin.analysis.complex_numbers import real_view
from labspin.analysis.minimiser.problem import Evaluate
from labspin.analysis.model import FitModel, FloatArray, Parameter, columns
from labspin.analysis.models import model_from_function
from labspin.arrays import Numbers, Value
from labspin.errors import FitError

if TYPE_CHECKING:
    import lmfit

__all__ = ["as_model", "curves_of", "evaluator", "guess_all", "raw_evaluator"]


_GUESSED_AT_ONCE = 4096
"""Traces whose guesses share a call: a grid of curves for all of 100 000 would take a gigabyte."""


def as_model(model: object, x: ArrayLike, bounds: Mapping[str, tuple[float, float]]) -> FitModel:
    """Return a model of any kind as a `FitModel` with the bounds of this fit.

    Parameters
    ----------
    model
        A `FitModel`, an `lmfit.Model`, or a function ``(x, a, b, …)``.
    x
        Points of the data, from which a model may set bounds.
    bounds
        By name: replaces the model's own (minimum, maximum).
    """
    if isinstance(model, FitModel):
        found = model
    elif hasattr(model, "param_names") and hasattr(model, "eval"):
        found = getattr(model, "description", None) or _from_lmfit(model)
    elif callable(model):
        found = model_from_function(model)
    else:
        raise FitError(f"batch: wanted a FitModel, an lmfit.Model or a function, got {model!r}")
    if found.likelihood != "normal":
        raise FitError(f"model {found.name}: is not fitted by least squares; use fit_spectrum")
    return found.limited(x, bounds)


def _from_lmfit(model: lmfit.Model) -> FitModel:
    names = list(model.param_names)
    independent = model.independent_vars[0]
    parameters, starts = [], {}
    for name in names:
        hint = dict(model.param_hints.get(name.removeprefix(model.prefix), {}))
        hint |= model.param_hints.get(name, {})
        if "expr" in hint:
            raise FitError(
                f"model {model.name}: {name} is tied by an expression; fit such a model with lmfit"
            )
        low, high = float(hint.get("min", -np.inf)), float(hint.get("max", np.inf))
        parameters.append(Parameter(name, "", "", minimum=low, maximum=high))
        starts[name] = float(hint.get("value", model.def_vals.get(name.removeprefix(model.prefix), 1.0)))

    def function(x: FloatArray, *values: Value) -> Numbers:
        y: Numbers = model.eval(**{independent: x}, **dict(zip(names, values, strict=True)))
        return y

    def guesser(x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, Value]:
        del weights
        try:
            return {**starts, **model.guess(y, **{independent: x}).valuesdict()}
        except NotImplementedError:
            return starts

    return FitModel(model.name, model.name, "lmfit", tuple(parameters), function, guesser)


def evaluator(
    model: FitModel, x: FloatArray, sample: FloatArray, moving: NDArray[np.bool_] | None = None
) -> Evaluate:
    """Return the function that gives ``model`` and its derivatives for many traces.

    Parameters
    ----------
    model
        The model to be called.
    x, sample
        Axis and values (p,) of one trace, on which it is tried whether the model takes many at once.
    moving
        As in `raw_evaluator`.

    Returns
    -------
    evaluate
        ``evaluate(x, values, steps)`` -> (y, J) in real numbers, as `Problem` describes it.
    """
    call = raw_evaluator(model, x, sample, moving)
    return lambda points, values, steps: _real(*call(points, values, steps))


def raw_evaluator(
    model: FitModel, x: FloatArray, sample: FloatArray, moving: NDArray[np.bool_] | None = None
) -> Callable[[FloatArray, FloatArray, FloatArray], tuple[Numbers, Numbers]]:
    """Return the function of `evaluator`, but with complex y and derivatives where the model is complex.

    Parameters
    ----------
    model
        The model to be called.
    x, sample
        Axis and values (p,) of one trace, on which it is tried whether the model takes many at once.

    moving
        Parameters whose derivatives are asked for, shape (p,); None: all. Those of the others are given as 0
        where they would be differences: a model may have to integrate for each of them.

    Returns
    -------
    evaluate
        ``evaluate(x, values, steps)`` -> y (m, n) and derivatives (m, p, n) for values and steps (m, p).
    """
    if model.derivatives is not None:
        derivatives = model.derivatives
        return lambda points, values, steps: derivatives(points, values)
    call = curves_of(model, x, sample)

    def evaluate(points: FloatArray, values: FloatArray, steps: FloatArray) -> tuple[Numbers, Numbers]:
        y = call(points, values)
        jacobian = np.zeros((len(values), values.shape[1], y.shape[-1]), y.dtype)
        for index in range(values.shape[1]) if moving is None else np.flatnonzero(moving):
            above, below = values.copy(), values.copy()
            above[:, index] += steps[:, index]
            below[:, index] -= steps[:, index]
            change = (above - below)[:, index, None]
            jacobian[:, index] = (call(points, above) - call(points, below)) / change
        return y, jacobian

    return evaluate


def curves_of(
    model: FitModel, x: FloatArray, sample: FloatArray
) -> Callable[[FloatArray, FloatArray], Numbers]:
    """Return ``curves(x, values)`` -> y (m, n) for x (n,) or (m, n) and values (m, p).

    Parameters
    ----------
    model
        The model to be called.
    x, sample
        Axis and values (p,) of one trace, on which it is tried whether the model takes many at once.

    Returns
    -------
    curves
        Gives NaN for a trace at which a model that takes one at a time cannot be evaluated.
    """
    many = _takes_many(model, x, sample)

    def call(points: FloatArray, values: FloatArray) -> Numbers:
        if many:
            return np.asarray(model.function(points, *columns(values)))
        axes = points if points.ndim == 2 else np.broadcast_to(points, (len(values), points.size))
        kind = np.complex128 if model.is_complex else np.float64
        found: Numbers = np.full(axes.shape, np.nan, kind)
        for index, (axis, row) in enumerate(zip(axes, values, strict=True)):
            # Where a model cannot be evaluated there is no fit, and the next trace follows.
            with contextlib.suppress(ArithmeticError, ValueError):
                found[index] = model.function(axis, *row)
        return found

    return call


def _real(y: NDArray[np.generic], jacobian: NDArray[np.generic]) -> tuple[FloatArray, FloatArray]:
    return real_view(y), real_view(jacobian)


def _takes_many(model: FitModel, x: FloatArray, sample: FloatArray) -> bool:
    pair = np.stack([sample, sample * 1.01])
    try:
        # First what a fit will ask for: a model that tabulates then reads single curves from the same table.
        both = np.asarray(model.function(x, *columns(pair)))
    except (TypeError, ValueError, IndexError, ArithmeticError):
        return False
    try:
        single = [np.asarray(model.function(x, *row)) for row in pair]
    except (ArithmeticError, ValueError):
        return False
    return both.shape == (2, x.size) and all(map(_same, both, single))


def _same(one: NDArray[np.generic], other: NDArray[np.generic]) -> bool:
    """Return whether two curves are equal but for rounding, however small their values are."""
    size = np.abs(other[np.isfinite(other)]).max(initial=0.0)  # a zero crossing is rounded on this scale
    return np.allclose(one, other, rtol=1e-9, atol=1e-14 * size, equal_nan=True)


def guess_all(
    model: FitModel,
    x: FloatArray,
    y: FloatArray,
    weights: FloatArray | None,
    given: Mapping[str, FloatArray],
    held: Collection[str] = (),
) -> FloatArray:
    """Return starting values (m, p) for traces y (m, n): those ``given``, and guesses for the others.

    All but those that are ``held`` are put inside the bounds.

    Parameters
    ----------
    model
        The model to be fitted.
    x
        Shape (n,) or (m, n).
    y
        Real numbers of the traces, shape (m, n).
    weights
        1/σ, shape (m, n), 0 for a point that is left out; None: all alike.
    given
        Name to values, shape (m,), that are not guessed.
    held
        Names of parameters that are not fitted.
    """
    count = len(y)
    values = np.empty((count, len(model.names)))
    missing = [name for name in model.names if name not in given]
    guessed: Mapping[str, Value] = {}
    if missing and count:
        guessed = _guess(model, x, y, weights, {name: given[name] for name in held if name in given})
    for index, name in enumerate(model.names):
        values[:, index] = given[name] if name in given else guessed[name]
        if name not in held:
            values[:, index] = model.parameters[index].inside(values[:, index])
    return values


def _guess(
    model: FitModel,
    x: FloatArray,
    y: FloatArray,
    weights: FloatArray | None,
    held: Mapping[str, FloatArray],
) -> Mapping[str, Value]:
    fixed = {p.name: p.value for p in model.parameters if p.value is not None}
    data: Numbers = y.view(np.complex128) if model.is_complex else y
    if model.batch_guess and x.ndim == 1:
        filled = data if weights is None else _filled(x, data, weights)
        return _guess_at_once(model, x, filled, weights) | fixed
    if model.batch_guess and not model.is_complex and len(data) > 1:
        with contextlib.suppress(ArithmeticError, ValueError, IndexError, LinAlgError):  # else row by row
            return _guess_by_axis(model, x, data, weights) | fixed
    rows = []
    lost = dict.fromkeys(model.names, math.nan)
    for row in range(len(data)):
        axis = x if x.ndim == 1 else x[row]
        used = slice(None) if weights is None else weights[row][:: 2 if model.is_complex else 1] > 0
        scale = None if weights is None or model.is_complex else weights[row][used]
        try:
            known = {name: float(values[row]) for name, values in held.items()}
            rows.append(model.guess(axis[used], data[row][used], scale, known))
        except (ArithmeticError, ValueError, IndexError, LinAlgError):  # a guess of the user's own
            rows.append(lost)
    return {name: np.array([row[name] for row in rows]) for name in model.names} | fixed


def _guess_at_once(
    model: FitModel, x: FloatArray, y: NDArray[np.generic], weights: FloatArray | None
) -> dict[str, Value]:
    """Return guesses for traces y (m, n) at x (n,), some hundreds at a time."""
    parts = []
    for begin in range(0, len(y), _GUESSED_AT_ONCE):
        part = slice(begin, begin + _GUESSED_AT_ONCE)
        parts.append(model.guesser(x, y[part], None if weights is None else weights[part]))
    return {name: np.concatenate([part[name] for part in parts]) for name in model.names}


def _guess_by_axis(
    model: FitModel, x: FloatArray, y: Numbers, weights: FloatArray | None
) -> dict[str, Value]:
    """Return guesses for traces y (m, n) at x (m, n): those of one axis at once."""
    found = {name: np.empty(len(y)) for name in model.names}
    for group, used in _alike(x, weights):
        there = np.ix_(group, used)
        scale = None if weights is None else weights[there]
        for name, value in _guess_at_once(model, x[group[0], used], y[there], scale).items():
            found[name][group] = value
    return dict(found)


def _alike(x: FloatArray, weights: FloatArray | None) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield rows of x (m, n) whose points that count are the same, and which those are."""
    there = np.ones(x.shape, bool) if weights is None else weights > 0
    groups: dict[bytes, list[int]] = {}
    for row, used in enumerate(there):
        groups.setdefault(used.tobytes() + x[row, used].tobytes(), []).append(row)
    for rows in groups.values():
        yield np.array(rows), np.flatnonzero(there[rows[0]])


def _filled(x: FloatArray, y: NDArray[np.generic], weights: FloatArray) -> NDArray[np.generic]:
    """Bridge points that were left out by straight lines, for guesses that look at all points alike.

    Of complex values, ``weights`` has two for each: of the real and of the imaginary part.
    """
    weights = weights.reshape(*y.shape, -1).min(-1)
    holes = np.flatnonzero((weights == 0).any(-1))
    if not holes.size:
        return y
    filled = y.copy()
    for row in holes:
        there = weights[row] > 0
        filled[row, ~there] = np.interp(x[~there], x[there], y[row, there])
    return filled
