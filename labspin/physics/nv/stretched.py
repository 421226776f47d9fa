"""A stretched exponential as a positive mixture of exponentials.

``exp(−t^β) = ∫ f_β(x) e^{−xt} dx`` for 0 < β < 1, with f_β the one-sided stable density: an ensemble whose
centres relax at rates spread like f_β decays as a stretched exponential, which is what fluctuator theory
says of it (β = 1/2 for pure dipolar disorder). Zolotarev's integral writes f_β as a mean over φ in (0, π)
of positive terms, ``f_β(x) = (β/(1−β)) x^{−1/(1−β)} ⟨a(φ) exp(−a(φ) x^{−β/(1−β)})⟩`` with ``a(φ) =
sin((1−β)φ) sin(βφ)^{β/(1−β)} / sin(φ)^{1/(1−β)}``. The measure f_β(x) dx is first discretised finely in log
x; then a Gauss rule of that discrete measure in y = 1/(1 + x^¼) (Lanczos) keeps a few nodes. Its weights
are positive and sum to one, so a rate model that is exact for each rate stays exact for the mixture.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import abridged, non_negative, positive

__all__ = ["RateMixture", "stable_density", "stretched_exponential_mixture"]

FloatArray = NDArray[np.float64]

_POWER = 0.25  # of the rate in the variable of the Gauss rule; found best among 0.1, ¼, ½, ¾, 1
_RANGE = 38.0  # logit of φ/π at which the integrand has fallen below rounding
_STEP = 0.2  # of the trapezoidal rule
_SERIES_FROM, _SERIES_TERMS = 0.5, 120  # ln x from which the power series is summed, and how far


@dataclass(frozen=True)
class RateMixture:
    """Dimensionless relaxation rates (in units of 1/T1) and their weights, which sum to one.

    Raises
    ------
    ArgumentError
        The shapes differ, a rate or weight is negative, or the weights do not sum to one.
    """

    rates: FloatArray  # units of 1/T1
    weights: FloatArray

    __repr__ = abridged

    def __post_init__(self) -> None:
        rates, weights = non_negative("rates", self.rates), non_negative("weights", self.weights)
        if rates.ndim != 1 or rates.shape != weights.shape:
            raise ArgumentError(
                f"weights: wanted one for each of the rates, got {weights.shape} for {rates.shape}"
            )
        if abs(weights.sum() - 1) > 1e-9:
            raise ArgumentError(f"weights: wanted a sum of 1, got {weights.sum():.9g}; divide by it")

    def decay(self, time: ArrayLike) -> FloatArray:
        """Return Σ w exp(−rate · time), of the shape of ``time``.

        Parameters
        ----------
        time
            Time in units of T1, ≥ 0, any shape.
        """
        t = non_negative("time", time)
        return np.asarray(np.exp(-t[..., None] * self.rates) @ self.weights)


def stable_density(*, x: ArrayLike, beta: float) -> FloatArray:
    """Return the one-sided stable density f_β(x), whose Laplace transform is exp(−t^β).

    Parameters
    ----------
    x
        Arguments, > 0, any shape.
    beta
        0.3 ≤ β ≤ 0.99.

    Raises
    ------
    ArgumentError
        An argument is out of range.
    """
    argument = positive("x", x)
    _check_beta(beta)
    return np.exp(_log_density(np.log(argument).ravel(), beta)).reshape(argument.shape)


def _check_beta(beta: float) -> None:
    if not 0.3 <= beta <= 0.99:
        raise ArgumentError(
            f"beta: wanted a stretching exponent in 0.3…0.99 (or 1 for a mixture), got {beta!r}"
        )


def _log_density(log_x: FloatArray, beta: float) -> FloatArray:
    """Return ln f_β: by its power series where that converges fast, below by Zolotarev's integral."""
    far = log_x > _SERIES_FROM
    density = np.empty_like(log_x)
    density[far] = _log_series(log_x[far], beta)
    density[~far] = _log_integral(log_x[~far], beta)
    return density


def _log_series(log_x: FloatArray, beta: float) -> FloatArray:
    """Return ln of ``f_β(x) = Σ_k Γ(kβ + 1)/k! sin(πk(1 − β)) x^(−kβ−1)/π``, all x; quick for x > 1."""
    from scipy.special import gammaln

    k = np.arange(1.0, _SERIES_TERMS + 1)
    size = np.exp(gammaln(k * beta + 1) - gammaln(k + 1) - (k - 1) * beta * log_x[:, None])
    total = size @ np.sin(np.pi * k * (1.0 - beta))
    return np.asarray(np.log(total / np.pi) - (1.0 + beta) * log_x)


def _log_integral(log_x: FloatArray, beta: float) -> FloatArray:
    """Return ln f_β by the trapezoidal rule over φ, in a variable in which ln a(φ) rises no faster than 1."""
    log_weight, log_a = _integrand(beta)
    ratio = beta / (1.0 - beta)
    density = np.empty_like(log_x)
    for start in range(0, log_x.size, 256):
        point = log_x[start : start + 256, None]
        term = log_weight + log_a - point / (1.0 - beta)
        term -= np.exp(np.minimum(log_a - ratio * point, 700.0))
        highest = term.max(axis=1)
        density[start : start + 256] = highest + np.log(np.exp(term - highest[:, None]).sum(axis=1))
    return density


@functools.lru_cache(maxsize=64)
def _integrand(beta: float) -> tuple[FloatArray, FloatArray]:
    """Return ln of the weights and ln a at the nodes of the integral.

    With w the logit of φ/π, ln a rises no faster than w until 1 − φ/π is about 1 − β, and as w/(1 − β) from
    there on. The nodes are equidistant in ``s = w + β/(1 − β) ln(1 + (1 − β) e^w)``, which does the same.
    """
    ratio = beta / (1.0 - beta)
    bend = -np.log(1.0 - beta)
    highest = ratio * _SERIES_FROM + _RANGE + 12.0 + bend
    s = np.arange(-_RANGE, highest + _STEP / 2, _STEP)
    w = np.where(s > bend, bend + (1.0 - beta) * (s - bend), s)
    for _ in range(60):
        slope = 1.0 + ratio / (1.0 + np.exp(bend - w))
        w = w - (w + ratio * np.logaddexp(0.0, w - bend) - s) / slope
    slope = 1.0 + ratio / (1.0 + np.exp(bend - w))
    near_zero, near_pi = 1.0 / (1.0 + np.exp(-w)), 1.0 / (1.0 + np.exp(w))
    log_sin = np.log(np.sin(np.pi * np.minimum(near_zero, near_pi)))
    log_a = np.log(np.sin((1.0 - beta) * np.pi * near_zero)) - (1.0 + ratio) * log_sin
    log_a += ratio * np.log(np.sin(beta * np.pi * near_zero))
    log_weight = np.log(_STEP * ratio) + np.log(near_zero) + np.log(near_pi) - np.log(slope)
    return log_weight, log_a


@functools.lru_cache(maxsize=64)
def stretched_exponential_mixture(*, beta: float = 0.8, terms: int = 16) -> RateMixture:
    """Return rates and weights with ``Σ w exp(−rate · t) ≈ exp(−t^β)`` for every t ≥ 0, t in units of T1.

    Parameters
    ----------
    beta
        Stretching exponent, 0.3 ≤ β ≤ 0.99, or 1 for the single rate 1.
    terms
        Number of exponentials.

    Notes
    -----
    Largest absolute error over all t (measured; the tests hold it): 16 terms 1.5e-3 (β = 0.3), 1e-4 (0.5),
    3e-6 (0.8), 6e-7 (0.9); 24 terms 6e-4, 2e-5, 2e-7, 2e-8. At t = 0 the sum is one for any number of terms.

    Raises
    ------
    ArgumentError
        β or ``terms`` lies outside its range.
    """
    if not 1 <= terms <= 200:
        raise ArgumentError(f"terms: wanted 1…200 exponentials, got {terms!r}")
    if beta == 1.0:
        return _frozen(np.ones(1), np.ones(1))
    _check_beta(beta)
    rates, weights = _fine_measure(beta)
    node, weight = _gauss_rule(1.0 / (1.0 + rates**_POWER), weights / weights.sum(), terms)
    return _frozen((1.0 / node - 1.0) ** (1.0 / _POWER), weight)


def _frozen(rates: FloatArray, weights: FloatArray) -> RateMixture:
    rates.flags.writeable = weights.flags.writeable = False
    return RateMixture(rates, weights)


def _fine_measure(beta: float) -> tuple[FloatArray, FloatArray]:
    """Return rates on a fine logarithmic grid, and f_β(x) dx at each."""
    ratio = beta / (1.0 - beta)
    smallest_a = (1.0 - beta) * beta**ratio
    low = np.log(smallest_a / 45.0) / ratio  # exp(−45) of the density is left out below
    high = np.log(1e14) / beta  # the tail falls as x^−β: 1e-14 of the weight is left out above
    log_x, step = np.linspace(low, high, int(160.0 / (1.0 - beta)) + 400, retstep=True)
    return np.exp(log_x), np.exp(_log_density(log_x, beta) + log_x) * step


def _gauss_rule(node: FloatArray, weight: FloatArray, terms: int) -> tuple[FloatArray, FloatArray]:
    """Return the Gauss rule of a discrete measure of mass 1 (Lanczos with full reorthogonalisation)."""
    basis = [np.sqrt(weight)]
    diagonal: list[float] = []
    beside: list[float] = []
    for _ in range(terms):
        vector = node * basis[-1]
        diagonal.append(float(basis[-1] @ vector))
        for _again in range(2):
            for other in basis:
                vector = vector - (other @ vector) * other
        length = float(np.linalg.norm(vector))
        if length < 1e-14:
            break
        beside.append(length)
        basis.append(vector / length)
    size = len(diagonal)
    jacobi = np.diag(diagonal) + np.diag(beside[: size - 1], 1) + np.diag(beside[: size - 1], -1)
    found, vectors = np.linalg.eigh(jacobi)
    return np.clip(found, 1e-12, 1.0 - 1e-15), vectors[0] ** 2
