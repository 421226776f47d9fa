"""What a film does to lines and forces: their shift against the field, or against the position.

``spin_wave_shift`` is the shift of |0> ↔ |−>, or of the sum of both lines, against the field;
``spin_wave_force`` that of a cantilever with centres at its tip against the position, Δf = N f κ/2k with the
stiffness κ = −dF/dl that one centre adds. What scales all shifts of a run together (the line of the
cantilever, which a sweep tells to some per cent) is a parameter of its own, ``scale``: the data do not tell
it from the strength, so that its prior is what it adds to the error of that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Unpack

import numpy as np
from numpy.typing import ArrayLike

from labspin.analysis.model import FitModel, FloatArray, Parameter, Value
from labspin.analysis.models.film import (
    distance_parameter,
    drawn,
    film_changes,
    film_doubts,
    options_of,
    trace_by_trace,
)
from labspin.analysis.models.film_tables import (
    CHANGES,
    FilmOptions,
    FilmPlace,
    at_places,
    bath_of,
    film_place,
    table_values,
)
from labspin.errors import RecipeError

if TYPE_CHECKING:
    from labspin.analysis.outcome import FitOutcome

__all__ = ["spin_wave_force", "spin_wave_shift"]


def _shift_at(place: FilmPlace, distance: float, fields: FloatArray) -> FloatArray:
    bath = bath_of(place, distance, fields, rtol=1e-3, shifts=True)
    return np.asarray(bath.shift_minus[None] / (2 * math.pi))


def _pair_at(place: FilmPlace, distance: float, fields: FloatArray) -> FloatArray:
    bath = bath_of(place, distance, fields, rtol=1e-3, shifts=True)
    return np.asarray((bath.shift_minus + bath.shift_plus)[None] / (2 * math.pi))


_TOLD_APART = 0.25
"""Relative error of the strength of a force from which its dependence on the surface is no straight line."""
_SHIFTS = {"lower": ("shift", _shift_at), "pair": ("pair", _pair_at)}


def _shift_of(
    place: FilmPlace,
    line: str,
    field: FloatArray,
    distance: Value,
    offset: Value,
    slope: Value,
    *changes: Value,
) -> FloatArray:
    """Return the shift of a line at fields (n,) for values that broadcast against them, Hz."""
    found = at_places(_SHIFTS[line][0], place, field, distance, dict(zip(CHANGES, changes, strict=False)))
    return np.asarray(found + offset + slope * field)


def spin_wave_shift(*, line: str = "lower", **options: Unpack[FilmOptions]) -> FitModel:
    """Return the model of the shift of |0> ↔ |−> (Hz) against the field (T) at a distance from a film.

    Parameters
    ----------
    line
        ``"lower"``: of |0> ↔ |−>. ``"pair"``: of the sum of both lines, f₋ + f₊ − 2D, which does not ask how
        well the field is known.
    options
        Options of the film: `film_place`.

    Raises
    ------
    RecipeError
        An option is out of range.
    """
    if line not in _SHIFTS:
        raise RecipeError(f"model spin_wave_shift: line: wanted 'lower' or 'pair', got {line!r}")
    place = film_place("spin_wave_shift", **options)

    def shift(field: FloatArray, *values: Value) -> FloatArray:
        return _shift_of(place, line, field, *values)

    def sketch(field: ArrayLike, distance: Value, offset: Value, slope: Value, *changes: Value) -> FloatArray:
        there = np.asarray(field, np.float64)
        found = drawn(_SHIFTS[line][1], place, there, float(distance), changes)[0]
        return np.asarray(found + offset + slope * there)

    def guess(x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, float]:
        none = (0.0,) * len(CHANGES)
        lengths = np.geomspace(place.near, place.far, 80)[1:-1]
        rest = y - shift(x, lengths[:, None], 0.0, 0.0, *none)
        best = int(np.argmin(rest.std(axis=-1)))
        offset = float(rest[best].mean())
        found = {"distance": float(lengths[best]), "offset": offset, "slope": 0.0}
        return found | dict.fromkeys(CHANGES, 0.0)

    return FitModel(
        name="spin_wave_shift",
        equation=f"y = {'δ₋' if line == 'lower' else '(δ₋ + δ₊)'}(B, distance)/2π + offset + slope B",
        source="Gonzalez-Ballestero et al. (256), with both transitions: spin_wave_bath",
        parameters=(
            distance_parameter(place),
            Parameter("offset", "Hz", "of the line far from the film", value=0.0),
            Parameter("slope", "Hz/T", "what the gyromagnetic ratio is off", value=0.0),
            *film_changes(),
        ),
        function=trace_by_trace(shift),
        guesser=guess,
        doubts=lambda outcome: film_doubts(outcome, place),
        profiled=("distance",),
        sketch=sketch,
        x_unit="T",
        y_unit="Hz",
        options=options_of(place, **({"line": line} if line != "lower" else {})),
    )


def _force_of(
    place: FilmPlace,
    there: FloatArray,
    pump: float,
    x: ArrayLike,
    surface: Value,
    coefficient: Value,
    baseline: Value,
    scale: Value,
    *changes: Value,
) -> FloatArray:
    """Return the shift of a cantilever at positions, Hz; values broadcast against them."""
    distance = np.asarray(x) - np.asarray(surface)
    named = {n: np.asarray(v) + 0 * distance for n, v in zip(CHANGES, changes, strict=False)}
    kappa = table_values("stiffness", place, there, distance, changes=named, about=pump)[0]
    return np.asarray(scale * (coefficient * kappa + baseline))


def _force_doubts(outcome: FitOutcome) -> Sequence[str]:
    """Say where the strength of the force and the place of the surface stand for each other."""
    found = {p.name: p for p in outcome.parameters}
    surface, strength = found["surface"], found["coefficient"]
    if surface.fixed or strength.fixed or strength.stderr < _TOLD_APART * abs(strength.value):
        return []
    return [
        "surface and coefficient are hardly distinguishable: few centres near the film pull like many far "
        "from it, and the errors are then too small; give a prior for the surface, or a relaxometry fit"
    ]


def spin_wave_force(
    *, field: float = 0.02, pump_rate: float = 0.0, **options: Unpack[FilmOptions]
) -> FitModel:
    """Return the model of a cantilever's shift (Hz) against the position (m) of the centres at its tip.

    Parameters
    ----------
    field
        μ0H0, T.
    pump_rate
        Ω of the light, rad/s; 0 without light.
    options
        Options of the film: `film_place`.

    Raises
    ------
    RecipeError
        An option is out of range.
    """
    place = film_place("spin_wave_force", **options)
    there = np.array([float(field)])

    def force(x: ArrayLike, *values: Value) -> FloatArray:
        return _force_of(place, there, float(pump_rate), x, *values)

    def guess(x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, float]:
        none = (0.0,) * len(CHANGES)
        best = (math.inf, 0.0, 1.0, 0.0)
        for surface in np.linspace(-0.8, 0.8, 33) * float(x.min()):
            shape = force(x, surface, 1.0, 0.0, 1.0, *none)
            matrix = np.stack([shape / np.abs(shape).max(), np.ones_like(shape)], axis=1)
            solution, *_ = np.linalg.lstsq(matrix, y, rcond=None)
            cost = float(np.square(y - matrix @ solution).sum())
            if cost < best[0]:
                best = (cost, float(surface), float(solution[0] / np.abs(shape).max()), float(solution[1]))
        named = dict(zip(("surface", "coefficient", "baseline"), best[1:], strict=True))
        return named | {"scale": 1.0} | dict.fromkeys(CHANGES, 0.0)

    return FitModel(
        name="spin_wave_force",
        equation="y = scale (coefficient κ(x − surface) + baseline), coefficient = N f/2k, κ = −dF/dl of one "
        "centre",
        source="Gonzalez-Ballestero et al. (258)–(259): spin_wave_stiffness",
        parameters=(
            Parameter("surface", "m", "position at which the distance is zero", value=0.0),
            Parameter("coefficient", "Hz*m/N", "N f/2k of N centres"),
            Parameter("baseline", "Hz", "shift far from the film"),
            Parameter("scale", "1", "of all shifts together, known by the sweep", minimum=0, value=1.0),
            *film_changes(),
        ),
        function=force,
        guesser=guess,
        doubts=_force_doubts,
        x_unit="m",
        y_unit="Hz",
        options=options_of(place, field=field, pump_rate=pump_rate),
    )
