"""Drivers by name: those that labspin brings, those of installed packages, and a lab's own files.

A name in a station file is looked up in three places: the table below; the entry points of installed
packages in the group ``labspin.drivers`` (each names a `RoleAdapter` subclass); and, if it looks like
``path/to/file.py:Class``, that class in that file, the path being relative to the station file.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any

from labspin.errors import ConfigurationError
from labspin.instruments.roles import ROLES, missing_members

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from labspin.instruments.adapter import RoleAdapter

__all__ = ["DRIVERS", "DriverEntry", "driver_names", "load_driver"]

_GROUP = "labspin.drivers"

DRIVERS: Mapping[str, str] = MappingProxyType(
    {
        "sg384": "labspin.instruments.sg384:SG384Microwave",
        "kepco_bop": "labspin.instruments.kepco_bop:KepcoMagnet",
        "sr400": "labspin.instruments.sr400:SR400Counter",
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
        "lakeshore372": "labspin.instruments.lakeshore372:LakeShore372Controller",
    }
)
"""The drivers that labspin brings: name to module and adapter class."""


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
    def role(self) -> str:
        """Name of the role that the adapter plays."""
        return self.adapter.role


def driver_names() -> tuple[str, ...]:
    """Return every name that `load_driver` knows, without loading any."""
    return tuple(dict.fromkeys([*DRIVERS, *_entry_points()]))


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
    path, colon, attribute = name.rpartition(":")
    if colon and path.endswith(".py"):
        adapter = _attribute(name, _module_from_file(name, (folder or Path()) / path), attribute)
    elif name in DRIVERS:
        adapter = _import(name, DRIVERS[name])
    elif name in _entry_points():
        adapter = _load_entry_point(name)
    else:
        known = driver_names()
        near = difflib.get_close_matches(name, known, n=1)
        hint = (
            f"did you mean {near[0]!r}?" if near else "write 'path/to/file.py:Class' for a driver of your own"
        )
        raise ConfigurationError(f"driver {name!r}: wanted one of {', '.join(known)}; {hint}")
    _refuse_misfit(name, adapter)
    return DriverEntry(name, adapter)


@functools.cache
def _entry_points() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # 50 ms, which only a station file is worth

    return {point.name: point for point in entry_points(group=_GROUP)}


def _load_entry_point(name: str) -> Any:
    point = _entry_points()[name]
    try:
        return point.load()
    except Exception as error:  # somebody else's package may fail in any way
        raise ConfigurationError(
            f"driver {name!r}: {point.value!r} of an installed package cannot be loaded: "
            f"{type(error).__name__}: {error}; repair or uninstall the package"
        ) from error


def _import(name: str, where: str) -> Any:
    module, _, attribute = where.partition(":")
    return _attribute(name, importlib.import_module(module), attribute)


def _module_from_file(name: str, path: Path) -> ModuleType:
    if not path.is_file():
        raise ConfigurationError(
            f"driver {name!r}: there is no file {str(path)!r}; the path is relative to the station file"
        )
    key = f"labspin_lab_{abs(hash(path.resolve())):x}_{path.stem}"
    if key in sys.modules:
        return sys.modules[key]
    spec = importlib.util.spec_from_file_location(key, path)
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"driver {name!r}: {str(path)!r} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[key] = module  # dataclasses look their module up while it is being run
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # a lab's own file may fail in any way
        del sys.modules[key]
        raise ConfigurationError(
            f"driver {name!r}: {str(path)!r} cannot be run: {type(error).__name__}: {error}"
        ) from error
    return module


def _attribute(name: str, module: ModuleType, attribute: str) -> Any:
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise ConfigurationError(f"driver {name!r}: the file has no class {attribute!r}") from None


def _refuse_misfit(name: str, adapter: Any) -> None:
    from labspin.instruments.adapter import RoleAdapter

    if not (isinstance(adapter, type) and issubclass(adapter, RoleAdapter)):
        raise ConfigurationError(
            f"driver {name!r}: wanted a subclass of labspin.instruments.RoleAdapter, got {adapter!r}"
        )
    role = str(getattr(adapter, "role", None))
    if role not in ROLES:
        raise ConfigurationError(f"driver {name!r}: its role must be one of {', '.join(ROLES)}, got {role!r}")
    if missing := missing_members(adapter, ROLES[role]):
        raise ConfigurationError(f"driver {name!r}: it is no {role}: it lacks {', '.join(missing)}")
    if not isinstance(getattr(adapter, "driver", None), type):
        raise ConfigurationError(f"driver {name!r}: its adapter names no driver class ('driver = …')")
