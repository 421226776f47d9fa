"""What was read at regular times during a run (`EventKind.READINGS`), as columns of numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labspin.data.events import Event, EventKind

__all__ = ["READINGS_TIME", "Readings", "readings_of"]

READINGS_TIME = "readings_time"
"""Name of their time, s after the start of the run."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Readings:
    """Quantities of the bench over time."""

    time: NDArray[np.float64]
    """Shape (n,), s after the start of the run."""
    columns: Mapping[str, NDArray[np.float64]]
    """Name to values of shape (n,); NaN where nothing could be read."""
    units: Mapping[str, str]

    def __len__(self) -> int:
        return int(self.time.size)


def readings_of(events: Iterable[Event], extra: Mapping[str, object]) -> Readings:
    """Return the regular readings of a run.

    Parameters
    ----------
    events
        What happened in the run.
    extra
        Extra of the run's header; ``readings`` in it has the units by name.
    """
    told = extra.get("readings")
    units = {str(name): str(unit) for name, unit in told.items()} if isinstance(told, dict) else {}
    rows = [event.data for event in events if event.kind == EventKind.READINGS]
    return Readings(
        time=np.array([_number(row.get("time")) for row in rows], np.float64),
        columns={name: np.array([_value(row, name) for row in rows], np.float64) for name in units},
        units=units,
    )


def _value(row: Mapping[str, object], name: str) -> float:
    values = row.get("values")
    return _number(values.get(name)) if isinstance(values, dict) else np.nan


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else np.nan
