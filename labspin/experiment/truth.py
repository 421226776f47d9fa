"""What is really the case on a simulated bench, recorded where it changes.

A simulated sample knows what a perfect measurement would find (`labspin.twin.Sample.truth`). With the header
stands what holds when the run's settings are reached; an event at every point where it changes says what is
different from then (T1 at another field, lines that have moved). What stays as it was costs nothing in the
file, and `labspin.data.Run.truth_at_points` puts it together again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from labspin.data import EventKind

__all__ = ["TruthRecord"]

_ALIKE = 1e-6  # relative; what a coil still creeps is no change


class TruthRecord:
    """Compares the truth at every point with what was recorded last.

    Parameters
    ----------
    truth
        Asks the simulated bench.
    record
        Takes kind, message and data of an event.
    """

    def __init__(
        self,
        truth: Callable[[], dict[str, object]],
        record: Callable[[EventKind, str, dict[str, object]], None],
    ) -> None:
        self._ask, self._record = truth, record
        self._base: Mapping[str, object] = {}
        self._changes: Mapping[str, object] = {}

    def begin(self) -> dict[str, Any]:
        """Return what is the case now, with which later points are compared."""
        truth = self._ask()
        self._base, self._changes = truth, {}
        return truth

    def at_point(self, index: int) -> None:
        """Record what differs from the beginning, unless the last record says the same.

        Parameters
        ----------
        index
            Index of the point in the plan.
        """
        truth = self._ask()
        changes = {name: now for name, now in truth.items() if not _alike(now, self._base.get(name))}
        if _alike(changes, self._changes):
            return
        self._changes = changes
        text = f"what is really the case at point {index} and after it"
        self._record(EventKind.TRUTH_AT_POINT, text, {"index": index, "truth": changes})


def _alike(one: object, other: object) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_alike(value, other[name]) for name, value in one.items())
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return math.isclose(one, other, rel_tol=_ALIKE, abs_tol=0) or (one != one and other != other)
    return bool(one == other)
