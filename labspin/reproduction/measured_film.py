"""Figures of [SW] measured on the simulated benches: 4(b), 4(c), 11(d) and 13.

Both transitions relax on a bench, so the curves have both. Waves themselves are not seen: what a bench
measures of them is the relaxation of centres (`relaxometry`) and their force on a cantilever.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labspin.analysis import FitOutcome, fit_run
from labspin.data import Run
from labspin.physics import spinwaves as sw
from labspin.physics.spinwaves import NV_TABLE1, YIG_FIGURES
from labspin.physics.spinwaves.keywords import CentreState
from labspin.reproduction.measurement import Measurement, Panel

__all__ = ["MEASUREMENTS"]

FloatArray = NDArray[np.float64]

MT, NM, D = 1e-3, 1e-9, YIG_FIGURES.thickness
NEAR = (100, 150, 200, 300, 400, 600, 1000)  # nm, at 35 mT
FAR = (400, 600, 1000, 2000)  # nm, at 5 mT and 25 mT, where a nearer film relaxes faster than light pumps


class Relaxing(NamedTuple):
    """Rates of |0> <-> |−> and |0> <-> |+>, each way, 1/s, and the two times of the occupations, s."""

    lower: FloatArray
    upper: FloatArray
    shorter: FloatArray
    longer: FloatArray


@lru_cache(maxsize=64)
def _computed(field: float, distances: tuple[float, ...]) -> Relaxing:
    """Return what the physics says at a field, T, and distances, m."""
    place: CentreState = {"spin": NV_TABLE1, "field": field, "temperature": 300.0}
    bath = sw.spin_wave_bath(film=YIG_FIGURES, distance=np.array(distances), rtol=1e-4, **place)
    alone, times = sw.thermal_rates(**place), sw.relaxation_times(**place, bath=bath)
    return Relaxing(
        (bath.decay_minus + bath.absorption_minus) / 2 + alone.kappa_1 * (alone.occupation_minus + 0.5),
        (bath.decay_plus + bath.absorption_plus) / 2 + alone.kappa_1 * (alone.occupation_plus + 0.5),
        times.t1b,
        times.t1a,
    )


def _times(lower: float, upper: float) -> FloatArray:
    """Return the shorter and the longer time of three levels that exchange at these rates, s."""
    root = np.sqrt(lower**2 + upper**2 - lower * upper)
    return 1 / np.array([lower + upper + root, lower + upper - root])


def _found(fit: FitOutcome) -> tuple[FloatArray, FloatArray]:
    """Return the four of `Relaxing` and their errors, of one fit."""
    names = ("lower_rate", "upper_rate")
    rates = [fit[name].value for name in names]
    which = [fit.covariance_names.index(name) for name in names]
    covariance, steps = fit.covariance[np.ix_(which, which)], np.diag(rates) * 1e-4
    slope = np.array(
        [(_times(*(rates + step)) - _times(*(rates - step))) / (2 * step.sum()) for step in steps]
    )
    errors = np.sqrt(np.diag(slope.T @ covariance @ slope))
    return np.array([*rates, *_times(*rates)]), np.array([*np.sqrt(np.diag(covariance)), *errors])


def _measured(runs: Sequence[Run], field: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return distances (n,), and values and errors (4, n) at one field."""
    rows = []
    for run in runs:
        sizes = {one.name: one.values for one in run.header.layout.dimensions}
        fields = sizes["magnet_field"]
        if field in fields:
            fit = fit_run(run)[int(np.flatnonzero(fields == field)[0])]
            rows.append((float(sizes["positioner_position"][0]), *_found(fit)))
    distances, values, errors = zip(*rows, strict=True)
    return np.array(distances), np.transpose(values), np.transpose(errors)


def _panel(runs: Sequence[Run], field: float, what: str, label: str) -> Panel:
    distances, values, errors = _measured(runs, field)
    number = Relaxing._fields.index(what)
    dense = np.geomspace(0.9 * distances.min(), 1.1 * distances.max(), 31)
    return Panel(
        title=f"{what}, {field / MT:g} mT",
        xlabel="l/d",
        ylabel=label,
        x=distances / D,
        y=values[number],
        error=errors[number],
        expected=_computed(field, tuple(distances.tolist()))[number],
        curve=(dense / D, _computed(field, tuple(dense.tolist()))[number]),
        logarithmic="xy",
    )


def near_the_film(runs: Sequence[Run]) -> list[Panel]:
    """Rates of both transitions and T1' at 35 mT against the distance, by relaxometry at 300 K."""
    rates = [_panel(runs, 35 * MT, what, f"{what} rate (1/s)") for what in ("lower", "upper")]
    return [*rates, _panel(runs, 35 * MT, "shorter", "T1' (s)")]


def two_times(runs: Sequence[Run]) -> list[Panel]:
    """Both time constants of the occupations at 5, 25 and 35 mT against the distance, by relaxometry."""
    return [
        _panel(runs, field * MT, what, "time (s)") for field in (5, 25, 35) for what in ("shorter", "longer")
    ]


def shortest_times(runs: Sequence[Run]) -> list[Panel]:
    """T1' of Fig. 13(c) at 5, 25 and 35 mT against the distance, by relaxometry at 300 K."""
    return [_panel(runs, field * MT, "shorter", "T1' (s)") for field in (5, 25, 35)]


def force_of_light(runs: Sequence[Run]) -> list[Panel]:
    """Gradient of the force that light adds, from the shift of a cantilever with 10⁵ centres.

    The figure is the force itself, at 35 mT; the permanent magnet of the bench holds the film at 20 mT.
    """
    (run,) = runs
    place, dense = run.data["positioner_position"], np.geomspace(90 * NM, 1.6e-6, 25)
    return [
        Panel(
            title="light at 20 mT",
            xlabel="distance (nm)",
            ylabel="gradient of the force (N/m)",
            x=place / NM,
            y=run.data["force_gradient"],
            error=run.data["force_gradient_errors"],
            expected=_gradient(place),
            curve=(dense / NM, _gradient(dense)),
            logarithmic="x",
        )
    ]


def _gradient(distance: FloatArray) -> FloatArray:
    """Return F' of 10⁵ centres in the light less that in the dark, N/m."""
    lit, dark = (
        sw.spin_wave_stiffness(
            film=YIG_FIGURES,
            spin=NV_TABLE1,
            distance=distance,
            field=20 * MT,
            temperature=300.0,
            angular_frequency=2 * np.pi * 5e3,
            pump_rate=pump,
        )
        for pump in (3e6, 0.0)
    )
    return np.asarray(-1e5 * (lit - dark).real)


def _at(position: int, fields: str) -> tuple[str, ...]:
    """Return what changes in the card for one distance, in nm."""
    return (
        f"scan=positioner.position = {position} nm",
        f"expected_distance={position} nm",
        f"fields={fields}",
    )


_NEAR = tuple(_at(position, "35 mT") for position in NEAR)
_FAR = tuple(_at(position, "5 mT, 25 mT") for position in FAR)
_CARD = "procedures/relaxometry.toml"
MEASUREMENTS = (
    Measurement(
        "sw-4b", "[SW] Fig. 4(b), measured at 35 mT", _CARD, near_the_film, 20.0, changes=_NEAR, columns=3
    ),
    Measurement(
        "sw-4c",
        "[SW] Fig. 4(c), measured: force on a cantilever",
        "procedures/film_approach.toml",
        force_of_light,
        25.0,
    ),
    Measurement(
        "sw-11d",
        "[SW] Fig. 11(d), measured: two times",
        _CARD,
        two_times,
        20.0,
        changes=(*_NEAR, *_FAR),
        columns=2,
    ),
    Measurement(
        "sw-13",
        "[SW] Fig. 13(c), measured: T1'",
        _CARD,
        shortest_times,
        2.0,
        changes=(*_NEAR, *_FAR),
        columns=3,
    ),
)
