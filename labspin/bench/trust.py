"""How far the readings of a run are to be trusted, and what happens when they are not.

Two things make a reading meaningless without an error: a *status* (a reference that is lost, an overload, a
supply at its compliance, a sensor out of range) and a *setting* that was changed at the instrument
meanwhile. Instruments tell of both when they are asked (`labspin.instruments.adapter.RoleAdapter`); the
engine asks (`labspin.experiment.trust`), and a station says what follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from labspin.errors import ArgumentError

__all__ = ["Reaction", "TrustRules"]

Reaction = Literal["hold", "abort", "record"]
_REACTIONS = ("hold", "abort", "record")


@dataclass(frozen=True, kw_only=True)
class TrustRules:
    """What a run does when an instrument says that a reading means nothing, or is set otherwise than it was.

    ``"hold"`` waits until all is well again, then measures the point once more; ``"abort"`` ends the run;
    ``"record"`` keeps the point and says so in the run file.
    """

    status: Reaction = "hold"
    """When a status makes a reading meaningless."""
    settings: Reaction = "hold"
    """When a setting that the run depends on is not what it was."""
    interval: float = 10.0
    """Time between two looks at the settings, s; status is looked at at every point."""
    timeout: float = 600.0
    """For how long a run holds before it ends, s."""

    def __post_init__(self) -> None:
        for name in ("status", "settings"):
            if getattr(self, name) not in _REACTIONS:
                raise ArgumentError(
                    f"trust, {name}: wanted one of {', '.join(_REACTIONS)}, got {getattr(self, name)!r}"
                )
        for name in ("interval", "timeout"):
            if not getattr(self, name) >= 0:
                raise ArgumentError(f"trust, {name}: wanted at least 0 s, got {getattr(self, name)!r}")
