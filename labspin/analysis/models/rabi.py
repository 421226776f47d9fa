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
from typing import Any

import numpy as np

from labspin.analysis.model import FitModel, FloatArray, Parameter

__all__ = ["RABI_ENSEMBLE", "rabi_ensemble"]

# The trapezoidal rule converges faster than any power for a Gaussian that has died away at both ends; so
# many nodes resolve the one that turns fastest up to σ x = 10.
_NODES = np.linspace(-6.0, 6.0, 401)
_WEIGHTS = np.exp(-0.5 * _NODES**2) / np.exp(-0.5 * _NODES**2).sum()


def rabi_ensemble(
    x: Any, amplitude: Any, rabi_frequency: Any, linewidth: Any, offset: Any, detuning: Any = 0.0
) -> Any:
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
        Of the microwave from the middle of the line, cycles per unit of x.

    Returns
    -------
    y
        Shape to which all arguments broadcast.
    """
    return offset - amplitude * _inverted(np.asarray(x, np.float64), rabi_frequency, linewidth, detuning)


def _inverted(x: FloatArray, rabi_frequency: Any, linewidth: Any, detuning: Any) -> FloatArray:
    omega, sigma, shift = (
        np.asarray(v, np.float64)[..., None] for v in (rabi_frequency, linewidth, detuning)
    )
    square = np.square(omega)
    general = square + np.square(shift + sigma * _NODES)
    turned = np.square(np.sin(np.pi * np.sqrt(general) * x[..., None]))
    return np.asarray((np.divide(square, general) * turned) @ _WEIGHTS)


def _guess(x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, Any]:
    """Grid over Rabi frequency and line width; amplitude and offset in closed form."""
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
)
