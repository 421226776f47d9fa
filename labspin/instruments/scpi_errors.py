"""The error queue of a SCPI instrument, read after every setting.

A SCPI instrument keeps quiet about a setting that it refuses: the old value stays and an error waits in a
queue (SCPI-1999 volume 2, 21.8). `ScpiErrors` reads the queue and raises what it finds.
"""

from __future__ import annotations

from typing import Any, ClassVar

from labspin.errors import DeviceError, ReplyError
from labspin.instruments.base import Guarded

__all__ = ["ScpiErrors"]

_MOST = 64


class ScpiErrors(Guarded):
    """Mix-in that reads the error queue; stands before the driver class, instead of `Guarded`."""

    error_query: ClassVar[str] = "SYST:ERR?"
    asked_once = Guarded.asked_once | {"SYST:ERR?"}

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
            raise DeviceError(
                f"{self._title}: it refused a setting with {'; '.join(errors)}; its old value stays"
            )
        return []
