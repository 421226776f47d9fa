"""Fits read back from a run file as they were made, as far as the file keeps them: `outcomes_of`.

A record keeps data and model at the fitted points; the errors of the points are taken from the run by the
stored recipe. No model but one of labspin's own is evaluated: a file from elsewhere runs no code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.fitting.counts import LEAST
from labspin.analysis.fitting.grids import curve_grid
from labspin.analysis.model import FitModel, FloatArray
from labspin.analysis.models import MODELS, load_model
from labspin.analysis.outcome import FitOutcome, FitStatistics, FittedParameter
from labspin.analysis.recipes.fit_records import chosen_of_trace, warnings_of_trace
from labspin.analysis.recipes.recipe import Recipe
from labspin.analysis.recipes.traces import Stack, Trace, spread, stack_of
from labspin.arrays import Numbers
from labspin.errors import LabspinError

if TYPE_CHECKING:
    from labspin.data import FitRecord, Run

__all__ = ["fine_curve", "outcomes_of"]


def outcomes_of(run: Run, record: FitRecord, *, most: int | None = None) -> list[FitOutcome]:
    """Return the fits of a record, one a trace; where ``most`` limits them, they are spread over the run.

    Where the record keeps no curves, which are too large for very many traces, a model of labspin is
    evaluated at the stored parameters; with another one there are no fits to return.

    Parameters
    ----------
    run
        The run that the fits belong to, from which errors of the points are taken.
    record
        The fits as the run file keeps them.
    most
        How many fits to return at most; None: all.

    Returns
    -------
    outcomes
        One fit a trace; empty for records of more than one dimension.
    """
    if len(record.dimensions) > 1:
        return []
    count = len(record.dimensions[0]) if record.dimensions else 1
    chosen = range(count) if most is None else spread(count, most)
    traces = _traces(run, record)
    found = []
    for index in chosen:
        trace = traces.trace(index) if traces is not None and index < len(traces) else None
        points = _points(record, index, trace)
        if points is not None:
            found.append(_outcome(run, record, index, trace, *points))
    return found


def _points(record: FitRecord, index: int, trace: Trace | None) -> tuple[FloatArray, Numbers, Numbers] | None:
    """Return x, data and model of one trace at the fitted points."""
    curve = record.curve
    if curve is not None and curve.data is not None and len(curve.axes) == 1:
        x = curve.axes[0].values
        data, best = np.atleast_2d(curve.data)[index], np.atleast_2d(curve.values)[index]
        there = np.isfinite(data)
        return x[there], data[there], best[there]
    known = None if trace is None else _model_at(record, index)
    if trace is None or known is None:
        return None
    there = _usable(trace)
    x, y = trace.x[there], trace.y[there]
    return x, y, known[0].evaluate(x, known[1])


def fine_curve(record: FitRecord, index: int, x: FloatArray) -> tuple[FloatArray, Numbers] | None:
    """Return a fine grid over ``x`` and the fit of a trace there; None where its model is not labspin's.

    Parameters
    ----------
    record
        The fits as the run file keeps them.
    index
        Number of the trace.
    x
        Points of the trace, shape (n,), in the unit of the fit.

    Returns
    -------
    grid, curve
        The grid and the fit on it, each of the same shape (m,); None also where ``x`` is empty or a parameter
        is not finite.
    """
    known = _model_at(record, index)
    if known is None or not x.size or not np.isfinite(list(known[1].values())).all():
        return None
    model, values = known
    grid = curve_grid(x, lambda at: model.curve(at, values))
    return grid, model.curve(grid, values)


def _model_at(record: FitRecord, index: int) -> tuple[FitModel, dict[str, float]] | None:
    """Return the model of a trace and its parameters, where it is one of labspin's."""
    if record.model not in MODELS:
        return None
    try:
        options = {**record.recipe.get("options", {}), **chosen_of_trace(record, index)}
        model = load_model(record.model, **options)
        values = {name: float(record.parameter(name).value.ravel()[index]) for name in model.names}
    except (LabspinError, TypeError):
        return None
    return model, values


def _outcome(
    run: Run, record: FitRecord, index: int, trace: Trace | None, x: FloatArray, y: Numbers, best: Numbers
) -> FitOutcome:
    order = np.argsort(x, kind="stable")
    names = (record.quantity, "1", record.quantity, "1")
    if record.curve is not None:
        axis = record.curve.axes[0]
        said = str(record.recipe.get("y_name") or record.quantity)
        names = (axis.name.replace("_", " "), axis.unit, said, record.curve.unit)
    if trace is not None:
        names = (trace.x_name, trace.x_unit, trace.y_name, trace.y_unit)
    if run.header.procedure == "chain":
        names = (axis_words(run, names[0]), names[1], axis_words(run, names[2]), names[3])
    label = "" if trace is None else trace.label
    curve = fine_curve(record, index, x) or (x[order], best[order])
    model = load_model(record.model) if record.model in MODELS else None
    return FitOutcome(
        name=record.name, quantity=record.quantity, model=record.model,
        equation=str(record.recipe.get("equation", "")),
        parameters=_parameters(record, index),
        covariance_names=tuple(p.name for p in record.parameters if p.varied),
        covariance=_covariance(record, index), statistics=_statistics(record, index),
        x=x, y=y, sigma=_sigma(record, index, trace, x, best), best=best, curve_x=curve[0], curve_y=curve[1],
        x_name=names[0], x_unit=names[1] or "1", y_name=names[2], y_unit=names[3] or "1",
        recipe=f"{record.recipe.get('name', '')} {record.recipe.get('digest', '')}".strip(),
        source=str(run.path), label=", ".join(word for word in (run.header.label, label) if word),
        warnings=warnings_of_trace(record, index), chosen=chosen_of_trace(record, index),
        likelihood=model.likelihood if model else "normal",
    )  # fmt: skip


def _traces(run: Run, record: FitRecord) -> Stack | None:
    """Return the traces of the run that were fitted, by the stored recipe; None where it does not tell."""
    stored = record.recipe
    keys = {"x", "y", "sigma", "select", "y_name"} & set(stored)
    try:
        recipe = Recipe(name=record.name, model=record.model, **{key: stored[key] for key in keys})
        return stack_of(run, recipe)
    except (LabspinError, TypeError, ValueError, AttributeError):
        return None


def _usable(trace: Trace) -> NDArray[np.intp]:
    """Return the points that a fit takes, in the order of x."""
    usable = np.isfinite(trace.x) & np.isfinite(trace.y)
    if trace.sigma is not None:
        usable &= np.isfinite(trace.sigma) & (trace.sigma > 0)
    return np.flatnonzero(usable)[np.argsort(trace.x[usable], kind="stable")]


def _sigma(record: FitRecord, index: int, trace: Trace | None, x: FloatArray, best: object) -> Numbers | None:
    curve = record.curve
    if curve is not None and curve.errors is not None and curve.data is not None and len(curve.axes) == 1:
        return np.asarray(np.atleast_2d(curve.errors)[index][np.isfinite(np.atleast_2d(curve.data)[index])])
    if record.recipe.get("sigma") == "likelihood":  # the variance of a count is what is expected
        return np.sqrt(np.maximum(np.asarray(best, np.float64), LEAST))
    if trace is None or trace.sigma is None:
        return None
    order = _usable(trace)
    sigma = trace.sigma[order]
    return sigma if np.array_equal(trace.x[order], x) else None


def _parameters(record: FitRecord, trace: int) -> tuple[FittedParameter, ...]:
    derived = record.recipe.get("derived")
    computed = set(derived) if isinstance(derived, dict) else set()
    return tuple(
        FittedParameter(
            p.name,
            float(p.value.ravel()[trace]),
            float(p.stderr.ravel()[trace]),
            p.unit or "1",
            fixed=not p.varied and p.name not in computed,
            derived=p.name in computed,
        )
        for p in record.parameters
    )


def _covariance(record: FitRecord, trace: int) -> FloatArray:
    if record.covariance is None:
        varied = sum(p.varied for p in record.parameters)
        return np.full((varied, varied), np.nan)
    covariance: FloatArray = record.covariance[trace] if record.dimensions else record.covariance
    return covariance


def _statistics(record: FitRecord, trace: int) -> FitStatistics:
    def number(key: str) -> float:
        try:
            values = np.atleast_1d(np.asarray(record.statistics.get(key), np.float64)).ravel()
        except (TypeError, ValueError):
            return float("nan")
        return float(values[trace]) if trace < values.size else float("nan")

    def whole(key: str) -> int:
        value = number(key)
        return int(value) if np.isfinite(value) else 0

    probability = number("p_value")
    return FitStatistics(
        chi2=number("chi_square"),
        degrees_of_freedom=whole("degrees_of_freedom"),
        points=whole("points"),
        p_value=None if np.isnan(probability) else probability,
        aic=number("aic"),
        bic=number("bic"),
        errors_from_scatter=bool(record.statistics.get("errors_from_scatter", True)),
        converged=bool(whole("success")),
    )


def axis_words(run: Run, name: str) -> str:
    """Return what the axis of a column is called: in a chain, the fitted quantities behind its x and y."""
    columns = {column.name: column for column in run.header.layout.columns}
    if run.header.procedure == "chain" and name in ("x", "y") and name in columns:
        return columns[name].description or name
    return name
