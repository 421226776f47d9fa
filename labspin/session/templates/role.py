"""A procedure that asks for the role Skeleton and says what it needs of it; any driver that has it serves."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from labspin.data import Column
from labspin.experiment import CountParameter, Linear, Procedure, QuantityParameter
from labspin.instruments import Device


@runtime_checkable
class SkeletonRole(Device, Protocol):
    """What this procedure asks of a Skeleton, beside what every device has."""

    @property
    def measured_level(self) -> float:
        """Measure the level (V)."""
        ...


class SkeletonSweep(Procedure):
    """Read the Skeleton back at each of its levels."""

    roles = {"skeleton": SkeletonRole}  # noqa: RUF012
    quantities = (Column(name="measured_level", unit="V", description="read back"),)
    signal = "measured_level"

    stop = QuantityParameter("Largest level", units="V", minimum=0.0, default="2 V")
    points = CountParameter("Number of levels", minimum=2, default=5)

    def plan(self) -> Linear:
        """Return the levels."""
        return Linear("skeleton.level", 0.0, self.stop, self.points, unit="V")

    def measure(self, bench: Any, point: Any) -> dict[str, float]:
        """Read one level back."""
        return {"measured_level": bench.skeleton.measured_level}
