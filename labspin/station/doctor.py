"""Who answers at each address of a station: one instrument after another, and nothing is moved or set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labspin.bench.claims import Claims
from labspin.clock import Clock
from labspin.errors import LabspinError
from labspin.station.places import place_of
from labspin.station.records import InstrumentSpec
from labspin.station.simulation import SimulatedWorld

__all__ = ["DoctorRow", "connection_of", "examine"]


@dataclass(frozen=True)
class DoctorRow:
    """What `Station.doctor` found out about one instrument."""

    name: str
    role: str
    driver: str
    address: str
    identity: str | None
    error: str | None


def connection_of(
    spec: InstrumentSpec, world: SimulatedWorld | None, visa_library: str
) -> tuple[Any, dict[str, Any]]:
    """Return what the driver of an instrument is connected to, and settings of the connection.

    Parameters
    ----------
    spec
        The instrument.
    world
        The simulated world of its station; None: there is none.
    visa_library
        VISA library of the station; empty: the usual one.
    """
    if world is not None and not spec.address:
        return world.connection(spec), {}
    visa = visa_library and spec.entry.adapter.uses_visa()
    return spec.address, {"visa_library": visa_library} if visa else {}


def examine(spec: InstrumentSpec, world: SimulatedWorld | None, clock: Clock, visa_library: str) -> DoctorRow:
    """Ask one instrument who it is.

    Parameters
    ----------
    spec, world, visa_library
        As for `connection_of`.
    clock
        What waits go through.
    """
    if spec.uses:
        made_of = ", ".join(f"{part}: {name}" for part, name in spec.uses.items())
        return DoctorRow(spec.name, spec.role, spec.driver, "", f"made of {made_of}", None)
    identity = error = None
    device: Any = None
    claims: Claims | None = None
    try:
        claims = Claims.take({spec.name: place_of(spec)} if spec.address else {}, patience=0.5)
        connection, settings = connection_of(spec, world, visa_library)
        device = spec.entry.driver(
            connection, spec.name, clock=clock, timeout=spec.timeout, retries=0, **settings
        )
        identity = device.identify()
    except LabspinError as problem:
        error = str(problem)
    finally:
        if device is not None:
            device.close()
        if claims is not None:
            claims.close()
    address = spec.address or "simulated"
    return DoctorRow(spec.name, spec.role, spec.driver, address, identity, error)
