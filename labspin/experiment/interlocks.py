"""Conditions under which a run may go on.

An interlock watches one readable quantity of the bench. When it leaves its window the run either aborts,
or holds until the quantity is back and then goes on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from labspin.errors import ArgumentError, InterlockError
from labspin.units import format_quantity

if TYPE_CHECKING:
    from labspin.experiment.bench import Bench

__all__ = ["Interlock"]


@dataclass(frozen=True, kw_only=True)
class Interlock:
    """A window that a readable quantity must stay in.

    A quantity that cannot be read, or reads NaN, counts as outside.
    """

    quantity: str  # "instrument.attribute"
    unit: str
    minimum: float = -math.inf  # in unit
    maximum: float = math.inf  # in unit
    action: Literal["abort", "hold"] = "abort"
    interval: float = 0.0  # s between two looks at it; 0: at every point
    timeout: float = 3600.0  # s that a run holds before it aborts

    def __post_init__(self) -> None:
        if self.quantity.count(".") != 1:
            raise ArgumentError(f"interlock: wanted 'instrument.attribute', got {self.quantity!r}")
        if not self.minimum < self.maximum:
            raise ArgumentError(
                f"interlock {self.quantity}: wanted minimum < maximum, got {self.minimum!r} and "
                f"{self.maximum!r}"
            )
        if self.action not in ("abort", "hold"):
            raise ArgumentError(
                f"interlock {self.quantity}: wanted action 'abort' or 'hold', got {self.action!r}"
            )

    def read(self, bench: Bench) -> float:
        """Return the quantity, NaN where it cannot be read."""
        instrument, attribute = self.quantity.split(".")
        try:
            return float(getattr(getattr(bench, instrument), attribute))
        except Exception:  # noqa: BLE001 - whatever the reason, nothing vouches for the quantity
            return math.nan

    def allows(self, value: float) -> bool:
        """Return whether ``value`` lies in the window."""
        return self.minimum <= value <= self.maximum

    def error(self, value: float) -> InterlockError:
        """Return the error that says what tripped."""
        return InterlockError(
            f"interlock {self.quantity}: wanted {self.minimum:g} to {self.maximum:g} {self.unit}, "
            f"got {format_quantity(value, self.unit)}; the run was ended and the bench made safe"
        )
