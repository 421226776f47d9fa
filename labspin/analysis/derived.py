"""Quantities computed from fitted parameters, with the covariance carried along to first order."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from labspin.analysis.expression import Expression
from labspin.analysis.outcome import FitOutcome, FittedParameter

__all__ = ["derive", "with_derived"]


def derive(outcome: FitOutcome, expression: str) -> tuple[float, float]:
    """Return value and standard error of ``expression``, such as ``"1/T1"`` or ``"amplitude/baseline"``.

    The error is ``√(gᵀ C g)`` with g the gradient (central differences of one thousandth of a standard
    error) and C the covariance, so that correlations between parameters count.

    Raises
    ------
    RecipeError
        The expression names something that is no parameter.
    """
    parsed = Expression(expression)
    values = outcome.values()
    centre = float(parsed.value(values))
    gradient = np.zeros(len(outcome.covariance_names))
    for index, name in enumerate(outcome.covariance_names):
        step = 1e-3 * float(np.sqrt(outcome.covariance[index, index]))
        if name not in parsed.names or not step > 0:
            continue
        above, below = (float(parsed.value({**values, name: values[name] + sign * step})) for sign in (1, -1))
        gradient[index] = (above - below) / (2 * step)
    used = np.flatnonzero(gradient)
    variance = gradient[used] @ outcome.covariance[np.ix_(used, used)] @ gradient[used]
    return centre, float(np.sqrt(variance))


def with_derived(outcome: FitOutcome, expressions: Mapping[str, str]) -> FitOutcome:
    """Return ``outcome`` with derived quantities added; ``{"rate": "1/T1 [1/s]"}`` gives a unit as well."""
    extra = []
    for name, text in expressions.items():
        expression, _, unit = text.partition("[")
        value, stderr = derive(outcome, expression)
        extra.append(
            FittedParameter(
                name, value, stderr, unit.rstrip("] ") or "1", derived=True, description=expression.strip()
            )
        )
    return outcome.with_changes(parameters=(*outcome.parameters, *extra))
