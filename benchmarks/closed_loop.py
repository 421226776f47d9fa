"""Closed loop: every procedure of the diamond on the simulated bench, fitted, against the truth.

For each fitted quantity the table gives the mean and the width of the pull, (found − wanted)/error, over many
seeded runs, and how many of the intervals found ± error hold what was wanted (68.3 % if errors are honest).
Wanted is, in turn,

* *expected*: what the same recipe finds in the same procedure without noise and without drift: this asks
  whether the fit and its errors are honest;
* *true*: what the simulated sample is made of: this asks whether the method measures what it says.

Run it as ``python benchmarks/closed_loop.py [--runs 100] [case …]``.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from labspin.analysis import fit_chain, fit_run, load_recipe
from labspin.data import read_run
from labspin.experiment import run
from labspin.physics.nv import (
    CR_MEASURED,
    LABORATORY_BENCH,
    bath_dephasing,
    pulse_fractions,
    transition_frequencies,
)
from labspin.procedures import (
    MDMR,
    T1,
    DynamicalDecoupling,
    HahnEcho,
    MDMRLockIn,
    PLScan,
    PulsedODMR,
    Rabi,
    Ramsey,
    T1Field,
)
from labspin.session import load_card
from labspin.station import load_station
from labspin.twin import PhotonDetector

ROOT = Path(__file__).resolve().parents[1]
STATION = ROOT / "instruments" / "levitated-diamond.toml"
LOCK_IN_STATION = ROOT / "instruments" / "levitated-diamond-lockin.toml"
NARROW_STATION = ROOT / "instruments" / "levitated-diamond-narrow.toml"
QUIET = """[simulation.parameters]
drift = 0.0
amplifier_noise = 0.0
laser_noise = 0.0
temperature = 0.0
pl_photons = 1e24
angle_photons = 1e30

[simulation.detectors.pl]"""
RUNS_A_DRIFT = 20  # runs that share one course of the drift, one after the other
T1_CARD = {spec.label: dict(spec.parameters) for spec in load_card(ROOT / "procedures" / "t1.toml").runs}


def lines_at(field: float) -> np.ndarray:
    """Return lower and upper transition (4, 2) of the sample's classes, Hz."""
    there = LABORATORY_BENCH.bench.field(field)
    found = transition_frequencies(field=there, orientation=LABORATORY_BENCH.orientation)
    return np.asarray(found).reshape(4, 2) / (2 * math.pi)


def resonance_width() -> float:
    """Return σ of the pair's resonance against the electromagnet's field, T."""
    step = 1e-6
    gap = [lines_at(LABORATORY_BENCH.pair_at + s)[list(LABORATORY_BENCH.pair), 0] for s in (-step, step)]
    slope = abs((gap[1][0] - gap[1][1]) - (gap[0][0] - gap[0][1])) / (2 * step)
    return float(CR_MEASURED.width / (2 * math.pi) / slope)


def echo_time(truth: Mapping[str, Any], count: int) -> float:
    """Return when ``count`` ideal π pulses leave 1/e of a coherence to the bath and to relaxation, s."""
    times = np.geomspace(1e-6, 1e-2, 8000)
    lost = bath_dephasing(
        time=times,
        fractions=pulse_fractions(count),
        amplitude=2 * math.pi * truth["bath_width"],
        correlation_time=truth["bath_time"],
    )
    return float(np.interp(1.0, lost + 2 / 3 * times / truth["T1"][0], times))


Truth = Callable[[Mapping[str, Any]], float]


@dataclasses.dataclass(frozen=True)
class Case:
    """A procedure, its recipe, and the truth of what it fits (from the truth in the run file)."""

    procedure: type
    parameters: Mapping[str, Any]
    recipe: str
    truths: Mapping[str, Truth]
    runs: int = 100
    quiet: Mapping[str, Any] = dataclasses.field(  # without noise: as many as the counter can show
        default_factory=lambda: {"repetitions": 9_000_000, "averages": 1}
    )
    station: Path = STATION
    # Without noise, the errors of averaged readings are what the filter still remembers: a thousandth of
    # a line, and next to nothing beside it. Weighted by them, the fit would be one of the wings.
    quiet_errors: bool = True


def _t1(label: str, nv_class: int, **changes: Any) -> Case:
    truths = {"T1": lambda truth: truth["T1"][nv_class], "beta": lambda truth: truth["beta"]}
    return Case(T1, T1_CARD[label] | changes, "t1", truths, runs=200)


# Settled for as long as the simulated coil lags: else every count sees a field of its own.
_SCAN = {"field_start": "11 G", "field_stop": "23 G", "fields": 25, "settle_time": "0.5 s"}
_RESONANCE = {
    "center": lambda truth: LABORATORY_BENCH.pair_at,
    "sigma": lambda truth: resonance_width(),
    "depth": lambda truth: math.nan,  # a matter of light and collection: only what is expected is known
}
_LINES = sorted(lines_at(10e-4)[:, 0])[:3]
_FEWER = {"repetitions": 400_000, "averages": 1}
_AT_LINES = {
    "fields": ["10 G"], "frequency_start": "2.58 GHz", "frequency_stop": "2.82 GHz", "frequencies": 121,
}  # fmt: skip
_POSITIONS = {f"center_{k + 1}": lambda truth, k=k: float(_LINES[k]) for k in range(3)}

_TRAIN = {
    "microwave_frequency": "2.60138 GHz", "microwave_power": "10 dBm", "pi_duration": "50 ns",
    "averages": 1, "repetitions": 80_000,
}  # fmt: skip

CASES = {
    "ramsey": Case(
        Ramsey,
        _TRAIN | {"evolution_start": "50 ns", "evolution_stop": "3 us", "evolution_times": 60},
        "ramsey",
        {
            "T2_star": lambda truth: truth["T2_star"],
            "splitting": lambda truth: truth["hyperfine_splitting"],
            "detuning": lambda truth: 2.60138e9 + 1e6 - truth["lower_transition"][0],
        },
        station=NARROW_STATION,
    ),
    "hahn_echo": Case(
        HahnEcho,
        _TRAIN | {"evolution_start": "1 us", "evolution_stop": "41 us", "evolution_times": 41},
        "echo_decay",
        {"T2": lambda truth: echo_time(truth, 1), "exponent": lambda truth: math.nan},
        station=NARROW_STATION,
    ),
    "xy8": Case(
        DynamicalDecoupling,
        _TRAIN | {"evolution_start": "4 us", "evolution_stop": "160 us", "evolution_times": 40},
        "dynamical_decoupling",
        {"T2": lambda truth: echo_time(truth, 8), "exponent": lambda truth: math.nan},
        station=NARROW_STATION,
    ),
    "pulsed_odmr": Case(
        PulsedODMR,
        {
            "microwave_frequency": "2.60138 GHz", "microwave_power": "-22 dBm", "pi_duration": "2 us",
            "averages": 1, "repetitions": 80_000,
        },
        "pulsed_odmr",
        {
            "center": lambda truth: truth["lower_transition"][0],
            "splitting": lambda truth: truth["hyperfine_splitting"],
            "width": lambda truth: math.nan,  # of line and pulse together: only what is expected is known
        },
        station=NARROW_STATION,
    ),
    "t1 one class": _t1("one class alone", 0),
    "t1 all four": _t1("all four classes resonant", 0),
    "rabi": Case(
        Rabi,
        {
            "microwave_frequency": "2.6014 GHz", "microwave_power": "10 dBm", "pulse_stop": "500 ns",
            "pulse_durations": 51, "averages": 4, "repetitions": 20_000,
        },
        "rabi",
        {
            "pi_duration": lambda truth: 0.5 / truth["rabi_frequency"][0],
            "linewidth": lambda truth: 4e6,
        },
    ),
    "mdmr": Case(MDMR, {**_AT_LINES, "repetitions": 2000}, "mdmr", _POSITIONS, quiet=_FEWER),
    "mdmr angle": Case(MDMR, {**_AT_LINES, "repetitions": 500}, "mdmr_angle", _POSITIONS, quiet=_FEWER),
    "mdmr_lockin": Case(
        MDMRLockIn,
        {**_AT_LINES, "microwave_power": "-26 dBm"},
        "mdmr_lockin",
        _POSITIONS,
        quiet={},
        quiet_errors=False,
        station=LOCK_IN_STATION,
    ),
    "mdmr_lockin angle": Case(
        MDMRLockIn,
        {**_AT_LINES, "microwave_power": "-26 dBm"},
        "mdmr_lockin_angle",
        _POSITIONS,
        quiet={},
        quiet_errors=False,
        station=LOCK_IN_STATION,
    ),
    "t1_field": Case(
        T1Field,
        dict(load_card(ROOT / "procedures" / "t1_field.toml").runs[0].parameters),
        "t1_cross_relaxation",
        {
            "center": lambda truth: LABORATORY_BENCH.pair_at,
            "linewidth": lambda truth: CR_MEASURED.width / (2 * math.pi),
            "maximal_rate": lambda truth: 1 / CR_MEASURED.pair_time,
            "isolated_time": lambda truth: CR_MEASURED.alone_time,
        },
    ),
    "pl_scan gate": Case(
        PLScan, {**_SCAN, "reference": "gate", "repetitions": 90_000}, "pl_scan", _RESONANCE
    ),
    "pl_scan point": Case(
        PLScan,
        {**_SCAN, "reference": "point", "reference_field": "9 G", "repetitions": 2000, "averages": 6},
        "pl_scan",
        _RESONANCE,
        quiet=_FEWER,
    ),
}  # fmt: skip


class Noiseless(PhotonDetector):
    """A detector that counts what is expected, rounded."""

    def draw(self, photons: np.ndarray, open_time: np.ndarray, rng: Any) -> np.ndarray:
        """Return the mean counts."""
        incoming = photons * self.efficiency + self.dark_rate * open_time
        rate = np.divide(incoming, open_time, out=np.zeros_like(incoming), where=open_time > 0)
        return np.round(incoming / (1 + rate * self.dead_time)).astype(np.int64)


def noiseless_bench(folder: Path, station: Path) -> Any:
    """Return a simulated bench without noise and drift, but for the lock-ins' own few nV/√Hz."""
    text = station.read_text(encoding="utf-8")
    path = folder / "noiseless.toml"
    table, quiet = "[simulation.parameters]", QUIET
    if table in text:  # one table cannot be there twice
        quiet = "\n".join(
            line for line in QUIET.splitlines() if line not in (table, "[simulation.detectors.pl]")
        )
        path.write_text(text.replace(table, f"{table}\n{quiet}\n#"))
    else:
        path.write_text(text.replace("[simulation.detectors.pl]", quiet))
    bench = load_station(path).connect()
    world = bench.simulation.world
    for name, detector in list(world.detectors.items()):
        world.detectors[name] = Noiseless(**dataclasses.asdict(detector))
    return bench


def fitted(
    case: Case, bench: Any, path: Path, label: str, weighted: bool = True, **changes: Any
) -> tuple[Any, Mapping[str, Any]]:
    """Run and fit; return the first trace's fit by parameter name, and the truth in the file."""
    procedure = case.procedure(**{**case.parameters, **changes})
    recorded = read_run(run(procedure, bench, path, label=label).path)
    if load_recipe(case.recipe).chain:
        outcome = fit_chain([path], case.recipe, workers=1).outcome
    else:
        recipe = load_recipe(case.recipe)
        recipe = recipe if weighted else dataclasses.replace(recipe, sigma="none")
        outcome = fit_run(recorded, recipe)[0]
    return {parameter.name: parameter for parameter in outcome.parameters}, recorded.header.truth


def measured(case: Case, runs: int, folder: Path, seed: int = 1) -> dict[str, dict[str, np.ndarray]]:
    """Return for each quantity values and errors (runs,), and what was expected and true."""
    with noiseless_bench(folder, case.station) as bench:
        path = folder / "expected.h5"
        expected, truth = fitted(case, bench, path, "expected", case.quiet_errors, **case.quiet)
        known = bench.simulation.world.sample._steady_states
    rows: list[dict[str, Any]] = []
    for block in range(0, runs, RUNS_A_DRIFT):
        with load_station(case.station).connect(seed=seed + block) as bench:
            # Steady states do not depend on the seed: what one bench has solved, the next one knows.
            bench.simulation.world.sample.__dict__["_steady_states"] = known
            for number in range(block, min(block + RUNS_A_DRIFT, runs)):
                path = folder / f"{number}.h5"
                rows.append(fitted(case, bench, path, f"run {number}", seed=number)[0]
                            if "seed" in case.procedure().parameter_objects()
                            else fitted(case, bench, path, f"run {number}")[0])  # fmt: skip
                path.unlink()
    return {
        name: {
            "value": np.array([row[name].value for row in rows]),
            "error": np.array([row[name].stderr for row in rows]),
            "expected": np.array(expected[name].value),
            "true": np.array(true(truth)),
        }
        for name, true in case.truths.items()
    }


def pulls(found: Mapping[str, np.ndarray], wanted: str) -> np.ndarray:
    """Return the pulls against ``"expected"`` or ``"true"``; runs whose fit has no errors are NaN."""
    return (found["value"] - found[wanted]) / found["error"]


def report(name: str, case: Case, runs: int) -> None:
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        results = measured(case, runs, Path(folder))
    took = time.perf_counter() - began
    print(f"\n{name}: {runs} runs in {took:.0f} s")
    print(
        f"  {'':12}{'true':>13}{'expected':>11}{'mean found':>11}{'error':>9}  |  on expected: pull"
        "        width        68 %  |  on truth: pull   68 %  | lost"
    )
    print(f"  {'':12}{'':13}{'− true':>11}{'− expected':>11}")
    for quantity, found in results.items():
        honest, true = pulls(found, "expected"), pulls(found, "true")
        good = np.isfinite(honest)
        n = good.sum()
        bias, shift = found["expected"] - found["true"], found["value"][good].mean() - found["expected"]
        print(
            f"  {quantity:12}{float(found['true']):13.6g}{float(bias):11.2g}{float(shift):11.2g}"
            f"{np.median(found['error'][good]):9.2g}  |  {honest[good].mean():+12.2f} ± "
            f"{1 / math.sqrt(n):.2f}  {honest[good].std(ddof=1):.2f} ± {1 / math.sqrt(2 * n):.2f}  "
            f"{_inside(honest[good])}  |  "
            f"{true[good].mean():+14.2f}  {_inside(true[good])}  | {int((~good).sum()):4d}",
            flush=True,
        )


def _inside(values: np.ndarray) -> str:
    return f"{100 * np.mean(np.abs(values) < 1):4.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], help="which; default all")
    parser.add_argument("--runs", type=int, help="runs of each case instead of 100 or 200")
    given = parser.parse_args()
    for name in given.cases or CASES:
        report(name, CASES[name], given.runs or CASES[name].runs)


if __name__ == "__main__":
    main()
