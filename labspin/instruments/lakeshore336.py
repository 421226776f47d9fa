"""Lake Shore 336, a temperature controller with four inputs and four outputs.

pymeasure's `LakeShore3xx` reads inputs and sets set-point, range and manual output. What is added is in
`labspin.instruments.lakeshore_controller`.

Quirks, from the *Model 336 Temperature Controller user's manual* (Lake Shore):

- There is no error queue: what is wrong sets a bit of ``*ESR?``, which is read after every setting.
- A heater is off when its range is 0. Heater ranges are decades of power: a range too low cannot reach the
  set-point, one too high regulates coarsely.
- An input without a sensor reads 0 K; only ``RDGST?`` tells, and is asked with every temperature.
- While the set-point ramps, ``SETP?`` answers where it is, not where it goes.
- Set-points are in the preferred unit of the input, which the role wants to be kelvin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Unpack

from pymeasure.adapters import Adapter
from pymeasure.instruments import Instrument

from labspin.errors import ArgumentError
from labspin.instruments.base import Opening
from labspin.instruments.invalid import whole
from labspin.instruments.lakeshore_controller import (
    ControllerAdapter,
    HeaterOutput,
    LakeShoreController,
    TemperatureInput,
    ramp,
)
from labspin.instruments.properties import choice, quantities

__all__ = ["RANGES", "HeaterOutput336", "LakeShore336", "LakeShore336Controller", "LakeShore336Options"]

RANGES: Mapping[str, int] = {"off": 0, "low": 1, "medium": 2, "high": 3}
"""Heater ranges by name: each ten times the power of the one before."""

_INPUTS = ("A", "B", "C", "D")


class HeaterOutput336(HeaterOutput):
    """One output of the 336."""

    modes: ClassVar[Mapping[str, int]] = {
        "off": 0,
        "closed loop": 1,
        "zone": 2,
        "open loop": 3,
        "monitor": 4,
        "warm-up": 5,
    }

    range: str = choice(
        "RANGE? {ch}",
        "RANGE {ch},%d",
        """Control the range of the heater (dimensionless, str: "off", "low", "medium" or "high").""",
        name="Lake Shore 336 range",
        words=RANGES,
    )

    pid: tuple[float, float, float] = quantities(
        "PID? {ch}",
        "PID {ch},%.1f,%.1f,%.1f",
        """Control P (0.1 to 1000), I (0.1 to 1000), D (0 to 200) of the loop (dimensionless, 3 floats).""",
        name="Lake Shore 336 pid",
        limits=((0.1, 1000.0), (0.1, 1000.0), (0.0, 200.0)),
    )

    ramp_rate: float = ramp(
        "RAMP {ch},%d,%.3g",
        """Control how far the set-point moves in a minute (K, float to 100, from 0.1; 0: it jumps).""",
        name="Lake Shore 336 ramp_rate",
    )

    def input_name(self, word: str) -> str:
        """Return the name of the input with a number.

        Parameters
        ----------
        word
            The number on the wire: ``"0"`` is none, ``"1"`` is A.

        Returns
        -------
            The name; empty for none.
        """
        return ("", *_INPUTS)[whole(word)]

    def input_word(self, name: str) -> str:
        """Return the number of an input on the wire.

        Parameters
        ----------
        name
            Name of the input, such as ``"A"``; empty for none.
        """
        return str(("", *_INPUTS).index(name))


class LakeShore336(LakeShoreController):
    """Driver of the 336; see the module for its quirks."""

    models = ("MODEL336",)

    input_A = Instrument.ChannelCreator(TemperatureInput, "A")
    input_B = Instrument.ChannelCreator(TemperatureInput, "B")
    input_C = Instrument.ChannelCreator(TemperatureInput, "C")
    input_D = Instrument.ChannelCreator(TemperatureInput, "D")
    output_1 = Instrument.ChannelCreator(HeaterOutput336, 1)
    output_2 = Instrument.ChannelCreator(HeaterOutput336, 2)
    output_3 = Instrument.ChannelCreator(HeaterOutput336, 3)
    output_4 = Instrument.ChannelCreator(HeaterOutput336, 4)

    def __init__(
        self, adapter: Adapter | str, name: str = "Lake Shore 336", **kwargs: Unpack[Opening]
    ) -> None:
        super().__init__(adapter, name, **kwargs)

    @property
    def inputs(self) -> Mapping[str, TemperatureInput]:
        """Get the inputs by name (dimensionless, mapping of "A" to "D")."""
        return {name: self.channels[name] for name in _INPUTS}

    @property
    def outputs(self) -> Mapping[int, HeaterOutput]:
        """Get the outputs by number (dimensionless, mapping of 1 to 4)."""
        return {number: self.channels[number] for number in (1, 2, 3, 4)}


@dataclass(frozen=True, kw_only=True)
class LakeShore336Options:
    """What a station file may say about the controller."""

    input: str = "A"
    """Input with the thermometer, "A" to "D"."""
    output: int = 1
    """Output with the heater, 1 to 4."""
    heater_range: str = "high"
    """Range of the heater while the loop is on: "low", "medium" or "high"."""

    def __post_init__(self) -> None:
        if self.input not in _INPUTS:
            raise ArgumentError(f"input: wanted one of {', '.join(_INPUTS)}, got {self.input!r}")
        if self.output not in (1, 2, 3, 4) or isinstance(self.output, bool):
            raise ArgumentError(f"output: wanted 1, 2, 3 or 4, got {self.output!r}")
        if self.heater_range not in RANGES or self.heater_range == "off":
            raise ArgumentError(f"heater_range: wanted low, medium or high, got {self.heater_range!r}")


class LakeShore336Controller(ControllerAdapter):
    """The 336 as a `TemperatureController`."""

    driver: ClassVar[type] = LakeShore336
    options: ClassVar[type] = LakeShore336Options
    chosen: LakeShore336Options
    unit_place = 4
    doubtful_bits: ClassVar[Mapping[int, str]] = {
        1: "invalid reading", 16: "temperature below its range", 32: "temperature above its range",
        64: "sensor reading is zero", 128: "sensor above its range",
    }  # fmt: skip
    off = "off"
