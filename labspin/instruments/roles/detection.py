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
        """Return the time after which motion and filter have settled behind a change of the drive, s.

        Parameters
        ----------
        ring_down_time
            Ring-down time of the cantilever, s; 0 gives the time of the filter alone; None: from the station.
        """
        ...

    def record(self, duration: float, *, rate: float | None = None) -> tuple[FloatArray, ComplexArray]:
        """Return a record of the quadratures: times (n,) in s and X + iY (n,) in V.

        Parameters
        ----------
        duration
            Length of the record, s.
        rate
            Samples a second, or the next rate above it; None: as many as the filter lets through.
        """
        ...

    def sweep(
        self, frequencies: ArrayLike, *, settling_time: float | None = None
    ) -> tuple[FloatArray, ComplexArray]:
        """Return frequencies as they were made (n,) in Hz and the settled response (n,) in V.

        Parameters
        ----------
        frequencies
            Frequencies of the drive, Hz, shape (n,), in the order in which they are taken.
        settling_time
            Wait at every frequency, s; None: what `settling_time` says.
        """
        ...

    def ring_down(
        self,
        duration: float | None = None,
        *,
        rate: float | None = None,
        settling_time: float | None = None,
    ) -> tuple[FloatArray, ComplexArray]:
        """Drive until settled, stop, and return times (n,) in s and the decaying quadratures (n,) in V.

        Parameters
        ----------
        duration
            Length of the record, s; None: five ring-down times.
        rate
            Samples a second; None: as many as the filter lets through.
        settling_time
            Wait before the drive stops, s; None: what `settling_time` says.
        """
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
        """Return frequencies (n,) in Hz, density of the undriven motion (n,) in V²/Hz, and averages.

        Parameters
        ----------
        resolution
            Width of a bin, Hz.
        averages
            Number of stretches whose periodograms are averaged.
        offset
            How far below the present frequency the reference is put meanwhile, Hz.
        time_constant
            Time constant of the filter while recording, s; None: as it is.
        window
            ``"none"`` or ``"hann"``.
        """
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
        """Return the time in which the output filter settles to ``fraction`` of a step, s.

        Parameters
        ----------
        fraction
            Part of the step that must be reached, between 0 and 1.
        """
        ...

    def start_recording(self, duration: float, *, rate: float) -> float:
        """Begin to store X and Y in the instrument; return the rate that it takes, Hz.

        Parameters
        ----------
        duration
            Length of the record, s.
        rate
            Samples a second; the instrument takes the next rate that it has, not below this.
        """
        ...

    def recorded(self) -> tuple[FloatArray, ComplexArray]:
        """Wait for the recording; return times since its start (s) and X + iY (V), shape (n,) each."""
        ...

    def record(self, duration: float, *, rate: float) -> tuple[FloatArray, ComplexArray]:
        """Store X and Y in the instrument, wait, and return them.

        Parameters
        ----------
        duration
            Length of the record, s.
        rate
            Samples a second; the instrument takes the next rate that it has, not below this.

        Returns
        -------
            Times (n,) in s and X + iY (n,) in V.
        """
        ...
