"""A cantilever's drive and detection, made of one lock-in amplifier: sweep, ring-down, thermal spectrum.

The oscillator of the lock-in shakes the cantilever (a piezo, a coil), its input is the voltage of the
read-out (an interferometer's photodiode). Amplitudes are root-mean-square at both ends.

Quirks of the method (the documentation of the lock-ins says the rest):

- A cantilever answers as slowly as it rings down. A sweep that moves on before it has settled gives a line
  that is skewed, shifted and too wide; so every point waits for the ring-down *and* the filter.
- Frequencies are read back: an oscillator with five or six digits does not make what it was asked for.
- An oscillator cannot be wholly off (4 mV of an SR830). After a ring-down the drive is left at its least.
- In a thermal spectrum the filter is divided out, up to the frequency where it leaves half of the power.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.clock import Clock
from labspin.errors import ArgumentError, OverloadError
from labspin.instruments.composite import CompositeAdapter
from labspin.instruments.roles import LockIn

__all__ = ["CantileverOptions", "LockInCantilever"]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

_SLOWEST_RING_DOWN = 1e5  # s
_LEAST_PASSED = 0.5  # of the power, by the filter


@dataclass(frozen=True, kw_only=True)
class CantileverOptions:
    """What a station file may say about a cantilever."""

    ring_down_time: float = field(default=1.0, metadata={"unit": "s"})
    """Time in which the amplitude of the free motion falls to 1/e, 2Q/ω, s; a sweep waits for it."""
    accuracy: float = 1e-3
    """Part of a change that may be left when a reading is taken."""

    def __post_init__(self) -> None:
        if not 0 < self.ring_down_time < _SLOWEST_RING_DOWN:
            raise ArgumentError(
                f"ring_down_time: wanted more than 0 s and less than {_SLOWEST_RING_DOWN:g} s, "
                f"got {self.ring_down_time!r}"
            )
        if isinstance(self.accuracy, bool) or not 1e-9 <= self.accuracy <= 0.5:
            raise ArgumentError(f"accuracy: wanted a number from 1e-9 to 0.5, got {self.accuracy!r}")


class LockInCantilever(CompositeAdapter):
    """A cantilever on a lock-in amplifier as a `CantileverReadout`.

    Attributes
    ----------
    ring_down_time : float
        What waits are counted by, s; from the options, and may be set to what a ring-down has shown.
    """

    role = "CantileverReadout"
    options: ClassVar[type] = CantileverOptions
    parts: ClassVar[Mapping[str, str]] = {"lockin": "LockIn"}
    moves: ClassVar[Mapping[str, tuple[str, str]]] = {
        "frequency": ("lockin", "frequency"),
        "amplitude": ("lockin", "amplitude"),
        "time_constant": ("lockin", "time_constant"),
    }
    chosen: CantileverOptions

    def __init__(
        self, parts: Mapping[str, Any], *, name: str = "", clock: Clock, options: object = None
    ) -> None:
        super().__init__(parts, name=name, clock=clock, options=options)
        self.ring_down_time = self.chosen.ring_down_time

    @property
    def lockin(self) -> LockIn:
        """Get the amplifier that this is made of, within its limits (dimensionless, a LockIn)."""
        found: LockIn = self.made_of["lockin"]
        return found

    @property
    def frequency(self) -> float:
        """Control the frequency of drive and detection (Hz, float within the lock-in's range)."""
        return self.lockin.frequency

    @frequency.setter
    def frequency(self, value: float) -> None:
        self.lockin.frequency = value

    @property
    def amplitude(self) -> float:
        """Control the root-mean-square amplitude of the drive (V, float within the lock-in's range)."""
        return self.lockin.amplitude

    @amplitude.setter
    def amplitude(self, value: float) -> None:
        self.lockin.amplitude = value

    @property
    def time_constant(self) -> float:
        """Control the time constant of the lock-in's filter (s, float out of the model's list)."""
        return self.lockin.time_constant

    @time_constant.setter
    def time_constant(self, value: float) -> None:
        self.lockin.time_constant = value

    def quadratures(self) -> complex:
        """Return X + iY of the motion at the drive's frequency as it is now, V rms.

        Raises
        ------
        OverloadError
            The lock-in has been overloaded since the last reading.
        """
        found = self.lockin.quadratures()
        self._check_range(abs(found))
        return found

    def _check_range(self, volts: float) -> None:
        if self.lockin.is_overloaded():
            raise OverloadError(
                f"{self.name}: the lock-in is overloaded at {self.lockin.frequency:g} Hz and reads "
                f"{volts:.3g} V; lower the drive, or take a larger sensitivity or input range"
            )

    def settling_time(self, ring_down_time: float | None = None) -> float:
        """Return the time after which a change of the drive has settled to the accuracy, s.

        Cantilever and filter settle one after the other at worst, so the times add.

        Parameters
        ----------
        ring_down_time
            Ring-down time of the cantilever, s; 0 for the filter alone; None: the attribute.
        """
        accuracy = 0.5 * self.chosen.accuracy
        known = self.ring_down_time if ring_down_time is None else ring_down_time
        return known * math.log(1 / accuracy) + self.lockin.settling_time(1 - accuracy)

    def settle(self, settling_time: float | None = None) -> None:
        """Wait until the drive has settled, and forget overloads on the way.

        Parameters
        ----------
        settling_time
            The wait, s; None: what `settling_time` says.
        """
        self.clock.sleep(self.settling_time() if settling_time is None else settling_time)
        self.lockin.is_overloaded()

    def sweep(
        self, frequencies: ArrayLike, *, settling_time: float | None = None
    ) -> tuple[FloatArray, ComplexArray]:
        """Return the driven response, point by point, each after it has settled.

        Parameters
        ----------
        frequencies
            Hz, shape (n,), in the order in which they are taken.
        settling_time
            Wait at every point, s; None: what `settling_time` says.

        Returns
        -------
        frequencies, response
            As the oscillator made them, Hz, and X + iY, V rms; shape (n,) each.

        Raises
        ------
        OverloadError
            The lock-in was overloaded.
        """
        wait = self.settling_time() if settling_time is None else settling_time
        found = [self._point(frequency, wait) for frequency in np.ravel(np.asarray(frequencies, dtype=float))]
        made, response = zip(*found, strict=True) if found else ((), ())
        return np.array(made, dtype=np.float64), np.array(response, dtype=np.complex128)

    def _point(self, frequency: float, wait: float) -> tuple[float, complex]:
        self.lockin.frequency = float(frequency)
        self.clock.sleep(wait)
        self.lockin.is_overloaded()
        return self.lockin.frequency, self.quadratures()

    def record(self, duration: float, *, rate: float | None = None) -> tuple[FloatArray, ComplexArray]:
        """Return a stretch of X + iY as it is now.

        Parameters
        ----------
        duration
            s.
        rate
            Samples a second, or the lock-in's next rate above it; None: as many as the filter lets through.

        Returns
        -------
        times, quadratures
            s since the start, V rms; shape (n,) each.
        """
        self.lockin.start_recording(duration, rate=self._filter_rate() if rate is None else rate)
        self.clock.sleep(duration)
        return self.lockin.recorded()

    def ring_down(
        self,
        duration: float | None = None,
        *,
        rate: float | None = None,
        settling_time: float | None = None,
    ) -> tuple[FloatArray, ComplexArray]:
        """Drive at the present frequency until settled, stop, and return the decay.

        The decay is that of the cantilever where the filter is faster. The drive stays at its least.

        Parameters
        ----------
        duration
            s; None: five ring-down times.
        rate
            Samples a second; None: as many as the filter lets through.
        settling_time
            Wait before the drive stops, s; None: what `settling_time` says.

        Returns
        -------
        times, quadratures
            s since the drive stopped, V rms; shape (n,) each.

        Raises
        ------
        OverloadError
            The lock-in was overloaded.
        """
        length = 5 * self.ring_down_time if duration is None else duration
        self.settle(settling_time)
        self.lockin.start_recording(length, rate=self._filter_rate() if rate is None else rate)
        self.lockin.safe()
        self.clock.sleep(length)
        times, seen = self.lockin.recorded()
        self._check_range(float(np.abs(seen).max(initial=0.0)))
        return times, seen

    def thermal_spectrum(
        self,
        *,
        resolution: float,
        averages: int = 10,
        offset: float = 0.0,
        time_constant: float | None = None,
        window: str = "none",
        progress: Callable[[int], None] | None = None,
    ) -> tuple[FloatArray, FloatArray, int]:
        """Return the power spectrum of the undriven motion around the present frequency.

        The drive goes to its least. The envelope X + iY is recorded in ``averages`` stretches of
        1/``resolution``; each gives a periodogram, and their mean is returned: in every bin it follows a χ²
        distribution of 2 ``averages`` degrees of freedom. Without a window neighbouring bins are
        independent, but a line of width Γ gains a part 1/(πTΓ) in its wings, T being the length of a
        stretch; with a Hann window it does not, but neighbours are correlated by 2/3.

        Parameters
        ----------
        resolution
            Width of a bin, Hz.
        averages
            Number of stretches.
        offset
            How far below the present frequency the reference is put, Hz: the motion is then seen beside
            what is left of the drive. The reference is put back.
        time_constant
            Time constant of the filter while recording, s: it sets how wide the spectrum is; None: as it is.
        window
            ``"none"`` or ``"hann"``.
        progress
            Called with the number of stretches done.

        Returns
        -------
        frequencies, density, averages
            Hz, rising, shape (n,); one-sided density of the read-out's voltage, V²/Hz, shape (n,); and the
            number of averages.

        Raises
        ------
        ArgumentError
            The spectrum is narrower than a few bins.
        """
        if isinstance(averages, bool) or not isinstance(averages, int) or averages < 1:
            raise ArgumentError(f"averages: wanted a whole number from 1, got {averages!r}")
        if not (math.isfinite(resolution) and resolution > 0):
            raise ArgumentError(f"resolution: wanted a number > 0 Hz, got {resolution!r}")
        if window not in ("none", "hann"):
            raise ArgumentError(f"window: wanted 'none' or 'hann', got {window!r}")
        frequency, before = self.lockin.frequency, self.lockin.time_constant
        try:
            if time_constant is not None:
                self.lockin.time_constant = time_constant
            if offset:
                self.lockin.frequency = frequency - offset
            self.lockin.safe()
            self.settle()
            return self._spectrum(resolution, averages, window, progress)
        finally:
            self.lockin.frequency = frequency
            if time_constant is not None:
                self.lockin.time_constant = before

    def _spectrum(
        self, resolution: float, averages: int, window: str, progress: Callable[[int], None] | None
    ) -> tuple[FloatArray, FloatArray, int]:
        mean, axis = np.zeros(()), np.empty(0)
        for done in range(1, averages + 1):
            times, seen = self.record(1 / resolution)
            axis, power = _periodogram(times, seen, window)
            mean = mean + power / averages
            if progress is not None:
                progress(done)
        passed = self._passed(axis)
        kept = passed >= _LEAST_PASSED
        if kept.sum() < 5:
            raise ArgumentError(
                f"resolution: wanted at least 5 bins within the filter's band, got {kept.sum()} of "
                f"{resolution:g} Hz; refine it or shorten the time constant"
            )
        density: FloatArray = mean[kept] / passed[kept]
        return axis[kept] + self.lockin.frequency, density, averages

    def _passed(self, offset: FloatArray) -> FloatArray:
        """Return the part of the power that the filter passes at offsets from the reference (Hz)."""
        turn = 2 * math.pi * offset * self.lockin.time_constant
        stages = self.lockin.filter_slope // 6
        return np.asarray((1 + turn**2) ** -float(stages))

    def _filter_rate(self) -> float:
        """Return a rate at which the filter leaves little to fold back, samples a second."""
        return 2 / self.lockin.time_constant

    def settings(self) -> dict[str, object]:
        """Return drive (Hz, V), filter (s) and the times that waits are counted by (s)."""
        return {
            "frequency": self.frequency,
            "amplitude": self.amplitude,
            "time_constant": self.lockin.time_constant,
            "ring_down_time": self.ring_down_time,
            "settling_time": self.settling_time(),
        }


def _periodogram(times: FloatArray, seen: Iterable[complex], window: str) -> tuple[FloatArray, FloatArray]:
    """Return offsets (Hz, rising) and the power of an envelope in V rms, V²/Hz.

    The density of an envelope whose modulus is the root-mean-square of a voltage, two-sided around its
    reference, is the one-sided density of the voltage.
    """
    values = np.asarray(seen)[:-1]  # the last sample closes the stretch
    interval = times[1] - times[0]
    if window == "hann":
        weights = 1 - np.cos(2 * np.pi * (np.arange(len(values)) + 0.5) / len(values))
        values = values * weights / np.sqrt(np.mean(weights**2))
    power = np.abs(np.fft.fft(values)) ** 2 * interval / len(values)
    return np.fft.fftshift(np.fft.fftfreq(len(values), interval)), np.fft.fftshift(power)
