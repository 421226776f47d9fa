"""Checks of arguments that the physics functions share.

Each check returns its argument as a float array and raises `labspin.errors.ArgumentError` with the
argument's name, what was wanted and what came. Checks cost one pass over an array; kernels that run
millions of times check once, at their public entrance.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.errors import ArgumentError

__all__ = ["abridged", "broadcast", "finite", "non_negative", "positive", "unit_vectors", "vectors"]

FloatArray = NDArray[np.float64]


def _first_bad(array: FloatArray, bad: NDArray[np.bool_]) -> str:
    return f"{array[bad].flat[0].item()!r}" if array.ndim else f"{array.item()!r}"


def finite(name: str, value: ArrayLike, *, unit: str = "") -> FloatArray:
    """Return ``value`` as floats, none of them NaN or infinite.

    Parameters
    ----------
    name
        Name of the argument, for the error message.
    value
        Number or numbers, any shape.
    unit
        Unit of the values, for the error message only; nothing is converted.

    Returns
    -------
    FloatArray
        The values, of the shape of ``value``.
    """
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"{name}: wanted numbers{_in(unit)}, got {value!r}") from error
    bad = ~np.isfinite(array)
    if bad.any():
        raise ArgumentError(f"{name}: wanted finite numbers{_in(unit)}, got {_first_bad(array, bad)}")
    return array


def positive(name: str, value: ArrayLike, *, unit: str = "") -> FloatArray:
    """Return ``value`` as floats, all greater than zero.

    Parameters
    ----------
    name
        Name of the argument, for the error message.
    value
        Number or numbers, any shape.
    unit
        Unit of the values, for the error message only; nothing is converted.
    """
    array = finite(name, value, unit=unit)
    bad = array <= 0
    if bad.any():
        raise ArgumentError(f"{name}: wanted a value > 0{_in(unit)}, got {_first_bad(array, bad)}")
    return array


def non_negative(name: str, value: ArrayLike, *, unit: str = "") -> FloatArray:
    """Return ``value`` as floats, none of them negative.

    Parameters
    ----------
    name
        Name of the argument, for the error message.
    value
        Number or numbers, any shape.
    unit
        Unit of the values, for the error message only; nothing is converted.
    """
    array = finite(name, value, unit=unit)
    bad = array < 0
    if bad.any():
        raise ArgumentError(f"{name}: wanted a value ≥ 0{_in(unit)}, got {_first_bad(array, bad)}")
    return array


def vectors(name: str, value: ArrayLike, *, unit: str = "") -> FloatArray:
    """Return ``value`` as finite floats of shape (..., 3).

    Parameters
    ----------
    name
        Name of the argument, for the error message.
    value
        Vectors, shape (..., 3).
    unit
        Unit of the components, for the error message only; nothing is converted.
    """
    array = finite(name, value, unit=unit)
    if array.ndim == 0 or array.shape[-1] != 3:
        raise ArgumentError(f"{name}: wanted vectors of shape (..., 3), got shape {array.shape}")
    return array


def unit_vectors(name: str, value: ArrayLike, *, tolerance: float = 1e-9) -> FloatArray:
    """Return ``value`` as vectors of shape (..., 3), after a check that their length is one.

    Parameters
    ----------
    name
        Name of the argument, for the error message.
    value
        Vectors of length one, shape (..., 3).
    tolerance
        Largest difference of a length from one.
    """
    array = vectors(name, value)
    length = np.linalg.norm(array, axis=-1)
    bad = np.abs(length - 1) > tolerance
    if bad.any():
        raise ArgumentError(
            f"{name}: wanted vectors of length 1, got length {_first_bad(np.asarray(length), bad)}; "
            "divide by their length"
        )
    return array


def broadcast(**arrays: NDArray[np.generic]) -> tuple[int, ...]:
    """Return the common shape of ``arrays``, naming them all where there is none."""
    try:
        return np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError as error:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ArgumentError(f"shapes do not broadcast together: {shapes}") from error


def _in(unit: str) -> str:
    return f" in {unit}" if unit else ""


def abridged(record: object) -> str:
    """Return the repr of a dataclass in which arrays of more than four numbers are shown by their shape.

    Parameters
    ----------
    record
        An instance of a dataclass.
    """
    shown = []
    for field in fields(record):  # type: ignore[arg-type]
        if not field.repr:
            continue
        value = getattr(record, field.name)
        if isinstance(value, np.ndarray) and value.size > 4:
            text = f"<{'×'.join(map(str, value.shape))} numbers>"
        else:
            text = repr(value)
        shown.append(f"{field.name}={text}")
    return f"{type(record).__name__}({', '.join(shown)})"
