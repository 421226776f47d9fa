"""A run larger than the memory: written, fitted by a process that may not hold it, and found fitted again.

The limit is set on the address space (RLIMIT_AS): what the process has after its imports, plus a third of the
size of the file.

    python benchmarks/large_run.py [MB [FOLDER]]
"""

import os
import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np

from labspin.analysis import Recipe, fit_batch, load_model
from labspin.analysis.files.jobs import fit_file
from labspin.analysis.files.results import FitJob
from labspin.data import Column, Dimension, Layout, RunHeader, RunWriter
from labspin.data.nexus.publish import _seal_file
from labspin.data.nexus.read import facts_of
from labspin.data.plain import to_json

POINTS = 1000
RECIPE = Recipe(name="decays", x="dark_time", y="signal", sigma="none", model="stretched_exponential",
                fixed={"beta": 0.8}, derived={"rate": "1/T1 [1/s]"}, version="1")  # fmt: skip


def large_run(path, megabytes):
    """Write a run of one trace, then stretch it to ``megabytes`` as a writer with more memory would have."""
    delays = np.geomspace(1e-5, 2e-2, POINTS)
    traces = int(megabytes * 1e6 / (8 * POINTS))
    axis = Dimension(name="dark_time", unit="s", values=delays)
    column = Column(name="signal", shape=(POINTS,), axes=(axis,))
    place = Dimension(name="position", unit="m", values=np.linspace(0, 1e-6, traces))
    header = RunHeader(procedure="decay", layout=Layout(dimensions=(place,), columns=(column,)))
    small = replace(place, values=place.values[:2])
    with RunWriter.create(
        path, replace(header, layout=Layout(dimensions=(small,), columns=(column,))), sync_interval=1e9
    ) as writer:
        for index in range(2):
            writer.append(index, float(index), [np.zeros(POINTS)])
        writer.finish("finished")
    with h5py.File(path, "r+") as file:
        stretched(file, header, traces, delays)
        facts = facts_of(file)
    _seal_file(path, facts)
    return traces


def stretched(file, header, traces, delays):
    entry = file["entry"]
    own = entry["labspin"]
    del own["header"]
    own["header"] = to_json(header.to_dict())
    own.attrs["points"] = own.attrs["size"] = traces
    data = [("data", name) for name in ("position", "point_time", "signal")]
    pairs = [("points", "index"), ("points", "point_time"), *data]
    for group, name in pairs:
        del entry[group][name]
    for group, name in pairs[1:4]:
        entry[group].create_dataset(name, data=np.arange(float(traces)), chunks=True)
    entry["points"].create_dataset("index", data=np.arange(traces), chunks=True)
    rows = 2000
    signal = entry["data"].create_dataset(
        "signal", (traces, POINTS), "f8", chunks=(rows, POINTS), fletcher32=True
    )
    rng = np.random.default_rng(1)
    for start in range(0, traces, rows):
        T1 = 1e-3 * (1 + np.arange(start, min(start + rows, traces)) / traces)
        clean = 0.05 * np.exp(-((delays / T1[:, None]) ** 0.8))
        signal[start : start + len(T1)] = clean + rng.normal(0, 5e-4, clean.shape)


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def address_space():
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def main(megabytes=2000, folder=None):
    with tempfile.TemporaryDirectory(dir=folder) as name:
        path = Path(name) / "large.h5"
        traces = large_run(path, megabytes)
        size = path.stat().st_size
        warm = load_model("stretched_exponential")
        fit_batch(
            warm, np.geomspace(1e-5, 1e-2, 20), np.exp(-np.linspace(0, 3, 20))[None].repeat(20, 0) + 0.1
        )
        print(f"{traces} traces of {POINTS} points, {size / 1e6:.0f} MB, load {os.getloadavg()[0]:.1f}")
        before = peak()
        limit = address_space() + size // 3
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        for words in ("nothing stored", "again"):
            start = time.perf_counter()
            result = fit_file(FitJob(path=path, recipe=RECIPE))
            seconds = time.perf_counter() - start
            assert not result.error, result.error
            T1 = result.record.parameter("T1")
            truth = 1e-3 * (1 + np.arange(traces) / traces)
            pull = (T1.value - truth) / T1.stderr
            print(
                f"{words:15s} {result.status:10s} {seconds:7.1f} s {traces / seconds:9.0f} traces/s, "
                f"{size / seconds / 1e6:6.0f} MB/s; {result.traces}; T1 off by {np.nanmean(pull):+.3f} ± "
                f"{np.nanstd(pull):.3f} σ; peak {peak():.0f} MiB (before {before:.0f}), "
                f"limit {limit / 2**20:.0f} MiB of address space",
                flush=True,
            )
        print(f"file {path.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]), *sys.argv[2:3])
