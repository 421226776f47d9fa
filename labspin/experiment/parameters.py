"""Parameters of procedures: pymeasure's, with real units and bounds that refuse.

pymeasure compares a unit as text and clips digits when it writes a value; these convert any unit of the
right dimension (``"10 us"`` for seconds), refuse what is not a number or not a whole number, and write every
digit, so that a value survives the way through a text file.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from labspin.errors import ArgumentError, UnitError
from labspin.experiment.pymeasure import (
    BooleanParameter,
    FloatParameter,
    IntegerParameter,
    ListParameter,
    Parameter,
)
from labspin.experiment.scan_axes import read_scan
from labspin.units import canonical, format_quantity, parse_quantity

__all__ = [
    "BooleanParameter",
    "CountParameter",
    "ListParameter",
    "Parameter",
    "QuantityParameter",
    "ScanParameter",
    "SweepParameter",
]


class QuantityParameter(FloatParameter):  # type: ignore[misc]  # pymeasure is untyped
    """A number with a unit; a plain number is in ``units``, a text is converted.

    Parameters
    ----------
    name
        What a form calls it.
    units
        SI unit (or dBm) of the value, ``"1"`` for a plain number.
    minimum, maximum
        Bounds in ``units``, inclusive.
    **kwargs
        Arguments of pymeasure's `FloatParameter`: default, description, group_by, …
    """

    def __init__(
        self,
        name: str,
        *,
        units: str = "1",
        minimum: float = -math.inf,
        maximum: float = math.inf,
        **kwargs: object,
    ) -> None:
        super().__init__(name, units=canonical(units), minimum=minimum, maximum=maximum, **kwargs)

    def convert(self, value: object) -> float:
        """Return ``value`` in the parameter's unit.

        Parameters
        ----------
        value
            A number in the parameter's unit, or a text with a unit such as ``"10 mA"``.

        Raises
        ------
        UnitError
            The text has no unit, or one of another dimension.
        ArgumentError
            Not a number, or outside the bounds.
        """
        if isinstance(value, str):
            number = parse_quantity(value, self.units, name=self.name)
        elif isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
            number = float(value)
        else:
            raise ArgumentError(f"{self.name}: wanted a quantity in {self.units!r}, got {value!r}")
        if not math.isfinite(number):
            raise ArgumentError(f"{self.name}: wanted a finite quantity in {self.units!r}, got {value!r}")
        if not self.minimum <= number <= self.maximum:
            raise ArgumentError(
                f"{self.name}: wanted {self._text(self.minimum)} to {self._text(self.maximum)}, "
                f"got {self._text(number)}"
            )
        return number

    def _text(self, value: float) -> str:
        return format_quantity(value, self.units, digits=6)

    def __str__(self) -> str:
        if not self.is_set():
            return ""
        return repr(self.value) if self.units == "1" else f"{self.value!r} {self.units}"


class CountParameter(IntegerParameter):  # type: ignore[misc]  # pymeasure is untyped
    """A whole number.

    Parameters
    ----------
    name
        What a form calls it.
    minimum, maximum
        Bounds, inclusive.
    **kwargs
        Arguments of pymeasure's `IntegerParameter`: default, description, group_by, …
    """

    def __init__(
        self, name: str, *, minimum: int = 0, maximum: int = (1 << 63) - 1, **kwargs: object
    ) -> None:
        super().__init__(name, minimum=minimum, maximum=maximum, **kwargs)

    def convert(self, value: object) -> int:
        """Return ``value`` as an int.

        Parameters
        ----------
        value
            A whole number.

        Raises
        ------
        ArgumentError
            Not a whole number, or outside the bounds.
        """
        number = _whole(value)
        if number is None or not self.minimum <= number <= self.maximum:
            raise ArgumentError(
                f"{self.name}: wanted a whole number from {self.minimum} to {self.maximum}, got {value!r}"
            )
        return number


class SweepParameter(Parameter):  # type: ignore[misc]  # pymeasure is untyped
    """A sweep: an object of Python, or the table that describes it in a run card.

    The value is the description (`Sweep.to_dict`), plain values that go into run files as they are;
    ``Sweep.from_dict(self.…)`` in ``plan`` is the sweep.
    """

    def convert(self, value: object) -> dict[str, Any]:
        """Return the description of a sweep, complete and in the units of labspin.

        Parameters
        ----------
        value
            A `Sweep`, its description, or axes as a person writes them (`read_scan`).

        Raises
        ------
        PlanError
            The description is not one of a sweep.
        """
        return read_scan(value).to_dict()


class ScanParameter(SweepParameter):
    """Further axes along which a procedure is repeated, also as a person writes them; empty: none."""

    def convert(self, value: object) -> dict[str, Any] | str:  # type: ignore[override]
        """Return the description of the scan (`read_scan`), in full and in SI units; an empty text stays one.

        Parameters
        ----------
        value
            The description of a scan (`read_scan`), or an empty text for none.

        Raises
        ------
        PlanError
            The description is not one of a scan.
        """
        return "" if value == "" else read_scan(value).to_dict()


def _whole(value: object) -> int | None:
    if isinstance(value, str):
        try:
            value = parse_quantity(value, "1")
        except UnitError:
            return None
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return int(value)
    return None
