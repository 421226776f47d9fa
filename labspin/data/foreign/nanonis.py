"""Scans of Nanonis, ``.sxm``: one image a channel and direction, as the header lists them."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labspin.data.foreign.source import Contents, Item, damage
from labspin.data.foreign.titles import unit_of

__all__ = ["read_sxm"]

_END = b"\x1a\x04"
_TAG = re.compile(r"^:(.+):\s*$", re.MULTILINE)
_LONGEST = 1 << 20  # bytes of a header


def read_sxm(path: Path) -> Contents:
    """Return the images of a Nanonis scan, with axes ``x`` and ``y``; a line of one is ``Z/forward[3,:]``.

    Images are as they were scanned: backward ones run from right to left in the file, and are turned round.

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
        end = head.index(_END, head.index(b":SCANIT_END:"))
        parts = _TAG.split(head[:end].decode("latin-1"))
        said = {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}
        columns, rows = (int(word) for word in said["SCAN_PIXELS"].split())
        images = _images(said["DATA_INFO"])
        needed = 4 * columns * rows * len(images)
        if not 0 < needed == path.stat().st_size - end - len(_END):
            raise ValueError(
                f"{len(images)} images of {columns}×{rows} points need {needed} bytes, there are "
                f"{path.stat().st_size - end - len(_END)}"
            )
        items = _axes(said, columns, rows)
    for place, (name, unit, backward) in enumerate(images):
        offset = end + len(_END) + 4 * columns * rows * place
        down = said.get("SCAN_DIR", "down").strip() != "up"
        load = functools.partial(_image, path, offset, (rows, columns), backward, down)
        items.append(Item(name=name, shape=(rows, columns), dtype="float32", unit=unit, load=load))
    return Contents(kind="a Nanonis scan", path=path, items=items, attributes=said)


def _images(table: str) -> list[tuple[str, str, bool]]:
    """Return name, unit and whether it is scanned backward, of each image in their order in the file."""
    found = []
    for line in table.splitlines()[1:]:
        cells = line.split("\t") if "\t" in line.strip() else line.split()
        cells = [cell for cell in cells if cell]
        if len(cells) < 4:
            continue
        _, name, unit, direction = cells[:4]
        found.append((f"{name}/forward", unit_of(unit), False))
        if direction == "both":
            found.append((f"{name}/backward", unit_of(unit), True))
    return found


def _axes(said: dict[str, Any], columns: int, rows: int) -> list[Item]:
    width, height = (float(word) for word in said["SCAN_RANGE"].split())
    return [
        Item.of("x", np.linspace(0, width, columns), unit="m"),
        Item.of("y", np.linspace(0, height, rows), unit="m"),
    ]


def _image(
    path: Path, offset: int, shape: tuple[int, int], backward: bool, down: bool
) -> NDArray[np.generic]:
    values = np.fromfile(path, ">f4", shape[0] * shape[1], offset=offset).reshape(shape)
    values = values[:, ::-1] if backward else values
    return (values[::-1] if down else values).astype(np.float64)
