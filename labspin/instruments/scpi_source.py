"""A SCPI microwave source: Agilent and Keysight E8257D, N5181, N5183 and what speaks like them.

pymeasure's `Agilent8257D` has the commands. Added here: the error queue, limits that refuse, a lock around
each exchange, edges of sweeps to the millihertz (its own have seven digits), and a start of sweeps that is
one (``start_step_sweep`` of pymeasure sends ``SWE:CONT:STAT ON``, which is SWEep:CONTrol: it couples two
sources and starts nothing).

Quirks, from the *E8257D PSG SCPI command reference* (Keysight manual):

- ``:FREQ`` and ``:POW`` set the carrier; while a sweep is on, the output is elsewhere. A continuous source
  therefore sets ``FREQ:MODE CW`` and ``POW:MODE FIX`` when it is connected.
- The output has a second switch, for modulation. A modulated carrier gives lines where none are, so it is
  switched off when the source is connected.
- Power beyond what the instrument can level is accepted, and only then reported (error 501).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Unpack

from pymeasure.adapters import Adapter
from pymeasure.instruments import SCPIMixin
from pymeasure.instruments.agilent import Agilent8257D

from labspin.errors import ArgumentError, IdentityError
from labspin.instruments.adapter import options_or_defaults
from labspin.instruments.base import Opening
from labspin.instruments.limits import check_limits, check_whole
from labspin.instruments.microwave import MicrowaveAdapter
from labspin.instruments.properties import quantity, switch, whole_number
from labspin.instruments.scpi_carrier import NEUTRAL, ScpiCarrier

__all__ = ["ScpiMicrowave", "ScpiSource", "ScpiSourceOptions"]

_FREQUENCIES = (100e3, 67e9)
_POWERS = (-145.0, 30.0)
_DWELLS = (1e-3, 60.0)
_MOST_POINTS = 65535


class ScpiSource(ScpiCarrier, Agilent8257D):  # type: ignore[misc]
    """Driver of a SCPI source; see the module for its quirks."""

    takes_several = True
    expected_model: str = ""
    """What the answer to ``*IDN?`` must hold; empty: anything."""

    def __init__(self, adapter: Adapter | str, name: str = "SCPI source", **kwargs: Unpack[Opening]) -> None:
        super().__init__(adapter, name, **kwargs)

    def _open(self, adapter: Adapter | str, name: str, settings: Mapping[str, object]) -> None:
        # Past Agilent8257D.__init__, which does nothing of its own, and the warning of SCPIUnknownMixin.
        SCPIMixin.__init__(self, adapter, name, **settings)

    def _is_identity(self, reply: str) -> bool:
        # Four fields tell an identity from every other answer, which a late one could be taken for.
        return reply.count(",") >= 3 and self.expected_model.upper() in reply.upper()

    def identify(self) -> str:
        """Return the answer to ``*IDN?``, checked against `expected_model`."""
        identity = self.ask("*IDN?").strip()
        if not self._is_identity(identity):
            raise IdentityError(
                f"{self._title}: wanted {self.expected_model or 'maker, model, serial number and firmware'}, "
                f"but {identity!r} answers; correct address or options in the station file"
            )
        return identity

    frequency: float = quantity(
        ":FREQ?",
        ":FREQ %.3f Hz",
        """Control the frequency of the carrier (Hz, float from 100 kHz to 67 GHz, less by model).""",
        name="SCPI source frequency",
        unit="Hz",
        limits=_FREQUENCIES,
    )

    power: float = quantity(
        ":POW?",
        ":POW %.2f dBm",
        """Control the power of the carrier (dBm, float from -145 to 30, less by model).""",
        name="SCPI source power",
        unit="dBm",
        limits=_POWERS,
    )

    output_enabled: bool = switch(
        ":OUTP?",
        ":OUTP %d",
        """Control whether the output is on (dimensionless, bool: True or False).""",
        name="SCPI source output_enabled",
    )

    modulation_enabled: bool = switch(
        ":OUTP:MOD?",
        ":OUTP:MOD %d",
        """Control whether the carrier is modulated (dimensionless, bool: True or False).""",
        name="SCPI source modulation_enabled",
    )

    start_frequency: float = quantity(
        ":SOUR:FREQ:STAR?",
        ":SOUR:FREQ:STAR %.3f Hz",
        """Control where a sweep begins (Hz, float from 100 kHz to 67 GHz, less by model).""",
        name="SCPI source start_frequency",
        unit="Hz",
        limits=_FREQUENCIES,
    )

    center_frequency: float = quantity(
        ":SOUR:FREQ:CENT?",
        ":SOUR:FREQ:CENT %.3f Hz",
        """Control the middle of a sweep (Hz, float from 100 kHz to 67 GHz, less by model).""",
        name="SCPI source center_frequency",
        unit="Hz",
        limits=_FREQUENCIES,
    )

    stop_frequency: float = quantity(
        ":SOUR:FREQ:STOP?",
        ":SOUR:FREQ:STOP %.3f Hz",
        """Control where a sweep ends (Hz, float from 100 kHz to 67 GHz, less by model).""",
        name="SCPI source stop_frequency",
        unit="Hz",
        limits=_FREQUENCIES,
    )

    start_power: float = quantity(
        ":SOUR:POW:STAR?",
        ":SOUR:POW:STAR %.2f dBm",
        """Control where a sweep of the power begins (dBm, float from -145 to 30, less by model).""",
        name="SCPI source start_power",
        unit="dBm",
        limits=_POWERS,
    )

    stop_power: float = quantity(
        ":SOUR:POW:STOP?",
        ":SOUR:POW:STOP %.2f dBm",
        """Control where a sweep of the power ends (dBm, float from -145 to 30, less by model).""",
        name="SCPI source stop_power",
        unit="dBm",
        limits=_POWERS,
    )

    dwell_time: float = quantity(
        ":SOUR:SWE:DWEL1?",
        ":SOUR:SWE:DWEL1 %.6f",
        """Control the time at each step of a sweep (s, float from 1 ms to 60 s).""",
        name="SCPI source dwell_time",
        unit="s",
        limits=_DWELLS,
    )

    step_points: int = whole_number(
        ":SOUR:SWE:POIN?",
        ":SOUR:SWE:POIN %d",
        """Control the number of steps of a sweep (dimensionless, int from 2 to 65535).""",
        name="SCPI source step_points",
        limits=(2, _MOST_POINTS),
    )

    def sweep(self, start: float, stop: float, *, points: int, dwell: float, repeat: bool = True) -> None:
        """Step the carrier from ``start`` to ``stop`` (Hz), and begin.

        Parameters
        ----------
        start, stop
            Frequency of the first and the last step, Hz.
        points
            Number of steps, 2 to 65535.
        dwell
            Time at each step, s.
        repeat
            Whether to start again after the last.

        Raises
        ------
        LimitError
            A value cannot be one of the instrument.
        DeviceError
            The instrument refused a setting.
        """
        name = f"{self.name} sweep"
        for edge, value in (("start", start), ("stop", stop)):
            check_limits(f"{name} {edge}", value, *_FREQUENCIES, "Hz")
        points = check_whole(f"{name} points", points, 2, _MOST_POINTS)
        check_limits(f"{name} dwell", dwell, *_DWELLS, "s")
        self.write(":LIST:TYPE STEP")
        self.write(f":FREQ:STAR {start:.3f} Hz;:FREQ:STOP {stop:.3f} Hz")
        self.write(f":SWE:POIN {points:d};:SWE:DWEL {dwell:.6f} s")
        self.write(f":INIT:CONT {repeat:d};:FREQ:MODE SWE")
        if not repeat:
            self.write(":INIT")
        self.check_set_errors()

    def stand_still(self) -> None:
        """End sweeps of frequency and power."""
        self.write(":FREQ:MODE CW")
        self.write(":POW:MODE FIX")
        self.check_set_errors()

    def safe(self) -> None:
        """Switch the output off."""
        self.output_enabled = False


@dataclass(frozen=True, kw_only=True)
class ScpiSourceOptions:
    """What a station file says about the source, since its range is the model's."""

    model: str = ""
    """What its answer to ``*IDN?`` must hold, such as "E8257D"; empty: anything."""
    lowest: float = field(default=250e3, metadata={"unit": "Hz"})
    highest: float = field(default=20e9, metadata={"unit": "Hz"})
    weakest: float = field(default=-135.0, metadata={"unit": "dBm"})
    strongest: float = field(default=21.0, metadata={"unit": "dBm"})

    def __post_init__(self) -> None:
        for low, high, limits in (
            ("lowest", "highest", _FREQUENCIES),
            ("weakest", "strongest", _POWERS),
        ):
            least, greatest = getattr(self, low), getattr(self, high)
            if not limits[0] <= least < greatest <= limits[1]:
                raise ArgumentError(
                    f"{low}: wanted {limits[0]:g} ≤ {low} < {high} ≤ {limits[1]:g}, got {least:g} and "
                    f"{greatest:g}"
                )


class ScpiMicrowave(MicrowaveAdapter):
    """A SCPI source as a `MicrowaveSource`."""

    driver: ClassVar[type] = ScpiSource
    options: ClassVar[type] = ScpiSourceOptions
    device: ScpiSource
    chosen: ScpiSourceOptions
    relied_on = (
        *MicrowaveAdapter.relied_on,
        "device.modulation_enabled",
        "device.frequency_mode",
        "device.power_mode",
        *(f"device.{name}" for name in NEUTRAL),
    )

    @classmethod
    def ranges(cls, options: object = None) -> Mapping[str, tuple[float, float]]:
        """Return the model's limits, Hz and dBm.

        Parameters
        ----------
        options
            `ScpiSourceOptions`; None: their defaults.
        """
        chosen = options_or_defaults(ScpiSourceOptions, options)
        return {"frequency": (chosen.lowest, chosen.highest), "power": (chosen.weakest, chosen.strongest)}

    def configure(self) -> None:
        """Check the model, forget old errors, end sweeps, take away what makes the output another one."""
        self.device.expected_model = self.chosen.model
        self.device.identify()
        self.device.check_errors()
        self.device.stand_still()
        if self.device.modulation_enabled:
            self.device.modulation_enabled = False
        self.device.neutralise()

    def doubts(self) -> tuple[str, ...]:
        """Return whether the power is not levelled or the frequency not locked."""
        return self.device.read_questionable()

    def settings(self) -> dict[str, object]:
        """Return frequency (Hz), power (dBm) and switches, read back."""
        return {**super().settings(), "modulation_enabled": self.device.modulation_enabled}
