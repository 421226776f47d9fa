"""Draws coherence.png: fringes, echoes and decoupling of an NV centre. Run as ``python docs/explanations/coherence.py``."""

import math
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from labspin.physics.nv import (
    HYPERFINE_SPLITTING,
    PulseTrain,
    SpinBath,
    StaticLine,
    bath_dephasing,
    pulse_fractions,
    train_map,
)

MHZ = 2e6 * math.pi
RABI, PI = 10 * MHZ, 50e-9
LINE = StaticLine(width=0.2 * MHZ, splitting=HYPERFINE_SPLITTING["14N"], lines=3)
BATH = SpinBath(amplitude=0.05 * MHZ, correlation_time=50e-6)
ANGLES = {"X": 0.0, "Y": 0.5 * math.pi, "-X": math.pi, "-Y": 1.5 * math.pi}
XY8 = ("X", "Y", "X", "Y", "Y", "X", "Y", "X")


def coherence(time, phases, *, first="X", longer=1.0, detuning=0.0, line=LINE, bath=BATH):
    """Return the difference of a train and its opposite."""
    taken = 0.75 * PI if phases else 0.5 * PI
    spacing = time / max(2 * len(phases), 1)
    steps = [(0.5 * PI, first), (spacing - taken, None)]
    for number, phase in enumerate(phases):
        steps += [(PI, phase), (spacing - taken if number == len(phases) - 1 else 2 * spacing - PI, None)]
    found = []
    for last in (first, f"-{first}"):
        whole = [*steps, (0.5 * PI, last)]
        train = PulseTrain(
            np.array([longer * length if phase else length for length, phase in whole]),
            np.array([phase is not None for _, phase in whole]),
            np.array([ANGLES.get(phase, 0.0) for _, phase in whole]),
        )
        found.append(train_map(train=train, rabi=RABI, detuning=detuning, line=line, bath=bath)[0, 0])
    return abs(found[1] - found[0]) if phases else found[1] - found[0]


def main() -> None:
    """Draw the three panels."""
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    times = np.linspace(0.05e-6, 3e-6, 250)
    left.plot(times * 1e6, [coherence(t, (), detuning=1 * MHZ) for t in times], color="#b5422c")
    left.set(xlabel="evolution time (µs)", ylabel="coherence", title="Ramsey, ¹⁴N, detuning 1 MHz")
    for count, colour in ((1, "#4a5a78"), (8, "#1c7f9c"), (64, "#2a9d4a")):
        times = np.geomspace(max(2e-6, 0.3e-6 * count), 1e-3, 60)
        ideal = bath_dephasing(
            time=times,
            fractions=pulse_fractions(count),
            amplitude=BATH.amplitude,
            correlation_time=BATH.correlation_time,
        )
        middle.semilogx(times * 1e6, np.exp(-ideal), color=colour, label=f"N = {count}")
        some = times[::6]
        phases = ("Y",) if count == 1 else XY8 * (count // 8)
        middle.plot(some * 1e6, [coherence(t, phases) for t in some], "o", ms=4, color=colour)
    middle.set(xlabel="evolution time (µs)", title="lines: closed form, points: trains")
    middle.legend(frameon=False)
    counts = np.array([8, 16, 24, 32, 48, 64])
    still = {"line": StaticLine(width=0.5 * MHZ), "bath": SpinBath(), "longer": 1.05}
    for name, phases, first, style in (
        ("CPMG, along Y", ("Y",) * 8, "X", "o-"),
        ("CPMG, along X", ("Y",) * 8, "Y", "s--"),
        ("XY8, along Y", XY8, "X", "^-"),
        ("XY8, along X", XY8, "Y", "v--"),
    ):
        kept = [coherence(1e-6 * n, phases * (n // 8), first=first, **still) for n in counts]
        right.plot(counts, kept, style, ms=4, label=name)
    right.set(xlabel="number of π pulses, each 5 % too long", ylim=(-0.03, 1.05), title="errors of pulses")
    right.legend(frameon=False, fontsize=8)
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)


if __name__ == "__main__":
    main()
