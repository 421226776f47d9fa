"""How an instrument says that it refused a setting: by a queue of errors, a register, or not at all.

Either way it keeps quiet and its old value stays; without a question it is never noticed. So it is asked
after every setting: an `ErrorQueue` (SCPI-1999 volume 2, 21.8, and instruments with a queue of their own)
until the queue is empty, `StandardEvents` (IEEE 488.2-1992, 11.5) for the bits of ``*ESR?``, which forgets
when it is read, and a `ReadBack`, which keeps no record of what it refused, for the setting itself. All
raise what they find.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from labspin.errors import DeviceError, ReplyError
from labspin.instruments.base import Guarded
from labspin.instruments.invalid import whole

__all__ = ["ErrorQueue", "QuestionableStatus", "ReadBack", "StandardEvents"]

_MOST = 64  # errors in a queue


class ErrorQueue(Guarded):
    """Mix-in that reads the error queue; a base before the driver class, instead of `Guarded`."""

    error_query: ClassVar[str] = "SYST:ERR?"
    """Question that takes one error out of the queue; an answer that begins with 0 says that it is empty."""
    error_list: ClassVar[str] = ""
    """Where the numbers are explained, for instruments that do not say it in words."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        cls.asked_once = cls.asked_once | {cls.error_query}

    def check_errors(self) -> list[str]:
        """Return the errors that the instrument has queued, and empty the queue."""
        errors: list[str] = []
        for _ in range(_MOST):
            reply = self.ask(self.error_query).strip()
            try:
                code = int(reply.split(",")[0])
            except ValueError as error:
                raise self._unreadable(self.error_query, reply, "an error number and its text") from error
            if code == 0:
                return errors
            errors.append(reply)
        raise ReplyError(f"{self._title}: its errors do not end; switch it off and on")

    def check_set_errors(self) -> list[Any]:
        """Raise if the instrument refused the setting just sent."""
        if errors := self.check_errors():
            what = "; ".join(errors) + (f" ({self.error_list})" if self.error_list else "")
            raise DeviceError(f"{self._title}: it refused a setting with {what}; its old value stays")
        return []


class QuestionableStatus(Guarded):
    """Mix-in of SCPI instruments that say whether power and frequency are what they should be."""

    questionable_bits: ClassVar[Mapping[int, str]] = {8: "power not levelled", 32: "frequency not locked"}
    """Bits of ``STAT:QUES:COND?`` (SCPI-1999 volume 1, 20.1), and what they say of the output."""

    def read_questionable(self) -> tuple[str, ...]:
        """Return what is questionable about the output now."""
        found = self.values("STAT:QUES:COND?", cast=whole)[0]
        return tuple(text for bit, text in self.questionable_bits.items() if found & bit)


class StandardEvents(Guarded):
    """Mix-in that reads the event register; a base before the driver class, instead of `Guarded`."""

    refusals: ClassVar[Mapping[int, str]] = {
        32: "a command that it does not know",
        16: "a value that it cannot take",
        4: "a question unasked",
    }
    """Bits of ``*ESR?`` that tell of something wrong, and what."""

    def clear_events(self) -> None:
        """Forget what happened before."""
        self.values("*ESR?", cast=int)

    def check_errors(self) -> list[str]:
        """Return what the event register says went wrong, and clear it."""
        events = self.values("*ESR?", cast=int)[0]
        return [what for bit, what in self.refusals.items() if events & bit]

    def check_set_errors(self) -> list[Any]:
        """Raise if the instrument refused the setting just sent."""
        if errors := self.check_errors():
            raise DeviceError(
                f"{self._title}: it refused a setting: {' and '.join(errors)}; its old value stays"
            )
        return []


class ReadBack(Guarded):
    """Mix-in that asks for what was just set, where that is ``WORD a,b`` and the question ``WORD?``."""

    _sent: str = ""

    def write(self, command: str, **kwargs: object) -> None:
        """Send a command that has no answer, and remember it for `check_set_errors`.

        Parameters
        ----------
        command
            The command, without line end.
        **kwargs
            As in `Guarded.write`.
        """
        self._sent = command
        super().write(command, **kwargs)

    def check_set_errors(self) -> list[Any]:
        """Raise if the instrument does not have the setting just sent; a command without values has none."""
        word, _, wanted = self._sent.partition(" ")
        if not wanted:
            return []
        found = self.ask(f"{word}?").strip()
        if _parts(found) != _parts(wanted):
            raise DeviceError(
                f"{self._title}: it refused a setting: wanted {wanted!r} after {word}, got {found!r} back; "
                "its old value stays"
            )
        return []


def _parts(text: str) -> list[float | str]:
    """Return the values in ``text``, numbers as numbers however they are written."""
    found: list[float | str] = []
    for part in text.split(","):
        try:
            found.append(float(part))
        except ValueError:
            found.append(part.strip())
    return found
