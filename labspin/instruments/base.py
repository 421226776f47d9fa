"""What every driver has in common: exchanges that cannot be confused, and errors that say what happened.

pymeasure's `Instrument` writes a command and reads an answer; two threads that do so at once, or one that
gives up waiting, leave an answer on the line that the next question takes for its own. `Guarded` closes
that gap for any pymeasure driver that it is mixed into:

- a question and its answer are one exchange under one lock per *connection*;
- an exchange that was broken off, by a time-out or by Ctrl-C, is never taken for the next one's
  (`labspin.instruments.in_step`);
- an answer has a deadline as a whole (`labspin.instruments.wire`), and so has an exchange with its retries;
- a question that timed out, or whose answer cannot be read, is asked again as often as the station allows,
  then one error names instrument, address, command and what came; how often is counted (`Guarded.repeated`);
- an answer that is no number raises, where pymeasure would hand back text; the large numbers by which
  instruments say "overflow" or "not a number" become infinities and NaN (`labspin.instruments.invalid`).
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypedDict, Unpack

from labspin.clock import Clock, WallClock
from labspin.errors import (
    ConnectionFailedError,
    IdentityError,
    InstrumentError,
    ReplyError,
    ReplyTimeoutError,
)
from labspin.instruments.in_step import InStep, Line, SurplusError, failures
from labspin.instruments.inherited import keep_rules
from labspin.instruments.invalid import SCPI_WORDS, as_reading, whole
from labspin.instruments.limits import on_off
from labspin.instruments.pymeasure import Adapter, Channel, DynamicSettings, Instrument
from labspin.instruments.wire import as_boolean, in_words, is_timeout, send_at_once, visa

__all__ = ["Guarded", "GuardedChannel", "LabspinInstrument", "Opening"]

log = logging.getLogger(__name__)


def _forget_doubles() -> None:
    """Remove what every adapter of pymeasure adds to one logger; a host makes thousands."""
    adapters = logging.getLogger("Adapter")
    for handler in [one for one in adapters.handlers if isinstance(one, logging.NullHandler)][1:]:
        adapters.removeHandler(handler)


_WANTED: Mapping[Any, str] = {float: "numbers", int: "whole numbers", bool: "0 or 1", on_off: "0 or 1"}


class _UnreadableError(ReplyError):
    """An answer that cannot be what was asked for; its text is complete."""


class Guarded(DynamicSettings, InStep):
    """Mix-in that makes a pymeasure driver's exchanges whole; a base before the driver class.

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

    asked_once: ClassVar[frozenset[str]] = frozenset({"*ESR?", "*IDN?"})
    """Questions that change the instrument, or whose answers pile up: never asked again after a time-out."""
    invalid_words: ClassVar[Mapping[str, float]] = SCPI_WORDS
    """The maker's words for readings that are no finite number, and what they become: NaN or an infinity."""
    terminations: ClassVar[Mapping[str, Any]] = {"read_termination": "\n", "write_termination": "\n"}
    """Line ends, where the driver class does not set them itself; by interface (``asrl``, ``gpib``, …) if
    they differ."""

    is_deaf: bool = False
    """Whether answers are not waited for: the last resort for one that obeys and does not answer."""

    # pymeasure looks every attribute up in a list, to hide the names that dynamic properties reserve. A query
    # reads some thirty attributes, and half of its time went there.
    __getattribute__ = object.__getattribute__

    def __init_subclass__(cls, **kwargs: object) -> None:
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
        **kwargs: object,
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
        except (visa().errors.Error, OSError, ValueError, ImportError) as error:
            raise ConnectionFailedError(
                f"{name}: nothing can be opened at {self.address!r} ({in_words(error)}); "
                "check power, cable and address; 'labspin doctor' tries every instrument of a station"
            ) from error
        finally:
            _forget_doubles()
        if self.address:
            send_at_once(self.adapter)
        self._line = Line.of(self.adapter)
        self._line.is_new = bool(self.address)

    def _open(self, adapter: Adapter | str, name: str, settings: Mapping[str, object]) -> None:
        super().__init__(adapter, name=name, **settings)  # type: ignore[call-arg]

    def write(self, command: str, **kwargs: object) -> None:
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
            except failures() as error:
                raise self._complaint(command, error, 1) from error

    def read(self, **kwargs: Any) -> str:
        """Read one answer; `ask` is the way to get the answer to a question."""
        with self._line.lock:
            try:
                return str(self.adapter.read(**kwargs))
            except failures() as error:
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

    def _asked(self, command: str, read: Callable[[str], object], query_delay: float | None = None) -> Any:
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
                except failures() as error:
                    kind = _kind_of_failure(error)
                    if kind == "unreadable":
                        line.unanswered.append(command)
                        unread = error
                    if attempt == attempts or not kind:
                        raise self._complaint(command, unread or error, attempt) from error
                    self.repeated[kind] += 1
                    log.warning("%s: %s at %r, asking again", self._title, kind, command)
        raise AssertionError("unreachable")

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
        convert = self._converter(cast)

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

    def together(self, **questions: tuple[str, Callable[[str], object]]) -> dict[str, Any]:
        """Ask several questions in one message, which takes the time of one.

        Parameters
        ----------
        **questions
            By name: the question, without line end, and what makes a value of its answer, as the ``cast`` of
            `values`. Only for instruments that answer one line of ``;`` between the answers (IEEE 488.2).

        Returns
        -------
            Name to value.

        Raises
        ------
        ReplyError
            An answer cannot be cast, or there are not as many as questions.
        """
        command = ";:".join(question for question, _ in questions.values())
        casts = {name: self._converter(cast) for name, (_, cast) in questions.items()}

        def read(reply: str) -> dict[str, Any]:
            try:
                pairs = zip(casts.items(), reply.strip().split(";"), strict=True)
                return {name: convert(part) for (name, convert), part in pairs}
            except (ValueError, TypeError, KeyError, OverflowError) as error:
                wanted = f"{len(casts)} answers with ';' between them"
                raise self._unreadable(command, reply.strip(), wanted) from error

        found: dict[str, Any] = self._asked(command, read)
        return found

    def _converter(self, cast: Callable[[str], object]) -> Callable[[str], object]:
        if cast is float:
            return functools.partial(as_reading, words=self.invalid_words)
        if cast is int:
            return whole
        return as_boolean if cast is bool else cast

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

    def _knows_no_identity(self) -> bool:
        kind = type(self)
        return kind._marker is InStep._marker and kind.identify is not Guarded.identify

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


class Opening(TypedDict, total=False):
    """How a driver opens its instrument.

    Attributes
    ----------
    clock
        What waits; the wall clock where it is left out.
    timeout
        Longest wait for an answer, s.
    retries
        How often a query without an answer is repeated.
    visa_library
        That of pyvisa, such as ``"@py"``.
    """

    clock: Clock | None
    timeout: float
    retries: int
    visa_library: str


class LabspinInstrument(Guarded, Instrument):  # type: ignore[misc]
    """Base of drivers that pymeasure does not have."""

    def __init__(self, adapter: Adapter | str, name: str = "", **kwargs: Unpack[Opening]) -> None:
        super().__init__(adapter, name, **kwargs)

    def _open(self, adapter: Adapter | str, name: str, settings: Mapping[str, object]) -> None:
        super()._open(adapter, name, {**settings, "includeSCPI": False})


class GuardedChannel(DynamicSettings, Channel):  # type: ignore[misc]
    """A channel whose exchanges are its instrument's."""

    parent: Guarded

    def __init_subclass__(cls, **kwargs: object) -> None:
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

    def together(self, **questions: tuple[str, Callable[[str], object]]) -> dict[str, Any]:
        """Ask several questions in one message.

        Parameters
        ----------
        **questions
            As for `Guarded.together`; ``{ch}`` in a question stands for the channel.
        """
        return self.parent.together(
            **{name: (self.insert_id(question), cast) for name, (question, cast) in questions.items()}
        )

    def check_set_errors(self) -> list[Any]:
        """Raise if the instrument refused the setting just sent."""
        instrument: Any = self.parent
        return list(instrument.check_set_errors())


def _kind_of_failure(error: BaseException) -> str:
    """Return under what a failed exchange is counted, which is then tried again; "" if that is of no use."""
    if is_timeout(error):
        return "timeouts"
    if isinstance(error, (_UnreadableError, UnicodeDecodeError, SurplusError)):
        return "unreadable"
    return ""
