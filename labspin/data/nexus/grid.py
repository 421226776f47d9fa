"""Points on the chunks of a grid: only those chunks of it are made, written and read that hold points.

A run that is ended early leaves most of its grid empty. Laid out as a whole, a grid of 4000 × 4000 took 3 GB
to publish 40 points; a chunk at a time it takes the room of the points, and of one chunk.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["chunks_with_points"]


def chunks_with_points(
    index: NDArray[np.int64], shape: tuple[int, ...], steps: tuple[int, ...]
) -> Iterator[tuple[tuple[slice, ...], tuple[NDArray[np.int64], ...], NDArray[np.int64]]]:
    """Yield the chunks of a grid that hold points.

    Parameters
    ----------
    index
        Flat index of each point on the grid, shape (n,).
    shape
        Shape of the grid.
    steps
        Shape of a chunk; those at the upper ends may be cut.

    Yields
    ------
        Place of the chunk in the grid, places of its points within it (one array for each axis), and the rows
        of these points, in order of measurement.
    """
    if not index.size:
        return
    places = np.unravel_index(index, shape)
    counts = tuple(-(-length // step) for length, step in zip(shape, steps, strict=True))
    number = np.zeros(index.size, np.int64)
    for place, step, count in zip(places, steps, counts, strict=True):
        number = number * count + place // step
    order = np.argsort(number, kind="stable")
    cuts = np.flatnonzero(np.diff(number[order])) + 1
    for first, last in zip([0, *cuts.tolist()], [*cuts.tolist(), index.size], strict=True):
        rows = order[first:last]
        corner = np.unravel_index(int(number[rows[0]]), counts)
        starts = [int(k) * step for k, step in zip(corner, steps, strict=True)]
        box = tuple(
            slice(start, min(start + step, length))
            for start, step, length in zip(starts, steps, shape, strict=True)
        )
        yield box, tuple(place[rows] - start for place, start in zip(places, starts, strict=True)), rows
