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

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

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


@dataclass(frozen=True)
class Role:
    """What is known of a role beside its protocol: attributes with their units."""

    protocol: type
    moves: Mapping[str, str] = field(default_factory=dict)
    """What an engine may move."""
    reads: Mapping[str, str] = field(default_factory=dict)
    """Scalars that can only be read."""
    at_rest: Mapping[str, float] = field(default_factory=dict)
    """What the safe action brings to this value, or to the nearest that the hardware can make."""
    measured: Mapping[str, str] = field(default_factory=dict)
    """For what is moved and whose output is measured too, the reading that says where it is."""


_TABLE = (
    Role(MicrowaveSource, moves={"frequency": "Hz", "power": "dBm"}),
    Role(
        MagnetSupply,
        moves={"current": "A"},
        reads={"measured_current": "A"},
        at_rest={"current": 0.0},
        measured={"current": "measured_current"},
    ),
    Role(Gaussmeter, reads={"field": "T"}),
    Role(PulseGenerator),
    Role(PhotonCounter),
    Role(
        LockIn,
        moves={"frequency": "Hz", "amplitude": "V", "phase": "rad", "time_constant": "s", "sensitivity": "V"},
        reads={"x": "V", "y": "V", "magnitude": "V", "theta": "rad"},
        at_rest={"amplitude": 0.0},
    ),
    Role(TemperatureController, moves={"setpoint": "K"}, reads={"temperature": "K"}),
    Role(
        CantileverReadout,
        moves={"frequency": "Hz", "amplitude": "V", "time_constant": "s"},
        at_rest={"amplitude": 0.0},
    ),
    Role(
        LaserPower,
        moves={"power": "W"},
        reads={"measured_power": "W"},
        measured={"power": "measured_power"},
    ),
    Role(
        Positioner,
        moves={"position": "m"},
        reads={"measured_position": "m"},
        measured={"position": "measured_position"},
    ),
)
"""Every role that labspin brings, one row each. A laboratory's own needs none: its driver names it."""


def _column(of: Callable[[Role], object]) -> Mapping[str, Any]:
    return MappingProxyType({role.protocol.__name__: of(role) for role in _TABLE})


ROLES: Mapping[str, type] = _column(lambda role: role.protocol)
"""Every role by its name."""
ACTUATORS: Mapping[str, Mapping[str, str]] = _column(lambda role: role.moves)
"""For every role, the attributes that an engine may move, with their units."""
READINGS: Mapping[str, Mapping[str, str]] = _column(lambda role: role.reads)
"""For every role, the scalar attributes that can only be read, with their units."""
AT_REST: Mapping[str, Mapping[str, float]] = _column(lambda role: role.at_rest)
"""What the safe action of a role brings to this value, or to the nearest that the hardware can make."""
MEASURED: Mapping[str, Mapping[str, str]] = _column(lambda role: role.measured)
"""For every actuator whose output is measured too, the reading that says where it is."""
