"""Thermal spectra: the measured cantilever, and the estimators beside each other on simulated gamma bins.

    python benchmarks/thermal_spectrum.py [--trials 100]

First the file in tests/data, by the plain model and by the one smeared by a Hann window. Then simulated
spectra of the same oscillator: the maximum-likelihood fit, least squares on ln P, and plain least squares
weighted by the data, with the median bias of each parameter in per cent and in its standard deviations.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares
from scipy.special import digamma

from labspin.analysis import fit_foreign, fit_spectrum
from labspin.analysis.models.thermal import oscillator_spectrum

MEASURED = Path(__file__).parents[1] / "tests" / "data" / "brownian_thermal_spectrum.h5"
TRUTH = {"f0": 7972.5, "Q": 10000.0, "variance": 0.94, "white": 4.5e-5}
BINS = np.arange(7400, 8400, 0.5)


def measured():
    print("measured; others: 7972.49 Hz, 399 ± 32 ms, Q 9990, k 4.3 to 4.4 mN/m, χ²red 1.05")
    for window in ("none", "hann"):
        outcome = fit_foreign(
            MEASURED, x="x", y="y", model="thermal_spectrum", units=("Hz", "nm^2/Hz"), temperature=294.5,
            window=window,
        )  # fmt: skip
        names = ("f0", "Q", "ring_down_time", "spring_constant", "white")
        text = ", ".join(f"{name} = {outcome[name].text()}" for name in names)
        statistics, extra = outcome.statistics, outcome.statistics.extra
        print(f"  window {window}: {text}; χ²red {statistics.chi2red:.3f} (p {statistics.p_value:.3f}), "
              f"deviance {extra['deviance']:.1f}, KS p {extra['kolmogorov_smirnov_p']:.2f}")  # fmt: skip


def by_logarithm(power, weight):
    """Least squares on ln P (weight None), or on P with errors P/√n taken from the data."""
    start = [TRUTH["f0"], *np.log(list(TRUTH.values())[1:])]

    def residuals(point):
        model = oscillator_spectrum(BINS, point[0], *np.exp(point[1:]))
        return np.log(power / model) if weight is None else (power - model) / power

    with np.errstate(all="ignore"):
        found = least_squares(residuals, start, x_scale=[0.4, 0.1, 0.1, 0.1])
    return np.array([found.x[0], *np.exp(found.x[1:])])


def simulated(averages, trials, rng):
    mean = oscillator_spectrum(BINS, *TRUTH.values())
    truth = np.array(list(TRUTH.values()))
    scale = np.where(np.arange(4) == 0, truth[0] / truth[1], truth)  # f0 in line widths
    found = {"likelihood": [], "ln P": [], "P, errors from P": []}
    pulls = []
    begin = time.perf_counter()
    for _ in range(trials):
        power = mean * rng.gamma(averages, 1 / averages, BINS.size)
        outcome = fit_spectrum(BINS, power, averages=averages).outcome
        values = np.array([outcome[name].value for name in TRUTH])
        pulls.append((values - truth) / [outcome[name].stderr for name in TRUTH])
        found["likelihood"].append(values)
        found["ln P"].append(by_logarithm(power, None))
        found["P, errors from P"].append(by_logarithm(power, 1))
    took = (time.perf_counter() - begin) / trials * 1e3
    expected = (np.exp(digamma(averages) - np.log(averages)) - 1) * 100
    print(f"{averages} averages, {trials} spectra ({took:.0f} ms for the three fits); "
          f"ψ(n) − ln n promises {expected:.1f} % for ln P")  # fmt: skip
    for name, values in found.items():
        error = (np.array(values) - truth) / scale * 100
        center = np.median(error, axis=0)
        # 1.48 median deviations are a standard deviation; a median spreads 1.25 times as far as a mean.
        spread = 1.25 * 1.4826 * np.median(np.abs(error - center), axis=0) / np.sqrt(trials)
        text = ", ".join(
            f"{parameter} {bias:+.2f} % ({bias / width:+.1f} σ)"
            for parameter, bias, width in zip(TRUTH, center, spread, strict=True)
        )
        print(f"  {name:<17} median bias: {text}")
    inside = np.round(np.mean(np.abs(pulls) < 1, axis=0) * 100)
    print(f"  likelihood pulls: width {np.round(np.std(pulls, 0), 2)}, 1σ coverage {inside} %")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=100)
    arguments = parser.parse_args()
    measured()
    for averages in (2, 8, 32):
        simulated(averages, arguments.trials, np.random.default_rng(averages))


if __name__ == "__main__":
    main()
