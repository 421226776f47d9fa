"""Counts, fitted with the variance that the model expects instead of the one that happened to be counted.

A count below its mean looks more certain than one above, if its own square root is taken for its error: a fit
so weighted lies low, by about one count wherever few are counted. The variance of a Poisson variable is its
mean, which the model knows. Weights and fit are therefore found in turn; where they agree, the equations
solved are those of Poisson's maximum likelihood (iteratively reweighted least squares).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.analysis.fitting.batch import fit_batch
from labspin.analysis.fitting.batch_result import BatchResult
from labspin.analysis.fitting.vectorised import as_model, curves_of
from labspin.analysis.model import FitModel, FloatArray
from labspin.errors import FitError

__all__ = ["LEAST", "expected_counts", "fit_counts", "poisson_deviance"]

_ROUNDS = 20
_SETTLED = 1e-4
"""Standard errors by which a parameter may still move."""
LEAST = 1e-3
"""Counts that a model is taken to expect at least, so that no point weighs without limit."""


def fit_counts(model: FitModel | object, x: ArrayLike, counts: ArrayLike, **settings: Any) -> BatchResult:
    """Fit ``model`` to many traces of counts by Poisson's likelihood.

    Parameters
    ----------
    model, x
        As `fit_batch` takes them.
    counts
        Shape (*lead, n): raw numbers of counts, not rates; NaN for a point that was not measured.
    settings
        Settings of `fit_batch`, all but ``sigma``.

    Returns
    -------
    BatchResult
        ``chi2`` is Pearson's: its expectation is the degrees of freedom at any number of counts.

    Raises
    ------
    FitError
        Counts below zero, or what `fit_batch` refuses.
    """
    described = as_model(model, x, settings.get("bounds") or {})
    traces = np.asarray(counts, np.float64)
    if "sigma" in settings or np.any(traces < 0):
        what = "sigma" if "sigma" in settings else f"{np.nanmin(traces):g}"
        raise FitError(
            f"counts of {described.name}: wanted raw counts, whose errors follow from the model, got {what}; "
            "use fit_batch"
        )
    last = {"check": settings.pop("check", 0.01), "fallback": settings.pop("fallback", True)}
    settings |= {"check": 0, "fallback": False}
    result = fit_batch(model, x, traces, _smooth(traces), **settings)
    result = _settled(described, x, traces, result, settings, lambda r: r.converged)
    # What only lmfit brings to an end has stopped before its weights were right: they are found by it again.
    settings |= last | {"start": {name: result[name] for name in result.free}}
    sigma = np.sqrt(expected_counts(described, x, result.values, traces))
    result = fit_batch(model, x, traces, sigma, **settings)
    return _settled(described, x, traces, result, settings, lambda r: r.status == 1)


def _settled(
    model: FitModel,
    x: ArrayLike,
    traces: FloatArray,
    result: BatchResult,
    settings: dict[str, Any],
    watched: Callable[[BatchResult], NDArray[np.bool_]],
) -> BatchResult:
    """Return fits repeated with the weights of the fit before, until the ``watched`` stand still."""
    for _ in range(_ROUNDS):
        if not np.any(watched(result)):
            break
        before, errors = result.values, result.stderr
        sigma = np.sqrt(expected_counts(model, x, before, traces))
        again = {**settings, "start": {name: result[name] for name in result.free}}
        result = fit_batch(model, x, traces, sigma, **again)
        with np.errstate(invalid="ignore", divide="ignore"):
            moved = np.abs(result.values - before) / errors
        if not np.any(moved[watched(result)] > _SETTLED):
            break
    return result


def _smooth(traces: FloatArray) -> FloatArray:
    """Return errors to begin with: counts that chance made small get one count more."""
    return np.sqrt(np.where(np.isfinite(traces), traces, 0.0) + 1.0)


def expected_counts(model: FitModel, x: ArrayLike, values: FloatArray, traces: FloatArray) -> FloatArray:
    """Return the counts that the fits expect, (*lead, n); where there is no fit, those that were found.

    Parameters
    ----------
    model
        The model that was fitted.
    x
        Shape (n,), or of the shape of ``traces``.
    values
        Fitted parameters, shape (*lead, p).
    traces
        Counts that were found, shape (*lead, n).

    Returns
    -------
    expected
        Never below `LEAST`.
    """
    points = np.asarray(x, np.float64)
    flat = values.reshape(-1, values.shape[-1])
    sound = np.isfinite(flat).all(-1)
    found = traces.reshape(len(flat), -1).copy()
    if sound.any():
        axes = points if points.ndim == 1 else points.reshape(found.shape)[sound]
        axis = axes if axes.ndim == 1 else axes[0]
        found[sound] = curves_of(model, axis, flat[sound][0])(axes, flat[sound])
    return np.maximum(np.nan_to_num(found, nan=1.0), LEAST).reshape(traces.shape)


def poisson_deviance(counts: FloatArray, expected: FloatArray) -> FloatArray:
    """Return 2 Σ [n ln(n/m) − n + m] of each trace over its finite counts n, where m are expected.

    That is −2 ln of the likelihood, counted from a model that hits every count: differences between models
    compare them, its size tests a model only where many are counted.

    Parameters
    ----------
    counts
        Counts that were found, shape (..., n); NaN for a point that is left out.
    expected
        Counts that the model expects, shape (..., n), positive.

    Returns
    -------
    deviance
        Shape (...,), without a unit.
    """
    from scipy.special import xlogy

    there = np.isfinite(counts)
    n, m = np.where(there, counts, 0.0), np.where(there, expected, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(n > 0, n / m, 1.0)
    return np.asarray(2 * np.sum(xlogy(n, ratio) - n + m, axis=-1))
