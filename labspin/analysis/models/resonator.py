"""A driven resonator: its amplitude, and its two quadratures with cross-talk and delay.

================ ======================================================================
argument         meaning
================ ======================================================================
f0, Q            natural frequency √(k/m)/2π and quality factor
amplitude        response at resonance
phase            phase of the drive at the detector, rad
crosstalk_x/y    what reaches the detector without the resonator
delay            time between drive and detection, s
================ ======================================================================

With e^{+iωt} the response is ``χ(f) = 1/(f0² − f² + i f f0/Q)``; times f0²/Q it is −i at resonance. A sweep
that does not wait for the ring-down time shows a skewed line; no model here corrects that.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from labspin.analysis.model import FitModel, FloatArray, Numbers, Parameter, Value, columns, fill_derivatives
from labspin.arrays import ComplexArray
from labspin.errors import FitError

__all__ = [
    "RESONATOR_AMPLITUDE",
    "RESONATOR_PHASE",
    "RESONATOR_RESPONSE",
    "resonator_amplitude",
    "resonator_phase",
    "resonator_response",
]


_ENOUGH = 4000
"""Points of a long sweep that are searched for the resonance: ten for each place that is tried."""


def resonator_amplitude(x: ArrayLike, f0: Value, Q: Value, amplitude: Value, offset: Value) -> FloatArray:
    """Return offset + amplitude·(f0²/Q)/|f0² − x² + i x f0/Q|.

    Parameters
    ----------
    x
        Frequency of the drive.
    f0
        Natural frequency, in the unit of x.
    Q
        Quality factor.
    amplitude, offset
        Response at x = f0 above the offset, and offset, in the unit of y.

    Returns
    -------
    y
        Shape to which all arguments broadcast.
    """
    x = np.asarray(x, np.float64)
    detuning = (f0 - x) * (f0 + x)
    return offset + amplitude * (f0**2 / Q) / np.hypot(detuning, x * f0 / Q)


def resonator_response(
    x: ArrayLike,
    f0: Value,
    Q: Value,
    amplitude: Value,
    phase: Value,
    crosstalk_x: Value,
    crosstalk_y: Value,
    delay: Value,
) -> ComplexArray:
    """Return [amplitude·e^{i phase}·(f0²/Q)/(f0² − x² + i x f0/Q) + crosstalk]·e^{−2πi x delay}.

    Parameters
    ----------
    x
        Frequency of the drive, Hz.
    f0
        Natural frequency, Hz.
    Q
        Quality factor.
    amplitude
        Modulus of the response at x = f0, in the unit of y.
    phase
        Phase of the drive at the detector, rad.
    crosstalk_x, crosstalk_y
        What reaches the detector without the resonator, real and imaginary part, in the unit of y.
    delay
        Between drive and detection, s.

    Returns
    -------
    y
        Complex, of the shape to which all arguments broadcast.
    """
    x = np.asarray(x, np.float64)
    response = (f0**2 / Q) / ((f0 - x) * (f0 + x) + 1j * x * f0 / Q)
    signal = (
        amplitude * np.exp(1j * np.asarray(phase)) * response + crosstalk_x + 1j * np.asarray(crosstalk_y)
    )
    return signal * np.exp(-2j * np.pi * x * delay)


def resonator_phase(x: ArrayLike, f0: Value, Q: Value, phase: Value, delay: Value = 0.0) -> FloatArray:
    """Return phase − arctan2(x f0/Q, f0² − x²) − 2π (x − f0) delay, the phase that a lock-in reads.

    Parameters
    ----------
    x
        Frequency of the drive.
    f0
        Natural frequency, in the unit of x.
    Q
        Quality factor.
    phase
        Far below the resonance, rad; at f0 a quarter turn less.
    delay
        Between drive and detection, in the inverse unit of x.

    Returns
    -------
    y
        Rad, continuous across the resonance, of the shape to which all arguments broadcast.
    """
    x = np.asarray(x, np.float64)
    return phase - np.arctan2(x * f0 / Q, (f0 - x) * (f0 + x)) - 2 * np.pi * (x - f0) * delay


def _phase_derivatives(x: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    f0, Q, phase, delay = columns(values)
    across, along = x * f0 / Q, (f0 - x) * (f0 + x)
    size = across**2 + along**2
    y = phase - np.arctan2(across, along) - 2 * np.pi * (x - f0) * delay
    by_f0 = -(along * x / Q - across * 2 * f0) / size + 2 * np.pi * delay
    by_q = along * across / Q / size
    return y, fill_derivatives(y, [by_f0, by_q, 1.0, -2 * np.pi * (x - f0)])


def _guess_phase(x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, float]:
    """Where a whole response of that phase would have its resonance."""
    del weights
    turned = np.exp(1j * y)
    f0, Q, _ = _scan(x, turned - turned[np.argmin(x)], conjugate=True)
    phase = float(np.mean(y - np.asarray(resonator_phase(x, f0, Q, 0.0))))
    return {"f0": f0, "Q": Q, "phase": phase, "delay": 0.0}


def _response_derivatives(x: FloatArray, values: FloatArray) -> tuple[ComplexArray, ComplexArray]:
    f0, Q, amplitude, phase, crosstalk_x, crosstalk_y, delay = columns(values)
    below = (f0 - x) * (f0 + x) + 1j * x * f0 / Q
    response = (f0**2 / Q) / below
    turn, late = np.exp(1j * phase), np.exp(-2j * np.pi * x * delay)
    resonant = amplitude * turn * response
    by_f0 = resonant * (2 / f0 - (2 * f0 + 1j * x / Q) / below)
    by_q = resonant * (-1 / Q + 1j * x * f0 / Q**2 / below)
    y = (resonant + crosstalk_x + 1j * crosstalk_y) * late
    parts = [by_f0 * late, by_q * late, turn * response * late, 1j * resonant * late, late, 1j * late]
    jacobian = np.empty((*y.shape[:-1], 7, y.shape[-1]), np.complex128)
    for index, part in enumerate([*parts, -2j * np.pi * x * y]):
        jacobian[..., index, :] = part
    return y, jacobian


def _scan(x: FloatArray, y: Numbers, *, conjugate: bool) -> tuple[float, float, Numbers]:
    """Return f0, Q and the linear coefficients (resonant, background) of the best node of a grid."""
    if x.min() <= 0:
        raise FitError(
            f"resonator: wanted frequencies > 0, got {float(x.min()):g}; x is the frequency of the drive, "
            "not its distance from a carrier: add the carrier"
        )
    step = max(x.size // _ENOUGH, 1)
    x, y = x[::step], y[::step]
    ordered = np.unique(x)
    span = float(np.ptp(x)) or 1.0
    spacing = float(np.median(np.diff(ordered))) if ordered.size > 1 else span
    best: tuple[float, float, float, Numbers] = (np.inf, float(x.mean()), 100.0, np.zeros(2))
    places = np.linspace(ordered[0], ordered[-1], 2 * ordered.size if ordered.size < 400 else 400)
    for width in np.geomspace(spacing, span, 14):
        Q = places / width
        below = (places - x[:, None]) * (places + x[:, None]) + 1j * x[:, None] * places / Q
        basis = (places**2 / Q) / below
        basis = basis if conjugate else np.abs(basis)
        mean = basis.mean(0)
        centred = basis - mean
        power = np.sum(np.abs(centred) ** 2, axis=0)
        coefficient = (centred.conj().T @ (y - y.mean())) / np.maximum(power, 1e-300)
        cost = np.sum(np.abs(y - y.mean()) ** 2) - np.abs(coefficient) ** 2 * power
        node = int(np.argmin(cost))
        if cost[node] < best[0]:
            linear = np.array([coefficient[node], y.mean() - coefficient[node] * mean[node]])
            best = (float(cost[node]), float(places[node]), float(Q[node]), linear)
    return best[1], best[2], best[3]


def _guess_amplitude(x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, float]:
    del weights
    f0, Q, (amplitude, offset) = _scan(x, y, conjugate=False)
    return {"f0": f0, "Q": Q, "amplitude": float(np.real(amplitude)), "offset": float(np.real(offset))}


def _guess_response(x: FloatArray, y: Numbers, weights: FloatArray | None) -> Mapping[str, float]:
    del weights
    f0, Q, (resonant, background) = _scan(x, y, conjugate=True)
    return {
        "f0": f0,
        "Q": Q,
        "amplitude": float(np.abs(resonant)),
        "phase": float(np.angle(resonant)),
        "crosstalk_x": float(background.real),
        "crosstalk_y": float(background.imag),
        "delay": 0.0,
    }


def _limits(x: FloatArray) -> Mapping[str, tuple[float, float]]:
    """Return where a resonance can be, at most a window beside the window, and how narrow: as points show."""
    places = np.unique(x)
    if places.size < 3 or places[0] <= 0:
        return {}
    low, high = float(places[0]), float(places[-1])
    narrowest = float(np.quantile(np.diff(places), 0.05)) / 4
    beside = high - low
    return {"f0": (max(low - beside, 0.1 * low), high + beside), "Q": (0.0, high / narrowest)}


_OSCILLATOR = (
    Parameter("f0", "x", "natural frequency", minimum=0),
    Parameter("Q", "1", "quality factor", minimum=0),
)

RESONATOR_AMPLITUDE = FitModel(
    name="resonator_amplitude",
    equation="y = offset + amplitude (f0²/Q)/|f0² − x² + i x f0/Q|",
    source="driven damped oscillator; Wagenaar, thesis ch. 3",
    parameters=(
        *_OSCILLATOR,
        Parameter("amplitude", "y", "amplitude at resonance"),
        Parameter("offset", "y", "background"),
    ),
    function=resonator_amplitude,
    guesser=_guess_amplitude,
    limits=_limits,
)

RESONATOR_RESPONSE = FitModel(
    name="resonator_response",
    equation="y = [amplitude e^{i phase} (f0²/Q)/(f0² − x² + i x f0/Q) + crosstalk] e^{−2πi x delay}",
    source="driven damped oscillator, e^{+iωt}; physics.md 2.3",
    parameters=(
        *_OSCILLATOR,
        Parameter("amplitude", "y", "amplitude at resonance", minimum=0),
        Parameter("phase", "rad", "phase of the drive at the detector"),
        Parameter("crosstalk_x", "y", "cross-talk, in phase"),
        Parameter("crosstalk_y", "y", "cross-talk, in quadrature"),
        Parameter("delay", "1/x", "delay between drive and detection", value=0.0),
    ),
    function=resonator_response,
    guesser=_guess_response,
    derivatives=_response_derivatives,
    is_complex=True,
    limits=_limits,
)

RESONATOR_PHASE = FitModel(
    name="resonator_phase",
    equation="y = phase − arctan2(x f0/Q, f0² − x²) − 2π (x − f0) delay",
    source="driven damped oscillator, e^{+iωt}; physics.md 2.3",
    parameters=(
        *_OSCILLATOR,
        Parameter("phase", "rad", "phase far below the resonance"),
        Parameter("delay", "1/x", "delay between drive and detection", value=0.0),
    ),
    function=resonator_phase,
    guesser=_guess_phase,
    derivatives=_phase_derivatives,
    limits=_limits,
    y_unit="rad",
)
