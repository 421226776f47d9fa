"""Waves of Igor Pro: ``.ibw``, and the waves in a packed experiment or template, ``.pxp`` and ``.pxt``.

A wave knows its own axis: ``wave:x`` is the scale of its rows.
"""

from __future__ import annotations

import functools
import importlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labspin.data.foreign.columns import with_columns
from labspin.data.foreign.source import Contents, Item, damage, need_package
from labspin.data.foreign.titles import split_title, unit_of

__all__ = ["read_igor"]

_SCALE = ":x"
_DEEPEST = 20


def read_igor(path: Path) -> Contents:
    """Return the waves of an Igor file.

    Parameters
    ----------
    path
        The file, ``.ibw``, ``.pxp`` or ``.pxt``.

    Raises
    ------
    DamagedFileError
        It is cut short or corrupted.
    RunFileError
        igor2 is not installed.
    """
    try:
        binary, packed = importlib.import_module("igor2.binarywave"), importlib.import_module("igor2.packed")
    except ImportError as error:
        raise need_package(path, "an Igor file", "igor2") from error
    logging.getLogger("igor2").setLevel(logging.CRITICAL + 1)  # it logs whole waves before it raises
    with damage(path):
        if path.suffix.lower() == ".ibw":
            items = list(_of_wave(binary.load(str(path))["wave"], "", path.stat().st_size))
        else:
            _, tree = packed.load(str(path))
            items = list(_walk(tree.get("root", {}), "", 0, path.stat().st_size))
    return Contents(kind="an Igor file", path=path, items=with_columns(items))


def _walk(folder: Any, prefix: str, depth: int, size: int) -> Iterator[Item]:
    for name, content in folder.items():
        if isinstance(content, dict) and depth < _DEEPEST:
            yield from _walk(content, f"{prefix}{_text(name)}/", depth + 1, size)
        elif type(content).__name__ == "WaveRecord":
            yield from _of_wave(content.wave["wave"], prefix, size)


def _of_wave(wave: Any, prefix: str, size: int) -> Iterator[Item]:
    header, values = wave["wave_header"], np.asarray(wave["wData"])
    if values.dtype.kind not in "biufc" or not values.size:
        return
    if values.nbytes > size:
        raise ValueError(f"a wave claims {values.nbytes} bytes")
    title = prefix + _text(header["bname"])
    head, slash, last = title.rpartition("/")
    short, unit = split_title(last)
    start, step = (float(header[key][0]) if key in header else 0.0 for key in ("sfB", "sfA"))
    if "hsA" in header:  # version 2
        start, step = float(header["hsB"]), float(header["hsA"])
    scaled = values.ndim == 1 and step not in (0.0,) and (start, step) != (0.0, 1.0)
    name = f"{head}{slash}{short}"
    yield Item.of(
        name,
        values.astype(values.dtype.newbyteorder("=")),
        title=title,
        unit=_unit(wave, header, "dataUnits", "data_units") or unit,
        along=name + _SCALE if scaled else "",
        attributes={"note": _text(wave.get("note", b""))[:10_000]} if wave.get("note") else {},
    )
    if scaled:
        x_unit = _unit(wave, header, "dimUnits", "dimension_units") or _unit(wave, header, "xUnits", "")
        load = functools.partial(_scale, start, step, values.size)
        yield Item(name=name + _SCALE, shape=values.shape, unit=x_unit, load=load)


def _scale(start: float, step: float, count: int) -> NDArray[np.generic]:
    return start + step * np.arange(count)


def _unit(wave: Any, header: Any, short: str, extended: str) -> str:
    """Return a unit: short ones stand in the header, those of more than three letters behind the data."""
    said = wave.get(extended) if extended else None
    if not said and short in header:
        said = header[short]
        if isinstance(said, np.ndarray):
            said = said[0] if said.ndim > 1 else said
    if isinstance(said, np.ndarray):
        said = said.tobytes()
    if isinstance(said, (list, tuple)):
        said = said[0] if said else b""
    return unit_of(_text(said)) if said is not None else ""


def _text(value: object) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, (bytes, np.bytes_)) else str(value)
    return text.replace("\0", "").strip()
