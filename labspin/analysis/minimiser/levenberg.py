"""Levenberg–Marquardt for many small least-squares problems at once.

Each trace has its own normal equations, damping and convergence; what they share is the call of the model,
so that a Python-level step costs the same for one trace as for hundreds. Scales (parameters that are
positive by nature) move as logarithms. The place of a trace that has ended is given to the next at once, so
no trace waits for the slowest; and the model and its derivatives are computed together, since almost every
step is accepted. Inside, the trace is the *last* axis wherever NumPy is to run along it: a loop over
hundreds of traces costs what a loop over four parameters does.

Convergence is measured where it matters: a fit has converged when its last step was shorter than
``tolerance`` standard errors, or when rounding leaves nothing to gain; one whose data leave a combination of
parameters free, when χ² has stopped falling.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.minimiser.problem import BoolArray, IndexArray, Minimum, Problem
from labspin.analysis.model import FloatArray

__all__ = ["minimise"]

FIRST_DAMPING = 1e-3
LONGEST_LOG_STEP = 2.0
PATIENCE = 40
"""Steps after which a fit may end because χ² hardly falls."""
FLAT = 1.5e-8
"""Relative fall of χ² that counts as none then: MINPACK's usual tolerance."""
NEAR = 1e-2
"""Standard errors from the minimum of the linear model at which a fit may end where no step helps."""
EXACT = 1e-28
"""χ² beside that of the data themselves at which a fit has nothing left to explain."""
ROUNDING = 4 * np.finfo(np.float64).eps
"""Rounding of a sum of squares: a smaller change of χ² cannot be distinguished from none."""


def minimise(
    problem: Problem,
    start: FloatArray,
    *,
    tolerance: float = 1e-5,
    iterations: int = 100,
    capacity: int = 256,
    damping: float = FIRST_DAMPING,
    flat: float = FLAT,
) -> Minimum:
    """Fit every trace of ``problem`` from ``start``.

    Parameters
    ----------
    problem
        The traces, the model, and which parameters are fitted within which bounds.
    start
        Starting values, shape (m, p).
    tolerance
        Length of the last step in standard errors below which a fit has converged.
    iterations
        Steps after which a fit is given up.
    capacity
        How many fits run at a time.
    damping
        Damping of the first step, relative to the curvature; a large one makes the step short.
    flat
        Relative fall of χ² that counts as none after many steps.

    Returns
    -------
    minimum
        Values, cost and curvature of all m fits, in the order of ``start``.
    """
    count, free = len(start), int(problem.free.sum())
    found = Minimum.blank(count, start.shape[1], free)
    start = problem.inside(start)
    begun = min(capacity, count)
    with np.errstate(all="ignore"):
        stack = _Stack(problem, start, begun, damping, flat)
        while stack.rows.size:
            done, ended = stack.judge(tolerance, iterations)
            if ended.any():
                places = np.flatnonzero(ended)
                stack.record(found, places, done)
                new = np.arange(begun, min(begun + places.size, count))
                begun += new.size
                stack.begin(places[: new.size], new)
                if new.size < places.size:
                    stack.drop(places[new.size :])
            stack.propose()
    return found


_CUBE_ROOT = float(np.cbrt(np.finfo(np.float64).eps))
_HIDDEN = 3
"""Whole steps that a fit may take after χ² has ceased to tell them from rounding."""


_FIRST, _AGAIN, _SEEN = 1.0, 2.0, 0.0
"""Whether differences were taken with steps that knew no errors; are to be taken again; or are good."""
_BY_PARAMETER = ("values", "trial")
_BY_FREE = ("diagonal", "gradient", "step")
_BY_TRACE = ("cost", "size", "freedom", "damping", "growth", "curvature", "predicted", "hidden", "blind")
_FRESH = {"cost": np.inf, "tried": -1, "growth": 2.0, "blind": _FIRST} | dict.fromkeys(
    ("diagonal", "gradient", "step", "curvature", "predicted", "hidden"), 0.0
)
"""The state of a fit before its first evaluation, which is then one among those of the others."""


class _Stack:
    """The fits that are running; arrays have the trace as last axis, but for the matrices to be solved.

    The normal equations are kept in units in which Marquardt's matrix is one: ``normal`` has a unit diagonal,
    ``gradient`` and ``step`` are divided and multiplied by the root of ``diagonal`` (k, m), and the damped
    matrix is normal + damping.
    """

    values: FloatArray
    trial: FloatArray
    diagonal: FloatArray
    gradient: FloatArray
    step: FloatArray
    cost: FloatArray
    size: FloatArray
    freedom: FloatArray
    damping: FloatArray
    growth: FloatArray
    curvature: FloatArray
    predicted: FloatArray
    hidden: FloatArray
    blind: FloatArray

    def __init__(self, problem: Problem, start: FloatArray, count: int, damping: float, flat: float) -> None:
        self.source, self.start, self.first_damping, self.flat = problem, start, damping, flat
        self.rows: IndexArray = np.arange(count)
        self.problem = problem.take(self.rows)
        free = int(problem.free.sum())
        for names, shape in ((_BY_PARAMETER, start.shape[1:]), (_BY_FREE, (free,)), (_BY_TRACE, ())):
            for name in names:
                setattr(self, name, np.empty((*shape, count)))
        self.normal = np.empty((count, free, free))
        self.tried: NDArray[np.int32] = np.empty(count, np.int32)
        self._reset(self.rows, self.rows)

    def begin(self, places: IndexArray, rows: IndexArray) -> None:
        """Give the places of fits that have ended to those of ``rows``."""
        if rows.size:
            self.problem.put(places, self.source.take(rows))
            self._reset(places, rows)

    def _reset(self, places: IndexArray, rows: IndexArray) -> None:
        self.rows[places] = rows
        self.values[:, places] = self.trial[:, places] = self.start[rows].T
        self.normal[places] = np.eye(len(self.step))
        for name, value in _FRESH.items():
            getattr(self, name)[..., places] = value
        self.damping[places] = self.first_damping
        self.freedom[places] = self.source.freedom[rows]
        y = self.source.y[rows]
        weighted = y if self.source.weights is None else y * self.source.weights[rows]
        self.size[places] = np.einsum("mn,mn->m", weighted, weighted)

    def drop(self, places: IndexArray) -> None:
        """Close the places that are no longer needed."""
        if not places.size:
            return
        keep = np.delete(np.arange(self.rows.size), places)
        self.problem = self.problem.take(keep)
        self.normal, self.rows = self.normal[keep], self.rows[keep]
        self.tried = self.tried[keep]
        for name in (*_BY_PARAMETER, *_BY_FREE, *_BY_TRACE):
            setattr(self, name, np.ascontiguousarray(getattr(self, name)[..., keep]))

    def judge(self, tolerance: float, iterations: int) -> tuple[BoolArray, BoolArray]:
        """Evaluate the trials, take those that helped; return which fits have converged and which ended."""
        found = _linearise(self.problem, self.trial, self._difference_steps())
        cost, begun, again = found[0], self.tried >= 0, self.blind == _AGAIN
        self.tried += 1
        whole = self.damping < 1e-2
        short = (self.curvature * self.freedom <= tolerance**2 * self.cost) & whole
        # The last steps change χ² by less than its rounding, and are right all the same. Residuals may be
        # small differences of large numbers; then a few steps are taken that are not short yet.
        before = np.where(begun, self.cost, 0.0)
        room = 1000 * ROUNDING * (before + np.sqrt(self.size * before))
        hidden = begun & whole & (np.abs(self.predicted) <= room) & (cost <= before + room)
        self.hidden += hidden & ~short
        even = short & (cost <= (1 + 100 * ROUNDING) * self.cost)
        better = ((cost <= self.cost) | even | hidden | again) & np.isfinite(cost)
        lost = ~better & (np.abs(self.predicted) <= 100 * ROUNDING * self.cost)
        if np.any(lost & (self.damping >= 1e-2)):
            # A step that damping has made this short proves nothing: a whole one must be short as well.
            lost &= (self.damping < 1e-2) | self._stands(NEAR)
        # Along a valley without a floor steps never get short; there, as MINPACK does, look at χ² alone.
        fall = np.maximum(self.cost - cost, self.predicted)
        flat = (self.tried > PATIENCE) & (fall <= self.flat * self.cost) & (self.damping < 1e-2)
        done = begun & np.where(better, short | flat, lost)
        done |= hidden & (self.hidden >= _HIDDEN)
        self._damp(better, cost)
        self._update(better, *found)
        done |= self.cost <= EXACT * self.size
        failed = ~np.isfinite(self.cost) | (self.damping > 1e14)
        done &= ~(failed | again)
        if self.source.numerical:
            self._look_again(better, begun, again)
        return done, done | failed | (self.tried >= iterations)

    def _look_again(self, better: BoolArray, begun: BoolArray, again: BoolArray) -> None:
        """Have differences taken again where the first are of no use.

        Their steps were a part of the value, which may be many widths of a line, and a fit whose first step
        was refused would keep them for ever.
        """
        self.damping = np.where(again, self.first_damping, self.damping)
        self.blind = np.where((better & begun) | again, _SEEN, self.blind)
        self.blind = np.where(begun & ~better & (self.blind == _FIRST), _AGAIN, self.blind)

    def _stands(self, tolerance: float) -> BoolArray:
        """Return which fits an undamped step would move by less than ``tolerance`` standard errors."""
        step = self._solved(self._stuck(), np.full(len(self.damping), 1e-9))
        return np.asarray((step * self.gradient).sum(0) * self.freedom <= tolerance**2 * self.cost)

    def _damp(self, better: BoolArray, cost: FloatArray) -> None:
        """Damp less after a good step, more after a bad one (Nielsen's rule)."""
        ratio = np.clip((self.cost - cost) / np.maximum(self.predicted, 1e-300), 0, 1)
        shrink = np.clip(1 - (2 * ratio - 1) ** 3, 0.05, 1.0)
        begun = self.tried > 0
        change = np.where(better, shrink, self.growth)
        self.damping = np.where(begun, np.maximum(self.damping * change, 1e-12), self.damping)
        self.growth = np.where(better, 2.0, self.growth * 2)

    def _update(
        self,
        better: BoolArray,
        cost: FloatArray,
        diagonal: FloatArray,
        normal: FloatArray,
        gradient: FloatArray,
    ) -> None:
        """Take the trials that helped, and bring their equations to the units of Marquardt's scales."""
        factor = self._factor(self.trial)
        diagonal *= np.square(factor)
        # A scale may shrink, slowly; and a parameter that does nothing gets one all the same. Parameters have
        # different units, so one is never compared with another.
        floor = np.maximum(1e-3 * self.diagonal, 1e-300)
        np.maximum(diagonal, floor, out=diagonal)
        factor /= np.sqrt(diagonal)
        gradient *= factor
        across = np.ascontiguousarray(factor.T)
        normal *= across[:, :, None] * across[:, None, :]
        if better.all():
            self.values, self.cost, self.normal = self.trial, cost, normal
            self.diagonal, self.gradient = diagonal, gradient
            return
        self.cost = np.where(better, cost, self.cost)
        np.copyto(self.normal, normal, where=better[:, None, None])
        for old, new in ((self.values, self.trial), (self.diagonal, diagonal), (self.gradient, gradient)):
            np.copyto(old, new, where=better)

    def _factor(self, values: FloatArray) -> FloatArray:
        """Return d(parameter)/d(what moves), shape (k, m)."""
        moving = np.where(self.problem.logarithmic[:, None], values, 1.0)
        return np.asarray(moving if self.problem.free.all() else moving[self.problem.free])

    def _difference_steps(self) -> FloatArray:
        """Return the steps that differences should take, (m, p): a thousandth of a standard error.

        Where that is so small that rounding would show, up to thirty times as much.
        """
        problem, values = self.problem, self.trial
        if not problem.numerical:
            return values.T
        steps = np.zeros_like(values)
        steps[problem.free] = 1e-3 * np.sqrt(self.cost / self.freedom / np.maximum(self.diagonal, 1e-300))
        size = np.abs(values)
        steps *= np.where(problem.logarithmic[:, None], size, 1.0)
        steps = np.maximum(steps, np.minimum(30 * steps, _CUBE_ROOT * size))
        typical = np.full(len(values), 1e-9) if problem.typical is None else problem.typical
        steps = np.clip(steps, 1e-8 * size + 1e-300, 1e-2 * np.maximum(size, typical[:, None]))
        first = 1e-5 * np.where(size > 0, size, typical[:, None])
        steps = np.where(self.blind == _AGAIN, np.maximum(1e-2 * first, 1e-8 * size), steps)
        return np.asarray(np.where(self.tried < 0, first, steps).T)

    def propose(self) -> None:
        """Set the next trial of every fit, and what the linear model expects of it."""
        stuck = self._stuck()
        self.step = self._solved(stuck, self.damping)
        if self.problem.bounded:
            # A parameter at a bound is not moved beyond it by what others do: those move without it.
            outward = self._outward(self.step)
            if outward.any():
                self.step = self._solved(stuck | outward, self.damping)
        along, length = (self.step * self.gradient).sum(0), np.square(self.step).sum(0)
        # As long as the step solves the equations: stepᵀ·normal·step = step·gradient − damping·|step|².
        self.curvature = along - self.damping * length
        self.predicted = along + self.damping * length
        cut = self._move()
        if cut.any():
            turned = np.matmul(self.normal, self.step.T[:, :, None])[..., 0].T
            curvature = (turned * self.step).sum(0)
            predicted = 2 * (self.step * self.gradient).sum(0) - curvature
            self.curvature = np.where(cut, curvature, self.curvature)
            self.predicted = np.where(cut, predicted, self.predicted)
        again = self.blind == _AGAIN
        if again.any():
            self.trial = np.where(again, self.values, self.trial)
            self.curvature, self.predicted = (
                np.where(again, 0.0, one) for one in (self.curvature, self.predicted)
            )

    def _solved(self, stuck: BoolArray, damping: FloatArray) -> FloatArray:
        """Return the damped step (k, m) in which the parameters that are ``stuck`` do not move."""
        damped = self.normal.copy()
        index = np.arange(damped.shape[-1])
        damped[:, index, index] += damping[:, None]
        gradient = self.gradient
        if stuck.any():
            gradient = np.where(stuck, 0.0, gradient)
            across = np.broadcast_to(stuck, gradient.shape).T
            damped[across[:, :, None] | across[:, None, :]] = 0.0
            damped[:, index, index] += across
        return _solve(damped, gradient)

    def _stuck(self) -> BoolArray:
        """Return which free parameters (k, m) stand at a bound and would go beyond: they are held there."""
        return self._outward(self.gradient) if self.problem.bounded else np.zeros((1, 1), bool)

    def _outward(self, direction: FloatArray) -> BoolArray:
        """Return which free parameters (k, m) stand at a bound that ``direction`` (k, m) points beyond."""
        problem = self.problem
        values = self.values[problem.free]
        low, high = problem.lower[problem.free, None], problem.upper[problem.free, None]
        return np.asarray(((values <= low) & (direction < 0)) | ((values >= high) & (direction > 0)))

    def _move(self) -> BoolArray:
        """Set the trials, shortening steps that are too long or cross a bound; return which were."""
        problem, logarithmic = self.problem, self.problem.logarithmic
        root = np.sqrt(self.diagonal)
        full = np.zeros_like(self.values)
        full[problem.free] = self.step / np.where(root > 0, root, 1.0)
        made = full.copy()
        made[logarithmic] = np.clip(full[logarithmic], -LONGEST_LOG_STEP, LONGEST_LOG_STEP)
        self.trial = self.values + made
        self.trial[logarithmic] = self.values[logarithmic] * np.exp(made[logarithmic])
        cut: BoolArray = np.any(made != full, axis=0)
        if problem.bounded:
            free = problem.free
            within = np.clip(self.trial[free], problem.lower[free, None], problem.upper[free, None])
            outside = within != self.trial[free]
            values = self.values[free]
            short = np.where(logarithmic[free, None], np.log(within / values), within - values)
            made[free] = np.where(outside, short, made[free])
            self.trial[free] = within
            cut |= outside.any(0)
        if cut.any():
            self.step = np.where(cut, made[problem.free] * root, self.step)
        return cut

    def record(self, found: Minimum, places: IndexArray, done: BoolArray) -> None:
        """Enter the fits at ``places`` in ``found``."""
        rows = self.rows[places]
        found.values[rows] = self.values[:, places].T
        found.cost[rows] = self.cost[places]
        root = np.sqrt(self.diagonal[:, places]) / self._factor(self.values[:, places])
        across = np.ascontiguousarray(root.T)
        found.hessian[rows] = self.normal[places] * (across[:, :, None] * across[:, None, :])
        found.converged[rows] = done[places]
        found.at_bound[rows] = np.broadcast_to(self._stuck().any(0), self.rows.shape)[places]
        found.iterations[rows] = self.tried[places]


def _linearise(
    problem: Problem, trial: FloatArray, steps: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return cost (m,), the diagonal (k, m) of JᵀJ, JᵀJ (m, k, k) and Jᵀr (k, m) in the free parameters."""
    y, jacobian = problem.evaluate(problem.x, np.ascontiguousarray(trial.T), steps)
    residual = problem.y - y
    if not problem.free.all():
        jacobian = jacobian[:, problem.free]
    if problem.weights is not None:
        residual *= problem.weights
        jacobian *= problem.weights[:, None, :]
    cost = np.einsum("mn,mn->m", residual, residual)
    normal = _products(jacobian)
    gradient = np.ascontiguousarray(np.matmul(jacobian, residual[..., None])[..., 0].T)
    diagonal = np.array(np.diagonal(normal, axis1=-2, axis2=-1).T, order="C")
    cost[~(np.isfinite(gradient.sum(0)) & np.isfinite(diagonal.sum(0)))] = np.inf
    return cost, diagonal, normal, gradient


def _products(jacobian: FloatArray) -> FloatArray:
    """Return J Jᵀ for J (m, k, n).

    NumPy hands a product of an array with its own transpose to a routine (syrk) that is three times slower on
    small matrices than a plain product; so all columns but the first are multiplied, and the first mirrored.
    """
    count, free, _ = jacobian.shape
    normal = np.empty((count, free, free))
    if free > 1:
        np.matmul(jacobian, np.swapaxes(jacobian[:, 1:], -1, -2), out=normal[:, :, 1:])
        normal[:, 1:, 0] = normal[:, 0, 1:]
    if free:
        normal[:, 0, 0] = np.einsum("mn,mn->m", jacobian[:, 0], jacobian[:, 0])
    return normal


def _solve(matrix: FloatArray, right: FloatArray) -> FloatArray:
    """Solve each trace's equations: matrix (m, k, k), right (k, m) -> (k, m)."""
    try:
        solution = np.linalg.solve(matrix, right.T[:, :, None])
    except np.linalg.LinAlgError:
        solution = np.matmul(np.linalg.pinv(matrix, hermitian=True), right.T[:, :, None])
    return np.ascontiguousarray(solution[..., 0].T)
