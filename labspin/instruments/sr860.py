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
from typing import Any, ClassVar

import numpy as np
from pymeasure.adapters import Adapter
from pymeasure.instruments import Instrument, srs

from labspin.errors import ArgumentError, DeviceError, LimitError
from labspin.instruments.base import Guarded
from labspin.instruments.blocks import ReadsBlocks
from labspin.instruments.limits import limited, on_off, one_of
from labspin.instruments.lockin import (
    ComplexArray,
    FloatArray,
    LockInAdapter,
    LockInOptions,
    by_index,
    listed,
)

__all__ = ["SR860", "SR860LockIn", "SR860Options"]

SENSITIVITIES: tuple[float, ...] = tuple(float(value) for value in srs.SR860.SENSITIVITIES)
TIME_CONSTANTS: tuple[float, ...] = tuple(float(value) for value in srs.SR860.TIME_CONSTANTS)
SLOPES = (6, 12, 18, 24)
INPUT_RANGES = (1.0, 0.3, 0.1, 0.03, 0.01)
FREQUENCIES = (1e-3, 500e3)
AMPLITUDES = (1e-9, 2.0)
PHASES = (-360.0, 360.0)
_CAPTURE = {"X": 1, "XY": 2, "RT": 2, "XYRT": 4}  # numbers of an instant
_LONGEST_CAPTURE, _BLOCK = 4096, 64  # kB
_DIVIDERS = 20
_SAMPLE, _KILOBYTE = 4, 1024  # bytes
_REFUSED = {16: "it could not do what a command asked", 32: "it does not know a command"}
_RANGE_OVERLOAD = 16  # bit of LIAS?


class SR860(ReadsBlocks, Guarded, srs.SR860):  # type: ignore[misc]
    """Driver of the SR860; see the module for its quirks."""

    maker = "Stanford_Research_Systems"
    models = ("SR860",)
    asked_once = Guarded.asked_once | {"LIAS?", "ERRS?"}

    def __init__(self, adapter: Adapter | str, name: str = "SR860", **kwargs: Any) -> None:
        super().__init__(adapter, name, **kwargs)

    frequency: float = Instrument.control(
        "FREQ?",
        "FREQ %.4f",
        """Control the frequency of the oscillator (Hz, float from 1 mHz to 500 kHz, six digits).""",
        validator=limited("SR860 frequency", "Hz"),
        values=FREQUENCIES,
        check_set_errors=True,
    )
    sine_voltage: float = Instrument.control(
        "SLVL?",
        "SLVL %.9f",
        """Control the root-mean-square amplitude of the oscillator (V, float from 1 nV to 2 V).""",
        validator=limited("SR860 sine_voltage", "V"),
        values=AMPLITUDES,
        check_set_errors=True,
    )
    sine_level: float = Instrument.control(
        "SOFF?",
        "SOFF %.4f",
        """Control the DC level of the oscillator (V, float from -5 to 5).""",
        validator=limited("SR860 sine_level", "V"),
        values=(-5.0, 5.0),
        check_set_errors=True,
    )
    phase: float = Instrument.control(
        "PHAS?",
        "PHAS %.7f",
        """Control the reference phase in degrees (dimensionless, float from -360 to 360).""",
        validator=limited("SR860 phase"),
        values=PHASES,
        check_set_errors=True,
    )
    sensitivity: float = Instrument.control(
        "SCAL?",
        "SCAL %d",
        """Control the full scale of the outputs (V, float from 1 nV to 1 V in steps of 1, 2, 5).""",
        validator=listed("SR860 sensitivity", "V"),
        values=SENSITIVITIES,
        set_process=SENSITIVITIES.index,
        cast=by_index(SENSITIVITIES),
        check_set_errors=True,
    )
    time_constant: float = Instrument.control(
        "OFLT?",
        "OFLT %d",
        """Control the time constant of the output filter (s, float from 1 µs to 30 ks in steps of 1, 3).""",
        validator=listed("SR860 time_constant", "s"),
        values=TIME_CONSTANTS,
        set_process=TIME_CONSTANTS.index,
        cast=by_index(TIME_CONSTANTS),
        check_set_errors=True,
    )
    filter_slope: int = Instrument.control(
        "OFSL?",
        "OFSL %d",
        """Control the roll-off of the output filter in dB/octave (dimensionless, int: 6, 12, 18 or 24).""",
        validator=one_of("SR860 filter_slope"),
        values=SLOPES,
        set_process=SLOPES.index,
        cast=by_index(SLOPES),
        check_set_errors=True,
    )
    filter_advanced: bool = Instrument.control(
        "ADVFILT?",
        "ADVFILT %d",
        """Control whether the advanced filters are on (dimensionless, bool: True or False).""",
        validator=one_of("SR860 filter_advanced"),
        values=(True, False),
        set_process=int,
        cast=on_off,
        check_set_errors=True,
    )
    harmonic: int = Instrument.control(
        "HARM?",
        "HARM %d",
        """Control the harmonic that is detected (dimensionless, int from 1 to 99).""",
        validator=limited("SR860 harmonic"),
        values=(1, 99),
        cast=lambda text: int(float(text)),
        check_set_errors=True,
    )
    input_range: float = Instrument.control(
        "IRNG?",
        "IRNG %d",
        """Control the peak voltage that the input bears (V, float: 1, 0.3, 0.1, 0.03 or 0.01).""",
        validator=listed("SR860 input_range", "V"),
        values=INPUT_RANGES,
        set_process=INPUT_RANGES.index,
        cast=by_index(INPUT_RANGES),
        check_set_errors=True,
    )
    reference_externalinput: str = Instrument.control(
        "REFZ?",
        "REFZ %d",
        """Control the impedance of the reference input (dimensionless, str: "50OHMS" or "1MEG").""",
        validator=one_of("SR860 reference_externalinput"),
        values=("50OHMS", "1MEG"),
        set_process=("50OHMS", "1MEG").index,
        cast=by_index(("50OHMS", "1MEG")),
        check_set_errors=True,
    )
    horizontal_time_div: int = Instrument.control(
        "GSPD?",
        "GSPD %d",
        """Control the index of the time scale of the strip chart (dimensionless, int from 0 to 16).""",
        validator=limited("SR860 horizontal_time_div"),
        values=(0, 16),
        cast=lambda text: int(float(text)),
        check_set_errors=True,
    )
    capture_rate_max: float = Instrument.measurement(
        "CAPTURERATEMAX?",
        """Get the greatest rate of a capture at this time constant (Hz, float).""",
    )
    captured_bytes: int = Instrument.measurement(
        "CAPTUREBYTES?",
        """Get the number of bytes captured so far (dimensionless, int).""",
        cast=lambda text: int(float(text)),
    )

    def clear(self) -> None:
        """Clear the status registers."""
        self.write("*CLS")

    def use_internal_reference(self) -> None:
        """Take the reference from the oscillator."""
        self.write("RSRC 0")

    def check_errors(self) -> int:
        """Return the bits of refused commands, and clear them."""
        return int(self.values("*ESR?")[0]) & sum(_REFUSED)

    def check_set_errors(self) -> list[int]:
        """Raise if the instrument refused the setting just sent."""
        if bits := self.check_errors():
            what = " and ".join(text for bit, text in _REFUSED.items() if bits & bit)
            raise DeviceError(f"{self._title}: {what}; its old value stays")
        return []

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
        """Return the first ``count`` instants of a capture that has stopped, shape (count, numbers)."""
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
            self.sine_voltage = AMPLITUDES[0]
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

    @classmethod
    def ranges(cls, options: Any = None) -> Mapping[str, tuple[float, float]]:
        """Return the hardware's limits, Hz, V, rad and s."""
        return {
            "frequency": FREQUENCIES,
            "amplitude": AMPLITUDES,
            "phase": (-2 * np.pi, 2 * np.pi),
            "time_constant": (TIME_CONSTANTS[0], TIME_CONSTANTS[-1]),
            "sensitivity": (SENSITIVITIES[-1], SENSITIVITIES[0]),
        }

    def configure(self) -> None:
        """Forget old errors, take the internal reference, and set what the options say."""
        super().configure()
        if self.chosen.input_range is not None:
            self.device.input_range = self.chosen.input_range

    def is_overloaded(self) -> bool:
        """Return whether the input range was exceeded since the last question."""
        return bool(int(self.device.values("LIAS?")[0]) & _RANGE_OVERLOAD)

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

    def settings(self) -> dict[str, Any]:
        """Return oscillator (Hz, V), phase (degrees), filter (s, dB/octave), gain and input, read back."""
        device = self.device
        return {
            "frequency": device.frequency,
            "amplitude": device.sine_voltage,
            "level": device.sine_level,
            "phase": device.phase,
            "harmonic": device.harmonic,
            "time_constant": device.time_constant,
            "filter_slope": device.filter_slope,
            "filter_advanced": device.filter_advanced,
            "sensitivity": device.sensitivity,
            "input_range": device.input_range,
            "input_coupling": device.input_coupling,
            "reference_source": device.reference_source,
        }
