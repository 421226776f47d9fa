"""How sure a fit is, beyond the standard error: profiles, bootstrap, and which model the data prefer.

A standard error is the curvature at the minimum. Where a parameter enters strongly non-linearly, or the data
barely determine it, the interval is lopsided: `profile_interval` follows χ² itself, all other parameters
refitted, to where it has risen by what the probability asks. `bootstrap` fits resampled traces in one batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from labspin.analysis.fitting.batch import fit_batch
from labspin.analysis.fitting.batch_result import BatchResult
from labspin.analysis.fitting.criterion import THRESHOLD, preferred_outcome
from labspin.analysis.fitting.curve import fit_curve
from labspin.analysis.model import FitModel, FloatArray
from labspin.analysis.models import load_model
from labspin.analysis.outcome import FitOutcome
from labspin.arrays import Numbers
from labspin.errors import FitError

__all__ = [
    "Bootstrap",
    "Interval",
    "ModelComparison",
    "bootstrap",
    "compare_models",
    "count_dips",
    "profile_interval",
]


@dataclass(frozen=True)
class Interval:
    """A confidence interval of one parameter; an end that χ² never reaches is infinite."""

    name: str
    value: float
    lower: float
    upper: float
    probability: float
    unit: str = "1"


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Fits of resampled traces.

    Attributes
    ----------
    names, samples
        Parameters, and their values (draws, p) in the fits that converged.
    failed
        Draws whose fit did not converge.
    """

    names: tuple[str, ...]
    samples: FloatArray
    failed: int

    def stderr(self, name: str) -> float:
        """Return the standard deviation of the samples of one parameter, in its unit.

        Parameters
        ----------
        name
            A parameter.
        """
        return float(np.std(self.samples[:, self.names.index(name)], ddof=1))

    def interval(self, name: str, probability: float = 0.6827) -> tuple[float, float]:
        """Return the percentile interval of one parameter.

        Parameters
        ----------
        name
            A parameter.
        probability
            Between 0 and 1; 0.6827 is that of one standard deviation of a normal distribution.

        Returns
        -------
        low, high
            In the unit of the parameter.
        """
        edges = np.array([0.5 - probability / 2, 0.5 + probability / 2])
        low, high = np.quantile(self.samples[:, self.names.index(name)], edges)
        return float(low), float(high)


@dataclass(frozen=True, eq=False)
class ModelComparison:
    """One of several models of the same trace.

    Attributes
    ----------
    aic, aicc, bic
        Akaike's criterion, the same for few points, and Bayes'; smaller is better.
    weight
        Akaike weight (from ``aicc``): how probable the model is among those compared.
    """

    outcome: FitOutcome
    aic: float
    aicc: float
    bic: float
    weight: float


def profile_interval(
    model: FitModel, outcome: FitOutcome, name: str, *, probability: float = 0.6827
) -> Interval:
    """Return where χ², minimised over all other parameters, has risen by the quantile of ``probability``.

    Parameters
    ----------
    model, outcome
        A least-squares fit by `fit_curve`, without tied parameters.
    name
        A fitted parameter.
    probability
        Probability of the interval. With errors from the scatter, the F distribution takes the place of χ².

    Raises
    ------
    FitError
        The parameter was not fitted, or has no standard error to start from.
    """
    parameter = outcome[name]
    if name not in outcome.covariance_names or not parameter.stderr > 0:
        raise FitError(
            f"profile of {name}: wanted a fitted parameter with a standard error, got {parameter.text()}"
        )
    if not 0 < probability < 1:
        raise FitError(f"profile of {name}: wanted a probability between 0 and 1, got {probability!r}")
    rise = _allowed_rise(outcome, probability)
    declared = model.parameter(name)
    # The points and their noise are those of the fit, and are not looked for again beside the minimum.
    own = replace(model, window=None, noise=None if outcome.noise is None else model.noise)

    def excess(value: float) -> float:
        fixed = {p.name: p.value for p in outcome.parameters if p.fixed} | {name: value}
        start = {p.name: p.value for p in outcome.parameters if not (p.fixed or p.derived or p.name == name)}
        found = fit_curve(
            own, outcome.x, outcome.y, outcome.sigma, start=start, fixed=fixed, noise=outcome.noise
        )
        return found.statistics.chi2 - outcome.statistics.chi2 - rise

    ends = [
        _crossing(excess, parameter.value, direction * parameter.stderr, bound)
        for direction, bound in ((-1, declared.minimum), (1, declared.maximum))
    ]
    return Interval(name, parameter.value, ends[0], ends[1], probability, parameter.unit)


def _allowed_rise(outcome: FitOutcome, probability: float) -> float:
    from scipy.stats import chi2, f

    statistics = outcome.statistics
    if statistics.errors_from_scatter:
        return float(f.ppf(probability, 1, statistics.degrees_of_freedom)) * statistics.chi2red
    return float(chi2.ppf(probability, 1))


def _crossing(excess: Callable[[float], float], value: float, step: float, bound: float) -> float:
    """Return where ``excess`` changes sign, going from ``value`` in steps that double; else bound or inf."""
    from scipy.optimize import brentq

    inner, outer = value, value + step
    for _ in range(12):
        outer = max(outer, bound + 1e-9 * abs(step)) if step < 0 else min(outer, bound - 1e-9 * abs(step))
        if excess(outer) > 0:
            low, high = min(inner, outer), max(inner, outer)
            return float(brentq(excess, low, high, xtol=1e-3 * abs(step), rtol=1e-9))
        if abs(outer - bound) <= 2e-9 * abs(step):
            return bound
        inner, outer = outer, value + (outer - value) * 2
    return math.copysign(math.inf, step)


def bootstrap(
    model: FitModel,
    outcome: FitOutcome,
    *,
    draws: int = 500,
    kind: Literal["parametric", "residuals", "points"] = "parametric",
    seed: int = 0,
) -> Bootstrap:
    """Fit ``draws`` resampled traces in one batch.

    Parameters
    ----------
    model
        The model that was fitted, of real data.
    outcome
        The fit whose data are resampled.
    draws
        How many resampled traces are fitted.
    kind
        ``"parametric"``: the fitted curve plus Gaussian noise of the points' errors (or of the scatter);
        ``"residuals"``: the fitted curve plus residuals drawn with replacement, in units of their errors;
        ``"points"``: points drawn with replacement.
    seed
        Seed of the random numbers.

    Returns
    -------
    bootstrap
        The parameters of the draws whose fit converged, and how many did not.

    Raises
    ------
    FitError
        An unknown kind, complex data, or no draw converged.
    """
    if model.is_complex:
        raise FitError(f"bootstrap of {model.name}: complex data are not resampled; use profile_interval")
    rng = np.random.default_rng(seed)
    size = outcome.x.size
    sigma = outcome.sigma
    spread = np.full(size, math.sqrt(outcome.statistics.chi2red)) if sigma is None else sigma
    x: FloatArray = outcome.x
    errors: Numbers | None = sigma
    if kind == "parametric":
        traces = outcome.best + rng.normal(size=(draws, size)) * spread
    elif kind == "residuals":
        freedom = outcome.statistics.degrees_of_freedom
        scaled = outcome.residuals / spread * math.sqrt(size / max(freedom, 1))
        traces = outcome.best + rng.choice(scaled, (draws, size)) * spread
    elif kind == "points":
        drawn = rng.integers(0, size, (draws, size))
        x, traces = outcome.x[drawn], outcome.y[drawn]
        errors = None if sigma is None else sigma[drawn]
    else:
        raise FitError(f"bootstrap: wanted parametric, residuals or points, got {kind!r}")
    result = _refitted(model, outcome, x, traces, errors)
    sound = result.converged
    if not sound.any():
        raise FitError(f"bootstrap of {model.name}: none of {draws} resampled traces could be fitted")
    return Bootstrap(result.names, result.values[sound], int((~sound).sum()))


def _refitted(
    model: FitModel, outcome: FitOutcome, x: FloatArray, traces: Numbers, errors: Numbers | None
) -> BatchResult:
    own = {p.name: p for p in outcome.parameters if not p.derived}
    start = {name: p.value for name, p in own.items() if not p.fixed}
    fixed = {name: p.value for name, p in own.items() if p.fixed}
    return fit_batch(model, x, traces, errors, start=start, fixed=fixed, check=0)


def compare_models(
    models: Sequence[FitModel], x: ArrayLike, y: ArrayLike, sigma: ArrayLike | None = None, **settings: Any
) -> list[ModelComparison]:
    """Fit several models to one trace and return them, the preferred one first.

    Parameters
    ----------
    models
        The models to compare.
    x, y
        The trace, shape (n,).
    sigma
        Standard deviations of the points, shape (n,) or a number; None: errors from the scatter.
    settings
        Passed to `fit_curve` for each model, such as ``start``, ``fixed`` and ``axes``.

    Returns
    -------
    comparisons
        In the order of the corrected criterion of Akaike (AICc), the smallest first.

    Raises
    ------
    FitError
        No models, or one cannot be fitted.
    """
    if not models:
        raise FitError("comparison: wanted at least one model, got none")
    outcomes = [fit_curve(model, x, y, sigma, **settings) for model in models]
    corrected = [_aicc(outcome) for outcome in outcomes]
    relative = np.exp(-0.5 * (np.array(corrected) - min(corrected)))
    found = [
        ModelComparison(outcome, outcome.statistics.aic, aicc, outcome.statistics.bic, float(weight))
        for outcome, aicc, weight in zip(outcomes, corrected, relative / relative.sum(), strict=True)
    ]
    return sorted(found, key=lambda item: item.aicc)


def _aicc(outcome: FitOutcome) -> float:
    free, points = len(outcome.covariance_names), outcome.statistics.points
    if points <= free + 1:
        return math.inf
    return outcome.statistics.aic + 2 * free * (free + 1) / (points - free - 1)


def count_dips(
    x: ArrayLike,
    y: ArrayLike,
    sigma: ArrayLike | None = None,
    *,
    largest: int = 8,
    shape: Literal["lorentzian_dips", "gaussian_dips"] = "lorentzian_dips",
    background: str = "constant",
    threshold: float = THRESHOLD,
) -> list[ModelComparison]:
    """Compare none to ``largest`` dips by Bayes' criterion, the preferred number first.

    The criterion must fall by more than `threshold` for one dip more
    (`labspin.analysis.fitting.criterion`); a recipe asks for the same by
    ``choose = { count = [0, 1, 2, 3] }``.

    Parameters
    ----------
    x, y
        The spectrum, shape (n,).
    sigma
        Standard deviations of the points, shape (n,) or a number; None: errors from the scatter.
    largest
        Largest number of dips that is tried.
    shape
        ``"lorentzian_dips"`` or ``"gaussian_dips"``.
    background
        Option ``background`` of the model, such as ``"constant"``.
    threshold
        By how much the criterion must fall for more dips to be preferred.

    Returns
    -------
    comparisons
        The preferred number of dips first, then the others in the order of Bayes' criterion.
    """
    models = [load_model(shape, count=count, background=background) for count in range(largest + 1)]
    found = sorted(compare_models(models, x, y, sigma), key=lambda item: len(item.outcome.covariance_names))
    place = preferred_outcome([item.outcome for item in found], threshold=threshold)
    others = sorted((item for item in found if item is not found[place]), key=lambda item: item.bic)
    return [found[place], *others]
