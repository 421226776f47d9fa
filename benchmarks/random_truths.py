"""Whether fits from the program's own guesses are right: random truths over what each model is used for.

    python -m benchmarks.random_truths [--draws 200] [--seed 3] [--lmfit] [MODEL …]

Truth, axis, number of points and noise are drawn again each time; the errors of the points are known and
honest. A line for each model: how many fits are *wrong without a word* (a value more than five standard
errors from the truth, and no warning), wrong with a warning, warned of, not converged, and *worse* than the
fit from the truth itself (χ² larger by more than 10⁻⁶ of it). With ``--lmfit`` also how many are worse than
plain lmfit from the truth, with the model's bounds, and how many better. What is wrong or worse is listed.
"""

import argparse
import math
import time
import warnings
from collections import Counter

import numpy as np

from benchmarks.truths import DRAWS, Chance, Draw
from labspin.analysis import fit_curve, load_model
from labspin.analysis.complex_numbers import real_view
from labspin.analysis.model import FitModel
from labspin.analysis.outcome import FitOutcome
from labspin.errors import FitError

FAR = 5.0
"""Standard errors beyond which a value is wrong."""


def noisy(
    model: FitModel, x: np.ndarray, truth: dict, noise: complex, rng: np.random.Generator
) -> np.ndarray:
    """Return data of the truth."""
    clean, sigma = model.evaluate(x, truth), complex(noise)
    if not model.is_complex:
        return clean + sigma.real * rng.normal(size=x.size)
    return clean + sigma.real * rng.normal(size=x.size) + 1j * sigma.imag * rng.normal(size=x.size)


def pulls(model: FitModel, truth: dict, outcome: FitOutcome) -> dict[str, float]:
    """Return (value − truth)/error of what has an error and no partner by symmetry."""
    truth = dict(truth)
    if "start" in truth:  # the guess says where the decay begins
        begin, time_ = outcome["start"].value, truth["ring_down_time"]
        if "level" in truth:
            truth["level"] = 10 * math.log10(10 ** (truth["level"] / 10) * math.exp(-2 * begin / time_))
        if "amplitude" in truth:
            truth["amplitude"] *= math.exp(-begin / time_)
        if "detuning" in truth:
            truth["phase"] += 2 * math.pi * truth["detuning"] * begin
    found = {}
    for name in model.names:
        p = outcome[name]
        if (
            p.fixed
            or not p.stderr > 0
            or name.startswith(("B_", "contrast_", "amplitude_"))
            or name == "start"
        ):
            continue
        off = p.value - truth[name]
        found[name] = (math.remainder(off, 2 * math.pi) if p.unit == "rad" else off) / p.stderr
    if "B_x" in model.names and outcome["B_x"].stderr > 0:
        field = np.array([outcome[name].value for name in ("B_x", "B_y", "B_z")])
        true = np.array([truth[name] for name in ("B_x", "B_y", "B_z")])
        error = max(outcome[name].stderr for name in ("B_x", "B_y", "B_z"))
        found["|B|"] = float((np.linalg.norm(field) - np.linalg.norm(true)) / error)
    return found


def by_lmfit(model: FitModel, outcome: FitOutcome, truth: dict) -> float:
    """Return χ² of lmfit's fit to the same points, from the truth, within the bounds of the model."""
    import lmfit

    limited, start = model.limited(outcome.x, {}), {p.name: p.value for p in outcome.parameters if p.fixed}
    parameters = lmfit.Parameters()
    for p in limited.parameters:
        value = start.get(p.name, truth[p.name])
        parameters.add(p.name, value, vary=p.name not in start, min=p.minimum, max=p.maximum)
    weight = 1 / real_view(outcome.sigma + 0j) if model.is_complex else 1 / outcome.sigma

    def left(now):
        curve = model.evaluate(outcome.x, {name: now[name].value for name in model.names})
        return real_view(outcome.y - curve) * weight

    return float(lmfit.minimize(left, parameters, nan_policy="omit").chisqr)


def one(draw: Draw, rng: np.random.Generator, *, lmfit: bool) -> tuple[Counter, str]:
    """Fit one draw, and return what is to be counted, and a line about what is wrong."""
    name, options, x, truth, noise = draw
    model = load_model(name, **options)
    y, sigma = noisy(model, x, truth, noise, rng), np.full(x.shape, noise)
    said, told = Counter(draws=1), []
    try:
        outcome = fit_curve(model, x, y, sigma)
    except FitError as error:
        return said + Counter(refused=1), f"refused: {error}"
    off = {key: value for key, value in pulls(model, truth, outcome).items() if abs(value) > FAR}
    said["warned"] += bool(outcome.warnings)
    said["not converged"] += not outcome.statistics.converged
    if off:
        said["wrong, warned" if outcome.warnings else "WRONG"] += 1
        told.append(" ".join(f"{key} {value:+.3g}σ" for key, value in off.items()))
    chi2 = outcome.statistics.chi2
    held = {p.name: p.value for p in outcome.parameters if p.fixed}
    again = fit_curve(
        model, x, y, sigma, start={k: v for k, v in truth.items() if k not in held and k != "start"}
    )
    if outcome.x.size == again.x.size and chi2 > again.statistics.chi2 * (1 + 1e-6):
        said["worse" if chi2 > again.statistics.chi2 + 0.1 else "a little worse"] += 1
        told.append(f"Δχ² {chi2 - again.statistics.chi2:.3g} of {again.statistics.chi2:.4g}")
    if lmfit and outcome.noise is None:
        other = by_lmfit(model, outcome, truth)
        said["worse than lmfit"] += chi2 > other * (1 + 1e-6)
        said["better than lmfit"] += other > chi2 * (1 + 1e-6)
        if chi2 > other * (1 + 1e-6):
            told.append(f"lmfit {other - chi2:.3g} of {other:.4g}")
    return said, "; ".join(told + [f"WARNED {w}"[:90] for w in outcome.warnings if told][:1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--lmfit", action="store_true")
    parser.add_argument("models", nargs="*")
    given = parser.parse_args()
    warnings.simplefilter("ignore", RuntimeWarning)
    for draw in DRAWS:
        name = draw(Chance(np.random.default_rng(0)))[0]
        if given.models and name not in given.models:
            continue
        counted, begun = Counter(), time.process_time()
        for number in range(given.draws):
            rng = np.random.default_rng([given.seed, number])
            said, line = one(draw(Chance(rng)), rng, lmfit=given.lmfit)
            counted += said
            if line:
                print(f"    {name} {number}: {line}", flush=True)
        used = time.process_time() - begun
        print(f"{name}: {', '.join(f'{v} {k}' for k, v in counted.items())}; {used:.0f} CPU s", flush=True)


if __name__ == "__main__":
    main()
