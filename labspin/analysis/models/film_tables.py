"""What spin waves of a film do to a centre, tabulated in the logarithm of the distance, with bounded errors.

The integrals over spin waves take seconds, a fit asks for them thousands of times. The distance enters
smoothly, so that Chebyshev polynomials through a few distances replace them; nodes are doubled until the
values half-way between agree. Films that differ by a few per cent in one number are reached by a parabola
through three tables: good to 10⁻³, but to some per cent at a field where a band begins to be resonant.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from numpy.polynomial import chebyshev

from labspin.analysis.model import FloatArray, Value
from labspin.errors import FitError, RecipeError

if TYPE_CHECKING:
    from labspin.physics.spinwaves import Film, SpinWaveBath

__all__ = [
    "ALL_CHANGES",
    "CHANGES",
    "FilmOptions",
    "FilmPlace",
    "at_places",
    "film_place",
    "film_table",
    "mean_rates",
    "table_values",
]

CHANGES: Mapping[str, str] = {
    "thickness_change": "thickness",
    "magnetisation_change": "magnetisation",
    "exchange_change": "exchange_stiffness",
    "damping_change": "gilbert_damping",
    "temperature_change": "temperature",
}
"""Relative change that a fit may make, and the number of the film that it changes."""
ALL_CHANGES: Mapping[str, str] = {**CHANGES, "tilt_change": "tilt"}
"""The same with the angle of the axis (rad, not relative), on which rates alone are known to depend."""

_OBLIQUE = ("film_relaxation", "film_layer_relaxation")
_FILMS = {"yig_figures": "YIG_FIGURES", "yig_table1": "YIG_TABLE1"}
_TABLE_ERROR, _RTOL = 2e-5, 8e-5  # of the polynomials and of the integrals: together 10⁻⁴
_FLOOR = 1e-3  # of the largest value at a field, below which errors are no longer relative
_FEWEST_NODES, _FIRST_NODES, _MOST_NODES = 17, 65, 257
_CHANGED, _TILTED = 0.02, 0.05  # relative change, and rad, between the tables of a parabola
_UPRIGHT = 1e-12  # rad, a tilt of nothing that is integrated like any other tilt
_REMEMBERED = 4096  # fields of which a table is kept
_MANY = 64  # fields from which a table, some 15 integrals each, is not made for one distance


@dataclass(frozen=True)
class FilmPlace:
    """A film, its temperature, and the distances between which a table holds.

    Parameters
    ----------
    film
        A name of `labspin.physics.spinwaves`, lower case.
    changed
        Numbers of the film in place of its own: name and value in SI units.
    temperature
        K.
    near, far
        m.
    transitions
        ``"both"`` or ``"lower"``, as `spin_wave_bath`.
    elevation, tilt
        Angles of the field out of the plane, and of the axis beyond it, rad, as in `misaligned_rates`.
    """

    film: str
    changed: tuple[tuple[str, float], ...]
    temperature: float
    near: float
    far: float
    transitions: str
    elevation: float = 0.0
    tilt: float = 0.0

    @property
    def material(self) -> Film:
        """The film (`labspin.physics.spinwaves.Film`)."""
        from labspin.physics import spinwaves

        film: Film = getattr(spinwaves, _FILMS[self.film])
        return replace(film, **dict(self.changed))

    def with_change(self, name: str, relative: float) -> FilmPlace:
        """Return the place with one number changed.

        Parameters
        ----------
        name
            Name of the number, a value of `ALL_CHANGES`.
        relative
            Its relative change; of the tilt rad.
        """
        if name == "tilt":
            return replace(self, tilt=self.tilt + relative or _UPRIGHT)
        if name == "temperature":
            return replace(self, temperature=self.temperature * (1 + relative))
        value = getattr(self.material, name) * (1 + relative)
        return replace(self, changed=tuple(sorted({**dict(self.changed), name: value}.items())))

    def spot(self, distance: Value) -> FloatArray:
        """Return where a distance lies between near (−1) and far (1) by its logarithm.

        Parameters
        ----------
        distance
            m, any shape; beyond the ends it is put at the end.
        """
        place = 2 * np.log(np.asarray(distance) / self.near) / math.log(self.far / self.near) - 1
        return np.asarray(np.clip(place, -1.0, 1.0), np.float64)


class FilmOptions(TypedDict, total=False):
    """Options of a model over a film: those of `film_place`."""

    film: str
    thickness: float | None
    magnetisation: float | None
    damping: float | None
    exchange: float | None
    temperature: float
    near: float
    far: float
    transitions: str
    elevation: float
    tilt: float


def film_place(
    model: str,
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
    elevation: float = 0.0,
    tilt: float = 0.0,
) -> FilmPlace:
    """Return a place of checked options.

    Parameters
    ----------
    model
        Name of the model, for errors.
    film
        ``"yig_figures"`` or ``"yig_table1"``: material and thickness unless said otherwise.
    thickness, magnetisation, damping, exchange
        Thickness, magnetisation, damping and exchange in place of those of ``film``, m, A/m, 1 and m² (α_x).
    temperature
        K.
    near, far
        Distances between which a fit may look, m.
    transitions
        ``"both"``, or ``"lower"`` as in [SW]: Γ₊ is then the intrinsic rate alone.
    elevation
        Angle of the field out of the plane of the film, rad: 0.6155 for centres of a (100) diamond.
    tilt
        Angle by which the axis of the centres lies farther out of the plane than the field, rad.

    Raises
    ------
    RecipeError
        An option is out of range.
    """
    if film not in _FILMS:
        raise RecipeError(f"model {model}: film: wanted one of {', '.join(_FILMS)}, got {film!r}")
    if not 0 < near < far:
        raise RecipeError(f"model {model}: wanted 0 < near < far, got {near!r} and {far!r}")
    if transitions not in ("both", "lower"):
        raise RecipeError(f"model {model}: transitions: wanted 'both' or 'lower', got {transitions!r}")
    for name, angle in (("elevation", elevation), ("tilt", tilt)):
        if not abs(angle) < 1.5:
            raise RecipeError(f"model {model}: {name}: wanted −1.5 to 1.5 rad, got {angle!r}")
    oblique = elevation != 0 or tilt != 0
    if oblique and (transitions == "lower" or model not in _OBLIQUE):
        raise RecipeError(
            f"model {model}: elevation, tilt: wanted 0, got {elevation!r} and {tilt!r}; only rates over both "
            f"transitions are known out of the plane ({', '.join(_OBLIQUE)})"
        )
    numbers = {
        "thickness": thickness, "magnetisation": magnetisation, "gilbert_damping": damping,
        "exchange_stiffness": exchange,
    }  # fmt: skip
    changed = tuple(sorted((name, float(value)) for name, value in numbers.items() if value is not None))
    return FilmPlace(
        film, changed, float(temperature), float(near), float(far), transitions, float(elevation), float(tilt)
    )


def film_table(
    values: Callable[[FloatArray], FloatArray], *, near: float, far: float, relative: bool
) -> tuple[FloatArray, float]:
    """Return Chebyshev coefficients of ``values`` in ln l from ``near`` to ``far``, and the error's bound.

    Parameters
    ----------
    values
        Values at distances in m, shape (k,); the result has the shape (k, …).
    near, far
        The distances between which the table holds, m.
    relative
        Whether errors are relative to the values (of at least 10⁻³ of the largest), or absolute.

    Returns
    -------
    coefficients
        Shape (nodes, …).
    error
        Greatest error, found at the distances between the nodes.

    Raises
    ------
    FitError
        The values are no smooth function of the distance: more than 257 nodes would be needed.
    """
    middle, half = 0.5 * math.log(far * near), 0.5 * math.log(far / near)

    def at(spots: FloatArray) -> FloatArray:
        return values(np.exp(middle + half * spots))

    # Many distances cost little more than one, and another call as much as the first: begin with enough.
    fine = 2 * _FIRST_NODES - 1
    known, count, error = at(_extrema(fine)), _FEWEST_NODES, math.inf
    while True:
        while count <= min((fine + 1) // 2, _MOST_NODES):
            stride = (fine - 1) // (count - 1)
            coefficients, error = _series(known[::stride], known[stride // 2 :: stride], relative=relative)
            if error <= _TABLE_ERROR:
                return coefficients, error
            count = 2 * count - 1
        if count > _MOST_NODES:
            raise FitError(
                f"spin waves from {near:g} m to {far:g} m are not smooth enough for a table of "
                f"{(count + 1) // 2} distances (error {error:.1g}); narrow the range by near and far"
            )
        merged = np.empty((2 * fine - 1, *known.shape[1:]))
        merged[0::2], merged[1::2] = known, at(_extrema(2 * fine - 1)[1::2])
        known, fine = merged, 2 * fine - 1


def _extrema(count: int) -> FloatArray:
    """Return the extrema of the Chebyshev polynomial of degree ``count`` − 1."""
    return np.asarray(np.cos(np.pi * np.arange(count) / (count - 1)))


def _series(known: FloatArray, between: FloatArray, *, relative: bool) -> tuple[FloatArray, float]:
    """Return the coefficients through values at extrema, and how far it is off those half-way between."""
    count = len(known)
    coefficients = chebyshev.chebfit(_extrema(count), known.reshape(count, -1), count - 1)
    size = np.ones(1)
    if relative:
        size = np.maximum(np.abs(between), _FLOOR * np.abs(between).max(axis=0))
    there = _extrema(2 * count - 1)[1::2]
    off = np.abs(chebyshev.chebval(there, coefficients).T - between.reshape(count - 1, -1))
    error = float((off / np.broadcast_to(size, between.shape).reshape(count - 1, -1)).max(initial=0.0))
    return np.asarray(coefficients, np.float64).reshape(count, *known.shape[1:]), error


def bath_of(
    place: FilmPlace, distance: Value, field: Value, *, rtol: float, shifts: bool = False
) -> SpinWaveBath:
    """Return what the spin waves do (`SpinWaveBath`).

    Parameters
    ----------
    place
        The film.
    distance, field
        m and T.
    rtol
        Relative tolerance of the integrals.
    shifts
        Whether shifts hold the counter-rotating terms; the rates do not need them.
    """
    from labspin.physics.spinwaves import NV_TABLE1, spin_wave_bath

    return spin_wave_bath(
        film=place.material, spin=NV_TABLE1, distance=distance, field=field, temperature=place.temperature,
        rtol=rtol, transitions=place.transitions, counter_rotating=shifts and place.transitions == "both",
    )  # fmt: skip


def _log_rates(place: FilmPlace, lengths: FloatArray, fields: FloatArray, about: float) -> FloatArray:
    del about
    return np.log(np.maximum(mean_rates(place, lengths[:, None], fields, rtol=_RTOL), 1e-300))


def mean_rates(place: FilmPlace, distance: Value, field: FloatArray, *, rtol: float) -> FloatArray:
    """Return Γ₋ and Γ₊ that the film causes, the mean of both directions, 1/s.

    Parameters
    ----------
    place
        The film, and how field and axis stand to it.
    distance
        m, shape (k, 1), or a number.
    field
        T, shape (n,).
    rtol
        Relative tolerance of the integrals.

    Returns
    -------
    rates
        Shape (k, 2, n), or (2, n) of one distance.
    """
    if place.elevation == 0 and place.tilt == 0:
        bath = bath_of(place, distance, field, rtol=rtol)
        both = (bath.decay_minus + bath.absorption_minus, bath.decay_plus + bath.absorption_plus)
        return np.asarray(np.stack(both, axis=-2) / 2)
    from labspin.physics.spinwaves import NV_TABLE1, misaligned_rates

    along = place.elevation + place.tilt
    lengths, columns = np.ravel(distance), []
    for tesla in field:
        found = misaligned_rates(
            film=place.material, spin=NV_TABLE1, distance=lengths, field=float(tesla),
            temperature=place.temperature, elevation=place.elevation,
            axis=(math.sin(along), 0.0, math.cos(along)), rtol=max(rtol, 1e-4),
        )  # fmt: skip
        columns.append([found.lower_rate, found.upper_rate])
    rates = np.moveaxis(np.array(columns), (0, 1, 2), (2, 1, 0))
    return rates if np.ndim(distance) else rates[0]


def _shifts(place: FilmPlace, lengths: FloatArray, fields: FloatArray, about: float) -> FloatArray:
    del about
    bath = bath_of(place, lengths[:, None], fields, rtol=_RTOL, shifts=True)
    return np.asarray(bath.shift_minus / (2 * math.pi) * (lengths[:, None] / place.near) ** 3)


def _pair_shifts(place: FilmPlace, lengths: FloatArray, fields: FloatArray, about: float) -> FloatArray:
    del about
    bath = bath_of(place, lengths[:, None], fields, rtol=_RTOL, shifts=True)
    both = (bath.shift_minus + bath.shift_plus) / (2 * math.pi)
    return np.asarray(both * (lengths[:, None] / place.near) ** 3)


def _stiffness(place: FilmPlace, lengths: FloatArray, fields: FloatArray, about: float) -> FloatArray:
    from labspin.physics.spinwaves import NV_TABLE1, spin_wave_stiffness

    kappa = spin_wave_stiffness(
        film=place.material, spin=NV_TABLE1, distance=lengths[:, None], field=fields,
        temperature=place.temperature, angular_frequency=0.0, pump_rate=about,
        transitions=place.transitions,
    )  # fmt: skip
    return np.asarray(kappa.real * (lengths[:, None] / place.near) ** 4)


_KINDS = {
    "rates": (_log_rates, False, 0),
    "shift": (_shifts, True, 3),
    "pair": (_pair_shifts, True, 3),
    "stiffness": (_stiffness, True, 4),
}


_Key = tuple[str, FilmPlace, float, float]
_known: OrderedDict[_Key, FloatArray] = OrderedDict()
_guard = Lock()


def _table(kind: str, place: FilmPlace, fields: FloatArray, about: float) -> FloatArray:
    """Return Chebyshev coefficients at fields (n,), shape (nodes, …, n); each field is integrated once."""
    function, relative, _ = _KINDS[kind]
    keys = [(kind, place, float(field), about) for field in fields]
    with _guard:
        found = {key: _known[key] for key in keys if key in _known}
    missing = list(dict.fromkeys(key for key in keys if key not in found))
    if missing:
        there = np.array([field for *_, field, _ in missing])
        made = film_table(
            lambda lengths: function(place, lengths, there, about),
            near=place.near, far=place.far, relative=relative,
        )[0]  # fmt: skip
        found |= {key: made[..., at] for at, key in enumerate(missing)}
        with _guard:
            _known.update({key: found[key] for key in missing})
            while len(_known) > _REMEMBERED:
                _known.popitem(last=False)
    longest = max(len(table) for table in found.values())
    padded = {
        key: np.concatenate([table, np.zeros((longest - len(table), *table.shape[1:]))])
        for key, table in found.items()
    }
    return np.stack([padded[key] for key in keys], axis=-1)


def _tabulated(kind: str, place: FilmPlace, fields: FloatArray, about: float) -> bool:
    with _guard:
        return all((kind, place, float(field), about) in _known for field in fields)


def table_values(
    kind: str,
    place: FilmPlace,
    fields: FloatArray,
    distance: Value,
    *,
    changes: Mapping[str, Value] | None = None,
    about: float = 0.0,
) -> FloatArray:
    """Return tabulated values at distances and fields.

    Parameters
    ----------
    kind
        ``"rates"``: ln Γ∓ (Γ in 1/s), shape (2, n, …); ``"shift"``: δ₋, ``"pair"``: δ₋ + δ₊ in Hz, shape
        (n, …); ``"stiffness"``: of one centre, N/m, shape (n, …).
    place
        The film.
    fields
        T, shape (n,).
    distance
        m, any shape (…). For one number, many fields that no table has are not tabulated but integrated.
    changes
        Relative changes by name of `CHANGES`, like ``distance``.
    about
        Pump rate, rad/s, for the stiffness.
    """
    lengths = np.asarray(distance, np.float64)
    there, spots = np.asarray(fields, np.float64).ravel(), place.spot(lengths)
    scale = (np.clip(lengths, place.near, place.far) / place.near) ** _KINDS[kind][2]

    if not lengths.ndim and there.size > _MANY and not _tabulated(kind, place, there, about):
        for name, relative in (changes or {}).items():
            if float(relative) != 0:
                place = place.with_change(ALL_CHANGES[name], float(relative))
        length = np.clip(lengths, place.near, place.far).reshape(1)
        return np.asarray(_KINDS[kind][0](place, length, there, about)[0] / scale)

    def at(changed: FilmPlace) -> FloatArray:
        return np.asarray(chebyshev.chebval(spots, _table(kind, changed, there, about)) / scale)

    found = at(place)
    for name, relative in (changes or {}).items():
        number, apart = ALL_CHANGES[name], _TILTED if name == "tilt_change" else _CHANGED
        part = np.asarray(relative, np.float64) / apart
        if np.any(part != 0):
            more, less = (at(place.with_change(number, sign * apart)) for sign in (1, -1))
            # Integrals in the plane are others off resonance: tilted neighbours are compared with their like.
            base = at(place.with_change(number, 0.0) if number == "tilt" else place)
            found = found + part * (more - less) / 2 + part**2 * (more + less - 2 * base) / 2
    return found


def at_places(
    kind: str, place: FilmPlace, fields: FloatArray, distance: Value, changes: Mapping[str, Value]
) -> FloatArray:
    """Return `table_values` for values that broadcast against the fields, as a fit gives them.

    Parameters
    ----------
    kind, place
        As in `table_values`.
    fields
        T, shape (n,).
    distance, changes
        m and relative changes by name: numbers, or of shape (…, 1).

    Returns
    -------
    values
        Shape (n,) or (…, n); of rates with a first axis for both.
    """
    spread = np.broadcast_arrays(distance, *changes.values())
    shape = spread[0].shape
    flat = [np.asarray(value, np.float64).ravel() if shape else float(value) for value in spread]
    found = table_values(kind, place, fields, flat[0], changes=dict(zip(changes, flat[1:], strict=True)))
    if not shape:
        return found
    whole = np.moveaxis(found, -1, -2)  # (…, places, n)
    return whole.reshape(*whole.shape[:-2], *shape[:-1], whole.shape[-1])
