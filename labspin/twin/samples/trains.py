"""Trains of microwave pulses in a pattern: which of its steps belong together coherently.

The lines ``phase_90`` and ``phase_180`` shift the phase of the microwave by as much while they are high, as a
two-bit phase shifter behind the source does; so two lines make the four phases of a cycle, X, Y, −X and −Y.
Pulses between which it stays dark are one train, unless the bath forgets in between.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labspin.physics.arguments import FloatArray
from labspin.physics.nv import PulseTrain, SpinBath
from labspin.twin.inputs import Pattern

__all__ = ["PHASE_LINES", "Train", "phases_of", "trains_of"]

PHASE_LINES = {
    "phase_90": "shifts the phase of the microwave by 90 degrees",
    "phase_180": "shifts the phase of the microwave by 180 degrees",
}
"""Lines of a sample whose microwave has a phase."""


@dataclass(frozen=True)
class Train:
    """Steps ``first`` to ``last`` of a pattern, which begin and end with a pulse."""

    first: int
    last: int
    pulses: PulseTrain


def phases_of(pattern: Pattern) -> FloatArray:
    """Return the phase of the microwave in each step, rad, shape (n,).

    Parameters
    ----------
    pattern
        What the pulse generator plays.
    """
    quarter, half = pattern.line("phase_90") > 0.5, pattern.line("phase_180") > 0.5
    return np.asarray(0.5 * math.pi * quarter + math.pi * half)


def trains_of(pattern: Pattern, coherent: NDArray[np.bool_], bath: SpinBath) -> list[Train]:
    """Return the trains of a pattern that have more than one step of pulses; the others need no coherence.

    Parameters
    ----------
    pattern
        What the pulse generator plays; ``laser`` and ``microwave`` count, and the lines of the phase.
    coherent
        Whether a step is a pulse that is short enough to be coherent; shape (n,).
    bath
        What makes coherences decay.
    """
    broken = (pattern.line("laser") > 0.5) | ((pattern.line("microwave") > 0.5) & ~coherent)
    phases, found = phases_of(pattern), []
    first = last = None
    for step in [*np.flatnonzero(coherent | broken).tolist(), pattern.durations.size]:
        apart = last is not None and bath.forgets(float(pattern.durations[last + 1 : step].sum()))
        ends = step == pattern.durations.size or bool(broken[step]) or apart
        if ends and first is not None and last is not None and last > first:
            steps = slice(first, last + 1)
            pulses = PulseTrain(pattern.durations[steps], coherent[steps], phases[steps])
            found.append(Train(first, last, pulses))
        if ends:
            first = last = None
        if step < pattern.durations.size and coherent[step]:
            first, last = step if first is None else first, step
    return found
