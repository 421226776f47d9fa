"""Spectra of Princeton Instruments, ``.spe``: WinSpec's header, or LightField's XML behind the data."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labspin.data.foreign.columns import with_columns
from labspin.data.foreign.source import Contents, Item, damage, whole

__all__ = ["is_winspec", "read_winspec"]

_HEAD = 4100
_TYPES = {0: "<f4", 1: "<i4", 2: "<i2", 3: "<u2", 5: "<f8", 6: "u1", 8: "<u4"}
_UNITS = {3: "nm", 4: "nm", 5: "1/cm", 6: "1/cm", 8: "eV", 9: "1"}
_WAVELENGTHS = re.compile(rb"<Wavelength[^<>]*>([-+0-9.eE,\s]+)</Wavelength>")


def is_winspec(head: bytes) -> bool:
    """Return whether a file has the marks of a header by WinSpec or LightField.

    Parameters
    ----------
    head
        Its first 4100 bytes.
    """
    return len(head) >= _HEAD and (
        _at(head, 2992, "<i")[0] == 0x01234567 or _at(head, 4098, "<h")[0] == 0x5555
    )


def _at(head: bytes, place: int, form: str) -> tuple[Any, ...]:
    return struct.unpack_from(form, head, place)


def read_winspec(path: Path) -> Contents:
    """Return the frames of a ``.spe`` file: ``intensity`` against ``wavelength``, or against ``pixel``.

    Of a frame with several rows, the rows stand apart; several frames are ``intensity[frame, …]``.

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
        content = whole(path)
        if len(content) < _HEAD:
            raise ValueError(f"its header needs {_HEAD} bytes, there are {len(content)}")
        width, height = _at(content, 42, "<H")[0], _at(content, 656, "<H")[0]
        frames = max(_at(content, 1446, "<i")[0], 1)
        kind = _TYPES.get(_at(content, 108, "<h")[0])
        version = _at(content, 1992, "<f")[0]
        if kind is None or not width or not height:
            raise ValueError(f"{width}×{height} numbers of an unknown type")
        needed = width * height * frames * np.dtype(kind).itemsize
        footer = _at(content, 678, "<Q")[0] if version >= 3 else 0
        there = (footer if 0 < footer <= len(content) else len(content)) - _HEAD
        if needed > there:
            raise ValueError(
                f"its {frames} frames of {width}×{height} need {needed} bytes, there are {there}"
            )
        values = np.frombuffer(content, kind, width * height * frames, offset=_HEAD).astype(np.float64)
        axis = _axis(content, width, footer)
    values = values.reshape((frames, height, width)).squeeze()
    shape_is_plain = values.ndim == 1
    items = [axis, Item.of("intensity", values, unit="1", along=axis.name if shape_is_plain else "")]
    said = {"exposure_s": float(_at(content, 10, "<f")[0]), "date": _words(content[20:30]),
            "frames": frames, "comment": _words(content[200:600]), "version": float(version)}  # fmt: skip
    return Contents(kind="a spectrum of WinSpec", path=path, items=with_columns(items), attributes=said)


def _words(raw: bytes) -> str:
    return raw.replace(b"\0", b" ").decode("latin-1").strip()


def _axis(content: bytes, width: int, footer: int) -> Item:
    if 0 < footer < len(content) and (match := _WAVELENGTHS.search(content, footer)):
        found = np.array([float(word) for word in match[1].split(b",")])
        if found.shape == (width,):
            return Item.of("wavelength", found, unit="nm")
    order = content[3101]
    if content[3098] and order <= 5:
        coefficients = np.array(_at(content, 3263, "<6d"))[: order + 1]
        pixels: NDArray[np.generic] = np.arange(1.0, width + 1)
        values = np.polynomial.polynomial.polyval(pixels, coefficients)
        if np.isfinite(values).all() and np.ptp(values) > 0:
            unit = _UNITS.get(content[3100], "nm")
            name = {"nm": "wavelength", "1/cm": "wavenumber", "eV": "energy"}.get(unit, "pixel")
            return Item.of(name, values, unit=unit)
    return Item.of("pixel", np.arange(1.0, width + 1))
