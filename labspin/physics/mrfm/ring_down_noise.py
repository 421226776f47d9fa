"""The noise on a ring-down: thermal motion, which decays as the ring-down itself does, and white noise.

=========  =====================  ================================================================
symbol     field                  meaning
=========  =====================  ================================================================
τ          ring_down_time         2Q/ω0, of the amplitude, s
δ          detuning               frequency of the motion minus that of the reference, Hz
σ²         thermal                variance of the thermal motion in each quadrature
R          white                  variance of the white noise in each quadrature, at each point
m          stride                 only every m-th point is used
=========  =====================  ================================================================

In the frame of a reference thermal motion is an Ornstein–Uhlenbeck process: between two points Δt apart it
keeps φ = e^{(2πiδ − 1/τ)Δt} of itself and gains fresh noise of variance σ²(1 − |φ|²) (fluctuation and
dissipation; Uhlenbeck and Ornstein, Phys. Rev. 36, 823 (1930)). A record of a few τ so holds a few
independent samples of it, however many points it has, and least squares that takes it as white quotes errors
that are far too small.

Subtracting φ times the point before leaves noise whose covariance has three diagonals,

    σ²(1 − φ_k²) + R_k + φ_k² R_(k−1)   on the diagonal,   −φ_k R_(k−1)   beside it,

so its Cholesky factor has two, and whitening is exact and takes time ∝ n, for any spacing of the points.

Points that are means over their spacing, or have passed a filter as slow, change less from one to the next
than thermal motion does. That is a *negative* R in the diagonals (down to −σ²(1 − φ)/(1 + φ), where the
covariance ceases to be one); points that are correlated over more than their neighbours are left out.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labspin.arrays import AnyArray
from labspin.errors import ArgumentError
from labspin.physics.arguments import finite, non_negative, positive

__all__ = ["RingDownNoise", "estimate_ring_down_noise"]

FloatArray = NDArray[np.float64]

_FEWEST = 8  # degrees of freedom below which nothing is said about the noise
_MOST_SMOOTHED = 0.95  # of the lowest R that there can be
# Where the likelihood is searched: t to 8 stands for σ²/R = 10^t, 8 to 9 for R from 0 to the most negative.
_GRID = (*np.arange(-4.0, 1.5), *np.arange(1.5, 5.0, 0.5), 6.0, 8.0, 8.05, 8.1, 8.15, 8.2, 8.4, 8.6, 8.8, 9.0)
_LAGS = 4  # over which whitened residuals are to be uncorrelated
_SUSPICIOUS = 1e-3  # probability of their correlation below which a larger stride is tried
_SPARSEST = 20  # points that a larger stride must leave


@dataclass(frozen=True, kw_only=True, eq=False)
class RingDownNoise:
    """Thermal and white noise at the points of a ring-down.

    Raises
    ------
    ArgumentError
        Times that do not ascend, a thermal variance below 0, a stride that is none, or no noise at all.
    """

    time: FloatArray  # s, shape (n,), ascending
    ring_down_time: float  # s
    thermal: float  # variance in each quadrature, unit² of the record
    white: FloatArray | float  # variance in each quadrature, unit² of the record; shape (n,) or one number;
    # negative where the points are smoothed
    detuning: float = 0.0  # Hz
    stride: int = 1  # points from one used to the next

    def __post_init__(self) -> None:
        positive("ring_down_time", self.ring_down_time, unit="s")
        non_negative("thermal", self.thermal)
        finite("white", self.white)
        if self.time.ndim != 1 or np.any(np.diff(self.time) < 0):
            raise ArgumentError("time of the ring-down: wanted an ascending row, got one that is not")
        if self.stride < 1:
            raise ArgumentError(f"stride: wanted a whole number from 1, got {self.stride!r}")
        if self.thermal == 0 and not np.all(self.white):
            raise ArgumentError(
                "noise of the ring-down: wanted thermal or white noise at every point, got none"
            )

    def whiten(self, values: NDArray[np.generic]) -> AnyArray:
        """Return rows of values at the points so combined that this noise on them is white, of variance 1.

        Parameters
        ----------
        values
            Real, or X + iY: then in the frame of the reference; shape (..., n).

        Returns
        -------
        array of the same kind and shape (..., ⌈n/stride⌉); without a unit.

        Raises
        ------
        ArgumentError
            The covariance is none: points at the same time without white noise, or too negative an R.
        """
        from scipy.linalg import solve_banded

        rows = np.asarray(values)[..., :: self.stride]
        if np.iscomplexobj(rows):
            rows = rows * np.exp(-2j * np.pi * self.detuning * self._used)
        fresh = rows.copy()
        fresh[..., 1:] -= self._kept * rows[..., :-1]
        flat = fresh.reshape(-1, rows.shape[-1]).T
        return np.asarray(solve_banded((1, 0), self._factor, flat, check_finite=False).T.reshape(rows.shape))

    @property
    def log_determinant(self) -> float:
        """Logarithm of the determinant of the covariance of one quadrature (unit² each)."""
        return 2 * float(np.log(self._factor[0]).sum())

    @property
    def _used(self) -> FloatArray:
        return self.time[:: self.stride]

    @functools.cached_property
    def _kept(self) -> FloatArray:
        """|φ| from each used point to the next."""
        return np.asarray(np.exp(-np.diff(self._used) / self.ring_down_time))

    @functools.cached_property
    def _factor(self) -> FloatArray:
        """Diagonal of the Cholesky factor, and the one below."""
        from scipy.linalg import LinAlgError, cholesky_banded

        kept, white = self._kept, np.broadcast_to(np.asarray(self.white, np.float64), self.time.shape)
        white = white[:: self.stride]
        bands = np.zeros((2, white.size))
        bands[0, 0] = self.thermal + white[0]
        # 1 − φ² without losing digits where points lie close.
        gained = -np.expm1(-2 * np.diff(self._used) / self.ring_down_time)
        bands[0, 1:] = self.thermal * gained + white[1:] + kept**2 * white[:-1]
        bands[1, :-1] = -kept * white[:-1]
        try:
            return np.asarray(cholesky_banded(bands, lower=True, check_finite=False))
        except LinAlgError as error:
            raise ArgumentError(
                "noise of the ring-down: its covariance is none; leave out points at the same time"
            ) from error


def estimate_ring_down_noise(
    *,
    time: FloatArray,
    residual: NDArray[np.generic],
    derivatives: NDArray[np.generic],
    ring_down_time: float,
    detuning: float = 0.0,
    white: FloatArray | float | None = None,
) -> RingDownNoise | None:
    """Return the noise to be expected behind what a fit has left.

    The likelihood that it is weighed by is the restricted one, of that part of the residual which the fitted
    parameters cannot take up (Patterson and Thompson, Biometrika 58, 545 (1971)): a fit takes away what looks
    like a decay, and thermal motion does. Where whitened residuals are still correlated (a slow filter),
    points are left out.

    Parameters
    ----------
    time
        s, shape (n,), ascending.
    residual
        Data minus fit, real or X + iY, shape (n,).
    derivatives
        Derivatives of the fit by each real parameter, shape (p, n), real or complex like the residual.
    ring_down_time, detuning
        As fitted, s and Hz.
    white
        Variance of the white noise in each quadrature where that is known, a number or shape (n,); None: it
        is found too.

    Returns
    -------
    The noise, or None where too few points or no residual at all tell nothing.
    """
    scale = float(np.mean(np.abs(residual) ** 2))
    if not (scale > 0 and ring_down_time > 0 and math.isfinite(ring_down_time)):
        return None
    rows = np.concatenate([residual[None], derivatives])
    known = None if white is None else np.broadcast_to(np.asarray(white, np.float64), time.shape)
    search = _Search(time, rows, ring_down_time, detuning, scale, known)
    found, stride = None, 1
    while search.freedom(stride) >= _FEWEST:
        found = search.expected(stride)
        if time.size < 2 * stride * _SPARSEST or _is_white(search.whitened(found)[0], len(derivatives)):
            return found
        stride *= 2
    return found


@dataclass(frozen=True)
class _Search:
    """Residual and derivatives as rows, what is known of the noise on them, and the size of the residual."""

    time: FloatArray
    rows: AnyArray
    ring_down_time: float
    detuning: float
    scale: float
    known: FloatArray | None

    @property
    def parts(self) -> int:
        """Quadratures of a point."""
        return 2 if np.iscomplexobj(self.rows) else 1

    def freedom(self, stride: int) -> int:
        """Return the degrees of freedom that a stride leaves."""
        return self.parts * (-(-self.time.size // stride)) - (len(self.rows) - 1)

    def lowest(self, stride: int) -> float:
        """Return (1 − φ)/(1 + φ), the largest −R/σ², of the points that lie closest."""
        return math.tanh(0.5 * float(np.min(np.diff(self.time[::stride]))) / self.ring_down_time)

    def expected(self, stride: int) -> RingDownNoise:
        """Return the mean noise under the likelihood.

        Its maximum would often be no thermal noise at all where that is weak, and errors far too small. All
        shares of the standard deviation count alike beforehand; where the data are clear it is the maximum.
        """
        smoothed = self.known is None and self.lowest(stride) > 0
        grid = np.array([point for point in _GRID if smoothed or point <= 6])
        best = grid[int(np.argmin([self.judged(point, stride)[0] for point in grid]))]
        fine = best + np.linspace(-0.75, 0.75, 7) if best < 8 else np.empty(0)
        points = np.unique(np.concatenate([grid, fine[fine <= 8]]))
        judged = [self.judged(float(point), stride) for point in points]
        costs = np.array([cost for cost, _ in judged])
        # Beyond R = 0 every R counts as much as on this side of it, or none would be taken for a filter.
        place = np.sqrt(1 / (1 + 10.0 ** -np.minimum(points, 8)))
        place += 0.5 * _MOST_SMOOTHED * self.lowest(stride) * np.maximum(points - 8, 0)
        weight = np.exp(-0.5 * (costs - costs.min())) * np.gradient(place)
        weight /= weight.sum()
        thermal = sum(float(w) * noise.thermal for w, (_, noise) in zip(weight, judged, strict=True))
        white = sum(w * np.asarray(noise.white) for w, (_, noise) in zip(weight, judged, strict=True))
        return replace(judged[0][1], thermal=thermal, white=white)

    def judged(self, point: float, stride: int) -> tuple[float, RingDownNoise]:
        """Return −2 ln L at a place of the grid, up to a constant, and the noise there."""
        freedom = self.freedom(stride)
        trial = self._noise(point, stride)
        left, information = self.left(trial)
        if self.known is not None:
            return left + self.parts * trial.log_determinant + information, trial
        size = max(left / freedom, 1e-300)
        fitted = replace(trial, thermal=size * trial.thermal, white=size * np.asarray(trial.white))
        return freedom * math.log(size) + self.parts * trial.log_determinant + information, fitted

    def _noise(self, point: float, stride: int) -> RingDownNoise:
        white: FloatArray | float
        if self.known is not None:
            thermal, white = 10.0**point * float(self.known.mean()), self.known
        elif point <= 8:
            share = 1 / (1 + 10.0**-point)
            thermal, white = share * self.scale, (1 - share) * self.scale
        else:
            thermal, white = self.scale, -(point - 8) * _MOST_SMOOTHED * self.lowest(stride) * self.scale
        return RingDownNoise(
            time=self.time, ring_down_time=self.ring_down_time, thermal=thermal, white=white,
            detuning=self.detuning, stride=stride,
        )  # fmt: skip

    def whitened(self, noise: RingDownNoise) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return what no parameter takes up of the whitened residual (parts, n), and the information.

        That is, its eigenvalues, and the lengths by which its columns were divided before.
        """
        rows = noise.whiten(self.rows)
        if self.parts == 2:
            rows = np.concatenate([rows.real, rows.imag], axis=-1)
        residual, columns = rows[0], rows[1:].T
        size = np.sqrt(np.sum(columns**2, axis=0))
        columns = columns / np.where(size > 0, size, 1)
        values, vectors = np.linalg.eigh(columns.T @ columns)
        used = values > 1e-12 * values[-1]
        taken = vectors[:, used] @ ((vectors[:, used].T @ (columns.T @ residual)) / values[used])
        return (residual - columns @ taken).reshape(self.parts, -1), values[used], size[size > 0]

    def left(self, noise: RingDownNoise) -> tuple[float, float]:
        """Return the whitened sum of squares that no parameter takes up, and ln det of the information."""
        away, values, size = self.whitened(noise)
        return float(np.sum(away**2)), float(np.log(values).sum() + 2 * np.log(size).sum())


def _is_white(whitened: FloatArray, parameters: int) -> bool:
    """Tell whether rows (parts, n) are uncorrelated (Ljung and Box, Biometrika 65, 297 (1978))."""
    from scipy.special import gammaincc

    n = whitened.shape[-1]
    power = float(np.sum(whitened**2))
    if power == 0 or n < 5 * _LAGS + parameters:
        return True
    lags = np.arange(1, _LAGS + 1)
    correlation = np.array([np.sum(whitened[:, lag:] * whitened[:, :-lag]) for lag in lags]) / power
    statistic = whitened.size * (n + 2) * float(np.sum(correlation**2 / (n - lags)))
    return float(gammaincc(_LAGS / 2, statistic / 2)) > _SUSPICIOUS
