"""Rohde & Schwarz SMB100A, an analog microwave source up to 40 GHz, with step sweeps and lists.

pymeasure has no driver of it, and QCoDeS-contrib's has neither lists nor the error queue. So this one is
labspin's own.

Quirks, from the *R&S SMB100A operating manual* (1407.0806.32):

- A value out of range stays out: the old one is kept and error -222 waits in the queue, which is read after
  every setting.
- ``FREQ`` sets the carrier in CW mode; while a sweep or a list runs, the output is elsewhere and ``FREQ?``
  says where. A continuous source is set to CW when it is connected, its power to a fixed one.
- ``UNIT:POW`` is the unit of powers that are answered, and of those that are sent without one: dBm is set.
- The number of points of a sweep is another word for its step width: range and step width are kept, the
  number follows. So ``SWE:POIN`` is sent after start and stop.
- A list lives in a file of the instrument, is selected by name before anything else, and is learned
  (``LIST:LEAR``) after it has changed.
- The socket PULSE EXT gates the output when pulse modulation is on: it is left as it is, but reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Unpack

from pymeasure.adapters import Adapter

from labspin.errors import ArgumentError
from labspin.instruments.adapter import options_or_defaults
from labspin.instruments.base import LabspinInstrument, Opening
from labspin.instruments.limits import check_limits, check_whole, on_off, one_of
from labspin.instruments.microwave import MicrowaveAdapter
from labspin.instruments.properties import quantity, switch
from labspin.instruments.scpi_carrier import NEUTRAL, ScpiCarrier

__all__ = ["RANGES", "SMB100A", "SMB100AMicrowave", "SMB100AOptions"]

RANGES: Mapping[str, tuple[float, float]] = {
    "B101": (9e3, 1.1e9),
    "B102": (9e3, 2.2e9),
    "B103": (9e3, 3.2e9),
    "B106": (9e3, 6e9),
    "B112": (100e3, 12.75e9),
    "B120": (100e3, 20e9),
    "B140": (100e3, 40e9),
}
"""RF path options: least and greatest frequency (Hz)."""

_FREQUENCIES = (9e3, 40e9)
_POWERS = (-145.0, 30.0)
_DWELLS = (1e-3, 100.0)
_NEUTRAL: Mapping[str, object] = {
    **NEUTRAL,
    **dict.fromkeys(("am_enabled", "fm_enabled", "pm_enabled"), False),
}
_TRIGGERS = {"automatic": "AUTO", "bus": "SING", "external": "EXT"}


class SMB100A(ScpiCarrier, LabspinInstrument):
    """Driver of the SMB100A; see the module for its quirks."""

    maker = "Rohde&Schwarz"
    models = ("SMB100A",)
    takes_several = True

    def __init__(self, adapter: Adapter | str, name: str = "SMB100A", **kwargs: Unpack[Opening]) -> None:
        super().__init__(adapter, name, **kwargs)

    frequency: float = quantity(
        "SOUR:FREQ?",
        "SOUR:FREQ %.3f",
        """Control the frequency of the carrier (Hz, float from 9 kHz to 40 GHz, less by option).""",
        name="SMB100A frequency",
        unit="Hz",
        limits=_FREQUENCIES,
    )

    power: float = quantity(
        "SOUR:POW?",
        "SOUR:POW %.2f",
        """Control the power (dBm, float from -145 to 30).""",
        name="SMB100A power",
        unit="dBm",
        limits=_POWERS,
    )

    phase: float = quantity(
        "SOUR:PHAS?",
        "SOUR:PHAS %.1f DEG",
        """Control the phase of the carrier (dimensionless, float from -720 to 720 degrees).""",
        name="SMB100A phase",
        limits=(-720.0, 720.0),
    )

    output_enabled: bool = switch(
        "OUTP:STAT?",
        "OUTP:STAT %d",
        """Control whether the output is on (dimensionless, bool: True or False).""",
        name="SMB100A output_enabled",
    )

    pulse_modulation_enabled: bool = switch(
        "SOUR:PULM:STAT?",
        "SOUR:PULM:STAT %d",
        """Control whether pulses modulate the output (dimensionless, bool: True or False).""",
        name="SMB100A pulse_modulation_enabled",
    )

    am_enabled: bool = switch(
        "SOUR:AM:STAT?",
        "SOUR:AM:STAT %d",
        """Control whether the amplitude is modulated (dimensionless, bool: True or False).""",
        name="SMB100A am_enabled",
    )

    fm_enabled: bool = switch(
        "SOUR:FM:STAT?",
        "SOUR:FM:STAT %d",
        """Control whether the frequency is modulated (dimensionless, bool: True or False).""",
        name="SMB100A fm_enabled",
    )

    pm_enabled: bool = switch(
        "SOUR:PM:STAT?",
        "SOUR:PM:STAT %d",
        """Control whether the phase is modulated (dimensionless, bool: True or False).""",
        name="SMB100A pm_enabled",
    )

    @property
    def is_sweeping(self) -> bool:
        """Get whether a frequency sweep or a list is under way (dimensionless, bool)."""
        return bool(
            self.values("SOUR:SWE:RUNN?", cast=on_off)[0] or self.values("SOUR:LIST:RUNN?", cast=on_off)[0]
        )

    def sweep(
        self,
        start: float,
        stop: float,
        *,
        points: int,
        dwell: float,
        trigger: str = "automatic",
        single_steps: bool = False,
    ) -> None:
        """Set a step sweep of the frequency and switch to it.

        Parameters
        ----------
        start, stop
            Frequency of the first and the last step, Hz; either may be the greater.
        points
            Number of steps, at least 2.
        dwell
            Time at each step, s.
        trigger
            "automatic" runs sweep after sweep, "bus" waits for `trigger`, "external" for the socket.
        single_steps
            Whether a trigger makes one step instead of a whole sweep.

        Raises
        ------
        LimitError
            A value cannot be one of the instrument; nothing was sent.
        DeviceError
            The instrument refused a setting.
        """
        name = f"{self.name} sweep"
        for edge, value in (("start", start), ("stop", stop)):
            check_limits(f"{name} {edge}", value, *_FREQUENCIES, "Hz")
        points = check_whole(f"{name} points", points, 2, 1_000_000)
        check_limits(f"{name} dwell", dwell, *_DWELLS, "s")
        word = _TRIGGERS[one_of(f"{name} trigger")(trigger, _TRIGGERS)]
        self.write("SOUR:SWE:SPAC LIN")
        self.write(f"SOUR:FREQ:STAR {start:.3f};STOP {stop:.3f}")
        self.write(f"SOUR:SWE:POIN {points:d};DWEL {dwell:.6f};MODE {'STEP' if single_steps else 'AUTO'}")
        self.write(f"TRIG:FSW:SOUR {word}")
        self.check_set_errors()
        self.frequency_mode = "sweep"

    def load_list(
        self,
        frequencies: Sequence[float],
        *,
        powers: Sequence[float] = (),
        dwell: float,
        name: str = "labspin",
        trigger: str = "automatic",
        single_steps: bool = False,
    ) -> None:
        """Send a list of frequencies, and of powers if they differ, and switch to it.

        Parameters
        ----------
        frequencies
            Hz, one a step.
        powers
            dBm, one a step; none: the present power at each.
        dwell
            Time at each step, s.
        name
            Name of the list in the instrument; one of that name is overwritten.
        trigger, single_steps
            As in `sweep`.
        """
        label = f"{self.name} list"
        if not name.isidentifier():
            raise ArgumentError(f"{label}: wanted a name of letters, digits and underscores, got {name!r}")
        if len(frequencies) < 1 or (powers and len(powers) != len(frequencies)):
            raise ArgumentError(
                f"{label}: wanted as many powers as frequencies, at least one, got {len(powers)} and "
                f"{len(frequencies)}"
            )
        for value in frequencies:
            check_limits(f"{label} frequency", value, *_FREQUENCIES, "Hz")
        for value in powers:
            check_limits(f"{label} power", value, *_POWERS, "dBm")
        check_limits(f"{label} dwell", dwell, *_DWELLS, "s")
        word = _TRIGGERS[one_of(f"{label} trigger")(trigger, _TRIGGERS)]
        levels = list(powers) or [self.power] * len(frequencies)
        self.frequency_mode = "continuous"
        self.write(f'SOUR:LIST:SEL "{name}"')
        self.write("SOUR:LIST:FREQ " + ",".join(f"{value:.3f}" for value in frequencies))
        self.write("SOUR:LIST:POW " + ",".join(f"{value:.2f}" for value in levels))
        self.write(f"SOUR:LIST:DWEL {dwell:.6f};MODE {'STEP' if single_steps else 'AUTO'}")
        self.write(f"SOUR:LIST:TRIG:SOUR {word}")
        self.write("SOUR:LIST:LEAR")
        self.check_set_errors()
        self.frequency_mode = "list"

    def trigger(self) -> None:
        """Begin a sweep, or make the next step, if the instrument waits for the bus."""
        self.write("*TRG")

    def safe(self) -> None:
        """Switch the output off."""
        self.output_enabled = False


@dataclass(frozen=True, kw_only=True)
class SMB100AOptions:
    """What a station file may say about the source."""

    range: str = "B106"
    """RF path option, which sets the frequency range."""

    def __post_init__(self) -> None:
        if self.range not in RANGES:
            raise ArgumentError(f"range: wanted one of {', '.join(RANGES)}, got {self.range!r}")


class SMB100AMicrowave(MicrowaveAdapter):
    """The SMB100A as a `MicrowaveSource`."""

    driver: ClassVar[type] = SMB100A
    options: ClassVar[type] = SMB100AOptions
    device: SMB100A
    chosen: SMB100AOptions
    relied_on = (
        *MicrowaveAdapter.relied_on,
        "device.frequency_mode",
        "device.power_mode",
        *(f"device.{name}" for name in _NEUTRAL),
        "device.pulse_modulation_enabled",
    )

    @classmethod
    def ranges(cls, options: object = None) -> Mapping[str, tuple[float, float]]:
        """Return the limits of the RF path, Hz and dBm.

        Parameters
        ----------
        options
            `SMB100AOptions`; None: their defaults.
        """
        return {"frequency": RANGES[options_or_defaults(SMB100AOptions, options).range], "power": _POWERS}

    def configure(self) -> None:
        """Forget old errors, end sweeps, and take offsets, multiplier, another unit and modulations away.

        Pulse modulation stays as it is: it may be how the output is gated.
        """
        device = self.device
        device.check_errors()
        if device.frequency_mode != "continuous":
            device.frequency_mode = "continuous"
        if device.power_mode != "fixed":
            device.power_mode = "fixed"
        device.neutralise(_NEUTRAL)

    def doubts(self) -> tuple[str, ...]:
        """Return whether the power is not levelled or the frequency not locked."""
        return self.device.read_questionable()

    def settings(self) -> dict[str, object]:
        """Return frequency (Hz), power (dBm), mode and switches, read back."""
        return {
            **super().settings(),
            "frequency_mode": self.device.frequency_mode,
            "pulse_modulation_enabled": self.device.pulse_modulation_enabled,
        }
