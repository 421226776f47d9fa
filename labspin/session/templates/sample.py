"""Skeleton: a sample for the simulated bench, an emitter that saturates and drifts.

A sample answers in physics: mean photons in a window, a voltage, a temperature. Noise of counting, dark
counts and whatever else belongs to an instrument come from the instruments and the bench.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from labspin.twin.inputs import Pattern, Signals
from labspin.twin.sample import Sample


@dataclass(frozen=True)
class Settings:
    """What a station may set under ``[simulation.parameters]``, in SI units."""

    rate: float = 2e5
    """Photons at infinite power, 1/s."""
    saturation_power: float = 1e-3
    """Power at half of it, W."""
    drift: float = 0.0
    """Relative change of the light in a day."""


class Skeleton(Sample):
    """Light that saturates with the laser's power, while the line ``laser`` is high."""

    inputs: ClassVar = {"laser.power": "W"}
    defaults: ClassVar = {"laser.power": 1e-3}
    detectors: ClassVar = {"pl": "photons"}
    lines: ClassVar = {"laser": "lights the emitter"}

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()

    def rate(self, power: float) -> float:
        """Return the photons per second under steady light.

        Parameters
        ----------
        power
            Power of the laser, W.
        """
        return self.settings.rate * power / (power + self.settings.saturation_power)

    def steady_photons(
        self, detector: str, pattern: Pattern, windows: NDArray[np.float64], signals: Signals
    ) -> NDArray[np.float64]:
        """Return the mean photons in each window of one repetition, shape (m,).

        Parameters
        ----------
        detector
            Which detector looks.
        pattern
            What the pulse generator plays, again and again.
        windows
            Start and stop of each window, s, shape (m, 2).
        signals
            What the instruments drive.
        """
        light = self.rate(signals["laser.power"]) * pattern.line("laser") * pattern.durations
        collected = np.concatenate(([0.0], np.cumsum(light)))
        stop, start = (np.interp(windows[:, side], pattern.boundaries, collected) for side in (1, 0))
        return stop - start

    def drift(self, detector: str, time: float) -> float:
        """Return the light relative to that of the first moment.

        Parameters
        ----------
        detector
            Which detector looks.
        time
            Simulated time, s.
        """
        return math.exp(self.settings.drift * time / 86400)

    truth_units: ClassVar = {"rate": "1/s"}

    def truth(self, signals: Signals) -> Mapping[str, Any]:
        """Return what a perfect experiment would find; it is written into every simulated run.

        Parameters
        ----------
        signals
            What the instruments drive.
        """
        return {"rate": self.rate(signals["laser.power"])}
