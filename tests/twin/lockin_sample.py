"""A sample whose voltage is known without a lock-in: an amplifier behind the oscillator, and a line more."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from labspin.clock import SimulatedClock
from labspin.twin import Sample, World
from labspin.twin.adapter import SimulatedAdapter

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


class Line:
    """A terminal on a simulated lock-in."""

    def __init__(self, kind, world=None, *, wiring=None, **options):
        self.world = world or make_world()
        self.device = kind(self.world, wiring=wiring, **options)
        self.adapter = SimulatedAdapter(self.device, timeout=0.0)

    def __call__(self, *commands):
        for command in commands:
            self.adapter.write(command)

    def ask(self, command):
        self.adapter.write(command)
        answer = self.adapter.read()
        assert self.device.transmit() == b""
        return answer

    def numbers(self, command):
        return [float(part) for part in self.ask(command).rstrip(",").split(",")]

    def wait(self, seconds):
        self.world.clock.sleep(seconds)

    def error(self):
        return int(self.ask("*ESR?"))


XY = {"SR830": "SNAP? 1,2", "SR860": "SNAP? X,Y"}


def reading(line):
    x, y = line.numbers(XY[type(line.device).__name__])
    return complex(x, y)
