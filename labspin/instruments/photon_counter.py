"""What adapters of photon counters have in common: the role, and detectors by name.

A procedure names what each gate watches (``"pl"``, ``"reflected"``); the station file says where each
detector is plugged in. Whatever cannot be counted is refused before anything is sent, by `check` and by
``arm`` alike.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from labspin.errors import DeviceError, LimitError
from labspin.instruments.adapter import RoleAdapter

__all__ = ["PhotonCounterAdapter"]


class PhotonCounterAdapter(RoleAdapter):
    """A counter as a `PhotonCounter`."""

    role = "PhotonCounter"
    device: Any
    chosen: Any
    example: ClassVar[str]
    """How a station file names two detectors; ``{}`` stands for the name of the second."""

    @property
    @abstractmethod
    def detectors(self) -> Mapping[str, Any]:
        """Get where every detector is plugged in, by its name (dimensionless, mapping)."""

    @property
    @abstractmethod
    def usual_input(self) -> Any:
        """Get what a gate watches by default (dimensionless: an input or a terminal)."""

    def _watched(self, gates: Sequence[object], detectors: Sequence[str] | None) -> list[Any]:
        """Return what each gate watches: the inputs or terminals of ``detectors``, or the usual one."""
        if detectors is None:
            return [self.usual_input] * len(gates)
        if len(detectors) != len(gates):
            raise LimitError(
                f"{self.device.name}: wanted a detector for each gate, got {list(detectors)} for "
                f"{len(gates)} gates"
            )
        known = self.detectors
        for name in detectors:
            if name not in known:
                raise LimitError(
                    f"{self.device.name}: there is no detector {name!r}, only {', '.join(known)}; name it in "
                    f"the station file, such as options = {{ detectors = {self.example.format(name)} }}"
                )
        return [known[name] for name in detectors]

    @abstractmethod
    def _wanted(
        self, gates: Sequence[tuple[float, float]], triggers: int, detectors: Sequence[str] | None
    ) -> object:
        """Return what will be armed, if it can be; sends nothing."""

    def check(
        self,
        gates: Sequence[tuple[float, float]],
        *,
        triggers: int,
        detectors: Sequence[str] | None = None,
    ) -> None:
        """Refuse what ``arm`` would refuse; sends nothing.

        Parameters
        ----------
        gates
            (delay, width) of each gate after the trigger, s.
        triggers
            Number of triggers over which is counted.
        detectors
            Name of the detector for each gate; None: the usual one for all gates.
        """
        self._wanted(gates, triggers, detectors)

    def _unfinished(self) -> DeviceError:
        return DeviceError(
            f"{self.device.name}: wanted the counts of a finished count, but it is not finished; wait until "
            "is_done() is true"
        )
