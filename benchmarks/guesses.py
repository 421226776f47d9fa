"""How often the guesses lead to the best fit, by model and signal-to-noise ratio.

    python benchmarks/guesses.py [--traces 1000] [--spectra 300]

A guess succeeds where the fit from it reaches the smallest χ² found: the smaller of the fit from the guess
and the fit from the truth, within 1e-6. Stretched exponentials: 30 delays, window 1.5 to 50 T1, β 0.4 to 1.1,
either sign; "well posed" are those whose fit from the truth converges with errors. Dips: random places at
least 1.5 half widths apart, depths 0.3 to 1; the column "truth" says how often the fit from the truth itself
reaches the best. Last, how often two dips are preferred where there is one, by the fall of Bayes' criterion
that is asked for.
"""

import argparse
import time

import numpy as np

from labspin.analysis import fit_batch, load_model

DECAY = load_model("stretched_exponential")


def decays(count, snr, spacing, rng):
    T1, beta = np.ones(count), rng.uniform(0.4, 1.1, count)
    sign = rng.choice([-1.0, 1.0], count)
    truth = np.stack([sign, T1, beta, rng.normal(size=count)], -1)
    window = 10 ** rng.uniform(np.log10(1.5), np.log10(50), (count, 1))
    grid = np.geomspace(1e-3, 1, 30) if spacing == "log" else np.linspace(1 / 30, 1, 30)
    x = grid * window
    return x, truth, DECAY.evaluate(x, truth) + rng.normal(0, 1 / snr, x.shape)


def naive(x, y):
    """First and last point, and a third of the window."""
    return np.stack([y[:, 0] - y[:, -1], x[:, -1] / 3, np.full(len(y), 0.8), y[:, -1]], -1)


def crossing(x, y):
    """Where the decay has fallen to 1/e."""
    start = naive(x, y)
    below = (y - start[:, 3:]) / start[:, :1] < np.exp(-1)
    place = np.where(below.any(1), below.argmax(1), x.shape[1] - 1)
    start[:, 1] = x[np.arange(len(y)), place]
    return start


def guessed(model, x, y):
    guesses = [model.guess(axis, trace) for axis, trace in zip(x, y, strict=True)]
    return np.array([[guess[name] for name in model.names] for guess in guesses])


def costs(model, x, y, start):
    result = fit_batch(
        model, x, y, start=dict(zip(model.names, start.T, strict=True)), check=0, fallback=False
    )
    return np.where(result.status == 0, result.chi2, np.inf), result


def decay_table(count, rng):
    print(f"stretched exponential, {count} traces a row: % of the well-posed that reach the best fit")
    print(f"{'grid':<7} {'SNR':>4} {'well posed':>11} {'naive':>7} {'1/e':>7} {'grid':>7}   µs/guess")
    for spacing in ("log", "linear"):
        for snr in (5, 10, 20):
            x, truth, y = decays(count, snr, spacing, rng)
            best, reference = costs(DECAY, x, y, truth)
            posed = reference.status == 0
            begin = time.perf_counter()
            grid = guessed(DECAY, x, y)
            took = (time.perf_counter() - begin) / count * 1e6
            found = [costs(DECAY, x, y, start)[0] for start in (naive(x, y), crossing(x, y), grid)]
            best = np.minimum.reduce([best, *found])
            rates = [np.mean(cost[posed] <= best[posed] * (1 + 1e-6)) * 100 for cost in found]
            print(f"{spacing:<7} {snr:>4} {posed.mean():>10.1%} " + " ".join(f"{r:>7.1f}" for r in rates)
                  + f"   {took:.0f}")  # fmt: skip


def spectra(count, number, snr, rng, points=400):
    model = load_model("lorentzian_dips", count=number)
    x = np.linspace(0, 1, points)
    half = 0.25 / number * rng.uniform(0.2, 0.5, (count, number))
    centers = np.empty((count, number))
    for row in range(count):
        while True:
            places = np.sort(rng.uniform(0.03, 0.97, number))
            if number == 1 or np.all(np.diff(places) > 1.5 * np.maximum(half[row, 1:], half[row, :-1])):
                centers[row] = places
                break
    depths = rng.uniform(0.3, 1, (count, number))
    truth = np.concatenate([centers, 2 * half, depths, np.ones((count, 1))], axis=1)
    return model, x, truth, model.evaluate(x, truth) + rng.normal(0, 1 / snr, (count, points))


def dip_table(count, rng):
    print(f"Lorentzian dips, {count} spectra a row: % that reach the best fit")
    print(f"{'dips':>4} {'SNR':>4} {'even':>7} {'truth':>7} {'guess':>7}   µs/guess")
    for number in (1, 2, 4, 8):
        for snr in (5, 10, 20):
            model, x, truth, y = spectra(count, number, snr, rng)
            begin = time.perf_counter()
            guess = model.guesser(x, y, None)
            took = (time.perf_counter() - begin) / count * 1e6
            pursuit = np.stack([guess[name] for name in model.names], -1)
            even = truth.copy()
            even[:, :number] = np.linspace(0, 1, number + 2)[1:-1]
            even[:, number : 2 * number], even[:, 2 * number : 3 * number] = 0.1 / number, 0.5
            found = [costs(model, x, y, start)[0] for start in (truth, even, pursuit)]
            best = np.minimum.reduce(found)
            truth_rate, even_rate, rate = (np.mean(cost <= best * (1 + 1e-6)) * 100 for cost in found)
            print(f"{number:>4} {snr:>4} {even_rate:>7.1f} {truth_rate:>7.1f} {rate:>7.1f}   {took:.0f}")


def false_dips(count, rng):
    """Count how often a second dip is bought where there is one only, by what Bayes' criterion must fall."""
    thresholds = (0, 6, 10)
    print(f"one Lorentzian dip, {count} spectra a row: % where a second lowers Bayes' criterion by more than")
    print(f"{'SNR':>4} " + " ".join(f"{value:>7}" for value in thresholds))
    for snr in (5, 10, 20):
        one, x, _, y = spectra(count, 1, snr, rng)
        two = load_model("lorentzian_dips", count=2)
        chi2 = [fit_batch(model, x, y, 1 / snr, check=0, fallback=False).chi2 for model in (one, two)]
        fall = chi2[0] - chi2[1] - 3 * np.log(x.size)
        print(f"{snr:>4} " + " ".join(f"{np.mean(fall > value) * 100:>7.1f}" for value in thresholds))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--traces", type=int, default=1000)
    parser.add_argument("--spectra", type=int, default=300)
    arguments = parser.parse_args()
    decay_table(arguments.traces, np.random.default_rng(1))
    dip_table(arguments.spectra, np.random.default_rng(2))
    false_dips(arguments.traces, np.random.default_rng(3))


if __name__ == "__main__":
    main()
