"""What the run file costs: a point, a whole run, a compaction, a reading.

``python benchmarks/run_file.py [--rounds N]``. Variants of one table run interleaved, in shuffled order;
ratios are taken within each round.
"""

import argparse
import os
import random
import statistics
import struct
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

from labspin.data import Column, Layout, RunHeader, RunWriter, list_runs, read_run
from labspin.data.nexus.publish import publish

POINTS = 2000


def header(size):
    names = ("x", "y", "z")
    columns = (
        Column(name="field", unit="T", role="coordinate"),
        *(Column(name=name, unit="V") for name in names),
    )
    return RunHeader(procedure="benchmark", layout=Layout(columns=columns, size=size))


def rows(count):
    generator = np.random.default_rng(0)
    return [tuple(row) for row in generator.normal(size=(count, 4)).tolist()]


def nothing(folder, data):
    taken = []
    started = time.perf_counter()
    for row in data:
        taken.append(row)  # noqa: PERF402 - the bare loop is what is measured
    return time.perf_counter() - started


def text_lines(folder, data):
    with (folder / "a.csv").open("w") as file:
        started = time.perf_counter()
        for index, (a, b, c, d) in enumerate(data):
            file.write(f"{index},{a},{b},{c},{d}\n")
            file.flush()
        return time.perf_counter() - started


def packed_writes(folder, data):
    pack = struct.Struct("<q4d").pack
    descriptor = os.open(folder / "a.bin", os.O_WRONLY | os.O_CREAT)
    started = time.perf_counter()
    for index, row in enumerate(data):
        os.write(descriptor, pack(index, *row))
    elapsed = time.perf_counter() - started
    os.close(descriptor)
    return elapsed


def hdf5_rows(folder, data):
    with h5py.File(folder / "a5.h5", "w") as file:
        columns = [
            file.create_dataset(name, (0,), maxshape=(None,), chunks=(1024,), dtype="f8") for name in "abcd"
        ]
        started = time.perf_counter()
        for index, row in enumerate(data):
            for column, value in zip(columns, row, strict=True):
                column.resize((index + 1,))
                column[index] = value
            file.flush()
        return time.perf_counter() - started


def append(folder, data):
    with RunWriter.create(folder / "a.h5", header(len(data))) as writer:
        started = time.perf_counter()
        for index, row in enumerate(data):
            writer.append(index, 0.001 * index, row)
        return time.perf_counter() - started


def whole_run(folder, data):
    started = time.perf_counter()
    writer = RunWriter.create(folder / "b.h5", header(len(data)))
    for index, row in enumerate(data):
        writer.append(index, 0.001 * index, row)
    writer.finish("finished")
    return time.perf_counter() - started


def compare(rounds):
    variants = [nothing, text_lines, packed_writes, append, whole_run, hdf5_rows]
    data, seen = rows(POINTS), {variant: [] for variant in variants}
    for _ in range(rounds + 1):
        random.shuffle(variants)
        for variant in variants:
            with tempfile.TemporaryDirectory() as folder:
                seen[variant].append(variant(Path(folder), data) / POINTS * 1e6)
    print(f"\n{POINTS} points of 3 scalars and a set-point, µs a point, {rounds} rounds")
    print(f"{'':34}{'median':>8}{'min':>8}{'x text':>8}")
    titles = {
        nothing: "bare loop",
        text_lines: "text file, write + flush",
        packed_writes: "os.write of packed numbers",
        append: "RunWriter.append",
        whole_run: "create + append + finish",
        hdf5_rows: "h5py, 4 columns, flush",
    }
    for variant, title in titles.items():
        taken = seen[variant][1:]
        ratio = statistics.median(a / b for a, b in zip(taken, seen[text_lines][1:], strict=True))
        print(f"{title:34}{statistics.median(taken):8.2f}{min(taken):8.2f}{ratio:8.2f}")


def timed(action, rounds):
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        action()
        taken.append(time.perf_counter() - started)
    return 1e3 * statistics.median(taken), 1e3 * min(taken)


def large(rounds, count=100_000):
    print(f"\n{count} points of 3 scalars and a set-point, ms, {rounds} rounds")
    print(f"{'':34}{'median':>8}{'min':>8}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.h5"
        writer = RunWriter.create(path, header(count))
        for index, row in enumerate(rows(count)):
            writer.append(index, 0.001 * index, row)
        report("read the journal", timed(lambda: read_run(path), rounds))
        run = read_run(path)
        report("publish as HDF5 (compaction)", timed(lambda: publish(run), rounds))
        report("journal to HDF5, all in all", timed(writer.checkpoint, rounds))
        writer.finish("finished")
        report("read the HDF5 file", timed(lambda: read_run(path), rounds))
        report("open as xarray", timed(lambda: read_run(path).to_xarray(), rounds))
        report("summary of the folder", timed(lambda: list_runs(folder), rounds))


def small(rounds, count=200):
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            writer = RunWriter.create(Path(folder) / f"{number}.h5", header(50))
            for index, row in enumerate(rows(50)):
                writer.append(index, 0.001 * index, row)
            writer.finish("finished")
        files = sorted(Path(folder).glob("*.h5"))
        print(
            f"\n{count} finished runs of 50 points ({files[0].stat().st_size / 1e3:.0f} kB each), ms a file"
        )
        print(f"{'':34}{'median':>8}{'min':>8}")
        scale = 1 / count
        report("read_run", [scale * t for t in timed(lambda: [read_run(file) for file in files], rounds)])
        report("list_runs", [scale * t for t in timed(lambda: list_runs(folder), rounds)])


def report(title, times):
    median, least = times
    print(f"{title:34}{median:8.2f}{least:8.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    compare(rounds)
    large(min(rounds, 5))
    small(min(rounds, 3))
