"""Limits of what is sent to an instrument: refused, never clipped.

pymeasure asks a validator before it sends a value. Those here raise an error that names the property, and
nothing is sent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from labspin.errors import LimitError
from labspin.units import format_quantity

__all__ = [
    "check_limits",
    "check_whole",
    "each_limited",
    "limited",
    "listed",
    "on_off",
    "one_of",
    "whole_limited",
]

_CLOSE = 1e-6  # relative difference from an entry of a list that is still meant to be it


def check_limits(name: str, value: float, least: float, greatest: float, unit: str = "") -> float:
    """Return ``value`` as a float; refuse it if it is outside the limits.

    Parameters
    ----------
    name
        What errors call the quantity.
    value
        The number that is asked for.
    least, greatest
        The limits, in the unit of ``value``; both are allowed.
    unit
        The unit, for errors; empty if there is none.

    Raises
    ------
    LimitError
        It is outside, or not a finite number.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, bool) or not math.isfinite(number) or not least <= number <= greatest:
        bounds = f"{format_quantity(least, unit, digits=6)} to {format_quantity(greatest, unit, digits=6)}"
        raise LimitError(f"{name}: wanted {bounds}, got {value!r}; nothing was sent to the instrument")
    return number


def check_whole(name: str, value: float, least: int, greatest: int) -> int:
    """Return ``value`` as an int; refuse it if it is outside the limits or not a whole number.

    Parameters
    ----------
    name
        What errors call the quantity.
    value
        The number that is asked for.
    least, greatest
        The limits; both are allowed.

    Raises
    ------
    LimitError
        It is outside, or not a whole number.
    """
    number = check_limits(name, value, least, greatest)
    if not number.is_integer():
        raise LimitError(f"{name}: wanted a whole number, got {value!r}; nothing was sent to the instrument")
    return int(number)


def limited(name: str, unit: str = "") -> Callable[[object, Iterable[float]], float]:
    """Return a pymeasure validator that refuses values outside ``values=(least, greatest)``.

    Parameters
    ----------
    name
        What errors call the quantity.
    unit
        Its unit, for errors; empty if there is none.
    """

    def validate(value: Any, values: Iterable[float]) -> float:
        least, greatest = values
        return check_limits(name, value, least, greatest, unit)

    return validate


def whole_limited(name: str) -> Callable[[object, Iterable[int]], int]:
    """Return a pymeasure validator of whole numbers within ``values=(least, greatest)``.

    Parameters
    ----------
    name
        What errors call the quantity.
    """

    def validate(value: Any, values: Iterable[int]) -> int:
        least, greatest = values
        return check_whole(name, value, least, greatest)

    return validate


def each_limited(name: str) -> Callable[[object, Iterable[tuple[float, float]]], tuple[float, ...]]:
    """Return a pymeasure validator of several numbers at once; ``values`` holds the limits of each.

    Parameters
    ----------
    name
        What errors call the quantities.
    """

    def validate(value: object, values: Iterable[tuple[float, float]]) -> tuple[float, ...]:
        limits = list(values)
        if not isinstance(value, (tuple, list)) or len(value) != len(limits):
            raise LimitError(
                f"{name}: wanted {len(limits)} numbers, got {value!r}; nothing was sent to the instrument"
            )
        return tuple(
            check_limits(name, part, least, greatest)
            for part, (least, greatest) in zip(value, limits, strict=True)
        )

    return validate


def listed(name: str, unit: str = "") -> Callable[[Any, Iterable[float]], float]:
    """Return a pymeasure validator of numbers that must be one of ``values``, but for rounding.

    Parameters
    ----------
    name
        What errors call the quantity.
    unit
        Its unit, for errors; empty if there is none.

    Returns
    -------
        The validator; it returns the entry of ``values`` that is meant.
    """

    def validate(value: Any, values: Iterable[float]) -> float:
        entries = sorted(values)
        number = check_limits(name, value, entries[0], entries[-1], unit)
        nearest = min(entries, key=lambda entry: abs(entry - number))
        if abs(nearest - number) > _CLOSE * abs(nearest):
            below = max(entry for entry in entries if entry < number)
            above = min(entry for entry in entries if entry > number)
            raise LimitError(
                f"{name}: wanted one of the instrument's values, got {value!r}; take "
                f"{format_quantity(below, unit)} or {format_quantity(above, unit)}; nothing was sent to the "
                "instrument"
            )
        return nearest

    return validate


def one_of(name: str) -> Callable[[Any, Iterable[Any]], Any]:
    """Return a pymeasure validator that refuses values that are not among ``values``, type included.

    Parameters
    ----------
    name
        What errors call the property.
    """

    def validate(value: object, values: Iterable[object]) -> object:
        choices = list(values)
        if not any(
            value is choice or (type(value) is type(choice) and value == choice) for choice in choices
        ):
            wanted = ", ".join(repr(choice) for choice in choices)
            raise LimitError(
                f"{name}: wanted one of {wanted}, got {value!r}; nothing was sent to the instrument"
            )
        return value

    return validate


def on_off(text: str) -> bool:
    """Return the state of a switch from its answer (a cast for pymeasure's properties).

    Parameters
    ----------
    text
        The answer, ``"0"`` or ``"1"``.
    """
    return {"0": False, "1": True}[text.strip()]
