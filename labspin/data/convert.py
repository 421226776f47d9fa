"""Measured values as the journal holds them, whatever the drivers hand over; what does not fit is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from labspin.data.plain import clean_text
from labspin.data.schema import Column
from labspin.errors import ArgumentError

__all__ = ["converter"]


def converter(column: Column) -> Callable[[object], object]:
    """Return a function that converts a measured value for the journal, or refuses it.

    Parameters
    ----------
    column
        The column that the values belong to; its name, dtype and shape are used.

    Returns
    -------
        Function of one measured value; it raises `ArgumentError` if the value does not fit the column.
    """
    if column.shape:
        return _array_converter(column)
    return {"float64": _to_float, "int64": _to_int, "complex128": _to_complex, "str": _to_text}[column.dtype](
        column.name
    )


def _refusal(name: str, wanted: str, value: object) -> ArgumentError:
    return ArgumentError(
        f"column {name!r}: wanted {wanted}, got {str(value)[:80]!r} ({type(value).__name__})"
    )


def _to_float(name: str) -> Callable[[object], float]:
    def convert(value: Any) -> float:
        if type(value) is float:
            return value
        if isinstance(value, (str, bytes, bool)) or np.iscomplexobj(value):
            raise _refusal(name, "a number", value)
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise _refusal(name, "a number", value) from error

    return convert


def _to_int(name: str) -> Callable[[object], int]:
    def convert(value: Any) -> int:
        if type(value) is not int:
            if isinstance(value, (str, bytes, bool)) or np.ndim(value):
                raise _refusal(name, "a whole number", value)
            try:
                number = int(value)
            except (TypeError, ValueError, OverflowError) as error:
                raise _refusal(name, "a whole number", value) from error
            if number != value:
                raise _refusal(name, "a whole number", value)
            value = number
        if not -(1 << 63) < value < 1 << 63:
            raise _refusal(name, "a whole number of 64 bits", value)
        return value  # type: ignore[no-any-return]  # an int by now

    return convert


def _to_complex(name: str) -> Callable[[object], complex]:
    def convert(value: Any) -> complex:
        if type(value) is complex:
            return value
        if isinstance(value, (str, bytes, bool)):
            raise _refusal(name, "a complex number", value)
        try:
            return complex(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise _refusal(name, "a complex number", value) from error

    return convert


def _to_text(name: str) -> Callable[[object], str]:
    def convert(value: object) -> str:
        if not isinstance(value, str):
            raise _refusal(name, "text", value)
        return clean_text(value)

    return convert


def _array_converter(column: Column) -> Callable[[object], object]:
    kinds = {"float64": "fiu", "complex128": "fiuc", "int64": "iu"}[column.dtype]
    size = math.prod(column.shape)

    def convert(value: object) -> Any:
        array = np.asarray(value)
        if array.shape != column.shape or array.dtype.kind not in kinds or array.size != size:
            raise ArgumentError(
                f"column {column.name!r}: wanted an array of {column.dtype} of shape {column.shape}, "
                f"got {array.dtype} of shape {array.shape}"
            )
        return np.ascontiguousarray(array, dtype=column.dtype)

    return convert
