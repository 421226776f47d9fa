"""Where an instrument truly is: an address in the one form in which two names of a place are equal.

``localhost`` and ``127.0.0.1`` are one place, and so are two names of one host, a serial port and its link
in ``/dev/serial/by-id``, the socket 5025 of an instrument and its VXI-11 or HiSLIP server, and the outputs of
one supply.
"""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labspin.station.records import InstrumentSpec

__all__ = ["place_of"]

_LAN_SERVERS = {"inst0", "hislip0"}
_SCPI_PORT = "5025"


def place_of(spec: InstrumentSpec) -> str:
    """Return the place of an instrument with an address.

    Parameters
    ----------
    spec
        Description of a real station.

    Returns
    -------
        A text that is the same for every address of the same device.
    """
    adapter = spec.entry.adapter
    canonical = adapter.canonical_address(spec.address)
    if not adapter.uses_visa():
        return _host_and_port(canonical)
    import pyvisa

    try:
        parsed = pyvisa.rname.parse_resource_name(spec.address)
    except pyvisa.rname.InvalidResourceName:
        return canonical
    return _visa_place(parsed, canonical)


def _visa_place(parsed: object, canonical: str) -> str:
    interface = str(getattr(parsed, "interface_type", "")).upper()
    host = getattr(parsed, "host_address", None)
    if interface == "TCPIP" and host:
        port = getattr(parsed, "port", None)
        if port is not None:
            return f"TCP {_resolved(host)} {port}"
        device = str(getattr(parsed, "lan_device_name", "inst0")).lower()
        return f"TCP {_resolved(host)} {_SCPI_PORT if device in _LAN_SERVERS else device}"
    board = str(getattr(parsed, "board", ""))
    if interface == "ASRL" and board.startswith("/"):
        return f"SERIAL {Path(board).resolve()}"
    return canonical


def _host_and_port(canonical: str) -> str:
    host, colon, port = canonical.rpartition(":")
    return f"TCP {_resolved(host)} {port}" if colon and port.isdigit() else canonical


def _resolved(host: str) -> str:
    """Return the IP address of ``host``; its name in lower case if it cannot be resolved."""
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        try:
            found = socket.getaddrinfo(host, None, socket.AF_INET)
            number = ipaddress.ip_address(found[0][4][0])
        except (OSError, ValueError, IndexError):
            return host.lower()
    return "127.0.0.1" if number.is_loopback else str(number)
