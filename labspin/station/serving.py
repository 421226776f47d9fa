"""A simulated station over TCP: every instrument at an address of its own, for any program that speaks to it.

The instruments are those of the station file, all on one sample, as `Station.connect` has them in process;
here they answer on sockets of this machine. A bench on which time only passes during a wait would
stand still for a foreign program, so it runs with the wall clock unless the file or the caller gives a speed.
"""

from __future__ import annotations

import contextlib
import ipaddress
import math
import socket
from collections.abc import Iterable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from labspin.errors import ArgumentError, ConnectionFailedError, StationError
from labspin.station.records import InstrumentSpec, SimulationSpec
from labspin.station.simulation import SimulatedWorld

if TYPE_CHECKING:
    from labspin.twin import World
    from labspin.twin.server import BenchServer

__all__ = ["DEFAULT_PORT_BASE", "ServedBench", "ServedInstrument", "is_local"]

DEFAULT_PORT_BASE = 5025
"""The port that SCPI instruments listen at; a bench takes it and those after it."""

_HIGHEST_PORT = 65535
_LOOPBACKS = tuple(f"127.0.0.{number}" for number in range(1, 10))


@dataclass(frozen=True)
class ServedInstrument:
    """Where one instrument of a served bench is."""

    name: str
    role: str
    driver: str
    address: str  # VISA resource name; host name for a pulse streamer
    port: int
    read_termination: str  # what ends its answers; "" for a pulse streamer
    note: str = ""


class ServedBench:
    """A simulated bench on sockets, until closed; a context manager, made by `Station.serve`.

    Attributes
    ----------
    instruments : tuple[ServedInstrument, ...]
        What is served, in the order of the file.
    world : World
        Sample, signals and clock under all of them.
    devices : dict[str, SimulatedDevice]
        The simulated devices by instrument name, for faults and practice.
    """

    def __init__(
        self,
        spec: SimulationSpec,
        specs: Iterable[InstrumentSpec],
        where: str,
        *,
        host: str | None,
        port_base: int,
        speed: float | None,
    ) -> None:
        if not 0 <= port_base <= _HIGHEST_PORT:
            raise ArgumentError(f"port_base: wanted 0 (free ports) to {_HIGHEST_PORT}, got {port_base!r}")
        finite = spec.speed if math.isfinite(spec.speed) else 1.0
        chosen = finite if speed is None else speed
        if not 0 < chosen < math.inf:
            raise ArgumentError(
                f"speed: wanted simulated seconds per second > 0 and finite, got {speed!r}; on a served "
                "bench time must pass by itself"
            )
        served = [one for one in specs if not one.uses]
        if not served:
            raise StationError(f"{where}: wanted at least one simulated instrument to serve, got none")
        simulated = SimulatedWorld(replace(spec, speed=chosen), where)
        self.world: World = simulated.world
        self.devices: dict[str, Any] = {one.name: simulated.device(one) for one in served}
        self._server = _serve(self.devices, host, _ports(self.devices, port_base))
        self.instruments = tuple(self._row(one) for one in served)

    @property
    def host(self) -> str:
        """What clients write for this machine."""
        host = self._server.host
        return socket.gethostname() if host in ("", "0.0.0.0", "::") else host

    def __getitem__(self, name: str) -> ServedInstrument:
        """Return where the instrument ``name`` is."""
        with contextlib.suppress(StopIteration):
            return next(one for one in self.instruments if one.name == name)
        known = ", ".join(one.name for one in self.instruments)
        raise ArgumentError(f"served bench: wanted one of {known}, got {name!r}")

    def _row(self, spec: InstrumentSpec) -> ServedInstrument:
        device, port = self.devices[spec.name], self._server.ports[spec.name]
        if _speaks_in_lines(device):
            address, note = f"TCPIP0::{self.host}::{port}::SOCKET", ""
            end = device.terminator.decode("ascii")
        else:
            binary = self._server.binary_ports[spec.name]
            address, note, end = self.host, f"HTTP {port}, binary {binary}", ""
        return ServedInstrument(spec.name, spec.role, spec.driver, address, port, end, note)

    def close(self) -> None:
        """Close every connection and free the ports."""
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def is_local(host: str) -> bool:
    """Return whether only this machine can reach a server that listens at ``host``.

    Parameters
    ----------
    host
        Name or IP address. Of names, only ``localhost`` counts as local.
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _serve(devices: dict[str, Any], host: str | None, ports: dict[str, int]) -> BenchServer:
    """Return the server at ``host``, or at the first address of this machine where the ports are free.

    A pulse streamer's client insists on its two ports, so a second bench needs another loopback address.
    """
    from labspin.twin.server import BenchServer

    if host is not None:
        return BenchServer(devices, host=host, ports=ports)
    problem: ConnectionFailedError | None = None
    for address in _LOOPBACKS:
        try:
            return BenchServer(devices, host=address, ports=ports)
        except ConnectionFailedError as error:
            problem = problem or error
    assert problem is not None
    raise problem


def _speaks_in_lines(device: object) -> bool:
    return hasattr(device, "terminator")


def _ports(devices: dict[str, object], base: int) -> dict[str, int]:
    """Return a port for each instrument that speaks in lines; a pulse streamer keeps its own."""
    lines = [name for name, device in devices.items() if _speaks_in_lines(device)]
    if base == 0:
        return dict.fromkeys(lines, 0)
    if base + len(lines) - 1 > _HIGHEST_PORT:
        raise ArgumentError(
            f"port_base: wanted room for {len(lines)} instruments below {_HIGHEST_PORT}, got {base}"
        )
    return {name: base + number for number, name in enumerate(lines)}
