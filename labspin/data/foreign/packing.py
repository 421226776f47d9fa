"""Numbers that netCDF files pack into integers: fill values, scales, offsets, as CF conventions say."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["PACKING", "unpacked"]

PACKING = (
    "scale_factor",
    "add_offset",
    "_FillValue",
    "missing_value",
    "valid_range",
    "valid_min",
    "valid_max",
)
"""Attributes that say how numbers are packed."""


def unpacked(values: NDArray[np.generic], attributes: Mapping[str, object]) -> NDArray[np.generic]:
    """Return numbers as they were before they were packed; what is missing is NaN.

    Parameters
    ----------
    values
        As they stand in the file, any shape.
    attributes
        Attributes of the array.

    Returns
    -------
    values
        The same where nothing says that they are packed.
    """
    found_ones = ((name, _numbers(attributes[name])) for name in PACKING if name in attributes)
    said = {name: found for name, found in found_ones if found.size}
    if not said or values.dtype.kind not in "iufcb":
        return values
    if str(attributes.get("_Unsigned", "")).lower() == "true" and values.dtype.kind == "i":
        values = values.view(values.dtype.str.replace("i", "u"))
    absent = np.zeros(values.shape, bool)
    for name in ("_FillValue", "missing_value"):
        for filler in said.get(name, np.empty(0)):
            with np.errstate(invalid="ignore"):
                absent |= values == values.dtype.type(filler) if np.isfinite(filler) else np.isnan(values)
    low, high = (
        said.get("valid_range", np.empty(0))[:2] if len(said.get("valid_range", ())) == 2 else (None, None)
    )
    low = said["valid_min"][0] if "valid_min" in said else low
    high = said["valid_max"][0] if "valid_max" in said else high
    with np.errstate(invalid="ignore"):
        absent |= np.zeros(values.shape, bool) if low is None else values < low
        absent |= np.zeros(values.shape, bool) if high is None else values > high
    packed = "scale_factor" in said or "add_offset" in said
    if not packed and not absent.any():
        return values
    kind = np.complex128 if values.dtype.kind == "c" else np.float64
    found = values.astype(kind)
    if packed:
        found = found * said.get("scale_factor", np.ones(1))[0] + said.get("add_offset", np.zeros(1))[0]
    found[absent] = np.nan
    return found


def _numbers(value: object) -> NDArray[np.generic]:
    array = np.atleast_1d(np.asarray(value))
    return array.ravel() if array.dtype.kind in "biuf" else np.empty(0)
