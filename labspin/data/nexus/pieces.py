"""HDF5 in the manner of NeXus, so that silx, NeXpy, H5Web and xarray read it unasked.

The small pieces from which `write` and `fit_groups` build: groups with their class, texts, values with units,
arrays with their axes attached as dimension scales, nested tables; `stored` is the way back. A dimension
scale has to stand in the group that uses it, or xarray cannot open the file.

A run file has hundreds of small data sets, and h5py's comfortable calls take longer over each than HDF5
itself does; so what is made and read here most often goes by its low-level interface, three times faster.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5d, h5ds, h5p, h5s, h5t

from labspin.arrays import AnyArray
from labspin.data.plain import clean_text, to_json
from labspin.data.schema import Dimension

__all__ = [
    "add_array",
    "add_axis",
    "add_group",
    "add_note",
    "add_text",
    "add_tree",
    "add_value",
    "attach",
    "checksummed",
    "chunk_shape",
    "overwrite",
    "overwrite_attribute",
    "set_attribute",
]

TEXT = h5py.string_dtype()
_CHUNK_BYTES = 1 << 22
_SCALAR = h5s.create(h5s.SCALAR)
_TEXT_TYPE = h5t.py_create(TEXT, logical=True)
_UTF8_NAMES = h5p.create(h5p.LINK_CREATE)
_UTF8_NAMES.set_char_encoding(h5t.CSET_UTF8)


def _settings(chunks: tuple[int, ...] | None = None) -> object:
    """Return how a data set is stored: without time stamps, with a checksum where it has chunks."""
    properties = h5p.create(h5p.DATASET_CREATE)
    properties.set_obj_track_times(False)
    if chunks is not None:
        properties.set_chunk(chunks)
        properties.set_fletcher32()
    return properties


_PLAIN = _settings()


def _create(
    parent: h5py.Group, name: str, values: AnyArray, kind: Any = None, chunks: tuple[int, ...] | None = None
) -> h5py.Dataset:
    """Make a data set of ``values``; ``kind`` is its type in HDF5 where NumPy's does not tell."""
    kind = h5t.py_create(values.dtype, logical=True) if kind is None else kind
    space = h5s.create_simple(values.shape) if values.ndim else _SCALAR
    settings = _PLAIN if chunks is None else _settings(chunks)
    made = h5d.create(parent.id, name.encode(), kind, space, settings, _UTF8_NAMES)
    if values.size:
        made.write(h5s.ALL, h5s.ALL, values)
    return h5py.Dataset(made)


def set_attribute(item: h5py.Group | h5py.Dataset, name: str, value: str | bool | float | complex) -> None:
    """Give ``item`` a new attribute that is a text or a number.

    Parameters
    ----------
    item
        Group or data set, open for writing.
    name
        Name of the attribute; ``item`` has none of this name yet.
    value
        Text or number.
    """
    if isinstance(value, str):
        made = h5a.create(item.id, name.encode(), _TEXT_TYPE, _SCALAR)
        made.write(np.array(clean_text(value), TEXT))
    else:
        number = np.array(value)
        h5a.create(item.id, name.encode(), h5t.py_create(number.dtype, logical=True), _SCALAR).write(number)


def add_group(parent: h5py.Group, name: str, nx_class: str, **attributes: str) -> h5py.Group:
    """Make a group of a NeXus class.

    Parameters
    ----------
    parent
        Group that gets the new one.
    name
        Name of the new group.
    nx_class
        NeXus class, such as ``NXcollection``.
    attributes
        Further attributes, all texts.
    """
    group = parent.create_group(name)
    for key, value in {"NX_class": nx_class, **attributes}.items():
        set_attribute(group, key, value)
    return group


def add_text(parent: h5py.Group, name: str, text: str) -> h5py.Dataset:
    """Write one text.

    Parameters
    ----------
    parent
        Group that gets the data set.
    name
        Name of the data set.
    text
        Its text.
    """
    return _create(parent, name, np.array(clean_text(text), TEXT), _TEXT_TYPE)


def add_note(parent: h5py.Group, name: str, text: str, *, kind: str, file_name: str = "") -> h5py.Group:
    """Write a text of a media type, such as a station file, as an NXnote.

    Parameters
    ----------
    parent
        Group that gets the note.
    name
        Name of the note.
    text
        Its content.
    kind
        Media type, such as ``application/json``.
    file_name
        Name of the file that the text comes from; empty if there is none.

    Returns
    -------
        The new NXnote.
    """
    note = add_group(parent, name, "NXnote")
    add_text(note, "type", kind)
    if file_name:
        add_text(note, "file_name", file_name)
    add_text(note, "data", text)
    return note


def add_axis(group: h5py.Group, axis: Dimension) -> h5py.Dataset:
    """Write an axis as a dimension scale, unless ``group`` has it already.

    Parameters
    ----------
    group
        Group that gets the axis.
    axis
        Name, unit and values of the axis.

    Returns
    -------
        Data set of the axis.
    """
    if axis.name in group:
        return group[axis.name]
    dataset = checksummed(group, axis.name, axis.values)
    set_attribute(dataset, "units", axis.unit or "1")
    dataset.make_scale(axis.name)
    return dataset


def checksummed(group: h5py.Group, name: str, values: AnyArray) -> h5py.Dataset:
    """Write an array of numbers with a checksum, so that a flipped bit is found on reading.

    Parameters
    ----------
    group
        Group that gets the array.
    name
        Name of the data set.
    values
        The numbers.
    """
    if not values.ndim or not values.size:
        return _create(group, name, values)
    chunks = chunk_shape(values.shape, values.itemsize)
    return _create(group, name, np.ascontiguousarray(values), chunks=chunks)


def chunk_shape(shape: tuple[int, ...], itemsize: int, *, largest: int | None = None) -> tuple[int, ...]:
    """Return the shape of the chunks in which an array is stored: all of it, or pieces of a few MB.

    Parameters
    ----------
    shape
        Shape of the array.
    itemsize
        Size of one value, bytes.
    largest
        Size of a chunk at most, bytes, but one value at least; None for a few MB.
    """
    largest = _CHUNK_BYTES if largest is None else largest
    return shape if math.prod(shape) * itemsize <= largest else _cut(shape, largest // itemsize)


def _cut(shape: tuple[int, ...], values: int) -> tuple[int, ...]:
    """Return a chunk of at most so many values, and one at least, that is long in the fast directions."""
    left, chunk = max(1, values), []
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
    """Write an array whose axes are dimension scales in the same group.

    Parameters
    ----------
    group
        Group that gets the array.
    name
        Name of the data set.
    values
        Numbers, or texts as an array of objects.
    axes
        Names of the dimension scales, one for each axis of ``values``.
    unit
        Unit of the values.
    description
        Text for people; empty for none.
    """
    if values.dtype.kind == "O":
        dataset = _create(group, name, values.astype(TEXT), _TEXT_TYPE)
    else:
        dataset = checksummed(group, name, values)
    describe(dataset, axes, unit, description)
    return dataset


def describe(dataset: h5py.Dataset, axes: Sequence[str], unit: str, description: str) -> None:
    """Give a data set its unit, its meaning and its axes."""
    if dataset.dtype.kind != "O":
        set_attribute(dataset, "units", unit or "1")
    if description:
        set_attribute(dataset, "long_name", description)
    attach(dataset.parent, dataset.name.rsplit("/", 1)[-1], axes)


def attach(group: h5py.Group, name: str, axes: Sequence[str]) -> None:
    """Attach to a data set its axes, dimension scales in the same group.

    Parameters
    ----------
    group
        Group of the data set and of its axes.
    name
        Name of the data set.
    axes
        Names of the dimension scales, one for each axis; may be empty.
    """
    if axes:
        dataset = h5d.open(group.id, name.encode())
        for place, axis in enumerate(axes):
            h5ds.attach_scale(dataset, h5d.open(group.id, axis.encode()), place)


def overwrite(group: h5py.Group, name: str, value: str | AnyArray) -> None:
    """Replace a text or an array by one of the same type and shape.

    Parameters
    ----------
    group
        Group of the data set.
    name
        Name of the data set.
    value
        New text or array.
    """
    dataset = h5d.open(group.id, name.encode())
    values = np.array(clean_text(value), TEXT) if isinstance(value, str) else np.ascontiguousarray(value)
    if values.size:
        dataset.write(h5s.ALL, h5s.ALL, values.reshape(dataset.shape))


def overwrite_attribute(item: h5py.Group, name: str, value: str | bool | float | complex) -> None:
    """Replace a text or a number in an attribute by one of the same type.

    Parameters
    ----------
    item
        Group or data set that has the attribute.
    name
        Name of the attribute.
    value
        New text or number.
    """
    values = np.array(clean_text(value), TEXT) if isinstance(value, str) else np.array(value)
    h5a.open(item.id, name.encode()).write(values)


def add_value(parent: h5py.Group, name: str, value: object, unit: str = "") -> None:
    """Write one plain value in its own type; what HDF5 cannot hold is written as JSON text.

    Parameters
    ----------
    parent
        Group that gets the value.
    name
        Name of the data set; changed if HDF5 does not allow it or it is taken.
    value
        Plain value.
    unit
        Unit of the value; empty for none.
    """
    name = safe_name(parent, name)
    if isinstance(value, (bool, int, float, complex)):
        dataset = _create(parent, name, np.array(value))
    elif isinstance(value, str):
        dataset = add_text(parent, name, value)
    elif (numbers := _numbers(value)) is not None:
        dataset = checksummed(parent, name, numbers)
        if numbers.ndim == 1:
            dataset.make_scale(name)  # its own axis, so that xarray need not invent one
    else:
        dataset = add_text(parent, name, to_json(value))
        set_attribute(dataset, "media_type", "application/json")
    if unit:
        set_attribute(dataset, "units", unit)


def _numbers(value: object) -> AnyArray | None:
    """Return a numeric array or a list of numbers as an array, anything else as ``None``."""
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind in "biufc" else None
    if isinstance(value, list) and value and all(type(item) in (int, float) for item in value):
        return np.array(value, np.float64)
    return None


def add_tree(
    parent: h5py.Group, name: str, table: Mapping[str, object], nx_class: str = "NXcollection"
) -> h5py.Group:
    """Write a nested table: groups within groups, and values.

    Parameters
    ----------
    parent
        Group that gets the table.
    name
        Name of the new group; changed if HDF5 does not allow it or it is taken.
    table
        Key -> plain value, table, or ``{"value": …, "unit": …}``, which becomes a value with a unit.
    nx_class
        NeXus class of the new group.

    Returns
    -------
        The new group.
    """
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
