"""SRS SR830: a lock-in amplifier for 1 mHz to 102 kHz.

After the *Model SR830 DSP Lock-In Amplifier* manual (Stanford Research Systems, revision 2.5), chapter 5, and
the words that the drivers of pymeasure and QCoDeS send. The answers to several questions in one line come in
lines of their own. What a display shows is stored with 16 bits of mantissa.

Worth knowing when driving it:

* The oscillator has five digits: 0.1 Hz at 3 kHz. It cannot be switched off: 4 mV are its least.
* ``*RST`` sets the oscillator to 1 V.
* A time constant beyond 30 s is lost when the detection frequency rises above 200 Hz, one that is too short
  for the reserve is lengthened; bit 5 of ``LIAS?`` says so.
* Fast transfer (``FAST``) is a matter of the GPIB. This one is on a serial line, where it does nothing.

Assumed, where the manual does not say: the input overloads at full scale plus reserve and at most 1 V rms;
X and Y show at most 109 % of full scale, in steps of 2⁻¹⁹. Noise displays show what the input's noise is,
not an estimate. Not simulated: line filters, the synchronous filter (the harmonics that it removes are not
there), filter overload. It wakes up as it was switched off: here with the oscillator at 4 mV.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from labspin.physics.arguments import FloatArray
from labspin.twin.devices.sr830_tables import (
    RATES,
    RESERVES,
    SENSITIVITIES,
    TIME_CONSTANTS,
    shortest_time_constant as shortest,
)
from labspin.twin.devices.stanford_lockin import StanfordLockIn
from labspin.twin.sample import ComplexArray
from labspin.twin.wire import CommandError, Dialect

__all__ = ["SR830", "Settings", "packed"]

INPUT, OUTPUT, UNLOCK, RANGE, TIME_CONSTANT, TRIGGER = 1, 4, 8, 16, 32, 64  # bits of LIAS
POINTS = 16383
TRIGGERED_RATE = 14  # index of SRAT
GREATEST_FREQUENCY = 102e3  # Hz
_RANGE_DOWN, _RANGE_UP = 199.21, 203.12  # Hz
_LONGEST_ABOVE = 13  # index of 30 s, the longest time constant in the upper range
_STEP = 2.0**-19  # of full scale
_LATE_START = 0.5  # s, of STRD
_TRIGGER_RATE = 512.0  # Hz, greatest of triggered samples


@dataclass
class Settings:
    """What the front panel holds, by the indices of the commands; the standard settings (page 4-4)."""

    phase: float = 0.0  # degrees
    source: int = 1  # 0 external, 1 internal
    frequency: float = 1e3  # Hz
    trigger_shape: int = 0
    harmonic: int = 1
    amplitude: float = 1.0  # V rms
    input: int = 0
    grounding: int = 0
    coupling: int = 0
    notch: int = 0
    sensitivity: int = 26
    reserve: int = 2
    time_constant: int = 8
    slope: int = 1
    synchronous: int = 0
    displays: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0), (0, 0)])  # quantity, ratio
    fronts: list[int] = field(default_factory=lambda: [0, 0])
    offsets: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])  # % of full scale
    expands: list[int] = field(default_factory=lambda: [0, 0, 0])
    auxiliary: list[float] = field(default_factory=lambda: [0.0] * 4)  # V
    rate: int = 4
    scan_end: int = 1  # 0 one shot, 1 loop
    trigger_start: int = 0
    fast: int = 0
    interface: int = 1
    override: int = 1
    clicks: int = 1
    alarms: int = 1
    local: int = 0
    power_on_clear: int = 1


class SR830(StanfordLockIn):
    """SR830; see `LockInAmplifier` for its ports, `StanfordLockIn` for its options."""

    options: ClassVar = {"serial": "12345", "firmware": "1.07", "input_noise": 6e-9}
    dialect: ClassVar = Dialect(paths=False, attached_arguments=True)
    separator: ClassVar = "\n"
    time_constants: ClassVar = TIME_CONSTANTS
    sensitivities: ClassVar = SENSITIVITIES
    state: Settings

    def power_on(self) -> None:
        """Wake up: standard settings, but the oscillator was last left at its least."""
        self._kept: dict[int, Settings] = {}
        super().power_on()
        self._begin(Settings(amplitude=0.004))

    def reset(self) -> None:
        """Go to the standard settings (``*RST``), oscillator at 1 V."""
        for register in self.registers.values():
            register.enable = 0
        self._begin(Settings())

    def _begin(self, settings: Settings) -> None:
        self.state = settings
        self._upper_range = self.own_frequency * settings.harmonic > _RANGE_UP
        self.clear_buffer()
        self.wake()

    @property
    def true_identity(self) -> str:
        """Maker, model, serial number, firmware."""
        return f"Stanford_Research_Systems,SR830,s/n{self._options['serial']},ver{self._options['firmware']} "

    # -- settings ----------------------------------------------------------------------------------------

    @property
    def external(self) -> bool:
        """Whether the reference comes from outside."""
        return self.state.source == 0

    @property
    def connected(self) -> bool:
        """Whether the input looks at the detector: nothing is connected to the current input."""
        return self.state.input < 2

    @property
    def reserve(self) -> int:
        """Dynamic reserve, dB."""
        return RESERVES[self.state.reserve][self.state.sensitivity]

    @property
    def input_limit(self) -> float:
        """Largest voltage that the input bears, V peak."""
        level = min(1.09 * self.full_scale * 10 ** (self.reserve / 20), 1.09)
        return math.sqrt(2) * level

    def shortest(self) -> int:
        """Return the index of the shortest time constant at slope, reserve and expand."""
        gain = self.reserve + 20.0 * max(self.state.expands[:2])
        return shortest(self.state.slope, gain)

    def longest(self) -> int:
        """Return the index of the longest time constant at the detection frequency."""
        return _LONGEST_ABOVE if self._upper_range else len(TIME_CONSTANTS) - 1

    def rerange(self) -> None:
        """Follow a change of gain, slope or frequency; the time constant gives way."""
        frequency = self.detection_frequency
        upper = frequency > (_RANGE_DOWN if self._upper_range else _RANGE_UP)
        if upper != self._upper_range:
            self._upper_range = upper
            self.registers["lia"].value |= RANGE
            self.state.synchronous = 0 if upper else self.state.synchronous
        allowed = min(max(self.state.time_constant, self.shortest()), self.longest())
        if allowed != self.state.time_constant:
            self.state.time_constant = allowed
            self.registers["lia"].value |= TIME_CONSTANT
        self.refilter()

    def retune(self) -> None:
        """Follow a change of the reference."""
        self.apply()
        self.rerange()

    def update_status(self) -> None:
        """Set the bits of overloads and unlock since the last call."""
        overloaded_input, overloaded_output = self.overloads()
        value = INPUT * overloaded_input | OUTPUT * overloaded_output | UNLOCK * self.unlocked
        self.registers["lia"].value |= value

    @property
    def at_rest(self) -> int:
        """Bits of the status byte that say that no scan and no command is under way."""
        return (0 if self.storing else 1) | 2

    def keep(self, location: int) -> None:
        """Store the settings (SSET).

        Parameters
        ----------
        location
            Number of the memory.
        """
        self._kept[location] = copy.deepcopy(self.state)

    def recall(self, location: int) -> None:
        """Restore stored settings (RSET).

        Parameters
        ----------
        location
            Number of the memory; one never stored is refused.
        """
        if location not in self._kept:
            raise CommandError(-221, "Settings conflict")
        self.state = copy.deepcopy(self._kept[location])
        self.retune()

    # -- what is shown -----------------------------------------------------------------------------------

    def quantities(self, output: ComplexArray) -> dict[str, FloatArray]:
        """Return X, Y, R (V) and θ (degrees) of filter outputs, with the offsets subtracted.

        Parameters
        ----------
        output
            X + iY of the filter, V rms; any shape.

        Returns
        -------
        dict[str, FloatArray]
            Arrays of the shape of ``output``, by ``"x"``, ``"y"``, ``"r"`` and ``"theta"``.
        """
        scale, state = self.full_scale, self.state
        limit = 1.09 * scale
        step = scale * _STEP
        x, y = (
            np.round(np.clip(part, -limit, limit) / step) * step
            for part in (np.real(output), np.imag(output))
        )
        offset = [percent / 100 * scale for percent in state.offsets]
        return {
            "x": x - offset[0],
            "y": y - offset[1],
            "r": np.hypot(x, y) - offset[2],
            "theta": np.degrees(np.arctan2(y, x)),
        }

    def now(self) -> dict[str, float]:
        """Return X, Y, R and θ at this instant: `quantities` of one number, which is asked for often."""
        scale, output = self.full_scale, self.filter.output
        step, limit = scale * _STEP, 1.09 * scale
        x, y = (round(min(max(part, -limit), limit) / step) * step for part in (output.real, output.imag))
        offset = [percent / 100 * scale for percent in self.state.offsets]
        theta = math.degrees(math.atan2(y, x))
        return {"x": x - offset[0], "y": y - offset[1], "r": math.hypot(x, y) - offset[2], "theta": theta}

    def displayed(self, channel: int, output: ComplexArray) -> FloatArray:
        """Return the values that a display shows for filter outputs.

        Parameters
        ----------
        channel
            Number of the display, 1 or 2.
        output
            X + iY of the filter, V rms; any shape.

        Returns
        -------
        FloatArray
            The selected quantity, of the shape of ``output``; zeros if a ratio is selected.
        """
        which, ratio = self.state.displays[channel - 1]
        found = self.quantities(output)
        if which <= 1:
            shown = found[(("x", "r"), ("y", "theta"))[channel - 1][which]]
        else:
            level = self.noise_reading if which == 2 else 0.0  # the auxiliary inputs are open
            shown = np.full(np.shape(output), level)
        return shown if ratio == 0 else np.full(np.shape(output), 0.0)

    def automatic_phase(self) -> None:
        """Turn the reference so that θ is zero (APHS)."""
        self.turn_phase(round(self.state.phase + self.now()["theta"], 2))

    def automatic_gain(self) -> None:
        """Choose the least sensitivity that shows R (AGAN); nothing beyond 1 s."""
        if self.time_constant > 1:
            return
        size = abs(self.filter.output)
        self.state.sensitivity = next((n for n, most in enumerate(SENSITIVITIES) if most >= size), 26)
        self.rerange()

    def automatic_reserve(self) -> None:
        """Choose the least reserve that bears the input (ARSV)."""
        largest = self.largest_input
        for self.state.reserve in (2, 1, 0):
            if largest <= self.input_limit:
                break
        self.rerange()

    def automatic_offset(self, which: int) -> None:
        """Set an offset such that X, Y or R becomes zero (AOFF).

        Parameters
        ----------
        which
            1 is X, 2 is Y, 3 is R.
        """
        output = self.filter.output
        value = (output.real, output.imag, abs(output))[which - 1]
        percent = min(max(100 * value / self.full_scale, -105.0), 105.0)
        self.state.offsets[which - 1] = round(percent, 2)

    # -- storage -----------------------------------------------------------------------------------------

    @property
    def storing(self) -> bool:
        """Whether samples are being stored."""
        return self._next < math.inf

    def clear_buffer(self) -> None:
        """Stop storing, and forget what was stored (REST)."""
        self._next = math.inf
        self._traces = (np.empty(0), np.empty(0))
        self._last_trigger = -math.inf

    def start(self, delay: float = 0.0) -> None:
        """Begin to store samples (STRT); a full one-shot buffer stays as it is.

        Parameters
        ----------
        delay
            Time from now to the first sample, s.
        """
        full = self.state.scan_end == 0 and len(self._traces[0]) >= POINTS
        if not self.storing and not full and self.state.rate != TRIGGERED_RATE:
            self._next = self.world.clock.now() + delay

    def pause(self) -> None:
        """Stop storing (PAUS)."""
        self._next = math.inf

    def trigger(self) -> None:
        """Take a sample, or start storing, as a trigger does (TRIG)."""
        now = self.world.clock.now()
        if self.state.rate == TRIGGERED_RATE:
            if now - self._last_trigger >= 1 / _TRIGGER_RATE:
                self._last_trigger = now
                self.store(np.array([self.filter.output]))
                self.registers["lia"].value |= TRIGGER
        elif self.state.trigger_start:
            self.start()
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
        interval, first = 1 / RATES[self.state.rate], self._next
        count = math.floor((now - first) / interval * (1 + 1e-12)) + 1
        if self.state.scan_end == 0:
            count = min(count, POINTS - len(self._traces[0]))
        self._next = first + count * interval
        if self.state.scan_end == 0 and len(self._traces[0]) + count >= POINTS:
            self._next = math.inf
        return first, interval, count

    def store(self, outputs: ComplexArray) -> None:
        """Append the values of both displays; a buffer in loop mode drops its oldest.

        Parameters
        ----------
        outputs
            X + iY of the filter, V rms; shape (n,).
        """
        first, second = (
            np.concatenate((trace, _stored(self.displayed(channel, outputs))))
            for channel, trace in zip((1, 2), self._traces, strict=True)
        )
        keep = slice(None, POINTS) if self.state.scan_end == 0 else slice(-POINTS, None)
        self._traces = (first[keep], second[keep])

    def stored(self, channel: int, first: int, count: int) -> FloatArray:
        """Return ``count`` stored values of display 1 or 2.

        Parameters
        ----------
        channel
            Number of the display, 1 or 2.
        first
            Index of the first value, from 0.
        count
            Number of values, at least 1.

        Returns
        -------
        FloatArray
            Shape (``count``,).

        Raises
        ------
        CommandError
            There are not so many.
        """
        trace = self._traces[channel - 1]
        if first < 0 or count < 1 or first + count > len(trace):
            raise CommandError(-222, "Data out of range")
        return trace[first : first + count]

    @property
    def points(self) -> int:
        """Number of samples stored."""
        return len(self._traces[0])


def _stored(values: FloatArray) -> FloatArray:
    """Return values with 16 bits of mantissa, sign included."""
    mantissa, exponent = np.frexp(values)
    return np.asarray(np.ldexp(np.clip(np.round(mantissa * 2**15), -32768, 32767), exponent - 15))


def packed(values: FloatArray) -> bytes:
    """Return values in the format of TRCL: mantissa and exponent, m · 2^(e − 124), two bytes each.

    Parameters
    ----------
    values
        Numbers to send; shape (n,).
    """
    mantissa, exponent = np.frexp(values)
    words = np.empty((len(values), 2), dtype="<i2")
    words[:, 0] = np.clip(np.round(mantissa * 2**15), -32768, 32767)
    words[:, 1] = np.where(values == 0, 0, np.clip(exponent - 15 + 124, 0, 248))
    return words.tobytes()
