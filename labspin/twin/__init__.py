"""The simulated bench: instruments that answer bytes, and one physical sample under all of them."""

from __future__ import annotations

from labspin.twin.sample import ComplexArray, Pattern, Sample, Signals
from labspin.twin.world import CountJob, PhotonDetector, World

__all__ = ["ComplexArray", "CountJob", "Pattern", "PhotonDetector", "Sample", "Signals", "World"]
