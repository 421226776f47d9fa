"""Decays of centres in a layer of depths near a film: the profile of the layer from the decays.

Every depth relaxes at rates of its own, and what is read is their mean. The nearest are the fastest, so that
early times tell of them and late times of the farthest: the mean depth and the standard deviation of the
depths follow from the decays at a few fields together,

    y(t) = a₋ <u>/<u>₀ + b₋ + i (a₊ <v>/<v>₀ + b₊),     < > over depths distance + spread·ξ,

with u and v of each depth as in `relaxometry`, Γ∓(B, l) as in `film`. The field is a fact of the trace:
``tied = { field = "magnet_field" }``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Unpack

import numpy as np
from numpy.typing import ArrayLike

from labspin.analysis.model import FitModel, FloatArray, Numbers, Parameter, Value
from labspin.analysis.models.film import distance_parameter, film_doubts, options_of, own_rates
from labspin.analysis.models.film_tables import FilmOptions, FilmPlace, film_place, table_values
from labspin.analysis.models.guesses import averaged
from labspin.analysis.models.relaxometry import READOUT, mean_differences
from labspin.arrays import ComplexArray
from labspin.errors import RecipeError

if TYPE_CHECKING:
    from labspin.analysis.outcome import FitOutcome

__all__ = ["film_layer_relaxation"]


def _gaussian() -> tuple[FloatArray, FloatArray]:
    nodes, weights = np.polynomial.hermite.hermgauss(9)
    return math.sqrt(2) * nodes, weights / math.sqrt(math.pi)


def _uniform() -> tuple[FloatArray, FloatArray]:
    nodes, weights = np.polynomial.legendre.leggauss(9)
    return math.sqrt(3) * nodes, weights / 2


_ENOUGH = 1000
"""Points of a trace from which the start is found as well as from more."""
_PROFILES = {"uniform": _uniform(), "gaussian": _gaussian()}
"""Places and shares of distributions of mean 0 and standard deviation 1."""


def film_layer_relaxation(
    *, profile: str = "uniform", field: float = 0.0, **options: Unpack[FilmOptions]
) -> FitModel:
    """Return the model of both differences against the dark time (s) of a layer of centres near a film.

    Parameters
    ----------
    profile
        Profile of the depths: ``"uniform"`` between distance ∓ √3 spread, or ``"gaussian"``.
    field
        Field of the traces, if all were taken at one, T; 0: tie the parameter ``field`` to that of each.
    options
        Options of the film and how it is looked at: `film_place`.

    Raises
    ------
    RecipeError
        An option is out of range.
    """
    if profile not in _PROFILES:
        raise RecipeError(
            f"model film_layer_relaxation: profile: wanted one of {', '.join(_PROFILES)}, got {profile!r}"
        )
    place = film_place("film_layer_relaxation", **options)
    layer = _Layer(place, *_PROFILES[profile])
    return FitModel(
        name="film_layer_relaxation",
        equation=(
            "y = a₋ <u>/<u>₀ + b₋ + i (a₊ <v>/<v>₀ + b₊), three_level_relaxation at Γ∓(field, l) of "
            f"film_relaxation, < > over l, {profile}"
        ),
        source="rate equations of a spin 1; Gonzalez-Ballestero et al. (223): spin_wave_bath",
        parameters=(
            distance_parameter(place),
            Parameter("spread", "m", "standard deviation of the depths", minimum=0, maximum=place.far),
            Parameter("T1", "s", "of the centres far from the film", minimum=0),
            *READOUT,
            Parameter("field", "T", "along the axis; tie it to that of the trace", minimum=0, value=field),
        ),
        function=layer.differences,
        guesser=layer.guess,
        guess_knows_held=True,
        is_complex=True,
        doubts=lambda outcome: [*film_doubts(outcome, place), *_layer_doubts(outcome)],
        x_unit="s",
        options=options_of(place, profile=profile, field=field),
    )


class _Layer:
    """The centres: their film, and where they are."""

    def __init__(self, place: FilmPlace, spots: FloatArray, shares: FloatArray) -> None:
        self.place, self.spots, self.shares = place, spots, shares

    def differences(self, t: ArrayLike, *values: Value) -> ComplexArray:
        """Return the model for one trace, or a row a trace for values of shape (m, 1)."""
        if np.ndim(t) < 2 and all(np.ndim(value) == 0 for value in values):
            return self._one(np.asarray(t, np.float64), *map(float, values))
        count = max(np.shape(v)[0] if np.ndim(v) else 1 for v in (*values, np.atleast_2d(t)))
        rows = np.broadcast_to(np.atleast_2d(t), (count, np.shape(t)[-1]))
        columns = [np.broadcast_to(np.asarray(value, np.float64), (count, 1))[:, 0] for value in values]
        return np.stack([self._one(row, *(float(c[k]) for c in columns)) for k, row in enumerate(rows)])

    def rates(self, field: float, distance: float, spread: float, T1: float) -> FloatArray:
        """Return Γ₋ and Γ₊ of every depth, shape (2, depths), 1/s."""
        if not field > 0:
            raise RecipeError(
                "model film_layer_relaxation: wanted the field of every trace, got none; "
                'tie it: tied = { field = "magnet_field" }'
            )
        depths = distance + spread * self.spots
        there = np.array([field])
        film = np.exp(table_values("rates", self.place, there, np.maximum(depths, self.place.near)))
        return np.asarray(film[:, 0] + own_rates(there, self.place.temperature) / T1)

    def _one(
        self, t: FloatArray, distance: float, spread: float, T1: float, lower: float, upper: float,
        lower_baseline: float, upper_baseline: float, across: float, pumping_time: float, guard: float,
        field: float,
    ) -> ComplexArray:  # fmt: skip
        rates = self.rates(field, distance, spread, T1)
        kinds = [(*pair, share) for pair, share in zip(rates.T, self.shares, strict=True)]
        u, v = mean_differences(t, kinds, across, pumping_time, guard)
        return np.asarray(lower * u + lower_baseline + 1j * (upper * v + upper_baseline), np.complex128)

    def guess(
        self, x: FloatArray, y: Numbers, weights: FloatArray | None, held: Mapping[str, float]
    ) -> Mapping[str, float]:
        """Return the distance and the spread of a grid that come nearest, the amplitudes being linear."""
        order = np.argsort(x)
        t, both, _ = averaged(x[order], y[order], None, _ENOUGH)
        across, pumping, guard = (held.get(n, 0.0) for n in ("double_quantum_rate", "pumping_time", "guard"))
        field, T1 = held.get("field", 0.0), held.get("T1", 3e-3)
        best: dict[str, float] = {}
        least = math.inf
        for distance in np.geomspace(self.place.near, self.place.far, 40)[1:-1]:
            for part in (0.02, 0.2, 0.4):
                place = (float(distance), part * float(distance))
                shape = self._one(t, *place, T1, 1.0, 1.0, 0.0, 0.0, across, pumping, guard, field)
                sizes, cost = [], 0.0
                for one, data in ((shape.real, both.real), (shape.imag, both.imag)):
                    size = float(one @ data / max(float(one @ one), 1e-300))
                    sizes.append(size)
                    cost += float(np.square(data - size * one).sum())
                if cost < least:
                    least = cost
                    best = {
                        "distance": place[0], "spread": place[1], "T1": T1, "lower_amplitude": sizes[0],
                        "upper_amplitude": sizes[1],
                    }  # fmt: skip
        held_ones = {"double_quantum_rate": across, "pumping_time": pumping, "guard": guard, "field": field}
        return {"lower_baseline": 0.0, "upper_baseline": 0.0, **held_ones, **best}


def _layer_doubts(outcome: FitOutcome) -> Sequence[str]:
    """Warn where the data do not determine the spread, or where it reaches the film."""
    found = {p.name: p for p in outcome.parameters}
    spread, distance = found["spread"], found["distance"]
    doubts = []
    if not spread.fixed and not spread.stderr < 0.5 * spread.value:
        doubts.append(
            "the spread of the depths is not determined: one depth explains the decays as well; hold it at "
            "0, or measure to later times and at more fields"
        )
    if spread.value > distance.value / math.sqrt(3):
        doubts.append("the layer reaches into the film; the profile is not that of these centres")
    return doubts
