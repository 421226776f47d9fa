"""Instruments that are made of others: a cantilever's drive and detection out of one lock-in amplifier.

A composed instrument has no address of its own. Its adapter says which *parts* it needs, by role, and a
station file which of its instruments they are (``uses = { lockin = "lockin" }``). The parts stay instruments
of the bench: the station connects them first, makes them safe and closes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn

from labspin.clock import Clock
from labspin.errors import ArgumentError
from labspin.instruments.adapter import RoleAdapter

__all__ = ["CompositeAdapter"]


class _NoDevice:
    """The driver of a composed instrument: there is nothing to connect to."""


class CompositeAdapter(RoleAdapter):
    """Adapter of an instrument that is made of others.

    Parameters
    ----------
    parts
        Part -> adapter of the instrument that plays it.
    name
        What errors call the instrument.
    clock
        What waits go through; the station puts the bench's own here, whose waits can be interrupted.
    options
        An instance of `options`.

    Raises
    ------
    ArgumentError
        A part is missing.
    """

    driver: ClassVar[type] = _NoDevice
    parts: ClassVar[Mapping[str, str]]
    """Part -> the role that an instrument needs to play it."""
    moves: ClassVar[Mapping[str, tuple[str, str]]]
    """What can be moved -> the part and its attribute that is moved: one knob, to be declared once."""

    def __init__(
        self, parts: Mapping[str, Any], *, name: str = "", clock: Clock, options: object = None
    ) -> None:
        missing = [part for part in self.parts if part not in parts]
        if missing:
            raise ArgumentError(
                f"{name or type(self).__name__}: wanted the parts {', '.join(self.parts)}, got none for "
                f"{', '.join(missing)}; name the instruments"
            )
        super().__init__(None, options)
        self.name, self.clock = name or type(self).__name__, clock
        self.made_of = dict(parts)

    @classmethod
    def open(cls, connection: Any, **kwargs: object) -> NoReturn:
        """Refuse: there is nothing to connect to.

        Parameters
        ----------
        connection, **kwargs
            Not used.
        """
        raise ArgumentError(f"{cls.__name__} is made of other instruments; it has no connection of its own")

    @classmethod
    def check_address(cls, address: str) -> None:
        """Refuse any address.

        Parameters
        ----------
        address
            What the station file gives as an address.
        """
        raise ArgumentError(f"wanted no address: it is made of other instruments, got {address!r}")

    @classmethod
    def uses_visa(cls) -> bool:
        """Return False: the parts may."""
        return False

    def identity(self) -> str:
        """Return what the instruments say that it is made of."""
        return "; ".join(f"{part}: {device.identity()}" for part, device in self.made_of.items())

    def safe(self) -> None:
        """Make the parts safe."""
        for device in self.made_of.values():
            device.safe()

    def close(self) -> None:
        """Do nothing: the parts are the bench's."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} of {', '.join(self.made_of)}>"
