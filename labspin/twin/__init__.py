"""The simulated bench: instruments that answer bytes, and one physical sample under all of them.

`World` holds sample, signals, pattern and clock; ``DEVICES`` are the simulated instruments by the name of
their driver; `labspin.twin.samples` are the samples by name. `SimulatedAdapter` puts a pymeasure driver on
a device in process, `labspin.twin.server` serves devices over TCP.
"""

from __future__ import annotations

from labspin.twin.device import SimulatedDevice
from labspin.twin.faults import FAULT_KINDS, Fault, Faults
from labspin.twin.inputs import Pattern, Signals
from labspin.twin.sample import ComplexArray, Sample
from labspin.twin.world import CountJob, PhotonDetector, World

__all__ = [
    "FAULT_KINDS",
    "ComplexArray",
    "CountJob",
    "Fault",
    "Faults",
    "Pattern",
    "PhotonDetector",
    "Sample",
    "Signals",
    "SimulatedDevice",
    "World",
]
