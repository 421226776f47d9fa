"""One trace, one model, one fit: lmfit underneath, a `FitOutcome` out.

Points that are not finite are left out (a run that was aborted has NaN where it did not get to), the
order of x does not matter, and repeated x are as good as any.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.analysis.complex_numbers import real_view
from labspin.analysis.expression import Expression
from labspin.analysis.fitting.diagnosis import warnings_of
from labspin.analysis.model import CorrelatedNoise, FitModel, FloatArray
from labspin.analysis.outcome import FitOutcome, FitStatistics, FittedParameter
from labspin.errors import FitError

__all__ = ["chi2_probability", "fit_curve", "fit_result"]

_CALLS_A_PARAMETER = 100
"""Calls of the model after which a fit is given up, for each parameter and one more."""
_ROUNDS = 2
"""Estimates of correlated noise, each followed by a fit that is weighted by it."""


def fit_curve(
    model: FitModel,
    x: ArrayLike,
    y: ArrayLike,
    sigma: ArrayLike | None = None,
    *,
    start: Mapping[str, float] | None = None,
    fixed: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    tied: Mapping[str, str] | None = None,
    name: str = "",
    quantity: str = "y",
    axes: tuple[str, str, str, str] = ("x", "1", "y", "1"),
    noise: CorrelatedNoise | None = None,
) -> FitOutcome:
    """Fit ``model`` to one trace.

    Where the model has a window (ring-downs), only the points inside it are fitted. Where it knows of
    correlated noise (thermal motion on a ring-down), that is estimated from what a first fit has left, and
    the fit repeated with its covariance (generalised least squares); χ² is then that of whitened residuals.

    Parameters
    ----------
    x, y
        Shape (n,); y may be complex for a complex model.
    sigma
        Standard deviation of each point, shape (n,) or a number; for complex data, of both parts, or
        σ of the real part + i σ of the imaginary part. Given: the errors are absolute and the fit
        is tested against them. None: equal weights, errors from the scatter about the fit.
    start, fixed, bounds, tied
        By parameter name: starting value; value to hold; (minimum, maximum); lmfit expression.
    axes
        Name and unit of x, name and unit of y.
    noise
        Correlated noise of the points, such as that of an earlier outcome of the same points: then all of
        them are fitted; None: what the model finds.

    Raises
    ------
    FitError
        Fewer points than parameters, an unknown parameter, or a model that is not finite at the start.
    """
    if model.likelihood != "normal":
        raise FitError(f"model {model.name}: is not fitted by least squares; use fit_spectrum")
    points, trace, errors = _clean(model, x, y, sigma, windowed=noise is None)
    weights = None if errors is None else _weights(model, errors)
    from labspin.analysis.fitting.lmfit_bridge import LabspinModel

    described = LabspinModel(model)
    parameters = _parameters(
        model, described, points, trace, weights, start or {}, fixed or {}, bounds or {}, tied or {}
    )
    free = sum(parameter.vary for parameter in parameters.values())
    _check_size(model, points.size * (2 if model.is_complex else 1), free)
    result = fit_result(described, real_view(trace), parameters, points, weights)
    if model.noise is not None:
        result, noise = _weighted(model, result, points, trace, errors, noise)
    outcome = _outcome(model, result, points, trace, errors, name or model.name, quantity, axes)
    return outcome if noise is None else outcome.with_changes(noise=noise)


def _weighted(
    model: FitModel,
    result: Any,
    x: FloatArray,
    y: NDArray[Any],
    sigma: NDArray[Any] | None,
    given: CorrelatedNoise | None,
) -> tuple[Any, CorrelatedNoise | None]:
    """Return the fit weighted by the covariance of correlated noise, and that noise; without, as it was."""
    from labspin.analysis.fitting.lmfit_bridge import LabspinModel, derivatives_of

    noise = given
    for _ in range(_ROUNDS if given is None else 1):
        if given is None and model.noise is not None:
            values = {key: float(result.params[key].value) for key in model.names}
            varied = [index for index, key in enumerate(model.names) if result.params[key].vary]
            derivatives = derivatives_of(model, x, np.array(list(values.values())))[varied]
            found = model.noise(x, y - model.evaluate(x, values), derivatives, values, sigma)
            noise = found or noise
        if noise is None:
            break
        described = LabspinModel(model, noise=noise)
        again = fit_result(
            described, real_view(noise.whiten(y)), result.params, x, None, absolute=sigma is not None
        )
        if not (again.success and np.isfinite(again.chisqr)):
            break
        result = again
    return result, noise


def fit_result(
    described: Any,
    y: Any,
    parameters: Any,
    x: FloatArray,
    weights: FloatArray | None,
    *,
    absolute: bool | None = None,
) -> Any:
    """Return lmfit's own `ModelResult`; ``weights`` are 1/sigma, and errors are then not rescaled."""
    if not np.all(np.isfinite(described.eval(parameters, x=x))):
        raise FitError(
            f"model {described.description.name}: is not finite at the start "
            f"{parameters.valuesdict()}; give other starting values"
        )
    settings = {"ftol": 1e-12, "xtol": 1e-12}
    free = sum(parameter.vary for parameter in parameters.values())
    return described.fit(
        y,
        parameters,
        x=x,
        weights=weights,
        scale_covar=weights is None if absolute is None else not absolute,
        fit_kws=settings,
        max_nfev=_CALLS_A_PARAMETER * (free + 1),
        nan_policy="propagate",
    )


def chi2_probability(chi2: float, degrees_of_freedom: int) -> float:
    """Return the probability that χ² exceeds ``chi2`` if model and errors are right."""
    from scipy.special import gammaincc

    return float(gammaincc(degrees_of_freedom / 2, chi2 / 2)) if degrees_of_freedom > 0 else math.nan


def _clean(
    model: FitModel, x: ArrayLike, y: ArrayLike, sigma: ArrayLike | None, *, windowed: bool = True
) -> tuple[FloatArray, NDArray[Any], NDArray[Any] | None]:
    points = np.asarray(x, np.float64)
    trace = np.asarray(y)
    trace = trace.astype(np.complex128 if model.is_complex else np.float64)
    if points.ndim != 1 or points.shape != trace.shape:
        raise FitError(
            f"model {model.name}: wanted x and y of one shape (n,), got {points.shape} and {trace.shape}"
        )
    usable = np.isfinite(points) & np.isfinite(trace)
    errors: NDArray[Any] | None = None
    if sigma is not None:
        errors = np.broadcast_to(np.asarray(sigma), points.shape)
        usable &= np.isfinite(errors)
    if windowed and model.window is not None and usable.any():
        usable[usable] = model.window(points[usable], trace[usable])
    order = np.flatnonzero(usable)[np.argsort(points[usable], kind="stable")]
    if errors is not None:
        errors = errors[order]
        smallest = float(np.min(real_view(errors), initial=np.inf))
        if smallest <= 0:
            raise FitError(
                f"model {model.name}: sigma: wanted errors > 0, got {smallest!r}; "
                "leave sigma out if the errors are not known"
            )
    return points[order], trace[order], errors


def _weights(model: FitModel, errors: NDArray[Any]) -> FloatArray:
    """Return 1/σ, twice as many for complex data."""
    if model.is_complex and not np.iscomplexobj(errors):
        return np.repeat(1 / errors.astype(np.float64), 2)
    return np.asarray(1 / real_view(errors), np.float64)


def _check_size(model: FitModel, points: int, free: int) -> None:
    if points < max(free, 1):
        raise FitError(
            f"model {model.name}: wanted at least {free} finite points for {free} free parameters, "
            f"got {points}; hold parameters fixed or measure more points"
        )


def _parameters(
    model: FitModel,
    described: Any,
    x: FloatArray,
    y: NDArray[Any],
    weights: FloatArray | None,
    start: Mapping[str, float],
    fixed: Mapping[str, float],
    bounds: Mapping[str, tuple[float, float]],
    tied: Mapping[str, str],
) -> Any:
    for name in {*start, *fixed, *bounds, *tied}:
        model.parameter(name)
    if x.size == 0:
        raise FitError(f"model {model.name}: no finite points to fit")
    known = set(model.names) <= {*start, *fixed}
    guessed = {} if known else model.guess(x, y, None if model.is_complex else weights)
    parameters = described.make_params(**(guessed | {**start} | {**fixed}))
    for name in fixed:
        parameters[name].set(vary=False)
    for name, (low, high) in bounds.items():
        parameters[name].set(min=low, max=high)
    for name, expression in tied.items():
        _tie(model, parameters[name], expression)
    for name in start:
        if model.parameter(name).value is not None:
            parameters[name].set(vary=True)
    return parameters


def _tie(model: FitModel, parameter: Any, expression: str) -> None:
    """Let a parameter follow from others; lmfit evaluates Python, so that only arithmetic may reach it."""
    try:
        parameter.set(expr=Expression(expression).in_floats())
        value = parameter.value
    except (RuntimeError, ArithmeticError, NameError, TypeError, ValueError) as error:
        raise FitError(
            f"model {model.name}: {parameter.name} is tied by {expression!r}, which has no value at "
            f"the start: {error or type(error).__name__}; correct it, or give other starting values"
        ) from error
    if not np.isfinite(value):
        raise FitError(
            f"model {model.name}: {parameter.name} is tied by {expression!r}, which is {value} at the start; "
            "correct the expression or give other starting values"
        )


def _outcome(
    model: FitModel,
    result: Any,
    x: FloatArray,
    y: NDArray[Any],
    sigma: NDArray[Any] | None,
    name: str,
    quantity: str,
    axes: tuple[str, str, str, str],
) -> FitOutcome:
    units = model.units(axes[1], axes[3])
    fitted = tuple(_fitted(model, result.params[key], units[key]) for key in model.names)
    names = tuple(result.var_names)
    covariance = np.full((len(names), len(names)), np.nan) if result.covar is None else result.covar
    values = {key: float(result.params[key].value) for key in model.names}
    fine = fine_grid(x)
    outcome = FitOutcome(
        name=name,
        quantity=quantity,
        model=model.name,
        equation=model.equation,
        parameters=fitted,
        covariance_names=names,
        covariance=np.asarray(covariance, np.float64),
        statistics=_statistics(result, x.size, sigma),
        x=x,
        y=y,
        sigma=sigma,
        best=model.evaluate(x, values),
        curve_x=fine,
        curve_y=model.evaluate(fine, values),
        x_name=axes[0],
        x_unit=axes[1],
        y_name=axes[2],
        y_unit=axes[3],
    )
    return outcome.with_changes(warnings=warnings_of(model, outcome))


def _fitted(model: FitModel, parameter: Any, unit: str) -> FittedParameter:
    stderr = parameter.stderr
    fixed = not parameter.vary and parameter.expr is None
    error = 0.0 if fixed else (math.nan if stderr is None else float(stderr))
    return FittedParameter(
        name=parameter.name,
        value=float(parameter.value),
        stderr=error,
        unit=unit,
        fixed=fixed,
        description=model.parameter(parameter.name).description,
    )


def _statistics(result: Any, points: int, sigma: NDArray[Any] | None) -> FitStatistics:
    chi2, freedom = float(result.chisqr), int(result.nfree)
    return FitStatistics(
        chi2=chi2,
        degrees_of_freedom=freedom,
        points=points,
        p_value=None if sigma is None else chi2_probability(chi2, freedom),
        # With known errors the likelihood is e^(−χ²/2); without, their size is one more thing to estimate.
        aic=float(result.aic) if sigma is None else chi2 + 2 * result.nvarys,
        bic=float(result.bic) if sigma is None else chi2 + result.nvarys * math.log(max(result.ndata, 1)),
        errors_from_scatter=sigma is None,
        converged=bool(result.success),
        evaluations=int(result.nfev),
    )


def fine_grid(x: FloatArray, count: int = 400) -> FloatArray:
    """Return a fine grid over ``x``, spaced as x is: logarithmic where x spans two decades above zero."""
    low, high = float(x.min()), float(x.max())
    positive = x[x > 0]
    if positive.size > 2 and low >= 0 and high / positive.min() >= 100:
        grid = np.geomspace(float(positive.min()), high, count)
        return np.concatenate([np.linspace(0, grid[0], 20, endpoint=False), grid]) if low == 0 else grid
    return np.linspace(low, high, count)
