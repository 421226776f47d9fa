"""Plain values: what may stand in a journal record or in a JSON text of the run file.

Parameters, snapshots and events come as whatever the drivers and procedures hand over. `plain` turns them
into ``None``, booleans, numbers (complex ones too), text, bytes, numeric arrays, lists and dictionaries with
text keys; what is none of these is kept as its ``repr``, because a record of a failure must never fail
itself. `pack` and `unpack` carry plain values to msgpack bytes and back, `to_json` and `from_json` to JSON
text and back. Both ways back read data only: nothing is evaluated, imported or called.
"""

from __future__ import annotations

import datetime
import enum
import json
import math
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from labspin.errors import DamagedFileError

__all__ = [
    "MAX_DEPTH",
    "clean_text",
    "from_json",
    "pack",
    "packer",
    "plain",
    "to_json",
    "unpack",
    "unpack_each",
]

MAX_DEPTH = 64
_MAX_LIST = 1 << 22
_ARRAY_CODE, _COMPLEX_CODE = 1, 2
_DTYPES = {0: np.dtype("<f8"), 1: np.dtype("<c16"), 2: np.dtype("<i8"), 3: np.dtype("|b1")}
_DTYPE_CODES = {dtype: code for code, dtype in _DTYPES.items()}
_ARRAY_HEAD = struct.Struct("<BB")
_COMPLEX = struct.Struct("<dd")


def clean_text(text: str) -> str:
    """Return ``text`` fit for UTF-8 and HDF5: NUL and lone surrogates become the replacement character.

    Parameters
    ----------
    text
        Any text.
    """
    if text.isascii() and "\0" not in text:
        return str(text)
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def plain(value: object, *, depth: int = 0) -> Any:
    """Return ``value`` converted to plain types; nesting deeper than `MAX_DEPTH` is replaced by text.

    Parameters
    ----------
    value
        Any value.
    depth
        Number of levels that already enclose ``value``.
    """
    if value is None or isinstance(value, (bool, float)):
        return float(value) if isinstance(value, float) else value
    if isinstance(value, str) and not isinstance(value, enum.Enum):
        return clean_text(value)
    if depth >= MAX_DEPTH:
        return clean_text(repr(value)[:1000])
    for types, convert in _CONVERSIONS:
        if isinstance(value, types):
            return convert(value, depth)
    return clean_text(repr(value))


def _plain_integer(value: int, depth: int) -> int | str:
    number = int(value)
    return number if -(1 << 63) <= number < 1 << 63 else str(number)


def _plain_array(value: NDArray[np.generic], depth: int) -> object:
    if value.ndim == 0 or value.dtype.kind not in "biufc":
        return plain(value.tolist(), depth=depth + 1)
    return _portable_array(value)


def _plain_mapping(value: Mapping[object, object], depth: int) -> dict[str, object]:
    return {clean_text(str(key)): plain(item, depth=depth + 1) for key, item in value.items()}


def _plain_list(value: Iterable[object], depth: int) -> list[object]:
    return [plain(item, depth=depth + 1) for item in value]


def _plain_set(value: Iterable[object], depth: int) -> list[object]:
    return _plain_list(sorted(value, key=repr), depth)


_CONVERSIONS: Sequence[tuple[type | tuple[type, ...], Callable[[Any, int], object]]] = (
    (enum.Enum, lambda value, depth: plain(value.value, depth=depth + 1)),
    (int, _plain_integer),
    (np.generic, lambda value, depth: plain(value.item(), depth=depth + 1)),
    (complex, lambda value, _: complex(value)),
    (np.ndarray, _plain_array),
    ((bytes, bytearray, memoryview), lambda value, _: bytes(value)),
    (Mapping, _plain_mapping),
    ((list, tuple), _plain_list),
    ((set, frozenset), _plain_set),
    ((datetime.datetime, datetime.date), lambda value, _: value.isoformat()),
)


def _portable_array(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return ``array`` in one of the four dtypes that the journal knows."""
    kind = array.dtype.kind
    if kind == "u" and array.dtype.itemsize == 8 and array.size and array.max() >= 1 << 63:
        kind = "f"
    wanted = {"b": "|b1", "i": "<i8", "u": "<i8", "f": "<f8", "c": "<c16"}[kind]
    return np.ascontiguousarray(array, dtype=wanted).reshape(array.shape)


def _encode(value: object) -> msgpack.ExtType:
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc" and value.ndim < 32:
        array = _portable_array(value)
        shape = struct.pack(f"<{array.ndim}Q", *array.shape)
        head = _ARRAY_HEAD.pack(_DTYPE_CODES[array.dtype], array.ndim)
        return msgpack.ExtType(_ARRAY_CODE, head + shape + array.tobytes())
    if isinstance(value, complex):
        return msgpack.ExtType(_COMPLEX_CODE, _COMPLEX.pack(value.real, value.imag))
    raise TypeError(f"a {type(value).__name__} is not a plain value")


def packer() -> msgpack.Packer:
    """Return a packer of plain values, to be used by one thread at a time."""
    return msgpack.Packer(default=_encode, use_bin_type=True)


def pack(value: object) -> bytes:
    """Return plain ``value`` as msgpack bytes.

    Parameters
    ----------
    value
        Plain value.
    """
    return bytes(packer().pack(value))


def _decode(code: int, data: bytes) -> complex | NDArray[np.generic]:
    if code == _COMPLEX_CODE:
        return complex(*_COMPLEX.unpack(data))
    if code != _ARRAY_CODE:
        raise ValueError(f"extension type {code} is not known")
    dtype_code, dimensions = _ARRAY_HEAD.unpack_from(data)
    shape = struct.unpack_from(f"<{dimensions}Q", data, _ARRAY_HEAD.size)
    offset = _ARRAY_HEAD.size + 8 * dimensions
    dtype = _DTYPES[dtype_code]
    if dimensions >= 32 or math.prod(shape) * dtype.itemsize != len(data) - offset:
        raise ValueError(f"an array of shape {shape} cannot stand in {len(data) - offset} bytes")
    return np.frombuffer(data, dtype, offset=offset).reshape(shape)


def unpack(data: bytes) -> Any:
    """Return the plain value in ``data``.

    Parameters
    ----------
    data
        The bytes that `pack` returned.

    Raises
    ------
    DamagedFileError
        ``data`` is not msgpack, or not of the kind that `pack` writes.
    """
    return unpack_each([data])[0]


def unpack_each(payloads: Sequence[bytes]) -> list[Any]:
    """Return the plain values in ``payloads``, one in each; the errors are those of `unpack`.

    Parameters
    ----------
    payloads
        What `pack` returned, for several values.
    """
    data = b"".join(payloads)
    unpacker = msgpack.Unpacker(
        ext_hook=_decode,
        max_buffer_size=max(len(data), 1),
        max_array_len=min(len(data), _MAX_LIST),
        max_map_len=min(len(data), _MAX_LIST),
    )
    try:
        unpacker.feed(data)
        values = list(unpacker)
    except (ValueError, TypeError, KeyError, struct.error, OverflowError, MemoryError) as error:
        raise DamagedFileError(f"a record cannot be decoded: {error or type(error).__name__}") from error
    except (msgpack.exceptions.UnpackException, RecursionError) as error:
        raise DamagedFileError(f"a record cannot be decoded: {error or type(error).__name__}") from error
    if len(values) != len(payloads) or unpacker.tell() != len(data):
        raise DamagedFileError("a record holds more or less than one value")
    return values


def to_json(value: object, *, indent: int | None = None) -> str:
    """Return plain ``value`` as strict JSON; what JSON lacks is tagged (``$complex``, ``$array`` …).

    Parameters
    ----------
    value
        Value; it is converted by `plain` first.
    indent
        Spaces for each level; None for one line.
    """
    return json.dumps(_tag(plain(value)), ensure_ascii=False, allow_nan=False, indent=indent)


def _tag(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": repr(value)}
    if isinstance(value, complex):
        return {"$complex": [_tag(value.real), _tag(value.imag)]}
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    if isinstance(value, np.ndarray):
        items = [_tag(item) for item in value.ravel().tolist()]
        return {"$array": {"dtype": value.dtype.str, "shape": list(value.shape), "items": items}}
    if isinstance(value, list):
        return [_tag(item) for item in value]
    if isinstance(value, dict):
        tagged = {key: _tag(item) for key, item in value.items()}
        return {"$dict": list(tagged.items())} if any(key[:1] == "$" for key in tagged) else tagged
    return value


def from_json(text: str) -> Any:
    """Return the plain value that `to_json` wrote; what another program wrote into it is made plain, too.

    Parameters
    ----------
    text
        JSON text that `to_json` wrote.

    Raises
    ------
    DamagedFileError
        ``text`` is not JSON, or a tag is not of the kind that `to_json` writes.
    """
    try:
        return plain(_untag(json.loads(text)))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise DamagedFileError(f"a JSON text cannot be read: {error or type(error).__name__}") from error


def _untag(value: object) -> Any:
    if isinstance(value, list):
        return [_untag(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (tag, content), *_ = value.items()
        if tag in _TAGS:
            return _TAGS[tag](content)
    return {key: _untag(item) for key, item in value.items()}


def _untag_array(content: dict[str, Any]) -> NDArray[np.generic]:
    dtype = np.dtype(str(content["dtype"]))
    if dtype not in _DTYPE_CODES:
        raise ValueError(f"an array of type {dtype} is not known")
    return np.array([_untag(item) for item in content["items"]], dtype).reshape(content["shape"])


def _untag_float(content: str) -> float:
    return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[content]


_TAGS: Mapping[str, Callable[[Any], object]] = {
    "$float": _untag_float,
    "$complex": lambda content: complex(*(_untag(part) for part in content)),
    "$bytes": bytes.fromhex,
    "$array": _untag_array,
    "$dict": lambda content: {str(key): _untag(item) for key, item in content},
}
