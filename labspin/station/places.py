"""Where an instrument truly is: an address in the one form in which two names of a place are equal.

``localhost`` and ``127.0.0.1`` are one place, and so are two names of one host, a serial port and its link
in ``/dev/serial/by-id``, the socket 5025 of an instrument and its VXI-11 or HiSLIP server, the interfaces of
a USB device, and the outputs of one supply.
"""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labspin.station.records import InstrumentSpec

__all__ = ["place_of"]

_LAN_SERVERS = {"inst0", "hislip0"}
_SCPI_PORT = "5025"
_HISLIP_PORT = "4880"


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
    make = {"TCPIP": _network_place, "ASRL": _serial_place, "GPIB": _bus_place, "USB": _usb_place}.get(
        interface
    )
    return canonical if make is None else make(parsed) or canonical


def _network_place(parsed: Any) -> str | None:
    port = getattr(parsed, "port", None)
    if port is not None:
        return f"TCP {_resolved(parsed.host_address)} {port}"
    device = parsed.lan_device_name.lower().removesuffix(f",{_HISLIP_PORT}")
    return f"TCP {_resolved(parsed.host_address)} {_SCPI_PORT if device in _LAN_SERVERS else device}"


def _serial_place(parsed: Any) -> str:
    if parsed.board.startswith("/"):
        return f"SERIAL {Path(parsed.board).resolve()}"
    return f"SERIAL {parsed.board.upper().removeprefix('COM')}"  # ASRL3 is the COM3 of Windows


def _bus_place(parsed: Any) -> str | None:
    """Return the place on a GPIB, where 06 is 6; the address alone if a part of it is no number."""
    numbers = [parsed.board, parsed.primary_address, *filter(None, [parsed.secondary_address])]
    if not all(number.isdigit() for number in numbers):
        return None
    return "GPIB " + " ".join(str(int(number)) for number in numbers)


def _usb_place(parsed: Any) -> str | None:
    """Return what a USB device calls itself: its interfaces are one device, at whatever board it is found."""
    if not hasattr(parsed, "serial_number"):
        return None
    try:
        made, model = (int(part, 0) for part in (parsed.manufacturer_id, parsed.model_code))
    except ValueError:
        return None
    return f"USB {made:#06x} {model:#06x} {parsed.serial_number.upper()}"


def _host_and_port(canonical: str) -> str:
    host, colon, port = canonical.rpartition(":")
    return f"TCP {_resolved(host)} {port}" if colon and port.isdigit() else canonical


def _resolved(host: str) -> str:
    """Return the IP address of ``host``; its name in lower case if it cannot be resolved.

    The address of version 4 counts where a host has both.
    """
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        found = _looked_up(host)
        if found is None:
            return host.lower()
        number = found
    number = getattr(number, "ipv4_mapped", None) or number
    return "127.0.0.1" if number.is_loopback else str(number)


def _looked_up(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    return _in_version(host, socket.AF_INET) or _in_version(host, socket.AF_INET6)


def _in_version(host: str, version: int) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(socket.getaddrinfo(host, None, version)[0][4][0])
    except (OSError, ValueError, IndexError):
        return None
