"""Whether the errors of joint fits are honest: shared, by group, of each trace, and tied parameters.

    python -m benchmarks.joint_coverage [--draws 400] [--seed 5]

Each draw has a truth of its own. A line for each kind of parameter, with the errors of the points known and,
after the stroke, taken from the scatter: the share of values within one standard error of the truth, with the
width that this share has by chance, and the standard deviation of the pulls. Honest errors have 68.3 % and 1.
"""

import argparse
import math
from collections import defaultdict

import numpy as np

from labspin.analysis import JointTrace, fit_joint, load_model
from labspin.analysis.fitting.joint import JointFit
from labspin.analysis.model import Parameter

HONEST = 0.6827
TRACES, POINTS = 6, 40
GROUPS = tuple("aabbcc")
Pulls = dict[str, list[float]]


def decays(rng: np.random.Generator, *, known: bool) -> Pulls:
    """One stretching exponent for all, a T1 for each group, heights and baselines of each trace."""
    model, pulls = load_model("stretched_exponential"), defaultdict(list)
    beta, times = rng.uniform(0.6, 1.1), dict(zip("abc", np.exp(rng.uniform(-8, -5, 3)), strict=True))
    truths = [
        {"amplitude": rng.uniform(0.2, 2), "T1": times[group], "beta": beta, "baseline": rng.normal()}
        for group in GROUPS
    ]
    traces = []
    for truth in truths:
        x = np.geomspace(0.01 * truth["T1"], 10 * truth["T1"], POINTS)
        noise = 0.02 * truth["amplitude"] if known else 0.01
        y = model.evaluate(x, truth) + noise * rng.normal(size=POINTS)
        traces.append(JointTrace(x, y, noise if known else None))
    found = fit_joint(model, traces, shared={"beta": None, "T1": GROUPS})
    pulls["shared by all"].append(pull(found.value("beta"), beta))
    pulls["shared by a group"] += [pull(found.value("T1", group), times[group]) for group in "abc"]
    pulls["of each trace"] += own(found, truths, ("amplitude", "baseline"))
    return pulls


def tied(rng: np.random.Generator, *, known: bool) -> Pulls:
    """Resonances whose frequencies lie on a line, of one quality factor."""
    model, pulls, places = load_model("resonator_amplitude"), defaultdict(list), np.arange(TRACES) / 2
    first, slope, Q = 3000 + rng.normal(), rng.uniform(-2, 2), np.exp(rng.uniform(6.5, 8))
    truths = [
        {"f0": first + slope * at, "Q": Q, "amplitude": rng.uniform(0.5, 2), "offset": rng.uniform(0, 0.2)}
        for at in places
    ]
    traces = []
    for truth in truths:
        half = 6 * truth["f0"] / Q
        x = np.linspace(truth["f0"] - half, truth["f0"] + half, POINTS)
        y = model.evaluate(x, truth) + 0.02 * rng.normal(size=POINTS)
        traces.append(JointTrace(x, y, 0.02 if known else None))
    free = (Parameter("first", "Hz", "", value=first), Parameter("slope", "Hz", "", value=0.0))
    found = fit_joint(
        model,
        traces,
        shared={"Q": None},
        tied={"f0": "first + slope*place"},
        free=free,
        known={"place": places},
    )
    at = found.names.index
    for name, truth in (("first", first), ("slope", slope)):
        pulls["free, in expressions"].append(
            pull((found.values[0, at(name)], found.errors[0, at(name)]), truth)
        )
    pulls["tied"].append(pull((found.values[-1, at("f0")], found.errors[-1, at("f0")]), truths[-1]["f0"]))
    pulls["shared, beside tied ones"].append(pull(found.value("Q"), Q))
    return pulls


def pull(found: tuple[float, float], truth: float) -> float:
    """Return (value − truth)/error."""
    return (found[0] - truth) / found[1]


def own(found: JointFit, truths: list[dict], names: tuple[str, ...]) -> list[float]:
    """Return the pulls of what each trace has for itself."""
    return [
        pull(
            (found.values[m, found.names.index(name)], found.errors[m, found.names.index(name)]), truth[name]
        )
        for m, truth in enumerate(truths)
        for name in names
    ]


def told(pulls: list[float]) -> str:
    """Return share, its width by chance and the spread of some pulls."""
    there = np.array(pulls)[np.isfinite(pulls)]
    width = math.sqrt(HONEST * (1 - HONEST) / there.size)
    return (
        f"{np.mean(np.abs(there) < 1):6.1%} ± {width:.1%} ({there.std():.2f}, {there.size} of {len(pulls)})"
    )


def main() -> None:
    """Print a line for each kind of parameter."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--seed", type=int, default=5)
    given = parser.parse_args()
    for loop in (decays, tied):
        sides = []
        for known in (True, False):
            pulls: Pulls = defaultdict(list)
            for number in range(given.draws):
                for kind, some in loop(np.random.default_rng([given.seed, number]), known=known).items():
                    pulls[kind] += some
            sides.append(pulls)
        for kind in sides[0]:
            print(f"{kind:26} {told(sides[0][kind])} / {told(sides[1][kind])}", flush=True)


if __name__ == "__main__":
    main()
