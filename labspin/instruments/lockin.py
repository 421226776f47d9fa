"""What adapters of lock-in amplifiers have in common: the role, options, and recordings.

Amplitudes are root-mean-square, as the instruments show them. A recording is made in the instrument's own
memory, on its own clock, and read when it is complete.
"""

from __future__ import annotations

import cmath
import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from labspin.errors import ArgumentError, DeviceError
from labspin.instruments.adapter import RoleAdapter
from labspin.instruments.limits import check_limits

__all__ = ["LockInAdapter", "LockInOptions"]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

_PATIENCE = 5.0  # s that a recording may be late


@dataclass(frozen=True, kw_only=True)
class LockInOptions:
    """What a station file may say about a lock-in; what is not said stays as it is."""

    sensitivity: float | None = field(default=None, metadata={"unit": "V"})
    """Full scale, V rms."""
    time_constant: float | None = field(default=None, metadata={"unit": "s"})
    """Time constant of the output filter, s."""
    filter_slope: int | None = None
    """Roll-off of the output filter, dB/octave."""
    harmonic: int = 1
    """Harmonic that is detected."""
    coupling: str = "AC"
    """Coupling of the input, "AC" or "DC"."""
    reference: str = "internal"
    """"internal": the instrument's own oscillator; "external": rising edges (TTL) at its reference input."""

    def __post_init__(self) -> None:
        if self.filter_slope not in (None, 6, 12, 18, 24):
            raise ArgumentError(f"filter_slope: wanted 6, 12, 18 or 24 dB/octave, got {self.filter_slope!r}")
        if isinstance(self.harmonic, bool) or not isinstance(self.harmonic, int) or self.harmonic < 1:
            raise ArgumentError(f"harmonic: wanted a whole number from 1, got {self.harmonic!r}")
        if self.coupling not in ("AC", "DC"):
            raise ArgumentError(f"coupling: wanted 'AC' or 'DC', got {self.coupling!r}")
        if self.reference not in ("internal", "external"):
            raise ArgumentError(f"reference: wanted 'internal' or 'external', got {self.reference!r}")


@dataclass(frozen=True)
class _Recording:
    """A recording that is going on."""

    started: float  # s
    rate: float  # Hz
    count: int


class LockInAdapter(RoleAdapter):
    """A lock-in amplifier as a `LockIn`; what the models share."""

    role = "LockIn"
    options: ClassVar[type] = LockInOptions
    device: Any
    chosen: LockInOptions
    relied_on: ClassVar[tuple[str, ...]] = (
        "frequency",
        "amplitude",
        "phase",
        "time_constant",
        "sensitivity",
        "filter_slope",
        "harmonic",
        "device.input_config",
        "device.input_coupling",
        "device.reference_source",
        "device.filter_synchronous",
    )
    resolutions: ClassVar[Mapping[str, float]] = {"amplitude": 2e-3, "phase": 2e-4}
    entails: ClassVar[Mapping[str, tuple[str, ...]]] = dict.fromkeys(
        ("frequency", "sensitivity", "time_constant"), ("time_constant", "sensitivity", "filter_slope")
    )

    def __init__(self, driver: object, options: LockInOptions | None = None) -> None:
        super().__init__(driver, options)
        self._recording: _Recording | None = None
        self._latched = 0  # bits of the status that are not reported yet
        self._overloads_were_asked = False  # by a procedure, since the last doubts

    @classmethod
    def ranges(cls, options: object = None) -> Mapping[str, tuple[float, float]]:
        """Return the hardware's limits, Hz, V, rad and s.

        Parameters
        ----------
        options
            Not used.
        """
        driver: Any = cls.driver
        return {
            "frequency": driver.frequency_limits,
            "amplitude": driver.amplitude_limits,
            "phase": (-2 * np.pi, 2 * np.pi),
            "time_constant": (min(driver.time_constants), max(driver.time_constants)),
            "sensitivity": (min(driver.sensitivities), max(driver.sensitivities)),
        }

    def configure(self) -> None:
        """Forget old errors, and set what the options say."""
        device, chosen = self.device, self.chosen
        device.clear()
        if chosen.reference == "external":
            device.use_external_reference()
        else:
            device.use_internal_reference()
        device.input_coupling = chosen.coupling
        device.harmonic = chosen.harmonic
        if device.filter_synchronous:  # it settles in periods of the reference, which no wait here knows
            device.filter_synchronous = False
        for name in ("sensitivity", "filter_slope", "time_constant"):
            if (value := getattr(chosen, name)) is not None:
                setattr(device, name, value)
        self._recording = None

    @property
    def frequency(self) -> float:
        """Control the frequency of the reference (Hz, float within the model's range).

        That of an external reference can only be read; it is 0 where there is none.
        """
        return float(self.device.frequency)

    @frequency.setter
    def frequency(self, value: float) -> None:
        if self.chosen.reference == "external":
            raise DeviceError(
                f"{self.device.name}: wanted {value:g} Hz, but its reference is external; change it "
                "where the reference comes from, or say reference = 'internal' in the station file"
            )
        self.device.frequency = value

    @property
    def amplitude(self) -> float:
        """Control the root-mean-square amplitude of the oscillator (V, float within the model's range)."""
        return float(self.device.sine_voltage)

    @amplitude.setter
    def amplitude(self, value: float) -> None:
        self.device.sine_voltage = value

    @property
    def phase(self) -> float:
        """Control the reference phase (rad, float from -2π to 2π)."""
        return math.radians(self.device.phase)

    @phase.setter
    def phase(self, value: float) -> None:
        name = f"{self.device.name} phase"
        self.device.phase = math.degrees(check_limits(name, value, *self.ranges()["phase"], "rad"))

    @property
    def time_constant(self) -> float:
        """Control the time constant of the output filter (s, float out of the model's list)."""
        return float(self.device.time_constant)

    @time_constant.setter
    def time_constant(self, value: float) -> None:
        self.device.time_constant = value

    @property
    def sensitivity(self) -> float:
        """Control the full scale (V, float out of the model's list, root-mean-square)."""
        return float(self.device.sensitivity)

    @sensitivity.setter
    def sensitivity(self, value: float) -> None:
        self.device.sensitivity = value

    @property
    def filter_slope(self) -> int:
        """Get the roll-off of the output filter in dB/octave (dimensionless, int: 6, 12, 18 or 24)."""
        return int(self.device.filter_slope)

    @property
    def harmonic(self) -> int:
        """Get the harmonic that is detected (dimensionless, int)."""
        return int(self.device.harmonic)

    @property
    def x(self) -> float:
        """Measure the in-phase quadrature (V, float, root-mean-square)."""
        return self.quadratures().real

    @property
    def y(self) -> float:
        """Measure the out-of-phase quadrature (V, float, root-mean-square)."""
        return self.quadratures().imag

    @property
    def magnitude(self) -> float:
        """Measure the magnitude R (V, float, root-mean-square)."""
        return abs(self.quadratures())

    @property
    def theta(self) -> float:
        """Measure the phase θ against the reference (rad, float from -π to π)."""
        return cmath.phase(self.quadratures())

    def quadratures(self) -> complex:
        """Return X + iY, both read at one instant, V rms."""
        return complex(*self.device.snap())

    def is_overloaded(self) -> bool:
        """Return whether a reading since the last question may be wrong by an overload.

        Who asks takes care of overloads: the next `doubts` does not tell of them.
        """
        self._overloads_were_asked = True
        self._latched |= self.device.read_status()
        found = self._latched & self.device.overload_bits
        self._latched &= ~self.device.overload_bits
        return bool(found)

    def doubts(self) -> tuple[str, ...]:
        """Return which overloads there were, and whether the reference was lost, since the last question."""
        found, self._latched = self._latched | self.device.read_status(), 0
        if self._overloads_were_asked:
            found &= ~self.device.overload_bits
        self._overloads_were_asked = False
        return tuple(text for bit, text in self.device.doubtful_bits.items() if found & bit)

    def relies_on(self) -> tuple[str, ...]:
        """Return the settings that readings depend on; an external frequency is not this instrument's."""
        known = type(self).relied_on
        return known if self.chosen.reference == "internal" else tuple(n for n in known if n != "frequency")

    def settling_time(self, fraction: float = 0.99) -> float:
        """Return the time in which the output filter settles to ``fraction`` of a step, s.

        Parameters
        ----------
        fraction
            Part of the step that must be reached, between 0 and 1.
        """
        from labspin.physics.lockin import LockInFilter

        return LockInFilter(self.time_constant, self.filter_slope).settling_time(fraction)

    # -- recordings --------------------------------------------------------------------------------------

    @abstractmethod
    def _rate(self, rate: float) -> float:
        """Return the next rate that the instrument has, not below ``rate``, samples a second."""

    @abstractmethod
    def _begin(self, rate: float, count: int) -> None:
        """Start to store ``count`` samples; refuse more than there is room for."""

    @abstractmethod
    def _stored(self) -> int:
        """Return the number of samples stored so far."""

    @abstractmethod
    def _read(self, count: int) -> ComplexArray:
        """End the storing, and return the first ``count`` samples."""

    def start_recording(self, duration: float, *, rate: float) -> float:
        """Begin to store X and Y for ``duration`` s.

        Parameters
        ----------
        duration
            s, > 0.
        rate
            Samples a second; the instrument takes the next rate that it has, not below this.

        Returns
        -------
        float
            The rate, Hz.

        Raises
        ------
        LimitError
            There is no such rate at this time constant, or not so much memory.
        """
        name = self.device.name
        check_limits(f"{name} duration of a recording", duration, 1e-6, 1e7, "s")
        chosen = self._rate(check_limits(f"{name} rate of a recording", rate, 1e-3, 1e7, "Hz"))
        count = math.floor(duration * chosen * (1 + 1e-9)) + 1
        self._recording = None
        self._begin(chosen, count)
        self._recording = _Recording(self.device.clock.now(), chosen, count)
        return chosen

    def recorded(self) -> tuple[FloatArray, ComplexArray]:
        """Wait until the recording is complete, and return it.

        Returns
        -------
        times, quadratures
            s since the start, and X + iY in V rms; shape (n,) each.

        Raises
        ------
        DeviceError
            None was started, or it does not become complete.
        """
        going = self._recording
        if going is None:
            raise DeviceError(
                f"{self.device.name}: wanted a recording, but none was started; call start_recording first"
            )
        self._await(going)
        self._recording = None
        return np.arange(going.count) / going.rate, self._read(going.count)

    def _await(self, going: _Recording) -> None:
        clock = self.device.clock
        ends = going.started + (going.count - 1) / going.rate
        while (stored := self._stored()) < going.count:
            left = ends - clock.now()
            if left < -_PATIENCE - 2 / going.rate:
                raise DeviceError(
                    f"{self.device.name}: wanted {going.count} samples, but after "
                    f"{clock.now() - going.started:.3g} s there are {stored}; see whether something else "
                    "uses the instrument"
                )
            clock.sleep(max(left, 0.01, 0.5 / going.rate))

    def record(self, duration: float, *, rate: float) -> tuple[FloatArray, ComplexArray]:
        """Store X and Y in the instrument, wait, and return them; see `start_recording`.

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
        self.start_recording(duration, rate=rate)
        return self.recorded()

    def settings(self) -> dict[str, object]:
        """Return oscillator (Hz, V), phase (degrees), filter (s, dB/octave), gain and input, read back."""
        device = self.device
        return {
            "frequency": device.frequency,
            "amplitude": device.sine_voltage,
            "phase": device.phase,
            "harmonic": device.harmonic,
            "time_constant": device.time_constant,
            "filter_slope": device.filter_slope,
            "sensitivity": device.sensitivity,
            "input_config": device.input_config,
            "input_coupling": device.input_coupling,
            "reference_source": device.reference_source,
        }
