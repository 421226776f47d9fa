"""Roles of a pulsed measurement: the generator of the pattern and the counter in its gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from labspin.instruments.roles.device import Device
from labspin.instruments.sequence import PulseSequence

__all__ = ["PhotonCounter", "PulseGenerator"]


@runtime_checkable
class PhotonCounter(Device, Protocol):
    """A counter of photon pulses in time gates after a trigger."""

    @property
    def max_gates(self) -> int:
        """Get the number of gates after one trigger (dimensionless)."""
        ...

    def check(
        self,
        gates: Sequence[tuple[float, float]],
        *,
        triggers: int,
        detectors: Sequence[str] | None = None,
    ) -> None:
        """Refuse what `arm` would refuse; counts nothing and sets nothing.

        Parameters
        ----------
        gates
            (delay, width) of each gate after the trigger, s.
        triggers
            Number of triggers over which is counted.
        detectors
            Name of the detector for each gate; None: the usual one for all gates.
        """
        ...

    def arm(
        self,
        gates: Sequence[tuple[float, float]],
        *,
        triggers: int,
        detectors: Sequence[str] | None = None,
    ) -> None:
        """Begin to count photons in gates after each trigger.

        Parameters
        ----------
        gates
            (delay, width) of each gate after the trigger, s.
        triggers
            Number of triggers over which is counted.
        detectors
            Name of the detector for each gate, such as ``"pl"`` or ``"reflected"``; None: the usual one for
            all gates.
        """
        ...

    def is_done(self) -> bool:
        """Return whether all triggers of the armed count have come."""
        ...

    def counts(self) -> NDArray[np.int64]:
        """Return the counts of the finished count, shape (gates,), dimensionless."""
        ...

    def stop(self) -> None:
        """Give up the armed count."""
        ...


@runtime_checkable
class PulseGenerator(Device, Protocol):
    """A generator of digital pulse patterns on named lines."""

    @property
    def lines(self) -> Mapping[str, int]:
        """Get the output number of every named line (dimensionless)."""
        ...

    @property
    def resolution(self) -> float:
        """Get the time step on which every edge must lie (s)."""
        ...

    @property
    def minimum_pulse(self) -> float:
        """Get the shortest pulse or gap on a line (s)."""
        ...

    @property
    def minimum_step(self) -> float:
        """Get the shortest time between edges of any two lines that do not coincide (s)."""
        ...

    @property
    def max_steps(self) -> int:
        """Get the number of steps that the pattern memory holds (dimensionless)."""
        ...

    @property
    def longest_step(self) -> float:
        """Get the longest step of the pattern memory; a longer wait takes several steps (s)."""
        ...

    def load(self, sequence: PulseSequence, *, repetitions: int = -1) -> None:
        """Check ``sequence`` against the hardware and make it ready to be started.

        Parameters
        ----------
        sequence
            The sequence.
        repetitions
            How often it is played; -1 means for ever.
        """
        ...

    def start(self) -> None:
        """Play the loaded sequence from its beginning."""
        ...

    def stop(self) -> None:
        """Stop playing; all lines go low."""
        ...

    def is_running(self) -> bool:
        """Return whether a sequence is being played."""
        ...
