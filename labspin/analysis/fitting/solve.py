"""One trace brought to its minimum: the batch engine with a stack of one.

Parameters may also be tied to others by expressions, and correlated noise may be whitened away. Both are
wrapped around the model, so that the minimiser, its bounds and its errors are those of a batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.complex_numbers import real_view
from labspin.analysis.expression import Expression
from labspin.analysis.fitting.determination import typical_sizes
from labspin.analysis.fitting.fallback import refit_all
from labspin.analysis.fitting.holding import check_profiles, enter, hold_unseen, void_rivals
from labspin.analysis.fitting.profiles import follow_profiles
from labspin.analysis.fitting.sheet import Sheet
from labspin.analysis.fitting.vectorised import raw_evaluator
from labspin.analysis.minimiser.levenberg import FIRST_DAMPING, minimise
from labspin.analysis.minimiser.problem import Evaluate, Problem, bounds_of
from labspin.analysis.model import CorrelatedNoise, FitModel, FloatArray
from labspin.arrays import Numbers
from labspin.errors import FitError

__all__ = ["Task", "Ties", "derivatives_at", "solve"]

_TOLERANCE = 1e-7
"""Length of the last step in standard errors at which a fit has converged."""
_STEPS = 100
"""Steps after which a fit is given up, for each parameter and one more,"""
_MOST_STEPS = 600
"""but so many at most: what has not ended then runs on without end."""
_FEW = 60
"""Steps of a first attempt: a fit that runs towards where the data see nothing is caught after so many."""
_CAUTION = (1.0, 1e3)
"""Damping of the first step of a second and a third attempt: short, where a long one jumps too far."""
_ROW = np.zeros(1, np.intp)


@dataclass(frozen=True)
class Ties:
    """Parameters of a model that are expressions of others: place of the parameter -> expression."""

    names: tuple[str, ...]
    expressions: Mapping[int, Expression]

    @classmethod
    def made(cls, model: FitModel, tied: Mapping[str, str]) -> Ties:
        """Return the ties in an order in which each names only what is known before it.

        Parameters
        ----------
        model
            The model whose parameters are tied.
        tied
            Name of each tied parameter to an expression of others.

        Raises
        ------
        FitError
            A tied parameter depends on itself, or on a name that the model does not have.
        """
        waiting = {name: Expression(text) for name, text in tied.items()}
        for name in (needed for expression in waiting.values() for needed in expression.names):
            model.parameter(name)
        ordered: dict[int, Expression] = {}
        while waiting:
            ready = [name for name, expression in waiting.items() if not set(expression.names) & set(waiting)]
            if not ready:
                raise FitError(f"model {model.name}: tied parameters {', '.join(waiting)} name each other")
            ordered |= {model.names.index(name): waiting.pop(name) for name in ready}
        return cls(model.names, ordered)

    def completed(self, values: FloatArray) -> FloatArray:
        """Return ``values`` with the tied parameters computed from the others.

        Parameters
        ----------
        values
            All parameters, shape (m, p), in the order of the model.

        Returns
        -------
        full
            A new array (m, p).
        """
        full = values.copy()
        for place, expression in self.expressions.items():
            known = dict(zip(self.names, full.T, strict=True))
            full[:, place] = np.real(expression.value(known))
        return full

    def slopes(self, values: FloatArray) -> FloatArray:
        """Return d(every parameter)/d(every untied one).

        Parameters
        ----------
        values
            All parameters, shape (p,), in the order of the model.

        Returns
        -------
        slopes
            Shape (p, p): a row for each parameter that changes, a column for each that is varied. The columns
            of tied parameters are 0.
        """
        slopes = np.diag([float(k not in self.expressions) for k in range(len(values))])
        known = dict(zip(self.names, self.completed(values[None])[0], strict=True))
        for place, expression in self.expressions.items():
            for name in expression.names:
                slope = float(np.real(expression.derivative(known, name)))
                slopes[place] += slope * slopes[self.names.index(name)]
        return slopes


@dataclass(frozen=True, eq=False)
class Task:
    """One trace to be fitted.

    Attributes
    ----------
    x, y
        Shape (n,); y real or complex as the model is.
    weights
        1/σ of the real numbers of y, shape (n,) or (2n,); None: all alike.
    start, free
        Starting values and which are fitted, shape (p,).
    absolute
        The errors of the points are known.
    """

    model: FitModel
    x: FloatArray
    y: Numbers
    weights: FloatArray | None
    start: FloatArray
    free: NDArray[np.bool_]
    ties: Ties
    absolute: bool
    noise: CorrelatedNoise | None = None

    def evaluator(self) -> Evaluate:
        """Return the model of the task and its derivatives, with ties and whitening, as real numbers."""
        moving = self.free.copy()
        moving[list(self.ties.expressions)] = True  # what is free moves these
        call = raw_evaluator(self.model, self.x, self.ties.completed(self.start[None])[0], moving)

        def evaluate(
            points: FloatArray, values: FloatArray, steps: FloatArray
        ) -> tuple[FloatArray, FloatArray]:
            full = self.ties.completed(values)
            y, jacobian = call(points, full, steps)
            if self.ties.expressions:
                jacobian = np.stack(
                    [self.ties.slopes(one).T @ own for one, own in zip(full, jacobian, strict=True)]
                )
            if self.noise is not None:
                y, jacobian = self.noise.whiten(y), self.noise.whiten(jacobian)
            return real_view(y), real_view(jacobian)

        return evaluate

    def problem(self) -> Problem:
        """Return the task as the minimiser takes it."""
        y = real_view(self.y if self.noise is None else self.noise.whiten(self.y))[None]
        lower, upper, logarithmic = bounds_of(self.model)
        return Problem(
            evaluate=self.evaluator(),
            x=self.x,
            y=y,
            weights=None if self.weights is None or self.noise is not None else self.weights[None],
            logarithmic=logarithmic,
            lower=lower,
            upper=upper,
            free=self.free,
            numerical=self.model.derivatives is None,
            typical=typical_sizes(self.model, self.x, self.y),
        )


def solve(task: Task) -> Sheet:
    """Return a sheet of one row: where the fit of ``task`` ended, and how sure it is.

    A fit that does not converge, or leaves a parameter undetermined, is tried again with short first steps,
    and by lmfit where it has neither ties nor correlated noise.

    Parameters
    ----------
    task
        The trace, the model, starting values, and which parameters are fitted.

    Raises
    ------
    FitError
        The model is not finite at the start.
    """
    problem = task.problem()
    sheet = Sheet.blank(task.model, task.free, problem.y, problem.weights, absolute=task.absolute)
    sheet.status[:] = 0
    start = task.ties.completed(problem.inside(task.start[None]))
    _check_ties(task, start[0])
    first = problem.evaluate(problem.x, start, 1e-5 * np.abs(start) + 1e-300)[0]
    if not np.all(np.isfinite(first)):
        named = dict(zip(task.model.names, start[0].tolist(), strict=True))
        raise FitError(
            f"model {task.model.name}: is not finite at the start {named}; give other starting values"
        )
    steps = min(_STEPS * (int(task.free.sum()) + 1), _MOST_STEPS)
    run = partial(minimise, tolerance=_TOLERANCE, flat=1e-13)
    for damping, most in ((FIRST_DAMPING, _FEW), (FIRST_DAMPING, steps), *((one, steps) for one in _CAUTION)):
        again = replace(sheet, **{name: getattr(sheet, name).copy() for name in _COLUMNS})
        enter(again, _ROW, problem, run(problem, start, damping=damping, iterations=most))
        hold_unseen(again, problem, _ROW, partial(run, iterations=most))
        sheet = again if damping == FIRST_DAMPING else min(sheet, again, key=_rank)
        if not sheet.refit[0]:
            break
    if sheet.refit[0] and not task.ties.expressions and task.noise is None:
        refit_all(sheet, task.model, problem, _ROW, start)
    check_profiles(sheet, problem, _ROW, partial(run, iterations=_FEW))
    follow_profiles(sheet, problem, _ROW, partial(run, iterations=_FEW))
    if task.noise is None and not task.model.is_complex:
        void_rivals(sheet, problem, _ROW)
    sheet.values[:] = task.ties.completed(sheet.values)
    if not task.absolute and np.all(problem.y == problem.y[0, 0]):
        sheet.covariance[:] = np.nan  # no scatter, no errors
    return sheet


def _rank(sheet: Sheet) -> tuple[bool, bool, float]:
    return bool(sheet.status[0] in (2, 3)), bool(sheet.status[0] == 2), float(sheet.chi2[0])


def _check_ties(task: Task, start: FloatArray) -> None:
    model = task.model
    for place, expression in task.ties.expressions.items():
        if not np.isfinite(start[place]):
            raise FitError(
                f"model {model.name}: {model.names[place]} is tied by {expression.text!r}, which is "
                f"{float(start[place])} at the start; correct the expression or give other starting values"
            )


_COLUMNS = ("values", "covariance", "chi2", "points", "status", "iterations", "refit", "held")


def derivatives_at(task: Task, values: FloatArray, errors: FloatArray) -> Numbers:
    """Return dy/dp (p, n), real or complex as y, of the model at ``values``; 0 for what is not free.

    Parameters
    ----------
    task
        The trace and the model.
    values, errors
        Parameters and their standard errors, shape (p,); where an error is not positive, the step is taken
        from the size of the value.
    """
    call = raw_evaluator(task.model, task.x, values, task.free)
    small = 1e-5 * np.where(values != 0, np.abs(values), typical_sizes(task.model, task.x, task.y))
    with np.errstate(invalid="ignore"):
        steps = np.where(errors > 0, np.clip(1e-3 * errors, 1e-3 * small, 1e3 * small), small)
    return np.asarray(call(task.x, values[None], steps[None])[1][0])
