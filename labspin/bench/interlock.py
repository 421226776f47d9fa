"""A condition under which the bench may be used: a readable quantity that must stay in its window.

Who looks at it, and when, is decided above: the engine does in runs (`labspin.experiment.interlocks`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from labspin.errors import ArgumentError, InterlockError
from labspin.units import format_quantity

__all__ = ["Interlock"]


@dataclass(frozen=True, kw_only=True)
class Interlock:
    """A window that a readable quantity must stay in.

    A quantity that cannot be read, or reads NaN or an infinity (an overflow), counts as outside.
    """

    quantity: str  # "instrument.attribute"
    unit: str
    minimum: float = -math.inf  # in unit
    maximum: float = math.inf  # in unit
    action: Literal["abort", "hold"] = "abort"
    interval: float = 0.0  # s between two looks at it; 0: at every point, and every second in ramps and waits
    timeout: float = 3600.0  # s that a run holds before it aborts

    def __post_init__(self) -> None:
        if self.quantity.count(".") != 1:
            raise ArgumentError(f"interlock: wanted 'instrument.attribute', got {self.quantity!r}")
        if math.isinf(self.minimum) and math.isinf(self.maximum):
            raise ArgumentError(
                f"interlock {self.quantity}: wanted a minimum or a maximum, got none: it would "
                "let everything pass; give the window that it must stay in"
            )
        if not self.minimum < self.maximum:
            raise ArgumentError(
                f"interlock {self.quantity}: wanted minimum < maximum, got {self.minimum!r} and "
                f"{self.maximum!r}"
            )
        if not (math.isfinite(self.interval) and self.interval >= 0):
            raise ArgumentError(
                f"interlock {self.quantity}: interval: wanted a finite number ≥ 0 of seconds, got "
                f"{self.interval!r}: it would never be looked at"
            )
        if not (math.isfinite(self.timeout) and self.timeout >= 0):
            raise ArgumentError(
                f"interlock {self.quantity}: timeout: wanted a finite number ≥ 0 of seconds, got "
                f"{self.timeout!r}: a run would hold for ever"
            )
        if self.action not in ("abort", "hold"):
            raise ArgumentError(
                f"interlock {self.quantity}: wanted action 'abort' or 'hold', got {self.action!r}"
            )

    def read(self, bench: Any) -> float:
        """Return the quantity, NaN where it cannot be read.

        Parameters
        ----------
        bench
            The bench; its instruments are attributes.

        Returns
        -------
            The quantity in the interlock's unit.
        """
        instrument, attribute = self.quantity.split(".")
        try:
            return float(getattr(getattr(bench, instrument), attribute))
        except Exception:  # noqa: BLE001 - whatever the reason, nothing vouches for the quantity
            return math.nan

    def allows(self, value: float) -> bool:
        """Return whether ``value`` is a finite number in the window: an overflow is no reading.

        Parameters
        ----------
        value
            The quantity that was read, in the interlock's unit.
        """
        return math.isfinite(value) and self.minimum <= value <= self.maximum

    def deviation(self, value: float) -> str:
        """Return what was wanted and what came.

        Parameters
        ----------
        value
            The quantity that was read, in the interlock's unit.
        """
        return (
            f"interlock {self.quantity}: wanted {self.minimum:g} to {self.maximum:g} {self.unit}, "
            f"got {format_quantity(value, self.unit)}"
        )

    def error(self, value: float) -> InterlockError:
        """Return the error that says what tripped.

        Parameters
        ----------
        value
            The quantity that was read, in the interlock's unit.
        """
        return InterlockError(f"{self.deviation(value)}; the run was ended and the bench made safe")
