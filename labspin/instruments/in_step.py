"""Question and answer in step: no answer is taken for that of another question.

An exchange that was broken off, by a time-out or by Ctrl-C, leaves the connection marked, and before the next
question everything that is still on its way is read and thrown away; so does a new connection, on which a
greeting or the answer to a program that was killed may wait, and a line that nobody asked for. What tells
where one is, is a *marker*: a question whose answer can be told from every other one.

A line that nobody asked for may also come in the moment in which an answer is due, and only a marker behind
the answer tells them apart. That doubles the time of a question. So it is done after a disturbance, for the
next answers, and wherever a wrong number would do harm: for what a ramp begins with.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from labspin.clock import Clock
from labspin.errors import InstrumentError, ReplyError, ReplyTimeoutError
from labspin.instruments.wire import is_stream, is_timeout, is_waiting, read_answer, visa

if TYPE_CHECKING:
    from pymeasure.adapters import Adapter

__all__ = ["DOUBTFUL", "InStep", "Line", "SurplusError", "failures"]

log = logging.getLogger(__name__)

DOUBTFUL = 10
"""Answers that are confirmed after a disturbance."""
_MOST_LATE_REPLIES = 64
_MORE = 0.5  # s in which a second line of what waits on a new connection has to follow the first


class SurplusError(ReplyError):
    """More than one line came in answer to one question."""


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
    is_talkative : bool
        Whether a line came that nobody asked for: answers are then confirmed by a marker.
    doubtful : int
        How many answers are still confirmed by a marker, since an exchange was disturbed before.
    ends : float
        When the exchange has to be over, s of the monotonic clock.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.unanswered: list[str] = []
        self.is_new = False
        self.is_talkative = False
        self.doubtful = 0
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
        return line


class InStep:
    """The part of `labspin.instruments.base.Guarded` that keeps questions and answers together."""

    maker: ClassVar[str] = ""
    """How the manufacturer's name begins in the answer to ``*IDN?``."""
    models: ClassVar[tuple[str, ...]] = ()
    """Models that the driver serves, as they stand in the answer to ``*IDN?``."""

    is_doubting: bool = False
    """Whether every answer is confirmed by a marker. Streams of bytes only; elsewhere there is no line that
    nobody asked for."""

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
        line.unanswered.append(command)  # stays there if anything below is broken off, even by Ctrl-C
        self.adapter.write(command)
        self.wait_for(query_delay)
        reply = read_answer(self.adapter, self.timeout)
        if line.is_talkative or line.doubtful > 0 or (self.is_doubting and is_stream(self.adapter)):
            self._confirm(line)
            line.doubtful -= line.doubtful > 0
        elif is_waiting(self.adapter):
            line.is_talkative = True
            raise SurplusError(f"wanted one line in answer to {command!r}, got {reply!r} and more")
        line.unanswered.clear()
        return reply

    def _make_ready(self, line: Line) -> None:
        """Have nothing on the connection that the next question could take for its answer."""
        if line.is_new:
            self._synchronise(line)
        elif line.unanswered:
            self._catch_up(line)
        elif is_waiting(self.adapter):
            line.is_talkative = True
            log.warning("%s: a line came that nobody asked for; its answers are confirmed from now on",
                        self._title)  # fmt: skip
            self._catch_up(line)

    def _synchronise(self, line: Line) -> None:
        """Throw away what waits on a new connection, by a question whose answer is known."""
        question, is_answer = self._marker()
        line.unanswered.append(question)
        self.adapter.write(question)
        came: list[str] = []
        try:
            while not came or not is_answer(came[-1]):
                came.append(self._late(line, len(came), patience=_MORE if came else self.timeout))
        except failures() as error:
            # Words that are not its own: `identify` says whose they are. Nothing: it may not know the marker.
            if not is_timeout(error) or not (came or self._knows_no_identity()):
                raise
        if len(came) > 1:
            log.warning("%s: %r waited on the new connection and was thrown away", self._title, came[:-1])
        line.unanswered.clear()
        line.is_new = False

    def _knows_no_identity(self) -> bool:
        """Return whether the instrument may not even know the marker."""
        return False

    def _confirm(self, line: Line) -> None:
        """Have a marker's answer follow the answer just read: then nothing came before it that is not its."""
        question, is_answer = self._marker()
        line.unanswered.append(question)
        self.adapter.write(question)
        if not is_answer(late := read_answer(self.adapter, self.timeout)):
            raise SurplusError(f"wanted one line in answer to {line.unanswered[0]!r}, got {late!r} after it")

    def _late(self, line: Line, count: int, *, patience: float | None = None) -> str:
        """Return one more line, while the exchange may last and there are not too many."""
        if count >= _MOST_LATE_REPLIES:
            raise ReplyError(f"answers do not end; {_MOST_LATE_REPLIES} were thrown away")
        if time.monotonic() > line.ends:
            raise ReplyTimeoutError("answers still came, but none that was asked for")
        return read_answer(self.adapter, self.timeout if patience is None else min(patience, self.timeout))

    def _catch_up(self, line: Line) -> None:
        """Throw away the answers that are still on their way.

        Instruments answer in order. So once the answer to a marker has come, every earlier one has. If the
        marker itself was already waiting for an answer, the line has to be silent for a time-out as well.
        """
        self._clear_buffers()
        question, is_answer = self._marker()
        asked_before = question in line.unanswered
        line.unanswered.append(question)
        self.adapter.write(question)
        count = 0
        while not is_answer(late := self._late(line, count)):
            count += 1
            log.warning("%s: late answer %r thrown away", self._title, late)
        if asked_before:
            self._drain(line)
        line.unanswered.clear()

    def _marker(self) -> tuple[str, Callable[[str], bool]]:
        """Return a question whose answer can be told from every other one, and what tells it.

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

    def _drain(self, line: Line) -> None:
        """Read until nothing comes for one time-out."""
        for count in range(_MOST_LATE_REPLIES):
            try:
                late = self._late(line, count)
            except failures() as error:
                if is_timeout(error):
                    return
                raise
            if not late:  # serial ports answer a time-out with nothing
                return
            log.warning("%s: late answer %r thrown away", self._title, late)

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
