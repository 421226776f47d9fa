"""A resonator that hangs on a line: a notch in the complex transmission, with the line's own delay.

================ ======================================================================
argument         meaning
================ ======================================================================
f0               resonance frequency
Q_internal       quality factor by the resonator's own losses
Q_coupling       |Q_c|, quality factor by the loss into the line
mismatch         φ, angle of Q_c: impedances of the line that do not match
amplitude        a, transmission off resonance
phase            α, phase of the transmission at f0 off resonance, as it would be without the resonator
delay            τ, of cables, in cycles over the unit of x: s for x in Hz
================ ======================================================================

S21 = a e^{iα} e^{−2πi (x − f0) τ} [1 − (Q_l/Q_c) e^{iφ}/(1 + 2i Q_l (x/f0 − 1))] with the diameter-corrected
1/Q_l = 1/Q_internal + cos φ/Q_coupling (Probst et al., Rev. Sci. Instrum. 86, 024706 (2015), Eqs. 1 and 2;
Khalil et al., J. Appl. Phys. 111, 054510 (2012)).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from labspin.analysis.model import FitModel, FloatArray, Numbers, Parameter, Value, columns
from labspin.arrays import ComplexArray

__all__ = ["NOTCH_RESONATOR", "notch_resonator"]

_ENOUGH = 2000
"""Points of a long sweep from which the starting values are found."""
_TRIED = 4
"""Delays of which the whole curve is compared with the sweep."""


def notch_resonator(
    x: ArrayLike,
    f0: Value,
    Q_internal: Value,
    Q_coupling: Value,
    mismatch: Value,
    amplitude: Value,
    phase: Value,
    delay: Value,
) -> ComplexArray:
    """Return the complex transmission S21 past a resonator.

    Parameters
    ----------
    x
        Frequency.
    f0
        Resonance frequency, in the unit of x.
    Q_internal, Q_coupling
        Quality factors by losses and by coupling.
    mismatch
        Angle of the complex coupling, rad.
    amplitude
        Transmission off resonance, in the unit of y.
    phase
        Phase of the transmission at f0 as it would be without the resonator, rad.
    delay
        Delay of the line, in the inverse unit of x.

    Returns
    -------
    y
        Complex, of the shape to which all arguments broadcast.
    """
    x = np.asarray(x, np.float64)
    turn = np.exp(1j * np.asarray(mismatch)) / Q_coupling
    below = 1 / np.asarray(Q_internal) + np.real(turn) + 2j * (x / f0 - 1)
    past: ComplexArray = np.exp(1j * (phase - 2 * np.pi * (x - f0) * delay)) * (1 - turn / below)
    return amplitude * past


def _derivatives(x: FloatArray, values: FloatArray) -> tuple[Numbers, Numbers]:
    f0, internal, coupling, mismatch, amplitude, phase, delay = columns(values)
    turn = np.exp(1j * mismatch) / coupling
    below = 1 / internal + turn.real + 2j * (x / f0 - 1)
    line = np.exp(1j * (phase - 2 * np.pi * (x - f0) * delay))
    whole = amplitude * line
    y = whole * (1 - turn / below)
    by_below = whole * turn / below**2  # dS/d(below)
    parts = [
        by_below * (-2j * x / f0**2) + 2j * np.pi * delay * y,
        -by_below / internal**2,
        whole * turn / coupling / below - by_below * turn.real / coupling,
        -1j * whole * turn / below - by_below * turn.imag,
        y / amplitude,
        1j * y,
        -2j * np.pi * (x - f0) * y,
    ]
    jacobian = np.empty((*y.shape[:-1], 7, y.shape[-1]), np.complex128)
    for index, part in enumerate(parts):
        jacobian[..., index, :] = part
    return y, jacobian


def _circle(z: Numbers) -> tuple[complex, float, float]:
    """Return centre, radius and scatter of the circle through points of the plane (least squares, Kåsa)."""
    middle = z.mean()
    w = z - middle
    size = float(np.sqrt(np.mean(np.abs(w) ** 2))) or 1.0
    w = w / size
    matrix = np.stack([2 * w.real, 2 * w.imag, np.ones(w.size)], axis=1)
    a, b, c = np.linalg.lstsq(matrix, np.abs(w) ** 2, rcond=None)[0]
    radius = float(np.sqrt(max(c + a * a + b * b, 1e-300)))
    apart = float(np.std(np.abs(w - complex(a, b)) - radius))
    return complex(middle + size * complex(a, b)), size * radius, size * apart


def _delays(x: FloatArray, y: Numbers) -> list[float]:
    """Return the delays with which the sweep is closest to a circle, begun from the phase of its ends.

    A turn too many over the sweep lays most points on a circle about zero, too: which is right, only the
    whole curve tells.
    """
    span = float(np.ptp(x)) or 1.0
    edge = max(x.size // 8, 2)
    slopes = [_slope(x[part], np.unwrap(np.angle(y[part]))) for part in (slice(0, edge), slice(-edge, None))]
    first = -float(np.mean(slopes)) / (2 * np.pi)
    coarse = first + np.linspace(-1, 1, 81) / span
    scatter = np.array([_apart(x, y, one) for one in coarse])
    beside = np.minimum(np.append(scatter[1:], np.inf), np.insert(scatter[:-1], 0, np.inf))
    lowest = [place for place in np.argsort(scatter) if scatter[place] <= beside[place]]
    found = []
    for best in coarse[lowest[:_TRIED]].tolist():
        for width in (1 / 40, 1 / 400):
            candidates = best + np.linspace(-1, 1, 21) * width / span
            best = float(candidates[int(np.argmin([_apart(x, y, one) for one in candidates]))])
        found.append(best)
    return found


def _apart(x: FloatArray, y: Numbers, delay: float) -> float:
    return _circle(y * np.exp(2j * np.pi * (x - x.mean()) * delay))[2]


def _slope(x: FloatArray, y: FloatArray) -> float:
    """Return the slope of the straight line nearest to the points; 0 where all are at one place."""
    away = x - x.mean()
    size = float(away @ away)
    return float(away @ y) / size if size > 0 else 0.0


def _resonance(x: FloatArray, turned: Numbers) -> tuple[float, float, complex]:
    """Return f0, Q_l and the direction of the off-resonant point of points around a circle's centre."""
    span = float(np.ptp(x)) or 1.0
    unit = turned / np.abs(turned)
    best: tuple[float, float, float, complex] = (np.inf, float(x.mean()), 1.0, 1.0)
    for width in np.geomspace(max(2 * span / x.size, 1e-3 * span), span, 24):
        places = np.linspace(x.min(), x.max(), int(np.clip(8 * span / width, 20, 400)))
        t = 2 * (x - places[:, None]) / width
        # −e^{…} of 1 − 2/(1 + i t), the circle of radius one: off resonance it is 1.
        shape = (1j * t - 1) / (1j * t + 1)
        turn = np.mean(unit * shape.conj(), axis=-1)
        cost = 1 - np.abs(turn)
        node = int(np.argmin(cost))
        if cost[node] < best[0]:
            direction = complex(turn[node] / abs(turn[node]))
            best = (float(cost[node]), float(places[node]), float(width), direction)
    return best[1], best[1] / best[2], best[3]


def _guess(x: FloatArray, y: Numbers, weights: FloatArray | None) -> Mapping[str, float]:
    """Fit the delay, a circle, and the phase around it (Probst et al., section III)."""
    del weights
    order = np.argsort(x, kind="stable")[:: max(x.size // _ENOUGH, 1)]
    x, y = x[order], y[order]
    starts = [_with_delay(x, y, delay) for delay in _delays(x, y)]
    return min(starts, key=lambda start: float(np.square(np.abs(y - notch_resonator(x, **start))).sum()))


def _with_delay(x: FloatArray, y: Numbers, delay: float) -> dict[str, float]:
    """Return the starting values of one delay."""
    steady = y * np.exp(2j * np.pi * (x - x.mean()) * delay)
    centre, radius, _ = _circle(steady)
    f0, loaded, direction = _resonance(x, steady - centre)
    off = centre + radius * direction
    part = 1 - centre / off  # Q_l e^{iφ}/(2 Q_c)
    mismatch, ratio = float(np.angle(part)), 2 * float(np.abs(part))
    coupling = loaded / max(ratio, 1e-9)
    internal = 1 / max(1 / loaded - np.cos(mismatch) / coupling, 1e-3 / loaded)
    return {
        "f0": f0,
        "Q_internal": float(internal),
        "Q_coupling": float(coupling),
        "mismatch": mismatch,
        "amplitude": float(np.abs(off)),
        "phase": float(np.angle(off * np.exp(2j * np.pi * (x.mean() - f0) * delay))),
        "delay": delay,
    }


NOTCH_RESONATOR = FitModel(
    name="notch_resonator",
    equation=(
        "y = amplitude e^{i phase − 2πi (x − f0) delay} [1 − (e^{i mismatch}/Q_coupling)/(1/Q_internal + "
        "cos(mismatch)/Q_coupling + 2i (x/f0 − 1))]"
    ),
    source="Probst et al., Rev. Sci. Instrum. 86, 024706 (2015), Eqs. (1) and (2)",
    parameters=(
        Parameter("f0", "x", "resonance frequency", minimum=0),
        Parameter("Q_internal", "1", "quality factor by losses", minimum=0),
        Parameter("Q_coupling", "1", "quality factor by coupling", minimum=0),
        Parameter("mismatch", "rad", "angle of the coupling"),
        Parameter("amplitude", "y", "transmission off resonance", minimum=0),
        Parameter("phase", "rad", "phase of the transmission"),
        Parameter("delay", "1/x", "delay of the line"),
    ),
    function=notch_resonator,
    guesser=_guess,
    derivatives=_derivatives,
    is_complex=True,
)
