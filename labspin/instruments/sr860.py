"""Stanford Research Systems SR860, a lock-in amplifier from 1 mHz to 500 kHz.

pymeasure's `SR860` has the commands. Added here: limits that refuse (its own truncate silently), the error
bits read after every setting, captures, the slope in dB/octave, the input range in volts, and three commands
that pymeasure writes wrongly and the instrument refuses (``REFZ&d``, ``ADVFIL``, ``GSDP``).

Quirks, from the *SR860 500 kHz DSP Lock-in Amplifier* operation manual (Stanford Research Systems, revision
2.01):

- The oscillator has six digits: 10 mHz at 3 kHz. A frequency that was set must be read back.
- The least amplitude is 1 nV, which is its safe state; the DC level of the oscillator goes to 0 V as well.
- The sensitivity scales the analog outputs only; what must not be overloaded is the input *range*, which is a
  peak voltage of everything at the input. So an overload here is one of the range.
- The capture's rate is the greatest for the time constant divided by a power of two; its length is in kB and
  even. It is read when it has stopped, at most 64 kB at a time, as a block without a line end behind it.
- ``LIAS?``, ``ERRS?`` and ``*ESR?`` clear what they read, so they are never asked again after a time-out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Unpack

import numpy as np
from pymeasure.adapters import Adapter
from pymeasure.instruments import Instrument, srs

from labspin.errors import ArgumentError, LimitError
from labspin.instruments.base import Opening
from labspin.instruments.blocks import ReadsBlocks
from labspin.instruments.invalid import whole
from labspin.instruments.lockin import ComplexArray, FloatArray, LockInAdapter, LockInOptions
from labspin.instruments.properties import choice, entry, numbered, quantity, switch, whole_number
from labspin.instruments.stanford_lockin import SLOPES, StanfordLockIn

__all__ = ["SR860", "SR860LockIn", "SR860Options"]

SENSITIVITIES: tuple[float, ...] = tuple(float(value) for value in srs.SR860.SENSITIVITIES)
TIME_CONSTANTS: tuple[float, ...] = tuple(float(value) for value in srs.SR860.TIME_CONSTANTS)
INPUT_RANGES = (1.0, 0.3, 0.1, 0.03, 0.01)
FREQUENCIES = (1e-3, 500e3)
AMPLITUDES = (1e-9, 2.0)
_CAPTURE = {"X": 1, "XY": 2, "RT": 2, "XYRT": 4}  # numbers of an instant
_LONGEST_CAPTURE, _BLOCK = 4096, 64  # kB
_DIVIDERS = 20
_SAMPLE, _KILOBYTE = 4, 1024  # bytes


class SR860(ReadsBlocks, StanfordLockIn, srs.SR860):  # type: ignore[misc]
    """Driver of the SR860; see the module for its quirks."""

    models = ("SR860",)
    refusals: ClassVar[Mapping[int, str]] = {
        2: "more commands at once than it can hold",
        **{bit: StanfordLockIn.refusals[bit] for bit in (32, 16)},
    }
    frequency_limits = FREQUENCIES
    amplitude_limits = AMPLITUDES
    time_constants = TIME_CONSTANTS
    sensitivities = SENSITIVITIES
    overload_bits = 16
    doubtful_bits: ClassVar[Mapping[int, str]] = {8: "reference unlocked", 16: "input range overload"}

    def __init__(self, adapter: Adapter | str, name: str = "SR860", **kwargs: Unpack[Opening]) -> None:
        super().__init__(adapter, name, **kwargs)

    frequency: float = quantity(
        "FREQ?",
        "FREQ %.4f",
        """Control the frequency of the oscillator (Hz, float from 1 mHz to 500 kHz, six digits).""",
        name="SR860 frequency",
        unit="Hz",
        limits=FREQUENCIES,
    )
    sine_voltage: float = quantity(
        "SLVL?",
        "SLVL %.9f",
        """Control the root-mean-square amplitude of the oscillator (V, float from 1 nV to 2 V).""",
        name="SR860 sine_voltage",
        unit="V",
        limits=AMPLITUDES,
    )
    sine_level: float = quantity(
        "SOFF?",
        "SOFF %.4f",
        """Control the DC level of the oscillator (V, float from -5 to 5).""",
        name="SR860 sine_level",
        unit="V",
        limits=(-5.0, 5.0),
    )
    phase: float = quantity(
        "PHAS?",
        "PHAS %.7f",
        """Control the reference phase in degrees (dimensionless, float from -360 to 360).""",
        name="SR860 phase",
        limits=(-360.0, 360.0),
    )
    sensitivity: float = entry(
        "SCAL?",
        "SCAL %d",
        """Control the full scale of the outputs (V, float from 1 nV to 1 V in steps of 1, 2, 5).""",
        name="SR860 sensitivity",
        unit="V",
        values=SENSITIVITIES,
    )
    time_constant: float = entry(
        "OFLT?",
        "OFLT %d",
        """Control the time constant of the output filter (s, float from 1 µs to 30 ks in steps of 1, 3).""",
        name="SR860 time_constant",
        unit="s",
        values=TIME_CONSTANTS,
    )
    filter_slope: int = choice(
        "OFSL?",
        "OFSL %d",
        """Control the roll-off of the output filter in dB/octave (dimensionless, int: 6, 12, 18 or 24).""",
        name="SR860 filter_slope",
        words=numbered(SLOPES),
    )
    filter_advanced: bool = switch(
        "ADVFILT?",
        "ADVFILT %d",
        """Control whether the advanced filters are on (dimensionless, bool: True or False).""",
        name="SR860 filter_advanced",
    )
    harmonic: int = whole_number(
        "HARM?",
        "HARM %d",
        """Control the harmonic that is detected (dimensionless, int from 1 to 99).""",
        name="SR860 harmonic",
        limits=(1, 99),
    )
    input_range: float = entry(
        "IRNG?",
        "IRNG %d",
        """Control the peak voltage that the input bears (V, float: 1, 0.3, 0.1, 0.03 or 0.01).""",
        name="SR860 input_range",
        unit="V",
        values=INPUT_RANGES,
    )
    reference_externalinput: str = choice(
        "REFZ?",
        "REFZ %d",
        """Control the impedance of the reference input (dimensionless, str: "50OHMS" or "1MEG").""",
        name="SR860 reference_externalinput",
        words={"50OHMS": 0, "1MEG": 1},
    )
    horizontal_time_div: int = whole_number(
        "GSPD?",
        "GSPD %d",
        """Control the index of the time scale of the strip chart (dimensionless, int from 0 to 16).""",
        name="SR860 horizontal_time_div",
        limits=(0, 16),
    )
    capture_rate_max: float = Instrument.measurement(
        "CAPTURERATEMAX?",
        """Get the greatest rate of a capture at this time constant (Hz, float).""",
    )
    captured_bytes: int = Instrument.measurement(
        "CAPTUREBYTES?",
        """Get the number of bytes captured so far (dimensionless, int).""",
        cast=whole,
    )

    input_is_current: bool = switch(
        "IVMD?",
        "IVMD %d",
        """Control whether the input measures a current (dimensionless, bool: True or False).""",
        name="SR860 input_is_current",
    )

    @property
    def offsets(self) -> tuple[float, ...]:
        """Get switch and size of the offset, expand and ratio of X, Y and R (dimensionless, 12 floats)."""
        queries = ("COFA", "COFP", "CEXP", "CRAT")
        return tuple(self.values(f"{query}? {part}")[0] for part in range(3) for query in queries)

    def clear_offsets(self) -> None:
        """Take no offset off X, Y and R, expand none and divide none."""
        for part in range(3):
            self.write(f"COFA {part},0;CEXP {part},0;CRAT {part},0")
        self.check_set_errors()

    def use_internal_reference(self) -> None:
        """Take the reference from the oscillator."""
        self.write("RSRC 0")

    def use_external_reference(self) -> None:
        """Take the reference from rising edges (TTL) at the reference input."""
        self.write("RSRC 1;RTRG 1")

    def start_capture(self, kind: str, divider: int, count: int) -> None:
        """Capture ``count`` instants of "X", "XY", "RT" or "XYRT" from now on.

        Parameters
        ----------
        kind
            What is captured of each instant.
        divider
            The rate is the greatest one divided by 2 to the power of this.
        count
            Number of instants.

        Raises
        ------
        LimitError
            They do not fit into the memory.
        """
        numbers = _CAPTURE[kind]
        length = 2 * math.ceil(count * numbers * _SAMPLE / (2 * _KILOBYTE))
        if length > _LONGEST_CAPTURE:
            most = _LONGEST_CAPTURE * _KILOBYTE // (numbers * _SAMPLE)
            raise LimitError(
                f"{self._title}: wanted at most {most} samples, got {count}; record shorter or slower"
            )
        self.write("CAPTURESTOP")
        self.write(f"CAPTURECFG {kind};CAPTURELEN {length};CAPTURERATE {divider}")
        self.check_set_errors()
        self.write("CAPTURESTART ONE, IMM")

    def stop_capture(self) -> None:
        """End the capture."""
        self.write("CAPTURESTOP")

    def read_capture(self, kind: str, count: int) -> FloatArray:
        """Return the first instants of a capture that has stopped, shape (count, numbers of an instant).

        Parameters
        ----------
        kind
            What was captured: ``"X"``, ``"XY"``, ``"RT"`` or ``"XYRT"``.
        count
            Number of instants.
        """
        numbers = _CAPTURE[kind]
        left = 2 * math.ceil(count * numbers * _SAMPLE / (2 * _KILOBYTE))
        data, offset = b"", 0
        while left > 0:
            size = min(left, _BLOCK)
            data += self.ask_block(f"CAPTUREGET? {offset},{size}", size * _KILOBYTE)
            offset, left = offset + size, left - size
        values = np.frombuffer(data, dtype="<f4")[: count * numbers]
        return values.reshape(count, numbers).astype(np.float64)

    def safe(self) -> None:
        """Bring the oscillator to its least amplitude and its DC level to zero."""
        try:
            super().safe()
        finally:
            self.sine_level = 0.0


@dataclass(frozen=True, kw_only=True)
class SR860Options(LockInOptions):
    """What a station file may say about the SR860."""

    input_range: float | None = field(default=None, metadata={"unit": "V"})
    """Peak voltage that the input must bear, V: 1, 0.3, 0.1, 0.03 or 0.01."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.input_range is not None and self.input_range not in INPUT_RANGES:
            ranges = ", ".join(f"{one:g}" for one in INPUT_RANGES)
            raise ArgumentError(f"input_range: wanted one of {ranges} V, got {self.input_range!r}")


class SR860LockIn(LockInAdapter):
    """The SR860 as a `LockIn`."""

    driver: ClassVar[type] = SR860
    options: ClassVar[type] = SR860Options
    device: SR860
    chosen: SR860Options
    relied_on = (
        *LockInAdapter.relied_on,
        "device.input_is_current",
        "device.input_range",
        "device.filter_advanced",
        "device.offsets",
    )

    def configure(self) -> None:
        """Forget old errors, set reference, gain and filter, take offset, expand and ratio away.

        Raises
        ------
        DeviceError
            Its input measures a current.
        """
        self.device.refuse_current_input(self.device.input_is_current)
        super().configure()
        self.device.clear_offsets()
        if self.chosen.input_range is not None:
            self.device.input_range = self.chosen.input_range

    def _rate(self, rate: float) -> float:
        greatest = self.device.capture_rate_max
        if rate > greatest:
            raise LimitError(
                f"{self.device.name}: wanted a rate of at most {greatest:g} Hz at a time constant of "
                f"{self.time_constant:g} s, got {rate:g} Hz; record slower or shorten the time constant"
            )
        self._divider = min(math.floor(math.log2(greatest / rate) + 1e-9), _DIVIDERS)
        return float(greatest / 2.0**self._divider)

    def _begin(self, rate: float, count: int) -> None:
        self.device.start_capture("XY", self._divider, count)

    def _stored(self) -> int:
        return int(self.device.captured_bytes) // (_CAPTURE["XY"] * _SAMPLE)

    def _read(self, count: int) -> ComplexArray:
        self.device.stop_capture()
        x, y = self.device.read_capture("XY", count).T
        return np.asarray(x + 1j * y)

    def settings(self) -> dict[str, object]:
        """Return what all lock-ins have, DC level and input range (V), and the filters, read back."""
        device = self.device
        return {
            **super().settings(),
            "level": device.sine_level,
            "filter_advanced": device.filter_advanced,
            "input_range": device.input_range,
        }
