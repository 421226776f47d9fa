"""Peak memory and processor time of a fit to many points, and to many traces, of every model.

    python -m benchmarks.model_memory [--points 1000000] [--traces 100000] [--limit 600] [MODEL …]

Each fit runs in a process of its own, so that its peak is its own; what importing takes is taken off. Beside
the figures stands what a fit of a tenth takes: memory is linear where the ratio is at most ten. A fit that
takes more than ``--limit`` seconds of processor time is given up.
"""

import argparse
import resource
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np

from tests.analysis.models.test_models import LEAST_SQUARES, made, noisy

OF_A_TRACE = 40
"""Points of each of many traces."""
MOST = 12 << 30
"""Bytes that a fit may take."""


def peak() -> float:
    """Return the largest resident size of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def axis(x: np.ndarray, count: int) -> np.ndarray:
    """Return so many points over the range of x, as it is spaced."""
    rank = np.linspace(0, x.size - 1, count)
    return np.interp(rank, np.arange(x.size), np.sort(x))


def one(name: str, what: str, count: int) -> None:
    """Fit, and print what it took: MB beyond imports, seconds, and how it ended."""
    from labspin.analysis import fit_batch, fit_curve

    case, model, truth = made(name)
    rng, x = np.random.default_rng(1), np.asarray(case.x, float)
    fit_curve(model, x, noisy(case, model, rng))  # what is loaded late
    case = replace(case, x=axis(x, count if what == "points" else min(OF_A_TRACE, x.size)))
    if what == "points":
        y = noisy(case, model, rng)
        before, begun = peak(), time.process_time()
        ended = str(fit_curve(model, case.x, y).statistics.converged)
    else:
        sigma = complex(case.noise)
        y = model.evaluate(case.x, truth) + sigma.real * rng.normal(size=(count, case.x.size))
        if model.is_complex:
            y = y + 1j * (sigma.imag or sigma.real) * rng.normal(size=y.shape)
        before, begun = peak(), time.process_time()
        ended = f"{np.mean(fit_batch(model, case.x, y, check=0).converged):.1%}"
    print(f"{peak() - before:.0f} {time.process_time() - begun:.1f} {ended}")


def measured(name: str, what: str, count: int, limit: int) -> str:
    """Return what a process of its own took."""
    command = [sys.executable, "-m", "benchmarks.model_memory", "--one", what, str(count), name]

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        resource.setrlimit(resource.RLIMIT_AS, (MOST, MOST))

    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=limited)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"more than {limit} s"]
        return last[0][:60]
    size, seconds, ended = done.stdout.split()
    return f"{size:>6} MB {seconds:>6} s {ended}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--traces", type=int, default=100_000)
    parser.add_argument("--limit", type=int, default=600)
    parser.add_argument("--one", nargs=2, metavar=("WHAT", "COUNT"))
    parser.add_argument("models", nargs="*")
    given = parser.parse_args()
    if given.one:
        one(given.models[0], given.one[0], int(given.one[1]))
        return
    for name in given.models or LEAST_SQUARES:
        for what, count in (("points", given.points), ("traces", given.traces)):
            found = [measured(name, what, size, given.limit) for size in (count // 10, count)]
            print(f"{name:24} {count:>8} {what}: {found[1]:32} | a tenth: {found[0]}", flush=True)


if __name__ == "__main__":
    main()
