"""Objects notified before a simulated sample advances or its signals change."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakMethod

__all__ = ["Watchers"]


class Watchers:
    """Bound methods that get the simulated time; each is forgotten with its object."""

    def __init__(self) -> None:
        self._references: list[WeakMethod[Callable[[float], None]]] = []

    def add(self, look: Callable[[float], None]) -> None:
        """Call ``look`` at every `tell` from now on.

        Parameters
        ----------
        look
            Bound method that gets the simulated time, s; only a weak reference is kept.
        """
        self._references.append(WeakMethod(look))

    def tell(self, now: float) -> None:
        """Let those who watch take in what has passed; forget those that are gone.

        Parameters
        ----------
        now
            Simulated time, s.
        """
        if self._references:
            watching = [(reference, reference()) for reference in self._references]
            self._references = [reference for reference, look in watching if look is not None]
            for _, look in watching:
                if look is not None:
                    look(now)
