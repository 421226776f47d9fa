"""Question and answer in step: no answer is taken for that of another question.

An exchange that was broken off, by a time-out or by Ctrl-C, leaves the connection marked, and before the next
question everything that is still on its way is read and thrown away; so does a new connection, on which a
greeting or the answer to a program that was killed may wait, and a line that was not asked for. What tells
where one is, is a *marker*: a question whose answer differs from every other one.

A line that was not asked for may also come in the moment in which an answer is due, and only a marker behind
the answer tells them apart. So on a stream of bytes (a socket, a serial port) every question has one::

    VOLTage?;*IDN?   →   7.000E0;KEPCO,BIT 4886,…          one line (IEEE 488.2, SR860, Lake Shore)
    FREQ?;*IDN?      →   3000.0 and Stanford_Research_…    a line each (SR830, SR400)
    POS? 1           →   1=12.3400, then *IDN?             in a second message (PI; drivers that do not say)

A line without the marker's answer is none, and whatever is not one answer and its marker is asked again.
Other interfaces (GPIB, USBTMC, VXI-11) hand over messages that were asked for, and have no marker.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import re
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from labspin.clock import Clock
from labspin.errors import InstrumentError, ReplyError, ReplyTimeoutError
from labspin.instruments.wire import is_stream, is_timeout, is_waiting, read_answer, visa

if TYPE_CHECKING:
    from pymeasure.adapters import Adapter

__all__ = ["InStep", "Line", "SurplusError", "failures"]

log = logging.getLogger(__name__)

_MOST_LATE_REPLIES = 64
_MORE = 0.5  # s in which a second line of what waits on a new connection has to follow the first


class SurplusError(ReplyError):
    """Not one answer came to one question: none before its marker's, or several lines."""


@functools.cache
def failures() -> tuple[type[Exception], ...]:
    """Return what an exchange can fail with."""
    return (InstrumentError, visa().errors.Error, OSError, UnicodeDecodeError)


class Line:
    """One connection: its lock, and the questions on it that have had no answer.

    Attributes
    ----------
    is_new : bool
        Whether nothing was asked on it yet: what a former program left may wait there.
    is_stream : bool
        Whether answers come as a stream of bytes, in which lines may stand that was not asked for.
    has_marker : bool or None
        Whether the instrument answered the marker when the connection was new; None: it was not asked.
    is_joined : bool or None
        Whether an answer and its marker come in one line; None until one was seen.
    unasked : int
        How many lines came that was not asked for.
    ends : float
        When the exchange has to be over, s of the monotonic clock.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.unanswered: list[str] = []
        self.is_new = False
        self.is_stream = False
        self.has_marker: bool | None = None
        self.is_joined: bool | None = None
        self.unasked = 0
        self.ends = float("inf")

    @staticmethod
    def of(adapter: Adapter) -> Line:
        """Return the line of an adapter; adapters that share a connection share the line.

        Parameters
        ----------
        adapter
            What the bytes go through.
        """
        owner = getattr(adapter, "connection", None) or adapter
        line: Line = vars(owner).setdefault("_labspin_line", Line())
        line.is_stream = is_stream(adapter)
        return line


class InStep:
    """The part of `labspin.instruments.base.Guarded` that keeps questions and answers together."""

    maker: ClassVar[str] = ""
    """How the manufacturer's name begins in the answer to ``*IDN?``."""
    models: ClassVar[tuple[str, ...]] = ()
    """Models that the driver serves, as they stand in the answer to ``*IDN?``."""

    takes_several: ClassVar[bool] = False
    """Whether it takes several questions in one message, with ``;`` between them. Then the marker of an
    answer goes with its question; otherwise it is a second message, which takes twice the time."""
    asked_alone: ClassVar[frozenset[str]] = frozenset({"*IDN?", "*OPT?"})
    """Questions that nothing may follow in a message: their answers end with the message (IEEE 488.2)."""

    adapter: Adapter
    name: str
    address: str
    timeout: float
    clock: Clock

    @property
    def _title(self) -> str:
        return f"{self.name} at {self.address}" if self.address else self.name

    def _exchange(self, line: Line, command: str, query_delay: float | None) -> str:
        self._make_ready(line)
        question, is_answer = self._marker() if line.is_stream else ("", None)
        if is_answer is None or command == question or not self._is_marked(line):
            return self._unmarked(line, command, query_delay)
        is_one = self.takes_several and command not in self.asked_alone
        line.unanswered.append(f"{command};{question}" if is_one else command)
        self.adapter.write(line.unanswered[-1])  # stays there if anything below is broken off, by Ctrl-C too
        self.wait_for(query_delay)
        came = _lines(read_answer(self.adapter, self.timeout))
        if not is_one:
            line.unanswered.append(question)
            self.adapter.write(question)
            came += _lines(read_answer(self.adapter, self.timeout))
        while not is_answer(came[-1].rpartition(";")[2]):
            came += _lines(self._late(line, len(came)))
        line.unanswered.clear()  # whatever came: with the marker's answer the line is in step
        return self._answer_of(line, command, came, is_one=is_one)

    def _unmarked(self, line: Line, command: str, query_delay: float | None) -> str:
        line.unanswered.append(command)
        self.adapter.write(command)
        self.wait_for(query_delay)
        reply = read_answer(self.adapter, self.timeout)
        if line.is_stream and is_waiting(self.adapter):
            raise SurplusError(f"wanted one line in answer to {command!r}, got {reply!r} and more")
        line.unanswered.clear()
        return reply

    def _is_marked(self, line: Line) -> bool:
        """Return whether the instrument answers the marker."""
        return not self._knows_no_identity() if line.has_marker is None else line.has_marker

    def _answer_of(self, line: Line, command: str, came: list[str], *, is_one: bool) -> str:
        """Return the answer out of the lines that came, of which the last holds the marker's."""
        *before, last = came
        reply, separator, _ = last.rpartition(";")
        if is_one and line.is_joined is None and (separator or len(before) == 1):
            line.is_joined = bool(separator)
        is_joined = bool(is_one and line.is_joined)
        is_whole = bool(separator) == is_joined and (is_joined or len(before) == 1)
        self._note_unasked(line, before if is_joined or not is_whole else [])
        if is_whole:
            return reply if is_joined else before[0]
        raise SurplusError(f"wanted one answer to {command!r}, got {before or 'none'}")

    def _note_unasked(self, line: Line, came: list[str]) -> None:
        if came and not line.unasked:
            log.warning("%s: %r came, which was not asked for; discarded", self._title, came)
        line.unasked += len(came)

    def _make_ready(self, line: Line) -> None:
        """Have nothing on the connection that the next question could take for its answer."""
        if line.is_new:
            self._synchronise(line)
        elif line.unanswered:
            self._catch_up(line)
        elif line.is_stream and is_waiting(self.adapter):
            self._note_unasked(line, ["a line that waited"])
            self._catch_up(line)

    def _synchronise(self, line: Line) -> None:
        """Throw away what waits on a new connection, by a question whose answer is known."""
        question, is_answer = self._marker()
        line.unanswered.append(question)
        self.adapter.write(question)
        came: list[str] = []
        rubbish: UnicodeDecodeError | None = None
        try:
            while not came or not is_answer(came[-1]):
                try:
                    came.append(self._late(line, len(came), patience=_MORE if came else self.timeout))
                except UnicodeDecodeError as error:  # what waits need not be text
                    rubbish = error
                    came.append(repr(error.object))
        except failures() as error:
            if rubbish is not None and is_timeout(error):  # it was the answer that was garbled
                raise rubbish from error
            # Words that are not its own: `identify` says whose they are. Nothing: it may not know the marker.
            if not is_timeout(error) or not (came or self._knows_no_identity()):
                raise
        line.has_marker = bool(came) and is_answer(came[-1])
        if len(came) > 1:
            log.warning("%s: %r waited on the new connection and was thrown away", self._title, came[:-1])
        line.unanswered.clear()
        line.is_new = False

    def _knows_no_identity(self) -> bool:
        """Return whether the instrument may not even know the marker."""
        return False

    def _late(self, line: Line, count: int, *, patience: float | None = None) -> str:
        """Return one more line, while the exchange may last and there are not too many."""
        if count >= _MOST_LATE_REPLIES:
            raise ReplyError(f"answers do not end; {_MOST_LATE_REPLIES} were thrown away")
        if time.monotonic() > line.ends:
            raise ReplyTimeoutError("answers still came, but none that was asked for")
        return read_answer(self.adapter, self.timeout if patience is None else min(patience, self.timeout))

    def _catch_up(self, line: Line) -> None:
        """Throw away the answers that are still on their way.

        Instruments answer in order. So once the answer to a marker has come, every earlier one has. If
        markers were already waiting for an answer, theirs come before; where one of them does not come, the
        line has to be silent for a time-out.
        """
        self._clear_buffers()
        question, is_answer = self._marker()
        missing = 1 + sum(asked.endswith(question) for asked in line.unanswered)
        line.unanswered.append(question)
        self.adapter.write(question)
        count = seen = 0
        while seen < missing:
            try:
                late = self._late(line, count)
            except failures() as error:
                if seen and is_timeout(error):
                    break
                raise
            if is_answer(late.rpartition(";")[2]):
                seen += 1
            elif seen and not late:  # serial ports answer a time-out with nothing
                break
            else:
                count += 1
                log.warning("%s: late answer %r thrown away", self._title, late)
        line.unanswered.clear()

    def _marker(self) -> tuple[str, Callable[[str], bool]]:
        """Return a question whose answer differs from every other one, and what tells it.

        A driver of an instrument without ``*IDN?`` brings its own.
        """
        return "*IDN?", self._is_identity

    def _clear_buffers(self) -> None:
        connection = getattr(self.adapter, "connection", None)
        if isinstance(connection, visa().resources.TCPIPSocket):
            # There is no device clear to send, and where the other end has closed the connection, pyvisa-py
            # would read nothing for ever. What is still to come is thrown away until the marker's answer.
            return
        if isinstance(connection, visa().resources.MessageBasedResource):
            # Interfaces without a device clear say so; reading on does the work there.
            with contextlib.suppress(visa().errors.Error, OSError, NotImplementedError):
                connection.clear()
        with contextlib.suppress(*failures(), NotImplementedError):
            self.adapter.flush_read_buffer()

    def wait_for(self, query_delay: float | None = None) -> None:
        """Wait between question and answer, on the bench's clock.

        Parameters
        ----------
        query_delay
            The wait, s; None: none.
        """
        if query_delay:
            self.clock.sleep(query_delay)

    def _is_identity(self, reply: str) -> bool:
        text = reply.upper()
        return self.maker.upper() in text and (
            not self.models or any(model.upper() in text for model in self.models)
        )


def _lines(text: str) -> list[str]:
    """Return the lines of what came up to a line end: one that came unasked may end with another one."""
    return [line for line in re.split(r"[\r\n]", text) if line] or [""]
