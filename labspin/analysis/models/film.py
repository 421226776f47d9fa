"""What a centre near a film shows: relaxation rates, the shift of a line, the shift of a cantilever.

``film_relaxation`` compares Γ₋ + iΓ₊ against the field with what the spin waves of a film do
(`labspin.physics.spinwaves.spin_wave_bath`), beside what the centre relaxes by itself, which at ω∓ is D/ω∓
times that at zero field. ``spin_wave_shift`` is the shift of |0> ↔ |−> against the field,
``spin_wave_force`` that of a cantilever with centres at its tip against the position, Δf = N f κ/2k with the
stiffness κ = −dF/dl that one centre adds. The distance may be shared by all three (``[joint]``).

Spin waves are tabulated in the logarithm of the distance, once for the fields of a fit. Curves for the eye,
at many fields, are computed at some of them and interpolated. Numbers of the film are held unless they are
freed (``magnetisation_change`` is relative). They are hardly told apart from the distance, so they want a
prior of a few per cent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from labspin.analysis.model import FitModel, FloatArray, Parameter
from labspin.analysis.models.film_tables import CHANGES, FilmPlace, bath_of, film_place, table_values
from labspin.errors import RecipeError

__all__ = ["film_relaxation", "spin_wave_force", "spin_wave_shift"]

_DRAWN, _KNOTS = 64, 81
"""Fields from which a curve is meant to be drawn, and at how many of them it is computed."""
_KEPT = 32
_curves: dict[Any, tuple[FloatArray, FloatArray]] = {}
"""Curves drawn last: a grid that is refined asks for the same curve again."""


def _changes() -> tuple[Parameter, ...]:
    return tuple(
        Parameter(name, "1", f"relative, of the {of.replace('_', ' ')}", minimum=-0.1, maximum=0.1, value=0.0)
        for name, of in CHANGES.items()
    )


def _distance(place: FilmPlace) -> Parameter:
    return Parameter("distance", "m", "of the centre from the film", minimum=place.near, maximum=place.far)


def _options(place: FilmPlace, **more: Any) -> dict[str, Any]:
    """Return the options of a model as a recipe would write them."""
    told = {
        "film": place.film, "temperature": place.temperature, "near": place.near, "far": place.far,
        "transitions": place.transitions,
    }  # fmt: skip
    names = {"gilbert_damping": "damping", "exchange_stiffness": "exchange"}
    return told | {names.get(name, name): value for name, value in place.changed} | more


Function = Callable[..., Any]


def _trace_by_trace(function: Function) -> Function:
    """Return a model function that takes x of shape (m, n) as well, a row a trace."""

    def call(x: Any, *values: Any) -> Any:
        if np.ndim(x) < 2:
            return function(np.ascontiguousarray(x, dtype=np.float64), *values)
        rows = [np.broadcast_to(value, (len(x), 1)) for value in values]
        return np.stack(
            [call(points, *(float(row[k, 0]) for row in rows)) for k, points in enumerate(np.asarray(x))]
        )

    return call


def film_relaxation(
    *,
    film: str = "yig_figures",
    thickness: float | None = None,
    magnetisation: float | None = None,
    damping: float | None = None,
    exchange: float | None = None,
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
    thickness, magnetisation, damping, exchange
        Of the film, m, A/m, 1 and m² (α_x), in place of those of ``film``.
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
    numbers = {"thickness": thickness, "magnetisation": magnetisation, "gilbert_damping": damping,
               "exchange_stiffness": exchange}  # fmt: skip
    place = film_place(
        "film_relaxation", film=film, numbers=numbers, temperature=temperature, near=near, far=far,
        transitions=transitions,
    )  # fmt: skip
    rates = _trace_by_trace(lambda field, *values: _both_rates(place, field, *values))
    logs = _trace_by_trace(lambda field, *values: _logarithms(_both_rates(place, field, *values)))
    return FitModel(
        name="film_relaxation",
        equation="y = Γ₋(B, distance) + i Γ₊(B, distance) + (D/ω₋ + i D/ω₊)/(3 T1), Γ∓ of thermal spin waves",
        source="Gonzalez-Ballestero et al. (223), with both transitions: spin_wave_bath",
        parameters=(
            _distance(place),
            Parameter("T1", "s", "of the centre far from the film", minimum=0),
            Parameter("scale", "1", "of the rates by spin waves", minimum=0, value=1.0),
            *_changes(),
        ),
        function=logs if logarithmic else rates,
        guesser=lambda x, y, weights: _guess_distance(
            x, np.exp(y.real) + 1j * np.exp(y.imag) if logarithmic else y, place
        ),
        is_complex=True,
        doubts=lambda outcome: _film_doubts(outcome, place),
        options=_options(place, **({"logarithmic": True} if logarithmic else {})),
    )


def _both_rates(
    place: FilmPlace, field: FloatArray, distance: Any, T1: Any, scale: Any, *changes: Any
) -> Any:
    """Return Γ₋ + iΓ₊ at fields (n,) for values that broadcast against them."""
    own = _own_rates(field, place.temperature) / np.asarray(T1)[..., None]
    if field.size > _DRAWN and np.size(distance) == 1:
        film = np.exp(_drawn(_log_rates_at, place, field, float(np.squeeze(distance)), changes))
    else:
        spread = [np.asarray(value, np.float64).ravel() for value in np.broadcast_arrays(distance, *changes)]
        shape = np.broadcast_shapes(np.shape(distance), *map(np.shape, changes))
        logs = table_values(
            "rates", place, field, spread[0], changes=dict(zip(CHANGES, spread[1:], strict=False))
        )  # (2, n, places)
        film = np.exp(np.moveaxis(logs, -1, 0)).reshape(*shape[:-1], 2, field.size)
    both = np.asarray(scale)[..., None] * film + own
    return both[..., 0, :] + 1j * both[..., 1, :]


def _logarithms(rates: Any) -> Any:
    return np.log(rates.real) + 1j * np.log(rates.imag)


def _log_rates_at(place: FilmPlace, distance: float, fields: FloatArray) -> FloatArray:
    bath = bath_of(place, distance, fields, rtol=1e-3)
    rates = (bath.decay_minus + bath.absorption_minus, bath.decay_plus + bath.absorption_plus)
    return np.log(np.maximum(np.stack(rates) / 2, 1e-300))


def _shift_at(place: FilmPlace, distance: float, fields: FloatArray) -> FloatArray:
    bath = bath_of(place, distance, fields, rtol=1e-3, shifts=True)
    return np.asarray(bath.shift_minus[None] / (2 * math.pi))


def _pair_at(place: FilmPlace, distance: float, fields: FloatArray) -> FloatArray:
    bath = bath_of(place, distance, fields, rtol=1e-3, shifts=True)
    return np.asarray((bath.shift_minus + bath.shift_plus)[None] / (2 * math.pi))


def _drawn(
    function: Callable[[FilmPlace, float, FloatArray], FloatArray],
    place: FilmPlace,
    field: FloatArray,
    distance: float,
    changes: Sequence[Any],
) -> FloatArray:
    """Return values at many fields for the eye, shape (k, n): computed at some, interpolated between."""
    for name, relative in zip(CHANGES, changes, strict=False):
        if float(np.squeeze(relative)) != 0:
            place = place.with_change(CHANGES[name], float(np.squeeze(relative)))
    key = (function, place, distance)
    knots, values = _curves.get(key, (np.zeros(2), np.zeros((1, 2))))
    low, high = field.min(), field.max()
    if not (knots[0] <= low and high <= knots[-1] <= low + 2 * (high - low)):
        knots = np.linspace(low, high, _KNOTS)
        values = function(place, distance, knots)
        _curves[key] = knots, values
        while len(_curves) > _KEPT:
            _curves.pop(next(iter(_curves)), None)
    return np.stack([np.interp(field, knots, row) for row in values])


def _own_rates(field: FloatArray, temperature: float) -> FloatArray:
    """Return T1 times the rates of a centre alone, each way, over both transitions, shape (2, n)."""
    from labspin.physics.spinwaves import NV_TABLE1, thermal_rates

    alone = thermal_rates(spin=NV_TABLE1, field=field, temperature=temperature)
    numbers = np.stack([alone.occupation_minus, alone.occupation_plus]) + 0.5
    return np.asarray(alone.kappa_1 * NV_TABLE1.occupation_lifetime * numbers)


def _guess_distance(x: FloatArray, y: Any, place: FilmPlace) -> Mapping[str, float]:
    """Return the distance and T1 of a grid that come nearest in the logarithm of the rates."""
    T1 = 1 / (3 * max(float(min(np.min(y.real), np.min(y.imag))), 1e-3))
    wanted = np.log(np.maximum(np.stack([y.real, y.imag]), 1e-9))[..., None]
    distances = np.geomspace(place.near, place.far, 60)[1:-1]
    lifetimes = T1 * np.geomspace(0.5, 4.0, 7)
    film = np.exp(table_values("rates", place, x, distances))  # (2, n, distances)
    own = _own_rates(x, place.temperature)[..., None]
    costs = np.array([np.square(np.log(film + own / T) - wanted).sum(axis=(0, 1)) for T in lifetimes])
    row, column = np.unravel_index(np.argmin(costs), costs.shape)
    best = {"distance": float(distances[column]), "T1": float(lifetimes[row]), "scale": 1.0}
    return best | dict.fromkeys(CHANGES, 0.0)


def _film_doubts(outcome: Any, place: FilmPlace) -> Sequence[str]:
    """Say where the distance is at the edge of the table, or the data do not tell it."""
    found = next(p for p in outcome.parameters if p.name == "distance")
    doubts = []
    if not place.near * 1.001 < found.value < place.far / 1.001:
        doubts.append(
            f"the distance is at the edge of the table, {place.near:g} m to {place.far:g} m; change near and "
            "far"
        )
    if not found.fixed and not found.stderr < 0.3 * found.value:
        doubts.append(
            "the distance is not determined: none of the fields has a rate that depends on it; measure where "
            "the film resonates with one of the lines"
        )
    return doubts


_SHIFTS = {"lower": ("shift", _shift_at), "pair": ("pair", _pair_at)}


def _shift_of(
    place: FilmPlace, line: str, field: FloatArray, distance: Any, offset: Any, slope: Any, *changes: Any
) -> Any:
    """Return the shift of a line at fields (n,) for values that broadcast against them, Hz."""
    kind, drawn = _SHIFTS[line]
    if field.size > _DRAWN and np.size(distance) == 1:
        found = _drawn(drawn, place, field, float(np.squeeze(distance)), changes)[0]
    else:
        flat = [np.asarray(v, np.float64).ravel() for v in np.broadcast_arrays(distance, *changes)]
        shape = np.broadcast_shapes(np.shape(distance), *map(np.shape, changes))
        named = dict(zip(CHANGES, flat[1:], strict=False))
        values = table_values(kind, place, field, flat[0], changes=named)
        found = np.moveaxis(values, -1, 0).reshape(*shape[:-1], field.size)
    return found + np.asarray(offset) + np.asarray(slope) * field


def spin_wave_shift(
    *,
    film: str = "yig_figures",
    thickness: float | None = None,
    magnetisation: float | None = None,
    damping: float | None = None,
    exchange: float | None = None,
    temperature: float = 300.0,
    near: float = 30e-9,
    far: float = 1.2e-6,
    transitions: str = "both",
    line: str = "lower",
) -> FitModel:
    """Return the model of the shift of |0> ↔ |−> (Hz) against the field (T) at a distance from a film.

    Parameters
    ----------
    line
        ``"lower"``: of |0> ↔ |−>. ``"pair"``: of the sum of both lines, f₋ + f₊ − 2D, which does not ask how
        well the field is known.
    film, thickness, magnetisation, damping, exchange, temperature, near, far, transitions
        As `film_relaxation`.

    Raises
    ------
    RecipeError
        An option is out of range.
    """
    if line not in _SHIFTS:
        raise RecipeError(f"model spin_wave_shift: line: wanted 'lower' or 'pair', got {line!r}")
    numbers = {"thickness": thickness, "magnetisation": magnetisation, "gilbert_damping": damping,
               "exchange_stiffness": exchange}  # fmt: skip
    place = film_place(
        "spin_wave_shift", film=film, numbers=numbers, temperature=temperature, near=near, far=far,
        transitions=transitions,
    )  # fmt: skip

    def shift(field: FloatArray, *values: Any) -> Any:
        return _shift_of(place, line, field, *values)

    def guess(x: FloatArray, y: FloatArray, weights: Any) -> Mapping[str, float]:
        none = (0.0,) * len(CHANGES)
        lengths = np.geomspace(place.near, place.far, 80)[1:-1]
        off = [np.std(y - shift(x, length, 0.0, 0.0, *none)) for length in lengths]
        best = float(lengths[int(np.argmin(off))])
        offset = float(np.mean(y - shift(x, best, 0.0, 0.0, *none)))
        return {"distance": best, "offset": offset, "slope": 0.0} | dict.fromkeys(CHANGES, 0.0)

    return FitModel(
        name="spin_wave_shift",
        equation=f"y = {'δ₋' if line == 'lower' else '(δ₋ + δ₊)'}(B, distance)/2π + offset + slope B",
        source="Gonzalez-Ballestero et al. (256), with both transitions: spin_wave_bath",
        parameters=(
            _distance(place),
            Parameter("offset", "Hz", "of the line far from the film", value=0.0),
            Parameter("slope", "Hz/T", "what the gyromagnetic ratio is off", value=0.0),
            *_changes(),
        ),
        function=_trace_by_trace(shift),
        guesser=guess,
        doubts=lambda outcome: _film_doubts(outcome, place),
        options=_options(place, **({"line": line} if line != "lower" else {})),
    )


def _force_of(
    place: FilmPlace,
    there: FloatArray,
    pump: float,
    x: Any,
    surface: Any,
    coefficient: Any,
    baseline: Any,
    *changes: Any,
) -> Any:
    """Return the shift of a cantilever at positions, Hz; values broadcast against them."""
    distance = np.asarray(x) - np.asarray(surface)
    named = {n: np.asarray(v) + 0 * distance for n, v in zip(CHANGES, changes, strict=False)}
    kappa = table_values("stiffness", place, there, distance, changes=named, about=pump)[0]
    return np.asarray(coefficient) * kappa + np.asarray(baseline)


def spin_wave_force(
    *,
    field: float = 0.02,
    pump_rate: float = 0.0,
    film: str = "yig_figures",
    thickness: float | None = None,
    magnetisation: float | None = None,
    damping: float | None = None,
    exchange: float | None = None,
    temperature: float = 300.0,
    near: float = 30e-9,
    far: float = 1.2e-6,
    transitions: str = "both",
) -> FitModel:
    """Return the model of a cantilever's shift (Hz) against the position (m) of the centres at its tip.

    Parameters
    ----------
    field
        μ0H0, T.
    pump_rate
        Ω of the light, rad/s; 0 without light.
    film, thickness, magnetisation, damping, exchange, temperature, near, far, transitions
        As `film_relaxation`.

    Raises
    ------
    RecipeError
        An option is out of range.
    """
    numbers = {"thickness": thickness, "magnetisation": magnetisation, "gilbert_damping": damping,
               "exchange_stiffness": exchange}  # fmt: skip
    place = film_place(
        "spin_wave_force", film=film, numbers=numbers, temperature=temperature, near=near, far=far,
        transitions=transitions,
    )  # fmt: skip
    there = np.array([float(field)])

    def force(x: Any, *values: Any) -> Any:
        return _force_of(place, there, float(pump_rate), x, *values)

    def guess(x: FloatArray, y: FloatArray, weights: Any) -> Mapping[str, float]:
        none = (0.0,) * len(CHANGES)
        best = (math.inf, 0.0, 1.0, 0.0)
        for surface in np.linspace(-0.8, 0.8, 33) * float(x.min()):
            shape = force(x, surface, 1.0, 0.0, *none)
            matrix = np.stack([shape / np.abs(shape).max(), np.ones_like(shape)], axis=1)
            solution, *_ = np.linalg.lstsq(matrix, y, rcond=None)
            cost = float(np.square(y - matrix @ solution).sum())
            if cost < best[0]:
                best = (cost, float(surface), float(solution[0] / np.abs(shape).max()), float(solution[1]))
        named = dict(zip(("surface", "coefficient", "baseline"), best[1:], strict=True))
        return named | dict.fromkeys(CHANGES, 0.0)

    return FitModel(
        name="spin_wave_force",
        equation="y = coefficient κ(x − surface) + baseline, coefficient = N f/2k, κ = −dF/dl of one centre",
        source="Gonzalez-Ballestero et al. (258)–(259): spin_wave_stiffness",
        parameters=(
            Parameter("surface", "m", "position at which the distance is zero", value=0.0),
            Parameter("coefficient", "Hz*m/N", "N f/2k of N centres"),
            Parameter("baseline", "Hz", "shift far from the film"),
            *_changes(),
        ),
        function=force,
        guesser=guess,
        options=_options(place, field=field, pump_rate=pump_rate),
    )
