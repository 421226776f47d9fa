"""Touchstone, ``.s1p`` … ``.s4p``: the S parameters of a network analyser, as complex numbers."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labspin.arrays import AnyArray, FloatArray
from labspin.data.foreign.lines import read_lines
from labspin.data.foreign.source import Contents, Item, damage
from labspin.errors import DamagedFileError

__all__ = ["read_touchstone"]

_KEYWORD = re.compile(r"\[([^\]]+)\](.*)")
_FREQUENCIES = {"hz": 1.0, "khz": 1e3, "mhz": 1e6, "ghz": 1e9}


def read_touchstone(path: Path) -> Contents:
    """Return frequency (Hz) and ``S11``, ``S21`` … of a Touchstone file, and its noise parameters.

    The noise of a two-port is given against ``noise_frequency``: ``minimum_noise_figure`` (dB),
    ``optimum_reflection`` (complex) and ``noise_resistance`` (in parts of the reference).

    Parameters
    ----------
    path
        The file; its ending, or version 2 itself, says how many ports it is about.

    Raises
    ------
    DamagedFileError
        It is cut short or corrupted, or keeps only half of a symmetric matrix.
    """
    lines = read_lines(path)
    option = next((line for _, line in lines.comments if line.startswith("#")), "# GHz S MA R 50")
    words = option[1:].split("!")[0].lower().split()
    unit = _FREQUENCIES[next((word for word in words if word in _FREQUENCIES), "ghz")]
    form = next((word for word in words if word in ("ma", "db", "ri")), "ma")
    kind = next((word for word in words if word in ("s", "y", "z", "h", "g")), "s").upper()
    with damage(path):
        said, network, noise = _sections([line.split("!")[0] for _, line in lines.body])
        match = re.fullmatch(r"\.s(\d)p", path.suffix.lower())
        ports = int(said.get("number of ports", match[1] if match else "2"))
        if said.get("matrix format", "full").lower() != "full":
            raise DamagedFileError(
                f"{path}: wanted a full matrix, got [Matrix Format] {said['matrix format']}"
            )
        if ports == 2 and not noise:
            network, noise = _without_noise(network)
        if ports == 1 and {len(row) for row in network} == {5}:
            network = [row[:3] for row in network]  # PicoVNA writes a transmission of 0 beside the reflection
        table = _table(path, network, 1 + 2 * ports**2, f"{ports} ports")
        level = _table(path, noise, 5, "noise parameters")
    items = [Item.of("frequency", table[:, 0] * unit, unit="Hz")]
    # Two ports stand as S11 S21 S12 S22 unless version 2 says otherwise, all others row by row.
    by_column = ports == 2 and said.get("two-port data order", "21_12") == "21_12"
    for place in range(ports**2):
        first, second = divmod(place, ports)
        name = f"{kind}{second + 1}{first + 1}" if by_column else f"{kind}{first + 1}{second + 1}"
        values = _complex(table[:, 1 + 2 * place], table[:, 2 + 2 * place], form)
        items.append(Item.of(name, values, unit="1" if kind == "S" else "", along="frequency"))
    if ports == 2:
        items[1:] = sorted(
            items[1:], key=lambda one: not one.name.endswith("21")
        )  # transmission is looked at first
    if level.size:
        items += _noise(level, unit)
    said |= {"option": option, "comment": "\n".join(line for _, line in lines.comments if line[0] == "!")}
    return Contents(kind="a Touchstone file", path=path, items=items, attributes=said)


def _sections(lines: list[str]) -> tuple[dict[str, str], list[list[float]], list[list[float]]]:
    """Return keywords of version 2, and the numbers of each line of network and of noise data."""
    said: dict[str, str] = {}
    network: list[list[float]] = []
    noise: list[list[float]] = []
    into = network
    for line in lines:
        keyword = _KEYWORD.match(line.strip())
        if keyword is None:
            if line.strip():
                into.append([float(word.replace(",", ".")) for word in line.split()])
            continue
        name, rest = keyword[1].lower(), keyword[2].strip()
        said[name] = rest
        if name == "end":
            break
        # What other keywords are followed by, such as the impedances of [Reference], is theirs.
        into = {"network data": network, "noise data": noise}.get(name, [])
    return said, network, noise


def _without_noise(rows: list[list[float]]) -> tuple[list[list[float]], list[list[float]]]:
    """Part the noise data of version 1, five numbers a line, from where the frequency falls back."""
    for place in range(1, len(rows)):
        if len(rows[place]) == 5 and len(rows[place - 1]) != 5 and rows[place][0] <= rows[place - 1][0]:
            return rows[:place], rows[place:]
    return rows, []


def _table(path: Path, rows: list[list[float]], width: int, what: str) -> FloatArray:
    numbers = np.array([number for row in rows for number in row])
    if numbers.size % width or not (numbers.size or width == 5):
        raise DamagedFileError(
            f"{path}: cut short or corrupted: {numbers.size} numbers are no multiple of the {width} of {what}"
        )
    table = np.asarray(numbers.reshape((-1, width)), np.float64)
    if (np.diff(table[:, 0]) <= 0).any():
        raise DamagedFileError(f"{path}: cut short or corrupted: its frequencies do not rise")
    return table


def _noise(table: FloatArray, unit: float) -> list[Item]:
    beside = "noise_frequency"
    reflection = table[:, 2] * np.exp(1j * np.deg2rad(table[:, 3]))
    return [
        Item.of(beside, table[:, 0] * unit, unit="Hz"),
        Item.of("minimum_noise_figure", table[:, 1], unit="dB", along=beside),
        Item.of("optimum_reflection", reflection, unit="1", along=beside),
        Item.of("noise_resistance", table[:, 4], unit="1", along=beside),
    ]


def _complex(first: AnyArray, second: AnyArray, form: str) -> NDArray[np.generic]:
    if form == "ri":
        return np.asarray(first + 1j * second)
    size = 10 ** (first / 20) if form == "db" else first
    return np.asarray(size * np.exp(1j * np.deg2rad(second)))
