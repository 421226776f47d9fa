"""What a procedure asks of an instrument: nine roles, each a small protocol in SI units.

A procedure names roles, a station file binds each role to a device, and a thin adapter beside the driver
translates. So a procedure never knows which maker's box it talks to, and a new driver serves every
procedure at once. Levels of microwave power are in dBm, the one unit that is not SI.

=========================  ==========================================  ==============================
role                       may be set (unit)                           is read (unit)
=========================  ==========================================  ==============================
`MicrowaveSource`          frequency (Hz), power (dBm)
`MagnetSupply`             current (A)                                 measured_current (A)
`Gaussmeter`                                                           field (T)
`PulseGenerator`           (pulse sequences)
`PhotonCounter`                                                        (counts)
`LockIn`                   frequency (Hz), amplitude (V),              x, y, magnitude (V), theta (rad)
                           phase (rad), time_constant (s),             (quadratures and traces, V)
                           sensitivity (V)
`TemperatureController`    setpoint (K)                                temperature (K)
`CantileverReadout`        frequency (Hz), amplitude (V),              (response, ring-down, V;
                           time_constant (s)                           thermal spectrum, V²/Hz)
`LaserPower`               power (W)                                   measured_power (W)
=========================  ==========================================  ==============================
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labspin.instruments.sequence import PulseSequence

__all__ = [
    "ACTUATORS",
    "READINGS",
    "ROLES",
    "CantileverReadout",
    "Device",
    "Gaussmeter",
    "LaserPower",
    "LockIn",
    "MagnetSupply",
    "MicrowaveSource",
    "PhotonCounter",
    "PulseGenerator",
    "TemperatureController",
    "implements",
    "missing_members",
]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


@runtime_checkable
class Device(Protocol):
    """What every instrument of a bench can do, whatever its role."""

    def safe(self) -> None:
        """Leave the device as it can be left alone: outputs off, lines low; may be repeated."""
        ...

    def identity(self) -> str:
        """Return the device's own identification: maker, model, serial number, firmware."""
        ...

    def settings(self) -> dict[str, Any]:
        """Return the device's settings as read back from it, for the snapshot of a run."""
        ...


@runtime_checkable
class MicrowaveSource(Device, Protocol):
    """A continuous microwave source; pulses are made by a switch that the pulse generator drives."""

    @property
    def frequency(self) -> float:
        """Control the output frequency (Hz)."""
        ...

    @frequency.setter
    def frequency(self, value: float) -> None: ...

    @property
    def power(self) -> float:
        """Control the output power (dBm)."""
        ...

    @power.setter
    def power(self, value: float) -> None: ...

    @property
    def output_enabled(self) -> bool:
        """Control whether the output is on (dimensionless, bool)."""
        ...

    @output_enabled.setter
    def output_enabled(self, value: bool) -> None: ...


@runtime_checkable
class MagnetSupply(Device, Protocol):
    """A current source that feeds a magnet."""

    @property
    def current(self) -> float:
        """Control the current set-point (A)."""
        ...

    @current.setter
    def current(self, value: float) -> None: ...

    @property
    def measured_current(self) -> float:
        """Measure the current that flows (A)."""
        ...

    @property
    def output_enabled(self) -> bool:
        """Control whether the output is on (dimensionless, bool)."""
        ...

    @output_enabled.setter
    def output_enabled(self, value: bool) -> None: ...


@runtime_checkable
class Gaussmeter(Device, Protocol):
    """A magnetometer at a fixed place."""

    @property
    def field(self) -> float:
        """Measure the magnetic field at the probe (T)."""
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
    def max_steps(self) -> int:
        """Get the number of steps that the pattern memory holds (dimensionless)."""
        ...

    @property
    def longest_step(self) -> float:
        """Get the longest step of the pattern memory; a longer wait takes several steps (s)."""
        ...

    def load(self, sequence: PulseSequence, *, repetitions: int = -1) -> None:
        """Check ``sequence`` against the hardware and make it ready; -1 repetitions means for ever."""
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


@runtime_checkable
class PhotonCounter(Device, Protocol):
    """A counter of photon pulses in time gates after a trigger."""

    @property
    def max_gates(self) -> int:
        """Get the number of gates after one trigger (dimensionless)."""
        ...

    def arm(
        self,
        gates: Sequence[tuple[float, float]],
        *,
        triggers: int,
        detectors: Sequence[str] | None = None,
    ) -> None:
        """Begin to count in ``gates``, each (delay, width) in s after one of ``triggers`` triggers.

        ``detectors`` names what each gate watches, such as ``"pl"`` or ``"reflected"``; None: the usual one.
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


@runtime_checkable
class TemperatureController(Device, Protocol):
    """A thermometer with a heater loop."""

    @property
    def temperature(self) -> float:
        """Measure the temperature (K)."""
        ...

    @property
    def setpoint(self) -> float:
        """Control the temperature that the loop holds (K)."""
        ...

    @setpoint.setter
    def setpoint(self, value: float) -> None: ...

    @property
    def output_enabled(self) -> bool:
        """Control whether the heater loop is on (dimensionless, bool)."""
        ...

    @output_enabled.setter
    def output_enabled(self, value: bool) -> None: ...


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
class LaserPower(Device, Protocol):
    """The power of a laser, as it is set and as it is measured."""

    @property
    def power(self) -> float:
        """Control the optical power (W)."""
        ...

    @power.setter
    def power(self, value: float) -> None: ...

    @property
    def measured_power(self) -> float:
        """Measure the optical power (W)."""
        ...


ROLES: Mapping[str, type] = MappingProxyType(
    {
        role.__name__: role
        for role in (
            MicrowaveSource,
            MagnetSupply,
            Gaussmeter,
            PulseGenerator,
            PhotonCounter,
            LockIn,
            TemperatureController,
            CantileverReadout,
            LaserPower,
        )
    }
)
"""Every role by its name."""

ACTUATORS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "MicrowaveSource": {"frequency": "Hz", "power": "dBm"},
        "MagnetSupply": {"current": "A"},
        "Gaussmeter": {},
        "PulseGenerator": {},
        "PhotonCounter": {},
        "LockIn": {
            "frequency": "Hz",
            "amplitude": "V",
            "phase": "rad",
            "time_constant": "s",
            "sensitivity": "V",
        },
        "TemperatureController": {"setpoint": "K"},
        "CantileverReadout": {"frequency": "Hz", "amplitude": "V", "time_constant": "s"},
        "LaserPower": {"power": "W"},
    }
)
"""For every role, the attributes that an engine may move, with their units."""

READINGS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "MicrowaveSource": {},
        "MagnetSupply": {"measured_current": "A"},
        "Gaussmeter": {"field": "T"},
        "PulseGenerator": {},
        "PhotonCounter": {},
        "LockIn": {"x": "V", "y": "V", "magnitude": "V", "theta": "rad"},
        "TemperatureController": {"temperature": "K"},
        "CantileverReadout": {},
        "LaserPower": {"measured_power": "W"},
    }
)
"""For every role, the scalar attributes that can only be read, with their units."""


def missing_members(kind: type, role: type) -> tuple[str, ...]:
    """Return the names that ``role`` asks for and the class ``kind`` does not have.

    Classes are compared, not instances: `isinstance` with a protocol evaluates properties on some versions
    of Python, and a property of an instrument is a question on the wire.
    """
    wanted: dict[str, None] = {}
    for base in reversed(role.__mro__):
        if base in (object, Protocol) or not getattr(base, "_is_protocol", False):
            continue
        wanted.update(dict.fromkeys(name for name in vars(base) if not name.startswith("_")))
    return tuple(name for name in wanted if inspect.getattr_static(kind, name, None) is None)


def implements(device: object, role: type) -> bool:
    """Return whether ``device`` offers everything that ``role`` asks for, without asking the device."""
    return not missing_members(type(device), role)
