"""An analog input of a National Instruments device, with a magnetometer's analog output at it.

Hall probes and fluxgates give a voltage in proportion to the field; the station file says which. The driver
itself reads voltages of whatever kind. Facts are those of the *X Series User Manual* (National Instruments,
chapter 4, 'Analog Input') and the documentation of NI-DAQmx.

Quirks:

- NI-DAQmx takes the input range that is next to the one asked for, and reads a little beyond it before it
  clips; what lies beyond the one asked for is an error here, not a field.
- A reading is the mean over a stretch of samples; whole periods of the mains (20 ms or 16.7 ms) average it
  out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from labspin.errors import ArgumentError, DeviceError, IdentityError
from labspin.instruments.adapter import RoleAdapter, options_or_defaults
from labspin.instruments.limits import check_limits
from labspin.instruments.ni_device import NIDevice, check_device

__all__ = ["NIAnalogInput", "NIGaussmeter", "NIGaussmeterOptions"]

_WIRINGS = ("diff", "rse", "nrse")
_RANGES = (0.01, 10.0)  # V
_RATES = (1.0, 2e6)  # Hz
_SAMPLES = (2, 10_000_000)


class NIAnalogInput(NIDevice):
    """Driver of the analog inputs of a device; see the module for its quirks."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Get the analog inputs (dimensionless, tuple of names such as "ai0")."""
        return tuple(name.rpartition("/")[2] for name in self.description["inputs"])

    def voltages(
        self, channel: str, *, greatest: float, rate: float, samples: int, wiring: str = "diff"
    ) -> NDArray[np.float64]:
        """Return voltages taken at equal intervals, V, shape (samples,).

        Parameters
        ----------
        channel
            The input, such as ``"ai0"``.
        greatest
            Greatest magnitude that is measured, V; 0.01 to 10. It sets the range of the input.
        rate
            Sampling rate, Hz; 1 to 2e6.
        samples
            Number of samples; 2 to 10 000 000.
        wiring
            Terminal configuration: ``"diff"``, ``"rse"`` or ``"nrse"``.

        Raises
        ------
        LimitError
            An argument is out of range.
        """
        check_limits(f"{self.name} greatest voltage", greatest, *_RANGES, "V")
        check_limits(f"{self.name} rate", rate, *_RATES, "Hz")
        check_limits(f"{self.name} samples", samples, *_SAMPLES)
        with self._lock:
            return self._do(
                lambda: self._daqmx.voltages(
                    f"{self._device}/{channel}", wiring=wiring, greatest=greatest, rate=rate, samples=samples
                )
            )

    def safe(self) -> None:
        """Do nothing: an input drives nothing."""


@dataclass(frozen=True, kw_only=True)
class NIGaussmeterOptions:
    """What a station file may say about the input and the magnetometer at it."""

    slope: float = field(default=1.0, metadata={"unit": "T/V"})
    """Field for a volt, T/V."""
    offset: float = field(default=0.0, metadata={"unit": "T"})
    """Field at 0 V, T."""
    channel: str = "ai0"
    """Analog input."""
    input_wiring: str = "diff"
    """How it is wired: ``"diff"`` (differential), ``"rse"`` or ``"nrse"`` (to the device's or no ground)."""
    greatest: float = field(default=10.0, metadata={"unit": "V"})
    """Greatest voltage, V."""
    rate: float = field(default=10e3, metadata={"unit": "Hz"})
    """Sample rate, Hz."""
    samples: int = 200
    """Samples that a reading is the mean of."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"ai\d+", str(self.channel)):
            raise ArgumentError(f"channel: wanted an analog input such as 'ai0', got {self.channel!r}")
        if self.input_wiring not in _WIRINGS:
            raise ArgumentError(
                f"input_wiring: wanted one of {', '.join(_WIRINGS)}, got {self.input_wiring!r}"
            )
        if not (np.isfinite(self.slope) and self.slope != 0 and np.isfinite(self.offset)):
            raise ArgumentError(f"slope: wanted a number other than 0 T/V, got {self.slope!r} T/V")
        bounds = (("greatest", _RANGES, "V"), ("rate", _RATES, "Hz"), ("samples", _SAMPLES, ""))
        for name, (least, most), unit in bounds:
            if not least <= getattr(self, name) <= most:
                raise ArgumentError(
                    f"{name}: wanted {least:g} to {most:g} {unit}, got {getattr(self, name)!r}"
                )


class NIGaussmeter(RoleAdapter):
    """A magnetometer at an analog input as a `Gaussmeter`."""

    role = "Gaussmeter"
    driver: ClassVar[type] = NIAnalogInput
    options: ClassVar[type] = NIGaussmeterOptions
    device: NIAnalogInput
    chosen: NIGaussmeterOptions

    @classmethod
    def check_address(cls, address: str) -> None:
        """Refuse what is not the name of a device.

        Parameters
        ----------
        address
            Address out of a station file, such as ``"Dev1"``.
        """
        check_device(address)

    @classmethod
    def canonical_address(cls, address: str) -> str:
        """Return the device's name in upper case.

        Parameters
        ----------
        address
            Address out of a station file, such as ``"Dev1"``.
        """
        return check_device(address).upper()

    @classmethod
    def place(cls, address: str, options: object = None) -> str:
        """Return device and input: each input is an instrument.

        Parameters
        ----------
        address
            Address out of a station file, such as ``"Dev1"``.
        options
            `NIGaussmeterOptions`; None: their defaults.
        """
        channel = options_or_defaults(NIGaussmeterOptions, options).channel
        return f"{cls.canonical_address(address)}/{channel.upper()}"

    def configure(self) -> None:
        """Refuse an input that the device does not have.

        Raises
        ------
        IdentityError
            It has no such input.
        """
        if self.chosen.channel not in self.device.inputs:
            raise IdentityError(
                f"{self.device.name}: wanted a device with an analog input {self.chosen.channel!r}, but "
                f"it has {', '.join(self.device.inputs) or 'none'}; correct channel or address"
            )

    def _volts(self) -> float:
        chosen = self.chosen
        values = self.device.voltages(
            chosen.channel,
            greatest=chosen.greatest,
            rate=chosen.rate,
            samples=chosen.samples,
            wiring=chosen.input_wiring,
        )
        if np.abs(values).max() >= chosen.greatest:
            raise DeviceError(
                f"{self.device.name}: wanted a voltage within ±{chosen.greatest:g} V at {chosen.channel}, "
                "but it is overloaded; take a greater range or a less sensitive probe"
            )
        return float(values.mean())

    @property
    def field(self) -> float:
        """Measure the field at the probe (T, float, with sign)."""
        return self.chosen.offset + self.chosen.slope * self._volts()

    def settings(self) -> dict[str, object]:
        """Return device, input, its voltage (V), and what field it stands for (T, T/V)."""
        volts = self._volts()
        return {
            "identity": self.device.identify(),
            "channel": self.chosen.channel,
            "voltage": volts,
            "slope": self.chosen.slope,
            "offset": self.chosen.offset,
            "field": self.chosen.offset + self.chosen.slope * volts,
        }
