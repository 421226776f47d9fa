"""What the drivers of the Stanford lock-in amplifiers SR830 and SR860 share.

Both have an oscillator that cannot be switched off, a register of overloads (``LIAS?``) and one of refused
commands (``*ESR?``), which are cleared when read, and lists of time constants and sensitivities whose
index is sent on the wire. What differs is data: limits, lists, and the bits of the registers.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from labspin.errors import DeviceError
from labspin.instruments.base import Guarded
from labspin.instruments.invalid import whole
from labspin.instruments.properties import switch
from labspin.instruments.refusals import StandardEvents

__all__ = ["StanfordLockIn"]

SLOPES = (6, 12, 18, 24)
"""Roll-offs of the output filter, dB/octave, by the index of ``OFSL``."""


class StanfordLockIn(StandardEvents):
    """Base of the drivers; listed before pymeasure's class of the model."""

    maker = "Stanford_Research_Systems"
    takes_several = True
    asked_once = Guarded.asked_once | {"LIAS?", "ERRS?"}
    frequency_limits: ClassVar[tuple[float, float]]
    """Least and greatest frequency of the oscillator, Hz."""
    amplitude_limits: ClassVar[tuple[float, float]]
    """Least and greatest root-mean-square amplitude of the oscillator, V."""
    time_constants: ClassVar[Sequence[float]]
    """Time constants of the output filter, s, by their index."""
    sensitivities: ClassVar[Sequence[float]]
    """Full scales, V, by their index."""
    overload_bits: ClassVar[int]
    """Bits of ``LIAS?`` that say that a reading may be wrong by an overload."""
    doubtful_bits: ClassVar[Mapping[int, str]]
    """All bits of ``LIAS?`` that make a reading meaningless, and what they say."""

    sine_voltage: float
    filter_synchronous: bool = switch(
        "SYNC?",
        "SYNC %d",
        """Control whether the synchronous filter is on (dimensionless, bool: True or False).""",
        name="lock-in filter_synchronous",
    )

    def clear(self) -> None:
        """Clear the status registers."""
        self.write("*CLS")

    @abstractmethod
    def use_internal_reference(self) -> None:
        """Take the reference from the oscillator."""

    @abstractmethod
    def use_external_reference(self) -> None:
        """Take the reference from rising edges (TTL) at the reference input."""

    def read_status(self) -> int:
        """Return what has happened to the readings since the last question, as bits, and forget it."""
        return int(self.values("LIAS?", cast=whole)[0])

    def overloaded(self) -> bool:
        """Return whether a reading since the last question may be wrong by an overload, and forget it."""
        return bool(self.read_status() & self.overload_bits)

    def refuse_current_input(self, is_current: bool) -> None:
        """Refuse an input that measures a current: its readings would be taken for volts.

        Parameters
        ----------
        is_current
            Whether the input measures a current.

        Raises
        ------
        DeviceError
            The input measures a current.
        """
        if is_current:
            raise DeviceError(
                f"{self._title}: wanted a voltage input, but its input measures a current, whose readings "
                "are in A; switch the input to voltage (A or A-B) at the front panel, then connect again"
            )

    def safe(self) -> None:
        """Bring the oscillator to its least amplitude."""
        self.sine_voltage = self.amplitude_limits[0]
