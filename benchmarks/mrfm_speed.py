"""How fast the MRFM physics is: κ(T) after geometry reduction beside brute force over voxels, in one run.

Run: ``OMP_NUM_THREADS=1 python benchmarks/mrfm_speed.py``
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from labspin.physics import mrfm

PRESET = mrfm.THESIS_FIG_3_3
OMEGA = PRESET.resonator.angular_frequency
KELVIN = np.geomspace(0.01, 1.0, 200)
PHASES = np.array([0.1, 1.0, 10.0, np.inf])
SAMPLE = mrfm.Layer(2.2e-6, 3.8e-6)
DENSITY = 1e24


def median_time(run: Callable[[], Any], rounds: int) -> tuple[float, Any]:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        result = run()
        times.append(time.perf_counter() - start)
    return float(np.median(times)), result


def voxels(half_width: float) -> tuple[np.ndarray, float]:
    """Return the centres of 10⁶ equal voxels of the slab, |x|, |y| < half_width, and their volume."""
    n, layers = 200, 25
    x = (np.arange(n) + 0.5) / n * 2 * half_width - half_width
    z = -SAMPLE.distance - (np.arange(layers) + 0.5) / layers * SAMPLE.thickness
    grid = np.stack(np.meshgrid(x, x, z, indexing="ij"), axis=-1).reshape(-1, 3)
    return grid, (2 * half_width / n) ** 2 * SAMPLE.thickness / layers


def brute_force(position: np.ndarray, volume: float, kelvin: np.ndarray) -> np.ndarray:
    """Sum (3.11) over voxels, the geometry worked out once; one pass over the voxels a temperature."""
    field, along, _, _ = mrfm.field_projections(magnet=PRESET.magnet, position=position)
    weight = np.square(along)
    return np.array(
        [
            DENSITY
            * volume
            * (mrfm.mean_moment_slope(species=PRESET.species, field=field, temperature=t) @ weight)
            for t in kelvin
        ]
    )


def reduced(spectrum: mrfm.ReducedSpectrum) -> np.ndarray:
    return mrfm.spectrum_stiffness(
        spectrum=spectrum,
        density=DENSITY,
        species=PRESET.species,
        temperature=KELVIN[:, None],
        angular_frequency=OMEGA,
        t1=PHASES / OMEGA,
    )


def kappa_table() -> None:
    exact = mrfm.bath_stiffness(
        magnet=PRESET.magnet,
        sample=SAMPLE,
        density=DENSITY,
        species=PRESET.species,
        temperature=KELVIN,
        angular_frequency=OMEGA,
        t1=np.inf,
        rtol=1e-11,
    ).stiffness.real
    reduction, spectrum = median_time(lambda: mrfm.reduce_geometry(magnet=PRESET.magnet, sample=SAMPLE), 5)
    each, kappa = median_time(lambda: reduced(spectrum), 51)
    error = np.abs(kappa[:, 3].real / exact - 1).max()
    print("kappa at 200 temperatures x 4 T1, slab of 3.8 um below 2.2 um (error: worst of all temperatures)")
    print(
        f"  reduced spectrum   {1e3 * each:10.2f} ms (after {1e3 * reduction:.0f} ms once)  error {error:.1e}"
    )
    for half_width in (5e-6, 10e-6, 20e-6):
        grid, volume = voxels(half_width)
        brute, sums = median_time(lambda g=grid, v=volume: brute_force(g, v, KELVIN), 1)
        error = np.abs(sums / exact - 1).max()
        print(
            f"  1e6 voxels, +-{1e6 * half_width:2.0f} um {1e3 * brute:8.0f} ms"
            f"                       error {error:.1e}  ratio {brute / each:,.0f}"
        )
    integral, _ = median_time(
        lambda: mrfm.bath_stiffness(
            magnet=PRESET.magnet,
            sample=SAMPLE,
            density=DENSITY,
            species=PRESET.species,
            temperature=KELVIN,
            angular_frequency=OMEGA,
            t1=1 / OMEGA,
        ),
        3,
    )
    print(f"  bath_stiffness, 200 T {1e3 * integral:7.0f} ms (direct integral, rtol 1e-8)")


def field_table() -> None:
    rng = np.random.default_rng(1)
    position = rng.normal(size=(1_000_000, 3)) * 1e-6
    magnet = mrfm.Magnet(moment=(1e-12, 2e-12, -3e-12), motion=(0.6, 0, 0.8))
    rows = {
        "B, B', B'' (9 components)": lambda: mrfm.field_derivatives(magnet=magnet, position=position),
        "projections for kappa": lambda: mrfm.field_projections(magnet=magnet, position=position),
        "kappa1 + kappa2 + kappa3 summed": lambda: mrfm.sum_over_spins(
            magnet=magnet,
            position=position,
            species=PRESET.species,
            temperature=0.1,
            angular_frequency=OMEGA,
            t1=1e-4,
            t2=1e-6,
        ),
    }
    print("\nOne million spins")
    for name, run in rows.items():
        spent, _ = median_time(run, 5)
        print(f"  {name:<32} {1e3 * spent:7.0f} ms")


def peer_table() -> None:
    """Compare with magpylib (B of a dipole only; it has no gradients), where it is installed."""
    if importlib.util.find_spec("magpylib") is None:
        print("\nmagpylib is not installed, so it is not compared with")
        return
    import magpylib

    rng = np.random.default_rng(1)
    position = rng.normal(size=(1_000_000, 3)) * 1e-6
    magnet = mrfm.Magnet(moment=(1e-12, 2e-12, -3e-12), motion=(0.6, 0, 0.8))
    dipole = magpylib.misc.Dipole(moment=magnet.moment)
    theirs_time, ours_time = [], []
    for _ in range(5):
        spent, theirs = median_time(lambda: dipole.getB(position), 1)
        theirs_time.append(spent)
        spent, ours = median_time(lambda: mrfm.field_derivatives(magnet=magnet, position=position), 1)
        ours_time.append(spent)
    theirs_median, ours_median = float(np.median(theirs_time)), float(np.median(ours_time))
    error = np.linalg.norm(theirs - ours.field, axis=1) / np.linalg.norm(ours.field, axis=1)
    print(f"\nOne million points beside magpylib {magpylib.__version__}, interleaved")
    print(f"  magpylib, B only                 {1e3 * theirs_median:7.0f} ms")
    print(
        f"  ours, B and both derivatives     {1e3 * ours_median:7.0f} ms  ratio "
        f"{theirs_median / ours_median:.1f}  worst difference of B {error.max():.1e}"
    )


def motion_table() -> None:
    springs = [mrfm.RelaxingSpring(1e-7, 1 / OMEGA)]
    lock_in = mrfm.LockInFilter(0.1, 24)
    omega = OMEGA * np.linspace(0.999, 1.001, 1001)
    rows = {
        "stepped sweep, 1001 steps": {"temperature": 0.0, "rng": None},
        "the same with thermal noise": {"temperature": 0.1, "rng": np.random.default_rng(1)},
    }
    print("\nMotion in time, one bath, 24 dB/oct")
    for name, extra in rows.items():
        spent, _ = median_time(
            lambda extra=extra: mrfm.stepped_sweep(
                resonator=PRESET.resonator,
                springs=springs,
                angular_frequency=omega,
                dwell=0.1,
                force=1e-15,
                lock_in=lock_in,
                **extra,
            ),
            3,
        )
        print(f"  {name:<32} {1e3 * spent:7.0f} ms")
    times = np.linspace(0, 10, 1_000_000)
    spent, _ = median_time(
        lambda: mrfm.ring_down(resonator=PRESET.resonator, springs=springs, time=times, amplitude=1e-9), 3
    )
    print(f"  {'ring-down, 1e6 samples':<32} {1e3 * spent:7.0f} ms")


if __name__ == "__main__":
    kappa_table()
    field_table()
    peer_table()
    motion_table()
