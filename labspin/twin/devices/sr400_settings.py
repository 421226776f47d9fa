"""Settings of the SR400: their ranges, and how the instrument rounds them.

After the *SR400 Gated Photon Counter* user's manual (SRS, rev. 2.6, "Detailed command list", pages 39-47).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labspin.twin.wire import Command, CommandError, Unit, parse_number

if TYPE_CHECKING:
    from labspin.twin.devices.sr400 import SR400

__all__ = [
    "MAXIMUM_GATE",
    "MAXIMUM_STEP",
    "MINIMUM_WIDTH",
    "Settings",
    "four_digits",
    "indexed",
    "one_digit",
    "setting",
    "stepped",
    "whole",
]

MAXIMUM_GATE, MINIMUM_WIDTH, MAXIMUM_STEP = 999.2e-3, 5e-9, 99.92e-3  # s


@dataclass
class Settings:
    """What the front panel holds; lists by counter (A, B, T), gate (A, B) or port (1, 2)."""

    mode: int = 0  # 0 A,B for T; 1 A-B; 2 A+B; 3 A for B
    inputs: list[int] = field(default_factory=lambda: [1, 2, 0])  # 0 10 MHz, 1 INPUT 1, 2 INPUT 2, 3 TRIG
    presets: list[float] = field(default_factory=lambda: [math.nan, 1e3, 1e7])
    periods: int = 1
    scan_end: int = 0  # 0 stop, 1 start again
    dwell: float = 1.0  # s; 0 external
    analog_source: int = 0
    analog_scale: int = 0
    display: int = 0
    trigger_slope: int = 0  # 0 rise, 1 fall
    trigger_level: float = 0.1  # V
    disc_slopes: list[int] = field(default_factory=lambda: [1, 1, 1])
    disc_modes: list[int] = field(default_factory=lambda: [0, 0, 0])
    disc_steps: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])  # V
    disc_levels: list[float] = field(default_factory=lambda: [-0.01, -0.01, -0.01])  # V
    port_modes: list[int] = field(default_factory=lambda: [0, 0])
    port_steps: list[float] = field(default_factory=lambda: [0.0, 0.0])  # V
    port_levels: list[float] = field(default_factory=lambda: [0.0, 0.0])  # V
    gate_modes: list[int] = field(default_factory=lambda: [0, 0])  # 0 CW, 1 fixed, 2 scan
    gate_steps: list[float] = field(default_factory=lambda: [0.0, 0.0])  # s
    gate_delays: list[float] = field(default_factory=lambda: [0.0, 0.0])  # s
    gate_widths: list[float] = field(default_factory=lambda: [5e-9, 5e-9])  # s


Rounding = Callable[[float], float]


def _within(value: float, low: float, high: float) -> float:
    if not low <= value <= high * (1 + 1e-12):
        raise CommandError(-222, "Data out of range")
    return value


def whole(low: int, high: int, *, among: tuple[int, ...] = ()) -> Rounding:
    """Return a check of whole numbers in a range.

    Parameters
    ----------
    low, high
        Least and greatest value allowed.
    among
        The values allowed; empty allows all in the range.
    """

    def check(value: float) -> float:
        if value != round(value) or (among and round(value) not in among):
            raise CommandError(-222, "Data out of range")
        return round(_within(value, low, high))

    return check


def one_digit(low: float, high: float) -> Rounding:
    """Return a rounding (down) to the most significant digit: 12 is 1E1.

    Parameters
    ----------
    low, high
        Least and greatest value allowed.
    """

    def truncate(value: float) -> float:
        _within(value, low, high)
        if value == 0:
            return 0.0
        exponent = math.floor(math.log10(value) + 1e-12)
        return math.floor(value / 10.0**exponent + 1e-9) * 10.0**exponent

    return truncate


def stepped(low: float, high: float, step: float) -> Rounding:
    """Return a rounding to multiples of ``step``.

    Parameters
    ----------
    low, high
        Least and greatest value allowed.
    step
        Step to whose multiples values are rounded.
    """
    return lambda value: round(round(_within(value, low, high) / step) * step, 12)


def four_digits(low: float, high: float) -> Rounding:
    """Return the rounding of gate times: 1 ns up to 1 µs, then four digits, the last in steps of 1 to 8.

    With the four digits read as a number from 1000 to 9999, the steps are 1 up to 2048, 2 up to 4096, 4 up
    to 8192 and 8 above (manual, page 42).

    Parameters
    ----------
    low, high
        Least and greatest value allowed, s.
    """

    def rounded(value: float) -> float:
        value = _within(value, low, high)
        if value < 1e-6:
            return round(value, 9)
        exponent = math.floor(math.log10(value) + 1e-12) - 3
        digits = value / 10.0**exponent
        step = 1 if digits < 2048 else 2 if digits < 4096 else 4 if digits < 8192 else 8
        return round(digits / step) * step * 10.0**exponent

    return rounded


def setting(header: str, name: str, rounding: Rounding, *, form: str = "{:.4G}") -> Command:
    """Return the line of a setting that is read when no value is sent (``DT``, ``DT 2E-3``).

    Parameters
    ----------
    header
        Header of the command.
    name
        Name of an attribute of the device's ``state``.
    rounding
        Checks and rounds the value.
    form
        Format of the answer.
    """

    def call(device: SR400, unit: Unit) -> str | None:
        values = _numbers(unit, 0, 1)
        if not values:
            return form.format(getattr(device.state, name))
        setattr(device.state, name, rounding(values[0]))
        device.changed(name)
        return None

    return Command(header, do=call)


def indexed(
    header: str, name: str, roundings: dict[int, Rounding], *, first: int = 0, form: str = "{:.4G}"
) -> Command:
    """Return the line of one setting of several (``GD 0``, ``GD 0,1.2E-6``), by its index on the wire.

    Parameters
    ----------
    header
        Header of the command.
    name
        Name of an attribute of the device's ``state`` that holds the values.
    roundings
        Check and rounding of the value, by its index on the wire.
    first
        Index on the wire of the first value held.
    form
        Format of the answer.
    """

    def call(device: SR400, unit: Unit) -> str | None:
        index, *values = _numbers(unit, 1, 2)
        if index not in roundings:
            raise CommandError(-222, "Data out of range")
        held = getattr(device.state, name)
        if not values:
            return form.format(held[round(index) - first])
        held[round(index) - first] = roundings[round(index)](values[0])
        device.changed(name)
        return None

    return Command(header, do=call)


def _numbers(unit: Unit, fewest: int, most: int) -> list[float]:
    if not fewest <= len(unit.arguments) <= most:
        raise CommandError(-109, "Missing parameter")
    return [parse_number(argument) for argument in unit.arguments]
