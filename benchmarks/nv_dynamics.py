"""Pulse sequences, libration, stretched exponentials and inverse problems: times and accuracies.

Run: ``OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/nv_dynamics.py``
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
from scipy.linalg import expm

from labspin.physics.nv import (
    LABORATORY_BENCH,
    LibrationMode,
    RateSegment,
    counting_propagator,
    evolve,
    field_from_lines,
    orientation_from_lines,
    rate_model_at,
    simulate_libration,
    spin_response,
    stretched_exponential_mixture,
    transition_frequencies,
)

KHZ, MHZ, GAUSS = 2e3 * np.pi, 2e6 * np.pi, 1e-4


def median_time(call: Callable[[], object], rounds: int = 5) -> float:
    call()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def mixtures() -> None:
    t = np.concatenate([[0.0], np.logspace(-9, 3, 3000)])
    print("stretched exponential as a mixture: largest error over all times")
    print("  beta " + "".join(f"{terms:>10d}" for terms in (8, 12, 16, 24, 48)))
    for beta in (0.3, 0.5, 0.7, 0.8, 0.9, 0.95):
        errors = [
            np.abs(stretched_exponential_mixture(beta=beta, terms=n).decay(t) - np.exp(-(t**beta))).max()
            for n in (8, 12, 16, 24, 48)
        ]
        print(f"  {beta:4.2f} " + "".join(f"{error:10.1e}" for error in errors))


def sequences() -> None:
    model = rate_model_at(field=LABORATORY_BENCH.bench.field(0.0), orientation=LABORATORY_BENCH.orientation)
    segments = [
        RateSegment(duration=1e-3, pump=10 * KHZ),
        RateSegment(duration=1e-6),
        RateSegment(duration=2e-3),
        RateSegment(duration=5e-6, pump=10 * KHZ),
    ]
    mixture = stretched_exponential_mixture(beta=0.8)
    seconds = median_time(lambda: evolve(model=model, segments=segments))
    print(f"T1 sequence, 4 classes, one rate:       {seconds * 1e3:7.2f} ms")
    seconds = median_time(lambda: evolve(model=model, segments=segments, decay=mixture))
    print(f"T1 sequence, 4 classes, 16 rates:       {seconds * 1e3:7.2f} ms")
    generators = np.stack([model.generator(pump=np.full(4, 10 * KHZ), scale=s) for s in mixture.rates])
    batch = generators.reshape(-1, 7, 7) * 1e-3
    scipy_time = median_time(lambda: np.stack([expm(one) for one in batch]))
    none = np.zeros((1, 7))
    own = median_time(lambda: counting_propagator(generator=batch, counters=none, duration=1.0))
    ratio = f"scipy expm {scipy_time * 1e3:.2f} ms, labspin {own * 1e3:.2f} ms ({scipy_time / own:.1f} x)"
    print(f"64 propagators over 1 ms: {ratio}")


def librations() -> None:
    mode = LibrationMode()
    strength = np.linspace(10, 25, 100) * GAUSS
    field = LABORATORY_BENCH.bench.field(strength)
    seconds = median_time(
        lambda: spin_response(
            mode=mode,
            field=field,
            pump=3 * KHZ,
            angular_frequency=KHZ,
            orientation=LABORATORY_BENCH.orientation,
        )
    )
    print(f"spin response at 100 fields:            {seconds * 1e3:7.2f} ms")
    rng = np.random.default_rng(0)
    seconds = median_time(
        lambda: simulate_libration(mode=mode, temperature=300.0, duration=100.0, steps=1_000_000, rng=rng), 3
    )
    print(f"Brownian libration, 10^6 exact steps:   {seconds * 1e3:7.1f} ms")


def inverses() -> None:
    rng = np.random.default_rng(0)
    for count in (3, 4, 8):
        found, seconds = 0, []
        for _ in range(10):
            field = rng.normal(size=3)
            field *= rng.uniform(20 * GAUSS, 200 * GAUSS) / np.linalg.norm(field)
            lines = transition_frequencies(field=field).ravel()[rng.permutation(8)[:count]]
            start = time.perf_counter()
            solutions = field_from_lines(lines=lines, uncertainty=0.05 * MHZ)
            seconds.append(time.perf_counter() - start)
            truth = -np.sort(-np.abs(field))
            found += min(np.abs(one.field - truth).max() for one in solutions) < 0.05 * GAUSS
        print(f"field from {count} lines: truth among the solutions {found}/10, {np.median(seconds):.2f} s")
    fields = LABORATORY_BENCH.bench.field(np.array([10, 17, 25]) * GAUSS)
    lines = transition_frequencies(field=fields, orientation=LABORATORY_BENCH.orientation)[..., 0]
    seconds = median_time(
        lambda: orientation_from_lines(fields=fields, lines=list(lines), uncertainty=0.3 * MHZ), 3
    )
    print(f"orientation from three spectra of four lines: {seconds:.2f} s")


if __name__ == "__main__":
    mixtures()
    sequences()
    librations()
    inverses()
