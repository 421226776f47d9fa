"""Fits read back from a run file as they were made, as far as the file keeps them: `outcomes_of`.

A record keeps data and model at the fitted points; the errors of the points are taken from the run by the
stored recipe. No model is loaded and nothing is evaluated: a file from elsewhere runs no code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labspin.analysis.model import FloatArray
from labspin.analysis.outcome import FitOutcome, FitStatistics, FittedParameter
from labspin.analysis.recipes import Recipe
from labspin.analysis.storage import warnings_of_trace
from labspin.analysis.traces import Trace, traces_of
from labspin.errors import LabspinError

if TYPE_CHECKING:
    from labspin.data import FitRecord, Run

__all__ = ["outcomes_of"]


def outcomes_of(run: Run, record: FitRecord, *, most: int | None = None) -> list[FitOutcome]:
    """Return the fits of a record, a trace each, at most ``most``; none where it keeps no curves."""
    curve = record.curve
    if curve is None or curve.data is None or len(curve.axes) != 1 or len(record.dimensions) > 1:
        return []
    x = curve.axes[0].values
    best, data = (np.atleast_2d(values)[:most] for values in (curve.values, curve.data))
    traces = _traces(run, record)
    order = np.argsort(x, kind="stable")
    found = []
    for index in range(len(best)):
        trace = traces[index] if index < len(traces) else None
        names = (curve.axes[0].name, curve.axes[0].unit, record.quantity, curve.unit)
        if trace is not None:
            names = (trace.x_name, trace.x_unit, trace.y_name, trace.y_unit)
        label = "" if trace is None else trace.label
        found.append(
            FitOutcome(
                name=record.name, quantity=record.quantity, model=record.model,
                equation=str(record.recipe.get("equation", "")),
                parameters=_parameters(record, index),
                covariance_names=tuple(p.name for p in record.parameters if p.varied),
                covariance=_covariance(record, index), statistics=_statistics(record, index),
                x=x, y=data[index], sigma=_sigma(trace, x), best=best[index],
                curve_x=x[order], curve_y=best[index][order],
                x_name=names[0], x_unit=names[1] or "1", y_name=names[2], y_unit=names[3] or "1",
                recipe=f"{record.recipe.get('name', '')} {record.recipe.get('digest', '')}".strip(),
                source=str(run.path), label=", ".join(word for word in (run.header.label, label) if word),
                warnings=warnings_of_trace(record, index),
            )
        )  # fmt: skip
    return found


def _traces(run: Run, record: FitRecord) -> list[Trace]:
    """Return the traces of the run that were fitted, by the stored recipe; none where it does not tell."""
    stored = record.recipe
    keys = {"x", "y", "sigma", "select"} & set(stored)
    try:
        recipe = Recipe(name=record.name, model=record.model, **{key: stored[key] for key in keys})
        return traces_of(run, recipe)
    except (LabspinError, TypeError, ValueError, AttributeError):
        return []


def _sigma(trace: Trace | None, x: FloatArray) -> FloatArray | None:
    if trace is None or trace.sigma is None:
        return None
    usable = np.isfinite(trace.x) & np.isfinite(trace.y) & np.isfinite(trace.sigma) & (trace.sigma > 0)
    order = np.flatnonzero(usable)[np.argsort(trace.x[usable], kind="stable")]  # as a fit takes them
    sigma: FloatArray = trace.sigma[order]
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
