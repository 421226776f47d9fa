"""A sample whose voltage is known without a lock-in: an amplifier behind the oscillator, and a line more."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from labspin.clock import SimulatedClock
from labspin.twin import Sample, World

GAIN = 0.5 * np.exp(0.3j)  # from the oscillator to the detector


class Amplifier(Sample):
    """The oscillator's voltage times `GAIN`; a step of ``offset.step`` (V peak) is added at 10 s."""

    inputs: ClassVar = {"drive.amplitude": "V", "drive.frequency": "Hz", "piezo.voltage": "V"}
    defaults: ClassVar = {"drive.amplitude": 0.0, "drive.frequency": 1e3, "piezo.voltage": 0.0}
    detectors: ClassVar = {"cantilever": "analog"}

    def __init__(self, *, noise: float = 0.0, step: float = 0.0, tone: complex = 0.0, beat: float = 0.0):
        self.noise, self.step, self.tone, self.beat = noise, step, tone, beat

    def quadratures(self, detector, frequency, times, signals, rng):
        times = np.asarray(times)
        driven = GAIN * signals["drive.amplitude"] + self.step * (times > 10.0)
        return driven + self.tone * np.exp(2j * np.pi * self.beat * times)

    def noise_density(self, detector, frequency, signals):
        return self.noise

    def truth(self, signals):
        return {}


def make_world(**settings) -> World:
    return World(Amplifier(**settings), SimulatedClock(), seed=5)
