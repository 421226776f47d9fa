"""The shipped models as `lmfit.Model`: same function, guess and bounds, and lmfit is given the derivatives.

lmfit's own forward differences cost four to five digits of a standard deviation (centring x shows it);
with an analytic Jacobian its answers are good to 1e-7 standard deviations, with central differences to 1e-5.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import lmfit
import numpy as np

from labspin.analysis.complex_numbers import real_view
from labspin.analysis.expression import Expression
from labspin.arrays import Numbers, Value
from labspin.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labspin.analysis.model import CorrelatedNoise, FitModel, FloatArray

__all__ = ["TIGHT", "LabspinModel", "derivatives_of"]

TIGHT = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 0.0}
"""Tolerances of MINPACK with which lmfit serves as a reference."""


class LabspinModel(lmfit.Model):  # type: ignore[misc]
    """An `lmfit.Model` made from a `FitModel`; complex data go in, and come out, as their `real_view`.

    Attributes
    ----------
    description
        The `FitModel`.
    noise
        Noise that data and model are whitened by; None: none. With it, the data that go in are whitened.
    """

    def __init__(self, description: FitModel, prefix: str = "", noise: CorrelatedNoise | None = None) -> None:
        self.description = description
        self.noise = noise
        function = _named(description, noise)
        super().__init__(
            function,
            independent_vars=["x"],
            param_names=list(description.names),
            prefix=prefix,
            name=description.name,
        )
        for parameter in description.parameters:
            hints: dict[str, object] = {"min": parameter.minimum, "max": parameter.maximum}
            if parameter.value is not None:
                hints |= {"value": parameter.value, "vary": False}
            self.set_param_hint(parameter.name, **hints)

    def guess(self, data: Any, x: Any, weights: Any = None, **overrides: Any) -> lmfit.Parameters:
        """Return starting `lmfit.Parameters` for ``data`` at ``x``.

        Parameters
        ----------
        data
            One trace: y, or for a complex model its `real_view`.
        x
            Shape (n,).
        weights
            1/σ of the points; None: all alike.
        overrides
            Parameter names to values that replace guesses.
        """
        trace = np.asarray(data)
        if self.description.is_complex and not np.iscomplexobj(trace):
            trace = np.ascontiguousarray(trace, np.float64).view(np.complex128)
        values = self.description.guess(x, trace, weights) | overrides
        return self.make_params(**values)

    def fit(self, data: Any, params: Any = None, *args: Any, **kwargs: Any) -> lmfit.model.ModelResult:
        """Fit as `lmfit.Model.fit` does, with analytic derivatives, or central differences without them.

        A fit that does not converge, or ends without errors, is tried once more with short first steps and
        three times as many: MINPACK's first step may jump to where the model is flat.

        Parameters
        ----------
        data
            One trace: y, or for a complex model its `real_view`.
        params
            Starting `lmfit.Parameters`; None: those of the model's hints and the keyword arguments.
        args, kwargs
            Passed to `lmfit.Model.fit`: ``x``, ``weights``, ``method``, ``max_nfev``, ``fit_kws`` and others.

        Returns
        -------
        result
            The better one of the two where it was tried twice.
        """
        if kwargs.get("method", "leastsq") != "leastsq":
            return super().fit(data, params, *args, **kwargs)
        settings = {"Dfun": self._residual_derivatives, **(kwargs.pop("fit_kws", None) or {})}
        found = super().fit(data, params, *args, fit_kws=settings, **kwargs)
        if "factor" in settings or (found.success and found.errorbars):
            return found
        if kwargs.get("max_nfev"):
            kwargs["max_nfev"] *= 3
        again = super().fit(data, params, *args, fit_kws=settings | {"factor": 1.0}, **kwargs)
        return max(found, again, key=lambda result: (result.success and result.errorbars, -result.chisqr))

    def _residual_derivatives(
        self, params: lmfit.Parameters, data: Numbers, weights: Numbers | None, **kwargs: object
    ) -> FloatArray:
        """Return d(data - model)*weights / d(varied parameters), shape (n, varied)."""
        prefixed = [self.prefix + name for name in self.description.names]
        values = np.array([params[name].value for name in prefixed])
        x = np.asarray(kwargs["x"], np.float64)
        jacobian = derivatives_of(self.description, x, values)
        jacobian = real_view(jacobian if self.noise is None else self.noise.whiten(jacobian))
        varied = [index for index, name in enumerate(prefixed) if params[name].vary]
        # A tied parameter (expr) moves with those it names: MINPACK's varied columns are then a chain rule.
        out = -(jacobian[varied] + _through_expressions(params, prefixed, varied, jacobian)).T
        return out if weights is None else np.asarray(out * np.asarray(weights)[:, None], np.float64)


def derivatives_of(description: FitModel, x: FloatArray, values: FloatArray) -> Numbers:
    """Return dy/dp (p, n), real or complex as y: the model's own, or central differences.

    Parameters
    ----------
    description
        The model.
    x
        Shape (n,).
    values
        Parameters, shape (p,).
    """
    if description.derivatives is not None:
        return description.derivatives(x, values)[1]
    return _central_differences(description, x, values)


def _central_differences(description: FitModel, x: FloatArray, values: FloatArray) -> Numbers:
    """Return dy/dp (p, n) with steps of the cube root of the rounding error, where both errors are alike."""
    rows = []
    for index, value in enumerate(values):
        step = np.cbrt(np.finfo(float).eps) * max(abs(float(value)), 1e-6)
        above, below = values.copy(), values.copy()
        above[index] += step
        below[index] -= step
        ends = [np.asarray(description.function(x, *shifted)) for shifted in (above, below)]
        rows.append((ends[0] - ends[1]) / (above[index] - below[index]))
    return np.stack(rows)


def _named(description: FitModel, noise: CorrelatedNoise | None) -> object:
    """Return the model's function with its parameters as names, which lmfit reads from the signature."""

    def function(x: FloatArray, **values: Value) -> Numbers:
        found = description.function(x, *(values[name] for name in description.names))
        return real_view(found if noise is None else noise.whiten(found))

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    names = ("x", *description.names)
    function.__signature__ = inspect.Signature([inspect.Parameter(n, kind) for n in names])  # type: ignore[attr-defined]
    return function


def _through_expressions(
    params: lmfit.Parameters, names: list[str], varied: list[int], jacobian: FloatArray
) -> FloatArray:
    extra = np.zeros((len(varied), jacobian.shape[-1]))
    tied = [index for index, name in enumerate(names) if params[name].expr is not None]
    if not tied:
        return extra
    values = params.valuesdict()
    for row, index in enumerate(varied):
        try:
            slopes = np.array([_slope_of(params, values, names[other], names[index]) for other in tied])
        except (RecipeError, KeyError):  # more than arithmetic of parameters: only lmfit can tell
            slopes = _difference(params, [names[other] for other in tied], params[names[index]])
        extra[row] = slopes @ jacobian[tied]
    return extra


def _slope_of(params: lmfit.Parameters, values: Mapping[str, float], name: str, by: str) -> float:
    """Return d(parameter)/d(another), through the expressions of those between them."""
    if name == by:
        return 1.0
    if params[name].expr is None:
        return 0.0
    expression = Expression(params[name].expr)
    through = {one: _slope_of(params, values, one, by) for one in expression.names}
    return sum(float(expression.derivative(values, one)) * slope for one, slope in through.items() if slope)


def _difference(params: lmfit.Parameters, tied: list[str], parameter: lmfit.Parameter) -> FloatArray:
    """Return d(each tied parameter)/d(parameter) by central differences."""
    centre = float(parameter.value)
    step = 1e-6 * (abs(centre) or 1e-6)
    ends = []
    for shifted in (centre - step, centre + step):
        parameter.value = shifted
        params.update_constraints()
        ends.append(np.array([params[name].value for name in tied]))
    parameter.value = centre
    params.update_constraints()
    return np.asarray((ends[1] - ends[0]) / (2 * step))
