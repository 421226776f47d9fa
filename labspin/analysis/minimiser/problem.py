"""A stack of least-squares problems of one model, and where the fits ended: what engines take and give."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.model import FitModel, FloatArray

__all__ = ["BoolArray", "Evaluate", "IndexArray", "Minimum", "Problem", "bounds_of"]

Evaluate = Callable[[FloatArray, FloatArray, FloatArray], tuple[FloatArray, FloatArray]]
BoolArray = NDArray[np.bool_]
IndexArray = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Problem:
    """A stack of fits of one model.

    Attributes
    ----------
    evaluate
        ``evaluate(x, values, steps)`` -> (y, J) with values (m, p), y (m, n), J (m, p, n); ``steps`` (m, p)
        are the steps that numerical derivatives should take. The arrays are new ones, free to be overwritten.
    x
        Shape (n,) or (m, n).
    y
        Shape (m, n).
    weights
        1/sigma, shape (m, n), 0 for a point that is left out; None: all 1.
    logarithmic
        Which parameters are scales, shape (p,).
    lower, upper
        Bounds, shape (p,).
    free
        Which parameters are fitted, shape (p,).
    numerical
        The derivatives are differences, and need steps.
    typical
        Size of each parameter, shape (p,), from which the first differences of one that is zero are taken;
        None: 1e-9.
    """

    evaluate: Evaluate
    x: FloatArray
    y: FloatArray
    weights: FloatArray | None
    logarithmic: BoolArray
    lower: FloatArray
    upper: FloatArray
    free: BoolArray
    numerical: bool = True
    typical: FloatArray | None = None

    def take(self, rows: IndexArray | slice) -> Problem:
        """Return the problem of some of the traces.

        Parameters
        ----------
        rows
            Numbers of the traces, or a slice.
        """
        weights = None if self.weights is None else self.weights[rows]
        x = self.x if self.x.ndim == 1 else self.x[rows]
        return replace(self, x=x, y=self.y[rows], weights=weights)

    def put(self, rows: IndexArray, other: Problem) -> None:
        """Overwrite some of the traces with those of ``other``, in place.

        Parameters
        ----------
        rows
            Numbers of the traces to overwrite.
        other
            A problem of the same model with as many traces.
        """
        self.y[rows] = other.y
        if self.x.ndim == 2:
            self.x[rows] = other.x
        if self.weights is not None:
            self.weights[rows] = other.weights

    @functools.cached_property
    def bounded(self) -> bool:
        """Whether a free parameter has bounds, apart from scales being positive."""
        below = np.isfinite(self.lower) & ~(self.logarithmic & (self.lower <= 0))
        return bool(np.any((below | np.isfinite(self.upper)) & self.free))

    @functools.cached_property
    def freedom(self) -> FloatArray:
        """Degrees of freedom, shape (m,), at least 1."""
        count, points = self.y.shape
        used = np.full(count, points) if self.weights is None else np.count_nonzero(self.weights, axis=-1)
        return np.maximum(used - float(self.free.sum()), 1.0)

    def inside(self, start: FloatArray) -> FloatArray:
        """Return ``start`` (m, p) with free parameters within their bounds and free scales positive.

        Parameters
        ----------
        start
            Starting values, shape (m, p).
        """
        positive = np.where(self.logarithmic, np.maximum(np.abs(start), 1e-300), start)
        within = np.clip(positive, self.lower, self.upper)
        return np.where(self.free, within, start)


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where the fits ended.

    Attributes
    ----------
    values
        Shape (m, p).
    hessian
        JᵀJ of the weighted model in the parameters themselves, shape (m, k, k), k free ones.
    cost
        Sum of squared weighted residuals, shape (m,).
    converged, at_bound
        Shape (m,).
    iterations
        Steps tried, shape (m,).
    """

    values: FloatArray
    hessian: FloatArray
    cost: FloatArray
    converged: BoolArray
    at_bound: BoolArray
    iterations: NDArray[np.int32]

    def take(self, rows: IndexArray) -> Minimum:
        """Return some of the fits.

        Parameters
        ----------
        rows
            Numbers of the fits.
        """
        return Minimum(
            self.values[rows], self.hessian[rows], self.cost[rows], self.converged[rows], self.at_bound[rows],
            self.iterations[rows],
        )  # fmt: skip

    @classmethod
    def blank(cls, count: int, parameters: int, free: int) -> Minimum:
        """Return an empty record of ``count`` fits.

        Parameters
        ----------
        count
            Number of fits, m.
        parameters
            Parameters of the model, p.
        free
            How many of them are fitted, k.
        """
        return cls(
            values=np.full((count, parameters), np.nan),
            hessian=np.full((count, free, free), np.nan),
            cost=np.full(count, np.inf),
            converged=np.zeros(count, bool),
            at_bound=np.zeros(count, bool),
            iterations=np.zeros(count, np.int32),
        )


def bounds_of(model: FitModel) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    """Return lower and upper bounds as the minimiser takes them, and which parameters it fits as logarithms.

    Parameters
    ----------
    model
        The model to be fitted.

    Returns
    -------
    lower, upper, logarithmic
        Shape (p,) each, in the order of the parameters.
    """
    parameters = model.parameters
    return (
        np.array([p.minimum for p in parameters]),
        np.array([p.maximum for p in parameters]),
        np.array([p.is_scale for p in parameters], bool),
    )
