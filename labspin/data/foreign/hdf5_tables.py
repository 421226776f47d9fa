"""HDF5 with a layout of its own: logs of Labber, tables of pandas, streams of Zurich Instruments.

Names of columns that pandas pickles are read from the pickle's text, which is never loaded.
"""

from __future__ import annotations

import functools
import pickletools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labspin.data.foreign.hdf5_open import load_dataset
from labspin.data.foreign.source import Item
from labspin.data.foreign.titles import split_title, unit_of

if TYPE_CHECKING:
    import h5py

__all__ = ["special_items"]

_LABONE = re.compile(r"^(?:\d{3}/)?dev\d+/", re.IGNORECASE)
_LABONE_UNITS = {"frequency": "Hz", "r": "V", "x": "V", "y": "V", "phase": "rad", "grid": "", "auxin0": "V",
                 "auxin1": "V", "bandwidth": "Hz", "tc": "s", "settling": "s"}  # fmt: skip


def special_items(path: Path, file: h5py.File) -> tuple[list[Item], tuple[str, ...]]:
    """Return the items of layouts that are known, and the beginnings of names that they cover.

    Parameters
    ----------
    path, file
        The file, and the same open.

    Returns
    -------
    items, covered
    """
    items: list[Item] = []
    covered: list[str] = []
    if "Data/Data" in file and "Data/Channel names" in file:
        items += _labber(path, file)
        covered += ["/Data/", "/Channels", "/Log list", "/Step list"]
    for name in [name for name in file if not _LABONE.match(f"{name}/x")][:1000]:
        if _is_group(file, name) and "block0_items" in file[name] and "block0_values" in file[name]:
            items += _frame(path, file, name)
            covered.append(f"/{name}/")
        elif _is_group(file, name) and "table" in file[name] and file[f"{name}/table"].dtype.names:
            items += _pandas_table(path, file, name)
            covered.append(f"/{name}/")
    if any(re.fullmatch(r"\d{3}|dev\d+", name, re.IGNORECASE) for name in file):
        found = list(_labone(path, file))
        items += found
        covered += ["/000/", "/dev"] if found else []
    return items, tuple(covered)


def _is_group(file: h5py.File, name: str) -> bool:
    import h5py

    return isinstance(file.get(name), h5py.Group)


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


# -- Labber ------------------------------------------------------------------------------------------------


def _labber(path: Path, file: h5py.File) -> Iterator[Item]:
    """Yield the channels of a log: columns of ``Data/Data``, of shape (steps, channels, sweeps)."""
    names = [(_text(row["name"]), _text(row["info"])) for row in file["Data/Channel names"][()]]
    units = {}
    if "Channels" in file and file["Channels"].dtype.names and "unitPhys" in file["Channels"].dtype.names:
        units = {_text(row["name"]): _text(row["unitPhys"]) for row in file["Channels"][()]}
    steps = [_text(row[0]) for row in file["Step list"][()]] if "Step list" in file else []
    steps = [name for name in steps if name in [channel for channel, _ in names]]
    rows, channels, sweeps = file["Data/Data"].shape
    shape = (rows,) if sweeps == 1 else (rows, sweeps)
    for place, (name, info) in enumerate(names[:channels]):
        if info == "Imaginary":
            continue
        imaginary = (
            names.index((name, "Imaginary")) if info == "Real" and (name, "Imaginary") in names else None
        )
        yield Item(
            name=name,
            shape=shape,
            dtype="float64" if imaginary is None else "complex128",
            unit=unit_of(units.get(name, "")),
            along=steps[0] if steps and name not in steps and sweeps == 1 else "",
            load=functools.partial(_labber_values, path, place, imaginary),
        )


def _labber_values(path: Path, real: int, imaginary: int | None) -> NDArray[np.generic]:
    values = load_dataset(path, "Data/Data")
    found = values[:, real, :] if imaginary is None else values[:, real, :] + 1j * values[:, imaginary, :]
    return found[:, 0] if found.shape[1] == 1 else found


# -- pandas ------------------------------------------------------------------------------------------------


def _frame(path: Path, file: h5py.File, name: str) -> Iterator[Item]:
    """Yield the columns of a frame in pandas' format "fixed"."""
    group = file[name]
    if "axis1" in group and group["axis1"].dtype.kind in "iuf":
        yield _column(path, f"{name}/axis1", None, f"/{name}/index", group["axis1"].shape[0], "")
    place = 0
    while f"block{place}_items" in group and f"block{place}_values" in group:
        values = group[f"block{place}_values"]
        titles = [_text(title) for title in np.atleast_1d(group[f"block{place}_items"][()])]
        if values.dtype.kind in "biufc" and values.ndim == 2 and values.shape[1] == len(titles):
            for column, title in enumerate(titles):
                source = f"{name}/block{place}_values"
                yield _column(path, source, column, f"/{name}/{title}", values.shape[0], title)
        place += 1


def _pandas_table(path: Path, file: h5py.File, name: str) -> Iterator[Item]:
    """Yield the columns of a frame in pandas' format "table"."""
    table = file[f"{name}/table"]
    for field in table.dtype.names:
        kind = table.dtype[field]
        if kind.base.kind not in "biufc":
            continue
        titles = _pickled_words(table.attrs.get(f"{field}_kind")) if kind.shape else []
        if kind.shape and len(titles) == kind.shape[-1]:
            for column, title in enumerate(titles):
                yield _column(path, f"{name}/table", column, f"/{name}/{title}", table.shape[0], title, field)
        elif kind.shape in ((), (1,)):
            place = 0 if kind.shape else None
            yield _column(path, f"{name}/table", place, f"/{name}/{field}", table.shape[0], field, field)
        else:
            for column in range(kind.shape[-1]):
                title = f"{field}[{column}]"
                yield _column(path, f"{name}/table", column, f"/{name}/{title}", table.shape[0], title, field)


def _column(
    path: Path, source: str, place: int | None, name: str, rows: int, title: str, field: str = ""
) -> Item:
    head, _, last = name.rpartition("/")
    short, unit = split_title(last)
    return Item(
        name=f"{head}/{short}",
        title=title,
        shape=(rows,),
        unit=unit,
        load=functools.partial(_column_values, path, source, place, field),
    )


def _column_values(path: Path, source: str, place: int | None, field: str) -> NDArray[np.generic]:
    values = load_dataset(path, source, field)
    return values if place is None else values[:, place]


def _pickled_words(pickled: object) -> list[str]:
    """Return the texts in a pickled list of names, by its opcodes alone: nothing is built, nothing is run."""
    if isinstance(pickled, str):
        pickled = pickled.encode("latin-1", "replace")
    if not isinstance(pickled, (bytes, np.bytes_)) or len(pickled) > 1 << 20:
        return []
    try:
        return [str(word) for code, word, _ in pickletools.genops(bytes(pickled)) if "UNICODE" in code.name]
    except (ValueError, KeyError, IndexError):
        return []


# -- Zurich Instruments ------------------------------------------------------------------------------------


def _labone(path: Path, file: h5py.File) -> Iterator[Item]:
    """Yield what LabOne stored: ``000/dev…/demods/0/sample/x`` with the units of a demodulator."""
    names: list[str] = []
    file.visit(lambda name: names.append(name) if len(names) < 20_000 else None)
    order = {leaf: place for place, leaf in enumerate(_LABONE_UNITS)}
    for name in sorted(names, key=lambda name: order.get(name.rpartition("/")[2], len(order))):
        item = file[name]
        if not _LABONE.match(name) or not hasattr(item, "dtype") or item.dtype.kind not in "biuf":
            continue
        leaf = name.rpartition("/")[2]
        beside = f"{name.rpartition('/')[0]}/frequency"
        swept = "/sample/" in name and beside in file and beside != name
        swept = swept and file[beside].shape == item.shape and f"{name.rpartition('/')[0]}/grid" in file
        yield Item(
            name="/" + name,
            shape=item.shape,
            dtype=str(item.dtype),
            unit=_LABONE_UNITS.get(leaf, "V" if leaf in ("value",) else ""),
            along="/" + beside if swept and item.ndim == 1 else "",
            load=functools.partial(load_dataset, path, name),
        )
