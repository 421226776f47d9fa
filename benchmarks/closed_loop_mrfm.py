"""The closed loop of the cantilever: the shipped card on the simulated bench, against the truth in its file.

Run with ``python benchmarks/closed_loop_mrfm.py [SEEDS] [sweep|ring_down]``. For every seed: f0 and 1/Q of
all temperatures against the truth, in standard errors, and density, T1 and its exponent of the recipe. Then
(by sweeps) the skew of a sweep against how long it waits.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from labspin.analysis import fit_run  # noqa: E402
from labspin.data import Run, read_run  # noqa: E402
from labspin.experiment import run  # noqa: E402
from labspin.procedures import MRFMTemperature  # noqa: E402
from labspin.session import load_card  # noqa: E402
from labspin.station import load_station  # noqa: E402
from tests.procedures.mrfm_truth import pulls, true_exponent, true_resonances, true_T1  # noqa: E402

STATION = load_station(ROOT / "instruments" / "mrfm-cantilever.toml")
CARD = load_card(ROOT / "procedures" / "mrfm_temperature.toml")


def measured(procedure: Any, seed: int) -> tuple[Run, float, float]:
    """Run ``procedure`` and return the run, wall-clock seconds and simulated seconds."""
    with tempfile.TemporaryDirectory() as folder, STATION.connect(seed=seed, watchdog=False) as bench:
        begun, started = time.perf_counter(), bench.clock.now()
        outcome = run(procedure, bench, Path(folder) / "run.h5")
        wall, simulated = time.perf_counter() - begun, bench.clock.now() - started
        return read_run(outcome.path), wall, simulated


def row(seed: int, method: str) -> tuple[np.ndarray, np.ndarray]:
    """Print one seed and return the pulls of the resonances, and of the spins' parameters."""
    procedure = CARD.runs[0].make()
    procedure.method = method
    recorded, wall, simulated = measured(procedure, seed)
    truth, found = recorded.header.truth, pulls(recorded)
    (fit,) = fit_run(recorded, "mrfm_temperature")
    wanted = {"density": truth["density"][0], "T1": true_T1(truth, 0.1), "T1_exponent": true_exponent(truth)}
    deviations = np.array([(fit[name].value - value) / fit[name].stderr for name, value in wanted.items()])
    spins = "  ".join(
        f"{100 * (fit[name].value / value - 1):+6.2f} % ±{100 * fit[name].stderr / abs(value):5.2f} %"
        for name, value in wanted.items()
    )
    print(
        f"{seed:4d} {wall:6.1f} {simulated:8.0f} {found[0].std():6.2f} {found[1].std():6.2f} "
        f"{np.abs(found).max():6.2f}   {spins}  {fit.statistics.chi2red:5.2f}",
        flush=True,
    )
    return found, deviations


def skew() -> None:
    """Print how far off a sweep is that waits too short."""
    print("\nwait/ring-down time   f0 off/linewidth   (1/Q)/truth   at 100 mK; then at 600 mK")
    for wait in (0.1, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0):
        cells = []
        for kelvin in ("0.1 K", "0.6 K"):
            recorded, _, _ = measured(MRFMTemperature(temperatures=[kelvin], ring_downs=wait), 1)
            frequency, inverse_quality = true_resonances(recorded)
            off = recorded.data["resonance_frequency"][0] - frequency[0]
            ratio = recorded.data["inverse_quality"][0] / inverse_quality[0]
            cells.append(f"{off / (frequency[0] * inverse_quality[0]):+10.4f} {ratio:8.4f}")
        print(f"{wait:19.1f}   " + "      ".join(cells))


def main(seeds: int = 4, method: str = "sweep") -> None:
    """Print both tables."""
    columns = "".join(f"{name:20s}" for name in ("density", "T1", "exponent"))
    print(f"seed wall/s  simul/s   f0 σ  1/Q σ largest   {columns}χ²red")
    found, deviations = zip(*(row(seed, method) for seed in range(1, seeds + 1)), strict=True)
    everything = np.concatenate(found, axis=1)
    count = everything.shape[1]
    for name, values in zip(("f0", "1/Q"), everything, strict=True):
        print(
            f"pulls of {name}: mean {values.mean():+.2f} ± {1 / math.sqrt(count):.2f}, "
            f"standard deviation {values.std():.2f} ± {1 / math.sqrt(2 * count):.2f}, within 1σ "
            f"{100 * np.mean(np.abs(values) < 1):.0f} %, 2σ {100 * np.mean(np.abs(values) < 2):.0f} % "
            f"({count} temperatures)"
        )
    for name, values in zip(("density", "T1", "T1_exponent"), np.transpose(deviations), strict=True):
        print(
            f"pulls of {name}: mean {values.mean():+.2f} ± {1 / math.sqrt(seeds):.2f}, standard deviation "
            f"{values.std():.2f} ± {1 / math.sqrt(2 * seeds):.2f}, within 1σ "
            f"{100 * np.mean(np.abs(values) < 1):.0f} %, 2σ {100 * np.mean(np.abs(values) < 2):.0f} % "
            f"({seeds} runs)"
        )
    if method == "sweep":
        skew()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:3])
