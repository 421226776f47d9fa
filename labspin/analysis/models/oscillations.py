"""Oscillations in time that die away: the ring-down of a resonator, and Rabi oscillations.

======================= ==========================================================================
argument                meaning
======================= ==========================================================================
amplitude               amplitude at x = 0 (ring-down: at the first point of the window)
ring_down_time          time in which the amplitude falls by e, 2Q/ω0
detuning                frequency of the motion minus that of the reference, Hz
phase                   phase at the start, rad
offset, offset_x/y      what remains
frequency, decay_time   Rabi frequency and decay time
exponent                1: exponential, 2: Gaussian decay of the oscillation
======================= ==========================================================================

A ring-down record holds the driven state before and noise after the decay; `ring_down_window` finds
what lies between, and the fits use that. Thermal motion decays as the ring-down does, so it does not average
out within one: `fit_curve` weights by the covariance of it and of white noise, both found in the data
(`labspin.physics.mrfm.RingDownNoise`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.model import FitModel, FloatArray, Parameter, columns, fill_derivatives

if TYPE_CHECKING:
    from labspin.physics.mrfm import RingDownNoise

__all__ = [
    "COMPLEX_RING_DOWN",
    "RABI_OSCILLATION",
    "RING_DOWN",
    "complex_ring_down",
    "rabi_oscillation",
    "ring_down",
    "ring_down_window",
]


def ring_down(x: Any, amplitude: Any, ring_down_time: Any, offset: Any) -> Any:
    """Return amplitude·exp(−x/ring_down_time) + offset."""
    return amplitude * np.exp(-np.asarray(x, np.float64) / ring_down_time) + offset


def complex_ring_down(
    x: Any, amplitude: Any, ring_down_time: Any, detuning: Any, phase: Any, offset_x: Any, offset_y: Any
) -> Any:
    """Return amplitude·exp(i phase + (2πi detuning − 1/ring_down_time) x) + offset_x + i offset_y."""
    x = np.asarray(x, np.float64)
    turning = 1j * (np.asarray(phase) + 2 * np.pi * detuning * x) - x / ring_down_time
    return amplitude * np.exp(turning) + offset_x + 1j * np.asarray(offset_y)


def rabi_oscillation(
    x: Any, amplitude: Any, frequency: Any, decay_time: Any, phase: Any, offset: Any, exponent: Any
) -> Any:
    """Return offset + amplitude·cos(2π frequency x + phase)·exp(−(x/decay_time)^exponent)."""
    x = np.asarray(x, np.float64)
    envelope = np.exp(-((np.maximum(x, 0) / decay_time) ** exponent))
    return offset + amplitude * np.cos(2 * np.pi * frequency * x + phase) * envelope


def ring_down_window(x: FloatArray, y: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which points of a record belong to the decay.

    From the last point at which the smoothed magnitude is still that of the driven state (its 98th
    percentile, less three times the noise) to the first at which it has sunk into the noise, or to the end.
    Noise and final value are those of the last tenth of the record.
    """
    order = np.argsort(x, kind="stable")
    record = np.asarray(y)[order]
    tail = record[-max(record.size // 10, 4) :]
    rest = tail.mean() if np.iscomplexobj(record) else np.median(tail)
    noise = float(np.sqrt(np.mean(np.abs(tail - rest) ** 2)))
    length = int(np.clip(record.size // 100, 1, 25))
    kernel = np.ones(length) / length
    magnitude = np.abs(record - rest) if np.iscomplexobj(record) else record - rest
    if not np.iscomplexobj(record) and abs(magnitude.min()) > magnitude.max():
        magnitude = -magnitude
    smooth = np.convolve(magnitude, kernel, mode="same")
    top = float(np.quantile(magnitude, 0.98))
    start = int(np.flatnonzero(smooth >= min(0.98 * top, top - 3 * noise))[-1]) if top > 0 else 0
    # The magnitude of complex noise has a mean of 0.89 of its root mean square.
    floor = (0.89 + 2 / np.sqrt(length)) if np.iscomplexobj(record) else 3 / np.sqrt(length)
    below = np.flatnonzero(smooth[start:] <= floor * noise)
    stop = start + int(below[0]) if below.size else record.size
    # A decay that never leaves the noise floor, or one that has no driven state: keep everything.
    if stop - start < 8:
        start, stop = 0, record.size
    kept = np.zeros(record.size, bool)
    kept[order[start:stop]] = True
    return kept


def _thermal_noise(
    x: FloatArray,
    residual: NDArray[Any],
    derivatives: NDArray[Any],
    values: Mapping[str, float],
    sigma: NDArray[Any] | None,
) -> RingDownNoise | None:
    """Return thermal and white noise on a ring-down; with ``sigma``, the white one is known."""
    from labspin.physics.mrfm import estimate_ring_down_noise

    white = None
    if sigma is not None:
        parts = [sigma.real, sigma.imag] if np.iscomplexobj(sigma) else [sigma]
        white = np.mean(np.square(parts), axis=0)
    return estimate_ring_down_noise(
        time=x,
        residual=residual,
        derivatives=derivatives,
        ring_down_time=values["ring_down_time"],
        detuning=values.get("detuning", 0.0),
        white=white,
    )


def _ring_down_derivatives(x: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    amplitude, time, offset = columns(values)
    decay = np.exp(-x / time)
    y = amplitude * decay + offset
    return y, fill_derivatives(y, [decay, amplitude * decay * x / time**2, 1.0])


def _complex_derivatives(x: FloatArray, values: FloatArray) -> tuple[NDArray[Any], NDArray[Any]]:
    amplitude, time, detuning, phase, offset_x, offset_y = columns(values)
    unit = np.exp(1j * (phase + 2 * np.pi * detuning * x) - x / time)
    y = amplitude * unit + offset_x + 1j * offset_y
    jacobian = np.empty((*y.shape[:-1], 6, y.shape[-1]), np.complex128)
    turning = amplitude * unit
    parts = [unit, turning * x / time**2, turning * 2j * np.pi * x, 1j * turning, 1.0, 1j]
    for index, part in enumerate(parts):
        jacobian[..., index, :] = part
    return y, jacobian


def _rabi_derivatives(x: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    amplitude, frequency, decay_time, phase, offset, exponent = columns(values)
    logarithm = np.log(np.maximum(x, 1e-300)) - np.log(decay_time)
    power = np.exp(np.minimum(exponent * logarithm, 600.0))
    envelope = np.exp(-power)
    angle = 2 * np.pi * frequency * x + phase
    swing, across = np.cos(angle) * envelope, -amplitude * np.sin(angle) * envelope
    falling = amplitude * swing * power
    by_time, by_exponent = falling * exponent / decay_time, -falling * logarithm
    y = offset + amplitude * swing
    return y, fill_derivatives(y, [swing, 2 * np.pi * x * across, by_time, across, 1.0, by_exponent])


def _guess_ring_down(x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, Any]:
    from labspin.analysis.models.guesses import separable_grid

    # The window may begin anywhere: count from its first point, and carry the amplitude back to x = 0.
    first = float(x.min())
    spacing = float(np.ptp(x)) / max(x.size - 1, 1) or 1.0
    times = np.geomspace(spacing, 10 * max(float(np.ptp(x)), spacing), 40)
    basis = np.exp(-(x - first) / times[:, None])
    node, amplitude, offset = separable_grid(basis, y, weights)
    with np.errstate(over="ignore"):
        carried = amplitude * np.exp(first / times[node])
    return {"amplitude": carried, "ring_down_time": times[node], "offset": offset}


def _guess_complex(x: FloatArray, y: NDArray[Any], weights: FloatArray | None) -> Mapping[str, Any]:
    """Frequency from the spectrum of the record (zero-padded), time by a grid, the rest in closed form."""
    del weights
    first, span = float(x.min()), float(np.ptp(x)) or 1.0
    order = np.argsort(x)
    spacing = span / max(x.size - 1, 1)
    steady = np.interp(np.arange(x.size) * spacing, x[order] - first, y[order])
    spectrum = np.abs(np.fft.fft(steady - steady[-max(x.size // 10, 1) :].mean(), 8 * x.size))
    detuning = float(np.fft.fftfreq(8 * x.size, spacing)[np.argmax(spectrum)])
    times = np.geomspace(spacing, 10 * span, 40)
    best: tuple[float, float, NDArray[Any]] = (np.inf, span, np.zeros(2, complex))
    for time in times:
        turning = np.exp((2j * np.pi * detuning - 1 / time) * (x - first))
        matrix = np.stack([turning, np.ones_like(turning)], axis=1)
        solution = np.linalg.lstsq(matrix, y, rcond=None)[0]
        cost = float(np.sum(np.abs(y - matrix @ solution) ** 2))
        if cost < best[0]:
            best = (cost, float(time), solution)
    _, time, (turning, rest) = best
    start = turning * np.exp(-(2j * np.pi * detuning - 1 / time) * first)
    return {
        "amplitude": float(np.abs(start)),
        "ring_down_time": time,
        "detuning": detuning,
        "phase": float(np.angle(start)),
        "offset_x": float(rest.real),
        "offset_y": float(rest.imag),
    }


def _guess_rabi(x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, Any]:
    """Grid over frequency and decay time; cosine, sine and offset in closed form."""
    scale = np.ones_like(x) if weights is None else weights
    span = float(np.ptp(x)) or 1.0
    gaps = np.diff(np.unique(x))
    highest = 0.5 / float(np.median(gaps)) if gaps.size else 1 / span
    frequencies = np.arange(0.25 / span, highest + 0.25 / span, 0.2 / span)
    best: tuple[float, dict[str, float]] = (np.inf, {})
    for decay_time in (0.2 * span, 0.6 * span, 2 * span, 20 * span):
        envelope = np.exp(-np.maximum(x, 0) / decay_time)
        for frequency in frequencies:
            angle = 2 * np.pi * frequency * x
            matrix = np.stack([np.cos(angle) * envelope, -np.sin(angle) * envelope, np.ones_like(x)], 1)
            weighted = matrix * scale[:, None]
            solution = np.linalg.lstsq(weighted, y * scale, rcond=None)[0]
            cost = float(np.sum((weighted @ solution - y * scale) ** 2))
            if cost < best[0]:
                best = (
                    cost,
                    {
                        "amplitude": float(np.hypot(solution[0], solution[1])),
                        "frequency": float(frequency),
                        "decay_time": decay_time,
                        "phase": float(np.arctan2(solution[1], solution[0])),
                        "offset": float(solution[2]),
                        "exponent": 1.0,
                    },
                )
    return best[1]


RING_DOWN = FitModel(
    name="ring_down",
    equation="y = amplitude exp(−x/ring_down_time) + offset",
    source="free decay of a resonator: ring-down time 2Q/ω0; physics.md 2.3",
    parameters=(
        Parameter("amplitude", "y", "amplitude at x = 0"),
        Parameter("ring_down_time", "x", "time in which the amplitude falls by e", minimum=0),
        Parameter("offset", "y", "what remains"),
    ),
    function=ring_down,
    guesser=_guess_ring_down,
    derivatives=_ring_down_derivatives,
    batch_guess=True,
    window=ring_down_window,
    noise=_thermal_noise,
)

COMPLEX_RING_DOWN = FitModel(
    name="complex_ring_down",
    equation="y = amplitude exp(i phase + (2πi detuning − 1/ring_down_time) x) + offset_x + i offset_y",
    source="free decay of a resonator seen by a lock-in; physics.md 2.3",
    parameters=(
        Parameter("amplitude", "y", "amplitude at x = 0", minimum=0),
        Parameter("ring_down_time", "x", "time in which the amplitude falls by e", minimum=0),
        Parameter("detuning", "cycles/x", "frequency of the motion minus that of the reference"),
        Parameter("phase", "rad", "phase at x = 0"),
        Parameter("offset_x", "y", "what remains, in phase"),
        Parameter("offset_y", "y", "what remains, in quadrature"),
    ),
    function=complex_ring_down,
    guesser=_guess_complex,
    derivatives=_complex_derivatives,
    is_complex=True,
    window=ring_down_window,
    noise=_thermal_noise,
)

RABI_OSCILLATION = FitModel(
    name="rabi_oscillation",
    equation="y = offset + amplitude cos(2π frequency x + phase) exp(−(x/decay_time)^exponent)",
    source="driven two-level system with dephasing",
    parameters=(
        Parameter("amplitude", "y", "half the contrast at x = 0", minimum=0),
        Parameter("frequency", "cycles/x", "Rabi frequency", minimum=0),
        Parameter("decay_time", "x", "decay time of the oscillation", minimum=0),
        Parameter("phase", "rad", "phase at x = 0"),
        Parameter("offset", "y", "mean signal"),
        Parameter("exponent", "1", "1: exponential, 2: Gaussian decay", minimum=0, value=1.0),
    ),
    function=rabi_oscillation,
    guesser=_guess_rabi,
    derivatives=_rabi_derivatives,
)
