"""Grid spectroscopy of Nanonis, ``.3ds``: a sweep at every point of a grid, some channels each.

A header of text, ``name="value"`` a line, then numbers of four bytes, the high one first: for every point of
the grid some parameters, then the channels one after the other. A grid that was broken off ends early: the
points that are missing are NaN.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

import numpy as np

from labspin.arrays import FloatArray
from labspin.data.foreign.source import Contents, Item, damage
from labspin.data.foreign.titles import split_title

__all__ = ["read_grid"]

_END = b":HEADER_END:"
_LINE = re.compile(r"^([^=\n]+)=(.*)$", re.MULTILINE)
_LONGEST = 1 << 20  # bytes of a header
_ENDS = ("Sweep Start", "Sweep End")


def read_grid(path: Path) -> Contents:
    """Return the channels of a grid, (rows, columns, points) each, along the sweep.

    A sweep at one point of the grid is ``Current[2,5,:]``. Every parameter is a map (rows, columns). The
    sweep is the one of the first point; a grid whose sweeps differ, or have segments, has no common one.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    DamagedFileError
        It is cut short or corrupted.
    """
    with damage(path):
        with path.open("rb") as file:
            head = file.read(_LONGEST)
        start = head.index(_END) + len(_END)
        start += 2 if head[start : start + 2] == b"\r\n" else 1
        lines = _LINE.findall(head[:start].decode("latin-1"))
        said = {name.strip(): text.strip().strip('"') for name, text in lines}
        columns, rows = (int(word) for word in said["Grid dim"].lower().split("x"))
        points, named = int(said["Points"]), _listed(said["Channels"])
        parameters = [*_listed(said["Fixed parameters"]), *_listed(said["Experiment parameters"])]
        width = int(said["# Parameters (4 byte)"])
        size = width + points * len(named)
        there = (path.stat().st_size - start) // 4
        if min(columns, rows, points, size) < 1 or not 0 < there <= size * rows * columns:
            raise ValueError(f"{there} numbers, where the header says {size} at {rows}×{columns} points")
        if said.get("Experiment size (bytes)", str(4 * points * len(named))) != str(4 * points * len(named)):
            raise ValueError("its sizes contradict each other")
        read = functools.partial(_numbers, path, start, (rows, columns, size))
        axis = _sweep(read(), parameters, points)
    sweep, unit = split_title(said.get("Sweep Signal", "sweep"))
    items = [] if axis is None else [Item.of(sweep, axis, unit=unit)]
    for place, title in enumerate(named):
        name, unit = split_title(title)
        load = functools.partial(_part, read, slice(width + points * place, width + points * (place + 1)))
        along = sweep if axis is not None else ""
        items.append(
            Item(name=name, shape=(rows, columns, points), load=load, unit=unit, along=along, title=title)
        )
    for place, title in enumerate(parameters[:width]):
        name, unit = split_title(title)
        load = functools.partial(_part, read, place)
        items.append(Item(name=name, shape=(rows, columns), load=load, unit=unit, title=title))
    return Contents(kind="a Nanonis grid", path=path, items=items, attributes=said)


def _listed(text: str) -> list[str]:
    return [word for word in text.split(";") if word]


def _numbers(path: Path, start: int, shape: tuple[int, int, int]) -> FloatArray:
    found = np.full(int(np.prod(shape)), np.nan)
    there = np.fromfile(path, ">f4", found.size, offset=start)
    found[: there.size] = there
    return found.reshape(shape)


def _part(read: functools.partial[FloatArray], part: slice | int) -> FloatArray:
    return read()[:, :, part]


def _sweep(numbers: FloatArray, parameters: list[str], points: int) -> FloatArray | None:
    """Return the sweep that all points of the grid have in common; None if there is none."""
    if not all(name in parameters for name in _ENDS):
        return None
    ends = numbers[:, :, [parameters.index(name) for name in _ENDS]].reshape(-1, 2)
    ends = ends[np.isfinite(ends).all(-1)]
    if not len(ends) or np.any(ends != ends[0]) or ends[0, 0] == ends[0, 1]:
        return None
    return np.linspace(ends[0, 0], ends[0, 1], points)
