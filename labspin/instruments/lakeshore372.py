"""Lake Shore 372, a resistance bridge and temperature controller for dilution refrigerators.

pymeasure has no driver of it. What it shares with the 336 is in
`labspin.instruments.lakeshore_controller`.

Quirks, from the *Model 372 AC Resistance Bridge and Temperature Controller user's manual* (Lake Shore):

- There is no error queue: what is wrong sets a bit of ``*ESR?``, which is read after every setting.
- Output 0 is the sample heater, with eight ranges of current in steps of √10; 1 is the warm-up heater and 2
  the analog output, which are only on or off.
- The control input "A" is a second bridge, always read; inputs 1 to 16 are read one after another by the
  scanner, and a loop on one of them is only as fast as the scan.
- An input that the scanner is not at shows what was last read there: with autoscan on, as old as a round.
  The role refuses one that the scanner never comes to.
- An input without a sensor still reads; only ``RDGST?`` tells, and is asked with every temperature.
- Set-points are in the preferred unit of the input, which the role wants to be kelvin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Unpack

from pymeasure.adapters import Adapter
from pymeasure.instruments import Instrument

from labspin.errors import ArgumentError, InstrumentError
from labspin.instruments.base import Opening
from labspin.instruments.lakeshore_controller import (
    ControllerAdapter,
    HeaterOutput,
    LakeShoreController,
    TemperatureInput,
    ramp,
)
from labspin.instruments.limits import one_of
from labspin.instruments.properties import choice, quantities

__all__ = ["RANGES", "LakeShore372", "LakeShore372Controller", "LakeShore372Options", "SampleHeater"]

RANGES: Mapping[float, int] = {
    0.0: 0, 31.6e-6: 1, 100e-6: 2, 316e-6: 3, 1e-3: 4, 3.16e-3: 5, 10e-3: 6, 31.6e-3: 7, 100e-3: 8,
}  # fmt: skip
"""Full-scale current of the sample heater (A; 0 is off), and its number on the wire."""

_INPUTS = ("A", *(str(number) for number in range(1, 17)))


class SampleHeater(HeaterOutput):
    """Output 0 of the 372."""

    modes: ClassVar[Mapping[str, int]] = {
        "off": 0,
        "monitor": 1,
        "open loop": 2,
        "zone": 3,
        "still": 4,
        "closed loop": 5,
        "warm-up": 6,
    }

    range: float = choice(
        "RANGE? {ch}",
        "RANGE {ch},%d",
        """Control the full-scale current, 0 is off (A, float: 31.6e-6, 100e-6 ... 31.6e-3, 100e-3).""",
        name="Lake Shore 372 range",
        words=RANGES,
    )

    pid: tuple[float, float, float] = quantities(
        "PID? {ch}",
        "PID {ch},%.4g,%.4g,%.4g",
        """Control P (to 1000), I (to 10000 s) and D (to 2500 s) of the loop (dimensionless, 3 floats).""",
        name="Lake Shore 372 pid",
        limits=((0.0, 1000.0), (0.0, 10000.0), (0.0, 2500.0)),
    )

    ramp_rate: float = ramp(
        "RAMP {ch},%d,%.4g",
        """Control how far the set-point moves in a minute (K, float to 100, from 0.001; 0: it jumps).""",
        name="Lake Shore 372 ramp_rate",
    )


class LakeShore372(LakeShoreController):
    """Driver of the 372; see the module for its quirks."""

    models = ("MODEL372",)

    input_ = Instrument.MultiChannelCreator(TemperatureInput, list(_INPUTS), prefix="input_")
    sample_heater = Instrument.ChannelCreator(SampleHeater, 0)

    def __init__(
        self, adapter: Adapter | str, name: str = "Lake Shore 372", **kwargs: Unpack[Opening]
    ) -> None:
        super().__init__(adapter, name, **kwargs)

    @property
    def inputs(self) -> Mapping[str, TemperatureInput]:
        """Get the inputs by name (dimensionless, mapping of "A" and "1" to "16")."""
        return {name: getattr(self, f"input_{name}") for name in _INPUTS}

    @property
    def outputs(self) -> Mapping[int, HeaterOutput]:
        """Get the outputs with a loop by number (dimensionless, mapping of 0)."""
        return {0: self.sample_heater}

    @property
    def scanner(self) -> tuple[str, bool]:
        """Get the input of the scanner, and whether it continues by itself (dimensionless, str and bool)."""
        at, automatic = self.values("SCAN?", cast=int)
        return str(at), bool(automatic)

    def scan(self, name: str, *, automatic: bool = False) -> None:
        """Switch the scanner to an input.

        Parameters
        ----------
        name
            Name of the input.
        automatic
            Whether the scanner then continues to the other inputs by itself; else it stays.

        Raises
        ------
        LimitError
            The scanner has no such input.
        """
        one_of(f"{self.name} scanner")(name, _INPUTS[1:])
        self.write(f"SCAN {name},{int(automatic)}")
        self.check_set_errors()

    def safe(self) -> None:
        """Switch every heater off, warm-up and still included."""
        for output in (0, 1, 2):
            self.write(f"RANGE {output},0")
        self.check_set_errors()


@dataclass(frozen=True, kw_only=True)
class LakeShore372Options:
    """What a station file may say about the bridge."""

    input: str = "A"
    """Input with the thermometer: the control input "A", or "1" to "16"."""
    heater_range: float = field(default=10e-3, metadata={"unit": "A"})
    """Full-scale current of the heater while the loop is on, A."""

    def __post_init__(self) -> None:
        if self.input not in _INPUTS:
            raise ArgumentError(f'input: wanted "A" or "1" to "16", got {self.input!r}')
        if not any(current and abs(self.heater_range / current - 1) < 1e-6 for current in RANGES):
            wanted = ", ".join(f"{current:g} A" for current in RANGES if current)
            raise ArgumentError(f"heater_range: wanted one of {wanted}, got {self.heater_range!r} A")


class LakeShore372Controller(ControllerAdapter):
    """The 372 and its sample heater as a `TemperatureController`."""

    driver: ClassVar[type] = LakeShore372
    options: ClassVar[type] = LakeShore372Options
    chosen: LakeShore372Options

    device: LakeShore372
    unit_place = 5
    doubtful_bits: ClassVar[Mapping[int, str]] = {
        1: "current source overload", 2: "common-mode voltage overload", 4: "mixer overload",
        8: "differential overload", 16: "resistance above its range", 32: "resistance below its range",
        64: "temperature above its range", 128: "temperature below its range",
    }  # fmt: skip
    off = 0.0

    def configure(self) -> None:
        """Close the loop on the input, in kelvin, without a ramp of its own; moves no output.

        Raises
        ------
        InstrumentError
            The scanner stays at another input, or the input is in another unit.
        """
        if self.chosen.input != _INPUTS[0]:
            at, automatic = self.device.scanner
            if not automatic and at != self.chosen.input:
                raise InstrumentError(
                    f"{self.device.name}: wanted input {self.chosen.input} to be read, but the scanner stays "
                    f"at input {at}; choose the input, or autoscan, at the front panel (Scan), then connect "
                    "again"
                )
        super().configure()

    @staticmethod
    def _output_of(options: object) -> int:
        return 0

    def heater_range(self) -> float:
        """Return the range next to the one of the options, which may be written with fewer digits, A."""
        return min(RANGES, key=lambda current: abs(current - self.chosen.heater_range))
