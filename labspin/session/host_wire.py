"""The protocol between clients and a host: a request, an answer, plain data only.

Connections go over the loopback interface. Either side proves that it knows the secret of the host's file
(challenge and HMAC, by `multiprocessing.connection`) before anything else is said; the secret itself is never
sent. A message is msgpack of plain values (`labspin.data.plain`): nothing in it is evaluated, imported or
called. A request is ``{"verb": …, "arguments": {…}}``, an answer ``{"result": …}`` or
``{"error": {"kind": …, "message": …}}``.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from typing import Any

from labspin import errors
from labspin.data.plain import pack, plain, unpack
from labspin.errors import ConnectionFailedError, LabspinError

__all__ = ["PROTOCOL", "Line", "Server", "dial"]

PROTOCOL = 2
"""Number of the language; it grows when an older client would misunderstand."""
_log = logging.getLogger(__name__)
_LONGEST = 64 << 20  # bytes of one message
_PAUSE = 0.2  # s after a client that could not be taken
_HANDSHAKE = 5.0  # s that a client may take to prove that it knows the secret

Answer = Callable[[str, dict[str, object]], object]


class Server:
    """Listens for clients of a host, with a thread for each.

    Parameters
    ----------
    secret
        What clients must know.
    answer
        Called with verb and arguments, in the client's thread; returns plain data or raises.
    """

    def __init__(self, secret: str, answer: Answer) -> None:
        self._secret, self._answer = secret.encode(), answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._clients: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_closed = False
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._listen, name="host listener", daemon=True).start()

    @property
    def clients(self) -> int:
        """Number of connections."""
        return len(self._clients)

    def _listen(self) -> None:
        """Take clients until closed. A moment without descriptors or threads must not end that for ever."""
        while not self._is_closed:
            try:
                client, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(client,), name="host client", daemon=True).start()
            except (OSError, RuntimeError) as error:
                if not self._is_closed:
                    _log.warning("no client can be taken now: %s", error)
                    time.sleep(_PAUSE)

    def _serve(self, client: socket.socket) -> None:
        try:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(client.dup().detach())
        except OSError as error:
            _log.warning("no client can be taken now: %s", error)
            client.close()
            return
        with self._lock:
            self._clients.add(client)
        try:
            with connection, contextlib.suppress(EOFError, OSError):
                if self._is_known(client, connection):
                    while True:
                        connection.send_bytes(self._reply(connection.recv_bytes(_LONGEST)))
        finally:
            with self._lock:
                self._clients.discard(client)
            client.close()

    def _is_known(self, client: socket.socket, connection: Connection) -> bool:
        """Return whether the client proves that it knows the secret, in a limited time."""
        timer = threading.Timer(_HANDSHAKE, _shut, (client,))
        timer.daemon = True
        timer.start()
        try:
            deliver_challenge(connection, self._secret)
            answer_challenge(connection, self._secret)
        except (AuthenticationError, EOFError, OSError, ValueError, AssertionError):
            _log.warning("a client that does not know the secret was refused")
            return False
        finally:
            timer.cancel()
        return True

    def _reply(self, message: bytes) -> bytes:
        try:
            verb, arguments = _request(unpack(message))
            return pack({"result": plain(self._answer(verb, arguments))})
        except Exception as error:  # noqa: BLE001 - the client receives whatever a verb raises
            if not isinstance(error, LabspinError):
                _log.debug("a request failed", exc_info=True)
            text = str(error) if isinstance(error, LabspinError) else f"{type(error).__name__}: {error}"
            return pack({"error": {"kind": type(error).__name__, "message": plain(text)}})

    def close(self) -> None:
        """Close all connections."""
        self._is_closed = True
        _shut(self._socket)
        self._socket.close()
        with self._lock:
            for client in self._clients:
                _shut(client)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _request(message: object) -> tuple[str, dict[str, object]]:
    match message:
        case {"verb": str(verb), "arguments": dict(arguments)}:
            return verb, arguments
        case _:
            raise errors.ArgumentError("wanted a request with 'verb' and 'arguments', got something else")


class Line:
    """A client's end of a connection; to be used by one thread at a time.

    Parameters
    ----------
    connection
        An open connection to a host that knows the secret.
    gone, silent
        Texts of the error when the host has gone, and when it lives and does not answer.

    Attributes
    ----------
    is_open : bool
        False after a question that was broken off or failed: its answer is not waited for.
    """

    def __init__(self, connection: Connection, gone: str, silent: str) -> None:
        self._connection, self._gone, self._silent = connection, gone, silent
        self.is_open = True

    def ask(self, verb: str, arguments: Mapping[str, object], *, patience: float | None = None) -> Any:
        """Return what the host answers.

        Parameters
        ----------
        verb, arguments
            What is asked.
        patience
            Time to wait for the answer, s; None: as long as the host lives.

        Raises
        ------
        ConnectionFailedError
            The host is gone, or does not answer in time.
        LabspinError
            What the host refuses, as the same error.
        """
        answer: Any = None
        try:
            self._connection.send_bytes(pack({"verb": verb, "arguments": plain(arguments)}))
            if patience is not None and not self._connection.poll(patience):
                raise ConnectionFailedError(f"{self._silent}: no answer to {verb!r} within {patience:g} s")
            answer = unpack(self._connection.recv_bytes(_LONGEST))
        except (EOFError, OSError) as error:
            raise ConnectionFailedError(self._gone) from error
        finally:
            if answer is None:  # Ctrl-C, too: what is still to come would be taken for the next answer
                self.close()
        if "error" in answer:
            raise _error(answer["error"])
        return answer["result"]

    def close(self) -> None:
        """Close the connection."""
        self.is_open = False
        with contextlib.suppress(OSError):
            self._connection.close()


def _error(record: Mapping[str, str]) -> LabspinError:
    kind = getattr(errors, record["kind"], LabspinError) if record["kind"] in errors.__all__ else LabspinError
    found: LabspinError = kind(record["message"])
    return found


def dial(port: int, secret: str, gone: str, silent: str = "") -> Line:
    """Connect to a host and prove that both sides know the secret.

    Parameters
    ----------
    port
        Where the host listens.
    secret
        Out of the host's file.
    gone, silent
        Texts of the error when there is no host, and when it lives and does not answer.

    Returns
    -------
    Line
        The connection.

    Raises
    ------
    ConnectionFailedError
        No process listens, or one that does not know the secret.
    """
    try:
        plug = socket.create_connection(("127.0.0.1", port), timeout=_HANDSHAKE)
        plug.settimeout(None)
        plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(plug.detach())
        if not connection.poll(_HANDSHAKE):
            raise ConnectionFailedError(silent or gone)
        answer_challenge(connection, secret.encode())
        deliver_challenge(connection, secret.encode())
    except (AuthenticationError, EOFError, OSError, ValueError, AssertionError) as error:
        raise ConnectionFailedError(f"{gone}: {error}") from error
    return Line(connection, gone, silent or gone)
