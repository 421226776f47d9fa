"""The ring-down of a resonator: the amplitude seen by a detector, or both quadratures of a lock-in.

======================= ==========================================================================
argument                meaning
======================= ==========================================================================
start                   first point of the decay; held: amplitude and phase are those at this point
amplitude               amplitude at ``start``
ring_down_time          time in which the amplitude falls by e, 2Q/ω0
detuning                frequency of the motion minus that of the reference, Hz
phase                   phase at ``start``, rad
offset, offset_x/y      what remains
======================= ==========================================================================

A record also holds the driven state before the decay: `ring_down_window` finds where it ends, and the fits
use what comes after. Thermal motion decays as the ring-down does, so it does not average out within one:
where the residuals of a first fit show it, the fit is weighted by the covariance of it and of white noise,
both found in the data (`labspin.physics.mrfm.RingDownNoise`). Where they show none, noise is taken as white.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from labspin.analysis.model import FitModel, FloatArray, Numbers, Parameter, Value, columns, fill_derivatives
from labspin.analysis.models.switch_off import ring_down_window
from labspin.arrays import ComplexArray

if TYPE_CHECKING:
    from labspin.physics.mrfm import RingDownNoise

__all__ = ["COMPLEX_RING_DOWN", "RING_DOWN", "complex_ring_down", "ring_down"]

_SHOWS = 1.5
"""Standard deviations of the test for thermal motion from which the fit is weighted by it."""


def ring_down(
    x: ArrayLike, amplitude: Value, ring_down_time: Value, offset: Value, start: Value = 0.0
) -> FloatArray:
    """Return amplitude·exp(−(x − start)/ring_down_time) + offset.

    Parameters
    ----------
    x
        Time.
    amplitude, offset
        Amplitude at ``start``, and what remains, in the unit of y.
    ring_down_time
        In which the amplitude falls by e, in the unit of x.
    start
        Time at which the decay begins, in the unit of x.

    Returns
    -------
    y
        Shape to which all arguments broadcast.
    """
    return amplitude * np.exp(-(np.asarray(x, np.float64) - start) / ring_down_time) + offset


def complex_ring_down(
    x: ArrayLike,
    amplitude: Value,
    ring_down_time: Value,
    detuning: Value,
    phase: Value,
    offset_x: Value,
    offset_y: Value,
    start: Value = 0.0,
) -> ComplexArray:
    """Return amplitude·e^{i phase + (2πi detuning − 1/ring_down_time)(x − start)} + offset_x + i offset_y.

    Parameters
    ----------
    x
        Time.
    amplitude
        At ``start``, in the unit of y.
    ring_down_time
        In which the amplitude falls by e, in the unit of x.
    detuning
        Frequency of the motion minus that of the reference, cycles per unit of x.
    phase
        At ``start``, rad.
    offset_x, offset_y
        What remains, real and imaginary part, in the unit of y.
    start
        Time at which the decay begins, in the unit of x.

    Returns
    -------
    y
        Complex, of the shape to which all arguments broadcast.
    """
    passed = np.asarray(x, np.float64) - start
    turning = 1j * (np.asarray(phase) + 2 * np.pi * detuning * passed) - passed / ring_down_time
    decay: ComplexArray = np.exp(turning)
    return amplitude * decay + offset_x + 1j * np.asarray(offset_y, np.float64)


def _thermal_noise(
    x: FloatArray,
    residual: Numbers,
    derivatives: Numbers,
    values: Mapping[str, float],
    sigma: Numbers | None,
) -> RingDownNoise | None:
    """Return thermal and white noise, if thermal noise shows; with ``sigma``, the white one is known."""
    time, detuning = values["ring_down_time"], values.get("detuning", 0.0)
    if not _thermal_motion_shows(x, residual, derivatives, time, detuning):
        return None
    from labspin.physics.mrfm import estimate_ring_down_noise  # its package loads what few fits need

    white = None
    if sigma is not None:
        parts = [sigma.real, sigma.imag] if np.iscomplexobj(sigma) else [sigma]
        white = np.mean(np.square(parts), axis=0)
    return estimate_ring_down_noise(
        time=x,
        residual=residual,
        derivatives=derivatives,
        ring_down_time=time,
        detuning=detuning,
        white=white,
    )


def _thermal_motion_shows(
    x: FloatArray, residual: Numbers, derivatives: Numbers, time: float, detuning: float
) -> bool:
    """Return whether neighbours in the residual are alike as thermal motion makes them (score test).

    The statistic Σ_{i<j} φ_ij r_i r_j is compared with what white noise gives, less what the fit has taken.
    """
    if not (np.isfinite(time) and time > 0) or residual.size < 3 * len(derivatives):
        return False
    frame = np.exp(-2j * np.pi * detuning * x) if np.iscomplexobj(residual) else 1.0
    kept = np.exp(-np.diff(x) / time)
    rows = np.concatenate([(residual * frame)[None], derivatives * frame])
    real = np.concatenate([rows.real, rows.imag], axis=-1) if np.iscomplexobj(rows) else rows
    parts = real.reshape(len(rows), -1, x.size)
    seen = real[1:][np.square(real[1:]).sum(-1) > 0]
    basis = np.linalg.qr((seen / np.sqrt(np.square(seen).sum(-1, keepdims=True))).T)[0].T
    around = _correlated(parts[0], kept)
    own = basis.reshape(len(basis), -1, x.size)
    through = _correlated(own, kept)
    gram = np.tensordot(own, through, axes=([1, 2], [1, 2]))
    size = parts[0].size
    variance = float(np.square(parts[0]).sum()) / max(size - len(basis), 1)
    # Mean and variance of the statistic for white noise from which the fitted parameters have been projected.
    pairs = len(parts[0]) * float(_correlated(np.ones((1, x.size)), kept**2).sum()) / 2
    spread = math.sqrt(max(pairs - np.square(through).sum() + 0.5 * np.square(gram).sum(), 1e-3 * pairs))
    score = 0.5 * float(np.sum(parts[0] * around)) / variance if variance > 0 else 0.0
    return bool(score + 0.5 * np.trace(gram) > _SHOWS * spread)


def _correlated(rows: FloatArray, kept: FloatArray) -> FloatArray:
    """Return Σ_{j≠i} φ_ij r_j for rows (..., n), φ_ij the product of ``kept`` (n − 1,) from i to j."""
    return _carried(rows, kept) + _carried(rows[..., ::-1], kept[::-1])[..., ::-1]


def _carried(rows: FloatArray, kept: FloatArray) -> FloatArray:
    """Return Σ_{j<i} φ_ij r_j by sums over 1, 2, 4, … points: scipy's filter takes half a second to load."""
    sums, reach = rows.copy(), 1
    share = np.concatenate([[0.0], kept])  # what is left at i of a value ``reach`` points before
    while reach < rows.shape[-1] and share.max() > 1e-20:
        sums[..., reach:] += share[reach:] * sums[..., :-reach].copy()
        share[reach:] *= share[:-reach].copy()
        reach *= 2
    return sums - rows


def _ring_down_derivatives(x: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    amplitude, time, offset, start = columns(values)
    passed = x - start
    decay = np.exp(-passed / time)
    falling = amplitude * decay
    y = falling + offset
    return y, fill_derivatives(y, [decay, falling * passed / time**2, 1.0, falling / time])


def _complex_derivatives(x: FloatArray, values: FloatArray) -> tuple[Numbers, Numbers]:
    amplitude, time, detuning, phase, offset_x, offset_y, start = columns(values)
    x = x - start
    unit = np.exp(1j * (phase + 2 * np.pi * detuning * x) - x / time)
    y = amplitude * unit + offset_x + 1j * offset_y
    jacobian = np.empty((*y.shape[:-1], 7, y.shape[-1]), np.complex128)
    turning = amplitude * unit
    back = turning * (1 / time - 2j * np.pi * detuning)
    parts = [unit, turning * x / time**2, turning * 2j * np.pi * x, 1j * turning, 1.0, 1j, back]
    for index, part in enumerate(parts):
        jacobian[..., index, :] = part
    return y, jacobian


def _guess_ring_down(x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, Value]:
    from labspin.analysis.models.guesses import separable_grid

    first = float(x.min())
    spacing = float(np.ptp(x)) / max(x.size - 1, 1) or 1.0
    times = np.geomspace(spacing, 10 * max(float(np.ptp(x)), spacing), 40)
    basis = np.exp(-(x - first) / times[:, None])
    node, amplitude, offset = separable_grid(basis, y, weights)
    # The window may begin anywhere: the amplitude is that at its first point.
    start = np.full(np.shape(node), first) if weights is None else _first(x, weights)
    amplitude = amplitude * np.exp((first - start) / times[node])
    return {"amplitude": amplitude, "ring_down_time": times[node], "offset": offset, "start": start}


def _first(x: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the first x that counts, for weights (..., n)."""
    found = np.min(np.where(weights > 0, x, np.inf), axis=-1)
    return np.asarray(np.where(np.isfinite(found), found, x.min()))


def _guess_complex(x: FloatArray, y: Numbers, weights: FloatArray | None) -> Mapping[str, Value]:
    """Frequency from the spectrum of the record (zero-padded), time by a grid, the rest in closed form."""
    del weights
    first, span = float(x.min()), float(np.ptp(x)) or 1.0
    order = np.argsort(x)
    spacing = span / max(x.size - 1, 1)
    steady: Numbers = np.asarray(np.interp(np.arange(x.size) * spacing, x[order] - first, y[order]))
    spectrum = np.abs(np.fft.fft(steady - steady[-max(x.size // 10, 1) :].mean(), 8 * x.size))
    detuning = float(np.fft.fftfreq(8 * x.size, spacing)[np.argmax(spectrum)])
    times = np.geomspace(spacing, 10 * span, 40)
    best: tuple[float, float, Numbers] = (np.inf, span, np.zeros(2, complex))
    for time in times:
        turning = np.exp((2j * np.pi * detuning - 1 / time) * (x - first))
        matrix = np.stack([turning, np.ones_like(turning)], axis=1)
        solution = np.asarray(np.linalg.lstsq(matrix, y, rcond=None)[0], np.complex128)
        cost = float(np.sum(np.abs(y - matrix @ solution) ** 2))
        if cost < best[0]:
            best = (cost, float(time), solution)
    _, time, (turning, rest) = best
    return {
        "amplitude": float(np.abs(turning)),
        "ring_down_time": time,
        "detuning": detuning,
        "phase": float(np.angle(turning)),
        "offset_x": float(rest.real),
        "offset_y": float(rest.imag),
        "start": first,
    }


_START = Parameter("start", "x", "first point of the decay", from_data=True)

RING_DOWN = FitModel(
    name="ring_down",
    equation="y = amplitude exp(−(x − start)/ring_down_time) + offset",
    source="free decay of a resonator: ring-down time 2Q/ω0; physics.md 2.3",
    parameters=(
        Parameter("amplitude", "y", "amplitude at the start"),
        Parameter("ring_down_time", "x", "time in which the amplitude falls by e", minimum=0),
        Parameter("offset", "y", "what remains"),
        _START,
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
    equation=(
        "y = amplitude exp(i phase + (2πi detuning − 1/ring_down_time)(x − start)) + offset_x + i offset_y"
    ),
    source="free decay of a resonator seen by a lock-in; physics.md 2.3",
    parameters=(
        Parameter("amplitude", "y", "amplitude at the start", minimum=0),
        Parameter("ring_down_time", "x", "time in which the amplitude falls by e", minimum=0),
        Parameter("detuning", "cycles/x", "frequency of the motion minus that of the reference"),
        Parameter("phase", "rad", "phase at the start"),
        Parameter("offset_x", "y", "what remains, in phase"),
        Parameter("offset_y", "y", "what remains, in quadrature"),
        _START,
    ),
    function=complex_ring_down,
    guesser=_guess_complex,
    derivatives=_complex_derivatives,
    is_complex=True,
    window=ring_down_window,
    noise=_thermal_noise,
)
