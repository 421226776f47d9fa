"""What lock-in amplifiers have in common: an oscillator, a mixer with its filter, and a clock that stores.

The oscillator drives two signals of the world; the input is an analog detector of the sample. Nothing is
computed before a question comes or something changes: then the filter is brought up to date from where it
was, through every instant at which a sample was due to be stored. The sample says what its voltage consists
of (`Stretch`: tones, decaying oscillations, drifts, Brownian motion), and the filter's answer to that is
exact (`Cascade`) at any distance from the reference, over any time. It advances in steps of τ at most, at
whose ends overloads are noticed; an input that clips is taken to clip alike over a whole step.

Voltages at the input are envelopes, so peak; what the instruments show is root-mean-square.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np

from labspin.physics.arguments import FloatArray
from labspin.physics.rc_filter import Cascade, Stretch, noise_bandwidth
from labspin.twin.message import MessageDevice
from labspin.twin.sample import ComplexArray
from labspin.twin.wire import CommandError, Unit
from labspin.twin.world import World

__all__ = ["LockInAmplifier", "Raw"]

_OVERLOAD = 1.09  # of full scale


class Raw(str):
    """An answer of bytes (as Latin-1 text), sent as it is: no terminator follows."""

    __slots__ = ()


class LockInAmplifier(MessageDevice):
    """A lock-in amplifier; what the models share.

    Ports ``frequency`` and ``amplitude`` are its oscillator's (Hz, V peak), ``input`` the detector,
    ``reference`` what an external reference follows: a line of the pattern, whose rising edges become the
    rising zeros of a sine, or a signal (Hz); ``aux_out1`` … signals that the auxiliary outputs drive (V).
    """

    ports: ClassVar = {
        "input": "detector",
        "frequency": "signal",
        "amplitude": "signal",
        "reference": "reference",
        **{f"aux_out{n}": "signal" for n in range(1, 5)},
    }
    default_wiring: ClassVar = {
        "input": "cantilever",
        "frequency": "drive.frequency",
        "amplitude": "drive.amplitude",
    }
    time_constants: ClassVar[tuple[float, ...]]

    def __init__(self, world: World, *, wiring: Mapping[str, str] | None = None, **options: object) -> None:
        self.saturated = False  # a stray voltage overloads the input (a fault)
        self.lost_reference = False  # the cable of the reference is off (a fault)
        self.largest_input = self.present_input = 0.0  # V peak, since the last `update_status` and now
        self.largest_output = 0.0  # V rms
        super().__init__(world, wiring=wiring, **options)
        world.watchers.add(self.follow)

    def wake(self) -> None:
        """Begin with an empty filter now, and with the oscillator as the settings say."""
        self.filter = Cascade(self.time_constant, self.stages)
        self._time = math.inf  # until the oscillator is on, nothing is looked at
        self.apply()
        self._time = self.world.clock.now()

    # -- what the models say -----------------------------------------------------------------------------

    @property
    @abstractmethod
    def own_frequency(self) -> float:
        """Frequency of the oscillator, Hz."""

    @property
    @abstractmethod
    def amplitude(self) -> float:
        """Amplitude of the oscillator, V rms."""

    @property
    @abstractmethod
    def external(self) -> bool:
        """Whether the reference comes from outside."""

    @property
    @abstractmethod
    def input_limit(self) -> float:
        """Largest voltage that the input bears, V peak."""

    @property
    @abstractmethod
    def full_scale(self) -> float:
        """Sensitivity, V rms."""

    @property
    def connected(self) -> bool:
        """Whether the input in use is the one that looks at the detector."""
        return True

    @property
    def time_constant(self) -> float:
        """Time constant of a filter stage, s."""
        return float(self.time_constants[self.state.time_constant])

    @property
    def stages(self) -> int:
        """Number of filter stages."""
        return int(self.state.slope) + 1

    def due(self, now: float) -> tuple[float, float, int]:
        """Return first instant (s), interval (s) and number of samples due to be stored until ``now``.

        Parameters
        ----------
        now
            Simulated time, s.
        """
        return math.inf, 0.0, 0

    def store(self, outputs: ComplexArray) -> None:
        """Store the filter's outputs at the instants that were due.

        Parameters
        ----------
        outputs
            X + iY, V rms; shape (n,).
        """

    @abstractmethod
    def update_status(self) -> None:
        """Set the bits of overloads since the last call."""

    # -- reference ---------------------------------------------------------------------------------------

    @property
    def unlocked(self) -> bool:
        """Whether there is nothing that the reference could follow."""
        return self.external and self._followed() is None

    def unlock(self) -> None:
        """Take the reference off, until ``lost_reference`` is taken back."""
        self.follow()
        self.lost_reference = True

    @property
    def reference(self) -> float:
        """Frequency of the reference, Hz."""
        if not self.external:
            return self.own_frequency
        return (self._followed() or (0.0, 0.0))[0]

    def _followed(self) -> tuple[float, float] | None:
        """Return frequency (Hz) of what the reference follows, and when the sine it makes of it rises (s)."""
        target = "" if self.lost_reference else self.wiring.get("reference", "")
        if target not in self.world.sample.inputs:
            return self.world.reference(target) if target else None
        frequency = self.world.level(target)
        return (frequency, -0.25 / frequency) if frequency > 0 else None

    @property
    def detection_frequency(self) -> float:
        """Frequency at which is detected, Hz."""
        return self.reference * int(self.state.harmonic)

    def _reference_phase(self) -> float:
        """Return the phase (rad) of the detected harmonic of the reference: of a cosine, at time 0."""
        followed = self._followed() if self.external else None
        if followed is None:
            return 0.0
        frequency, rises = followed
        cycles = math.fmod(int(self.state.harmonic) * frequency * rises, 1.0)
        return -2 * math.pi * (cycles + 0.25)

    def apply(self) -> None:
        """Put frequency and amplitude on the oscillator output."""
        self.drive("frequency", self.reference if self.external else self.own_frequency)
        self.drive("amplitude", math.sqrt(2) * self.amplitude)

    def refilter(self) -> None:
        """Follow a change of time constant or slope."""
        self.filter = self.filter.changed(self.time_constant, self.stages)

    # -- what passes between questions -------------------------------------------------------------------

    def _execute(self, message: str) -> bytes:
        self.follow()
        return super()._execute(message)

    def _obey(self, unit: Unit | CommandError) -> str | None:
        answer = super()._obey(unit)
        if isinstance(answer, Raw):  # sent at once: it is no line
            self._raw += answer.encode("latin-1")
            return None
        return answer

    def _exchange(self, message: str, execute: Callable[[str], bytes]) -> None:
        self._raw = b""
        super()._exchange(message, lambda text: execute(text) + self._raw)

    def follow(self, time: float | None = None) -> None:
        """Bring filter and stored samples up to ``time``.

        Parameters
        ----------
        time
            Simulated time, s; None is now.
        """
        now = self.world.clock.now() if time is None else time
        if now <= self._time:
            return
        first, interval, count = self.due(now)
        if count and interval > 2 * self.filter.memory:
            self.store(np.array([self._run_to(first + k * interval) for k in range(count)]))
        elif count:
            shown = [self._run_to(first)] if first > self._time else [self.filter.output]
            rest = self._run(interval, count - 1) if count > 1 else np.empty(0, dtype=np.complex128)
            self.store(np.concatenate((shown, rest)))
        self._run_to(now)

    def _run_to(self, time: float) -> complex:
        """Bring the filter to ``time`` (s) and return what it shows then, V rms."""
        span, memory = time - self._time, self.filter.memory
        if span > memory:
            self._time, span = time - memory, memory
            self.filter.forget()
        if span > 0:
            steps = math.ceil(span / self.filter.time_constant)
            self._run(span / steps, steps)
            self._time = time
        return self.filter.output

    def _run(self, interval: float, count: int) -> ComplexArray:
        """Advance by ``count`` intervals (s); return what the filter shows after each, V rms."""
        finer = max(1, math.ceil(interval / self.filter.time_constant - 1e-9))
        times = self._time + interval / finer * np.arange(count * finer + 1, dtype=np.float64)
        if self.saturated:
            self.largest_input = self.present_input = 2 * self.input_limit
            course = self._held(self.input_limit / math.sqrt(2), times)
        elif not self.wiring.get("input", "") or self.unlocked or not self.connected:
            self.present_input = 0.0
            course = self._held(0.0, times)
        else:
            course = self._heard(times)
        self.largest_output = max(self.largest_output, _largest_part(course))
        self._time = float(times[-1])
        return course[finer - 1 :: finer]

    def _held(self, value: float, times: FloatArray) -> ComplexArray:
        """Return what the filter shows at the end of each interval with ``value`` (V) behind the mixer."""
        interval, count = float(times[1] - times[0]), times.size - 1
        return self.filter.hold(value, interval, count, self._density(), self.world.rng)[:, -1]

    def _heard(self, times: FloatArray) -> ComplexArray:
        """Return what the filter shows at the end of each interval with the detector at the input, V rms."""
        phase = math.radians(self.state.phase) + self._reference_phase()
        ends: list[FloatArray] = []
        courses: list[ComplexArray] = []
        for stretch in self.world.stretches(self.wiring["input"], self.detection_frequency, times):
            course = self.filter.advance(
                stretch,
                angular_frequency=2 * math.pi * self.detection_frequency,
                phase=phase,
                density=self._density(),
                rng=self.world.rng,
                largest=self.input_limit,
            )
            self._felt(stretch)
            ends.append(stretch.times[1:])
            courses.append(course[:, -1])
        asked = np.isin(np.concatenate(ends), times[1:])  # a sample may cut intervals
        return np.concatenate(courses)[asked]

    def _felt(self, stretch: Stretch) -> None:
        self.largest_input = max(self.largest_input, float(stretch.sizes.max()))
        self.present_input = float(stretch.sizes[-1])

    def look(self) -> float:
        """Return the amplitude at the input now, V peak, which is also remembered."""
        if self.saturated:
            self.present_input = 2 * self.input_limit
        elif not self.wiring.get("input", "") or self.unlocked or not self.connected:
            self.present_input = 0.0
        else:
            now = np.array([self.world.clock.now()])
            envelope = self.world.quadratures(self.wiring["input"], self.detection_frequency, now)
            self.present_input = float(abs(envelope[0]))
        self.largest_input = max(self.largest_input, self.present_input)
        return self.present_input

    def _density(self) -> float:
        """Return the white noise at the input, V/√Hz."""
        detector = self.wiring.get("input", "")
        source = self.world.noise_density(detector, self.detection_frequency) if detector else 0.0
        return math.hypot(source, float(self._options["input_noise"]))

    # -- what is shown -----------------------------------------------------------------------------------

    @property
    def noise_bandwidth(self) -> float:
        """Equivalent noise bandwidth of the filter, Hz."""
        return noise_bandwidth(self.time_constant, self.stages)

    @property
    def noise_reading(self) -> float:
        """What X noise and Y noise settle at: the white noise of the input, V/√Hz."""
        return self._density()

    def overloads(self) -> tuple[bool, bool]:
        """Return whether input and output have been overloaded since the last call."""
        found = (
            self.largest_input > self.input_limit,
            self.largest_output > _OVERLOAD * self.full_scale,
        )
        self.largest_input = self.present_input
        self.largest_output = _largest_part(self.filter.state[-1:])
        return found

    def overload(self) -> None:
        """Put a stray voltage on the input that saturates it, until ``saturated`` is taken back."""
        self.follow()
        self.saturated = True

    def turn_phase(self, degrees: float) -> None:
        """Set the reference phase, brought to −180° … 180°.

        Parameters
        ----------
        degrees
            Phase, degrees, of any size.
        """
        self.state.phase = (degrees + 180.0) % 360.0 - 180.0

    # -- auxiliary connectors ----------------------------------------------------------------------------

    def drive_auxiliary(self, output: int) -> None:
        """Put the voltage of an auxiliary output on its signal.

        Parameters
        ----------
        output
            Number of the output, 1 to 4.
        """
        self.drive(f"aux_out{output}", self.state.auxiliary[output - 1])


def _largest_part(values: ComplexArray) -> float:
    return float(max(np.abs(values.real).max(), np.abs(values.imag).max()))
