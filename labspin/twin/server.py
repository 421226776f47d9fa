r"""Serving simulated instruments over TCP on this machine, so that any program can drive them.

An instrument that speaks in lines gets a socket (``TCPIP0::127.0.0.1::PORT::SOCKET`` for VISA, terminator
``\n``), the Pulse Streamer its HTTP port for JSON-RPC and its binary port, which its maker's client expects
at 8050 and 21328. Each client has a thread and its own half-read line; an answer goes to the client that
asked, no matter which other clients are connected.
"""

from __future__ import annotations

import contextlib
import math
import socket
import socketserver
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from labspin.clock import SimulatedClock
from labspin.errors import ArgumentError, ConnectionFailedError, ReplyTimeoutError
from labspin.twin.device import SimulatedDevice
from labspin.twin.devices.called import CalledDevice
from labspin.twin.devices.pulse_streamer import BINARY_PORT, HTTP_PORT, PulseStreamer

__all__ = ["BenchServer"]

_POLL = 0.02  # s of wall-clock time between looks for late answers
_CHUNK, _LONGEST_LINE = 65536, 65536
_HEADER = 32


class BenchServer:
    """Serves the instruments of a simulated bench until closed; a context manager.

    Parameters
    ----------
    devices
        Instruments by name.
    host
        Address to listen at; the default lets in this machine only.
    ports
        Port by name; 0 (and what is left out) takes a free one. Pulse streamers left out get the HTTP port
        that their maker's client expects.
    binary_ports
        Port of a pulse streamer's binary upload by name; the one its client expects where left out.

    Attributes
    ----------
    ports, binary_ports : dict
        The ports taken, by name.

    Raises
    ------
    ConnectionFailedError
        A port cannot be taken.
    ArgumentError
        An instrument has no wire: its driver calls a library.
    """

    def __init__(
        self,
        devices: Mapping[str, SimulatedDevice],
        *,
        host: str = "127.0.0.1",
        ports: Mapping[str, int] | None = None,
        binary_ports: Mapping[str, int] | None = None,
    ) -> None:
        self.host, self.devices = host, dict(devices)
        self.ports: dict[str, int] = {}
        self.binary_ports: dict[str, int] = {}
        self._servers: list[socketserver.BaseServer] = []
        self._threads: list[threading.Thread] = []
        wanted, binary = ports or {}, binary_ports or {}
        try:
            for name, device in self.devices.items():
                if isinstance(device, CalledDevice):
                    raise ArgumentError(
                        f"{name}: wanted an instrument with a wire to serve over TCP, but the driver of a "
                        f"{type(device).__name__} calls its library; use the station in one process instead"
                    )
                if isinstance(device, PulseStreamer):
                    self.ports[name] = self._serve(name, device, _HTTPServer, wanted.get(name, HTTP_PORT))
                    port = binary.get(name, BINARY_PORT)
                    self.binary_ports[name] = self._serve(name, device, _BinaryServer, port)
                else:
                    self.ports[name] = self._serve(name, device, _LineServer, wanted.get(name, 0))
        except BaseException:
            self.close()
            raise

    @property
    def addresses(self) -> dict[str, str]:
        """Address of each instrument as clients write it: a VISA resource, or the pulse streamer's host."""
        return {
            name: f"{self.host}:{self.ports[name]}"
            if isinstance(device, PulseStreamer)
            else f"TCPIP0::{self.host}::{self.ports[name]}::SOCKET"
            for name, device in self.devices.items()
        }

    def close(self) -> None:
        """Stop listening, close every connection, and wait for the threads."""
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()
        self._servers, self._threads = [], []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _serve(self, name: str, device: SimulatedDevice, kind: type[_Server], port: int) -> int:
        try:
            server = kind((self.host, port), device)
        except OSError as error:
            raise ConnectionFailedError(
                f"simulated instrument {name!r}: port {port} of {self.host} cannot be taken "
                f"({error.strerror}); choose another, or close what uses it"
            ) from error
        thread = threading.Thread(
            target=server.serve_forever, args=(_POLL,), name=f"bench {name}", daemon=True
        )
        thread.start()
        self._servers.append(server)
        self._threads.append(thread)
        return int(server.server_address[1])


class _Tracking(socketserver.ThreadingMixIn):
    """A server that knows its device and its connections, and closes them with itself."""

    daemon_threads = True
    allow_reuse_address = True
    device: Any

    def _begin(self, device: SimulatedDevice) -> None:
        self.device = device
        self.stopping = threading.Event()
        self.exchange = threading.Lock()
        self.connections: set[socket.socket] = set()

    def add(self, connection: socket.socket) -> None:
        """Take note of a connection; opening one ends a drop of the old."""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connections.add(connection)
        if self.device.dropped:
            self.device.connect()

    def server_close(self) -> None:
        """Close connections first, so that no thread waits on one for ever."""
        self.stopping.set()
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        super().server_close()


class _LineServer(_Tracking, socketserver.TCPServer):
    def __init__(self, address: tuple[str, int], device: SimulatedDevice) -> None:
        self._begin(device)
        super().__init__(address, _LineHandler)


class _BinaryServer(_Tracking, socketserver.TCPServer):
    def __init__(self, address: tuple[str, int], device: SimulatedDevice) -> None:
        self._begin(device)
        super().__init__(address, _BinaryHandler)


class _HTTPServer(_Tracking, ThreadingHTTPServer):
    def __init__(self, address: tuple[str, int], device: SimulatedDevice) -> None:
        self._begin(device)
        super().__init__(address, _RPCHandler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that went away."""


_Server = _LineServer | _BinaryServer | _HTTPServer


class _LineHandler(socketserver.BaseRequestHandler):
    """One client of an instrument that speaks in lines."""

    server: _LineServer
    request: socket.socket

    def handle(self) -> None:
        """Pass whole lines on, and answers back, until either side goes."""
        self.server.add(self.request)
        self.request.settimeout(_POLL)
        pending, owner = b"", False
        if self.server.device.greeting:
            self.request.sendall(self.server.device.greeting)
        with contextlib.suppress(ConnectionFailedError, OSError):
            while not self.server.stopping.is_set():
                try:
                    data = self.request.recv(_CHUNK)
                except TimeoutError:
                    if owner:
                        owner = self._send_late()
                    continue
                if not data:
                    break
                lines, pending = _whole_lines(pending + data)
                if lines:
                    owner = self._exchange(lines)

    def finish(self) -> None:
        """Forget the connection."""
        self.server.connections.discard(self.request)

    def _exchange(self, lines: bytes) -> bool:
        """Execute lines and send what they answer; return whether more is to come."""
        device = self.server.device
        with self.server.exchange:
            device.receive(lines)
            answer = device.transmit()
        if answer:
            self.request.sendall(answer)
        return device.next_transmission is not None

    def _send_late(self) -> bool:
        device = self.server.device
        clock, due = device.world.clock, device.next_transmission
        if due is not None and isinstance(clock, SimulatedClock) and math.isinf(clock.speed):
            clock.sleep(due - clock.now())
        with self.server.exchange:
            answer = device.transmit()
        if answer:
            self.request.sendall(answer)
        return device.next_transmission is not None


def _whole_lines(data: bytes) -> tuple[bytes, bytes]:
    """Cut after the last terminator; a line that is too long is passed on as it is, to be refused."""
    end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
    if end == 0 and len(data) > _LONGEST_LINE:
        return data, b""
    return data[:end], data[end:]


class _RPCHandler(BaseHTTPRequestHandler):
    """One connection of a JSON-RPC client."""

    server: _HTTPServer
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        """Take note of the connection."""
        super().setup()
        self.server.add(self.connection)

    def finish(self) -> None:
        """Forget the connection."""
        self.server.connections.discard(self.connection)
        super().finish()

    def do_POST(self) -> None:
        """Answer one request."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            self.send_error(411)
            return
        try:
            answer = self.server.device.handle(self.rfile.read(int(length)))
        except ConnectionFailedError:
            self.close_connection = True
            return
        except ReplyTimeoutError:
            self.server.stopping.wait()
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Log nothing."""


class _BinaryHandler(socketserver.BaseRequestHandler):
    """One connection of the pulse streamer's binary upload."""

    server: _BinaryServer
    request: socket.socket

    def handle(self) -> None:
        """Answer uploads until the client goes."""
        self.server.add(self.request)
        device = self.server.device
        with contextlib.suppress(ConnectionFailedError, OSError), self.request.makefile("rb") as stream:
            while len(header := stream.read(_HEADER)) == _HEADER:
                payload = stream.read(device.payload_length(header))
                self.request.sendall(device.handle_binary(header, payload))

    def finish(self) -> None:
        """Forget the connection."""
        self.server.connections.discard(self.request)
