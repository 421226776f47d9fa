"""Decays in the dark: stretched exponential, raw trace with recharging, double exponential.

======== ===================== ==================================================
symbol   argument              meaning
======== ===================== ==================================================
t        x                     dark time
T1       T1                    longitudinal relaxation time
β        beta                  stretching exponent
A        amplitude             signal at t = 0 above the baseline
C        baseline              signal at t → ∞
τ_r      recharging_time       time constant of the charge state in the dark
ρ        recharging            relative change of the photoluminescence by recharging
======== ===================== ==================================================

The ensemble of an NV layer decays as exp(−(t/T1)^β): fluctuator theory gives β = 1/2 for pure dipolar
disorder and 1 for phonons (Choi et al., PRL 118, 093601 (2017); used in Pellet-Mary et al., PRB 104,
L100411 (2021)). The *difference* of the traces with and without a π pulse shows it alone. A raw trace
carries the recharging of the NV's charge state in the dark as well, as a factor common to both traces.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from labspin.analysis.model import FitModel, FloatArray, Parameter, Value, columns, fill_derivatives
from labspin.analysis.models.guesses import decay_times, separable_grid, thinned

if TYPE_CHECKING:
    from labspin.analysis.outcome import FitOutcome

__all__ = [
    "DOUBLE_EXPONENTIAL",
    "RECHARGING_DECAY",
    "STRETCHED_EXPONENTIAL",
    "double_exponential",
    "recharging_decay",
    "stretched_exponential",
]

_BETAS = np.array([0.4, 0.55, 0.7, 0.85, 1.0, 1.2])


def stretched_exponential(
    x: ArrayLike, amplitude: Value, T1: Value, beta: Value, baseline: Value
) -> FloatArray:
    """Return amplitude·exp(−(x/T1)^beta) + baseline; the decay has not begun for x ≤ 0.

    Parameters
    ----------
    x
        Dark time.
    amplitude, baseline
        Signal at x = 0 above the baseline, and signal at x → ∞, in the unit of y.
    T1
        Relaxation time, in the unit of x.
    beta
        Stretching exponent.

    Returns
    -------
    y
        Shape to which all arguments broadcast.
    """
    return baseline + amplitude * _decay(np.asarray(x, np.float64), T1, beta)


def recharging_decay(
    x: ArrayLike,
    amplitude: Value,
    T1: Value,
    beta: Value,
    baseline: Value,
    recharging: Value,
    recharging_time: Value,
) -> FloatArray:
    """Return (baseline + amplitude·exp(−(x/T1)^beta))·(1 + recharging·(1 − exp(−x/recharging_time))).

    Parameters
    ----------
    x
        Dark time.
    amplitude, baseline
        Signal at x = 0 above the baseline, and signal at x → ∞ without recharging, in the unit of y.
    T1
        Relaxation time, in the unit of x.
    beta
        Stretching exponent.
    recharging
        Relative change of the photoluminescence by recharging, for x → ∞.
    recharging_time
        Time constant of the charge state in the dark, in the unit of x.

    Returns
    -------
    y
        Shape to which all arguments broadcast.
    """
    x = np.asarray(x, np.float64)
    drift = 1 - recharging * np.expm1(-np.maximum(x, 0) / recharging_time)
    signal: FloatArray = (baseline + amplitude * _decay(x, T1, beta)) * drift
    return signal


def double_exponential(
    x: ArrayLike,
    amplitude_fast: Value,
    time_fast: Value,
    amplitude_slow: Value,
    time_slow: Value,
    baseline: Value,
) -> FloatArray:
    """Return amplitude_fast·exp(−x/time_fast) + amplitude_slow·exp(−x/time_slow) + baseline.

    The decay has not begun for x ≤ 0.

    Parameters
    ----------
    x
        Dark time.
    amplitude_fast, amplitude_slow
        Amplitude fast and amplitude slow of the two decays at x = 0, in the unit of y.
    time_fast, time_slow
        Their time constants, in the unit of x.
    baseline
        Signal at x → ∞.

    Returns
    -------
    y
        Shape to which all arguments broadcast.
    """
    x = np.maximum(np.asarray(x, np.float64), 0)
    return baseline + amplitude_fast * np.exp(-x / time_fast) + amplitude_slow * np.exp(-x / time_slow)


def _decay(x: FloatArray, T1: Value, beta: Value) -> FloatArray:
    with np.errstate(over="ignore"):
        return np.exp(-((np.maximum(x, 0) / T1) ** beta))


def _stretched_derivatives(x: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    amplitude, T1, beta, baseline = columns(values)
    # The limits keep every factor finite; what they cut is below 1e-60 of the amplitude.
    logarithm = np.log(np.maximum(x, 1e-300)) - np.log(T1)
    power = beta * logarithm
    np.exp(np.minimum(power, 600.0, out=power), out=power)
    jacobian = np.empty((*power.shape[:-1], 4, power.shape[-1]))
    decay = np.exp(-power, out=jacobian[..., 0, :])
    shape = amplitude * decay
    y = shape + baseline
    shape *= power
    np.multiply(shape, beta / T1, out=jacobian[..., 1, :])
    np.multiply(shape, -logarithm, out=jacobian[..., 2, :])
    jacobian[..., 3, :] = 1.0
    return y, jacobian


def _recharging_derivatives(x: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    inner, partial = _stretched_derivatives(x, values[..., :4])
    recharging, time = columns(values)[4:]
    passed = np.maximum(x, 0)
    filled = -np.expm1(-passed / time)
    drift = 1 + recharging * filled
    y = inner * drift
    by_time = -inner * recharging * (1 - filled) * passed / time**2
    own = [partial[..., index, :] * drift for index in range(4)]
    return y, fill_derivatives(y, [*own, inner * filled, by_time])


def _double_derivatives(x: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    fast, time_fast, slow, time_slow, baseline = columns(values)
    x = np.maximum(x, 0)
    decay_fast, decay_slow = np.exp(-x / time_fast), np.exp(-x / time_slow)
    y = baseline + fast * decay_fast + slow * decay_slow
    by_fast, by_slow = fast * decay_fast * x / time_fast**2, slow * decay_slow * x / time_slow**2
    return y, fill_derivatives(y, [decay_fast, by_fast, decay_slow, by_slow, 1.0])


def _guess_stretched(x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, Value]:
    x, y, weights = thinned(x, y, weights)
    times, betas = (grid.ravel() for grid in np.meshgrid(decay_times(x.ravel(), 24), _BETAS, indexing="ij"))
    basis = _decay(x, times[:, None], betas[:, None])
    node, amplitude, offset = separable_grid(basis, y, weights)
    return {"amplitude": amplitude, "T1": times[node], "beta": betas[node], "baseline": offset}


def _guess_recharging(x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, Value]:
    """Grid over both times; the product is linear in four combinations, solved by least squares."""
    x, y, weights = thinned(x, y, weights)
    times = decay_times(x, 12)
    scale = np.ones_like(x) if weights is None else weights
    best: tuple[float, dict[str, float]] = (np.inf, {})
    for T1 in times:
        decay = _decay(x, T1, 0.8)
        for recharging_time in times[times > T1]:
            filled = -np.expm1(-np.maximum(x, 0) / recharging_time)
            matrix = np.stack([decay, np.ones_like(x), filled], axis=1) * scale[:, None]
            solution = np.linalg.lstsq(matrix, y * scale, rcond=None)[0]
            cost = float(np.sum((matrix @ solution - y * scale) ** 2))
            if cost < best[0]:
                amplitude, baseline, drift = solution
                best = (
                    cost,
                    {
                        "amplitude": amplitude,
                        "T1": T1,
                        "beta": 0.8,
                        "baseline": baseline,
                        "recharging": drift / baseline if baseline else 0.0,
                        "recharging_time": recharging_time,
                    },
                )
    return best[1]


def _guess_double(x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, Value]:
    x, y, weights = thinned(x, y, weights)
    times = decay_times(x, 16)
    scale = np.ones_like(x) if weights is None else weights
    x = np.maximum(x, 0)
    curves = np.exp(-x / times[:, None])
    best: tuple[float, tuple[int, int, FloatArray]] = (np.inf, (0, 1, np.zeros(3)))
    for fast in range(len(times)):
        for slow in range(fast + 1, len(times)):
            matrix = np.stack([curves[fast], curves[slow], np.ones_like(x)], axis=1) * scale[:, None]
            solution = np.asarray(np.linalg.lstsq(matrix, y * scale, rcond=None)[0], np.float64)
            cost = float(np.sum((matrix @ solution - y * scale) ** 2))
            if cost < best[0]:
                best = (cost, (fast, slow, solution))
    fast, slow, (amplitude_fast, amplitude_slow, baseline) = best[1]
    return {
        "amplitude_fast": amplitude_fast,
        "time_fast": times[fast],
        "amplitude_slow": amplitude_slow,
        "time_slow": times[slow],
        "baseline": baseline,
    }


def _double_doubts(outcome: FitOutcome) -> list[str]:
    """Say where one exponential does as well: then errors of the two mean little."""
    fast, slow = outcome["amplitude_fast"], outcome["amplitude_slow"]
    apart = outcome["time_slow"].value / outcome["time_fast"].value
    seen = all(abs(one.value) > 3 * one.stderr for one in (fast, slow) if math.isfinite(one.stderr))
    if seen and not 2 / 3 < apart < 1.5:
        return []
    return [
        "the data do not tell two decays from one: amplitude_fast, time_fast, amplitude_slow and time_slow "
        "are only known together; fit a stretched_exponential, or hold one of the times"
    ]


_STRETCHED = (
    Parameter("amplitude", "y", "signal at x = 0 above the baseline"),
    Parameter("T1", "x", "longitudinal relaxation time", minimum=0),
    Parameter("beta", "1", "stretching exponent", minimum=0.1, maximum=3.0),
    Parameter("baseline", "y", "signal at long times"),
)

STRETCHED_EXPONENTIAL = FitModel(
    name="stretched_exponential",
    headline=("T1",),
    equation="y = amplitude·exp(−(x/T1)^beta) + baseline",
    source="Pellet-Mary et al., PRB 104, L100411 (2021); Choi et al., PRL 118, 093601 (2017)",
    parameters=_STRETCHED,
    function=stretched_exponential,
    guesser=_guess_stretched,
    derivatives=_stretched_derivatives,
    batch_guess=True,
)

RECHARGING_DECAY = FitModel(
    name="recharging_decay",
    headline=("T1", "recharging_time"),
    equation="y = (baseline + amplitude·exp(−(x/T1)^beta))·(1 + recharging·(1 − exp(−x/recharging_time)))",
    source="Pellet-Mary et al., PRB 104, L100411 (2021), p. 2: charge-state recharging in the dark",
    parameters=(
        *_STRETCHED,
        Parameter("recharging", "1", "relative change of the signal by recharging"),
        Parameter("recharging_time", "x", "time constant of the charge state in the dark", minimum=0),
    ),
    function=recharging_decay,
    guesser=_guess_recharging,
    derivatives=_recharging_derivatives,
)

DOUBLE_EXPONENTIAL = FitModel(
    name="double_exponential",
    headline=("time_fast", "time_slow"),
    equation="y = amplitude_fast·exp(−x/time_fast) + amplitude_slow·exp(−x/time_slow) + baseline",
    source="two independent relaxation channels",
    parameters=(
        Parameter("amplitude_fast", "y", "amplitude of the fast decay"),
        Parameter("time_fast", "x", "time constant of the fast decay", minimum=0),
        Parameter("amplitude_slow", "y", "amplitude of the slow decay"),
        Parameter("time_slow", "x", "time constant of the slow decay", minimum=0),
        Parameter("baseline", "y", "signal at long times"),
    ),
    function=double_exponential,
    guesser=_guess_double,
    derivatives=_double_derivatives,
    doubts=_double_doubts,
)
