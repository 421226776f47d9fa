"""Quantities computed from fitted parameters, with the covariance carried along to first order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from labspin.analysis.expression import Expression
from labspin.analysis.model import FloatArray
from labspin.analysis.outcome import FitOutcome, FittedParameter
from labspin.arrays import Numbers

__all__ = ["derive", "derive_all", "propagated", "slope", "split_unit", "with_derived"]


def derive(outcome: FitOutcome, expression: str) -> tuple[float, float]:
    """Return value and standard error of ``expression``, such as ``"1/T1"`` or ``"amplitude/baseline"``.

    The error is ``√(gᵀ C g)`` with g the gradient and C the covariance, so that correlations between
    parameters count.

    Parameters
    ----------
    outcome
        A fit.
    expression
        In the names of its parameters.

    Returns
    -------
    value, stderr
        Both NaN where the expression is; no unit is worked out.

    Raises
    ------
    RecipeError
        The expression names something that is no parameter.
    """
    parsed = Expression(expression)
    values = outcome.values()
    centre = float(parsed.value(values))
    if math.isnan(centre):
        return centre, math.nan
    gradient = np.zeros(len(outcome.covariance_names))
    for index, name in enumerate(outcome.covariance_names):
        if name in parsed.names and outcome.covariance[index, index] > 0:
            gradient[index] = float(parsed.derivative(values, name))
    used = np.flatnonzero(gradient)
    variance = gradient[used] @ outcome.covariance[np.ix_(used, used)] @ gradient[used]
    return centre, float(np.sqrt(variance))


def derive_all(
    columns: Mapping[str, Numbers], varied: Sequence[str], covariance: FloatArray, expression: str
) -> tuple[FloatArray, FloatArray]:
    """Return value and standard error of ``expression`` for many fits at once, each as `derive` does it.

    Parameters
    ----------
    columns
        Name of each parameter to its values, shape (n,).
    varied, covariance
        The fitted parameters, and their covariance, shape (n, k, k).
    expression
        In the names of ``columns``.

    Returns
    -------
    value, stderr
        Shape (n,) each; the error is 0 where no fitted parameter is in the expression.
    """
    parsed = Expression(expression)
    size = len(covariance)
    value = np.array(np.broadcast_to(np.asarray(parsed.value(columns), np.float64), (size,)))
    used = [place for place, name in enumerate(varied) if name in parsed.names]
    if not used:
        return value, np.zeros(size)
    slopes = np.stack([slope(parsed, varied[k], columns, covariance[:, k, k]).real for k in used])
    return value, propagated(slopes, covariance[:, used][:, :, used])


def slope(expression: Expression, name: str, columns: Mapping[str, Numbers], variance: FloatArray) -> Numbers:
    """Return ∂expression/∂name of each fit.

    Parameters
    ----------
    expression
        In the names of ``columns``.
    name
        The parameter to differentiate by.
    columns
        Name of each parameter to its values, shape (n,).
    variance
        Squared standard error of ``name``, shape (n,).

    Returns
    -------
    slope
        Shape (n,); NaN where the variance is not positive.
    """
    return np.where(variance > 0, expression.derivative(columns, name), np.nan)


def propagated(slopes: FloatArray, covariance: FloatArray) -> FloatArray:
    """Return the standard error √(gᵀ C g) of each fit, with g the slopes and C the covariance.

    Parameters
    ----------
    slopes
        Derivatives by each of the k parameters, shape (k, n).
    covariance
        Covariance of these parameters, shape (n, k, k).

    Returns
    -------
    stderr
        Shape (n,), in the unit of the expression; NaN where the variance is not positive.
    """
    variance: FloatArray = np.einsum("in,nij,jn->n", slopes, covariance, slopes)
    return np.sqrt(np.where(variance > 0, variance, np.nan))


def split_unit(text: str) -> tuple[str, str]:
    """Return expression and unit of a derived quantity as recipes write it, such as ``"1/T1 [1/s]"``.

    Parameters
    ----------
    text
        An expression, with or without a unit in square brackets after it.

    Returns
    -------
    expression, unit
        The unit is ``"1"`` where none is given.
    """
    expression, _, unit = text.partition("[")
    return expression, unit.rstrip("] ") or "1"


def with_derived(outcome: FitOutcome, expressions: Mapping[str, str]) -> FitOutcome:
    """Return ``outcome`` with derived quantities added; ``{"rate": "1/T1 [1/s]"}`` gives a unit as well.

    Parameters
    ----------
    outcome
        A fit.
    expressions
        Name of each derived quantity to its expression, with or without a unit.
    """
    extra = []
    for name, text in expressions.items():
        expression, unit = split_unit(text)
        value, stderr = derive(outcome, expression)
        extra.append(FittedParameter(name, value, stderr, unit, derived=True, description=expression.strip()))
    return outcome.with_changes(parameters=(*outcome.parameters, *extra))
