"""Rabi oscillation of an ensemble whose line is inhomogeneous and not narrow against the Rabi frequency.

======================= ==========================================================================
argument                meaning
======================= ==========================================================================
x                       length of the microwave pulse
amplitude               signal lost if every spin were inverted; negative for a signal that grows
rabi_frequency          Ω/2π of a spin in resonance
linewidth               standard deviation of the Gaussian line
offset                  signal without pulse
detuning                of the microwave from the middle of the line, held at 0 unless freed
======================= ==========================================================================

A spin detuned by δ is inverted with the probability Ω²/(Ω² + δ²) sin²(π √(Ω² + δ²) x) (all frequencies over
2π). The mean over the line starts as Ω² x² and ends in oscillations that die away as x^(−1/2), retarded by
an eighth of a period: not a damped cosine. Where σ ≈ Ω, the damped cosine that fits best has a frequency up
to a tenth higher.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from labspin.analysis.model import FitModel, FloatArray, Parameter, Value, columns, fill_derivatives
from labspin.analysis.models.guesses import averaged

__all__ = ["RABI_ENSEMBLE", "rabi_ensemble"]

_REACH, _SPARE = 7.0, 8.0
"""Standard deviations of the line within which it is summed, and within which its transform has died away."""
_MOST_TURNS = 100.0
"""σ x beyond which the sum is no finer: the signal has been even for long."""
_ENOUGH = 500
"""Points from which the start is found as well as from more."""
_AT_ONCE = 1 << 20
"""Numbers in memory at once."""


@lru_cache(maxsize=64)
def _normal(half: int) -> tuple[FloatArray, FloatArray]:
    nodes = np.linspace(-_REACH, _REACH, 2 * half + 1)
    weights = np.exp(-0.5 * nodes**2)
    return nodes, weights / weights.sum()


def _rule(turns: float) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights of a mean over a normal variable, where the phase turns up to σ x times by σ.

    The integrand is entire, and the trapezoidal rule converges faster than any power: a step resolves what
    turns by less than 2π over it, beside the transform of the Gaussian itself.
    """
    turns = min(turns, _MOST_TURNS) if np.isfinite(turns) else _MOST_TURNS
    return _normal(int(np.ceil(_REACH * (_SPARE + 2 * np.pi * turns) / (2 * np.pi))))


def rabi_ensemble(
    x: ArrayLike,
    amplitude: Value,
    rabi_frequency: Value,
    linewidth: Value,
    offset: Value,
    detuning: Value = 0.0,
) -> FloatArray:
    """Return offset − amplitude·⟨Ω²/(Ω² + δ²) sin²(π √(Ω² + δ²) x)⟩ over δ normal about detuning.

    Parameters
    ----------
    x
        Length of the pulse.
    amplitude, offset
        Signal lost if every spin were inverted, and signal without pulse, in the unit of y.
    rabi_frequency
        Ω/2π of a spin in resonance, cycles per unit of x.
    linewidth
        Standard deviation of the Gaussian line, cycles per unit of x.
    detuning
        Detuning of the microwave from the middle of the line, cycles per unit of x.

    Returns
    -------
    y
        Shape to which all arguments broadcast.
    """
    return offset - amplitude * _inverted(np.asarray(x, np.float64), rabi_frequency, linewidth, detuning)


def _inverted(x: FloatArray, rabi_frequency: Value, linewidth: Value, detuning: Value) -> FloatArray:
    return np.asarray(_means(x, rabi_frequency, linewidth, detuning, slopes=False)[0])


def _means(x: FloatArray, *line: Value, slopes: bool) -> FloatArray:
    """Return the inverted part, shape (1, …), with ``slopes`` its derivatives by Ω, σ and δ behind it."""
    parts = np.broadcast_arrays(x, *line)
    flat = [np.asarray(part, np.float64).ravel() for part in parts]
    found = np.empty((4 if slopes else 1, flat[0].size))
    nodes, weights = _rule(float(np.max(np.abs(flat[0] * flat[2]), initial=0.0)))
    at_once = max(_AT_ONCE // nodes.size, 1)
    for begin in range(0, flat[0].size, at_once):
        part = slice(begin, begin + at_once)
        time, omega, sigma, shift = (values[part, None] for values in flat)
        off = shift + sigma * nodes
        general = np.maximum(np.square(omega) + np.square(off), 1e-300)
        phase = np.pi * np.sqrt(general) * time
        sine = np.sin(phase)
        share = np.square(sine) / general
        found[0, part] = (omega**2)[:, 0] * (share @ weights)
        if slopes:
            by_general = (sine * np.cos(phase) * phase / general - share) / general * omega**2
            found[1, part] = 2 * omega[:, 0] * ((share + by_general) @ weights)
            by_off = 2 * by_general * off
            found[2, part], found[3, part] = by_off @ (weights * nodes), by_off @ weights
    return found.reshape(-1, *parts[0].shape)


def _derivatives(x: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    amplitude, omega, sigma, offset, shift = columns(values)
    inverted, *slopes = _means(x, omega, sigma, shift, slopes=True)
    y = offset - amplitude * inverted
    by_omega, by_sigma, by_shift = (-amplitude * slope for slope in slopes)
    return y, fill_derivatives(y, [-inverted, by_omega, by_sigma, 1.0, by_shift])


def _guess(x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, Value]:
    """Grid over Rabi frequency and line width; amplitude and offset in closed form.

    Each of the curves is a sum over the line at every point, and the grid is no finer than few points show.
    """
    x, y, weights = averaged(x, y, weights, _ENOUGH)
    scale = np.ones_like(x) if weights is None else weights
    span = float(np.ptp(x)) or 1.0
    gaps = np.diff(np.unique(x))
    highest = 0.5 / float(np.median(gaps)) if gaps.size else 1 / span
    best: tuple[float, dict[str, float]] = (np.inf, {})
    for frequency in np.geomspace(0.3 / span, max(highest, 0.6 / span), 60):
        for width in frequency * np.array([0.1, 0.4, 0.8, 1.5, 3.0]):
            shape = _inverted(x, frequency, width, 0.0)
            matrix = np.stack([-shape, np.ones_like(x)], axis=1) * scale[:, None]
            solution = np.linalg.lstsq(matrix, y * scale, rcond=None)[0]
            cost = float(np.sum((matrix @ solution - y * scale) ** 2))
            if cost < best[0]:
                best = (
                    cost,
                    {
                        "amplitude": float(solution[0]),
                        "rabi_frequency": float(frequency),
                        "linewidth": float(width),
                        "offset": float(solution[1]),
                        "detuning": 0.0,
                    },
                )
    return best[1]


RABI_ENSEMBLE = FitModel(
    name="rabi_ensemble",
    headline=("rabi_frequency", "pi_duration"),
    equation="y = offset − amplitude ⟨Ω²/(Ω² + δ²) sin²(π √(Ω² + δ²) x)⟩, δ normal about detuning",
    source="two-level system driven off resonance, averaged over a Gaussian line",
    parameters=(
        Parameter("amplitude", "y", "signal lost if every spin were inverted"),
        Parameter("rabi_frequency", "cycles/x", "Rabi frequency of a spin in resonance", minimum=0),
        Parameter("linewidth", "cycles/x", "standard deviation of the line", minimum=0),
        Parameter("offset", "y", "signal without pulse"),
        Parameter("detuning", "cycles/x", "of the microwave from the middle of the line", value=0.0),
    ),
    function=rabi_ensemble,
    guesser=_guess,
    derivatives=_derivatives,
)
