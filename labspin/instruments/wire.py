"""Reading whole answers from a connection, with a deadline for each answer as a whole.

A VISA library restarts its time-out whenever something arrives, so that an instrument which sends one byte
now and then holds a read for ever. Answers that come as a stream of bytes (sockets, serial ports) are
therefore read here by the one byte that has to be waited for and by those that are already there, and the
whole answer has to come in time: within the time-out, and what is long at no less than 100 bytes a second.
"""

from __future__ import annotations

import contextlib
import functools
import math
import select
import socket
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from labspin.errors import ReplyTimeoutError
from labspin.instruments.invalid import decimal

if TYPE_CHECKING:
    from types import ModuleType

    from pymeasure.adapters import Adapter

__all__ = [
    "as_boolean",
    "in_words",
    "is_stream",
    "is_timeout",
    "is_waiting",
    "read_answer",
    "send_at_once",
    "visa",
]

_SECONDS_PER_BYTE = 0.01  # of the slowest serial ports
_PEEKED = 4096  # bytes that are looked for at once
_LONGEST = 60.0  # s that the longest answer may take


@functools.cache
def visa() -> ModuleType:
    """Return pyvisa, which is imported when a connection is first looked at: a simulated bench has none."""
    import pyvisa

    return pyvisa


def _is_stream(connection: object) -> bool:
    if connection is None:
        return False
    resources = visa().resources
    return isinstance(connection, (resources.TCPIPSocket, resources.SerialInstrument))


def send_at_once(adapter: Adapter) -> None:
    """Let what is written to a socket leave at once, as VISA has it by default and pyvisa-py does not.

    Otherwise a question behind a command waits for the other end's acknowledgement of that, which comes 40 ms
    and more later (Nagle's algorithm and the delayed acknowledgement of TCP).

    Parameters
    ----------
    adapter
        The connection; nothing is done unless it is a socket.
    """
    connection: Any = getattr(adapter, "connection", None)
    if not _is_stream(connection) or isinstance(connection, visa().resources.SerialInstrument):
        return
    sessions = getattr(connection.visalib, "sessions", None)  # pyvisa-py's own
    with contextlib.suppress(visa().errors.Error, OSError, AttributeError, KeyError):
        if sessions is None:
            connection.set_visa_attribute(visa().constants.ResourceAttribute.tcpip_nodelay, True)
        else:
            there: socket.socket = sessions[connection.session].interface
            there.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def read_answer(adapter: Adapter, timeout: float) -> str:
    """Return one answer without its line end.

    Parameters
    ----------
    adapter
        Adapter of the instrument.
    timeout
        Time after which the answer counts as missing, s.

    Returns
    -------
        The text.

    Raises
    ------
    ReplyTimeoutError
        It began but did not end in time.
    pyvisa.errors.VisaIOError
        As the VISA library raises it; a time-out where nothing came at all.
    UnicodeDecodeError
        It is no text.
    """
    connection: Any = getattr(adapter, "connection", None)
    end = getattr(connection, "read_termination", None)
    if not _is_stream(connection) or not isinstance(end, str) or not end:
        return str(adapter.read())
    data = _read_line(connection, end.encode(connection.encoding), timeout)
    return str(data.decode(connection.encoding))


def _read_line(connection: Any, end: bytes, timeout: float) -> bytes:
    read, session = connection.visalib.read, connection.session
    data, begun = bytearray(), time.monotonic()
    with (
        _at_most(connection, timeout),
        connection.ignore_warning(
            visa().constants.StatusCode.success_device_not_present,
            visa().constants.StatusCode.success_max_count_read,
        ),
    ):
        while not data.endswith(end):
            piece, _ = read(session, max(1, _count_there(connection)))
            data += piece
            allowed = max(timeout, min(timeout + _SECONDS_PER_BYTE * len(data), _LONGEST))
            if time.monotonic() - begun > allowed:
                raise ReplyTimeoutError(f"after {allowed:.3g} s only {bytes(data)!r} of its answer had come")
    return bytes(data[: -len(end)])


def _count_there(connection: Any) -> int:
    """Return how many bytes can be read without waiting; 0 where that is unknown."""
    with contextlib.suppress(visa().errors.Error, OSError, ValueError, AttributeError):
        if isinstance(connection, visa().resources.SerialInstrument):
            return int(connection.bytes_in_buffer)
        session = connection.visalib.sessions[connection.session]  # pyvisa-py's own
        if pending := len(session._pending_buffer):
            return pending
        there: socket.socket = session.interface
        if select.select([there], [], [], 0)[0]:
            return len(there.recv(_PEEKED, socket.MSG_PEEK))
    return 0


@contextlib.contextmanager
def _at_most(connection: Any, timeout: float) -> Iterator[None]:
    """Let the VISA library wait no longer than ``timeout`` s for the next byte."""
    before, wanted = connection.timeout, round(1000 * timeout)
    if wanted >= before:
        yield
        return
    connection.timeout = wanted
    try:
        yield
    finally:
        connection.timeout = before


def is_stream(adapter: Adapter) -> bool:
    """Return whether answers come as a stream of bytes, in which lines may stand that was not asked for.

    Parameters
    ----------
    adapter
        The connection.
    """
    return _is_stream(getattr(adapter, "connection", None))


def is_waiting(adapter: Adapter) -> bool:
    r"""Return whether a line waits to be read on a socket or serial port; False where that is unknown.

    The second half of a line end (``\r\n`` where the driver reads up to ``\r``) is no line.

    Parameters
    ----------
    adapter
        The connection.
    """
    connection = getattr(adapter, "connection", None)
    if not _is_stream(connection):
        return False
    with contextlib.suppress(visa().errors.Error, OSError, ValueError, AttributeError):
        if isinstance(connection, visa().resources.SerialInstrument):
            return int(connection.bytes_in_buffer) > 1
        return _waits_on_socket(connection)
    return False


def _waits_on_socket(connection: Any) -> bool:
    sessions = getattr(connection.visalib, "sessions", None)  # pyvisa-py's own
    if sessions is None:
        return _waits_on_session(connection)
    session = sessions[connection.session]
    if bytes(session._pending_buffer).strip(b"\r\n"):
        return True
    there: socket.socket = session.interface
    if not select.select([there], [], [], 0)[0]:
        return False
    return bool(there.recv(64, socket.MSG_PEEK).strip(b"\r\n"))  # nothing: the other end has closed it


def _waits_on_session(connection: Any) -> bool:
    """Take a byte that is there already: it belongs to an answer that was not asked for."""
    before, connection.timeout = connection.timeout, 0
    try:
        with connection.ignore_warning(visa().constants.StatusCode.success_max_count_read):
            piece, _ = connection.visalib.read(connection.session, 1)
        return bool(piece)
    finally:
        connection.timeout = before


def is_timeout(error: BaseException) -> bool:
    """Return whether ``error`` says that an answer did not come in time.

    Parameters
    ----------
    error
        What was raised in talking to an instrument.
    """
    if isinstance(error, (ReplyTimeoutError, TimeoutError)):
        return True
    if isinstance(error, visa().errors.VisaIOError):
        return bool(error.error_code == visa().constants.StatusCode.error_timeout)
    return False


def in_words(error: BaseException) -> str:
    """Return the text of ``error`` on one line; the name of its class where it has no text.

    Parameters
    ----------
    error
        The error.
    """
    return " ".join(str(error).split()) or type(error).__name__


def as_boolean(text: str) -> bool:
    """Return whether ``text`` is a number other than 0.

    Parameters
    ----------
    text
        A part of an answer.

    Raises
    ------
    ValueError
        It is not a finite number.
    """
    number = decimal(text)
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is neither 0 nor 1")
    return bool(number)
