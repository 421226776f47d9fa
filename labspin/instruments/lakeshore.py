"""What Lake Shore's instruments have in common: no error queue, but a register of standard events.

A command that is wrong (bit 5), or that cannot be executed (bit 4), leaves its mark in ``*ESR?``, which
forgets when it is read (IEEE 488.2-1992, 11.5). So it is read after every setting.
"""

from __future__ import annotations

from typing import Any

from labspin.errors import DeviceError
from labspin.instruments.base import Guarded

__all__ = ["StandardEvents"]

_MARKS = {32: "a command that it does not know", 16: "a value that it cannot take", 4: "a question unasked"}


class StandardEvents(Guarded):
    """Mix-in that reads the event register; stands before the driver class."""

    def clear_events(self) -> None:
        """Forget what happened before."""
        self.values("*ESR?", cast=int)

    def check_errors(self) -> list[str]:
        """Return what the event register says went wrong, and clear it."""
        events = self.values("*ESR?", cast=int)[0]
        return [what for bit, what in _MARKS.items() if events & bit]

    def check_set_errors(self) -> list[Any]:
        """Raise if the instrument refused the setting just sent."""
        if errors := self.check_errors():
            raise DeviceError(
                f"{self._title}: it refused a setting: {' and '.join(errors)}; its old value stays"
            )
        return []
