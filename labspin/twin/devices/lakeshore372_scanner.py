"""The scanner of the simulated Lake Shore 372: sixteen inputs, one bridge that reads them in turn.

The scanner is at one input. After it has changed it waits for the input's *pause*, in which nothing is
read, and then reads for its *dwell*; with autoscan on it then moves to the next enabled input. An input
that is not being read shows what was last read there. So a reading may be as old as a whole round.

Nothing is computed before a question comes: what was read at an input that the scanner has left, unasked, is
taken when the instrument is next spoken to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Scanner", "Stop"]


@dataclass(frozen=True)
class Stop:
    """One input of a round."""

    key: str
    pause: float  # s
    dwell: float  # s

    @property
    def duration(self) -> float:
        """Time that the scanner stays, s."""
        return self.pause + self.dwell


class Scanner:
    """Where the scanner is, and what it has read.

    Parameters
    ----------
    now
        Simulated time, s.
    key
        Input at which it has long been.
    """

    def __init__(self, now: float, key: str) -> None:
        self._began, self._looked = -math.inf, now
        self._round: Sequence[Stop] = ()
        self._stays = Stop(key, 0.0, math.inf)
        self._held: dict[str, float | None] = {}

    def go(self, now: float, stay: Stop, others: Sequence[Stop], *, automatic: bool) -> None:
        """Go to an input now: to stay there, or to scan it and the others in rounds.

        Parameters
        ----------
        now
            Simulated time, s.
        stay
            The input to go to.
        others
            The inputs that follow it in a round.
        automatic
            Whether the scanner continues to the others.
        """
        self._began, self._stays = now, stay
        self._round = (stay, *others) if automatic else ()

    @property
    def goes_round(self) -> bool:
        """Whether autoscan is on."""
        return bool(self._round)

    def _where(self, now: float) -> tuple[Stop, float]:
        """Return the present stop, and since when the scanner has been there, s."""
        if not self._round:
            return self._stays, self._began
        length = sum(stop.duration for stop in self._round)
        arrived = now - math.fmod(now - self._began, length)
        for stop in self._round[:-1]:
            if now < arrived + stop.duration:
                return stop, arrived
            arrived += stop.duration
        return self._round[-1], arrived

    def present(self, now: float) -> str:
        """Return the input at which the scanner is.

        Parameters
        ----------
        now
            Simulated time, s.

        Returns
        -------
        str
            Name of the input.
        """
        return self._where(now)[0].key

    def _was_read(self, stop: Stop, now: float) -> bool:
        """Return whether a stop of the round was read since the last look."""
        length = sum(each.duration for each in self._round)
        if now - self._looked >= length:
            return True
        before = 0.0
        for each in self._round:
            if each is stop:
                break
            before += each.duration
        opens = self._began + before + stop.pause
        latest = opens + max(0.0, math.floor((now - opens) / length)) * length
        return latest <= now and self._looked < latest + stop.dwell

    def look(self, now: float, read: Callable[[str], float | None]) -> Mapping[str, float | None]:
        """Read the inputs that were due since the last call, and return the value of every input ever read.

        Parameters
        ----------
        now
            Simulated time, s.
        read
            Returns the temperature at the input of a name, K; None if nothing is connected.

        Returns
        -------
        Mapping[str, float | None]
            Temperature by the name of the input, K; None where nothing is connected.
        """
        for stop in self._round:
            if self._was_read(stop, now):
                self._held[stop.key] = read(stop.key)
        if not self._round and now >= self._began + self._stays.pause:
            self._held[self._stays.key] = read(self._stays.key)
        self._looked = now
        return self._held
