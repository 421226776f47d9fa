"""Runs as rows of the list, and as sketches for its small pictures.

They are made in a separate process, without Qt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.fitting.grids import is_log_spaced
from labspin.clock import local_time
from labspin.data import RunSummary, read_run
from labspin.errors import LabspinError
from labspin.gui.pictures import Choice, Picture, picture_of, thinned

__all__ = ["COLUMNS", "HEADS", "ROWS", "RunRow", "Sketch", "rows_of", "sketch_of", "sketch_of_run"]

HEADS = (
    "", "started", "run", "procedure", "status", "points", "sample", "comment", "fits", "operator", "file",
)  # fmt: skip
COLUMNS, ROWS = 168, 72  # points of a sketch


@dataclass(frozen=True)
class RunRow:
    """A run in the table."""

    run: RunSummary
    key: str
    """Its path as text: what is compared ten thousand times."""
    cells: tuple[str, ...]
    words: str
    """Everything in small letters, to search in."""


def rows_of(runs: Sequence[RunSummary]) -> list[RunRow]:
    """Return the rows of runs, without numbers that the list does not show, to save memory.

    Parameters
    ----------
    runs
        Summaries of the runs.
    """
    cells = [_cells(run) for run in runs]
    return [
        RunRow(
            replace(run, parameters={}, results={}),
            str(run.path),
            texts,
            "\n".join((*texts, run.project)).lower(),
        )
        for run, texts in zip(runs, cells, strict=True)
    ]


def _status(run: RunSummary) -> str:
    return f"{run.status}, NOT SAFE" if run.unsafe else str(run.status)


def _cells(run: RunSummary) -> tuple[str, ...]:
    total = "" if run.size is None else f"/{run.size}"
    stars = "" if run.rating is None else "★" * run.rating + "☆" * (5 - run.rating)
    words = " ".join(filter(None, [stars, run.comment, *map("#{}".format, run.tags)]))
    return (
        "", local_time(run.started)[:19], run.label, run.procedure, _status(run),
        f"{run.points}{total}", run.sample, words, ", ".join(run.fits), run.operator, run.path.name,
    )  # fmt: skip


@dataclass(frozen=True)
class Sketch:
    """A run as a small picture: a line or a map, or neither if there is nothing to draw."""

    line: NDArray[np.float32] | None = None
    """Points from 0 to 1 to the right and upwards, shape (n, 2)."""
    levels: NDArray[np.uint8] | None = None
    """Levels from 0 (not measured) to 255, the uppermost row first, shape (`ROWS`, `COLUMNS`)."""


def sketch_of_run(path: Path) -> Sketch:
    """Return the sketch of a run file; an empty one if it cannot be read or drawn.

    Parameters
    ----------
    path
        Path of the run file.
    """
    try:
        return sketch_of(picture_of(read_run(path), Choice()))
    except (LabspinError, ValueError):
        return Sketch()


def sketch_of(picture: Picture) -> Sketch:
    """Return a picture of a run with as many points as the list shows.

    Parameters
    ----------
    picture
        The run as it is shown.
    """
    if picture.map is not None:
        levels = picture.map.levels[::-1]
        rows = np.linspace(0, levels.shape[0] - 1, ROWS).round().astype(int)
        columns = np.linspace(0, levels.shape[1] - 1, COLUMNS).round().astype(int)
        return Sketch(levels=np.ascontiguousarray(levels[np.ix_(rows, columns)]))
    line = picture.line
    if line is None or len(line.values) < 2:
        return Sketch()
    x, y = thinned(line.axis.values, line.values, stretches=COLUMNS)
    if x.min() > 0 and is_log_spaced(x):
        x = np.log10(x)
    return Sketch(line=np.stack([_scaled(x), _scaled(y)], 1).astype(np.float32))


def _scaled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = float(values.min()), float(values.max())
    return (values - low) / (high - low) if high > low else np.full(len(values), 0.5)
