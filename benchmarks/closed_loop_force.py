"""The closed loop of the force: simulated approaches against the physics at the true distances.

Run with ``python benchmarks/closed_loop_force.py [APPROACHES] [FIRST SEED]``. Every approach goes in five
steps to 120 nm from the film and back; the mount drifts by 2 nm in an hour, the sensor of the stage is noisy,
the cantilever moves thermally. Pulls, (found − true)/error, are printed: of the gradient of the force at each
position on the way in and on the way out; and of what the recipe ``film_approach`` finds in the whole run:
the number of centres (by its coefficient) and their force at the nearest position, once with what is known of
the mount (the surface is where it was to 2 nm), and once with the place of the surface free. Fits that do not
determine the surface are counted.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]

from labspin.analysis import fit_run, load_recipe  # noqa: E402
from labspin.data import read_run  # noqa: E402
from labspin.errors import LabspinError  # noqa: E402
from labspin.experiment import run  # noqa: E402
from labspin.physics.spinwaves import (  # noqa: E402
    NV_TABLE1,
    YIG_FIGURES,
    pumped_occupations,
    spin_wave_bath,
    spin_wave_force,
)
from labspin.procedures import FilmApproach  # noqa: E402
from labspin.station import load_station  # noqa: E402
from labspin.twin.samples.film_springs import stiffness_at  # noqa: E402

FIELD, PUMP, SPRING, FREQUENCY = 20e-3, 3e6, 1e-4, 5e3
STATION = ROOT / "instruments" / "nv-cantilever-film.toml"
RECIPE = load_recipe(ROOT / "analysis" / "film_approach.toml")
FITTED = {
    0: "number of centres", 1: "force at 120 nm", 3: "number, surface free", 4: "force, surface free",
    5: "surface",
}  # fmt: skip
SCALE = {"scale": RECIPE.priors["scale"]}  # the error that all positions have in common
KNOWN = replace(RECIPE, priors={"surface": ("0 nm", "2 nm"), **SCALE})
FREED = replace(RECIPE, priors=SCALE, start={"surface": "0 m"})
POINTS = (1.5e-6, 300e-9, 200e-9, 160e-9, 120e-9)


def force_of_one(distance: float) -> float:
    """Return the force on a centre in the light, N."""
    place: dict[str, Any] = {"spin": NV_TABLE1, "field": FIELD, "temperature": 300.0}
    bath = spin_wave_bath(film=YIG_FIGURES, distance=distance, rtol=1e-4, **place)
    levels = pumped_occupations(bath=bath, pump_rate=PUMP, **place)
    return float(np.squeeze(spin_wave_force(bath=bath, occupations=levels)))


def of_the_fit(recorded: Any, recipe: Any, centres: float, lags: np.ndarray) -> list[float]:
    """Return the pulls of the number of centres, the force at the nearest position, and the surface."""
    (outcome,) = fit_run(recorded, recipe)
    names = [name for name in ("coefficient", "surface") if name in outcome.covariance_names]
    if "surface" in recipe.start and "surface" not in names:
        return [np.nan] * 3
    coefficient, surface = (outcome[name].value for name in ("coefficient", "surface"))
    places = [outcome.covariance_names.index(name) for name in names]
    covariance = outcome.covariance[np.ix_(places, places)]
    there = POINTS[-1]
    one, near, far = (force_of_one(there - surface + off) for off in (0.0, -0.5e-9, 0.5e-9))
    scale = 2 * SPRING / FREQUENCY
    force = coefficient * scale * one
    gradient = (np.array([1 / coefficient, (near - far) / 1e-9 / one]) * force)[: len(names)]
    error = float(np.sqrt(gradient @ covariance @ gradient))
    return [
        (coefficient - centres / scale) / outcome["coefficient"].stderr,
        (force - centres * force_of_one(there - lags.mean())) / error,
        (surface - lags.mean()) / outcome["surface"].stderr if len(names) > 1 else np.nan,
    ]


def pulls(seed: int, folder: Path) -> tuple[list[float], list[float]]:
    """Run one approach and return the pulls of the gradient at each point, and those of the fit."""
    made = FilmApproach(
        positions=[f"{point} m" for point in POINTS], record_time="240 s", laser_power="100 uW"
    )
    with load_station(STATION).connect(seed=seed, watchdog=False) as bench:
        path = run(made, bench, folder / f"{seed}.h5").path
        settings = bench.simulation.world.sample.settings
    recorded = read_run(path)
    distances = np.asarray(recorded.truth_at_points["distance"], float)
    found = []
    for at, distance in enumerate(distances):
        light, dark = (stiffness_at(settings, float(distance), FIELD, pump).real for pump in (PUMP, 0.0))
        off = -float(recorded.data["force_gradient"][at]) - (light - dark)
        found.append(off / float(recorded.data["force_gradient_errors"][at]))
    lags = np.asarray(recorded.data["positioner_position"], float) - distances
    fitted = [
        pull for recipe in (KNOWN, FREED) for pull in of_the_fit(recorded, recipe, settings.centres, lags)
    ]
    path.unlink()
    return found, fitted


def tell(name: str, found: np.ndarray) -> None:
    """Print mean, width and coverage of pulls."""
    told, found = found.size, found[np.isfinite(found)]
    if not found.size:
        print(f"  {name:28s} {told} not determined")
        return
    inside = 100 * np.mean(np.abs(found) < 1)
    print(
        f"  {name:28s} {found.size:4d}  mean {found.mean():+.2f} ± {1 / np.sqrt(found.size):.2f}, "
        f"width {found.std():.2f}, within 1σ {inside:.1f} ± {100 * np.sqrt(0.683 * 0.317 / found.size):.1f} %"
        + (f", {told - found.size} not determined" if told > found.size else "")
    )


def main(seeds: int = 20, first: int = 1) -> None:
    """Run all seeds and print the pulls."""
    points, fits = [], []
    with tempfile.TemporaryDirectory() as name:
        for seed in range(first, first + seeds):
            try:
                found, fitted = pulls(seed, Path(name))
            except LabspinError as error:
                print(f"{seed}: {type(error).__name__}: {error}", flush=True)
                continue
            points.append(found)
            fits.append(fitted)
            if len(points) % 10 == 0 or seed == first + seeds - 1:
                print(f"{len(points)} approaches", flush=True)
                table, ends = np.array(points), np.array(fits)
                tell("gradient, on the way in", table[:, 1:5].ravel())
                tell("gradient, on the way out", table[:, 5:9].ravel())
                tell("gradient, far away", table[:, [0, 9]].ravel())
                for column, what in FITTED.items():
                    tell(what, ends[:, column])
                sys.stdout.flush()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
