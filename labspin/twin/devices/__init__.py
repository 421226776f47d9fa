"""The simulated instruments, by the name of their driver."""

from __future__ import annotations

from collections.abc import Mapping

from labspin.twin.device import SimulatedDevice
from labspin.twin.devices.kepco_bop import KepcoBOP
from labspin.twin.devices.pulse_streamer import PulseStreamer
from labspin.twin.devices.sg384 import SG384
from labspin.twin.devices.sr400 import SR400

__all__ = ["DEVICES", "SG384", "SR400", "KepcoBOP", "PulseStreamer"]

DEVICES: Mapping[str, type[SimulatedDevice]] = {
    "sg384": SG384,
    "kepco_bop": KepcoBOP,
    "sr400": SR400,
    "pulse_streamer": PulseStreamer,
}
"""Driver name -> simulated instrument."""
