"""The closed loop of the force: simulated approaches against the physics at the true distances.

Run with ``python benchmarks/closed_loop_force.py [SEEDS] [FIRST SEED]``. Every seed approaches in three
steps; the mount drifts, the sensor of the stage is noisy, the cantilever moves thermally. The pull of the
gradient of the force, (found − true)/error, is printed for the two positions that are near.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]

from labspin.data import read_run  # noqa: E402
from labspin.errors import LabspinError  # noqa: E402
from labspin.experiment import run  # noqa: E402
from labspin.procedures import FilmApproach  # noqa: E402
from labspin.station import load_station  # noqa: E402
from labspin.twin.samples.film_springs import stiffness_at  # noqa: E402

FIELD, PUMP = 20e-3, 3e6
STATION = ROOT / "instruments" / "nv-cantilever-film.toml"


def pulls(seed: int, folder: Path) -> list[float]:
    """Run one approach and return the pulls near the film."""
    made = FilmApproach(
        positions=["1.5 um", "160 nm", "120 nm"], hysteresis=False, record_time="60 s", laser_power="100 uW"
    )
    with load_station(STATION).connect(seed=seed, watchdog=False) as bench:
        recorded = read_run(run(made, bench, folder / f"{seed}.h5").path)
        settings = bench.simulation.world.sample.settings
    found = []
    for at, distance in enumerate(recorded.truth_at_points["distance"]):
        light, dark = (stiffness_at(settings, float(distance), FIELD, pump).real for pump in (PUMP, 0.0))
        off = -float(recorded.data["force_gradient"][at]) - (light - dark)
        found.append(off / float(recorded.data["force_gradient_errors"][at]))
    return found[1:]


def main(seeds: int = 20, first: int = 1) -> None:
    """Run all seeds and print the pulls."""
    found: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        for seed in range(first, first + seeds):
            try:
                found += pulls(seed, Path(name))
            except LabspinError as error:
                print(f"{seed}: {type(error).__name__}: {error}", flush=True)
            all_of = np.array(found)
            inside = 100 * np.mean(np.abs(all_of) < 1)
            print(
                f"{seed}: {all_of.size} pulls, mean {all_of.mean():+.2f}, width {all_of.std():.2f}, "
                f"within 1σ {inside:.0f} ± {100 * np.sqrt(0.683 * 0.317 / all_of.size):.0f} %",
                flush=True,
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
