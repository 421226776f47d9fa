"""Conditions under which a run may continue.

An interlock watches one readable quantity of the bench. It is looked at before every point, and during
ramps and waits: a quench in a ramp of minutes is seen within a second. When the quantity leaves its window
the run either *aborts*, and the bench is brought to its safe state from where it is; or it *holds* where it
is until the quantity is back, and then does again what it was doing (reaching its settings, preparing,
measuring the point), every ramp beginning at what is read back: what happened meanwhile is not known, and a
point that was disturbed is not kept.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from labspin.bench.interlock import Interlock
from labspin.data import EventKind

if TYPE_CHECKING:
    from labspin.bench.bench import Bench

__all__ = ["Disturbed", "InterlockWatch"]

_LOOK = 1.0  # s between two looks in ramps and waits, at least: a look costs a query
_HOLD = 0.1  # s between two looks while the run holds


class Disturbed(Exception):  # noqa: N818 - internal to the engine; never leaves it
    """An interlock that holds the run has tripped: what is being done is to be done again."""


class InterlockWatch:
    """Looks at the interlocks of one run when they are due.

    Parameters
    ----------
    interlocks
        What to look at.
    bench
        Where.
    record
        Called with kind, message and data of what is worth recording.
    """

    def __init__(self, interlocks: Sequence[Interlock], bench: Bench, record: Callable[..., None]) -> None:
        self._interlocks, self._bench, self._record = tuple(interlocks), bench, record
        self._looked = dict.fromkeys(self._interlocks, -math.inf)
        self._watched = self._interlocks  # without those that the run is waiting for

    def __bool__(self) -> bool:
        return bool(self._interlocks)

    def due(self) -> float:
        """Return the bench's time of the next look in a ramp or a wait, s."""
        return min((self._looked[one] + max(one.interval, _LOOK) for one in self._watched), default=math.inf)

    def at_point(self) -> None:
        """Look at what is due at a point.

        Raises
        ------
        InterlockError
            One that aborts the run has tripped.
        Disturbed
            One that holds it has tripped: call `hold`, then do again what was being done.
        """
        self._look(0.0)

    def in_wait(self) -> None:
        """Look at what is due in a ramp or a wait; raises as `at_point`."""
        if self._watched:
            self._look(_LOOK)

    def hold(self) -> None:
        """Wait until every quantity that holds the run is back.

        Raises
        ------
        InterlockError
            One is not back in time, or another one that aborts the run has tripped.
        """
        holding = [one for one in self._interlocks if one.action == "hold"]
        deadlines: dict[Interlock, float] = {}
        while outside := self._outside(holding):
            now = self._bench.clock.now()
            for interlock, value in outside.items():
                if now >= deadlines.setdefault(interlock, now + interlock.timeout):
                    raise interlock.error(value)
            with self._watching([one for one in self._interlocks if one.action == "abort"]):
                self._bench.clock.sleep(_HOLD)
        self._record(EventKind.CONTINUED, "the interlocks allow the run to continue")

    def _outside(self, interlocks: Sequence[Interlock]) -> dict[Interlock, float]:
        with self._watching(()):
            values = {interlock: interlock.read(self._bench) for interlock in interlocks}
        return {interlock: value for interlock, value in values.items() if not interlock.allows(value)}

    @contextlib.contextmanager
    def _watching(self, interlocks: Sequence[Interlock]) -> Iterator[None]:
        """Look at these only: reading a quantity may wait, and a wait would look again."""
        before, self._watched = self._watched, tuple(interlocks)
        try:
            yield
        finally:
            self._watched = before

    def _look(self, least: float) -> None:
        now = self._bench.clock.now()
        due = [one for one in self._watched if now - self._looked[one] >= max(one.interval, least)]
        for interlock in due:
            self._looked[interlock] = now
            for value in self._outside([interlock]).values():
                self._trip(interlock, value)

    def _trip(self, interlock: Interlock, value: float) -> None:
        error = interlock.error(value)
        text = str(error) if interlock.action == "abort" else f"{interlock.deviation(value)}; the run holds"
        self._record(EventKind.INTERLOCK, text, quantity=interlock.quantity, value=value)
        raise error if interlock.action == "abort" else Disturbed(text)
