"""What every driver has in common: exchanges that cannot be confused, and errors that say what happened.

pymeasure's `Instrument` writes a command and reads an answer; two threads that do so at once, or one that
gives up waiting, leave an answer on the line that the next question takes for its own. `Guarded` closes
that gap for any pymeasure driver that it is mixed into:

- a question and its answer are one exchange under one lock per *connection*;
- an exchange that was broken off, by a time-out or by Ctrl-C, leaves the connection marked, and before the
  next question everything that is still on its way is read and thrown away; so does a new connection, on
  which a greeting or the answer to a program that was killed may wait, and a line that nobody asked for;
- an answer has a deadline as a whole (`labspin.instruments.wire`), and so has an exchange with its retries;
- a question that timed out, or whose answer cannot be read, is asked again as often as the station allows,
  then one error names instrument, address, command and what came; how often is counted (`Guarded.repeated`);
- an answer that is no number raises, where pymeasure would hand back text; the large numbers by which
  instruments say "overflow" or "not a number" become infinities and NaN (`labspin.instruments.invalid`).
"""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pyvisa
from pymeasure.adapters import Adapter
from pymeasure.instruments import Channel, Instrument

from labspin.clock import Clock, WallClock
from labspin.errors import (
    ConnectionFailedError,
    IdentityError,
    InstrumentError,
    ReplyError,
    ReplyTimeoutError,
)
from labspin.instruments.inherited import keep_rules
from labspin.instruments.invalid import SCPI_WORDS, as_reading
from labspin.instruments.limits import on_off
from labspin.instruments.wire import as_boolean, in_words, is_timeout, is_waiting, read_answer

__all__ = ["Guarded", "GuardedChannel", "LabspinInstrument"]

log = logging.getLogger(__name__)

_FAILURES = (InstrumentError, pyvisa.errors.Error, OSError, UnicodeDecodeError)
_MOST_LATE_REPLIES = 64
_MORE = 0.5  # s in which a second line of what waits on a new connection has to follow the first


_WANTED: Mapping[Any, str] = {float: "numbers", int: "whole numbers", bool: "0 or 1", on_off: "0 or 1"}


class _SurplusError(ReplyError):
    """More than one line came in answer to one question."""


class _Line:
    """One connection: its lock, and the questions on it that have had no answer.

    Attributes
    ----------
    is_new : bool
        Whether nothing was asked on it yet: what a former program left may wait there.
    is_talkative : bool
        Whether a line came that nobody asked for: answers are then confirmed by a marker.
    ends : float
        When the exchange has to be over, s of the monotonic clock.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.unanswered: list[str] = []
        self.is_new = False
        self.is_talkative = False
        self.ends = float("inf")

    @staticmethod
    def of(adapter: Adapter) -> _Line:
        """Return the line of ``adapter``; adapters that share a connection share the line."""
        owner = getattr(adapter, "connection", None) or adapter
        line: _Line = vars(owner).setdefault("_labspin_line", _Line())
        return line


class _UnreadableError(ReplyError):
    """An answer that cannot be what was asked for; its text is complete."""


class Guarded:
    """Mix-in that makes a pymeasure driver's exchanges whole; stands before the driver class.

    Parameters
    ----------
    adapter
        A VISA resource name, or a pymeasure adapter.
    name
        What errors call the instrument.
    clock
        What waits go through.
    timeout
        Time after which an answer counts as missing, s.
    retries
        How often a question without an answer is asked again.
    **kwargs
        Handed to pymeasure's VISA adapter (``visa_library`` and settings of the interface).

    Raises
    ------
    ConnectionFailedError
        Nothing can be opened at the address.
    """

    maker: ClassVar[str] = ""
    """How the manufacturer's name begins in the answer to ``*IDN?``."""
    models: ClassVar[tuple[str, ...]] = ()
    """Models that the driver serves, as they stand in the answer to ``*IDN?``."""
    asked_once: ClassVar[frozenset[str]] = frozenset({"*ESR?", "*IDN?"})
    """Questions that change the instrument, or whose answers pile up: never asked again after a time-out."""
    invalid_words: ClassVar[Mapping[str, float]] = SCPI_WORDS
    """The maker's words for readings that are no finite number, and what they become: NaN or an infinity."""
    terminations: ClassVar[Mapping[str, Any]] = {"read_termination": "\n", "write_termination": "\n"}
    """Line ends, where the driver class does not set them itself; by interface (``asrl``, ``gpib``, …) if
    they differ."""

    adapter: Adapter
    name: str
    is_deaf: bool = False
    """Whether answers are not waited for: the last resort for one that obeys and does not answer."""

    # pymeasure looks every attribute up in a list, to hide the names that dynamic properties reserve. A query
    # reads some thirty attributes, and half of its time went there.
    __getattribute__ = object.__getattribute__

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        keep_rules(cls)

    def __init__(
        self,
        adapter: Adapter | str,
        name: str = "",
        *,
        clock: Clock | None = None,
        timeout: float = 3.0,
        retries: int = 1,
        **kwargs: Any,
    ) -> None:
        self.clock: Clock = clock or WallClock()
        self.timeout = timeout
        self.retries = retries
        self.repeated: dict[str, int] = {"timeouts": 0, "unreadable": 0}
        self.address = adapter if isinstance(adapter, str) else ""
        name = name or type(self).__name__
        milliseconds = round(1000 * timeout)
        settings = {**self.terminations, "timeout": milliseconds, "open_timeout": milliseconds, **kwargs}
        try:
            self._open(adapter, name, settings if self.address else {})
        except (pyvisa.errors.Error, OSError, ValueError, ImportError) as error:
            raise ConnectionFailedError(
                f"{name}: nothing can be opened at {self.address!r} ({in_words(error)}); "
                "check power, cable and address; 'labspin doctor' tries every instrument of a station"
            ) from error
        self._line = _Line.of(self.adapter)
        self._line.is_new = bool(self.address)

    def _open(self, adapter: Adapter | str, name: str, settings: Mapping[str, Any]) -> None:
        super().__init__(adapter, name=name, **settings)  # type: ignore[call-arg]

    @property
    def _title(self) -> str:
        return f"{self.name} at {self.address}" if self.address else self.name

    def write(self, command: str, **kwargs: Any) -> None:
        """Send a command that has no answer.

        Parameters
        ----------
        command
            The command, without line end.
        **kwargs
            Passed to the ``write`` of pymeasure's adapter.
        """
        with self._line.lock:
            try:
                self.adapter.write(command, **kwargs)
            except _FAILURES as error:
                raise self._complaint(command, error, 1) from error

    def read(self, **kwargs: Any) -> str:
        """Read one answer; `ask` is the way to get the answer to a question."""
        with self._line.lock:
            try:
                return str(self.adapter.read(**kwargs))
            except _FAILURES as error:
                raise self._complaint("", error, 1) from error

    def ask(self, command: str, query_delay: float | None = None) -> str:
        """Return the answer to ``command``, without line end.

        Parameters
        ----------
        command
            The question, without line end.
        query_delay
            Wait between question and answer, s; None: none.

        Raises
        ------
        ReplyTimeoutError
            No answer came, however often it was asked.
        ConnectionFailedError
            The connection is gone.
        ReplyError
            What came is not text.
        """
        return str(self._asked(command, str, query_delay))

    def _asked(self, command: str, read: Callable[[str], Any], query_delay: float | None = None) -> Any:
        """Return what ``read`` makes of the answer; ask again if none came, or one that it cannot read.

        Between two attempts the connection is brought back into step (`_catch_up`): what could not be read
        may have been another question's answer.
        """
        line = self._line
        if self.is_deaf:
            raise ReplyTimeoutError(f"{self._title}: {command!r} was not asked: answers are not waited for")
        attempts = 1 if command in self.asked_once else 1 + self.retries
        unread: BaseException | None = None
        with line.lock:
            line.ends = time.monotonic() + 2 * attempts * max(self.timeout, 1.0)
            for attempt in range(1, attempts + 1):
                try:
                    return read(self._exchange(line, command, query_delay))
                except _FAILURES as error:
                    kind = _kind_of_failure(error)
                    if kind == "unreadable":
                        line.unanswered.append(command)
                        unread = error
                    if attempt == attempts or not kind:
                        raise self._complaint(command, unread or error, attempt) from error
                    self.repeated[kind] += 1
                    log.warning("%s: %s at %r, asking again", self._title, kind, command)
        raise AssertionError("unreachable")

    def _exchange(self, line: _Line, command: str, query_delay: float | None) -> str:
        self._make_ready(line)
        line.unanswered.append(command)  # stays there if anything below is broken off, even by Ctrl-C
        self.adapter.write(command)
        self.wait_for(query_delay)
        reply = read_answer(self.adapter, self.timeout)
        if line.is_talkative:
            self._confirm(line)
        elif is_waiting(self.adapter):
            line.is_talkative = True
            raise _SurplusError(f"wanted one line in answer to {command!r}, got {reply!r} and more")
        line.unanswered.clear()
        return reply

    def _make_ready(self, line: _Line) -> None:
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

    def _synchronise(self, line: _Line) -> None:
        """Throw away what waits on a new connection, by a question whose answer is known."""
        question, is_answer = self._marker()
        line.unanswered.append(question)
        self.adapter.write(question)
        came: list[str] = []
        try:
            while not came or not is_answer(came[-1]):
                came.append(self._late(line, len(came), patience=_MORE if came else self.timeout))
        except _FAILURES as error:
            # Words that are not its own: `identify` says whose they are. Nothing: it may not know the marker.
            if not is_timeout(error) or not (came or self._knows_no_identity()):
                raise
        if len(came) > 1:
            log.warning("%s: %r waited on the new connection and was thrown away", self._title, came[:-1])
        line.unanswered.clear()
        line.is_new = False

    def _knows_no_identity(self) -> bool:
        kind = type(self)
        return kind._marker is Guarded._marker and kind.identify is not Guarded.identify

    def _confirm(self, line: _Line) -> None:
        """Have a marker's answer follow the answer just read: then nothing came before it that is not its."""
        question, is_answer = self._marker()
        line.unanswered.append(question)
        self.adapter.write(question)
        if not is_answer(late := read_answer(self.adapter, self.timeout)):
            raise _SurplusError(
                f"wanted one line in answer to {line.unanswered[0]!r}, got {late!r} behind it"
            )

    def _late(self, line: _Line, count: int, *, patience: float | None = None) -> str:
        """Return one more line, while the exchange may last and there are not too many."""
        if count >= _MOST_LATE_REPLIES:
            raise ReplyError(f"answers do not end; {_MOST_LATE_REPLIES} were thrown away")
        if time.monotonic() > line.ends:
            raise ReplyTimeoutError("answers still came, but none that was asked for")
        return read_answer(self.adapter, self.timeout if patience is None else min(patience, self.timeout))

    def _catch_up(self, line: _Line) -> None:
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
        if isinstance(connection, pyvisa.resources.TCPIPSocket):
            # There is no device clear to send, and where the other end has closed the connection, pyvisa-py
            # would read nothing for ever. What is still to come is thrown away until the marker's answer.
            return
        if isinstance(connection, pyvisa.resources.MessageBasedResource):
            # Interfaces without a device clear say so; reading on does the work there.
            with contextlib.suppress(pyvisa.errors.Error, OSError, NotImplementedError):
                connection.clear()
        with contextlib.suppress(*_FAILURES, NotImplementedError):
            self.adapter.flush_read_buffer()

    def _drain(self, line: _Line) -> None:
        """Read until nothing comes for one time-out."""
        for count in range(_MOST_LATE_REPLIES):
            try:
                late = self._late(line, count)
            except _FAILURES as error:
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

    def values(
        self,
        command: str,
        separator: str = ",",
        cast: Callable[[str], Any] = float,
        preprocess_reply: Callable[[str], str] | None = None,
        maxsplit: int = -1,
        **kwargs: Any,
    ) -> list[Any]:
        """Return the answer to ``command`` as a list of ``cast`` values.

        Parameters
        ----------
        command
            The question, without line end.
        separator
            Text between two values of the answer.
        cast
            Makes a value of a part of the answer. ``float`` turns words for "no reading" into NaN or an
            infinity; ``bool`` is True for every number but 0.
        preprocess_reply
            Changes the answer before it is split; None: nothing does.
        maxsplit
            Greatest number of splits; -1: no limit.
        **kwargs
            ``query_delay``, as in `ask`.

        Raises
        ------
        ReplyError
            A part of the answer cannot be cast.
        """
        if cast is float:
            convert: Callable[[str], Any] = functools.partial(as_reading, words=self.invalid_words)
        else:
            convert = as_boolean if cast is bool else cast

        def read(reply: str) -> list[Any]:
            text = reply.strip()
            if preprocess_reply is not None:
                text = preprocess_reply(text)
            try:
                return [convert(part) for part in text.split(separator, maxsplit=maxsplit)]
            except (ValueError, TypeError, KeyError, OverflowError) as error:
                raise self._unreadable(
                    command, text, _WANTED.get(cast, "one of the instrument's words")
                ) from error

        found: list[Any] = self._asked(command, read, **kwargs)
        return found

    def _unreadable(self, command: str, reply: str, wanted: str) -> ReplyError:
        return _UnreadableError(
            f"{self._title}: wanted {wanted} in answer to {command!r}, got {reply!r}; "
            "check the line ends and that the driver fits the instrument"
        )

    def _complaint(self, command: str, error: BaseException, attempts: int) -> InstrumentError:
        asked = f"{command!r}" if command else "a read"
        if is_timeout(error):
            times = f", asked {attempts} times" if attempts > 1 else ""
            part = f" ({in_words(error)})" if isinstance(error, ReplyTimeoutError) and error.args else ""
            return ReplyTimeoutError(
                f"{self._title}: no answer to {asked} within {self.timeout:g} s{times}{part}; "
                "check that it is on, connected and in remote mode"
            )
        if isinstance(error, UnicodeDecodeError):
            return ReplyError(
                f"{self._title}: wanted text in answer to {asked}, got the bytes {error.object!r}; "
                "check the interface settings"
            )
        if isinstance(error, _UnreadableError):
            return ReplyError(f"{error}{f' (asked {attempts} times)' if attempts > 1 else ''}")
        if isinstance(error, InstrumentError) and not isinstance(error, ConnectionFailedError):
            return type(error)(f"{self._title}: {asked} failed: {error}")
        return ConnectionFailedError(
            f"{self._title}: the connection failed at {asked} ({in_words(error)}); check cable and power, "
            "then connect again"
        )

    def identify(self) -> str:
        """Return the instrument's answer to ``*IDN?``, checked against the driver's models.

        Raises
        ------
        IdentityError
            Another instrument answers.
        """
        identity = self.ask("*IDN?").strip()
        if not self._is_identity(identity):
            models = " or ".join(self.models)
            raise IdentityError(
                f"{self._title}: wanted {self.maker} {models}, but {identity!r} answers; "
                "correct address or driver in the station file"
            )
        return identity

    def _is_identity(self, reply: str) -> bool:
        text = reply.upper()
        return self.maker.upper() in text and (
            not self.models or any(model.upper() in text for model in self.models)
        )

    def safe(self) -> None:
        """Leave the instrument as it can be left alone."""
        raise NotImplementedError(f"{type(self).__name__} has no safe state")

    def close(self) -> None:
        """Close the connection; the instrument stays as it is.

        An exchange that does not end is not waited for longer than a time-out.
        """
        held = self._line.lock.acquire(timeout=self.timeout)
        try:
            self.adapter.close()
        finally:
            if held:
                self._line.lock.release()


class LabspinInstrument(Guarded, Instrument):  # type: ignore[misc]
    """Base of drivers that pymeasure does not have."""

    def __init__(self, adapter: Adapter | str, name: str = "", **kwargs: Any) -> None:
        super().__init__(adapter, name, **kwargs)

    def _open(self, adapter: Adapter | str, name: str, settings: Mapping[str, Any]) -> None:
        super()._open(adapter, name, {**settings, "includeSCPI": False})


class GuardedChannel(Channel):  # type: ignore[misc]
    """A channel whose exchanges are its instrument's."""

    parent: Guarded

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        keep_rules(cls)

    def ask(self, command: str, query_delay: float | None = None) -> str:
        """Return the answer to ``command``.

        Parameters
        ----------
        command
            The question; ``{ch}`` in it stands for the channel.
        query_delay
            Wait between question and answer, s; None: none.
        """
        return self.parent.ask(self.insert_id(command), query_delay)

    def values(self, command: str, **kwargs: Any) -> list[Any]:
        """Return the answer to ``command`` as a list of values.

        Parameters
        ----------
        command
            The question; ``{ch}`` in it stands for the channel.
        **kwargs
            Passed to `Guarded.values`.
        """
        return self.parent.values(self.insert_id(command), **kwargs)

    def check_set_errors(self) -> list[Any]:
        """Raise if the instrument refused the setting just sent."""
        instrument: Any = self.parent
        return list(instrument.check_set_errors())


def _kind_of_failure(error: BaseException) -> str:
    """Return under what a failed exchange is counted, which is then tried again; "" if that is of no use."""
    if is_timeout(error):
        return "timeouts"
    if isinstance(error, (_UnreadableError, UnicodeDecodeError, _SurplusError)):
        return "unreadable"
    return ""
