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
from typing import Any, ClassVar

import numpy as np
from pymeasure.adapters import Adapter
from pymeasure.instruments import Instrument, srs

from labspin.errors import ArgumentError, DeviceError, LimitError
from labspin.instruments.base import Guarded
from labspin.instruments.limits import limited, one_of
from labspin.instruments.lockin import (
    ComplexArray,
    FloatArray,
    LockInAdapter,
    LockInOptions,
    by_index,
    listed,
)

__all__ = ["SR830", "SR830LockIn", "SR830Options"]

SENSITIVITIES: tuple[float, ...] = tuple(float(value) for value in srs.SR830.SENSITIVITIES)
TIME_CONSTANTS: tuple[float, ...] = tuple(float(value) for value in srs.SR830.TIME_CONSTANTS)
SLOPES = (6, 12, 18, 24)
RATES: tuple[float, ...] = tuple(float(value) for value in srs.SR830.SAMPLE_FREQUENCIES)
RESERVES: tuple[str, ...] = tuple(srs.SR830.RESERVE_VALUES)
FREQUENCIES = (1e-3, 102e3)
AMPLITUDES = (0.004, 5.0)
PHASES = (-360.0, 729.99)
POINTS = 16383
_CHUNK = 1000  # points read at once
_REFUSED = {16: "it could not do what a command asked", 32: "it does not know a command"}
_OVERLOADS = 7  # bits of LIAS? for input, filter and output


class SR830(Guarded, srs.SR830):  # type: ignore[misc]
    """Driver of the SR830; see the module for its quirks."""

    maker = "Stanford_Research_Systems"
    models = ("SR830",)
    asked_once = Guarded.asked_once | {"LIAS?", "ERRS?"}
    terminations: ClassVar[Mapping[str, Any]] = {
        "asrl": {"read_termination": "\r", "write_termination": "\r"},
        "gpib": {"read_termination": "\n", "write_termination": "\n"},
        "tcpip": {"read_termination": "\n", "write_termination": "\n"},
    }

    def __init__(self, adapter: Adapter | str, name: str = "SR830", **kwargs: Any) -> None:
        super().__init__(adapter, name, **kwargs)
        interface = {"GPIB": 1, "ASRL": 0}.get(self.address[:4].upper())
        if interface is not None:
            self.write(f"OUTX{interface}")

    frequency: float = Instrument.control(
        "FREQ?",
        "FREQ%.4f",
        """Control the frequency of the oscillator (Hz, float from 1 mHz to 102 kHz, five digits).""",
        validator=limited("SR830 frequency", "Hz"),
        values=FREQUENCIES,
        check_set_errors=True,
    )
    sine_voltage: float = Instrument.control(
        "SLVL?",
        "SLVL%.3f",
        """Control the root-mean-square amplitude of the oscillator (V, float from 0.004 to 5).""",
        validator=limited("SR830 sine_voltage", "V"),
        values=AMPLITUDES,
        check_set_errors=True,
    )
    phase: float = Instrument.control(
        "PHAS?",
        "PHAS%.2f",
        """Control the reference phase in degrees (dimensionless, float from -360 to 729.99).""",
        validator=limited("SR830 phase"),
        values=PHASES,
        check_set_errors=True,
    )
    sensitivity: float = Instrument.control(
        "SENS?",
        "SENS%d",
        """Control the full scale (V, float from 2 nV to 1 V in steps of 1, 2, 5, root-mean-square).""",
        validator=listed("SR830 sensitivity", "V"),
        values=SENSITIVITIES,
        set_process=SENSITIVITIES.index,
        cast=by_index(SENSITIVITIES),
        check_set_errors=True,
    )
    time_constant: float = Instrument.control(
        "OFLT?",
        "OFLT%d",
        """Control the time constant of the output filter (s, float from 10 µs to 30 ks in steps of 1, 3).""",
        validator=listed("SR830 time_constant", "s"),
        values=TIME_CONSTANTS,
        set_process=TIME_CONSTANTS.index,
        cast=by_index(TIME_CONSTANTS),
        check_set_errors=True,
    )
    filter_slope: int = Instrument.control(
        "OFSL?",
        "OFSL%d",
        """Control the roll-off of the output filter in dB/octave (dimensionless, int: 6, 12, 18 or 24).""",
        validator=one_of("SR830 filter_slope"),
        values=SLOPES,
        set_process=SLOPES.index,
        cast=by_index(SLOPES),
        check_set_errors=True,
    )
    harmonic: int = Instrument.control(
        "HARM?",
        "HARM%d",
        """Control the harmonic that is detected (dimensionless, int from 1 to 19999).""",
        validator=limited("SR830 harmonic"),
        values=(1, 19999),
        cast=lambda text: int(float(text)),
        check_set_errors=True,
    )
    reserve: str = Instrument.control(
        "RMOD?",
        "RMOD%d",
        """Control the dynamic reserve (dimensionless, str: "High Reserve", "Normal" or "Low Noise").""",
        validator=one_of("SR830 reserve"),
        values=RESERVES,
        set_process=RESERVES.index,
        cast=by_index(RESERVES),
        check_set_errors=True,
    )
    sample_frequency: float = Instrument.control(
        "SRAT?",
        "SRAT%d",
        """Control the rate at which samples are stored (Hz, float from 62.5 mHz to 512 Hz in octaves).""",
        validator=listed("SR830 sample_frequency", "Hz"),
        values=RATES,
        set_process=RATES.index,
        cast=by_index(RATES),
        check_set_errors=True,
    )

    def use_internal_reference(self) -> None:
        """Take the reference from the oscillator."""
        self.write("FMOD1")

    def check_errors(self) -> int:
        """Return the bits of refused commands, and clear them."""
        return int(self.values("*ESR?")[0]) & sum(_REFUSED)

    def check_set_errors(self) -> list[int]:
        """Raise if the instrument refused the setting just sent."""
        if bits := self.check_errors():
            what = " and ".join(text for bit, text in _REFUSED.items() if bits & bit)
            raise DeviceError(f"{self._title}: {what}; its old value stays")
        return []

    def start_storing(self) -> None:
        """Empty the buffer, and store X and Y from now on until it is full."""
        self.write("DDEF1,0,0;DDEF2,0,0;SEND0;TSTR0;FAST0;REST;STRT")

    def read_trace(self, channel: int, count: int) -> FloatArray:
        """Return the first ``count`` samples of display 1 or 2, V, shape (count,)."""
        parts: list[float] = []
        while len(parts) < count:
            size = min(_CHUNK, count - len(parts))
            command = f"TRCA?{channel},{len(parts)},{size}"
            reply = self.ask(command)
            values = self._numbers(command, reply)
            if len(values) != size:
                raise self._unreadable(command, reply, f"{size} numbers")
            parts.extend(values)
        return np.array(parts)

    def _numbers(self, command: str, reply: str) -> list[float]:
        try:
            return [float(part) for part in reply.strip().rstrip(",").split(",")]
        except ValueError as error:
            raise self._unreadable(command, reply, "numbers") from error

    def safe(self) -> None:
        """Bring the oscillator to its least amplitude."""
        self.sine_voltage = AMPLITUDES[0]


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

    @classmethod
    def ranges(cls, options: Any = None) -> Mapping[str, tuple[float, float]]:
        """Return the hardware's limits, Hz, V, rad and s."""
        return {
            "frequency": FREQUENCIES,
            "amplitude": AMPLITUDES,
            "phase": (-2 * np.pi, 2 * np.pi),
            "time_constant": (TIME_CONSTANTS[0], TIME_CONSTANTS[-1]),
            "sensitivity": (SENSITIVITIES[0], SENSITIVITIES[-1]),
        }

    def configure(self) -> None:
        """Forget old errors, take the internal reference, and set what the options say."""
        self.device.reserve = self.chosen.reserve
        super().configure()

    def is_overloaded(self) -> bool:
        """Return whether input, filter or output was overloaded since the last question."""
        return bool(int(self.device.values("LIAS?")[0]) & _OVERLOADS)

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
        return int(self.device.values("SPTS?")[0])

    def _read(self, count: int) -> ComplexArray:
        self.device.pause_buffer()
        return self.device.read_trace(1, count) + 1j * self.device.read_trace(2, count)

    def settings(self) -> dict[str, Any]:
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
            "reserve": device.reserve,
            "input_config": device.input_config,
            "input_coupling": device.input_coupling,
            "reference_source": device.reference_source,
        }
