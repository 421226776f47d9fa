"""What a fit model is: a pure function, a guess, bounds and units, in one frozen record.

A `FitModel` knows nothing of a fitting engine. The same function serves lmfit (one trace, bounds,
constraints, confidence intervals) and the batch engine (ten thousand traces at once), because it is
vectorised: ``function(x, *values)`` broadcasts, so values of shape (m, 1) give m traces. Shipped models
also give their derivatives; models of a lab need only the function.

Units are expressions of the axes (``"x"``, ``"y"``, ``"1/x"``, ``"y/x"``, ``"x*y"``, ``"1"``), or as
an absolute SI unit where the model is about one thing only (``"T"``, ``"Hz"``). ``"cycles/x"`` is a
frequency: in hertz where x is in seconds, where a rate (``"1/x"``) is in 1/s.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.arrays import FloatArray, Numbers, Value
from labspin.errors import ArgumentError, FitError

if TYPE_CHECKING:
    from labspin.analysis.outcome import FitOutcome

__all__ = [
    "CorrelatedNoise",
    "FitModel",
    "FloatArray",
    "Numbers",
    "Parameter",
    "Value",
    "columns",
    "fill_derivatives",
]

_CYCLES = {"s": "Hz", "ms": "kHz", "us": "MHz", "µs": "MHz", "ns": "GHz"}
"""Cycles per unit of time."""
_PERIODS = {"Hz": "s", "kHz": "ms", "MHz": "us", "GHz": "ns"}
"""Times where x is a frequency: ``"1/x"``."""
Guess = Callable[..., Mapping[str, Value]]
Derivatives = Callable[[FloatArray, FloatArray], tuple[Numbers, Numbers]]


class CorrelatedNoise(Protocol):
    """Noise whose points depend on each other."""

    def whiten(self, values: NDArray[np.generic]) -> Numbers:
        """Return linear combinations of ``values``, of the same shape, whose noise is white with variance 1.

        Parameters
        ----------
        values
            Shape (..., n), in the order of the points.
        """
        ...


NoiseEstimate = Callable[..., CorrelatedNoise | None]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a model.

    Attributes
    ----------
    name
        As in the function's signature.
    unit
        ``"x"``, ``"y"``, ``"1/x"``, ``"cycles/x"``, ``"y/x"``, ``"x*y"``, ``"1"`` or an SI unit.
    description
        What it means, in a few words.
    minimum, maximum
        Bounds; ``minimum=0`` marks a scale, which the batch engine fits as its logarithm.
    value
        Default of a parameter that is held fixed unless the user frees it; None: it is fitted.
    positive
        It is a scale even between further bounds.
    from_data
        It is held at what the guess reads from the data, unless the user frees it.
    """

    name: str
    unit: str
    description: str
    minimum: float = -math.inf
    maximum: float = math.inf
    value: float | None = None
    positive: bool = False
    from_data: bool = False

    def __post_init__(self) -> None:
        if not self.minimum < self.maximum:
            raise ArgumentError(
                f"parameter {self.name}: wanted minimum < maximum, got {self.minimum!r} and {self.maximum!r}"
            )

    @property
    def is_scale(self) -> bool:
        """Whether the parameter is positive by nature."""
        return self.positive or (self.minimum == 0 and math.isinf(self.maximum))

    def inside(self, values: ArrayLike) -> FloatArray:
        """Return starting values inside the bounds, a little away from them, where a model may be flat.

        Parameters
        ----------
        values
            Starting values, any shape; what is not finite becomes 1.

        Returns
        -------
        values
            Values, of the same shape.
        """
        found = np.asarray(values, np.float64)
        found = np.where(np.isfinite(found), found, 1.0)
        low, high = self.minimum, self.maximum
        if self.is_scale:
            # A part of a bound's own size, which is more than all that lies between bounds that are close.
            away = 1e-3 * min(1.0, (high - low) / high) if math.isfinite(high) else 1e-3
            return np.clip(np.abs(found), max((1 + away) * low, 1e-300), (1 - away) * high)
        # Within two bounds a part of what lies between them; else a part of the bound's own size.
        bound = high if math.isfinite(high) else (low if math.isfinite(low) else 0.0)
        margin = 1e-3 * (high - low) if math.isfinite(high - low) else 1e-3 * abs(bound)
        return np.clip(found, low + margin, high - margin)


@dataclass(frozen=True)
class FitModel:
    """A model of y(x): function, derivatives, guess, parameters.

    Attributes
    ----------
    name
        Name in recipes.
    equation
        The formula, in the parameter names.
    source
        Where it comes from.
    parameters
        In the order of the function's arguments after ``x``.
    function
        ``function(x, *values)`` -> y; every value broadcasts against x.
    guesser
        ``guesser(x, y, weights)`` -> {name: value}; y may be (m, n) where `batch_guess` is true, and then
        the values are (m,).
    derivatives
        ``derivatives(x, values)`` -> (y, J) with values (..., p), y (..., n), J (..., p, n); None: the
        engines use central differences.
    batch_guess
        The guess takes many traces at once.
    guess_knows_held
        The guess takes ``held``, a mapping of names to values that are not fitted, as fourth argument.
    is_complex
        y is complex.
    likelihood
        ``"normal"`` (least squares) or ``"gamma"`` (averaged power spectra, `labspin.analysis.fit_spectrum`).
    window
        ``window(x, y)`` -> which points of a whole record belong to the model; None: all.
    noise
        ``noise(x, residual, derivatives, values, sigma)`` -> the correlated noise that a fit has left, or
        None for white noise; None: noise is white. `fit_curve` weights by it; the batch engine does not.
    limits
        ``limits(x)`` -> {name: (minimum, maximum)}: bounds that the points themselves set: a dip is
        narrower than the window; None: none.
    doubts
        ``doubts(outcome)`` -> what to distrust in a fit by this model, one sentence each, beside what holds
        for all models.
    rivals
        ``rivals(x, y, weights, values, free)`` -> names of fitted parameters that another minimum, about as
        good, has elsewhere: the curvature at one of the two is no error, and they are not determined; None:
        none.
    profiled
        Parameters within positive bounds along which χ² is followed over the whole range, since its curvature
        at the minimum may say little (`labspin.analysis.fitting.profiles`).
    resolved
        ``resolved(values)`` -> whether what the values (..., p) describe can be distinguished, shape (...): a
        choice prefers no pair of lines that are closer than they are wide; None: always.
    sketch
        ``sketch(x, *values)`` -> y of one set of values, only good enough for a picture, where the function
        would take too long at as many points; None: the function.
    headline
        Parameters that a legend shows; empty: the first that are fitted.
    lines_apart
        By how much pictures move each trace of several up from the one before, in heights of the largest:
        lines at the same place would hide one another.
    options
        What the model was built with.
    x_unit, y_unit
        SI units in which the function takes x and gives y; empty: any, parameters follow.
    """

    name: str
    equation: str
    source: str
    parameters: tuple[Parameter, ...]
    function: Callable[..., Numbers]
    guesser: Guess
    derivatives: Derivatives | None = None
    batch_guess: bool = False
    guess_knows_held: bool = False
    is_complex: bool = False
    likelihood: str = "normal"
    window: Callable[[FloatArray, Numbers], NDArray[np.bool_]] | None = None
    noise: NoiseEstimate | None = None
    limits: Callable[[FloatArray], Mapping[str, tuple[float, float]]] | None = None
    doubts: Callable[[FitOutcome], Sequence[str]] | None = None
    rivals: Callable[..., Collection[str]] | None = None
    profiled: tuple[str, ...] = ()
    resolved: Callable[[FloatArray], NDArray[np.bool_]] | None = None
    sketch: Callable[..., Numbers] | None = None
    headline: tuple[str, ...] = ()
    lines_apart: float = 0.0
    options: Mapping[str, object] = field(default_factory=dict)
    x_unit: str = ""
    y_unit: str = ""

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.parameters):
            raise ArgumentError(f"model {self.name}: parameter names {self.names} are not all different")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, in order."""
        return tuple(parameter.name for parameter in self.parameters)

    def parameter(self, name: str) -> Parameter:
        """Return the parameter called ``name``.

        Parameters
        ----------
        name
            Name of the parameter.

        Raises
        ------
        FitError
            The model has no such parameter.
        """
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise FitError(f"model {self.name} has no parameter {name!r}; it has {', '.join(self.names)}")

    def limited(self, x: ArrayLike, bounds: Mapping[str, tuple[float, float]]) -> FitModel:
        """Return the model with the user's ``bounds``, and where there are none, those that ``x`` sets.

        Parameters
        ----------
        x
            Points of the data, any shape.
        bounds
            By name: (minimum, maximum).

        Raises
        ------
        FitError
            A parameter that the model does not have, or a minimum that is not below the maximum.
        """
        for name, (low, high) in bounds.items():
            self.parameter(name)
            if not low < high:
                raise FitError(
                    f"model {self.name}: bounds of {name}: wanted minimum < maximum, got {low!r} and {high!r}"
                )
        points = np.asarray(x, np.float64)
        there = points[np.isfinite(points)] if self.limits is not None else points
        own = self.limits(there) if self.limits is not None and there.size else {}
        changed = []
        for p in self.parameters:
            if p.name in bounds:
                p = replace(p, minimum=bounds[p.name][0], maximum=bounds[p.name][1])
            elif p.name in own:
                p = replace(p, minimum=own[p.name][0], maximum=own[p.name][1], positive=p.is_scale)
            changed.append(p)
        return replace(self, parameters=tuple(changed))

    def units(self, x_unit: str, y_unit: str) -> dict[str, str]:
        """Return the unit of each parameter for data with axes in ``x_unit`` and ``y_unit``.

        Parameters
        ----------
        x_unit, y_unit
            Units of the data; a unit that the model prescribes goes first.

        Returns
        -------
        units
            Name of each parameter to its unit.
        """
        x, y = self.x_unit or x_unit, self.y_unit or y_unit
        return {p.name: _resolve(p.unit, x, y) for p in self.parameters}

    def evaluate(self, x: ArrayLike, values: Mapping[str, float] | ArrayLike) -> Numbers:
        """Return the model at ``x`` for one or many sets of parameter values.

        What a mapping lacks is what is held by default, 0 for a parameter that is read from the data.

        Parameters
        ----------
        x
            Points, shape (n,) or what broadcasts against ``values``.
        values
            Name to value, or an array (..., p) in the order of the parameters.

        Returns
        -------
        y
            Shape (n,) or (..., n), complex for a complex model.
        """
        points = np.asarray(x, dtype=np.float64)
        if isinstance(values, Mapping):
            held = {p.name: p.value or 0.0 for p in self.parameters if p.value is not None or p.from_data}
            full = {**held, **values}
            return np.asarray(self.function(points, *(full[name] for name in self.names)))
        numbers = np.asarray(values, dtype=np.float64)
        # One set goes in as plain numbers: a model that computes a table for its distance wants one.
        return np.asarray(self.function(points, *(numbers if numbers.ndim == 1 else columns(numbers))))

    def curve(self, x: ArrayLike, values: Mapping[str, float]) -> Numbers:
        """Return the model at ``x`` for a picture: `evaluate`, or the model's own sketch.

        Parameters
        ----------
        x
            Points, shape (n,).
        values
            Name to value, as in `evaluate`.

        Returns
        -------
        y
            Shape (n,), complex for a complex model.
        """
        return (self if self.sketch is None else replace(self, function=self.sketch)).evaluate(x, values)

    def guess(
        self,
        x: ArrayLike,
        y: ArrayLike,
        weights: ArrayLike | None = None,
        held: Mapping[str, float] | None = None,
    ) -> dict[str, float]:
        """Return starting values for one trace, inside the bounds.

        Parameters
        ----------
        x, y
            The trace, shape (n,).
        weights
            1/sigma, shape (n,), or None.
        held
            Values of parameters that are not fitted, for guesses that ask for them; None: none.

        Raises
        ------
        FitError
            x and y are not of one shape, or give no starting values.
        """
        points, trace = np.asarray(x, np.float64), np.asarray(y)
        trace = trace.astype(np.complex128 if self.is_complex else np.float64)
        if points.ndim != 1 or points.shape != trace.shape or not points.size:
            raise FitError(
                f"model {self.name}: wanted x and y of one shape (n,), got {points.shape} and {trace.shape}"
            )
        scales = None if weights is None else np.asarray(weights, np.float64)
        known: tuple[Mapping[str, float], ...] = (held or {},) if self.guess_knows_held else ()
        try:
            found = self.guesser(points, trace, scales, *known)
        except np.linalg.LinAlgError as error:
            raise FitError(
                f"model {self.name}: no starting values are found in the data; give them, or correct these"
            ) from error
        return {p.name: float(p.inside(np.squeeze(found[p.name]))) for p in self.parameters}


def columns(values: FloatArray) -> list[FloatArray]:
    """Return the p parameters in ``values``, each of shape (..., 1) to broadcast against x.

    Parameters
    ----------
    values
        Shape (..., p).
    """
    return [values[..., index, None] for index in range(values.shape[-1])]


def fill_derivatives(y: FloatArray, derivatives: Sequence[object]) -> FloatArray:
    """Return ``derivatives`` as one array (..., p, n).

    Parameters
    ----------
    y
        The model, shape (..., n); only its shape is used.
    derivatives
        One for each parameter, broadcastable to y.
    """
    out = np.empty((*y.shape[:-1], len(derivatives), y.shape[-1]))
    for index, derivative in enumerate(derivatives):
        out[..., index, :] = derivative
    return out


def _resolve(unit: str, x: str, y: str) -> str:
    x_is_one, y_is_one = x in ("", "1"), y in ("", "1")
    inverse = "1" if x_is_one else _PERIODS.get(x, f"1/{_bracket(x)}")
    known = {
        "x": x or "1",
        "y": y or "1",
        "1": "1",
        "1/x": inverse,
        "cycles/x": _CYCLES.get(x, inverse),
        "y/x": (y or "1") if x_is_one else f"{'1' if y_is_one else _bracket(y)}/{_bracket(x)}",
        "x*y": (y or "1") if x_is_one else (x if y_is_one else f"{_bracket(y)}*{_bracket(x)}"),
    }
    return known.get(unit, unit) if unit else UnsaidUnit(known.values())


class UnsaidUnit(str):
    """The unit of a parameter of a plain function, which is not known: empty, with what it may be.

    Attributes
    ----------
    choices
        Units that are made of those of the axes. A quantity in one of them is a number for the function,
        whose x and y are numbers in the units of the axes.
    """

    choices: tuple[str, ...]

    def __new__(cls, choices: Iterable[str]) -> UnsaidUnit:
        """Return an empty text that knows the units."""
        unit = super().__new__(cls, "")
        unit.choices = tuple(dict.fromkeys(choices))
        return unit


def _bracket(unit: str) -> str:
    return f"({unit})" if any(sign in unit for sign in "*/ ") else unit
