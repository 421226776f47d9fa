"""Files of NumPy: ``.npy`` and ``.npz``. Objects in them are pickles and are never loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labspin.arrays import AnyArray
from labspin.data.foreign.archives import refuse_bomb
from labspin.data.foreign.columns import with_columns
from labspin.data.foreign.source import Contents, Item, damage
from labspin.data.foreign.titles import split_title
from labspin.errors import DamagedFileError

if TYPE_CHECKING:
    from numpy.lib.npyio import NpzFile

__all__ = ["read_numpy"]


def read_numpy(path: Path) -> Contents:
    """Return the arrays of a NumPy file.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    DamagedFileError
        It is cut short or corrupted, is a bomb, or holds objects only.
    """
    attributes: dict[str, object] = {}
    with damage(path):
        refuse_bomb(path)
        with path.open("rb") as file:
            loaded = _loaded(path, file)
            if isinstance(loaded, np.ndarray):
                items = list(_single(loaded))
                return Contents(kind="a NumPy file", path=path, items=items, numbered=True)
            with loaded:
                members = {name: _member(loaded, name) for name in loaded.files}
    arrays = {name: array for name, array in members.items() if array is not None}
    items = []
    for name, array in arrays.items():
        if array.dtype.kind in "US" and array.ndim == 0:
            attributes[name] = str(array)
        items += list(_named(name, array))
    return Contents(
        kind="a NumPy archive", path=path, items=with_columns(_unmasked(items)), attributes=attributes
    )


def _loaded(path: Path, file: IO[bytes]) -> NDArray[np.generic] | NpzFile:
    """Return what NumPy reads from a file without ever running what is in it."""
    try:
        found: NDArray[np.generic] | NpzFile = np.load(file, allow_pickle=False)
    except ValueError as error:
        if "Object arrays" not in str(error):
            raise
        raise DamagedFileError(
            f"{path}: holds objects of Python (a pickle), which may run anything and are not read; save it "
            "as arrays of numbers"
        ) from error
    return found


def _member(archive: NpzFile, name: str) -> NDArray[np.generic] | None:
    """Return an array of an archive; None for one of objects, which would be a pickle."""
    try:
        return np.asarray(archive[name])
    except ValueError as error:
        if "pickle" in str(error):
            return None
        raise


def _single(array: NDArray[np.generic]) -> Iterator[Item]:
    if array.dtype.names:
        yield from _named("", array)
    elif array.ndim == 2:
        for place in range(min(array.shape[1], 10_000)):
            yield Item.of(str(place), array[:, place])
    elif array.dtype.kind in "biufc":
        yield Item.of("0", array)


def _named(name: str, array: AnyArray) -> Iterator[Item]:
    if array.dtype.names:
        for key in array.dtype.names:
            yield from _named(f"{name}/{key}".strip("/"), array[key])
    elif array.dtype.kind in "biufc":
        head, slash, last = name.rpartition("/")
        short, unit = split_title(last)
        yield Item.of(f"{head}{slash}{short}", array, unit=unit, title=name)


def _unmasked(items: list[Item]) -> list[Item]:
    """Return items with NaN where the mask that is stored beside them, ``mask`` or ``y_mask``, is set."""
    arrays = {item.name: item for item in items}
    found = []
    for item in items:
        mask = arrays.get(f"{item.name}_mask") or (arrays.get("mask") if item.name == "data" else None)
        if mask is None or mask.dtype != "bool" or mask.shape != item.shape:
            found.append(item)
            continue
        values = item.load().astype(np.complex128 if "complex" in item.dtype else np.float64)
        values[mask.load()] = np.nan
        found.append(Item.of(item.name, values, unit=item.unit, title=item.title))
    return found
