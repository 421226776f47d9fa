"""Diagonal and hybridised bands beside SpinWaveToolkit, interleaved in one run.

Run: OMP_NUM_THREADS=1 python benchmarks/spinwaves_dispersion.py [--quick]
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import statistics
import time

import numpy as np
from scipy.constants import mu_0

from labspin.physics import spinwaves as sw

FILM = sw.YIG_TABLE1
WAVENUMBER = np.linspace(1e4, 5e7, 1000)
DIRECTIONS = {"DE": 0.0, "45 deg": np.pi / 4, "BV": np.pi / 2}


def peer(toolkit, model, angle, **kw):
    material = toolkit.Material(
        Aex=FILM.exchange_stiffness * mu_0 * FILM.magnetisation**2 / 2,
        Ms=FILM.magnetisation,
        gamma=FILM.gyromagnetic_ratio,
        alpha=FILM.gilbert_damping,
    )
    return model(
        Bext=0.02,
        material=material,
        d=FILM.thickness,
        kxi=WAVENUMBER,
        theta=np.pi / 2,
        phi=np.pi / 2 - angle,
        boundary_cond=1,
        **kw,
    )


def interleaved(one, other, repeats):
    """Return both results and both median times, the calls taking turns."""
    results, spent = [one(), other()], ([], [])
    for _ in range(repeats):
        for times, call in zip(spent, (one, other), strict=True):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
    return results, [statistics.median(times) for times in spent]


def row(name, results, times):
    difference = np.abs(results[0] / results[1] - 1).max()
    print(
        f"  {name:10s} here {times[0] * 1e3:8.3f} ms   peer {times[1] * 1e3:8.3f} ms   "
        f"x{times[1] / times[0]:5.1f}   largest relative difference {difference:.1e}"
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    repeats = 3 if parser.parse_args().quick else 25
    try:
        import SpinWaveToolkit as toolkit  # noqa: N813
    except ImportError:
        print("SpinWaveToolkit is not installed; nothing to compare with")
        return
    n = np.arange(4)[:, None]
    print("diagonal bands n = 0-3, 1000 wavenumbers, 20 mT")
    for name, angle in DIRECTIONS.items():
        layer = peer(toolkit, toolkit.SingleLayer, angle)
        row(
            name,
            *interleaved(
                lambda angle=angle: sw.mode_frequency(
                    film=FILM, field=0.02, wavenumber=WAVENUMBER, angle=angle, band=n
                ),
                lambda layer=layer: np.stack([layer.GetDispersion(n=i) for i in range(4)]),
                repeats,
            ),
        )
    print("hybridised bands, 4 coupled modes, 1000 wavenumbers, 20 mT (frequencies and modes)")
    for name, angle in DIRECTIONS.items():
        layer = peer(toolkit, toolkit.SingleLayerNumeric, angle, N=4)
        row(
            name,
            *interleaved(
                lambda angle=angle: (
                    sw.hybridised_modes(
                        film=FILM, field=0.02, wavenumber=WAVENUMBER, angle=angle, count=4, basis=4
                    ).frequency.T
                ),
                lambda layer=layer: np.sort(layer.GetDispersion()[0].real, axis=0),
                max(3, repeats // 5),
            ),
        )


if __name__ == "__main__":
    main()
