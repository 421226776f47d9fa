"""The maker's client of the Pulse Streamer, with a transport of ours and without its prints.

`pulsestreamer.PulseStreamer` insists on HTTP, on a time-out of 10 s and on telling the terminal what it does.
The class made here is that client, spoken to through any JSON-RPC transport: HTTP with the station's
time-out, or a simulated device in this process.
"""

from __future__ import annotations

import http.client
import io
import logging
import socket
import time
from collections.abc import Callable
from functools import cache, partial
from typing import Any, Protocol

__all__ = ["Transport", "client_class", "http_transport", "in_process_transport"]

log = logging.getLogger(__name__)


class Transport(Protocol):
    """What carries a JSON-RPC request to a Pulse Streamer in this process."""

    def handle(self, body: bytes) -> bytes:
        """Return the answer to a request.

        Parameters
        ----------
        body
            The request.
        """
        ...


class _TimedReader(io.RawIOBase):
    """The bytes of a socket, until a deadline for all of them."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection, self._deadline = connection, deadline

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what comes next; a socket of its own would count its time-out again at every byte."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer did not end in time")
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class _TimedSocket:
    """As much of a socket as `http.client` uses, with a deadline for the exchange as a whole."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection, self._deadline = connection, deadline

    def sendall(self, data: bytes) -> None:
        """Send ``data``."""
        self._connection.settimeout(max(self._deadline - time.monotonic(), 1e-3))
        self._connection.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return what the answer is read from."""
        return io.BufferedReader(_TimedReader(self._connection, self._deadline))

    def close(self) -> None:
        """Do nothing: the answer may still be read when the client has done with the connection."""


def http_transport(host: str, port: int, timeout: float) -> Any:
    """Return what carries requests over HTTP, as the device wants them.

    Parameters
    ----------
    host, port
        Host and port of the device.
    timeout
        Time that a request and its whole answer may take, s.
    """
    return _carrier_class()(partial(_post, host, port, timeout=timeout))


@cache
def _carrier_class() -> Any:
    """Return the class of both transports: one for all, as a class is freed late, with what it knows."""
    from tinyrpc.transports import ClientTransport

    class Carrier(ClientTransport):  # type: ignore[misc]
        def __init__(self, carry: Callable[[bytes], bytes]) -> None:
            self._carry = carry

        def send_message(self, message: bytes, expect_reply: bool = True) -> bytes:
            return self._carry(message)

    return Carrier


def _post(host: str, port: int, body: bytes, timeout: float) -> bytes:
    deadline = time.monotonic() + timeout
    connection = http.client.HTTPConnection(host, port)
    raw = socket.create_connection((host, port), timeout=timeout)
    connection.sock = _TimedSocket(raw, deadline)
    try:
        connection.request("POST", "/json-rpc", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            raise ConnectionError(f"HTTP status {answer.status} {answer.reason}")
        return answer.read()
    except http.client.HTTPException as error:
        raise ConnectionError(f"no whole HTTP answer: {type(error).__name__}: {error}") from error
    finally:
        raw.close()


def in_process_transport(handler: Transport) -> Any:
    """Return a tinyrpc transport that hands requests to ``handler`` in this process.

    Parameters
    ----------
    handler
        Answers the requests.
    """
    return _carrier_class()(handler.handle)


@cache
def client_class() -> Any:
    """Return the maker's client with a transport of ours, its prints turned into log records.

    Made on first use: the client imports gevent and requests, half a second that no station without a Pulse
    Streamer should wait for.
    """
    import pulsestreamer
    from pulsestreamer import findPulseStreamers, pulse_streamer_base, sequence
    from pulsestreamer.jrpc import pulse_streamer_jrpc
    from tinyrpc import RPCClient
    from tinyrpc.protocols.jsonrpc import JSONRPCProtocol

    def to_log(*words: object, **_: object) -> None:
        log.info("%s", " ".join(map(str, words)))

    for module in (pulse_streamer_base, sequence, pulse_streamer_jrpc, findPulseStreamers):
        vars(module)["print"] = to_log

    class Client(pulsestreamer.PulseStreamer):  # type: ignore[misc]
        def __init__(self, transport: object) -> None:
            # Not the maker's __init__: it insists on HTTP, its own time-out, and printing.
            self.protocol = "JSON-RPC"
            self.proxy = RPCClient(JSONRPCProtocol(), transport).get_proxy()
            self._has_binary = False
            self._socket: Any = None

        def connect_uploads(self, host: str, firmware: str) -> None:
            pulse_streamer_base.PulseStreamerBase.__init__(self, host, firmware)

        def disconnect(self) -> None:
            if self._socket is not None:
                self._socket.close()
                self._socket = None
            self._has_binary = False

    return Client
