"""Batch fits beside loops of lmfit and SciPy, in one run: speed, agreement, errors.

    python benchmarks/batch_fit.py [--traces 10000] [--loop 150] [--rounds 3] [--problems se gd l4 l8]

Every engine gets the same starting values. The loops run over the first --loop traces; the batch over all of
them. Rounds are interleaved; the table quotes the least and the median time, and the median of the ratios
within the rounds. Use one BLAS thread (OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1). ``--large``
repeats the batches on many more traces, without the loops.
"""

import argparse
import inspect
import os
import resource
import time
from dataclasses import dataclass
from typing import Any

import lmfit
import numpy as np
from scipy.optimize import curve_fit

from labspin.analysis import LabspinModel, fit_batch, load_model
from labspin.analysis.fitting.lmfit_bridge import TIGHT


@dataclass
class Problem:
    name: str
    model: Any
    x: np.ndarray
    truth: np.ndarray
    y: np.ndarray
    start: np.ndarray


def decay(count, rng):
    """se: A exp(−(t/T1)^β) + c, 50 points, SNR 20, T1 50 µs to 5 ms, β 0.5 to 1."""
    model, x = load_model("stretched_exponential"), np.geomspace(5e-6, 20e-3, 50)
    truth = np.stack(
        [np.ones(count), 10 ** rng.uniform(-4.3, -2.3, count), rng.uniform(0.5, 1, count), np.zeros(count)],
        -1,
    )
    y = model.evaluate(x, truth) + rng.normal(0, 0.05, (count, x.size))
    guess = model.guesser(x, y, None)
    return Problem("se", model, x, truth, y, np.stack([guess[name] for name in model.names], -1))


def dips(name, shape, number, points, background, count, rng):
    model = load_model(shape, count=number, background=background)
    x = np.linspace(2800.0, 2940.0, points)
    even = np.linspace(2800, 2940, number + 2)[1:-1]
    center = even + rng.uniform(-3, 3, (count, number))
    columns = [
        center,
        rng.uniform(4, 9, (count, number)),
        rng.uniform(0.3, 1, (count, number)),
        np.ones((count, 1)),
    ]
    if background == "line":
        columns.append(rng.uniform(-1e-3, 1e-3, (count, 1)))
    truth = np.concatenate(columns, axis=1)
    y = model.evaluate(x, truth) + rng.normal(0, 0.05, (count, points))
    if number == 1:
        guess = model.guesser(x, y, None)
        start = np.stack([guess[parameter] for parameter in model.names], -1)
    else:
        start = truth * (1 + 0.05 * rng.normal(size=truth.shape))
        start[:, :number] = center + 0.3 * rng.normal(size=center.shape)
    return Problem(name, model, x, truth, y, start)


MAKERS = {
    "se": decay,
    "gd": lambda count, rng: dips("gd", "gaussian_dips", 1, 200, "line", count, rng),
    "l4": lambda count, rng: dips("l4", "lorentzian_dips", 4, 400, "constant", count, rng),
    "l8": lambda count, rng: dips("l8", "lorentzian_dips", 8, 400, "constant", count, rng),
}


def plain_lmfit(problem):
    """The model as a user would write it for lmfit: a flat function with named parameters, no derivatives."""
    model = problem.model

    def function(x, **values):
        return model.function(x, *values.values())

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    names = ("x", *model.names)
    function.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in names])
    return lmfit.Model(function)


def loop_lmfit(problem, count, model, **settings):
    scales = [p.name for p in problem.model.parameters if p.is_scale]
    for row in range(count):
        parameters = model.make_params(**dict(zip(problem.model.names, problem.start[row], strict=True)))
        for name in scales:
            parameters[name].min = 0
        model.fit(problem.y[row], parameters, x=problem.x, **settings)


def loop_curve_fit(problem, count, analytic):
    def jacobian(x, *values):
        return problem.model.derivatives(x, np.array(values))[1].T

    failed = 0
    for row in range(count):
        try:
            curve_fit(
                problem.model.function, problem.x, problem.y[row], problem.start[row],
                jac=jacobian if analytic else None, maxfev=5000,
            )  # fmt: skip
        except RuntimeError:
            failed += 1
    return failed


def by_name(problem, count):
    return {name: problem.start[:count, k] for k, name in enumerate(problem.model.names)}


def engines(problem, loop):
    user = plain_lmfit(problem)
    own = LabspinModel(problem.model)
    total = len(problem.y)
    part = min(total, 2000 if len(problem.model.names) < 10 else 300)
    scales = {p.name: (0.0, np.inf) for p in problem.model.parameters if p.is_scale}
    everything = {"check": 0, "start": by_name(problem, total)}
    return {
        "lmfit Model.fit": (loop, lambda: loop_lmfit(problem, loop, user)),
        "lmfit, analytic Jacobian": (loop, lambda: loop_lmfit(problem, loop, own)),
        "scipy curve_fit": (loop, lambda: loop_curve_fit(problem, loop, False)),
        "scipy curve_fit, Jacobian": (loop, lambda: loop_curve_fit(problem, loop, True)),
        **batches(problem, everything),
        "fit_batch with its guess": (
            part,
            lambda: fit_batch(problem.model, problem.x, problem.y[:part], check=0),
        ),
        "fit_batch, user's function": (
            part,
            lambda: fit_batch(
                user, problem.x, problem.y[:part], check=0, start=by_name(problem, part), bounds=scales
            ),
        ),
    }


def batches(problem, settings):
    """Return the batch on one thread and on two."""

    def run(workers):
        fit_batch(problem.model, problem.x, problem.y, workers=workers, **settings)

    count = len(problem.y)
    return {"fit_batch": (count, lambda: run(1)), "fit_batch, 2 threads": (count, lambda: run(2))}


def speed(table, rounds, reference):
    """Print µs a fit of each engine over interleaved rounds, and the ratio to the engine ``reference``."""
    times = {name: [] for name in table}
    for _ in range(rounds):
        for name, (count, run) in table.items():
            begin = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - begin) / count * 1e6)
    base = np.array(times[reference])
    for name, values in times.items():
        ratio = np.median(base / np.array(values))
        median = np.median(values)
        print(f"  {name:<28} {min(values):9.1f} {median:9.1f} µs/fit {1e6 / median:9.0f} fits/s x{ratio:.1f}")


def agreement(problem, count):
    """Refit by lmfit with analytic Jacobian and tight tolerances, and with its defaults; compare."""
    result = fit_batch(problem.model, problem.x, problem.y[:count], check=0, start=by_name(problem, count))
    for label, model, settings in (
        ("tight, analytic", LabspinModel(problem.model), {"fit_kws": dict(TIGHT)}),
        ("defaults", plain_lmfit(problem), {}),
    ):
        apart, errors = [], []
        for row in range(count):
            parameters = model.make_params(**dict(zip(problem.model.names, problem.start[row], strict=True)))
            for p in problem.model.parameters:
                if p.is_scale:
                    parameters[p.name].min = 0
            found = model.fit(problem.y[row], parameters, x=problem.x, **settings)
            if not found.errorbars:
                continue
            values = np.array([found.params[name].value for name in problem.model.names])
            sigma = np.array([found.params[name].stderr for name in problem.model.names])
            if abs(found.chisqr / result.chi2[row] - 1) < 1e-6:  # the same minimum
                apart.append(np.max(np.abs(values - result.values[row]) / sigma))
                errors.append(np.max(np.abs(result.stderr[row] / sigma - 1)))
        print(f"  against lmfit ({label}, {len(apart)} of {count} in the same minimum):")
        for what, values in (("|Δp|/σ", apart), ("Δstderr", errors)):
            median, high = np.quantile(values, [0.5, 0.99])
            print(f"    {what:<8} median {median:.1e}, 99 % {high:.1e}, max {np.max(values):.1e}")


def honesty(problem):
    begin = time.perf_counter()
    result = fit_batch(problem.model, problem.x, problem.y, start=by_name(problem, len(problem.y)))
    took = time.perf_counter() - begin
    inside = np.abs(result.values - problem.truth) < result.stderr
    coverage = inside[result.sound].mean(0) * 100
    print(f"  {len(problem.y)} traces, with check in lmfit: {took:.2f} s; {result.counts()}")
    print(f"  not converged after fallback: {np.mean(result.status == 2):.2%}; "
          f"checked {result.checked}: {result.deviation:.1e} σ, {result.stderr_deviation:.1e}")  # fmt: skip
    print(f"  1σ coverage: {coverage.min():.1f} to {coverage.max():.1f} % (68.3 expected)")


def large(name, count, rng, rounds):
    problem = MAKERS[name](count, rng)
    print(f"{name}, {count} traces; ratio to fit_batch")
    speed(batches(problem, {"check": 0, "start": by_name(problem, count)}), rounds, "fit_batch")
    honesty(problem)
    if name == "se":
        begin = time.perf_counter()
        fit_batch(problem.model, problem.x, problem.y, check=0.001)
        took = time.perf_counter() - begin
        print(f"  guess included: {took:.2f} s ({count / took:.0f} fits/s)")
    print(f"  peak memory so far {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--traces", type=int, default=10_000)
    parser.add_argument("--loop", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", type=int, default=100_000)
    parser.add_argument("--problems", nargs="+", choices=MAKERS, default=list(MAKERS))
    arguments = parser.parse_args()
    for name in arguments.problems:
        problem = MAKERS[name](arguments.traces, np.random.default_rng(1))
        print(f"{name}: {len(problem.model.names)} parameters, {problem.x.size} points; "
              f"load {os.getloadavg()[0]:.1f}; least and median time")  # fmt: skip
        speed(engines(problem, arguments.loop), arguments.rounds, "lmfit Model.fit")
        agreement(problem, min(100, arguments.loop, arguments.traces))
        honesty(problem)
        if arguments.large:
            large(name, arguments.large, np.random.default_rng(2), arguments.rounds)


if __name__ == "__main__":
    main()
