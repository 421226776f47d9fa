"""Errors of fitted ring-downs under thermal motion, weighted by its covariance and taken as white.

Run with ``python benchmarks/mrfm_ring_down.py [SEEDS]``. Ring-downs from 1 V over five ring-down times in
300 points, with thermal and white noise drawn exactly (standard deviations of each quadrature, V). Printed
are the standard deviation of the pulls and the coverage of 1σ and 2σ, of ring-down time (Q) and frequency.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from labspin.analysis import FitModel, fit_curve, load_model
from tests.analysis.fitting.test_ring_down_fit import TRUTH, decay

NOISES = ((0.02, 0.004), (0.01, 0.02), (0.05, 0.0), (0.0, 0.02))


def row(model: FitModel, title: str, thermal: float, white: float, seeds: int) -> None:
    """Fit many ring-downs by one model and print how their errors fare."""
    rng, pulls, errors = np.random.default_rng(11), [], []
    begun = time.process_time()
    for _ in range(seeds):
        x, y = decay(rng, thermal=thermal, white=white)
        if not model.is_complex:
            y = (y * np.exp(-0.7j - 2j * np.pi * TRUTH["detuning"] * x)).real
        fit = fit_curve(model, x, y)
        names = [name for name in TRUTH if name in model.names]
        pulls.append([(fit[name].value - TRUTH[name]) / fit[name].stderr for name in names])
        errors.append(fit["ring_down_time"].stderr)
    seconds, values = (time.process_time() - begun) / seeds, np.array(pulls)
    size = np.abs(values)
    text = "   ".join(
        f"{name}: {values[:, k].std():6.2f} {np.mean(size[:, k] < 1):6.1%} {np.mean(size[:, k] < 2):6.1%}"
        for k, name in enumerate(names)
    )
    print(f"{thermal:7.3f} {white:6.3f}  {title:28s} {np.median(errors):8.4f} {1e3 * seconds:5.0f}   {text}")


def main(seeds: int = 500) -> None:
    """Print the table; a coverage is good to 2 % at 500 seeds."""
    print("thermal  white  model                        error/s    ms   pull σ, within 1σ, 2σ")
    for thermal, white in NOISES:
        for name in ("complex_ring_down", "ring_down"):
            model = load_model(name)
            row(replace(model, noise=None), f"{name}, white", thermal, white, seeds)
            row(model, name, thermal, white, seeds)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
