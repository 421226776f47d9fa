"""Stanford Research Systems SG384, a microwave source from 950 kHz to 4.05 GHz.

pymeasure's `SG380` has frequency and modulation. Added here: amplitude and enabling of the type-N output, the
modulation switch, the error queue, and limits that refuse (``SG380.frequency`` calls a truncating validator
and drops its result; ``SG380.has_doubler`` is true for every answer, because the text ``"0"`` is).

Quirks, from the *SG380 Series RF Signal Generators* operation and service manual (Stanford Research Systems):

- The front panel's amplitude belongs to several outputs; ``AMPR``/``ENBR`` are the type-N output's, which
  works from 950 kHz; ``AMPL``/``ENBL`` are the BNC output's, which ends at 62.5 MHz.
- Above 3 GHz the greatest power falls by 3.5 dB/GHz from +16.5 dBm.
- A value out of range is not clipped: it goes into the error queue (``LERR?``) and the old value stays. So
  the queue is read after every setting.
- Modulation survives power-off, and a source left in FM gives lines where none are: a continuous source
  switches it off when it is connected.
- A list that was left on (``LSTE 1``) puts other frequencies and powers on the output at every trigger; it is
  switched off when the source is connected.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Unpack

import numpy as np
from numpy.typing import NDArray
from pymeasure.adapters import Adapter
from pymeasure.instruments import SCPIMixin
from pymeasure.instruments.srs import SG380

from labspin.errors import LimitError
from labspin.instruments.adapter import NoOptions
from labspin.instruments.base import Opening
from labspin.instruments.invalid import whole
from labspin.instruments.microwave import MicrowaveAdapter
from labspin.instruments.properties import quantity, switch
from labspin.instruments.refusals import ErrorQueue
from labspin.units import format_quantity

__all__ = ["SG384", "SG384Microwave"]

FloatArray = NDArray[np.float64]

_FREQUENCIES = (950e3, 4.05e9)
_POWERS = (-110.0, 16.5)
_ROLL_OFF_FROM = 3e9
_ROLL_OFF = 3.5e-9  # dB/Hz
_DOUBTFUL: Mapping[int, str] = {
    1: "20 MHz PLL unlocked", 2: "100 MHz PLL unlocked", 4: "19 MHz PLL unlocked", 8: "1 GHz PLL unlocked",
    16: "4 GHz PLL unlocked", 32: "no timebase", 64: "rubidium unlocked",
}  # fmt: skip
"""Bits of ``INSR?`` that make the carrier another than what is set."""


class SG384(ErrorQueue, SG380):  # type: ignore[misc]
    """Driver of the SG384; see the module for its quirks."""

    maker = "Stanford Research Systems"
    models = ("SG384",)
    takes_several = True
    error_query = "LERR?"
    asked_once = ErrorQueue.asked_once | {"INSR?"}
    error_list = "'Error codes' in the SG380 manual"

    def __init__(self, adapter: Adapter | str, name: str = "SG384", **kwargs: Unpack[Opening]) -> None:
        super().__init__(adapter, name, **kwargs)

    def _open(self, adapter: Adapter | str, name: str, settings: Mapping[str, object]) -> None:
        # Past SG380.__init__, which does nothing of its own, and the warning of SCPIUnknownMixin behind it.
        SCPIMixin.__init__(self, adapter, name, **settings)

    frequency: float = quantity(
        "FREQ?",
        "FREQ%.6f",
        """Control the frequency of the type-N output (Hz, float from 950 kHz to 4.05 GHz).""",
        name="SG384 frequency",
        unit="Hz",
        limits=_FREQUENCIES,
    )

    amplitude: float = quantity(
        "AMPR?",
        "AMPR%.2f",
        """Control the power of the type-N output (dBm, float from -110 to 16.5).""",
        name="SG384 amplitude",
        unit="dBm",
        limits=_POWERS,
    )

    output_enabled: bool = switch(
        "ENBR?",
        "ENBR%d",
        """Control whether the type-N output is on (dimensionless, bool: True or False).""",
        name="SG384 output_enabled",
    )

    modulation_enabled: bool = switch(
        "MODL?",
        "MODL%d",
        """Control whether the modulation is on (dimensionless, bool: True or False).""",
        name="SG384 modulation_enabled",
    )

    list_enabled: bool = switch(
        "LSTE?",
        "LSTE%d",
        """Control whether triggers go through a stored list (dimensionless, bool: True or False).""",
        name="SG384 list_enabled",
    )

    rate: float = quantity(
        "RATE?",
        "RATE%.6f",
        """Control the frequency of the modulation (Hz, float from 1 µHz to 500 kHz, less by carrier).""",
        name="SG384 rate",
        unit="Hz",
        limits=(1e-6, 500e3),
    )

    fm_dev: float = quantity(
        "FDEV?",
        "FDEV%.6f",
        """Control the deviation of the modulation (Hz, float from 0.1 Hz to 64 MHz, less by carrier).""",
        name="SG384 fm_dev",
        unit="Hz",
        limits=(0.1, 64e6),
    )

    def read_status(self) -> int:
        """Return what is or was wrong with the instrument since the last question, as bits; forget it."""
        return int(self.values("INSR?", cast=whole)[0])

    def safe(self) -> None:
        """Switch the type-N output off."""
        self.output_enabled = False


def greatest_power(frequency: FloatArray | float) -> FloatArray:
    """Return the greatest power of the type-N output at ``frequency`` (Hz), dBm, both of any shape."""
    return np.asarray(_POWERS[1] - _ROLL_OFF * np.maximum(0.0, np.asarray(frequency) - _ROLL_OFF_FROM))


class SG384Microwave(MicrowaveAdapter):
    """The SG384 as a `MicrowaveSource`."""

    driver: ClassVar[type] = SG384
    options: ClassVar[type] = NoOptions
    device: SG384
    relied_on = (*MicrowaveAdapter.relied_on, "device.modulation_enabled", "device.list_enabled")

    @classmethod
    def ranges(cls, options: object = None) -> Mapping[str, tuple[float, float]]:
        """Return the hardware's limits, Hz and dBm.

        Parameters
        ----------
        options
            Not used.
        """
        return {"frequency": _FREQUENCIES, "power": _POWERS}

    def configure(self) -> None:
        """Switch modulation and list off and forget old errors."""
        self.device.check_errors()
        if self.device.modulation_enabled:
            self.device.modulation_enabled = False
        if self.device.list_enabled:
            self.device.list_enabled = False

    def doubts(self) -> tuple[str, ...]:
        """Return which synthesiser is or was without lock, and whether the timebase is missing."""
        status = self.device.read_status()
        return tuple(text for bit, text in _DOUBTFUL.items() if status & bit)

    @property
    def power(self) -> float:
        """Control the power of the type-N output (dBm, float from -110 to 16.5, less above 3 GHz)."""
        return self.device.amplitude

    @power.setter
    def power(self, value: float) -> None:
        power = self._checked("power", value, "dBm")
        if power > greatest_power(_FREQUENCIES[1]):
            self.check_setpoints({"frequency": np.asarray(self.device.frequency), "power": np.asarray(power)})
        self.device.amplitude = power

    def check_setpoints(self, setpoints: Mapping[str, FloatArray]) -> None:
        """Refuse a power that the output does not reach at its frequency.

        Parameters
        ----------
        setpoints
            Attribute to values that it has at the same time as the others, Hz or dBm, shape (n,) or ().

        Raises
        ------
        LimitError
            It is greater.
        """
        if not {"frequency", "power"} <= setpoints.keys():
            return
        frequency, power = np.broadcast_arrays(setpoints["frequency"], setpoints["power"])
        beyond = power > greatest_power(frequency)
        if beyond.any():
            at, wanted = float(frequency[beyond][0]), float(power[beyond][0])
            raise LimitError(
                f"{self.device.name} power: wanted at most {greatest_power(at):.2f} dBm at "
                f"{format_quantity(at, 'Hz')}, got {wanted!r}; nothing was sent to the instrument"
            )

    def settings(self) -> dict[str, object]:
        """Return frequency (Hz), power (dBm) and switches, read back."""
        return {**super().settings(), "modulation_enabled": self.device.modulation_enabled}
