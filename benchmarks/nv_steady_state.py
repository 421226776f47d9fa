"""Steady states of the NV rate model beside QuTiP solving the same master equation.

Run: ``OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/nv_steady_state.py``

The peer gets the same master equation with jump operators √k_ij |j><i|: seven levels, then the three-level
pumping. Timed are ``steadystate`` of Hamiltonian and jump operators, of a Liouvillian built beforehand by
every method, and the bare SVD of its matrix, which is the least that any use of it costs. labspin's time
includes eigenstates, rates, cross-relaxation, light and torque; the peer's only its solution.
"""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable

import numpy as np
from scipy.spatial.transform import Rotation

from labspin.physics.nv import (
    CR_MEASURED,
    CR_SUPPLEMENT,
    DIRECT_PUMPING,
    NV_OPTICAL_RATES,
    Ensemble,
    Microwave,
    levels,
    rate_model_at,
    resonance_spectrum,
    steady_state,
    torque_map,
    transition_driving,
)

KHZ = 2e3 * np.pi
ROUNDS = 5


def median_time(call: Callable[[], object], rounds: int = ROUNDS) -> float:
    call()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def random_problems(count: int) -> list[dict[str, object]]:
    rng = np.random.default_rng(11)
    problems = []
    for _ in range(count):
        field = rng.normal(size=3) * 10 ** rng.uniform(-3, -0.7)
        orientation = Rotation.random(rng=rng)
        lines = levels(field=field, orientation=orientation).transition_frequencies
        problems.append(
            {
                "field": field,
                "pump": 10 ** rng.uniform(3, 7.5),
                "orientation": orientation,
                "microwave": Microwave(
                    amplitude=10 ** rng.uniform(-6, -3.5), direction=tuple(rng.normal(size=3))
                ),
                "microwave_frequency": lines[rng.integers(4), rng.integers(2)] + rng.normal() * 2e7,
            }
        )
    return problems


def jump_operators(problem: dict[str, object], number: int, ensemble: Ensemble | None = None) -> list[object]:
    """Return √k |j><i| of one class, with the rates of labspin's full generator."""
    import qutip

    driving = transition_driving(
        field=problem["field"],
        frequency=problem["microwave_frequency"],
        microwave=problem["microwave"],
        orientation=problem["orientation"],
    )
    model = rate_model_at(field=problem["field"], orientation=problem["orientation"], ensemble=ensemble)
    generator = model.generator(pump=np.full(4, problem["pump"]), driving=driving)[number]
    levels_count = generator.shape[-1]
    return [
        np.sqrt(generator[j, i] * 1e-7) * qutip.basis(levels_count, j) @ qutip.basis(levels_count, i).dag()
        for i in range(levels_count)
        for j in range(levels_count)
        if i != j and generator[j, i] > 0
    ]


def agreement(count: int = 25) -> None:
    import qutip

    worst = 0.0
    for problem in random_problems(count):
        state = steady_state(**problem)
        for number in range(4):
            jumps = jump_operators(problem, number)
            h = qutip.Qobj(np.diag(np.arange(7) * 1e3))
            found = qutip.steadystate(qutip.liouvillian(h, jumps), method="svd").diag().real
            expected = np.concatenate(
                [
                    state.ground_populations[number],
                    state.excited_populations[number],
                    [state.singlet_population[number]],
                ]
            )
            worst = max(worst, float(np.abs(found - expected).max()))
    print(f"populations, {4 * count} random fields, pumps, drives: max |labspin - QuTiP| = {worst:.1e}")


def peer_times(ensemble: Ensemble) -> dict[str, float]:
    import qutip

    problem = random_problems(3)[2]
    jumps = jump_operators(problem, 0, ensemble)
    h = qutip.Qobj(np.diag(np.arange(jumps[0].shape[0]) * 1e3))
    built = qutip.liouvillian(h, jumps)
    times = {"steadystate(H, c_ops)": median_time(lambda: qutip.steadystate(h, jumps), 3)}
    for method in ("direct", "svd", "eigen", "power"):
        times[f"Liouvillian built, {method!r}"] = median_time(
            lambda m=method: qutip.steadystate(built, method=m), 9
        )
    times["Liouvillian and 'svd'"] = median_time(
        lambda: qutip.steadystate(qutip.liouvillian(h, jumps), method="svd"), 9
    )
    dense = built.full()
    times["its matrix, numpy svd only"] = median_time(lambda: np.linalg.svd(dense), 25)
    return times


def main() -> None:
    print(f"numpy {np.__version__}, Python {platform.python_version()}, one thread")
    points = 181 * 361 * 4
    rows = {}
    for name, relaxation in (("supplement", CR_SUPPLEMENT), ("interpolated", CR_MEASURED)):
        ensemble = Ensemble(relaxation=relaxation)
        rows[name] = median_time(lambda e=ensemble: torque_map(strength=0.01, pump=3 * KHZ, ensemble=e))
        print(
            f"torque map 181 x 361 x 4 with CR ({name}): {rows[name]:.3f} s, "
            f"{rows[name] / points * 1e6:.2f} us per class-orientation, {points / rows[name]:.3g} per second"
        )
    microwave = Microwave()
    directions = np.random.default_rng(0).normal(size=(20_000, 3))
    field = 0.01 * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    driven = median_time(
        lambda: steady_state(
            field=field, pump=3 * KHZ, microwave=microwave, microwave_frequency=2.75e9 * 2 * np.pi
        )
    )
    print(f"with a microwave drive: {driven / 80_000 * 1e6:.2f} us per class-orientation")
    frequency = np.linspace(2.55, 2.95, 1000) * 2e9 * np.pi
    spectrum = median_time(
        lambda: resonance_spectrum(field=[1e-3, 2e-3, 0.01], frequency=frequency, pump=3 * KHZ)
    )
    print(f"MDMR spectrum, 1000 frequencies, four classes: {spectrum * 1e3:.1f} ms")
    try:
        import qutip
    except ImportError:
        print("QuTiP is not installed: no comparison")
        return
    for title, rates in (("seven levels", NV_OPTICAL_RATES), ("three levels", DIRECT_PUMPING)):
        ensemble = Ensemble(rates=rates)
        seconds = median_time(lambda e=ensemble: torque_map(strength=0.01, pump=3 * KHZ, ensemble=e))
        own = seconds / points
        print(f"\nQuTiP {qutip.__version__}, one class, one field, {title}; labspin {own * 1e6:.2f} us")
        for name, peer in peer_times(ensemble).items():
            print(f"  {name:32s} {peer * 1e3:9.3f} ms   {peer / own:9.0f} x labspin")
    agreement()


if __name__ == "__main__":
    main()
