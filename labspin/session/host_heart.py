"""Signs of life of a host for its watchdog: a bench may carry current without a run, too."""

from __future__ import annotations

import time

from labspin.bench import Bench
from labspin.errors import LabspinError
from labspin.session.host_news import News

__all__ = ["Heart"]

_PATIENCE = 300.0  # s for which a host that is idle, or moves something, may be silent
_AGAIN = 60.0  # s between two attempts to start a watchdog


class Heart:
    """Signs of life for the watchdog of a bench, and a report if it had died.

    Parameters
    ----------
    news
        Receives the report that the watchdog had died, and whether another was started.
    """

    def __init__(self, news: News) -> None:
        self._news, self._next = news, 0.0

    def beat(self, bench: Bench, patience: float = _PATIENCE) -> None:
        """Send a sign of life; to be called often.

        Parameters
        ----------
        bench
            What is watched; a simulated bench has no watchdog.
        patience
            Time for which the host may be silent afterwards, s.
        """
        if time.monotonic() < self._next:
            return
        try:
            if remark := bench.beat(patience):
                self._news.event("host", remark)
        except LabspinError as error:
            self._next = time.monotonic() + _AGAIN
            self._news.event("error", str(error))
