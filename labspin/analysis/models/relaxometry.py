"""Relaxometry of spin-1 centres: both rates from two decays, and the distance from both rates.

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

``film_relaxation`` compares Γ₋ + iΓ₊ against the field with what the spin waves of a film do
(`labspin.physics.spinwaves.spin_wave_bath`), beside what the centre relaxes by itself, which at ω∓ is D/ω∓
times that at zero field. The rates are tabulated in the logarithm of the distance, once for the fields of a
fit, and the error of the table is bounded. Curves for the eye, at many fields, are computed at some of them
and interpolated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

from labspin.analysis.model import FitModel, FloatArray, Parameter
from labspin.errors import FitError, RecipeError

__all__ = ["THREE_LEVEL_RELAXATION", "film_relaxation", "film_table"]


def _three_levels(
    t: Any,
    lower_rate: Any,
    upper_rate: Any,
    lower_amplitude: Any,
    upper_amplitude: Any,
    lower_baseline: Any,
    upper_baseline: Any,
    double_quantum_rate: Any,
    pumping_time: Any = 0.0,
    guard: Any = 0.0,
) -> Any:
    """Return a₋u + b₋ + i (a₊v + b₊) at times t after the guard, with u = v = 1 at t = 0."""
    rates = (lower_rate, upper_rate, double_quantum_rate)
    pumped = (1 / (1 + pumping_time * lower_rate), 1 / (1 + pumping_time * upper_rate))
    begin = _relaxed(guard, rates, *pumped)
    lower, upper = _relaxed(t, rates, *begin)
    lower, upper = lower_amplitude * lower / begin[0], upper_amplitude * upper / begin[1]
    return lower + lower_baseline + 1j * (upper + upper_baseline)


def _relaxed(t: Any, rates: tuple[Any, Any, Any], u: Any, v: Any) -> tuple[Any, Any]:
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


def _guess_three_levels(x: FloatArray, y: Any, weights: Any) -> Mapping[str, Any]:
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
    }


def _three_level_doubts(outcome: Any) -> Sequence[str]:
    """Say where a rate is faster than the first dark time, or slower than the last."""
    rates = {p.name: p.value for p in outcome.parameters if p.name.endswith("_rate")}
    fast = 2 * max(rates["lower_rate"], rates["upper_rate"])
    if fast * float(np.min(outcome.x)) > 1:
        return [
            f"the shortest dark time, {np.min(outcome.x):.3g} s, is longer than the faster relaxation, "
            f"{1 / fast:.3g} s; take shorter dark times, or do not trust the rates"
        ]
    return []


THREE_LEVEL_RELAXATION = FitModel(
    name="three_level_relaxation",
    equation=(
        "y = a₋ u/u₀ + b₋ + i (a₊ v/v₀ + b₊), u' = −(2Γ₋ + γ) u − (Γ₊ − γ) v, "
        "v' = −(Γ₋ − γ) u − (2Γ₊ + γ) v, u ∝ 1/(1 + τΓ₋), v ∝ 1/(1 + τΓ₊) at x = −guard"
    ),
    source="rate equations of a spin 1; T. van der Sar et al., Nat. Commun. 6, 7886 (2015)",
    parameters=(
        Parameter("lower_rate", "1/x", "Γ₋ of |0> <-> |->, each way", minimum=0),
        Parameter("upper_rate", "1/x", "Γ₊ of |0> <-> |+>, each way", minimum=0),
        Parameter("lower_amplitude", "y", "difference by the π pulse on |0> <-> |->, at once"),
        Parameter("upper_amplitude", "y", "difference by the π pulse on |0> <-> |+>, at once"),
        Parameter("lower_baseline", "y", "what is left of the former in the end", value=0.0),
        Parameter("upper_baseline", "y", "what is left of the latter in the end", value=0.0),
        Parameter("double_quantum_rate", "1/x", "γ of |-> <-> |+>, each way", minimum=0, value=0.0),
        Parameter("pumping_time", "x", "τ in which light pumps; 0: at once", minimum=0, value=0.0),
        Parameter("guard", "x", "from the end of the light to x = 0", minimum=0, value=0.0),
    ),
    function=_three_levels,
    guesser=_guess_three_levels,
    is_complex=True,
    doubts=_three_level_doubts,
)
"""Both rates of a spin 1 from two differences."""

_FILMS = {"yig_figures": "YIG_FIGURES", "yig_table1": "YIG_TABLE1"}
_TABLE_ERROR = 1e-4
_FIRST_NODES, _MOST_NODES = 17, 257
_RTOL = 1e-5
_DRAWN, _KNOTS = 64, 81
"""Fields from which a curve is meant to be drawn, and at how many of them it is computed."""


def film_table(
    *, film: Any, spin: Any, field: FloatArray, temperature: float, near: float, far: float, transitions: str
) -> tuple[FloatArray, float]:
    """Return Chebyshev coefficients of ln Γ∓ in ln l from ``near`` to ``far``, and the bound of their error.

    Parameters
    ----------
    film, spin, field, temperature, transitions
        As `spin_wave_bath`; fields in T, shape (n,).
    near, far
        The distances between which the table holds, m.

    Returns
    -------
    coefficients
        Shape (nodes, 2, n): of Γ₋ and Γ₊ due to spin waves, 1/s.
    error
        Greatest relative error of a rate, found at the distances between the nodes.

    Raises
    ------
    FitError
        The rates are no smooth function of the distance: more than 257 nodes would be needed.
    """
    from labspin.physics.spinwaves import spin_wave_bath

    def logarithms(places: FloatArray) -> FloatArray:
        lengths = np.exp(0.5 * (math.log(far) + math.log(near)) + 0.5 * math.log(far / near) * places)
        bath = spin_wave_bath(
            film=film,
            spin=spin,
            distance=lengths[:, None],
            field=field,
            temperature=temperature,
            rtol=_RTOL,
            transitions=transitions,
            counter_rotating=False,
        )
        rates = [
            (bath.decay_minus + bath.absorption_minus) / 2,
            (bath.decay_plus + bath.absorption_plus) / 2,
        ]
        return np.log(np.maximum(np.stack(rates, axis=1), 1e-300))

    count = _FIRST_NODES
    places = np.cos(np.pi * np.arange(count) / (count - 1))
    values = logarithms(places)
    while True:
        coefficients = chebyshev.chebfit(places, values.reshape(count, -1), count - 1)
        between = np.cos(np.pi * (np.arange(count - 1) + 0.5) / (count - 1))
        found = logarithms(between)
        error = float(np.abs(chebyshev.chebval(between, coefficients).T - found.reshape(count - 1, -1)).max())
        if error <= _TABLE_ERROR:
            return np.asarray(coefficients, np.float64).reshape(count, 2, -1), error
        if 2 * count - 1 > _MOST_NODES:
            raise FitError(
                f"model film_relaxation: the rates from {near:g} m to {far:g} m are not smooth enough for a "
                f"table of {count} distances (error {error:.1g}); narrow the range by near and far"
            )
        merged = np.empty((2 * count - 1, *values.shape[1:]))
        merged[0::2], merged[1::2] = values, found
        values, count = merged, 2 * count - 1
        places = np.cos(np.pi * np.arange(count) / (count - 1))


def film_relaxation(
    *,
    film: str = "yig_figures",
    thickness: float | None = None,
    magnetisation: float | None = None,
    damping: float | None = None,
    temperature: float = 300.0,
    near: float = 30e-9,
    far: float = 1.2e-6,
    transitions: str = "both",
    logarithmic: bool = False,
) -> FitModel:
    """Return the model of Γ₋ + iΓ₊ (1/s) against the field (T) of a centre at a distance from a film.

    Parameters
    ----------
    film
        ``"yig_figures"`` or ``"yig_table1"``: material and thickness unless said otherwise.
    thickness, magnetisation, damping
        Of the film, m, A/m and 1, in place of those of ``film``.
    temperature
        K.
    near, far
        Distances between which a fit may look, m.
    transitions
        ``"both"``, or ``"lower"`` as in [SW]: Γ₊ is then the intrinsic rate alone.
    logarithmic
        Whether y is ln Γ₋ + i ln Γ₊ (Γ in 1/s). The error of a fitted rate grows with the rate, so that rates
        which came out low weigh too much; of its logarithm it does not.

    Raises
    ------
    RecipeError
        An option is out of range.
    """
    options = {"film": film, "temperature": temperature, "near": near, "far": far, "transitions": transitions}
    options |= {"logarithmic": True} if logarithmic else {}
    given = {"thickness": thickness, "magnetisation": magnetisation, "gilbert_damping": damping}
    changed = tuple(sorted((name, float(value)) for name, value in given.items() if value is not None))
    if film not in _FILMS:
        raise RecipeError(f"model film_relaxation: film: wanted one of {', '.join(_FILMS)}, got {film!r}")
    if not 0 < near < far:
        raise RecipeError(f"model film_relaxation: wanted 0 < near < far, got {near!r} and {far!r}")

    def rates(x: Any, distance: Any, T1: Any, scale: Any) -> Any:
        if np.ndim(x) == 2:  # each trace has fields of its own
            rows = zip(
                np.asarray(x), *(np.broadcast_to(v, (len(x), 1)) for v in (distance, T1, scale)), strict=True
            )
            return np.stack([rates(points, *(float(v[0]) for v in values)) for points, *values in rows])
        field = np.ascontiguousarray(x, dtype=np.float64)
        own = _own_rates(field, temperature) / np.asarray(T1)[..., None]
        factor = np.asarray(scale)[..., None]
        if field.size > _DRAWN and np.size(distance) == 1:
            drawn = _drawn(film, changed, temperature, transitions, field, float(np.squeeze(distance)))
            both = np.asarray(factor * drawn + own)
            return both[..., 0, :] + 1j * both[..., 1, :]
        table = _table(film, changed, temperature, near, far, transitions, field.tobytes())
        place = 2 * np.log(np.asarray(distance) / near) / math.log(far / near) - 1
        logs = chebyshev.chebval(np.clip(place, -1.0, 1.0).ravel(), table)  # (2, n, places)
        both = factor * np.exp(np.moveaxis(logs, -1, 0)).reshape(*np.shape(place)[:-1], 2, field.size) + own
        return both[..., 0, :] + 1j * both[..., 1, :]

    def logarithms(x: Any, distance: Any, T1: Any, scale: Any) -> Any:
        both = rates(x, distance, T1, scale)
        return np.log(both.real) + 1j * np.log(both.imag)

    def guess(x: FloatArray, y: Any, weights: Any) -> Mapping[str, float]:
        data = np.exp(y.real) + 1j * np.exp(y.imag) if logarithmic else y
        return _guess_distance(rates, x, data, weights, near, far)

    return FitModel(
        name="film_relaxation",
        equation="y = Γ₋(B, distance) + i Γ₊(B, distance) + (D/ω₋ + i D/ω₊)/(3 T1), Γ∓ of thermal spin waves",
        source="Gonzalez-Ballestero et al. (223), with both transitions: spin_wave_bath",
        parameters=(
            Parameter("distance", "m", "of the centre from the film", minimum=near, maximum=far),
            Parameter("T1", "s", "of the centre far from the film", minimum=0),
            Parameter("scale", "1", "of the rates by spin waves", minimum=0, value=1.0),
        ),
        function=logarithms if logarithmic else rates,
        guesser=guess,
        is_complex=True,
        doubts=lambda outcome: _film_doubts(outcome, near, far),
        options={**options, **dict(changed)},
    )


@lru_cache(maxsize=8)
def _table(
    film: str,
    changed: tuple[tuple[str, float], ...],
    temperature: float,
    near: float,
    far: float,
    transitions: str,
    fields: bytes,
) -> FloatArray:
    from labspin.physics import spinwaves

    coefficients, _ = film_table(
        film=_material(film, changed),
        spin=spinwaves.NV_TABLE1,
        field=np.frombuffer(fields),
        temperature=temperature,
        near=near,
        far=far,
        transitions=transitions,
    )
    return coefficients


def _own_rates(field: FloatArray, temperature: float) -> FloatArray:
    """Return T1 times the rates of a centre alone, each way, over both transitions, shape (2, n)."""
    from labspin.physics.spinwaves import NV_TABLE1, thermal_rates

    alone = thermal_rates(spin=NV_TABLE1, field=field, temperature=temperature)
    numbers = np.stack([alone.occupation_minus, alone.occupation_plus]) + 0.5
    return np.asarray(alone.kappa_1 * NV_TABLE1.occupation_lifetime * numbers)


def _material(film: str, changed: tuple[tuple[str, float], ...]) -> Any:
    from labspin.physics import spinwaves

    return replace(getattr(spinwaves, _FILMS[film]), **dict(changed))


def _drawn(
    film: str,
    changed: tuple[tuple[str, float], ...],
    temperature: float,
    transitions: str,
    field: FloatArray,
    distance: float,
) -> FloatArray:
    """Return both rates at many fields for the eye, shape (2, n): computed at some, interpolated between."""
    from labspin.physics.spinwaves import NV_TABLE1, spin_wave_bath

    knots = np.linspace(field.min(), field.max(), _KNOTS)
    bath = spin_wave_bath(
        film=_material(film, changed), spin=NV_TABLE1, distance=distance, field=knots,
        temperature=temperature, rtol=1e-3, transitions=transitions, counter_rotating=False,
    )  # fmt: skip
    rates = (bath.decay_minus + bath.absorption_minus, bath.decay_plus + bath.absorption_plus)
    return np.stack([np.exp(np.interp(field, knots, np.log(np.maximum(r / 2, 1e-300)))) for r in rates])


def _guess_distance(
    rates: Any, x: FloatArray, y: Any, weights: Any, near: float, far: float
) -> Mapping[str, float]:
    """Return the distance and T1 of a grid that come nearest in the logarithm of the rates."""
    T1 = 1 / (3 * max(float(min(np.min(y.real), np.min(y.imag))), 1e-3))
    best = (math.inf, near, T1)
    for distance in np.geomspace(near, far, 60)[1:-1]:
        for lifetime in T1 * np.geomspace(0.5, 4.0, 7):
            found = rates(x, distance, lifetime, 1.0)
            logs = [np.log(np.maximum(part, 1e-9)) for part in (found.real, found.imag, y.real, y.imag)]
            cost = float(((logs[0] - logs[2]) ** 2 + (logs[1] - logs[3]) ** 2).sum())
            if cost < best[0]:
                best = (cost, float(distance), float(lifetime))
    return {"distance": best[1], "T1": best[2], "scale": 1.0}


def _film_doubts(outcome: Any, near: float, far: float) -> Sequence[str]:
    """Say where the distance is at the edge of the table, or the data do not tell it."""
    found = next(p for p in outcome.parameters if p.name == "distance")
    doubts = []
    if not near * 1.001 < found.value < far / 1.001:
        doubts.append(
            f"the distance is at the edge of the table, {near:g} m to {far:g} m; change near and far"
        )
    if not found.fixed and not found.stderr < 0.3 * found.value:
        doubts.append(
            "the distance is not determined: none of the fields has a rate that depends on it; measure where "
            "the film resonates with one of the lines"
        )
    return doubts
