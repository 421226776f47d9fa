"""lmfit as the second opinion of a batch: for what did not converge, and for a sample of what did."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.fitting.sheet import Sheet
from labspin.analysis.minimiser.problem import Problem
from labspin.analysis.model import FitModel, FloatArray

__all__ = ["refit_all", "spot_check"]

_MOST_CHECKED = 200
_MOST_CALLS = 2000


def refit_all(
    sheet: Sheet, model: FitModel, problem: Problem, rows: NDArray[np.intp], first: FloatArray
) -> None:
    """Refit the rows that the sheet marks, from their first values and from where the batch left them."""
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
        sheet.values[row], sheet.chi2[row] = values, chi2
        sheet.covariance[row] = covariance
        sheet.status[row] = 1 if np.isfinite(covariance).all() else 3


def _attempts(
    model: FitModel, problem: Problem, index: int, starts: list[FloatArray], sheet: Sheet
) -> list[tuple[FloatArray, FloatArray, float]]:
    """Return the fits that converge, with errors if any do: short first steps are the second try."""
    converged: list[tuple[FloatArray, FloatArray, float]] = []
    tight = {"ftol": 1e-12, "xtol": 1e-12}
    for tolerances in (tight | {"factor": 100.0}, tight | {"factor": 1.0}, {"factor": 100.0}):
        found = [_fit(model, problem, index, start, sheet, tolerances) for start in starts]
        converged += [item for item in found if item is not None]
        sound = [item for item in converged if np.isfinite(item[1]).all()]
        if sound:
            return sound
    return converged


def spot_check(
    sheet: Sheet,
    model: FitModel,
    problem: Problem,
    rows: NDArray[np.intp],
    first: FloatArray,
    part: float,
    seed: int,
) -> None:
    """Refit a random part of the converged rows and enter the largest deviations in the sheet."""
    from labspin.analysis.fitting.lmfit_bridge import TIGHT

    candidates = np.flatnonzero(sheet.status[rows] == 0)
    count = min(round(np.ceil(part * candidates.size)), _MOST_CHECKED)
    if count <= 0:
        return
    sample = np.random.default_rng(seed).choice(candidates, count, replace=False)
    values_apart, errors_apart = [0.0], [0.0]
    free = sheet.free
    for index in sample:
        # From where the batch ended: the check is of the optimum and its errors, not of the guess.
        found = _fit(model, problem, index, sheet.values[rows[index]], sheet, dict(TIGHT))
        if found is None or not np.isfinite(found[1]).all():
            continue
        sigma = np.sqrt(np.diag(sheet.covariance[rows[index]]))
        values_apart.append(float(np.max(np.abs(found[0] - sheet.values[rows[index]])[free] / sigma)))
        errors_apart.append(float(np.max(np.abs(np.sqrt(np.diag(found[1])) / sigma - 1))))
    sheet.checked = len(values_apart) - 1
    sheet.deviation, sheet.stderr_deviation = max(values_apart), max(errors_apart)


def _fit(
    model: FitModel,
    problem: Problem,
    index: int,
    start: FloatArray,
    sheet: Sheet,
    tolerances: dict[str, float],
) -> tuple[FloatArray, FloatArray, float] | None:
    """Return values, covariance and χ² of one trace by lmfit; None where it did not converge."""
    from labspin.analysis.fitting.lmfit_bridge import LabspinModel

    described = LabspinModel(model)
    used: slice | NDArray[np.bool_] = slice(None)
    if problem.weights is not None:
        used = problem.weights[index] > 0
    y, weights = problem.y[index], None if problem.weights is None else problem.weights[index]
    x = problem.x if problem.x.ndim == 1 else problem.x[index]
    points = used if isinstance(used, slice) or not model.is_complex else used[::2]
    parameters = described.make_params(**dict(zip(model.names, map(float, start), strict=True)))
    for name, free in zip(model.names, sheet.free, strict=True):
        parameters[name].set(vary=bool(free))
    try:
        result = described.fit(
            y[used],
            parameters,
            x=x[points],
            weights=weights[used] if weights is not None and sheet.absolute else None,
            scale_covar=not sheet.absolute,
            max_nfev=_MOST_CALLS,
            fit_kws=dict(tolerances),
            nan_policy="propagate",
        )
    except (ValueError, ArithmeticError):
        return None
    # MINPACK reports 6 to 8 where rounding leaves it nothing to gain: that is a minimum too.
    if not np.isfinite(result.chisqr) or result.ier not in (1, 2, 3, 4, 6, 7, 8):
        return None
    values = np.array([float(result.params[name].value) for name in model.names])
    size = int(sheet.free.sum())
    covariance = np.full((size, size), np.nan) if result.covar is None else np.asarray(result.covar)
    return values, covariance, float(result.chisqr)
