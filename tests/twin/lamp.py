"""The simplest world: a lamp, a detector, and pulses whose light is known."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from labspin.clock import SimulatedClock
from labspin.twin import Pattern, PhotonDetector, Sample, Signals, World


class Lamp(Sample):
    """Light of `laser.power` times 1e6 photons/s while the line `laser` is high: easily known."""

    inputs: ClassVar = {
        "laser.power": "W",
        "magnet.current": "A",
        "microwave.frequency": "Hz",
        "microwave.power": "dBm",
    }
    defaults: ClassVar = {
        "laser.power": 1.0,
        "magnet.current": 0.0,
        "microwave.frequency": 1e9,
        "microwave.power": -math.inf,
    }
    detectors: ClassVar = {"pl": "photons"}

    def __init__(self) -> None:
        self.evaluations = 0

    def steady_photons(self, detector: str, pattern: Pattern, windows: np.ndarray, signals: Signals):
        self.evaluations += 1
        collected = np.cumsum(1e6 * signals["laser.power"] * pattern.line("laser") * pattern.durations)
        collected = np.concatenate(([0.0], collected))
        return np.interp(windows[:, 1], pattern.boundaries, collected) - np.interp(
            windows[:, 0], pattern.boundaries, collected
        )

    def truth(self, signals: Signals):
        return {"power": signals["laser.power"]}


def make_world(seed: int = 1, **detector: float) -> World:
    detectors = {"pl": PhotonDetector(**detector)} if detector else {}
    return World(Lamp(), SimulatedClock(), seed=seed, detectors=detectors)


PULSES = Pattern(
    np.array([1e-6, 3e-6, 6e-6]),
    {"laser": np.array([1.0, 1.0, 0.0]), "trigger": np.array([1.0, 0.0, 0.0])},
)
