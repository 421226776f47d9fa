"""A parameter that is a list of quantities: the fields of a scan, say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pymeasure.experiment import Parameter

from labspin.errors import ArgumentError
from labspin.units import canonical, parse_quantity

__all__ = ["QuantityListParameter"]


class QuantityListParameter(Parameter):  # type: ignore[misc]  # pymeasure is untyped
    """A list of numbers with a unit: ``["10 G", "25 G"]`` in a card, ``"10 G, 25 G"`` on a command line.

    Parameters
    ----------
    name
        What a form calls it.
    units
        SI unit of the values; plain numbers are in it, texts are converted.
    **kwargs
        Arguments of pymeasure's `Parameter`: default, description, …
    """

    def __init__(self, name: str, *, units: str, **kwargs: object) -> None:
        self.units = canonical(units)
        super().__init__(name, **kwargs)

    def convert(self, value: object) -> list[float]:
        """Return a list of quantities as numbers in the parameter's unit.

        Parameters
        ----------
        value
            A list or array of numbers and of texts with a unit, or one text with commas between the
            quantities.

        Raises
        ------
        ArgumentError
            Not a list of quantities.
        UnitError
            One of them has no unit, or one of another dimension.
        """
        if isinstance(value, str):
            value = [part for part in value.split(",") if part.strip()]
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if not isinstance(value, Sequence):
            raise ArgumentError(f"{self.name}: wanted a list of quantities in {self.units!r}, got {value!r}")
        return [self._number(part) for part in value]

    def _number(self, part: object) -> float:
        if isinstance(part, str):
            return parse_quantity(part.strip(), self.units, name=self.name)
        if isinstance(part, bool) or not isinstance(part, (int, float)) or not np.isfinite(part):
            raise ArgumentError(f"{self.name}: wanted a quantity in {self.units!r}, got {part!r}")
        return float(part)

    def __str__(self) -> str:
        if not self.is_set():
            return ""
        return ", ".join(f"{number!r} {self.units}" for number in self.value)
