"""What the bench is like at regular times, whether a point is measured or the run waits.

The quantities that a station records (``[record]``) are read at every point; with an ``interval`` also every
so often, in ramps and waits as well: the temperature during an hour of thermalisation. The times are
multiples of the interval after the start of the run.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from labspin.data import EventKind
from labspin.errors import InstrumentError
from labspin.experiment.sweep import column_name

if TYPE_CHECKING:
    from labspin.bench.bench import Bench

__all__ = ["RegularReadings"]


class RegularReadings:
    """Reads the recorded quantities of one run when they are due.

    Parameters
    ----------
    bench
        Whose quantities.
    record
        Called with kind, message and data of what is read.
    """

    def __init__(self, bench: Bench, record: Callable[[EventKind, str, dict[str, object]], None]) -> None:
        self._bench, self._record = bench, record
        self._names = [name for name in bench.record if name.split(".")[0] in bench.instruments]
        self._started, self._next = 0.0, math.inf

    @property
    def units(self) -> dict[str, str]:
        """Name of each column to its unit; empty if nothing is read at regular times."""
        wanted = self._names if math.isfinite(self._bench.record_interval) else []
        return {column_name(name): self._bench.record[name] for name in wanted}

    def begin(self, started: float) -> None:
        """Begin to read.

        Parameters
        ----------
        started
            When the run began, by the bench's clock, s.
        """
        if self.units:
            self._started, self._next = started, self._bench.clock.now()

    def due(self) -> float:
        """Return the bench's time of the next reading, s."""
        return self._next

    def look(self) -> None:
        """Read what is due. What cannot be read is NaN: the next point says what is wrong."""
        now = self._bench.clock.now()
        if now < self._next:
            return
        self._next = math.inf  # reading may wait, and a wait looks again
        values = {column_name(name): self._read(name) for name in self._names}
        self._record(EventKind.READINGS, "", {"time": now - self._started, "values": values})
        passed = math.floor((now - self._started) / self._bench.record_interval)
        self._next = self._started + (passed + 1) * self._bench.record_interval

    def _read(self, name: str) -> float:
        instrument, attribute = name.split(".")
        try:
            return float(getattr(self._bench.instruments[instrument], attribute))
        except InstrumentError:
            return math.nan
