"""Spectra of Bruker's spectrometers for electron spins (BES3T): ``.DSC`` describes the data in ``.DTA``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labspin.data.foreign.source import Contents, Item, damage, whole
from labspin.data.foreign.titles import unit_of
from labspin.data.journal.layout import require_plain_file
from labspin.errors import RunFileError

__all__ = ["read_bes3t"]

_TYPES = {"C": "i1", "S": "i2", "I": "i4", "F": "f4", "D": "f8"}


def read_bes3t(path: Path) -> Contents:
    """Return a spectrum against its axis, complex where it is; a second axis makes rows.

    Parameters
    ----------
    path
        Either file of the pair.

    Raises
    ------
    DamagedFileError
        One of them is cut short or corrupted.
    RunFileError
        The other file of the pair is missing.
    """
    descriptor, data = _beside(path, ".dsc"), _beside(path, ".dta")
    with damage(path):
        lines = (line.split(None, 1) for line in whole(descriptor).decode("latin-1").splitlines())
        said = {pair[0]: pair[1].strip(" '") for pair in lines if len(pair) == 2 and pair[0].isalnum()}
        order = {"BIG": ">", "LIT": "<"}[said.get("BSEQ", "BIG")]
        kind = np.dtype(order + _TYPES[said.get("IRFMT", "D").partition(",")[0]])
        parts = 2 if said.get("IKKF", "REAL").startswith("CPLX") else 1
        size, rows = int(said["XPTS"]), int(said["YPTS"]) if said.get("YTYP", "NODATA") != "NODATA" else 1
        content = whole(data)
        needed = size * rows * parts * kind.itemsize
        if size < 1 or rows < 1 or len(content) < needed:
            raise ValueError(f"{rows}×{size} numbers need {needed} bytes, there are {len(content)}")
        raw = np.frombuffer(content, kind, size * rows * parts).astype(np.float64)
        values: NDArray[np.generic] = raw[0::2] + 1j * raw[1::2] if parts == 2 else raw
        axes = [_axis(descriptor, said, "X", size)] + (
            [_axis(descriptor, said, "Y", rows)] if rows > 1 else []
        )
    values = values.reshape(rows, size) if rows > 1 else values
    name = said.get("IRNAM", "").partition(",")[0].strip("' ") or "intensity"
    unit = unit_of(said.get("IRUNI", "").partition(",")[0].strip("' "))
    y = Item.of(name, values, unit=unit, along=axes[0].name if rows == 1 else "")
    return Contents(kind="a spectrum of Bruker", path=path, items=[*axes, y], attributes=said)


def _axis(descriptor: Path, said: dict[str, str], letter: str, size: int) -> Item:
    name = said.get(f"{letter}NAM", "").strip("' ") or letter.lower()
    unit = unit_of(said.get(f"{letter}UNI", "").strip("' "))
    if said.get(f"{letter}TYP", "IDX") == "IGD":  # places of its own, in a file of their own
        order = ">" if said.get("BSEQ", "BIG") == "BIG" else "<"
        kind = np.dtype(order + _TYPES[said.get(f"{letter}FMT", "D")])
        values = np.frombuffer(whole(_beside(descriptor, f".{letter.lower()}gf")), kind, size)
        return Item.of(name, values.astype(np.float64), unit=unit)
    first, width = float(said[f"{letter}MIN"]), float(said[f"{letter}WID"])
    return Item.of(name, first + width * np.arange(size) / max(size - 1, 1), unit=unit)


def _beside(path: Path, ending: str) -> Path:
    """Return the file of that ending, in letters of either size."""
    found = [one for one in (path.with_suffix(ending), path.with_suffix(ending.upper())) if one.exists()]
    if not found:
        wanted = path.with_suffix(ending.upper())
        raise RunFileError(f"{path}: belongs to {wanted.name}, which is not beside it; copy both files")
    require_plain_file(found[0])
    return found[0]
