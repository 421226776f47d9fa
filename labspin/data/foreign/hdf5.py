"""HDF5 of any program: data sets, fields of compound ones, columns of narrow ones, netCDF-4, MATLAB 7.3.

HDF5 trusts its files, so another process meets each of them first (`labspin.data.nexus.seal.probe`). What a
data set was measured against is taken from dimension scales, from NeXus' ``signal`` and ``axes``, or from the
attribute ``coordinates``. Tables of pandas and logs of Labber are read by `hdf5_tables`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labspin.data.foreign.columns import with_columns
from labspin.data.foreign.hdf5_open import in_use, is_complex, is_in_use, load_dataset, opened
from labspin.data.foreign.source import Contents, Item
from labspin.data.foreign.titles import unit_of
from labspin.data.nexus.seal import check_seal, probe
from labspin.data.plain import plain

if TYPE_CHECKING:
    import h5py

__all__ = ["plain_attributes", "read_hdf5", "unit_in", "walk_foreign"]

_UNITS = ("units", "unit", "Units", "Unit", "UNITS")
_MOST = 20_000  # data sets that are listed


def read_hdf5(path: Path) -> Contents:
    """Return the data sets of an HDF5 file.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    DamagedFileError
        It is cut short or corrupted.
    RunFileError
        Another program has it open for writing.
    """
    if is_in_use(path):
        raise in_use(path)
    if not check_seal(path):
        probe(path, "foreign")
    return walk_foreign(path)


def walk_foreign(path: Path) -> Contents:
    """List the data sets of an HDF5 file that has been tried out already.

    Parameters
    ----------
    path
        HDF5 file.
    """
    from labspin.data.foreign.hdf5_tables import special_items

    with opened(path) as file:
        special, covered = special_items(path, file)
        plain_ones = [item for item in _items(path, file) if not item.name.startswith(covered)]
        attributes = plain_attributes(file.attrs)
    with path.open("rb") as raw:
        kind = "a MATLAB 7.3 file" if raw.read(10) == b"MATLAB 7.3" else "an HDF5 file"
    kind = "a netCDF-4 file" if "_NCProperties" in attributes or path.suffix == ".nc" else kind
    return Contents(kind=kind, path=path, items=with_columns([*special, *plain_ones]), attributes=attributes)


def _items(path: Path, file: h5py.File) -> Iterator[Item]:
    import h5py

    found: list[tuple[str, object]] = []

    def visit(name: str, item: object) -> int | None:
        if isinstance(item, h5py.Dataset) and not name.startswith("#"):
            found.append((name, item))
        return 1 if len(found) >= _MOST else None

    file.visititems(visit)
    for name, item in found:
        yield from _of_dataset(path, "/" + name, item)


def _of_dataset(path: Path, name: str, item: h5py.Dataset) -> Iterator[Item]:
    attributes = plain_attributes(item.attrs)
    unit = unit_in(attributes)
    kind = item.dtype
    if attributes.get("MATLAB_class") in ("char", b"char", "cell", b"cell"):
        return
    if kind.names is not None and not is_complex(kind):
        yield from _fields(path, name, item, attributes)
    elif kind.kind in "biufc" or is_complex(kind):
        shape = item.shape or ()
        if "MATLAB_class" in attributes:
            shape = tuple(length for length in shape if length != 1)  # MATLAB knows no vectors
        yield Item(
            name=name,
            shape=shape,
            dtype="complex128" if is_complex(kind) else str(kind),
            unit=unit,
            along=_along(item, attributes) if len(shape) == 1 else "",
            load=functools.partial(load_dataset, path, name),
            attributes=attributes,
        )


def _fields(path: Path, name: str, item: h5py.Dataset, attributes: dict[str, object]) -> Iterator[Item]:
    from labspin.data.foreign.titles import split_title

    for field in item.dtype.names:
        kind = item.dtype[field]
        if kind.base.kind in "biufc":
            short, unit = split_title(field)
            yield Item(
                name=f"{name}/{short}",
                title=f"{name}/{field}".strip("/"),
                shape=(*(item.shape or ()), *kind.shape),
                dtype=str(kind.base),
                unit=unit,
                load=functools.partial(load_dataset, path, name, field),
                attributes=attributes,
            )


def _along(item: h5py.Dataset, attributes: dict[str, object]) -> str:
    """Return the data set that holds the points at which ``item`` was measured; empty if unknown."""
    try:
        own = item.name
        scales = item.dims[0]
        if len(scales) and scales[0].name and scales[0].name != own:
            return str(scales[0].name)
        group = item.parent
        signal, axes = group.attrs.get("signal"), group.attrs.get("axes")
        if signal is not None and axes is not None:
            names = [axes] if isinstance(axes, (str, bytes)) else list(axes)
            first = _text(names[0]) if len(names) else ""
            if first in group and group[first].name != own and group[first].shape == item.shape:
                return str(group[first].name)
        named = _text(attributes.get("coordinates", "")).split()
        if named and named[0] in group and group[named[0]].name != own:
            return str(group[named[0]].name)
    except (KeyError, RuntimeError, ValueError, TypeError, OSError):
        pass  # what cannot be read names no axis
    return ""


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def unit_in(attributes: dict[str, object]) -> str:
    """Return the unit that attributes say; empty if they say none.

    Parameters
    ----------
    attributes
        Attributes of a data set.
    """
    for key in _UNITS:
        value = attributes.get(key)
        if isinstance(value, (str, bytes)):
            said = _text(value)
            return unit_of(said.partition(" since ")[0])
    return ""


def plain_attributes(attributes: h5py.AttributeManager) -> dict[str, object]:
    """Return those attributes of an HDF5 object that are numbers or text.

    Parameters
    ----------
    attributes
        As h5py gives them.
    """
    found = {}
    for name in attributes:
        try:
            value = attributes[name]
        except (OSError, TypeError, ValueError, RuntimeError, KeyError):
            continue  # an attribute of a kind that h5py cannot read is left out
        if _is_plain(value):
            found[str(name)] = plain(value)
    return found


def _is_plain(value: object) -> bool:
    return isinstance(value, (str, bytes, int, float, complex, np.generic, np.ndarray)) and (
        not isinstance(value, np.ndarray) or value.dtype.kind in "biufcSUO"
    )
