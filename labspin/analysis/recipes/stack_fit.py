"""All traces of a run fitted at once by the batch engine, and what becomes of it: a record, or single fits.

A run of ten thousand traces is one call of `fit_batch`; the parameters, their errors and statistics stay
arrays until one trace is asked for. Each fit gets the warnings that `fit_curve` gives.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.fitting.axes import in_units_of
from labspin.analysis.fitting.batch import fit_batch
from labspin.analysis.fitting.batch_result import STATUS, BatchResult
from labspin.analysis.fitting.counts import expected_counts, fit_counts, poisson_deviance
from labspin.analysis.fitting.derived import derive_all, split_unit
from labspin.analysis.fitting.diagnosis import warnings_of
from labspin.analysis.fitting.grids import curve_grid
from labspin.analysis.model import FitModel, FloatArray
from labspin.analysis.outcome import FitOutcome, FitStatistics, FittedParameter
from labspin.analysis.recipes.fit_records import recipe_table, safe_name
from labspin.analysis.recipes.recipe import Recipe
from labspin.analysis.recipes.traces import Stack
from labspin.arrays import Numbers

if TYPE_CHECKING:
    from labspin.data import FitCurve, FitParameter, FitRecord

__all__ = ["StackFit", "fit_stack", "suits_batch"]

_NOT_POSITIVE = "points whose error is not positive were left out"


def suits_batch(stack: Stack, model: FitModel, recipe: Recipe) -> bool:
    """Return whether the batch engine takes such a fit; otherwise the traces are fitted one by one.

    Parameters
    ----------
    stack
        The traces to fit.
    model
        The model of the fit.
    recipe
        How to fit; one with tied parameters is not for the batch engine.
    """
    plain = model.likelihood == "normal" and model.noise is None and not recipe.tied
    complex_errors = stack.sigma is not None and np.iscomplexobj(stack.sigma)
    return plain and not complex_errors and stack.y.shape[1] > 0


def fit_stack(
    stack: Stack,
    model: FitModel,
    recipe: Recipe,
    *,
    start: Mapping[str, float],
    fixed: Mapping[str, float],
    bounds: Mapping[str, tuple[float, float]],
    quick: bool = False,
) -> StackFit:
    """Fit every trace of ``stack`` at once.

    Parameters
    ----------
    stack
        The traces to fit.
    model
        The model of the fit.
    recipe
        Says what sigma is, how the results are named, and which quantities are derived.
    start, fixed, bounds
        By parameter name: starting value; value to hold; (minimum, maximum). As plain numbers in the units of
        the model's parameters.
    quick
        Skip the spot check by lmfit, and its refit of what did not converge.
    """
    converted = in_units_of(model, stack.x, stack.y, stack.sigma, stack.names)
    stack = replace(stack, x=converted[0], y=converted[1], sigma=converted[2], names=converted[3])
    kind = np.complex128 if model.is_complex else np.float64
    y: Numbers = np.where(stack.keep, stack.y, np.nan).astype(kind)
    x, sigma = stack.x, stack.sigma
    order = np.argsort(x, axis=-1, kind="stable")
    if x.ndim == 1:
        x, y = x[order], y[:, order]
        sigma = None if sigma is None else sigma[:, order]
    else:
        x, y = np.take_along_axis(x, order, -1), np.take_along_axis(y, order, -1)
        sigma = None if sigma is None else np.take_along_axis(sigma, order, -1)
    if sigma is not None:
        with np.errstate(invalid="ignore"):
            sigma = np.where(sigma > 0, sigma, np.nan).astype(np.float64)
    settings: dict[str, Any] = {"start": start, "fixed": fixed, "bounds": bounds}
    settings["units"] = (stack.names[1], stack.names[3])
    settings |= {"check": 0, "fallback": False} if quick else {}
    deviance = None
    if recipe.sigma == "likelihood":
        counts = y.real.astype(np.float64)
        result = fit_counts(model, x, counts, **settings)
        expected = expected_counts(model, x, result.values, counts)
        sigma = np.where(np.isfinite(counts), np.sqrt(expected), np.nan)
        deviance = poisson_deviance(counts, expected)
    else:
        result = fit_batch(model, x, y, sigma, **settings)
    return StackFit(stack, model, recipe, result, x, y, sigma, deviance)


@dataclass(frozen=True, eq=False)
class StackFit:
    """Fits of one model to a stack of traces.

    Attributes
    ----------
    x, y, sigma
        What was fitted, in the order of x: x (n,) or (N, n), the others (N, n), NaN for a point left out.
    deviance
        Deviance of a fit by Poisson's likelihood, (N,).
    """

    stack: Stack
    model: FitModel
    recipe: Recipe
    result: BatchResult
    x: FloatArray
    y: Numbers
    sigma: Numbers | None
    deviance: FloatArray | None = None

    @functools.cached_property
    def _freedom(self) -> NDArray[np.int64]:
        return self.result.points - len(self.result.free)

    @functools.cached_property
    def _p_value(self) -> FloatArray | None:
        if not self.result.absolute:
            return None
        from scipy.special import gammaincc

        found = gammaincc(np.maximum(self._freedom, 1) / 2, self.result.chi2 / 2)
        return np.where(self._freedom > 0, found, np.nan)

    @functools.cached_property
    def _information(self) -> tuple[FloatArray, FloatArray]:
        """AIC and BIC, as `fit_curve` counts them."""
        k, n = len(self.result.free), np.maximum(self.result.points, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            misfit = self.result.chi2 if self.result.absolute else n * np.log(self.result.chi2 / n)
        misfit = misfit if self.deviance is None else self.deviance
        return misfit + 2 * k, misfit + k * np.log(n)

    @property
    def bic(self) -> FloatArray:
        """Bayes' criterion of each trace."""
        return self._information[1]

    @functools.cached_property
    def _derived(self) -> dict[str, tuple[FloatArray, FloatArray, str]]:
        columns = {name: self.result[name] for name in self.result.names}
        found = {}
        for name, text in self.recipe.derived.items():
            expression, unit = split_unit(text)
            value, stderr = derive_all(columns, self.result.free, self.result.covariance, expression)
            found[name] = (value, stderr, unit)
        return found

    def with_part(self, part: StackFit, rows: NDArray[np.intp]) -> StackFit:
        """Return these fits with those of some traces replaced by other fits of them.

        Parameters
        ----------
        part
            Other fits of some of these traces by the same model.
        rows
            Numbers of these traces, in the order of ``part``.
        """

        def merged(whole: object, own: object) -> Any:
            whole = np.array(whole)
            whole[rows] = own
            return whole

        arrays = ("values", "stderr", "covariance", "chi2", "points", "status", "iterations")
        told = {name: getattr(part.result, name) for name in ("checked", "deviation", "stderr_deviation")}
        new = {name: merged(getattr(self.result, name), getattr(part.result, name)) for name in arrays}
        likelihood = self.deviance is not None
        return replace(
            self,
            result=replace(self.result, **new, **told),
            sigma=merged(self.sigma, part.sigma) if likelihood else self.sigma,
            deviance=merged(self.deviance, part.deviance) if likelihood else None,
        )

    def used(self, trace: int) -> NDArray[np.intp]:
        """Return which points of a trace were fitted.

        Parameters
        ----------
        trace
            Number of the trace, from 0.

        Returns
        -------
        places
            Indices of the points, in the order of ``x``.
        """
        x = self.x if self.x.ndim == 1 else self.x[trace]
        there = np.isfinite(x) & np.isfinite(self.y[trace])
        if self.sigma is not None:
            there &= np.isfinite(self.sigma[trace])
        if self.model.window is not None and there.any():
            there[there] = self.model.window(x[there], self.y[trace][there])
        return np.flatnonzero(there)

    def outcome(self, trace: int, *, fine: bool = True) -> FitOutcome:
        """Return one fit by itself; without ``fine``, quickly and without curves and warnings.

        Parameters
        ----------
        trace
            Number of the trace, from 0.
        fine
            Evaluate the fitted curves and collect the warnings.
        """
        used, result = self.used(trace), self.result
        x = (self.x if self.x.ndim == 1 else self.x[trace])[used]
        values = dict(zip(result.names, self._numbers[0][trace], strict=True))
        grid = curve_grid(x, lambda at: self.model.curve(at, values)) if fine and x.size else x
        # Without errors of the points, only the residuals can tell whether the model misses something.
        is_evaluated = fine or self.sigma is None
        outcome = FitOutcome(
            name=self.recipe.result_name or self.recipe.name,
            quantity=self.recipe.y,
            model=self.model.name,
            equation=self.model.equation,
            parameters=self._parameters(trace),
            covariance_names=result.free,
            covariance=result.covariance[trace],
            statistics=self._statistics(trace, used.size),
            x=x,
            y=self.y[trace][used],
            sigma=None if self.sigma is None else self.sigma[trace][used],
            best=self.model.evaluate(x, values) if is_evaluated else self.y[trace][used],
            curve_x=grid,
            curve_y=self.model.curve(grid, values) if fine else self.y[trace][used],
            x_name=self.stack.names[0],
            x_unit=self.stack.names[1],
            y_name=self.stack.names[2],
            y_unit=self.stack.names[3],
            label=self.stack.labels[trace],
            likelihood=self.model.likelihood,
            ends=result.ends.get(trace, {}),
        )
        return outcome.with_changes(warnings=self._warnings(outcome, trace)) if fine else outcome

    @functools.cached_property
    def _numbers(self) -> tuple[list[list[float]], list[list[float]]]:
        """Values and errors of all traces as plain numbers; arrays give them up slowly, one by one."""
        return self.result.values.tolist(), self.result.stderr.tolist()

    def _parameters(self, trace: int) -> tuple[FittedParameter, ...]:
        result, (values, errors) = self.result, self._numbers
        fitted = tuple(
            FittedParameter(
                p.name, value, error, result.units[p.name], p.name not in result.free, False, p.description
            )
            for p, value, error in zip(self.model.parameters, values[trace], errors[trace], strict=True)
        )
        derived = tuple(
            FittedParameter(name, float(value[trace]), float(stderr[trace]), unit, derived=True)
            for name, (value, stderr, unit) in self._derived.items()
        )
        return fitted + derived

    def _statistics(self, trace: int, points: int) -> FitStatistics:
        aic, bic = self._information
        probability = None if self._p_value is None else float(self._p_value[trace])
        return FitStatistics(
            chi2=float(self.result.chi2[trace]),
            degrees_of_freedom=int(self._freedom[trace]),
            points=points,
            p_value=probability,
            aic=float(aic[trace]),
            bic=float(bic[trace]),
            errors_from_scatter=not self.result.absolute,
            converged=bool(self.result.converged[trace]),
            evaluations=int(self.result.iterations[trace]),
        )

    def _warnings(self, outcome: FitOutcome, trace: int) -> tuple[str, ...]:
        status = int(self.result.status[trace])
        if not self.result.fitted[trace]:
            return (f"not fitted: {STATUS[status]}", *self.stack.remarks[trace])
        found = warnings_of(self.model, outcome)
        sigma = self.stack.sigma
        if sigma is not None and np.any(sigma[trace][self.stack.keep[trace]] <= 0):
            found = (*found, _NOT_POSITIVE)
        return (*found, *self.stack.remarks[trace])

    def warnings(self, which: NDArray[np.bool_] | None = None) -> list[str]:
        """Return what is doubtful about each trace.

        Parameters
        ----------
        which
            Traces whose warnings are wanted, shape (N,); None: all.

        Returns
        -------
        warnings
            One text a trace, with ``" | "`` between warnings; empty where there is none or it is not wanted.
        """
        return [
            " | ".join(self._warnings(self.outcome(trace, fine=False), trace))
            if which is None or which[trace]
            else ""
            for trace in range(len(self.stack))
        ]

    def record(self, *, curves: bool = True, warned: NDArray[np.bool_] | None = None) -> FitRecord:
        """Return the fits as a run file keeps them, along the dimension ``trace``.

        Parameters
        ----------
        curves
            Keep data and fitted curves, where all traces share x.
        warned
            Traces whose warnings are wanted, shape (N,); None: all. They take longer than the rest.
        """
        from labspin.data import Dimension, FitRecord

        count, recipe = len(self.stack), self.recipe
        return FitRecord(
            name=safe_name(recipe.result_name or recipe.name),
            quantity=recipe.y,
            model=self.model.name,
            recipe=recipe_table(recipe, self.model.equation),
            parameters=self._record_parameters(),
            covariance=self.result.covariance,
            statistics=self._record_statistics(warned),
            dimensions=(Dimension(name="trace", unit="1", values=np.arange(float(count))),),
            curve=self._record_curve() if curves and self.x.ndim == 1 else None,
        )

    def _record_parameters(self) -> tuple[FitParameter, ...]:
        from labspin.data import FitParameter

        result = self.result
        names = [*result.free, *(name for name in result.names if name not in result.free)]
        fitted = [
            (name, result[name], result.error(name), result.units[name], name in result.free)
            for name in names
        ]
        derived = [(name, *found, False) for name, found in self._derived.items()]
        return tuple(
            FitParameter(name=safe_name(name), value=value, stderr=stderr, unit=unit, varied=varied)
            for name, value, stderr, unit, varied in (*fitted, *derived)
        )

    def _record_statistics(self, warned: NDArray[np.bool_] | None) -> dict[str, object]:
        result = self.result
        aic, bic = self._information
        found: dict[str, object] = {
            "chi_square": result.chi2,
            "reduced_chi_square": result.chi2red,
            "degrees_of_freedom": self._freedom,
            "points": result.points // (2 if self.model.is_complex else 1),
            "success": result.converged,
            "status": result.status.astype(np.int64),
            "aic": aic,
            "bic": bic,
            "errors_from_scatter": not result.absolute,
            "warnings": self.warnings(warned),
            "checked_in_lmfit": result.checked,
        }
        if not math.isnan(result.deviation):
            found["largest_deviation_in_standard_errors"] = result.deviation
        return found if self._p_value is None else {**found, "p_value": self._p_value}

    def _record_curve(self) -> FitCurve:
        from labspin.data import Dimension, FitCurve

        axis = Dimension(name=safe_name(self.stack.names[0]), unit=self.stack.names[1], values=self.x)
        best = self.model.evaluate(self.x, self.result.values)
        return FitCurve(axes=(axis,), values=best, data=self.y, unit=self.stack.names[3])
