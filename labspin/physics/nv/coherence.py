"""How a coherence decays between ideal π pulses: slow noise, a bath that moves, precessing nuclei.

============ ================================================================================
symbol       meaning
============ ================================================================================
f(t)         sign of the phase, +1 or −1, that each π pulse turns over
T, t_k       time from the first π/2 pulse to the last, and of the k-th π pulse after the first
b, τ_c       standard deviation (rad/s) and correlation time of an Ornstein–Uhlenbeck bath
χ            W = exp(−χ) is what is left of the coherence
F(ωT)        filter function: ``χ = ½ ∫ dω/(2π) S(ω) F(ωT)/ω²``, for ``S = ∫ C(t) e^{iωt} dt``
============ ================================================================================

For Gaussian noise of the correlation C(t), ``χ = ½ ∬ f(t) f(t') C(t − t') dt dt'`` whatever the pulses are
(J. R. Klauder and P. W. Anderson, Phys. Rev. 125, 912 (1962); Ł. Cywiński *et al.*, PRB 77, 174509 (2008),
Eqs. (14), (17); R. de Sousa, Top. Appl. Phys. 115, 183 (2009)). The bath of other electrons around an NV
centre is of the Ornstein–Uhlenbeck kind, ``C = b² exp(−|t|/τ_c)`` (G. de Lange *et al.*, Science 330, 60
(2010)): ``T2 = (12 τ_c/b²)^{1/3}`` of an echo if it is slow, and ``T2 ∝ N^{2/3}`` for N pulses.

Ideal pulses take no time and turn by π; `labspin.physics.nv.train_map` needs neither.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import FloatArray, finite, non_negative, positive

__all__ = [
    "HYPERFINE_SPLITTING",
    "bath_dephasing",
    "filter_function",
    "free_decay",
    "hyperfine_offsets",
    "precession_dephasing",
    "pulse_fractions",
]

HYPERFINE_SPLITTING = {"14N": 2e6 * math.pi * 2.16, "15N": 2e6 * math.pi * 3.03}
"""Distance of neighbouring hyperfine lines, rad/s: three of ¹⁴N, two of ¹⁵N (M. W. Doherty *et al.*, Phys.
Rep. 528, 1 (2013), Table 3; the axis of the centre along the field)."""
_LINES = {"14N": 3, "15N": 2}


def hyperfine_offsets(*, splitting: float, lines: int) -> FloatArray:
    """Return the offsets of equally strong lines about their middle, rad/s, shape (lines,).

    Parameters
    ----------
    splitting
        Distance of neighbouring lines, rad/s; see `HYPERFINE_SPLITTING`.
    lines
        Their number: 2I + 1 for a nuclear spin I that is not polarised, 1 for none.

    Raises
    ------
    ArgumentError
        There is no line, or the splitting is negative.
    """
    if lines < 1:
        raise ArgumentError(f"lines: wanted a whole number ≥ 1, got {lines!r}")
    apart = float(non_negative("splitting", splitting, unit="rad/s"))
    return np.asarray(apart * (np.arange(lines) - 0.5 * (lines - 1)))


def free_decay(*, time: ArrayLike, width: float, shape: str = "gaussian") -> FloatArray:
    """Return what is left of a free precession in a line that does not move.

    ``exp(−σ²t²/2)`` of a Gaussian line, ``exp(−Γt)`` of a Lorentzian one.

    Parameters
    ----------
    time
        t, s; any shape.
    width
        σ, or half the full width Γ of the Lorentzian, rad/s.
    shape
        ``"gaussian"`` or ``"lorentzian"``.

    Raises
    ------
    ArgumentError
        The shape is another, or a value is negative or not finite.
    """
    when, wide = non_negative("time", time, unit="s"), float(non_negative("width", width, unit="rad/s"))
    if shape == "gaussian":
        return np.asarray(np.exp(-0.5 * (wide * when) ** 2))
    if shape == "lorentzian":
        return np.asarray(np.exp(-wide * when))
    raise ArgumentError(f"shape: wanted 'gaussian' or 'lorentzian', got {shape!r}")


def pulse_fractions(count: int) -> FloatArray:
    """Return when the N equally spaced π pulses of an echo train come, as fractions of its time.

    ``t_k = T (k − ½)/N``: none is a free precession, one an echo, more are a Carr–Purcell train.

    Parameters
    ----------
    count
        N ≥ 0.

    Raises
    ------
    ArgumentError
        It is negative.
    """
    if count < 0:
        raise ArgumentError(f"count: wanted a number of pulses ≥ 0, got {count!r}")
    return (np.arange(count) + 0.5) / max(count, 1)


def bath_dephasing(
    *, time: ArrayLike, fractions: ArrayLike, amplitude: float, correlation_time: float
) -> FloatArray:
    """Return χ of an Ornstein–Uhlenbeck bath, exact for any π pulses without length.

    With the sections of length T_k between pulses, ``χ = b²τ_c² [Σ_k (T_k/τ_c − 1 + e_k) + Σ_{j<k} (−1)^{k−j}
    (1 − e_j)(1 − e_k) exp(−gap_jk/τ_c)]``, ``e_k = exp(−T_k/τ_c)``. Without pulses that is ``b²τ_c² (T/τ_c −
    1 + e^{−T/τ_c})``, with one ``b²τ_c² (T/τ_c − 3 + 4 e^{−T/2τ_c} − e^{−T/τ_c})``.

    Parameters
    ----------
    time
        T, s; any shape.
    fractions
        t_k/T, increasing, between 0 and 1; shape (N,). See `pulse_fractions`.
    amplitude
        b, rad/s.
    correlation_time
        τ_c, s.

    Returns
    -------
    FloatArray
        χ, of the shape of ``time``.

    Raises
    ------
    ArgumentError
        Fractions do not increase or leave 0 to 1, or a value is negative or not finite.
    """
    when = non_negative("time", time, unit="s")
    size = float(non_negative("amplitude", amplitude, unit="rad/s"))
    memory = float(positive("correlation_time", correlation_time, unit="s"))
    edges = _edges(fractions)
    lengths = np.diff(edges) * when[..., None] / memory
    lost = -np.expm1(-lengths)
    # x − 1 + e^{−x} loses all digits for small x, where its series is short.
    small = lengths < 1e-2
    series = lengths**2 * (0.5 - lengths * (1 / 6 - lengths * (1 / 24 - lengths / 120)))
    total = np.where(small, series, lengths - lost).sum(axis=-1)
    carried = np.zeros_like(when)  # Σ_{j<k} (−1)^{k−j} (1 − e_j) exp(−gap_jk)
    for k in range(1, lengths.shape[-1]):
        carried = -(carried * np.exp(-lengths[..., k - 1]) + lost[..., k - 1])
        total = total + lost[..., k] * carried
    return np.asarray((size * memory) ** 2 * np.maximum(total, 0.0))


def filter_function(*, frequency: ArrayLike, time: float, fractions: ArrayLike) -> FloatArray:
    """Return F(ωT) of π pulses without length: |ω ∫ f(t) e^{iωt} dt|².

    ``F = |1 + (−1)^{N+1} e^{iωT} + 2 Σ_k (−1)^k e^{iωt_k}|²`` (half of it is that of Cywiński *et al.*).

    Parameters
    ----------
    frequency
        ω, rad/s; any shape.
    time
        T, s.
    fractions
        t_k/T, increasing, between 0 and 1; shape (N,).

    Raises
    ------
    ArgumentError
        Fractions do not increase or leave 0 to 1, or a value is not finite.
    """
    omega = finite("frequency", frequency, unit="rad/s")
    return np.asarray(np.abs(_transform(omega, time, fractions)) ** 2)


def precession_dephasing(
    *, time: ArrayLike, fractions: ArrayLike, amplitude: float, frequency: float
) -> FloatArray:
    """Return χ of nuclei that precess, a field of random size and phase at one frequency.

    ``C = b² cos(ωt)`` gives ``χ = ½ b² F(ωT)/ω²``. In an echo, where F = 16 sin⁴(ωT/4), what was lost comes
    back whenever each half is a whole number of periods: the revivals of ¹³C (L. Childress *et al.*, Science
    314, 281 (2006)), of which this is the classical form, for a field along the axis of the centre.

    Parameters
    ----------
    time
        T, s; any shape.
    fractions
        t_k/T, increasing, between 0 and 1; shape (N,).
    amplitude
        b, standard deviation of the nuclei's field, rad/s.
    frequency
        ω, their Larmor frequency, rad/s: 2π·10.708 MHz/T of ¹³C times the field.

    Returns
    -------
    FloatArray
        χ, of the shape of ``time``.

    Raises
    ------
    ArgumentError
        The frequency is not above zero, or another value is negative or not finite.
    """
    when = non_negative("time", time, unit="s")
    omega = float(positive("frequency", frequency, unit="rad/s"))
    size = float(non_negative("amplitude", amplitude, unit="rad/s"))
    moved = np.abs(_transform(np.full(when.shape, omega), when, fractions)) ** 2
    return np.asarray(0.5 * (size / omega) ** 2 * moved)


def _transform(omega: FloatArray, time: ArrayLike, fractions: ArrayLike) -> NDArray[np.complex128]:
    """Return −iω ∫ f(t) e^{iωt} dt up to its sign."""
    edges = _edges(fractions)
    turned = np.exp(1j * (omega * np.asarray(time))[..., None] * edges)
    signs = (-1.0) ** np.arange(edges.size - 1)
    return np.asarray((np.diff(turned, axis=-1) * signs).sum(axis=-1))


def _edges(fractions: ArrayLike) -> FloatArray:
    found = np.atleast_1d(finite("fractions", fractions))
    edges = np.concatenate(([0.0], found, [1.0]))
    if found.ndim != 1 or np.any(np.diff(edges) < 0):
        raise ArgumentError(
            f"fractions: wanted times of pulses that increase from 0 to 1, shape (N,), got {found!r}"
        )
    return edges
