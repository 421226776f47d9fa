"""What SCPI sources share beside their output: modes, what is shown of it, and their status.

A source can show another frequency and another power than it makes: with an offset, multiplied for a mixer or
a multiplier behind it, or in another unit, in which it also takes numbers without one. What was left so would
make every set-point wrong, so a role takes it away.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from labspin.instruments.properties import choice, quantity
from labspin.instruments.refusals import ErrorQueue, QuestionableStatus

__all__ = ["NEUTRAL", "ScpiCarrier"]

NEUTRAL: Mapping[str, object] = MappingProxyType(
    {"frequency_offset": 0.0, "frequency_multiplier": 1.0, "power_offset": 0.0, "power_unit": "dBm"}
)
"""What makes the output other than what is shown of it, and the values at which it does not."""


class ScpiCarrier(QuestionableStatus, ErrorQueue):
    """Mix-in of SCPI sources; a base before the driver class."""

    frequency_offset: float = quantity(
        "SOUR:FREQ:OFFS?",
        "SOUR:FREQ:OFFS %.3f",
        """Control what is added to the frequency that is shown (Hz, float from -67 GHz to 67 GHz).""",
        name="SCPI source frequency_offset",
        unit="Hz",
        limits=(-67e9, 67e9),
    )

    frequency_multiplier: float = quantity(
        "SOUR:FREQ:MULT?",
        "SOUR:FREQ:MULT %.6g",
        """Control what multiplies the frequency that is shown (dimensionless, float from 0.001 to 10000).""",
        name="SCPI source frequency_multiplier",
        limits=(0.001, 10_000.0),
    )

    power_offset: float = quantity(
        "SOUR:POW:OFFS?",
        "SOUR:POW:OFFS %.2f",
        """Control what is added to the power that is shown, dB (dimensionless, float from -100 to 100).""",
        name="SCPI source power_offset",
        unit="dB",
        limits=(-100.0, 100.0),
    )

    power_unit: str = choice(
        "UNIT:POW?",
        "UNIT:POW %s",
        """Control the unit of powers that are answered, or sent without one (dimensionless, str: "dBm",
        "dBuV", "dBuV open", "V", "V open" or "dB").""",
        name="SCPI source power_unit",
        words={
            "dBm": "DBM", "dBuV": "DBUV", "dBuV open": "DBUVEMF", "V": "V", "V open": "VEMF", "dB": "DB",
        },
    )  # fmt: skip

    power_mode: str = choice(
        "SOUR:POW:MODE?",
        "SOUR:POW:MODE %s",
        """Control what sets the power (dimensionless, str: "fixed", "sweep" or "list").""",
        name="SCPI source power_mode",
        words={"fixed": "FIX", "sweep": "SWE", "list": "LIST"},
        aliases={"CW": "fixed"},
    )

    frequency_mode: str = choice(
        "SOUR:FREQ:MODE?",
        "SOUR:FREQ:MODE %s",
        """Control what sets the frequency (dimensionless, str: "continuous", "sweep" or "list").""",
        name="SCPI source frequency_mode",
        words={"continuous": "CW", "sweep": "SWE", "list": "LIST"},
        aliases={"FIX": "continuous"},
    )

    def neutralise(self, neutral: Mapping[str, object] = NEUTRAL) -> None:
        """Bring settings to the values at which the output is what is shown; sends only what differs.

        Parameters
        ----------
        neutral
            Attribute to value.
        """
        for name, value in neutral.items():
            if getattr(self, name) != value:
                setattr(self, name, value)
