"""Fits of many real run files: processes, what is unchanged, the command itself, and a plain loop beside it.

The files are T1 runs of the simulated bench, measured once and given new noise. The plain loop is what a
competent user writes: lmfit on two columns, and the result appended to the same file by h5py. So the file is
not whole at every moment, and nothing that is there already is found again.

    python benchmarks/many_fits.py [FILES [T1-RUN]]
"""

import contextlib
import io
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import h5py
import lmfit
import numpy as np

from labspin.analysis import fit_many, load_recipe
from labspin.cli import main as labspin
from labspin.data import read_run
from labspin.data.nexus.publish import publish
from tests.places import environment

ROOT = Path(__file__).resolve().parents[1]
RECIPE = ROOT / "analysis" / "t1.toml"


def measured(folder):
    """Return a T1 run of the simulated bench."""
    card = ROOT / "procedures" / "t1.toml"
    words = ["run", card, "--only", "one class alone", "--output", folder / "measured", "--quiet"]
    with contextlib.redirect_stdout(io.StringIO()):
        assert labspin([*map(str, words), "--no-watchdog"]) == 0
    return next((folder / "measured").glob("*.h5"))


def real_runs(folder, source, count):
    """Return ``count`` copies of a run, with noise of their own."""
    run = replace(read_run(source), fits=())
    rng = np.random.default_rng(1)
    paths = []
    for k in range(count):
        noise = rng.normal(0, run.columns["difference_errors"])
        columns = {**run.columns, "difference": run.columns["difference"] + noise}
        header = replace(run.header, run_id=f"{k:032x}", label=f"run {k}")
        paths.append(publish(replace(run, path=folder / f"{k:05d}.h5", header=header, columns=columns)))
    return paths


def decay(x, amplitude, T1, beta, baseline):
    return amplitude * np.exp(-((x / T1) ** beta)) + baseline


def plain_loop(paths):
    model = lmfit.Model(decay)
    for path in paths:
        with h5py.File(path, "a") as file:
            x = file["entry/data/dark_time"][()]
            y, error = (file[f"entry/data/{name}"][()] for name in ("difference", "difference_errors"))
            x = np.broadcast_to(x, y.shape).ravel()
            start = {"amplitude": y.max(), "T1": np.median(x), "beta": 0.8, "baseline": 0.0}
            parameters = model.make_params(**start)
            parameters["T1"].min = 0
            result = model.fit(y.ravel(), parameters, x=x, weights=1 / error.ravel(), scale_covar=False)
            group = file.require_group("fit")
            for name, parameter in result.params.items():
                group.attrs[name] = parameter.value
                group.attrs[f"{name}_stderr"] = parameter.stderr or np.nan
            group.attrs["chi2"] = result.chisqr


def ours(paths, **options):
    counts = {}
    for result in fit_many(paths, load_recipe(RECIPE), **options):
        counts[result.status] = counts.get(result.status, 0) + 1
    return counts


def command(paths, *options):
    words = [sys.executable, "-m", "labspin.cli", "fit", *map(str, paths), "--with", str(RECIPE), "--quiet"]
    done = subprocess.run([*words, *options], capture_output=True, text=True, check=False, env=environment())
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def row(name, files, work, reference):
    """Print one row; the processor time is that of this process and of children that it waited for."""
    before = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    said = work()
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = sum(b.ru_utime + b.ru_stime - a.ru_utime - a.ru_stime for a, b in zip(before, after, strict=True))
    elsewhere = "processes" in name or ("cold" in name and files > 1)
    shown = "" if elsewhere else f"{1e3 * cpu / files:8.2f} ms CPU/file"
    print(
        f"{name:34s} {seconds:7.2f} s {1e3 * seconds / files:8.2f} ms/file {files / seconds:7.1f} files/s "
        f"{shown:20s}  {(reference or seconds) / seconds:5.2f}x  {said or ''}",
        flush=True,
    )
    return seconds


def main(files=300, source=None):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = real_runs(folder, source or measured(folder), files)
        (folder / "copies").mkdir()
        copies = [Path(shutil.copy(path, folder / "copies")) for path in paths]
        size = sum(path.stat().st_size for path in paths) / 1e6
        load = os.getloadavg()[0]
        print(f"{files} T1 runs, {size:.0f} MB, {os.cpu_count()} processors, load {load:.1f}")
        reference = row("plain loop, lmfit + h5py append", files, lambda: plain_loop(copies), None)
        row("fit_many, nothing stored", files, lambda: ours(paths, workers=1, write=False), reference)
        for workers in (1, 2, 4):
            row(
                f"fit_many, {workers} process{'es' if workers > 1 else ''}",
                files,
                lambda workers=workers: ours(paths, workers=workers, force=True),
                reference,
            )
        row("fit_many, 1 process, unchanged", files, lambda: ours(paths, workers=1), reference)
        row("labspin fit, cold, unchanged", files, lambda: command(paths), reference)
        row("labspin fit, cold, --force", files, lambda: command(paths, "--force"), reference)
        row("labspin fit, cold, one file", 1, lambda: command(paths[:1], "--force"), None)
        print(
            f"peak memory of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB"
        )
        print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *map(Path, sys.argv[2:3]))
