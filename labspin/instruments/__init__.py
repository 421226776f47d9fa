"""Drivers of real instruments, and the roles that procedures ask for.

A driver is a declarative list of properties on pymeasure's `Instrument`; an adapter of a few lines makes it
one of the roles of `labspin.instruments.roles`. What rests on pymeasure is loaded on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from labspin.instruments.drivers import DRIVERS, DriverEntry, driver_names, load_driver
from labspin.instruments.roles import (
    ACTUATORS,
    AT_REST,
    MEASURED,
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
    Positioner,
    PulseGenerator,
    TemperatureController,
    implements,
    missing_members,
)
from labspin.instruments.sequence import Pulse, PulseSequence
from labspin.instruments.sequence_layout import GATE, SequenceLayout, sequence_layout, with_gates

if TYPE_CHECKING:
    from labspin.instruments.adapter import NoOptions, RoleAdapter
    from labspin.instruments.base import Guarded, GuardedChannel, LabspinInstrument
    from labspin.instruments.composite import CompositeAdapter
    from labspin.instruments.limits import check_limits, limited, on_off, one_of
    from labspin.instruments.properties import choice, entry, quantities, quantity, switch, whole_number
    from labspin.instruments.refusals import ErrorQueue, ReadBack, StandardEvents

_LAZY = {
    "CompositeAdapter": "composite",
    "ErrorQueue": "refusals",
    "Guarded": "base",
    "GuardedChannel": "base",
    "LabspinInstrument": "base",
    "NoOptions": "adapter",
    "ReadBack": "refusals",
    "RoleAdapter": "adapter",
    "StandardEvents": "refusals",
    "check_limits": "limits",
    "choice": "properties",
    "entry": "properties",
    "limited": "limits",
    "on_off": "limits",
    "one_of": "limits",
    "quantities": "properties",
    "quantity": "properties",
    "switch": "properties",
    "whole_number": "properties",
}

__all__ = [
    "ACTUATORS",
    "AT_REST",
    "DRIVERS",
    "GATE",
    "MEASURED",
    "READINGS",
    "ROLES",
    "CantileverReadout",
    "CompositeAdapter",
    "Device",
    "DriverEntry",
    "ErrorQueue",
    "Gaussmeter",
    "Guarded",
    "GuardedChannel",
    "LabspinInstrument",
    "LaserPower",
    "LockIn",
    "MagnetSupply",
    "MicrowaveSource",
    "NoOptions",
    "PhotonCounter",
    "Positioner",
    "Pulse",
    "PulseGenerator",
    "PulseSequence",
    "ReadBack",
    "RoleAdapter",
    "SequenceLayout",
    "StandardEvents",
    "TemperatureController",
    "check_limits",
    "choice",
    "driver_names",
    "entry",
    "implements",
    "limited",
    "load_driver",
    "missing_members",
    "on_off",
    "one_of",
    "quantities",
    "quantity",
    "sequence_layout",
    "switch",
    "whole_number",
    "with_gates",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"labspin.instruments.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'labspin.instruments' has no attribute {name!r}")
