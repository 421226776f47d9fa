"""Fits of many run files: one process, several, and again when nothing has changed; memory of the parent."""

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "analysis"))

from fit_samples import RECIPE, decay_run

from labspin.analysis import fit_many


def measured(paths, **options):
    start = time.perf_counter()
    counts = {}
    for result in fit_many(paths, RECIPE, **options):
        counts[result.status] = counts.get(result.status, 0) + 1
    return time.perf_counter() - start, counts


def main(files=400):
    with tempfile.TemporaryDirectory() as folder:
        paths = [decay_run(Path(folder) / f"{k}.h5", 1e-3, seed=k) for k in range(files)]
        rows = [
            ("one process", {"workers": 1, "force": True}),
            ("four processes", {"workers": 4, "force": True}),
            ("four processes, unchanged", {"workers": 4}),
            ("one process, unchanged", {"workers": 1}),
        ]
        reference = None
        print(f"{files} files, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
        for name, options in rows:
            seconds, counts = measured(paths, **options)
            reference = reference or seconds
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"{name:28s} {seconds:7.2f} s  {1e3 * seconds / files:7.2f} ms/file  "
                f"{reference / seconds:5.1f}x  {counts}  peak {peak:.0f} MiB"
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
