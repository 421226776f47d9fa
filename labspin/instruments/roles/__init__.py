"""What a procedure asks of an instrument: ten roles, each a small protocol in SI units.

A procedure names roles, a station file binds each role to a device, and a thin adapter beside the driver
translates. So a procedure never knows which maker's box it talks to, and a new driver serves every
procedure at once. Levels of microwave power are in dBm, the one unit that is not SI.

=========================  ==========================================  ==============================
role                       may be set (unit)                           is read (unit)
=========================  ==========================================  ==============================
`MicrowaveSource`          frequency (Hz), power (dBm)
`MagnetSupply`             current (A)                                 measured_current (A)
`Gaussmeter`                                                           field (T)
`PulseGenerator`           (pulse sequences)
`PhotonCounter`                                                        (counts)
`LockIn`                   frequency (Hz), amplitude (V),              x, y, magnitude (V), theta (rad)
                           phase (rad), time_constant (s),             (quadratures and traces, V)
                           sensitivity (V)
`TemperatureController`    setpoint (K)                                temperature (K)
`CantileverReadout`        frequency (Hz), amplitude (V),              (response, ring-down, V;
                           time_constant (s)                           thermal spectrum, V²/Hz)
`LaserPower`               power (W)                                   measured_power (W)
`Positioner`               position (m)                                measured_position (m)
=========================  ==========================================  ==============================
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from labspin.instruments.roles.counting import PhotonCounter, PulseGenerator
from labspin.instruments.roles.detection import CantileverReadout, LockIn
from labspin.instruments.roles.device import Device, implements, missing_members
from labspin.instruments.roles.position import Positioner
from labspin.instruments.roles.sources import LaserPower, MagnetSupply, MicrowaveSource
from labspin.instruments.roles.surroundings import Gaussmeter, TemperatureController

__all__ = [
    "ACTUATORS",
    "AT_REST",
    "MEASURED",
    "READINGS",
    "ROLES",
    "CantileverReadout",
    "Device",
    "Gaussmeter",
    "LaserPower",
    "LockIn",
    "MagnetSupply",
    "MicrowaveSource",
    "PhotonCounter",
    "Positioner",
    "PulseGenerator",
    "TemperatureController",
    "implements",
    "missing_members",
]

ROLES: Mapping[str, type] = MappingProxyType(
    {
        role.__name__: role
        for role in (
            MicrowaveSource,
            MagnetSupply,
            Gaussmeter,
            PulseGenerator,
            PhotonCounter,
            LockIn,
            TemperatureController,
            CantileverReadout,
            LaserPower,
            Positioner,
        )
    }
)
"""Every role by its name."""

ACTUATORS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "MicrowaveSource": {"frequency": "Hz", "power": "dBm"},
        "MagnetSupply": {"current": "A"},
        "Gaussmeter": {},
        "PulseGenerator": {},
        "PhotonCounter": {},
        "LockIn": {
            "frequency": "Hz",
            "amplitude": "V",
            "phase": "rad",
            "time_constant": "s",
            "sensitivity": "V",
        },
        "TemperatureController": {"setpoint": "K"},
        "CantileverReadout": {"frequency": "Hz", "amplitude": "V", "time_constant": "s"},
        "LaserPower": {"power": "W"},
        "Positioner": {"position": "m"},
    }
)
"""For every role, the attributes that an engine may move, with their units."""

READINGS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "MicrowaveSource": {},
        "MagnetSupply": {"measured_current": "A"},
        "Gaussmeter": {"field": "T"},
        "PulseGenerator": {},
        "PhotonCounter": {},
        "LockIn": {"x": "V", "y": "V", "magnitude": "V", "theta": "rad"},
        "TemperatureController": {"temperature": "K"},
        "CantileverReadout": {},
        "LaserPower": {"measured_power": "W"},
        "Positioner": {"measured_position": "m"},
    }
)
"""For every role, the scalar attributes that can only be read, with their units."""

AT_REST: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "MagnetSupply": {"current": 0.0},
        "LockIn": {"amplitude": 0.0},
        "CantileverReadout": {"amplitude": 0.0},
    }
)
"""What the safe action of a role brings to this value, or to the nearest that the hardware can make."""

MEASURED: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "MagnetSupply": {"current": "measured_current"},
        "LaserPower": {"power": "measured_power"},
        "Positioner": {"position": "measured_position"},
    }
)
"""For every actuator whose output is measured too, the reading that says where it is."""
