"""The quality of each point: whether an instrument, or a person at its front panel, spoilt the reading.

The events of a run say what was found, and at which points (`EventKind.DOUBT`, `EventKind.SETTING`). Here it
becomes one number a point, bit by bit as the CF conventions write flags: ``flag_masks`` and
``flag_meanings`` stand beside the column, so that other programs can tell as well. The events stay the one
record; a run that lasts, a finished file and a part of it are read alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from labspin.data.events import Event, EventKind

__all__ = ["QUALITY_MEANING", "Quality", "flag_attributes", "quality_at", "quality_on_grid"]

QUALITY_MEANING = "quality of the point: 0 is good"


class Quality(IntFlag):
    """What is known against a point; their sum is the number in the column."""

    GOOD = 0
    DOUBTFUL_STATUS = 1
    """An instrument said that its reading means nothing."""
    CHANGED_SETTING = 2
    """A setting was not what it should be, or may not have been: the point lies behind the last good look."""
    NOT_MEASURED = 4
    """There is no such point yet."""


_BITS: dict[str, Quality] = {
    EventKind.DOUBT: Quality.DOUBTFUL_STATUS,
    EventKind.SETTING: Quality.CHANGED_SETTING,
}


def quality_at(events: Iterable[Event], index: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the quality of points.

    Parameters
    ----------
    events
        What happened in the run.
    index
        Flat index of each point on the grid, or its running number, shape (n,).

    Returns
    -------
        Sums of `Quality`, shape (n,).
    """
    quality = np.zeros(index.size, np.uint8)
    named: dict[Quality, list[int]] = {}
    for event in events:
        if (bit := _BITS.get(str(event.kind))) is not None:
            named.setdefault(bit, []).extend(_whole_numbers(event.data.get("indexes")))
    for bit, indexes in named.items():
        quality[np.isin(index, indexes)] |= np.uint8(bit)
    return quality


def quality_on_grid(
    quality: NDArray[np.uint8], index: NDArray[np.int64], shape: tuple[int, ...]
) -> NDArray[np.uint8]:
    """Return the quality of every point of the plan.

    Parameters
    ----------
    quality, index
        Quality and index of the points that were measured, shape (n,).
    shape
        Shape of the grid.

    Returns
    -------
        Shape ``shape``; `Quality.NOT_MEASURED` where there is no point.
    """
    grid = np.full(math.prod(shape), Quality.NOT_MEASURED, np.uint8)
    grid[index] = quality
    return grid.reshape(shape)


def flag_attributes() -> dict[str, object]:
    """Return what the CF conventions want beside a column of flags."""
    flags = [flag for flag in Quality if flag]
    return {
        "units": "1",
        "standard_name": "quality_flag",
        "long_name": QUALITY_MEANING,
        "flag_masks": np.array(flags, np.uint8),
        "flag_meanings": " ".join(str(flag.name).lower() for flag in flags),
    }


def _whole_numbers(content: object) -> list[int]:
    """Return the indexes that an event names; a file may hold anything there."""
    listed = content if isinstance(content, list) else []
    return [one for one in listed if isinstance(one, int) and -(1 << 62) < one < 1 << 62]
