"""Roles of phase-sensitive detection: a lock-in amplifier, and a cantilever driven and read by one."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.instruments.roles.device import Device

__all__ = ["CantileverReadout", "LockIn"]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


@runtime_checkable
class CantileverReadout(Device, Protocol):
    """Drive and detection of a cantilever's motion."""

    @property
    def frequency(self) -> float:
        """Control the drive and reference frequency (Hz)."""
        ...

    @frequency.setter
    def frequency(self, value: float) -> None: ...

    @property
    def amplitude(self) -> float:
        """Control the drive amplitude (V)."""
        ...

    @amplitude.setter
    def amplitude(self, value: float) -> None: ...

    @property
    def time_constant(self) -> float:
        """Control the time constant of the detection's filter (s)."""
        ...

    @time_constant.setter
    def time_constant(self, value: float) -> None: ...

    def quadratures(self) -> complex:
        """Return X + iY of the motion at the drive's frequency as it is now (V, root-mean-square)."""
        ...

    def settling_time(self, ring_down_time: float | None = None) -> float:
        """Return the time (s) after which motion and filter have settled behind a change of the drive.

        The ring-down time is that of the station file where none is given; 0 gives that of the filter alone.
        """
        ...

    def record(self, duration: float, *, rate: float | None = None) -> tuple[FloatArray, ComplexArray]:
        """Return times (n,) in s and quadratures (n,) in V over ``duration`` s."""
        ...

    def sweep(
        self, frequencies: ArrayLike, *, settling_time: float | None = None
    ) -> tuple[FloatArray, ComplexArray]:
        """Return frequencies as they were made (n,) in Hz and the settled response (n,) in V."""
        ...

    def ring_down(
        self,
        duration: float | None = None,
        *,
        rate: float | None = None,
        settling_time: float | None = None,
    ) -> tuple[FloatArray, ComplexArray]:
        """Drive until settled, stop, and return times (n,) in s and the decaying quadratures (n,) in V."""
        ...

    def thermal_spectrum(
        self,
        *,
        resolution: float,
        averages: int = 10,
        offset: float = 0.0,
        time_constant: float | None = None,
        window: str = "none",
    ) -> tuple[FloatArray, FloatArray, int]:
        """Return frequencies (n,) in Hz, density of the undriven motion (n,) in V²/Hz, and averages."""
        ...


@runtime_checkable
class LockIn(Device, Protocol):
    """A lock-in amplifier with its own reference oscillator; its safe state is the oscillator's least."""

    @property
    def frequency(self) -> float:
        """Control the reference frequency (Hz)."""
        ...

    @frequency.setter
    def frequency(self, value: float) -> None: ...

    @property
    def amplitude(self) -> float:
        """Control the root-mean-square amplitude of the oscillator output (V)."""
        ...

    @amplitude.setter
    def amplitude(self, value: float) -> None: ...

    @property
    def phase(self) -> float:
        """Control the reference phase (rad)."""
        ...

    @phase.setter
    def phase(self, value: float) -> None: ...

    @property
    def time_constant(self) -> float:
        """Control the time constant of the output filter (s)."""
        ...

    @time_constant.setter
    def time_constant(self, value: float) -> None: ...

    @property
    def sensitivity(self) -> float:
        """Control the root-mean-square voltage that is full scale (V)."""
        ...

    @sensitivity.setter
    def sensitivity(self, value: float) -> None: ...

    @property
    def filter_slope(self) -> int:
        """Get the roll-off of the output filter in dB per octave (dimensionless)."""
        ...

    @property
    def harmonic(self) -> int:
        """Get the harmonic of the reference that is detected (dimensionless)."""
        ...

    @property
    def x(self) -> float:
        """Measure the in-phase quadrature, root-mean-square (V)."""
        ...

    @property
    def y(self) -> float:
        """Measure the out-of-phase quadrature, root-mean-square (V)."""
        ...

    @property
    def magnitude(self) -> float:
        """Measure the magnitude R, root-mean-square (V)."""
        ...

    @property
    def theta(self) -> float:
        """Measure the phase θ against the reference (rad)."""
        ...

    def quadratures(self) -> complex:
        """Return X + iY, both read at one instant (V, root-mean-square)."""
        ...

    def is_overloaded(self) -> bool:
        """Return whether input, filter or output has been overloaded since the last question."""
        ...

    def settling_time(self, fraction: float = 0.99) -> float:
        """Return the time (s) in which the output filter settles to ``fraction`` of a step."""
        ...

    def start_recording(self, duration: float, *, rate: float) -> float:
        """Begin to store ``duration`` s in the instrument; return its next rate not below ``rate`` (Hz)."""
        ...

    def recorded(self) -> tuple[FloatArray, ComplexArray]:
        """Wait for the recording; return times since its start (s) and X + iY (V), shape (n,) each."""
        ...

    def record(self, duration: float, *, rate: float) -> tuple[FloatArray, ComplexArray]:
        """Do both: store ``duration`` s at ``rate`` or the next rate above it, wait, and return it."""
        ...
