"""What foreign programs find, beside what is really the case."""

from __future__ import annotations

import numpy as np

from labspin.twin import Pattern

LIT = Pattern.constant(10e-6, laser=1.0, microwave=1.0)
STEP = 2e6  # Hz, of the sweep in `dip`


def dip(world, set_frequency, centre, *, span=40e6, points=21):
    """Sweep a source through a line of the diamond; return where its light is darkest (Hz), and how dark."""
    world.play(LIT)
    frequencies = np.linspace(centre - span / 2, centre + span / 2, points)
    rates = []
    for frequency in frequencies:
        set_frequency(float(frequency))
        rates.append(world.mean_rate("pl"))
    return float(frequencies[np.argmin(rates)]), 1 - min(rates) / max(rates)


def lowest_line(world):
    """Return the lowest transition of the diamond, Hz, as its ground truth has it."""
    return min(world.truth()["lower_transition"])
