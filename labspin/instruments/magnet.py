"""What supplies of magnets have in common: the role, and a way to a safe state that a coil survives.

A current in a coil does not end by switching its supply off: it would continue through any path it finds. So
the set-point goes to zero first, and the output is switched off when the current has gone.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from labspin.clock import Clock
from labspin.errors import DeviceError
from labspin.instruments.adapter import RoleAdapter
from labspin.instruments.limits import check_limits

__all__ = ["MagnetAdapter", "wait_for_discharge"]

_LONGEST = 10.0  # s
_POLL = 0.1  # s
_PART_OFF, _PART_OF_RANGE = 0.02, 0.01  # by how much the current may differ from what is set


def wait_for_discharge(title: str, current: Callable[[], float], *, residual: float, clock: Clock) -> None:
    """Wait until no more current flows than ``residual``.

    Parameters
    ----------
    title
        What errors call the output.
    current
        Measures the current, A.
    residual
        Current that counts as none, A.
    clock
        What waits go through.

    Raises
    ------
    DeviceError
        It still flows after ten seconds.
    """
    deadline = clock.now() + _LONGEST
    while not abs(left := current()) <= residual:  # NaN is no proof that it is gone
        if clock.now() >= deadline:
            raise DeviceError(
                f"{title}: {left:.3g} A still flow {_LONGEST:g} s after the set-point went to zero; it is "
                "switched off all the same"
            )
        clock.sleep(_POLL)


class MagnetAdapter(RoleAdapter):
    """A supply as a `MagnetSupply`; subclasses say its `ranges`, and which output feeds the magnet."""

    role = "MagnetSupply"
    device: Any
    relied_on: ClassVar[tuple[str, ...]] = ("current", "output_enabled", "output.voltage_setpoint")
    resolutions: ClassVar[Mapping[str, float]] = {"current": 1e-3}

    @property
    @abstractmethod
    def output(self) -> Any:
        """Get what feeds the magnet: the driver, or one of its channels (dimensionless)."""

    @property
    def current(self) -> float:
        """Control the current set-point (A, float within the model's range)."""
        return float(self.output.current_setpoint)

    @current.setter
    def current(self, value: float) -> None:
        least, greatest = self.ranges(self.chosen)["current"]
        name = f"{self.device.name} current"
        self.output.current_setpoint = check_limits(name, value, least, greatest, "A")

    @property
    def measured_current(self) -> float:
        """Measure the current that flows (A, float)."""
        return float(self.output.current)

    @property
    def output_enabled(self) -> bool:
        """Control whether the output is on (dimensionless, bool: True or False)."""
        return bool(self.output.output_enabled)

    @output_enabled.setter
    def output_enabled(self, value: bool) -> None:
        self.output.output_enabled = value

    def doubts(self) -> tuple[str, ...]:
        """Return whether another current flows than is set, or a protection has tripped; one message asks."""
        state = self.output.together(**self.output.state_questions)
        if state.get("overvoltage") or state.get("overcurrent"):
            return ("its protection has switched the output off",)
        if not state["enabled"]:
            return ()
        wanted, flowing = state["wanted"], state["flowing"]
        greatest = max(abs(bound) for bound in self.ranges(self.chosen)["current"])
        if abs(flowing - wanted) <= max(_PART_OFF * abs(wanted), _PART_OF_RANGE * greatest):
            return ()
        return (f"{flowing:.4g} A flow where {wanted:.4g} A are set (compliance, load or trip)",)

    def safe(self) -> None:
        """Bring this output to zero, then switch it off; others of the device stay as they are."""
        self.output.safe()

    def settings(self) -> dict[str, object]:
        """Return set-point (A), current (A), compliance (V) and switch, read back."""
        return {
            "current": self.current,
            "measured_current": self.measured_current,
            "compliance": self.output.voltage_setpoint,
            "output_enabled": self.output_enabled,
        }
