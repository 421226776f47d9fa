"""Lifetimes, shifts and forces near a film (Fig. 13), beside nested adaptive quadrature.

Run: OMP_NUM_THREADS=1 python benchmarks/spinwaves_bath.py [--quick]
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from labspin.physics import spinwaves as sw

sys.path.insert(0, str(Path(__file__).parent.parent))

FILM, NV = sw.YIG_FIGURES, sw.NV_TABLE1
FIELDS = np.array([5e-3, 25e-3, 35e-3])
DISTANCES = np.geomspace(0.1, 5.0, 100)[:, None] * FILM.thickness


def figure_13(rtol):
    bath = sw.spin_wave_bath(
        film=FILM, spin=NV, distance=DISTANCES, field=FIELDS, temperature=300.0, rtol=rtol
    )
    times = sw.relaxation_times(spin=NV, field=FIELDS, temperature=300.0, bath=bath)
    levels = sw.steady_occupations(spin=NV, field=FIELDS, temperature=300.0, bath=bath)
    return bath, times, sw.spin_wave_force(bath=bath, occupations=levels)


def report_set(repeats):
    figure_13(1e-6)
    spent = []
    for _ in range(repeats):
        start = time.perf_counter()
        bath, times, force = figure_13(1e-6)
        spent.append(time.perf_counter() - start)
    exact, exact_times, exact_force = figure_13(1e-10)
    print("T1', shift and force at 100 distances x 3 fields, 300 K, all bands, rtol 1e-6, one core")
    print(f"  median {statistics.median(spent):.3f} s of {repeats}, {bath.bands} bands")
    scale = np.abs(exact.shift_minus).clip(1e-3 * np.abs(exact.shift_minus).max(axis=0))
    for name, found, right, unit in (
        ("T1'", times.shortest, exact_times.shortest, exact_times.shortest),
        ("shift", bath.shift_minus, exact.shift_minus, scale),
        ("force", force, exact_force, np.abs(exact_force)),
    ):
        print(f"  {name:6s} differs from rtol 1e-10 by at most {np.abs((found - right) / unit).max():.1e}")


def report_quadrature(points):
    from tests.physics.spinwaves import reference

    print("one band (n = 0) by nested scipy quad to 1e-7, the same integral here")
    for field, length, temperature in points:
        omega = float(sw.transition_frequencies(spin=NV, field=field)[0])

        def weight(mode, temperature=temperature):
            strength = reference.coupling_squared(FILM, NV, mode, 1, 0.0)
            return strength * (1 + 2 * reference.occupation(FILM, mode, temperature))

        start = time.perf_counter()
        slow = reference.resonant_integral(
            FILM, field, omega / FILM.omega_m, weight, 0, 2 * length, tolerance=1e-7
        )
        slow_time = time.perf_counter() - start
        start = time.perf_counter()
        fast = first_band(field, omega, length, temperature)
        fast_time = time.perf_counter() - start
        print(
            f"  {field * 1e3:4.0f} mT, l = {length} d, {temperature} K: scipy {slow_time:7.2f} s, here "
            f"{fast_time * 1e3:5.1f} ms; rate {fast.imag / slow.imag - 1:+.1e}, "
            f"shift {fast.real / slow.real - 1:+.1e}"
        )


def first_band(field, omega, length, temperature):
    from labspin.physics.spinwaves import integrals
    from labspin.physics.spinwaves.bath import coupling_scale
    from labspin.physics.spinwaves.quadrature import resonant_panels

    probes = integrals.Probes(
        np.atleast_1d(FILM.reduced_field(field)),
        np.array([omega / FILM.omega_m]),
        np.array([[length]]),
        np.array([temperature]),
    )
    panels = resonant_panels(
        FILM,
        probes.reduced_field,
        probes.reduced_frequency,
        np.array([0]),
        integrals.decay_cutoff(1e-8) / (2 * length),
        min(0.5, 0.5 / length),
    )
    bare, thermal = integrals._refined(FILM, probes, panels, 1e-8, np.zeros((1, 1, 1, 2), complex))[
        0, 0, 0, 0
    ]
    return coupling_scale(FILM, NV.gyromagnetic_ratio) * (2 * np.pi) ** 2 * (bare + 2 * thermal)


def report_grid():
    """A regular k_y-k_z grid, as a published code takes it."""
    from tests.physics.spinwaves.test_spinwaves_bath import package_bath, rate_on_a_grid

    right = package_bath(FILM, 0.02, 1.0, 300.0, 1, 1e-10)[0] / 2
    print("absorption of band 0 at 20 mT, l = d, on a regular grid over the right value")
    for points in (200, 400, 800, 1600):
        start = time.perf_counter()
        rate = rate_on_a_grid(points)
        print(f"  {points:5d}^2: {rate / right:.4f}   ({time.perf_counter() - start:.2f} s)")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="few repeats, one quadrature point, no grid")
    quick = parser.parse_args().quick
    report_set(1 if quick else 7)
    points = [(0.035, 1.0, 300.0), (0.025, 1.0, 300.0), (0.005, 0.5, 300.0)]
    report_quadrature(points[:1] if quick else points)
    if not quick:
        report_grid()


if __name__ == "__main__":
    main()
