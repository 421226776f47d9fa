"""Whether the errors of a fit are honest: pulls of many noisy draws of every model against the truth.

    python -m benchmarks.coverage [--draws 400] [--seed 7] [MODEL …]

A line for each parameter, with the errors of the points known and, after the stroke, taken from the scatter:
the share of draws within one standard error (68.3 % for honest ones), the standard deviation of the pulls
(1), and their mean (0). Then what share of the draws gave a parameter no error, or any warning. Draws
without an error count in neither.
"""

import argparse
import math
import time

import numpy as np

from labspin.analysis import fit_curve, load_model
from labspin.analysis.model import FitModel
from labspin.analysis.outcome import FitOutcome
from tests.analysis.models.test_models import CASES, LEAST_SQUARES, Case, noisy

FURTHER = {
    "ramsey of two frequencies": (
        "ramsey",
        Case(
            np.linspace(2e-8, 3e-6, 80),
            {"amplitude": 0.04, "detuning": 2.5e6, "splitting": 3.03e6, "T2_star": 1.3e-6, "phase": 0.0,
             "offset": 0.0, "exponent": 2.0},
            3e-3,
            {"count": 2},
        ),
    ),
    "an echo that is hardly over": (
        "echo_decay",
        Case(
            np.linspace(1e-6, 2.4e-5, 24),
            {"amplitude": 0.05, "T2": 1.8e-5, "exponent": 3.0, "offset": 0.0},
            3e-3,
        ),
    ),
    "a weak notch": (
        "notch_resonator",
        Case(
            np.linspace(5.4995e9, 5.5005e9, 201),
            {"f0": 5.5e9, "Q_internal": 2e4, "Q_coupling": 2e5, "mismatch": -0.2, "amplitude": 1.0,
             "phase": -2.0, "delay": 5e-8},
            5e-3,
            {},
            ("Hz", "V"),
        ),
    ),
    "a faint derivative line": (
        "lorentzian_derivative",
        Case(
            np.linspace(2.85e9, 2.89e9, 81),
            {"center_1": 2.868e9, "width_1": 6e6, "height_1": 1e-4, "offset": 0.0},
            2e-5,
            {"count": 1},
            ("Hz", "V"),
        ),
    ),
}  # fmt: skip
"""Other truths of models, by what they show."""


def cases(wanted: list[str]) -> list[tuple[str, str, Case]]:
    """Return title, model and case of what is wanted; of all, where nothing is."""
    known = {name: (name, CASES[name]) for name in LEAST_SQUARES} | FURTHER
    return [(title, *known[title]) for title in wanted or known]


def pulls(model: FitModel, case: Case, outcome: FitOutcome) -> np.ndarray:
    """Return (value − truth)/error of each parameter; NaN where there is no error."""
    found = []
    for name in model.names:
        parameter = outcome[name]
        off = parameter.value - case.truth[name]
        if parameter.unit == "rad":
            off = math.remainder(off, 2 * math.pi)
        fitted = not parameter.fixed and parameter.stderr > 0
        found.append(off / parameter.stderr if fitted else math.nan)
    return np.array(found)


def measure(title: str, name: str, case: Case, draws: int, seed: int) -> None:
    """Print the table of one case."""
    model, rng, begun = load_model(name, **case.options), np.random.default_rng(seed), time.process_time()
    known, scattered, warned, failed = [], [], 0, 0
    for _ in range(draws):
        y = noisy(case, model, rng)
        sigma = np.broadcast_to(np.asarray(case.noise), y.shape)
        for errors, into in ((sigma, known), (None, scattered)):
            if errors is None and np.iscomplexobj(sigma):
                continue  # two parts of different noise have no common scatter
            outcome = fit_curve(model, case.x, y, errors)
            failed += not outcome.statistics.converged
            warned += bool(outcome.warnings) and errors is not None
            into.append(pulls(model, case, outcome))
    used = time.process_time() - begun
    print(f"{title}: {draws} draws, {failed} not converged, {warned} warned, {used:.0f} CPU s", flush=True)
    for place, parameter in enumerate(model.names):
        if parameter in case.ambiguous or np.isnan(np.array(known)[:, place]).all():
            continue
        shown = " / ".join(_line(np.array(into)[:, place]) for into in (known, scattered) if into)
        print(f"    {parameter:20}{shown}", flush=True)


def _line(found: np.ndarray) -> str:
    there = found[np.isfinite(found)]
    share = np.mean(np.abs(there) < 1)
    none = f", {np.mean(np.isnan(found)):.1%} without error" if there.size < found.size else ""
    error = math.sqrt(share * (1 - share) / there.size)
    return f"{share:6.1%} ± {error:.1%}, {there.std():.2f}, {there.mean():+.2f}{none}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("models", nargs="*")
    given = parser.parse_args()
    for title, name, case in cases(given.models):
        measure(title, name, case, given.draws, given.seed)


if __name__ == "__main__":
    main()
