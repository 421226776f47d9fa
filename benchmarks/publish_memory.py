"""How much memory and time it takes to publish a run out of its journal.

    python benchmarks/publish_memory.py [CASE]

Each case runs in a process of its own; the peak is that process's largest resident size while it publishes,
after a writer in another process has made the journal.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from labspin.data import Column, Dimension, Layout, RunHeader, RunWriter

# name: points, length of the array of each point, scalar columns, order
CASES = {
    "100 000 points of 1000 values": (100_000, 1000, 2, "plan"),
    "100 000 points of 1000 values, shuffled": (100_000, 1000, 2, "shuffled"),
    "1 000 000 points of 4 numbers": (1_000_000, 0, 4, "plan"),
    "1 000 000 points of 4 numbers, shuffled": (1_000_000, 0, 4, "shuffled"),
    "10 000 points of 100 values": (10_000, 100, 2, "plan"),
}


def make_journal(path, case):
    points, length, scalars, order = CASES[case]
    columns = [Column(name=f"c{k}") for k in range(scalars)]
    columns += [Column(name="trace", shape=(length,))] if length else []
    axis = Dimension(name="x", unit="s", values=np.arange(points, dtype=float))
    header = RunHeader(procedure="p", layout=Layout(dimensions=(axis,), columns=tuple(columns)))
    writer = RunWriter.create(path, header, sync_interval=1e9)
    indices = np.arange(points)
    if order == "shuffled":
        np.random.default_rng(1).shuffle(indices)
    trace = np.linspace(0, 1, length) if length else None
    for index in indices.tolist():
        row = [float(index + k) for k in range(scalars)] + ([trace + index] if length else [])
        writer.append(index, 0.0, row)
    writer.close()


def publish(path):
    from labspin.data import recover

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.perf_counter()
    recover(path)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{before:.0f} {after:.0f} {time.perf_counter() - start:.1f}")


def main(wanted):
    print(f"{'case':45} {'file MB':>8} {'peak MB':>8} {'s':>6}")
    for case in CASES:
        if wanted and wanted not in case:
            continue
        with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
            path = Path(folder) / "run.h5"
            for task in ("make", "publish"):
                done = subprocess.run(
                    [sys.executable, __file__, task, case, str(path)],
                    check=True,
                    capture_output=True,
                    text=True,
                )
            _, peak, seconds = done.stdout.split()
            print(f"{case:45} {path.stat().st_size / 1e6:8.0f} {peak:>8} {seconds:>6}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["make"]:
        make_journal(Path(sys.argv[3]), sys.argv[2])
    elif sys.argv[1:2] == ["publish"]:
        publish(Path(sys.argv[3]))
    else:
        main(sys.argv[1] if len(sys.argv) > 1 else "")
