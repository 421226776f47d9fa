"""The fits that stand in a run file: parameters ± errors, χ², residuals, warnings, and the truth if known.

Nothing is fitted again: the page shows what is stored.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from labspin.analysis.files.stored import outcomes_of
from labspin.analysis.model import FloatArray
from labspin.analysis.outcome import FitOutcome, chosen_text, common_size, noted, with_error
from labspin.analysis.pictures.plots import COLOURS, headline
from labspin.analysis.recipes.fit_records import chosen_of_trace, present_at_trace, warnings_of_trace
from labspin.analysis.report.page import Html, folded, join, pairs, section, table, tag
from labspin.analysis.report.pictures import fit_picture, parameter_picture
from labspin.analysis.report.words import flattened, shown
from labspin.counts import number_of

if TYPE_CHECKING:
    from labspin.data import FitRecord, Run

__all__ = ["fit_sections", "fit_summaries", "fit_warnings"]

_DRAWN = len(COLOURS)
_LISTED = 200
_UNFOLDED = 24
"""Rows of a table that are shown unasked."""
_NAMED = 3
"""Doubtful traces that are quoted."""
_BAD = 1e-3
_DRIFT = 0.02
"""Relative change over a run of what still counts as one truth."""


def fit_sections(run: Run) -> Html:
    """Return a section for each fit, or one that says there is none.

    Parameters
    ----------
    run
        The run with its fits.
    """
    if not run.fits:
        hint = "The run file holds no fit; `labspin fit` makes one."
        return section("Fits", tag("p", hint, class_="note"))
    return join(section(f"Fit {record.name}", *_fit(run, record)) for record in run.fits)


def fit_summaries(run: Run) -> list[Html]:
    """Return a line for each single fit: its parameters with their errors; of many traces, their number.

    Parameters
    ----------
    run
        The run with its fits.
    """
    lines = []
    for record in run.fits:
        if record.dimensions:
            text = f"{number_of(_count(record), 'trace')}{_ends(record)}, see below"
        else:
            pairs = zip(record.parameters, present_at_trace(record, 0), strict=True)
            found = [one for one, here in pairs if here and float(one.stderr) > 0]
            text = ", ".join(
                f"{one.name} = {with_error(float(one.value), float(one.stderr), _unit(one.unit))}"
                for one in found
            )
        doubts = tag("span", " (doubtful, see below)", class_="bad") if fit_warnings(record) else ""
        lines.append(tag("p", tag("b", f"{record.name}: {text or 'no parameter with an error'}"), doubts))
    return lines


def _ends(record: FitRecord) -> str:
    """Return the least and the greatest value of what matters most, with their errors."""
    varied = {one.name: one for one in record.parameters if one.varied}
    parts = []
    for name in headline(record.model, list(varied))[:_NAMED]:
        values, errors = np.ravel(varied[name].value), np.ravel(varied[name].stderr)
        if np.isfinite(values).any():
            ends = [
                noted(float(values[k]), float(errors[k]), _unit(varied[name].unit))
                for k in dict.fromkeys((int(np.nanargmin(values)), int(np.nanargmax(values))))
            ]
            parts.append(f"{name} = {' … '.join(ends)}")
    return f": {', '.join(parts)}" if parts else ""


def fit_warnings(record: FitRecord) -> list[str]:
    """Return what is doubtful about a fit.

    Parameters
    ----------
    record
        The fits as the run file keeps them.

    Returns
    -------
    warnings
        One sentence each; of many doubtful traces, only the first are named.
    """
    count = max(_count(record), 1)
    doubtful = [trace for trace in range(count) if warnings_of_trace(record, trace)]
    if count == 1:
        found = list(warnings_of_trace(record, 0))
    else:
        labels = _labels(record)
        found = [f"{labels[k]}: {text}" for k in doubtful[:_NAMED] for text in warnings_of_trace(record, k)]
    if len(doubtful) > _NAMED:
        found.append(f"{len(doubtful)} of {count} traces are doubtful; each says why in the run file")
    converged = np.atleast_1d(np.asarray(record.statistics.get("success", True), bool))
    if not converged.all():
        found.append(f"{int((~converged).sum())} of {converged.size} fits did not converge")
    probability = _numbers(record.statistics.get("p_value"))
    poor = int((probability < _BAD).sum())
    if poor and not found:
        have = "has" if poor == 1 else "have"
        found.append(
            f"{poor} of {number_of(probability.size, 'fit')} {have} a χ² of probability below {_BAD:g}"
        )
    return found


def _fit(run: Run, record: FitRecord) -> list[Html]:
    several = bool(record.dimensions)
    outcomes = [
        outcome.with_changes(label=_trace_label(run, outcome))
        for outcome in outcomes_of(run, record, most=_DRAWN)
    ]
    chosen = "" if several else chosen_text(chosen_of_trace(record, 0))
    model = f"{record.model} ({chosen} chosen by the data)" if chosen else record.model
    parts = [tag("p", f"{model} on {record.quantity}; {shown(record.recipe.get('equation', ''))}")]
    warnings = fit_warnings(record)
    if warnings:
        parts.append(tag("div", tag("ul", *(tag("li", text) for text in warnings)), class_="box"))
    if outcomes:
        more = (
            f" ({len(outcomes)} of the {_count(record)} traces)"
            if several and len(outcomes) < _count(record)
            else ""
        )
        parts.append(fit_picture(outcomes, f"Data, fit and residuals{more}"))
    if several:
        parts += [parameter_picture(run, record), _many(record)]
    else:
        parts += [_one(record, _truth(run)), _goodness(record.statistics)]
    parts.append(folded("Recipe, covariance and version", _recipe(record)))
    return parts


def _trace_label(run: Run, outcome: FitOutcome) -> str:
    """Return what tells a trace from its neighbours; the label of the run is the title of the page."""
    return outcome.label.removeprefix(run.header.label).removeprefix(", ")


def _one(record: FitRecord, truth: Mapping[str, object]) -> Html:
    known = {p.name: value for p in record.parameters if (value := _single(truth.get(p.name))) is not None}
    heads = ["parameter", "value ± standard error", "relative", ""]
    if known:
        heads += ["ground truth", "fit − truth"]
    rows = []
    for parameter, here in zip(record.parameters, present_at_trace(record, 0), strict=True):
        if not here:
            continue
        value, stderr = float(parameter.value), float(parameter.stderr)
        relative = f"{abs(stderr / value):.2%}" if value and stderr > 0 else "–"
        kind = "" if parameter.varied else "derived" if stderr > 0 else "fixed or derived"
        row = [parameter.name, noted(value, stderr, _unit(parameter.unit)), relative, kind]
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


def _truth(run: Run) -> dict[str, object]:
    """Return the truth of the whole run: that of its points, which the header tells of the time before."""
    found: dict[str, object] = dict(run.header.truth or {})
    for name, values in run.truth_at_points.items():
        there = np.asarray(values, np.float64).ravel()
        there = there[np.isfinite(there)]
        same = there.size and np.ptp(there) <= _DRIFT * abs(there.mean())
        found[name] = float(there.mean()) if same else None
    return found


def _single(truth: object) -> float | None:
    """Return the truth as one number, where it is one."""
    values = _numbers(truth)
    return float(values[0]) if values.size and np.all(values == values[0]) else None


def _goodness(statistics: Mapping[str, object]) -> Html:
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


def _labels(record: FitRecord) -> list[str]:
    """Return what tells the traces of a record apart: where each was measured, or its number."""
    said = record.statistics.get("labels")
    count = _count(record)
    labels = said if isinstance(said, list) and len(said) == count else [""] * count
    return [str(label) or f"trace {k}" for k, label in enumerate(labels)]


def _many(record: FitRecord) -> Html:
    labels = _labels(record)
    offered = list(record.recipe.get("choose") or {})
    shown = [not offered or bool(np.isfinite(p.value).any()) for p in record.parameters]
    parameters = list(itertools.compress(record.parameters, shown))
    heads = ["trace", *offered, *(parameter.name for parameter in parameters), "reduced χ²", "p"]
    count = _count(record)
    chi2 = _numbers(record.statistics.get("reduced_chi_square"))
    probability = _numbers(record.statistics.get("p_value"))
    like = {p.name: common_size(np.ravel(p.value)[:_LISTED].tolist()) for p in parameters}
    rows = []
    for trace in range(min(count, _LISTED)):
        chosen = chosen_of_trace(record, trace)
        cells = [str(chosen.get(name, "–")) for name in offered]
        cells += [
            noted(
                float(p.value.ravel()[trace]),
                float(p.stderr.ravel()[trace]),
                _unit(p.unit),
                like=like[p.name],
            )
            if here
            else "–"
            for p, here in itertools.compress(
                zip(record.parameters, present_at_trace(record, trace), strict=True), shown
            )
        ]
        rows.append([labels[trace], *cells, _at(chi2, trace), _at(probability, trace)])
    more = f"… and {count - _LISTED} more traces in the run file." if count > _LISTED else ""
    note = tag("p", more, class_="note") if more else ""
    if len(rows) <= _UNFOLDED:
        return join([table(heads, rows), note])
    return folded(f"All {count} traces", table(heads, rows), note)


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


def _count(record: FitRecord) -> int:
    return int(np.prod([len(dimension) for dimension in record.dimensions], dtype=int))


def _numbers(value: object) -> FloatArray:
    try:
        return np.atleast_1d(np.asarray([] if value is None else value, np.float64)).ravel()
    except (TypeError, ValueError):
        return np.zeros(0)


def _unit(unit: str) -> str:
    return "1" if unit in ("", "1") else unit
