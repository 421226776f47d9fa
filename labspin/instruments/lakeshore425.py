"""Lake Shore 425, a gaussmeter with a Hall probe.

pymeasure's `LakeShore425` has reading, units and ranges. Added here: a lock around each exchange, ranges that
refuse (``LakeShore425.range`` takes the next one up), auto-ranging (``LakeShore425.auto_range`` sends
``AUTO`` without its argument, which the instrument refuses), the probe's zero and its overload.

Quirks, from the *Model 425 Gaussmeter user's manual* (Lake Shore):

- It has neither an error queue nor the registers of IEEE 488.2: its commands begin with ``?``, ``*IDN?`` and
  ``*RST`` (section 6.3.1). What it cannot take it ignores, so every setting is read back.
- A reading is a number in the units that are set, and says nothing of them: the role sets tesla.
- Setting a range ends auto-ranging.
- ``ZPROBE`` takes whatever field there is for zero; the probe belongs into its zero-gauss chamber first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Unpack

from pymeasure.adapters import Adapter
from pymeasure.instruments.lakeshore import LakeShore425 as PymeasureLakeShore425

from labspin.errors import ArgumentError, DeviceError, DoubtfulReadingError
from labspin.instruments.adapter import RoleAdapter
from labspin.instruments.base import Opening
from labspin.instruments.invalid import SCPI_WORDS, whole
from labspin.instruments.properties import choice, switch
from labspin.instruments.refusals import ReadBack

__all__ = ["RANGES", "LakeShore425", "LakeShore425Gaussmeter", "LakeShore425Options"]

RANGES: Mapping[float, int] = {35e-4: 1, 350e-4: 2, 0.35: 3, 3.5: 4}
"""Full scale of a high-sensitivity probe (T), and its number on the wire."""

_UNITS = {"gauss": 1, "tesla": 2, "oersted": 3, "ampere per metre": 4}
_OVER = 1.0001
_DOUBTFUL: Mapping[int, str] = {1: "no probe", 2: "field overload"}
"""Bits of ``OPST?`` that make a reading meaningless."""


class LakeShore425(ReadBack, PymeasureLakeShore425):  # type: ignore[misc]
    """Driver of the 425; see the module for its quirks."""

    maker = "LSCI"
    models = ("MODEL425",)
    takes_several = True
    invalid_words: ClassVar[Mapping[str, float]] = {
        **SCPI_WORDS, "OL": math.inf, "+OL": math.inf, "-OL": -math.inf, "NO PROBE": math.nan,
    }  # fmt: skip
    terminations: ClassVar[Mapping[str, object]] = {}  # pymeasure's class sets them for its serial port

    def __init__(
        self, adapter: Adapter | str, name: str = "Lake Shore 425", **kwargs: Unpack[Opening]
    ) -> None:
        super().__init__(adapter, name, **kwargs)

    def _open(self, adapter: Adapter | str, name: str, settings: Mapping[str, object]) -> None:
        ends = {"read_termination": "\n", "write_termination": "\n"}
        others = {} if not self.address else dict.fromkeys(("tcpip", "gpib", "usb"), ends)
        super()._open(adapter, name, {**others, **settings})

    unit: str = choice(
        "UNIT?",
        "UNIT %d",
        """Control the unit of readings (dimensionless, str: "gauss", "tesla", "oersted" or
        "ampere per metre").""",
        name="Lake Shore 425 unit",
        words=_UNITS,
    )

    range: float = choice(
        "RANGE?",
        "RANGE %d",
        """Control the full scale (T, float: 0.0035, 0.035, 0.35 or 3.5).""",
        name="Lake Shore 425 range",
        words=RANGES,
    )

    auto_range_enabled: bool = switch(
        "AUTO?",
        "AUTO %d",
        """Control whether the instrument chooses the range (dimensionless, bool: True or False).""",
        name="Lake Shore 425 auto_range_enabled",
    )

    relative_enabled: bool = switch(
        "REL?",
        "REL %d",
        """Control whether a set-point is taken off the readings (dimensionless, bool).""",
        name="Lake Shore 425 relative_enabled",
    )

    def auto_range(self) -> None:
        """Let the instrument choose the range."""
        self.auto_range_enabled = True

    def zero_probe(self) -> None:
        """Take the present field for zero; put the probe into its zero-gauss chamber first."""
        self.write("ZPROBE")

    def safe(self) -> None:
        """Do nothing: a gaussmeter drives nothing."""


@dataclass(frozen=True, kw_only=True)
class LakeShore425Options:
    """What a station file may say about the gaussmeter."""

    range: float | None = field(default=None, metadata={"unit": "T"})
    """Full scale, one of those of the probe, T; None: auto-ranging."""

    def __post_init__(self) -> None:
        if self.range is not None and not any(abs(self.range / scale - 1) < 1e-6 for scale in RANGES):
            wanted = ", ".join(f"{scale:g} T" for scale in RANGES)
            raise ArgumentError(f"range: wanted one of {wanted}, got {self.range!r} T")


class LakeShore425Gaussmeter(RoleAdapter):
    """The 425 as a `Gaussmeter`."""

    role = "Gaussmeter"
    driver: ClassVar[type] = LakeShore425
    options: ClassVar[type] = LakeShore425Options
    device: LakeShore425
    chosen: LakeShore425Options
    relied_on = ("device.unit", "device.relative_enabled", "device.auto_range_enabled", "device.mode")

    def configure(self) -> None:
        """Set tesla, static fields, no set-point, and the range."""
        device, scale = self.device, self.chosen.range
        device.unit = "tesla"
        device.dc_mode()
        device.check_set_errors()
        device.relative_enabled = False
        if scale is None:
            device.auto_range_enabled = True
        else:
            device.range = min(RANGES, key=lambda known: abs(known / scale - 1))

    def relies_on(self) -> tuple[str, ...]:
        """Return the settings that readings depend on: the range, too, unless the instrument chooses it."""
        return type(self).relied_on if self.chosen.range is None else (*type(self).relied_on, "device.range")

    def doubts(self) -> tuple[str, ...]:
        """Return whether the field is beyond the range, or the probe is missing."""
        status = self.device.values("OPST?", cast=whole)[0]
        return tuple(text for bit, text in _DOUBTFUL.items() if status & bit)

    @property
    def field(self) -> float:
        """Measure the field at the probe (T, float, with sign); the unit of the reading is asked with it."""
        if (unit := self.device.unit) != "tesla":
            raise DoubtfulReadingError(
                f"{self.device.name}: wanted a reading in tesla, but it shows {unit}; it was changed "
                "at the instrument: set tesla at the front panel, or connect again"
            )
        field = float(self.device.field)
        scale = self.chosen.range or max(RANGES)
        if abs(field) > _OVER * scale:
            raise DeviceError(
                f"{self.device.name}: wanted a field within ±{scale:g} T, but it is overloaded; choose a "
                "greater range, or auto-ranging, in the station file"
            )
        return field

    def settings(self) -> dict[str, object]:
        """Return field (T), unit, range (T) and switches, read back."""
        return {
            "field": float(self.device.field),
            "unit": self.device.unit,
            "range": self.device.range,
            "auto_range_enabled": self.device.auto_range_enabled,
            "mode": [int(value) for value in self.device.mode],
        }
