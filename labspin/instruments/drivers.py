"""Drivers by name: those that labspin brings, those of installed packages, and a lab's own files.

A name in a station file is looked up in three places: the table below; the entry points of installed
packages in the group ``labspin.drivers`` (each names a `RoleAdapter` subclass); and, if it looks like
``path/to/file.py:Class``, that class in that file, the path being relative to the station file.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from labspin.errors import ConfigurationError
from labspin.instruments.roles import ACTUATORS, READINGS, ROLES, Device, missing_members
from labspin.plugins import Registry

if TYPE_CHECKING:
    from labspin.instruments.adapter import RoleAdapter

__all__ = ["DRIVERS", "DriverEntry", "driver_names", "load_driver"]

DRIVERS: Mapping[str, str] = MappingProxyType(
    {
        "sg384": "labspin.instruments.sg384:SG384Microwave",
        "kepco_bop": "labspin.instruments.kepco_bop:KepcoMagnet",
        "sr400": "labspin.instruments.sr400_counter:SR400Counter",
        "pulse_streamer": "labspin.instruments.pulse_streamer:PulseStreamerLines",
        "pulse_blaster": "labspin.instruments.pulse_blaster:PulseBlasterLines",
        "ni_counter": "labspin.instruments.ni_counter:NICounter",
        "ni_analog": "labspin.instruments.ni_analog:NIGaussmeter",
        "sr830": "labspin.instruments.sr830:SR830LockIn",
        "sr860": "labspin.instruments.sr860:SR860LockIn",
        "cantilever_readout": "labspin.instruments.cantilever_readout:LockInCantilever",
        "smb100a": "labspin.instruments.smb100a:SMB100AMicrowave",
        "scpi_source": "labspin.instruments.scpi_source:ScpiMicrowave",
        "e36312a": "labspin.instruments.e36312a:E36312AMagnet",
        "lakeshore425": "labspin.instruments.lakeshore425:LakeShore425Gaussmeter",
        "lakeshore336": "labspin.instruments.lakeshore336:LakeShore336Controller",
        "pi_gcs": "labspin.instruments.pi_gcs:PIPositioner",
        "obis": "labspin.instruments.obis:OBISLaser",
        "lakeshore372": "labspin.instruments.lakeshore372:LakeShore372Controller",
    }
)
"""The drivers that labspin brings: name to module and adapter class."""

_REGISTRY = Registry("driver", "labspin.drivers", DRIVERS, ConfigurationError, "'path/to/file.py:Class'")


@dataclass(frozen=True)
class DriverEntry:
    """A driver that was found: what opens it, and what it is."""

    name: str
    adapter: type[RoleAdapter]

    @property
    def driver(self) -> type:
        """The class that speaks to the device."""
        return self.adapter.driver

    @property
    def settable(self) -> dict[str, str]:
        """Attributes that a station may move: name to unit."""
        return {**ACTUATORS.get(self.role, {}), **self.adapter.units}

    @property
    def readable(self) -> dict[str, str]:
        """Attributes that can be recorded or watched: name to unit."""
        return {**self.settable, **READINGS.get(self.role, {}), **self.adapter.readings}

    @property
    def role(self) -> str:
        """Name of the role that the adapter plays."""
        return self.adapter.role


def driver_names() -> tuple[str, ...]:
    """Return every name that `load_driver` knows, without loading any."""
    return _REGISTRY.names()


def load_driver(name: str, *, folder: Path | None = None) -> DriverEntry:
    """Return the driver called ``name``.

    Parameters
    ----------
    name
        A name out of `driver_names`, or ``"path/to/file.py:Class"``.
    folder
        What the path is relative to; None: the working directory.

    Raises
    ------
    ConfigurationError
        There is no such driver, it cannot be imported, or it does not play the role that it names.
    """
    adapter = _REGISTRY.load(name, folder or Path())
    _refuse_misfit(name, adapter)
    return DriverEntry(name, adapter)


def _refuse_misspelt(name: str, role: str) -> None:
    near = difflib.get_close_matches(role, ROLES, n=1, cutoff=0.8)
    if role not in ROLES and near:
        raise ConfigurationError(
            f"driver {name!r}: its role {role!r} is nearly {near[0]!r}; write that, or another name for a "
            "role of your own"
        )


def _refuse_misfit(name: str, adapter: object) -> None:
    from labspin.instruments.adapter import RoleAdapter

    if not (isinstance(adapter, type) and issubclass(adapter, RoleAdapter)):
        raise ConfigurationError(
            f"driver {name!r}: wanted a subclass of labspin.instruments.RoleAdapter, got {adapter!r}"
        )
    role = str(getattr(adapter, "role", None))
    if not role.isidentifier():
        raise ConfigurationError(
            f"driver {name!r}: wanted a role, one of {', '.join(ROLES)} or a word of your own such as "
            f"'PowerMeter', got {role!r}"
        )
    _refuse_misspelt(name, role)
    if missing := missing_members(adapter, ROLES.get(role, Device)):
        raise ConfigurationError(f"driver {name!r}: it is no {role}: it lacks {', '.join(missing)}")
    if not isinstance(getattr(adapter, "driver", None), type):
        raise ConfigurationError(f"driver {name!r}: its adapter names no driver class ('driver = …')")
