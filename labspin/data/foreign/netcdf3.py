"""netCDF of the classic formats; netCDF-4 is HDF5. Packed integers are unpacked, fill values are NaN."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from labspin.data.foreign.columns import with_columns
from labspin.data.foreign.packing import unpacked
from labspin.data.foreign.source import Contents, Item, damage
from labspin.data.foreign.titles import unit_of
from labspin.data.plain import plain

__all__ = ["read_netcdf3"]


def read_netcdf3(path: Path) -> Contents:
    """Return the variables of a classic netCDF file.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    DamagedFileError
        It is cut short or corrupted.
    """
    from scipy.io import netcdf_file

    items = []
    with damage(path), netcdf_file(path, "r", mmap=False, maskandscale=False) as file:
        for name, variable in file.variables.items():
            values = np.array(variable.data)
            if values.dtype.kind not in "biufc":
                continue
            stored = vars(variable)["_attributes"]
            attributes = {key: _plain(value) for key, value in stored.items()}
            values = unpacked(values.astype(values.dtype.newbyteorder("=")), stored)
            along = variable.dimensions[0] if len(variable.dimensions) == 1 else ""
            known = along in file.variables and along != name
            unit = unit_of(str(attributes.get("units", "")).partition(" since ")[0])
            items.append(
                Item.of(name, values, unit=unit, along=along if known else "", attributes=attributes)
            )
        said = {key: _plain(value) for key, value in vars(file)["_attributes"].items()}
    return Contents(kind="a netCDF file", path=path, items=with_columns(items), attributes=said)


def _plain(value: object) -> object:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else plain(value)
