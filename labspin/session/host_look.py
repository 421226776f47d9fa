"""Periodic read-back of a bench for a host: values, count rates, and lost instruments."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping

from labspin.bench import Bench
from labspin.errors import LabspinError
from labspin.session.host_news import News
from labspin.session.host_records import BenchDescription, ReadingRecord
from labspin.session.workbench import count_rates, read_all

__all__ = ["Lookout"]

_RECONNECT = 5.0  # s between two attempts to reach a lost instrument


class Lookout:
    """Reads a bench back when it is due.

    Parameters
    ----------
    news
        Where read-backs and events go.
    interval
        Time between two read-backs, s.
    has_viewers
        Whether any client is connected.

    Attributes
    ----------
    aligns : bool
        Whether the count rates are measured, too. The laser is on for that, so it ends with the last client.
    lost : dict
        Instruments that do not answer, and the time of the last attempt to reconnect them, s.
    """

    def __init__(self, news: News, interval: float, has_viewers: Callable[[], bool] = lambda: True) -> None:
        self._news, self._interval, self._has_viewers = news, interval, has_viewers
        self._next = 0.0
        self.aligns = False
        self.lost: dict[str, float] = {}

    @property
    def wait(self) -> float:
        """Seconds until the next read-back."""
        return max(0.0, self._next - time.monotonic())

    @property
    def interval(self) -> float:
        """Time between two read-backs, s."""
        return self._interval

    def hurry(self) -> None:
        """Read back as soon as possible."""
        self._next = 0.0

    def look(self, bench: Bench, description: BenchDescription, *, is_idle: bool) -> None:
        """Read everything back; if the bench is idle, also count photons and reconnect lost instruments.

        Parameters
        ----------
        bench
            A connected bench.
        description
            Description of it, by `labspin.session.workbench.describe_bench`.
        is_idle
            Whether no run is being made.
        """
        self._next = time.monotonic() + self._interval
        readings = read_all(bench, description)
        if self.aligns and not self._has_viewers():
            self.aligns = False
            self._news.event("host", "count rates: ended, since no client is connected any more")
        if self.aligns and is_idle:
            readings |= self._rates(bench, description)
        self._note_lost(bench, description, readings, is_idle)
        self._news.read(readings)

    def _rates(self, bench: Bench, description: BenchDescription) -> dict[str, ReadingRecord]:
        try:
            rates = count_rates(bench, description)
        except LabspinError as error:
            self.aligns = False
            self._news.event("error", f"count rates: {error}")
            return {}
        return {f"rate.{name}": {"value": rate, "time": time.time()} for name, rate in rates.items()}

    def _note_lost(
        self,
        bench: Bench,
        description: BenchDescription,
        readings: Mapping[str, ReadingRecord],
        is_idle: bool,
    ) -> None:
        for name in description["instruments"]:
            own = [record for full, record in readings.items() if full.startswith(f"{name}.")]
            if not own or not all("error" in record for record in own):
                if self.lost.pop(name, None) is not None:
                    self._news.event("host", f"{name}: answers again")
                continue
            if name not in self.lost:
                self._news.event("error", f"{name}: {own[0]['error']}; trying to connect again")
                self.lost[name] = 0.0
            if is_idle and time.monotonic() - self.lost[name] > _RECONNECT:
                self.lost[name] = time.monotonic()
                with contextlib.suppress(LabspinError):
                    bench.reopen([name])
