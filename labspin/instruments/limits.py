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

__all__ = ["check_limits", "limited", "on_off", "one_of"]


def check_limits(name: str, value: float, least: float, greatest: float, unit: str = "") -> float:
    """Return ``value`` as a float, refusing what lies outside ``least`` … ``greatest``.

    Raises
    ------
    LimitError
        It lies outside, or is no finite number.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, bool) or not math.isfinite(number) or not least <= number <= greatest:
        bounds = f"{format_quantity(least, unit, digits=6)} to {format_quantity(greatest, unit, digits=6)}"
        raise LimitError(f"{name}: wanted {bounds}, got {value!r}; nothing was sent to the instrument")
    return number


def limited(name: str, unit: str = "") -> Callable[[Any, Iterable[float]], float]:
    """Return a pymeasure validator that refuses values outside ``values=(least, greatest)``."""

    def validate(value: Any, values: Iterable[float]) -> float:
        least, greatest = values
        return check_limits(name, value, least, greatest, unit)

    return validate


def one_of(name: str) -> Callable[[Any, Iterable[Any]], Any]:
    """Return a pymeasure validator that refuses values that are not among ``values``."""

    def validate(value: Any, values: Iterable[Any]) -> Any:
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
    """Read the answer ``0`` or ``1`` of a switch (a cast for pymeasure's properties)."""
    return {"0": False, "1": True}[text.strip()]
