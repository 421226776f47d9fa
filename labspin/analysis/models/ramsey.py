"""Ramsey fringes that beat: lines of one nuclear spin, equally far apart, which lose their phase together.

======================= ==========================================================================
argument                meaning
======================= ==========================================================================
amplitude_k             of line k at x = 0; they differ where the nuclear spin is polarised
frequency               detuning of the microwave from the middle of the lines
splitting               between neighbouring lines: A∥ of the nucleus
decay_time, exponent    T2*, and 1: exponential, 2: Gaussian decay
phase                   at x = 0, the same for all lines
offset                  mean signal
======================= ==========================================================================

The hyperfine coupling of the nitrogen makes two lines of ¹⁵N (A∥ = 3.03 MHz) and three of ¹⁴N (2.14 MHz;
Felton et al., PRB 79, 075203 (2009)). A cosine does not know the sign of its frequency: where the microwave
stands between the lines, frequency and splitting may have changed places; detune it further.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from labspin.analysis.model import FitModel, FloatArray, Parameter, columns, fill_derivatives
from labspin.analysis.models.guesses import thinned
from labspin.errors import RecipeError

__all__ = ["ramsey_fringes"]

_LINES = {"pair": 2, "N15": 2, "N14": 3}
_TURN = 2 * np.pi
_PARTS = (0.15, 0.4, 1.0, 3.0)
"""Decay times that the guess tries, in parts of the window."""


def ramsey_fringes(*, lines: str = "pair") -> FitModel:
    """Return the model of Ramsey fringes that beat.

    y = offset + exp(−(x/decay_time)^exponent) Σ amplitude_k cos(2π (frequency + m_k splitting) x + phase)

    with m_k = −½, ½ for two lines and −1, 0, 1 for three.

    Parameters
    ----------
    lines
        ``"pair"`` or ``"N15"``: two; ``"N14"``: three.

    Raises
    ------
    RecipeError
        Another word for the lines.
    """
    if lines not in _LINES:
        raise RecipeError(f"model ramsey_fringes: wanted the lines {', '.join(_LINES)}, got {lines!r}")
    count = _LINES[lines]
    places: FloatArray = np.arange(float(count)) - (count - 1) / 2
    parameters = _parameters(count)
    names = [parameter.name for parameter in parameters]

    def function(x: Any, *values: Any) -> Any:
        x = np.maximum(np.asarray(x, np.float64), 0)
        frequency, splitting, decay_time, phase, offset, exponent = values[count:]
        waves = 0.0
        for amplitude, place in zip(values[:count], places, strict=True):
            waves = waves + amplitude * np.cos(_TURN * (frequency + place * splitting) * x + phase)
        return offset + np.exp(-((x / decay_time) ** exponent)) * waves

    def derivatives(x: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        return _derivatives(x, values, places)

    def guesser(x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, Any]:
        return dict(zip(names, _guess(x, y, weights, places), strict=True))

    return FitModel(
        name="ramsey_fringes",
        equation=(
            "y = offset + exp(−(x/decay_time)^exponent) Σ amplitude_k cos(2π (frequency + m_k splitting) x "
            f"+ phase), m_k = {', '.join(f'{place:g}' for place in places)}"
        ),
        source="electron spin beside a nuclear spin; Felton et al., PRB 79, 075203 (2009)",
        parameters=parameters,
        function=function,
        guesser=guesser,
        derivatives=derivatives,
        options={"lines": lines},
    )


def _parameters(count: int) -> tuple[Parameter, ...]:
    return (
        *(Parameter(f"amplitude_{k + 1}", "y", f"of line {k + 1} at x = 0") for k in range(count)),
        Parameter("frequency", "cycles/x", "detuning from the middle of the lines", minimum=0),
        Parameter("splitting", "cycles/x", "between neighbouring lines", minimum=0),
        Parameter("decay_time", "x", "T2*", minimum=0),
        Parameter("phase", "rad", "phase at x = 0", value=0.0),
        Parameter("offset", "y", "mean signal"),
        Parameter("exponent", "1", "1: exponential, 2: Gaussian decay", minimum=0, value=2.0),
    )


def _derivatives(x: FloatArray, values: FloatArray, places: FloatArray) -> tuple[FloatArray, FloatArray]:
    count = places.size
    x = np.maximum(x, 0)
    frequency, splitting, decay_time, phase, offset, exponent = columns(values[..., count:])
    logarithm = np.log(np.maximum(x, 1e-300)) - np.log(decay_time)
    power = np.exp(np.minimum(exponent * logarithm, 600.0))
    envelope = np.exp(-power)
    waves, turned, spread, shapes = 0.0, 0.0, 0.0, []
    for amplitude, place in zip(columns(values[..., :count]), places, strict=True):
        angle = _TURN * (frequency + place * splitting) * x + phase
        shapes.append(np.cos(angle) * envelope)
        across = -amplitude * np.sin(angle) * envelope
        waves, turned, spread = waves + amplitude * shapes[-1], turned + across, spread + place * across
    y = offset + waves
    by_time, by_exponent = waves * power * exponent / decay_time, -waves * power * logarithm
    parts = [*shapes, _TURN * x * turned, _TURN * x * spread, by_time, turned, 1.0, by_exponent]
    return y, fill_derivatives(y, parts)


def _guess(x: FloatArray, y: FloatArray, weights: FloatArray | None, places: FloatArray) -> list[float]:
    """Waves that die away, one after another where they explain most; then amplitudes in closed form."""
    x, y, weights = thinned(np.maximum(x, 0), y, weights)
    scale = np.ones_like(y) if weights is None else weights
    span = float(np.ptp(x)) or 1.0
    highest = 0.5 / float(np.median(np.diff(np.unique(x)))) if np.unique(x).size > 1 else 1 / span
    number = int(np.clip(4 * highest * span, 8, 4000))
    frequencies = np.linspace(0.25 / span, max(highest, 0.5 / span), number)
    best: tuple[float, list[float]] = (np.inf, [])
    for decay_time in np.array(_PARTS) * span:
        envelope = np.exp(-np.square(x / decay_time)) * scale
        found = _pursued(x, (y - np.average(y, weights=scale**2)) * scale, frequencies, envelope, places.size)
        middle, apart = float(np.mean(found)), float(np.ptp(found)) / max(places.size - 1, 1)
        waves = [np.cos(_TURN * (middle + m * apart) * x) * envelope for m in places]
        matrix = np.stack([*waves, scale], axis=1)
        solution = np.linalg.lstsq(matrix, y * scale, rcond=1e-6)[0]
        cost = float(np.sum(np.square(matrix @ solution - y * scale)))
        if cost < best[0]:
            *amplitudes, offset = solution.tolist()
            best = (cost, [*amplitudes, middle, apart or 0.1 / span, float(decay_time), 0.0, offset, 2.0])
    return best[1]


def _pursued(
    x: FloatArray, y: FloatArray, frequencies: FloatArray, envelope: FloatArray, count: int
) -> list[float]:
    """Return the frequencies of ``count`` waves, each where it explains most of what the others leave."""
    found: list[float] = []
    rest = y
    for _ in range(count):
        power = np.empty(frequencies.size)
        for begin in range(0, frequencies.size, 256):  # little memory for long records
            part = slice(begin, begin + 256)
            power[part] = np.abs(np.exp(-1j * _TURN * frequencies[part, None] * x) @ (rest * envelope))
        found.append(float(frequencies[np.argmax(power)]))
        angles = _TURN * np.array(found)[:, None] * x
        matrix = (np.concatenate([np.cos(angles), np.sin(angles)]) * envelope).T
        rest = y - matrix @ np.linalg.lstsq(matrix, y, rcond=1e-6)[0]
    return found
