"""Stanford Research Systems SR830, a lock-in amplifier from 1 mHz to 102 kHz.

pymeasure's `SR830` has the commands. Added here: limits that refuse (its own truncate silently: a time
constant of 0.2 s becomes 0.3 s, an unknown reserve "Normal"), the error bits read after every setting, traces
read as numbers that can be asked for again, and the interface chosen for answers.

Quirks, from the *Model SR830 DSP Lock-In Amplifier* manual (Stanford Research Systems, revision 2.5):

- The oscillator has five digits: 0.1 Hz at 3 kHz. A frequency that was set must be read back.
- The oscillator cannot be switched off: its least is 4 mV, and that is its safe state.
- Changing frequency, sensitivity, reserve or slope may lengthen or shorten the time constant (page 4-9).
- ``LIAS?``, ``ERRS?`` and ``*ESR?`` clear what they read, so they are never asked again after a time-out.
- It answers on the interface that ``OUTX`` names, whichever asked (page 5-1).
- The buffer holds what the displays show, 16383 samples of it; so a recording sets the displays to X and Y.
  ``FAST`` sends binary samples between other answers and is not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Unpack

import numpy as np
from pymeasure.adapters import Adapter
from pymeasure.instruments import srs

from labspin.errors import ArgumentError, LimitError
from labspin.instruments.base import Opening
from labspin.instruments.invalid import as_reading, whole
from labspin.instruments.lockin import ComplexArray, FloatArray, LockInAdapter, LockInOptions
from labspin.instruments.properties import choice, entry, numbered, quantity, whole_number
from labspin.instruments.stanford_lockin import SLOPES, StanfordLockIn

__all__ = ["SR830", "SR830LockIn", "SR830Options"]

SENSITIVITIES: tuple[float, ...] = tuple(float(value) for value in srs.SR830.SENSITIVITIES)
TIME_CONSTANTS: tuple[float, ...] = tuple(float(value) for value in srs.SR830.TIME_CONSTANTS)
RATES: tuple[float, ...] = tuple(float(value) for value in srs.SR830.SAMPLE_FREQUENCIES)
RESERVES: tuple[str, ...] = tuple(srs.SR830.RESERVE_VALUES)
FREQUENCIES = (1e-3, 102e3)
AMPLITUDES = (0.004, 5.0)
POINTS = 16383
_CHUNK = 1000  # points read at once


class SR830(StanfordLockIn, srs.SR830):  # type: ignore[misc]
    """Driver of the SR830; see the module for its quirks."""

    models = ("SR830",)
    terminations: ClassVar[Mapping[str, object]] = {
        "asrl": {"read_termination": "\r", "write_termination": "\r"},
        "gpib": {"read_termination": "\n", "write_termination": "\n"},
        "tcpip": {"read_termination": "\n", "write_termination": "\n"},
    }
    refusals: ClassVar[Mapping[int, str]] = {
        1: "more commands at once than it can hold",
        **{bit: StanfordLockIn.refusals[bit] for bit in (32, 16)},
    }
    frequency_limits = FREQUENCIES
    amplitude_limits = AMPLITUDES
    time_constants = TIME_CONSTANTS
    sensitivities = SENSITIVITIES
    overload_bits = 7
    doubtful_bits: ClassVar[Mapping[int, str]] = {
        1: "input or reserve overload", 2: "filter overload", 4: "output overload", 8: "reference unlocked",
    }  # fmt: skip

    def __init__(self, adapter: Adapter | str, name: str = "SR830", **kwargs: Unpack[Opening]) -> None:
        super().__init__(adapter, name, **kwargs)
        interface = {"GPIB": 1, "ASRL": 0}.get(self.address[:4].upper())
        if interface is not None:
            self.write(f"OUTX{interface}")

    frequency: float = quantity(
        "FREQ?",
        "FREQ%.4f",
        """Control the frequency of the oscillator (Hz, float from 1 mHz to 102 kHz, five digits).""",
        name="SR830 frequency",
        unit="Hz",
        limits=FREQUENCIES,
    )
    sine_voltage: float = quantity(
        "SLVL?",
        "SLVL%.3f",
        """Control the root-mean-square amplitude of the oscillator (V, float from 0.004 to 5).""",
        name="SR830 sine_voltage",
        unit="V",
        limits=AMPLITUDES,
    )
    phase: float = quantity(
        "PHAS?",
        "PHAS%.2f",
        """Control the reference phase in degrees (dimensionless, float from -360 to 729.99).""",
        name="SR830 phase",
        limits=(-360.0, 729.99),
    )
    sensitivity: float = entry(
        "SENS?",
        "SENS%d",
        """Control the full scale (V, float from 2 nV to 1 V in steps of 1, 2, 5, root-mean-square).""",
        name="SR830 sensitivity",
        unit="V",
        values=SENSITIVITIES,
    )
    time_constant: float = entry(
        "OFLT?",
        "OFLT%d",
        """Control the time constant of the output filter (s, float from 10 µs to 30 ks in steps of 1, 3).""",
        name="SR830 time_constant",
        unit="s",
        values=TIME_CONSTANTS,
    )
    filter_slope: int = choice(
        "OFSL?",
        "OFSL%d",
        """Control the roll-off of the output filter in dB/octave (dimensionless, int: 6, 12, 18 or 24).""",
        name="SR830 filter_slope",
        words=numbered(SLOPES),
    )
    harmonic: int = whole_number(
        "HARM?",
        "HARM%d",
        """Control the harmonic that is detected (dimensionless, int from 1 to 19999).""",
        name="SR830 harmonic",
        limits=(1, 19999),
    )
    reserve: str = choice(
        "RMOD?",
        "RMOD%d",
        """Control the dynamic reserve (dimensionless, str: "High Reserve", "Normal" or "Low Noise").""",
        name="SR830 reserve",
        words=numbered(RESERVES),
    )
    sample_frequency: float = entry(
        "SRAT?",
        "SRAT%d",
        """Control the rate at which samples are stored (Hz, float from 62.5 mHz to 512 Hz in octaves).""",
        name="SR830 sample_frequency",
        unit="Hz",
        values=RATES,
    )

    @property
    def offsets(self) -> tuple[float, ...]:
        """Get offset (percent of full scale) and expand of X, Y and R (dimensionless, 6 floats)."""
        return tuple(value for channel in (1, 2, 3) for value in self.values(f"OEXP? {channel}"))

    def clear_offsets(self) -> None:
        """Take no offset off X, Y and R, and expand none: they change what is read."""
        self.write("OEXP 1,0,0;OEXP 2,0,0;OEXP 3,0,0")
        self.check_set_errors()

    @property
    def input_source(self) -> int:
        """Get what the input measures: A, A-B, or a current at 1 MΩ or 100 MΩ (dimensionless, int 0 to 3)."""
        return int(self.values("ISRC?", cast=whole)[0])

    def use_internal_reference(self) -> None:
        """Take the reference from the oscillator."""
        self.write("FMOD1")

    def use_external_reference(self) -> None:
        """Take the reference from rising edges (TTL) at the reference input."""
        self.write("FMOD0;RSLP1")

    def start_storing(self) -> None:
        """Empty the buffer, and store X and Y from now on until it is full."""
        self.write("DDEF1,0,0;DDEF2,0,0;SEND0;TSTR0;FAST0;REST;STRT")

    def read_trace(self, channel: int, count: int) -> FloatArray:
        """Return the first samples of a display, V, shape (count,).

        Parameters
        ----------
        channel
            The display, 1 or 2.
        count
            Number of samples.
        """
        parts: list[float] = []
        while len(parts) < count:
            size = min(_CHUNK, count - len(parts))
            parts.extend(self._samples(f"TRCA?{channel},{len(parts)},{size}", size))
        return np.array(parts)

    def _samples(self, command: str, size: int) -> list[float]:
        """Return the answer to ``command``: ``size`` numbers, with a comma behind the last."""

        def read(reply: str) -> list[float]:
            try:
                values = [as_reading(part) for part in reply.strip().rstrip(",").split(",")]
            except ValueError as error:
                raise self._unreadable(command, reply, "numbers") from error
            if len(values) != size:
                raise self._unreadable(command, reply, f"{size} numbers")
            return values

        found: list[float] = self._asked(command, read)
        return found


@dataclass(frozen=True, kw_only=True)
class SR830Options(LockInOptions):
    """What a station file may say about the SR830."""

    reserve: str = "Low Noise"
    """Dynamic reserve: "High Reserve", "Normal" or "Low Noise"."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reserve not in RESERVES:
            raise ArgumentError(f"reserve: wanted one of {', '.join(RESERVES)}, got {self.reserve!r}")


class SR830LockIn(LockInAdapter):
    """The SR830 as a `LockIn`."""

    driver: ClassVar[type] = SR830
    options: ClassVar[type] = SR830Options
    device: SR830
    chosen: SR830Options
    relied_on = (*LockInAdapter.relied_on, "device.offsets", "device.reserve", "device.input_notch_config")

    def configure(self) -> None:
        """Forget old errors, set reference, gain and filter, take offset and expand away.

        Raises
        ------
        DeviceError
            Its input measures a current.
        """
        self.device.refuse_current_input(self.device.input_source > 1)
        self.device.reserve = self.chosen.reserve
        super().configure()
        self.device.clear_offsets()

    def _rate(self, rate: float) -> float:
        if rate > RATES[-1]:
            raise LimitError(
                f"{self.device.name}: wanted a rate of at most {RATES[-1]:g} Hz, got {rate:g} Hz; nothing "
                "was sent to the instrument"
            )
        return next(one for one in RATES if one >= rate)

    def _begin(self, rate: float, count: int) -> None:
        if count > POINTS:
            raise LimitError(
                f"{self.device.name}: wanted at most {POINTS} samples, got {count}; record shorter or slower"
            )
        self.device.sample_frequency = rate
        self.device.start_storing()

    def _stored(self) -> int:
        return int(self.device.values("SPTS?", cast=whole)[0])

    def _read(self, count: int) -> ComplexArray:
        self.device.pause_buffer()
        return self.device.read_trace(1, count) + 1j * self.device.read_trace(2, count)

    def settings(self) -> dict[str, object]:
        """Return what all lock-ins have, and the reserve, read back."""
        return {**super().settings(), "reserve": self.device.reserve}
