"""Draw `nv-near-a-film.png`: rates of both transitions against the distance and the field.

Run ``python docs/explanations/nv-near-a-film.py`` after the physics has changed.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from labspin.physics import spinwaves as sw

FILM, NV = sw.YIG_FIGURES, sw.NV_TABLE1


def rates(bath):
    """Return Γ₋ and Γ₊, 1/s."""
    return (bath.decay_minus + bath.absorption_minus) / 2, (bath.decay_plus + bath.absorption_plus) / 2


def main():
    """Draw the picture."""
    left, right = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")[1]
    lengths = np.geomspace(20e-9, 800e-9, 60)
    arguments = {"film": FILM, "spin": NV, "temperature": 300.0, "rtol": 1e-4, "counter_rotating": False}
    lower, upper = rates(sw.spin_wave_bath(**arguments, distance=lengths, field=0.035))
    left.loglog(lengths * 1e9, lower, label="|0> <-> |->")
    left.loglog(lengths * 1e9, upper, label="|0> <-> |+>, left out by [SW]")
    ticks = (20, 50, 100, 200, 400, 800)
    left.set_xticks(ticks, [str(tick) for tick in ticks])
    left.set_xticks([], minor=True)
    left.axhline(1 / (3 * NV.occupation_lifetime), color="grey", linestyle=":", label="1/(3 T1), T1 = 3 ms")
    left.set(xlabel="distance (nm)", ylabel="rate (1/s)", title="35 mT, 300 K", ylim=(1e-1, 1e8))
    fields = np.linspace(5e-3, 50e-3, 120)
    for length, colour in ((100e-9, "C0"), (400e-9, "C1")):
        lower, upper = rates(sw.spin_wave_bath(**arguments, distance=length, field=fields))
        right.semilogy(fields * 1e3, lower, color=colour, label=f"|0> <-> |->, {length * 1e9:.0f} nm")
        right.semilogy(
            fields * 1e3, upper, color=colour, linestyle="--", label=f"|0> <-> |+>, {length * 1e9:.0f} nm"
        )
    right.set(xlabel="field (mT)", ylabel="rate (1/s)", title="300 K", ylim=(1e-2, 1e8))
    for axes in (left, right):
        axes.legend(fontsize=8)
        axes.grid(alpha=0.3)
    plt.savefig(Path(__file__).with_suffix(".png"), dpi=110)


if __name__ == "__main__":
    main()
