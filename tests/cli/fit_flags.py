"""Random flags of `labspin fit` on small files: a result or one sentence, never a traceback.

python -m tests.cli.fit_flags 10000 [seed]
"""

import argparse
import contextlib
import io
import os
import random
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from labspin.cli import fit
from labspin.errors import LabspinError

COLUMNS = {
    "decay.csv": ("t", "y", "s"),
    "spectrum.csv": ("f", "P"),
    "around_zero.csv": ("t", "y", "s"),
    "empty.csv": ("t", "y"),
    "two_points.csv": ("t", "y"),
    "constant.csv": ("t", "y"),
    "none.csv": ("t", "y"),
}
NAMES = [
    "T1",
    "beta",
    "amplitude",
    "baseline",
    "f0",
    "Q",
    "variance",
    "white",
    "nothing",
    "center_1",
    "width_1",
    "depth_1",
    "offset",
    "start",
    "ring_down_time",
    "frequency",
    "density",
    "distance",
    "D",
    "linewidth",
    "recharging",
    "exponent",
    "phase",
]
VALUES = [
    "1",
    "0",
    "-1",
    "1e-300",
    "1e300",
    "nan",
    "inf",
    "banana",
    "1_ms",
    "8_kHz",
    "1_T",
    "3_K",
    "1e-9_V",
    "true",
    "1e-5",
]
OPTIONS = [
    "count",
    "background",
    "mixed",
    "window",
    "length",
    "averages",
    "temperature",
    "hyperfine",
    "max_field",
    "nothing",
    "layer",
    "exact",
    "sign",
    "reference",
    "nv_class",
    "line_shape",
    "distance",
    "moment",
]
SETTINGS = [
    "1",
    "0",
    "3",
    "true",
    "false",
    "banana",
    "line",
    "hann",
    "N14",
    "2.5",
    "-1",
    "1_um",
    "nan",
    "25",
    "dip",
]
PLAIN = {
    "--averages": ("32", "0", "-1", "nan", "1e9"),
    "--window": ("hann", "none", "rectangular", "banana"),
    "--length": ("1 s", "0 s", "banana", "1 K"),
    "--temperature": ("300 K", "0 K", "-1 K", "x", "3 m"),
    "--x-unit": ("kHz", "s", "T", "K", "banana", "1"),
    "--y-unit": ("V", "dBm", "1/s", "Hz", "°"),
    "--from": ("0", "3", "2 ms", "8 kHz", "banana", "nan", "1e9"),
    "--to": ("0", "3", "8 ms", "8.02 kHz", "banana", "inf"),
    "--skip": ("0", "3", "-1", "1000"),
    "--every": ("1", "2", "0", "1000"),
}
PAIRS = (2, 4, 6)
COMPLEX = ("resonator_response", "complex_ring_down")
MODELS = [
    "stretched_exponential",
    "double_exponential",
    "recharging_decay",
    "lorentzian_dips",
    "gaussian_dips",
    "cross_relaxation_dip",
    "cross_relaxation_rate",
    "resonator_amplitude",
    "resonator_response",
    "ring_down",
    "complex_ring_down",
    "rabi_ensemble",
    "rabi_oscillation",
    "noncontact_friction",
    "spin_bath_shift",
    "thermal_spectrum",
    "nothing",
]


def write_files(folder: Path) -> None:
    rng = np.random.default_rng(0)
    x, f = np.linspace(1, 10, 24), np.linspace(7.9, 8.1, 24)
    power = (1 / (1 + ((f - 8) / 0.02) ** 2) + 0.01) * rng.gamma(32, 1 / 32, 24)
    tables = {
        "decay.csv": (
            ["t (ms)", "y (V)", "s (V)"],
            [x, np.exp(-x / 3) + rng.normal(0, 0.01, 24), np.full(24, 0.01)],
        ),
        "spectrum.csv": (["f (kHz)", "P (nm**2/Hz)"], [f, power]),
        "around_zero.csv": (["t", "y", "s"], [np.linspace(-1, 1, 24), rng.normal(0, 1, 24), np.zeros(24)]),
        "empty.csv": (["t", "y"], [[], []]),
        "two_points.csv": (["t (K)", "y (1/s)"], [[1, 2], [3, 4]]),
        "constant.csv": (["t (GHz)", "y (dBm)"], [x, np.ones(24)]),
    }
    for name, (heads, columns) in tables.items():
        rows = [",".join(f"{value:.7g}" for value in row) for row in zip(*columns, strict=True)]
        (folder / name).write_text("\n".join([",".join(heads), *rows]) + "\n", "utf-8")


def flags(seed: int) -> list[str]:
    """Return the command line of one trial."""
    rng = random.Random(seed)
    file = rng.choice(list(COLUMNS))
    columns = (*COLUMNS[file],) * 8 + ("0", "1", "nothing")
    words = ["fit", file, "--x", columns[0], "--y", columns[1], "--model", rng.choice(MODELS)]
    if words[7] in COMPLEX:
        words[5] = rng.choice([f"{columns[0]} + 1j*{columns[0]}"] * 3 + [columns[1]])
    if rng.random() < 0.15:
        words[3], words[5] = rng.choice(columns), rng.choice(columns)
    if rng.random() < 0.2:
        words += ["--sigma", rng.choice(columns)]
    if rng.random() < 0.15:  # what is not named is found out
        words = words[:2] + [word for pair in PAIRS if rng.random() < 0.5 for word in words[pair : pair + 2]]
    for flag in ("--fix", "--start"):
        for _ in range(rng.choice([0, 0, 0, 1, 2])):
            sign = "=" if rng.random() < 0.97 else ""
            words += [flag, rng.choice(NAMES) + sign + rng.choice(VALUES).replace("_", " ")]
    for _ in range(rng.choice([0, 0, 0, 1])):
        words += ["--option", f"{rng.choice(OPTIONS)}={rng.choice(SETTINGS).replace('_', ' ')}"]
    for flag, values in PLAIN.items():
        likely = 0.7 if flag == "--averages" and "thermal_spectrum" in words else 0.06
        likely = 0.02 if flag in ("--from", "--to", "--skip", "--every") else likely
        if rng.random() < likely:
            words += [flag, rng.choice(values)]
    return words + ["--json"] * (rng.random() < 0.2)


def outcomes(count: int, seed: int = 0) -> tuple[Counter[str], list[str]]:
    """Return how often which end came, and what ended in anything but a result or a sentence."""
    parser = argparse.ArgumentParser()
    fit.add(parser.add_subparsers())
    found: Counter[str] = Counter()
    wrong: list[str] = []
    for number in range(seed, seed + count):
        words = flags(number)
        try:
            with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                fit.execute(parser.parse_args(words))
            found["fitted"] += 1
        except LabspinError:
            found["refused"] += 1
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            found["traceback"] += 1
            wrong.append(f"{' '.join(map(repr, words))}: {type(error).__name__}: {error}")
    return found, wrong


def main() -> None:
    count, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder))
        os.chdir(folder)
        found, wrong = outcomes(count, seed)
        os.chdir("/")
    sys.stdout.write(f"{dict(found)}\n" + "".join(f"{line}\n" for line in wrong[:40]))


if __name__ == "__main__":
    main()
