"""One trace, one model, one fit, by the minimiser of the batches: a `FitOutcome` comes out.

Points that are not finite are left out (a run that was aborted has NaN where it did not get to), the
order of x does not matter, and repeated x are as good as any.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.analysis.complex_numbers import real_view
from labspin.analysis.fitting.axes import in_units_of
from labspin.analysis.fitting.diagnosis import warnings_of
from labspin.analysis.fitting.grids import curve_grid
from labspin.analysis.fitting.sheet import Sheet
from labspin.analysis.fitting.solve import Task, Ties, derivatives_at, solve
from labspin.analysis.fitting.vectorised import as_model
from labspin.analysis.model import CorrelatedNoise, FitModel, FloatArray
from labspin.analysis.outcome import FitOutcome, FitStatistics, FittedParameter
from labspin.arrays import Numbers
from labspin.errors import FitError

__all__ = ["chi2_probability", "fit_curve"]

_ROUNDS = 2
"""Estimates of correlated noise, each followed by a fit that is weighted by it."""


@np.errstate(all="ignore")  # what overflows is not finite, and judged as that
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
    model
        What to fit; a model of power spectra is fitted by `fit_spectrum` instead.
    x, y
        Shape (n,); y may be complex for a complex model.
    sigma
        Standard deviation of each point, shape (n,) or a number; for complex data, of both parts, or
        σ of the real part + i σ of the imaginary part. Given: the errors are absolute and the fit
        is tested against them. None: equal weights, errors from the scatter about the fit.
    start, fixed, bounds, tied
        By parameter name: starting value; value to hold, even beyond a limit; (minimum, maximum); expression
        of other parameters.
    name
        Name of the result; empty: the name of the model.
    quantity
        What y is, as the result quotes it.
    axes
        Name and unit of x, name and unit of y.
    noise
        Correlated noise of the points, such as that of an earlier outcome of the same points: then all of
        them are fitted; None: what the model finds.

    Returns
    -------
    outcome
        Values with standard errors, statistics, curves and warnings.

    Raises
    ------
    FitError
        Fewer points than parameters, an unknown parameter, or a model that is not finite at the start.
    """
    _require_model(model)
    if model.likelihood != "normal":
        raise FitError(f"model {model.name}: is not fitted by least squares; use fit_spectrum")
    _require_numbers(model, {**(start or {}), **(fixed or {})})
    x, y, sigma, axes = in_units_of(model, x, y, sigma, axes)
    described = as_model(model, x, bounds or {})
    points, trace, errors = _clean(described, x, y, sigma, windowed=noise is None)
    task = _task(described, (points, trace, errors), start or {}, fixed or {}, tied or {})
    _check_size(described, points.size * (2 if described.is_complex else 1), int(task.free.sum()))
    sheet = solve(task)
    if described.noise is not None:
        task, sheet = _weighted(task, sheet, errors, noise)
    return _outcome(task, sheet, errors, name or model.name, quantity, axes)


def _require_model(given: object) -> None:
    if not isinstance(given, FitModel):
        hint = f"; load_model({given!r}) makes one" if isinstance(given, str) else ""
        raise FitError(f"fit_curve: wanted a model, got {given!r}{hint}")


def _require_numbers(model: FitModel, given: Mapping[str, object]) -> None:
    for name, value in given.items():
        if isinstance(value, str):
            raise FitError(
                f"model {model.name}: {name}: wanted a number in the units of x and y, got {value!r}; "
                "labspin.units.parse_quantity reads a text"
            )


def _weighted(
    task: Task, sheet: Sheet, sigma: NDArray[np.generic] | None, given: CorrelatedNoise | None
) -> tuple[Task, Sheet]:
    """Return the fit weighted by the covariance of correlated noise, if there is any."""
    model, noise = task.model, given
    for _ in range(_ROUNDS if given is None else 1):
        if given is None and model.noise is not None:
            values = sheet.values[0]
            named = dict(zip(model.names, values.tolist(), strict=True))
            derivatives = derivatives_at(task, values, sheet.stderr()[0])[task.free]
            found = model.noise(task.x, task.y - model.evaluate(task.x, named), derivatives, named, sigma)
            noise = found or noise
        if noise is None:
            break
        again = replace(task, noise=noise, start=sheet.values[0])
        better = solve(again)
        if better.status[0] == 2 or not np.isfinite(better.chi2[0]):
            break
        task, sheet = again, better
    return task, sheet


def chi2_probability(chi2: float, degrees_of_freedom: int) -> float:
    """Return the probability that χ² exceeds ``chi2`` if model and errors are right.

    Parameters
    ----------
    chi2
        Sum of squared weighted residuals.
    degrees_of_freedom
        Points minus fitted parameters.

    Returns
    -------
    probability
        Between 0 and 1; NaN without a degree of freedom.
    """
    from scipy.special import gammaincc

    return float(gammaincc(degrees_of_freedom / 2, chi2 / 2)) if degrees_of_freedom > 0 else math.nan


def _clean(
    model: FitModel, x: ArrayLike, y: ArrayLike, sigma: ArrayLike | None, *, windowed: bool = True
) -> tuple[FloatArray, Numbers, Numbers | None]:
    points = np.asarray(x, np.float64)
    trace = np.asarray(y)
    trace = trace.astype(np.complex128 if model.is_complex else np.float64)
    if points.ndim != 1 or points.shape != trace.shape:
        raise FitError(
            f"model {model.name}: wanted x and y of one shape (n,), got {points.shape} and {trace.shape}"
        )
    usable = np.isfinite(points) & np.isfinite(trace)
    errors: Numbers | None = None
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


def _weights(model: FitModel, errors: NDArray[np.generic]) -> FloatArray:
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


def _task(
    model: FitModel,
    data: tuple[FloatArray, Numbers, Numbers | None],
    start: Mapping[str, float],
    fixed: Mapping[str, float],
    tied: Mapping[str, str],
) -> Task:
    x, y, errors = data
    for name in {*start, *fixed, *tied}:
        model.parameter(name)
    if x.size == 0:
        raise FitError(f"model {model.name}: no finite points to fit")
    weights = None if errors is None else _weights(model, errors)
    ties = Ties.made(model, tied)
    known = set(model.names) <= {*start, *fixed, *tied}
    held = {p.name: p.value for p in model.parameters if p.value is not None and p.name not in start}
    guessed = {} if known else model.guess(x, y, None if model.is_complex else weights, held | {**fixed})
    begin = guessed | held | {**start} | {**fixed}
    read = {p.name for p in model.parameters if p.from_data and p.name not in start}
    held_ones = {*held, *read, *fixed, *tied}
    free = np.array([name not in held_ones for name in model.names])
    first = np.array([
        float(p.inside(begin[p.name])) if varies else float(begin.get(p.name, math.nan))
        for p, varies in zip(model.parameters, free, strict=True)
    ])  # fmt: skip
    return Task(model, x, y, weights, first, free, ties, absolute=errors is not None)


def _outcome(
    task: Task,
    sheet: Sheet,
    sigma: Numbers | None,
    name: str,
    quantity: str,
    axes: tuple[str, str, str, str],
) -> FitOutcome:
    model, x = task.model, task.x
    values = dict(zip(model.names, sheet.values[0].tolist(), strict=True))
    fine = curve_grid(x, lambda grid: model.curve(grid, values))
    outcome = FitOutcome(
        name=name,
        quantity=quantity,
        model=model.name,
        equation=model.equation,
        parameters=_fitted(task, sheet, model.units(axes[1], axes[3])),
        covariance_names=tuple(key for key, varies in zip(model.names, task.free, strict=True) if varies),
        covariance=sheet.covariance[0],
        statistics=_statistics(sheet, x.size, sigma),
        x=x,
        y=task.y,
        sigma=sigma,
        best=model.evaluate(x, values),
        curve_x=fine,
        curve_y=model.curve(fine, values),
        x_name=axes[0],
        x_unit=axes[1],
        y_name=axes[2],
        y_unit=axes[3],
        noise=task.noise,
        likelihood=model.likelihood,
        ends=sheet.ends.get(0, {}),
    )
    return outcome.with_changes(warnings=warnings_of(model, outcome))


def _fitted(task: Task, sheet: Sheet, units: Mapping[str, str]) -> tuple[FittedParameter, ...]:
    values, errors = sheet.values[0], sheet.stderr()[0]
    if task.ties.expressions:
        through = task.ties.slopes(values)[:, task.free]
        variance = np.einsum("pi,ij,pj->p", through, np.nan_to_num(sheet.covariance[0]), through)
        for place in task.ties.expressions:
            errors[place] = math.sqrt(variance[place]) if sheet.status[0] in (0, 1, 7) else math.nan
    return tuple(
        FittedParameter(
            name=p.name,
            value=float(value),
            stderr=float(error),
            unit=units[p.name],
            fixed=not varies and place not in task.ties.expressions,
            description=p.description,
        )
        for place, (p, value, error, varies) in enumerate(
            zip(task.model.parameters, values, errors, task.free, strict=True)
        )
    )


def _statistics(sheet: Sheet, points: int, sigma: NDArray[np.generic] | None) -> FitStatistics:
    chi2, numbers, free = float(sheet.chi2[0]), int(sheet.points[0]), int(sheet.free.sum())
    freedom = numbers - free
    with np.errstate(divide="ignore"):
        # With known errors the likelihood is e^(−χ²/2); without, their size is one more thing to estimate.
        misfit = chi2 if sigma is not None else numbers * float(np.log(chi2 / numbers))
    return FitStatistics(
        chi2=chi2,
        degrees_of_freedom=freedom,
        points=points,
        p_value=None if sigma is None else chi2_probability(chi2, freedom),
        aic=misfit + 2 * free,
        bic=misfit + free * math.log(max(numbers, 1)),
        errors_from_scatter=sigma is None,
        converged=int(sheet.status[0]) in (0, 1, 3, 7),
        evaluations=int(sheet.iterations[0]),
    )
