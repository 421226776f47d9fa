"""Drivers of real instruments, and the roles that procedures ask for.

A driver is a declarative list of properties on pymeasure's `Instrument`; an adapter of a few lines makes it
one of the roles of `labspin.instruments.roles`.
"""

from labspin.instruments.drivers import DRIVERS, DriverEntry, driver_names, load_driver
from labspin.instruments.roles import (
    ACTUATORS,
    READINGS,
    ROLES,
    CantileverReadout,
    Device,
    Gaussmeter,
    LaserPower,
    LockIn,
    MagnetSupply,
    MicrowaveSource,
    PhotonCounter,
    PulseGenerator,
    TemperatureController,
    implements,
    missing_members,
)
from labspin.instruments.sequence import Pulse, PulseSequence

__all__ = [
    "ACTUATORS",
    "DRIVERS",
    "READINGS",
    "ROLES",
    "CantileverReadout",
    "Device",
    "DriverEntry",
    "Gaussmeter",
    "LaserPower",
    "LockIn",
    "MagnetSupply",
    "MicrowaveSource",
    "PhotonCounter",
    "Pulse",
    "PulseGenerator",
    "PulseSequence",
    "TemperatureController",
    "driver_names",
    "implements",
    "load_driver",
    "missing_members",
]
