"""MATLAB files up to version 7.2: variables, structures by ``/``. Version 7.3 is HDF5.

SciPy's reader trusts what the file says of its own structures: a few bytes turned bring it down. So another
process meets each file first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from labspin.data.foreign.archives import refuse_bomb
from labspin.data.foreign.columns import with_columns
from labspin.data.foreign.source import Contents, Item, damage
from labspin.data.foreign.titles import split_title, unit_of
from labspin.data.nexus.seal import probe

__all__ = ["load_matlab", "read_matlab"]

_DEEPEST = 20
_MOST = 5_000


def read_matlab(path: Path) -> Contents:
    """Return the variables of a MATLAB file.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    DamagedFileError
        It is cut short or corrupted, or unpacks without bound.
    """
    probe(path, "matlab")
    return load_matlab(path)


def load_matlab(path: Path) -> Contents:
    """Return the variables of a MATLAB file that has been tried out already; raises as `read_matlab`.

    Parameters
    ----------
    path
        The file.
    """
    from scipy.io import loadmat

    with damage(path), path.open("rb") as file:
        refuse_bomb(path)
        content = loadmat(cast(Any, file), squeeze_me=True, simplify_cells=True)
        kept = {name: value for name, value in content.items() if not name.startswith("__")}
        items = [item for _, item in zip(range(_MOST), _walk(kept, "", 0), strict=False)]
    words = {name: value for name, value in kept.items() if isinstance(value, str)}
    return Contents(kind="a MATLAB file", path=path, items=with_columns(items), attributes=words)


def _walk(content: Mapping[str, object], prefix: str, depth: int) -> Iterator[Item]:
    units = content.get("units", content.get("unit"))
    for name, value in content.items():
        if isinstance(value, Mapping) and depth < _DEEPEST:
            yield from _walk(value, f"{prefix}{name}/", depth + 1)
        elif isinstance(value, (int, float, complex, np.ndarray, np.generic)):
            array = np.asarray(value)
            if array.dtype.kind in "biufc":
                short, unit = split_title(name)
                said = units.get(name) if isinstance(units, Mapping) else None
                unit = unit_of(said) if isinstance(said, str) else unit
                yield Item.of(f"{prefix}{short}", array, unit=unit, title=f"{prefix}{name}")
