"""The fits that stand in a run file: parameters ± errors, χ², residuals, warnings, and the truth if known.

Nothing is fitted again: the page shows what is stored. A record keeps data and model at the fitted points;
the errors of the points are taken from the run by the stored recipe, so that residuals can be shown in
units of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from labspin.analysis.model import FloatArray
from labspin.analysis.outcome import FitOutcome, FitStatistics, FittedParameter, with_error
from labspin.analysis.recipes import Recipe
from labspin.analysis.report.page import Html, folded, join, pairs, section, table, tag
from labspin.analysis.report.pictures import fit_picture, parameter_picture
from labspin.analysis.report.words import flattened, shown
from labspin.analysis.traces import traces_of
from labspin.errors import LabspinError

if TYPE_CHECKING:
    from labspin.data import FitRecord, Run

__all__ = ["fit_sections", "fit_warnings"]

_DRAWN = 6
_LISTED = 200
_BAD = 1e-3


def fit_sections(run: Run) -> Html:
    """Return a section a fit."""
    if not run.fits:
        hint = "No fit stands in the run file; `labspin fit` makes one."
        return section("Fits", tag("p", hint, class_="note"))
    return join(section(f"Fit {record.name}", *_fit(run, record)) for record in run.fits)


def fit_warnings(record: FitRecord) -> list[str]:
    """Return what is to be distrusted about a fit."""
    stored = record.statistics.get("warnings", "")
    texts = stored.split(" | ") if isinstance(stored, str) else [str(item) for item in stored]
    found = [text.strip(": ") for text in texts if text.strip(": ")]
    converged = np.atleast_1d(np.asarray(record.statistics.get("success", True), bool))
    if not converged.all():
        found.append(f"{int((~converged).sum())} of {converged.size} fits did not converge")
    probability = _numbers(record.statistics.get("p_value"))
    poor = int((probability < _BAD).sum())
    if poor and not found:
        found.append(f"{poor} of {probability.size} fits have a χ² of probability below {_BAD:g}")
    return found


def _fit(run: Run, record: FitRecord) -> list[Html]:
    several = bool(record.dimensions)
    outcomes = _outcomes(run, record)
    parts = [tag("p", f"{record.model} on {record.quantity}; {shown(record.recipe.get('equation', ''))}")]
    warnings = fit_warnings(record)
    if warnings:
        parts.append(tag("div", tag("ul", *(tag("li", text) for text in warnings)), class_="box"))
    if outcomes:
        more = f" (the first {len(outcomes)} traces)" if several and len(outcomes) < _count(record) else ""
        parts.append(fit_picture(outcomes, f"Data, fit and residuals{more}"))
    if several:
        parts += [parameter_picture(record), _many(record)]
    else:
        parts += [_one(record, run.header.truth or {}), _goodness(record.statistics)]
    parts.append(folded("Recipe, covariance and version", _recipe(record)))
    return parts


def _one(record: FitRecord, truth: Mapping[str, Any]) -> Html:
    known = {p.name: value for p in record.parameters if (value := _single(truth.get(p.name))) is not None}
    heads = ["parameter", "value ± standard error", "relative", ""]
    if known:
        heads += ["ground truth", "fit − truth"]
    rows = []
    for parameter in record.parameters:
        value, stderr = float(parameter.value), float(parameter.stderr)
        relative = f"{abs(stderr / value):.2%}" if value and stderr > 0 else "–"
        kind = "" if parameter.varied else "derived" if stderr > 0 else "fixed or derived"
        row = [parameter.name, with_error(value, stderr, _unit(parameter.unit)), relative, kind]
        if known:
            row += _against(known.get(parameter.name), value, stderr, _unit(parameter.unit))
        rows.append(row)
    return table(heads, rows)


def _against(truth: float | None, value: float, stderr: float, unit: str) -> list[str]:
    if truth is None:
        return ["", ""]
    return [
        with_error(truth, math.nan, unit),
        f"{(value - truth) / stderr:+.2f} σ" if stderr > 0 else shown(value - truth),
    ]


def _single(truth: Any) -> float | None:
    """Return the truth as one number, where it is one."""
    values = _numbers(truth)
    return float(values[0]) if values.size and np.all(values == values[0]) else None


def _goodness(statistics: Mapping[str, Any]) -> Html:
    content = []
    for key, name in (
        ("chi_square", "χ²"),
        ("degrees_of_freedom", "degrees of freedom"),
        ("reduced_chi_square", "reduced χ²"),
        ("p_value", "probability of a larger χ²"),
        ("points", "points"),
        ("aic", "AIC"),
        ("bic", "BIC"),
    ):
        if statistics.get(key) is not None:
            value = statistics[key]
            content.append((name, f"{value:.4g}" if isinstance(value, float) else shown(value)))
    if statistics.get("errors_from_scatter"):
        content.append(("standard errors", "scaled to the scatter about the fit; χ² tests nothing"))
    return pairs(content)


def _many(record: FitRecord) -> Html:
    heads = ["trace", *(parameter.name for parameter in record.parameters), "reduced χ²", "p"]
    count = _count(record)
    chi2 = _numbers(record.statistics.get("reduced_chi_square"))
    probability = _numbers(record.statistics.get("p_value"))
    rows = []
    for trace in range(min(count, _LISTED)):
        cells = [
            with_error(float(p.value.ravel()[trace]), float(p.stderr.ravel()[trace]), _unit(p.unit))
            for p in record.parameters
        ]
        rows.append([str(trace), *cells, _at(chi2, trace), _at(probability, trace)])
    more = f"… and {count - _LISTED} more traces in the run file." if count > _LISTED else ""
    return join([table(heads, rows), tag("p", more, class_="note") if more else ""])


def _at(values: FloatArray, place: int) -> str:
    return f"{values[place]:.3g}" if place < values.size and math.isfinite(values[place]) else "–"


def _recipe(record: FitRecord) -> Html:
    content = [("labspin", record.version), ("fitted", record.date)]
    content += [(name, shown(value)) for name, value in flattened(record.recipe)]
    parts = [pairs(content)]
    if record.covariance is not None and record.covariance.ndim == 2:
        names = [parameter.name for parameter in record.parameters if parameter.varied]
        rows = [
            [name, *(f"{value:.4g}" for value in row)]
            for name, row in zip(names, record.covariance, strict=False)
        ]
        parts.append(table(["covariance", *names], rows))
    return join(parts)


def _outcomes(run: Run, record: FitRecord) -> list[FitOutcome]:
    """Return the first traces of a record as they were fitted, to be drawn."""
    curve = record.curve
    if curve is None or curve.data is None or len(curve.axes) != 1 or len(record.dimensions) > 1:
        return []
    axis = curve.axes[0]
    best = np.atleast_2d(curve.values)[:_DRAWN]
    data = np.atleast_2d(curve.data)[:_DRAWN]
    traces = _traces(run, record)
    order = np.argsort(axis.values, kind="stable")
    found = []
    for index in range(len(best)):
        trace = traces[index] if index < len(traces) else None
        names = (axis.name, axis.unit, record.quantity, curve.unit)
        if trace is not None:
            names = (trace.x_name, trace.x_unit, trace.y_name, trace.y_unit)
        found.append(
            FitOutcome(
                name=record.name, quantity=record.quantity, model=record.model,
                equation=shown(record.recipe.get("equation", "")),
                parameters=_parameters(record, index), covariance_names=(), covariance=np.zeros((0, 0)),
                statistics=_no_statistics(axis.values.size),
                x=axis.values, y=data[index], sigma=_sigma(trace, axis.values), best=best[index],
                curve_x=axis.values[order], curve_y=best[index][order],
                x_name=names[0], x_unit=_unit(names[1]), y_name=names[2], y_unit=_unit(names[3]),
                label="" if trace is None else trace.label,
            )
        )  # fmt: skip
    return found


def _traces(run: Run, record: FitRecord) -> list[Any]:
    """Return the traces of the run that were fitted, by the stored recipe; none where it does not tell."""
    stored = record.recipe
    keys = {"x", "y", "sigma", "select"} & set(stored)
    try:
        recipe = Recipe(name=record.name, model=record.model, **{key: stored[key] for key in keys})
        return traces_of(run, recipe)
    except (LabspinError, TypeError, ValueError, AttributeError):
        return []


def _sigma(trace: Any, x: FloatArray) -> FloatArray | None:
    if trace is None or trace.sigma is None:
        return None
    usable = np.isfinite(trace.x) & np.isfinite(trace.y) & np.isfinite(trace.sigma) & (trace.sigma > 0)
    order = np.flatnonzero(usable)[np.argsort(trace.x[usable], kind="stable")]  # as a fit takes them
    sigma: FloatArray = trace.sigma[order]
    return sigma if np.array_equal(trace.x[order], x) else None


def _parameters(record: FitRecord, trace: int) -> tuple[FittedParameter, ...]:
    return tuple(
        FittedParameter(
            p.name, float(p.value.ravel()[trace]), float(p.stderr.ravel()[trace]), _unit(p.unit), not p.varied
        )
        for p in record.parameters
    )


def _no_statistics(points: int) -> FitStatistics:
    """Return a blank: the figures of merit of the page come from the record itself."""
    return FitStatistics(
        chi2=math.nan, degrees_of_freedom=0, points=points, p_value=None, aic=math.nan, bic=math.nan,
        errors_from_scatter=True, converged=True,
    )  # fmt: skip


def _count(record: FitRecord) -> int:
    return int(np.prod([len(dimension) for dimension in record.dimensions], dtype=int))


def _numbers(value: Any) -> FloatArray:
    try:
        return np.atleast_1d(np.asarray([] if value is None else value, np.float64)).ravel()
    except (TypeError, ValueError):
        return np.zeros(0)


def _unit(unit: str) -> str:
    return "1" if unit in ("", "1") else unit
