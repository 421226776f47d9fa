"""The simulated instruments, by the name of their driver."""

from __future__ import annotations

from collections.abc import Mapping

from labspin.twin.device import SimulatedDevice
from labspin.twin.devices.e36312a import E36312A
from labspin.twin.devices.kepco_bop import KepcoBOP
from labspin.twin.devices.lakeshore336 import LakeShore336
from labspin.twin.devices.lakeshore372 import LakeShore372
from labspin.twin.devices.lakeshore425 import LakeShore425
from labspin.twin.devices.nidaqmx import NIDaqmx
from labspin.twin.devices.obis import OBIS
from labspin.twin.devices.pi_gcs import PIAxis
from labspin.twin.devices.pulse_blaster import PulseBlaster
from labspin.twin.devices.pulse_streamer import PulseStreamer
from labspin.twin.devices.scpi_source import ScpiSource
from labspin.twin.devices.sg384 import SG384
from labspin.twin.devices.smb100a import SMB100A
from labspin.twin.devices.sr400 import SR400
from labspin.twin.devices.sr830_commands import SR830
from labspin.twin.devices.sr860_commands import SR860

__all__ = [
    "DEVICES",
    "E36312A",
    "OBIS",
    "SG384",
    "SMB100A",
    "SR400",
    "SR830",
    "SR860",
    "KepcoBOP",
    "LakeShore336",
    "LakeShore372",
    "LakeShore425",
    "NIDaqmx",
    "PIAxis",
    "PulseBlaster",
    "PulseStreamer",
    "ScpiSource",
]

DEVICES: Mapping[str, type[SimulatedDevice]] = {
    "sg384": SG384,
    "kepco_bop": KepcoBOP,
    "sr400": SR400,
    "pulse_streamer": PulseStreamer,
    "pulse_blaster": PulseBlaster,
    "ni_counter": NIDaqmx,
    "ni_analog": NIDaqmx,
    "sr830": SR830,
    "sr860": SR860,
    "smb100a": SMB100A,
    "scpi_source": ScpiSource,
    "e36312a": E36312A,
    "lakeshore425": LakeShore425,
    "lakeshore336": LakeShore336,
    "lakeshore372": LakeShore372,
    "pi_gcs": PIAxis,
    "obis": OBIS,
}
"""Driver name -> simulated instrument."""
