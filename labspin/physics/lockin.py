"""Lock-in detection: the filter behind the mixer, demodulation of a record, and what noise makes of readings.

A lock-in multiplies its input by the reference and passes the product through n equal RC stages, 6 dB an
octave each: H(Ω) = 1/(1 + iΩτ)^n. Its output X + iY is given as *peak* amplitude and phase of a cosine: an
input A cos(ωt + φ) settles at A e^{iφ} (divide by √2 for instruments that show rms). What the stages do in
time is in `labspin.physics.rc_filter`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from math import pi, sqrt
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import finite, non_negative, positive
from labspin.physics.rc_filter import Cascade, autocorrelation, noise_bandwidth, step_response

__all__ = ["LockInFilter", "demodulate", "lock_in_reading", "mean_of_filtered"]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


@dataclass(frozen=True)
class LockInFilter:
    """The low-pass filter of a lock-in.

    Parameters
    ----------
    time_constant
        τ of each stage in s.
    slope
        Roll-off in dB per octave: 6, 12, 18 or 24.

    Raises
    ------
    ArgumentError
        The time constant is not positive, or the slope is another number.
    """

    time_constant: float
    slope: int = 24

    SLOPES: ClassVar[tuple[int, ...]] = (6, 12, 18, 24)

    def __post_init__(self) -> None:
        positive("time_constant of the lock-in", self.time_constant, unit="s")
        if self.slope not in self.SLOPES:
            raise ArgumentError(f"slope of the lock-in: wanted 6, 12, 18 or 24 dB/oct, got {self.slope!r}")

    @property
    def stages(self) -> int:
        """Number of RC stages."""
        return self.slope // 6

    @property
    def noise_bandwidth(self) -> float:
        """Equivalent noise bandwidth ∫|H|² df in Hz: 1/4τ, 1/8τ, 3/32τ, 5/64τ."""
        return noise_bandwidth(self.time_constant, self.stages)

    def transfer(self, offset: ArrayLike) -> ComplexArray:
        """Return the transfer function H at an offset from the reference.

        Parameters
        ----------
        offset
            Angular frequency minus that of the reference, rad/s, any sign and shape.

        Returns
        -------
        ComplexArray
            Dimensionless, 1 at zero offset; of the shape of ``offset``.
        """
        phase = finite("offset", offset, unit="rad/s") * self.time_constant
        return np.asarray((1 + 1j * phase) ** -self.stages, dtype=np.complex128)

    def step_response(self, time: ArrayLike) -> FloatArray:
        """Return the output after the input stepped from 0 to 1.

        Parameters
        ----------
        time
            Time since the step, s, ≥ 0, any shape.

        Returns
        -------
        FloatArray
            From 0 to 1, of the shape of ``time``.
        """
        return step_response(non_negative("time", time, unit="s") / self.time_constant, self.stages)

    def autocorrelation(self, lapse: ArrayLike) -> FloatArray:
        """Return the correlation of two readings of white noise; 1 at zero distance.

        Parameters
        ----------
        lapse
            Time between the readings, s, any sign and shape.
        """
        return autocorrelation(finite("lapse", lapse, unit="s") / self.time_constant, self.stages)

    def settling_time(self, fraction: float = 0.99) -> float:
        """Return the time in s after which a step has settled to ``fraction`` of its height.

        Parameters
        ----------
        fraction
            Part of the step that has been reached, between 0 and 1.

        Raises
        ------
        ArgumentError
            ``fraction`` does not lie between 0 and 1.
        """
        from scipy.special import gammaincinv

        if not 0 < fraction < 1:
            raise ArgumentError(f"fraction: wanted a number between 0 and 1, got {fraction!r}")
        return float(gammaincinv(self.stages, fraction)) * self.time_constant


def demodulate(
    *, signal: ArrayLike, sample_rate: float, angular_frequency: float, lock_in: LockInFilter
) -> ComplexArray:
    """Return X + iY (peak) of a sampled record, with the reference cos(ωt) that starts at its first sample.

    Parameters
    ----------
    signal
        Samples along the last axis.
    sample_rate
        In Hz.
    angular_frequency
        Angular frequency of the reference in rad/s, below π × sample rate.
    lock_in
        The filter. It answers exactly to samples each held over its interval.

    Returns
    -------
    complex array of the signal's shape and unit; starts from 0, so wait ``lock_in.settling_time()``.

    Raises
    ------
    ArgumentError
        The reference lies beyond the Nyquist frequency, or an argument is not finite.
    """
    samples = finite("signal", signal)
    rate = float(positive("sample_rate", sample_rate, unit="Hz"))
    omega = float(finite("angular_frequency", angular_frequency, unit="rad/s"))
    if not abs(omega) < pi * rate:
        raise ArgumentError(
            f"angular_frequency: wanted below π × sample_rate = {pi * rate:g} rad/s, got {omega:g}; "
            "sample faster"
        )
    mixed = 2 * samples * np.exp(-1j * omega / rate * np.arange(samples.shape[-1]))
    output = np.empty(mixed.shape, dtype=np.complex128)
    for place in np.ndindex(mixed.shape[:-1]):
        stages = Cascade(lock_in.time_constant, lock_in.stages)
        output[place] = stages.follow(mixed[place], 1 / rate)[:, -1]
    return output


def lock_in_reading(
    *,
    displacement: ArrayLike,
    gain: float,
    lock_in: LockInFilter,
    phase: float = 0.0,
    cross_talk: complex = 0.0,
    noise_density: float = 0.0,
    rng: np.random.Generator | None = None,
) -> ComplexArray:
    """Return settled readings X + iY = gain · q e^{iφ} + cross-talk + noise, peak, in V.

    Parameters
    ----------
    displacement
        Complex amplitude q = χF in m, any shape; readings are taken independently, so for far apart ones.
    gain
        Gain of the read-out in V/m.
    lock_in
        The filter, whose bandwidth sets the noise.
    phase
        Phase of the read-out in rad.
    cross_talk
        What reaches the input from the drive without the resonator, in V.
    noise_density
        One-sided density of the input noise in V/√Hz; each of X and Y gets the variance 2 · density² ·
        bandwidth.
    rng
        Needed where there is noise.

    Raises
    ------
    ArgumentError
        Noise without ``rng``, or a negative density.
    """
    amplitude = np.asarray(displacement, dtype=complex)
    density = float(non_negative("noise_density", noise_density, unit="V/√Hz"))
    reading = gain * np.exp(1j * phase) * amplitude + cross_talk
    if density == 0:
        return np.asarray(reading)
    if rng is None:
        raise ArgumentError("rng: noise_density > 0 needs a numpy.random.Generator, got None")
    spread = density * sqrt(2 * lock_in.noise_bandwidth)
    noise = rng.standard_normal((*reading.shape, 2)) @ np.array([1, 1j])
    noisy: ComplexArray = reading + spread * noise
    return noisy


def mean_of_filtered(
    values: ComplexArray, *, interval: float, lock_in: LockInFilter
) -> tuple[complex, complex]:
    """Return the mean of X + iY over a while, and the standard errors of both parts.

    Readings closer than a few time constants depend on each other, by `LockInFilter.autocorrelation`. N
    readings with ``R = 1 + 2 Σ (1 − k/N) ρ_k`` tell no more than N/R independent ones: the squares of their
    distances from the mean sum up to ``σ² (N − R)`` on average, and the mean has the variance ``σ² R/N``.

    Parameters
    ----------
    values
        Readings, shape (n,), of a signal that is settled.
    interval
        Between two readings, s.
    lock_in
        The filter that they come from.

    Returns
    -------
    The mean, and its standard errors (of X as real part, of Y as imaginary part).

    Raises
    ------
    ArgumentError
        The readings are so few, or so close, that their scatter says nothing.
    """
    count = len(values)
    lags = np.arange(1, max(count, 2))
    correlation = lock_in.autocorrelation(lags * interval)
    redundancy = 1 + 2 * float((1 - lags / max(count, 1)) @ correlation)
    if count - redundancy < 1:
        raise ArgumentError(
            f"readings of a lock-in: wanted some that are independent, got {count} over "
            f"{count * interval:.3g} s at a time constant of {lock_in.time_constant:g} s; average longer"
        )
    mean = complex(values.mean())
    scatter = values - mean
    factor = redundancy / count / (count - redundancy)
    error = [math.sqrt(factor * float(np.square(part).sum())) for part in (scatter.real, scatter.imag)]
    return mean, complex(*error)
