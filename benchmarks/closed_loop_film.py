"""The closed loop over a film: relaxometry on the simulated bench against the truth in its file.

Run with ``python benchmarks/closed_loop_film.py [SEEDS] [OUTPUT.npz] [FIRST SEED] [RUNS]``. In a folder RUNS
the runs are kept, and those that are there already are only fitted. Every seed draws one of
20 distances (0.2 to 4 thicknesses of the film), five of 16 fields (5 to 50 mT), an error of either π pulse (0
to 10 %) and a guess of the distance that is up to 20 % off; light drifts, and so does the mount of the
positioner, whose sensor is noisy. Seeds share distances and fields so that they share the integrals. Pulls,
(found − truth)/error, are collected of Γ₋ and Γ₊ of every field and of the distance, and beside them the T1
that one signal without π pulses would have given.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]

from labspin.analysis import FitOutcome, chain_fit, fit_curve, fit_many, load_model, load_recipe  # noqa: E402
from labspin.analysis.files.chain import chain_names, link_of  # noqa: E402
from labspin.analysis.models import film  # noqa: E402
from labspin.data import read_run  # noqa: E402
from labspin.errors import LabspinError, PlanError  # noqa: E402
from labspin.experiment import run  # noqa: E402
from labspin.procedures import Relaxometry  # noqa: E402
from labspin.station import load_station  # noqa: E402

THICKNESS = 200e-9
FIELDS, REPETITIONS, DARK_TIMES = 5, 4000, 13
DISTANCES = THICKNESS * np.geomspace(0.2, 4.0, 20)
MILLITESLA = np.arange(5, 51, 3)
RECIPE = load_recipe(ROOT / "analysis" / "relaxometry_distance.toml")


def station(folder: Path) -> Any:
    """Return the simulated station with a microwave source that reaches the upper line at 50 mT."""
    text = (ROOT / "instruments" / "nv-over-film.toml").read_text(encoding="utf-8")
    text = text.replace('driver = "sg384"', 'driver = "smb100a"').replace('"4.05 GHz"', '"6 GHz"')
    path = folder / "station.toml"
    path.write_text(text, encoding="utf-8")
    return load_station(path)


def conditions(seed: int) -> dict[str, Any]:
    """Return what a seed draws."""
    rng = np.random.default_rng([seed, 17])
    return {
        "distance": float(rng.choice(DISTANCES)),
        "fields": (1e-3 * np.sort(rng.choice(MILLITESLA, FIELDS, replace=False))).round(4).tolist(),
        "errors": rng.uniform(-0.1, 0.1, 2).tolist(),
        "guess": float(rng.choice([0.8, 1.0, 1.2])),
    }


def procedure(drawn: dict[str, Any]) -> Any:
    """Return the procedure of what was drawn, without the fields at which it refuses to measure."""
    made = Relaxometry(
        fields=["20 mT"], expected_distance=f"{drawn['distance'] * drawn['guess']} m",
        laser_power="100 uW", laser_duration="12 us", guard_time="0.7 us", signal_width="0.8 us",
        reference_width="4 us",
        pi_lower=f"{round(100 * (1 + drawn['errors'][0]))} ns",
        pi_upper=f"{round(100 * (1 + drawn['errors'][1]))} ns",
        microwave_power="10 dBm", dead_time="22 ns", repetitions=REPETITIONS, averages=1,
        dark_times=DARK_TIMES,
    )  # fmt: skip
    kept = []
    for field in drawn["fields"]:
        try:
            made.dark_time_values(field)
        except PlanError:
            continue
        kept.append(f"{field} T")
    if kept:
        made.set_parameters({"fields": kept})
    return made if kept else None


def one_signal(recorded: Any, place: int) -> tuple[float, float]:
    """Return 1/T1 (1/s) of one signal without π pulses against the dark time, and its error."""
    data = recorded.data
    times = np.asarray(data["dark_time"])[0, place]
    signal, reference = (np.asarray(data[f"{g}_lower_0"], float)[0, place] for g in ("signal", "reference"))
    contrast = signal / reference
    sigma = contrast * np.sqrt(1 / signal + 1 / reference)
    fit = fit_curve(load_model("stretched_exponential"), times, contrast, sigma, fixed={"beta": 1.0})
    rate = 1 / fit["T1"].value
    return rate, fit["T1"].stderr * rate**2


def row(seed: int, bench_file: Any, folder: Path) -> list[list[float]]:
    """Run one seed and return a row a field, and one of the distance."""
    drawn = conditions(seed)
    made = procedure(drawn)
    if made is None:
        return []
    path = folder / f"{seed}.h5"
    if not path.exists():
        with bench_file.connect(seed=seed, watchdog=False) as bench:
            bench.actuator("positioner.position").move(drawn["distance"])
            path = run(made, bench, path).path
    recorded = read_run(path)
    truth = {**(recorded.header.truth or {}), **recorded.truth_at_points}
    (found,) = fit_many(
        [path], link_of(RECIPE), workers=1, wanted=chain_names(RECIPE), curves=True, force=True
    )
    rows = []
    fits: list[FitOutcome] = list(found.outcomes)
    for at, fit in enumerate(fits):
        field = float(made.fields[at])
        line = [seed, 0, drawn["distance"], field]
        for name in ("lower_rate", "upper_rate"):
            line += [float(np.ravel(truth[name])[at]), fit[name].value, fit[name].stderr]
        line += [1 / float(np.ravel(truth["T1"])[at]), *one_signal(recorded, at)]
        line += [float(fit.statistics.p_value or np.nan)]
        rows.append(line)
    try:
        outcome = chain_fit([found], RECIPE).outcome
        distance = float(np.mean(truth["distance"]))
        rows.append(
            [seed, 1, drawn["distance"], np.nan, distance, outcome["distance"].value,
             outcome["distance"].stderr, 3e-3, outcome["T1"].value, outcome["T1"].stderr, *[np.nan] * 3,
             float(outcome.statistics.p_value or np.nan)]
        )  # fmt: skip
    except LabspinError as error:
        print(f"{seed}: no distance: {error}", flush=True)
    return rows


def tell(name: str, pulls: np.ndarray) -> None:
    """Print mean, width and coverage of pulls."""
    pulls = pulls[np.isfinite(pulls)]
    count = max(pulls.size, 1)
    inside = 100 * np.mean(np.abs(pulls) < 1)
    print(
        f"{name:28s} {pulls.size:5d}  mean {pulls.mean():+6.2f} ± {1 / np.sqrt(count):.2f}  "
        f"median {np.median(pulls):+6.2f}  width {pulls.std():6.2f}  within 1σ {inside:5.1f} ± "
        f"{100 * np.sqrt(0.683 * 0.317 / count):.1f} %",
        flush=True,
    )


def summary(table: np.ndarray) -> None:
    """Print the pulls of all seeds, and by distance."""
    rates, ends = table[table[:, 1] == 0], table[table[:, 1] == 1]
    for low, high in ((0.2, 4.1), (0.2, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 4.1)):
        print(f"distance {low} to {high} thicknesses")
        near = (rates[:, 2] >= low * THICKNESS) & (rates[:, 2] < high * THICKNESS)
        there = (ends[:, 2] >= low * THICKNESS) & (ends[:, 2] < high * THICKNESS)
        if not near.any() or not there.any():
            continue
        tell("  lower rate", (rates[near, 5] - rates[near, 4]) / rates[near, 6])
        tell("  upper rate", (rates[near, 8] - rates[near, 7]) / rates[near, 9])
        tell("  distance", (ends[there, 5] - ends[there, 4]) / ends[there, 6])
        off = rates[near, 11] / rates[near, 10]
        print(f"    one signal: 1/T1 over truth, median {np.median(off):.3f}, "
              f"16 to 84 % {np.quantile(off, 0.16):.3f} to {np.quantile(off, 0.84):.3f}")  # fmt: skip


def main(seeds: int = 20, output: str = "", first: str = "1", kept: str = "") -> None:
    """Run all seeds and print the pulls."""
    table: list[list[float]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(kept or name)
        folder.mkdir(parents=True, exist_ok=True)
        bench = station(Path(name))
        for seed in range(int(first), int(first) + seeds):
            try:
                table += row(seed, bench, folder)
            except LabspinError as error:
                print(f"{seed}: {type(error).__name__}: {error}", flush=True)
            if output and seed % 5 == 0:
                np.savez(output, table=np.array(table))
                print(f"{seed}: {time.process_time():.0f} s of a processor", flush=True)
    summary(np.array(table))


if __name__ == "__main__":
    film._KNOTS, film._ROUNDS = 9, 0
    main(*map(int, sys.argv[1:2]), *sys.argv[2:5])
