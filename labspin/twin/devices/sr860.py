"""SRS SR860: a lock-in amplifier for 1 mHz to 500 kHz.

After the *SR860 500 kHz DSP Lock-in Amplifier* operation manual (Stanford Research Systems, revision 2.01),
chapter 4, and the words that the drivers of pymeasure and QCoDeS send. A command and its argument are parted
by a space, a choice may be given by number or word, and answers to several questions in one line are joined
by semicolons. X and Y do not depend on the sensitivity, which scales the analog outputs only.

Worth knowing when driving it:

* The oscillator has six digits: 10 mHz at 3 kHz. Its least amplitude is 1 nV; 0 V is taken for that.
* The rate of a capture is the greatest one for the time constant, divided by a power of two.
* A capture is read with ``CAPTUREGET?`` in blocks of at most 64 kB, and only when it has stopped. It is
  stored in pieces of 2 kB; what is not filled is zero. Bits 1 and 2 of ``CAPTURESTAT?`` stay until
  ``CAPTURECFG``.

Assumed: the greatest capture rate is the largest 1.25 MHz/2^n that is not above ten samples a time constant;
12 dB/octave and 100 ms after ``*RST``, at 100 kHz. Not simulated: line and advanced filters, dual reference,
chopper, scans, streaming, FFT; their settings are kept where a driver reads them back. It wakes up as it was
switched off: here with the oscillator at 0 V and 1 kHz.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from labspin.physics.arguments import FloatArray
from labspin.twin.devices.stanford_lockin import StanfordLockIn
from labspin.twin.sample import ComplexArray
from labspin.twin.wire import CommandError, Dialect

__all__ = ["SR860", "Settings"]

SENSITIVITIES: tuple[float, ...] = (
    1.0,
    *(float(f"{digit}e{exponent}") for exponent in range(-1, -10, -1) for digit in (5, 2, 1)),
)
"""V rms, by the index of ``SCAL``: 1 V to 1 nV."""
TIME_CONSTANTS: tuple[float, ...] = tuple(
    float(f"{digit}e{exponent}") for exponent in range(-6, 5) for digit in (1, 3)
)
"""s, by the index of ``OFLT``: 1 µs to 30 ks."""
INPUT_RANGES: tuple[float, ...] = (1.0, 0.3, 0.1, 0.03, 0.01)
"""V peak, by the index of ``IRNG``."""

CHANNEL_1, CHANNEL_2, UNLOCK, RANGE, TRIGGER = 1, 2, 8, 16, 128  # bits of LIAS
GREATEST_FREQUENCY = 500e3  # Hz
LEAST_AMPLITUDE = 1e-9  # V
_GREATEST_RATE = 1.25e6  # samples a second
_SAMPLES_PER_TIME_CONSTANT = 10
_BLOCK, _KILOBYTE, _SAMPLE = 2048, 1024, 4  # bytes
CAPTURED = (("x",), ("x", "y"), ("r", "theta"), ("x", "y", "r", "theta"))


@dataclass
class Settings:
    """What the instrument is set to, by the indices of the commands; as after ``*RST``."""

    phase: float = 0.0  # degrees
    source: int = 0  # 0 internal, 1 external, 2 dual, 3 chopper
    frequency: float = 100e3  # Hz
    harmonic: int = 1
    dual_harmonic: int = 1
    amplitude: float = LEAST_AMPLITUDE  # V rms
    level: float = 0.0  # V, of the oscillator
    level_mode: int = 0
    trigger_shape: int = 0
    trigger_impedance: int = 1
    timebase: int = 0
    signal: int = 0  # 0 voltage, 1 current
    input: int = 0
    coupling: int = 0
    grounding: int = 0
    range: int = 0
    current_range: int = 0
    sensitivity: int = 0
    time_constant: int = 10
    slope: int = 1
    synchronous: int = 0
    advanced: int = 0
    channels: list[int] = field(default_factory=lambda: [0, 0])  # CH1, CH2: XY or Rθ
    offsets: list[float] = field(default_factory=lambda: [0.0] * 3)  # %
    offsets_on: list[int] = field(default_factory=lambda: [0] * 3)
    expands: list[int] = field(default_factory=lambda: [0] * 3)
    ratios: list[int] = field(default_factory=lambda: [0] * 3)
    auxiliary: list[float] = field(default_factory=lambda: [0.0] * 4)  # V
    data_channels: list[int] = field(default_factory=lambda: [0, 1, 2, 3])
    graphs: list[int] = field(default_factory=lambda: [1] * 4)
    preset_frequencies: list[float] = field(default_factory=lambda: [100.0, 1e3, 10e3, 100e3])  # Hz
    preset_amplitudes: list[float] = field(default_factory=lambda: [0.0, 0.01, 0.1, 1.0])  # V
    preset_levels: list[float] = field(default_factory=lambda: [0.0] * 4)  # V
    blank: int = 0
    layout: int = 0
    time_division: int = 4
    override: int = 1
    capture: int = 0  # index of CAPTURED
    capture_length: int = 256  # kB
    capture_divider: int = 0  # power of two


class SR860(StanfordLockIn):
    """SR860; see `LockInAmplifier` for its ports, `StanfordLockIn` for its options."""

    options: ClassVar = {"serial": "003456", "firmware": "V1.51", "input_noise": 2.5e-9, "greeting": ""}
    dialect: ClassVar = Dialect(paths=False)
    time_constants: ClassVar = TIME_CONSTANTS
    sensitivities: ClassVar = SENSITIVITIES
    state: Settings

    @property
    def greeting(self) -> bytes:  # type: ignore[override]
        """What its telnet port greets with; nothing unless the option says it."""
        text = str(self._options["greeting"])
        return text.encode() + self.terminator if text else b""

    def power_on(self) -> None:
        """Wake up: as after ``*RST``, but the oscillator was last left at 1 kHz."""
        super().power_on()
        self._begin(Settings(frequency=1e3))

    def reset(self) -> None:
        """Go to the default settings (``*RST``)."""
        self._begin(Settings())

    def _begin(self, settings: Settings) -> None:
        self.state = settings
        self.configure_capture()
        self.wake()

    @property
    def true_identity(self) -> str:
        """Maker, model, serial number, firmware."""
        return f"Stanford_Research_Systems,SR860,{self._options['serial']},{self._options['firmware']}"

    # -- settings ----------------------------------------------------------------------------------------

    @property
    def external(self) -> bool:
        """Whether the reference comes from outside."""
        return self.state.source != 0

    @property
    def connected(self) -> bool:
        """Whether the input looks at the detector: nothing is connected to the current input."""
        return self.state.signal == 0

    @property
    def input_limit(self) -> float:
        """Largest voltage that the input range bears, V peak."""
        return INPUT_RANGES[self.state.range]

    def update_status(self) -> None:
        """Set the bits of overloads and unlock since the last call."""
        overloaded_input, overloaded_output = self.overloads()
        value = RANGE * overloaded_input | (CHANNEL_1 | CHANNEL_2) * overloaded_output
        self.registers["lia"].value |= value | UNLOCK * self.unlocked

    def present_overloads(self) -> int:
        """Return the overloads of this instant, by bits (CUROVLDSTAT)."""
        self.look()
        output = max(abs(self.filter.output.real), abs(self.filter.output.imag)) > self.full_scale
        overloaded = self.present_input > self.input_limit
        return (CHANNEL_1 | CHANNEL_2) * output | UNLOCK * self.unlocked | RANGE * overloaded

    def signal_strength(self) -> int:
        """Return 0 (weak) to 4 (overload) for the last input (ILVL)."""
        size = max(self.present_input, 1e-300) / self.input_limit
        return 4 if size > 1 else max(0, 3 + math.ceil(math.log10(size) * 2))

    def automatic_phase(self) -> None:
        """Turn the reference so that θ is zero (APHS)."""
        self.turn_phase(self.state.phase + math.degrees(np.angle(self.filter.output)))

    def automatic_range(self) -> None:
        """Choose the least input range that bears the input (ARNG)."""
        size = self.look()
        self.state.range = max((n for n, most in enumerate(INPUT_RANGES) if most > size), default=0)

    def automatic_scale(self) -> None:
        """Choose the least sensitivity that shows R (ASCL)."""
        size = abs(self.filter.output)
        self.state.sensitivity = max((n for n, most in enumerate(SENSITIVITIES) if most > size), default=0)

    def shown(self) -> dict[str, float]:
        """Return X, Y, R (V) and θ (degrees) at this instant."""
        output = self.filter.output
        theta = math.degrees(cmath.phase(output))
        return {"x": output.real, "y": output.imag, "r": abs(output), "theta": theta}

    # -- capture -----------------------------------------------------------------------------------------

    @property
    def greatest_rate(self) -> float:
        """Greatest rate of a capture at this time constant, samples a second."""
        wanted = _SAMPLES_PER_TIME_CONSTANT / self.time_constant
        halvings = max(0, math.ceil(math.log2(_GREATEST_RATE / wanted) - 1e-9))
        return float(_GREATEST_RATE / 2.0**halvings)

    @property
    def rate(self) -> float:
        """Rate of a capture, samples a second."""
        return self.greatest_rate / 2.0**self.state.capture_divider

    @property
    def captured_kinds(self) -> tuple[str, ...]:
        """What a capture holds of each instant."""
        return CAPTURED[self.state.capture]

    @property
    def capturing(self) -> bool:
        """Whether a capture is going on, or waits for its trigger."""
        return self._mode != ""

    def configure_capture(self) -> None:
        """Forget what was captured."""
        self._mode = ""  # "", "one" or "continuous"
        self._waits = ""  # "", "trigger" or "samples"
        self._next = math.inf
        self._triggered = self._wrapped = False
        self._captured = 0  # values since the start
        self._buffer = np.zeros(self.state.capture_length * _KILOBYTE // _SAMPLE, dtype="<f4")

    def start_capture(self, mode: int, trigger: int) -> None:
        """Begin a capture.

        Parameters
        ----------
        mode
            0 is one shot, 1 is continuous.
        trigger
            0 starts at once, 1 at a trigger, 2 takes one sample per trigger.
        """
        self.configure_capture()
        self._mode = ("one", "continuous")[mode]
        self._waits = ("", "trigger", "samples")[trigger]
        if not self._waits:
            self._begin_capture()

    def _begin_capture(self) -> None:
        self._triggered, self._next = True, self.world.clock.now()

    def stop_capture(self) -> None:
        """End the capture."""
        self._mode, self._waits, self._next = "", "", math.inf

    def trigger(self) -> None:
        """Do what a trigger does to a capture that waits for it."""
        if self._waits == "trigger":
            self._waits = ""
            self._begin_capture()
        elif self._waits == "samples":
            self._triggered = True
            self.store(np.array([self.filter.output]))
        self.registers["lia"].value |= TRIGGER

    def due(self, now: float) -> tuple[float, float, int]:
        """Return first instant (s), interval (s) and number of samples due until ``now``.

        Parameters
        ----------
        now
            Simulated time, s.
        """
        if self._next > now:
            return math.inf, 0.0, 0
        interval, first = 1 / self.rate, self._next
        count = math.floor((now - first) / interval * (1 + 1e-12)) + 1
        if self._mode == "one":
            count = min(count, (len(self._buffer) - self._captured) // len(self.captured_kinds))
        self._next = first + count * interval
        return first, interval, count

    def store(self, outputs: ComplexArray) -> None:
        """Append the captured quantities; a one-shot capture ends when its buffer is full.

        Parameters
        ----------
        outputs
            X + iY of the filter, V rms; shape (n,).
        """
        found = _quantities(outputs)
        values = np.stack([found[name] for name in self.captured_kinds], axis=1).ravel()
        size = len(self._buffer)
        kept = values[-size:]
        start = (self._captured + len(values) - len(kept)) % size
        places = (start + np.arange(len(kept))) % size
        self._buffer[places] = kept
        self._captured += len(values)
        self._wrapped = self._wrapped or self._captured >= size
        if self._mode == "one" and self._captured + len(self.captured_kinds) > size:
            self.stop_capture()

    def capture_status(self) -> int:
        """Return in-progress, triggered and wrapped, by bits."""
        return (1 if self.capturing and self._triggered else 0) | 2 * self._triggered | 4 * self._wrapped

    @property
    def captured_bytes(self) -> int:
        """Number of bytes captured."""
        return min(self._captured, len(self._buffer)) * _SAMPLE

    @property
    def captured_kilobytes(self) -> int:
        """What was captured, in kB, in pieces of 2 kB."""
        return math.ceil(self.captured_bytes / _BLOCK) * _BLOCK // _KILOBYTE

    def captured(self, kilobytes: int, offset: int) -> bytes:
        """Return a part of the buffer, oldest first; it wraps around.

        Parameters
        ----------
        kilobytes
            Length of the part, kB.
        offset
            Where the part begins, kB from the oldest value.
        """
        words = _KILOBYTE // _SAMPLE
        places = (offset * words + np.arange(kilobytes * words)) % len(self._buffer)
        return self._unrolled()[places].tobytes()

    def captured_value(self, index: int) -> FloatArray:
        """Return all values of one instant; zeros where nothing was captured.

        Parameters
        ----------
        index
            Number of the instant, from 0.

        Returns
        -------
        FloatArray
            Shape (k,), where k is the number of captured quantities.
        """
        size = len(self.captured_kinds)
        place = index * size
        if place + size > len(self._buffer):
            raise CommandError(-222, "Data out of range")
        return np.asarray(self._unrolled()[place : place + size], dtype=np.float64)

    def _unrolled(self) -> np.ndarray:
        if self._captured <= len(self._buffer):
            return self._buffer
        return np.roll(self._buffer, -(self._captured % len(self._buffer)))


def _quantities(output: ComplexArray) -> dict[str, FloatArray]:
    return {
        "x": np.real(output),
        "y": np.imag(output),
        "r": np.abs(output),
        "theta": np.degrees(np.angle(output)),
    }
