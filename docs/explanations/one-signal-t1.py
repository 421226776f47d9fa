"""Draw what one signal without π pulses takes for T1: an exponential through a mixture of two.

Run with ``python docs/explanations/one-signal-t1.py``. The line is a fit without noise of a + b exp(−t/T1) to
ρ_0 of three levels. The points are simulated runs (`benchmarks/closed_loop_film.py`; one-signal-t1.csv).
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
import matplotlib.pyplot as plt
from scipy.linalg import expm
from scipy.optimize import least_squares

HERE = Path(__file__).parent


def single(ratio: float) -> float:
    """Return the rate of one exponential over the faster rate of three levels, at Γ₊/Γ₋ = ratio."""
    lower, upper = 1.0, ratio
    matrix = np.array([[-lower - upper, lower, upper], [lower, -lower, 0], [upper, 0, -upper]])
    fast, slow = sorted(-np.linalg.eigvalsh(matrix))[1:][::-1]
    times = np.geomspace(0.03 / fast, 1.0 / slow, 15)
    zero = np.array([(expm(matrix * t) @ [1.0, 0, 0])[0] for t in times])

    def residual(p: np.ndarray) -> np.ndarray:
        return p[0] + p[1] * np.exp(-times * np.exp(p[2])) - zero

    fits = [least_squares(residual, [0.4, 0.6, np.log(rate)]) for rate in (fast, slow)]
    best = min(fits, key=lambda fit: fit.cost)
    return float(np.exp(best.x[2]) / fast)


def main() -> None:
    """Draw the figure."""
    ratios = np.geomspace(1e-3, 1e3, 121)
    figure, axes = plt.subplots(figsize=(6.4, 4.0), layout="constrained")
    axes.semilogx(ratios, [single(ratio) for ratio in ratios], color="#0072B2", label="without noise")
    runs = np.loadtxt(HERE / "one-signal-t1.csv", delimiter=",", skiprows=1)
    axes.semilogx(runs[:, 0], runs[:, 1], ".", color="#D55E00", alpha=0.6, label="simulated runs, one signal")
    axes.semilogx(
        runs[:, 0], runs[:, 2], "x", color="#009E73", markersize=4, alpha=0.6,
        label="the same runs, three levels",
    )  # fmt: skip
    axes.axhline(1, color="0.4", linewidth=0.8)
    axes.set_ylim(0, 1.6)
    axes.set_xlabel("Γ₊ / Γ₋")
    axes.set_ylabel("1/T1 found / true")
    axes.legend(frameon=False, fontsize=8)
    axes.grid(alpha=0.25)
    figure.savefig(HERE / "one-signal-t1.png", dpi=150)


if __name__ == "__main__":
    main()
