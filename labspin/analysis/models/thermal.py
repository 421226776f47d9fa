"""The thermal (Brownian) spectrum of a damped oscillator, as a spectrum analyser sees it.

============ ================ ============================================================
symbol       argument         meaning
============ ================ ============================================================
f            x                frequency, Hz
f0           f0               natural frequency, Hz
Q            Q                quality factor; the amplitude rings down in Q/(π f0)
<x²>         variance         mean-square displacement of the mode, k_B T / k by equipartition
S_w          white            white noise of the detector, one-sided
============ ================ ============================================================

The one-sided displacement spectrum under the force noise 4 k_B T γ ([MR], physics.md 2.3) is

    S(f) = S_w + <x²> (2 f0³ / π Q) / ((f0² − f²)² + (f f0/Q)²),   ∫ peak df = <x²>.

A spectrum computed from segments of length 1/Δf is not S but S smeared by the window: its expectation is
the Fourier transform of autocorrelation × lag window. A peak only a few bins wide is visibly broadened,
so a fit that ignores the window finds Q too small. The lag windows here have closed-form transforms, so the
smeared model costs no more than the plain one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from labspin.analysis.model import FitModel, FloatArray, Parameter, Value
from labspin.arrays import ComplexArray
from labspin.errors import RecipeError

__all__ = ["WINDOW_CORRELATION", "oscillator_spectrum", "smeared_spectrum", "thermal_spectrum"]

WINDOW_CORRELATION: Mapping[str, tuple[float, ...]] = {
    "none": (1.0,),
    "rectangular": (1.0,),
    "hann": (1.0, 4 / 9, 1 / 36),
}
"""Correlation of the power in bins 0, 1, 2, … apart where the spectrum is flat over the window."""


def oscillator_spectrum(x: Value, f0: Value, Q: Value, variance: Value, white: Value) -> Value:
    """Return white + variance·(2 f0³/(π Q))/((f0² − x²)² + (x f0/Q)²).

    Parameters
    ----------
    x
        Frequency, Hz.
    f0
        Natural frequency, Hz.
    Q
        Quality factor.
    variance
        Mean-square displacement of the mode, in the unit of the spectrum times Hz.
    white
        White noise of the detector, one-sided, in the unit of the spectrum.

    Returns
    -------
    density
        One-sided power spectral density, of the shape to which all arguments broadcast.
    """
    # (f0 − f)(f0 + f) keeps the digits that f0² − f² loses near the peak.
    detuning = (f0 - x) * (f0 + x)
    return white + variance * (2 * f0**3 / (np.pi * Q)) / (detuning**2 + (x * f0 / Q) ** 2)


def smeared_spectrum(
    x: ArrayLike, f0: Value, Q: Value, variance: Value, white: Value, *, length: float, window: str
) -> FloatArray:
    """Return the expectation of the spectrum of segments under a window.

    The autocorrelation of the oscillator is ``<x²> Re[c e^{λτ}]`` with ``λ = −π f0/Q + iω₁`` and
    ``c = 1 − iπ f0/(Q ω₁)``, ``ω₁`` the damped frequency. Needs Q > 1/2.

    Parameters
    ----------
    x
        Frequency, Hz.
    f0
        Natural frequency, Hz.
    Q
        Quality factor, above 1/2.
    variance
        Mean-square displacement of the mode, in the unit of the spectrum times Hz.
    white
        White noise of the detector, one-sided, in the unit of the spectrum.
    length
        Length of a segment, s.
    window
        ``"rectangular"`` or ``"hann"``.

    Returns
    -------
    density
        One-sided power spectral density, of the shape to which all arguments broadcast.
    """
    x = np.asarray(x, np.float64)
    rate = np.pi * f0 / Q
    damped = 2 * np.pi * f0 * np.sqrt(np.maximum(1 - 1 / (4 * np.square(Q)), 1e-12))
    factor = 1 - 1j * rate / damped
    transform = _LAG_WINDOWS[window]
    angular = 2 * np.pi * x
    below = np.asarray(rate - 1j * (damped - angular), np.complex128)
    above = np.asarray(rate - 1j * (damped + angular), np.complex128)
    total = transform(below, length) + transform(above, length)
    return np.asarray(white + 2 * variance * np.real(factor * total))


def _triangle(s: ComplexArray, length: float) -> ComplexArray:
    """∫₀ᵀ (1 − τ/T) e^{−sτ} dτ."""
    return 1 / s + np.expm1(-s * length) / (s**2 * length)


def _hann(s: ComplexArray, length: float) -> ComplexArray:
    """∫₀ᵀ [(1 − u)(2 + cos 2πu)/3 + sin(2πu)/2π] e^{−sτ} dτ with u = τ/T."""
    turn = 2j * np.pi / length
    cosine = (_triangle(s - turn, length) + _triangle(s + turn, length)) / 2
    sine = -np.expm1(-s * length) * (2 * np.pi / length) / (s**2 + (2 * np.pi / length) ** 2)
    return (2 * _triangle(s, length) + cosine) / 3 + sine / (2 * np.pi)


_LAG_WINDOWS: dict[str, Callable[[ComplexArray, float], ComplexArray]] = {
    "rectangular": _triangle,
    "hann": _hann,
}


def thermal_spectrum(*, window: str = "none", length: float | None = None) -> FitModel:
    """Return the model of a thermal spectrum.

    Parameters
    ----------
    window
        ``"none"`` (a spectrum much finer than the peak), ``"rectangular"`` or ``"hann"``.
    length
        Length of a segment, s: the inverse of the bin spacing. Needed with a window.

    Raises
    ------
    RecipeError
        An unknown window, or a window without the length of a segment.
    """
    if window not in WINDOW_CORRELATION:
        raise RecipeError(
            f"model thermal_spectrum: wanted the window {', '.join(WINDOW_CORRELATION)}, got {window!r}"
        )
    if window != "none" and not (length is not None and length > 0):
        raise RecipeError(
            f"model thermal_spectrum: window {window!r}: wanted the length of a segment in s, got {length!r}"
        )

    def function(x: Value, f0: Value, Q: Value, variance: Value, white: Value) -> FloatArray:
        if window == "none":
            return np.asarray(oscillator_spectrum(x, f0, Q, variance, white))
        assert length is not None
        return smeared_spectrum(x, f0, Q, variance, white, length=length, window=window)

    return FitModel(
        name="thermal_spectrum",
        headline=("f0", "Q", "spring_constant"),
        equation="S = white + variance·(2 f0³/πQ)/((f0² − x²)² + (x f0/Q)²)",
        source="fluctuation-dissipation theorem, S_F = 4 k_B T γ; physics.md 2.3",
        parameters=(
            Parameter("f0", "x", "natural frequency", minimum=0),
            Parameter("Q", "1", "quality factor", minimum=0),
            Parameter("variance", "x*y", "mean-square displacement", minimum=0),
            Parameter("white", "y", "white noise of the detector", minimum=0),
        ),
        function=function,
        guesser=_guess,
        likelihood="gamma",
        options={"window": window, "length": length},
        x_unit="Hz",
    )


def _guess(x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, Value]:
    """Background from the median, area from the sum above it, width from area and height."""
    del weights
    white = float(np.median(y))
    spacing = float(np.median(np.diff(x)))
    peak = int(np.argmax(y))
    height = max(float(y[peak]) - white, 1e-3 * white)
    near = slice(max(0, peak - 3), peak + 4)
    excess = np.maximum(y[near] - white, 0)
    f0 = float(np.sum(x[near] * excess) / np.sum(excess)) if excess.sum() > 0 else float(x[peak])
    # A Lorentzian holds a third of its height at 0.7 of its width: count the bins above that.
    above = int(np.count_nonzero(y > white + height / 3))
    width = max(above, 1) * spacing / 1.41
    return {"f0": f0, "Q": f0 / width, "variance": np.pi / 2 * height * width, "white": white}
