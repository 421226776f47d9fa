"""The κ-model on simulated temperature sweeps: what it recovers, how honest its errors are, what it confuses.

Run with ``python benchmarks/kappa_fit.py [SEEDS]``. The truth is integrated over the surface at every
temperature and taken through the eigenvalues of the motion, without the reduced spectrum of the model. Every
seed adds noise of 5 mHz to Δf and of 4e-6 to 1/Q. Printed are, for each parameter: bias in standard errors of
the mean, standard deviation of the pulls, coverage of 1σ and 2σ, and the typical standard error; then the
correlations above 0.9 and how many fits warned.
"""

from __future__ import annotations

import math
import sys
import time

import numpy as np

from labspin.analysis import fit_curve, load_model
from labspin.physics import mrfm

FREQUENCY, SIGMA = 3e3, 5e-3 + 4e-6j
TRUTH = {
    "density": 0.14e18, "T1": 5e-5, "distance": 2.2e-6, "temperature_offset": 0.0, "T1_exponent": -1.0,
    "frequency_offset": 0.0, "loss_offset": 1 / 3e4,
}  # fmt: skip
ALWAYS = {"T1_exponent": 0.0, "frequency_offset": 0.0, "loss_offset": 0.0}
CASES = (
    ("30 mK to 1 K, distance known", (0.03, 1.0), {}),
    ("30 mK to 1 K, distance free", (0.03, 1.0), {"distance": 2.0e-6}),
    ("30 mK to 1 K, distance and temperature offset free", (0.03, 1.0),
     {"distance": 2.0e-6, "temperature_offset": 0.0}),
    ("30 mK to 120 mK, distance free", (0.03, 0.12), {"distance": 2.0e-6}),
    ("300 mK to 3 K, distance known", (0.3, 3.0), {}),
    ("300 mK to 3 K, distance free", (0.3, 3.0), {"distance": 2.0e-6}),
)  # fmt: skip


def exact_shifts(kelvin: np.ndarray) -> np.ndarray:
    """Return Δf + i/Q of the truth at temperatures, by integration over the surface and eigenvalues."""
    omega, law = 2 * math.pi * FREQUENCY, mrfm.PowerLawT1(TRUTH["T1"], 0.1, TRUTH["T1_exponent"])
    springs = []
    for one in kelvin:
        kappa = mrfm.integrate_stiffness(
            magnet=mrfm.THESIS_FIG_3_3.magnet, sample=mrfm.Surface(TRUTH["distance"]),
            density=TRUTH["density"], species=mrfm.ELECTRON_G2, temperature=one, angular_frequency=omega,
            t1=law(one),
        ).stiffness  # fmt: skip
        phase = 1j * omega * float(law(one))
        springs.append((complex(kappa) * (1 + phase) / phase).real)
    spring = mrfm.RelaxingSpring(np.array(springs), law(kelvin), np.zeros(kelvin.size))
    shift = mrfm.exact_shift(resonator=mrfm.Resonator(70e-6, omega, 3e4), springs=[spring])
    return shift.angular_frequency / (2 * math.pi) + 1j * (shift.inverse_quality + TRUTH["loss_offset"])


def case(title: str, ends: tuple[float, float], free: dict[str, float], seeds: int) -> None:
    """Fit one kind of sweep with many seeds and print its table."""
    kelvin = np.geomspace(*ends, 20)
    shifts, model = exact_shifts(kelvin), load_model("spin_bath_shift", exact=True)
    fits, seconds = [], 0.0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        noise = SIGMA.real * rng.standard_normal(20) + 1j * SIGMA.imag * rng.standard_normal(20)
        begun = time.process_time()
        fits.append(fit_curve(model, kelvin, shifts + noise, SIGMA, start={**ALWAYS, **free}))
        seconds += time.process_time() - begun
    chi2 = np.mean([fit.statistics.chi2red for fit in fits])
    print(f"\n{title}: {seeds} seeds, {1e3 * seconds / seeds:.0f} ms a fit, mean χ²red {chi2:.3f}")
    print(f"  {'':20s} {'truth':>10s} {'typical error':>14s} {'bias/σ':>8s} {'pull σ':>7s}   1σ    2σ")
    for name in fits[0].covariance_names:
        error = np.array([fit[name].stderr for fit in fits])
        pull = (np.array([fit[name].value for fit in fits]) - TRUTH[name]) / error
        print(
            f"  {name:20s} {TRUTH[name]:10.3g} {np.median(error):14.2g} {pull.mean():+8.2f} "
            f"{pull.std():7.2f} {np.mean(np.abs(pull) < 1):6.1%} {np.mean(np.abs(pull) < 2):6.1%}"
        )
    spread = np.median([np.sqrt(np.diag(fit.covariance)) for fit in fits], axis=0)
    correlation = np.median([fit.covariance for fit in fits], axis=0) / np.outer(spread, spread)
    names = fits[0].covariance_names
    strong = [
        f"{names[i]}–{names[j]} {correlation[i, j]:+.3f}"
        for i in range(len(names)) for j in range(i) if abs(correlation[i, j]) > 0.9
    ]  # fmt: skip
    warned = sum(bool(fit.warnings) for fit in fits)
    print(f"  correlations above 0.9: {', '.join(strong) or 'none'}; warned: {warned} of {seeds}")


def main(seeds: int = 200) -> None:
    """Print all tables; the standard error of a bias is 1/√seeds, of a coverage 3.3 % at 200 seeds."""
    for one in CASES:
        case(*one, seeds)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
