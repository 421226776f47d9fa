"""Bayes' criterion, by which the data prefer one of several models.

It charges ln(points) for a parameter, which is not quite enough for a dip that may be anywhere: where there
is one dip, a second lowers the criterion in one spectrum of a hundred, but by more than 6 in one or two of a
thousand (`benchmarks/guesses.py`). So much is asked of the larger model.

Where even the best model misses the points by more than their errors allow, those errors are too small (a
drift, for example, which no counting error contains), and further dips would be accepted to fit it. The
criterion for errors of unknown size is then used instead.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.analysis.model import FloatArray
from labspin.analysis.outcome import FitOutcome

__all__ = ["THRESHOLD", "criterion", "preferred", "preferred_outcome"]

THRESHOLD = 6.0
"""By how much Bayes' criterion must fall for a model with more parameters to be preferred."""

_IMPROBABLE = 1e-3  # of χ²: errors of points are then not believed


def criterion(bic: ArrayLike, *, free: Sequence[int], chi2: ArrayLike, points: ArrayLike) -> FloatArray:
    """Return Bayes' criterion as it should be compared where the errors of the points are known.

    It is ``bic``, or n ln(χ²/n) + k ln n, that for errors of unknown size, in traces where χ² is improbable
    (< 0.001) for every model.

    Parameters
    ----------
    bic, chi2, points
        BIC, χ² and number of points of each fit, shape (models, traces); NaN in ``bic`` where there is none.
    free
        Fitted parameters of each model.
    """
    from scipy.special import chdtrc

    known, misfit, n = (np.asarray(values, np.float64) for values in (bic, chi2, points))
    k = np.asarray(free, np.float64)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        unknown = n * np.log(misfit / n) + k * np.log(n)
        probability = np.where(np.isnan(known), 0.0, chdtrc(np.maximum(n - k, 1), misfit))
    return np.where(probability.max(axis=0) < _IMPROBABLE, np.where(np.isnan(known), known, unknown), known)


def preferred(
    bic: ArrayLike, free: Sequence[int], sound: ArrayLike, *, threshold: float = THRESHOLD
) -> NDArray[np.intp]:
    """Return which of the models of each trace is preferred: the smallest that no larger one beats clearly.

    What a model explains counts whether or not its fit determines all parameters: a larger one must beat it.
    But a model that leaves something undetermined does not win where another does not.

    Parameters
    ----------
    bic, sound
        Bayes' criterion (NaN: no minimum), and whether the fit has errors of all parameters and resolves what
        it describes, shape (models, traces).
    free
        Fitted parameters of each model.
    threshold
        By how much the criterion must fall for more parameters.

    Returns
    -------
    Place of the preferred model of each trace, shape (traces,).
    """
    usable, criterion, size = np.asarray(sound, bool), np.asarray(bic, np.float64), np.asarray(free)
    criterion = np.where(np.isnan(criterion), np.inf, criterion)
    order = np.argsort(size, kind="stable")
    best = np.full(criterion.shape[1], order[0])
    lowest, certain = criterion[order[0]].copy(), usable[order[0]].copy()
    determined = np.where(certain, best, -1)
    for place in order[1:]:
        with np.errstate(invalid="ignore"):
            fall = lowest - criterion[place]
        better = fall > np.where((size[place] > size[best]) & certain, threshold, 0.0)
        best, lowest = np.where(better, place, best), np.where(better, criterion[place], lowest)
        certain = np.where(better, usable[place], certain)
        determined = np.where(better & usable[place], place, determined)
    return np.where(certain | (determined < 0), best, determined)


def preferred_outcome(
    outcomes: Sequence[FitOutcome],
    *,
    resolved: Sequence[bool] | None = None,
    threshold: float = THRESHOLD,
) -> int:
    """Return which of several fits of one trace is preferred.

    Parameters
    ----------
    outcomes
        Fits of the same trace by different models.
    resolved
        Whether what each fit found can be distinguished (`FitModel.resolved`); None: all.
    threshold
        By how much the criterion must fall for a model with more parameters to be preferred.

    Returns
    -------
    place
        Index into ``outcomes``.
    """
    statistics = [outcome.statistics for outcome in outcomes]
    free = [len(outcome.covariance_names) for outcome in outcomes]
    bic: ArrayLike = [[one.bic] for one in statistics]
    if not any(one.errors_from_scatter for one in statistics):
        chi2, points = [[one.chi2] for one in statistics], [[one.points] for one in statistics]
        bic = criterion(bic, free=free, chi2=chi2, points=points)
    apart = resolved if resolved is not None else [True] * len(outcomes)
    sound = [[outcome.sound and one] for outcome, one in zip(outcomes, apart, strict=True)]
    return int(preferred(bic, free, sound, threshold=threshold)[0])
