"""Touchstone, ``.s1p`` … ``.s4p``: the S parameters of a network analyser, as complex numbers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labspin.data.foreign.lines import read_lines
from labspin.data.foreign.source import Contents, Item, damage
from labspin.errors import DamagedFileError

__all__ = ["read_touchstone"]

_FREQUENCIES = {"hz": 1.0, "khz": 1e3, "mhz": 1e6, "ghz": 1e9}


def read_touchstone(path: Path) -> Contents:
    """Return frequency (Hz) and ``S11``, ``S21`` … of a Touchstone file.

    Parameters
    ----------
    path
        The file; its ending says how many ports it is about.

    Raises
    ------
    DamagedFileError
        It is cut short or corrupted.
    """
    match = re.fullmatch(r"\.s(\d)p", path.suffix.lower())
    ports = int(match[1]) if match else 2
    lines = read_lines(path)
    option = next((line for _, line in lines.comments if line.startswith("#")), "# GHz S MA R 50")
    words = option[1:].split("!")[0].lower().split()
    unit = next((word for word in words if word in _FREQUENCIES), "ghz")
    form = next((word for word in words if word in ("ma", "db", "ri")), "ma")
    kind = next((word for word in words if word in ("s", "y", "z", "h", "g")), "s").upper()
    width = 1 + 2 * ports**2
    with damage(path):
        text = [line.split("!")[0] for _, line in lines.body if not line.lstrip().startswith("[")]
        numbers = np.array([float(word) for line in text for word in line.split()])
        if not numbers.size or numbers.size % width:
            raise DamagedFileError(
                f"{path}: cut short or corrupted: {numbers.size} numbers are no multiple of the {width} of "
                f"{ports} ports"
            )
        table = numbers.reshape((-1, width))
    frequency = table[:, 0] * _FREQUENCIES[unit]
    if (np.diff(frequency) <= 0).any():
        raise DamagedFileError(f"{path}: cut short or corrupted: its frequencies do not rise")
    items = [Item.of("frequency", frequency, unit="Hz")]
    for place in range(ports**2):
        # Two ports stand as S11 S21 S12 S22, all others row by row.
        into, out = divmod(place, ports)
        name = f"{kind}{out + 1}{into + 1}" if ports == 2 else f"{kind}{into + 1}{out + 1}"
        values = _complex(table[:, 1 + 2 * place], table[:, 2 + 2 * place], form)
        items.append(Item.of(name, values, unit="1" if kind == "S" else "", along="frequency"))
    if ports == 2:
        items[1:3] = [items[2], items[1]]  # transmission is what a person looks at first
    said = {"option": option, "comment": "\n".join(line for _, line in lines.comments if line[0] == "!")}
    return Contents(kind="a Touchstone file", path=path, items=items, attributes=said)


def _complex(first: NDArray[Any], second: NDArray[Any], form: str) -> NDArray[np.generic]:
    if form == "ri":
        return np.asarray(first + 1j * second)
    size = 10 ** (first / 20) if form == "db" else first
    return np.asarray(size * np.exp(1j * np.deg2rad(second)))
