"""The posterior of a fit, sampled by emcee, where a covariance does not tell enough.

Likelihood: the residuals are normal. Where the errors of the points are known it is exp(−χ²/2); where they
are not, their common size is one more unknown with a prior 1/σ, which integrated out leaves (χ²)^(−n/2).
Prior: flat in the parameters as they are, between their bounds; for a linear model the posterior is then the
normal (or Student's) distribution whose covariance the fit quotes.

The ensemble of walkers starts in that distribution and runs until the chain is fifty autocorrelation times
long, as emcee's authors advise (Foreman-Mackey et al., PASP 125, 306 (2013)); what does not get there says
so.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labspin.analysis.complex_numbers import real_view
from labspin.analysis.fitting.vectorised import curves_of
from labspin.analysis.model import FitModel, FloatArray
from labspin.analysis.outcome import FitOutcome
from labspin.arrays import Numbers
from labspin.errors import FitError

if TYPE_CHECKING:
    from types import ModuleType

    from emcee import EnsembleSampler

__all__ = ["Posterior", "sample_posterior"]

_LENGTHS = 50
"""Autocorrelation times that a chain should last."""
_BURNT = 5
"""Of them, at the beginning, that are thrown away."""
_AT_ONCE = 500


@dataclass(frozen=True, eq=False)
class Posterior:
    """Samples of the posterior of a fit.

    Attributes
    ----------
    names, samples
        The fitted parameters, and their values, shape (draws, k), thinned to about half an autocorrelation
        time.
    log_probability
        Log probability of each sample, up to a constant, shape (draws,).
    autocorrelation
        Steps after which a walker has forgotten a parameter, shape (k,).
    steps, walkers, acceptance
        Steps taken, walkers, and the mean part of steps accepted.
    warnings
        What to distrust.
    """

    names: tuple[str, ...]
    samples: FloatArray
    log_probability: FloatArray
    autocorrelation: FloatArray
    steps: int
    walkers: int
    acceptance: float
    warnings: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> FloatArray:
        if name not in self.names:
            raise FitError(f"posterior: no parameter {name!r}; it has {', '.join(self.names)}")
        return np.asarray(self.samples[:, self.names.index(name)])

    def median(self, name: str) -> float:
        """Return the median of one parameter.

        Parameters
        ----------
        name
            A fitted parameter.
        """
        return float(np.median(self[name]))

    def interval(self, name: str, probability: float = 0.6827) -> tuple[float, float]:
        """Return the central interval of one parameter that holds ``probability``.

        Parameters
        ----------
        name
            A fitted parameter.
        probability
            Between 0 and 1; 0.6827 is that of one standard deviation of a normal distribution.

        Returns
        -------
        low, high
            In the unit of the parameter.
        """
        low, high = np.quantile(self[name], [0.5 - probability / 2, 0.5 + probability / 2])
        return float(low), float(high)

    def covariance(self) -> FloatArray:
        """Return the covariance of the samples, shape (k, k)."""
        return np.atleast_2d(np.cov(self.samples, rowvar=False))


def sample_posterior(
    model: FitModel,
    outcome: FitOutcome,
    *,
    walkers: int | None = None,
    steps: int = 10_000,
    seed: int = 0,
) -> Posterior:
    """Sample the posterior of a least-squares fit by `fit_curve`.

    Parameters
    ----------
    model
        The model that was fitted.
    outcome
        The fit; the walkers start around its minimum.
    walkers
        At least twice the fitted parameters; None: four times, and at least 32.
    steps
        At most; fewer where the chain is long enough before.
    seed
        Seed of walkers and moves.

    Returns
    -------
    posterior
        Samples of the fitted parameters, and what to distrust about them.

    Raises
    ------
    FitError
        emcee is not installed, the fit has no covariance to start from, or it has tied parameters.
    """
    names = outcome.covariance_names
    count = max(4 * len(names), 32) if walkers is None else walkers
    _check(model, outcome, count)
    emcee = _emcee()
    rng = np.random.default_rng(seed)
    sampler = emcee.EnsembleSampler(count, len(names), _log_probability(model, outcome), vectorize=True)
    sampler.random_state = np.random.MT19937(seed).state
    state = _start(model, outcome, count, rng)
    taken = 0
    while taken < steps:
        chunk = min(_AT_ONCE, steps - taken)
        state = sampler.run_mcmc(state, chunk)
        taken += chunk
        time = np.atleast_1d(sampler.get_autocorr_time(tol=0))
        if np.all(np.isfinite(time)) and taken >= _LENGTHS * time.max():
            break
    return _posterior(sampler, names, time, taken)


def _emcee() -> ModuleType:
    try:
        return importlib.import_module("emcee")
    except ImportError as error:
        raise FitError(
            "posterior: wants emcee, which is not installed; pip install 'labspin[mcmc]', or use "
            "profile_interval or bootstrap"
        ) from error


def _check(model: FitModel, outcome: FitOutcome, walkers: int) -> None:
    names = outcome.covariance_names
    if model.likelihood != "normal":
        raise FitError(f"posterior of {model.name}: wanted a least-squares fit, got {model.likelihood!r}")
    open_ones = {p.name for p in outcome.parameters if not (p.fixed or p.derived)}
    if open_ones != set(names):
        tied = ", ".join(sorted(open_ones - set(names)))
        raise FitError(f"posterior of {model.name}: wanted a fit without tied parameters, got {tied} tied")
    covariance = outcome.covariance
    if not (covariance.size and np.all(np.isfinite(covariance)) and np.all(np.diag(covariance) > 0)):
        raise FitError(
            f"posterior of {model.name}: wanted a fit with errors to start from, got none; fix a parameter"
        )
    if walkers < 2 * len(names):
        raise FitError(
            f"posterior of {model.name}: wanted at least {2 * len(names)} walkers for "
            f"{len(names)} parameters, got {walkers}"
        )


def _bounds(model: FitModel, names: tuple[str, ...]) -> tuple[FloatArray, FloatArray]:
    limits = np.array([(model.parameter(name).minimum, model.parameter(name).maximum) for name in names])
    return limits[:, 0], limits[:, 1]


def _log_probability(model: FitModel, outcome: FitOutcome) -> Callable[[FloatArray], FloatArray]:
    """Return the logarithm of the posterior of values (m, k) of the fitted parameters."""
    held = outcome.values()
    full = np.array([held[name] for name in model.names])
    place = [model.names.index(name) for name in outcome.covariance_names]
    low, high = _bounds(model, outcome.covariance_names)
    curves = curves_of(model, outcome.x, full)
    whiten = None if outcome.noise is None else outcome.noise.whiten
    data = real_view(outcome.y if whiten is None else whiten(outcome.y))
    known = outcome.sigma is not None or whiten is not None
    weights = 1.0 if outcome.sigma is None or whiten is not None else 1 / _deviations(model, outcome.sigma)

    def log_probability(free: FloatArray) -> FloatArray:
        values = np.repeat(full[None], len(free), axis=0)
        values[:, place] = free
        inside = np.all((free >= low) & (free <= high), axis=1)
        with np.errstate(all="ignore"):
            found = curves(outcome.x, np.where(inside[:, None], values, full))
            residual = (data - real_view(found if whiten is None else whiten(found))) * weights
            chi2 = np.square(residual).sum(-1)
            logarithm = -0.5 * chi2 if known else -0.5 * data.size * np.log(chi2)
        return np.where(inside & np.isfinite(logarithm), logarithm, -np.inf)

    return log_probability


def _deviations(model: FitModel, sigma: Numbers) -> FloatArray:
    if model.is_complex and not np.iscomplexobj(sigma):
        return np.repeat(np.asarray(sigma, np.float64), 2)
    return real_view(sigma)


def _start(model: FitModel, outcome: FitOutcome, walkers: int, rng: np.random.Generator) -> FloatArray:
    """Return walkers drawn from the fit's normal distribution, those beyond a bound drawn again, narrower."""
    names = outcome.covariance_names
    centre = np.array([outcome[name].value for name in names])
    low, high = _bounds(model, names)
    places = np.empty((0, len(names)))
    width = 1.0
    while len(places) < walkers:
        drawn = rng.multivariate_normal(centre, width**2 * outcome.covariance, walkers)
        places = np.concatenate([places, drawn[np.all((drawn > low) & (drawn < high), axis=1)]])
        width *= 0.7
        if width < 1e-6:
            raise FitError(f"posterior of {model.name}: wanted a fit inside its bounds, got one at a bound")
    return places[:walkers]


def _posterior(sampler: EnsembleSampler, names: tuple[str, ...], time: FloatArray, taken: int) -> Posterior:
    longest = float(time.max()) if np.all(np.isfinite(time)) else math.inf
    warnings = []
    if taken < _LENGTHS * longest:
        warnings.append(
            f"the chain of {taken} steps is shorter than {_LENGTHS} autocorrelation times "
            f"({longest:.0f} steps each); sample longer"
        )
    burnt = int(min(_BURNT * longest, taken / 2))
    thin = max(int(longest / 2), 1) if math.isfinite(longest) else 1
    return Posterior(
        names=names,
        samples=sampler.get_chain(discard=burnt, thin=thin, flat=True),
        log_probability=sampler.get_log_prob(discard=burnt, thin=thin, flat=True),
        autocorrelation=time,
        steps=taken,
        walkers=sampler.nwalkers,
        acceptance=float(np.mean(sampler.acceptance_fraction)),
        warnings=tuple(warnings),
    )
