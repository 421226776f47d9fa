"""The relaxation rates of a centre near a film against the field, and what all models of a film share.

``film_relaxation`` compares Γ₋ + iΓ₊ against the field with what the spin waves of a film do
(`labspin.physics.spinwaves.spin_wave_bath`, out of the plane `misaligned_rates`), beside what the centre
relaxes by itself, which at ω∓ is D/ω∓ times that at zero field. Shifts are in `film_shift`, decays of a layer
of depths in `film_layer`. The distance may be shared by all of them (``[joint]``).

Spin waves are tabulated in the logarithm of the distance, once for the fields of a fit. Pictures (``sketch``)
are computed at some fields and interpolated. Numbers of the film are held unless they are
freed (``magnetisation_change`` is relative). They are hardly distinguishable from the distance, so they want
a prior of a few per cent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Unpack

import numpy as np
from numpy.typing import ArrayLike

from labspin.analysis.model import FitModel, FloatArray, Numbers, Parameter, Value
from labspin.analysis.models.film_tables import (
    ALL_CHANGES,
    CHANGES,
    FilmOptions,
    FilmPlace,
    at_places,
    film_place,
    mean_rates,
    table_values,
)
from labspin.arrays import ComplexArray

if TYPE_CHECKING:
    from labspin.analysis.outcome import FitOutcome

__all__ = [
    "distance_parameter",
    "drawn",
    "film_changes",
    "film_doubts",
    "film_relaxation",
    "options_of",
    "own_rates",
    "trace_by_trace",
]

_KNOTS, _ROUNDS = 33, 6
"""Fields at which a picture is computed at first, and how often steps are halved where it bends."""
_STRAIGHT = 2e-3
"""Part of its height by which a picture may leave the straight line between two of them."""
_KEPT = 32
_curves: dict[tuple[object, FilmPlace, float], tuple[FloatArray, FloatArray]] = {}
"""Curves drawn last: a grid that is refined asks for the same curve again."""


def film_changes() -> tuple[Parameter, ...]:
    """Return the parameters by which numbers of the film change; held unless a fit frees them."""
    return tuple(
        Parameter(name, "1", f"relative, of the {of.replace('_', ' ')}", minimum=-0.1, maximum=0.1, value=0.0)
        for name, of in CHANGES.items()
    )


_IMPROBABLE = 1e-3
"""Probability of χ² from which the distance was another at every field."""
_SMALL_TILT = 0.06
"""rad: odmr tells the angle of the axis better than an error of this says."""
_TILT = Parameter(
    "tilt_change", "rad", "by which the axis lies farther out of the plane than tilt says", minimum=-0.2,
    maximum=0.2, value=0.0,
)  # fmt: skip


def distance_parameter(place: FilmPlace) -> Parameter:
    """Return the parameter of the distance, within the range of the table.

    Parameters
    ----------
    place
        The film, and the distances of its table.
    """
    return Parameter("distance", "m", "of the centre from the film", minimum=place.near, maximum=place.far)


def options_of(place: FilmPlace, **more: object) -> dict[str, object]:
    """Return the options of a model as a recipe would write them.

    Parameters
    ----------
    place
        The film.
    more
        Further options of the model.
    """
    told = {
        "film": place.film, "temperature": place.temperature, "near": place.near, "far": place.far,
        "transitions": place.transitions,
    } | {name: angle for name in ("elevation", "tilt") if (angle := getattr(place, name)) != 0}  # fmt: skip
    names = {"gilbert_damping": "damping", "exchange_stiffness": "exchange"}
    return told | {names.get(name, name): value for name, value in place.changed} | more


Function = Callable[..., Numbers]


def trace_by_trace(function: Function) -> Function:
    """Return a model function that takes x of shape (m, n) as well, a row a trace; those alike at once.

    Parameters
    ----------
    function
        The model for one trace, ``function(x, *values)``.
    """

    def call(x: ArrayLike, *values: Value) -> Numbers:
        if np.ndim(x) < 2:
            return function(np.ascontiguousarray(x, dtype=np.float64), *values)
        points, which = np.unique(np.asarray(x, np.float64), axis=0, return_inverse=True)
        rows = [np.broadcast_to(value, (len(which), 1)) for value in values]
        found: Numbers = np.empty(0)
        for number, axis in enumerate(points):
            alike = which.reshape(-1) == number
            part = function(axis, *(row[alike] for row in rows))
            found = found if found.size else np.empty((len(which), axis.size), part.dtype)
            found[alike] = part
        return found

    return call


def film_relaxation(*, logarithmic: bool = False, **options: Unpack[FilmOptions]) -> FitModel:
    """Return the model of Γ₋ + iΓ₊ (1/s) against the field (T) of a centre at a distance from a film.

    Parameters
    ----------
    logarithmic
        Whether y is ln Γ₋ + i ln Γ₊ (Γ in 1/s). The error of a fitted rate grows with the rate, so that rates
        which came out low weigh too much; of its logarithm it does not.
    options
        Options of the film and how it is looked at: `film_place`.

    Raises
    ------
    RecipeError
        An option is out of range.
    """
    place = film_place("film_relaxation", **options)
    rates = trace_by_trace(lambda field, *values: _both_rates(place, field, *values))
    logs = trace_by_trace(lambda field, *values: _logarithms(_both_rates(place, field, *values)))

    def sketch(field: ArrayLike, *values: Value) -> ComplexArray:
        rates = _sketched(place, np.asarray(field, np.float64), *values)
        return _logarithms(rates) if logarithmic else rates

    return FitModel(
        name="film_relaxation",
        equation="y = ln R₋ + i ln R₊, R∓ = scale Γ∓(B, distance) + D/(3 T1 ω∓), Γ∓ of thermal spin waves"
        if logarithmic
        else "y = R₋ + i R₊, R∓ = scale Γ∓(B, distance) + D/(3 T1 ω∓), Γ∓ of thermal spin waves",
        source="Gonzalez-Ballestero et al. (223), with both transitions: spin_wave_bath",
        parameters=(
            distance_parameter(place),
            Parameter("T1", "s", "of the centre far from the film", minimum=0),
            Parameter("scale", "1", "of the rates by spin waves", minimum=0, value=1.0),
            *film_changes(),
            *([] if place.transitions == "lower" else [_TILT]),
        ),
        function=logs if logarithmic else rates,
        guesser=lambda x, y, weights: _guess_distance(
            x, np.exp(y.real) + 1j * np.exp(y.imag) if logarithmic else y, place
        ),
        is_complex=True,
        doubts=lambda outcome: film_doubts(outcome, place),
        profiled=("distance",),
        sketch=sketch,
        x_unit="T",
        y_unit="1" if logarithmic else "1/s",
        options=options_of(place, **({"logarithmic": True} if logarithmic else {})),
    )


def _both_rates(
    place: FilmPlace, field: FloatArray, distance: Value, T1: Value, scale: Value, *changes: Value
) -> ComplexArray:
    """Return Γ₋ + iΓ₊ at fields (n,) for values that broadcast against them."""
    own = own_rates(field, place.temperature) / np.asarray(T1)[..., None]
    logs = at_places("rates", place, field, distance, dict(zip(ALL_CHANGES, changes, strict=False)))
    film = np.exp(np.moveaxis(logs, 0, -2))  # (…, 2, n)
    both: FloatArray = np.asarray(scale)[..., None] * film + own
    return np.asarray(both[..., 0, :] + 1j * both[..., 1, :], np.complex128)


def _sketched(
    place: FilmPlace, field: FloatArray, distance: Value, T1: Value, scale: Value, *changes: Value
) -> ComplexArray:
    own = own_rates(field, place.temperature) / float(T1)
    film = np.exp(drawn(_log_rates_at, place, field, float(distance), changes))
    lower, upper = float(scale) * film + own
    return np.asarray(lower + 1j * upper, np.complex128)


def _logarithms(rates: ComplexArray) -> ComplexArray:
    logarithms: ComplexArray = np.log(rates.real) + 1j * np.log(rates.imag)
    return logarithms


def _log_rates_at(place: FilmPlace, distance: float, fields: FloatArray) -> FloatArray:
    return np.log(np.maximum(mean_rates(place, distance, fields, rtol=3e-3), 1e-300))


def drawn(
    function: Callable[[FilmPlace, float, FloatArray], FloatArray],
    place: FilmPlace,
    field: FloatArray,
    distance: float,
    changes: Sequence[Value],
) -> FloatArray:
    """Return values at many fields for a picture, shape (k, n): computed at some, interpolated between.

    Steps are halved where the values leave the straight line by more than ``_STRAIGHT`` of their height.

    Parameters
    ----------
    function
        Gives the values (k, n) of a place at a distance and fields.
    place
        The film.
    field
        T, shape (n,).
    distance
        m.
    changes
        Relative changes of the film, in the order of `ALL_CHANGES`; what is left out is 0.
    """
    for name, relative in zip(ALL_CHANGES, changes, strict=False):
        if float(np.squeeze(relative)) != 0:
            place = place.with_change(ALL_CHANGES[name], float(np.squeeze(relative)))
    key = (function, place, distance)
    knots, values = _curves.get(key, (np.zeros(2), np.zeros((1, 2))))
    low, high = field.min(), field.max()
    if not (knots[0] <= low and high <= knots[-1] <= low + 2 * (high - low)):
        knots, values = _refined(lambda fields: function(place, distance, fields), low, high)
        _curves[key] = knots, values
        while len(_curves) > _KEPT:
            _curves.pop(next(iter(_curves)), None)
    return np.stack([np.interp(field, knots, row) for row in values])


def _refined(
    function: Callable[[FloatArray], FloatArray], low: float, high: float
) -> tuple[FloatArray, FloatArray]:
    """Return points, and values (k, n) there, between which straight lines are good enough for a picture."""
    knots = np.linspace(low, high, _KNOTS)
    values = function(knots)
    bent = np.ones(_KNOTS - 1, bool)
    for _ in range(_ROUNDS):
        left = np.flatnonzero(bent)
        if not left.size or not high > low:
            break
        middle = (knots[left] + knots[left + 1]) / 2
        found = function(middle)
        height = np.ptp(values, axis=-1, keepdims=True)
        off = np.abs(found - (values[:, left] + values[:, left + 1]) / 2) > _STRAIGHT * height
        halves = np.zeros(knots.size - 1 + left.size, bool)
        place = left + np.arange(left.size)  # of the left half, after the insertion
        halves[place] = halves[place + 1] = off.any(0)
        knots, values = np.insert(knots, left + 1, middle), np.insert(values, left + 1, found, axis=-1)
        bent = halves
    return knots, values


def own_rates(field: FloatArray, temperature: float) -> FloatArray:
    """Return T1 times the rates of a centre alone, each way, over both transitions, shape (2, n).

    Parameters
    ----------
    field
        T, shape (n,).
    temperature
        K.
    """
    from labspin.physics.spinwaves import NV_TABLE1, thermal_rates

    alone = thermal_rates(spin=NV_TABLE1, field=field, temperature=temperature)
    numbers = np.stack([alone.occupation_minus, alone.occupation_plus]) + 0.5
    return np.asarray(alone.kappa_1 * NV_TABLE1.occupation_lifetime * numbers)


def _guess_distance(x: FloatArray, y: Numbers, place: FilmPlace) -> Mapping[str, float]:
    """Return the distance and T1 of a grid that come nearest in the logarithm of the rates."""
    T1 = 1 / (3 * max(float(min(np.min(y.real), np.min(y.imag))), 1e-3))
    wanted = np.log(np.maximum(np.stack([y.real, y.imag]), 1e-9))[..., None]
    distances = np.geomspace(place.near, place.far, 60)[1:-1]
    lifetimes = T1 * np.geomspace(0.5, 4.0, 7)
    film = np.exp(table_values("rates", place, x, distances))  # (2, n, distances)
    own = own_rates(x, place.temperature)[..., None]
    costs = np.array([np.square(np.log(film + own / T) - wanted).sum(axis=(0, 1)) for T in lifetimes])
    row, column = np.unravel_index(np.argmin(costs), costs.shape)
    best = {"distance": float(distances[column]), "T1": float(lifetimes[row]), "scale": 1.0}
    changes = CHANGES if place.transitions == "lower" else ALL_CHANGES
    return best | dict.fromkeys(changes, 0.0)


def film_doubts(outcome: FitOutcome, place: FilmPlace) -> Sequence[str]:
    """Say where the distance is at the edge of the table, or the data do not tell it.

    Parameters
    ----------
    outcome
        The fit.
    place
        The film, and the distances of its table.
    """
    found = next(p for p in outcome.parameters if p.name == "distance")
    doubts = []
    if not place.near * 1.001 < found.value < place.far / 1.001:
        doubts.append(
            f"the distance is at the edge of the table, {place.near:g} m to {place.far:g} m; change near and "
            "far"
        )
    ends = outcome.ends.get("distance")
    if ends is not None and math.isinf(ends.two[1]) and not math.isinf(ends.two[0]):
        doubts.append(
            "the distance is not determined, only how near it may be: farther away, none of the fields has a "
            "rate that depends on it; measure where the film resonates with one of the lines"
        )
    elif not found.fixed and not found.stderr < 0.3 * found.value:
        doubts.append(
            "the distance is not determined: none of the fields has a rate that depends on it; measure where "
            "the film resonates with one of the lines"
        )
    probability = outcome.statistics.p_value
    if probability is not None and probability < _IMPROBABLE:
        doubts.append(
            "a distance that changed from field to field looks like this (a mount that drifts), and so does "
            "another film: measure the fields again in another order, or with fewer repetitions, and compare"
        )
    tilt = next((p for p in outcome.parameters if p.name == "tilt_change" and not p.fixed), None)
    in_plane = place.elevation == 0 and place.tilt == 0
    if tilt is not None and (in_plane or not tilt.stderr < _SMALL_TILT):
        why = (
            "in the plane of the film the rates depend on its square, and hardly; hold it at what odmr says"
            if in_plane
            else "measure both rates at more fields"
        )
        doubts.append(f"the tilt of the axis is not determined: {why}, or give that of odmr as a prior")
    return doubts
