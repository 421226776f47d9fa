"""What a run asks of a simulated bench, and only of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

__all__ = ["Simulation"]


class Simulation(Protocol):
    """What the engine asks of a simulated bench, and only of one."""

    seed: int

    @property
    def is_fresh(self) -> bool:
        """Whether nothing has been measured on it yet."""
        ...

    def begin_point(self, index: int) -> None:
        """Make the noise from here on a function of the seed and ``index``.

        Parameters
        ----------
        index
            Index of the point in the plan.
        """
        ...

    def restore(self, time: float) -> None:
        """Move the simulated clock on to ``time``, s.

        Parameters
        ----------
        time
            Time of the simulated clock, s.
        """
        ...

    def truth(self) -> dict[str, Any]:
        """Return what is really the case, to be recorded with a run."""
        ...

    @property
    def truth_units(self) -> Mapping[str, str]:
        """Units of what `truth` returns; what is not named is a pure number."""
        ...
