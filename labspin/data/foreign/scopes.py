"""Binary traces of oscilloscopes: LeCroy's ``.trc`` and the ``.bin`` of Agilent and Keysight.

LeCroy: a block WAVEDESC by the template LECROY_2_3, then 8- or 16-bit numbers; y = gain · number − offset.
Keysight: a header for each waveform and for each of its buffers of 32-bit floats.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labspin.data.foreign.source import Contents, Item, damage, whole
from labspin.data.foreign.titles import unit_of

__all__ = ["read_keysight", "read_lecroy"]

_DESCRIPTOR = 346
_UNITS = {1: "V", 2: "s", 3: "1", 4: "A", 5: "dB", 6: "Hz"}
_WAVEFORM, _BUFFER = "<5ifdddii16s16s24s16sdI", "<ihhi"


def read_lecroy(path: Path) -> Contents:
    """Return the trace of a ``.trc`` file: its channel against ``time``; segments are rows.

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
        begin = content.index(b"WAVEDESC")
        order = "<" if struct.unpack_from("<h", content, begin + 34)[0] else ">"

        def at(place: int, form: str) -> Any:
            return struct.unpack_from(order + form, content, begin + place)[0]

        kind = np.dtype(f"{order}i2" if at(32, "h") else "i1")
        lengths = [at(place, "i") for place in (36, 40, 48, 52)]  # descriptor, text, trigger and RIS times
        size, segments = at(60, "i"), max(at(144, "i"), 1)
        if lengths[0] < _DESCRIPTOR or min(lengths) < 0 or size < 0:
            raise ValueError("the lengths of its blocks make no sense")
        data = begin + sum(lengths)
        if len(content) < data + size:
            raise ValueError(f"its trace needs {size} bytes, there are {max(len(content) - data, 0)}")
        raw = np.frombuffer(content, kind, size // kind.itemsize, offset=data).astype(np.float64)
        values = at(156, "f") * raw - at(160, "f")
        if segments > 1 and values.size % segments == 0:
            values = values.reshape(segments, -1)
        time = at(180, "d") + at(176, "f") * np.arange(values.shape[-1])
        units = [unit_of(_words(content[begin + place : begin + place + 48])) for place in (196, 244)]
        channel = at(344, "h")
    name = f"C{channel + 1}" if 0 <= channel < 8 else "trace"
    said = {"instrument": _words(content[begin + 76 : begin + 92]), "segments": segments}
    x = Item.of("time", time, unit=_SPELT.get(units[1], units[1]) or "s")
    y = Item.of(name, values, unit=units[0], along="time" if values.ndim == 1 else "")
    return Contents(kind="a trace of a LeCroy oscilloscope", path=path, items=[x, y], attributes=said)


_SPELT = {"S": "s"}


def _words(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("latin-1").strip()


def read_keysight(path: Path) -> Contents:
    """Return the waveforms of a ``.bin`` file, each against a time of its own where they differ.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    DamagedFileError
        It is cut short or corrupted.
    """
    items: list[Item] = []
    with damage(path):
        content = whole(path)
        _, version, _, count = struct.unpack_from("<2s2sii", content, 0)
        if version not in (b"10", b"01"):
            raise ValueError(f"version {version!r} of the format is not known; save the trace as CSV")
        place, axes = 12, dict[bytes, str]()
        for number in range(count):
            place = _waveform(content, place, number, items, axes)
    return Contents(kind="traces of a Keysight oscilloscope", path=path, items=items)


def _waveform(content: bytes, place: int, number: int, items: list[Item], axes: dict[bytes, str]) -> int:
    """Append a waveform and, if it is a new one, its axis; return where the next begins."""
    head = struct.unpack_from(_WAVEFORM, content, place)
    buffers, points, step, origin, x_unit, y_unit = head[2], head[3], *head[7:11]
    name = _words(head[14]) or f"waveform {number + 1}"
    place += head[0]
    place, values = _buffer(content, place)
    for _ in range(buffers - 1):  # the least and the largest of a peak detection
        place, _more = _buffer(content, place)
    axis = origin + step * np.arange(values.size)
    key = axis.tobytes()
    if key not in axes:
        known = {1: "level", 2: "time", 6: "frequency"}.get(x_unit, "x")
        axes[key] = known if not axes else f"{name}:{known}"
        items.append(Item.of(axes[key], axis, unit=_UNITS.get(x_unit, "")))
    if values.size != points:
        raise ValueError(f"{name}: its header says {points} points, there are {values.size}")
    items.append(Item.of(name, values, unit=_UNITS.get(y_unit, ""), along=axes[key]))
    return place


def _buffer(content: bytes, place: int) -> tuple[int, NDArray[np.float64]]:
    size, _, width, length = struct.unpack_from(_BUFFER, content, place)
    kind = {4: "<f4", 1: "u1"}.get(width)
    if kind is None or length < 0 or len(content) < place + size + length:
        raise ValueError(f"a buffer of {length} bytes, {width} a point, that is not there")
    values = np.frombuffer(content, kind, length // width, offset=place + size).astype(np.float64)
    return place + size + length, values
