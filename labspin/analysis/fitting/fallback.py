"""lmfit as the second opinion of a batch: for what did not converge, and for a sample of what did."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.fitting.holding import enter_one
from labspin.analysis.fitting.sheet import Sheet
from labspin.analysis.minimiser.problem import Problem
from labspin.analysis.model import FitModel, FloatArray
from labspin.arrays import Numbers, Value

__all__ = ["refit_all", "spot_check"]

_TIGHT = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 0.0}
_CONTRADICTS = 0.1
"""Standard errors by which lmfit's deeper minimum may lie elsewhere before it contradicts."""
_MOST_CHECKED = 200
_MOST_CALLS = 2000
"""Calls of a model in all attempts at one trace; a fourth of them where it gives its derivatives."""


def refit_all(
    sheet: Sheet, model: FitModel, problem: Problem, rows: NDArray[np.intp], first: FloatArray
) -> None:
    """Refit the rows that the sheet marks, from their starting values and from where the batch ended.

    Parameters
    ----------
    sheet
        Results of the batch, changed in place.
    model
        The model that is fitted.
    problem
        The traces that were fitted.
    rows
        Row of the sheet for each trace of ``problem``, shape (m,).
    first
        Starting values of the batch, shape (m, p).
    """
    for index, row in enumerate(rows):
        if not sheet.refit[row]:
            continue
        starts = [first[index], sheet.values[row]]
        sound = _attempts(
            model, problem, index, [start for start in starts if np.isfinite(start).all()], sheet
        )
        if not sound:
            continue
        values, covariance, chi2 = min(sound, key=lambda item: item[2])
        if sheet.status[row] == 3 and not chi2 < 0.999 * sheet.chi2[row]:
            continue
        enter_one(sheet, row, problem, index, (values, covariance, chi2))


def _attempts(
    model: FitModel, problem: Problem, index: int, starts: list[FloatArray], sheet: Sheet
) -> list[tuple[FloatArray, FloatArray, float]]:
    """Return the fits that converge, with errors if any do: short first steps are the second try."""
    converged: list[tuple[FloatArray, FloatArray, float]] = []
    tight = {"ftol": 1e-12, "xtol": 1e-12}
    left = _Calls.of(model)
    for tolerances in (tight | {"factor": 100.0}, tight | {"factor": 1.0}, {"factor": 100.0}):
        found = [
            _fit(model, problem, index, start, sheet, tolerances, left) for start in starts if left.left > 0
        ]
        converged += [item for item in found if item is not None]
        sound = [item for item in converged if np.isfinite(item[1]).all()]
        if sound:
            return sound
    return converged


@dataclass
class _Calls:
    """How often a model may still be called: what converges nowhere would be tried for ever."""

    left: int

    @classmethod
    def of(cls, model: FitModel) -> _Calls:
        return cls(_MOST_CALLS if model.derivatives is None else _MOST_CALLS // 4)


def spot_check(
    sheet: Sheet,
    model: FitModel,
    problem: Problem,
    rows: NDArray[np.intp],
    first: FloatArray,
    part: float,
    seed: int,
) -> None:
    """Refit a random part of the converged rows and enter the largest deviations in the sheet.

    A fit from which lmfit finds a deeper minimum has not converged, whatever it said: it gets lmfit's values,
    and twice as many others are looked at, until a sample holds none.

    Parameters
    ----------
    sheet
        Results of the batch, changed in place.
    model
        The model that is fitted.
    problem
        The traces that were fitted.
    rows
        Row of the sheet for each trace of ``problem``, shape (m,).
    first
        Starting values of the batch, shape (m, p).
    part
        Part of the converged rows to check, from 0 (none) to 1; the first sample is limited in number.
    seed
        Seed of the random choice of rows.
    """
    candidates = np.random.default_rng(seed).permutation(np.flatnonzero(sheet.status[rows] == 0))
    count = min(round(np.ceil(part * candidates.size)), _MOST_CHECKED)
    deviation, error_deviation, begun = 0.0, 0.0, 0
    while begun < candidates.size and count > 0:
        sample = candidates[begun : begun + count]
        begun += sample.size
        found = [_checked(sheet, model, problem, index, rows[index], first) for index in sample]
        sheet.checked += sum(one is not None for one in found)
        sound = [one for one in found if one is not None and not one.deeper]
        deviation = max([deviation, *(one.deviation for one in sound)])
        error_deviation = max([error_deviation, *(one.error_deviation for one in sound)])
        if not any(one is not None and one.deeper for one in found):
            break
        count = 2 * begun
    if begun:
        sheet.deviation, sheet.stderr_deviation = deviation, error_deviation


class _Check(NamedTuple):
    """How far lmfit is from a fit, in standard errors and of the errors; whether its minimum is deeper."""

    deviation: float
    error_deviation: float
    deeper: bool


def _checked(
    sheet: Sheet, model: FitModel, problem: Problem, index: int, row: int, first: FloatArray
) -> _Check | None:
    # From where the batch ended: the check is of the optimum and its errors, not of the guess.
    found = _fit(model, problem, index, sheet.values[row], sheet, dict(_TIGHT), _Calls(_MOST_CALLS))
    if found is None or not np.isfinite(found[1]).all():
        return None
    values, covariance, chi2 = found
    sigma = np.sqrt(np.diag(sheet.covariance[row]))
    apart = float(np.max(np.abs(values - sheet.values[row])[sheet.free] / sigma))
    errors_apart = float(np.max(np.abs(np.sqrt(np.diag(covariance)) / sigma - 1)))
    variance = 1.0 if sheet.absolute else chi2 / max(int(sheet.points[row]) - sigma.size, 1)
    # A step of d standard errors away from a minimum costs d² of the variance.
    deeper = apart > _CONTRADICTS and sheet.chi2[row] - chi2 > 0.1 * _CONTRADICTS**2 * variance
    if deeper:
        again = _fit(model, problem, index, first[index], sheet, dict(_TIGHT), _Calls(_MOST_CALLS))
        if again is not None and again[2] < chi2 and np.isfinite(again[1]).all():
            values, covariance, chi2 = again
        enter_one(sheet, int(row), problem, index, (values, covariance, chi2))
    return _Check(apart, errors_apart, deeper)


def _fit(
    model: FitModel,
    problem: Problem,
    index: int,
    start: FloatArray,
    sheet: Sheet,
    tolerances: dict[str, float],
    calls: _Calls,
) -> tuple[FloatArray, FloatArray, float] | None:
    """Return values, covariance and χ² of one trace by lmfit; None where it did not converge.

    lmfit's bounds and MINPACK's tolerances know no units, so it gets parameters and data of a size about one.
    """
    from labspin.analysis.fitting.lmfit_bridge import LabspinModel

    used: slice | NDArray[np.bool_] = slice(None)
    if problem.weights is not None:
        used = problem.weights[index] > 0
    y, weights = problem.y[index], None if problem.weights is None else problem.weights[index]
    x = problem.x if problem.x.ndim == 1 else problem.x[index]
    points = used if isinstance(used, slice) or not model.is_complex else used[::2]
    height = float(np.max(np.abs(y[used]), initial=0.0)) or 1.0
    typical = np.ones(start.size) if problem.typical is None else problem.typical
    sizes = np.where(start != 0, np.abs(start), typical)
    described = LabspinModel(_resized(model, sizes, height))
    parameters = described.make_params(**dict(zip(model.names, map(float, start / sizes), strict=True)))
    for name, free in zip(model.names, sheet.free, strict=True):
        parameters[name].set(vary=bool(free))
    try:
        result = described.fit(
            y[used] / height,
            parameters,
            x=x[points],
            weights=weights[used] * height if weights is not None and sheet.absolute else None,
            scale_covar=not sheet.absolute,
            max_nfev=calls.left,
            fit_kws=dict(tolerances),
            nan_policy="propagate",
        )
    except (ValueError, ArithmeticError):
        return None
    calls.left -= result.nfev
    # MINPACK reports 6 to 8 where rounding leaves it nothing to gain: that is a minimum too.
    if not np.isfinite(result.chisqr) or result.ier not in (1, 2, 3, 4, 6, 7, 8):
        return None
    values = np.array([float(result.params[name].value) for name in model.names]) * sizes
    values[~sheet.free] = start[~sheet.free]
    own, size = sizes[sheet.free], int(sheet.free.sum())
    unknown = result.covar is None or (not sheet.absolute and result.nfree <= 0)
    covariance = np.full((size, size), np.nan) if unknown else np.asarray(result.covar)
    chi2 = float(result.chisqr) * (1.0 if sheet.absolute and weights is not None else height**2)
    return values, covariance * own[:, None] * own, chi2


def _resized(model: FitModel, sizes: FloatArray, height: float) -> FitModel:
    """Return ``model`` with parameters in units of ``sizes`` (p,) and y in units of ``height``."""
    own = model.derivatives

    def function(x: FloatArray, *values: Value) -> Numbers:
        scaled = (value * size for value, size in zip(values, sizes, strict=True))
        return np.asarray(model.function(x, *scaled) / height)

    def derivatives(x: FloatArray, values: FloatArray) -> tuple[Numbers, Numbers]:
        assert own is not None
        y, jacobian = own(x, values * sizes)
        return np.asarray(y / height), np.asarray(jacobian * (sizes[:, None] / height))

    parameters = tuple(
        replace(p, minimum=p.minimum / size, maximum=p.maximum / size, value=None)
        for p, size in zip(model.parameters, sizes.tolist(), strict=True)
    )
    return replace(
        model, function=function, derivatives=None if own is None else derivatives, parameters=parameters
    )
