"""Which parameters the data cannot tell apart: a change of one is undone by changes of the others.

A parameter that is held has no error, and the errors of the others are those for its value. Along which
direction the data see nothing is then only in the normal matrix of all parameters, so it is made once more.
"""

from __future__ import annotations

import numpy as np

from labspin.analysis.complex_numbers import real_view
from labspin.analysis.fitting.solve import Task, Ties, derivatives_at
from labspin.analysis.model import FitModel, FloatArray
from labspin.analysis.outcome import FitOutcome

__all__ = ["covariance_of_all", "partners"]

_SINGULAR = 1e-13
"""Least eigenvalue of the scaled normal matrix: what is smaller is rounding."""
_TOGETHER = 0.9
"""Correlation from which two parameters are called one."""


def covariance_of_all(model: FitModel, outcome: FitOutcome) -> FloatArray | None:
    """Return the covariance (k, k) that a fit would have with nothing held; finite, but may be very large.

    Parameters
    ----------
    model
        The model that was fitted.
    outcome
        The fit.

    Returns
    -------
    covariance
        Covariance of ``outcome.covariance_names``, in their units; None where derivatives are not finite.
    """
    names, found = outcome.covariance_names, outcome.values()
    if not names or not set(names) | set(model.names) <= set(found) or not set(names) <= set(model.names):
        return None
    places = [model.names.index(name) for name in names]
    values = np.array([found[name] for name in model.names])
    free = np.isin(np.arange(values.size), places)
    task = Task(model, outcome.x, outcome.y, None, values, free, Ties(model.names, {}), absolute=True)
    with np.errstate(all="ignore"):
        slopes = derivatives_at(task, values, np.zeros_like(values))[places]
        if outcome.noise is not None:
            weighted = real_view(outcome.noise.whiten(slopes))
        else:
            weighted = real_view(slopes) / _errors(outcome, is_complex=np.iscomplexobj(slopes))
        hessian = weighted @ weighted.T
        scale = 1 / np.sqrt(np.diagonal(hessian))
        scaled = hessian * np.outer(scale, scale)
    if not np.isfinite(scaled).all():
        return None
    size, across = np.linalg.eigh(scaled)
    inverse = (across / np.maximum(size, _SINGULAR)) @ across.T
    variance = outcome.statistics.chi2red if outcome.statistics.errors_from_scatter else 1.0
    return np.asarray(inverse * np.outer(scale, scale) * variance)


def _errors(outcome: FitOutcome, *, is_complex: bool) -> FloatArray:
    """Return the errors of the real numbers of the points, 1 where they are not known."""
    sigma = np.ones(outcome.x.size) if outcome.sigma is None else outcome.sigma
    if is_complex and not np.iscomplexobj(sigma):
        return np.repeat(sigma, 2)
    return np.asarray(real_view(sigma), np.float64)


def partners(names: tuple[str, ...], covariance: FloatArray, name: str) -> tuple[str, ...]:
    """Return the parameters that a change of ``name`` takes along, those that undo it best first.

    Parameters
    ----------
    names
        Names of the fitted parameters (k).
    covariance
        Covariance of all of them, nothing held, shape (k, k).
    name
        One of them.
    """
    with np.errstate(all="ignore"):
        errors = np.sqrt(np.diagonal(covariance))
        row = names.index(name)
        together = np.abs(covariance[row] / (errors * errors[row]))
    together[row] = 0.0
    return tuple(names[at] for at in np.argsort(-together) if together[at] > _TOGETHER)
