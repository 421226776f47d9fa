"""Reading groups, texts, values and arrays of an HDF5 file by a reader that trusts nothing.

The way back from `labspin.data.nexus.pieces`. What is missing, lies outside the file, has another shape, or
claims more than the file can hold, is a damaged file: it is never followed, and never filled up.

A run file has hundreds of small data sets, and h5py's comfortable calls take longer over each than HDF5
itself does; so what is read here most often goes by its low-level interface.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5d, h5l, h5o, h5s, h5t

from labspin.arrays import AnyArray
from labspin.data.plain import from_json
from labspin.errors import DamagedFileError

__all__ = [
    "get_array",
    "get_attributes",
    "get_dataset",
    "get_group",
    "get_json",
    "get_text",
    "has",
    "stored_pieces",
]

# Deflate shrinks at most about 1030 times; a data set that claims more holds nothing or is a trap.
_MAX_EXPANSION = 1100
_SMALL = 1 << 26


def has(parent: h5py.Group, name: str) -> bool:
    """Return whether ``parent`` itself holds ``name``, by a hard link rather than through another file.

    Parameters
    ----------
    parent
        The group.
    name
        Name of a member.
    """
    links, key = parent.id.links, name.encode()
    return bool(links.exists(key)) and links.get_info(key).type == h5l.TYPE_HARD


def _member(parent: h5py.Group, name: str) -> object:
    """Return the low-level identifier of what ``parent`` itself holds under ``name``, or None."""
    return h5o.open(parent.id, name.encode()) if has(parent, name) else None


def get_group(parent: h5py.Group, name: str) -> h5py.Group:
    """Return a group of ``parent``, or raise `DamagedFileError`.

    Parameters
    ----------
    parent
        The group that holds it.
    name
        Its name.
    """
    found = _member(parent, name)
    if not isinstance(found, h5py.h5g.GroupID):
        raise DamagedFileError(f"the group {name!r} is missing in {parent.name!r}")
    return h5py.Group(found)


def get_attributes(parent: h5py.Group, name: str = ".") -> dict[str, Any]:
    """Read the attributes of ``parent``, or of its member ``name``.

    They are texts, numbers and arrays of them; others, by which HDF5 ties axes to data, are left out.

    Parameters
    ----------
    parent
        The group.
    name
        Name of a member; ``"."`` for ``parent`` itself.

    Returns
    -------
        Name -> value.
    """
    item = parent.id if name == "." else _member(parent, name)
    if item is None:
        raise DamagedFileError(f"{name!r} is missing in {parent.name!r}")
    found: dict[str, object] = {}
    for number in range(h5a.get_num_attrs(item)):
        attribute = h5a.open(item, index=number)
        dtype = attribute.dtype
        is_text = h5py.check_string_dtype(dtype) is not None
        if is_text or dtype.kind in "biufc":
            values = np.empty(attribute.shape, dtype)
            attribute.read(values)
            values = _decoded(values) if is_text else values
            found[attribute.name.decode()] = values if values.ndim else values[()]
    return found


def get_dataset(parent: h5py.Group, name: str, *, by_chunk: bool = False) -> Any:
    """Return a data set of ``parent`` that can be read without leaving the file or filling the memory.

    Parameters
    ----------
    parent
        The group that holds it.
    name
        Its name.
    by_chunk
        Whether it is read a chunk at a time: then a chunk, not all of it, must be what the file can hold.

    Returns
    -------
        The low-level `h5py.h5d.DatasetID`.

    Raises
    ------
    DamagedFileError
        It is missing, lies outside the file, or claims more than the file can hold.
    """
    found = _member(parent, name)
    if not isinstance(found, h5d.DatasetID):
        raise DamagedFileError(f"the data set {name!r} is missing in {parent.name!r}")
    stored = found.get_create_plist()
    if stored.get_layout() == h5d.VIRTUAL or stored.get_external_count():
        raise DamagedFileError(f"the data set {name!r} in {parent.name!r} lies outside the file")
    by_chunk = by_chunk and stored.get_layout() == h5d.CHUNKED
    needed = math.prod(stored.get_chunk() if by_chunk else found.shape) * found.dtype.itemsize
    if needed > _SMALL and needed > _MAX_EXPANSION * found.get_storage_size():
        raise DamagedFileError(
            f"the data set {name!r} in {parent.name!r} claims {needed} bytes, which the file does not hold"
        )
    return found


def stored_pieces(group: h5py.Group, descriptor: int) -> Iterator[bytes]:
    """Yield all data sets of ``group`` as they are stored: name, shape, type, then one chunk after the other.

    Texts, and what has no chunks, come as they are read; they are small.

    Parameters
    ----------
    group
        The group whose data sets are read.
    descriptor
        Descriptor of the same file, open for reading: HDF5 says where chunks lie, and does not fetch them.
    """
    for name in group.id:
        dataset = h5d.open(group.id, name)
        kind = dataset.get_type()
        yield name + repr(dataset.shape).encode() + kind.encode()
        is_text = kind.get_class() == h5t.STRING
        if not is_text and dataset.get_create_plist().get_layout() == h5d.CHUNKED:
            chunks: list[Any] = []
            dataset.chunk_iter(chunks.append)
            for chunk in chunks:
                yield repr(chunk.chunk_offset).encode()
                yield os.pread(descriptor, chunk.size, chunk.byte_offset)
        else:
            values = np.empty(dataset.shape, dataset.dtype)
            if values.size:
                dataset.read(h5s.ALL, h5s.ALL, values)
            yield b"\0".join(values.ravel().tolist()) if is_text else values.tobytes()


def get_text(parent: h5py.Group, name: str) -> str:
    """Read one text.

    Parameters
    ----------
    parent
        The group.
    name
        Name of the data set.
    """
    return str(get_array(parent, name, (), "O")[()])


def get_json(parent: h5py.Group, name: str) -> Any:
    """Read one JSON text and return the plain value in it.

    Parameters
    ----------
    parent
        The group.
    name
        Name of the data set.
    """
    return from_json(get_text(parent, name))


def get_array(
    parent: h5py.Group,
    name: str,
    shape: tuple[int, ...] | None = None,
    kinds: Iterable[str] = "biufc",
) -> AnyArray:
    """Read an array and check its shape and its kind of type.

    Parameters
    ----------
    parent
        The group.
    name
        Name of the data set.
    shape
        Shape that it must have; None for any.
    kinds
        Allowed kinds of type, letters of NumPy's ``dtype.kind``; ``O`` for text.
    """
    dataset = get_dataset(parent, name)
    dtype = dataset.dtype
    is_text = h5py.check_string_dtype(dtype) is not None
    if shape is not None and dataset.shape != shape:
        raise DamagedFileError(f"{name!r} in {parent.name!r} has the shape {dataset.shape}, wanted {shape}")
    if ("O" not in kinds) if is_text else (dtype.kind not in kinds):
        raise DamagedFileError(
            f"{name!r} in {parent.name!r} is of the type {dtype}, which does not belong there"
        )
    values = np.empty(dataset.shape, dtype)
    if values.size:
        dataset.read(h5s.ALL, h5s.ALL, values)
    return _decoded(values) if is_text else values


def _decoded(values: AnyArray) -> AnyArray:
    texts = np.empty(values.shape, object)
    texts.reshape(-1)[:] = [(value or b"").decode("utf-8") for value in values.ravel().tolist()]
    return texts
