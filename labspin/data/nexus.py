"""HDF5 in the manner of NeXus, so that silx, NeXpy, H5Web and xarray read it unasked.

The small pieces from which `nexus_write` and `nexus_fits` build: groups with their class, texts, values with
units, arrays with their axes attached as dimension scales, nested tables; and the way back for a reader that
trusts nothing. A dimension scale has to stand in the group that uses it, or xarray cannot open the file.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from labspin.data.plain import clean_text, from_json, to_json
from labspin.data.schema import Dimension
from labspin.errors import DamagedFileError

__all__ = [
    "add_array",
    "add_axis",
    "add_group",
    "add_note",
    "add_text",
    "add_tree",
    "add_value",
    "get_array",
    "get_group",
    "get_json",
    "get_text",
    "has",
]

AnyArray = NDArray[Any]
TEXT = h5py.string_dtype()
_CHUNK_BYTES = 1 << 22
# Deflate shrinks at most about 1030 times; a data set that claims more holds nothing or is a trap.
_MAX_EXPANSION = 1100
_SMALL = 1 << 26


def add_group(parent: h5py.Group, name: str, nx_class: str, **attributes: str) -> h5py.Group:
    """Make a group of a NeXus class."""
    group = parent.create_group(name)
    group.attrs["NX_class"] = nx_class
    for key, value in attributes.items():
        group.attrs[key] = value
    return group


def add_text(parent: h5py.Group, name: str, text: str) -> h5py.Dataset:
    """Write one text."""
    return parent.create_dataset(name, data=clean_text(text), dtype=TEXT)


def add_note(parent: h5py.Group, name: str, text: str, *, kind: str, file_name: str = "") -> h5py.Group:
    """Write a text of a media type, such as a station file, as an NXnote."""
    note = add_group(parent, name, "NXnote")
    add_text(note, "type", kind)
    if file_name:
        add_text(note, "file_name", file_name)
    add_text(note, "data", text)
    return note


def add_axis(group: h5py.Group, axis: Dimension) -> h5py.Dataset:
    """Write an axis as a dimension scale, once."""
    if axis.name in group:
        return group[axis.name]
    dataset = group.create_dataset(axis.name, data=axis.values, **_checksummed(axis.values))
    dataset.attrs["units"] = axis.unit or "1"
    dataset.make_scale(axis.name)
    return dataset


def _checksummed(values: AnyArray, chunks: tuple[int, ...] | None = None) -> dict[str, Any]:
    """Return how an array is stored: with a checksum, so that a flipped bit is found on reading."""
    if not values.ndim or not values.size or values.dtype.kind == "O":
        return {}
    if chunks is None:
        chunks = values.shape if values.nbytes <= _CHUNK_BYTES else _cut(values.shape, values.itemsize)
    return {"chunks": chunks, "fletcher32": True}


def _cut(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Return a chunk of at most a few MB that is long in the fast directions."""
    left, chunk = max(1, _CHUNK_BYTES // itemsize), []
    for length in reversed(shape):
        chunk.append(min(length, left))
        left = max(1, left // length)
    return tuple(reversed(chunk))


def add_array(
    group: h5py.Group,
    name: str,
    values: AnyArray,
    axes: Sequence[str],
    unit: str = "1",
    description: str = "",
) -> h5py.Dataset:
    """Write an array whose axes are dimension scales in the same group."""
    if values.dtype.kind == "O":
        dataset = group.create_dataset(name, values.shape, TEXT)
        if values.size:
            dataset[...] = values
    else:
        dataset = group.create_dataset(name, data=values, **_checksummed(values))
    describe(dataset, axes, unit, description)
    return dataset


def describe(dataset: h5py.Dataset, axes: Sequence[str], unit: str, description: str) -> None:
    """Give a data set its unit, its meaning and its axes."""
    if dataset.dtype.kind != "O":
        dataset.attrs["units"] = unit or "1"
    if description:
        dataset.attrs["long_name"] = clean_text(description)
    for place, axis in enumerate(axes):
        dataset.dims[place].attach_scale(dataset.parent[axis])


def add_value(parent: h5py.Group, name: str, value: Any, unit: str = "") -> None:
    """Write one plain value as what it is; what HDF5 cannot hold goes as JSON text."""
    name = safe_name(parent, name)
    if isinstance(value, (bool, int, float, complex)):
        dataset = parent.create_dataset(name, data=value)
    elif isinstance(value, str):
        dataset = add_text(parent, name, value)
    elif (numbers := _numbers(value)) is not None:
        dataset = parent.create_dataset(name, data=numbers, **_checksummed(numbers))
        if numbers.ndim == 1:
            dataset.make_scale(name)  # its own axis, so that xarray need not invent one
    else:
        dataset = add_text(parent, name, to_json(value))
        dataset.attrs["media_type"] = "application/json"
    if unit:
        dataset.attrs["units"] = unit


def _numbers(value: Any) -> AnyArray | None:
    """Return a numeric array or a list of numbers as an array, anything else as ``None``."""
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind in "biufc" else None
    if isinstance(value, list) and value and all(type(item) in (int, float) for item in value):
        return np.array(value, np.float64)
    return None


def add_tree(
    parent: h5py.Group, name: str, table: Mapping[str, Any], nx_class: str = "NXcollection"
) -> h5py.Group:
    """Write a nested table: groups within groups, and values."""
    group = add_group(parent, safe_name(parent, name), nx_class)
    for key, value in table.items():
        if isinstance(value, dict) and set(value) == {"value", "unit"} and isinstance(value["unit"], str):
            add_value(group, key, value["value"], value["unit"])
        elif isinstance(value, dict):
            add_tree(group, key, value)
        else:
            add_value(group, key, value)
    return group


def safe_name(parent: h5py.Group, name: str) -> str:
    """Return ``name`` as HDF5 can take it in ``parent``."""
    base = clean_text(name).replace("/", "_").strip(".") or "_"
    unique, number = base, 1
    while unique in parent:
        number += 1
        unique = f"{base}_{number}"
    return unique


def has(parent: h5py.Group, name: str) -> bool:
    """Return whether ``parent`` itself holds ``name``, by a hard link rather than through another file."""
    return isinstance(parent.get(name, getlink=True), h5py.HardLink)


def get_group(parent: h5py.Group, name: str) -> h5py.Group:
    """Return a group of ``parent``, or raise `DamagedFileError`."""
    found = parent[name] if has(parent, name) else None
    if not isinstance(found, h5py.Group):
        raise DamagedFileError(f"the group {name!r} is missing in {parent.name!r}")
    return found


def get_dataset(parent: h5py.Group, name: str) -> h5py.Dataset:
    """Return a data set of ``parent`` that can be read without leaving the file or filling the memory."""
    found = parent[name] if has(parent, name) else None
    if not isinstance(found, h5py.Dataset):
        raise DamagedFileError(f"the data set {name!r} is missing in {parent.name!r}")
    if found.external or found.is_virtual:
        raise DamagedFileError(f"the data set {found.name!r} lies outside the file")
    needed = math.prod(found.shape or ()) * found.dtype.itemsize
    if needed > _SMALL and needed > _MAX_EXPANSION * found.id.get_storage_size():
        raise DamagedFileError(
            f"the data set {found.name!r} claims {needed} bytes, which the file does not hold"
        )
    return found


def get_text(parent: h5py.Group, name: str) -> str:
    """Read one text."""
    value = get_dataset(parent, name)[()]
    if not isinstance(value, bytes):
        raise DamagedFileError(f"{name!r} in {parent.name!r} is not a text")
    return value.decode("utf-8")


def get_json(parent: h5py.Group, name: str) -> Any:
    """Read one JSON text."""
    return from_json(get_text(parent, name))


def get_array(
    parent: h5py.Group, name: str, shape: tuple[int, ...] | None = None, kinds: Iterable[str] = "biufc"
) -> AnyArray:
    """Read an array of a shape and of the kinds of type (``O``: text) that are wanted."""
    dataset = get_dataset(parent, name)
    is_text = h5py.check_string_dtype(dataset.dtype) is not None
    if shape is not None and dataset.shape != shape:
        raise DamagedFileError(f"{dataset.name!r} has the shape {dataset.shape}, wanted {shape}")
    if ("O" not in kinds) if is_text else (dataset.dtype.kind not in kinds):
        raise DamagedFileError(
            f"{dataset.name!r} is of the type {dataset.dtype}, which does not belong there"
        )
    values = dataset.asstr()[()] if is_text else dataset[()]
    return np.asarray(values, dtype=object if is_text else None)
