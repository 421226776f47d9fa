"""Relaxometry of spin-1 centres: both rates from two decays.

A centre relaxes over |0> ↔ |−> at Γ₋, over |0> ↔ |+> at Γ₊, and over |−> ↔ |+> at γ. At temperatures where up
and down are alike (ħω ≪ k_BT) the two differences u = ρ_0 − ρ_− and v = ρ_0 − ρ_+ of a centre that was pumped
into |0> obey

    du/dt = −(2Γ₋ + γ) u − (Γ₊ − γ) v,      dv/dt = −(Γ₋ − γ) u − (2Γ₊ + γ) v.

Reading out with and without a π pulse on one line gives u, on the other v (T. van der Sar *et al.*, Nat.
Commun. 6, 7886 (2015)). Both are fitted at once, as the parts of a complex y = a₋u + i a₊v: each decay alone
is a mixture of two exponentials, and one exponential in its place is biased.

Light that pumps |∓> into |0> at 1/τ leaves u ∝ 1/(1 + τΓ₋), v ∝ 1/(1 + τΓ₊), and both relax already in the
guard after it. τ = 0 is perfect pumping, u = v. Where one rate is not slow against 1/τ, leaving τ out puts
the slower rate 5 to 80 % too low (at 140 nm and 12 mT of the simulated bench, 51 %).

Centres of a layer have rates of their own, and their mean decays as a stretched exponential does. ``spread``
is the standard deviation of ln Γ over them, the same for both rates; Γ₋ and Γ₊ are then those of the median
centre. Where the film says how rates go with the depth, `film_layer_relaxation` knows more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from labspin.analysis.model import FitModel, FloatArray, Numbers, Parameter, Value
from labspin.arrays import ComplexArray

if TYPE_CHECKING:
    from labspin.analysis.outcome import FitOutcome

__all__ = ["READOUT", "THREE_LEVEL_RELAXATION", "mean_differences"]

_NODES, _WEIGHTS = np.polynomial.hermite.hermgauss(9)
_SPOTS, _SHARES = math.sqrt(2) * _NODES, _WEIGHTS / math.sqrt(math.pi)
"""Of a normal distribution."""


def _three_levels(
    t: Value,
    lower_rate: Value,
    upper_rate: Value,
    lower_amplitude: Value,
    upper_amplitude: Value,
    lower_baseline: Value,
    upper_baseline: Value,
    double_quantum_rate: Value,
    pumping_time: Value = 0.0,
    guard: Value = 0.0,
    spread: Value = 0.0,
) -> ComplexArray:
    """Return a₋u + b₋ + i (a₊v + b₊) at times t after the guard, with u = v = 1 at t = 0."""
    timing = (double_quantum_rate, pumping_time, guard)
    places = zip(_SPOTS, _SHARES, strict=True) if np.any(spread) else [(0.0, 1.0)]
    # centres of one layer: their rates over both transitions go up and down together
    kinds = [(np.exp(spread * spot) if np.any(spread) else 1.0, share) for spot, share in places]
    u, v = mean_differences(t, [(f * lower_rate, f * upper_rate, share) for f, share in kinds], *timing)
    lower, upper = lower_amplitude * u, upper_amplitude * v
    return np.asarray(lower + lower_baseline + 1j * (upper + upper_baseline), np.complex128)


def mean_differences(
    t: Value,
    kinds: Sequence[tuple[Value, Value, Value]],
    double_quantum_rate: Value,
    pumping_time: Value,
    guard: Value,
) -> tuple[Value, Value]:
    """Return u and v of centres of several kinds together, each over its value at t = 0.

    Parameters
    ----------
    t
        Time after the guard.
    kinds
        Γ₋, Γ₊ and the share of each kind.
    double_quantum_rate, pumping_time, guard
        As in `THREE_LEVEL_RELAXATION`.
    """
    first: list[Value] = [0.0, 0.0]
    later: list[Value] = [0.0, 0.0]
    for lower_rate, upper_rate, share in kinds:
        rates = (lower_rate, upper_rate, double_quantum_rate)
        pumped = (1 / (1 + pumping_time * lower_rate), 1 / (1 + pumping_time * upper_rate))
        begin = _relaxed(guard, rates, *pumped)
        end = _relaxed(t, rates, *begin)
        for at in (0, 1):
            first[at], later[at] = first[at] + share * begin[at], later[at] + share * end[at]
    return later[0] / first[0], later[1] / first[1]


def _relaxed(
    t: Value, rates: tuple[Value, Value, Value], u: Value, v: Value
) -> tuple[FloatArray, FloatArray]:
    """Return u and v a time t later, under Γ₋, Γ₊ and γ."""
    lower_rate, upper_rate, double_quantum_rate = rates
    a, b = 2 * lower_rate + double_quantum_rate, upper_rate - double_quantum_rate
    c, d = lower_rate - double_quantum_rate, 2 * upper_rate + double_quantum_rate
    mean, half = (a + d) / 2, np.sqrt(np.maximum((a - d) ** 2 / 4 + b * c, 0.0))
    # exp(−Mt)(u, v) by the two eigenvalues mean ± half: e^{−mean t} [cosh − (M − mean) sinh/half]
    slow = np.exp(-(mean - half) * t)
    fast = np.exp(-(mean + half) * t)
    even = (slow + fast) / 2
    odd = np.where(half * t > 1e-8, (slow - fast) / (2 * np.where(half > 0, half, 1.0)), t * slow)
    return even * u - odd * ((a - mean) * u + b * v), even * v - odd * (c * u + (d - mean) * v)


def _guess_three_levels(x: FloatArray, y: Numbers, weights: FloatArray | None) -> Mapping[str, Value]:
    """Return starts from the best pair of rates on a grid, the amplitudes being linear."""
    order = np.argsort(x)
    t, both = x[order], y[order]
    rates = np.geomspace(0.05 / max(t[-1], 1e-300), 2.0 / max(t[0], 1e-300), 25)
    best: tuple[float, float, float, float, float] = (math.inf, rates[0], rates[0], 1.0, 1.0)
    for lower in rates:
        shapes = _three_levels(t, lower, rates[:, None], 1.0, 1.0, 0.0, 0.0, 0.0)
        scores, amplitudes = [], []
        for shape, data in ((shapes.real, both.real), (shapes.imag, both.imag)):
            norm = (shape**2).sum(axis=1)
            amplitude = (shape @ data) / np.where(norm > 0, norm, 1.0)
            scores.append(((data - amplitude[:, None] * shape) ** 2).sum(axis=1))
            amplitudes.append(amplitude)
        total = scores[0] + scores[1]
        at = int(np.argmin(total))
        if total[at] < best[0]:
            best = (float(total[at]), lower, rates[at], float(amplitudes[0][at]), float(amplitudes[1][at]))
    return {
        "lower_rate": best[1],
        "upper_rate": best[2],
        "lower_amplitude": best[3],
        "upper_amplitude": best[4],
        "lower_baseline": 0.0,
        "upper_baseline": 0.0,
        "double_quantum_rate": 0.0,
        "pumping_time": 0.0,
        "guard": 0.0,
        "spread": 0.0,
    }


def _three_level_doubts(outcome: FitOutcome) -> Sequence[str]:
    """Say where a rate is faster than the first dark time, and where one π pulse does less than the other."""
    found = {p.name: p for p in outcome.parameters}
    fast = 2 * max(found["lower_rate"].value, found["upper_rate"].value)
    doubts = []
    if fast * float(np.min(outcome.x)) > 1:
        doubts.append(
            f"the shortest dark time, {np.min(outcome.x):.3g} s, is longer than the faster relaxation, "
            f"{1 / fast:.3g} s; take shorter dark times, or do not trust the rates"
        )
    lower, upper, error = _exchanged(outcome)
    weaker, stronger = sorted((("lower", lower), ("upper", upper)), key=lambda pair: abs(pair[1]))
    part = abs(weaker[1] / stronger[1]) if stronger[1] else 1.0
    if part < _UNEQUAL and (1 - part) > _SURE * error:
        doubts.append(
            f"the π pulse on the {weaker[0]} line does {100 * part:.0f} % of what the other does: it is too "
            "short or too long, or its frequency is off the line (a field off the axis, a warm diamond); "
            "measure the lines (odmr) and the π pulses again"
        )
    return doubts


_UNEQUAL, _SURE = 0.8, 3.0
"""What one π pulse does of the other from which it is told, if the difference is so many standard errors."""


def _exchanged(outcome: FitOutcome) -> tuple[float, float, float]:
    """Return the amplitudes of both lines at perfect polarisation, and the relative error of their ratio."""
    found = {p.name: p for p in outcome.parameters}
    rates = [found[f"{line}_rate"].value for line in ("lower", "upper")]
    tau, guard = found["pumping_time"].value, found["guard"].value
    pumped = [1 / (1 + tau * rate) for rate in rates]
    begun = _relaxed(guard, (rates[0], rates[1], found["double_quantum_rate"].value), *pumped)
    sizes = [found[f"{line}_amplitude"] for line in ("lower", "upper")]
    error = math.hypot(*(p.stderr / p.value if p.value else math.inf for p in sizes))
    lower, upper = (p.value / float(start) for p, start in zip(sizes, begun, strict=True))
    return lower, upper, error


READOUT = (
    Parameter("lower_amplitude", "y", "difference by the π pulse on |0> <-> |->, at once"),
    Parameter("upper_amplitude", "y", "difference by the π pulse on |0> <-> |+>, at once"),
    Parameter("lower_baseline", "y", "what is left of the former in the end", value=0.0),
    Parameter("upper_baseline", "y", "what is left of the latter in the end", value=0.0),
    Parameter("double_quantum_rate", "1/x", "γ of |-> <-> |+>, each way", minimum=0, value=0.0),
    Parameter("pumping_time", "x", "τ in which light pumps; 0: at once", minimum=0, value=0.0),
    Parameter("guard", "x", "from the end of the light to x = 0", minimum=0, value=0.0),
)
"""Parameters of every model of both differences, beside the rates."""

THREE_LEVEL_RELAXATION = FitModel(
    name="three_level_relaxation",
    equation=(
        "y = a₋ u/u₀ + b₋ + i (a₊ v/v₀ + b₊), u' = −(2Γ₋ + γ) u − (Γ₊ − γ) v, "
        "v' = −(Γ₋ − γ) u − (2Γ₊ + γ) v, u ∝ 1/(1 + τΓ₋), v ∝ 1/(1 + τΓ₊) at x = −guard, "
        "averaged over ln Γ∓ of standard deviation spread"
    ),
    source="rate equations of a spin 1; T. van der Sar et al., Nat. Commun. 6, 7886 (2015)",
    parameters=(
        Parameter("lower_rate", "1/x", "Γ₋ of |0> <-> |->, each way", minimum=0),
        Parameter("upper_rate", "1/x", "Γ₊ of |0> <-> |+>, each way", minimum=0),
        *READOUT,
        Parameter("spread", "1", "σ of ln Γ over the centres; 0: all alike", minimum=0, maximum=4, value=0.0),
    ),
    function=_three_levels,
    guesser=_guess_three_levels,
    is_complex=True,
    doubts=_three_level_doubts,
)
"""Both rates of a spin 1 from two differences."""
