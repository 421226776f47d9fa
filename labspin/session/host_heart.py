"""A host tells its watchdog that it is at work: current may flow at a bench without a run, too."""

from __future__ import annotations

import time

from labspin.bench import Bench
from labspin.errors import LabspinError
from labspin.session.host_news import News

__all__ = ["Heart"]

_PATIENCE = 300.0  # s for which a host that is idle, or moves something, may do nothing
_AGAIN = 60.0  # s between two tries to start a watchdog where none can be


class Heart:
    """Signs of life for the watchdog of a bench, and news where it was gone.

    Parameters
    ----------
    news
        Where it is told that the watchdog was gone, and another was started or could not be.
    """

    def __init__(self, news: News) -> None:
        self._news, self._next = news, 0.0

    def beat(self, bench: Bench, patience: float = _PATIENCE) -> None:
        """Say that the host is at work; to be called often.

        Parameters
        ----------
        bench
            What is watched; a simulated bench has no watchdog.
        patience
            Time for which the host may be silent after this, s.
        """
        if time.monotonic() < self._next:
            return
        try:
            if remark := bench.beat(patience):
                self._news.event("host", remark)
        except LabspinError as error:
            self._next = time.monotonic() + _AGAIN
            self._news.event("error", str(error))
