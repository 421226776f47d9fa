"""The attributes of a bench: its instruments, which nothing replaces, and no name that means nothing."""

from __future__ import annotations

import difflib
from typing import Any

from labspin.settable import Settable

__all__ = ["BenchAttributes"]


class BenchAttributes(Settable):
    """What ``bench.microwave`` is, and what ``bench.microwave = …`` is answered."""

    def __getattr__(self, name: str) -> Any:
        instruments = self.__dict__.get("_instruments", {})
        if name in instruments:
            return instruments[name]
        near = difflib.get_close_matches(name, instruments, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise AttributeError(
            f"{self.setting_owner()} has no instrument {name!r}; it has {sorted(instruments)}{hint}"
        )

    def __setattr__(self, name: str, value: object) -> None:
        if name in self.__dict__.get("_instruments", ()):
            raise AttributeError(
                f"{self.setting_owner()}: {name} is an instrument and cannot be replaced; set what it has, "
                f"as in bench.{name}.… = …"
            )
        super().__setattr__(name, value)

    def setting_owner(self) -> str:
        """Return what an error calls the bench."""
        return f"bench {self.__dict__.get('name')!r}"
