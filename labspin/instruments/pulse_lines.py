"""What adapters of pulse generators have in common: named lines, and a sequence that is loaded, then started.

A sequence is checked and translated before anything is sent; what was sent is kept, so that it can be sent
again by `PulseLinesAdapter.start` where stopping the device has made it forget.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labspin.errors import ArgumentError, DeviceError
from labspin.instruments.adapter import RoleAdapter
from labspin.instruments.sequence import PulseSequence

__all__ = ["Loaded", "PulseLinesAdapter", "check_lines", "usual_lines"]


def usual_lines() -> dict[str, int]:
    """Return the lines that most procedures need, at the first outputs."""
    return {"laser": 0, "microwave": 1, "trigger": 2}


def check_lines(lines: object, outputs: int) -> None:
    """Refuse lines that do not have an output each.

    Parameters
    ----------
    lines
        Name of the line to number of its output, from 0.
    outputs
        Number of outputs that the device has.

    Raises
    ------
    ArgumentError
        There is no line, an output does not exist, or it belongs to two lines.
    """
    if not isinstance(lines, Mapping) or not lines:
        raise ArgumentError(f"lines: wanted names and outputs such as {{laser = 0}}, got {lines!r}")
    taken: dict[int, str] = {}
    for line, output in lines.items():
        if isinstance(output, bool) or output not in range(outputs):
            raise ArgumentError(f"lines.{line}: wanted an output from 0 to {outputs - 1}, got {output!r}")
        if output in taken:
            raise ArgumentError(f"lines.{line}: output {output} already belongs to {taken[output]!r}")
        taken[output] = line


@dataclass(frozen=True)
class Loaded:
    """A sequence that was loaded, and what the device takes for it."""

    sequence: PulseSequence
    repetitions: int
    program: Any


class PulseLinesAdapter(RoleAdapter):
    """A generator as a `PulseGenerator`; its options have ``lines``."""

    role = "PulseGenerator"
    device: Any
    chosen: Any

    def __init__(self, driver: object, options: object = None) -> None:
        super().__init__(driver, options)
        self._loaded: Loaded | None = None
        self._written = False  # whether the device holds what is loaded

    @property
    def lines(self) -> Mapping[str, int]:
        """Get the output of every named line (dimensionless, int from 0)."""
        lines: Mapping[str, int] = self.chosen.lines
        return lines

    @property
    @abstractmethod
    def resolution(self) -> float:
        """Get the time step on which every edge must lie (s, float)."""

    @property
    @abstractmethod
    def minimum_pulse(self) -> float:
        """Get the shortest pulse or gap on a line (s, float)."""

    @property
    @abstractmethod
    def minimum_step(self) -> float:
        """Get the shortest time between two edges, on whatever lines (s, float)."""

    @property
    @abstractmethod
    def max_steps(self) -> int:
        """Get the number of steps that the pattern memory holds (dimensionless, int)."""

    @property
    @abstractmethod
    def longest_step(self) -> float:
        """Get the longest step of the pattern memory (s, float)."""

    @abstractmethod
    def _translated(self, sequence: PulseSequence, repetitions: int) -> Any:
        """Return what the device takes for ``sequence``; touches no hardware."""

    @abstractmethod
    def _send(self, loaded: Loaded) -> None:
        """Give the device what was loaded, to wait for its start."""

    def _make_ready(self) -> None:
        """Bring the device into a state in which it takes another sequence."""

    def load(self, sequence: PulseSequence, *, repetitions: int = -1) -> None:
        """Check ``sequence`` and make it ready to be started.

        Parameters
        ----------
        sequence
            The sequence.
        repetitions
            How often it is played; -1 means for ever.

        Raises
        ------
        SequenceError
            The hardware cannot play it.
        ArgumentError
            ``repetitions`` is neither -1 nor a whole number above zero.
        """
        whole = isinstance(repetitions, int) and not isinstance(repetitions, bool)
        if not whole or repetitions < -1 or repetitions == 0:
            raise ArgumentError(f"repetitions: wanted -1 or a whole number > 0, got {repetitions!r}")
        sequence.check_for(self)
        program = self._translated(sequence, repetitions)
        self._written = False
        self._make_ready()
        self._loaded = Loaded(sequence, repetitions, program)
        self._write()

    def _write(self) -> None:
        if self._loaded is None:
            raise DeviceError(
                f"{self.device.name}: wanted a loaded sequence to start, got none; call load first"
            )
        self._written = False
        self._send(self._loaded)
        self._written = True

    @abstractmethod
    def start(self) -> None:
        """Play the loaded sequence from its beginning."""

    @abstractmethod
    def stop(self) -> None:
        """Stop playing; all lines go low. The sequence can be started again."""

    @abstractmethod
    def is_running(self) -> bool:
        """Return whether a sequence is being played."""

    def safe(self) -> None:
        """Stop playing; all lines go low."""
        self.stop()

    def _period(self, sequence: PulseSequence) -> float:
        """Return the period with which the device repeats ``sequence``, s."""
        return sequence.duration

    def settings(self) -> dict[str, object]:
        """Return lines, loaded sequence, its period (s) and repetitions, and whether it is played."""
        loaded = self._loaded
        return {
            "lines": dict(self.lines),
            "sequence": loaded.sequence.to_dict() if loaded else None,
            "period": self._period(loaded.sequence) if loaded else None,
            "repetitions": loaded.repetitions if loaded else None,
            "running": self.is_running(),
        }
